"""What a build would read: the units of its source, how far each is looked into, and the dry run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmlkit import sources, terms
from dmlkit.errors import TaxonomyError
from dmlkit.pipeline.pool import Pool
from dmlkit.sources.base import Unit
from dmlkit.storage import download as fetch
from dmlkit.storage.locations import shown
from dmlkit.taxonomy.manifest import Manifest, raise_for_faults
from dmlkit.taxonomy.resolve import Taxonomy

if TYPE_CHECKING:
    from dmlkit.pipeline.build import Options

IMAGE_BYTES = 100_000
IMAGES_A_SECOND = 300
ANSWER_SECONDS = 0.25
"""What a dry run takes for granted of images by URL: their size, what a worker judges, how fast a host answers."""


@dataclass(frozen=True)
class Plan:
    """The units of a source. ``total`` and ``labels`` are None for a stream, which is known only while it is read."""

    units: Iterable[Unit]
    total: int | None
    labels: frozenset[str] | None


def with_classes(manifest: Manifest, options: Options, *, dry: bool = False) -> tuple[Manifest, tuple[str, ...]]:
    """The manifest with the classes that the source's own files name, where it has such, and notes on them.

    Where the source needs a table that is not there, it is written, unless ``dry``.

    Raises `SourceError` for files that cannot be read so, and `ManifestError` where the classes contradict each other.
    """
    source = sources.load(options.source)
    if not hasattr(source, "classes"):
        return manifest, ()
    request = sources.Request(
        manifest, options.path, options.path or Path(), table=options.table_file, may_write=not dry
    )
    found: sources.Classes = source.classes(request)
    manifest = replace(manifest, classes=found.classes, excluded=found.excluded, resolved=True)
    raise_for_faults(manifest, hint=f"the classes are those of {options.path}")
    return manifest, found.notes


def plan(hierarchy: Taxonomy, options: Options, path: Path | None, pool: Pool) -> Plan:
    """The units of the source, which is read as far as needed to know them. Raises `SourceError`."""
    found = ask(hierarchy, options, path, pool)
    if isinstance(found, list):
        return Plan(found, len(found), frozenset(label for unit in found for label in unit.labels))
    if isinstance(found, sources.Listing):
        return Plan(found.units, found.total, frozenset(found.labels))
    return Plan(found, None, None)


def ask(
    hierarchy: Taxonomy, options: Options, path: Path | None, pool: Pool
) -> list[Unit] | sources.Listing | Iterator[Unit]:
    """The answer of the source to the request of this build."""
    request = sources.Request(
        manifest=hierarchy.manifest,
        path=path,
        scratch=pool.scratch,
        limit=options.limit,
        settled=lambda unit: pool.settled(unit, options.settings, depths_of(unit, hierarchy, [])),
        policy=options.policy,
        table=options.table_file,
    )
    found: list[Unit] | sources.Listing | Iterator[Unit] = sources.load(options.source).plan(request)
    return found


def depths_of(unit: Unit, hierarchy: Taxonomy, unknown: list[str]) -> dict[str, str]:
    """How far the images of each label of ``unit`` are looked into. Labels that no one knows go to ``unknown``.

    Images under labels above or beside the fine classes are hashed, so that one which also stands under a fine
    class is found; unless they would have to be fetched one by one.
    """
    depths = {}
    for label in unit.labels:
        try:
            status = hierarchy.resolve(label).status
        except TaxonomyError:
            unknown.append(label)
            status = "outside"
        beside = "list" if unit.links else "hash"
        depths[label] = {"ok": "use", "above": beside, "excluded": beside}.get(status, "list")
    return depths


def download(source: str, progress: Callable[[int, int], None], allow_private_hosts: bool) -> Path | None:
    """The archive of a source that can be had without a log-in, downloaded once; None for other sources."""
    archive = getattr(sources.load(source), "ARCHIVE", None)
    if archive is None:
        return None
    return fetch.download_archive(archive, progress, allow_private_hosts=allow_private_hosts)


def dry_run(hierarchy: Taxonomy, options: Options, notes: Iterable[str] = ()) -> dict[str, Any]:
    """What a build would read, as plain data. Downloads and writes nothing and reads no image.

    The units of a stream, or of an archive that is still to be downloaded, are not known.
    """
    pool = Pool(options.pool_folder, options.source)
    archive = getattr(sources.load(options.source), "ARCHIVE", None) if options.path is None else None
    path = fetch.downloaded(archive) if archive else options.path
    absent = archive if archive and path is None else None
    found: list[Unit] | sources.Listing | Iterator[Unit] = []
    if absent is None:
        found = ask(hierarchy, options, path, pool)
    labels: Mapping[str, int] = {}
    units: Iterable[Unit] = []
    if isinstance(found, list):
        units, labels = found, Counter(label for unit in found for label in unit.labels)
    elif isinstance(found, sources.Listing):
        units, labels = found.units, found.labels
    placed = hierarchy.resolve_all(sorted(labels))
    count, size, settled = 0, 0, 0
    for unit in units:
        count, size = count + 1, size + unit.size
        settled += pool.settled(unit, options.settings, depths_of(unit, hierarchy, []))
    source_terms = terms.load(options.source)
    facts = {
        "manifest": hierarchy.manifest.name,
        "source": options.source,
        "title": source_terms.title,
        "download": {"url": absent.url, "bytes": absent.size} if absent else None,
        "stream": not isinstance(found, list | sources.Listing),
        "units": count,
        "settled": settled,
        "bytes": size or None,
        "labels": dict(sorted(Counter(resolution.status for resolution in placed.values()).items())),
        "fine": len({resolution.fine_id for resolution in placed.values()} - {None}),
        "of_fine": len(hierarchy.manifest.classes),
        "license": source_terms.license,
        "terms": source_terms.conditions,
        "redistribute": source_terms.redistribute,
        "notes": list(notes),
        "out": shown(str(options.out)),
        "pool": shown(str(options.pool_folder)),
    }
    if isinstance(found, sources.Listing):
        wanted = sum(number for label, number in labels.items() if placed[label].status == "ok")
        facts |= of_listing(found, wanted, options)
    return facts


def of_listing(listing: sources.Listing, wanted: int, options: Options) -> dict[str, Any]:
    """What is known and what can be guessed of images by URL."""
    busiest = max(listing.hosts.values(), default=0) * wanted / max(1, sum(listing.labels.values()))
    at_once = options.policy.per_host * options.jobs
    seconds = max(wanted / IMAGES_A_SECOND / options.jobs, busiest * ANSWER_SECONDS / at_once)
    return {
        "images": wanted,
        "bytes": wanted * IMAGE_BYTES,
        "seconds": round(seconds),
        "hosts": dict(Counter(listing.hosts).most_common(20)),
        "of_hosts": len(listing.hosts),
        "licenses": dict(Counter(listing.licenses).most_common(20)),
    }
