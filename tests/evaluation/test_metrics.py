"""The metrics are what docs/protocol.md defines: held against slow double-precision code and other libraries."""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlkit.evaluation import metrics, ranking
from dmlkit.evaluation.api import evaluate
from dmlkit.schema.scales import SCALES
from tests.support.requirements import installed

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
WAYS = ["compared", "sorted", "torch"]


# ---- the definitions, as slowly as they are written ----


def ranked_levels(similarity, shared, own):
    """For each item of the ranking, which scales it shares. Ties: ascending place in the gallery."""
    order = sorted((j for j in range(len(similarity)) if j != own), key=lambda j: (-similarity[j], j))
    return [shared[j] for j in order]


def of_one_scale(relevant, cap=1023):
    """The metrics of one ranking of 0 and 1, or None without a positive."""
    positives = sum(relevant)
    if not positives:
        return None
    precision = [sum(relevant[:n]) / n for n in range(1, len(relevant) + 1)]
    hits = [n for n, r in enumerate(relevant) if r]
    return {
        "mAP": sum(precision[n] for n in hits) / positives,
        "ASI": sum(precision[:positives]) / positives,
        **{f"R@{k}": float(any(relevant[:k])) for k in (1, 10, 20)},
        "mAP@R": sum(precision[n] for n in hits if n < positives) / positives,
        "capped": sum(precision[n] for n in hits if n < min(positives, cap)) / positives,
    }


def of_all_levels(levels):
    """The multi-level metrics of one ranking of levels 0 to 3."""
    ideal = sorted(levels, reverse=True)
    matched = sum(level > 0 for level in levels)
    if not matched:
        return {}
    common = [sum(min(levels[:n].count(v), ideal[:n].count(v)) for v in range(4)) / n for n in range(1, matched + 1)]
    relevance = [v / 3 / levels.count(v) if v else 0 for v in levels]
    h_rank = [sum(min(relevance[j], relevance[k]) for j in range(k + 1)) for k in range(len(levels))]
    dcg = sum((2**v - 1) / math.log2(1 + n) for n, v in enumerate(levels, 1))
    best = sum((2**v - 1) / math.log2(1 + n) for n, v in enumerate(ideal, 1))
    hap = sum(h / n for n, (h, r) in enumerate(zip(h_rank, relevance, strict=True), 1) if r) / sum(relevance)
    found = {"ASI": sum(common) / matched, "H-AP": hap, "NDCG": dcg / best}
    return found | ({"severity@1": 3 - levels[0]} if 3 in levels and levels[0] < 3 else {})


def reference(queries, labels, gallery, gallery_labels, own, cap=1023):
    """The means, scale by scale and of all levels, in double precision."""
    queries, gallery = np.asarray(queries, np.float64), np.asarray(gallery, np.float64)
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    scales, levels = ({s: [] for s in SCALES}, [])
    for q, label, mine in zip(queries, labels, own, strict=True):
        shared = [tuple(a == b >= 0 for a, b in zip(label, other, strict=True)) for other in gallery_labels]
        ranking_ = ranked_levels((gallery @ q).tolist(), shared, mine)
        for i, scale in enumerate(SCALES):
            scales[scale].append(of_one_scale([int(s[i]) for s in ranking_], cap))
        levels.append(of_all_levels([sum(s) for s in ranking_]))
    means = {s: mean([row for row in rows if row]) for s, rows in scales.items()}
    return means, {
        name: mean([{name: row[name]} for row in levels if name in row]).get(name, math.nan) for name in LEVELS
    }


LEVELS = ("ASI", "H-AP", "NDCG", "severity@1")


def mean(rows):
    return {name: sum(row[name] for row in rows) / len(rows) for name in (rows[0] if rows else ())}


def by(way, monkeypatch_context, *args, **kwargs):
    """`evaluate` with one of the three ways of ranking."""
    monkeypatch_context.setattr(ranking, "MAX_COMPARED", {"compared": 10**9, "sorted": 0, "torch": 0}[way])
    return evaluate(*args, threads=1, device="cpu" if way == "torch" else None, **kwargs)


def check(result, means, levels, tolerance=1e-12):
    for scale in SCALES:
        for name in metrics.METRICS:
            wanted = means[scale].get(name, math.nan)
            assert result[scale][name] == pytest.approx(wanted, abs=tolerance, nan_ok=True), (scale, name)
    for name in LEVELS if result["multilevel"] else ():
        assert result["multilevel"][name] == pytest.approx(levels[name], abs=tolerance, nan_ok=True), name


def tree(fine, middles, coarses):
    """Labels (N, 3) of a tree, from fine labels."""
    middle = np.asarray(fine) % middles
    return np.stack([fine, middle, middle % coarses], axis=1).astype(np.int32)


@lru_cache
def similarities_apart(images, dimensions):
    """Clusters whose similarities to one image are never so near that float32 could swap them."""
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        labels = tree(rng.integers(0, 24, images), 8, 3)
        embeddings = rng.normal(size=(images, dimensions))
        for column in range(3):
            embeddings += 0.5 * rng.normal(size=(24, dimensions))[labels[:, column]]
        unit = embeddings.astype(np.float32).astype(np.float64)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        if np.diff(np.sort(unit @ unit.T, axis=1)).min() > 1e-6:
            return embeddings.astype(np.float32), labels
    raise AssertionError


def clusters(images=90, dimensions=32):
    """Embeddings as a trained network gives them: near each other within each class, at every scale."""
    embeddings, labels = similarities_apart(images, dimensions)
    return embeddings.copy(), labels.copy()


# ---- the worked example ----

LEVELS_OF_EXAMPLE = [2, 3, 0, 3, 1, 0]
LABELS_BY_LEVEL = {3: (0, 0, 0), 2: (1, 0, 0), 1: (2, 1, 0), 0: (3, 2, 1)}


def example(**kwargs):
    angles = np.radians([10, 20, 30, 40, 50, 60])
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    labels = [LABELS_BY_LEVEL[level] for level in LEVELS_OF_EXAMPLE]
    return evaluate([[1.0, 0.0]], [LABELS_BY_LEVEL[3]], gallery=gallery, gallery_labels=labels, **kwargs)


def test_worked_example_is_as_by_hand():
    wanted = {
        "fine": {"mAP": 1 / 2, "ASI": 1 / 4, "R@1": 0, "R@10": 1, "R@20": 1, "mAP@R": 1 / 4},
        "middle": {"mAP": 11 / 12, "ASI": 8 / 9, "R@1": 1, "R@10": 1, "R@20": 1, "mAP@R": 2 / 3},
        "coarse": {"mAP": 71 / 80, "ASI": 41 / 48, "R@1": 1, "R@10": 1, "R@20": 1, "mAP@R": 11 / 16},
        "multilevel": {"ASI": 23 / 48, "H-AP": 217 / 240, "NDCG": 0.810515, "severity@1": 1},
    }
    result = example()
    for part, values in wanted.items():
        assert result[part] == pytest.approx(values, abs=1e-6), part
    assert result["overall"]["mAP"] == pytest.approx((1 / 2 + 11 / 12 + 71 / 80) / 3)
    assert result["span"]["mAP"] == pytest.approx({"worst": "fine", "value": 1 / 2, "gap": 11 / 12 - 1 / 2})
    page = PAGE.read_text(encoding="utf-8")
    for part in wanted:
        for name in ("mAP", "ASI", "mAP@R", "H-AP", "NDCG"):
            if name in result[part]:
                assert f"{result[part][name]:.4f}" in page, f"{part} {name} is not in the page"


# ---- against the definitions ----


@st.composite
def cases(draw):
    """Small sets with many ties: entries of 1 and -1, so that norms and similarities are exact in float32.

    Returns embeddings, labels, and the number of the first embeddings that are queries; at least one more follows.
    """
    num_queries, others = draw(st.integers(1, 10)), draw(st.integers(1, 12))
    count = num_queries + others
    signs = st.lists(st.sampled_from([-1, 1]), min_size=4, max_size=4)
    vectors = draw(st.lists(signs, min_size=count, max_size=count))
    low = draw(st.sampled_from([-1, 0]))
    fine = draw(st.lists(st.integers(low, 5), min_size=count, max_size=count))
    labels = tree(fine, 3, 2) if draw(st.booleans()) else draw(random_labels(count))
    labels[np.array(fine) < 0] = -1
    return np.array(vectors, np.float32), labels, num_queries


@st.composite
def random_labels(draw, n):
    row = st.tuples(*[st.integers(-1, 2)] * 3)
    return np.array(draw(st.lists(row, min_size=n, max_size=n)), np.int32)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_one_set_is_as_by_brute_force(way, case):
    vectors, labels, _ = case
    with pytest.MonkeyPatch.context() as patch:
        result = by(way, patch, vectors, labels)
    check(result, *reference(vectors, labels, vectors, labels, range(len(vectors))))


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_queries_in_the_gallery_are_left_out_by_id(way, case):
    vectors, labels, n = case
    order = list(range(len(vectors)))[::-1]
    gallery = {"gallery": vectors[order], "gallery_labels": labels[order], "gallery_ids": [f"p{i}" for i in order]}
    with pytest.MonkeyPatch.context() as patch:
        result = by(way, patch, vectors[:n], labels[:n], ids=[f"p{i}" for i in range(n)], **gallery)
    own = [order.index(i) for i in range(n)]
    check(result, *reference(vectors[:n], labels[:n], vectors[order], labels[order], own))


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_gallery_apart_is_as_by_brute_force(way, case):
    vectors, labels, n = case
    with pytest.MonkeyPatch.context() as patch:
        result = by(way, patch, vectors[:n], labels[:n], gallery=vectors[n:], gallery_labels=labels[n:])
    check(result, *reference(vectors[:n], labels[:n], vectors[n:], labels[n:], [None] * n))
    assert result["counts"]["fine"]["gallery"] == len(vectors) - n > 0


@pytest.mark.parametrize("way", WAYS)
def test_clusters_are_as_in_double_precision(way, monkeypatch):
    embeddings, labels = clusters()
    result = by(way, monkeypatch, embeddings, labels)
    check(result, *reference(embeddings, labels, embeddings, labels, range(len(labels))), tolerance=1e-9)
    assert 0.2 < result["overall"]["mAP"] < 0.9


def test_queries_without_a_match_leave_others_alone(monkeypatch):
    """Chunks in which some queries have no match, and the first and last have none."""
    embeddings, labels = clusters(60)
    labels[[0, 7, 8, 59]] = [[100 + i, 100 + i, 100 + i] for i in range(4)]
    monkeypatch.setattr(ranking, "CHUNK_VALUES", 5 * 60)
    result = evaluate(embeddings, labels, threads=1)
    check(result, *reference(embeddings, labels, embeddings, labels, range(60)), tolerance=1e-9)
    assert result["counts"]["coarse"] == {"queries": 56, "without_label": 0, "without_positive": 4, "gallery": 60}


# ---- against other libraries ----


def test_pytorch_metric_learning_gives_the_same():
    installed("torch", "pytorch_metric_learning")
    import torch
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    names = {"mean_average_precision": "mAP", "mean_average_precision_at_r": "mAP@R", "precision_at_1": "R@1"}
    calculator = AccuracyCalculator(
        include=tuple(names), k=None, device=torch.device("cpu"), knn_func=CustomKNN(CosineSimilarity())
    )
    embeddings, labels = clusters()
    labels[:3, 0] = [100, 101, 102]  # they have no positive: that library leaves them out, too
    result = evaluate(embeddings, labels, threads=1)
    for column, scale in enumerate(SCALES):
        wanted = torch.from_numpy(labels[:, column]).long()
        theirs = calculator.get_accuracy(torch.from_numpy(embeddings), wanted)
        for name, ours in names.items():
            assert result[scale][ours] == pytest.approx(theirs[name], abs=1e-6), (scale, name)


def test_definitions_by_cumulated_counts_give_the_same():
    """ASI, H-AP and NDCG as HAPPIER computes them: over the whole ranking, with counts up to each depth."""
    embeddings, labels = clusters()
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :-1]
    level = (labels[:, None] == labels[order]).sum(axis=2)
    ideal, depth = -np.sort(-level, axis=1), np.arange(1, level.shape[1] + 1)
    values = np.arange(4)[None, :, None]
    counts, best = ((of[:, None] == values).cumsum(axis=2) for of in (level, ideal))
    asi = (np.minimum(counts, best).sum(axis=1) / depth * (ideal > 0)).sum(axis=1) / (ideal > 0).sum(axis=1)
    of_level = np.arange(4) / 3 / np.maximum(counts[:, :, -1], 1)
    relevance = np.take_along_axis(of_level, level, axis=1)
    h_rank = (np.minimum(relevance[:, None], of_level[:, 1:, None]) * counts[:, 1:]).sum(axis=1)
    hap = (h_rank / depth * (level > 0)).sum(axis=1) / relevance.sum(axis=1)
    gain = [((2.0**of - 1) / np.log2(1 + depth)).sum(axis=1) for of in (level, ideal)]
    found = evaluate(embeddings, labels, threads=1)["multilevel"]
    assert found["ASI"] == pytest.approx(asi.mean(), abs=1e-9)
    assert found["H-AP"] == pytest.approx(hap.mean(), abs=1e-9)
    assert found["NDCG"] == pytest.approx((gain[0] / gain[1]).mean(), abs=1e-9)


# ---- what must hold for any embeddings ----


def test_random_embeddings_are_at_chance():
    rng = np.random.default_rng(0)
    images = 1200
    labels = tree(np.arange(images) % 40, 8, 4)
    result = evaluate(rng.normal(size=(images, 64)), labels, threads=1)
    others = images - 1
    harmonic = (1 / np.arange(1, others + 1)).sum()
    for scale, classes in zip(SCALES, (40, 8, 4), strict=True):
        positives = images / classes - 1
        share = (positives - 1) / (others - 1)
        assert result[scale]["mAP"] == pytest.approx(share + (1 - share) * harmonic / others, abs=0.004), scale
        assert result[scale]["R@1"] == pytest.approx(positives / others, abs=0.04), scale
        assert result[scale]["ASI"] == pytest.approx(positives / others, abs=0.01), scale


def test_perfect_embeddings_score_1_everywhere():
    labels = tree(np.repeat(np.arange(12), 4), 6, 2)
    embeddings = np.concatenate([w * np.eye(12)[labels[:, i]] for i, w in enumerate((1.0, 1.2, 1.4))], axis=1)
    result = evaluate(embeddings, labels, threads=1)
    assert result["overall"] == pytest.approx(dict.fromkeys(metrics.METRICS, 1))
    assert result["multilevel"]["NDCG"] == result["multilevel"]["ASI"] == pytest.approx(1)
    assert math.isnan(result["multilevel"]["severity@1"])
    assert result["counts"]["mistakes"] == 0


def test_gallery_order_is_irrelevant_without_ties():
    embeddings, labels = clusters()
    order = np.random.default_rng(1).permutation(70)
    one = evaluate(embeddings[70:], labels[70:], gallery=embeddings[:70], gallery_labels=labels[:70], threads=1)
    other = evaluate(
        embeddings[70:], labels[70:], gallery=embeddings[:70][order], gallery_labels=labels[:70][order], threads=1
    )
    for part in (*SCALES, "overall", "multilevel"):
        assert one[part] == pytest.approx(other[part], abs=1e-9)


def test_ties_are_ordered_by_gallery_position():
    labels = [[0, 0, 0]]
    same = np.tile([1.0, 1.0], (3, 1))
    for place, wanted in enumerate([1, 1 / 2, 1 / 3]):
        gallery_labels = np.ones((3, 3), int)
        gallery_labels[place] = 0
        found = evaluate([[1.0, 0.0]], labels, gallery=same, gallery_labels=gallery_labels)
        assert found["fine"]["mAP"] == pytest.approx(wanted)


@pytest.mark.parametrize("few", [0, 100])
def test_minus_zero_equals_zero(monkeypatch, few):
    """A product too small for float32 leaves either."""
    monkeypatch.setattr(ranking, "MAX_COMPARED", few)
    mask = np.array([0, 1, 2, 3], np.uint8)
    for values in ([-0.0, 0.0, -0.0, 0.0], [0.0, -0.0, 0.0, -0.0]):
        ranks, masks = ranking.rank_row(np.array(values, np.float32), mask.copy())
        assert ranks.tolist() == [2, 3, 4]
        assert masks.tolist() == [1, 2, 3]


def test_length_of_embeddings_does_not_matter():
    embeddings, labels = clusters()
    factors = 2.0 ** np.random.default_rng(1).integers(-20, 20, (len(embeddings), 1))
    assert evaluate(embeddings * factors.astype(np.float32), labels, threads=1) == evaluate(
        embeddings, labels, threads=1
    )
    tiny = evaluate(embeddings * np.float32(1e-9), labels, threads=1)
    assert tiny["overall"] == pytest.approx(evaluate(embeddings, labels, threads=1)["overall"], abs=1e-5)


@pytest.mark.parametrize(("block", "chunk", "threads"), [(1, 1, 1), (90 * 4 * 17, 90 * 5, 2), (2**30, 2**20, 3)])
def test_blocks_and_threads_change_nothing(monkeypatch, block, chunk, threads):
    embeddings, labels = clusters()
    signs = np.where(embeddings > 0, 1, -1)[:, :16]  # exact in float32, with many ties
    wanted = [evaluate(of, labels, threads=1) for of in (signs, embeddings)]
    monkeypatch.setattr(ranking, "BLOCK_BYTES", block)
    monkeypatch.setattr(ranking, "CHUNK_VALUES", chunk)
    exact, rounded = (evaluate(of, labels, threads=threads) for of in (signs, embeddings))
    for part in (*SCALES, "multilevel"):
        assert exact[part] == pytest.approx(wanted[0][part], abs=1e-13)
        assert rounded[part] == pytest.approx(wanted[1][part], abs=1e-6)


def test_progress_ends_with_all_queries():
    embeddings, labels = clusters()
    reports = []
    evaluate(embeddings, labels, threads=1, progress=lambda *report: reports.append(report))
    assert reports == sorted(reports)
    assert reports[-1] == ("rank", 90, 90, "queries")


def test_progress_names_a_single_scale():
    reports = []
    evaluate(np.ones((2, 3)), np.zeros((2, 3), int), scales=["coarse"], progress=lambda *r: reports.append(r))
    assert reports == [("rank coarse", 2, 2, "queries")]


# ---- self, unknown labels, queries without a positive ----


def test_query_does_not_find_itself_among_copies():
    same = np.ones((3, 4))
    labels = [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    result = evaluate(same, labels, threads=1)
    # For the second image its own place would have been after the first; the first finds the second at rank 1.
    assert result["fine"]["R@1"] == 1
    assert result["counts"]["fine"] == {"queries": 2, "without_label": 0, "without_positive": 1, "gallery": 3}


def test_without_ids_the_whole_gallery_is_ranked():
    found = evaluate([[1.0, 0.0]], [[0, 0, 0]], gallery=[[1.0, 0.0], [0.0, 1.0]], gallery_labels=[[0, 0, 0], [1, 1, 1]])
    assert found["fine"]["R@1"] == 1


def test_query_whose_only_positive_is_itself_is_out():
    ids, gallery = ["a"], [[1.0, 0.0], [0.0, 1.0]]
    found = evaluate(
        [[1.0, 0.0]],
        [[0, 0, 0]],
        gallery=gallery,
        gallery_labels=[[0, 0, 0], [1, 1, 0]],
        ids=ids,
        gallery_ids=["a", "b"],
    )
    assert math.isnan(found["fine"]["mAP"])
    assert math.isnan(found["overall"]["mAP"])
    assert found["counts"]["fine"]["without_positive"] == 1
    assert found["coarse"]["mAP"] == 1


def test_unknown_labels_match_nothing():
    labels = np.array([[-1, 0, 0], [-1, 0, 0], [2, -1, 0], [2, 1, 0]])
    result = evaluate(np.eye(4) + 0.1, labels, threads=1)
    counts = result["counts"]
    assert counts["fine"] == {"queries": 2, "without_label": 2, "without_positive": 0, "gallery": 4}
    assert counts["middle"] == {"queries": 2, "without_label": 1, "without_positive": 1, "gallery": 4}
    assert counts["coarse"]["queries"] == 4
    assert result["multilevel"] is None


@pytest.mark.parametrize("unknown", [-1, -7, -(2**40)])
def test_label_below_0_is_unknown(unknown):
    labels = np.array([[0, 0, 0], [unknown, 0, 0], [0, 0, 0], [unknown, 0, 0]])
    assert evaluate(np.eye(4) + 0.1, labels, threads=1)["counts"]["fine"]["without_label"] == 2


def test_class_with_two_parents_has_no_multilevel():
    labels = np.array([[0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 1, 0]])
    assert evaluate(np.eye(4) + 0.1, labels, threads=1)["multilevel"] is None


def test_one_scale_is_as_among_three():
    embeddings, labels = clusters()
    all_three = evaluate(embeddings, labels, threads=1)
    for scale in SCALES:
        alone = evaluate(embeddings, labels, scales=[scale], threads=1)
        assert alone[scale] == pytest.approx(all_three[scale], abs=1e-12)
        assert "overall" not in alone
        assert alone["multilevel"] is None


def test_merge_scales_is_as_one_evaluation():
    embeddings, labels = clusters()
    asked = ["capped-map-at-r", "four-number-asi"]
    whole = evaluate(embeddings, labels, threads=1, conventions=asked)
    parts = {s: evaluate(embeddings, labels, scales=[s], threads=1, conventions=asked) for s in SCALES}
    merged = metrics.merge_scales(list(parts.values()))
    for part in ("overall", "coarse"):
        assert merged[part] == pytest.approx(whole[part])
    assert merged["span"]["ASI"]["gap"] == pytest.approx(whole["span"]["ASI"]["gap"])
    assert merged["conventions"]["capped-map-at-r"] == pytest.approx(whole["conventions"]["capped-map-at-r"])
    assert math.isnan(merged["conventions"]["four-number-asi"])  # there is no set with all labels


def test_merge_scales_returns_a_single_result():
    result = example(conventions=["four-number-asi"])
    assert metrics.merge_scales([result]) == result
    coarse = example(scales=["coarse"])
    assert metrics.merge_scales([coarse]) == coarse


# ---- conventions of others ----


def test_h_ap_counts_an_item_once():
    """With three fine and two middle matches both levels have relevance 1/3; HAPPIER's code counts these twice."""
    labels = [(0, 0, 0)] * 3 + [(1, 0, 0)] * 2 + [(2, 1, 0)]
    angles = np.radians([10, 20, 30, 40, 50, 60])
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = evaluate([[1.0, 0.0]], [labels[0]], gallery=gallery, gallery_labels=labels)
    assert found["multilevel"]["H-AP"] == pytest.approx(1)


def test_capped_map_at_r_ignores_later_neighbours(monkeypatch):
    monkeypatch.setattr(metrics, "CAP", 2)
    found = example(conventions=["capped-map-at-r"])["conventions"]["capped-map-at-r"]
    assert found == pytest.approx(
        {"fine": 1 / 4, "middle": 2 / 3, "coarse": 2 / 4, "overall": (1 / 4 + 2 / 3 + 2 / 4) / 3}
    )


def test_four_number_asi_is_the_mean_of_four():
    result = example(conventions=["four-number-asi"])
    four = [1 / 4, 8 / 9, 41 / 48, 23 / 48]
    assert result["conventions"] == {"four-number-asi": pytest.approx(sum(four) / 4)}
    assert result["overall"]["ASI"] == pytest.approx(sum(four[:3]) / 3)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int8, np.int64])
def test_numbers_of_any_type_are_ranked_as_float32(kind):
    embeddings, labels = clusters()
    rounded = (embeddings * 8).round().astype(kind)
    assert evaluate(rounded, labels, threads=1) == evaluate(rounded.astype(np.float32), labels, threads=1)
