"""Losses and models of users: named as module:attribute, found again, and named when they fail."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dmlkit.errors import RunError, UsageError
from dmlkit.training import custom
from dmlkit.training.evaluate_run import EvaluateRunOptions, embed, evaluate_run
from dmlkit.training.losses import LossOptions, make_loss
from dmlkit.training.model import make_model
from dmlkit.training.recipes import make_settings
from dmlkit.training.train import train
from tests.support.dots import ONE_THREAD, build_dots, of_run, settings

torch.set_num_threads(1)
DOCS = Path(__file__).parents[2] / "docs" / "training.md"
TABLE = torch.tensor([[0, 0, 0], [1, 1, 0]])


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """The working directory of a user: writes a module there, and forgets it after the test."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text: str, name: str = "own_code") -> str:
        sys.modules.pop(name, None)
        (folder / f"{name}.py").write_text(text)
        return name

    yield write
    for name in ("own_code", "my_module"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> str:
    return build_dots(tmp_path_factory.mktemp("dots"))


def test_the_example_of_the_docs_trains(dataset, tmp_path, own_module):
    section = DOCS.read_text(encoding="utf-8").partition("## Your own loss, your own backbone")[2]
    code = re.search(r"```python\n(# my_module\.py.*?)```", section, re.S)[1]
    own_module(code, "my_module")
    chosen = settings(loss="my_module:MyLoss", model="my_module:make_model", epochs=2)
    train(dataset, chosen, tmp_path / "run", replace(ONE_THREAD, stop_after=1))
    sys.modules.pop("my_module")  # as another process would, resume and evaluate import it anew
    facts = train(dataset, chosen, tmp_path / "run", ONE_THREAD)
    assert facts["finished"]
    written = of_run(tmp_path / "run")["settings"]
    assert (written["loss"], written["model"]) == ("my_module:MyLoss", "my_module:make_model")
    metrics = evaluate_run(tmp_path / "run", dataset, EvaluateRunOptions(device="cpu"))
    assert metrics["fine"]["mAP"] == pytest.approx(facts["metrics"]["fine"]["mAP"])
    _, vectors = embed(tmp_path / "run", dataset)
    assert abs((vectors**2).sum(axis=1) - 1).max() < 1e-5


def test_classes_are_named_from_python(own_module, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "own")
    own_module("import torch\nclass MyLoss(torch.nn.Module):\n    pass\ndef make_model(dim):\n    pass\n")
    import own_code

    chosen = make_settings(loss=own_code.MyLoss, model=own_code.make_model)
    assert (chosen.loss, chosen.model) == ("own_code:MyLoss", "own_code:make_model")


def test_local_class_cannot_be_named():
    class MyLoss(torch.nn.Module):
        pass

    with pytest.raises(UsageError) as error:
        make_settings(loss=MyLoss)
    assert error.value.code == "training.custom-no-attribute"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nowhere_at_all:MyLoss", "training.custom-no-module"),
        ("own_code:Mylos", "training.custom-no-attribute"),
        ("own_code:number", "training.custom-no-attribute"),
        ("own_code:", "training.custom-name"),
        (":MyLoss", "training.custom-name"),
        ("os:system", "training.custom-name"),
        ("shutil:rmtree", "training.custom-name"),
        ("own_code:returns_text", "training.custom-type"),
    ],
)
def test_bad_names_are_refused(own_module, name, code):
    own_module("number = 1\nclass MyLoss: pass\ndef returns_text(*args): return 'loss'\n")
    with pytest.raises(UsageError) as error:
        make_loss(name, TABLE, 8, LossOptions())
    assert (error.value.code, error.value.facts["name"]) == (code, name)
    if name == "own_code:Mylos":
        assert "MyLoss" in error.value.hint


@pytest.mark.parametrize(
    "text", ["1 / 0", "import nothing_like_it", "class MyLoss:\n    def __init__(self): pass\n", "x ="]
)
def test_code_that_raises_is_named(own_module, text):
    own_module(text)
    with pytest.raises(RunError) as error:
        make_loss("own_code:MyLoss", TABLE, 8, LossOptions())
    assert (error.value.code, error.value.facts["name"]) == ("training.custom-failed", "own_code:MyLoss")


LOSS = """
import torch
class MyLoss(torch.nn.Module):
    def __init__(self, classes, embedding_dim):
        super().__init__()
    def forward(self, embeddings, labels):
        return {}
"""


@pytest.mark.parametrize("value", ["embeddings.sum(dim=1)", "3.0", "torch.tensor(1.0)", "None"])
def test_loss_must_return_a_scalar_with_gradient(own_module, value):
    own_module(LOSS.format(value))
    loss = make_loss("own_code:MyLoss", TABLE, 8, LossOptions())
    with pytest.raises(RunError) as error:
        loss(torch.randn(4, 8, requires_grad=True), TABLE[[0, 1, 0, 1]])
    assert error.value.code == "training.custom-output"


def test_loss_that_raises_is_named(own_module):
    own_module(LOSS.format("embeddings @ labels"))
    loss = make_loss("own_code:MyLoss", TABLE, 8, LossOptions())
    with pytest.raises(RunError) as error:
        loss(torch.randn(4, 8, requires_grad=True), TABLE[[0, 1, 0, 1]])
    assert error.value.code == "training.custom-failed"
    assert "own_code.py, line 7" in error.value.hint


MODEL = """
import torch
class Net(torch.nn.Module):
    def __init__(self, embedding_dim):
        super().__init__()
        self.head = torch.nn.Linear(3, embedding_dim)
    def forward(self, x):
        return {}
"""


@pytest.mark.parametrize("value", ["x", "self.head(x.mean((2, 3)))[:, :2]", "self.head(x.mean((2, 3)))[:1]", "None"])
def test_model_must_return_one_row_per_image(own_module, value):
    own_module(MODEL.format(value))
    net = make_model("own_code:Net", 8, "average")
    with pytest.raises(RunError) as error:
        net(torch.randn(4, 3, 16, 16))
    assert error.value.code == "training.custom-output"


def test_model_that_raises_is_named(own_module):
    own_module(MODEL.format("self.head(x)"))
    with pytest.raises(RunError) as error:
        make_model("own_code:Net", 8, "average")(torch.randn(4, 3, 16, 16))
    assert error.value.code == "training.custom-failed"


def test_progress_reaches_the_loss(own_module):
    own_module(LOSS.format("embeddings.sum() * self.progress"))
    loss = make_loss("own_code:MyLoss", TABLE, 8, LossOptions())
    loss.progress = 0.5
    x = torch.ones(2, 8, requires_grad=True)
    assert loss(x, TABLE).item() == 8


def test_files_of_the_folder_hide_no_packages(own_module):
    own_module("", "own_code")
    custom_path = custom.load_custom("dmlkit.training.custom:load_custom")
    assert custom_path is custom.load_custom
    assert sys.path[0] != str(Path.cwd())
