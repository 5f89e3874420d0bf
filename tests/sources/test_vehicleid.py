"""VehicleID, whose body types a person fills in, and both sources of DyML-Vehicle in one dataset."""

import sys
import zipfile

import pandas as pd
import pytest

from dmlkit.cli import main
from dmlkit.dataset.validate import validate
from dmlkit.errors import SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.dry_run import dry_run
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources import vehicleid as module
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy.manifest import load_manifest
from tests.support import vehicle_archives as made
from tests.support.vehicle_archives import MODELS, OWNERS, edit, read, reasons, request, vehicleid, veri_wild, zipped

BODIES = {"0": "sedan", "1": "sedan", "2": "sedan", "7": "suv"}
HEADER = "model_id\tname_in_source\tvehicles\tname\tbody_type"


def filled(path, bodies=BODIES, names=None):
    lines = [f"{n}\t{MODELS.get(n, '')}\t2\t{(names or {}).get(n, '')}\t{body}" for n, body in bodies.items()]
    path.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path):
    return vehicleid(tmp_path / "VehicleID_V1.0")


@pytest.fixture
def table(tmp_path):
    return filled(tmp_path / "table.tsv")


def classes(path, table):
    return load_source("vehicleid").classes(request(path, table))


def built(name, path, out, table=None):
    return build(load_manifest("vehicle"), BuildOptions(name, out, path, jobs=1, table=table))


# ---- layouts


def the_folder(root):
    return vehicleid(root / "VehicleID_V1.0")


def the_zip(root):
    return zipped(root / "VehicleID_V1.0.zip", vehicleid(root / "unpacked"), "VehicleID_V1.0/")


def a_zip_without_its_top_folder(root):
    return zipped(root / "download", vehicleid(root / "unpacked"))


def a_folder_that_holds_the_zip(root):
    (root / "mine").mkdir()
    return zipped(root / "mine" / "VehicleID_V1.0.zip", vehicleid(root / "unpacked"), "VehicleID_V1.0/").parent


def a_list_without_leading_zeros(root):
    return vehicleid(root / "v", width=1)


LAYOUTS = [the_folder, the_zip, a_zip_without_its_top_folder, a_folder_that_holds_the_zip, a_list_without_leading_zeros]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images(layout, tmp_path):
    vehicles = [v for v in OWNERS for _ in range(3)]
    assert read("vehicleid", layout(tmp_path)) == {
        f"{n:07d}": (f"vehicleid-{v:05d}", None) for n, v in enumerate(vehicles, start=1)
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_builds(layout, tmp_path, table):
    result = built("vehicleid", layout(tmp_path), tmp_path / "out", table)
    assert result.statuses == {"ok": 24, "excluded": 6}
    assert validate(tmp_path / "out") == []


# ---- the table


def test_the_first_build_writes_the_table_and_says_what_to_fill(folder, tmp_path):
    with pytest.raises(SourceError) as raised:
        built("vehicleid", folder, tmp_path / "out")
    table = tmp_path / "out.table.tsv"
    assert table.read_text(encoding="utf-8").splitlines() == [
        HEADER, *(f"{n}\t{name}\t2\t\t" for n, name in MODELS.items())
    ]  # fmt: skip
    assert f"into the column body_type of {table}" in raised.value.hint
    assert "sedan" in raised.value.hint
    assert "its model 1 (奥迪 A4) has no body type in the table" in raised.value.message


def test_a_dry_run_writes_no_table(folder, tmp_path):
    with pytest.raises(SourceError):
        dry_run(load_manifest("vehicle"), BuildOptions("vehicleid", tmp_path / "out", folder))
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]


def test_the_command_line_shows_the_error_and_ends_with_1(folder, tmp_path, monkeypatch, capsys):
    words = ["build", "vehicle", "--source", "vehicleid", "--from", folder, "--out", tmp_path / "out", "--jobs", "1"]
    monkeypatch.setattr(sys, "argv", ["dmlkit", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{tmp_path / 'out.table.tsv'}" in err
    assert "Traceback" not in err


def test_a_filled_table_is_kept_and_makes_the_classes(folder, tmp_path):
    table = filled(tmp_path / "out.table.tsv", names={"0": "Volkswagen Passat"})
    before = table.read_bytes()
    result = built("vehicleid", folder, tmp_path / "out")
    assert table.read_bytes() == before
    tree = pd.concat(map(pd.read_parquet, (tmp_path / "out" / "hierarchy").glob("*.parquet")))
    assert dict(zip(tree["middle"], tree["coarse"], strict=True)) == {
        "Volkswagen Passat": "sedan", "奥迪 A4": "sedan", "Audi A6L": "sedan", "丰田 RAV4": "SUV"
    }  # fmt: skip
    assert "4 of 4 models have a body type in out.table.tsv: 100% of the vehicles with a model" in result.notes


def test_a_table_filled_in_part_builds_with_what_is_known(folder, tmp_path):
    table = filled(tmp_path / "t.tsv", {"0": "sedan", "1": "sedan", "2": ""})
    found = classes(folder, table)
    assert {c.middle for c in found.classes} == {"大众 帕萨特 新领驭", "奥迪 A4"}
    assert "2 of 4 models have a body type in t.tsv: 50% of the vehicles with a model" in found.notes
    assert reasons(found) == {
        **{f"vehicleid-{v:05d}": "its model 2 (Audi A6L) has no body type in the table" for v in (7, 8)},
        **{f"vehicleid-{v:05d}": "its model 7 (丰田 RAV4) has no body type in the table" for v in (11, 12)},
        **{f"vehicleid-{v}": "it has no model in attribute/model_attr.txt" for v in (27957, 27958)},
    }
    assert "2 of 10 vehicles have no model in attribute/model_attr.txt" in found.notes


def test_filling_in_more_keeps_what_was_collected(folder, tmp_path):
    filled(tmp_path / "out.table.tsv", {"0": "sedan", "1": "sedan"})
    assert built("vehicleid", folder, tmp_path / "out").statuses["ok"] == 12
    filled(tmp_path / "out.table.tsv")
    assert built("vehicleid", folder, tmp_path / "out").statuses["ok"] == 24


def test_a_body_type_may_be_written_by_its_name_and_in_any_case(folder, tmp_path):
    table = filled(tmp_path / "t.tsv", {"0": "Sedan ", "1": "Station Wagon", "2": "wagon", "7": "SUV"})
    assert {c.coarse_id for c in classes(folder, table).classes} == {"sedan", "wagon", "suv"}


def test_unknown_body_types_are_one_error_that_names_model_and_value(folder, tmp_path):
    table = filled(tmp_path / "t.tsv", {"0": "sedan", "1": "boat", "2": "轿车"})
    with pytest.raises(SourceError) as raised:
        classes(folder, table)
    assert "model 1: 'boat'" in raised.value.message
    assert "model 2: '轿车'" in raised.value.message
    assert "sedan, hatchback" in raised.value.hint


def test_rows_about_models_that_are_not_there_are_noted(folder, tmp_path):
    notes = classes(folder, filled(tmp_path / "t.tsv", BODIES | {"249": "sedan"})).notes
    assert "rows of t.tsv about models that no vehicle has: 249" in notes


def test_without_a_table_the_error_says_that_one_is_needed(folder):
    with pytest.raises(SourceError, match="--table FILE"):
        classes(folder, None)


def test_a_table_that_is_a_folder_is_an_error(folder, tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        classes(folder, tmp_path)


# ---- names


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_names_with_blanks_are_read_in_both_encodings(encoding, tmp_path, table):
    folder = vehicleid(tmp_path / "v", encoding=encoding)
    assert {c.middle for c in classes(folder, table).classes} == set(MODELS.values())


def test_names_in_no_known_encoding_are_an_error(folder, table):
    (folder / "attribute/model_names.txt").write_bytes(b"\xff\xff\xff 1\n")
    with pytest.raises(SourceError, match=r"model_names.txt is a text neither in UTF-8 nor in GB18030"):
        classes(folder, table)


def test_without_names_models_are_called_by_number(folder, table):
    (folder / "attribute/model_names.txt").unlink()
    found = classes(folder, table)
    assert "VehicleID model 7" in {c.middle for c in found.classes}
    assert "attribute/model_names.txt is not there: the models have no names" in found.notes


# ---- what does not fit


def test_a_vehicle_with_two_models_is_excluded(folder, table):
    edit(folder / "attribute/model_attr.txt", lambda text: text + "1 7\n")
    assert reasons(classes(folder, table))["vehicleid-00001"] == (
        "it has several models in attribute/model_attr.txt: 0, 7"
    )


def test_a_image_of_two_vehicles_is_in_no_class(folder, table, tmp_path):
    edit(folder / "attribute/img2vid.txt", lambda text: text + "0000001 12\n")
    statuses = built("vehicleid", folder, tmp_path / "out", table).statuses
    assert statuses == {"ok": 23, "excluded": 6, "conflicting-duplicate": 1, "repeated-id": 1}


def test_rows_without_a_image_and_images_without_a_row_are_statuses(folder):
    (folder / "image/0000001.jpg").rename(folder / "image/0099999.jpg")
    found = read("vehicleid", folder)
    assert found["0000001"] == ("vehicleid-00001", "missing")
    assert found["0099999"] == ("", "unlabelled")
    assert len(found) == 31


def test_a_row_cannot_name_a_file_elsewhere(folder, tmp_path):
    made.write(tmp_path / "secret.jpg", made.make_image(1))
    edit(folder / "attribute/img2vid.txt", lambda text: text + "../../secret 12\n")
    ids = read("vehicleid", folder)
    assert [its for i, its in ids.items() if "secret" in i] == [("vehicleid-00012", "missing")]


def test_a_list_that_is_cut_is_an_error_that_shows_the_line(folder, table):
    edit(folder / "attribute/img2vid.txt", lambda text: text[:-9])
    with pytest.raises(SourceError, match=r"img2vid.txt has lines.*\n.*line 30: '00000'\n.*whole"):
        classes(folder, table)


@pytest.mark.parametrize("name", ["attribute/img2vid.txt", "attribute/model_attr.txt"])
def test_a_list_that_is_missing_is_an_error_that_names_it(name, folder, table):
    (folder / name).unlink()
    with pytest.raises(SourceError, match=f"has no {name}"):
        classes(folder, table)


def test_a_zip_that_is_cut_is_an_error(tmp_path, table):
    path = the_zip(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SourceError) as raised:
        classes(path, table)
    assert (raised.value.code, raised.value.facts["path"]) == ("source.bad-zip", path)
    assert "download it again" in raised.value.hint


def test_a_damaged_member_is_a_status(tmp_path, table):
    path = the_zip(tmp_path)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("VehicleID_V1.0/image/0000002.jpg")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 100] ^= 255
    path.write_bytes(bytes(data))
    assert built("vehicleid", path, tmp_path / "out", table).statuses == {"ok": 23, "excluded": 6, "unreadable": 1}


def test_counts_that_are_the_published_ones_give_no_note(folder, table, monkeypatch):
    monkeypatch.setattr(module, "NUM_IMAGES", 30)
    monkeypatch.setattr(module, "NUM_VEHICLES", 10)
    monkeypatch.setattr(module, "LISTS", {"train_list.txt": 30})
    assert module.count_notes(load_source("vehicleid").open_tree(folder)) == []


# ---- both sources


@pytest.fixture
def both(tmp_path):
    veri_wild(tmp_path / "both" / "VERI-Wild")
    vehicleid(tmp_path / "both" / "VehicleID_V1.0")
    return tmp_path / "both"


def rows(out):
    columns = ["image_id", "source", "upstream_label", "sha256"]
    return pd.concat(pd.read_parquet(p, columns=columns) for p in (out / "data").glob("*.parquet"))


def test_both_in_one_have_the_ids_of_each_alone(both, tmp_path, table):
    result = built("veri-wild+vehicleid", both, tmp_path / "out", table)
    built("veri-wild", both / "VERI-Wild", tmp_path / "one")
    built("vehicleid", both / "VehicleID_V1.0", tmp_path / "two", table)
    found, alone = rows(tmp_path / "out"), pd.concat([rows(tmp_path / "one"), rows(tmp_path / "two")])
    key = "image_id"
    pd.testing.assert_frame_equal(found.sort_values(key, ignore_index=True), alone.sort_values(key, ignore_index=True))
    assert set(found["source"]) == {"veri-wild", "vehicleid"}
    assert result.coverage["coarse"].num_covered == 6
    assert any(note.startswith("VERI-Wild: ") for note in result.notes)
    assert any(note.startswith("VehicleID: ") for note in result.notes)


def test_both_in_one_are_valid(both, tmp_path, table):
    built("veri-wild+vehicleid", both, tmp_path / "out", table)
    assert validate(tmp_path / "out") == []


def test_a_model_of_both_sources_is_one_middle_class(both, tmp_path):
    table = filled(tmp_path / "t.tsv", names={"1": "make 0  a"})
    found = load_source("veri-wild+vehicleid").classes(request(both, table))
    its = [c for c in found.classes if c.middle.casefold().split() == ["make", "0", "a"]]
    assert {c.fine_id.rpartition("-")[0] for c in its} == {"veri-wild", "vehicleid"}
    assert len({c.middle_id for c in its}) == len({c.middle for c in its}) == len({c.split for c in its}) == 1


def test_both_in_one_build_before_the_table_is_filled(both, tmp_path):
    result = built("veri-wild+vehicleid", both, tmp_path / "out")
    assert set(rows(tmp_path / "out")["source"]) == {"veri-wild"}
    assert result.statuses["excluded"] == 30
    assert any("0 of 4 models have a body type in out.table.tsv" in note for note in result.notes)


def test_vehicleid_may_be_the_zip_file_as_it_came(both, tmp_path, table):
    zipped(both / "VehicleID_V1.0.zip", both / "VehicleID_V1.0", "VehicleID_V1.0/")
    (both / "VehicleID_V1.0").rename(tmp_path / "away")
    result = built("veri-wild+vehicleid", both, tmp_path / "out", table)
    assert set(rows(tmp_path / "out")["source"]) == {"veri-wild", "vehicleid"}
    assert result.statuses["excluded"] == 6


@pytest.mark.parametrize("lacking", ["VERI-Wild", "VehicleID_V1.0"])
def test_where_one_of_both_is_missing_it_is_named(lacking, both, tmp_path):
    (both / lacking).rename(tmp_path / "away")
    with pytest.raises(SourceError, match=f"of the source {module.NAME if 'ID' in lacking else 'veri-wild'}"):
        load_source("veri-wild+vehicleid").classes(request(both))


@pytest.mark.parametrize("path", [None, "missing"])
def test_what_is_no_folder_is_an_error_that_says_how(path, tmp_path):
    with pytest.raises(SourceError) as raised:
        load_source("veri-wild+vehicleid").plan(PlanRequest(None, path and tmp_path / path, tmp_path))
    assert raised.value.code == ("source.not-a-folder" if path else "source.path-required")
    assert "--from" in raised.value.hint


def test_a_dry_run_counts_both(both, tmp_path, table):
    facts = dry_run(load_manifest("vehicle"), BuildOptions("veri-wild+vehicleid", tmp_path / "out", both, table=table))
    assert facts["labels"] == {"excluded": 2, "ok": 44}
    assert facts["fine"] == facts["of_fine"] == 44
