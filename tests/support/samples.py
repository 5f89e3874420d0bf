"""The three synthetic samples with two images of each class, built once for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

import dmlkit

NAMES = ("animal", "product", "vehicle")
LIMIT = 2


def build_sample(name: str, folder: Path) -> Path:
    """Build a sample in ``folder``, beside its pool."""
    options = dmlkit.BuildOptions(source="sample", out=folder / name, limit=LIMIT)
    dmlkit.build(dmlkit.load_manifest(name), options)
    return folder / name


def shared_sample(name: str, factory: pytest.TempPathFactory) -> Path:
    """Build a sample unless a test of this run did so, in this process or, with ``pytest -n``, in another one.

    The folder and its pool, ``<name>.pool`` beside it, are not to be changed.
    """
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "samples"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        if not (folder / name).is_dir():
            build_sample(name, folder)
    return folder / name
