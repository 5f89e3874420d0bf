"""`info` describes a manifest and the folder built from it alike, and its counts add up."""

import json

import pyarrow.parquet as pq
import pytest

from dmlkit.dataset.info import describe, tree_lines
from dmlkit.errors import ManifestError, UnreadableDatasetError, UsageError
from dmlkit.schema.scales import SPLITS
from dmlkit.taxonomy import manifest
from tests.support.manifests import CLASSES


def leaves(facts):
    return [leaf for coarse in facts["tree"] for middle in coarse["middle"] for leaf in middle["fine"]]


def test_manifest_by_name_and_by_folder():
    facts = describe("animal")
    assert facts == describe(str(manifest.shipped_folder() / "animal"))
    assert (facts["fine"], facts["middle"], facts["coarse"]) == (611, 47, 5)
    assert len(leaves(facts)) == len({leaf["id"] for leaf in leaves(facts)}) == 611
    assert sum(len(coarse["middle"]) for coarse in facts["tree"]) == 47
    assert "sample" in facts["sources"]
    assert "images" not in leaves(facts)[0]
    json.dumps(facts)


def test_folder_has_the_tree_of_its_manifest(tiny_manifest, good_folder):
    of_manifest, of_folder = describe(str(tiny_manifest)), describe(str(good_folder))
    for name in ("name", "version", "title", "fine", "middle", "coarse"):
        assert of_manifest[name] == of_folder[name]
    assert [(leaf["id"], leaf["name"]) for leaf in leaves(of_folder)] == [
        (leaf["id"], leaf["name"]) for leaf in leaves(of_manifest)
    ]
    assert of_folder["sources"] == ["imagenet-21k"]
    assert of_folder["statuses"] == {"ok": 48}


def test_counts_add_up_to_the_rows_of_the_files(good_folder):
    facts = describe(str(good_folder))
    rows = {s: pq.read_metadata(next(good_folder.glob(f"data/{s}-*"))).num_rows for s in SPLITS}
    assert facts["images"] == rows
    for split in SPLITS:
        of_fine = sum(leaf["images"][split] for leaf in leaves(facts))
        of_middle = sum(middle["images"][split] for coarse in facts["tree"] for middle in coarse["middle"])
        of_coarse = sum(coarse["images"][split] for coarse in facts["tree"])
        assert of_fine == of_middle == of_coarse == rows[split]


def test_lines_name_every_class_down_to_a_scale(good_folder):
    lines = tree_lines(describe(str(good_folder)), fine=True)
    assert "images: 24 train, 9 query, 15 gallery" in lines[1]
    for c in CLASSES:
        (line,) = (line for line in lines if f"{c.fine} ({c.fine_id})" in line)
        assert "6 train" in line if c.split == "train" else "query" in line
    short = tree_lines(describe(str(good_folder)), fine=False)
    assert not any("dog 1" in line for line in short)
    assert any(line == "  dog (n01100001): 2 fine, train; 12 train" for line in short)


def test_manifest_has_no_images_to_count(tiny_manifest):
    assert not any("images" in line for line in tree_lines(describe(str(tiny_manifest)), fine=True))


def test_class_without_images_is_marked(changeable):
    path = changeable / "hierarchy/train-00000-of-00001.parquet"
    table = pq.read_table(path)
    rows = [row | {"train": 0} for row in table.to_pylist()]
    pq.write_table(type(table).from_pylist(rows, table.schema), path)
    lines = tree_lines(describe(str(changeable)), fine=True)
    assert "    dog 1 (n01110001): no images" in lines


@pytest.mark.parametrize("lost", ["build.json", "hierarchy/train-00000-of-00001.parquet"])
def test_folder_without_a_part_is_refused(changeable, lost):
    (changeable / lost).unlink()
    with pytest.raises(UnreadableDatasetError) as error:
        describe(str(changeable))
    assert (error.value.code, error.value.facts["name"]) == ("dataset.missing-file", lost)
    assert f"dmlkit validate {changeable}" in error.value.hint


@pytest.mark.parametrize("text", ["", "[]", '{"manifest": []}', '{"manifest": {"name": "a"}}', "[" * 100_000])
def test_folder_with_broken_build_json_is_refused(changeable, text):
    (changeable / "build.json").write_text(text)
    with pytest.raises(UnreadableDatasetError) as error:
        describe(str(changeable))
    assert error.value.code == "dataset.bad-facts"


@pytest.mark.parametrize("column", ["train", "coarse"])
def test_folder_with_other_class_columns_is_refused(changeable, column):
    path = changeable / "hierarchy/train-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    with pytest.raises(UnreadableDatasetError) as error:
        describe(str(changeable))
    assert error.value.code == "dataset.wrong-columns"


def test_neither_manifest_nor_folder_is_refused(tmp_path):
    with pytest.raises(UsageError) as error:
        describe("mammals")
    assert error.value.code == "manifest.unknown-name"
    with pytest.raises(UsageError) as error:
        describe(str(tmp_path))
    assert error.value.code == "manifest.no-toml"
    (tmp_path / "manifest.toml").write_text("name = ")
    with pytest.raises(ManifestError) as error:
        describe(str(tmp_path))
    assert error.value.code == "manifest.unreadable"
