"""`dmlkit evaluate RUN DATASET`: a run is embedded and measured on dataset folders of every layout."""

import json
from dataclasses import replace

import pytest

from dmlkit.errors import DmlkitError
from dmlkit.evaluation import labels
from dmlkit.evaluation.api import evaluate
from dmlkit.schema.scales import SCALES
from dmlkit.training.evaluate_run import EvaluateRunOptions, evaluate_run
from tests.support.manifests import CLASSES, TOML, build_folder
from tests.support.requirements import installed


@pytest.fixture(scope="module")
def trained(good_folder, tmp_path_factory):
    """A run of one epoch on the good folder."""
    installed("torch", "pytorch_metric_learning", "matplotlib")
    from dmlkit.training import plots
    from dmlkit.training.runs import Machine, settings
    from dmlkit.training.train import train

    out = tmp_path_factory.mktemp("run") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "draw", lambda *_: None)  # it takes longer than the run
        patch.setenv("DMLKIT_HOME", str(out.parent / "home"))
        made = settings({"epochs": 1, "size": 24, "batch_size": 8, "per_class": 2})
        train(str(good_folder), made, out, Machine(threads=1, device="cpu"))
    return out


def test_a_run_is_evaluated_as_it_was_after_training(trained, good_folder):
    found = evaluate_run(trained, str(good_folder), EvaluateRunOptions(device="cpu"))
    (epoch,) = json.loads((trained / "run.json").read_text())["epochs"]
    for part in (*SCALES, "overall"):
        assert found[part] == pytest.approx(epoch["metrics"][part], abs=1e-6)
    assert found["embeddings"]["run"] == "run"
    assert found["notes"] == []


def test_a_run_on_another_data_set_is_refused_unless_that_is_meant(trained, tmp_path):
    other = build_folder(tmp_path, toml=TOML.replace("1.0.0", "2.0.0"), per_class=5)
    with pytest.raises(DmlkitError, match="another dataset") as caught:
        evaluate_run(trained, str(other), EvaluateRunOptions(device="cpu"))
    assert "--other-data" in caught.value.hint
    (note,) = evaluate_run(trained, str(other), EvaluateRunOptions(device="cpu", other_data=True))["notes"]
    assert "the run was trained on" in note


def test_classes_that_the_run_was_trained_on_are_named(trained, tmp_path):
    turned = [replace(c, split={"train": "test", "test": "train"}[c.split]) for c in CLASSES]
    other = build_folder(tmp_path, classes=turned)
    notes = evaluate_run(trained, str(other), EvaluateRunOptions(device="cpu", other_data=True))["notes"]
    assert "4 of its 4 fine test classes have the name of a class that the run was trained on" in notes[1]
    assert "2 of its 2 middle test classes" in notes[2]


def test_one_set_of_images_is_embedded_by_a_run_as_by_hand(trained, one_set_folder):
    from dmlkit.training.embed import embed

    found = evaluate_run(trained, str(one_set_folder), EvaluateRunOptions(device="cpu", other_data=True))
    _, vectors = embed(trained, str(one_set_folder), ["query"], other_data=True, device="cpu")
    wanted = evaluate(vectors, labels.load_labels(str(one_set_folder), ["query"]).labels)
    assert found["overall"] == pytest.approx(wanted["overall"], nan_ok=True)


def test_each_scale_of_a_release_is_embedded_by_a_run(trained, release_folder):
    found = evaluate_run(trained, str(release_folder), EvaluateRunOptions(device="cpu", other_data=True))
    assert [found["counts"][scale]["gallery"] for scale in SCALES] == [3, 3, 3]
