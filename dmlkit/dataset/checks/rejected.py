"""Check the rejected candidates against the dataset and its counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from dmlkit.dataset.checks.codes import Finding
from dmlkit.dataset.checks.tables import DatasetTables
from dmlkit.dataset.folder import BUILD_JSON, REJECTED
from dmlkit.dataset.tables import read_batches
from dmlkit.errors import UnreadableDatasetError
from dmlkit.schema.statuses import STATUS_NAMES
from dmlkit.text import first_few

# Statuses that no image of the dataset can share its id and label with. The others can befall a second candidate with
# the same name: an archive may hold a name twice.
DECIDED = ("above", "outside", "excluded", "duplicate", "conflicting-duplicate", "class-too-small")

# Rows of rejected.parquet in memory at a time.
REJECTED_ROWS = 200_000


def check_rejected(tables: DatasetTables) -> Iterator[Finding]:
    """Compare rejected.parquet with the rest. It may be far longer than the dataset, so it is read in pieces."""
    ids = tables.images[["image_id", "upstream_label"]].itertuples(index=False)
    known = pa.array([f"{image_id}\n{label}" for image_id, label in ids])
    counts = Counter(ok=len(tables.images))
    both: list[str] = []
    unnamed: list[str] = []
    nulls: set[str] = set()
    try:
        for batch in read_batches(tables.folder, REJECTED, None, REJECTED_ROWS):
            counts.update(batch["status"].to_pylist())
            nulls.update(name for name in batch.schema.names if name != "status" and batch[name].null_count)
            unnamed += select_ids(batch, pc.equal(batch["status"], "duplicate"), pc.equal(batch["duplicate_of"], ""))
            keys = pc.binary_join_element_wise(batch["image_id"], batch["upstream_label"], "\n")
            both += select_ids(batch, pc.is_in(batch["status"], pa.array(DECIDED)), pc.is_in(keys, known))
    except UnreadableDatasetError as exc:
        yield Finding("E201", REJECTED, str(exc.facts["reason"]))
        return
    if nulls:
        yield Finding("E205", REJECTED, f"texts are missing in: {first_few(sorted(nulls))}")
    if both:
        yield Finding("E407", REJECTED, f"also in the dataset: {first_few(both)}")
    if unnamed:
        yield Finding("E409", REJECTED, f"duplicate_of is empty: {first_few(unnamed)}")
    unknown = {str(status) for status in counts if status not in STATUS_NAMES}
    if counts["ok"] > len(tables.images):
        unknown.add("ok")
    if unknown:
        yield Finding("E408", REJECTED, f"unknown statuses: {first_few(sorted(unknown))}")
    yield from compare_statuses(tables.facts.statuses, counts)


def select_ids(batch: pa.RecordBatch, *masks: pa.Array) -> list[str]:
    """Return the ids of the rows for which all masks are true."""
    mask = masks[0]
    for other in masks[1:]:
        mask = pc.and_(mask, other)
    ids: list[str] = batch.filter(mask)["image_id"].to_pylist()
    return ids


def compare_statuses(stated: Mapping[str, int], counts: Mapping[str, int]) -> Iterator[Finding]:
    """Compare the number of candidates of each status in build.json and in the files."""
    for status in sorted(stated.keys() | counts.keys(), key=str):
        if stated.get(status, 0) != counts.get(status, 0):
            text = f"{stated.get(status, 0)} candidates are {status}; the files have {counts.get(status, 0)}"
            yield Finding("E204", BUILD_JSON, text)
