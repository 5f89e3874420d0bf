"""Errors of dmlkit as tests expect them: by class, code and facts, never by their words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dmlkit.errors import DmlkitError


@contextmanager
def raises(kind: type[DmlkitError], code: str, **facts: object) -> Iterator[pytest.ExceptionInfo[DmlkitError]]:
    """Expect an error of a class, with a code and at least these facts."""
    with pytest.raises(kind) as error:
        yield error
    assert error.value.code == code, error.value
    assert {name: error.value.facts[name] for name in facts} == facts
