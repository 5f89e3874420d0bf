"""PKU VehicleID: vehicles of which a part has a model, by number, and none a body type: a person fills that in.

Fine is the vehicle, middle its model, coarse the body type that the table says of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dmlkit.errors import SourceError
from dmlkit.sources.base import BlankTable, PlanRequest, SourceClasses
from dmlkit.sources.common.listed import (
    ListedSource,
    Row,
    Tree,
    compare_counts,
    file_stem,
    names_by_number,
    plain_id,
    require_files,
    strip_zeros,
)
from dmlkit.sources.common.tables import read_filled_table
from dmlkit.sources.common.vehicles import Vehicle, make_classes, read_rules
from dmlkit.taxonomy.manifest import Manifest
from dmlkit.text import bullet_list

NAME = "vehicleid"
IMAGES = "attribute/img2vid.txt"
MODELS = "attribute/model_attr.txt"
NAMES = "attribute/model_names.txt"

# The columns of the table that a person fills in, and those of them that are read.
TABLE_COLUMNS = ("model_id", "name_in_source", "vehicles", "name", "body_type")
READ_COLUMNS = ("model_id", "name", "body_type")

# The published numbers of images and vehicles, and of rows of each list.
NUM_IMAGES, NUM_VEHICLES = 221_567, 26_328
LISTS = {
    "train_list.txt": 113_346,
    "test_list_800.txt": 6_493,
    "test_list_1600.txt": 13_377,
    "test_list_2400.txt": 19_777,
}


@dataclass(frozen=True)
class VehicleList:
    """What the source's lists say. Numbers are texts without leading zeros.

    ``vehicles`` are all that have an image, in order; ``models`` the models of each vehicle that has one;
    ``model_names`` the names of models, empty if the source has no list of them.
    """

    vehicles: tuple[str, ...]
    models: Mapping[str, tuple[str, ...]]
    model_names: Mapping[str, str]

    def count_models(self) -> Counter[str]:
        """Count the vehicles of each model."""
        return Counter(model for models in self.models.values() for model in models)


@dataclass(frozen=True)
class FilledModel:
    """What a person filled in of a model: its name, and the id of its body type; both may be empty."""

    name: str
    body: str


class VehicleId(ListedSource):
    """Pieces of ``img2vid.txt``."""

    name = NAME

    def check_tree(self, tree: Tree) -> None:
        """Raise `SourceError` if the lists or the images are not there."""
        require_files(tree, (IMAGES, MODELS), "image")

    def blank_table(self, request: PlanRequest) -> BlankTable:
        """Make the table of models, without their names and body types."""
        return make_model_table(read_lists(self.open_tree(request.path)))

    def classes(self, request: PlanRequest) -> SourceClasses:
        """Make the classes of the vehicles whose model has a body type in the table. Raises `SourceError`."""
        tree = self.open_tree(request.path)
        rules = read_rules(request.manifest, NAME)
        lists, table = read_lists(tree), read_model_table(request.table, request.manifest)
        vehicles = assign_models(lists, table)
        notes = [*count_notes(tree), *model_notes(lists, table, request.table)]
        where = f"column body_type of {request.table or 'a --table FILE'}"
        hint = f"write one of {', '.join(rules.coarse)} into the {where}, for each model"
        return make_classes(vehicles, rules, notes, hint)

    def rows(self, tree: Tree) -> Iterator[Row]:
        """List every row of ``img2vid.txt``, and every image that is in none."""
        images = tree.images("image")
        names, listed = names_by_number(images, 1), set()
        for image, vehicle in read_pairs(tree, IMAGES):
            name = names.get(strip_zeros(image), f"image/{image.zfill(7)}.jpg")
            listed.add(name)
            yield Row(name, label_of(vehicle), plain_id(file_stem(name)))
        for name in images:
            if name not in listed:
                yield Row(name, "", plain_id(file_stem(name)))


def read_pairs(tree: Tree, name: str) -> list[tuple[str, str]]:
    """Read the lines of a list as (all before the last blank, the number behind it). Raises `SourceError`."""
    pairs, faults = [], {}
    for number, line in tree.numbered_lines(name):
        parts = line.strip().rsplit(None, 1)
        if len(parts) == 2 and parts[1].isdecimal():
            pairs.append((parts[0], strip_zeros(parts[1])))
        else:
            faults[number] = f"line {number}: {line[:80]!r}"
    if faults:
        raise SourceError(
            f"{tree.path}: {name} has lines that are not a name, a blank and a number:{bullet_list(faults.values())}",
            code="source.bad-lines",
            hint="is it the original file, and whole?",
            path=tree.path,
            name=name,
            lines=tuple(faults),
        )
    return pairs


def read_lists(tree: Tree) -> VehicleList:
    """Read the vehicles, their models and the models' names. Raises `SourceError` with the bad lines."""
    models: dict[str, set[str]] = {}
    for vehicle, model in read_pairs(tree, MODELS):
        models.setdefault(strip_zeros(vehicle), set()).add(model)
    return VehicleList(
        vehicles=tuple(sorted({number for _, number in read_pairs(tree, IMAGES)}, key=int)),
        models={vehicle: tuple(sorted(numbers, key=int)) for vehicle, numbers in models.items()},
        model_names={number: name for name, number in read_pairs(tree, NAMES)} if NAMES in tree.files else {},
    )


def make_model_table(lists: VehicleList) -> BlankTable:
    """Make the table that a person fills in: a row a model, without its name and body type."""
    counts = lists.count_models()
    cells = ((n, lists.model_names.get(n, ""), str(counts[n]), "", "") for n in sorted(counts, key=int))
    return BlankTable(TABLE_COLUMNS, tuple(dict(zip(TABLE_COLUMNS, row, strict=True)) for row in cells))


def read_model_table(path: Path | None, manifest: Manifest) -> dict[str, FilledModel]:
    """Read what a person filled in of each model. Raises `SourceError` for a body type that the manifest lacks."""
    coarse = manifest.settings.get("coarse", {})
    bodies = {text.casefold(): body for body, name in coarse.items() for text in (name, body)} | {"": ""}
    models, faults = {}, {}
    for number, row in read_filled_table(path, READ_COLUMNS).items():
        body = bodies.get(row["body_type"].casefold())
        if body is None:
            faults[number] = f"model {number}: {row['body_type']!r}"
        else:
            models[strip_zeros(number)] = FilledModel(row["name"], body)
    if faults:
        raise SourceError(
            f"{path} has body types that the manifest does not know:{bullet_list(faults.values())}",
            code="source.unknown-types",
            hint=f"known are: {', '.join(coarse)}",
            path=path,
            models=tuple(faults),
        )
    return models


def assign_models(lists: VehicleList, table: Mapping[str, FilledModel]) -> list[Vehicle]:
    """Give each vehicle its model, and the body type that the table says of the model."""
    vehicles = []
    for number in lists.vehicles:
        models = lists.models.get(number, ())
        filled = table.get(models[0]) if models else None
        body = filled.body if filled else ""
        name = model_name(models[0], lists, table) if models else ""
        problem = ""
        if not models:
            problem = f"it has no model in {MODELS}"
        elif len(models) > 1:
            problem = f"it has several models in {MODELS}: {', '.join(models)}"
        elif not body:
            problem = f"its model {models[0]} ({name}) has no body type in the table"
        vehicles.append(Vehicle(label_of(number), f"VehicleID {number.zfill(5)}", name, body, problem))
    return vehicles


def model_name(number: str, lists: VehicleList, table: Mapping[str, FilledModel]) -> str:
    """Return the name of a model: that of the table, else that of the source, else a generated one."""
    filled = table[number].name if number in table else ""
    return filled or lists.model_names.get(number, "") or f"VehicleID model {number}"


def model_notes(lists: VehicleList, table: Mapping[str, FilledModel], path: Path | None) -> list[str]:
    """Note what is not known of models: names, body types, and which rows of the table are of none."""
    counts = lists.count_models()
    filled = [n for n in counts if n in table and table[n].body]
    share = sum(counts[n] for n in filled) / max(1, counts.total())
    where = path.name if path else "the --table that was not given"
    notes = [] if lists.model_names else [f"{NAMES} is not there: the models have no names"]
    notes.append(
        f"{len(filled)} of {len(counts)} models have a body type in {where}: {share:.0%} of the vehicles with a model"
    )
    if unknown := sorted(table.keys() - counts.keys()):
        notes.append(f"rows of {where} about models that no vehicle has: {', '.join(unknown[:5])}")
    without = len(set(lists.vehicles) - lists.models.keys())
    if without:
        notes.append(f"{without:,} of {len(lists.vehicles):,} vehicles have no model in {MODELS}")
    return notes


def count_notes(tree: Tree) -> list[str]:
    """Note how the counts differ from the published ones."""
    num_vehicles = len({number for _, number in read_pairs(tree, IMAGES)})
    notes = [
        *compare_counts("images below image/", len(tree.images("image")), NUM_IMAGES),
        *compare_counts("vehicles of img2vid.txt", num_vehicles, NUM_VEHICLES),
    ]
    lists = {name: f"train_test_split/{name}" for name in LISTS}
    if missing := [name for name, path in lists.items() if path not in tree.files]:
        notes.append(f"lists that are not there, and not needed: {', '.join(missing)}")
    for name, path in lists.items():
        if path in tree.files:
            notes += compare_counts(f"rows of {name}", len(tree.lines(path)), LISTS[name])
    return notes


def label_of(vehicle: str) -> str:
    """Return the label of a vehicle by its number."""
    return f"{NAME}-{strip_zeros(vehicle).zfill(5)}"
