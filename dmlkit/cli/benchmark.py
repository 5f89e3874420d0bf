"""`dmlkit benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import json_option, print_json, quiet_option

ABOVE = click.IntRange(min=1)
SETTINGS = ("epochs", "model", "size", "batch_size", "lr", "held_back", "amp")


@click.command()
@click.argument("dataset")
@click.option("--methods", metavar="M,M,...", help="csl, softmax-3k, softmax-sum, softmax-fine ... or all.")
@click.option("--seeds", type=ABOVE, metavar="N", default=3, show_default=True, help="Runs of each method.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of runs and tables.  [default: runs/DATASET]")
@click.option("--epochs", type=ABOVE, metavar="N", help="As for `dmlkit train`, like the next six.")
@click.option("--model")
@click.option("--size", type=ABOVE, metavar="PX")
@click.option("--batch-size", type=ABOVE, metavar="N")
@click.option("--lr", type=float)
@click.option("--held-back", type=click.FloatRange(0, 1, max_open=True))
@click.option("--amp", is_flag=True, default=None)
@click.option("--device", help="[default: a GPU where there is one]")
@click.option("--jobs", type=ABOVE, metavar="N", help="Runs at a time, each with its share of the cores.")
@json_option
@quiet_option
def benchmark(
    dataset: str,
    methods: str | None,
    seeds: int,
    out: Path | None,
    device: str | None,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Compare methods on DATASET: train each with several seeds and write one table.

    A method is csl, csl-hard, csl+, or a loss and how it is used: LOSS-3k (the paper's baseline: a third of the batch
    for each scale), LOSS-sum (the whole batch at every scale), LOSS-fine (fine labels only). Stopped, the same
    command goes on.
    """
    from dmlkit.cli.terminal import Steps
    from dmlkit.storage.executor import cpu_count
    from dmlkit.training import benchmark as benchmarks
    from dmlkit.training.runs import Machine

    jobs = jobs or (cpu_count() if device in (None, "cpu") else 1)
    machine = Machine(device or "auto", threads=max(1, cpu_count() // jobs), evaluate_every=0)
    named = benchmarks.METHODS if methods == "all" else (methods or ",".join(benchmarks.MAIN)).split(",")
    given = {name: chosen[name] for name in SETTINGS if chosen[name] is not None}
    out = out or Path("runs") / Path(dataset).name
    with Steps(quiet or as_json) as steps:
        names = [name.strip() for name in named if name.strip()]
        found = benchmarks.benchmark(dataset, names, seeds, given, out, machine, jobs, steps)
    if as_json:
        print_json({"out": str(out), **found})
    else:
        print((out / "results.md").read_text(encoding="utf-8"))
        print(f"{out}: results.md, results.csv, results.png, and the runs")
    return 0
