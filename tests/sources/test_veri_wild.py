"""VERI-Wild: both releases, the rules for vehicles whose rows disagree, and what is missing or damaged."""

import json
import sys

import pandas as pd
import pytest

from dmlkit.cli import main
from dmlkit.dataset.validate import validate
from dmlkit.errors import SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources import veri_wild as module
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy.manifest import load_manifest
from tests.support import vehicle_archives as made
from tests.support.manifests import sums
from tests.support.vehicle_archives import VEHICLES, edit, info_rows, read, reasons, request, veri_wild, zipped

INFO = "train_test_split/vehicle_info.txt"


def first_release(root):
    return veri_wild(root / "VERI-Wild")


def second_release(root):
    return veri_wild(root / "VERI-Wild", release="second")


def lists_beside_the_images(root):
    folder = veri_wild(root / "VERI-Wild")
    for file in (folder / "train_test_split").iterdir():
        file.rename(folder / file.name)
    return folder


def a_folder_that_holds_the_folder(root):
    (root / "AAA" / "images").mkdir(parents=True)  # of something else
    return first_release(root).parent


def a_zip_file(root):
    return zipped(root / "my.zip", veri_wild(root / "unpacked"), "VERI-Wild/")


LAYOUTS = [first_release, second_release, lists_beside_the_images, a_folder_that_holds_the_folder, a_zip_file]


def classes(path):
    return load_source("veri-wild").classes(request(path))


def classes_with(tmp_path, rows):
    return classes(veri_wild(tmp_path / "VERI-Wild", rows))


def row(vehicle, image, model, kind):
    return f"{vehicle:05d}/{image:06d};7;2018-03-01;{model};{kind};red"


def one_vehicle(*models_and_types, vehicle=900):
    """Rows of one more vehicle, beside the usual ones."""
    return info_rows() + [row(vehicle, 9000 + n, *its) for n, its in enumerate(models_and_types)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    where = tmp_path_factory.mktemp("built")
    folder = veri_wild(where / "VERI-Wild")
    return build(load_manifest("vehicle"), BuildOptions("veri-wild", where / "out", folder, jobs=1))


# ---- the two releases


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images_and_classes(layout, tmp_path):
    path = layout(tmp_path)
    found = read("veri-wild", path)
    assert found == {i.replace("/", "_"): (f"veri-wild-{i[:5]}", None) for i in made.ids_of(info_rows())}
    assert classes(path).classes == classes(first_release(tmp_path / "other")).classes


def test_the_releases_are_told_apart_by_their_lists(tmp_path):
    for release in ("first", "second"):
        path = veri_wild(tmp_path / release, release=release)
        assert module.find_release(load_source("veri-wild").open_tree(path))[0] == release
        assert any(f"{release} release" in note for note in classes(path).notes)


@pytest.mark.parametrize(("release", "header"), [("first", False), ("second", True)])
def test_the_line_of_names_is_told_by_its_form_and_not_by_the_release(release, header, tmp_path):
    path = veri_wild(tmp_path / "v", release=release, header=header)
    assert len(read("veri-wild", path)) == len(info_rows())
    assert len(classes(path).classes) == len(VEHICLES)


def test_the_order_of_rows_changes_nothing(tmp_path):
    path = veri_wild(tmp_path / "VERI-Wild")
    before, units = classes(path), load_source("veri-wild").plan(request(path))
    edit(path / INFO, lambda text: "\n".join([made.HEADER, *reversed(text.splitlines()[1:])]))
    assert {c.fine_id: c for c in classes(path).classes} == {c.fine_id: c for c in before.classes}
    assert load_source("veri-wild").plan(request(path)) == units


# ---- what is built


def test_a_build_is_valid_and_takes_every_image(built):
    assert built.statuses == {"ok": len(info_rows())}
    assert {scale: c.num_classes for scale, c in built.coverage.items()} == {"fine": 36, "middle": 18, "coarse": 6}
    assert validate(built.out) == []


def test_buses_are_only_in_the_test_and_every_other_coarse_class_is_on_both_sides(built):
    tree = pd.concat(map(pd.read_parquet, (built.out / "hierarchy").glob("*.parquet")))
    sides = tree.groupby("coarse")["split"].agg(set).to_dict()
    assert sides == {
        "bus": {"test"},
        **{name: {"train", "test"} for name in ("sedan", "SUV", "van", "truck", "pickup")},
    }
    assert tree.groupby("middle")["split"].nunique().max() == 1


def test_another_build_of_a_moved_copy_gives_the_same_bytes(built, tmp_path):
    copy = veri_wild(tmp_path / "elsewhere", release="second")
    again = build(load_manifest("vehicle"), BuildOptions("veri-wild", tmp_path / "out", copy, jobs=1))
    assert sums(again.out) == sums(built.out)


def test_build_json_has_the_notes_and_no_path_of_this_machine(built):
    text = (built.out / "build.json").read_text()
    assert list(built.notes) == json.loads(text)["notes"]
    assert str(built.out.parent) not in text


def test_the_command_line_builds_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys,
        "argv",
        ["dmlkit", "build", "vehicle", "--source", "veri-wild", "--from", str(first_release(tmp_path)), "--out",
         str(tmp_path / "out"), "--jobs", "1", "--json"],
    )  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out)["statuses"] == {"ok": len(info_rows())}


# ---- the rules for types and models


def test_a_type_with_a_leading_blank_is_the_same_type(tmp_path):
    found = classes_with(tmp_path, one_vehicle(("Make 3 A", "small-sized truck")))
    trucks = {c.fine_id: c.middle for c in found.classes if c.coarse_id == "truck"}
    assert trucks["veri-wild-00900"] == "Make 3 A"
    assert len(trucks) == 7


@pytest.mark.parametrize(
    ("kind", "coarse"),
    [
        ("business purpose vehicle/MPV", "van"),
        ("light passenger vehicle", "van"),
        ("minibus", "bus"),
        ("HGV/large truck", "truck"),
        ("bulk lorry/fence truck", "truck"),
        ("tank car/tanker", "truck"),
    ],
)
def test_values_with_slashes_and_blanks_are_values_like_others(kind, coarse, tmp_path):
    found = classes_with(tmp_path, one_vehicle(("A/B > C: D", kind)))
    its = next(c for c in found.classes if c.fine_id == "veri-wild-00900")
    assert (its.coarse_id, its.middle) == (coarse, "A/B > C: D")
    assert "/" not in its.middle_id


def test_a_model_with_slash_and_one_with_low_line_stay_two(tmp_path):
    rows = [*one_vehicle(("A/B", "SUV")), row(901, 9100, "A_B", "SUV")]
    assert {"A/B", "A_B"} <= {c.middle for c in classes_with(tmp_path, rows).classes}


def test_where_rows_disagree_most_of_them_decide(tmp_path):
    its = [("Right", "SUV"), ("Right", "sedan"), ("Wrong", "SUV"), ("", "SUV"), ("", "SUV")]
    found = next(c for c in classes_with(tmp_path, one_vehicle(*its)).classes if c.fine_id == "veri-wild-00900")
    assert (found.middle, found.coarse_id) == ("Right", "suv")


@pytest.mark.parametrize(
    ("its", "reason"),
    [
        ([("One", "SUV"), ("Two", "SUV")], "its rows name several models equally often: One, Two"),
        ([("One", "SUV"), ("One", "sedan")], "its rows name several types equally often: SUV, sedan"),
        ([("", "SUV"), (" ", "SUV")], "its rows name no model"),
        ([("One", "others")], "the manifest leaves out its type: others"),
    ],
)
def test_a_vehicle_that_is_not_known_is_excluded_with_the_reason(its, reason, tmp_path):
    found = classes_with(tmp_path, one_vehicle(*its))
    assert reasons(found) == {"veri-wild-00900": reason}
    assert "1 of 37 fine classes are left out; rejected.parquet says why" in found.notes


def test_types_of_one_coarse_class_do_not_disagree(tmp_path):
    its = [("One", "HGV/large truck"), ("One", "tank car/tanker")]
    assert reasons(classes_with(tmp_path, one_vehicle(*its))) == {}


def test_a_model_with_several_types_is_a_middle_class_for_each(tmp_path):
    rows = [row(v, v, "Toyota", "sedan" if v % 3 else "SUV") for v in range(1, 31)]
    found = classes_with(tmp_path, rows)
    assert {(c.middle, c.coarse_id) for c in found.classes} == {("Toyota, sedan", "sedan"), ("Toyota, SUV", "suv")}
    assert len(found.classes) == 30


def test_a_type_that_hardly_a_vehicle_of_its_model_has_is_not_believed(tmp_path):
    rows = [row(v, v, " Toyota " if v % 2 else "toyota", "SUV" if v == 7 else "sedan") for v in range(1, 31)]
    found = classes_with(tmp_path, rows)
    assert {c.middle for c in found.classes} == {"Toyota"}
    assert reasons(found) == {"veri-wild-00007": "its body type is SUV, that of 1 of 30 vehicles of its model Toyota"}


def test_unknown_types_are_one_error_that_shows_value_and_row(tmp_path):
    rows = one_vehicle(("One", "hovercraft"), ("One", "hovercraft"), ("One", "Tram/train"))
    with pytest.raises(SourceError) as raised:
        classes_with(tmp_path, rows)
    assert f"'hovercraft', first in line {len(info_rows()) + 2}: veri-wild-00900" in str(raised.value)
    assert "'Tram/train'" in str(raised.value)
    assert "[veri-wild.types]" in raised.value.hint


def test_where_all_classes_are_of_the_test_alone_it_is_told(tmp_path):
    found = classes_with(tmp_path, [row for row in info_rows() if "bus" in row])
    assert {c.split for c in found.classes} == {"test"}
    assert any("nothing to train on" in note for note in found.notes)


# ---- images and rows that do not fit


def test_rows_without_a_image_and_images_without_a_row_are_statuses(tmp_path):
    ids = made.ids_of(info_rows())
    path = veri_wild(tmp_path / "v", ids=[*ids[1:3], *ids[4:], "00001/777777", "88888/000001"])
    result = build(load_manifest("vehicle"), BuildOptions("veri-wild", tmp_path / "out", path, jobs=1))
    assert result.statuses == {"ok": len(ids) - 2, "unlabelled": 2, "missing": 2}
    rejected = pd.read_parquet(tmp_path / "out" / "rejected.parquet")
    assert rejected.set_index("image_id")["status"].to_dict() == {
        "veri-wild/00001_000001": "missing",
        "veri-wild/00002_000004": "missing",
        "veri-wild/00001_777777": "unlabelled",
        "veri-wild/88888_000001": "unlabelled",
    }


def test_images_of_an_excluded_vehicle_are_rejected_with_its_reason(tmp_path):
    path = veri_wild(tmp_path / "v", one_vehicle(("One", "others"), ("One", "others")))
    build(load_manifest("vehicle"), BuildOptions("veri-wild", tmp_path / "out", path, jobs=1))
    rejected = pd.read_parquet(tmp_path / "out" / "rejected.parquet")
    assert rejected["status"].tolist() == ["excluded"] * 2
    assert set(rejected["detail"]) == {"the manifest leaves out its type: others"}


def test_a_row_that_stands_twice_is_counted_and_its_image_kept_once(tmp_path):
    rows = info_rows()
    path = veri_wild(tmp_path / "v", [*rows, rows[0], rows[0]])
    result = build(load_manifest("vehicle"), BuildOptions("veri-wild", tmp_path / "out", path, jobs=1))
    assert result.statuses == {"ok": len(rows), "repeated-id": 2}


@pytest.mark.parametrize("names", ["{v}/{n}.jpg", "{v}/{n:06d}.jpg.jpg", "{v:05d}/{n:05d}.JPG"])
def test_files_are_found_by_number_whatever_became_of_their_names(names, tmp_path):
    path = first_release(tmp_path)
    for i in made.ids_of(info_rows()):
        new = path / "images" / names.format(v=int(i[:5]), n=int(i[6:]))
        new.parent.mkdir(exist_ok=True)
        (path / "images" / f"{i}.jpg").rename(new)
    assert {status for _, status in read("veri-wild", path).values()} == {None}


def test_lists_that_lost_their_leading_zeros_are_read(tmp_path):
    path = first_release(tmp_path)
    expected = read("veri-wild", path)
    edit(
        path / INFO,
        lambda t: "\n".join([made.HEADER, *(row.lstrip("0").replace("/000", "/") for row in t.split("\n")[1:])]),
    )
    assert read("veri-wild", path) == expected


# ---- counts


def test_fewer_folders_than_published_are_noted(tmp_path):
    assert (
        "folders of vehicles: 36 found, 40,671 published; fewer mean that a RAR part is missing or was not unpacked"
        in classes(first_release(tmp_path)).notes
    )


def test_lists_that_are_not_there_are_one_note(tmp_path):
    path = first_release(tmp_path)
    (note,) = [note for note in classes(path).notes if "not there" in note]
    assert "test_3000.txt, test_5000.txt" in note
    for file in (path / "train_test_split").glob("t*"):
        file.unlink()
    (note,) = [note for note in classes(path).notes if "not there" in note]
    assert note == "the lists of train and test are not there; the labels do not need them"


def test_counts_that_are_the_published_ones_give_no_note(tmp_path, monkeypatch):
    path = first_release(tmp_path)
    rows = len(info_rows())
    for name, value in {"NUM_IMAGES": rows, "NUM_VEHICLES": len(VEHICLES)}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setitem(module.LISTS, "first", {"train_list.txt": rows // 2, "test_10000.txt": rows // 2})
    assert classes(path).notes == ()


def test_rows_of_lists_about_unknown_images_are_counted(tmp_path):
    path = veri_wild(tmp_path / "v", release="second")
    edit(path / "train_test_split/train_list_start0.txt", lambda text: text + "99999/999999.jpg 5 7\n")
    assert "1 rows of train_list_start0.txt are not in vehicle_info.txt" in classes(path).notes


# ---- encodings and damage


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_names_are_read_in_every_known_encoding(encoding, tmp_path):
    path = veri_wild(tmp_path / "v", one_vehicle(("奥迪", "SUV")))
    text = (path / INFO).read_text(encoding="utf-8")
    (path / INFO).write_bytes(text.encode(encoding))
    assert "奥迪" in {c.middle for c in classes(path).classes}


def faults():
    return {
        "neither in UTF-8 nor in GB18030": lambda path: (path / INFO).write_bytes(b"\xff\xfe\x00\xff" * 9),
        "line 3: '00001/000002;2;2018'": lambda path: edit(path / INFO, lambda t: t[: t.index("00001/000002") + 19]),
        "line 5: 'a line of something else'": lambda path: edit(
            path / INFO, lambda t: t.replace("\n", "\n\n", 1).replace("00001/000003", "a line of something else\n", 1)
        ),
        "0 lines of train_test_split/vehicle_info.txt": lambda path: (path / INFO).write_text(""),
        "has no vehicle_info.txt": lambda path: (path / INFO).unlink(),
    }


@pytest.mark.parametrize("fault", faults())
def test_a_damaged_list_is_an_error_that_says_where(fault, tmp_path):
    path = first_release(tmp_path)
    faults()[fault](path)
    with pytest.raises(SourceError) as raised:
        build(load_manifest("vehicle"), BuildOptions("veri-wild", tmp_path / "out", path, jobs=1))
    assert fault in str(raised.value)
    assert raised.value.hint
    assert not (tmp_path / "out").exists()


def test_parts_that_are_not_unpacked_are_told(tmp_path):
    for number in range(1, 23):
        made.write(tmp_path / "v" / f"images.part{number:02d}.rar", b"Rar!")
    with pytest.raises(SourceError, match=r"22 of 23 RAR parts.*\n.*unrar"):
        classes(tmp_path / "v")


def test_a_folder_of_something_else_is_told(tmp_path):
    made.write(tmp_path / "v" / "readme.md", b"")
    with pytest.raises(SourceError, match="without anything of the source veri-wild"):
        classes(tmp_path / "v")
    made.vehicleid(tmp_path / "w")
    with pytest.raises(SourceError, match="looks like the source vehicleid"):
        classes(tmp_path / "w")
