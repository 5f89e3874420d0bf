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

# Letters of an id.
MAX_ID_LETTERS = 200


def tar_candidates(path: Path, label: str, offset: int = 0, size: int | None = None) -> Iterator[Candidate]:
    """Yield the images of a tar file (or of the one inside another, see `walk_tar`), all under one label."""
    read = archives.read_unpacked if size is None and archives.compression_of(path) else archives.read_span
    for member in archives.tar_members(path, offset, size):
        yield tar_candidate(path, label, member, read)


def tar_candidate(
    path: Path, label: str, member: archives.Member, read: Callable[[Path, int, int], bytes] | None = None
) -> Candidate:
    """Make a candidate of a member of the tar file at ``path``; ``read`` reads its bytes."""
    read_member = (
        partial(read or archives.read_span, path, member.offset, member.num_bytes) if member.status is None else None
    )
    detail = member.detail or label_doubt(member.name, label)
    return Candidate(upstream_id(member.name), label, read_member, member.status, detail)


def label_doubt(name: str, label: str) -> str:
    """Say what in an image's name is against its label; empty if nothing is."""
    wnid = re.match(r"n\d{8}(?=_)", archives.base_name(name))
    return f"its name says {wnid[0]}" if wnid and label.startswith("n") and wnid[0] != label else ""


def folder_candidates(folder: Path, label: str) -> Iterator[Candidate]:
    """Yield the entries of a folder, sorted by name, all under one label."""
    for path in sorted(folder.iterdir()):
        yield file_candidate(path, label)


def file_candidate(path: Path, label: str) -> Candidate:
    """Make a candidate of one entry of a folder. Raises `OSError` if it cannot be looked at."""
    mode = path.lstat().st_mode
    candidate = partial(Candidate, upstream_id(path.name), label)
    if stat.S_ISDIR(mode):
        return candidate(None, "not-an-image", "a folder, not looked into")
    if not stat.S_ISREG(mode) and not is_link_inside(path, path.parent):
        return candidate(None, "unsafe-member", "a link out of its folder, or no file")
    num_bytes = path.stat().st_size
    if num_bytes > archives.MAX_BYTES:
        return candidate(None, "too-large", f"{num_bytes} bytes")
    return candidate(path.read_bytes, None, label_doubt(path.name, label))


def is_link_inside(path: Path, folder: Path) -> bool:
    """Whether a link leads to a file inside ``folder``."""
    return path.is_symlink() and path.is_file() and path.resolve().is_relative_to(folder.resolve())


def zip_candidate(path: Path, info: zipfile.ZipInfo, label: str) -> Candidate:
    """Make a candidate of one member of a zip file."""
    candidate = partial(Candidate, upstream_id(info.filename), label)
    if archives.is_outside(info.filename) or stat.S_ISLNK(info.external_attr >> 16):
        return candidate(None, "unsafe-member", "a link, or names a place outside its archive")
    if info.flag_bits & 1:
        return candidate(None, "unsafe-member", "encrypted")
    if info.file_size > archives.MAX_BYTES:
        return candidate(None, "too-large", f"{info.file_size} bytes")
    return candidate(partial(archives.read_zip_member, path, info.filename), None, label_doubt(info.filename, label))


def upstream_id(name: str) -> str:
    """Make the id of an image: the last part of its name without the suffix, in letters that are safe everywhere.

    If letters must be replaced or left out, a hash keeps apart what would become the same.
    """
    last = archives.base_name(name)
    stem = last[: last.rfind(".")] if "." in last[1:] else last
    safe = re.sub(r"^\.|[^\w.@#+-]", "_", stem, flags=re.ASCII)[:MAX_ID_LETTERS]
    if safe == stem != "":
        return safe
    return f"{safe}-{hashlib.sha256(stem.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
