"""The labels of a dataset, from its folder or from the hub, without its images."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlkit.errors import LabelsError, UsageError
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.text import printable

UNKNOWN = -1
"""Stands for a label that the dataset does not give."""
READ_ROWS = 10_000
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Labels:
    """The labels of N images.

    ``labels`` is (N, 3): fine, middle, coarse, `UNKNOWN` where the dataset gives none. ``split`` says of each image
    where it is: train, query or gallery. Where one set is both query and gallery, each of its images stands twice.
    ``names`` are the class names by scale, in the order of the integers. ``content`` identifies the dataset: the hash
    over its files that its card gives, empty for a card without one.
    """

    ids: list[str]
    labels: NDArray[np.int32]
    split: list[str]
    names: dict[str, list[str]]
    content: str

    def of(self, *splits: str) -> Labels:
        """The rows of these splits, in their order."""
        rows = [i for i, split in enumerate(self.split) if split in splits]
        ids, split = [self.ids[i] for i in rows], [self.split[i] for i in rows]
        return Labels(ids, self.labels[rows], split, self.names, self.content)


def load(dataset: str, splits: Sequence[str] = SPLITS, scale: str | None = None, revision: str | None = None) -> Labels:
    """The labels of ``dataset``, a dataset folder or a repository of the hub.

    ``scale`` asks for the test set of one scale, where a dataset has one for each (see `separate_tests`): ``query``
    and ``gallery`` are then those of the config ``test_<scale>``. ``train`` is the same for all. Only the columns of
    ids and labels are read. Raises `UsageError` for a dataset or split that is not there, `LabelsError` for one that
    cannot be read.
    """
    parts = []
    for split in splits:
        config = "default" if scale is None or split == "train" else f"test_{scale}"
        parts.append(load_split(dataset, config, split, revision))
    if any(part.names != parts[0].names for part in parts):
        raise LabelsError(f"{dataset}: its splits have other classes each", hint=f"dmlkit validate {dataset}")
    return Labels(
        ids=[image_id for part in parts for image_id in part.ids],
        labels=np.concatenate([part.labels for part in parts]),
        split=[split for part in parts for split in part.split],
        names=parts[0].names,
        content=parts[0].content,
    )


def separate_tests(dataset: str, revision: str | None = None) -> tuple[str, ...]:
    """The scales that have a test set of their own: none where one test set serves all of them, or there is no test."""
    import datasets

    with reading(dataset):
        configs = datasets.get_dataset_config_names(dataset, revision=revision)
    return tuple(scale for scale in SCALES if f"test_{scale}" in configs)


def load_split(dataset: str, config: str, split: str, revision: str | None) -> Labels:
    import datasets

    with reading(dataset):
        builder = datasets.load_dataset_builder(dataset, config, revision=revision, columns=["image_id", *SCALES])
        files = builder.config.data_files or {}
        if split not in files:
            raise missing_split(dataset, config, split, list(files))
        rows = builder.as_streaming_dataset(split=split)
        check_columns(dataset, dict(rows.features))
        tables = list(rows.with_format("arrow").iter(READ_ROWS))
    ids = [image_id for table in tables for image_id in table["image_id"].to_pylist()]
    check_rows(dataset, split, ids, builder.info.splits)
    given = [table[scale].fill_null(UNKNOWN).to_numpy() for scale in SCALES for table in tables]
    return Labels(
        ids=ids,
        labels=np.concatenate(given).reshape(len(SCALES), -1).T.astype(np.int32, order="C"),
        split=[split] * len(ids),
        names={scale: list(rows.features[scale].names) for scale in SCALES},
        content=(builder.config.description or "").removeprefix("content "),
    )


@contextmanager
def reading(dataset: str) -> Iterator[None]:
    """Turns what `datasets` raises at a dataset that is not there or not readable into a sentence."""
    import pyarrow as pa
    from datasets.exceptions import DatasetNotFoundError

    if not Path(dataset).is_dir() and not REPOSITORY.fullmatch(dataset):
        raise UsageError(
            f"{printable(dataset)} is no folder, and no repository of the hub (USER/NAME)",
            hint="dmlkit build makes a dataset folder",
        )
    try:
        yield
    except DatasetNotFoundError as exc:
        if "Revision" in str(exc):
            raise UsageError(
                f"{printable(dataset)} has no such --revision",
                hint=f"its tags: hf repos tag list {printable(dataset)} --type dataset",
            ) from exc
        raise UsageError(
            f"{printable(dataset)} is no folder, and the hub has no such repository, or not for you",
            hint="dmlkit build makes a dataset folder; `hf auth login` gives access to private repositories",
        ) from exc
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as exc:
        reason = printable(str(exc).partition("\n")[0][:300])
        local = Path(dataset).is_dir()
        raise LabelsError(
            f"the labels of {printable(dataset)} cannot be read: {reason}",
            hint=f"dmlkit validate {printable(dataset)}"
            if local
            else "is the hub reachable from here, and may your token read it?",
        ) from exc


def missing_split(dataset: str, config: str, split: str, there: list[str]) -> UsageError:
    hint = "build it with test classes"
    if config == "default" and separate_tests(dataset):
        hint = "it has a test set for each scale: ask for that of one scale"
    return UsageError(
        f"{printable(dataset)} has no split {split} in its config {config}, only {', '.join(there) or 'none'}",
        hint=hint,
    )


def check_columns(dataset: str, features: dict[str, Any]) -> None:
    lost = [name for name in ("image_id", *SCALES) if name not in features]
    lost += [scale for scale in SCALES if scale in features and not hasattr(features[scale], "names")]
    if lost:
        raise LabelsError(
            f"{printable(dataset)} lacks the column(s) {', '.join(lost)}",
            hint="a dataset has image_id (string) and fine, middle, coarse (ClassLabel); see docs/dataset-format.md",
        )


def check_rows(dataset: str, split: str, ids: list[str], sizes: Any) -> None:
    twice = [image_id for image_id, count in Counter(ids).items() if count > 1]
    if twice:
        raise LabelsError(
            f"{printable(dataset)}: {len(twice)} ids stand more than once in {split}, the first {printable(twice[0])}",
            hint=f"dmlkit validate {printable(dataset)}",
        )
    wanted = sizes[split].num_examples if sizes and split in sizes else len(ids)
    if wanted != len(ids) or not ids:
        raise LabelsError(
            f"{printable(dataset)}: {len(ids)} images in {split}, but its card says {wanted}",
            hint="copy or download it again",
        )
