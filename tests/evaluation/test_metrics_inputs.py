"""Embeddings and labels that cannot be ranked are refused, and named."""

import numpy as np
import pytest

from dmlkit.errors import EmbeddingsError, UsageError
from dmlkit.evaluation.api import evaluate

UNUSABLE = [np.nan, np.inf, 1e300, 1e31, 0]


def spoiled(value):
    """Twenty embeddings, two of them of a value, and labels."""
    embeddings = np.ones((20, 3))
    embeddings[[4, 17]] = value
    return embeddings, np.zeros((20, 3), int)


@pytest.mark.parametrize("value", UNUSABLE)
def test_embeddings_without_a_direction_are_named(value):
    with pytest.raises(EmbeddingsError) as error:
        evaluate(*spoiled(value), ids=[f"p{i}" for i in range(20)])
    assert error.value.code == "evaluation.no-direction"
    assert error.value.facts == {"images": ["p4", "p17"], "finite": value == 0}


def test_embeddings_without_ids_are_named_by_row():
    embeddings, labels = spoiled(0)
    with pytest.raises(EmbeddingsError) as error:
        evaluate(np.ones((1, 3)), labels[:1], gallery=embeddings, gallery_labels=labels)
    assert error.value.facts["images"] == ["row 4", "row 17"]


ONES = np.ones((4, 3))
INTEGERS = np.ones((4, 3), int)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"embeddings": np.ones(4)}, "evaluation.bad-embeddings"),
        ({"embeddings": np.ones((0, 3)), "labels": np.ones((0, 3), int)}, "evaluation.bad-embeddings"),
        ({"embeddings": np.array([["a", "b"]] * 4)}, "evaluation.bad-embeddings"),
        ({"embeddings": ONES * 1j}, "evaluation.bad-embeddings"),
        ({"labels": np.ones((4, 2), int)}, "evaluation.bad-labels"),
        ({"labels": ONES}, "evaluation.bad-labels"),
        ({"labels": np.ones((3, 3), int)}, "evaluation.bad-labels"),
        ({"labels": np.full((4, 3), 2**40)}, "evaluation.large-label"),
        ({"ids": ["a", "b", "c"]}, "evaluation.number-of-ids"),
        ({"ids": ["a", "b", "b", "c"]}, "evaluation.repeated-ids"),
        ({"gallery": ONES}, "evaluation.incomplete-gallery"),
        ({"gallery": ONES, "gallery_labels": INTEGERS, "gallery_ids": list("abcd")}, "evaluation.incomplete-gallery"),
        ({"gallery": ONES, "gallery_labels": INTEGERS, "ids": list("abcd")}, "evaluation.incomplete-gallery"),
        ({"gallery": np.ones((4, 5)), "gallery_labels": INTEGERS}, "evaluation.other-dimensions"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, code):
    with pytest.raises(EmbeddingsError) as error:
        evaluate(**{"embeddings": ONES, "labels": INTEGERS} | change)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("change", "code", "names"),
    [
        ({"conventions": ["theirs"]}, "evaluation.unknown-convention", ["theirs"]),
        ({"scales": ["fine", "finest"]}, "evaluation.unknown-scale", ["finest"]),
        ({"scales": []}, "evaluation.unknown-scale", []),
    ],
)
def test_unknown_names_are_refused(change, code, names):
    with pytest.raises(UsageError) as error:
        evaluate(ONES, INTEGERS, **change)
    assert error.value.code == code
    assert error.value.facts["names"] == names
