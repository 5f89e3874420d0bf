"""A list of URLs: CSV, TSV or Parquet with a label, or ImageNet's historic ``fall11_urls.txt``.

Read twice: once for its labels, so that one that no one knows stops the build before anything is fetched, and once for
its units. Neither pass holds more than a block of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from dmlkit import terms
from dmlkit.errors import SourceError, TaxonomyError
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.sources import Listing, Request, candidates
from dmlkit.sources.base import Candidate, Link, Unit
from dmlkit.sources.common import synsets
from dmlkit.storage import crawler as crawl
from dmlkit.storage import images
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.download import host_of
from dmlkit.taxonomy.manifest import Manifest

NAME = "url-list"
ROWS = 500
"""Rows that one worker takes."""

COLUMNS = ("url", "label", *SCALES, "id", "sha256", "license", "author")
FALL11 = re.compile(rb"(n\d{8})_\d+\t[^\t\n]+\s*")
FALL11_NAME = "*fall11*.txt"
IMAGE_SUFFIX = re.compile(r"(?i)\.(jpe?g|png|gif|webp|bmp)$")
BLOCK = 1 << 20


def plan(request: Request) -> Listing:
    """The units of the list, and what is known of it as a whole. Raises `SourceError` and `TaxonomyError`."""
    path = list_file(synsets.given_path(request, NAME, terms.load(NAME).how_to_get))
    labels: Counter[str] = Counter()
    hosts: Counter[str] = Counter()
    licenses: Counter[str] = Counter()
    for link in links_of(path, request.manifest):
        labels[link.upstream_label] += 1
        hosts[host_of(link.url)] += 1
        licenses[link.license or ""] += 1
    rows = sum(labels.values())
    if not rows:
        raise SourceError(f"{path} has no rows", hint=terms.load(NAME).how_to_get)
    labels.pop("", None)
    policy = json.dumps(dataclasses.asdict(request.policy))
    return Listing(
        units=units_of(path, request.manifest, policy),
        total=-(-rows // ROWS),
        labels=labels,
        hosts=hosts,
        licenses=licenses,
    )


def list_file(path: Path) -> Path:
    """The list at ``--from``, which may be the folder that the historic archive unpacks to."""
    if path.is_dir():
        found = sorted(path.glob(FALL11_NAME))
        if len(found) != 1:
            raise SourceError(f"{path} is a folder, not a list of URLs", hint=terms.load(NAME).how_to_get)
        return found[0]
    return path


def units_of(path: Path, manifest: Manifest, policy: str) -> Iterator[Unit]:
    """The list in pieces of `ROWS` rows. A piece is known by its rows, wherever the list lies."""
    links = links_of(path, manifest)
    for number in itertools.count():
        piece = tuple(itertools.islice(links, ROWS))
        if not piece:
            return
        labels = tuple(sorted({link.upstream_label for link in piece} - {""}))
        identity = hashlib.sha256(repr(piece).encode()).hexdigest()
        yield Unit(f"rows-{number:07d}", labels, identity, kind=policy, links=piece)


def links_of(path: Path, manifest: Manifest) -> Iterator[Link]:
    """Every row of a list. Raises `SourceError` for a file that is none, `TaxonomyError` for labels that clash."""
    try:
        with path.open("rb") as file:
            start = file.read(BLOCK)
        if start.startswith(b"PAR1"):
            blocks: Iterable[pa.RecordBatch] = parquet_blocks(path)
        elif FALL11.match(start):
            yield from fall11_links(path)
            return
        else:
            blocks = table_blocks(path, start)
        place = Placing(manifest)
        for block in blocks:
            for row in block.to_pylist():
                yield link_of(row, place)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as exc:
        raise SourceError(
            f"{path} cannot be read as a list: {str(exc).splitlines()[0]}", hint=terms.load(NAME).how_to_get
        ) from exc


def fall11_links(path: Path) -> Iterator[Link]:
    """``wnid_number`` TAB URL, in Latin-1."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            found = FALL11.fullmatch(line)
            if found:
                name, url = line.decode("latin-1").strip().split("\t", 1)
                yield Link(name, name.split("_")[0], url.strip())
            elif line.strip():
                yield Link(f"line-{number}", "", "", status="bad-row", detail="not an id, a tab and a URL")


def parquet_blocks(path: Path) -> Iterator[pa.RecordBatch]:
    """The known columns of a Parquet file, as text."""
    with pq.ParquetFile(path) as file:
        names = known_columns(path, file.schema_arrow.names)
        for block in file.iter_batches(10_000, columns=list(names)):
            yield pa.RecordBatch.from_arrays(
                [block.column(name).cast(pa.string()) for name in names], names=list(names.values())
            )


def table_blocks(path: Path, start: bytes) -> Iterator[pa.RecordBatch]:
    """The known columns of a CSV or TSV file. A row of another width becomes a row that cannot be read."""
    header = start.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    separator = "\t" if "\t" in header else ","
    names = known_columns(path, [name.strip().strip('"') for name in header.split(separator)])
    wrong: list[str] = []

    def note(row: Any) -> str:
        wrong.append(f"{row.actual_columns} columns in place of {row.expected_columns}")
        return "skip"

    reader = pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=list(names), column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True,
            null_values=[""],
        ),
    )  # fmt: skip
    counted = 0
    for block in reader:
        yield block.rename_columns(list(names.values()))
        for detail in wrong[counted:]:
            counted += 1
            bad = {"id": f"bad-row-{counted}", "bad-row": detail}
            yield pa.RecordBatch.from_pylist([bad])


def known_columns(path: Path, given: list[str]) -> dict[str, str]:
    """Column as it is called → the name that it is known by. Raises `SourceError` where the needed ones are missing."""
    names = {name: name.strip().lower() for name in given if name.strip().lower() in COLUMNS}
    again = [name for name, count in Counter(names.values()).items() if count > 1]
    if again:
        raise SourceError(f"{path} has several columns {again[0]}", hint=terms.load(NAME).how_to_get)
    if "url" not in names.values() or not {"label", "fine"} & set(names.values()):
        raise SourceError(
            f"{path} has the columns {', '.join(given)[:200]}; it needs url, and label or fine",
            hint=terms.load(NAME).how_to_get,
        )
    return names


class Placing:
    """Labels of a list → those of the manifest: an id as it is, a fine class's name as its id."""

    def __init__(self, manifest: Manifest) -> None:
        self._ids = {c.fine: c.fine_id for c in manifest.classes}
        self._classes = {c.fine_id: c for c in manifest.classes}
        self._agreed: set[tuple[str, ...]] = set()

    def label(self, row: Mapping[str, str | None]) -> str:
        """The label of a row. Raises `TaxonomyError` where middle or coarse are not those of its fine class."""
        given = (row.get("label") or row.get("fine") or "").strip()
        label = self._ids.get(given, given) if given not in self._classes else given
        uppers = tuple((row.get(scale) or "").strip() for scale in SCALES[1:])
        if label in self._classes and any(uppers) and (label, *uppers) not in self._agreed:
            its = self._classes[label]
            for scale, upper in zip(SCALES[1:], uppers, strict=True):
                if upper and upper not in (its.id(scale), its.name(scale)):
                    raise TaxonomyError(
                        f"the list has {given!r} below the {scale} class {upper!r}; in the manifest it stands below "
                        f"{its.name(scale)} ({its.id(scale)})",
                        hint="mend the list, or leave the column out",
                    )
            self._agreed.add((label, *uppers))
        return label


def link_of(row: Mapping[str, str | None], place: Placing) -> Link:
    """A row as a link. Without an id, the URL makes one."""
    url = (row.get("url") or "").strip()
    given = (row.get("id") or "").strip()
    if row.get("bad-row"):
        return Link(given, "", "", status="bad-row", detail=row["bad-row"] or "")
    name = IMAGE_SUFFIX.sub("", given) or hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:20]
    label = place.label(row)
    return Link(
        upstream_id=candidates.upstream_id(f"{name}.x".replace("/", "_").replace("\\", "_")),
        upstream_label=label,
        url=url,
        sha256=(row.get("sha256") or "").strip().lower(),
        license=row.get("license"),
        author=row.get("author"),
        status=None if label else "unlabelled",
        detail="" if label else "the row has no label",
    )


def fetch(
    unit: Unit, wanted: Callable[[str], bool], limit: int | None, good: Mapping[str, int], source: str = NAME
) -> Iterator[Candidate]:
    """The images of a unit as they come; those whose label is not ``wanted`` are named and not fetched.

    With a ``limit``, of each label no more are fetched than are needed for that number of ``good`` ones, which the
    caller counts: in the order of `order_key` of their ids in ``source``, in rounds.
    """
    fetched: dict[str, list[Link]] = {}
    for link in unit.links:
        if link.status is not None or not wanted(link.upstream_label):
            yield candidate(link, None)
        else:
            fetched.setdefault(link.upstream_label, []).append(link)
    crawler = crawl.shared_crawler(CrawlPolicy(**json.loads(unit.kind)))
    for links in fetched.values() if limit is not None else ():
        links.sort(key=lambda link: order_key(f"{source}/{link.upstream_id}"), reverse=True)
    while True:
        batch: list[Link] = []
        for label, links in fetched.items():
            most = len(links) if limit is None else limit - good[label]
            batch += [links.pop() for _ in range(min(most, len(links)))]
        if not batch:
            break
        for answer in crawler.answers((key, link.url) for key, link in enumerate(batch)):
            yield candidate(batch[answer.key], answer)
    for links in fetched.values():
        yield from (candidate(link, None) for link in links)


def candidate(link: Link, answer: crawl.Answer | None) -> Candidate:
    """A link with what came of it. Without an answer it was not fetched."""
    status, detail = (link.status, link.detail) if answer is None else (answer.status, answer.detail)
    data = b"" if answer is None else answer.data
    if answer is not None and status is None and link.sha256 and images.sha256_hex(data) != link.sha256:
        status, detail = "changed", f"sha256 {images.sha256_hex(data)}"
    read_bytes = partial(io.BytesIO(data).read) if answer is not None and status is None else unread
    return Candidate(
        link.upstream_id,
        link.upstream_label,
        read_bytes if status is None else None,
        status,
        detail,
        source_url=link.url or None,
        license=link.license,
        author=link.author,
    )


def unread() -> bytes:
    raise OSError("it was not fetched")
