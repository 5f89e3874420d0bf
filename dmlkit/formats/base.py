"""What all exports share: reading the dataset, replacing the earlier export, texts, safe names.

An export appears whole or not at all, replaces an earlier one of the same dataset and format, and nothing else. Beside
the images are ``dmlkit.json``, which states what it is, ``README.md`` with the licence, the terms and what to cite,
and ``ATTRIBUTION.csv`` if the source names authors.
"""

from __future__ import annotations

import json
import os
import re
import shutil
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
from dmlkit.dataset.checksums import describe_content
from dmlkit.dataset.folder import ATTRIBUTION, CARD, DatasetFolder
from dmlkit.dataset.markdown import fenced, plain
from dmlkit.errors import UnreadableDatasetError, UsageError, unreadable_dataset
from dmlkit.formats.dyml.sidecar import FACTS
from dmlkit.schema.progress import no_count_progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage import images
from dmlkit.storage.locations import folder_at
from dmlkit.storage.replace import ReplacedFolder, check_replaceable
from dmlkit.text import summarize

# Columns with what is known of an image besides its labels.
IMAGE_FACTS = (
    *("image_id", "upstream_label", "source", "source_url", "license", "author"),
    *("width", "height", "exif_orientation", "sha256"),
)
# Stands for a label that the dataset does not give, as it does for `datasets`.
UNKNOWN_LABEL = -1
SAFE = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)*")
# Letters of a name, so that a path is short enough everywhere: a tar file has room for 100, with hash and suffix.
MAX_NAME = 72


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote.

    ``images`` counts by list of the layout, for example ``train`` or ``bmk_fine/query``. ``kept`` counts the images
    whose bytes stayed as they are, ``converted`` the others by what they were. ``copied`` counts files of further test
    sets that could not be links. ``notes`` are sentences that a person must know of this export.
    """

    out: Path
    layout: str
    images: dict[str, int]
    kept: int
    converted: dict[str, int] = field(default_factory=dict)
    copied: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportReadme:
    """The texts of an export's README.md: what it is, Python that opens it, and what is where.

    ``patterns``: for each config its splits and the patterns of their files, which `load_dataset` reads.
    """

    title: str
    usage: str
    contents: str
    patterns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


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
def replacing_export(data: DatasetFolder, target: Path, format_name: str | int) -> Iterator[Path]:
    """Open an empty folder that takes the place of ``target`` at the end. ``format_name`` is for its dmlkit.json.

    Raises `OutputError` if ``target`` holds something else or cannot be written, and `UsageError` if it is inside the
    dataset folder or that cannot be read to its end.
    """
    target = Path(os.path.abspath(target))
    raise_if_foreign(target, data.name, format_name)
    if target.resolve().is_relative_to(data.path.resolve()):
        raise UsageError(
            f"{target} is inside the dataset folder, which must stay as it is",
            code="formats.inside-dataset",
            hint="choose another --out",
            path=target,
        )
    with ReplacedFolder(target) as writing:
        try:
            yield writing.path
            if attribution := data.files().get(ATTRIBUTION):
                shutil.copyfile(attribution, writing.path / ATTRIBUTION)
            writing.commit(no_count_progress)
        except (pa.ArrowException, LookupError, TypeError, AttributeError, ValueError) as exc:  # of damaged rows
            raise unreadable_dataset(data.path, exc) from exc


def raise_if_foreign(target: Path, name: str, format_name: str | int) -> None:
    """Raise `OutputError` unless ``target`` is new, or an earlier export of the same dataset and format."""

    def describe_other(facts: Mapping[str, Any]) -> str:
        if (facts["name"], facts["format"]) == (name, format_name):
            return ""
        return "the export of another dataset" if facts["name"] != name else "an export in another format"

    check_replaceable(folder_at(target), FACTS, describe_other, "an export")


def write_export_facts(top: Path, data: DatasetFolder, format_name: str, facts: Mapping[str, Any]) -> None:
    """Write ``dmlkit.json``: the dataset, ``facts`` of the export, and the classes by their integer labels."""
    content = {
        "format": format_name,
        **{key: getattr(data, key) for key in ("name", "title", "version", "source", "layout")},
        "dmlkit": __version__,
        **facts,
        "classes": classes_by_id(data),
    }
    (top / FACTS).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_readme(top: Path, data: DatasetFolder, readme: ExportReadme) -> None:
    """Write ``README.md``, with licence, terms and citation, and with YAML if `load_dataset` can read the export."""
    source_terms = terms.load_or_unknown(data.source)
    citation = data.citation
    parts = [
        f"# {plain(data.title)}: {readme.title}",
        f"Version {plain(data.version)} of the dataset `{data.name}`, from {plain(source_terms.title)}, written by "
        f"`dmlkit export` of dmlkit {__version__}.",
        fenced(readme.usage, "python") if readme.usage else "",
        readme.contents,
        "## Licence and terms",
        plain(source_terms.conditions),
        f"The images {'may' if source_terms.redistribute else 'may **not**'} be published again."
        + (f" Source: <{source_terms.url}>" if source_terms.url else ""),
        f"## Citation\n\n{fenced(citation, 'bibtex')}" if citation else "",
    ]
    body = "\n\n".join(part for part in parts if part) + "\n"
    if readme.patterns:
        fields = {
            "license": source_terms.license.lower(),
            "configs": [
                {
                    "config_name": config,
                    **({"default": True} if config == "default" else {}),
                    "description": describe_content(data.content_hash),
                    "data_files": [{"split": split, "path": pattern} for split, pattern in patterns.items()],
                }
                for config, patterns in readme.patterns.items()
            ],
        }
        body = f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n\n{body}"
    (top / CARD).write_text(body, encoding="utf-8", newline="\n")


def patterns_by_config(data: DatasetFolder, patterns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Map config → split → pattern, for the splits whose stems are in ``patterns``: those that have images."""
    configs: dict[str, dict[str, str]] = {}
    for spec in data.splits:
        if spec.stem in patterns:
            configs.setdefault(spec.config, {})[spec.split] = patterns[spec.stem]
    return configs


def require_label(row: Mapping[str, Any], scale: str) -> int:
    """Return the integer label of an image at one scale. Raises `UnreadableDatasetError` if it has none."""
    label = row[scale]
    if not isinstance(label, int) or label < 0:
        raise UnreadableDatasetError(
            f"the image {row['image_id']} has no {scale} label",
            code="formats.missing-label",
            hint="run: dmlkit validate DIR",
            image_id=row["image_id"],
        )
    return label


def image_bytes(row: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of an image, and the suffix of its type, judged by content. Raises `UnreadableDatasetError`."""
    data: bytes = (row["image"] or {}).get("bytes") or b""
    try:
        with Image.open(BytesIO(data)) as image:
            return data, images.FORMATS["JPEG" if image.format == "MPO" else image.format or ""]
    except Exception as exc:  # Pillow's decoders raise many types for bad bytes
        raise unreadable_image(row["image_id"], exc) from exc


def unreadable_image(image_id: str, exc: Exception) -> UnreadableDatasetError:
    """Make the error for an image of a dataset that does not decode."""
    return UnreadableDatasetError(
        f"cannot read the image {image_id}: {summarize(exc)}",
        code="formats.bad-image",
        hint="run: dmlkit validate DIR",
        image_id=image_id,
    )


def safe_name(image_id: str) -> str:
    """Turn an id into a name that every file system and reader keeps apart, without a dot or a capital.

    An id with other letters, or a long one, gets a hash, so that no two ids have one name.
    """
    name = image_id.replace("/", "--", 1)
    if SAFE.fullmatch(name.replace("--", "-", 1)) and len(name) <= MAX_NAME:
        return name
    return f"{slug(name)}-{images.sha256_hex(image_id.encode())[:16]}"


def slug(name: str) -> str:
    """Reduce a name to lower-case letters, digits and single hyphens. Two names may have the same slug."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower())[:MAX_NAME].strip("-")
