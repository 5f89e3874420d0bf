"""The table of an imported release → the files of a dataset folder."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from dmlkit import __version__
from dmlkit.dataset import shards
from dmlkit.dataset.facts import (
    CoverageFacts,
    DatasetFacts,
    ManifestFacts,
    ReleaseFacts,
    SourceFacts,
    library_versions,
)
from dmlkit.dataset.shards import SplitRows, StoredImage
from dmlkit.errors import SourceError
from dmlkit.formats.dyml import channels
from dmlkit.formats.dyml.labels import Classes
from dmlkit.formats.dyml.records import ImportResult
from dmlkit.formats.dyml.sidecar import Sidecar
from dmlkit.schema.features import as_rejected, image_features
from dmlkit.schema.progress import Progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage import images

# Contradictions that build.json lists; the rest are counted.
MAX_CONTRADICTIONS = 20
# What `ReleaseImages` needs beside the columns of ``data/``.
READER_COLUMNS = ("path", "format", "swap")


@dataclass(frozen=True)
class ImportedTable:
    """What is written: the good rows in their order, the rejected ones, the classes and the rows of the hierarchy."""

    source: Path
    known: Sidecar | None
    rows: pd.DataFrame
    rejected: pd.DataFrame
    classes: Classes
    tree: list[dict[str, Any]]


def write_tables(folder: Path, content: ImportedTable, jobs: int, progress: Progress) -> int:
    """Write images, hierarchy and rejected candidates. Returns the number of images whose red and blue were swapped."""
    num_written = num_swapped = 0
    schema = image_features({scale: list(content.classes[scale].values()) for scale in SCALES}).arrow_schema
    for shard in shards.write_images(folder, split_rows(content, schema.names), schema, ReleaseImages(), jobs):
        num_written, num_swapped = num_written + shard.num_images, num_swapped + shard.num_changed
        progress("write", num_written, len(content.rows), "images")
    shards.write_hierarchy(folder, content.tree)
    rejected = content.rejected.sort_values(["image_id", "path"], kind="stable")
    with shards.RejectedFile(folder) as file:
        columns = ["image_id", "upstream_label", "status", "detail"]
        file.write(as_rejected(pa.Table.from_pandas(rejected[columns], preserve_index=False)))
    return num_swapped


def split_rows(content: ImportedTable, columns: list[str]) -> list[SplitRows]:
    """Give the rows of each split to be written, with the integer label of each scale; null if it is not known."""
    labels = {scale: {class_id: i for i, class_id in enumerate(content.classes[scale])} for scale in SCALES}

    def table(part: pd.DataFrame, start: int, stop: int) -> pa.Table:
        rows = part.iloc[start:stop]
        rows = rows.assign(**{s: rows[f"{s}_id"].map(labels[s]).astype("Int64") for s in SCALES})
        return pa.Table.from_pandas(
            rows[[*(name for name in columns if name != "image"), *READER_COLUMNS]], preserve_index=False
        )

    return [
        SplitRows(str(stem), part["length"].tolist(), partial(table, part))
        for stem, part in content.rows.groupby("stem", sort=True)
    ]


class ReleaseImages:
    """Reads the images of rows that have the ``path`` of a file of the release; swaps red and blue if ``swap``."""

    def read(self, rows: pa.Table) -> list[StoredImage]:
        """Read one image for each row. Raises `SourceError` if a file is not as it was judged."""
        columns = ("path", "sha256", "format", "swap")
        return [read_image(*values) for values in zip(*(rows[name].to_pylist() for name in columns), strict=True)]


def read_image(path: str, sha256: str, kind: str, swap: bool) -> StoredImage:
    """Read one image of the release. Raises `SourceError` if it is not as it was judged."""
    try:
        data = Path(path).read_bytes()
    except OSError as exc:
        raise SourceError(
            f"cannot read {path} any more: {exc.strerror}; nothing was written", code="dyml.unreadable", path=Path(path)
        ) from exc
    if images.sha256_hex(data) != sha256:
        raise SourceError(
            f"{path} changed while it was imported; nothing was written",
            code="dyml.changed",
            hint="run the same command again",
            path=Path(path),
        )
    swapped = channels.swap_red_blue(data) if swap else data
    if swapped is not data:
        return StoredImage(swapped, images.sha256_hex(swapped), "jpg")
    return StoredImage(data, sha256, images.FORMATS[kind])


def release_facts(content: ImportedTable, result: ImportResult, asked: str, started: float) -> DatasetFacts:
    """State how a folder was made; no path of this machine. ``asked``: the channels that a person chose."""
    identity = hashlib.sha256()
    for image_id, digest in zip(content.rows["image_id"], content.rows["sha256"], strict=True):
        identity.update(f"{image_id} {digest}\n".encode())
    known = content.known
    return DatasetFacts(
        layout=result.layout,
        manifest=ManifestFacts(
            name=result.name,
            version=known.version if known else "1",
            sha256=hashlib.sha256(json.dumps(content.classes).encode()).hexdigest(),
            settings={"title": known.title if known else release_title(result.name)},
        ),
        source=SourceFacts(
            name=known.source if known else result.name,
            origin=content.source.resolve().name,
            identity=identity.hexdigest(),
        ),
        images=result.images,
        statuses=result.statuses,
        coverage={
            scale: CoverageFacts(c.num_covered, c.num_classes, c.minimum) for scale, c in result.coverage.items()
        },
        dmlkit=__version__,
        versions=library_versions(),
        options={"channels": asked},
        resizing=channels.RECODING if result.channels["swapped"] else None,
        release=import_details(content, result),
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        seconds=result.seconds,
    )


def import_details(content: ImportedTable, result: ImportResult) -> ReleaseFacts:
    """State what only the import of a release knows."""
    known = content.known
    return ReleaseFacts(
        name=result.name,
        official=known is None or known.official,
        unplaced=unplaced_classes(content),
        details={
            "from_export": known is not None,
            "channels": result.channels,
            "filled": result.filled,
            "recurring": result.recurring,
            "contradictions": {
                "number": len(result.contradictions),
                "first": result.contradictions[:MAX_CONTRADICTIONS],
            },
            "notes": result.notes,
        },
    )


def release_title(name: str) -> str:
    """Make the title of a release.

    >>> release_title("dyml-animal")
    'DyML-Animal'
    """
    return f"DyML-{name.removeprefix('dyml-').title()}"


def unplaced_classes(content: ImportedTable) -> dict[str, dict[str, str]]:
    """Return name -> id of the middle and coarse classes that no row of the hierarchy names."""
    placed = {scale: {row[f"{scale}_id"] for row in content.tree} for scale in SCALES[1:]}
    return {
        scale: {name: i for i, name in content.classes[scale].items() if i not in placed[scale]} for scale in SCALES[1:]
    }
