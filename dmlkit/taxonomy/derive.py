"""Rules of manifest.toml + WordNet + a list of synsets that have images → classes.tsv and excluded.tsv.

Everything that concerns one dataset is in the manifest's table ``[derive]``; the order of the steps is here:

1. Below each coarse synset, the listed synsets are candidates, except those below an excluded one.
2. Forms are not classes of their own: synsets whose gloss says that they are the young, a sex or an age of another,
   and the stated words for a use or a quality.
3. Fine candidates are the candidates without another candidate below, and the synsets stated as ``fine_at``. A
   candidate with a single fine candidate below takes its place, unless it is stated as ``too_wide``: images filed
   under *magpie* are of use only if *magpie*, and not *European magpie*, is the class.
4. From each coarse synset down, a synset with at most ``most`` fine candidates below is a middle candidate; a larger
   one is opened, unless it is kept whole; one that is stated as opened is opened in any case.
5. For each coarse class the largest middle candidates are taken, as many as are wanted; equal ones in the order of
   their wnids. Groups that are stated as ``no_middle`` are passed over.
6. A cap on the number of fine classes of a middle class brings the sum to the wanted number. Within a class, the fine
   candidates with the lowest hash of their wnid stay.
7. Each coarse class gives the test its share of middle classes: the first in the order of a hash with which the
   wanted number of fine classes can be reached.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path

from dmlkit.errors import ManifestError
from dmlkit.taxonomy import wordnet
from dmlkit.taxonomy.manifest import Exclusion, FineClass
from dmlkit.taxonomy.rules import DeriveRules, read_rules, union
from dmlkit.taxonomy.template import to_tsv


def derive_files(folder: Path) -> dict[str, bytes]:
    """Derive the files of a manifest: file name → bytes.

    Raises `ManifestError` if the rules cannot be met, and `WordNetNotFound`.
    """
    rules = read_rules(folder)
    middles = choose_middle_classes(rules)
    members = cap_middle_classes(rules, middles)
    test = choose_test_classes(rules, middles, members)
    names = choose_unique_names(rules, middles, members)
    classes = [
        FineClass(
            fine_id=fine_id,
            fine=names[fine_id],
            middle_id=middle_id,
            middle=class_name(rules, middle_id),
            coarse_id=middles[middle_id],
            coarse=class_name(rules, middles[middle_id]),
            split="test" if middle_id in test else "train",
            path=describe_path(rules, middles[middle_id], middle_id, fine_id),
        )
        for middle_id, fine_ids in members.items()
        for fine_id in fine_ids
    ]
    classes.sort(key=lambda c: (c.coarse_id, c.middle_id, c.fine_id))
    exclusions = sorted(iter_exclusions(rules, middles, members), key=lambda e: e.label)
    check_disjoint(classes, exclusions)
    return {
        "classes.tsv": to_tsv(FineClass, classes).encode(),
        "excluded.tsv": to_tsv(Exclusion, exclusions).encode(),
    }


def choose_middle_classes(rules: DeriveRules) -> dict[str, str]:
    """Choose the middle classes, steps 4 and 5: middle class → coarse class."""
    chosen: dict[str, str] = {}
    for top in rules.coarse:
        wanted = rules.table["coarse"][top]
        candidates = set(iter_middle_candidates(rules, top, is_top=True))
        if len(candidates) < wanted:
            raise rules_not_met(
                f"{wanted} middle classes are wanted below {top}, the rules give {len(candidates)}", label=top
            )
        largest_first = sorted(candidates, key=lambda m: (-len(rules.fine_below(m)), m))
        chosen |= dict.fromkeys(largest_first[:wanted], top)
    nested = [(a, b) for a, b in combinations(chosen, 2) if b in rules.below(a) or a in rules.below(b)]
    if nested:
        raise rules_not_met(f"middle classes are below each other: {nested}", labels=nested)
    return dict(sorted(chosen.items()))


def iter_middle_candidates(rules: DeriveRules, label: str, *, is_top: bool = False) -> Iterator[str]:
    """Yield the middle candidates at or below ``label``, some of them twice."""
    count = len(rules.fine_below(label))
    if count < rules.table["least"] or label in rules.excluded or label in rules.stated["no_middle"]:
        return
    is_opened = is_top or label in rules.stated["open"]
    if label in rules.stated["keep"] or (count <= rules.table["most"] and not is_opened):
        yield label
        return
    for child in rules.children(label):
        yield from iter_middle_candidates(rules, child)


def cap_middle_classes(rules: DeriveRules, middles: Mapping[str, str]) -> dict[str, list[str]]:
    """Choose the fine classes of each middle class, step 6. A fine candidate below two middle classes is in neither."""
    candidates: dict[str, list[str]] = {}
    for middle in middles:
        elsewhere = union(rules.below(other) for other in middles if other != middle)
        candidates[middle] = sorted(rules.fine_below(middle) - elsewhere, key=hash_of)
    wanted = rules.table["fine"]
    total = 0
    for most in range(1, wanted + 1):
        counts = {middle: min(most, len(labels)) for middle, labels in candidates.items()}
        total = sum(counts.values())
        if total >= wanted:
            # The last step may take one too many from some: the largest give one back, in the order of a hash.
            spare = sorted((m for m in counts if counts[m] == most), key=hash_of)[: total - wanted]
            return {m: sorted(labels[: counts[m] - (m in spare)]) for m, labels in candidates.items()}
    raise rules_not_met(f"{wanted} fine classes are wanted, the middle classes have {total}", count=total)


def choose_test_classes(
    rules: DeriveRules, middles: Mapping[str, str], members: Mapping[str, list[str]]
) -> frozenset[str]:
    """Choose the middle classes of the test set, step 7.

    Each coarse class gives its share of the middle classes. Among all such choices with the wanted number of fine
    classes, the first in the order of a hash: a middle class is taken if a choice with it exists.
    """
    order = sorted(middles, key=lambda m: hash_of(f"test {m}"))
    need = proportional_shares(Counter(middles.values()), rules.table["test_middle"])
    undecided = {top: [len(members[m]) for m in order if middles[m] == top] for top in need}
    left = rules.table["test_fine"]
    if not subset_sum_possible(undecided, need, left):
        raise rules_not_met(f"no choice of {need} middle classes has {left} fine classes", count=left)
    taken = []
    for m in order:
        top, count = middles[m], len(members[m])
        undecided[top].pop(0)
        if need[top] and subset_sum_possible(undecided, need | {top: need[top] - 1}, left - count):
            taken.append(m)
            need[top] -= 1
            left -= count
    return frozenset(taken)


def proportional_shares(counts: Mapping[str, int], wanted: int) -> dict[str, int]:
    """Divide ``wanted`` in proportion to ``counts``: at least one each, the rest by the largest remainder.

    >>> proportional_shares({"a": 9, "b": 1}, 3)
    {'a': 2, 'b': 1}
    """
    exact = {key: count * wanted / sum(counts.values()) for key, count in counts.items()}
    shares = {key: max(1, int(value)) for key, value in exact.items()}
    for key in sorted(exact, key=lambda k: (shares[k] - exact[k], k))[: wanted - sum(shares.values())]:
        shares[key] += 1
    return shares


def subset_sum_possible(counts: Mapping[str, list[int]], need: Mapping[str, int], total: int) -> bool:
    """Tell whether ``need[key]`` of the ``counts[key]`` can be chosen for every key so that all add up to ``total``.

    >>> subset_sum_possible({"a": [1, 2], "b": [5]}, {"a": 1, "b": 1}, 7)
    True
    """
    sums = {0}
    for key, number in need.items():
        sums_of_chosen: list[set[int]] = [{0}] + [set() for _ in range(number)]
        for count in counts[key]:
            for k in range(number, 0, -1):
                sums_of_chosen[k] |= {s + count for s in sums_of_chosen[k - 1]}
        sums = {a + b for a in sums for b in sums_of_chosen[number] if a + b <= total}
    return total in sums


def hash_of(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()


def class_name(rules: DeriveRules, label: str) -> str:
    """Return the stated name, or the most used lemma."""
    stated = rules.table["names"].get(label)
    return str(stated) if stated else wordnet.lemmas(wordnet.synset(label))[0]


def choose_unique_names(
    rules: DeriveRules, middles: Mapping[str, str], members: Mapping[str, list[str]]
) -> dict[str, str]:
    """Choose a name for each fine class: the stated one, or the most used lemma that no other class has.

    If other classes share all its lemmas, the first one, with the name of the middle class in brackets.
    """
    fine_ids = [label for labels in members.values() for label in labels]
    shared = Counter(class_name(rules, label).lower() for label in (*middles, *rules.coarse))
    for label in fine_ids:
        shared.update({name.lower() for name in (class_name(rules, label), *wordnet.lemmas(wordnet.synset(label)))})
    names = {}
    for middle, labels in members.items():
        for label in labels:
            name = class_name(rules, label)
            free = [n for n in wordnet.lemmas(wordnet.synset(label)) if shared[n.lower()] == 1]
            stated = [name] if label in rules.table["names"] else []
            names[label] = [*stated, *free, f"{name} ({class_name(rules, middle)})"][0]
    repeated = [name for name, count in Counter(n.lower() for n in names.values()).items() if count > 1]
    if repeated:
        raise ManifestError(
            f"several fine classes have the same name: {', '.join(repeated)}",
            code="manifest.repeated-names",
            hint="name them in [derive.names]",
            names=repeated,
        )
    return names


def describe_path(rules: DeriveRules, coarse: str, middle: str, fine: str) -> str:
    """Write the way down as ``wnid:name > ...``: the shortest, the first by wnid if there are several."""
    steps = shortest_path(rules, coarse, middle) + shortest_path(rules, middle, fine)[1:]
    return " > ".join(f"{step}:{wordnet.lemmas(wordnet.synset(step))[0]}" for step in steps)


def shortest_path(rules: DeriveRules, top: str, bottom: str) -> list[str]:
    """Return the labels from ``top`` down to ``bottom``, both included."""
    paths = [[top]]
    while paths:
        for path in paths:
            if path[-1] == bottom:
                return path
        longer = ([*path, child] for path in paths for child in rules.children(path[-1]))
        paths = [path for path in longer if path[-1] == bottom or bottom in rules.below(path[-1])]
    raise rules_not_met(f"{bottom} is not below {top}", label=bottom)


def iter_exclusions(
    rules: DeriveRules, middles: Mapping[str, str], members: Mapping[str, list[str]]
) -> Iterator[Exclusion]:
    """Yield the rows of excluded.tsv: stated subtrees, forms below no fine class, and candidates that are left out."""
    kept = {fine for labels in members.values() for fine in labels}
    in_kept = kept | union(rules.below(fine) for fine in kept)
    above_kept = union(wordnet.ancestors(fine) for fine in kept) - kept
    reasons = dict(rules.excluded)
    for label, reason in rules.forms.items():
        if label in rules.listed and label not in in_kept and label not in above_kept:
            reasons.setdefault(label, reason)
    for middle in middles:
        for label in rules.fine_below(middle) - kept:
            shared = sorted(other for other in middles if other != middle and label in rules.below(other))
            names = ", ".join(class_name(rules, m) for m in (middle, *shared))
            capped = rules.table["cap_reason"].format(middle=names)
            reasons.setdefault(label, f"it stands below two middle classes: {names}" if shared else capped)
    for label, reason in reasons.items():
        yield Exclusion(label, class_name(rules, label), reason)


def check_disjoint(classes: Iterable[FineClass], exclusions: Iterable[Exclusion]) -> None:
    """Raise `ManifestError` if a synset is below two fine classes, or a fine class below an excluded synset."""
    fine = {c.fine_id for c in classes}
    faults = []
    for label in sorted(fine):
        over = wordnet.ancestors(label)
        faults += [f"{label} is below the fine class {other}" for other in sorted((over & fine) - {label})]
        faults += [f"{label} is below the excluded {e.label}" for e in exclusions if e.label in over]
    owner: dict[str, str] = {}
    for label in sorted(fine):
        for under in wordnet.descendants(label):
            if owner.setdefault(under, label) != label:
                faults.append(f"{under} is below the fine classes {owner[under]} and {label}")
    if faults:
        raise rules_not_met("the rules contradict each other: " + "; ".join(faults[:20]), faults=tuple(faults))


def rules_not_met(message: str, **facts: object) -> ManifestError:
    """Make the error for rules that give no such classes."""
    return ManifestError(message, code="manifest.rules-not-met", hint="change the table [derive]", **facts)
