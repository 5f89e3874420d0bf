"""ImageNet-21K, releases winter21 and fall11: per-synset archives, the archive of archives, or folders by wnid."""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dmlkit import terms
from dmlkit.errors import OutputError
from dmlkit.sources import Request, candidates
from dmlkit.sources.base import Unit
from dmlkit.sources.common import synsets
from dmlkit.storage import archives

NAME = "imagenet-21k"
CHUNK = 1024 * 1024


read = synsets.read


def plan(request: Request) -> list[Unit] | Iterator[Unit]:
    """One unit a synset. A compressed archive of archives is a stream: its units come as it is read."""
    path = synsets.given_path(request, NAME, terms.load(NAME).how_to_get)
    if path.is_dir():
        units = units_of_folder(path)
    elif not archives.is_tar(path):
        raise synsets.no_units(path, NAME)
    elif found := synsets.SYNSET_TAR.fullmatch(path.name):
        units = [synsets.tar_unit(path, found[1])]
    elif archives.compression_of(path):
        return stream(path, request)
    else:
        units = synsets.in_tar_of_tars(path)
    if not any(unit.labels for unit in units):
        raise synsets.no_units(path, NAME)
    return synsets.unique(units)


def units_of_folder(path: Path) -> list[Unit]:
    """The units of a folder and of the folders in it, such as ``winter21_whole/``.

    Folders without synsets are no matter of the source: the dataset itself may be written beside the archives.
    """
    units = synsets.in_folder(path)
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        if not synsets.SYNSET.fullmatch(folder.name) and not synsets.KNOWN_EXTRAS.fullmatch(folder.name):
            inner = synsets.in_folder(folder)
            units += inner if any(unit.labels for unit in inner) else []
    return units


def stream(path: Path, request: Request) -> Iterator[Unit]:
    """The units of a compressed archive of archives, read once from front to back and never unpacked as a whole.

    Each inner archive is copied to ``request.scratch``, unless the pool holds what is in it.
    """
    state = synsets.state_of(path)
    seen: set[str] = set()
    faults = defaultdict(list)
    for member, file in archives.walk_tar(path, most=sys.maxsize):
        name = synsets.SYNSET_TAR.fullmatch(archives.base_name(member.name))
        if member.status or not name:
            fault = (candidates.upstream_id(member.name), member.detail or "no archive of a synset")
            faults[member.status or "not-an-image"].append(fault)
        elif name[1] in seen:
            faults["repeated-id"].append((candidates.upstream_id(member.name), "a second archive of its synset"))
        else:
            seen.add(name[1])
            unit = Unit(name[1], (name[1],), f"{state} {member.num_bytes}", size=member.num_bytes)
            yield unit if request.settled(unit) else spooled(file, unit, request.scratch)
    if not seen:
        raise synsets.no_units(path, NAME)
    yield from synsets.fault_units(faults)


def spooled(file: io.BufferedIOBase, unit: Unit, scratch: Path) -> Unit:
    """The unit with its bytes copied out of the stream: as many as there are, where it breaks off.

    Raises `OutputError` where the copy cannot be written.
    """
    target = scratch / f"{unit.name}.tar"
    left = unit.size
    try:
        with target.open("wb") as copy:
            while left and (block := read_some(file, left)):
                copy.write(block)
                left -= len(block)
    except OSError as exc:
        raise OutputError(
            f"{unit.name} could not be copied to {target}: {exc.strerror or exc}",
            hint="make room, or choose another folder with --pool; the same command goes on with what is finished",
        ) from exc
    return replace(unit, path=str(target), kind="tar", temporary=True)


def read_some(file: io.BufferedIOBase, most: int) -> bytes:
    """The next bytes of a stream; none where it is damaged, which the walk through it will tell."""
    try:
        return file.read1(min(most, CHUNK))
    except Exception:  # readers of compressed files raise many types for damaged bytes
        return b""
