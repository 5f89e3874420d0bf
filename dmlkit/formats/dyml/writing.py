"""The table of an imported release → the files of a dataset folder."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dmlkit import __version__
from dmlkit.dataset import shards as parquet
from dmlkit.dataset.card import write_attribution
from dmlkit.dataset.figure import write_figure
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import SourceError
from dmlkit.formats.dyml import card, channels
from dmlkit.formats.dyml.labels import Classes
from dmlkit.formats.dyml.records import ImportResult
from dmlkit.formats.dyml.sidecar import Sidecar
from dmlkit.pipeline.build import LIBRARIES
from dmlkit.schema.features import REJECTED, as_rejected, hierarchy_features, image_features
from dmlkit.schema.layout import FORMAT
from dmlkit.schema.progress import Progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage import executor, images

HIERARCHY = "hierarchy/train-00000-of-00001.parquet"
NAMED = 20
"""So many contradictions are named in build.json; the rest are counted."""
WORTH_WORKERS = 100_000_000
"""Bytes of images below which starting further processes takes longer than it saves."""


@dataclass(frozen=True)
class Content:
    """What is written: the good rows in their order, the refused ones, the classes and the rows of the hierarchy."""

    source: Path
    known: Sidecar | None
    rows: pd.DataFrame
    refused: pd.DataFrame
    classes: Classes
    tree: list[dict[str, Any]]


@dataclass(frozen=True)
class Shard:
    """One Parquet file to be written: its rows, each with the path of its image, and its schema."""

    path: Path
    rows: pa.Table
    schema: pa.Schema


def write(folder: Path, content: Content, result: ImportResult, jobs: int, notify: Progress) -> dict[str, Any]:
    """Write all but build.json. Returns the facts on the channels with the number of images that were swapped."""
    done = swapped = 0
    few = int(content.rows["length"].sum()) < WORTH_WORKERS
    for written, changed in executor.run(write_shard, shards(folder, content), 1 if few else jobs):
        done, swapped = done + written, swapped + changed
        notify("write", done, len(content.rows), "images")
    (folder / "hierarchy").mkdir()
    pq.write_table(
        pa.Table.from_pylist(content.tree, hierarchy_features().arrow_schema), folder / HIERARCHY, compression="zstd"
    )
    refused = content.refused.sort_values(["image_id", "path"], kind="stable")
    with parquet.RowsFile(folder / "rejected.parquet", REJECTED, lambda _: None) as rejected:
        columns = ["image_id", "upstream_label", "status", "detail"]
        rejected.write(as_rejected(pa.Table.from_pandas(refused[columns], preserve_index=False)))
    write_attribution(folder, content.rows)
    write_figure(DatasetFolder.open_unfinished(folder, result.layout))
    sums = parquet.sha256_of(folder, {})
    of_content = hashlib.sha256(parquet.sums_text(sums).encode()).hexdigest()
    found = result.channels | {"swapped": swapped}
    card.write(folder, content, result, found, of_content)
    sums = parquet.sha256_of(folder, sums)
    (folder / "SHA256SUMS").write_text(parquet.sums_text(sums), encoding="utf-8")
    return found


def shards(folder: Path, content: Content) -> Iterator[Shard]:
    schema = image_features({scale: list(content.classes[scale].values()) for scale in SCALES}).arrow_schema
    label = {scale: {class_id: i for i, class_id in enumerate(content.classes[scale])} for scale in SCALES}
    for stem, part in content.rows.groupby("stem", sort=True):
        (folder / str(stem)).parent.mkdir(exist_ok=True)
        runs = list(parquet.cut(part["length"].tolist(), parquet.SHARD_BYTES, len(part)))
        part = part.assign(**{s: part[f"{s}_id"].map(label[s]).astype("Int64") for s in SCALES})
        names = [name for name in schema.names if name != "image"]
        for number, (start, stop) in enumerate(runs):
            rows = part.iloc[start:stop][[*names, "path", "length", "format", "swap"]]
            path = folder / f"{stem}-{number:05d}-of-{len(runs):05d}.parquet"
            yield Shard(path, pa.Table.from_pandas(rows, preserve_index=False), schema)


def write_shard(shard: Shard) -> tuple[int, int]:
    """Write one file, row group by row group. Returns the number of images, and of those that were swapped."""
    swapped = 0
    lengths = shard.rows["length"].to_pylist()
    with pq.ParquetWriter(shard.path, shard.schema, **parquet.writer_options(shard.schema)) as writer:
        for start, stop in parquet.cut(lengths, parquet.GROUP_BYTES, parquet.GROUP_ROWS):
            group = [image_row(row) for row in shard.rows.slice(start, stop - start).to_pylist()]
            swapped += sum(row["swapped"] for row in group)
            writer.write_table(pa.Table.from_pylist(group, shard.schema), row_group_size=stop - start)
    return len(lengths), swapped


def image_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its image, read from the release. Raises `SourceError` where it is not as it was judged."""
    try:
        data = Path(row["path"]).read_bytes()
    except OSError as exc:
        raise SourceError(
            f"cannot read {row['path']} any more: {exc.strerror}; nothing was written",
            code="dyml.unreadable",
            path=Path(row["path"]),
        ) from exc
    if images.digest(data) != row["sha256"]:
        raise SourceError(
            f"{row['path']} changed while it was imported; nothing was written",
            code="dyml.changed",
            hint="run the same command again",
            path=Path(row["path"]),
        )
    suffix = images.FORMATS[row["format"]]
    changed = channels.swap_red_blue(data) if row["swap"] else data
    if swapped := changed is not data:
        row["sha256"], suffix = images.digest(changed), "jpg"
    name = f"{row['image_id'].rsplit('/', 1)[-1]}.{suffix}"
    return row | {"image": {"bytes": changed, "path": name}, "swapped": swapped}


def write_build_json(folder: Path, content: Content, result: ImportResult, asked: str, started: float) -> None:
    """Write how the folder was made. It holds times, so it stands outside SHA256SUMS; and no path of the machine."""
    identity = hashlib.sha256()
    for image_id, digest in zip(content.rows["image_id"], content.rows["sha256"], strict=True):
        identity.update(f"{image_id} {digest}\n".encode())
    known = content.known
    facts = {
        "format": FORMAT,
        "dmlkit": __version__,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "layout": result.layout,
        "manifest": {
            "name": result.name,
            "version": known.version if known else "1",
            "sha256": hashlib.sha256(json.dumps(content.classes).encode()).hexdigest(),
            "settings": {"title": known.title if known else card.title_of(result.name)},
        },
        "source": {
            "name": known.source if known else result.name,
            "from": content.source.resolve().name,
            "identity": identity.hexdigest(),
        },
        "release": {
            "name": result.name,
            "official": known is None or known.official,
            "channels": result.channels,
            "filled": result.filled,
            "recurring": result.recurring,
            "contradictions": {"number": len(result.contradictions), "first": result.contradictions[:NAMED]},
            "notes": result.notes,
            "unplaced": unplaced(content),
        },
        "options": {"channels": asked},
        "resizing": channels.RECODING if result.channels["swapped"] else None,
        "images": result.images,
        "statuses": result.statuses,
        "coverage": {scale: c.as_json() for scale, c in result.coverage.items()},
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": result.seconds,
    }
    (folder / "build.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def unplaced(content: Content) -> dict[str, dict[str, str]]:
    """Name → id of the middle and coarse classes that no row of the hierarchy names."""
    placed = {scale: {row[f"{scale}_id"] for row in content.tree} for scale in SCALES[1:]}
    return {
        scale: {name: i for i, name in content.classes[scale].items() if i not in placed[scale]} for scale in SCALES[1:]
    }
