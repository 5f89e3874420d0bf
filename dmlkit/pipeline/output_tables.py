"""The table of a dataset -> the tables that `dmlkit.dataset.shards` writes, and the bytes of its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from dmlkit.dataset.shards import SplitRows, StoredImage
from dmlkit.errors import PoolError
from dmlkit.schema.layout import default_stem
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.storage import images
from dmlkit.storage.locations import Folder, RemoteFolder
from dmlkit.taxonomy.manifest import Manifest


@dataclass(frozen=True)
class PoolImages:
    """Reads the images of rows that have their places in a pool: ``unit``, ``offset``, ``length`` and ``format``."""

    pool: Folder

    def read(self, rows: pa.Table) -> list[StoredImage]:
        """Read one image for each row. Raises `PoolError` if the pool does not hold them any more."""
        columns = {name: rows[name].to_pylist() for name in ("unit", "offset", "length", "format", "sha256")}
        spans = zip(columns["unit"], columns["offset"], columns["length"], strict=True)
        try:
            data = self.pool.read_spans([(f"{unit}.bin", offset, length) for unit, offset, length in spans])
            # No lock keeps a build on another machine from the same remote pool.
            if isinstance(self.pool, RemoteFolder) and list(map(images.sha256_hex, data)) != columns["sha256"]:
                raise OSError("its images are others than its rows say")
        except OSError as exc:
            raise PoolError(
                f"cannot read images from the pool {self.pool}: {exc}",
                code="pool.unreadable-images",
                hint="is another build using it? The same command collects again what is missing",
                pool=self.pool,
            ) from exc
        return [
            StoredImage(part, sha256, images.FORMATS[kind])
            for part, sha256, kind in zip(data, columns["sha256"], columns["format"], strict=True)
        ]


def split_rows(rows: pd.DataFrame, manifest: Manifest) -> list[SplitRows]:
    """Give the rows of each split to be written, with the integer label of each scale and the source's name."""
    parts = {split: rows[rows["split"] == split] for split in SPLITS}
    return [
        SplitRows(
            default_stem(split),
            part["length"].tolist(),
            lambda start, stop, part=part: labelled_table(part.iloc[start:stop], manifest),  # type: ignore[misc]
        )
        for split, part in parts.items()
    ]


def labelled_table(rows: pd.DataFrame, manifest: Manifest) -> pa.Table:
    """Add the integer label of each scale and the source's name to rows of the dataset."""
    class_by_id = {c.fine_id: c for c in manifest.classes}
    rows = rows.assign(source=[image_id.partition("/")[0] for image_id in rows["image_id"]])
    for scale in SCALES:
        labels = manifest.labels(scale)
        rows[scale] = [labels[class_by_id[fine_id].id(scale)] for fine_id in rows["fine_id"]]
    return pa.Table.from_pandas(rows.drop(columns=["order", "split", "fine_id"]), preserve_index=False)


def hierarchy_rows(rows: pd.DataFrame, manifest: Manifest) -> list[dict[str, Any]]:
    """Make the rows of ``hierarchy/``: one a fine class, also for classes without an image."""
    counts = rows.groupby(["fine_id", "split"]).size().to_dict()
    upstream = rows.groupby("fine_id")["upstream_label"].unique().to_dict()
    labels = {scale: manifest.labels(scale) for scale in SCALES}
    return [
        {
            **{f"{scale}_id": c.id(scale) for scale in SCALES},
            **{scale: c.name(scale) for scale in SCALES},
            **{f"{scale}_label": labels[scale][c.id(scale)] for scale in SCALES},
            "split": c.split,
            "path": c.path,
            "upstream_labels": sorted(upstream.get(c.fine_id, [])),
            **{split: int(counts.get((c.fine_id, split), 0)) for split in SPLITS},
        }
        for c in sorted(manifest.classes, key=lambda c: c.fine_id)
    ]
