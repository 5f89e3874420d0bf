"""`dmlkit report`: pages to look at a dataset or a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import LOCAL_PATH, POSITIVE, output_options
from dmlkit.cli.output import Output
from dmlkit.dataset.folder import BUILD_JSON
from dmlkit.errors import UsageError
from dmlkit.report.dataset import overview as dataset_report
from dmlkit.report.run import overview as run_report
from dmlkit.report.site import ReportSummary
from dmlkit.schema.progress import Progress
from dmlkit.training.runs import is_run


@click.command()
@click.argument("folder", metavar="DIR|RUN", type=LOCAL_PATH)
@click.argument("dataset", required=False)
@click.argument("other", metavar="[OTHER_RUN]", required=False, type=LOCAL_PATH)
@click.option("--out", type=LOCAL_PATH, help="The folder for the pages.  [default: DIR.report]")
@click.option("--images", type=POSITIVE, metavar="N", help="Small ones of each class.  [default: 10,000 in all]")
@output_options
def report(
    folder: Path, dataset: str | None, other: Path | None, out: Path | None, images: int | None, output: Output
) -> int:
    """Write web pages that show a dataset, or what a run does with one.

    DIR is a dataset folder. RUN is the folder of a training run; DATASET, a dataset folder or USER/NAME on the hub,
    is what it is looked at on, and OTHER_RUN is shown beside it. The pages open from disk, without a network.
    """
    place = out or Path(f"{os.path.abspath(folder)}.report")  # also of a folder that is given as "."
    start = Path(os.path.abspath(place), "index.html").as_uri()
    write = choose_report(folder, dataset, other, place, images)
    with output.progress() as progress:
        facts = write(progress)
    result: dict[str, Any] = {**vars(facts), "out": str(place), "open": start}
    counts = f"{facts.pages:,} pages, {facts.images:,} small images, {facts.bytes / 1e6:.1f} MB"
    output.emit(result, f"{place}: {counts}\nOpen it: {start}")
    return 0


def choose_report(
    folder: Path, dataset: str | None, other: Path | None, out: Path, images: int | None
) -> Callable[[Progress], ReportSummary]:
    """Return the function that writes the report of ``folder``. Raise `UsageError` if it is nothing to report on."""
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is no folder",
            code="usage.no-folder",
            hint="give a dataset folder or the folder of a run",
            path=folder,
        )
    if is_run(folder):
        if dataset is None:
            raise UsageError(
                f"{folder} is a run, and its report needs a dataset",
                code="usage.no-dataset-for-run",
                hint=f"dmlkit report {folder} DATASET",
                path=folder,
            )
        if images is not None:
            raise UsageError("--images is for the report of a dataset", code="usage.images-of-run", hint="leave it out")
        return lambda progress: run_report.write_run_report(folder, dataset, out, other, progress)
    if not (folder / BUILD_JSON).is_file():
        raise UsageError(
            f"{folder} is neither a dataset folder nor a run: it has no build.json and no run.json",
            code="usage.nothing-to-report",
            hint="give the folder that `dmlkit build` or `dmlkit train` wrote",
            path=folder,
        )
    if dataset is not None:
        raise UsageError(
            f"{folder} is a dataset, not a run",
            code="usage.not-a-run",
            hint=f"dmlkit report {folder}, or dmlkit report RUN {folder}",
            path=folder,
        )
    return lambda progress: dataset_report.write_dataset_report(folder, out, images, progress)
