"""What a data set is, as plain data: its tree of classes with counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dmlkit import manifest as manifests
from dmlkit.errors import UsageError
from dmlkit.schema import SCALES, SPLITS


def describe(name: str) -> dict[str, Any]:
    """The facts and the tree of a manifest (by name or folder) or of a data set folder.

    The tree is a list of coarse classes, each with ``middle``, a list of middle classes, each with ``fine``. The
    classes of a data set folder have the number of pictures of each split. Raises `UsageError` for neither.
    """
    folder = Path(name)
    if (folder / "build.json").is_file():
        return describe_folder(folder)
    m = manifests.load(name)
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
    import pyarrow.parquet as pq

    try:
        build = json.loads((folder / "build.json").read_bytes())
        (path,) = folder.glob("hierarchy/train-*.parquet")
        rows = pq.read_table(path).to_pylist()
        facts = {
            "name": build["manifest"]["name"],
            "version": build["manifest"]["version"],
            "title": build["manifest"]["settings"]["title"],
            "sources": [build["source"]["name"]],
            "pictures": build["pictures"],
            "verdicts": build["verdicts"],
        }
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise UsageError(f"{folder} cannot be read: {exc!r}", hint=f"dmlkit validate {folder}") from exc
    rows.sort(key=lambda row: (row["coarse_id"], row["middle_id"], row["fine_id"]))
    return {**facts, **{scale: len({row[f"{scale}_id"] for row in rows}) for scale in SCALES}, "tree": tree(rows)}


def tree(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    coarse: dict[str, dict[str, Any]] = {}
    middle: dict[str, dict[str, Any]] = {}
    for row in rows:
        top = coarse.setdefault(row["coarse_id"], {"id": row["coarse_id"], "name": row["coarse"], "middle": []})
        if row["middle_id"] not in middle:
            part = {"id": row["middle_id"], "name": row["middle"], "split": row["split"], "fine": []}
            middle[row["middle_id"]] = part
            top["middle"].append(part)
        counts = {split: row[split] for split in SPLITS if split in row}
        leaf = {"id": row["fine_id"], "name": row["fine"]} | ({"pictures": counts} if counts else {})
        middle[row["middle_id"]]["fine"].append(leaf)
    return list(coarse.values())


def tree_lines(facts: dict[str, Any], *, fine: bool) -> list[str]:
    """The facts as lines for a terminal."""
    lines = [
        f"{facts['name']} {facts['version']}: {facts['title']}",
        f"{facts['fine']} fine, {facts['middle']} middle, {facts['coarse']} coarse classes; "
        f"sources: {', '.join(facts['sources'])}",
    ]
    for coarse in facts["tree"]:
        total = sum(len(middle["fine"]) for middle in coarse["middle"])
        lines += ["", f"{coarse['name']} ({coarse['id']}): {len(coarse['middle'])} middle, {total} fine"]
        for middle in coarse["middle"]:
            lines.append(f"  {middle['name']} ({middle['id']}): {len(middle['fine'])} fine, {middle['split']}")
            if fine:
                lines += [f"    {leaf['name']} ({leaf['id']}){pictures_text(leaf)}" for leaf in middle["fine"]]
    return lines


def pictures_text(leaf: dict[str, Any]) -> str:
    counts = leaf.get("pictures")
    if counts is None:
        return ""
    given = [f"{count} {split}" for split, count in counts.items() if count]
    return f": {', '.join(given) or 'no pictures'}"
