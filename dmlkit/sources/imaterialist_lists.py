"""The lists of iMaterialist Product 2019: a million rows in no order, read once for where the rows of each leaf are."""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from dmlkit.errors import SourceError
from dmlkit.sources.common.listed import plain_id
from dmlkit.sources.common.paths import unreadable_path
from dmlkit.storage.download import host_of

NAME = "imaterialist-2019"

# Bytes of a list that are read at once.
BLOCK = 1 << 20

# Bytes that no row of a list has.
MAX_ROW_BYTES = 1 << 16

LIST_START = re.compile(r'"images"\s*:\s*\[')
BETWEEN_ROWS = re.compile(r"[\s,]*")
SUFFIXES = re.compile(r"(?i)(\.(jpe?g|png|gif|webp|bmp))+$")


class ListRow(NamedTuple):
    """One row of a list."""

    id: str
    url: str


@dataclass(frozen=True)
class ProductLists:
    """What the lists below ``top`` say, without their rows.

    ``spans``: label -> list -> the first byte of each row and the one behind its last, in turn. ``hosts``: host ->
    number of rows. ``rejected``: status -> (id, reason) of rows that cannot be used.
    """

    top: Path
    spans: Mapping[str, Mapping[str, array[int]]]
    hosts: Mapping[str, int]
    rejected: Mapping[str, tuple[tuple[str, str], ...]]

    def count(self, label: str) -> int:
        """Return the number of images under a label."""
        return sum(len(spans) // 2 for spans in self.spans.get(label, {}).values())

    def count_list(self, name: str) -> int:
        """Return the number of labelled images of a list."""
        return sum(len(spans[name]) // 2 for spans in self.spans.values() if name in spans)

    def rows(self, label: str) -> Iterator[ListRow]:
        """Read the rows of one label. Raises `SourceError` if a list is not as it was."""
        for name, spans in self.spans[label].items():
            try:
                with (self.top / name).open("rb", buffering=0) as file:
                    for start, end in zip(spans[::2], spans[1::2], strict=True):
                        file.seek(start)
                        row = json.loads(file.read(end - start).decode("utf-8", "replace"))
                        yield ListRow(str(row["id"]), row_url(row))
            except (OSError, ValueError, KeyError, TypeError) as exc:
                raise SourceError(
                    f"{self.top}: {name} was changed while it was read",
                    code="source.changed",
                    hint="run the command again",
                    path=self.top,
                    name=name,
                ) from exc


@lru_cache(maxsize=1)
def read_lists(top: Path, lists: tuple[tuple[str, str], ...]) -> ProductLists:
    """Read the lists by name, each with what changes when it does: planning asks again for what was just read.

    Raises `SourceError` for a list that is not JSON, or cut off.
    """
    spans: dict[str, dict[str, array[int]]] = {}
    starts: Counter[str] = Counter()  # of URLs, up to the host's end: few are looked at, not a million
    rejected: dict[str, list[tuple[str, str]]] = {}
    for name, _ in lists:
        num_rows = 0
        try:
            for num_rows, (start, end, row) in enumerate(scan_rows(top / name), start=1):
                if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not cut_suffixes(row["id"]):
                    rejected.setdefault("bad-row", []).append((f"{Path(name).stem}-row-{num_rows}", "it has no id"))
                elif row.get("class") is None:
                    rejected.setdefault("unlabelled", []).append((own_id(row["id"]), f"{name} says no class"))
                else:
                    by_list = spans.setdefault(label_of(row["class"]), {})
                    by_list.setdefault(name, array("q")).extend((start, end))
                    starts["/".join(row_url(row).split("/", 3)[:3])] += 1
        except (ValueError, RecursionError) as exc:
            raise SourceError(
                f"{top}: {name} is not whole: {exc}, after {num_rows:,} rows",
                code="source.incomplete-list",
                hint="download it again; it may have been cut off",
                path=top,
                name=name,
                count=num_rows,
            ) from exc
        except OSError as exc:
            raise unreadable_path(top, exc, name=name) from exc
    hosts: Counter[str] = Counter()
    for url, count in starts.items():
        hosts[host_of(url)] += count
    return ProductLists(top, spans, hosts, {status: tuple(entries) for status, entries in rejected.items()})


def scan_rows(path: Path) -> Iterator[tuple[int, int, Any]]:
    """Read every row of a list, with its first byte and the one behind its last.

    Raises `ValueError` for other texts.
    """
    decode = json.JSONDecoder().raw_decode
    with path.open("rb") as file:
        # Latin-1 has one letter a byte; what is between quotes may come out wrong, but not where it ends.
        offset, text = 0, file.read(BLOCK).decode("latin-1")
        start = LIST_START.search(text)
        if not start:
            raise ValueError('no list "images"')
        position = start.end()
        while True:
            if len(text) - position < MAX_ROW_BYTES:
                text, offset = text[position:] + file.read(BLOCK).decode("latin-1"), offset + position
                position = 0
            position += len(BETWEEN_ROWS.match(text, position)[0])  # type: ignore[index]
            if text[position : position + 1] == "]":
                return
            row, end = decode(text, position)
            yield offset + position, offset + end, row
            position = end


def label_of(number: Any) -> str:
    """Return the fine class of the ``class`` of a row; for what is not a number, a label that no one knows."""
    text = str(number)
    return fine_id(text) if re.fullmatch("[0-9]{1,9}", text) else repr(number)[:80]


def fine_id(leaf: str) -> str:
    """Return the id of the fine class of a leaf."""
    return f"{NAME}-{int(leaf):04d}"


def row_url(row: Mapping[str, Any]) -> str:
    """Return the URL of a row, empty if it has none."""
    url = row.get("url")
    return url.strip().encode("utf-8", "replace").decode() if isinstance(url, str) else ""


def own_id(name: str) -> str:
    """Return the id of an image in the source, from the id of a row or the name of a file."""
    return plain_id(cut_suffixes(name))


def cut_suffixes(name: str) -> str:
    """Cut the suffixes of an id, or of the name of a file: downloaders have written ``<id>.jpg.jpg`` too."""
    return SUFFIXES.sub("", name)
