"""What a run finds: of each query of a test set the nearest images of the gallery, by rank.

The ranking is that of `evaluation.api.evaluate`: the same similarities, the same rule for equal ones, the query left
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.folder import BUILD_JSON
from dmlkit.dataset.tables import read_facts
from dmlkit.errors import UnreadableDatasetError
from dmlkit.evaluation.api import EvaluateOptions, evaluate_embeddings, make_problem, options_for
from dmlkit.evaluation.labels import Labels, QueryGallery, load_test_sets
from dmlkit.evaluation.metrics import merge_scales
from dmlkit.evaluation.ranking import Floats, RankingProblem
from dmlkit.schema.progress import Progress
from dmlkit.schema.scales import order_key
from dmlkit.training import evaluate_run
from dmlkit.training.images import ParquetImages, open_images

NEAREST = 10  # images that are shown of each query
MOST_POINTS = 4_000  # on the maps of all test sets together: browsers draw each as an element of its own

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Points:
    """Test images for a map, chosen by hash of their ids, with their embeddings (P, D) of length one."""

    ids: list[str]
    labels: NDArray[np.int32]
    vectors: Floats
    num_images: int  # images that they were chosen from


@dataclass(frozen=True)
class Search:
    """A test set, searched by a run.

    ``scale`` is None where one test set serves all scales. ``nearest`` (Q, `NEAREST`) are positions in the gallery, by
    rank, and ``similarity`` how near they are; -1 and -inf where the gallery has no more. ``metrics`` are those of
    `evaluation.api.evaluate`.
    """

    scale: str | None
    query: Labels
    gallery: Labels
    nearest: Numbers
    similarity: Floats
    metrics: dict[str, Any]
    points: Points


def search_test_sets(folder: Path, dataset: str, progress: Progress) -> list[Search]:
    """Search every test set of ``dataset`` with the run in ``folder``.

    The embeddings of one test set are in memory at a time. Raises `UsageError` for a dataset without a test,
    `RunError` for a run that cannot be read or was trained on another dataset.
    """
    tests = load_test_sets(dataset)
    return [search_test_set(folder, dataset, test, MOST_POINTS // len(tests), progress) for test in tests]


def search_test_set(folder: Path, dataset: str, test: QueryGallery, most_points: int, progress: Progress) -> Search:
    """Embed one test set, compute its metrics, and search its gallery for each query."""
    query, gallery = evaluate_run.embed_test(folder, dataset, test, evaluate_run.EvaluateRunOptions(), progress)
    metrics = evaluate_embeddings(query, gallery, options_for(test, EvaluateOptions()), progress)
    problem = make_problem(query, gallery)
    near, similarity = find_nearest(
        problem, NEAREST, lambda done, total: progress("neighbours", done, total, "queries")
    )
    shown = choose_points(problem, test.query, test.gallery if gallery is not None else None, most_points)
    return Search(test.scale, test.query, test.gallery, near, similarity, metrics, shown)


def merge_metrics(searches: list[Search]) -> dict[str, Any]:
    """Return the metrics of all test sets of a dataset, as `evaluation.api.evaluate` does."""
    return merge_scales([each.metrics for each in searches])


def find_nearest(task: RankingProblem, most: int, progress: Callable[[int, int], None]) -> tuple[Numbers, Floats]:
    """Find the positions in the gallery (Q, ``most``) that are nearest to each query, by rank, and the similarities."""
    positions = np.full((len(task.queries), most), -1, np.int64)
    similarity = np.full((len(task.queries), most), -np.inf, np.float32)
    for query, row in iter_similarities(task, progress):
        least = np.partition(row, -most)[-most] if most < len(row) else -np.inf
        at = np.flatnonzero(row >= least)
        at = at[np.argsort(-row[at], kind="stable")][:most]
        at = at[row[at] > -np.inf]  # the query itself
        positions[query, : len(at)], similarity[query, : len(at)] = at, row[at]
    return positions, similarity


def iter_similarities(task: RankingProblem, progress: Callable[[int, int], None]) -> Iterator[tuple[int, Floats]]:
    """Yield each query and its similarities to the gallery (G,), to itself -inf. Computed in blocks."""
    rows = max(8, task.block_rows)
    for start in range(0, len(task.queries), rows):
        part = slice(start, start + rows)
        block = (task.queries[part] * task.query_inverse_norm[part, None]) @ task.gallery.T
        block *= task.gallery_inverse_norm
        own = task.own_position[part]
        in_gallery = np.flatnonzero(own >= 0)
        block[in_gallery, own[in_gallery]] = -np.inf
        yield from enumerate(block, start)
        progress(min(start + rows, len(task.queries)), len(task.queries))


def choose_points(task: RankingProblem, query: Labels, gallery: Labels | None, most: int) -> Points:
    """Choose up to ``most`` test images for a map. ``gallery`` is None if it is the same images as the query."""
    sides = [(query, task.queries, task.query_inverse_norm)]
    if gallery is not None:
        sides.append((gallery, task.gallery, task.gallery_inverse_norm))
    ids = [image_id for labels, *_ in sides for image_id in labels.ids]
    keys = [order_key(image_id) for image_id in ids]
    rows = np.array(sorted(sorted(range(len(ids)), key=keys.__getitem__)[:most]))
    parts, start = [], 0
    for labels, vectors, scale in sides:
        own = rows[(rows >= start) & (rows < start + len(labels.ids))] - start
        parts.append((labels.labels[own], vectors[own] * scale[own, None]))
        start += len(labels.ids)
    classes, vectors = (np.concatenate(side) for side in zip(*parts, strict=True))
    return Points([ids[row] for row in rows], classes, vectors, len(ids))


def read_build_facts(dataset: str) -> DatasetFacts | None:
    """Read the facts of a dataset folder or repository; None if they cannot be read."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        local = Path(dataset)
        path = local / BUILD_JSON if local.is_dir() else hf_hub_download(dataset, BUILD_JSON, repo_type="dataset")
        return read_facts(Path(path).parent, BUILD_JSON)
    except (OSError, EntryNotFoundError, UnreadableDatasetError):
        return None


def iter_images(dataset: str, scale: str | None, split: str, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """Yield some images of a test set as they are stored, in the order of rows: neighbours share a read."""
    stored = ParquetImages(open_images(dataset), evaluate_run.split_name(split, scale))
    for row in sorted(rows):
        yield row, stored.read_bytes(row)
