"""`dmlkit manifest`: make, check, derive and compare manifests."""

from __future__ import annotations

from pathlib import Path

import click

from dmlkit.cli.options import json_option, note, print_json


@click.group()
def manifest() -> None:
    """Make, check, derive and compare manifests."""


@manifest.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def manifest_new(folder: Path, as_json: bool) -> int:
    """Start a manifest of your own in FOLDER."""
    from dmlkit.taxonomy import template

    paths = template.create_manifest(folder)
    print_json({"files": paths}) if as_json else print(*paths, sep="\n")
    note(f"fill classes.tsv, then: dmlkit manifest check {folder}", as_json)
    return 0


@manifest.command("check")
@click.argument("name")
@json_option
def manifest_check(name: str, as_json: bool) -> int:
    """Check a manifest, by name or folder, and show its counts."""
    from dmlkit.taxonomy.manifest import load_manifest

    m = load_manifest(name)
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
    from dmlkit.taxonomy import derive
    from dmlkit.taxonomy import manifest as manifests

    folder = manifests.find_manifest(name)
    done = {}
    for file_name, data in derive.derive_files(folder).items():
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
    from dmlkit.taxonomy import template
    from dmlkit.taxonomy.manifest import load_manifest

    changes = template.diff_manifests(load_manifest(old), load_manifest(new))
    if as_json:
        print_json({"old": old, "new": new, "changes": changes})
    else:
        for change in changes:
            print(change)
        print(f"{len(changes)} differences")
    return 0
