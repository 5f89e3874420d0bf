"""`dmlkit evaluate`: the metrics of a run or of anybody's embeddings."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import LOCAL_PATH, POSITIVE, output_options
from dmlkit.cli.output import Output, to_json
from dmlkit.errors import OutputError, UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.text import printable, text_table

# What the libraries for matrices read when they are imported.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# The names in `evaluation.metrics.CONVENTIONS`, here because that module imports NumPy.
CONVENTIONS = ("four-number-asi", "capped-map-at-r")


@click.command()
@click.argument("what", metavar="RUN|EMBEDDINGS", type=LOCAL_PATH)
@click.argument("dataset")
@click.option("--ids", type=LOCAL_PATH, help="The ids of a .npy file.  [default: NAME.ids.txt]")
@click.option("--scale", "scales", multiple=True, type=click.Choice(SCALES), help="Only this scale; may be repeated.")
@click.option(
    "--convention",
    "conventions",
    multiple=True,
    type=click.Choice(CONVENTIONS),
    help="Also what others call ASI or mAP; may be repeated.",
)
@click.option("--other-data", is_flag=True, help="The run was trained on another dataset, and that is meant.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda: computes a run's embeddings.")
@click.option("--threads", type=POSITIVE, metavar="N", help="Threads.  [default: the cores]")
@click.option("--revision", help="Of a dataset on the hub.")
@click.option("--out", type=LOCAL_PATH, metavar="FILE", help="Write the metrics as JSON too.")
@output_options
def evaluate(
    what: Path,
    dataset: str,
    ids: Path | None,
    scales: tuple[str, ...],
    conventions: tuple[str, ...],
    other_data: bool,
    device: str,
    threads: int | None,
    revision: str | None,
    out: Path | None,
    output: Output,
) -> int:
    """Measure how well embeddings find images of the same class, at each scale.

    RUN is the folder of a training run. EMBEDDINGS is a file of yours: .npy, .npz, .safetensors or .parquet, with the
    image_id of each row. DATASET is a dataset folder, or USER/NAME on the hub. docs/protocol.md defines the metrics.
    """
    if threads:
        os.environ |= dict.fromkeys(THREADS, str(threads))
    from dmlkit.evaluation.api import EvaluateOptions, evaluate_file
    from dmlkit.training.evaluate_run import EvaluateRunOptions, evaluate_run
    from dmlkit.training.runs import is_run

    options = EvaluateOptions(
        scales=tuple(scale for scale in SCALES if scale in scales or not scales),
        conventions=conventions,
        threads=threads,
        device=None if device in ("auto", "cpu") else device,
    )
    with output.progress() as progress:
        if is_run(what):
            refuse_ids(what, ids)
            result = evaluate_run(what, dataset, EvaluateRunOptions(options, device, other_data, revision), progress)
        else:
            result = evaluate_file(what, dataset, options, ids_file=ids, revision=revision, progress=progress)
    if out is not None:
        write_json(out, result)
    output.emit(result, "\n".join(format_result(result)))
    if not output.as_json:  # the object has them
        for line in result["notes"]:
            output.note(f"note: {line}")
    return 0


def refuse_ids(run: Path, ids: Path | None) -> None:
    """Raise `UsageError` if a file of ids is named for a run."""
    if ids is not None:
        raise UsageError(
            "--ids is for a file of embeddings; a run reads the images itself",
            code="usage.ids-of-run",
            hint="leave out --ids",
            path=run,
        )


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Write the result to a file. Raises `OutputError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_json(result) + "\n", encoding="utf-8")
    except OSError as exc:
        raise OutputError(
            f"cannot write {path}: {exc.strerror or exc}",
            code="evaluation.cannot-write",
            hint="choose another --out",
            path=path,
        ) from exc


def format_result(result: dict[str, Any]) -> Iterator[str]:
    """Write the metrics as tables in percent, for people: some lines each."""
    dimensions = result["embeddings"]["dimensions"]
    yield f"{printable(result['dataset']['name'])}, {dimensions} dimensions; values in %"
    yield format_scales(result)
    if "span" in result:
        yield ""
        yield format_span(result["span"])
    if result["multilevel"]:
        yield ""
        yield from format_levels(result["multilevel"], result["counts"]["mistakes"])
    for name, values in result.get("conventions", {}).items():
        yield ""
        yield from format_convention(name, values)


def format_scales(result: dict[str, Any]) -> str:
    """Write the table of metrics and counts, one row a scale."""
    from dmlkit.evaluation.metrics import METRICS

    rows = []
    for scale in (*SCALES, "overall"):
        if scale in result:
            cells = [""] * 3
            if counts := result["counts"].get(scale):
                left_out = counts["without_label"] + counts["without_positive"]
                cells = [f"{count:,}" for count in (counts["queries"], left_out, counts["gallery"])]
            rows.append([scale, *(percent(result[scale][name]) for name in METRICS), *cells])
    head = ["scale", *METRICS, "queries", "left out", "gallery"]
    return text_table(rows, head, right=tuple(range(1, len(head))))


def format_span(span: dict[str, Any]) -> str:
    """Write the table of the worst scale and the gap to the best, for each metric."""
    worst = ["worst scale", *(f"{percent(values['value'])} {values['worst']}" for values in span.values())]
    gap = ["best - worst", *(percent(values["gap"]) for values in span.values())]
    return text_table([worst, gap], ["span (dmlkit's own)", *span], right=tuple(range(1, len(span) + 1)))


def format_levels(levels: dict[str, float], mistakes: int) -> Iterator[str]:
    """Write the metrics of all levels at once."""
    values = "  ".join(f"{name} {percent(levels[name])}" for name in ("ASI", "H-AP", "NDCG"))
    yield f"all levels at once: {values}"
    if mistakes:
        yield f"severity of the {mistakes:,} mistakes at rank 1: {levels['severity@1']:.2f}, from 1 to {len(SCALES)}"


def format_convention(name: str, values: dict[str, float] | float) -> Iterator[str]:
    """Write what others call ASI or mAP, and what it means."""
    from dmlkit.evaluation.metrics import CONVENTIONS as MEANINGS

    if isinstance(values, dict):
        yield f"{name}: " + "  ".join(f"{scale} {percent(value)}" for scale, value in values.items())
    else:
        yield f"{name}: {percent(values)}"
    yield f"  {MEANINGS[name]}"


def percent(value: float) -> str:
    """Write a metric in percent, a mean over nothing as a dash."""
    return "-" if math.isnan(value) else f"{100 * value:.2f}"
