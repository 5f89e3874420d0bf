"""A file of embeddings and a dataset → metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlkit import __version__
from dmlkit.errors import UsageError
from dmlkit.evaluation import embeddings, labels, metrics
from dmlkit.evaluation.embeddings import Embeddings
from dmlkit.evaluation.labels import Labels
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.text import first_few, printable

SIDES = ("query", "gallery")


@dataclass(frozen=True)
class Options:
    """What a person may choose.

    ``ids``: the file of the ids of a file of embeddings. ``scales``: those to evaluate. ``other_data``: the run was
    trained on another dataset, and that is meant. ``device`` computes the embeddings of a run; where it is named and
    no CPU, the metrics too.
    """

    ids: Path | None = None
    scales: Sequence[str] = SCALES
    conventions: Sequence[str] = ()
    other_data: bool = False
    device: str = "auto"
    jobs: int | None = None
    revision: str | None = None


def evaluate(path: Path, dataset: str, options: Options, notify: Progress = no_progress) -> dict[str, Any]:
    """Compute the metrics of a file of embeddings on the test of ``dataset``.

    Returns what `metrics.evaluate` does and ``dataset``, ``embeddings``, ``notes`` and ``dmlkit``: what was evaluated,
    what a reader should know of it, and the version. Where a dataset has a test set for each scale, each is evaluated
    by itself. Raises `UsageError`, `LabelsError`, `EmbeddingsError`.
    """
    check_device(options.device)
    stored = embeddings.read(path, options.ids)
    tests = of_scales(dataset, options)
    results: dict[Any, dict[str, Any]] = {}
    for scale, test in tests.items():
        vectors = from_file(stored, test, dataset)
        results[scale] = measured(test, vectors, [scale] if scale else options.scales, options, notify)
    facts = {
        "notes": notes_on(stored, list(tests.values())),
        "embeddings": {"file": path.name, "dimensions": stored.vectors.shape[1]},
    }
    return described(results, tests, dataset, options, facts)


def described(
    results: dict[Any, dict[str, Any]],
    tests: dict[str | None, Labels],
    dataset: str,
    options: Options,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """The metrics of all test sets as one result, with what was evaluated."""
    content = next(iter(tests.values())).content
    # A single test set stands under None, and gives all scales.
    result = results[None] if None in results else metrics.merged(results, options.conventions)
    return result | {"dataset": {"name": dataset, "content": content}, **facts, "dmlkit": __version__}


def check_device(device: str) -> None:
    """Raises `UsageError` where torch is needed and missing, or has no such device."""
    if device in ("auto", "cpu"):
        return
    try:
        import torch
    except ImportError as exc:
        raise UsageError(
            f"--device {printable(device)} needs torch: {exc}", hint="pip install 'dmlkit[train]'"
        ) from exc
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as exc:
        raise UsageError(f"--device {printable(device)} cannot be used here", hint="--device cpu, or auto") from exc


def of_scales(dataset: str, options: Options) -> dict[str | None, Labels]:
    """The test set of each scale, or, under None, the one of all scales."""
    own = labels.separate_tests(dataset, options.revision)
    if not own:
        return {None: labels.load(dataset, SIDES, revision=options.revision)}
    scales = [scale for scale in options.scales if scale in own]
    if not scales:
        raise UsageError(f"{printable(dataset)} has tests of {', '.join(own)} only")
    return {scale: labels.load(dataset, SIDES, scale, options.revision) for scale in scales}


def one_set(test: Labels) -> bool:
    """Whether query and gallery are the same images."""
    return test.of("query").ids == test.of("gallery").ids


def from_file(given: Embeddings, test: Labels, dataset: str) -> dict[str, NDArray[Any]]:
    sides = SIDES[:1] if one_set(test) else SIDES
    found = {side: given.of(test.of(side).ids, f"the {side} of {printable(dataset)}") for side in sides}
    return {side: found.get(side, found["query"]) for side in SIDES}


def measured(
    test: Labels, vectors: dict[str, NDArray[Any]], scales: Sequence[str], options: Options, notify: Progress
) -> dict[str, Any]:
    query, gallery = test.of("query"), test.of("gallery")
    step = f"rank {scales[0]}" if len(scales) == 1 else "rank"
    return metrics.evaluate(
        vectors["query"],
        query.labels,
        gallery=vectors["gallery"],
        gallery_labels=gallery.labels,
        ids=query.ids,
        gallery_ids=gallery.ids,
        scales=scales,
        conventions=options.conventions,
        jobs=options.jobs,
        device=None if options.device in ("auto", "cpu") else options.device,
        progress=lambda done, total: notify(step, done, total, "queries"),
    )


def notes_on(given: Embeddings, tests: Sequence[Labels]) -> list[str]:
    """What a person should know of the embeddings that they gave."""
    notes = []
    if given.vectors.dtype != np.float32:
        notes.append(f"the embeddings are stored as {given.vectors.dtype}; they are compared as float32")
    unused = set(given.ids).difference(*(test.ids for test in tests))
    if unused:
        notes.append(
            f"{len(unused):,} of the {len(given.ids):,} embeddings are of no query or gallery image and were not "
            f"used: {first_few(sorted(unused))}"
        )
    return notes
