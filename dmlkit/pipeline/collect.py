"""The heavy half of a build: every unit of a source → its pool files. Workers see neither the manifest nor WordNet."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from dmlkit import __version__
from dmlkit.errors import DmlkitError, OutputError, SourceError, UsageError
from dmlkit.pipeline.options import CollectSettings
from dmlkit.pipeline.plan import BuildPlan, scan_levels
from dmlkit.pipeline.pool import Pool, ScanLevel, UnitKey, write_rows
from dmlkit.schema.features import POOL_ROW
from dmlkit.schema.progress import Progress
from dmlkit.schema.scales import order_key
from dmlkit.schema.statuses import FETCH_STATUSES
from dmlkit.sources.base import Candidate, LinkSource, Unit
from dmlkit.sources.registry import load_source
from dmlkit.storage import executor, images
from dmlkit.storage.locations import Folder, RemoteFolder

# Bytes of an earlier run that are in memory at a time while they are copied.
COPY_BYTES = 16_000_000

# Letters of an exception that a candidate's detail shows.
DETAIL_LETTERS = 200

Row = dict[str, Any]


@lru_cache
def byte_versions() -> dict[str, str]:
    """Return the versions of the libraries that the bytes of a unit depend on."""
    return {"dmlkit": __version__} | {name: version(name) for name in ("numpy", "pillow")}


@dataclass(frozen=True)
class CollectTask:
    """All that a worker needs to collect one unit.

    ``levels`` say for each upstream label how far its images are looked into; others are only named. ``retry`` are
    statuses of an earlier run whose candidates are tried again. ``versions`` are those of the machine that made the
    task; a worker on another one could have others.
    """

    unit: Unit
    source: str
    pool: Folder
    settings: CollectSettings
    levels: Mapping[str, ScanLevel]
    retry: frozenset[str] = frozenset()
    versions: Mapping[str, str] = field(default_factory=byte_versions)


@dataclass(frozen=True)
class CollectReport:
    """What came of one unit.

    ``statuses`` counts its rows by status; ``num_reused`` of them are those of an earlier run. ``num_bytes`` are kept.
    ``temporary`` is a copy that was read, for the caller to delete: a worker that dies is asked again.
    """

    unit: str
    statuses: Mapping[str, int]
    num_bytes: int
    num_reused: int = 0
    temporary: str = ""


def collect_units(plan: BuildPlan, pool: Pool, progress: Progress) -> dict[str, str]:
    """Collect every unit into the pool. Returns the fingerprint of each unit by name.

    Labels that the taxonomy does not know are listed in one `TaxonomyError`: before anything is read if the source
    knows its labels, else at the end, with all that was read kept in the pool.
    """
    plan.taxonomy.resolve_all(plan.labels or ())
    reporter = CollectProgress(plan.num_units, progress)
    queue = TaskQueue(plan, pool, reporter)
    options = plan.options
    for report in executor.run(collect_unit, queue, options.jobs, options.engine, options.address):
        reporter.add(report)
        if report.temporary:
            Path(report.temporary).unlink(missing_ok=True)
    plan.taxonomy.resolve_all(queue.unknown_labels)
    return queue.fingerprints


class TaskQueue:
    """The tasks for what the pool does not cover, each made when a worker is free.

    ``fingerprints`` and ``unknown_labels`` are of the units so far.
    """

    def __init__(self, plan: BuildPlan, pool: Pool, reporter: CollectProgress) -> None:
        self.fingerprints: dict[str, str] = {}
        self.unknown_labels: dict[str, None] = {}
        self._plan = plan
        self._pool = pool
        self._reporter = reporter

    def __iter__(self) -> Iterator[CollectTask]:
        for unit in self._plan.units:
            levels = scan_levels(unit, self._plan.taxonomy)
            self.fingerprints[unit.name] = unit.fingerprint
            self.unknown_labels |= dict.fromkeys(label for label in unit.labels if label not in levels)
            task = self._make_task(unit, levels)
            if task is None:
                self._reporter.skip_unit()
            else:
                yield task

    def _make_task(self, unit: Unit, levels: Mapping[str, ScanLevel]) -> CollectTask | None:
        """Make the task for a unit; None if the pool covers it and nothing is to be tried again."""
        options, pool = self._plan.options, self._pool
        settings, retry = options.settings, frozenset[str]()
        key = pool.key(unit.name)
        if key is not None and pool.covers(unit, settings, levels):
            if not (unit.links and options.retry & key.statuses.keys()):
                return None
            # As it was collected: what this build needs less of stays for one that needs more.
            settings, levels, retry = key.settings, key.levels, options.retry
        if unit.temporary and options.address and isinstance(pool.folder, RemoteFolder):
            raise UsageError(
                f"{options.path} is a stream that this machine takes apart, where other nodes cannot read it",
                code="pool.local-stream",
                hint="unpack it once into a folder that the nodes share, or choose a shared folder with --pool",
                path=options.path,
            )
        return CollectTask(unit, unit.source or options.source, pool.folder, settings, levels, retry)


@dataclass
class CollectProgress:
    """Counts what is collected, and reports it."""

    num_units: int | None
    progress: Progress
    num_done: int = 0
    num_bytes: int = 0
    num_checked: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)

    def skip_unit(self) -> None:
        """Count a unit that is in the pool."""
        self.num_done += 1
        self.progress("collect", self.num_done, self.num_units, "units, in the pool already")

    def add(self, report: CollectReport) -> None:
        """Count a unit that was collected now."""
        self.num_done += 1
        self.num_bytes += report.num_bytes
        self.num_checked += sum(report.statuses.values()) - report.num_reused
        self.statuses.update(report.statuses)
        speed = self.num_checked / max(0.001, time.monotonic() - self.started)
        failed = ", ".join(f"{n:,} {status}" for status, n in self.statuses.most_common() if status in FETCH_STATUSES)
        text = f"units, {self.num_checked:,} images, {speed:,.0f}/s, {self.num_bytes / 1e6:,.0f} MB; {report.unit}"
        self.progress("collect", self.num_done, self.num_units, f"{text}; {failed}" if failed else text)


def collect_unit(task: CollectTask) -> CollectReport:
    """Read a unit and write its pool files.

    Raises `OutputError` if the disk is full or cannot be written, and `DmlkitError` if this machine has other versions
    than the one that made the task.
    """
    check_versions(task)
    unit = task.unit
    try:
        reused, task = split_retry(task) if task.retry else ([], task)
        with task.pool.temporary_file() as path:
            with path.open("wb") as kept:
                copy_kept(task, reused, kept)
                rows = list(check_unit(task, kept, reused))
                num_bytes = kept.tell()
            if not task.retry:
                # Rows that point into the bytes of another run must never be seen. If these bytes begin with those of
                # the earlier run, its rows stay true until the new ones take their place.
                task.pool.delete(f"{unit.name}.parquet")
            task.pool.put(path, f"{unit.name}.bin")
        statuses = dict(Counter(row["status"] for row in rows))
        key = UnitKey(unit.fingerprint, task.settings, task.levels, num_bytes, statuses)
        write_rows(task.pool, unit.name, rows, key)
    except OSError as exc:
        raise OutputError(
            f"the unit {unit.name} could not be written to the pool {task.pool}: {exc.strerror or exc}",
            code="pool.unit-not-written",
            hint="make room or choose another folder with --pool; the same command resumes with what is finished",
            unit=unit.name,
            path=task.pool,
        ) from exc
    return CollectReport(unit.name, statuses, num_bytes, len(reused), str(unit.temporary or ""))


def check_versions(task: CollectTask) -> None:
    """Raise `DmlkitError` if this machine has other versions than the one that made the task."""
    if byte_versions() != task.versions:
        here, elsewhere = (
            ", ".join(f"{name} {number}" for name, number in versions.items())
            for versions in (byte_versions(), task.versions)
        )
        raise DmlkitError(
            f"a worker has {here}, and the build was started with {elsewhere}",
            code="pool.other-versions",
            hint="install the same versions on every node: the bytes of the images depend on them",
            versions=dict(task.versions),
        )


def split_retry(task: CollectTask) -> tuple[list[Row], CollectTask]:
    """Split a second try: the rows of the earlier run that stay, and the task with the links that are left."""
    earlier = pq.read_table(task.pool.arrow_input(f"{task.unit.name}.parquet")).to_pylist()
    reused = [row for row in earlier if row["status"] not in task.retry]
    known = Counter((row["image_id"], row["upstream_label"]) for row in reused)
    links = []
    for link in task.unit.links:
        key = (f"{task.source}/{link.upstream_id}", link.upstream_label)
        known[key] -= 1
        if known[key] < 0:
            links.append(link)
    return reused, replace(task, unit=task.unit.with_links(links))


def copy_kept(task: CollectTask, reused: Iterable[Row], kept: BinaryIO) -> None:
    """Begin with the bytes that the earlier run kept, so that its rows find them where they were."""
    end = max((row["offset"] + row["length"] for row in reused if row["length"]), default=0)
    for start in range(0, end, COPY_BYTES):
        kept.writelines(task.pool.read_spans([(f"{task.unit.name}.bin", start, min(COPY_BYTES, end - start))]))


def check_unit(task: CollectTask, kept: BinaryIO, reused: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows of a unit; the bytes of each good image are written to ``kept``, in the order of the rows.

    ``reused`` are rows of an earlier run, whose images are in ``kept`` already.
    """
    good: Counter[str] = Counter()
    for row in reused:
        if row["length"]:
            good[row["upstream_label"]] += 1
        yield row
    with closing(iter_candidates(task, good)) as candidates:
        for candidate in candidates:
            level = task.levels.get(candidate.upstream_label, ScanLevel.NAME)
            is_full = task.settings.limit is not None and good[candidate.upstream_label] >= task.settings.limit
            if is_full and level == ScanLevel.KEEP:
                row, data = pool_row(task, candidate, "over-limit", ""), b""
            else:
                row, data = check_candidate(task, candidate, level)
            if data:
                row |= {"offset": kept.tell(), "length": len(data)}
                kept.write(data)
                good[candidate.upstream_label] += 1
            yield row


def iter_candidates(task: CollectTask, good: Mapping[str, int]) -> Generator[Candidate, None, None]:
    """Yield the candidates of the unit. With a limit, those whose ids have the lowest hashes come first.

    ``good`` counts the good images of each label while the candidates are taken. Raises `SourceError` if the source
    cannot be read any more.
    """
    source, limit = load_source(task.source), task.settings.limit
    try:
        if task.unit.links and isinstance(source, LinkSource):
            yield from source.fetch(task.unit, lambda label: task.levels.get(label) == ScanLevel.KEEP, limit, good)
        elif limit is None:
            yield from source.read(task.unit)
        else:
            yield from sorted(source.read(task.unit), key=lambda c: order_key(f"{task.source}/{c.upstream_id}"))
    except OSError as exc:
        raise SourceError(
            f"cannot read the unit {task.unit.name} of {task.source}: {exc.strerror or exc}",
            code="source.unit-unreadable",
            hint="if it was moved or changed, run the same command again: it plans anew and resumes",
            unit=task.unit.name,
        ) from exc


def check_candidate(task: CollectTask, candidate: Candidate, level: ScanLevel) -> tuple[Row, bytes]:
    """Return one candidate's row, and its bytes if they are to be kept.

    The status of a label that is not kept is left to the taxonomy: here such an image is ``ok``, or what the source
    says about it.
    """
    if candidate.status is not None or candidate.read is None:
        return pool_row(task, candidate, candidate.status or "missing", candidate.detail), b""
    if level == ScanLevel.NAME:
        return pool_row(task, candidate, "ok", candidate.detail), b""
    try:
        data = candidate.read()
    except Exception as exc:  # archives raise many types for damaged bytes; one image must not end a build
        detail = f"{type(exc).__name__}: {exc}"[:DETAIL_LETTERS]
        return pool_row(task, candidate, "unreadable", detail), b""
    if level == ScanLevel.HASH:
        return pool_row(task, candidate, "ok", candidate.detail) | {"source_sha256": images.sha256_hex(data)}, b""
    settings = task.settings
    image = images.examine(data, min_side=settings.min_shorter_side_px, shorter_side_px=settings.shorter_side_px)
    row = pool_row(task, candidate, image.status, image.detail or candidate.detail)
    row["source_sha256"] = images.sha256_hex(data)
    if image.status != "ok":
        return row, b""
    row |= {
        "sha256": row["source_sha256"] if image.data is data else images.sha256_hex(image.data),
        "width": image.width,
        "height": image.height,
        "exif_orientation": image.exif_orientation,
        "format": image.format,
    }
    return row, image.data


def pool_row(task: CollectTask, candidate: Candidate, status: str, detail: str) -> Row:
    """Return the row of a candidate of which nothing is kept, with the columns of `POOL_ROW`."""
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
