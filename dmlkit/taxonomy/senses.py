"""A noun of WordNet as plain data, with its place in a taxonomy."""

from __future__ import annotations

import re
from typing import Any

from dmlkit.errors import TaxonomyError, UsageError
from dmlkit.taxonomy import wordnet
from dmlkit.taxonomy.resolve import Taxonomy


def describe_senses(query: str, taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Describe the synset of a wnid, or all senses of a name, and where each falls in a taxonomy.

    Raises `UsageError` for a name that WordNet does not have, `TaxonomyError` for such a wnid, `WordNetNotFound`.
    """
    nouns = [wordnet.synset(query)] if re.fullmatch(r"n\d{8}", query) else wordnet.senses(query)
    if not nouns:
        raise UsageError(
            f"WordNet 3.0 has no noun {query!r}",
            code="wordnet.unknown-name",
            hint="try the singular, another name, or a wnid",
            name=query,
        )
    return [
        {
            "wnid": wordnet.wnid(noun),
            "name": noun.name(),
            "lemmas": wordnet.lemmas(noun),
            "gloss": noun.definition(),
            "paths": wordnet.paths(noun),
            **locate_label(wordnet.wnid(noun), taxonomy),
        }
        for noun in nouns
    ]


def locate_label(label: str, taxonomy: Taxonomy) -> dict[str, Any]:
    """Describe where a label falls in a taxonomy, as plain data."""
    try:
        resolution = taxonomy.resolve(label)
    except TaxonomyError as exc:
        return {"status": "ambiguous", "fine_id": None, "detail": exc.message}
    detail = resolution.detail
    if resolution.fine_id is not None:
        c = taxonomy.fine[resolution.fine_id]
        detail = f"fine class {c.fine} ({c.fine_id}), {c.middle}, {c.coarse}, {c.split}"
    return {"status": resolution.status, "fine_id": resolution.fine_id, "detail": detail}
