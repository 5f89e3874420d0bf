"""The training classes of a run: the images that it learns from, and their classes numbered without gaps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmlkit.errors import DatasetError
from dmlkit.evaluation.labels import UNKNOWN, Labels
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.text import printable

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Classes:
    """What is trained on.

    ``rows`` (N,) are the numbers of the images in the split train. ``labels`` (N, 3) are their classes, numbered
    from 0 at each scale: only classes with images have a number. ``table`` (C, 3) has the labels of every fine
    class, ``names`` its names. ``held_back`` are the rows that are kept for evaluation. ``fingerprint`` changes when
    the dataset, its images' labels, or the images kept back do.
    """

    rows: Numbers
    labels: Numbers
    table: Numbers
    names: list[list[str]]
    held_back: Numbers
    fingerprint: str


def training(found: Labels, held_back: float = 0.0, shuffle: int | None = None) -> Classes:
    """The training classes among the labels of the split train.

    ``held_back`` is the share of the middle classes to keep for evaluation; which ones is decided by a hash of their
    names. ``shuffle`` is a seed with which images get each other's labels. Raises `DatasetError` where an image lacks
    a label, a class has two parents, or there are not two classes.
    """
    check_known(found)
    labels = found.labels.astype(np.int64)
    kept_back = np.isin(labels[:, 1], held_back_middles(found, held_back))
    rows = np.flatnonzero(~kept_back)
    compact = np.stack([np.unique(labels[rows, c], return_inverse=True)[1] for c in range(len(SCALES))], axis=1)
    fine, first = np.unique(labels[rows, 0], return_index=True)
    if len(fine) < 2:
        raise DatasetError(
            f"{len(fine)} fine classes are left to train on; a loss needs two", hint="dmlkit info FOLDER"
        )
    check_tree(found, rows)
    names = [[found.names[scale][labels[rows[i], c]] for c, scale in enumerate(SCALES)] for i in first]
    table = compact[first]
    if shuffle is not None:
        compact = compact[np.random.default_rng(shuffle).permutation(len(compact))]
    return Classes(rows, compact, table, names, np.flatnonzero(kept_back), fingerprint(found, rows))


def held_back_middles(found: Labels, share: float) -> Numbers:
    """The middle classes that are not trained on: ``share`` of them, two at least. None for a share of 0."""
    present = np.unique(found.labels[:, 1])
    count = max(2, round(share * len(present))) if share else 0
    if count and count >= len(present):
        raise DatasetError(
            f"{share:.0%} of {len(present)} middle classes cannot be held back: none would be left to train on",
            hint="a smaller --held-back",
        )
    return np.array(sorted(present, key=lambda c: order_key(found.names["middle"][c]))[:count], np.int64)


def check_known(found: Labels) -> None:
    unknown = np.argwhere(found.labels == UNKNOWN)
    if len(unknown):
        row, column = unknown[0]
        raise DatasetError(
            f"{len(np.unique(unknown[:, 0]))} training images lack a label, the first {printable(found.ids[row])} "
            f"its {SCALES[column]} one",
            hint="every training image needs its labels at all three scales",
        )


def check_tree(found: Labels, rows: Numbers) -> None:
    for low, high in ((0, 1), (1, 2)):
        pairs = np.unique(found.labels[rows][:, [low, high]], axis=0)
        classes, counts = np.unique(pairs[:, 0], return_counts=True)
        if counts.max() > 1:
            name = found.names[SCALES[low]][classes[counts.argmax()]]
            raise DatasetError(
                f"the {SCALES[low]} class {printable(name)} stands under {counts.max()} {SCALES[high]} classes",
                hint="labels must form a tree: dmlkit validate FOLDER",
            )


def fingerprint(found: Labels, rows: Numbers) -> str:
    digest = hashlib.sha256(repr((found.content, [found.ids[row] for row in rows])).encode())
    digest.update(np.ascontiguousarray(found.labels[rows], "<i4").tobytes())
    for scale in SCALES:
        digest.update(repr(found.names[scale]).encode())
    return digest.hexdigest()
