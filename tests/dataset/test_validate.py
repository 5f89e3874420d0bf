"""Every fault of the files of a dataset folder is found, named by its code, and never ends in a traceback."""

import io
import json
import os
import random
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dmlkit.dataset import checks
from dmlkit.dataset import validate as validate_module
from dmlkit.dataset.checks.codes import CODES
from dmlkit.dataset.validate import validate
from dmlkit.errors import UnreadableDatasetError
from tests.dataset import test_checks
from tests.support.faults import (
    GALLERY,
    HIERARCHY,
    HTML,
    QUERY,
    TRAIN,
    Planted,
    Tables,
    codes,
    edit_build,
    edit_rows,
    put,
    reject,
    sha256,
    write_sums,
)
from tests.support.images import make_image
from tests.support.manifests import CLASSES, build_folder

planted = Planted()


def test_good_folder_has_no_finding(good_folder):
    assert validate(good_folder) == []


def test_saved_tables_have_no_finding(changeable):
    Tables(changeable).save()
    write_sums(changeable)
    assert validate(changeable) == []


# Files and sums


for missing in ("README.md", "rejected.parquet", "figure.jpg", "CITATION.bib", HIERARCHY, TRAIN, QUERY, GALLERY):

    @planted.in_files("E101")
    def a_file_is_deleted(folder, missing=missing):
        (folder / missing).unlink()


@planted.in_files("E101", new_sums=False)
def sha256sums_is_deleted(folder):
    (folder / "SHA256SUMS").unlink()


@planted.in_files("E101")
def build_json_is_deleted(folder):
    (folder / "build.json").unlink()


@planted.in_files("E101")
def the_first_of_two_shards_is_deleted(folder):
    (folder / TRAIN).rename(folder / "data/train-00001-of-00002.parquet")


@planted.in_files("E101")
def a_shard_of_an_earlier_build_was_left(folder):
    shutil.copy(folder / TRAIN, folder / "data/train-00001-of-00002.parquet")
    edit_rows(folder / "data/train-00001-of-00002.parquet", lambda rows: rows.clear())


@planted.in_files("E101", "E107")
def the_hierarchy_is_in_two_shards(folder):
    shutil.copy(folder / HIERARCHY, folder / "hierarchy/train-00001-of-00002.parquet")
    (folder / HIERARCHY).rename(folder / "hierarchy/train-00000-of-00002.parquet")


@planted.in_files("E101", "E103", new_sums=False)
def a_listed_file_is_lost_and_another_changed(folder):
    with (folder / "SHA256SUMS").open("a") as file:
        file.write(f"{'0' * 64}  ATTRIBUTION.csv\n")
    (folder / "README.md").write_bytes((folder / "README.md").read_bytes() + b"\n")


@planted.in_files("E101", new_sums=False)
def sha256sums_names_files_outside(folder):
    (folder.parent / "outside").write_bytes(b"secret")
    digest = sha256(b"secret")
    with (folder / "SHA256SUMS").open("a") as file:
        file.write(f"{digest}  ../outside\n{digest}  {folder.parent}/outside\n")


for text in (b"no sums here\n", b"\xff\xfe\x00", b"one-word\n"):

    @planted.in_files("E101", new_sums=False)
    def sha256sums_is_no_list_of_sums(folder, text=text):
        (folder / "SHA256SUMS").write_bytes(text)


@planted.in_files("E102", new_sums=False)
def a_file_is_added(folder):
    (folder / "notes.txt").write_text("to do")


@planted.in_files("E102", "E107", new_sums=False)
def a_shard_is_added_to_no_split(folder):
    shutil.copy(folder / TRAIN, folder / "data/validation-00000-of-00001.parquet")


@planted.in_files("E103", "E105", new_sums=False)
def a_byte_of_a_image_is_flipped(folder):
    flip_in_image(folder)


@planted.in_files("E105")
def a_byte_of_a_image_is_flipped_and_the_sums_written_anew(folder):
    flip_in_image(folder)


def flip_in_image(folder):
    first = pq.read_table(folder / TRAIN)["image"][0].as_py()["bytes"]
    data = bytearray((folder / TRAIN).read_bytes())
    data[data.index(first) + len(first) // 2] ^= 1
    (folder / TRAIN).write_bytes(data)


@planted.in_files("E107")
def a_link_to_a_file_outside_is_added(folder):
    (folder.parent / "outside").write_bytes(b"secret")
    (folder / "notes.txt").symlink_to(folder.parent / "outside")


@planted.in_files("E101", "E107")
def a_shard_is_a_link_to_another_place(folder):
    shutil.move(folder / TRAIN, folder.parent / "outside.parquet")
    (folder / TRAIN).symlink_to(folder.parent / "outside.parquet")


@planted.in_files("E101", "E107")
def data_is_a_link_to_another_place(folder):
    shutil.move(folder / "data", folder.parent / "data")
    (folder / "data").symlink_to(folder.parent / "data")


@planted.in_files("E107")
def a_link_leads_round_in_a_circle(folder):
    (folder / "data/again").symlink_to(folder)


@planted.in_files("E107", new_sums=False)
def a_pipe_stands_among_the_shards(folder):
    os.mkfifo(folder / "data/train-00001-of-00002.parquet")


@planted.in_files("E101")
def a_folder_stands_where_the_card_must_be(folder):
    (folder / "README.md").unlink()
    (folder / "README.md").mkdir()


# build.json

for text in (
    b"",
    b'{"format": 1, "pict',
    b"[]",
    b"17",
    b'"format"',
    b'{"format": 1}',
    b"\xff\xfe{}",
    b"[" * 100_000,
    b'{"format": 1, "images": ' + b"9" * 5000 + b"}",
):

    @planted.in_files("E104")
    def build_json_is_not_what_dmlkit_writes(folder, text=text):
        (folder / "build.json").write_bytes(text)


for change in (
    lambda facts: facts.update(format=0),
    lambda facts: facts.update(format=None),
    lambda facts: facts.update(images=[24, 9, 15]),
    lambda facts: facts["images"].update(train="24"),
    lambda facts: facts["images"].pop("query"),
    lambda facts: facts.update(statuses=None),
    lambda facts: facts["statuses"].update(ok=None),
    lambda facts: facts.update(coverage={}),
    lambda facts: facts["coverage"]["fine"].update(floor=float("nan")),
    lambda facts: facts["coverage"]["fine"].update(found=True),
    lambda facts: facts.update(manifest="animal"),
    lambda facts: facts["source"].update(name=["imagenet-21k"]),
):

    @planted.in_files("E104")
    def a_value_of_build_json_is_of_another_kind(folder, change=change):
        edit_build(folder, change)


# Images


@planted.in_rows("E105")
def a_image_is_missing(tables):
    tables.train[3]["image"] = None


@planted.in_rows("E105")
def a_image_is_empty(tables):
    tables.train[3]["image"]["bytes"] = b""


@planted.in_rows("E106")
def a_image_is_cut_off(tables):
    put(tables.train[3], tables.train[3]["image"]["bytes"][:-100])


@planted.in_rows("E106")
def a_image_is_a_web_page(tables):
    put(tables.query[0], HTML)


@planted.in_rows("E106")
def a_image_has_another_size_than_its_row(tables):
    tables.gallery[0]["width"] += 1


@planted.in_rows("E106")
def a_image_lies_on_its_side(tables):
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.open(io.BytesIO(make_image(99, 40, 48))).save(out, "JPEG", exif=exif)
    put(tables.train[0], out.getvalue(), width=48, height=40)


@planted.in_files("E106")
def the_figure_is_a_web_page(folder):
    (folder / "figure.jpg").write_bytes(HTML)


# Parquet files


for name in (TRAIN, HIERARCHY, "rejected.parquet"):

    @planted.in_files("E201")
    def a_parquet_file_is_a_web_page(folder, name=name):
        (folder / name).write_bytes(HTML)

    @planted.in_files("E201")
    def a_parquet_file_is_empty(folder, name=name):
        (folder / name).write_bytes(b"")

    @planted.in_files("E201")
    def a_parquet_file_is_cut_off(folder, name=name):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])


def overwrite_column(path, number):
    column = pq.read_metadata(path).row_group(0).column(number)
    data = bytearray(path.read_bytes())
    start = column.data_page_offset + 20
    data[start : start + 60] = b"\xaa" * 60
    path.write_bytes(data)


@planted.in_files("E201")
def a_column_of_a_shard_is_overwritten(folder):
    overwrite_column(folder / TRAIN, 2)


@planted.in_files("E201")
def the_rejected_ids_are_overwritten(folder):
    tables = Tables(folder)
    tables.rejected = [reject(f"imagenet-21k/lost_{i}", "n01110001", "truncated") for i in range(100)]
    tables.save()
    overwrite_column(folder / "rejected.parquet", 0)


@planted.in_files("E201")
def a_text_is_no_utf8(folder):
    table = pq.read_table(folder / TRAIN)
    wrong = pa.array([b"\xff\xfe"] * len(table)).view(pa.string())
    at = table.column_names.index("author")
    pq.write_table(table.set_column(at, table.schema.field("author"), wrong), folder / TRAIN)


def change_table(path, change):
    pq.write_table(change(pq.read_table(path)), path)


@planted.in_files("E202")
def a_column_is_missing(folder):
    change_table(folder / TRAIN, lambda table: table.drop_columns(["author"]))


@planted.in_files("E202")
def a_column_is_added(folder):
    change_table(folder / QUERY, lambda table: table.append_column("split", pa.array(["query"] * len(table))))


@planted.in_files("E202")
def labels_are_texts(folder):
    change_table(folder / TRAIN, lambda t: t.set_column(2, "fine", t["fine"].cast(pa.string())))


for metadata in (
    None,
    {b"huggingface": b"{"},
    {b"huggingface": b"[]"},
    {b"huggingface": b'{"info": {"features": {"fine": {"names": ["a", "a"]}}}}'},
):

    @planted.in_files("E202")
    def the_features_are_missing(folder, metadata=metadata):
        change_table(folder / TRAIN, lambda table: table.replace_schema_metadata(metadata))


def change_features(path, change):
    def with_features(table):
        facts = json.loads(table.schema.metadata[b"huggingface"])
        change(facts["info"]["features"])
        return table.replace_schema_metadata({b"huggingface": json.dumps(facts)})

    change_table(path, with_features)


@planted.in_files("E202")
def the_class_names_of_one_file_differ(folder):
    change_features(folder / GALLERY, lambda features: features["fine"]["names"].reverse())


@planted.in_files("E202")
def the_images_are_no_images_to_datasets(folder):
    change_features(folder / TRAIN, lambda features: features.update(image={"dtype": "binary", "_type": "Value"}))


@planted.in_files("E202")
def a_column_of_the_hierarchy_has_another_name(folder):
    change_table(folder / HIERARCHY, lambda t: t.rename_columns(["id", *t.column_names[1:]]))


@planted.in_files("E202")
def a_column_of_the_hierarchy_has_another_type(folder):
    change_table(folder / HIERARCHY, lambda t: t.set_column(2, "fine_label", t["fine_label"].cast(pa.string())))


@planted.in_files("E202")
def rejected_has_other_columns(folder):
    change_table(folder / "rejected.parquet", lambda table: table.drop_columns(["detail"]))


@pytest.mark.parametrize(("plant", "expected"), planted.params)
def test_planted_fault_is_found_alone(changeable, plant, expected):
    plant(changeable)
    assert codes(changeable) == expected


def test_codes_are_those_of_their_modules():
    for module in {code.module for code in CODES}:
        text = Path(checks.__path__[0], f"{module}.py").read_text(encoding="utf-8")
        text += Path(validate_module.__file__).read_text(encoding="utf-8") if module == "tables" else ""
        expected = {code.code for code in CODES if code.module == module}
        assert expected <= set(re.findall(r'"([EW]\d{3})"', text))


def test_codes_are_sorted_and_each_is_planted():
    codes_in_table = [code.code for code in CODES]
    params = planted.params + test_checks.planted.params
    assert codes_in_table == sorted(set(codes_in_table))
    assert set().union(*(param.values[1] for param in params)) == set(codes_in_table)
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(checks.__path__[0]).glob("*.py"))
    sources += Path(validate_module.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r'"([EW]\d{3})"', sources)) == set(codes_in_table)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (Path.mkdir, "dataset.not-a-dataset"),
        (lambda path: path.write_bytes(b"x"), "dataset.not-a-folder"),
        (lambda path: None, "dataset.not-a-folder"),
    ],
)
def test_other_places_are_refused(tmp_path, make, code):
    make(tmp_path / "out")
    with pytest.raises(UnreadableDatasetError) as error:
        validate(tmp_path / "out")
    assert (error.value.code, error.value.facts["path"]) == (code, tmp_path / "out")


def test_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UnreadableDatasetError) as error:
        validate(tmp_path)
    assert error.value.code == "dataset.not-a-dataset"


def test_hidden_files_are_no_fault(changeable):
    (changeable / ".gitattributes").write_text("*.parquet filter=lfs\n")
    (changeable / ".git").mkdir()
    (changeable / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (changeable / "data/.DS_Store").write_bytes(b"\0")
    assert validate(changeable) == []


def test_classes_without_images_are_a_warning(tmp_path):
    for split in ("train", "test"):
        classes = [c for c in CLASSES if c.split == split]
        folder = build_folder(tmp_path / split, sources=classes)
        findings = validate(folder)
        assert {f.code for f in findings} == {"W503"}
        assert "4 of 8 fine classes have images" in {f.message for f in findings}


def test_shards_and_workers_find_the_same(good_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("dmlkit.dataset.shards.SHARD_BYTES", 5_000)
    monkeypatch.setattr("dmlkit.dataset.validate.MIN_BYTES_FOR_WORKERS", 0)
    folder = build_folder(tmp_path)
    assert len(list((folder / "data").glob("train-*.parquet"))) > 3
    assert validate(folder, jobs=2) == []
    last = sorted((folder / "data").glob("train-*.parquet"))[-1]
    edit_rows(last, lambda rows: rows[0].update(height=7))
    write_sums(folder)
    told = []
    (finding,) = validate(folder, lambda *progress: told.append(progress), jobs=2)
    assert (finding.code, finding.where) == ("E106", f"data/{last.name}")
    assert len(told) == told[-1][1] == told[-1][2] == len(list((folder / "data").iterdir()))


def test_many_faults_are_one_finding(changeable):
    edit_rows(changeable / TRAIN, lambda rows: [row.update(width=7) for row in rows])
    write_sums(changeable)
    (finding,) = validate(changeable)
    assert "and 19 more" in finding.message


def test_leak_is_found_without_card_and_sums(changeable):
    tables = Tables(changeable)
    put(tables.gallery[0], tables.train[0]["image"]["bytes"])
    tables.save()
    for name in ("README.md", "figure.jpg", "SHA256SUMS"):
        (changeable / name).unlink()
    assert codes(changeable) == {"E101", "E405"}


def test_finding_cannot_steer_the_terminal(changeable):
    name = "imagenet-21k/\x1b]0;owned\x07\n\u202e" + "x" * 10_000
    edit_rows(changeable / TRAIN, lambda rows: rows[0].update(width=7, image_id=name))
    (changeable / "data/\x1b[2J.parquet").write_bytes(b"")
    os.close(os.open(os.fsencode(changeable) + b"/data/\xff.parquet", os.O_CREAT))
    findings = validate(changeable)
    assert {"E106", "E107"} <= {f.code for f in findings}
    for finding in findings:
        assert f"{finding.where}{finding.message}".isprintable()
        assert len(finding.message) < 600
        json.dumps(vars(finding), ensure_ascii=False).encode()


def test_damage_is_found_without_a_traceback(good_folder, tmp_path):
    names = sorted(p.relative_to(good_folder).as_posix() for p in good_folder.rglob("*") if p.is_file())
    for seed in range(12):
        chance = random.Random(seed)
        folder = Path(shutil.copytree(good_folder, tmp_path / str(seed)))
        path = folder / chance.choice([name for name in names if name not in ("build.json", "SHA256SUMS")])
        data = bytearray(path.read_bytes())
        start = chance.randrange(len(data))
        end = start + chance.choice((1, 8, 200, len(data)))
        data[start:end] = chance.choice((b"", chance.randbytes(len(data[start:end])), b"\0" * len(data[start:end])))
        if data == path.read_bytes():
            continue
        path.write_bytes(data)
        assert codes(folder) & {"E103", "E201"}, seed
        write_sums(folder)
        validate(folder, jobs=1)
