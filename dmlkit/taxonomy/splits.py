"""Which class and image is for training, query or gallery: decided by hashes of stable ids, not by position."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from dmlkit.taxonomy.manifest import FineClass


def query_position(image_id: str) -> float:
    """Return a number in [0, 1) that only the id decides. Below the manifest's query share, a test image is a query."""
    # Its own prefix: with --limit the kept images are those with the lowest plain hashes, and all would be queries.
    return int.from_bytes(hashlib.sha256(f"query {image_id}".encode()).digest()[:8], "big") / 2**64


def open_set_split(classes: Iterable[FineClass], test_share: float, only_test: Iterable[str]) -> list[FineClass]:
    """Set the split of every class so that each middle class is wholly on one side.

    Coarse classes of ``only_test`` (ids) are test. Of each other one, middle classes are taken in the order of a hash
    as long as the test has at most ``test_share`` of its fine classes. If it has several middle classes, the test
    gets at least one of them, the smallest, and never all.
    """
    classes = list(classes)
    counts: dict[str, Counter[str]] = {}
    for c in classes:
        counts.setdefault(c.coarse_id, Counter())[c.middle_id] += 1
    only_test_ids = set(only_test)
    test: set[str] = set()
    for coarse_id, fine_counts in counts.items():
        test |= fine_counts.keys() if coarse_id in only_test_ids else middle_classes_held_out(fine_counts, test_share)
    return [replace(c, split="test" if c.middle_id in test else "train") for c in classes]


def middle_classes_held_out(fine_counts: Mapping[str, int], share: float) -> set[str]:
    """Choose the test's middle classes of one coarse class. ``fine_counts``: middle class → number of fine classes."""
    if len(fine_counts) < 2:
        return set()
    order = sorted(fine_counts, key=lambda m: hashlib.sha256(f"test {m}".encode()).hexdigest())
    taken: set[str] = set()
    room = share * sum(fine_counts.values())
    for middle in order:
        if fine_counts[middle] <= room and len(taken) < len(fine_counts) - 1:
            taken.add(middle)
            room -= fine_counts[middle]
    return taken or {min(order, key=lambda m: fine_counts[m])}


def assign_query_gallery(rows: pd.DataFrame, split_of: Mapping[str, str], query_share: float) -> None:
    """Add the column ``split`` (train, query, gallery) to the rows that are ``ok``, in place.

    ``split_of`` gives train or test for each fine class. Every test class gets at least one query and one gallery
    image: the one with the lowest and highest number if the share alone gives none. A test class with a single
    image has neither side, and its image becomes ``class-too-small``.
    """
    rows["split"] = None
    good = rows[rows["status"] == "ok"]
    side = good["fine_id"].map(split_of)
    rows.loc[good.index[side == "train"], "split"] = "train"
    for _, group in good[side == "test"].groupby("fine_id", sort=True):
        if len(group) < 2:
            rows.loc[group.index, "status"] = "class-too-small"
            rows.loc[group.index, "detail"] = "the only image of a test class"
            continue
        positions = pd.Series([query_position(i) for i in group["image_id"]], index=group.index)
        is_query = positions < query_share
        is_query[positions.idxmin()] = True
        is_query[positions.idxmax()] = False
        rows.loc[group.index, "split"] = is_query.map({True: "query", False: "gallery"})
