"""Tables beside a manifest or a dataset: the manifest's rules for a source, and what a person fills in."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dmlkit.errors import ManifestError, SourceError
from dmlkit.sources.base import BlankTable
from dmlkit.taxonomy.manifest import Manifest


def manifest_section(manifest: Manifest, source: str) -> Mapping[str, Any]:
    """Return the section of the manifest for a source. Raises `ManifestError` if there is none."""
    section: Mapping[str, Any] | None = manifest.settings.get(source)
    if not isinstance(section, Mapping):
        raise ManifestError(
            f"the manifest {manifest.name} takes the source {source} and has no section [{source}]",
            code="manifest.no-section",
            manifest=manifest.name,
            source=source,
        )
    return section


def read_manifest_table(manifest: Manifest, source: str) -> list[dict[str, str]]:
    """Read the table that the manifest holds for a source. Raises `ManifestError`."""
    path = manifest.folder / str(manifest_section(manifest, source).get("table", ""))
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise ManifestError(
            f"the table {path} cannot be read: {exc}", code="manifest.unreadable-table", path=path
        ) from exc


def read_filled_table(path: Path | None, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Read a table that a person fills in: the first of ``columns`` -> the row. Empty if the file does not exist yet.

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
                code="source.table-column",
                hint="put it back; or move the table away, and the next build writes an empty one",
                path=path,
                column=missing[0],
            )
        rows = [{name: (row[name] or "").strip() for name in columns} for row in reader]
    except (OSError, UnicodeError, csv.Error) as exc:
        raise SourceError(
            f"the table {path} cannot be read: {exc}",
            code="source.table-unreadable",
            hint="save it as text in UTF-8 with tabs",
            path=path,
        ) from exc
    rows = [row for row in rows if any(row.values())]
    repeated = [key for key, count in Counter(row[columns[0]] for row in rows).items() if count > 1]
    if repeated:
        raise SourceError(
            f"{path}: {columns[0]} {repeated[0]!r} is there twice",
            code="source.table-row-twice",
            hint="take one row away",
            path=path,
            column=columns[0],
            value=repeated[0],
        )
    return {row[columns[0]]: row for row in rows}


def write_blank_table(path: Path, table: BlankTable) -> None:
    """Write a table for a person to fill in, whole or not at all, and never over another. Raises `SourceError`."""
    if path.exists():
        return
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, table.columns, delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(table.rows)
        os.replace(unfinished, path)
    except OSError as exc:
        raise SourceError(
            f"the table {path} cannot be written: {exc.strerror or exc}",
            code="source.table-unwritable",
            hint="choose another --table",
            path=path,
        ) from exc
