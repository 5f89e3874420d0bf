"""`dmlkit build`: a dataset from a source, or a published one again with ``--from-hub``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from dmlkit import terms
from dmlkit.cli.options import LOCAL_PATH, POSITIVE, arguments_as, jobs_option, output_options, parse_location
from dmlkit.cli.output import FAILED_CHECK, Output
from dmlkit.cli.progress import show_hub_bars
from dmlkit.errors import UsageError
from dmlkit.hub.published import PublishedDataset, fetch_published
from dmlkit.hub.rebuild import RebuildComparison, rebuild_dataset
from dmlkit.pipeline.build import build as build_dataset
from dmlkit.pipeline.dry_run import dry_run
from dmlkit.pipeline.options import BuildOptions, BuildResult
from dmlkit.schema.statuses import FETCH_STATUSES
from dmlkit.sources.base import LinkSource
from dmlkit.sources.registry import SOURCES, load_source
from dmlkit.storage.hub_client import check_repo_name
from dmlkit.storage.locations import Location
from dmlkit.taxonomy.manifest import load_manifest
from dmlkit.text import duration, printable, text_table

# Options whose values a published dataset has.
DECIDED = {"source": "--source", "limit": "--limit", "shorter_side_px": "--size", "table": "--table"}
MAX_MISSING = 20  # names of missing classes that are shown


@dataclass(frozen=True)
class BuildCall:
    """What `dmlkit build` is called with; None if an option is left out."""

    name: str
    from_hub: str | None
    revision: str | None
    source: str | None
    path: Path | None
    out: Location | None
    pool: Location | None
    table: Path | None
    limit: int | None
    shorter_side_px: int | None
    jobs: int | None
    engine: str | None
    address: str | None
    contact: str | None
    per_host: int | None
    retry: frozenset[str] | None
    allow_private_hosts: bool
    allow_partial: bool
    dry_run: bool

    def options(self, source: str, out: Location, **decided: int | None) -> BuildOptions:
        """Make the options of the build: those that were chosen, and ``decided`` by a published dataset."""
        names = (
            "path",
            "pool",
            "limit",
            "shorter_side_px",
            "jobs",
            "contact",
            "per_host",
            "retry",
            "engine",
            "address",
        )
        chosen = {name: getattr(self, name) for name in (*names, "table")} | decided
        chosen = {name: value for name, value in chosen.items() if value is not None}
        return BuildOptions(source=source, out=out, allow_private_hosts=self.allow_private_hosts, **chosen)


def parse_retry(context: click.Context, parameter: click.Parameter, text: str | None) -> frozenset[str] | None:
    """Read the statuses of ``--retry``. Raise `UsageError` for one that no download has."""
    if text is None:
        return None
    names = frozenset(name.strip() for name in text.split(",") if name.strip()) - {"none"}
    if unknown := sorted(names - FETCH_STATUSES):
        raise UsageError(
            f"--retry: {unknown[0]} is no status of a download",
            code="usage.unknown-status",
            hint=", ".join(sorted(FETCH_STATUSES)),
            name=unknown[0],
        )
    return names


@click.command()
@click.argument("name", required=False, default="")
@click.option("--from-hub", metavar="USER/NAME", help="Make this published dataset again, from your own --from.")
@click.option("--revision", metavar="TAG", help="Of --from-hub: a tag, branch or commit.  [default: the newest]")
@click.option("--source", help="Where the images come from; see `dmlkit list`.  [default: the manifest's]")
@click.option("--from", "path", type=LOCAL_PATH, help="The source's files on this machine.")
@click.option("--out", type=parse_location, metavar="PATH|URL", help="The dataset folder.  [default: out/NAME]")
@click.option(
    "--pool", type=parse_location, metavar="PATH|URL", help="Checked images, kept between runs.  [default: OUT.pool]"
)
@click.option(
    "--table",
    type=LOCAL_PATH,
    help="What you fill in of a source's classes; written where needed.  [default: OUT.table.tsv]",
)
@click.option("--limit", type=POSITIVE, metavar="N", help="At most N images of each fine class.")
@click.option(
    "--size", "shorter_side_px", type=POSITIVE, metavar="PX", help="Bring larger images to this shorter side."
)
@jobs_option
@click.option("--engine", type=click.Choice(["local", "ray"]), help="What runs the workers.  [default: local]")
@click.option("--address", help="Of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT.  [default: this machine]")
@click.option("--allow-partial", is_flag=True, help="Exit with 0 although classes of the manifest have no images.")
@click.option("--allow-private-hosts", is_flag=True, help="Let downloads reach addresses of the local network.")
@click.option("--contact", envvar="DMLKIT_CONTACT", help="Mail or page that servers are told.  [env: DMLKIT_CONTACT]")
@click.option("--per-host", type=POSITIVE, metavar="N", help="Requests to one host at a time.  [default: 8]")
@click.option(
    "--retry",
    callback=parse_retry,
    metavar="STATUSES",
    help="Ask again for these: timeout,http-429 ... or none.  [default: what may pass]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be read, and stop.")
@output_options
@arguments_as(BuildCall)
def build(call: BuildCall, output: Output) -> int:
    """Build the dataset NAME, or that of a manifest folder.

    Without --source the images are those of the embedded sample: drawn, so that it works on any machine.
    Interrupted or killed, the same command goes on where it stopped.
    """
    if call.from_hub is not None:
        return rebuild_published(call, call.from_hub, output)
    if call.revision is not None:
        raise UsageError("--revision is of --from-hub", code="usage.revision-without-from-hub")
    if not call.name:
        raise UsageError(
            "say which dataset: NAME, or --from-hub", code="usage.no-dataset", hint="`dmlkit list` shows the names"
        )
    manifest = load_manifest(call.name)
    source = call.source or manifest.default_source()
    options = call.options(source, call.out or Path("out") / manifest.name)
    if call.dry_run:
        facts = dry_run(manifest, options)
        output.emit(facts, describe_dry_run(facts))
        return 0
    if source in SOURCES and isinstance(load_source(source), LinkSource) and not options.contact:
        output.note("servers are not told whom to write to: --contact or DMLKIT_CONTACT says it")
    with output.progress() as progress:
        result = build_dataset(manifest, options, progress)
    complete = all(coverage.reached for coverage in result.coverage.values())
    output.emit(result_json(result) | {"source": source, "complete": complete}, describe_result(result))
    for text in notes_on(result, call.name, source):
        output.note(text)
    return 0 if complete or call.allow_partial else FAILED_CHECK


def result_json(result: BuildResult) -> dict[str, Any]:
    """Return the result as plain data, with whether each scale reached its minimum."""
    facts = asdict(result)
    for scale, coverage in result.coverage.items():
        facts["coverage"][scale] = coverage.as_json() | {"reached": coverage.reached}
    return facts


def describe_result(result: BuildResult) -> str:
    """Describe a build for people: counts, coverage, statuses, and how to open the dataset."""
    total = sum(result.statuses.values())
    coverage = [
        [scale, str(c.num_covered), str(c.num_classes), f"{c.num_covered / c.num_classes:.1%}"]
        for scale, c in result.coverage.items()
    ]
    parts = [
        f"{result.out}: {result.statuses['ok']:,} of {total:,} images, in {result.seconds:.0f} s\n"
        + text_table([[s, f"{n:,}"] for s, n in result.images.items()], ["split", "images"], right=(1,)),
        text_table(coverage, ["scale", "classes", "of", "covered"], right=(1, 2, 3)),
        text_table([[s, f"{n:,}"] for s, n in result.statuses.items()], ["status", "candidates"], right=(1,)),
    ]
    for kind, counts_by_name in result.failures.items():
        if counts_by_name:
            rows = [
                [printable(name), ", ".join(f"{n:,} {status}" for status, n in counts.items())]
                for name, counts in counts_by_name.items()
            ]
            parts.append(text_table(rows, [f"{kind} with most failures", ""]))
    if isinstance(result.out, Path):
        parts.append(f"Open it: python -c \"from datasets import load_dataset; print(load_dataset('{result.out}'))\"")
    else:
        parts.append("Copy the folder to a machine to open it there.")
    return "\n\n".join(parts)


def notes_on(result: BuildResult, name: str, source: str) -> list[str]:
    """List what a person should know of a build: notes of the source, its terms, missing classes."""
    notes = [f"note: {printable(text)}" for text in result.notes]
    if source == "sample":
        notes.append(f"\nThe images are drawn. For photographs: dmlkit list, then dmlkit build {name} --source ...")
    elif not (source_terms := terms.load(source)).redistribute:
        notes.append(f"\nThe terms of {source} do not allow to publish these images: {source_terms.conditions}")
    if not all(coverage.reached for coverage in result.coverage.values()):
        names = ", ".join(result.missing[:MAX_MISSING]) + (" ..." if len(result.missing) > MAX_MISSING else "")
        notes += [
            f"\n{len(result.missing)} fine classes have too few images or none, below the manifest's floor:",
            f"  {names}",
            "  All of them: the config `hierarchy`, or --json. --allow-partial accepts this.",
        ]
    return notes


def describe_dry_run(facts: Mapping[str, Any]) -> str:
    """Describe for people what a build would read."""
    lines = [f"source    {facts['source']}: {facts['title']}"]
    if facts["download"]:
        num_bytes = facts["download"]["bytes"]
        lines.append(f"download  {facts['download']['url']}, {num_bytes:,} bytes; what is in it is known then")
    elif facts["stream"]:
        lines.append("units     a stream: known only while it is read")
    else:
        known = f", {facts['settled']} of them already in the pool" if facts["settled"] else ""
        lines.append(f"units     {facts['units']}{known}")
        lines.append(f"classes   {facts['fine']} of {facts['of_fine']} fine classes have labels in this source")
    lines += [f"labels    {labels} {status}" for status, labels in facts["labels"].items()]
    if "hosts" in facts:
        lines.append(f"images    {facts['images']:,} to be fetched from {facts['of_hosts']:,} hosts")
        lines += [f"  {images:,} at {printable(host)}" for host, images in facts["hosts"].items()]
        lines.append(f"bytes     about {facts['bytes']:,}, at 100 kB an image")
        lines.append(f"time      about {duration(facts['seconds'])} or more, by the busiest host and the cores")
        for name, images in facts["licenses"].items():
            lines.append(f"licence   {images:,} rows say {printable(name) or 'nothing'}")
    else:
        if facts["images"] is not None:
            lines.append(f"images    {facts['images']:,} to be read at most")
        if facts["bytes"] is not None:
            lines.append(f"bytes     {facts['bytes']:,} to be read at most")
    lines += [f"note      {printable(text)}" for text in facts["notes"]]
    lines.append(f"licence   {facts['license']}: {facts['terms']}")
    lines.append(f"into      {facts['out']}, by way of the pool {facts['pool']}")
    return "\n".join(lines)


def rebuild_published(call: BuildCall, repo: str, output: Output) -> int:
    """Rebuild a published dataset from a person's own copy of its source. Return the exit code."""
    check_rebuild(call, repo)
    show_hub_bars(False)
    published = fetch_published(repo, call.revision)
    out = call.out or Path("out") / published.manifest.name
    if not isinstance(out, Path):
        raise UsageError(
            f"--from-hub writes to a folder of this machine, not to {out}",
            code="usage.local-out",
            hint="choose another --out",
        )
    if call.dry_run:
        facts = rebuild_facts(published, out)
        output.emit(facts, describe_rebuild_facts(facts))
        return 0
    options = call.options(published.source, out, limit=published.limit, shorter_side_px=published.shorter_side_px)
    with output.progress() as progress:
        result, comparison = rebuild_dataset(published, options, progress)
    facts = result_json(result) | {"source": published.source, "complete": not comparison.lost}
    facts["published"] = comparison.as_json()
    output.emit(facts, f"{describe_result(result)}\n\n{describe_comparison(comparison)}")
    for lost in comparison.lost:
        output.note(f"{lost['status']} {printable(lost['image_id'])}: {printable(lost['detail'])}")
    return FAILED_CHECK if comparison.lost and not call.allow_partial else 0


def check_rebuild(call: BuildCall, repo: str) -> None:
    """Raise `UsageError` for options that ``--from-hub`` decides, a name that no repository has, a missing --from."""
    again = [call.name] if call.name else []
    again += [option for name, option in DECIDED.items() if getattr(call, name) is not None]
    if again:
        raise UsageError(
            f"--from-hub {repo} says which dataset it is, and {again[0]} would say it again",
            code="usage.decided-by-hub",
            hint=f"leave out {again[0]}",
            name=again[0],
        )
    check_repo_name(repo)
    if call.path is None and not call.dry_run:
        raise UsageError(
            "--from-hub needs your own copy of the source", code="usage.no-copy-of-source", hint="add --from DIR"
        )


def rebuild_facts(published: PublishedDataset, out: Path) -> dict[str, Any]:
    """Return what a rebuild would make, as plain data."""
    return {
        "repo": published.repo,
        "commit": published.commit,
        "dataset": published.manifest.name,
        "version": published.manifest.version,
        "source": published.source,
        "get": terms.load(published.source).how_to_get,
        "limit": published.limit,
        "size": published.shorter_side_px,
        "images": {split: int((published.rows["split"] == split).sum()) for split in published.dataset.facts.images},
        "out": str(out),
    }


def describe_rebuild_facts(facts: Mapping[str, Any]) -> str:
    """Describe for people what a rebuild would make."""
    images = ", ".join(f"{n:,} {split}" for split, n in facts["images"].items())
    return (
        f"dataset   {facts['dataset']} {facts['version']}, {facts['repo']} at {facts['commit']}\n"
        f"images    {images}\n"
        f"source    {facts['source']}: {facts['get']}\n"
        f"into      {facts['out']}"
    )


def describe_comparison(comparison: RebuildComparison) -> str:
    """Describe how a rebuilt dataset compares to the published one."""
    kept = comparison.num_images - len(comparison.lost)
    lines = [
        f"{comparison.repo} at {comparison.commit}: {kept:,} of its {comparison.num_images:,} images are in this copy"
    ]
    if comparison.is_same:
        lines.append("The files of data/ and hierarchy/ are the published ones, byte for byte.")
    elif not comparison.lost:
        why = f": {', '.join(comparison.versions)}" if comparison.versions else ""
        lines.append(f"The images, labels and splits are the published ones; the bytes of their files differ{why}")
    if comparison.num_unlisted:
        lines.append(f"Not in the published dataset, so left out: {comparison.num_unlisted:,} candidates of this copy.")
    return "\n".join(lines)
