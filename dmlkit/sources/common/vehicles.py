"""What the vehicle sources share: identities with a model and a body type -> the classes of three scales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources.base import SourceClasses
from dmlkit.sources.common import tables
from dmlkit.sources.common.listed import plain_id
from dmlkit.taxonomy import splits
from dmlkit.taxonomy.manifest import Exclusion, FineClass, Manifest
from dmlkit.text import bullet_list

# (key of a model, id of a body type)
ModelAndBody = tuple[str, str]


@dataclass(frozen=True)
class VehicleRules:
    """What the manifest says of a source.

    ``coarse`` maps the id of a coarse class to its name, ``types`` a body type to the id of its coarse class, empty if
    it is left out. ``only_test`` are coarse classes that are not trained on. ``least_share`` is the share of a model's
    vehicles that a body type must have to be believed.
    """

    coarse: Mapping[str, str]
    types: Mapping[str, str]
    test_share: float
    only_test: tuple[str, ...]
    least_share: float

    def body_type(self, kind: str) -> str | None:
        """Return the coarse class of a body type, whatever blanks are around it; None if it is not known."""
        return self.types.get(" ".join(kind.split()))


def read_rules(manifest: Manifest, source: str) -> VehicleRules:
    """Read the section of the manifest for a source. Raises `ManifestError` if it names what does not exist."""
    section = tables.manifest_section(manifest, source)
    coarse, types = manifest.settings.get("coarse", {}), section.get("types", {})
    only_test = tuple(section.get("only_test", ()))
    if not (isinstance(coarse, Mapping) and isinstance(types, Mapping)):
        raise ManifestError(
            f"[coarse] and [{source}.types] of the manifest {manifest.name} must be tables",
            code="manifest.wrong-type",
            manifest=manifest.name,
            source=source,
        )
    faults = [
        f"the type {kind!r} is {body!r}, which is not in [coarse]"
        for kind, body in types.items()
        if body and body not in coarse
    ]
    faults += [f"only_test names {body!r}, which is not in [coarse]" for body in only_test if body not in coarse]
    shares = [section.get("test_share"), section.get("least_share", 0)]
    if not all(isinstance(share, int | float) and 0 <= share < 1 for share in shares):
        faults.append("test_share and least_share must be numbers from 0 to below 1")
    if faults:
        raise ManifestError(
            f"section [{source}] of the manifest {manifest.name}:{bullet_list(faults)}",
            code="manifest.bad-rules",
            manifest=manifest.name,
            source=source,
            faults=tuple(faults),
        )
    return VehicleRules(coarse, types, float(shares[0]), only_test, float(shares[1]))


@dataclass(frozen=True)
class Vehicle:
    """A fine class as its source knows it. ``body`` is the id of a coarse class.

    ``problem`` says why its model or body type is not known; such a vehicle is excluded with this reason.
    """

    fine_id: str
    name: str
    model: str
    body: str
    problem: str = ""

    @property
    def model_key(self) -> str:
        """Models whose names differ only in case and blanks are one."""
        return " ".join(self.model.split()).casefold()


@dataclass(frozen=True)
class MiddleClass:
    """A middle class: the vehicles of one model and one body type."""

    class_id: str
    name: str


def most_common(values: Iterable[str]) -> list[str]:
    """Return the most frequent value, or all that are equally frequent; none if there is no value."""
    counts = Counter(values)
    most = max(counts.values(), default=0)
    return sorted(value for value, count in counts.items() if count == most)


def make_classes(
    vehicles: Iterable[Vehicle], rules: VehicleRules, notes: Iterable[str] = (), hint: str = ""
) -> SourceClasses:
    """Make the classes of all three scales, with ``notes`` and what is to be noted of the classes.

    A model whose vehicles have several body types is a middle class for each: what a source calls a model may be a
    make. Vehicles of a body type that fewer than ``least_share`` of the model have are excluded: most likely it is
    wrong. Raises `SourceError` with ``hint`` if no vehicle is left.
    """
    vehicles = list(vehicles)
    known = [v for v in vehicles if not v.problem]
    excluded = [Exclusion(v.fine_id, v.name, v.problem) for v in vehicles if v.problem]
    bodies: dict[str, Counter[str]] = {}
    for v in known:
        bodies.setdefault(v.model_key, Counter())[v.body] += 1
    middles = make_middle_classes(known, bodies, rules)
    classes = []
    for v in known:
        middle = middles.get((v.model_key, v.body))
        if middle is None:
            excluded.append(Exclusion(v.fine_id, v.name, rare_body_reason(v, bodies[v.model_key], rules)))
        else:
            classes.append(make_fine_class(v, middle, rules))
    if not classes:
        raise no_classes_error(excluded, hint)
    all_notes = list(notes)
    if excluded:
        all_notes.append(f"{len(excluded):,} of {len(vehicles):,} fine classes are left out; rejected.parquet says why")
    split = splits.open_set_split(classes, rules.test_share, rules.only_test)
    if all(c.split == "test" for c in split):
        all_notes.append("there is nothing to train on: every coarse class is one that is only in the test")
    return SourceClasses(tuple(split), tuple(sorted(excluded, key=lambda e: e.label)), tuple(all_notes))


def make_middle_classes(
    known: Iterable[Vehicle], bodies: Mapping[str, Counter[str]], rules: VehicleRules
) -> dict[ModelAndBody, MiddleClass]:
    """Make the middle classes, for the body types that enough vehicles of the model have.

    ``bodies`` counts the body types of each model.
    """
    spelled: dict[str, str] = {}
    for v in known:
        spelled[v.model_key] = min(v.model, spelled.get(v.model_key, v.model))
    middles = {}
    for model, counts in bodies.items():
        believed = [body for body, count in counts.items() if count >= rules.least_share * counts.total()]
        for body in believed:
            name = spelled[model] if len(believed) == 1 else f"{spelled[model]}, {rules.coarse[body]}"
            middles[model, body] = MiddleClass(f"model-{plain_id(model)}-{body}", name)
    return middles


def make_fine_class(vehicle: Vehicle, middle: MiddleClass, rules: VehicleRules) -> FineClass:
    """Make the fine class of a vehicle, not yet on a side of the split."""
    v, coarse = vehicle, rules.coarse[vehicle.body]
    path = f"{v.body}:{coarse} > {middle.class_id}:{middle.name} > {v.fine_id}:{v.name}"
    return FineClass(v.fine_id, v.name, middle.class_id, middle.name, v.body, coarse, "", path)


def rare_body_reason(vehicle: Vehicle, counts: Counter[str], rules: VehicleRules) -> str:
    """Say why a body type that hardly a vehicle of its model has is not believed."""
    coarse = rules.coarse[vehicle.body]
    return (
        f"its body type is {coarse}, that of {counts[vehicle.body]} of {counts.total()} vehicles of its model "
        f"{vehicle.model}"
    )


def no_classes_error(excluded: list[Exclusion], hint: str) -> SourceError:
    """Make the error for vehicles of which none has a known model and body type."""
    reasons = Counter(e.reason for e in excluded).most_common(3)
    return SourceError(
        f"none of {len(excluded):,} vehicles has a known model and body type:"
        f"{bullet_list(f'{count:,}: {reason}' for reason, count in reasons)}",
        code="source.no-classes",
        hint=hint,
        count=len(excluded),
        reasons=dict(reasons),
    )
