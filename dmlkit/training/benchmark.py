"""Methods × seeds on one dataset, and the table that compares them.

Every run is a folder as `dmlkit train` makes it, so a benchmark that was stopped goes on where it was, and each number
of its table can be looked into.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from dmlkit.errors import UsageError
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage import executor
from dmlkit.text import printable
from dmlkit.training import losses, runs
from dmlkit.training.runs import Machine, Settings, write_whole

VARIANTS: dict[str, dict[str, Any]] = {
    "3k": {"batch": "paper"},
    "sum": {"batch": "full"},
    "fine": {"scales": ("fine",), "batch": "full"},
}
"""How a loss for one scale is used: as in the paper's baseline, a third of the batch for each scale; as the sum of
three losses on the whole batch; or by the specialist, on fine labels alone."""

METHODS = (*losses.CROSS_SCALE, *(f"{loss}-{variant}" for loss in losses.MULTI_SCALE for variant in VARIANTS))
MAIN = (*losses.CROSS_SCALE, "softmax-fine", "softmax-3k", "softmax-sum", "cosface-fine", "cosface-3k", "cosface-sum")
SHOWN = ("ASI", "mAP", "R@1", "R@10", "R@20")
GROUPS = (*SCALES, "overall")


@dataclass(frozen=True)
class Item:
    """One run of the benchmark."""

    method: str
    dataset: str
    settings: Settings
    out: Path
    machine: Machine


def settings_of(method: str, given: Mapping[str, Any]) -> Settings:
    """The settings of a method: ``csl``, or a loss and a variant as in ``softmax-3k``. Raises `UsageError`."""
    if method in losses.CROSS_SCALE:
        return runs.settings({**given, "loss": method})
    loss, _, variant = method.rpartition("-")
    if loss not in losses.MULTI_SCALE or variant not in VARIANTS:
        raise UsageError(f"{printable(method)} is no method", hint=", ".join(METHODS))
    return runs.settings({**given, "loss": loss}, VARIANTS[variant])


def benchmark(
    dataset: str,
    methods: Sequence[str],
    seeds: int,
    given: Mapping[str, Any],
    out: Path,
    machine: Machine,
    jobs: int,
    notify: Progress = no_progress,
) -> dict[str, Any]:
    """Train each method with the seeds 0, 1, ... and write the tables into ``out``. Returns what they say.

    ``given`` are settings of all runs, see `dmlkit.training.runs.Settings`; ``jobs`` runs go on at a time. The mapping
    has for each method and scale the mean and the deviation over the seeds of each metric. Raises what training does.
    """
    items = [
        Item(method, dataset, settings_of(method, {**given, "seed": seed}), out / f"{method}-{seed}", machine)
        for seed in range(seeds)
        for method in dict.fromkeys(methods)
    ]
    if not items:
        raise UsageError("no method was named", hint=f"--methods {','.join(MAIN)}")
    found: dict[str, dict[int, Any]] = {item.method: {} for item in items}
    for done, (item, facts) in enumerate(executor.run(carry_out, items, min(jobs, len(items))), start=1):
        if not facts["metrics"]:
            raise UsageError(f"{printable(dataset)} has no test, so there is nothing to compare")
        found[item.method][item.settings.seed] = facts["metrics"]
        overall = facts["metrics"]["overall"]["mAP"]
        text = f"runs; {item.method}, seed {item.settings.seed}: overall mAP {shown(overall)}"
        notify("benchmark", done, len(items), text)
    return written(out, items[0], found)


def carry_out(item: Item) -> tuple[Item, dict[str, Any]]:
    """One run, or the rest of it."""
    from dmlkit.training.train import train

    return item, train(item.dataset, item.settings, item.out, item.machine)


def written(out: Path, first: Item, found: Mapping[str, Mapping[int, Any]]) -> dict[str, Any]:
    """Write results.csv, results.md and results.png."""
    results = {
        method: {group: {name: over(of, group, name) for name in SHOWN} for group in GROUPS}
        for method, of in found.items()
    }
    seeds = max(map(len, found.values()))
    title = f"{Path(first.dataset).name}: {first.settings.epochs} epochs, {seeds} seeds, {first.settings.model} network"
    write_whole(out / "results.csv", table(results).encode())
    write_whole(out / "results.md", (f"{title}. Values in %.\n\n" + page(results)).encode())
    write_whole(out / "results.png", figure(results, title))
    return {"title": title, "seeds": seeds, "methods": results}


def over(of: Mapping[int, Any], group: str, name: str) -> dict[str, float | None]:
    """Mean and deviation over the seeds; no mean where a seed has no value, no deviation of one seed."""
    values = [of[seed].get(group, {}).get(name) for seed in sorted(of)]
    if any(value is None for value in values):
        return {"mean": None, "deviation": None}
    return {"mean": statistics.fmean(values), "deviation": statistics.stdev(values) if len(values) > 1 else None}


def table(results: Mapping[str, Any]) -> str:
    """One row a method, scale and metric, as CSV; values between 0 and 1."""
    out = StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["method", "scale", "metric", "mean", "deviation"])
    for method, of in results.items():
        for group in GROUPS:
            for name, value in of[group].items():
                rows.writerow([method, group, name, value["mean"], value["deviation"]])
    return out.getvalue()


def page(results: Mapping[str, Any]) -> str:
    """The tables as Markdown: all metrics overall, then each scale."""
    parts = [markdown(["method", *(f"overall {name}" for name in SHOWN)], results, [("overall", n) for n in SHOWN])]
    columns = [(scale, name) for scale in SCALES for name in ("ASI", "mAP", "R@1")]
    parts.append(markdown(["method", *(f"{scale} {name}" for scale, name in columns)], results, columns))
    return "\n".join(parts)


def markdown(head: Sequence[str], results: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> str:
    """One table; the best of each column is bold."""
    best = {c: max((of[c[0]][c[1]]["mean"] or 0.0 for of in results.values()), default=0.0) for c in columns}
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * len(columns)]
    for method, of in results.items():
        cells = []
        for column in columns:
            value = of[column[0]][column[1]]
            text = shown(value["mean"], value["deviation"])
            cells.append(f"**{text}**" if value["mean"] and value["mean"] == best[column] else text)
        lines.append("| " + " | ".join([method, *cells]) + " |")
    return "\n".join(lines) + "\n"


def shown(mean: float | None, deviation: float | None = None) -> str:
    if mean is None:
        return "no query"
    return f"{100 * mean:.1f}" + (f" ± {100 * deviation:.1f}" if deviation is not None else "")


def figure(results: Mapping[str, Any], title: str) -> bytes:
    """mAP of each method at each scale, with its deviation, as PNG."""
    from matplotlib.figure import Figure

    from dmlkit.training.plots import COLOURS

    drawing = Figure(figsize=(9, 1.2 + 0.42 * len(results)), layout="constrained")
    axes = drawing.subplots()
    places = range(len(results))
    for shift, group in zip((-0.27, -0.09, 0.09, 0.27), GROUPS, strict=True):
        values = [of[group]["mAP"] for of in results.values()]
        axes.errorbar(
            [100 * (v["mean"] or 0.0) for v in values],
            [place + shift for place in places],
            xerr=[100 * (v["deviation"] or 0.0) for v in values],
            fmt="D" if group == "overall" else "o",
            color=COLOURS[group],
            markersize=5,
            label=group,
        )
    axes.set(title=f"{title}: mAP in %", xlim=(0, None), yticks=list(places), yticklabels=list(results))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25)
    axes.legend(frameon=False, ncols=4, loc="upper left", bbox_to_anchor=(0, -0.08))
    out = BytesIO()
    drawing.savefig(out, format="png", dpi=120)
    return out.getvalue()
