"""Animals: body plan by coarse class, build and markings by middle class, palette and proportion by fine class.

Everything else (pose, side, size, place, light, what stands in front, grain) varies by image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from PIL import Image

from dmlkit.sample import scene
from dmlkit.sample.animal import bird, bird_plans, builds, fish, frog, front, mammal, quadruped, reptile, snake, turtle
from dmlkit.sample.animal.figure import Figure, Look, look_of
from dmlkit.sample.animal.hints import HINTS
from dmlkit.sample.canvas import Canvas
from dmlkit.sample.named_class import NamedClass

VERSION = 1

PLANS: dict[str, Callable[[Figure], None]] = {
    "quadruped": quadruped.quadruped,
    "sitter": mammal.sitter,
    "crouch": mammal.crouch,
    "bat": mammal.bat,
    "perch": bird_plans.perch,
    "walk": bird.bird,
    "wade": bird.bird,
    "climb": bird_plans.climb,
    "owl": bird_plans.owl,
    "penguin": bird_plans.penguin,
    "soar": bird_plans.soar,
    "shore": bird_plans.shore,
    "swim": bird_plans.swim,
    "fish": fish.fish,
    "shark": fish.shark,
    "ray": fish.ray,
    "flat": fish.flat,
    "snake": snake.snake,
    "lizard": reptile.lizard,
    "salamander": reptile.salamander,
    "turtle": turtle.turtle,
    "frog": frog.frog,
}
"""The body plans by name."""

NOT_LONG = 1.15
"""Up to this breadth for its height an animal may be in an image that is not lying."""


@lru_cache(maxsize=1024)
def look(fine_id: str, fine: str, middle_id: str, coarse: str) -> Look:
    """The look of a fine class; it depends on nothing but these names."""
    build = builds.find(middle_id, coarse)
    return look_of(fine_id, fine, build, HINTS.get(coarse, {}))


@dataclass
class Shot:
    """An image before anything is painted: the canvas knows where the figure comes.

    ``feet`` and ``horizon`` are heights as shares of the image's, from above.
    """

    canvas: Canvas
    figure: Figure
    feet: float
    horizon: float


def draw(fine: NamedClass, index: int) -> Image.Image:
    """ExaminedImage ``index`` of a fine class."""
    rng = scene.seeded(VERSION, fine.fine_id, index)
    shot = compose(fine, rng)
    canvas, figure = shot.canvas, shot.figure
    scene.paint(canvas, figure.place, rng, shot.horizon)
    if figure.stance == "ground":
        scene.shadow(canvas, figure.bounds(), shot.feet * canvas.height)
    figure.draw(canvas)
    front.paint(canvas, figure.place, rng, shot.feet)
    tint, gain = rng.choice(scene.LIGHTS)
    its = figure.look
    return canvas.finish(rng, tint, its.build.texture, its.get("rough", 0.05), rng.uniform(1.5, 4.0), gain)


def compose(fine: NamedClass, rng: Random) -> Shot:
    """Choose place, pose, size of image, size and side of the animal, and the horizon that goes with them."""
    its = look(fine.fine_id, fine.fine, fine.middle_id, fine.coarse)
    figure = Figure(its, rng, rng.choice(its.places))
    PLANS[its.plan](figure)
    left, top, right, bottom = figure.bounds()
    sizes = scene.SIZES if right - left < NOT_LONG * (bottom - top) else scene.LYING
    canvas = Canvas(*rng.choice(sizes), light=(rng.uniform(-0.8, 0.8), -0.85))
    put(canvas, figure, rng)
    stands = figure.stance not in ("perch", "afloat")
    feet = (canvas.y + figure.feet * canvas.scale) / canvas.full[1] if stands else 0.97
    head = (canvas.y + top * canvas.scale) / canvas.full[1]
    return Shot(canvas, figure, feet, horizon_of(figure, feet, head, rng))


def put(canvas: Canvas, figure: Figure, rng: Random) -> None:
    """Place the figure about the middle of the image, whole."""
    width, height = canvas.width, canvas.height
    left, top, right, bottom = figure.bounds()
    long, high = right - left, bottom - top
    turn = rng.uniform(-0.14, 0.14) if figure.stance == "afloat" else 0.0
    zoom = max(rng.uniform(0.72, 1.0), rng.uniform(0.72, 1.0))
    scale = zoom * min(0.94 * width / long, 0.92 * height / high)
    flip = rng.random() < 0.5
    x = (width - scale * long) * rng.uniform(0.2, 0.8)
    room = height - scale * high
    y = min(max(room * 0.5 + height * rng.gauss(0.02, 0.05), 0.03 * height), room - 0.03 * height)
    canvas.place(x + scale * (right if flip else -left), y - scale * top, scale, flip, turn)


def horizon_of(figure: Figure, feet: float, head: float, rng: Random) -> float:
    """Where the ground ends: an animal stands before it, flies above it, and lies wholly below it."""
    horizon = rng.uniform(*scene.PLACES[figure.place].horizon)
    if figure.stance in ("ground", "water"):
        horizon = min(horizon, feet - rng.uniform(0.08, 0.2))
    elif figure.stance == "lying":
        horizon = min(horizon, head - rng.uniform(0.04, 0.12))
    elif figure.place in scene.OPEN:
        horizon = max(horizon, rng.uniform(0.8, 0.92))
    return max(horizon, 0.02)
