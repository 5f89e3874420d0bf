"""What a build reads: the units of its source, and how far each label of a unit is looked into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dmlkit.errors import TaxonomyError
from dmlkit.pipeline.options import BuildOptions
from dmlkit.pipeline.pool import Pool, ScanLevel
from dmlkit.schema.progress import Progress
from dmlkit.sources.base import Listing, PlanRequest, Unit
from dmlkit.sources.common.tables import write_blank_table
from dmlkit.sources.registry import load_source
from dmlkit.storage import download
from dmlkit.taxonomy.manifest import Manifest, raise_for_faults
from dmlkit.taxonomy.resolve import Taxonomy


@dataclass(frozen=True)
class BuildPlan:
    """The units of a source, and what decides about their images.

    ``num_units`` and ``labels`` are None for a stream, which is known only while it is read.
    """

    taxonomy: Taxonomy
    options: BuildOptions
    units: Iterable[Unit]
    num_units: int | None
    labels: frozenset[str] | None

    @property
    def manifest(self) -> Manifest:
        """The manifest, with the classes of the source's own files if it has such."""
        return self.taxonomy.manifest


def load_source_classes(
    manifest: Manifest, options: BuildOptions, *, may_write: bool = True
) -> tuple[Manifest, tuple[str, ...]]:
    """Return the manifest with the classes that the source's own files list, if it has such, and notes on them.

    A table that the source needs and that is missing is written, if ``may_write``.

    Raises `SourceError` for files that cannot be read, and `ManifestError` if the classes contradict each other.
    """
    source, table = load_source(options.source), options.table_file
    request = PlanRequest(manifest, options.path, options.path or Path(), table=table)
    if table is not None and may_write and not table.exists():
        blank = source.blank_table(request)
        if blank is not None:
            write_blank_table(table, blank)
    classes = source.classes(request)
    if classes is None:
        return manifest, ()
    manifest = replace(manifest, classes=classes.classes, excluded=classes.excluded, resolved=True)
    raise_for_faults(manifest, hint=f"the classes are those of {options.path}")
    return manifest, classes.notes


def plan_build(taxonomy: Taxonomy, options: BuildOptions, pool: Pool, progress: Progress) -> BuildPlan:
    """Plan the units of the source, which is read as far as needed to know them.

    A source that can be downloaded without a log-in is downloaded, once, if there is no ``--from``. Raises
    `SourceError`.
    """
    path = options.path or download_source(options, progress)
    units = call_source_plan(taxonomy, options, path, pool)
    if isinstance(units, list):
        labels = frozenset(label for unit in units for label in unit.labels)
        return BuildPlan(taxonomy, options, units, len(units), labels)
    if isinstance(units, Listing):
        return BuildPlan(taxonomy, options, units.units, units.num_units, frozenset(units.labels))
    return BuildPlan(taxonomy, options, units, None, None)


def download_source(options: BuildOptions, progress: Progress) -> Path | None:
    """Download the archive of the source, once. Returns None for a source that has none."""
    archive = load_source(options.source).archive
    if archive is None:
        return None
    return download.download_archive(
        archive,
        lambda done, total: progress("download", done, total, "bytes"),
        allow_private_hosts=options.allow_private_hosts,
    )


def call_source_plan(
    taxonomy: Taxonomy, options: BuildOptions, path: Path | None, pool: Pool
) -> list[Unit] | Listing | Iterator[Unit]:
    """Ask the source for its units at ``path``. Raises `SourceError`."""
    request = PlanRequest(
        manifest=taxonomy.manifest,
        path=path,
        scratch=pool.scratch,
        limit=options.limit,
        is_covered=lambda unit: pool.covers(unit, options.settings, scan_levels(unit, taxonomy)),
        policy=options.policy,
        table=options.table_file,
    )
    return load_source(options.source).plan(request)


def scan_levels(unit: Unit, taxonomy: Taxonomy) -> dict[str, ScanLevel]:
    """Decide how far the images of each label of ``unit`` are looked into. Labels that nobody knows are left out.

    Images under labels above the fine classes or excluded are hashed, so that one which is also under a fine class is
    found; unless they would have to be fetched one by one.
    """
    beside = ScanLevel.NAME if unit.links else ScanLevel.HASH
    level_of_status = {"ok": ScanLevel.KEEP, "above": beside, "excluded": beside}
    levels = {}
    for label in unit.labels:
        try:
            resolution = taxonomy.resolve(label)
        except TaxonomyError:
            continue
        levels[label] = level_of_status.get(resolution.status, ScanLevel.NAME)
    return levels
