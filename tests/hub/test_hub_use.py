"""Commands that take USER/NAME: training and evaluating from the hub, and a dataset without its images."""

import json
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset

from dmlkit.cli.evaluate import evaluate
from dmlkit.cli.inspect import validate
from dmlkit.cli.train import train
from dmlkit.errors import DatasetError, NoImagesError, UsageError
from dmlkit.formats import oml
from dmlkit.hub.content import PushOptions
from dmlkit.hub.push import push_dataset
from tests.support import hub_client
from tests.support.dots import build_dots
from tests.support.errors import raises

REPO = "me/dots"
SMALL = ("--epochs", "1", "--crop-px", "24", "--batch-size", "16", "--threads", "1", "--json")
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, against its own


@pytest.fixture(scope="module")
def dots(tmp_path_factory):
    return Path(build_dots(tmp_path_factory.mktemp("dots")))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DMLKIT_HOME", str(tmp_path / "home"))


def run(command, *args):
    return command.main([*map(str, args)], standalone_mode=False)


def test_private_dataset_trains_like_its_folder(hub, dots, tmp_path, capsys, monkeypatch):
    push_dataset(dots, PushOptions(REPO, private=True, with_images=True))
    revision = ("--revision", "v1.0.0")
    assert run(train, REPO, *SMALL, *revision, "--out", tmp_path / "run") == 0
    trained = json.loads(capsys.readouterr().out)
    assert run(train, dots, *SMALL, "--out", tmp_path / "local") == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == trained["metrics"]
    assert run(evaluate, tmp_path / "run", REPO, "--json") == 0
    assert json.loads(capsys.readouterr().out)["fine"]["mAP"] == pytest.approx(trained["metrics"]["fine"]["mAP"])
    with raises(UsageError, "evaluation.no-revision"):
        run(evaluate, tmp_path / "run", REPO, "--revision", "v9.9.9")
    hub_client.log_in(monkeypatch, None)
    with raises(DatasetError, "evaluation.unreadable-labels"):
        run(evaluate, tmp_path / "run", REPO)


def test_dataset_without_images_says_how_to_build(hub, dots, tmp_path, capsys):
    from huggingface_hub import snapshot_download

    push_dataset(dots, PushOptions(REPO))
    with raises(NoImagesError, "dataset.no-images") as error:
        run(train, REPO, *SMALL, "--out", tmp_path / "run")
    assert f"dmlkit build --from-hub {REPO} --from DIR" in error.value.hint
    folder = Path(snapshot_download(REPO, repo_type="dataset", local_dir=tmp_path / "ids"))
    for command in (
        lambda: run(train, folder, *SMALL),
        lambda: run(validate, folder),
        lambda: oml.export_oml(folder, tmp_path),
    ):
        with raises(NoImagesError, "dataset.no-images"):
            command()
    # Embeddings of one's own need no images here.
    ids = [i for split in ("query", "gallery") for i in load_dataset(REPO, split=split)["image_id"]]
    embeddings = np.random.default_rng(0).standard_normal((len(ids), 4)).astype("float32")
    np.savez(tmp_path / "own.npz", embeddings=embeddings, ids=np.array(ids))
    assert run(evaluate, tmp_path / "own.npz", REPO, "--json") == 0
    assert 0 < json.loads(capsys.readouterr().out)["fine"]["mAP"] < 1
