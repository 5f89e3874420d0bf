"""iMaterialist Product 2019: fine is a leaf of its tree, middle its node of level 3, coarse its node of level 2.

Names of nodes repeat under different parents, so a node is known by its numbers from the top: ``4.5.12``. Names of what
they show were never published; a person can fill them in. Which leaves are left out, and the split, stand in the
manifest's table.

The lists have a million rows in no order. They are read once, for where the rows of each leaf stand; a unit is the rows
of one leaf, so that little of them is in memory, and a limit asks for no more images than it needs.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from dmlkit import terms
from dmlkit.errors import ManifestError, SourceError
from dmlkit.schema.scales import SCALES
from dmlkit.schema.statuses import STATUS_NAMES
from dmlkit.sources import Classes, Listing, Request, url_list
from dmlkit.sources.base import Candidate, Link, Unit
from dmlkit.sources.common import listed, synsets, tables
from dmlkit.sources.common.listed import Row, Tree
from dmlkit.storage.download import host_of
from dmlkit.taxonomy.manifest import Exclusion, FineClass, Manifest
from dmlkit.text import bullet_list

NAME = "imaterialist-2019"
TREE = "product_tree.json"
LISTS = {"train": ("train.json", "train2019.json"), "val": ("val.json", "val2019.json")}
COUNTS = {"train": 1_011_532, "val": 10_095}
"""The lists as they are spelled, and their published numbers of images."""
TEST = ("test.json", "test2019.json")
TABLE = ("id", "scale", "images", "name")
PIECE = 1200
"""Images that one worker fetches: a little more than the largest leaf has."""
BLOCK = 1 << 20
LONGEST = 1 << 16
"""Bytes that no row of a list has."""
NODE = re.compile(r"level\d_node(\d+)")
START = re.compile(r'"images"\s*:\s*\[')
BLANK = re.compile(r"[\s,]*")
SUFFIXES = re.compile(r"(?i)(\.(jpe?g|png|gif|webp|bmp))+$")


@dataclass(frozen=True)
class Contents:
    """What the lists say, without their rows.

    ``spans``: label → list → the first byte of each row and the one behind its last, in turn. ``faults``: status →
    (id, why) of rows that cannot be used.
    """

    spans: dict[str, dict[str, array[int]]] = field(default_factory=dict)
    hosts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def fault(self, status: str, own_id: str, why: str) -> None:
        self.faults.setdefault(status, []).append((own_id, why))

    def count(self, label: str) -> int:
        """The number of images under a label."""
        return sum(len(spans) // 2 for spans in self.spans[label].values())


def tree_of(request: Request) -> Tree:
    """The files below ``--from``. Raises `SourceError`."""
    path = synsets.given_path(request, NAME, terms.load(NAME).how_to_get)
    if path.is_file():
        raise SourceError(f"{path} is a file; {NAME} is a folder with lists in it", hint=terms.load(NAME).how_to_get)
    try:
        return Tree(path, listed.files_below(path))
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror or exc}") from exc


def own_files(tree: Tree) -> dict[str, str]:
    """The source's own files, wherever they lie: ``train``, ``val``, ``test`` or `TREE` → name in the tree.

    Raises `SourceError` where one is there twice, and where there is no list.
    """
    wanted = {name: what for what, names in (LISTS | {"test": TEST, TREE: (TREE,)}).items() for name in names}
    found: dict[str, str] = {}
    for name in tree.files:
        what = wanted.get(name.rsplit("/", 1)[-1])
        if what and what in found:
            raise SourceError(f"{tree.path}: {found[what]} and {name} are both there", hint="take one of them away")
        if what:
            found[what] = name
    if not found.keys() & LISTS.keys():
        names = ", ".join(itertools.chain(*LISTS.values()))
        raise SourceError(f"{tree.path} has none of {names}", hint=terms.load(NAME).how_to_get)
    return found


def contents_of(tree: Tree, own: Mapping[str, str]) -> Contents:
    """What the lists say. Raises `SourceError` for one that is no JSON, or cut off."""
    lists = [own[part] for part in LISTS if part in own]
    return read_lists(tree.path, tuple((name, tree.files[name]) for name in lists))


@lru_cache(maxsize=1)
def read_lists(top: Path, lists: tuple[tuple[str, str], ...]) -> Contents:
    """The lists by name, each with what changes when it does: planning asks again for what was just read."""
    found = Contents()
    starts: Counter[str] = Counter()  # of URLs, up to the host's end: few are looked at, not a million
    for name, _ in lists:
        rows = 0
        try:
            for rows, (start, end, row) in enumerate(scan(top / name), start=1):
                if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not stem(row["id"]):
                    found.fault("bad-row", f"{Path(name).stem}-row-{rows}", "it has no id")
                elif row.get("class") is None:
                    found.fault("unlabelled", own_id(row["id"]), f"{name} says no class")
                else:
                    spans = found.spans.setdefault(label_of(row["class"]), {})
                    spans.setdefault(name, array("q")).extend((start, end))
                    starts["/".join(url_of(row).split("/", 3)[:3])] += 1
        except (ValueError, RecursionError) as exc:
            raise SourceError(
                f"{top}: {name} is not whole: {exc}, after {rows:,} rows",
                hint="download it again; it may have been cut off",
            ) from exc
        except OSError as exc:
            raise SourceError(f"{top}: {name} cannot be read: {exc.strerror or exc}") from exc
    for url, count in starts.items():
        found.hosts[host_of(url)] += count
    return found


def scan(path: Path) -> Iterator[tuple[int, int, Any]]:
    """Every row of a list, with its first byte and the one behind its last. Raises `ValueError` for other texts."""
    decode = json.JSONDecoder().raw_decode
    with path.open("rb") as file:
        # Latin-1 has one letter a byte; what stands between quotes may come out wrong, but not where it ends.
        before, text = 0, file.read(BLOCK).decode("latin-1")
        start = START.search(text)
        if not start:
            raise ValueError('no list "images"')
        at = start.end()
        while True:
            if len(text) - at < LONGEST:
                before, text, at = before + at, text[at:] + file.read(BLOCK).decode("latin-1"), 0
            at += len(BLANK.match(text, at)[0])  # type: ignore[index]
            if text[at : at + 1] == "]":
                return
            row, end = decode(text, at)
            yield before + at, before + end, row
            at = end


def rows_of(top: Path, found: Contents, label: str) -> Iterator[Mapping[str, Any]]:
    """The rows of one label. Raises `SourceError` where a list is not as it was."""
    for name, spans in found.spans[label].items():
        try:
            with (top / name).open("rb", buffering=0) as file:
                for start, end in zip(spans[::2], spans[1::2], strict=True):
                    file.seek(start)
                    row = json.loads(file.read(end - start).decode("utf-8", "replace"))
                    yield {"id": str(row["id"]), "url": url_of(row)}
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise SourceError(f"{top}: {name} was changed while it was read", hint="run the command again") from exc


def label_of(value: Any) -> str:
    """The fine class of the ``class`` of a row; for what is no number, a label that no one knows."""
    text = str(value)
    return fine_id_of(text) if re.fullmatch("[0-9]{1,9}", text) else repr(value)[:80]


def url_of(row: Mapping[str, Any]) -> str:
    url = row.get("url")
    return url.strip().encode("utf-8", "replace").decode() if isinstance(url, str) else ""


def own_id(name: str) -> str:
    return listed.plain_id(stem(name))


def stem(name: str) -> str:
    """An id, or the name of a file, without suffixes: downloaders have written ``<id>.jpg.jpg`` too."""
    return SUFFIXES.sub("", name)


def fine_id_of(leaf: str) -> str:
    return f"{NAME}-{int(leaf):04d}"


def node_id_of(node: str) -> str:
    """The id of a node. A bare 1.10 would come back from a spreadsheet as 1.1."""
    return f"node-{node}"


def classes(request: Request) -> Classes:
    """The classes of the manifest's table, checked against the person's files. Raises `SourceError`."""
    tree = tree_of(request)
    own = own_files(tree)
    rows = read_leaves(request.manifest)
    if TREE in own:
        check_tree(tree, own[TREE], {row["leaf"]: row["node"] for row in rows})
    found = contents_of(tree, own)
    if not found.spans:
        raise SourceError(
            f"{tree.path}: no image with a class in its lists", hint="is train.json the list of the test?"
        )
    left_out = [
        Exclusion(fine_id_of(row["leaf"]), f"product {row['leaf']}", row["reason"]) for row in rows if row["reason"]
    ]
    kept = [class_of(row, {}) for row in rows if not row["reason"]]
    unknown = sorted(found.spans.keys() - {c.fine_id for c in kept} - {e.label for e in left_out})
    if unknown:
        faults = (f"{label}, of {next(rows_of(tree.path, found, label))['id']!r}" for label in unknown)
        raise SourceError(
            f"{tree.path}: classes that the tree does not have:{bullet_list(faults)}", hint=terms.load(NAME).how_to_get
        )
    names = given_names(request, kept, found)
    of_table = "no table" if request.table is None else str(request.table)
    notes = [
        *notes_on(own, found),
        f"{len(names):,} of {len({c.id(s) for c in kept for s in SCALES}):,} classes have a name in {of_table}; the "
        "others have generated ones, as none were published",
    ]
    kept = [class_of(row, names) for row in rows if not row["reason"]]
    check_names(kept, of_table)
    return Classes(tuple(kept), tuple(left_out), tuple(notes))


def notes_on(own: Mapping[str, str], found: Contents) -> list[str]:
    """What is to be told of the files: what is not there or not read, and other counts than the published ones."""
    notes = []
    for part, published in COUNTS.items():
        if part in own:
            its = sum(len(lists[own[part]]) // 2 for lists in found.spans.values() if own[part] in lists)
            notes += listed.counted(f"labelled images of {own[part]}", its, published)
        else:
            notes.append(f"{LISTS[part][0]} is not there; its images are not in the dataset")
    if "test" in own:
        notes.append(f"{own['test']} says no classes and is not read")
    if TREE not in own:
        notes.append(f"{TREE} is not there; the manifest's table is taken as it is")
    return notes


def read_leaves(manifest: Manifest) -> list[dict[str, str]]:
    """The rows of the manifest's table: leaf, node, split, why it is left out. Raises `ManifestError`."""
    rows = tables.read_own(manifest, NAME)
    for row in rows:
        full = all(isinstance(row.get(name), str) for name in ("leaf", "node", "split", "reason"))
        if not full or not row["leaf"].isdecimal() or not re.fullmatch(r"\d+\.\d+\.\d+", row["node"]):
            raise ManifestError(f"the table of {NAME} in {manifest.folder} has a row that cannot be read: {row}")
    return rows


def class_of(row: Mapping[str, str], names: Mapping[str, str]) -> FineClass:
    """The class of a row of the manifest's table, with generated names where ``names`` has none."""
    node, upper = row["node"], row["node"].rpartition(".")[0]
    fine_id, middle_id, coarse_id = fine_id_of(row["leaf"]), node_id_of(node), node_id_of(upper)
    return FineClass(
        fine_id=fine_id,
        fine=names.get(fine_id, f"product {int(row['leaf']):04d}"),
        middle_id=middle_id,
        middle=names.get(middle_id, f"group {node}"),
        coarse_id=coarse_id,
        coarse=names.get(coarse_id, f"group {upper}"),
        split=row["split"],
        path=f"{coarse_id} > {middle_id} > {fine_id}",
    )


def nodes_of(tree: Mapping[str, Any]) -> dict[str, str]:
    """Leaf → its level 3 node, of a ``product_tree.json``. Raises `SourceError` where it has another form."""
    try:
        found: dict[str, str] = {}
        for a, second in tree.items():
            for b, third in second.items():
                for c, leaves in third.items():
                    node = ".".join(NODE.fullmatch(name)[1] for name in (a, b, c))  # type: ignore[index]
                    for leaf in leaves:
                        if found.setdefault(str(int(leaf)), node) != node:
                            raise ValueError(f"the leaf {leaf} stands below {found[str(int(leaf))]} and {node}")
        return found
    except (AttributeError, TypeError, ValueError) as exc:
        raise SourceError(f"{TREE} is no tree of three levels and leaves: {exc}", hint="download it again") from exc


def check_tree(tree: Tree, name: str, known: Mapping[str, str]) -> None:
    """Compare the person's tree with the manifest's. Raises `SourceError` where a leaf stands elsewhere."""
    try:
        text = json.loads(tree.read(name).decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise SourceError(f"{tree.path}: {name} is not whole: {exc}", hint="download it again") from exc
    given = nodes_of(text)
    faults = [
        f"leaf {leaf}: {given.get(leaf, 'nowhere')}; in the manifest {known.get(leaf, 'nowhere')}"
        for leaf in sorted(given.keys() | known.keys(), key=int)
        if given.get(leaf) != known.get(leaf)
    ]
    if faults:
        raise SourceError(
            f"{tree.path}: {name} is not the tree of the manifest:{bullet_list(faults)}",
            hint=terms.load(NAME).how_to_get,
        )


def given_names(request: Request, kept: Iterable[FineClass], found: Contents) -> dict[str, str]:
    """The names that a person filled in: class id → name. Writes the table to fill where there is none.

    Raises `SourceError` for a table that cannot be read, and for ids in it that are no class.
    """
    images: Counter[str] = Counter()
    scale_of: dict[str, str] = {}
    for scale in reversed(SCALES):
        for c in kept:
            scale_of[c.id(scale)] = scale
            images[c.id(scale)] += found.count(c.fine_id) if c.fine_id in found.spans else 0
    given = tables.read_table(request.table, TABLE)
    if unknown := given.keys() - scale_of.keys():
        raise SourceError(
            f"{request.table}: ids that are no classes:{bullet_list(map(repr, sorted(unknown)))}",
            hint="move it away: the next build writes a new one, into which the names can be copied",
        )
    tables.write_table(
        request.table_to_write,
        TABLE,
        ({"id": i, "scale": s, "images": str(images[i]), "name": ""} for i, s in scale_of.items()),
    )
    return {key: row["name"] for key, row in given.items() if row["name"]}


def check_names(kept: Iterable[FineClass], table: str) -> None:
    """Raises `SourceError` where two classes of a scale have the same name."""
    of: dict[tuple[str, str], str] = {}
    for c in kept:
        for scale in SCALES:
            other = of.setdefault((scale, c.name(scale)), c.id(scale))
            if other != c.id(scale):
                raise SourceError(
                    f"{table}: the {scale} classes {other} and {c.id(scale)} are both called {c.name(scale)!r}",
                    hint="give each a name of its own",
                )


def plan(request: Request) -> list[Unit] | Listing:
    """The images of each leaf. Where files are called by ids of the lists, all are read from files; else by URL."""
    tree = tree_of(request)
    found = contents_of(tree, own_files(tree))
    images = images_of(tree)
    if images and any(stem(row["id"]) in images for label in found.spans for row in rows_of(tree.path, found, label)):
        return file_units(tree, found, images)
    faults = synsets.fault_units(found.faults)
    labels = {label: found.count(label) for label in found.spans}
    return Listing(
        units=itertools.chain(faults, link_units(tree.path, found, json.dumps(asdict(request.policy)))),
        total=len(faults) + sum(-(-count // PIECE) for count in labels.values()),
        labels=labels,
        hosts=found.hosts,
        licenses={"": sum(labels.values())},
    )


def images_of(tree: Tree) -> dict[str, str]:
    """The image files by `stem`: the first by name where several have the same."""
    found: dict[str, str] = {}
    for name in tree.files:
        if SUFFIXES.search(name):
            key = stem(name.rsplit("/", 1)[-1])
            found[key] = min(name, found.get(key, name))
    return found


def file_units(tree: Tree, found: Contents, images: Mapping[str, str]) -> list[Unit]:
    """The rows of each leaf with their files, and what is only a row or only a file."""
    units: list[Unit] = []
    used: set[str] = set()
    for label in sorted(found.spans):
        rows = []
        for row in rows_of(tree.path, found, label):
            name = images.get(stem(row["id"]))
            rows.append(Row(name or own_id(row["id"]), label, own_id(row["id"])))
            if name:
                used.add(name)
        units += listed.units_of(tree, rows, f"{label}-")
    faults = Contents(faults={status: list(its) for status, its in found.faults.items()})
    without_class = {i for i, _ in found.faults.get("unlabelled", ())}
    for name in sorted(n for n in tree.files if SUFFIXES.search(n) and n not in used):
        key = stem(name.rsplit("/", 1)[-1])
        if images[key] != name:
            faults.fault("repeated-id", own_id(key), f"{images[key]} has this id too")
        elif own_id(key) not in without_class:
            faults.fault("unlabelled", own_id(key), "in no list")
    return units + synsets.fault_units(faults.faults)


def link_units(top: Path, found: Contents, policy: str) -> Iterator[Unit]:
    """The rows of each leaf as links, in pieces. A piece is known by its rows, wherever the lists lie."""
    for label in sorted(found.spans):
        links = (Link(own_id(row["id"]), label, row["url"]) for row in rows_of(top, found, label))
        for number in itertools.count():
            piece = tuple(itertools.islice(links, PIECE))
            if not piece:
                break
            identity = hashlib.sha256(repr(piece).encode()).hexdigest()
            yield Unit(f"{label}-{number:03d}", (label,), identity, kind=policy, links=piece)


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one unit of files, or of what cannot be used."""
    return synsets.read(unit) if unit.kind in STATUS_NAMES else listed.read(unit)


def fetch(unit: Unit, wanted: Callable[[str], bool], limit: int | None, good: Mapping[str, int]) -> Iterator[Candidate]:
    """The images of one unit of URLs, see `dmlkit.sources.url_list.fetch`."""
    return url_list.fetch(unit, wanted, limit, good, NAME)
