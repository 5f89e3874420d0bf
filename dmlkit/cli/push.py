"""`dmlkit push`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dmlkit import terms
from dmlkit.cli.options import LOCAL_PATH, output_options
from dmlkit.cli.output import FAILED_CHECK, Output
from dmlkit.cli.progress import show_hub_bars
from dmlkit.dataset.checks.codes import Finding
from dmlkit.dataset.validate import validate
from dmlkit.hub.content import PushOptions, prepare_content
from dmlkit.hub.push import PushResult, push_dataset
from dmlkit.storage.hub_client import check_repo_name
from dmlkit.text import text_table


@click.command()
@click.argument("folder", metavar="DIR", type=LOCAL_PATH)
@click.argument("repo", metavar="USER/NAME")
@click.option("--private", is_flag=True, help="A new repository is readable for you alone.")
@click.option("--create-pr", is_flag=True, help="Open a pull request and change nothing else. It is tagged later.")
@click.option("--with-images", is_flag=True, help="Images too, where the source forbids to publish them: --private.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, ask the hub nothing, and stop.")
@output_options
def push(
    folder: Path, repo: str, private: bool, create_pr: bool, with_images: bool, dry_run: bool, output: Output
) -> int:
    """Validate the dataset in DIR, upload it to the hub, and tag its version.

    Of sources whose terms forbid to publish images, ids, labels and hashes go up, from which others make the data
    set with their own copy of the source: dmlkit build --from-hub. Stopped, the same command goes on.
    """
    check_repo_name(repo)
    options = PushOptions(repo, private, create_pr, with_images)
    with output.progress() as progress:
        findings = validate(folder, progress)
    errors = [finding for finding in findings if finding.code.startswith("E")]
    if errors:
        refused = {"folder": str(folder), "valid": False, "findings": [vars(finding) for finding in findings]}
        output.emit(refused, describe_errors(folder, errors))
        return FAILED_CHECK
    if dry_run:
        facts = dry_run_facts(folder, options)
        output.emit(facts, describe_dry_run(facts))
        return 0
    show_hub_bars(not output.quiet and not output.as_json and sys.stderr.isatty())
    result = push_dataset(folder, options)
    output.emit(result.as_json() | {"load": load_line(result)}, describe_result(result))
    for text in notes_on(result):
        output.note(text)
    return 0


def describe_errors(folder: Path, errors: Sequence[Finding]) -> str:
    """State why an invalid dataset is not pushed."""
    lines = [f"{finding.code} {finding.where}: {finding.message}" for finding in errors]
    return "\n".join([*lines, f"{folder}: not valid: {len(errors)} errors; nothing was pushed"])


def dry_run_facts(folder: Path, options: PushOptions) -> dict[str, Any]:
    """Return what would be sent, as plain data. Ask the Hub nothing."""
    with prepare_content(folder, options) as content:
        source_terms, file_sizes = terms.load_or_unknown(content.source), content.file_sizes
        return {
            "dry_run": True,
            "repo": options.repo,
            "dataset": content.name,
            "source": content.source,
            "license": source_terms.license,
            "terms": source_terms.conditions,
            "redistribute": source_terms.redistribute,
            "images": content.has_images,
            "private": options.private,
            "tag": content.tag,
            "files": file_sizes,
            "bytes": sum(file_sizes.values()),
        }


def describe_dry_run(facts: Mapping[str, Any]) -> str:
    """Describe for people what would be sent."""
    rows = [[name, f"{num_bytes:,}"] for name, num_bytes in facts["files"].items()]
    return (
        f"{text_table(rows, ['file', 'bytes'], right=(1,))}\n\n"
        f"into      {facts['repo']}{', private' if facts['private'] else ''}, tagged {facts['tag']}\n"
        f"bytes     {facts['bytes']:,} in {len(facts['files'])} files, of which the hub may have some\n"
        f"images    {'yes' if facts['images'] else 'no: ids, labels and hashes only'}\n"
        f"licence   {facts['license']}: {facts['terms']}"
    )


def load_line(result: PushResult) -> str:
    """Return the call that loads what was pushed."""
    return f'load_dataset("{result.repo}", revision="{result.revision}")'


def describe_result(result: PushResult) -> str:
    """Describe a push for people: what was sent, the tag or the pull request, and how to load it."""
    sent = f"{len(result.sent)} of {result.num_files} files sent, {result.num_sent_bytes:,} bytes"
    gone = f", {len(result.deleted)} deleted" if result.deleted else ""
    tag = f"tag {result.tag}: {'made' if result.tagged else 'there already'}, {result.commit}"
    return (
        f"{result.url}: {sent if result.sent or result.deleted else 'all there already, nothing sent'}{gone}\n"
        f"{f'pull request: {result.pull_request}' if result.pull_request else tag}\n\n"
        f"from datasets import load_dataset\n{load_line(result)}"
    )


def notes_on(result: PushResult) -> list[str]:
    """List what is left to do after a push."""
    notes = []
    if result.pull_request:
        notes.append("Merged, the same command without --create-pr tags it; it sends nothing then.")
    if not result.has_images:
        notes += [
            "\nIds, labels and hashes only: the source's terms keep its images here. Others make the dataset with",
            f"  dmlkit build --from-hub {result.repo} --from DIR",
        ]
    return notes
