"""A folder of the official release → a dataset folder: read the lists, check the images, label, write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from dmlkit.dataset.finish import finish_folder
from dmlkit.dataset.folder import BUILD_JSON
from dmlkit.errors import SourceError, UsageError
from dmlkit.formats.dyml import candidates, channels, labels, layout, sidecar, writing
from dmlkit.formats.dyml.records import CHANNELS, ImportOptions, ImportResult
from dmlkit.formats.dyml.sidecar import Sidecar
from dmlkit.pipeline.options import Coverage
from dmlkit.schema.layout import LAYOUTS, TRAIN
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.schema.statuses import STATUS_NAMES
from dmlkit.sources.candidates import file_candidate
from dmlkit.storage import executor, images
from dmlkit.storage.locations import folder_at
from dmlkit.storage.replace import ReplacedFolder, check_replaceable

# Images that a worker checks at a time.
IMAGES_PER_CHUNK = 500
# Up to this many classes under several parents are named; the rest are counted.
MAX_NAMED = 20
CHECKED_COLUMNS = {
    **dict.fromkeys(("status", "detail", "sha256", "format"), "string"),
    **dict.fromkeys(("width", "height", "exif_orientation", "length"), "Int64"),
}


def import_release(folder: Path, options: ImportOptions, progress: Progress = no_progress) -> ImportResult:
    """Write the release in ``folder``, one of dyml_animal, dyml_vehicle, dyml_product, as a dataset folder.

    Images that cannot be used get a status, and are counted and listed among the rejected ones. ``options.out``
    appears whole or not at all.

    Raises `SourceError` for lists that cannot be read, with file and line; `OutputError` if ``options.out`` holds
    something else; `UsageError` for options that cannot work.
    """
    started = time.time()
    known = sidecar.read_sidecar(folder)
    name = known.name if known else layout.release_name(folder)
    raise_if_not_importable(folder, options, name)
    listed = candidates.list_candidates(folder, name, known)
    rows = check_rows(listed.rows, known, options.jobs, progress)
    good, rejected = rows[rows["status"] == "ok"].copy(), rows[rows["status"] != "ok"]
    raise_without_training_images(folder, good, rejected)
    good, filled = labels.fill_missing_labels(good)
    facts = decide_channels(good, options, known)
    good["swap"] = facts["decided"] == "bgr"
    result = ImportResult(
        out=options.out,
        name=name,
        layout=listed.layout,
        images={spec.name: int((good["stem"] == spec.stem).sum()) for spec in LAYOUTS[listed.layout]},
        statuses=count_statuses(rows),
        coverage={s: Coverage(good[f"{s}_id"].nunique(), len(listed.classes[s]), 1.0) for s in SCALES},
        filled=filled.labels,
        recurring=labels.count_recurring(good),
        channels=facts,
        contradictions=filled.contradictions,
        notes=[*listed.notes, *parent_notes(good)],
        seconds=0.0,
    )
    tree = labels.class_rows(good, listed.classes, known)
    content = writing.ImportedTable(folder, known, good, rejected, listed.classes, tree)
    with ReplacedFolder(options.out) as target:
        num_swapped = writing.write_tables(target.path, content, options.jobs, progress)
        result = replace(result, channels=result.channels | {"swapped": num_swapped})
        release = writing.release_facts(content, result, options.channels, started)
        finish_folder(target.path, release, good)
        result = replace(result, seconds=round(time.time() - started, 1))
        replace(release, seconds=result.seconds).write(target.path / BUILD_JSON)
        target.commit(lambda done, total: progress("upload", done, total, "files"))
    return result


def raise_without_training_images(folder: Path, good: pd.DataFrame, rejected: pd.DataFrame) -> None:
    """Raise `SourceError` if no image is good for training."""
    if good.empty or not (good["stem"] == TRAIN.stem).any():
        raise SourceError(
            f"none of the {len(good) + len(rejected)} images of {folder} is good for training: "
            f"{count_statuses(rejected)}; nothing was written",
            code="dyml.no-good-image",
            hint="unpack the whole archive again",
            path=folder,
        )


def raise_if_not_importable(folder: Path, options: ImportOptions, name: str) -> None:
    """Refuse what cannot work before an image is read. Raises `UsageError` and `OutputError`."""
    if options.channels not in CHANNELS:
        raise UsageError(
            f"unknown channels {options.channels!r}",
            code="dyml.unknown-channels",
            hint=f"choose one of: {', '.join(CHANNELS)}",
        )
    out, source = options.out.resolve(), folder.resolve()
    if out.is_relative_to(source) or source.is_relative_to(out):
        raise UsageError(
            f"one of {options.out} and {folder} contains the other",
            code="dyml.nested-folders",
            hint="choose another folder with --out",
            path=options.out,
        )

    def describe_other(build: Mapping[str, Any]) -> str:
        earlier = build["release"]["name"]
        return "" if earlier == name else f"the import of {earlier}, not of {name}"

    check_replaceable(folder_at(options.out), BUILD_JSON, describe_other, "an import")


def parent_notes(rows: pd.DataFrame) -> list[str]:
    """Describe the classes that lie under several parents; beyond `MAX_NAMED` they are counted."""
    notes = labels.describe_several_parents(rows)
    more = [f"and {len(notes) - MAX_NAMED:,} more such classes"] if len(notes) > MAX_NAMED else []
    return notes[:MAX_NAMED] + more


def count_statuses(rows: pd.DataFrame) -> dict[str, int]:
    """Count the rows by status, in the order of the table of statuses; ``ok`` is always there."""
    counts = Counter(rows["status"])
    return {"ok": counts["ok"]} | {name: counts[name] for name in STATUS_NAMES if name != "ok" and counts[name]}


def check_rows(rows: pd.DataFrame, known: Sidecar | None, jobs: int, progress: Progress) -> pd.DataFrame:
    """Add to each candidate the status of its bytes, and mark those that are not the exported or are repeated."""
    rows = check_images(rows, jobs, progress)
    if known is not None:
        changed = (rows["status"] == "ok") & (rows["sha256"] != rows["wanted_sha256"])
        rows.loc[changed, ["status", "detail"]] = ["changed", f"not the file that {sidecar.IMAGES} lists"]
    return labels.mark_repeated(rows)


def check_images(rows: pd.DataFrame, jobs: int, progress: Progress) -> pd.DataFrame:
    """Sort the candidates by `order_key`, and add the status of their bytes and what is known of these."""
    rows = rows.assign(order=[order_key(image_id) for image_id in rows["image_id"]])
    rows = rows.sort_values(["order", "path"], kind="stable", ignore_index=True)
    paths = rows.loc[rows["status"] == "ok", "path"].drop_duplicates().sort_values().tolist()
    chunks = [paths[i : i + IMAGES_PER_CHUNK] for i in range(0, len(paths), IMAGES_PER_CHUNK)]
    checked: list[pd.DataFrame] = []
    for chunk in executor.run(check_chunk, chunks, jobs if len(chunks) > jobs else 1):
        checked.append(chunk)
        progress("check", min(len(checked) * IMAGES_PER_CHUNK, len(paths)), len(paths), "images")
    facts = pd.concat(checked).reindex(rows["path"])
    facts.index = rows.index
    listed = rows["status"] == "ok"
    rows["status"] = rows["status"].where(~listed, facts["status"])
    rows["detail"] = rows["detail"].where(~listed, facts["detail"])
    if "exif_orientation" in rows:  # an export knows the orientation of the source's file
        facts["exif_orientation"] = rows.pop("exif_orientation")
    return rows.join(facts.drop(columns=["status", "detail"]))


def check_chunk(paths: list[str]) -> pd.DataFrame:
    """Check files: one row a path (the index), with status, and size, orientation, hash, length and type if good."""
    checked = [check_file(Path(path)) for path in paths]
    return pd.DataFrame(checked, index=paths, columns=list(CHECKED_COLUMNS)).astype(CHECKED_COLUMNS)


def check_file(path: Path) -> dict[str, Any]:
    """Check one image file."""
    try:
        candidate = file_candidate(path, "")
        data = candidate.read() if candidate.read is not None else b""
    except FileNotFoundError:
        return {"status": "missing", "detail": "listed, but the file does not exist"}
    except OSError as exc:
        return {"status": "unreadable", "detail": exc.strerror or str(exc)}
    if candidate.status:
        return {"status": candidate.status, "detail": candidate.detail}
    image = images.examine(data, min_side=1)
    if image.status != "ok":
        return {"status": image.status, "detail": image.detail}
    return {
        "status": "ok",
        "detail": "",
        "width": image.width,
        "height": image.height,
        "exif_orientation": image.exif_orientation,
        "sha256": images.sha256_hex(data),
        "length": len(data),
        "format": image.format,
    }


def decide_channels(rows: pd.DataFrame, options: ImportOptions, known: Sidecar | None) -> dict[str, Any]:
    """Decide whether the stored images are ``rgb``, ``bgr`` or ``undecided``; add who decided, and the measure."""
    asked = options.channels
    if asked == "auto" and known is not None:
        return {"asked": asked, "decided": "rgb", "by": sidecar.FACTS}
    if asked != "auto":
        return {"asked": asked, "decided": asked, "by": "--channels"}
    paths = rows.loc[rows["stem"] == TRAIN.stem, "path"].head(channels.MAX_MEASURED)
    measure = channels.measure_votes([channels.channel_votes(Path(path).read_bytes()) for path in paths])
    return {"asked": asked, "decided": measure.decision, "by": "measure", "measure": measure.as_dict()}
