"""The pages of classes, and of duplicates beside the images that were kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dmlkit.report.dataset import classes
from dmlkit.report.dataset.classes import CLASSES_PER_PAGE, Node
from dmlkit.report.dataset.content import FactRows, PageItem, ReportContent, page_item, write_page_sheet
from dmlkit.report.dataset.images import ReportImage, ReportSelection
from dmlkit.report.thumbnails import Cell
from dmlkit.text import plural


def write_class_page(
    report: ReportContent, node: Node, before: tuple[str, str] | None, after: tuple[str, str] | None
) -> None:
    """Write the page of a class: the classes below it with an image of each, and its own images."""
    grouped = node.scale == "middle" and report.grouped
    groups = range(0, max(1, len(node.below)), CLASSES_PER_PAGE) if grouped else range(1)
    for number, start in enumerate(groups):
        below = node.below[start : start + CLASSES_PER_PAGE] if grouped else []
        own = report.shown.by_class.get(node, []) if number == 0 else []
        shown = [report.shown.by_class.get(fine, []) for fine in below]
        covers = [] if grouped else [cover_image(report.shown, child) for child in node.below]
        name = classes.group_page(node, number)
        wanted = [*own, *(image for images in shown for image in images), *(image for image in covers if image)]
        cells = write_page_sheet(report, name, wanted)
        rows: FactRows = []
        sections = []
        if own or (node.own and number == 0):
            sections.append(own_section(report, node, own, cells, rows))
        if below:
            sections.append(group_section(node, start, below, shown, cells, rows))
        title = node.name if len(groups) == 1 else f"{node.name}, page {number + 1} of {len(groups)}"
        report.pages.write(
            name,
            "class.html",
            title,
            within="classes.html",
            node=node,
            splits=report.tree.splits,
            cards=[
                {"node": child, "cell": cells.get(image) if image else None}
                for child, image in zip(node.below, covers, strict=False)
            ],
            groups=sections,
            rows=rows,
            before=(f"Page {number}", classes.group_page(node, number - 1)) if number else before,
            after=(f"Page {number + 2}", classes.group_page(node, number + 1)) if number + 1 < len(groups) else after,
        )


def cover_image(shown: ReportSelection, node: Node) -> ReportImage | None:
    """Return the image that represents a class: the first of its own or below it."""
    if images := shown.by_class.get(node):
        return images[0]
    return next((image for below in node.below if (image := cover_image(shown, below))), None)


def own_section(
    report: ReportContent, node: Node, own: list[ReportImage], cells: dict[ReportImage, Cell], rows: FactRows
) -> dict[str, Any]:
    """Describe the images of a class itself, without those of the classes below it."""
    total = sum(node.own.values())
    text = f"All {total:,}." if len(own) == total else f"{len(own):,} of {total:,}, chosen by a hash of their ids."
    if not report.tree.images:
        text = f"{total:,} images, which are not in this folder."
    return {
        "title": "Images" if node.scale == "fine" else "Images without a finer label",
        "text": text,
        "shown": [page_item(image, cells, rows) for image in own if image in cells],
    }


def group_section(
    node: Node,
    start: int,
    below: list[Node],
    shown: list[list[ReportImage]],
    cells: dict[ReportImage, Cell],
    rows: FactRows,
) -> dict[str, Any]:
    """Describe the fine classes of a middle class that have no pages of their own, each with its images."""
    items: list[PageItem] = []
    for fine, fine_images in zip(below, shown, strict=True):
        shown_images = [page_item(image, cells, rows, fine.name) for image in fine_images if image in cells] or [
            PageItem(caption=fine.name)
        ]
        text = f"{fine.id} · {plural(fine.total, 'image')}"
        items += [replace(shown_images[0], anchor=f"fine-{fine.label}", text=text), *shown_images[1:]]
    return {
        "title": f"Fine classes {start + 1:,} to {start + len(below):,} of {len(node.below):,}",
        "text": "Each with an image that is chosen by a hash of its id." if cells else "",
        "shown": items,
    }


def write_duplicates(report: ReportContent) -> None:
    """Write the page of duplicates beside the images that were kept."""
    duplicates = report.rejected.duplicates
    kept = [report.shown.by_id[name] for name in duplicates if name in report.shown.by_id]
    cells = write_page_sheet(report, "duplicates.html", kept)
    rows: FactRows = []
    groups = []
    for name, dropped in duplicates.items():
        image = report.shown.by_id.get(name)
        groups.append(
            {
                "kept": name,
                "same": dropped,
                "image": image,
                "item": page_item(image, cells, rows) if image in cells else PageItem(name),
            }
        )
    report.pages.write(
        "duplicates.html",
        "duplicates.html",
        "Duplicates",
        groups=groups,
        rows=rows,
        total=report.rejected.counts["duplicate"],
    )
