"""Which picture is trained on, asked with, or searched in: decided by hash of stable ids, never by position."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pandas as pd


def query_share_of(image_id: str) -> float:
    """A number in [0, 1) that only the id decides. Below the manifest's share, a test picture is a query."""
    # Its own prefix: with --limit the kept pictures are those with the lowest plain hashes, and all would be queries.
    return int.from_bytes(hashlib.sha256(f"query {image_id}".encode()).digest()[:8], "big") / 2**64


def assign(rows: pd.DataFrame, split_of: Mapping[str, str], query_share: float) -> None:
    """Add the column ``split`` (train, query, gallery) to the rows that are ``ok``, in place.

    ``split_of`` gives train or test for each fine class. Every test class gets at least one query and one gallery
    picture: the one with the lowest and highest number where the share alone gives none. A test class with a single
    picture has neither side, and its picture becomes ``class-too-small``.
    """
    rows["split"] = None
    good = rows[rows["verdict"] == "ok"]
    part = good["fine_id"].map(split_of)
    rows.loc[good.index[part == "train"], "split"] = "train"
    for _, group in good[part == "test"].groupby("fine_id", sort=True):
        if len(group) < 2:
            rows.loc[group.index, "verdict"] = "class-too-small"
            rows.loc[group.index, "detail"] = "the only picture of a test class"
            continue
        shares = pd.Series([query_share_of(i) for i in group["image_id"]], index=group.index)
        query = shares < query_share
        query[shares.idxmin()] = True
        query[shares.idxmax()] = False
        rows.loc[group.index, "split"] = query.map({True: "query", False: "gallery"})
