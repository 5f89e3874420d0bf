"""Images out of tar files, zip files and folders, without unpacking and without trust.

Every member becomes a `Candidate`: a good one with a ``read`` that needs nothing but the file's path, a bad one with
its status. Damage never raises: what stands before it is given, and the place where it breaks is told.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from dmlkit.errors import SourceError
from dmlkit.text import printable

MAX_BYTES = 64 * 1024 * 1024
"""No image of the known sources is near this size."""

MAX_HEADER = 1024 * 1024
"""No header of a tar member, with a long name and all that it says, is near this size."""

MAX_PADDING = 1024 * 1024
"""No tar program writes more zeros than this behind the end of an archive."""

MAX_RATIO = 100
"""Images hardly shrink: a compressed archive that unpacks to more than this times its size is a bomb."""

BLOCK = tarfile.BLOCKSIZE
KINDS = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00"}
OPENERS: dict[str, Callable[..., Any]] = {"": open, "gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}


@dataclass(frozen=True)
class Member:
    """One entry of a tar file: its name, where its bytes stand in the file, and the status of a bad one."""

    name: str
    offset: int
    size: int
    status: str | None = None
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
                if member.status == "damaged-archive":
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
        if member.status is None and member.size and not reaches(file, member.offset + member.size):
            yield replace(member, status="damaged-archive", detail="the archive ends inside it")
            return
        yield member


def reaches(file: io.BufferedIOBase, end: int) -> bool:
    """Whether a file can be read to the byte before ``end``."""
    try:
        file.seek(end - 1)
        return file.read(1) != b""
    except Exception:  # readers of compressed files raise many types for damaged bytes
        return False


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

    The file stays open: reading on from image to image unpacks it once, reading back begins anew.
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


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip file. Raises `SourceError` where it is none or is damaged."""
    try:
        return zipfile.ZipFile(path)
    except Exception as exc:  # zipfile raises many types for damaged directories
        raise SourceError(
            f"{path} cannot be opened as a zip file: {exc}", hint="is it downloaded whole? Compare its size and md5"
        ) from exc


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
