"""Which images make a batch: the order of one epoch, from the labels and a random generator alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def balanced(fine: Numbers, batch: int, per_class: int, rng: np.random.Generator) -> Numbers:
    """Batches of ``batch / per_class`` groups of ``per_class`` images of one fine class. Returns (steps, batch).

    Every class is cut anew into groups; what is left over waits for another epoch, and a class with too few images
    repeats some. The groups of a class are spread evenly over the epoch, so that a batch seldom has two of them.
    Groups that fill no batch are left out.
    """
    groups, places = [], []
    for images in members(fine):
        shuffled = rng.permutation(images)
        if len(shuffled) < per_class:
            shuffled = np.resize(shuffled, per_class)
        count = len(shuffled) // per_class
        groups.append(shuffled[: count * per_class].reshape(count, per_class))
        places.append((np.arange(count) + rng.random(count)) / count)
    order = np.argsort(np.concatenate(places), kind="stable")
    steps = len(order) * per_class // batch
    return np.concatenate(groups)[order].reshape(-1)[: steps * batch].reshape(steps, batch)


def thirds(labels: Numbers, batch: int, per_class: int, epoch: int, rng: np.random.Generator) -> Numbers:
    """The paper's multi-scale batches. ``labels`` is (N, 3). Returns (steps, batch).

    An item has ``per_class`` images of a fine class, as many of a middle class and of a coarse class: those whose
    numbers are the item's number modulo the number of classes. A batch is ``batch / (3 per_class)`` items, in the
    order: what was drawn for the fine scale, then middle, then coarse. An epoch has as many images as the dataset;
    item numbers go on from epoch to epoch, so that all classes have their turn.
    """
    of_scale = [members(labels[:, scale]) for scale in range(labels.shape[1])]
    items = batch // (len(of_scale) * per_class)
    steps = max(1, len(labels) // batch)
    numbers = epoch * steps * items + rng.permutation(steps * items)
    drawn = [
        [draw(classes[number % len(classes)], per_class, rng) for number in numbers] for classes in of_scale
    ]  # scale, item, image
    return np.array(drawn).reshape(len(of_scale), steps, -1).transpose(1, 0, 2).reshape(steps, -1)


def members(labels: Numbers) -> list[Numbers]:
    """The images of each class, in the order of the class numbers."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def draw(images: Numbers, count: int, rng: np.random.Generator) -> Numbers:
    """``count`` of the images, without repeating any as far as they reach."""
    return rng.choice(images, count, replace=len(images) < count)
