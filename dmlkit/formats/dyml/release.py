"""The official DyML release on disk: which lists and folders it has, and what the lists say."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dmlkit.errors import SourceError
from dmlkit.schema.scales import SCALES
from dmlkit.text import bullet_list, printable

ONE_SET = "mini-bmk_all_in_one"
BENCHMARKS = tuple(f"bmk_{scale}/{side}" for scale in SCALES for side in ("query", "gallery"))
PROTOCOL = "protocols/train.json"
"""The list of the first release, which had no test set: a list of objects with a path and three labels."""

IDS = re.compile(r"\s*fname\s*,\s*([a-z]+)_id\s*,\s*([a-z]+)_id\s*,\s*([a-z]+?)_id")
LABELS = re.compile(r"\s*fname\s*,\s*labels")
"""The headers. The release has no newline after them: the rest of the line is the first record."""
FILE = re.compile(r"[0-9]{1,18}\.[A-Za-z]{1,8}")
LABEL = re.compile(r"[0-9]{1,18}")
SAFE_PATH = re.compile(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*", re.ASCII)
MOST_FAULTS = 10
"""So many lines of a list an error names before it counts the rest."""

Columns = dict[str, list[Any]]
"""``file``, ``line`` and the scales that a list labels: one value for each record."""


@dataclass(frozen=True)
class Listed:
    """A list of the release, the folder of its images, and the scales that it labels."""

    name: str
    """As in an image_id: ``train``, ``bmk_fine/query``, ``mini-bmk_all_in_one``."""
    path: Path
    images: Path
    scales: tuple[str, ...] = SCALES

    @property
    def side(self) -> str:
        """train, query or gallery; ``test`` where one set is both."""
        return "train" if self.name == "train" else "test" if self.name == ONE_SET else self.name.rpartition("/")[2]


def find(path: Path) -> list[Path]:
    """The folders of the release at ``path``: itself, or those in it. Raises `SourceError` where there is none."""
    if is_release(path):
        return [path]
    try:
        found = sorted(child for child in path.iterdir() if child.is_dir() and is_release(child))
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror}", hint="give the unpacked release") from exc
    if not found:
        raise SourceError(
            f"{path} is no folder of the DyML release and has none in it",
            hint="give dyml_animal, dyml_vehicle or dyml_product, with train/label.csv in it, or the folder above",
        )
    return found


def is_release(folder: Path) -> bool:
    marks = (Path("train/label.csv"), Path(PROTOCOL), *(Path(name) for name in BENCHMARKS), Path(ONE_SET))
    named = re.match(r"dyml[-_]", folder.name, re.IGNORECASE) and (folder / "train").is_dir()
    return bool(named) or any((folder / mark).exists() for mark in marks)


def name_of(folder: Path) -> str:
    """``dyml-animal`` for dyml_animal and DyML-animal: the name of the source and of the dataset."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-") or "release"
    return name if name.startswith("dyml-") else f"dyml-{name.removeprefix('dyml') or 'release'}"


def lists_of(folder: Path, train_only: bool = False) -> list[Listed]:
    """The lists that a release must have, given what it has. ``train_only``: it is known to have no test.

    Raises `SourceError` that names every list or folder of images that is missing.
    """
    one_set, benchmarks = (folder / ONE_SET).exists(), any((folder / f"bmk_{scale}").exists() for scale in SCALES)
    if one_set and benchmarks:
        raise SourceError(
            f"{folder} has both {ONE_SET} and bmk_* folders; a release has one of the two; nothing was written",
            hint="unpack each release into a folder of its own",
        )
    if (folder / PROTOCOL).exists() and not (folder / "train" / "label.csv").exists():
        lists = [Listed("train", folder / PROTOCOL, folder / "imgs")]
        train_only = True
    else:
        lists = [Listed("train", folder / "train" / "label.csv", folder / "train" / "imgs")]
    if one_set:
        lists.append(Listed(ONE_SET, folder / ONE_SET / "label.csv", folder / ONE_SET / "imgs"))
    elif benchmarks:
        for name in BENCHMARKS:
            scale = name.removeprefix("bmk_").partition("/")[0]
            lists.append(Listed(name, folder / f"{name}.csv", folder / name, (scale,)))
    missing = [path.relative_to(folder).as_posix() for item in lists for path in paths_missing(item)]
    if not (one_set or benchmarks or train_only):
        missing.append(f"bmk_fine, bmk_middle and bmk_coarse, or {ONE_SET}")
    if missing:
        raise SourceError(
            f"{folder} lacks {', '.join(missing)}: only half unpacked? Nothing was written",
            hint="unpack the whole archive again",
        )
    return lists


def paths_missing(item: Listed) -> Iterable[Path]:
    if not item.path.is_file():
        yield item.path
    if not item.images.is_dir():
        yield item.images


def read(item: Listed) -> pd.DataFrame:
    """The records of a list: ``file``, ``line`` (of a JSON list: the entry), and a label column for each scale.

    Labels are the released integers; scales that the list does not label are null. Raises `SourceError` that names
    the lines that cannot be read.
    """
    try:
        text = item.path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise SourceError(f"{item.path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise SourceError(
            f"{item.path} is no UTF-8 text: byte {exc.start} is {exc.object[exc.start]:#04x}; nothing was written",
            hint="unpack it again; an editor may have saved it in another encoding",
        ) from exc
    faults: list[str] = []
    columns: Columns = {name: [] for name in ("file", "line", *item.scales)}
    reader = read_json if item.path.suffix == ".json" else read_csv
    reader(text, item, columns, faults)
    if faults:
        raise SourceError(
            f"{item.path}: {len(faults)} lines cannot be read; nothing was written:{bullet_list(faults, MOST_FAULTS)}",
            hint="is the file whole? Unpack it again",
        )
    if not columns["file"]:
        raise SourceError(f"{item.path} names no images; nothing was written", hint="unpack it again")
    table = pd.DataFrame(columns)
    for scale in SCALES:
        table[scale] = table[scale].astype("Int64") if scale in item.scales else pd.array([pd.NA] * len(table), "Int64")
    return table


def read_csv(text: str, item: Listed, columns: Columns, faults: list[str]) -> None:
    """The records of a ``.csv``: the header's newline may be missing, line ends may be CRLF, labels go by name."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    header = (IDS if len(item.scales) > 1 else LABELS).match(lines[0])
    scales = (header.groups() if len(item.scales) > 1 else item.scales) if header else ()
    if header is None or sorted(scales) != sorted(item.scales):
        wanted = "coarse_id, middle_id, fine_id" if len(item.scales) > 1 else "labels"
        faults.append(f"line 1 begins with {shown(lines[0])}, not with the header `fname, {wanted}`")
        return
    lines[0] = lines[0][header.end() :]
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        file, *labels = (field.strip() for field in line.split(","))
        if len(labels) != len(scales):
            faults.append(f"line {number}: {len(labels) + 1} fields, not {len(scales) + 1}: {shown(line)}")
        elif not FILE.fullmatch(file):
            faults.append(f"line {number}: {shown(file)} is no file name like 17.jpg")
        elif wrong := [label for label in labels if not LABEL.fullmatch(label)]:
            faults.append(f"line {number}: the label {shown(wrong[0])} is no integer")
        else:
            add(columns, file, number, dict(zip(scales, map(int, labels), strict=True)))


def add(columns: Columns, file: str, number: int, labels: dict[str, int]) -> None:
    for name, value in (labels | {"file": file, "line": number}).items():
        columns[name].append(value)


def read_json(text: str, item: Listed, columns: Columns, faults: list[str]) -> None:
    """The records of the older ``protocols/train.json``."""
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as exc:
        faults.append(f"line {exc.lineno}, column {exc.colno}: {exc.msg}")
        return
    except (RecursionError, ValueError) as exc:  # numbers of thousands of digits
        faults.append(printable(str(exc)))
        return
    if not isinstance(entries, list):
        faults.append("line 1: not a list of images")
        return
    for number, entry in enumerate(entries, start=1):
        path = entry.get("path") if isinstance(entry, dict) else None
        labels: dict[str, Any] = {s: entry.get(f"{s}_g_label") for s in SCALES} if isinstance(entry, dict) else {}
        if not isinstance(path, str) or not SAFE_PATH.fullmatch(path):
            faults.append(f"entry {number}: no path below imgs/: {shown(path)}")
        elif wrong := [scale for scale in SCALES if not is_label(labels[scale])]:
            faults.append(f"entry {number}: {wrong[0]}_g_label is no integer: {shown(labels[wrong[0]])}")
        else:
            add(columns, path, number, labels)


def is_label(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18


def shown(value: Any) -> str:
    """A value from a list, short and printable."""
    text = value if isinstance(value, str) else json.dumps(value)
    return repr(printable(text[:60]) + ("..." if len(text) > 60 else ""))


def files_in(folder: Path) -> set[str]:
    """The names of all files below a folder of images, without hidden ones, as paths relative to it."""
    found: set[str] = set()
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found |= {(Path(top) / name).relative_to(folder).as_posix() for name in names if not name.startswith(".")}
    return found


def gaps(files: Iterable[str]) -> list[int]:
    """The numbers that are missing where files count up from 0. Empty where they are no numbers."""
    stems = [Path(file).stem for file in files]
    if not all(stem.isdecimal() for stem in stems):
        return []
    there = {int(stem) for stem in stems}
    # A single huge number is a fault of its own and must not fill the memory.
    return [n for n in range(min(max(there, default=-1) + 1, 2 * len(there))) if n not in there]
