"""A folder of the official release → a dataset folder: read the lists, judge the images, label, write."""

from __future__ import annotations

import filecmp
import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from dmlkit.errors import OutputError, SourceError, UsageError
from dmlkit.formats.dyml import channels, labels, release, sidecar, writing
from dmlkit.formats.dyml.sidecar import Sidecar
from dmlkit.pipeline.options import Coverage
from dmlkit.schema.layout import LAYOUTS
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.schema.statuses import STATUS_NAMES
from dmlkit.sources import candidates
from dmlkit.storage import executor, images
from dmlkit.storage.replace import Replacement
from dmlkit.text import printable

CHANNELS = ("auto", "rgb", "bgr")
CHUNK = 500
"""Images that a worker judges at a time."""
FLOOR = 0.99
"""The share of the listed images that must be good: below, something was not unpacked."""
NAMED = 20
"""So many classes under several parents are named; the rest are counted."""

JUDGED = {
    **dict.fromkeys(("status", "detail", "sha256", "format"), "string"),
    **dict.fromkeys(("width", "height", "exif_orientation", "length"), "Int64"),
}


@dataclass(frozen=True)
class Options:
    """What a person may choose. ``channels``: what the stored files are, or ``auto`` to measure it."""

    out: Path
    channels: str = "auto"
    jobs: int = field(default_factory=executor.cpu_count)


@dataclass(frozen=True)
class Result:
    """What an import made."""

    out: Path
    name: str
    form: str
    images: dict[str, int]
    statuses: dict[str, int]
    coverage: dict[str, Coverage]
    filled: dict[str, int]
    recurring: dict[str, int]
    channels: dict[str, Any]
    contradictions: list[str]
    notes: list[str]
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether nearly all listed images are there and good, and every class has one."""
        refused = sum(n for v, n in self.statuses.items() if v != "unlabelled") - self.statuses["ok"]
        good = self.statuses["ok"] >= FLOOR * (self.statuses["ok"] + refused)
        return good and all(c.reached for c in self.coverage.values())


def import_release(folder: Path, options: Options, notify: Progress = no_progress) -> Result:
    """Write the release in ``folder``, one of dyml_animal, dyml_vehicle, dyml_product, as a dataset folder.

    Raises `SourceError` for lists that cannot be read, with file and line, `OutputError` for a place that holds
    something else, `UsageError` for options that cannot work. Images that cannot be used are statuses, counted and
    named in rejected.parquet. ``options.out`` appears whole or not at all.
    """
    started = time.time()
    known = sidecar.read(folder)
    name = known.name if known else release.name_of(folder)
    check(folder, options, name)
    rows, classes, form, notes = list_candidates(folder, name, known)
    rows = judged(rows, options.jobs, notify)
    if known is not None:
        changed = (rows["status"] == "ok") & (rows["sha256"] != rows["wanted_sha256"])
        rows.loc[changed, ["status", "detail"]] = ["changed", f"not the file that {sidecar.IMAGES} lists"]
    labels.mark_repeated(rows)
    good, refused = rows[rows["status"] == "ok"].copy(), rows[rows["status"] != "ok"]
    if good.empty or not (good["stem"] == "data/train").any():
        raise SourceError(
            f"none of the {len(rows)} images of {folder} is good for training: {counted(refused)}; nothing written",
            hint="unpack the whole archive again",
        )
    filled = labels.fill(good)
    astray = labels.several_parents(good)
    notes += astray[:NAMED] + ([f"and {len(astray) - NAMED:,} more such classes"] if len(astray) > NAMED else [])
    found = channel_facts(good, options, known)
    good["swap"] = found["decided"] == "bgr"
    result = Result(
        out=options.out,
        name=name,
        form=form,
        images={part.name: int((good["stem"] == part.stem).sum()) for part in LAYOUTS[form]},
        statuses=counted(rows),
        coverage={s: Coverage(good[f"{s}_id"].nunique(), len(classes[s]), 1.0) for s in SCALES},
        filled=filled.labels,
        recurring=labels.recurring(good),
        channels=found,
        contradictions=filled.contradictions,
        notes=notes,
        seconds=0.0,
    )
    written = writing.Content(folder, known, good, refused, classes, labels.tree(good, classes, facts_of(known)))
    with Replacement(options.out) as target:
        result = replace(result, channels=writing.write(target.path, written, result, options.jobs, notify))
        result = replace(result, seconds=round(time.time() - started, 1))
        writing.write_build_json(target.path, written, result, options.channels, started)
        target.keep(lambda done, total: notify("upload", done, total, "files"))
    return result


def check(folder: Path, options: Options, name: str) -> None:
    """Refuse what cannot work before an image is read. Raises `UsageError` and `OutputError`."""
    if options.channels not in CHANNELS:
        raise UsageError(f"unknown channels {options.channels!r}", hint=f"choose one of: {', '.join(CHANNELS)}")
    out, source = options.out.resolve(), folder.resolve()
    if out.is_relative_to(source) or source.is_relative_to(out):
        raise UsageError(f"{options.out} and {folder} lie in each other", hint="choose another folder with --out")
    try:
        if not options.out.exists() or not any(options.out.iterdir()):
            return
        earlier = json.loads((options.out / "build.json").read_bytes())
        theirs = earlier["release"]["name"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise OutputError(
            f"{options.out} holds something that no import wrote; left as it is",
            hint="choose another folder with --out",
        ) from exc
    if theirs != name:
        raise OutputError(
            f"{options.out} holds the import of {theirs}, not of {name}; left as it is",
            hint="choose another folder with --out, or delete that one",
        )


def facts_of(known: Sidecar | None) -> dict[str, dict[str, Any]] | None:
    return {str(row["fine_id"]): dict(row) for row in known.hierarchy} if known else None


def counted(rows: pd.DataFrame) -> dict[str, int]:
    found = Counter(ok=0) + Counter(rows["status"])
    return {"ok": found["ok"]} | {status: found[status] for status in STATUS_NAMES if status != "ok" and found[status]}


def list_candidates(
    folder: Path, name: str, known: Sidecar | None
) -> tuple[pd.DataFrame, labels.Classes, str, list[str]]:
    """Every image that a list names or that lies in a folder of images, the classes, the form, and notes.

    Columns: ``path`` (of the file), ``image_id``, ``stem`` (of its Parquet files), ``file``, ``line``, the released
    integers ``fine``, ``middle``, ``coarse``, the class ids ``fine_id`` ..., ``status`` (ok until it is judged),
    ``detail``, and what the row says of its source.
    """
    lists = release.lists_of(folder, train_only=known is not None and known.form == "train-only")
    tables = {item.name: release.read(item) for item in lists}
    notes = [
        f"{item.path.relative_to(folder).as_posix()} leaves out {len(numbers):,} numbers, the first {numbers[0]}"
        for item in lists
        if (numbers := release.gaps(tables[item.name]["file"]))
    ]
    astray = pd.DataFrame(
        [
            {"path": str(item.images / file), "image_id": f"{name}/{item.name}/{printable(file)}"}
            for item in lists
            for file in sorted(release.files_in(item.images) - set(tables[item.name]["file"]))
        ],
        columns=["path", "image_id"],
        dtype="string",
    ).assign(status="unlabelled", detail="no list names it", upstream_label="")
    if known is not None:
        rows, form = named(folder, lists, tables, known), known.form
        classes = dict(known.classes)
    else:
        form = "all-in-one" if release.ONE_SET in tables else "per-scale" if len(lists) > 1 else "train-only"
        rows = pd.concat([of_list(name, item, tables[item.name]) for item in lists], ignore_index=True)
        classes = labels.generate(rows)
    rows = rows.assign(status="ok", detail="")
    return pd.concat([rows, astray], ignore_index=True), classes, form, notes


def of_list(name: str, item: release.Listed, table: pd.DataFrame) -> pd.DataFrame:
    """The candidates of one list of the release as it is."""
    scales = [scale for scale in reversed(SCALES) if scale in item.scales]
    given = (map(str, numbers) for numbers in table[scales].itertuples(index=False))
    top = "data" if len(item.scales) > 1 else f"test_{item.scales[0]}"
    return table.assign(
        path=[str(item.images / file) for file in table["file"]],
        image_id=[f"{name}/{item.name}/{file.removesuffix(Path(file).suffix)}" for file in table["file"]],
        stem=f"{top}/{item.side}",
        upstream_label=[f"{item.name}/{'/'.join(numbers)}" for numbers in given],
        source=name,
        source_url=None,
        license=None,
        author=None,
    )


def named(folder: Path, lists: list[release.Listed], tables: dict[str, pd.DataFrame], known: Sidecar) -> pd.DataFrame:
    """The candidates of an export, with the ids and classes that dmlkit.json and dmlkit.csv give them."""
    given = sidecar.read_images(folder)
    items = {item.name: item for item in lists}
    if known.form == "split" and release.ONE_SET not in tables and len(tables) > 1:
        for side in ("query", "gallery"):
            tables = merged(side, items, tables)
    parts = []
    for list_name, table in tables.items():
        at = items[list_name].images
        top = f"test_{list_name.removeprefix('bmk_').partition('/')[0]}" if known.form == "per-scale" else "data"
        if list_name == "train":
            top = "data"
        files = [(at / file).relative_to(folder).as_posix() for file in table["file"]]
        table = table.assign(path=[str(at / file) for file in table["file"]], key=files, top=top)
        parts.append(table.assign(list=items[list_name].path.relative_to(folder).as_posix()))
    rows = pd.concat(parts, ignore_index=True)
    for there, lacking, names in (
        (sidecar.IMAGES, "the lists of labels", set(given.index) - set(rows["key"])),
        ("the lists of labels", sidecar.IMAGES, set(rows["key"]) - set(given.index)),
    ):
        if names:
            raise SourceError(
                f"{folder}: {len(names)} files are in {there} and not in {lacking}, the first {printable(min(names))}: "
                "cut, or changed? Nothing was written",
                hint=f"export again; or delete {sidecar.FACTS} and {sidecar.IMAGES} to import it as bare integers",
            )
    rows = rows.join(given.rename(columns={"sha256": "wanted_sha256"}), on="key")
    rows["stem"] = rows["top"] + "/" + rows["split"]
    if foreign := sorted(set(rows["stem"]) - {part.stem for part in LAYOUTS[known.form]}):
        raise sidecar.unusable(folder / sidecar.FACTS, f"its form is {known.form}, but there is {foreign[0]}")
    for scale in SCALES:
        rows[f"{scale}_id"] = named_classes(rows, scale, known)
    check_tree(rows, known)
    return rows


def merged(side: str, items: Mapping[str, release.Listed], tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The lists with those of the three scales as one, because dmlkit.json says that they are one test set."""
    fine, *others = (f"bmk_{scale}/{side}" for scale in SCALES)
    one = tables[fine].set_index("file")
    for other in others:
        table = tables[other].set_index("file")
        if sorted(table.index) != sorted(one.index):
            raise differs(items[fine].path, items[other].path, "name other files")
        for file in table.index:
            first, second = items[fine].images / file, items[other].images / file
            if second.exists() and first.exists() and not same_file(first, second):
                raise differs(first, second, "are other images")
        scale = items[other].scales[0]
        one[scale] = table[scale]
    return {name: table for name, table in tables.items() if name not in (fine, *others)} | {fine: one.reset_index()}


def same_file(first: Path, second: Path) -> bool:
    return os.path.samefile(first, second) or filecmp.cmp(first, second, shallow=False)


def differs(first: Path, second: Path, how: str) -> SourceError:
    return SourceError(
        f"{first} and {second} {how}, but {sidecar.FACTS} says that the three test sets are one; nothing was written",
        hint=f"export again; or delete {sidecar.FACTS} and {sidecar.IMAGES} to import them as three",
    )


def named_classes(rows: pd.DataFrame, scale: str, known: Sidecar) -> pd.Series[Any]:
    """The class ids of the integers at one scale. Raises `SourceError` for an integer that names none."""
    ids = known.ids(scale)
    wrong = rows[rows[scale].notna() & (rows[scale] >= len(ids))]
    if len(wrong):
        raise SourceError(
            f"{wrong['list'].iloc[0]}, line {wrong['line'].iloc[0]}: {scale} label {wrong[scale].iloc[0]}, but "
            f"{sidecar.FACTS} names {len(ids)} {scale} classes; nothing was written",
            hint="export again",
        )
    return pd.Series([None if pd.isna(n) else ids[n] for n in rows[scale]], rows.index, dtype="string")


def check_tree(rows: pd.DataFrame, known: Sidecar) -> None:
    """Raise `SourceError` where a list gives an image another middle or coarse class than its fine class has."""
    for scale in SCALES[1:]:
        parent = {row["fine_id"]: row[f"{scale}_id"] for row in known.hierarchy}
        wanted = rows["fine_id"].map(parent)
        wrong = rows[wanted.notna() & rows[f"{scale}_id"].notna() & (wanted != rows[f"{scale}_id"])]
        if len(wrong):
            raise SourceError(
                f"{wrong['list'].iloc[0]}, line {wrong['line'].iloc[0]}: its {scale} label is not that of its fine "
                f"class in {sidecar.FACTS}; nothing was written",
                hint="export again",
            )


def judged(rows: pd.DataFrame, jobs: int, notify: Progress) -> pd.DataFrame:
    """The candidates in the order of `order_key`, with the status on their bytes and what is known of these."""
    rows = rows.assign(order=[order_key(image_id) for image_id in rows["image_id"]])
    rows = rows.sort_values(["order", "path"], kind="stable", ignore_index=True)
    wanted = rows.loc[rows["status"] == "ok", "path"].drop_duplicates().sort_values().tolist()
    chunks = [wanted[i : i + CHUNK] for i in range(0, len(wanted), CHUNK)]
    found: list[pd.DataFrame] = []
    for chunk in executor.run(judge, chunks, jobs if len(chunks) > jobs else 1):
        found.append(chunk)
        notify("judge", min(len(found) * CHUNK, len(wanted)), len(wanted), "images")
    facts = pd.concat(found).reindex(rows["path"])
    facts.index = rows.index
    listed = rows["status"] == "ok"
    rows["status"] = rows["status"].where(~listed, facts["status"])
    rows["detail"] = rows["detail"].where(~listed, facts["detail"])
    if "exif_orientation" in rows:  # an export says what the source's file had
        facts["exif_orientation"] = rows.pop("exif_orientation")
    return rows.join(facts.drop(columns=["status", "detail"]))


def judge(paths: list[str]) -> pd.DataFrame:
    """For each file (the index) its status, and of a good one size, orientation, hash, length and type."""
    return pd.DataFrame([judge_one(Path(path)) for path in paths], index=paths, columns=list(JUDGED)).astype(JUDGED)


def judge_one(path: Path) -> dict[str, Any]:
    try:
        offered = candidates.file_candidate(path, "")
        data = offered.read() if offered.read is not None else b""
    except FileNotFoundError:
        return {"status": "missing", "detail": "the list names it; the folder of images has it not"}
    except OSError as exc:
        return {"status": "unreadable", "detail": exc.strerror or str(exc)}
    if offered.status:
        return {"status": offered.status, "detail": offered.detail}
    image = images.examine(data, min_side=1)
    if image.status != "ok":
        return {"status": image.status, "detail": image.detail}
    return {
        "status": "ok",
        "detail": "",
        "width": image.width,
        "height": image.height,
        "exif_orientation": image.exif_orientation,
        "sha256": images.digest(data),
        "length": len(data),
        "format": image.format,
    }


def channel_facts(rows: pd.DataFrame, options: Options, known: Sidecar | None) -> dict[str, Any]:
    """Whether the stored images are ``rgb``, ``bgr`` or ``undecided``, who says so, and the measure."""
    asked = options.channels
    if asked == "auto" and known is not None:
        return {"asked": asked, "decided": "rgb", "by": sidecar.FACTS}
    if asked != "auto":
        return {"asked": asked, "decided": asked, "by": "--channels"}
    sample = rows.loc[rows["stem"] == "data/train", "path"].head(channels.SAMPLE)
    found = channels.measure([channels.votes_of(Path(path).read_bytes()) for path in sample])
    return {"asked": asked, "decided": found.decision, "by": "measure", "measure": found.as_dict()}
