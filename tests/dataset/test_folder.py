"""`DatasetFolder` reads what a build wrote, and refuses every damaged folder with a code."""

import json

import pyarrow.parquet as pq
import pytest

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import NoImagesError, UnreadableDatasetError, UsageError
from dmlkit.schema.scales import SCALES, SPLITS
from tests.support.faults import HIERARCHY, TRAIN, edit_build, edit_rows


def read_everything(folder):
    """Read all that a folder has, as a program that trusts it would."""
    dataset = DatasetFolder.open(folder)
    facts = [dataset.name, dataset.title, dataset.version, dataset.source, dataset.is_official, dataset.content_hash]
    facts += [dataset.class_names, dataset.class_ids, dataset.classes, dataset.citation, dataset.checksums()]
    rows = [row for spec in dataset.image_sets for row in dataset.rows(spec)]
    return facts, rows, [row for batch in dataset.rejected() for row in batch.to_pylist()]


def test_facts_are_those_of_the_build(good_folder):
    dataset = DatasetFolder.open(str(good_folder))
    build = json.loads((good_folder / "build.json").read_text())
    assert (dataset.name, dataset.version, dataset.source) == ("tiny", build["manifest"]["version"], "imagenet-21k")
    assert (dataset.layout, dataset.ids_only, dataset.is_official) == ("split", False, False)
    assert [spec.name for spec in dataset.splits] == list(SPLITS)
    assert dataset.facts.statuses == build["statuses"]
    assert dataset.facts.coverage["fine"].total == build["coverage"]["fine"]["of"]
    assert len(dataset.content_hash) == 64
    assert set(dataset.checksums()) == set(dataset.files()) - {"SHA256SUMS", "build.json"}


def test_rows_are_those_of_the_files(good_folder):
    dataset = DatasetFolder.open(good_folder)
    for split in SPLITS:
        expected = pq.read_table(good_folder / f"data/{split}-00000-of-00001.parquet").to_pylist()
        assert list(dataset.rows(split)) == expected
        assert dataset.num_images(split) == len(expected)
        assert [row["image_id"] for row in dataset.rows(split, ["image_id"])] == [row["image_id"] for row in expected]
    assert dataset.num_images() == 48


def test_classes_agree_with_labels(good_folder):
    dataset = DatasetFolder.open(good_folder)
    for row in dataset.classes:
        for scale in SCALES:
            assert dataset.class_names[scale][row[f"{scale}_label"]] == row[scale]
            assert dataset.class_ids[scale][row[f"{scale}_label"]] == row[f"{scale}_id"]


def test_take_reads_rows_at_positions(good_folder):
    dataset = DatasetFolder.open(good_folder)
    rows = list(dataset.rows("train", ["image_id"]))
    assert list(dataset.take("train", [7, 2, 7], ["image_id"])) == [(2, rows[2]), (7, rows[7])]
    with pytest.raises(IndexError):
        list(dataset.take("train", [len(rows)]))


def test_batches_are_bounded(good_folder):
    batches = list(DatasetFolder.open(good_folder).batches("train", ["image_id"], max_rows=5))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 4]


def test_unknown_split_names_the_choices(good_folder):
    with pytest.raises(UsageError) as error:
        list(DatasetFolder.open(good_folder).rows("test"))
    assert error.value.code == "usage.unknown-split"
    assert "train, query, gallery" in error.value.hint


def test_ids_only_has_no_images(changeable):
    edit_build(changeable, lambda facts: facts.update(ids_only=True))
    for split in SPLITS:
        path = changeable / f"data/{split}-00000-of-00001.parquet"
        table = pq.read_table(path).drop_columns(["image"])
        metadata = json.loads(table.schema.metadata[b"huggingface"])
        del metadata["info"]["features"]["image"]
        pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(metadata)}), path)
    dataset = DatasetFolder.open(changeable)
    assert len(list(dataset.rows("train"))) == 24
    with pytest.raises(NoImagesError) as error:
        list(dataset.rows("train", ["image_id", "image"]))
    assert error.value.code == "dataset.no-images"


def test_missing_folder_is_named(tmp_path):
    for folder, code in ((tmp_path / "none", "dataset.not-a-folder"), (tmp_path, "dataset.not-a-dataset")):
        with pytest.raises(UnreadableDatasetError) as error:
            DatasetFolder.open(folder)
        assert (error.value.code, error.value.facts["path"]) == (code, folder)


@pytest.mark.parametrize("name", ["build.json", HIERARCHY, TRAIN, "README.md", "SHA256SUMS", "rejected.parquet"])
def test_missing_file_is_named(changeable, name):
    (changeable / name).unlink()
    with pytest.raises(UnreadableDatasetError) as error:
        read_everything(changeable)
    assert error.value.code == "dataset.missing-file"
    assert str(error.value.facts["name"]).split("-")[0] == name.split("-")[0]


@pytest.mark.parametrize("name", ["build.json", HIERARCHY, TRAIN, "rejected.parquet", "data"])
def test_links_are_not_read(changeable, tmp_path, name):
    (changeable / name).rename(tmp_path / "outside")
    (changeable / name).symlink_to(tmp_path / "outside")
    with pytest.raises(UnreadableDatasetError) as error:
        read_everything(changeable)
    assert error.value.code == "dataset.missing-file"
    assert "a link" in str(error.value.facts["reason"])


def test_links_are_read_on_request(changeable, tmp_path):
    (changeable / TRAIN).rename(tmp_path / "outside")
    (changeable / TRAIN).symlink_to(tmp_path / "outside")
    assert DatasetFolder.open(changeable, follow_links=True).num_images() == 48


@pytest.mark.parametrize("name", [HIERARCHY, TRAIN, "rejected.parquet"])
@pytest.mark.parametrize("keep", [0, 4, 1000])
def test_truncated_parquet_is_refused(changeable, name, keep):
    data = (changeable / name).read_bytes()
    (changeable / name).write_bytes(data[:keep] if keep < 1000 else data[:-40])
    with pytest.raises(UnreadableDatasetError) as error:
        read_everything(changeable)
    assert (error.value.code, error.value.facts["name"]) == ("dataset.bad-parquet", name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"format": 1}',
        "[" * 100_000,
        '{"format": 1' + "0" * 5000 + "}",
        '{"format": NaN}',
        "\0",
    ],
    ids=range(9),
)
def test_broken_build_json_is_refused(changeable, text):
    (changeable / "build.json").write_text(text)
    with pytest.raises(UnreadableDatasetError) as error:
        DatasetFolder.open(changeable)
    assert (error.value.code, error.value.facts["name"]) == ("dataset.bad-facts", "build.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.update(layout="other"),
        lambda facts: facts.update(layout=["split"]),
        lambda facts: facts.pop("manifest"),
        lambda facts: facts["manifest"].update(name=None),
        lambda facts: facts["manifest"].update(settings=[]),
        lambda facts: facts["images"].update(train=True),
        lambda facts: facts["images"].update(query="9"),
        lambda facts: facts["statuses"].update(ok=1.5),
        lambda facts: facts["coverage"]["fine"].update(floor=float("nan")),
        lambda facts: facts["coverage"]["fine"].update(floor=10**400),
        lambda facts: facts.update(release={"name": "x", "unplaced": {"fine": []}}),
        lambda facts: facts.update(notes="text"),
    ],
    ids=range(12),
)
def test_wrong_types_in_build_json_are_refused(changeable, change):
    edit_build(changeable, change)
    with pytest.raises(UnreadableDatasetError) as error:
        DatasetFolder.open(changeable)
    assert error.value.code == "dataset.bad-facts"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (TRAIN, {"middle": 99}),
        (TRAIN, {"fine": -1}),
        (TRAIN, {"height": 0}),
        (TRAIN, {"width": None}),
        (TRAIN, {"image_id": None}),
        (HIERARCHY, {"train": None}),
        (HIERARCHY, {"fine": None}),
        (HIERARCHY, {"upstream_labels": None}),
    ],
    ids=str,
)
def test_impossible_values_are_refused(changeable, name, change):
    edit_rows(changeable / name, lambda rows: rows[3].update(change))
    with pytest.raises(UnreadableDatasetError) as error:
        read_everything(changeable)
    assert (error.value.code, error.value.facts["name"]) == ("dataset.bad-value", name)


def test_class_without_a_row_is_refused(changeable):
    edit_rows(changeable / HIERARCHY, lambda rows: rows.pop(0))
    with pytest.raises(UnreadableDatasetError) as error:
        read_everything(changeable)
    assert error.value.code == "dataset.unknown-class"


@pytest.mark.parametrize("name", [TRAIN, HIERARCHY, "rejected.parquet"])
def test_other_columns_are_refused(changeable, name):
    table = pq.read_table(changeable / name)
    pq.write_table(table.drop_columns([table.column_names[1]]), changeable / name)
    with pytest.raises(UnreadableDatasetError) as error:
        read_everything(changeable)
    assert (error.value.code, error.value.facts["name"]) == ("dataset.wrong-columns", name)


@pytest.mark.parametrize("text", ["no lines", "aa  b\nx", b"\xff\xfe"])
def test_broken_checksums_are_refused(changeable, text):
    (changeable / "SHA256SUMS").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UnreadableDatasetError) as error:
        DatasetFolder.open(changeable).checksums()
    assert error.value.code == "dataset.bad-checksums"
