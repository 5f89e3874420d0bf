"""Output folders: which may be replaced, and how the new one takes its place, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dmlkit.errors import OutputError
from dmlkit.schema.progress import CountProgress
from dmlkit.storage.locations import Folder, LocalFolder, RemoteFolder

# Beside files that are being uploaded: whose they are. It has the part of the mark that `check_replaceable` reads.
UNFINISHED = ".dmlkit-unfinished.json"

CHOOSE_ANOTHER = "choose another folder with --out"


def check_replaceable(
    out: Folder,
    mark: str,
    describe_other: Callable[[Any], str],
    writer: str,
    is_leftover: Callable[[str], bool] = lambda name: False,
) -> None:
    """Raise `OutputError` unless ``out`` does not exist, is empty, or is an earlier result that may be replaced.

    ``mark`` is the JSON file that says whose the folder is. ``describe_other`` takes what it contains and returns an
    empty string if the folder may be replaced, and what the folder is otherwise; it may raise `KeyError`, `TypeError`
    or `ValueError` for a mark of something else. ``writer`` names what writes such folders, for the message. Files
    that ``is_leftover`` accepts do not count.
    """
    try:
        names = [name for name in out.entries() if not is_leftover(name)]
        if not names:
            return
        other = describe_other(json.loads(out.read(mark if mark in names else UNFINISHED)))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        why = f"no readable {mark}" + ("" if isinstance(out, LocalFolder) else f": {exc}")
        raise OutputError(
            f"{out} holds something that {writer} did not write ({why}); left as it is",
            code="output.not-ours",
            hint=CHOOSE_ANOTHER,
            path=out.path if isinstance(out, LocalFolder) else str(out),
            mark=mark,
        ) from exc
    if other:
        raise OutputError(
            f"{out} holds {other}; left as it is",
            code="output.other-owner",
            hint=f"{CHOOSE_ANOTHER}, or delete that one",
            path=out.path if isinstance(out, LocalFolder) else str(out),
            owner=other,
        )


class ReplacedFolder:
    """A folder that is written beside ``out`` and takes its place with `commit`, or vanishes.

    ``safe`` says what is not lost if writing fails.
    """

    def __init__(self, out: Path, safe: str = "") -> None:
        out = self.out = out.resolve()  # a link stays, and leads to the new folder; "." has a name
        self._safe = safe
        # Names that nobody else uses: a folder of that name is from a run that was killed, and is deleted.
        self.path = out.with_name(f".{out.name}.dmlkit-partial")
        self.old = out.with_name(f".{out.name}.dmlkit-old")
        self._committed = False

    def __enter__(self) -> ReplacedFolder:
        """Make the empty folder ``path``. Raises `OutputError`."""
        make_empty(self.path)
        return self

    def commit(self, progress: CountProgress) -> None:
        """Put the new folder in the place of the old one."""
        shutil.rmtree(self.old, ignore_errors=True)
        if self.out.exists():
            os.replace(self.out, self.old)
        os.replace(self.path, self.out)
        shutil.rmtree(self.old, ignore_errors=True)
        self._committed = True

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        """Delete what was not committed. Turns `OSError` into `OutputError`."""
        if not self._committed:
            shutil.rmtree(self.path, ignore_errors=True)
        if isinstance(exc, OSError):
            raise not_written_error(self.path, exc, self._safe) from exc


@dataclass(frozen=True)
class OwnFiles:
    """The files that a writer has in its folder, by name.

    ``last`` are uploaded after all others: a folder without them is unfinished. Files in ``folders`` and the
    ``optional`` ones are deleted if the new folder does not have them; nothing else is ever deleted.
    """

    last: tuple[str, ...]
    folders: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


class UploadedFolder:
    """A folder that is written on this machine, in ``$TMPDIR``, and uploaded with `commit`.

    Folders cannot be renamed at most stores. So a mark first says whose the folder is; then the last files of the
    earlier folder are deleted, the new files are uploaded, earlier files without a successor are deleted, and the last
    files are uploaded. If the upload is interrupted, the same run accepts the mark as its own and uploads again.
    """

    def __init__(self, out: RemoteFolder, mark: Mapping[str, Any], own_files: OwnFiles, safe: str = "") -> None:
        self.out = out
        self.path = out.scratch
        self._mark = mark
        self._own_files = own_files
        self._safe = safe
        self._lock = FileLock(out.lock)

    def __enter__(self) -> UploadedFolder:
        """Make the empty folder ``path``. Raises `OutputError`, also if another build writes to the same place."""
        try:
            self._lock.acquire(blocking=False)
        except Timeout as exc:
            raise OutputError(
                f"another build is writing {self.out}",
                code="output.locked",
                hint=f"wait for it, or {CHOOSE_ANOTHER}",
                path=str(self.out),
            ) from exc
        make_empty(self.path)
        return self

    def commit(self, progress: CountProgress) -> None:
        """Upload the folder; ``progress`` counts its files."""
        last = self._own_files.last
        self.out.write(UNFINISHED, json.dumps(self._mark).encode())
        for name in last:
            self.out.delete(name)
        names = sorted(path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file())
        first = [name for name in names if name not in last]
        for done, name in enumerate(first, start=1):
            self.out.put(self.path / name, name)
            progress(done, len(names))
        for name in find_outdated(self.out, names, self._own_files):
            self.out.delete(name)
        for name in last:
            self.out.put(self.path / name, name)
        self.out.delete(UNFINISHED)
        progress(len(names), len(names))

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        """Delete the local folder. Turns `OSError` into `OutputError`."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        if isinstance(exc, OSError):
            raise not_written_error(self.out, exc, self._safe) from exc


def find_outdated(out: RemoteFolder, names: list[str], own_files: OwnFiles) -> list[str]:
    """List the writer's files of an earlier folder that the new one, with the files ``names``, does not have."""
    earlier = [f"{folder}/{name}" for folder in own_files.folders for name in out.subfolder(folder).entries()]
    return [name for name in (*earlier, *own_files.optional) if name not in names]


def make_empty(folder: Path) -> None:
    """Make a folder anew. Raises `OutputError`."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as exc:
        raise OutputError(
            f"{folder} cannot be made: {exc.strerror or exc}",
            code="output.not-made",
            hint=CHOOSE_ANOTHER,
            path=folder,
        ) from exc


def not_written_error(out: Path | Folder, exc: OSError, safe: str) -> OutputError:
    """Return the error for a folder that could not be written."""
    return OutputError(
        f"{out} could not be written: {exc.strerror or exc}{safe}",
        code="output.not-written",
        hint=f"make room, or {CHOOSE_ANOTHER}, and run the same command again",
        path=str(out),
    )
