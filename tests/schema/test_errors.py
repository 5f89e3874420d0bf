"""Exceptions: what programs can rely on, and their way out of a worker process."""

import inspect
import pickle
import traceback
from pathlib import Path

import pytest

from dmlkit import errors
from dmlkit.storage.worker_pool import pickle_outcome

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.DmlkitError)]


@pytest.mark.parametrize("cls", CLASSES)
def test_error_survives_pickling(cls):
    error = cls("cannot read x: gone", code="source.gone", hint="look for it", path=Path("x"), count=3)
    error.add_note("in a worker")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.code, copy.facts) == (cls, "source.gone", {"path": Path("x"), "count": 3})
    assert str(copy) == "cannot read x: gone\nlook for it"
    assert copy.__notes__ == ["in a worker"]
    assert copy.exit_code == cls.exit_code


@pytest.mark.parametrize("cls", CLASSES)
def test_tree_of_errors_names_every_class(cls):
    assert cls.__name__ in errors.__doc__


class NotPickled(Exception):
    """An exception that cannot be made again from its text."""

    def __init__(self, one, two):
        super().__init__(one)


def test_unpicklable_outcome_becomes_an_error():
    for outcome in (("result", lambda: None), ("error", NotPickled("a", "b"))):
        kind, error = pickle.loads(pickle_outcome(outcome))
        assert kind == "error"
        assert isinstance(error, RuntimeError)
        assert traceback.format_exception_only(error)
