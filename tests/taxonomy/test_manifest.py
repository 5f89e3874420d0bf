"""A manifest folder: every way to contradict itself is named."""

from dataclasses import replace

import pytest

from dmlkit.errors import ManifestError, UsageError
from dmlkit.taxonomy import manifest, template
from dmlkit.taxonomy.manifest import FineClass, load_manifest
from tests.support.manifests import CLASSES, TOML, write_manifest


def test_animal_has_the_counts_of_the_paper():
    animal = load_manifest("animal")
    assert [len(animal.ids(scale)) for scale in ("fine", "middle", "coarse")] == [611, 47, 5]
    assert sorted(animal.names("coarse")) == ["amphibian", "bird", "fish", "mammal", "reptile"]
    for split, fine, middle in (("train", 449, 30), ("test", 162, 17)):
        part = [c for c in animal.classes if c.split == split]
        assert len(part) == fine
        assert len({c.middle_id for c in part}) == middle
        assert len({c.coarse_id for c in part}) == 5


def test_every_animal_class_has_images_in_winter21():
    folder = manifest.find_manifest("animal")
    listed = set((folder / "winter21.txt").read_text().split("\n"))
    assert {c.fine_id for c in load_manifest("animal").classes} <= listed


def test_integer_labels_index_the_sorted_ids(tmp_path):
    m = load_manifest(str(write_manifest(tmp_path / "m", CLASSES[::-1])))
    assert m.ids("fine") == sorted(c.fine_id for c in CLASSES)
    assert m.names("fine")[m.labels("fine")[CLASSES[3].fine_id]] == CLASSES[3].fine


@pytest.mark.parametrize(
    ("change", "kind", "subject"),
    [
        (lambda rows: [*rows, rows[0]], "repeated", "n01110001"),
        (lambda rows: [replace(rows[0], fine=rows[1].fine), *rows[1:]], "repeated", "dog 2"),
        (
            lambda rows: [replace(rows[0], coarse_id="n02000000", coarse="bird"), *rows[1:]],
            "several-parents",
            "n01100001",
        ),
        (lambda rows: [replace(rows[0], coarse="bird"), *rows[1:]], "several-names", "n01000001"),
        (lambda rows: [replace(rows[0], middle_id="n09"), *rows[1:]], "several-ids", "dog"),
        (lambda rows: [replace(rows[0], split="test"), *rows[1:]], "several-splits", "n01100001"),
        (lambda rows: [replace(rows[0], split="training"), *rows[1:]], "bad-split", "n01110001"),
        (lambda rows: [replace(rows[0], middle_id=""), *rows[1:]], "empty-column", "n01110001"),
        (lambda rows: [replace(rows[0], path="n1:a > n2:b"), *rows[1:]], "bad-path", "n01110001"),
        (lambda rows: [replace(rows[0], fine_id=rows[0].middle_id), *rows[1:]], "two-scales", "n01100001"),
        (lambda rows: [replace(rows[0], fine_id="n09999999"), *rows[1:]], "excluded-class", "n09999999"),
        (lambda rows: [], "no-classes", "classes.tsv"),
    ],
)
def test_every_fault_of_the_classes_is_listed(tmp_path, change, kind, subject):
    folder = write_manifest(tmp_path / "m", change(list(CLASSES)))
    with pytest.raises(ManifestError) as error:
        load_manifest(str(folder))
    assert error.value.code == "manifest.contradictory"
    assert (kind, subject) in [(fault.kind, fault.subject) for fault in error.value.facts["faults"]]


@pytest.mark.parametrize(
    ("toml", "kind", "subject"),
    [
        (TOML.replace('title = "Tiny animals"\n', ""), "missing-key", "title"),
        (TOML.replace('"tiny"', '"../tiny"'), "bad-name", "../tiny"),
    ],
)
def test_every_fault_of_the_settings_is_listed(tiny_manifest, toml, kind, subject):
    (tiny_manifest / "manifest.toml").write_text(toml)
    with pytest.raises(ManifestError) as error:
        load_manifest(str(tiny_manifest))
    assert error.value.code == "manifest.contradictory"
    assert [(fault.kind, fault.subject) for fault in error.value.facts["faults"]] == [(kind, subject)]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("manifest.toml", "name = ", "manifest.unreadable"),
        ("classes.tsv", "fine_id\tfine\nx\ty\n", "manifest.columns"),
        ("classes.tsv", "\t".join(FineClass.__dataclass_fields__) + "\na\tb\n", "manifest.row"),
        ("classes.tsv", "\xff", "manifest.unreadable"),
        ("CITATION.bib", "author = {M\xfcller}", "manifest.unreadable"),
    ],
)
def test_unreadable_file_is_named(tiny_manifest, name, text, code):
    (tiny_manifest / name).write_text(text, encoding="latin-1")
    with pytest.raises(ManifestError) as error:
        load_manifest(str(tiny_manifest))
    assert (error.value.code, error.value.facts["path"]) == (code, tiny_manifest / name)


def test_unknown_manifest_lists_the_shipped_ones():
    with pytest.raises(UsageError) as error:
        load_manifest("anmial")
    assert error.value.code == "manifest.unknown-name"
    assert "animal" in error.value.facts["choices"]
    assert "animal" in error.value.hint


def test_folder_without_manifest_is_an_error(tmp_path):
    with pytest.raises(UsageError) as error:
        load_manifest(str(tmp_path))
    assert (error.value.code, error.value.facts["path"]) == ("manifest.no-toml", tmp_path)


def test_new_manifest_is_sound(tmp_path):
    template.create_manifest(tmp_path / "My Cats")
    m = load_manifest(str(tmp_path / "My Cats"))
    assert m.name == "my-cats"
    assert len(m.classes) == 4


def test_new_manifest_overwrites_nothing(tmp_path):
    template.create_manifest(tmp_path / "cats")
    with pytest.raises(UsageError) as error:
        template.create_manifest(tmp_path / "cats")
    assert error.value.code == "manifest.not-empty"


def test_diff_lists_what_changed(tmp_path):
    old = load_manifest(str(write_manifest(tmp_path / "a")))
    rows = [replace(CLASSES[0], fine="poodle"), *CLASSES[1:-1]]
    new = load_manifest(str(write_manifest(tmp_path / "b", rows)))
    changes = template.diff_manifests(old, new)
    assert any(line.startswith(f"~ {CLASSES[0].fine_id}") and "dog 1 -> poodle" in line for line in changes)
    assert any(line.startswith(f"- {CLASSES[-1].fine_id}") for line in changes)
    assert template.diff_manifests(old, old) == []
