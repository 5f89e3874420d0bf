"""A run and a dataset → a report: what the run is, how good it is, and what it finds. Two runs stand side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from dmlkit.dataset.facts import DatasetFacts
from dmlkit.errors import UsageError
from dmlkit.evaluation.metrics import METRICS
from dmlkit.report import site, thumbnails
from dmlkit.report.run import map, nearest
from dmlkit.report.run import tables as run_tables
from dmlkit.report.run.nearest import ImageKey, PageImages, ViewerFacts
from dmlkit.report.run.tables import Run
from dmlkit.report.site import Pages
from dmlkit.report.thumbnails import Cell
from dmlkit.schema.progress import Progress, no_count_progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.text import duration, plural, printable
from dmlkit.training import neighbours
from dmlkit.training.neighbours import Search
from dmlkit.training.runs import is_run, read_checkpoint_facts

NAV = (
    ("Run", "index.html"),
    ("Nearest images", "nearest.html"),
    ("Worst mistakes", "mistakes.html"),
    ("Confusion", "confusion.html"),
    ("Map", "map.html"),
)
NAV_OF_TWO = (("Runs", "index.html"), *NAV[1:])


def write_run_report(
    run: Path, dataset: str, out: Path, other: Path | None = None, progress: Progress = no_progress
) -> site.ReportSummary:
    """Write the report of a run on a dataset folder or repository, with ``other`` of two runs, into ``out``.

    Raises `UsageError` for a folder that is not a run, a dataset without a test set, and if torch is missing;
    `RunError` for a run of another dataset; `OutputError` if ``out`` holds something else or cannot be written.
    """
    folders = [run] if other is None else [run, other]
    with site.replace_report(out, Path(dataset), *folders) as target:
        states = check_runs(folders, dataset)
        labels = [""] if other is None else [f"{'AB'[i]} · {run_name(folder)}" for i, folder in enumerate(folders)]
        runs = [read_run(*each, dataset, progress) for each in zip(folders, states, labels, strict=True)]
        name = Path(dataset).resolve().name if Path(dataset).is_dir() else dataset
        title = " and ".join(each.name for each in runs) + f" on {name}"
        pages = Pages(target.path, title, NAV if other is None else NAV_OF_TWO)
        write_overview(pages, runs, name, neighbours.read_build_facts(dataset))
        images = write_nearest(pages, runs, dataset, progress) + write_mistakes(pages, runs, dataset, progress)
        write_confusion(pages, runs)
        write_maps(pages, runs, progress)
        pages.finish("run")
        summary = pages.summarize(out, images)
        target.commit(no_count_progress)
    return summary


def run_name(folder: Path) -> str:
    return folder.resolve().name


def check_runs(folders: Sequence[Path], dataset: str) -> list[dict[str, Any]]:
    """What the checkpoints of the runs say. What cannot be reported is searches before anything is embedded."""
    if is_run(Path(dataset)):
        raise UsageError(
            f"{printable(dataset)} is a run, not a dataset",
            code="report.run-as-dataset",
            hint="dmlkit report RUN DATASET OTHER_RUN",
            path=dataset,
        )
    states = [read_checkpoint_facts(folder) for folder in folders]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UsageError(
            f"{folders[0]} and {folders[1]} are the same run",
            code="report.same-run",
            hint="name another one, or only one",
            runs=tuple(folders),
        )
    if len({state["dataset"]["content"] for state in states}) > 1:
        names = [printable(state["dataset"]["name"]) for state in states]
        raise UsageError(
            f"{folders[0]} and {folders[1]} were trained on different datasets, {names[0]} and {names[1]}",
            code="report.different-datasets",
            runs=tuple(folders),
            hint="compare runs on the same dataset, or report each by itself",
        )
    return states


def read_run(folder: Path, state: Mapping[str, Any], label: str, dataset: str, progress: Progress) -> Run:
    """Read a run and search the test sets with it. Facts that only run.json has are left out if it cannot be read."""
    searches = neighbours.search_test_sets(folder, dataset, progress)
    try:
        record = json.loads((folder / "run.json").read_bytes())
        versions, machine = dict(record["versions"]), dict(record["machine"])
    except (OSError, ValueError, KeyError, TypeError):
        versions, machine = {}, {}
    return Run(
        name=printable(run_name(folder)),
        label=printable(label),
        epoch=state["epoch"],
        history=state["history"],
        settings=state["settings"],
        dataset=state["dataset"],
        versions=versions,
        machine=machine,
        searches=searches,
        metrics=neighbours.merge_metrics(searches),
    )


def test_sets(runs: Sequence[Run]) -> list[tuple[str, list[Search]]]:
    """Pair the test sets: the title of each, empty if it is the only one, and its search by each run."""
    sets = zip(*(run.searches for run in runs), strict=True)
    return [
        (f"Test set of the {searches[0].scale} scale" if searches[0].scale else "", list(searches)) for searches in sets
    ]


def write_overview(pages: Pages, runs: Sequence[Run], dataset: str, facts: DatasetFacts | None) -> None:
    pages.write(
        "index.html",
        "run.html",
        "Runs" if len(runs) > 1 else "Run",
        charts=True,
        runs=[describe_run(run) for run in runs],
        dataset=dataset,
        drawn=facts is not None and facts.source.name == "sample",
        cards=run_tables.map_cards(runs),
        metric_names=METRICS,
        metric_rows=run_tables.metric_rows(runs),
        level_names=run_tables.LEVELS,
        level_rows=run_tables.level_rows(runs),
        comparison=run_tables.compare_with_published(runs, facts),
        course=run_tables.history_charts(runs),
        settings=run_tables.setting_rows(runs),
    )


def describe_run(run: Run) -> dict[str, Any]:
    """Describe a run as the template lists it."""
    settings, trained = run.settings, run.dataset
    crop = settings["crop_px"]
    seconds = sum(epoch["seconds"] for epoch in run.history)
    counts = ", ".join(f"{trained['classes'][scale]:,} {scale}" for scale in SCALES)
    facts = {
        "Loss": settings["loss"],
        "Network": f"{settings['model']}, {settings['embedding_dim']} dimensions, images of {crop} × {crop} pixels",
        "Epochs": f"{run.epoch} of {settings['epochs']}"
        + ("" if run.epoch == settings["epochs"] else ": the run is not finished"),
        "Trained on": f"{trained['images']:,} images of {counts} classes",
        "Held out": f"{trained['holdout']:,} training images" if trained["holdout"] else "",
        "Dataset": trained["name"],
        "Content": trained["content"] or "unknown",
        "Seed": str(settings["seed"]),
        "Time": f"{duration(seconds)}, evaluations included",
        "Machine": machine_text(run.machine),
        "Versions": ", ".join(f"{name} {number}" for name, number in run.versions.items() if number),
    }
    return {
        "name": run.name,
        "label": run.label,
        "loss": settings["loss"],
        "epoch": run.epoch,
        "epochs": settings["epochs"],
        "shuffled": settings["shuffle_labels"],
        "facts": [(name, text) for name, text in facts.items() if text],
    }


def machine_text(facts: Mapping[str, Any]) -> str:
    if not facts:
        return "not known: run.json cannot be read"
    parts = [str(facts.get(name) or "") for name in ("system", "device")]
    counts = [(facts.get(f"{name}s"), name) for name in ("core", "thread")] + [(facts.get("processes"), "process")]
    parts += [plural(number, name) for number, name in counts if number]
    return ", ".join(part for part in parts if part)


def write_nearest(pages: Pages, runs: Sequence[Run], dataset: str, progress: Progress) -> int:
    """Write the page of queries and what is nearest to them. Returns the number of small images."""
    rows: ViewerFacts = []
    tests: list[dict[str, Any]] = []
    images = 0
    most = nearest.MAX_QUERIES // len(runs[0].searches)
    for number, (title, searches) in enumerate(test_sets(runs)):
        scale = nearest.group_scale(searches[0])
        queries = nearest.select_queries(searches[0].query, scale, most)
        places = nearest.images_to_show(searches, queries, neighbours.NEAREST)
        page_images = PageImages(
            write_sheets(pages.folder, f"nearest-{number}", dataset, searches[0].scale, places, progress), rows
        )
        images += len(places)
        groups = group_queries([describe_query(page_images, runs, searches, query, scale) for query in queries])
        tests.append(
            {"title": title, "scale": searches[0].scale, "groups": groups, "first": first_match_rows(runs, searches)}
        )
    pages.write(
        "nearest.html",
        "run_nearest.html",
        "Nearest images",
        tests=tests,
        rows=rows,
        each=nearest.QUERIES_PER_CLASS,
        matches=nearest.MATCHES,
    )
    return images


def write_mistakes(pages: Pages, runs: Sequence[Run], dataset: str, progress: Progress) -> int:
    """Write the page of queries whose nearest image is of another class. Returns the number of small images."""
    rows: ViewerFacts = []
    images = 0
    tests: list[dict[str, Any]] = []
    for number, (title, searches) in enumerate(test_sets(runs)):
        worst = [nearest.worst_mistakes(search) for search in searches]
        places = [
            nearest.images_to_show([search], mistakes.rows, 1) for search, mistakes in zip(searches, worst, strict=True)
        ]
        wanted = list(dict.fromkeys(place for part in places for place in part))
        page_images = PageImages(
            write_sheets(pages.folder, f"mistakes-{number}", dataset, searches[0].scale, wanted, progress), rows
        )
        images += len(wanted)
        lists = [
            {
                "run": run.label,
                "pairs": [
                    (page_images.query(search, row), page_images.neighbour(search, row, 0)) for row in mistakes.rows
                ],
                "number": mistakes.number,
                "of": mistakes.num_known,
            }
            for run, search, mistakes in zip(runs, searches, worst, strict=True)
        ]
        tests.append({"title": title, "scale": SCALES[nearest.group_scale(searches[0])], "lists": lists})
    pages.write(
        "mistakes.html",
        "run_mistakes.html",
        "Worst mistakes",
        tests=tests,
        rows=rows,
        two=len(runs) > 1,
    )
    return images


def write_sheets(
    folder: Path, stem: str, dataset: str, scale: str | None, places: Sequence[ImageKey], progress: Progress
) -> dict[ImageKey, Cell]:
    """Write small images of a test set into sheets of the report. Returns where each stands."""
    small = read_images(dataset, scale, places, progress)
    return nearest.write_sheets(folder, stem, {place: small[place] for place in places})


def read_images(
    dataset: str, scale: str | None, wanted: Sequence[ImageKey], progress: Progress
) -> dict[ImageKey, Image.Image]:
    """Read small images of a test set, by split and row."""
    images: dict[ImageKey, Image.Image] = {}
    for split in ("query", "gallery"):
        rows = [row for side, row in wanted if side == split]
        for row, data in neighbours.iter_images(dataset, scale, split, rows):
            images[split, row] = thumbnails.make_thumbnail(data)
            progress("images", len(images), len(wanted), "images")
    return images


def describe_query(
    page_images: PageImages, runs: Sequence[Run], searches: Sequence[Search], query: int, scale: int
) -> dict[str, Any]:
    """Describe a query with the results of each run."""
    described = page_images.query(searches[0], query)
    lists = []
    for run, search in zip(runs, searches, strict=True):
        ranks = [rank for rank, row in enumerate(search.nearest[query].tolist()) if row >= 0]
        lists.append({"run": run.label, "found": [page_images.neighbour(search, query, rank) for rank in ranks]})
    labels = searches[0].query
    return described | {"group": labels.names[SCALES[scale]][labels.labels[query, scale]], "lists": lists}


def group_queries(queries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Group the queries by the class that they were selected for, in their order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for query in queries:
        groups.setdefault(query["group"], []).append(query)
    return [{"name": name, "queries": members} for name, members in groups.items()]


def first_match_rows(runs: Sequence[Run], searches: Sequence[Search]) -> list[dict[str, Any]]:
    """Count for each run at which scale the nearest images of all queries match."""
    rows = []
    for run, search in zip(runs, searches, strict=True):
        counts = nearest.first_matches(search)
        total = sum(counts.values())
        shares = {kind: f"{counts[kind] / max(total, 1):.1%}" for kind in nearest.MATCHES}
        rows.append({"run": run.label, "total": total, "shares": shares})
    return rows


def write_confusion(pages: Pages, runs: Sequence[Run]) -> None:
    """Write the page of coarse classes of queries and of their nearest images, for the test set with these labels."""
    able = [searches for _, searches in test_sets(runs) if searches[0].scale in (None, "coarse")]
    tables = [
        {"run": run.label, "name": run.title, "table": nearest.count_confusions(search)}
        for run, search in (zip(runs, able[0], strict=True) if able else ())
    ]
    pages.write("confusion.html", "run_confusion.html", "Confusion", tables=tables, most=nearest.MAX_MATRIX_CLASSES)


def write_maps(pages: Pages, runs: Sequence[Run], progress: Progress) -> None:
    tests = []
    for number, (title, searches) in enumerate(test_sets(runs)):
        scales = [searches[0].scale] if searches[0].scale else list(SCALES)
        maps: list[dict[str, Any]] = []
        first = None
        for run, search, letter in zip(runs, searches, "ab", strict=False):
            progress("map", len(maps), len(searches), "maps")
            placed = map.map_embeddings(search.points.vectors, first)
            first = placed.xy if first is None else first
            maps.append(map.describe_map(search.points, placed, searches[0].query.names, scales))
            maps[-1] |= {"id": f"map-{number}-{letter}", "run": run.label}
        points = searches[0].points
        tests.append(
            {"title": title, "scales": scales, "maps": maps, "shown": len(points.ids), "of": points.num_images}
        )
    pages.write("map.html", "run_map.html", "Map", charts=True, tests=tests)
