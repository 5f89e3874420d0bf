"""`dmlkit push`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from dmlkit.cli.options import FAILED_CHECK, json_option, note, print_json, quiet_option
from dmlkit.text import text_table


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("repo", metavar="USER/NAME")
@click.option("--private", is_flag=True, help="A new repository is readable for you alone.")
@click.option("--create-pr", is_flag=True, help="Open a pull request and change nothing else. It is tagged later.")
@click.option("--with-images", is_flag=True, help="Images too, where the source forbids to publish them: --private.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, ask the hub nothing, and stop.")
@json_option
@quiet_option
def push(
    folder: Path,
    repo: str,
    private: bool,
    create_pr: bool,
    with_images: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Validate the dataset in DIR, upload it to the hub, and tag its version.

    Of sources whose terms forbid to publish images, ids, labels and hashes go up, from which others make the data
    set with their own copy of the source: dmlkit build --from-hub. Stopped, the same command goes on.
    """
    from dmlkit.cli.terminal import Steps
    from dmlkit.dataset.validate import validate
    from dmlkit.hub import push as hub
    from dmlkit.storage.hub_client import check_name

    check_name(repo)
    options = hub.Options(repo, private, create_pr, with_images)
    with Steps(quiet or as_json) as steps:
        findings = validate(folder, steps)
    errors = [f for f in findings if f.code.startswith("E")]
    if errors:
        return refuse(folder, findings, errors, as_json)
    if dry_run:
        facts = dry_facts(folder, options)
        print_json(facts) if as_json else print_dry(facts)
        return 0
    show_bars(not quiet and not as_json and sys.stderr.isatty())
    result = hub.push(folder, options)
    if as_json:
        print_json(result_json(result))
    else:
        print_result(result, quiet)
    return 0


def refuse(folder: Path, findings: list[Any], errors: list[Any], as_json: bool) -> int:
    """Tell why an invalid dataset is not pushed."""
    if as_json:
        print_json({"folder": str(folder), "valid": False, "findings": [vars(f) for f in findings]})
    else:
        for finding in errors:
            print(f"{finding.code} {finding.where}: {finding.message}")
        print(f"{folder}: not valid: {len(errors)} errors; nothing was pushed")
    return FAILED_CHECK


def show_bars(wanted: bool) -> None:
    """The bars of the hub's client: only where a person watches."""
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

    enable_progress_bars() if wanted else disable_progress_bars()


def dry_facts(folder: Path, options: Any) -> dict[str, Any]:
    from dmlkit import terms
    from dmlkit.hub import push as hub

    with hub.content_of(folder, options) as content:
        source_terms, sizes = terms.load_or_unknown(content.source), content.sizes
        return {
            "dry_run": True,
            "repo": options.repo,
            "data_set": content.name,
            "source": content.source,
            "license": source_terms.license,
            "terms": source_terms.conditions,
            "redistribute": source_terms.redistribute,
            "images": content.images,
            "private": options.private,
            "tag": content.tag,
            "files": sizes,
            "bytes": sum(sizes.values()),
        }


def print_dry(facts: dict[str, Any]) -> None:
    rows = [[name, f"{size:,}"] for name, size in facts["files"].items()]
    print(text_table(rows, ["file", "bytes"], right=(1,)))
    print(f"\ninto      {facts['repo']}{', private' if facts['private'] else ''}, tagged {facts['tag']}")
    print(f"bytes     {facts['bytes']:,} in {len(facts['files'])} files, of which the hub may have some")
    print(f"images  {'yes' if facts['images'] else 'no: ids, labels and hashes only'}")
    print(f"licence   {facts['license']}: {facts['terms']}")


def result_json(result: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(result) | {"load": load_line(result)}


def load_line(result: Any) -> str:
    return f'load_dataset("{result.repo}", revision="{result.revision}")'


def print_result(result: Any, quiet: bool) -> None:
    sent = f"{len(result.sent)} of {result.files} files sent, {result.sent_bytes:,} bytes"
    gone = f", {len(result.deleted)} deleted" if result.deleted else ""
    print(f"{result.url}: {sent if result.sent or result.deleted else 'all there already, nothing sent'}{gone}")
    if result.pull_request:
        print(f"pull request: {result.pull_request}")
        note("Merged, the same command without --create-pr tags it; it sends nothing then.", quiet)
    else:
        print(f"tag {result.tag}: {'made' if result.tagged else 'there already'}, {result.commit}")
    print(f"\nfrom datasets import load_dataset\n{load_line(result)}")
    if not result.images:
        note(
            "\nIds, labels and hashes only: the source's terms keep its images here. Others make the dataset with",
            quiet,
        )
        note(f"  dmlkit build --from-hub {result.repo} --from DIR", quiet)
