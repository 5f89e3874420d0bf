"""A dataset folder → the layout of the official DyML release, on which the loaders of others run.

Images are numbered in the order of the rows. Beside the lists stand `dmlkit.json` and `dmlkit.csv`, with what the
layout has no place for; see `dmlkit.formats.dyml.sidecar`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
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
# What happens to an image that is not an upright JPEG, as recorded in dmlkit.json.
CONVERSION = f"Pillow JPEG quality {QUALITY}, 4:4:4, upright, RGB"

IDS_HEADER, LABELS_HEADER = "fname, coarse_id, middle_id, fine_id", "fname, labels"

CONTENTS = """`train/`, `bmk_fine/` and so on hold the images and their lists; a number in a list is the index of the
class in `dmlkit.json`. `dmlkit.csv` has id, hash and author of each image; `dmlkit import dyml` reads both."""


def export_dyml(
    folder: Path,
    out: Path,
    *,
    all_in_one: bool = False,
    faithful: bool = False,
    progress: Progress = no_progress,
) -> base.ExportResult:
    """Write the dataset in ``folder`` as ``out/dyml_<name>``, which appears whole or not at all.

    ``all_in_one``: write the test set as ``mini-bmk_all_in_one`` even if query and gallery differ. ``faithful``: omit
    the newline after the header, as the release does. Raises `UsageError` for a folder that cannot be read or has no
    test set of that kind, `OutputError` if the target holds something else or cannot be written.
    """
    data = base.open_with_images(folder)
    if all_in_one and data.layout not in ("split", "all-in-one"):
        raise UsageError(
            f"{folder} has no test set with labels at all three scales (its layout is {data.layout})",
            code="dyml.no-common-test",
            hint="leave --all-in-one out",
            path=folder,
        )
    target = out / f"dyml_{re.sub('[^a-z0-9]+', '_', data.name.lower().removeprefix('dyml-')).strip('_')}"
    one_set = all_in_one or data.layout == "all-in-one"
    with base.replacing_export(data, target, VERSION) as top:
        result = write_lists(top, data, one_set, faithful, progress)
        write_sidecar(top, data, result, faithful)
        base.write_readme(top, data, base.ExportReadme("the layout of the DyML release", "", CONTENTS))
    return replace(result, out=target)


def write_lists(top: Path, data: DatasetFolder, one_set: bool, faithful: bool, progress: Progress) -> base.ExportResult:
    """Write the lists with their folders of images, and dmlkit.csv."""
    total, done, copied = data.num_images(), 0, 0
    converted: Counter[str] = Counter()
    counts: dict[str, int] = {}
    with ImagesFile(top / IMAGES) as images:
        for list_name, specs in assign_lists(data.layout, data.image_sets, one_set).items():
            with ListWriter(top, list_name, data.layout, faithful) as target:
                for spec in specs:
                    for row in data.rows(spec):
                        described = target.add(row, spec)
                        images.write(described)
                        converted.update([described["converted"]] if described["converted"] else [])
                        done += 1
                        progress("write", done, total, "images")
            counts |= target.counts
            copied += target.num_copied
    layout = "all-in-one" if one_set else "train-only" if data.layout == "train-only" else "bmk"
    by_kind = dict(sorted(converted.items()))
    return base.ExportResult(top, layout, counts, done - converted.total(), by_kind, copied)


def write_sidecar(top: Path, data: DatasetFolder, result: base.ExportResult, faithful: bool) -> None:
    """Write dmlkit.json: what the layout has no place for, and facts of the export for people."""
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
        "lists": result.layout,
        "header": "as released" if faithful else "with a newline",
        "images": result.images,
        "kept": result.kept,
        "converted": result.converted,
        "conversion": CONVERSION if result.converted else None,
    }
    (top / FACTS).write_text(sidecar_json(sidecar, more), encoding="utf-8")


def assign_lists(layout: str, specs: Sequence[SplitSpec], one_set: bool) -> dict[str, list[SplitSpec]]:
    """Map each list of the layout to the splits of the dataset that it holds."""
    train, *test = specs
    lists = {"train": [train]}
    if one_set:
        lists[ONE_SET] = test
    else:
        for spec in test:
            scale = spec.config.removeprefix("test_") if layout == "per-scale" else "fine"
            lists[f"bmk_{scale}/{spec.split}"] = [spec]
    return lists


class ListWriter:
    """Writes a list with its folder of images; of a test set for all scales, the lists of all three.

    ``counts`` has the images of each list, ``num_copied`` counts files of further lists that could not be links.
    """

    def __init__(self, top: Path, name: str, layout: str, faithful: bool) -> None:
        self.counts: dict[str, int] = {}
        self.num_copied = 0
        self._top = top
        self._has_ids = name in ("train", ONE_SET)
        self._names = [name]
        if name.startswith("bmk_") and layout == "split":
            self._names = [f"bmk_{scale}/{name.partition('/')[2]}" for scale in SCALES]
        self._header = (IDS_HEADER if self._has_ids else LABELS_HEADER) + ("" if faithful else "\n")
        self._open = ExitStack()
        self._files: dict[str, IO[str]] = {}

    def __enter__(self) -> ListWriter:
        for name in self._names:
            self._images(name).mkdir(parents=True)
            path = self._top / (f"{name}/label.csv" if self._has_ids else f"{name}.csv")
            self._files[name] = self._open.enter_context(path.open("w", encoding="utf-8", newline=""))
            self._files[name].write(self._header)
            self.counts[name] = 0
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def _images(self, name: str) -> Path:
        return self._top / name / "imgs" if self._has_ids else self._top / name

    def add(self, row: Mapping[str, Any], spec: SplitSpec) -> dict[str, Any]:
        """Write an image and its line. Returns its row of dmlkit.csv."""
        first, *others = self._names
        data, converted = to_upright_jpeg(row)
        file = f"{self.counts[first]}.jpg"
        path = self._images(first) / file
        path.write_bytes(data)
        for name in self._names:
            scales = SCALES[::-1] if self._has_ids else (name.removeprefix("bmk_").partition("/")[0],)
            labels = [str(base.require_label(row, scale)) for scale in scales]
            self._files[name].write(f"{', '.join([file, *labels])}\n")
            self.counts[name] += 1
        for name in others:
            self.num_copied += not link_or_copy(path, self._images(name) / file)
        known = {key: row[key] for key in ("image_id", "upstream_label", "source", "source_url", "license", "author")}
        return known | {
            "file": path.relative_to(self._top).as_posix(),
            "split": "test" if spec.image_set == "test" else spec.split,
            "sha256": images.sha256_hex(data),
            "exif_orientation": row["exif_orientation"],
            "converted": converted,
        }


def link_or_copy(path: Path, again: Path) -> bool:
    """Give a file another name. Returns False if the file system has no links, so that it was copied."""
    try:
        os.link(path, again)
    except OSError:
        shutil.copyfile(path, again)
        return False
    return True


def to_upright_jpeg(row: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of an image as an upright JPEG, and what it was if it was converted.

    Raises `UnreadableDatasetError` for an image that does not decode.
    """
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
        raise base.unreadable_image(row["image_id"], exc) from exc
    return out.getvalue(), kind
