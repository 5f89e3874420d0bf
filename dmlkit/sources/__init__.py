"""The sources by name. Each is a module of this package with

- ``ARCHIVE``: a `dmlkit.storage.download.Archive`, where the source can be downloaded without a log-in,
- ``classes(request) -> Classes``, where the classes are not those of the manifest's ``classes.tsv`` but stand in the
  source's own files, by rules of the manifest,
- ``plan(request)``: the units of what stands at ``request.path``: a list where all can be known before an image is
  read, an iterator where the source is a stream,
- ``read(unit) -> Iterator[Candidate]``: the images of one unit, without decoding them; or, where units have links,
  ``fetch(unit, wanted, limit, good) -> Iterator[Candidate]``: the same, asking only for what is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType

from dmlkit import terms
from dmlkit.errors import UsageError
from dmlkit.sources.base import Unit
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.taxonomy.manifest import Exclusion, FineClass, Manifest

MODULES = {
    "sample": "dmlkit.sources.sample",
    "imagenet-21k": "dmlkit.sources.imagenet_21k",
    "imagenet-1k": "dmlkit.sources.imagenet_1k",
    "tiny-imagenet": "dmlkit.sources.tiny_imagenet",
    "url-list": "dmlkit.sources.url_list",
    "veri-wild": "dmlkit.sources.veri_wild",
    "vehicleid": "dmlkit.sources.vehicleid",
    "veri-wild+vehicleid": "dmlkit.sources.veri_wild_vehicleid",
    "compcars": "dmlkit.sources.compcars",
    "stanford-cars": "dmlkit.sources.stanford_cars",
    "imaterialist-2019": "dmlkit.sources.imaterialist_2019",
    "stanford-online-products": "dmlkit.sources.stanford_online_products",
}


@dataclass(frozen=True)
class Request:
    """What a source needs to know to plan its units.

    ``settled(unit)`` tells that the pool holds this unit whole, so that a source which streams can pass over its
    bytes; the unit is yielded all the same. ``scratch`` is an existing folder for temporary copies.
    """

    manifest: Manifest
    path: Path | None
    scratch: Path
    limit: int | None = None
    settled: Callable[[Unit], bool] = field(default=lambda unit: False)
    policy: CrawlPolicy = field(default_factory=CrawlPolicy)
    """How servers are asked, for sources that ask many."""
    table: Path | None = None
    """What only a person knows of the source's classes; sources that need it write it where it is not there."""
    may_write: bool = True
    """False for a dry run."""

    @property
    def table_to_write(self) -> Path | None:
        return self.table if self.may_write else None


@dataclass(frozen=True)
class Classes:
    """The classes that a source's own files name, and what is to be told of them."""

    classes: tuple[FineClass, ...]
    excluded: tuple[Exclusion, ...] = ()
    notes: tuple[str, ...] = ()
    """Counts that differ from published ones, how far a table is filled: one sentence each."""


@dataclass(frozen=True)
class Listing:
    """What a source plans whose units come one after the other, but which knows itself as a whole: the number of its
    units, and how many images it lists for each label, host and licence."""

    units: Iterator[Unit]
    total: int
    labels: Mapping[str, int]
    hosts: Mapping[str, int]
    licenses: Mapping[str, int]


SYNSET_FILES = "n" + "[0-9]" * 8 + "*"
MARKS = {
    "tiny-imagenet": ("wnids.txt", "tiny-imagenet-200", "tiny-imagenet-200.zip", "val/val_annotations.txt"),
    "imagenet-1k": (
        *("ILSVRC", "ILSVRC2012_img_*", "ILSVRC2012_devkit_*", "LOC_synset_mapping.txt", "LOC_val_solution.csv"),
        *("ImageSets", "val/ILSVRC2012_val_*", f"val/{SYNSET_FILES}"),
    ),
    "imagenet-21k": ("winter21_whole*", "fall11_whole*"),
    "veri-wild": ("vehicle_info.txt", "train_test_split/vehicle_info.txt", "images.part01.rar"),
    "vehicleid": ("attribute/model_attr.txt", "VehicleID_V1.0.zip"),
    "compcars": ("misc/make_model_name.mat", "misc/car_type.mat"),
    "stanford-cars": ("devkit/cars_meta.mat", "cars_annos.mat", "cars_train"),
    "imaterialist-2019": ("product_tree.json", "train2019.json"),
    "stanford-online-products": ("Ebay_train.txt", "Stanford_Online_Products*"),
}
"""What only this source has at the top of its folder, or is called, by which a wrong ``--from`` is told."""


def other_source(path: Path, wanted: str) -> str | None:
    """The source that ``path`` bears the marks of, where it bears none of ``wanted``."""
    marked = [source for source, marks in MARKS.items() if any(has_mark(path, mark) for mark in marks)]
    return marked[0] if marked and wanted not in marked else None


def has_mark(path: Path, mark: str) -> bool:
    return path.match(mark) or path.resolve().match(mark) or (path.is_dir() and any(path.glob(mark)))


def hint_at(path: Path, wanted: str) -> str:
    """What ``path`` looks like, if that is another source than ``wanted``; else how to get the wanted one."""
    other = other_source(path, wanted)
    if other is None and wanted != "imagenet-21k" and has_mark(path, SYNSET_FILES):
        other = "imagenet-21k"
    return f"this looks like the source {other}: --source {other}" if other else terms.load(wanted).how_to_get


def load(name: str) -> ModuleType:
    """Import the source called ``name``. Raises `UsageError` for a name that is none."""
    if name not in MODULES:
        raise UsageError(f"unknown source {name!r}", hint=f"choose one of: {', '.join(MODULES)}")
    return import_module(MODULES[name])
