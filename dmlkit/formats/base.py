"""What every export reads of a dataset folder, and how the new folder comes to its place.

An export appears whole or not at all, replaces an earlier one of the same dataset and form, and nothing else. Beside
the images stand ``dmlkit.json``, which says what it is, ``README.md`` with the licence, the terms and what to cite,
and ``ATTRIBUTION.csv`` where the source names authors.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from PIL import Image

from dmlkit import __version__, terms
from dmlkit.dataset.card import fenced, plain
from dmlkit.dataset.folder import ATTRIBUTION, CARD, DatasetFolder
from dmlkit.errors import UsageError, unreadable_dataset
from dmlkit.formats.dyml.sidecar import FACTS
from dmlkit.hub import ids_only as ids
from dmlkit.schema.progress import no_count_progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage import images
from dmlkit.storage.locations import folder_at
from dmlkit.storage.replace import ReplacedFolder, check_replaceable

TEXTS = ("upstream_label", "source", "source_url", "license", "author")
"""Columns that may be null; where a form has no null, they are empty there."""
FACTS_OF_IMAGES = ("image_id", *TEXTS, "width", "height", "exif_orientation", "sha256")
UNKNOWN = -1
"""Stands for a label that the dataset does not give, as it does for `datasets`."""
SAFE = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)*")
LONGEST = 72
"""Letters of a name, so that a path is short enough everywhere: a tar file has room for 100, with hash and suffix."""


@dataclass
class Exported:
    """What an export made. ``kept`` and ``converted`` count images; ``converted`` by what they were."""

    out: Path
    layout: str
    images: dict[str, int] = field(default_factory=dict)
    """By list of the layout, for example ``train``, ``bmk_fine/query``."""
    kept: int = 0
    converted: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    """What a person must know of this export, in sentences."""


def open_with_images(folder: Path) -> DatasetFolder:
    """Open a dataset folder for an export, which needs its images, classes and card.

    Raises `UnreadableDatasetError`, and `NoImagesError` for a dataset that was published as ids only.
    """
    data = DatasetFolder.open(folder)
    data.require_images()
    data.file(CARD)
    classes_by_id(data)  # classes that cannot be named are refused before anything is written
    return data


def classes_by_id(data: DatasetFolder) -> dict[str, dict[str, str]]:
    """Map the class ids of each scale to names, in the order of the integer labels."""
    return {scale: dict(zip(data.class_ids[scale], data.class_names[scale], strict=True)) for scale in SCALES}


@contextmanager
def written(data: DatasetFolder, target: Path, form: str | int) -> Iterator[Path]:
    """An empty folder that takes the place of ``target`` at the end. ``form`` is what its dmlkit.json will say.

    Raises `OutputError` where the place holds something else or cannot be written, and `UsageError` where it lies in
    the dataset folder or that cannot be read to its end.
    """
    target = Path(os.path.abspath(target))
    check_target(target, data.name, form)
    if target.resolve().is_relative_to(data.path.resolve()):
        raise UsageError(f"{target} lies in the dataset folder, which must stay as it is", hint="choose another --out")
    with ReplacedFolder(target) as writing:
        try:
            yield writing.path
            if attribution := data.files().get(ATTRIBUTION):
                shutil.copyfile(attribution, writing.path / ATTRIBUTION)
            writing.commit(no_count_progress)
        except (pa.ArrowException, yaml.YAMLError, LookupError, TypeError, AttributeError, ValueError) as exc:
            raise unreadable_dataset(data.path, exc) from exc


def check_target(target: Path, name: str, form: str | int) -> None:
    """Raise `OutputError` unless ``target`` is new, or an earlier export of the same dataset and form."""

    def describe_other(facts: Mapping[str, Any]) -> str:
        if (facts["name"], facts["format"]) == (name, form):
            return ""
        return "the export of another dataset" if facts["name"] != name else "an export in another format"

    check_replaceable(folder_at(target), FACTS, describe_other, "an export")


def write_facts(top: Path, data: DatasetFolder, form: str, done: Exported, more: Mapping[str, Any]) -> None:
    """Write ``dmlkit.json``: what the export is of, its counts, and the classes in the order of the integer labels."""
    facts = {
        "format": form,
        **{key: getattr(data, key) for key in ("name", "title", "version", "source", "layout")},
        "dmlkit": __version__,
        "images": done.images,
        **more,
        "classes": classes_by_id(data),
    }
    (top / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_readme(
    top: Path,
    data: DatasetFolder,
    what: str,
    opened: str,
    text: str,
    files: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Write ``README.md``. ``files``: for each config its splits and their patterns, which `load_dataset` reads.

    ``opened`` is Python that opens the export, ``text`` says what is where.
    """
    source_terms = terms.load_or_unknown(data.source)
    citation = data.citation or ids.citation_of(data.file(CARD).read_text(encoding="utf-8"))
    parts = [
        f"# {plain(data.title)}: {what}",
        f"Version {plain(data.version)} of the dataset `{data.name}`, from {plain(source_terms.title)}, written by "
        f"`dmlkit export` of dmlkit {__version__}.",
        fenced(opened, "python"),
        text,
        "## Licence and terms",
        plain(source_terms.conditions),
        f"The images {'may' if source_terms.redistribute else 'may **not**'} be published again."
        + (f" Source: <{source_terms.url}>" if source_terms.url else ""),
        f"## Citation\n\n{fenced(citation, 'bibtex')}" if citation else "",
    ]
    body = "\n\n".join(part for part in parts if part) + "\n"
    if files:
        fields = {
            "license": source_terms.license.lower(),
            "configs": [
                {
                    "config_name": config,
                    **({"default": True} if config == "default" else {}),
                    "description": f"content {data.content_hash}" if data.content_hash else "",
                    "data_files": [{"split": split, "path": pattern} for split, pattern in of.items()],
                }
                for config, of in files.items()
            ],
        }
        body = f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n\n{body}"
    (top / CARD).write_text(body, encoding="utf-8", newline="\n")


def configs_of(data: DatasetFolder, patterns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Config → split → pattern, of the splits whose stems are in ``patterns``: those that have images."""
    configs: dict[str, dict[str, str]] = {}
    for part in data.splits:
        if part.stem in patterns:
            configs.setdefault(part.config, {})[part.split] = patterns[part.stem]
    return configs


def label_of(row: Mapping[str, Any], scale: str) -> int:
    """The integer label of an image at one scale. Raises `ValueError` where it has none."""
    label = row[scale]
    if not isinstance(label, int) or label < 0:
        raise ValueError(f"{row['image_id']} has no {scale} label")
    return label


def bytes_of(row: Mapping[str, Any]) -> tuple[bytes, str]:
    """The bytes of an image, and the suffix of its type, told by content. Raises `ValueError`."""
    data: bytes = (row["image"] or {}).get("bytes") or b""
    try:
        with Image.open(BytesIO(data)) as image:
            return data, images.FORMATS["JPEG" if image.format == "MPO" else image.format or ""]
    except Exception as exc:  # Pillow's decoders raise many types for bad bytes
        raise ValueError(f"the image {row['image_id']} cannot be read: {exc}") from exc


def safe_name(image_id: str) -> str:
    """The id in letters that every file system and reader keeps apart, without a dot or a capital.

    An id that has others, or is long, gets a hash, so that no two ids have one name.
    """
    name = image_id.replace("/", "--", 1)
    if SAFE.fullmatch(name.replace("--", "-", 1)) and len(name) <= LONGEST:
        return name
    return f"{safe_letters(name)}-{images.sha256_hex(image_id.encode())[:16]}"


def safe_letters(name: str) -> str:
    """What is left of a name in small letters, digits and single hyphens. Two names may have the same."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower())[:LONGEST].strip("-")
