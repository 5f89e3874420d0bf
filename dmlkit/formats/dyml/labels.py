"""The labels of a release: classes apart for train and test, gaps filled by content, the tree that they make.

Works on one table of candidates, see `dmlkit.formats.dyml.importing.list_candidates`, in which ``fine_id``,
``middle_id`` and ``coarse_id`` are class ids or null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from dmlkit.schema.scales import SCALES, SPLITS

Classes = dict[str, dict[str, str]]
"""Scale → class id → name, in the order of the ids, which is that of the integer labels."""


@dataclass
class Filled:
    """Labels that images got from the same image in another test set."""

    labels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SCALES, 0))
    contradictions: list[str] = field(default_factory=list)
    """One sentence for each image that has several labels at one scale; it gives none to others."""


def generate(rows: pd.DataFrame) -> Classes:
    """Turn the released integers of the columns fine, middle and coarse into class ids, in place.

    Nobody says that an integer means the same class in train and in a test set, or at two scales. So the part and the
    scale are in the id and in the name: ``test-fine-00123``, "test fine 123". Returns the classes.
    """
    classes: Classes = {}
    part = rows["stem"].eq("data/train").map({True: "train", False: "test"})
    for scale in SCALES:
        digits = len(str(rows[scale].max())) if rows[scale].notna().any() else 1
        given = rows[scale].notna()
        rows[f"{scale}_id"] = None
        rows[f"{scale}_id"] = rows[f"{scale}_id"].astype("string")
        found = [
            f"{p}-{scale}-{n:0{digits}d}" for p, n in zip(part[given], rows.loc[given, scale].tolist(), strict=True)
        ]
        rows.loc[given, f"{scale}_id"] = found
        classes[scale] = {i: name_of(i) for i in sorted(set(found))}
    return classes


def name_of(class_id: str) -> str:
    part, scale, number = class_id.split("-")
    return f"{part} {scale} {int(number)}"


def mark_repeated(rows: pd.DataFrame) -> None:
    """Settle images that a list names twice, in place: once with the same labels, never with two."""
    again = rows[(rows["status"] == "ok") & rows["image_id"].duplicated(keep=False)]
    for _, group in again.groupby("image_id", sort=False):
        lines = ", ".join(map(str, group["line"]))
        if len(group[["file", *(f"{scale}_id" for scale in SCALES)]].drop_duplicates()) == 1:
            rows.loc[group.index[1:], ["status", "detail"]] = ["repeated-id", f"listed in the lines {lines}"]
        else:
            rows.loc[group.index, ["status", "detail"]] = [
                "conflicting-duplicate",
                f"the lines {lines} name it with other labels or another suffix",
            ]


def fill(rows: pd.DataFrame) -> Filled:
    """Give test images, in place, the labels that they lack and the same image has in another test set.

    ``rows`` are the good ones. Train is left out: its integers are not known to mean the same classes.
    """
    filled = Filled()
    test = rows[rows["stem"] != "data/train"]
    same = test[test["sha256"].duplicated(keep=False)]
    for scale in SCALES:
        column = f"{scale}_id"
        given = same.dropna(subset=[column]).groupby("sha256")[column].agg(["nunique", "first"])
        lacking = same.index[same[column].isna()]
        new = same.loc[lacking, "sha256"].map(given["first"][given["nunique"] == 1]).dropna()
        rows.loc[new.index, column] = new
        filled.labels[scale] = len(new)
        apart = same[same["sha256"].isin(given.index[given["nunique"] > 1]) & same[column].notna()]
        for _, of in apart.groupby("sha256", sort=True):
            named = ", ".join(f"{i} is {c}" for i, c in zip(of["image_id"], of[column], strict=True))
            filled.contradictions.append(f"the same image: {named}")
    return filled


def recurring(rows: pd.DataFrame) -> dict[str, int]:
    """How many different images of the good ``rows`` stand in several places, by kind of places."""
    places = rows[["sha256", "stem"]].drop_duplicates().sort_values(["sha256", "stem"])
    twice = rows.loc[rows.duplicated(["sha256", "stem"]), "sha256"].nunique()
    counts = {"twice in one list": int(twice)}
    of_image = places.groupby("sha256")["stem"].agg(frozenset)
    kinds = {
        "in query and gallery of one scale": lambda at: any(
            {f"{top}/query", f"{top}/gallery"} <= at for top in ("data", *(f"test_{s}" for s in SCALES))
        ),
        "in several test sets": lambda at: len({stem.partition("/")[0] for stem in at if stem != "data/train"}) > 1,
        "in train and test": lambda at: "data/train" in at and len(at) > 1,
    }
    for kind, holds in kinds.items():
        counts[kind] = sum(map(holds, of_image))
    return counts


def tree(rows: pd.DataFrame, classes: Classes, known: Mapping[str, dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The rows of the hierarchy, one a fine class. ``known`` are those of an export, by fine id.

    Else a fine class is under the middle and coarse class of its images; null where they have none or several.
    """
    label = {scale: {class_id: i for i, class_id in enumerate(classes[scale])} for scale in SCALES}
    parents = {scale: only(rows, f"{scale}_id") for scale in SCALES[1:]}
    parts = {split: of_split(rows, split) for split in SPLITS}
    counts = {split: part.groupby("fine_id").size().to_dict() for split, part in parts.items()}
    upstream: dict[str, set[str]] = {}
    for part in parts.values():
        for fine_id, found in part.groupby("fine_id")["upstream_label"]:
            upstream.setdefault(str(fine_id), set()).update(found)
    table = []
    for fine_id in classes["fine"]:
        fact = known[fine_id] if known is not None else {}
        ids = {"fine": fine_id} | {
            scale: fact.get(f"{scale}_id") if fact else parents[scale].get(fine_id) for scale in SCALES[1:]
        }
        table.append(
            {
                **{f"{scale}_id": ids[scale] for scale in SCALES},
                **{scale: classes[scale].get(ids[scale] or "") for scale in SCALES},
                **{f"{scale}_label": label[scale].get(ids[scale] or "") for scale in SCALES},
                "split": fact["split"] if fact else fine_id.partition("-")[0],
                "path": fact.get("path"),
                "upstream_labels": sorted(upstream.get(fine_id, [])),
                **{split: int(counts[split].get(fine_id, 0)) for split in SPLITS},
            }
        )
    return table


def of_split(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """The rows that the hierarchy counts as train, query or gallery. Of sets for each scale, those of fine."""
    sides = (f"data/{split}", f"test_fine/{split}", *(("data/test",) if split != "train" else ()))
    return rows[rows["stem"].isin(sides)]


def only(rows: pd.DataFrame, column: str) -> dict[str, str]:
    """Fine id → the value of a column, where all of its images that have one agree."""
    found = rows.dropna(subset=["fine_id", column]).groupby("fine_id")[column].agg(["nunique", "first"])
    return dict(found["first"][found["nunique"] == 1])


def several_parents(rows: pd.DataFrame) -> list[str]:
    """One sentence for each class whose images stand under several classes of the scale above."""
    said = []
    for below, above in (("fine_id", "middle_id"), ("middle_id", "coarse_id")):
        pairs = rows[[below, above]].dropna().drop_duplicates()
        for child, group in pairs[pairs[below].duplicated(keep=False)].groupby(below, sort=True):
            said.append(f"{child} has images of {', '.join(sorted(group[above]))}")
    return said
