"""`dmlkit evaluate`: embeddings of anybody, on dataset folders of every form."""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from dmlkit.cli.evaluate import THREADS
from dmlkit.cli.evaluate import evaluate as command
from dmlkit.errors import DmlkitError, EmbeddingsError, LabelsError, UsageError
from dmlkit.evaluation import labels
from dmlkit.evaluation.api import Options, evaluate
from dmlkit.evaluation.embeddings import read
from dmlkit.evaluation.metrics import evaluate as measure
from dmlkit.schema.scales import SCALES
from tests.support.requirements import installed

SIDES = ("query", "gallery")


def vectors_of(ids, dimensions=8):
    """Some embedding for each id, the same whatever the others are."""
    return np.stack([np.random.default_rng(list(i.encode())).normal(size=dimensions) for i in ids]).astype(np.float32)


def write_npz(path, ids, vectors=None):
    np.savez(path, embeddings=vectors_of(ids) if vectors is None else vectors, ids=np.array(ids))
    return path


def ids_of(folder, scale=None):
    return labels.load(str(folder), SIDES, scale).ids


def run(*arguments):
    """The command's exit code, stdout and stderr; what `dmlkit` turns into a message is raised."""
    done = CliRunner().invoke(command, list(map(str, arguments)), standalone_mode=False)
    if done.exception:
        raise done.exception
    return done


# ---- labels ----


def test_labels_are_those_of_the_parquet_files(good_folder):
    found = labels.load(str(good_folder))
    assert sorted(set(found.split)) == ["gallery", "query", "train"]
    rows = {}
    for path in good_folder.glob("data/*.parquet"):
        for row in pq.read_table(path, columns=["image_id", *SCALES]).to_pylist():
            rows[row["image_id"]] = [row[scale] for scale in SCALES]
    assert {i: row.tolist() for i, row in zip(found.ids, found.labels, strict=True)} == rows
    assert found.names["coarse"] == ["mammal", "bird"]
    assert found.content in (good_folder / "README.md").read_text()
    assert len(found.content) == 64
    query = found.of("query")
    assert query.ids == labels.load(str(good_folder), ["query"]).ids
    assert len(query.labels) == len(query.ids) < len(found.ids)


def test_a_release_has_a_test_set_for_each_scale_and_null_labels_are_unknown(release_folder):
    assert labels.separate_tests(str(release_folder)) == SCALES
    fine, coarse = (labels.load(str(release_folder), SIDES, scale) for scale in ("fine", "coarse"))
    assert len(fine.ids) == 5
    assert (fine.labels[:, 0] >= 0).all()
    assert (fine.labels[:, 1] == labels.UNKNOWN).any()
    assert not set(fine.ids) & set(coarse.ids)
    with pytest.raises(UsageError, match="no split query") as caught:
        labels.load(str(release_folder))
    assert "each scale" in caught.value.hint


def test_where_one_set_is_both_its_images_stand_twice(one_set_folder):
    found = labels.load(str(one_set_folder), SIDES)
    assert labels.separate_tests(str(one_set_folder)) == ()
    assert found.of("query").ids == found.of("gallery").ids
    assert len(found.ids) == 12


@pytest.mark.parametrize("name", ["nowhere", "no/where/at/all", "docs\x1b[31m"])
def test_a_data_set_that_is_not_there_is_said_so_without_asking_the_hub(name):
    with pytest.raises(UsageError, match="no folder"):
        labels.load(name)


def test_a_folder_that_is_no_data_set_is_said_so(tmp_path, changeable):
    (tmp_path / "other").mkdir()
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "other" / "train.parquet")
    with pytest.raises(LabelsError, match=r"lacks|cannot be read"):
        labels.load(str(tmp_path / "other"), ["train"])
    (path,) = changeable.glob("data/query-*.parquet")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(LabelsError, match="cannot be read"):
        labels.load(str(changeable))


def test_a_file_with_fewer_rows_than_the_card_says_is_found(changeable):
    (path,) = changeable.glob("data/gallery-*.parquet")
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(LabelsError, match="its card says"):
        labels.load(str(changeable))


# ---- files of embeddings ----


def npy(folder, ids, vectors):
    np.save(folder / "e.npy", vectors)
    (folder / "e.ids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    return folder / "e.npy"


def npy_with_parquet(folder, ids, vectors):
    np.save(folder / "e.npy", vectors)
    pq.write_table(pa.table({"image_id": ids}), folder / "e.ids.parquet")
    return folder / "e.npy"


def npz(folder, ids, vectors):
    return write_npz(folder / "e.npz", ids, vectors)


def safetensors(folder, ids, vectors):
    installed("safetensors")
    from safetensors.numpy import save_file

    save_file({"embeddings": vectors}, folder / "e.safetensors", {"ids": json.dumps(ids)})
    return folder / "e.safetensors"


def parquet(folder, ids, vectors, kind=pa.list_):
    column = pa.array(list(vectors), kind(pa.from_numpy_dtype(vectors.dtype)))
    pq.write_table(pa.table({"image_id": ids, "embedding": column}), folder / "e.parquet", row_group_size=3)
    return folder / "e.parquet"


def parquet_of_fixed_size(folder, ids, vectors):
    return parquet(folder, ids, vectors, lambda kind: pa.list_(kind, vectors.shape[1]))


FORMATS = [npy, npy_with_parquet, npz, safetensors, parquet, parquet_of_fixed_size]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("kind", ["float32", "float16", "float64"])
def test_every_format_gives_back_what_was_written(write, kind, tmp_path):
    ids = ["source/a b", "source/ü", *(f"source/{n}" for n in range(8))]
    vectors = vectors_of(ids).astype(kind)
    found = read(write(tmp_path, ids, vectors))
    assert found.ids == ids
    assert found.vectors.dtype == kind
    assert np.array_equal(found.vectors, vectors)


def test_the_result_is_that_of_the_same_arrays_whatever_the_order_of_the_file(good_folder, tmp_path):
    test = labels.load(str(good_folder), SIDES)
    query, gallery = test.of("query"), test.of("gallery")
    wanted = measure(
        vectors_of(query.ids), query.labels, gallery=vectors_of(gallery.ids), gallery_labels=gallery.labels
    )
    for write, ids in ((npz, test.ids), (npy, test.ids[::-1]), (parquet, sorted(test.ids))):
        found = evaluate(write(tmp_path, ids, vectors_of(ids)), str(good_folder), Options())
        assert found["counts"] == wanted["counts"]
        for part in (*SCALES, "overall", "multilevel"):
            assert found[part] == pytest.approx(wanted[part], nan_ok=True), part
        assert found["dataset"]["content"] == test.content
        assert found["embeddings"]["dimensions"] == 8
        assert found["notes"] == []


def test_embeddings_of_other_images_are_not_used_and_that_is_said(good_folder, tmp_path):
    ids = [*labels.load(str(good_folder)).ids, "strange/1"]
    found = evaluate(write_npz(tmp_path / "e.npz", ids), str(good_folder), Options())
    (note,) = found["notes"]
    assert f"of the {len(ids)} embeddings are of no query or gallery image" in note


def test_half_precision_is_said(good_folder, tmp_path):
    ids = ids_of(good_folder)
    path = write_npz(tmp_path / "e.npz", ids, vectors_of(ids).astype(np.float16))
    assert "float16" in evaluate(path, str(good_folder), Options())["notes"][0]


def test_images_without_an_embedding_are_named(good_folder, tmp_path):
    ids = ids_of(good_folder)
    with pytest.raises(EmbeddingsError, match=f"1 of the .* no embedding: {ids[0]}"):
        evaluate(write_npz(tmp_path / "e.npz", ids[1:]), str(good_folder), Options())
    with pytest.raises(EmbeddingsError) as caught:
        evaluate(write_npz(tmp_path / "e.npz", ["1.jpg", "2.jpg"]), str(good_folder), Options())
    assert "begin with 1.jpg" in caught.value.hint


def broken(folder, what):
    """A file of embeddings with a fault."""
    ids, vectors = ["a", "b", "c"], np.ones((3, 4), np.float32)
    if what == "no ids":
        np.save(folder / "e.npy", vectors)
    elif what == "too few ids":
        return npy(folder, ids[:2], vectors)
    elif what == "repeated ids":
        return npz(folder, ["a", "b", "b"], vectors)
    elif what == "three dimensions":
        return npz(folder, ids, vectors[None])
    elif what == "objects":
        np.save(folder / "e.npy", np.array([{}, []], object))
    elif what == "cut":
        path = npy(folder, ids, vectors)
        path.write_bytes(path.read_bytes()[:-7])
    elif what == "no array":
        np.savez(folder / "e.npz", vectors=vectors)
        return folder / "e.npz"
    elif what == "no archive":
        (folder / "e.npz").write_bytes(b"PK\x03\x04 and nothing")
        return folder / "e.npz"
    elif what == "ragged":
        pq.write_table(pa.table({"image_id": ids, "embedding": [[1.0], [1.0, 2.0], [1.0]]}), folder / "e.parquet")
        return folder / "e.parquet"
    elif what == "null":
        pq.write_table(pa.table({"image_id": ids, "embedding": [[1.0], None, [1.0]]}), folder / "e.parquet")
        return folder / "e.parquet"
    elif what == "no column":
        pq.write_table(pa.table({"image_id": ids}), folder / "e.parquet")
        return folder / "e.parquet"
    elif what == "no Parquet":
        (folder / "e.parquet").write_bytes(b"PAR1")
        return folder / "e.parquet"
    return folder / "e.npy"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no ids", "e.ids.txt"),
        ("too few ids", "2 ids"),
        ("repeated ids", "more than once: b"),
        ("three dimensions", r"shape \(1, 3, 4\)"),
        ("objects", "cannot be read"),
        ("cut", "cannot be read"),
        ("no array", "embeddings"),
        ("no archive", "cannot be read"),
        ("ragged", "not all of one length"),
        ("null", "lacks its id or its embedding"),
        ("no column", "embedding"),
        ("no Parquet", "cannot be read"),
        ("missing", "there is no file"),
    ],
)
def test_files_with_a_fault_are_refused_with_a_reason(what, said, tmp_path):
    with pytest.raises(DmlkitError, match=said):
        read(broken(tmp_path, what))


def test_a_safetensors_file_with_a_fault_is_refused_with_a_reason(tmp_path):
    installed("safetensors", "torch")
    import torch
    from safetensors.torch import save_file

    path = tmp_path / "e.safetensors"
    save_file({"embeddings": torch.ones(2, 3, dtype=torch.bfloat16)}, path, {"ids": '["a", "b"]'})
    with pytest.raises(EmbeddingsError, match="BF16; write it as F32"):
        read(path)
    save_file({"other": torch.ones(2, 3)}, path)
    with pytest.raises(EmbeddingsError, match="embeddings"):
        read(path)
    save_file({"embeddings": torch.ones(2, 3)}, path, {"ids": "a, b"})
    with pytest.raises(EmbeddingsError, match="cannot be read"):
        read(path)
    path.write_bytes(b"nothing")
    with pytest.raises(EmbeddingsError, match="cannot be read"):
        read(path)


def test_what_is_neither_a_run_nor_embeddings_is_said_so(tmp_path, good_folder):
    for path in (tmp_path, tmp_path / "e.csv", good_folder):
        with pytest.raises(UsageError, match="neither a run nor a file of embeddings"):
            evaluate(path, str(good_folder), Options())


# ---- forms of datasets ----


def test_each_scale_of_a_release_is_evaluated_on_its_own_test_set(release_folder, tmp_path):
    ids = [i for scale in SCALES for i in ids_of(release_folder, scale)]
    found = evaluate(write_npz(tmp_path / "e.npz", ids), str(release_folder), Options())
    for column, scale in enumerate(SCALES):
        test = labels.load(str(release_folder), SIDES, scale)
        query, gallery = test.of("query"), test.of("gallery")
        wanted = measure(
            vectors_of(query.ids),
            query.labels,
            gallery=vectors_of(gallery.ids),
            gallery_labels=gallery.labels,
            scales=[scale],
        )
        assert found[scale] == pytest.approx(wanted[scale])
        assert found["counts"][scale]["queries"] == (query.labels[:, column] >= 0).sum() == 2
    assert found["overall"]["mAP"] == pytest.approx(np.mean([found[scale]["mAP"] for scale in SCALES]))
    assert found["multilevel"] is None


def test_one_scale_of_a_release_needs_the_embeddings_of_that_scale_only(release_folder, tmp_path):
    path = write_npz(tmp_path / "e.npz", ids_of(release_folder, "middle"))
    found = evaluate(path, str(release_folder), Options(scales=("middle",)))
    assert "overall" not in found
    assert found["counts"]["middle"]["gallery"] == 3
    with pytest.raises(EmbeddingsError, match="query of"):
        evaluate(path, str(release_folder), Options())


def test_in_one_set_every_image_is_a_query_among_the_others(one_set_folder, tmp_path):
    test = labels.load(str(one_set_folder), ["query"])
    found = evaluate(write_npz(tmp_path / "e.npz", test.ids), str(one_set_folder), Options())
    wanted = measure(vectors_of(test.ids), test.labels)
    for part in (*SCALES, "overall"):
        assert found[part] == pytest.approx(wanted[part], nan_ok=True), part
    assert found["counts"] == wanted["counts"]


# ---- the command ----


def test_json_has_the_metrics_of_each_scale_between_0_and_1(good_folder, tmp_path, monkeypatch):
    for name in THREADS:  # --jobs sets them
        monkeypatch.setenv(name, "2")
    path = write_npz(tmp_path / "e.npz", ids_of(good_folder))
    out = tmp_path / "new" / "metrics.json"
    done = run(path, good_folder, "--json", "--out", out, "--convention", "four-number-asi", "--jobs", "1")
    found = json.loads(done.stdout)
    for part in (*SCALES, "overall"):
        assert list(found[part]) == ["mAP", "ASI", "R@1", "R@10", "R@20", "mAP@R"]
        assert all(0 <= value <= 1 for value in found[part].values())
    assert json.loads(out.read_text()) == found
    assert set(found["multilevel"]) == {"ASI", "H-AP", "NDCG", "severity@1"}
    assert 0 < found["conventions"]["four-number-asi"] < 1
    assert done.stderr == ""
    assert {os.environ[name] for name in THREADS} == {"1"}


def test_json_has_null_where_there_is_nothing_to_say(good_folder, tmp_path):
    test = labels.load(str(good_folder), SIDES)
    perfect = np.concatenate([np.eye(8)[test.labels[:, i]] for i in range(3)], axis=1)
    done = run(write_npz(tmp_path / "e.npz", test.ids, perfect), good_folder, "--json")
    found = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert found["multilevel"]["severity@1"] is None
    assert found["overall"]["mAP"] == pytest.approx(1)


def test_people_get_a_table_in_percent(good_folder, tmp_path):
    path = write_npz(tmp_path / "e.npz", ids_of(good_folder))
    result = evaluate(path, str(good_folder), Options())
    asked = [word for name in ("four-number-asi", "capped-map-at-r") for word in ("--convention", name)]
    text = run(path, good_folder, *asked).stdout
    for scale in (*SCALES, "overall"):
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [scale]]
        assert f"{100 * result[scale]['mAP']:.2f}" in line
    assert "dmlkit's own" in text
    assert "HAPPIER" in text
    assert f"H-AP {100 * result['multilevel']['H-AP']:.2f}" in text
    assert max(map(len, text.splitlines())) <= 120


def test_one_scale_can_be_asked_for(good_folder, tmp_path):
    path = write_npz(tmp_path / "e.npz", ids_of(good_folder))
    found = json.loads(run(path, good_folder, "--scale", "coarse", "--json").stdout)
    assert "coarse" in found
    assert "fine" not in found
    assert "overall" not in found
    assert "coarse" in run(path, good_folder, "--scale", "coarse").stdout


def test_ids_can_be_in_a_file_of_any_name(good_folder, tmp_path):
    ids = ids_of(good_folder)
    path = npy(tmp_path, ids, vectors_of(ids))
    (tmp_path / "e.ids.txt").rename(tmp_path / "names.txt")
    assert run(path, good_folder, "--ids", tmp_path / "names.txt").exit_code == 0


def test_an_output_that_cannot_be_written_is_said_so(good_folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DmlkitError, match="could not be written"):
        run(write_npz(tmp_path / "e.npz", ids_of(good_folder)), good_folder, "--out", tmp_path / "file" / "m.json")


def test_torch_gives_the_same_on_its_device(good_folder, tmp_path):
    installed("torch")
    path = write_npz(tmp_path / "e.npz", ids_of(good_folder))
    ours = evaluate(path, str(good_folder), Options())
    theirs = evaluate(path, str(good_folder), Options(device="cpu:0"))
    with pytest.raises(UsageError, match="cannot be used here"):
        evaluate(path, str(good_folder), Options(device="nowhere"))
    assert theirs["overall"] == pytest.approx(ours["overall"], abs=1e-6)
