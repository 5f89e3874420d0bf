"""`dmlkit evaluate`: the metrics of a run or of anybody's embeddings."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import json_option, note, print_json, quiet_option
from dmlkit.errors import OutputError, UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.text import nan_to_none, printable, text_table

# What the libraries for matrices read when they are imported.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# The names in `evaluation.metrics.CONVENTIONS`, here because that module imports NumPy.
CONVENTIONS = ("four-number-asi", "capped-map-at-r")


@click.command()
@click.argument("what", metavar="RUN|EMBEDDINGS", type=click.Path(path_type=Path))
@click.argument("dataset")
@click.option("--ids", type=click.Path(path_type=Path), help="The ids of a .npy file.  [default: NAME.ids.txt]")
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
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Threads.  [default: the cores]")
@click.option("--revision", help="Of a dataset on the hub.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the metrics as JSON too.")
@json_option
@quiet_option
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
    as_json: bool,
    quiet: bool,
) -> int:
    """Measure how well embeddings find images of the same class, at each scale.

    RUN is the folder of a training run. EMBEDDINGS is a file of yours: .npy, .npz, .safetensors or .parquet, with the
    image_id of each row. DATASET is a dataset folder, or USER/NAME on the hub. docs/protocol.md defines the metrics.
    """
    if threads:
        os.environ |= dict.fromkeys(THREADS, str(threads))
    from dmlkit.cli.terminal import Steps
    from dmlkit.evaluation.api import EvaluateOptions, evaluate_file
    from dmlkit.training.evaluate_run import EvaluateRunOptions, evaluate_run, is_run

    options = EvaluateOptions(
        scales=tuple(scale for scale in SCALES if scale in scales or not scales),
        conventions=conventions,
        threads=threads,
        device=None if device in ("auto", "cpu") else device,
    )
    with Steps(quiet or as_json) as steps:
        if is_run(what):
            if ids is not None:
                raise UsageError(
                    "--ids is for a file of embeddings; a run reads the images itself",
                    code="usage.ids-of-run",
                    hint="leave out --ids",
                    path=what,
                )
            result = evaluate_run(what, dataset, EvaluateRunOptions(options, device, other_data, revision), steps)
        else:
            result = evaluate_file(what, dataset, options, ids_file=ids, revision=revision, progress=steps)
    text = nan_to_none(result)
    if out is not None:
        write(out, text)
    if as_json:
        print_json(text)
        return 0
    for line in result["notes"]:
        note(f"note: {line}", quiet)
    print(page(result))
    return 0


def write(path: Path, result: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as exc:
        raise OutputError(
            f"cannot write {path}: {exc.strerror or exc}",
            code="evaluation.cannot-write",
            hint="choose another --out",
            path=path,
        ) from exc


def page(result: dict[str, Any]) -> str:
    """The metrics in percent, for people."""
    from dmlkit.evaluation.metrics import CONVENTIONS as MEANINGS
    from dmlkit.evaluation.metrics import METRICS

    lines = [f"{printable(result['dataset']['name'])}, {result['embeddings']['dimensions']} dimensions; values in %"]
    counts, rows = result["counts"], []
    for scale in (*SCALES, "overall"):
        if scale in result:
            of = counts.get(scale, {})
            out = of["without_label"] + of["without_positive"] if of else 0
            found = [f"{of['queries']:,}", f"{out:,}", f"{of['gallery']:,}"] if of else [""] * 3
            rows.append([scale, *(percent(result[scale][name]) for name in METRICS), *found])
    head = ["scale", *METRICS, "queries", "left out", "gallery"]
    lines += [text_table(rows, head, right=tuple(range(1, len(head))))]
    if "span" in result:
        rows = [["worst scale", *(f"{percent(of['value'])} {of['worst']}" for of in result["span"].values())]]
        rows.append(["best - worst", *(percent(of["gap"]) for of in result["span"].values())])
        lines += ["", text_table(rows, ["span (dmlkit's own)", *METRICS], right=tuple(range(1, len(METRICS) + 1)))]
    if levels := result["multilevel"]:
        values = "  ".join(f"{name} {percent(levels[name])}" for name in ("ASI", "H-AP", "NDCG"))
        lines += ["", f"all levels at once: {values}"]
        if counts["mistakes"]:
            severity = f"{levels['severity@1']:.2f}"
            lines += [f"severity of the {counts['mistakes']:,} mistakes at rank 1: {severity}, from 1 to {len(SCALES)}"]
    for name, of in result.get("conventions", {}).items():
        values = "  ".join(f"{k} {percent(v)}" for k, v in of.items()) if isinstance(of, dict) else percent(of)
        lines += ["", f"{name}: {values}", f"  {MEANINGS[name]}"]
    return "\n".join(lines)


def percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"
