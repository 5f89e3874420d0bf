"""Contact sheets of a data set folder: what it looks like, at a glance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dmlkit.errors import UsageError
from dmlkit.images import ORIENTATION
from dmlkit.schema import SCALES

PAPER, INK, FAINT = "#ffffff", "#1f2328", "#6b7280"
CELL = (132, 100)
GAP = 8
COLUMNS = 9
FIGURE_CLASSES = (2, 3)
"""Middle classes of each coarse class in the figure, and fine classes of each middle class."""

Tree = dict[str, dict[str, list[str]]]
"""Coarse name → middle name → fine names."""


def write_sheets(folder: Path, out: Path) -> list[Path]:
    """Write one sheet for each coarse class, with a picture of every fine class, and the figure of the three scales.

    Reads the folder file by file and keeps small copies only. Raises `UsageError` where ``folder`` holds no data set.
    """
    tree = read_tree(folder)
    pictures = one_of_each(folder, tree)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for coarse, middles in tree.items():
        path = out / f"{safe_name(coarse)}.jpg"
        sheet(coarse, middles, pictures).save(path, quality=82, optimize=True)
        paths.append(path)
    paths.append(out / "figure.jpg")
    figure(tree, pictures).save(paths[-1], quality=85, optimize=True)
    return paths


def write_figure(folder: Path) -> None:
    """Write ``figure.jpg`` of a data set folder into it."""
    tree = read_tree(folder)
    chosen = {
        coarse: {middle: fine[: FIGURE_CLASSES[1]] for middle, fine in list(middles.items())[: FIGURE_CLASSES[0]]}
        for coarse, middles in with_pictures(folder, tree).items()
    }
    figure(chosen, one_of_each(folder, chosen)).save(folder / "figure.jpg", quality=85, optimize=True)


def safe_name(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-") or "class"


def read_tree(folder: Path) -> Tree:
    """The classes of a data set folder, in the order of their ids."""
    try:
        (path,) = folder.glob("hierarchy/train-*.parquet")
        rows = pq.read_table(path, columns=[*SCALES, *(f"{scale}_id" for scale in SCALES)]).to_pylist()
    except (ValueError, OSError, pa.ArrowInvalid, KeyError) as exc:
        raise UsageError(f"{folder} is no data set folder that can be read", hint=f"dmlkit validate {folder}") from exc
    tree: Tree = {}
    for row in sorted(rows, key=lambda r: [r[f"{scale}_id"] for scale in reversed(SCALES)]):
        tree.setdefault(row["coarse"], {}).setdefault(row["middle"], []).append(row["fine"])
    return tree


def with_pictures(folder: Path, tree: Tree) -> Tree:
    """The tree without the classes that have no picture."""
    there = {name for path in files(folder) for name in fine_names(path)}
    found: Tree = {}
    for coarse, middles in tree.items():
        for middle, fine in middles.items():
            if kept := [name for name in fine if name in there]:
                found.setdefault(coarse, {})[middle] = kept
    return found


def files(folder: Path) -> list[Path]:
    return sorted((folder / "data").glob("*.parquet"))


def names_of(path: Path) -> list[str]:
    """The names of the fine classes, in the order of their integers, from a file's metadata."""
    metadata = pq.read_schema(path).metadata or {}
    return list(json.loads(metadata[b"huggingface"])["info"]["features"]["fine"]["names"])


def fine_names(path: Path) -> set[str]:
    names = names_of(path)
    return {names[i] for i in pq.read_table(path, columns=["fine"])["fine"].unique().to_pylist()}


def one_of_each(folder: Path, tree: Tree) -> dict[str, Image.Image]:
    """Fine name → a small copy of its first picture, for the classes of ``tree``."""
    wanted = {name for middles in tree.values() for fine in middles.values() for name in fine}
    found: dict[str, Image.Image] = {}
    for path in files(folder):
        names = names_of(path)
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                if wanted <= found.keys():
                    return found
                labels = file.read_row_group(group, columns=["fine"])["fine"].to_pylist()
                lacking = {names[i] for i in labels} & wanted - found.keys()
                if lacking:
                    images = file.read_row_group(group, columns=["image"])["image"]
                    for row, label in enumerate(labels):
                        if names[label] in wanted and names[label] not in found:
                            found[names[label]] = small(images[row].as_py())
    return found


def small(value: dict[str, Any]) -> Image.Image:
    """A picture at the size of a cell, upright, cut to fit."""
    with Image.open(BytesIO(value["bytes"])) as image:
        image.draft("RGB", (2 * CELL[0], 2 * CELL[1]))
        upright = ImageOps.exif_transpose(image) if ORIENTATION in image.getexif() else image
        return ImageOps.fit(upright.convert("RGB"), CELL, Image.Resampling.LANCZOS)


def sheet(title: str, middles: dict[str, list[str]], pictures: dict[str, Image.Image]) -> Image.Image:
    """All fine classes of a coarse class, under the headings of their middle classes."""
    shown = [(middle, [name for name in fine if name in pictures]) for middle, fine in middles.items()]
    shown = [(middle, fine) for middle, fine in shown if fine]
    rows = sum(-(-len(fine) // COLUMNS) for _, fine in shown)
    line = CELL[1] + 22
    width = COLUMNS * (CELL[0] + GAP) + GAP
    page = Image.new("RGB", (width, 56 + 34 * len(shown) + rows * line + GAP), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((GAP, 10), title, INK, ImageFont.load_default(28))
    y = 56
    for middle, fine in shown:
        pen.text((GAP, y + 6), f"{middle} ({len(fine)})", INK, ImageFont.load_default(17))
        y += 34
        for number, name in enumerate(fine):
            x = GAP + number % COLUMNS * (CELL[0] + GAP)
            put(page, pen, (x, y + number // COLUMNS * line), name, pictures[name])
        y += -(-len(fine) // COLUMNS) * line
    return page


def put(page: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], name: str, picture: Image.Image) -> None:
    """A picture with its name below it."""
    page.paste(picture, at)
    font = ImageFont.load_default(12)
    pen.text((at[0], at[1] + CELL[1] + 2), fitted(pen, name, font), FAINT, font)


def fitted(pen: ImageDraw.ImageDraw, text: str, font: Any) -> str:
    """The text, cut to the width of a cell."""
    if pen.textlength(text, font) <= CELL[0]:
        return text
    while text and pen.textlength(text + "…", font) > CELL[0]:
        text = text[:-1]
    return text.rstrip() + "…"


def figure(tree: Tree, pictures: dict[str, Image.Image]) -> Image.Image:
    """The three scales in one picture: a row for each coarse class, a group for each of its middle classes."""
    groups = list(chosen_groups(tree, pictures))
    middle_width = FIGURE_CLASSES[1] * (CELL[0] + GAP)
    left, top, line = 110, 12, CELL[1] + 56
    page = Image.new("RGB", (left + FIGURE_CLASSES[0] * (middle_width + 18), top + line * max(1, len(groups))), PAPER)
    pen = ImageDraw.Draw(page)
    for row, (coarse, middles) in enumerate(groups):
        y = top + row * line
        pen.text((GAP, y + 24 + CELL[1] // 2 - 10), coarse, INK, ImageFont.load_default(20))
        for column, (middle, fine) in enumerate(middles):
            x = left + column * (middle_width + 18)
            pen.text((x, y), middle, INK, ImageFont.load_default(16))
            for number, name in enumerate(fine):
                put(page, pen, (x + number * (CELL[0] + GAP), y + 24), name, pictures[name])
    return page


def chosen_groups(tree: Tree, pictures: dict[str, Image.Image]) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """The classes that the figure shows: of each coarse class the first middle classes with enough pictures."""
    for coarse, middles in tree.items():
        shown = [(middle, [name for name in fine if name in pictures]) for middle, fine in middles.items()]
        shown = sorted((item for item in shown if item[1]), key=lambda item: -min(len(item[1]), FIGURE_CLASSES[1]))
        if shown:
            yield coarse, [(middle, fine[: FIGURE_CLASSES[1]]) for middle, fine in shown[: FIGURE_CLASSES[0]]]
