"""Vehicles: body type by coarse class, shape and face by middle class, colour, marks and extras by fine class.

Everything else (view, side, size, place, light, weather, what stands in front, grain) varies by image. A vehicle is a
body in space that a camera looks at, so a mark stays where it is on the body whatever the view.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from PIL import Image

from dmlkit.sample import scene
from dmlkit.sample.canvas import Canvas
from dmlkit.sample.named_class import NamedClass
from dmlkit.sample.vehicle import cars, front, identities, large, models_large, places
from dmlkit.sample.vehicle import marks as vehicle_marks
from dmlkit.sample.vehicle import models as vehicle_models
from dmlkit.sample.vehicle.body import Body, Identity, Model
from dmlkit.sample.vehicle.solid import Bundle
from dmlkit.sample.vehicle.studio import Camera, Studio

VERSION = 1

BUILDS: dict[str, Callable[[Body], None]] = {
    "sedan": cars.car,
    "suv": cars.car,
    "van": cars.van,
    "pickup": cars.pickup,
    "truck": large.truck,
    "bus": large.bus,
}
"""How the vehicles of a body type are built."""

MODELS: dict[str, tuple[Model, ...]] = {**vehicle_models.MODELS, **models_large.MODELS}
"""The models of each body type."""

VIEWS = (
    (22, math.pi / 2 - 0.22, math.pi / 2 + 0.22),
    (28, 0.38, 1.1),
    (24, math.pi - 1.1, math.pi - 0.38),
    (13, 0.0, 0.22),
    (13, math.pi - 0.22, math.pi),
)
"""Side, three-quarter front, three-quarter rear, front, rear: how often, and between which angles from the front."""

NOT_LONG = 1.25
"""Up to this breadth for its height a vehicle may be in an image that is not lying."""


@dataclass(frozen=True)
class Vehicle:
    """A vehicle that is ready to be painted."""

    kind: str
    model: Model
    identity: Identity
    bundle: Bundle


def middle_id(kind: str, model: Model) -> str:
    """The id of the middle class of a model, as in ``sedan-corvane-s4``."""
    return f"{kind}-" + re.sub(r"[^a-z0-9]+", "-", model.name.lower()).strip("-")


@lru_cache(maxsize=1)
def by_id() -> dict[str, tuple[str, Model]]:
    """Body type and model by the id of their middle class."""
    return {middle_id(kind, model): (kind, model) for kind, models in MODELS.items() for model in models}


def facts(fine_id: str, middle: str, coarse: str) -> tuple[str, Model, Identity]:
    """Body type, model and identity of a fine class; for ids that no table knows, some by their hash."""
    kind, model = by_id().get(middle, ("", None))
    if model is None:
        rng = scene.seeded("model", middle)
        kind = coarse.lower() if coarse.lower() in MODELS else rng.choice(sorted(MODELS))
        model = rng.choice(MODELS[kind])
    known = identities.identities(middle, kind, model)
    number = re.fullmatch(re.escape(middle) + r"-(\d+)", fine_id)
    if number and 1 <= int(number[1]) <= len(known):
        return kind, model, known[int(number[1]) - 1]
    rng = scene.seeded("identity", fine_id)
    paint = rng.choice(sorted(identities.PAINTS))
    marks = rng.choice([m for m in identities.MAJOR[kind] if identities.fits(m, model)]), ""
    return kind, model, identities.identity(rng, kind, model, paint, marks)


@lru_cache(maxsize=16)
def vehicle(fine_id: str, middle: str, coarse: str) -> Vehicle:
    """The vehicle of a fine class; it depends on nothing but these names."""
    kind, model, identity = facts(fine_id, middle, coarse)
    body = Body(model, identity, dress=vehicle_marks.dress)
    BUILDS[kind](body)
    vehicle_marks.furnish(body)
    return Vehicle(kind, model, identity, Bundle(body.finish()))


@dataclass
class Shot:
    """An image before anything is painted: the camera knows where the vehicle comes."""

    vehicle: Vehicle
    studio: Studio
    place: str
    time: str

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the vehicle as shares of the image."""
        at = self.studio.camera.project(self.vehicle.bundle.cloud) / self.studio.canvas.full
        return (*at.min(axis=0).tolist(), *at.max(axis=0).tolist())


def compose(fine: NamedClass, rng: Random) -> Shot:
    """Choose view, size and place of the vehicle, surroundings and light."""
    its = vehicle(fine.fine_id, fine.middle_id, fine.coarse)
    _, low, high = rng.choices(VIEWS, [v[0] for v in VIEWS])[0]
    azimuth = rng.uniform(low, high) * rng.choice((-1, 1))
    pitch = rng.uniform(0.2, 0.42) if rng.random() < 0.2 else rng.uniform(0.03, 0.16)
    place = rng.choice(places.SUITED[its.kind])
    if place == "garage":
        pitch = min(pitch, 0.12)
    distance = its.model.long * rng.uniform(1.5, 3.0) + 3
    camera = Camera(azimuth, pitch, distance, (0.0, 0.0, its.model.high / 2))
    at = camera.project(its.bundle.cloud)
    (left, top), (right, bottom) = at.min(axis=0).tolist(), at.max(axis=0).tolist()
    sizes = scene.SIZES if right - left < NOT_LONG * (bottom - top) else scene.LYING
    canvas = Canvas(*rng.choice(sizes))
    width, tall = canvas.full
    zoom = max(rng.uniform(0.76, 0.99), rng.uniform(0.76, 0.99))
    scale = zoom * min(0.95 * width / (right - left), 0.92 * tall / (bottom - top))
    x = (width - scale * (right - left)) * rng.uniform(0.32, 0.68)
    room = tall - scale * (bottom - top)
    y = min(max(room * 0.5 + tall * rng.gauss(0.01, 0.04), 0.03 * tall), room - 0.035 * tall)
    camera.scale, camera.x, camera.y = scale, x - scale * left, y - scale * top
    lighting, time = places.lighting_of(place, azimuth, rng)
    return Shot(its, Studio(canvas, camera, lighting), place, time)


def draw(fine: NamedClass, index: int) -> Image.Image:
    """ExaminedImage ``index`` of a fine class."""
    rng = scene.seeded(VERSION, fine.fine_id, index)
    shot = compose(fine, rng)
    studio, its = shot.studio, shot.vehicle.model
    places.paint(studio, shot.place, shot.time, rng)
    places.shadow(studio, its.long, its.wide, its.high, shot.time)
    studio.paint(shot.vehicle.bundle)
    dark = {"night": 0.7, "dusk": 0.35}.get(shot.time, 0.0)
    front.paint(studio, its.long, its.wide, shot.place, dark, rng)
    places.weather(studio, shot.place, shot.time, rng)
    return studio.finish(rng, rng.uniform(1.0, 3.2))
