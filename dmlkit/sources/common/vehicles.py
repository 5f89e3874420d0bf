"""What the vehicle sources share: identities with a model and a body type → the classes of three scales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources import Classes
from dmlkit.sources.common import tables
from dmlkit.sources.common.listed import plain_id
from dmlkit.taxonomy import splits
from dmlkit.taxonomy.manifest import Exclusion, FineClass, Manifest
from dmlkit.text import bullet_list


@dataclass(frozen=True)
class Rules:
    """What the manifest says of a source. ``coarse``: id → name. ``types``: body type → id, empty if it is left out."""

    coarse: Mapping[str, str]
    types: Mapping[str, str]
    test_share: float
    only_test: tuple[str, ...]
    least_share: float
    """Of a model's vehicles, the share that a body type must have to be believed."""

    def body_of(self, value: str) -> str | None:
        """The coarse class of a body type, whatever blanks stand around it; None for one that is not known."""
        return self.types.get(" ".join(value.split()))


def rules_of(manifest: Manifest, source: str) -> Rules:
    """The section of the manifest for a source. Raises `ManifestError` where it names what is not there."""
    section = tables.rules_of(manifest, source)
    coarse, types = manifest.settings.get("coarse", {}), section.get("types", {})
    only_test = tuple(section.get("only_test", ()))
    if not (isinstance(coarse, Mapping) and isinstance(types, Mapping)):
        raise ManifestError(f"[coarse] and [{source}.types] of the manifest {manifest.name} must be tables")
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
        raise ManifestError(f"section [{source}] of the manifest {manifest.name}:{bullet_list(faults)}")
    return Rules(coarse, types, float(shares[0]), only_test, float(shares[1]))


@dataclass(frozen=True)
class Vehicle:
    """A fine class as its source knows it. ``body`` is the id of a coarse class.

    ``trouble`` says why its model or body type is not known; such a vehicle is excluded with this reason.
    """

    fine_id: str
    name: str
    model: str
    body: str
    trouble: str = ""

    @property
    def model_key(self) -> str:
        """Models whose names differ only in case and blanks are one."""
        return " ".join(self.model.split()).casefold()


@dataclass(frozen=True)
class Middle:
    """A middle class: the vehicles of one model and one body type."""

    class_id: str
    name: str


def most_common(values: Iterable[str]) -> list[str]:
    """The value that stands there most often, or all that do equally often; none where there is no value."""
    counts = Counter(values)
    most = max(counts.values(), default=0)
    return sorted(value for value, count in counts.items() if count == most)


def classes_of(found: Iterable[Vehicle], rules: Rules, notes: list[str], hint: str = "") -> Classes:
    """The classes of all three scales.

    A model whose vehicles have several body types is a middle class for each: what a source calls a model may be a
    make. Vehicles of a body type that fewer than ``least_share`` of the model have are excluded: most likely it is
    wrong.
    Raises `SourceError` with ``hint`` where no vehicle is left.
    """
    found = list(found)
    known = [v for v in found if not v.trouble]
    out = [Exclusion(v.fine_id, v.name, v.trouble) for v in found if v.trouble]
    bodies: dict[str, Counter[str]] = {}
    for v in known:
        bodies.setdefault(v.model_key, Counter())[v.body] += 1
    middles = middles_of(known, bodies, rules)
    classes = []
    for v in known:
        middle, coarse = middles.get((v.model_key, v.body)), rules.coarse[v.body]
        if middle is None:
            of = bodies[v.model_key]
            reason = f"its body type is {coarse}, that of {of[v.body]} of {of.total()} vehicles of its model {v.model}"
            out.append(Exclusion(v.fine_id, v.name, reason))
            continue
        path = f"{v.body}:{coarse} > {middle.class_id}:{middle.name} > {v.fine_id}:{v.name}"
        classes.append(FineClass(v.fine_id, v.name, middle.class_id, middle.name, v.body, coarse, "", path))
    if not classes:
        reasons = (f"{count:,}: {reason}" for reason, count in Counter(e.reason for e in out).most_common(3))
        raise SourceError(
            f"none of {len(out):,} vehicles has a known model and body type:{bullet_list(reasons)}", hint=hint
        )
    if out:
        notes.append(f"{len(out):,} of {len(found):,} fine classes are left out; rejected.parquet says why")
    split = splits.open_set_split(classes, rules.test_share, rules.only_test)
    if all(c.split == "test" for c in split):
        notes.append("there is nothing to train on: every coarse class is one that is only in the test")
    return Classes(tuple(split), tuple(sorted(out, key=lambda e: e.label)), tuple(notes))


def middles_of(
    known: Iterable[Vehicle], bodies: Mapping[str, Counter[str]], rules: Rules
) -> dict[tuple[str, str], Middle]:
    """(model, body type) → middle class, for the body types that enough vehicles of the model have."""
    spelled: dict[str, str] = {}
    for v in known:
        spelled[v.model_key] = min(v.model, spelled.get(v.model_key, v.model))
    middles = {}
    for model, of in bodies.items():
        believed = [body for body, count in of.items() if count >= rules.least_share * of.total()]
        for body in believed:
            name = spelled[model] if len(believed) == 1 else f"{spelled[model]}, {rules.coarse[body]}"
            middles[model, body] = Middle(f"model-{plain_id(model)}-{body}", name)
    return middles
