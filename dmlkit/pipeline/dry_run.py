"""What a build would read, as plain data. Nothing is downloaded or written, and no image is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dmlkit import terms
from dmlkit.pipeline.options import BuildOptions, check_build
from dmlkit.pipeline.plan import call_source_plan, load_source_classes, scan_levels
from dmlkit.pipeline.pool import Pool
from dmlkit.sources.base import Listing, Unit
from dmlkit.sources.registry import load_source
from dmlkit.storage import download
from dmlkit.taxonomy.manifest import Manifest
from dmlkit.taxonomy.resolve import Taxonomy
from dmlkit.text import redact_url

# Assumed of images by URL: bytes of one, images that a worker checks in a second, seconds until a host answers.
IMAGE_BYTES = 100_000
IMAGES_PER_SECOND = 300
ANSWER_SECONDS = 0.25

# Hosts and licences that are listed, the most frequent first.
SHOWN_NAMES = 20

SourceUnits = list[Unit] | Listing | Iterator[Unit]


def dry_run(manifest: Manifest, options: BuildOptions) -> dict[str, Any]:
    """Return what a build would read.

    The units of a stream, or of an archive that is still to be downloaded, are not known. Numbers of images and bytes
    that are not known before the source is read are null.
    Raises `DmlkitError` in its kinds for wrong input, as `dmlkit.pipeline.build.build` does.
    """
    check_build(manifest, options)
    manifest, notes = load_source_classes(manifest, options, may_write=False)
    taxonomy = Taxonomy(manifest)
    pool = Pool(options.pool_folder, options.source)
    archive = load_source(options.source).archive if options.path is None else None
    path = download.find_download(archive) if archive else options.path
    absent = archive if archive and path is None else None
    units: SourceUnits = [] if absent else call_source_plan(taxonomy, options, path, pool)
    source_terms = terms.load(options.source)
    return {
        "manifest": manifest.name,
        "source": options.source,
        "title": source_terms.title,
        "download": {"url": absent.url, "bytes": absent.num_bytes} if absent else None,
        "stream": not isinstance(units, list | Listing),
        **count_units(units, taxonomy, options, pool),
        "license": source_terms.license,
        "terms": source_terms.conditions,
        "redistribute": source_terms.redistribute,
        "notes": list(notes),
        "out": redact_url(str(options.out)),
        "pool": redact_url(str(options.pool_folder)),
    }


def count_units(units: SourceUnits, taxonomy: Taxonomy, options: BuildOptions, pool: Pool) -> dict[str, Any]:
    """Count units, images, bytes, labels and classes."""
    labels: Mapping[str, int] = {}
    known: Iterable[Unit] = []
    if isinstance(units, list):
        known, labels = units, Counter(label for unit in units for label in unit.labels)
    elif isinstance(units, Listing):
        known, labels = units.units, units.labels
    resolutions = taxonomy.resolve_all(sorted(labels))
    num_units = num_covered = 0
    num_images: list[int | None] = []
    num_bytes: list[int | None] = []
    for unit in known:
        num_units += 1
        num_images.append(unit.num_images)
        num_bytes.append(unit.num_bytes)
        num_covered += pool.covers(unit, options.settings, scan_levels(unit, taxonomy))
    counts = {
        "units": num_units,
        "settled": num_covered,
        "images": sum_if_known(num_images),
        "bytes": sum_if_known(num_bytes),
        "labels": dict(sorted(Counter(resolution.status for resolution in resolutions.values()).items())),
        "fine": len({resolution.fine_id for resolution in resolutions.values()} - {None}),
        "of_fine": len(taxonomy.manifest.classes),
    }
    if isinstance(units, Listing):
        num_wanted = sum(count for label, count in labels.items() if resolutions[label].status == "ok")
        counts |= estimate_fetching(units, num_wanted, options)
    return counts


def sum_if_known(counts: list[int | None]) -> int | None:
    """Sum counts; None if there are none, or if one is not known."""
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def estimate_fetching(listing: Listing, num_wanted: int, options: BuildOptions) -> dict[str, Any]:
    """Estimate bytes and seconds of fetching ``num_wanted`` images by URL, and count their hosts and licences."""
    busiest = max(listing.hosts.values(), default=0) * num_wanted / max(1, sum(listing.labels.values()))
    at_once = options.policy.per_host * options.jobs
    seconds = max(num_wanted / IMAGES_PER_SECOND / options.jobs, busiest * ANSWER_SECONDS / at_once)
    return {
        "images": num_wanted,
        "bytes": num_wanted * IMAGE_BYTES,
        "seconds": round(seconds),
        "hosts": dict(Counter(listing.hosts).most_common(SHOWN_NAMES)),
        "of_hosts": len(listing.hosts),
        "licenses": dict(Counter(listing.licenses).most_common(SHOWN_NAMES)),
    }
