"""Embeddings with their labels as arrays that can be ranked, and embeddings in files that any program can write."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmlkit.errors import EmbeddingsError, UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.text import first_few, printable

# A vector whose norm is not within these limits has no direction that float32 can hold.
SMALLEST_NORM, LARGEST_NORM = 1e-12, 1e30
# Vectors whose norms are computed at a time: it bounds the memory for their squares in double precision.
NORM_ROWS = 4096

# Names in .npz and .safetensors. A .safetensors file has its ids as a JSON list in its metadata.
TENSOR, IDS = "embeddings", "ids"
# Columns in Parquet.
ID_COLUMN, EMBEDDING_COLUMN = "image_id", "embedding"
FORMATS_HINT = (
    ".npy with NAME.ids.txt or NAME.ids.parquet beside it; .npz with the arrays embeddings and ids; .safetensors with "
    "the tensor embeddings and ids in its metadata; .parquet with image_id and embedding: see docs/protocol.md"
)

# What the readers raise for bytes or types that they do not expect.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, BadZipFile, zlib.error)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LabelledEmbeddings:
    """N embeddings of D numbers that can be ranked, with the labels of their images.

    ``inverse_norm`` is one over the length of each vector. ``labels`` are fine, middle, coarse; -1 is unknown.
    ``ids`` are None if nobody gave any.
    """

    vectors: Floats  # (N, D)
    inverse_norm: Floats  # (N,)
    labels: NDArray[np.int32]  # (N, 3)
    ids: Sequence[str] | None = None


def check_embeddings(embeddings: ArrayLike, labels: ArrayLike, ids: Sequence[str] | None = None) -> LabelledEmbeddings:
    """Convert embeddings (N, D) to float32 and labels (N, 3) to int32, and check that they can be ranked.

    Raises `EmbeddingsError` for shapes that do not fit, values that are not finite, a norm of 0 and a repeated id.
    """
    vectors, integers = np.asarray(embeddings), np.asarray(labels)
    if vectors.ndim != 2 or not vectors.size or vectors.dtype.kind not in "fiu":
        raise EmbeddingsError(
            f"cannot rank embeddings of shape {vectors.shape} and type {vectors.dtype}",
            code="evaluation.bad-embeddings",
            hint="pass an array (images, dimensions) of floats",
            shape=vectors.shape,
        )
    if integers.shape != (len(vectors), len(SCALES)) or integers.dtype.kind not in "iu":
        raise EmbeddingsError(
            f"labels of shape {integers.shape} and type {integers.dtype} do not fit {len(vectors)} embeddings",
            code="evaluation.bad-labels",
            hint=f"pass an array of integers ({len(vectors)}, {len(SCALES)}): fine, middle, coarse",
            shape=integers.shape,
        )
    if integers.max() > np.iinfo(np.int32).max:
        raise EmbeddingsError(
            f"the label {integers.max()} is too large",
            code="evaluation.large-label",
            hint="number the classes from 0",
            label=int(integers.max()),
        )
    if ids is not None:
        check_ids(ids, len(vectors), "embeddings")
    with np.errstate(over="ignore"):  # what is too large for float32 is reported as not finite
        floats = np.ascontiguousarray(vectors, np.float32)
    inverse_norm = compute_inverse_norms(floats, ids)
    return LabelledEmbeddings(floats, inverse_norm, np.maximum(integers, -1).astype(np.int32), ids)


def check_ids(ids: Sequence[str], num_embeddings: int, what: str) -> None:
    """Raise `EmbeddingsError` unless there is one id for each embedding and no id is repeated."""
    if len(ids) != num_embeddings:
        raise EmbeddingsError(
            f"{what}: {len(ids):,} ids do not fit {num_embeddings:,} embeddings",
            code="evaluation.number-of-ids",
            hint="give one id for each row",
            num_ids=len(ids),
            num_embeddings=num_embeddings,
        )
    repeated = [image_id for image_id, count in Counter(ids).items() if count > 1]
    if repeated:
        raise EmbeddingsError(
            f"{what}: {len(repeated):,} ids occur more than once: {first_few(repeated)}",
            code="evaluation.repeated-ids",
            hint="give one embedding for each image",
            ids=repeated,
        )


def compute_inverse_norms(vectors: Floats, ids: Sequence[str] | None) -> Floats:
    """Compute one over the norm of each vector: (N, D) -> (N,).

    Raises `EmbeddingsError` with the ids, or the rows, of vectors without a usable norm.
    """
    parts = (vectors[start : start + NORM_ROWS] for start in range(0, len(vectors), NORM_ROWS))
    norms = np.sqrt(np.concatenate([np.einsum("ij,ij->i", part, part, dtype=np.float64) for part in parts]))
    not_finite, zero = ~(norms < LARGEST_NORM), norms < SMALLEST_NORM
    if not_finite.any() or zero.any():
        rows = np.flatnonzero(not_finite if not_finite.any() else zero).tolist()
        names = [f"row {row}" for row in rows] if ids is None else [ids[row] for row in rows]
        problem = "not finite, or far too large" if not_finite.any() else "zero, so that they have no direction"
        raise EmbeddingsError(
            f"{len(rows):,} of {len(vectors):,} embeddings are {problem}: {first_few(names)}",
            code="evaluation.no-direction",
            hint="check whether training diverged or half precision overflowed",
            images=names,
            finite=not not_finite.any(),
        )
    inverse: Floats = (1 / norms).astype(np.float32)
    return inverse


@dataclass(frozen=True)
class StoredEmbeddings:
    """The embeddings (N, D) of N images, in the type that they are stored in, and their ids."""

    ids: list[str]
    vectors: NDArray[Any]

    def select(self, ids: Sequence[str], where: str) -> NDArray[Any]:
        """Return the embeddings of these images, in this order. Raises `EmbeddingsError` if one has none."""
        rows = {image_id: row for row, image_id in enumerate(self.ids)}
        missing = [image_id for image_id in ids if image_id not in rows]
        if missing:
            hint = "embed every image of query and gallery, or name the scales to evaluate"
            if len(missing) == len(ids):
                hint = f"use the column image_id of the dataset; the first id here is {first_few(self.ids[:1])}"
            raise EmbeddingsError(
                f"{len(missing):,} of the {len(ids):,} images of {where} have no embedding: {first_few(missing)}",
                code="evaluation.missing-embeddings",
                hint=hint,
                images=missing,
                first_id=self.ids[0] if self.ids else None,
            )
        return self.vectors[[rows[image_id] for image_id in ids]]


def read_embeddings(path: Path, ids_file: Path | None = None) -> StoredEmbeddings:
    """Read the embeddings in a file, by its suffix, and their ids; from ``ids_file`` if that is given.

    Raises `UsageError` for a file that is missing or of another kind, `EmbeddingsError` for one that cannot be read
    or whose ids do not fit.
    """
    if path.suffix not in READERS:
        raise UsageError(
            f"{printable(str(path))} is neither a run nor a file of embeddings",
            code="evaluation.unknown-format",
            hint=FORMATS_HINT,
            path=path,
        )
    if not path.is_file():
        raise missing_file(path)
    try:
        vectors, ids = READERS[path.suffix](path)
        if ids_file is not None or ids is None:
            ids = read_ids(ids_file or find_ids_file(path))
        if not all(isinstance(image_id, str) for image_id in ids):
            raise ValueError("its ids are not strings")
    except UNREADABLE as exc:
        raise EmbeddingsError(
            f"cannot read {printable(str(path))}: {printable(str(exc))}",
            code="evaluation.unreadable-embeddings",
            hint=FORMATS_HINT,
            path=path,
            reason=str(exc),
        ) from exc
    if vectors.ndim != 2:
        raise EmbeddingsError(
            f"{printable(str(path))} has embeddings of shape {vectors.shape}",
            code="evaluation.shape-of-file",
            hint="store one row of numbers for each id",
            path=path,
            shape=vectors.shape,
        )
    check_ids(ids, len(vectors), printable(str(path)))
    return StoredEmbeddings(ids, vectors)


def missing_file(path: Path) -> UsageError:
    """Make the error for a file of embeddings or ids that does not exist."""
    return UsageError(
        f"the file {printable(str(path))} does not exist", code="evaluation.missing-file", hint="check it", path=path
    )


def find_ids_file(path: Path) -> Path:
    """Return the file of ids beside a file of embeddings. Raises `UsageError` if there is none."""
    choices = [path.with_suffix(".ids.txt"), path.with_suffix(".ids.parquet")]
    for choice in choices:
        if choice.is_file():
            return choice
    raise UsageError(
        f"{printable(str(path))} has no ids: neither {choices[0].name} nor {choices[1].name} is beside it",
        code="evaluation.no-ids",
        hint="write the image_id of each row into it, one a line, or name another file with --ids",
        path=path,
        choices=choices,
    )


def read_ids(path: Path) -> list[str]:
    """Read ids from a text file, one a line, or from the column image_id of a Parquet file."""
    if not path.is_file():
        raise missing_file(path)
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        ids: list[str] = pq.read_table(path, columns=[ID_COLUMN])[ID_COLUMN].to_pylist()
        return ids
    return path.read_text(encoding="utf-8").splitlines()


def read_npy(path: Path) -> tuple[NDArray[Any], None]:
    """Read an array without ids. Nothing in the file is executed."""
    return np.load(path, allow_pickle=False), None


def read_npz(path: Path) -> tuple[NDArray[Any], list[str] | None]:
    """Read the arrays `TENSOR` and, if it is there, `IDS`. Nothing in the file is executed."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        ids = file[IDS].tolist() if IDS in file.files else None
        return file[TENSOR], ids


def read_safetensors(path: Path) -> tuple[NDArray[Any], list[str] | None]:
    """Read the tensor `TENSOR` and, if they are there, the ids in the metadata."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as exc:
        raise UsageError(
            "reading .safetensors needs the package safetensors",
            code="evaluation.no-safetensors",
            hint="pip install safetensors, or write .npy",
        ) from exc
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
    """Read the columns `ID_COLUMN` and `EMBEDDING_COLUMN`, whose lists have the same length in every row."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    parts, ids = [], []
    for batch in pq.ParquetFile(path).iter_batches(columns=[ID_COLUMN, EMBEDDING_COLUMN]):
        lists = batch[EMBEDDING_COLUMN]
        if lists.null_count or batch[ID_COLUMN].null_count:
            raise ValueError("a row lacks its id or its embedding")
        lengths = pc.unique(pc.list_value_length(lists))
        if len(lengths) != 1:
            raise ValueError("its embeddings are not all of one length")
        values = lists.flatten()
        if not pa.types.is_floating(values.type):
            raise ValueError(f"its embeddings are lists of {values.type}, not of floats")
        parts.append(values.to_numpy(zero_copy_only=False).reshape(len(lists), -1))
        ids += batch[ID_COLUMN].to_pylist()
    if not parts:
        raise ValueError("it has no rows")
    return np.concatenate(parts), ids


READERS: dict[str, Any] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".safetensors": read_safetensors,
    ".parquet": read_parquet,
}
