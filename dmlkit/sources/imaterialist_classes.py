"""The classes of iMaterialist Product 2019: leaves and nodes of its tree, with the names that a person fills in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dmlkit.errors import ManifestError, SourceError
from dmlkit.schema.scales import SCALES
from dmlkit.sources.common.tables import read_filled_table, read_manifest_table
from dmlkit.sources.imaterialist_lists import NAME, fine_id
from dmlkit.taxonomy.manifest import FineClass, Manifest
from dmlkit.text import bullet_list

TABLE_COLUMNS = ("id", "scale", "images", "name")
NODE = re.compile(r"level\d_node(\d+)")


def read_leaves(manifest: Manifest) -> list[dict[str, str]]:
    """Read the manifest's table: leaf, node, split, why it is left out. Raises `ManifestError`."""
    rows = read_manifest_table(manifest, NAME)
    for row in rows:
        is_full = all(isinstance(row.get(name), str) for name in ("leaf", "node", "split", "reason"))
        if not is_full or not row["leaf"].isdecimal() or not re.fullmatch(r"\d+\.\d+\.\d+", row["node"]):
            raise ManifestError(
                f"the table of {NAME} in {manifest.folder} has a row that cannot be read: {row}",
                code="manifest.bad-row",
                path=manifest.folder,
                row=row,
            )
    return rows


def make_class(row: Mapping[str, str], names: Mapping[str, str]) -> FineClass:
    """Make the class of a row of the manifest's table, with generated names if ``names`` has none."""
    node, upper = row["node"], row["node"].rpartition(".")[0]
    fine, middle_id, coarse_id = fine_id(row["leaf"]), node_id(node), node_id(upper)
    return FineClass(
        fine_id=fine,
        fine=names.get(fine, f"product {int(row['leaf']):04d}"),
        middle_id=middle_id,
        middle=names.get(middle_id, f"group {node}"),
        coarse_id=coarse_id,
        coarse=names.get(coarse_id, f"group {upper}"),
        split=row["split"],
        path=f"{coarse_id} > {middle_id} > {fine}",
    )


def node_id(node: str) -> str:
    """Return the id of a node. A bare 1.10 would come back from a spreadsheet as 1.1."""
    return f"node-{node}"


def scales_by_id(classes: Iterable[FineClass]) -> dict[str, str]:
    """Map the id of every class to its scale, coarse classes first."""
    classes = list(classes)
    return {c.id(scale): scale for scale in reversed(SCALES) for c in classes}


def nodes_of_leaves(tree: Mapping[str, Any]) -> dict[str, str]:
    """Map each leaf of a ``product_tree.json`` to its level 3 node. Raises `SourceError` if it has another form."""
    try:
        nodes: dict[str, str] = {}
        for first, second_level in tree.items():
            for second, third_level in second_level.items():
                for third, leaves in third_level.items():
                    node = ".".join(NODE.fullmatch(name)[1] for name in (first, second, third))  # type: ignore[index]
                    for leaf in leaves:
                        if nodes.setdefault(str(int(leaf)), node) != node:
                            raise ValueError(f"the leaf {leaf} is below {nodes[str(int(leaf))]} and {node}")
        return nodes
    except (AttributeError, TypeError, ValueError) as exc:
        raise SourceError(
            f"product_tree.json is not a tree of three levels and leaves: {exc}",
            code="source.bad-tree",
            hint="download it again",
        ) from exc


def read_names(path: Path | None, classes: Iterable[FineClass]) -> dict[str, str]:
    """Read the names that a person filled in: class id -> name.

    Raises `SourceError` for a table that cannot be read, and for ids in it that are no class.
    """
    rows = read_filled_table(path, TABLE_COLUMNS)
    if unknown := sorted(rows.keys() - scales_by_id(classes).keys()):
        raise SourceError(
            f"{path}: ids that are no classes:{bullet_list(map(repr, unknown))}",
            code="source.table-unknown-ids",
            hint="move it away: the next build writes a new one, into which the names can be copied",
            path=path,
            ids=tuple(unknown),
        )
    return {key: row["name"] for key, row in rows.items() if row["name"]}


def check_names(classes: Iterable[FineClass], where: str) -> None:
    """Raise `SourceError` if two classes of a scale have the same name; ``where`` names the table."""
    ids: dict[tuple[str, str], str] = {}
    for c in classes:
        for scale in SCALES:
            other = ids.setdefault((scale, c.name(scale)), c.id(scale))
            if other != c.id(scale):
                raise SourceError(
                    f"{where}: the {scale} classes {other} and {c.id(scale)} are both called {c.name(scale)!r}",
                    code="source.table-name-twice",
                    hint="give each a name of its own",
                    name=c.name(scale),
                    ids=(other, c.id(scale)),
                )
