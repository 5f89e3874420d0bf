"""Put text from outside into Markdown so that it is shown as it is and becomes nothing else."""

from __future__ import annotations

import re

from dmlkit.text import one_line

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {c: f"\\{c}" for c in "\\`*_[]|~$#"})


def plain(text: str) -> str:
    r"""Escape a text of a manifest or source, on one line: no HTML, link, code or table cell comes of it.

    >>> plain("<b> a_b")
    '&lt;b&gt; a\\_b'
    """
    return one_line(text).translate(ESCAPES)


def paragraph(text: str) -> str:
    r"""Escape a text that stands as a paragraph of its own: no list, heading or rule comes of it.

    >>> paragraph("1. a")
    '1\\. a'
    """
    return re.sub(r"^(\d*)(?=[-+=.)])", r"\1\\", plain(text))


def fenced(text: str, language: str) -> str:
    """Put a text into a block of code that no run of backticks in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
