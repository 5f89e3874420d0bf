"""Tiny inputs in the upstreams' layouts, made anew for each test."""

from __future__ import annotations

import io
import logging
import os
import random
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import hub_client
import pytest
from hub_server import HubServer, hub_server
from PIL import Image

from dmlkit import manifest
from dmlkit.authoring import tsv
from dmlkit.build import Options, build
from dmlkit.manifest import Exclusion, FineClass
from dmlkit.schema import Candidate
from dmlkit.sources import Request


def pytest_configure(config: pytest.Config) -> None:
    """Caches of the tests stay in a folder of their own, and `datasets`, which reads this on import, asks nobody."""
    cache = tempfile.TemporaryDirectory(prefix="dmlkit-tests-")
    config.add_cleanup(cache.cleanup)
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": cache.name, "DMLKIT_HOME": f"{cache.name}/dmlkit"}


# Two coarse classes with two middle classes each, one of them for the test; two fine classes in each.
CLASSES = [
    FineClass(f"n0{coarse}{middle}{fine}0001", f"{middle_name} {fine}", f"n0{coarse}{middle}00001", middle_name,
              f"n0{coarse}000001", coarse_name, split, "")
    for coarse, coarse_name, middles in (
        (1, "mammal", (("1", "dog", "train"), ("2", "bear", "test"))),
        (2, "bird", (("1", "owl", "train"), ("2", "parrot", "test"))),
    )
    for middle, middle_name, split in middles
    for fine in (1, 2)
]  # fmt: skip
WHALE = Exclusion("n09999999", "whale", "it looks like a fish")

TOML = """name = "tiny"
version = "1.0.0"
title = "Tiny animals"
description = "For tests."
[sources]
accepted = ["imagenet-21k", "sample"]
default = "imagenet-21k"
[split]
query_share = 0.25
[coverage]
fine = 1.0
"""


def picture(seed: int, width: int = 48, height: int = 40, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    """A small picture whose pixels, and so whose bytes, depend on the seed."""
    image = Image.frombytes("RGB", (6, 5), random.Random(seed).randbytes(90)).resize((width, height))
    out = io.BytesIO()
    image.convert(mode).save(out, kind)
    return out.getvalue()


def write_tar(path: Path, members: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def write_manifest(folder: Path, classes: list[FineClass] = CLASSES, toml: str = TOML) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.toml").write_text(toml, encoding="utf-8")
    (folder / "classes.tsv").write_text(tsv(FineClass, classes), encoding="utf-8")
    (folder / "excluded.tsv").write_text(tsv(Exclusion, [WHALE]), encoding="utf-8")
    return folder


def write_source(folder: Path, per_class: int = 6, classes: list[FineClass] = CLASSES) -> Path:
    """A folder of per-synset tars with distinct good pictures for every class of the tiny manifest."""
    for number, c in enumerate(classes):
        members = {f"{c.fine_id}_{i}.JPEG": picture(1000 * number + i) for i in range(per_class)}
        write_tar(folder / f"{c.fine_id}.tar", members)
    return folder


def build_folder(
    where: Path,
    toml: str = TOML,
    classes: list[FineClass] = CLASSES,
    sources: list[FineClass] | None = None,
    per_class: int = 6,
) -> Path:
    """A data set folder made in ``where``. ``sources`` are the classes that the source has pictures of."""
    tiny = manifest.load(str(write_manifest(where / "tiny", classes, toml)))
    source = write_source(where / "tars", per_class, sources or classes)
    return build(tiny, Options("imagenet-21k", where / "out", source, jobs=1)).out


@pytest.fixture(scope="session")
def good_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set folder without a fault, one for all tests: copy it before you change it."""
    return build_folder(tmp_path_factory.mktemp("good"))


@pytest.fixture
def changeable(good_folder: Path, tmp_path: Path) -> Path:
    """A copy of the good folder."""
    return Path(shutil.copytree(good_folder, tmp_path / "folder"))


@pytest.fixture
def tiny_manifest(tmp_path: Path) -> Path:
    return write_manifest(tmp_path / "tiny")


@pytest.fixture
def tiny_source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "tars")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A hub on 127.0.0.1 with the accounts of USERS; this process is its client and may write.

    The test fails where a request goes elsewhere, or is one that the server does not know.
    """
    with hub_server(hub_client.USERS) as server, hub_client.only_here():
        hub_client.lead_to(monkeypatch, server.url, tmp_path / "home", "hf_me")
        yield server
        assert server.unknown == []


@pytest.fixture
def needs_wordnet() -> None:
    """Skip where WordNet 3.0 is missing, with what to install; in CI that is a failure."""
    from dmlkit import wordnet
    from dmlkit.errors import WordNetNotFound

    try:
        wordnet.reader()
    except WordNetNotFound as exc:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(exc))


def installed(*modules: str) -> None:
    """Skip where a module of the development group is missing, with what to install; in CI that is a failure."""
    for module in modules:
        try:
            import_module(module)
        except ImportError as exc:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"pip install --group dev brings what is missing here: {exc}")


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The URL of an S3 server on 127.0.0.1. The environment leads s3fs there, in this process and its children."""
    installed("moto.server", "s3fs")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patch.setenv(name, value)
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(object_store: str) -> str:
    """The URL of an empty bucket, as ``s3://...``."""
    import boto3

    name = f"bucket-{os.urandom(6).hex()}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}"


def keys(url: str) -> dict[str, bytes]:
    """Every object below a folder of a bucket, by its name there."""
    import boto3

    name, _, folder = url.removeprefix("s3://").partition("/")
    found = boto3.resource("s3").Bucket(name).objects.filter(Prefix=f"{folder}/" if folder else "")
    return {o.key.removeprefix(f"{folder}/"): o.get()["Body"].read() for o in found}


Sums = Callable[[Path], str]


def sums(folder: Path) -> str:
    return (folder / "SHA256SUMS").read_text()


def offered(module: ModuleType, path: Path | None, scratch: Path) -> list[Candidate]:
    """Every candidate that a source offers of ``path``, read as a build does."""
    candidates = []
    for unit in module.plan(Request(manifest=None, path=path, scratch=scratch)):
        candidates += module.read(unit)
        if unit.temporary:
            Path(unit.path).unlink()
    return candidates


def verdicts(candidates: list[Candidate]) -> dict[str, str]:
    """Id → verdict of what a source cannot give."""
    return {c.upstream_id: c.verdict for c in candidates if c.verdict}


def labels(candidates: list[Candidate]) -> dict[str, str]:
    """Id → upstream label of what a source gives."""
    return {c.upstream_id: c.upstream_label for c in candidates if not c.verdict}
