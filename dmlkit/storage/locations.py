"""Folders that a build writes to: on this machine, or wherever fsspec reaches, such as ``s3://bucket/folder``.

Both kinds do the same under the same names. A file appears whole or not at all, whatever stops its writer: here it is
written under a temporary name and renamed; elsewhere a complete local file is uploaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dmlkit.errors import UsageError

Place = Path | str
"""A path of this machine, or a URL that fsspec knows."""

Span = tuple[str, int, int]
"""Bytes of a file: its name, the first byte, how many."""

WHOLE_UPLOADS = frozenset(["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"])
"""Protocols of object stores: a key shows its new bytes only when the last of them has come. Elsewhere is renamed."""

PACKAGES = {"s3": "dmlkit[s3]", "s3a": "dmlkit[s3]"}
"""What to install for a protocol, where it is an extra of dmlkit."""

PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")


@dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine, or one that machines share. It need not exist."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def scratch(self) -> Path:
        """A folder of this machine for what is on its way into this one."""
        return self.path / "scratch"

    def leftovers(self) -> list[Path]:
        """What a writer on this machine that was killed left of `temporary`."""
        return list(self.path.glob("*.tmp"))

    @property
    def lock(self) -> Path:
        """The file to lock."""
        return self.path / "lock"

    def below(self, name: str) -> LocalFolder:
        return LocalFolder(self.path / name)

    def entries(self) -> dict[str, int]:
        """The size of each file, and 0 for each folder, by name; nothing where there is no folder yet."""
        if not self.path.exists() and not self.path.is_symlink():
            return {}
        with os.scandir(self.path) as found:
            return {entry.name: 0 if entry.is_dir() else size_of(entry) for entry in found}

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def input(self, name: str) -> Any:
        """A file as pyarrow takes it."""
        return self.path / name

    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        """Pieces of files, all in memory. Raises `OSError` where a file is missing or ends earlier."""
        found = []
        for name, offset, length in wanted:
            with (self.path / name).open("rb") as file:
                file.seek(offset)
                found.append(file.read(length))
        return checked(found, wanted)

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """The path of a file to be written and `put`; what is left of it goes."""
        with passing_file(f"{self.path}{os.sep}") as path:
            yield path

    def put(self, file: Path, name: str) -> None:
        """Let the whole ``file`` of `temporary` appear, in the place of an earlier one."""
        os.replace(file, self.path / name)

    def write(self, name: str, data: bytes) -> None:
        with self.temporary() as path:
            path.write_bytes(data)
            self.put(path, name)

    def delete(self, name: str) -> None:
        """Take a file away, if it is there."""
        (self.path / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class RemoteFolder:
    """A folder at a URL of fsspec. All that goes wrong there is an `OSError`, and nothing shows a password."""

    url: str

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def scratch(self) -> Path:
        """A folder of this machine and user for what is on its way there."""
        return own_folder() / hashlib.sha256(self.url.encode()).hexdigest()[:16]

    def leftovers(self) -> list[Path]:
        return list(own_folder().glob(f"{self.scratch.name}-*.tmp"))

    @property
    def lock(self) -> Path:
        """The file to lock: it keeps apart the builds of one user on one machine."""
        return self.scratch.with_suffix(".lock")

    def below(self, name: str) -> RemoteFolder:
        return RemoteFolder(f"{self.url}/{name}")

    def entries(self) -> dict[str, int]:
        fs, root = filesystem(self.url)
        found = {}
        with plain_errors(self.url):
            fs.invalidate_cache(root)
            try:
                listed = fs.ls(root, detail=True)
            except FileNotFoundError:
                return {}
        for entry in listed:
            path = entry["name"].rstrip("/")
            if path != root:
                found[path.rpartition("/")[2]] = entry["size"] or 0
            elif entry["size"]:
                raise NotADirectoryError(f"{self} is a file")
        return found

    def read(self, name: str) -> bytes:
        fs, root = filesystem(self.url)
        with plain_errors(self.url):
            return bytes(fs.cat_file(f"{root}/{name}"))

    def input(self, name: str) -> Any:
        """The whole file: those that pyarrow reads here are small, and asking twice takes longer than reading."""
        return pa.BufferReader(self.read(name))

    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        fs, root = filesystem(self.url)
        paths = [f"{root}/{name}" for name, _, _ in wanted]
        starts = [offset for _, offset, _ in wanted]
        ends = [offset + length for _, offset, length in wanted]
        with plain_errors(self.url):
            return checked(fs.cat_ranges(paths, starts, ends, on_error="raise"), wanted)

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        with passing_file(f"{self.scratch}-") as path:
            yield path

    def put(self, file: Path, name: str) -> None:
        """Upload a whole ``file`` of this machine; it appears when all of it is there."""
        fs, root = filesystem(self.url)
        target = f"{root}/{name}"
        with plain_errors(self.url):
            if protocol_of(self.url) in WHOLE_UPLOADS:
                fs.put_file(str(file), target)
                return
            beside = f"{target}.{secrets.token_hex(8)}.tmp"
            fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            try:
                fs.put_file(str(file), beside)
                self.delete(name)  # not every file system renames onto a file
                fs.mv(beside, target)
            except BaseException:
                with contextlib.suppress(Exception):
                    fs.rm_file(beside)
                raise

    def write(self, name: str, data: bytes) -> None:
        with self.temporary() as path:
            path.write_bytes(data)
            self.put(path, name)

    def delete(self, name: str) -> None:
        fs, root = filesystem(self.url)
        with plain_errors(self.url), contextlib.suppress(FileNotFoundError):
            fs.rm_file(f"{root}/{name}")


Folder = LocalFolder | RemoteFolder


def place_of(text: str) -> Place:
    """What a person wrote as a path or as a URL. Raises `UsageError` for a URL that nothing can be written to."""
    if "://" not in text:
        return Path(text)
    if protocol_of(text) in ("file", "local"):
        return Path(text.partition("://")[2])
    _, root = filesystem(text)
    if protocol_of(text) in WHOLE_UPLOADS and "/" not in root:
        raise UsageError(
            f"{shown(text)} is a whole bucket", hint=f"name a folder in it: {shown(text).rstrip('/')}/NAME"
        )
    return text.rstrip("/")


def folder_at(place: Place) -> Folder:
    """The folder at a path or URL, whether it exists or not."""
    return LocalFolder(place) if isinstance(place, Path) else RemoteFolder(place)


def protocol_of(url: str) -> str:
    return url.partition("://")[0].lower()


def shown(text: str) -> str:
    """A text without the user names and passwords of its URLs."""
    return PASSWORD.sub("***@", text)


def filesystem(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path there. Raises `UsageError` where there is none for it."""
    from fsspec.core import url_to_fs

    protocol = protocol_of(url)
    try:
        if "::" in url:
            raise ValueError("a chain of file systems: files would not appear whole")
        fs, root = url_to_fs(url)
    except ImportError as exc:
        package = PACKAGES.get(protocol)
        hint = f"pip install '{package}'" if package else str(exc)
        raise UsageError(f"{protocol}:// needs a package that is not installed: {exc}", hint=hint) from exc
    except (ValueError, TypeError) as exc:
        raise UsageError(f"{shown(url)} cannot be used: {shown(str(exc))}", hint="give a folder or a URL") from exc
    return fs, root.rstrip("/")


@contextmanager
def plain_errors(url: str) -> Iterator[None]:
    """Stores raise errors of their libraries: here they become `OSError`, and none shows the password of ``url``."""
    try:
        yield
    except UsageError:
        raise
    except Exception as exc:
        kind = "" if isinstance(exc, OSError) else f"{type(exc).__name__}: "
        text = shown(f"{kind}{exc}")
        if secret := PASSWORD.search(url):
            text = text.replace(secret[0], "***@")
        raise (FileNotFoundError if isinstance(exc, FileNotFoundError) else OSError)(text) from exc


@contextmanager
def passing_file(beginning: str) -> Iterator[Path]:
    """A path that no one else has; two workers at the same unit must never write into one file."""
    path = Path(f"{beginning}{secrets.token_hex(8)}.tmp")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def own_folder() -> Path:
    """The folder in ``$TMPDIR`` that only this user can write to. Raises `OSError` where another one made it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    path = Path(tempfile.gettempdir()) / f"dmlkit-{user}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user:
        raise OSError(f"{path} belongs to someone else; set TMPDIR to a folder of your own")
    return path


def size_of(entry: os.DirEntry[str]) -> int:
    """The size of a file; 0 where it has just gone, or is a link to nothing."""
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0


def checked(pieces: list[bytes], wanted: Sequence[Span]) -> list[bytes]:
    """The pieces, each as long as it was wanted. Raises `OSError`."""
    for data, (name, offset, length) in zip(pieces, wanted, strict=True):
        if len(data) != length:
            raise OSError(f"{name} ends before byte {offset + length}")
    return pieces
