"""A list of URLs: CSV, TSV or Parquet with a label, or ImageNet's historic ``fall11_urls.txt``.

Read twice: once for its labels, so that one that no one knows stops the build before anything is fetched, and once for
its units. Neither pass holds more than a block of it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from dmlkit import terms
from dmlkit.errors import SourceError, TaxonomyError
from dmlkit.schema.scales import SCALES
from dmlkit.sources import candidates
from dmlkit.sources.base import Candidate, Link, LinkedImages, LinkSource, Listing, PlanRequest, Unit
from dmlkit.sources.common.links import fetch_links, plan_links
from dmlkit.sources.common.paths import require_path
from dmlkit.storage.download import host_of
from dmlkit.taxonomy.manifest import Manifest

NAME = "url-list"

# Rows that one worker takes.
ROWS_PER_UNIT = 500

# Rows of a Parquet file that are read at once.
ROWS_PER_BLOCK = 10_000

# Bytes of a CSV file that are read at once.
BLOCK = 1 << 20

COLUMNS = ("url", "label", *SCALES, "id", "sha256", "license", "author")
FALL11_LINE = re.compile(rb"(n\d{8})_\d+\t[^\t\n]+\s*")
FALL11_FILES = "*fall11*.txt"
IMAGE_SUFFIX = re.compile(r"(?i)\.(jpe?g|png|gif|webp|bmp)$")


class UrlList(LinkSource):
    """Pieces of the list."""

    name = NAME

    def plan(self, request: PlanRequest) -> Listing:
        """Count what is in the list, and cut it into units. Raises `SourceError` and `TaxonomyError`."""
        path = self.find_list(require_path(request.path, self.name, self.how_to_get))
        labels: Counter[str] = Counter()
        hosts: Counter[str] = Counter()
        licenses: Counter[str] = Counter()
        for link in self.read_links(path, request.manifest):
            labels[link.upstream_label] += 1
            hosts[host_of(link.url)] += 1
            licenses[link.license or ""] += 1
        num_rows = sum(labels.values())
        if not num_rows:
            raise SourceError(f"{path} has no rows", code="source.empty-list", hint=self.how_to_get, path=path)
        labels.pop("", None)
        links = self.read_links(path, request.manifest)
        return Listing(
            units=plan_links(links, "rows-", 7, ROWS_PER_UNIT, request.policy),
            num_units=-(-num_rows // ROWS_PER_UNIT),
            labels=labels,
            hosts=hosts,
            licenses=licenses,
        )

    def fetch(
        self, unit: Unit, wanted: Callable[[str], bool], limit: int | None, good: Mapping[str, int]
    ) -> Iterator[Candidate]:
        """Fetch the images of one unit, see `dmlkit.sources.common.links.fetch_links`."""
        assert isinstance(unit.payload, LinkedImages)
        return fetch_links(unit.payload, wanted, limit, good, self.name)

    def find_list(self, path: Path) -> Path:
        """Return the list at ``--from``, which may be the folder that the historic archive unpacks to."""
        if not path.is_dir():
            return path
        lists = sorted(path.glob(FALL11_FILES))
        if len(lists) != 1:
            raise SourceError(
                f"{path} is a folder, not a list of URLs", code="source.not-a-list", hint=self.how_to_get, path=path
            )
        return lists[0]

    def read_links(self, path: Path, manifest: Manifest) -> Iterator[Link]:
        """Read every row of a list. Raises `SourceError` for other files, `TaxonomyError` for labels that clash."""
        try:
            with path.open("rb") as file:
                start = file.read(BLOCK)
            if FALL11_LINE.match(start):
                yield from read_fall11_links(path)
                return
            blocks = read_parquet(path) if start.startswith(b"PAR1") else read_table(path, start)
            mapper = LabelMapper(manifest)
            for block in blocks:
                for row in block.to_pylist():
                    yield to_link(row, mapper)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as exc:
            raise SourceError(
                f"{path} cannot be read as a list: {str(exc).splitlines()[0]}",
                code="source.unreadable-list",
                hint=self.how_to_get,
                path=path,
            ) from exc


def read_fall11_links(path: Path) -> Iterator[Link]:
    """Read lines of ``wnid_number`` TAB URL, in Latin-1."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if FALL11_LINE.fullmatch(line):
                name, url = line.decode("latin-1").strip().split("\t", 1)
                yield Link(name, name.split("_")[0], url.strip())
            elif line.strip():
                yield Link(f"line-{number}", "", "", status="bad-row", detail="not an id, a tab and a URL")


def read_parquet(path: Path) -> Iterator[pa.RecordBatch]:
    """Read the known columns of a Parquet file, as text."""
    with pq.ParquetFile(path) as file:
        names = known_columns(path, file.schema_arrow.names)
        for block in file.iter_batches(ROWS_PER_BLOCK, columns=list(names)):
            yield pa.RecordBatch.from_arrays(
                [block.column(name).cast(pa.string()) for name in names], names=list(names.values())
            )


def read_table(path: Path, start: bytes) -> Iterator[pa.RecordBatch]:
    """Read the known columns of a CSV or TSV file. A row of another width becomes a row that cannot be read.

    ``start`` are the first bytes of the file.
    """
    header = start.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    separator = "\t" if "\t" in header else ","
    names = known_columns(path, [name.strip().strip('"') for name in header.split(separator)])
    wrong: list[str] = []

    def skip_row(row: Any) -> str:
        wrong.append(f"{row.actual_columns} columns in place of {row.expected_columns}")
        return "skip"

    reader = pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=skip_row
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=list(names), column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True,
            null_values=[""],
        ),
    )  # fmt: skip
    num_reported = 0
    for block in reader:
        yield block.rename_columns(list(names.values()))
        for detail in wrong[num_reported:]:
            num_reported += 1
            yield pa.RecordBatch.from_pylist([{"id": f"bad-row-{num_reported}", "bad-row": detail}])


def known_columns(path: Path, columns: list[str]) -> dict[str, str]:
    """Map columns as they are called to the names that are known. Raises `SourceError` if needed ones are missing."""
    names = {name: name.strip().lower() for name in columns if name.strip().lower() in COLUMNS}
    repeated = [name for name, count in Counter(names.values()).items() if count > 1]
    if repeated:
        raise SourceError(
            f"{path} has several columns {repeated[0]}",
            code="source.repeated-column",
            hint=terms.load(NAME).how_to_get,
            path=path,
            column=repeated[0],
        )
    if "url" not in names.values() or not {"label", "fine"} & set(names.values()):
        raise SourceError(
            f"{path} has the columns {', '.join(columns)[:200]}; it needs url, and label or fine",
            code="source.missing-columns",
            hint=terms.load(NAME).how_to_get,
            path=path,
            columns=tuple(columns),
        )
    return names


class LabelMapper:
    """Maps labels of a list to those of the manifest: an id as it is, a fine class's name to its id."""

    def __init__(self, manifest: Manifest) -> None:
        self._ids = {c.fine: c.fine_id for c in manifest.classes}
        self._classes = {c.fine_id: c for c in manifest.classes}
        self._agreed: set[tuple[str, ...]] = set()

    def label(self, row: Mapping[str, str | None]) -> str:
        """Return the label of a row. Raises `TaxonomyError` if middle or coarse are not those of its fine class."""
        name = (row.get("label") or row.get("fine") or "").strip()
        label = self._ids.get(name, name) if name not in self._classes else name
        uppers = tuple((row.get(scale) or "").strip() for scale in SCALES[1:])
        if label in self._classes and any(uppers) and (label, *uppers) not in self._agreed:
            for scale, upper in zip(SCALES[1:], uppers, strict=True):
                self._check_upper(label, name, scale, upper)
            self._agreed.add((label, *uppers))
        return label

    def _check_upper(self, label: str, name: str, scale: str, upper: str) -> None:
        fine_class = self._classes[label]
        if upper and upper not in (fine_class.id(scale), fine_class.name(scale)):
            raise TaxonomyError(
                f"the list has {name!r} below the {scale} class {upper!r}; in the manifest it is below "
                f"{fine_class.name(scale)} ({fine_class.id(scale)})",
                code="taxonomy.list-disagrees",
                hint="mend the list, or leave the column out",
                label=label,
                scale=scale,
                upper=upper,
            )


def to_link(row: Mapping[str, str | None], mapper: LabelMapper) -> Link:
    """Make a link of a row. Without an id, the URL makes one."""
    url = (row.get("url") or "").strip()
    row_id = (row.get("id") or "").strip()
    if row.get("bad-row"):
        return Link(row_id, "", "", status="bad-row", detail=row["bad-row"] or "")
    name = IMAGE_SUFFIX.sub("", row_id) or hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:20]
    label = mapper.label(row)
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
