"""`dmlkit build`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import FAILED_CHECK, json_option, note, place, print_json, quiet_option
from dmlkit.errors import UsageError
from dmlkit.text import duration, printable, text_table


@click.command()
@click.argument("name", required=False, default="")
@click.option("--from-hub", metavar="USER/NAME", help="Make this published dataset again, from your own --from.")
@click.option("--revision", metavar="TAG", help="Of --from-hub: a tag, branch or commit.  [default: the newest]")
@click.option("--source", help="Where the images come from; see `dmlkit list`.  [default: the manifest's]")
@click.option("--from", "path", type=click.Path(path_type=Path), help="The source's files on this machine.")
@click.option("--out", type=place, metavar="PATH|URL", help="The dataset folder.  [default: out/NAME]")
@click.option("--pool", type=place, metavar="PATH|URL", help="Checked images, kept between runs.  [default: OUT.pool]")
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    help="What you fill in of a source's classes; written where needed.  [default: OUT.table.tsv]",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N images of each fine class.")
@click.option("--size", type=click.IntRange(min=1), metavar="PX", help="Bring larger images to this shorter side.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes.  [default: the cores]")
@click.option("--engine", type=click.Choice(["local", "ray"]), help="What runs the workers.  [default: local]")
@click.option("--address", help="Of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT.  [default: this machine]")
@click.option("--allow-partial", is_flag=True, help="Exit with 0 although classes of the manifest have no images.")
@click.option("--allow-private-hosts", is_flag=True, help="Let downloads reach addresses of the local network.")
@click.option("--contact", envvar="DMLKIT_CONTACT", help="Mail or page that servers are told.  [env: DMLKIT_CONTACT]")
@click.option(
    "--per-host", type=click.IntRange(min=1), metavar="N", help="Requests to one host at a time.  [default: 8]"
)
@click.option(
    "--retry", metavar="STATUSES", help="Ask again for these: timeout,http-429 ... or none.  [default: what may pass]"
)
@click.option("--dry-run", is_flag=True, help="Say what would be read, and stop.")
@json_option
@quiet_option
def build(
    name: str,
    from_hub: str | None,
    revision: str | None,
    dry_run: bool,
    allow_partial: bool,
    as_json: bool,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Build the dataset NAME, or that of a manifest folder.

    Without --source the images are those of the embedded sample: drawn, so that it works on any machine.
    Interrupted or killed, the same command goes on where it stopped.
    """
    chosen["retry"] = retry_of(chosen["retry"])
    if from_hub is not None:
        from dmlkit.cli.rebuild import Asked, rebuild

        return rebuild(Asked(from_hub, revision, name, dry_run, allow_partial, as_json, quiet), chosen)
    if not name or revision is not None:
        missing = "--revision is of --from-hub" if revision is not None else "say which dataset: NAME, or --from-hub"
        raise UsageError(missing, hint="`dmlkit list` shows the names")
    from dmlkit import sources, terms
    from dmlkit.cli.terminal import Steps
    from dmlkit.pipeline.build import Options, build
    from dmlkit.pipeline.build import dry_run as dry_run_of
    from dmlkit.taxonomy.manifest import load_manifest

    manifest = load_manifest(name)
    source = chosen.pop("source") or manifest.default_source()
    out = chosen.pop("out") or Path("out") / manifest.name
    options = Options(source=source, out=out, **{key: value for key, value in chosen.items() if value is not None})
    if dry_run:
        facts = dry_run_of(manifest, options)
        print_json(facts) if as_json else print_dry_run(facts)
        return 0
    if source in sources.MODULES and hasattr(sources.load(source), "fetch") and not options.contact:
        note("servers are not told whom to write to: --contact or DMLKIT_CONTACT says it", quiet or as_json)
    with Steps(quiet or as_json) as steps:
        result = build(manifest, options, steps)
    reached = all(c.reached for c in result.coverage.values())
    source_terms = terms.load(source)
    if as_json:
        print_json(result_json(result) | {"source": source, "complete": reached})
    else:
        print_result(result)
    for text in result.notes:
        note(f"note: {printable(text)}", quiet)
    if source == "sample":
        note(f"\nThe images are drawn. For photographs: dmlkit list, then dmlkit build {name} --source ...", quiet)
    elif not source_terms.redistribute:
        note(f"\nThe terms of {source} do not allow to publish these images: {source_terms.conditions}", quiet)
    if not reached:
        note(f"\n{len(result.missing)} fine classes have too few images or none, below the manifest's floor:", quiet)
        note("  " + ", ".join(result.missing[:20]) + (" ..." if len(result.missing) > 20 else ""), quiet)
        note("  All of them: the config `hierarchy`, or --json. --allow-partial accepts this.", quiet)
    return 0 if reached or allow_partial else FAILED_CHECK


def retry_of(text: str | None) -> frozenset[str] | None:
    """The statuses of ``--retry``. Raises `UsageError` for one that is none."""
    from dmlkit.schema.statuses import FETCH_STATUSES

    if text is None:
        return None
    names = frozenset(name.strip() for name in text.split(",") if name.strip()) - {"none"}
    if unknown := sorted(names - FETCH_STATUSES):
        raise UsageError(f"--retry: {unknown[0]} is no status of a download", hint=", ".join(sorted(FETCH_STATUSES)))
    return names


def result_json(result: Any) -> dict[str, Any]:
    from dataclasses import asdict

    facts = asdict(result)
    for scale, coverage in result.coverage.items():
        facts["coverage"][scale]["reached"] = coverage.reached
    return facts


def print_result(result: Any) -> None:
    total = sum(result.statuses.values())
    print(f"{result.out}: {result.statuses['ok']:,} of {total:,} images, in {result.seconds:.0f} s")
    print(text_table([[s, f"{n:,}"] for s, n in result.images.items()], ["split", "images"], right=(1,)))
    print()
    rows = [[scale, str(c.found), str(c.of), f"{c.found / c.of:.1%}"] for scale, c in result.coverage.items()]
    print(text_table(rows, ["scale", "classes", "of", "covered"], right=(1, 2, 3)))
    print()
    print(text_table([[v, f"{n:,}"] for v, n in result.statuses.items()], ["status", "candidates"], right=(1,)))
    for kind, of in result.failures.items():
        if of:
            lines = [[printable(name), ", ".join(f"{n:,} {v}" for v, n in found.items())] for name, found in of.items()]
            print("\n" + text_table(lines, [f"{kind} with most failures", ""]))
    if isinstance(result.out, Path):
        print(f"\nOpen it: python -c \"from datasets import load_dataset; print(load_dataset('{result.out}'))\"")
    else:
        print("\nCopy the folder to a machine to open it there.")


def print_dry_run(facts: dict[str, Any]) -> None:
    print(f"source    {facts['source']}: {facts['title']}")
    if facts["download"]:
        print(
            f"download  {facts['download']['url']}, {facts['download']['bytes']:,} bytes; what is in it is known then"
        )
    elif facts["stream"]:
        print("units     a stream: known only while it is read")
    else:
        known = f", {facts['settled']} of them already in the pool" if facts["settled"] else ""
        print(f"units     {facts['units']}{known}")
        print(f"classes   {facts['fine']} of {facts['of_fine']} fine classes have labels in this source")
    for status, labels in facts["labels"].items():
        print(f"labels    {labels} {status}")
    if "images" in facts:
        print(f"images  {facts['images']:,} to be fetched from {facts['of_hosts']:,} hosts")
        for host, images in facts["hosts"].items():
            print(f"  {images:,} at {printable(host)}")
        print(f"bytes     about {facts['bytes']:,}, at 100 kB an image")
        print(f"time      about {duration(facts['seconds'])} or more, by the busiest host and the cores")
        for name, images in facts["licenses"].items():
            print(f"licence   {images:,} rows say {printable(name) or 'nothing'}")
    elif facts["bytes"] is not None:
        print(f"bytes     {facts['bytes']:,} to be read at most")
    for text in facts["notes"]:
        print(f"note      {printable(text)}")
    print(f"licence   {facts['license']}: {facts['terms']}")
    print(f"into      {facts['out']}, by way of the pool {facts['pool']}")
