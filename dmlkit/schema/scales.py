"""The three scales, the splits, and the order of images."""

from __future__ import annotations

import hashlib

SCALES = ("fine", "middle", "coarse")
SPLITS = ("train", "query", "gallery")


def order_key(image_id: str) -> str:
    """Return the sort key of an image in every order that a dataset has: a hash of its stable id."""
    return hashlib.sha256(image_id.encode()).hexdigest()
