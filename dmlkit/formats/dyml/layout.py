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
# The list of the first release, which had no test set: a list of objects with a path and three labels.
PROTOCOL = "protocols/train.json"

# The headers of the lists. The release has no newline after them: the rest of the line is the first record.
IDS = re.compile(r"\s*fname\s*,\s*([a-z]+)_id\s*,\s*([a-z]+)_id\s*,\s*([a-z]+?)_id")
LABELS = re.compile(r"\s*fname\s*,\s*labels")
FILE = re.compile(r"[0-9]{1,18}\.[A-Za-z]{1,8}")
LABEL = re.compile(r"[0-9]{1,18}")
SAFE_PATH = re.compile(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*", re.ASCII)
# An error names up to this many lines of a list, and counts the rest.
MAX_FAULTS = 10

# ``file``, ``line`` and the scales that a list labels: one value for each record.
Columns = dict[str, list[Any]]

# A line, or entry, that cannot be read: its number, and the reason.
Fault = tuple[int, str]


@dataclass(frozen=True)
class ReleaseList:
    """A list of the release, the folder of its images, and the scales that it labels.

    ``name`` is as in an image_id: ``train``, ``bmk_fine/query``, ``mini-bmk_all_in_one``.
    """

    name: str
    path: Path
    images: Path
    scales: tuple[str, ...] = SCALES

    @property
    def side(self) -> str:
        """The split: train, query or gallery; ``test`` if one set is both."""
        return "train" if self.name == "train" else "test" if self.name == ONE_SET else self.name.rpartition("/")[2]


def find_releases(path: Path) -> list[Path]:
    """List the folders of releases at ``path``: itself, or those in it. Raises `SourceError` if there is none."""
    if is_release(path):
        return [path]
    try:
        releases = sorted(child for child in path.iterdir() if child.is_dir() and is_release(child))
    except OSError as exc:
        raise SourceError(
            f"cannot read {path}: {exc.strerror}",
            code="dyml.unreadable",
            hint="give the unpacked release",
            path=path,
        ) from exc
    if not releases:
        raise SourceError(
            f"{path} is not a folder of the DyML release and contains none",
            code="dyml.no-release",
            path=path,
            hint="give dyml_animal, dyml_vehicle or dyml_product, with train/label.csv in it, or the folder above",
        )
    return releases


def is_release(folder: Path) -> bool:
    """Return whether a folder looks like one release, by its name or its lists."""
    marks = (Path("train/label.csv"), Path(PROTOCOL), *(Path(name) for name in BENCHMARKS), Path(ONE_SET))
    named = re.match(r"dyml[-_]", folder.name, re.IGNORECASE) and (folder / "train").is_dir()
    return bool(named) or any((folder / mark).exists() for mark in marks)


def release_name(folder: Path) -> str:
    """Return the name of the source and of the dataset: ``dyml-animal`` for dyml_animal and DyML-animal."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-") or "release"
    return name if name.startswith("dyml-") else f"dyml-{name.removeprefix('dyml') or 'release'}"


def expected_lists(folder: Path, train_only: bool = False) -> list[ReleaseList]:
    """List what a release must have, given what it has. ``train_only``: it is known to have no test set.

    Raises `SourceError` that names every list or folder of images that is missing.
    """
    one_set, benchmarks = (folder / ONE_SET).exists(), any((folder / f"bmk_{scale}").exists() for scale in SCALES)
    if one_set and benchmarks:
        raise SourceError(
            f"{folder} has both {ONE_SET} and bmk_* folders; a release has one of the two; nothing was written",
            code="dyml.two-tests",
            path=folder,
            hint="unpack each release into a folder of its own",
        )
    if (folder / PROTOCOL).exists() and not (folder / "train" / "label.csv").exists():
        lists = [ReleaseList("train", folder / PROTOCOL, folder / "imgs")]
        train_only = True
    else:
        lists = [ReleaseList("train", folder / "train" / "label.csv", folder / "train" / "imgs")]
    if one_set:
        lists.append(ReleaseList(ONE_SET, folder / ONE_SET / "label.csv", folder / ONE_SET / "imgs"))
    elif benchmarks:
        for name in BENCHMARKS:
            scale = name.removeprefix("bmk_").partition("/")[0]
            lists.append(ReleaseList(name, folder / f"{name}.csv", folder / name, (scale,)))
    missing = [path.relative_to(folder).as_posix() for item in lists for path in missing_paths(item)]
    if not (one_set or benchmarks or train_only):
        missing.append(f"bmk_fine, bmk_middle and bmk_coarse, or {ONE_SET}")
    if missing:
        raise SourceError(
            f"{folder} lacks {', '.join(missing)}: only half unpacked? Nothing was written",
            code="dyml.incomplete",
            path=folder,
            missing=missing,
            hint="unpack the whole archive again",
        )
    return lists


def missing_paths(item: ReleaseList) -> Iterable[Path]:
    """Yield the list and the folder of images if they do not exist."""
    if not item.path.is_file():
        yield item.path
    if not item.images.is_dir():
        yield item.images


def read_list(item: ReleaseList) -> pd.DataFrame:
    """Read the records of a list: ``file``, ``line`` (of a JSON list: the entry), and a label column for each scale.

    Labels are the released integers; scales that the list does not label are null. Raises `SourceError` that names
    the lines that cannot be read.
    """
    try:
        text = item.path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise SourceError(f"cannot read {item.path}: {exc.strerror}", code="dyml.unreadable", path=item.path) from exc
    except UnicodeDecodeError as exc:
        raise SourceError(
            f"{item.path} is not UTF-8 text: byte {exc.start} is {exc.object[exc.start]:#04x}; nothing was written",
            code="dyml.encoding",
            path=item.path,
            hint="unpack it again; an editor may have saved it in another encoding",
        ) from exc
    columns, faults = read_json(text, item) if item.path.suffix == ".json" else read_csv(text, item)
    if faults:
        lines = bullet_list((text for _, text in faults), MAX_FAULTS)
        raise SourceError(
            f"{item.path}: {len(faults)} lines cannot be read; nothing was written:{lines}",
            code="dyml.bad-lines",
            path=item.path,
            lines=[number for number, _ in faults],
            hint="is the file whole? Unpack it again",
        )
    if not columns["file"]:
        raise SourceError(
            f"{item.path} names no images; nothing was written",
            code="dyml.empty-list",
            hint="unpack it again",
            path=item.path,
        )
    table = pd.DataFrame(columns)
    for scale in SCALES:
        table[scale] = table[scale].astype("Int64") if scale in item.scales else pd.array([pd.NA] * len(table), "Int64")
    return table


def read_csv(text: str, item: ReleaseList) -> tuple[Columns, list[Fault]]:
    """Read a ``.csv``: the header's newline may be missing, line ends may be CRLF, labels go by name.

    Returns the records, and a sentence for each line that cannot be read.
    """
    columns, faults = empty_columns(item), list[Fault]()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    header = (IDS if len(item.scales) > 1 else LABELS).match(lines[0])
    scales = (header.groups() if len(item.scales) > 1 else item.scales) if header else ()
    if header is None or sorted(scales) != sorted(item.scales):
        wanted = "coarse_id, middle_id, fine_id" if len(item.scales) > 1 else "labels"
        faults.append((1, f"line 1 begins with {excerpt(lines[0])}, not with the header `fname, {wanted}`"))
        return columns, faults
    lines[0] = lines[0][header.end() :]
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        file, *labels = (field.strip() for field in line.split(","))
        if len(labels) != len(scales):
            faults.append((number, f"line {number}: {len(labels) + 1} fields, not {len(scales) + 1}: {excerpt(line)}"))
        elif not FILE.fullmatch(file):
            faults.append((number, f"line {number}: {excerpt(file)} is not a file name like 17.jpg"))
        elif wrong := [label for label in labels if not LABEL.fullmatch(label)]:
            faults.append((number, f"line {number}: the label {excerpt(wrong[0])} is not an integer"))
        else:
            append_record(columns, file, number, dict(zip(scales, map(int, labels), strict=True)))
    return columns, faults


def empty_columns(item: ReleaseList) -> Columns:
    """Make the columns of a list without records."""
    return {name: [] for name in ("file", "line", *item.scales)}


def append_record(columns: Columns, file: str, number: int, labels: dict[str, int]) -> None:
    """Append one record to the columns."""
    for name, value in (labels | {"file": file, "line": number}).items():
        columns[name].append(value)


def read_json(text: str, item: ReleaseList) -> tuple[Columns, list[Fault]]:
    """Read the older ``protocols/train.json``; returns as `read_csv` does."""
    columns, faults = empty_columns(item), list[Fault]()
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as exc:
        faults.append((exc.lineno, f"line {exc.lineno}, column {exc.colno}: {exc.msg}"))
        return columns, faults
    except (RecursionError, ValueError) as exc:  # numbers of thousands of digits
        faults.append((1, printable(str(exc))))
        return columns, faults
    if not isinstance(entries, list):
        faults.append((1, "line 1: not a list of images"))
        return columns, faults
    for number, entry in enumerate(entries, start=1):
        path = entry.get("path") if isinstance(entry, dict) else None
        labels: dict[str, Any] = {s: entry.get(f"{s}_g_label") for s in SCALES} if isinstance(entry, dict) else {}
        if not isinstance(path, str) or not SAFE_PATH.fullmatch(path):
            faults.append((number, f"entry {number}: no path below imgs/: {excerpt(path)}"))
        elif wrong := [scale for scale in SCALES if not is_label(labels[scale])]:
            faults.append(
                (number, f"entry {number}: {wrong[0]}_g_label is not an integer: {excerpt(labels[wrong[0]])}")
            )
        else:
            append_record(columns, path, number, labels)
    return columns, faults


def is_label(value: Any) -> bool:
    """Return whether a value of a JSON list can be a class: an integer from 0, not a bool."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18


def excerpt(value: Any) -> str:
    """Quote a value from a list, short and printable."""
    text = value if isinstance(value, str) else json.dumps(value)
    return repr(printable(text[:60]) + ("..." if len(text) > 60 else ""))


def list_files(folder: Path) -> set[str]:
    """List all files below a folder of images, without hidden ones, as paths relative to it."""
    files: set[str] = set()
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files |= {(Path(top) / name).relative_to(folder).as_posix() for name in names if not name.startswith(".")}
    return files


def missing_numbers(files: Iterable[str]) -> list[int]:
    """List the numbers that are missing if files count up from 0. Empty if the file stems are not numbers."""
    stems = [Path(file).stem for file in files]
    if not all(stem.isdecimal() for stem in stems):
        return []
    numbers = {int(stem) for stem in stems}
    # A single huge number is a fault of its own and must not fill the memory.
    return [n for n in range(min(max(numbers, default=-1) + 1, 2 * len(numbers))) if n not in numbers]
