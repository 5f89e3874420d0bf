"""`dmlkit evaluate FILE DATASET`: anybody's embeddings, on dataset folders of every layout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from dmlkit.cli import evaluate as cli
from dmlkit.errors import EmbeddingsError, OutputError, UsageError
from dmlkit.evaluation.api import EvaluateOptions, evaluate, evaluate_file
from dmlkit.evaluation.labels import load_labels
from dmlkit.evaluation.metrics import CONVENTIONS
from dmlkit.schema.scales import SCALES
from dmlkit.text import nan_to_none
from tests.support.embeddings import SIDES, make_vectors, npy, npz, parquet, query_and_gallery_ids, write_npz
from tests.support.requirements import installed


def evaluate_arrays(folder, scale=None, **options):
    """The result of arrays for the test set of a dataset folder."""
    test = load_labels(str(folder), SIDES, scale)
    query, gallery = test.select("query"), test.select("gallery")
    return evaluate(
        make_vectors(query.ids),
        query.labels,
        gallery=make_vectors(gallery.ids),
        gallery_labels=gallery.labels,
        ids=query.ids,
        gallery_ids=gallery.ids,
        **options,
    )


@pytest.fixture
def embeddings_file(good_folder, tmp_path):
    """Embeddings of the query and the gallery of the good folder."""
    return write_npz(tmp_path / "e.npz", query_and_gallery_ids(good_folder))


def run(*arguments):
    """The command's result; what `dmlkit` turns into a message is raised."""
    done = CliRunner().invoke(cli.evaluate, list(map(str, arguments)), standalone_mode=False)
    if done.exception:
        raise done.exception
    return done


# ---- one test set for all scales ----


@pytest.mark.parametrize(("write", "order"), [(npz, list), (npy, lambda ids: ids[::-1]), (parquet, sorted)])
def test_result_is_that_of_arrays_in_any_order(write, order, good_folder, tmp_path):
    ids = order(query_and_gallery_ids(good_folder))
    result = evaluate_file(write(tmp_path, ids, make_vectors(ids)), str(good_folder), EvaluateOptions())
    wanted = evaluate_arrays(good_folder)
    assert nan_to_none({name: result[name] for name in wanted}) == nan_to_none(wanted)


def test_result_states_what_was_evaluated(good_folder, embeddings_file):
    result = evaluate_file(embeddings_file, str(good_folder), EvaluateOptions())
    assert result["dataset"] == {"name": str(good_folder), "content": load_labels(str(good_folder)).content}
    assert result["embeddings"] == {"file": "e.npz", "dimensions": 8}
    assert result["notes"] == []


def test_embeddings_of_other_images_are_noted(good_folder, tmp_path):
    ids = [*load_labels(str(good_folder)).ids, "strange/1"]
    result = evaluate_file(write_npz(tmp_path / "e.npz", ids), str(good_folder), EvaluateOptions())
    (note,) = result["notes"]
    assert str(len(ids)) in note
    assert str(len(ids) - len(query_and_gallery_ids(good_folder))) in note


def test_half_precision_is_noted(good_folder, tmp_path):
    ids = query_and_gallery_ids(good_folder)
    path = write_npz(tmp_path / "e.npz", ids, make_vectors(ids).astype(np.float16))
    assert "float16" in evaluate_file(path, str(good_folder), EvaluateOptions())["notes"][0]


def test_images_without_an_embedding_are_named(good_folder, tmp_path):
    ids = query_and_gallery_ids(good_folder)
    with pytest.raises(EmbeddingsError) as error:
        evaluate_file(write_npz(tmp_path / "e.npz", ids[1:]), str(good_folder), EvaluateOptions())
    assert error.value.code == "evaluation.missing-embeddings"
    assert error.value.facts["images"] == ids[:1]


def test_ids_of_another_kind_are_shown(good_folder, tmp_path):
    with pytest.raises(EmbeddingsError) as error:
        evaluate_file(write_npz(tmp_path / "e.npz", ["1.jpg", "2.jpg"]), str(good_folder), EvaluateOptions())
    assert error.value.facts["first_id"] == "1.jpg"
    assert "1.jpg" in error.value.hint


# ---- other layouts ----


def test_each_scale_of_a_release_has_its_own_test(release_folder, tmp_path):
    ids = [i for scale in SCALES for i in query_and_gallery_ids(release_folder, scale)]
    result = evaluate_file(write_npz(tmp_path / "e.npz", ids), str(release_folder), EvaluateOptions())
    for scale in SCALES:
        wanted = evaluate_arrays(release_folder, scale, scales=[scale])
        assert result[scale] == wanted[scale]
        assert result["counts"][scale] == wanted["counts"][scale]
        assert result["counts"][scale]["queries"] == 2
    assert result["overall"]["mAP"] == pytest.approx(np.mean([result[scale]["mAP"] for scale in SCALES]))
    assert result["multilevel"] is None


def test_one_scale_needs_the_images_of_its_test_only(release_folder, tmp_path):
    path = write_npz(tmp_path / "e.npz", query_and_gallery_ids(release_folder, "middle"))
    result = evaluate_file(path, str(release_folder), EvaluateOptions(scales=("middle",)))
    assert "overall" not in result
    assert result["counts"]["middle"]["gallery"] == 3
    with pytest.raises(EmbeddingsError) as error:
        evaluate_file(path, str(release_folder), EvaluateOptions())
    assert error.value.code == "evaluation.missing-embeddings"


def test_conventions_of_a_release_are_merged(release_folder, tmp_path):
    ids = [i for scale in SCALES for i in query_and_gallery_ids(release_folder, scale)]
    options = EvaluateOptions(conventions=tuple(CONVENTIONS))
    result = evaluate_file(write_npz(tmp_path / "e.npz", ids), str(release_folder), options)["conventions"]
    assert set(result["capped-map-at-r"]) == {*SCALES, "overall"}
    assert np.isnan(result["four-number-asi"])  # there is no set with all labels


def test_in_one_set_every_image_is_a_query(one_set_folder, tmp_path):
    test = load_labels(str(one_set_folder), ["query"])
    result = evaluate_file(write_npz(tmp_path / "e.npz", test.ids), str(one_set_folder), EvaluateOptions())
    wanted = evaluate(make_vectors(test.ids), test.labels)
    assert nan_to_none({name: result[name] for name in wanted}) == nan_to_none(wanted)


# ---- the command ----


def test_json_has_the_metrics_between_0_and_1(good_folder, embeddings_file):
    done = run(embeddings_file, good_folder, "--json", "--convention", "four-number-asi")
    result = json.loads(done.stdout)
    for part in (*SCALES, "overall"):
        assert list(result[part]) == ["mAP", "ASI", "R@1", "R@10", "R@20", "mAP@R"]
        assert all(0 <= value <= 1 for value in result[part].values())
    assert set(result["multilevel"]) == {"ASI", "H-AP", "NDCG", "severity@1"}
    assert 0 < result["conventions"]["four-number-asi"] < 1
    assert done.stderr == ""


def test_out_gets_the_same_json(good_folder, embeddings_file, tmp_path):
    out = tmp_path / "new" / "metrics.json"
    done = run(embeddings_file, good_folder, "--json", "--out", out)
    assert json.loads(out.read_text()) == json.loads(done.stdout)


def test_threads_are_those_of_the_libraries_too(good_folder, embeddings_file, monkeypatch):
    for name in cli.THREADS:
        monkeypatch.setenv(name, "2")
    run(embeddings_file, good_folder, "--json", "--threads", "1")
    assert {os.environ[name] for name in cli.THREADS} == {"1"}


def test_json_has_null_for_a_mean_over_nothing(good_folder, tmp_path):
    test = load_labels(str(good_folder), SIDES)
    perfect = np.concatenate([np.eye(8)[test.labels[:, i]] for i in range(3)], axis=1)
    done = run(write_npz(tmp_path / "e.npz", test.ids, perfect), good_folder, "--json")
    result = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert result["multilevel"]["severity@1"] is None
    assert result["overall"]["mAP"] == pytest.approx(1)


def test_table_is_in_percent(good_folder, embeddings_file):
    result = evaluate_file(embeddings_file, str(good_folder), EvaluateOptions())
    text = run(embeddings_file, good_folder).stdout
    for scale in (*SCALES, "overall"):
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [scale]]
        assert f"{100 * result[scale]['mAP']:.2f}" in line
    assert f"H-AP {100 * result['multilevel']['H-AP']:.2f}" in text


def test_table_fits_and_explains_conventions(good_folder, embeddings_file):
    asked = [word for name in CONVENTIONS for word in ("--convention", name)]
    text = run(embeddings_file, good_folder, *asked).stdout
    assert all(meaning in text for meaning in CONVENTIONS.values())
    assert max(map(len, text.splitlines())) <= 120


def test_command_offers_all_conventions():
    assert tuple(CONVENTIONS) == cli.CONVENTIONS


def test_one_scale_is_shown_alone(good_folder, embeddings_file):
    result = json.loads(run(embeddings_file, good_folder, "--scale", "coarse", "--json").stdout)
    assert set(result) & {*SCALES, "overall", "span"} == {"coarse"}
    assert "coarse" in run(embeddings_file, good_folder, "--scale", "coarse").stdout


def test_ids_can_be_in_a_file_of_any_name(good_folder, tmp_path):
    ids = query_and_gallery_ids(good_folder)
    path = npy(tmp_path, ids, make_vectors(ids))
    (tmp_path / "e.ids.txt").rename(tmp_path / "names.txt")
    assert run(path, good_folder, "--ids", tmp_path / "names.txt").exit_code == 0


def test_ids_of_a_run_are_refused(good_folder, tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UsageError) as error:
        run(tmp_path, good_folder, "--ids", tmp_path / "ids.txt")
    assert error.value.code == "usage.ids-of-run"


def test_folder_that_is_not_a_run_is_refused(good_folder, tmp_path):
    for path in (tmp_path, good_folder):
        with pytest.raises(UsageError) as error:
            run(path, good_folder)
        assert error.value.code == "evaluation.unknown-format"


def test_out_that_cannot_be_written_is_refused(good_folder, embeddings_file, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as error:
        run(embeddings_file, good_folder, "--out", tmp_path / "file" / "m.json")
    assert error.value.facts["path"] == tmp_path / "file" / "m.json"


# ---- devices ----


def test_torch_gives_the_same_on_its_device(good_folder, embeddings_file):
    installed("torch")
    ours = evaluate_file(embeddings_file, str(good_folder), EvaluateOptions())
    theirs = evaluate_file(embeddings_file, str(good_folder), EvaluateOptions(device="cpu:0"))
    assert theirs["overall"] == pytest.approx(ours["overall"], abs=1e-6)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:99", "nowhere", "meta", ""])
def test_device_that_cannot_be_used_is_refused(device, good_folder, embeddings_file, monkeypatch):
    installed("torch")
    import torch

    def no_driver():
        raise RuntimeError("Found no NVIDIA driver on your system.")

    monkeypatch.setattr(torch.cuda, "_lazy_init", no_driver)  # as on a machine without CUDA
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError) as error:
        run(embeddings_file, good_folder, "--device", device)
    assert error.value.code == "evaluation.bad-device"
    assert error.value.facts["device"] == device


def test_device_without_torch_is_refused(good_folder, embeddings_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError) as error:
        run(embeddings_file, good_folder, "--device", "cuda")
    assert error.value.code == "evaluation.no-torch"


def test_evaluation_imports_no_large_library(tmp_path):
    """A person with arrays needs NumPy, and the time that it takes to import it."""
    modules = sorted(path.stem for path in Path(cli.__file__).parents[1].glob("evaluation/[a-z]*.py"))
    assert len(modules) == 5
    code = f"""
import sys
from dmlkit.evaluation import {", ".join(modules)}
from dmlkit import evaluate
evaluate([[1.0, 0.0], [0.0, 1.0]], [[0, 0, 0], [0, 0, 0]])
print(sorted({{"torch", "datasets", "pandas", "huggingface_hub", "ray"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "[]\n"
