"""What the sources share whose labels stand in lists beside the images: the files of a folder or zip file, and
units of named images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from dmlkit.errors import SourceError
from dmlkit.sources import candidates
from dmlkit.sources.base import Candidate, Unit
from dmlkit.storage import archives

PIECE = 500
"""Images that one worker takes."""

DEEPEST = 2
"""How many folders may stand between ``--from`` and the source's own top folder."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")

ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in this order: the second reads what Chinese programs write, and what is neither is an error."""


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
        """Raises `SourceError` where it is not there or cannot be read."""
        try:
            if name not in self.files:
                raise FileNotFoundError(2, "it is not there")
            if self.is_zip:
                return archives.read_zip_member(self.path, self.prefix + name)
            return (self.path / name).read_bytes()
        except OSError as exc:
            raise SourceError(f"{self.path}: {name} cannot be read: {exc.strerror or exc}") from exc

    def lines(self, name: str) -> list[str]:
        """The lines of a text, in UTF-8 or GB18030, without those that are empty. Raises `SourceError`."""
        return [line for _, line in self.numbered(name)]

    def numbered(self, name: str) -> list[tuple[int, str]]:
        """`lines`, each with its number in the file, counted from 1. Raises `SourceError`."""
        data = self.read(name)
        for encoding in ENCODINGS:
            try:
                lines = data.decode(encoding).splitlines()
                return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
            except UnicodeDecodeError:
                continue
        raise SourceError(
            f"{self.path}: {name} is a text neither in UTF-8 nor in GB18030", hint="is it the original file?"
        )

    def images(self, folder: str) -> list[str]:
        """The names of the image files below ``folder``, sorted."""
        start = f"{folder}/"
        return sorted(n for n in self.files if n.startswith(start) and n.lower().endswith(IMAGE_SUFFIXES))


def tree_at(path: Path, marks: Iterable[str]) -> Tree | None:
    """The tree of the source whose top folder holds one of ``marks``: at ``path`` or a few folders below it.

    ``path`` may be a zip file, or a folder with one in it. Of several folders as deep as each other, that with the
    earliest mark is taken. None where no mark is found. Raises `SourceError` for files that cannot be read.
    """
    marks = tuple(marks)
    try:
        if path.is_file():
            return tree_of_zip(path, marks)
        tops = [path]
        for _ in range(DEEPEST + 1):
            for mark in marks:
                for top in tops:
                    if (top / mark).exists():
                        return Tree(top, files_below(top))
            tops = sorted(p for top in tops for p in top.iterdir() if p.is_dir())
        zips = (tree_of_zip(p, marks) for p in sorted(path.glob("*.zip")))
        return next((tree for tree in zips if tree is not None), None)
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror or exc}") from exc


def must_hold(tree: Tree, files: Iterable[str], folder: str) -> None:
    """Raises `SourceError` where one of ``files`` is missing, or no image is below ``folder``."""
    hint = "is the archive unpacked whole?"
    for name in files:
        if name not in tree.files:
            raise SourceError(f"{tree.path} has no {name}", hint=hint)
    if not tree.images(folder):
        raise SourceError(f"{tree.path} has no images below {folder}/", hint=hint)


def files_below(top: Path) -> dict[str, str]:
    """Every file below a folder with its size and time.

    Links are entries like files, but for those at the top that lead to folders: people link ``images`` to another disk.
    """
    found = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(top / folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=not folder):
                    folders.append(f"{folder}{entry.name}/")
                else:
                    state = entry.stat(follow_symlinks=False)
                    found[f"{folder}{entry.name}"] = f"{state.st_size} {state.st_mtime_ns}"
    return found


def tree_of_zip(path: Path, marks: tuple[str, ...]) -> Tree | None:
    with archives.open_zip(path) as archive:
        files = {info.filename: f"{info.file_size} {info.CRC}" for info in archive.infolist() if not info.is_dir()}
    for mark in marks:
        found = ((name, f"/{name}/".find(f"/{mark}/")) for name in files)
        tops = {name[:at] for name, at in found if at >= 0}
        if tops:
            top = min(tops, key=lambda t: (t.count("/"), t))
            return Tree(path, {n.removeprefix(top): state for n, state in files.items() if n.startswith(top)}, top)
    return None


class Row(NamedTuple):
    """One image of a list: the name of its file in the tree, its label, and its id in the source.

    ``label`` is empty for an image that is in no list, ``name`` is in no tree for one that is not there.
    """

    name: str
    label: str
    upstream_id: str


def units_of(tree: Tree, rows: Iterable[Row], prefix: str = "") -> list[Unit]:
    """The rows in pieces, by label and name. A piece is known by its rows and the state of its files."""
    ordered = sorted(rows, key=lambda row: (row.label, row.name))
    units = []
    for start in range(0, len(ordered), PIECE):
        piece = ordered[start : start + PIECE]
        facts = [(row.name, row.label, row.upstream_id, tree.files.get(row.name, "")) for row in piece]
        units.append(
            Unit(
                name=f"{prefix}rows-{start // PIECE:05d}",
                labels=tuple(sorted({row.label for row in piece} - {""})),
                identity=hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest(),
                path=str(tree.path),
                kind=tree.prefix,
                members=tuple(
                    (f"{row.upstream_id}\t{row.name if row.name in tree.files else ''}", row.label) for row in piece
                ),
            )
        )
    return units


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of a unit of `units_of`. Only files that were there when it was planned are looked for."""
    path = Path(unit.path)
    for member, label in unit.members:
        upstream_id, name = member.split("\t", 1)
        found = find(path, unit.kind + name, label) if name else None
        if found is None:
            yield Candidate(upstream_id, label, None, "missing", "listed, but not there")
        elif not label and not found.status:
            yield Candidate(upstream_id, "", None, "unlabelled", "in no list")
        else:
            yield replace(found, upstream_id=upstream_id)


def find(path: Path, name: str, label: str) -> Candidate | None:
    """A file of the folder or zip file at ``path``; None where it is not there any more."""
    if path.is_file():
        try:
            return candidates.zip_candidate(path, archives.cached_zip(path).getinfo(name), label)
        except KeyError:
            return None
    file = path / name
    return candidates.file_candidate(file, label) if file.exists() or file.is_symlink() else None


def by_number(names: Iterable[str], parts: int) -> dict[str, str]:
    """`number_of` the last ``parts`` parts of each name → the name; the first in order where several have the same."""
    found: dict[str, str] = {}
    for name in sorted(names):
        found.setdefault(number_of("/".join(name.split("/")[-parts:])), name)
    return found


def number_of(name: str) -> str:
    """A name without its suffixes (``.jpg``, ``.jpg.jpg``) and without leading zeros, which spreadsheets drop."""
    name = name.strip()
    while name.lower().endswith(IMAGE_SUFFIXES):
        name = name[: name.rindex(".")]
    return "/".join([part.lstrip("0") or "0" if part.isdecimal() else part for part in name.split("/")])


def plain_id(text: str) -> str:
    """A name from outside as part of an id: letters that are safe everywhere, and a hash where others were."""
    # Control characters in place of slashes: `upstream_id` would take what stands before them for folders.
    return candidates.upstream_id(f"{text}.x".replace("/", "\1").replace("\\", "\2"))


def counted(what: str, found: int, published: int) -> list[str]:
    """A note on a number that others published; none where it is the same."""
    return [] if found == published else [f"{what}: {found:,} found, {published:,} published"]
