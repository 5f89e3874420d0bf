"""Small images on sheets: one WebP file holds all of a page, and the page shows each through a window."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

from PIL import Image

from dmlkit.storage.images import to_upright_rgb

# Pixels of the longer side of a thumbnail.
SIDE = 192
COLUMNS = 8
QUALITY = 70


class Cell(NamedTuple):
    """An image on a sheet, as the macro ``thumb`` takes it. ``sheet`` is its path from the page; all in pixels."""

    sheet: str
    x: int
    y: int
    width: int
    height: int
    sheet_width: int
    sheet_height: int


def make_thumbnail(data: bytes) -> Image.Image:
    """Decode an image upright and in RGB, at most `SIDE` pixels long. Raises what Pillow raises for bad bytes."""
    with Image.open(BytesIO(data)) as image:
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        upright = to_upright_rgb(image)
        upright.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return upright.copy() if upright is image else upright


class Spool:
    """Small images in a file, until the sheets that they belong on are written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: list[tuple[int, int]] = []

    def add(self, image: Image.Image) -> int:
        """Store an image and return its number."""
        data = BytesIO()
        image.save(data, "JPEG", quality=95, subsampling=0)
        self._places.append((self._file.seek(0, 2), data.getbuffer().nbytes))
        self._file.write(data.getbuffer())
        return len(self._places) - 1

    def get(self, number: int) -> Image.Image:
        start, length = self._places[number]
        self._file.seek(start)
        return Image.open(BytesIO(self._file.read(length)))


def write_sheet(path: Path, href: str, images: list[Image.Image]) -> list[Cell]:
    """Write small images side by side into one file. Returns where each stands; ``href`` leads there from the page.

    A row is as high as its highest image. WebP ends at 16,383 pixels: about 680 images.
    """
    spots, y, width = [], 0, 0
    for start in range(0, len(images), COLUMNS):
        row, x = images[start : start + COLUMNS], 0
        for image in row:
            spots.append((x, y))
            x += image.width
        width, y = max(width, x), y + max(image.height for image in row)
    sheet = Image.new("RGB", (width, y))
    for image, spot in zip(images, spots, strict=True):
        sheet.paste(image, spot)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "WEBP", quality=QUALITY, method=2)
    return [Cell(href, *spot, *image.size, width, y) for image, spot in zip(images, spots, strict=True)]
