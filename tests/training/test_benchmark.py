"""Methods × seeds: one table, runs that are not trained twice, and methods that are none."""

import csv
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from dmlkit.cli import benchmark as benchmarking
from dmlkit.errors import UsageError
from dmlkit.training import benchmark, plots
from dmlkit.training.runs import Machine
from tests.support.manifests import build_folder

torch.set_num_threads(1)
METHODS = ("csl", "softmax-3k", "softmax-sum", "softmax-fine")
SMALL = {"size": 24, "epochs": 1, "batch_size": 12, "embedding": 8}
ONE_THREAD = Machine(threads=1, evaluate_every=0)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return str(build_folder(tmp_path_factory.mktemp("dots"), per_class=8))


@pytest.fixture(autouse=True, scope="module")
def own_cache_and_no_figures_of_runs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DMLKIT_HOME", str(tmp_path_factory.getbasetemp() / "home"))
        patch.setattr(plots, "draw", lambda out, facts: None)  # it takes as long as a run
        yield


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory):
    """The folder of a benchmark that was stopped after its first seed, and then run with two."""
    out = tmp_path_factory.mktemp("benchmark") / "b"
    benchmark.benchmark(dataset, METHODS, 1, SMALL, out, ONE_THREAD, 1)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*-0/checkpoint.pt")}
    found = benchmark.benchmark(dataset, METHODS, 2, SMALL, out, ONE_THREAD, 1)
    return out, before, found


def test_a_finished_run_is_not_trained_again(finished):
    out, before, _ = finished
    assert len(before) == len(METHODS)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(out.glob("*-1/checkpoint.pt"))) == len(METHODS)


def test_the_table_holds_mean_and_deviation_of_the_runs(finished):
    out, _, found = finished
    values = [json.loads((out / f"csl-{seed}" / "run.json").read_text())["metrics"]["fine"]["mAP"] for seed in (0, 1)]
    mean = sum(values) / 2
    assert found["methods"]["csl"]["fine"]["mAP"]["mean"] == pytest.approx(mean)
    assert found["methods"]["csl"]["fine"]["mAP"]["deviation"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    with (out / "results.csv").open() as file:
        rows = {(r["method"], r["scale"], r["metric"]): r for r in csv.DictReader(file)}
    assert float(rows["csl", "fine", "mAP"]["mean"]) == pytest.approx(mean)
    assert len(rows) == len(METHODS) * 4 * 5


def test_every_method_has_a_line_in_both_tables_and_the_best_is_bold(finished):
    out, _, _ = finished
    page = (out / "results.md").read_text(encoding="utf-8")
    for method in METHODS:
        assert page.count(f"\n| {method} |") == 2
    assert "2 seeds" in page
    assert " ± " in page
    assert page.count("**") >= 2 * 5
    with Image.open(out / "results.png") as drawing:
        assert drawing.width > 500


def test_the_specialist_and_the_baseline_are_what_they_say(finished):
    out, _, _ = finished
    options = {m: json.loads((out / f"{m}-0" / "run.json").read_text())["settings"]["options"] for m in METHODS}
    assert options["softmax-fine"]["scales"] == ["fine"]
    assert options["softmax-3k"]["batch"] == "paper"
    assert options["softmax-sum"]["batch"] == "full"


def test_the_settings_of_a_benchmark_cannot_change_under_way(finished, dataset):
    out, _, _ = finished
    with pytest.raises(Exception, match="other settings"):
        benchmark.benchmark(dataset, METHODS[:1], 1, SMALL | {"epochs": 2}, out, ONE_THREAD, 1)


@pytest.mark.parametrize("method", ["cls", "softmax", "softmax-4k", "", "csl-3k"])
def test_a_method_that_is_none_is_an_error_before_anything_is_trained(method, dataset, tmp_path):
    with pytest.raises(UsageError, match="no method") as raised:
        benchmark.benchmark(dataset, [method], 1, SMALL, tmp_path / "b", ONE_THREAD, 1)
    assert "softmax-3k" in raised.value.hint
    assert not (tmp_path / "b").exists()


# Two at a time are two processes, which import torch each: half a minute on a busy machine.
@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_from_the_command_line_with_some_runs_at_a_time(dataset, tmp_path, jobs):
    small = ("--seeds", 1, "--epochs", 1, "--size", 24, "--batch-size", 12)
    args = (dataset, "--methods", "csl,triplet-sum", *small, "--out", tmp_path / "b", "--jobs", jobs, "--json")
    done = CliRunner().invoke(benchmarking.benchmark, [*map(str, args)], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert list(found["methods"]) == ["csl", "triplet-sum"]
    assert Path(found["out"], "results.md").is_file()
