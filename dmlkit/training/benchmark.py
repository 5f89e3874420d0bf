"""Methods × seeds on one dataset, and the table that compares them.

Every run is a folder as `dmlkit train` makes it, so a benchmark that was stopped resumes, and each number of its table
can be looked into.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from dmlkit.errors import UsageError
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage import executor
from dmlkit.text import printable
from dmlkit.training import losses
from dmlkit.training.recipes import make_settings
from dmlkit.training.runs import write_file
from dmlkit.training.train import Runtime, TrainSettings, train

# How a loss for one scale is used: as in the paper's baseline, a third of the batch for each scale; as the sum of
# three losses on the whole batch; or by the specialist, on fine labels alone.
VARIANTS: dict[str, dict[str, Any]] = {
    "3k": {"batch": "paper"},
    "sum": {"batch": "full"},
    "fine": {"scales": ("fine",), "batch": "full"},
}

METHODS = (*losses.CROSS_SCALE, *(f"{loss}-{variant}" for loss in losses.MULTI_SCALE for variant in VARIANTS))
MAIN = (*losses.CROSS_SCALE, "softmax-fine", "softmax-3k", "softmax-sum", "cosface-fine", "cosface-3k", "cosface-sum")
METRICS = ("ASI", "mAP", "R@1", "R@10", "R@20")  # in the tables
GROUPS = (*SCALES, "overall")


@dataclass(frozen=True)
class BenchmarkRun:
    """One run of the benchmark."""

    method: str
    dataset: str
    settings: TrainSettings
    out: Path
    runtime: Runtime


def method_settings(method: str, chosen: Mapping[str, Any]) -> TrainSettings:
    """Return the settings of a method: ``csl``, or a loss and a variant as in ``softmax-3k``. Raises `UsageError`."""
    for name in ("loss", "loss_options"):
        if name in chosen:
            raise UsageError(
                f"{name} is decided by the methods of a benchmark",
                code="training.setting-of-method",
                hint="use --methods",
                setting=name,
            )
    if method in losses.CROSS_SCALE:
        return make_settings(loss=method, **chosen)
    loss, _, variant = method.rpartition("-")
    if loss not in losses.MULTI_SCALE or variant not in VARIANTS:
        raise UsageError(
            f"there is no method {printable(method)}",
            code="training.unknown-method",
            hint=f"use {', '.join(METHODS)}",
            method=method,
        )
    return make_settings(loss=loss, loss_options=VARIANTS[variant], **chosen)


DEFAULT_RUNTIME = Runtime(evaluate_every=0)


@dataclass(frozen=True)
class BenchmarkOptions:
    """What a benchmark compares, and how. ``settings`` are those of all runs, see `TrainSettings`."""

    methods: Sequence[str] = MAIN
    seeds: int = 3  # runs of each method
    settings: Mapping[str, Any] = field(default_factory=dict)
    runtime: Runtime = DEFAULT_RUNTIME
    jobs: int = 1  # runs at a time


def benchmark(dataset: str, options: BenchmarkOptions, out: Path, progress: Progress = no_progress) -> dict[str, Any]:
    """Train each method with the seeds 0, 1, ... and write the tables into ``out``. Returns what they have.

    For each method and scale, that is the mean and the deviation over the seeds of each metric. Raises what training
    raises.
    """
    todo = [
        BenchmarkRun(method, dataset, method_settings(method, {**options.settings, "seed": seed}),
                     out / f"{method}-{seed}", options.runtime)
        for seed in range(options.seeds)
        for method in dict.fromkeys(options.methods)
    ]  # fmt: skip
    if not todo:
        raise UsageError("there is no method to compare", code="training.no-method", hint=f"--methods {','.join(MAIN)}")
    metrics: dict[str, dict[int, Any]] = {run.method: {} for run in todo}  # by method and seed
    finished = executor.run(train_run, todo, min(options.jobs, len(todo)))
    for done, (run, facts) in enumerate(finished, start=1):
        if not facts["metrics"]:
            raise UsageError(
                f"{printable(dataset)} has no test, so there is nothing to compare",
                code="training.no-test",
                dataset=dataset,
            )
        metrics[run.method][run.settings.seed] = facts["metrics"]
        value = format_value(facts["metrics"]["overall"]["mAP"])
        progress("benchmark", done, len(todo), f"runs; {run.method}, seed {run.settings.seed}: overall mAP {value}")
    return write_tables(out, todo[0], metrics)


def train_run(run: BenchmarkRun) -> tuple[BenchmarkRun, dict[str, Any]]:
    """Train one run, or resume it."""
    return run, train(run.dataset, run.settings, run.out, run.runtime)


def write_tables(out: Path, first: BenchmarkRun, metrics: Mapping[str, Mapping[int, Any]]) -> dict[str, Any]:
    """Write results.csv and results.md."""
    results = {
        method: {group: {name: mean_over_seeds(by_seed, group, name) for name in METRICS} for group in GROUPS}
        for method, by_seed in metrics.items()
    }
    seeds = max(map(len, metrics.values()))
    title = f"{Path(first.dataset).name}: {first.settings.epochs} epochs, {seeds} seeds, {first.settings.model} network"
    write_file(out / "results.csv", csv_table(results).encode())
    write_file(out / "results.md", (f"{title}. Values in %.\n\n" + markdown_page(results)).encode())
    return {"title": title, "seeds": seeds, "methods": results}


def mean_over_seeds(by_seed: Mapping[int, Any], group: str, name: str) -> dict[str, float | None]:
    """Compute mean and deviation over the seeds; no mean if a seed has no value, no deviation for a single seed."""
    values = [by_seed[seed].get(group, {}).get(name) for seed in sorted(by_seed)]
    if any(value is None for value in values):
        return {"mean": None, "deviation": None}
    return {"mean": statistics.fmean(values), "deviation": statistics.stdev(values) if len(values) > 1 else None}


def csv_table(results: Mapping[str, Any]) -> str:
    """Write one row per method, scale and metric as CSV; values between 0 and 1."""
    out = StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["method", "scale", "metric", "mean", "deviation"])
    for method, groups in results.items():
        for group in GROUPS:
            for name, value in groups[group].items():
                rows.writerow([method, group, name, value["mean"], value["deviation"]])
    return out.getvalue()


def markdown_page(results: Mapping[str, Any]) -> str:
    """Write the tables as Markdown: all metrics overall, then each scale."""
    parts = [
        markdown_table(["method", *(f"overall {name}" for name in METRICS)], results, [("overall", n) for n in METRICS])
    ]
    columns = [(scale, name) for scale in SCALES for name in ("ASI", "mAP", "R@1")]
    parts.append(markdown_table(["method", *(f"{scale} {name}" for scale, name in columns)], results, columns))
    return "\n".join(parts)


def markdown_table(head: Sequence[str], results: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> str:
    """Write one table; the best of each column is bold."""
    best = {c: max((groups[c[0]][c[1]]["mean"] or 0.0 for groups in results.values()), default=0.0) for c in columns}
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * len(columns)]
    for method, groups in results.items():
        cells = []
        for column in columns:
            value = groups[column[0]][column[1]]
            text = format_value(value["mean"], value["deviation"])
            cells.append(f"**{text}**" if value["mean"] and value["mean"] == best[column] else text)
        lines.append("| " + " | ".join([method, *cells]) + " |")
    return "\n".join(lines) + "\n"


def format_value(mean: float | None, deviation: float | None = None) -> str:
    """Write a share in percent, with its deviation."""
    if mean is None:
        return "no query"
    return f"{100 * mean:.1f}" + (f" ± {100 * deviation:.1f}" if deviation is not None else "")
