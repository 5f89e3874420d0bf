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

OF_EACH_CLASS, MOST_QUERIES = 4, 60
MOST_MISTAKES = 24
ON_A_SHEET = 200
NONE = "none"
MATCHES = {
    "fine": "same fine class",
    "middle": "same middle class only",
    "coarse": "same coarse class only",
    NONE: "no class in common",
}
MOST_CLASSES = 40
"""Up to so many coarse classes, who is taken for whom stands in a table; of more, only the most frequent pairs."""
MOST_PAIRS = 12

Place = tuple[str, int]
"""An image of a test set: its split and its row."""

Facts = list[list[tuple[str, str]]]
"""What the viewer of a page shows: for each image pairs of a name and a text."""


def group_scale(search: Search) -> int:
    """The coarsest scale that a test set has labels of: by its classes queries are chosen and mistakes are judged."""
    return SCALES.index(search.scale) if search.scale else len(SCALES) - 1


def chosen(query: Labels, scale: int, most: int = MOST_QUERIES) -> list[int]:
    """The rows of a few queries of each class of ``scale``, by class; which ones is decided by hash of their ids.

    Where that is more than ``most``, every class gives its first before any gives its second.
    """
    keys = [order_key(image_id) for image_id in query.ids]
    of_class: dict[int, list[int]] = defaultdict(list)
    for row in sorted(np.flatnonzero(query.labels[:, scale] != UNKNOWN).tolist(), key=keys.__getitem__):
        of_class[int(query.labels[row, scale])].append(row)
    turns = [(turn, keys[row], row) for rows in of_class.values() for turn, row in enumerate(rows[:OF_EACH_CLASS])]
    rows = [row for _, _, row in sorted(turns)[:most]]
    return sorted(rows, key=lambda row: (int(query.labels[row, scale]), keys[row]))


def match(one: Sequence[int], other: Sequence[int]) -> str:
    """The finest scale at which two rows of labels are known to be the same, or ``none``."""
    for scale, a, b in zip(SCALES, one, other, strict=True):
        if a == b != UNKNOWN:
            return scale
    return NONE


def first_matches(search: Search) -> Counter[str]:
    """How often the nearest image matches at which scale, over all queries that find any."""
    rows = np.flatnonzero(search.nearest[:, 0] >= 0)
    found = search.gallery.labels[search.nearest[rows, 0]]
    return Counter(match(*pair) for pair in zip(search.query.labels[rows].tolist(), found.tolist(), strict=True))


class Mistakes(NamedTuple):
    """The rows of the worst queries, the number of all mistakes, and of how many queries one can tell."""

    rows: list[int]
    number: int
    of: int


def mistakes(search: Search) -> Mistakes:
    """The queries whose nearest image is of another class at the coarsest scale, most similar first.

    Of equal similarities the one with the first hash of its id comes first.
    """
    true, found = pairs_of(search, group_scale(search))
    known = (true != UNKNOWN) & (found != UNKNOWN)
    rows = np.flatnonzero(known & (true != found)).tolist()
    worst = sorted(rows, key=lambda row: (-float(search.similarity[row, 0]), order_key(search.query.ids[row])))
    return Mistakes(worst[:MOST_MISTAKES], len(rows), int(known.sum()))


def pairs_of(search: Search, scale: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The label of each query at ``scale``, and that of its nearest image, `UNKNOWN` where it has none."""
    found = search.gallery.labels[search.nearest[:, 0], scale]
    return search.query.labels[:, scale], np.where(search.nearest[:, 0] >= 0, found, UNKNOWN)


@dataclass(frozen=True)
class Confusion:
    """Who is taken for whom: ``counts`` (C, C) of queries, by their coarse class and that of their nearest image."""

    names: list[str]
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    @property
    def pairs(self) -> list[dict[str, Any]]:
        """The most frequent confusions of two classes, by the share of the class that they are of."""
        of = self.counts.sum(axis=1)
        where = [(i, j) for i, j in zip(*np.nonzero(self.counts), strict=True) if i != j]
        found = [
            {
                "true": self.names[i],
                "found": self.names[j],
                "count": int(self.counts[i, j]),
                "of": int(of[i]),
            }
            for i, j in where
        ]
        return sorted(found, key=lambda pair: (-pair["count"] / pair["of"], -pair["count"], pair["true"]))[:MOST_PAIRS]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each class with its number of queries and its cells: count, share of the row, step of the shade, own class.

        Empty where there are more than `MOST_CLASSES`.
        """
        if len(self.names) > MOST_CLASSES:
            return []
        found = []
        for i, (name, counts) in enumerate(zip(self.names, self.counts.tolist(), strict=True)):
            of = sum(counts)
            shares = [count / of if of else 0.0 for count in counts]
            cells = [
                {"count": count, "share": f"{share:.1%}", "heat": round(10 * share) or int(count > 0), "own": i == j}
                for j, (count, share) in enumerate(zip(counts, shares, strict=True))
            ]
            found.append({"name": name, "of": of, "cells": cells})
        return found


def confusion(search: Search) -> Confusion:
    """Over all queries whose coarse class and that of their nearest image are known."""
    scale = len(SCALES) - 1
    true, found = pairs_of(search, scale)
    known = (true != UNKNOWN) & (found != UNKNOWN)
    labels = np.unique(np.concatenate([true[known], found[known]]))
    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (np.searchsorted(labels, true[known]), np.searchsorted(labels, found[known])), 1)
    return Confusion([search.query.names["coarse"][label] for label in labels.tolist()], counts)


def name_of(labels: Labels, row: int) -> str:
    """The name of the finest known class of an image."""
    for scale, label in zip(SCALES, labels.labels[row].tolist(), strict=True):
        if label != UNKNOWN:
            return str(labels.names[scale][label])
    return "unknown"


def classes_of(labels: Labels, row: int) -> list[tuple[str, str]]:
    """Scale and class of an image, of the scales that are known."""
    known = zip(SCALES, labels.labels[row].tolist(), strict=True)
    return [(scale, labels.names[scale][label]) for scale, label in known if label != UNKNOWN]


@dataclass
class Shown:
    """The small images of one page and the facts that its viewer shows of each, in the order of its buttons."""

    cells: Mapping[Place, Cell]
    rows: Facts = field(default_factory=list)

    def asked(self, search: Search, row: int) -> dict[str, Any]:
        """A query as the templates take it."""
        return self._image(search.query, "query", row, [("Shown as", "query")])

    def found(self, search: Search, query: int, rank: int) -> dict[str, Any]:
        """What stands at ``rank``, from 0, of a query, as the templates take it."""
        row = int(search.nearest[query, rank])
        kind = match(search.query.labels[query].tolist(), search.gallery.labels[row].tolist())
        near = f"{search.similarity[query, rank]:.3f}"
        facts = [("Rank", str(rank + 1)), ("Similarity", near), ("Match", MATCHES[kind])]
        return self._image(search.gallery, "gallery", row, facts) | {"match": kind, "similarity": near}

    def _image(self, labels: Labels, split: str, row: int, facts: list[tuple[str, str]]) -> dict[str, Any]:
        named = classes_of(labels, row)
        self.rows.append([("image_id", labels.ids[row]), *((s.capitalize(), name) for s, name in named), *facts])
        return {
            "name": name_of(labels, row),
            "above": " · ".join(name for _, name in named[1:]),
            "id": labels.ids[row],
            "cell": self.cells[split, row],
            "show": len(self.rows) - 1,
        }


def places(searches: Sequence[Search], queries: Iterable[int], ranks: int) -> list[Place]:
    """The images that are shown of some queries and the first ``ranks`` that each search finds, once each."""
    wanted: dict[Place, None] = {}
    for query in queries:
        wanted["query", query] = None
        for search in searches:
            wanted |= {("gallery", row): None for row in search.nearest[query, :ranks].tolist() if row >= 0}
    return list(wanted)


def write_sheets(folder: Path, stem: str, images: Mapping[Place, Image.Image]) -> dict[Place, Cell]:
    """Write small images into sheets of the report's ``folder``. Returns where each stands."""
    found: dict[Place, Cell] = {}
    order = list(images)
    for start in range(0, len(order), ON_A_SHEET):
        part = order[start : start + ON_A_SHEET]
        href = f"images/{stem}-{start // ON_A_SHEET:03d}.webp"
        found |= dict(zip(part, write_sheet(folder / href, href, [images[p] for p in part]), strict=True))
    return found
