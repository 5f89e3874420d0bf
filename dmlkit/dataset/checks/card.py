"""Check the card: its YAML must name the files, the numbers of rows and the licence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from dmlkit import terms
from dmlkit.dataset.card import config_features, size_category
from dmlkit.dataset.checks.codes import Finding
from dmlkit.dataset.checks.tables import DatasetTables
from dmlkit.dataset.folder import CARD, HIERARCHY_STEM, shard_names
from dmlkit.dataset.tables import read_front_matter
from dmlkit.errors import UnreadableDatasetError
from dmlkit.text import first_few, summarize

# The config of the classes.
CLASSES_CONFIG = "hierarchy"

# Config and split -> the patterns of its files, and -> its number of rows, as the card states them.
Patterns = Mapping[tuple[str, str], list[str]]
NumRows = Mapping[tuple[str, str], Any]


def check_card(tables: DatasetTables) -> Iterator[Finding]:
    """Compare the YAML of the card with the files."""
    if CARD not in tables.files:
        return  # E101 reports it
    try:
        fields = read_front_matter(tables.folder, CARD)
        patterns, num_rows = read_patterns(fields), dict(read_num_rows(fields))
        size_categories, features = as_texts(fields.get("size_categories", [])), dict(read_features(fields))
    except UnreadableDatasetError as exc:
        yield Finding("E203", CARD, f"its YAML cannot be used: {exc.facts['reason']}")
        return
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        yield Finding("E203", CARD, f"its YAML cannot be used: {summarize(exc)}")
        return
    yield from check_patterns(tables, patterns)
    yield from check_num_rows(tables, num_rows)
    yield from check_features(tables, features)
    if size_categories not in ([], [size_category(len(tables.images))]):
        message = f"the size category is {first_few(size_categories)} for {len(tables.images)} images"
        yield Finding("E207", CARD, message)
    yield from check_license(tables, str(fields.get("license") or ""))


def check_patterns(tables: DatasetTables, patterns: Patterns) -> Iterator[Finding]:
    """Find splits whose files are not those that the card names. A split without images is not named."""
    splits = [(spec.config, spec.split, spec.stem, len(tables.rows_of(spec))) for spec in tables.splits]
    splits.append((CLASSES_CONFIG, "train", HIERARCHY_STEM, len(tables.hierarchy)))
    for config, split, stem, num_rows in splits:
        named = patterns.get((config, split), [])
        matched = {name for name in tables.files if any(fnmatchcase(name, pattern) for pattern in named)}
        if matched != (set(shard_names(tables.files, stem)) if num_rows else set()):
            yield Finding("E203", CARD, f"its YAML does not name the files of {split} in the config {config}")


def check_num_rows(tables: DatasetTables, stated: NumRows) -> Iterator[Finding]:
    """Find splits with another number of rows than the card states. `load_dataset` fails for them."""
    counts = {(spec.config, spec.split): len(tables.rows_of(spec)) for spec in tables.splits}
    counts[CLASSES_CONFIG, "train"] = len(tables.hierarchy)
    for key, num_rows in stated.items():
        if num_rows != counts.get(key):
            message = f"{num_rows} rows in {key[1]} of {key[0]}; the files have {counts.get(key)}"
            yield Finding("E207", CARD, message)


def check_features(tables: DatasetTables, stated: Mapping[str, Any]) -> Iterator[Finding]:
    """Find configs whose columns have other types or class names than the card states, which `load_dataset` reads."""
    stems = {spec.config: spec.stem for spec in tables.splits} | {CLASSES_CONFIG: HIERARCHY_STEM}
    for config, features in stated.items():
        names = shard_names(tables.files, stems.get(config, ""))
        if not names or features != config_features({"": [tables.files[names[0]]]}):
            yield Finding("E209", CARD, f"the features of the config {config} are not those of the files")


def check_license(tables: DatasetTables, license_id: str) -> Iterator[Finding]:
    """Compare the licence of the card with that of the source."""
    source = tables.facts.source.name
    if not license_id:
        yield Finding("E203", CARD, "its YAML names no licence")
    elif terms.is_source(source) and license_id != (expected := terms.load(source).license.lower()):
        yield Finding("W504", CARD, f"its licence is {license_id}; that of {source} is {expected}")


def read_patterns(fields: Mapping[str, Any]) -> Patterns:
    """Read the patterns of each config and split. Raises what the shape of a stranger's YAML may raise."""
    return {
        (config["config_name"], entry["split"]): as_texts(entry["path"])
        for config in fields["configs"]
        for entry in config["data_files"]
    }


def read_num_rows(fields: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Read config, split and number of rows from ``dataset_info``. Raises like `read_patterns`."""
    infos = fields.get("dataset_info", [])
    for info in infos if isinstance(infos, list) else [infos]:
        for split in info.get("splits", []):
            yield (info.get("config_name", "default"), split["name"]), split["num_examples"]


def read_features(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Read config and features from ``dataset_info``, where it has them. Raises like `read_patterns`."""
    infos = fields.get("dataset_info", [])
    for info in infos if isinstance(infos, list) else [infos]:
        if "features" in info:
            yield str(info.get("config_name", "default")), info["features"]


def as_texts(value: Any) -> list[str]:
    """Return a text or a list of texts as a list. Raises `TypeError` for anything else."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in values):
        raise TypeError(f"{value!r} is not a text")
    return values
