"""The columns of every table that dmlkit writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from dmlkit.schema.scales import SCALES, SPLITS

if TYPE_CHECKING:
    from datasets import Features

# One row per candidate image of a unit, in the pool. ``offset`` and ``length`` locate its bytes in the unit's ``.bin``;
# length 0: none are kept. Texts that are not known are null.
POOL_ROW = pa.schema(
    [
        ("image_id", pa.string()),
        ("upstream_label", pa.string()),
        ("status", pa.string()),
        ("detail", pa.string()),
        ("source_sha256", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("exif_orientation", pa.int8()),
        ("format", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("source_url", pa.string()),
        ("license", pa.string()),
        ("author", pa.string()),
    ]
)

# One row per candidate image that is not in the dataset, in ``rejected.parquet``. No text is null.
REJECTED = pa.schema(
    [(name, pa.string()) for name in ("image_id", "upstream_label", "status", "detail", "duplicate_of", "source_url")]
)


def as_rejected(rows: pa.Table) -> pa.Table:
    """Bring rows to the schema `REJECTED`: texts that are null, and columns that are missing, become empty texts."""
    empty = pa.repeat(pa.scalar(""), len(rows))
    columns = [
        rows[name].cast(pa.string()).fill_null("") if name in rows.column_names else empty for name in REJECTED.names
    ]
    return pa.Table.from_arrays(columns, schema=REJECTED)


# The columns of ``data/`` that a source may not give. They are empty then, never null.
OPTIONAL_TEXTS = ("upstream_label", "source_url", "license", "author")


def image_features(names: Mapping[str, list[str]]) -> Features:
    """The columns of ``data/``: one row an image. ``names`` are the class names of each scale."""
    from datasets import ClassLabel, Features, Image, Value

    return Features(
        {
            "image": Image(mode="RGB"),
            "image_id": Value("string"),
            **{scale: ClassLabel(names=names[scale]) for scale in SCALES},
            "upstream_label": Value("string"),
            "width": Value("int32"),
            "height": Value("int32"),
            "exif_orientation": Value("int8"),
            "sha256": Value("string"),
            "source": Value("string"),
            "source_url": Value("string"),
            "license": Value("string"),
            "author": Value("string"),
        }
    )


def hierarchy_features() -> Features:
    """The columns of ``hierarchy/``: one row a fine class, in the order of the integer labels.

    For each scale the class id, its name, and the integer label that stands for it in ``data/``.
    """
    from datasets import Features, List, Value

    kinds = {"id": "string", "label": "int32"}
    return Features(
        {
            **{
                name: Value(kinds.get(name.rpartition("_")[2], "string"))
                for scale in SCALES
                for name in (f"{scale}_id", scale, f"{scale}_label")
            },
            "split": Value("string"),
            "path": Value("string"),
            "upstream_labels": List(Value("string")),
            **{split: Value("int64") for split in SPLITS},
        }
    )
