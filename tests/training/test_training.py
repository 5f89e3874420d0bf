"""Runs from end to end on a tiny dataset: they learn, are evaluated, and go on after a stop."""

import faulthandler
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from dmlkit.cli import train as training
from dmlkit.evaluation import labels
from dmlkit.evaluation.api import evaluate
from dmlkit.training import evaluate_run, images, runs
from dmlkit.training.losses import make_loss
from dmlkit.training.recipes import make_settings
from dmlkit.training.train import make_optimizer, train
from tests.support.dots import ONE_THREAD, build_dots, of_run, settings
from tests.support.dyml_release import PRODUCT, imported, write_release

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> str:
    return build_dots(tmp_path_factory.mktemp("dots"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state = runs.load_checkpoint(folder)
    optimizer = {f"{i}.{k}": v for i, of in state["optimizer"]["state"].items() for k, v in of.items()}
    return {**state["net"], **state["loss"], **optimizer}


def assert_same(one: Path, other: Path) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def mean_precision(folder: Path, dataset: str, splits: tuple[str, ...]) -> float:
    """mAP at the fine scale, each image of the splits searched with among the others."""
    _, found = evaluate_run.embed(folder, dataset, splits)
    return evaluate(found, labels.load_labels(dataset, splits).labels, threads=1)["fine"]["mAP"]


def by_chance(dataset: str, splits: tuple[str, ...]) -> float:
    """The same for embeddings that know nothing of the images."""
    known = labels.load_labels(dataset, splits).labels
    draws = [np.random.default_rng(seed).standard_normal((len(known), 16)) for seed in range(20)]
    return float(np.mean([evaluate(draw, known, threads=1)["fine"]["mAP"] for draw in draws]))


def test_training_learns_from_labels_only(dataset, tmp_path):
    given = {"epochs": 15, "lr": 0.02, "warmup": 0.0}
    quiet = replace(ONE_THREAD, evaluate_every=0)
    train(dataset, settings(**given), tmp_path / "trained", quiet)
    train(dataset, settings(**given, shuffle_labels=True), tmp_path / "shuffled", quiet)
    train(dataset, settings(epochs=1, lr=1e-12), tmp_path / "untrained", quiet)
    assert mean_precision(tmp_path / "trained", dataset, ("train",)) > by_chance(dataset, ("train",)) + 0.15
    for name in ("shuffled", "untrained"):
        for splits in (("train",), ("query", "gallery")):
            assert mean_precision(tmp_path / name, dataset, splits) < by_chance(dataset, splits) + 0.08, (name, splits)


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        ("csl-hard", {}),
        ("csl", {"proxy_start": "hierarchical", "proxy_norm": 1.0, "margin_growth": 0.5, "margins": (0.2, 0.6, 1.0)}),
        ("cosface", {}),
        ("cosface", {"scales": ("fine",)}),
        ("triplet", {"batch": "paper"}),
        ("npair", {"batch": "paper"}),
    ],
)
def test_every_kind_of_loss_trains(dataset, tmp_path, loss, options):
    facts = train(dataset, settings(options, loss=loss, epochs=2, batch_size=12, per_class=2), tmp_path, ONE_THREAD)
    assert facts["finished"]
    assert set(facts["metrics"]) >= {"fine", "middle", "coarse", "overall"}


def test_run_json_describes_the_run(dataset, tmp_path):
    shown = []
    facts = train(dataset, settings(), tmp_path / "run", ONE_THREAD, lambda *step: shown.append(step))
    written = of_run(tmp_path / "run")
    assert written == json.loads(json.dumps(facts))
    assert written["dataset"]["content"] == labels.load_labels(dataset, ("train",)).content
    assert written["dataset"]["classes"] == {"fine": 8, "middle": 4, "coarse": 2}
    assert written["dataset"]["images"] == 64
    # Test classes, which have no training images, have no proxy.
    assert runs.load_checkpoint(tmp_path / "run")["loss"]["proxies"].shape == (8, 16)
    assert [e["epoch"] for e in written["epochs"]] == [1, 2, 3, 4]
    assert all({"loss", "seconds", "images_per_second", "metrics"} <= set(e) for e in written["epochs"])
    assert written["metrics"] == written["epochs"][-1]["metrics"]
    assert {"torch", "dmlkit", "python"} <= set(written["versions"])
    text = (tmp_path / "run" / "run.json").read_text()
    assert str(tmp_path) not in text
    assert os.uname().nodename not in text
    steps = [step for step in shown if step[0] == "train"]
    assert [step[1] for step in steps] == list(range(16, 257, 16))
    assert {step[2] for step in steps} == {256}


def test_held_out_classes_are_not_trained_on(dataset, tmp_path, monkeypatch):
    seen, read = set(), images.read_batch

    def spy(stored, crop_px, batch):
        if isinstance(stored, images.DecodedImages):  # those of the training; test images are decoded each time
            seen.update(stored.ids[row] for row in batch.rows)
        return read(stored, crop_px, batch)

    monkeypatch.setattr(images, "read_batch", spy)
    facts = train(dataset, settings(holdout=0.5, batch_size=8), tmp_path, ONE_THREAD)
    known = labels.load_labels(dataset, ("train",))
    middle = {image_id: known.names["middle"][row[1]] for image_id, row in zip(known.ids, known.labels, strict=True)}
    trained = {middle[image_id] for image_id in seen}
    assert trained == {names[1] for names in runs.load_checkpoint(tmp_path)["classes"]}
    assert len(trained) == 2
    assert (facts["dataset"]["classes"]["fine"], facts["dataset"]["classes"]["middle"]) == (4, 2)
    assert (facts["dataset"]["images"], facts["dataset"]["holdout"]) == (32, 32)
    assert facts["metrics"]["counts"]["fine"]["queries"] == 32


def test_every_epoch_sees_other_crops(dataset, tmp_path, monkeypatch):
    boxes, read = [], images.read_batch

    def spy(stored, crop_px, batch):
        if isinstance(stored, images.DecodedImages):
            boxes.append(batch.boxes)
        return read(stored, crop_px, batch)

    monkeypatch.setattr(images, "read_batch", spy)
    train(dataset, settings(epochs=2), tmp_path, replace(ONE_THREAD, evaluate_every=0))
    first, second = boxes[: len(boxes) // 2], boxes[len(boxes) // 2 :]
    assert not any((a == b).all() for a, b in zip(first, second, strict=True))


def test_proxies_have_no_weight_decay():
    chosen = settings(weight_decay=0.5)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    table = torch.tensor([[0, 0, 0], [1, 1, 0]])
    loss = make_loss("csl", table, 8, chosen.loss_options)
    decays = {id(p): g["weight_decay"] for g in make_optimizer(chosen, net, loss).param_groups for p in g["params"]}
    assert decays[id(loss.proxies)] == decays[id(net[1].weight)] == decays[id(net[0].bias)] == 0
    assert decays[id(net[0].weight)] == 0.5


def test_release_is_evaluated_on_each_scale(tmp_path):
    folder = str(imported(write_release(tmp_path / "release" / "dyml_animal"), tmp_path / "out").out)
    made = settings(epochs=1, batch_size=8, per_class=2)
    facts = train(folder, made, tmp_path / "run", ONE_THREAD)
    assert set(facts["metrics"]) >= {"fine", "middle", "coarse", "overall"}
    of_scale = [facts["metrics"][scale]["mAP"] for scale in ("fine", "middle", "coarse")]
    assert facts["metrics"]["overall"]["mAP"] == pytest.approx(sum(of_scale) / 3)
    for scale in ("fine", "middle", "coarse"):
        known = labels.load_labels(folder, ("query", "gallery"), scale)
        ids, found = evaluate_run.embed(tmp_path / "run", folder, scale=scale)
        assert ids == known.ids
        query, rows = known.select("query"), slice(len(known.select("query").ids), None)
        again = evaluate(
            found[: rows.start], query.labels, gallery=found[rows], gallery_labels=known.labels[rows],
            ids=query.ids, gallery_ids=ids[rows], scales=(scale,), threads=1,
        )  # fmt: skip
        assert again[scale]["mAP"] == pytest.approx(facts["metrics"][scale]["mAP"], abs=1e-6)


def test_one_set_is_embedded_once(tmp_path, monkeypatch):
    folder = str(imported(write_release(tmp_path / "release" / "dyml_product", PRODUCT), tmp_path / "out").out)
    embedded = []
    true = evaluate_run.EvalImages.embed
    monkeypatch.setattr(
        evaluate_run.EvalImages, "embed", lambda self, *args: embedded.append(self) or true(self, *args)
    )
    facts = train(folder, settings(epochs=1, batch_size=8, per_class=2), tmp_path / "run", ONE_THREAD)
    assert len(embedded) == 1
    assert facts["metrics"]["counts"]["fine"]["queries"] == len(PRODUCT["mini-bmk_all_in_one"])


# Going on


def test_resumed_run_ends_in_same_weights(dataset, tmp_path):
    made = settings(loss="triplet", batch_size=12, per_class=2, loss_options={"batch": "paper"})
    train(dataset, made, tmp_path / "once", ONE_THREAD)
    stopped = train(dataset, made, tmp_path / "twice", replace(ONE_THREAD, stop_after=2))
    assert not stopped["finished"]
    assert len(of_run(tmp_path / "twice")["epochs"]) == 2
    train(dataset, made, tmp_path / "twice", ONE_THREAD)
    assert_same(tmp_path / "once", tmp_path / "twice")
    once, twice = of_run(tmp_path / "once"), of_run(tmp_path / "twice")
    assert [e["metrics"] for e in once["epochs"]] == [e["metrics"] for e in twice["epochs"]]


class Stop(Exception):
    pass


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_run_resumes_after_last_whole_epoch(dataset, tmp_path, optimizer):
    made = settings(optimizer=optimizer)

    def stop(step, done, total, what):
        if step == "train" and done >= total * 0.7:
            raise Stop

    train(dataset, made, tmp_path / "once", ONE_THREAD)
    with pytest.raises(Stop):
        train(dataset, made, tmp_path / "twice", ONE_THREAD, stop)
    assert runs.load_checkpoint(tmp_path / "twice")["epoch"] == 2
    train(dataset, made, tmp_path / "twice", ONE_THREAD)
    assert_same(tmp_path / "once", tmp_path / "twice")


def test_finished_run_is_left_as_it_is(dataset, tmp_path):
    first = train(dataset, settings(epochs=1), tmp_path, ONE_THREAD)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    again = train(dataset, settings(epochs=1), tmp_path, ONE_THREAD)
    assert again["metrics"] == first["metrics"]
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


SCRIPT = """
import json, sys, time
from pathlib import Path
from dmlkit.training.recipes import make_settings
from dmlkit.training.train import Runtime, train

def main():
    chosen, slow = json.loads(sys.argv[3]), float(sys.argv[4])
    train(sys.argv[1], make_settings(**chosen), Path(sys.argv[2]), Runtime(threads=1), lambda *step: time.sleep(slow))

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_killed_run_ends_in_same_weights(dataset, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    chosen = {"crop_px": 24, "epochs": 4, "batch_size": 16, "embedding_dim": 16, "lr": 0.005}
    command = [sys.executable, tmp_path / "script.py", dataset, tmp_path / "twice", json.dumps(chosen), "0.05"]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while not (tmp_path / "twice" / "checkpoint.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert runs.load_checkpoint(tmp_path / "twice")["epoch"] < 4
    train(dataset, settings(), tmp_path / "twice", ONE_THREAD)
    train(dataset, settings(), tmp_path / "once", ONE_THREAD)
    assert_same(tmp_path / "once", tmp_path / "twice")


def test_two_processes_share_one_batch(dataset, tmp_path):
    # Batch norms keep their statistics here: those of half a batch would be others. SGD, because the steps of AdamW
    # have one length, whatever that of the gradient.
    chosen = {"crop_px": 16, "epochs": 2, "batch_size": 16, "embedding_dim": 16, "lr": 0.1, "freeze_bn": True}
    chosen |= {"optimizer": "sgd", "weight_decay": 0.0}
    (tmp_path / "script.py").write_text(SCRIPT)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}  # what torchrun tells its processes
    command = [sys.executable, tmp_path / "script.py", dataset, tmp_path / "two", json.dumps(chosen), "0"]
    with (
        subprocess.Popen(command, env=os.environ | group | {"RANK": "1"}) as second,
        pytest.MonkeyPatch.context() as env,
    ):
        for name, value in (group | {"RANK": "0"}).items():
            env.setenv(name, value)
        faulthandler.dump_traceback_later(120, exit=True)  # where the second one fails, the first waits for hours
        train(dataset, make_settings(**chosen), tmp_path / "two", ONE_THREAD)
        faulthandler.cancel_dump_traceback_later()
        assert second.wait(timeout=60) == 0
    train(dataset, make_settings(**chosen), tmp_path / "one", ONE_THREAD)
    one, two = of_run(tmp_path / "one"), of_run(tmp_path / "two")
    assert two["machine"]["processes"] == 2
    assert [e["loss"] for e in two["epochs"]] == pytest.approx([e["loss"] for e in one["epochs"]], rel=1e-4)
    a, b = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.allclose(a[name], b[name], atol=2e-3) for name in ("proxies", "head.weight"))


def test_mixed_precision_trains_on_a_cpu(dataset, tmp_path):
    facts = train(dataset, settings(amp=True, epochs=2), tmp_path, ONE_THREAD)
    assert facts["epochs"][1]["loss"] < facts["epochs"][0]["loss"] * 1.1
    assert runs.load_checkpoint(tmp_path)["net"]["head.weight"].dtype == torch.float32


# The command


def command(*args):
    return CliRunner().invoke(training.train, [*map(str, args), "--threads", "1"], standalone_mode=False)


SHORT = ("--crop-px", 24, "--epochs", 2, "--batch-size", 16, "--evaluate-every", 0)


def test_command_prints_metrics_and_resumes(dataset, tmp_path):
    stopped = command(dataset, *SHORT, "--out", tmp_path / "run", "--stop-after", 1)
    assert stopped.exception is None
    assert "stopped after epoch 1 of 2; the same command resumes" in stopped.stderr
    assert "not evaluated yet" in stopped.stdout
    done = command(dataset, *SHORT, "--out", tmp_path / "run")
    assert "2 epochs of 64 images" in done.stdout
    assert "trained on 8 fine, 4 middle, 2 coarse classes" in done.stdout
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    values = of_run(tmp_path / "run")["metrics"]
    for scale in ("fine", "middle", "coarse", "overall"):
        assert rows[scale][:2] == [f"{100 * values[scale][name]:.1f}" for name in ("mAP", "ASI")]


CONFIG = """
loss = "csl-hard"
seed = 5
embedding_dim = 16
[loss_options]
scales = ["fine", "middle"]
margins = [0.2, 0.6]
proxy_start = "hierarchical"
"""


def test_command_reads_settings_from_a_file(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(CONFIG)
    facts = json.loads(command(dataset, *SHORT, "--config", "mine.toml", "--seed", 3, "--json").stdout)
    assert facts["run"] == str(Path("runs") / "out-csl-hard-3")
    assert (tmp_path / facts["run"] / "checkpoint.pt").is_file()
    assert (facts["settings"]["seed"], facts["settings"]["embedding_dim"]) == (3, 16)
    assert facts["settings"]["loss_options"]["margins"] == [0.2, 0.6]
    assert facts["settings"]["loss_options"]["scales"] == ["fine", "middle"]


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from dmlkit.cli.main import run
sys.argv[0] = "dmlkit"
sys.exit(run())
"""


@pytest.mark.parametrize("name", ["train", "benchmark"])
def test_command_without_the_extra_names_it(name):
    command = [sys.executable, "-c", WITHOUT_TORCH, name, "anything", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["code"] == "training.missing-extra"
    assert json.loads(done.stdout)["hint"] == "pip install 'dmlkit[train]'"
    assert "Traceback" not in done.stderr


def test_command_imports_without_torch():
    code = "import sys; import dmlkit.cli.train; sys.exit('torch' in sys.modules or 'datasets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
