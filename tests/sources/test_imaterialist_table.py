"""The table of the real manifest, and the script that makes it from the published tree."""

import importlib.util
import itertools
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlkit.taxonomy.manifest import load_manifest
from tests.support.imaterialist_lists import PRODUCT, ask, copy_manifest, entries, write


def test_the_real_manifest_has_the_sizes_of_the_paper(tmp_path):
    real = load_manifest(str(copy_manifest(tmp_path / "product")))
    rows = entries(1, leaves=[0, 2018])
    found = ask(real, write(tmp_path / "from", rows, tree=None)).classes
    assert len({c.coarse_id for c in found}) == 42
    for split, sizes in (("train", (36, 171, 1639)), ("test", (6, 37, 315))):
        its = [c for c in found if c.split == split]
        assert (len({c.coarse_id for c in its}), len({c.middle_id for c in its}), len(its)) == sizes
    assert not {c.coarse_id for c in found if c.split == "test"} & {c.coarse_id for c in found if c.split == "train"}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_imaterialist", PRODUCT / "make_imaterialist.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_the_manifest_is_what_its_script_makes(script):
    committed = script.TABLE.read_text(encoding="utf-8")
    node_of = dict(line.split("\t")[:2] for line in committed.splitlines()[1:])
    assert sorted(map(int, node_of)) == list(range(2019))
    assert script.table(dict(reversed(node_of.items()))) == committed


def test_the_script_finds_a_table_that_would_change(tmp_path, script):
    committed = script.TABLE.read_text(encoding="utf-8")
    tree = {}
    for line in committed.splitlines()[1:]:
        leaf, node = line.split("\t")[:2]
        a, b, c = node.split(".")
        below = tree.setdefault(f"level1_node{a}", {}).setdefault(f"level2_node{b}", {})
        below.setdefault(f"level3_node{c}", []).append(leaf)
    for number, code in ((0, 0), (1, 1)):
        tree["level1_node1"]["level2_node1"]["level3_node1"] += ["2019"] * number
        (tmp_path / "tree.json").write_text(json.dumps(tree))
        command = [sys.executable, str(PRODUCT / "make_imaterialist.py"), str(tmp_path / "tree.json"), "--check"]
        assert subprocess.run(command, check=False).returncode == code


@given(
    sizes=st.lists(st.tuples(st.just(1), st.integers(1, 3), st.integers(1, 5)), min_size=1, max_size=8),
    wanted=st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 15)),
)
def test_the_first_choice_in_order_is_taken(script, sizes, wanted):
    order = [str(i) for i in range(len(sizes))]
    size_of = dict(zip(order, sizes, strict=True))
    fitting = [
        [name in choice for name in order]
        for count in range(len(order) + 1)
        for choice in itertools.combinations(order, count)
        if tuple(sum(size_of[name][i] for name in choice) for i in range(3)) == wanted
    ]
    if not fitting:
        with pytest.raises(ValueError, match="no choice"):
            script.choose(order, size_of, wanted)
        return
    taken = script.choose(order, size_of, wanted)
    assert [name in taken for name in order] == max(fitting)
