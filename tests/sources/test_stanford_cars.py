"""Stanford Cars: both layouts, labels out of MATLAB files, body types out of the manifest's table."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from dmlkit.dataset.validate import validate
from dmlkit.errors import ManifestError, SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources import stanford_cars as module
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy import manifest
from dmlkit.taxonomy.manifest import load_manifest
from tests.support import vehicle_archives as made
from tests.support.errors import raises
from tests.support.images import make_image
from tests.support.requirements import installed
from tests.support.vehicle_archives import edit, read, request, zipped

installed("scipy.io")

with (manifest.find_manifest("vehicle") / "stanford-cars.tsv").open(encoding="utf-8", newline="") as file:
    TABLE = list(csv.DictReader(file, delimiter="\t"))
CLASSES = 196
NAMES = [row["name"] for row in TABLE]
PARTS = {"cars_train": 4, "cars_test": 2}
"""Images of each class."""


def mat(**variables):
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, variables)
    return out.getvalue()


def annotations(labels, field="fname", with_class=True):
    """The array of structs: image → class."""
    fields = [*(f"bbox_{i}" for i in ("x1", "y1", "x2", "y2")), *(["class"] if with_class else []), field]
    rows = [(1, 1, 40, 40, *([number] if with_class else []), name) for name, number in labels.items()]
    return np.array([rows], dtype=[(name, object) for name in fields])


def class_names(names):
    return np.array([names], dtype=object)


def labels_of(part, count=CLASSES):
    classes = [number for number in range(1, count + 1) for _ in range(PARTS[part])]
    return {f"{n:05d}.jpg": number for n, number in enumerate(classes, start=1)}


def two_folders(folder, names=NAMES, classes=CLASSES):
    for seed, part in enumerate(PARTS):
        for n, name in enumerate(labels_of(part, classes)):
            made.write(folder / part / name, make_image(10_000 * seed + n, 40, 36))
    train, test = labels_of("cars_train", classes), labels_of("cars_test", classes)
    made.write(folder / "devkit/cars_meta.mat", mat(class_names=class_names(names)))
    made.write(folder / "devkit/cars_train_annos.mat", mat(annotations=annotations(train)))
    made.write(folder / "devkit/cars_test_annos.mat", mat(annotations=annotations(test, with_class=False)))
    made.write(folder / "cars_test_annos_withlabels.mat", mat(annotations=annotations(test)))
    return folder


def one_folder(folder, names=NAMES, classes=CLASSES):
    labels = {f"car_ims/{n:06d}.jpg": (n - 1) // 2 + 1 for n in range(1, 2 * classes + 1)}
    for n, name in enumerate(labels):
        made.write(folder / name, make_image(n, 40, 36))
    data = mat(annotations=annotations(labels, "relative_im_path"), class_names=class_names(names))
    made.write(folder / "cars_annos.mat", data)
    return folder


@pytest.fixture
def folder(tmp_path):
    """With images of the first five classes."""
    return two_folders(tmp_path / "stanford_cars", classes=5)


def classes(path):
    return load_source("stanford-cars").classes(request(path))


def test_a_build_has_all_classes_and_vans_only_in_the_test(tmp_path):
    folder = one_folder(tmp_path / "cars")
    result = build(load_manifest("vehicle"), BuildOptions("stanford-cars", tmp_path / "out", folder, jobs=1))
    assert result.statuses == {"ok": 392}
    assert {scale: (c.num_covered, c.num_classes) for scale, c in result.coverage.items()} == {
        "fine": (196, 196), "middle": (result.coverage["middle"].num_classes,) * 2, "coarse": (8, 8)
    }  # fmt: skip
    assert validate(tmp_path / "out") == []
    tree = pd.concat(map(pd.read_parquet, (tmp_path / "out" / "hierarchy").glob("*.parquet")))
    sides = tree.groupby("coarse")["split"].agg(set).to_dict()
    assert sides.pop("van") == {"test"}
    assert set(map(frozenset, sides.values())) == {frozenset({"train", "test"})}
    of_acura = tree[tree["fine"] == "Acura TL Type-S 2008"].iloc[0]
    assert (of_acura["middle"], of_acura["coarse"]) == ("Acura, sedan", "sedan")


def test_both_folders_are_read_and_ids_tell_them_apart(folder):
    found = read("stanford-cars", folder)
    assert len(found) == 5 * 6
    assert found["cars_train_00001"] == found["cars_test_00001"] == ("stanford-cars-001", None)
    assert found["cars_test_00003"] == ("stanford-cars-002", None)


def test_a_zip_file_gives_the_same_images(folder, tmp_path):
    assert read("stanford-cars", zipped(tmp_path / "cars.zip", folder, "stanford_cars/")) == read(
        "stanford-cars", folder
    )


def test_the_old_layout_with_one_folder_is_read(tmp_path):
    found = read("stanford-cars", one_folder(tmp_path / "cars", classes=3))
    assert found["car_ims_000005"] == ("stanford-cars-003", None)


def test_a_single_image_has_its_label(folder):
    made.write(folder / "devkit/cars_train_annos.mat", mat(annotations=annotations({"00001.jpg": 2})))
    assert read("stanford-cars", folder)["cars_train_00001"] == ("stanford-cars-002", None)


def test_a_name_with_a_slash_may_be_written_with_a_hyphen(tmp_path):
    names = [name.replace("C/V", "C-V") for name in NAMES]
    assert names != NAMES
    found = classes(two_folders(tmp_path / "cars", names, classes=2))
    assert [c.middle for c in found.classes if "C-V" in c.fine] == ["Ram"]


def test_a_class_that_the_table_lacks_is_an_error_with_its_name(tmp_path):
    with pytest.raises(SourceError, match=r"1 classes are not in the manifest's table:\n  - class 197: 'Trabant 601"):
        classes(two_folders(tmp_path / "cars", [*NAMES, "Trabant 601 Sedan 1989"], classes=2))


def test_a_label_beyond_the_names_is_an_error(folder):
    made.write(folder / "devkit/cars_train_annos.mat", mat(annotations=annotations({"00001.jpg": 900})))
    with pytest.raises(SourceError, match=r"none of 196 classes:\n  - cars_train/00001.jpg: class 900"):
        classes(folder)


def test_labels_without_a_image_and_images_without_a_label_are_statuses(folder):
    (folder / "cars_train/00001.jpg").rename(folder / "cars_train/99999.jpg")
    found = read("stanford-cars", folder)
    assert found["cars_train_00001"] == ("stanford-cars-001", "missing")
    assert found["cars_train_99999"] == ("", "unlabelled")


def test_a_test_set_without_labels_is_unlabelled_and_told(folder):
    (folder / "cars_test_annos_withlabels.mat").unlink()
    found = read("stanford-cars", folder)
    assert found["cars_test_00001"] == ("", "unlabelled")
    assert "cars_test_annos_withlabels.mat is not there: the 10 images below cars_test/ have no labels" in (
        classes(folder).notes
    )


@pytest.mark.parametrize(
    "lacking", [["devkit/cars_meta.mat"], ["devkit/cars_train_annos.mat", "cars_test_annos_withlabels.mat"]]
)
def test_without_names_or_any_labels_the_error_says_which_file(lacking, folder):
    for name in lacking:
        (folder / name).unlink()
    with pytest.raises(SourceError, match=f"has no {lacking[0]}"):
        classes(folder)


def test_without_images_nothing_is_done(folder):
    for part in PARTS:
        (folder / part).rename(folder / f"my_{part}")
    with pytest.raises(SourceError, match="no images below cars_train"):
        classes(folder)


def test_damaged_matlab_file_is_refused(folder):
    path = folder / "devkit/cars_train_annos.mat"
    path.write_bytes(path.read_bytes()[:300])
    with raises(SourceError, "source.damaged-matlab", name="devkit/cars_train_annos.mat"):
        classes(folder)
    path.write_bytes((folder / "devkit/cars_test_annos.mat").read_bytes())
    with raises(SourceError, "source.damaged-matlab", name="devkit/cars_train_annos.mat"):
        classes(folder)


def test_a_type_in_an_own_table_that_the_manifest_lacks_is_an_error(folder, tmp_path):
    for file in manifest.find_manifest("vehicle").iterdir():
        if file.is_file():
            made.write(tmp_path / "own" / file.name, file.read_bytes())
    edit(tmp_path / "own" / "stanford-cars.tsv", lambda text: text.replace("Acura\tcoupe", "Acura\trocket"))
    with pytest.raises(ManifestError, match=r"Acura Integra Type R 2001: 'rocket'"):
        load_source("stanford-cars").classes(PlanRequest(load_manifest(str(tmp_path / "own")), folder, tmp_path))


def test_counts_that_are_the_published_ones_give_no_note(folder, monkeypatch):
    assert len(classes(folder).notes) == 2
    monkeypatch.setattr(module, "NUM_IMAGES", {"cars_train": 20, "cars_test": 10})
    assert classes(folder).notes == ()


def test_the_table_agrees_with_every_name_that_says_its_type():
    said = {"SUV": "suv", "Cab": "pickup", "SuperCab": "pickup", **{n.title(): n for n in (
        "sedan", "coupe", "convertible", "hatchback", "wagon", "van", "minivan")}}  # fmt: skip
    words = {row["name"]: row["name"].split()[-2] for row in TABLE}
    assert len(TABLE) == CLASSES
    assert sum(word in said for word in words.values()) == 181
    assert [row for row in TABLE if said.get(words[row["name"]], row["body"]) != row["body"]] == []
    assert [row for row in TABLE if not row["name"].startswith(row["make"])] == []
