"""The report of a dataset: what its files say, and what bad input gives."""

import hashlib
import json
import re
import shutil

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from dmlkit.cli.main import main
from dmlkit.dataset.facts import CoverageFacts
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import OutputError, UnreadableDatasetError, UsageError
from dmlkit.hub.ids_only import write_ids_only_folder
from dmlkit.report.dataset import class_pages, classes, content, overview, rejected
from dmlkit.schema.features import as_rejected
from tests.support.dyml_release import PRODUCT, imported, write_release
from tests.support.errors import raises
from tests.support.report_folders import EVIL, build_to_look_at


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_to_look_at(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def made(folder):
    """The folder of a report, and what is said of it."""
    out = folder.with_name("pages")
    return out, overview.write_dataset_report(folder, out)


def dmlkit(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False, standalone_mode=False)


def text_of(path):
    """What a page says, without its marks."""
    text = re.sub(r"<script type.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def hashes(folder):
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_the_overview_says_what_the_files_say(folder, made):
    build_json = json.loads((folder / "build.json").read_bytes())
    text = text_of(made[0] / "index.html")
    assert "48 images" in text
    assert "8 fine classes 4 middle classes 2 coarse classes" in text
    assert "tiny 1.0.0" in text
    assert "not be published again" in text
    for split, n in build_json["images"].items():
        assert re.search(rf"\b{split} {n} ", text), split
    for status, n in build_json["statuses"].items():
        assert re.search(rf"\b{status} {n} ", text_of(made[0] / "rejected.html")), status


def test_classes_that_a_split_is_short_of_are_named(made):
    text = text_of(made[0] / "index.html")
    short = text.partition("Classes that a split is short of")[2].partition("Width and height")[0]
    assert re.search(r"bear 1 bear gallery [34]", short)
    assert "dog 2" not in short  # six images in train


def test_test_class_without_queries_is_short(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = next(copy.glob("data/query-*"))
    table = pq.read_table(path)
    lost = table["upstream_label"].to_pylist()[0]
    pq.write_table(table.filter(pc.not_equal(table["upstream_label"], lost)), path)
    overview.write_dataset_report(copy, tmp_path / "pages")
    assert re.search(r"Classes that a split is short of.* query 0 ", text_of(tmp_path / "pages" / "index.html"))


def test_classes_have_pages(made):
    page = (made[0] / "classes" / "fine-0.html").read_text(encoding="utf-8")
    assert page.count('<button type="button" data-show') == 6
    assert "n01110001" in text_of(made[0] / "classes" / "fine-0.html")
    with Image.open(made[0] / "classes" / "fine-0.webp") as sheet:
        assert sheet.width > 300
    middle = text_of(made[0] / "classes" / "middle-0.html")
    assert "dog 2 6 train" in middle


def test_rejected_candidates_have_reasons(folder, made):
    text = text_of(made[0] / "rejected.html")
    for row in pq.read_table(folder / "rejected.parquet").to_pylist():
        assert f"{row['image_id']} {row['upstream_label']}" in text
    assert "it looks like a fish" in text


def test_duplicates_are_beside_kept_image(folder, made):
    (row,) = (r for r in pq.read_table(folder / "rejected.parquet").to_pylist() if r["status"] == "duplicate")
    kept = row["detail"].removeprefix("the same as ")
    page = (made[0] / "duplicates.html").read_text(encoding="utf-8")
    assert f'aria-label="{kept}"' in page
    assert re.search(rf"{kept}.*kept as.*{row['image_id']}", text_of(made[0] / "duplicates.html"))


def test_names_and_texts_are_escaped_everywhere(made):
    for path in made[0].rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "<script>alert" not in page
        assert "<i>animals" not in page
        assert "<b>owl" not in page
        for script in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.S):
            json.loads(script)
    rows = (made[0] / "static" / "classes.js").read_text(encoding="utf-8")
    found = json.loads(rows.removeprefix("dmlkitClasses(").removesuffix(");\n"))
    assert [EVIL, "n01110001", "fine · dog · mammal", "classes/fine-0.html"] in found


def test_every_link_leads_to_a_file(made):
    for path in made[0].rglob("*.html"):
        for target in re.findall(r'(?:href|src)="([^"#]+)', path.read_text(encoding="utf-8")):
            if not target.startswith("https://"):
                assert (path.parent / target).is_file(), f"{path.name}: {target}"


def test_same_dataset_gives_same_report(folder, made, tmp_path):
    overview.write_dataset_report(folder, tmp_path / "again")
    assert hashes(tmp_path / "again") == hashes(made[0])
    assert made[1].pages == len(list(made[0].rglob("*.html")))
    assert made[1].images == 48


def test_many_images_take_several_sheets(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(content, "IMAGES_PER_SHEET", 4)
    overview.write_dataset_report(folder, tmp_path / "pages")
    page = (tmp_path / "pages" / "classes" / "fine-0.html").read_text(encoding="utf-8")
    for name, images in (("fine-0.webp", 4), ("fine-0.2.webp", 2)):
        assert page.count(f'href="{name}"') == images
        assert (tmp_path / "pages" / "classes" / name).is_file()


def test_images_of_a_class_are_limited(folder, tmp_path):
    facts = overview.write_dataset_report(folder, tmp_path / "pages", per_class=2)
    assert facts.images == 16 + 1  # and the one that a duplicate stands beside
    assert "2 of 6, chosen by a hash of their ids" in text_of(tmp_path / "pages" / "classes" / "fine-1.html")


def test_very_many_fine_classes_share_pages(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(classes, "MAX_PAGES", 7)
    monkeypatch.setattr(classes, "CLASSES_PER_PAGE", 1)
    monkeypatch.setattr(class_pages, "CLASSES_PER_PAGE", 1)
    overview.write_dataset_report(folder, tmp_path / "pages")
    assert not list((tmp_path / "pages").rglob("fine-*"))
    second = tmp_path / "pages" / "classes" / "middle-0-2.html"
    assert "Fine classes 2 to 2 of 2" in text_of(second)
    assert 'id="fine-1"' in second.read_text(encoding="utf-8")
    assert '"classes/middle-0-2.html#fine-1"' in (tmp_path / "pages" / "static" / "classes.js").read_text("utf-8")


def test_official_release_has_unknown_parents(tmp_path):
    overview.write_dataset_report(
        imported(write_release(tmp_path / "dyml_animal"), tmp_path / "animal").out, tmp_path / "pages"
    )
    text = text_of(tmp_path / "pages" / "index.html")
    assert "test_middle/gallery 3 1 2" in text
    assert "Layout per-scale" in text
    assert "Images without a finer label" in text_of(tmp_path / "pages" / "classes" / "middle-1.html")
    assert "test middle 4" in text_of(tmp_path / "pages" / "classes" / "coarse-unknown.html")
    one = imported(write_release(tmp_path / "dyml_product", PRODUCT), tmp_path / "product").out
    overview.write_dataset_report(one, tmp_path / "pages")
    assert "query and gallery 6" in text_of(tmp_path / "pages" / "index.html")


def test_ids_without_images_still_have_their_pages(folder, tmp_path):
    (tmp_path / "ids").mkdir()
    write_ids_only_folder(folder, tmp_path / "ids", "me/tiny")
    facts = overview.write_dataset_report(tmp_path / "ids", tmp_path / "pages")
    assert facts.images == 0
    assert "The images are not here" in text_of(tmp_path / "pages" / "index.html")
    assert "6 images, which are not in this folder" in text_of(tmp_path / "pages" / "classes" / "fine-0.html")
    assert not list((tmp_path / "pages").rglob("*.webp"))


def test_a_data_set_without_images_says_so(folder, tmp_path):
    empty = tmp_path / "empty"
    shutil.copytree(folder, empty)
    for path in (empty / "data").iterdir():
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    overview.write_dataset_report(empty, tmp_path / "pages")
    assert "The dataset has no image" in text_of(tmp_path / "pages" / "index.html")
    assert "no images" in text_of(tmp_path / "pages" / "classes.html")


def damaged(folder, where, name, data=None):
    """A copy of a dataset folder with a file that is missing, or is something else."""
    copy = where / "damaged"
    shutil.copytree(folder, copy)
    (copy / name).unlink()
    if data is not None:
        (copy / name).write_bytes((folder / data).read_bytes() if isinstance(data, str) else data)
    return copy


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("build.json", b"[]"),
        ("hierarchy/train-00000-of-00001.parquet", None),
        ("data/query-00000-of-00001.parquet", None),
        ("hierarchy/train-00000-of-00001.parquet", b"<html>"),
        ("data/train-00000-of-00001.parquet", b"<html>"),
        ("rejected.parquet", None),
        ("rejected.parquet", b"<html>"),
        ("rejected.parquet", "hierarchy/train-00000-of-00001.parquet"),
        ("data/query-00000-of-00001.parquet", "rejected.parquet"),
    ],
)
def test_missing_or_broken_part_is_refused(folder, tmp_path, name, data):
    copy = damaged(folder, tmp_path, name, data)
    with pytest.raises(UnreadableDatasetError) as error:
        overview.write_dataset_report(copy, tmp_path / "pages")
    assert (error.value.facts["path"], error.value.facts["name"].split("-")[0]) == (copy, name.split("-")[0])
    assert [path.name for path in tmp_path.iterdir()] == ["damaged"]


def test_half_letter_in_title_is_replaced(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "build.json"
    path.write_text(path.read_text(encoding="utf-8").replace("Tiny ", "Tiny \\ud800 "), encoding="utf-8")
    overview.write_dataset_report(copy, tmp_path / "pages")
    assert "Tiny ? &lt;i&gt;animals" in text_of(tmp_path / "pages" / "index.html")


@pytest.mark.parametrize(
    "values", [{"image": {"bytes": b"<html>", "path": "a.jpg"}}, {"fine": 99}, {"height": None}, {"image_id": None}]
)
def test_unusable_row_is_refused(folder, tmp_path, values):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = next(copy.glob("data/train-*"))
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist([row | values for row in table.to_pylist()], table.schema), path)
    with pytest.raises(UnreadableDatasetError) as error:
        overview.write_dataset_report(copy, tmp_path / "pages")
    assert "dmlkit validate" in error.value.hint


def test_only_a_report_is_overwritten(folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with raises(OutputError, "output.not-ours"):
        overview.write_dataset_report(folder, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"
    (tmp_path / "mine" / "report.json").write_text('{"report": "of another program"}')
    with raises(OutputError, "output.not-ours"):
        overview.write_dataset_report(folder, tmp_path / "mine")
    for out in (folder, folder / "pages"):
        with pytest.raises((UsageError, OutputError)):
            overview.write_dataset_report(folder, out)


def test_report_follows_a_link(folder, tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "pages").symlink_to(tmp_path / "disk")
    for out in ("pages", "pages", "."):
        monkeypatch.chdir(tmp_path / "disk" if out == "." else tmp_path)
        assert dmlkit("report", folder, "--out", out, "--quiet").exit_code == 0
        assert (tmp_path / "pages").is_symlink()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "pages"]
        assert (tmp_path / "disk" / "index.html").is_file()
    shutil.copytree(folder, tmp_path / "disk" / "dataset")
    with raises(OutputError, "report.contains-input", path=tmp_path / "disk"):
        overview.write_dataset_report(tmp_path / "disk" / "dataset", tmp_path / "disk")


def test_not_all_is_never_called_all():
    assert overview.coverage_row(CoverageFacts(40670, 40671, 1.0), "fine")[3] == ">99.9%"


def test_command_reports_where_pages_are(folder, tmp_path):
    found = dmlkit("report", folder, "--out", tmp_path / "pages", "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["open"] == (tmp_path / "pages" / "index.html").as_uri()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    for arguments, code in (
        ([tmp_path / "pages"], "usage.nothing-to-report"),
        ([tmp_path / "nothing"], "usage.no-folder"),
        (["/"], "usage.nothing-to-report"),
        ([folder, "more"], "usage.not-a-run"),
        ([tmp_path / "run"], "usage.no-dataset-for-run"),
    ):
        with raises(UsageError, code):
            dmlkit("report", *arguments)


def test_few_of_many_rejected_are_kept(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(rejected, "MAX_GROUPS", 5)
    copy = shutil.copytree(folder, tmp_path / "copy")
    rows = [
        {"image_id": f"s/{i:04}", "upstream_label": "x", "status": "duplicate", "duplicate_of": f"s/kept{i % 50}"}
        for i in range(1000)
    ]
    table = as_rejected(pa.Table.from_pylist(rows))
    pq.write_table(table, copy / "rejected.parquet", row_group_size=64)
    once = rejected.summarize_rejected(DatasetFolder.open(copy))
    assert once.counts["duplicate"] == 1000
    assert len(once.examples["duplicate"]) == rejected.MAX_EXAMPLES
    assert [len(same) for same in once.duplicates.values()] == [20] * 5
    pq.write_table(table, copy / "rejected.parquet", row_group_size=999)
    again = rejected.summarize_rejected(DatasetFolder.open(copy))
    assert (again.duplicates, again.examples) == (once.duplicates, once.examples)
