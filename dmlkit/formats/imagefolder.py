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

FORMAT_NAME = "imagefolder"
METADATA = "metadata.parquet"
# Rows of the metadata in memory at a time.
ROWS_PER_GROUP = 1000


def export_imagefolder(folder: Path, out: Path, *, progress: Progress = no_progress) -> base.ExportResult:
    """Write the dataset in ``folder`` to ``out``: ``<split>/<class>/<id>.jpg`` and ``<split>/metadata.parquet``.

    Raises `UsageError` for a folder that cannot be read, `OutputError` if ``out`` holds something else or cannot be
    written.
    """
    data = base.open_with_images(folder)
    total = data.num_images()
    counts: dict[str, int] = {}
    with base.replacing_export(data, out, FORMAT_NAME) as top:
        for spec in data.image_sets:
            below = image_folder(spec)
            (top / below).mkdir(parents=True)
            counts[below] = 0
            with MetadataFile(top / below / METADATA, data) as metadata:
                for row in data.rows(spec):
                    metadata.write(row | {"file_name": write_image(top / below, row, spec, data)})
                    counts[below] += 1
                    progress("write", sum(counts.values()), total, "images")
        base.write_export_facts(top, data, FORMAT_NAME, {"images": counts})
        patterns = {spec.stem: f"{image_folder(spec)}/**" for spec in data.image_sets if counts[image_folder(spec)]}
        readme = base.ExportReadme("folders of images", USAGE, CONTENTS, base.patterns_by_config(data, patterns))
        base.write_readme(top, data, readme)
    return base.ExportResult(out, "split/class/image", counts, sum(counts.values()))


USAGE = """from datasets import load_dataset
from torchvision.datasets import ImageFolder

images = load_dataset("OUT")     # splits, and the labels of all three scales
train = ImageFolder("OUT/train")   # the folders as classes: fine ones"""

CONTENTS = """Each split has a folder for each class, called by its integer label and its name, so that their order is
that of the labels; below are the images as they are in the dataset. `metadata.parquet` names each with its labels at
the three scales, id, hash and author. `dmlkit.json` has the ids and names of the classes.

`load_dataset("imagefolder", data_dir="OUT")` finds no split but `train`: give `OUT` itself, or one split's folder."""


def image_folder(spec: SplitSpec) -> str:
    """Return the folder of a split: ``train``, ``query``, ``test_fine/query``."""
    return spec.image_set


def write_image(top: Path, row: Mapping[str, Any], spec: SplitSpec, data: DatasetFolder) -> str:
    """Write an image into its class folder below ``top``. Returns its path there; raises `UnreadableDatasetError`."""
    content, suffix = base.image_bytes(row)
    label = base.require_label(row, spec.scales[0])
    names = data.class_names[spec.scales[0]]
    class_folder = f"{label:0{len(str(len(names) - 1))}d}-{base.slug(names[label])}".rstrip("-")
    path = top / class_folder / f"{base.safe_name(row['image_id'])}.{suffix}"
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
    return path.relative_to(top).as_posix()


class MetadataFile:
    """Writes ``metadata.parquet`` row by row, with the features by which `datasets` gives names to the labels."""

    def __init__(self, path: Path, data: DatasetFolder) -> None:
        from datasets import Features, Value

        features = image_features(data.class_names)
        features = Features({"file_name": Value("string")} | {k: v for k, v in features.items() if k != "image"})
        self._schema = features.arrow_schema
        self._rows: list[dict[str, Any]] = []
        self._open = ExitStack()
        self._writer = self._open.enter_context(pq.ParquetWriter(path, self._schema, compression="zstd"))

    def __enter__(self) -> MetadataFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self._flush()
        self._open.close()

    def write(self, row: Mapping[str, Any]) -> None:
        """Add the row of an image."""
        self._rows.append({name: row[name] for name in self._schema.names})
        if len(self._rows) == ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:  # `datasets` fails at a group of no rows
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows = []
