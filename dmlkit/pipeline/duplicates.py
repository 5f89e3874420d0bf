"""Exact duplicates by content hash, over the whole dataset: kept once, or rejected if their labels contradict."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

# The same bytes at this many URLs are not an image of a class, but what servers send in the place of a deleted one.
PLACEHOLDER_URLS = 3


def mark_placeholders(rows: pd.DataFrame) -> None:
    """Set the status of images by URL that stand for deleted ones, in place.

    ``rows`` are as in `mark_duplicates`, with ``source_url`` and ``source_sha256``.
    """
    fetched = rows[rows["source_url"].notna() & rows["source_sha256"].notna()]
    num_urls = fetched.groupby("source_sha256")["source_url"].nunique()
    is_placeholder = fetched["source_sha256"].map(num_urls) >= PLACEHOLDER_URLS
    good = fetched.index[is_placeholder & (fetched["status"] == "ok")]
    digests = rows.loc[good, "source_sha256"]
    rows.loc[good, "status"] = "placeholder"
    rows.loc[good, "detail"] = [f"the same bytes at {num_urls[digest]} URLs" for digest in digests]


def mark_duplicates(rows: pd.DataFrame, hash_column: str, possible: Mapping[str, frozenset[str]]) -> None:
    """Set the statuses of duplicates, and which image each is a duplicate of, in place.

    ``rows`` are in the order in which images are preferred, with the columns ``image_id``, ``upstream_label``,
    ``status``, ``detail``, ``duplicate_of`` and ``hash_column``. ``possible`` gives the fine classes that an image
    under a label may show. Rows with the same hash whose labels share a possible fine class are one image: the first
    that is ``ok`` stays, the other ``ok`` ones become ``duplicate``. If they share none, no one can tell which label is
    right: all ``ok`` ones become ``conflicting-duplicate``, each of the first other row. Rows that are not ``ok`` keep
    their status but take part, so that an image which is also under an excluded label is found.
    """
    hashed = rows[rows[hash_column].notna()]
    repeated = hashed[hashed.duplicated(hash_column, keep=False)]
    for _, group in repeated.groupby(hash_column, sort=False):
        good = group.index[group["status"] == "ok"]
        if len(good) == 0:
            continue
        labels = sorted(set(group["upstream_label"]))
        if frozenset.intersection(*(possible[label] for label in labels)):
            kept = rows.at[good[0], "image_id"]
            rows.loc[good[1:], ["status", "detail", "duplicate_of"]] = ["duplicate", f"the same as {kept}", kept]
            continue
        for index in good:
            other = group["image_id"].drop(index).iloc[0]
            detail = f"the same as {other}; labels: {', '.join(labels)}"
            rows.loc[index, ["status", "detail", "duplicate_of"]] = ["conflicting-duplicate", detail, other]
