"""What does not fit a run is said in a sentence, and what was there stays as it was."""

import os
import shutil
import sys
import types
from dataclasses import replace

import pytest
import torch

from dmlkit.errors import DatasetError, RunError, UsageError
from dmlkit.evaluation import labels
from dmlkit.training import embed, plots
from dmlkit.training.runs import Machine
from dmlkit.training.train import train
from tests.support.dots import ONE_THREAD, build_dots, settings

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> str:
    return build_dots(tmp_path_factory.mktemp("dots"))


@pytest.fixture(autouse=True)
def own_cache_and_no_figure(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("DMLKIT_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    monkeypatch.setattr(plots, "draw", lambda out, facts: None)  # it takes as long as the run; one test draws


def test_other_settings_do_not_go_on_with_a_run(dataset, tmp_path):
    train(dataset, settings(), tmp_path, replace(ONE_THREAD, stop_after=1))
    with pytest.raises(RunError, match=r"other settings \(lr: 0.005 there, 0.01 now\); left as it is"):
        train(dataset, settings(lr=0.01), tmp_path, ONE_THREAD)
    with pytest.raises(RunError, match=r"gamma: 32.0 there, 16 now"):
        train(dataset, settings({"gamma": 16}), tmp_path, ONE_THREAD)


def test_another_data_set_does_not_go_on_with_a_run(dataset, tmp_path):
    other = build_dots(tmp_path / "other", first=50)
    train(dataset, settings(), tmp_path / "run", replace(ONE_THREAD, stop_after=1))
    with pytest.raises(RunError, match="another dataset"):
        train(other, settings(), tmp_path / "run", ONE_THREAD)
    with pytest.raises(RunError, match=r"another dataset than .*; its training classes may be test classes"):
        embed.embed(tmp_path / "run", other)
    ids, found = embed.embed(tmp_path / "run", other, other_data=True)
    assert len(ids) == len(found) == 64


def test_changed_labels_do_not_go_on_with_a_run(dataset, tmp_path, monkeypatch):
    train(dataset, settings(), tmp_path, replace(ONE_THREAD, stop_after=1))
    true = labels.load_labels

    def swapped(*args, **kwargs):
        found = true(*args, **kwargs)
        changed = found.labels.copy()
        pair = [0, int((changed[:, 0] != changed[0, 0]).argmax())]
        changed[pair] = changed[pair[::-1]]
        return replace(found, labels=changed)

    monkeypatch.setattr(labels, "load_labels", swapped)
    with pytest.raises(RunError, match="its labels have changed"):
        train(dataset, settings(), tmp_path, ONE_THREAD)


class Trap:
    ran = False

    def __reduce__(self):
        return (setattr, (Trap, "ran", True))


@pytest.mark.parametrize("damage", ["flipped", "cut", "text", "trap", "foreign"])
def test_a_damaged_checkpoint_is_an_error_and_nothing_of_it_runs(dataset, tmp_path, damage):
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
        lambda: embed.embed(tmp_path, dataset),
    ):
        with pytest.raises(RunError, match=r"checkpoint\.pt is damaged or no checkpoint") as error:
            use()
        assert "another --out" in error.value.hint
    assert not Trap.ran


def test_a_folder_with_something_else_is_left_alone(dataset, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match=r"no run \(thesis.tex\); left as it is"):
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UsageError) as error:
        train(str(tmp_path / "none"), settings(), tmp_path / "runs" / "one", ONE_THREAD)
    assert error.value.code == "evaluation.no-dataset"
    assert not (tmp_path / "runs").exists()


def test_what_is_no_run_cannot_embed(dataset, tmp_path):
    with pytest.raises(UsageError, match="no run that has ended an epoch"):
        embed.embed(tmp_path, dataset)


def test_two_commands_do_not_train_one_run(dataset, tmp_path):
    inside = []

    def again(*step):
        if not inside:
            inside.append(True)
            with pytest.raises(RunError, match="another command is training"):
                train(dataset, settings(), tmp_path / "run", ONE_THREAD)

    train(dataset, settings(epochs=1), tmp_path / "run", ONE_THREAD, again)
    assert inside


def test_a_full_disk_leaves_the_last_checkpoint(dataset, tmp_path, monkeypatch):
    train(dataset, settings(), tmp_path, replace(ONE_THREAD, stop_after=1))
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert not list(tmp_path.glob(".*.partial"))


def test_a_batch_that_the_data_set_cannot_fill(dataset, tmp_path):
    with pytest.raises(UsageError, match="more than the 8 training classes") as error:
        train(dataset, settings(batch_size=64), tmp_path, ONE_THREAD, batch_chosen=True)
    assert error.value.hint == "--batch-size 32"
    with pytest.raises(UsageError, match="no whole number of groups of 4"):
        train(dataset, settings(batch_size=30), tmp_path, ONE_THREAD, batch_chosen=True)
    facts = train(dataset, settings(batch_size=64, epochs=1), tmp_path, ONE_THREAD)  # not chosen: a smaller one
    assert facts["settings"]["batch_size"] == 32


def test_memory_that_runs_out_is_said_in_a_sentence(dataset, tmp_path, monkeypatch):
    def too_much(*args):
        return torch.empty(2**60)

    monkeypatch.setattr("dmlkit.training.data.prepared", too_much)
    with pytest.raises(RunError, match="memory is too small") as error:
        train(dataset, settings(), tmp_path, ONE_THREAD)
    assert "--batch-size" in error.value.hint


def test_a_loss_that_is_no_number_stops_the_run(dataset, tmp_path):
    with pytest.raises(RunError, match="no number any more, in epoch 1"):
        train(dataset, settings(lr=1e30, optimizer="sgd"), tmp_path, ONE_THREAD)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_labels_that_cannot_be_trained_on_are_named(dataset, monkeypatch, tmp_path):
    true = labels.load_labels

    def changed(row, column, value):
        def load(*args, **kwargs):
            found = true(*args, **kwargs)
            values = found.labels.copy()
            values[row, column] = value
            return replace(found, labels=values)

        return load

    monkeypatch.setattr(labels, "load_labels", changed(3, 1, -1))
    with pytest.raises(DatasetError, match=r"1 training images lack a label, the first imagenet-21k/n1\w+ its middle"):
        train(dataset, settings(), tmp_path, ONE_THREAD)
    other = 1 - int(true(dataset, ("train",)).labels[3, 2])
    monkeypatch.setattr(labels, "load_labels", changed(3, 2, other))
    with pytest.raises(DatasetError, match=r"middle class hues \d stands under 2 coarse classes"):
        train(dataset, settings(), tmp_path, ONE_THREAD)
    monkeypatch.setattr(labels, "load_labels", changed(slice(None), 0, 2))
    with pytest.raises(DatasetError, match="1 fine classes are left"):
        train(dataset, settings(), tmp_path, ONE_THREAD)


def test_too_many_classes_cannot_be_held_back(dataset, tmp_path):
    with pytest.raises(DatasetError, match="none would be left"):
        train(dataset, settings(held_back=0.95), tmp_path, ONE_THREAD)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"epochs": 0}, "--epochs 0"),
        ({"lr": -1.0}, "--lr"),
        ({"held_back": 1.0}, "--held-back"),
        ({"size": 0}, "--size"),
    ],
)
def test_numbers_out_of_range_are_named(given, says):
    with pytest.raises(UsageError, match=f"{says}.* out of range"):
        settings(**given)


def test_an_unknown_device_is_an_error(dataset, tmp_path):
    with pytest.raises(UsageError, match="--device gpu9 cannot be used"):
        train(dataset, settings(), tmp_path, Machine(device="gpu9"))


def test_a_data_set_without_a_test_is_trained_and_not_evaluated(dataset, tmp_path):
    folder = tmp_path / "train-only"
    shutil.copytree(dataset, folder)
    for path in (*folder.glob("data/query-*"), *folder.glob("data/gallery-*")):
        path.unlink()
    card = (folder / "README.md").read_text()
    for split in ("query", "gallery"):
        card = card.replace(f"  - split: {split}\n    path: data/{split}-*.parquet\n", "")
    start, _, rest = card.partition("dataset_info:")
    (folder / "README.md").write_text(card if not rest else start + "---\n")
    facts = train(str(folder), settings(epochs=1), tmp_path / "run", ONE_THREAD)
    assert facts["finished"]
    assert facts["metrics"] is None


def test_without_tensorboard_its_option_says_what_to_install(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match="needs tensorboard") as error:
        train(dataset, settings(), tmp_path, replace(ONE_THREAD, tensorboard=True))
    assert "pip install" in error.value.hint


def test_tensorboard_gets_the_loss_and_the_metrics(dataset, tmp_path, monkeypatch):
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
