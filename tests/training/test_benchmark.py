"""Methods × seeds: one table, runs that are not trained twice, and methods that are none."""

import csv
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from dmlkit.cli import benchmark as benchmarking
from dmlkit.errors import RunError, UsageError
from dmlkit.training.benchmark import BenchmarkOptions, benchmark
from dmlkit.training.train import Runtime
from tests.support.manifests import build_folder

torch.set_num_threads(1)
METHODS = ("csl", "softmax-3k", "softmax-fine")
SMALL = {"crop_px": 16, "epochs": 1, "batch_size": 12, "embedding_dim": 8}


def compare(dataset, out, methods=METHODS, seeds=1, **settings):
    """Run a small benchmark in this process."""
    runtime = Runtime(threads=1, evaluate_every=0)
    return benchmark(dataset, BenchmarkOptions(methods, seeds, SMALL | settings, runtime), out)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return str(build_folder(tmp_path_factory.mktemp("dots"), per_class=8))


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory):
    """The folder of a benchmark that was stopped after its first seed, and then run with two."""
    out = tmp_path_factory.mktemp("benchmark") / "b"
    compare(dataset, out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*-0/checkpoint.pt")}
    return out, before, compare(dataset, out, seeds=2)


def test_finished_run_is_not_trained_again(finished):
    out, before, _ = finished
    assert len(before) == len(METHODS)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(out.glob("*-1/checkpoint.pt"))) == len(METHODS)


def test_table_has_mean_and_deviation(finished):
    out, _, found = finished
    values = [json.loads((out / f"csl-{seed}" / "run.json").read_text())["metrics"]["fine"]["mAP"] for seed in (0, 1)]
    mean = sum(values) / 2
    assert found["methods"]["csl"]["fine"]["mAP"]["mean"] == pytest.approx(mean)
    assert found["methods"]["csl"]["fine"]["mAP"]["deviation"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    with (out / "results.csv").open() as file:
        rows = {(r["method"], r["scale"], r["metric"]): r for r in csv.DictReader(file)}
    assert float(rows["csl", "fine", "mAP"]["mean"]) == pytest.approx(mean)
    assert len(rows) == len(METHODS) * 4 * 5


def test_every_method_has_a_line_in_both_tables(finished):
    out, _, _ = finished
    page = (out / "results.md").read_text(encoding="utf-8")
    for method in METHODS:
        assert page.count(f"\n| {method} |") == 2
    assert "2 seeds" in page
    assert " ± " in page
    assert page.count("**") >= 2 * 5


def test_variants_set_scales_and_batch(finished):
    out, _, _ = finished
    options = {m: json.loads((out / f"{m}-0" / "run.json").read_text())["settings"]["loss_options"] for m in METHODS}
    assert options["softmax-fine"]["scales"] == ["fine"]
    assert options["softmax-3k"]["batch"] == "paper"
    assert options["softmax-fine"]["batch"] == "full"


def test_settings_cannot_change_under_way(finished, dataset):
    out, _, _ = finished
    with pytest.raises(RunError) as error:
        compare(dataset, out, METHODS[:1], epochs=2)
    assert error.value.code == "training.settings-differ"
    assert error.value.facts["changes"] == {"epochs": (1, 2)}


@pytest.mark.parametrize("method", ["cls", "softmax", "softmax-4k", "", "csl-3k"])
def test_unknown_method_is_refused_at_once(method, dataset, tmp_path):
    with pytest.raises(UsageError) as error:
        compare(dataset, tmp_path / "b", [method])
    assert (error.value.code, error.value.facts["method"]) == ("training.unknown-method", method)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", ["loss", "loss_options"])
def test_methods_decide_the_losses(name, dataset, tmp_path):
    with pytest.raises(UsageError) as error:
        compare(dataset, tmp_path / "b", **{name: "csl"})
    assert (error.value.code, error.value.facts["setting"]) == ("training.setting-of-method", name)


# Two at a time are two processes, which import torch each: half a minute on a busy machine.
@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_command_runs_several_at_a_time(dataset, tmp_path, jobs):
    small = ("--seeds", 1, "--epochs", 1, "--crop-px", 16, "--batch-size", 12)
    args = (dataset, "--methods", "csl,triplet-sum", *small, "--out", tmp_path / "b", "--jobs", jobs, "--json")
    done = CliRunner().invoke(benchmarking.benchmark, [*map(str, args)], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert list(found["methods"]) == ["csl", "triplet-sum"]
    assert Path(found["out"], "results.md").is_file()
