"""`dmlkit evaluate RUN DATASET`: a run is embedded and measured on dataset folders of every layout."""

import json
from dataclasses import replace

import pytest

from dmlkit.errors import RunError
from dmlkit.evaluation import labels
from dmlkit.evaluation.api import evaluate
from dmlkit.schema.scales import SCALES
from dmlkit.training.evaluate_run import EvaluateRunOptions, embed, evaluate_run
from tests.support.manifests import CLASSES, TOML, build_folder
from tests.support.requirements import installed


@pytest.fixture(scope="module")
def trained(good_folder, tmp_path_factory):
    """A run of one epoch on the good folder."""
    installed("torch", "pytorch_metric_learning")
    from dmlkit.training.recipes import make_settings
    from dmlkit.training.train import Runtime, train

    out = tmp_path_factory.mktemp("run") / "run"
    settings = make_settings(epochs=1, crop_px=24, batch_size=8, per_class=2)
    train(str(good_folder), settings, out, Runtime(threads=1, device="cpu"))
    return out


def test_run_is_evaluated_as_after_training(trained, good_folder):
    found = evaluate_run(trained, str(good_folder), EvaluateRunOptions(device="cpu"))
    (epoch,) = json.loads((trained / "run.json").read_text())["epochs"]
    for part in (*SCALES, "overall"):
        assert found[part] == pytest.approx(epoch["metrics"][part], abs=1e-6)
    assert found["embeddings"]["run"] == "run"
    assert found["notes"] == []


def test_other_dataset_needs_its_option(trained, tmp_path):
    other = build_folder(tmp_path, toml=TOML.replace("1.0.0", "2.0.0"), per_class=5)
    with pytest.raises(RunError) as error:
        evaluate_run(trained, str(other), EvaluateRunOptions(device="cpu"))
    assert (error.value.code, error.value.facts["path"]) == ("training.other-dataset", trained)
    (note,) = evaluate_run(trained, str(other), EvaluateRunOptions(device="cpu", other_data=True))["notes"]
    assert "the run was trained on" in note


def test_trained_test_classes_are_noted(trained, tmp_path):
    turned = [replace(c, split={"train": "test", "test": "train"}[c.split]) for c in CLASSES]
    other = build_folder(tmp_path, classes=turned)
    notes = evaluate_run(trained, str(other), EvaluateRunOptions(device="cpu", other_data=True))["notes"]
    assert "4 of its 4 fine test classes have the name of a class that the run was trained on" in notes[1]
    assert "2 of its 2 middle test classes" in notes[2]


def test_one_set_is_measured_as_by_hand(trained, one_set_folder):
    found = evaluate_run(trained, str(one_set_folder), EvaluateRunOptions(device="cpu", other_data=True))
    _, vectors = embed(
        trained, str(one_set_folder), ["query"], options=EvaluateRunOptions(device="cpu", other_data=True)
    )
    wanted = evaluate(vectors, labels.load_labels(str(one_set_folder), ["query"]).labels)
    assert found["overall"] == pytest.approx(wanted["overall"], nan_ok=True)


def test_each_scale_of_a_release_is_embedded(trained, release_folder):
    found = evaluate_run(trained, str(release_folder), EvaluateRunOptions(device="cpu", other_data=True))
    assert [found["counts"][scale]["gallery"] for scale in SCALES] == [3, 3, 3]
