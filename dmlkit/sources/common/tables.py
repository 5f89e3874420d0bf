"""Tables beside a manifest or a dataset: the manifest's rules for a source, and what a person fills in."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dmlkit.errors import ManifestError, SourceError
from dmlkit.taxonomy.manifest import Manifest


def rules_of(manifest: Manifest, source: str) -> Mapping[str, Any]:
    """The section of the manifest for a source. Raises `ManifestError` where there is none."""
    section: Mapping[str, Any] | None = manifest.settings.get(source)
    if not isinstance(section, Mapping):
        raise ManifestError(f"the manifest {manifest.name} takes the source {source} and has no section [{source}]")
    return section


def read_own(manifest: Manifest, source: str) -> list[dict[str, str]]:
    """The rows of the table that the manifest holds for a source. Raises `ManifestError`."""
    path = manifest.folder / str(rules_of(manifest, source).get("table", ""))
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise ManifestError(f"the table {path} cannot be read: {exc}") from exc


def read_table(path: Path | None, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """A table that a person fills: the first of ``columns`` → the row. Empty where the file is not there yet.

    Read as spreadsheets write it, too: with commas or semicolons for tabs, quoted, in UTF-8 or with the byte order mark
    of UTF-16, with other columns and empty rows. Raises `SourceError`.
    """
    if path is None or not path.exists():
        return {}
    try:
        data = path.read_bytes()
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
        delimiter = next((d for d in "\t;," if d in text.partition("\n")[0]), "\t")
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        if missing := [name for name in columns if name not in (reader.fieldnames or [])]:
            raise SourceError(
                f"{path} has no column {missing[0]}; its columns are {', '.join(reader.fieldnames or ['none'])}",
                hint="put it back; or move the table away, and the next build writes an empty one",
            )
        rows = [{name: (row[name] or "").strip() for name in columns} for row in reader]
    except (OSError, UnicodeError, csv.Error) as exc:
        raise SourceError(f"the table {path} cannot be read: {exc}", hint="save it as text in UTF-8 with tabs") from exc
    rows = [row for row in rows if any(row.values())]
    again = [key for key, count in Counter(row[columns[0]] for row in rows).items() if count > 1]
    if again:
        raise SourceError(f"{path}: {columns[0]} {again[0]!r} stands twice", hint="take one row away")
    return {row[columns[0]]: row for row in rows}


def write_table(path: Path | None, columns: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a table for a person to fill, where there is none yet; whole or not at all. Raises `SourceError`."""
    if path is None or path.exists():
        return
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(unfinished, path)
    except OSError as exc:
        raise SourceError(
            f"the table {path} cannot be written: {exc.strerror or exc}", hint="choose another --table"
        ) from exc
