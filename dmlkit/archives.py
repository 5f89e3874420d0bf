"""Pictures out of tar files, zip files and folders, without unpacking and without trust.

Every member becomes a `Candidate`: a good one with a ``read`` that needs nothing but the file's path, a bad one with
its verdict. Damage never raises: what stands before it is given, and the place where it breaks is told.
"""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from dmlkit.errors import SourceError
from dmlkit.schema import Candidate

MAX_BYTES = 64 * 1024 * 1024
"""No picture of the known sources is near this size."""

BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Member:
    """One entry of a tar file: its name, where its bytes stand in the file, and the verdict of a bad one."""

    name: str
    offset: int
    size: int
    verdict: str | None = None
    detail: str = ""


def tar_members(path: Path, offset: int = 0, size: int | None = None, most: int = MAX_BYTES) -> Iterator[Member]:
    """The entries of the tar file at ``path``, or of the one that stands ``size`` bytes long at ``offset`` in it.

    Only headers are read. Folders are passed over. A member of more than ``most`` bytes is too large. Raises
    `OSError` where the file cannot be opened.
    """
    end = offset + size if size is not None else path.stat().st_size
    with path.open("rb") as file:
        file.seek(offset)
        if end - offset < BLOCK:
            yield broken(path, offset, "too short for a tar file")
            return
        try:
            tar = tarfile.open(fileobj=file, mode="r:", errors="surrogateescape")  # noqa: SIM115
        except (tarfile.TarError, EOFError) as exc:
            yield broken(path, offset, str(exc))
            return
        with tar:
            yield from walk(path, tar, end, most)


def walk(path: Path, tar: tarfile.TarFile, end: int, most: int) -> Iterator[Member]:
    """The members of an opened tar file that must end before ``end``."""
    while True:
        before = tar.offset
        try:
            info = tar.next()
        except (tarfile.TarError, EOFError, ValueError, OSError, OverflowError) as exc:
            yield broken(path, before, str(exc))
            return
        tar.members.clear()  # type: ignore[attr-defined]  # else tarfile remembers every header of an archive of any size
        if info is None:
            # tarfile takes a header that it cannot read for the end of the archive.
            if tar.fileobj is not None and not zeros_at(path, before, end):
                yield broken(path, before, "not a tar header")
            return
        if (info.offset_data >= end and info.size) or info.offset >= end:
            yield broken(path, before, "it runs over the end of its archive")
            return
        member = judged(info, most)
        if member is None:
            continue
        if member.verdict is None and info.offset_data + info.size > end:
            yield Member(member.name, info.offset_data, info.size, "damaged-archive", "the archive ends inside it")
            return
        yield member


def judged(info: tarfile.TarInfo, most: int) -> Member | None:
    """A header as a member; None for a folder, which holds nothing itself."""
    if info.isdir():
        return None
    name = printable(info.name)
    if info.issym() or info.islnk():
        return Member(name, info.offset_data, 0, "unsafe-member", f"a link to {printable(info.linkname)}")
    if not info.isfile():
        return Member(name, info.offset_data, 0, "unsafe-member", "neither a file nor a folder")
    if is_outside(info.name):
        return Member(name, info.offset_data, info.size, "unsafe-member", "names a place outside its archive")
    if info.size > most:
        return Member(name, info.offset_data, info.size, "too-large", f"{info.size} bytes")
    return Member(name, info.offset_data, info.size)


def zeros_at(path: Path, offset: int, end: int) -> bool:
    """Whether the archive ends at ``offset`` as it should: with a block of zeros, or with the file."""
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(max(0, min(BLOCK, end - offset)))
    return not block.strip(b"\0")


def broken(path: Path, offset: int, why: str) -> Member:
    return Member(f"{path.name.split('.')[0]}@{offset}", offset, 0, "damaged-archive", f"at byte {offset}: {why}")


def tar_candidates(path: Path, label: str, offset: int = 0, size: int | None = None) -> Iterator[Candidate]:
    """The pictures of a tar file (or of the one inside another, see `tar_members`), all under one label."""
    if size is None and compression_of(path):
        yield from compressed_candidates(path, label)
        return
    for member in tar_members(path, offset, size):
        yield candidate_of(path, label, member)


def compressed_candidates(path: Path, label: str) -> Iterator[Candidate]:
    """The pictures of a compressed tar file, each read as it comes by."""
    last = 0
    try:
        with tarfile.open(path, "r|*", errors="surrogateescape") as tar:
            for info in tar:
                last = info.offset
                member = judged(info, MAX_BYTES)
                if member is None:
                    continue
                candidate = candidate_of(path, label, member)
                if member.verdict is None:
                    file = tar.extractfile(info)
                    candidate = replace(candidate, read=partial(bytes, file.read() if file else b""))
                yield candidate
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as exc:
        yield candidate_of(path, label, broken(path, last, str(exc)))


def candidate_of(path: Path, label: str, member: Member) -> Candidate:
    detail = member.detail
    wnid = re.match(r"n\d{8}(?=_)", PurePosixPath(member.name).name)
    if not detail and wnid and label.startswith("n") and wnid[0] != label:
        detail = f"its name says {wnid[0]}"
    read = partial(read_span, path, member.offset, member.size) if member.verdict is None else None
    return Candidate(upstream_id(member.name), label, read, member.verdict, detail)


def read_span(path: Path, offset: int, size: int) -> bytes:
    """``size`` bytes of a file. Raises `OSError` where it is shorter."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(size)
    if len(data) < size:
        raise OSError(f"only {len(data)} of {size} bytes are there")
    return data


def folder_candidates(folder: Path, label: str) -> Iterator[Candidate]:
    """The files of a folder, sorted by name, all under one label. Links out of the folder are unsafe."""
    for path in sorted(folder.iterdir()):
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode):
            continue
        if not stat.S_ISREG(found.st_mode) and not is_link_inside(path, folder):
            yield Candidate(
                upstream_id(path.name), label, None, "unsafe-member", "a link out of its folder, or no file"
            )
        elif path.stat().st_size > MAX_BYTES:
            yield Candidate(upstream_id(path.name), label, None, "too-large", f"{path.stat().st_size} bytes")
        else:
            yield Candidate(upstream_id(path.name), label, path.read_bytes)


def is_link_inside(path: Path, folder: Path) -> bool:
    return path.is_symlink() and path.is_file() and path.resolve().is_relative_to(folder.resolve())


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip file. Raises `SourceError` where it is none or is damaged."""
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as exc:
        raise SourceError(
            f"{path} cannot be opened as a zip file: {exc}", hint="is it downloaded whole? Compare its size and md5"
        ) from exc


def zip_candidate(path: Path, info: zipfile.ZipInfo, label: str) -> Candidate:
    """One member of a zip file."""
    name = printable(info.filename)
    if is_outside(info.filename) or stat.S_ISLNK(info.external_attr >> 16):
        return Candidate(
            upstream_id(name), label, None, "unsafe-member", "a link, or names a place outside its archive"
        )
    if info.flag_bits & 1:
        return Candidate(upstream_id(name), label, None, "unsafe-member", "encrypted")
    if info.file_size > MAX_BYTES:
        return Candidate(upstream_id(name), label, None, "too-large", f"{info.file_size} bytes")
    return Candidate(upstream_id(name), label, partial(read_zip_member, path, info.filename))


def read_zip_member(path: Path, name: str) -> bytes:
    """The bytes of a member, checked against its CRC. Raises `OSError` for a damaged one."""
    try:
        with zip_of(path).open(name) as file:
            data = file.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as exc:
        raise OSError(str(exc)) from exc
    if len(data) > MAX_BYTES:
        raise OSError(f"unpacks to more than {MAX_BYTES} bytes")
    return data


@lru_cache(maxsize=2)
def zip_of(path: Path) -> zipfile.ZipFile:
    """The opened zip file, kept open: opening one reads its whole directory."""
    return zipfile.ZipFile(path)


def is_outside(name: str) -> bool:
    """Whether a member's name leads out of the folder into which its archive would be unpacked."""
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or bool(re.match(r"[A-Za-z]:", name))


def printable(name: str) -> str:
    """A name from outside without control characters and bytes that are no text; those become ``?``."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("�", "?")
    return "".join(c if c.isprintable() else "?" for c in text)[:200]


def upstream_id(name: str) -> str:
    """The id of a picture: the last part of its name without the suffix, in letters that are safe everywhere."""
    last = re.split(r"[/\\]", printable(name))[-1]
    stem = last[: last.rfind(".")] if "." in last[1:] else last
    return re.sub(r"[^\w.@#+-]", "_", stem, flags=re.ASCII) or "_"


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
    kinds = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00"}
    return next((kind for kind, magic in kinds.items() if start.startswith(magic)), "")
