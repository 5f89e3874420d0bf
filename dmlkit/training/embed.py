"""Embeddings of images by a network, and the metrics of its test sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dmlkit.errors import RunError
from dmlkit.evaluation import api, metrics
from dmlkit.evaluation import labels as data_labels
from dmlkit.evaluation.labels import Labels
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.text import printable
from dmlkit.training import data, devices, model, runs

Embeddings = NDArray[np.float32]
BATCH = 256
KEPT_BYTES = 2**30
"""Up to this many bytes of test images stay in memory between two evaluations."""


class Views:
    """Images cut as for a test, in their order, ready to be embedded again and again."""

    def __init__(self, images: data.Encoded, rows: NDArray[np.int64] | None, size: int, workers: int) -> None:
        self.rows = np.arange(len(images.ids)) if rows is None else rows
        self.images, self.size, self.workers = images, size, workers
        self._kept: list[torch.Tensor] = []

    @torch.inference_mode()
    def embed(self, net: nn.Module, device: torch.device, amp: bool, notify: Progress = no_progress) -> Embeddings:
        """The embeddings (N, D) by ``net``, which is left in the mode for evaluation."""
        net.eval()
        batches = data.whole(self.images.sizes, self.rows, BATCH)
        keep = len(self.rows) * self.size**2 * 3 <= KEPT_BYTES
        found, kept = [], []
        loader = data.loader(self.images, self.size, batches, self.workers, device.type == "cuda")
        for pixels in self._kept or data.whole_batches(loader):
            with torch.autocast(device.type, torch.bfloat16, enabled=amp):
                found.append(net(data.prepared(pixels, device)).float().cpu())
            if keep:
                kept.append(pixels)
            notify("embed", sum(map(len, found)), len(self.rows), "images")
        self._kept = kept
        embeddings: Embeddings = torch.cat(found).numpy()
        return embeddings


class TestSet:
    """One query and one gallery, of all scales or of one. Query and gallery may be the same images."""

    def __init__(self, dataset: str, scale: str | None, size: int, workers: int, revision: str | None) -> None:
        self.scale = scale
        config = f"test_{scale}" if scale else "default"
        self.labels = {s: data_labels.load_labels(dataset, (s,), scale, revision) for s in ("query", "gallery")}
        self.views = {}
        for split, labels in self.labels.items():
            images = data.Encoded(dataset, config, split, revision)
            data.ordered(images, labels)
            self.views[split] = Views(images, None, size, workers)
        if self.labels["query"].ids == self.labels["gallery"].ids:
            self.views["query"] = self.views["gallery"]

    def metrics(self, net: nn.Module, device: torch.device, amp: bool, notify: Progress) -> dict[str, Any]:
        found = {view: view.embed(net, device, amp, notify) for view in set(self.views.values())}
        query, gallery = self.labels["query"], self.labels["gallery"]
        return api.evaluate(
            found[self.views["query"]],
            query.labels,
            gallery=found[self.views["gallery"]],
            gallery_labels=gallery.labels,
            ids=query.ids,
            gallery_ids=gallery.ids,
            scales=(self.scale,) if self.scale else SCALES,
            threads=torch.get_num_threads(),
        )


class HeldBack:
    """Training images of classes that are not trained on: each is a query against all others."""

    def __init__(self, images: data.Encoded, labels: Labels, rows: NDArray[np.int64], size: int, workers: int) -> None:
        self.labels, self.scale = labels.labels[rows], None
        self.views = Views(images, rows, size, workers)

    def metrics(self, net: nn.Module, device: torch.device, amp: bool, notify: Progress) -> dict[str, Any]:
        return api.evaluate(self.views.embed(net, device, amp, notify), self.labels, threads=torch.get_num_threads())


def measure(
    tests: Sequence[TestSet | HeldBack], net: nn.Module, device: torch.device, amp: bool, notify: Progress = no_progress
) -> dict[str, Any]:
    """The metrics of all test sets, as `api.evaluate` gives them."""
    return metrics.merge_scales([test.metrics(net, device, amp, notify) for test in tests])


def tests_of(dataset: str, size: int, workers: int, revision: str | None) -> list[TestSet]:
    """The test sets of a dataset: one, or one for each scale; none where it is for training only."""
    import datasets

    scales = data_labels.list_test_scales(dataset, revision)
    with data_labels.translate_dataset_errors(dataset):
        files = datasets.load_dataset_builder(dataset, "default", revision=revision).config.data_files or {}
    if not scales and "query" not in files:
        return []
    return [TestSet(dataset, scale, size, workers, revision) for scale in (scales or (None,))]


def network(state: Mapping[str, Any], device: torch.device) -> model.Embedder:
    """The network of a checkpoint. Raises `RunError` where the weights do not fit its settings."""
    made = runs.from_json(state["settings"])
    net = model.make(made.model, made.embedding, made.pool)
    try:
        net.load_state_dict(state["net"])
    except RuntimeError as exc:
        raise RunError(
            f"the checkpoint's weights are not those of {printable(made.model)}",
            hint="train anew with another --out",
        ) from exc
    return net.to(device)


def embed(
    folder: Path,
    dataset: str,
    splits: Sequence[str] = SPLITS[1:],
    *,
    scale: str | None = None,
    other_data: bool = False,
    device: str = "auto",
    workers: int = 0,
    revision: str | None = None,
    notify: Progress = no_progress,
) -> tuple[list[str], Embeddings]:
    """Embed splits of a dataset with the network of a run. Returns their ids and (N, D), one row an image.

    The order is that of `labels.load_labels` with the same splits and scale. Raises `RunError` where the run was
    trained on another dataset, unless ``other_data``: its training classes may be test classes here.
    """
    state = runs.load(folder)
    found = [data_labels.load_labels(dataset, (split,), scale, revision) for split in splits]
    if not other_data:
        same_data(folder, state, dataset, found[0].content)
    made, on = runs.from_json(state["settings"]), devices.device_of(device)
    net = network(state, on)
    ids, parts = [], []
    for split, labels in zip(splits, found, strict=True):
        config = "default" if scale is None or split == "train" else f"test_{scale}"
        images = data.Encoded(dataset, config, split, revision)
        data.ordered(images, labels)
        parts.append(Views(images, None, made.size, workers).embed(net, on, made.amp, notify))
        ids += labels.ids
    return ids, np.concatenate(parts)


def same_data(folder: Path, state: Mapping[str, Any], dataset: str, content: str) -> None:
    """Check that ``dataset`` is the one that the run in ``folder`` was trained on. Raises `RunError`."""
    if state["dataset"]["content"] != content:
        raise RunError(
            f"{folder} was trained on another dataset than {printable(dataset)}: on "
            f"{printable(state['dataset']['name'])}, content {state['dataset']['content'][:12] or 'unknown'}, not "
            f"{content[:12] or 'unknown'}; its training classes may be test classes here",
            hint="the dataset that it was trained on, or --other-data if you mean it",
        )
