"""Files of embeddings in every format give back what was written; those with a fault are refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dmlkit.errors import DmlkitError, EmbeddingsError, UsageError
from dmlkit.evaluation.embeddings import StoredEmbeddings, read_embeddings
from tests.support import embeddings as files
from tests.support.requirements import installed

IDS, VECTORS = ["a", "b", "c"], np.ones((3, 4), np.float32)


@pytest.mark.parametrize("write", files.FORMATS)
@pytest.mark.parametrize("kind", ["float32", "float16", "float64"])
def test_format_gives_back_what_was_written(write, kind, tmp_path):
    ids = ["source/a b", "source/ü", *(f"source/{n}" for n in range(8))]
    vectors = files.make_vectors(ids).astype(kind)
    stored = read_embeddings(write(tmp_path, ids, vectors))
    assert stored.ids == ids
    assert stored.vectors.dtype == kind
    assert np.array_equal(stored.vectors, vectors)


def test_select_follows_the_order_asked_for():
    stored = StoredEmbeddings(IDS, np.arange(6).reshape(3, 2))
    assert stored.select(["c", "a"], "test").tolist() == [[4, 5], [0, 1]]


def no_ids(folder):
    np.save(folder / "e.npy", VECTORS)
    return folder / "e.npy"


def too_few_ids(folder):
    return files.npy(folder, IDS[:2], VECTORS)


def repeated_ids(folder):
    return files.npz(folder, ["a", "b", "b"], VECTORS)


def numbers_as_ids(folder):
    return files.npz(folder, [1, 2, 3], VECTORS)


def nested_ids(folder):
    return files.npz(folder, [["a"], ["b"], ["c"]], VECTORS)


def three_dimensions(folder):
    return files.npz(folder, IDS, VECTORS[None])


def no_dimension(folder):
    return files.npz(folder, IDS, np.float32(1))


def objects(folder):
    np.save(folder / "e.npy", np.array([{}, []], object))
    return folder / "e.npy"


def cut(folder):
    path = files.npy(folder, IDS, VECTORS)
    path.write_bytes(path.read_bytes()[:-7])
    return path


def no_array(folder):
    np.savez(folder / "e.npz", vectors=VECTORS)
    return folder / "e.npz"


def no_archive(folder):
    (folder / "e.npz").write_bytes(b"PK\x03\x04 and nothing")
    return folder / "e.npz"


def damaged_member(folder):
    np.savez_compressed(folder / "e.npz", embeddings=np.random.default_rng(0).normal(size=(30, 9)), ids=np.array(IDS))
    data = bytearray((folder / "e.npz").read_bytes())
    data[90:200] = bytes(110)
    (folder / "e.npz").write_bytes(data)
    return folder / "e.npz"


def write_parquet(folder, **columns):
    pq.write_table(pa.table(columns), folder / "e.parquet")
    return folder / "e.parquet"


def ragged(folder):
    return write_parquet(folder, image_id=IDS, embedding=[[1.0], [1.0, 2.0], [1.0]])


def null(folder):
    return write_parquet(folder, image_id=IDS, embedding=[[1.0], None, [1.0]])


def no_column(folder):
    return write_parquet(folder, image_id=IDS)


def text_as_embedding(folder):
    return write_parquet(folder, image_id=IDS, embedding=IDS)


def integers(folder):
    return write_parquet(folder, image_id=IDS, embedding=[[1], [2], [3]])


def no_rows(folder):
    return write_parquet(folder, image_id=pa.array([], pa.string()), embedding=pa.array([], pa.list_(pa.float32())))


def no_parquet(folder):
    (folder / "e.parquet").write_bytes(b"PAR1")
    return folder / "e.parquet"


def missing(folder):
    return folder / "e.npy"


@pytest.mark.parametrize(
    ("write", "code"),
    [
        (no_ids, "evaluation.no-ids"),
        (too_few_ids, "evaluation.number-of-ids"),
        (repeated_ids, "evaluation.repeated-ids"),
        (numbers_as_ids, "evaluation.unreadable-embeddings"),
        (nested_ids, "evaluation.unreadable-embeddings"),
        (three_dimensions, "evaluation.shape-of-file"),
        (no_dimension, "evaluation.shape-of-file"),
        (objects, "evaluation.unreadable-embeddings"),
        (cut, "evaluation.unreadable-embeddings"),
        (no_array, "evaluation.unreadable-embeddings"),
        (no_archive, "evaluation.unreadable-embeddings"),
        (damaged_member, "evaluation.unreadable-embeddings"),
        (ragged, "evaluation.unreadable-embeddings"),
        (null, "evaluation.unreadable-embeddings"),
        (no_column, "evaluation.unreadable-embeddings"),
        (text_as_embedding, "evaluation.unreadable-embeddings"),
        (integers, "evaluation.unreadable-embeddings"),
        (no_rows, "evaluation.unreadable-embeddings"),
        (no_parquet, "evaluation.unreadable-embeddings"),
        (missing, "evaluation.missing-file"),
    ],
)
def test_file_with_a_fault_is_refused(write, code, tmp_path):
    with pytest.raises(DmlkitError) as error:
        read_embeddings(write(tmp_path))
    assert error.value.code == code


def test_repeated_ids_are_listed(tmp_path):
    with pytest.raises(EmbeddingsError) as error:
        read_embeddings(repeated_ids(tmp_path))
    assert error.value.facts["ids"] == ["b"]


def test_missing_ids_file_names_the_choices(tmp_path):
    with pytest.raises(UsageError) as error:
        read_embeddings(no_ids(tmp_path))
    assert error.value.facts["choices"] == [tmp_path / "e.ids.txt", tmp_path / "e.ids.parquet"]


def test_named_ids_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(UsageError) as error:
        read_embeddings(no_ids(tmp_path), tmp_path / "names.txt")
    assert error.value.code == "evaluation.missing-file"
    assert error.value.facts["path"] == tmp_path / "names.txt"


def write_safetensors(path, tensors, ids='["a", "b"]'):
    installed("safetensors", "torch")
    from safetensors.torch import save_file

    save_file(tensors, path, {"ids": ids})


@pytest.mark.parametrize("fault", ["bfloat16", "other name", "ids not JSON", "no file of safetensors"])
def test_safetensors_file_with_a_fault_is_refused(fault, tmp_path):
    installed("safetensors", "torch")
    import torch

    path = tmp_path / "e.safetensors"
    if fault == "bfloat16":
        write_safetensors(path, {"embeddings": torch.ones(2, 3, dtype=torch.bfloat16)})
    elif fault == "other name":
        write_safetensors(path, {"other": torch.ones(2, 3)})
    elif fault == "ids not JSON":
        write_safetensors(path, {"embeddings": torch.ones(2, 3)}, "a, b")
    else:
        path.write_bytes(b"nothing")
    with pytest.raises(EmbeddingsError) as error:
        read_embeddings(path)
    assert error.value.code == "evaluation.unreadable-embeddings"


def test_safetensors_ids_are_a_json_list(tmp_path):
    path = files.safetensors(tmp_path, IDS, VECTORS)
    assert read_embeddings(path).ids == IDS
    (tmp_path / "ids.txt").write_text("x\ny\nz\n")
    assert read_embeddings(path, tmp_path / "ids.txt").ids == ["x", "y", "z"]


def test_other_suffix_is_refused(tmp_path, good_folder):
    (tmp_path / "e.json").write_text(json.dumps([1]))
    for path in (tmp_path, tmp_path / "e.csv", tmp_path / "e.json", good_folder):
        with pytest.raises(UsageError) as error:
            read_embeddings(path)
        assert error.value.code == "evaluation.unknown-format"
