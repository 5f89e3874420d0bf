"""Folders that a build writes to: local ones, or wherever fsspec reaches, such as ``s3://bucket/folder``.

Both kinds have the same methods. A file appears whole or not at all, whatever stops its writer: a local one is written
under a temporary name and renamed; elsewhere a complete local file is uploaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
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
from dmlkit.text import QUERY, USER_INFO, redact_url

# A local path, or a URL that fsspec knows.
Location = Path | str

# A piece of a file: the file's name, the first byte, the number of bytes.
Span = tuple[str, int, int]

# Protocols of object stores: a key shows its new bytes only after the last of them has arrived. Others need a rename.
OBJECT_STORES = frozenset(["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"])

# Letters of a password that is also hidden outside URLs; a shorter one would blank out half of the words.
SHORTEST_SECRET = 4

# Protocol -> what to install, where it is an extra of dmlkit.
EXTRAS = {"s3": "dmlkit[s3]", "s3a": "dmlkit[s3]"}


@dataclass(frozen=True)
class LocalFolder:
    """A folder on this machine, or on a file system that machines share. It need not exist."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def scratch(self) -> Path:
        """A local folder for what is on its way into this one."""
        return self.path / "scratch"

    def leftovers(self) -> list[Path]:
        """List the files of `temporary_file` that a killed writer on this machine left behind."""
        return list(self.path.glob("*.tmp"))

    @property
    def lock(self) -> Path:
        """The file to lock."""
        return self.path / "lock"

    def subfolder(self, name: str) -> LocalFolder:
        """Return the folder ``name`` in this one."""
        return LocalFolder(self.path / name)

    def entries(self) -> dict[str, int]:
        """Return the bytes of each file, and 0 for each folder, by name; nothing if the folder does not exist."""
        if not self.path.exists() and not self.path.is_symlink():
            return {}
        with os.scandir(self.path) as scan:
            return {entry.name: 0 if entry.is_dir() else file_size(entry) for entry in scan}

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return (self.path / name).read_bytes()

    def arrow_input(self, name: str) -> Any:
        """Return a file as pyarrow's readers take it."""
        return self.path / name

    def read_spans(self, spans: Sequence[Span]) -> list[bytes]:
        """Read pieces of files into memory. Raises `OSError` if a file is missing or ends earlier."""
        pieces = []
        for name, offset, length in spans:
            with (self.path / name).open("rb") as file:
                file.seek(offset)
                pieces.append(file.read(length))
        return check_lengths(pieces, spans)

    @contextmanager
    def temporary_file(self) -> Iterator[Path]:
        """Give the path of a local file to write and `put`; it is deleted at the end of the block."""
        with temporary_path(f"{self.path}{os.sep}") as path:
            yield path

    def put(self, file: Path, name: str) -> None:
        """Move a complete ``file`` of `temporary_file` to ``name``, in place of an earlier one."""
        os.replace(file, self.path / name)

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, in place of an earlier one."""
        with self.temporary_file() as path:
            path.write_bytes(data)
            self.put(path, name)

    def delete(self, name: str) -> None:
        """Delete a file if it exists."""
        (self.path / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class RemoteFolder:
    """A folder at a URL of fsspec. Whatever fails there raises `OSError`, and no text shows a credential."""

    url: str

    def __str__(self) -> str:
        return redact_url(self.url)

    @property
    def scratch(self) -> Path:
        """A local folder of this user for what is on its way there."""
        return user_scratch() / hashlib.sha256(self.url.encode()).hexdigest()[:16]

    def leftovers(self) -> list[Path]:
        """List the files of `temporary_file` that a killed writer on this machine left behind."""
        return list(user_scratch().glob(f"{self.scratch.name}-*.tmp"))

    @property
    def lock(self) -> Path:
        """The local file to lock: it separates the builds of one user on one machine."""
        return self.scratch.with_suffix(".lock")

    def subfolder(self, name: str) -> RemoteFolder:
        """Return the folder ``name`` in this one."""
        return RemoteFolder(f"{self.url}/{name}")

    def entries(self) -> dict[str, int]:
        """Return the bytes of each file, and 0 for each folder, by name; nothing if the folder does not exist."""
        fs, root = open_filesystem(self.url)
        with as_oserror(self.url):
            fs.invalidate_cache(root)
            try:
                listing = fs.ls(root, detail=True)
            except FileNotFoundError:
                return {}
        num_bytes = {}
        for entry in listing:
            path = entry["name"].rstrip("/")
            if path != root:
                num_bytes[path.rpartition("/")[2]] = entry["size"] or 0
            elif entry["size"]:
                raise NotADirectoryError(f"{self} is a file")
        return num_bytes

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        fs, root = open_filesystem(self.url)
        with as_oserror(self.url):
            return bytes(fs.cat_file(f"{root}/{name}"))

    def arrow_input(self, name: str) -> Any:
        """Return a file as pyarrow's readers take it.

        The whole file is read: those that pyarrow reads here are small, and a second request takes longer.
        """
        return pa.BufferReader(self.read(name))

    def read_spans(self, spans: Sequence[Span]) -> list[bytes]:
        """Read pieces of files into memory. Raises `OSError` if a file is missing or ends earlier."""
        fs, root = open_filesystem(self.url)
        paths = [f"{root}/{name}" for name, _, _ in spans]
        starts = [offset for _, offset, _ in spans]
        ends = [offset + length for _, offset, length in spans]
        with as_oserror(self.url):
            return check_lengths(fs.cat_ranges(paths, starts, ends, on_error="raise"), spans)

    @contextmanager
    def temporary_file(self) -> Iterator[Path]:
        """Give the path of a local file to write and `put`; it is deleted at the end of the block."""
        with temporary_path(f"{self.scratch}-") as path:
            yield path

    def put(self, file: Path, name: str) -> None:
        """Upload a complete local ``file``; it appears when all of it has arrived."""
        fs, root = open_filesystem(self.url)
        target = f"{root}/{name}"
        with as_oserror(self.url):
            if protocol_of(self.url) in OBJECT_STORES:
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
        """Write a whole file, in place of an earlier one."""
        with self.temporary_file() as path:
            path.write_bytes(data)
            self.put(path, name)

    def delete(self, name: str) -> None:
        """Delete a file if it exists."""
        fs, root = open_filesystem(self.url)
        with as_oserror(self.url), contextlib.suppress(FileNotFoundError):
            fs.rm_file(f"{root}/{name}")


Folder = LocalFolder | RemoteFolder


def cache_dir() -> Path:
    """Return the folder of dmlkit's own downloads: ``$DMLKIT_HOME``, or ``dmlkit`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("DMLKIT_HOME") or Path(cache) / "dmlkit")


def parse_location(text: str) -> Location:
    """Parse what a person wrote as a path or URL. Raises `UsageError` for a URL that nothing can be written to."""
    if "://" not in text:
        return Path(text)
    if protocol_of(text) in ("file", "local"):
        return Path(text.partition("://")[2])
    _, root = open_filesystem(text)
    if protocol_of(text) in OBJECT_STORES and "/" not in root:
        raise UsageError(
            f"{redact_url(text)} is a whole bucket",
            code="usage.whole-bucket",
            hint=f"name a folder in it: {redact_url(text).rstrip('/')}/NAME",
            url=redact_url(text),
        )
    return text.rstrip("/")


def folder_at(location: Location) -> Folder:
    """Return the folder at a path or URL, whether it exists or not."""
    return LocalFolder(location) if isinstance(location, Path) else RemoteFolder(location)


def protocol_of(url: str) -> str:
    """Return the protocol of a URL, in small letters."""
    return url.partition("://")[0].lower()


def open_filesystem(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the path in it. Raises `UsageError` if there is none."""
    from fsspec.core import url_to_fs

    protocol = protocol_of(url)
    try:
        if "::" in url:
            raise ValueError("a chain of file systems: files would not appear whole")
        fs, root = url_to_fs(url)
    except ImportError as exc:
        package = EXTRAS.get(protocol)
        raise UsageError(
            f"{protocol}:// needs a package that is not installed: {exc}",
            code="usage.missing-package",
            hint=f"pip install '{package}'" if package else str(exc),
            protocol=protocol,
        ) from exc
    except (ValueError, TypeError) as exc:
        raise UsageError(
            f"{redact_url(url)} cannot be used: {redact_url(str(exc))}",
            code="usage.bad-url",
            hint="give a folder or a URL",
            url=redact_url(url),
        ) from exc
    return fs, root.rstrip("/")


@contextmanager
def as_oserror(url: str) -> Iterator[None]:
    """Turn the errors of a store's library into `OSError`, without the credentials of ``url`` or of other URLs."""
    try:
        yield
    except UsageError:
        raise
    except Exception as exc:
        kind = "" if isinstance(exc, OSError) else f"{type(exc).__name__}: "
        text = hide_credentials(f"{kind}{exc}", url)
        raise (FileNotFoundError if isinstance(exc, FileNotFoundError) else OSError)(text) from exc


def hide_credentials(text: str, url: str) -> str:
    """Hide in a text what `redact_url` hides in ``url``: libraries also quote the parts of a URL."""
    text = redact_url(text)
    for match in USER_INFO.finditer(url):
        user_info = match[0].removesuffix("@")
        for secret in (user_info, user_info.partition(":")[2]):
            text = text.replace(secret, "***") if len(secret) >= SHORTEST_SECRET else text
    for match in QUERY.finditer(url):
        text = text.replace(match[0].removeprefix(match[1]), "***")
    return text


@contextmanager
def temporary_path(start: str) -> Iterator[Path]:
    """Give a path that nobody else has, and delete its file in the end: two workers at a unit never share a file."""
    path = Path(f"{start}{secrets.token_hex(8)}.tmp")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def user_scratch() -> Path:
    """Return the folder in ``$TMPDIR`` that only this user can write to. Raises `OSError` if another user made it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    path = Path(tempfile.gettempdir()) / f"dmlkit-{user}"
    path.mkdir(mode=0o700, exist_ok=True)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != user:
        raise OSError(f"{path} belongs to someone else; set TMPDIR to a folder of your own")
    return path


def file_size(entry: os.DirEntry[str]) -> int:
    """Return the bytes of a file; 0 if it was deleted meanwhile or is a link to nothing."""
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0


def check_lengths(pieces: list[bytes], spans: Sequence[Span]) -> list[bytes]:
    """Return the pieces if each is as long as its span. Raises `OSError` otherwise."""
    for data, (name, offset, length) in zip(pieces, spans, strict=True):
        if len(data) != length:
            raise OSError(f"{name} ends before byte {offset + length}")
    return pieces
