"""Stanford Cars: 196 classes of make, model and year. Fine is the class, middle the make's cars of one body type,
coarse the body type. The class names end in the year and not all of them say the type, so the manifest has a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dmlkit import terms
from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources import Classes, Request
from dmlkit.sources.base import Candidate, Unit
from dmlkit.sources.common import listed, matlab, synsets, tables, vehicles
from dmlkit.sources.common.listed import Row, Tree
from dmlkit.sources.common.vehicles import Rules, Vehicle
from dmlkit.taxonomy.manifest import Manifest
from dmlkit.text import bullet_list

NAME = "stanford-cars"
MARKS = ("devkit/cars_meta.mat", "devkit/cars_train_annos.mat", "cars_annos.mat", "cars_train", "car_ims")
META = ("devkit/cars_meta.mat", "cars_meta.mat")
ONE_FILE = "cars_annos.mat"
PARTS = {
    "cars_train": ("devkit/cars_train_annos.mat", "cars_train_annos.mat"),
    "cars_test": ("cars_test_annos_withlabels.mat", "devkit/cars_test_annos_withlabels.mat"),
}
"""Folder of images → the file of its labels, wherever copies of the dataset have it."""
COUNTS = {"cars_train": 8_144, "cars_test": 8_041, "car_ims": 16_185}


def tree_of(request: Request) -> Tree:
    """The files at ``--from``. Raises `SourceError` where they are none of Stanford Cars, or not whole."""
    path = synsets.given_path(request, NAME, terms.load(NAME).how_to_get)
    tree = listed.tree_at(path, MARKS)
    if tree is None:
        raise synsets.no_units(path, NAME)
    if not any(tree.images(folder) for folder in COUNTS):
        raise SourceError(f"{tree.path} has no images below {', '.join(COUNTS)}", hint=terms.load(NAME).how_to_get)
    return tree


def read_labels(tree: Tree) -> tuple[list[str], dict[str, int], list[str]]:
    """The names of the classes in order, the class (from 1) of each image by its name in the tree, and notes.

    Raises `SourceError` where a file of labels is damaged, or none is there.
    """
    if ONE_FILE in tree.files:
        found = matlab.read(tree.read(ONE_FILE), ONE_FILE)
        return class_names(found, ONE_FILE), labels_of(found, ONE_FILE, "relative_im_path", ""), []
    labels: dict[str, int] = {}
    notes = []
    for folder, places in PARTS.items():
        file = next((name for name in places if name in tree.files), None)
        if file is not None:
            labels |= labels_of(matlab.read(tree.read(file), file), file, "fname", f"{folder}/")
        elif images := tree.images(folder):
            notes.append(f"{places[0]} is not there: the {len(images):,} images below {folder}/ have no labels")
    meta = next((name for name in META if name in tree.files), None)
    if meta is None or not labels:
        lacking = META[0] if meta is None else " and no ".join(places[0] for places in PARTS.values())
        raise SourceError(f"{tree.path} has no {lacking}, so no labels are known", hint=terms.load(NAME).how_to_get)
    return class_names(matlab.read(tree.read(meta), meta), meta), labels, notes


def labels_of(found: dict[str, Any], what: str, field: str, prefix: str) -> dict[str, int]:
    try:
        rows = np.atleast_1d(found["annotations"]).tolist()
        return {f"{prefix}{getattr(row, field)}": int(getattr(row, "class")) for row in rows}
    except (KeyError, AttributeError, TypeError, ValueError) as exc:
        raise SourceError(
            f"{what} has no labels that can be read: {exc!r}"[:300], hint="is it the original file?"
        ) from exc


def class_names(found: dict[str, Any], what: str) -> list[str]:
    if "class_names" not in found:
        raise SourceError(f"{what} has no class_names", hint="is it the original file?")
    return [" ".join(name.split()) for name in matlab.texts(found["class_names"])]


def classes(request: Request) -> Classes:
    """The 196 classes. Raises `SourceError` for a class that the manifest's table does not have."""
    tree = tree_of(request)
    rules = vehicles.rules_of(request.manifest, NAME)
    names, labels, notes = read_labels(tree)
    table = read_own(request.manifest, rules)
    unknown = [f"class {n}: {name!r}" for n, name in enumerate(names, start=1) if key_of(name) not in table]
    if unknown:
        raise SourceError(
            f"{len(unknown)} classes are not in the manifest's table:{bullet_list(unknown)}",
            hint="add them to the table in a copy of the manifest",
        )
    wrong = [f"{name}: class {number}" for name, number in labels.items() if not 0 < number <= len(names)]
    if wrong:
        raise SourceError(
            f"labels that are none of {len(names)} classes:{bullet_list(wrong)}", hint=terms.load(NAME).how_to_get
        )
    for folder, published in COUNTS.items():
        if images := tree.images(folder):
            notes += listed.counted(f"images below {folder}/", len(images), published)
    found = [vehicle_of(number, name, *table[key_of(name)], rules) for number, name in enumerate(names, start=1)]
    return vehicles.classes_of(found, rules, notes)


def read_own(manifest: Manifest, rules: Rules) -> dict[str, tuple[str, str]]:
    """Class name → make and body type, as the manifest's table has them. Raises `ManifestError`."""
    rows = tables.read_own(manifest, NAME)
    try:
        table = {row["name"]: (row["make"], row["body"]) for row in rows}
    except KeyError as exc:
        raise ManifestError(f"the table of {NAME} in {manifest.folder} has no column {exc}") from exc
    faults = [f"{name}: {kind!r}" for name, (_, kind) in table.items() if rules.body_of(kind or "") is None]
    if faults:
        raise ManifestError(
            f"the table of {NAME} in {manifest.folder} has types that are not in its manifest:{bullet_list(faults)}",
            hint=f"known are: {', '.join(rules.types)}",
        )
    return table


def vehicle_of(number: int, name: str, make: str, kind: str, rules: Rules) -> Vehicle:
    """A fine class. Its make stands for the model, and is a middle class for each body type."""
    body = rules.body_of(kind) or ""
    return Vehicle(label_of(number), name, make, body, "" if body else f"the manifest leaves out its type: {kind}")


def key_of(name: str) -> str:
    """Copies of the dataset that use the names as folders have written ``C-V`` for ``C/V``."""
    return name.replace("C-V", "C/V")


def label_of(number: int) -> str:
    return f"{NAME}-{number:03d}"


def plan(request: Request) -> list[Unit]:
    """Pieces of the labelled images, those that are not there included, and of the images without a label."""
    tree = tree_of(request)
    _, labels, _ = read_labels(tree)
    rows = [Row(name, label_of(number), own_id(name)) for name, number in labels.items()]
    there = [name for folder in COUNTS for name in tree.images(folder)]
    rows += [Row(name, "", own_id(name)) for name in there if name not in labels]
    return listed.units_of(tree, rows)


def own_id(name: str) -> str:
    """Both folders count their images from 1: the folder is part of the id."""
    folder, _, file = name.rpartition("/")
    return listed.plain_id(f"{folder}_{file.partition('.')[0]}")


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one unit."""
    return listed.read(unit)
