"""Contact sheets of a dataset folder: what it looks like, at a glance."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dmlkit.errors import OutputError, UsageError, unreadable_dataset
from dmlkit.schema.scales import SCALES
from dmlkit.storage.images import ORIENTATION

PAPER, INK, FAINT = "#ffffff", "#1f2328", "#6b7280"
CELL = (132, 100)
GAP = 8
COLUMNS = 9
HEADING, LINE = 34, CELL[1] + 22
"""Heights in pixels of the name of a middle class, and of a line of images with their names."""
LINES = 100
"""At most this many headings and lines stand on a sheet; the rest go on another. JPEG ends at 65,500 pixels."""
FIGURE_CLASSES = (2, 3)
"""Middle classes of each coarse class in the figure, and fine classes of each middle class."""
FIGURE_NAME = 200
"""Pixels that the name of a coarse class may take in the figure."""
TRIES = 8
"""Of so many first images of a class the one is shown whose shape is nearest to a cell: little of it is cut off."""

Tree = dict[str, dict[str, list[str]]]
"""Coarse name → middle name → fine names."""


class Place(NamedTuple):
    """Where an image stands: the file, its row group, and the row in that."""

    path: Path
    group: int
    row: int


def write_sheets(folder: Path, out: Path) -> list[Path]:
    """Write the sheets of each coarse class, with an image of every fine class, and the figure of the three scales.

    Coarse classes without images have none. Returns the files, the figure last. Memory: one row group and small
    copies. Raises `UsageError` where ``folder`` holds no dataset that can be read, `OutputError` where ``out``
    cannot be written.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{out} lies in the dataset folder, which must stay as it is", hint="choose another --out")
    tree = read_tree(folder)
    images = read_images(folder, first_places(folder))
    paths: list[Path] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for coarse, middles in tree.items():
            lines = list(sheet_lines(middles, images))
            for start in range(0, len(lines), LINES):
                paths.append(out / f"{free_name(coarse, {'figure', *(path.stem for path in paths)})}.jpg")
                sheet(coarse, lines[start : start + LINES], images).save(paths[-1], quality=82, optimize=True)
        paths.append(out / "figure.jpg")
        figure(for_figure(tree, set(images)), images).save(paths[-1], quality=85, optimize=True)
    except OSError as exc:
        raise OutputError(f"{out} cannot be written: {exc.strerror or exc}", hint="choose another --out") from exc
    return paths


def write_figure(folder: Path) -> None:
    """Write ``figure.jpg`` of a dataset folder into it."""
    places = first_places(folder)
    chosen = for_figure(read_tree(folder), set(places))
    shown = {name for middles in chosen.values() for fine in middles.values() for name in fine}
    images = read_images(folder, {name: place for name, place in places.items() if name in shown})
    figure(chosen, images).save(folder / "figure.jpg", quality=85, optimize=True)


def free_name(name: str, taken: set[str]) -> str:
    """A file name without suffix for ``name``: letters, digits and hyphens, and a number where it is taken."""
    stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-") or "class"
    names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(free for free in names if free not in taken)


def read_tree(folder: Path) -> Tree:
    """The classes of a dataset folder, in the order of their ids."""
    try:
        (path,) = folder.glob("hierarchy/train-*.parquet")
        rows = pq.read_table(path, columns=[*SCALES, *(f"{scale}_id" for scale in SCALES)]).to_pylist()
        rows.sort(key=lambda row: [row[f"{scale}_id"] or "" for scale in reversed(SCALES)])
        tree: Tree = {}
        for row in rows:  # an official release does not tell all parents
            coarse, middle = row["coarse"] or "unknown", row["middle"] or "unknown"
            tree.setdefault(coarse, {}).setdefault(middle, []).append(row["fine"])
    except (ValueError, OSError, KeyError, TypeError, pa.ArrowException) as exc:
        raise unreadable_dataset(folder, exc) from exc
    return tree


def first_places(folder: Path) -> dict[str, Place]:
    """Fine name → where the image stands that is shown of it, for the classes that have images."""
    best: dict[str, tuple[float, Place]] = {}
    seen: dict[str, int] = {}
    try:
        for path in sorted((folder / "data").glob("*.parquet")):
            features = json.loads((pq.read_schema(path).metadata or {})[b"huggingface"])["info"]["features"]
            names = features["fine"]["names"]
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    for row, image in enumerate(file.read_row_group(group, ["fine", "width", "height"]).to_pylist()):
                        name = names[image["fine"]]
                        seen[name] = seen.get(name, 0) + 1
                        if seen[name] <= TRIES:
                            cut = abs(math.log(image["width"] / image["height"] * CELL[1] / CELL[0]))
                            if name not in best or cut < best[name][0]:
                                best[name] = cut, Place(path, group, row)
    except (ValueError, OSError, KeyError, IndexError, TypeError, ZeroDivisionError, pa.ArrowException) as exc:
        raise unreadable_dataset(folder, exc) from exc
    return {name: place for name, (_, place) in best.items()}


def read_images(folder: Path, places: dict[str, Place]) -> dict[str, Image.Image]:
    """Fine name → a small copy of its image."""
    wanted: dict[tuple[Path, int], list[tuple[int, str]]] = {}
    for name, place in places.items():
        wanted.setdefault((place.path, place.group), []).append((place.row, name))
    found: dict[str, Image.Image] = {}
    for (path, group), rows in sorted(wanted.items()):
        try:
            with pq.ParquetFile(path) as file:
                column = file.read_row_group(group, columns=["image"])["image"]
            found |= {name: small(column[row].as_py()) for row, name in rows}
        except Exception as exc:  # Pillow's decoders raise many types for bad bytes
            raise unreadable_dataset(folder, exc) from exc
    return found


def small(value: dict[str, Any]) -> Image.Image:
    """An image at the size of a cell, upright, cut to fit."""
    with Image.open(BytesIO(value["bytes"])) as image:
        image.draft("RGB", (2 * CELL[0], 2 * CELL[1]))
        upright = ImageOps.exif_transpose(image) if ORIENTATION in image.getexif() else image
        return ImageOps.fit(upright.convert("RGB"), CELL, Image.Resampling.LANCZOS)


def sheet_lines(middles: dict[str, list[str]], images: dict[str, Image.Image]) -> Iterator[str | list[str]]:
    """A heading for each middle class that has images, and the names of its fine classes line by line."""
    for middle, fine in middles.items():
        shown = [name for name in fine if name in images]
        if shown:
            yield f"{middle} ({len(fine)})" if len(shown) == len(fine) else f"{middle} ({len(shown)} of {len(fine)})"
        for start in range(0, len(shown), COLUMNS):
            yield shown[start : start + COLUMNS]


def sheet(title: str, lines: list[str | list[str]], images: dict[str, Image.Image]) -> Image.Image:
    """The fine classes of a coarse class, under the headings of their middle classes."""
    width = COLUMNS * (CELL[0] + GAP) + GAP
    height = 56 + sum(HEADING if isinstance(line, str) else LINE for line in lines) + GAP
    page = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(page)
    write(pen, (GAP, 10), title, 28, width - 2 * GAP)
    y = 56
    for line in lines:
        if isinstance(line, str):
            write(pen, (GAP, y + 6), line, 17, width - 2 * GAP)
            y += HEADING
        else:
            for number, name in enumerate(line):
                put(page, pen, (GAP + number * (CELL[0] + GAP), y), name, images[name])
            y += LINE
    return page


def put(page: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], name: str, image: Image.Image) -> None:
    """An image with its name below it."""
    page.paste(image, at)
    write(pen, (at[0], at[1] + CELL[1] + 2), name, 12, CELL[0], FAINT)


def write(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, width: int, colour: str = INK) -> None:
    """A text on one line, cut to a width in pixels."""
    font = ImageFont.load_default(size)
    pen.text(at, fitted(pen, " ".join(text.split()), font, width), colour, font)


def fitted(pen: ImageDraw.ImageDraw, text: str, font: Any, width: int) -> str:
    if pen.textlength(text, font) <= width:
        return text
    text = text[:width]  # no letter is narrower than a pixel
    fits = bisect_right(range(len(text)), width, key=lambda end: math.ceil(pen.textlength(text[:end] + "…", font))) - 1
    return text[: max(0, fits)].rstrip() + "…"


def for_figure(tree: Tree, there: set[str]) -> Tree:
    """The classes that the figure shows, of those ``there`` are images of: of each coarse class the middle classes
    with the most fine ones, and of each of these a few fine classes from its whole length."""
    chosen: Tree = {}
    for coarse, middles in tree.items():
        shown = [(middle, [name for name in fine if name in there]) for middle, fine in middles.items()]
        largest = sorted((item for item in shown if item[1]), key=lambda item: -len(item[1]))[: FIGURE_CLASSES[0]]
        for middle, fine in largest:
            places = min(FIGURE_CLASSES[1], len(fine))
            chosen.setdefault(coarse, {})[middle] = [fine[i * len(fine) // places] for i in range(places)]
    return chosen


def figure(tree: Tree, images: dict[str, Image.Image]) -> Image.Image:
    """The three scales in one image: a row for each coarse class, a group for each of its middle classes."""
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    font = ImageFont.load_default(20)
    left = 3 * GAP + min(FIGURE_NAME, math.ceil(max((pen.textlength(name, font) for name in tree), default=0)))
    groups = max((len(middles) for middles in tree.values()), default=0)
    longest = max((len(fine) for middles in tree.values() for fine in middles.values()), default=0)
    group = longest * (CELL[0] + GAP) + 2 * GAP
    line = CELL[1] + 56
    page = Image.new("RGB", (left + groups * group, 12 + line * len(tree)), PAPER)
    pen = ImageDraw.Draw(page)
    for row, (coarse, middles) in enumerate(tree.items()):
        y = 12 + row * line
        write(pen, (GAP, y + 24 + CELL[1] // 2 - 10), coarse, 20, left - 2 * GAP)
        for column, (middle, fine) in enumerate(middles.items()):
            x = left + column * group
            write(pen, (x, y), middle, 16, group - 3 * GAP)
            for number, name in enumerate(fine):
                put(page, pen, (x + number * (CELL[0] + GAP), y + 24), name, images[name])
    return page
