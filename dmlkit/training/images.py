"""Images of a dataset as pixels: read from the Parquet files of a folder, decoded, cropped to one size.

A repository of the Hub is downloaded into a folder first. Images that fit into memory are decoded once.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import DatasetError, UsageError, no_images
from dmlkit.evaluation.labels import REPOSITORY, Labels
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.storage import hub_client
from dmlkit.text import printable, summarize
from dmlkit.training.data import Box, CropBatch, Ints

DECODED_BYTES = 8 * 2**30  # above this many bytes, or half of the free memory, images are decoded each time
CHUNK = 256  # images that are decoded at a time

Pixels = NDArray[np.uint8]


def open_images(dataset: str, revision: str | None = None) -> DatasetFolder:
    """Open a dataset folder with images; a repository of the Hub is first downloaded by the Hub's client.

    Raises `UsageError`, `NoImagesError`, `HubError`.
    """
    path = Path(dataset)
    if not path.is_dir():
        if not REPOSITORY.fullmatch(dataset):
            raise UsageError(
                f"{printable(dataset)} is not a folder, nor the name of a repository (USER/NAME)",
                code="training.no-dataset",
                hint="dmlkit build makes a dataset folder",
                dataset=dataset,
            )
        with hub_client.hub_errors(dataset):
            from huggingface_hub import snapshot_download

            path = Path(snapshot_download(dataset, repo_type="dataset", revision=revision))
    folder = DatasetFolder.open(path, follow_links=True)
    if folder.ids_only:
        raise no_images(printable(dataset), "USER/NAME" if Path(dataset).is_dir() else dataset)
    return folder


class ParquetImages:
    """The N images of one split, as they are stored in the Parquet files of a dataset folder."""

    ids: list[str]
    sizes: Ints  # (N, 2): width and height in pixels

    def __init__(self, dataset: DatasetFolder, split: str) -> None:
        """Read the ids and sizes. Raises `UnreadableDatasetError`."""
        self.folder, self._paths = dataset.path, dataset.shards(split)
        self._opened = threading.local()  # each thread opens the files for itself
        batches = list(dataset.batches(split, ["image_id", "width", "height"]))
        groups = [(shard, group, rows) for shard, path in enumerate(self._paths) for group, rows in row_groups(path)]
        self._groups = [(shard, group) for shard, group, _ in groups]
        self._starts = np.cumsum([0, *(rows for *_, rows in groups)]).tolist()
        self.ids = [image_id for batch in batches for image_id in batch["image_id"].to_pylist()]
        sizes = [np.concatenate([batch[name].to_numpy() for batch in batches]) for name in ("width", "height")]
        self.sizes = np.stack(sizes, axis=1).astype(np.int64)

    def read_bytes(self, row: int) -> bytes:
        """Read the bytes of one image as they are stored."""
        group = bisect_right(self._starts, row) - 1
        data: bytes = self._read_group(group)[row - self._starts[group]].as_py()["bytes"]
        return data

    def iter_bytes(self) -> Iterator[bytes]:
        """Yield the bytes of all images; each row group is read once. Raises `DatasetError`."""
        for group in range(len(self._groups)):
            try:
                images = self._read_group(group).to_pylist()
            except (OSError, pa.ArrowException) as exc:
                raise self.unreadable_image(self._starts[group], exc) from exc
            yield from ((image or {}).get("bytes") or b"" for image in images)

    def _read_group(self, group: int) -> pa.ChunkedArray:
        shard, group_in_shard = self._groups[group]
        files: dict[Any, Any] = self._opened.__dict__
        if shard not in files:
            files[shard] = pq.ParquetFile(self._paths[shard], memory_map=True)
        return files[shard].read_row_group(group_in_shard, columns=["image"], use_threads=False)["image"]

    def crop(self, row: int, box: Box, crop_px: int) -> Image.Image:
        """Decode an image and resize what the box shows of it to ``crop_px`` × ``crop_px``. Raises `DatasetError`."""
        width, height = self.sizes[row]
        shorter_px = min((box[2] - box[0]) * width, (box[3] - box[1]) * height)
        try:
            return resize_box(open_upright(self.read_bytes(row), shorter_px / crop_px), box, (crop_px, crop_px))
        except (OSError, ValueError, SyntaxError, TypeError, pa.ArrowException) as exc:
            raise self.unreadable_image(row, exc) from exc

    def unreadable_image(self, row: int, exc: Exception) -> DatasetError:
        """Make the error for an image that cannot be decoded."""
        return DatasetError(
            f"cannot read the image {printable(self.ids[row])} of {printable(str(self.folder))}: {summarize(exc)}",
            code="dataset.unreadable-image",
            hint=f"run: dmlkit validate {printable(str(self.folder))}",
            image_id=self.ids[row],
        )


def row_groups(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the index of each row group of a file, and its number of rows."""
    metadata = pq.read_metadata(path)
    yield from ((group, metadata.row_group(group).num_rows) for group in range(metadata.num_row_groups))


class DecodedImages:
    """The same images as pixels in one array in memory."""

    def __init__(self, images: ParquetImages, shapes: Ints) -> None:
        """Make room for ``images`` at ``shapes`` (N, 2): width and height in pixels."""
        self.ids, self.sizes, self.shapes = images.ids, images.sizes, shapes
        self._starts = np.cumsum([0, *(shapes.prod(axis=1) * 3)])
        self._pixels = np.empty(self._starts[-1], np.uint8)

    def pixels(self, row: int) -> Pixels:
        """Return a view (height, width, 3) of one image."""
        width, height = self.shapes[row]
        return self._pixels[self._starts[row] : self._starts[row + 1]].reshape(height, width, 3)

    def crop(self, row: int, box: Box, crop_px: int) -> Image.Image:
        """Resize what the box shows of an image to ``crop_px`` × ``crop_px``."""
        return resize_box(Image.fromarray(self.pixels(row)), box, (crop_px, crop_px))


def decode_images(
    images: ParquetImages, crop_px: int, max_bytes: int, progress: Progress = no_progress
) -> ParquetImages | DecodedImages:
    """Decode all images once, with a shorter side of at most twice ``crop_px``.

    Returns ``images`` itself if the pixels would take more than ``max_bytes``. Raises `DatasetError`.
    """
    scale = np.minimum(1.0, 2 * crop_px / images.sizes.min(axis=1))[:, None]
    decoded_shapes = np.maximum(1, np.rint(images.sizes * scale)).astype(np.int64)
    if int((decoded_shapes.prod(axis=1) * 3).sum()) > max_bytes:
        return images
    decoded = DecodedImages(images, decoded_shapes)

    def decode(job: tuple[int, bytes]) -> None:
        row, data = job
        width, height = decoded_shapes[row]
        try:
            image = open_upright(data, min(images.sizes[row] / decoded_shapes[row]))
            decoded.pixels(row)[:] = np.asarray(resize_box(image, (0, 0, 1, 1), (int(width), int(height))))
        except (OSError, ValueError, SyntaxError) as exc:
            raise images.unreadable_image(row, exc) from exc

    jobs = enumerate(images.iter_bytes())
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(images.ids), CHUNK):
            list(pool.map(decode, islice(jobs, CHUNK)))
            progress("decode", min(start + CHUNK, len(images.ids)), len(images.ids), "images")
    return decoded


def memory_for_pixels(processes: int = 1) -> int:
    """Compute how many bytes of pixels one of ``processes`` may keep: half of the free memory, 8 GiB at most."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        available = 2 * DECODED_BYTES  # not Linux
    return min(DECODED_BYTES, available // 2) // processes


def open_upright(data: bytes, reduction: float = 1.0) -> Image.Image:
    """Decode an image upright and in RGB, as readers of the dataset see it.

    A JPEG may come at a fraction of its size, never below 1 / ``reduction``: its decoder then skips most of the work.
    """
    image = Image.open(BytesIO(data))
    if reduction >= 2:
        image.draft("RGB", (int(image.width / reduction), int(image.height / reduction)))
    ImageOps.exif_transpose(image, in_place=True)
    return image.convert("RGB")


def resize_box(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    """Resize what the box shows of an image to ``size``, width and height in pixels."""
    width, height = image.size
    pixels = (box[0] * width, box[1] * height, min(box[2], 1) * width, min(box[3], 1) * height)
    return image.resize(size, Image.Resampling.BILINEAR, pixels)


def read_batches(
    images: ParquetImages | DecodedImages, crop_px: int, batches: Iterable[CropBatch], num_threads: int = 0
) -> Iterator[Pixels]:
    """Yield the pixels (B, crop_px, crop_px, 3) of each batch, read ahead by ``num_threads`` threads or by this one."""
    if not num_threads:
        yield from (read_batch(images, crop_px, batch) for batch in batches)
        return
    pool, pending = ThreadPoolExecutor(num_threads), deque[Future[Pixels]]()
    try:
        for batch in batches:
            pending.append(pool.submit(read_batch, images, crop_px, batch))
            if len(pending) > num_threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def read_batch(images: ParquetImages | DecodedImages, crop_px: int, batch: CropBatch) -> Pixels:
    """Read the pixels (B, crop_px, crop_px, 3) of one batch. Raises `DatasetError`."""
    pixels = np.empty((len(batch.rows), crop_px, crop_px, 3), np.uint8)
    for i, (row, box, flip) in enumerate(zip(batch.rows.tolist(), batch.boxes.tolist(), batch.flips, strict=True)):
        crop = np.asarray(images.crop(row, box, crop_px))
        pixels[i] = crop[:, ::-1] if flip else crop
    return pixels


def check_same_order(images: ParquetImages, labels: Labels) -> None:
    """Raise `DatasetError` unless labels and images are of the same rows."""
    if images.ids != labels.ids:
        raise DatasetError(
            f"the labels and the images of {printable(str(images.folder))} are not in the same order",
            code="dataset.order-differs",
            hint="the folder may have been built again meanwhile: run the same command again",
            path=images.folder,
        )
