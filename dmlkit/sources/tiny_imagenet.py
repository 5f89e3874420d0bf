"""Tiny ImageNet: 200 classes of 64 × 64 photographs, the zip file or its folder. Its test images have no labels."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dmlkit import terms
from dmlkit.errors import SourceError
from dmlkit.sources import Request, candidates
from dmlkit.sources.base import Candidate, Unit
from dmlkit.sources.common import synsets
from dmlkit.storage import archives, download

NAME = "tiny-imagenet"
TOP = "tiny-imagenet-200"
ARCHIVE = download.Archive(
    name=f"{TOP}.zip",
    url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    md5="90528d7ca1a48142e341f4ef8d21d0de",
    num_bytes=248_100_043,
)


def plan(request: Request) -> list[Unit]:
    """One unit a class of train, one for each thousand images of val. Without ``--from``: of the downloaded zip."""
    path = request.path or download.find_download(ARCHIVE)
    if path is None:
        raise SourceError("Tiny ImageNet is neither downloaded nor given with --from", hint=terms.load(NAME).how_to_get)
    path = synsets.given_path(replace(request, path=path), NAME, terms.load(NAME).how_to_get)
    units = units_of_folder(path) if path.is_dir() else units_of_zip(path)
    if not any(unit.labels for unit in units):
        raise synsets.no_units(path, NAME)
    return synsets.unique(units)


def units_of_folder(path: Path) -> list[Unit]:
    """The units of the unpacked folder, or of a folder that holds it or the zip file."""
    top = path / TOP if (path / TOP).is_dir() else path
    if top == path and not (path / "train").is_dir() and (path / ARCHIVE.name).is_file():
        return units_of_zip(path / ARCHIVE.name)
    table = top / "val" / "val_annotations.txt"
    if not (top / "wnids.txt").is_file() and not table.is_file():
        raise synsets.no_units(path, NAME)
    train = sorted((top / "train").iterdir()) if (top / "train").is_dir() else []
    units = [
        synsets.folder_unit(folder, folder.name, "train-", "images")
        for folder in train
        if synsets.SYNSET.fullmatch(folder.name) and folder.is_dir()
    ]
    labels = read_val_labels(table.read_bytes() if table.is_file() else b"", str(top))
    return units + synsets.listed_in_folder(top / "val" / "images", labels)


def units_of_zip(path: Path) -> list[Unit]:
    """The units of the zip file, which is read in place."""
    train = defaultdict(list)
    faults = defaultdict(list)
    val: dict[str, None] = {}
    table = b""
    with archives.open_zip(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    for name, times in Counter(names).items():
        place = place_of(name)
        fault = None
        if archives.is_outside(name):
            fault = "unsafe-member", "names a place outside its archive"
        elif place == ["val", "val_annotations.txt"]:
            table = read_table(path, name)
        elif place[:1] == ["train"] and place[2:3] == ["images"] and synsets.SYNSET.fullmatch(place[1]):
            train[place[1]].append((name, place[1]))
        elif place[:2] == ["val", "images"]:
            val[name] = None
        elif place[0] != "test" and not synsets.KNOWN_EXTRAS.fullmatch(place[-1]):
            fault = "not-an-image", "at no place of Tiny ImageNet's images"
        if times > 1:
            fault = "repeated-id", f"stands {times} times in the archive; the last is read"
        if fault:
            faults[fault[0]].append((candidates.upstream_id(name), fault[1]))
    state = synsets.state_of(path)
    units = [
        Unit(f"train-{wnid}", (wnid,), state, str(path), "zip", members=tuple(sorted(members)))
        for wnid, members in sorted(train.items())
    ]
    labels = read_val_labels(table, str(path))
    return units + synsets.listed_units(path, "zip", val, labels, lambda name: state) + synsets.fault_units(faults)


def place_of(name: str) -> list[str]:
    """The parts of a name in the zip below its top folder, whatever that is called."""
    parts = re.split(r"[/\\]", name)
    return parts if parts[0] in ("train", "val", "test") or len(parts) == 1 else parts[1:]


def read_table(path: Path, name: str) -> bytes:
    try:
        return archives.read_zip_member(path, name)
    except OSError as exc:
        raise SourceError(f"{name} in {path} cannot be read: {exc}", hint="is it downloaded whole?") from exc


def read_val_labels(table: bytes, where: str) -> dict[str, str]:
    """``val_annotations.txt``: file name, wnid and four numbers, with tabs between. Raises `SourceError`."""
    labels = {}
    for number, line in enumerate(table.decode("utf-8", "replace").splitlines(), start=1):
        parts = line.split("\t")
        if not line.strip():
            continue
        if len(parts) < 2 or not synsets.SYNSET.fullmatch(parts[1]):
            raise SourceError(
                f"{where}: line {number} of val_annotations.txt has no wnid: {line[:80]!r}",
                hint=terms.load(NAME).how_to_get,
            )
        labels[parts[0]] = parts[1]
    return labels


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one unit."""
    if unit.kind != "zip":
        yield from synsets.read(unit)
        return
    path = Path(unit.path)
    directory = archives.cached_zip(path).NameToInfo

    def find(name: str, label: str) -> Candidate | None:
        return candidates.zip_candidate(path, directory[name], label) if name in directory else None

    yield from synsets.read_listed(unit, find)
