"""Exact duplicates by content hash, over the whole dataset: kept once, or out where their labels contradict."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

MANY = 3
"""The same bytes at so many URLs are no image of a class, but what servers send in the place of one that is gone."""


def mark_placeholders(rows: pd.DataFrame) -> None:
    """Set the status of images by URL that stand for others, in place. ``rows`` as in `mark`, and ``source_url``."""
    fetched = rows[rows["source_url"].notna() & rows["source_sha256"].notna()]
    urls = fetched.groupby("source_sha256")["source_url"].nunique()
    many = fetched["source_sha256"].map(urls) >= MANY
    good = fetched.index[many & (fetched["status"] == "ok")]
    rows.loc[good, "status"] = "placeholder"
    rows.loc[good, "detail"] = [f"the same bytes at {urls[digest]} URLs" for digest in rows.loc[good, "source_sha256"]]


def mark(rows: pd.DataFrame, hash_column: str, possible: Mapping[str, frozenset[str]]) -> None:
    """Set the statuses of duplicates in place.

    ``rows`` are in the order in which images are preferred, with the columns ``image_id``, ``upstream_label``,
    ``status``, ``detail`` and ``hash_column``. ``possible`` gives the fine classes that an image under a label may
    show. Rows with the same hash whose labels share a possible fine class are one image: the first that is ``ok``
    stays, the other ``ok`` ones become ``duplicate``. Where they share none, no one can tell which label is right:
    all ``ok`` ones become ``conflicting-duplicate``. Rows that are not ``ok`` keep their status but take part, so
    that an image which also stands under an excluded label is found.
    """
    hashed = rows[rows[hash_column].notna()]
    repeated = hashed[hashed.duplicated(hash_column, keep=False)]
    for _, group in repeated.groupby(hash_column, sort=False):
        good = group.index[group["status"] == "ok"]
        if len(good) == 0:
            continue
        labels = sorted(set(group["upstream_label"]))
        if frozenset.intersection(*(possible[label] for label in labels)):
            rows.loc[good[1:], "status"] = "duplicate"
            rows.loc[good[1:], "detail"] = f"the same as {rows.at[good[0], 'image_id']}"
        else:
            rows.loc[good, "status"] = "conflicting-duplicate"
            for index in good:
                others = group["image_id"].drop(index).tolist()
                rows.loc[index, "detail"] = f"the same as {others[0]}; labels: {', '.join(labels)}"
