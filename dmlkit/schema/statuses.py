"""Why a candidate image is in the dataset or not: one table, from which the documentation is generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Status:
    """The reason why a candidate image is or is not in a dataset.

    ``group`` is what decided: the image's label, the way to its bytes, the bytes, or the rest of the dataset.
    ``transient``: another try may succeed. ``source_decides``: a source gives this status without reading the image,
    and it holds whatever the label is.
    """

    name: str
    group: Literal["label", "fetch", "bytes", "dataset"]
    meaning: str
    transient: bool = False
    source_decides: bool = False


# In the order in which counts are shown.
STATUSES = (
    Status("ok", "dataset", "in the dataset"),
    # what the label decides
    Status("above", "label", "the label stands above every fine class, so the fine class is not known"),
    Status("outside", "label", "the label is not below any class of the hierarchy"),
    Status("excluded", "label", "the label is excluded by the manifest"),
    Status("unlabelled", "label", "the source gives no label for this image", source_decides=True),
    Status("bad-row", "label", "a row of the list that cannot be read", source_decides=True),
    # what happens on the way to the bytes
    Status("bad-url", "fetch", "not an HTTP address"),
    Status("private-address", "fetch", "it leads into the local network, which was not allowed"),
    Status("dns", "fetch", "the host's name is not known", transient=True),
    Status("refused", "fetch", "the host takes no connection", transient=True),
    Status(
        "unreachable", "fetch", "the host could not be reached for others before and was left alone", transient=True
    ),
    Status("tls", "fetch", "the host's certificate or encryption is not accepted"),
    Status("timeout", "fetch", "no answer, or too slow a one", transient=True),
    Status("broken-off", "fetch", "the connection broke while this image came", transient=True),
    Status("redirects", "fetch", "more redirects than are followed"),
    Status("http-401", "fetch", "the server wants a log-in"),
    Status("http-403", "fetch", "the server forbids it"),
    Status("http-404", "fetch", "the server has no such image"),
    Status("http-410", "fetch", "the server had it and has it no more"),
    Status("http-429", "fetch", "the server was asked too often", transient=True),
    Status("http-4xx", "fetch", "the server refuses for another reason"),
    Status("http-5xx", "fetch", "the server failed", transient=True),
    Status("http-other", "fetch", "the server answers neither with an image nor with an error"),
    Status("opt-out", "fetch", "the server asks not to use it so (X-Robots-Tag)"),
    Status("placeholder", "fetch", "an image that stands for one that is gone"),
    Status("changed", "fetch", "other bytes than those of the SHA-256 in the list"),
    # what the bytes are
    Status("missing", "bytes", "listed by the source, but not there", source_decides=True),
    Status(
        "damaged-archive",
        "bytes",
        "the archive ends or breaks here; what stands behind is not readable",
        source_decides=True,
    ),
    Status(
        "unsafe-member",
        "bytes",
        "an archive member that is a link or names a place outside its folder",
        source_decides=True,
    ),
    Status("too-large", "bytes", "more bytes than an image may have", source_decides=True),
    Status("unreadable", "bytes", "the source broke off while this image was read"),
    Status("empty", "bytes", "no bytes"),
    Status("html-page", "bytes", "an HTML page under an image's name"),
    Status("not-an-image", "bytes", "not an image of a known type"),
    Status("truncated", "bytes", "the image's data end too early"),
    Status("corrupt", "bytes", "the image's data do not decode"),
    Status("unsupported-depth", "bytes", "more than 8 bits a channel, which readers would clip"),
    Status("too-small", "bytes", "a side shorter than the smallest allowed"),
    Status("too-many-pixels", "bytes", "more pixels than an image may have"),
    # what the rest of the dataset decides
    Status("repeated-id", "dataset", "another image has the same image_id"),
    Status("duplicate", "dataset", "the same bytes as another image of this fine class, which is kept"),
    Status("conflicting-duplicate", "dataset", "the same bytes under labels that contradict each other; none is kept"),
    Status("over-limit", "dataset", "more images than --limit allows for this class"),
    Status("class-too-small", "dataset", "a test class needs two images, one for the query and one for the gallery"),
    Status("unlisted", "dataset", "not in the published dataset that this one repeats"),
)

STATUS_BY_NAME = {status.name: status for status in STATUSES}
STATUS_NAMES = tuple(status.name for status in STATUSES)
FETCH_STATUSES = frozenset(status.name for status in STATUSES if status.group == "fetch")
SOURCE_STATUSES = frozenset(status.name for status in STATUSES if status.source_decides)
TRANSIENT_STATUSES = frozenset(status.name for status in STATUSES if status.transient)


def statuses_table() -> str:
    """Render the statuses of rejected images as a Markdown table, for the documentation."""
    lines = ["| status | decided by | tried again | meaning |", "|---|---|---|---|"]
    for status in STATUSES:
        if status.name != "ok":
            lines.append(
                f"| `{status.name}` | {status.group} | {'yes' if status.transient else ''} | {status.meaning} |"
            )
    return "\n".join(lines)
