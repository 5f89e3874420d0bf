"""What sources with lists share: where their files are found, units of named images, and tables that people fill."""

import os

import pytest

from dmlkit.errors import SourceError
from dmlkit.sources.base import BlankTable
from dmlkit.sources.common import listed, tables
from dmlkit.sources.common.listed import Row
from dmlkit.text import bullet_list
from tests.support import vehicle_archives as made
from tests.support.images import make_image
from tests.support.vehicle_archives import zipped

MARKS = ("lists/main.txt", "images")
COLUMNS = ("id", "name")


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        made.write(tmp_path / "set" / "images" / f"{number}.jpg", make_image(number))
    made.write(tmp_path / "set" / "lists" / "main.txt", b"one\n\ntwo\n")
    return tmp_path / "set"


def candidates(tree, rows):
    return [c for unit in listed.plan_rows(tree, rows) for c in listed.read_listed(unit)]


# ---- where the files are


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_top_folder_is_found_a_few_folders_below(depth, folder, tmp_path):
    above = tmp_path / "/".join("xyz"[:depth])
    above.mkdir(parents=True, exist_ok=True)
    folder.rename(above / "top")
    path = (above / "top" if depth == 0 else tmp_path / "x").absolute()
    tree = listed.find_tree(path, MARKS)
    assert tree.path == above / "top"
    assert sorted(tree.files) == [*(f"images/{n}.jpg" for n in range(3)), "lists/main.txt"]


def test_a_folder_that_only_looks_like_it_does_not_come_before_the_right_one(folder, tmp_path):
    (tmp_path / "before" / "images").mkdir(parents=True)
    assert listed.find_tree(tmp_path, MARKS).path == folder


@pytest.mark.parametrize("top", ["", "set/", "a/b/set/", "lists/set/"])
def test_a_zip_file_is_the_same_tree_whatever_its_top_folder(top, folder, tmp_path):
    tree = listed.find_tree(zipped(tmp_path / "a.zip", folder, top), MARKS)
    assert sorted(tree.files) == sorted(listed.find_tree(folder, MARKS).files)
    assert tree.lines("lists/main.txt") == ["one", "two"]
    assert [c.read() for c in candidates(tree, [Row("images/1.jpg", "a", "1")])] == [make_image(1)]


def test_a_folder_is_a_mark_in_a_zip_file_too(folder, tmp_path):
    (folder / "lists" / "main.txt").unlink()
    (folder / "my_images").mkdir()
    made.write(folder / "my_images" / "x.jpg", b"")
    assert "images/0.jpg" in listed.find_tree(zipped(tmp_path / "a.zip", folder, "top/"), MARKS).files


def test_nothing_is_found_where_nothing_is(tmp_path):
    made.write(tmp_path / "a" / "b" / "c" / "d" / "lists" / "main.txt", b"")
    assert listed.find_tree(tmp_path, MARKS) is None


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refused)
    made.write(tmp_path / "lists" / "main.txt", b"")
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        listed.find_tree(tmp_path, MARKS)


# ---- texts


@pytest.mark.parametrize(
    "data", ["é 奥迪\r\nb\r\n".encode(), "\ufeffé 奥迪\nb".encode(), "é 奥迪\n \nb".encode("gb18030")]
)
def test_texts_are_read_whatever_their_encoding_and_line_ends(data, folder):
    made.write(folder / "lists" / "main.txt", data)
    assert listed.find_tree(folder, MARKS).lines("lists/main.txt") == ["é 奥迪", "b"]


def test_lines_are_numbered_as_in_the_file(folder):
    assert listed.find_tree(folder, MARKS).numbered_lines("lists/main.txt") == [(1, "one"), (3, "two")]


def test_a_text_in_no_known_encoding_is_an_error(folder):
    made.write(folder / "lists" / "main.txt", b"\xff\xff")
    with pytest.raises(SourceError, match=r"lists/main.txt is a text neither in UTF-8 nor in GB18030"):
        listed.find_tree(folder, MARKS).lines("lists/main.txt")


def test_a_text_that_is_gone_is_an_error(folder):
    tree = listed.find_tree(folder, MARKS)
    (folder / "lists" / "main.txt").unlink()
    with pytest.raises(SourceError, match=r"lists/main.txt cannot be read: No such file"):
        tree.lines("lists/main.txt")


# ---- units


def test_units_do_not_depend_on_the_order_of_rows(folder, monkeypatch):
    monkeypatch.setattr(listed, "IMAGES_PER_UNIT", 2)
    tree = listed.find_tree(folder, MARKS)
    rows = [Row(f"images/{n}.jpg", label, str(n)) for n, label in enumerate("bab")]
    units = listed.plan_rows(tree, rows)
    assert units == listed.plan_rows(tree, reversed(rows))
    assert [unit.labels for unit in units] == [("a", "b"), ("b",)]
    assert len({unit.name for unit in units}) == 2


def test_a_unit_changes_when_a_file_or_a_label_does(folder):
    def identity(label="a"):
        (unit,) = listed.plan_rows(listed.find_tree(folder, MARKS), [Row("images/0.jpg", label, "0")])
        return unit.fingerprint

    before = identity()
    assert before == identity()
    assert before != identity("b")
    made.write(folder / "images" / "0.jpg", make_image(9))
    assert before != identity()


@pytest.mark.parametrize("name", ["images/7.jpg", "../secret.jpg", "/etc/hostname", "images/../../secret.jpg"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_row_gives_only_files_of_the_tree(name, packed, folder, tmp_path):
    made.write(tmp_path / "secret.jpg", make_image(1))
    tree = listed.find_tree(zipped(tmp_path / "a.zip", folder) if packed else folder, MARKS)
    (found,) = candidates(tree, [Row(name, "a", "7")])
    assert (found.status, found.read) == ("missing", None)


def test_a_image_that_goes_after_planning_is_missing(folder):
    units = listed.plan_rows(listed.find_tree(folder, MARKS), [Row("images/0.jpg", "a", "0")])
    (folder / "images" / "0.jpg").unlink()
    assert [c.status for c in listed.read_listed(units[0])] == ["missing"]


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    made.write(tmp_path / "secret.jpg", make_image(1))
    (folder / "images" / "7.jpg").symlink_to(tmp_path / "secret.jpg")
    (found,) = candidates(listed.find_tree(folder, MARKS), [Row("images/7.jpg", "a", "7")])
    assert found.status == "unsafe-member"


def test_a_folder_at_the_top_may_be_a_link_to_another_disk(folder, tmp_path):
    (folder / "images").rename(tmp_path / "elsewhere")
    (folder / "images").symlink_to(tmp_path / "elsewhere")
    (found,) = candidates(listed.find_tree(folder, MARKS), [Row("images/1.jpg", "a", "1")])
    assert found.status is None
    assert found.read() == make_image(1)


def test_images_in_no_list_are_unlabelled(folder):
    assert [c.status for c in candidates(listed.find_tree(folder, MARKS), [Row("images/0.jpg", "", "0")])] == [
        "unlabelled"
    ]


# ---- names


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("00012/000345.jpg", "12/345"),
        ("12/345.JPG.jpg", "12/345"),
        (" 0000 ", "0"),
        ("0a1.png", "0a1"),
        ("3.5", "3.5"),
    ],
)
def test_numbers_lose_suffixes_and_leading_zeros(name, number):
    assert listed.strip_zeros(name) == number


def test_different_names_give_different_ids_that_are_safe_everywhere():
    names = ["a b", "a_b", "a/b", "a\\b", "../a", "a", ".a", "奥迪", "大众", "a\0b", "", "a.b", "<i>"]
    ids = [listed.plain_id(name) for name in names]
    assert len(set(ids)) == len(names)
    assert not any(set(i) & set("/\\<> \0") for i in ids)


def test_faults_are_listed_up_to_ten():
    assert bullet_list(map(str, range(12))).endswith("\n  - 9\n  - ... and 2 more")


# ---- tables


ROWS = ({"id": "1", "name": 'the "big" one'}, {"id": "2", "name": ""})
FILLED = {"1": {"id": "1", "name": 'the "big" one'}, "2": {"id": "2", "name": "奥迪"}}


def test_a_table_is_written_once_and_never_over_what_a_person_wrote(tmp_path):
    path = tmp_path / "new" / "t.tsv"
    tables.write_blank_table(path, BlankTable(COLUMNS, ROWS))
    assert tables.read_filled_table(path, COLUMNS) == {row["id"]: row for row in ROWS}
    tables.write_blank_table(path, BlankTable(COLUMNS, ()))
    assert len(tables.read_filled_table(path, COLUMNS)) == 2
    assert [p.name for p in path.parent.iterdir()] == ["t.tsv"]


def spreadsheets():
    text = 'id\tname\n1\tthe "big" one\n2\t奥迪\n'
    quoted = 'id\tname\n"1"\t"the ""big"" one"\n2\t奥迪\n'
    yield "as it is", text.encode()
    yield "BOM and CRLF", text.replace("\n", "\r\n").encode("utf-8-sig")
    yield "UTF-16", text.replace("\n", "\r\n").encode("utf-16")
    yield "quoted", quoted.encode()
    yield "commas", quoted.replace("\t", ",").encode()
    yield "semicolons", quoted.replace("\t", ";").encode()
    yield "empty rows", (text + "\t\n\n\t\n").encode()
    yield "other columns and order", 'name\tmine\tid\nthe "big" one\tx\t1\n 奥迪 \ty\t2\n'.encode()


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in spreadsheets()])
def test_tables_are_read_as_spreadsheets_write_them(data, tmp_path):
    assert tables.read_filled_table(made.write(tmp_path / "t.tsv", data), COLUMNS) == FILLED


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("key\tname\n1\ta\n", "has no column id; its columns are key, name\nput it back"),
        ("", "has no column id; its columns are none"),
        ("id\tname\n1\ta\n1\tb\n", "id '1' is there twice"),
        ("id\tname\n1\t奥迪\n".encode("gbk"), "cannot be read.*\nsave it as text in UTF-8"),
        ("id\tname\n1\t" + "x" * 200_000, "cannot be read.*field larger"),
    ],
)
def test_a_table_that_cannot_be_read_is_an_error_that_says_what_to_do(data, fault, tmp_path):
    with pytest.raises(SourceError, match=fault):
        tables.read_filled_table(made.write(tmp_path / "t.tsv", data), COLUMNS)


def test_a_short_row_has_empty_fields(tmp_path):
    assert tables.read_filled_table(made.write(tmp_path / "t.tsv", "id\tname\n1\n"), COLUMNS) == {
        "1": {"id": "1", "name": ""}
    }


def test_a_table_that_cannot_be_written_is_an_error(tmp_path):
    made.write(tmp_path / "file", b"")
    with pytest.raises(SourceError, match=r"cannot be written.*\n.*--table"):
        tables.write_blank_table(tmp_path / "file" / "t.tsv", BlankTable(COLUMNS, ROWS))
