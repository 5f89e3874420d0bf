"""`dmlkit train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import json_option, note, print_json, quiet_option
from dmlkit.text import text_table

OPTIONS = ("scales", "batch", "proxy_lr", "margins", "gamma", "start", "norm", "margin_growth", "prototypes")
MACHINE = ("device", "threads", "workers", "cache", "evaluate_every", "stop_after", "tensorboard", "revision")
ABOVE = click.IntRange(min=1)
SHARE = click.FloatRange(0, 1, max_open=True)


def list_of(kind: type) -> Any:
    """A click callback: values with commas between them, as a tuple of ``kind``."""

    def read(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[Any, ...] | None:
        try:
            return None if text is None else tuple(kind(part.strip()) for part in text.split(","))
        except ValueError as exc:
            raise click.BadParameter(f"{text!r} is no list of numbers") from exc

    return read


@click.command()
@click.argument("dataset")
@click.option("--loss", help="csl, csl-hard, csl+, softmax, cosface, triplet, npair, ms, circle.  [default: csl]")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/DATASET-LOSS-SEED]")
@click.option("--epochs", type=ABOVE, metavar="N", help="[default: 15; 100 for larger models]")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Of all that is random.  [default: 0]")
@click.option("--model", help="small, resnet18, resnet34, or timm:NAME.  [default: small]")
@click.option("--weights", metavar="FILE", help="Start from a state dict with torchvision's names.")
@click.option("--pool", type=click.Choice(["max", "average"]), help="[default: average; max for larger models]")
@click.option("--embedding", type=ABOVE, metavar="D", help="Numbers in an embedding.  [default: 128; 512]")
@click.option("--freeze-bn", is_flag=True, default=None, help="Keep the statistics of batch norms as they are.")
@click.option("--size", type=ABOVE, metavar="PX", help="Pixels of a side.  [default: 64; 224]")
@click.option("--batch-size", type=ABOVE, metavar="N", help="Images in a step.  [default: 128; 256]")
@click.option("--per-class", type=ABOVE, metavar="N", help="Images of each class in a batch.  [default: 4]")
@click.option("--optimizer", type=click.Choice(["adamw", "sgd"]), help="[default: adamw; sgd for larger models]")
@click.option("--lr", type=float, help="The highest learning rate.  [default: 0.005; 0.1]")
@click.option("--proxy-lr", type=float, metavar="X", help="That of proxies, as a multiple.  [default: 1]")
@click.option("--weight-decay", type=float, help="[default: 0.05; 0.0001]")
@click.option("--warmup", type=SHARE, help="Share of the steps in which the rate grows.  [default: 0.1; 0]")
@click.option("--scales", callback=list_of(str), help="Train on these only: fine, or fine,middle.  [default: all]")
@click.option("--batch", type=click.Choice(["full", "paper"]), help="What a scale sees of a batch.  [default: full]")
@click.option("--margins", callback=list_of(float), help="CSL, one a scale.  [default: 0.25,0.35,0.45]")
@click.option("--gamma", type=float, help="CSL: how sharply it compares.  [default: 32]")
@click.option("--proxy-start", "start", type=click.Choice(["random", "hierarchical"]), help="CSL.  [default: random]")
@click.option("--proxy-norm", "norm", type=float, help="CSL: the length of proxies at the start.  [default: 0.6]")
@click.option("--margin-growth", type=SHARE, help="CSL: share of the training in which margins grow.  [default: 0]")
@click.option("--prototypes", type=float, metavar="W", help="CSL: weight of finding middle and coarse.  [default: 0]")
@click.option("--held-back", type=SHARE, help="Keep a share of the middle classes, to evaluate instead of the test.")
@click.option("--shuffle-labels", is_flag=True, default=None, help="Give images each other's labels: learns nothing.")
@click.option("--amp", is_flag=True, default=None, help="Mixed precision, with bfloat16.")
@click.option("--device", help="cpu, cuda, cuda:1 ...  [default: a GPU where there is one]")
@click.option("--threads", type=ABOVE, metavar="N", help="[default: the cores]")
@click.option("--workers", type=click.IntRange(min=0), metavar="N", help="Processes that read images.")
@click.option("--cache", type=click.Choice(["auto", "always", "never"]), help="Keep decoded images.  [default: auto]")
@click.option("--evaluate-every", type=click.IntRange(min=0), metavar="N", help="Epochs; 0: at the end.  [default: 1]")
@click.option("--stop-after", type=ABOVE, metavar="N", help="Stop after N epochs; the same command goes on.")
@click.option("--tensorboard", is_flag=True, default=None, help="Write what TensorBoard shows into the run's folder.")
@click.option("--revision", help="Of a dataset on the hub.")
@json_option
@quiet_option
def train(dataset: str, out: Path | None, as_json: bool, quiet: bool, **chosen: Any) -> int:
    """Train on DATASET, a dataset folder or a repository of the hub, and evaluate.

    Interrupted or killed, the same command goes on from the last whole epoch. Several GPUs: torchrun -m dmlkit train
    """
    from dmlkit.cli.terminal import Steps
    from dmlkit.training import runs
    from dmlkit.training.train import train

    given = {name: value for name, value in chosen.items() if value is not None}
    options = {name: given.pop(name) for name in OPTIONS if name in given}
    machine = runs.Machine(**{name: given.pop(name) for name in MACHINE if name in given})
    made = runs.settings(given, options)
    out = out or Path("runs") / f"{Path(dataset).name}-{made.loss}-{made.seed}"
    first = os.environ.get("RANK", "0") == "0"
    with Steps(quiet or as_json or not first) as steps:
        facts = train(dataset, made, out, machine, steps, batch_chosen="batch_size" in given)
    if not first:
        return 0
    if as_json:
        print_json({"run": str(out), **facts})
        return 0
    print_run(out, facts)
    if not facts["finished"]:
        note(f"stopped after epoch {len(facts['epochs'])} of {made.epochs}; the same command goes on", quiet)
    return 0


def print_run(out: Path, facts: dict[str, Any]) -> None:
    from dmlkit.schema.scales import SCALES

    data, last = facts["dataset"], facts["epochs"][-1]
    print(f"{out}: {len(facts['epochs'])} epochs of {data['images']:,} images in {facts['seconds']:.0f} s")
    counts = ", ".join(f"{count:,} {scale}" for scale, count in data["classes"].items())
    print(f"trained on {counts} classes; loss {last['loss']:.3f}; {last['images_per_second']:,.0f} images a second")
    if not facts["metrics"]:
        print("not evaluated yet" if not facts["finished"] else "not evaluated: the dataset has no test")
        return
    print()
    measured = {name: facts["metrics"][name] for name in (*SCALES, "overall") if name in facts["metrics"]}
    names = list(next(iter(measured.values())))
    rows = [[scale, *(percent(values[name]) for name in names)] for scale, values in measured.items()]
    print(text_table(rows, ["held back, %" if data["held_back"] else "test, %", *names], right=tuple(range(1, 9))))


def percent(value: float | None) -> str:
    return "no query" if value is None else f"{100 * value:.1f}"
