"""What every source allows, how it is cited, and what a dataset card states about it: data files and one loader.

``<source>.toml`` has the fields of `Terms`, with those of `CardTexts` in the table ``[card]``. All are required; a
text is empty if dmlkit does not know it. ``<source>.bib`` is what to cite; a source without one has nothing to cite.
``dyml`` is the official DyML release.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from dmlkit.errors import SourceError, UsageError
from dmlkit.text import summarize

FOLDER = Path(__file__).parent
RELEASE = "dyml"  # the terms of the official release, whose datasets are called dyml-animal, dyml-vehicle, dyml-product
SOURCES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != RELEASE))


@dataclass(frozen=True)
class CardTexts:
    """What the card states about a source's images and labels, in sentences; empty if dmlkit does not know it.

    ``collection``: how and when the images were collected. ``annotation``: who or what gave the labels. ``people``:
    people and other personal data in the images or labels. ``impact``: what trained models could do to people.
    """

    collection: str
    annotation: str
    people: str
    biases: str
    impact: str


@dataclass(frozen=True)
class Terms:
    """What a source allows and how the card names it.

    ``license`` is an SPDX identifier or ``other``. ``conditions``: one or two sentences, who may use the images and
    for what. ``redistribute``: whether the images themselves may be published. ``how_to_get``: how a person gets the
    source's files, a sentence or a command. ``citation``: BibTeX entries, without line breaks around them.
    """

    title: str
    license: str
    conditions: str
    redistribute: bool
    url: str
    how_to_get: str
    card: CardTexts
    citation: str


def is_source(name: str) -> bool:
    """Tell whether a source that dmlkit can build from is called ``name``."""
    return name in SOURCES


@lru_cache
def load(source: str) -> Terms:
    """Read the terms of a source, or of the release. Raise `UsageError` if there is no such source."""
    if not is_source(source) and source != RELEASE:
        raise UsageError(
            f"unknown source {source!r}",
            code="usage.unknown-source",
            hint=f"choose one of: {', '.join(SOURCES)}",
            name=source,
        )
    return read_terms(FOLDER / f"{source}.toml")


def load_or_unknown(source: str) -> Terms:
    """Read the terms of the source that a dataset folder names; for an unknown one, terms that allow nothing.

    ``dyml-animal`` and its like are the official release.
    """
    if is_source(source):
        return load(source)
    if source.startswith(f"{RELEASE}-"):
        return load(RELEASE)
    return Terms(
        title=f"the source {source}",
        license="other",
        conditions="Its terms are not known to this dmlkit: ask who exported it.",
        redistribute=False,
        url="",
        how_to_get="",
        card=CardTexts("", "", "", "", ""),
        citation="",
    )


def read_terms(path: Path) -> Terms:
    """Read one TOML file and the ``.bib`` file beside it. Raise `SourceError` for missing, unknown or wrong fields."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        bib = path.with_suffix(".bib")
        citation = bib.read_text(encoding="utf-8").strip() if bib.exists() else ""
    except (OSError, ValueError, RecursionError) as exc:
        raise SourceError(
            f"cannot read the terms {path}: {summarize(exc)}", code="source.unreadable-terms", path=path
        ) from exc
    types: dict[str, type] = {field.name: str for field in fields(Terms) if field.name != "citation"}
    check_fields(path, table, {**types, "redistribute": bool, "card": dict})
    check_fields(path, table["card"], {field.name: str for field in fields(CardTexts)})
    return Terms(**{**table, "card": CardTexts(**table["card"]), "citation": citation})


def check_fields(path: Path, table: dict[str, Any], expected: dict[str, type]) -> None:
    """Raise `SourceError` if ``table`` has not exactly the fields of ``expected``, each of its type."""
    missing, unknown = expected.keys() - table.keys(), table.keys() - expected.keys()
    wrong = {name for name in expected.keys() & table.keys() if type(table[name]) is not expected[name]}
    for what, names in (("missing", missing), ("unknown", unknown), ("of the wrong type", wrong)):
        if names:
            raise SourceError(
                f"cannot read the terms {path}: fields {what}: {', '.join(sorted(names))}",
                code="source.bad-terms",
                path=path,
                fields=sorted(names),
            )
