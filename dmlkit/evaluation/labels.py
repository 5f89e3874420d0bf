"""The labels of a dataset, from its folder or from the Hugging Face Hub, without its images."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlkit.dataset.checksums import parse_content
from dmlkit.errors import DatasetError, UsageError
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.text import first_few, printable

# The integer for a label that the dataset does not give.
UNKNOWN = -1
# Rows in memory at a time while a split is read.
READ_ROWS = 10_000
# A repository of the Hub: USER/NAME.
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Labels:
    """The labels of N images.

    ``labels`` are fine, middle, coarse, `UNKNOWN` if the dataset gives none. ``split`` is the split of each image:
    train, query or gallery. If one set is both query and gallery, each of its images occurs twice. ``names`` are the
    class names by scale, in the order of the integers. ``content`` identifies the dataset: the hash of its files that
    its card gives, empty for a card without one.
    """

    ids: list[str]
    labels: NDArray[np.int32]  # (N, 3)
    split: list[str]
    names: dict[str, list[str]]
    content: str

    def select(self, *splits: str) -> Labels:
        """Return the rows of these splits, in their order."""
        rows = [i for i, split in enumerate(self.split) if split in splits]
        ids, split = [self.ids[i] for i in rows], [self.split[i] for i in rows]
        return Labels(ids, self.labels[rows], split, self.names, self.content)


@dataclass(frozen=True)
class QueryGallery:
    """The labels of one test set. ``scales`` are those it serves; ``config`` is its name in the dataset."""

    config: str
    scales: tuple[str, ...]
    query: Labels
    gallery: Labels

    @property
    def scale(self) -> str | None:
        """The scale of a test set that serves one of several; None for the config of all scales."""
        return None if self.config == config_name(None) else self.scales[0]

    @property
    def is_one_set(self) -> bool:
        """Whether query and gallery are the same images, in the same order."""
        return self.query.ids == self.gallery.ids


def config_name(scale: str | None) -> str:
    """Return the config with the test set of one scale, or of all scales.

    >>> config_name("fine"), config_name(None)
    ('test_fine', 'default')
    """
    return "default" if scale is None else f"test_{scale}"


def load_test_sets(dataset: str, scales: Sequence[str] = SCALES, revision: str | None = None) -> list[QueryGallery]:
    """Load the labels of the test sets that serve ``scales``: a single one, or one for each scale.

    Raises `UsageError` if the dataset has no test for these scales, and what `load_labels` does.
    """
    own = list_test_scales(dataset, revision)
    if own and not set(scales) & set(own):
        raise UsageError(
            f"{printable(dataset)} has tests of {', '.join(own)} only",
            code="evaluation.no-test",
            hint="choose one of these scales",
            dataset=dataset,
            scales=own,
        )
    tests = []
    test_scales: list[str | None] = [scale for scale in scales if scale in own]
    for scale in test_scales or [None]:
        query, gallery = (load_labels(dataset, (split,), scale, revision) for split in SPLITS[1:])
        if query.names != gallery.names:
            raise other_classes(dataset)
        tests.append(QueryGallery(config_name(scale), (scale,) if scale else tuple(scales), query, gallery))
    return tests


def list_test_scales(dataset: str, revision: str | None = None) -> tuple[str, ...]:
    """List the scales that have a test set of their own; none if a test set serves all of them or there is no test."""
    import datasets

    with translate_dataset_errors(dataset):
        configs = datasets.get_dataset_config_names(dataset, revision=revision)
    return tuple(scale for scale in SCALES if config_name(scale) in configs)


def load_labels(
    dataset: str, splits: Sequence[str] = SPLITS, scale: str | None = None, revision: str | None = None
) -> Labels:
    """Load the labels of ``dataset``, a dataset folder or a repository of the Hub.

    ``scale`` asks for the test set of one scale, if a dataset has one for each (see `list_test_scales`): ``query``
    and ``gallery`` are then those of the config ``test_<scale>``. ``train`` is the same for all. Only the columns of
    ids and labels are read. Raises `UsageError` for a dataset or split that does not exist, `DatasetError` for one
    that cannot be read.
    """
    parts = [
        load_split(dataset, "default" if split == "train" else config_name(scale), split, revision) for split in splits
    ]
    if any(part.names != parts[0].names for part in parts):
        raise other_classes(dataset)
    return Labels(
        ids=[image_id for part in parts for image_id in part.ids],
        labels=np.concatenate([part.labels for part in parts]),
        split=[split for part in parts for split in part.split],
        names=parts[0].names,
        content=parts[0].content,
    )


def load_split(dataset: str, config: str, split: str, revision: str | None) -> Labels:
    """Load the labels of one split of a config. Raises what `load_labels` does."""
    import datasets

    with translate_dataset_errors(dataset):
        builder = datasets.load_dataset_builder(dataset, config, revision=revision, columns=["image_id", *SCALES])
        files = builder.config.data_files or {}
        if split not in files:
            raise missing_split(dataset, config, split, list(files), revision)
        rows = builder.as_streaming_dataset(split=split)
        check_columns(dataset, dict(rows.features))
        tables = list(rows.with_format("arrow").iter(READ_ROWS))
    ids = [image_id for table in tables for image_id in table["image_id"].to_pylist()]
    check_rows(dataset, split, ids, builder.info.splits)
    parts = [np.stack([table[scale].fill_null(UNKNOWN).to_numpy() for scale in SCALES], axis=1) for table in tables]
    return Labels(
        ids=ids,
        labels=np.concatenate(parts).astype(np.int32, order="C"),
        split=[split] * len(ids),
        names={scale: list(rows.features[scale].names) for scale in SCALES},
        content=parse_content(builder.config.description or ""),
    )


@contextmanager
def translate_dataset_errors(dataset: str) -> Iterator[None]:
    """Turn what `datasets` raises for a missing or unreadable dataset into `UsageError` and `DatasetError`."""
    import pyarrow as pa
    from datasets.exceptions import DatasetNotFoundError

    name = printable(dataset)
    if not Path(dataset).is_dir() and not REPOSITORY.fullmatch(dataset):
        raise UsageError(
            f"{name} is neither a folder nor a repository of the Hub (USER/NAME)",
            code="evaluation.no-dataset",
            hint="make a dataset folder with: dmlkit build",
            dataset=dataset,
        )
    try:
        yield
    except DatasetNotFoundError as exc:
        if "Revision" in str(exc):
            raise UsageError(
                f"{name} has no such --revision",
                code="evaluation.no-revision",
                hint=f"list its tags: hf repos tag list {name} --type dataset",
                dataset=dataset,
            ) from exc
        raise UsageError(
            f"{name} is not a folder, and the Hub has no such repository, or does not show it to you",
            code="evaluation.no-repository",
            hint="make a dataset folder with dmlkit build, or get access to a private repository with: hf auth login",
            dataset=dataset,
        ) from exc
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as exc:
        reason = printable(str(exc).partition("\n")[0][:300])
        local = Path(dataset).is_dir()
        raise DatasetError(
            f"cannot read the labels of {name}: {reason}",
            code="evaluation.unreadable-labels",
            hint=f"run: dmlkit validate {name}" if local else "check the network, and that your token may read it",
            dataset=dataset,
            reason=reason,
        ) from exc


def other_classes(dataset: str) -> DatasetError:
    """Make the error for splits whose label columns have different class names."""
    return DatasetError(
        f"the splits of {printable(dataset)} do not have the same classes",
        code="evaluation.other-classes",
        hint=f"run: dmlkit validate {printable(dataset)}",
        dataset=dataset,
    )


def missing_split(dataset: str, config: str, split: str, splits: Sequence[str], revision: str | None) -> UsageError:
    """Make the error for a split that a config does not have."""
    own = list_test_scales(dataset, revision) if config == "default" else ()
    return UsageError(
        f"{printable(dataset)} has no split {split} in its config {config}; it has {', '.join(splits) or 'none'}",
        code="evaluation.no-split",
        hint="ask for the test set of one scale: it has one for each" if own else "build it with test classes",
        dataset=dataset,
        split=split,
        config=config,
        test_scales=own,
    )


def check_columns(dataset: str, features: Mapping[str, Any]) -> None:
    """Raise `DatasetError` unless there are ids and labels of every scale. ``features`` are those of `datasets`."""
    from datasets import ClassLabel

    lost = [name for name in ("image_id", *SCALES) if name not in features]
    lost += [scale for scale in SCALES if scale in features and not isinstance(features[scale], ClassLabel)]
    if lost:
        raise DatasetError(
            f"{printable(dataset)} lacks the columns {', '.join(lost)}",
            code="evaluation.missing-columns",
            hint="a dataset has image_id (string) and fine, middle, coarse (ClassLabel); see docs/dataset-format.md",
            dataset=dataset,
            columns=lost,
        )


def check_rows(dataset: str, split: str, ids: list[str], stated: Any) -> None:
    """Raise `DatasetError` if an id is repeated, or the rows are not as many as the card states.

    ``stated`` are the splits with their ``num_examples`` as `datasets` reads them from the card, or None.
    """
    repeated = [image_id for image_id, count in Counter(ids).items() if count > 1]
    if repeated:
        raise DatasetError(
            f"{len(repeated):,} ids occur more than once in {split} of {printable(dataset)}: {first_few(repeated)}",
            code="evaluation.repeated-images",
            hint=f"run: dmlkit validate {printable(dataset)}",
            dataset=dataset,
            ids=repeated,
        )
    wanted = stated[split].num_examples if stated and split in stated else len(ids)
    if wanted != len(ids) or not ids:
        raise DatasetError(
            f"{printable(dataset)} has {len(ids):,} images in {split}, but its card states {wanted:,}",
            code="evaluation.missing-rows",
            hint="copy or download it again",
            dataset=dataset,
            count=len(ids),
            stated=wanted,
        )
