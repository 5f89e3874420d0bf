"""iMaterialist Product 2019 from files: lists in every spelling and their faults, the tree, the names."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from datasets import load_dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmlkit.dataset.validate import validate
from dmlkit.errors import DmlkitError, ManifestError, SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.dry_run import dry_run
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources import imaterialist_lists
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image
from tests.support.imaterialist_lists import (
    NAME,
    SINGLE,
    TREE,
    ask,
    entries,
    hexa,
    images,
    rejected,
    tiny_manifest,
    whole_lists,
    write,
)
from tests.support.manifests import sums


@pytest.fixture
def folder(tmp_path):
    return tiny_manifest(tmp_path)


@pytest.fixture
def tiny(folder):
    return load_manifest(str(folder))


@pytest.fixture
def options(tmp_path):
    return BuildOptions(NAME, tmp_path / "out", tmp_path / "from", jobs=1)


@pytest.fixture
def whole(tmp_path):
    return whole_lists(tmp_path)


def test_images_of_a_folder_become_a_data_set_with_three_scales(tiny, options, whole):
    result = build(tiny, options)
    assert result.statuses == {"ok": 36}
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


FORMS = ("{}", "{}.jpg", "images/a/b/{}", "images/{}.JPG")


@pytest.mark.parametrize("form", FORMS)
def test_images_are_found_wherever_they_lie_below_the_folder(tiny, options, whole, tmp_path, form):
    build(tiny, options)
    rows, val = entries(), entries(2, first=50)
    write(tmp_path / "other", rows, val, images(rows + val), form)
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
    write(tmp_path / "other", files=images(rows + val))
    (tmp_path / "other" / "lists").mkdir()
    for name, its in (("train2019.json", rows), ("val2019.json", val)):
        (tmp_path / "other" / "lists" / name).write_text(spell(its), encoding="utf-8")
    build(tiny, replace(options, path=tmp_path / "other", out=tmp_path / "same"))
    assert sums(options.out) == sums(tmp_path / "same")


def test_rows_without_image_and_images_without_row_are_counted(tiny, options, tmp_path):
    rows = entries()
    files = images(rows)
    gone, broken, page, empty = (rows[i]["id"] for i in (0, 1, 2, 3))
    del files[gone]
    files |= {broken: files[broken][:300], page: b"<!DOCTYPE html><html>gone</html>", empty: b""}
    files |= {hexa(9999): make_image(9999), "notes.txt": b"mine"}
    write(options.path, rows, files=files)
    write(options.path, files={rows[4]["id"]: make_image(4)}, form="zz/{}")
    result = build(tiny, options)
    found = {i: status for i, (status, _) in rejected(options.out).items()}
    assert found == {
        gone[:-4]: "missing",
        broken[:-4]: "truncated",
        page[:-4]: "html-page",
        empty[:-4]: "empty",
        hexa(9999)[:-4]: "unlabelled",
        rows[4]["id"][:-4]: "repeated-id",
    }
    assert sum(result.statuses.values()) == len(rows) + 2
    assert [f for f in validate(options.out) if f.code.startswith("E")] == []


def test_content_decides_what_a_image_is_and_which_are_the_same(tiny, options):
    rows = entries()
    files = images(rows)
    first, second, other_leaf = rows[0]["id"], rows[6]["id"], rows[3]["id"]
    files[rows[1]["id"]] = make_image(1, kind="WEBP")
    files[rows[2]["id"]] = make_image(2, kind="PNG", mode="L")
    files[second] = files[first]
    files[rows[4]["id"]] = files[other_leaf]
    write(options.path, rows, files=files)
    result = build(tiny, options)
    assert result.statuses == {"ok": len(rows) - 3, "duplicate": 1, "conflicting-duplicate": 2}
    kept = {
        row["image_id"] for split in load_dataset(str(options.out)).values() for row in split.remove_columns("image")
    }
    assert {f"{NAME}/{rows[i]['id'][:-4]}" for i in (1, 2)} <= kept


def test_rows_that_lack_something_are_statuses(tiny, options):
    rows = entries()
    files = images(rows)
    del rows[0]["url"], rows[1]["class"], rows[2]["id"]
    rows += [{"class": 1}, {"id": "", "class": 1}, {"id": ".jpg", "class": 1}, {"id": 7, "class": 1}, "text", None]
    rows += [{"id": hexa(8888), "class": None}]
    write(options.path, rows, files=files)
    result = build(tiny, options)
    found = Counter(status for status, _ in rejected(options.out).values())
    # The image of the row without id is in no list.
    assert found == {"bad-row": 7, "unlabelled": 3}
    assert result.statuses["ok"] == 22
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
        patch.setattr(imaterialist_lists, "BLOCK", block)
        patch.setattr(imaterialist_lists, "MAX_ROW_BYTES", 2000)
        imaterialist_lists.read_lists.cache_clear()
        found = imaterialist_lists.read_lists(tmp_path, (("train.json", ""),))
        read = [row for label in found.spans for row in found.rows(label)]
    imaterialist_lists.read_lists.cache_clear()
    want = json.loads(path.read_text(encoding="utf-8"))["images"]
    assert {r.id: r.url for r in read} == {r["id"]: r["url"].strip().encode("utf-8", "replace").decode() for r in want}


def test_a_list_that_changes_under_the_build_is_an_error(tiny, whole):
    _, _, lists = load_source(NAME).open_lists(whole)
    (whole / "train.json").write_text('{"images": []}')
    with pytest.raises(SourceError, match="changed while it was read"):
        list(lists.rows("imaterialist-2019-0001"))


def test_an_id_that_leads_out_of_the_folder_reads_nothing_there(tiny, options, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(make_image(5))
    rows = entries()
    files = images(rows)
    for i, name in enumerate(("../secret.jpg", str(tmp_path / "secret.jpg"), "..\\secret.jpg")):
        rows.append({"id": name, "url": "", "class": i})
    write(options.path, rows, files=files)
    result = build(tiny, options)
    assert result.statuses == {"ok": len(files), "missing": 3}


def test_half_a_download_says_what_is_lacking(tiny, options, tmp_path):
    rows = entries()
    write(options.path, val=rows, files=images(rows), tree=None)
    (options.path / "test.json").write_text('{"images": [{"id": "x.jpg", "url": ""}]}')
    result = build(tiny, options)
    assert result.statuses == {"ok": len(rows)}
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
def test_lists_without_a_labelled_image_are_an_error(tiny, options, rows):
    write(options.path)
    (options.path / "train.json").write_text(json.dumps({"images": rows}))
    for call in (build, dry_run):
        with pytest.raises(SourceError, match="no image with a class"):
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
        (json.dumps(twice), r"leaf 5 is below 2\.1\.1 and 1\.2\.2|leaf 5 is below 1\.2\.2 and 2\.1\.1"),
        (json.dumps(TREE)[:90], "is not whole"),
        ("[" * 100_000, "is not whole"),
        ("[1, 2]", "not a tree"),
        ('{"level1_node1": {"x": {"level3_node1": ["1"]}}}', "not a tree"),
        ('{"level1_node1": {"level2_node1": {"level3_node1": ["a"]}}}', "not a tree"),
        ('{"level1_node1": {"level2_node1": {"level3_node1": 5}}}', "not a tree"),
    ):
        (whole / "product_tree.json").write_text(tree)
        with pytest.raises(SourceError, match=said):
            ask(tiny, whole)


def test_leaves_of_nodes_with_a_single_node_below_are_left_out_with_the_reason(tiny, options):
    rows = entries(leaves=range(7))
    write(options.path, rows, files=images(rows))
    result = build(tiny, options)
    assert result.statuses == {"ok": 24, "excluded": 4}
    assert rejected(options.out)[f"{600:032x}"] == ("excluded", SINGLE)
    assert result.coverage["fine"].num_classes == 6


@pytest.mark.parametrize(
    ("row", "said"),
    [("7\t1.1.1\ttrain", "cannot be read"), ("x\t1.1.1\ttrain\t", "cannot be read"), ("7\t1.1\ttrain\t", "cannot be"),
     ("0\t1.1.1\ttest\t", "occurs 2 times"), ("7\t1.1.1\tdev\t", "the split is 'dev'")],
)  # fmt: skip
def test_a_table_of_the_manifest_that_is_wrong_is_an_error(folder, options, whole, row, said):
    path = folder / "imaterialist-2019.tsv"
    path.write_text(path.read_text() + row + "\n")
    write(whole, tree=None)
    (whole / "product_tree.json").unlink()
    with pytest.raises(ManifestError, match=said):
        build(load_manifest(str(folder)), options)


def test_names_that_a_person_fills_in_are_shown(tiny, options, whole):
    build(tiny, options)
    path = options.table_file
    lines = path.read_text().splitlines()
    assert lines[0].split("\t") == ["id", "scale", "images", "name"]
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
        (["node-1.1\tcoarse\t1\tbag", "node-1.1\tcoarse\t1\tsack"], "is there twice"),
    ],
)
def test_names_that_contradict_each_other_are_an_error(tiny, options, whole, tmp_path, lines, said):
    own = tmp_path / "names.tsv"
    own.write_text("\n".join(["id\tscale\timages\tname", *lines]) + "\n")
    with pytest.raises(DmlkitError, match=said) as caught:
        build(tiny, replace(options, table=own))
    assert caught.value.hint
    assert "names.tsv" in str(caught.value)
