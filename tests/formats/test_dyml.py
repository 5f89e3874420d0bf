"""`dmlkit import dyml` reads the official release as it is, and says what it finds wrong."""

import json
import os
import shutil

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from datasets import load_dataset

from dmlkit.cli.convert import import_
from dmlkit.dataset.validate import validate
from dmlkit.errors import OutputError, SourceError, UsageError
from dmlkit.formats.dyml import importer
from dmlkit.formats.dyml.importer import import_release
from dmlkit.formats.dyml.layout import find_releases, release_name
from dmlkit.formats.dyml.records import ImportOptions
from tests.support.dyml_release import (
    ANIMAL,
    IDS,
    PRODUCT,
    TRAIN,
    images_folder,
    imported,
    lines_of,
    list_file,
    rows_of,
    write_release,
)
from tests.support.errors import raises
from tests.support.faults import HIERARCHY, HTML, codes, edit_build, edit_rows, edit_yaml, write_sums
from tests.support.images import make_image
from tests.support.manifests import sums


def rejected(folder):
    rows = pq.read_table(folder / "rejected.parquet").to_pylist()
    return {row["image_id"]: row["status"] for row in rows}


@pytest.fixture
def release(tmp_path):
    return write_release(tmp_path / "dyml_animal")


@pytest.fixture(scope="session")
def animal(tmp_path_factory):
    """The import of a release without a fault: copy it before you change it."""
    where = tmp_path_factory.mktemp("animal")
    imported(write_release(where / "dyml_animal"), where / "out")
    return where / "out"


# What is read


def test_every_config_has_its_first_record(animal):
    train = load_dataset(str(animal))
    assert list(train) == ["train"]
    assert len(train["train"]) == len(ANIMAL["train"])
    for scale in ("fine", "middle", "coarse"):
        test = load_dataset(str(animal), f"test_{scale}")
        assert {side: len(test[side]) for side in test} == {
            side: len(ANIMAL[f"bmk_{scale}/{side}"]) for side in ("query", "gallery")
        }
        assert f"dyml-animal/bmk_{scale}/query/0" in test["query"]["image_id"]
        assert test["query"].features == train["train"].features
    assert len(load_dataset(str(animal), "hierarchy")["train"]) == 10


def test_bytes_and_labels_are_those_of_the_release(animal):
    features = load_dataset(str(animal))["train"].features
    rows = rows_of(animal, "data/train")
    for n, (seed, (coarse, middle, fine)) in enumerate(TRAIN):
        row = rows[f"dyml-animal/train/{n}"]
        assert row["image"]["bytes"] == make_image(seed)
        names = [features[scale].int2str(row[scale]) for scale in ("fine", "middle", "coarse")]
        assert names == [f"train fine {fine}", f"train middle {middle}", f"train coarse {coarse}"]


@pytest.mark.parametrize(
    "form",
    [
        {"after_header": "\n"},
        {"after_header": " \n\n"},
        {"newline": "\r\n"},
        {"after_header": "\n", "newline": "\r\n", "mark": b"\xef\xbb\xbf"},
        {"mark": b"\xef\xbb\xbf"},
        {"end": 0},
        {"end": 3},
    ],
)
def test_repaired_lists_give_the_same_bytes(tmp_path, animal, form):
    imported(write_release(tmp_path / "dyml_animal", **form), tmp_path / "out")
    assert sums(tmp_path / "out") == sums(animal)


def test_labels_go_by_header_name(tmp_path, animal):
    release = write_release(tmp_path / "dyml_animal")
    lines = [", ".join(map(str, (f"{n}.jpg", f, c, m))) for n, (_, (c, m, f)) in enumerate(TRAIN)]
    list_file(release, "train").write_text("fname, fine_id, coarse_id, middle_id" + "\n".join(lines))
    imported(release, tmp_path / "out")
    assert sums(tmp_path / "out") == sums(animal)


def test_the_layout_of_the_first_release_is_read(tmp_path):
    release = tmp_path / "DyML-animal"
    (release / "protocols").mkdir(parents=True)
    (release / "imgs" / "a").mkdir(parents=True)
    entries = []
    for n, (seed, labels) in enumerate(TRAIN):
        (release / "imgs" / "a" / f"{n}.jpg").write_bytes(make_image(seed))
        keys = ("coarse_g_label", "middle_g_label", "fine_g_label")
        entries.append({"path": f"a/{n}.jpg", **dict(zip(keys, labels, strict=True))})
    (release / "protocols" / "train.json").write_text(json.dumps(entries))
    result = imported(release, tmp_path / "out")
    assert result.images == {"train": len(TRAIN)}
    assert "dyml-animal/train/a/0" in rows_of(tmp_path / "out", "data/train")
    assert validate(tmp_path / "out") == []
    entries[3]["path"] = "../../secret.jpg"
    (release / "protocols" / "train.json").write_text(json.dumps(entries))
    with raises(SourceError, "dyml.bad-lines", path=release / "protocols" / "train.json", lines=[4]):
        imported(release, tmp_path / "other")


def test_releases_are_found_below_a_folder(tmp_path):
    for name in ("dyml_vehicle", "DyML-animal"):
        write_release(tmp_path / name, {"train": TRAIN})
    (tmp_path / "notes").mkdir()
    assert [path.name for path in find_releases(tmp_path)] == ["DyML-animal", "dyml_vehicle"]
    assert [release_name(path) for path in find_releases(tmp_path)] == ["dyml-animal", "dyml-vehicle"]
    assert find_releases(tmp_path / "dyml_vehicle") == [tmp_path / "dyml_vehicle"]
    with raises(SourceError, "dyml.no-release", path=tmp_path / "notes"):
        find_releases(tmp_path / "notes")
    with raises(SourceError, "dyml.unreadable", path=tmp_path / "nothing"):
        find_releases(tmp_path / "nothing")


def test_product_test_set_is_stored_once(tmp_path):
    result = imported(write_release(tmp_path / "dyml_product", PRODUCT), tmp_path / "out")
    test = load_dataset(str(tmp_path / "out"))
    assert list(test) == ["train", "query", "gallery"]
    assert test["query"]["image_id"][:] == test["gallery"]["image_id"][:]
    assert all(row[scale] is not None for row in test["query"].remove_columns("image") for scale in ("fine", "coarse"))
    assert len(list((tmp_path / "out" / "data").iterdir())) == 2
    assert result.images == {"train": 16, "query": 6, "gallery": 6}
    assert validate(tmp_path / "out") == []


# Labels


def test_train_and_test_classes_are_disjoint(tmp_path):
    same = {"train": TRAIN, "mini-bmk_all_in_one": [(90 + n, labels) for n, (_, labels) in enumerate(TRAIN)]}
    imported(write_release(tmp_path / "dyml_product", same), tmp_path / "out")
    sides = [rows_of(tmp_path / "out", stem).values() for stem in ("data/train", "data/test")]
    for scale in ("fine", "middle", "coarse"):
        train, test = ({row[scale] for row in side} for side in sides)
        assert not train & test
        # The order of the integers stays that of the release, so that they can be told apart and mapped back.
        of_train = {row[scale]: int(row["upstream_label"].split("/")[-1 - ("fine", "middle", "coarse").index(scale)])
                    for row in sides[0]}  # fmt: skip
        assert [of_train[label] for label in sorted(train)] == sorted(of_train.values())
    split = {row["fine"]: row["split"] for row in load_dataset(str(tmp_path / "out"), "hierarchy")["train"]}
    assert split["test fine 100"] == "test"
    assert split["train fine 100"] == "train"


def test_labels_are_filled_from_same_bytes(animal):
    features = load_dataset(str(animal))["train"].features

    def labels(image_id):
        row = rows_of(animal, "test_" + image_id.split("/")[0].removeprefix("bmk_") + "/" + image_id.split("/")[1])
        row = row[f"dyml-animal/{image_id}"]
        return [row[s] if row[s] is None else features[s].int2str(row[s]) for s in ("fine", "middle", "coarse")]

    assert labels("bmk_fine/query/0") == ["test fine 7", "test middle 3", "test coarse 0"]
    assert labels("bmk_coarse/query/0") == ["test fine 7", "test middle 3", "test coarse 0"]
    assert labels("bmk_middle/gallery/0") == ["test fine 8", "test middle 4", None]
    assert labels("bmk_middle/query/1") == [None, "test middle 4", None]
    # It stands in train too, but what train calls it may be another thing.
    assert labels("bmk_coarse/gallery/2") == [None, None, "test coarse 1"]
    release = json.loads((animal / "build.json").read_text())["release"]
    assert release["filled"] == {"fine": 4, "middle": 3, "coarse": 3}
    assert release["recurring"]["in train and test"] == 1
    assert release["recurring"]["in several test sets"] == 3


def test_contradicting_labels_fill_nothing(tmp_path):
    lists = ANIMAL | {"bmk_fine/gallery": [(50, (8,)), (53, (8,)), (54, (7,))]}
    result = imported(write_release(tmp_path / "dyml_animal", lists), tmp_path / "out")
    assert rows_of(tmp_path / "out", "test_middle/query")["dyml-animal/bmk_middle/query/0"]["fine"] is None
    assert len(result.contradictions) == 1
    assert "bmk_fine/gallery/0 is test-fine-008" in result.contradictions[0]
    assert "bmk_fine/query/0 is test-fine-007" in result.contradictions[0]
    assert result.recurring["in query and gallery of one scale"] == 1
    card = (tmp_path / "out" / "README.md").read_text()
    assert "nothing was filled: 1" in card


def test_class_with_two_parents_has_none(tmp_path):
    lists = ANIMAL | {"train": [*TRAIN, (40, (0, 11, 100))]}
    result = imported(write_release(tmp_path / "dyml_animal", lists), tmp_path / "out")
    tree = {row["fine"]: row for row in load_dataset(str(tmp_path / "out"), "hierarchy")["train"]}
    assert tree["train fine 100"]["middle"] is None
    assert tree["train fine 101"]["middle"] == "train middle 11"
    assert "train-fine-100 has images of train-middle-10, train-middle-11" in result.notes
    assert codes(tmp_path / "out") == {"W505"}


# Bad input


def replace_line(release, name, number, text):
    lines = list_file(release, name).read_text().split("\n")
    lines[number - 1] = text
    list_file(release, name).write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        ("train", 5, "4.jpg, 0, 10"),
        ("train", 5, "4.jpg, 0, 10, a7"),
        ("train", 5, "4.jpg, 0, 10, -7"),
        ("train", 5, "4.jpg, 0, 10, 7.0"),
        ("train", 5, "../4.jpg, 0, 10, 7"),
        ("train", 5, "a\x1b[2J4.jpg, 0, 10, 7"),
        ("train", 1, "file, coarse, middle, fine"),
        ("train", 1, "fname, fine_id, fine_id, fine_id0.jpg, 1, 2, 3"),
        ("bmk_fine/query", 2, "1.jpg, 3, 4"),
        ("bmk_fine/query", 1, "0.jpg, 3"),
    ],
)
def test_unreadable_line_is_located(release, tmp_path, name, number, text):
    replace_line(release, name, number, text)
    with raises(SourceError, "dyml.bad-lines", path=list_file(release, name), lines=[number]) as error:
        imported(release, tmp_path / "out")
    assert "\x1b" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "dyml.bad-lines"),
        (IDS.encode(), "dyml.empty-list"),
        ("名".encode("gb18030"), "dyml.encoding"),
        (b"\xff\xfe", "dyml.encoding"),
    ],
)
def test_empty_or_badly_encoded_list_is_refused(release, tmp_path, data, code):
    list_file(release, "train").write_bytes(data)
    with raises(SourceError, code, path=list_file(release, "train")):
        imported(release, tmp_path / "out")


@pytest.mark.parametrize(
    "text", ['[{"path": "0.jpg", "fine_g', "{}", '[{"path": "0.jpg", "fine_g_label": "x"}]', "[17]", "[" * 9999, "[]"]
)
def test_broken_older_list_is_refused(tmp_path, text):
    release = tmp_path / "dyml_animal"
    (release / "protocols").mkdir(parents=True)
    (release / "imgs").mkdir()
    (release / "protocols" / "train.json").write_text(text)
    with pytest.raises(SourceError) as error:
        imported(release, tmp_path / "out")
    assert error.value.facts["path"] == release / "protocols" / "train.json"


@pytest.mark.parametrize("gone", ["bmk_middle", "bmk_fine/gallery", "bmk_coarse/query.csv", "train/imgs", "train"])
def test_half_unpacked_release_names_what_is_missing(release, tmp_path, gone):
    path = release / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with raises(SourceError, "dyml.incomplete", path=release) as error:
        imported(release, tmp_path / "out")
    assert any(name.startswith(gone) for name in error.value.facts["missing"])


def test_release_needs_one_kind_of_test_set(tmp_path):
    train = write_release(tmp_path / "dyml_animal", {"train": TRAIN})
    with raises(SourceError, "dyml.incomplete", path=train):
        imported(train, tmp_path / "out")
    both = write_release(tmp_path / "dyml_both", ANIMAL | PRODUCT)
    with raises(SourceError, "dyml.two-tests", path=both):
        imported(both, tmp_path / "out")


def test_unusable_images_get_statuses_that_add_up(release, tmp_path):
    imgs = images_folder(release, "train")
    (imgs / "1.jpg").unlink()
    (imgs / "2.jpg").write_bytes(HTML)
    (imgs / "3.jpg").write_bytes(make_image(3)[:-200])
    (imgs / "4.jpg").write_bytes(b"")
    (imgs / "5.jpg").unlink()
    (release / "secret.jpg").write_bytes(make_image(5))
    (imgs / "5.jpg").symlink_to(release / "secret.jpg")
    (imgs / "6.jpg").unlink()
    os.mkfifo(imgs / "6.jpg")
    (imgs / "99.jpg").write_bytes(make_image(99))
    (imgs / "odd\x1b name.txt").write_bytes(b"x")
    (imgs / ".DS_Store").write_bytes(b"x")
    lines = lines_of(TRAIN)
    del lines[7]
    lines += [lines[9], "9.jpg, 1, 11, 999"]
    list_file(release, "train").write_text(IDS + "\n".join(lines))
    result = imported(release, tmp_path / "out")
    assert {i.removeprefix("dyml-animal/train/"): v for i, v in rejected(tmp_path / "out").items()} == {
        "1": "missing",
        "2": "html-page",
        "3": "truncated",
        "4": "empty",
        "5": "unsafe-member",
        "6": "unsafe-member",
        "7.jpg": "unlabelled",
        "9": "conflicting-duplicate",
        "99.jpg": "unlabelled",
        "odd\\x1b name.txt": "unlabelled",
        "10": "repeated-id",
    }
    of_tests = sum(len(entries) for name, entries in ANIMAL.items() if name != "train")
    assert sum(result.statuses.values()) == len(lines) + of_tests + 3  # and three files that no list names
    assert any("leaves out 1 numbers, the first 7" in note for note in result.notes)
    assert not result.complete
    assert codes(tmp_path / "out") <= {"W503", "W505"}


def test_release_without_good_training_image_fails(release, tmp_path):
    for path in images_folder(release, "train").iterdir():
        path.unlink()
    with raises(SourceError, "dyml.no-good-image", path=release):
        imported(release, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# The folder


def test_import_gives_same_bytes_with_any_workers(release, tmp_path, animal, monkeypatch):
    monkeypatch.setattr(importer, "IMAGES_PER_CHUNK", 5)
    monkeypatch.setattr("dmlkit.dataset.shards.WORTH_WORKERS_BYTES", 0)
    import_release(release, ImportOptions(tmp_path / "out", jobs=2))
    assert sums(tmp_path / "out") == sums(animal)


def test_import_replaces_only_its_own_folder(release, tmp_path):
    imported(release, tmp_path / "out")
    imported(release, tmp_path / "out")
    other = write_release(tmp_path / "dyml_vehicle")
    with raises(OutputError, "output.other-owner", path=tmp_path / "out"):
        imported(other, tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with raises(OutputError, "output.not-ours", path=tmp_path / "mine"):
        imported(release, tmp_path / "mine")
    for place in (release, release / "out", tmp_path):
        with raises(UsageError, "dyml.nested-folders", path=place):
            imported(release, place)


def test_failed_import_keeps_the_earlier_folder(release, tmp_path, monkeypatch):
    imported(release, tmp_path / "out")
    before = sums(tmp_path / "out")
    data = (images_folder(release, "train") / "0.jpg").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dmlkit.dataset.finish.write_figure", full)
        with pytest.raises(OutputError):
            imported(release, tmp_path / "out")
    judged = importer.check_images

    def changed_meanwhile(*args):
        rows = judged(*args)
        (images_folder(release, "train") / "0.jpg").write_bytes(data + b"x")
        return rows

    monkeypatch.setattr(importer, "check_images", changed_meanwhile)
    with raises(SourceError, "dyml.changed", path=images_folder(release, "train") / "0.jpg"):
        imported(release, tmp_path / "out")
    assert sums(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dyml_animal", "out"]


def test_imported_release_is_valid_but_for_its_repeats(animal):
    (finding,) = validate(animal)
    assert finding.code == "W505"
    assert "dyml-animal/bmk_coarse/gallery/2, dyml-animal/train/0" in finding.message


def unname(fields):
    fields["configs"] = [config for config in fields["configs"] if config["config_name"] != "test_fine"]


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (lambda f: (f / "test_fine/query-00000-of-00001.parquet").unlink(), {"E101"}),
        (lambda f: shutil.copy(f / "test_fine/query-00000-of-00001.parquet", f / "test_fine/more.parquet"), {"E107"}),
        (lambda f: edit_build(f, lambda facts: facts.update(layout="other")), {"E104"}),
        (lambda f: edit_build(f, lambda facts: facts["images"].pop("test_fine/query")), {"E104"}),
        (lambda f: edit_build(f, lambda facts: facts["images"].update({"test_fine/query": 9})), {"E204"}),
        (lambda f: edit_build(f, lambda facts: facts["release"].pop("unplaced")), {"E301"}),
        (lambda f: edit_rows(f / "test_fine/query-00000-of-00001.parquet", lambda r: r[0].update(fine=None)), {"E205"}),
        (lambda f: edit_rows(f / "data/train-00000-of-00001.parquet", lambda r: r[0].update(coarse=None)), {"E205"}),
        (lambda f: edit_rows(f / "test_fine/query-00000-of-00001.parquet", lambda r: r[0].update(width=1)), {"E106"}),
        (lambda f: edit_rows(f / HIERARCHY, lambda r: r[-1].update(coarse=None)), {"E205"}),
        (lambda f: edit_rows(f / HIERARCHY, lambda r: r[-1].update(train=9)), {"E304"}),
        (lambda f: edit_yaml(f, unname), {"E203"}),
    ],
)  # fmt: skip
def test_a_planted_fault_of_an_import_is_found(animal, tmp_path, plant, expected):
    folder = shutil.copytree(animal, tmp_path / "folder")
    plant(folder)
    write_sums(folder)
    assert codes(folder) - {"W505"} == expected


# The command


def run(*args):
    return CliRunner().invoke(import_, ["dyml", *map(str, args)])


def test_command_imports_every_release_of_a_folder(tmp_path):
    write_release(tmp_path / "in" / "dyml_animal")
    write_release(tmp_path / "in" / "dyml_product", PRODUCT)
    ran = run(tmp_path / "in", "--out", tmp_path / "out", "--json", "--jobs", 1)
    assert ran.exit_code == 0, ran.output
    facts = json.loads(ran.stdout)["imported"]
    assert [of["name"] for of in facts] == ["dyml-animal", "dyml-product"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dyml-animal", "dyml-product"]
    assert facts[0]["filled"] == {"fine": 4, "middle": 3, "coarse": 3}


def test_command_fails_on_missing_images(release, tmp_path):
    (images_folder(release, "train") / "1.jpg").unlink()
    ran = CliRunner().invoke(import_, ["dyml", str(release), "--out", str(tmp_path / "out")], standalone_mode=False)
    assert ran.return_value == 3
    assert "30 of 31 images" in ran.stdout
    assert "missing" in ran.stdout
    assert "--allow-partial" in ran.stderr
    allowed = ["dyml", str(release), "--out", str(tmp_path / "out"), "--allow-partial", "--quiet"]
    assert CliRunner().invoke(import_, allowed, standalone_mode=False).return_value == 0
