"""iMaterialist Product 2019, from files and by URL: lists in every spelling and their faults, the tree, the names."""

import importlib.util
import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from conftest import picture, sums
from datasets import load_dataset
from faulty_server import serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmlkit import crawl, manifest
from dmlkit.build import Options, build, dry_run
from dmlkit.errors import DmlkitError, ManifestError, SourceError
from dmlkit.schema import Manners
from dmlkit.sources import Request
from dmlkit.sources import imaterialist_2019 as imaterialist
from dmlkit.validate import validate

NAME = imaterialist.NAME
PRODUCT = manifest.shipped_folder() / "product"
TREE = {
    "level1_node2": {"level2_node1": {"level3_node1": ["6"]}},
    "level1_node1": {
        "level2_node2": {"level3_node1": ["3", "4"], "level3_node2": ["5"]},
        "level2_node1": {"level3_node2": ["2"], "level3_node1": ["0", "1"]},
    },
}
NODES = ["1.1.1", "1.1.1", "1.1.2", "1.2.1", "1.2.1", "1.2.2", "2.1.1"]
SINGLE = "one node below"
LEAVES = range(6)
CLASSES_TSV = (
    "fine_id\tfine\tmiddle_id\tmiddle\tcoarse_id\tcoarse\tsplit\tpath\nf\tfine\tm\tmiddle\tc\tcoarse\ttrain\t\n"
)


def table(nodes=NODES):
    rows = (
        f"{leaf}\t{node}\t" + ("\t" + SINGLE if node == "2.1.1" else ("test" if node < "1.2" else "train") + "\t")
        for leaf, node in enumerate(nodes)
    )
    return "\n".join(["leaf\tnode\tsplit\treason", *rows]) + "\n"


def copy_manifest(folder):
    """The real manifest, with a class for the other sources in case it has none."""
    shutil.copytree(PRODUCT, folder)
    (folder / "classes.tsv").write_text(CLASSES_TSV)
    (folder / "excluded.tsv").write_text("label\tname\treason\n")
    return folder


@pytest.fixture
def folder(tmp_path):
    copy_manifest(tmp_path / "tiny")
    (tmp_path / "tiny" / "imaterialist-2019.tsv").write_text(table())
    return tmp_path / "tiny"


@pytest.fixture
def tiny(folder):
    return manifest.load(str(folder))


@pytest.fixture
def options(tmp_path):
    return Options(NAME, tmp_path / "out", tmp_path / "from", jobs=1)


def hexa(number):
    return f"{number:032x}.jpg"


def entries(per_leaf=4, leaves=LEAVES, first=0):
    """Rows of a list, mixed as in the original."""
    return [
        {"class": leaf, "url": f"http://127.0.0.1:9/{hexa(first + 100 * leaf + i)}", "id": hexa(first + 100 * leaf + i)}
        for i in range(per_leaf)
        for leaf in leaves
    ]


def pictures(rows):
    return {row["id"]: picture(int(row["id"][:32], 16)) for row in rows}


def write(top, train=(), val=(), files=None, form="images/{}", tree=TREE):
    """A folder as a person has it."""
    top.mkdir(parents=True, exist_ok=True)
    if train:
        (top / "train.json").write_text(json.dumps({"images": list(train)}))
    if val:
        (top / "val.json").write_text(json.dumps({"images": list(val)}))
    if tree:
        (top / "product_tree.json").write_text(json.dumps(tree))
    for name, data in (files or {}).items():
        path = top / form.format(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return top


@pytest.fixture
def whole(tmp_path):
    rows, val = entries(), entries(2, first=50)
    return write(tmp_path / "from", rows, val, pictures(rows + val))


def rejected(out):
    rows = pd.read_parquet(out / "rejected.parquet")
    return {
        i.removeprefix(f"{NAME}/"): (v, d)
        for i, v, d in rows[["image_id", "verdict", "detail"]].itertuples(index=False)
    }


def ask(tiny, path, **more):
    """The classes of a folder, as a build finds them."""
    return imaterialist.classes(Request(tiny, path, path, **more))


def test_pictures_of_a_folder_become_a_data_set_with_three_scales(tiny, options, whole):
    result = build(tiny, options)
    assert result.verdicts == {"ok": 36}
    assert [f for f in validate(options.out) if f.code.startswith("E")] == []
    data = load_dataset(str(options.out))
    features = data["train"].features
    for split, leaves in (("train", {3, 4, 5}), ("query", {0, 1, 2}), ("gallery", {0, 1, 2})):
        fine = {features["fine"].int2str(n) for n in data[split]["fine"]}
        assert fine == {f"product {leaf:04d}" for leaf in leaves}
    row = next(r for r in data["train"].remove_columns("image") if r["image_id"] == f"{NAME}/{500:032x}")
    assert features["middle"].int2str(row["middle"]) == "group 1.2.2"
    assert features["coarse"].int2str(row["coarse"]) == "group 1.2"
    assert row["upstream_label"] == "imaterialist-2019-0005"


FORMS = ("{}", "{}.jpg", "pictures/a/b/{}", "images/{}.JPG")


@pytest.mark.parametrize("form", FORMS)
def test_pictures_are_found_wherever_they_lie_below_the_folder(tiny, options, whole, tmp_path, form):
    build(tiny, options)
    rows, val = entries(), entries(2, first=50)
    write(tmp_path / "other", rows, val, pictures(rows + val), form)
    build(tiny, replace(options, path=tmp_path / "other", out=tmp_path / "same"))
    assert sums(options.out) == sums(tmp_path / "same")


def as_bom(rows):
    return "\ufeff" + json.dumps({"images": rows})


def as_pretty(rows):
    return json.dumps({"info": {"year": 2019}, "images": rows, "licenses": []}, indent=4)


def as_other_order(rows):
    rows = [{"id": r["id"], "class": str(r["class"]), "url": r["url"]} for r in reversed(rows)]
    return json.dumps({"images": rows}, separators=(",", ":")).replace("/", "\\/")


@pytest.mark.parametrize("spell", [as_bom, as_pretty, as_other_order])
def test_the_same_lists_written_otherwise_give_the_same_data_set(tiny, options, whole, tmp_path, spell):
    build(tiny, options)
    rows, val = entries(), entries(2, first=50)
    write(tmp_path / "other", files=pictures(rows + val))
    (tmp_path / "other" / "lists").mkdir()
    for name, its in (("train2019.json", rows), ("val2019.json", val)):
        (tmp_path / "other" / "lists" / name).write_text(spell(its), encoding="utf-8")
    build(tiny, replace(options, path=tmp_path / "other", out=tmp_path / "same"))
    assert sums(options.out) == sums(tmp_path / "same")


def test_rows_without_picture_and_pictures_without_row_are_counted(tiny, options, tmp_path):
    rows = entries()
    files = pictures(rows)
    gone, broken, page, empty = (rows[i]["id"] for i in (0, 1, 2, 3))
    del files[gone]
    files |= {broken: files[broken][:300], page: b"<!DOCTYPE html><html>gone</html>", empty: b""}
    files |= {hexa(9999): picture(9999), "notes.txt": b"mine"}
    write(options.path, rows, files=files)
    write(options.path, files={rows[4]["id"]: picture(4)}, form="zz/{}")
    result = build(tiny, options)
    found = {i: verdict for i, (verdict, _) in rejected(options.out).items()}
    assert found == {
        gone[:-4]: "missing",
        broken[:-4]: "truncated",
        page[:-4]: "html-page",
        empty[:-4]: "empty",
        hexa(9999)[:-4]: "unlabelled",
        rows[4]["id"][:-4]: "repeated-id",
    }
    assert sum(result.verdicts.values()) == len(rows) + 2
    assert [f for f in validate(options.out) if f.code.startswith("E")] == []


def test_content_decides_what_a_picture_is_and_which_are_the_same(tiny, options):
    rows = entries()
    files = pictures(rows)
    first, second, other_leaf = rows[0]["id"], rows[6]["id"], rows[3]["id"]
    files[rows[1]["id"]] = picture(1, kind="WEBP")
    files[rows[2]["id"]] = picture(2, kind="PNG", mode="L")
    files[second] = files[first]
    files[rows[4]["id"]] = files[other_leaf]
    write(options.path, rows, files=files)
    result = build(tiny, options)
    assert result.verdicts == {"ok": len(rows) - 3, "duplicate": 1, "conflicting-duplicate": 2}
    kept = {
        row["image_id"] for split in load_dataset(str(options.out)).values() for row in split.remove_columns("image")
    }
    assert {f"{NAME}/{rows[i]['id'][:-4]}" for i in (1, 2)} <= kept


def test_rows_that_lack_something_are_verdicts(tiny, options):
    rows = entries()
    files = pictures(rows)
    del rows[0]["url"], rows[1]["class"], rows[2]["id"]
    rows += [{"class": 1}, {"id": "", "class": 1}, {"id": ".jpg", "class": 1}, {"id": 7, "class": 1}, "text", None]
    rows += [{"id": hexa(8888), "class": None}]
    write(options.path, rows, files=files)
    result = build(tiny, options)
    found = Counter(verdict for verdict, _ in rejected(options.out).values())
    # The picture of the row without id is in no list.
    assert found == {"bad-row": 7, "unlabelled": 3}
    assert result.verdicts["ok"] == 22
    assert rejected(options.out)["train-row-3"] == ("bad-row", "it has no id")
    assert rejected(options.out)[hexa(8888)[:-4]] == ("unlabelled", "train.json says no class")


@pytest.mark.parametrize("value", [2019, 7, -1, "abc", 1.5, True, [1], "1" * 5000])
def test_a_class_that_the_tree_does_not_have_is_an_error_that_shows_it_and_its_row(tiny, whole, value):
    bad = {"id": "0bad.jpg", "url": "", "class": value}
    write(whole, [*entries(), bad])
    with pytest.raises(SourceError, match=r"0bad\.jpg") as caught:
        ask(tiny, whole)
    assert str(value)[:20] in str(caught.value)


def test_lists_that_are_cut_anywhere_are_an_error(tiny, tmp_path):
    text = json.dumps({"images": entries(1)})
    path = write(tmp_path / "from", entries(1)) / "train.json"
    for end in range(0, len(text) - 1):
        path.write_text(text[:end])
        with pytest.raises(SourceError, match=r"train\.json is not whole"):
            ask(tiny, path.parent)
    path.write_text(text)
    assert len(ask(tiny, path.parent).classes) == 6


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", '{"annotations": []}', "<html>log in</html>", '{"images": ' + "[" * 60_000, '{"images": [nan]}',
     "\x1f\x8b", json.dumps({"images": [{"id": "a.jpg", "class": 0, "url": "x" * 2_000_000}]})],
)  # fmt: skip
def test_what_is_no_list_is_an_error(tiny, tmp_path, text):
    path = write(tmp_path / "from")
    (path / "val.json").write_text(text)
    with pytest.raises(SourceError, match=r"val\.json is not whole"):
        ask(tiny, path)


def test_a_list_in_another_encoding_is_an_error(tiny, whole):
    (whole / "train.json").write_text(json.dumps({"images": entries()}), encoding="utf-16")
    with pytest.raises(SourceError, match='no list "images"'):
        ask(tiny, whole)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(max_size=40), min_size=1, max_size=12),
    block=st.integers(400, 900),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 2]),
)
def test_rows_are_read_as_json_has_them_wherever_a_block_ends(tmp_path, texts, block, ascii_only, indent):
    rows = [{"id": f"{i}é.jpg", "url": t, "class": i % 3, "more": [t, {"x": t}]} for i, t in enumerate(texts)]
    text = json.dumps({"images": rows}, ensure_ascii=ascii_only, indent=indent)
    path = tmp_path / "train.json"
    path.write_bytes(text.encode("utf-8", "replace"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imaterialist, "BLOCK", block)
        patch.setattr(imaterialist, "LONGEST", 2000)
        imaterialist.read_lists.cache_clear()
        found = imaterialist.read_lists(tmp_path, (("train.json", ""),))
        read = [row for label in found.spans for row in imaterialist.rows_of(tmp_path, found, label)]
    imaterialist.read_lists.cache_clear()
    want = json.loads(path.read_text(encoding="utf-8"))["images"]
    assert {r["id"]: r["url"] for r in read} == {
        r["id"]: r["url"].strip().encode("utf-8", "replace").decode() for r in want
    }


def test_a_list_that_changes_under_the_build_is_an_error(tiny, whole):
    request = Request(tiny, whole, whole)
    found = imaterialist.contents_of(imaterialist.tree_of(request), {"train": "train.json"})
    (whole / "train.json").write_text('{"images": []}')
    with pytest.raises(SourceError, match="changed while it was read"):
        list(imaterialist.rows_of(whole, found, "imaterialist-2019-0001"))


def test_an_id_that_leads_out_of_the_folder_reads_nothing_there(tiny, options, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(picture(5))
    rows = entries()
    files = pictures(rows)
    for i, name in enumerate(("../secret.jpg", str(tmp_path / "secret.jpg"), "..\\secret.jpg")):
        rows.append({"id": name, "url": "", "class": i})
    write(options.path, rows, files=files)
    result = build(tiny, options)
    assert result.verdicts == {"ok": len(files), "missing": 3}


def test_half_a_download_says_what_is_lacking(tiny, options, tmp_path):
    rows = entries()
    write(options.path, val=rows, files=pictures(rows), tree=None)
    (options.path / "test.json").write_text('{"images": [{"id": "x.jpg", "url": ""}]}')
    result = build(tiny, options)
    assert result.verdicts == {"ok": len(rows)}
    said = "\n".join(result.notes)
    assert "train.json is not there" in said
    assert "test.json says no classes and is not read" in said
    assert "product_tree.json is not there" in said
    assert "val.json: 24 found, 10,095 published" in said


def test_what_is_no_folder_of_this_source_is_an_error(tiny, tmp_path):
    only_tree = write(tmp_path / "only-tree")
    twice = write(tmp_path / "twice", entries())
    (twice / "train2019.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "sop").mkdir()
    (tmp_path / "sop" / "Ebay_train.txt").write_text("")
    for path, said in (
        (only_tree, "has none of train.json, train2019.json, val.json"),
        (twice, "are both there"),
        (twice / "train.json", "is a file"),
        (tmp_path / "empty", "an empty folder"),
        (tmp_path / "sop", "is not of the source"),
        (tmp_path / "nowhere", "cannot be read"),
        (None, "needs --from"),
    ):
        with pytest.raises(SourceError, match=said) as caught:
            ask(tiny, path)
        assert caught.value.hint


@pytest.mark.parametrize("rows", [[], [{"id": hexa(1), "url": "http://x/1"}]])
def test_lists_without_a_labelled_picture_are_an_error(tiny, options, rows):
    write(options.path)
    (options.path / "train.json").write_text(json.dumps({"images": rows}))
    for call in (build, dry_run):
        with pytest.raises(SourceError, match="no picture with a class"):
            call(tiny, options)


def test_a_tree_that_is_not_that_of_the_manifest_is_an_error(tiny, whole):
    moved = json.loads(json.dumps(TREE))
    moved["level1_node1"]["level2_node1"]["level3_node1"] = ["0"]
    moved["level1_node1"]["level2_node2"]["level3_node2"] = ["5", "1"]
    lacking = json.loads(json.dumps(TREE))
    lacking["level1_node2"]["level2_node1"]["level3_node1"] = []
    more = json.loads(json.dumps(TREE))
    more["level1_node2"]["level2_node1"]["level3_node1"] = ["6", "7"]
    twice = json.loads(json.dumps(TREE))
    twice["level1_node2"]["level2_node1"]["level3_node1"] = ["6", "5"]
    for tree, said in (
        (json.dumps(moved), r"leaf 1: 1\.2\.2; in the manifest 1\.1\.1"),
        (json.dumps(lacking), r"leaf 6: nowhere; in the manifest 2\.1\.1"),
        (json.dumps(more), r"leaf 7: 2\.1\.1; in the manifest nowhere"),
        (json.dumps(twice), r"leaf 5 stands below 2\.1\.1 and 1\.2\.2|leaf 5 stands below 1\.2\.2 and 2\.1\.1"),
        (json.dumps(TREE)[:90], "is not whole"),
        ("[" * 100_000, "is not whole"),
        ("[1, 2]", "no tree"),
        ('{"level1_node1": {"x": {"level3_node1": ["1"]}}}', "no tree"),
        ('{"level1_node1": {"level2_node1": {"level3_node1": ["a"]}}}', "no tree"),
        ('{"level1_node1": {"level2_node1": {"level3_node1": 5}}}', "no tree"),
    ):
        (whole / "product_tree.json").write_text(tree)
        with pytest.raises(SourceError, match=said):
            ask(tiny, whole)


def test_leaves_of_nodes_with_a_single_node_below_are_left_out_with_the_reason(tiny, options):
    rows = entries(leaves=range(7))
    write(options.path, rows, files=pictures(rows))
    result = build(tiny, options)
    assert result.verdicts == {"ok": 24, "excluded": 4}
    assert rejected(options.out)[f"{600:032x}"] == ("excluded", SINGLE)
    assert result.coverage["fine"].of == 6


@pytest.mark.parametrize(
    ("row", "said"),
    [("7\t1.1.1\ttrain", "cannot be read"), ("x\t1.1.1\ttrain\t", "cannot be read"), ("7\t1.1\ttrain\t", "cannot be"),
     ("0\t1.1.1\ttest\t", "stands twice"), ("7\t1.1.1\tdev\t", "the split is 'dev'")],
)  # fmt: skip
def test_a_table_of_the_manifest_that_is_wrong_is_an_error(folder, options, whole, row, said):
    path = folder / "imaterialist-2019.tsv"
    path.write_text(path.read_text() + row + "\n")
    write(whole, tree=None)
    (whole / "product_tree.json").unlink()
    with pytest.raises(ManifestError, match=said):
        build(manifest.load(str(folder)), options)


def test_names_that_a_person_fills_in_are_shown(tiny, options, whole):
    build(tiny, options)
    path = options.table_file
    lines = path.read_text().splitlines()
    assert lines[0].split("\t") == ["id", "scale", "pictures", "name"]
    assert len(lines) == 1 + 6 + 4 + 2
    assert "node-1.2\tcoarse\t18\t" in lines
    assert "imaterialist-2019-0003\tfine\t6\t" in lines
    filled = {"node-1.2": "shoes", "node-1.2.2": "high boots, lined", "imaterialist-2019-0005": "boot > é:1"}
    rows = [line + filled.get(line.split("\t")[0], "") for line in lines]
    path.write_text("\ufeff" + "\r\n".join(rows) + "\r\n", encoding="utf-8")
    result = build(tiny, options)
    assert any(note.startswith("3 of 12 classes have a name") for note in result.notes)
    features = load_dataset(str(options.out))["train"].features
    assert set(features["coarse"].names) == {"group 1.1", "shoes"}
    assert "high boots, lined" in features["middle"].names
    assert "boot > é:1" in features["fine"].names
    assert "product 0004" in features["fine"].names
    assert [f for f in validate(options.out) if f.code.startswith("E")] == []
    assert path.read_text(encoding="utf-8").count("shoes") == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["node-1.1\tcoarse\t1\tbag", "node-1.2\tcoarse\t1\tbag"], "node-1.1 and node-1.2 are both called 'bag'"),
        (["node-1.1\tcoarse\t1\tgroup 1.2"], "are both called 'group 1.2'"),
        (["1.1\tcoarse\t1\tbag"], r"ids that are no classes:\n  - '1.1'"),
        (["node-1.1\tcoarse\t1\tbag", "node-1.1\tcoarse\t1\tsack"], "stands twice"),
    ],
)
def test_names_that_contradict_each_other_are_an_error(tiny, options, whole, tmp_path, lines, said):
    own = tmp_path / "names.tsv"
    own.write_text("\n".join(["id\tscale\tpictures\tname", *lines]) + "\n")
    with pytest.raises(DmlkitError, match=said) as caught:
        build(tiny, replace(options, table=own))
    assert caught.value.hint
    assert "names.tsv" in str(caught.value)


def test_the_real_manifest_has_the_sizes_of_the_paper(tmp_path):
    real = manifest.load(str(copy_manifest(tmp_path / "product")))
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


# By URL


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture
def by_url(options, monkeypatch):
    manners = Manners(pause=0.02, connect=2, stall=0.6, total=1.5, tries=2, allow_private_hosts=True, per_host=32)
    monkeypatch.setattr(Options, "manners", manners)
    crawl.crawler.cache_clear()
    yield options
    crawl.crawler(manners).close()
    crawl.crawler.cache_clear()


def linked(server, per_leaf=4, leaves=LEAVES, fault="ok"):
    return [row | {"url": f"{server.url}/{fault}/{int(row['id'][:32], 16)}"} for row in entries(per_leaf, leaves)]


def test_pictures_by_url_are_those_of_files_and_faults_are_verdicts(tiny, by_url, server):
    rows = linked(server)
    faults = {"404": "http-404", "500": "http-5xx", "html": "html-page", "silent": "timeout", "half": "broken-off"}
    for row, fault in zip(rows, faults, strict=False):
        row["url"] = row["url"].replace("/ok/", f"/{fault}/")
    rows += [
        {"id": hexa(7001), "url": "ftp://example.com/7.jpg", "class": 0},
        {"id": hexa(7002), "class": 0},
        {"id": hexa(7003), "url": ["http://x"], "class": 0},
        {"id": hexa(7004), "url": "http://x/\ud800", "class": 6},
        {"id": hexa(7005), "url": f"{server.url}/ok/7005"},
        {"url": f"{server.url}/ok/7006", "class": 0},
    ]
    write(by_url.path, rows)
    (by_url.path / "product_tree.png").write_bytes(picture(1))
    result = build(tiny, by_url)
    found = {i: verdict for i, (verdict, _) in rejected(by_url.out).items()}
    for row, verdict in zip(rows, faults.values(), strict=False):
        assert found.pop(row["id"][:-4]) == verdict
    assert found == {
        f"{7001:032x}": "bad-url",
        f"{7002:032x}": "bad-url",
        f"{7003:032x}": "bad-url",
        f"{7004:032x}": "excluded",
        f"{7005:032x}": "unlabelled",
        "train-row-30": "bad-row",
    }
    assert not {"/ok/7005", "/ok/7006"} & server.asked.keys()
    assert result.failures["hosts"][server.url.removeprefix("http://")]["http-404"] == 1
    assert [f for f in validate(by_url.out) if f.code.startswith("E")] == []
    row = next(iter(load_dataset(str(by_url.out))["train"].remove_columns("image")))
    number = int(row["image_id"].rsplit("/", 1)[-1], 16)
    assert row["source_url"] == f"{server.url}/ok/{number}"


def test_an_address_that_cannot_be_taken_apart_is_a_verdict(tiny, by_url, server):
    write(by_url.path, [*linked(server), {"id": hexa(7001), "url": "http://[broken", "class": 0}])
    assert dry_run(tiny, by_url)["of_hosts"] == 2
    assert build(tiny, by_url).verdicts == {"ok": 24, "bad-url": 1}


def test_the_order_of_the_rows_changes_nothing(tiny, by_url, server, tmp_path):
    rows = linked(server)
    write(by_url.path, rows)
    write(tmp_path / "other", rows[::-1][:10], rows[::-1][10:])
    build(tiny, by_url)
    build(tiny, replace(by_url, path=tmp_path / "other", out=tmp_path / "same"))
    assert sums(by_url.out) == sums(tmp_path / "same")


def test_a_limit_asks_for_no_more_than_it_needs_and_keeps_the_same(tiny, by_url, server, tmp_path):
    rows = linked(server, per_leaf=30)
    rows[0]["url"] = rows[0]["url"].replace("/ok/", "/404/")
    write(by_url.path, rows)
    build(tiny, by_url)
    server.asked.clear()
    few = replace(by_url, limit=5, out=tmp_path / "few")
    assert build(tiny, few).verdicts["ok"] == 30
    assert sum(server.asked.values()) <= 31
    build(tiny, replace(few, out=tmp_path / "same", pool=by_url.pool_folder))
    assert sums(tmp_path / "few") == sums(tmp_path / "same")
    build(tiny, replace(by_url, out=tmp_path / "all", pool=few.pool_folder))
    assert sums(tmp_path / "all") == sums(by_url.out)


def test_running_again_asks_only_for_what_may_pass(tiny, by_url, server):
    rows = linked(server)
    rows[0]["url"], rows[1]["url"] = f"{server.url}/404/0", f"{server.url}/500/100"
    write(by_url.path, rows)
    build(tiny, by_url)
    before = Counter(server.asked)
    first = sums(by_url.out)
    build(tiny, by_url)
    assert set(server.asked - before) == {"/500/100"}
    assert sums(by_url.out) == first


def test_a_dry_run_tells_of_hosts_and_sizes_and_asks_nobody(tiny, by_url, server):
    rows = linked(server, leaves=range(7))
    rows[0]["url"] = "http://example.com/picture.jpg"
    write(by_url.path, rows)
    facts = dry_run(tiny, by_url)
    host = server.url.removeprefix("http://")
    assert facts["hosts"] == {host: len(rows) - 1, "example.com": 1}
    assert (facts["pictures"], facts["units"], facts["labels"]) == (24, 7, {"excluded": 1, "ok": 6})
    assert facts["bytes"] == 24 * 100_000
    assert not server.asked
    assert not by_url.out.exists()
    build(tiny, replace(by_url, limit=1))
    assert dry_run(tiny, replace(by_url, limit=1))["settled"] == 7


def test_a_dry_run_of_files_names_no_hosts(tiny, options, whole):
    facts = dry_run(tiny, options)
    assert "hosts" not in facts
    assert (facts["units"], facts["fine"]) == (6, 6)


def test_a_leaf_of_any_size_is_taken_in_pieces(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(imaterialist, "PIECE", 3)
    listing = imaterialist.plan(Request(tiny, write(tmp_path / "from", entries(7)), tmp_path))
    units = list(listing.units)
    assert len(units) == listing.total == 6 * 3
    assert len({u.name for u in units}) == len(units)
    assert sum(len(u.links) for u in units) == 42
    assert all(len(u.labels) == 1 for u in units)


def test_the_command_line_builds_and_explains(folder, whole, tmp_path):
    def call(*more):
        command = [sys.executable, "-m", "dmlkit", "build", str(folder), "--source", NAME, "--jobs", "1", "--json"]
        return subprocess.run([*command, "--out", str(tmp_path / "cli"), *more], capture_output=True, text=True)

    done = call("--from", str(whole))
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["verdicts"] == {"ok": 36}
    assert any("train.json: 24 found, 1,011,532 published" in note for note in facts["notes"])
    (whole / "train.json").write_text('{"images": [{"id": "a.jpg", ')
    done = call("--from", str(whole))
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (1, 1)
    assert "Traceback" not in done.stderr
    assert "train.json is not whole" in done.stderr
