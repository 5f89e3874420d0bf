"""Small images and archives."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image


def make_image(seed: int, width: int = 48, height: int = 40, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    """A small image whose pixels, and so whose bytes, depend on the seed."""
    image = Image.frombytes("RGB", (6, 5), random.Random(seed).randbytes(90)).resize((width, height))
    out = io.BytesIO()
    image.convert(mode).save(out, kind)
    return out.getvalue()


def write_tar(path: Path, members: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path
