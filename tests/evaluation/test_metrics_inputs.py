"""Embeddings and labels that cannot be ranked are refused, and named."""

import numpy as np
import pytest

from dmlkit.errors import EmbeddingsError
from dmlkit.evaluation.metrics import evaluate


@pytest.mark.parametrize(
    ("value", "what"),
    [(np.nan, "not finite"), (np.inf, "not finite"), (1e300, "not finite"), (1e31, "too large"), (0, "norm 0")],
)
def test_embeddings_without_a_direction_are_named(value, what):
    embeddings, labels = np.ones((20, 3)), np.zeros((20, 3), int)
    embeddings[[4, 17]] = value
    with pytest.raises(EmbeddingsError, match=rf"2 of 20 .*{what}.*: p4, p17"):
        evaluate(embeddings, labels, ids=[f"p{i}" for i in range(20)])
    with pytest.raises(EmbeddingsError, match="row 4, row 17"):
        evaluate(np.ones((1, 3)), labels[:1], gallery=embeddings, gallery_labels=labels)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"embeddings": np.ones(4)}, "embeddings of shape"),
        ({"embeddings": np.ones((0, 3)), "labels": np.ones((0, 3), int)}, "embeddings of shape"),
        ({"embeddings": np.array([["a", "b"]] * 4)}, "embeddings of shape"),
        ({"labels": np.ones((4, 2), int)}, "labels of shape"),
        ({"labels": np.ones((4, 3))}, "labels of shape"),
        ({"labels": np.ones((3, 3), int)}, "labels of shape"),
        ({"labels": np.full((4, 3), 2**40)}, "too large"),
        ({"ids": ["a", "b", "c"]}, "3 ids do not fit 4"),
        ({"ids": ["a", "b", "b", "c"]}, "1 ids are there more than once: b"),
        ({"gallery": np.ones((4, 3))}, "needs its labels"),
        (
            {"gallery": np.ones((4, 3)), "gallery_labels": np.ones((4, 3), int), "gallery_ids": list("abcd")},
            "ids where",
        ),
        ({"gallery": np.ones((4, 5)), "gallery_labels": np.ones((4, 3), int)}, "3 dimensions, the gallery 5"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(change, what):
    arguments = {"embeddings": np.ones((4, 3)), "labels": np.ones((4, 3), int)} | change
    with pytest.raises(EmbeddingsError, match=what):
        evaluate(**arguments)
