"""List the files of a folder from outside without following links."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FolderListing:
    """The plain files of a folder by their names below it, and what else is there: name -> what it is."""

    files: Mapping[str, Path]
    others: Mapping[str, str]


def list_files(folder: Path, *, follow_links: bool = False) -> FolderListing:
    """List a folder without hidden files. Links, pipes and folders that cannot be listed are `others`.

    Nothing is read through a link unless asked: it could lead out of the folder, and its target would be published.
    """
    files: dict[str, Path] = {}
    others: dict[str, str] = {}

    def note_error(exc: OSError) -> None:
        others[Path(str(exc.filename)).relative_to(folder).as_posix()] = f"unreadable: {exc.strerror}"

    for top, folders, names in os.walk(folder, onerror=note_error):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(top, name) for name in (*folders, *names) if not name.startswith(".")):
            name = path.relative_to(folder).as_posix()
            try:
                mode = path.stat().st_mode if follow_links else path.lstat().st_mode
            except OSError as exc:
                others[name] = f"unreadable: {exc.strerror}"
                continue
            if stat.S_ISREG(mode):
                files[name] = path
            elif not stat.S_ISDIR(mode):
                others[name] = "a link" if stat.S_ISLNK(mode) else "not a file"
    return FolderListing(dict(sorted(files.items())), others)
