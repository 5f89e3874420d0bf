"""The sources by name, and how their files are recognised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from dmlkit.errors import UsageError
from dmlkit.sources.base import Source

SYNSET_FILES = "n" + "[0-9]" * 8 + "*"


@dataclass(frozen=True)
class RegisteredSource:
    """Where the class of a source is, and by what its files are recognised, as patterns.

    ``names``: what only its folder or archive is called. ``marks``: what only its folder holds. ``shared_marks``: what
    its folder holds, and folders of other sources may hold too; they never decide which source it is.
    """

    module: str
    class_name: str
    names: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    shared_marks: tuple[str, ...] = ()

    @property
    def top_marks(self) -> tuple[str, ...]:
        """What the top folder of the source holds, the surest first."""
        return self.marks + self.shared_marks


# In the order of the documentation; those that are recognised by more than one are decided by `RECOGNISED_FIRST`.
SOURCES: Mapping[str, RegisteredSource] = {
    "sample": RegisteredSource("sample", "SampleSource"),
    "imagenet-21k": RegisteredSource("imagenet_21k", "ImageNet21K", names=("winter21_whole*", "fall11_whole*")),
    "imagenet-1k": RegisteredSource(
        "imagenet_1k",
        "ImageNet1K",
        names=("ILSVRC", "ILSVRC2012_img_*", "ILSVRC2012_devkit_*"),
        marks=(
            *("LOC_synset_mapping.txt", "LOC_val_solution.csv", "ImageSets"),
            *("val/ILSVRC2012_val_*", f"val/{SYNSET_FILES}"),
        ),
    ),
    "tiny-imagenet": RegisteredSource(
        "tiny_imagenet",
        "TinyImageNet",
        names=("tiny-imagenet-200", "tiny-imagenet-200.zip"),
        marks=("wnids.txt", "val/val_annotations.txt"),
    ),
    "url-list": RegisteredSource("url_list", "UrlList"),
    "veri-wild": RegisteredSource(
        "veri_wild",
        "VeriWild",
        marks=("train_test_split/vehicle_info.txt", "vehicle_info.txt", "images.part01.rar"),
        shared_marks=("images",),
    ),
    "vehicleid": RegisteredSource(
        "vehicleid",
        "VehicleId",
        names=("VehicleID_V1.0.zip",),
        marks=("attribute/model_attr.txt", "attribute/img2vid.txt"),
    ),
    "veri-wild+vehicleid": RegisteredSource("veri_wild_vehicleid", "VeriWildVehicleId"),
    "compcars": RegisteredSource(
        "compcars", "CompCars", marks=("misc/make_model_name.mat", "misc/attributes.txt", "misc/car_type.mat")
    ),
    "stanford-cars": RegisteredSource(
        "stanford_cars",
        "StanfordCars",
        marks=("devkit/cars_meta.mat", "devkit/cars_train_annos.mat", "cars_annos.mat", "cars_train", "car_ims"),
    ),
    "imaterialist-2019": RegisteredSource(
        "imaterialist_2019", "IMaterialist2019", marks=("product_tree.json", "train2019.json")
    ),
    "stanford-online-products": RegisteredSource(
        "stanford_online_products",
        "StanfordOnlineProducts",
        names=("Stanford_Online_Products*",),
        marks=("Ebay_train.txt", "Ebay_test.txt"),
    ),
}

# Tiny ImageNet's folder has the marks of ImageNet-1K too, and both may lie in one that is called like ImageNet-21K.
RECOGNISED_FIRST = ("tiny-imagenet", "imagenet-1k")


def load_source(name: str) -> Source:
    """Import the source called ``name`` and make it. Raises `UsageError` if there is none."""
    if name not in SOURCES:
        raise UsageError(
            f"unknown source {name!r}",
            code="usage.unknown-source",
            hint=f"choose one of: {', '.join(SOURCES)}",
            name=name,
            known=tuple(SOURCES),
        )
    entry = SOURCES[name]
    source: Source = getattr(import_module(f"dmlkit.sources.{entry.module}"), entry.class_name)()
    return source


def recognise_source(path: Path, expected: str = "") -> str | None:
    """Return the source whose marks are at ``path``, or None. ``expected`` wins if it is one of several."""
    ordered = (*RECOGNISED_FIRST, *(name for name in SOURCES if name not in RECOGNISED_FIRST))
    recognised = [
        name for name in ordered if any(has_mark(path, mark) for mark in (*SOURCES[name].names, *SOURCES[name].marks))
    ]
    if expected in recognised:
        return expected
    return recognised[0] if recognised else None


def has_mark(path: Path, mark: str) -> bool:
    """Whether ``path`` is called like ``mark``, or is a folder that holds it."""
    return path.match(mark) or path.resolve().match(mark) or (path.is_dir() and any(path.glob(mark)))


def guess_source(path: Path, expected: str) -> str | None:
    """Return the source that ``path`` looks like, counting files named by synsets, if it is not ``expected``."""
    name = recognise_source(path, expected)
    if name is None and expected != "imagenet-21k" and has_mark(path, SYNSET_FILES):
        return "imagenet-21k"
    return None if name == expected else name
