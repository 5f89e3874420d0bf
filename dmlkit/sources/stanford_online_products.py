"""Stanford Online Products: fine is a product, middle one of 12 super classes, coarse their group in the manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dmlkit import terms
from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources import Classes, Request
from dmlkit.sources.base import Candidate, Unit
from dmlkit.sources.common import listed, synsets, tables
from dmlkit.sources.common.listed import Row, Tree
from dmlkit.taxonomy import splits
from dmlkit.taxonomy.manifest import FineClass, Manifest
from dmlkit.text import bullet_list

NAME = "stanford-online-products"
LISTS = {"Ebay_train.txt": (59_551, 11_318), "Ebay_test.txt": (60_502, 11_316)}
"""The lists with their published numbers of images and products."""
COLUMNS = ("image_id", "class_id", "super_class_id", "path")
ROW = re.compile(r"[0-9]+\s+(?P<product>[0-9]{1,9})\s+[0-9]+\s+(?P<path>(?P<group>\w+)_final/[^\s/\\]+)")
IMAGE = re.compile(r"(?i)\w+_final/[^/]+\.jpe?g")


@dataclass(frozen=True)
class Listed:
    """One row of a list. ``group`` is the super class."""

    product: int
    group: str
    path: str


def tree_of(request: Request) -> Tree:
    """The files at ``--from``. Raises `SourceError` where they are none of SOP."""
    path = synsets.given_path(request, NAME, terms.load(NAME).how_to_get)
    tree = listed.tree_at(path, LISTS)
    if tree is None:
        raise synsets.no_units(path, NAME)
    return tree


def read_lists(tree: Tree) -> dict[str, list[Listed]]:
    """The rows of each list that is there. Raises `SourceError` with the bad lines."""
    found: dict[str, list[Listed]] = {}
    faults = []
    for name in LISTS:
        if name not in tree.files:
            continue
        found[name] = []
        for number, line in enumerate(tree.lines(name), start=1):
            if row := ROW.fullmatch(line.strip()):
                found[name].append(Listed(int(row["product"]), row["group"], row["path"]))
            elif number > 1 or tuple(line.split()) != COLUMNS:
                faults.append(f"{name}, line {number}: {line[:80]!r}")
    if faults:
        raise SourceError(
            f"{tree.path}: lines that are not {', '.join(COLUMNS)}:{bullet_list(faults)}",
            hint="is it the original file?",
        )
    if not any(found.values()):
        raise SourceError(f"{tree.path}: no rows in {', '.join(found)}", hint="is it the original file?")
    return found


def classes(request: Request) -> Classes:
    """A class for each product. Raises `SourceError` for a super class that the manifest does not know."""
    tree = tree_of(request)
    rules = rules_of(request.manifest)
    groups = rules["groups"]
    lists = read_lists(tree)
    rows = [row for its in lists.values() for row in its]
    if unknown := sorted({row.group for row in rows} - groups.keys()):
        raise SourceError(
            f"{tree.path}: super classes that the manifest does not know:{bullet_list(map(repr, unknown))}",
            hint=f"add them to [{NAME}.groups] of a copy of the manifest; known are: {', '.join(groups)}",
        )
    group_of = {row.product: row.group for row in rows}
    if again := [row for row in rows if row.group != group_of[row.product]]:
        product, group = again[0].product, again[0].group
        raise SourceError(
            f"{tree.path}: the product {product} stands in two super classes, {group} and {group_of[product]}",
            hint="are the lists of one release?",
        )
    notes = []
    for name, (images, products) in LISTS.items():
        if name in lists:
            notes += listed.counted(f"images of {name}", len(lists[name]), images)
            notes += listed.counted(f"products of {name}", len({row.product for row in lists[name]}), products)
        else:
            notes.append(f"{name} is not there; its products are not in the dataset")
    found = [class_of(product, group, groups[group], rules["coarse"]) for product, group in sorted(group_of.items())]
    return Classes(
        tuple(splits.open_set_split(found, rules["test_share"], rules.get("only_test", ()))), notes=tuple(notes)
    )


def rules_of(manifest: Manifest) -> Mapping[str, Any]:
    """The manifest's rules for this source. Raises `ManifestError` where they lack a part."""
    rules = tables.rules_of(manifest, NAME)
    if missing := [key for key in ("test_share", "groups", "coarse") if key not in rules]:
        raise ManifestError(f"the manifest {manifest.name} lacks {missing[0]} in [{NAME}]")
    if unknown := sorted(set(rules["groups"].values()) - rules["coarse"].keys()):
        raise ManifestError(f"the manifest {manifest.name} has no coarse class {unknown[0]!r} in [{NAME}.coarse]")
    return rules


def class_of(product: int, group: str, coarse: str, names: Mapping[str, str]) -> FineClass:
    """The class of a product; ``coarse`` is the id of its coarse class."""
    middle = group.replace("_", " ")
    fine_id, fine = label_of(product), f"{middle} {product:05d}"
    path = f"{coarse}:{names[coarse]} > sop-{group}:{middle} > {fine_id}:{fine}"
    return FineClass(fine_id, fine, f"sop-{group}", middle, coarse, names[coarse], "", path)


def label_of(product: int) -> str:
    return f"sop-{product:05d}"


def plan(request: Request) -> list[Unit]:
    """Pieces of the lists, rows without an image included, and of the images without a row."""
    tree = tree_of(request)
    there = {name for name in tree.files if IMAGE.fullmatch(name)}
    spelled = {name.lower(): name for name in sorted(there)}  # copies with .jpg for .JPG are around
    found = []
    for row in (row for its in read_lists(tree).values() for row in its):
        name = row.path if row.path in there else spelled.get(row.path.lower(), row.path)
        found.append(Row(name, label_of(row.product), own_id(name)))
    found += [Row(name, "", own_id(name)) for name in there - {row.name for row in found}]
    return listed.units_of(tree, found)


def own_id(name: str) -> str:
    return listed.plain_id(name.rsplit("/", 1)[-1].partition(".")[0])


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one unit."""
    return listed.read(unit)
