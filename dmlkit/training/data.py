"""Images of a dataset as batches of pixels: read from its Parquet files, cut, and brought to one size.

What is cut out of which image is decided before anything is read (`Plan`), so that the pixels do not depend on how
many processes read them. Small images are decoded once, into a file that is mapped into memory.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from dmlkit.errors import DmlkitError, no_images
from dmlkit.evaluation.labels import Labels, translate_dataset_errors
from dmlkit.schema.progress import Progress
from dmlkit.storage.locations import cache_dir
from dmlkit.text import printable

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, by channel."""
AREA, RATIO, TRIES = (0.16, 1.0), (3 / 4, 4 / 3), 10
CENTRE = 224 / 256
"""The share of the shorter side that a test image shows."""
CACHE_FORMAT = 1
CACHE_BYTES = 8 * 2**30
"""Above this many bytes, ``auto`` decodes again each time instead of keeping the pixels."""
CHUNK = 256

Pixels = NDArray[np.uint8]
Cut = tuple[float, float, float, float]


class DataError(DmlkitError):
    """A dataset's images cannot be read, or do not fit."""


def opened(data: bytes, reduce: float = 1.0) -> Image.Image:
    """The image upright and in RGB, as readers of the dataset see it.

    A JPEG may come at a fraction of its size, never below 1 / ``reduce``: its decoder then skips most of the work.
    """
    image = Image.open(BytesIO(data))
    if reduce >= 2:
        image.draft("RGB", (int(image.width / reduce), int(image.height / reduce)))
    ImageOps.exif_transpose(image, in_place=True)
    return image.convert("RGB")


def centre(width: int, height: int) -> Cut:
    """The square in the middle of a test image: left, top, right, bottom as shares of the sides."""
    side = CENTRE * min(width, height)
    x, y = side / width / 2, side / height / 2
    return 0.5 - x, 0.5 - y, 0.5 + x, 0.5 + y


def random_cuts(rng: np.random.Generator, sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rectangles of random area and ratio within images of ``sizes`` (B, 2), as shares of the sides: (B, 4).

    Of ten tries the first that fits into the image is taken; where none does, the largest in the middle.
    """
    width, height = sizes[:, :1].astype(float), sizes[:, 1:].astype(float)
    area = width * height * rng.uniform(*AREA, (len(sizes), TRIES))
    ratio = np.exp(rng.uniform(math.log(RATIO[0]), math.log(RATIO[1]), (len(sizes), TRIES)))
    w, h = np.sqrt(area * ratio) / width, np.sqrt(area / ratio) / height
    place = rng.random((2, len(sizes)))
    fits = (w <= 1) & (h <= 1)
    rows, first = np.arange(len(sizes)), fits.argmax(axis=1)
    none = ~fits.any(axis=1)
    w, h = w[rows, first], h[rows, first]
    shape = (width / height)[:, 0]
    w[none], h[none] = np.minimum(1, RATIO[1] / shape)[none], np.minimum(1, shape / RATIO[0])[none]
    x, y = np.where(none, 0.5, place) * (1 - np.stack([w, h]))
    return np.stack([x, y, x + w, y + h], axis=1)


Loader = DataLoader[Tensor | DataError]


class Encoded:
    """The N images of one split, as bytes in its files, by number. ``sizes`` is (N, 2): width and height."""

    def __init__(self, dataset: str, config: str, split: str, revision: str | None = None) -> None:
        import datasets

        self.name, self._open = dataset, {}  # type: str, dict[int, pq.ParquetFile]
        columns = ["image_id", "width", "height"]
        with translate_dataset_errors(dataset):
            if Path(dataset).is_dir():
                builder = datasets.load_dataset_builder(dataset, config)
                self.files = sorted(map(str, (builder.config.data_files or {})[split]))
                check_images(dataset, pq.read_schema(self.files[0]).names)
                table = pa.concat_tables([pq.read_table(file, columns=columns) for file in self.files])
                groups = [(f, g, m.row_group(g).num_rows) for f, m in self._metadata() for g in range(m.num_row_groups)]
                self._groups = [(file, group) for file, group, _ in groups]
                self._starts = np.cumsum([0, *(rows for *_, rows in groups)]).tolist()
                self._rows: Any = None
            else:
                rows = datasets.load_dataset(dataset, config, split=split, revision=revision)
                check_images(dataset, rows.column_names)
                table = rows.select_columns(columns).with_format("arrow")[:]
                self.files = []
                self._rows = rows.select_columns("image").cast_column("image", datasets.Image(decode=False))
        self.ids: list[str] = table["image_id"].to_pylist()
        self.sizes = np.stack([table[name].to_numpy() for name in columns[1:]], axis=1).astype(np.int64)

    def _metadata(self) -> Iterator[tuple[int, pq.FileMetaData]]:
        for number, file in enumerate(self.files):
            yield number, pq.read_metadata(file)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": {}}  # each process opens the files for itself

    def bytes_of(self, number: int) -> bytes:
        if self._rows is not None:
            data: bytes = self._rows[number]["image"]["bytes"]
            return data
        group = bisect_right(self._starts, number) - 1
        return self._group(group)[number - self._starts[group]].as_py()["bytes"]  # type: ignore[no-any-return]

    def _group(self, group: int) -> pa.ChunkedArray:
        file, within = self._groups[group]
        if file not in self._open:
            self._open[file] = pq.ParquetFile(self.files[file], memory_map=True)
        return self._open[file].read_row_group(within, columns=["image"], use_threads=False)["image"]

    def in_order(self) -> Iterator[bytes]:
        """The bytes of all images, group by group: each is read once."""
        if self._rows is not None:
            yield from (row["bytes"] for row in self._rows["image"])
        else:
            for group in range(len(self._groups)):
                yield from (row["bytes"] for row in self._group(group).to_pylist())

    def cut_out(self, number: int, cut: Cut, size: int) -> Image.Image:
        """What ``cut`` shows of an image, ``size`` × ``size`` pixels. Raises `DataError`."""
        width, height = self.sizes[number]
        shorter = min((cut[2] - cut[0]) * width, (cut[3] - cut[1]) * height)
        try:
            return resized(opened(self.bytes_of(number), shorter / size), cut, (size, size))
        except (OSError, ValueError, SyntaxError, TypeError, pa.ArrowException) as exc:
            raise self.unreadable(number, exc) from exc

    def unreadable(self, number: int, exc: Exception) -> DataError:
        return DataError(
            f"{printable(self.ids[number])} of {printable(self.name)} cannot be read: {printable(str(exc))}",
            hint=f"dmlkit validate {printable(self.name)}",
        )


def check_images(dataset: str, columns: Iterable[str]) -> None:
    """Raises `NoImagesError` where a dataset was published as ids, labels and hashes only."""
    if "image" not in columns:
        raise no_images(printable(dataset), "USER/NAME" if Path(dataset).is_dir() else dataset)


class Decoded:
    """The same images as pixels in one file, at a shorter side of at most ``side``."""

    def __init__(self, path: Path, sizes: NDArray[np.int64], original: Encoded) -> None:
        self.path, self.shapes, self.sizes, self.ids = path, sizes, original.sizes, original.ids
        self.starts = np.cumsum([0, *(sizes.prod(axis=1) * 3)])
        self._pixels: Pixels | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pixels": None}

    def pixels(self, number: int) -> Pixels:
        """(height, width, 3) of one image, mapped and not copied."""
        if self._pixels is None:
            self._pixels = np.memmap(self.path, np.uint8, mode="r")
        width, height = self.shapes[number]
        return self._pixels[self.starts[number] : self.starts[number + 1]].reshape(height, width, 3)

    def cut_out(self, number: int, cut: Cut, size: int) -> Image.Image:
        return resized(Image.fromarray(self.pixels(number)), cut, (size, size))


def resized(image: Image.Image, cut: Cut, size: tuple[int, int]) -> Image.Image:
    width, height = image.size
    box = (cut[0] * width, cut[1] * height, min(cut[2], 1) * width, min(cut[3], 1) * height)
    return image.resize(size, Image.Resampling.BILINEAR, box)


def decoded(images: Encoded, side: int, content: str, notify: Progress, most: int | None = None) -> Decoded | None:
    """The pixels of ``images`` from the cache folder; they are decoded into it if they are not there yet.

    None where they would take more than ``most`` bytes. Raises `DataError` where the disk has no room for them.
    """
    scale = np.minimum(1.0, side / images.sizes.min(axis=1))[:, None]
    sizes = np.maximum(1, np.rint(images.sizes * scale)).astype(np.int64)
    needed = int((sizes.prod(axis=1) * 3).sum())
    if most is not None and needed > most:
        return None
    files = [(Path(file).name, os.path.getsize(file), os.stat(file).st_mtime_ns) for file in images.files]
    key = repr((CACHE_FORMAT, PIL.__version__, content, side, files, images.ids, images.sizes.tolist()))
    path = cache_dir() / "pixels" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.bin"
    store = Decoded(path, sizes, images)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):  # runs side by side decode once
        if not path.exists() or path.stat().st_size != needed:
            free = shutil.disk_usage(path.parent).free
            if needed > free:
                raise DataError(
                    f"the decoded images need {needed:,} bytes, and {path.parent} has {free:,}; nothing was written",
                    hint="--cache never decodes them again each time; DMLKIT_HOME is another place for them",
                )
            fill(store, images, notify)
    return store


def cached(images: Encoded, size: int, content: str, when: str, notify: Progress) -> Encoded | Decoded:
    """The images to train on at ``size`` pixels: decoded ones, or as they are.

    ``when`` is ``always``, ``never``, or ``auto``: where the pixels take less than 8 GiB and half of the free disk.
    Decoded images are twice as large as what is cut out of them, where the originals are. Raises `DataError`.
    """
    if when == "never":
        return images
    cache_dir().mkdir(parents=True, exist_ok=True)
    most = min(CACHE_BYTES, shutil.disk_usage(cache_dir()).free // 2) if when == "auto" else None
    return decoded(images, 2 * size, content, notify, most) or images


def fill(store: Decoded, images: Encoded, notify: Progress) -> None:
    """Decode all images into the file of ``store``, which appears when it is whole."""

    def shrink(job: tuple[int, bytes]) -> bytes:
        number, data = job
        width, height = store.shapes[number]
        try:
            image = opened(data, min(images.sizes[number] / store.shapes[number]))
            return resized(image, (0, 0, 1, 1), (int(width), int(height))).tobytes()
        except (OSError, ValueError, SyntaxError) as exc:
            raise images.unreadable(number, exc) from exc

    partial = store.path.with_suffix(".partial")
    total = len(store.ids)
    try:
        with partial.open("wb") as file, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            jobs: list[tuple[int, bytes]] = []
            for job in enumerate(images.in_order()):
                jobs.append(job)
                if len(jobs) == CHUNK or job[0] + 1 == total:
                    file.writelines(pool.map(shrink, jobs))
                    notify("decode", job[0] + 1, total, "images")
                    jobs = []
        os.replace(partial, store.path)
    except (OSError, pa.ArrowException) as exc:
        raise DataError(f"the decoded images could not be written to {partial}: {exc}", hint="--cache never") from exc
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True)
class Batch:
    """What is cut out of which images, and which of them are turned left to right."""

    numbers: NDArray[np.int64]
    cuts: NDArray[np.float64]
    flips: NDArray[np.bool_]


class Plan(Sampler[Batch]):
    """The batches of one epoch, for one of ``shares`` processes. Set ``order`` and ``seed`` before each epoch."""

    def __init__(self, sizes: NDArray[np.int64], share: int = 0, shares: int = 1) -> None:
        self.sizes, self.share, self.shares = sizes, share, shares
        self.order: NDArray[np.int64] = np.empty((0, 0), np.int64)
        self.seed: Sequence[int] = (0, 0)

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Batch]:
        rng = np.random.default_rng(self.seed)
        for numbers in self.order:
            cuts, flips = random_cuts(rng, self.sizes[numbers]), rng.random(len(numbers)) < 0.5
            part = slice(self.share * len(numbers) // self.shares, (self.share + 1) * len(numbers) // self.shares)
            yield Batch(numbers[part], cuts[part], flips[part])


class Crops(Dataset["Tensor | DataError"]):
    """`Batch` → the pixels (B, size, size, 3), uint8, or the error of an image that cannot be read.

    The error is returned, because the loader makes a traceback of one that is raised in another process.
    """

    def __init__(self, images: Encoded | Decoded, size: int) -> None:
        self.images, self.size = images, size

    def __getitem__(self, batch: Batch) -> Tensor | DataError:
        try:
            return self.pixels(batch)
        except DataError as exc:
            return exc

    def pixels(self, batch: Batch) -> Tensor:
        out = np.empty((len(batch.numbers), self.size, self.size, 3), np.uint8)
        for i, (number, cut, flip) in enumerate(zip(batch.numbers, batch.cuts.tolist(), batch.flips, strict=True)):
            pixels = np.asarray(self.images.cut_out(int(number), cut, self.size))
            out[i] = pixels[:, ::-1] if flip else pixels
        return torch.from_numpy(out)


def loader(images: Encoded | Decoded, size: int, plan: Any, workers: int, pin: bool = False) -> Loader:
    """The batches of ``plan`` as pixels, read by ``workers`` processes beside this one, or by this one."""
    return DataLoader(
        Crops(images, size),
        batch_size=None,
        sampler=plan,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=pin,
        multiprocessing_context="spawn" if workers else None,
    )


def whole_batches(loader: Iterable[Tensor | DataError]) -> Iterator[Tensor]:
    """The batches of a loader. Raises `DataError` at the first that could not be read."""
    for batch in loader:
        if isinstance(batch, DataError):
            raise batch
        yield batch


def whole(sizes: NDArray[np.int64], rows: NDArray[np.int64], batch: int) -> list[Batch]:
    """The images ``rows`` in their order, each cut as a test image is."""
    cuts = np.array([centre(int(width), int(height)) for width, height in sizes])
    parts = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    return [Batch(part, cuts[part], np.zeros(len(part), np.bool_)) for part in parts]


def prepared(pixels: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, H, W, 3) → float32 (B, 3, H, W) on ``device``, by ImageNet's mean and deviation: what networks take."""
    mean, std = (torch.tensor(values, device=device) * 255 for values in (MEAN, STD))
    # Pixels stay beside each other by channel, as the network's convolutions want them.
    return ((pixels.to(device, non_blocking=True) - mean) / std).permute(0, 3, 1, 2)


def ordered(images: Encoded, labels: Labels) -> None:
    """Check that labels and images are of the same rows. Raises `DataError`."""
    if images.ids != labels.ids:
        raise DataError(
            f"the labels and the images of {printable(images.name)} are not in the same order",
            hint="was it built again while this ran? The same command starts over",
        )
