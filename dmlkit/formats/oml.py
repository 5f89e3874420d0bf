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
from dmlkit.formats.imagefolder import place_of, write_image
from dmlkit.schema.layout import LAYOUTS, SplitSpec
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES

FORM = "oml"
IMAGES = "images"
NEEDED = ("label", "split", "is_query", "is_gallery", "path", "category")
"""The columns that OML reads, with the values that it wants."""
COLUMNS = (*NEEDED, "label_name", "image_id", "upstream_label", "width", "height", "sha256")


def export(folder: Path, out: Path, *, notify: Progress = no_progress) -> base.Exported:
    """Write the dataset in ``folder`` to ``out``: images below ``images/``, and a table for each scale.

    Raises `UsageError` for a folder that cannot be read, `OutputError` where the place holds something else or cannot
    be written.
    """
    data = base.open_with_images(folder)
    done = base.Exported(out, "a table for each scale")
    with base.written(data, out, FORM) as top, Tables(top, data) as tables:
        total = data.num_images()
        for part in data.image_sets:
            (top / IMAGES / place_of(part)).mkdir(parents=True)
            done.images[place_of(part)] = 0
            for row in data.rows(part):
                below = write_image(top / IMAGES / place_of(part), row, part, data)
                tables.write(row, part, f"{IMAGES}/{place_of(part)}/{below}")
                done.images[place_of(part)] += 1
                done.kept += 1
                notify("write", done.kept, total, "images")
        for scale, count in tables.left_out.items():
            done.notes.append(
                f"df_{scale}.csv leaves out {count:,} queries whose {scale} class is not in the gallery: OML takes none"
            )
        base.write_facts(top, data, FORM, done, {"rows": tables.rows, "left_out": dict(tables.left_out)})
        base.write_readme(top, data, "tables for open-metric-learning", OPENED, WHERE)
    return done


OPENED = """import pandas as pd
from oml import datasets

df = pd.read_csv("OUT/df_fine.csv")  # or df_middle.csv, df_coarse.csv
train, test = (df[df["split"] == split].reset_index(drop=True) for split in ("train", "validation"))
train = datasets.ImageLabeledDataset(train, dataset_root="OUT")
test = datasets.ImageQueryGalleryLabeledDataset(test, dataset_root="OUT")"""

WHERE = """A table for each scale; all three name the same images. `label` is the integer label at that scale,
`label_name` its name, `category` the coarse class. Test images have the split `validation`, as OML calls it: the
classes there are not those of `train`. `dmlkit.json` has the ids and names of the classes."""


class Tables:
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

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def write(self, row: Mapping[str, Any], part: SplitSpec, path: str) -> None:
        """Write the row of an image into the table of each scale that it has a label for."""
        sides = sides_of(self._data.layout, part)
        for scale in part.scales:
            label = base.label_of(row, scale)
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
                    **{name: row[name] for name in COLUMNS[len(NEEDED) + 1 :]},
                }
            )
            self.rows[scale] += 1


def sides_of(form: str, part: SplitSpec) -> set[str]:
    """What the images of a part are in the test: query, gallery, both, or nothing for those of train."""
    return {other.split for other in LAYOUTS[form] if other.stem == part.stem} - {"train"}


def gallery_labels(data: DatasetFolder, scale: str) -> set[int]:
    """The labels of gallery images at a scale."""
    found: set[int] = set()
    for part in data.image_sets:
        if scale in part.scales and "gallery" in sides_of(data.layout, part):
            for batch in data.batches(part, [scale]):
                found.update(pc.unique(batch[scale]).to_pylist())
    return found
