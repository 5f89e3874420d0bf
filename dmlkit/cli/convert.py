"""`dmlkit import` and `dmlkit export`: datasets in the forms of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import FAILED_CHECK, json_option, note, print_json, quiet_option
from dmlkit.errors import UsageError
from dmlkit.formats import FORMATS, OPTIONS
from dmlkit.text import printable, text_table

NAMED = 5
"""So many contradictions are shown; build.json has more."""


@click.group("import")
def import_() -> None:
    """Read a dataset that others released."""


@import_.command("dyml")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The dataset folder.  [default: out/dyml-NAME]")
@click.option(
    "--channels",
    type=click.Choice(["auto", "rgb", "bgr"]),
    default="auto",
    show_default=True,
    help="How the files store colour; bgr has red and blue swapped. auto measures it.",
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes.  [default: the cores]")
@click.option("--allow-partial", is_flag=True, help="Exit with 0 although images of the lists are missing.")
@json_option
@quiet_option
def import_dyml(
    folder: Path, out: Path | None, channels: str, jobs: int | None, allow_partial: bool, as_json: bool, quiet: bool
) -> int:
    """Write the official DyML release as a dataset folder.

    DIR is dyml_animal, dyml_vehicle or dyml_product, or a folder that holds some of them: then --out is the folder for
    one dataset folder each.
    """
    from dmlkit.cli.terminal import Steps
    from dmlkit.formats.dyml.importing import Options, import_release
    from dmlkit.formats.dyml.release import find, is_release, name_of

    results = []
    for release in find(folder):
        place = (out or Path("out")) / name_of(release)
        if out is not None and is_release(folder):
            place = out
        options = Options(place, channels, **({"jobs": jobs} if jobs else {}))
        with Steps(quiet or as_json) as steps:
            results.append(import_release(release, options, steps))
        if not as_json:
            print_import(results[-1], quiet)
    if as_json:
        print_json({"imported": [import_json(result) for result in results]})
    return 0 if allow_partial or all(result.complete for result in results) else FAILED_CHECK


def import_json(result: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(result) | {"complete": result.complete}


def print_import(result: Any, quiet: bool) -> None:
    from dmlkit.formats.dyml.card import channels_text

    total = sum(result.statuses.values())
    print(f"{result.out}: {result.statuses['ok']:,} of {total:,} images, in {result.seconds:.0f} s")
    print(text_table([[name, f"{n:,}"] for name, n in result.images.items()], ["split", "images"], right=(1,)))
    rows = [[scale, f"{c.found:,}", f"{c.of:,}"] for scale, c in result.coverage.items()]
    print("\n" + text_table(rows, ["scale", "classes", "of"], right=(1, 2)))
    print("\n" + text_table([[v, f"{n:,}"] for v, n in result.statuses.items()], ["status", "candidates"], right=(1,)))
    if result.form == "per-scale":
        print(f"\nlabels filled by content: {', '.join(f'{n:,} {scale}' for scale, n in result.filled.items())}")
    for line in result.contradictions[:NAMED]:
        note(printable(line), quiet)
    if result.contradictions:
        print(f"images whose labels contradict each other: {len(result.contradictions):,}")
    for place, count in result.recurring.items():
        print(f"the same image {place}: {count:,}")
    print(channels_text(result.channels))
    if result.channels["decided"] == "undecided":
        note("--channels rgb or --channels bgr decides it; look at some images", quiet)
    for line in result.notes:
        note(printable(line), quiet)
    if not result.complete:
        note(
            "images or classes of the lists are missing: rejected.parquet names them; --allow-partial accepts it",
            quiet,
        )
    print(f"\nOpen it: python -c \"from datasets import load_dataset; print(load_dataset('{result.out}'))\"")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(list(FORMATS)), required=True, help="The layout to write.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder for it.")
@click.option(
    "--all-in-one", is_flag=True, default=None, help="dyml: query and gallery as one set, as in dyml_product."
)
@click.option(
    "--faithful",
    is_flag=True,
    default=None,
    help="dyml: no newline after the header of the lists, as in the release; most loaders need it so.",
)
@click.option(
    "--shard-size", type=click.IntRange(min=1), metavar="MB", help="webdataset: of a tar file.  [default: 500]"
)
@json_option
@quiet_option
def export(folder: Path, form: str, out: Path, as_json: bool, quiet: bool, **chosen: Any) -> int:
    """Write the dataset in DIR in a layout that other programs read.

    \b
    dyml         the official DyML release, in OUT/dyml_NAME
    webdataset   tar files for the webdataset library
    imagefolder  SPLIT/CLASS/IMAGE with fine classes, as torchvision's ImageFolder
                 reads it, and the labels of all scales in SPLIT/metadata.parquet,
                 which datasets reads
    oml          images and a table for each scale, for open-metric-learning

    The images' bytes stay as they are, but for those that dyml cannot have. Licence, terms and what to cite go
    along as README.md.
    """
    from importlib import import_module

    from dmlkit.cli.terminal import Steps

    given = {name: value for name, value in chosen.items() if value is not None}
    for name in given:
        if name not in OPTIONS.get(form, ()):
            of = next(other for other, names in OPTIONS.items() if name in names)
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} is of --format {of}, not of {form}", hint=f"leave {option} out")
    with Steps(quiet or as_json) as steps:
        done = import_module(FORMATS[form]).export(folder, out, notify=steps, **given)
    if as_json:
        print_json(vars(done))
        return 0
    print(f"{done.out}: {done.kept:,} images as they are, {done.converted.total():,} converted")
    print(text_table([[name, f"{n:,}"] for name, n in done.images.items()], ["list", "images"], right=(1,)))
    for kind, count in done.converted.items():
        print(f"converted: {count:,} {kind}")
    for line in done.notes:
        note(line, quiet)
    return 0
