"""What a dataset is, as plain data: its tree of classes with counts."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from dmlkit.dataset.folder import DatasetFolder, is_dataset_folder
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.taxonomy.manifest import load_manifest
from dmlkit.text import printable

# Stands for the name and the id of a class that an official release does not name.
UNKNOWN = "unknown"


def describe(name: str) -> dict[str, Any]:
    """Describe a manifest (by name or folder) or a dataset folder: its facts, and its classes as ``tree``.

    The tree is a list of coarse classes, each with ``middle``, a list of middle classes, each with ``fine``. In a
    dataset folder each class has ``images``: their number in each split. Raises `UsageError` for neither.
    """
    folder = Path(name)
    if not (folder / "manifest.toml").is_file() and is_dataset_folder(folder):
        return describe_folder(folder)
    m = load_manifest(name)
    rows = [vars(c) for c in sorted(m.classes, key=lambda c: (c.coarse_id, c.middle_id, c.fine_id))]
    return {
        "name": m.name,
        "version": m.version,
        "title": m.settings["title"],
        "sources": m.accepted_sources(),
        "excluded": len(m.excluded),
        **{scale: len(m.ids(scale)) for scale in SCALES},
        "tree": nest_classes(rows),
    }


def describe_folder(folder: Path) -> dict[str, Any]:
    """Describe a dataset folder, as `describe` does. Raises `UnreadableDatasetError`."""
    dataset = DatasetFolder.open(folder)
    # An official release does not name all parents.
    parents = [key for scale in SCALES for key in (scale, f"{scale}_id")]
    rows = [row | {key: row[key] or UNKNOWN for key in parents} for row in dataset.classes]
    rows.sort(key=lambda row: (row["coarse_id"], row["middle_id"], row["fine_id"]))
    return {
        "name": dataset.name,
        "version": dataset.version,
        "title": dataset.title,
        "sources": [dataset.source],
        "images": {split: sum(row[split] for row in rows) for split in SPLITS},
        "statuses": dict(dataset.facts.statuses),
        **{scale: len({row[f"{scale}_id"] for row in rows} - {UNKNOWN}) for scale in SCALES},
        "tree": nest_classes(rows),
    }


def nest_classes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Nest classes by their parents. ``rows``: one a fine class, those of one coarse or middle class together."""
    nested = []
    for coarse_id, of_coarse in groupby(rows, key=lambda row: row["coarse_id"]):
        below = list(of_coarse)
        middles = []
        for middle_id, of_middle in groupby(below, key=lambda row: row["middle_id"]):
            leaves = list(of_middle)
            middles.append(
                {
                    "id": middle_id,
                    "name": leaves[0]["middle"],
                    "split": leaves[0]["split"],
                    **count_images(leaves),
                    "fine": [{"id": row["fine_id"], "name": row["fine"], **count_images([row])} for row in leaves],
                }
            )
        nested.append({"id": coarse_id, "name": below[0]["coarse"], **count_images(below), "middle": middles})
    return nested


def count_images(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Count the images of each split, if the rows are those of a dataset folder."""
    if SPLITS[0] not in rows[0]:
        return {}
    return {"images": {split: sum(row[split] for row in rows) for split in SPLITS}}


def tree_lines(facts: dict[str, Any], *, fine: bool) -> list[str]:
    """Write the facts as lines for a terminal: names may come from a stranger's folder."""
    lines = [
        f"{facts['name']} {facts['version']}: {facts['title']}",
        f"{facts['fine']} fine, {facts['middle']} middle, {facts['coarse']} coarse classes; "
        f"sources: {', '.join(facts['sources'])}{images_text(facts, '; images: ')}",
    ]
    for coarse in facts["tree"]:
        total = sum(len(middle["fine"]) for middle in coarse["middle"])
        counts = f"{len(coarse['middle'])} middle, {total} fine"
        lines += ["", f"{coarse['name']} ({coarse['id']}): {counts}{images_text(coarse, '; ')}"]
        for middle in coarse["middle"]:
            counts = f"{len(middle['fine'])} fine, {middle['split']}"
            lines.append(f"  {middle['name']} ({middle['id']}): {counts}{images_text(middle, '; ')}")
            if fine:
                lines += [f"    {leaf['name']} ({leaf['id']}){images_text(leaf, ': ')}" for leaf in middle["fine"]]
    return [printable(line) for line in lines]


def images_text(facts: dict[str, Any], before: str) -> str:
    """Write the number of images of each split that has any, or nothing for a manifest."""
    if "images" not in facts:
        return ""
    counts = [f"{count:,} {split}" for split, count in facts["images"].items() if count]
    return before + (", ".join(counts) or "no images")
