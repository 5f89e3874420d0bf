"""iMaterialist Product 2019: fine is a leaf of its tree, middle its node of level 3, coarse its node of level 2.

Names of nodes repeat under different parents, so a node is known by its numbers from the top: ``4.5.12``. Names of what
they show were never published; a person can fill them in. Which leaves are left out, and the split, is in the
manifest's table.

A unit is the rows of one leaf, so that little of the lists is in memory, and a limit asks for no more images than it
needs.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from dmlkit.errors import SourceError
from dmlkit.schema.scales import SCALES
from dmlkit.sources.base import (
    BlankTable,
    Candidate,
    Link,
    LinkedImages,
    LinkSource,
    ListedFiles,
    Listing,
    PlanRequest,
    SourceClasses,
    Unit,
)
from dmlkit.sources.common.links import fetch_links, plan_links
from dmlkit.sources.common.listed import Row, Tree, compare_counts, plan_rows, read_listed, scan_files
from dmlkit.sources.common.paths import require_path, unreadable_path
from dmlkit.sources.common.synsets import plan_rejected, read_unit
from dmlkit.sources.imaterialist_classes import (
    TABLE_COLUMNS,
    check_names,
    make_class,
    nodes_of_leaves,
    read_leaves,
    read_names,
    scales_by_id,
)
from dmlkit.sources.imaterialist_lists import (
    NAME,
    SUFFIXES,
    ProductLists,
    cut_suffixes,
    fine_id,
    own_id,
    read_lists,
)
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.taxonomy.manifest import Exclusion
from dmlkit.text import bullet_list

TREE = "product_tree.json"

# The lists as they are spelled, and their published numbers of images.
LISTS = {"train": ("train.json", "train2019.json"), "val": ("val.json", "val2019.json")}
NUM_IMAGES = {"train": 1_011_532, "val": 10_095}
TEST = ("test.json", "test2019.json")

# Images that one worker fetches: a little more than the largest leaf has.
IMAGES_PER_UNIT = 1200


class IMaterialist2019(LinkSource):
    """The images of each leaf. If files are called by ids of the lists, all are read from files; else by URL."""

    name = NAME

    def open_lists(self, path: Path | None) -> tuple[Tree, dict[str, str], ProductLists]:
        """Return the files at ``--from``, the source's own among them by what they are, and what the lists say."""
        path = require_path(path, NAME, self.how_to_get)
        if path.is_file():
            raise SourceError(
                f"{path} is a file; {NAME} is a folder with lists in it",
                code="source.not-a-folder",
                hint=self.how_to_get,
                path=path,
            )
        try:
            tree = Tree(path, scan_files(path))
        except OSError as exc:
            raise unreadable_path(path, exc) from exc
        own_files = find_own_files(tree, self.how_to_get)
        names = [own_files[part] for part in LISTS if part in own_files]
        return tree, own_files, read_lists(tree.path, tuple((name, tree.files[name]) for name in names))

    def open_checked(self, request: PlanRequest) -> tuple[dict[str, str], ProductLists, list[dict[str, str]]]:
        """Return the source's own files, what the lists say, and the manifest's leaves, which must agree."""
        tree, own_files, lists = self.open_lists(request.path)
        leaves = read_leaves(request.manifest)
        if TREE in own_files:
            self.check_tree(tree, own_files[TREE], {row["leaf"]: row["node"] for row in leaves})
        self.check_lists(lists, {fine_id(row["leaf"]) for row in leaves})
        return own_files, lists, leaves

    def blank_table(self, request: PlanRequest) -> BlankTable:
        """Make the table of all classes, without their names."""
        _, lists, leaves = self.open_checked(request)
        classes = [make_class(row, {}) for row in leaves if not row["reason"]]
        images: Counter[str] = Counter()
        for c in classes:
            for scale in SCALES:
                images[c.id(scale)] += lists.count(c.fine_id)
        cells = ((i, scale, str(images[i]), "") for i, scale in scales_by_id(classes).items())
        return BlankTable(TABLE_COLUMNS, tuple(dict(zip(TABLE_COLUMNS, row, strict=True)) for row in cells))

    def classes(self, request: PlanRequest) -> SourceClasses:
        """Make the classes of the manifest's table, checked against the person's files. Raises `SourceError`."""
        own_files, lists, leaves = self.open_checked(request)
        kept = [row for row in leaves if not row["reason"]]
        unnamed = [make_class(row, {}) for row in kept]
        names = read_names(request.table, unnamed)
        where = "no table" if request.table is None else str(request.table)
        notes = [
            *count_notes(own_files, lists),
            f"{len(names):,} of {len(scales_by_id(unnamed)):,} classes have a name in {where}; the others have "
            "generated ones, as none were published",
        ]
        classes = [make_class(row, names) for row in kept]
        check_names(classes, where)
        excluded = [
            Exclusion(fine_id(row["leaf"]), f"product {row['leaf']}", row["reason"]) for row in leaves if row["reason"]
        ]
        return SourceClasses(tuple(classes), tuple(excluded), tuple(notes))

    def check_tree(self, tree: Tree, name: str, known: Mapping[str, str]) -> None:
        """Compare the person's tree with the manifest's. Raises `SourceError` if a leaf is elsewhere."""
        try:
            nodes = nodes_of_leaves(json.loads(tree.read(name).decode("utf-8-sig")))
        except (ValueError, RecursionError) as exc:
            raise SourceError(
                f"{tree.path}: {name} is not whole: {exc}",
                code="source.damaged-tree",
                hint="download it again",
                path=tree.path,
                name=name,
            ) from exc
        differing = [
            leaf for leaf in sorted(nodes.keys() | known.keys(), key=int) if nodes.get(leaf) != known.get(leaf)
        ]
        if differing:
            faults = (
                f"leaf {leaf}: {nodes.get(leaf, 'nowhere')}; in the manifest {known.get(leaf, 'nowhere')}"
                for leaf in differing
            )
            raise SourceError(
                f"{tree.path}: {name} is not the tree of the manifest:{bullet_list(faults)}",
                code="source.other-tree",
                hint=self.how_to_get,
                path=tree.path,
                leaves=tuple(differing),
            )

    def check_lists(self, lists: ProductLists, known: set[str]) -> None:
        """Raise `SourceError` if the lists have no labels, or labels that are no class of the manifest's table."""
        if not lists.spans:
            raise SourceError(
                f"{lists.top}: no image with a class in its lists",
                code="source.no-labels",
                hint="is train.json the list of the test?",
                path=lists.top,
            )
        if unknown := sorted(lists.spans.keys() - known):
            faults = (f"{label}, of {next(lists.rows(label)).id!r}" for label in unknown)
            raise SourceError(
                f"{lists.top}: classes that the tree does not have:{bullet_list(faults)}",
                code="source.unknown-classes",
                hint=self.how_to_get,
                path=lists.top,
                classes=tuple(unknown),
            )

    def plan(self, request: PlanRequest) -> list[Unit] | Listing:
        """Plan the images of each leaf, as files or as links."""
        tree, _, lists = self.open_lists(request.path)
        files = image_files(tree)
        if files and any(cut_suffixes(row.id) in files for label in lists.spans for row in lists.rows(label)):
            return plan_files(tree, lists, files)
        rejected = plan_rejected({status: list(entries) for status, entries in lists.rejected.items()})
        labels = {label: lists.count(label) for label in lists.spans}
        return Listing(
            units=itertools.chain(rejected, plan_leaves(lists, request.policy)),
            num_units=len(rejected) + sum(-(-count // IMAGES_PER_UNIT) for count in labels.values()),
            labels=labels,
            hosts=lists.hosts,
            licenses={"": sum(labels.values())},
        )

    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Read the images of one unit."""
        match unit.payload:
            case LinkedImages():
                return super().read(unit)
            case ListedFiles():
                return read_listed(unit)
            case _:
                return read_unit(unit)

    def fetch(
        self, unit: Unit, wanted: Callable[[str], bool], limit: int | None, good: Mapping[str, int]
    ) -> Iterator[Candidate]:
        """Fetch the images of one unit of URLs, see `dmlkit.sources.common.links.fetch_links`."""
        assert isinstance(unit.payload, LinkedImages)
        return fetch_links(unit.payload, wanted, limit, good, NAME)


def find_own_files(tree: Tree, how_to_get: str) -> dict[str, str]:
    """Find the source's own files, wherever they are: ``train``, ``val``, ``test`` or `TREE` -> name in the tree.

    Raises `SourceError` if one is there twice, and if there is no list.
    """
    spelled = {name: part for part, names in (LISTS | {"test": TEST, TREE: (TREE,)}).items() for name in names}
    own_files: dict[str, str] = {}
    for name in tree.files:
        part = spelled.get(name.rsplit("/", 1)[-1])
        if part and part in own_files:
            raise SourceError(
                f"{tree.path}: {own_files[part]} and {name} are both there",
                code="source.list-twice",
                hint="take one of them away",
                path=tree.path,
                names=(own_files[part], name),
            )
        if part:
            own_files[part] = name
    if not own_files.keys() & LISTS.keys():
        names = list(itertools.chain(*LISTS.values()))
        raise SourceError(
            f"{tree.path} has none of {', '.join(names)}",
            code="source.no-list",
            hint=how_to_get,
            path=tree.path,
            names=tuple(names),
        )
    return own_files


def count_notes(own_files: Mapping[str, str], lists: ProductLists) -> list[str]:
    """Note what is not there or not read, and counts that are not the published ones."""
    notes = []
    for part, published in NUM_IMAGES.items():
        if part in own_files:
            count = lists.count_list(own_files[part])
            notes += compare_counts(f"labelled images of {own_files[part]}", count, published)
        else:
            notes.append(f"{LISTS[part][0]} is not there; its images are not in the dataset")
    if "test" in own_files:
        notes.append(f"{own_files['test']} says no classes and is not read")
    if TREE not in own_files:
        notes.append(f"{TREE} is not there; the manifest's table is taken as it is")
    return notes


def image_files(tree: Tree) -> dict[str, str]:
    """Map the image files by their names without suffixes; of several with the same the first by name."""
    files: dict[str, str] = {}
    for name in tree.files:
        if SUFFIXES.search(name):
            key = file_key(name)
            files[key] = min(name, files.get(key, name))
    return files


def file_key(name: str) -> str:
    """Return the last part of a file's name without suffixes."""
    return cut_suffixes(name.rsplit("/", 1)[-1])


def plan_files(tree: Tree, lists: ProductLists, files: Mapping[str, str]) -> list[Unit]:
    """Plan the rows of each leaf with their files, and what is only a row or only a file."""
    units: list[Unit] = []
    used: set[str] = set()
    for label in sorted(lists.spans):
        rows = []
        for row in lists.rows(label):
            name = files.get(cut_suffixes(row.id))
            rows.append(Row(name or own_id(row.id), label, own_id(row.id)))
            if name:
                used.add(name)
        units += plan_rows(tree, rows, f"{label}-")
    rejected = defaultdict(list, {status: list(entries) for status, entries in lists.rejected.items()})
    without_class = {upstream_id for upstream_id, _ in lists.rejected.get("unlabelled", ())}
    for name in sorted(n for n in tree.files if SUFFIXES.search(n) and n not in used):
        key = file_key(name)
        if files[key] != name:
            rejected["repeated-id"].append((own_id(key), f"{files[key]} has this id too"))
        elif own_id(key) not in without_class:
            rejected["unlabelled"].append((own_id(key), "in no list"))
    return units + plan_rejected(rejected)


def plan_leaves(lists: ProductLists, policy: CrawlPolicy) -> Iterator[Unit]:
    """Plan the rows of each leaf as links."""
    for label in sorted(lists.spans):
        links = (Link(own_id(row.id), label, row.url) for row in lists.rows(label))
        yield from plan_links(links, f"{label}-", 3, IMAGES_PER_UNIT, policy)
