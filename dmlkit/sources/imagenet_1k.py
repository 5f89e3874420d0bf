"""ImageNet-1K (ILSVRC2012), train and val: the archives, extracted folders, or Kaggle's layout.

The test images have no published labels and are left alone. Labels go through the wnid: ILSVRC2012_ID counts from
1 in the devkit's own order, the usual class numbers from 0 in the order of sorted wnids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dmlkit.errors import SourceError
from dmlkit.sources import candidates
from dmlkit.sources.base import Candidate, FilePayload, ListedFile, PlanRequest, Source, Unit
from dmlkit.sources.common import matlab, synsets
from dmlkit.sources.common.listed import with_list
from dmlkit.sources.common.paths import file_state, nothing_found, require_path
from dmlkit.storage import archives
from dmlkit.text import first_few

TRAIN_TAR = "ILSVRC2012_img_train.tar"
VAL_TAR = "ILSVRC2012_img_val.tar"
DEVKIT = "ILSVRC2012_devkit_t12"
KAGGLE_FOLDER = "ILSVRC/Data/CLS-LOC"
KAGGLE_CSV = "LOC_val_solution.csv"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
META = "the devkit's meta.mat"
NUM_SYNSETS = 1000


@dataclass(frozen=True)
class ValTarMembers(FilePayload):
    """Members of the archive of val, whose labels are in a table."""

    files: tuple[ListedFile, ...]


class ImageNet1K(Source):
    """One unit a synset of train, one for each thousand images of val."""

    name = "imagenet-1k"

    def plan(self, request: PlanRequest) -> list[Unit]:
        """Plan train and val, whichever are there."""
        path = require_path(request.path, self.name, self.how_to_get)
        if path.is_dir():
            units = plan_folder(path)
        elif not archives.is_tar(path):
            raise nothing_found(path, self.name, self.how_to_get)
        elif archives.compression_of(path):
            raise SourceError(
                f"{path} is compressed; it is read in place, not unpacked",
                code="source.compressed",
                hint="unpack it once (gunzip)",
                path=path,
            )
        elif path.name == VAL_TAR:
            units = plan_val_tar(path, path.parent)
        else:
            units = synsets.plan_tar_of_tars(path, "train-")
        if not units:
            raise nothing_found(path, self.name, self.how_to_get)
        if not any(unit.labels for unit in units):
            raise SourceError(
                f"{path} has nothing with a label",
                code="source.no-labels",
                hint=f"put {DEVKIT}.tar.gz or {KAGGLE_CSV} beside val",
                path=path,
            )
        num_synsets = sum(unit.name.startswith("train-n") for unit in units)
        if num_synsets > NUM_SYNSETS:
            raise SourceError(
                f"{path} has more than {NUM_SYNSETS} synsets",
                code="source.too-many-synsets",
                hint="is it ImageNet-21K? --source imagenet-21k",
                path=path,
                count=num_synsets,
            )
        return synsets.merge_units(units)

    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Read the images of one unit."""
        match unit.payload:
            case ValTarMembers(path, files):
                return read_val_tar(path, files)
            case _:
                return synsets.read_unit(unit)


def plan_folder(path: Path) -> list[Unit]:
    """Plan the folder of archives, of extracted folders, or of Kaggle's layout. Raises `SourceError`."""
    top = next((p for p in (path / KAGGLE_FOLDER, path / "Data/CLS-LOC", path) if p.is_dir()), path)
    units = synsets.plan_folder(top, "train-")
    if not any(unit.labels for unit in units):
        units = []  # what is beside the folders of train and val is not theirs
    if (top / TRAIN_TAR).is_file():
        units += synsets.plan_tar_of_tars(top / TRAIN_TAR, "train-")
    if (top / "train").is_dir():
        units += synsets.plan_folder(top / "train", "train-")
    if (top / VAL_TAR).is_file():
        units += plan_val_tar(top / VAL_TAR, path)
    if (top / "val").is_dir():
        units += plan_val_folder(top / "val", path)
    return units


def plan_val_folder(val: Path, top: Path) -> list[Unit]:
    """Plan the folder of val, flat or by wnid; its labels are in ``top`` or above."""
    if any(synsets.SYNSET.fullmatch(p.name) for p in val.iterdir()):
        return synsets.plan_folder(val, "val-")
    return synsets.plan_table_of_folder(val, read_val_labels(top))


def plan_val_tar(val: Path, top: Path) -> list[Unit]:
    """Plan the archive of val; its labels are in ``top`` or above."""
    state = file_state(val)
    names = index_members(val, state)
    return synsets.plan_table(names, read_val_labels(top), lambda name: state, lambda files: ValTarMembers(val, files))


def read_val_tar(path: Path, files: tuple[ListedFile, ...]) -> Iterator[Candidate]:
    """Read members of the archive of val. Only those that were there when they were planned are looked for."""
    members = index_members(path, file_state(path))
    for file in files:
        member = members.get(file.name) if file.name is not None else None
        candidate = candidates.tar_candidate(path, file.label, member) if member else None
        if candidate:  # a name that is there again has a mark, which is not part of the id
            file = file._replace(upstream_id=candidate.upstream_id)
        yield with_list(file, candidate, "in no table of labels")


@lru_cache(maxsize=1)
def index_members(val: Path, state: str) -> dict[str, archives.Member]:
    """Map the members of val's archive by name; a name that is there again gets a mark, and so has no label."""
    members: dict[str, archives.Member] = {}
    for member in archives.tar_members(val):
        name = member.name
        while name in members:
            name += "#"
        members[name] = member
    return members


def read_val_labels(top: Path) -> dict[str, str]:
    """Map images of val to their wnid, from Kaggle's table or the devkit; empty if neither is there.

    They are looked for in ``--from`` and above it, up to the folder that holds Kaggle's ``ILSVRC/Data/CLS-LOC``.
    Raises `SourceError` if they are damaged.
    """
    for folder in (top, *list(top.resolve().parents)[:3]):
        if (folder / KAGGLE_CSV).is_file():
            return read_kaggle_csv(folder / KAGGLE_CSV)
        if (folder / DEVKIT).is_dir() or (folder / f"{DEVKIT}.tar.gz").is_file():
            return read_devkit(*read_devkit_files(folder))
    return {}


def read_kaggle_csv(path: Path) -> dict[str, str]:
    """Read ``ImageId,PredictionString``: the first word of the second column is the wnid. Raises `SourceError`."""
    labels = {}
    for number, line in enumerate(path.read_bytes().decode("utf-8-sig", "replace").splitlines(), start=1):
        image, _, prediction = line.partition(",")
        if image == "ImageId" or not line.strip():
            continue
        wnid = prediction.split(" ")[0]
        if not synsets.SYNSET.fullmatch(wnid):
            raise SourceError(
                f"{path}, line {number}: no wnid in {line[:80]!r}",
                code="source.bad-lines",
                hint="download the file again",
                path=path,
                lines=(number,),
            )
        labels[f"{image}.JPEG"] = wnid
    return labels


def read_devkit_files(folder: Path) -> tuple[bytes, bytes]:
    """Read ``meta.mat`` and the ground truth of the devkit in ``folder``, unpacked or not. Raises `SourceError`."""
    data, path = folder / DEVKIT / "data", folder / f"{DEVKIT}.tar.gz"
    try:
        if data.is_dir():
            return (data / "meta.mat").read_bytes(), (data / GROUND_TRUTH).read_bytes()
        files = {
            archives.base_name(member.name): archives.read_unpacked(path, member.offset, member.num_bytes)
            for member in archives.tar_members(path)
            if not member.status and member.name.endswith(("/meta.mat", GROUND_TRUTH))
        }
        return files["meta.mat"], files[GROUND_TRUTH]
    except (OSError, KeyError) as exc:
        raise SourceError(
            f"the devkit in {folder} is not whole: {exc}",
            code="source.incomplete-devkit",
            hint="download it again",
            path=folder,
        ) from exc


def read_devkit(meta: bytes, truth: bytes) -> dict[str, str]:
    """Map images of val to their wnid: line i of the ground truth is the ILSVRC2012_ID of the i-th image by name.

    Names are counted from 1 by their number, not by their position, so that missing images shift nothing.
    Raises `SourceError`.
    """
    wnids = read_wnids(meta)
    lines = truth.decode("utf-8", "replace").split()
    unknown = sorted(set(lines) - wnids.keys())
    if unknown:
        raise SourceError(
            f"the devkit's ground truth has ids that its meta.mat lacks: {first_few(i[:20] for i in unknown)}",
            code="source.unknown-ids",
            hint="download the devkit again",
            count=len(unknown),
        )
    return {f"ILSVRC2012_val_{i:08d}.JPEG": wnids[line] for i, line in enumerate(lines, start=1)}


def read_wnids(meta: bytes) -> dict[str, str]:
    """Map the ILSVRC2012_ID of each leaf in ``meta.mat`` to its wnid. Raises `SourceError`."""
    variables = matlab.read_variables(meta, META, f"or put Kaggle's {KAGGLE_CSV} beside the images")
    try:
        leaves = {str(int(s.ILSVRC2012_ID)): str(s.WNID) for s in variables["synsets"] if int(s.num_children) == 0}
    except Exception as exc:  # whatever is in a file of another kind
        raise matlab.damaged_file(META, exc) from exc
    if not all(synsets.SYNSET.fullmatch(wnid) for wnid in leaves.values()):
        raise matlab.damaged_file(META, "it has synsets that are no wnids")
    return leaves
