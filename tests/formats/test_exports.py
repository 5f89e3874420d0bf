"""Each form of `dmlkit export` is opened by the library that it is for, and holds what the dataset holds."""

import csv
import json
import tarfile
import warnings

import pyarrow.parquet as pq
import pytest
import webdataset as wds
from datasets import load_dataset

from dmlkit.cli.convert import export as command
from dmlkit.errors import OutputError, UnreadableDatasetError, UsageError
from dmlkit.formats import imagefolder, oml, webdataset
from dmlkit.formats.base import safe_name
from dmlkit.formats.registry import load_export
from dmlkit.schema.scales import SCALES, SPLITS
from tests.support.dyml_release import PRODUCT, imported, write_release
from tests.support.errors import raises
from tests.support.faults import Tables, put, write_sums
from tests.support.files import all_files
from tests.support.images import make_image

EXPORTS = {name: load_export(name) for name in ("webdataset", "imagefolder", "oml")}


def rows_of(folder, stem="data/*"):
    """Image id → row of a dataset folder."""
    return {row["image_id"]: row for p in folder.glob(f"{stem}-*.parquet") for row in pq.read_table(p).to_pylist()}


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def exported(good_folder, tmp_path_factory):
    """Form → the export of the good folder in it."""
    top = tmp_path_factory.mktemp("exports")
    return {form: export(good_folder, top / form).out for form, export in EXPORTS.items()}


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """Imports: with a test set for each scale, and with one set that is query and gallery."""
    top = tmp_path_factory.mktemp("releases")
    for name, lists in (("dyml_animal", {}), ("dyml_product", {"lists": PRODUCT})):
        imported(write_release(top / "official" / name, **lists), top / name)
    return top


# webdataset


def test_webdataset_reads_the_tar_files(exported, good_folder):
    rows = rows_of(good_folder, "data/train")
    shards = str(exported["webdataset"] / "data" / "train-{00000..00000}-of-00001.tar")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves its files open
        raw = {sample["__key__"]: sample for sample in wds.WebDataset(shards, shardshuffle=False)}
        images, facts = zip(
            *wds.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("jpg", "json"), strict=True
        )
    assert [fact["image_id"] for fact in facts] == list(rows)  # the order too
    for fact, image, sample in zip(facts, images, raw.values(), strict=True):
        row = rows[fact["image_id"]]
        assert sample["jpg"] == row["image"]["bytes"]
        assert image.size == (row["width"], row["height"])
        assert {scale: fact[scale] for scale in SCALES} == {scale: row[scale] for scale in SCALES}
        assert (fact["sha256"], fact["type"]) == (row["sha256"], "jpg")
    assert facts[0]["coarse_name"] in ("mammal", "bird")
    assert facts[0]["fine_id"] == facts[0]["upstream_label"]


@pytest.mark.parametrize("form", ["webdataset", "imagefolder"])
def test_datasets_finds_the_splits_by_the_readme(exported, good_folder, form):
    found = load_dataset(str(exported[form]))
    for split in SPLITS:
        rows = rows_of(good_folder, f"data/{split}")
        facts = found[split]["json"] if form == "webdataset" else found[split].remove_columns("image")
        assert {fact["image_id"]: fact["middle"] for fact in facts} == {i: row["middle"] for i, row in rows.items()}
        first = found[split][0]["jpg" if form == "webdataset" else "image"]
        assert first.size == (48, 40)


def test_datasets_opens_tar_files_without_the_readme(exported):
    files = {split: str(exported["webdataset"] / "data" / f"{split}-*.tar") for split in ("query", "gallery")}
    found = load_dataset("webdataset", data_files=files, streaming=True)
    assert {split: len(list(rows)) for split, rows in found.items()} == {"query": 9, "gallery": 15}


def test_tar_files_have_the_chosen_size(good_folder, tmp_path, monkeypatch):
    with raises(UsageError, "formats.shard-size", value=0):
        webdataset.export_webdataset(good_folder, tmp_path / "x", shard_size=0)
    from dmlkit.formats.webdataset import TarShards

    with TarShards(tmp_path / "data" / "train", 10_000) as shards:
        for number in range(7):
            shards.add(f"k{number}", {"jpg": bytes(4000 if number < 6 else 50_000)})
    sizes = [path.stat().st_size for path in sorted((tmp_path / "data").iterdir())]
    assert [path.name for path in sorted((tmp_path / "data").iterdir())] == [
        f"train-{n:05d}-of-00004.tar" for n in range(4)
    ]
    assert max(sizes[:3]) <= 20_480 < sizes[3]  # tar fills up to blocks of 10,240 bytes; one image may be more


def test_mixed_types_share_one_suffix(changeable, tmp_path):
    tables = Tables(changeable)
    put(tables.query[0], make_image(7, kind="PNG"))
    tables.save()
    write_sums(changeable)
    webdataset.export_webdataset(changeable, tmp_path / "tars")
    found = load_dataset(str(tmp_path / "tars"), split="query")
    kinds = [fact["type"] for fact in found["json"]]
    assert sorted(kinds) == ["jpg"] * 8 + ["png"]
    assert found[kinds.index("png")]["jpg"].format == "PNG"
    imagefolder.export_imagefolder(changeable, tmp_path / "folders")
    assert len(list((tmp_path / "folders" / "query").rglob("*.png"))) == 1


def test_long_ids_fit_into_tar_files(changeable, tmp_path):
    tables = Tables(changeable)
    for i, row in enumerate([*tables.train, *tables.query, *tables.gallery]):
        row["image_id"] = f"sample/{'x' * 200}{i}"
        row["image"]["path"] = "x./../../evil"
    tables.save()
    webdataset.export_webdataset(changeable, tmp_path / "tars")
    (path,) = (tmp_path / "tars" / "data").glob("query-*")
    with tarfile.open(path) as tar:
        names = tar.getnames()
    assert len(set(names)) == 2 * len(tables.query)
    assert {name.rpartition(".")[2] for name in names} == {"jpg", "json"}
    assert not any("/" in name for name in names)


# imagefolder


def test_folders_are_fine_classes_in_label_order(exported, good_folder):
    top = exported["imagefolder"]
    rows = rows_of(good_folder)
    names = json.loads((top / "dmlkit.json").read_text())["classes"]["fine"]
    seen = 0
    for split in SPLITS:
        for row in pq.read_table(top / split / "metadata.parquet").to_pylist():
            wanted = rows[row["image_id"]]
            folder, _, file = row["file_name"].partition("/")
            assert folder == f"{wanted['fine']}-{list(names.values())[wanted['fine']].replace(' ', '-')}"
            assert (top / split / folder / file).read_bytes() == wanted["image"]["bytes"]
            seen += 1
    assert seen == len(rows) == len(list(top.rglob("*.jpg")))
    assert load_dataset(str(top), split="query").features["fine"].names == list(names.values())
    one = load_dataset("imagefolder", data_dir=str(top / "query"))
    assert one["train"].num_rows == 9


@pytest.mark.parametrize("form", ["webdataset", "imagefolder"])
def test_an_import_keeps_its_test_sets(releases, tmp_path, form):
    EXPORTS[form](releases / "dyml_animal", tmp_path / "animal")
    middle = load_dataset(str(tmp_path / "animal"), "test_middle")
    assert {split: rows.num_rows for split, rows in middle.items()} == {"query": 2, "gallery": 3}
    EXPORTS[form](releases / "dyml_product", tmp_path / "product")
    found = load_dataset(str(tmp_path / "product"))
    assert {split: rows.num_rows for split, rows in found.items()} == {"train": 16, "query": 6, "gallery": 6}
    if form == "imagefolder":
        assert len(list((tmp_path / "product").rglob("*.jpg"))) == 22  # query and gallery are stored once


# oml


def test_oml_tables_have_its_columns(exported, good_folder):
    top = exported["oml"]
    rows = rows_of(good_folder)
    side = {image_id: split for split in SPLITS for image_id in rows_of(good_folder, f"data/{split}")}
    for scale in SCALES:
        lines = table(top / f"df_{scale}.csv")
        assert len(lines) == len(rows)
        for line in lines:
            row = rows[line["image_id"]]
            assert int(line["label"]) == row[scale]
            assert (top / line["path"]).read_bytes() == row["image"]["bytes"]
            assert (line["split"], line["is_query"], line["is_gallery"]) == {
                "train": ("train", "", ""),
                "query": ("validation", "True", "False"),
                "gallery": ("validation", "False", "True"),
            }[side[line["image_id"]]]
        assert {line["category"] for line in lines} == {"mammal", "bird"}
        of = {
            line["label"]: {other["category"] for other in lines if other["label"] == line["label"]} for line in lines
        }
        assert all(len(categories) == 1 for categories in of.values())
        query, gallery = ({li["label"] for li in lines if li[f"is_{s}"] == "True"} for s in ("query", "gallery"))
        assert query <= gallery


def test_oml_leaves_out_unmatched_queries(changeable, tmp_path):
    tables = Tables(changeable)
    lost = tables.query[0]["fine"]
    tables.gallery[:] = [row for row in tables.gallery if row["fine"] != lost]
    tables.save()
    done = oml.export_oml(changeable, tmp_path / "x")
    left = sum(row["fine"] == lost for row in tables.query)
    assert len(done.notes) == 1
    assert json.loads((tmp_path / "x" / "dmlkit.json").read_text())["left_out"] == {"fine": left}
    assert len(table(tmp_path / "x" / "df_middle.csv")) - len(table(tmp_path / "x" / "df_fine.csv")) == left


def test_oml_gets_the_test_set_of_each_scale(releases, tmp_path):
    oml.export_oml(releases / "dyml_animal", tmp_path / "animal")
    counts = {s: sum(line["split"] == "validation" for line in table(tmp_path / f"animal/df_{s}.csv")) for s in SCALES}
    assert counts == {"fine": 5, "middle": 5, "coarse": 5}
    oml.export_oml(releases / "dyml_product", tmp_path / "product")
    lines = [line for line in table(tmp_path / "product" / "df_fine.csv") if line["split"] == "validation"]
    assert [(line["is_query"], line["is_gallery"]) for line in lines] == [("True", "True")] * 6


# what all have


def test_same_dataset_gives_same_bytes(exported, good_folder, tmp_path):
    for form, export in EXPORTS.items():
        export(good_folder, tmp_path / form)
        assert all_files(tmp_path / form) == all_files(exported[form])
        export(good_folder, tmp_path / form)  # again, over itself
        assert all_files(tmp_path / form) == all_files(exported[form])


@pytest.mark.parametrize("form", ["webdataset", "imagefolder", "oml", "dyml"])
def test_terms_and_citations_go_along(good_folder, tmp_path, capsys, form):
    assert (
        command.main(
            [str(good_folder), "--format", form, "--out", str(tmp_path / "x"), "--json"], standalone_mode=False
        )
        == 0
    )
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kept"], facts["converted"]) == (48, {})
    (readme,) = (tmp_path / "x").rglob("README.md")
    assert "may **not** be published again" in readme.read_text()
    assert "@" in readme.read_text().partition("## Citation")[2]


def test_export_replaces_only_its_own_folder(good_folder, exported, changeable, tmp_path):
    with pytest.raises(OutputError) as error:
        oml.export_oml(good_folder, exported["imagefolder"])
    assert error.value.code == "output.other-owner"
    for export in EXPORTS.values():
        with pytest.raises(OutputError) as error:
            export(good_folder, changeable)
        assert error.value.code == "output.not-ours"
        with raises(UsageError, "formats.inside-dataset", path=changeable / "x"):
            export(changeable, changeable / "x")
    tables = Tables(changeable)
    put(tables.gallery[-1], b"no image")
    tables.save()
    for form, export in EXPORTS.items():
        with raises(UnreadableDatasetError, "formats.bad-image", image_id=tables.gallery[-1]["image_id"]):
            export(changeable, tmp_path / "x" / form)
    assert list((tmp_path / "x").iterdir()) == []


@pytest.mark.parametrize("name", ["README.md", "data/train-00000-of-00001.parquet"])
def test_damaged_dataset_is_named(changeable, tmp_path, name):
    path = changeable / name
    if name.endswith(".md"):
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        data[4:40] = bytes(36)  # where the first column says how long it is
        path.write_bytes(data)
    for export in EXPORTS.values():
        with pytest.raises(UnreadableDatasetError) as error:
            export(changeable, tmp_path / "x")
        assert error.value.facts["name"] == name


def test_unreadable_card_ends_the_export(changeable, tmp_path):
    (changeable / "README.md").write_text("---\n{\n---\n")
    for export in (webdataset.export_webdataset, imagefolder.export_imagefolder):
        with pytest.raises(UnreadableDatasetError):
            export(changeable, tmp_path / "x")


def test_option_of_another_format_is_refused(good_folder, tmp_path):
    with raises(UsageError, "usage.option-of-other-format", name="--faithful"):
        command.main(
            [str(good_folder), "--format", "oml", "--out", str(tmp_path / "x"), "--faithful"], standalone_mode=False
        )


def test_names_of_files_are_safe_and_never_meet():
    plain = ["imagenet-21k/n01440764_10026", "veri-wild/000123"]
    assert [safe_name(image_id) for image_id in plain] == ["imagenet-21k--n01440764_10026", "veri-wild--000123"]
    odd = [
        "a/B",
        "a/b",
        "a/b.c",
        "a/b-c",
        "a/b_c",
        "a/b@c",
        "a/-b",
        "a/b--c",
        "a/" + "x" * 200,
        "a/" + "x" * 201,
        "a/con.jpg",
    ]
    names = [safe_name(image_id) for image_id in odd]
    assert len({name.lower() for name in names}) == len(odd)
    assert all(name.replace("-", "").replace("_", "").isalnum() and len(name) < 120 for name in names)
