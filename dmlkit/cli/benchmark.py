"""`dmlkit benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import LOCAL_PATH, POSITIVE, output_options
from dmlkit.cli.output import Output


@click.command()
@click.argument("dataset")
@click.option("--methods", metavar="M,M,...", help="csl, softmax-3k, softmax-sum, softmax-fine ... or all.")
@click.option("--seeds", type=POSITIVE, metavar="N", default=3, show_default=True, help="Runs of each method.")
@click.option("--config", metavar="FILE", help="Read settings of all runs from a TOML file, as for `dmlkit train`.")
@click.option("--model", help="The network of all runs, as for `dmlkit train`.")
@click.option("--crop-px", type=POSITIVE, metavar="PX", help="Pixels of a side of a crop.")
@click.option("--epochs", type=POSITIVE, metavar="N", help="Epochs of each run.")
@click.option("--batch-size", type=POSITIVE, metavar="N", help="Images in a step.")
@click.option("--lr", type=float, help="The highest learning rate.")
@click.option("--holdout", type=click.FloatRange(0, 1, max_open=True), help="Evaluate on held-out training classes.")
@click.option("--amp", is_flag=True, default=None, help="Compute the network in bfloat16.")
@click.option("--out", type=LOCAL_PATH, metavar="DIR", help="Folder of runs and tables.  [default: runs/DATASET]")
@click.option("--device", help="cpu, cuda, cuda:1 ...  [default: a GPU if there is one]")
@click.option("--jobs", type=POSITIVE, metavar="N", help="Runs at a time, each with its share of the cores.")
@output_options
def benchmark(
    dataset: str,
    methods: str | None,
    seeds: int,
    config: str | None,
    out: Path | None,
    device: str | None,
    jobs: int | None,
    output: Output,
    **chosen: Any,
) -> int:
    """Compare methods on DATASET: train each with several seeds and write one table.

    A method is csl, csl-hard, csl+, or a loss and how it is used: LOSS-3k (the paper's baseline: a third of the batch
    for each scale), LOSS-sum (the whole batch at every scale), LOSS-fine (fine labels only). Interrupted, the same
    command resumes.
    """
    from dmlkit.storage.executor import cpu_count
    from dmlkit.training.runs import require_extra

    with require_extra("dmlkit benchmark"):
        from dmlkit.training import benchmark as benchmarks
        from dmlkit.training.recipes import read_config
        from dmlkit.training.train import Runtime

    jobs = jobs or (cpu_count() if device in (None, "cpu") else 1)
    runtime = Runtime(device or "auto", threads=max(1, cpu_count() // jobs), evaluate_every=0)
    names = benchmarks.METHODS if methods == "all" else (methods or ",".join(benchmarks.MAIN)).split(",")
    settings = read_config(config) if config is not None else {}
    settings |= {name: value for name, value in chosen.items() if value is not None}
    options = benchmarks.BenchmarkOptions(
        [name.strip() for name in names if name.strip()], seeds, settings, runtime, jobs
    )
    out = out or Path("runs") / Path(dataset).name
    with output.progress() as progress:
        results = benchmarks.benchmark(dataset, options, out, progress)
    tables = (out / "results.md").read_text(encoding="utf-8")
    output.emit({"out": str(out), **results}, f"{tables}\n{out}: results.md, results.csv, and the runs")
    return 0
