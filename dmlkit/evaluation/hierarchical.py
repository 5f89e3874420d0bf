"""Metrics that use all scales at once: multi-level ASI, H-AP, NDCG, severity of mistakes. See docs/protocol.md.

The level of a gallery item is the number of scales at which it shares the query's class: 3 for the same fine class,
0 for another coarse one. Only items of a level above 0 are matches, and only their ranks matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlkit.evaluation.ranking import Matches, Tables
from dmlkit.evaluation.segments import Segments

LEVELS = (3, 2, 1)
MASKS = (0b111, 0b110, 0b100)
"""Bits of the scales that a level shares: fine is bit 0."""
METRICS = ("ASI", "H-AP", "NDCG", "severity@1")


def is_tree(labels: NDArray[np.int32]) -> bool:
    """Whether all labels (N, 3) are known and every class has one parent at the next scale."""
    if (labels < 0).any():
        return False
    pairs = (np.unique(labels[:, [scale, scale + 1]], axis=0) for scale in range(labels.shape[1] - 1))
    return all(len(np.unique(pair[:, 0])) == len(pair) for pair in pairs)


def scores(matches: Matches, by_rank: Tables) -> dict[str, Any]:
    """The metrics of each query that has a match.

    ``severity@1`` is of the queries only that have a fine match to find and another item at rank 1.
    """
    runs, rank, xp = matches.runs, matches.rank, matches.runs.xp
    of_level = [matches.mask == mask for mask in MASKS]
    size = [runs.total(of) for of in of_level]  # items of each level
    above = [0 * size[0], size[0], size[0] + size[1]]  # items of higher levels
    # How many items of each level stand at this rank or before it.
    found = [xp.cumsum(of, 0) - runs.spread(xp.cumsum(n, 0) - n) for of, n in zip(of_level, size, strict=True)]
    relevance = [v / LEVELS[0] * by_rank.inverse[n] for v, n in zip(LEVELS, size, strict=True)]

    asi, hap, dcg, best = (0 * by_rank.inverse[runs.counts] for _ in range(4))
    for level, of, n, before, its_own in zip(LEVELS, of_level, size, above, relevance, strict=True):
        has = n > 0
        own, place = Segments(n[has], xp), rank[of]
        # The j-th item found of a level counts from the depth at which both rankings have j of that level.
        depth = xp.maximum(place, own.spread(before[has]) + own.number())
        inside = depth <= own.spread(runs.counts[has])
        reached = own.total(inside) * by_rank.harmonic[runs.counts[has]]
        asi[has] += reached - own.total(inside * by_rank.harmonic_before[depth])
        h_rank = sum(own.spread(xp.minimum(r, its_own)[has]) * c[of] for r, c in zip(relevance, found, strict=True))
        hap[has] += own.total(h_rank * by_rank.inverse[place])
        gain = 2**level - 1
        dcg[has] += gain * own.total(by_rank.discount[place])
        best += gain * (by_rank.discounts[before + n] - by_rank.discounts[before])
    at_first = rank[runs.starts] == 1
    first = xp.where(at_first, by_rank.level[0 * runs.counts + matches.mask[runs.starts]], 0)
    mistaken = (size[0] > 0) & (first < LEVELS[0])
    return {
        "ASI": asi / runs.counts,
        "H-AP": hap / sum(r * n for r, n in zip(relevance, size, strict=True)),
        "NDCG": dcg / best,
        "severity@1": LEVELS[0] - first[mistaken],
    }
