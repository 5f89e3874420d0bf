"""Starting a manifest of one's own, and comparing two."""

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


def new(folder: Path) -> list[Path]:
    """Write a small sound manifest to start from. Returns its files. Raises `UsageError` where something stands."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder; left as it is", hint="choose another folder")
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in folder.resolve().name.lower()).strip("-")
    texts = {
        "manifest.toml": TEMPLATE.format(name=name or "my-dataset"),
        "classes.tsv": tsv(FineClass, EXAMPLES),
        "excluded.tsv": tsv(Exclusion, []),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, text in texts.items():
        (folder / file_name).write_text(text, encoding="utf-8")
    return [folder / file_name for file_name in texts]


def tsv(row_class: type, rows: list[Any]) -> str:
    columns = [f.name for f in fields(row_class)]
    lines = ["\t".join(columns)] + ["\t".join(getattr(row, c) for c in columns) for row in rows]
    return "\n".join(lines) + "\n"


def diff(old: Manifest, new: Manifest) -> list[str]:
    """What changed between two manifests, one sentence a class or label."""
    changes = []
    before, after = {c.fine_id: c for c in old.classes}, {c.fine_id: c for c in new.classes}
    for fine_id in sorted(before.keys() | after.keys()):
        was, now = before.get(fine_id), after.get(fine_id)
        if was is None and now is not None:
            changes.append(f"+ {fine_id} {now.fine} ({now.middle}, {now.split})")
        elif now is None and was is not None:
            changes.append(f"- {fine_id} {was.fine} ({was.middle}, {was.split})")
        elif was is not None and now is not None and was != now:
            parts = [f.name for f in fields(FineClass) if getattr(was, f.name) != getattr(now, f.name)]
            told = "; ".join(f"{p}: {getattr(was, p)} -> {getattr(now, p)}" for p in parts)
            changes.append(f"~ {fine_id} {now.fine}: {told}")
    reasons_before = {e.label: e.reason for e in old.excluded}
    reasons_after = {e.label: e.reason for e in new.excluded}
    for label in sorted(reasons_before.keys() | reasons_after.keys()):
        was_reason, now_reason = reasons_before.get(label), reasons_after.get(label)
        if was_reason != now_reason:
            changes.append(f"~ excluded {label}: {was_reason or 'not'} -> {now_reason or 'not any more'}")
    return changes
