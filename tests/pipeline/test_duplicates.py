"""Exact duplicates: what is kept, what is rejected, and which image each is a duplicate of."""

import pandas as pd

from dmlkit.pipeline.duplicates import mark_duplicates, mark_placeholders

POSSIBLE = {"cat": frozenset(["cat"]), "dog": frozenset(["dog"]), "pet": frozenset(["cat", "dog"]), "": frozenset()}


def mark(*rows):
    """Mark rows of (id, label, status, hash). Returns id → (status, duplicate_of)."""
    columns = ["image_id", "upstream_label", "status", "sha256"]
    table = pd.DataFrame(rows, columns=columns).assign(detail="", duplicate_of="")
    mark_duplicates(table, "sha256", POSSIBLE)
    return {row.image_id: (row.status, row.duplicate_of) for row in table.itertuples()}


def test_first_of_equal_images_stays():
    assert mark(("2", "cat", "ok", "x"), ("1", "cat", "ok", "x"), ("3", "cat", "ok", "x")) == {
        "2": ("ok", ""), "1": ("duplicate", "2"), "3": ("duplicate", "2"),
    }  # fmt: skip


def test_other_images_are_left_alone():
    rows = [("1", "cat", "ok", "x"), ("2", "cat", "ok", "y"), ("3", "dog", "ok", None), ("4", "cat", "ok", None)]
    assert mark(*rows) == dict.fromkeys("1234", ("ok", ""))


def test_contradicting_labels_reject_every_image():
    assert mark(("1", "cat", "ok", "x"), ("2", "dog", "ok", "x"), ("3", "dog", "ok", "x")) == {
        "1": ("conflicting-duplicate", "2"),
        "2": ("conflicting-duplicate", "1"),
        "3": ("conflicting-duplicate", "1"),
    }


def test_label_above_does_not_contradict():
    assert mark(("1", "pet", "above", "x"), ("2", "dog", "ok", "x")) == {"1": ("above", ""), "2": ("ok", "")}


def test_excluded_label_contradicts():
    assert mark(("1", "", "excluded", "x"), ("2", "dog", "ok", "x")) == {
        "1": ("excluded", ""), "2": ("conflicting-duplicate", "1"),
    }  # fmt: skip


def test_same_bytes_at_three_urls_are_placeholders():
    rows = [("1", "ok", "x", "u1"), ("2", "ok", "x", "u2"), ("3", "missing", "x", "u3"), ("4", "ok", "y", "u4")]
    table = pd.DataFrame(rows, columns=["image_id", "status", "source_sha256", "source_url"]).assign(detail="")
    mark_placeholders(table)
    assert table["status"].tolist() == ["placeholder", "placeholder", "missing", "ok"]
