"""`dmlkit report`: pages to look at a dataset or a run."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dmlkit.cli.options import json_option, print_json, quiet_option
from dmlkit.errors import UsageError


@click.command()
@click.argument("folder", metavar="DIR|RUN", type=click.Path(path_type=Path))
@click.argument("dataset", required=False)
@click.argument("other", metavar="[OTHER_RUN]", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The folder for the pages.  [default: DIR.report]")
@click.option(
    "--images", type=click.IntRange(min=1), metavar="N", help="Small ones of each class.  [default: 10,000 in all]"
)
@json_option
@quiet_option
def report(
    folder: Path,
    dataset: str | None,
    other: Path | None,
    out: Path | None,
    images: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write web pages that show a dataset, or what a run does with one.

    DIR is a dataset folder. RUN is the folder of a training run; DATASET, a dataset folder or USER/NAME on the hub,
    is what it is looked at on, and OTHER_RUN is shown beside it. The pages open from disk, without a network.
    """
    from dmlkit.cli.terminal import Steps

    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="give a dataset folder or the folder of a run")
    place = out or Path(f"{os.path.abspath(folder)}.report")  # also of a folder that is given as "."
    start = Path(os.path.abspath(place), "index.html").as_uri()
    with Steps(quiet or as_json) as steps:
        if any((folder / name).is_file() for name in ("run.json", "checkpoint.pt")):
            if dataset is None:
                raise UsageError(
                    f"{folder} is a run, and its report needs a dataset", hint=f"dmlkit report {folder} DATASET"
                )
            if images is not None:
                raise UsageError("--images is for the report of a dataset", hint="leave it out")
            from dmlkit.report.run import overview as of_run

            facts = of_run.report(folder, dataset, place, other, steps)
        elif (folder / "build.json").is_file():
            if dataset is not None:
                raise UsageError(
                    f"{folder} is a dataset, not a run", hint=f"dmlkit report {folder}, or dmlkit report RUN {folder}"
                )
            from dmlkit.report.dataset import overview as of_dataset

            facts = of_dataset.report(folder, place, images, steps)
        else:
            raise UsageError(
                f"{folder} is neither a dataset folder nor a run: it has no build.json and no run.json",
                hint="give the folder that `dmlkit build` or `dmlkit train` wrote",
            )
    if as_json:
        print_json({**vars(facts), "out": str(place), "open": start})
        return 0
    print(f"{place}: {facts.pages:,} pages, {facts.images:,} small images, {facts.bytes / 1e6:.1f} MB")
    print(f"Open it: {start}")
    return 0
