"""The drawn vehicles: whole in the image, known by their model and their marks, and the same on every machine."""

import hashlib
import importlib.util
import itertools
import math
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dmlkit.sample import scene
from dmlkit.sample.canvas import OVER, Canvas
from dmlkit.sample.vehicle import draw, identities, marks
from dmlkit.sample.vehicle.body import PLATE, Body, Identity
from dmlkit.sample.vehicle.solid import Bundle
from dmlkit.sample.vehicle.studio import Camera, Lighting, Studio
from dmlkit.sources import sample
from dmlkit.taxonomy import manifest
from dmlkit.taxonomy.manifest import FineClass, Manifest

FOLDER = manifest.shipped_folder() / "vehicle"
VEHICLES = [FineClass(**row) for row in manifest.read_rows(FOLDER / "classes.tsv", FineClass)]
SOME = sorted(VEHICLES, key=lambda c: hashlib.sha256(c.fine_id.encode()).digest())[:60]
MODELS = sorted({c.middle_id for c in VEHICLES})
KINDS = sorted(draw.MODELS)


def of_model(middle_id):
    return [c for c in VEHICLES if c.middle_id == middle_id]


def generator():
    spec = importlib.util.spec_from_file_location("make_classes", FOLDER / "make_classes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bundle_of(c):
    return draw.vehicle(c.fine_id, c.middle_id, c.coarse).bundle


def made(model, identity):
    body = Body(model, identity, dress=marks.dress)
    kind = next(k for k, models in draw.MODELS.items() if model in models)
    draw.BUILDS[kind](body)
    marks.furnish(body)
    return Bundle(body.finish())


def camera_at(bundle, azimuth, size, metre=None):
    """A camera that has the vehicle in the middle of an image of this size, as large as fits or in a given scale."""
    width, tall = size[0] * OVER, size[1] * OVER
    camera = Camera(azimuth, 0.1, 25.0, (0.0, 0.0, 1.0))
    at = camera.project(bundle.cloud)
    (left, top), (right, bottom) = at.min(axis=0), at.max(axis=0)
    camera.scale = metre or 0.9 * min(width / (right - left), tall / (bottom - top))
    camera.x = width / 2 - camera.scale * (left + right) / 2
    camera.y = tall / 2 - camera.scale * (top + bottom) / 2
    return camera


def alone(bundle, azimuth, size=(240, 180), metre=None):
    """A vehicle on plain grey from one side: the image, and where something of the vehicle is."""
    camera = camera_at(bundle, azimuth, size, metre)
    canvas = Canvas(*size)
    width, tall = canvas.full
    direction = np.array([math.cos(azimuth), math.sin(azimuth), 1.0]) / math.sqrt(2)
    studio = Studio(canvas, camera, Lighting(direction))
    canvas.pen.rectangle((0, 0, width, tall), fill=(128, 128, 128))
    studio.paint(bundle)
    where = np.asarray(studio.light)[..., 2] > 0
    return np.asarray(studio.finish(scene.seeded("alone"), 0.0)).astype(float), where


def apart(one, two, azimuth=0.8):
    """How far two vehicles differ in the image of their three-quarter front."""
    return np.abs(alone(one, azimuth)[0] - alone(two, azimuth)[0]).mean()


# The table of classes


def test_table_is_what_its_generator_writes(tmp_path, monkeypatch):
    made_by = generator()
    assert made_by.table() == (FOLDER / "classes.tsv").read_text(encoding="utf-8")
    changed = tmp_path / "classes.tsv"
    changed.write_text(made_by.table().replace("Corvane S4, ", "Corvane S5, ", 1), encoding="utf-8")
    monkeypatch.setattr(made_by, "TABLE", changed)
    monkeypatch.setattr(sys, "argv", ["make_classes.py", "--check"])
    assert made_by.main() == 1
    monkeypatch.setattr(sys, "argv", ["make_classes.py"])
    assert made_by.main() == 0
    assert changed.read_text(encoding="utf-8") == made_by.table()


def test_table_and_exclusions_have_no_faults():
    excluded = manifest.read_rows(FOLDER / "excluded.tsv", manifest.Exclusion)
    assert excluded == []
    settings = {"name": "vehicle", "version": "1.0.0", "title": "Vehicles"}
    assert manifest.find_faults(Manifest(FOLDER, settings, tuple(VEHICLES), ())) == []


def test_each_scale_has_enough_classes():
    assert len({c.coarse for c in VEHICLES}) == 6
    assert len(MODELS) >= 48
    assert len(VEHICLES) >= 430
    assert min(Counter(c.middle_id for c in VEHICLES).values()) >= 8


def test_only_buses_are_test_only():
    for kind in KINDS:
        sides = {c.middle_id: c.split for c in VEHICLES if c.coarse_id == kind}
        share = sum(side == "test" for side in sides.values()) / len(sides)
        assert share == 1 if kind == "bus" else 0.15 < share < 0.3, (kind, share)


def test_model_is_on_one_side_of_the_split():
    for middle_id in MODELS:
        assert len({c.split for c in of_model(middle_id)}) == 1


def test_ids_and_names_are_well_formed():
    for c in VEHICLES:
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+-\d\d", c.fine_id)
        assert c.fine_id.startswith(f"{c.middle_id}-")
        assert c.middle_id.startswith(f"{c.coarse_id}-")
        assert c.fine.startswith(f"{c.middle}, ")
        assert " > " not in c.fine
        assert c.path == f"{c.coarse_id}:{c.coarse} > {c.middle_id}:{c.middle} > {c.fine_id}:{c.fine}"


def test_name_states_the_painted_colour():
    for c in VEHICLES:
        *_, identity = draw.facts(c.fine_id, c.middle_id, c.coarse)
        assert c.fine.split(", ")[1] == identity.paint
        assert identity.body == identities.PAINTS[identity.paint]


# The images


def test_image_is_the_same_in_another_process():
    chosen = SOME[:5]
    code = (
        "import hashlib; from dmlkit.taxonomy import manifest; from dmlkit.taxonomy.manifest import FineClass\n"
        "from dmlkit.sources import sample\n"
        "rows = manifest.read_rows(manifest.shipped_folder() / 'vehicle' / 'classes.tsv', FineClass)\n"
        f"chosen = {[c.fine_id for c in chosen]}\n"
        "for c in reversed([FineClass(**r) for r in rows]):\n"
        "    if c.fine_id in chosen:\n"
        "        for index in (6, 3):\n"
        "            print(c.fine_id, index, hashlib.sha256(sample.draw_jpeg('vehicle', c, index)).hexdigest())\n"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    here = {
        f"{c.fine_id} {index} {hashlib.sha256(sample.draw_jpeg('vehicle', c, index)).hexdigest()}"
        for c in chosen
        for index in (3, 6)
    }
    assert set(out.splitlines()) == here


def test_images_of_a_vehicle_differ():
    for c in SOME[:4]:
        assert len({sample.draw_jpeg("vehicle", c, index) for index in range(8)}) == 8


def assert_drawn(c, index):
    image = draw.draw(c, index)
    assert image.mode == "RGB"
    assert min(image.size) >= 160
    assert np.asarray(image).std() > 12, f"{c.fine} is nearly one colour"


def test_some_vehicles_draw_in_kept_sizes():
    for c in SOME:
        assert_drawn(c, 5)


@pytest.mark.slow
def test_every_vehicle_draws_without_warnings():
    for c in VEHICLES:
        assert_drawn(c, 1)


def assert_shown(c, index):
    """The vehicle is whole in the image, not small, and about its middle."""
    shot = draw.compose(c, scene.seeded(draw.VERSION, c.fine_id, index))
    left, top, right, bottom = shot.bounds()
    assert min(left, top) > 0, (c.fine, index)
    assert max(right, bottom) < 1, (c.fine, index)
    assert max(right - left, bottom - top) > 0.6, (c.fine, index)
    assert abs((left + right) / 2 - 0.5) < 0.15, (c.fine, index)
    assert abs((top + bottom) / 2 - 0.5) < 0.2, (c.fine, index)
    return shot


def test_image_shows_vehicle_near_the_middle():
    for c in SOME:
        for index in range(8):
            assert_shown(c, index)


@pytest.mark.slow
def test_every_image_shows_its_vehicle():
    for c in VEHICLES:
        for index in range(8):
            assert_shown(c, index)


def test_vehicle_is_painted_inside_its_bounds():
    for c in SOME[:30]:
        shot = assert_shown(c, 2)
        shot.studio.paint(shot.vehicle.bundle)
        rows, columns = np.nonzero(np.asarray(shot.studio.light)[..., 2])
        width, height = shot.studio.canvas.width, shot.studio.canvas.height
        left, top, right, bottom = shot.bounds()
        assert columns.min() >= left * width - 2
        assert columns.max() <= right * width + 2
        assert rows.min() >= top * height - 2
        assert rows.max() <= bottom * height + 2
        # Wheels reach the ground, and nothing else is lower.
        lowest = shot.vehicle.bundle.cloud[:, 2].min()
        assert -0.02 < lowest < 0.02, c.fine


def test_vehicle_has_no_holes():
    """What is inside the outline of a side view is painted: no gap shows the ground through body or cab."""
    for middle_id in MODELS:
        c = of_model(middle_id)[0]
        _, where = alone(bundle_of(c), math.pi / 2)
        share = where[where.any(axis=1)][:, where.any(axis=0)].mean()
        assert share > 0.4, (c.fine, share)


# What tells vehicles apart


def assert_siblings_differ(middle_id):
    drawn = {c.fine: alone(bundle_of(c), 0.8)[0] for c in of_model(middle_id)}
    for one, two in itertools.combinations(drawn, 2):
        assert np.abs(drawn[one] - drawn[two]).mean() > 0.6, f"{one} looks like {two}"


def test_vehicles_of_a_model_look_different():
    for middle_id in {c.middle_id for c in SOME[:12]}:
        assert_siblings_differ(middle_id)


@pytest.mark.slow
def test_vehicles_of_every_model_look_different():
    for middle_id in MODELS:
        assert_siblings_differ(middle_id)


def test_no_two_vehicles_share_colour_and_marks():
    for middle_id in MODELS:
        kind, model = draw.by_id()[middle_id]
        those = identities.identities(middle_id, kind, model)
        assert 4 <= len({i.paint for i in those}) < len(those)
        assert len({(i.paint, i.words) for i in those}) == len(those)


def test_models_painted_alike_differ_in_shape():
    grey = Identity("grey", identities.PAINTS["grey"])
    for kind in KINDS:
        bundles = {m.name: made(m, grey) for m in draw.MODELS[kind]}
        sides = {name: alone(bundle, math.pi / 2, metre=900)[1] for name, bundle in bundles.items()}
        faces = {name: alone(bundle, 0.0)[0] for name, bundle in bundles.items()}
        for one, two in itertools.combinations(bundles, 2):
            outline = (sides[one] != sides[two]).mean() / np.mean([sides[one].mean(), sides[two].mean()])
            face = np.abs(faces[one] - faces[two]).mean()
            assert outline > 0.02, f"{one} has the outline of {two}"
            assert face > 4, f"{one} has the face of {two}"


def test_model_keeps_its_outline_in_every_colour():
    for middle_id in ("sedan-corvane-s4", "bus-urbella-12"):
        _, model = draw.by_id()[middle_id]
        red, blue = (made(model, Identity(p, identities.PAINTS[p])) for p in ("red", "blue"))
        assert (alone(red, 0.8)[1] == alone(blue, 0.8)[1]).all()


def colours(image):
    """The histogram of the colours in the middle of an image."""
    width, height = image.size
    middle = image.crop((width // 5, height // 5, width - width // 5, height - height // 5)).reduce(2)
    bins = np.asarray(middle.convert("HSV")).reshape(-1, 3).astype(int) // (16, 64, 64) @ (16, 4, 1)
    return np.bincount(bins, minlength=512) / len(bins)


def test_vehicle_keeps_its_colours():
    own, others = [], []
    for middle_id in MODELS[::5]:
        drawn = [[colours(draw.draw(c, index)) for index in range(4)] for c in of_model(middle_id)[:4]]
        own += [np.minimum(a, b).sum() for one in drawn for a, b in itertools.combinations(one, 2)]
        others += [np.minimum(a, b).sum() for one, two in itertools.combinations(drawn, 2) for a in one for b in two]
    assert np.mean(own) > 1.1 * np.mean(others)


# Marks stay where they are on the body


def identity_with(kind, k, paint="white", colour=(40, 60, 160)):
    return Identity(paint, identities.PAINTS[paint], marks=((kind, colour, k),))


@pytest.mark.parametrize("kind", ["door", "dent"])
@pytest.mark.parametrize("name", ["sedan-corvane-s4", "van-portiva-cargo", "bus-norrvik-volta"])
def test_mark_is_seen_from_its_side_only(kind, name):
    _, model = draw.by_id()[name]
    plain = made(model, Identity("white", identities.PAINTS["white"]))
    for k, side in ((11, 1), (12, -1)):
        marked = made(model, identity_with(kind, k))
        assert apart(plain, marked, side * math.pi / 2) > 0.15
        assert apart(plain, marked, -side * math.pi / 2) == 0


def test_stripes_are_seen_from_both_ends():
    _, model = draw.by_id()["sedan-corvane-s4"]
    plain = made(model, Identity("white", identities.PAINTS["white"]))
    striped = made(model, identity_with("stripes", 12))
    assert apart(plain, striped, 0.0) > 2
    assert apart(plain, striped, math.pi) > 2


def test_number_reads_the_same_from_both_sides():
    _, model = draw.by_id()["van-portiva-cargo"]
    bundle = made(model, identity_with("roundel", 27, "black", (20, 20, 24)))
    crops = []
    for side in (1, -1):
        image, _ = alone(bundle, side * math.pi / 2, (480, 360))
        rows, columns = np.nonzero((image.min(axis=2) > 170) & (np.ptp(image, axis=2) < 30))
        keep = (rows > 170) & (rows < 300)
        middle = int(np.median(columns[keep])), int(np.median(rows[keep]))
        crops.append(image[middle[1] - 15 : middle[1] + 15, middle[0] - 15 : middle[0] + 15].mean(axis=2))
    here, there = (c - c.mean() for c in crops)
    assert (here * there).sum() > 1.5 * (here * there[:, ::-1]).sum()


def test_plates_are_blank():
    """Every vehicle has a plate before and behind; seen from behind it is one flat tone without signs."""
    seen = 0
    for c in SOME[:24]:
        bundle = bundle_of(c)
        plates = [p for piece in bundle.pieces for p in piece.patches if p.colour == PLATE]
        assert len(plates) == 2, c.fine
        (rear,) = [p for p in plates if p.points[:, 0].mean() < 0]
        if "spare" in draw.by_id()[c.middle_id][1].has:
            continue  # the spare wheel hangs before it
        camera = camera_at(bundle, math.pi, (240, 180))
        (left, top), (right, bottom) = (
            v / 2 for v in (f(camera.project(rear.points), axis=0) for f in (np.min, np.max))
        )
        image, _ = alone(bundle, math.pi)
        inside = image[math.ceil(top) + 1 : int(bottom) - 1, math.ceil(left) + 2 : int(right) - 2]
        if inside.size:
            seen += 1
            assert np.ptp(inside, axis=(0, 1)).max() < 50, c.fine
    assert seen > 10


# Classes that no table knows


@pytest.mark.parametrize(
    "c",
    [
        FineClass("x-1", "thing", "m-9", "middle", "k-2", "SUV", "train", ""),
        FineClass("n02084071", "dog", "n01", "some", "n02", "animal", "test", ""),
        FineClass("sedan-corvane-s4-99", "another", "sedan-corvane-s4", "Corvane S4", "sedan", "sedan", "test", ""),
    ],
)
def test_unknown_class_is_drawn(c):
    assert_drawn(c, 0)
    assert_shown(c, 0)


def test_unknown_class_keeps_its_body_type():
    c = FineClass("x-1", "thing", "m-9", "middle", "k-2", "Bus", "train", "")
    assert draw.vehicle(c.fine_id, c.middle_id, c.coarse).kind == "bus"
    again = replace(c, fine_id="x-2")
    assert (
        draw.vehicle(again.fine_id, again.middle_id, again.coarse).model
        == draw.vehicle(c.fine_id, c.middle_id, c.coarse).model
    )


def test_mark_is_visible_at_network_size():
    """A vehicle with its first mark differs from the same without it, in an image of 224 pixels."""
    for c in SOME[:24]:
        its = draw.vehicle(c.fine_id, c.middle_id, c.coarse)
        if its.identity.marks:
            bare = made(its.model, replace(its.identity, marks=()))
            seen = []
            for azimuth in (0.8, -0.8, 2.4, -2.4):
                pair = [alone(b, azimuth, metre=1100 if its.model.long < 6.5 else 800)[0] for b in (its.bundle, bare)]
                small = [np.asarray(Image.fromarray(p.astype(np.uint8)).resize((224, 168))).astype(float) for p in pair]
                seen.append((np.abs(small[0] - small[1]).max(axis=2) > 24).mean())
            assert max(seen) > 0.002, (c.fine, seen)
