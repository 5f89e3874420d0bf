"""The figures of one run or of two as tables: metrics, what they may be compared with, the course, the settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from dmlkit.dataset.facts import DatasetFacts
from dmlkit.evaluation.metrics import METRICS
from dmlkit.schema.scales import SCALES
from dmlkit.training.neighbours import Search

LEVELS = ("ASI", "H-AP", "NDCG", "severity@1")
PUBLISHED = "run_published.tsv"
PUBLISHED_METRICS = ("ASI", "mAP", "R@1", "R@10", "R@20")
RELEASED = {
    "dyml-animal": {"fine": 495, "middle": 28, "coarse": 5},
    "dyml-vehicle": {"fine": 39_491, "middle": 93, "coarse": 5},
    "dyml-product": {"fine": 1_639, "middle": 171, "coarse": 36},
}
"""The training classes of the official releases: by these a whole one is known."""
CAVEATS = {
    "dyml-animal": "",
    "dyml-vehicle": "With the same loss and files others measured more than three times the R@1 of the paper's own "
    "table: take the lower rows as the aim.",
    "dyml-product": "HAPPIER's and MSA's ASI on Product are means of four numbers, and MSA's R@k those of a model for "
    "the fine scale alone: they are left out.",
}
NOTHING = "–"


@dataclass(frozen=True)
class Run:
    """A run as the pages show it. ``label`` names it on the page, and is empty where it is the only one.

    ``epoch`` epochs of it are done; ``history``, ``settings`` and ``dataset`` are those of its checkpoint, ``versions``
    and ``machine`` those of its run.json.
    """

    name: str
    label: str
    epoch: int
    history: list[dict[str, Any]]
    settings: dict[str, Any]
    dataset: dict[str, Any]
    versions: dict[str, Any]
    machine: dict[str, Any]
    searches: list[Search]
    metrics: dict[str, Any]

    @property
    def title(self) -> str:
        return self.label or self.name


def as_percent(value: float | None) -> str:
    """A metric in percent."""
    return NOTHING if value is None or math.isnan(value) else f"{100 * value:.1f}"


def format_change(before: float | None, after: float | None, factor: float = 100, digits: int = 1) -> str:
    """How much ``after`` is above ``before``, with its sign."""
    if before is None or after is None or math.isnan(before) or math.isnan(after):
        return NOTHING
    text = f"{factor * (after - before):+.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def metric_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """For each scale that the runs have, a line for each run, and with two their difference."""
    rows = []
    for scale in (*SCALES, "overall"):
        if scale not in runs[0].metrics:
            continue
        lines = [
            {"run": run.label, "cells": [as_percent(run.metrics[scale][name]) for name in METRICS], "difference": False}
            for run in runs
        ]
        if len(runs) > 1:
            cells = [format_change(*(run.metrics[scale][name] for run in runs)) for name in METRICS]
            lines.append({"run": "difference", "cells": cells, "difference": True})
        tally = runs[0].metrics["counts"].get(scale)
        counts = (
            [tally["queries"], tally["without_label"] + tally["without_positive"], tally["gallery"]] if tally else []
        )
        rows.append({"scale": scale, "lines": lines, "counts": counts})
    return rows


def map_cards(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The mAP of each scale, first of all that is said of runs, and with two their difference."""
    rows = []
    for scale in (*SCALES, "overall"):
        if scale in runs[0].metrics:
            values = [run.metrics[scale]["mAP"] for run in runs]
            difference = format_change(*values) if len(values) > 1 else ""
            rows.append({"scale": scale, "figures": [as_percent(v) for v in values], "difference": difference})
    return rows


def level_rows(runs: Sequence[Run]) -> list[list[str]]:
    """The metrics of all levels at once: a row for each run, and for their difference. Empty where there are none."""
    levels = [run.metrics["multilevel"] for run in runs]
    if not all(levels):
        return []
    rows = []
    for run, metrics in zip(runs, levels, strict=True):
        severity = metrics["severity@1"]
        cells = [as_percent(metrics[name]) for name in LEVELS[:3]]
        rows.append([run.label or "all levels", *cells, NOTHING if math.isnan(severity) else f"{severity:.2f}"])
    if len(runs) > 1:
        cells = [format_change(levels[0][name], levels[1][name]) for name in LEVELS[:3]]
        rows.append(["difference", *cells, format_change(levels[0]["severity@1"], levels[1]["severity@1"], 1, 2)])
    return rows


def compare_with_published(runs: Sequence[Run], facts: DatasetFacts | None) -> dict[str, Any]:
    """The published figures where they are of this test, and in ``why`` a sentence on what may be compared."""
    release = facts.release if facts is not None else None
    name = release.name if release is not None and release.official else ""
    if facts is None:
        why = "The dataset does not say how it was made, so published figures are not comparable."
    elif facts.source.name == "sample":
        why = (
            "The images are drawn. These figures can be compared with figures on the same dataset only: published "
            "ones are of photographs."
        )
    elif name not in RELEASED:
        why = (
            "Published figures are of the official DyML releases. This dataset has classes and images of its own, "
            "so they are not comparable."
        )
    elif runs[0].dataset["classes"] != RELEASED[name] or runs[0].dataset["holdout"]:
        ours, theirs = (
            ", ".join(f"{c[s]:,} {s}" for s in SCALES) for c in (runs[0].dataset["classes"], RELEASED[name])
        )
        why = (
            f"The run was trained on {ours} classes; the official release has {theirs}. Published figures are of the "
            "whole release, so they are not comparable."
        )
    else:
        return {"why": published_caveat(name, facts), "rows": published_rows(name, runs), "head": PUBLISHED_METRICS}
    return {"why": why, "rows": [], "head": PUBLISHED_METRICS}


def published_caveat(name: str, facts: DatasetFacts) -> str:
    """What a reader should know of the published figures beside those of a run."""
    lost = sum(count for status, count in facts.statuses.items() if status != "ok")
    parts = [
        "The dataset is the official release, so published figures are of the same test. They lose the first image "
        "of each list, and networks, their start and the size of images differ.",
        f"{lost:,} images of the release could not be read here." if lost else "",
        CAVEATS[name],
    ]
    return " ".join(part for part in parts if part)


def published_rows(name: str, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The runs, then the published figures: overall metrics in percent."""
    ours = [
        {
            "method": f"{run.label or 'this run'} ({run.settings['loss']})",
            "source": "",
            "cells": [as_percent(run.metrics.get("overall", {}).get(metric)) for metric in PUBLISHED_METRICS],
        }
        for run in runs
    ]
    lines = files("dmlkit.report").joinpath(PUBLISHED).read_text(encoding="utf-8").splitlines()
    head = lines[0].split("\t")
    table = [dict(zip(head, line.split("\t"), strict=True)) for line in lines[1:]]
    theirs = [
        {"method": row["method"], "source": row["source"], "cells": [row[m] or NOTHING for m in PUBLISHED_METRICS]}
        for row in table
        if row["dataset"] == name
    ]
    return ours + theirs


def history_charts(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The curves over the epochs, as the macro ``chart`` takes them: loss, mAP and R@1. None where nothing is known."""
    where = "classes held out" if any(run.settings["holdout"] for run in runs) else "test classes"
    charts = [loss_chart(runs)]
    charts += [metric_chart(runs, name, f"{name} in %, {where}") for name in ("mAP", "R@1")]
    return [chart for chart in charts if chart["spec"]["data"]]


def loss_chart(runs: Sequence[Run]) -> dict[str, Any]:
    lines = [
        trace(run, "loss", "@ink", [(e["epoch"], e["loss"]) for e in run.history], i) for i, run in enumerate(runs)
    ]
    last = [after_epoch(run, run.history[-1], format_loss(run.history[-1]["loss"])) for run in runs if run.history]
    return {
        "id": "loss",
        "title": "Training loss" + dash_note(runs),
        "finding": "; ".join(last)
        + "."
        + (" Losses of different kinds are on different measures." if have_other_losses(runs) else ""),
        "spec": {"data": [each for each in lines if each["x"]], "layout": chart_layout("loss", False, runs)},
        **epoch_table(runs, {"loss": lambda epoch: format_loss(epoch["loss"])}),
    }


def dash_note(runs: Sequence[Run]) -> str:
    return "; B is dashed" if len(runs) > 1 else ""


def after_epoch(run: Run, epoch: Mapping[str, Any], what: str) -> str:
    return f"{run.label + ': ' if run.label else ''}{what} after epoch {epoch['epoch']}"


def have_other_losses(runs: Sequence[Run]) -> bool:
    return len({run.settings["loss"] for run in runs}) > 1


def metric_chart(runs: Sequence[Run], metric: str, title: str) -> dict[str, Any]:
    """A metric at each scale over the epochs."""
    lines, last = [], []
    for i, run in enumerate(runs):
        measured = [epoch for epoch in run.history if epoch.get("metrics")]
        for scale in ("overall", *SCALES):
            values = [(e["epoch"], epoch_metric(e, scale, metric)) for e in measured]
            colour = "@ink" if scale == "overall" else f"@{scale}"
            points = [(epoch, 100 * value) for epoch, value in values if value is not None]
            if points:
                lines.append(trace(run, scale, colour, points, i))
        if measured:
            parts = [f"{s} {as_percent(epoch_metric(measured[-1], s, metric))}" for s in (*SCALES, "overall")]
            last.append(after_epoch(run, measured[-1], ", ".join(parts)))
    return {
        "id": "course-" + metric.lower().replace("@", ""),
        "title": title + dash_note(runs),
        "finding": "; ".join(last) + ".",
        "spec": {"data": lines, "layout": chart_layout(f"{metric} in %", True, runs)},
        **epoch_table(runs, {s: lambda e, s=s: as_percent(epoch_metric(e, s, metric)) for s in (*SCALES, "overall")}),
    }


def epoch_metric(epoch: Mapping[str, Any], scale: str, metric: str) -> float | None:
    value = ((epoch.get("metrics") or {}).get(scale) or {}).get(metric)
    return None if value is None or math.isnan(value) else float(value)


def format_loss(value: float | None) -> str:
    return NOTHING if value is None or math.isnan(value) else f"{value:.3f}"


def trace(run: Run, name: str, colour: str, points: Sequence[tuple[int, float | None]], number: int) -> dict[str, Any]:
    """A trace; that of a second run is dashed, has open marks and stands in the legend under the name of the first."""
    full = f"{name}, {'AB'[number]}" if run.label else name
    known = [(epoch, value) for epoch, value in points if value is not None and math.isfinite(value)]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "legendgroup": name,
        "showlegend": number == 0,
        "x": [epoch for epoch, _ in known],
        "y": [round(value, 4) for _, value in known],
        "line": {"color": colour, "dash": ("solid", "dash")[number], "width": 2.5 if name == "overall" else 1.75},
        "marker": {"size": 6, "symbol": ("circle", "square-open")[number]},
        "hovertemplate": f"{full}: %{{y:.2f}}<extra>epoch %{{x}}</extra>",
    }


def chart_layout(title: str, legend: bool, runs: Sequence[Run]) -> dict[str, Any]:
    epochs = max((epoch["epoch"] for run in runs for epoch in run.history), default=1)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, epochs) if 8 * step >= epochs)
    ticks = {"tick0": 0, "dtick": step, "title": {"text": "epoch"}}
    return {"xaxis": ticks, "yaxis": {"title": {"text": title}, "rangemode": "tozero"}, "showlegend": legend}


def epoch_table(runs: Sequence[Run], columns: Mapping[str, Any]) -> dict[str, Any]:
    """The table behind a chart: a row for each epoch, for each run the columns."""
    numbers = sorted({epoch["epoch"] for run in runs for epoch in run.history})
    by_epoch = [{epoch["epoch"]: epoch for epoch in run.history} for run in runs]
    head = [
        "epoch",
        *(f"{name}{', ' + 'AB'[i] if run.label else ''}" for i, run in enumerate(runs) for name in columns),
    ]
    rows = [
        [
            str(epoch),
            *(cell(epochs[epoch]) if epoch in epochs else NOTHING for epochs in by_epoch for cell in columns.values()),
        ]
        for epoch in numbers
    ]
    return {"head": head, "rows": rows}


def setting_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Every setting and its value in each run, and whether these differ."""
    flat = [
        {k: v for k, v in run.settings.items() if k != "loss_options"} | run.settings["loss_options"] for run in runs
    ]
    names = list(dict.fromkeys(name for settings in flat for name in settings))
    return [
        {
            "name": name.replace("_", " "),
            "cells": [setting_text(settings.get(name)) for settings in flat],
            "differ": differ,
        }
        for name in names
        for differ in [len({setting_text(settings.get(name)) for settings in flat}) > 1]
    ]


def setting_text(value: Any) -> str:
    """A setting for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(setting_text, value))
    return NOTHING if value is None or value == "" else str(value)
