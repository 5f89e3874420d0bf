"""Output folders: what may be replaced, and that the new one takes its place whole."""

import json

import pytest

from dmlkit.errors import OutputError
from dmlkit.schema.progress import no_count_progress
from dmlkit.storage.locations import folder_at
from dmlkit.storage.replace import UNFINISHED, ReplacedFolder, check_replaceable
from tests.support.errors import raises

MARK = "mark.json"


def describe_other(mark):
    return "" if mark["owner"] == "me" else f"work of {mark['owner']}"


def check(path, **options):
    check_replaceable(folder_at(path), MARK, describe_other, "a test", **options)


def test_new_and_empty_folders_may_be_replaced(tmp_path):
    check(tmp_path / "new")
    check(tmp_path)


@pytest.mark.parametrize("name", [MARK, UNFINISHED])
def test_own_folder_may_be_replaced(tmp_path, name):
    (tmp_path / name).write_text('{"owner": "me"}')
    (tmp_path / "more").mkdir()
    check(tmp_path)


def test_folder_of_another_owner_is_left_alone(tmp_path):
    (tmp_path / MARK).write_text('{"owner": "you"}')
    with raises(OutputError, "output.other-owner", path=tmp_path, owner="work of you"):
        check(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '"owner"', "{", "[" * 100_000, "\ud800"])
def test_unreadable_mark_is_left_alone(tmp_path, text):
    (tmp_path / MARK).write_text(text, errors="surrogatepass")
    with raises(OutputError, "output.not-ours", path=tmp_path, mark=MARK):
        check(tmp_path)


@pytest.mark.parametrize("make", ["file", "link", "foreign", "folder"])
def test_what_has_no_mark_is_left_alone(tmp_path, make):
    out = tmp_path / "out"
    if make == "file":
        out.write_text("thesis")
    elif make == "link":
        out.symlink_to(tmp_path / "gone")
    else:
        out.mkdir()
        (out / "thesis").mkdir() if make == "folder" else (out / "thesis.txt").write_text("all of it")
    with raises(OutputError, "output.not-ours", path=out):
        check(out)


def test_leftovers_do_not_count(tmp_path):
    (tmp_path / "run.partial").write_text("x")
    check(tmp_path, is_leftover=lambda name: name.endswith(".partial"))
    (tmp_path / "thesis.txt").write_text("x")
    with raises(OutputError, "output.not-ours"):
        check(tmp_path, is_leftover=lambda name: name.endswith(".partial"))


def test_committed_folder_takes_the_place(tmp_path):
    out = tmp_path / "out"
    for text in ("one", "two"):
        with ReplacedFolder(out) as folder:
            (folder.path / MARK).write_text(json.dumps(text))
            folder.commit(no_count_progress)
        assert json.loads((out / MARK).read_text()) == text
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_uncommitted_folder_vanishes(tmp_path):
    (tmp_path / "out").mkdir()
    with raises(OutputError, "output.not-written"), ReplacedFolder(tmp_path / "out") as folder:
        (folder.path / MARK).write_text("half")
        raise OSError(28, "No space left on device")
    assert [path.name for path in tmp_path.rglob("*")] == ["out"]


def test_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with raises(OutputError, "output.not-made"), ReplacedFolder(tmp_path / "file" / "out"):
        pytest.fail("it was made")
