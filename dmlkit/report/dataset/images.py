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

from dmlkit.errors import UsageError, unreadable_dataset
from dmlkit.report.dataset.classes import Content, Node, node_of
from dmlkit.report.thumbnails import Spool, small
from dmlkit.schema.progress import Progress
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.text import printable

MOST = 10_000
"""Small images in a report, where nobody asks for another number of each class; some more where classes are many."""
MOST_OF_CLASS = 48
BATCH = 100
"""Rows whose images are in memory at a time."""
FACTS = ("upstream_label", "width", "height", "exif_orientation", "sha256", "source_url", "license", "author")


@dataclass(eq=False)
class ExaminedImage:
    """One that is shown, by its number among all rows. What is known of it comes when it is read."""

    image_id: str
    row: int
    node: Node
    split: str
    facts: dict[str, Any] = field(default_factory=dict)
    small: int = -1
    """Its number in the `Spool`."""


@dataclass
class Shown:
    """The images of the pages by class, in the order of a hash of their ids; and those asked for by id.

    ``per_class`` is how many of each class are shown at most. ``sizes`` is (N, 2), width and height of all images;
    ``lengths`` (N,) their bytes.
    """

    per_class: int
    of_class: dict[Node, list[ExaminedImage]]
    by_id: dict[str, ExaminedImage]
    sizes: NDArray[np.int32]
    licenses: Counter[str]
    authors: bool
    lengths: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def all(self) -> list[ExaminedImage]:
        """Each image that is shown, once, in the order in which it is read."""
        by_row = {image.row: image for images in self.of_class.values() for image in images}
        by_row |= {image.row: image for image in self.by_id.values()}
        return [by_row[row] for row in sorted(by_row)]


def choose(content: Content, per_class: int | None, wanted: set[str], notify: Progress) -> Shown:
    """Count all images into their classes, and choose those that are shown. Reads no image.

    Of each class the first ``per_class`` by a hash of their ids; ``wanted`` are ids that are shown besides. Memory:
    8 bytes an image, and the chosen ones. Raises `UsageError` where a row cannot be read.
    """
    at_most = per_class if per_class is not None else default_number(content)
    first: dict[Node, list[tuple[str, ExaminedImage]]] = {}
    by_id: dict[str, ExaminedImage] = {}
    sizes, licenses, authors, done = [np.zeros((0, 2), np.int32)], Counter[str](), False, 0
    try:
        for row, split, batch in read_batches(content, ["image_id", *SCALES, "width", "height", "license", "author"]):
            columns = {name: batch[name].to_pylist() for name in ("image_id", *SCALES)}
            sizes.append(np.stack([batch[name].to_numpy() for name in ("width", "height")], 1))
            for counted in pc.value_counts(batch["license"]).to_pylist():
                licenses[counted["values"] or ""] += counted["counts"]
            authors |= bool(pc.any(pc.not_equal(batch["author"], "")).as_py())
            for i, (image_id, *labels) in enumerate(zip(*columns.values(), strict=True)):
                node = node_of(content, tuple(labels))
                node.own[split] += 1
                image = ExaminedImage(image_id, row + i, node, split)
                if image_id in wanted:
                    by_id[image_id] = image
                keep(first.setdefault(node, []), (order_key(image_id), image), at_most)
            done += len(batch)
            notify("read", done, None, "rows")
    except (ValueError, KeyError, TypeError, pa.ArrowException) as exc:
        raise unreadable_dataset(content.dataset.path, exc) from exc
    of_class = {node: [image for _, image in images] for node, images in first.items()}
    return Shown(at_most, of_class, by_id, np.concatenate(sizes), licenses, authors)


def default_number(content: Content) -> int:
    """Small images of each class, so that there are not too many of them all."""
    return min(MOST_OF_CLASS, max(1, MOST // max(1, len(content.of("fine")))))


def keep(first: list[tuple[str, ExaminedImage]], item: tuple[str, ExaminedImage], most: int) -> None:
    """Add an item to a sorted list, of which no more than ``most`` stay."""
    if len(first) < most or (first and item[0] < first[-1][0]):
        insort(first, item, key=lambda pair: pair[0])
        del first[most:]


def read_batches(
    content: Content, columns: list[str], max_rows: int = 10_000
) -> Iterator[tuple[int, str, pa.RecordBatch]]:
    """Read all rows of the dataset: the number of the first row of a batch, the title of its split, the batch."""
    done = 0
    for spec in content.dataset.image_sets:
        for batch in content.dataset.batches(spec, columns, max_rows):
            yield done, content.titles[spec.stem], batch
            done += len(batch)


def read(content: Content, shown: Shown, spool: Spool, notify: Progress) -> None:
    """Put the small copies of the images that are shown into ``spool``, and note the bytes of all images.

    A dataset of ids, labels and hashes has neither. Raises `UsageError` where an image cannot be shown.
    """
    wanted = {image.row: image for image in shown.all}
    lengths = [np.zeros(0, np.int64)]
    columns = ["image", *FACTS] if content.images else list(FACTS)
    total, done = len(shown.sizes), 0
    try:
        for first, _, batch in read_batches(content, columns, BATCH):
            data = batch["image"].field("bytes") if content.images else None
            if data is not None:
                lengths.append(pc.fill_null(pc.binary_length(data), 0).cast(pa.int64()).to_numpy(zero_copy_only=False))
            for i in range(len(batch)):
                if (image := wanted.get(first + i)) is not None:
                    image.facts = {name: batch[name][i].as_py() for name in FACTS}
                    if data is not None:
                        image.facts["bytes"] = int(lengths[-1][i])
                        image.small = add(content.dataset.path, image, data[i].as_py(), spool)
            done += len(batch)
            notify("images", done, total, "images")
    except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as exc:
        raise unreadable_dataset(content.dataset.path, exc) from exc
    shown.lengths = np.concatenate(lengths)


def add(folder: Path, image: ExaminedImage, data: bytes, spool: Spool) -> int:
    try:
        return spool.add(small(data))
    except Exception as exc:  # Pillow's decoders raise many types for bad bytes
        raise UsageError(
            f"the image {printable(image.image_id)} of {folder} cannot be shown: {type(exc).__name__}: {exc}",
            hint=f"dmlkit validate {folder}",
        ) from exc
