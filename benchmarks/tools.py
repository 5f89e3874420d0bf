"""The tools under test: the command of each for the same work, and what their outputs must hold."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from corpus import LARGE, SMALL, Kind
from PIL import Image

from dmlkit.taxonomy.manifest import Exclusion, FineClass
from dmlkit.taxonomy.template import to_tsv

PROCESSES = 2
THREADS = 64
SHARD = 1000
"""Images that a worker of img2dataset takes at most at once, as dmlkit's do; both processes get some."""

CLASSES = [
    FineClass(f"class-{i}", f"class {i}", f"group-{i // 2}", f"group {i // 2}", f"half-{i // 6}", f"half {i // 6}",
              "test" if i // 2 in (2, 4) else "train", "")
    for i in range(10)
]  # fmt: skip
MANIFEST = """name = "benchmark"
version = "1.0.0"
title = "Benchmark"
description = "Drawn photographs."
[sources]
accepted = ["url-list"]
default = "url-list"
[split]
query_share = 0.2
"""


@dataclass(frozen=True)
class Mode:
    """One kind of work. ``size`` is the wanted shorter side; without, the bytes are kept and decoded to check them."""

    name: str
    kind: Kind
    size: int | None = None
    https: bool = False


MODES = {
    mode.name: mode
    for mode in (
        Mode("keep", SMALL),
        Mode("size-256", SMALL, 256),
        Mode("large-256", LARGE, 256),
        Mode("https-keep", SMALL, https=True),
    )
}


@dataclass(frozen=True)
class Job:
    """A list of so many images to be collected into ``out``, a folder that does not exist yet."""

    mode: Mode
    images: int
    links: Path
    manifest: Path
    out: Path


@dataclass(frozen=True)
class Tool:
    """A tool in the environment of ``python``."""

    name: str
    python: str

    def command(self, job: Job) -> list[str]:
        arguments = {"dmlkit": dmlkit, "img2dataset": img2dataset, "daft": daft}[self.name](job)
        return [self.python, *arguments]

    def does(self, mode: Mode) -> bool:
        return self.name != "daft" or mode.name == "keep"

    def version(self) -> str:
        code = f"from importlib.metadata import version; print(version({self.name!r}))"
        found = subprocess.run([self.python, "-c", code], capture_output=True, text=True)
        return found.stdout.strip() or sys.exit(f"{self.python} has no {self.name}; benchmarks/README.md says how")


def dmlkit(job: Job) -> list[str]:
    size = ["--size", str(job.mode.size)] if job.mode.size else []
    options = ["--from", str(job.links), "--out", str(job.out), "--jobs", str(PROCESSES), "--allow-private-hosts"]
    return ["-m", "dmlkit", "build", str(job.manifest), "--source", "url-list", *options, "--quiet", *size]


def img2dataset(job: Job) -> list[str]:
    """Its defaults else: SHA-256, EXIF data read, no retries."""
    work = {"resize_mode": "no", "skip_reencode": True}
    if job.mode.size:
        work = {"resize_mode": "keep_ratio", "image_size": job.mode.size, "resize_only_if_bigger": True}
    options = {
        "url_list": job.links,
        "output_folder": job.out,
        "input_format": "csv",
        "output_format": "parquet",
        "save_additional_columns": '["label","id"]',
        "processes_count": PROCESSES,
        "thread_count": THREADS,
        "number_sample_per_shard": min(SHARD, -(-job.images // PROCESSES)),
        "encode_quality": 95,
    } | work
    return ["-m", "img2dataset.main", *(f"--{name}={value}" for name, value in options.items())]


def daft(job: Job) -> list[str]:
    return [str(Path(__file__).with_name("daft_keep.py")), str(job.links), str(job.out)]


def write_manifest(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.toml").write_text(MANIFEST)
    (folder / "classes.tsv").write_text(to_tsv(FineClass, CLASSES))
    (folder / "excluded.tsv").write_text(to_tsv(Exclusion, []))
    return folder


def write_links(path: Path, files: Sequence[Path], root: Path, address: str) -> Path:
    """The list of URLs; an image's id is its number."""
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["url", "label", "id"])
        for number, file in enumerate(files):
            url = f"{address}/{file.relative_to(root).as_posix()}"
            writer.writerow([url, CLASSES[number % len(CLASSES)].fine_id, f"p{number:06}"])
    return path


def check(tool: Tool, job: Job, files: Sequence[Path], sums: Mapping[Path, str]) -> None:
    """End with what is wrong unless the output holds every image: the same bytes, or of the wanted size."""
    wrong: list[str] = []
    seen = set()
    for name, data in outputs(tool, job):
        number = int(name.removeprefix("p"))
        seen.add(number)
        if job.mode.size is None and hashlib.sha256(data or b"").hexdigest() != sums[files[number]]:
            wrong.append(f"{name} has other bytes")
        if job.mode.size is not None and (data is None or min(Image.open(io.BytesIO(data)).size) != job.mode.size):
            wrong.append(f"{name} has another size")
    if seen != set(range(len(files))) or wrong:
        sys.exit(f"{tool.name}, {job.mode.name}: {len(seen)} of {len(files)} images, {len(wrong)} wrong: {wrong[:3]}")


def outputs(tool: Tool, job: Job) -> Iterator[tuple[str, bytes | None]]:
    """(id, bytes) of each image that a tool wrote."""
    if tool.name == "dmlkit":
        files, key, column = sorted(job.out.glob("data/*.parquet")), "image_id", "image"
    else:
        files, key, column = sorted(job.out.glob("*.parquet")), "id", "jpg"
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(100, columns=[key, column]):
                for name, value in zip(batch[key].to_pylist(), batch[column].to_pylist(), strict=True):
                    yield name.rpartition("/")[2], value["bytes"] if isinstance(value, dict) else value


def digests(files: Sequence[Path]) -> dict[Path, str]:
    """SHA-256 of each file."""
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
