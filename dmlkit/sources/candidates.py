"""Files and members of archives as candidates: a bad one has its status, a good one a ``read``."""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from dmlkit.sources.base import Candidate
from dmlkit.storage import archives

LONGEST_ID = 200


def tar_candidates(path: Path, label: str, offset: int = 0, size: int | None = None) -> Iterator[Candidate]:
    """The images of a tar file (or of the one inside another, see `walk_tar`), all under one label."""
    read = archives.read_unpacked if size is None and archives.compression_of(path) else archives.read_span
    for member in archives.tar_members(path, offset, size):
        yield candidate_of(path, label, member, read)


def candidate_of(
    path: Path, label: str, member: archives.Member, read: Callable[[Path, int, int], bytes] | None = None
) -> Candidate:
    """A member of the tar file at ``path`` as a candidate."""
    good = partial(read or archives.read_span, path, member.offset, member.num_bytes) if member.status is None else None
    detail = member.detail or doubt(member.name, label)
    return Candidate(upstream_id(member.name), label, good, member.status, detail)


def doubt(name: str, label: str) -> str:
    """What speaks against an image's label in its name."""
    wnid = re.match(r"n\d{8}(?=_)", archives.base_name(name))
    return f"its name says {wnid[0]}" if wnid and label.startswith("n") and wnid[0] != label else ""


def folder_candidates(folder: Path, label: str) -> Iterator[Candidate]:
    """The entries of a folder, sorted by name, all under one label."""
    for path in sorted(folder.iterdir()):
        yield file_candidate(path, label)


def file_candidate(path: Path, label: str) -> Candidate:
    """One entry of a folder. Raises `OSError` where it cannot be looked at."""
    found = path.lstat()
    made = partial(Candidate, upstream_id(path.name), label)
    if stat.S_ISDIR(found.st_mode):
        return made(None, "not-an-image", "a folder, not looked into")
    if not stat.S_ISREG(found.st_mode) and not is_link_inside(path, path.parent):
        return made(None, "unsafe-member", "a link out of its folder, or no file")
    size = path.stat().st_size
    if size > archives.MAX_BYTES:
        return made(None, "too-large", f"{size} bytes")
    return made(path.read_bytes, None, doubt(path.name, label))


def is_link_inside(path: Path, folder: Path) -> bool:
    return path.is_symlink() and path.is_file() and path.resolve().is_relative_to(folder.resolve())


def zip_candidate(path: Path, info: zipfile.ZipInfo, label: str) -> Candidate:
    """One member of a zip file."""
    made = partial(Candidate, upstream_id(info.filename), label)
    if archives.is_outside(info.filename) or stat.S_ISLNK(info.external_attr >> 16):
        return made(None, "unsafe-member", "a link, or names a place outside its archive")
    if info.flag_bits & 1:
        return made(None, "unsafe-member", "encrypted")
    if info.file_size > archives.MAX_BYTES:
        return made(None, "too-large", f"{info.file_size} bytes")
    return made(partial(archives.read_zip_member, path, info.filename), None, doubt(info.filename, label))


def upstream_id(name: str) -> str:
    """The id of an image: the last part of its name without the suffix, in letters that are safe everywhere.

    Where letters must be replaced or left out, a hash keeps apart what would become the same.
    """
    last = archives.base_name(name)
    stem = last[: last.rfind(".")] if "." in last[1:] else last
    safe = re.sub(r"^\.|[^\w.@#+-]", "_", stem, flags=re.ASCII)[:LONGEST_ID]
    if safe == stem != "":
        return safe
    return f"{safe}-{hashlib.sha256(stem.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
