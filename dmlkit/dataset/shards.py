"""Write the Parquet files of a dataset folder, which `datasets` and the viewer of the Hugging Face Hub open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from dmlkit.dataset.folder import HIERARCHY, REJECTED
from dmlkit.schema import features
from dmlkit.schema.features import OPTIONAL_TEXTS
from dmlkit.storage import executor

# Bytes of images in a file: at most, unless one image has more.
SHARD_BYTES = 500_000_000
# Rows and bytes of images in a row group: small, because the viewer and random readers fetch a whole one.
GROUP_ROWS, GROUP_BYTES = 100, 16_000_000
# A split of at least so many row groups has at least so many files: a worker that streams takes whole files.
MIN_SHARDS = 8
# Bytes of images below which starting further processes takes longer than it saves.
WORTH_WORKERS_BYTES = 100_000_000


class StoredImage(NamedTuple):
    """The bytes of an image as they are stored, their SHA-256, and the suffix of their type."""

    data: bytes
    sha256: str
    suffix: str


class ImageReader(Protocol):
    """Reads the images of rows. It is sent to the workers."""

    def read(self, rows: pa.Table) -> list[StoredImage]:
        """Read one image for each row."""
        ...


@dataclass(frozen=True)
class SplitRows:
    """The rows of one split, as tables that are made when they are needed.

    ``lengths``: bytes of each image. ``table(start, stop)`` has the columns of ``data/`` but ``image``, and what the
    `ImageReader` needs.
    """

    stem: str
    lengths: Sequence[int]
    table: Callable[[int, int], pa.Table]


@dataclass(frozen=True)
class Shard:
    """One Parquet file to be written."""

    path: Path
    rows: pa.Table
    lengths: Sequence[int]
    schema: pa.Schema
    reader: ImageReader


@dataclass(frozen=True)
class WrittenShard:
    """What a file has: its images, and those of them that the reader changed."""

    num_images: int
    num_changed: int


def write_images(
    folder: Path, splits: Sequence[SplitRows], schema: pa.Schema, reader: ImageReader, jobs: int
) -> Iterator[WrittenShard]:
    """Write the files of all splits, and yield each when it is finished. The bytes do not depend on ``jobs``."""
    few = sum(sum(split.lengths) for split in splits) < WORTH_WORKERS_BYTES
    for stem in {split.stem for split in splits}:
        (folder / stem).parent.mkdir(exist_ok=True)
    yield from executor.run(write_shard, iter_shards(folder, splits, schema, reader), 1 if few else jobs)


def iter_shards(folder: Path, splits: Iterable[SplitRows], schema: pa.Schema, reader: ImageReader) -> Iterator[Shard]:
    """Make the files of all splits one by one, so that the tables are not in memory all at once."""
    for split in splits:
        cuts = cut_shards(split.lengths)
        for number, (start, stop) in enumerate(cuts):
            path = folder / shard_name(split.stem, number, len(cuts))
            yield Shard(path, split.table(start, stop), split.lengths[start:stop], schema, reader)


def shard_name(stem: str, number: int, count: int) -> str:
    """Name a file of a split.

    >>> shard_name("data/train", 0, 8)
    'data/train-00000-of-00008.parquet'
    """
    return f"{stem}-{number:05d}-of-{count:05d}.parquet"


def cut_shards(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Cut the rows of a split into files of at most `SHARD_BYTES`; into at least `MIN_SHARDS` if the split is large.

    A split of fewer than `MIN_SHARDS` row groups is not cut for the sake of their number.
    """
    cuts = list(cut_rows(lengths, SHARD_BYTES, len(lengths) or 1))
    num_groups = sum(1 for _ in cut_rows(lengths, GROUP_BYTES, GROUP_ROWS))
    if len(cuts) >= MIN_SHARDS or num_groups < MIN_SHARDS:
        return cuts
    bounds = [len(lengths) * number // MIN_SHARDS for number in range(MIN_SHARDS + 1)]
    return [
        (first + start, first + stop)
        for first, last in pairwise(bounds)
        for start, stop in cut_rows(lengths[first:last], SHARD_BYTES, last - first)
    ]


def cut_rows(lengths: Sequence[int], max_bytes: int, max_rows: int) -> Iterator[tuple[int, int]]:
    """Cut rows into runs (start, stop) of at most ``max_rows`` rows and, if one row allows it, ``max_bytes`` bytes.

    No rows give one empty run: a split without images is still a file. The card does not name it then.
    """
    start, num_bytes = 0, 0
    for i, length in enumerate(lengths):
        if i > start and (num_bytes + length > max_bytes or i - start >= max_rows):
            yield start, i
            start, num_bytes = i, 0
        num_bytes += length
    yield start, len(lengths)


def write_shard(shard: Shard) -> WrittenShard:
    """Write one file, row group by row group, with the bytes of each image."""
    num_changed = 0
    # A file without rows has no row group: `datasets` fails at an empty one.
    groups = cut_rows(shard.lengths, GROUP_BYTES, GROUP_ROWS) if shard.lengths else ()
    with pq.ParquetWriter(shard.path, shard.schema, **writer_options(shard.schema)) as writer:
        for start, stop in groups:
            rows = shard.rows.slice(start, stop - start)
            images = shard.reader.read(rows)
            hashes = pa.array([image.sha256 for image in images], pa.string())
            num_changed += sum(a != b for a, b in zip(hashes.to_pylist(), rows["sha256"].to_pylist(), strict=True))
            rows = rows.set_column(rows.column_names.index("sha256"), "sha256", hashes)
            rows = rows.append_column("image", image_column(rows["image_id"].to_pylist(), images, shard.schema))
            rows = without_null_texts(rows.select(shard.schema.names))
            writer.write_table(rows.cast(shard.schema), row_group_size=stop - start)
    return WrittenShard(len(shard.lengths), num_changed)


def image_column(image_ids: list[str], images: list[StoredImage], schema: pa.Schema) -> pa.Array:
    """Make the column ``image``: the bytes, and the upstream file stem with the suffix of the real type."""
    names = (f"{image_id.rsplit('/', 1)[-1]}.{image.suffix}" for image_id, image in zip(image_ids, images, strict=True))
    values = [{"bytes": image.data, "path": name} for image, name in zip(images, names, strict=True)]
    return pa.array(values, schema.field("image").type)


def without_null_texts(rows: pa.Table) -> pa.Table:
    """Write texts that the source does not give as empty ones: a plain DataLoader cannot collate null."""
    for name in OPTIONAL_TEXTS:
        rows = rows.set_column(rows.column_names.index(name), name, rows[name].cast(pa.string()).fill_null(""))
    return rows


def writer_options(schema: pa.Schema) -> dict[str, Any]:
    """Choose how a file of images is written.

    Images are compressed already; pages that are cut by content let the Hub store only what changed between versions.
    """
    leaves = [leaf for field in schema for leaf in leaf_names(field)]
    return {
        "compression": {leaf: "none" if leaf == "image.bytes" else "zstd" for leaf in leaves},
        "use_dictionary": [leaf for leaf in leaves if leaf in ("upstream_label", "source", "license", "author")],
        "use_content_defined_chunking": True,
        "write_page_index": True,
    }


def leaf_names(field: pa.Field) -> list[str]:
    """Name the Parquet columns of a field."""
    if pa.types.is_struct(field.type):
        return [f"{field.name}.{child.name}" for child in field.type]
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name]


def copy_without_images(shards: Sequence[Path], out: Path) -> None:
    """Write all columns but ``image`` of some files as one file. Memory: the rows of one file."""
    out.parent.mkdir(exist_ok=True)
    schema = without_image(pq.read_schema(shards[0]))
    with pq.ParquetWriter(out, schema, **writer_options(schema)) as writer:
        for shard in shards:
            rows = pq.read_table(shard, columns=schema.names)
            if len(rows):  # `datasets` fails at an empty row group
                writer.write_table(rows.select(schema.names).cast(schema), row_group_size=len(rows))


def without_image(schema: pa.Schema) -> pa.Schema:
    """Take the column ``image`` out of a schema of ``data/``, and out of the features that `datasets` reads in it."""
    from datasets import Features

    kinds = Features.from_arrow_schema(schema)
    return Features({name: kind for name, kind in kinds.items() if name != "image"}).arrow_schema


def write_hierarchy(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write ``hierarchy/``: one row a fine class, also for classes without an image."""
    table = pa.Table.from_pylist(rows, features.hierarchy_features().arrow_schema)
    (folder / HIERARCHY).parent.mkdir()
    pq.write_table(table, folder / HIERARCHY, compression="zstd")


class RejectedFile:
    """Writes ``rejected.parquet`` table by table. Use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._writer = pq.ParquetWriter(folder / REJECTED, features.REJECTED, compression="zstd", write_page_index=True)

    def __enter__(self) -> RejectedFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self._writer.close()

    def write(self, table: pa.Table) -> None:
        """Append a table with the columns of `dmlkit.schema.features.REJECTED`."""
        if len(table):
            self._writer.write_table(table)
