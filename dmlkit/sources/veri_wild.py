"""VERI-Wild: vehicles seen by 174 cameras, each row with model and body type. Both releases, told apart by their lists.

Fine is the vehicle, middle its model, coarse its body type by the manifest's map. A vehicle whose rows disagree has the
model and the type that most of its rows have; where several stand equally often it is excluded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dmlkit import terms
from dmlkit.errors import SourceError
from dmlkit.sources import Classes, Request
from dmlkit.sources.base import Candidate, Unit
from dmlkit.sources.common import listed, synsets, vehicles
from dmlkit.sources.common.listed import Row, Tree
from dmlkit.sources.common.vehicles import Rules, Vehicle
from dmlkit.text import bullet_list

NAME = "veri-wild"
INFO = "vehicle_info.txt"
MARKS = (f"train_test_split/{INFO}", "images", INFO, "images.part01.rar")
DATA_LINE = re.compile(r"\s*\d+/\d+(\.jpg)?\s*;", re.IGNORECASE)
FIELDS = 6

IMAGES, VEHICLES, PARTS = 416_314, 40_671, 23
TESTS = {3_000: 38_861, 5_000: 64_389, 10_000: 128_517}
"""Vehicles of each test set, each of which has one query → images of its gallery."""
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
"""The lists of each release and their published numbers of rows."""


class Info(NamedTuple):
    """One row of ``vehicle_info.txt``. Vehicle and image are without leading zeros, which some copies lack."""

    line: int
    vehicle: str
    image: str
    model: str
    kind: str


def tree_of(request: Request) -> Tree:
    """The files at ``--from``. Raises `SourceError` where they are none of VERI-Wild, or are not unpacked."""
    return tree_in(synsets.given_path(request, NAME, terms.load(NAME).how_to_get))


def tree_in(path: Path) -> Tree:
    tree = listed.tree_at(path, MARKS)
    if tree is None:
        raise synsets.no_units(path, NAME)
    if not tree.images("images"):
        packed = sum(name.endswith(".rar") for name in tree.files)
        what = f"{packed} of {PARTS} RAR parts, which are not unpacked" if packed else "no images below images/"
        raise SourceError(
            f"{tree.path} holds {what}", hint=f"unpack all {PARTS} parts into it: unrar x images.part01.rar"
        )
    return tree


def read_info(tree: Tree) -> list[Info]:
    """The rows of ``vehicle_info.txt``, with or without its line of names. Raises `SourceError` with the bad lines."""
    places = [name for name in tree.files if f"/{name}".endswith(f"/{INFO}")]
    if not places:
        raise SourceError(
            f"{tree.path} has no {INFO}, which says model and type of each image",
            hint="download it with the lists, into train_test_split/",
        )
    name = min(places, key=lambda n: (n.count("/"), n))
    rows, faults = [], []
    for at, (number, line) in enumerate(tree.numbered(name)):
        fields = [field.strip() for field in line.split(";")]
        if len(fields) == FIELDS and DATA_LINE.match(line):
            vehicle, image = listed.number_of(fields[0]).split("/")
            rows.append(Info(number, vehicle, image, fields[3], fields[4]))
        elif at > 0 or len(fields) != FIELDS:  # the first line may hold the names of the columns
            faults.append(f"line {number}: {line[:80]!r}")
    if faults or not rows:
        raise SourceError(
            f"{tree.path}: {len(faults):,} lines of {name} are not six fields with ';' between them, "
            f"{len(rows):,} are:{bullet_list(faults)}",
            hint="is it the original file, and whole?",
        )
    return rows


def classes(request: Request) -> Classes:
    """The classes of all vehicles. Raises `SourceError` for types that the manifest does not know."""
    tree = tree_of(request)
    rules = vehicles.rules_of(request.manifest, NAME)
    rows = read_info(tree)
    return vehicles.classes_of(vehicles_of(rows, rules), rules, notes_on(tree, rows))


def vehicles_of(rows: Iterable[Info], rules: Rules) -> Iterator[Vehicle]:
    """One vehicle for each number, by the rule above. Raises `SourceError` for unknown types."""
    of_vehicle: dict[str, list[Info]] = {}
    unknown: dict[str, Info] = {}
    for row in rows:
        of_vehicle.setdefault(row.vehicle, []).append(row)
        if rules.body_of(row.kind) is None:
            unknown.setdefault(row.kind, row)
    if unknown:
        faults = (f"{kind!r}, first in line {row.line}: {label_of(row.vehicle)}" for kind, row in unknown.items())
        raise SourceError(
            f"body types in {INFO} that the manifest does not know: {len(unknown)}{bullet_list(faults)}",
            hint=f"add them to [{NAME}.types] of a copy of the manifest; known are: {', '.join(rules.types)}",
        )
    for number, its in of_vehicle.items():
        models = vehicles.most_common(row.model for row in its if row.model)
        bodies = vehicles.most_common(rules.body_of(row.kind) or "" for row in its)
        trouble = trouble_with(models, bodies, its)
        name = f"VERI-Wild {number.zfill(5)}"
        yield Vehicle(label_of(number), name, models[0] if models else "", bodies[0], trouble)


def trouble_with(models: list[str], bodies: list[str], its: Iterable[Info]) -> str:
    """Why the model or the body type of a vehicle is not known; empty where it is."""
    kinds = ", ".join(sorted({row.kind for row in its}))
    if not models:
        return "its rows name no model"
    if len(models) > 1:
        return f"its rows name several models equally often: {', '.join(models)}"
    if len(bodies) > 1:
        return f"its rows name several types equally often: {kinds}"
    return "" if bodies[0] else f"the manifest leaves out its type: {kinds}"


def release_of(tree: Tree) -> tuple[str, dict[str, str]]:
    """The release whose lists are there, and those: file name → name in the tree. Empty where none is there."""
    there = {name.rsplit("/", 1)[-1]: name for name in sorted(tree.files) if name.endswith(".txt")}
    of_release = {release: {n: there[n] for n in lists if n in there} for release, lists in LISTS.items()}
    release = max(of_release, key=lambda r: len(of_release[r]))
    return (release, of_release[release]) if of_release[release] else ("", {})


def notes_on(tree: Tree, rows: list[Info]) -> list[str]:
    """How the counts differ from the published ones."""
    images = tree.images("images")
    notes = [
        *listed.counted(f"rows of {INFO}", len(rows), IMAGES),
        *listed.counted("images below images/", len(images), IMAGES),
    ]
    folders = len({name.split("/")[-2] for name in images})
    why = "; fewer mean that a RAR part is missing or was not unpacked" if folders < VEHICLES else ""
    notes += [note + why for note in listed.counted("folders of vehicles", folders, VEHICLES)]
    release, lists = release_of(tree)
    if not release:
        return [*notes, "the lists of train and test are not there; the labels do not need them"]
    lacking = [name for name in LISTS[release] if name not in lists]
    if lacking:
        notes.append(f"of the lists of the {release} release are not there, and not needed: {', '.join(lacking)}")
    known = {f"{row.vehicle}/{row.image}" for row in rows}
    for name, path in lists.items():
        lines = tree.lines(path)
        notes += listed.counted(f"rows of {name}, {release} release", len(lines), LISTS[release][name])
        strange = sum(listed.number_of(line.split()[0]) not in known for line in lines)
        notes += [f"{strange:,} rows of {name} are not in {INFO}"] if strange else []
    return notes


def plan(request: Request) -> list[Unit]:
    """Pieces of the rows, those without an image included, and of the images without a row."""
    tree = tree_of(request)
    return listed.units_of(tree, rows_of(tree, read_info(tree)))


def rows_of(tree: Tree, infos: Iterable[Info]) -> Iterator[Row]:
    """Every row of the list, and every image that none names."""
    images = tree.images("images")
    names, used = listed.by_number(images, 2), set()
    for info in infos:
        standard = f"images/{info.vehicle.zfill(5)}/{info.image.zfill(6)}.jpg"
        name = names.get(f"{info.vehicle}/{info.image}", standard)
        used.add(name)
        yield Row(name, label_of(info.vehicle), own_id(name))
    for name in images:
        if name not in used:
            yield Row(name, "", own_id(name))


def label_of(vehicle: str) -> str:
    return f"{NAME}-{vehicle.zfill(5)}"


def own_id(name: str) -> str:
    """``<vehicle>_<image>`` as the file's own name has them, zeros and all."""
    folder, file = name.split("/")[-2:]
    return listed.plain_id(f"{folder}_{file.partition('.')[0]}")


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one unit."""
    return listed.read(unit)
