"""Tiny ImageNet: 200 classes of 64 × 64 photographs, the zip file or its folder. Its test pictures have no labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from dmlkit import archives, fetch
from dmlkit.errors import SourceError
from dmlkit.schema import Candidate, Unit
from dmlkit.sources import Request, Terms, synsets
from dmlkit.sources.imagenet_21k import IMAGENET_BIB, IMAGENET_TERMS

NAME = "tiny-imagenet"
URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
SIZE = 248_100_043
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
TOP = "tiny-imagenet-200"
VAL_ROWS = 1000

TERMS = Terms(
    title="Tiny ImageNet",
    license="other",
    terms=IMAGENET_TERMS,
    redistribute=False,
    url=URL,
    citation=IMAGENET_BIB,
    get="Nothing to get: it is downloaded (237 MiB, no log-in). A copy of the zip file can be given as --from.",
)


def plan(request: Request) -> list[Unit]:
    """One unit a class of train, one for each thousand pictures of val. Downloads the zip where no ``--from`` is."""
    path = request.path
    if path is None:
        path = fetch.download(
            URL,
            fetch.home() / f"{TOP}.zip",
            md5=MD5,
            size=SIZE,
            progress=request.progress,
            allow_private_hosts=request.allow_private_hosts,
        )
    path = synsets.given_path(replace_path(request, path), NAME, TERMS.get)
    units = units_of_folder(path) if path.is_dir() else units_of_zip(path)
    if not any(unit.labels for unit in units):
        raise synsets.no_units(path, NAME)
    return synsets.unique(units)


def replace_path(request: Request, path: Path) -> Request:
    return Request(request.manifest, path, request.scratch)


def units_of_folder(path: Path) -> list[Unit]:
    """The units of the unpacked folder, or of a folder that holds it or the zip file."""
    if (path / f"{TOP}.zip").is_file() and not (path / TOP).is_dir() and not (path / "train").is_dir():
        return units_of_zip(path / f"{TOP}.zip")
    top = path / TOP if (path / TOP).is_dir() else path
    if not (top / "wnids.txt").is_file() and not (top / "val" / "val_annotations.txt").is_file():
        raise synsets.no_units(path, NAME)
    units = []
    train = top / "train"
    for folder in sorted(train.iterdir()) if train.is_dir() else ():
        if synsets.SYNSET.fullmatch(folder.name) and folder.is_dir():
            units.append(synsets.folder_unit(folder, folder.name, "train-", "images"))
    table = top / "val" / "val_annotations.txt"
    images = top / "val" / "images"
    here = {p.name for p in images.iterdir()} if images.is_dir() else set()
    labels = read_val_labels(table.read_bytes() if table.is_file() else b"", str(table))
    return units + val_units(images, "val-folder", here, labels, "")


def units_of_zip(path: Path) -> list[Unit]:
    """The units of the zip file, which is read in place."""
    found = path.stat()
    identity = f"{found.st_size} {found.st_mtime_ns}"
    train: dict[str, list[tuple[str, str]]] = {}
    val: set[str] = set()
    table = b""
    odd: list[tuple[str, str]] = []
    with archives.open_zip(path) as archive:
        for info in archive.infolist():
            parts = info.filename.split("/")
            if info.is_dir() or (parts[-1].endswith((".txt", ".md")) and "val_annotations.txt" not in parts):
                continue
            if archives.is_outside(info.filename):
                odd.append((archives.upstream_id(info.filename), "names a place outside its archive"))
            elif parts[-1] == "val_annotations.txt":
                table = archives.read_zip_member(path, info.filename)
            elif len(parts) >= 4 and parts[-4] == "train" and parts[-2] == "images":
                train.setdefault(parts[-3], []).append((info.filename, parts[-3]))
            elif len(parts) >= 3 and parts[-3:-1] == ["val", "images"]:
                val.add(info.filename)
    units = [
        Unit(f"train-{wnid}", (wnid,), identity, str(path), "zip", members=tuple(sorted(members)))
        for wnid, members in sorted(train.items())
        if synsets.SYNSET.fullmatch(wnid)
    ]
    top = sorted(val)[0].rsplit("/", 1)[0] + "/" if val else f"{TOP}/val/images/"
    labels = {top + name: wnid for name, wnid in read_val_labels(table, str(path)).items()}
    faults = [synsets.fault_unit("unsafe", "unsafe-member", odd)] if odd else []
    return units + val_units(path, "zip", val, labels, identity) + faults


def val_units(path: Path, kind: str, here: set[str], labels: Mapping[str, str], identity: str) -> list[Unit]:
    """Val in pieces: what is there, and what is listed and not there."""
    rows = sorted((name, labels.get(name, "")) for name in here | labels.keys())
    units = []
    for start in range(0, len(rows), VAL_ROWS):
        members = tuple(rows[start : start + VAL_ROWS])
        facts: list[object] = [identity, members]
        if kind == "val-folder":
            facts.append([(path / name).stat().st_mtime_ns if (path / name).exists() else 0 for name, _ in members])
        units.append(
            Unit(
                name=f"val-{start // VAL_ROWS:05d}",
                labels=tuple(sorted({label for _, label in members if label})),
                identity=hashlib.sha256(repr(facts).encode()).hexdigest(),
                path=str(path),
                kind=kind,
                members=members,
            )
        )
    return units


def read_val_labels(table: bytes, where: str) -> dict[str, str]:
    """``val_annotations.txt``: file name, wnid and four numbers, with tabs between. Raises `SourceError`."""
    labels = {}
    for number, line in enumerate(table.decode("utf-8", "replace").splitlines(), start=1):
        parts = line.split("\t")
        if not line.strip():
            continue
        if len(parts) < 2 or not synsets.SYNSET.fullmatch(parts[1]):
            raise SourceError(
                f"{where}: line {number} of val_annotations.txt has no wnid: {line[:80]!r}", hint=TERMS.get
            )
        labels[parts[0]] = parts[1]
    return labels


def read(unit: Unit) -> Iterator[Candidate]:
    """The pictures of one unit."""
    path = Path(unit.path)
    if unit.kind == "zip":
        directory = archives.zip_of(path).NameToInfo
        for name, label in unit.members:
            info = directory.get(name)
            yield settle(archives.zip_candidate(path, info, label) if info else None, name, label)
    elif unit.kind == "val-folder":
        for name, label in unit.members:
            file = path / name
            found = None
            if file.is_file() and not file.is_symlink():
                found = archives.candidate_of(file, label, archives.Member(name, 0, file.stat().st_size))
            yield settle(found, name, label)
    else:
        yield from synsets.read(unit)


def settle(found: Candidate | None, name: str, label: str) -> Candidate:
    """The candidate, or why there is none."""
    if found is None:
        return Candidate(archives.upstream_id(name), label, None, "missing", "listed, but not there")
    if not label and not found.verdict:
        return Candidate(found.upstream_id, "", None, "unlabelled", "not in val_annotations.txt")
    return found
