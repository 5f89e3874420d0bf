"""What stands in front of a figure and hides a little of it: grass, leaves, reeds, a rock, bubbles, snow.

Everything here is measured in shares of the image's width, from the left and from the top.
"""

from __future__ import annotations

import math
from random import Random

from dmlkit.sample.canvas import OVER, Canvas
from dmlkit.sample.colours import Colour, colour, jitter, lit, mix, whole
from dmlkit.sample.scene import PLACES
from dmlkit.sample.shapes import Points, blob, oval, poly, stroke


def shape(canvas: Canvas, outline: Points, c: Colour) -> None:
    canvas.pen.polygon((outline * (canvas.width * OVER)).ravel().tolist(), fill=whole(c))


def paint(canvas: Canvas, name: str, rng: Random, feet: float) -> None:
    """Paint the foreground of a place. ``feet`` is where the figure stands, as a share of the image's height."""
    place = PLACES[name]
    floor = canvas.height / canvas.width
    tone = jitter(colour(place.ground[1]), rng, 0.02, 0.05)
    amount = rng.choice((0.35, 0.6, 0.6, 1.0, 1.5))
    if place.front in FRONTS:
        FRONTS[place.front](canvas, rng, tone, feet * floor, floor, amount)


def blades(
    canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float, high: float = 0.1
) -> None:
    """Tufts of grass, from the feet of the figure down to the lower edge."""
    for _ in range(int(10 * amount) + 2):
        x0, y0 = rng.random(), rng.uniform(feet - 0.005, floor + 0.04)
        near = (y0 - feet) / max(floor - feet, 0.05)
        c = lit(jitter(tone, rng, 0.02, 0.07), 1.25 - 0.45 * near)
        for _ in range(rng.randrange(3, 6)):
            x, h = x0 + rng.uniform(-0.025, 0.025), high * rng.uniform(0.35, 1.0) * (0.5 + 0.7 * near)
            lean = rng.uniform(-0.35, 0.35) * h
            shape(canvas, poly([(x - 0.004, y0), (x + 0.004, y0), (x + lean, y0 - h)]), c)


def grass(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    blades(canvas, rng, mix(tone, (110, 150, 62), 0.4), feet, floor, amount)


def drygrass(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    blades(canvas, rng, mix(tone, (196, 168, 98), 0.5), feet, floor, amount, 0.13)


def reeds(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    side = rng.choice((0.0, 0.8))
    for _ in range(int(6 * amount) + 1):
        x, h = side + rng.random() * 0.2, rng.uniform(0.15, 0.42)
        lean = rng.uniform(-0.06, 0.06)
        c = jitter((104, 128, 66), rng, 0.03, 0.08)
        shape(
            canvas,
            stroke(
                [(x, floor + 0.02), (x + lean * 0.3, floor - h * 0.5), (x + lean, floor - h)], (0.012, 0.012, 0.002)
            ),
            c,
        )
        if rng.random() < 0.3:
            shape(canvas, oval(x + lean, floor - h, 0.01, 0.035), jitter((104, 72, 44), rng))


def fern(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    blades(canvas, rng, mix(tone, (92, 124, 60), 0.5), feet, floor, amount * 0.6, 0.08)
    for _ in range(int(1.6 * amount)):
        x, a = rng.choice((rng.uniform(0, 0.25), rng.uniform(0.75, 1))), rng.uniform(-2.4, -0.7)
        length, c = rng.uniform(0.12, 0.24), jitter((86, 128, 60), rng, 0.03)
        for k in range(9):
            t = k / 9
            px, py = x + math.cos(a) * length * t, floor + math.sin(a) * length * t + 0.05 * t * t
            for way in (-1, 1):
                shape(canvas, leaf(px, py, a + way * 1.1, 0.06 * (1 - t * 0.8), 0.22), lit(c, 0.9 + 0.2 * (way > 0)))


def leaf(x: float, y: float, turn: float, length: float, wide: float = 0.4) -> Points:
    cx, cy = math.cos(turn), math.sin(turn)
    w = length * wide / 2
    return blob(
        [(x, y), (x + cx * length * 0.45 - cy * w, y + cy * length * 0.45 + cx * w), (x + cx * length, y + cy * length),
         (x + cx * length * 0.45 + cy * w, y + cy * length * 0.45 - cx * w)], 4,
    )  # fmt: skip


def leafs(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    """A twig with leaves that hangs in from a corner."""
    for _ in range(int(amount + 0.55)):
        right, low = rng.random() < 0.5, rng.random() < 0.3
        x, y = (1.02 if right else -0.02), (floor + 0.01 if low else rng.uniform(-0.02, floor * 0.35))
        a = (math.pi if right else 0.0) + rng.uniform(0.1, 0.6) * (1 if right == low else -1) * (-1 if right else 1)
        length, c = rng.uniform(0.16, 0.32), jitter((88, 134, 58), rng, 0.05, 0.08)
        end = (x + math.cos(a) * length, y + math.sin(a) * length)
        shape(canvas, stroke([(x, y), end], (0.012, 0.004)), (84, 66, 46))
        for k in range(7):
            t = (k + 1) / 7
            turn = a + (0.9 if k % 2 else -0.9) + rng.uniform(-0.3, 0.3)
            at = leaf(x + (end[0] - x) * t, y + (end[1] - y) * t, turn, rng.uniform(0.05, 0.085))
            shape(canvas, at, lit(c, rng.uniform(0.8, 1.15)))


def rock(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    for _ in range(int(amount + 0.5)):
        x, r, c = (
            rng.choice((rng.uniform(-0.05, 0.2), rng.uniform(0.8, 1.05))),
            rng.uniform(0.06, 0.13),
            jitter(tone, rng),
        )
        top = floor - r * 0.8
        shape(
            canvas,
            blob(
                [
                    (x - r, floor + 0.03),
                    (x - r * 0.7, top + 0.03),
                    (x, top - 0.02),
                    (x + r * 0.8, top + 0.04),
                    (x + r, floor + 0.03),
                ],
                4,
            ),
            lit(c, 0.85),
        )
        shape(
            canvas,
            blob([(x - r * 0.6, top + 0.035), (x, top - 0.012), (x + r * 0.65, top + 0.04), (x, top + 0.05)], 4),
            lit(c, 1.15),
        )
    stones(canvas, rng, tone, feet, floor, amount)


def stones(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    for _ in range(int(12 * amount)):
        y = rng.uniform(feet + 0.01, floor)
        r = 0.004 + 0.018 * rng.random() * (y - feet + 0.05) / (floor - feet + 0.05)
        x, c = rng.random(), lit(jitter(tone, rng, 0.02, 0.08), rng.uniform(0.8, 1.15))
        shape(canvas, oval(x, y, r, r * 0.6, count=10), c)


def snow(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    for _ in range(int(24 * max(0.0, amount - 0.4))):
        r = rng.uniform(0.002, 0.006)
        shape(canvas, oval(rng.random(), rng.random() * floor, r, r, count=8), (250, 252, 255))
    x, r = rng.random(), rng.uniform(0.2, 0.4)
    shape(canvas, oval(x, floor + 0.03, r, 0.07), (240, 245, 250))


def bubbles(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    x = rng.random()
    for _ in range(int(8 * amount)):
        r = rng.uniform(0.003, 0.011)
        px, py = x + rng.uniform(-0.06, 0.06), rng.random() * floor
        shape(canvas, oval(px, py, r, r, count=12), (178, 218, 232))
        shape(canvas, oval(px, py, r * 0.72, r * 0.72, count=10), (98, 160, 190))
        shape(canvas, oval(px - r * 0.3, py - r * 0.3, r * 0.25, r * 0.25, count=8), (244, 252, 255))


def weed(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    for _ in range(int(5 * amount)):
        x, h = rng.choice((rng.uniform(0, 0.3), rng.uniform(0.7, 1))), rng.uniform(0.08, 0.26)
        c, sway = jitter((66, 112, 58), rng, 0.04, 0.08), rng.uniform(0.01, 0.04)
        line = [(x, floor + 0.01), (x + sway, floor - h * 0.35), (x - sway, floor - h * 0.7), (x + sway, floor - h)]
        shape(canvas, stroke(line, (0.014, 0.02, 0.016, 0.003)), c)


def coral(canvas: Canvas, rng: Random, tone: Colour, feet: float, floor: float, amount: float) -> None:
    for _ in range(int(2 * amount)):
        x, c = rng.choice((rng.uniform(0, 0.2), rng.uniform(0.8, 1))), jitter((206, 96, 104), rng, 0.5, 0.06)
        for k in range(5):
            a, h = -math.pi / 2 + (k - 2) * 0.35, rng.uniform(0.08, 0.17)
            end = (x + math.cos(a) * h, floor + math.sin(a) * h)
            shape(canvas, stroke([(x, floor + 0.02), end], (0.03, 0.024)), lit(c, 0.85 + 0.1 * (k % 2) * 2))


FRONTS = {
    "grass": grass,
    "drygrass": drygrass,
    "reeds": reeds,
    "fern": fern,
    "leaf": leafs,
    "rock": rock,
    "stones": stones,
    "snow": snow,
    "bubbles": bubbles,
    "weed": weed,
    "coral": coral,
}
