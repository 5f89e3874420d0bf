"""Settings from files, and what is wrong with them."""

from dataclasses import replace

import pytest

from dmlkit.errors import UsageError
from dmlkit.training.recipes import make_settings
from dmlkit.training.train import TrainSettings


def test_small_recipe_has_the_defaults():
    assert make_settings() == make_settings("small") == make_settings("small.toml") == TrainSettings()


def test_other_models_take_the_resnet_recipe():
    settings = make_settings(model="resnet18", crop_px=112)
    assert settings == replace(make_settings("resnet.toml"), model="resnet18", crop_px=112)
    assert (settings.optimizer, settings.epochs, settings.embedding_dim) == ("sgd", 100, 512)


def test_chosen_settings_win_over_the_file(tmp_path):
    (tmp_path / "a.toml").write_text('loss = "csl+"\nlr = 1\nepochs = 3\n[loss_options]\nmargins = [0, 0.5, 1]\n')
    settings = make_settings(tmp_path / "a.toml", epochs=5)
    assert (settings.loss, settings.lr, settings.epochs) == ("csl+", 1.0, 5)
    assert settings.loss_options.margins == (0.0, 0.5, 1.0)
    assert settings.loss_options.proxy_start == "hierarchical"  # of csl+


@pytest.mark.parametrize(
    ("text", "setting", "near"),
    [
        ("epoch = 3", "epoch", "epochs"),
        ("[loss_options]\ngama = 3", "gama", "gamma"),
        ("[loss_option]\ngamma = 3", "loss_option", "loss_options"),
    ],
)
def test_unknown_setting_names_near_ones(tmp_path, text, setting, near):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        make_settings(tmp_path / "a.toml")
    assert (error.value.code, error.value.facts["setting"]) == ("training.unknown-setting", setting)
    assert near in error.value.facts["near"]


@pytest.mark.parametrize(
    "chosen",
    [
        {"epochs": "3"}, {"epochs": 2.5}, {"epochs": True}, {"amp": 1}, {"loss": 3}, {"loss_options": 3},
        {"loss_options": {"margins": "0.1"}}, {"loss_options": {"margins": [0.1, "a"]}},
        {"loss_options": {"scales": [1]}},
    ],
)  # fmt: skip
def test_wrong_types_are_named(chosen):
    with pytest.raises(UsageError) as error:
        make_settings(**chosen)
    assert error.value.code == "training.wrong-type"


@pytest.mark.parametrize(
    "chosen", [{"epochs": 0}, {"lr": -1.0}, {"lr": float("nan")}, {"holdout": 1.0}, {"crop_px": 0}]
)
def test_numbers_out_of_range_are_named(chosen):
    with pytest.raises(UsageError) as error:
        make_settings(**chosen)
    assert (error.value.code, error.value.facts["setting"]) == ("training.out-of-range", *chosen)


@pytest.mark.parametrize("content", [None, b"epochs = ", b"\xff\xfe"])
def test_unreadable_file_is_an_error(tmp_path, content):
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as error:
        make_settings(path)
    assert (error.value.code, error.value.facts["path"]) == ("training.config-unreadable", path)
