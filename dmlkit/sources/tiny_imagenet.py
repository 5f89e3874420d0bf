"""Tiny ImageNet: 200 classes of 64 × 64 photographs, the zip file or its folder. Its test images have no labels."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from dmlkit.errors import SourceError
from dmlkit.sources import candidates
from dmlkit.sources.base import Candidate, ListedFile, ListedFiles, PlanRequest, Source, Unit
from dmlkit.sources.common import synsets
from dmlkit.sources.common.paths import file_state, nothing_found, require_path
from dmlkit.storage import archives, download

NAME = "tiny-imagenet"
TOP = "tiny-imagenet-200"
ARCHIVE = download.Archive(
    name=f"{TOP}.zip",
    url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    md5="90528d7ca1a48142e341f4ef8d21d0de",
    num_bytes=248_100_043,
)


class TinyImageNet(Source):
    """One unit a class of train, one for each thousand images of val."""

    name = NAME
    archive = ARCHIVE

    def plan(self, request: PlanRequest) -> list[Unit]:
        """Plan what is at ``--from``, or else in the downloaded zip file."""
        path = request.path or download.find_download(ARCHIVE)
        if path is None:
            raise SourceError(
                "Tiny ImageNet is neither downloaded nor given with --from",
                code="source.not-downloaded",
                hint=self.how_to_get,
                source=self.name,
            )
        path = require_path(path, self.name, self.how_to_get)
        units = self.plan_folder(path) if path.is_dir() else plan_zip(path)
        if not any(unit.labels for unit in units):
            raise nothing_found(path, self.name, self.how_to_get)
        return synsets.merge_units(units)

    def plan_folder(self, path: Path) -> list[Unit]:
        """Plan the unpacked folder, or a folder that holds it or the zip file."""
        top = path / TOP if (path / TOP).is_dir() else path
        if top == path and not (path / "train").is_dir() and (path / ARCHIVE.name).is_file():
            return plan_zip(path / ARCHIVE.name)
        table = top / "val" / "val_annotations.txt"
        if not (top / "wnids.txt").is_file() and not table.is_file():
            raise nothing_found(path, self.name, self.how_to_get)
        train = sorted((top / "train").iterdir()) if (top / "train").is_dir() else []
        units = [
            synsets.plan_image_folder(folder, folder.name, "train-", "images")
            for folder in train
            if synsets.SYNSET.fullmatch(folder.name) and folder.is_dir()
        ]
        labels = read_val_labels(table.read_bytes() if table.is_file() else b"", top)
        return units + synsets.plan_table_of_folder(top / "val" / "images", labels)

    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Read the images of one unit."""
        return synsets.read_unit(unit)


def plan_zip(path: Path) -> list[Unit]:
    """Plan the zip file, which is read in place."""
    train = defaultdict(list)
    rejected = defaultdict(list)
    val: dict[str, None] = {}
    table = b""
    with archives.open_zip(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    for name, count in Counter(names).items():
        upstream_id, parts = candidates.upstream_id(name), parts_below_top(name)
        fault = None
        if archives.is_outside(name):
            fault = "unsafe-member", "names a place outside its archive"
        elif parts == ["val", "val_annotations.txt"]:
            table = read_member(path, name)
        elif parts[:1] == ["train"] and parts[2:3] == ["images"] and synsets.SYNSET.fullmatch(parts[1]):
            train[parts[1]].append(ListedFile(upstream_id, parts[1], name))
        elif parts[:2] == ["val", "images"]:
            val[name] = None
        elif parts[0] != "test" and not synsets.KNOWN_EXTRAS.fullmatch(parts[-1]):
            fault = "not-an-image", "at no place of Tiny ImageNet's images"
        if count > 1:
            fault = "repeated-id", f"stands {count} times in the archive; the last is read"
        if fault:
            rejected[fault[0]].append((upstream_id, fault[1]))
    state = file_state(path)
    units = [
        Unit(f"train-{wnid}", (wnid,), state, ListedFiles(path, tuple(sorted(files, key=file_key))), len(files))
        for wnid, files in sorted(train.items())
    ]
    units += synsets.plan_table(
        val, read_val_labels(table, path), lambda name: state, lambda files: ListedFiles(path, files)
    )
    return units + synsets.plan_rejected(rejected)


def file_key(file: ListedFile) -> str:
    """Return the name of a file in the archive, by which they are sorted."""
    return file.name or ""


def parts_below_top(name: str) -> list[str]:
    """Split a name in the zip below its top folder, whatever that is called."""
    parts = re.split(r"[/\\]", name)
    return parts if parts[0] in ("train", "val", "test") or len(parts) == 1 else parts[1:]


def read_member(path: Path, name: str) -> bytes:
    """Read a member of the zip file. Raises `SourceError`."""
    try:
        return archives.read_zip_member(path, name)
    except OSError as exc:
        raise SourceError(
            f"{name} in {path} cannot be read: {exc}",
            code="source.unreadable",
            hint="is it downloaded whole?",
            path=path,
            name=name,
        ) from exc


def read_val_labels(table: bytes, path: Path) -> dict[str, str]:
    """Read ``val_annotations.txt``: file name, wnid and four numbers, with tabs between. Raises `SourceError`.

    ``path`` is the zip file or folder that it is from.
    """
    labels = {}
    for number, line in enumerate(table.decode("utf-8", "replace").splitlines(), start=1):
        parts = line.split("\t")
        if not line.strip():
            continue
        if len(parts) < 2 or not synsets.SYNSET.fullmatch(parts[1]):
            raise SourceError(
                f"{path}: line {number} of val_annotations.txt has no wnid: {line[:80]!r}",
                code="source.bad-lines",
                hint="download it again",
                path=path,
                lines=(number,),
            )
        labels[parts[0]] = parts[1]
    return labels
