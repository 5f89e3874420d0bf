"""One unit of a source → its pool files: read every candidate, judge it, keep the good bytes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmlkit import images, sources
from dmlkit.errors import OutputError, SourceError
from dmlkit.pool import ROW, Settings, unit_key, write_rows
from dmlkit.schema import Candidate, Unit


@dataclass(frozen=True)
class Task:
    """All that a worker needs: it sees neither the manifest nor WordNet.

    ``depths`` says for each upstream label how far its pictures are looked into, see `dmlkit.pool.DEPTHS`.
    """

    unit: Unit
    source: str
    pool: Path
    settings: Settings
    depths: Mapping[str, str]


@dataclass(frozen=True)
class Report:
    """What came of one unit: pictures by verdict, and the bytes kept."""

    unit: str
    verdicts: Mapping[str, int]
    kept: int


def order_key(image_id: str) -> str:
    """The place of a picture in every order that the data set has: a hash of its stable id."""
    return images.digest(image_id.encode())


def collect_unit(task: Task) -> Report:
    """Read a unit and write its pool files. Raises `OutputError` where the disk is full or cannot be written."""
    unit = task.unit
    target = task.pool / f"{unit.name}.parquet"
    kept_path = task.pool / f"{unit.name}.bin"
    temporary = task.pool / f"{unit.name}.bin.tmp"
    try:
        with temporary.open("wb") as kept:
            rows = list(judge_all(task, kept.write))
            size = kept.tell()
        # Rows that point into the bytes of another run must never be seen.
        target.unlink(missing_ok=True)
        os.replace(temporary, kept_path)
        write_rows(target, rows, unit_key(unit, task.settings, task.depths, size))
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"the unit {unit.name} could not be written to the pool {task.pool}: {exc.strerror or exc}",
            hint="make room or choose another folder with --pool; the same command goes on with what is finished",
        ) from exc
    if unit.temporary:
        Path(unit.path).unlink(missing_ok=True)
    return Report(unit.name, Counter(row["verdict"] for row in rows), size)


def judge_all(task: Task, keep: Any) -> Iterator[dict[str, Any]]:
    """The rows of a unit; ``keep(bytes)`` is called for each good picture, in the order of the rows."""
    candidates = offered(task)
    if task.settings.limit is not None:
        candidates = by_order_key(candidates, task.source)
    good: Counter[str] = Counter()
    offset = 0
    with closing(candidates):
        for candidate in candidates:
            depth = task.depths.get(candidate.upstream_label, "list")
            full = task.settings.limit is not None and good[candidate.upstream_label] >= task.settings.limit
            if full and depth == "use":
                row, data = row_of(task, candidate, "over-limit", ""), b""
            else:
                row, data = judge(task, candidate, depth)
            if data:
                keep(data)
                row |= {"offset": offset, "length": len(data)}
                offset += len(data)
                good[candidate.upstream_label] += 1
            yield row


def offered(task: Task) -> Generator[Candidate, None, None]:
    """The candidates of the unit. Raises `SourceError` where the source cannot be read any more."""
    try:
        yield from sources.load(task.source).read(task.unit)
    except OSError as exc:
        raise SourceError(
            f"the unit {task.unit.name} of {task.source} cannot be read: {exc.strerror or exc}",
            hint="was it moved or changed, or is it not readable? The same command plans again and goes on",
        ) from exc


def by_order_key(candidates: Iterable[Candidate], source: str) -> Generator[Candidate, None, None]:
    """With a limit, the pictures whose ids have the lowest hashes are kept: listed first, then read in that order."""
    yield from sorted(candidates, key=lambda c: order_key(f"{source}/{c.upstream_id}"))


def judge(task: Task, candidate: Candidate, depth: str) -> tuple[dict[str, Any], bytes]:
    """One candidate's row, and its bytes if they are to be kept.

    The verdict of a label that is not in use is left to the hierarchy: here such a picture is ``ok``, or what the
    source says of it.
    """
    if candidate.verdict is not None or candidate.read is None:
        return row_of(task, candidate, candidate.verdict or "missing", candidate.detail), b""
    if depth == "list":
        return row_of(task, candidate, "ok", candidate.detail), b""
    try:
        data = candidate.read()
    except Exception as exc:  # archives raise many types for damaged bytes; one picture must not end a build
        return row_of(task, candidate, "unreadable", f"{type(exc).__name__}: {exc}"[:200]), b""
    if depth == "hash":
        return row_of(task, candidate, "ok", candidate.detail) | {"source_sha256": images.digest(data)}, b""
    picture = images.examine(data, min_side=task.settings.min_side, size=task.settings.size)
    row = row_of(task, candidate, picture.verdict, picture.detail or candidate.detail)
    row["source_sha256"] = images.digest(data)
    if picture.verdict != "ok":
        return row, b""
    row |= {
        "sha256": images.digest(picture.data),
        "width": picture.width,
        "height": picture.height,
        "exif_orientation": picture.exif_orientation,
        "format": picture.format,
    }
    return row, picture.data


def row_of(task: Task, candidate: Candidate, verdict: str, detail: str) -> dict[str, Any]:
    return dict.fromkeys(ROW.names) | {
        "image_id": f"{task.source}/{candidate.upstream_id}",
        "upstream_label": candidate.upstream_label,
        "verdict": verdict,
        "detail": detail,
        "length": 0,
        "source_url": candidate.source_url,
        "license": candidate.license,
        "author": candidate.author,
    }
