"""Sources whose labels are in lists beside the images: the files of a folder or zip file, and units of named images."""

from __future__ import annotations

import hashlib
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from dmlkit.errors import SourceError
from dmlkit.sources import candidates
from dmlkit.sources.base import Candidate, ListedFile, ListedFiles, PlanRequest, Source, Unit
from dmlkit.sources.common.paths import nothing_found, require_path, unreadable_path
from dmlkit.sources.registry import SOURCES
from dmlkit.storage import archives

# Images that one worker takes.
IMAGES_PER_UNIT = 500

# How many folders may stand between ``--from`` and the source's own top folder.
MAX_DEPTH = 2

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")

# Encodings of lists, tried in this order: the second reads what Chinese programs write; anything else is an error.
ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True)
class Tree:
    """The files below the top folder of a source, in a folder or inside a zip file.

    ``files`` goes from a name, with ``/`` between its parts, to what changes when the file does. ``prefix`` stands
    before each name inside the zip file.
    """

    path: Path
    files: Mapping[str, str]
    prefix: str = ""

    @property
    def is_zip(self) -> bool:
        return self.path.is_file()

    def read(self, name: str) -> bytes:
        """Read a whole file. Raises `SourceError` if it is not there or cannot be read."""
        try:
            if name not in self.files:
                raise FileNotFoundError(2, "it is not there")
            if self.is_zip:
                return archives.read_zip_member(self.path, self.prefix + name)
            return (self.path / name).read_bytes()
        except OSError as exc:
            raise unreadable_path(self.path, exc, name=name) from exc

    def lines(self, name: str) -> list[str]:
        """Read the lines of a text in UTF-8 or GB18030, without empty ones. Raises `SourceError`."""
        return [line for _, line in self.numbered_lines(name)]

    def numbered_lines(self, name: str) -> list[tuple[int, str]]:
        """Read the `lines`, each with its number in the file, counted from 1. Raises `SourceError`."""
        data = self.read(name)
        for encoding in ENCODINGS:
            try:
                lines = data.decode(encoding).splitlines()
                return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
            except UnicodeDecodeError:
                continue
        raise SourceError(
            f"{self.path}: {name} is a text neither in UTF-8 nor in GB18030",
            code="source.unknown-encoding",
            hint="is it the original file?",
            path=self.path,
            name=name,
        )

    def images(self, folder: str) -> list[str]:
        """Return the names of the image files below ``folder``, sorted."""
        start = f"{folder}/"
        return sorted(n for n in self.files if n.startswith(start) and n.lower().endswith(IMAGE_SUFFIXES))


def find_tree(path: Path, marks: Iterable[str]) -> Tree | None:
    """Find the top folder of a source, which holds one of ``marks``: ``path`` or a few folders below it.

    ``path`` may be a zip file, or a folder with one in it. Of several folders at the same depth, that with the
    earliest mark is taken. None if no mark is found. Raises `SourceError` for files that cannot be read.
    """
    marks = tuple(marks)
    try:
        if path.is_file():
            return open_zip_tree(path, marks)
        folders = [path]
        for _ in range(MAX_DEPTH + 1):
            for mark in marks:
                for folder in folders:
                    if (folder / mark).exists():
                        return Tree(folder, scan_files(folder))
            folders = sorted(p for folder in folders for p in folder.iterdir() if p.is_dir())
        trees = (open_zip_tree(p, marks) for p in sorted(path.glob("*.zip")))
        return next((tree for tree in trees if tree is not None), None)
    except OSError as exc:
        raise unreadable_path(path, exc) from exc


def scan_files(top: Path) -> dict[str, str]:
    """Map every file below a folder to its size and time.

    Links are entries like files, but for those at the top that lead to folders: people link ``images`` to another disk.
    """
    files = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(top / folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=not folder):
                    folders.append(f"{folder}{entry.name}/")
                else:
                    stat = entry.stat(follow_symlinks=False)
                    files[f"{folder}{entry.name}"] = f"{stat.st_size} {stat.st_mtime_ns}"
    return files


def open_zip_tree(path: Path, marks: tuple[str, ...]) -> Tree | None:
    """Find the top folder of a source inside a zip file, see `find_tree`."""
    with archives.open_zip(path) as archive:
        files = {info.filename: f"{info.file_size} {info.CRC}" for info in archive.infolist() if not info.is_dir()}
    for mark in marks:
        positions = ((name, f"/{name}/".find(f"/{mark}/")) for name in files)
        tops = {name[:position] for name, position in positions if position >= 0}
        if tops:
            top = min(tops, key=lambda t: (t.count("/"), t))
            return Tree(path, {n.removeprefix(top): state for n, state in files.items() if n.startswith(top)}, top)
    return None


class Row(NamedTuple):
    """One image of a list: the name of its file in the tree, its label, and its id in the source.

    ``label`` is empty for an image that is in no list; ``name`` is in no tree if the image is missing.
    """

    name: str
    label: str
    upstream_id: str


class ListedSource(Source):
    """A source whose labels are in lists beside its images, in a folder or a zip file.

    A subclass has its marks in `dmlkit.sources.registry`, says in `check_tree` what must be there, and gives its
    `rows` and `classes`.
    """

    def open_tree(self, path: Path | None) -> Tree:
        """Open what is at ``--from``. Raises `SourceError` if it is not of this source, or not whole."""
        return self.find_files(require_path(path, self.name, self.how_to_get))

    def find_files(self, path: Path) -> Tree:
        """Find the source's files at or below ``path``, which may hold other sources too. Raises `SourceError`."""
        tree = find_tree(path, SOURCES[self.name].top_marks)
        if tree is None:
            raise nothing_found(path, self.name, self.how_to_get)
        self.check_tree(tree)
        return tree

    def check_tree(self, tree: Tree) -> None:
        """Raise `SourceError` if the source's files are not whole."""

    @abstractmethod
    def rows(self, tree: Tree) -> Iterable[Row]:
        """List every row of the source's lists, and every image that is in none. Raises `SourceError`."""

    def plan(self, request: PlanRequest) -> list[Unit]:
        """Cut the rows into units, rows without an image and images without a row included."""
        tree = self.open_tree(request.path)
        return plan_rows(tree, self.rows(tree))

    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Read the images of one unit."""
        return read_listed(unit)


def require_files(tree: Tree, names: Iterable[str], image_folder: str) -> None:
    """Raise `SourceError` if one of the files ``names`` is missing, or no image is below ``image_folder``."""
    hint = "is the archive unpacked whole?"
    for name in names:
        if name not in tree.files:
            raise missing_file(tree, name, hint)
    if not tree.images(image_folder):
        raise no_images(tree, f"{image_folder}/", hint)


def no_images(tree: Tree, folders: str, hint: str) -> SourceError:
    """Make the error for a source without an image below ``folders``."""
    return SourceError(
        f"{tree.path} has no images below {folders}",
        code="source.no-images",
        hint=hint,
        path=tree.path,
        folders=folders,
    )


def missing_file(tree: Tree, name: str, hint: str, why: str = "") -> SourceError:
    """Make the error for a file of the source that is not there; ``why`` says what it is needed for."""
    return SourceError(
        f"{tree.path} has no {name}{why}", code="source.missing-file", hint=hint, path=tree.path, name=name
    )


def plan_rows(tree: Tree, rows: Iterable[Row], prefix: str = "") -> list[Unit]:
    """Cut rows into units, by label and name. A unit is identified by its rows and the state of its files."""
    ordered = sorted(rows, key=lambda row: (row.label, row.name))
    units = []
    for start in range(0, len(ordered), IMAGES_PER_UNIT):
        piece = ordered[start : start + IMAGES_PER_UNIT]
        facts = [(row.name, row.label, row.upstream_id, tree.files.get(row.name, "")) for row in piece]
        files = tuple(
            ListedFile(row.upstream_id, row.label, tree.prefix + row.name if row.name in tree.files else None)
            for row in piece
        )
        units.append(
            Unit(
                name=f"{prefix}rows-{start // IMAGES_PER_UNIT:05d}",
                labels=tuple(sorted({row.label for row in piece} - {""})),
                fingerprint=hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest(),
                payload=ListedFiles(tree.path, files),
                num_images=len(files),
            )
        )
    return units


def read_listed(unit: Unit, where: str = "in no list") -> Iterator[Candidate]:
    """Read the images of a unit of listed files. Only files that were there when it was planned are looked for."""
    assert isinstance(unit.payload, ListedFiles)
    for file in unit.payload.files:
        candidate = find_file(unit.payload.path, file.name, file.label) if file.name is not None else None
        yield with_list(file, candidate, where)


def with_list(file: ListedFile, candidate: Candidate | None, where: str) -> Candidate:
    """Return a file that was found, or None, as the list has it: with its id, as missing, or as unlabelled."""
    if candidate is None:
        return Candidate(file.upstream_id, file.label, None, "missing", "listed, but not there")
    if not file.label and not candidate.status:
        return Candidate(file.upstream_id, "", None, "unlabelled", where)
    return replace(candidate, upstream_id=file.upstream_id)


def find_file(path: Path, name: str, label: str) -> Candidate | None:
    """Find a file of the folder or zip file at ``path``; None if it is not there any more."""
    if path.is_file():
        try:
            return candidates.zip_candidate(path, archives.cached_zip(path).getinfo(name), label)
        except KeyError:
            return None
    file = path / name
    return candidates.file_candidate(file, label) if file.exists() or file.is_symlink() else None


def names_by_number(names: Iterable[str], parts: int) -> dict[str, str]:
    """Map `strip_zeros` of the last ``parts`` parts of each name to the name; of several the first in order."""
    by_number: dict[str, str] = {}
    for name in sorted(names):
        by_number.setdefault(strip_zeros("/".join(name.split("/")[-parts:])), name)
    return by_number


def strip_zeros(name: str) -> str:
    """Cut suffixes (``.jpg``, ``.jpg.jpg``) and leading zeros, which spreadsheets drop.

    >>> strip_zeros("00042/000007.jpg.jpg")
    '42/7'
    """
    name = name.strip()
    while name.lower().endswith(IMAGE_SUFFIXES):
        name = name[: name.rindex(".")]
    return "/".join([part.lstrip("0") or "0" if part.isdecimal() else part for part in name.split("/")])


def file_stem(name: str) -> str:
    """Return the last part of a name up to its first dot.

    >>> file_stem("image/0001.jpg.jpg")
    '0001'
    """
    return name.rsplit("/", 1)[-1].partition(".")[0]


def plain_id(text: str) -> str:
    """Make a name from outside a part of an id: letters that are safe everywhere, and a hash if others were in it."""
    # Control characters in place of slashes: `upstream_id` would take what is before them for folders.
    return candidates.upstream_id(f"{text}.x".replace("/", "\1").replace("\\", "\2"))


def compare_counts(what: str, count: int, published: int) -> list[str]:
    """Note a number that is not the published one; no note if it is the same."""
    return [] if count == published else [f"{what}: {count:,} found, {published:,} published"]
