"""A manifest folder: every way to contradict itself is named."""

from dataclasses import replace

import pytest

from dmlkit.errors import ManifestError, UsageError
from dmlkit.taxonomy import manifest, template
from dmlkit.taxonomy.manifest import FineClass, load_manifest
from tests.support.manifests import CLASSES, TOML, write_manifest


def test_animal_has_the_numbers_of_the_paper():
    animal = load_manifest("animal")
    assert [len(animal.ids(scale)) for scale in ("fine", "middle", "coarse")] == [611, 47, 5]
    assert sorted(animal.names("coarse")) == ["amphibian", "bird", "fish", "mammal", "reptile"]
    for split, fine, middle in (("train", 449, 30), ("test", 162, 17)):
        part = [c for c in animal.classes if c.split == split]
        assert len(part) == fine
        assert len({c.middle_id for c in part}) == middle
        assert len({c.coarse_id for c in part}) == 5


def test_every_class_of_animal_has_images_in_winter21():
    folder = manifest.find("animal")
    listed = set((folder / "winter21.txt").read_text().split("\n"))
    assert {c.fine_id for c in load_manifest("animal").classes} <= listed


def test_integer_labels_are_the_places_of_sorted_ids(tmp_path):
    m = load_manifest(str(write_manifest(tmp_path / "m", CLASSES[::-1])))
    assert m.ids("fine") == sorted(c.fine_id for c in CLASSES)
    assert m.names("fine")[m.labels("fine")[CLASSES[3].fine_id]] == CLASSES[3].fine


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda rows: [*rows, rows[0]], "'n01110001|stands twice"),
        (lambda rows: [replace(rows[0], fine=rows[1].fine), *rows[1:]], "fine name 'dog 2' stands twice"),
        (lambda rows: [replace(rows[0], coarse_id="n02000000", coarse="bird"), *rows[1:]], "several"),
        (lambda rows: [replace(rows[0], split="test"), *rows[1:]], "n01100001 has several splits: test, train"),
        (lambda rows: [replace(rows[0], split="training"), *rows[1:]], "'training', not one of"),
        (lambda rows: [replace(rows[0], middle_id=""), *rows[1:]], "empty column"),
        (lambda rows: [replace(rows[0], path="n1:a > n2:b"), *rows[1:]], "its path does not lead"),
        (lambda rows: [replace(rows[0], fine_id=rows[0].middle_id), *rows[1:]], "fine class and a class above"),
        (lambda rows: [replace(rows[0], fine_id="n09999999"), *rows[1:]], "is a class and excluded"),
        (lambda rows: [], "no class"),
    ],
)
def test_faults_of_classes_are_named(tmp_path, change, complaint):
    folder = write_manifest(tmp_path / "m", change(list(CLASSES)))
    with pytest.raises(ManifestError, match=complaint):
        load_manifest(str(folder))


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("manifest.toml", "name = ", "cannot be read"),
        ("manifest.toml", TOML.replace('title = "Tiny animals"\n', ""), "lacks `title`"),
        ("manifest.toml", TOML.replace('"tiny"', '"../tiny"'), "lower-case letters"),
        ("classes.tsv", "fine_id\tfine\nx\ty\n", "the columns are"),
        ("classes.tsv", "\t".join(FineClass.__dataclass_fields__) + "\na\tb\n", "line 2: not 8 columns"),
        ("classes.tsv", "\xff", "cannot be read"),
        ("CITATION.bib", "author = {M\xfcller}", "cannot be read"),
    ],
)
def test_faults_of_files_are_named(tiny_manifest, name, text, complaint):
    (tiny_manifest / name).write_text(text, encoding="latin-1")
    with pytest.raises(ManifestError, match=complaint):
        load_manifest(str(tiny_manifest))


def test_an_unknown_name_lists_what_there_is(tmp_path):
    with pytest.raises(UsageError) as caught:
        load_manifest("anmial")
    assert "animal" in caught.value.hint
    with pytest.raises(UsageError, match=r"no manifest\.toml"):
        load_manifest(str(tmp_path))


def test_a_new_manifest_is_sound_and_nothing_is_overwritten(tmp_path):
    template.new(tmp_path / "My Cats")
    m = load_manifest(str(tmp_path / "My Cats"))
    assert m.name == "my-cats"
    assert len(m.classes) == 4
    with pytest.raises(UsageError, match="left as it is"):
        template.new(tmp_path / "My Cats")


def test_diff_names_what_changed(tmp_path):
    old = load_manifest(str(write_manifest(tmp_path / "a")))
    rows = [replace(CLASSES[0], fine="poodle"), *CLASSES[1:-1]]
    new = load_manifest(str(write_manifest(tmp_path / "b", rows)))
    changes = template.diff(old, new)
    assert any(line.startswith(f"~ {CLASSES[0].fine_id}") and "dog 1 -> poodle" in line for line in changes)
    assert any(line.startswith(f"- {CLASSES[-1].fine_id}") for line in changes)
    assert template.diff(old, old) == []
