"""A tiny manifest, its source and its dataset folder."""

from __future__ import annotations

from pathlib import Path

from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import Exclusion, FineClass, load_manifest
from dmlkit.taxonomy.template import to_tsv
from tests.support.images import make_image, write_tar

# Two coarse classes with two middle classes each, one of them for the test; two fine classes in each.
CLASSES = [
    FineClass(f"n0{coarse}{middle}{fine}0001", f"{middle_name} {fine}", f"n0{coarse}{middle}00001", middle_name,
              f"n0{coarse}000001", coarse_name, split, "")
    for coarse, coarse_name, middles in (
        (1, "mammal", (("1", "dog", "train"), ("2", "bear", "test"))),
        (2, "bird", (("1", "owl", "train"), ("2", "parrot", "test"))),
    )
    for middle, middle_name, split in middles
    for fine in (1, 2)
]  # fmt: skip


WHALE = Exclusion("n09999999", "whale", "it looks like a fish")


TOML = """name = "tiny"
version = "1.0.0"
title = "Tiny animals"
description = "For tests."
[sources]
accepted = ["imagenet-21k", "sample"]
default = "imagenet-21k"
[split]
query_share = 0.25
[coverage]
fine = 1.0
"""


def write_manifest(folder: Path, classes: list[FineClass] = CLASSES, toml: str = TOML) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.toml").write_text(toml, encoding="utf-8")
    (folder / "classes.tsv").write_text(to_tsv(FineClass, classes), encoding="utf-8")
    (folder / "excluded.tsv").write_text(to_tsv(Exclusion, [WHALE]), encoding="utf-8")
    return folder


def write_source(folder: Path, per_class: int = 6, classes: list[FineClass] = CLASSES) -> Path:
    """A folder of per-synset tars with distinct good images for every class of the tiny manifest."""
    for number, c in enumerate(classes):
        members = {f"{c.fine_id}_{i}.JPEG": make_image(1000 * number + i) for i in range(per_class)}
        write_tar(folder / f"{c.fine_id}.tar", members)
    return folder


def build_folder(
    where: Path,
    toml: str = TOML,
    classes: list[FineClass] = CLASSES,
    sources: list[FineClass] | None = None,
    per_class: int = 6,
) -> Path:
    """A dataset folder made in ``where``. ``sources`` are the classes that the source has images of."""
    tiny = load_manifest(str(write_manifest(where / "tiny", classes, toml)))
    source = write_source(where / "tars", per_class, sources or classes)
    return build(tiny, BuildOptions("imagenet-21k", where / "out", source, jobs=1)).out


def sums(folder: Path) -> str:
    return (folder / "SHA256SUMS").read_text()
