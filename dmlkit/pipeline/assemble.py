"""Pool rows → the table of the dataset. Sees metadata only: no image is read or decoded here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dmlkit.dataset import shards
from dmlkit.pipeline import duplicates
from dmlkit.pipeline.plan import BuildPlan
from dmlkit.pipeline.pool import Pool
from dmlkit.schema.features import POOL_ROW, REJECTED, as_rejected
from dmlkit.schema.progress import Progress
from dmlkit.schema.scales import order_key
from dmlkit.schema.statuses import FETCH_STATUSES, SOURCE_STATUSES
from dmlkit.storage.download import host_of
from dmlkit.taxonomy import splits
from dmlkit.taxonomy.resolve import Resolution, Taxonomy

# Hosts, and labels, with most failures that a build lists.
SHOWN_FAILURES = 20

# Takes rejected candidates, as tables with the columns of `REJECTED`; those that are missing are empty.
Reject = Callable[[pa.Table], None]


@dataclass(frozen=True)
class AssembledDataset:
    """The table of a dataset, and counts of its candidates.

    ``rows`` has one row per image in the order of `order_key`, with the columns of the pool and ``unit``, ``fine_id``,
    ``split``. ``statuses`` counts all candidates. ``failures``: ``hosts`` and ``labels`` → name → status → number.
    """

    rows: pd.DataFrame
    statuses: Mapping[str, int]
    failures: Mapping[str, Mapping[str, Mapping[str, int]]]


class RejectedFile:
    """``rejected.parquet``, written table by table and counted. Use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.statuses: Counter[str] = Counter()
        self._failures: dict[str, dict[str, Counter[str]]] = {"hosts": {}, "labels": {}}
        self._file = shards.RejectedFile(folder)

    def __enter__(self) -> RejectedFile:
        self._file.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.__exit__(*exc)

    def write(self, rows: pa.Table) -> None:
        """Write rejected candidates."""
        rows = as_rejected(rows)
        self._count(rows)
        self._file.write(rows)

    def _count(self, rows: pa.Table) -> None:
        self.statuses.update(rows["status"].to_pylist())
        is_failure = pc.is_in(rows["status"], pa.array(sorted(FETCH_STATUSES)))
        failed = rows.filter(pc.and_(is_failure, pc.not_equal(rows["source_url"], "")))
        columns = (failed[name].to_pylist() for name in ("status", "upstream_label", "source_url"))
        for status, label, url in zip(*columns, strict=True):
            for kind, name in (("hosts", host_of(url)), ("labels", label)):
                self._failures[kind].setdefault(name, Counter())[status] += 1

    def worst_failures(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return why images by URL could not be fetched, for the hosts and labels with most failures."""
        worst: dict[str, dict[str, dict[str, int]]] = {}
        for kind, counts in self._failures.items():
            names = sorted(counts, key=lambda name: (-counts[name].total(), name))[:SHOWN_FAILURES]
            worst[kind] = {name: dict(counts[name]) for name in names}
        return worst


def assemble_dataset(
    folder: Path, plan: BuildPlan, pool: Pool, unit_names: Iterable[str], progress: Progress
) -> AssembledDataset:
    """Decide every candidate of the units, and write ``rejected.parquet``."""
    progress("assemble", 0, None, "")
    with RejectedFile(folder) as rejected:
        rows = assemble_rows(pool, unit_names, plan.taxonomy, plan.options.limit, rejected.write)
    progress("assemble", len(rows), len(rows), "images")
    return count_candidates(rows, rejected)


def count_candidates(rows: pd.DataFrame, rejected: RejectedFile) -> AssembledDataset:
    """Count the images of a dataset with its rejected candidates."""
    statuses = dict(rejected.statuses) | ({"ok": len(rows)} if len(rows) else {})
    return AssembledDataset(rows, statuses, rejected.worst_failures())


def assemble_rows(
    pool: Pool, unit_names: Iterable[str], taxonomy: Taxonomy, limit: int | None, reject: Reject
) -> pd.DataFrame:
    """Decide every candidate of the units.

    Returns the rows of an `AssembledDataset`. All other candidates go to ``reject``, in an order that depends on their
    ids and units' names only. Memory: about 1 kB for each candidate under a label of the taxonomy.
    """
    manifest = taxonomy.manifest
    rows = gather_rows(pool, unit_names, taxonomy, reject)
    resolutions = {label: taxonomy.resolve(label) for label in rows["upstream_label"].unique() if label}
    possible = {label: resolution.possible for label, resolution in resolutions.items()} | {"": frozenset()}
    fine_ids = {label: resolution.fine_id for label, resolution in resolutions.items()}
    rows["fine_id"] = rows["upstream_label"].map(fine_ids)
    mark_over_limit(rows, "upstream_label", limit)
    mark_repeated_ids(rows)
    duplicates.mark_placeholders(rows)
    duplicates.mark_duplicates(rows, "source_sha256", possible)
    duplicates.mark_duplicates(rows, "sha256", possible)  # different files may shrink to the same bytes
    mark_over_limit(rows, "fine_id", limit)
    splits.assign_query_gallery(rows, {c.fine_id: c.split for c in manifest.classes}, manifest.query_share())
    good = rows["status"] == "ok"
    rejected = rows[~good].sort_values(["image_id", "upstream_label", "unit"], kind="stable")
    reject(pa.Table.from_pandas(rejected[REJECTED.names], preserve_index=False))
    return rows[good].reset_index(drop=True)


def gather_rows(pool: Pool, unit_names: Iterable[str], taxonomy: Taxonomy, reject: Reject) -> pd.DataFrame:
    """Return the rows that need a decision, in the order of `order_key`. Rows that can only be rejected are."""
    tables = []
    for name in sorted(unit_names):
        table = pool.rows(name)
        labels = table["upstream_label"].unique().to_pylist()
        resolutions = {label: taxonomy.resolve(label) for label in labels if label}
        table = apply_label_statuses(table, resolutions)
        if any(resolution.status in ("ok", "above", "excluded") for resolution in resolutions.values()):
            tables.append(table.append_column("unit", pa.array([name] * len(table), pa.string())))
        else:
            reject(table)
    if not tables:
        tables = [POOL_ROW.append(pa.field("unit", pa.string())).empty_table()]
    rows = pa.concat_tables(tables).to_pandas(types_mapper=pd.ArrowDtype)
    rows["duplicate_of"] = pd.Series("", rows.index, pd.ArrowDtype(pa.string()))
    rows["order"] = [order_key(i) for i in rows["image_id"]]
    return rows.sort_values(["order", "upstream_label", "unit"], kind="stable", ignore_index=True)


def apply_label_statuses(table: pa.Table, resolutions: Mapping[str, Resolution]) -> pa.Table:
    """Give images under a label that maps to no fine class the label's status, whatever their bytes are.

    Only what the source itself says stays.
    """
    statuses, details = table["status"].to_pylist(), table["detail"].to_pylist()
    for i, label in enumerate(table["upstream_label"].to_pylist()):
        resolution = resolutions.get(label)
        if resolution is not None and resolution.status != "ok" and statuses[i] not in SOURCE_STATUSES:
            statuses[i], details[i] = resolution.status, resolution.detail
    table = table.set_column(table.column_names.index("status"), "status", pa.array(statuses, pa.string()))
    return table.set_column(table.column_names.index("detail"), "detail", pa.array(details, pa.string()))


def mark_over_limit(rows: pd.DataFrame, column: str, limit: int | None) -> None:
    """Keep, of each value of ``column``, the first ``limit`` good images in order, and what comes before them.

    Applied to labels it repeats what collecting did, so that a pool collected with a higher limit, or none, gives
    the same dataset.
    """
    if limit is None:
        return
    in_use = rows["fine_id"].notna()
    good = ((rows["status"] == "ok") & in_use).astype(int)
    before = good.groupby(rows[column]).cumsum() - good
    late = in_use & (before >= limit)
    if column == "fine_id":
        late &= rows["status"] == "ok"
    rows.loc[late, ["status", "detail"]] = ["over-limit", ""]


def mark_repeated_ids(rows: pd.DataFrame) -> None:
    """Keep the first of good images with the same image_id."""
    good = rows[rows["status"] == "ok"]
    repeated = good.index[good.duplicated("image_id")]
    rows.loc[repeated, ["status", "detail"]] = ["repeated-id", "an earlier image of the source has this id"]
