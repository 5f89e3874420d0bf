"""From source pictures to a data set folder: plan, collect, assemble, write, card."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from dmlkit import __version__, engine, fetch, images, sources
from dmlkit.assemble import REJECTED, assemble
from dmlkit.collect import Task, collect_unit
from dmlkit.errors import HierarchyError, OutputError, SourceError, UsageError
from dmlkit.export import card, parquet, sheets
from dmlkit.hierarchy import Hierarchy
from dmlkit.manifest import Manifest
from dmlkit.pool import Pool, Settings
from dmlkit.schema import FORMAT, SCALES, SPLITS, VERDICTS, Unit

MIN_SIDE = 32
"""Pictures with a shorter side than this are out: too small to show an animal, a car or a product."""

LIBRARIES = ("datasets", "numpy", "pandas", "pillow", "pyarrow")
"""The libraries whose versions the bytes of a data set depend on."""

Notify = Callable[[str, int, int | None, str], None]
"""Told of progress: (step, done, total or None, what is counted)."""


@dataclass(frozen=True)
class Options:
    """What a person may choose of a build. ``path`` is ``--from``; ``size`` the wanted shorter side in pixels."""

    source: str
    out: Path
    path: Path | None = None
    pool: Path | None = None
    limit: int | None = None
    size: int | None = None
    jobs: int = field(default_factory=engine.cpu_count)
    allow_private_hosts: bool = False

    @property
    def pool_folder(self) -> Path:
        return self.pool or self.out.with_name(f"{self.out.name}.pool")

    @property
    def settings(self) -> Settings:
        return Settings(MIN_SIDE, self.size, self.limit)


@dataclass(frozen=True)
class Coverage:
    """Classes with pictures against the classes of the manifest, at one scale. A test class needs two pictures."""

    found: int
    of: int
    floor: float

    @property
    def reached(self) -> bool:
        return self.found >= self.floor * self.of


@dataclass(frozen=True)
class Result:
    """What a build made."""

    out: Path
    pictures: dict[str, int]
    verdicts: dict[str, int]
    coverage: dict[str, Coverage]
    missing: list[str]
    """``fine_id (name)`` of the fine classes without pictures."""
    pool: Path
    seconds: float


def build(manifest: Manifest, options: Options, notify: Notify = lambda *_: None) -> Result:
    """Build a data set folder at ``options.out``, going on from what its pool holds.

    Raises `DmlkitError` in its kinds for wrong input. What was collected stays in the pool; ``options.out`` appears
    or changes only when all is written. A build below the manifest's floor is written too: see `Result.coverage`.
    """
    started = time.time()
    check(manifest, options)
    hierarchy = Hierarchy(manifest)
    with Pool(options.pool_folder, options.source) as pool:
        path = options.path or download(options, notify)
        units = collect(plan(manifest, options, path, pool, hierarchy), hierarchy, options, pool, notify)
        with Replacement(options.out) as folder:
            rows, verdicts = assemble_to(folder.path, pool, units, hierarchy, options, notify)
            if rows.empty:
                raise SourceError(
                    f"none of the {sum(verdicts.values())} pictures of {options.source} is good and of a class of "
                    f"{manifest.name}: {shown_counts(verdicts)}; nothing was written",
                    hint=f"is {options.path} the right --from? `dmlkit info {manifest.name}` shows the classes",
                )
            result = summarise(rows, verdicts, manifest, options, started)
            write(folder.path, rows, manifest, options, pool, result, notify)
            write_build_json(folder.path, manifest, options, units, result, started)
            folder.keep()
    return result


def dry_run(manifest: Manifest, options: Options) -> dict[str, Any]:
    """What a build would read, as plain data. Downloads and writes nothing and reads no picture.

    The units of a stream, or of an archive that is still to be downloaded, are not known.
    """
    check(manifest, options)
    hierarchy = Hierarchy(manifest)
    pool = Pool(options.pool_folder, options.source)
    archive = getattr(sources.load(options.source), "ARCHIVE", None) if options.path is None else None
    path = fetch.downloaded(archive) if archive else options.path
    absent = archive if archive and path is None else None
    units = [] if absent else plan(manifest, options, path, pool, hierarchy)
    listed = units if isinstance(units, list) else []
    depths = {unit.name: depths_of(unit, hierarchy, []) for unit in listed}
    settled = sum(pool.settled(unit, options.settings, depths[unit.name]) for unit in listed)
    labels = sorted({label for unit in listed for label in unit.labels})
    found = {label: hierarchy.resolve(label) for label in labels}
    terms = sources.load(options.source).TERMS
    return {
        "manifest": manifest.name,
        "source": options.source,
        "title": terms.title,
        "download": {"url": absent.url, "bytes": absent.size} if absent else None,
        "stream": not isinstance(units, list),
        "units": len(listed),
        "settled": settled,
        "bytes": sum(unit.size for unit in listed) or None,
        "labels": dict(sorted(Counter(resolution.verdict for resolution in found.values()).items())),
        "fine": len({resolution.fine_id for resolution in found.values()} - {None}),
        "of_fine": len(manifest.classes),
        "license": terms.license,
        "terms": terms.terms,
        "redistribute": terms.redistribute,
        "out": str(options.out),
        "pool": str(options.pool_folder),
    }


def check(manifest: Manifest, options: Options) -> None:
    """Refuse what cannot work before anything is read. Raises `UsageError` and `OutputError`."""
    if options.source not in manifest.accepted_sources():
        raise UsageError(
            f"the manifest {manifest.name} takes no pictures from the source {options.source!r}",
            hint=f"choose --source from: {', '.join(manifest.accepted_sources())}",
        )
    for name, value in (("--jobs", options.jobs), ("--limit", options.limit), ("--size", options.size)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; it must be at least 1")
    if options.size is not None and options.size < MIN_SIDE:
        raise UsageError(f"--size is {options.size}; pictures need a shorter side of {MIN_SIDE} pixels at least")
    check_replaceable(options.out, manifest, options.source)


def check_replaceable(out: Path, manifest: Manifest, source: str) -> None:
    """A build replaces an earlier one of the same manifest and source, or a drawn sample, and nothing else."""
    if not out.exists() and not out.is_symlink():
        return
    if out.is_dir() and not any(out.iterdir()):
        return
    try:
        earlier = json.loads((out / "build.json").read_bytes())
        name, earlier_source = earlier["manifest"]["name"], earlier["source"]["name"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise OutputError(
            f"{out} holds something that is no data set folder of dmlkit (no readable build.json); left as it is",
            hint="choose another folder with --out",
        ) from exc
    if name != manifest.name or earlier_source not in (source, "sample"):
        raise OutputError(
            f"{out} holds the data set {name} made from {earlier_source}; left as it is",
            hint="choose another folder with --out, or delete that one",
        )


def download(options: Options, notify: Notify) -> Path | None:
    """The archive of a source that can be had without a log-in, downloaded once; None for other sources."""
    archive = getattr(sources.load(options.source), "ARCHIVE", None)
    if archive is None:
        return None
    path: Path = fetch.download_archive(
        archive,
        lambda done, total: notify("download", done, total, "bytes"),
        allow_private_hosts=options.allow_private_hosts,
    )
    return path


def plan(manifest: Manifest, options: Options, path: Path | None, pool: Pool, hierarchy: Hierarchy) -> Iterable[Unit]:
    """The units of the source: a list where all are known before a picture is read, else an iterator."""
    request = sources.Request(
        manifest=manifest,
        path=path,
        scratch=pool.scratch,
        limit=options.limit,
        settled=lambda unit: pool.settled(unit, options.settings, depths_of(unit, hierarchy, [])),
    )
    units: Iterable[Unit] = sources.load(options.source).plan(request)
    return units


def collect(
    units: Iterable[Unit], hierarchy: Hierarchy, options: Options, pool: Pool, notify: Notify
) -> dict[str, str]:
    """Bring every unit into the pool. Returns the identity of each unit by name.

    Labels that the hierarchy does not know are named in one error: before anything is read where the source can
    list its units, else at the end, with all that was read kept in the pool.
    """
    total = None
    if isinstance(units, list):
        hierarchy.resolve_all(label for unit in units for label in unit.labels)
        total = len(units)
    identities: dict[str, str] = {}
    unknown: list[str] = []
    done: Counter[str] = Counter()

    def tasks() -> Iterator[Task]:
        for unit in units:
            identities[unit.name] = unit.identity
            depths = depths_of(unit, hierarchy, unknown)
            if pool.settled(unit, options.settings, depths):
                done["units"] += 1
                notify("collect", done["units"], total, "units")
            else:
                yield Task(unit, options.source, pool.folder, options.settings, depths)

    for report in engine.run(collect_unit, tasks(), options.jobs):
        done["units"] += 1
        done["pictures"] += sum(report.verdicts.values())
        notify("collect", done["units"], total, f"units, {done['pictures']} pictures")
    hierarchy.resolve_all(unknown)
    return identities


def depths_of(unit: Unit, hierarchy: Hierarchy, unknown: list[str]) -> dict[str, str]:
    """How far the pictures of each label of ``unit`` are looked into. Labels that no one knows go to ``unknown``.

    Pictures under labels above or beside the fine classes are hashed, so that one which also stands under a fine
    class is found.
    """
    depths = {}
    for label in unit.labels:
        try:
            verdict = hierarchy.resolve(label).verdict
        except HierarchyError:
            unknown.append(label)
            verdict = "outside"
        depths[label] = {"ok": "use", "above": "hash", "excluded": "hash"}.get(verdict, "list")
    return depths


def assemble_to(
    folder: Path, pool: Pool, units: Iterable[str], hierarchy: Hierarchy, options: Options, notify: Notify
) -> tuple[pd.DataFrame, Counter[str]]:
    """The table of the data set, and the pictures by verdict. Writes ``rejected.parquet``."""
    notify("assemble", 0, None, "")
    verdicts: Counter[str] = Counter()

    def count(table: pa.Table) -> None:
        verdicts.update(table["verdict"].to_pylist())

    with parquet.RowsFile(folder / "rejected.parquet", REJECTED, count) as rejected:
        rows = assemble(pool, units, hierarchy, options.limit, rejected.write)
    if len(rows):
        verdicts["ok"] = len(rows)
    notify("assemble", len(rows), len(rows), "pictures")
    return rows, verdicts


def summarise(
    rows: pd.DataFrame, verdicts: Counter[str], manifest: Manifest, options: Options, started: float
) -> Result:
    """The figures of a build."""
    found = set(rows["fine_id"])
    coverage = {}
    for scale in SCALES:
        reached = {c.id(scale) for c in manifest.classes if c.fine_id in found}
        coverage[scale] = Coverage(len(reached), len(manifest.ids(scale)), manifest.floor(scale))
    return Result(
        out=options.out,
        pictures={split: int((rows["split"] == split).sum()) for split in SPLITS},
        verdicts=dict(sorted(verdicts.items(), key=lambda item: list(VERDICTS).index(item[0]))),
        coverage=coverage,
        missing=[f"{c.fine_id} ({c.fine})" for c in manifest.classes if c.fine_id not in found],
        pool=options.pool_folder,
        seconds=time.time() - started,
    )


def write(
    folder: Path, rows: pd.DataFrame, manifest: Manifest, options: Options, pool: Pool, result: Result, notify: Notify
) -> None:
    """Write the pictures, the hierarchy, the card and the check sums."""
    written = 0
    for pictures in parquet.write_pictures(folder, rows, manifest, options.source, pool.folder, options.jobs):
        written += pictures
        notify("write", written, len(rows), "pictures")
    parquet.write_hierarchy(folder, rows, manifest)
    sums = parquet.sha256_of(folder, {})
    content = hashlib.sha256(parquet.sums_text(sums).encode()).hexdigest()
    card.write_attribution(folder, rows)
    sheets.write_figure(folder)
    card.write(folder, manifest, options.source, card_facts(result, options, content))
    sums = parquet.sha256_of(folder, sums)
    (folder / "SHA256SUMS").write_text(parquet.sums_text(sums), encoding="utf-8")


def card_facts(result: Result, options: Options, content: str) -> card.Facts:
    return card.Facts(
        pictures=result.pictures,
        verdicts=result.verdicts,
        coverage={scale: (c.found, c.of) for scale, c in result.coverage.items()},
        limit=options.limit,
        resizing=f"{options.size} px, {images.RESIZING}" if options.size else "",
        content=content,
    )


def write_build_json(
    folder: Path, manifest: Manifest, options: Options, units: dict[str, str], result: Result, started: float
) -> None:
    """Write how the folder was made. It holds times, so it stands outside SHA256SUMS; and no path of the machine."""
    of_source = hashlib.sha256(json.dumps(sorted(units.items())).encode()).hexdigest()
    facts = {
        "format": FORMAT,
        "dmlkit": __version__,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "manifest": {
            "name": manifest.name,
            "version": manifest.version,
            "sha256": manifest.sha256,
            "settings": dict(manifest.settings),
        },
        "source": {
            "name": options.source,
            "from": options.path.resolve().name if options.path else None,
            "units": len(units),
            "identity": of_source,
        },
        "options": {"limit": options.limit, "size": options.size, "min_side": MIN_SIDE},
        "resizing": images.RESIZING if options.size else None,
        "pictures": result.pictures,
        "verdicts": result.verdicts,
        "coverage": {scale: asdict(c) for scale, c in result.coverage.items()},
        "missing": result.missing,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
    }
    (folder / "build.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def shown_counts(verdicts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())


class Replacement:
    """A folder that is written beside ``out`` and takes its place when `keep` is called, or vanishes."""

    def __init__(self, out: Path) -> None:
        self.out = out
        # Names that no one else gives: what stands there is of a build that was killed, and is deleted.
        self.path = out.with_name(f".{out.name}.dmlkit-partial")
        self.old = out.with_name(f".{out.name}.dmlkit-old")
        self._kept = False

    def __enter__(self) -> Replacement:
        try:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True)
        except OSError as exc:
            raise OutputError(
                f"{self.path} cannot be made: {exc.strerror or exc}", hint="choose another folder with --out"
            ) from exc
        return self

    def keep(self) -> None:
        """Put the new folder in the place of the old one."""
        shutil.rmtree(self.old, ignore_errors=True)
        if self.out.exists():
            os.replace(self.out, self.old)
        os.replace(self.path, self.out)
        shutil.rmtree(self.old, ignore_errors=True)
        self._kept = True

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        if not self._kept:
            shutil.rmtree(self.path, ignore_errors=True)
        if isinstance(exc, OSError):
            raise OutputError(
                f"{self.path} could not be written: {exc.strerror or exc}; what was collected is safe in the pool",
                hint="make room, or choose another folder with --out, and run the same command again",
            ) from exc
