"""The command line. The only module that prints, draws progress, and exits.

Results go to stdout, all else to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 built under the floor or
validation found errors, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from dmlkit import __version__
from dmlkit.errors import DmlkitError, UsageError, printable

FAILED_CHECK = 3
INTERRUPTED = 130

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress and no notes on stderr.")


def run() -> None:
    """The entry point: runs a command and turns errors into a sentence and an exit code."""
    as_json = "--json" in sys.argv
    # The allocator that pyarrow takes by itself keeps what it was once given: memory would grow with the data set.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        code = main(standalone_mode=False)
    except DmlkitError as exc:
        sys.exit(fail(exc.message, exc.hint, exc.exit_code, as_json))
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        if as_json:
            sys.exit(fail(exc.format_message(), "", exc.exit_code, as_json))
        exc.show()
        sys.exit(exc.exit_code)
    except BrokenPipeError:  # the reader of stdout, `head` for example, has seen enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as exc:  # of a path that no library module looked after
        sys.exit(fail(f"{exc.filename or 'a file'}: {exc.strerror or exc}", "", 1, as_json))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(fail("interrupted; what was finished is safe", "the same command goes on", INTERRUPTED, as_json))
    sys.exit(code if isinstance(code, int) else 0)


def fail(message: str, hint: str, code: int, as_json: bool) -> int:
    if as_json:
        print_json({"error": message, "hint": hint, "exit_code": code})
    print(f"dmlkit: {message}", file=sys.stderr)
    if hint:
        print(f"  try: {hint}", file=sys.stderr)
    return code


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def note(text: str, quiet: bool = False) -> None:
    if not quiet:
        print(text, file=sys.stderr)


def place(text: str) -> Any:
    """A path of this machine, or a URL such as s3://BUCKET/FOLDER."""
    from dmlkit.store import place_of

    return place_of(text)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dmlkit")
def main() -> None:
    """Image data sets with labels at three semantic scales: fine, middle, coarse."""


@main.command()
@click.argument("name")
@click.option("--source", help="Where the pictures come from; see `dmlkit list`.  [default: the manifest's]")
@click.option("--from", "path", type=click.Path(path_type=Path), help="The source's files on this machine.")
@click.option("--out", type=place, metavar="PATH|URL", help="The data set folder.  [default: out/NAME]")
@click.option(
    "--pool", type=place, metavar="PATH|URL", help="Checked pictures, kept between runs.  [default: OUT.pool]"
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N pictures of each fine class.")
@click.option("--size", type=click.IntRange(min=1), metavar="PX", help="Bring larger pictures to this shorter side.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes.  [default: the cores]")
@click.option("--engine", type=click.Choice(["local", "ray"]), help="What runs the workers.  [default: local]")
@click.option("--address", help="Of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT.  [default: this machine]")
@click.option("--allow-partial", is_flag=True, help="Exit with 0 although classes of the manifest have no pictures.")
@click.option("--allow-private-hosts", is_flag=True, help="Let downloads reach addresses of the local network.")
@click.option("--contact", envvar="DMLKIT_CONTACT", help="Mail or page that servers are told.  [env: DMLKIT_CONTACT]")
@click.option(
    "--per-host", type=click.IntRange(min=1), metavar="N", help="Requests to one host at a time.  [default: 8]"
)
@click.option(
    "--retry", metavar="VERDICTS", help="Ask again for these: timeout,http-429 ... or none.  [default: what may pass]"
)
@click.option("--dry-run", is_flag=True, help="Say what would be read, and stop.")
@json_option
@quiet_option
def build(name: str, dry_run: bool, allow_partial: bool, as_json: bool, quiet: bool, **chosen: Any) -> int:
    """Build the data set NAME, or that of a manifest folder.

    Without --source the pictures are those of the embedded sample: drawn, so that it works on any machine.
    Interrupted or killed, the same command goes on where it stopped.
    """
    from dmlkit import manifest as manifests
    from dmlkit.build import Options, build
    from dmlkit.build import dry_run as dry_run_of
    from dmlkit.terminal import Steps

    manifest = manifests.load(name)
    source = chosen.pop("source") or manifest.default_source()
    out = chosen.pop("out") or Path("out") / manifest.name
    chosen["retry"] = retry_of(chosen["retry"])
    options = Options(source=source, out=out, **{key: value for key, value in chosen.items() if value is not None})
    if dry_run:
        facts = dry_run_of(manifest, options)
        print_json(facts) if as_json else print_dry_run(facts)
        return 0
    if source == "url-list" and not options.contact:
        note("servers are not told whom to write to: --contact or DMLKIT_CONTACT says it", quiet or as_json)
    with Steps(quiet or as_json) as steps:
        result = build(manifest, options, steps)
    reached = all(c.reached for c in result.coverage.values())
    from dmlkit import sources

    terms = sources.load(source).TERMS
    if as_json:
        print_json(result_json(result) | {"source": source, "complete": reached})
    else:
        print_result(result)
    if source == "sample":
        note(f"\nThe pictures are drawn. For photographs: dmlkit list, then dmlkit build {name} --source ...", quiet)
    elif not terms.redistribute:
        note(f"\nThe terms of {source} do not allow to publish these pictures: {terms.terms}", quiet)
    if not reached:
        note(f"\n{len(result.missing)} fine classes have too few pictures or none, below the manifest's floor:", quiet)
        note("  " + ", ".join(result.missing[:20]) + (" ..." if len(result.missing) > 20 else ""), quiet)
        note("  All of them: the config `hierarchy`, or --json. --allow-partial accepts this.", quiet)
    return 0 if reached or allow_partial else FAILED_CHECK


def retry_of(text: str | None) -> frozenset[str] | None:
    """The verdicts of ``--retry``. Raises `UsageError` for one that is none."""
    from dmlkit.schema import FETCH_VERDICTS

    if text is None:
        return None
    names = frozenset(name.strip() for name in text.split(",") if name.strip()) - {"none"}
    if unknown := sorted(names - FETCH_VERDICTS):
        raise UsageError(f"--retry: {unknown[0]} is no verdict of a download", hint=", ".join(sorted(FETCH_VERDICTS)))
    return names


def result_json(result: Any) -> dict[str, Any]:
    from dataclasses import asdict

    facts = asdict(result)
    for scale, coverage in result.coverage.items():
        facts["coverage"][scale]["reached"] = coverage.reached
    return facts


def print_result(result: Any) -> None:
    from dmlkit.terminal import table

    total = sum(result.verdicts.values())
    print(f"{result.out}: {result.verdicts['ok']:,} of {total:,} pictures, in {result.seconds:.0f} s")
    print(table([[s, f"{n:,}"] for s, n in result.pictures.items()], ["split", "pictures"], right=(1,)))
    print()
    rows = [[scale, str(c.found), str(c.of), f"{c.found / c.of:.1%}"] for scale, c in result.coverage.items()]
    print(table(rows, ["scale", "classes", "of", "covered"], right=(1, 2, 3)))
    print()
    print(table([[v, f"{n:,}"] for v, n in result.verdicts.items()], ["verdict", "candidates"], right=(1,)))
    for kind, of in result.failures.items():
        if of:
            lines = [[printable(name), ", ".join(f"{n:,} {v}" for v, n in found.items())] for name, found in of.items()]
            print("\n" + table(lines, [f"{kind} with most failures", ""]))
    if isinstance(result.out, Path):
        print(f"\nOpen it: python -c \"from datasets import load_dataset; print(load_dataset('{result.out}'))\"")
    else:
        print("\nCopy the folder to a machine to open it there.")


def print_dry_run(facts: dict[str, Any]) -> None:
    from dmlkit.terminal import duration

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
    for verdict, labels in facts["labels"].items():
        print(f"labels    {labels} {verdict}")
    if "pictures" in facts:
        print(f"pictures  {facts['pictures']:,} to be fetched from {facts['of_hosts']:,} hosts")
        for host, pictures in facts["hosts"].items():
            print(f"  {pictures:,} at {printable(host)}")
        print(f"bytes     about {facts['bytes']:,}, at 100 kB a picture")
        print(f"time      about {duration(facts['seconds'])} or more, by the busiest host and the cores")
        for name, pictures in facts["licenses"].items():
            print(f"licence   {pictures:,} rows say {printable(name) or 'nothing'}")
    elif facts["bytes"] is not None:
        print(f"bytes     {facts['bytes']:,} to be read at most")
    print(f"licence   {facts['license']}: {facts['terms']}")
    print(f"into      {facts['out']}, by way of the pool {facts['pool']}")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
@quiet_option
def validate(folder: Path, as_json: bool, quiet: bool) -> int:
    """Check the data set in FOLDER: files, schema, hierarchy, splits, attribution."""
    from dmlkit.terminal import Steps
    from dmlkit.validate import validate

    with Steps(quiet or as_json) as steps:
        findings = validate(folder, steps)
    errors = [f for f in findings if f.code.startswith("E")]
    if as_json:
        print_json({"folder": str(folder), "valid": not errors, "findings": [vars(f) for f in findings]})
    else:
        for finding in findings:
            print(f"{finding.code} {finding.where}: {finding.message}")
        warnings = len(findings) - len(errors)
        print(f"{folder}: {'not valid' if errors else 'valid'}: {len(errors)} errors, {warnings} warnings")
    return FAILED_CHECK if errors else 0


@main.command("list")
@json_option
def list_all(as_json: bool) -> int:
    """List the data sets and the sources that their pictures can come from."""
    from dmlkit import manifest as manifests
    from dmlkit import sources

    known = [manifests.load(name) for name in manifests.shipped()]
    facts = {
        "manifests": [
            {
                "name": m.name,
                "title": m.settings["title"],
                **{scale: len(m.ids(scale)) for scale in ("fine", "middle", "coarse")},
                "sources": m.accepted_sources(),
            }
            for m in known
        ],
        "sources": [
            {
                "name": name,
                "title": (terms := sources.load(name).TERMS).title,
                "license": terms.license,
                "redistribute": terms.redistribute,
                "get": terms.get,
            }
            for name in sources.MODULES
        ],
    }
    if as_json:
        print_json(facts)
        return 0
    for m in facts["manifests"]:
        print(f"{m['name']}: {m['title']}")
        print(f"  {m['fine']} fine, {m['middle']} middle, {m['coarse']} coarse classes")
        print(f"  sources: {', '.join(m['sources'])}")
    print()
    for s in facts["sources"]:
        print(f"--source {s['name']}: {s['title']}")
        print(f"  {s['get']}")
    return 0


@main.command()
@click.argument("name")
@click.option("--middle", is_flag=True, help="Stop at the middle classes.")
@json_option
def info(name: str, middle: bool, as_json: bool) -> int:
    """Show a data set: its tree of classes with counts. NAME is a manifest, or a data set folder."""
    from dmlkit.info import describe, tree_lines

    facts = describe(name)
    if as_json:
        print_json(facts)
    else:
        print("\n".join(tree_lines(facts, fine=not middle)))
    return 0


@main.command()
@click.argument("query", metavar="NAME|WNID")
@click.option("--manifest", "name", default="animal", show_default=True, help="Where it falls in this manifest.")
@json_option
def wordnet(query: str, name: str, as_json: bool) -> int:
    """Show a synset of WordNet 3.0, its paths, and where it falls in a manifest.

    A name with several senses lists them all.
    """
    from dmlkit import manifest as manifests
    from dmlkit import wordnet
    from dmlkit.hierarchy import Hierarchy

    senses = wordnet.describe(query, Hierarchy(manifests.load(name)))
    if as_json:
        print_json({"query": query, "manifest": name, "senses": senses})
        return 0
    if len(senses) > 1:
        print(f"{query!r} has {len(senses)} senses; give the wnid of the one that is meant\n")
    for sense in senses:
        print(f"{sense['wnid']}  {', '.join(sense['lemmas'])}: {sense['gloss']}")
        for path in sense["paths"]:
            print(f"  {path}")
        print(f"  in {name}: {sense['verdict']}" + (f" - {sense['detail']}" if sense["detail"] else ""))
    return 0


@main.group()
def manifest() -> None:
    """Make, check, derive and compare manifests."""


@manifest.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def manifest_new(folder: Path, as_json: bool) -> int:
    """Start a manifest of your own in FOLDER."""
    from dmlkit import authoring

    paths = authoring.new(folder)
    print_json({"files": paths}) if as_json else print(*paths, sep="\n")
    note(f"fill classes.tsv, then: dmlkit manifest check {folder}", as_json)
    return 0


@manifest.command("check")
@click.argument("name")
@json_option
def manifest_check(name: str, as_json: bool) -> int:
    """Check a manifest, by name or folder, and show its counts."""
    from dmlkit import manifest as manifests

    m = manifests.load(name)
    counts = {
        part: {
            scale: len({c.id(scale) for c in m.classes if c.split == part}) for scale in ("fine", "middle", "coarse")
        }
        for part in ("train", "test")
    }
    if as_json:
        print_json({"name": m.name, "version": m.version, "sha256": m.sha256, "classes": counts})
    else:
        print(f"{m.name} {m.version} is sound")
        for part, of in counts.items():
            print(f"  {part}: {of['fine']} fine, {of['middle']} middle, {of['coarse']} coarse classes")
    return 0


@manifest.command("derive")
@click.argument("name")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where the files would change.")
@json_option
def manifest_derive(name: str, check: bool, as_json: bool) -> int:
    """Apply the rules of manifest.toml to WordNet and write classes.tsv and excluded.tsv."""
    from dmlkit import derive
    from dmlkit import manifest as manifests

    folder = manifests.find(name)
    done = {}
    for file_name, data in derive.derive(folder).items():
        path = folder / file_name
        same = path.is_file() and path.read_bytes() == data
        done[file_name] = "unchanged" if same else "would change" if check else "written"
        if not same and not check:
            path.write_bytes(data)
    print_json(done) if as_json else print("\n".join(f"{file_name}: {what}" for file_name, what in done.items()))
    return 1 if "would change" in done.values() else 0


@manifest.command("diff")
@click.argument("old")
@click.argument("new")
@json_option
def manifest_diff(old: str, new: str, as_json: bool) -> int:
    """Show which classes differ between two manifests."""
    from dmlkit import authoring
    from dmlkit import manifest as manifests

    changes = authoring.diff(manifests.load(old), manifests.load(new))
    if as_json:
        print_json({"old": old, "new": new, "changes": changes})
    else:
        for change in changes:
            print(change)
        print(f"{len(changes)} differences")
    return 0


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder for the sheets.")
@json_option
def sheets(folder: Path, out: Path, as_json: bool) -> int:
    """Draw contact sheets of a data set: one for each coarse class, and a figure of the three scales."""
    from dmlkit.export import sheets

    paths = sheets.write_sheets(folder, out)
    if as_json:
        print_json({"sheets": paths})
    else:
        for path in paths:
            print(path)
    return 0
