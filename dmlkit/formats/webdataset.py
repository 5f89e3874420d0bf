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

FORM = "webdataset"
SHARD_MB = 500


def export(folder: Path, out: Path, *, shard_size: int = SHARD_MB, notify: Progress = no_progress) -> base.Exported:
    """Write the dataset in ``folder`` to ``out`` as ``data/<split>-00000-of-00001.tar`` and so on.

    ``shard_size`` is in megabytes of 10⁶ bytes: a file is full when it has so many. Raises `UsageError` for a folder
    that cannot be read, `OutputError` where the place holds something else or cannot be written.
    """
    if shard_size < 1:
        raise UsageError(f"--shard-size is {shard_size}; it must be at least 1")
    data = base.open_with_images(folder)
    done = base.Exported(out, "tar files")
    with base.written(data, out, FORM) as top:
        suffix, total, shards = suffix_of(data), data.num_images(), {}
        for part in data.image_sets:
            with Shards(top / part.stem, shard_size * 1_000_000) as files:
                for row in data.rows(part):
                    content, own = base.bytes_of(row)
                    files.add(base.safe_name(row["image_id"]), {suffix: content, "json": described(row, own, data)})
                    done.kept += 1
                    notify("write", done.kept, total, "images")
            name = part.image_set
            done.images[name], shards[part.stem] = files.samples, files.number
        more = {"suffix": suffix, "shard_size": shard_size, "shards": shards}
        base.write_facts(top, data, FORM, done, more)
        patterns = {stem: f"{stem}-*.tar" for stem, number in shards.items() if number}
        opened = OPENED.format(suffix=suffix, last=f"{shards[TRAIN.stem] - 1:05d}", of=f"{shards[TRAIN.stem]:05d}")
        base.write_readme(top, data, "tar files", opened, WHERE, base.configs_of(data, patterns))
    return done


OPENED = """import webdataset as wds

shards = "OUT/data/train-{{00000..{last}}}-of-{of}.tar"
train = wds.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("{suffix}", "json")

from datasets import load_dataset

images = load_dataset("OUT", streaming=True)"""

WHERE = """A sample is an image, as it is in the dataset, and a JSON object: integer labels, class ids and names at
the three scales (-1 and empty where unknown), id, size, hash, source, maker. The key is the id in safe letters.
All images have one suffix, that of most of them, because readers want the same members in each sample; `type` in the
JSON object tells the real one, and decoders go by the bytes. Samples are in the order of the dataset, which is that of
a hash. `dmlkit.json` has the ids and names of the classes."""


def suffix_of(data: DatasetFolder) -> str:
    """The suffix that most images have."""
    found: Counter[str] = Counter()
    for part in data.image_sets:
        for row in data.rows(part, ["image.path"]):
            found[str((row["image"] or {}).get("path")).rpartition(".")[2]] += 1
    known = found.keys() & set(FORMATS.values())  # it becomes part of the names in the tar files
    return min(known, key=lambda suffix: (-found[suffix], suffix), default="jpg")


def described(row: Mapping[str, Any], kind: str, data: DatasetFolder) -> bytes:
    """The JSON object of an image. Every one has the same keys and no null, as readers want it."""
    facts: dict[str, Any] = {name: row[name] for name in base.FACTS_OF_IMAGES}
    facts |= {name: row[name] or "" for name in base.TEXTS} | {"type": kind}
    for scale in SCALES:
        label = row[scale]
        known = label is not None
        facts |= {
            scale: label if known else base.UNKNOWN,
            f"{scale}_id": data.class_ids[scale][label] if known else "",
            f"{scale}_name": data.class_names[scale][label] if known else "",
        }
    return json.dumps(facts, ensure_ascii=False).encode()


class Shards:
    """Tar files of one part, whose bytes depend on their samples alone. Use it as a context manager.

    They get their names, which tell how many there are, at the end.
    """

    def __init__(self, stem: Path, most_bytes: int) -> None:
        self.samples, self.number = 0, 0
        self._stem, self._most = stem, most_bytes
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> Shards:
        self._stem.parent.mkdir(exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._tar is not None:
            self._tar.close()
        if kind is None:
            for number in range(self.number):
                self._path(number).rename(self._path(number, f"-of-{self.number:05d}"))

    def _path(self, number: int, of: str = "") -> Path:
        return self._stem.with_name(f"{self._stem.name}-{number:05d}{of}.tar")

    def add(self, key: str, members: Mapping[str, bytes]) -> None:
        """Write a sample: its members by their suffixes."""
        size = sum(map(len, members.values()))
        if self._tar is None or (self._tar.offset and self._tar.offset + size > self._most):
            if self._tar is not None:
                self._tar.close()
            self._tar = tarfile.open(self._path(self.number), "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
            self.number += 1
        for suffix, content in members.items():
            member = tarfile.TarInfo(f"{key}.{suffix}")  # time, owner and group are 0
            member.size = len(content)
            self._tar.addfile(member, BytesIO(content))
        self.samples += 1
