"""Which class and image is trained on, asked with, or searched in: decided by hashes of stable ids, not by place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from dmlkit.taxonomy.manifest import FineClass


def query_share_of(image_id: str) -> float:
    """A number in [0, 1) that only the id decides. Below the manifest's share, a test image is a query."""
    # Its own prefix: with --limit the kept images are those with the lowest plain hashes, and all would be queries.
    return int.from_bytes(hashlib.sha256(f"query {image_id}".encode()).digest()[:8], "big") / 2**64


def open_set_split(classes: Iterable[FineClass], test_share: float, only_test: Iterable[str]) -> list[FineClass]:
    """The classes with their split: every middle class stands wholly on one side.

    Coarse classes of ``only_test`` (ids) are test. Of each other one, middle classes are taken in the order of a hash
    as long as the test holds at most ``test_share`` of its fine classes. Where it has several middle classes, the test
    gets at least one of them, the smallest, and never all.
    """
    classes = list(classes)
    sizes: dict[str, dict[str, int]] = {}
    for c in classes:
        of = sizes.setdefault(c.coarse_id, {})
        of[c.middle_id] = of.get(c.middle_id, 0) + 1
    only = set(only_test)
    test = {
        m for coarse, of in sizes.items() for m in (of if coarse in only else middle_classes_held_out(of, test_share))
    }
    return [replace(c, split="test" if c.middle_id in test else "train") for c in classes]


def middle_classes_held_out(sizes: Mapping[str, int], share: float) -> set[str]:
    """Of the middle classes of one coarse class, with their numbers of fine classes, those of the test."""
    if len(sizes) < 2:
        return set()
    order = sorted(sizes, key=lambda m: hashlib.sha256(f"test {m}".encode()).hexdigest())
    taken: set[str] = set()
    room = share * sum(sizes.values())
    for middle in order:
        if sizes[middle] <= room and len(taken) < len(sizes) - 1:
            taken.add(middle)
            room -= sizes[middle]
    return taken or {min(order, key=lambda m: sizes[m])}


def assign_query_gallery(rows: pd.DataFrame, split_of: Mapping[str, str], query_share: float) -> None:
    """Add the column ``split`` (train, query, gallery) to the rows that are ``ok``, in place.

    ``split_of`` gives train or test for each fine class. Every test class gets at least one query and one gallery
    image: the one with the lowest and highest number where the share alone gives none. A test class with a single
    image has neither side, and its image becomes ``class-too-small``.
    """
    rows["split"] = None
    good = rows[rows["status"] == "ok"]
    part = good["fine_id"].map(split_of)
    rows.loc[good.index[part == "train"], "split"] = "train"
    for _, group in good[part == "test"].groupby("fine_id", sort=True):
        if len(group) < 2:
            rows.loc[group.index, "status"] = "class-too-small"
            rows.loc[group.index, "detail"] = "the only image of a test class"
            continue
        shares = pd.Series([query_share_of(i) for i in group["image_id"]], index=group.index)
        query = shares < query_share
        query[shares.idxmin()] = True
        query[shares.idxmax()] = False
        rows.loc[group.index, "split"] = query.map({True: "query", False: "gallery"})
