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
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image

from dmlkit import __version__, terms
from dmlkit.dataset.card import fenced, plain
from dmlkit.dataset.checks import batches, front_matter
from dmlkit.errors import OutputError, UsageError, no_images, unreadable_dataset
from dmlkit.formats.dyml.sidecar import FACTS
from dmlkit.hub import ids_only as ids
from dmlkit.schema.layout import LAYOUTS, SplitSpec
from dmlkit.schema.scales import SCALES
from dmlkit.storage import images
from dmlkit.storage.replace import Replacement

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


@dataclass(frozen=True)
class Folder:
    """What an export needs of a dataset folder."""

    path: Path
    name: str
    title: str
    version: str
    source: str
    form: str
    official: bool
    names: Mapping[str, list[str]]
    hierarchy: list[dict[str, Any]]
    unplaced: Mapping[str, dict[int, str]]
    """By scale the integer labels and ids of classes that no fine class is known to be under."""

    def shards(self, stem: str) -> list[Path]:
        return sorted(self.path.glob(f"{stem}-*.parquet"))

    @property
    def parts(self) -> list[SplitSpec]:
        """The parts of its form, each set of images once."""
        return list({part.stem: part for part in LAYOUTS[self.form]}.values())

    @property
    def total(self) -> int:
        """The number of its images."""
        return sum(pq.read_metadata(path).num_rows for part in self.parts for path in self.shards(part.stem))

    @cached_property
    def ids(self) -> dict[str, list[str]]:
        """Scale → class ids, in the order of the integer labels."""
        found = {}
        for scale in SCALES:
            placed = {row[f"{scale}_label"]: row[f"{scale}_id"] for row in self.hierarchy} | self.unplaced[scale]
            found[scale] = [str(placed[i]) for i in range(len(self.names[scale]))]
        return found

    @property
    def classes(self) -> dict[str, dict[str, str]]:
        """Scale → id → name, in the order of the integer labels."""
        return {scale: dict(zip(self.ids[scale], self.names[scale], strict=True)) for scale in SCALES}


def read_folder(folder: Path) -> Folder:
    """The facts, class names and hierarchy of a dataset folder. Raises `UsageError` where they cannot be read."""
    try:
        build = json.loads((folder / "build.json").read_bytes())
        rows = pq.read_table(first_of(folder, "hierarchy/train-*.parquet")).to_pylist()
        first = first_of(folder, "data/train-*.parquet")
        first_of(folder, "README.md")  # its citation goes along
        features = json.loads(pq.read_schema(first).metadata[b"huggingface"])["info"]["features"]
        if build.get("ids_only") is True:
            raise no_images(folder)
        form = build.get("layout", "split")
        return Folder(
            path=folder,
            name=str(build["manifest"]["name"]),
            title=str(build["manifest"].get("settings", {}).get("title", "")),
            version=str(build["manifest"]["version"]),
            source=str(build["source"]["name"]),
            form=form if form in LAYOUTS else "split",
            official=build.get("release", {}).get("official") is True,
            names={scale: [str(name) for name in features[scale]["names"]] for scale in SCALES},
            hierarchy=rows,
            unplaced=unplaced_of(build, features),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as exc:
        raise unreadable_dataset(folder, exc) from exc


def first_of(folder: Path, pattern: str) -> Path:
    """The first file by that pattern. Raises `ValueError` where there is none."""
    if (found := min(folder.glob(pattern), default=None)) is None:
        raise ValueError(f"it lacks {pattern}")
    return found


def unplaced_of(build: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, dict[int, str]]:
    """What build.json of an import says of classes that are not in the hierarchy: their ids by name."""
    ids = build.get("release", {}).get("unplaced", {})
    return {
        scale: {i: ids[scale][name] for i, name in enumerate(features[scale]["names"]) if name in ids.get(scale, {})}
        for scale in SCALES
    }


@contextmanager
def written(data: Folder, target: Path, form: str | int) -> Iterator[Path]:
    """An empty folder that takes the place of ``target`` at the end. ``form`` is what its dmlkit.json will say.

    Raises `OutputError` where the place holds something else or cannot be written, and `UsageError` where it lies in
    the dataset folder or that cannot be read to its end.
    """
    target = Path(os.path.abspath(target))
    check_replaceable(target, data.name, form)
    if target.resolve().is_relative_to(data.path.resolve()):
        raise UsageError(f"{target} lies in the dataset folder, which must stay as it is", hint="choose another --out")
    with Replacement(target) as writing:
        try:
            yield writing.path
            if (attribution := data.path / "ATTRIBUTION.csv").is_file():
                shutil.copyfile(attribution, writing.path / attribution.name)
            writing.keep(lambda *_: None)
        except (pa.ArrowException, yaml.YAMLError, LookupError, TypeError, AttributeError, ValueError) as exc:
            raise unreadable_dataset(data.path, exc) from exc


def check_replaceable(target: Path, name: str, form: str | int) -> None:
    """An export replaces an earlier one of the same dataset and form, and nothing else. Raises `OutputError`."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        facts = json.loads((target / FACTS).read_bytes())
        if (facts["name"], facts["format"]) == (name, form):
            return
        why = "the export of another dataset" if facts["name"] != name else "an export in another format"
    except (OSError, ValueError, KeyError, TypeError):
        why = "something that no export wrote"
    raise OutputError(f"{target} holds {why}; left as it is", hint="choose another folder with --out")


def write_facts(top: Path, data: Folder, form: str, done: Exported, more: Mapping[str, Any]) -> None:
    """Write ``dmlkit.json``: what the export is of, its counts, and the classes in the order of the integer labels."""
    facts = {
        "format": form,
        **{key: getattr(data, key) for key in ("name", "title", "version", "source", "form")},
        "dmlkit": __version__,
        "images": done.images,
        **more,
        "classes": data.classes,
    }
    (top / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_readme(
    top: Path, data: Folder, what: str, opened: str, text: str, files: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Write ``README.md``. ``files``: for each config its splits and their patterns, which `load_dataset` reads.

    ``opened`` is Python that opens the export, ``text`` says what is where.
    """
    source_terms = terms.load_or_unknown(data.source)
    card = data.path / "README.md"
    citation = ids.citation_of(card.read_text(encoding="utf-8"))
    parts = [
        f"# {plain(data.title or data.name)}: {what}",
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
                    "description": content_of(card),
                    "data_files": [{"split": split, "path": pattern} for split, pattern in of.items()],
                }
                for config, of in files.items()
            ],
        }
        body = f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n\n{body}"
    (top / "README.md").write_text(body, encoding="utf-8", newline="\n")


def content_of(card: Path) -> str:
    """The hash over the dataset's files that its card has: `datasets` tells two exports apart by it."""
    configs = front_matter(card).get("configs") or [{}]
    return str(configs[0].get("description", ""))


def configs_of(data: Folder, patterns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Config → split → pattern, of the splits whose stems are in ``patterns``: those that have images."""
    configs: dict[str, dict[str, str]] = {}
    for part in LAYOUTS[data.form]:
        if part.stem in patterns:
            configs.setdefault(part.config, {})[part.split] = patterns[part.stem]
    return configs


def rows_of(data: Folder, part: SplitSpec) -> Iterator[dict[str, Any]]:
    """The rows of a part in their order, a few at a time in memory."""
    shards = data.shards(part.stem)
    if not shards:
        raise ValueError(f"no files {part.stem}-*.parquet")
    for path in shards:
        try:
            with pq.ParquetFile(path) as file:
                for batch in batches(file, 20):
                    yield from batch.to_pylist()
        except OSError as exc:  # as of damaged bytes: it is not the export that could not be written
            raise ValueError(f"{path.name}: {exc}") from exc


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
    return f"{safe_letters(name)}-{images.digest(image_id.encode())[:16]}"


def safe_letters(name: str) -> str:
    """What is left of a name in small letters, digits and single hyphens. Two names may have the same."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower())[:LONGEST].strip("-")
