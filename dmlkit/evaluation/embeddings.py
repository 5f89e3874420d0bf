"""Embeddings from files that any program can write, with the ids of their images."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from dmlkit.errors import EmbeddingsError, UsageError
from dmlkit.text import first_few, printable

TENSOR, IDS = "embeddings", "ids"
"""Names in .npz and .safetensors. A .safetensors file has its ids as a JSON list in its metadata."""
COLUMNS = ("image_id", "embedding")
"""Columns in Parquet."""
FORMS = (
    ".npy with NAME.ids.txt or NAME.ids.parquet beside it; .npz with the arrays embeddings and ids; .safetensors with "
    "the tensor embeddings and ids in its metadata; .parquet with image_id and embedding: see docs/protocol.md"
)


@dataclass(frozen=True)
class Embeddings:
    """The embeddings (N, D) of N images, in the type that they were stored in, and their ids."""

    ids: list[str]
    vectors: NDArray[Any]

    def of(self, ids: list[str], where: str) -> NDArray[Any]:
        """The embeddings of these images, in this order. Raises `EmbeddingsError` with those that have none."""
        place = {image_id: row for row, image_id in enumerate(self.ids)}
        missing = [image_id for image_id in ids if image_id not in place]
        if missing:
            none = len(missing) == len(ids)
            raise EmbeddingsError(
                f"{len(missing):,} of the {len(ids):,} images of {where} have no embedding: {first_few(missing)}",
                hint=f"ids are the column image_id of the dataset; those given begin with {first_few(self.ids[:1])}"
                if none
                else "embed every image of query and gallery, or name the scales to evaluate",
            )
        return self.vectors[[place[image_id] for image_id in ids]]


def read(path: Path, ids_file: Path | None = None) -> Embeddings:
    """The embeddings in a file, by its suffix, and their ids; from ``ids_file`` where that is given.

    Raises `UsageError` for a file that is not there or of another kind, `EmbeddingsError` for one that cannot be read
    or whose ids do not fit.
    """
    if path.suffix not in READERS:
        raise UsageError(f"{printable(str(path))} is neither a run nor a file of embeddings", hint=FORMS)
    if not path.is_file():
        raise UsageError(f"there is no file {printable(str(path))}")
    try:
        vectors, ids = READERS[path.suffix](path)
        if ids_file is not None or ids is None:
            ids = read_ids(ids_file or beside(path))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as exc:
        raise EmbeddingsError(f"{printable(str(path))} cannot be read: {printable(str(exc))}", hint=FORMS) from exc
    if vectors.ndim != 2 or len(ids) != len(vectors):
        raise EmbeddingsError(
            f"{printable(str(path))} has embeddings of shape {vectors.shape} and {len(ids):,} ids",
            hint="it needs one row of numbers for each id",
        )
    repeated = [image_id for image_id, count in Counter(ids).items() if count > 1]
    if repeated:
        raise EmbeddingsError(
            f"{printable(str(path))}: {len(repeated):,} ids are there more than once: {first_few(repeated)}",
            hint="give one embedding for each image",
        )
    return Embeddings(ids, vectors)


def beside(path: Path) -> Path:
    """The file of ids that belongs to one of embeddings."""
    choices = [path.with_suffix(".ids.txt"), path.with_suffix(".ids.parquet")]
    for choice in choices:
        if choice.is_file():
            return choice
    raise UsageError(
        f"{printable(str(path))} has no ids: neither {choices[0].name} nor {choices[1].name} is beside it",
        hint="write the image_id of each row into it, one a line, or name another file with --ids",
    )


def read_ids(path: Path) -> list[str]:
    """Ids from a text file, one a line, or from the column image_id of a Parquet file."""
    if not path.is_file():
        raise UsageError(f"there is no file {printable(str(path))}")
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        ids: list[str] = pq.read_table(path, columns=[COLUMNS[0]])[COLUMNS[0]].to_pylist()
        return ids
    return path.read_text(encoding="utf-8").splitlines()


def read_npy(path: Path) -> tuple[NDArray[Any], None]:
    return np.load(path, allow_pickle=False), None


def read_npz(path: Path) -> tuple[NDArray[Any], list[str] | None]:
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        ids = file[IDS].tolist() if IDS in file.files else None
        return file[TENSOR], ids


def read_safetensors(path: Path) -> tuple[NDArray[Any], list[str] | None]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as exc:
        raise UsageError("safetensors is not installed", hint="pip install safetensors, or write .npy") from exc
    try:
        with safe_open(path, "numpy") as file:
            ids = (file.metadata() or {}).get(IDS)
            kind = file.get_slice(TENSOR).get_dtype()
            if kind not in ("F16", "F32", "F64"):
                raise ValueError(f"its tensor is of type {kind}; write it as F32")
            vectors: NDArray[Any] = file.get_tensor(TENSOR)
    except SafetensorError as exc:
        raise ValueError(exc) from exc
    return vectors, None if ids is None else [str(image_id) for image_id in json.loads(ids)]


def read_parquet(path: Path) -> tuple[NDArray[Any], list[str]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    parts, ids = [], []
    for batch in pq.ParquetFile(path).iter_batches(columns=list(COLUMNS)):
        lists = batch[COLUMNS[1]]
        if lists.null_count or batch[COLUMNS[0]].null_count:
            raise ValueError("a row lacks its id or its embedding")
        lengths = pc.unique(pc.list_value_length(lists))
        if len(lengths) != 1:
            raise ValueError("its embeddings are not all of one length")
        values = lists.flatten()
        if not pa.types.is_floating(values.type):
            raise ValueError(f"its embeddings are lists of {values.type}, not of floats")
        parts.append(values.to_numpy(zero_copy_only=False).reshape(len(lists), -1))
        ids += batch[COLUMNS[0]].to_pylist()
    if not parts:
        raise ValueError("it has no rows")
    return np.concatenate(parts), ids


READERS: dict[str, Any] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".safetensors": read_safetensors,
    ".parquet": read_parquet,
}
