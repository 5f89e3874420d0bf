"""Pool rows → the table of the dataset. Sees metadata only: no image is read or decoded here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd
import pyarrow as pa

from dmlkit.pipeline import duplicates
from dmlkit.pipeline.pool import Pool
from dmlkit.schema.features import POOL_ROW, REJECTED, as_rejected
from dmlkit.schema.scales import order_key
from dmlkit.schema.statuses import SOURCE_STATUSES
from dmlkit.taxonomy import splits
from dmlkit.taxonomy.resolve import Resolution, Taxonomy


def assemble(
    pool: Pool,
    unit_names: Iterable[str],
    hierarchy: Taxonomy,
    limit: int | None,
    reject: Callable[[pa.Table], None],
) -> pd.DataFrame:
    """Decide every candidate of the units.

    Returns one row an image of the dataset, in the order of `order_key`, with the pool's columns and ``unit``,
    ``fine_id``, ``split``. All other candidates go to ``reject`` as tables of the schema `REJECTED`, in an order that
    depends on their ids and units' names only. Memory: about 1 kB for each candidate under a label of the hierarchy.
    """
    manifest = hierarchy.manifest
    rows = gather(pool, unit_names, hierarchy, reject)
    placed = {label: hierarchy.resolve(label) for label in rows["upstream_label"].unique() if label}
    possible = {label: found.possible for label, found in placed.items()} | {"": frozenset()}
    rows["fine_id"] = rows["upstream_label"].map({label: found.fine_id for label, found in placed.items()})
    mark_over_limit(rows, "upstream_label", limit)
    mark_repeated_ids(rows)
    duplicates.mark_placeholders(rows)
    duplicates.mark_duplicates(rows, "source_sha256", possible)
    duplicates.mark_duplicates(rows, "sha256", possible)  # different files may shrink to the same bytes
    mark_over_limit(rows, "fine_id", limit)
    splits.assign_query_gallery(rows, {c.fine_id: c.split for c in manifest.classes}, manifest.query_share())
    good = rows["status"] == "ok"
    refused = rows[~good].sort_values(["image_id", "upstream_label", "unit"], kind="stable")
    reject(as_rejected(pa.Table.from_pandas(refused[REJECTED.names], preserve_index=False)))
    return rows[good].reset_index(drop=True)


def gather(
    pool: Pool, unit_names: Iterable[str], hierarchy: Taxonomy, reject: Callable[[pa.Table], None]
) -> pd.DataFrame:
    """The rows that need a decision, in the order of `order_key`. Rows that can only be rejected are passed on."""
    tables = []
    for name in sorted(unit_names):
        table = pool.rows(name)
        found = {label: hierarchy.resolve(label) for label in table["upstream_label"].unique().to_pylist() if label}
        table = with_label_statuses(table, found)
        if any(resolution.status in ("ok", "above", "excluded") for resolution in found.values()):
            tables.append(table.append_column("unit", pa.array([name] * len(table), pa.string())))
        else:
            reject(as_rejected(table))
    if not tables:
        tables = [POOL_ROW.append(pa.field("unit", pa.string())).empty_table()]
    rows = pa.concat_tables(tables).to_pandas(types_mapper=pd.ArrowDtype)
    rows["duplicate_of"] = pd.Series("", rows.index, pd.ArrowDtype(pa.string()))
    rows["order"] = [order_key(i) for i in rows["image_id"]]
    return rows.sort_values(["order", "upstream_label", "unit"], kind="stable", ignore_index=True)


def with_label_statuses(table: pa.Table, found: dict[str, Resolution]) -> pa.Table:
    """A label that maps to no fine class decides, whatever the bytes are; only what the source itself says stays."""
    statuses, details = table["status"].to_pylist(), table["detail"].to_pylist()
    for i, label in enumerate(table["upstream_label"].to_pylist()):
        resolution = found.get(label)
        if resolution is not None and resolution.status != "ok" and statuses[i] not in SOURCE_STATUSES:
            statuses[i], details[i] = resolution.status, resolution.detail
    table = table.set_column(table.column_names.index("status"), "status", pa.array(statuses, pa.string()))
    return table.set_column(table.column_names.index("detail"), "detail", pa.array(details, pa.string()))


def mark_over_limit(rows: pd.DataFrame, column: str, limit: int | None) -> None:
    """Of each value of ``column``, the first ``limit`` good images in order stay, and what comes before them.

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
    """Of good images with the same image_id, the first stays."""
    good = rows[rows["status"] == "ok"]
    again = good.index[good.duplicated("image_id")]
    rows.loc[again, ["status", "detail"]] = ["repeated-id", "an earlier image of the source has this id"]
