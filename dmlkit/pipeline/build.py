"""From source images to a dataset folder: check, plan, collect, assemble, write, record."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dmlkit import __version__
from dmlkit.dataset import shards
from dmlkit.dataset.facts import CoverageFacts, DatasetFacts, ManifestFacts, SourceFacts, library_versions
from dmlkit.dataset.finish import finish_folder
from dmlkit.dataset.folder import BUILD_JSON
from dmlkit.errors import SourceError
from dmlkit.pipeline import output_tables
from dmlkit.pipeline.assemble import AssembledDataset, assemble_dataset
from dmlkit.pipeline.collect import collect_units
from dmlkit.pipeline.options import MIN_SHORTER_SIDE_PX, BuildOptions, BuildResult, Coverage, check_build
from dmlkit.pipeline.output import open_output
from dmlkit.pipeline.plan import BuildPlan, load_source_classes, plan_build
from dmlkit.pipeline.pool import Pool
from dmlkit.schema.features import image_features
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import STATUS_NAMES
from dmlkit.storage import images
from dmlkit.storage.locations import Location
from dmlkit.taxonomy.manifest import Manifest
from dmlkit.taxonomy.resolve import Taxonomy
from dmlkit.text import redact_url


def build(manifest: Manifest, options: BuildOptions, progress: Progress = no_progress) -> BuildResult:
    """Build a dataset folder at ``options.out``, and resume from what its pool has.

    Raises `DmlkitError` in its kinds for wrong input. What was collected stays in the pool; ``options.out`` appears
    or changes only when all is written. A build below the manifest's minimum coverage is written too: see
    `BuildResult.coverage`.
    """
    started = time.time()
    check_build(manifest, options)
    options = options.for_all_nodes()
    manifest, notes = load_source_classes(manifest, options)
    with Pool(options.pool_folder, options.source) as pool:
        plan = plan_build(Taxonomy(manifest), options, pool, progress)
        units = collect_units(plan, pool, progress)
        with open_output(options.out, manifest, options.source) as output:
            dataset = assemble_dataset(output.path, plan, pool, units, progress)
            result = summarize_build(dataset, plan, notes, started)
            facts = build_facts(plan, units, result, started)
            write_dataset(output.path, dataset, plan, facts, pool, progress)
            record_build(output.path, facts, started)
            output.commit(lambda done, total: progress("upload", done, total, "files"))
    return result


def summarize_build(dataset: AssembledDataset, plan: BuildPlan, notes: tuple[str, ...], started: float) -> BuildResult:
    """Count what a build made. ``started`` is in seconds since 1970. Raises `SourceError` if it has no image."""
    if dataset.rows.empty:
        raise no_images_error(dataset.statuses, plan)
    manifest, options = plan.manifest, plan.options
    covered = set(dataset.rows["fine_id"])
    coverage = {}
    for scale in SCALES:
        class_ids = {c.id(scale) for c in manifest.classes if c.fine_id in covered}
        coverage[scale] = Coverage(len(class_ids), len(manifest.ids(scale)), manifest.minimum_coverage(scale))
    return BuildResult(
        out=redact_location(options.out),
        images={split: int((dataset.rows["split"] == split).sum()) for split in SPLITS},
        statuses=dict(sorted(dataset.statuses.items(), key=lambda item: STATUS_NAMES.index(item[0]))),
        coverage=coverage,
        missing=[f"{c.fine_id} ({c.fine})" for c in manifest.classes if c.fine_id not in covered],
        failures=dataset.failures,
        pool=redact_location(options.pool_folder),
        seconds=time.time() - started,
        notes=notes,
    )


def no_images_error(statuses: Mapping[str, int], plan: BuildPlan) -> SourceError:
    """Make the error for a source without a good image of any class."""
    source, name = plan.options.source, plan.manifest.name
    hint = f"check that {plan.options.path} is the right --from; `dmlkit info {name}` shows the classes"
    if statuses.get("private-address"):
        hint = "if a server of the local network is meant, add --allow-private-hosts"
    counts = ", ".join(f"{count} {status}" for status, count in statuses.items())
    return SourceError(
        f"none of the {sum(statuses.values())} images of {source} is good and of a class of {name}: "
        f"{counts}; nothing was written",
        code="source.no-good-images",
        hint=hint,
        statuses=dict(statuses),
    )


def redact_location(location: Location) -> Location:
    """Remove user and password from a URL. Paths stay as they are."""
    return location if isinstance(location, Path) else redact_url(location)


def build_facts(plan: BuildPlan, units: Mapping[str, str], result: BuildResult, started: float) -> DatasetFacts:
    """State how a folder was made; no path of this machine. ``units``: name -> fingerprint."""
    manifest, options = plan.manifest, plan.options
    return DatasetFacts(
        layout="split",
        manifest=ManifestFacts(
            manifest.name, manifest.version, manifest.sha256, dict(manifest.settings), manifest.citations()
        ),
        source=SourceFacts(
            name=options.source,
            origin=options.path.resolve().name if options.path else None,
            units=len(units),
            identity=hashlib.sha256(json.dumps(sorted(units.items())).encode()).hexdigest(),
        ),
        images=result.images,
        statuses=result.statuses,
        coverage={
            scale: CoverageFacts(c.num_covered, c.num_classes, c.minimum) for scale, c in result.coverage.items()
        },
        dmlkit=__version__,
        versions=library_versions(),
        options={"limit": options.limit, "size": options.shorter_side_px, "min_side": MIN_SHORTER_SIDE_PX},
        resizing=images.RESIZING if options.shorter_side_px else None,
        missing=tuple(result.missing),
        failures=result.failures,
        notes=result.notes,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
    )


def write_dataset(
    folder: Path, dataset: AssembledDataset, plan: BuildPlan, facts: DatasetFacts, pool: Pool, progress: Progress
) -> None:
    """Write all files but build.json: images, hierarchy, credits, figure, card and checksums."""
    manifest, rows = plan.manifest, dataset.rows
    num_written = 0
    schema = image_features({scale: manifest.names(scale) for scale in SCALES}).arrow_schema
    splits, reader = output_tables.split_rows(rows, manifest), output_tables.PoolImages(pool.folder)
    for shard in shards.write_images(folder, splits, schema, reader, plan.options.jobs):
        num_written += shard.num_images
        progress("write", num_written, len(rows), "images")
    shards.write_hierarchy(folder, output_tables.hierarchy_rows(rows, manifest))
    finish_folder(folder, facts, rows)


def record_build(folder: Path, facts: DatasetFacts, started: float) -> None:
    """Write build.json, with the time that the build took."""
    replace(facts, seconds=round(time.time() - started, 1)).write(folder / BUILD_JSON)
