"""VERI-Wild: vehicles seen by 174 cameras, each row with model and body type. Both releases, told apart by their lists.

Fine is the vehicle, middle its model, coarse its body type by the manifest's map. A vehicle whose rows disagree has the
model and the type that most of its rows have; if several are equally frequent it is excluded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dmlkit.errors import SourceError
from dmlkit.sources.base import PlanRequest, SourceClasses
from dmlkit.sources.common.listed import (
    ListedSource,
    Row,
    Tree,
    compare_counts,
    file_stem,
    missing_file,
    names_by_number,
    no_images,
    plain_id,
    strip_zeros,
)
from dmlkit.sources.common.vehicles import Vehicle, VehicleRules, make_classes, most_common, read_rules
from dmlkit.text import bullet_list

NAME = "veri-wild"
INFO = "vehicle_info.txt"
DATA_LINE = re.compile(r"\s*\d+/\d+(\.jpg)?\s*;", re.IGNORECASE)
NUM_FIELDS = 6

# The published numbers of images, vehicles, and parts of the archive.
NUM_IMAGES, NUM_VEHICLES, NUM_PARTS = 416_314, 40_671, 23

# Vehicles of each test set, each of which has one query -> images of its gallery.
TESTS = {3_000: 38_861, 5_000: 64_389, 10_000: 128_517}

# The lists of each release and their published numbers of rows.
LISTS = {
    "first": {
        "train_list.txt": 277_797,
        **{f"test_{n}.txt": images for n, images in TESTS.items()},
        **{f"test_{n}_query.txt": n for n in TESTS},
    },
    "second": {
        "train_list_start0.txt": 277_797,
        **{f"test_{n}_id.txt": images for n, images in TESTS.items()},
        **{f"test_{n}_id_query.txt": n for n in TESTS},
    },
}


class InfoRow(NamedTuple):
    """One row of ``vehicle_info.txt``. Vehicle and image are without leading zeros, which some copies lack."""

    line: int
    vehicle: str
    image: str
    model: str
    kind: str


class VeriWild(ListedSource):
    """Pieces of ``vehicle_info.txt``."""

    name = NAME

    def check_tree(self, tree: Tree) -> None:
        """Raise `SourceError` if the images are not unpacked."""
        if tree.images("images"):
            return
        hint = f"unpack all {NUM_PARTS} parts into it: unrar x images.part01.rar"
        packed = sum(name.endswith(".rar") for name in tree.files)
        if packed:
            raise SourceError(
                f"{tree.path} holds {packed} of {NUM_PARTS} RAR parts, which are not unpacked",
                code="source.not-unpacked",
                hint=hint,
                path=tree.path,
                count=packed,
            )
        raise no_images(tree, "images/", hint)

    def classes(self, request: PlanRequest) -> SourceClasses:
        """Make the classes of all vehicles. Raises `SourceError` for types that the manifest does not know."""
        tree = self.open_tree(request.path)
        rules = read_rules(request.manifest, NAME)
        infos = read_info(tree)
        return make_classes(assign_models(infos, rules), rules, count_notes(tree, infos))

    def rows(self, tree: Tree) -> Iterator[Row]:
        """List every row of ``vehicle_info.txt``, and every image that is in none."""
        images = tree.images("images")
        names, listed = names_by_number(images, 2), set()
        for info in read_info(tree):
            usual_name = f"images/{info.vehicle.zfill(5)}/{info.image.zfill(6)}.jpg"
            name = names.get(f"{info.vehicle}/{info.image}", usual_name)
            listed.add(name)
            yield Row(name, label_of(info.vehicle), own_id(name))
        for name in images:
            if name not in listed:
                yield Row(name, "", own_id(name))


def read_info(tree: Tree) -> list[InfoRow]:
    """Read ``vehicle_info.txt``, with or without its line of names. Raises `SourceError` with the bad lines."""
    names = [name for name in tree.files if f"/{name}".endswith(f"/{INFO}")]
    if not names:
        hint = "download it with the lists, into train_test_split/"
        raise missing_file(tree, INFO, hint, ", which says model and type of each image")
    name = min(names, key=lambda n: (n.count("/"), n))
    rows, faults = [], {}
    for position, (number, line) in enumerate(tree.numbered_lines(name)):
        fields = [field.strip() for field in line.split(";")]
        if len(fields) == NUM_FIELDS and DATA_LINE.match(line):
            vehicle, image = strip_zeros(fields[0]).split("/")
            rows.append(InfoRow(number, vehicle, image, fields[3], fields[4]))
        elif position > 0 or len(fields) != NUM_FIELDS:  # the first line may hold the names of the columns
            faults[number] = f"line {number}: {line[:80]!r}"
    if faults or not rows:
        raise SourceError(
            f"{tree.path}: {len(faults):,} lines of {name} are not six fields with ';' between them, "
            f"{len(rows):,} are:{bullet_list(faults.values())}",
            code="source.bad-lines",
            hint="is it the original file, and whole?",
            path=tree.path,
            name=name,
            lines=tuple(faults),
        )
    return rows


def assign_models(infos: Iterable[InfoRow], rules: VehicleRules) -> list[Vehicle]:
    """Give each vehicle a model and a body type, by the rule above. Raises `SourceError` for unknown types."""
    rows_by_vehicle: dict[str, list[InfoRow]] = {}
    unknown: dict[str, InfoRow] = {}
    for row in infos:
        rows_by_vehicle.setdefault(row.vehicle, []).append(row)
        if rules.body_type(row.kind) is None:
            unknown.setdefault(row.kind, row)
    if unknown:
        faults = (f"{kind!r}, first in line {row.line}: {label_of(row.vehicle)}" for kind, row in unknown.items())
        raise SourceError(
            f"body types in {INFO} that the manifest does not know: {len(unknown)}{bullet_list(faults)}",
            code="source.unknown-types",
            hint=f"add them to [{NAME}.types] of a copy of the manifest; known are: {', '.join(rules.types)}",
            types=tuple(unknown),
            lines=tuple(row.line for row in unknown.values()),
        )
    vehicles = []
    for vehicle, rows in rows_by_vehicle.items():
        models = most_common(row.model for row in rows if row.model)
        bodies = most_common(rules.body_type(row.kind) or "" for row in rows)
        problem = label_problem(models, bodies, rows)
        name = f"VERI-Wild {vehicle.zfill(5)}"
        vehicles.append(Vehicle(label_of(vehicle), name, models[0] if models else "", bodies[0], problem))
    return vehicles


def label_problem(models: list[str], bodies: list[str], rows: Iterable[InfoRow]) -> str:
    """Say why the model or the body type of a vehicle is not known; empty if both are."""
    kinds = ", ".join(sorted({row.kind for row in rows}))
    if not models:
        return "its rows name no model"
    if len(models) > 1:
        return f"its rows name several models equally often: {', '.join(models)}"
    if len(bodies) > 1:
        return f"its rows name several types equally often: {kinds}"
    return "" if bodies[0] else f"the manifest leaves out its type: {kinds}"


def find_release(tree: Tree) -> tuple[str, dict[str, str]]:
    """Return the release whose lists are there, and those: file name -> name in the tree. Empty if none is there."""
    files = {name.rsplit("/", 1)[-1]: name for name in sorted(tree.files) if name.endswith(".txt")}
    lists = {release: {n: files[n] for n in names if n in files} for release, names in LISTS.items()}
    release = max(lists, key=lambda r: len(lists[r]))
    return (release, lists[release]) if lists[release] else ("", {})


def count_notes(tree: Tree, infos: list[InfoRow]) -> list[str]:
    """Note how the counts differ from the published ones."""
    images = tree.images("images")
    notes = [
        *compare_counts(f"rows of {INFO}", len(infos), NUM_IMAGES),
        *compare_counts("images below images/", len(images), NUM_IMAGES),
    ]
    folders = len({name.split("/")[-2] for name in images})
    why = "; fewer mean that a RAR part is missing or was not unpacked" if folders < NUM_VEHICLES else ""
    notes += [note + why for note in compare_counts("folders of vehicles", folders, NUM_VEHICLES)]
    release, lists = find_release(tree)
    if not release:
        return [*notes, "the lists of train and test are not there; the labels do not need them"]
    missing = [name for name in LISTS[release] if name not in lists]
    if missing:
        notes.append(f"of the lists of the {release} release are not there, and not needed: {', '.join(missing)}")
    known = {f"{row.vehicle}/{row.image}" for row in infos}
    for name, path in lists.items():
        lines = tree.lines(path)
        notes += compare_counts(f"rows of {name}, {release} release", len(lines), LISTS[release][name])
        unknown = sum(strip_zeros(line.split()[0]) not in known for line in lines)
        notes += [f"{unknown:,} rows of {name} are not in {INFO}"] if unknown else []
    return notes


def label_of(vehicle: str) -> str:
    """Return the label of a vehicle by its number."""
    return f"{NAME}-{vehicle.zfill(5)}"


def own_id(name: str) -> str:
    """Return ``<vehicle>_<image>`` as the file's own name has them, zeros and all."""
    return plain_id(f"{name.split('/')[-2]}_{file_stem(name)}")
