"""What a run finds, chosen for people: the nearest images of some queries, the worst mistakes, who is taken for whom.

A **match** is the finest scale at which two images are known to be of the same class, or ``none``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlkit.evaluation.labels import UNKNOWN, Labels
from dmlkit.report.thumbnails import Cell, write_sheet
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.training.neighbours import Search

QUERIES_PER_CLASS, MAX_QUERIES = 4, 60
MAX_MISTAKES = 24
IMAGES_PER_SHEET = 200
NONE = "none"
MATCHES = {
    "fine": "same fine class",
    "middle": "same middle class only",
    "coarse": "same coarse class only",
    NONE: "no class in common",
}
# Up to this many coarse classes the whole confusion matrix is shown, above it only the most frequent pairs.
MAX_MATRIX_CLASSES = 40
MAX_PAIRS = 12

# An image of a test set: its split and its row.
ImageKey = tuple[str, int]

# What the viewer of a page shows: for each image pairs of a name and a text.
ViewerFacts = list[list[tuple[str, str]]]


def group_scale(search: Search) -> int:
    """Return the index of the coarsest scale that a test set has labels of; queries and mistakes are grouped by it."""
    return SCALES.index(search.scale) if search.scale else len(SCALES) - 1


def select_queries(query: Labels, scale: int, most: int = MAX_QUERIES) -> list[int]:
    """Select the rows of a few queries of each class of ``scale``, sorted by class; hashes of their ids decide which.

    If that is more than ``most``, every class contributes its first before any contributes its second.
    """
    keys = [order_key(image_id) for image_id in query.ids]
    rows_by_class: dict[int, list[int]] = defaultdict(list)
    for row in sorted(np.flatnonzero(query.labels[:, scale] != UNKNOWN).tolist(), key=keys.__getitem__):
        rows_by_class[int(query.labels[row, scale])].append(row)
    turns = [
        (turn, keys[row], row) for rows in rows_by_class.values() for turn, row in enumerate(rows[:QUERIES_PER_CLASS])
    ]
    rows = [row for _, _, row in sorted(turns)[:most]]
    return sorted(rows, key=lambda row: (int(query.labels[row, scale]), keys[row]))


def finest_match(one: Sequence[int], other: Sequence[int]) -> str:
    """Return the finest scale at which two rows of labels are known to be the same, or ``none``."""
    for scale, a, b in zip(SCALES, one, other, strict=True):
        if a == b != UNKNOWN:
            return scale
    return NONE


def first_matches(search: Search) -> Counter[str]:
    """Count at which scale the nearest image matches, over all queries that have one."""
    rows = np.flatnonzero(search.nearest[:, 0] >= 0)
    nearest = search.gallery.labels[search.nearest[rows, 0]]
    return Counter(
        finest_match(*pair) for pair in zip(search.query.labels[rows].tolist(), nearest.tolist(), strict=True)
    )


class Mistakes(NamedTuple):
    """The rows of the worst queries, the number of all mistakes, and the number of queries with known classes."""

    rows: list[int]
    number: int
    num_known: int


def worst_mistakes(search: Search) -> Mistakes:
    """Find the queries whose nearest image is of another class at the coarsest scale, most similar first.

    Of equal similarities the one with the first hash of its id comes first.
    """
    true, predicted = nearest_labels(search, group_scale(search))
    known = (true != UNKNOWN) & (predicted != UNKNOWN)
    rows = np.flatnonzero(known & (true != predicted)).tolist()
    worst = sorted(rows, key=lambda row: (-float(search.similarity[row, 0]), order_key(search.query.ids[row])))
    return Mistakes(worst[:MAX_MISTAKES], len(rows), int(known.sum()))


def nearest_labels(search: Search, scale: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the labels of the queries and of their nearest images at ``scale``: both (Q,), `UNKNOWN` if none."""
    labels = search.gallery.labels[search.nearest[:, 0], scale]
    return search.query.labels[:, scale], np.where(search.nearest[:, 0] >= 0, labels, UNKNOWN)


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix: ``counts`` (C, C) of queries, by their coarse class and that of their nearest image."""

    names: list[str]
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    @property
    def pairs(self) -> list[dict[str, Any]]:
        """The most frequent confusions of two classes, by the share of the class that they are of."""
        totals = self.counts.sum(axis=1)
        where = [(i, j) for i, j in zip(*np.nonzero(self.counts), strict=True) if i != j]
        pairs = [
            {
                "true": self.names[i],
                "found": self.names[j],
                "count": int(self.counts[i, j]),
                "of": int(totals[i]),
            }
            for i, j in where
        ]
        return sorted(pairs, key=lambda pair: (-pair["count"] / pair["of"], -pair["count"], pair["true"]))[:MAX_PAIRS]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each class with its number of queries and its cells: count, share of the row, step of the shade, own class.

        Empty where there are more than `MAX_MATRIX_CLASSES`.
        """
        if len(self.names) > MAX_MATRIX_CLASSES:
            return []
        rows = []
        for i, (name, counts) in enumerate(zip(self.names, self.counts.tolist(), strict=True)):
            total = sum(counts)
            shares = [count / total if total else 0.0 for count in counts]
            cells = [
                {"count": count, "share": f"{share:.1%}", "heat": round(10 * share) or int(count > 0), "own": i == j}
                for j, (count, share) in enumerate(zip(counts, shares, strict=True))
            ]
            rows.append({"name": name, "of": total, "cells": cells})
        return rows


def count_confusions(search: Search) -> Confusion:
    """Count confusions over all queries whose coarse class and that of their nearest image are known."""
    scale = len(SCALES) - 1
    true, predicted = nearest_labels(search, scale)
    known = (true != UNKNOWN) & (predicted != UNKNOWN)
    labels = np.unique(np.concatenate([true[known], predicted[known]]))
    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (np.searchsorted(labels, true[known]), np.searchsorted(labels, predicted[known])), 1)
    return Confusion([search.query.names["coarse"][label] for label in labels.tolist()], counts)


def finest_name(labels: Labels, row: int) -> str:
    """Return the name of the finest known class of an image."""
    for scale, label in zip(SCALES, labels.labels[row].tolist(), strict=True):
        if label != UNKNOWN:
            return str(labels.names[scale][label])
    return "unknown"


def known_classes(labels: Labels, row: int) -> list[tuple[str, str]]:
    """List scale and class name of an image for the scales that are known."""
    known = zip(SCALES, labels.labels[row].tolist(), strict=True)
    return [(scale, labels.names[scale][label]) for scale, label in known if label != UNKNOWN]


@dataclass
class PageImages:
    """The small images of one page and the facts that its viewer shows of each, in the order of its buttons."""

    cells: Mapping[ImageKey, Cell]
    rows: ViewerFacts = field(default_factory=list)

    def query(self, search: Search, row: int) -> dict[str, Any]:
        """Describe a query as the templates take it."""
        return self._image(search.query, "query", row, [("Shown as", "query")])

    def neighbour(self, search: Search, query: int, rank: int) -> dict[str, Any]:
        """Describe the gallery image at ``rank``, from 0, of a query."""
        row = int(search.nearest[query, rank])
        kind = finest_match(search.query.labels[query].tolist(), search.gallery.labels[row].tolist())
        near = f"{search.similarity[query, rank]:.3f}"
        facts = [("Rank", str(rank + 1)), ("Similarity", near), ("Match", MATCHES[kind])]
        return self._image(search.gallery, "gallery", row, facts) | {"match": kind, "similarity": near}

    def _image(self, labels: Labels, split: str, row: int, facts: list[tuple[str, str]]) -> dict[str, Any]:
        named = known_classes(labels, row)
        self.rows.append([("image_id", labels.ids[row]), *((s.capitalize(), name) for s, name in named), *facts])
        return {
            "name": finest_name(labels, row),
            "above": " · ".join(name for _, name in named[1:]),
            "id": labels.ids[row],
            "cell": self.cells[split, row],
            "show": len(self.rows) - 1,
        }


def images_to_show(searches: Sequence[Search], queries: Iterable[int], ranks: int) -> list[ImageKey]:
    """List the images that some queries and their first ``ranks`` results need, each once."""
    wanted: dict[ImageKey, None] = {}
    for query in queries:
        wanted["query", query] = None
        for search in searches:
            wanted |= {("gallery", row): None for row in search.nearest[query, :ranks].tolist() if row >= 0}
    return list(wanted)


def write_sheets(folder: Path, stem: str, images: Mapping[ImageKey, Image.Image]) -> dict[ImageKey, Cell]:
    """Write small images into sheets of the report's ``folder``. Returns where each stands."""
    cells: dict[ImageKey, Cell] = {}
    order = list(images)
    for start in range(0, len(order), IMAGES_PER_SHEET):
        part = order[start : start + IMAGES_PER_SHEET]
        href = f"images/{stem}-{start // IMAGES_PER_SHEET:03d}.webp"
        cells |= dict(zip(part, write_sheet(folder / href, href, [images[p] for p in part]), strict=True))
    return cells
