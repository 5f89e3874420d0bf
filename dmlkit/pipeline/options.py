"""What a person may choose of a build, and what a build returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dmlkit.errors import UsageError
from dmlkit.pipeline.output import check_output
from dmlkit.schema.statuses import TRANSIENT_STATUSES
from dmlkit.storage import executor
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.locations import Location
from dmlkit.taxonomy.manifest import Manifest
from dmlkit.text import redact_url

# Images with a shorter side than this many pixels are rejected: too small to show an animal, a car or a product.
MIN_SHORTER_SIDE_PX = 32


@dataclass(frozen=True)
class CollectSettings:
    """What decides the bytes and statuses of a unit besides its source.

    Images with a shorter side below ``min_shorter_side_px`` are rejected; larger ones are resized so that it is
    ``shorter_side_px``, unless that is None. ``limit`` is the most images of a label that are kept.
    """

    min_shorter_side_px: int
    shorter_side_px: int | None
    limit: int | None


@dataclass(frozen=True)
class BuildOptions:
    """What a person may choose of a build.

    ``path`` is ``--from``. ``shorter_side_px`` is ``--size``: larger images are resized to it. ``retry`` are statuses
    of an earlier run whose images are asked for again, if they have URLs. ``address`` is that of a Ray cluster; None
    starts one on this machine, with ``jobs`` workers. ``table`` is what a person fills in of a source's classes; None
    means beside the output.
    """

    source: str
    out: Location
    path: Path | None = None
    pool: Location | None = None
    limit: int | None = None
    shorter_side_px: int | None = None
    jobs: int = field(default_factory=executor.cpu_count)
    allow_private_hosts: bool = False
    contact: str = ""
    per_host: int = 8
    retry: frozenset[str] = TRANSIENT_STATUSES
    engine: str = "local"
    address: str | None = None
    table: Path | None = None

    @property
    def policy(self) -> CrawlPolicy:
        """How each of the workers asks servers."""
        # How many workers a cluster has is not known here: one request each keeps a host safe from many.
        per_host = 1 if self.address else max(1, self.per_host // self.jobs)
        return CrawlPolicy(self.contact, per_host=per_host, allow_private_hosts=self.allow_private_hosts)

    @property
    def pool_folder(self) -> Location:
        """The folder of the pool: the chosen one, or the one beside the output."""
        if self.pool is not None:
            return self.pool
        return self.out.with_name(f"{self.out.name}.pool") if isinstance(self.out, Path) else f"{self.out}.pool"

    @property
    def table_file(self) -> Path | None:
        """The table for a person to fill in: the chosen one, or the one beside a local output."""
        if self.table is not None:
            return self.table
        return self.out.with_name(f"{self.out.name}.table.tsv") if isinstance(self.out, Path) else None

    @property
    def settings(self) -> CollectSettings:
        """The options that decide the bytes of a unit."""
        return CollectSettings(MIN_SHORTER_SIDE_PX, self.shorter_side_px, self.limit)

    def for_all_nodes(self) -> BuildOptions:
        """Return the options with paths that mean the same in every working folder, if other nodes may need them."""
        if self.engine != "ray":
            return self
        pool = self.pool_folder
        return replace(
            self,
            path=self.path.absolute() if self.path else None,
            pool=pool.absolute() if isinstance(pool, Path) else pool,
        )


@dataclass(frozen=True)
class Coverage:
    """Classes with images against the classes of the manifest, at one scale. A test class needs two images.

    ``minimum`` is the share of the classes that a build must reach.
    """

    num_covered: int
    num_classes: int
    minimum: float

    @property
    def reached(self) -> bool:
        """Whether the build reached the minimum of its manifest."""
        return self.num_covered >= self.minimum * self.num_classes

    def as_json(self) -> dict[str, int | float]:
        """Return the coverage as build.json has it."""
        return {"found": self.num_covered, "of": self.num_classes, "floor": self.minimum}


@dataclass(frozen=True)
class BuildResult:
    """What a build made.

    ``out`` and ``pool`` are paths, or URLs without user and password. ``images`` counts by split, ``statuses`` by
    status, ``coverage`` by scale. ``missing`` are the fine classes without images, as ``fine_id (name)``. ``failures``,
    of images by URL: ``hosts`` and ``labels`` → the ones with most failures → status → number. ``notes`` are what a
    person should know of the source: counts that differ from published ones, how far a table is filled in.
    """

    out: Location
    images: Mapping[str, int]
    statuses: Mapping[str, int]
    coverage: Mapping[str, Coverage]
    missing: list[str]
    failures: Mapping[str, Mapping[str, Mapping[str, int]]]
    pool: Location
    seconds: float
    notes: tuple[str, ...] = ()


def check_build(manifest: Manifest, options: BuildOptions) -> None:
    """Refuse what cannot work, before anything is read. Raises `UsageError` and `OutputError`."""
    if options.source not in manifest.accepted_sources():
        raise UsageError(
            f"the manifest {manifest.name} takes no images from the source {options.source!r}",
            code="usage.source-not-accepted",
            hint=f"choose --source from: {', '.join(manifest.accepted_sources())}",
            name=options.source,
            choices=tuple(manifest.accepted_sources()),
        )
    check_numbers(options)
    if options.engine not in executor.ENGINES:
        raise UsageError(
            f"unknown engine {options.engine!r}",
            code="usage.unknown-engine",
            hint=f"choose --engine from: {', '.join(executor.ENGINES)}",
            name=options.engine,
        )
    if options.address and options.engine != "ray":
        raise UsageError(
            f"--address {redact_url(options.address)} is that of a Ray cluster",
            code="usage.address-without-ray",
            hint="add --engine ray",
        )
    check_apart(options.out, options.pool_folder)
    check_output(options.out, manifest, options.source)


def check_numbers(options: BuildOptions) -> None:
    """Raise `UsageError` for numbers that mean nothing."""
    numbers = {"--jobs": options.jobs, "--limit": options.limit, "--size": options.shorter_side_px}
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise UsageError(
                f"{name} is {value}; it must be at least 1",
                code="usage.below-one",
                hint=f"give {name} a positive number",
                option=name,
                value=value,
            )
    if options.shorter_side_px is not None and options.shorter_side_px < MIN_SHORTER_SIDE_PX:
        raise UsageError(
            f"--size is {options.shorter_side_px}; images need a shorter side of at least {MIN_SHORTER_SIDE_PX} pixels",
            code="usage.size-too-small",
            hint=f"give --size at least {MIN_SHORTER_SIDE_PX}",
            value=options.shorter_side_px,
        )


def check_apart(out: Location, pool: Location) -> None:
    """Raise `UsageError` if the pool is inside the dataset folder: it would go with it when that is replaced."""
    if isinstance(out, Path) and isinstance(pool, Path):
        inside = out.resolve() in (pool.resolve(), *pool.resolve().parents)
    else:
        inside = f"{pool}/".startswith(f"{out}/")
    if inside:
        raise UsageError(
            f"the pool {redact_url(str(pool))} is inside the dataset folder {redact_url(str(out))}",
            code="usage.pool-inside-out",
            hint="choose another folder with --pool",
            pool=pool,
            out=out,
        )
