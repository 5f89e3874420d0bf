"""Exact retrieval metrics at three semantic scales. docs/protocol.md is the specification.

Embeddings are L2-normalised, similarities are float32, a gallery is ranked by descending similarity and, where that
is equal, by ascending position. A query never finds itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmlkit.errors import EmbeddingsError, UsageError
from dmlkit.evaluation import hierarchical
from dmlkit.evaluation.ranking import Matches, Tables, Task, ranked, ranked_by_torch, tables
from dmlkit.schema.scales import SCALES
from dmlkit.storage.executor import cpu_count
from dmlkit.text import first_few

DEPTHS = (1, 10, 20)
METRICS = ("mAP", "ASI", *(f"R@{k}" for k in DEPTHS), "mAP@R")
CAP = 1023
CONVENTIONS = {
    "four-number-asi": "mean of the three scales' ASI and the multi-level ASI, as HAPPIER's ASI of one test set",
    "capped-map-at-r": f"mAP@R within the first {CAP:,} neighbours, as CLCD's mAP",
}
"""What others call ASI and mAP. Computed where asked for, beside ours."""
SMALLEST_NORM, LARGEST_NORM = 1e-12, 1e30
NORM_ROWS = 4096

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]
Scores = list[dict[str, NDArray[np.float64]]]
"""For each scale, then for all levels: the metrics, each an array over the queries that it is defined for."""


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
    jobs: int | None = None,
    device: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The metrics of embeddings (N, D) with labels (N, 3): fine, middle, coarse, below 0 where not known.

    Without a ``gallery``, every image is searched with among all the others. With one, a query does not find the
    gallery item of its own id, where ``ids`` and ``gallery_ids`` are given.

    Returns for each of ``scales`` the `METRICS`, between 0 and 1, and for all three ``overall``, their mean, and
    ``span``, how far they differ. ``multilevel``: the metrics of all levels at once, where all labels are known and
    form a tree and they are wanted, else None. ``counts`` of queries. ``conventions``: those of `CONVENTIONS` that were
    asked for. A mean over no query is NaN.

    ``jobs`` threads rank; the matrix product has the threads of NumPy's BLAS. With ``device``, all runs through torch
    there. ``progress`` is told how many queries are done, of how many. Raises `EmbeddingsError` for shapes that do not
    fit, values that are not finite, a norm of 0 and an id that is there twice.
    """
    if unknown := set(conventions) - set(CONVENTIONS):
        raise UsageError(f"unknown convention {sorted(unknown)[0]!r}", hint=f"choose of: {', '.join(CONVENTIONS)}")
    sides = [(embeddings, labels, ids)]
    if gallery is not None:
        if gallery_labels is None or (ids is None) != (gallery_ids is None):
            raise EmbeddingsError("a gallery needs its labels, and ids where the queries have ids")
        sides.append((gallery, gallery_labels, gallery_ids))
    task, all_labels = task_of([checked(*side) for side in sides], [side[2] for side in sides], scales)
    levels = multilevel and tuple(scales) == SCALES and hierarchical.is_tree(all_labels)
    sums, done = Sums(), 0
    for rows, scores in scored(task, levels, jobs or cpu_count(), device):
        sums.add(scores)
        done += rows
        progress(done, len(task.queries))
    return report(sums, task, scales, levels, conventions)


def task_of(
    sides: Sequence[tuple[Floats, Labels]], ids: Sequence[Sequence[str] | None], scales: Sequence[str]
) -> tuple[Task, Labels]:
    """What is ranked, and all labels. ``sides`` are the queries and, unless it is the same, the gallery."""
    (queries, query_labels), (gallery, gallery_labels) = sides[0], sides[-1]
    if gallery.shape[1] != queries.shape[1]:
        raise EmbeddingsError(
            f"the queries have {queries.shape[1]} dimensions, the gallery {gallery.shape[1]}",
            hint="embed both with the same model",
        )
    columns = [SCALES.index(scale) for scale in scales]
    inverse = [inverse_norms(vectors, names) for (vectors, _), names in zip(sides, ids, strict=True)]
    task = Task(
        queries=queries,
        query_scale=inverse[0],
        query_labels=np.ascontiguousarray(query_labels.T[columns]),
        gallery=gallery,
        gallery_scale=inverse[-1],
        gallery_labels=np.ascontiguousarray(gallery_labels.T[columns]),
        own=own_places(ids[0], ids[-1], len(queries)) if len(sides) > 1 else np.arange(len(queries)),
    )
    return task, np.concatenate([labels for _, labels in sides])


def checked(embeddings: ArrayLike, labels: ArrayLike, ids: Sequence[str] | None) -> tuple[Floats, Labels]:
    """The embeddings as float32 and the labels as int32, of shapes that fit. Raises `EmbeddingsError`."""
    vectors, integers = np.asarray(embeddings), np.asarray(labels)
    if vectors.ndim != 2 or not vectors.size or vectors.dtype.kind not in "fiu":
        raise EmbeddingsError(
            f"embeddings of shape {vectors.shape} and type {vectors.dtype} cannot be ranked",
            hint="pass an array (images, dimensions) of floats",
        )
    if integers.shape != (len(vectors), len(SCALES)) or integers.dtype.kind not in "iu":
        raise EmbeddingsError(
            f"labels of shape {integers.shape} and type {integers.dtype} do not fit {len(vectors)} embeddings",
            hint=f"pass an array of integers ({len(vectors)}, {len(SCALES)}): fine, middle, coarse",
        )
    if integers.max() > np.iinfo(np.int32).max:
        raise EmbeddingsError(f"the label {integers.max()} is too large", hint="number the classes from 0")
    if ids is not None and len(ids) != len(vectors):
        raise EmbeddingsError(f"{len(ids)} ids do not fit {len(vectors)} embeddings")
    repeated = [name for name, count in Counter(ids or ()).items() if count > 1]
    if repeated:
        raise EmbeddingsError(f"{len(repeated)} ids are there more than once: {first_few(repeated)}")
    with np.errstate(over="ignore"):  # what is too large for float32 is found as not finite
        return np.ascontiguousarray(vectors, np.float32), np.maximum(integers, -1).astype(np.int32)


def inverse_norms(vectors: Floats, ids: Sequence[str] | None) -> Floats:
    """One over the norm of each vector. Raises `EmbeddingsError` with the ids, or rows, of those that have none."""
    parts = (vectors[start : start + NORM_ROWS] for start in range(0, len(vectors), NORM_ROWS))
    norms = np.sqrt(np.concatenate([np.einsum("ij,ij->i", part, part, dtype=np.float64) for part in parts]))
    for what, wrong in (
        ("values that are not finite, or far too large", ~(norms < LARGEST_NORM)),
        ("the norm 0, so no direction", norms < SMALLEST_NORM),
    ):
        if wrong.any():
            rows = np.flatnonzero(wrong).tolist()
            names = [f"row {row}" for row in rows] if ids is None else [ids[row] for row in rows]
            raise EmbeddingsError(
                f"{len(rows):,} of {len(vectors):,} embeddings have {what}: {first_few(names)}",
                hint="did training diverge, or did half precision overflow? Look at these images' embeddings",
            )
    inverse: Floats = (1 / norms).astype(np.float32)
    return inverse


def own_places(ids: Sequence[str] | None, gallery_ids: Sequence[str] | None, queries: int) -> NDArray[np.int64]:
    """The position of each query in the gallery, by id, or -1."""
    if ids is None or gallery_ids is None:
        return np.full(queries, -1)
    places = {name: place for place, name in enumerate(gallery_ids)}
    return np.array([places.get(name, -1) for name in ids], np.int64)


def scored(task: Task, levels: bool, jobs: int, device: str | None) -> Iterator[tuple[int, Scores]]:
    """For each chunk of queries, in order: how many they are, and their scores; with ``levels``, of all levels too."""
    by_rank = tables(len(task.gallery), device)

    def score(matches: Matches) -> tuple[int, Scores]:
        parts = [of_scale(matches, scale, by_rank) for scale in range(len(task.query_labels))]
        if levels:
            parts.append(hierarchical.scores(matches, by_rank))
        return matches.queries, [{name: to_numpy(values) for name, values in part.items()} for part in parts]

    yield from ranked(task, jobs, score) if device is None else map(score, ranked_by_torch(task, device))


def of_scale(matches: Matches, scale: int, by_rank: Tables) -> dict[str, Any]:
    """The metrics of one scale for each query that has a positive."""
    positive = (matches.mask & (1 << scale)) != 0
    runs, rank = matches.runs, matches.rank
    if not positive.all():
        runs, rank = runs.where(positive), rank[positive]
    positives, first = runs.counts, rank[runs.starts]
    precision = runs.number() * by_rank.inverse[rank]
    inside = rank <= runs.spread(positives)
    asi = runs.total(inside) * by_rank.harmonic[positives] - runs.total(inside * by_rank.harmonic_before[rank])
    return {
        "mAP": runs.total(precision) / positives,
        "ASI": asi / positives,
        **{f"R@{k}": first <= k for k in DEPTHS},
        "mAP@R": runs.total(precision * inside) / positives,
        "capped": runs.total(precision * (inside & (rank <= CAP))) / positives,
    }


def to_numpy(values: Any) -> NDArray[np.float64]:
    return values if isinstance(values, np.ndarray) else np.asarray(values.cpu())


class Sums:
    """The sum and the number of values of each metric."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, str], tuple[float, int]] = {}

    def add(self, scores: Scores) -> None:
        for part, metrics in enumerate(scores):
            for name, values in metrics.items():
                total, count = self.values.get((part, name), (0.0, 0))
                self.values[part, name] = total + float(values.sum()), count + len(values)

    def mean(self, part: int, name: str) -> float:
        total, count = self.values[part, name]
        return total / count if count else math.nan

    def count(self, part: int, name: str) -> int:
        return self.values[part, name][1]


def report(sums: Sums, task: Task, scales: Sequence[str], levels: bool, conventions: Collection[str]) -> dict[str, Any]:
    """The means over all queries, as `evaluate` returns them."""
    by_scale = {scale: {name: sums.mean(part, name) for name in METRICS} for part, scale in enumerate(scales)}
    capped = {scale: sums.mean(part, "capped") for part, scale in enumerate(scales)}
    last = len(scales)
    multilevel = {name: sums.mean(last, name) for name in hierarchical.METRICS} if levels else None
    counts: dict[str, Any] = {}
    for part, scale in enumerate(scales):
        used, unknown = sums.count(part, "mAP"), int((task.query_labels[part] < 0).sum())
        counts[scale] = {
            "queries": used,
            "without_label": unknown,
            "without_positive": len(task.queries) - used - unknown,
            "gallery": len(task.gallery),
        }
    if levels:
        counts["mistakes"] = sums.count(last, "severity@1")
    return assembled(by_scale, capped, multilevel, counts, conventions)


def assembled(
    by_scale: Mapping[str, Mapping[str, float]],
    capped: Mapping[str, float],
    multilevel: Mapping[str, float] | None,
    counts: Mapping[str, Any],
    conventions: Collection[str],
) -> dict[str, Any]:
    """What `evaluate` returns, from the metrics of each scale. ``overall`` and ``span`` need all three."""
    result: dict[str, Any] = {**by_scale}
    if complete := set(by_scale) == set(SCALES):
        of = {name: {scale: by_scale[scale][name] for scale in SCALES} for name in METRICS}
        result["overall"] = {name: mean(values.values()) for name, values in of.items()}
        result["span"] = {name: span(values) for name, values in of.items()}
    result |= {"multilevel": multilevel, "counts": counts}
    asked: dict[str, Any] = {}
    if "capped-map-at-r" in conventions:
        asked["capped-map-at-r"] = {**capped, **({"overall": mean(capped.values())} if complete else {})}
    if "four-number-asi" in conventions:
        four = [*(values["ASI"] for values in by_scale.values()), multilevel["ASI"]] if multilevel else []
        asked["four-number-asi"] = mean(four) if four else math.nan
    return result | ({"conventions": asked} if asked else {})


def mean(values: Collection[float]) -> float:
    return math.fsum(values) / len(values)


def span(by_scale: Mapping[str, float]) -> dict[str, Any]:
    """The worst scale and its value, and how much better the best one is."""
    worst = min(by_scale, key=by_scale.__getitem__)
    return {"worst": worst, "value": by_scale[worst], "gap": max(by_scale.values()) - by_scale[worst]}


def merged(found: Mapping[str, Mapping[str, Any]], conventions: Collection[str] = ()) -> dict[str, Any]:
    """One result from those of single scales, each of its own test set. Metrics of all levels at once need one set."""
    capped = {s: of["conventions"]["capped-map-at-r"][s] for s, of in found.items() if "capped-map-at-r" in conventions}
    counts = {scale: of["counts"][scale] for scale, of in found.items()}
    return assembled({scale: of[scale] for scale, of in found.items()}, capped, None, counts, conventions)
