"""Check the bytes of images against their rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dmlkit.dataset.checks.codes import Finding
from dmlkit.dataset.folder import IMAGE_ROWS
from dmlkit.dataset.tables import read_batches
from dmlkit.errors import UnreadableDatasetError
from dmlkit.storage import images
from dmlkit.text import first_few


def check_images(shard: tuple[Path, str]) -> list[Finding]:
    """Check the images of one file, given as the folder and the file's name in it, in bounded memory."""
    folder, name = shard
    faults: dict[str, list[str]] = {}
    try:
        for batch in read_batches(folder, name, None, IMAGE_ROWS):
            for row in batch.to_pylist():
                if fault := find_image_fault(row):
                    faults.setdefault(fault[0], []).append(f"{row['image_id']}: {fault[1]}")
    except UnreadableDatasetError as exc:
        return [Finding("E201", name, str(exc.facts["reason"]))]
    return [Finding(code, name, first_few(texts, between="; ")) for code, texts in faults.items()]


def check_figure(path: Path, name: str) -> list[Finding]:
    """Check that the figure is an image."""
    try:
        image = images.examine(path.read_bytes(), min_side=1)
    except OSError:
        return []  # E101 reports it
    return [] if image.status == "ok" else [Finding("E106", name, f"{image.status}: {image.detail}")]


def find_image_fault(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the code and the description of what is wrong with an image's bytes, None for a good one."""
    data = (row["image"] or {}).get("bytes") or b""
    if images.sha256_hex(data) != row["sha256"]:
        return "E105", "its bytes are not those of its sha256"
    image = images.examine(data, min_side=1)
    if image.status != "ok":
        return "E106", f"{image.status}: {image.detail}"
    if (image.width, image.height) != (row["width"], row["height"]):
        return "E106", f"{image.width} × {image.height} pixels; its row differs"
    # The row has the orientation of the source's file. An image that was made smaller has lost its own.
    if image.exif_orientation not in (1, row["exif_orientation"]):
        return "E106", f"its EXIF orientation is {image.exif_orientation}; its row differs"
    return None
