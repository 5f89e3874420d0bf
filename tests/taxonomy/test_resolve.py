"""Upstream label → fine class, or the reason why not."""

import pytest

from dmlkit.errors import TaxonomyError, WordNetNotFound
from dmlkit.taxonomy import manifest
from dmlkit.taxonomy.manifest import load_manifest
from dmlkit.taxonomy.resolve import Taxonomy
from tests.support.manifests import CLASSES, TOML, WHALE, write_manifest


@pytest.fixture
def tiny(tmp_path):
    return Taxonomy(load_manifest(str(write_manifest(tmp_path / "m"))))


@pytest.fixture(scope="module")
def animal():
    return Taxonomy(load_manifest("animal"))


def test_labels_of_the_manifest_have_their_status(tiny):
    fine = CLASSES[0]
    assert (tiny.resolve(fine.fine_id).status, tiny.resolve(fine.fine_id).fine_id) == ("ok", fine.fine_id)
    assert tiny.resolve(fine.middle_id).status == "above"
    assert tiny.resolve(fine.middle_id).possible == {c.fine_id for c in CLASSES if c.middle_id == fine.middle_id}
    assert tiny.resolve(fine.coarse_id).status == "above"
    assert tiny.resolve(WHALE.label).status == "excluded"
    assert tiny.resolve(WHALE.label).detail == WHALE.reason


def test_unknown_labels_are_listed_in_one_error(tiny):
    with pytest.raises(TaxonomyError) as error:
        tiny.resolve_all([CLASSES[0].fine_id, "n11111111", "tabby"])
    assert error.value.code == "taxonomy.unplaced-labels"
    assert error.value.facts["labels"] == ("n11111111", "tabby")


def test_one_unknown_label_is_an_error(tiny):
    with pytest.raises(TaxonomyError) as error:
        tiny.resolve("tabby")
    assert (error.value.code, error.value.facts["label"]) == ("taxonomy.unknown-label", "tabby")


def test_labels_of_the_manifest_need_no_wordnet(animal, monkeypatch):
    def missing(*_):
        raise WordNetNotFound("not installed", code="wordnet.missing")

    monkeypatch.setattr("dmlkit.taxonomy.wordnet.reader", missing)
    monkeypatch.setattr("dmlkit.taxonomy.wordnet.ancestors", missing)
    for c in animal.manifest.classes:
        assert animal.resolve(c.fine_id).fine_id == c.fine_id
        assert animal.resolve(c.middle_id).status == "above"
        for step in c.path.split(" > ")[:-1]:
            assert animal.resolve(step.split(":")[0]).status == "above"
    assert animal.resolve("n02062017").status == "excluded"
    with pytest.raises(WordNetNotFound):
        animal.resolve("n02129837")


@pytest.mark.usefixtures("needs_wordnet")
@pytest.mark.parametrize(
    ("label", "status", "fine"),
    [
        ("n02129837", "ok", "tiger"),  # Bengal tiger
        ("n01792640", "ok", "chicken"),  # hen
        ("n01792042", "ok", "chicken"),  # chick
        ("n01806143", "ok", "peafowl"),  # peacock
        ("n01582398", "ok", "magpie"),  # European magpie
        ("n02084071", "above", None),  # dog
        ("n00015388", "above", None),  # animal
        ("n02066245", "excluded", None),  # grey whale, below aquatic mammal
        ("n02376918", "excluded", None),  # male horse
        ("n02958343", "outside", None),  # car
        ("n02115641", "outside", None),  # dingo: a canine, but of no middle class
    ],
)
def test_labels_outside_the_manifest_use_wordnet(animal, label, status, fine):
    resolution = animal.resolve(label)
    assert resolution.status == status, resolution
    assert (animal.fine[resolution.fine_id].fine if resolution.fine_id else None) == fine


@pytest.mark.usefixtures("needs_wordnet")
def test_label_below_two_fine_classes_is_an_error(tmp_path):
    # WordNet has the dog below canine and below domestic animal.
    rows = [
        manifest.FineClass("n02083346", "canine", "n02075296", "carnivore", "n01861778", "mammal", "train", ""),
        manifest.FineClass("n01317541", "domestic animal", "n00015388", "animal", "n00001740", "entity", "train", ""),
    ]
    toml = TOML + '[hierarchy]\nlexicon = "wordnet-3.0"\n'
    taxonomy = Taxonomy(load_manifest(str(write_manifest(tmp_path / "m", rows, toml))))
    with pytest.raises(TaxonomyError) as error:
        taxonomy.resolve("n02084071")
    assert error.value.code == "taxonomy.ambiguous-label"
    assert error.value.facts["choices"] == ("n01317541", "n02083346")


@pytest.mark.usefixtures("needs_wordnet")
@pytest.mark.parametrize("label", ["n99999999", "n02084072"])  # the second: in the middle of a line of the data file
def test_wnid_unknown_to_wordnet_is_an_error(animal, label):
    with pytest.raises(TaxonomyError) as error:
        animal.resolve(label)
    assert (error.value.code, error.value.facts["label"]) == ("wordnet.unknown-wnid", label)
