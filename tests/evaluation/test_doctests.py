"""The examples in the docstrings hold."""

import doctest

import pytest

from dmlkit.evaluation import api, labels, metrics, ranking


@pytest.mark.parametrize("module", [api, labels, metrics, ranking])
def test_examples_hold(module):
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted > 0
