"""CompCars: model and year below make folders, names and types out of MATLAB files."""

import builtins
import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from dmlkit.dataset.validate import validate
from dmlkit.errors import ManifestError, SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources import compcars as module
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy import manifest
from dmlkit.taxonomy.manifest import load_manifest
from tests.support import vehicle_archives as made
from tests.support.images import make_image
from tests.support.requirements import installed
from tests.support.vehicle_archives import edit, read, reasons, request, zipped

installed("scipy.io")

TYPES = ["MPV", "SUV", "sedan", "hatchback", "minibus", "fastback", "estate", "pickup", "sports", "crossover",
         "convertible", "hardtop convertible"]  # fmt: skip
MAKES = ["Audi", "", "Mini"]
MODELS = ["Audi A4", "Audi A4", "", "MINI Cooper", "Q 5", "A8L", "pick", "up", "S5"]
MAKE_OF = {1: 1, 2: 1, 3: 2, 4: 3, 5: 1, 6: 1, 7: 2, 8: 2, 9: 1}
TYPE_OF = {1: 3, 2: 3, 3: 4, 4: 4, 5: 2, 6: 3, 7: 8, 8: 8, 9: 0}
ATTRIBUTES = "model_id maximum_speed displacement door_number seat_number type\n" + "".join(
    f"{model} 0 1.{model} 4 5 {kind}\n" for model, kind in TYPE_OF.items()
)
IMAGES = {f"{MAKE_OF[m]}/{m}/{year}/{m}f{year}{n}": m for m in MAKE_OF for year in (2009, 2010) for n in (1, 2)}


def cells(values):
    """A MATLAB column of cells; an empty text is an empty cell."""
    return np.array([[value if value else np.empty((0, 0))] for value in values], dtype=object)


def mat(**variables):
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, variables)
    return out.getvalue()


def write(folder, images=IMAGES, attributes=ATTRIBUTES, types=TYPES):
    for number, name in enumerate(images):
        made.write(folder / f"image/{name}.jpg", make_image(number))
        made.write(folder / f"label/{name}.txt", "4\n1\n10 10 400 300\n")
    made.write(folder / "misc/attributes.txt", attributes)
    made.write(folder / "misc/make_model_name.mat", mat(make_names=cells(MAKES), model_names=cells(MODELS)))
    made.write(folder / "misc/car_type.mat", mat(types=cells(types).T))
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "CompCars")


def classes(path):
    return load_source("compcars").classes(request(path))


def own_manifest(where, change):
    """A copy of the manifest with changed rules."""
    original = manifest.find_manifest("vehicle")
    for file in original.iterdir():
        if file.is_file():
            made.write(where / file.name, file.read_bytes())
    edit(where / "manifest.toml", change)
    return load_manifest(str(where))


def test_a_build_has_the_types_of_the_map_and_pickups_only_in_the_test(folder, tmp_path):
    result = build(load_manifest("vehicle"), BuildOptions("compcars", tmp_path / "out", folder, jobs=1))
    assert result.statuses == {"ok": 32, "excluded": 4}
    assert validate(tmp_path / "out") == []
    tree = pd.concat(map(pd.read_parquet, (tmp_path / "out" / "hierarchy").glob("*.parquet")))
    assert set(tree[tree["split"] == "test"]["coarse"]) == {"pickup", "sedan", "hatchback"}
    assert Counter(tree["coarse"]) == {"sedan": 6, "hatchback": 4, "SUV": 2, "pickup": 4}


def test_the_zip_file_gives_the_same_images(folder, tmp_path):
    path = zipped(tmp_path / "my.zip", folder, "data/")
    assert read("compcars", path) == read("compcars", folder)
    assert read("compcars", path)["1_2_2009_2f20091"] == ("compcars-001-0002-2009", None)


def test_names_are_readable_and_unique(folder):
    assert {c.fine_id[9:17]: c.middle for c in classes(folder).classes} == {
        "001-0001": "Audi A4 (1)",
        "001-0002": "Audi A4 (2)",
        "002-0003": "make 2 model 3",
        "003-0004": "MINI Cooper",
        "001-0005": "Audi Q 5",
        "001-0006": "Audi A8L",
        "002-0007": "make 2 pick",
        "002-0008": "make 2 up",
    }


def test_models_of_unknown_type_and_images_of_unknown_year_are_left_out(tmp_path):
    found = classes(write(tmp_path / "c", [*IMAGES, "1/1/unknown/a", "1/77/2011/b"]))
    assert reasons(found) == {
        "compcars-001-0001-unknown": "its year is unknown",
        "compcars-001-0009-2009": "misc/attributes.txt says no type of its model",
        "compcars-001-0009-2010": "misc/attributes.txt says no type of its model",
        "compcars-001-0077-2011": "misc/attributes.txt says no type of its model",
    }


def test_a_type_that_the_manifest_leaves_out_is_a_reason(folder, tmp_path):
    own = own_manifest(tmp_path / "own", lambda text: text.replace('"hatchback" = "hatchback"', '"hatchback" = ""'))
    found = load_source("compcars").classes(PlanRequest(own, folder, tmp_path))
    assert reasons(found)["compcars-003-0004-2009"] == "the manifest leaves out its type: hatchback"


def test_the_middle_class_may_be_the_makes_cars_of_one_type(folder, tmp_path):
    own = own_manifest(tmp_path / "own", lambda text: text.replace('middle = "model"', 'middle = "make"'))
    found = load_source("compcars").classes(PlanRequest(own, folder, tmp_path)).classes
    assert {c.middle for c in found} == {
        "Audi, sedan", "Audi, SUV", "make 2, hatchback", "make 2, pickup", "Mini"
    }  # fmt: skip


def wrong_rules():
    return {
        "`middle` in [compcars] of the manifest is 'maker'": ('middle = "model"', 'middle = "maker"'),
        "the type 'MPV' is 'vann', which is not in [coarse]": ('"MPV" = "van"', '"MPV" = "vann"'),
        "only_test names 'truk'": ('only_test = ["pickup"]', 'only_test = ["truk"]'),
        "test_share and least_share must be numbers": ("test_share = 0.18", 'test_share = "a fifth"'),
        "has no section [compcars]": ("[compcars", "[comcars"),
        "[compcars.types] of the manifest vehicle must be tables": ("[compcars.types]", 'types = "all"\n[other]'),
    }


@pytest.mark.parametrize("fault", wrong_rules())
def test_rules_of_an_own_manifest_that_contradict_it_are_an_error(fault, folder, tmp_path):
    own = own_manifest(tmp_path / "own", lambda text: text.replace(*wrong_rules()[fault]))
    with pytest.raises(ManifestError) as raised:
        build(own, BuildOptions("compcars", tmp_path / "out", folder, jobs=1))
    assert fault in str(raised.value)


def test_unknown_types_are_an_error_that_shows_them(tmp_path):
    with pytest.raises(SourceError, match=r"does not know:\n  - 'hovercraft'\n.*\[compcars.types\]"):
        classes(write(tmp_path / "c", types=[*TYPES, "hovercraft"]))


def test_images_at_another_place_are_unlabelled(tmp_path):
    found = read("compcars", write(tmp_path / "c", [*IMAGES, "1/1/stray", "x/1/2009/odd"]))
    assert found["stray"] == found["odd"] == ("", "unlabelled")


def test_images_of_the_same_name_in_two_folders_are_two(tmp_path):
    found = read("compcars", write(tmp_path / "c", ["1/1/2009/same", "1/2/2009/same"]))
    assert set(found) == {"1_1_2009_same", "1_2_2009_same"}


def test_attributes_without_a_line_of_names_are_read_whole(tmp_path):
    first = classes(write(tmp_path / "c", attributes=ATTRIBUTES.split("\n", 1)[1])).classes
    assert first == classes(write(tmp_path / "d")).classes


def test_lines_of_attributes_that_cannot_be_read_are_one_error(tmp_path):
    text = ATTRIBUTES + "10 0 0 0 0 13\n11 0 0 0\n\nnobody\n1 0 0 0 0 7\n"
    with pytest.raises(SourceError) as raised:
        classes(write(tmp_path / "c", attributes=text))
    for line in ("line 11: '10 0 0 0 0 13'", "line 12: '11 0", "line 14: 'nobody'", "line 15: model 1 has another"):
        assert line in raised.value.message


@pytest.mark.parametrize("name", ["misc/attributes.txt", "misc/make_model_name.mat", "misc/car_type.mat"])
def test_a_file_that_is_missing_is_named(name, folder):
    (folder / name).unlink()
    with pytest.raises(SourceError, match=f"has no {name}"):
        classes(folder)


def test_damaged_and_foreign_matlab_files_are_errors(folder):
    (folder / "misc/car_type.mat").write_bytes(b"no MATLAB file")
    with pytest.raises(SourceError, match=r"car_type.mat cannot be read"):
        classes(folder)
    (folder / "misc/car_type.mat").write_bytes(mat(other=1))
    with pytest.raises(SourceError, match=r"car_type.mat cannot be read: it has no 'types'"):
        classes(folder)


def test_without_images_nothing_is_done(folder):
    (folder / "image").rename(folder / "images")
    with pytest.raises(SourceError, match="no images below image/"):
        classes(folder)


def test_without_scipy_the_error_says_what_to_install(folder, monkeypatch):
    real = builtins.__import__

    def without(name, *more):
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SourceError, match=r"needs scipy.*\n.*dmlkit\[devkit\]"):
        classes(folder)


def test_counts_that_are_the_published_ones_give_no_note(tmp_path, monkeypatch):
    folder = write(tmp_path / "c", [name for name in IMAGES if IMAGES[name] != 9])
    assert len(classes(folder).notes) == 2
    monkeypatch.setattr(module, "NUM_IMAGES", 32)
    monkeypatch.setattr(module, "NUM_MODELS", 8)
    assert classes(folder).notes == ()
