"""The embedded sample: drawn images that show their animal, keep its looks, and are the same on every machine."""

import hashlib
import itertools
import os
import subprocess
import sys
from random import Random

import numpy as np
import pytest
from datasets import load_dataset

from dmlkit import sample as drawing
from dmlkit.errors import UsageError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sample import scene
from dmlkit.sample.animal import draw
from dmlkit.sample.animal.figure import Figure
from dmlkit.sample.canvas import OVER, Canvas
from dmlkit.sources import sample
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy.manifest import FineClass, load_manifest
from tests.support.errors import raises
from tests.support.manifests import CLASSES, TOML, write_manifest

ANIMALS = load_manifest("animal").classes
SOME = sorted(ANIMALS, key=lambda c: hashlib.sha256(c.fine_id.encode()).digest())[:60]
MIDDLES = {middle: [c for c in ANIMALS if c.middle == middle] for middle in sorted({c.middle for c in ANIMALS})}
DRAWN = TOML.replace('default = "imagenet-21k"', 'default = "sample"') + '[sample]\ndrawing = "animal"\nper_class = 4\n'


def named(fine, middle_id, coarse):
    return FineClass("n01234567", fine, middle_id, "middle", "n07654321", coarse, "train", "")


def composed(c, index):
    """The corners of everything that is painted of the animal, in shares of the image: left, top, right, bottom."""
    shot = draw.compose(c, scene.seeded(draw.VERSION, c.fine_id, index))
    outlines = [o for p in shot.figure.paints if p.extent for o in (*p.outlines, *p.limbs)]
    at = shot.canvas.pixels(np.concatenate(outlines)) / OVER / (shot.canvas.width, shot.canvas.height)
    return (*at.min(axis=0), *at.max(axis=0))


def share_inside(box, frame=(0.0, 0.0, 1.0, 1.0)):
    """How much of a box lies in a frame."""
    sides = [max(0.0, min(box[k + 2], frame[k + 2]) - max(box[k], frame[k])) for k in (0, 1)]
    return sides[0] * sides[1] / ((box[2] - box[0]) * (box[3] - box[1]))


def assert_shown(c, index):
    box = composed(c, index)
    assert share_inside(box) > 0.95, (c.fine, index, box)
    # What a thumbnail or a centre crop leaves of it.
    assert share_inside(box, (0.15, 0.15, 0.85, 0.85)) > 0.5, (c.fine, index, box)
    assert (box[2] - box[0]) * (box[3] - box[1]) > 0.1, (c.fine, index, box)


def colours(image):
    """The histogram of the colours in the middle of an image."""
    width, height = image.size
    middle = image.crop((width // 5, height // 5, width - width // 5, height - height // 5)).reduce(2)
    bins = np.asarray(middle).reshape(-1, 3).astype(int) // 32 @ (64, 8, 1)
    return np.bincount(bins, minlength=512) / len(bins)


def alike(pairs):
    return np.mean([np.minimum(a, b).sum() for a, b in pairs])


def test_image_is_the_same_in_another_process():
    chosen = SOME[:5]
    code = (
        "import hashlib; from dmlkit.taxonomy.manifest import load_manifest; from dmlkit.sources import sample\n"
        f"chosen = {[c.fine_id for c in chosen]}\n"
        "for c in reversed(load_manifest('animal').classes):\n"
        "    if c.fine_id in chosen:\n"
        "        print(c.fine_id, hashlib.sha256(sample.draw_jpeg('animal', c, 3)).hexdigest())\n"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    here = {c.fine_id: hashlib.sha256(sample.draw_jpeg("animal", c, 3)).hexdigest() for c in chosen}
    assert dict(line.split() for line in out.splitlines()) == here


def test_images_of_a_class_differ():
    for c in SOME[:4]:
        assert len({sample.draw_jpeg("animal", c, index) for index in range(8)}) == 8


def test_some_classes_draw_in_kept_sizes():
    for c in SOME:
        image = draw.draw(c, 5)
        assert image.mode == "RGB"
        assert min(image.size) >= 160
        assert np.asarray(image).std() > 12, f"{c.fine} is nearly one colour"


@pytest.mark.slow
def test_every_class_draws_without_warnings():
    for c in ANIMALS:
        assert draw.draw(c, 1).mode == "RGB"


def test_image_shows_animal_near_the_middle():
    for c in SOME:
        for index in range(8):
            assert_shown(c, index)


@pytest.mark.slow
def test_every_image_shows_its_animal():
    for c in ANIMALS:
        for index in range(8):
            assert_shown(c, index)


def alone(c):
    """A small image of the animal on black, in the same pose for every class of one plan."""
    look = draw.look(c.fine_id, c.fine, c.middle_id, c.coarse)
    figure = Figure(look, Random(1), look.places[0])
    draw.PLANS[look.plan](figure)
    left, top, right, bottom = figure.bounds()
    scale = min(90 / (right - left), 66 / (bottom - top))
    canvas = Canvas(96, 72)
    canvas.place(48 - scale * (left + right) / 2, 36 - scale * (top + bottom) / 2, scale)
    figure.draw(canvas)
    return np.asarray(canvas.image.reduce(4)).astype(float)


def test_siblings_look_different():
    apart = {}
    for classes in MIDDLES.values():
        drawn = {c.fine: alone(c) for c in classes}
        for one, two in itertools.combinations(drawn, 2):
            apart[one, two] = np.abs(drawn[one] - drawn[two]).mean()
    assert min(apart.values()) > 1, f"drawn alike: {min(apart, key=apart.get)}"
    assert np.percentile(list(apart.values()), 1) > 3
    assert np.median(list(apart.values())) > 10


def test_class_keeps_its_colours():
    own, others = [], []
    for classes in MIDDLES.values():
        drawn = [[colours(draw.draw(c, index)) for index in range(3)] for c in classes[:3]]
        own.append(alike(pair for one in drawn for pair in itertools.combinations(one, 2)))
        others.append(alike((a, b) for one, two in itertools.combinations(drawn, 2) for a in one for b in two))
    assert np.mean(own) > 1.25 * np.mean(others)
    assert np.mean(np.array(own) > np.array(others)) > 0.8


@pytest.mark.parametrize(
    "c",
    [
        named("zorilla", "n99999999", "mammal"),
        named("Unheard-of shrike", "n99999999", "bird"),
        named("blue thing", "n99999999", "plant"),
        named("喜鵲", "n01726692", "reptile"),
        named("x", "n02374149", "mammal"),
    ],
)
def test_unknown_class_is_drawn(c):
    assert draw.draw(c, 0).mode == "RGB"
    assert_shown(c, 0)


def test_words_of_a_name_colour_their_animal():
    def base(fine):
        c = next(c for c in ANIMALS if c.fine == fine)
        return draw.look(c.fine_id, c.fine, c.middle_id, c.coarse).base

    assert max(base("American black bear")) < 70
    assert min(base("polar bear")) > 180
    # A tiger is orange, a tiger shark is not.
    assert base("tiger")[0] > base("tiger")[2] + 90
    assert abs(base("tiger shark")[0] - base("tiger shark")[2]) < 40


def test_animals_appear_only_where_they_live():
    def places(fine):
        c = next(c for c in ANIMALS if c.fine == fine)
        return set(draw.look(c.fine_id, c.fine, c.middle_id, c.coarse).places)

    assert places("green sea turtle") <= scene.WATER
    assert not places("gopher tortoise") & (scene.WATER | scene.PONDS)
    for c in ANIMALS:
        under = places(c.fine) & scene.WATER
        assert bool(under) == (c.coarse == "fish") or c.coarse in ("reptile", "amphibian"), (c.fine, under)


def test_rows_and_card_state_drawn_images(tmp_path):
    tiny = load_manifest(str(write_manifest(tmp_path / "tiny", toml=DRAWN)))
    build(tiny, BuildOptions("sample", tmp_path / "out", jobs=1))
    loaded = load_dataset(str(tmp_path / "out"))
    rows = [row for split in loaded.values() for row in split.remove_columns("image")]
    assert len(rows) == 4 * len(CLASSES)
    assert {(row["source"], row["license"], row["author"]) for row in rows} == {("sample", "CC0-1.0", "")}
    assert all(row["image_id"].startswith(f"sample/{row['upstream_label']}_") for row in rows)
    assert "drawn" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_limit_caps_images_of_a_class(tmp_path):
    tiny = load_manifest(str(write_manifest(tmp_path / "tiny", toml=DRAWN)))
    units = load_source("sample").plan(PlanRequest(tiny, None, tmp_path, limit=2))
    assert [len(list(load_source("sample").read(unit))) for unit in units] == [2] * len(CLASSES)


def test_sample_refuses_from(tmp_path):
    tiny = load_manifest(str(write_manifest(tmp_path / "tiny", toml=DRAWN)))
    with raises(UsageError, "usage.path-not-read", path=tmp_path):
        build(tiny, BuildOptions("sample", tmp_path / "out", path=tmp_path))
    assert not (tmp_path / "out").exists()


def test_unknown_drawing_names_the_known_ones(tmp_path):
    tiny = load_manifest(
        str(write_manifest(tmp_path / "tiny", toml=DRAWN.replace('drawing = "animal"', 'drawing = "plant"')))
    )
    with raises(UsageError, "usage.unknown-drawing", name="plant") as error:
        load_source("sample").plan(PlanRequest(tiny, None, tmp_path))
    assert "animal" in error.value.hint
    for draw_anything in (drawing.version, lambda domain: drawing.draw(domain, tiny.classes[0], 0)):
        with pytest.raises(ValueError, match="unknown domain"):
            draw_anything("")


def test_manifest_without_drawing_is_refused(tmp_path):
    tiny = load_manifest(str(write_manifest(tmp_path / "tiny")))
    with raises(UsageError, "usage.no-sample", manifest="tiny") as error:
        load_source("sample").plan(PlanRequest(tiny, None, tmp_path))
    assert "[sample]" in error.value.hint
