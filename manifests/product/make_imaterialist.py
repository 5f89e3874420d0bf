"""Derive the table of iMaterialist's classes from the tree that its authors published.

    python manifests/product/make_imaterialist.py product_tree.json [--check]

Level 2 nodes with one node below are left out. Of the others, six with 37 level 3 nodes and 315 leaves are the test:
those numbers are the paper's. Of all such choices the first in the order of a hash is taken.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import sys
from collections import defaultdict
from pathlib import Path

from dmlkit.sources.imaterialist_classes import nodes_of_leaves

TABLE = Path(__file__).with_name("imaterialist-2019.tsv")
TEST = (6, 37, 315)
"""Coarse, middle and fine classes of the test."""
REASON = "its level 2 node has a single level 3 node: a middle class that is the coarse one"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the table would change")
    options = parser.parse_args()
    text = table(nodes_of_leaves(json.loads(options.tree.read_text(encoding="utf-8"))))
    if options.check:
        sys.exit(TABLE.read_text(encoding="utf-8") != text)
    TABLE.write_text(text, encoding="utf-8")


def table(node_of: dict[str, str]) -> str:
    """One row a leaf, in numeric order."""
    below = defaultdict(list)
    for node in node_of.values():
        below[node.rpartition(".")[0]].append(node)
    sizes = {upper: (1, len(set(nodes)), len(nodes)) for upper, nodes in below.items() if len(set(nodes)) > 1}
    order = sorted(sizes, key=lambda upper: hashlib.sha256(f"test {upper}".encode()).hexdigest())
    test = choose(order, sizes, TEST)
    out = io.StringIO()
    rows = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
    rows.writerow(["leaf", "node", "split", "reason"])
    for leaf in sorted(node_of, key=int):
        node = node_of[leaf]
        upper = node.rpartition(".")[0]
        split = "test" if upper in test else "train"
        rows.writerow([leaf, node, split, ""] if upper in sizes else [leaf, node, "", REASON])
    return out.getvalue()


def choose(order: list[str], sizes: dict[str, tuple[int, ...]], wanted: tuple[int, ...]) -> set[str]:
    """The first choice in ``order`` whose sizes add up to ``wanted``: one is taken if a choice with it exists.

    Raises `ValueError` where no choice does.
    """
    reachable = [{tuple(0 for _ in wanted)}]  # by the last ones of the order: none of them, the last, the last two ...
    for upper in reversed(order):
        more = {plus(known, sizes[upper]) for known in reachable[-1]}
        reachable.append(reachable[-1] | {known for known in more if within(known, wanted)})
    if wanted not in reachable[-1]:
        raise ValueError(f"no choice of nodes adds up to {wanted}")
    taken, left = set(), wanted
    for place, upper in enumerate(order):
        rest = plus(left, tuple(-n for n in sizes[upper]))
        if rest in reachable[len(order) - place - 1]:
            taken.add(upper)
            left = rest
    return taken


def plus(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def within(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True))


if __name__ == "__main__":
    main()
