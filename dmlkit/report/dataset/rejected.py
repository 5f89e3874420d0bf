"""What rejected.parquet says: how many candidates have which status, examples, and duplicates with what was kept."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.schema.statuses import STATUS_NAMES

EXAMPLES = 12
"""So many candidates of a status are shown, chosen by a hash of their ids."""
GROUPS = 200
"""So many images with duplicates are shown, chosen likewise."""

Row = dict[str, Any]


@dataclass
class Rejected:
    """``counts`` and ``examples`` by status; ``same``: the id of a kept image → its duplicates."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Row]] = field(default_factory=dict)
    same: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def statuses(self) -> list[str]:
        """In the order of the fixed list; one that this dmlkit does not know comes last."""
        order = {status: place for place, status in enumerate(STATUS_NAMES)}
        return sorted(self.counts, key=lambda status: (order.get(status, len(order)), status))


def read(dataset: DatasetFolder) -> Rejected:
    """Read the rejected candidates batch by batch: there can be many millions, of which few are shown."""
    found = Rejected()
    chosen: dict[str, list[tuple[int, int, Row]]] = {}
    groups: dict[str, tuple[int, list[Row]]] = {}
    number = 0
    for batch in dataset.rejected():
        rows = batch.to_pandas()
        rows["order"] = hashes(rows["image_id"].fillna("") + " " + rows["upstream_label"].fillna(""))
        found.counts.update(rows["status"].value_counts().to_dict())
        for status, part in rows.groupby("status"):
            heap = chosen.setdefault(str(status), [])
            for row in records(part.nsmallest(EXAMPLES, "order")):
                number += 1
                push(heap, (-row.pop("order"), -number, row))
        gather(rows[rows["status"] == "duplicate"], groups)
    for status, heap in chosen.items():
        found.examples[status] = [row for *_, row in sorted(heap, key=lambda item: (-item[0], -item[1]))]
    for kept, (_, same) in sorted(groups.items(), key=lambda item: (item[1][0], item[0]))[:GROUPS]:
        found.same[kept] = sorted(same, key=lambda row: str(row["image_id"]))
    return found


def hashes(texts: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A number for each text, the same in every process."""
    return np.asarray(pd.util.hash_array(texts.to_numpy(dtype=object), categorize=False) >> 1, np.int64)


def records(rows: pd.DataFrame) -> list[Row]:
    found: list[Row] = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return found


def push(heap: list[tuple[int, int, Row]], item: tuple[int, int, Row]) -> None:
    """Keep the `EXAMPLES` items with the smallest hashes."""
    if len(heap) < EXAMPLES:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


def gather(rows: pd.DataFrame, groups: dict[str, tuple[int, list[Row]]]) -> None:
    """Add duplicates to the groups of the images that were kept, and let go of groups beyond the first by hash.

    A group that was let go never comes back: only smaller hashes than its own do.
    """
    rows = rows[rows["duplicate_of"].fillna("") != ""]
    if rows.empty:
        return
    rows = rows.assign(order=hashes(rows["duplicate_of"]))
    most = max((order for order, _ in groups.values()), default=0) if len(groups) >= GROUPS else None
    for row in records(rows if most is None else rows[rows["order"] <= most]):
        order = row.pop("order")
        groups.setdefault(row.pop("duplicate_of"), (order, []))[1].append(row)
    for name in sorted(groups, key=lambda name: (groups[name][0], name))[GROUPS:]:
        del groups[name]
