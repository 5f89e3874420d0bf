"""WordNet is found where people have it, shown as it is, and never guessed at."""

import shutil

import pytest

from dmlkit.errors import UsageError, WordNetNotFound
from dmlkit.taxonomy import derive, manifest, wordnet
from dmlkit.taxonomy.manifest import load_manifest
from dmlkit.taxonomy.resolve import Taxonomy


@pytest.fixture
def fresh():
    """`reader` and what it remembers, as in a new process."""
    for function in (wordnet.reader, wordnet.synset, wordnet.ancestors):
        function.cache_clear()
    yield
    for function in (wordnet.reader, wordnet.synset, wordnet.ancestors):
        function.cache_clear()


@pytest.fixture(scope="module")
def animal():
    return Taxonomy(load_manifest("animal"))


@pytest.mark.usefixtures("needs_wordnet")
def test_derive_reproduces_the_committed_files_byte_for_byte():
    folder = manifest.find("animal")
    for name, data in derive.derive(folder).items():
        assert data == (folder / name).read_bytes(), name


@pytest.mark.usefixtures("needs_wordnet")
def test_a_name_with_several_senses_lists_them_all(animal):
    senses = wordnet.describe("peacock", animal)
    assert [(s["wnid"], s["status"]) for s in senses] == [("n02279257", "outside"), ("n01806143", "ok")]


@pytest.mark.usefixtures("needs_wordnet")
def test_a_wnid_shows_its_paths_and_its_place(animal):
    (dog,) = wordnet.describe("n02084071", animal)
    assert dog["lemmas"][0] == "dog"
    assert len(dog["paths"]) == 2
    assert all(path.startswith("n00001740:entity") and path.endswith("n02084071:dog") for path in dog["paths"])
    assert dog["status"] == "above"
    (tiger,) = wordnet.describe("n02129604", animal)
    assert tiger["detail"].startswith("fine class tiger")


@pytest.mark.usefixtures("needs_wordnet")
def test_an_unknown_name_is_a_usage_error(animal):
    with pytest.raises(UsageError, match="no noun 'snarkle'"):
        wordnet.describe("snarkle", animal)


@pytest.mark.usefixtures("needs_wordnet", "fresh")
def test_a_bare_folder_of_the_database_is_enough(tmp_path, monkeypatch):
    wordnet.reader()
    found = next(f for f in wordnet.folders() if (f / "data.noun").is_file())
    bare = tmp_path / "dict"
    bare.mkdir()
    for path in found.iterdir():
        if (path.name.startswith(("data.", "index.")) and path.name != "index.sense") or path.suffix == ".exc":
            shutil.copyfile(path, bare / path.name)
    wordnet.reader.cache_clear()
    monkeypatch.setenv("DMLKIT_WORDNET", str(bare))
    monkeypatch.setenv("DMLKIT_HOME", str(tmp_path / "home"))
    assert wordnet.lemmas(wordnet.synset("n02129604"))[0] == "tiger"
    assert (tmp_path / "home" / "wordnet").is_dir()


@pytest.mark.usefixtures("fresh")
def test_where_it_is_missing_one_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(wordnet, "folders", lambda: iter([tmp_path]))
    monkeypatch.setattr(wordnet, "zipped", lambda: iter(()))
    with pytest.raises(WordNetNotFound) as caught:
        wordnet.reader()
    for way in ("nltk.downloader", "apt-get install wordnet-base", "DMLKIT_WORDNET"):
        assert way in caught.value.hint


@pytest.mark.usefixtures("needs_wordnet")
def test_no_synset_falls_under_two_fine_classes():
    owner = {}
    for c in load_manifest("animal").classes:
        for label in {c.fine_id} | derive.descendants(c.fine_id):
            assert owner.setdefault(label, c.fine_id) == c.fine_id


@pytest.mark.parametrize(
    ("counts", "wanted", "given"),
    [({"a": 15, "b": 19, "c": 7, "d": 4, "e": 2}, 17, [5, 7, 3, 1, 1]), ({"a": 9, "b": 1}, 3, [2, 1])],
)
def test_shares_are_in_proportion_and_never_nothing(counts, wanted, given):
    assert list(derive.proportional_shares(counts, wanted).values()) == given
