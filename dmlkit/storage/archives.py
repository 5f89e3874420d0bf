"""The members of tar and zip files by offset, without unpacking and without trust.

Damage of a tar file never raises: the members before it are listed, then the byte where the archive breaks.
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

# Bytes of a member: no image of the known sources is near this size.
MAX_BYTES = 64 * 1024 * 1024

# Bytes of a header of a tar member: none, with a long name and all that it says, is near this size.
MAX_HEADER = 1024 * 1024

# Bytes: no tar program writes more zeros than this behind the end of an archive.
MAX_PADDING = 1024 * 1024

# Images hardly shrink: a compressed archive that unpacks to more than this times its size is a bomb.
MAX_RATIO = 100

# Bytes of a block: headers take one, and the data of a member are filled up to whole ones.
BLOCK = tarfile.BLOCKSIZE

# The first bytes of each compression, and what opens it.
KINDS = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00"}
OPENERS: dict[str, Callable[..., Any]] = {"": open, "gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}


@dataclass(frozen=True)
class Member:
    """One entry of a tar file: its name, where its bytes are in the file, and the status of a bad one."""

    name: str
    offset: int
    num_bytes: int
    status: str | None = None
    detail: str = ""


def walk_tar(
    path: Path, offset: int = 0, num_bytes: int | None = None, most: int = MAX_BYTES
) -> Iterator[tuple[Member, io.BufferedIOBase]]:
    """Iterate over the entries of a tar file, compressed or not, each with the open file at the entry's first byte.

    ``offset`` and ``num_bytes`` are given for a tar file inside an uncompressed one. Headers are read by this module
    and not by `tarfile`, which remembers all of them, takes a damaged one for the end of the archive, and believes any
    size that one states. Folders are skipped. A member of more than ``most`` bytes is too large. Raises `OSError` if
    the file cannot be opened.
    """
    compression = compression_of(path) if num_bytes is None else ""
    end = offset + num_bytes if num_bytes is not None else path.stat().st_size
    if compression:
        end = max(MAX_BYTES, MAX_RATIO * end)
    start = offset
    with OPENERS[compression](path, "rb") as file:
        while True:
            try:
                header = read_header(file, start, end)
                if header is None:
                    return
                info, data = header
                member = to_member(info, data, most)
                has_data = info.isreg() or info.type not in tarfile.SUPPORTED_TYPES
                start = data + (padded_length(info.size) if has_data else 0)
                if has_data and data + info.size > end:
                    member = Member(info.name, data, info.size, "damaged-archive", "the archive ends inside it")
            except Exception as exc:  # readers of compressed files raise many types for damaged bytes
                why = f"at byte {start}: {exc}"
                member = Member(f"{path.name.split('.')[0]}@{start}", start, 0, "damaged-archive", why)
            if member is not None:
                yield member, file
                if member.status == "damaged-archive":
                    return


def read_header(file: io.BufferedIOBase, start: int, end: int) -> tuple[tarfile.TarInfo, int] | None:
    """Read the header at byte ``start``, completed by extended headers before it; return it and where its bytes begin.

    Returns None at the end of the archive. Raises `ValueError`, `tarfile.HeaderError` or whatever reading raises for
    damage.
    """
    overrides: dict[str, str] = {}
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
            info.name = overrides.get("path", info.name)
            info.linkname = overrides.get("linkpath", info.linkname)
            info.size = int(overrides.get("size", info.size))
        if info.size < 0 or (info.type in EXTENDED and info.size > MAX_HEADER):
            raise ValueError(f"a header that tells of {info.size} bytes")
        if info.type not in EXTENDED:
            return info, start
        overrides |= EXTENDED[info.type](file.read(info.size))
        start += padded_length(info.size)


def padded_length(num_bytes: int) -> int:
    """Return how many bytes ``num_bytes`` of data take in a tar file, in whole blocks."""
    return -(-num_bytes // BLOCK) * BLOCK


def parse_pax_records(data: bytes) -> dict[str, str]:
    """Parse a PAX header: records ``<length> <key>=<value>`` and a newline. Raises `ValueError` for others."""
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


def parse_long_name(key: str, data: bytes) -> dict[str, str]:
    """Parse GNU's header of a long name or link: text that ends with a zero byte."""
    return {key: data.split(b"\0")[0].decode("utf-8", "surrogateescape")}


# Headers that only describe the member behind them -> what parses them.
EXTENDED: dict[bytes, Callable[[bytes], dict[str, str]]] = {
    tarfile.GNUTYPE_LONGNAME: partial(parse_long_name, "path"),
    tarfile.GNUTYPE_LONGLINK: partial(parse_long_name, "linkpath"),
    tarfile.XHDTYPE: parse_pax_records,
    tarfile.SOLARIS_XHDTYPE: parse_pax_records,
    tarfile.XGLTYPE: lambda data: {},  # of all members: a comment, never a name
}


def to_member(info: tarfile.TarInfo, data: int, most: int) -> Member | None:
    """Return the member of a header whose bytes begin at ``data``; None for a folder, which has no bytes itself."""
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


def tar_members(path: Path, offset: int = 0, num_bytes: int | None = None, most: int = MAX_BYTES) -> Iterator[Member]:
    """Iterate over the entries of a tar file, see `walk_tar`. Each without a status is complete to its last byte."""
    for member, file in walk_tar(path, offset, num_bytes, most):
        if member.status is None and member.num_bytes and not reaches(file, member.offset + member.num_bytes):
            yield replace(member, status="damaged-archive", detail="the archive ends inside it")
            return
        yield member


def reaches(file: io.BufferedIOBase, end: int) -> bool:
    """Return whether a file can be read to the byte before ``end``."""
    try:
        file.seek(end - 1)
        return file.read(1) != b""
    except Exception:  # readers of compressed files raise many types for damaged bytes
        return False


def read_span(path: Path, offset: int, num_bytes: int) -> bytes:
    """Read ``num_bytes`` of a file. Raises `OSError` if it is shorter."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(num_bytes)
    if len(data) < num_bytes:
        raise OSError(f"only {len(data)} of {num_bytes} bytes are there")
    return data


def read_unpacked(path: Path, offset: int, num_bytes: int) -> bytes:
    """Read ``num_bytes`` of what a compressed file unpacks to. Raises `OSError` for damage.

    The file stays open: reading forward from image to image unpacks it once, reading back begins anew.
    """
    facts = path.stat()
    try:
        file = open_compressed(path, facts.st_mtime_ns, facts.st_size)
        file.seek(offset)
        data: bytes = file.read(num_bytes)
    except Exception as exc:  # readers of compressed files raise many types for damaged bytes
        open_compressed.cache_clear()
        raise OSError(f"{type(exc).__name__}: {exc}") from exc
    if len(data) < num_bytes:
        raise OSError(f"only {len(data)} of {num_bytes} bytes are there")
    return data


@lru_cache(maxsize=1)
def open_compressed(path: Path, mtime: int, num_bytes: int) -> Any:
    """Open a compressed file and keep it open. Another file under the same name has another time or length."""
    return OPENERS[compression_of(path)](path, "rb")


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip file. Raises `SourceError` if it is not one or is damaged."""
    try:
        return zipfile.ZipFile(path)
    except Exception as exc:  # zipfile raises many types for damaged directories
        raise SourceError(
            f"{path} cannot be opened as a zip file: {exc}",
            code="source.bad-zip",
            hint="compare its size and md5 with those of the publisher, and download it again",
            path=path,
        ) from exc


def read_zip_member(path: Path, name: str) -> bytes:
    """Read a member and check it against its CRC. Raises `OSError` for a damaged one."""
    try:
        with cached_zip(path).open(name) as file:
            data = file.read(MAX_BYTES + 1)
    except Exception as exc:  # zipfile raises many types for damaged bytes
        raise OSError(f"{type(exc).__name__}: {exc}") from exc
    if len(data) > MAX_BYTES:
        raise OSError(f"unpacks to more than {MAX_BYTES} bytes")
    return data


def cached_zip(path: Path) -> zipfile.ZipFile:
    """Return an opened zip file that stays open: opening one reads its whole directory."""
    facts = path.stat()
    return open_zip_once(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=2)
def open_zip_once(path: Path, mtime: int, num_bytes: int) -> zipfile.ZipFile:
    """Open a zip file and keep it open. Another file under the same name has another time or length."""
    return zipfile.ZipFile(path)


def is_outside(name: str) -> bool:
    """Return whether a member's name leads out of the folder into which its archive would be unpacked."""
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or bool(re.match(r"[A-Za-z]:", name))


def base_name(name: str) -> str:
    """Return the last part of a member's name."""
    return re.split(r"[/\\]", name)[-1]


def is_tar(path: Path) -> bool:
    """Return whether a file is a tar file, compressed or not, by its first bytes."""
    return path.is_file() and (compression_of(path) != "" or has_tar_header(path))


def has_tar_header(path: Path) -> bool:
    """Return whether a file begins with the header of an uncompressed tar file."""
    with path.open("rb") as file:
        block = file.read(BLOCK)
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def compression_of(path: Path) -> str:
    """Return ``gz``, ``bz2``, ``xz`` or an empty string, by the first bytes of a file."""
    with path.open("rb") as file:
        start = file.read(6)
    return next((kind for kind, magic in KINDS.items() if start.startswith(magic)), "")
