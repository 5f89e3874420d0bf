"""What a folder holds."""

from __future__ import annotations

from pathlib import Path


def all_files(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder: its name there → its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
