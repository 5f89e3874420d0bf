"""One unit of a source → its pool files: read every candidate, judge it, keep the good bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from dmlkit import __version__, sources
from dmlkit.errors import DmlkitError, OutputError, SourceError
from dmlkit.pipeline.pool import Settings, unit_key, write_rows
from dmlkit.schema.features import POOL_ROW
from dmlkit.schema.scales import order_key
from dmlkit.sources.base import Candidate, Unit
from dmlkit.storage import images
from dmlkit.storage.locations import Folder

COPIED = 16_000_000
"""Bytes of an earlier run that are in memory at a time."""


@lru_cache
def own_versions() -> dict[str, str]:
    """Of what the bytes of a unit depend on."""
    return {"dmlkit": __version__} | {name: version(name) for name in ("numpy", "pillow")}


@dataclass(frozen=True)
class Task:
    """All that a worker needs: it sees neither the manifest nor WordNet.

    ``depths`` says for each upstream label how far its images are looked into, see `dmlkit.pipeline.pool.DEPTHS`.
    """

    unit: Unit
    source: str
    pool: Folder
    settings: Settings
    depths: Mapping[str, str]
    retry: frozenset[str] = frozenset()
    """Statuses of an earlier run that are not taken as settled: their candidates are tried again."""
    versions: Mapping[str, str] = field(default_factory=own_versions)
    """Of the machine that made the task; a worker on another one could have others."""


@dataclass(frozen=True)
class Report:
    """What came of one unit: images by status, the bytes kept, and how many candidates an earlier run settled."""

    unit: str
    statuses: Mapping[str, int]
    kept: int
    settled: int = 0
    copy: str = ""
    """The path of a temporary copy that was read, for the caller to delete: a worker that dies is asked again."""


def collect_unit(task: Task) -> Report:
    """Read a unit and write its pool files.

    Raises `OutputError` where the disk is full or cannot be written, and `DmlkitError` where this machine has other
    versions than the one that made the task.
    """
    unit = task.unit
    if own_versions() != task.versions:
        here, there = (", ".join(f"{k} {v}" for k, v in of.items()) for of in (own_versions(), task.versions))
        raise DmlkitError(
            f"a worker has {here}, and the build was started with {there}",
            hint="install the same versions on every node: the bytes of the images depend on them",
        )
    try:
        settled, task = take_settled(task) if task.retry else ([], task)
        with task.pool.temporary() as path:
            with path.open("wb") as kept:
                if settled:
                    copy_kept(task, settled, kept)
                rows = list(judge_all(task, kept, settled))
                size = kept.tell()
            if not task.retry:
                # Rows that point into the bytes of another run must never be seen. Where these bytes begin with
                # those of the earlier run, its rows stay true until the new ones take their place.
                task.pool.delete(f"{unit.name}.parquet")
            task.pool.put(path, f"{unit.name}.bin")
        statuses = Counter(row["status"] for row in rows)
        write_rows(task.pool, unit.name, rows, unit_key(unit, task.settings, task.depths, size, statuses))
    except OSError as exc:
        raise OutputError(
            f"the unit {unit.name} could not be written to the pool {task.pool}: {exc.strerror or exc}",
            hint="make room or choose another folder with --pool; the same command goes on with what is finished",
        ) from exc
    return Report(unit.name, statuses, size, len(settled), unit.path if unit.temporary else "")


def take_settled(task: Task) -> tuple[list[dict[str, Any]], Task]:
    """The rows that an earlier run settled, and the task with what is left of its links."""
    earlier = pq.read_table(task.pool.input(f"{task.unit.name}.parquet")).to_pylist()
    settled = [row for row in earlier if row["status"] not in task.retry]
    known = Counter((row["image_id"], row["upstream_label"]) for row in settled)
    left = []
    for link in task.unit.links:
        key = (f"{task.source}/{link.upstream_id}", link.upstream_label)
        known[key] -= 1
        if known[key] < 0:
            left.append(link)
    return settled, replace(task, unit=replace(task.unit, links=tuple(left)))


def copy_kept(task: Task, settled: Iterable[dict[str, Any]], kept: BinaryIO) -> None:
    """Begin with the bytes that the earlier run kept, so that its rows find them where they were."""
    end = max((row["offset"] + row["length"] for row in settled if row["length"]), default=0)
    for start in range(0, end, COPIED):
        kept.writelines(task.pool.spans([(f"{task.unit.name}.bin", start, min(COPIED, end - start))]))


def judge_all(task: Task, kept: BinaryIO, settled: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of a unit; the bytes of each good image are written to ``kept``, in the order of the rows.

    ``settled`` are rows of an earlier run, whose images are in ``kept`` already.
    """
    good: Counter[str] = Counter()
    for row in settled:
        if row["length"]:
            good[row["upstream_label"]] += 1
        yield row
    candidates = offered(task, good)
    with closing(candidates):
        for candidate in candidates:
            depth = task.depths.get(candidate.upstream_label, "list")
            full = task.settings.limit is not None and good[candidate.upstream_label] >= task.settings.limit
            if full and depth == "use":
                row, data = row_of(task, candidate, "over-limit", ""), b""
            else:
                row, data = judge(task, candidate, depth)
            if data:
                row |= {"offset": kept.tell(), "length": len(data)}
                kept.write(data)
                good[candidate.upstream_label] += 1
            yield row


def offered(task: Task, good: Mapping[str, int]) -> Generator[Candidate, None, None]:
    """The candidates of the unit. With a limit, those whose ids have the lowest hashes come first.

    Raises `SourceError` where the source cannot be read any more.
    """
    source, limit = sources.load(task.source), task.settings.limit
    try:
        if task.unit.links:
            yield from source.fetch(task.unit, lambda label: task.depths.get(label) == "use", limit, good)
        elif limit is None:
            yield from source.read(task.unit)
        else:
            yield from sorted(source.read(task.unit), key=lambda c: order_key(f"{task.source}/{c.upstream_id}"))
    except OSError as exc:
        raise SourceError(
            f"the unit {task.unit.name} of {task.source} cannot be read: {exc.strerror or exc}",
            hint="was it moved or changed, or is it not readable? The same command plans again and goes on",
        ) from exc


def judge(task: Task, candidate: Candidate, depth: str) -> tuple[dict[str, Any], bytes]:
    """One candidate's row, and its bytes if they are to be kept.

    The status of a label that is not in use is left to the hierarchy: here such an image is ``ok``, or what the
    source says of it.
    """
    if candidate.status is not None or candidate.read is None:
        return row_of(task, candidate, candidate.status or "missing", candidate.detail), b""
    if depth == "list":
        return row_of(task, candidate, "ok", candidate.detail), b""
    try:
        data = candidate.read()
    except Exception as exc:  # archives raise many types for damaged bytes; one image must not end a build
        return row_of(task, candidate, "unreadable", f"{type(exc).__name__}: {exc}"[:200]), b""
    if depth == "hash":
        return row_of(task, candidate, "ok", candidate.detail) | {"source_sha256": images.digest(data)}, b""
    image = images.examine(data, min_side=task.settings.min_side, size=task.settings.size)
    row = row_of(task, candidate, image.status, image.detail or candidate.detail)
    row["source_sha256"] = images.digest(data)
    if image.status != "ok":
        return row, b""
    row |= {
        "sha256": row["source_sha256"] if image.data is data else images.digest(image.data),
        "width": image.width,
        "height": image.height,
        "exif_orientation": image.exif_orientation,
        "format": image.format,
    }
    return row, image.data


def row_of(task: Task, candidate: Candidate, status: str, detail: str) -> dict[str, Any]:
    return dict.fromkeys(POOL_ROW.names) | {
        "image_id": f"{task.source}/{candidate.upstream_id}",
        "upstream_label": candidate.upstream_label,
        "status": status,
        "detail": detail,
        "length": 0,
        "source_url": candidate.source_url,
        "license": candidate.license,
        "author": candidate.author,
    }
