"""The sources by name. Each is a module of this package with

- ``TERMS``: a `Terms`,
- ``plan(request)``: the units of what stands at ``request.path``: a list where all can be known before a picture is
  read, an iterator where the source is a stream,
- ``read(unit) -> Iterator[Candidate]``: the pictures of one unit, without decoding them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType

from dmlkit.errors import UsageError
from dmlkit.manifest import Manifest
from dmlkit.schema import Unit

MODULES = {
    "sample": "dmlkit.sources.sample",
    "imagenet-21k": "dmlkit.sources.imagenet_21k",
    "imagenet-1k": "dmlkit.sources.imagenet_1k",
    "tiny-imagenet": "dmlkit.sources.tiny_imagenet",
}


@dataclass(frozen=True)
class Terms:
    """What a source allows and how it is named in the card."""

    title: str
    license: str
    """SPDX identifier, or ``other``."""
    terms: str
    """One or two sentences for the card: who may use the pictures and for what."""
    redistribute: bool
    """Whether the pictures themselves may be published."""
    url: str = ""
    citation: str = ""
    """A BibTeX entry."""
    get: str = ""
    """How a person gets the source's files: one sentence or command."""


@dataclass(frozen=True)
class Request:
    """What a source needs to know to plan its units.

    ``settled(unit)`` tells that the pool holds this unit whole, so that a source which streams can pass over its
    bytes; the unit is yielded all the same. ``scratch`` is an existing folder for temporary copies.
    ``progress(done, total)`` counts bytes of a download.
    """

    manifest: Manifest
    path: Path | None
    scratch: Path
    limit: int | None = None
    settled: Callable[[Unit], bool] = field(default=lambda unit: False)
    progress: Callable[[int, int | None], None] = field(default=lambda done, total: None)
    allow_private_hosts: bool = False


MARKS = {
    "imagenet-1k": ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "ILSVRC", "LOC_synset_mapping.txt"),
    "tiny-imagenet": ("wnids.txt", "tiny-imagenet-200", "tiny-imagenet-200.zip"),
    "imagenet-21k": (
        "winter21_whole",
        "winter21_whole.tar.gz",
        "winter21_whole.tar",
        "fall11_whole.tar",
        "fall11_whole",
    ),
}
"""Names at the top of each source's folder, by which a wrong ``--from`` is told."""


def hint_at(path: Path, wanted: str) -> str:
    """What ``path`` looks like, if that is another source than ``wanted``; else how to get the wanted one."""
    names = {path.name} | ({entry.name for entry in path.iterdir()} if path.is_dir() else set())
    for name, marks in MARKS.items():
        if name != wanted and names & set(marks):
            return f"this looks like the source {name}: --source {name}"
    return str(load(wanted).TERMS.get)


def load(name: str) -> ModuleType:
    """Import the source called ``name``. Raises `UsageError` for a name that is none."""
    if name not in MODULES:
        raise UsageError(f"unknown source {name!r}", hint=f"choose one of: {', '.join(MODULES)}")
    return import_module(MODULES[name])
