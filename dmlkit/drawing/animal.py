"""Animals: body plan by coarse class, build and markings by middle class, palette and proportion by fine class.

Everything else (pose, side, size, place, light, what stands in front, grain) varies by picture.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

from PIL import Image

from dmlkit.drawing import bird, bird_plans, builds, fish, frog, front, mammal, reptile, scene, turtle
from dmlkit.drawing.canvas import Canvas
from dmlkit.drawing.figure import Figure, Look, look_of
from dmlkit.drawing.hints import HINTS
from dmlkit.manifest import FineClass

VERSION = 1

PLANS: dict[str, Callable[[Figure], None]] = {
    "quadruped": mammal.quadruped,
    "sitter": mammal.sitter,
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
    "ray": fish.ray,
    "flat": fish.flat,
    "snake": reptile.snake,
    "lizard": reptile.lizard,
    "turtle": turtle.turtle,
    "frog": frog.frog,
}
"""The body plans by name."""

AFLOAT = {"swim", "bat", "fish", "ray", "flat", "flying"}
"""Plans that do not stand on the ground."""


@lru_cache(maxsize=1024)
def look(fine_id: str, fine: str, middle_id: str, coarse: str) -> Look:
    """The look of a fine class; it depends on nothing but these names."""
    build = builds.find(middle_id, coarse)
    return look_of(fine_id, fine, build, HINTS)


def draw(fine: FineClass, index: int) -> Image.Image:
    """Picture ``index`` of a fine class."""
    its = look(fine.fine_id, fine.fine, fine.middle_id, fine.coarse)
    rng = scene.seeded(VERSION, fine.fine_id, index)
    canvas = Canvas(*rng.choice(scene.SIZES), light=(rng.uniform(-0.8, 0.8), -0.85))
    place = rng.choice(its.build.places)
    horizon = scene.paint(canvas, place, rng)
    figure = Figure(its, rng)
    PLANS[its.build.plan](figure)
    feet = put(canvas, figure, place, horizon, rng)
    figure.draw(canvas)
    front.paint(canvas, place, rng, feet)
    tint, gain = rng.choice(scene.LIGHTS)
    return canvas.finish(rng, tint, its.build.texture, its.get("rough", 0.05), rng.uniform(1.5, 4.0), gain)


def put(canvas: Canvas, figure: Figure, place: str, horizon: float, rng: Random) -> float:
    """Place the figure in the picture; returns the height of its feet as a share of the picture's height."""
    width, height = canvas.width, canvas.height
    left, top, right, bottom = figure.bounds()
    afloat = figure.look.build.plan in AFLOAT
    zoom = min(rng.uniform(0.74, 1.02), rng.uniform(0.78, 1.05))
    scale = zoom * min(0.94 * width / (right - left), (0.9 if afloat else 0.88) * height / (bottom - top))
    # Long low animals would be a line in the middle of the picture: they come closer and lose the end of their tail.
    scale *= min(1.45, max(1.0, (right - left) / (bottom - top) / 2.4)) if not afloat else 1.0
    flip = rng.random() < 0.5
    turn = rng.uniform(-0.14, 0.14) if afloat and figure.look.build.plan != "swim" else 0.0
    free = width - scale * (right - left)
    x = max(free, 0.0) * rng.uniform(0.15, 0.85) - scale * (-right if flip else left)
    if free < 0:
        x = 0.04 * width + scale * right if flip else 0.96 * width - scale * right
    if afloat and figure.look.build.plan != "swim":
        room = max(height - scale * (bottom - top), 0.0)
        canvas.place(x, room * rng.uniform(0.25, 0.75) - scale * top, scale, flip, turn)
        return 0.97
    lowest = min(0.965, 1 - 0.02 - (bottom - figure.feet) * scale / height)
    highest = max((figure.feet - top) * scale / height + 0.02, horizon + 0.06)
    feet = max(highest, lowest - abs(rng.gauss(0, 0.05))) if highest < lowest else lowest
    canvas.place(x, feet * height - scale * figure.feet, scale, flip)
    if figure.look.build.plan not in ("swim", "perch"):
        middle = x + scale * (left + right) / 2 * (-1 if flip else 1)
        scene.shadow(canvas, middle, feet * height, scale * (right - left) * 0.46, scale * (bottom - top) * 0.07 + 2)
    return feet
