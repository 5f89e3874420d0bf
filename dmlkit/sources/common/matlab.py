"""MATLAB files, in which some sources keep their labels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from dmlkit.errors import SourceError


def read(data: bytes, what: str, instead: str = "") -> dict[str, Any]:
    """The variables of a MATLAB file. Raises `SourceError`; ``instead`` says what helps where scipy is missing."""
    try:
        from scipy.io import loadmat
    except ImportError as exc:
        raise SourceError(
            f"reading {what} needs scipy, which is not installed",
            hint='pip install "dmlkit[devkit]"' + (f", {instead}" if instead else ""),
        ) from exc
    try:
        found: dict[str, Any] = loadmat(io.BytesIO(data), squeeze_me=True, struct_as_record=False)
    except Exception as exc:  # scipy raises many types for damaged files
        raise SourceError(f"{what} cannot be read: {exc!r}"[:300], hint="download it again") from exc
    return found


def texts(value: Any) -> list[str]:
    """A cell array of texts as a list; an empty cell is an empty text."""
    return [str(cell).strip() if isinstance(cell, str) else "" for cell in np.atleast_1d(value).tolist()]
