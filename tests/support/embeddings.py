"""Embeddings of test images, in every format that `dmlkit evaluate` reads."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dmlkit.evaluation import labels
from tests.support.requirements import installed

SIDES = ("query", "gallery")


def make_vectors(ids, dimensions=8):
    """Some embedding for each id, the same whatever the others are."""
    return np.stack([np.random.default_rng(list(i.encode())).normal(size=dimensions) for i in ids]).astype(np.float32)


def query_and_gallery_ids(folder, scale=None):
    """The ids of the query and the gallery of a dataset folder."""
    return labels.load_labels(str(folder), SIDES, scale).ids


def write_npz(path, ids, vectors=None):
    np.savez(path, embeddings=make_vectors(ids) if vectors is None else vectors, ids=np.array(ids))
    return path


# Writers of one format each: (folder, ids, vectors) -> path.


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
