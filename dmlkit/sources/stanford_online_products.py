"""Stanford Online Products: fine is a product, middle one of 12 super classes, coarse their group in the manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources.base import PlanRequest, SourceClasses
from dmlkit.sources.common.listed import ListedSource, Row, Tree, compare_counts, file_stem, plain_id
from dmlkit.sources.common.tables import manifest_section
from dmlkit.taxonomy import splits
from dmlkit.taxonomy.manifest import FineClass, Manifest
from dmlkit.text import bullet_list

NAME = "stanford-online-products"

# The lists, with their published numbers of images and products.
LISTS = {"Ebay_train.txt": (59_551, 11_318), "Ebay_test.txt": (60_502, 11_316)}
COLUMNS = ("image_id", "class_id", "super_class_id", "path")
ROW = re.compile(r"[0-9]+\s+(?P<product>[0-9]{1,9})\s+[0-9]+\s+(?P<path>(?P<group>\w+)_final/[^\s/\\]+)")
IMAGE = re.compile(r"(?i)\w+_final/[^/]+\.jpe?g")


@dataclass(frozen=True)
class ProductRow:
    """One row of a list. ``group`` is the super class."""

    product: int
    group: str
    path: str


class StanfordOnlineProducts(ListedSource):
    """Pieces of the lists."""

    name = NAME

    def classes(self, request: PlanRequest) -> SourceClasses:
        """Make a class for each product. Raises `SourceError` for a super class that the manifest does not know."""
        tree = self.open_tree(request.path)
        rules = read_rules(request.manifest)
        lists = read_lists(tree)
        groups = assign_groups(tree, [row for rows in lists.values() for row in rows], rules["groups"])
        notes = []
        for name, (images, products) in LISTS.items():
            if name in lists:
                notes += compare_counts(f"images of {name}", len(lists[name]), images)
                notes += compare_counts(f"products of {name}", len({row.product for row in lists[name]}), products)
            else:
                notes.append(f"{name} is not there; its products are not in the dataset")
        classes = [
            make_class(product, group, rules["groups"][group], rules["coarse"])
            for product, group in sorted(groups.items())
        ]
        split = splits.open_set_split(classes, rules["test_share"], rules.get("only_test", ()))
        return SourceClasses(tuple(split), notes=tuple(notes))

    def rows(self, tree: Tree) -> Iterator[Row]:
        """List every row of the lists, and every image that is in none."""
        images = {name for name in tree.files if IMAGE.fullmatch(name)}
        spelled = {name.lower(): name for name in sorted(images)}  # copies with .jpg for .JPG are around
        listed = set()
        for rows in read_lists(tree).values():
            for row in rows:
                name = row.path if row.path in images else spelled.get(row.path.lower(), row.path)
                listed.add(name)
                yield Row(name, label_of(row.product), plain_id(file_stem(name)))
        for name in images - listed:
            yield Row(name, "", plain_id(file_stem(name)))


def read_lists(tree: Tree) -> dict[str, list[ProductRow]]:
    """Read each list that is there. Raises `SourceError` with the bad lines."""
    lists: dict[str, list[ProductRow]] = {}
    faults = []
    for name in LISTS:
        if name not in tree.files:
            continue
        lists[name] = []
        for number, line in enumerate(tree.lines(name), start=1):
            if row := ROW.fullmatch(line.strip()):
                lists[name].append(ProductRow(int(row["product"]), row["group"], row["path"]))
            elif number > 1 or tuple(line.split()) != COLUMNS:
                faults.append((name, number, line[:80]))
    if faults:
        raise SourceError(
            f"{tree.path}: lines that are not {', '.join(COLUMNS)}:"
            f"{bullet_list(f'{name}, line {number}: {line!r}' for name, number, line in faults)}",
            code="source.bad-lines",
            hint="is it the original file?",
            path=tree.path,
            name=faults[0][0],
            lines=tuple(number for _, number, _ in faults),
        )
    if not any(lists.values()):
        raise SourceError(
            f"{tree.path}: no rows in {', '.join(lists)}",
            code="source.empty-list",
            hint="is it the original file?",
            path=tree.path,
        )
    return lists


def assign_groups(tree: Tree, rows: list[ProductRow], known: Mapping[str, str]) -> dict[int, str]:
    """Map each product to its super class. Raises `SourceError` for an unknown one, and for a product in two."""
    if unknown := sorted({row.group for row in rows} - known.keys()):
        raise SourceError(
            f"{tree.path}: super classes that the manifest does not know:{bullet_list(map(repr, unknown))}",
            code="source.unknown-groups",
            hint=f"add them to [{NAME}.groups] of a copy of the manifest; known are: {', '.join(known)}",
            path=tree.path,
            groups=tuple(unknown),
        )
    groups: dict[int, str] = {}
    for row in rows:
        if groups.setdefault(row.product, row.group) != row.group:
            raise SourceError(
                f"{tree.path}: the product {row.product} is in two super classes, {groups[row.product]} and "
                f"{row.group}",
                code="source.product-in-two-groups",
                hint="are the lists of one release?",
                path=tree.path,
                product=row.product,
                groups=(groups[row.product], row.group),
            )
    return groups


def read_rules(manifest: Manifest) -> Mapping[str, Any]:
    """Return the manifest's rules for this source. Raises `ManifestError` if they lack a part."""
    rules = manifest_section(manifest, NAME)
    if missing := [key for key in ("test_share", "groups", "coarse") if key not in rules]:
        raise ManifestError(
            f"the manifest {manifest.name} lacks {missing[0]} in [{NAME}]",
            code="manifest.missing-rule",
            manifest=manifest.name,
            rule=missing[0],
        )
    if unknown := sorted(set(rules["groups"].values()) - rules["coarse"].keys()):
        raise ManifestError(
            f"the manifest {manifest.name} has no coarse class {unknown[0]!r} in [{NAME}.coarse]",
            code="manifest.unknown-coarse",
            manifest=manifest.name,
            coarse=unknown[0],
        )
    return rules


def make_class(product: int, group: str, coarse_id: str, coarse_names: Mapping[str, str]) -> FineClass:
    """Make the class of a product."""
    middle, coarse = group.replace("_", " "), coarse_names[coarse_id]
    fine_id, fine = label_of(product), f"{middle} {product:05d}"
    path = f"{coarse_id}:{coarse} > sop-{group}:{middle} > {fine_id}:{fine}"
    return FineClass(fine_id, fine, f"sop-{group}", middle, coarse_id, coarse, "", path)


def label_of(product: int) -> str:
    """Return the label of a product by its number."""
    return f"sop-{product:05d}"
