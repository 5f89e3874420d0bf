"""Exact retrieval metrics, of one scale and of all levels at once. docs/protocol.md is the specification.

The level of a gallery item is the number of scales at which it shares the query's class: 3 for the same fine class,
0 for another coarse one. Only items of a level above 0 are matches, and only their ranks matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlkit.evaluation.ranking import (
    Array,
    Matches,
    RankingProblem,
    RankTables,
    Segments,
    make_tables,
    rank_with_torch,
    score_on_cpu,
)
from dmlkit.schema.scales import SCALES

# Depths k of R@k.
DEPTHS = (1, 10, 20)
# The metrics of one scale, and those of all levels at once.
METRICS = ("mAP", "ASI", *(f"R@{k}" for k in DEPTHS), "mAP@R")
LEVEL_METRICS = ("ASI", "H-AP", "NDCG", "severity@1")
# The number of neighbours that CLCD looks at.
CAP = 1023
# What others call ASI and mAP: computed if asked for, beside ours.
CONVENTIONS = {
    "four-number-asi": "mean of the three scales' ASI and the multi-level ASI, as HAPPIER's ASI of one test set",
    "capped-map-at-r": f"mAP@R within the first {CAP:,} neighbours, as CLCD's mAP",
}
# The levels above 0, and the bits of the scales that an item of each level shares with the query: fine is bit 0.
LEVELS = (3, 2, 1)
LEVEL_MASKS = (0b111, 0b110, 0b100)

# For each scale, then for all levels: the metrics, each an array over the queries that it is defined for.
Scores = list[dict[str, NDArray[np.float64]]]


def score_scale(matches: Matches, scale: int, tables: RankTables) -> dict[str, Array]:
    """Compute the metrics of one scale, each (queries,) over the queries that have a positive."""
    positive = (matches.mask & (1 << scale)) != 0
    runs, rank = matches.runs, matches.rank
    if not positive.all():
        runs, rank = runs.select(positive), rank[positive]
    positives, first = runs.counts, rank[runs.starts]
    precision = runs.number_members() * tables.inverse[rank]
    inside = rank <= runs.repeat(positives)
    asi = runs.sum(inside) * tables.harmonic[positives] - runs.sum(inside * tables.harmonic_before[rank])
    return {
        "mAP": runs.sum(precision) / positives,
        "ASI": asi / positives,
        **{f"R@{k}": first <= k for k in DEPTHS},
        "mAP@R": runs.sum(precision * inside) / positives,
        "capped": runs.sum(precision * (inside & (rank <= CAP))) / positives,
    }


def score_levels(matches: Matches, tables: RankTables) -> dict[str, Array]:
    """Compute the metrics of all levels at once, each (queries,) over the queries that have a match.

    ``severity@1`` has only the queries that have a fine match to find and another item at rank 1.
    """
    runs, rank, xp = matches.runs, matches.rank, matches.runs.xp
    is_level = [matches.mask == mask for mask in LEVEL_MASKS]  # (matches,) for each level
    counts = [runs.sum(chosen) for chosen in is_level]  # (queries,): items of each level
    above = [0 * counts[0], counts[0], counts[0] + counts[1]]  # (queries,): items of higher levels
    # (matches,): how many items of each level are at this rank or before it.
    cumulative = [
        xp.cumsum(chosen, 0) - runs.repeat(xp.cumsum(n, 0) - n) for chosen, n in zip(is_level, counts, strict=True)
    ]
    relevances = [level / LEVELS[0] * tables.inverse[n] for level, n in zip(LEVELS, counts, strict=True)]

    asi, hap, dcg, ideal_dcg = (0 * tables.inverse[runs.counts] for _ in range(4))
    for level, chosen, n, before, relevance in zip(LEVELS, is_level, counts, above, relevances, strict=True):
        has = n > 0
        level_runs, level_rank = Segments(n[has], xp), rank[chosen]
        # The j-th item of a level counts from the depth at which both rankings have j items of that level.
        depth = xp.maximum(level_rank, level_runs.repeat(before[has]) + level_runs.number_members())
        inside = depth <= level_runs.repeat(runs.counts[has])
        reached = level_runs.sum(inside) * tables.harmonic[runs.counts[has]]
        asi[has] += reached - level_runs.sum(inside * tables.harmonic_before[depth])
        h_rank = sum(
            level_runs.repeat(xp.minimum(other, relevance)[has]) * up_to[chosen]
            for other, up_to in zip(relevances, cumulative, strict=True)
        )
        hap[has] += level_runs.sum(h_rank * tables.inverse[level_rank])
        gain = 2**level - 1
        dcg[has] += gain * level_runs.sum(tables.discount[level_rank])
        ideal_dcg += gain * (tables.discount_sum[before + n] - tables.discount_sum[before])
    return {
        "ASI": asi / runs.counts,
        "H-AP": hap / sum(r * n for r, n in zip(relevances, counts, strict=True)),
        "NDCG": dcg / ideal_dcg,
        "severity@1": first_mistakes(matches, counts[0], tables),
    }


def first_mistakes(matches: Matches, fine_counts: Array, tables: RankTables) -> Array:
    """Compute 3 minus the level of the item at rank 1, of queries whose fine match is not there: (mistakes,)."""
    runs = matches.runs
    level = tables.level[0 * runs.counts + matches.mask[runs.starts]]  # of the first match, at whatever rank
    first = runs.xp.where(matches.rank[runs.starts] == 1, level, 0)
    return LEVELS[0] - first[(fine_counts > 0) & (first < LEVELS[0])]


def is_tree(labels: NDArray[np.int32]) -> bool:
    """Tell whether all labels (N, 3) are known and every class has one parent at the next scale."""
    if (labels < 0).any():
        return False
    pairs = (np.unique(labels[:, [scale, scale + 1]], axis=0) for scale in range(labels.shape[1] - 1))
    return all(len(np.unique(pair[:, 0])) == len(pair) for pair in pairs)


def iter_scores(
    problem: RankingProblem, with_levels: bool, threads: int, device: str | None
) -> Iterator[tuple[int, Scores]]:
    """Yield for each chunk of queries, in order, how many they are and their scores, as arrays of NumPy."""
    tables = make_tables(len(problem.gallery), device)

    def score(matches: Matches) -> tuple[int, Scores]:
        parts = [score_scale(matches, scale, tables) for scale in range(len(problem.query_labels))]
        if with_levels:
            parts.append(score_levels(matches, tables))
        return matches.num_queries, [{name: to_numpy(values) for name, values in part.items()} for part in parts]

    if device is None:
        yield from score_on_cpu(problem, threads, score)
    else:
        yield from map(score, rank_with_torch(problem, device))


def to_numpy(values: Array) -> NDArray[np.float64]:
    """Copy an array of torch to the CPU; one of NumPy stays as it is."""
    return values if isinstance(values, np.ndarray) else np.asarray(values.cpu())


class MetricSums:
    """The sum and the number of values of each metric: of each scale, then of all levels."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, str], tuple[float, int]] = {}

    def add(self, scores: Scores) -> None:
        """Add the scores of a chunk of queries."""
        for part, arrays in enumerate(scores):
            for name, values in arrays.items():
                total, count = self.values.get((part, name), (0.0, 0))
                self.values[part, name] = total + float(values.sum()), count + len(values)

    def mean(self, part: int, name: str) -> float:
        """Return the mean over all queries that the metric is defined for; NaN if there are none."""
        total, count = self.values[part, name]
        return total / count if count else math.nan

    def count(self, part: int, name: str) -> int:
        """Return the number of queries that the metric is defined for."""
        return self.values[part, name][1]


@dataclass(frozen=True)
class MetricMeans:
    """The means over the queries of one test set, or of one for each scale.

    ``by_scale`` has the `METRICS`, ``capped`` the mAP@R within `CAP` neighbours, ``multilevel`` the `LEVEL_METRICS`.
    """

    by_scale: Mapping[str, Mapping[str, float]]
    capped: Mapping[str, float]
    multilevel: Mapping[str, float] | None
    counts: Mapping[str, Any]


def compute_means(
    problem: RankingProblem,
    scales: Sequence[str],
    with_levels: bool,
    device: str | None,
    threads: int,
    progress: Callable[[int, int], None],
) -> MetricMeans:
    """Rank and score all queries. ``progress`` gets the number of queries that are done, and of all queries."""
    sums, done = MetricSums(), 0
    for num_queries, scores in iter_scores(problem, with_levels, threads, device):
        sums.add(scores)
        done += num_queries
        progress(done, len(problem.queries))
    levels_part = len(scales)
    counts: dict[str, Any] = {}
    for part, scale in enumerate(scales):
        used, unknown = sums.count(part, "mAP"), int((problem.query_labels[part] < 0).sum())
        counts[scale] = {
            "queries": used,
            "without_label": unknown,
            "without_positive": len(problem.queries) - used - unknown,
            "gallery": len(problem.gallery),
        }
    if with_levels:
        counts["mistakes"] = sums.count(levels_part, "severity@1")
    return MetricMeans(
        by_scale={scale: {name: sums.mean(part, name) for name in METRICS} for part, scale in enumerate(scales)},
        capped={scale: sums.mean(part, "capped") for part, scale in enumerate(scales)},
        multilevel={name: sums.mean(levels_part, name) for name in LEVEL_METRICS} if with_levels else None,
        counts=counts,
    )


def make_result(means: MetricMeans, conventions: Collection[str]) -> dict[str, Any]:
    """Arrange the means as `evaluate` returns them. ``overall`` and ``span`` need all three scales."""
    result: dict[str, Any] = {**means.by_scale}
    is_complete = set(means.by_scale) == set(SCALES)
    if is_complete:
        columns = {name: {scale: means.by_scale[scale][name] for scale in SCALES} for name in METRICS}
        result["overall"] = {name: mean(values.values()) for name, values in columns.items()}
        result["span"] = {name: find_span(values) for name, values in columns.items()}
    result |= {"multilevel": means.multilevel, "counts": means.counts}
    theirs: dict[str, Any] = {}
    if "capped-map-at-r" in conventions:
        theirs["capped-map-at-r"] = dict(means.capped)
        if is_complete:
            theirs["capped-map-at-r"]["overall"] = mean(means.capped.values())
    if "four-number-asi" in conventions:
        four = [values["ASI"] for values in means.by_scale.values()]
        theirs["four-number-asi"] = mean([*four, means.multilevel["ASI"]]) if means.multilevel else math.nan
    return result | ({"conventions": theirs} if theirs else {})


def mean(values: Collection[float]) -> float:
    """Compute the unweighted mean, with an exact sum."""
    return math.fsum(values) / len(values)


def find_span(by_scale: Mapping[str, float]) -> dict[str, Any]:
    """Return the worst scale and its value, and how much better the best one is.

    >>> find_span({"fine": 0.25, "middle": 0.5, "coarse": 0.75})
    {'worst': 'fine', 'value': 0.25, 'gap': 0.5}
    """
    worst = min(by_scale, key=by_scale.__getitem__)
    return {"worst": worst, "value": by_scale[worst], "gap": max(by_scale.values()) - by_scale[worst]}


def merge_scales(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge the results of test sets that serve one scale each; return the only one if a test set serves all.

    Metrics of all levels at once need one test set with all labels, so a merged result has none.
    """
    if len(results) == 1:
        return dict(results[0])
    by_scale = {scale: result for result in results for scale in SCALES if scale in result}
    conventions = results[0].get("conventions", {})
    capped = {}
    if "capped-map-at-r" in conventions:
        capped = {scale: result["conventions"]["capped-map-at-r"][scale] for scale, result in by_scale.items()}
    means = MetricMeans(
        by_scale={scale: result[scale] for scale, result in by_scale.items()},
        capped=capped,
        multilevel=None,
        counts={scale: result["counts"][scale] for scale, result in by_scale.items()},
    )
    return make_result(means, conventions)
