"""CompCars, its images from the web: no vehicle is known, so fine is a model of one year, middle the model, coarse
the body type by the manifest's map. A model of unknown type, and an image of unknown year, are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dmlkit import terms
from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources import Classes, Request
from dmlkit.sources.base import Candidate, Unit
from dmlkit.sources.common import listed, matlab, synsets, tables, vehicles
from dmlkit.sources.common.listed import Row, Tree
from dmlkit.sources.common.vehicles import Rules, Vehicle
from dmlkit.text import bullet_list

NAME = "compcars"
MARKS = ("misc/make_model_name.mat", "misc/attributes.txt", "misc/car_type.mat")
ATTRIBUTES = "misc/attributes.txt"
NAMES = "misc/make_model_name.mat"
TYPES = "misc/car_type.mat"

IMAGES, MODELS = 136_726, 1_716


@dataclass(frozen=True)
class Facts:
    """What misc/ says: names of makes and models by number, type of each model by number (0: not known)."""

    makes: list[str]
    models: list[str]
    types: list[str]
    type_of: dict[int, int]

    @cached_property
    def uses(self) -> Counter[str]:
        """How many models have a name."""
        return Counter(nth(self.models, number) for number in range(1, len(self.models) + 1))

    def make(self, number: int) -> str:
        """The name of a make, generated where none is known."""
        return nth(self.makes, number) or f"make {number}"

    def model(self, make_number: int, number: int) -> str:
        """Make and model, readable and unique: the number stands behind a name that several models have."""
        make, name = self.make(make_number), nth(self.models, number) or f"model {number}"
        full = name if name.casefold().startswith(make.casefold()) else f"{make} {name}"
        return full if self.uses[name] < 2 else f"{full} ({number})"


def nth(names: list[str], number: int) -> str:
    """The name with this number, counted from 1; empty where there is none."""
    return " ".join(names[number - 1].split()) if 0 < number <= len(names) else ""


def tree_of(request: Request) -> Tree:
    """The files at ``--from``. Raises `SourceError` where they are none of CompCars, or not whole."""
    path = synsets.given_path(request, NAME, terms.load(NAME).how_to_get)
    tree = listed.tree_at(path, MARKS)
    if tree is None:
        raise synsets.no_units(path, NAME)
    listed.must_hold(tree, (ATTRIBUTES, NAMES, TYPES), "image")
    return tree


def read_facts(tree: Tree) -> Facts:
    """Raises `SourceError` for lines of attributes.txt that cannot be read, and for damaged .mat files."""
    names = matlab.read(tree.read(NAMES), NAMES)
    types = matlab.read(tree.read(TYPES), TYPES)
    try:
        makes, models = matlab.texts(names["make_names"]), matlab.texts(names["model_names"])
        kinds = matlab.texts(types["types"])
    except KeyError as exc:
        raise SourceError(f"{tree.path}: {NAMES} or {TYPES} has no {exc}", hint="is it the original file?") from exc
    return Facts(makes, models, kinds, read_types(tree, len(kinds)))


def read_types(tree: Tree, most: int) -> dict[int, int]:
    """Model → its type, from 1, or 0 where it is not known. Raises `SourceError` with the bad lines."""
    types: dict[int, int] = {}
    faults = []
    for at, (number, line) in enumerate(tree.numbered(ATTRIBUTES)):
        fields = line.split()
        if at == 0 and fields and not fields[0].isdecimal():  # the names of the columns
            continue
        if len(fields) == 6 and fields[0].isdecimal() and fields[5].isdecimal() and int(fields[5]) <= most:
            model, kind = int(fields[0]), int(fields[5])
            if types.setdefault(model, kind) != kind:
                faults.append(f"line {number}: model {model} has another type before, {types[model]}")
        else:
            faults.append(f"line {number}: {line[:80]!r}")
    if faults:
        raise SourceError(
            f"{tree.path}: {ATTRIBUTES} has lines that are not a model, four figures and one of {most} types:"
            f"{bullet_list(faults)}",
            hint="is it the original file?",
        )
    return types


def place_of(name: str) -> tuple[int, int, str] | None:
    """``image/<make>/<model>/<year>/<file>`` → make, model, year; None for a name of another form."""
    parts = name.split("/")
    if len(parts) != 5 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    return int(parts[1]), int(parts[2]), parts[3]


def label_of(make: int, model: int, year: str) -> str:
    return f"{NAME}-{make:03d}-{model:04d}-{listed.plain_id(year)}"


def classes(request: Request) -> Classes:
    """A class for each model and year that has an image. Raises `SourceError` for types that the manifest lacks."""
    tree = tree_of(request)
    rules = vehicles.rules_of(request.manifest, NAME)
    middle = tables.rules_of(request.manifest, NAME).get("middle", "model")
    if middle not in ("model", "make"):
        raise ManifestError(f"`middle` in [{NAME}] of the manifest is {middle!r}; it can be 'model' or 'make'")
    facts = read_facts(tree)
    unknown = [kind for kind in facts.types if rules.body_of(kind) is None]
    if unknown:
        raise SourceError(
            f"{tree.path}: {TYPES} has types that the manifest does not know:{bullet_list(map(repr, unknown))}",
            hint=f"add them to [{NAME}.types] of a copy of the manifest; known are: {', '.join(rules.types)}",
        )
    images = tree.images("image")
    places = sorted({place for place in map(place_of, images) if place is not None})
    notes = [
        *listed.counted("images below image/", len(images), IMAGES),
        *listed.counted("models with images", len({model for _, model, _ in places}), MODELS),
    ]
    found = [vehicle_of(*place, facts, rules, by_make=middle == "make") for place in places]
    return vehicles.classes_of(found, rules, notes)


def vehicle_of(make: int, model: int, year: str, facts: Facts, rules: Rules, by_make: bool) -> Vehicle:
    """One fine class. With ``by_make`` the make stands for the model, and is a middle class for each body type."""
    name = facts.model(make, model)
    kind = nth(facts.types, facts.type_of.get(model, 0))
    body = rules.body_of(kind) or ""
    trouble = ""
    if not year.isdecimal():
        trouble = f"its year is {year}"
    elif not kind:
        trouble = f"{ATTRIBUTES} says no type of its model"
    elif not body:
        trouble = f"the manifest leaves out its type: {kind}"
    return Vehicle(label_of(make, model, year), f"{name} {year}", facts.make(make) if by_make else name, body, trouble)


def plan(request: Request) -> list[Unit]:
    """Pieces of the images; one at another place than below make, model and year is unlabelled."""
    tree = tree_of(request)
    return listed.units_of(tree, map(row_of, tree.images("image")))


def row_of(name: str) -> Row:
    """The id has make, model and year: nobody says that the names of files differ between folders."""
    place, stem = place_of(name), name.rsplit("/", 1)[-1].partition(".")[0]
    if place is None:
        return Row(name, "", listed.plain_id(stem))
    make, model, year = place
    return Row(name, label_of(*place), listed.plain_id(f"{make}_{model}_{year}_{stem}"))


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one unit."""
    return listed.read(unit)
