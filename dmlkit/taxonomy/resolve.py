"""Upstream label → fine class, or the reason why not.

Labels that are in ``classes.tsv`` (as fine class or anywhere on a path) or in ``excluded.tsv`` are resolved from
these files alone. WordNet is opened only for a label that is in neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dmlkit.errors import TaxonomyError
from dmlkit.taxonomy import wordnet
from dmlkit.taxonomy.manifest import FineClass, Manifest
from dmlkit.text import bullet_list

# Faults that one error names; the others are counted.
SHOWN_FAULTS = 20


@dataclass(frozen=True)
class Resolution:
    """What a taxonomy decides about one upstream label.

    ``fine_id`` is set if ``status`` is ``ok``. ``possible`` are the fine ids that an image under this label may
    show: one for a mapped label, those below it for one that is ``above``, none otherwise. Two labels of one
    image contradict each other if they share no possible fine class.
    """

    status: str
    fine_id: str | None
    possible: frozenset[str]
    detail: str


class Taxonomy:
    """The tree of one dataset, with a memory of the labels it has resolved.

    ``fine``: fine id → its class. ``reasons``: excluded label → reason. ``below``: upper label → fine ids below it.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.fine: dict[str, FineClass] = {c.fine_id: c for c in manifest.classes}
        self.reasons = {e.label: e.reason for e in manifest.excluded}
        self.below: dict[str, set[str]] = {}
        for c in manifest.classes:
            for upper in {step.split(":", 1)[0] for step in c.path.split(" > ") if step} | {c.middle_id, c.coarse_id}:
                if upper != c.fine_id:
                    self.below.setdefault(upper, set()).add(c.fine_id)
        self.uses_wordnet = manifest.settings.get("hierarchy", {}).get("lexicon") == "wordnet-3.0"
        self._resolved: dict[str, Resolution] = {}

    def resolve(self, label: str) -> Resolution:
        """Decide what becomes of an image with this upstream label.

        Raises `TaxonomyError` for a label that neither the manifest nor its lexicon knows and for one that is below
        several fine classes, and `WordNetNotFound` if WordNet is needed and not installed.
        """
        if label not in self._resolved:
            self._resolved[label] = self._resolve(label)
        return self._resolved[label]

    def resolve_all(self, labels: Iterable[str]) -> dict[str, Resolution]:
        """Resolve many labels. All that are unknown or ambiguous are named in one `TaxonomyError`."""
        resolved, faults = {}, {}
        for label in labels:
            try:
                resolved[label] = self.resolve(label)
            except TaxonomyError as exc:
                faults[label] = exc.message
        if faults:
            raise TaxonomyError(
                f"{len(faults)} label(s) of the source cannot be placed; nothing was read:"
                + bullet_list(faults.values(), SHOWN_FAULTS),
                code="taxonomy.unplaced-labels",
                hint="remove them from the source, or add them to the manifest's classes.tsv or excluded.tsv",
                labels=tuple(faults),
            )
        return resolved

    def _resolve(self, label: str) -> Resolution:
        if label in self.fine:
            return Resolution("ok", label, frozenset([label]), "")
        if label in self.reasons:
            return Resolution("excluded", None, frozenset(), self.reasons[label])
        if label in self.below:
            return self._above(self.below[label])
        if not self.uses_wordnet:
            raise TaxonomyError(
                f"{label!r} is neither a class of {self.manifest.name} nor excluded by it",
                code="taxonomy.unknown-label",
                hint="add it to the manifest's classes.tsv or excluded.tsv",
                label=label,
            )
        return self._resolve_by_wordnet(label)

    def _above(self, fine_ids: set[str]) -> Resolution:
        return Resolution("above", None, frozenset(fine_ids), f"{len(fine_ids)} fine classes stand below this label")

    def _resolve_by_wordnet(self, label: str) -> Resolution:
        over = wordnet.ancestors(label)
        fine_ids = over & self.fine.keys()
        if len(fine_ids) > 1:
            choices = ", ".join(f"{i} ({self.fine[i].fine})" for i in sorted(fine_ids))
            raise TaxonomyError(
                f"{label} is below several fine classes: {choices}",
                code="taxonomy.ambiguous-label",
                hint="add it to the manifest's classes.tsv or excluded.tsv",
                label=label,
                choices=tuple(sorted(fine_ids)),
            )
        excluded = sorted(over & self.reasons.keys())
        if fine_ids and not excluded:
            (fine_id,) = fine_ids
            return Resolution("ok", fine_id, frozenset([fine_id]), "")
        if excluded:
            return Resolution("excluded", None, frozenset(), self.reasons[excluded[0]])
        below = {c.fine_id for c in self.manifest.classes if label in wordnet.ancestors(c.fine_id)}
        if below:
            return self._above(below)
        middle = sorted(over & {c.middle_id for c in self.manifest.classes})
        where = f"below the middle class {middle[0]}, but no fine class" if middle else "not below any class"
        return Resolution("outside", None, frozenset(), where)
