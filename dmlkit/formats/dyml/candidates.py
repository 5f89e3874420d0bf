"""The candidate images of a release: every image that a list names or that lies in a folder of images."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dmlkit.errors import SourceError
from dmlkit.formats.dyml import labels, layout, sidecar
from dmlkit.formats.dyml.labels import Classes
from dmlkit.formats.dyml.layout import ReleaseList
from dmlkit.formats.dyml.sidecar import Sidecar
from dmlkit.schema.layout import LAYOUTS
from dmlkit.schema.scales import SCALES
from dmlkit.text import printable


@dataclass(frozen=True)
class ListedImages:
    """The candidate images of a release, its classes, its layout as a dataset folder, and notes for people.

    Columns of ``rows``: ``path`` (of the file), ``image_id``, ``stem`` (of its Parquet files), ``file``, ``line``, the
    released integers ``fine``, ``middle``, ``coarse``, the class ids ``fine_id`` ..., ``status`` (ok until the bytes
    are checked), ``detail``, and what the row says of its source.
    """

    rows: pd.DataFrame
    classes: Classes
    layout: str
    notes: list[str]


def list_candidates(folder: Path, name: str, known: Sidecar | None) -> ListedImages:
    """List the candidate images of the release in ``folder``. Raises `SourceError` for lists that cannot be read."""
    lists = layout.expected_lists(folder, train_only=known is not None and known.layout == "train-only")
    tables = {item.name: layout.read_list(item) for item in lists}
    notes = [
        f"{item.path.relative_to(folder).as_posix()} leaves out {len(numbers):,} numbers, the first {numbers[0]}"
        for item in lists
        if (numbers := layout.missing_numbers(tables[item.name]["file"]))
    ]
    unlisted = list_unlisted(name, lists, tables)
    if known is not None:
        rows, classes = exported_rows(folder, lists, tables, known), dict(known.classes)
        kind = known.layout
    else:
        rows, classes = labels.assign_class_ids(
            pd.concat([released_rows(name, item, tables[item.name]) for item in lists], ignore_index=True)
        )
        kind = "all-in-one" if layout.ONE_SET in tables else "per-scale" if len(lists) > 1 else "train-only"
    rows = rows.assign(status="ok", detail="")
    return ListedImages(pd.concat([rows, unlisted], ignore_index=True), classes, kind, notes)


def list_unlisted(name: str, lists: list[ReleaseList], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """List the files in the folders of images that no list names."""
    return pd.DataFrame(
        [
            {"path": str(item.images / file), "image_id": f"{name}/{item.name}/{printable(file)}"}
            for item in lists
            for file in sorted(layout.list_files(item.images) - set(tables[item.name]["file"]))
        ],
        columns=["path", "image_id"],
        dtype="string",
    ).assign(status="unlabelled", detail="no list names it", upstream_label="")


def released_rows(name: str, item: ReleaseList, table: pd.DataFrame) -> pd.DataFrame:
    """Make the candidates of one list of the release as it is."""
    scales = [scale for scale in reversed(SCALES) if scale in item.scales]
    numbers = (map(str, row) for row in table[scales].itertuples(index=False))
    top = "data" if len(item.scales) > 1 else f"test_{item.scales[0]}"
    return table.assign(
        path=[str(item.images / file) for file in table["file"]],
        image_id=[f"{name}/{item.name}/{file.removesuffix(Path(file).suffix)}" for file in table["file"]],
        stem=f"{top}/{item.side}",
        upstream_label=[f"{item.name}/{'/'.join(row)}" for row in numbers],
        source=name,
        source_url=None,
        license=None,
        author=None,
    )


def exported_rows(
    folder: Path, lists: list[ReleaseList], tables: dict[str, pd.DataFrame], known: Sidecar
) -> pd.DataFrame:
    """Make the candidates of an export, with the ids and classes that dmlkit.json and dmlkit.csv give them."""
    described = sidecar.read_images(folder)
    items = {item.name: item for item in lists}
    if known.layout == "split" and layout.ONE_SET not in tables and len(tables) > 1:
        for side in ("query", "gallery"):
            tables = merge_scale_lists(side, items, tables)
    parts = []
    for list_name, table in tables.items():
        images = items[list_name].images
        files = [(images / file).relative_to(folder).as_posix() for file in table["file"]]
        table = table.assign(path=[str(images / file) for file in table["file"]], key=files)
        table = table.assign(top=folder_of_list(list_name, known.layout))
        parts.append(table.assign(list=items[list_name].path.relative_to(folder).as_posix()))
    rows = pd.concat(parts, ignore_index=True)
    raise_for_unmatched(folder, rows, described)
    rows = rows.join(described.rename(columns={"sha256": "wanted_sha256"}), on="key")
    rows["stem"] = rows["top"] + "/" + rows["split"]
    if foreign := sorted(set(rows["stem"]) - {spec.stem for spec in LAYOUTS[known.layout]}):
        raise sidecar.unusable_sidecar(
            folder / sidecar.FACTS, f"its layout is {known.layout}, but there is {foreign[0]}"
        )
    for scale in SCALES:
        rows[f"{scale}_id"] = class_ids(rows, scale, known)
    raise_for_other_parents(rows, known)
    return rows


def folder_of_list(list_name: str, layout_name: str) -> str:
    """Return the folder of Parquet files that the images of a list go to."""
    if list_name == "train" or layout_name != "per-scale":
        return "data"
    return f"test_{list_name.removeprefix('bmk_').partition('/')[0]}"


def raise_for_unmatched(folder: Path, rows: pd.DataFrame, described: pd.DataFrame) -> None:
    """Raise `SourceError` if the lists and dmlkit.csv do not name the same files."""
    for present, absent, names in (
        (sidecar.IMAGES, "the lists of labels", set(described.index) - set(rows["key"])),
        ("the lists of labels", sidecar.IMAGES, set(rows["key"]) - set(described.index)),
    ):
        if names:
            raise SourceError(
                f"{folder}: {len(names)} files are in {present} and not in {absent}, the first "
                f"{printable(min(names))}: cut, or changed? Nothing was written",
                code="dyml.lists-differ",
                hint=f"export again; or delete {sidecar.FACTS} and {sidecar.IMAGES} to import it as bare integers",
                path=folder,
                count=len(names),
            )


def merge_scale_lists(
    side: str, items: Mapping[str, ReleaseList], tables: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Merge the lists of the three scales into one, because dmlkit.json says that they are one test set."""
    fine, *others = (f"bmk_{scale}/{side}" for scale in SCALES)
    one = tables[fine].set_index("file")
    for other in others:
        table = tables[other].set_index("file")
        if sorted(table.index) != sorted(one.index):
            raise differing_tests_error(items[fine].path, items[other].path, "name other files")
        for file in table.index:
            first, second = items[fine].images / file, items[other].images / file
            if second.exists() and first.exists() and not is_same_file(first, second):
                raise differing_tests_error(first, second, "are other images")
        scale = items[other].scales[0]
        one[scale] = table[scale]
    kept = {name: table for name, table in tables.items() if name not in (fine, *others)}
    return kept | {fine: one.reset_index()}


def is_same_file(first: Path, second: Path) -> bool:
    """Return whether two paths are links to one file or have the same bytes."""
    return os.path.samefile(first, second) or filecmp.cmp(first, second, shallow=False)


def differing_tests_error(first: Path, second: Path, how: str) -> SourceError:
    """Make the error for test sets that should be one and differ."""
    return SourceError(
        f"{first} and {second} {how}, but {sidecar.FACTS} says that the three test sets are one; nothing was written",
        code="dyml.tests-differ",
        hint=f"export again; or delete {sidecar.FACTS} and {sidecar.IMAGES} to import them as three",
        first=first,
        second=second,
    )


def class_ids(rows: pd.DataFrame, scale: str, known: Sidecar) -> pd.Series[Any]:
    """Look up the class ids of the integers at one scale. Raises `SourceError` for an integer without a class."""
    ids = known.ids(scale)
    wrong = rows[rows[scale].notna() & (rows[scale] >= len(ids))]
    if len(wrong):
        raise SourceError(
            f"{wrong['list'].iloc[0]}, line {wrong['line'].iloc[0]}: {scale} label {wrong[scale].iloc[0]}, but "
            f"{sidecar.FACTS} names {len(ids)} {scale} classes; nothing was written",
            code="dyml.unknown-label",
            hint="export again",
            line=wrong["line"].iloc[0],
        )
    return pd.Series([None if pd.isna(n) else ids[n] for n in rows[scale]], rows.index, dtype="string")


def raise_for_other_parents(rows: pd.DataFrame, known: Sidecar) -> None:
    """Raise `SourceError` if a list gives an image another middle or coarse class than its fine class has."""
    for scale in SCALES[1:]:
        parent = {row["fine_id"]: row[f"{scale}_id"] for row in known.hierarchy}
        wanted = rows["fine_id"].map(parent)
        wrong = rows[wanted.notna() & rows[f"{scale}_id"].notna() & (wanted != rows[f"{scale}_id"])]
        if len(wrong):
            raise SourceError(
                f"{wrong['list'].iloc[0]}, line {wrong['line'].iloc[0]}: its {scale} label is not that of its fine "
                f"class in {sidecar.FACTS}; nothing was written",
                code="dyml.other-parent",
                hint="export again",
                line=wrong["line"].iloc[0],
            )
