"""The drawn products: they keep their finish, turn as solid things do, stand whole, and are the same everywhere."""

import hashlib
import itertools
import math
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from random import Random

import numpy as np
import pytest

from dmlkit.sample import scene
from dmlkit.sample.product import draw
from dmlkit.sample.product.finish import COLOURS, finish_of, phrase_in
from dmlkit.sample.product.item import Item
from dmlkit.sample.product.places import PLACES
from dmlkit.sample.product.stage import OVER, Camera, Stage, in_order
from dmlkit.schema.scales import SCALES
from dmlkit.sources import sample
from dmlkit.taxonomy import manifest
from dmlkit.taxonomy.manifest import FineClass, load_manifest

PRODUCTS = load_manifest("product").classes
SOME = sorted(PRODUCTS, key=lambda c: hashlib.sha256(c.fine_id.encode()).digest())[:80]
LAYOUTS = {m: [c for c in PRODUCTS if c.middle_id == m] for m in sorted({c.middle_id for c in PRODUCTS})}
FOLDER = manifest.find_manifest("product")


def named(fine, middle_id="vessel-mug", coarse_id="vessel"):
    return FineClass(f"{middle_id}-99", fine, middle_id, middle_id, coarse_id, coarse_id, "train", "")


def alone(c, yaw=-0.4, rise=0.3, size=(96, 96)):
    """The stage with nothing but the product, seen the same way whatever its class."""
    item = Item(finish_of(c.fine_id, c.fine), Random(1))
    draw.form_of(c.middle_id, c.coarse_id).build(item)
    item.shaped()
    camera = Camera(yaw, rise)
    camera.middle[1] = np.ptp(item.points()[:, 1]) / 2
    camera.scale, camera.x, camera.y = size[0] * 0.7, size[0], size[1]
    stage = Stage(*size, camera)
    draw.show(stage, item)
    return stage


def pixels(stage):
    return np.asarray(stage.image.reduce(OVER)).astype(float)


def red(stage):
    """Where the product is red."""
    at = pixels(stage)
    return (at[..., 0] > 150) & (at[..., 1] < 90) & (at[..., 2] < 90)


def box_of(c, index):
    """The corners of the product in shares of the image: left, top, right, bottom."""
    shot = draw.compose(c, scene.seeded("product", draw.VERSION, c.fine_id, index))
    at = shot.stage.camera.pixels(shot.item.points()) / shot.stage.full
    return (*at.min(axis=0), *at.max(axis=0))


def assert_whole(c, index):
    left, top, right, bottom = box_of(c, index)
    assert min(left, top) > 0.01, (c.fine, index)
    assert max(right, bottom) < 0.99, (c.fine, index)
    assert 0.3 < (left + right) / 2 < 0.7, (c.fine, index)
    assert 0.3 < (top + bottom) / 2 < 0.7, (c.fine, index)
    assert max(right - left, bottom - top) > 0.45, (c.fine, index)


def histogram(image):
    """The histogram of the colours in the middle of an image."""
    width, height = image.size
    middle = image.crop((width // 4, height // 4, width - width // 4, height - height // 4)).reduce(2)
    bins = np.asarray(middle).reshape(-1, 3).astype(int) // 32 @ (64, 8, 1)
    return np.bincount(bins, minlength=512) / len(bins)


def alike(pairs):
    return np.mean([np.minimum(a, b).sum() for a, b in pairs])


def test_each_scale_has_enough_classes():
    assert [len({c.id(scale) for c in PRODUCTS}) for scale in SCALES] >= [400, 40, 5]
    assert len({c.middle_id for c in PRODUCTS}) >= 44
    assert len({c.coarse_id for c in PRODUCTS}) >= 8
    assert min(len(classes) for classes in LAYOUTS.values()) >= 9


def test_ids_follow_family_form_and_finish():
    for c in PRODUCTS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-\d\d", c.fine_id)
        assert c.fine_id.startswith(f"{c.middle_id}-")
        assert c.middle_id.startswith(f"{c.coarse_id}-")
        assert c.fine.startswith(f"{c.middle}, ")
        steps = [step.split(":") for step in c.path.split(" > ")]
        assert steps == [[c.coarse_id, c.coarse], [c.middle_id, c.middle], [c.fine_id, c.fine]]


def test_names_and_ids_are_unique_across_scales():
    ids = {scale: {c.id(scale) for c in PRODUCTS} for scale in SCALES}
    names = {scale: {c.name(scale) for c in PRODUCTS} for scale in SCALES}
    for one, two in itertools.permutations(SCALES, 2):
        assert not ids[one] & ids[two]
        assert not names[one] & (names[two] | ids[two])
    for scale in SCALES:
        assert len(names[scale]) == len(ids[scale])


def test_test_forms_are_apart_from_training_forms():
    side = {m: {c.split for c in classes} for m, classes in LAYOUTS.items()}
    assert all(len(splits) == 1 for splits in side.values())
    test = {m for m, splits in side.items() if splits == {"test"}}
    assert 0.15 <= len(test) / len(side) <= 0.21
    assert len({m.split("-")[0] for m in test}) >= 6
    assert {c.coarse_id for c in PRODUCTS if c.split == "train"} == {c.coarse_id for c in PRODUCTS}


def test_every_form_has_its_drawing():
    assert set(LAYOUTS) == set(draw.FORMS)
    assert {place for form in draw.FORMS.values() for place in form.places} <= set(PLACES)


def test_table_is_what_its_generator_writes(tmp_path):
    shutil.copy(FOLDER / "make_classes.py", tmp_path)
    table = (FOLDER / "classes.tsv").read_bytes()

    def check():
        return subprocess.run([sys.executable, tmp_path / "make_classes.py", "--check"], check=False).returncode

    (tmp_path / "classes.tsv").write_bytes(table)
    assert check() == 0
    (tmp_path / "classes.tsv").write_bytes(table.replace(b"cobalt blue", b"navy blue", 1))
    assert check() == 1
    subprocess.run([sys.executable, tmp_path / "make_classes.py"], check=True)
    assert (tmp_path / "classes.tsv").read_bytes() == table


def test_every_word_of_a_name_is_drawn():
    for c in PRODUCTS:
        finish = finish_of(c.fine_id, c.fine)
        assert (finish.pattern != "plain") == (" with " in c.fine), c.fine
        assert phrase_in(c.fine.partition(",")[2].partition(" with ")[0], COLOURS), c.fine
        if " with " in c.fine:
            assert phrase_in(c.fine.partition(" with ")[2], COLOURS), c.fine
            assert sum(abs(a - b) for a, b in zip(finish.base, finish.accent, strict=True)) > 100, c.fine


def test_some_finishes_share_colour_or_pattern():
    for classes in LAYOUTS.values():
        finishes = [finish_of(c.fine_id, c.fine) for c in classes]
        assert max(Counter(f.base for f in finishes).values()) > 1
        assert max(Counter(f.pattern for f in finishes if f.pattern != "plain").values()) > 1
        assert len({f.base for f in finishes}) >= 4


def test_image_is_the_same_in_another_process():
    chosen = [*SOME[:5], *LAYOUTS["seat-sofa"][:1], *LAYOUTS["clock-alarm-clock"][:1]]
    code = (
        "import hashlib; from dmlkit.taxonomy.manifest import load_manifest; from dmlkit.sources import sample\n"
        f"chosen = {[c.fine_id for c in chosen]}\n"
        "for c in reversed(load_manifest('product').classes):\n"
        "    if c.fine_id in chosen:\n"
        "        print(c.fine_id, hashlib.sha256(sample.draw_jpeg('product', c, 3)).hexdigest())\n"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    here = {c.fine_id: hashlib.sha256(sample.draw_jpeg("product", c, 3)).hexdigest() for c in chosen}
    assert dict(line.split() for line in out.splitlines()) == here


def test_images_of_a_class_differ():
    for c in SOME[:4]:
        assert len({sample.draw_jpeg("product", c, index) for index in range(8)}) == 8


def test_each_form_draws_in_kept_sizes():
    for number, classes in enumerate(LAYOUTS.values()):
        c = classes[number % len(classes)]
        image = draw.draw(c, number % 8)
        assert image.mode == "RGB"
        assert min(image.size) >= 160
        assert np.asarray(image).std() > 12, f"{c.fine} is nearly one colour"


@pytest.mark.slow
def test_every_class_draws_without_warnings():
    for number, c in enumerate(PRODUCTS):
        assert draw.draw(c, number % 8).mode == "RGB"


def test_image_shows_product_near_the_middle():
    for c in SOME:
        for index in range(4):
            assert_whole(c, index)


@pytest.mark.slow
def test_every_image_shows_its_product():
    for c in PRODUCTS:
        for index in range(8):
            assert_whole(c, index)


def least_apart(forms):
    """What share of the image differs between two finishes of a form, for all pairs."""
    apart = {}
    for classes in forms:
        drawn = {c.fine: pixels(alone(c)) for c in classes}
        for one, two in itertools.combinations(drawn, 2):
            apart[one, two] = (np.abs(drawn[one] - drawn[two]).sum(axis=2) > 40).mean()
    return apart


def assert_apart(apart):
    assert min(apart.values()) > 0.004, f"drawn alike: {min(apart, key=apart.get)}"
    assert np.percentile(list(apart.values()), 2) > 0.02
    assert np.median(list(apart.values())) > 0.1


def test_finishes_of_a_form_look_different():
    assert_apart(least_apart(list(LAYOUTS.values())[::3]))


@pytest.mark.slow
def test_finishes_of_every_form_look_different():
    assert_apart(least_apart(LAYOUTS.values()))


def test_class_keeps_its_colours():
    own, others = [], []
    for classes in list(LAYOUTS.values())[::4]:
        drawn = [[histogram(draw.draw(c, index)) for index in range(3)] for c in classes[::3]]
        own.append(alike(pair for one in drawn for pair in itertools.combinations(one, 2)))
        others.append(alike((a, b) for one, two in itertools.combinations(drawn, 2) for a in one for b in two))
    assert np.mean(own) > 1.2 * np.mean(others)
    assert np.mean(np.array(own) > np.array(others)) > 0.8


def test_figure_on_a_mug_turns_with_it():
    across = [
        np.nonzero(red(alone(named("mug, matt white with a red heart"), yaw)))[1].mean() for yaw in (-0.6, 0, 0.6)
    ]
    assert across[0] + 8 < across[1] < across[2] - 8


def test_handle_is_hidden_behind_its_mug():
    def handle(yaw):
        return red(alone(named("mug, matt white with a red trim"), yaw, rise=0.05)).sum()

    before, beside, behind = handle(-math.pi / 2), handle(0), handle(math.pi / 2)
    assert behind < 0.5 * min(before, beside)


def test_rim_opens_with_camera_height():
    def inside(rise):
        c = named("bowl, matt white with a red trim", "vessel-bowl")
        return np.ptp(np.nonzero(red(alone(c, 0, rise)))[0])

    assert inside(0.1) < inside(0.35) < inside(0.6)


def test_things_behind_are_painted_first():
    c = LAYOUTS["seat-dining-chair"][0]
    item = Item(finish_of(c.fine_id, c.fine), Random(1))
    draw.FORMS[c.middle_id].build(item)
    middles = [np.concatenate([s.grid.reshape(-1, 3) for s in group]).mean(axis=0) for group in item.groups]
    back = max(range(len(middles)), key=lambda k: middles[k][1])
    order = in_order(item.groups, Camera(0.0, 0.2))
    assert sorted(order) == list(range(len(item.groups)))
    legs = [k for k, m in enumerate(middles) if m[1] < 0.6 and m[2] > 0]
    assert all(order.index(back) < order.index(leg) for leg in legs)
    order = in_order(item.groups, Camera(math.pi, 0.2))
    assert all(order.index(back) > order.index(leg) for leg in legs)


@pytest.mark.parametrize(
    "c",
    [
        named("unheard-of thing", "thing-unheard", "thing"),
        named("mug"),
        named("杯子"),
        named("sofa, plaid", "seat-settee", "seat"),
        named("lamp, transparent with purple rain", "lamp-new", "lamp"),
    ],
)
def test_unknown_class_is_drawn(c):
    assert draw.draw(c, 0).mode == "RGB"
    assert_whole(c, 0)
