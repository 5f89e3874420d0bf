"""Check the files of a dataset folder: presence, checksums, and what does not belong there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dmlkit.dataset.checks.codes import Finding
from dmlkit.dataset.checksums import hash_file, read_checksums
from dmlkit.dataset.folder import (
    BUILD_JSON,
    CARD,
    CHECKSUMS,
    CITATION,
    FIGURE,
    HIERARCHY,
    REJECTED,
    is_part_of_tables,
    shard_names,
    shard_pattern,
)
from dmlkit.dataset.listing import FolderListing
from dmlkit.schema.layout import LAYOUTS

REQUIRED = (CARD, CHECKSUMS, CITATION, FIGURE, BUILD_JSON, REJECTED, HIERARCHY)


def check_files(listing: FolderListing, layout: str) -> Iterator[Finding]:
    """Find files that are missing, and what is there besides."""
    files = listing.files
    for name, what in listing.others.items():
        if what.startswith("unreadable"):
            yield Finding("E101", name, f"cannot be read: {what}")
        else:
            yield Finding("E107", name, f"{what}; not read")
    for name in REQUIRED:
        if name not in files:
            yield Finding("E101", name, "missing")
    stems = list(dict.fromkeys(spec.stem for spec in LAYOUTS[layout]))
    for stem in stems:
        shards = shard_names(files, stem)
        if not shards:
            yield Finding("E101", shard_pattern(stem), "missing")
        for number, name in enumerate(shards):
            if not name.endswith(f"-{number:05d}-of-{len(shards):05d}.parquet"):
                yield Finding("E101", name, f"not number {number} of {len(shards)}: some are missing or too many")
                break
    known = {name for stem in stems for name in shard_names(files, stem)} | {HIERARCHY}
    for name in files:
        if is_part_of_tables(name) and name not in known:
            yield Finding("E107", name, "belongs to no split")


def check_checksums(files: Mapping[str, Path]) -> Iterator[Finding]:
    """Compare the bytes of the files with SHA256SUMS."""
    if CHECKSUMS not in files:
        return  # E101 reports it
    try:
        sums = read_checksums(files[CHECKSUMS])
    except (ValueError, OSError) as exc:
        yield Finding("E101", CHECKSUMS, f"cannot be read: {exc}")
        return
    for name in files.keys() - sums.keys() - {CHECKSUMS, BUILD_JSON}:
        yield Finding("E102", name, f"not listed in {CHECKSUMS}")
    for name, digest in sums.items():
        if name not in files:
            yield Finding("E101", name, f"listed in {CHECKSUMS}, but missing")
            continue
        try:
            if hash_file(files[name]) != digest:
                yield Finding("E103", name, f"its bytes differ from {CHECKSUMS}")
        except OSError as exc:
            yield Finding("E101", name, f"cannot be read: {exc.strerror}")
