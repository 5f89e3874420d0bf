"""The labels of a release: class ids apart for train and test, gaps filled by content, the tree of classes.

Works on the rows of `dmlkit.formats.dyml.candidates.ListedImages`, in which ``fine_id``, ``middle_id`` and
``coarse_id`` are class ids or null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from dmlkit.formats.dyml.sidecar import Sidecar
from dmlkit.schema.layout import TRAIN, default_stem
from dmlkit.schema.scales import SCALES, SPLITS

# Scale → class id → name, in the order of the ids, which is that of the integer labels.
Classes = dict[str, dict[str, str]]


@dataclass(frozen=True)
class FilledLabels:
    """How many labels images got, by scale, from the same image in another test set.

    ``contradictions`` has one sentence for each image with several labels at one scale; it gives none to others.
    """

    labels: dict[str, int]
    contradictions: list[str]


def assign_class_ids(rows: pd.DataFrame) -> tuple[pd.DataFrame, Classes]:
    """Turn the released integers of the columns fine, middle and coarse into class ids. Returns rows and classes.

    Nobody says that an integer means the same class in train and in a test set, or at two scales. So the side and the
    scale are in the id and in the name: ``test-fine-00123``, "test fine 123".
    """
    classes: Classes = {}
    columns = {}
    side = rows["stem"].eq(TRAIN.stem).map({True: "train", False: "test"})
    for scale in SCALES:
        labelled = rows[scale].notna()
        digits = len(str(rows[scale].max())) if labelled.any() else 1
        pairs = zip(side[labelled], rows.loc[labelled, scale].tolist(), strict=True)
        ids = [f"{name}-{scale}-{number:0{digits}d}" for name, number in pairs]
        columns[f"{scale}_id"] = pd.Series(ids, rows.index[labelled], dtype="string").reindex(rows.index)
        classes[scale] = {class_id: readable_name(class_id) for class_id in sorted(set(ids))}
    return rows.assign(**columns), classes


def readable_name(class_id: str) -> str:
    """Name a generated class id: ``test-fine-00123`` → ``test fine 123``."""
    side, scale, number = class_id.split("-")
    return f"{side} {scale} {int(number)}"


def mark_repeated(rows: pd.DataFrame) -> pd.DataFrame:
    """Reject images that a list names twice: all but the first if the labels agree, all if they differ."""
    rows = rows.copy()
    again = rows[(rows["status"] == "ok") & rows["image_id"].duplicated(keep=False)]
    for _, group in again.groupby("image_id", sort=False):
        lines = ", ".join(map(str, group["line"]))
        if len(group[["file", *(f"{scale}_id" for scale in SCALES)]].drop_duplicates()) == 1:
            rows.loc[group.index[1:], ["status", "detail"]] = ["repeated-id", f"listed in the lines {lines}"]
        else:
            detail = f"the lines {lines} name it with other labels or another suffix"
            rows.loc[group.index, ["status", "detail"]] = ["conflicting-duplicate", detail]
    return rows


def fill_missing_labels(rows: pd.DataFrame) -> tuple[pd.DataFrame, FilledLabels]:
    """Give test images the labels that they lack and the same image has in another test set.

    ``rows`` are the good ones. Train is left out: its integers are not known to mean the same classes.
    """
    rows = rows.copy()
    test = rows[rows["stem"] != TRAIN.stem]
    same = test[test["sha256"].duplicated(keep=False)]
    counts, contradictions = {}, []
    for scale in SCALES:
        column = f"{scale}_id"
        known = same.dropna(subset=[column]).groupby("sha256")[column].agg(["nunique", "first"])
        lacking = same.index[same[column].isna()]
        new = same.loc[lacking, "sha256"].map(known["first"][known["nunique"] == 1]).dropna()
        rows.loc[new.index, column] = new
        counts[scale] = len(new)
        apart = same[same["sha256"].isin(known.index[known["nunique"] > 1]) & same[column].notna()]
        for _, group in apart.groupby("sha256", sort=True):
            pairs = ", ".join(f"{i} is {c}" for i, c in zip(group["image_id"], group[column], strict=True))
            contradictions.append(f"the same image: {pairs}")
    return rows, FilledLabels(counts, contradictions)


def count_recurring(rows: pd.DataFrame) -> dict[str, int]:
    """Count the different images of the good ``rows`` that occur in several places, by kind of places."""
    places = rows[["sha256", "stem"]].drop_duplicates().sort_values(["sha256", "stem"])
    twice = rows.loc[rows.duplicated(["sha256", "stem"]), "sha256"].nunique()
    counts = {"twice in one list": int(twice)}
    stems_by_image = places.groupby("sha256")["stem"].agg(frozenset)
    kinds = {
        "in query and gallery of one scale": lambda stems: any(
            {f"{top}/query", f"{top}/gallery"} <= stems for top in ("data", *(f"test_{s}" for s in SCALES))
        ),
        "in several test sets": lambda stems: len({s.partition("/")[0] for s in stems if s != TRAIN.stem}) > 1,
        "in train and test": lambda stems: TRAIN.stem in stems and len(stems) > 1,
    }
    for kind, holds in kinds.items():
        counts[kind] = sum(map(holds, stems_by_image))
    return counts


def class_rows(rows: pd.DataFrame, classes: Classes, known: Sidecar | None) -> list[dict[str, Any]]:
    """Make the rows of the hierarchy, one a fine class, from those of an export (``known``) or from the images.

    From images, a fine class is under their middle and coarse class; null if they have none or several.
    """
    exported = {str(row["fine_id"]): row for row in known.hierarchy} if known else {}
    integer = {scale: {class_id: i for i, class_id in enumerate(classes[scale])} for scale in SCALES}
    parents = {scale: unanimous_values(rows, f"{scale}_id") for scale in SCALES[1:]}
    parts = {split: rows_of_split(rows, split) for split in SPLITS}
    counts = {split: part.groupby("fine_id").size().to_dict() for split, part in parts.items()}
    upstream: dict[str, set[str]] = {}
    for part in parts.values():
        for fine_id, group in part.groupby("fine_id")["upstream_label"]:
            upstream.setdefault(str(fine_id), set()).update(group)
    table = []
    for fine_id in classes["fine"]:
        fact = exported.get(fine_id)
        ids = {"fine": fine_id} | {
            scale: fact[f"{scale}_id"] if fact else parents[scale].get(fine_id) for scale in SCALES[1:]
        }
        table.append(
            {
                **{f"{scale}_id": ids[scale] for scale in SCALES},
                **{scale: classes[scale].get(ids[scale] or "") for scale in SCALES},
                **{f"{scale}_label": integer[scale].get(ids[scale] or "") for scale in SCALES},
                "split": fact["split"] if fact else fine_id.partition("-")[0],
                "path": fact["path"] if fact else None,
                "upstream_labels": sorted(upstream.get(fine_id, [])),
                **{split: int(counts[split].get(fine_id, 0)) for split in SPLITS},
            }
        )
    return table


def rows_of_split(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """Select the rows that the hierarchy counts as train, query or gallery; of a set for each scale, those of fine."""
    sides = (default_stem(split), f"test_fine/{split}", *((default_stem("test"),) if split != "train" else ()))
    return rows[rows["stem"].isin(sides)]


def unanimous_values(rows: pd.DataFrame, column: str) -> dict[str, str]:
    """Map each fine id to the value of a column, if all of its images that have one agree."""
    values = rows.dropna(subset=["fine_id", column]).groupby("fine_id")[column].agg(["nunique", "first"])
    return dict(values["first"][values["nunique"] == 1])


def describe_several_parents(rows: pd.DataFrame) -> list[str]:
    """Write one sentence for each class whose images are under several classes of the scale above."""
    sentences = []
    for below, above in (("fine_id", "middle_id"), ("middle_id", "coarse_id")):
        pairs = rows[[below, above]].dropna().drop_duplicates()
        for child, group in pairs[pairs[below].duplicated(keep=False)].groupby(below, sort=True):
            sentences.append(f"{child} has images of {', '.join(sorted(group[above]))}")
    return sentences
