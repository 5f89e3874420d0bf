"""The words and columns that every part shares: scales, verdicts, candidates, units, pool and data set columns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmlkit import __version__

if TYPE_CHECKING:
    from datasets import Features

SCALES = ("fine", "middle", "coarse")
SPLITS = ("train", "query", "gallery")


@dataclass(frozen=True)
class Part:
    """A split of a config, and its files: ``<stem>-00000-of-00001.parquet`` and so on.

    Splits that name the same stem are the same pictures, stored once. ``scales`` are the labels that no picture lacks.
    """

    config: str
    split: str
    stem: str
    scales: tuple[str, ...] = SCALES

    @property
    def name(self) -> str:
        """As build.json counts it."""
        return self.split if self.config == "default" else f"{self.config}/{self.split}"


TRAIN = Part("default", "train", "data/train")
FORMS = {
    "split": (TRAIN, *(Part("default", side, f"data/{side}") for side in SPLITS[1:])),
    "all-in-one": (TRAIN, *(Part("default", side, "data/test") for side in SPLITS[1:])),
    "per-scale": (
        TRAIN,
        *(Part(f"test_{s}", side, f"test_{s}/{side}", (s,)) for s in SCALES for side in SPLITS[1:]),
    ),
    "train-only": (TRAIN,),
}
"""The forms of a data set folder: query and gallery apart; one set that is both; both for each scale; no test."""

FORMAT = 1
"""Version of the pool and of the data set folder. A folder of another version is never read as this one."""

VERDICTS = {
    "ok": "in the data set",
    # the label
    "above": "the label stands above every fine class, so the fine class is not known",
    "outside": "the label is not below any class of the hierarchy",
    "excluded": "the label is excluded by the manifest",
    "unlabelled": "the source gives no label for this picture",
    "bad-row": "a row of the list that cannot be read",
    # the way to the bytes
    "bad-url": "not an HTTP address",
    "private-address": "it leads into the local network, which was not allowed",
    "dns": "the host's name is not known",
    "refused": "the host takes no connection",
    "unreachable": "the host could not be reached for others before and was left alone",
    "tls": "the host's certificate or encryption is not accepted",
    "timeout": "no answer, or too slow a one",
    "broken-off": "the connection broke while this picture came",
    "redirects": "more redirects than are followed",
    "http-401": "the server wants a log-in",
    "http-403": "the server forbids it",
    "http-404": "the server has no such picture",
    "http-410": "the server had it and has it no more",
    "http-429": "the server was asked too often",
    "http-4xx": "the server refuses for another reason",
    "http-5xx": "the server failed",
    "http-other": "the server answers neither with a picture nor with an error",
    "opt-out": "the server asks not to use it so (X-Robots-Tag)",
    "placeholder": "a picture that stands for one that is gone",
    "changed": "other bytes than those of the SHA-256 in the list",
    # the bytes
    "missing": "listed by the source, but not there",
    "damaged-archive": "the archive ends or breaks here; what stands behind is not readable",
    "unsafe-member": "an archive member that is a link or names a place outside its folder",
    "too-large": "more bytes than a picture may have",
    "unreadable": "the source broke off while this picture was read",
    "empty": "no bytes",
    "html-page": "an HTML page under a picture's name",
    "not-an-image": "not a picture of a known type",
    "truncated": "the picture's data end too early",
    "corrupt": "the picture's data do not decode",
    "unsupported-depth": "more than 8 bits a channel, which readers would clip",
    "too-small": "a side shorter than the smallest allowed",
    "too-many-pixels": "more pixels than a picture may have",
    # the data set
    "repeated-id": "another picture has the same image_id",
    "duplicate": "the same bytes as another picture of this fine class, which is kept",
    "conflicting-duplicate": "the same bytes under labels that contradict each other; none is kept",
    "over-limit": "more pictures than --limit allows for this class",
    "class-too-small": "a test class needs two pictures, one for the query and one for the gallery",
    "unlisted": "not in the published data set that this one repeats",
}

SOURCE_VERDICTS = frozenset(["unlabelled", "bad-row", "missing", "damaged-archive", "unsafe-member", "too-large"])
"""The verdicts that a source gives without reading the picture. They stand whatever the label is."""


FETCH_VERDICTS = frozenset(list(VERDICTS)[list(VERDICTS).index("bad-url") : list(VERDICTS).index("changed") + 1])
"""The verdicts on the way to the bytes, of pictures that are fetched by URL."""

MAY_PASS = frozenset(["dns", "refused", "unreachable", "timeout", "broken-off", "http-429", "http-5xx"])
"""Those of what may succeed at another time."""


@dataclass(frozen=True)
class Manners:
    """How servers are asked. Times in seconds. ``pause`` is the first of the growing pauses between tries."""

    contact: str = ""
    connections: int = 64
    per_host: int = 8
    tries: int = 4
    pause: float = 1.0
    longest_pause: float = 120.0
    connect: float = 10.0
    stall: float = 20.0
    total: float = 90.0
    most_bytes: int = 64 * 1024 * 1024
    redirects: int = 5
    respect_opt_outs: bool = True
    allow_private_hosts: bool = False

    @property
    def user_agent(self) -> str:
        contact = f"; contact: {self.contact}" if self.contact else ""
        return f"dmlkit/{__version__} (builds image data sets for research{contact})"


@dataclass(frozen=True)
class Candidate:
    """One picture that a source offers, before anything is known of its bytes.

    ``read`` gives its bytes and may raise `OSError`; it is None when ``verdict`` is already settled by the source
    (``missing``, ``unsafe-member``, ``damaged-archive``, ``unlabelled``). ``upstream_id`` has no suffix and is
    unique in its source: with the source's name before it, it is the ``image_id``.
    """

    upstream_id: str
    upstream_label: str
    read: Callable[[], bytes] | None
    verdict: str | None = None
    detail: str = ""
    source_url: str | None = None
    license: str | None = None
    author: str | None = None


@dataclass(frozen=True)
class Link:
    """A picture that is known by its URL. ``verdict`` is settled for a row that cannot be fetched."""

    upstream_id: str
    upstream_label: str
    url: str
    sha256: str = ""
    license: str | None = None
    author: str | None = None
    verdict: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Unit:
    """The piece of a source that one worker takes whole.

    ``name`` is unique in the source, stable between runs and machines, and made of letters, digits, ``.``, ``_`` and
    ``-`` only: it names the pool file. ``labels`` are all upstream labels that occur in it. ``identity`` changes when
    its bytes do (size and time of a file, a drawing's version). ``path``, ``offset``, ``size``, ``members`` and
    ``links`` mean what the source's `read` takes them to mean. ``temporary``: ``path`` is a copy that is deleted after
    use. ``source`` names the one it is of where a data set is made from several.
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


def order_key(image_id: str) -> str:
    """The place of a picture in every order that the data set has: a hash of its stable id."""
    return hashlib.sha256(image_id.encode()).hexdigest()


def picture_features(names: Mapping[str, list[str]]) -> Features:
    """The columns of ``data/``: one row a picture. ``names`` are the class names of each scale."""
    from datasets import ClassLabel, Features, Image, Value

    return Features(
        {
            "image": Image(mode="RGB"),
            "image_id": Value("string"),
            **{scale: ClassLabel(names=names[scale]) for scale in SCALES},
            "upstream_label": Value("string"),
            "width": Value("int32"),
            "height": Value("int32"),
            "exif_orientation": Value("int8"),
            "sha256": Value("string"),
            "source": Value("string"),
            "source_url": Value("string"),
            "license": Value("string"),
            "author": Value("string"),
        }
    )


def hierarchy_features() -> Features:
    """The columns of ``hierarchy/``: one row a fine class, in the order of the integer labels.

    For each scale the class id, its name, and the integer label that stands for it in ``data/``.
    """
    from datasets import Features, List, Value

    kinds = {"id": "string", "label": "int32"}
    return Features(
        {
            **{
                name: Value(kinds.get(name.rpartition("_")[2], "string"))
                for scale in SCALES
                for name in (f"{scale}_id", scale, f"{scale}_label")
            },
            "split": Value("string"),
            "path": Value("string"),
            "upstream_labels": List(Value("string")),
            **{split: Value("int64") for split in SPLITS},
        }
    )
