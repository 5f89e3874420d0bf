"""What a source offers: candidates, links, units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """One image that a source offers, before anything is known of its bytes.

    ``read`` gives its bytes and may raise `OSError`; it is None when ``status`` is already settled by the source
    (``missing``, ``unsafe-member``, ``damaged-archive``, ``unlabelled``). ``upstream_id`` has no suffix and is
    unique in its source: with the source's name before it, it is the ``image_id``.
    """

    upstream_id: str
    upstream_label: str
    read: Callable[[], bytes] | None
    status: str | None = None
    detail: str = ""
    source_url: str | None = None
    license: str | None = None
    author: str | None = None


@dataclass(frozen=True)
class Link:
    """An image that is known by its URL. ``status`` is settled for a row that cannot be fetched."""

    upstream_id: str
    upstream_label: str
    url: str
    sha256: str = ""
    license: str | None = None
    author: str | None = None
    status: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Unit:
    """The piece of a source that one worker takes whole.

    ``name`` is unique in the source, stable between runs and machines, and made of letters, digits, ``.``, ``_`` and
    ``-`` only: it names the pool file. ``labels`` are all upstream labels that occur in it. ``identity`` changes when
    its bytes do (size and time of a file, a drawing's version). ``path``, ``offset``, ``size``, ``members`` and
    ``links`` mean what the source's `read` takes them to mean. ``temporary``: ``path`` is a copy that is deleted after
    use. ``source`` names the one it is of where a dataset is made from several.
    """

    name: str
    labels: tuple[str, ...]
    identity: str
    path: str = ""
    kind: str = ""
    offset: int = 0
    size: int = 0
    members: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    temporary: bool = False
    source: str = ""
