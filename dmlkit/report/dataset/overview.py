"""The report of a dataset folder: what it is, its classes down to their images, and what is not in it and why."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dmlkit import terms
from dmlkit.dataset.facts import CoverageFacts
from dmlkit.dataset.folder import FIGURE, DatasetFolder
from dmlkit.errors import UnreadableDatasetError
from dmlkit.report.dataset import charts, classes, rejected
from dmlkit.report.dataset import images as images
from dmlkit.report.dataset.class_pages import write_class_page, write_duplicates
from dmlkit.report.dataset.classes import Node, ReportTree
from dmlkit.report.dataset.content import ReportContent
from dmlkit.report.site import Pages, ReportSummary, replace_report
from dmlkit.report.thumbnails import Spool
from dmlkit.schema.progress import Progress, no_count_progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import STATUSES
from dmlkit.text import percent

# A split is short of a class with fewer images, or with fewer than a quarter of what is usual in it.
MIN_IMAGES = 5


def write_dataset_report(
    folder: Path, out: Path, per_class: int | None = None, progress: Progress = no_progress
) -> ReportSummary:
    """Write the report of the dataset in ``folder`` to ``out``, which appears whole or not at all.

    ``per_class`` small images of each class are shown at most; None chooses a number that keeps the report small.
    The same dataset gives the same bytes. Raises `UsageError` where there is no dataset that can be read, or
    ``out`` lies in it, `OutputError` where ``out`` holds something else or cannot be written.
    """
    tree = classes.read_tree(folder)
    with replace_report(out, folder) as target, tempfile.TemporaryFile(prefix="dmlkit-report-") as file:
        refused = rejected.summarize_rejected(tree.dataset)
        shown = images.count_and_select(tree, per_class, set(refused.duplicates), progress)
        classes.add_up_counts(tree.roots)
        classes.assign_pages(tree)
        spool = Spool(file)
        num_bytes = images.read_thumbnails(tree, shown, spool, progress)
        nav = [("Overview", "index.html"), ("Classes", "classes.html"), ("Rejected", "rejected.html")]
        nav += [("Duplicates", "duplicates.html")] if refused.duplicates else []
        pages = Pages(target.path, tree.dataset.title, nav, "static/classes.js")
        report = ReportContent(tree, shown, refused, num_bytes, spool, pages)
        write_pages(report, progress)
        pages.finish("dataset")
        pages.script("static/classes.js", "dmlkitClasses", list(classes.search_rows(tree)))
        summary = pages.summarize(out, len(shown.all) if tree.images else 0)
        target.commit(no_count_progress)
    return summary


def write_pages(report: ReportContent, progress: Progress) -> None:
    write_overview(report)
    tree, grouped = report.tree, report.grouped
    report.pages.write(
        "classes.html",
        "classes.html",
        "Classes",
        charts=bool(len(report.shown.sizes)),
        content=tree,
        grouped=grouped,
        sunburst=charts.sunburst_chart(tree, tree.dataset.title) if len(report.shown.sizes) else None,
    )
    nodes = [node for scale in SCALES for node in tree.at_scale(scale) if "#" not in node.page]
    done = 0
    for scale in SCALES:
        same = [node for node in nodes if node.scale == scale]
        for before, node, after in zip([None, *same], same, [*same[1:], None], strict=False):
            write_class_page(report, node, page_link(before), page_link(after))
            done += 1
            progress("pages", done, len(nodes), "classes")
    report.pages.write(
        "rejected.html",
        "rejected.html",
        "Rejected candidates",
        summary=report.rejected,
        meanings={status.name: status.meaning for status in STATUSES},
        kept=tree.dataset.facts.statuses.get("ok", 0),
    )
    if report.rejected.duplicates:
        write_duplicates(report)


def page_link(node: Node | None) -> tuple[str, str] | None:
    return (node.name, node.page) if node else None


def write_overview(report: ReportContent) -> None:
    tree, dataset, shown = report.tree, report.tree.dataset, report.shown
    nodes_by_scale = {scale: [node for node in tree.at_scale(scale) if node.total] for scale in SCALES}
    figures = []
    if len(shown.sizes):
        figures = [charts.images_by_coarse(tree)]
        figures += [charts.images_by_class(nodes_by_scale["fine"])] if nodes_by_scale["fine"] else []
        figures += [charts.size_chart(shown.sizes), charts.shape_chart(shown.sizes)]
        figures += [charts.length_chart(report.num_bytes)] if len(report.num_bytes) else []
        figures.sort(key=lambda chart: chart["spec"] is None)  # what is only a sentence comes last
    figure = dataset.files().get(FIGURE)
    if figure is not None:
        shutil.copyfile(figure, report.pages.folder / FIGURE)
    report.pages.write(
        "index.html",
        "overview.html",
        tree.dataset.title,
        charts=bool(figures),
        description=str(dataset.facts.manifest.settings.get("description") or ""),
        drawn=dataset.source == "sample",
        images=tree.images,
        figure=figure is not None,
        total=len(shown.sizes),
        classes={scale: len(nodes) for scale, nodes in nodes_by_scale.items()},
        rejected=sum(report.rejected.counts.values()),
        facts=list(dataset_facts(tree)),
        splits=[
            [
                split,
                sum(root.counts[split] for root in tree.roots),
                *(count_with_split(nodes_by_scale[s], split) for s in SCALES),
            ]
            for split in tree.splits
        ],
        coverage=[coverage_row(dataset.facts.coverage[scale], scale) for scale in SCALES],
        missing=list(dataset.facts.missing),
        short=short_classes(tree, nodes_by_scale["fine"]),
        few=MIN_IMAGES,
        charts_shown=figures,
        terms=terms.load_or_unknown(dataset.source),
        licenses=[[name or "not stated for the image", n] for name, n in shown.licenses.most_common()],
        authors=shown.authors,
    )


def dataset_facts(tree: ReportTree) -> Iterator[tuple[str, str]]:
    """Describe the dataset as pairs of name and text; facts that its files do not state are left out."""
    dataset = tree.dataset
    facts, source_terms = dataset.facts, terms.load_or_unknown(dataset.source)
    yield "Dataset", f"{dataset.name} {dataset.version}"
    yield "Source", f"{source_terms.title} ({dataset.source})"
    yield "Licence", source_terms.license
    if source_terms.url.startswith(("http://", "https://")):
        yield "Terms", source_terms.url
    if dataset.layout != "split":
        yield "Layout", dataset.layout
    if content_hash := read_content_hash(dataset):
        yield "ReportTree", content_hash
    if facts.started:
        yield "Built", facts.started.replace("T", " ").replace("Z", " UTC")
    yield "By", f"dmlkit {facts.dmlkit}"
    if facts.options.get("limit"):
        yield "Limit", f"{facts.options['limit']} images of each label and class"
    if facts.resizing:
        yield "ReportContent smaller", facts.resizing


def read_content_hash(dataset: DatasetFolder) -> str:
    """Read the hash over the files of images and classes from the card; empty if the card cannot be read."""
    try:
        return dataset.content_hash
    except UnreadableDatasetError:  # a card is anybody's text: without it the page lacks a line
        return ""


def count_with_split(nodes: list[Node], split: str) -> int:
    return sum(1 for node in nodes if node.counts[split])


def coverage_row(coverage: CoverageFacts, scale: str) -> list[Any]:
    share = percent(coverage.covered / coverage.total) if coverage.total else ""
    return [scale, coverage.covered, coverage.total, share, f"at least {coverage.minimum:.0%}"]


def short_classes(tree: ReportTree, nodes: list[Node]) -> list[tuple[Node, str, int]]:
    """List fine classes with few images in a split of theirs, with the split and their number, fewest first.

    A test class is in query and gallery, also where it has no image left for one of them.
    """
    short = []
    for split in tree.splits:
        both = tree.dataset.layout == "split" and split in SPLITS[1:]
        members = [node for node in nodes if node.counts[split] or (both and node.split == "test")]
        usual = float(np.median([node.counts[split] for node in members])) if members else 0.0
        least = usual / 4 if split.endswith("query") else max(MIN_IMAGES, usual / 4)
        short += [(node, split, node.counts[split]) for node in members if node.counts[split] < least]
    return sorted(short, key=lambda item: item[2])
