"""What is at ``--from``: whether it can be read, and is of the source it should be."""

from __future__ import annotations

from pathlib import Path

from dmlkit.errors import SourceError
from dmlkit.sources.registry import guess_source, recognise_source


def require_path(path: Path | None, source: str, how_to_get: str) -> Path:
    """Return ``--from`` if it is there, can be read, and is not of another source. Raises `SourceError`."""
    if path is None:
        raise path_required(source, how_to_get)
    try:
        if path.is_dir():
            if not any(path.iterdir()):
                raise SourceError(f"{path} is an empty folder", code="source.empty-folder", hint=how_to_get, path=path)
        elif path.exists() and not path.is_file():
            raise SourceError(
                f"{path} is neither a file nor a folder", code="source.special-file", hint=how_to_get, path=path
            )
        else:
            path.open("rb").close()
        recognised = recognise_source(path, source)
    except OSError as exc:
        raise unreadable_path(path, exc, how_to_get) from exc
    if recognised not in (None, source):
        raise SourceError(
            f"{path} is not of the source {source}",
            code="source.other-source",
            hint=hint_for(path, source, how_to_get),
            path=path,
            source=source,
            recognised=recognised,
        )
    return path


def path_required(source: str, how_to_get: str) -> SourceError:
    """Make the error for a source of files without ``--from``."""
    return SourceError(
        f"the source {source} needs --from, the files on this machine",
        code="source.path-required",
        hint=how_to_get,
        source=source,
    )


def unreadable_path(path: Path, exc: OSError, hint: str = "", name: str = "") -> SourceError:
    """Make the error for a file or folder of a source, or ``name`` inside it, that cannot be read."""
    where = f"{path}: {name}" if name else str(path)
    return SourceError(
        f"{where} cannot be read: {exc.strerror or exc}", code="source.unreadable", hint=hint, path=path, name=name
    )


def nothing_found(path: Path, source: str, how_to_get: str) -> SourceError:
    """Make the error for a ``--from`` that holds nothing of the source."""
    kind = "folder" if path.is_dir() else "file"
    return SourceError(
        f"{path} is a {kind} without anything of the source {source}",
        code="source.nothing-found",
        hint=hint_for(path, source, how_to_get),
        path=path,
        source=source,
        recognised=guess_source(path, source),
    )


def hint_for(path: Path, source: str, how_to_get: str) -> str:
    """Name the source that ``path`` looks like, if it is another; else say how to get the wanted one."""
    other = guess_source(path, source)
    return f"this looks like the source {other}: --source {other}" if other else how_to_get


def file_state(path: Path) -> str:
    """Return what changes when a file does: its size in bytes and its time in nanoseconds."""
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"
