"""The examples in docstrings are true."""

import doctest
from importlib import import_module

import pytest

from tests.support.source_code import PACKAGE, ROOT

WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / PACKAGE).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def test_there_are_examples():
    assert "dmlkit.text" in WITH_EXAMPLES


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_are_true(name):
    assert doctest.testmod(import_module(name)).failed == 0
