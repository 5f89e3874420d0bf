"""Pictures out of tar files, zip files and folders, without unpacking and without trust.

Every member becomes a `Candidate`: a good one with a ``read`` that needs nothing but the file's path, a bad one with
its verdict. Damage never raises: what stands before it is given, and the place where it breaks is told.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from dmlkit.errors import SourceError, printable
from dmlkit.schema import Candidate

MAX_BYTES = 64 * 1024 * 1024
"""No picture of the known sources is near this size."""

MAX_HEADER = 1024 * 1024
"""No header of a tar member, with a long name and all that it says, is near this size."""

MAX_PADDING = 1024 * 1024
"""No tar program writes more zeros than this behind the end of an archive."""

MAX_RATIO = 100
"""Pictures hardly shrink: a compressed archive that unpacks to more than this times its size is a bomb."""

LONGEST_ID = 200

BLOCK = tarfile.BLOCKSIZE
KINDS = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00"}
OPENERS: dict[str, Callable[..., Any]] = {"": open, "gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}


@dataclass(frozen=True)
class Member:
    """One entry of a tar file: its name, where its bytes stand in the file, and the verdict of a bad one."""

    name: str
    offset: int
    size: int
    verdict: str | None = None
    detail: str = ""


def walk_tar(
    path: Path, offset: int = 0, size: int | None = None, most: int = MAX_BYTES
) -> Iterator[tuple[Member, io.BufferedIOBase]]:
    """The entries of the tar file at ``path``, compressed or not, each with the file, which stands at its first byte.

    ``offset`` and ``size`` are given for a tar file that stands in an uncompressed other one. Headers are read by
    this module and not by `tarfile`, which remembers all of them, takes a damaged one for the end of the archive, and
    believes any size that one says. Folders are passed over. A member of more than ``most`` bytes is too large. Raises
    `OSError` where the file cannot be opened.
    """
    packed = compression_of(path) if size is None else ""
    end = offset + size if size is not None else path.stat().st_size
    if packed:
        end = max(MAX_BYTES, MAX_RATIO * end)
    start = offset
    with OPENERS[packed](path, "rb") as file:
        while True:
            try:
                found = header_at(file, start, end)
                if found is None:
                    return
                info, data = found
                member = judged(info, data, most)
                holds = info.isreg() or info.type not in tarfile.SUPPORTED_TYPES
                start = data + (blocks(info.size) if holds else 0)
                if holds and data + info.size > end:
                    member = Member(info.name, data, info.size, "damaged-archive", "the archive ends inside it")
            except Exception as exc:  # readers of compressed files raise many types for damaged bytes
                why = f"at byte {start}: {exc}"
                member = Member(f"{path.name.split('.')[0]}@{start}", start, 0, "damaged-archive", why)
            if member is not None:
                yield member, file
                if member.verdict == "damaged-archive":
                    return


def header_at(file: io.BufferedIOBase, start: int, end: int) -> tuple[tarfile.TarInfo, int] | None:
    """The header at byte ``start`` with what extended headers before it say of it, and where its bytes begin.

    None at the end of the archive. Raises `ValueError`, `tarfile.HeaderError` or what reading raises for damage.
    """
    said: dict[str, str] = {}
    while True:
        file.seek(start)
        block = file.read(max(0, min(BLOCK, end - start)))
        if not block:
            raise ValueError("it ends without the mark of its end")
        if not block.strip(b"\0") and len(block) == BLOCK:
            padding = file.read(max(0, min(MAX_PADDING + 1, end - start - BLOCK)))
            if padding.strip(b"\0") or len(padding) > MAX_PADDING:
                raise ValueError("more stands behind the end of the archive")
            return None
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        start += BLOCK
        if info.type not in EXTENDED:
            info.name = said.get("path", info.name)
            info.linkname = said.get("linkpath", info.linkname)
            info.size = int(said.get("size", info.size))
        if info.size < 0 or (info.type in EXTENDED and info.size > MAX_HEADER):
            raise ValueError(f"a header that tells of {info.size} bytes")
        if info.type not in EXTENDED:
            return info, start
        said |= EXTENDED[info.type](file.read(info.size))
        start += blocks(info.size)


def blocks(size: int) -> int:
    """The bytes that ``size`` bytes take in a tar file."""
    return -(-size // BLOCK) * BLOCK


def pax_records(data: bytes) -> dict[str, str]:
    """The records of a PAX header, each ``<length> <key>=<value>`` and a newline. Raises `ValueError` for others."""
    records = {}
    start = 0
    while data[start : start + 1] not in (b"", b"\0"):
        blank = data.index(b" ", start)
        end = start + int(data[start:blank])
        record = data[blank + 1 : end]
        if not record.endswith(b"\n"):
            raise ValueError("a PAX header whose lengths do not fit")
        key, _, value = record[:-1].decode("utf-8", "surrogateescape").partition("=")
        records[key] = value
        start = end
    return records


def long_text(key: str, data: bytes) -> dict[str, str]:
    return {key: data.split(b"\0")[0].decode("utf-8", "surrogateescape")}


EXTENDED: dict[bytes, Callable[[bytes], dict[str, str]]] = {
    tarfile.GNUTYPE_LONGNAME: partial(long_text, "path"),
    tarfile.GNUTYPE_LONGLINK: partial(long_text, "linkpath"),
    tarfile.XHDTYPE: pax_records,
    tarfile.SOLARIS_XHDTYPE: pax_records,
    tarfile.XGLTYPE: lambda data: {},  # of all members: a comment, never a name
}
"""Headers that only say more of the member behind them, and what reads them."""


def judged(info: tarfile.TarInfo, data: int, most: int) -> Member | None:
    """A header as a member whose bytes begin at ``data``; None for a folder, which holds nothing itself."""
    if info.isdir():
        return None
    if info.issym() or info.islnk():
        return Member(info.name, data, 0, "unsafe-member", f"a link to {printable(info.linkname[:200])}")
    if not info.isfile() or info.type == tarfile.GNUTYPE_SPARSE:
        return Member(info.name, data, 0, "unsafe-member", "neither a plain file nor a folder")
    if is_outside(info.name):
        return Member(info.name, data, info.size, "unsafe-member", "names a place outside its archive")
    if info.size > most:
        return Member(info.name, data, info.size, "too-large", f"{info.size} bytes")
    return Member(info.name, data, info.size)


def tar_members(path: Path, offset: int = 0, size: int | None = None, most: int = MAX_BYTES) -> Iterator[Member]:
    """The entries of a tar file, see `walk_tar`. Each that is not damaged is there to its last byte."""
    for member, file in walk_tar(path, offset, size, most):
        if member.verdict is None and member.size and not reaches(file, member.offset + member.size):
            yield replace(member, verdict="damaged-archive", detail="the archive ends inside it")
            return
        yield member


def reaches(file: io.BufferedIOBase, end: int) -> bool:
    """Whether a file can be read to the byte before ``end``."""
    try:
        file.seek(end - 1)
        return file.read(1) != b""
    except Exception:  # readers of compressed files raise many types for damaged bytes
        return False


def tar_candidates(path: Path, label: str, offset: int = 0, size: int | None = None) -> Iterator[Candidate]:
    """The pictures of a tar file (or of the one inside another, see `walk_tar`), all under one label."""
    read = read_unpacked if size is None and compression_of(path) else read_span
    for member in tar_members(path, offset, size):
        yield candidate_of(path, label, member, read)


def candidate_of(
    path: Path, label: str, member: Member, read: Callable[[Path, int, int], bytes] | None = None
) -> Candidate:
    """A member of the tar file at ``path`` as a candidate."""
    good = partial(read or read_span, path, member.offset, member.size) if member.verdict is None else None
    detail = member.detail or doubt(member.name, label)
    return Candidate(upstream_id(member.name), label, good, member.verdict, detail)


def doubt(name: str, label: str) -> str:
    """What speaks against a picture's label in its name."""
    wnid = re.match(r"n\d{8}(?=_)", base_name(name))
    return f"its name says {wnid[0]}" if wnid and label.startswith("n") and wnid[0] != label else ""


def read_span(path: Path, offset: int, size: int) -> bytes:
    """``size`` bytes of a file. Raises `OSError` where it is shorter."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(size)
    if len(data) < size:
        raise OSError(f"only {len(data)} of {size} bytes are there")
    return data


def read_unpacked(path: Path, offset: int, size: int) -> bytes:
    """``size`` bytes of what a compressed file unpacks to. Raises `OSError` for damage.

    The file stays open: reading on from picture to picture unpacks it once, reading back begins anew.
    """
    found = path.stat()
    try:
        file = unpacking(path, found.st_mtime_ns, found.st_size)
        file.seek(offset)
        data: bytes = file.read(size)
    except Exception as exc:  # readers of compressed files raise many types for damaged bytes
        unpacking.cache_clear()
        raise OSError(f"{type(exc).__name__}: {exc}") from exc
    if len(data) < size:
        raise OSError(f"only {len(data)} of {size} bytes are there")
    return data


@lru_cache(maxsize=1)
def unpacking(path: Path, mtime: int, size: int) -> Any:
    """A compressed file, opened and kept open. Another file under the same name has another time or size."""
    return OPENERS[compression_of(path)](path, "rb")


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
    if size > MAX_BYTES:
        return made(None, "too-large", f"{size} bytes")
    return made(path.read_bytes, None, doubt(path.name, label))


def is_link_inside(path: Path, folder: Path) -> bool:
    return path.is_symlink() and path.is_file() and path.resolve().is_relative_to(folder.resolve())


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip file. Raises `SourceError` where it is none or is damaged."""
    try:
        return zipfile.ZipFile(path)
    except Exception as exc:  # zipfile raises many types for damaged directories
        raise SourceError(
            f"{path} cannot be opened as a zip file: {exc}", hint="is it downloaded whole? Compare its size and md5"
        ) from exc


def zip_candidate(path: Path, info: zipfile.ZipInfo, label: str) -> Candidate:
    """One member of a zip file."""
    made = partial(Candidate, upstream_id(info.filename), label)
    if is_outside(info.filename) or stat.S_ISLNK(info.external_attr >> 16):
        return made(None, "unsafe-member", "a link, or names a place outside its archive")
    if info.flag_bits & 1:
        return made(None, "unsafe-member", "encrypted")
    if info.file_size > MAX_BYTES:
        return made(None, "too-large", f"{info.file_size} bytes")
    return made(partial(read_zip_member, path, info.filename), None, doubt(info.filename, label))


def read_zip_member(path: Path, name: str) -> bytes:
    """The bytes of a member, checked against its CRC. Raises `OSError` for a damaged one."""
    try:
        with zip_of(path).open(name) as file:
            data = file.read(MAX_BYTES + 1)
    except Exception as exc:  # zipfile raises many types for damaged bytes
        raise OSError(f"{type(exc).__name__}: {exc}") from exc
    if len(data) > MAX_BYTES:
        raise OSError(f"unpacks to more than {MAX_BYTES} bytes")
    return data


def zip_of(path: Path) -> zipfile.ZipFile:
    """The opened zip file, kept open: opening one reads its whole directory."""
    found = path.stat()
    return opened_zip(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=2)
def opened_zip(path: Path, mtime: int, size: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def is_outside(name: str) -> bool:
    """Whether a member's name leads out of the folder into which its archive would be unpacked."""
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or bool(re.match(r"[A-Za-z]:", name))


def base_name(name: str) -> str:
    """The last part of a member's name."""
    return re.split(r"[/\\]", name)[-1]


def upstream_id(name: str) -> str:
    """The id of a picture: the last part of its name without the suffix, in letters that are safe everywhere.

    Where letters must be replaced or left out, a hash keeps apart what would become the same.
    """
    last = base_name(name)
    stem = last[: last.rfind(".")] if "." in last[1:] else last
    safe = re.sub(r"^\.|[^\w.@#+-]", "_", stem, flags=re.ASCII)[:LONGEST_ID]
    if safe == stem != "":
        return safe
    return f"{safe}-{hashlib.sha256(stem.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def is_tar(path: Path) -> bool:
    """Whether a file is a tar file, compressed or not, by its first bytes."""
    return path.is_file() and (compression_of(path) != "" or has_tar_header(path))


def has_tar_header(path: Path) -> bool:
    with path.open("rb") as file:
        block = file.read(BLOCK)
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def compression_of(path: Path) -> str:
    """``gz``, ``bz2``, ``xz`` or nothing, by the first bytes of a file."""
    with path.open("rb") as file:
        start = file.read(6)
    return next((kind for kind, magic in KINDS.items() if start.startswith(magic)), "")
