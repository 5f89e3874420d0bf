"""Tiny inputs in the upstreams' layouts, made anew for each test."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import hub_client
from tests.support.dyml_release import ANIMAL, PRODUCT, write_release
from tests.support.hub_server import HubServer, hub_server
from tests.support.manifests import build_folder, write_manifest, write_source
from tests.support.requirements import installed


def pytest_configure(config: pytest.Config) -> None:
    """Caches of the tests stay in a folder of their own, and `datasets`, which reads this on import, asks nobody."""
    cache = tempfile.TemporaryDirectory(prefix="dmlkit-tests-")
    config.add_cleanup(cache.cleanup)
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": cache.name, "DMLKIT_HOME": f"{cache.name}/dmlkit"}


@pytest.fixture(scope="session")
def good_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder without a fault, one for all tests: copy it before you change it."""
    return build_folder(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="session")
def release_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An imported release with a test set for each scale."""
    from dmlkit.formats.dyml.importer import import_release
    from dmlkit.formats.dyml.records import ImportOptions

    where = tmp_path_factory.mktemp("animal")
    return import_release(write_release(where / "dyml_animal", ANIMAL), ImportOptions(where / "out", "rgb", 1)).out


@pytest.fixture(scope="session")
def one_set_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An imported release whose test is one set of images, each a query among the others."""
    from dmlkit.formats.dyml.importer import import_release
    from dmlkit.formats.dyml.records import ImportOptions

    where = tmp_path_factory.mktemp("product")
    return import_release(write_release(where / "dyml_product", PRODUCT), ImportOptions(where / "out", "rgb", 1)).out


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
    from dmlkit.errors import WordNetNotFound
    from dmlkit.taxonomy import wordnet

    try:
        wordnet.reader()
    except WordNetNotFound as exc:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(exc))


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
