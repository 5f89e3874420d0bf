"""A dataset folder → tar files that the webdataset library streams, a few for each split.

A sample is two members one after the other: the image, and a JSON object with all that is known of it.
"""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import UsageError
from dmlkit.formats import base
from dmlkit.schema.layout import TRAIN
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage.images import FORMATS

FORMAT_NAME = "webdataset"
# Size of a tar file in megabytes of 10⁶ bytes.
SHARD_MB = 500


def export_webdataset(
    folder: Path, out: Path, *, shard_size: int = SHARD_MB, progress: Progress = no_progress
) -> base.ExportResult:
    """Write the dataset in ``folder`` to ``out`` as ``data/<split>-00000-of-00001.tar`` and so on.

    ``shard_size`` is in megabytes of 10⁶ bytes: a larger file is closed and the next one begun. Raises `UsageError`
    for a folder that cannot be read, `OutputError` if ``out`` holds something else or cannot be written.
    """
    if shard_size < 1:
        raise UsageError(
            f"--shard-size is {shard_size}; it must be at least 1", code="formats.shard-size", value=shard_size
        )
    data = base.open_with_images(folder)
    suffix, total = most_common_suffix(data), data.num_images()
    counts: dict[str, int] = {}
    shards: dict[str, int] = {}
    with base.replacing_export(data, out, FORMAT_NAME) as top:
        for spec in data.image_sets:
            with TarShards(top / spec.stem, shard_size * 1_000_000) as files:
                for row in data.rows(spec):
                    content, kind = base.image_bytes(row)
                    files.add(base.safe_name(row["image_id"]), {suffix: content, "json": sample_json(row, kind, data)})
                    progress("write", sum(counts.values()) + files.num_samples, total, "images")
            counts[spec.image_set] = files.num_samples
            shards[spec.stem] = files.num_files
        facts = {"images": counts, "suffix": suffix, "shard_size": shard_size, "shards": shards}
        base.write_export_facts(top, data, FORMAT_NAME, facts)
        patterns = {stem: f"{stem}-*.tar" for stem, number in shards.items() if number}
        usage = USAGE.format(suffix=suffix, last=f"{shards[TRAIN.stem] - 1:05d}", of=f"{shards[TRAIN.stem]:05d}")
        readme = base.ExportReadme("tar files", usage, CONTENTS, base.patterns_by_config(data, patterns))
        base.write_readme(top, data, readme)
    return base.ExportResult(out, "tar files", counts, sum(counts.values()))


USAGE = """import webdataset as wds

shards = "OUT/data/train-{{00000..{last}}}-of-{of}.tar"
train = wds.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("{suffix}", "json")

from datasets import load_dataset

images = load_dataset("OUT", streaming=True)"""

CONTENTS = """A sample is an image, as it is in the dataset, and a JSON object: integer labels, class ids and names at
the three scales (-1 and empty where unknown), id, size, hash, source, author. The key is the id in safe letters.
All images have one suffix, that of most of them, because readers want the same members in each sample; `type` in the
JSON object tells the real one, and decoders go by the bytes. Samples are in the order of the dataset, which is that of
a hash. `dmlkit.json` has the ids and names of the classes."""


def most_common_suffix(data: DatasetFolder) -> str:
    """Return the suffix that most images have."""
    counts: Counter[str] = Counter()
    for spec in data.image_sets:
        for row in data.rows(spec, ["image.path"]):
            counts[str((row["image"] or {}).get("path")).rpartition(".")[2]] += 1
    known = counts.keys() & set(FORMATS.values())  # it becomes part of the names in the tar files
    return min(known, key=lambda suffix: (-counts[suffix], suffix), default="jpg")


def sample_json(row: Mapping[str, Any], kind: str, data: DatasetFolder) -> bytes:
    """Write the JSON object of an image. Every one has the same keys and no null, as readers want it."""
    facts: dict[str, Any] = {name: "" if row[name] is None else row[name] for name in base.IMAGE_FACTS}
    facts |= {"type": kind}
    for scale in SCALES:
        label = row[scale]
        is_known = label is not None
        facts |= {
            scale: label if is_known else base.UNKNOWN_LABEL,
            f"{scale}_id": data.class_ids[scale][label] if is_known else "",
            f"{scale}_name": data.class_names[scale][label] if is_known else "",
        }
    return json.dumps(facts, ensure_ascii=False).encode()


class TarShards:
    """Tar files of one split, whose bytes depend on their samples alone. Use it as a context manager.

    They get their names, which contain their number, at the end.
    """

    def __init__(self, stem: Path, max_bytes: int) -> None:
        self.num_samples, self.num_files = 0, 0
        self._stem, self._max_bytes = stem, max_bytes
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> TarShards:
        self._stem.parent.mkdir(exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._tar is not None:
            self._tar.close()
        if kind is None:
            for number in range(self.num_files):
                self._path(number).rename(self._path(number, f"-of-{self.num_files:05d}"))

    def _path(self, number: int, ending: str = "") -> Path:
        return self._stem.with_name(f"{self._stem.name}-{number:05d}{ending}.tar")

    def add(self, key: str, members: Mapping[str, bytes]) -> None:
        """Write a sample: its members by their suffixes."""
        num_bytes = sum(map(len, members.values()))
        if self._tar is None or (self._tar.offset and self._tar.offset + num_bytes > self._max_bytes):
            if self._tar is not None:
                self._tar.close()
            self._tar = tarfile.open(self._path(self.num_files), "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
            self.num_files += 1
        for suffix, content in members.items():
            member = tarfile.TarInfo(f"{key}.{suffix}")  # time, owner and group are 0
            member.size = len(content)
            self._tar.addfile(member, BytesIO(content))
        self.num_samples += 1
