"""The place of the dataset folder: what may be replaced there, and how the new one comes there whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from dmlkit.errors import OutputError
from dmlkit.storage.locations import Folder, LocalFolder, Place, RemoteFolder, folder_at
from dmlkit.taxonomy.manifest import Manifest

UNFINISHED = ".dmlkit-unfinished.json"
"""Beside a dataset that is being uploaded: whose it is. It has of build.json what `check_replaceable` reads."""

LAST = ("SHA256SUMS", "build.json")
"""Uploaded after all else: a folder without build.json is unfinished."""

SAFE = "; what was collected is safe in the pool"

Progress = Callable[[int, int], None]


def check_replaceable(place: Place, manifest: Manifest, source: str) -> None:
    """A build replaces an earlier one of the same manifest and source, or a drawn sample, and nothing else.

    Raises `OutputError`.
    """
    out = folder_at(place)
    try:
        there = out.entries()
        if not there:
            return
        earlier = json.loads(out.read("build.json" if "build.json" in there else UNFINISHED))
        name, earlier_source = earlier["manifest"]["name"], earlier["source"]["name"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        why = "no readable build.json" if isinstance(out, LocalFolder) else f"no readable build.json: {exc}"
        raise OutputError(
            f"{out} holds something that is no dataset folder of dmlkit ({why}); left as it is",
            hint="choose another folder with --out",
        ) from exc
    if name != manifest.name or earlier_source not in (source, "sample"):
        raise OutputError(
            f"{out} holds the dataset {name} made from {earlier_source}; left as it is",
            hint="choose another folder with --out, or delete that one",
        )


def replacement(place: Place, manifest: Manifest, source: str) -> Replacement | Upload:
    """What the dataset folder at ``place`` is written with."""
    out = folder_at(place)
    return Replacement(out.path, SAFE) if isinstance(out, LocalFolder) else Upload(out, manifest.name, source)


class Replacement:
    """A folder that is written beside ``out`` and takes its place when `keep` is called, or vanishes."""

    def __init__(self, out: Path, what_is_safe: str = "") -> None:
        out = self.out = out.resolve()  # a link stays, and leads to the new folder; "." has a name
        self._safe = what_is_safe
        # Names that no one else gives: what stands there is of a build that was killed, and is deleted.
        self.path = out.with_name(f".{out.name}.dmlkit-partial")
        self.old = out.with_name(f".{out.name}.dmlkit-old")
        self._kept = False

    def __enter__(self) -> Replacement:
        make_empty(self.path)
        return self

    def keep(self, progress: Progress) -> None:
        """Put the new folder in the place of the old one."""
        shutil.rmtree(self.old, ignore_errors=True)
        if self.out.exists():
            os.replace(self.out, self.old)
        os.replace(self.path, self.out)
        shutil.rmtree(self.old, ignore_errors=True)
        self._kept = True

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        if not self._kept:
            shutil.rmtree(self.path, ignore_errors=True)
        if isinstance(exc, OSError):
            raise not_written(self.path, exc, self._safe) from exc


class Upload:
    """A folder that is written on this machine, in ``$TMPDIR``, and uploaded when `keep` is called.

    There is no renaming of folders where it goes. So a mark says first whose the folder is; then build.json goes, the
    files come, those of the earlier dataset that have no successor go, and SHA256SUMS and build.json come last.
    Stopped in between, the same build takes the mark for its own and uploads again.
    """

    def __init__(self, out: RemoteFolder, manifest_name: str, source: str) -> None:
        self.out = out
        self.path = out.scratch
        self._mark = {"manifest": {"name": manifest_name}, "source": {"name": source}}
        self._lock = FileLock(out.lock)

    def __enter__(self) -> Upload:
        try:
            self._lock.acquire(blocking=False)
        except Timeout as exc:
            raise OutputError(
                f"another build is writing {self.out}", hint="wait for it, or choose another folder with --out"
            ) from exc
        make_empty(self.path)
        return self

    def keep(self, progress: Progress) -> None:
        """Bring the folder to its place; ``progress`` counts its files."""
        self.out.write(UNFINISHED, json.dumps(self._mark).encode())
        for name in LAST:
            self.out.delete(name)
        names = sorted(path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file())
        first = [name for name in names if name not in LAST]
        for done, name in enumerate(first, start=1):
            self.out.put(self.path / name, name)
            progress(done, len(names))
        for name in outdated(self.out, names):
            self.out.delete(name)
        for name in LAST:
            self.out.put(self.path / name, name)
        self.out.delete(UNFINISHED)
        progress(len(names), len(names))

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        if isinstance(exc, OSError):
            raise not_written(self.out, exc, SAFE) from exc


def outdated(out: RemoteFolder, names: list[str]) -> list[str]:
    """The files of an earlier dataset that the new one has not. What dmlkit never wrote is left alone."""
    shards = [f"{part}/{name}" for part in ("data", "hierarchy") for name in out.below(part).entries()]
    return [name for name in (*shards, "ATTRIBUTION.csv") if name not in names]


def make_empty(folder: Path) -> None:
    """Make a folder anew. Raises `OutputError`."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as exc:
        raise OutputError(
            f"{folder} cannot be made: {exc.strerror or exc}", hint="choose another folder with --out"
        ) from exc


def not_written(where: Path | Folder, exc: OSError, what_is_safe: str) -> OutputError:
    return OutputError(
        f"{where} could not be written: {exc.strerror or exc}{what_is_safe}",
        hint="make room, or choose another folder with --out, and run the same command again",
    )
