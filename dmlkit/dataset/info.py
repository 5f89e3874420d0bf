"""What a dataset is, as plain data: its tree of classes with counts."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from dmlkit.errors import UsageError
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.taxonomy.manifest import load_manifest
from dmlkit.text import printable

PARTS = ("build.json", "SHA256SUMS", "data", "hierarchy")
"""By one of these a dataset folder is known, also one that lacks the others."""

UNKNOWN = "unknown"


def describe(name: str) -> dict[str, Any]:
    """The facts and the tree of a manifest (by name or folder) or of a dataset folder.

    The tree is a list of coarse classes, each with ``middle``, a list of middle classes, each with ``fine``. In a data
    set folder each class has ``images``: their number in each split. Raises `UsageError` for neither.
    """
    folder = Path(name)
    if not (folder / "manifest.toml").is_file() and any((folder / part).exists() for part in PARTS):
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
        "tree": tree(rows),
    }


def describe_folder(folder: Path) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        build = json.loads((folder / "build.json").read_bytes())
        (path,) = folder.glob("hierarchy/train-*.parquet")
        rows = pq.read_table(path).to_pylist()
        for row in rows:  # an official release does not tell all parents
            row |= {key: row[key] or UNKNOWN for scale in SCALES for key in (scale, f"{scale}_id")}
        rows.sort(key=lambda row: (row["coarse_id"], row["middle_id"], row["fine_id"]))
        return {
            "name": build["manifest"]["name"],
            "version": build["manifest"]["version"],
            "title": build["manifest"]["settings"]["title"],
            "sources": [build["source"]["name"]],
            "images": {split: sum(row[split] for row in rows) for split in SPLITS},
            "statuses": dict(build["statuses"]),
            **{scale: len({row[f"{scale}_id"] for row in rows} - {UNKNOWN}) for scale in SCALES},
            "tree": tree(rows),
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException) as exc:
        raise UsageError(f"{folder} cannot be read: {exc!r}", hint=f"dmlkit validate {folder}") from exc


def tree(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The classes as nested lists. ``rows`` are one a fine class, those of one coarse or middle class together."""
    found = []
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
                    **images(leaves),
                    "fine": [{"id": row["fine_id"], "name": row["fine"], **images([row])} for row in leaves],
                }
            )
        found.append({"id": coarse_id, "name": below[0]["coarse"], **images(below), "middle": middles})
    return found


def images(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The number of images of each split, where the rows are those of a dataset folder."""
    if SPLITS[0] not in rows[0]:
        return {}
    return {"images": {split: sum(row[split] for row in rows) for split in SPLITS}}


def tree_lines(facts: dict[str, Any], *, fine: bool) -> list[str]:
    """The facts as lines for a terminal: names may come from a stranger's folder."""
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
    """The number of images of each split that has any, or nothing for a manifest."""
    if "images" not in facts:
        return ""
    given = [f"{count:,} {split}" for split, count in facts["images"].items() if count]
    return before + (", ".join(given) or "no images")
