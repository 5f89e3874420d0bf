"""The commands that look at datasets, sources and WordNet, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dmlkit import terms
from dmlkit.cli.options import LOCAL_PATH, output_options, parse_location
from dmlkit.cli.output import FAILED_CHECK, Output
from dmlkit.dataset import figure
from dmlkit.dataset import validate as validation
from dmlkit.dataset.info import describe, tree_lines
from dmlkit.errors import UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.sources.registry import SOURCES
from dmlkit.taxonomy.manifest import load_manifest, shipped_names
from dmlkit.taxonomy.resolve import Taxonomy
from dmlkit.taxonomy.senses import describe_senses


@click.command()
@click.argument("folder", type=parse_location)
@output_options
def validate(folder: Path | str, output: Output) -> int:
    """Check the dataset in FOLDER: files, schema, hierarchy, splits, attribution."""
    if isinstance(folder, str):
        raise UsageError(
            f"{folder} is no folder of this machine",
            code="usage.local-folder",
            hint="copy it to one, and validate that",
            path=folder,
        )
    with output.progress() as progress:
        findings = validation.validate(folder, progress)
    errors = [finding for finding in findings if finding.code.startswith("E")]
    lines = [f"{finding.code} {finding.where}: {finding.message}" for finding in findings]
    counts = f"{len(errors)} errors, {len(findings) - len(errors)} warnings"
    lines.append(f"{folder}: {'not valid' if errors else 'valid'}: {counts}")
    facts = {"folder": str(folder), "valid": not errors, "findings": [vars(finding) for finding in findings]}
    output.emit(facts, "\n".join(lines))
    return FAILED_CHECK if errors else 0


@click.command("list")
@output_options
def list_all(output: Output) -> int:
    """List the datasets and the sources that their images can come from."""
    facts = {
        "manifests": [manifest_facts(name) for name in shipped_names()],
        "sources": [source_facts(name) for name in SOURCES],
    }
    lines = []
    for m in facts["manifests"]:
        lines.append(f"{m['name']}: {m['title']}")
        lines.append(f"  {m['fine']} fine, {m['middle']} middle, {m['coarse']} coarse classes")
        lines.append(f"  sources: {', '.join(m['sources'])}")
    lines.append("")
    for source in facts["sources"]:
        lines += [f"--source {source['name']}: {source['title']}", f"  {source['get']}"]
    output.emit(facts, "\n".join(lines))
    return 0


def manifest_facts(name: str) -> dict[str, Any]:
    """Return the title, the counts and the sources of a manifest."""
    listed = load_manifest(name)
    return {
        "name": listed.name,
        "title": listed.settings["title"],
        **{scale: len(listed.ids(scale)) for scale in SCALES},
        "sources": listed.accepted_sources(),
    }


def source_facts(name: str) -> dict[str, Any]:
    """Return what a person asks first of a source: what it is, what it allows, how to get it."""
    source_terms = terms.load(name)
    return {
        "name": name,
        "title": source_terms.title,
        "license": source_terms.license,
        "redistribute": source_terms.redistribute,
        "get": source_terms.how_to_get,
    }


@click.command()
@click.argument("name")
@click.option("--middle", is_flag=True, help="Stop at the middle classes.")
@output_options
def info(name: str, middle: bool, output: Output) -> int:
    """Show a dataset: its tree of classes with counts. NAME is a manifest, or a dataset folder."""
    facts = describe(name)
    output.emit(facts, "\n".join(tree_lines(facts, fine=not middle)))
    return 0


@click.command()
@click.argument("query", metavar="NAME|WNID")
@click.option("--manifest", "name", default="animal", show_default=True, help="Where it falls in this manifest.")
@output_options
def wordnet(query: str, name: str, output: Output) -> int:
    """Show a synset of WordNet 3.0, its paths, and where it falls in a manifest.

    A name with several senses lists them all.
    """
    senses = describe_senses(query, Taxonomy(load_manifest(name)))
    lines = [line for sense in senses for line in describe_sense(sense, name)]
    if len(senses) > 1:
        lines.insert(0, f"{query!r} has {len(senses)} senses; give the wnid of the one that is meant\n")
    output.emit({"query": query, "manifest": name, "senses": senses}, "\n".join(lines))
    return 0


def describe_sense(sense: Mapping[str, Any], manifest: str) -> list[str]:
    """Describe a synset for people: its names, its paths from the root, and where it falls in a manifest."""
    return [
        f"{sense['wnid']}  {', '.join(sense['lemmas'])}: {sense['gloss']}",
        *(f"  {path}" for path in sense["paths"]),
        f"  in {manifest}: {sense['status']}" + (f" - {sense['detail']}" if sense["detail"] else ""),
    ]


@click.command()
@click.argument("folder", type=LOCAL_PATH)
@click.option("--out", type=LOCAL_PATH, required=True, help="The folder for the sheets.")
@output_options
def sheets(folder: Path, out: Path, output: Output) -> int:
    """Draw contact sheets of a dataset: one for each coarse class, and a figure of the three scales."""
    paths = figure.write_sheets(folder, out)
    output.emit({"sheets": paths}, "\n".join(map(str, paths)))
    return 0
