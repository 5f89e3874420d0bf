"""Photographs that are drawn: 1/f colour noise in overlapping shapes, as JPEG with the size and entropy of real ones.

A real photograph's spectrum falls with 1/f, which decides how well JPEG compresses it and how long decoding takes. Each
image depends on its kind and number only, so the same libraries make the same files on any machine.
"""

from __future__ import annotations

import io
import multiprocessing
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FORMAT = 1
"""Changes when other images are made: those of another version are never taken for these."""

TILE = 2048
MEAN_BYTES = 95_000
ORIENTATIONS = (1, 6, 8, 3)
WITH_EXIF = 20
"""One image in so many has EXIF data, with each of the orientations in turn."""


@dataclass(frozen=True)
class Kind:
    """Images of one size in pixels."""

    name: str
    width: int
    height: int


SMALL = Kind("small", 500, 375)
LARGE = Kind("large", 1600, 1200)


def make(work: Path, kind: Kind, count: int) -> list[Path]:
    """The files of ``count`` images, number 0 first. Those that stand already are not made again."""
    folder = work / f"corpus-{FORMAT}" / kind.name
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:06}.jpg" for number in range(count)]
    absent = [(path, kind, number) for number, path in enumerate(paths) if not path.exists()]
    if absent:
        with multiprocessing.get_context("spawn").Pool(initializer=one_thread) as pool:
            pool.starmap(write, absent, chunksize=16)
    return paths


def one_thread() -> None:
    """Each process has one core."""
    os.environ["OMP_NUM_THREADS"] = "1"


def write(path: Path, kind: Kind, number: int) -> None:
    """Make one file, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(encode(render(kind, number), number, quality()))
    os.replace(temporary, path)


def copies(work: Path, count: int) -> list[Path]:
    """``count`` distinct small files without drawing as many: a JPEG comment tells those with the same pixels apart."""
    drawn = make(work, SMALL, min(count, 5000))
    folder = work / f"corpus-{FORMAT}" / "copies"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:06}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            data = drawn[number % len(drawn)].read_bytes()
            comment = b"%06d" % number
            temporary = path.with_suffix(".tmp")
            temporary.write_bytes(data[:-2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[-2:])
            os.replace(temporary, path)
    return paths


@cache
def quality() -> int:
    """The JPEG quality at which the mean of the small images is nearest to `MEAN_BYTES`."""
    images = [render(SMALL, number) for number in range(40)]

    def miss(value: int) -> float:
        return abs(float(np.mean([len(encode(image, 1, value)) for image in images])) - MEAN_BYTES)

    return min(range(80, 98), key=miss)


def encode(image: Image.Image, number: int, value: int) -> bytes:
    exif = Image.Exif()
    if number % WITH_EXIF == 0:
        exif[0x010F] = "A camera"
        exif[0x0112] = ORIENTATIONS[number // WITH_EXIF % len(ORIENTATIONS)]
    out = io.BytesIO()
    image.save(out, "JPEG", quality=value, exif=exif if len(exif) else b"")
    return out.getvalue()


def render(kind: Kind, number: int) -> Image.Image:
    """A ground and shapes before it, each a piece of noise with a colour and a contrast of its own."""
    random = np.random.default_rng([FORMAT, kind.width, number])
    pixels = texture(random, kind.height, kind.width)
    for _ in range(random.integers(4, 12)):
        width, height = (int(side * random.uniform(0.1, 0.6)) for side in (kind.width, kind.height))
        x, y = int(random.uniform(0, kind.width - width)), int(random.uniform(0, kind.height - height))
        box = pixels[y : y + height, x : x + width]
        box += outline(random, height, width) * (texture(random, height, width) - box)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def texture(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(height, width, 3) float32: a piece of the noise, turned over or not."""
    rows, columns = (
        (random.integers(TILE) + random.choice([-1, 1]) * np.arange(side)) % TILE for side in (height, width)
    )
    colour = random.uniform(40, 215, 3).astype(np.float32)
    contrast = np.float32(random.choice([6, 15, 30, 50]))
    return colour + contrast * noise()[rows[:, None], columns]


def outline(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(height, width, 1) float32 between 0 and 1: an ellipse or a polygon with soft edges."""
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    if random.random() < 0.5:
        draw.ellipse((1, 1, width - 2, height - 2), fill=255)
    else:
        corners = random.uniform(0, 1, (5, 2)) * (width, height)
        draw.polygon([tuple(corner) for corner in corners], fill=255)
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(1)), np.float32)[:, :, None] / 255


@cache
def noise() -> np.ndarray:
    """(TILE, TILE, 3) float32 that repeats without a seam: deviation about 1, mostly the same in all colours."""
    random = np.random.default_rng(FORMAT)
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE))
    frequency[0, 0] = np.inf
    planes = []
    for _ in range(3):
        spectrum = np.fft.rfft2(random.standard_normal((TILE, TILE))) / frequency
        plane = np.fft.irfft2(spectrum)
        planes.append(plane / plane.std())
    light, *chroma = planes
    red, blue = (0.3 * plane for plane in chroma)
    return np.stack([light + red, light - 0.3 * red - 0.2 * blue, light + blue], axis=-1).astype(np.float32)
