"""Check a dataset folder: files, tables and images. `dmlkit.dataset.checks.codes` lists what can be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from dmlkit.dataset import tables as reading
from dmlkit.dataset.checks.card import check_card
from dmlkit.dataset.checks.codes import Finding
from dmlkit.dataset.checks.files import check_checksums, check_files
from dmlkit.dataset.checks.images import check_figure, check_images
from dmlkit.dataset.checks.rejected import check_rejected
from dmlkit.dataset.checks.tables import CHECKS, DatasetTables, check_values
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.folder import BUILD_JSON, FIGURE, HIERARCHY, REJECTED, check_folder, shard_names
from dmlkit.dataset.listing import FolderListing, list_files
from dmlkit.errors import UnreadableDatasetError, no_images
from dmlkit.schema.features import REJECTED as REJECTED_SCHEMA
from dmlkit.schema.features import hierarchy_features
from dmlkit.schema.layout import LAYOUTS
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.storage import executor

# Bytes of images below which starting further processes takes longer than it saves.
MIN_BYTES_FOR_WORKERS = 20_000_000

# The finding for a file that cannot be read, by the code of the error.
FINDING_CODES = {
    "dataset.bad-facts": "E104",
    "dataset.bad-parquet": "E201",
    "dataset.wrong-columns": "E202",
}

T = TypeVar("T")


def validate(folder: str | Path, notify: Progress = no_progress, jobs: int | None = None) -> list[Finding]:
    """Check the dataset in ``folder`` and return all findings, in the order of the codes.

    Raises `UnreadableDatasetError` for a folder that has no part of a dataset, and `NoImagesError` for a dataset that
    was published as ids only. Memory: some 500 bytes for each image, and the images of one row group for each of the
    ``jobs``.
    """
    folder = check_folder(Path(folder))
    listing = list_files(folder)
    files = listing.files
    parts = read_parts(folder, listing)
    if parts.facts is not None and parts.facts.ids_only:
        raise no_images(folder)
    findings = [*parts.findings, *check_files(listing, parts.layout), *check_checksums(files)]
    if FIGURE in files:
        findings += check_figure(files[FIGURE], FIGURE)
    findings += check_tables(folder, files, parts)
    if sum(files[name].stat().st_size for name in parts.shards) < MIN_BYTES_FOR_WORKERS:
        jobs = 1
    shards = [(folder, name) for name in parts.shards]
    for done, image_findings in enumerate(executor.run(check_images, shards, jobs or executor.cpu_count()), start=1):
        notify("validate", done, len(shards), "files")
        findings += image_findings
    return sorted((f.printable() for f in findings), key=lambda f: (f.code, f.where, f.message))


@dataclass(frozen=True)
class FolderParts:
    """What could be read of a folder: None for what is missing or damaged. ``findings`` say what is damaged.

    ``shards`` are the names of the files whose images can be looked at; ``images`` and ``class_names`` are the rows
    and class names of all of them.
    """

    facts: DatasetFacts | None
    layout: str
    hierarchy: pd.DataFrame | None
    shards: tuple[str, ...]
    images: pd.DataFrame | None
    class_names: Mapping[str, list[str]]
    findings: tuple[Finding, ...]


class PartReader:
    """Read parts of a folder and keep the findings for those that are damaged. A missing file is read as None."""

    def __init__(self, folder: Path, files: Mapping[str, Path]) -> None:
        self.folder = folder
        self.files = files
        self.findings: list[Finding] = []

    def read(self, reader: Callable[[Path, str], T], name: str) -> T | None:
        """Call ``reader`` with the folder and the name of the file."""
        if name not in self.files:
            return None  # E101 reports it
        try:
            return reader(self.folder, name)
        except UnreadableDatasetError as exc:
            self.findings.append(Finding(FINDING_CODES[exc.code], name, str(exc.facts["reason"])))
        return None


def read_parts(folder: Path, listing: FolderListing) -> FolderParts:
    """Read all of a folder but the images and the rejected candidates."""
    reader = PartReader(folder, listing.files)
    facts = reader.read(reading.read_facts, BUILD_JSON)
    layout = facts.layout if facts else guess_layout(listing.files)
    hierarchy = reader.read(read_hierarchy, HIERARCHY)
    reader.read(check_rejected_columns, REJECTED)
    shards: list[str] = []
    frames: list[pd.DataFrame] = []
    class_names: Mapping[str, list[str]] = {}
    for stem in dict.fromkeys(spec.stem for spec in LAYOUTS[layout]):
        for name in shard_names(listing.files, stem):
            if (images := reader.read(read_images, name)) is None:
                continue
            class_names = class_names or images[1]
            if class_names != images[1]:
                reader.findings.append(Finding("E202", name, "its class names are not those of the first file"))
            shards.append(name)
            frames.append(images[0].assign(stem=stem))
    table = pd.concat(frames, ignore_index=True) if frames else None
    return FolderParts(facts, layout, hierarchy, tuple(shards), table, class_names, tuple(reader.findings))


def guess_layout(files: Mapping[str, Path]) -> str:
    """Choose the layout that the files fit best, for a folder whose build.json cannot be read."""
    stems = {layout: {spec.stem for spec in specs} for layout, specs in LAYOUTS.items()}
    return max(stems, key=lambda layout: sum(1 if shard_names(files, stem) else -1 for stem in stems[layout]))


def read_hierarchy(folder: Path, name: str) -> pd.DataFrame:
    """Read the classes as a table."""
    table = reading.read_table(folder, name)
    reading.check_columns(folder, name, table.schema, hierarchy_features().arrow_schema)
    return pd.DataFrame(table.to_pylist(), columns=table.column_names)


def check_rejected_columns(folder: Path, name: str) -> None:
    """Refuse a file of rejected candidates that has other columns."""
    reading.check_columns(folder, name, reading.read_schema(folder, name), REJECTED_SCHEMA)


def read_images(folder: Path, name: str) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Read the rows of a shard without the images, and the class names of each scale."""
    schema = reading.read_schema(folder, name)
    class_names = reading.read_class_names(folder, name, schema)
    table = reading.read_table(folder, name, [column for column in schema.names if column != "image"])
    return table.to_pandas(types_mapper=pd.ArrowDtype), class_names


def check_tables(folder: Path, files: Mapping[str, Path], parts: FolderParts) -> Iterator[Finding]:
    """Compare the tables with each other, if all of them could be read and no value is missing."""
    stems = {spec.stem for spec in LAYOUTS[parts.layout]}
    is_complete = REJECTED in files and all(shard_names(files, stem) for stem in stems)
    if parts.findings or not is_complete or parts.facts is None or parts.hierarchy is None or parts.images is None:
        return
    tables = DatasetTables(folder, files, parts.facts, parts.images, parts.class_names, parts.hierarchy)
    findings = list(check_values(tables))
    yield from findings
    if not findings:
        tables = use_integers(tables)
        for check in (check_card, *CHECKS, check_rejected):
            yield from check(tables)


def use_integers(tables: DatasetTables) -> DatasetTables:
    """Make the labels and counts plain integers, in the columns that lack none."""
    labels = {scale: "int64" for scale in SCALES if not tables.images[scale].isna().any()}
    columns = [name for name in (*(f"{scale}_label" for scale in SCALES), *SPLITS)]
    whole = {name: "int64" for name in columns if not tables.hierarchy[name].isna().any()}
    return replace(tables, images=tables.images.astype(labels), hierarchy=tables.hierarchy.astype(whole))
