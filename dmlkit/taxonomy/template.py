"""Start a manifest of your own, and compare two."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from dmlkit.errors import UsageError
from dmlkit.taxonomy.manifest import Exclusion, FineClass, Manifest

TEMPLATE = """name = "{name}"
version = "0.1.0"
title = "{name}"
description = "What the images show, and what the three scales are."

[sources]
# Which sources give images for these classes; the first command without --source takes the default.
accepted = ["imagenet-21k", "imagenet-1k"]
default = "imagenet-21k"

[hierarchy]
# With a lexicon, labels below a fine class map to it. Without, every label stands in classes.tsv or excluded.tsv.
lexicon = "wordnet-3.0"

[split]
# The share of a test class's images that are queries.
query_share = 0.2

[coverage]
# The share of the classes that a build must reach to end with exit code 0.
fine = 0.98
middle = 1.0
coarse = 1.0
"""

EXAMPLES = [
    FineClass("n02123045", "tabby", "n02121808", "domestic cat", "n01861778", "mammal", "train", ""),
    FineClass("n02123394", "Persian cat", "n02121808", "domestic cat", "n01861778", "mammal", "train", ""),
    FineClass("n02110341", "dalmatian", "n02084071", "dog", "n01861778", "mammal", "test", ""),
    FineClass("n02110806", "basenji", "n02084071", "dog", "n01861778", "mammal", "test", ""),
]


def create_manifest(folder: Path) -> list[Path]:
    """Write a small sound manifest to start from. Returns its files. Raises `UsageError` if ``folder`` is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} exists and is not an empty folder; left as it is",
            code="manifest.not-empty",
            hint="choose another folder",
            path=folder,
        )
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in folder.resolve().name.lower()).strip("-")
    texts = {
        "manifest.toml": TEMPLATE.format(name=name or "my-dataset"),
        "classes.tsv": to_tsv(FineClass, EXAMPLES),
        "excluded.tsv": to_tsv(Exclusion, []),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, text in texts.items():
        (folder / file_name).write_text(text, encoding="utf-8")
    return [folder / file_name for file_name in texts]


def to_tsv(row_class: type, rows: list[Any]) -> str:
    """Write rows as TSV, with a header of the fields of ``row_class``."""
    columns = [f.name for f in fields(row_class)]
    lines = ["\t".join(columns)] + ["\t".join(getattr(row, c) for c in columns) for row in rows]
    return "\n".join(lines) + "\n"


def diff_manifests(old: Manifest, new: Manifest) -> list[str]:
    """List what changed between two manifests, one sentence per class or label."""
    return [*diff_classes(old, new), *diff_exclusions(old, new)]


def diff_classes(old: Manifest, new: Manifest) -> list[str]:
    """List the fine classes that were added, removed or changed."""
    changes = []
    before, after = {c.fine_id: c for c in old.classes}, {c.fine_id: c for c in new.classes}
    for fine_id in sorted(before.keys() | after.keys()):
        was, now = before.get(fine_id), after.get(fine_id)
        if was is None and now is not None:
            changes.append(f"+ {fine_id} {now.fine} ({now.middle}, {now.split})")
        elif now is None and was is not None:
            changes.append(f"- {fine_id} {was.fine} ({was.middle}, {was.split})")
        elif was is not None and now is not None and was != now:
            names = [f.name for f in fields(FineClass) if getattr(was, f.name) != getattr(now, f.name)]
            values = "; ".join(f"{name}: {getattr(was, name)} -> {getattr(now, name)}" for name in names)
            changes.append(f"~ {fine_id} {now.fine}: {values}")
    return changes


def diff_exclusions(old: Manifest, new: Manifest) -> list[str]:
    """List the labels whose exclusion differs."""
    before, after = ({e.label: e.reason for e in manifest.excluded} for manifest in (old, new))
    return [
        f"~ excluded {label}: {before.get(label) or 'not'} -> {after.get(label) or 'not any more'}"
        for label in sorted(before.keys() | after.keys())
        if before.get(label) != after.get(label)
    ]
