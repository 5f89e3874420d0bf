"""Match the images of a published dataset with those of a person's own copy of its source, by id and hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.pipeline.assemble import Reject
from dmlkit.pipeline.pool import Pool
from dmlkit.schema.features import REJECTED

# The columns of the pool that locate a person's own copy of an image.
OWN_COLUMNS = ("unit", "offset", "length", "format")

# Rows of a Parquet file that are in memory at a time.
BATCH_ROWS = 200_000


class LostImage(TypedDict):
    """A published image that a person's copy does not have, or has with other bytes."""

    image_id: str
    status: str
    detail: str


def has_images_over_limit(rows: pd.DataFrame, pool: Pool, unit_names: Iterable[str]) -> bool:
    """Whether published images were skipped because the person's copy has more images than the limit."""
    published = IdSet([rows["image_id"].tolist()])
    skipped = (table.filter(pc.equal(table["status"], "over-limit")) for table in map(pool.rows, unit_names))
    return any(published.contains(table["image_id"]).any() for table in skipped)


def match_published(
    rows: pd.DataFrame, repo: str, dataset: DatasetFolder, pool: Pool, unit_names: Iterable[str], reject: Reject
) -> tuple[pd.DataFrame, tuple[LostImage, ...]]:
    """Match the published ``rows`` with the images of the pool.

    Returns the rows whose images the pool has, with their positions in it, as `assemble_rows` does, and the images that
    are lost. The lost ones go to ``reject``, after the published rejected candidates, and so do candidates that only
    the person's copy has. Memory: about 1 kB for each published image, 8 bytes for each published rejected candidate.
    """
    for batch in dataset.rejected(max_rows=BATCH_ROWS):
        reject(pa.Table.from_batches([batch]))
    published = IdSet([rows["image_id"].tolist()])
    rejected = IdSet(batch["image_id"].to_pylist() for batch in dataset.rejected(["image_id"], BATCH_ROWS))
    own_tables = []
    for name in sorted(unit_names):
        table = read_candidates(pool, name)
        is_published = published.contains(table["image_id"])
        own_tables.append(table.filter(pa.array(is_published)))
        unlisted = table.filter(pa.array(~is_published & ~rejected.contains(table["image_id"])))
        reject(mark_unlisted(unlisted, repo))
    candidates = choose_candidates(pa.concat_tables(own_tables).to_pandas(types_mapper=pd.ArrowDtype), rows)
    matched = rows.merge(candidates, on="image_id", how="left", suffixes=("", "_own"))
    is_kept = matched["has_same_bytes"].fillna(False) & matched["is_good"].fillna(False)
    lost = [make_lost_row(row, repo) for row in matched[~is_kept].sort_values("image_id").to_dict("records")]
    reject(pa.Table.from_pylist(lost, REJECTED))
    kept = matched[is_kept].sort_values("order", ignore_index=True)[[*rows.columns, *OWN_COLUMNS]]
    return kept, tuple(LostImage(image_id=row["image_id"], status=row["status"], detail=row["detail"]) for row in lost)


class IdSet:
    """Many ids as sorted 64-bit hashes: 13 million take 104 MB.

    The chance that any two of them have the same hash is 1 in 100,000.
    """

    def __init__(self, batches: Iterable[list[str]]) -> None:
        hashes = [hash_ids(ids) for ids in batches]
        self._sorted = np.unique(np.concatenate(hashes)) if hashes else np.empty(0, np.uint64)

    def contains(self, ids: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """Tell for each id whether it is in the set: a Boolean array of the same length."""
        if not len(self._sorted):
            return np.zeros(len(ids), bool)
        hashes = hash_ids(ids.to_pylist())
        indices = np.searchsorted(self._sorted, hashes).clip(max=len(self._sorted) - 1)
        is_member: npt.NDArray[np.bool_] = self._sorted[indices] == hashes
        return is_member


def hash_ids(ids: list[str]) -> npt.NDArray[np.uint64]:
    """Hash ids to 64 bits each, the same in every process."""
    hashes: npt.NDArray[np.uint64] = pd.util.hash_array(np.array(ids, dtype=object), categorize=False)
    return hashes


def read_candidates(pool: Pool, name: str) -> pa.Table:
    """Read the candidates of a unit of the person's copy, with the unit's name."""
    table = pool.rows(name)
    table = table.append_column("unit", pa.array([name] * len(table), pa.string()))
    return table.select(["image_id", "upstream_label", "status", "detail", "sha256", "source_url", *OWN_COLUMNS])


def choose_candidates(own: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Choose one candidate for each published image: with the published bytes if there is one, else a good one."""
    own = own.merge(rows[["image_id", "sha256"]].rename(columns={"sha256": "published_sha256"}), on="image_id")
    own = own.assign(
        is_good=(own["status"] == "ok").fillna(False),
        has_same_bytes=(own["sha256"] == own["published_sha256"]).fillna(False),
    )
    by = ["has_same_bytes", "is_good", "unit", "offset"]
    own = own.sort_values(by, ascending=[False, False, True, True], kind="stable")
    return own.drop_duplicates("image_id")[
        ["image_id", "status", "detail", "sha256", "upstream_label", "has_same_bytes", "is_good", *OWN_COLUMNS]
    ]


def make_lost_row(row: Mapping[str, Any], repo: str) -> dict[str, Any]:
    """Make the row of `REJECTED` of a published image that the person's copy lacks, or has with other bytes."""
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    status, detail = values["status"] or "missing", values["detail"] or ""
    if values["status"] is None:
        detail = f"in {repo}, but not in this copy of the source"
    elif status == "ok":
        status = "changed"
        own = f"this copy has {values['sha256_own']}"
        if values["sha256_own"] is None:
            own = f"this copy has it under the label {values['upstream_label_own']}"
        detail = f"{repo} has SHA-256 {values['sha256']}; {own}"
    return {name: values.get(name) for name in REJECTED.names} | {"status": status, "detail": detail}


def mark_unlisted(candidates: pa.Table, repo: str) -> pa.Table:
    """Set the status of candidates that only the person's copy has, and sort them by their ids."""
    frame = candidates.to_pandas(types_mapper=pd.ArrowDtype).sort_values(["image_id", "upstream_label"])
    frame = frame.assign(status="unlisted", detail=f"not in {repo}")
    return pa.Table.from_pandas(frame, preserve_index=False)
