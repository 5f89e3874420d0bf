"""A run and a dataset → a report: what the run is, how good it is, and what it finds. Two runs stand side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from dmlkit.errors import UsageError
from dmlkit.evaluation.metrics import METRICS
from dmlkit.report import site, thumbnails
from dmlkit.report.run import map, nearest
from dmlkit.report.run import tables as run_tables
from dmlkit.report.run.nearest import Facts, Place, Shown
from dmlkit.report.run.tables import Run
from dmlkit.report.site import Pages
from dmlkit.report.thumbnails import Cell
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.text import duration, plural, printable
from dmlkit.training import neighbours
from dmlkit.training.evaluate_run import is_run
from dmlkit.training.neighbours import Search

NAV = (
    ("Run", "index.html"),
    ("Nearest images", "nearest.html"),
    ("Worst mistakes", "mistakes.html"),
    ("Confusion", "confusion.html"),
    ("Map", "map.html"),
)
NAV_OF_TWO = (("Runs", "index.html"), *NAV[1:])


def report(run: Path, dataset: str, out: Path, other: Path | None = None, notify: Progress = no_progress) -> site.Facts:
    """Write the report of a run on a dataset folder or repository, with ``other`` of two runs, into ``out``.

    Raises `UsageError` for what is no run, a dataset without a test and where torch is missing, `RunError` for a run
    of another dataset, `OutputError` where ``out`` holds something else or cannot be written.
    """
    folders = [run] if other is None else [run, other]
    with site.replacement(out, Path(dataset), *folders) as target:
        states = checked(folders, dataset)
        labels = [""] if other is None else [f"{'AB'[i]} · {name_of(folder)}" for i, folder in enumerate(folders)]
        runs = [read(*each, dataset, notify) for each in zip(folders, states, labels, strict=True)]
        name = Path(dataset).resolve().name if Path(dataset).is_dir() else dataset
        title = " and ".join(each.name for each in runs) + f" on {name}"
        pages = Pages(target.path, title, NAV if other is None else NAV_OF_TWO)
        write_overview(pages, runs, name, neighbours.built(dataset))
        images = write_nearest(pages, runs, dataset, notify) + write_mistakes(pages, runs, dataset, notify)
        write_confusion(pages, runs)
        write_maps(pages, runs, notify)
        pages.finish("run")
        facts = pages.facts(out, images)
        target.keep(lambda done, total: None)
    return facts


def name_of(folder: Path) -> str:
    return folder.resolve().name


def checked(folders: Sequence[Path], dataset: str) -> list[dict[str, Any]]:
    """What the checkpoints of the runs say. What cannot be reported is found before anything is embedded."""
    if is_run(Path(dataset)):
        raise UsageError(f"{printable(dataset)} is a run, not a dataset", hint="dmlkit report RUN DATASET OTHER_RUN")
    states = [neighbours.state_of(folder) for folder in folders]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UsageError(f"{folders[0]} and {folders[1]} are the same run", hint="name another one, or only one")
    if len({state["dataset"]["content"] for state in states}) > 1:
        names = [printable(state["dataset"]["name"]) for state in states]
        raise UsageError(
            f"{folders[0]} and {folders[1]} were trained on different datasets, {names[0]} and {names[1]}",
            hint="compare runs on the same dataset, or report each by itself",
        )
    return states


def read(folder: Path, state: Mapping[str, Any], label: str, dataset: str, notify: Progress) -> Run:
    """A run and what it finds. What run.json alone knows is left out where that cannot be read."""
    found = neighbours.searches(folder, dataset, notify)
    try:
        told = json.loads((folder / "run.json").read_bytes())
        versions, machine = dict(told["versions"]), dict(told["machine"])
    except (OSError, ValueError, KeyError, TypeError):
        versions, machine = {}, {}
    return Run(
        name=printable(name_of(folder)),
        label=printable(label),
        epoch=state["epoch"],
        history=state["history"],
        settings=state["settings"],
        dataset=state["dataset"],
        versions=versions,
        machine=machine,
        searches=found,
        metrics=neighbours.merged(found),
    )


def sections(runs: Sequence[Run]) -> list[tuple[str, list[Search]]]:
    """The test sets: the title of each, empty where there is one only, and its search by each run."""
    each = zip(*(run.searches for run in runs), strict=True)
    return [(f"Test set of the {found[0].scale} scale" if found[0].scale else "", list(found)) for found in each]


def write_overview(pages: Pages, runs: Sequence[Run], dataset: str, build: Mapping[str, Any]) -> None:
    source = (build.get("source") or {}).get("name")
    pages.write(
        "index.html",
        "run.html",
        "Runs" if len(runs) > 1 else "Run",
        charts=True,
        runs=[run_facts(run) for run in runs],
        dataset=dataset,
        drawn=source == "sample",
        cards=run_tables.cards(runs),
        metric_names=METRICS,
        metric_rows=run_tables.metric_rows(runs),
        level_names=run_tables.LEVELS,
        level_rows=run_tables.level_rows(runs),
        comparison=run_tables.comparison(runs, build),
        course=run_tables.course(runs),
        settings=run_tables.setting_rows(runs),
    )


def run_facts(run: Run) -> dict[str, Any]:
    """What a run is, as the template lists it."""
    of, trained = run.settings, run.dataset
    seconds = sum(epoch["seconds"] for epoch in run.history)
    counts = ", ".join(f"{trained['classes'][scale]:,} {scale}" for scale in SCALES)
    facts = {
        "Loss": of["loss"],
        "Network": f"{of['model']}, {of['embedding']} dimensions, images of {of['size']} × {of['size']} pixels",
        "Epochs": f"{run.epoch} of {of['epochs']}" + ("" if run.epoch == of["epochs"] else ": the run is not finished"),
        "Trained on": f"{trained['images']:,} images of {counts} classes",
        "Held back": f"{trained['held_back']:,} training images" if trained["held_back"] else "",
        "Dataset": trained["name"],
        "Content": trained["content"] or "unknown",
        "Seed": str(of["seed"]),
        "Time": f"{duration(seconds)}, evaluations included",
        "Machine": machine(run.machine),
        "Versions": ", ".join(f"{name} {number}" for name, number in run.versions.items() if number),
    }
    return {
        "name": run.name,
        "label": run.label,
        "loss": of["loss"],
        "epoch": run.epoch,
        "epochs": of["epochs"],
        "shuffled": of["shuffle_labels"],
        "facts": [(name, text) for name, text in facts.items() if text],
    }


def machine(facts: Mapping[str, Any]) -> str:
    if not facts:
        return "not known: run.json cannot be read"
    parts = [str(facts.get(name) or "") for name in ("system", "device")]
    counts = [(facts.get(f"{name}s"), name) for name in ("core", "thread")] + [(facts.get("processes"), "process")]
    parts += [plural(number, name) for number, name in counts if number]
    return ", ".join(part for part in parts if part)


def write_nearest(pages: Pages, runs: Sequence[Run], dataset: str, notify: Progress) -> int:
    """Write the page of queries and what is nearest to them. Returns the number of small images."""
    rows: Facts = []
    tests: list[dict[str, Any]] = []
    images = 0
    most = nearest.MOST_QUERIES // len(runs[0].searches)
    for number, (title, found) in enumerate(sections(runs)):
        scale = nearest.group_scale(found[0])
        queries = nearest.chosen(found[0].query, scale, most)
        places = nearest.places(found, queries, neighbours.NEAREST)
        shown = Shown(write_sheets(pages.folder, f"nearest-{number}", dataset, found[0].scale, places, notify), rows)
        images += len(places)
        groups = grouped([of_query(shown, runs, found, query, scale) for query in queries])
        tests.append({"title": title, "scale": found[0].scale, "groups": groups, "first": first_rows(runs, found)})
    pages.write(
        "nearest.html",
        "run_nearest.html",
        "Nearest images",
        tests=tests,
        rows=rows,
        each=nearest.OF_EACH_CLASS,
        matches=nearest.MATCHES,
    )
    return images


def write_mistakes(pages: Pages, runs: Sequence[Run], dataset: str, notify: Progress) -> int:
    """Write the page of queries whose nearest image is of another class. Returns the number of small images."""
    rows: Facts = []
    images = 0
    tests: list[dict[str, Any]] = []
    for number, (title, found) in enumerate(sections(runs)):
        worst = [nearest.mistakes(search) for search in found]
        places = [nearest.places([search], of.rows, 1) for search, of in zip(found, worst, strict=True)]
        wanted = list(dict.fromkeys(place for part in places for place in part))
        shown = Shown(write_sheets(pages.folder, f"mistakes-{number}", dataset, found[0].scale, wanted, notify), rows)
        images += len(wanted)
        lists = [
            {
                "run": run.label,
                "pairs": [(shown.asked(search, row), shown.found(search, row, 0)) for row in of.rows],
                "number": of.number,
                "of": of.of,
            }
            for run, search, of in zip(runs, found, worst, strict=True)
        ]
        tests.append({"title": title, "scale": SCALES[nearest.group_scale(found[0])], "lists": lists})
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
    folder: Path, stem: str, dataset: str, scale: str | None, places: Sequence[Place], notify: Progress
) -> dict[Place, Cell]:
    """Write small images of a test set into sheets of the report. Returns where each stands."""
    small = read_images(dataset, scale, places, notify)
    return nearest.write_sheets(folder, stem, {place: small[place] for place in places})


def read_images(dataset: str, scale: str | None, wanted: Sequence[Place], notify: Progress) -> dict[Place, Image.Image]:
    """Small images of a test set, by split and row."""
    found: dict[Place, Image.Image] = {}
    for split in ("query", "gallery"):
        rows = [row for of, row in wanted if of == split]
        for row, data in neighbours.images(dataset, scale, split, rows):
            found[split, row] = thumbnails.small(data)
            notify("images", len(found), len(wanted), "images")
    return found


def of_query(shown: Shown, runs: Sequence[Run], found: Sequence[Search], query: int, scale: int) -> dict[str, Any]:
    """A query with what each run finds."""
    asked = shown.asked(found[0], query)
    lists = []
    for run, search in zip(runs, found, strict=True):
        ranks = [rank for rank, row in enumerate(search.nearest[query].tolist()) if row >= 0]
        lists.append({"run": run.label, "found": [shown.found(search, query, rank) for rank in ranks]})
    labels = found[0].query
    return asked | {"group": labels.names[SCALES[scale]][labels.labels[query, scale]], "lists": lists}


def grouped(queries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The queries by the class that they were chosen for, in their order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for query in queries:
        groups.setdefault(query["group"], []).append(query)
    return [{"name": name, "queries": of} for name, of in groups.items()]


def first_rows(runs: Sequence[Run], found: Sequence[Search]) -> list[dict[str, Any]]:
    """For each run, how often the nearest image of all queries matches at which scale."""
    rows = []
    for run, search in zip(runs, found, strict=True):
        counts = nearest.first_matches(search)
        total = sum(counts.values())
        shares = {kind: f"{counts[kind] / max(total, 1):.1%}" for kind in nearest.MATCHES}
        rows.append({"run": run.label, "total": total, "shares": shares})
    return rows


def write_confusion(pages: Pages, runs: Sequence[Run]) -> None:
    """The coarse classes of the queries and of what is nearest to them, of the test set that has these labels."""
    able = [found for _, found in sections(runs) if found[0].scale in (None, "coarse")]
    tables = [
        {"run": run.label, "name": run.title, "table": nearest.confusion(search)}
        for run, search in (zip(runs, able[0], strict=True) if able else ())
    ]
    pages.write("confusion.html", "run_confusion.html", "Confusion", tables=tables, most=nearest.MOST_CLASSES)


def write_maps(pages: Pages, runs: Sequence[Run], notify: Progress) -> None:
    tests = []
    for number, (title, found) in enumerate(sections(runs)):
        scales = [found[0].scale] if found[0].scale else list(SCALES)
        maps: list[dict[str, Any]] = []
        first = None
        for run, search, letter in zip(runs, found, "ab", strict=False):
            notify("map", len(maps), len(found), "maps")
            placed = map.place(search.points.vectors, first)
            first = placed.xy if first is None else first
            maps.append(map.described(search.points, placed, found[0].query.names, scales))
            maps[-1] |= {"id": f"map-{number}-{letter}", "run": run.label}
        points = found[0].points
        tests.append({"title": title, "scales": scales, "maps": maps, "shown": len(points.ids), "of": points.of})
    pages.write("map.html", "run_map.html", "Map", charts=True, tests=tests)
