"""A dataset folder → loose images in a folder for each class, with a table of all that is known of them.

Both readers of that name open it: torchvision takes the folders for the fine classes; `datasets` reads
``metadata.parquet``, which has the labels of all three scales, and leaves the folders alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.formats import base
from dmlkit.schema.features import image_features
from dmlkit.schema.layout import SplitSpec
from dmlkit.schema.progress import Progress, no_progress

FORM = "imagefolder"
METADATA = "metadata.parquet"
ROWS = 1000


def export(folder: Path, out: Path, *, notify: Progress = no_progress) -> base.Exported:
    """Write the dataset in ``folder`` to ``out``: ``<split>/<class>/<id>.jpg`` and ``<split>/metadata.parquet``.

    Raises `UsageError` for a folder that cannot be read, `OutputError` where the place holds something else or cannot
    be written.
    """
    data = base.open_with_images(folder)
    done = base.Exported(out, "split/class/image")
    with base.written(data, out, FORM) as top:
        total = data.num_images()
        for part in data.image_sets:
            place = place_of(part)
            (top / place).mkdir(parents=True)
            done.images[place] = 0
            with Metadata(top / place / METADATA, data) as metadata:
                for row in data.rows(part):
                    path = write_image(top / place, row, part, data)
                    metadata.write(row | {"file_name": path})
                    done.images[place] += 1
                    done.kept += 1
                    notify("write", done.kept, total, "images")
        base.write_facts(top, data, FORM, done, {})
        patterns = {part.stem: f"{place_of(part)}/**" for part in data.image_sets if done.images[place_of(part)]}
        base.write_readme(top, data, "folders of images", OPENED, WHERE, base.configs_of(data, patterns))
    return done


OPENED = """from datasets import load_dataset
from torchvision.datasets import ImageFolder

images = load_dataset("OUT")     # splits, and the labels of all three scales
train = ImageFolder("OUT/train")   # the folders as classes: fine ones"""

WHERE = """Each split has a folder for each class, called by its integer label and its name, so that their order is that
of the labels; below are the images as they are in the dataset. `metadata.parquet` names each with its labels at the
three scales, id, hash and maker. `dmlkit.json` has the ids and names of the classes.

`load_dataset("imagefolder", data_dir="OUT")` finds no split but `train`: give `OUT` itself, or one split's folder."""


def place_of(part: SplitSpec) -> str:
    """The folder of a part: ``train``, ``query``, ``test_fine/query``."""
    return part.image_set


def write_image(place: Path, row: Mapping[str, Any], part: SplitSpec, data: DatasetFolder) -> str:
    """Write an image below ``place`` and return its path there. Raises `ValueError` for one that is none."""
    content, suffix = base.bytes_of(row)
    label = base.label_of(row, part.scales[0])
    names = data.class_names[part.scales[0]]
    below = f"{label:0{len(str(len(names) - 1))}d}-{base.safe_letters(names[label])}".rstrip("-")
    path = place / below / f"{base.safe_name(row['image_id'])}.{suffix}"
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
    return path.relative_to(place).as_posix()


class Metadata:
    """Writes ``metadata.parquet`` row by row, with the features by which `datasets` gives names to the labels."""

    def __init__(self, path: Path, data: DatasetFolder) -> None:
        from datasets import Features, Value

        features = image_features(data.class_names)
        features = Features({"file_name": Value("string")} | {k: v for k, v in features.items() if k != "image"})
        self._schema = features.arrow_schema
        self._rows: list[dict[str, Any]] = []
        self._open = ExitStack()
        self._writer = self._open.enter_context(pq.ParquetWriter(path, self._schema, compression="zstd"))

    def __enter__(self) -> Metadata:
        return self

    def __exit__(self, *exc: object) -> None:
        self._flush()
        self._open.close()

    def write(self, row: Mapping[str, Any]) -> None:
        self._rows.append({name: row[name] for name in self._schema.names})
        if len(self._rows) == ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:  # `datasets` fails at a group of no rows
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows = []
