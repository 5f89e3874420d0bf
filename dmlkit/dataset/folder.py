"""Open a dataset folder: the one reader of what `dmlkit build` and `dmlkit import` write.

>>> from dmlkit import open_dataset
>>> dataset = open_dataset("out/animal")                                   # doctest: +SKIP
>>> dataset.name, dataset.version, dataset.num_images()                    # doctest: +SKIP
('animal', '1.0.0', 12220)
>>> for row in dataset.rows("query", ["image_id", "fine", "coarse"]):      # doctest: +SKIP
...     print(row["image_id"], dataset.class_names["fine"][row["fine"]])

To train, `datasets.load_dataset("out/animal")` is shorter; this is for facts, classes, rejected candidates and bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from dmlkit.dataset import checksums, tables
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.listing import FolderListing, list_files
from dmlkit.dataset.tables import explain
from dmlkit.errors import UnreadableDatasetError, UsageError, no_images
from dmlkit.schema.features import REJECTED as REJECTED_SCHEMA
from dmlkit.schema.features import hierarchy_features
from dmlkit.schema.layout import LAYOUTS, SplitSpec
from dmlkit.schema.scales import SCALES, SPLITS

BUILD_JSON = "build.json"
CHECKSUMS = "SHA256SUMS"
CARD = "README.md"
FIGURE = "figure.jpg"
CITATION = "CITATION.bib"
ATTRIBUTION = "ATTRIBUTION.csv"
REJECTED = "rejected.parquet"
HIERARCHY_STEM = "hierarchy/train"
HIERARCHY = f"{HIERARCHY_STEM}-00000-of-00001.parquet"
# Folders of Parquet files; those of a test set of one scale are named by `schema.layout`.
FOLDERS = ("data", "hierarchy")

# A dataset folder is known by one of these, also if it lacks the others.
MARKS = (BUILD_JSON, CHECKSUMS, *FOLDERS)
# A Parquet file of images or classes: its stem, its number, how many there are.
SHARD = re.compile(r"(\w+/\w+)-(\d{5})-of-(\d{5})\.parquet")

# What no class lacks. The middle or coarse class of a test class is not known in an official release.
CLASS_COLUMNS = ("fine_id", "fine", "fine_label", "split", "upstream_labels", *SPLITS)
# Rows in memory at a time: with and without the bytes of their images.
IMAGE_ROWS, PLAIN_ROWS = 20, 10_000


def is_dataset_folder(folder: Path) -> bool:
    """Whether a folder has a part of a dataset folder, however damaged the rest is."""
    return folder.is_dir() and any((folder / name).exists() for name in MARKS)


def is_part_of_tables(name: str) -> bool:
    """Whether a file is where only the Parquet files of images and classes may be."""
    return name.partition("/")[0] in FOLDERS or name.startswith("test_")


def shard_names(files: Iterable[str], stem: str) -> list[str]:
    """Select the Parquet files of one stem, for example ``data/train``, in their order."""
    return sorted(name for name in files if (match := SHARD.fullmatch(name)) and match[1] == stem)


def shard_pattern(stem: str) -> str:
    """Write the pattern that the files of a stem match."""
    return f"{stem}-*.parquet"


@dataclass(frozen=True)
class DatasetFolder:
    """A dataset folder on disk. Make one with `open`, or as ``dmlkit.open_dataset(path)``.

    ``layout`` is one of `schema.layout.LAYOUTS`. Opening reads ``build.json`` and lists the files; all else is read
    when it is asked for, Parquet files a few rows at a time. Every attribute and method raises
    `UnreadableDatasetError`: its ``code`` and its facts ``name`` and ``reason`` tell why (see `dataset.tables`).
    """

    path: Path
    layout: str
    listing: FolderListing
    stored_facts: DatasetFacts | None

    @classmethod
    def open(cls, path: str | Path, *, follow_links: bool = False) -> DatasetFolder:
        """Open a finished dataset folder.

        ``follow_links`` reads through links, as a snapshot in the cache of the Hugging Face Hub needs it.
        """
        folder = check_folder(Path(path))
        listing = list_files(folder, follow_links=follow_links)
        _require(folder, listing, BUILD_JSON)
        facts = tables.read_facts(folder, BUILD_JSON)
        return cls(folder, facts.layout, listing, facts)

    @classmethod
    def open_unfinished(cls, path: Path, layout: str) -> DatasetFolder:
        """Open a folder that is being written and has no build.json yet. It has no `facts`."""
        return cls(path, layout, list_files(path), None)

    @property
    def facts(self) -> DatasetFacts:
        """What build.json states."""
        if self.stored_facts is None:
            raise UnreadableDatasetError(**explain(self.path, BUILD_JSON, "unfinished"), code="dataset.missing-file")
        return self.stored_facts

    @property
    def name(self) -> str:
        """The name of the manifest."""
        return self.facts.manifest.name

    @property
    def title(self) -> str:
        """The title for people; the name if the manifest has none."""
        title = self.facts.manifest.settings.get("title")
        return title if isinstance(title, str) and title else self.name

    @property
    def version(self) -> str:
        """The version of the manifest."""
        return self.facts.manifest.version

    @property
    def source(self) -> str:
        """The source of the images, for example ``sample`` or ``imagenet-21k``."""
        return self.facts.source.name

    @property
    def ids_only(self) -> bool:
        """Whether the dataset was published as ids, labels and hashes, without its images."""
        return self.facts.ids_only

    @property
    def is_official(self) -> bool:
        """Whether this is an official DyML release, which does not name the parents of all its test classes."""
        return self.facts.release is not None and self.facts.release.official

    @property
    def splits(self) -> tuple[SplitSpec, ...]:
        """The splits of the layout. Query and gallery can be the same images: see `image_sets`."""
        return LAYOUTS[self.layout]

    @property
    def image_sets(self) -> tuple[SplitSpec, ...]:
        """The splits, each set of images once."""
        return tuple({spec.stem: spec for spec in self.splits}.values())

    def split(self, name: str) -> SplitSpec:
        """Return the split with this name, for example ``train`` or ``test_fine/query``. Raises `UsageError`."""
        if by_name := [spec for spec in self.splits if spec.name == name]:
            return by_name[0]
        names = ", ".join(spec.name for spec in self.splits)
        raise UsageError(
            f"{self.path} has no split {name}",
            code="usage.unknown-split",
            hint=f"its splits: {names}",
            path=self.path,
            name=name,
        )

    def files(self) -> Mapping[str, Path]:
        """Return the plain files by their names below the folder, hidden ones left out."""
        return self.listing.files

    def file(self, name: str) -> Path:
        """Return the path of a file that must be there."""
        _require(self.path, self.listing, name)
        return self.listing.files[name]

    def shards(self, split: SplitSpec | str) -> list[Path]:
        """Return the Parquet files of a split, in their order: at least one."""
        return [self.listing.files[name] for name in self._shard_names(split)]

    def num_images(self, split: SplitSpec | str | None = None) -> int:
        """Count the images of a split, or of all splits, by metadata."""
        names = [name for spec in ((split,) if split else self.image_sets) for name in self._shard_names(spec)]
        return sum(tables.read_num_rows(self.path, name) for name in names)

    @cached_property
    def classes(self) -> tuple[dict[str, Any], ...]:
        """The rows of ``hierarchy/``, one a fine class: ids, names and integer labels at three scales, split, counts.

        In an official release the middle or coarse class of a test class can be None.
        """
        _require(self.path, self.listing, HIERARCHY)
        table = tables.read_table(self.path, HIERARCHY)
        tables.check_columns(self.path, HIERARCHY, table.schema, hierarchy_features().arrow_schema)
        tables.check_no_nulls(self.path, HIERARCHY, table, CLASS_COLUMNS)
        return tuple(table.to_pylist())

    @cached_property
    def class_names(self) -> dict[str, list[str]]:
        """Scale -> class names, by their integer labels."""
        name = self._shard_names(self.splits[0])[0]
        return tables.read_class_names(self.path, name, tables.read_schema(self.path, name), images=self._has_images)

    @cached_property
    def class_ids(self) -> dict[str, list[str]]:
        """Scale -> class ids, by their integer labels."""
        ids = {}
        for scale in SCALES:
            unplaced = self.facts.release.unplaced[scale] if self.facts.release else {}
            by_label = {label: unplaced[name] for label, name in enumerate(self.class_names[scale]) if name in unplaced}
            by_label |= {row[f"{scale}_label"]: row[f"{scale}_id"] for row in self.classes}
            labels = range(len(self.class_names[scale]))
            if unknown := [label for label in labels if not isinstance(by_label.get(label), str)]:
                reason = f"no row is the {scale} class with the label {unknown[0]}"
                raise UnreadableDatasetError(**explain(self.path, HIERARCHY, reason), code="dataset.unknown-class")
            ids[scale] = [by_label[label] for label in labels]
        return ids

    @cached_property
    def content_hash(self) -> str:
        """The hash over the images and classes that the card states; empty for a card that states none.

        Two folders with the same hash hold the same dataset.
        """
        configs = self.front_matter.get("configs")
        texts = (c.get("description") for c in (configs if isinstance(configs, list) else []) if isinstance(c, dict))
        return next((checksums.parse_content(text) for text in texts if isinstance(text, str)), "")

    @cached_property
    def front_matter(self) -> Mapping[str, Any]:
        """The YAML at the head of the card, which the Hugging Face Hub and `datasets` read."""
        _require(self.path, self.listing, CARD)
        return tables.read_front_matter(self.path, CARD)

    @cached_property
    def citation(self) -> str:
        """What to cite, as BibTeX; empty for a folder without CITATION.bib."""
        if CITATION not in self.listing.files:
            return ""
        try:
            return self.listing.files[CITATION].read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as exc:
            raise UnreadableDatasetError(**explain(self.path, CITATION, exc), code="dataset.bad-text") from exc

    def rows(self, split: SplitSpec | str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Read the rows of a split in their order, in bounded memory.

        ``columns`` are those of ``data/``, all if None. An image is ``{"bytes": ..., "path": ...}``, as stored.
        """
        for batch in self.batches(split, columns):
            yield from batch.to_pylist()

    def batches(
        self, split: SplitSpec | str, columns: Sequence[str] | None = None, max_rows: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Read a split as Arrow batches of at most ``max_rows`` rows: 20 with images, 10,000 without.

        Raises `NoImagesError` if images are asked for and the dataset was published without them.
        """
        if columns is not None and "image" in columns:
            self.require_images()
        if max_rows is None:
            with_images = self._has_images if columns is None else "image" in columns
            max_rows = IMAGE_ROWS if with_images else PLAIN_ROWS
        for name in self._shard_names(split):
            schema = tables.read_schema(self.path, name)
            class_names = tables.read_class_names(self.path, name, schema, images=self._has_images)
            for batch in tables.read_batches(self.path, name, columns, max_rows):
                tables.check_rows(self.path, name, batch, class_names)
                yield batch

    def take(
        self, split: SplitSpec | str, positions: Iterable[int], columns: Sequence[str] | None = None
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Read the rows at some positions of a split, in ascending order, as pairs of position and row.

        Only the row groups that hold them are read.
        """
        groups = [
            (name, group, num_rows)
            for name in self._shard_names(split)
            for group, num_rows in enumerate(tables.read_group_sizes(self.path, name))
        ]
        starts = list(accumulate((num_rows for *_, num_rows in groups), initial=0))
        wanted: dict[int, list[int]] = {}
        for position in sorted(set(positions)):
            if not 0 <= position < starts[-1]:
                raise IndexError(f"position {position} of {starts[-1]} rows")
            wanted.setdefault(bisect_right(starts, position) - 1, []).append(position)
        for number, inside in wanted.items():
            name, group, num_rows = groups[number]
            for batch in tables.read_batches(self.path, name, columns, num_rows, [group]):
                for position in inside:
                    yield position, batch.slice(position - starts[number], 1).to_pylist()[0]

    def rejected(self, columns: Sequence[str] | None = None, max_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """Read the candidates that are not in the dataset, as Arrow batches. There can be many millions."""
        _require(self.path, self.listing, REJECTED)
        schema = tables.read_schema(self.path, REJECTED)
        tables.check_columns(self.path, REJECTED, schema, REJECTED_SCHEMA)
        yield from tables.read_batches(self.path, REJECTED, columns, max_rows)

    def checksums(self) -> dict[str, str]:
        """Read SHA256SUMS: file name -> SHA-256. The files are not compared: that is `dmlkit.validate`."""
        try:
            return checksums.read_checksums(self.file(CHECKSUMS))
        except (OSError, ValueError) as exc:
            raise UnreadableDatasetError(**explain(self.path, CHECKSUMS, exc), code="dataset.bad-checksums") from exc

    def require_images(self) -> None:
        """Raise `NoImagesError` if the dataset was published without its images."""
        if self.ids_only:
            raise no_images(self.path)

    @property
    def _has_images(self) -> bool:
        return self.stored_facts is None or not self.stored_facts.ids_only

    def _shard_names(self, split: SplitSpec | str) -> list[str]:
        spec = self.split(split) if isinstance(split, str) else split
        names = shard_names(self.listing.files, spec.stem)
        if not names:
            _require(self.path, self.listing, shard_pattern(spec.stem))
        return names


def check_folder(folder: Path) -> Path:
    """Return the folder if it has a part of a dataset folder. Raises `UnreadableDatasetError`."""
    if not folder.is_dir():
        raise UnreadableDatasetError(**explain(folder, "", "not a folder"), code="dataset.not-a-folder")
    if not is_dataset_folder(folder):
        raise UnreadableDatasetError(**explain(folder, "", "no part of one is there"), code="dataset.not-a-dataset")
    return folder


def _require(folder: Path, listing: FolderListing, name: str) -> None:
    """Refuse a folder without the file. A link in its place, or in that of a folder above it, is named as such."""
    if name in listing.files:
        return
    patterns = [name, *(parent.as_posix() for parent in Path(name).parents)]
    others = [other for pattern in patterns for other in listing.others if fnmatchcase(other, pattern)]
    reason = f"{others[0]} is {listing.others[others[0]]}" if others else "missing"
    raise UnreadableDatasetError(**explain(folder, name, reason), code="dataset.missing-file")


open_dataset = DatasetFolder.open
