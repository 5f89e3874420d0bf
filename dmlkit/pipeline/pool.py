"""The pool: the checked images of finished units, the only state of a build.

A pool folder holds, for each source, ``pool.json`` and two files a unit: ``<unit>.bin`` with the bytes of its good
images one after the other, and ``<unit>.parquet`` with one row a candidate. The Parquet file is written last, so
its presence means that the unit is whole. Both are written under temporary names and renamed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from dmlkit.errors import PoolError
from dmlkit.schema.features import POOL_ROW
from dmlkit.schema.layout import FORMAT
from dmlkit.sources.base import Unit
from dmlkit.storage.locations import Folder, LocalFolder, Place, RemoteFolder, folder_at

DEPTHS = ("list", "hash", "use")
"""How far the images under a label are looked into: named only; read and hashed; checked and kept."""

KEY = b"dmlkit.unit"


@dataclass(frozen=True)
class Settings:
    """What decides the bytes and statuses of a unit besides its source."""

    min_side: int
    size: int | None
    limit: int | None


class Pool:
    """One source's part of a pool folder. Use it as a context manager: it is locked against a second build."""

    def __init__(self, place: Place, source: str) -> None:
        self.folder: Folder = folder_at(place).below(source)
        self.source = source
        self.scratch = self.folder.scratch

    @cached_property
    def files(self) -> dict[str, int]:
        """Name → size of what the folder held when it was first asked: one question, not two for each unit.

        Raises `PoolError` where it cannot be read.
        """
        try:
            return self.folder.entries()
        except OSError as exc:
            raise PoolError(
                f"the pool {self.folder} cannot be read: {exc.strerror or exc}", hint="choose another with --pool"
            ) from exc

    def __enter__(self) -> Pool:
        self._check_owner()
        try:
            self._take()
        except NotADirectoryError as exc:
            raise PoolError(
                f"the pool {self.folder} is a file, not a folder", hint="choose another with --pool"
            ) from exc
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
        with contextlib.suppress(OSError):  # what is left is taken away by the next build
            self._sweep()
            if self.folder.entries().keys() <= {"pool.json", "lock", "scratch"}:
                self._leave_nothing()
            elif isinstance(self.folder, RemoteFolder):
                self.scratch.rmdir()
        self._lock.release()

    def _take(self) -> None:
        """Lock the pool and take away what a build that was killed left; nothing of that was counted as done."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder.lock)
        self._lock.acquire(blocking=False)
        self._sweep()
        owner = {"dmlkit": "pool", "format": FORMAT, "source": self.source}
        self.folder.write("pool.json", json.dumps(owner).encode())

    def _sweep(self) -> None:
        """Take away unfinished files: of a build or a worker that was killed."""
        for name in self.folder.entries():
            if name.endswith(".tmp"):
                self.folder.delete(name)
        for left in (*self.folder.leftovers(), *self.scratch.iterdir()):
            left.unlink(missing_ok=True)

    def _leave_nothing(self) -> None:
        """Take away the folder in which nothing was collected."""
        self.folder.delete("pool.json")
        shutil.rmtree(self.scratch)
        if isinstance(self.folder, LocalFolder):
            self.folder.delete("lock")
            self.folder.path.rmdir()
            self.folder.path.parent.rmdir()

    def _check_owner(self) -> None:
        if self.files.keys() <= {"lock", "scratch"}:
            return
        try:
            owner = json.loads(self.folder.read("pool.json"))
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
        key = self.key(unit.name)
        if key is None:
            return False
        have, want = key["settings"], asdict(settings)
        wide_enough = have["limit"] is None or (want["limit"] is not None and have["limit"] >= want["limit"])
        return (
            key["identity"] == unit.identity
            and wide_enough
            and have | {"limit": None} == want | {"limit": None}
            and all(DEPTHS.index(key["depths"].get(label, "list")) >= DEPTHS.index(d) for label, d in depths.items())
        )

    def key(self, unit_name: str) -> dict[str, Any] | None:
        """What the files of a unit say of themselves, see `unit_key`; None where they are missing or not whole."""
        rows, kept = f"{unit_name}.parquet", f"{unit_name}.bin"
        if rows not in self.files or kept not in self.files:
            return None
        try:
            key = dict(json.loads(pq.read_schema(self.folder.input(rows)).metadata[KEY]))
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowInvalid):
            return None
        # More bytes are there where a second try was stopped between its two files.
        return key if key["bytes"] <= self.files[kept] else None

    def rows(self, unit_name: str) -> pa.Table:
        """The candidates of a finished unit. Raises `PoolError` where they are gone."""
        try:
            return pq.read_table(self.folder.input(f"{unit_name}.parquet"))
        except (OSError, pa.ArrowInvalid) as exc:
            raise PoolError(
                f"the unit {unit_name} cannot be read from the pool {self.folder}: {exc}",
                hint="is another build using it? The same command goes on with what is finished",
            ) from exc


def unit_key(
    unit: Unit, settings: Settings, depths: Mapping[str, str], kept: int, statuses: Mapping[str, int]
) -> dict[str, Any]:
    """What a unit's Parquet file says of how it was made, and of what is in it."""
    return {
        "identity": unit.identity,
        "settings": asdict(settings),
        "depths": dict(sorted(depths.items())),
        "bytes": kept,
        "statuses": dict(statuses),
    }


def write_rows(folder: Folder, unit_name: str, rows: list[dict[str, Any]], key: Mapping[str, Any]) -> None:
    """Write a unit's rows, whole or not at all."""
    schema = POOL_ROW.with_metadata({KEY: json.dumps(key)})
    with folder.temporary() as path:
        pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="zstd")
        folder.put(path, f"{unit_name}.parquet")
