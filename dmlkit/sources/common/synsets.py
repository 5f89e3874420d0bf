"""What the ImageNet sources share: one tar or one folder of images for each synset, and lists of labelled files."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from dmlkit.errors import SourceError
from dmlkit.schema.statuses import STATUS_NAMES
from dmlkit.sources import Request, candidates, hint_at, other_source
from dmlkit.sources.base import Candidate, Unit
from dmlkit.storage import archives

SYNSET = re.compile(r"n\d{8}")
SYNSET_TAR = re.compile(r"(n\d{8})\.tar(\.(gz|bz2|xz))?")
OWN_ID = re.compile(r"(n\d{8}|ILSVRC2012_val|val)[_@]")
"""How the ids of ImageNet's images begin. Other names (1.jpg) may stand in the folder of every synset."""

KNOWN_EXTRAS = re.compile(r"(?i)readme.*|.*\.(txt|md|md5|sha256|csv|xml|log)|\..*|lost\+found|ILSVRC2012_.*")
"""Files that people keep beside the archives; anything else is reported."""

LISTED = 1000
"""Images of a list that one worker takes."""

Faults = Mapping[str, list[tuple[str, str]]]
"""Status → (id, why) of what a source cannot use."""


def given_path(request: Request, source: str, get: str) -> Path:
    """``--from``, checked to be there, readable, and not of another source. Raises `SourceError`."""
    path = request.path
    if path is None:
        raise SourceError(f"the source {source} needs --from, the files on this machine", hint=get)
    try:
        if path.is_dir():
            if not any(path.iterdir()):
                raise SourceError(f"{path} is an empty folder", hint=get)
        elif path.exists() and not path.is_file():
            raise SourceError(f"{path} is neither a file nor a folder", hint=get)
        else:
            with path.open("rb"):
                pass
        other = other_source(path, source)
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror or exc}", hint=get) from exc
    if other is not None:
        raise SourceError(f"{path} is not of the source {source}", hint=hint_at(path, source))
    return path


def in_folder(folder: Path, prefix: str = "") -> list[Unit]:
    """The units of a folder of per-synset tars and per-synset folders, and its other files as faults."""
    units, extras = [], []
    for path in sorted(folder.iterdir()):
        tar, synset = SYNSET_TAR.fullmatch(path.name), SYNSET.fullmatch(path.name)
        if tar and path.is_file():
            units.append(tar_unit(path, tar[1], prefix))
        elif synset and path.is_dir():
            units.append(folder_unit(path, path.name, prefix))
        elif tar or synset:
            raise SourceError(
                f"{path} should be {'an archive' if tar else 'a folder of images'} and is not one",
                hint="put the right one there, or take it away",
            )
        elif not path.is_dir() and not KNOWN_EXTRAS.fullmatch(path.name):
            extras.append((candidates.upstream_id(path.name), "neither an archive nor a folder of a synset"))
    return units + fault_units({"not-an-image": extras}, prefix)


def tar_unit(path: Path, wnid: str, prefix: str = "") -> Unit:
    found = path.stat()
    return Unit(prefix + wnid, (wnid,), state_of(path), str(path), "tar", 0, found.st_size)


def state_of(path: Path) -> str:
    """What changes when a file does."""
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def folder_unit(path: Path, wnid: str, prefix: str = "", inner: str = "") -> Unit:
    """A folder of images; ``inner`` is the folder in it that holds them, where there is one."""
    folder = path / inner if (path / inner).is_dir() else path
    digest, size = hashlib.sha256(), 0
    for file in sorted(folder.iterdir()):
        found = file.lstat()
        digest.update(f"{file.name} {found.st_size} {found.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        size += found.st_size
    return Unit(prefix + wnid, (wnid,), digest.hexdigest(), str(folder), "folder", 0, size)


def in_tar_of_tars(path: Path, prefix: str = "") -> list[Unit]:
    """The per-synset tars inside an uncompressed tar, found by their headers and read in place."""
    state, size = state_of(path), path.stat().st_size
    units: list[Unit] = []
    faults = defaultdict(list)
    for member in archives.tar_members(path, most=size):
        name = SYNSET_TAR.fullmatch(archives.base_name(member.name))
        if member.status or not name:
            fault = (candidates.upstream_id(member.name), member.detail or "no archive of a synset")
            faults[member.status or "not-an-image"].append(fault)
        if name and name[2]:
            why = "compressed inside an uncompressed archive: unpack the outer one"
            faults["not-an-image"].append((candidates.upstream_id(member.name), why))
        elif name and member.status in (None, "damaged-archive"):
            identity = f"{state} {member.offset} {member.num_bytes}"
            inside = min(member.num_bytes, size - member.offset)
            units.append(Unit(prefix + name[1], (name[1],), identity, str(path), "window", member.offset, inside))
    return units + fault_units(faults, prefix)


def fault_units(faults: Faults, prefix: str = "") -> list[Unit]:
    """What a source cannot use, one unit a status, so that it is counted like every candidate."""
    return [fault_unit(prefix + status, status, found) for status, found in sorted(faults.items()) if found]


def fault_unit(name: str, status: str, found: Iterable[tuple[str, str]]) -> Unit:
    members = tuple(found)
    return Unit(name, (), hashlib.sha256(repr(members).encode()).hexdigest(), kind=status, members=members)


def listed_units(
    path: Path, kind: str, names: Iterable[str], labels: Mapping[str, str], state: Callable[[str], object]
) -> list[Unit]:
    """Files whose labels stand in a table, in pieces: those that are there, and those that only the table has.

    ``names`` are the files that are there; ``labels`` goes from the last part of a name to its wnid; ``state(name)``
    changes when the file does.
    """
    rows = {name: labels.get(archives.base_name(name), "") for name in names}
    here = {archives.base_name(name) for name in rows}
    rows |= {name: label for name, label in labels.items() if name not in here}
    units = []
    for start in range(0, len(rows), LISTED):
        members = tuple(sorted(rows.items())[start : start + LISTED])
        facts = (members, [state(name) for name, _ in members])
        units.append(
            Unit(
                name=f"val-{start // LISTED:05d}",
                labels=tuple(sorted({label for _, label in members if label})),
                identity=hashlib.sha256(repr(facts).encode()).hexdigest(),
                path=str(path),
                kind=kind,
                members=members,
            )
        )
    return units


def listed_in_folder(folder: Path, labels: Mapping[str, str]) -> list[Unit]:
    """The images of one folder whose labels stand in a table."""

    def state(name: str) -> str:
        return state_of(folder / name) if (folder / name).is_file() else ""

    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return listed_units(folder, "listed", names, labels, state)


def unique(units: list[Unit]) -> list[Unit]:
    """The units sorted by name, faults of the same kind as one. Raises `SourceError` where a synset stands twice."""
    found: dict[str, Unit] = {}
    for unit in units:
        if unit.name not in found:
            found[unit.name] = unit
        elif unit.kind in STATUS_NAMES:
            found[unit.name] = fault_unit(unit.name, unit.kind, found[unit.name].members + unit.members)
        else:
            raise SourceError(
                f"{unit.name} stands twice: {found[unit.name].path} and {unit.path}", hint="take one of them away"
            )
    return sorted(found.values(), key=lambda unit: unit.name)


def no_units(path: Path, source: str) -> SourceError:
    """The error for a ``--from`` in which nothing of the source was found."""
    kind = "folder" if path.is_dir() else "file"
    return SourceError(f"{path} is a {kind} without anything of the source {source}", hint=hint_at(path, source))


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of a unit that this module made."""
    path = Path(unit.path)
    if unit.kind in STATUS_NAMES:
        for upstream_id, detail in unit.members:
            yield Candidate(upstream_id, "", None, unit.kind, detail)
    elif unit.kind == "listed":
        yield from read_listed(unit, lambda name, label: find_file(path / name, label))
    elif unit.kind == "folder":
        yield from map(with_own_id, candidates.folder_candidates(path, unit.labels[0]))
    elif unit.kind == "window":
        yield from map(with_own_id, candidates.tar_candidates(path, unit.labels[0], unit.offset, unit.size))
    else:
        yield from map(with_own_id, candidates.tar_candidates(path, unit.labels[0]))


def with_own_id(candidate: Candidate) -> Candidate:
    """The candidate with an id that no image of another synset has."""
    if OWN_ID.match(candidate.upstream_id):
        return candidate
    return replace(candidate, upstream_id=f"{candidate.upstream_label}_{candidate.upstream_id}")


def read_listed(unit: Unit, find: Callable[[str, str], Candidate | None]) -> Iterator[Candidate]:
    """The images of a unit of `listed_units`. ``find(name, label)`` gives one that is there."""
    for name, label in unit.members:
        found = find(name, label)
        if found is None:
            yield Candidate(candidates.upstream_id(name), label, None, "missing", "listed, but not there")
        elif not label and not found.status:
            yield Candidate(found.upstream_id, "", None, "unlabelled", "in no table of labels")
        else:
            yield found


def find_file(path: Path, label: str) -> Candidate | None:
    return candidates.file_candidate(path, label) if path.exists() or path.is_symlink() else None
