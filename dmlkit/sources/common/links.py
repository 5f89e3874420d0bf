"""Units of links: cut from rows, and fetched."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from dmlkit.schema.scales import order_key
from dmlkit.sources.base import Candidate, Link, LinkedImages, Unit
from dmlkit.storage import crawler, images
from dmlkit.storage.crawl_policy import CrawlPolicy


def plan_links(links: Iterable[Link], prefix: str, digits: int, per_unit: int, policy: CrawlPolicy) -> Iterator[Unit]:
    """Cut links into units of at most ``per_unit``. A unit is identified by its links, wherever their list is.

    Units are named ``prefix`` and a number of so many ``digits``.
    """
    rest = iter(links)
    for number in itertools.count():
        piece = tuple(itertools.islice(rest, per_unit))
        if not piece:
            return
        yield Unit(
            name=f"{prefix}{number:0{digits}d}",
            labels=tuple(sorted({link.upstream_label for link in piece} - {""})),
            fingerprint=hashlib.sha256(repr(piece).encode()).hexdigest(),
            payload=LinkedImages(piece, policy),
            num_images=len(piece),
        )


def fetch_links(
    payload: LinkedImages, wanted: Callable[[str], bool], limit: int | None, good: Mapping[str, int], source: str
) -> Iterator[Candidate]:
    """Fetch links as they come; those whose label is not ``wanted`` are named and not fetched.

    With a ``limit``, of each label no more are fetched than are needed for that number of ``good`` ones, which the
    caller counts: in the order of `order_key` of their ids in ``source``, in rounds.
    """
    waiting: dict[str, list[Link]] = {}
    for link in payload.links:
        if link.status is not None or not wanted(link.upstream_label):
            yield to_candidate(link, None)
        else:
            waiting.setdefault(link.upstream_label, []).append(link)
    if limit is not None:
        for links in waiting.values():
            links.sort(key=lambda link: order_key(f"{source}/{link.upstream_id}"), reverse=True)
    session = crawler.shared_crawler(payload.policy)
    while True:
        batch: list[Link] = []
        for label, links in waiting.items():
            most = len(links) if limit is None else limit - good[label]
            batch += [links.pop() for _ in range(min(most, len(links)))]
        if not batch:
            break
        for answer in session.answers((key, link.url) for key, link in enumerate(batch)):
            yield to_candidate(batch[answer.key], answer)
    for links in waiting.values():
        yield from (to_candidate(link, None) for link in links)


def to_candidate(link: Link, answer: crawler.Answer | None) -> Candidate:
    """Make a candidate of a link and the answer of its server; None if it was not asked."""
    status, detail = (link.status, link.detail) if answer is None else (answer.status, answer.detail)
    data = b"" if answer is None else answer.data
    if answer is not None and status is None and link.sha256 and images.sha256_hex(data) != link.sha256:
        status, detail = "changed", f"sha256 {images.sha256_hex(data)}"
    read_bytes = partial(io.BytesIO(data).read) if answer is not None and status is None else raise_unread
    return Candidate(
        link.upstream_id,
        link.upstream_label,
        read_bytes if status is None else None,
        status,
        detail,
        source_url=link.url or None,
        license=link.license,
        author=link.author,
    )


def raise_unread() -> bytes:
    """Raise the `OSError` of an image that was not fetched."""
    raise OSError("it was not fetched")
