"""A dataset folder → the layout of the official DyML release, on which the loaders of others run.

Images are numbered in the order of the rows. Beside the lists stand `dmlkit.json` and `dmlkit.csv`, with what the
layout has no place for; see `dmlkit.formats.dyml.sidecar`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from PIL import Image

from dmlkit import __version__
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import UsageError
from dmlkit.formats import base
from dmlkit.formats.dyml.layout import ONE_SET
from dmlkit.formats.dyml.sidecar import FACTS, HIERARCHY, IMAGES, VERSION, ImagesFile, Sidecar, sidecar_json
from dmlkit.schema.layout import SplitSpec
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage import images

QUALITY = 95
CONVERSION = f"Pillow JPEG quality {QUALITY}, 4:4:4, upright, RGB"
"""What happens to an image that is no upright JPEG, as recorded in dmlkit.json."""

IDS_HEADER, LABELS_HEADER = "fname, coarse_id, middle_id, fine_id", "fname, labels"

WHERE = """`train/`, `bmk_fine/` and so on hold the images and their lists; a number in a list is the place of the
class in `dmlkit.json`. `dmlkit.csv` has id, hash and maker of each image; `dmlkit import dyml` reads both."""


@dataclass
class Exported(base.Exported):
    """What an export made."""

    copied: int = 0
    """Files of the middle and coarse test sets that could not be links to those of the fine one."""


def export(
    folder: Path,
    out: Path,
    *,
    all_in_one: bool = False,
    faithful: bool = False,
    notify: Progress = no_progress,
) -> Exported:
    """Write the dataset in ``folder`` as ``out/dyml_<name>``, which appears whole or not at all.

    ``all_in_one``: the test as ``mini-bmk_all_in_one`` also where query and gallery differ. ``faithful``: without the
    newline after the header, as the release has it. Raises `UsageError` for a folder that cannot be read or has no
    test set of that kind, `OutputError` where the place holds something else or cannot be written.
    """
    data = base.open_with_images(folder)
    if all_in_one and data.layout not in ("split", "all-in-one"):
        raise UsageError(
            f"{folder} has no test set with labels at all three scales (its layout is {data.layout})",
            hint="leave --all-in-one out",
        )
    target = out / f"dyml_{re.sub('[^a-z0-9]+', '_', data.name.lower().removeprefix('dyml-')).strip('_')}"
    one_set = all_in_one or data.layout == "all-in-one"
    done = Exported(target, "all-in-one" if one_set else "train-only" if data.layout == "train-only" else "bmk")
    with base.written(data, target, VERSION) as top:
        write(top, data, one_set, faithful, done, notify)
        base.write_readme(top, data, "the layout of the DyML release", "", WHERE)
    return done


def write(top: Path, data: DatasetFolder, one_set: bool, faithful: bool, done: Exported, notify: Progress) -> None:
    total = data.num_images()
    with ImagesFile(top / IMAGES) as images:
        for list_name, members in lists(data.layout, data.image_sets, one_set).items():
            with List(top, list_name, data.layout, faithful) as target:
                for part in members:
                    for row in data.rows(part):
                        described = target.add(row, part, done)
                        images.write(described)
                        notify("write", done.kept + done.converted.total(), total, "images")
            done.images |= target.counts
    sidecar = Sidecar(
        name=data.name,
        title=data.title,
        version=data.version,
        source=data.source,
        layout=data.layout,
        official=data.is_official,
        classes=base.classes_by_id(data),
        hierarchy=[{key: row[key] for key in HIERARCHY} for row in data.classes],
    )
    more = {
        "dmlkit": __version__,
        "lists": done.layout,
        "header": "as released" if faithful else "with a newline",
        "images": done.images,
        "kept": done.kept,
        "converted": dict(sorted(done.converted.items())),
        "conversion": CONVERSION if done.converted else None,
    }
    (top / FACTS).write_text(sidecar_json(sidecar, more), encoding="utf-8")


def lists(layout: str, parts: Sequence[SplitSpec], one_set: bool) -> dict[str, list[SplitSpec]]:
    """List of the layout → the parts of the dataset that it holds."""
    train, *test = parts
    found = {"train": [train]}
    if one_set:
        found[ONE_SET] = test
    else:
        for part in test:
            scale = part.config.removeprefix("test_") if layout == "per-scale" else "fine"
            found[f"bmk_{scale}/{part.split}"] = [part]
    return found


class List:
    """A list of the layout with its folder of images. Of a test set for all scales, the lists of all three."""

    def __init__(self, top: Path, name: str, layout: str, faithful: bool) -> None:
        self.counts: dict[str, int] = {}
        self._top = top
        self._name = name
        self._ids = name in ("train", ONE_SET)
        self._names = [name]
        if name.startswith("bmk_") and layout == "split":
            self._names = [f"bmk_{scale}/{name.partition('/')[2]}" for scale in SCALES]
        self._header = (IDS_HEADER if self._ids else LABELS_HEADER) + ("" if faithful else "\n")
        self._open = ExitStack()
        self._files: dict[str, IO[str]] = {}

    def __enter__(self) -> List:
        for name in self._names:
            self._images(name).mkdir(parents=True)
            path = self._top / (f"{name}/label.csv" if self._ids else f"{name}.csv")
            self._files[name] = self._open.enter_context(path.open("w", encoding="utf-8", newline=""))
            self._files[name].write(self._header)
            self.counts[name] = 0
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def _images(self, name: str) -> Path:
        return self._top / name / "imgs" if self._ids else self._top / name

    def add(self, row: Mapping[str, Any], part: SplitSpec, done: Exported) -> dict[str, Any]:
        """Write an image and its line. Returns its row of dmlkit.csv."""
        first, *others = self._names
        data, converted = as_jpeg(row)
        done.converted.update([converted] if converted else [])
        done.kept += not converted
        file = f"{self.counts[first]}.jpg"
        path = self._images(first) / file
        path.write_bytes(data)
        for name in self._names:
            scales = SCALES[::-1] if self._ids else (name.removeprefix("bmk_").partition("/")[0],)
            self._files[name].write(f"{', '.join([file, *(str(base.label_of(row, scale)) for scale in scales)])}\n")
            self.counts[name] += 1
        for name in others:
            done.copied += not link(path, self._images(name) / file)
        split = "test" if part.image_set == "test" else part.split
        known = {key: row[key] for key in ("image_id", "upstream_label", "source", "source_url", "license", "author")}
        return known | {
            "file": path.relative_to(self._top).as_posix(),
            "split": split,
            "sha256": images.sha256_hex(data),
            "exif_orientation": row["exif_orientation"],
            "converted": converted,
        }


def link(path: Path, again: Path) -> bool:
    """The same file under another name; a copy where the file system has no links."""
    try:
        os.link(path, again)
    except OSError:
        shutil.copyfile(path, again)
        return False
    return True


def as_jpeg(row: Mapping[str, Any]) -> tuple[bytes, str]:
    """The bytes of an image as an upright JPEG, and what it was if they had to be made. Raises `ValueError`."""
    data: bytes = (row["image"] or {}).get("bytes") or b""
    try:
        with Image.open(BytesIO(data)) as image:
            turned = image.getexif().get(images.ORIENTATION) in range(2, 9)
            if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB") and not turned:
                return data, ""
            kind = "turned by EXIF" if turned else f"{image.format} {image.mode}"
            upright = images.to_upright_rgb(image)
            out = BytesIO()
            upright.save(out, "JPEG", quality=QUALITY, subsampling=0, exif=b"")
    except Exception as exc:  # Pillow's decoders raise many types for bad bytes
        raise ValueError(f"the image {row['image_id']} cannot be read: {exc}") from exc
    return out.getvalue(), kind
