"""Whether a release has red and blue swapped is measured, said, and mended only where it is clear."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from dmlkit.dataset.validate import validate
from dmlkit.formats.dyml import channels
from tests.support.dyml_release import PRODUCT, imported, landscape, rows_of, write_release
from tests.support.faults import sha256
from tests.support.images import make_image


@pytest.fixture(scope="module")
def outdoors(tmp_path_factory):
    """Two releases of landscapes, as light makes them and with red and blue swapped."""
    where = tmp_path_factory.mktemp("outdoors")
    lists = {
        "train": [(n, (0, n % 2, n % 4)) for n in range(40)],
        "mini-bmk_all_in_one": PRODUCT["mini-bmk_all_in_one"],
    }
    for name, swapped in (("rgb", False), ("bgr", True)):
        write_release(where / name / "dyml_product", lists, draw=lambda seed, s=swapped: landscape(seed, s))
    return where


def test_upright_channels_keep_their_bytes(outdoors, tmp_path):
    result = imported(outdoors / "rgb" / "dyml_product", tmp_path / "out")
    assert result.channels["decided"] == "rgb"
    assert result.channels["swapped"] == 0
    assert rows_of(tmp_path / "out", "data/train")["dyml-product/train/3"]["image"]["bytes"] == landscape(3)


def test_swapped_channels_are_swapped_back(outdoors, tmp_path):
    result = imported(outdoors / "bgr" / "dyml_product", tmp_path / "out")
    assert result.channels["decided"] == "bgr"
    assert result.channels["swapped"] == 46
    row = rows_of(tmp_path / "out", "data/train")["dyml-product/train/3"]
    stored, true = (np.asarray(Image.open(io.BytesIO(data)), float) for data in (row["image"]["bytes"], landscape(3)))
    assert np.abs(stored - true).mean() < 4
    assert row["sha256"] == sha256(row["image"]["bytes"])
    facts = json.loads((tmp_path / "out" / "build.json").read_text())
    assert facts["resizing"] == channels.RECODING
    assert facts["release"]["channels"]["measure"]["images"] == 40
    assert "46 images were encoded again" in (tmp_path / "out" / "README.md").read_text()
    assert validate(tmp_path / "out") == []


@pytest.mark.parametrize(("asked", "swapped"), [("rgb", 0), ("bgr", 46)])
def test_channels_option_is_not_measured(outdoors, tmp_path, asked, swapped):
    result = imported(outdoors / "bgr" / "dyml_product", tmp_path / "out", channels=asked)
    assert result.channels == {"asked": asked, "decided": asked, "by": "--channels", "swapped": swapped}


def test_undecided_channels_keep_their_bytes(tmp_path):
    result = imported(write_release(tmp_path / "dyml_animal"), tmp_path / "out")
    assert result.channels["decided"] == "undecided"
    assert rows_of(tmp_path / "out", "data/train")["dyml-animal/train/3"]["image"]["bytes"] == make_image(3)
    assert "was not decided" in (tmp_path / "out" / "README.md").read_text()


def test_images_without_colour_leave_it_undecided(tmp_path):
    release = write_release(tmp_path / "dyml_animal", draw=lambda seed: make_image(seed, mode="L"))
    assert imported(release, tmp_path / "out").channels["decided"] == "undecided"


def test_swap_inverts_every_vote():
    for seed in range(12):
        right, swapped = (
            channels.channel_votes(landscape(seed)),
            channels.channel_votes(channels.swap_red_blue(landscape(seed))),
        )
        assert right == tuple(-vote for vote in swapped)
    grey = make_image(1, mode="L")
    assert channels.swap_red_blue(grey) is grey
    assert channels.channel_votes(grey) == (0, 0)


@pytest.mark.parametrize(
    ("height", "strong", "decision"),
    [
        ((90, 10), (70, 5), "rgb"),
        ((10, 90), (5, 70), "bgr"),
        ((90, 10), (20, 20), "rgb"),
        ((90, 10), (5, 70), "undecided"),
        ((8, 2), (9, 0), "undecided"),
        ((560, 440), (0, 0), "undecided"),
        ((0, 0), (0, 0), "undecided"),
    ],
)
def test_decision_needs_agreeing_witnesses(height, strong, decision):
    measure = channels.Measure(100, channels.Witness(*height), channels.Witness(*strong))
    assert measure.decision == decision
