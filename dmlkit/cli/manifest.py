"""`dmlkit manifest`: make, check, derive and compare manifests."""

from __future__ import annotations

from pathlib import Path

import click

from dmlkit.cli.options import LOCAL_PATH, output_options
from dmlkit.cli.output import FAILED, Output
from dmlkit.schema.scales import SCALES
from dmlkit.taxonomy.derive import derive_files
from dmlkit.taxonomy.manifest import find_manifest, load_manifest
from dmlkit.taxonomy.template import create_manifest, diff_manifests


@click.group()
def manifest() -> None:
    """Make, check, derive and compare manifests."""


@manifest.command("new")
@click.argument("folder", type=LOCAL_PATH)
@output_options
def manifest_new(folder: Path, output: Output) -> int:
    """Start a manifest of your own in FOLDER."""
    paths = create_manifest(folder)
    output.emit({"files": paths}, "\n".join(map(str, paths)))
    output.note(f"fill classes.tsv, then: dmlkit manifest check {folder}")
    return 0


@manifest.command("check")
@click.argument("name")
@output_options
def manifest_check(name: str, output: Output) -> int:
    """Check a manifest, by name or folder, and show its counts."""
    checked = load_manifest(name)
    counts = {
        side: {scale: len({c.id(scale) for c in checked.classes if c.split == side}) for scale in SCALES}
        for side in ("train", "test")
    }
    lines = [f"{checked.name} {checked.version} is sound"]
    for side, classes in counts.items():
        lines.append(f"  {side}: {', '.join(f'{count} {scale}' for scale, count in classes.items())} classes")
    facts = {"name": checked.name, "version": checked.version, "sha256": checked.sha256, "classes": counts}
    output.emit(facts, "\n".join(lines))
    return 0


@manifest.command("derive")
@click.argument("name")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where the files would change.")
@output_options
def manifest_derive(name: str, check: bool, output: Output) -> int:
    """Apply the rules of manifest.toml to WordNet and write classes.tsv and excluded.tsv."""
    folder = find_manifest(name)
    outcomes = {}
    for file_name, data in derive_files(folder).items():
        path = folder / file_name
        same = path.is_file() and path.read_bytes() == data
        outcomes[file_name] = "unchanged" if same else "would change" if check else "written"
        if not same and not check:
            path.write_bytes(data)
    output.emit(outcomes, "\n".join(f"{file_name}: {outcome}" for file_name, outcome in outcomes.items()))
    return FAILED if "would change" in outcomes.values() else 0


@manifest.command("diff")
@click.argument("old")
@click.argument("new")
@output_options
def manifest_diff(old: str, new: str, output: Output) -> int:
    """Show which classes differ between two manifests."""
    changes = diff_manifests(load_manifest(old), load_manifest(new))
    output.emit({"old": old, "new": new, "changes": changes}, "\n".join([*changes, f"{len(changes)} differences"]))
    return 0
