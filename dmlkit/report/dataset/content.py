"""What the pages of a dataset's report are made from, and the images on a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dmlkit.report.dataset.classes import ReportTree
from dmlkit.report.dataset.images import ReportImage, ReportSelection
from dmlkit.report.dataset.rejected import RejectedSummary
from dmlkit.report.site import Pages
from dmlkit.report.thumbnails import Cell, Spool, write_sheet
from dmlkit.text import byte_size

# Thumbnails in one file.
IMAGES_PER_SHEET = 400

# The facts of the images of a page, as pairs of name and text.
FactRows = list[list[tuple[str, str]]]


@dataclass(frozen=True)
class ReportContent:
    """What the pages are made from. ``num_bytes``: the bytes of all images, (N,)."""

    tree: ReportTree
    shown: ReportSelection
    rejected: RejectedSummary
    num_bytes: NDArray[np.int64]
    spool: Spool
    pages: Pages

    @property
    def grouped(self) -> bool:
        """Whether fine classes share pages of their middle class."""
        return any("#" in node.page for node in self.tree.at_scale("fine"))


@dataclass(frozen=True)
class PageItem:
    """An image on a page. ``number`` is its row of facts.

    If fine classes share a page, ``caption`` is the class of the image, and the first image of a class has the
    ``anchor`` that leads to the class; so has a class without images.
    """

    name: str = ""
    number: int = -1
    cell: Cell | None = None
    caption: str = ""
    anchor: str = ""
    text: str = ""


def write_page_sheet(report: ReportContent, page: str, wanted: list[ReportImage]) -> dict[ReportImage, Cell]:
    """Write the thumbnails of a page beside it. Returns the cell of each."""
    wanted = [image for image in dict.fromkeys(wanted) if image.thumbnail >= 0]
    cells: dict[ReportImage, Cell] = {}
    for start in range(0, len(wanted), IMAGES_PER_SHEET):
        part = wanted[start : start + IMAGES_PER_SHEET]
        path = Path(page).with_suffix(f".{start // IMAGES_PER_SHEET + 1}.webp" if start else ".webp")
        placed = write_sheet(
            report.pages.folder / path, path.name, [report.spool.get(image.thumbnail) for image in part]
        )
        cells |= dict(zip(part, placed, strict=True))
    return cells


def page_item(image: ReportImage, cells: dict[ReportImage, Cell], rows: FactRows, caption: str = "") -> PageItem:
    """Make the item of an image on a page, and append its facts to ``rows``."""
    rows.append(list(image_facts(image)))
    return PageItem(image.image_id, len(rows) - 1, cells[image], caption)


def image_facts(image: ReportImage) -> Iterator[tuple[str, str]]:
    """Yield what the viewer shows of an image, as pairs of name and text."""
    facts = image.facts
    yield "Class", " › ".join(node.name for node in [*image.node.line, image.node])
    yield "Split", image.split
    yield "Label of the source", facts["upstream_label"] or ""
    yield "Size", f"{facts['width']:,} × {facts['height']:,} pixels, {byte_size(facts.get('bytes', 0))}"
    if facts["exif_orientation"] not in (None, 1):
        yield "Turned upright", f"EXIF orientation {facts['exif_orientation']}"
    for name, key in (("Address", "source_url"), ("Licence", "license"), ("Author", "author"), ("SHA-256", "sha256")):
        if facts[key]:
            yield name, facts[key]
