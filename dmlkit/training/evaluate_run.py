"""A run of the trainer and a dataset → embeddings, metrics, and the nearest images of each query.

Importing this module does not import torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmlkit import __version__
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import RunError, UsageError
from dmlkit.evaluation import api
from dmlkit.evaluation import labels as dataset_labels
from dmlkit.evaluation.api import EvaluateOptions
from dmlkit.evaluation.embeddings import LabelledEmbeddings
from dmlkit.evaluation.labels import Labels, QueryGallery
from dmlkit.evaluation.metrics import merge_scales
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.text import first_few, printable
from dmlkit.training import data, images, runs
from dmlkit.training.images import ParquetImages, Pixels

if TYPE_CHECKING:
    import torch
    from torch import nn

BATCH = 256  # images that are embedded at a time
KEPT_BYTES = 2**30  # up to this many bytes of test images stay in memory between two evaluations

Embeddings = NDArray[np.float32]
SIDES = ("query", "gallery")


@dataclass(frozen=True)
class EvaluateRunOptions:
    """How to evaluate a run.

    ``device`` computes the embeddings; a device of torch other than the CPU computes the metrics too.
    ``other_data``: the dataset may be another than the one that the run was trained on. ``revision`` is that of a
    dataset on the Hub.
    """

    metrics: EvaluateOptions = field(default_factory=EvaluateOptions)
    device: str = "auto"
    other_data: bool = False
    revision: str | None = None


DEFAULT_OPTIONS = EvaluateRunOptions()


def select_device(name: str) -> torch.device:
    """Return the torch device of a name; ``auto`` is this process's GPU if there is one. Raises `UsageError`."""
    with runs.require_extra("a run of the trainer"):
        import torch
    if name == "auto":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", torch.cuda.current_device())
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as exc:
        raise UsageError(
            f"--device {printable(name)} cannot be used here",
            code="training.no-device",
            hint="use --device cpu, or auto",
            device=name,
        ) from exc
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.deterministic = True  # so that a resumed run ends in the same weights
    return device


@dataclass(frozen=True)
class Inference:
    """How images are embedded: by which network, where, and what it sees of them."""

    net: nn.Module
    device: torch.device
    crop_px: int
    amp: bool = False
    num_readers: int = 0  # threads that read images; 0 is this one


class EvalImages:
    """The centers of images, in their order, ready to be embedded again and again."""

    def __init__(self, stored: ParquetImages, rows: NDArray[np.int64] | None = None) -> None:
        self.stored, self.rows = stored, np.arange(len(stored.ids)) if rows is None else rows
        self._kept: list[Pixels] = []

    def embed(self, inference: Inference, progress: Progress = no_progress) -> Embeddings:
        """Compute the embeddings (N, D). The network is left in the mode for evaluation."""
        import torch

        from dmlkit.training.model import normalize_pixels

        inference.net.eval()
        crops = data.center_crops(self.stored.sizes, self.rows, BATCH)
        keep = len(self.rows) * inference.crop_px**2 * 3 <= KEPT_BYTES
        embeddings, kept = [], []
        with torch.inference_mode():
            batches = images.read_batches(self.stored, inference.crop_px, crops, inference.num_readers)
            for pixels in self._kept or batches:  # (B, crop_px, crop_px, 3)
                with torch.autocast(inference.device.type, torch.bfloat16, enabled=inference.amp):
                    embeddings.append(inference.net(normalize_pixels(pixels, inference.device)).float().cpu())  # (B, D)
                if keep:
                    kept.append(pixels)
                progress("embed", sum(map(len, embeddings)), len(self.rows), "images")
        self._kept = kept
        vectors: Embeddings = torch.cat(embeddings).numpy()
        return vectors


@dataclass(frozen=True)
class TestSet:
    """One query and one gallery, for all scales (None) or for one. Query and gallery may be the same images."""

    __test__ = False  # pytest would collect it

    scale: str | None
    labels: Mapping[str, Labels]  # by side: query and gallery
    images: Mapping[str, EvalImages]

    def evaluate(self, inference: Inference, progress: Progress) -> dict[str, Any]:
        """Compute the metrics of `evaluation.api.evaluate`."""
        vectors = {view: view.embed(inference, progress) for view in dict.fromkeys(self.images.values())}
        query, gallery = self.labels["query"], self.labels["gallery"]
        import torch

        return api.evaluate(
            vectors[self.images["query"]],
            query.labels,
            gallery=vectors[self.images["gallery"]],
            gallery_labels=gallery.labels,
            ids=query.ids,
            gallery_ids=gallery.ids,
            scales=(self.scale,) if self.scale else SCALES,
            threads=torch.get_num_threads(),
        )


def load_test_sets(dataset: DatasetFolder) -> list[TestSet]:
    """Load the test sets of a dataset: one, one for each scale, or none if it is for training only."""
    queries = [spec for spec in dataset.splits if spec.split == "query" and dataset.num_images(spec)]
    return [load_test_set(dataset, spec.scales[0] if len(spec.scales) == 1 else None) for spec in queries]


def load_test_set(dataset: DatasetFolder, scale: str | None) -> TestSet:
    """Load the test set of one scale, or that of all scales."""
    labels = {side: dataset_labels.load_labels(str(dataset.path), (side,), scale) for side in SIDES}
    views = {}
    for side in SIDES:
        stored = ParquetImages(dataset, split_name(side, scale))
        images.check_same_order(stored, labels[side])
        views[side] = EvalImages(stored)
    if labels["query"].ids == labels["gallery"].ids:
        views["query"] = views["gallery"]
    return TestSet(scale, labels, views)


def split_name(split: str, scale: str | None) -> str:
    """Return the name of a split in a dataset folder, where a scale may have a test set of its own."""
    return split if scale is None or split == "train" else f"test_{scale}/{split}"


def holdout_set(stored: ParquetImages, labels: Labels, rows: NDArray[np.int64]) -> TestSet:
    """Make a test set of training images that are not trained on: each is a query against all others."""
    count = len(rows)
    part = replace(labels, ids=[labels.ids[i] for i in rows], labels=labels.labels[rows], split=["query"] * count)
    view = EvalImages(stored, rows)
    return TestSet(None, dict.fromkeys(SIDES, part), dict.fromkeys(SIDES, view))


def evaluate_test_sets(
    tests: Sequence[TestSet], inference: Inference, progress: Progress = no_progress
) -> dict[str, Any]:
    """Compute the metrics of all test sets, as `evaluation.api.evaluate` does."""
    return merge_scales([test.evaluate(inference, progress) for test in tests])


def load_network(state: Mapping[str, Any], device: torch.device) -> nn.Module:
    """Make the network of a checkpoint. Raises `UsageError`, `RunError`."""
    from dmlkit.training.model import make_model

    settings = state["settings"]
    net = make_model(settings["model"], settings["embedding_dim"], settings["pooling"])
    try:
        net.load_state_dict(state["net"])
    except RuntimeError as exc:
        raise RunError(
            f"the checkpoint's weights are not those of {printable(settings['model'])}",
            code="training.checkpoint-not-of-model",
            hint="train anew with another --out",
            model=settings["model"],
        ) from exc
    return net.to(device)


def embed(
    folder: Path,
    dataset: str,
    splits: Sequence[str] = SPLITS[1:],
    scale: str | None = None,
    options: EvaluateRunOptions = DEFAULT_OPTIONS,
    progress: Progress = no_progress,
) -> tuple[list[str], Embeddings]:
    """Embed splits of a dataset with the network of a run. Returns ids and embeddings (N, D), one row per image.

    The order is that of `labels.load_labels` with the same splits and scale. Raises `RunError` if the run was trained
    on another dataset, unless ``options.other_data``: its training classes may be test classes here.
    """
    state = runs.load_checkpoint(folder)
    stored = images.open_images(dataset, options.revision)
    labels = [dataset_labels.load_labels(str(stored.path), (split,), scale) for split in splits]
    if not options.other_data:
        check_same_dataset(folder, state, dataset, labels[0].content)
    device, settings = select_device(options.device), state["settings"]
    inference = Inference(load_network(state, device), device, settings["crop_px"], settings["amp"])
    parts = []
    for split, of_split in zip(splits, labels, strict=True):
        split_images = ParquetImages(stored, split_name(split, scale))
        images.check_same_order(split_images, of_split)
        parts.append(EvalImages(split_images).embed(inference, progress))
    return [image_id for of_split in labels for image_id in of_split.ids], np.concatenate(parts)


def check_same_dataset(folder: Path, state: Mapping[str, Any], dataset: str, content: str) -> None:
    """Raise `RunError` unless ``dataset`` is the one that the run in ``folder`` was trained on."""
    trained = state["dataset"]
    if trained["content"] != content:
        raise RunError(
            f"{folder} was trained on another dataset than {printable(dataset)}: on {printable(trained['name'])}, "
            f"content {trained['content'][:12] or 'unknown'}, not {content[:12] or 'unknown'}; its training classes "
            "may be test classes here",
            code="training.other-dataset",
            hint="use the dataset that it was trained on, or --other-data to evaluate on this one",
            path=folder,
            dataset=dataset,
        )


def evaluate_run(
    folder: Path, dataset: str, options: EvaluateRunOptions, progress: Progress = no_progress
) -> dict[str, Any]:
    """Compute the metrics of a run on the test sets of ``dataset``.

    Returns what `evaluation.api.evaluate_file` does. Raises `UsageError`, `DatasetError`, `EmbeddingsError`,
    `RunError`.
    """
    select_device(options.device)
    metrics = replace(options.metrics, device=None if options.device in ("auto", "cpu") else options.device)
    tests = dataset_labels.load_test_sets(dataset, metrics.scales, options.revision)
    results = []
    dimensions = 0
    for test in tests:
        sides = embed_test(folder, dataset, test, options, progress)
        results.append(api.evaluate_embeddings(*sides, api.options_for(test, metrics), progress))
        dimensions = sides[0].vectors.shape[1]
    return {
        **merge_scales(results),
        "dataset": api.describe_dataset(dataset, tests),
        "notes": describe_other_data(folder, dataset, tests[0]) if options.other_data else [],
        "embeddings": {"run": folder.name, "dimensions": dimensions},
        "dmlkit": __version__,
    }


def embed_test(
    folder: Path, dataset: str, test: QueryGallery, options: EvaluateRunOptions, progress: Progress
) -> tuple[LabelledEmbeddings, LabelledEmbeddings | None]:
    """Embed the query and the gallery of a test set; the second is None if they are the same images."""
    sides = ("query",) if test.is_one_set else ("query", "gallery")
    _, vectors = embed(folder, dataset, sides, test.scale, options, progress)
    num_queries = len(test.query.ids)
    return api.label_embeddings(test, vectors[:num_queries], vectors[num_queries:])


def describe_other_data(folder: Path, dataset: str, test: QueryGallery) -> list[str]:
    """State how the dataset of a run differs from the one that it is evaluated on."""
    state = runs.load_checkpoint(folder)
    trained, content = state["dataset"], test.query.content
    if trained["content"] == content:
        return []
    notes = [
        f"the run was trained on {printable(trained['name'])} (content {trained['content'][:12] or 'unknown'}), and is "
        f"evaluated on {printable(dataset)} (content {content[:12] or 'unknown'})"
    ]
    for column, scale in enumerate(SCALES[:2]):
        names = class_names(test.query, column) | class_names(test.gallery, column)
        known = names & {row[column] for row in state["classes"]}
        if known:
            notes.append(
                f"{len(known):,} of its {len(names):,} {scale} test classes have the name of a class that the run was "
                f"trained on, so this is no test on new classes: {first_few(sorted(known))}"
            )
    return notes


def class_names(labels: Labels, column: int) -> set[str]:
    """Name the classes that have an image, at the scale of a column of the labels."""
    present = set(labels.labels[:, column].tolist()) - {dataset_labels.UNKNOWN}
    return {labels.names[SCALES[column]][label] for label in present}
