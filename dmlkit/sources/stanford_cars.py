"""Stanford Cars: 196 classes of make, model and year. Fine is the class, middle the make's cars of one body type,
coarse the body type. The class names end in the year and not all of them say the type, so the manifest has a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources.base import PlanRequest, SourceClasses
from dmlkit.sources.common import matlab
from dmlkit.sources.common.listed import (
    ListedSource,
    Row,
    Tree,
    compare_counts,
    file_stem,
    missing_file,
    no_images,
    plain_id,
)
from dmlkit.sources.common.tables import read_manifest_table
from dmlkit.sources.common.vehicles import Vehicle, VehicleRules, make_classes, read_rules
from dmlkit.taxonomy.manifest import Manifest
from dmlkit.text import bullet_list

NAME = "stanford-cars"
META_FILES = ("devkit/cars_meta.mat", "cars_meta.mat")
ONE_FILE = "cars_annos.mat"

# Folder of images -> the file of its labels, wherever copies of the dataset have it.
LABEL_FILES = {
    "cars_train": ("devkit/cars_train_annos.mat", "cars_train_annos.mat"),
    "cars_test": ("cars_test_annos_withlabels.mat", "devkit/cars_test_annos_withlabels.mat"),
}

# Folder of images -> its published number of images.
NUM_IMAGES = {"cars_train": 8_144, "cars_test": 8_041, "car_ims": 16_185}


@dataclass(frozen=True)
class CarLabels:
    """The names of the classes in order, the class (from 1) of each image by its name in the tree, and notes."""

    class_names: list[str]
    classes: dict[str, int]
    notes: tuple[str, ...] = ()


class StanfordCars(ListedSource):
    """Pieces of the labelled images, missing ones included, and of the images without a label."""

    name = NAME

    def check_tree(self, tree: Tree) -> None:
        """Raise `SourceError` if there are no images."""
        if not any(tree.images(folder) for folder in NUM_IMAGES):
            raise no_images(tree, ", ".join(NUM_IMAGES), self.how_to_get)

    def classes(self, request: PlanRequest) -> SourceClasses:
        """Make the 196 classes. Raises `SourceError` for a class that the manifest's table does not have."""
        tree = self.open_tree(request.path)
        rules = read_rules(request.manifest, NAME)
        labels = read_labels(tree, self.how_to_get)
        table = read_body_types(request.manifest, rules)
        names = dict(enumerate(labels.class_names, start=1))
        if unknown := {number: name for number, name in names.items() if table_key(name) not in table}:
            raise SourceError(
                f"{len(unknown)} classes are not in the manifest's table:"
                f"{bullet_list(f'class {n}: {name!r}' for n, name in unknown.items())}",
                code="source.unknown-classes",
                hint="add them to the table in a copy of the manifest",
                classes=tuple(unknown.values()),
            )
        if wrong := [f"{name}: class {number}" for name, number in labels.classes.items() if number not in names]:
            raise SourceError(
                f"labels that are none of {len(names)} classes:{bullet_list(wrong)}",
                code="source.unknown-labels",
                hint=self.how_to_get,
                count=len(wrong),
            )
        notes = list(labels.notes)
        for folder, published in NUM_IMAGES.items():
            if images := tree.images(folder):
                notes += compare_counts(f"images below {folder}/", len(images), published)
        vehicles = [make_vehicle(number, name, *table[table_key(name)], rules) for number, name in names.items()]
        return make_classes(vehicles, rules, notes)

    def rows(self, tree: Tree) -> Iterator[Row]:
        """List every labelled image, and every image without a label."""
        labels = read_labels(tree, self.how_to_get).classes
        for name, number in labels.items():
            yield Row(name, label_of(number), own_id(name))
        for folder in NUM_IMAGES:
            for name in tree.images(folder):
                if name not in labels:
                    yield Row(name, "", own_id(name))


def read_labels(tree: Tree, how_to_get: str) -> CarLabels:
    """Read the labels. Raises `SourceError` if a file of labels is damaged, or none is there."""
    if ONE_FILE in tree.files:
        variables = matlab.read_variables(tree.read(ONE_FILE), ONE_FILE)
        labels = parse_labels(variables, ONE_FILE, "relative_im_path", "")
        return CarLabels(parse_class_names(variables, ONE_FILE), labels)
    labels, notes = {}, []
    for folder, names in LABEL_FILES.items():
        name = first_present(tree, names)
        if name is not None:
            labels |= parse_labels(matlab.read_variables(tree.read(name), name), name, "fname", f"{folder}/")
        elif images := tree.images(folder):
            notes.append(f"{names[0]} is not there: the {len(images):,} images below {folder}/ have no labels")
    meta = first_present(tree, META_FILES)
    if meta is None or not labels:
        missing = META_FILES[0] if meta is None else " and no ".join(names[0] for names in LABEL_FILES.values())
        raise missing_file(tree, missing, how_to_get, ", so no labels are known")
    class_names = parse_class_names(matlab.read_variables(tree.read(meta), meta), meta)
    return CarLabels(class_names, labels, tuple(notes))


def first_present(tree: Tree, names: tuple[str, ...]) -> str | None:
    """Return the first of several names of a file that is there."""
    return next((name for name in names if name in tree.files), None)


def parse_labels(variables: dict[str, Any], file: str, field: str, prefix: str) -> dict[str, int]:
    """Map images to their class; ``field`` has the name of an image below ``prefix``. Raises `SourceError`."""
    try:
        rows = np.atleast_1d(variables["annotations"]).tolist()
        return {f"{prefix}{getattr(row, field)}": int(getattr(row, "class")) for row in rows}
    except (KeyError, AttributeError, TypeError, ValueError) as exc:
        raise matlab.damaged_file(file, exc, "is it the original file?") from exc


def parse_class_names(variables: dict[str, Any], file: str) -> list[str]:
    """Return the names of the classes. Raises `SourceError` if the file has none."""
    if "class_names" not in variables:
        raise matlab.damaged_file(file, "it has no class_names", "is it the original file?")
    return [" ".join(name.split()) for name in matlab.to_texts(variables["class_names"])]


def read_body_types(manifest: Manifest, rules: VehicleRules) -> dict[str, tuple[str, str]]:
    """Map class names to make and body type, as the manifest's table has them. Raises `ManifestError`."""
    rows = read_manifest_table(manifest, NAME)
    try:
        table = {row["name"]: (row["make"], row["body"]) for row in rows}
    except KeyError as exc:
        raise ManifestError(
            f"the table of {NAME} in {manifest.folder} has no column {exc}",
            code="manifest.table-column",
            path=manifest.folder,
            column=exc.args[0],
        ) from exc
    faults = [f"{name}: {kind!r}" for name, (_, kind) in table.items() if rules.body_type(kind or "") is None]
    if faults:
        raise ManifestError(
            f"the table of {NAME} in {manifest.folder} has types that are not in its manifest:{bullet_list(faults)}",
            code="manifest.unknown-types",
            hint=f"known are: {', '.join(rules.types)}",
            path=manifest.folder,
            count=len(faults),
        )
    return table


def make_vehicle(number: int, name: str, make: str, kind: str, rules: VehicleRules) -> Vehicle:
    """Make a fine class. Its make counts as the model, and is a middle class for each body type."""
    body = rules.body_type(kind) or ""
    return Vehicle(label_of(number), name, make, body, "" if body else f"the manifest leaves out its type: {kind}")


def table_key(name: str) -> str:
    """Return a class name as the manifest has it: copies that use the names as folders have ``C-V`` for ``C/V``."""
    return name.replace("C-V", "C/V")


def label_of(number: int) -> str:
    """Return the label of a class by its number."""
    return f"{NAME}-{number:03d}"


def own_id(name: str) -> str:
    """Return the id of an image: both folders count their images from 1, so the folder is part of it."""
    return plain_id(f"{name.rpartition('/')[0]}_{file_stem(name)}")
