"""The images of a dataset for its report: which are shown, their small copies, and the sizes of all."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dmlkit.errors import UnreadableDatasetError, unreadable_dataset
from dmlkit.report.dataset.classes import Node, ReportTree, find_node
from dmlkit.report.thumbnails import Spool, make_thumbnail
from dmlkit.schema.progress import Progress
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.text import printable, summarize

# Thumbnails in a report, if no number per class is asked for; some more if there are very many classes.
MAX_THUMBNAILS = 10_000
MAX_PER_CLASS = 48
# Rows whose images are in memory at a time.
ROWS_PER_BATCH = 100
FACT_COLUMNS = ("upstream_label", "width", "height", "exif_orientation", "sha256", "source_url", "license", "author")


@dataclass(eq=False)
class ReportImage:
    """An image that is shown, by its number among all rows.

    Its ``facts``, and ``thumbnail``, its number in the `Spool`, are set when it is read.
    """

    image_id: str
    row: int
    node: Node
    split: str
    facts: dict[str, Any] = field(default_factory=dict)
    thumbnail: int = -1


@dataclass
class ReportSelection:
    """The images of the pages by class, in the order of a hash of their ids, and those asked for by id.

    ``per_class`` is how many of each class are shown at most. ``sizes`` is (N, 2), width and height of all images.
    """

    per_class: int
    by_class: dict[Node, list[ReportImage]]
    by_id: dict[str, ReportImage]
    sizes: NDArray[np.int32]
    licenses: Counter[str]
    authors: bool

    @property
    def all(self) -> list[ReportImage]:
        """Each image that is shown, once, in the order in which it is read."""
        by_row = {image.row: image for images in self.by_class.values() for image in images}
        by_row |= {image.row: image for image in self.by_id.values()}
        return [by_row[row] for row in sorted(by_row)]


def count_and_select(tree: ReportTree, per_class: int | None, wanted: set[str], progress: Progress) -> ReportSelection:
    """Count all images into their classes, and choose those that are selection. Reads no image.

    Of each class the first ``per_class`` by a hash of their ids; ``wanted`` are ids that are shown besides. Memory:
    8 bytes an image, and the selected ones. Raises `UnreadableDatasetError` if a row cannot be read.
    """
    per_class_limit = per_class if per_class is not None else default_per_class(tree)
    first: dict[Node, list[tuple[str, ReportImage]]] = {}
    by_id: dict[str, ReportImage] = {}
    sizes, licenses, authors, done = [np.zeros((0, 2), np.int32)], Counter[str](), False, 0
    try:
        for row, split, batch in read_batches(tree, ["image_id", *SCALES, "width", "height", "license", "author"]):
            columns = {name: batch[name].to_pylist() for name in ("image_id", *SCALES)}
            sizes.append(np.stack([batch[name].to_numpy() for name in ("width", "height")], 1))
            for counted in pc.value_counts(batch["license"]).to_pylist():
                licenses[counted["values"] or ""] += counted["counts"]
            authors |= bool(pc.any(pc.not_equal(batch["author"], "")).as_py())
            for i, (image_id, *labels) in enumerate(zip(*columns.values(), strict=True)):
                node = find_node(tree, tuple(labels))
                node.own[split] += 1
                image = ReportImage(image_id, row + i, node, split)
                if image_id in wanted:
                    by_id[image_id] = image
                insert_bounded(first.setdefault(node, []), (order_key(image_id), image), per_class_limit)
            done += len(batch)
            progress("read", done, None, "rows")
    except (ValueError, KeyError, TypeError, pa.ArrowException) as exc:
        raise unreadable_dataset(tree.dataset.path, exc) from exc
    by_class = {node: [image for _, image in images] for node, images in first.items()}
    return ReportSelection(per_class_limit, by_class, by_id, np.concatenate(sizes), licenses, authors)


def default_per_class(tree: ReportTree) -> int:
    """Return the thumbnails of each class that keep a report small."""
    return min(MAX_PER_CLASS, max(1, MAX_THUMBNAILS // max(1, len(tree.at_scale("fine")))))


def insert_bounded(first: list[tuple[str, ReportImage]], item: tuple[str, ReportImage], most: int) -> None:
    """Add an item to a sorted list, and keep the first ``most``."""
    if len(first) < most or (first and item[0] < first[-1][0]):
        insort(first, item, key=lambda pair: pair[0])
        del first[most:]


def read_batches(
    tree: ReportTree, columns: list[str], max_rows: int = 10_000
) -> Iterator[tuple[int, str, pa.RecordBatch]]:
    """Read all rows of the dataset: the number of the first row of a batch, the title of its split, the batch."""
    done = 0
    for spec in tree.dataset.image_sets:
        for batch in tree.dataset.batches(spec, columns, max_rows):
            yield done, tree.titles[spec.stem], batch
            done += len(batch)


def read_thumbnails(
    tree: ReportTree, selection: ReportSelection, spool: Spool, progress: Progress
) -> NDArray[np.int64]:
    """Store thumbnails of the selected images in ``spool`` and set their facts. Returns the bytes of all images, (N,).

    A dataset of ids, labels and hashes has neither. Raises `UnreadableDatasetError` for an image that cannot be shown.
    """
    wanted = {image.row: image for image in selection.all}
    lengths = [np.zeros(0, np.int64)]
    columns = ["image", *FACT_COLUMNS] if tree.images else list(FACT_COLUMNS)
    total, done = len(selection.sizes), 0
    try:
        for first, _, batch in read_batches(tree, columns, ROWS_PER_BATCH):
            data = batch["image"].field("bytes") if tree.images else None
            if data is not None:
                lengths.append(pc.fill_null(pc.binary_length(data), 0).cast(pa.int64()).to_numpy(zero_copy_only=False))
            for i in range(len(batch)):
                if (image := wanted.get(first + i)) is not None:
                    image.facts = {name: batch[name][i].as_py() for name in FACT_COLUMNS}
                    if data is not None:
                        image.facts["bytes"] = int(lengths[-1][i])
                        image.thumbnail = store_thumbnail(tree.dataset.path, image, data[i].as_py(), spool)
            done += len(batch)
            progress("images", done, total, "images")
    except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as exc:
        raise unreadable_dataset(tree.dataset.path, exc) from exc
    return np.concatenate(lengths)


def store_thumbnail(folder: Path, image: ReportImage, data: bytes, spool: Spool) -> int:
    """Store the thumbnail of an image and return its number. Raises `UnreadableDatasetError`."""
    try:
        return spool.add(make_thumbnail(data))
    except Exception as exc:  # Pillow's decoders raise many types for bad bytes
        raise UnreadableDatasetError(
            f"cannot show the image {printable(image.image_id)} of {folder}: {summarize(exc)}",
            code="report.bad-image",
            hint=f"run: dmlkit validate {folder}",
            path=folder,
            image_id=image.image_id,
        ) from exc
