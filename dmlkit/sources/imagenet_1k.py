"""ImageNet-1K (ILSVRC2012), train and val: the archives, extracted folders, or Kaggle's layout.

The test images have no published labels and are left alone. Labels go through the wnid: ILSVRC2012_ID counts from
1 in the devkit's own order, the usual class numbers from 0 in the order of sorted wnids.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from dmlkit import terms
from dmlkit.errors import SourceError
from dmlkit.sources import Request, candidates
from dmlkit.sources.base import Candidate, Unit
from dmlkit.sources.common import matlab, synsets
from dmlkit.storage import archives

NAME = "imagenet-1k"
TRAIN_TAR = "ILSVRC2012_img_train.tar"
VAL_TAR = "ILSVRC2012_img_val.tar"
DEVKIT = "ILSVRC2012_devkit_t12"
KAGGLE = "ILSVRC/Data/CLS-LOC"
KAGGLE_CSV = "LOC_val_solution.csv"
TRUTH = "ILSVRC2012_validation_ground_truth.txt"
CLASSES = 1000


def plan(request: Request) -> list[Unit]:
    """One unit a synset of train, one for each thousand images of val."""
    path = synsets.given_path(request, NAME, terms.load(NAME).how_to_get)
    if path.is_dir():
        units = units_of_folder(path)
    elif not archives.is_tar(path):
        raise synsets.no_units(path, NAME)
    elif archives.compression_of(path):
        raise SourceError(f"{path} is compressed; it is read in place, not unpacked", hint="unpack it once (gunzip)")
    else:
        is_val = path.name == VAL_TAR
        units = units_of_val_tar(path, path.parent) if is_val else synsets.in_tar_of_tars(path, "train-")
    if not units:
        raise synsets.no_units(path, NAME)
    if not any(unit.labels for unit in units):
        raise SourceError(f"{path} has nothing with a label", hint=f"put {DEVKIT}.tar.gz or {KAGGLE_CSV} beside val")
    if sum(unit.name.startswith("train-n") for unit in units) > CLASSES:
        raise SourceError(f"{path} has more than {CLASSES} synsets", hint="is it ImageNet-21K? --source imagenet-21k")
    return synsets.unique(units)


def units_of_folder(path: Path) -> list[Unit]:
    """The units of the folder of archives, of extracted folders, or of Kaggle's layout. Raises `SourceError`."""
    top = next((p for p in (path / KAGGLE, path / "Data/CLS-LOC", path) if p.is_dir()), path)
    units = synsets.in_folder(top, "train-")
    if not any(unit.labels for unit in units):
        units = []  # what stands beside the folders of train and val is no matter of theirs
    if (top / TRAIN_TAR).is_file():
        units += synsets.in_tar_of_tars(top / TRAIN_TAR, "train-")
    if (top / "train").is_dir():
        units += synsets.in_folder(top / "train", "train-")
    if (top / VAL_TAR).is_file():
        units += units_of_val_tar(top / VAL_TAR, path)
    if (top / "val").is_dir():
        units += units_of_val_folder(top / "val", path)
    return units


def units_of_val_folder(val: Path, top: Path) -> list[Unit]:
    """The units of the folder of val, flat or by wnid."""
    if any(synsets.SYNSET.fullmatch(p.name) for p in val.iterdir()):
        return synsets.in_folder(val, "val-")
    return synsets.listed_in_folder(val, read_val_labels(top))


def units_of_val_tar(val: Path, top: Path) -> list[Unit]:
    state = synsets.state_of(val)
    return synsets.listed_units(val, "val-tar", members_of(val, state), read_val_labels(top), lambda name: state)


@lru_cache(maxsize=1)
def members_of(val: Path, state: str) -> dict[str, archives.Member]:
    """The members of val's archive by name; a name that stands again gets a mark, and so has no label."""
    members: dict[str, archives.Member] = {}
    for member in archives.tar_members(val):
        name = member.name
        while name in members:
            name += "#"
        members[name] = member
    return members


def read_val_labels(top: Path) -> dict[str, str]:
    """ExaminedImage of val → wnid, from Kaggle's table or the devkit; empty where neither is there.

    They are looked for in ``--from`` and above it, up to the folder that holds Kaggle's ``ILSVRC/Data/CLS-LOC``.
    Raises `SourceError` where they are damaged.
    """
    for folder in (top, *list(top.resolve().parents)[:3]):
        if (folder / KAGGLE_CSV).is_file():
            return read_kaggle_csv(folder / KAGGLE_CSV)
        if (folder / DEVKIT).is_dir() or (folder / f"{DEVKIT}.tar.gz").is_file():
            return read_devkit(*devkit_files(folder))
    return {}


def read_kaggle_csv(path: Path) -> dict[str, str]:
    """``ImageId,PredictionString``: the first word of the second column is the wnid. Raises `SourceError`."""
    labels = {}
    for number, line in enumerate(path.read_bytes().decode("utf-8-sig", "replace").splitlines(), start=1):
        image, _, prediction = line.partition(",")
        if image == "ImageId" or not line.strip():
            continue
        wnid = prediction.split(" ")[0]
        if not synsets.SYNSET.fullmatch(wnid):
            raise SourceError(f"{path}, line {number}: no wnid in {line[:80]!r}", hint="download the file again")
        labels[f"{image}.JPEG"] = wnid
    return labels


def devkit_files(folder: Path) -> tuple[bytes, bytes]:
    """``meta.mat`` and the ground truth of the devkit in ``folder``, unpacked or not. Raises `SourceError`."""
    data, path = folder / DEVKIT / "data", folder / f"{DEVKIT}.tar.gz"
    try:
        if data.is_dir():
            return (data / "meta.mat").read_bytes(), (data / TRUTH).read_bytes()
        found = {
            archives.base_name(member.name): archives.read_unpacked(path, member.offset, member.num_bytes)
            for member in archives.tar_members(path)
            if not member.status and member.name.endswith(("/meta.mat", TRUTH))
        }
        return found["meta.mat"], found[TRUTH]
    except (OSError, KeyError) as exc:
        raise SourceError(f"the devkit in {folder} is not whole: {exc}", hint="download it again") from exc


def read_devkit(meta: bytes, truth: bytes) -> dict[str, str]:
    """Line i of the ground truth is the ILSVRC2012_ID of the i-th image by name. Raises `SourceError`.

    Names are counted from 1 by their number, not by their place, so that missing images shift nothing.
    """
    wnids = wnids_by_id(meta)
    lines = truth.decode("utf-8", "replace").split()
    unknown = set(lines) - wnids.keys()
    if unknown:
        raise SourceError(
            f"the devkit's ground truth has ids that its meta.mat lacks: {sorted(unknown)[:5]}"[:300],
            hint="download the devkit again",
        )
    return {f"ILSVRC2012_val_{i:08d}.JPEG": wnids[line] for i, line in enumerate(lines, start=1)}


def wnids_by_id(meta: bytes) -> dict[str, str]:
    """ILSVRC2012_ID → wnid of the leaves in ``meta.mat``. Raises `SourceError`."""
    found = matlab.read(meta, "the devkit's meta.mat", f"or put Kaggle's {KAGGLE_CSV} beside the images")
    try:
        leaves = {str(int(s.ILSVRC2012_ID)): str(s.WNID) for s in found["synsets"] if int(s.num_children) == 0}
    except Exception as exc:  # whatever is in a file of another kind
        raise SourceError(f"the devkit's meta.mat cannot be read: {exc!r}"[:300], hint="download it again") from exc
    if not all(synsets.SYNSET.fullmatch(wnid) for wnid in leaves.values()):
        raise SourceError("the devkit's meta.mat has synsets that are no wnids", hint="download it again")
    return leaves


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one unit."""
    if unit.kind != "val-tar":
        yield from synsets.read(unit)
        return
    path = Path(unit.path)
    members = members_of(path, synsets.state_of(path))

    def find(name: str, label: str) -> Candidate | None:
        return candidates.candidate_of(path, label, members[name]) if name in members else None

    yield from synsets.read_listed(unit, find)
