"""The synthetic images: what the rest of dmlkit knows of them.

Each domain has a module ``draw`` with ``VERSION`` and ``draw(fine_class, index)``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from PIL import Image

from dmlkit.sample.named_class import NamedClass

DOMAINS = ("animal", "product", "vehicle")


def version(domain: str) -> int:
    """Return the number that changes when the images of a domain do. Raises `ValueError` for an unknown domain."""
    return int(load_domain(domain).VERSION)


def draw(domain: str, fine_class: NamedClass, index: int) -> Image.Image:
    """Draw image ``index`` of a fine class, RGB: the same pixels for the same arguments.

    Raises `ValueError` for an unknown domain.
    """
    image: Image.Image = load_domain(domain).draw(fine_class, index)
    return image


def load_domain(domain: str) -> ModuleType:
    """Import the module that draws a domain. Raises `ValueError` for an unknown one."""
    if domain not in DOMAINS:
        raise ValueError(f"unknown domain {domain!r}")
    return import_module(f"dmlkit.sample.{domain}.draw")
