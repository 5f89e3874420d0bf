"""Stanford Online Products: folder and zip file in the original layout, the lists and their faults, the split."""

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import pandas as pd
import pytest
from datasets import load_dataset

from dmlkit.dataset.validate import validate
from dmlkit.errors import ManifestError, SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.dry_run import dry_run
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy import manifest
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image
from tests.support.manifests import sums
from tests.support.online_products import GROUPS, HEADER, TEST, TOP, TRAIN, archive_files, list_rows

NAME = "stanford-online-products"
CLASSES_TSV = (
    "fine_id\tfine\tmiddle_id\tmiddle\tcoarse_id\tcoarse\tsplit\tpath\nf\tfine\tm\tmiddle\tc\tcoarse\ttrain\t\n"
)


@pytest.fixture
def folder(tmp_path):
    """The real manifest, with a class for the other sources in case it has none."""
    copy = shutil.copytree(manifest.shipped_folder() / "product", tmp_path / "product")
    (copy / "classes.tsv").write_text(CLASSES_TSV)
    (copy / "excluded.tsv").write_text("label\tname\treason\n")
    return copy


@pytest.fixture
def product(folder):
    return load_manifest(str(folder))


@pytest.fixture
def options(tmp_path):
    return BuildOptions(NAME, tmp_path / "out", tmp_path / "from", jobs=1)


def write(root, members):
    for name, data in members.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def write_zip(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def ask(product, path):
    return load_source(NAME).classes(PlanRequest(product, path, path))


def rejected(out):
    found = pd.read_parquet(out / "rejected.parquet")
    return dict(zip(found["image_id"].str.removeprefix(f"{NAME}/"), found["status"], strict=True))


def test_the_archive_becomes_a_data_set_with_three_scales(product, options):
    write(options.path, archive_files())
    result = build(product, options)
    assert result.statuses == {"ok": len(TRAIN) + len(TEST)}
    assert [f for f in validate(options.out) if f.code.startswith("E")] == []
    assert "images of Ebay_train.txt: 72 found, 59,551 published" in result.notes
    assert "products of Ebay_test.txt: 12 found, 11,316 published" in result.notes
    data = load_dataset(str(options.out))
    features = data["train"].features
    assert set(features["middle"].names) == {group.replace("_", " ") for group in GROUPS}
    assert set(features["coarse"].names) == {"furniture", "kitchenware", "light and air", "mechanical goods"}
    found = {row["image_id"]: row for split in data.values() for row in split}
    row = found[f"{NAME}/110000011322_1"]
    assert features["fine"].int2str(row["fine"]) == "coffee maker 11322"
    assert features["coarse"].int2str(row["coarse"]) == "kitchenware"
    assert {row["image"].mode for row in found.values()} == {"RGB"}


def test_middle_classes_of_the_test_are_not_trained_on_and_one_coarse_class_is_there_alone(product, options):
    classes = ask(product, write(options.path, archive_files())).classes
    sides = {side: [c for c in classes if c.split == side] for side in ("train", "test")}
    middle, coarse = ({s: {c.id(scale) for c in its} for s, its in sides.items()} for scale in ("middle", "coarse"))
    assert not middle["train"] & middle["test"]
    assert coarse["test"] - coarse["train"] == {"mechanical"}
    assert coarse["train"] < coarse["test"]
    assert {c.middle for c in sides["test"] if c.coarse_id == "mechanical"} == {"bicycle", "stapler"}


def test_folder_and_zip_file_give_the_same_data_set(product, options, tmp_path):
    build(product, replace(options, path=write(options.path, archive_files())))
    zipped = write_zip(tmp_path / "zips" / f"{TOP}.zip", archive_files() | {f"__MACOSX/{TOP}/._Ebay_train.txt": b"x"})
    bare = write(tmp_path / "bare", {name.partition("/")[2]: data for name, data in archive_files(header="").items()})
    for i, path in enumerate((zipped, zipped.parent, bare, options.path / TOP)):
        out = tmp_path / f"same{i}"
        build(product, replace(options, path=path, out=out))
        assert sums(out) == sums(options.out)


def test_lists_from_other_systems_and_suffixes_in_other_case_read_the_same(product, options, tmp_path):
    build(product, replace(options, path=write(options.path, archive_files())))
    other = {
        name.replace(".JPG", ".jpg"): b"\xef\xbb\xbf" + data.replace(b"\n", b" \r\n\r\n") if "Ebay" in name else data
        for name, data in archive_files().items()
    }
    build(product, replace(options, path=write(tmp_path / "other", other), out=tmp_path / "same"))
    assert sums(tmp_path / "same") == sums(options.out)


def test_rows_without_image_and_images_without_row_are_counted(product, options):
    members = archive_files()
    gone, broken, page = (f"{TOP}/{path}" for _, _, path in TRAIN[:3])
    del members[gone]
    members |= {broken: members[broken][:200], page: b"<html>", f"{TOP}/mug_final/999_0.JPG": make_image(9)}
    result = build(product, replace(options, path=write(options.path, members)))
    assert rejected(options.out) == {
        "110000000001_0": "missing",
        "110000000001_1": "truncated",
        "110000000001_2": "html-page",
        "999_0": "unlabelled",
    }
    assert sum(result.statuses.values()) == len(TRAIN) + len(TEST) + 1
    assert result.missing == ["sop-00001 (bicycle 00001)"]


@pytest.mark.parametrize(
    "line",
    [
        "7 1 1",
        "7 x 1 mug_final/1_0.JPG",
        "7 1 1 mug/1_0.JPG",
        "7 1 1 mug_final/../../1_0.JPG",
        "7 1 1 ../mug_final/1_0.JPG",
        "7 1 1 /mug_final/1_0.JPG",
        "7 1 1 mug_final/a b.JPG",
        f"7 {'9' * 5000} 1 mug_final/1_0.JPG",
        HEADER,
    ],
)
def test_a_bad_row_is_an_error_that_shows_it(product, options, line):
    members = archive_files()
    members[f"{TOP}/Ebay_test.txt"] += f"{line}\n".encode()
    write(options.path, members)
    with pytest.raises(SourceError, match=r"Ebay_test\.txt, line 38: ") as caught:
        build(product, options)
    assert line[:60] in str(caught.value)


def test_lists_that_contradict_the_manifest_or_themselves_are_an_error(product, options, tmp_path):
    for extra, said in (
        ((1, 13, "boat_final/5_0.JPG"), r"does not know:\n  - 'boat'"),
        ((1, 8, "mug_final/5_0.JPG"), "the product 1 is in two super classes"),
    ):
        write(options.path, archive_files(test=[*TEST, extra]))
        with pytest.raises(SourceError, match=said) as caught:
            ask(product, options.path)
        assert caught.value.hint


def test_one_list_alone_is_built_and_said(product, options):
    write(options.path, archive_files(test=None))
    result = build(product, options)
    assert result.statuses["ok"] == len(TRAIN)
    assert "Ebay_test.txt is not there; its products are not in the dataset" in result.notes


def test_what_is_not_this_source_is_an_error(product, tmp_path):
    empty = write(tmp_path / "empty", archive_files([], None))
    binary = write(tmp_path / "binary", {"Ebay_train.txt": b"\xff\xfe\x00\xd8\x81"})
    other = write(tmp_path / "other", {"notes.txt": b""})
    cut = write_zip(tmp_path / f"{TOP}.zip", archive_files())
    cut.write_bytes(cut.read_bytes()[:3000])
    for path, said in (
        (empty, "no rows in Ebay_train.txt"),
        (binary, "neither in UTF-8 nor in GB18030"),
        (other, "without anything of the source"),
        (cut, "cannot be opened as a zip file"),
        (None, "needs --from"),
    ):
        with pytest.raises(SourceError, match=said) as caught:
            ask(product, path)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("test_share = 0.25", "", "lacks test_share"),
        ('fan = "air"', 'fan = "airs"', "no coarse class 'airs'"),
        ("[stanford-online-products", "[else", "no section"),
    ],
)
def test_rules_of_a_manifest_that_lack_something_are_an_error(folder, options, old, new, said):
    path = folder / "manifest.toml"
    path.write_text(path.read_text().replace(old, new))
    write(options.path, archive_files())
    with pytest.raises(ManifestError, match=said):
        ask(load_manifest(str(folder)), options.path)


def test_a_damaged_image_in_a_zip_file_is_a_status(product, options, tmp_path):
    members = archive_files()
    path = write_zip(options.path, members)
    data = path.read_bytes()
    spoiled = members[f"{TOP}/{TRAIN[4][2]}"]
    path.write_bytes(data.replace(spoiled, spoiled[:-40] + bytes(40)))
    result = build(product, options)
    assert rejected(options.out) == {"110000000002_1": "unreadable"}
    assert result.statuses["ok"] == len(TRAIN) + len(TEST) - 1


def test_a_limit_keeps_what_a_build_without_one_would_keep(product, options, tmp_path):
    write(options.path, archive_files(list_rows(each=6), None))
    build(product, replace(options, limit=2))
    build(product, replace(options, out=tmp_path / "all"))
    build(product, replace(options, out=tmp_path / "same", pool=tmp_path / "all.pool", limit=2))
    assert sums(options.out) == sums(tmp_path / "same")
    assert load_dataset(str(options.out))["train"].num_rows % 2 == 0


def test_the_command_line_dry_runs_builds_and_explains(folder, product, options, tmp_path):
    write(options.path, archive_files())
    facts = dry_run(product, options)
    assert (facts["fine"], facts["of_fine"], facts["labels"]) == (36, 36, {"ok": 36})

    def call(*more):
        command = [sys.executable, "-m", "dmlkit", "build", str(folder), "--source", NAME, "--jobs", "1", "--json"]
        done = subprocess.run([*command, "--out", str(options.out), *more], capture_output=True, text=True)
        assert "Traceback" not in done.stderr
        return done

    done = call("--from", str(options.path))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statuses"] == {"ok": 108}
    done = call("--from", str(tmp_path / "product"))
    assert done.returncode == 1
    assert "Download Stanford_Online_Products.zip" in done.stderr
