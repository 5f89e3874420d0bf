"""CompCars, its images from the web: no vehicle is known, so fine is a model of one year, middle the model, coarse
the body type by the manifest's map. A model of unknown type, and an image of unknown year, are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources.base import PlanRequest, SourceClasses
from dmlkit.sources.common import matlab
from dmlkit.sources.common.listed import (
    ListedSource,
    Row,
    Tree,
    compare_counts,
    file_stem,
    plain_id,
    require_files,
)
from dmlkit.sources.common.tables import manifest_section
from dmlkit.sources.common.vehicles import Vehicle, VehicleRules, make_classes, read_rules
from dmlkit.text import bullet_list

NAME = "compcars"
ATTRIBUTES = "misc/attributes.txt"
NAMES = "misc/make_model_name.mat"
TYPES = "misc/car_type.mat"

# The published numbers of images and models.
NUM_IMAGES, NUM_MODELS = 136_726, 1_716


class ModelYear(NamedTuple):
    """What the folders of an image say: numbers of make and model, and the year, which may be ``unknown``."""

    make: int
    model: int
    year: str

    @property
    def label(self) -> str:
        """The label of its images."""
        return f"{NAME}-{self.make:03d}-{self.model:04d}-{plain_id(self.year)}"


@dataclass(frozen=True)
class CompCarsTables:
    """What misc/ says: names of makes and models by number, and the type of each model by number (0: not known)."""

    makes: list[str]
    models: list[str]
    types: list[str]
    type_numbers: dict[int, int]

    @cached_property
    def uses(self) -> Counter[str]:
        """How many models have a name."""
        return Counter(nth_name(self.models, number) for number in range(1, len(self.models) + 1))

    def make_name(self, number: int) -> str:
        """Return the name of a make, generated if none is known."""
        return nth_name(self.makes, number) or f"make {number}"

    def model_name(self, make_number: int, number: int) -> str:
        """Name make and model, readably and uniquely: the number is behind a name that several models have."""
        make, name = self.make_name(make_number), nth_name(self.models, number) or f"model {number}"
        full = name if name.casefold().startswith(make.casefold()) else f"{make} {name}"
        return full if self.uses[name] < 2 else f"{full} ({number})"

    def type_name(self, model_number: int) -> str:
        """Return the body type of a model, empty if it is not known."""
        return nth_name(self.types, self.type_numbers.get(model_number, 0))


class CompCars(ListedSource):
    """Pieces of the images; one in another place than below make, model and year is unlabelled."""

    name = NAME

    def check_tree(self, tree: Tree) -> None:
        """Raise `SourceError` if the lists or the images are not there."""
        require_files(tree, (ATTRIBUTES, NAMES, TYPES), "image")

    def classes(self, request: PlanRequest) -> SourceClasses:
        """Make a class for each model and year that has an image. Raises `SourceError` for unknown types."""
        tree = self.open_tree(request.path)
        rules = read_rules(request.manifest, NAME)
        middle = manifest_section(request.manifest, NAME).get("middle", "model")
        if middle not in ("model", "make"):
            raise ManifestError(
                f"`middle` in [{NAME}] of the manifest is {middle!r}; it can be 'model' or 'make'",
                code="manifest.bad-middle",
                value=middle,
            )
        tables = read_tables(tree)
        if unknown := [kind for kind in tables.types if rules.body_type(kind) is None]:
            raise SourceError(
                f"{tree.path}: {TYPES} has types that the manifest does not know:{bullet_list(map(repr, unknown))}",
                code="source.unknown-types",
                hint=f"add them to [{NAME}.types] of a copy of the manifest; known are: {', '.join(rules.types)}",
                path=tree.path,
                types=tuple(unknown),
            )
        images = tree.images("image")
        model_years = sorted({place for place in map(parse_folders, images) if place is not None})
        notes = [
            *compare_counts("images below image/", len(images), NUM_IMAGES),
            *compare_counts("models with images", len({place.model for place in model_years}), NUM_MODELS),
        ]
        by_make = middle == "make"
        return make_classes((make_vehicle(place, tables, rules, by_make) for place in model_years), rules, notes)

    def rows(self, tree: Tree) -> Iterator[Row]:
        """List every image, with the label that its folders say."""
        for name in tree.images("image"):
            place, stem = parse_folders(name), file_stem(name)
            if place is None:
                yield Row(name, "", plain_id(stem))
            else:  # the names of files may repeat in other folders
                yield Row(name, place.label, plain_id(f"{place.make}_{place.model}_{place.year}_{stem}"))


def read_tables(tree: Tree) -> CompCarsTables:
    """Read misc/. Raises `SourceError` for damaged files."""
    names = matlab.read_variables(tree.read(NAMES), NAMES)
    types = matlab.read_variables(tree.read(TYPES), TYPES)
    try:
        makes, models = matlab.to_texts(names["make_names"]), matlab.to_texts(names["model_names"])
        kinds = matlab.to_texts(types["types"])
    except KeyError as exc:
        raise matlab.damaged_file(f"{NAMES} or {TYPES}", f"it has no {exc}", "is it the original file?") from exc
    return CompCarsTables(makes, models, kinds, read_type_numbers(tree, len(kinds)))


def read_type_numbers(tree: Tree, num_types: int) -> dict[int, int]:
    """Map each model to its type, from 1, or 0 if it is not known. Raises `SourceError` with the bad lines."""
    types: dict[int, int] = {}
    faults = {}
    for position, (number, line) in enumerate(tree.numbered_lines(ATTRIBUTES)):
        fields = line.split()
        if position == 0 and fields and not fields[0].isdecimal():  # the names of the columns
            continue
        if len(fields) == 6 and fields[0].isdecimal() and fields[5].isdecimal() and int(fields[5]) <= num_types:
            model, kind = int(fields[0]), int(fields[5])
            if types.setdefault(model, kind) != kind:
                faults[number] = f"line {number}: model {model} has another type before, {types[model]}"
        else:
            faults[number] = f"line {number}: {line[:80]!r}"
    if faults:
        raise SourceError(
            f"{tree.path}: {ATTRIBUTES} has lines that are not a model, four figures and one of {num_types} types:"
            f"{bullet_list(faults.values())}",
            code="source.bad-lines",
            hint="is it the original file?",
            path=tree.path,
            name=ATTRIBUTES,
            lines=tuple(faults),
        )
    return types


def nth_name(names: list[str], number: int) -> str:
    """Return the name with this number, counted from 1; empty if there is none."""
    return " ".join(names[number - 1].split()) if 0 < number <= len(names) else ""


def parse_folders(name: str) -> ModelYear | None:
    """Split ``image/<make>/<model>/<year>/<file>``; None for a name of another form."""
    parts = name.split("/")
    if len(parts) != 5 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    return ModelYear(int(parts[1]), int(parts[2]), parts[3])


def make_vehicle(place: ModelYear, tables: CompCarsTables, rules: VehicleRules, by_make: bool) -> Vehicle:
    """Make one fine class. With ``by_make`` the make counts as the model, and is a middle class for each body type."""
    name = tables.model_name(place.make, place.model)
    kind = tables.type_name(place.model)
    body = rules.body_type(kind) or ""
    problem = ""
    if not place.year.isdecimal():
        problem = f"its year is {place.year}"
    elif not kind:
        problem = f"{ATTRIBUTES} says no type of its model"
    elif not body:
        problem = f"the manifest leaves out its type: {kind}"
    model = tables.make_name(place.make) if by_make else name
    return Vehicle(place.label, f"{name} {place.year}", model, body, problem)
