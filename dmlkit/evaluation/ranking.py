"""Rank a gallery for each query, exactly and in blocks, on NumPy or torch; keep only the ranks of the matches.

A gallery is ranked by descending similarity; equal similarities by ascending position in the gallery. Every metric
follows from the ranks of the items that share a label with the query, so nothing else leaves this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dmlkit.errors import UsageError
from dmlkit.text import printable, summarize

if TYPE_CHECKING:
    import torch

# Bytes of similarities in memory at a time.
BLOCK_BYTES = 128 * 2**20
# Queries of one matrix product.
MAX_BLOCK_ROWS = 512
# Similarities of the queries that one thread ranks and scores at a time: their arrays should fit into a cache.
CHUNK_VALUES = 2**20
# With at most this many matches, comparing the gallery with each of them costs less than sorting it.
MAX_COMPARED = 48

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Array = Any  # of NumPy, or of torch
Score = TypeVar("Score")


@dataclass(frozen=True)
class RankingProblem:
    """The queries and the gallery to rank: Q and G embeddings of D numbers, with labels at S <= 8 scales.

    An embedding times its inverse norm has length 1. Labels below 0 match nothing. ``own_position`` is the position
    of each query in the gallery, where it is left out, or -1.
    """

    queries: Floats  # (Q, D)
    query_inverse_norm: Floats  # (Q,)
    query_labels: NDArray[np.int32]  # (S, Q)
    gallery: Floats  # (G, D)
    gallery_inverse_norm: Floats  # (G,)
    gallery_labels: NDArray[np.int32]  # (S, G)
    own_position: NDArray[np.int64]  # (Q,)

    @property
    def block_rows(self) -> int:
        """The number of queries whose similarities to the gallery fit into `BLOCK_BYTES`."""
        return min(MAX_BLOCK_ROWS, BLOCK_BYTES // (4 * len(self.gallery)))


@dataclass(frozen=True)
class Segments:
    """Arithmetic on runs of values, one run after the other in one array: here a run for each query.

    ``counts`` (runs,) is the length of each run; none is empty. Arrays are of the module ``xp``: numpy or torch.
    """

    counts: Array
    xp: ModuleType

    @property
    def starts(self) -> Array:
        """The index of the first member of every run: (runs,).

        >>> Segments(np.array([2, 1, 3]), np).starts
        array([0, 2, 3])
        """
        return self.xp.cumsum(self.counts, 0) - self.counts

    def repeat(self, values: Array) -> Array:
        """Repeat one value per run for every member of the run: (runs,) -> (members,).

        >>> Segments(np.array([2, 1]), np).repeat(np.array([7, 9]))
        array([7, 7, 9])
        """
        return np.repeat(values, self.counts) if self.xp is np else self.xp.repeat_interleave(values, self.counts)

    def sum(self, values: Array) -> Array:
        """Sum the members of every run: (members,) -> (runs,). Booleans are counted.

        >>> Segments(np.array([2, 1]), np).sum(np.array([0.5, 1.0, 4.0]))
        array([1.5, 4. ])
        """
        if not len(values):
            return 0 * self.counts
        if self.xp is np:
            return np.add.reduceat(values, self.starts, dtype=np.int64 if values.dtype == np.bool_ else values.dtype)
        if values.is_floating_point():
            return self.xp.segment_reduce(values, "sum", lengths=self.counts)
        ends = self.xp.cumsum(values, 0)[self.starts + self.counts - 1]
        return self.xp.diff(ends, prepend=0 * ends[:1])

    def number_members(self) -> Array:
        """Number the members of every run from 1: (members,).

        >>> Segments(np.array([2, 1, 3]), np).number_members()
        array([1, 2, 1, 1, 2, 3])
        """
        starts = self.repeat(self.starts)
        options = {} if self.xp is np else {"device": starts.device}
        return self.xp.arange(1, len(starts) + 1, **options) - starts

    def select(self, chosen: Array) -> Segments:
        """Keep the chosen members, given as booleans (members,); runs without one are dropped.

        >>> Segments(np.array([2, 1]), np).select(np.array([True, True, False])).counts
        array([2])
        """
        counts = self.sum(chosen)
        return Segments(counts[counts > 0], self.xp)


@dataclass(frozen=True)
class Matches:
    """The gallery items that share a label with the queries of a chunk, by query and rank.

    ``runs`` has a run for each of the ``num_queries`` that has a match. ``rank`` (matches,) counts from 1; bit s of
    ``mask`` (matches,) is set if the item shares the query's label at scale s.
    """

    num_queries: int
    runs: Segments
    rank: Array
    mask: Array


@dataclass(frozen=True)
class RankTables:
    """What depends on a rank n alone, by rank: (G + 1,) each, 0 at index 0. Arrays are of NumPy or torch."""

    inverse: Array  # 1 / n
    harmonic: Array  # 1 + 1/2 + ... + 1/n
    harmonic_before: Array  # the same up to n - 1
    discount: Array  # 1 / log2(1 + n)
    discount_sum: Array  # its sum up to n
    level: Array  # (8,): for a mask of three scales, how many of them are shared


def make_tables(num_ranks: int, device: str | None) -> RankTables:
    """Compute the tables up to a rank, as arrays of NumPy, or of torch on ``device``."""
    inverse, discount = 1 / np.arange(1, num_ranks + 1), 1 / np.log2(np.arange(2, num_ranks + 2))
    inverse, discount = (np.concatenate([[0.0], values]) for values in (inverse, discount))
    harmonic = np.cumsum(inverse)
    before = np.concatenate([[0.0], harmonic[:-1]])
    arrays = [inverse, harmonic, before, discount, np.cumsum(discount), np.array([0, 1, 1, 2, 1, 2, 2, 3])]
    if device is None:
        return RankTables(*arrays)
    import torch

    return RankTables(*(torch.from_numpy(array).to(device) for array in arrays))


def score_on_cpu(problem: RankingProblem, threads: int, score: Callable[[Matches], Score]) -> Iterator[Score]:
    """Rank the gallery for chunks of queries and yield the score of each chunk's matches, in the order of queries.

    ``threads`` rank and score; the matrix product has the threads of NumPy's BLAS.
    """
    rows = int(max(8, min(problem.block_rows, len(problem.queries))))
    chunk = max(4, min(64, CHUNK_VALUES // len(problem.gallery)))
    similarities = np.empty((rows, len(problem.gallery)), np.float32)
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(problem.queries), rows):
            stop = min(start + rows, len(problem.queries))
            block = similarities[: stop - start]
            unit = problem.queries[start:stop] * problem.query_inverse_norm[start:stop, None]
            np.matmul(unit, problem.gallery.T, out=block)
            firsts = range(start, stop, chunk)
            parts = [block[first - start : first - start + chunk] for first in firsts]
            yield from pool.map(lambda first, part: score(rank_chunk(problem, first, part)), firsts, parts)


def rank_chunk(problem: RankingProblem, first: int, similarities: Floats) -> Matches:
    """Rank the gallery for the queries from ``first`` on. ``similarities`` (queries, G) are overwritten."""
    ranked = []
    for query, row in enumerate(similarities, first):
        row *= problem.gallery_inverse_norm
        mask = np.zeros(len(row), np.uint8)
        for scale in reversed(range(len(problem.query_labels))):
            mask += mask  # the bits of the scales before move up
            if (label := problem.query_labels[scale, query]) >= 0:
                mask += problem.gallery_labels[scale] == label
        if problem.own_position[query] >= 0:
            row[problem.own_position[query]] = -np.inf
            mask[problem.own_position[query]] = 0
        ranked.append(rank_row(row, mask))
    counts = np.array([len(ranks) for ranks, _ in ranked])
    ranks, masks = (np.concatenate(parts) for parts in zip(*ranked, strict=True))
    return Matches(len(ranked), Segments(counts[counts > 0], np), ranks, masks)


def rank_row(row: Floats, mask: Bytes) -> tuple[NDArray[np.int64], Bytes]:
    """Return the ranks of the items whose mask is not 0, ascending, and their masks. The row can be overwritten."""
    positions = np.flatnonzero(mask != 0)
    if len(positions) > MAX_COMPARED:
        sorted_mask = sort_mask(row, mask)
        positions = np.flatnonzero(sorted_mask != 0)
        return positions + 1, sorted_mask[positions]
    ranks = np.empty(len(positions), np.int64)
    for i, (j, value) in enumerate(zip(positions.tolist(), row[positions], strict=True)):
        ranks[i] = 1 + np.count_nonzero(row[:j] >= value) + np.count_nonzero(row[j + 1 :] > value)
    by_rank = np.argsort(ranks)
    return ranks[by_rank], mask[positions[by_rank]]


def sort_mask(row: Floats, mask: Bytes) -> Bytes:
    """Order the masks by descending value of the row; those of equal values keep their order. The row is overwritten.

    The bits of a float, read as an integer, order positive values rightly and negative ones the wrong way round. Two
    sorts by 16 bits each, the lower first: NumPy has a radix sort for these. Its time does not depend on the vector
    instructions that NumPy chooses; that of its sort of 64-bit keys, the other exact way, was seen to vary fourfold.
    """
    row += np.float32(0)  # turns -0 into 0, its equal
    keys = row.view(np.int32)
    flip = keys >> 31
    np.invert(flip, out=flip)
    flip &= 0x7FFFFFFF
    keys ^= flip
    order = keys.astype(np.uint16).argsort(kind="stable")
    keys >>= 16
    high, mask = keys.astype(np.uint16).take(order), mask.take(order)
    return mask.take(high.argsort(kind="stable"))


def rank_with_torch(problem: RankingProblem, device: str) -> Iterator[Matches]:
    """Rank the gallery for blocks of queries, in their order, with arrays of torch on ``device``."""
    import torch

    def to_device(array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    gallery, gallery_inverse_norm = to_device(problem.gallery), to_device(problem.gallery_inverse_norm)
    labels = to_device(problem.gallery_labels)
    rows = max(1, problem.block_rows)
    for start in range(0, len(problem.queries), rows):
        part = slice(start, start + rows)
        unit = to_device(problem.queries[part] * problem.query_inverse_norm[part, None])
        similarities = (unit @ gallery.T).mul_(gallery_inverse_norm)  # (queries, G)
        mask = torch.zeros(similarities.shape, dtype=torch.uint8, device=device)
        for scale, wanted in enumerate(to_device(problem.query_labels[:, part])):
            mask |= ((labels[scale] == wanted[:, None]) & (wanted[:, None] >= 0)).to(torch.uint8) << scale
        own = to_device(problem.own_position[part])
        (with_own,) = torch.nonzero(own >= 0, as_tuple=True)
        similarities[with_own, own[with_own]] = -torch.inf
        mask[with_own, own[with_own]] = 0
        sorted_mask = mask.gather(1, similarities.sort(dim=1, descending=True, stable=True).indices)
        counts = (sorted_mask != 0).sum(dim=1)
        row, position = torch.nonzero(sorted_mask, as_tuple=True)
        yield Matches(len(unit), Segments(counts[counts > 0], torch), position + 1, sorted_mask[row, position])


def open_device(name: str) -> torch.device:
    """Return the torch device of a name such as ``cuda:1``; ``cuda`` alone is the current one.

    Raises `UsageError` if torch is not installed or cannot use the device.
    """
    try:
        import torch
    except ImportError as exc:
        raise UsageError(
            f"the device {printable(name)} needs torch: {summarize(exc)}",
            code="evaluation.no-torch",
            hint="pip install 'dmlkit[train]'",
            device=name,
        ) from exc
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", torch.cuda.current_device())
        torch.zeros(1, dtype=torch.float64, device=device).cpu()  # sums are in float64, which not every device has
    except (RuntimeError, AssertionError, ValueError, TypeError) as exc:
        raise UsageError(
            f"cannot use the device {printable(name)}: {summarize(exc)}",
            code="evaluation.bad-device",
            hint="choose cpu, or auto",
            device=name,
        ) from exc
    return device
