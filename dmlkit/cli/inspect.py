"""The commands that look at datasets, sources and WordNet, and change nothing."""

from __future__ import annotations

from pathlib import Path

import click

from dmlkit.cli.options import FAILED_CHECK, json_option, place, print_json, quiet_option
from dmlkit.errors import UsageError


@click.command()
@click.argument("folder", type=place)
@json_option
@quiet_option
def validate(folder: Path | str, as_json: bool, quiet: bool) -> int:
    """Check the dataset in FOLDER: files, schema, hierarchy, splits, attribution."""
    if isinstance(folder, str):
        raise UsageError(f"{folder} is no folder of this machine", hint="copy it to one, and validate that")
    from dmlkit.cli.terminal import Steps
    from dmlkit.dataset.validate import validate

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


@click.command("list")
@json_option
def list_all(as_json: bool) -> int:
    """List the datasets and the sources that their images can come from."""
    from dmlkit import sources, terms
    from dmlkit.taxonomy import manifest as manifests
    from dmlkit.taxonomy.manifest import load_manifest

    known = [load_manifest(name) for name in manifests.shipped_names()]
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
                "title": (source_terms := terms.load(name)).title,
                "license": source_terms.license,
                "redistribute": source_terms.redistribute,
                "get": source_terms.how_to_get,
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


@click.command()
@click.argument("name")
@click.option("--middle", is_flag=True, help="Stop at the middle classes.")
@json_option
def info(name: str, middle: bool, as_json: bool) -> int:
    """Show a dataset: its tree of classes with counts. NAME is a manifest, or a dataset folder."""
    from dmlkit.dataset.info import describe, tree_lines

    facts = describe(name)
    if as_json:
        print_json(facts)
    else:
        print("\n".join(tree_lines(facts, fine=not middle)))
    return 0


@click.command()
@click.argument("query", metavar="NAME|WNID")
@click.option("--manifest", "name", default="animal", show_default=True, help="Where it falls in this manifest.")
@json_option
def wordnet(query: str, name: str, as_json: bool) -> int:
    """Show a synset of WordNet 3.0, its paths, and where it falls in a manifest.

    A name with several senses lists them all.
    """
    from dmlkit.taxonomy.manifest import load_manifest
    from dmlkit.taxonomy.resolve import Taxonomy
    from dmlkit.taxonomy.senses import describe_senses

    senses = describe_senses(query, Taxonomy(load_manifest(name)))
    if as_json:
        print_json({"query": query, "manifest": name, "senses": senses})
        return 0
    if len(senses) > 1:
        print(f"{query!r} has {len(senses)} senses; give the wnid of the one that is meant\n")
    for sense in senses:
        print(f"{sense['wnid']}  {', '.join(sense['lemmas'])}: {sense['gloss']}")
        for path in sense["paths"]:
            print(f"  {path}")
        print(f"  in {name}: {sense['status']}" + (f" - {sense['detail']}" if sense["detail"] else ""))
    return 0


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder for the sheets.")
@json_option
def sheets(folder: Path, out: Path, as_json: bool) -> int:
    """Draw contact sheets of a dataset: one for each coarse class, and a figure of the three scales."""
    from dmlkit.dataset import figure as sheets

    paths = sheets.write_sheets(folder, out)
    if as_json:
        print_json({"sheets": paths})
    else:
        for path in paths:
            print(path)
    return 0
