"""What a step sees of a dataset: the images that are trained on, those that make a batch, and the crop of each.

Nothing is read here. Crops are drawn before anything is read (by images.py), so pixels do not depend on the number of
threads and processes that read them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmlkit.errors import DatasetError, UsageError
from dmlkit.evaluation.labels import UNKNOWN, Labels
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.text import printable

AREA = (0.16, 1.0)  # share of an image that a training crop shows
RATIO = (3 / 4, 4 / 3)  # width of a training crop over its height
TRIES = 10  # how often a crop is drawn that may not fit into its image
CENTER = 224 / 256  # share of the shorter side that a test image shows

Ints = NDArray[np.int64]
Box = tuple[float, float, float, float]  # left, top, right, bottom, as shares of the sides


# Which images are trained on


@dataclass(frozen=True)
class TrainingClasses:
    """The images that a run learns from, and their classes with indices without gaps."""

    rows: Ints  # (N,): indices of the images in the split train
    labels: Ints  # (N, 3): their classes, from 0 at each scale; only classes with images have an index
    table: Ints  # (C, 3): the labels of every fine class
    names: list[list[str]]  # the names of every fine class at the three scales
    holdout: Ints  # rows that are evaluated instead of trained on
    fingerprint: str  # changes with the dataset, its labels, and the held-out images


def select_training_classes(labels: Labels, holdout: float = 0.0, shuffle_seed: int | None = None) -> TrainingClasses:
    """Select the training classes among the labels of the split train.

    ``holdout`` is the share of the middle classes to evaluate on; a hash of their names decides which. With a
    ``shuffle_seed`` images get each other's labels. Raises `DatasetError` if an image lacks a label, a class has two
    parents, or there are fewer than two classes.
    """
    check_all_labelled(labels)
    values = labels.labels.astype(np.int64)  # (images, 3)
    held_out = np.isin(values[:, 1], holdout_middle_classes(labels, holdout))  # (images,)
    rows = np.flatnonzero(~held_out)
    compact = np.stack([np.unique(values[rows, c], return_inverse=True)[1] for c in range(len(SCALES))], axis=1)
    fine, first = np.unique(values[rows, 0], return_index=True)
    if len(fine) < 2:
        raise DatasetError(
            f"{len(fine)} fine classes are left to train on; a loss needs two",
            code="dataset.too-few-classes",
            hint="list the classes: dmlkit info FOLDER",
            count=len(fine),
        )
    check_tree(labels, rows)
    names = [[labels.names[scale][values[rows[i], c]] for c, scale in enumerate(SCALES)] for i in first]
    table = compact[first]
    if shuffle_seed is not None:
        compact = compact[np.random.default_rng(shuffle_seed).permutation(len(compact))]
    return TrainingClasses(rows, compact, table, names, np.flatnonzero(held_out), hash_labels(labels, rows))


def holdout_middle_classes(labels: Labels, share: float) -> Ints:
    """Choose ``share`` of the middle classes, two at least, by a hash of their names; none for a share of 0."""
    present = np.unique(labels.labels[:, 1])
    count = max(2, round(share * len(present))) if share else 0
    if count and count >= len(present):
        raise DatasetError(
            f"cannot hold out {share:.0%} of {len(present)} middle classes: none would be left to train on",
            code="dataset.holdout-too-large",
            hint="use a smaller --holdout",
            count=len(present),
        )
    return np.array(sorted(present, key=lambda c: order_key(labels.names["middle"][c]))[:count], np.int64)


def check_all_labelled(labels: Labels) -> None:
    """Raise `DatasetError` if an image lacks a label at some scale."""
    unknown = np.argwhere(labels.labels == UNKNOWN)
    if len(unknown):
        row, column = unknown[0]
        count = len(np.unique(unknown[:, 0]))
        raise DatasetError(
            f"{count} training images lack a label, the first {printable(labels.ids[row])} its {SCALES[column]} one",
            code="dataset.missing-label",
            hint="every training image needs labels at all three scales",
            count=count,
            image_id=labels.ids[row],
            scale=SCALES[column],
        )


def check_tree(labels: Labels, rows: Ints) -> None:
    """Raise `DatasetError` if a class has two parents."""
    for low, high in ((0, 1), (1, 2)):
        pairs = np.unique(labels.labels[rows][:, [low, high]], axis=0)
        classes, counts = np.unique(pairs[:, 0], return_counts=True)
        if counts.max() > 1:
            name = labels.names[SCALES[low]][classes[counts.argmax()]]
            raise DatasetError(
                f"the {SCALES[low]} class {printable(name)} is under {counts.max()} {SCALES[high]} classes",
                code="dataset.two-parents",
                hint="labels must form a tree: run dmlkit validate FOLDER",
                name=name,
                scale=SCALES[low],
                count=int(counts.max()),
            )


def hash_labels(labels: Labels, rows: Ints) -> str:
    """Compute the fingerprint of a dataset's content, ids, labels and class names."""
    digest = hashlib.sha256(repr((labels.content, [labels.ids[row] for row in rows])).encode())
    digest.update(np.ascontiguousarray(labels.labels[rows], "<i4").tobytes())
    for scale in SCALES:
        digest.update(repr(labels.names[scale]).encode())
    return digest.hexdigest()


# Which images make a batch


def sample_balanced(fine: Ints, batch_size: int, per_class: int, rng: np.random.Generator) -> Ints:
    """Draw the batches of an epoch, of groups of ``per_class`` images of one fine class. Returns (steps, batch_size).

    Every class is cut anew into groups; what is left over waits for another epoch, and a class with too few images
    repeats some. The groups of a class are spread evenly over the epoch, so that a batch seldom has two of them.
    Groups that fill no batch are left out.
    """
    groups, positions = [], []
    for images in rows_by_class(fine):
        shuffled = rng.permutation(images)
        if len(shuffled) < per_class:
            shuffled = np.resize(shuffled, per_class)
        count = len(shuffled) // per_class
        groups.append(shuffled[: count * per_class].reshape(count, per_class))
        positions.append((np.arange(count) + rng.random(count)) / count)
    order = np.argsort(np.concatenate(positions), kind="stable")
    steps = len(order) * per_class // batch_size
    return np.concatenate(groups)[order].reshape(-1)[: steps * batch_size].reshape(steps, batch_size)


def sample_thirds(labels: Ints, batch_size: int, per_class: int, epoch: int, rng: np.random.Generator) -> Ints:
    """Draw the paper's multi-scale batches. ``labels`` is (N, 3). Returns (steps, batch_size).

    An item has ``per_class`` images of a fine class, as many of a middle class and of a coarse class: those whose
    indices are the item's number modulo the number of classes. A batch is ``batch_size / (3 per_class)`` items, in the
    order: what was drawn for the fine scale, then middle, then coarse. An epoch has as many images as the dataset;
    item numbers continue from epoch to epoch, so that all classes have their turn.
    """
    classes_by_scale = [rows_by_class(labels[:, scale]) for scale in range(labels.shape[1])]
    items = batch_size // (len(classes_by_scale) * per_class)
    steps = max(1, len(labels) // batch_size)
    numbers = epoch * steps * items + rng.permutation(steps * items)
    drawn = [
        [draw_rows(classes[number % len(classes)], per_class, rng) for number in numbers]
        for classes in classes_by_scale
    ]  # scale, item, image
    return np.array(drawn).reshape(len(classes_by_scale), steps, -1).transpose(1, 0, 2).reshape(steps, -1)


def rows_by_class(labels: Ints) -> list[Ints]:
    """Split the rows by their class, in the order of the class indices."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def draw_rows(rows: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Draw ``count`` of the rows, without repeating any unless there are too few."""
    return rng.choice(rows, count, replace=len(rows) < count)


def fit_batch_size(batch_size: int, per_class: int, thirds: bool, num_classes: int, shrink: bool) -> int:
    """Return the batch size, or the next smaller one that the training classes can fill with whole groups of images.

    With ``thirds`` a group has ``per_class`` images for each scale. Raises `UsageError` if no batch can be filled, or
    this one cannot and must not ``shrink``.
    """
    group = per_class * (len(SCALES) if thirds else 1)
    largest = num_classes * per_class // group * group
    fitting = min(batch_size // group * group, largest)
    if fitting >= 2 and (shrink or fitting == batch_size):
        return fitting
    nearest = fitting if fitting >= 2 else largest
    raise UsageError(
        f"a batch of {batch_size} images does not consist of whole groups of {group}, with {per_class} images of each "
        f"of at most {num_classes} training classes",
        code="training.batch-not-filled",
        hint=f"use --batch-size {nearest}" if nearest >= 2 else "set a smaller per_class, or use more classes",
        batch_size=batch_size,
        fitting=nearest,
        group=group,
        classes=num_classes,
    )


# What is cropped out of them


@dataclass(frozen=True)
class CropBatch:
    """What is cropped out of which images, and which crops are flipped left to right."""

    rows: Ints  # (B,)
    boxes: NDArray[np.float64]  # (B, 4): left, top, right, bottom, as shares of the sides
    flips: NDArray[np.bool_]  # (B,)


def draw_crops(sizes: Ints, order: Ints, seed: Sequence[int], rank: int = 0, world: int = 1) -> Iterator[CropBatch]:
    """Draw the crops of an epoch, and yield the share of process ``rank`` of each batch.

    ``sizes`` (N, 2) are widths and heights in pixels, ``order`` (steps, batch) the images of each batch.
    """
    rng = np.random.default_rng(seed)
    for rows in order:
        boxes, flips = draw_boxes(rng, sizes[rows]), rng.random(len(rows)) < 0.5
        part = slice(rank * len(rows) // world, (rank + 1) * len(rows) // world)
        yield CropBatch(rows[part], boxes[part], flips[part])


def center_crops(sizes: Ints, rows: Ints, batch_size: int) -> Iterator[CropBatch]:
    """Yield the center of every image of ``rows``, in their order."""
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        boxes = np.array([center_box(int(width), int(height)) for width, height in sizes[part]])
        yield CropBatch(part, boxes, np.zeros(len(part), np.bool_))


def center_box(width: int, height: int) -> Box:
    """Compute the square in the middle of a test image."""
    side = CENTER * min(width, height)
    x, y = side / width / 2, side / height / 2
    return 0.5 - x, 0.5 - y, 0.5 + x, 0.5 + y


def draw_boxes(rng: np.random.Generator, sizes: Ints) -> NDArray[np.float64]:
    """Draw a box (B, 4) of random area and ratio within each image of ``sizes`` (B, 2).

    Takes the first of ten tries that fits into the image, or the largest box in the middle if none does.
    """
    width, height = sizes[:, :1].astype(float), sizes[:, 1:].astype(float)  # (B, 1)
    area = width * height * rng.uniform(*AREA, (len(sizes), TRIES))
    ratio = np.exp(rng.uniform(math.log(RATIO[0]), math.log(RATIO[1]), (len(sizes), TRIES)))
    w, h = np.sqrt(area * ratio) / width, np.sqrt(area / ratio) / height  # (B, TRIES)
    place = rng.random((2, len(sizes)))
    fits = (w <= 1) & (h <= 1)
    rows, first = np.arange(len(sizes)), fits.argmax(axis=1)
    none = ~fits.any(axis=1)
    w, h = w[rows, first], h[rows, first]  # (B,)
    shape = (width / height)[:, 0]
    w[none], h[none] = np.minimum(1, RATIO[1] / shape)[none], np.minimum(1, shape / RATIO[0])[none]
    x, y = np.where(none, 0.5, place) * (1 - np.stack([w, h]))
    return np.stack([x, y, x + w, y + h], axis=1)
