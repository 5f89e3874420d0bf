"""PKU VehicleID: vehicles of which a part has a model, by number, and none a body type: a person fills that in.

Fine is the vehicle, middle its model, coarse the body type that the table says of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dmlkit import terms
from dmlkit.errors import SourceError
from dmlkit.sources import Classes, Request
from dmlkit.sources.base import Candidate, Unit
from dmlkit.sources.common import listed, synsets, tables, vehicles
from dmlkit.sources.common.listed import Row, Tree
from dmlkit.sources.common.vehicles import Vehicle
from dmlkit.text import bullet_list

NAME = "vehicleid"
MARKS = ("attribute/model_attr.txt", "attribute/img2vid.txt")
IMAGES = "attribute/img2vid.txt"
MODELS = "attribute/model_attr.txt"
NAMES = "attribute/model_names.txt"
TABLE = ("model_id", "name_in_source", "vehicles", "name", "body_type")
NEEDED = ("model_id", "name", "body_type")
"""The columns of the table that a person fills, and those of them that are read."""

NUM_IMAGES, NUM_VEHICLES = 221_567, 26_328
LISTS = {
    "train_list.txt": 113_346,
    "test_list_800.txt": 6_493,
    "test_list_1600.txt": 13_377,
    "test_list_2400.txt": 19_777,
}


@dataclass(frozen=True)
class Model:
    """What is known of a model: its name, and the id of its body type, empty where the table does not say."""

    name: str
    body: str


def tree_of(request: Request) -> Tree:
    """The files at ``--from``. Raises `SourceError` where they are none of VehicleID, or not whole."""
    return tree_in(synsets.given_path(request, NAME, terms.load(NAME).how_to_get))


def tree_in(path: Path) -> Tree:
    tree = listed.tree_at(path, MARKS)
    if tree is None:
        raise synsets.no_units(path, NAME)
    listed.must_hold(tree, (IMAGES, MODELS), "image")
    return tree


def pairs(tree: Tree, name: str) -> list[tuple[str, str]]:
    """The lines of a list as (all before the last blank, what stands behind it). Raises `SourceError`."""
    found, faults = [], []
    for number, line in tree.numbered(name):
        parts = line.strip().rsplit(None, 1)
        if len(parts) == 2 and parts[1].isdecimal():
            found.append((parts[0], listed.number_of(parts[1])))
        else:
            faults.append(f"line {number}: {line[:80]!r}")
    if faults:
        raise SourceError(
            f"{tree.path}: {name} has lines that are not a name, a blank and a number:{bullet_list(faults)}",
            hint="is it the original file, and whole?",
        )
    return found


def classes(request: Request) -> Classes:
    """The classes of the vehicles whose model has a body type in the table. Raises `SourceError`."""
    tree = tree_of(request)
    rules = vehicles.rules_of(request.manifest, NAME)
    notes = notes_on(tree)
    found = list(vehicles_of(tree, request, notes))
    where = f"the column body_type of {request.table}" if request.table else "the column body_type of a --table FILE"
    return vehicles.classes_of(
        found, rules, notes, f"write one of {', '.join(rules.coarse)} into {where}, for each model"
    )


def vehicles_of(tree: Tree, request: Request, notes: list[str]) -> Iterator[Vehicle]:
    """One vehicle for each number. What is not known of them goes to ``notes``. Raises `SourceError`."""
    of_vehicle: dict[str, set[str]] = {}
    for vehicle, model in pairs(tree, MODELS):
        of_vehicle.setdefault(listed.number_of(vehicle), set()).add(model)
    known = models_of(tree, Counter(model for its in of_vehicle.values() for model in its), request, notes)
    numbers = sorted({number for _, number in pairs(tree, IMAGES)}, key=int)
    without = len(numbers) - len(of_vehicle.keys() & set(numbers))
    if without:
        notes.append(f"{without:,} of {len(numbers):,} vehicles have no model in {MODELS}")
    for number in numbers:
        models = sorted(of_vehicle.get(number, ()), key=int)
        its = known[models[0]] if models else Model("", "")
        trouble = ""
        if not models:
            trouble = f"it has no model in {MODELS}"
        elif len(models) > 1:
            trouble = f"it has several models in {MODELS}: {', '.join(models)}"
        elif not its.body:
            trouble = f"its model {models[0]} ({its.name}) has no body type in the table"
        yield Vehicle(label_of(number), f"VehicleID {number.zfill(5)}", its.name, its.body, trouble)


def models_of(tree: Tree, count: Mapping[str, int], request: Request, notes: list[str]) -> dict[str, Model]:
    """Model number → what the table says of it. Writes the table where there is none. Raises `SourceError`.

    ``count``: model number → its vehicles.
    """
    names = {number: name for name, number in pairs(tree, NAMES)} if NAMES in tree.files else {}
    if not names:
        notes.append(f"{NAMES} is not there: the models have no names")
    numbers = sorted(count, key=int)
    rows = (
        {"model_id": n, "name_in_source": names.get(n, ""), "vehicles": str(count[n]), "name": "", "body_type": ""}
        for n in numbers
    )
    tables.write_table(request.table_to_write, TABLE, rows)
    table = read_table(request)
    known = {}
    for n in numbers:
        row = table.get(n, Model("", ""))
        known[n] = Model(row.name or names.get(n, "") or f"VehicleID model {n}", row.body)
    filled = [n for n in numbers if known[n].body]
    share = sum(count[n] for n in filled) / max(1, sum(count.values()))
    where = request.table.name if request.table else "the --table that was not given"
    notes.append(
        f"{len(filled)} of {len(numbers)} models have a body type in {where}: {share:.0%} of the vehicles with a model"
    )
    if strange := sorted(table.keys() - count.keys()):
        notes.append(f"rows of {where} about models that no vehicle has: {', '.join(strange[:5])}")
    return known


def read_table(request: Request) -> dict[str, Model]:
    """What the table says of each model. Raises `SourceError` for a body type that the manifest does not have."""
    coarse = request.manifest.settings.get("coarse", {})
    bodies = {text.casefold(): body for body, name in coarse.items() for text in (name, body)} | {"": ""}
    found, faults = {}, []
    for number, row in tables.read_table(request.table, NEEDED).items():
        body = bodies.get(row["body_type"].casefold())
        if body is None:
            faults.append(f"model {number}: {row['body_type']!r}")
        else:
            found[listed.number_of(number)] = Model(row["name"], body)
    if faults:
        raise SourceError(
            f"{request.table} has body types that the manifest does not know:{bullet_list(faults)}",
            hint=f"known are: {', '.join(coarse)}",
        )
    return found


def label_of(vehicle: str) -> str:
    return f"{NAME}-{listed.number_of(vehicle).zfill(5)}"


def notes_on(tree: Tree) -> list[str]:
    """How the counts differ from the published ones."""
    listed_vehicles = len({number for _, number in pairs(tree, IMAGES)})
    notes = [
        *listed.counted("images below image/", len(tree.images("image")), NUM_IMAGES),
        *listed.counted("vehicles of img2vid.txt", listed_vehicles, NUM_VEHICLES),
    ]
    lists = {name: f"train_test_split/{name}" for name in LISTS}
    if lacking := [name for name, path in lists.items() if path not in tree.files]:
        notes.append(f"lists that are not there, and not needed: {', '.join(lacking)}")
    for name, path in lists.items():
        if path in tree.files:
            notes += listed.counted(f"rows of {name}", len(tree.lines(path)), LISTS[name])
    return notes


def plan(request: Request) -> list[Unit]:
    """Pieces of img2vid.txt, rows without an image included, and of the images without a row."""
    tree = tree_of(request)
    return listed.units_of(tree, rows_of(tree))


def rows_of(tree: Tree) -> Iterator[Row]:
    """Every row of the list, and every image that none names."""
    images = tree.images("image")
    names, used = listed.by_number(images, 1), set()
    for image, vehicle in pairs(tree, IMAGES):
        name = names.get(listed.number_of(image), f"image/{image.zfill(7)}.jpg")
        used.add(name)
        yield Row(name, label_of(vehicle), own_id(name))
    for name in images:
        if name not in used:
            yield Row(name, "", own_id(name))


def own_id(name: str) -> str:
    return listed.plain_id(name.rsplit("/", 1)[-1].partition(".")[0])


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one unit."""
    return listed.read(unit)
