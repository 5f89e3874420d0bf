"""Tests have short names and borrow from fixtures and from `tests.support`, not from each other.

What is known is counted for each folder as it was when the house was built, and may only shrink.
"""

import ast

from tests.support.source_code import ROOT, describe_new

MAX_NAME_LETTERS = 49

KNOWN_LONG_NAMES = {"dataset": 1, "evaluation": 1, "formats": 1, "sources": 138}
KNOWN_BORROWED: dict[str, int] = {}


def trees():
    """The files of the tests, as (folder, path, tree)."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        yield path.parent.name, name, ast.parse(path.read_text(encoding="utf-8"))


def test_names_are_short():
    long = [
        (folder, f"{path}:{node.lineno} {node.name}")
        for folder, path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and len(node.name) > MAX_NAME_LETTERS
    ]
    assert not (new := describe_new(long, KNOWN_LONG_NAMES)), new


def test_no_test_imports_another():
    borrowed = [
        (folder, f"{path}:{node.lineno} {node.module}")
        for folder, path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests.")
        if node.module.split(".")[-1].startswith(("test_", "conftest"))
    ]
    assert not (new := describe_new(borrowed, KNOWN_BORROWED)), new
