"""Coded checks of a dataset folder. Each check is one function that yields findings.

| code | what is wrong |
|---|---|
| E101 | a file that must be there is missing, or cannot be read |
| E102 | a file is not listed in SHA256SUMS |
| E103 | a file's bytes differ from SHA256SUMS |
| E104 | build.json is of another format, or not what dmlkit writes |
| E105 | an image's bytes do not match its row (sha256) |
| E106 | an image does not decode, or has another size or orientation than its row says |
| E107 | something that does not belong here: a link, or a file of another name in data/ or hierarchy/ |
| E201 | a Parquet file cannot be read |
| E202 | the columns or class names are not those of a dataset folder |
| E203 | the card's YAML is broken, or does not name the files of each split |
| E204 | counts of build.json and of the files differ |
| E205 | a value is missing or out of its range: a label that names no class, for example |
| E206 | an image_id stands twice |
| E207 | the numbers in the card's YAML are not those of the files |
| E208 | an image_id does not begin with its source, or its source is not that of build.json |
| E301 | a class stands twice in the hierarchy, or its integer label is not its place |
| E302 | a class has two parents, or its path does not lead to it |
| E303 | an image's middle or coarse label is not that of its fine class |
| E304 | the hierarchy's counts are not those of the images |
| E305 | an upstream label stands under two fine classes, or the hierarchy lists others than the images have |
| E401 | images of a test class are in train, or of a training class in query or gallery |
| E402 | a middle class is in training and test |
| E403 | a query has no image of its class in the gallery |
| E404 | a test class has gallery images and no query |
| E405 | the same image stands in train and in query or gallery |
| E406 | the same image stands twice on one side |
| E407 | an image is in the dataset and in rejected.parquet |
| E408 | rejected.parquet has an unknown status |
| W501 | ATTRIBUTION.csv and the authors of the images differ |
| W502 | an image has an author and no licence |
| W503 | fewer classes have images than the manifest's floor asks |
| W504 | the card's licence is not that of the source |
| W505 | the official release itself has what would be E302, E403, E404, E405 or E406 in a dataset of our own |

Where a part cannot be read or a value is missing, the checks that compare it with others wait until that is mended.
Files and folders whose name begins with a dot are left to the programs that made them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dmlkit.dataset.checks import CHECKS, Content, Finding, check_images, check_values
from dmlkit.errors import UsageError, no_images
from dmlkit.schema.features import REJECTED, hierarchy_features, image_features
from dmlkit.schema.layout import FORMAT, LAYOUTS
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.storage import executor, images
from dmlkit.text import first_few

HIERARCHY = "hierarchy/train-00000-of-00001.parquet"
COMPARED = ("build.json", "rejected.parquet", HIERARCHY)
REQUIRED = ("README.md", "SHA256SUMS", "figure.jpg", *COMPARED)
SHARD = re.compile(r"(\w+/\w+)-\d{5}-of-\d{5}\.parquet")
STEMS = {form: list(dict.fromkeys(part.stem for part in parts)) for form, parts in LAYOUTS.items()}
WORTH_WORKERS = 20_000_000
"""Bytes of images below which starting further processes takes longer than it saves."""
MOST_TEXT = 50_000_000
"""More bytes than a text file of a dataset has: 100,000 shards or missing classes stay below."""


def validate(folder: Path, notify: Progress = no_progress, jobs: int | None = None) -> list[Finding]:
    """All findings of the dataset in ``folder``, in the order of the codes. Raises `UsageError` where none is,
    and `NoImagesError` where only its ids are.

    Memory: some 500 bytes for each image, and the images of one row group for each of the ``jobs``.
    """
    if not folder.is_dir() or not any((folder / name).exists() for name in ("build.json", "data", "SHA256SUMS")):
        raise UsageError(f"{folder} is no dataset folder", hint="give the folder that `dmlkit build` wrote")
    files, findings = plain_files(folder)
    form = form_of(files)
    if has_ids_only(files):
        raise no_images(folder)
    findings += [*check_files(files, form), *check_sums(files), *check_figure(files)]
    shards, content, faults = read_content(files, form)
    findings += faults
    if content is not None:
        for check in CHECKS:
            findings += check(content)
    if sum(path.stat().st_size for path in shards) < WORTH_WORKERS:
        jobs = 1
    for done, found in enumerate(executor.run(check_images, shards, jobs or executor.cpu_count()), start=1):
        notify("validate", done, len(shards), "files")
        findings += found
    return sorted((f.printable() for f in findings), key=lambda f: (f.code, f.where, f.message))


def plain_files(folder: Path) -> tuple[dict[str, Path], list[Finding]]:
    """The files of a folder by their names below it, without hidden ones. Links and other odd things are findings.

    Nothing is read through a link: it could lead out of the folder, and its target would be published as data.
    """
    files: dict[str, Path] = {}
    findings: list[Finding] = []

    def unreadable(exc: OSError) -> None:
        findings.append(Finding("E101", str(exc.filename), f"cannot be read: {exc.strerror}"))

    for top, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(top, name) for name in (*folders, *names) if not name.startswith(".")):
            mode = path.lstat().st_mode
            name = path.relative_to(folder).as_posix()
            if stat.S_ISREG(mode):
                files[name] = path
            elif not stat.S_ISDIR(mode):
                findings.append(Finding("E107", name, f"{'a link' if stat.S_ISLNK(mode) else 'no file'}; not read"))
    return dict(sorted(files.items())), findings


def form_of(files: Mapping[str, Path]) -> str:
    """The form of the folder that build.json states; where that cannot be read, the one that the files fit best."""
    try:
        return str(read_build(files["build.json"]).get("layout", "split"))
    except (Unusable, KeyError):
        return max(STEMS, key=lambda form: sum(1 if shards_of(files, stem) else -1 for stem in STEMS[form]))


def has_ids_only(files: Mapping[str, Path]) -> bool:
    """Whether the folder is a copy of what `dmlkit push` sends where images may not be published."""
    try:
        return read_build(files["build.json"]).get("ids_only") is True
    except (Unusable, KeyError):
        return False


def check_files(files: Mapping[str, Path], form: str) -> Iterator[Finding]:
    for name in REQUIRED:
        if name not in files:
            yield Finding("E101", name, "missing")
    for stem in STEMS[form]:
        shards = shards_of(files, stem)
        if not shards:
            yield Finding("E101", f"{stem}-*.parquet", "missing")
        for number, name in enumerate(shards):
            if not name.endswith(f"-{number:05d}-of-{len(shards):05d}.parquet"):
                yield Finding("E101", name, f"not number {number} of {len(shards)}: some are missing or too many")
                break
    known = {name for stem in STEMS[form] for name in shards_of(files, stem)} | {HIERARCHY}
    for name in files:
        if name.startswith(("data/", "hierarchy/", "test_")) and name not in known:
            yield Finding("E107", name, "belongs to no split")


def shards_of(files: Mapping[str, Path], stem: str) -> list[str]:
    return [name for name in files if (found := SHARD.fullmatch(name)) and found[1] == stem]


def check_sums(files: Mapping[str, Path]) -> Iterator[Finding]:
    if "SHA256SUMS" not in files:
        return
    try:
        lines = read_text(files["SHA256SUMS"]).splitlines()
        sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (ValueError, OSError) as exc:
        yield Finding("E101", "SHA256SUMS", f"not lines of `<sha256>  <name>`: {exc}")
        return
    for name in files.keys() - sums.keys() - {"SHA256SUMS", "build.json"}:
        yield Finding("E102", name, "not listed in SHA256SUMS")
    for name, digest in sums.items():
        if name not in files:
            yield Finding("E101", name, "listed in SHA256SUMS, but missing")
            continue
        try:
            with files[name].open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    yield Finding("E103", name, "its bytes differ from SHA256SUMS")
        except OSError as exc:
            yield Finding("E101", name, f"cannot be read: {exc.strerror}")


def check_figure(files: Mapping[str, Path]) -> Iterator[Finding]:
    if "figure.jpg" not in files:
        return
    try:
        data = files["figure.jpg"].read_bytes()
    except OSError:
        return  # E101 says so
    image = images.examine(data, min_side=1)
    if image.status != "ok":
        yield Finding("E106", "figure.jpg", f"{image.status}: {image.detail}")


def read_text(path: Path) -> str:
    """A text file. Raises `ValueError` where it is none, or far too large to be one of a dataset."""
    if path.stat().st_size > MOST_TEXT:
        raise ValueError(f"{path.stat().st_size:,} bytes")
    return path.read_text(encoding="utf-8")


class Unusable(Exception):
    """A part that cannot be read: the code of the finding, and what is wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_content(files: Mapping[str, Path], form: str) -> tuple[list[Path], Content | None, list[Finding]]:
    """The shards whose images can be looked at, what the checks compare, and what is wrong with the parts.

    The content is None where a part is missing, cannot be read or lacks values.
    """
    faults: list[Finding] = []

    def read(reader: Callable[[Path], Any], name: str) -> Any:
        try:
            return reader(files[name]) if name in files else None  # E101 says so
        except Unusable as exc:
            faults.append(Finding(exc.code, name, exc.message))
        return None

    build, hierarchy = read(read_build, "build.json"), read(read_hierarchy, HIERARCHY)
    read(check_rejected_columns, "rejected.parquet")
    frames: list[pd.DataFrame] = []
    shards: list[Path] = []
    names: dict[str, list[str]] = {}
    for stem in STEMS[form]:
        for name in shards_of(files, stem):
            part = read(read_images, name)
            if part is not None:
                names = names or part[1]
                if names != part[1]:
                    faults.append(Finding("E202", name, "its class names are not those of the first file"))
                shards.append(files[name])
                frames.append(part[0].assign(stem=stem))
    whole = all(name in files for name in COMPARED) and all(shards_of(files, stem) for stem in STEMS[form])
    if faults or not whole:
        return shards, None, faults
    content = Content(files, form, build, pd.concat(frames, ignore_index=True), names, hierarchy)
    faults += check_values(content)
    return shards, None if faults else with_integers(content), faults


def with_integers(content: Content) -> Content:
    """The labels and counts as plain integers, where none is missing."""
    labels = {s: "int64" for s in SCALES if not content.images[s].isna().any()}
    places = [name for name in (*(f"{scale}_label" for scale in SCALES), *SPLITS)]
    whole = {name: "int64" for name in places if not content.hierarchy[name].isna().any()}
    return replace(content, images=content.images.astype(labels), hierarchy=content.hierarchy.astype(whole))


def read_build(path: Path) -> dict[str, Any]:
    """The facts of build.json. Raises `Unusable`."""
    try:
        build = json.loads(read_text(path))
    except (ValueError, OSError, RecursionError) as exc:
        raise Unusable("E104", f"cannot be read: {exc}") from exc
    if not isinstance(build, dict) or "format" not in build:
        raise Unusable("E104", "not what dmlkit writes: it states no format")
    if build["format"] != FORMAT:
        raise Unusable("E104", f"of format {build['format']!r}; this dmlkit reads {FORMAT}: build it again")
    form = build.get("layout", "split")
    if not isinstance(form, str) or form not in LAYOUTS:
        raise Unusable("E104", f"not what dmlkit writes: layout is {form!r}")
    for name, kind in (BUILD | {f"images.{part.name}": int for part in LAYOUTS[form]}).items():
        value: Any = build
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool) or value != value:
            raise Unusable("E104", f"not what dmlkit writes: {name} is {value!r}")
    for status, count in build["statuses"].items():
        if not isinstance(count, int):
            raise Unusable("E104", f"not what dmlkit writes: statuses.{status} is {count!r}")
    return build


BUILD: dict[str, Any] = {
    "manifest.name": str,
    "manifest.version": str,
    "manifest.sha256": str,
    "source.name": str,
    "statuses": dict,
    **{f"coverage.{scale}.{key}": int for scale in SCALES for key in ("found", "of")},
    **{f"coverage.{scale}.floor": (int, float) for scale in SCALES},
}
"""What the checks need of build.json, and of which kind it is."""


def read_images(path: Path) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """A shard's rows without the images, and the class names of each scale. Raises `Unusable`."""
    schema = read_parquet(path, pq.read_schema)
    check_columns(schema, image_features({scale: ["any"] for scale in SCALES}).arrow_schema)
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        names = {scale: [str(name) for name in features[scale]["names"]] for scale in SCALES}
        same = features == image_features(names).to_dict()
    except (KeyError, ValueError, TypeError, RecursionError) as exc:
        raise Unusable("E202", f"its metadata do not hold the features that `datasets` needs: {exc!r}") from exc
    if not same:
        raise Unusable("E202", "the features in its metadata, which `datasets` reads, are not those of its columns")
    table = read_parquet(path, lambda p: pq.read_table(p, columns=[name for name in schema.names if name != "image"]))
    return table.to_pandas(types_mapper=pd.ArrowDtype), names


def read_hierarchy(path: Path) -> pd.DataFrame:
    table = read_parquet(path, pq.read_table)
    check_columns(table.schema, hierarchy_features().arrow_schema)
    return pd.DataFrame(table.to_pylist(), columns=table.column_names)


def check_rejected_columns(path: Path) -> None:
    check_columns(read_parquet(path, pq.read_schema), REJECTED)


def read_parquet(path: Path, read: Callable[[Path], Any]) -> Any:
    """What ``read`` gives of a Parquet file, with its texts checked. Raises `Unusable`."""
    try:
        found = read(path)
        if isinstance(found, pa.Table):
            found.validate(full=True)
    except (pa.ArrowException, ValueError, OSError, MemoryError) as exc:
        raise Unusable("E201", str(exc)) from exc
    return found


def check_columns(schema: pa.Schema, wanted: pa.Schema) -> None:
    """Raise `Unusable` where the names or types of columns differ."""
    if schema.names != wanted.names:
        raise Unusable("E202", f"the columns are {', '.join(schema.names)}; not {', '.join(wanted.names)}")
    wrong = [
        f"{have.name} is {have.type}, not {want.type}"
        for have, want in zip(schema, wanted, strict=True)
        if have.type != want.type
    ]
    if wrong:
        raise Unusable("E202", first_few(wrong))
