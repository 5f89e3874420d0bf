"""The drawings of the embedded sample, by name. Each is a module of this package with

- ``VERSION``: a number that changes when its images do,
- ``draw(fine, index) -> PIL.Image.Image``: image ``index`` of a fine class, RGB, the same on every call.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from dmlkit.errors import UsageError

DRAWINGS = {
    "animal": "dmlkit.sample.animal.draw",
    "product": "dmlkit.sample.product.draw",
    "vehicle": "dmlkit.sample.vehicle.draw",
}


def load(name: str) -> ModuleType:
    """Import the drawing called ``name``. Raises `UsageError` for a name that is none."""
    if name not in DRAWINGS:
        raise UsageError(
            f"unknown drawing {name!r}",
            code="usage.unknown-drawing",
            hint=f"choose one of: {', '.join(DRAWINGS)}",
            name=name,
            choices=tuple(DRAWINGS),
        )
    return import_module(DRAWINGS[name])
