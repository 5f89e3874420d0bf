"""The pool: the checked images of finished units, the only state of a build.

A pool folder has, for each source, ``pool.json`` and two files per unit: ``<unit>.bin`` with the bytes of its good
images one after the other, and ``<unit>.parquet`` with one row per candidate. The Parquet file is written last, so
its presence means that the unit is whole. Both are written under temporary names and renamed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from dmlkit.errors import PoolError
from dmlkit.pipeline.options import CollectSettings
from dmlkit.schema.features import POOL_ROW
from dmlkit.schema.layout import FORMAT
from dmlkit.sources.base import Unit
from dmlkit.storage.locations import Folder, LocalFolder, Location, RemoteFolder, folder_at
from dmlkit.text import summarize

# The key of a unit's Parquet metadata under which its `UnitKey` is.
METADATA_KEY = b"dmlkit.unit"


class ScanLevel(IntEnum):
    """How far the images under a label are looked into; a higher level includes the lower ones."""

    NAME = 0  # the name of the file is recorded
    HASH = 1  # its bytes are read and hashed
    KEEP = 2  # the image is checked and kept


@dataclass(frozen=True)
class UnitKey:
    """What a unit in the pool was made from, and what came of it.

    ``num_bytes`` is the length of its ``.bin``; ``statuses`` counts its rows by status.
    """

    fingerprint: str
    settings: CollectSettings
    levels: Mapping[str, ScanLevel]
    num_bytes: int
    statuses: Mapping[str, int]

    @classmethod
    def from_json(cls, text: bytes) -> UnitKey:
        """Read a key. Raises `ValueError`, `KeyError` or `TypeError` for a text that is not one."""
        key = json.loads(text)
        levels = {str(label): ScanLevel[level] for label, level in key["levels"].items()}
        return cls(**key | {"settings": CollectSettings(**key["settings"]), "levels": levels})

    def as_json(self) -> str:
        """Write the key."""
        levels = {label: level.name for label, level in sorted(self.levels.items())}
        return json.dumps(asdict(self) | {"levels": levels})

    def covers(self, settings: CollectSettings, levels: Mapping[str, ScanLevel]) -> bool:
        """Tell whether the unit has all that a build with these settings and levels needs of it."""
        if replace(self.settings, limit=settings.limit) != settings:
            return False
        if self.settings.limit is not None and (settings.limit is None or self.settings.limit < settings.limit):
            return False
        return all(self.levels.get(label, ScanLevel.NAME) >= level for label, level in levels.items())


class Pool:
    """One source's part of a pool folder. Use it as a context manager: it is locked against a second build."""

    def __init__(self, place: Location, source: str) -> None:
        self.folder: Folder = folder_at(place).subfolder(source)
        self.source = source
        self.scratch = self.folder.scratch

    @cached_property
    def files(self) -> dict[str, int]:
        """Name → number of bytes of the files in the folder when it was first asked: one question, not two per unit.

        Raises `PoolError` if it cannot be read.
        """
        try:
            return self.folder.entries()
        except OSError as exc:
            raise PoolError(
                f"cannot read the pool {self.folder}: {exc.strerror or exc}",
                code="pool.unreadable",
                hint="choose another with --pool",
                path=self.folder,
            ) from exc

    def __enter__(self) -> Pool:
        self._check_owner()
        try:
            self._lock_folder()
        except NotADirectoryError as exc:
            raise PoolError(
                f"the pool {self.folder} is a file, not a folder",
                code="pool.not-a-folder",
                hint="choose another with --pool",
                path=self.folder,
            ) from exc
        except Timeout as exc:
            raise PoolError(
                f"another build is using the pool {self.folder}",
                code="pool.in-use",
                hint="wait for it, or choose another with --pool",
                path=self.folder,
            ) from exc
        except OSError as exc:
            raise PoolError(
                f"cannot write the pool {self.folder}: {exc.strerror or exc}",
                code="pool.unwritable",
                hint="make room, or choose another folder with --pool",
                path=self.folder,
            ) from exc
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):  # the next build deletes what is left
            self._delete_unfinished()
            self._remove_if_empty()
        self._lock.release()

    def _lock_folder(self) -> None:
        """Lock the pool and delete what a killed build left; nothing of that was counted as done."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder.lock)
        self._lock.acquire(blocking=False)
        self._delete_unfinished()
        owner = {"dmlkit": "pool", "format": FORMAT, "source": self.source}
        self.folder.write("pool.json", json.dumps(owner).encode())

    def _delete_unfinished(self) -> None:
        """Delete the unfinished files of a build or a worker that was killed."""
        for name in self.folder.entries():
            if name.endswith(".tmp"):
                self.folder.delete(name)
        for path in (*self.folder.leftovers(), *self.scratch.iterdir()):
            path.unlink(missing_ok=True)

    def _remove_if_empty(self) -> None:
        """Remove the folder if nothing was collected in it."""
        if self.folder.entries().keys() <= {"pool.json", "lock", "scratch"}:
            self.folder.delete("pool.json")
            shutil.rmtree(self.scratch)
            if isinstance(self.folder, LocalFolder):
                self.folder.delete("lock")
                self.folder.path.rmdir()
                self.folder.path.parent.rmdir()
        elif isinstance(self.folder, RemoteFolder):
            self.scratch.rmdir()

    def _check_owner(self) -> None:
        """Raise `PoolError` if the folder is not empty and not a pool of this source and format."""
        if self.files.keys() <= {"lock", "scratch"}:
            return
        try:
            owner = json.loads(self.folder.read("pool.json"))
        except (OSError, ValueError, RecursionError) as exc:
            raise PoolError(
                f"{self.folder} is not empty and has no readable pool.json: it is not a pool of dmlkit; left as it is",
                code="pool.foreign",
                hint="choose another folder with --pool",
                path=self.folder,
            ) from exc
        if not isinstance(owner, dict) or owner.get("dmlkit") != "pool" or owner.get("source") != self.source:
            raise PoolError(
                f"{self.folder} is not a pool of the source {self.source}; left as it is",
                code="pool.other-source",
                hint="choose another folder with --pool",
                path=self.folder,
            )
        if owner.get("format") != FORMAT:
            raise PoolError(
                f"the pool {self.folder} has format {owner.get('format')}, this dmlkit writes {FORMAT}; left as it is",
                code="pool.other-format",
                hint="delete it, or choose another folder with --pool, to collect again",
                path=self.folder,
                format=owner.get("format"),
            )

    def covers(self, unit: Unit, settings: CollectSettings, levels: Mapping[str, ScanLevel]) -> bool:
        """Tell whether the pool has all that a build with these settings and levels needs of ``unit``."""
        key = self.key(unit.name)
        return key is not None and key.fingerprint == unit.fingerprint and key.covers(settings, levels)

    def key(self, unit_name: str) -> UnitKey | None:
        """Return what a unit was made from; None if its files are missing or not whole."""
        rows, kept = f"{unit_name}.parquet", f"{unit_name}.bin"
        if rows not in self.files or kept not in self.files:
            return None
        try:
            key = UnitKey.from_json(pq.read_schema(self.folder.arrow_input(rows)).metadata[METADATA_KEY])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowInvalid):
            return None
        # There are more bytes if a second try was stopped between its two files.
        return key if key.num_bytes <= self.files[kept] else None

    def rows(self, unit_name: str) -> pa.Table:
        """Read the candidates of a finished unit. Raises `PoolError` if they are gone."""
        try:
            return pq.read_table(self.folder.arrow_input(f"{unit_name}.parquet"))
        except (OSError, pa.ArrowInvalid) as exc:
            raise PoolError(
                f"cannot read the unit {unit_name} from the pool {self.folder}: {summarize(exc)}",
                code="pool.unit-unreadable",
                hint="if another build is using the pool, wait for it; then run the same command again",
                path=self.folder,
                unit=unit_name,
            ) from exc


def write_rows(folder: Folder, unit_name: str, rows: Iterable[Mapping[str, Any]], key: UnitKey) -> None:
    """Write a unit's rows, whole or not at all."""
    schema = POOL_ROW.with_metadata({METADATA_KEY: key.as_json()})
    with folder.temporary_file() as path:
        pq.write_table(pa.Table.from_pylist(list(rows), schema), path, compression="zstd")
        folder.put(path, f"{unit_name}.parquet")
