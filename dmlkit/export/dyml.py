"""A data set folder → the layout of the official DyML release, on which the loaders of others run.

Pictures are numbered in the order of the rows. Beside the lists stand `dmlkit.json` and `dmlkit.csv`, with what the
layout has no place for; see `dmlkit.dyml.sidecar`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps

from dmlkit import __version__, images
from dmlkit.dyml.release import ONE_SET
from dmlkit.dyml.sidecar import FACTS, HIERARCHY, PICTURES, PicturesFile, Sidecar, as_json
from dmlkit.errors import OutputError, UsageError, printable
from dmlkit.output import Replacement
from dmlkit.schema import FORMS, SCALES, Part

QUALITY = 95
CONVERSION = f"Pillow JPEG quality {QUALITY}, 4:4:4, upright, RGB"
"""What happens to a picture that is no upright JPEG, as recorded in dmlkit.json."""

IDS_HEADER, LABELS_HEADER = "fname, coarse_id, middle_id, fine_id", "fname, labels"

Notify = Callable[[str, int, int | None, str], None]


@dataclass
class Exported:
    """What an export made. ``kept`` and ``converted`` count pictures; ``converted`` by what they were."""

    out: Path
    layout: str
    pictures: dict[str, int] = field(default_factory=dict)
    """By list of the layout, for example ``train``, ``bmk_fine/query``."""
    kept: int = 0
    converted: Counter[str] = field(default_factory=Counter)
    copied: int = 0
    """Files of the middle and coarse test sets that could not be links to those of the fine one."""


@dataclass(frozen=True)
class Folder:
    """What an export needs of a data set folder."""

    path: Path
    name: str
    title: str
    version: str
    source: str
    form: str
    official: bool
    names: Mapping[str, list[str]]
    hierarchy: list[dict[str, Any]]
    unplaced: Mapping[str, dict[int, str]]
    """By scale the integer labels and ids of classes that no fine class is known to be under."""

    def shards(self, stem: str) -> list[Path]:
        return sorted(self.path.glob(f"{stem}-*.parquet"))


def export(
    folder: Path,
    out: Path,
    *,
    all_in_one: bool = False,
    faithful: bool = False,
    notify: Notify = lambda *_: None,
) -> Exported:
    """Write the data set in ``folder`` as ``out/dyml_<name>``, which appears whole or not at all.

    ``all_in_one``: the test as ``mini-bmk_all_in_one`` also where query and gallery differ. ``faithful``: without the
    newline after the header, as the release has it. Raises `UsageError` for a folder that cannot be read or has no
    test set of that kind, `OutputError` where the place holds something else or cannot be written.
    """
    data = read_folder(folder)
    if all_in_one and data.form not in ("split", "all-in-one"):
        raise UsageError(
            f"{folder} has no test set with labels at all three scales (its form is {data.form})",
            hint="leave --all-in-one out",
        )
    target = out / f"dyml_{re.sub('[^a-z0-9]+', '_', data.name.lower().removeprefix('dyml-')).strip('_')}"
    check_replaceable(target, data.name)
    if target.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{out} lies in the data set folder, which must stay as it is", hint="choose another --out")
    one_set = all_in_one or data.form == "all-in-one"
    done = Exported(target, "all-in-one" if one_set else "train-only" if data.form == "train-only" else "bmk")
    with Replacement(target) as writing:
        try:
            write(writing.path, data, one_set, faithful, done, notify)
            writing.keep(lambda *_: None)
        except (pa.ArrowException, KeyError, IndexError, TypeError, ValueError) as exc:
            raise unusable(folder, exc) from exc
    return done


def read_folder(folder: Path) -> Folder:
    """The facts, class names and hierarchy of a data set folder. Raises `UsageError` where they cannot be read."""
    try:
        build = json.loads((folder / "build.json").read_bytes())
        rows = pq.read_table(next(folder.glob("hierarchy/train-*.parquet"))).to_pylist()
        first = next(folder.glob("data/train-*.parquet"))
        features = json.loads(pq.read_schema(first).metadata[b"huggingface"])["info"]["features"]
        form = build.get("form", "split")
        return Folder(
            path=folder,
            name=str(build["manifest"]["name"]),
            title=str(build["manifest"].get("settings", {}).get("title", "")),
            version=str(build["manifest"]["version"]),
            source=str(build["source"]["name"]),
            form=form if form in FORMS else "split",
            official=build.get("release", {}).get("official") is True,
            names={scale: [str(name) for name in features[scale]["names"]] for scale in SCALES},
            hierarchy=rows,
            unplaced=unplaced_of(build, features),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration, pa.ArrowException) as exc:
        raise unusable(folder, exc) from exc


def unplaced_of(build: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, dict[int, str]]:
    """What build.json of an import says of classes that are not in the hierarchy: their ids by name."""
    ids = build.get("release", {}).get("unplaced", {})
    return {
        scale: {i: ids[scale][name] for i, name in enumerate(features[scale]["names"]) if name in ids.get(scale, {})}
        for scale in SCALES
    }


def unusable(folder: Path, exc: Exception) -> UsageError:
    return UsageError(
        f"{folder} is no data set folder that can be exported: {type(exc).__name__}: {printable(str(exc))[:300]}",
        hint=f"dmlkit validate {folder}",
    )


def check_replaceable(target: Path, name: str) -> None:
    """An export replaces an earlier one of the same data set, and nothing else. Raises `OutputError`."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        if json.loads((target / FACTS).read_bytes())["name"] == name:
            return
        why = "the export of another data set"
    except (OSError, ValueError, KeyError, TypeError):
        why = "something that no export wrote"
    raise OutputError(f"{target} holds {why}; left as it is", hint="choose another folder with --out")


def write(top: Path, data: Folder, one_set: bool, faithful: bool, done: Exported, notify: Notify) -> None:
    parts = list({part.stem: part for part in FORMS[data.form]}.values())
    total = sum(pq.read_metadata(path).num_rows for part in parts for path in data.shards(part.stem))
    with PicturesFile(top / PICTURES) as pictures:
        for list_name, members in lists(data.form, parts, one_set).items():
            with List(top, list_name, data.form, faithful) as target:
                for part in members:
                    for row in rows_of(data, part):
                        described = target.add(row, part, done)
                        pictures.write(described)
                        notify("write", done.kept + done.converted.total(), total, "pictures")
            done.pictures |= target.counts
    sidecar = Sidecar(
        name=data.name,
        title=data.title,
        version=data.version,
        source=data.source,
        form=data.form,
        official=data.official,
        classes=classes_of(data),
        hierarchy=[{key: row[key] for key in HIERARCHY} for row in data.hierarchy],
    )
    more = {
        "dmlkit": __version__,
        "layout": done.layout,
        "header": "as released" if faithful else "with a newline",
        "pictures": done.pictures,
        "kept": done.kept,
        "converted": dict(sorted(done.converted.items())),
        "conversion": CONVERSION if done.converted else None,
    }
    (top / FACTS).write_text(as_json(sidecar, more), encoding="utf-8")


def lists(form: str, parts: list[Part], one_set: bool) -> dict[str, list[Part]]:
    """List of the layout → the parts of the data set that it holds."""
    train, *test = parts
    found = {"train": [train]}
    if one_set:
        found[ONE_SET] = test
    else:
        for part in test:
            scale = part.config.removeprefix("test_") if form == "per-scale" else "fine"
            found[f"bmk_{scale}/{part.split}"] = [part]
    return found


def rows_of(data: Folder, part: Part) -> Iterator[dict[str, Any]]:
    """The rows of a part in their order, a few at a time in memory."""
    shards = data.shards(part.stem)
    if not shards:
        raise ValueError(f"no files {part.stem}-*.parquet")
    for path in shards:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(20, row_groups=[group]):
                    yield from batch.to_pylist()


class List:
    """A list of the layout with its folder of pictures. Of a test set for all scales, the lists of all three."""

    def __init__(self, top: Path, name: str, form: str, faithful: bool) -> None:
        self.counts: dict[str, int] = {}
        self._top = top
        self._name = name
        self._ids = name in ("train", ONE_SET)
        self._names = [name]
        if name.startswith("bmk_") and form == "split":
            self._names = [f"bmk_{scale}/{name.partition('/')[2]}" for scale in SCALES]
        self._header = (IDS_HEADER if self._ids else LABELS_HEADER) + ("" if faithful else "\n")
        self._open = ExitStack()
        self._files: dict[str, IO[str]] = {}

    def __enter__(self) -> List:
        for name in self._names:
            self._pictures(name).mkdir(parents=True)
            path = self._top / (f"{name}/label.csv" if self._ids else f"{name}.csv")
            self._files[name] = self._open.enter_context(path.open("w", encoding="utf-8", newline=""))
            self._files[name].write(self._header)
            self.counts[name] = 0
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def _pictures(self, name: str) -> Path:
        return self._top / name / "imgs" if self._ids else self._top / name

    def add(self, row: Mapping[str, Any], part: Part, done: Exported) -> dict[str, Any]:
        """Write a picture and its line. Returns its row of dmlkit.csv."""
        first, *others = self._names
        data, converted = as_jpeg(row)
        done.converted.update([converted] if converted else [])
        done.kept += not converted
        file = f"{self.counts[first]}.jpg"
        path = self._pictures(first) / file
        path.write_bytes(data)
        for name in self._names:
            scales = SCALES[::-1] if self._ids else (name.removeprefix("bmk_").partition("/")[0],)
            self._files[name].write(f"{', '.join([file, *(str(label_of(row, scale)) for scale in scales)])}\n")
            self.counts[name] += 1
        for name in others:
            done.copied += not link(path, self._pictures(name) / file)
        split = "test" if part.stem == "data/test" else part.split
        known = {key: row[key] for key in ("image_id", "upstream_label", "source", "source_url", "license", "author")}
        return known | {
            "file": path.relative_to(self._top).as_posix(),
            "split": split,
            "sha256": images.digest(data),
            "exif_orientation": row["exif_orientation"],
            "converted": converted,
        }


def label_of(row: Mapping[str, Any], scale: str) -> int:
    label = row[scale]
    if not isinstance(label, int) or label < 0:
        raise ValueError(f"{row['image_id']} has no {scale} label")
    return label


def link(path: Path, again: Path) -> bool:
    """The same file under another name; a copy where the file system has no links."""
    try:
        os.link(path, again)
    except OSError:
        shutil.copyfile(path, again)
        return False
    return True


def as_jpeg(row: Mapping[str, Any]) -> tuple[bytes, str]:
    """The bytes of a picture as an upright JPEG, and what it was if they had to be made. Raises `ValueError`."""
    data: bytes = (row["image"] or {}).get("bytes") or b""
    try:
        with Image.open(BytesIO(data)) as image:
            turned = image.getexif().get(images.ORIENTATION) in range(2, 9)
            if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB") and not turned:
                return data, ""
            kind = "turned by EXIF" if turned else f"{image.format} {image.mode}"
            upright = ImageOps.exif_transpose(image).convert("RGB")
            out = BytesIO()
            upright.save(out, "JPEG", quality=QUALITY, subsampling=0, exif=b"")
    except Exception as exc:  # Pillow's decoders raise many types for bad bytes
        raise ValueError(f"the picture {row['image_id']} cannot be read: {exc}") from exc
    return out.getvalue(), kind


def classes_of(data: Folder) -> dict[str, dict[str, str]]:
    """Scale → id → name, in the order of the integer labels."""
    found = {}
    for scale in SCALES:
        ids = {row[f"{scale}_label"]: row[f"{scale}_id"] for row in data.hierarchy} | data.unplaced[scale]
        found[scale] = {str(ids[i]): name for i, name in enumerate(data.names[scale])}
    return found
