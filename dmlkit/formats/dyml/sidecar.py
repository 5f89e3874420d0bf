"""``dmlkit.json`` and ``dmlkit.csv``: what the official layout has no place for, written by export, read by import."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dmlkit.errors import SourceError
from dmlkit.schema.layout import LAYOUTS
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.text import printable

FACTS, IMAGES = "dmlkit.json", "dmlkit.csv"
VERSION = 1
# Columns of dmlkit.csv: one row an image. A file that occurs in three test sets is named as it is in the fine one.
COLUMNS = (
    *("file", "split", "image_id", "sha256", "upstream_label", "source", "source_url", "license", "author"),
    *("exif_orientation", "converted"),
)
HIERARCHY = (*(f"{scale}_id" for scale in SCALES), "split", "path")
SAFE_ID = re.compile(r"[\w.@#+-]+(/[\w.@#+-]+)+", re.ASCII)
SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class Sidecar:
    """What an export says of itself.

    ``layout`` is that of the dataset folder, see `dmlkit.schema.layout.LAYOUTS`; ``official`` says that it is an
    import of the release itself, with generated names. ``classes`` gives for each scale id → name, in
    the order of the integer labels; ``hierarchy`` has a row for each fine class.
    """

    name: str
    title: str
    version: str
    source: str
    layout: str
    official: bool
    classes: Mapping[str, dict[str, str]]
    hierarchy: list[dict[str, str | None]]

    def ids(self, scale: str) -> list[str]:
        """Return the class ids of a scale, in the order of the integer labels."""
        return list(self.classes[scale])


def sidecar_json(sidecar: Sidecar, more: Mapping[str, Any]) -> str:
    """Write the text of dmlkit.json. ``more`` is for people: import does not read it."""
    facts = {"format": VERSION, **vars(sidecar), **more}
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


class ImagesFile(AbstractContextManager["ImagesFile"]):
    """Writes dmlkit.csv row by row."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._writer.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        self._writer.writerow(row)

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def read_sidecar(folder: Path) -> Sidecar | None:
    """Read dmlkit.json of a release; None if there is none. Raises `SourceError` if it cannot be used."""
    path = folder / FACTS
    if not path.exists():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["format"] != VERSION:
            raise ValueError(f"it is of format {facts['format']!r}, not {VERSION}")
        sidecar = Sidecar(
            **{key: facts[key] for key in ("name", "title", "version", "source", "layout", "official", "hierarchy")},
            classes={scale: {i: str(name) for i, name in facts["classes"][scale].items()} for scale in SCALES},
        )
        raise_for_contradictions(sidecar)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise unusable_sidecar(path, f"{type(exc).__name__}: {exc}") from exc
    return sidecar


def raise_for_contradictions(sidecar: Sidecar) -> None:
    """Raise `ValueError` if the parts contradict each other."""
    if not SAFE_NAME.fullmatch(sidecar.name) or not SAFE_NAME.fullmatch(sidecar.source):
        raise ValueError("its name or source has letters that are not safe in a path")
    if sidecar.layout not in LAYOUTS or not isinstance(sidecar.title, str) or not isinstance(sidecar.version, str):
        raise ValueError("its layout, title or version is not one")
    for scale in SCALES:
        ids = sidecar.ids(scale)
        if ids != sorted(ids) or len(set(sidecar.classes[scale].values())) < len(ids):
            raise ValueError(f"its {scale} classes are not in the order of their ids, or stand twice")
    known = {scale: set(sidecar.ids(scale)) for scale in SCALES}
    for row in sidecar.hierarchy:
        if row.keys() != set(HIERARCHY) or row["split"] not in ("train", "test"):
            raise ValueError(f"a row of its hierarchy is {row!r}")
        if row["fine_id"] is None or not all(row[f"{s}_id"] in (None, *known[s]) for s in SCALES):
            raise ValueError(f"the hierarchy has {row['fine_id']!r} under classes that it does not name")
    if [row["fine_id"] for row in sidecar.hierarchy] != sidecar.ids("fine"):
        raise ValueError("its hierarchy has other fine classes than it names")


def read_images(folder: Path) -> pd.DataFrame:
    """Read the rows of dmlkit.csv, with ``file`` as index and null if a text is empty. Raises `SourceError`."""
    path = folder / IMAGES
    try:
        table = pd.read_csv(path, dtype="string", keep_default_na=False, encoding="utf-8")
        if tuple(table.columns) != COLUMNS:
            raise ValueError(f"its columns are {', '.join(table.columns)}")
        table["exif_orientation"] = table["exif_orientation"].astype("int8")
    except (OSError, ValueError) as exc:
        raise unusable_sidecar(path, f"{type(exc).__name__}: {exc}") from exc
    for column in ("source_url", "license", "author"):
        table[column] = table[column].replace("", pd.NA)
    wrong = table[
        ~table["image_id"].str.fullmatch(SAFE_ID.pattern)
        | ~table["split"].isin([*SPLITS, "test"])
        | ~table["exif_orientation"].between(1, 8)
        | table["file"].duplicated()
        | table["image_id"].duplicated()
        | ~pd.Series(
            [i.startswith(f"{s}/") for i, s in zip(table["image_id"], table["source"], strict=True)], dtype=bool
        )
    ]
    if len(wrong):
        raise unusable_sidecar(path, f"its line {wrong.index[0] + 2} is wrong, or an id or file stands twice")
    return table.set_index("file")


def unusable_sidecar(path: Path, why: str) -> SourceError:
    """Make the error for a dmlkit.json or dmlkit.csv that cannot be used."""
    return SourceError(
        f"cannot use {path}: {printable(why)[:300]}; nothing was written",
        code="dyml.unusable-sidecar",
        path=path,
        hint=f"export again; or delete {FACTS} and {IMAGES} to import the folder as bare integers",
    )
