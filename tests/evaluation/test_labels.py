"""Labels are read from dataset folders of every layout, and what cannot be read is refused."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dmlkit.errors import DatasetError, UsageError
from dmlkit.evaluation import labels
from dmlkit.evaluation.labels import list_test_scales, load_labels, load_test_sets
from dmlkit.schema.scales import SCALES
from tests.support.embeddings import SIDES


def read_rows(folder):
    """The labels of every image, from the Parquet files: id -> (fine, middle, coarse)."""
    tables = [pq.read_table(path, columns=["image_id", *SCALES]) for path in folder.glob("data/*.parquet")]
    return {row["image_id"]: [row[scale] for scale in SCALES] for table in tables for row in table.to_pylist()}


def test_labels_are_those_of_the_parquet_files(good_folder):
    loaded = load_labels(str(good_folder))
    assert {i: row.tolist() for i, row in zip(loaded.ids, loaded.labels, strict=True)} == read_rows(good_folder)
    assert sorted(set(loaded.split)) == ["gallery", "query", "train"]
    assert loaded.names["coarse"] == ["mammal", "bird"]


def test_labels_keep_their_scale_over_many_reads(good_folder, monkeypatch):
    """A dataset of more rows than are read at a time."""
    whole = load_labels(str(good_folder))
    for rows in (1, 2, 3):
        monkeypatch.setattr(labels, "READ_ROWS", rows)
        parts = load_labels(str(good_folder))
        assert parts.ids == whole.ids
        assert np.array_equal(parts.labels, whole.labels)
    assert {i: row.tolist() for i, row in zip(parts.ids, parts.labels, strict=True)} == read_rows(good_folder)


def test_content_is_the_hash_in_the_card(good_folder):
    content = load_labels(str(good_folder), ["query"]).content
    assert len(content) == 64
    assert content in (good_folder / "README.md").read_text()


def test_select_keeps_the_rows_of_a_split(good_folder):
    loaded = load_labels(str(good_folder))
    query = loaded.select("query")
    alone = load_labels(str(good_folder), ["query"])
    assert query.ids == alone.ids
    assert np.array_equal(query.labels, alone.labels)
    assert len(query.ids) < len(loaded.ids)
    assert loaded.select("train", "query", "gallery").ids == loaded.ids


def test_release_has_a_test_set_for_each_scale(release_folder):
    assert list_test_scales(str(release_folder)) == SCALES
    tests = load_test_sets(str(release_folder))
    assert [(test.config, test.scale, test.scales) for test in tests] == [(f"test_{s}", s, (s,)) for s in SCALES]
    assert [len(test.query.ids) + len(test.gallery.ids) for test in tests] == [5, 5, 5]
    assert len({i for test in tests for i in (*test.query.ids, *test.gallery.ids)}) == 15


def test_null_labels_are_unknown(release_folder):
    fine = load_labels(str(release_folder), SIDES, "fine")
    assert (fine.labels[:, 0] >= 0).all()
    assert (fine.labels[:, 1] == labels.UNKNOWN).any()


def test_release_has_no_query_for_all_scales(release_folder):
    with pytest.raises(UsageError) as error:
        load_labels(str(release_folder))
    assert error.value.code == "evaluation.no-split"
    assert error.value.facts["test_scales"] == SCALES


def test_one_set_is_both_query_and_gallery(one_set_folder):
    loaded = load_labels(str(one_set_folder), SIDES)
    assert list_test_scales(str(one_set_folder)) == ()
    assert loaded.select("query").ids == loaded.select("gallery").ids
    assert len(loaded.ids) == 12
    (test,) = load_test_sets(str(one_set_folder))
    assert test.is_one_set
    assert (test.scale, test.scales) == (None, SCALES)


def test_single_test_set_serves_the_scales_asked_for(good_folder):
    (test,) = load_test_sets(str(good_folder), ("coarse",))
    assert (test.config, test.scale, test.scales) == ("default", None, ("coarse",))
    assert not test.is_one_set


@pytest.mark.parametrize("name", ["nowhere", "no/where/at/all", "docs\x1b[31m"])
def test_missing_folder_is_refused_offline(name):
    with pytest.raises(UsageError) as error:
        load_labels(name)
    assert error.value.code == "evaluation.no-dataset"
    assert error.value.facts["dataset"] == name
    assert "\x1b" not in str(error.value)


def test_folder_of_something_else_is_refused(tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "train.parquet")
    with pytest.raises(DatasetError) as error:
        load_labels(str(tmp_path), ["train"])
    assert error.value.code == "evaluation.missing-columns"


def test_column_without_class_names_is_refused():
    with pytest.raises(DatasetError) as error:
        labels.check_columns("folder", {"image_id": None, "fine": None, "middle": None})
    assert error.value.code == "evaluation.missing-columns"
    assert error.value.facts["columns"] == ["coarse", "fine", "middle"]


def test_cut_file_is_refused(changeable):
    (path,) = changeable.glob("data/query-*.parquet")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DatasetError) as error:
        load_labels(str(changeable))
    assert error.value.code == "evaluation.unreadable-labels"


def test_fewer_rows_than_the_card_states_are_refused(changeable):
    (path,) = changeable.glob("data/gallery-*.parquet")
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    with pytest.raises(DatasetError) as error:
        load_labels(str(changeable))
    assert error.value.code == "evaluation.missing-rows"
    assert (error.value.facts["count"], error.value.facts["stated"]) == (len(table) - 1, len(table))


def test_repeated_id_is_refused(changeable):
    (path,) = changeable.glob("data/gallery-*.parquet")
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table.slice(1), table.slice(1, 1)]), path)
    with pytest.raises(DatasetError) as error:
        load_labels(str(changeable))
    assert error.value.code == "evaluation.repeated-images"
    assert error.value.facts["ids"] == [table["image_id"][1].as_py()]
