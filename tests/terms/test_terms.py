"""Every source has terms, and a data file that lacks or invents a field is an error."""

import pytest

from dmlkit import terms
from dmlkit.errors import SourceError, UsageError
from dmlkit.sources.registry import SOURCES

WHOLE = """title = "T"
license = "other"
conditions = "C"
redistribute = false
url = ""
how_to_get = "G"
[card]
collection = ""
annotation = ""
people = ""
biases = ""
impact = ""
"""


@pytest.fixture
def read(tmp_path):
    """Read ``text`` as the terms of a source."""

    def read(text):
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return terms.read_terms(path)

    return read


def test_every_source_has_terms():
    assert sorted(terms.SOURCES) == sorted(SOURCES)


@pytest.mark.parametrize("name", [*terms.SOURCES, terms.RELEASE])
def test_terms_have_the_texts_that_a_card_needs(name):
    source_terms = terms.load(name)
    assert source_terms.title
    assert source_terms.conditions
    assert source_terms.how_to_get or name == terms.RELEASE
    assert (source_terms.citation == "") == (name in ("sample", "url-list"))


def test_no_citation_file_lacks_its_terms():
    assert {path.stem for path in terms.FOLDER.glob("*.bib")} <= {*terms.SOURCES, terms.RELEASE}


def test_unknown_source_is_refused():
    with pytest.raises(UsageError) as error:
        terms.load("../terms/sample")
    assert error.value.code == "usage.unknown-source"
    assert error.value.facts["name"] == "../terms/sample"


@pytest.mark.parametrize("name", ["dyml", "nowhere", "../terms/sample"])
def test_unknown_source_of_a_dataset_allows_nothing(name):
    source_terms = terms.load_or_unknown(name)
    assert (source_terms.license, source_terms.redistribute) == ("other", False)
    assert name in source_terms.title


@pytest.mark.parametrize("name", ["dyml-animal", "dyml-vehicle", "dyml-product"])
def test_official_releases_share_their_terms(name):
    assert terms.load_or_unknown(name) is terms.load(terms.RELEASE)


def test_terms_are_read_with_their_citation(read, tmp_path):
    (tmp_path / "own.bib").write_text("@misc{a}\n", encoding="utf-8")
    assert read(WHOLE).citation == "@misc{a}"
    assert read(WHOLE).how_to_get == "G"


@pytest.mark.parametrize(
    ("line", "instead", "field"),
    [
        ('title = "T"', "", "title"),
        ('title = "T"', "title = 1", "title"),
        ("redistribute = false", 'redistribute = "no"', "redistribute"),
        ('people = ""', "", "people"),
        ('people = ""', "people = []", "people"),
        ('people = ""', 'people = ""\nperson = ""', "person"),
        ('url = ""', 'url = ""\ncitation = "@misc{a}"', "citation"),
        ("[card]", '[card]\ntitle = ""', "title"),
        ("[card]", "[texts]", "card"),
    ],
)
def test_missing_unknown_and_wrong_fields_are_refused(read, line, instead, field):
    with pytest.raises(SourceError) as error:
        read(WHOLE.replace(line, instead, 1))
    assert error.value.code == "source.bad-terms"
    assert error.value.facts["fields"] == [field]


@pytest.mark.parametrize(
    "text", ["title", "a = 1\na = 2", "\ud800".encode("utf-16", "surrogatepass").decode("latin-1")]
)
def test_broken_toml_is_refused(read, tmp_path, text):
    with pytest.raises(SourceError) as error:
        read(text)
    assert error.value.code == "source.unreadable-terms"
    assert error.value.facts["path"] == tmp_path / "own.toml"
