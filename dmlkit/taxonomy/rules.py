"""The rules by which a manifest's classes are derived: its table ``[derive]``, applied to WordNet."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dmlkit.errors import ManifestError
from dmlkit.taxonomy import wordnet

# Tables of ``[derive]`` that list synsets without a reason, each an array of tables with the key ``wnids``.
LISTS = ("fine_at", "too_wide", "open", "keep", "no_middle")

# What a table ``[derive]`` must have; `dmlkit.taxonomy.derive` says what each decides.
KEYS = (
    *("list", "fine", "test_middle", "test_fine", "least", "most", "form_gloss", "form_reason", "cap_reason"),
    *("coarse", "exclude", "uses", "names", *LISTS),
)


@dataclass
class DeriveRules:
    """The table ``[derive]`` and what follows from it. ``listed`` are the synsets with images. Synsets are wnids."""

    table: Mapping[str, Any]
    listed: frozenset[str]
    _below: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def coarse(self) -> list[str]:
        return list(self.table["coarse"])

    @cached_property
    def excluded(self) -> dict[str, str]:
        """Excluded subtree → reason."""
        return self._reasons("exclude")

    @cached_property
    def uses(self) -> dict[str, str]:
        """Synset that names a use or a quality → reason."""
        return self._reasons("uses")

    def _reasons(self, key: str) -> dict[str, str]:
        reasons: dict[str, str] = {}
        for entry in self.table[key]:
            reasons |= dict.fromkeys(entry["wnids"], entry["reason"])
        return reasons

    @cached_property
    def stated(self) -> dict[str, frozenset[str]]:
        """Name of a list of rules → the wnids of all its entries."""
        return {name: union(entry["wnids"] for entry in self.table[name]) for name in LISTS}

    def children(self, label: str) -> list[str]:
        """Return the synsets directly below, sorted."""
        return [wordnet.wnid(s) for s in wordnet.children(wordnet.synset(label))]

    def below(self, label: str) -> frozenset[str]:
        """Return all synsets below, without ``label`` itself and without excluded subtrees."""
        if label not in self._below:
            labels: set[str] = set()
            for child in self.children(label):
                if child not in self.excluded:
                    labels |= {child} | self.below(child)
            self._below[label] = frozenset(labels)
        return self._below[label]

    @cached_property
    def forms(self) -> dict[str, str]:
        """Synset that is not a class of its own → reason. Everything below an age or a sex is a form too."""
        pattern = re.compile(self.table["form_gloss"])
        reasons: dict[str, str] = {}
        for label in sorted(union(self.below(c) for c in self.coarse)):
            if pattern.match(wordnet.synset(label).definition()):
                reasons[label] = self.table["form_reason"]
        for label in sorted(reasons):
            for under in self.below(label):
                reasons.setdefault(under, reasons[label])
        return reasons | self.uses

    @cached_property
    def fine(self) -> frozenset[str]:
        """All fine candidates: step 3."""
        whole = self.stated["fine_at"]
        inside = union(self.below(label) for label in whole)
        candidates = union(self.below(top) for top in self.coarse) & self.listed
        candidates = candidates - self.forms.keys() - inside - whole
        fine = whole | {c for c in candidates if not (self.below(c) & (candidates | whole))}
        widened: dict[str, str] = {}
        widest_first = sorted(candidates - fine - self.stated["too_wide"], key=lambda c: (-len(self.below(c)), c))
        for label in widest_first:
            narrow = self.below(label) & fine
            if len(narrow) == 1:
                widened.setdefault(next(iter(narrow)), label)
        return frozenset((fine - widened.keys()) | set(widened.values()))

    def fine_below(self, label: str) -> frozenset[str]:
        """Return the fine candidates below."""
        return self.below(label) & self.fine


def union(sets: Iterable[Iterable[str]]) -> frozenset[str]:
    """Return what is in any of the sets.

    >>> sorted(union([{"a"}, {"b"}]))
    ['a', 'b']
    """
    return frozenset(label for labels in sets for label in labels)


def read_rules(folder: Path) -> DeriveRules:
    """Read the rules of a manifest. Raises `ManifestError` if it has none."""
    try:
        table = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))["derive"]
        for name in KEYS:
            table[name]  # raises `KeyError`
        lines = (folder / table["list"]).read_text(encoding="utf-8").splitlines()
    except (OSError, KeyError, TypeError, ValueError) as exc:
        raise ManifestError(
            f"{folder} has no rules to derive from: {exc!r}",
            code="manifest.no-rules",
            hint="a manifest without a table [derive] has its classes.tsv written by hand",
            path=folder,
        ) from exc
    return DeriveRules(table, frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#")))
