"""Products: shape family by coarse class, form by middle class, finish by fine class.

The finish is read from the name. Everything else (turn, height and distance of the camera, light, place, what stands
about, grain) varies by image.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from random import Random

from PIL import Image

from dmlkit.sample import scene
from dmlkit.sample.named_class import NamedClass
from dmlkit.sample.product import bags, bottles, boxes, clocks, footwear, lamps, places, seats, vessels
from dmlkit.sample.product.finish import finish_of
from dmlkit.sample.product.item import Form, Item
from dmlkit.sample.product.stage import OVER, Camera, Stage, in_order

VERSION = 1

FORMS: dict[str, Form] = {
    **vessels.FORMS,
    **bottles.FORMS,
    **bags.FORMS,
    **footwear.FORMS,
    **seats.FORMS,
    **lamps.FORMS,
    **clocks.FORMS,
    **boxes.FORMS,
}
"""The forms by the id of their middle class."""

LYING = ((240, 180), (240, 160), (232, 174), (224, 168), (248, 166), (256, 170))
SQUARE = ((200, 200), (208, 208), (208, 180))
UPRIGHT = ((176, 224), (180, 220), (172, 208))

LIGHTS: tuple[tuple[tuple[float, float, float], float], ...] = (
    ((255, 253, 249), 1.06), ((255, 253, 249), 1.1), ((255, 248, 234), 1.08), ((255, 240, 216), 1.02),
    ((243, 248, 255), 1.05), ((240, 246, 255), 0.96), ((255, 244, 226), 0.97),
)  # fmt: skip
"""Light: its colour and its strength; brighter than outdoors, as images of products are."""


def form_of(middle_id: str, coarse_id: str) -> Form:
    """The form of a middle class; one that no drawing knows gets a form of its coarse class, or any."""
    if middle_id in FORMS:
        return FORMS[middle_id]
    kin = [name for name in sorted(FORMS) if name.startswith(f"{coarse_id}-")] or sorted(FORMS)
    number = int.from_bytes(hashlib.sha256(middle_id.encode()).digest()[:4], "big")
    return FORMS[kin[number % len(kin)]]


@dataclass
class Shot:
    """An image before anything is painted."""

    stage: Stage
    item: Item
    form: Form
    place: str


def compose(fine: NamedClass, rng: Random) -> Shot:
    """Build the product and choose place, camera and size of image; the product is whole and near the middle."""
    form = form_of(fine.middle_id, fine.coarse_id)
    item = Item(finish_of(fine.fine_id, fine.fine), rng)
    form.build(item)
    item.shaped()
    yaw = rng.uniform(*form.yaw)
    if rng.random() < form.behind:
        yaw = math.pi - yaw
    light = (rng.choice((-1, 1)) * rng.uniform(0.35, 0.85), rng.uniform(0.65, 1.0), rng.uniform(0.4, 0.8))
    camera = Camera(yaw, rng.uniform(*form.rise), light)
    points = item.points()
    camera.middle[1] = (points[:, 1].min() + points[:, 1].max()) / 2
    at = camera.pixels(points)
    low, high = at.min(axis=0), at.max(axis=0)
    long, tall = high - low
    sizes = UPRIGHT if tall > 1.35 * long else LYING if long > 1.12 * tall else SQUARE
    width, height = rng.choice((*sizes, *sizes, *LYING, *SQUARE[:1]))
    zoom = max(rng.uniform(0.72, 1.0), rng.uniform(0.72, 1.0))
    scale = zoom * min(0.9 * width / long, 0.88 * height / tall)
    x = (width - scale * long) * rng.uniform(0.3, 0.7)
    y = (height - scale * tall) * rng.uniform(0.42, 0.58)
    camera.scale = scale * OVER
    camera.x, camera.y = (x - scale * low[0]) * OVER, (y - scale * low[1]) * OVER
    return Shot(Stage(width, height, camera), item, form, rng.choice(form.places))


def draw(fine: NamedClass, index: int) -> Image.Image:
    """ExaminedImage ``index`` of a fine class."""
    rng = scene.seeded("product", VERSION, fine.fine_id, index)
    shot = compose(fine, rng)
    stage, item = shot.stage, shot.item
    places.paint(stage, shot.place, rng)
    surfaces = [surface for group in item.groups for surface in group]
    if not shot.form.hangs or shot.place == "wall":
        wall = float(item.points()[:, 2].min()) if shot.form.hangs else None
        places.shadow(stage, surfaces, rng.uniform(0.75, 1.15), wall)
    show(stage, item)
    places.in_front(stage, rng)
    tint, gain = rng.choice(LIGHTS)
    return stage.finish(rng, tint, item.finish.material, rng.uniform(1.2, 3.6), gain)


def show(stage: Stage, item: Item) -> None:
    """Paint a product, what is far before what is near."""
    for k in in_order(item.groups, stage.camera):
        for surface in item.groups[k]:
            stage.paint(surface)
