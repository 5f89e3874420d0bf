"""Rules of manifest.toml + WordNet + a list of synsets that have images → classes.tsv and excluded.tsv.

Everything that is about one dataset stands in the manifest's table ``[derive]``; the order of the steps is here:

1. Below each coarse synset, the listed synsets are candidates, except those below an excluded one.
2. Forms are no classes of their own: synsets whose gloss says that they are the young, a sex or an age of another,
   and the stated words for a use or a quality.
3. Fine candidates are the candidates without another candidate below, and the synsets stated as ``fine_at``. A
   candidate with a single fine candidate below takes its place, unless it is stated as ``too_wide``: images filed
   under *magpie* are of use only if *magpie*, and not *European magpie*, is the class.
4. From each coarse synset down, a synset with at most ``most`` fine candidates below is a middle candidate; a larger
   one is opened, unless it is kept whole; one that is stated as opened is opened in any case.
5. For each coarse class the largest middle candidates are taken, as many as are wanted; equal ones in the order of
   their wnids. Groups that are stated as no middle class are passed over.
6. A cap on the size of a middle class brings the sum to the wanted number. Within a class, the fine candidates with
   the lowest hash of their wnid stay.
7. Each coarse class gives the test its share of middle classes: the first in the order of a hash with which the
   wanted number of fine classes can be reached.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from dmlkit.errors import ManifestError
from dmlkit.taxonomy import wordnet
from dmlkit.taxonomy.manifest import Exclusion, FineClass
from dmlkit.taxonomy.template import tsv


@dataclass
class Rules:
    """The table ``[derive]`` and what follows from it. Synsets are wnids throughout."""

    table: Mapping[str, Any]
    listed: frozenset[str]
    _below: dict[str, frozenset[str]] = field(default_factory=dict)
    _lists: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def coarse(self) -> list[str]:
        return list(self.table["coarse"])

    @cached_property
    def excluded(self) -> dict[str, str]:
        """Excluded subtree → reason."""
        return {label: entry["reason"] for entry in self.table["exclude"] for label in entry["wnids"]}

    @cached_property
    def uses(self) -> dict[str, str]:
        """Synset that names a use or a quality → reason."""
        return {label: entry["reason"] for entry in self.table["uses"] for label in entry["wnids"]}

    def list_of(self, key: str) -> frozenset[str]:
        """The wnids of all entries of a table of rules."""
        if key not in self._lists:
            self._lists[key] = frozenset(label for entry in self.table[key] for label in entry["wnids"])
        return self._lists[key]

    def children(self, label: str) -> list[str]:
        """The synsets right below, sorted."""
        return [wordnet.wnid(s) for s in wordnet.children(wordnet.synset(label))]

    def below(self, label: str) -> frozenset[str]:
        """All synsets below, without itself and without excluded subtrees."""
        if label not in self._below:
            found: set[str] = set()
            for child in self.children(label):
                if child not in self.excluded:
                    found |= {child} | self.below(child)
            self._below[label] = frozenset(found)
        return self._below[label]

    @cached_property
    def is_form(self) -> re.Pattern[str]:
        return re.compile(self.table["form_gloss"])

    @cached_property
    def forms(self) -> dict[str, str]:
        """Synset that is no class of its own → reason. What stands below an age or a sex is none either."""
        found: dict[str, str] = {}
        everything = sorted(set().union(*(self.below(c) for c in self.coarse)))
        for label in everything:
            gloss = wordnet.synset(label).definition()
            if self.is_form.match(gloss):
                found[label] = self.table["form_reason"]
        for label in sorted(found):
            for under in self.below(label):
                found.setdefault(under, found[label])
        return found | self.uses

    @cached_property
    def fine(self) -> frozenset[str]:
        """All fine candidates."""
        whole = self.list_of("fine_at")
        inside = set().union(*(self.below(label) for label in whole)) if whole else set()
        candidates = {c for top in self.coarse for c in self.below(top)} & self.listed
        candidates = candidates - self.forms.keys() - inside - whole
        fine = whole | {c for c in candidates if not (self.below(c) & (candidates | whole))}
        widened: dict[str, str] = {}
        for label in sorted(candidates - fine - self.list_of("too_wide"), key=lambda c: (-len(self.below(c)), c)):
            narrow = self.below(label) & fine
            if len(narrow) == 1:
                widened.setdefault(next(iter(narrow)), label)  # the widest comes first
        return frozenset((fine - widened.keys()) | set(widened.values()))

    def fine_below(self, label: str) -> frozenset[str]:
        return self.below(label) & self.fine


def derive(folder: Path) -> dict[str, bytes]:
    """The derived files of a manifest: file name → bytes.

    Raises `ManifestError` where the rules cannot be met, and `WordNetNotFound`.
    """
    rules = read_rules(folder)
    middles = choose_middles(rules)
    chosen = cap_middle_classes(rules, middles)
    test = choose_test(rules, middles, chosen)
    names = unique_names(rules, middles, chosen)
    classes = [
        FineClass(
            fine_id=fine_id,
            fine=names[fine_id],
            middle_id=middle_id,
            middle=name_of(rules, middle_id),
            coarse_id=middles[middle_id],
            coarse=name_of(rules, middles[middle_id]),
            split="test" if middle_id in test else "train",
            path=path_text(rules, middles[middle_id], middle_id, fine_id),
        )
        for middle_id, members in chosen.items()
        for fine_id in members
    ]
    classes.sort(key=lambda c: (c.coarse_id, c.middle_id, c.fine_id))
    exclusions = sorted(exclude(rules, middles, chosen), key=lambda e: e.label)
    check(classes, exclusions)
    return {
        "classes.tsv": tsv(FineClass, classes).encode(),
        "excluded.tsv": tsv(Exclusion, exclusions).encode(),
    }


def read_rules(folder: Path) -> Rules:
    """The rules of a manifest. Raises `ManifestError` where it has none."""
    try:
        table = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))["derive"]
        lines = (folder / table["list"]).read_text(encoding="utf-8").splitlines()
    except (OSError, KeyError, ValueError) as exc:
        raise ManifestError(
            f"{folder} has no rules to derive from: {exc!r}",
            hint="a manifest without a table [derive] has its classes.tsv written by hand",
        ) from exc
    return Rules(table, frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#")))


def choose_middles(rules: Rules) -> dict[str, str]:
    """Middle class → coarse class: steps 4 and 5."""
    chosen: dict[str, str] = {}
    for top in rules.coarse:
        wanted = rules.table["coarse"][top]
        found = sorted(
            set(iter_middle_candidates(rules, top, is_top=True)), key=lambda m: (-len(rules.fine_below(m)), m)
        )
        if len(found) < wanted:
            raise ManifestError(f"{wanted} middle classes are wanted below {top}, the rules give {len(found)}")
        chosen |= dict.fromkeys(found[:wanted], top)
    nested = [(a, b) for a, b in combinations(chosen, 2) if b in rules.below(a) or a in rules.below(b)]
    if nested:
        raise ManifestError(f"middle classes stand below each other: {nested}")
    return dict(sorted(chosen.items()))


def iter_middle_candidates(rules: Rules, label: str, *, is_top: bool = False) -> Iterator[str]:
    """The middle candidates at or below ``label``."""
    size = len(rules.fine_below(label))
    if size < rules.table["least"] or label in rules.excluded or label in rules.list_of("no_middle"):
        return
    opened = is_top or label in rules.list_of("open")
    if label in rules.list_of("keep") or (size <= rules.table["most"] and not opened):
        yield label
        return
    for child in rules.children(label):
        yield from iter_middle_candidates(rules, child)


def cap_middle_classes(rules: Rules, middles: Mapping[str, str]) -> dict[str, list[str]]:
    """Middle class → its fine classes: step 6. A fine candidate below two middle classes is in neither."""
    members: dict[str, list[str]] = {}
    for middle in middles:
        others = set().union(*(rules.below(other) for other in middles if other != middle))
        members[middle] = sorted(rules.fine_below(middle) - others, key=hash_of)
    wanted = rules.table["fine"]
    total = 0
    for most in range(1, wanted + 1):
        sizes = {middle: min(most, len(found)) for middle, found in members.items()}
        total = sum(sizes.values())
        if total >= wanted:
            # The last step may take one too many from some: the largest give one back, in the order of a hash.
            spare = sorted((m for m in sizes if sizes[m] == most), key=hash_of)[: total - wanted]
            return {m: sorted(found[: sizes[m] - (m in spare)]) for m, found in members.items()}
    raise ManifestError(f"{wanted} fine classes are wanted, the middle classes hold {total}")


def choose_test(rules: Rules, middles: Mapping[str, str], chosen: Mapping[str, list[str]]) -> frozenset[str]:
    """The middle classes of the test set: step 7.

    Each coarse class gives its share of the middle classes. Among all such choices with the wanted number of fine
    classes, the first in the order of a hash: a middle class is taken if a choice with it exists.
    """
    order = sorted(middles, key=lambda m: hash_of(f"test {m}"))
    need = proportional_shares(Counter(middles.values()), rules.table["test_middle"])
    undecided = {top: [len(chosen[m]) for m in order if middles[m] == top] for top in need}
    left = rules.table["test_fine"]
    if not subset_sum_possible(undecided, need, left):
        raise ManifestError(f"no choice of {need} middle classes has {left} fine classes")
    taken = []
    for m in order:
        top, size = middles[m], len(chosen[m])
        undecided[top].pop(0)
        if need[top] and subset_sum_possible(undecided, need | {top: need[top] - 1}, left - size):
            taken.append(m)
            need[top] -= 1
            left -= size
    return frozenset(taken)


def proportional_shares(counts: Mapping[str, int], wanted: int) -> dict[str, int]:
    """``wanted`` parts in proportion to ``counts``: at least one each, the rest by the largest remainder."""
    exact = {key: count * wanted / sum(counts.values()) for key, count in counts.items()}
    given = {key: max(1, int(value)) for key, value in exact.items()}
    for key in sorted(exact, key=lambda k: (given[k] - exact[k], k))[: wanted - sum(given.values())]:
        given[key] += 1
    return given


def subset_sum_possible(sizes: Mapping[str, list[int]], need: Mapping[str, int], total: int) -> bool:
    """Whether ``need`` of the ``sizes`` under each key can be chosen so that all add up to ``total``."""
    sums = {0}
    for key, count in need.items():
        own: list[set[int]] = [{0}] + [set() for _ in range(count)]
        for size in sizes[key]:
            for k in range(count, 0, -1):
                own[k] |= {s + size for s in own[k - 1]}
        sums = {a + b for a in sums for b in own[count] if a + b <= total}
    return total in sums


def hash_of(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()


def name_of(rules: Rules, label: str) -> str:
    """The stated name, or the most used lemma."""
    stated = rules.table["names"].get(label)
    return str(stated) if stated else wordnet.lemmas(wordnet.synset(label))[0]


def unique_names(rules: Rules, middles: Mapping[str, str], chosen: Mapping[str, list[str]]) -> dict[str, str]:
    """Fine class → name: the stated one, or the most used lemma that no other class has.

    Where other classes share all its lemmas, the first one, with the name of the middle class in brackets.
    """
    fine = [label for members in chosen.values() for label in members]
    upper = [name_of(rules, label).lower() for label in (*middles, *rules.coarse)]
    shared = Counter(upper)
    for label in fine:
        shared.update({name.lower() for name in (name_of(rules, label), *wordnet.lemmas(wordnet.synset(label)))})
    names = {}
    for middle, members in chosen.items():
        for label in members:
            own = name_of(rules, label)
            free = [n for n in wordnet.lemmas(wordnet.synset(label)) if shared[n.lower()] == 1]
            stated = [own] if label in rules.table["names"] else []
            names[label] = [*stated, *free, f"{own} ({name_of(rules, middle)})"][0]
    again = [name for name, count in Counter(n.lower() for n in names.values()).items() if count > 1]
    if again:
        raise ManifestError(f"several fine classes are called {', '.join(again)}", hint="name them in [derive.names]")
    return names


def path_text(rules: Rules, coarse: str, middle: str, fine: str) -> str:
    """The way down as ``wnid:name > ...``: the shortest, the first by wnid where several are."""
    steps = shortest(rules, coarse, middle) + shortest(rules, middle, fine)[1:]
    return " > ".join(f"{step}:{wordnet.lemmas(wordnet.synset(step))[0]}" for step in steps)


def shortest(rules: Rules, top: str, bottom: str) -> list[str]:
    ways = [[top]]
    while ways:
        for way in ways:
            if way[-1] == bottom:
                return way
        ways = [
            [*way, child]
            for way in ways
            for child in rules.children(way[-1])
            if child == bottom or bottom in rules.below(child)
        ]
    raise ManifestError(f"{bottom} is not below {top}")


def exclude(rules: Rules, middles: Mapping[str, str], chosen: Mapping[str, list[str]]) -> Iterator[Exclusion]:
    """The rows of excluded.tsv: stated subtrees, forms below no fine class, and candidates that were not taken."""
    kept = {fine for members in chosen.values() for fine in members}
    in_kept = set().union(*({fine} | rules.below(fine) for fine in kept))
    over = set().union(*(wordnet.ancestors(fine) for fine in kept)) - kept
    reasons = dict(rules.excluded)
    for label, reason in rules.forms.items():
        if label in rules.listed and label not in in_kept and label not in over:
            reasons.setdefault(label, reason)
    for middle in middles:
        others = {other for other in middles if other != middle}
        for label in rules.fine_below(middle) - kept:
            shared = sorted(other for other in others if label in rules.below(other))
            if shared:
                reason = (
                    f"it stands below two middle classes: {', '.join(name_of(rules, m) for m in (middle, *shared))}"
                )
                reasons.setdefault(label, " and ".join(sorted([reason])))
            else:
                reasons.setdefault(label, rules.table["cap_reason"].format(middle=name_of(rules, middle)))
    for label, reason in reasons.items():
        yield Exclusion(label, name_of(rules, label), reason)


def check(classes: Iterable[FineClass], exclusions: Iterable[Exclusion]) -> None:
    """No synset may fall under two fine classes, or under a fine and an excluded one from different sides."""
    fine = {c.fine_id for c in classes}
    faults = []
    for label in sorted(fine):
        over = (wordnet.ancestors(label) & fine) - {label}
        faults += [f"{label} stands below the fine class {other}" for other in sorted(over)]
        faults += [
            f"{label} stands below the excluded {e.label}" for e in exclusions if e.label in wordnet.ancestors(label)
        ]
    owner: dict[str, str] = {}
    for label in sorted(fine):
        for under in descendants(label):
            if owner.setdefault(under, label) != label:
                faults.append(f"{under} stands below the fine classes {owner[under]} and {label}")
    if faults:
        raise ManifestError("the rules contradict each other: " + "; ".join(faults[:20]))


def descendants(label: str) -> set[str]:
    """All synsets below in WordNet, whatever the rules are."""
    found: set[str] = set()
    for child in wordnet.children(wordnet.synset(label)):
        found |= {wordnet.wnid(child)} | descendants(wordnet.wnid(child))
    return found
