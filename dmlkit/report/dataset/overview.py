"""The report of a dataset folder: what it is, its classes down to their images, and what is not in it and why."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dmlkit import terms
from dmlkit.dataset.facts import CoverageFacts
from dmlkit.dataset.folder import FIGURE, DatasetFolder
from dmlkit.errors import UnreadableDatasetError
from dmlkit.report.dataset import charts as figures
from dmlkit.report.dataset import classes, rejected
from dmlkit.report.dataset import images as images
from dmlkit.report.dataset.classes import GROUP, Content, Node
from dmlkit.report.dataset.images import ExaminedImage, Shown
from dmlkit.report.dataset.rejected import Rejected
from dmlkit.report.site import Pages, ReportSummary, replace_report
from dmlkit.report.thumbnails import Cell, Spool, write_sheet
from dmlkit.schema.progress import Progress, no_count_progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import STATUSES
from dmlkit.text import byte_size, percent, plural

FEW = 5
"""A split is short of a class with fewer images, or with fewer than a quarter of what is usual in it."""
SHEET = 400
"""Images in one file of small images."""


@dataclass(frozen=True)
class Made:
    """What the pages are made from."""

    content: Content
    shown: Shown
    rejected: Rejected
    spool: Spool
    pages: Pages

    @property
    def grouped(self) -> bool:
        return any("#" in node.page for node in self.content.of("fine"))


@dataclass(frozen=True)
class Item:
    """An image on a page. ``number`` is its row of facts. Where classes stand in groups, ``caption`` is its class,
    and the first image of a class has the ``anchor`` that leads to the class, also where it has no image."""

    name: str = ""
    number: int = -1
    cell: Cell | None = None
    caption: str = ""
    anchor: str = ""
    text: str = ""


Rows = list[list[tuple[str, str]]]
"""The facts of the images of a page, as pairs of name and text."""


def report(folder: Path, out: Path, per_class: int | None = None, notify: Progress = no_progress) -> ReportSummary:
    """Write the report of the dataset in ``folder`` to ``out``, which appears whole or not at all.

    ``per_class`` small images of each class are shown at most; None chooses a number that keeps the report small.
    The same dataset gives the same bytes. Raises `UsageError` where there is no dataset that can be read, or
    ``out`` lies in it, `OutputError` where ``out`` holds something else or cannot be written.
    """
    content = classes.read(folder)
    with replace_report(out, folder) as target, tempfile.TemporaryFile(prefix="dmlkit-report-") as file:
        refused = rejected.read(content.dataset)
        shown = images.choose(content, per_class, set(refused.same), notify)
        classes.add_up(content.roots)
        classes.place(content)
        spool = Spool(file)
        images.read(content, shown, spool, notify)
        nav = [("Overview", "index.html"), ("Classes", "classes.html"), ("Rejected", "rejected.html")]
        nav += [("Duplicates", "duplicates.html")] if refused.same else []
        pages = Pages(target.path, content.dataset.title, nav, "static/classes.js")
        made = Made(content, shown, refused, spool, pages)
        write_pages(made, notify)
        pages.finish("dataset")
        pages.script("static/classes.js", "dmlkitClasses", list(classes.search_rows(content)))
        summary = pages.summarize(out, len(shown.all) if content.images else 0)
        target.commit(no_count_progress)
    return summary


def write_pages(made: Made, notify: Progress) -> None:
    write_overview(made)
    content, grouped = made.content, made.grouped
    made.pages.write(
        "classes.html",
        "classes.html",
        "Classes",
        charts=bool(len(made.shown.sizes)),
        content=content,
        grouped=grouped,
        sunburst=figures.sunburst(content, content.dataset.title) if len(made.shown.sizes) else None,
    )
    nodes = [node for scale in SCALES for node in content.of(scale) if "#" not in node.page]
    done = 0
    for scale in SCALES:
        same = [node for node in nodes if node.scale == scale]
        for before, node, after in zip([None, *same], same, [*same[1:], None], strict=False):
            write_class(made, node, link(before), link(after))
            done += 1
            notify("pages", done, len(nodes), "classes")
    made.pages.write(
        "rejected.html",
        "rejected.html",
        "Rejected candidates",
        found=made.rejected,
        meanings={status.name: status.meaning for status in STATUSES},
        kept=content.dataset.facts.statuses.get("ok", 0),
    )
    if made.rejected.same:
        write_duplicates(made)


def link(node: Node | None) -> tuple[str, str] | None:
    return (node.name, node.page) if node else None


def write_overview(made: Made) -> None:
    content, dataset, shown = made.content, made.content.dataset, made.shown
    found = {scale: [node for node in content.of(scale) if node.total] for scale in SCALES}
    charts = []
    if len(shown.sizes):
        charts = [figures.by_coarse(content)]
        charts += [figures.by_class(found["fine"])] if found["fine"] else []
        charts += [figures.sizes(shown.sizes), figures.shapes(shown.sizes)]
        charts += [figures.lengths(shown.lengths)] if len(shown.lengths) else []
        charts.sort(key=lambda chart: chart["spec"] is None)  # what is only a sentence comes last
    figure = dataset.files().get(FIGURE)
    if figure is not None:
        shutil.copyfile(figure, made.pages.folder / FIGURE)
    made.pages.write(
        "index.html",
        "overview.html",
        content.dataset.title,
        charts=bool(charts),
        description=str(dataset.facts.manifest.settings.get("description") or ""),
        drawn=dataset.source == "sample",
        images=content.images,
        figure=figure is not None,
        total=len(shown.sizes),
        classes={scale: len(nodes) for scale, nodes in found.items()},
        rejected=sum(made.rejected.counts.values()),
        facts=list(facts_of(content)),
        splits=[
            [split, sum(root.counts[split] for root in content.roots), *(with_split(found[s], split) for s in SCALES)]
            for split in content.splits
        ],
        coverage=[coverage_row(dataset.facts.coverage[scale], scale) for scale in SCALES],
        missing=list(dataset.facts.missing),
        short=short(content, found["fine"]),
        few=FEW,
        charts_shown=charts,
        terms=terms.load_or_unknown(dataset.source),
        licenses=[[name or "not stated for the image", n] for name, n in shown.licenses.most_common()],
        authors=shown.authors,
    )


def facts_of(content: Content) -> Iterator[tuple[str, str]]:
    """Describe the dataset as pairs of name and text; facts that its files do not state are left out."""
    dataset = content.dataset
    facts, source_terms = dataset.facts, terms.load_or_unknown(dataset.source)
    yield "Dataset", f"{dataset.name} {dataset.version}"
    yield "Source", f"{source_terms.title} ({dataset.source})"
    yield "Licence", source_terms.license
    if source_terms.url.startswith(("http://", "https://")):
        yield "Terms", source_terms.url
    if dataset.layout != "split":
        yield "Layout", dataset.layout
    if content_hash := read_content_hash(dataset):
        yield "Content", content_hash
    if facts.started:
        yield "Built", facts.started.replace("T", " ").replace("Z", " UTC")
    yield "By", f"dmlkit {facts.dmlkit}"
    if facts.options.get("limit"):
        yield "Limit", f"{facts.options['limit']} images of each label and class"
    if facts.resizing:
        yield "Made smaller", facts.resizing


def read_content_hash(dataset: DatasetFolder) -> str:
    """Read the hash over the files of images and classes from the card; empty if the card cannot be read."""
    try:
        return dataset.content_hash
    except UnreadableDatasetError:  # a card is anybody's text: without it the page lacks a line
        return ""


def with_split(nodes: list[Node], split: str) -> int:
    return sum(1 for node in nodes if node.counts[split])


def coverage_row(coverage: CoverageFacts, scale: str) -> list[Any]:
    share = percent(coverage.covered / coverage.total) if coverage.total else ""
    return [scale, coverage.covered, coverage.total, share, f"at least {coverage.minimum:.0%}"]


def short(content: Content, nodes: list[Node]) -> list[tuple[Node, str, int]]:
    """Fine classes with few images in a split that they are in, with the split and their number, fewest first.

    A test class is in query and gallery, also where it has no image left for one of them.
    """
    found = []
    for split in content.splits:
        both = content.dataset.layout == "split" and split in SPLITS[1:]
        given = [node for node in nodes if node.counts[split] or (both and node.split == "test")]
        usual = float(np.median([node.counts[split] for node in given])) if given else 0.0
        least = usual / 4 if split.endswith("query") else max(FEW, usual / 4)
        found += [(node, split, node.counts[split]) for node in given if node.counts[split] < least]
    return sorted(found, key=lambda item: item[2])


def write_class(made: Made, node: Node, before: tuple[str, str] | None, after: tuple[str, str] | None) -> None:
    """The page of a class: the classes below it with an image of each, and the images that it has itself."""
    grouped = node.scale == "middle" and made.grouped
    groups = range(0, max(1, len(node.below)), GROUP) if grouped else range(1)
    for number, start in enumerate(groups):
        below = node.below[start : start + GROUP] if grouped else []
        own = made.shown.of_class.get(node, []) if number == 0 else []
        shown = [made.shown.of_class.get(fine, []) for fine in below]
        covers = [] if grouped else [cover(made.shown, child) for child in node.below]
        name = classes.group_page(node, number)
        wanted = [*own, *(p for of_fine in shown for p in of_fine), *(p for p in covers if p)]
        cells = sheet_of(made, name, wanted)
        rows: Rows = []
        sections = []
        if own or (node.own and number == 0):
            sections.append(section_of_own(made, node, own, cells, rows))
        if below:
            sections.append(section_of_group(node, start, below, shown, cells, rows))
        title = node.name if len(groups) == 1 else f"{node.name}, page {number + 1} of {len(groups)}"
        made.pages.write(
            name,
            "class.html",
            title,
            within="classes.html",
            node=node,
            splits=made.content.splits,
            cards=[
                {"node": child, "cell": cells.get(image) if image else None}
                for child, image in zip(node.below, covers, strict=False)
            ],
            groups=sections,
            rows=rows,
            before=(f"Page {number}", classes.group_page(node, number - 1)) if number else before,
            after=(f"Page {number + 2}", classes.group_page(node, number + 1)) if number + 1 < len(groups) else after,
        )


def cover(shown: Shown, node: Node) -> ExaminedImage | None:
    """The image that stands for a class: the first of those of it or below it."""
    if images := shown.of_class.get(node):
        return images[0]
    return next((found for below in node.below if (found := cover(shown, below))), None)


def sheet_of(made: Made, page: str, wanted: list[ExaminedImage]) -> dict[ExaminedImage, Cell]:
    """Write the small images of a page beside it. Returns where each stands."""
    wanted = [image for image in dict.fromkeys(wanted) if image.small >= 0]
    cells: dict[ExaminedImage, Cell] = {}
    for start in range(0, len(wanted), SHEET):
        part = wanted[start : start + SHEET]
        path = Path(page).with_suffix(f".{start // SHEET + 1}.webp" if start else ".webp")
        found = write_sheet(made.pages.folder / path, path.name, [made.spool.get(p.small) for p in part])
        cells |= dict(zip(part, found, strict=True))
    return cells


def section_of_own(
    made: Made, node: Node, own: list[ExaminedImage], cells: dict[ExaminedImage, Cell], rows: Rows
) -> dict[str, Any]:
    total = sum(node.own.values())
    text = f"All {total:,}." if len(own) == total else f"{len(own):,} of {total:,}, chosen by a hash of their ids."
    if not made.content.images:
        text = f"{total:,} images, which are not in this folder."
    return {
        "title": "Images" if node.scale == "fine" else "Images without a finer label",
        "text": text,
        "shown": [item(image, cells, rows) for image in own if image in cells],
    }


def section_of_group(
    node: Node,
    start: int,
    below: list[Node],
    shown: list[list[ExaminedImage]],
    cells: dict[ExaminedImage, Cell],
    rows: Rows,
) -> dict[str, Any]:
    """The fine classes of a middle class that have no pages of their own, each with its images."""
    found = []
    for fine, of_fine in zip(below, shown, strict=True):
        items = [item(image, cells, rows, fine.name) for image in of_fine if image in cells] or [
            Item(caption=fine.name)
        ]
        text = f"{fine.id} · {plural(fine.total, 'image')}"
        found += [replace(items[0], anchor=f"fine-{fine.label}", text=text), *items[1:]]
    return {
        "title": f"Fine classes {start + 1:,} to {start + len(below):,} of {len(node.below):,}",
        "text": "Each with an image that is chosen by a hash of its id." if cells else "",
        "shown": found,
    }


def item(image: ExaminedImage, cells: dict[ExaminedImage, Cell], rows: Rows, caption: str = "") -> Item:
    """An image on a page; its facts go to ``rows``."""
    rows.append(list(image_facts(image)))
    return Item(image.image_id, len(rows) - 1, cells[image], caption)


def image_facts(image: ExaminedImage) -> Iterator[tuple[str, str]]:
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


def write_duplicates(made: Made) -> None:
    same = made.rejected.same
    kept = [made.shown.by_id[name] for name in same if name in made.shown.by_id]
    cells = sheet_of(made, "duplicates.html", kept)
    rows: Rows = []
    groups = []
    for name, dropped in same.items():
        image = made.shown.by_id.get(name)
        groups.append(
            {
                "kept": name,
                "same": dropped,
                "image": image,
                "item": item(image, cells, rows) if image in cells else Item(name),
            }
        )
    made.pages.write(
        "duplicates.html",
        "duplicates.html",
        "Duplicates",
        groups=groups,
        rows=rows,
        total=made.rejected.counts["duplicate"],
    )
