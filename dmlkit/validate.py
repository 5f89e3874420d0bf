"""Coded checks of a data set folder. Each check is one function that yields findings.

| code | what is wrong |
|---|---|
| E101 | a file that must be there is missing or unreadable |
| E102 | a file is not listed in SHA256SUMS |
| E103 | a file's bytes differ from SHA256SUMS |
| E104 | build.json is of another format, or not what dmlkit writes |
| E105 | a picture's bytes do not match its row (sha256) |
| E106 | a picture does not decode, or has another size than its row says |
| E201 | a Parquet file cannot be read |
| E202 | the columns are not those of a data set folder |
| E203 | the card's YAML is broken or does not name the files |
| E204 | counts of build.json and of the files differ |
| E205 | a value is missing, or a label names no class |
| E206 | an image_id stands twice |
| E301 | a class stands twice in the hierarchy, or its integer label is not its place |
| E302 | a class has two parents |
| E303 | a picture's middle or coarse label is not that of its fine class |
| E304 | the hierarchy's counts are not those of the pictures |
| E401 | pictures of a test class are in train, or of a training class in query or gallery |
| E402 | a middle class is in training and test |
| E403 | a query has no picture of its class in the gallery |
| E404 | a test class has gallery pictures and no query |
| E405 | the same picture stands in train and in query or gallery |
| E406 | the same picture stands twice |
| E407 | a picture is in the data set and in rejected.parquet |
| E408 | rejected.parquet has an unknown verdict |
| W501 | pictures with an author are not in ATTRIBUTION.csv |
| W502 | the source's pictures must name a licence, and rows do not |
| W503 | fewer classes have pictures than the manifest's floor asks |
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from dmlkit import engine, images
from dmlkit.errors import UsageError
from dmlkit.schema import FORMAT, SCALES, SPLITS, VERDICTS, hierarchy_features, picture_features

REQUIRED = ("README.md", "build.json", "SHA256SUMS", "rejected.parquet", "figure.jpg")
SHOWN = 5
"""How many items a finding names before it counts the rest."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its code (E: error, W: warning), the file or part, and what is wrong there."""

    code: str
    where: str
    message: str


@dataclass(frozen=True)
class Content:
    """What the checks look at: all of a folder but the pictures' bytes."""

    folder: Path
    build: dict[str, Any]
    pictures: pd.DataFrame
    """The columns of ``data/`` without ``image``, with ``split`` and ``file``."""
    names: dict[str, list[str]]
    hierarchy: pd.DataFrame
    rejected: pd.DataFrame


def validate(
    folder: Path, notify: Callable[[str, int, int | None, str], None] = lambda *_: None, jobs: int | None = None
) -> list[Finding]:
    """All findings of the data set in ``folder``, in the order of the codes. Raises `UsageError` where none is."""
    if not folder.is_dir() or not any((folder / name).exists() for name in ("build.json", "data", "SHA256SUMS")):
        raise UsageError(f"{folder} is no data set folder", hint="give the folder that `dmlkit build` wrote")
    findings = [*check_files(folder), *check_sums(folder)]
    content, faults = read_content(folder)
    findings += faults
    if content is not None:
        for check in CHECKS:
            findings += check(content)
    files = sorted((folder / "data").glob("*.parquet"))
    jobs = jobs or engine.cpu_count()
    for done, found in enumerate(engine.run(check_pictures, files, jobs if len(files) > 1 else 1), start=1):
        notify("validate", done, len(files), "files")
        findings += found
    return sorted(findings, key=lambda f: (f.code, f.where, f.message))


def some(items: Any) -> str:
    """The first few of many items, for a message."""
    items = [str(item) for item in items]
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more


def check_files(folder: Path) -> Iterator[Finding]:
    for name in REQUIRED:
        if not (folder / name).is_file():
            yield Finding("E101", name, "missing")
    for pattern in (*(f"data/{split}-*.parquet" for split in SPLITS), "hierarchy/train-*.parquet"):
        files = sorted(folder.glob(pattern))
        if not files:
            yield Finding("E101", pattern, "missing")
        for number, path in enumerate(files):
            if not path.stem.endswith(f"-{number:05d}-of-{len(files):05d}"):
                yield Finding("E101", path.relative_to(folder).as_posix(), f"not number {number} of {len(files)}")
                break


def check_sums(folder: Path) -> Iterator[Finding]:
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except OSError:
        return
    except ValueError:
        yield Finding("E101", "SHA256SUMS", "not lines of `<sha256>  <name>`")
        return
    here = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    for name in sorted(here - sums.keys() - {"SHA256SUMS", "build.json"}):
        yield Finding("E102", name, "not listed in SHA256SUMS")
    for name, digest in sorted(sums.items()):
        if name not in here:
            yield Finding("E101", name, "listed in SHA256SUMS, but missing")
            continue
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                yield Finding("E103", name, "its bytes differ from SHA256SUMS")


def read_content(folder: Path) -> tuple[Content | None, list[Finding]]:
    """What the other checks need. None where a part cannot be read: the findings say which."""
    faults: list[Finding] = []
    build: dict[str, Any] = {}
    try:
        build = json.loads((folder / "build.json").read_bytes())
        if build["format"] != FORMAT:
            faults.append(
                Finding(
                    "E104", "build.json", f"of format {build['format']}; this dmlkit reads {FORMAT}: build it again"
                )
            )
        counted = [build["pictures"], build["verdicts"], build["coverage"], build["manifest"]["name"]]
        assert all(counted)
    except OSError:
        pass  # E101 says so
    except (ValueError, KeyError, TypeError, AssertionError) as exc:
        faults.append(Finding("E104", "build.json", f"not what dmlkit writes: {type(exc).__name__}: {exc}"))
    frames: list[pd.DataFrame] = []
    names: dict[str, list[str]] = {}
    for split in SPLITS:
        for path in sorted((folder / "data").glob(f"{split}-*.parquet")):
            where = path.relative_to(folder).as_posix()
            frame, labels, fault = read_pictures(path)
            if fault:
                faults.append(Finding(*fault[:1], where, fault[1]))
            elif frame is not None:
                names = names or labels
                if names != labels:
                    faults.append(Finding("E202", where, "its class names are not those of the first file"))
                frames.append(frame.assign(split=split, file=where))
    hierarchy = read_table(folder, "hierarchy/train-00000-of-00001.parquet", faults)
    rejected = read_table(folder, "rejected.parquet", faults)
    if faults or not build or not frames or hierarchy is None or rejected is None:
        return None, faults
    return Content(folder, build, pd.concat(frames, ignore_index=True), names, hierarchy, rejected), faults


def read_pictures(path: Path) -> tuple[pd.DataFrame | None, dict[str, list[str]], tuple[str, str] | None]:
    """A file's rows without the pictures, and the class names of each scale; or (code, what is wrong)."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as exc:
        return None, {}, ("E201", str(exc).splitlines()[0])
    columns = [(field.name, str(field.type)) for field in schema]
    wanted = [(f.name, str(f.type)) for f in picture_features({scale: ["any"] for scale in SCALES}).arrow_schema]
    if columns != wanted:
        wrong = sorted(set(columns) ^ set(wanted))
        return None, {}, ("E202", f"columns differ: {some(f'{name} {kind}' for name, kind in wrong)}")
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        labels = {scale: list(features[scale]["names"]) for scale in SCALES}
        table = pq.read_table(path, columns=[name for name, _ in columns if name != "image"])
    except (KeyError, ValueError, TypeError) as exc:
        return None, {}, ("E202", f"the features of `datasets` are missing in its metadata: {exc!r}")
    except (pa.ArrowInvalid, OSError) as exc:
        return None, {}, ("E201", str(exc).splitlines()[0])
    return table.to_pandas(types_mapper=pd.ArrowDtype), labels, None


def read_table(folder: Path, name: str, faults: list[Finding]) -> pd.DataFrame | None:
    try:
        table = pq.read_table(folder / name)
    except FileNotFoundError:
        return None  # E101 says so
    except (pa.ArrowInvalid, OSError) as exc:
        faults.append(Finding("E201", name, str(exc).splitlines()[0]))
        return None
    wanted = list(hierarchy_features()) if name.startswith("hierarchy") else REJECTED_COLUMNS
    if table.column_names != wanted:
        faults.append(Finding("E202", name, f"the columns are {table.column_names}, not {wanted}"))
        return None
    return table.to_pandas(types_mapper=pd.ArrowDtype)


REJECTED_COLUMNS = ["image_id", "upstream_label", "verdict", "detail"]


def check_card(content: Content) -> Iterator[Finding]:
    text = (content.folder / "README.md").read_text(encoding="utf-8", errors="replace")
    try:
        _, front, _ = text.split("---\n", 2)
        fields = yaml.safe_load(front)
        configs = {c["config_name"]: c["data_files"] for c in fields["configs"]}
        patterns = {entry["split"]: entry["path"] for entry in configs["default"]}
        patterns["hierarchy"] = configs["hierarchy"][0]["path"]
    except (ValueError, KeyError, TypeError, IndexError, yaml.YAMLError) as exc:
        yield Finding("E203", "README.md", f"its YAML cannot be used: {type(exc).__name__}: {exc}".splitlines()[0])
        return
    for name in (*SPLITS, "hierarchy"):
        if name not in patterns or not list(content.folder.glob(patterns[name])):
            yield Finding("E203", "README.md", f"its YAML names no file for {name}")
    if not fields.get("license"):
        yield Finding("E203", "README.md", "its YAML names no licence")


def check_counts(content: Content) -> Iterator[Finding]:
    for split in SPLITS:
        said, found = content.build["pictures"].get(split), int((content.pictures["split"] == split).sum())
        if said != found:
            yield Finding("E204", "build.json", f"{said} pictures in {split}; the files have {found}")
    found = content.rejected["verdict"].value_counts().to_dict() | {"ok": len(content.pictures)}
    for verdict in sorted(found.keys() | content.build["verdicts"].keys()):
        said = content.build["verdicts"].get(verdict, 0)
        if said != found.get(verdict, 0):
            yield Finding(
                "E204", "build.json", f"{said} candidates are {verdict}; the files have {found.get(verdict, 0)}"
            )


def check_values(content: Content) -> Iterator[Finding]:
    rows = content.pictures
    for name in ("image_id", *SCALES, "upstream_label", "width", "height", "exif_orientation", "sha256", "source"):
        lacking = rows[rows[name].isna()]
        if len(lacking):
            yield Finding("E205", name, f"missing in {len(lacking)} rows: {some(lacking['image_id'])}")
    for scale in SCALES:
        outside = rows[(rows[scale] < 0) | (rows[scale] >= len(content.names[scale]))]
        if len(outside):
            yield Finding("E205", scale, f"a label that names no class: {some(outside['image_id'])}")
    again = rows[rows["image_id"].duplicated()]
    if len(again):
        yield Finding("E206", "data", f"the image_id stands twice: {some(again['image_id'].unique())}")


def check_hierarchy(content: Content) -> Iterator[Finding]:
    tree = content.hierarchy
    for column in ("fine_id", "fine"):
        again = tree[tree[column].duplicated()]
        if len(again):
            yield Finding("E301", "hierarchy", f"{column} stands twice: {some(again[column])}")
    for scale in SCALES:
        ids = sorted(tree[f"{scale}_id"].unique())
        place = {class_id: i for i, class_id in enumerate(ids)}
        wrong = tree[tree[f"{scale}_id"].map(place) != tree[f"{scale}_label"]]
        named = tree.drop_duplicates(f"{scale}_id").sort_values(f"{scale}_id")[scale].tolist()
        if len(wrong):
            yield Finding("E301", "hierarchy", f"{scale}_label is not the place of the class: {some(wrong['fine_id'])}")
        if named != content.names[scale]:
            yield Finding("E301", "hierarchy", f"its {scale} classes are not those of the column {scale}")
    for child, parent in (("fine_id", "middle_id"), ("middle_id", "coarse_id")):
        parents = tree.groupby(child)[parent].nunique()
        if (parents > 1).any():
            yield Finding("E302", "hierarchy", f"several {parent} above: {some(parents.index[parents > 1])}")


def check_labels(content: Content) -> Iterator[Finding]:
    rows = content.pictures
    over = content.hierarchy.drop_duplicates("fine_label").set_index("fine_label")
    for scale in SCALES[1:]:
        wrong = rows[rows["fine"].map(over[f"{scale}_label"]) != rows[scale]]
        if len(wrong):
            yield Finding("E303", scale, f"not the {scale} class of its fine class: {some(wrong['image_id'])}")
    counts = rows.groupby(["fine", "split"]).size().unstack(fill_value=0)
    for split in SPLITS:
        found = counts[split] if split in counts else pd.Series(dtype=int)
        said = over[split]
        wrong_counts = said[said != found.reindex(said.index, fill_value=0)]
        if len(wrong_counts):
            names = over.loc[wrong_counts.index, "fine_id"]
            yield Finding("E304", "hierarchy", f"the number of {split} pictures is wrong: {some(names)}")


def check_splits(content: Content) -> Iterator[Finding]:
    rows = content.pictures
    train = rows["split"] == "train"
    declared = content.hierarchy.set_index("fine_label")["split"]
    wrong = rows[rows["fine"].map(declared[~declared.index.duplicated()]) != train.map({True: "train", False: "test"})]
    if len(wrong):
        yield Finding("E401", "data", f"on the side where its class must not be: {some(wrong['image_id'])}")
    both = sorted(set(rows[train]["middle"]) & set(rows[~train]["middle"]))
    if both:
        yield Finding("E402", "data", f"middle classes on both sides: {some(content.names['middle'][i] for i in both)}")
    query, gallery = rows[rows["split"] == "query"], rows[rows["split"] == "gallery"]
    for scale in SCALES:
        alone = query[~query[scale].isin(gallery[scale])]
        if len(alone):
            yield Finding("E403", "data", f"no {scale} match in the gallery: {some(alone['image_id'])}")
    unasked = sorted(set(gallery["fine"]) - set(query["fine"]))
    if unasked:
        yield Finding(
            "E404", "data", f"test classes without a query: {some(content.names['fine'][i] for i in unasked)}"
        )


def check_duplicates(content: Content) -> Iterator[Finding]:
    rows = content.pictures.assign(train=content.pictures["split"] == "train")
    same = rows[rows["sha256"].duplicated(keep=False)]
    for _, group in same.groupby("sha256"):
        code = "E405" if group["train"].nunique() > 1 else "E406"
        yield Finding(code, "data", f"the same picture: {some(group['image_id'])}")
    apart = content.rejected[content.rejected["verdict"] != "repeated-id"]
    both = sorted(set(rows["image_id"]) & set(apart["image_id"]))
    if both:
        yield Finding("E407", "rejected.parquet", f"also in the data set: {some(both)}")
    unknown = sorted(set(content.rejected["verdict"]) - VERDICTS.keys() | ({"ok"} & set(content.rejected["verdict"])))
    if unknown:
        yield Finding("E408", "rejected.parquet", f"unknown verdicts: {some(unknown)}")


def check_attribution(content: Content) -> Iterator[Finding]:
    rows = content.pictures
    authored = set(rows[rows["author"].notna()]["image_id"])
    named: set[str] = set()
    path = content.folder / "ATTRIBUTION.csv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            named = {row.get("image_id") or "" for row in csv.DictReader(file)}
    if authored - named:
        yield Finding("W501", "ATTRIBUTION.csv", f"does not name: {some(sorted(authored - named))}")
    unlicensed = rows[rows["license"].isna() & rows["author"].notna()]
    if len(unlicensed):
        yield Finding("W502", "data", f"an author and no licence: {some(unlicensed['image_id'])}")
    for scale, coverage in content.build["coverage"].items():
        if coverage["found"] < coverage["floor"] * coverage["of"]:
            yield Finding("W503", "data", f"{coverage['found']} of {coverage['of']} {scale} classes have pictures")


def check_pictures(path: Path) -> list[Finding]:
    """The findings on the bytes of one file's pictures, read in bounded memory."""
    findings = []
    where = f"data/{path.name}"
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(100, columns=["image", "image_id", "sha256", "width", "height"]):
                for row in batch.to_pylist():
                    finding = check_picture(where, row)
                    if finding is not None:
                        findings.append(finding)
    except (pa.ArrowInvalid, OSError, KeyError) as exc:
        return [Finding("E201", where, str(exc).splitlines()[0])]
    return findings


def check_picture(where: str, row: dict[str, Any]) -> Finding | None:
    data = (row["image"] or {}).get("bytes") or b""
    if images.digest(data) != row["sha256"]:
        return Finding("E105", where, f"{row['image_id']}: its bytes are not those of its sha256")
    picture = images.examine(data, min_side=1)
    if picture.verdict != "ok":
        return Finding("E106", where, f"{row['image_id']}: {picture.verdict}: {picture.detail}")
    if (picture.width, picture.height) != (row["width"], row["height"]):
        return Finding("E106", where, f"{row['image_id']}: {picture.width} × {picture.height} pixels, its row differs")
    return None


CHECKS = (
    check_card,
    check_counts,
    check_values,
    check_hierarchy,
    check_labels,
    check_splits,
    check_duplicates,
    check_attribution,
)
