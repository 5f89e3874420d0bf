"""What does not fit a run is said in a sentence, and what was there stays as it was."""

import os
import sys
import types
from dataclasses import replace

import pytest
import torch

from dmlkit.errors import DatasetError, RunError, UsageError
from dmlkit.evaluation import labels
from dmlkit.training.evaluate_run import EvaluateRunOptions, embed
from dmlkit.training.train import Runtime, train
from tests.support.dots import HUES, ONE_THREAD, build_dots, settings

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> str:
    return build_dots(tmp_path_factory.mktemp("dots"))


def test_other_settings_do_not_resume_a_run(dataset, tmp_path):
    train(dataset, settings(), tmp_path, replace(ONE_THREAD, stop_after=1))
    for other, changes in ((settings(lr=0.01), {"lr": (0.005, 0.01)}), (settings({"gamma": 16}), {"gamma": (32, 16)})):
        with pytest.raises(RunError) as error:
            train(dataset, other, tmp_path, ONE_THREAD)
        assert error.value.code == "training.settings-differ"
        assert error.value.facts["changes"] == changes


def test_other_dataset_does_not_resume_a_run(dataset, tmp_path):
    other = build_dots(tmp_path / "other", first=50)
    train(dataset, settings(), tmp_path / "run", replace(ONE_THREAD, stop_after=1))
    with pytest.raises(RunError) as error:
        train(other, settings(), tmp_path / "run", ONE_THREAD)
    assert error.value.code == "training.dataset-differs"
    with pytest.raises(RunError) as error:
        embed(tmp_path / "run", other)
    assert error.value.code == "training.other-dataset"
    ids, vectors = embed(tmp_path / "run", other, options=EvaluateRunOptions(other_data=True))
    assert len(ids) == len(vectors) == 64


def test_changed_labels_do_not_resume_a_run(dataset, tmp_path, monkeypatch):
    train(dataset, settings(), tmp_path, replace(ONE_THREAD, stop_after=1))
    true = labels.load_labels

    def swapped(*args, **kwargs):
        found = true(*args, **kwargs)
        changed = found.labels.copy()
        pair = [0, int((changed[:, 0] != changed[0, 0]).argmax())]
        changed[pair] = changed[pair[::-1]]
        return replace(found, labels=changed)

    monkeypatch.setattr(labels, "load_labels", swapped)
    with pytest.raises(RunError) as error:
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert error.value.code == "training.dataset-differs"


class Trap:
    ran = False

    def __reduce__(self):
        return (setattr, (Trap, "ran", True))


@pytest.mark.parametrize("damage", ["flipped", "cut", "text", "trap", "foreign"])
def test_damaged_checkpoint_never_runs(dataset, tmp_path, damage):
    train(dataset, settings(epochs=2), tmp_path, replace(ONE_THREAD, stop_after=1, evaluate_every=0))
    path = tmp_path / "checkpoint.pt"
    good = bytearray(path.read_bytes())
    if damage == "flipped":
        good[len(good) // 2] ^= 0xFF
        path.write_bytes(good)
    elif damage == "cut":
        path.write_bytes(good[: len(good) // 2])
    elif damage == "text":
        path.write_text("weights")
    else:
        torch.save({"format": Trap()} if damage == "trap" else {"weights": torch.ones(2)}, path)
    for use in (
        lambda: train(dataset, settings(epochs=2), tmp_path, ONE_THREAD),
        lambda: embed(tmp_path, dataset),
    ):
        with pytest.raises(RunError) as error:
            use()
        assert (error.value.code, error.value.facts["path"]) == ("training.damaged-checkpoint", path)
    assert not Trap.ran


def test_foreign_folder_is_left_alone(dataset, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunError) as error:
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert (error.value.code, error.value.facts["names"]) == ("training.out-not-a-run", ["thesis.tex"])
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_missing_dataset_leaves_no_run(tmp_path):
    with pytest.raises(UsageError) as error:
        train(str(tmp_path / "none"), settings(), tmp_path / "runs" / "one", ONE_THREAD)
    assert (error.value.code, error.value.facts["dataset"]) == ("training.no-dataset", str(tmp_path / "none"))
    assert not (tmp_path / "runs").exists()


def test_folder_without_checkpoint_cannot_embed(dataset, tmp_path):
    with pytest.raises(UsageError) as error:
        embed(tmp_path, dataset)
    assert (error.value.code, error.value.facts["path"]) == ("training.no-checkpoint", tmp_path)


def test_two_commands_do_not_train_one_run(dataset, tmp_path):
    inside = []

    def again(*step):
        if not inside:
            inside.append(True)
            with pytest.raises(RunError) as error:
                train(dataset, settings(), tmp_path / "run", ONE_THREAD)
            assert error.value.code == "training.run-locked"

    train(dataset, settings(epochs=1), tmp_path / "run", ONE_THREAD, again)
    assert inside


def test_full_disk_leaves_the_last_checkpoint(dataset, tmp_path, monkeypatch):
    train(dataset, settings(), tmp_path, replace(ONE_THREAD, stop_after=1))
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError) as error:
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert (error.value.code, error.value.facts["reason"]) == ("training.not-written", "No space left on device")
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert not list(tmp_path.glob(".*.partial"))


@pytest.mark.parametrize(("batch_size", "fitting"), [(64, 32), (30, 28)])
def test_batch_that_cannot_be_filled(dataset, tmp_path, batch_size, fitting):
    with pytest.raises(UsageError) as error:
        train(dataset, settings(batch_size=batch_size), tmp_path, replace(ONE_THREAD, shrink_batch=False))
    assert (error.value.code, error.value.facts["fitting"]) == ("training.batch-not-filled", fitting)
    assert error.value.hint == f"use --batch-size {fitting}"


def test_batch_of_a_recipe_shrinks(dataset, tmp_path):
    facts = train(dataset, settings(batch_size=64, epochs=1), tmp_path, ONE_THREAD)
    assert facts["settings"]["batch_size"] == 32


def test_lack_of_memory_is_a_run_error(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("dmlkit.training.model.normalize_pixels", lambda *args: torch.empty(2**60))
    with pytest.raises(RunError) as error:
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert error.value.code == "training.out-of-memory"


def test_infinite_loss_stops_the_run(dataset, tmp_path):
    with pytest.raises(RunError) as error:
        train(dataset, settings(lr=1e30, optimizer="sgd"), tmp_path, ONE_THREAD)
    assert (error.value.code, error.value.facts["epoch"]) == ("training.loss-not-finite", 1)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_unfit_labels_are_named(dataset, monkeypatch, tmp_path):
    true = labels.load_labels

    def changed(row, column, value):
        def load(*args, **kwargs):
            found = true(*args, **kwargs)
            values = found.labels.copy()
            values[row, column] = value
            return replace(found, labels=values)

        return load

    monkeypatch.setattr(labels, "load_labels", changed(3, 1, -1))
    with pytest.raises(DatasetError) as error:
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert error.value.code == "dataset.missing-label"
    assert error.value.facts == {"count": 1, "image_id": true(dataset, ("train",)).ids[3], "scale": "middle"}
    other = 1 - int(true(dataset, ("train",)).labels[3, 2])
    monkeypatch.setattr(labels, "load_labels", changed(3, 2, other))
    with pytest.raises(DatasetError) as error:
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert (error.value.code, error.value.facts["scale"]) == ("dataset.two-parents", "middle")
    monkeypatch.setattr(labels, "load_labels", changed(slice(None), 0, 2))
    with pytest.raises(DatasetError) as error:
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert (error.value.code, error.value.facts["count"]) == ("dataset.too-few-classes", 1)


def test_too_large_holdout_is_refused(dataset, tmp_path):
    with pytest.raises(DatasetError) as error:
        train(dataset, settings(holdout=0.95), tmp_path, ONE_THREAD)
    assert error.value.code == "dataset.holdout-too-large"


def test_unknown_device_is_an_error(dataset, tmp_path):
    with pytest.raises(UsageError) as error:
        train(dataset, settings(), tmp_path, Runtime(device="gpu9"))
    assert (error.value.code, error.value.facts["device"]) == ("training.no-device", "gpu9")


def test_dataset_without_test_is_only_trained(tmp_path):
    classes = [replace(c, split="train") for c in HUES]
    facts = train(build_dots(tmp_path, classes), settings(epochs=1), tmp_path / "run", ONE_THREAD)
    assert facts["finished"]
    assert facts["metrics"] is None


def test_missing_tensorboard_is_named(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError) as error:
        train(dataset, settings(), tmp_path, replace(ONE_THREAD, tensorboard=True))
    assert (error.value.code, error.value.facts["package"]) == ("training.missing-package", "tensorboard")


def test_tensorboard_gets_loss_and_metrics(dataset, tmp_path, monkeypatch):
    # tensorboard is not among the dependencies; this stands in for its writer.
    shown = {}

    class SummaryWriter:
        def __init__(self, folder):
            self.folder = folder

        def add_scalar(self, name, value, step):
            shown[name, step] = value

        def flush(self):
            pass

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    facts = train(dataset, settings(epochs=2), tmp_path, replace(ONE_THREAD, tensorboard=True))
    assert shown["loss", 2] == facts["epochs"][1]["loss"]
    assert shown["fine/mAP", 2] == facts["metrics"]["fine"]["mAP"]
    assert all(isinstance(value, float) for value in shown.values())
