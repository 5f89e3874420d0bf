"""`dmlkit import` and `dmlkit export`: datasets in other layouts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from dmlkit.cli.options import LOCAL_PATH, POSITIVE, jobs_option, output_options
from dmlkit.cli.output import FAILED_CHECK, Output
from dmlkit.dataset.card_release import channels_text
from dmlkit.errors import UsageError
from dmlkit.formats.base import ExportResult
from dmlkit.formats.dyml.channels import RECODING
from dmlkit.formats.dyml.importer import import_release
from dmlkit.formats.dyml.layout import find_releases, is_release, release_name
from dmlkit.formats.dyml.records import ImportOptions, ImportResult
from dmlkit.formats.registry import EXPORT_FORMATS, load_export, owner_of_option
from dmlkit.text import printable, text_table

MAX_CONTRADICTIONS = 5  # are shown; build.json has more


@click.group("import")
def import_() -> None:
    """Read a dataset that others released."""


@import_.command("dyml")
@click.argument("folder", metavar="DIR", type=LOCAL_PATH)
@click.option("--out", type=LOCAL_PATH, help="The dataset folder.  [default: out/dyml-NAME]")
@click.option(
    "--channels",
    type=click.Choice(["auto", "rgb", "bgr"]),
    default="auto",
    show_default=True,
    help="How the files store colour; bgr has red and blue swapped. auto measures it.",
)
@jobs_option
@click.option("--allow-partial", is_flag=True, help="Exit with 0 although images of the lists are missing.")
@output_options
def import_dyml(
    folder: Path, out: Path | None, channels: str, jobs: int | None, allow_partial: bool, output: Output
) -> int:
    """Write the official DyML release as a dataset folder.

    DIR is dyml_animal, dyml_vehicle or dyml_product, or a folder that holds some of them: then --out is the folder for
    one dataset folder each.
    """
    results = []
    for release in find_releases(folder):
        place = (out or Path("out")) / release_name(release)
        if out is not None and is_release(folder):
            place = out
        options = ImportOptions(place, channels, **({"jobs": jobs} if jobs else {}))
        with output.progress() as progress:
            results.append(import_release(release, options, progress))
        for text in notes_on(results[-1]):
            output.note(text)
    imported = [asdict(result) | {"complete": result.complete} for result in results]
    output.emit({"imported": imported}, "\n\n".join(describe_import(result) for result in results))
    return 0 if allow_partial or all(result.complete for result in results) else FAILED_CHECK


def describe_import(result: ImportResult) -> str:
    """Describe an imported release for people: counts, coverage, statuses, labels, channels, how to open it."""
    total = sum(result.statuses.values())
    coverage = [[scale, f"{c.num_covered:,}", f"{c.num_classes:,}"] for scale, c in result.coverage.items()]
    remarks = []
    if result.layout == "per-scale":
        remarks.append(f"labels filled by content: {', '.join(f'{n:,} {scale}' for scale, n in result.filled.items())}")
    if result.contradictions:
        remarks.append(f"images whose labels contradict each other: {len(result.contradictions):,}")
    remarks += [f"the same image {where}: {count:,}" for where, count in result.recurring.items()]
    parts = [
        f"{result.out}: {result.statuses['ok']:,} of {total:,} images, in {result.seconds:.0f} s\n"
        + text_table([[name, f"{n:,}"] for name, n in result.images.items()], ["split", "images"], right=(1,)),
        text_table(coverage, ["scale", "classes", "of"], right=(1, 2)),
        text_table([[s, f"{n:,}"] for s, n in result.statuses.items()], ["status", "candidates"], right=(1,)),
        "\n".join([*remarks, channels_text(result.channels, RECODING)]),
        f"Open it: python -c \"from datasets import load_dataset; print(load_dataset('{result.out}'))\"",
    ]
    return "\n\n".join(parts)


def notes_on(result: ImportResult) -> list[str]:
    """List what a person should know of an import: contradictions, undecided channels, what is missing."""
    notes = [printable(line) for line in result.contradictions[:MAX_CONTRADICTIONS]]
    if result.channels["decided"] == "undecided":
        notes.append("--channels rgb or --channels bgr decides it; look at some images")
    notes += [printable(line) for line in result.notes]
    if not result.complete:
        notes.append(
            "images or classes of the lists are missing: rejected.parquet names them; --allow-partial accepts it"
        )
    return notes


@click.command()
@click.argument("folder", metavar="DIR", type=LOCAL_PATH)
@click.option("--format", "layout", type=click.Choice(list(EXPORT_FORMATS)), required=True, help="The layout to write.")
@click.option("--out", type=LOCAL_PATH, required=True, help="The folder for it.")
@click.option("--all-in-one", is_flag=True, help="dyml: query and gallery as one set, as in dyml_product.")
@click.option(
    "--faithful",
    is_flag=True,
    help="dyml: no newline after the header of the lists, as in the release; most loaders need it so.",
)
@click.option("--shard-size", type=POSITIVE, metavar="MB", help="webdataset: of a tar file.  [default: 500]")
@output_options
def export(
    folder: Path, layout: str, out: Path, all_in_one: bool, faithful: bool, shard_size: int | None, output: Output
) -> int:
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
    chosen = {"all_in_one": all_in_one, "faithful": faithful, "shard_size": shard_size}
    chosen = {name: value for name, value in chosen.items() if value}
    for name in chosen:
        if name not in EXPORT_FORMATS[layout].options:
            owner = owner_of_option(name)
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} is of --format {owner}, not of {layout}",
                code="usage.option-of-other-format",
                hint=f"leave {option} out",
                name=option,
            )
    with output.progress() as progress:
        result = load_export(layout)(folder, out, progress=progress, **chosen)
    output.emit(vars(result), describe_export(result))
    for line in result.notes:
        output.note(line)
    return 0


def describe_export(result: ExportResult) -> str:
    """Describe an export for people: images by list, and how many were converted from what."""
    return "\n".join(
        [
            f"{result.out}: {result.kept:,} images as they are, {sum(result.converted.values()):,} converted",
            text_table([[name, f"{n:,}"] for name, n in result.images.items()], ["list", "images"], right=(1,)),
            *(f"converted: {count:,} {kind}" for kind, count in result.converted.items()),
        ]
    )
