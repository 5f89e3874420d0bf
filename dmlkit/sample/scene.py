"""Places and light: a soft, out-of-focus backdrop behind a figure and things that stand in front of it.

A backdrop is painted very small and enlarged, which costs little and looks like depth of field.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from dmlkit.sample.canvas import OVER, Canvas
from dmlkit.sample.colours import Colour, colour, jitter, lit, mix, whole
from dmlkit.sample.shapes import Points, blob, curve, oval, poly, stroke

REDUCED = 5
"""How many image pixels a backdrop pixel covers."""

LYING = ((240, 180), (240, 160), (232, 174), (224, 168), (248, 166), (256, 170))
SIZES = (*LYING, (208, 208), (180, 220))
"""Widths and heights of images: mostly lying, as photographs are; the last two are for animals that are not long."""


@dataclass(frozen=True)
class Place:
    """A kind of surroundings: two colours of sky, two of ground, what stands in it and in front of it."""

    sky: tuple[str, str]
    ground: tuple[str, str]
    things: tuple[str, ...]
    front: str = "grass"
    horizon: tuple[float, float] = (0.42, 0.62)


PLACES = {
    "savanna": Place(("#a9cbe0", "#f1e3bd"), ("#d3b878", "#a98c4d"), ("hills", "acacia"), "drygrass"),
    "meadow": Place(("#8fc0e6", "#e4f0ec"), ("#9cb95f", "#5f8a3c"), ("clouds", "hills", "trees"), "grass"),
    "farm": Place(("#9cc7e4", "#eef0e2"), ("#a4bb62", "#74913f"), ("clouds", "trees", "fence"), "grass"),
    "forest": Place(("#b9cf9f", "#7f9f68"), ("#76874a", "#4c5a30"), ("trunks", "leaves"), "fern", (0.5, 0.66)),
    "jungle": Place(
        ("#7fae74", "#3d7350"), ("#4d7040", "#2f4a2a"), ("trunks", "leaves", "fronds"), "leaf", (0.55, 0.7)
    ),
    "steppe": Place(("#a5c4dc", "#efe9d5"), ("#b9b06f", "#8d8850"), ("mountains", "hills"), "drygrass"),
    "mountain": Place(("#8db4d8", "#dfe8ea"), ("#9a9a84", "#6d6f5c"), ("mountains", "rocks"), "rock"),
    "desert": Place(("#9fc6de", "#f3e1c2"), ("#dcb27a", "#bd8b55"), ("dunes", "rocks"), "rock"),
    "snow": Place(("#b5cbe0", "#e6edf3"), ("#f3f6fa", "#cfdbe8"), ("mountains", "firs"), "snow"),
    "ice": Place(("#a9c8e0", "#dfeaf2"), ("#eef4f8", "#b8d0e2"), ("bergs",), "snow"),
    "room": Place(("#d9cdbb", "#c9b9a2"), ("#a98763", "#8a6a4a"), ("window",), "none", (0.6, 0.7)),
    "garden": Place(("#a7cdb0", "#d9e6b8"), ("#86a950", "#567a36"), ("leaves", "flowers"), "grass", (0.5, 0.65)),
    "sky": Place(("#6ea8dc", "#d6e7f0"), ("#d6e7f0", "#c3d9e6"), ("clouds", "far"), "none", (0.95, 0.99)),
    "dusk": Place(("#34406e", "#e09a6c"), ("#5a4a5c", "#3c3450"), ("far", "clouds"), "none", (0.9, 0.97)),
    "leafage": Place(("#a8c98a", "#d6e3a4"), ("#8fb36a", "#6f9a55"), ("leaves", "leaves"), "leaf", (0.9, 0.97)),
    "woodland": Place(("#c3cfae", "#93a67c"), ("#8a9460", "#667246"), ("trunks", "leaves"), "leaf", (0.75, 0.85)),
    "pond": Place(("#a9cfc0", "#cfe2c4"), ("#7ea6a6", "#44707c"), ("reeds", "ripples"), "reeds", (0.36, 0.5)),
    "lake": Place(
        ("#9cc4e0", "#e3ecea"), ("#7fabc4", "#3f6f90"), ("mountains", "trees", "ripples"), "reeds", (0.34, 0.46)
    ),
    "marsh": Place(("#b4cfd4", "#e9e8cc"), ("#9aa671", "#66794c"), ("reeds", "pools"), "reeds", (0.45, 0.6)),
    "shore": Place(("#94c1e2", "#e6eef0"), ("#dcc99c", "#bfa777"), ("sea", "clouds"), "stones", (0.5, 0.62)),
    "bank": Place(("#a6c6b4", "#d2dcb2"), ("#b09a68", "#7d6c47"), ("reeds", "pools"), "reeds", (0.45, 0.6)),
    "sea": Place(("#5cb3d6", "#1d5f96"), ("#1d5f96", "#154a7c"), ("rays", "bubbles"), "bubbles", (0.93, 0.99)),
    "deep": Place(("#3d87b5", "#12365f"), ("#12365f", "#0e2c50"), ("rays", "bubbles"), "bubbles", (0.93, 0.99)),
    "reef": Place(("#6cc6dc", "#2a86b0"), ("#d9c79d", "#a99a78"), ("rays", "corals"), "coral", (0.78, 0.88)),
    "river": Place(("#9cc4a8", "#4f8a80"), ("#8f8a66", "#66644a"), ("rays", "weed", "stones"), "weed", (0.78, 0.88)),
    "seabed": Place(("#5fa9b8", "#357a90"), ("#c9b98c", "#9b8c66"), ("rays", "stones"), "weed", (0.5, 0.62)),
}

OPEN = {
    "savanna",
    "meadow",
    "farm",
    "steppe",
    "mountain",
    "desert",
    "snow",
    "ice",
    "shore",
    "pond",
    "lake",
    "marsh",
    "bank",
}
"""Places under the open sky, where a bird on the wing is seen from below."""

WATER = {"sea", "deep", "reef", "river", "seabed"}
"""Places below the water."""

PONDS = {"pond", "lake"}
"""Places where the ground is water, seen from above it."""

LIGHTS: tuple[tuple[Colour, float], ...] = (
    ((255, 252, 246), 1.00), ((255, 244, 224), 1.03), ((255, 232, 200), 0.98), ((240, 247, 255), 0.96),
    ((255, 250, 238), 1.08), ((236, 243, 255), 0.88), ((255, 238, 214), 0.90),
)  # fmt: skip
"""Light: its colour and its strength. Small steps, because a fine class is known by its colours."""


def seeded(*parts: object) -> Random:
    """A random generator that depends on the parts alone."""
    digest = hashlib.sha256("\x1f".join(str(p) for p in parts).encode()).digest()
    return Random(int.from_bytes(digest[:8], "big"))


@dataclass
class Backdrop:
    """The small image behind the figure, in which places draw their things in shares of its width and height."""

    image: Image.Image
    rng: Random
    ground: float
    light: Colour
    dark: Colour
    haze: Colour

    def __post_init__(self) -> None:
        self.pen = ImageDraw.Draw(self.image)

    def shape(self, outline: Points, c: Colour) -> None:
        self.pen.polygon((outline * self.image.size).ravel().tolist(), fill=whole(c))


def paint(canvas: Canvas, name: str, rng: Random, horizon: float) -> None:
    """Paint the backdrop of a place on the canvas. ``horizon`` is its height as a share of the image's, from above."""
    place = PLACES[name]
    size = (canvas.width // REDUCED, canvas.height // REDUCED)
    sky = [jitter(colour(c), rng, 0.02, 0.05) for c in place.sky]
    ground = [jitter(colour(c), rng, 0.02, 0.05) for c in place.ground]
    y = np.linspace(0, 1, size[1])
    up = np.clip(y / horizon, 0, 1)[:, None]
    down = np.clip((y - horizon) / max(1 - horizon, 0.05), 0, 1)[:, None]
    rows = np.where(
        (y < horizon)[:, None],
        np.array(sky[0]) * (1 - up) + np.array(sky[1]) * up,
        np.array(ground[0]) * (1 - down) + np.array(ground[1]) * down,
    )
    small = np.repeat(rows[:, None], size[0], axis=1)
    backdrop = Backdrop(Image.fromarray(small.astype(np.uint8)), rng, horizon, ground[0], ground[1], sky[1])
    for thing in place.things:
        THINGS[thing](backdrop)
    soft = backdrop.image.filter(ImageFilter.GaussianBlur(rng.uniform(0.7, 1.3)))
    smooth = soft.resize((canvas.width, canvas.height), Image.Resampling.BICUBIC)
    canvas.image.paste(smooth.resize(canvas.full, Image.Resampling.NEAREST))


def hills(b: Backdrop) -> None:
    for step in range(2):
        base = b.ground + 0.01
        points = [(x / 5, base - b.rng.uniform(0.02, 0.13 - step * 0.05)) for x in range(-1, 7)]
        b.shape(
            np.concatenate([curve(points, 4), [(1.2, base), (-0.2, base)]]), mix(b.light, b.haze, 0.6 - step * 0.25)
        )


def mountains(b: Backdrop) -> None:
    base, tone = b.ground + 0.01, mix((90, 110, 135), b.haze, 0.5)
    x = -0.2
    while x < 1.1:
        wide, high = b.rng.uniform(0.3, 0.55), b.rng.uniform(0.16, 0.34)
        peak = (x + wide * b.rng.uniform(0.4, 0.6), base - high)
        b.shape(poly([(x, base), peak, (x + wide, base)]), lit(tone, b.rng.uniform(0.9, 1.08)))
        b.shape(
            poly([peak, (peak[0] + wide * 0.12, base - high * 0.7), (peak[0] - wide * 0.12, base - high * 0.66)]),
            (238, 242, 246),
        )
        x += wide * b.rng.uniform(0.5, 0.8)


def clouds(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(2, 5)):
        x, y = b.rng.random(), b.ground * b.rng.uniform(0.1, 0.6)
        for k in range(3):
            b.shape(oval(x + (k - 1) * 0.08, y - (k == 1) * 0.02, 0.09, 0.035), mix(b.haze, (252, 252, 252), 0.75))


def trees(b: Backdrop) -> None:
    tone = jitter(mix((74, 108, 62), b.haze, 0.25), b.rng, 0.03)
    for _ in range(b.rng.randrange(5, 10)):
        x, r = b.rng.random(), b.rng.uniform(0.05, 0.12)
        c = lit(tone, b.rng.uniform(0.85, 1.1))
        b.shape(oval(x, b.ground - r * 0.7, r * 0.9, r * 1.15), c)
    b.shape(
        poly([(0, b.ground - 0.04), (1, b.ground - 0.04), (1, b.ground + 0.015), (0, b.ground + 0.015)]),
        lit(tone, 0.85),
    )


def firs(b: Backdrop) -> None:
    tone = mix((52, 80, 78), b.haze, 0.35)
    for _ in range(b.rng.randrange(4, 9)):
        x, h = b.rng.random(), b.rng.uniform(0.14, 0.32)
        b.shape(
            poly([(x - h * 0.22, b.ground + 0.02), (x, b.ground - h), (x + h * 0.22, b.ground + 0.02)]),
            lit(tone, b.rng.uniform(0.8, 1.15)),
        )


def acacia(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(1, 3)):
        x, h = b.rng.random(), b.rng.uniform(0.14, 0.26)
        tone = mix((96, 104, 58), b.haze, 0.3)
        b.shape(
            poly([(x - 0.008, b.ground), (x + 0.012, b.ground), (x + 0.02, b.ground - h), (x - 0.02, b.ground - h)]),
            lit(tone, 0.6),
        )
        b.shape(oval(x, b.ground - h, h * 0.75, h * 0.22), tone)


def trunks(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(4, 8)):
        x, w = b.rng.random(), b.rng.uniform(0.015, 0.05)
        c = mix(jitter((92, 76, 56), b.rng, 0.02), b.haze, b.rng.uniform(0.2, 0.6))
        b.shape(poly([(x - w, -0.1), (x + w, -0.1), (x + w * 1.3, b.ground + 0.03), (x - w * 1.3, b.ground + 0.03)]), c)


def leaves(b: Backdrop) -> None:
    """Discs of unsharp foliage with gaps of light."""
    for _ in range(b.rng.randrange(14, 24)):
        x, y, r = b.rng.random(), b.rng.uniform(0, b.ground), b.rng.uniform(0.03, 0.1)
        c = mix(jitter((112, 150, 74), b.rng, 0.05, 0.12), b.haze, b.rng.uniform(0.1, 0.6))
        b.shape(oval(x, y, r, r * 1.3, count=12), c)
    for _ in range(b.rng.randrange(2, 6)):
        r = b.rng.uniform(0.02, 0.05)
        b.shape(
            oval(b.rng.random(), b.rng.uniform(0, b.ground * 0.7), r, r * 1.3, count=12),
            mix(b.haze, (250, 250, 220), 0.7),
        )


def fronds(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(4, 8)):
        x, y, a = b.rng.random(), b.rng.uniform(0, 0.3), b.rng.uniform(0.4, 2.7)
        end = (x + math.cos(a) * 0.3, y + math.sin(a) * 0.45)
        middle = ((x + end[0]) / 2, (y + end[1]) / 2 - 0.08)
        b.shape(stroke([(x, y), middle, end], (0.02, 0.09, 0.01)), jitter((58, 104, 62), b.rng, 0.04, 0.08))


def dunes(b: Backdrop) -> None:
    hills(b)
    for _ in range(3):
        x, y = b.rng.random(), b.rng.uniform(b.ground + 0.1, 1)
        b.shape(oval(x, y, 0.4, 0.05), lit(mix(b.light, b.dark, 0.4), b.rng.uniform(0.95, 1.1)))


def rocks(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(3, 6)):
        x, r = b.rng.random(), b.rng.uniform(0.05, 0.16)
        c = mix(jitter((128, 118, 104), b.rng, 0.03), b.light, 0.35)
        b.shape(
            blob(
                [
                    (x - r, b.ground + 0.03),
                    (x - r * 0.6, b.ground - r),
                    (x + r * 0.4, b.ground - r * 1.15),
                    (x + r, b.ground + 0.03),
                ],
                3,
            ),
            c,
        )


def bergs(b: Backdrop) -> None:
    sea = mix((88, 140, 178), b.haze, 0.3)
    b.shape(poly([(0, b.ground - 0.1), (1, b.ground - 0.1), (1, b.ground), (0, b.ground)]), sea)
    for _ in range(b.rng.randrange(2, 5)):
        x, r = b.rng.random(), b.rng.uniform(0.06, 0.2)
        b.shape(
            poly(
                [
                    (x - r, b.ground - 0.04),
                    (x - r * 0.5, b.ground - r),
                    (x + r * 0.3, b.ground - r * 0.8),
                    (x + r, b.ground - 0.04),
                ]
            ),
            (226, 238, 246),
        )


def fence(b: Backdrop) -> None:
    c = mix((150, 128, 98), b.haze, 0.25)
    for k in range(8):
        x = k / 7
        b.shape(
            poly(
                [
                    (x - 0.012, b.ground - 0.12),
                    (x + 0.012, b.ground - 0.12),
                    (x + 0.012, b.ground + 0.03),
                    (x - 0.012, b.ground + 0.03),
                ]
            ),
            c,
        )
    for y in (0.09, 0.03):
        b.shape(
            poly(
                [
                    (0, b.ground - y - 0.012),
                    (1, b.ground - y - 0.012),
                    (1, b.ground - y + 0.012),
                    (0, b.ground - y + 0.012),
                ]
            ),
            c,
        )


def window(b: Backdrop) -> None:
    """A bright window, a skirting board and something large and blurred: indoors."""
    x, w = b.rng.uniform(0.0, 0.7), b.rng.uniform(0.2, 0.35)
    b.shape(
        poly([(x, -0.1), (x + w, -0.1), (x + w, b.ground * 0.62), (x, b.ground * 0.62)]),
        mix(b.haze, (250, 250, 244), 0.8),
    )
    b.shape(
        poly(
            [
                (x + w * 0.47, -0.1),
                (x + w * 0.53, -0.1),
                (x + w * 0.53, b.ground * 0.62),
                (x + w * 0.47, b.ground * 0.62),
            ]
        ),
        b.haze,
    )
    c = jitter((150, 96, 84), b.rng, 0.4, 0.08)
    at = (x + 0.62) % 1.0
    b.shape(
        blob(
            [
                (at - 0.2, b.ground + 0.02),
                (at - 0.2, b.ground - 0.25),
                (at + 0.2, b.ground - 0.25),
                (at + 0.2, b.ground + 0.02),
            ],
            4,
        ),
        c,
    )
    b.shape(poly([(0, b.ground - 0.03), (1, b.ground - 0.03), (1, b.ground), (0, b.ground)]), lit(b.haze, 1.5))


def flowers(b: Backdrop) -> None:
    c = jitter((222, 120, 150), b.rng, 0.5, 0.05)
    for _ in range(b.rng.randrange(8, 16)):
        x, y = b.rng.random(), b.rng.uniform(b.ground - 0.06, 1)
        b.shape(oval(x, y, 0.018, 0.022, count=8), lit(c, b.rng.uniform(0.9, 1.3)))


def far(b: Backdrop) -> None:
    points = [(x / 6, 0.97 - b.rng.uniform(0.0, 0.12)) for x in range(-1, 8)]
    b.shape(np.concatenate([curve(points, 4), [(1.3, 1.1), (-0.3, 1.1)]]), mix(b.dark, (84, 116, 104), 0.45))


def reeds(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(14, 26)):
        x, h = b.rng.random(), b.rng.uniform(0.08, 0.3)
        lean = b.rng.uniform(-0.04, 0.04)
        c = mix(jitter((118, 138, 74), b.rng, 0.04, 0.1), b.haze, b.rng.uniform(0, 0.4))
        b.shape(poly([(x - 0.012, b.ground + 0.02), (x + 0.012, b.ground + 0.02), (x + lean, b.ground - h)]), c)


def ripples(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(8, 14)):
        y = b.ground + (1 - b.ground) * b.rng.random()
        x, w = b.rng.random(), b.rng.uniform(0.08, 0.3)
        b.shape(
            oval(x, y, w, 0.006 + 0.014 * (y - b.ground)), lit(mix(b.light, b.dark, 0.5), b.rng.choice((0.88, 1.15)))
        )


def pools(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(1, 4)):
        y = b.rng.uniform(b.ground, 1)
        b.shape(oval(b.rng.random(), y, b.rng.uniform(0.15, 0.4), 0.04), mix(b.haze, (112, 150, 170), 0.6))


def sea(b: Backdrop) -> None:
    c = jitter((86, 146, 184), b.rng, 0.02)
    b.shape(poly([(0, b.ground - 0.16), (1, b.ground - 0.16), (1, b.ground), (0, b.ground)]), c)
    for k in range(3):
        y = b.ground - 0.02 - k * 0.045
        b.shape(oval(b.rng.random(), y, 0.35, 0.008), (226, 238, 242))


def rays(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(2, 5)):
        x, lean, w = b.rng.random(), b.rng.uniform(-0.3, 0.3), b.rng.uniform(0.03, 0.08)
        outline = poly([(x - w, -0.1), (x + w, -0.1), (x + lean + w * 2.5, 1.1), (x + lean - w * 2.5, 1.1)])
        layer = Image.new("L", b.image.size, 0)
        ImageDraw.Draw(layer).polygon((outline * b.image.size).ravel().tolist(), fill=b.rng.randrange(22, 48))
        b.image.paste((235, 250, 250), (0, 0), layer)


def bubbles(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(4, 9)):
        r = b.rng.uniform(0.008, 0.03)
        b.shape(
            oval(b.rng.random(), b.rng.random(), r, r * 1.3, count=10),
            mix(b.haze, (200, 232, 240), b.rng.uniform(0.1, 0.5)),
        )


def corals(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(4, 8)):
        x, r = b.rng.random(), b.rng.uniform(0.05, 0.14)
        c = mix(jitter((206, 110, 110), b.rng, 0.5, 0.08), b.haze, 0.4)
        for k in range(3):
            b.shape(oval(x + (k - 1) * r * 0.6, b.ground - r * (0.4 + 0.4 * (k == 1)), r * 0.45, r * 0.9, count=12), c)


def weed(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(5, 10)):
        x, h = b.rng.random(), b.rng.uniform(0.2, 0.5)
        c = mix(jitter((84, 130, 70), b.rng, 0.04), b.haze, 0.35)
        b.shape(
            stroke([(x, b.ground + 0.05), (x + 0.03, b.ground - h / 2), (x - 0.02, b.ground - h)], (0.03, 0.05, 0.01)),
            c,
        )


def stones(b: Backdrop) -> None:
    for _ in range(b.rng.randrange(6, 12)):
        x, y, r = b.rng.random(), b.rng.uniform(b.ground, 1), b.rng.uniform(0.015, 0.06)
        b.shape(oval(x, y, r, r * 0.7, count=10), lit(mix(b.light, b.dark, b.rng.random()), b.rng.uniform(0.8, 1.1)))


THINGS = {
    f.__name__: f
    for f in (
        hills,
        mountains,
        clouds,
        trees,
        firs,
        acacia,
        trunks,
        leaves,
        fronds,
        dunes,
        rocks,
        bergs,
        fence,
        window,
        flowers,
        far,
        reeds,
        ripples,
        pools,
        sea,
        rays,
        bubbles,
        corals,
        weed,
        stones,
    )
}


def shadow(canvas: Canvas, bounds: tuple[float, float, float, float], y: float) -> None:
    """A soft shadow on the ground below a figure of these bounds; ``y`` is where it stands, in image pixels."""
    left, top, right, bottom = (v * canvas.scale / OVER for v in bounds)
    x, rx, ry = canvas.x / OVER + canvas.flip * (left + right) / 2, (right - left) * 0.46, (bottom - top) * 0.07 + 2
    box = [int(v * OVER) for v in (x - rx * 1.3, y - ry * 1.6, x + rx * 1.3, y + ry * 1.6)]
    level = np.hypot(*np.mgrid[-1:1:12j, -1:1:24j])
    small = Image.fromarray((np.clip(1.05 - level, 0, 0.6) / 0.6 * 107).astype(np.uint8))
    size = (max(2, box[2] - box[0]), max(2, box[3] - box[1]))
    canvas.image.paste((38, 34, 30), (box[0], box[1]), small.resize(size, Image.Resampling.BILINEAR))
