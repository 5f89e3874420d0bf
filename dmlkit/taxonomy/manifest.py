"""A manifest: the folder of facts that defines one dataset.

``manifest.toml`` names it and holds its rules, ``classes.tsv`` has one row a fine class, ``excluded.tsv`` one row a
label that is left out, with the reason.
"""

from __future__ import annotations

import csv
import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from dmlkit.errors import ManifestError, UsageError
from dmlkit.schema.scales import SCALES

FILES = ("manifest.toml", "classes.tsv", "excluded.tsv")
SPLITS = ("train", "test")


@dataclass(frozen=True)
class FineClass:
    """One row of ``classes.tsv``.

    ``path`` names the synsets (or, without WordNet, the ids) from the coarse class down to the fine one, joined by
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
        return str(getattr(self, scale))

    def id(self, scale: str) -> str:
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

    ``resolved``: the classes are not those of ``classes.tsv`` but those that the source's own files name.
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
        """The class names of one scale in the order of their integer labels: sorted by class id."""
        by_id = {c.id(scale): c.name(scale) for c in self.classes}
        return [by_id[i] for i in sorted(by_id)]

    def ids(self, scale: str) -> list[str]:
        """The class ids of one scale in the order of their integer labels."""
        return sorted({c.id(scale) for c in self.classes})

    def labels(self, scale: str) -> dict[str, int]:
        """Class id → integer label of one scale."""
        return {class_id: label for label, class_id in enumerate(self.ids(scale))}

    def query_share(self) -> float:
        return float(self.settings.get("split", {}).get("query_share", 0.2))

    def floor(self, scale: str) -> float:
        """The share of the classes of ``scale`` that a build must reach."""
        return float(self.settings.get("coverage", {}).get(scale, 1.0))

    def accepted_sources(self) -> list[str]:
        return list(self.settings.get("sources", {}).get("accepted", ["sample"]))

    def default_source(self) -> str:
        return str(self.settings.get("sources", {}).get("default", "sample"))

    def citations(self) -> str:
        """The text of ``CITATION.bib``, empty where there is none."""
        path = self.folder / "CITATION.bib"
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def shipped_folder() -> Path:
    """The folder of the manifests that come with dmlkit: inside the wheel, or beside the package in a checkout."""
    packed = Path(str(resources.files("dmlkit"))) / "manifests"
    return packed if packed.is_dir() else packed.parent.parent / "manifests"


def shipped() -> list[str]:
    """The names of the manifests that come with dmlkit."""
    return sorted(p.parent.name for p in shipped_folder().glob("*/manifest.toml"))


def find(name: str) -> Path:
    """The folder of a manifest, given its name or its folder. Raises `UsageError` where there is none."""
    as_folder = Path(name)
    if (as_folder / "manifest.toml").is_file():
        return as_folder
    if name in shipped():
        return shipped_folder() / name
    if as_folder.exists():
        raise UsageError(f"{name} holds no manifest.toml", hint="make one with: dmlkit manifest new DIR")
    raise UsageError(
        f"no manifest is called {name!r}",
        hint=f"choose one of: {', '.join(shipped())}; or give the folder of your own",
    )


def load_manifest(name: str) -> Manifest:
    """Read and check a manifest by name or folder.

    Raises `UsageError` where there is none and `ManifestError` with every fault found in it.
    """
    folder = find(name)
    try:
        settings = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
        raise ManifestError(f"{folder / 'manifest.toml'} cannot be read: {exc}") from exc
    classes = tuple(FineClass(**row) for row in read_rows(folder / "classes.tsv", FineClass))
    excluded = tuple(Exclusion(**row) for row in read_rows(folder / "excluded.tsv", Exclusion))
    manifest = Manifest(folder, settings, classes, excluded)
    try:
        manifest.citations()
    except (UnicodeDecodeError, OSError) as exc:
        raise ManifestError(f"{folder / 'CITATION.bib'} cannot be read: {exc}") from exc
    raise_for_faults(manifest, hint="mend manifest.toml or classes.tsv; `dmlkit manifest check DIR` checks again")
    return manifest


def raise_for_faults(manifest: Manifest, hint: str) -> None:
    """Raises `ManifestError` with every fault that `check` finds."""
    faults = check(manifest)
    if faults:
        shown = "\n".join(f"  - {fault}" for fault in faults[:20])
        more = f"\n  ... and {len(faults) - 20} more" if len(faults) > 20 else ""
        raise ManifestError(f"the manifest {manifest.folder} contradicts itself:\n{shown}{more}", hint=hint)


def read_rows(path: Path, row_class: type) -> list[dict[str, str]]:
    """The rows of a TSV file whose columns are the fields of ``row_class``. Raises `ManifestError`."""
    columns = [f.name for f in fields(row_class)]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if list(reader.fieldnames or []) != columns:
                raise ManifestError(f"{path}: the columns are {reader.fieldnames}, not {columns}")
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise ManifestError(f"{path}, line {reader.line_num}: not {len(columns)} columns")
                rows.append(row)
            return rows
    except (OSError, UnicodeDecodeError) as exc:
        raise ManifestError(f"{path} cannot be read: {exc}") from exc


def check(manifest: Manifest) -> list[str]:
    """Every fault of a manifest, one sentence each."""
    faults = [f"manifest.toml lacks `{key}`" for key in ("name", "version", "title") if key not in manifest.settings]
    name = str(manifest.settings.get("name", ""))
    if name and not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        faults.append(f"the name {name!r} is not made of lower-case letters, digits, '.', '_' and '-'")
    if not manifest.classes:
        faults.append("classes.tsv has no class")
    faults += repeated((c.fine_id for c in manifest.classes), "fine_id")
    faults += repeated((c.fine for c in manifest.classes), "fine name")
    faults += repeated((e.label for e in manifest.excluded), "excluded label")
    for c in manifest.classes:
        if c.split not in SPLITS:
            faults.append(f"{c.fine_id} ({c.fine}): the split is {c.split!r}, not one of {', '.join(SPLITS)}")
        if not all(getattr(c, f.name).strip() for f in fields(c) if f.name != "path"):
            faults.append(f"{c.fine_id or 'a row'} of classes.tsv has an empty column")
        steps = [step.split(":", 1)[0] for step in c.path.split(" > ")]
        if c.path and (steps[0] != c.coarse_id or c.middle_id not in steps or steps[-1] != c.fine_id):
            faults.append(f"{c.fine_id} ({c.fine}): its path does not lead from {c.coarse_id} by {c.middle_id} to it")
    for scale in SCALES[1:]:
        faults += one_name_each(manifest.classes, scale)
    faults += one_value_each(manifest.classes, "middle_id", "coarse_id", "parents")
    faults += one_value_each(manifest.classes, "middle_id", "split", "splits")
    excluded = {e.label for e in manifest.excluded}
    faults += [f"{c.fine_id} ({c.fine}) is a class and excluded" for c in manifest.classes if c.fine_id in excluded]
    fine_ids = {c.fine_id for c in manifest.classes}
    upper = {c.middle_id for c in manifest.classes} | {c.coarse_id for c in manifest.classes}
    faults += [f"{i} is a fine class and a class above one" for i in sorted(fine_ids & upper)]
    faults += [
        f"{i} is a middle and a coarse class"
        for i in sorted({c.middle_id for c in manifest.classes} & {c.coarse_id for c in manifest.classes})
    ]
    return faults


def repeated(values: Iterable[str], what: str) -> list[str]:
    seen: set[str] = set()
    return [f"the {what} {v!r} stands twice" for v in values if v in seen or seen.add(v)]  # type: ignore[func-returns-value]


def one_name_each(classes: Iterable[FineClass], scale: str) -> list[str]:
    """Faults of a scale whose ids and names are not one to one."""
    return one_value_each(classes, f"{scale}_id", scale, "names") + one_value_each(classes, scale, f"{scale}_id", "ids")


def one_value_each(classes: Iterable[FineClass], key: str, value: str, what: str) -> list[str]:
    """Faults where rows with the same ``key`` differ in ``value``."""
    found: dict[str, set[str]] = {}
    for c in classes:
        found.setdefault(getattr(c, key), set()).add(getattr(c, value))
    return [f"{k} has several {what}: {', '.join(sorted(v))}" for k, v in sorted(found.items()) if len(v) > 1]
