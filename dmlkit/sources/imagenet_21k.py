"""ImageNet-21K, releases winter21 and fall11: per-synset archives, the archive of archives, or folders by wnid."""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dmlkit.errors import OutputError
from dmlkit.sources import candidates
from dmlkit.sources.base import Candidate, PlanRequest, Source, TarFile, Unit
from dmlkit.sources.common import synsets
from dmlkit.sources.common.paths import file_state, nothing_found, require_path
from dmlkit.storage import archives

# Bytes that are copied out of a stream at once.
CHUNK = 1024 * 1024


class ImageNet21K(Source):
    """One unit a synset."""

    name = "imagenet-21k"

    def plan(self, request: PlanRequest) -> list[Unit] | Iterator[Unit]:
        """Plan one unit a synset. A compressed archive of archives is a stream: its units come as it is read."""
        path = require_path(request.path, self.name, self.how_to_get)
        if path.is_dir():
            units = plan_folders(path)
        elif not archives.is_tar(path):
            raise nothing_found(path, self.name, self.how_to_get)
        elif tar := synsets.SYNSET_TAR.fullmatch(path.name):
            units = [synsets.plan_tar(path, tar[1])]
        elif archives.compression_of(path):
            return self.stream(path, request)
        else:
            units = synsets.plan_tar_of_tars(path)
        if not any(unit.labels for unit in units):
            raise nothing_found(path, self.name, self.how_to_get)
        return synsets.merge_units(units)

    def stream(self, path: Path, request: PlanRequest) -> Iterator[Unit]:
        """Plan a compressed archive of archives, read once from front to back and never unpacked as a whole.

        Each inner archive is copied to ``request.scratch``, unless the pool covers it.
        """
        state = file_state(path)
        seen: set[str] = set()
        rejected = defaultdict(list)
        for member, file in archives.walk_tar(path, most=sys.maxsize):
            tar = synsets.SYNSET_TAR.fullmatch(archives.base_name(member.name))
            if member.status or not tar:
                entry = (candidates.upstream_id(member.name), member.detail or "no archive of a synset")
                rejected[member.status or "not-an-image"].append(entry)
            elif tar[1] in seen:
                rejected["repeated-id"].append((candidates.upstream_id(member.name), "a second archive of its synset"))
            else:
                seen.add(tar[1])
                copy = request.scratch / f"{tar[1]}.tar"
                payload = TarFile(copy, tar[1])
                unit = Unit(tar[1], (tar[1],), f"{state} {member.num_bytes}", payload, num_bytes=member.num_bytes)
                if request.is_covered(unit):
                    yield unit
                else:
                    copy_member(file, member.num_bytes, copy)
                    yield replace(unit, temporary=copy)
        if not seen:
            raise nothing_found(path, self.name, self.how_to_get)
        yield from synsets.plan_rejected(rejected)

    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Read the images of one unit."""
        return synsets.read_unit(unit)


def plan_folders(path: Path) -> list[Unit]:
    """Plan a folder and the folders in it, such as ``winter21_whole/``.

    Folders without synsets are ignored: the dataset itself may be written beside the archives.
    """
    units = synsets.plan_folder(path)
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        if not synsets.SYNSET.fullmatch(folder.name) and not synsets.KNOWN_EXTRAS.fullmatch(folder.name):
            inner = synsets.plan_folder(folder)
            units += inner if any(unit.labels for unit in inner) else []
    return units


def copy_member(file: io.BufferedIOBase, num_bytes: int, target: Path) -> None:
    """Copy ``num_bytes`` out of a stream, or as many as there are if it breaks off.

    Raises `OutputError` if the copy cannot be written.
    """
    left = num_bytes
    try:
        with target.open("wb") as copy:
            while left and (block := read_some(file, left)):
                copy.write(block)
                left -= len(block)
    except OSError as exc:
        raise OutputError(
            f"{target.stem} could not be copied to {target}: {exc.strerror or exc}",
            code="pool.copy-failed",
            hint="make room, or choose another folder with --pool; the same command goes on with what is finished",
            path=target,
        ) from exc


def read_some(file: io.BufferedIOBase, most: int) -> bytes:
    """Read the next bytes of a stream; none if it is damaged, which the walk through it reports."""
    try:
        return file.read1(min(most, CHUNK))
    except Exception:  # readers of compressed files raise many types for damaged bytes
        return b""
