"""Where the matches of a query stand in its ranked gallery: exact, in blocks, on the CPU or through torch.

A gallery is ranked by descending similarity; equal similarities by ascending position in the gallery. Only the ranks
of the matches matter to a metric, so nothing else leaves this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dmlkit.evaluation.segments import Segments

BLOCK_BYTES = 128 * 2**20
"""Of the similarities that are held at a time."""
MOST_ROWS = 512
CHUNK = 2**20
"""Similarities of the queries that are ranked and scored at a time: their arrays should fit into a cache."""
FEW = 48
"""Up to so many matches, comparing the gallery with each costs less than sorting it."""

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Scored = TypeVar("Scored")


@dataclass(frozen=True)
class Task:
    """What is ranked: embeddings of (Q, D) and (G, D), and one over their norms.

    Labels are (S, Q) and (S, G) for S <= 8 scales; those below 0 match nothing. ``own`` (Q,) is the position of each
    query in the gallery, where it is left out, or -1.
    """

    queries: Floats
    query_scale: Floats
    query_labels: NDArray[np.int32]
    gallery: Floats
    gallery_scale: Floats
    gallery_labels: NDArray[np.int32]
    own: NDArray[np.int64]


@dataclass(frozen=True)
class Matches:
    """The gallery items that share a label with the queries of a chunk, by query and rank.

    ``queries`` are the queries of the chunk; those that have a match have a run in ``runs``. ``rank`` counts from 1,
    bit s of ``mask`` is set where the item shares the label of scale s. Arrays of numpy, or of torch.
    """

    queries: int
    runs: Segments
    rank: Any
    mask: Any


@dataclass(frozen=True)
class Tables:
    """What depends on a rank n alone, by rank; entry 0 is 0. Arrays of numpy, or of torch.

    ``inverse``: 1 / n. ``harmonic``: its sum up to n; ``harmonic_before``: up to n - 1. ``discount``: 1 / log2(1 + n).
    ``discounts``: its sum up to n. And ``level``: of a mask of three scales, how many of them are shared.
    """

    inverse: Any
    harmonic: Any
    harmonic_before: Any
    discount: Any
    discounts: Any
    level: Any


def tables(gallery: int, device: str | None) -> Tables:
    """The tables for the ranks of a gallery, as arrays of numpy, or of torch on ``device``."""
    inverse, discount = 1 / np.arange(1, gallery + 1), 1 / np.log2(np.arange(2, gallery + 2))
    inverse, discount = (np.concatenate([[0.0], values]) for values in (inverse, discount))
    harmonic = np.cumsum(inverse)
    before = np.concatenate([[0.0], harmonic[:-1]])
    arrays = [inverse, harmonic, before, discount, np.cumsum(discount), np.array([0, 1, 1, 2, 1, 2, 2, 3])]
    if device is None:
        return Tables(*arrays)
    import torch

    return Tables(*(torch.from_numpy(array).to(device) for array in arrays))


def ranked(task: Task, jobs: int, score: Callable[[Matches], Scored]) -> Iterator[Scored]:
    """What ``score`` says of the matches of each chunk of queries, in their order.

    ``jobs`` threads rank and score; the matrix product has those of NumPy's BLAS.
    """
    rows = int(max(8, min(MOST_ROWS, BLOCK_BYTES // (4 * len(task.gallery)), len(task.queries))))
    chunk = max(4, min(64, CHUNK // len(task.gallery)))
    similarities = np.empty((rows, len(task.gallery)), np.float32)
    with ThreadPoolExecutor(jobs) as threads:
        for start in range(0, len(task.queries), rows):
            stop = min(start + rows, len(task.queries))
            block = similarities[: stop - start]
            unit = task.queries[start:stop] * task.query_scale[start:stop, None]
            np.matmul(unit, task.gallery.T, out=block)
            firsts = range(start, stop, chunk)
            parts = [block[first - start : first - start + chunk] for first in firsts]
            yield from threads.map(lambda first, part: score(rank_chunk(task, first, part)), firsts, parts)


def rank_chunk(task: Task, first: int, similarities: Floats) -> Matches:
    """The matches of the queries from ``first`` on. ``similarities``, a row for each, are overwritten."""
    found = []
    for query, row in enumerate(similarities, first):
        row *= task.gallery_scale
        mask = np.zeros(len(row), np.uint8)
        for scale in reversed(range(len(task.query_labels))):
            mask += mask  # the bits of the scales before move up
            if (label := task.query_labels[scale, query]) >= 0:
                mask += task.gallery_labels[scale] == label
        if task.own[query] >= 0:
            row[task.own[query]] = -np.inf
            mask[task.own[query]] = 0
        found.append(rank_row(row, mask))
    counts = np.array([len(ranks) for ranks, _ in found])
    ranks, masks = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Matches(len(found), Segments(counts[counts > 0], np), ranks, masks)


def rank_row(row: Floats, mask: Bytes) -> tuple[NDArray[np.int64], Bytes]:
    """The ranks of the items whose mask is not 0, ascending, and their masks."""
    at = np.flatnonzero(mask != 0)
    if len(at) > FEW:
        in_order = sort(row, mask)
        at = np.flatnonzero(in_order != 0)
        return at + 1, in_order[at]
    ranks = np.empty(len(at), np.int64)
    for i, (j, value) in enumerate(zip(at.tolist(), row[at], strict=True)):
        ranks[i] = 1 + np.count_nonzero(row[:j] >= value) + np.count_nonzero(row[j + 1 :] > value)
    by_rank = np.argsort(ranks)
    return ranks[by_rank], mask[at[by_rank]]


def sort(row: Floats, mask: Bytes) -> Bytes:
    """The masks by descending value of the row; those of equal values keep their order. The row is overwritten.

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


def ranked_by_torch(task: Task, device: str) -> Iterator[Matches]:
    """As `ranked`, with arrays of torch on ``device``."""
    import torch

    def there(array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    gallery, gallery_scale, labels = there(task.gallery), there(task.gallery_scale), there(task.gallery_labels)
    rows = int(max(1, min(MOST_ROWS, BLOCK_BYTES // (4 * len(task.gallery)))))
    for start in range(0, len(task.queries), rows):
        part = slice(start, start + rows)
        unit = there(task.queries[part] * task.query_scale[part, None])
        similarities = (unit @ gallery.T).mul_(gallery_scale)
        mask = torch.zeros(similarities.shape, dtype=torch.uint8, device=device)
        for scale, wanted in enumerate(there(task.query_labels[:, part])):
            mask |= ((labels[scale] == wanted[:, None]) & (wanted[:, None] >= 0)).to(torch.uint8) << scale
        own = there(task.own[part])
        (with_own,) = torch.nonzero(own >= 0, as_tuple=True)
        similarities[with_own, own[with_own]] = -torch.inf
        mask[with_own, own[with_own]] = 0
        in_order = mask.gather(1, similarities.sort(dim=1, descending=True, stable=True).indices)
        counts = (in_order != 0).sum(dim=1)
        row, at = torch.nonzero(in_order, as_tuple=True)
        yield Matches(len(unit), Segments(counts[counts > 0], torch), at + 1, in_order[row, at])
