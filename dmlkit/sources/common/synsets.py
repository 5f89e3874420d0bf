"""What the ImageNet sources share: one tar or one folder of images for each synset, and tables of labelled files."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from dmlkit.errors import SourceError
from dmlkit.sources import candidates
from dmlkit.sources.base import (
    Candidate,
    FilePayload,
    ImageFolder,
    ListedFile,
    ListedFiles,
    Payload,
    RejectedEntries,
    TarFile,
    TarWindow,
    Unit,
)
from dmlkit.sources.common.listed import read_listed
from dmlkit.sources.common.paths import file_state
from dmlkit.storage import archives

SYNSET = re.compile(r"n\d{8}")
SYNSET_TAR = re.compile(r"(n\d{8})\.tar(\.(gz|bz2|xz))?")

# How the ids of ImageNet's images begin. Other names (1.jpg) may be in the folder of every synset.
OWN_ID = re.compile(r"(n\d{8}|ILSVRC2012_val|val)[_@]")

# Files that people keep beside the archives; anything else is reported.
KNOWN_EXTRAS = re.compile(r"(?i)readme.*|.*\.(txt|md|md5|sha256|csv|xml|log)|\..*|lost\+found|ILSVRC2012_.*")

# Images of a table that one worker takes.
IMAGES_PER_UNIT = 1000

# Status -> (upstream id, reason) of what a source cannot use.
Rejected = Mapping[str, list[tuple[str, str]]]


def plan_folder(folder: Path, prefix: str = "") -> list[Unit]:
    """Plan a folder of per-synset tars and per-synset folders; its other files are rejected."""
    units, extras = [], []
    for path in sorted(folder.iterdir()):
        tar, synset = SYNSET_TAR.fullmatch(path.name), SYNSET.fullmatch(path.name)
        if tar and path.is_file():
            units.append(plan_tar(path, tar[1], prefix))
        elif synset and path.is_dir():
            units.append(plan_image_folder(path, path.name, prefix))
        elif tar or synset:
            raise SourceError(
                f"{path} should be {'an archive' if tar else 'a folder of images'} and is not one",
                code="source.wrong-kind",
                hint="put the right one there, or take it away",
                path=path,
            )
        elif not path.is_dir() and not KNOWN_EXTRAS.fullmatch(path.name):
            extras.append((candidates.upstream_id(path.name), "neither an archive nor a folder of a synset"))
    return units + plan_rejected({"not-an-image": extras}, prefix)


def plan_tar(path: Path, wnid: str, prefix: str = "") -> Unit:
    """Plan the tar file of one synset."""
    return Unit(prefix + wnid, (wnid,), file_state(path), TarFile(path, wnid), num_bytes=path.stat().st_size)


def plan_image_folder(path: Path, wnid: str, prefix: str = "", inner: str = "") -> Unit:
    """Plan a folder of images; ``inner`` is the folder in it that holds them, if there is one."""
    folder = path / inner if (path / inner).is_dir() else path
    digest, num_images, num_bytes = hashlib.sha256(), 0, 0
    for file in sorted(folder.iterdir()):
        stat = file.lstat()
        digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        num_images, num_bytes = num_images + 1, num_bytes + stat.st_size
    return Unit(prefix + wnid, (wnid,), digest.hexdigest(), ImageFolder(folder, wnid), num_images, num_bytes)


def plan_tar_of_tars(path: Path, prefix: str = "") -> list[Unit]:
    """Plan the per-synset tars inside an uncompressed tar, found by their headers and read in place."""
    state, num_bytes = file_state(path), path.stat().st_size
    units: list[Unit] = []
    rejected = defaultdict(list)
    for member in archives.tar_members(path, most=num_bytes):
        tar = SYNSET_TAR.fullmatch(archives.base_name(member.name))
        if member.status or not tar:
            entry = (candidates.upstream_id(member.name), member.detail or "no archive of a synset")
            rejected[member.status or "not-an-image"].append(entry)
        if tar and tar[2]:
            why = "compressed inside an uncompressed archive: unpack the outer one"
            rejected["not-an-image"].append((candidates.upstream_id(member.name), why))
        elif tar and member.status in (None, "damaged-archive"):
            window = TarWindow(path, tar[1], member.offset, min(member.num_bytes, num_bytes - member.offset))
            fingerprint = f"{state} {member.offset} {member.num_bytes}"
            units.append(Unit(prefix + tar[1], (tar[1],), fingerprint, window, num_bytes=window.num_bytes))
    return units + plan_rejected(rejected, prefix)


def plan_rejected(rejected: Rejected, prefix: str = "") -> list[Unit]:
    """Plan what a source cannot use, one unit a status, so that it is counted like every candidate."""
    return [
        rejected_unit(prefix + status, RejectedEntries(status, tuple(entries)))
        for status, entries in sorted(rejected.items())
        if entries
    ]


def rejected_unit(name: str, payload: RejectedEntries) -> Unit:
    """Make a unit of entries that cannot be used: no image of it is read."""
    fingerprint = hashlib.sha256(repr(payload.entries).encode()).hexdigest()
    return Unit(name, (), fingerprint, payload, num_images=0, num_bytes=0)


def plan_table(
    names: Iterable[str],
    labels: Mapping[str, str],
    state: Callable[[str], object],
    make_payload: Callable[[tuple[ListedFile, ...]], Payload],
) -> list[Unit]:
    """Plan files whose labels are in a table, in pieces: those that are there, and those that only the table has.

    ``names`` are the files that are there; ``labels`` maps the last part of a name to its wnid; ``state(name)``
    changes when the file does.
    """
    rows: dict[str, str] = {name: labels.get(archives.base_name(name), "") for name in names}
    present = {archives.base_name(name) for name in rows}
    files = [ListedFile(candidates.upstream_id(name), label, name) for name, label in rows.items()]
    files += [
        ListedFile(candidates.upstream_id(name), label, None) for name, label in labels.items() if name not in present
    ]
    files.sort(key=lambda file: (file.upstream_id, file.name or ""))
    units = []
    for start in range(0, len(files), IMAGES_PER_UNIT):
        piece = tuple(files[start : start + IMAGES_PER_UNIT])
        facts = (tuple(map(tuple, piece)), [state(file.name) if file.name else "" for file in piece])
        units.append(
            Unit(
                name=f"val-{start // IMAGES_PER_UNIT:05d}",
                labels=tuple(sorted({file.label for file in piece} - {""})),
                fingerprint=hashlib.sha256(repr(facts).encode()).hexdigest(),
                payload=make_payload(piece),
                num_images=len(piece),
            )
        )
    return units


def plan_table_of_folder(folder: Path, labels: Mapping[str, str]) -> list[Unit]:
    """Plan the images of one folder whose labels are in a table."""

    def state(name: str) -> str:
        return file_state(folder / name) if (folder / name).is_file() else ""

    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return plan_table(names, labels, state, lambda files: ListedFiles(folder, files))


def merge_units(units: list[Unit]) -> list[Unit]:
    """Sort units by name, and merge rejected entries of the same status.

    Raises `SourceError` if a synset is there twice.
    """
    merged: dict[str, Unit] = {}
    for unit in units:
        other = merged.get(unit.name)
        if other is None:
            merged[unit.name] = unit
        elif isinstance(unit.payload, RejectedEntries) and isinstance(other.payload, RejectedEntries):
            entries = other.payload.entries + unit.payload.entries
            merged[unit.name] = rejected_unit(unit.name, replace(unit.payload, entries=entries))
        else:
            raise SourceError(
                f"{unit.name} is there twice: {location(other)} and {location(unit)}",
                code="source.synset-twice",
                hint="take one of them away",
                name=unit.name,
                paths=(location(other), location(unit)),
            )
    return sorted(merged.values(), key=lambda unit: unit.name)


def location(unit: Unit) -> str:
    """Return the file or folder that a unit is read from, for a message."""
    return str(unit.payload.path) if isinstance(unit.payload, FilePayload) else unit.name


def read_unit(unit: Unit) -> Iterator[Candidate]:
    """Read the images of a unit that this module planned."""
    match unit.payload:
        case RejectedEntries(status, entries):
            yield from read_rejected(status, entries)
        case ListedFiles():
            yield from read_listed(unit, "in no table of labels")
        case ImageFolder(path, label):
            yield from map(with_own_id, candidates.folder_candidates(path, label))
        case TarWindow(path, label, offset, num_bytes):
            yield from map(with_own_id, candidates.tar_candidates(path, label, offset, num_bytes))
        case TarFile(path, label):
            yield from map(with_own_id, candidates.tar_candidates(path, label))
        case _:
            raise TypeError(f"no unit of synsets: {unit.name}")


def read_rejected(status: str, entries: Iterable[tuple[str, str]]) -> Iterator[Candidate]:
    """Read what a source cannot use, as candidates that have their status."""
    for upstream_id, reason in entries:
        yield Candidate(upstream_id, "", None, status, reason)


def with_own_id(candidate: Candidate) -> Candidate:
    """Return the candidate with an id that no image of another synset has."""
    if OWN_ID.match(candidate.upstream_id):
        return candidate
    return replace(candidate, upstream_id=f"{candidate.upstream_label}_{candidate.upstream_id}")
