"""Upstream label → fine class, or the reason why not.

Labels that stand in ``classes.tsv`` (as fine class or anywhere on a path) or in ``excluded.tsv`` are resolved from
these files alone. WordNet is opened only for a label that stands in neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dmlkit.errors import TaxonomyError
from dmlkit.taxonomy.manifest import FineClass, Manifest


@dataclass(frozen=True)
class Resolution:
    """What a hierarchy says of one upstream label.

    ``fine_id`` is set when ``status`` is ``ok``. ``possible`` are the fine ids that an image under this label may
    show: one for a mapped label, those below it for one that stands ``above``, none otherwise. Two labels of one
    image contradict each other when they share no possible fine class.
    """

    status: str
    fine_id: str | None
    possible: frozenset[str]
    detail: str


class Taxonomy:
    """The tree of one dataset, with a memory of the labels it has resolved."""

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
        """What becomes of an image with this upstream label.

        Raises `TaxonomyError` for a label that neither the manifest nor its lexicon knows and for one that falls
        under several fine classes, and `WordNetNotFound` where WordNet is needed and not there.
        """
        if label not in self._resolved:
            self._resolved[label] = self._resolve(label)
        return self._resolved[label]

    def resolve_all(self, labels: Iterable[str]) -> dict[str, Resolution]:
        """`resolve` for many labels. All that are unknown or ambiguous are named in one `TaxonomyError`."""
        resolved, faults = {}, []
        for label in labels:
            try:
                resolved[label] = self.resolve(label)
            except TaxonomyError as exc:
                faults.append(exc.message)
        if faults:
            shown = "\n".join(f"  - {fault}" for fault in faults[:20])
            more = f"\n  ... and {len(faults) - 20} more" if len(faults) > 20 else ""
            raise TaxonomyError(
                f"{len(faults)} label(s) of the source cannot be placed; nothing was read:\n{shown}{more}",
                hint="take them out of the source, or name them in the manifest's classes.tsv or excluded.tsv",
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
            raise TaxonomyError(f"{label!r} is no class of {self.manifest.name} and not excluded by it")
        return self._resolve_by_wordnet(label)

    def _above(self, fine_ids: set[str]) -> Resolution:
        return Resolution("above", None, frozenset(fine_ids), f"{len(fine_ids)} fine classes stand below this label")

    def _resolve_by_wordnet(self, label: str) -> Resolution:
        import dmlkit.taxonomy.wordnet as wordnet

        over = wordnet.ancestors(label)
        fine_ids = over & self.fine.keys()
        if len(fine_ids) > 1:
            choices = ", ".join(f"{i} ({self.fine[i].fine})" for i in sorted(fine_ids))
            raise TaxonomyError(f"{label} falls under several fine classes: {choices}")
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
