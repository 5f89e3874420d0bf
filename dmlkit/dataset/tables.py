"""Read single files of a dataset folder: Parquet by row groups, ``build.json``, the YAML of the card.

Every function takes the folder and the file's name in it, and raises `UnreadableDatasetError` with the facts ``path``
(the folder), ``name`` (the file) and ``reason``. Codes:

- ``dataset.bad-facts``: build.json is not JSON, of another format, or lacks a value
- ``dataset.bad-parquet``: a Parquet file is damaged
- ``dataset.wrong-columns``: a Parquet file has other columns, types or features than a dataset folder
- ``dataset.bad-value``: a row lacks a value, or has one that cannot be
- ``dataset.bad-checksums``: SHA256SUMS is not lines of hash and name
- ``dataset.bad-card``: README.md has no YAML that can be used
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from dmlkit.dataset.facts import DatasetFacts
from dmlkit.errors import UnreadableDatasetError
from dmlkit.schema.features import image_features
from dmlkit.schema.scales import SCALES
from dmlkit.text import first_few, printable, summarize

# Bytes: more than build.json has. 100,000 missing classes stay below.
MAX_FACTS_BYTES = 50_000_000
# Bytes of a card, and characters of its YAML: ten thousand class names stay below.
MAX_CARD_BYTES, MAX_YAML_CHARACTERS = 2_000_000, 500_000

# What pyarrow raises for files that are damaged or not Parquet.
PARQUET_ERRORS = (pa.ArrowException, ValueError, OSError, MemoryError, KeyError, IndexError)

T = TypeVar("T")


def explain(folder: Path, name: str, reason: BaseException | str) -> dict[str, Any]:
    """Make the message, the hint and the facts of an error about one file of a dataset folder."""
    why = printable(reason) if isinstance(reason, str) else summarize(reason)
    return {
        "message": f"cannot read {folder} as a dataset folder: {f'{printable(name)}: ' if name else ''}{why}",
        "hint": f"run: dmlkit validate {folder}",
        "path": folder,
        "name": name,
        "reason": why,
    }


def read_facts(folder: Path, name: str) -> DatasetFacts:
    """Read the facts of a ``build.json``."""
    path = folder / name
    try:
        if (num_bytes := path.stat().st_size) > MAX_FACTS_BYTES:
            raise ValueError(f"{num_bytes:,} bytes")
        return DatasetFacts.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, OSError, RecursionError) as exc:
        raise UnreadableDatasetError(**explain(folder, name, str(exc)), code="dataset.bad-facts") from exc


def read_front_matter(folder: Path, name: str) -> dict[str, Any]:
    """Read the YAML at the head of a card."""
    path = folder / name
    try:
        if (num_bytes := path.stat().st_size) > MAX_CARD_BYTES:
            raise ValueError(f"a card of {num_bytes:,} bytes")
        return parse_front_matter(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError, yaml.YAMLError) as exc:
        raise UnreadableDatasetError(**explain(folder, name, exc), code="dataset.bad-card") from exc


def parse_front_matter(card: str) -> dict[str, Any]:
    """Parse the YAML between the two lines of ``---`` at the head of a card.

    Raises `ValueError`, `yaml.YAMLError` or `RecursionError` for a card without one.
    """
    lines = card.splitlines()
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        raise ValueError("no YAML between two lines of ---")
    text = "\n".join(lines[1 : lines.index("---", 1)])
    if len(text) > MAX_YAML_CHARACTERS:
        raise ValueError(f"YAML of {len(text):,} characters")
    fields = yaml.load(text, PlainLoader)
    if not isinstance(fields, dict):
        raise ValueError("its YAML is not a mapping")
    return fields


class PlainLoader(yaml.SafeLoader):
    """YAML without aliases, which can make a small text endless, and without repeated keys, as `datasets` wants it."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("it has aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            raise ValueError(f"a repeated key among: {first_few(keys)}")
        return super().construct_mapping(node, deep)


def read_schema(folder: Path, name: str) -> pa.Schema:
    """Read the columns of a Parquet file."""
    return _read_parquet(folder, name, pq.read_schema)


def read_table(folder: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a small Parquet file, or some columns of a larger one, whole, and check that its texts are UTF-8."""
    table = _read_parquet(
        folder, name, lambda path: pq.read_table(path, columns=None if columns is None else list(columns))
    )
    _read_parquet(folder, name, lambda _: table.validate(full=True))
    return table


def read_num_rows(folder: Path, name: str) -> int:
    """Count the rows of a Parquet file by its metadata."""
    return int(_read_parquet(folder, name, pq.read_metadata).num_rows)


def read_batches(
    folder: Path, name: str, columns: Sequence[str] | None, max_rows: int, groups: Sequence[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Read a Parquet file, or some of its row groups, at most ``max_rows`` rows at a time.

    One row group is opened at a time: asked for all of them at once, pyarrow keeps what it has read.
    """
    try:
        with pq.ParquetFile(folder / name) as file:
            for group in range(file.num_row_groups) if groups is None else groups:
                yield from file.iter_batches(
                    max_rows, row_groups=[group], columns=None if columns is None else list(columns)
                )
    except PARQUET_ERRORS as exc:
        raise UnreadableDatasetError(**explain(folder, name, exc), code="dataset.bad-parquet") from exc


def read_group_sizes(folder: Path, name: str) -> list[int]:
    """Read the number of rows of each row group of a Parquet file."""
    metadata = _read_parquet(folder, name, pq.read_metadata)
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def _read_parquet(folder: Path, name: str, read: Callable[[Path], T]) -> T:
    try:
        return read(folder / name)
    except PARQUET_ERRORS as exc:
        raise UnreadableDatasetError(**explain(folder, name, str(exc)), code="dataset.bad-parquet") from exc


def check_columns(folder: Path, name: str, schema: pa.Schema, expected: pa.Schema) -> None:
    """Refuse a Parquet file whose columns have other names, another order or other types than ``expected``."""
    reason = ""
    if schema.names != expected.names:
        reason = f"the columns are {', '.join(schema.names)}; not {', '.join(expected.names)}"
    else:
        pairs = zip(schema, expected, strict=True)
        reason = first_few(
            f"{have.name} is {have.type}, not {want.type}" for have, want in pairs if have.type != want.type
        )
    if reason:
        raise UnreadableDatasetError(**explain(folder, name, reason), code="dataset.wrong-columns")


def read_class_names(folder: Path, name: str, schema: pa.Schema, *, images: bool = True) -> dict[str, list[str]]:
    """Check the columns of a file of ``data/`` and read the class names of each scale from its metadata.

    ``images`` is False in a folder of ids only, whose files lack the column ``image``.
    """
    check_columns(folder, name, schema, _image_schema({scale: ["any"] for scale in SCALES}, images))
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        names = {scale: [str(text) for text in features[scale]["names"]] for scale in SCALES}
        expected = {key: value for key, value in image_features(names).to_dict().items() if images or key != "image"}
    except (KeyError, ValueError, TypeError, RecursionError) as exc:
        reason = f"its metadata do not hold the features that `datasets` needs: {summarize(exc)}"
        raise UnreadableDatasetError(**explain(folder, name, reason), code="dataset.wrong-columns") from exc
    if features != expected:
        reason = "the features in its metadata, which `datasets` reads, are not those of its columns"
        raise UnreadableDatasetError(**explain(folder, name, reason), code="dataset.wrong-columns")
    return names


def check_rows(folder: Path, name: str, batch: pa.RecordBatch, class_names: Mapping[str, list[str]]) -> None:
    """Refuse images without an id or a size, and with a label that is not that of a class.

    A label can be null in an official release.
    """
    check_no_nulls(folder, name, batch, ("image_id", "width", "height"))
    limits = {"width": (1, 2**31), "height": (1, 2**31)} | {scale: (0, len(class_names[scale])) for scale in SCALES}
    for column, (least, end) in limits.items():
        if column in batch.schema.names:
            bounds = pc.min_max(batch[column]).as_py()
            if bounds["min"] is not None and not least <= bounds["min"] <= bounds["max"] < end:
                reason = f"{column} is out of its range"
                raise UnreadableDatasetError(**explain(folder, name, reason), code="dataset.bad-value")


def check_no_nulls(folder: Path, name: str, rows: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> None:
    """Refuse rows that lack a value in one of these columns."""
    for column in columns:
        if column in rows.schema.names and rows[column].null_count:
            reason = f"{column} is missing in {rows[column].null_count} rows"
            raise UnreadableDatasetError(**explain(folder, name, reason), code="dataset.bad-value")


def _image_schema(names: Mapping[str, list[str]], images: bool) -> pa.Schema:
    schema = image_features(names).arrow_schema
    return schema if images else schema.remove(schema.get_field_index("image"))
