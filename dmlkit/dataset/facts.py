"""The facts of ``build.json`` as one typed record: how a dataset folder was made.

A build and an import of an official release write the same record; what only one of them knows is empty in the other.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dmlkit.schema.layout import FORMAT, LAYOUTS
from dmlkit.schema.scales import SCALES

# The libraries whose versions the bytes of a dataset depend on.
LIBRARIES = ("datasets", "numpy", "pandas", "pillow", "pyarrow")


@dataclass(frozen=True)
class ManifestFacts:
    """The manifest of a dataset: its name and version, the hash of its files, the settings it was read with.

    ``citations`` are its BibTeX entries.
    """

    name: str
    version: str
    sha256: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    citations: str = ""


@dataclass(frozen=True)
class SourceFacts:
    """The source of a dataset. ``origin`` is the last part of the path that was read, ``identity`` a hash of it."""

    name: str
    origin: str | None = None
    units: int | None = None
    identity: str | None = None


@dataclass(frozen=True)
class CoverageFacts:
    """Of the classes of one scale how many have images, how many there are, and the least share that is accepted."""

    covered: int
    total: int
    minimum: float


@dataclass(frozen=True)
class ReleaseFacts:
    """An imported release of the DyML datasets.

    ``unplaced``: scale -> class name -> class id, of the classes that no row of the hierarchy names. ``details`` has
    the other facts of the import by name.
    """

    name: str
    official: bool
    unplaced: Mapping[str, Mapping[str, str]]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class DatasetFacts:
    """What ``build.json`` states. ``images``: split name -> images; ``statuses``: status -> candidate images."""

    layout: str
    manifest: ManifestFacts
    source: SourceFacts
    images: Mapping[str, int]
    statuses: Mapping[str, int]
    coverage: Mapping[str, CoverageFacts]
    dmlkit: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    resizing: str | None = None
    missing: tuple[str, ...] = ()
    failures: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    release: ReleaseFacts | None = None
    started: str = ""
    seconds: float = 0.0
    ids_only: bool = False

    @classmethod
    def from_json(cls, value: object) -> DatasetFacts:
        """Check and convert the parsed JSON. Raises `ValueError` that says which value is not one dmlkit writes."""
        if not isinstance(value, dict) or "format" not in value:
            raise ValueError("not what dmlkit writes: it states no format")
        if value["format"] != FORMAT:
            raise ValueError(f"of format {value['format']!r}; this dmlkit reads {FORMAT}: build it again")
        top = _Values(value, "")
        layout = top.text("layout")
        if layout not in LAYOUTS:
            raise ValueError(f"not what dmlkit writes: layout is {layout!r}")
        statuses = top.mapping("statuses")
        images = top.mapping("images")
        release = top.mapping("release") if "release" in value else None
        return cls(
            layout=layout,
            manifest=_read_manifest(top.mapping("manifest")),
            source=_read_source(top.mapping("source")),
            images={spec.name: images.integer(spec.name) for spec in LAYOUTS[layout]},
            statuses={status: statuses.integer(status) for status in statuses.values},
            coverage={scale: _read_coverage(top.mapping("coverage").mapping(scale)) for scale in SCALES},
            dmlkit=top.text("dmlkit", ""),
            versions=top.texts_by_name("versions"),
            options=top.mapping("options", optional=True).values,
            resizing=top.text("resizing", "") or None,
            missing=top.texts("missing"),
            failures=top.mapping("failures", optional=True).values,
            notes=top.texts("notes"),
            release=None if release is None else _read_release(release),
            started=top.text("started", ""),
            seconds=top.number("seconds", 0.0),
            ids_only=top.flag("ids_only"),
        )

    def to_json(self) -> dict[str, Any]:
        """Convert to what ``build.json`` has: `from_json` reads it back."""
        manifest, source, release = self.manifest, self.source, self.release
        units = {} if source.units is None else {"units": source.units}
        facts: dict[str, Any] = {
            "format": FORMAT,
            "dmlkit": self.dmlkit,
            "versions": dict(self.versions),
            "layout": self.layout,
            "manifest": vars(manifest) | {"settings": dict(manifest.settings)},
            "source": {"name": source.name, "from": source.origin, **units, "identity": source.identity},
        }
        if release is not None:
            unplaced = {scale: dict(names) for scale, names in release.unplaced.items()}
            named = {"name": release.name, "official": release.official}
            facts["release"] = named | dict(release.details) | {"unplaced": unplaced}
        return facts | {
            "options": dict(self.options),
            "resizing": self.resizing,
            "images": dict(self.images),
            "statuses": dict(self.statuses),
            "coverage": {s: {"found": c.covered, "of": c.total, "floor": c.minimum} for s, c in self.coverage.items()},
            "missing": list(self.missing),
            "failures": dict(self.failures),
            "notes": list(self.notes),
            "started": self.started,
            "seconds": self.seconds,
            **({"ids_only": True} if self.ids_only else {}),
        }

    def write(self, path: Path) -> None:
        """Write ``build.json``."""
        path.write_text(json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that the bytes of a dataset depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def read_owner(path: Path) -> tuple[str, str]:
    """Read whose dataset a ``build.json`` describes: the names of its manifest and its source.

    It may be of another format. Raises `OSError` and `ValueError`.
    """
    try:
        value = json.loads(path.read_bytes())
        return str(value["manifest"]["name"]), str(value["source"]["name"])
    except (KeyError, TypeError, RecursionError) as exc:
        raise ValueError(f"not what dmlkit writes: {exc!r}") from exc


def _read_manifest(values: _Values) -> ManifestFacts:
    settings = values.mapping("settings", optional=True).values
    return ManifestFacts(
        values.text("name"), values.text("version"), values.text("sha256"), settings, values.text("citations", "")
    )


def _read_source(values: _Values) -> SourceFacts:
    origin, identity = values.text("from", "") or None, values.text("identity", "") or None
    units = values.integer("units") if values.values.get("units") is not None else None
    return SourceFacts(values.text("name"), origin, units, identity)


def _read_coverage(values: _Values) -> CoverageFacts:
    return CoverageFacts(values.integer("found"), values.integer("of"), values.number("floor"))


def _read_release(values: _Values) -> ReleaseFacts:
    unplaced = values.mapping("unplaced", optional=True)
    return ReleaseFacts(
        name=values.text("name"),
        official=values.flag("official"),
        unplaced={scale: unplaced.texts_by_name(scale) for scale in SCALES},
        details={k: v for k, v in values.values.items() if k not in ("name", "official", "unplaced")},
    )


@dataclass(frozen=True)
class _Values:
    """A JSON object whose values are asked for by their type. ``path`` is where it is in the file."""

    values: Mapping[str, Any]
    path: str

    def _refuse(self, name: str) -> ValueError:
        value = repr(self.values.get(name))
        shown = value if len(value) <= 200 else f"{value[:200]} ..."
        return ValueError(f"not what dmlkit writes: {self.path}{name} is {shown}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self._refuse(name)
        return value

    def integer(self, name: str) -> int:
        value = self.values.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refuse(name)
        return value

    def number(self, name: str, default: float | None = None) -> float:
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        # A value that is not equal to itself is NaN; an integer can be too large for a float.
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value or abs(value) > 1e300:
            raise self._refuse(name)
        return float(value)

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise self._refuse(name)
        return value

    def mapping(self, name: str, *, optional: bool = False) -> _Values:
        value = self.values.get(name)
        if value is None and optional:
            value = {}
        if not isinstance(value, dict):
            raise self._refuse(name)
        return _Values(value, f"{self.path}{name}.")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self._refuse(name)
        return tuple(value)

    def texts_by_name(self, name: str) -> dict[str, str]:
        values = self.mapping(name, optional=True)
        return {key: values.text(key) for key in values.values}
