"""From source images to a dataset folder: check, plan, collect, assemble, write, record."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from dmlkit import __version__
from dmlkit.dataset import card, checksums, figure, shards
from dmlkit.dataset.folder import BUILD_JSON, CHECKSUMS, DatasetFolder
from dmlkit.errors import SourceError
from dmlkit.pipeline import output_tables
from dmlkit.pipeline.assemble import AssembledDataset, assemble_dataset
from dmlkit.pipeline.collect import collect_units
from dmlkit.pipeline.options import MIN_SHORTER_SIDE_PX, BuildOptions, BuildResult, Coverage, check_build
from dmlkit.pipeline.output import open_output
from dmlkit.pipeline.plan import BuildPlan, load_source_classes, plan_build
from dmlkit.pipeline.pool import Pool
from dmlkit.schema.features import image_features
from dmlkit.schema.layout import FORMAT
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import STATUS_NAMES
from dmlkit.storage import images
from dmlkit.storage.locations import Location
from dmlkit.taxonomy.manifest import Manifest
from dmlkit.taxonomy.resolve import Taxonomy
from dmlkit.text import redact_url

# The libraries whose versions the bytes of a dataset depend on.
LIBRARIES = ("datasets", "numpy", "pandas", "pillow", "pyarrow")


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
            write_dataset(output.path, dataset, plan, result, pool, progress)
            record_build(output.path, plan, units, result, started)
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


def write_dataset(
    folder: Path, dataset: AssembledDataset, plan: BuildPlan, result: BuildResult, pool: Pool, progress: Progress
) -> None:
    """Write the images, the hierarchy, the card and the checksums."""
    manifest, options, rows = plan.manifest, plan.options, dataset.rows
    num_written = 0
    schema = image_features({scale: manifest.names(scale) for scale in SCALES}).arrow_schema
    splits = output_tables.split_rows(rows, manifest)
    for shard in shards.write_images(folder, splits, schema, output_tables.PoolImages(pool.folder), options.jobs):
        num_written += shard.num_images
        progress("write", num_written, len(rows), "images")
    shards.write_hierarchy(folder, output_tables.hierarchy_rows(rows, manifest))
    sums = checksums.hash_files(folder, {})
    content_hash = checksums.hash_checksums(sums)
    card.write_attribution(folder, rows)
    figure.write_figure(DatasetFolder.open_unfinished(folder, "split"))
    card.write(folder, manifest, options.source, card_facts(result, options, content_hash))
    checksums.write_checksums(folder / CHECKSUMS, checksums.hash_files(folder, sums))


def card_facts(result: BuildResult, options: BuildOptions, content_hash: str) -> card.Facts:
    """Return the figures that the card shows."""
    return card.Facts(
        images=result.images,
        statuses=result.statuses,
        coverage={scale: (c.num_covered, c.num_classes) for scale, c in result.coverage.items()},
        limit=options.limit,
        resizing=f"{options.shorter_side_px} px, {images.RESIZING}" if options.shorter_side_px else "",
        content=content_hash,
    )


def record_build(folder: Path, plan: BuildPlan, units: Mapping[str, str], result: BuildResult, started: float) -> None:
    """Write build.json: how the folder was made. ``units``: name → fingerprint.

    It has times, so it is not in SHA256SUMS; and no path of this machine.
    """
    manifest, options = plan.manifest, plan.options
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
            "identity": hashlib.sha256(json.dumps(sorted(units.items())).encode()).hexdigest(),
        },
        "options": {
            "limit": options.limit,
            "size": options.shorter_side_px,
            "min_side": MIN_SHORTER_SIDE_PX,
        },
        "resizing": images.RESIZING if options.shorter_side_px else None,
        "images": result.images,
        "statuses": result.statuses,
        "coverage": {scale: coverage.as_json() for scale, coverage in result.coverage.items()},
        "missing": result.missing,
        "failures": result.failures,
        "notes": list(result.notes),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
    }
    (folder / BUILD_JSON).write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
