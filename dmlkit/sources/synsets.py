"""What the ImageNet sources share: one tar or one folder of pictures for each synset."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from dmlkit import archives
from dmlkit.errors import SourceError
from dmlkit.schema import VERDICTS, Candidate, Unit
from dmlkit.sources import Request, hint_at

SYNSET = re.compile(r"n\d{8}")
SYNSET_TAR = re.compile(r"(n\d{8})\.tar(\.(gz|bz2|xz))?")
KNOWN_EXTRAS = re.compile(r"(?i)readme.*|.*\.(txt|md|md5|sha256|csv|xml|log)|\..*|lost\+found")
"""Files that people keep beside the archives; anything else is reported."""


def given_path(request: Request, source: str, get: str) -> Path:
    """``--from``, checked to be there and readable. Raises `SourceError`."""
    if request.path is None:
        raise SourceError(f"the source {source} needs --from, the files on this machine", hint=get)
    try:
        if request.path.is_dir():
            if not any(request.path.iterdir()):
                raise SourceError(f"{request.path} is an empty folder", hint=get)
        else:
            with request.path.open("rb"):
                pass
    except OSError as exc:
        raise SourceError(f"{request.path} cannot be read: {exc.strerror or exc}", hint=get) from exc
    return request.path


def in_folder(folder: Path, prefix: str = "") -> list[Unit]:
    """The units of a folder of per-synset tars and per-synset folders; none where it has neither."""
    units, extras = [], []
    for path in sorted(folder.iterdir()):
        found = SYNSET_TAR.fullmatch(path.name)
        if found and path.is_file():
            units.append(tar_unit(path, found[1], prefix))
        elif SYNSET.fullmatch(path.name) and path.is_dir():
            units.append(folder_unit(path, path.name, prefix))
        elif SYNSET.fullmatch(path.name):
            raise SourceError(f"{path} is a file where a folder of pictures should be", hint="put the folder there")
        elif path.is_file() and not KNOWN_EXTRAS.fullmatch(path.name):
            extras.append((archives.upstream_id(path.name), "neither an archive nor a folder of a synset"))
    if units and extras:
        units.append(fault_unit(f"{prefix}extras", "not-an-image", extras))
    return units


def tar_unit(path: Path, wnid: str, prefix: str = "") -> Unit:
    found = path.stat()
    return Unit(prefix + wnid, (wnid,), f"{found.st_size} {found.st_mtime_ns}", str(path), "tar", 0, found.st_size)


def folder_unit(path: Path, wnid: str, prefix: str = "", inner: str = "") -> Unit:
    """A folder of pictures; ``inner`` is the folder in it that holds them, if not itself."""
    folder = path / inner
    digest, size = hashlib.sha256(), 0
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        found = file.lstat()
        digest.update(f"{file.name} {found.st_size} {found.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        size += found.st_size
    return Unit(prefix + wnid, (wnid,), digest.hexdigest(), str(folder), "folder", 0, size)


def in_tar_of_tars(path: Path, prefix: str = "") -> list[Unit]:
    """The per-synset tars inside an uncompressed tar, found by their headers and read in place."""
    found = path.stat()
    units, extras, damage = [], [], []
    for member in archives.tar_members(path, most=found.st_size):
        name = SYNSET_TAR.fullmatch(PurePosixPath(member.name).name)
        if member.verdict == "damaged-archive":
            damage.append((archives.upstream_id(member.name), member.detail))
        if name and member.verdict in (None, "damaged-archive"):
            identity = f"{found.st_size} {found.st_mtime_ns} {member.offset} {member.size}"
            size = min(member.size, found.st_size - member.offset)
            units.append(Unit(prefix + name[1], (name[1],), identity, str(path), "window", member.offset, size))
        elif member.verdict != "damaged-archive":
            extras.append((archives.upstream_id(member.name), member.detail or "no archive of a synset"))
    faults = (("extras", "not-an-image", extras), ("damage", "damaged-archive", damage))
    return units + [fault_unit(prefix + name, verdict, found) for name, verdict, found in faults if found]


def fault_unit(name: str, verdict: str, found: Iterable[tuple[str, str]]) -> Unit:
    """What a source cannot use, as (id, why), so that it is counted like every candidate."""
    members = tuple(found)
    return Unit(name, (), hashlib.sha256(repr(members).encode()).hexdigest(), kind=verdict, members=members)


def unique(units: list[Unit]) -> list[Unit]:
    """The units sorted by name. Raises `SourceError` where a synset stands twice."""
    places: dict[str, str] = {}
    for unit in units:
        if unit.name in places and unit.labels:
            raise SourceError(
                f"the synset {unit.name} stands twice: {places[unit.name]} and {unit.path}",
                hint="take one of them away",
            )
        places[unit.name] = unit.path
    return sorted(units, key=lambda unit: unit.name)


def no_units(path: Path, source: str) -> SourceError:
    """The error for a ``--from`` in which nothing of the source was found."""
    kind = "folder without archives or folders of synsets (nXXXXXXXX.tar, nXXXXXXXX/)" if path.is_dir() else "file that"
    kind += "" if path.is_dir() else " is no tar file with archives of synsets"
    return SourceError(f"{path} is a {kind}", hint=hint_at(path, source))


def read(unit: Unit) -> Iterator[Candidate]:
    """The pictures of a unit that this module made."""
    if unit.kind in VERDICTS:
        for upstream_id, detail in unit.members:
            yield Candidate(upstream_id, "", None, unit.kind, detail)
    elif unit.kind == "folder":
        yield from archives.folder_candidates(Path(unit.path), unit.labels[0])
    elif unit.kind == "window":
        yield from archives.tar_candidates(Path(unit.path), unit.labels[0], unit.offset, unit.size)
    else:
        yield from archives.tar_candidates(Path(unit.path), unit.labels[0])
