"""The columns of every table that dmlkit writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dmlkit.schema.scales import SCALES, SPLITS

if TYPE_CHECKING:
    from datasets import Features


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
