"""A manifest: the folder of facts that defines one dataset.

``manifest.toml`` has its name and rules, ``classes.tsv`` one row per fine class, ``excluded.tsv`` one row per label
that is left out, with the reason.
"""

from __future__ import annotations

import csv
import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from dmlkit.errors import ManifestError, UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.text import bullet_list

# The files that define a dataset, in the order in which they are hashed.
FILES = ("manifest.toml", "classes.tsv", "excluded.tsv")

# The sides of a fine class in ``classes.tsv``.
SPLITS = ("train", "test")

# Faults that one error lists; the others are counted.
SHOWN_FAULTS = 20


@dataclass(frozen=True)
class FineClass:
    """One row of ``classes.tsv``.

    ``path`` lists the synsets (or, without WordNet, the ids) from the coarse class down to the fine one, joined by
    `` > ``: ``wnid:name > wnid:name``.
    """

    fine_id: str
    fine: str
    middle_id: str
    middle: str
    coarse_id: str
    coarse: str
    split: str
    path: str

    def name(self, scale: str) -> str:
        """Return the class name at a scale."""
        return str(getattr(self, scale))

    def id(self, scale: str) -> str:
        """Return the class id at a scale."""
        return str(getattr(self, f"{scale}_id"))


@dataclass(frozen=True)
class Exclusion:
    """One row of ``excluded.tsv``: a label that is left out with everything below it."""

    label: str
    name: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """The facts of one dataset, read and checked by `load_manifest`.

    ``resolved``: the classes are not those of ``classes.tsv`` but those that the source's own files list.
    """

    folder: Path
    settings: Mapping[str, Any]
    classes: tuple[FineClass, ...]
    excluded: tuple[Exclusion, ...]
    resolved: bool = False

    @property
    def name(self) -> str:
        return str(self.settings["name"])

    @property
    def version(self) -> str:
        return str(self.settings["version"])

    @cached_property
    def sha256(self) -> str:
        """One hash over the files that define the dataset."""
        digest = hashlib.sha256()
        for name in FILES:
            digest.update(f"{name}\n".encode() + (self.folder / name).read_bytes())
        if self.resolved:
            digest.update(repr((self.classes, self.excluded)).encode())
        return digest.hexdigest()

    def names(self, scale: str) -> list[str]:
        """Return the class names of one scale in the order of their integer labels: sorted by class id."""
        by_id = {c.id(scale): c.name(scale) for c in self.classes}
        return [by_id[i] for i in sorted(by_id)]

    def ids(self, scale: str) -> list[str]:
        """Return the class ids of one scale in the order of their integer labels."""
        return sorted({c.id(scale) for c in self.classes})

    def labels(self, scale: str) -> dict[str, int]:
        """Return the integer label of each class id of one scale."""
        return {class_id: label for label, class_id in enumerate(self.ids(scale))}

    def query_share(self) -> float:
        """Return the share of a test class's images that are queries."""
        return float(self.settings.get("split", {}).get("query_share", 0.2))

    def minimum_coverage(self, scale: str) -> float:
        """Return the share of the classes of ``scale`` that a build must reach."""
        return float(self.settings.get("coverage", {}).get(scale, 1.0))

    def accepted_sources(self) -> list[str]:
        """Return the names of the sources that have images for these classes."""
        return list(self.settings.get("sources", {}).get("accepted", ["sample"]))

    def default_source(self) -> str:
        """Return the source of a build that names none."""
        return str(self.settings.get("sources", {}).get("default", "sample"))

    def citations(self) -> str:
        """Return the text of ``CITATION.bib``, empty if there is none."""
        path = self.folder / "CITATION.bib"
        return path.read_text(encoding="utf-8") if path.is_file() else ""


@dataclass(frozen=True)
class ManifestFault:
    """One way in which a manifest contradicts itself. ``kind`` is stable; ``subject`` is the id or key at fault."""

    kind: str
    subject: str
    message: str

    def __str__(self) -> str:
        return self.message


def shipped_folder() -> Path:
    """Return the folder of the manifests that come with dmlkit: inside the wheel, or beside the package."""
    packed = Path(str(resources.files("dmlkit"))) / "manifests"
    return packed if packed.is_dir() else packed.parent.parent / "manifests"


def shipped_names() -> list[str]:
    """List the manifests that come with dmlkit."""
    return sorted(p.parent.name for p in shipped_folder().glob("*/manifest.toml"))


def find_manifest(name: str) -> Path:
    """Return the folder of a manifest, given its name or its folder. Raises `UsageError` if there is none."""
    as_folder = Path(name)
    if (as_folder / "manifest.toml").is_file():
        return as_folder
    if name in shipped_names():
        return shipped_folder() / name
    if as_folder.exists():
        raise UsageError(
            f"{name} has no manifest.toml",
            code="manifest.no-toml",
            hint="make a manifest with: dmlkit manifest new DIR",
            path=as_folder,
        )
    raise UsageError(
        f"no manifest is called {name!r}",
        code="manifest.unknown-name",
        hint=f"choose one of: {', '.join(shipped_names())}; or give the folder of your own",
        name=name,
        choices=tuple(shipped_names()),
    )


def load_manifest(name: str) -> Manifest:
    """Read and check a manifest by name or folder.

    Raises `UsageError` if there is none and `ManifestError` with every fault of its contents.
    """
    folder = find_manifest(name)
    try:
        settings = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
        raise unreadable_file(folder / "manifest.toml", exc) from exc
    classes = tuple(FineClass(**row) for row in read_rows(folder / "classes.tsv", FineClass))
    excluded = tuple(Exclusion(**row) for row in read_rows(folder / "excluded.tsv", Exclusion))
    manifest = Manifest(folder, settings, classes, excluded)
    try:
        manifest.citations()
    except (UnicodeDecodeError, OSError) as exc:
        raise unreadable_file(folder / "CITATION.bib", exc) from exc
    raise_for_faults(manifest, hint="correct manifest.toml or classes.tsv, then: dmlkit manifest check DIR")
    return manifest


def unreadable_file(path: Path, reason: Exception) -> ManifestError:
    """Make the error for a file of a manifest that cannot be read."""
    return ManifestError(
        f"cannot read {path}: {reason}", code="manifest.unreadable", hint="correct the file", path=path
    )


def raise_for_faults(manifest: Manifest, hint: str) -> None:
    """Raise `ManifestError` with every fault of a manifest, if it has one."""
    faults = find_faults(manifest)
    if faults:
        raise ManifestError(
            f"the manifest {manifest.folder} contradicts itself:" + bullet_list(map(str, faults), SHOWN_FAULTS),
            code="manifest.contradictory",
            hint=hint,
            path=manifest.folder,
            faults=tuple(faults),
        )


def read_rows(path: Path, row_class: type) -> list[dict[str, str]]:
    """Read the rows of a TSV file whose columns are the fields of ``row_class``. Raises `ManifestError`."""
    columns = [f.name for f in fields(row_class)]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if list(reader.fieldnames or []) != columns:
                raise ManifestError(
                    f"{path}: the columns are {reader.fieldnames}, not {columns}",
                    code="manifest.columns",
                    hint="correct the first line of the file",
                    path=path,
                    columns=tuple(reader.fieldnames or ()),
                )
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise ManifestError(
                        f"{path}, line {reader.line_num}: not {len(columns)} columns",
                        code="manifest.row",
                        hint="separate the columns by one tab each",
                        path=path,
                        line=reader.line_num,
                    )
                rows.append(row)
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise unreadable_file(path, exc) from exc


def find_faults(manifest: Manifest) -> list[ManifestFault]:
    """List every fault of a manifest, in the order in which a person reads its files."""
    return [*settings_faults(manifest.settings), *class_faults(manifest), *tree_faults(manifest)]


def settings_faults(settings: Mapping[str, Any]) -> Iterator[ManifestFault]:
    """Yield the faults of ``manifest.toml``."""
    for key in ("name", "version", "title"):
        if key not in settings:
            yield ManifestFault("missing-key", key, f"manifest.toml lacks `{key}`")
    name = str(settings.get("name", ""))
    if name and not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        letters = "is not made of lower-case letters, digits, '.', '_' and '-'"
        yield ManifestFault("bad-name", name, f"the name {name!r} {letters}")


def class_faults(manifest: Manifest) -> Iterator[ManifestFault]:
    """Yield the faults of single rows, and of values that occur twice."""
    if not manifest.classes:
        yield ManifestFault("no-classes", "classes.tsv", "classes.tsv has no class")
    yield from repeated((c.fine_id for c in manifest.classes), "fine_id")
    yield from repeated((c.fine for c in manifest.classes), "fine name")
    yield from repeated((e.label for e in manifest.excluded), "excluded label")
    for c in manifest.classes:
        what = f"{c.fine_id} ({c.fine})"
        if c.split not in SPLITS:
            yield ManifestFault("bad-split", c.fine_id, f"{what}: the split is {c.split!r}, not train or test")
        if not all(getattr(c, f.name).strip() for f in fields(c) if f.name != "path"):
            empty = f"{c.fine_id or 'a row'} of classes.tsv has an empty column"
            yield ManifestFault("empty-column", c.fine_id, empty)
        steps = [step.split(":", 1)[0] for step in c.path.split(" > ")]
        if c.path and (steps[0] != c.coarse_id or c.middle_id not in steps or steps[-1] != c.fine_id):
            way = f"its path does not lead from {c.coarse_id} by {c.middle_id} to it"
            yield ManifestFault("bad-path", c.fine_id, f"{what}: {way}")


def tree_faults(manifest: Manifest) -> Iterator[ManifestFault]:
    """Yield the faults of the classes as a tree: one parent, one split, one name and one role for each."""
    for scale in SCALES[1:]:
        yield from one_value_each(manifest.classes, f"{scale}_id", scale, "names")
        yield from one_value_each(manifest.classes, scale, f"{scale}_id", "ids")
    yield from one_value_each(manifest.classes, "middle_id", "coarse_id", "parents")
    yield from one_value_each(manifest.classes, "middle_id", "split", "splits")
    excluded = {e.label for e in manifest.excluded}
    for c in manifest.classes:
        if c.fine_id in excluded:
            yield ManifestFault("excluded-class", c.fine_id, f"{c.fine_id} ({c.fine}) is a class and excluded")
    fine_ids, middle_ids, coarse_ids = ({c.id(scale) for c in manifest.classes} for scale in SCALES)
    for i in sorted(fine_ids & (middle_ids | coarse_ids)):
        yield ManifestFault("two-scales", i, f"{i} is a fine class and a class above one")
    for i in sorted(middle_ids & coarse_ids):
        yield ManifestFault("two-scales", i, f"{i} is a middle and a coarse class")


def repeated(values: Iterable[str], what: str) -> Iterator[ManifestFault]:
    """Yield a fault for each value that occurs more than once."""
    for value, count in Counter(values).items():
        if count > 1:
            yield ManifestFault("repeated", value, f"the {what} {value!r} occurs {count} times")


def one_value_each(classes: Iterable[FineClass], key: str, value: str, what: str) -> Iterator[ManifestFault]:
    """Yield a fault for each ``key`` whose rows differ in ``value``."""
    values: dict[str, set[str]] = {}
    for c in classes:
        values.setdefault(getattr(c, key), set()).add(getattr(c, value))
    for k, several in sorted(values.items()):
        if len(several) > 1:
            yield ManifestFault(f"several-{what}", k, f"{k} has several {what}: {', '.join(sorted(several))}")
