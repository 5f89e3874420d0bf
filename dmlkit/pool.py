"""The pool: the checked pictures of finished units, the only state of a build.

A pool folder holds, for each source, ``pool.json`` and two files a unit: ``<unit>.bin`` with the bytes of its good
pictures one after the other, and ``<unit>.parquet`` with one row a candidate. The Parquet file is written last, so
its presence means that the unit is whole. Both are written under temporary names and renamed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from dmlkit.errors import PoolError
from dmlkit.schema import FORMAT, Unit

ROW = pa.schema(
    [
        ("image_id", pa.string()),
        ("upstream_label", pa.string()),
        ("verdict", pa.string()),
        ("detail", pa.string()),
        ("source_sha256", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("exif_orientation", pa.int8()),
        ("format", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("source_url", pa.string()),
        ("license", pa.string()),
        ("author", pa.string()),
    ]
)
"""One row a candidate. ``offset`` and ``length`` find the bytes in the unit's ``.bin``; length 0: none are kept."""

DEPTHS = ("list", "hash", "use")
"""How far the pictures under a label are looked into: named only; read and hashed; checked and kept."""

KEY = b"dmlkit.unit"


@dataclass(frozen=True)
class Settings:
    """What decides the bytes and verdicts of a unit besides its source."""

    min_side: int
    size: int | None
    limit: int | None


class Pool:
    """One source's part of a pool folder. Use it as a context manager: it is locked against a second build."""

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder / source
        self.source = source
        self.scratch = self.folder / "scratch"

    def __enter__(self) -> Pool:
        if self.folder.parent.is_file() or self.folder.is_file():
            raise PoolError(f"the pool {self.folder} is a file, not a folder", hint="choose another with --pool")
        self._check_owner()
        try:
            self._take()
        except Timeout as exc:
            raise PoolError(
                f"another build is using the pool {self.folder}",
                hint="wait for it, or choose another with --pool",
            ) from exc
        except OSError as exc:
            raise PoolError(
                f"the pool {self.folder} cannot be written: {exc.strerror or exc}",
                hint="make room, or choose another folder with --pool",
            ) from exc
        return self

    def __exit__(self, *exc: object) -> None:
        self._lock.release()
        if {path.name for path in self.folder.iterdir()} <= {"pool.json", "lock", "scratch"}:
            with contextlib.suppress(OSError):  # nothing was collected: leave nothing behind
                shutil.rmtree(self.folder)
                self.folder.parent.rmdir()

    def _take(self) -> None:
        """Lock the pool and take away what a build that was killed left; nothing of that was counted as done."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / "lock")
        self._lock.acquire(blocking=False)
        for left in (*self.folder.glob("*.tmp"), *self.scratch.iterdir()):
            left.unlink()
        owner = {"dmlkit": "pool", "format": FORMAT, "source": self.source}
        replace_file(self.folder / "pool.json", json.dumps(owner).encode())

    def _check_owner(self) -> None:
        marker = self.folder / "pool.json"
        if not self.folder.exists() or not any(p for p in self.folder.iterdir() if p.name not in ("lock", "scratch")):
            return
        try:
            owner = json.loads(marker.read_bytes())
        except (OSError, ValueError) as exc:
            raise PoolError(
                f"{self.folder} holds something, but no readable pool.json: it is not a pool of dmlkit; left as it is",
                hint="choose another folder with --pool",
            ) from exc
        if not isinstance(owner, dict) or owner.get("dmlkit") != "pool" or owner.get("source") != self.source:
            raise PoolError(
                f"{self.folder} is not a pool of the source {self.source}; left as it is",
                hint="choose another folder with --pool",
            )
        if owner.get("format") != FORMAT:
            raise PoolError(
                f"the pool {self.folder} has format {owner.get('format')}, this dmlkit writes {FORMAT}; left as it is",
                hint="delete it, or choose another folder with --pool, to collect again",
            )

    def settled(self, unit: Unit, settings: Settings, depths: Mapping[str, str]) -> bool:
        """Whether the pool holds all that a build with these settings needs of ``unit``."""
        try:
            key = json.loads(pq.read_schema(self.folder / f"{unit.name}.parquet").metadata[KEY])
            kept = (self.folder / f"{unit.name}.bin").stat().st_size
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowInvalid):
            return False
        have, want = key["settings"], asdict(settings)
        wide_enough = have["limit"] is None or (want["limit"] is not None and have["limit"] >= want["limit"])
        return (
            key["identity"] == unit.identity
            and key["bytes"] == kept
            and wide_enough
            and have | {"limit": None} == want | {"limit": None}
            and all(DEPTHS.index(key["depths"].get(label, "list")) >= DEPTHS.index(d) for label, d in depths.items())
        )

    def rows(self, unit_name: str, columns: list[str] | None = None) -> pa.Table:
        """The candidates of a finished unit."""
        return pq.read_table(self.folder / f"{unit_name}.parquet", columns=columns)

    def labels(self, unit_name: str) -> dict[str, str]:
        """Upstream label → depth, of a finished unit."""
        key = json.loads(pq.read_schema(self.folder / f"{unit_name}.parquet").metadata[KEY])
        return dict(key["depths"])


def unit_key(unit: Unit, settings: Settings, depths: Mapping[str, str], kept: int) -> dict[str, Any]:
    """What a unit's Parquet file says of how it was made."""
    return {
        "identity": unit.identity,
        "settings": asdict(settings),
        "depths": dict(sorted(depths.items())),
        "bytes": kept,
    }


def write_rows(path: Path, rows: list[dict[str, Any]], key: Mapping[str, Any]) -> None:
    """Write a unit's rows, whole or not at all."""
    schema = ROW.with_metadata({KEY: json.dumps(key)})
    temporary = path.with_suffix(".parquet.tmp")
    pq.write_table(pa.Table.from_pylist(rows, schema), temporary, compression="zstd")
    os.replace(temporary, path)


def replace_file(path: Path, data: bytes) -> None:
    """Write a small file, whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def read_bytes(path: Path, spans: Iterable[tuple[int, int]]) -> Iterable[bytes]:
    """The pieces of a unit's ``.bin`` at (offset, length)."""
    with path.open("rb") as file:
        for offset, length in spans:
            file.seek(offset)
            yield file.read(length)
