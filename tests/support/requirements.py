"""What a test needs beside dmlkit."""

from __future__ import annotations

import os
from importlib import import_module

import pytest


def installed(*modules: str) -> None:
    """Skip where a module of the development group is missing, with what to install; in CI that is a failure."""
    for module in modules:
        try:
            import_module(module)
        except ImportError as exc:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"pip install --group dev brings what is missing here: {exc}")
