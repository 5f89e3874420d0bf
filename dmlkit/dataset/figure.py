"""Draw the contact sheets and the figure of a dataset folder: what it looks like, at a glance."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont, ImageOps

from dmlkit.dataset.folder import FIGURE, DatasetFolder
from dmlkit.errors import OutputError, UsageError, unreadable_dataset
from dmlkit.schema.layout import SplitSpec
from dmlkit.schema.scales import SCALES
from dmlkit.storage.images import open_upright

PAPER, INK, FAINT = "#ffffff", "#1f2328", "#6b7280"
# Width and height of an image, and the gap between two, in pixels.
CELL = (132, 100)
GAP = 8
# Images in a line of a sheet.
COLUMNS = 9
# Heights in pixels of the name of a middle class, and of a line of images with their names.
HEADING, LINE = 34, CELL[1] + 22
# Headings and lines on a sheet; the rest go on another. JPEG ends at 65,500 pixels.
LINES = 100
# Middle classes of each coarse class in the figure, and fine classes of each middle class.
FIGURE_CLASSES = (2, 3)
# Pixels that the name of a coarse class may take in the figure.
FIGURE_NAME = 200
# Of so many first images of a class the one is shown whose shape is nearest to a cell: little of it is cut off.
TRIES = 8
# What a class is called on a sheet whose name an official release does not give.
UNKNOWN = "unknown"

# Coarse name -> middle name -> fine names.
Tree = dict[str, dict[str, list[str]]]


class ImagePosition(NamedTuple):
    """The position of an image in a split."""

    split: SplitSpec
    row: int


def write_sheets(folder: Path, out: Path) -> list[Path]:
    """Write the sheets of each coarse class, with an image of every fine class, and the figure of the three scales.

    Coarse classes without images have none. Returns the files, the figure last. Memory: one row group and small
    copies. Raises `UnreadableDatasetError` for a folder that is not a dataset, `UsageError` if ``out`` is inside it,
    and `OutputError` if ``out`` cannot be written.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"{out} is inside the dataset folder, which must not change",
            code="output.inside-dataset",
            hint="choose another --out",
            path=out,
        )
    dataset = DatasetFolder.open(folder)
    tree = class_tree(dataset)
    images = read_thumbnails(dataset, choose_images(dataset))
    paths: list[Path] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for coarse, middles in tree.items():
            lines = list(sheet_lines(middles, images))
            for start in range(0, len(lines), LINES):
                paths.append(out / f"{free_stem(coarse, {'figure', *(path.stem for path in paths)})}.jpg")
                draw_sheet(coarse, lines[start : start + LINES], images).save(paths[-1], quality=82, optimize=True)
        paths.append(out / FIGURE)
        classes = choose_classes(class_tree(dataset, only_placed=True), images)
        draw_figure(classes, images).save(paths[-1], quality=85, optimize=True)
    except OSError as exc:
        raise OutputError(
            f"cannot write {out}: {exc.strerror or exc}",
            code="output.unwritable",
            hint="choose another --out",
            path=out,
        ) from exc
    return paths


def write_figure(dataset: DatasetFolder) -> None:
    """Write the figure of a dataset folder into it."""
    positions = choose_images(dataset)
    classes = choose_classes(class_tree(dataset, only_placed=True), positions)
    names = {name for middles in classes.values() for fine in middles.values() for name in fine}
    images = read_thumbnails(dataset, {name: at for name, at in positions.items() if name in names})
    draw_figure(classes, images).save(dataset.path / FIGURE, quality=85, optimize=True)


def free_stem(name: str, taken: set[str]) -> str:
    """Make a file stem of ``name``: letters, digits and hyphens, and a number if it is taken."""
    stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-") or "class"
    names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(free for free in names if free not in taken)


def class_tree(dataset: DatasetFolder, *, only_placed: bool = False) -> Tree:
    """Nest the classes of a dataset, in the order of their ids.

    An official release does not give all parents: its classes are below `UNKNOWN`, or left out if ``only_placed``.
    """
    rows = sorted(dataset.classes, key=lambda row: [row[f"{scale}_id"] or "" for scale in reversed(SCALES)])
    tree: Tree = {}
    for row in rows:
        if only_placed and (row["coarse"] is None or row["middle"] is None):
            continue
        tree.setdefault(row["coarse"] or UNKNOWN, {}).setdefault(row["middle"] or UNKNOWN, []).append(row["fine"])
    return tree


def choose_images(dataset: DatasetFolder) -> dict[str, ImagePosition]:
    """Choose the image that is shown of each fine class that has images: fine name -> position."""
    best: dict[str, tuple[float, ImagePosition]] = {}
    seen: dict[str, int] = {}
    names = dataset.class_names["fine"]
    try:
        for split in sorted((s for s in dataset.image_sets if s.config == "default"), key=lambda s: s.stem):
            for row, image in enumerate(dataset.rows(split, ["fine", "width", "height"])):
                name = names[image["fine"]]
                seen[name] = seen.get(name, 0) + 1
                if seen[name] <= TRIES:
                    cut_off = abs(math.log(image["width"] / image["height"] * CELL[1] / CELL[0]))
                    if name not in best or cut_off < best[name][0]:
                        best[name] = cut_off, ImagePosition(split, row)
    except (ValueError, TypeError, ZeroDivisionError) as exc:
        raise unreadable_dataset(dataset.path, exc) from exc
    return {name: position for name, (_, position) in best.items()}


def read_thumbnails(dataset: DatasetFolder, positions: Mapping[str, ImagePosition]) -> dict[str, Image.Image]:
    """Read the images at some positions as small copies of the size of a cell."""
    names = {position: name for name, position in positions.items()}
    thumbnails: dict[str, Image.Image] = {}
    for split in dataset.image_sets:
        rows = [position.row for position in names if position.split == split]
        for row, values in dataset.take(split, rows, ["image"]):
            try:
                thumbnails[names[ImagePosition(split, row)]] = crop_to_cell(values["image"])
            except Exception as exc:  # Pillow's decoders raise many types for bad bytes
                raise unreadable_dataset(dataset.path, exc) from exc
    return thumbnails


def crop_to_cell(value: dict[str, Any]) -> Image.Image:
    """Decode an image, upright and RGB, scaled and cropped to the size of a cell."""
    upright = open_upright(value["bytes"], (2 * CELL[0], 2 * CELL[1]))
    return ImageOps.fit(upright, CELL, Image.Resampling.LANCZOS)


def sheet_lines(middles: dict[str, list[str]], images: Mapping[str, object]) -> Iterator[str | list[str]]:
    """Give a heading for each middle class that has images, and the names of its fine classes line by line."""
    for middle, fine in middles.items():
        names = [name for name in fine if name in images]
        if names:
            yield f"{middle} ({len(fine)})" if len(names) == len(fine) else f"{middle} ({len(names)} of {len(fine)})"
        for start in range(0, len(names), COLUMNS):
            yield names[start : start + COLUMNS]


def draw_sheet(title: str, lines: list[str | list[str]], images: Mapping[str, Image.Image]) -> Image.Image:
    """Draw the fine classes of a coarse class, under the headings of their middle classes."""
    width = COLUMNS * (CELL[0] + GAP) + GAP
    height = 56 + sum(HEADING if isinstance(line, str) else LINE for line in lines) + GAP
    page = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(page)
    draw_text(pen, (GAP, 10), title, 28, width - 2 * GAP)
    y = 56
    for line in lines:
        if isinstance(line, str):
            draw_text(pen, (GAP, y + 6), line, 17, width - 2 * GAP)
            y += HEADING
        else:
            for number, name in enumerate(line):
                draw_image(page, pen, (GAP + number * (CELL[0] + GAP), y), name, images[name])
            y += LINE
    return page


def draw_image(page: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], name: str, image: Image.Image) -> None:
    """Draw an image with its name below it."""
    page.paste(image, at)
    draw_text(pen, (at[0], at[1] + CELL[1] + 2), name, 12, CELL[0], FAINT)


def draw_text(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, font_px: int, width: int, colour: str = INK
) -> None:
    """Draw a text on one line, cut to a width in pixels."""
    font = ImageFont.load_default(font_px)
    pen.text(at, cut_text(pen, " ".join(text.split()), font, width), colour, font)


def cut_text(pen: ImageDraw.ImageDraw, text: str, font: Any, width: int) -> str:
    """Shorten a text to a width in pixels, with an ellipsis at its end."""
    if pen.textlength(text, font) <= width:
        return text
    text = text[:width]  # no letter is narrower than a pixel
    fits = bisect_right(range(len(text)), width, key=lambda end: math.ceil(pen.textlength(text[:end] + "…", font))) - 1
    return text[: max(0, fits)].rstrip() + "…"


def choose_classes(tree: Tree, images: Mapping[str, object]) -> Tree:
    """Choose the classes that the figure shows, of those that have ``images``.

    Of each coarse class these are the middle classes with the most fine classes, and of each of these a few fine
    classes from its whole length.
    """
    chosen: Tree = {}
    for coarse, middles in tree.items():
        names = [(middle, [name for name in fine if name in images]) for middle, fine in middles.items()]
        largest = sorted((item for item in names if item[1]), key=lambda item: -len(item[1]))[: FIGURE_CLASSES[0]]
        for middle, fine in largest:
            number = min(FIGURE_CLASSES[1], len(fine))
            chosen.setdefault(coarse, {})[middle] = [fine[i * len(fine) // number] for i in range(number)]
    return chosen


def draw_figure(tree: Tree, images: Mapping[str, Image.Image]) -> Image.Image:
    """Draw the three scales in one image: a row for each coarse class, a group for each of its middle classes."""
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
        draw_text(pen, (GAP, y + 24 + CELL[1] // 2 - 10), coarse, 20, left - 2 * GAP)
        for column, (middle, fine) in enumerate(middles.items()):
            x = left + column * group
            draw_text(pen, (x, y), middle, 16, group - 3 * GAP)
            for number, name in enumerate(fine):
                draw_image(page, pen, (x + number * (CELL[0] + GAP), y + 24), name, images[name])
    return page
