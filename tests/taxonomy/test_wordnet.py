"""WordNet: where it is looked for, its nouns as plain data, and the classes derived from it."""

import shutil

import pytest

from dmlkit.errors import ManifestError, UsageError, WordNetNotFound
from dmlkit.taxonomy import derive, manifest, wordnet
from dmlkit.taxonomy.manifest import load_manifest
from dmlkit.taxonomy.resolve import Taxonomy
from dmlkit.taxonomy.rules import read_rules
from dmlkit.taxonomy.senses import describe_senses


@pytest.fixture
def fresh():
    """Forget what is cached of WordNet, as in a new process."""
    for function in (wordnet.reader, wordnet.synset, wordnet.ancestors):
        function.cache_clear()
    yield
    for function in (wordnet.reader, wordnet.synset, wordnet.ancestors):
        function.cache_clear()


@pytest.fixture(scope="module")
def animal():
    return Taxonomy(load_manifest("animal"))


@pytest.mark.usefixtures("needs_wordnet")
def test_derive_reproduces_the_committed_files():
    folder = manifest.find_manifest("animal")
    for name, data in derive.derive_files(folder).items():
        assert data == (folder / name).read_bytes(), name


@pytest.mark.usefixtures("needs_wordnet")
def test_name_with_several_senses_lists_them_all(animal):
    senses = describe_senses("peacock", animal)
    assert [(s["wnid"], s["status"]) for s in senses] == [("n02279257", "outside"), ("n01806143", "ok")]


@pytest.mark.usefixtures("needs_wordnet")
def test_wnid_shows_its_paths_and_status(animal):
    (dog,) = describe_senses("n02084071", animal)
    assert dog["lemmas"][0] == "dog"
    assert len(dog["paths"]) == 2
    assert all(path.startswith("n00001740:entity") and path.endswith("n02084071:dog") for path in dog["paths"])
    assert dog["status"] == "above"
    (tiger,) = describe_senses("n02129604", animal)
    assert tiger["detail"].startswith("fine class tiger")


@pytest.mark.usefixtures("needs_wordnet")
def test_unknown_noun_is_a_usage_error(animal):
    with pytest.raises(UsageError) as error:
        describe_senses("snarkle", animal)
    assert (error.value.code, error.value.facts["name"]) == ("wordnet.unknown-name", "snarkle")


@pytest.mark.usefixtures("needs_wordnet", "fresh")
def test_bare_folder_of_the_database_is_enough(tmp_path, monkeypatch):
    wordnet.reader()
    installed = next(f for f in wordnet.folders() if (f / "data.noun").is_file())
    bare = tmp_path / "dict"
    bare.mkdir()
    for path in installed.iterdir():
        if (path.name.startswith(("data.", "index.")) and path.name != "index.sense") or path.suffix == ".exc":
            shutil.copyfile(path, bare / path.name)
    wordnet.reader.cache_clear()
    monkeypatch.setenv("DMLKIT_WORDNET", str(bare))
    monkeypatch.setenv("DMLKIT_HOME", str(tmp_path / "home"))
    assert wordnet.lemmas(wordnet.synset("n02129604"))[0] == "tiger"
    assert (tmp_path / "home" / "wordnet").is_dir()


@pytest.mark.usefixtures("fresh")
def test_missing_wordnet_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(wordnet, "folders", lambda: iter([tmp_path]))
    monkeypatch.setattr(wordnet, "zipped_corpus", lambda: None)
    with pytest.raises(WordNetNotFound) as error:
        wordnet.reader()
    assert error.value.code == "wordnet.missing"
    for way in ("nltk.downloader", "apt-get install wordnet-base", "DMLKIT_WORDNET"):
        assert way in error.value.hint


@pytest.mark.usefixtures("needs_wordnet")
def test_no_synset_is_below_two_fine_classes():
    owner = {}
    for c in load_manifest("animal").classes:
        for label in {c.fine_id} | wordnet.descendants(c.fine_id):
            assert owner.setdefault(label, c.fine_id) == c.fine_id


@pytest.mark.parametrize(
    ("counts", "wanted", "shares"),
    [({"a": 15, "b": 19, "c": 7, "d": 4, "e": 2}, 17, [5, 7, 3, 1, 1]), ({"a": 9, "b": 1}, 3, [2, 1])],
)
def test_shares_are_proportional_and_at_least_one(counts, wanted, shares):
    assert list(derive.proportional_shares(counts, wanted).values()) == shares


def test_manifest_without_rules_cannot_be_derived(tiny_manifest):
    with pytest.raises(ManifestError) as error:
        read_rules(tiny_manifest)
    assert (error.value.code, error.value.facts["path"]) == ("manifest.no-rules", tiny_manifest)


def test_rules_that_lack_a_key_are_an_error(tiny_manifest):
    with (tiny_manifest / "manifest.toml").open("a") as file:
        file.write('[derive]\nlist = "classes.tsv"\n')
    with pytest.raises(ManifestError) as error:
        read_rules(tiny_manifest)
    assert error.value.code == "manifest.no-rules"
