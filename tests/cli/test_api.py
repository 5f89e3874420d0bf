"""The public functions of `dmlkit`, used as in a script of one's own."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import dmlkit
from tests.support.manifests import CLASSES


@pytest.fixture
def options(tiny_source, tmp_path):
    return dmlkit.BuildOptions(source="imagenet-21k", out=tmp_path / "out", path=tiny_source, jobs=1)


def test_build_writes_a_valid_dataset(tiny_manifest, options):
    result = dmlkit.build(dmlkit.load_manifest(str(tiny_manifest)), options)
    assert result.statuses == {"ok": 48}
    assert dmlkit.validate(options.out) == []


def test_build_reports_its_steps(tiny_manifest, options):
    steps = []
    dmlkit.build(dmlkit.load_manifest(str(tiny_manifest)), options, lambda *report: steps.append(report))
    assert ("collect", 8, 8) in {report[:3] for report in steps}


def test_build_refuses_a_source_of_other_datasets(tiny_manifest, options):
    with pytest.raises(dmlkit.DmlkitError) as error:
        dmlkit.build(dmlkit.load_manifest(str(tiny_manifest)), replace(options, source="sample"))
    assert error.value.exit_code == 2


def test_open_dataset_gives_its_facts_and_rows(good_folder):
    dataset = dmlkit.open_dataset(good_folder)
    assert (dataset.name, len(dataset.classes)) == ("tiny", 8)
    assert len(list(dataset.rows("query", ["image_id"]))) == 9


def test_open_dataset_refuses_another_folder(tmp_path):
    with pytest.raises(dmlkit.DmlkitError) as error:
        dmlkit.open_dataset(tmp_path)
    assert error.value.code.startswith("dataset.")


def test_manifest_lists_classes_of_three_scales(tiny_manifest):
    manifest = dmlkit.load_manifest(str(tiny_manifest))
    assert [len(manifest.ids(scale)) for scale in ("fine", "middle", "coarse")] == [8, 4, 2]


def test_taxonomy_resolves_a_label(tiny_manifest):
    taxonomy = dmlkit.Taxonomy(dmlkit.load_manifest(str(tiny_manifest)))
    resolution = taxonomy.resolve(CLASSES[0].fine_id)
    assert (resolution.status, resolution.fine_id) == ("ok", CLASSES[0].fine_id)


def test_evaluate_is_exact_for_embeddings_of_classes():
    labels = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0]])
    result = dmlkit.evaluate(np.eye(2, dtype=np.float32)[labels[:, 0]], labels)
    assert result["fine"]["mAP"] == result["fine"]["R@1"] == 1


def test_public_names_are_listed_and_importable():
    assert set(dmlkit.__all__) <= set(dir(dmlkit))
    for name in dmlkit.__all__:
        assert getattr(dmlkit, name)


def test_public_names_are_those_of_the_table():
    assert {*dmlkit._PUBLIC, "__version__"} == set(dmlkit.__all__)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="nothing"):
        _ = dmlkit.nothing


def test_import_loads_nothing_heavy():
    code = "import dmlkit, sys; dir(dmlkit); print(*sorted({name.split('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "datasets", "pandas", "numpy", "pyarrow", "nltk", "PIL", "click", "rich", "huggingface_hub"}
    assert heavy.isdisjoint(ran.stdout.split())


def test_names_of_rooms_are_no_public_names():
    rooms = {"cli", "dataset", "evaluation", "formats", "hub", "pipeline", "sources", "storage", "taxonomy", "training"}
    assert rooms.isdisjoint(dmlkit.__all__)
