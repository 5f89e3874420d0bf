"""From source images to a dataset folder: plan, collect, assemble, write, card."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dmlkit import __version__
from dmlkit.dataset import card, figure, shards
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import SourceError, UsageError
from dmlkit.pipeline import plan as planning
from dmlkit.pipeline.assemble import assemble
from dmlkit.pipeline.collect import Report, Task, collect_unit
from dmlkit.pipeline.pool import Pool, Settings
from dmlkit.schema.features import REJECTED
from dmlkit.schema.layout import FORMAT
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import FETCH_STATUSES, STATUS_NAMES, TRANSIENT_STATUSES
from dmlkit.storage import executor as engine
from dmlkit.storage import images
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.download import host_of
from dmlkit.storage.locations import Place, RemoteFolder, shown
from dmlkit.storage.replace import check_replaceable, replacement
from dmlkit.taxonomy.manifest import Manifest
from dmlkit.taxonomy.resolve import Taxonomy

if TYPE_CHECKING:
    from dmlkit.hub.rebuild import Published

MIN_SIDE = 32
"""Images with a shorter side than this are out: too small to show an animal, a car or a product."""

LIBRARIES = ("datasets", "numpy", "pandas", "pillow", "pyarrow")
"""The libraries whose versions the bytes of a dataset depend on."""


@dataclass(frozen=True)
class Options:
    """What a person may choose of a build. ``path`` is ``--from``; ``size`` the wanted shorter side in pixels."""

    source: str
    out: Place
    path: Path | None = None
    pool: Place | None = None
    limit: int | None = None
    size: int | None = None
    jobs: int = field(default_factory=engine.cpu_count)
    allow_private_hosts: bool = False
    contact: str = ""
    per_host: int = 8
    retry: frozenset[str] = TRANSIENT_STATUSES
    """Statuses of an earlier run whose images are asked for again. Only for images by URL."""
    engine: str = "local"
    address: str | None = None
    """Of a Ray cluster; None starts one of this machine, with ``jobs`` workers."""
    table: Path | None = None
    """What a person fills in of a source's classes, see `dmlkit.sources.Request`; None means beside the output."""

    @property
    def policy(self) -> CrawlPolicy:
        """How servers are asked by each of the workers."""
        # How many workers a cluster has is not known here: one request each keeps a host safe from many.
        per_host = 1 if self.address else max(1, self.per_host // self.jobs)
        return CrawlPolicy(self.contact, per_host=per_host, allow_private_hosts=self.allow_private_hosts)

    @property
    def pool_folder(self) -> Place:
        if self.pool is not None:
            return self.pool
        return self.out.with_name(f"{self.out.name}.pool") if isinstance(self.out, Path) else f"{self.out}.pool"

    @property
    def table_file(self) -> Path | None:
        if self.table is not None:
            return self.table
        return self.out.with_name(f"{self.out.name}.table.tsv") if isinstance(self.out, Path) else None

    @property
    def settings(self) -> Settings:
        return Settings(MIN_SIDE, self.size, self.limit)


@dataclass(frozen=True)
class Coverage:
    """Classes with images against the classes of the manifest, at one scale. A test class needs two images."""

    found: int
    of: int
    floor: float

    @property
    def reached(self) -> bool:
        return self.found >= self.floor * self.of


@dataclass(frozen=True)
class Result:
    """What a build made."""

    out: Place
    """A path, or a URL without user and password."""
    images: dict[str, int]
    statuses: dict[str, int]
    coverage: dict[str, Coverage]
    missing: list[str]
    """``fine_id (name)`` of the fine classes without images."""
    failures: dict[str, dict[str, dict[str, int]]]
    """Of images by URL: ``hosts`` and ``labels`` → the ones with most failures → status → number."""
    pool: Place
    seconds: float
    notes: tuple[str, ...] = ()
    """What is to be told of the source: counts that differ from published ones, how far a table is filled."""


def build(
    manifest: Manifest, options: Options, notify: Progress = no_progress, published: Published | None = None
) -> Result:
    """Build a dataset folder at ``options.out``, going on from what its pool holds.

    ``published``: the dataset that is to be made again, whose ``manifest``, source and options these must be.

    Raises `DmlkitError` in its kinds for wrong input. What was collected stays in the pool; ``options.out`` appears
    or changes only when all is written. A build below the manifest's floor is written too: see `Result.coverage`.
    """
    started = time.time()
    check(manifest, options)
    if options.engine == "ray":
        options = for_all_nodes(options)
    manifest, notes = (manifest, published.notes) if published else planning.with_classes(manifest, options)
    hierarchy = published.hierarchy if published else Taxonomy(manifest)
    with Pool(options.pool_folder, options.source) as pool:
        path = options.path or planning.download(
            options.source, lambda done, total: notify("download", done, total, "bytes"), options.allow_private_hosts
        )
        plan = planning.plan(hierarchy, options, path, pool)
        units = collect(plan, hierarchy, options, pool, notify)
        if published and published.cut_off(pool, units):
            wide = replace(options, limit=None)
            units = collect(planning.plan(hierarchy, wide, path, pool), hierarchy, wide, pool, notify)
        how = published.assemble if published else assemble
        with replacement(options.out, manifest, options.source) as folder:
            rows, statuses, failures = assemble_to(folder.path, pool, units, hierarchy, options, notify, how)
            if rows.empty:
                raise nothing_good(statuses, manifest, options)
            result = replace(summarise(rows, statuses, failures, manifest, options, started), notes=notes)
            write(folder.path, rows, manifest, options, pool, result, notify)
            write_build_json(folder.path, manifest, options, units, result, started)
            folder.keep(lambda done, total: notify("upload", done, total, "files"))
    return result


def nothing_good(statuses: Mapping[str, int], manifest: Manifest, options: Options) -> SourceError:
    hint = f"is {options.path} the right --from? `dmlkit info {manifest.name}` shows the classes"
    if statuses.get("private-address"):
        hint = "is a server of the local network meant? --allow-private-hosts"
    return SourceError(
        f"none of the {sum(statuses.values())} images of {options.source} is good and of a class of {manifest.name}: "
        f"{shown_counts(statuses)}; nothing was written",
        hint=hint,
    )


def for_all_nodes(options: Options) -> Options:
    """With paths that mean the same wherever a worker was started."""
    path, pool = options.path, options.pool_folder
    return replace(
        options, path=path.absolute() if path else None, pool=pool.absolute() if isinstance(pool, Path) else pool
    )


def dry_run(manifest: Manifest, options: Options) -> dict[str, Any]:
    """What a build would read, as plain data, see `dmlkit.pipeline.plan.dry_run`."""
    check(manifest, options)
    manifest, notes = planning.with_classes(manifest, options, dry=True)
    return planning.dry_run(Taxonomy(manifest), options, notes)


def check(manifest: Manifest, options: Options) -> None:
    """Refuse what cannot work before anything is read. Raises `UsageError` and `OutputError`."""
    if options.source not in manifest.accepted_sources():
        raise UsageError(
            f"the manifest {manifest.name} takes no images from the source {options.source!r}",
            hint=f"choose --source from: {', '.join(manifest.accepted_sources())}",
        )
    for name, value in (("--jobs", options.jobs), ("--limit", options.limit), ("--size", options.size)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; it must be at least 1")
    if options.size is not None and options.size < MIN_SIDE:
        raise UsageError(f"--size is {options.size}; images need a shorter side of {MIN_SIDE} pixels at least")
    if options.engine not in engine.ENGINES:
        raise UsageError(
            f"unknown engine {options.engine!r}", hint=f"choose --engine from: {', '.join(engine.ENGINES)}"
        )
    if options.address and options.engine != "ray":
        raise UsageError(f"--address {options.address} is of a Ray cluster", hint="add --engine ray")
    check_apart(options.out, options.pool_folder)
    check_replaceable(options.out, manifest, options.source)


def check_apart(out: Place, pool: Place) -> None:
    """A pool inside the dataset folder would go with it when that is replaced. Raises `UsageError`."""
    if isinstance(out, Path) and isinstance(pool, Path):
        inside = out.resolve() in (pool.resolve(), *pool.resolve().parents)
    else:
        inside = f"{pool}/".startswith(f"{out}/")
    if inside:
        raise UsageError(
            f"the pool {shown(str(pool))} is inside the dataset folder {shown(str(out))}",
            hint="choose another folder with --pool",
        )


def collect(plan: planning.Plan, hierarchy: Taxonomy, options: Options, pool: Pool, notify: Progress) -> dict[str, str]:
    """Bring every unit into the pool. Returns the identity of each unit by name.

    Labels that the hierarchy does not know are named in one error: before anything is read where the source knows
    its labels, else at the end, with all that was read kept in the pool.
    """
    hierarchy.resolve_all(plan.labels or ())
    identities: dict[str, str] = {}
    unknown: list[str] = []
    tally = Tally(plan.total, notify)

    def tasks() -> Iterator[Task]:
        for unit in plan.units:
            identities[unit.name] = unit.identity
            depths = planning.depths_of(unit, hierarchy, unknown)
            settings, retry = options.settings, frozenset[str]()
            if pool.settled(unit, settings, depths):
                key = pool.key(unit.name) or {}
                if not (unit.links and options.retry & key["statuses"].keys()):
                    tally.pass_over()
                    continue
                # As it was collected: what this build needs less of stays safe for one that needs more.
                settings, depths, retry = Settings(**key["settings"]), key["depths"], options.retry
            if unit.temporary and options.address and isinstance(pool.folder, RemoteFolder):
                raise UsageError(
                    f"{options.path} is a stream that is taken apart on this machine, where other nodes cannot read it",
                    hint="unpack it once into a folder that the nodes share, or choose a shared folder with --pool",
                )
            yield Task(unit, unit.source or options.source, pool.folder, settings, depths, retry)

    for report in engine.run(collect_unit, tasks(), options.jobs, options.engine, options.address):
        tally.add(report)
        if report.copy:
            Path(report.copy).unlink(missing_ok=True)
    hierarchy.resolve_all(unknown)
    return identities


@dataclass
class Tally:
    """Counts what is collected, and tells of it."""

    total: int | None
    notify: Progress
    units: int = 0
    kept: int = 0
    judged: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)

    def pass_over(self) -> None:
        """A unit that is in the pool."""
        self.units += 1
        self.notify("collect", self.units, self.total, "units, in the pool already")

    def add(self, report: Report) -> None:
        """A unit that was collected now."""
        self.units += 1
        self.kept += report.kept
        self.judged += sum(report.statuses.values()) - report.settled
        self.statuses.update(report.statuses)
        speed = self.judged / max(0.001, time.monotonic() - self.started)
        failed = ", ".join(f"{n:,} {v}" for v, n in self.statuses.most_common() if v in FETCH_STATUSES)
        text = f"units, {self.judged:,} images, {speed:,.0f}/s, {self.kept / 1e6:,.0f} MB; {report.unit}"
        self.notify("collect", self.units, self.total, f"{text}; {failed}" if failed else text)


def assemble_to(
    folder: Path,
    pool: Pool,
    units: Iterable[str],
    hierarchy: Taxonomy,
    options: Options,
    notify: Progress,
    how: Callable[..., pd.DataFrame] = assemble,
) -> tuple[pd.DataFrame, Counter[str], Failures]:
    """The table of the dataset, and the images by status. Writes ``rejected.parquet``."""
    notify("assemble", 0, None, "")
    statuses: Counter[str] = Counter()
    failures = Failures()

    def count(table: pa.Table) -> None:
        statuses.update(table["status"].to_pylist())
        failures.count(table)

    with shards.RowsFile(folder / "rejected.parquet", REJECTED, count) as rejected:
        rows = how(pool, units, hierarchy, options.limit, rejected.write)
    if len(rows):
        statuses["ok"] = len(rows)
    notify("assemble", len(rows), len(rows), "images")
    return rows, statuses, failures


class Failures:
    """Why images by URL could not be had, by host and by label."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Counter[str]]] = {"hosts": {}, "labels": {}}

    def count(self, rejected: pa.Table) -> None:
        of_way = pc.is_in(rejected["status"], pa.array(sorted(FETCH_STATUSES)))
        table = rejected.filter(pc.and_(of_way, pc.not_equal(rejected["source_url"], "")))
        columns = (table[name].to_pylist() for name in ("status", "upstream_label", "source_url"))
        for status, label, url in zip(*columns, strict=True):
            for kind, name in (("hosts", host_of(url)), ("labels", label)):
                self._of[kind].setdefault(name, Counter())[status] += 1

    def worst(self, most: int = 20) -> dict[str, dict[str, dict[str, int]]]:
        """The hosts and labels with most failures."""
        return {
            kind: {name: dict(of[name]) for name in sorted(of, key=lambda n: (-of[n].total(), n))[:most]}
            for kind, of in self._of.items()
        }


def summarise(
    rows: pd.DataFrame,
    statuses: Counter[str],
    failures: Failures,
    manifest: Manifest,
    options: Options,
    started: float,
) -> Result:
    """The figures of a build."""
    found = set(rows["fine_id"])
    coverage = {}
    for scale in SCALES:
        reached = {c.id(scale) for c in manifest.classes if c.fine_id in found}
        coverage[scale] = Coverage(len(reached), len(manifest.ids(scale)), manifest.minimum_coverage(scale))
    return Result(
        out=without_password(options.out),
        images={split: int((rows["split"] == split).sum()) for split in SPLITS},
        statuses=dict(sorted(statuses.items(), key=lambda item: STATUS_NAMES.index(item[0]))),
        coverage=coverage,
        missing=[f"{c.fine_id} ({c.fine})" for c in manifest.classes if c.fine_id not in found],
        failures=failures.worst(),
        pool=without_password(options.pool_folder),
        seconds=time.time() - started,
    )


def write(
    folder: Path, rows: pd.DataFrame, manifest: Manifest, options: Options, pool: Pool, result: Result, notify: Progress
) -> None:
    """Write the images, the hierarchy, the card and the check sums."""
    written = 0
    for count in shards.write_images(folder, rows, manifest, pool.folder, options.jobs):
        written += count
        notify("write", written, len(rows), "images")
    shards.write_hierarchy(folder, rows, manifest)
    sums = shards.sha256_of(folder, {})
    content = hashlib.sha256(shards.sums_text(sums).encode()).hexdigest()
    card.write_attribution(folder, rows)
    figure.write_figure(DatasetFolder.open_unfinished(folder, "split"))
    card.write(folder, manifest, options.source, card_facts(result, options, content))
    sums = shards.sha256_of(folder, sums)
    (folder / "SHA256SUMS").write_text(shards.sums_text(sums), encoding="utf-8")


def without_password(place: Place) -> Place:
    return place if isinstance(place, Path) else shown(place)


def card_facts(result: Result, options: Options, content: str) -> card.Facts:
    return card.Facts(
        images=result.images,
        statuses=result.statuses,
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
        "layout": "split",
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
        "images": result.images,
        "statuses": result.statuses,
        "coverage": {scale: asdict(c) for scale, c in result.coverage.items()},
        "missing": result.missing,
        "failures": result.failures,
        "notes": list(result.notes),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
    }
    (folder / "build.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def shown_counts(statuses: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in statuses.items())
