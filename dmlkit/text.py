"""Short texts for people: lists, counts, sizes, durations, tables. No I/O, no knowledge of datasets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# User name and password of a URL: all before the last @ of its host part. Passwords are often written with a bare
# slash, so what follows a colon belongs to them too, unless it is the number of a port.
USER_INFO = re.compile(r"(?<=://)(?:[^\s/?#]*@|[^\s/?#@:]*:(?!\d*(?:[/?#]|$))[^\s@]*@)")

# Query and fragment of a URL, to the next white space: a few letters too many rather than half of a token.
QUERY = re.compile(r"(://[^\s?#]*[?#])\S+")


def printable(text: str) -> str:
    """Put text from outside on one line, with characters that could steer a terminal as escape sequences.

    >>> printable("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def summarize(exc: BaseException, max_letters: int = 300) -> str:
    """Describe an exception of a library on one line: its type and the start of its text."""
    return f"{type(exc).__name__}: {printable(str(exc))[:max_letters]}"


def redact_url(message: str) -> str:
    """Hide what can be a credential in every URL of a text: user name, password, query and fragment.

    >>> redact_url("cannot open https://user:secret@host/a?token=1: refused")
    'cannot open https://***@host/a?*** refused'
    """
    return QUERY.sub(r"\1***", USER_INFO.sub("***@", message))


def first_few(items: Iterable[object], most: int = 5, between: str = ", ") -> str:
    """Join the first items, made printable, and count the rest.

    >>> first_few(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    texts = [printable(str(item)) for item in items]
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return between.join(texts[:most]) + more


def bullet_list(lines: Iterable[str], most: int = 10) -> str:
    """Write lines as a list below a message, each on its own line, and count those beyond ``most``."""
    texts = list(lines)
    more = [f"... and {len(texts) - most} more"] if len(texts) > most else []
    return "".join(f"\n  - {line}" for line in [*texts[:most], *more])


def plural(count: int, noun: str) -> str:
    """Count a noun.

    >>> plural(1, "image"), plural(1200, "image"), plural(2, "class")
    ('1 image', '1,200 images', '2 classes')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "es" if noun.endswith("s") else "s")


def percent(share: float) -> str:
    """Write a share of one in steps of 0.1 %, so that less than everything never reads 100%.

    >>> percent(0.5), percent(0.9999), percent(1)
    ('50%', '>99.9%', '100%')
    """
    text = f"{share:.1%}"
    return ">99.9%" if text == "100.0%" and share < 1 else text.replace(".0%", "%")


def byte_size(num_bytes: float) -> str:
    """Write a number of bytes in powers of 1000.

    >>> byte_size(999), byte_size(46_900_000)
    ('999 bytes', '46.9 MB')
    """
    if num_bytes < 1000:
        return f"{num_bytes:,.0f} bytes"
    units = iter(("kB", "MB", "GB", "TB"))
    value, unit = num_bytes / 1000, next(units)
    while value >= 1000 and unit != "TB":
        value, unit = value / 1000, next(units)
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """Write seconds with the two largest units.

    >>> duration(3.2), duration(95.2), duration(7260)
    ('3 s', '1 min 35 s', '2 h 1 min')
    """
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if not hours else ""]
    return " ".join(part for part in parts if part)


def nan_to_none(value: Any) -> Any:
    """Replace every float that is not finite by None, in nested mappings and sequences too: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {name: nan_to_none(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [nan_to_none(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def one_line(text: str) -> str:
    """Replace every run of white space and control characters by one blank."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\s]+", " ", text).strip()


def text_table(rows: Sequence[Sequence[str]], head: Sequence[str], *, right: Sequence[int] = ()) -> str:
    """Align rows as plain text that stays readable in a pipe. ``right`` are the columns of numbers."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        padded = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)
