"""`dmlkit train`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import LOCAL_PATH, POSITIVE, output_options
from dmlkit.cli.output import Output
from dmlkit.schema.scales import SCALES
from dmlkit.text import text_table

RUNTIME = ("device", "threads", "workers", "evaluate_every", "stop_after", "tensorboard", "revision")
SHARE = click.FloatRange(0, 1, max_open=True)


@click.command()
@click.argument("dataset")
@click.option("--config", metavar="FILE", help="Read settings from a TOML file, or from a recipe: small, resnet.")
@click.option("--loss", help="csl, csl-hard, csl+, softmax, cosface, triplet, npair, ms, circle, or my_module:MyLoss.")
@click.option("--model", help="small, resnet18, resnet34, timm:NAME, or my_module:make_model.")
@click.option("--weights", metavar="FILE", help="Start the backbone from a state dict with torchvision's names.")
@click.option("--pooling", type=click.Choice(["max", "average"]), help="[default: average; max for larger models]")
@click.option("--crop-px", type=POSITIVE, metavar="PX", help="Pixels of a side of a crop.  [default: 64; 224]")
@click.option("--epochs", type=POSITIVE, metavar="N", help="[default: 15; 100 for larger models]")
@click.option("--batch-size", type=POSITIVE, metavar="N", help="Images in a step.  [default: 128; 256]")
@click.option("--lr", type=float, help="The highest learning rate.  [default: 0.005; 0.1]")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of all that is random.  [default: 0]")
@click.option("--holdout", type=SHARE, help="Evaluate on a share of the middle classes, instead of the test classes.")
@click.option("--shuffle-labels", is_flag=True, default=None, help="Shuffle the training labels, as a sanity check.")
@click.option("--amp", is_flag=True, default=None, help="Compute the network in bfloat16.")
@click.option("--out", type=LOCAL_PATH, metavar="DIR", help="Folder of the run.  [default: runs/DATASET-LOSS-SEED]")
@click.option("--device", help="cpu, cuda, cuda:1 ...  [default: a GPU if there is one]")
@click.option("--threads", type=POSITIVE, metavar="N", help="Threads of the network.  [default: the cores]")
@click.option("--workers", type=click.IntRange(min=0), metavar="N", help="Threads that read images.")
@click.option("--evaluate-every", type=click.IntRange(min=0), metavar="N", help="Epochs; 0: at the end.  [default: 1]")
@click.option("--stop-after", type=POSITIVE, metavar="N", help="Stop after N epochs; the same command resumes.")
@click.option("--tensorboard", is_flag=True, default=None, help="Log to TensorBoard, in the folder of the run.")
@click.option("--revision", help="Revision of a dataset on the Hub.")
@output_options
def train(dataset: str, config: str | None, out: Path | None, output: Output, **chosen: Any) -> int:
    """Train on DATASET, a dataset folder or a repository of the Hub, and evaluate.

    All settings, for example those of losses, can be given in a TOML file with --config; see docs/training.md.
    Interrupted or killed, the same command resumes after the last whole epoch. Several GPUs: torchrun -m dmlkit train
    """
    from dmlkit.training.runs import require_extra

    with require_extra("dmlkit train"):
        from dmlkit.training.recipes import make_settings
        from dmlkit.training.train import Runtime, train

    chosen = {name: value for name, value in chosen.items() if value is not None}
    runtime = Runtime(
        **{name: chosen.pop(name) for name in RUNTIME if name in chosen}, shrink_batch="batch_size" not in chosen
    )
    settings = make_settings(config, **chosen)
    out = out or Path("runs") / f"{Path(dataset).name}-{settings.loss.rpartition(':')[2]}-{settings.seed}"
    is_first = os.environ.get("RANK", "0") == "0"
    with Output(output.as_json, output.quiet or not is_first).progress() as progress:
        facts = train(dataset, settings, out, runtime, progress)
    if not is_first:
        return 0
    output.emit({"run": str(out), **facts}, describe_run(out, facts))
    if not facts["finished"]:
        output.note(f"stopped after epoch {len(facts['epochs'])} of {settings.epochs}; the same command resumes")
    return 0


def describe_run(out: Path, facts: Mapping[str, Any]) -> str:
    """Describe what was trained, and its metrics in percent."""
    trained, last = facts["dataset"], facts["epochs"][-1]
    counts = ", ".join(f"{count:,} {scale}" for scale, count in trained["classes"].items())
    lines = [
        f"{out}: {len(facts['epochs'])} epochs of {trained['images']:,} images in {facts['seconds']:.0f} s",
        f"trained on {counts} classes; loss {last['loss']:.3f}; {last['images_per_second']:,.0f} images a second",
    ]
    if not facts["metrics"]:
        lines.append("not evaluated yet" if not facts["finished"] else "not evaluated: the dataset has no test")
        return "\n".join(lines)
    groups = {name: facts["metrics"][name] for name in (*SCALES, "overall") if name in facts["metrics"]}
    names = list(next(iter(groups.values())))
    rows = [[scale, *(format_percent(values[name]) for name in names)] for scale, values in groups.items()]
    head = ["held out, %" if trained["holdout"] else "test, %", *names]
    return "\n".join([*lines, "", text_table(rows, head, right=tuple(range(1, 9)))])


def format_percent(value: float | None) -> str:
    """Write a share in percent."""
    return "no query" if value is None else f"{100 * value:.1f}"
