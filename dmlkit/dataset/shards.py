"""The table of the dataset → Parquet that `datasets.load_dataset` and the hub's viewer open."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dmlkit.errors import PoolError
from dmlkit.schema.features import hierarchy_features, image_features
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.storage import executor, images
from dmlkit.storage.locations import Folder, RemoteFolder
from dmlkit.taxonomy.manifest import Manifest

SHARD_BYTES = 500_000_000
GROUP_ROWS = 100
GROUP_BYTES = 16_000_000
"""Small row groups: the viewer and random readers fetch one at a time."""


@dataclass(frozen=True)
class Shard:
    """One Parquet file to be written: its rows with their places in the pool, and its schema."""

    path: Path
    pool: Folder
    rows: pa.Table
    schema: pa.Schema


def write_images(folder: Path, rows: pd.DataFrame, manifest: Manifest, pool: Folder, jobs: int) -> Iterator[int]:
    """Write ``data/<split>-*.parquet`` and yield the number of images of each file as it is finished."""
    (folder / "data").mkdir()
    schema = image_features({scale: manifest.names(scale) for scale in SCALES}).arrow_schema
    cuts = {
        split: list(cut(part["length"].tolist(), SHARD_BYTES, len(part) or 1))
        for split in SPLITS
        for part in [rows[rows["split"] == split]]
    }

    def shards() -> Iterator[Shard]:  # made when a worker is free, so that their tables are not held all at once
        for split, runs in cuts.items():
            part = rows[rows["split"] == split]
            for number, (start, stop) in enumerate(runs):
                path = folder / "data" / f"{split}-{number:05d}-of-{len(runs):05d}.parquet"
                yield Shard(path, pool, labelled(part.iloc[start:stop], manifest), schema)

    few = sum(map(len, cuts.values())) <= 2 * jobs  # starting workers would cost more than writing so few files
    yield from executor.run(write_shard, shards(), 1 if few else jobs)


def cut(lengths: list[int], most_bytes: int, most_rows: int) -> Iterator[tuple[int, int]]:
    """Runs of rows (start, stop) of at most ``most_rows`` rows and, where one row allows it, ``most_bytes`` bytes.

    No rows give one empty run: a split without images is still a file. The card does not name it then.
    """
    start, size = 0, 0
    for i, length in enumerate(lengths):
        if i > start and (size + length > most_bytes or i - start >= most_rows):
            yield start, i
            start, size = i, 0
        size += length
    yield start, len(lengths)


def labelled(rows: pd.DataFrame, manifest: Manifest) -> pa.Table:
    """The rows with the integer label of each scale and the source's name."""
    of_class = {c.fine_id: c for c in manifest.classes}
    rows = rows.assign(source=[image_id.partition("/")[0] for image_id in rows["image_id"]])
    for scale in SCALES:
        number = manifest.labels(scale)
        rows[scale] = [number[of_class[i].id(scale)] for i in rows["fine_id"]]
    return pa.Table.from_pandas(rows.drop(columns=["order", "split", "fine_id"]), preserve_index=False)


def write_shard(shard: Shard) -> int:
    """Write one file, row group by row group, reading each image's bytes from the pool."""
    names = shard.schema.names
    lengths = shard.rows["length"].to_pylist()
    # No group for no rows: `datasets` fails at a group of none.
    groups = cut(lengths, GROUP_BYTES, GROUP_ROWS) if lengths else []
    with pq.ParquetWriter(shard.path, shard.schema, **writer_options(shard.schema)) as writer:
        for start, stop in groups:
            group = shard.rows.slice(start, stop - start)
            group = group.append_column("image", read_images(group, shard.pool, shard.schema.field("image").type))
            writer.write_table(group.select(names).cast(shard.schema), row_group_size=stop - start)
    return len(lengths)


def read_images(rows: pa.Table, pool: Folder, kind: pa.DataType) -> pa.Array:
    """The column ``image``: for each row its bytes, and the upstream name with the suffix of its real type.

    Raises `PoolError` where the pool does not hold them any more.
    """
    spans = zip(*(rows[name].to_pylist() for name in ("unit", "offset", "length")), strict=True)
    try:
        found = pool.spans([(f"{unit}.bin", offset, length) for unit, offset, length in spans])
        # No lock keeps a build on another machine from the same remote pool.
        if isinstance(pool, RemoteFolder) and list(map(images.digest, found)) != rows["sha256"].to_pylist():
            raise OSError("its images are others than its rows say")
    except OSError as exc:
        raise PoolError(
            f"images cannot be read from the pool {pool}: {exc}",
            hint="is another build using it? The same command collects again what is missing",
        ) from exc
    names = (
        f"{image_id.rsplit('/', 1)[-1]}.{images.FORMATS[form]}"
        for image_id, form in zip(rows["image_id"].to_pylist(), rows["format"].to_pylist(), strict=True)
    )
    return pa.array([{"bytes": data, "path": name} for data, name in zip(found, names, strict=True)], kind)


def writer_options(schema: pa.Schema) -> dict[str, Any]:
    """Images are compressed already; content-defined pages let the hub store only what changed between versions."""
    leaves = [leaf for field in schema for leaf in leaf_names(field)]
    return {
        "compression": {leaf: "none" if leaf == "image.bytes" else "zstd" for leaf in leaves},
        "use_dictionary": [leaf for leaf in leaves if leaf in ("upstream_label", "source", "license", "author")],
        "use_content_defined_chunking": True,
        "write_page_index": True,
    }


def leaf_names(field: pa.Field) -> list[str]:
    if pa.types.is_struct(field.type):
        return [f"{field.name}.{child.name}" for child in field.type]
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name]


def write_hierarchy(folder: Path, rows: pd.DataFrame, manifest: Manifest) -> None:
    """Write ``hierarchy/``: one row a fine class, also for those without an image."""
    (folder / "hierarchy").mkdir()
    counts = rows.groupby(["fine_id", "split"]).size().to_dict()
    labels = rows.groupby("fine_id")["upstream_label"].unique().to_dict()
    number = {scale: manifest.labels(scale) for scale in SCALES}
    table = [
        {
            **{f"{scale}_id": c.id(scale) for scale in SCALES},
            **{scale: c.name(scale) for scale in SCALES},
            **{f"{scale}_label": number[scale][c.id(scale)] for scale in SCALES},
            "split": c.split,
            "path": c.path,
            "upstream_labels": sorted(labels.get(c.fine_id, [])),
            **{split: int(counts.get((c.fine_id, split), 0)) for split in SPLITS},
        }
        for c in sorted(manifest.classes, key=lambda c: c.fine_id)
    ]
    schema = hierarchy_features().arrow_schema
    pq.write_table(
        pa.Table.from_pylist(table, schema), folder / "hierarchy" / "train-00000-of-00001.parquet", compression="zstd"
    )


class RowsFile:
    """A Parquet file that grows table by table. Use it as a context manager."""

    def __init__(self, path: Path, schema: pa.Schema, seen: Callable[[pa.Table], None]) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_index=True)
        self._seen = seen

    def __enter__(self) -> RowsFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self._writer.close()

    def write(self, table: pa.Table) -> None:
        self._seen(table)
        if len(table):
            self._writer.write_table(table)


def sha256_of(folder: Path, known: Mapping[str, str]) -> dict[str, str]:
    """File name → SHA-256 in hexadecimal, of all files below ``folder``; those in ``known`` are not read again."""
    sums = dict(known)
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in sums:
            with path.open("rb") as file:
                sums[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def sums_text(sums: Mapping[str, str]) -> str:
    """The lines of ``SHA256SUMS``, as ``sha256sum --check`` reads them."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
