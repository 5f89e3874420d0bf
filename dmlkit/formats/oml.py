"""A dataset folder → the tables that open-metric-learning reads, with the images that they name.

OML knows one label of an image, so there is a table for each scale: ``df_fine.csv``, ``df_middle.csv`` and
``df_coarse.csv``. The images are written once, as for ``imagefolder``.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.formats import base
from dmlkit.formats.imagefolder import image_folder, write_image
from dmlkit.schema.layout import LAYOUTS, SplitSpec
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES

FORMAT_NAME = "oml"
IMAGES = "images"
# The columns that OML reads, with the values that it wants.
OML_COLUMNS = ("label", "split", "is_query", "is_gallery", "path", "category")
FACT_COLUMNS = ("image_id", "upstream_label", "width", "height", "sha256")
COLUMNS = (*OML_COLUMNS, "label_name", *FACT_COLUMNS)


def export_oml(folder: Path, out: Path, *, progress: Progress = no_progress) -> base.ExportResult:
    """Write the dataset in ``folder`` to ``out``: images below ``images/``, and a table for each scale.

    Raises `UsageError` for a folder that cannot be read, `OutputError` if ``out`` holds something else or cannot be
    written.
    """
    data = base.open_with_images(folder)
    total = data.num_images()
    counts: dict[str, int] = {}
    with base.replacing_export(data, out, FORMAT_NAME) as top, ScaleTables(top, data) as tables:
        for spec in data.image_sets:
            below = image_folder(spec)
            (top / IMAGES / below).mkdir(parents=True)
            counts[below] = 0
            for row in data.rows(spec):
                path = write_image(top / IMAGES / below, row, spec, data)
                tables.write(row, spec, f"{IMAGES}/{below}/{path}")
                counts[below] += 1
                progress("write", sum(counts.values()), total, "images")
        facts = {"images": counts, "rows": tables.rows, "left_out": dict(tables.left_out)}
        base.write_export_facts(top, data, FORMAT_NAME, facts)
        base.write_readme(top, data, base.ExportReadme("tables for open-metric-learning", USAGE, CONTENTS))
    notes = tuple(
        f"df_{scale}.csv leaves out {count:,} queries whose {scale} class is not in the gallery: OML takes none"
        for scale, count in tables.left_out.items()
    )
    return base.ExportResult(out, "a table for each scale", counts, sum(counts.values()), notes=notes)


USAGE = """import pandas as pd
from oml import datasets

df = pd.read_csv("OUT/df_fine.csv")  # or df_middle.csv, df_coarse.csv
train, test = (df[df["split"] == split].reset_index(drop=True) for split in ("train", "validation"))
train = datasets.ImageLabeledDataset(train, dataset_root="OUT")
test = datasets.ImageQueryGalleryLabeledDataset(test, dataset_root="OUT")"""

CONTENTS = """A table for each scale; all three name the same images. `label` is the integer label at that scale,
`label_name` its name, `category` the coarse class. Test images have the split `validation`, as OML calls it: the
classes there are not those of `train`. `dmlkit.json` has the ids and names of the classes."""


class ScaleTables:
    """The tables of all scales, written row by row. Use it as a context manager.

    ``rows`` counts by scale what was written, ``left_out`` the queries of classes without a gallery image.
    """

    def __init__(self, top: Path, data: DatasetFolder) -> None:
        self.rows = dict.fromkeys(SCALES, 0)
        self.left_out: dict[str, int] = defaultdict(int)
        self._data = data
        self._gallery = {scale: gallery_labels(data, scale) for scale in SCALES}
        self._open = ExitStack()
        self._writers: dict[str, Any] = {}
        for scale in SCALES:
            file = self._open.enter_context((top / f"df_{scale}.csv").open("w", encoding="utf-8", newline=""))
            self._writers[scale] = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            self._writers[scale].writeheader()

    def __enter__(self) -> ScaleTables:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def write(self, row: Mapping[str, Any], spec: SplitSpec, path: str) -> None:
        """Write the row of an image into the table of each scale that it has a label for."""
        sides = test_sides(self._data.layout, spec)
        for scale in spec.scales:
            label = base.require_label(row, scale)
            is_query = "query" in sides and label in self._gallery[scale]
            if sides == {"query"} and not is_query:
                self.left_out[scale] += 1
                continue
            coarse = row["coarse"]
            self._writers[scale].writerow(
                {
                    "label": label,
                    "split": "validation" if sides else "train",
                    "is_query": is_query if sides else None,
                    "is_gallery": "gallery" in sides if sides else None,
                    "path": path,
                    "category": None if coarse is None else self._data.class_names["coarse"][coarse],
                    "label_name": self._data.class_names[scale][label],
                    **{name: row[name] for name in FACT_COLUMNS},
                }
            )
            self.rows[scale] += 1


def test_sides(layout: str, spec: SplitSpec) -> set[str]:
    """Return which sides of the test the images of a split are: query, gallery, both, or none for train."""
    return {other.split for other in LAYOUTS[layout] if other.stem == spec.stem} - {"train"}


def gallery_labels(data: DatasetFolder, scale: str) -> set[int]:
    """Collect the labels of gallery images at a scale."""
    labels: set[int] = set()
    for spec in data.image_sets:
        if scale in spec.scales and "gallery" in test_sides(data.layout, spec):
            for batch in data.batches(spec, [scale]):
                labels.update(pc.unique(batch[scale]).to_pylist())
    return labels
