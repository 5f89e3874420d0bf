"""What a source is, and what it offers: units of work, candidate images, links.

A source is a subclass of `Source`, listed in `dmlkit.sources.registry`. Each kind of unit has a payload of its own: a
frozen subclass of `Payload` with what `Source.read` needs. The payloads that several sources share are below.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, NamedTuple

from dmlkit import terms
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.download import Archive
from dmlkit.taxonomy.manifest import Exclusion, FineClass, Manifest


@dataclass(frozen=True)
class Candidate:
    """One image that a source offers, before anything is known of its bytes.

    ``read`` returns its bytes and may raise `OSError`; it is None if the source itself knows the ``status``
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
    """An image that is known by its URL. ``status`` is set for a row that cannot be fetched."""

    upstream_id: str
    upstream_label: str
    url: str
    sha256: str = ""
    license: str | None = None
    author: str | None = None
    status: str | None = None
    detail: str = ""


class Payload:
    """What a source needs to read one of its units. It is pickled, and must not change."""


@dataclass(frozen=True)
class RejectedEntries(Payload):
    """Files and rows that the source cannot use, all with the same status: (upstream id, reason) each."""

    status: str
    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FilePayload(Payload):
    """What is read from one file or folder of the source."""

    path: Path


@dataclass(frozen=True)
class ImageFolder(FilePayload):
    """A folder whose entries are all images of one label."""

    label: str


@dataclass(frozen=True)
class TarFile(FilePayload):
    """A tar file, compressed or not, whose members are all images of one label."""

    label: str


@dataclass(frozen=True)
class TarWindow(FilePayload):
    """A tar file inside an uncompressed one: ``num_bytes`` from ``offset`` on, all images of one label."""

    label: str
    offset: int
    num_bytes: int


class ListedFile(NamedTuple):
    """One image of a list. ``name`` is its file in the folder or zip file; None if there was none when it was planned.

    ``label`` is empty for an image that is in no list.
    """

    upstream_id: str
    label: str
    name: str | None


@dataclass(frozen=True)
class ListedFiles(FilePayload):
    """Files whose labels are in a list, in the folder or zip file ``path``."""

    files: tuple[ListedFile, ...]


@dataclass(frozen=True)
class LinkedImages(Payload):
    """Images to fetch by URL, and how their servers are asked."""

    links: tuple[Link, ...]
    policy: CrawlPolicy


@dataclass(frozen=True)
class Unit:
    """The piece of a source that one worker takes whole.

    ``name`` is unique in the source, stable between runs and machines, and made of letters, digits, ``.``, ``_`` and
    ``-`` only: it names the pool file. ``labels`` are all upstream labels that occur in it. ``fingerprint`` changes
    when its bytes do (size and time of a file, a drawing's version). ``num_images`` and ``num_bytes`` are None if they
    are not known before it is read. ``source`` is the source of its ids, if that is not the one that planned it.
    ``temporary`` is a copy of a part of the source that the payload reads, to be deleted after use.
    """

    name: str
    labels: tuple[str, ...]
    fingerprint: str
    payload: Payload
    num_images: int | None = None
    num_bytes: int | None = None
    source: str = ""
    temporary: Path | None = None

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of a unit whose images are fetched by URL; empty for any other unit."""
        return self.payload.links if isinstance(self.payload, LinkedImages) else ()

    def with_links(self, links: Iterable[Link]) -> Unit:
        """Return the unit with ``links`` instead of its own."""
        assert isinstance(self.payload, LinkedImages)
        return replace(self, payload=replace(self.payload, links=tuple(links)))


@dataclass(frozen=True)
class Listing:
    """The plan of a source that makes its units one after the other, but knows itself as a whole.

    ``num_units`` is the number of its units; the mappings are the numbers of images by label, host and licence.
    """

    units: Iterator[Unit]
    num_units: int
    labels: Mapping[str, int]
    hosts: Mapping[str, int]
    licenses: Mapping[str, int]


@dataclass(frozen=True)
class PlanRequest:
    """What a source needs to know to name its classes and plan its units.

    ``path`` is ``--from``; ``scratch`` an existing folder for temporary copies. ``is_covered(unit)`` is true if the
    pool has all of a unit, so that a source which streams can skip its bytes; the unit is yielded all the same.
    ``policy`` is for sources that ask servers. ``table`` is where a person fills in what the source's files do not say
    of its classes; the file need not exist.
    """

    manifest: Manifest
    path: Path | None
    scratch: Path
    limit: int | None = None
    is_covered: Callable[[Unit], bool] = field(default=lambda unit: False)
    policy: CrawlPolicy = field(default_factory=CrawlPolicy)
    table: Path | None = None


@dataclass(frozen=True)
class SourceClasses:
    """The classes that a source's own files name.

    ``notes`` are for the person who builds, one sentence each: counts that differ from the published ones, how far a
    table is filled in.
    """

    classes: tuple[FineClass, ...]
    excluded: tuple[Exclusion, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BlankTable:
    """A table for a person to fill in: its columns, and rows whose cells to fill in are empty."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]


class Source(ABC):
    """Where images come from. Instances have no state: a worker makes its own.

    ``archive`` is set if the source can be downloaded without a log-in.
    """

    name: ClassVar[str]
    archive: ClassVar[Archive | None] = None

    def classes(self, request: PlanRequest) -> SourceClasses | None:
        """Read the classes that the source's own files name, or return None if the manifest lists them.

        Raises `SourceError` and `ManifestError`.
        """
        return None

    def blank_table(self, request: PlanRequest) -> BlankTable | None:
        """Make the table that a person fills in before `classes`, or return None if nothing is to be filled in.

        Raises `SourceError` and `ManifestError`.
        """
        return None

    @property
    def how_to_get(self) -> str:
        """How a person gets the source's files, for hints."""
        return terms.load(self.name).how_to_get

    @abstractmethod
    def plan(self, request: PlanRequest) -> list[Unit] | Listing | Iterator[Unit]:
        """Plan the units of what is at ``request.path``.

        A list if all can be known before an image is read, a `Listing` if they are made one by one, an iterator if the
        source is a stream. Raises `SourceError`.
        """

    @abstractmethod
    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Read the candidates of one unit, without decoding them. Raises `OSError` if it cannot be read."""


class LinkSource(Source):
    """A source that has units of links."""

    @abstractmethod
    def fetch(
        self, unit: Unit, wanted: Callable[[str], bool], limit: int | None, good: Mapping[str, int]
    ) -> Iterator[Candidate]:
        """Fetch the images of a unit of links whose label is ``wanted``; the others are named only.

        With a ``limit``, fetch of each label only as many as are needed for that number of good ones; the caller counts
        them in ``good`` while it takes the candidates.
        """

    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Fetch all images of a unit."""
        return self.fetch(unit, lambda label: True, None, {})
