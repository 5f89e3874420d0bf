"""Evaluate arrays, or a file of embeddings on a dataset: from inputs to the metrics of docs/protocol.md.

>>> import numpy as np
>>> labels = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0]])
>>> result = evaluate(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]]), labels)
>>> result["fine"]["R@1"], result["counts"]["fine"]["queries"]
(1.0, 4)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmlkit import __version__
from dmlkit.errors import EmbeddingsError, UsageError
from dmlkit.evaluation.embeddings import (
    LabelledEmbeddings,
    StoredEmbeddings,
    check_embeddings,
    read_embeddings,
)
from dmlkit.evaluation.labels import QueryGallery, load_test_sets
from dmlkit.evaluation.metrics import CONVENTIONS, compute_means, is_tree, make_result, merge_scales
from dmlkit.evaluation.ranking import RankingProblem, open_device
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage.executor import cpu_count
from dmlkit.text import first_few, plural, printable


@dataclass(frozen=True)
class EvaluateOptions:
    """What to compute, and where.

    ``scales`` are those to evaluate. ``multilevel``: also the metrics of all levels at once, if the labels allow it.
    ``conventions`` are some of `CONVENTIONS`. ``threads`` rank, all cores by default; the matrix product has those of
    NumPy's BLAS. ``device`` is a device of torch, on which everything then runs; None is NumPy on the CPU.
    """

    scales: Sequence[str] = SCALES
    multilevel: bool = True
    conventions: Collection[str] = ()
    threads: int | None = None
    device: str | None = None


def evaluate(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    gallery: ArrayLike | None = None,
    gallery_labels: ArrayLike | None = None,
    ids: Sequence[str] | None = None,
    gallery_ids: Sequence[str] | None = None,
    scales: Sequence[str] = SCALES,
    multilevel: bool = True,
    conventions: Collection[str] = (),
    threads: int | None = None,
    device: str | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Compute the metrics of embeddings (N, D) with labels (N, 3): fine, middle, coarse; below 0 is unknown.

    Without a ``gallery``, every image is searched for among all the others. With one, a query does not find the
    gallery item with its own id, if ``ids`` and ``gallery_ids`` are given. For the other arguments see
    `EvaluateOptions`; they are keywords here, so that a notebook needs nothing but this function.

    Returns for each of ``scales`` the `METRICS`, between 0 and 1, and for all three ``overall``, their mean, and
    ``span``, how far they differ. ``multilevel``: the metrics of all levels at once, if they are wanted, all labels
    are known and they form a tree; else None. ``counts`` of queries. ``conventions``: those that were asked for. A
    mean over no query is NaN.

    Raises `EmbeddingsError` for shapes that do not fit, values that are not finite, a norm of 0 and a repeated id;
    `UsageError` for an unknown scale or convention, and for a device that cannot be used.
    """
    options = EvaluateOptions(scales, multilevel, conventions, threads, device)
    queries = check_embeddings(embeddings, labels, ids)
    if gallery is None:
        return evaluate_embeddings(queries, None, options, progress)
    if gallery_labels is None or (ids is None) != (gallery_ids is None):
        raise EmbeddingsError(
            "a gallery needs its labels, and ids if the queries have ids",
            code="evaluation.incomplete-gallery",
            hint="pass gallery_labels, and gallery_ids with ids",
            has_labels=gallery_labels is not None,
        )
    return evaluate_embeddings(queries, check_embeddings(gallery, gallery_labels, gallery_ids), options, progress)


def evaluate_embeddings(
    queries: LabelledEmbeddings,
    gallery: LabelledEmbeddings | None,
    options: EvaluateOptions,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Compute what `evaluate` does. Without a ``gallery``, each query is searched for among the others."""
    check_options(options)
    problem = make_problem(queries, gallery, options.scales)
    labels = queries.labels if gallery is None else np.concatenate([queries.labels, gallery.labels])
    step = f"rank {options.scales[0]}" if len(options.scales) == 1 else "rank"
    means = compute_means(
        problem,
        options.scales,
        options.multilevel and tuple(options.scales) == SCALES and is_tree(labels),
        None if options.device is None else str(open_device(options.device)),
        options.threads or cpu_count(),
        lambda done, total: progress(step, done, total, "queries"),
    )
    return make_result(means, options.conventions)


def check_options(options: EvaluateOptions) -> None:
    """Raise `UsageError` if there is no scale, or a scale or a convention that does not exist."""
    unknown = sorted(set(options.scales) - set(SCALES))
    if unknown or not options.scales:
        raise UsageError(
            f"unknown scale {printable(unknown[0])}" if unknown else "no scale to evaluate",
            code="evaluation.unknown-scale",
            hint=f"choose from: {', '.join(SCALES)}",
            names=unknown,
        )
    if unknown := sorted(set(options.conventions) - set(CONVENTIONS)):
        raise UsageError(
            f"unknown convention {printable(unknown[0])}",
            code="evaluation.unknown-convention",
            hint=f"choose from: {', '.join(CONVENTIONS)}",
            names=unknown,
        )


def make_problem(
    queries: LabelledEmbeddings, gallery: LabelledEmbeddings | None, scales: Sequence[str] = SCALES
) -> RankingProblem:
    """Arrange embeddings for ranking. Raises `EmbeddingsError` if query and gallery have different dimensions.

    Without a ``gallery``, the queries are the gallery, and each is left out of its own ranking. With one, the gallery
    item with the id of the query is.
    """
    searched = queries if gallery is None else gallery
    if searched.vectors.shape[1] != queries.vectors.shape[1]:
        raise EmbeddingsError(
            f"the queries have {queries.vectors.shape[1]} dimensions, the gallery {searched.vectors.shape[1]}",
            code="evaluation.other-dimensions",
            hint="embed both with the same model",
            dimensions=(queries.vectors.shape[1], searched.vectors.shape[1]),
        )
    columns = [SCALES.index(scale) for scale in scales]
    return RankingProblem(
        queries=queries.vectors,
        query_inverse_norm=queries.inverse_norm,
        query_labels=np.ascontiguousarray(queries.labels.T[columns]),
        gallery=searched.vectors,
        gallery_inverse_norm=searched.inverse_norm,
        gallery_labels=np.ascontiguousarray(searched.labels.T[columns]),
        own_position=find_own_positions(queries, gallery),
    )


def find_own_positions(queries: LabelledEmbeddings, gallery: LabelledEmbeddings | None) -> NDArray[np.int64]:
    """Find the position of each query in the gallery, by id; -1 if it is not there: (Q,)."""
    if gallery is None:
        return np.arange(len(queries.vectors))
    if queries.ids is None or gallery.ids is None:
        return np.full(len(queries.vectors), -1)
    positions = {image_id: i for i, image_id in enumerate(gallery.ids)}
    return np.array([positions.get(image_id, -1) for image_id in queries.ids], np.int64)


def label_embeddings(
    test: QueryGallery, query: NDArray[Any], gallery: NDArray[Any]
) -> tuple[LabelledEmbeddings, LabelledEmbeddings | None]:
    """Give embeddings of the query (Q, D) and the gallery (G, D) of a test set their labels and ids.

    The second is None if query and gallery are the same images.
    """
    queries = check_embeddings(query, test.query.labels, test.query.ids)
    if test.is_one_set:
        return queries, None
    return queries, check_embeddings(gallery, test.gallery.labels, test.gallery.ids)


def evaluate_file(
    path: Path,
    dataset: str,
    options: EvaluateOptions,
    *,
    ids_file: Path | None = None,
    revision: str | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Compute the metrics of a file of embeddings on the test sets of ``dataset``, a folder or a repository.

    Returns what `evaluate` does and ``dataset``, ``embeddings``, ``notes`` and ``dmlkit``: what was evaluated, what a
    reader should know about it, and the version. If a dataset has a test set for each scale, each is evaluated by
    itself. Raises `UsageError`, `DatasetError`, `EmbeddingsError`.
    """
    check_options(options)
    if options.device is not None:
        open_device(options.device)
    stored = read_embeddings(path, ids_file)
    tests = load_test_sets(dataset, options.scales, revision)
    name = printable(dataset)
    results = []
    for test in tests:
        query = stored.select(test.query.ids, f"the query of {name}")
        gallery = query if test.is_one_set else stored.select(test.gallery.ids, f"the gallery of {name}")
        sides = label_embeddings(test, query, gallery)
        results.append(evaluate_embeddings(*sides, options_for(test, options), progress))
    return {
        **merge_scales(results),
        "dataset": describe_dataset(dataset, tests),
        "notes": describe_stored(stored, tests),
        "embeddings": {"file": path.name, "dimensions": stored.vectors.shape[1]},
        "dmlkit": __version__,
    }


def options_for(test: QueryGallery, options: EvaluateOptions) -> EvaluateOptions:
    """Restrict the options to the scales that a test set serves."""
    return EvaluateOptions(test.scales, options.multilevel, options.conventions, options.threads, options.device)


def describe_dataset(dataset: str, tests: Sequence[QueryGallery]) -> Mapping[str, str]:
    """State which dataset was evaluated: its name as given, and the hash of its content, empty if unknown."""
    return {"name": dataset, "content": tests[0].query.content}


def describe_stored(stored: StoredEmbeddings, tests: Sequence[QueryGallery]) -> list[str]:
    """State what a person should know about their embeddings: another type than float32, rows that were not used."""
    notes = []
    if stored.vectors.dtype != np.float32:
        notes.append(f"the embeddings are stored as {stored.vectors.dtype}; they are compared as float32")
    unused = sorted(set(stored.ids).difference(*(side.ids for test in tests for side in (test.query, test.gallery))))
    if unused:
        notes.append(
            f"{len(unused):,} of the {plural(len(stored.ids), 'embedding')} are of no query or gallery image and were "
            f"not used: {first_few(unused)}"
        )
    return notes
