"""Read, write and compare ``SHA256SUMS``: one line a file, as ``sha256sum --check`` reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

# File name below its folder -> SHA-256 in hexadecimal.
Checksums = Mapping[str, str]

# Bytes: more than a checksum file has. 100,000 shards stay below.
MAX_BYTES = 50_000_000

# What a card writes before the hash of its dataset's content.
CONTENT_PREFIX = "content "


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file in bounded memory. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(folder: Path, known: Checksums) -> dict[str, str]:
    """Hash all files below ``folder``; those in ``known`` are not read again."""
    sums = dict(known)
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in sums:
            sums[name] = hash_file(path)
    return sums


def format_checksums(sums: Checksums) -> str:
    """Write checksums as text, sorted by file name.

    >>> format_checksums({"b": "22", "a": "11"})
    '11  a\\n22  b\\n'
    """
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


def hash_checksums(sums: Checksums) -> str:
    """Identify the files of a folder by one hash: that of their checksum text."""
    return hashlib.sha256(format_checksums(sums).encode()).hexdigest()


def write_checksums(path: Path, sums: Checksums) -> None:
    """Write a checksum file."""
    path.write_text(format_checksums(sums), encoding="utf-8", newline="\n")


def read_checksums(path: Path) -> dict[str, str]:
    """Read a checksum file. Raises `OSError`, or `ValueError` for a file that is not one."""
    num_bytes = path.stat().st_size
    if num_bytes > MAX_BYTES:
        raise ValueError(f"{num_bytes:,} bytes")
    sums = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        digest, blanks, name = line.partition("  ")
        if not blanks:
            raise ValueError(f"not lines of `<sha256>  <name>`: {line[:80]!r}")
        sums[name] = digest
    return sums


def compare_files(sums: Checksums, files: Mapping[str, Path], names: Iterable[str]) -> list[str]:
    """List those of ``names`` whose file has other bytes than ``sums`` state. Raises `OSError`."""
    return [name for name in names if name not in files or hash_file(files[name]) != sums.get(name)]


def describe_content(content_hash: str) -> str:
    """Write the hash of a dataset's content as the card states it; empty for an unknown one."""
    return f"{CONTENT_PREFIX}{content_hash}" if content_hash else ""


def parse_content(description: str) -> str:
    """Read the hash of a dataset's content from what the card states."""
    return description.removeprefix(CONTENT_PREFIX)
