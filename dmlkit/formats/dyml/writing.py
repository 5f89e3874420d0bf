"""The table of an imported release → the files of a dataset folder."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from dmlkit import __version__
from dmlkit.dataset import checksums, shards
from dmlkit.dataset.card import write_attribution
from dmlkit.dataset.figure import write_figure
from dmlkit.dataset.folder import CHECKSUMS, DatasetFolder
from dmlkit.dataset.shards import SplitRows, StoredImage
from dmlkit.errors import SourceError
from dmlkit.formats.dyml import card, channels
from dmlkit.formats.dyml.labels import Classes
from dmlkit.formats.dyml.records import ImportResult
from dmlkit.formats.dyml.sidecar import Sidecar
from dmlkit.pipeline.build import LIBRARIES
from dmlkit.schema.features import as_rejected, image_features
from dmlkit.schema.layout import FORMAT
from dmlkit.schema.progress import Progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage import images

NAMED = 20
"""So many contradictions are named in build.json; the rest are counted."""
# What `ReleaseImages` needs beside the columns of ``data/``.
READER_COLUMNS = ("path", "format", "swap")


@dataclass(frozen=True)
class Content:
    """What is written: the good rows in their order, the refused ones, the classes and the rows of the hierarchy."""

    source: Path
    known: Sidecar | None
    rows: pd.DataFrame
    refused: pd.DataFrame
    classes: Classes
    tree: list[dict[str, Any]]


def write(folder: Path, content: Content, result: ImportResult, jobs: int, notify: Progress) -> dict[str, Any]:
    """Write all but build.json. Returns the facts on the channels with the number of images that were swapped."""
    done = swapped = 0
    schema = image_features({scale: list(content.classes[scale].values()) for scale in SCALES}).arrow_schema
    for shard in shards.write_images(folder, split_rows(content, schema.names), schema, ReleaseImages(), jobs):
        done, swapped = done + shard.num_images, swapped + shard.num_changed
        notify("write", done, len(content.rows), "images")
    shards.write_hierarchy(folder, content.tree)
    refused = content.refused.sort_values(["image_id", "path"], kind="stable")
    with shards.RejectedFile(folder) as rejected:
        columns = ["image_id", "upstream_label", "status", "detail"]
        rejected.write(as_rejected(pa.Table.from_pandas(refused[columns], preserve_index=False)))
    write_attribution(folder, content.rows)
    write_figure(DatasetFolder.open_unfinished(folder, result.layout))
    sums = checksums.hash_files(folder, {})
    of_content = checksums.hash_checksums(sums)
    found = result.channels | {"swapped": swapped}
    card.write(folder, content, result, found, of_content)
    checksums.write_checksums(folder / CHECKSUMS, checksums.hash_files(folder, sums))
    return found


def split_rows(content: Content, columns: list[str]) -> list[SplitRows]:
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
