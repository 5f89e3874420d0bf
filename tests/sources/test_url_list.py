"""The source url-list: every form of list is read row by row, and no row is lost."""

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlkit.errors import SourceError, TaxonomyError
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.manifests import CLASSES, write_manifest

FINE = [c.fine_id for c in CLASSES]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return load_manifest(str(write_manifest(tmp_path_factory.mktemp("m") / "tiny")))


def links(path, tiny):
    listing = load_source("url-list").plan(PlanRequest(tiny, path, path.parent))
    return [link for unit in listing.units for link in unit.links]


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


ROWS = [
    ("u1", FINE[0], "http://a.example/1.jpg", "aa", "CC-BY-4.0", "Ada, of Ghent"),
    ("x/2.jpg", FINE[1], "http://b.example/2.jpg?x=1&y=2", "", "", ""),
    ("", FINE[1], "http://b.example/3.jpg", "", "", 'the "great"\nmaker'),
]
HEADER = ("id", "label", "url", "sha256", "license", "author")


@pytest.mark.parametrize("form", ["csv", "tsv", "bom", "crlf", "parquet"])
def test_every_form_of_table_gives_the_same_links(tmp_path, tiny, form):
    path = tmp_path / "list"
    if form == "parquet":
        columns = [pa.array(column, pa.large_string()) for column in zip(*ROWS, strict=True)]
        pq.write_table(pa.table(columns, names=list(HEADER)).append_column("n", pa.array([1, 2, 3])), path)
    else:
        with path.open("w", newline="", encoding="utf-8-sig" if form == "bom" else "utf-8") as file:
            writer = csv.writer(
                file, delimiter="\t" if form == "tsv" else ",", lineterminator="\r\n" if form == "crlf" else "\n"
            )
            writer.writerows([(*HEADER, "n"), *((*row, "1") for row in ROWS)])
    found = links(path, tiny)
    assert [link.url for link in found] == [row[2] for row in ROWS]
    assert [link.upstream_label for link in found] == [row[1] for row in ROWS]
    assert (found[0].upstream_id, found[0].sha256, found[0].license, found[0].author) == (
        "u1", "aa", "CC-BY-4.0", "Ada, of Ghent",
    )  # fmt: skip
    assert found[1].upstream_id == "x_2"
    assert len(found[2].upstream_id) == 20  # made from the URL
    assert found[2].author.replace("\r\n", "\n") == 'the "great"\nmaker'


def test_the_historic_list_is_latin_1_with_tabs(tmp_path, tiny):
    text = f"{FINE[0]}_7\thttp://farm4.static.flickr.com/é.jpg\n\nno tab here\n"
    text += f"{FINE[1]}_90210\thttp://x.example/a b.jpg \r\n"
    found = links(write(tmp_path / "fall11_urls.txt", text, "latin-1"), tiny)
    assert [(link.upstream_id, link.upstream_label, link.url, link.status) for link in found] == [
        (f"{FINE[0]}_7", FINE[0], "http://farm4.static.flickr.com/é.jpg", None),
        ("line-3", "", "", "bad-row"),
        (f"{FINE[1]}_90210", FINE[1], "http://x.example/a b.jpg", None),
    ]
    (tmp_path / "fall11").mkdir()
    (tmp_path / "fall11_urls.txt").rename(tmp_path / "fall11" / "imagenet_fall11_urls.txt")
    assert len(links(tmp_path / "fall11", tiny)) == 3


def test_names_of_fine_classes_and_agreeing_scales_are_understood(tmp_path, tiny):
    c = CLASSES[2]
    text = f"url,fine,middle,coarse\nhttp://a.example/1,{c.fine},{c.middle},{c.coarse_id}\nhttp://a.example/2,{c.fine_id},,\n"
    assert {link.upstream_label for link in links(write(tmp_path / "l.csv", text), tiny)} == {c.fine_id}


def test_scales_that_contradict_the_manifest_are_an_error(tmp_path, tiny):
    text = f"url,fine,middle\nhttp://a.example/1,{CLASSES[2].fine},whales\n"
    with pytest.raises(TaxonomyError, match=r"'bear 1' below the middle class 'whales'.*below bear"):
        links(write(tmp_path / "l.csv", text), tiny)


def test_rows_of_another_width_and_without_label_are_counted(tmp_path, tiny):
    text = f"url,label\nhttp://a.example/1,{FINE[0]}\nhttp://a.example/2,{FINE[0]},and more\nhttp://a.example/3,\n"
    found = links(write(tmp_path / "l.csv", text), tiny)
    assert sorted((link.status or "", link.detail) for link in found) == [
        ("", ""), ("bad-row", "3 columns in place of 2"), ("unlabelled", "the row has no label"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("l.csv", b"", "needs url"),
        ("l.csv", b"url,label\n", "has no rows"),
        ("l.csv", b"image,class\nx,y\n", "it needs url, and label or fine"),
        ("l.csv", b"url,URL,label\na,b,c\n", "several columns url"),
        ("l.csv", b"url,label\n\xff\xfe,x\n", "cannot be read as a list"),
        ("l.csv", b"\xff\xfeu\x00r\x00l\x00", "cannot be read as a list"),
        ("l.parquet", b"PAR1 and nothing behind", "cannot be read as a list"),
        ("l.tar", b"\x00" * 4096, "needs url"),
    ],
)
def test_what_is_no_list_is_an_error(tmp_path, tiny, name, data, complaint):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=complaint):
        links(tmp_path / name, tiny)


def test_a_missing_list_and_a_folder_are_errors(tmp_path, tiny):
    with pytest.raises(SourceError, match="cannot be read"):
        links(tmp_path / "none.csv", tiny)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").touch()
    with pytest.raises(SourceError, match="is a folder"):
        links(tmp_path / "folder", tiny)


def test_the_list_is_known_as_a_whole_before_its_units(tmp_path, tiny):
    rows = "".join(f"http://h{i % 3}.example/{i},{FINE[i % 2]},CC0-1.0\n" for i in range(1200))
    listing = load_source("url-list").plan(
        PlanRequest(tiny, write(tmp_path / "l.csv", "url,label,license\n" + rows), tmp_path)
    )
    assert (listing.num_units, dict(listing.labels)) == (3, {FINE[0]: 600, FINE[1]: 600})
    assert sorted(listing.hosts) == ["h0.example", "h1.example", "h2.example"]
    assert listing.licenses == {"CC0-1.0": 1200}
    units = list(listing.units)
    assert [(unit.name, len(unit.links)) for unit in units] == [
        ("rows-0000000", 500), ("rows-0000001", 500), ("rows-0000002", 200),
    ]  # fmt: skip


def test_a_unit_is_known_by_its_rows_and_not_by_where_the_list_lies(tmp_path, tiny):
    text = "url,label\n" + "".join(f"http://a.example/{i},{FINE[0]}\n" for i in range(501))
    (tmp_path / "other").mkdir()
    plans = [
        load_source("url-list").plan(PlanRequest(tiny, write(folder / "l.csv", text), tmp_path))
        for folder in (tmp_path, tmp_path / "other")
    ]
    assert [u.fingerprint for u in plans[0].units] == [u.fingerprint for u in plans[1].units]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_any_text_in_a_table_is_a_link_or_a_bad_row(tmp_path_factory, rows):
    tiny = load_manifest(str(write_manifest(tmp_path_factory.mktemp("m") / "tiny")))
    path = tmp_path_factory.mktemp("l") / "l.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("url", "label", "id"), *((u, FINE[0], i) for u, i in rows)])
    found = links(path, tiny)
    assert len(found) == len(rows)
    for link in found:
        assert link.upstream_id
        assert not set(link.upstream_id) & set("/\\\n\0 ")
