"""ImageNet-1K (ILSVRC2012), train and val: the archives, extracted folders, or Kaggle's layout.

The test pictures have no published labels and are left alone. Labels go through the wnid: ILSVRC2012_ID counts from
1 in the devkit's own order, the usual class numbers from 0 in the order of sorted wnids.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from dmlkit import archives
from dmlkit.errors import SourceError
from dmlkit.schema import Candidate, Unit
from dmlkit.sources import Request, Terms, synsets
from dmlkit.sources.imagenet_21k import IMAGENET_BIB, IMAGENET_TERMS

NAME = "imagenet-1k"
TRAIN_TAR = "ILSVRC2012_img_train.tar"
VAL_TAR = "ILSVRC2012_img_val.tar"
DEVKIT = "ILSVRC2012_devkit_t12"
KAGGLE = "ILSVRC/Data/CLS-LOC"
KAGGLE_CSV = "LOC_val_solution.csv"
VAL_ROWS = 1000
"""Pictures of val that one worker takes."""

TERMS = Terms(
    title="ImageNet-1K (ILSVRC2012)",
    license="other",
    terms=IMAGENET_TERMS,
    redistribute=False,
    url="https://image-net.org/download.php",
    citation=IMAGENET_BIB,
    get=f"With an account on image-net.org download {TRAIN_TAR}, {VAL_TAR} and {DEVKIT}.tar.gz into one folder, or "
    "from Kaggle the competition imagenet-object-localization-challenge; give that folder as --from.",
)


def plan(request: Request) -> list[Unit]:
    """One unit a synset of train, one for each thousand pictures of val."""
    path = synsets.given_path(request, NAME, TERMS.get)
    if path.is_file():
        if not archives.is_tar(path) or archives.compression_of(path):
            raise synsets.no_units(path, NAME)
        is_val = path.name == VAL_TAR
        units = val_units(path, path.parent) if is_val else synsets.in_tar_of_tars(path, "train-")
    else:
        units = units_of_folder(path)
    if not any(unit.labels for unit in units):
        raise synsets.no_units(path, NAME)
    return synsets.unique(units)


def units_of_folder(path: Path) -> list[Unit]:
    top = next((p for p in (path / KAGGLE, path / "Data/CLS-LOC", path) if p.is_dir()), path)
    units: list[Unit] = []
    if (top / TRAIN_TAR).is_file():
        units += synsets.in_tar_of_tars(top / TRAIN_TAR, "train-")
    if (top / "train").is_dir():
        units += synsets.in_folder(top / "train", "train-")
    if not units and not (top / "val").exists() and not (top / VAL_TAR).exists():
        units += synsets.in_folder(top, "train-")
    for val in (top / VAL_TAR, top / "val"):
        if val.is_file() or val.is_dir():
            units += val_units(val, path)
            break
    return units


def val_units(val: Path, top: Path) -> list[Unit]:
    """The units of val: an archive or a folder of pictures, flat or by wnid."""
    if val.is_dir() and any(synsets.SYNSET.fullmatch(p.name) for p in val.iterdir()):
        return synsets.in_folder(val, "val-")
    names = val_names(val)
    labels = read_val_labels(top)
    kind = "val-folder" if val.is_dir() else "val-tar"
    rows = sorted((name, labels.get(name, "")) for name in names | labels.keys())
    found = val.stat()
    of_val = f"{found.st_size} {found.st_mtime_ns}" if val.is_file() else ""
    units = []
    for start in range(0, len(rows), VAL_ROWS):
        members = tuple(rows[start : start + VAL_ROWS])
        facts = [of_val, members, [file_facts(val / name) for name, _ in members] if val.is_dir() else []]
        units.append(
            Unit(
                name=f"val-{start // VAL_ROWS:05d}",
                labels=tuple(sorted({label for _, label in members if label})),
                identity=hashlib.sha256(repr(facts).encode()).hexdigest(),
                path=str(val),
                kind=kind,
                members=members,
            )
        )
    return units


def file_facts(path: Path) -> tuple[int, int] | None:
    if not path.is_file():
        return None
    return path.stat().st_size, path.stat().st_mtime_ns


def val_names(val: Path) -> set[str]:
    """The names of the pictures that are there."""
    if val.is_dir():
        return {p.name for p in val.iterdir() if not p.is_dir()}
    return {member.name for member in archives.tar_members(val)}


def read_val_labels(top: Path) -> dict[str, str]:
    """Picture of val → wnid, from Kaggle's table or the devkit; empty where neither is there."""
    for folder in (top, top.parent, *(p for p in sorted(top.iterdir()) if p.is_dir())):
        if (folder / KAGGLE_CSV).is_file():
            return read_kaggle_csv(folder / KAGGLE_CSV)
    for folder in (top, top.parent):
        if (folder / DEVKIT / "data").is_dir():
            data = folder / DEVKIT / "data"
            return read_devkit((data / "meta.mat").read_bytes(), (data / TRUTH).read_text())
        if (folder / f"{DEVKIT}.tar.gz").is_file():
            meta, truth = read_devkit_tar(folder / f"{DEVKIT}.tar.gz")
            return read_devkit(meta, truth.decode())
    return {}


TRUTH = "ILSVRC2012_validation_ground_truth.txt"


def read_kaggle_csv(path: Path) -> dict[str, str]:
    """``ImageId,PredictionString``: the first word of the second column is the wnid. Raises `SourceError`."""
    labels = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if number == 1 and row and row[0] == "ImageId":
                continue
            wnid = row[1].split(" ")[0] if len(row) > 1 else ""
            if not synsets.SYNSET.fullmatch(wnid):
                raise SourceError(f"{path}, line {number}: no wnid in {row!r}"[:300], hint="download the file again")
            labels[f"{row[0].removesuffix('.JPEG')}.JPEG"] = wnid
    return labels


def read_devkit_tar(path: Path) -> tuple[bytes, bytes]:
    """``meta.mat`` and the ground truth out of the devkit's archive. Raises `SourceError`."""
    found = {}
    try:
        with tarfile.open(path) as tar:
            for info in tar:
                name = info.name.rsplit("/", 1)[-1]
                file = tar.extractfile(info) if name in ("meta.mat", TRUTH) and info.isfile() else None
                if file is not None and info.size <= archives.MAX_BYTES:
                    found[name] = file.read()
        return found["meta.mat"], found[TRUTH]
    except (tarfile.TarError, EOFError, OSError, KeyError) as exc:
        raise SourceError(f"{path} is not the devkit, or damaged: {exc!r}", hint="download it again") from exc


def read_devkit(meta: bytes, truth: str) -> dict[str, str]:
    """Line i of the ground truth is the ILSVRC2012_ID of the i-th picture by name. Raises `SourceError`.

    Names are counted from 1 by their number, not by their place, so that missing pictures shift nothing.
    """
    wnids = wnids_by_id(meta)
    lines = truth.split()
    unknown = {line for line in lines if not line.isdigit() or int(line) not in wnids}
    if unknown:
        raise SourceError(f"the devkit's ground truth has ids that its meta.mat lacks: {sorted(unknown)[:5]}")
    return {f"ILSVRC2012_val_{i:08d}.JPEG": wnids[int(line)] for i, line in enumerate(lines, start=1)}


def wnids_by_id(meta: bytes) -> dict[int, str]:
    """ILSVRC2012_ID → wnid of the leaves in ``meta.mat``. Raises `SourceError`."""
    try:
        from scipy.io import loadmat
    except ImportError as exc:
        raise SourceError(
            "reading the labels of val from the devkit needs scipy, which is not installed",
            hint=f'pip install "dmlkit[devkit]", or put Kaggle\'s {KAGGLE_CSV} beside the pictures',
        ) from exc
    try:
        table = loadmat(io.BytesIO(meta), squeeze_me=True, struct_as_record=False)["synsets"]
        rows = [(int(s.ILSVRC2012_ID), str(s.WNID), int(s.num_children)) for s in table]
    except Exception as exc:  # scipy raises many types for damaged files
        raise SourceError(f"the devkit's meta.mat cannot be read: {exc!r}", hint="download it again") from exc
    return {number: wnid for number, wnid, children in rows if children == 0}


def read(unit: Unit) -> Iterator[Candidate]:
    """The pictures of one unit."""
    if unit.kind == "val-tar":
        yield from read_val_tar(unit)
    elif unit.kind == "val-folder":
        yield from read_val_folder(unit)
    else:
        yield from synsets.read(unit)


def read_val_tar(unit: Unit) -> Iterator[Candidate]:
    labels: Mapping[str, str] = dict(unit.members)
    left = dict(labels)
    path = Path(unit.path)
    for member in archives.tar_members(path):
        if member.name in labels:
            left.pop(member.name, None)
            yield labelled(archives.candidate_of(path, labels[member.name], member))
    yield from missing(left)


def read_val_folder(unit: Unit) -> Iterator[Candidate]:
    left = {}
    for name, label in unit.members:
        path = Path(unit.path) / name
        if path.is_file() and not path.is_symlink():
            member = archives.Member(name, 0, path.stat().st_size)
            yield labelled(archives.candidate_of(path, label, member))
        else:
            left[name] = label
    yield from missing(left)


def labelled(candidate: Candidate) -> Candidate:
    if candidate.upstream_label or candidate.verdict:
        return candidate
    return Candidate(candidate.upstream_id, "", None, "unlabelled", "val without devkit or Kaggle table")


def missing(left: Mapping[str, str]) -> Iterator[Candidate]:
    for name, label in left.items():
        yield Candidate(re.sub(r"\.JPEG$", "", name), label, None, "missing", "listed, but not in val")
