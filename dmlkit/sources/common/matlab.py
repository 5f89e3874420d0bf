"""MATLAB files, in which some sources keep their labels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from dmlkit.errors import SourceError
from dmlkit.text import summarize


def read_variables(data: bytes, name: str, alternative: str = "") -> dict[str, Any]:
    """Read the variables of the MATLAB file ``name``. Raises `SourceError`.

    ``alternative`` says what else helps if scipy is not installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError as exc:
        raise SourceError(
            f"reading {name} needs scipy, which is not installed",
            code="source.scipy-required",
            hint='pip install "dmlkit[devkit]"' + (f", {alternative}" if alternative else ""),
            name=name,
        ) from exc
    try:
        variables: dict[str, Any] = loadmat(io.BytesIO(data), squeeze_me=True, struct_as_record=False)
    except Exception as exc:  # scipy raises many types for damaged files
        raise damaged_file(name, exc) from exc
    return variables


def damaged_file(name: str, reason: BaseException | str, hint: str = "download it again") -> SourceError:
    """Make the error for a MATLAB file that is not what it should be."""
    why = reason if isinstance(reason, str) else summarize(reason)
    return SourceError(f"{name} cannot be read: {why}", code="source.damaged-matlab", hint=hint, name=name)


def to_texts(cells: Any) -> list[str]:
    """Return a cell array of texts as a list; an empty cell is an empty text."""
    return [str(cell).strip() if isinstance(cell, str) else "" for cell in np.atleast_1d(cells).tolist()]
