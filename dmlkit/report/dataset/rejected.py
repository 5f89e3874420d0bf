"""The rejected candidates: how many have which status, examples, and duplicates with the image that was kept."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.schema.statuses import STATUS_NAMES

# Candidates of a status that are shown, chosen by a hash of their ids.
MAX_EXAMPLES = 12
# Images with duplicates that are shown, chosen likewise.
MAX_GROUPS = 200

Row = dict[str, Any]
# The id of a kept image → the hash of that id, and its duplicates.
Groups = dict[str, tuple[int, list[Row]]]


@dataclass
class RejectedSummary:
    """``counts`` and ``examples`` by status; ``duplicates``: the id of a kept image → its duplicates."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Row]] = field(default_factory=dict)
    duplicates: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def statuses(self) -> list[str]:
        """The statuses in the order of their table; one that is not in it comes last."""
        order = {status: place for place, status in enumerate(STATUS_NAMES)}
        return sorted(self.counts, key=lambda status: (order.get(status, len(order)), status))


def summarize_rejected(dataset: DatasetFolder) -> RejectedSummary:
    """Read the rejected candidates batch by batch: there can be many millions, of which few are shown."""
    summary = RejectedSummary()
    heaps: dict[str, list[tuple[int, int, Row]]] = {}
    groups: Groups = {}
    number = 0
    for batch in dataset.rejected():
        rows = batch.to_pandas()
        rows["order"] = hash_texts(rows["image_id"].fillna("") + " " + rows["upstream_label"].fillna(""))
        summary.counts.update(rows["status"].value_counts().to_dict())
        for status, part in rows.groupby("status"):
            heap = heaps.setdefault(str(status), [])
            for row in to_records(part.nsmallest(MAX_EXAMPLES, "order")):
                number += 1
                push_bounded(heap, (-row.pop("order"), -number, row))
        groups = merge_groups(groups, rows[rows["status"] == "duplicate"])
    for status, heap in heaps.items():
        summary.examples[status] = [row for *_, row in sorted(heap, key=lambda item: (-item[0], -item[1]))]
    for kept, (_, same) in sorted(groups.items(), key=lambda item: (item[1][0], item[0]))[:MAX_GROUPS]:
        summary.duplicates[kept] = sorted(same, key=lambda row: str(row["image_id"]))
    return summary


def hash_texts(texts: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Hash each text to a number, the same in every process."""
    return np.asarray(pd.util.hash_array(texts.to_numpy(dtype=object), categorize=False) >> 1, np.int64)


def to_records(rows: pd.DataFrame) -> list[Row]:
    """Turn a table into rows, with None for what is missing."""
    records: list[Row] = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return records


def push_bounded(heap: list[tuple[int, int, Row]], item: tuple[int, int, Row]) -> None:
    """Keep the `MAX_EXAMPLES` items with the smallest hashes."""
    if len(heap) < MAX_EXAMPLES:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


def merge_groups(groups: Groups, rows: pd.DataFrame) -> Groups:
    """Add duplicates to the groups of the images that were kept, and drop the groups beyond the first by hash.

    A dropped group never comes back: only groups with smaller hashes do.
    """
    rows = rows[rows["duplicate_of"].fillna("") != ""]
    if rows.empty:
        return groups
    rows = rows.assign(order=hash_texts(rows["duplicate_of"]))
    most = max((order for order, _ in groups.values()), default=0) if len(groups) >= MAX_GROUPS else None
    for row in to_records(rows if most is None else rows[rows["order"] <= most]):
        order = row.pop("order")
        groups.setdefault(row.pop("duplicate_of"), (order, []))[1].append(row)
    kept = sorted(groups, key=lambda name: (groups[name][0], name))[:MAX_GROUPS]
    return {name: groups[name] for name in groups if name in set(kept)}
