"""The classes of a dataset folder as a tree, with the images that each has, and the page of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.dataset.info import UNKNOWN
from dmlkit.errors import unreadable_dataset
from dmlkit.schema.scales import SCALES

# With more fine classes than this, those of one middle class share pages.
MAX_PAGES = 3000
# Fine classes on one page of a middle class, if they have no pages of their own.
CLASSES_PER_PAGE = 100


@dataclass(eq=False)
class Node:
    """A class: ``label`` is its integer, None for a place holder of an unknown parent.

    ``own`` counts the images that have no finer label, by the title of their split; ``counts`` those of all below.
    ``page`` is its page, a path below the report.
    """

    scale: str
    label: int | None
    name: str
    id: str = ""
    split: str = ""
    path: str = ""
    upstream: list[str] = field(default_factory=list)
    above: Node | None = None
    below: list[Node] = field(default_factory=list)
    own: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    page: str = ""

    @property
    def total(self) -> int:
        """The number of images of the class and of all below it."""
        return sum(self.counts.values())

    @property
    def line(self) -> list[Node]:
        """The classes above it, the coarse one first."""
        return [*self.above.line, self.above] if self.above else []

    def walk(self) -> Iterator[Node]:
        """Yield the class and all below it, depth first."""
        yield self
        for node in self.below:
            yield from node.walk()


@dataclass(frozen=True)
class ReportTree:
    """A dataset folder and its tree of classes.

    ``titles``: the file stem of each set of images -> the title of its split on the pages. ``roots`` are the coarse
    classes, ``nodes`` all classes by scale and label.
    """

    dataset: DatasetFolder
    titles: Mapping[str, str]
    roots: list[Node]
    nodes: Mapping[tuple[str, int], Node]

    @property
    def splits(self) -> list[str]:
        """The titles of the splits."""
        return list(self.titles.values())

    @property
    def images(self) -> bool:
        """Whether there are images; False if the dataset was published as ids, labels and hashes."""
        return not self.dataset.ids_only

    def at_scale(self, scale: str) -> list[Node]:
        """All classes of one scale, in the order of the tree."""
        return [node for root in self.roots for node in root.walk() if node.scale == scale]


def read_tree(folder: Path) -> ReportTree:
    """Read the classes of a dataset folder; no image is counted yet. Raises `UnreadableDatasetError`."""
    dataset = DatasetFolder.open(folder)
    for spec in dataset.image_sets:
        dataset.shards(spec)  # a split without images has a file without rows
    try:
        nodes, roots = build_tree(dataset.classes, dataset.class_names)
    except ValueError as exc:
        raise unreadable_dataset(folder, exc) from exc
    return ReportTree(dataset, split_titles(dataset), roots, nodes)


def split_titles(dataset: DatasetFolder) -> dict[str, str]:
    """Map the file stem of each set of images to what its split is called on the pages."""
    names: dict[str, list[str]] = {}
    for spec in dataset.splits:
        names.setdefault(spec.stem, []).append(spec.name)
    return {stem: " and ".join(parts) for stem, parts in names.items()}


Nodes = dict[tuple[str, int], Node]


def build_tree(rows: Iterable[Mapping[str, Any]], names: Mapping[str, list[str]]) -> tuple[Nodes, list[Node]]:
    """Build the tree: all classes by scale and label, and the coarse ones. Official releases lack many parents."""
    nodes = {(scale, n): Node(scale, n, name) for scale in SCALES for n, name in enumerate(names[scale])}
    for row in rows:
        labels = [row[f"{scale}_label"] for scale in SCALES]
        line = [None if n is None else node_at(nodes, s, int(n)) for s, n in zip(SCALES, labels, strict=True)]
        for scale, node in zip(SCALES, line, strict=True):
            if node is not None:
                node.id = row[f"{scale}_id"] or ""
                node.split = (row["split"] or "") if scale != "coarse" else ""  # a coarse one is on both sides
        fine, middle, coarse = line
        if fine is not None:
            fine.path, fine.upstream = row["path"] or "", sorted(row["upstream_labels"])
            fine.above = middle or unknown_parent(nodes, "middle", coarse)
        if middle is not None:
            middle.above = coarse
    for (scale, _), node in list(nodes.items()):
        if node.above is None and scale != "coarse":
            node.above = unknown_parent(nodes, SCALES[SCALES.index(scale) + 1], None)
    for node in nodes.values():
        if node.above is not None:
            node.above.below.append(node)
    for node in nodes.values():
        node.below.sort(key=lambda n: (n.label is None, natural_order(n.name), n.label))
    return nodes, sorted((n for n in nodes.values() if n.scale == "coarse"), key=lambda n: (n.label is None, n.label))


def natural_order(name: str) -> str:
    """Return a key that sorts names with the numbers in them by value."""
    return re.sub(r"\d+", lambda number: number[0].zfill(12), name.lower())


def unknown_parent(nodes: Nodes, scale: str, coarse: Node | None) -> Node:
    """Return the place holder for an unknown parent of this scale, under the coarse class if that is known."""
    key = scale, -1 if coarse is None or coarse.label is None else -2 - coarse.label
    if key not in nodes:
        above = (coarse or unknown_parent(nodes, "coarse", None)) if scale == "middle" else None
        nodes[key] = Node(scale, None, UNKNOWN, above=above)
    return nodes[key]


def find_node(tree: ReportTree, labels: tuple[int | None, ...]) -> Node:
    """Find the class of an image with these labels, fine to coarse: its finest one.

    Raises `ValueError` for labels that name no class.
    """
    for scale, label in zip(SCALES, labels, strict=True):
        if label is not None:
            return node_at(tree.nodes, scale, label)
    raise ValueError("an image has no label")


def node_at(nodes: Mapping[tuple[str, int], Node], scale: str, label: int) -> Node:
    if (node := nodes.get((scale, label))) is None or node.label is None:
        raise ValueError(f"the {scale} label {label} names no class")
    return node


def add_up_counts(roots: list[Node]) -> None:
    """Set the counts of all classes from those of the images that each has itself."""
    for node in roots:
        add_up_counts(node.below)
        node.counts = sum((below.counts for below in node.below), Counter(node.own))


def assign_pages(tree: ReportTree) -> None:
    """Set the page of each class. Very many fine classes share pages of their middle class."""
    grouped = len(tree.at_scale("fine")) > MAX_PAGES
    for root in tree.roots:
        for node in root.walk():
            number = (
                node.label if node.label is not None else f"unknown-{node.above.label}" if node.above else "unknown"
            )
            if node.scale != "fine" or not grouped:
                node.page = f"classes/{node.scale}-{number}.html"
            elif node.above is not None:
                node.page = f"{group_page(node.above, node.above.below.index(node) // CLASSES_PER_PAGE)}#fine-{number}"


def group_page(middle: Node, number: int) -> str:
    """Return the page of a group of fine classes of a middle class, from the first (0) on."""
    return middle.page if number == 0 else f"{middle.page.removesuffix('.html')}-{number + 1}.html"


def search_rows(tree: ReportTree) -> Iterator[list[str]]:
    """Yield the rows that page.js searches: name, ids, where the class belongs, page."""
    for root in tree.roots:
        for node in root.walk():
            if node.label is not None:
                ids = " ".join(dict.fromkeys(filter(None, [node.id, *node.upstream])))
                where = " · ".join([node.scale, *(above.name for above in reversed(node.line))])
                yield [node.name, ids, where, node.page]
