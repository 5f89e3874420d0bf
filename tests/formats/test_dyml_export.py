"""`dmlkit export --format dyml` writes the official layout; read again, it is the dataset that it was made from."""

import io
import json
import os
import shutil

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from dmlkit.cli.convert import export as export_command
from dmlkit.dataset.validate import validate
from dmlkit.errors import OutputError, SourceError, UnreadableDatasetError, UsageError
from dmlkit.formats.dyml.export import export_dyml as export
from tests.support.dyml_release import IDS, LABELS, PRODUCT, images_folder, imported, list_file, write_release
from tests.support.errors import raises
from tests.support.faults import HIERARCHY, Tables, put, sha256, write_sums
from tests.support.files import all_files
from tests.support.images import make_image

BENCHMARKS = [f"bmk_{scale}/{side}" for scale in ("fine", "middle", "coarse") for side in ("query", "gallery")]


def rows_of(folder):
    """(file, image id) → row, of all images of a dataset folder."""
    paths = sorted([*folder.glob("data/*.parquet"), *folder.glob("test_*/*.parquet")])
    return {(p.parent.name, p.name, row["image_id"]): row for p in paths for row in pq.read_table(p).to_pylist()}


def names_of(folder):
    features = json.loads(pq.read_schema(folder / "data/train-00000-of-00001.parquet").metadata[b"huggingface"])
    return {scale: features["info"]["features"][scale]["names"] for scale in ("fine", "middle", "coarse")}


def same_data(first, second):
    assert rows_of(first) == rows_of(second)
    assert names_of(first) == names_of(second)
    assert pq.read_table(first / HIERARCHY).to_pylist() == pq.read_table(second / HIERARCHY).to_pylist()


@pytest.fixture(scope="session")
def exported(good_folder, tmp_path_factory):
    """The export of the good folder: copy it before you change it."""
    return export(good_folder, tmp_path_factory.mktemp("export")).out


@pytest.fixture
def broken(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "dyml_tiny")


# The round trip


@pytest.mark.parametrize("all_in_one", [False, True])
@pytest.mark.parametrize("faithful", [False, True])
def test_export_and_import_keep_everything(good_folder, tmp_path, all_in_one, faithful):
    done = export(good_folder, tmp_path / "x", all_in_one=all_in_one, faithful=faithful)
    assert done.out == tmp_path / "x" / "dyml_tiny"
    result = imported(done.out, tmp_path / "back")
    same_data(good_folder, tmp_path / "back")
    assert result.statuses == {"ok": 48}
    assert result.channels["decided"] == "rgb"
    assert validate(tmp_path / "back") == []


@pytest.mark.parametrize(("name", "lists"), [("dyml_animal", {}), ("dyml_product", {"lists": PRODUCT})])
def test_official_release_survives_the_round_trip(tmp_path, name, lists):
    imported(write_release(tmp_path / name, **lists), tmp_path / "out")
    done = export(tmp_path / "out", tmp_path / "x")
    assert done.out.name == name
    imported(done.out, tmp_path / "back")
    same_data(tmp_path / "out", tmp_path / "back")
    assert {f.code for f in validate(tmp_path / "back")} <= {"W505"}


def test_attribution_survives_the_round_trip(changeable, tmp_path):
    tables = Tables(changeable)
    tables.train[3] |= {"author": 'A "quoted",\nname', "license": "CC-BY-4.0", "source_url": "https://example.org/1"}
    tables.save()
    write_sums(changeable)
    imported(export(changeable, tmp_path / "x").out, tmp_path / "back")
    same_data(changeable, tmp_path / "back")
    assert "CC-BY-4.0" in (tmp_path / "back" / "ATTRIBUTION.csv").read_text()
    assert validate(tmp_path / "back") == []
    edit_json(tmp_path / "x" / "dyml_tiny", lambda facts: facts.update(source="gone"))
    edit_text(tmp_path / "x" / "dyml_tiny" / "dmlkit.csv", "imagenet-21k", "gone", -1)
    imported(tmp_path / "x" / "dyml_tiny", tmp_path / "gone")
    assert "not known to this dmlkit" in (tmp_path / "gone" / "README.md").read_text()
    assert validate(tmp_path / "gone") == []


def test_export_without_sidecar_is_a_release(broken, tmp_path):
    (broken / "dmlkit.json").unlink()
    (broken / "dmlkit.csv").unlink()
    result = imported(broken, tmp_path / "out")
    assert result.layout == "per-scale"
    assert result.images["test_coarse/gallery"] == 15
    # The three test sets are the same images, so every one has all three labels.
    assert all(None not in (row["fine"], row["middle"], row["coarse"]) for row in rows_of(tmp_path / "out").values())
    assert "test fine 2" in names_of(tmp_path / "out")["fine"]
    assert validate(tmp_path / "out") == []


# The layout


def test_lists_have_the_official_columns(good_folder, exported):
    rows = pq.read_table(good_folder / "data/train-00000-of-00001.parquet").to_pylist()
    lines = [f"{n}.jpg, {row['coarse']}, {row['middle']}, {row['fine']}\n" for n, row in enumerate(rows)]
    assert (exported / "train/label.csv").read_bytes() == f"{IDS}\n{''.join(lines)}".encode()
    for scale in ("fine", "middle", "coarse"):
        rows = pq.read_table(good_folder / "data/query-00000-of-00001.parquet").to_pylist()
        lines = [f"{n}.jpg, {row[scale]}\n" for n, row in enumerate(rows)]
        assert (exported / f"bmk_{scale}/query.csv").read_bytes() == f"{LABELS}\n{''.join(lines)}".encode()
    for n, row in enumerate(rows):
        assert (exported / f"bmk_fine/query/{n}.jpg").read_bytes() == row["image"]["bytes"]


def test_faithful_header_has_no_newline(good_folder, tmp_path, exported):
    out = export(good_folder, tmp_path, faithful=True).out
    for name, header in [("train", IDS), *((name, LABELS) for name in BENCHMARKS)]:
        data = list_file(out, name).read_bytes()
        assert data.startswith(f"{header}0.jpg, ".encode())
        assert list_file(exported, name).read_bytes() == data.replace(header.encode(), f"{header}\n".encode())


def test_all_in_one_is_one_list(good_folder, tmp_path):
    done = export(good_folder, tmp_path, all_in_one=True)
    assert done.images == {"train": 24, "mini-bmk_all_in_one": 24}
    lines = (done.out / "mini-bmk_all_in_one/label.csv").read_text().splitlines()
    assert lines[0] == IDS
    assert len(lines) == 25
    assert len(list((done.out / "mini-bmk_all_in_one/imgs").iterdir())) == 24


def test_test_sets_share_files_or_are_copies(good_folder, tmp_path, exported, monkeypatch):
    for side in ("query", "gallery"):
        for path in (exported / "bmk_fine" / side).iterdir():
            assert os.path.samefile(path, exported / "bmk_coarse" / side / path.name)

    def no_links(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    done = export(good_folder, tmp_path)
    assert done.copied == 48
    assert all_files(done.out) == all_files(exported)
    imported(done.out, tmp_path / "back")
    same_data(good_folder, tmp_path / "back")


def test_two_exports_are_the_same_bytes(good_folder, tmp_path, exported):
    export(good_folder, tmp_path)
    assert all_files(tmp_path / "dyml_tiny") == all_files(exported)
    export(good_folder, tmp_path)
    assert all_files(tmp_path / "dyml_tiny") == all_files(exported)


def test_other_images_become_upright_jpegs(changeable, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.open(io.BytesIO(make_image(7, 48, 40))).save(out, "JPEG", exif=exif, quality=95)
    tables = Tables(changeable)
    put(tables.train[0], make_image(1, kind="PNG"))
    put(tables.train[1], out.getvalue(), width=40, height=48, exif_orientation=6)
    put(tables.train[2], make_image(3, mode="CMYK"))
    put(tables.train[3], make_image(4, mode="L"))
    tables.save()
    done = export(changeable, tmp_path / "x")
    assert dict(done.converted) == {"PNG RGB": 1, "turned by EXIF": 1, "JPEG CMYK": 1}
    assert done.kept == 45
    facts = json.loads((done.out / "dmlkit.json").read_text())
    assert facts["converted"] == {"JPEG CMYK": 1, "PNG RGB": 1, "turned by EXIF": 1}
    imgs = images_folder(done.out, "train")
    assert (imgs / "3.jpg").read_bytes() == make_image(4, mode="L")
    with Image.open(imgs / "1.jpg") as turned:
        assert turned.format == "JPEG"
        assert turned.size == (40, 48)
        assert not turned.getexif()
    imported(done.out, tmp_path / "back")
    before, after = rows_of(changeable), rows_of(tmp_path / "back")
    assert before.keys() == after.keys()
    changed = [key for key, row in before.items() if row["sha256"] != after[key]["sha256"]]
    assert len(changed) == 3
    assert {after[key]["exif_orientation"] for key in changed} == {1, 6}
    assert validate(tmp_path / "back") == []


def test_a_test_set_for_each_scale_cannot_become_one(tmp_path):
    imported(write_release(tmp_path / "dyml_animal"), tmp_path / "out")
    with raises(UsageError, "dyml.no-common-test", path=tmp_path / "out"):
        export(tmp_path / "out", tmp_path / "x", all_in_one=True)


def test_export_replaces_only_its_own_folder(good_folder, changeable, tmp_path):
    (tmp_path / "dyml_tiny").mkdir()
    (tmp_path / "dyml_tiny" / "notes.txt").write_text("x")
    with pytest.raises(OutputError) as error:
        export(good_folder, tmp_path)
    assert error.value.code == "output.not-ours"
    assert (tmp_path / "dyml_tiny" / "notes.txt").read_text() == "x"
    with raises(UsageError, "formats.inside-dataset"):
        export(changeable, changeable / "x")


def test_failed_export_leaves_nothing_behind(changeable, tmp_path):
    with raises(UnreadableDatasetError, "dataset.not-a-folder"):
        export(tmp_path / "nothing", tmp_path / "x")
    tables = Tables(changeable)
    put(tables.gallery[-1], b"no image")
    tables.save()
    write_sums(changeable)
    with raises(UnreadableDatasetError, "formats.bad-image", image_id=tables.gallery[-1]["image_id"]):
        export(changeable, tmp_path / "x")
    tables.query[0]["fine"] = None
    tables.save()
    with raises(UnreadableDatasetError, "formats.missing-label", image_id=tables.query[0]["image_id"]):
        export(changeable, tmp_path / "x")
    (changeable / "data/query-00000-of-00001.parquet").unlink()
    with raises(UnreadableDatasetError, "dataset.missing-file", name="data/query-*.parquet"):
        export(changeable, tmp_path / "x")
    assert list((tmp_path / "x").iterdir()) == []


# What import checks of dmlkit.json and dmlkit.csv


def test_image_changed_after_export_is_refused(broken, tmp_path):
    # The middle and the coarse test set show the same file.
    path = broken / "bmk_fine/query/3.jpg"
    path.write_bytes(make_image(5000))
    (images_folder(broken, "train") / "4.jpg").unlink()
    for scale in ("middle", "coarse"):
        shutil.copy(path, broken / f"bmk_{scale}/query/3.jpg")
    result = imported(broken, tmp_path / "out")
    assert result.statuses == {"ok": 46, "changed": 1, "missing": 1}
    assert not result.complete
    assert {f.code for f in validate(tmp_path / "out")} <= {"E404", "E403"}


def edit_json(folder, change):
    facts = json.loads((folder / "dmlkit.json").read_text())
    change(facts)
    (folder / "dmlkit.json").write_text(json.dumps(facts))


UNUSABLE = "dyml.unusable-sidecar"


def edit_text(path, old, new, times=1):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, times))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda f: (f / "dmlkit.json").write_text('{"format": 1, "na'), UNUSABLE),
        (lambda f: edit_json(f, lambda facts: facts.update(format=9)), UNUSABLE),
        (lambda f: edit_json(f, lambda facts: facts.update(name="../x")), UNUSABLE),
        (lambda f: edit_json(f, lambda facts: facts.update(layout="other")), UNUSABLE),
        (lambda f: edit_json(f, lambda facts: facts["classes"].pop("fine")), UNUSABLE),
        (lambda f: edit_json(f, lambda facts: facts["classes"]["fine"].popitem()), UNUSABLE),
        (lambda f: edit_json(f, lambda facts: facts["hierarchy"].reverse()), UNUSABLE),
        (lambda f: edit_json(f, lambda facts: facts["hierarchy"][0].update(split="query")), UNUSABLE),
        (lambda f: edit_json(f, lambda facts: facts.update(layout="per-scale")), "dyml.lists-differ"),
        (lambda f: (f / "dmlkit.csv").unlink(), UNUSABLE),
        (lambda f: edit_text(f / "dmlkit.csv", '"author"', '"maker"'), UNUSABLE),
        (lambda f: edit_text(f / "dmlkit.csv", '"imagenet-21k/', '"elsewhere/'), UNUSABLE),
        (lambda f: edit_text(f / "dmlkit.csv", '"imagenet-21k/', '"imagenet-21k/<b>'), UNUSABLE),
        (lambda f: edit_text(f / "dmlkit.csv", '"train/imgs/1.jpg"', '"train/imgs/0.jpg"'), UNUSABLE),
        (lambda f: edit_text(f / "dmlkit.csv", '"train/imgs/1.jpg"', '"train/imgs/77.jpg"'), "dyml.lists-differ"),
        (lambda f: edit_text(f / "train/label.csv", "23.jpg,", "24.jpg,"), "dyml.lists-differ"),
        (lambda f: edit_text(f / "train/label.csv", "\n5.jpg, ", "\n5.jpg, 1"), "dyml.unknown-label"),
        (lambda f: edit_text(f / "bmk_middle/query.csv", "8.jpg", "9.jpg"), "dyml.tests-differ"),
    ],
)
def test_contradicting_export_is_refused(broken, tmp_path, change, code):
    change(broken)
    with raises(SourceError, code):
        imported(broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_label_outside_the_exported_tree_is_located(broken, tmp_path):
    path = broken / "train/label.csv"
    lines = path.read_text().split("\n")
    file, coarse, middle, fine = lines[3].split(", ")
    lines[3] = ", ".join([file, str(1 - int(coarse)), middle, fine])
    path.write_text("\n".join(lines))
    with raises(SourceError, "dyml.other-parent", line=4):
        imported(broken, tmp_path / "out")


def test_layout_must_fit_the_lists(good_folder, tmp_path):
    out = export(good_folder, tmp_path, all_in_one=True).out
    edit_json(out, lambda facts: facts.update(layout="per-scale"))
    with raises(SourceError, "dyml.unusable-sidecar", path=out / "dmlkit.json"):
        imported(out, tmp_path / "back")


def test_test_sets_that_came_apart_are_refused(broken, tmp_path):
    path = broken / "bmk_middle/query/3.jpg"
    path.unlink()
    path.write_bytes(make_image(5000))
    with raises(SourceError, "dyml.tests-differ", second=path):
        imported(broken, tmp_path / "out")


# The command


def test_the_command_exports_and_prints_one_object(good_folder, tmp_path):
    args = [str(good_folder), "--format", "dyml", "--out", str(tmp_path), "--json"]
    ran = CliRunner().invoke(export_command, args)
    assert ran.exit_code == 0, ran.output
    facts = json.loads(ran.stdout)
    assert facts["kept"] == 48
    assert facts["images"]["bmk_coarse/gallery"] == 15
    ran = CliRunner().invoke(export_command, args[:-1])
    assert "48 images as they are, 0 converted" in ran.stdout
    assert (
        sha256((tmp_path / "dyml_tiny/train/imgs/0.jpg").read_bytes())
        in (tmp_path / "dyml_tiny/dmlkit.csv").read_text()
    )
