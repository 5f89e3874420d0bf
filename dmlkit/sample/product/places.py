"""Places for products: studio sweep, table, shelf, cloth, counter, desk, floor, patio, wall and what is in them.

What is far is painted very small and enlarged, which looks like depth of field; the ground near the thing is sharp and
seen by the same camera as the thing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from dmlkit.sample.colours import Colour, colour, jitter, lit, luma, mix, whole
from dmlkit.sample.product.solid import Surface
from dmlkit.sample.product.stage import FULL, Stage
from dmlkit.sample.shapes import Points, circle, oval, poly

REDUCED = 10
"""How many pixels of the layers a pixel of the far surroundings covers."""


@dataclass(frozen=True)
class Place:
    """Colours of what is behind and of the ground, by choice; what stands behind; the kind of ground.

    ``depth`` is how far behind the thing the ground ends, in the thing's unit.
    """

    walls: tuple[str, ...]
    grounds: tuple[str, ...]
    things: tuple[str, ...] = ()
    ground: str = "plain"
    depth: tuple[float, float] = (1.5, 4.0)


WARM = ("#d9cfc0", "#cfc6b8", "#c7cdc9", "#b9c4c6", "#dcd3c6", "#c9bba8", "#a9b3a6")
PALE = ("#f4f4f2", "#f2f0ec", "#eef0f2", "#f5f2ee")
WOOD = ("#b98a5a", "#a87648", "#8a5d3a", "#c9a274", "#d8ba90", "#6f4a30")

PLACES = {
    "studio": Place((*PALE, *PALE, "#dfe4e6", "#e6dccf", "#d3dbd4", "#e3d3d0"), ()),
    "table": Place((*WARM, "#7d8a86", "#8b7c6d"), WOOD, ("window", "frames", "leafy", "bokeh"), "planks", (1.2, 4.0)),
    "shelf": Place(
        (*WARM, "#e9e6df", "#8fa0a4"), (*WOOD, "#ecebe7", "#e4e0d8"), ("books", "jars"), "board", (0.75, 1.1)
    ),
    "cloth": Place(
        ("#e4dfd6", "#d5dadb", "#cbb9a8", "#a7b1b0"),
        ("#e9e4da", "#d9cdbd", "#b9c3c8", "#a4ad9e", "#cfb5a7", "#8b97a6"),
        ("bokeh", "leafy"),
        "weave",
        (1.5, 5.0),
    ),
    "counter": Place(
        ("#e2e4e2", "#d5d9d8", "#c3cdd0", "#e6e0d6"),
        ("#e7e5e1", "#d9d7d3", "#9b9c9e", "#4b4d50"),
        ("tiles", "jars"),
        "stone",
        (1.3, 2.6),
    ),
    "desk": Place(
        (*WARM, "#dfe3e6"), (*WOOD, "#ecebe8", "#d9dadb"), ("books", "frames", "window"), "planks", (1.1, 2.2)
    ),
    "floor": Place(
        (*WARM, "#e7e3dc", "#9aa7ab", "#b4a79b"),
        (*WOOD, "#b5b0a8"),
        ("skirting", "frames", "curtain"),
        "planks",
        (0.9, 2.2),
    ),
    "rug": Place((*WARM, "#e7e3dc"), WOOD, ("skirting", "curtain", "leafy"), "rug", (1.0, 2.2)),
    "patio": Place(
        ("#a9c39a", "#8fae86", "#b9cfc4", "#c6d8df"),
        ("#b9b2a6", "#a39c92", "#c9bfae"),
        ("leaves", "leaves", "bokeh"),
        "slabs",
        (2.0, 6.0),
    ),
    "lawn": Place(
        ("#a3c08c", "#9cc0c9", "#7f9f74"), ("#7fa04f", "#8fae5c", "#6f9050"), ("leaves", "leaves"), "grass", (3.0, 7.0)
    ),
    "wall": Place((*WARM, *PALE, "#7f9296", "#b58f7c", "#93a58f", "#5f6b78"), (), ("plaster",)),
    "air": Place((*WARM, *PALE, "#8c9a9c", "#6b6660", "#55606a"), (), ("window", "frames", "curtain", "bokeh")),
}


@dataclass
class Far:
    """The small image of what is far, in shares of its width and height. ``edge`` is where the ground ends."""

    image: Image.Image
    rng: Random
    edge: float
    wall: Colour

    def __post_init__(self) -> None:
        self.pen = ImageDraw.Draw(self.image)

    def shape(self, outline: Points, c: Colour) -> None:
        self.pen.polygon((outline * self.image.size).ravel().tolist(), fill=whole(c))

    def block(self, x0: float, y0: float, x1: float, y1: float, c: Colour) -> None:
        self.shape(poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), c)


def window(b: Far) -> None:
    if b.rng.random() < 0.5:
        return
    x, w, top = b.rng.uniform(-0.1, 0.8), b.rng.uniform(0.2, 0.4), b.edge * b.rng.uniform(-0.1, 0.2)
    glass = mix((226, 236, 244), b.wall, 0.15)
    b.block(x - 0.03, top - 0.04, x + w + 0.03, b.edge * 0.78, mix(b.wall, (250, 248, 244), 0.6))
    for k in range(2):
        b.block(x + k * w * 0.52, top, x + w * (0.48 + k * 0.52), b.edge * 0.74, glass)


def frames(b: Far) -> None:
    for _ in range(b.rng.randrange(0, 3)):
        x, y, w, h = (
            b.rng.random(),
            b.edge * b.rng.uniform(0.05, 0.5),
            b.rng.uniform(0.06, 0.14),
            b.rng.uniform(0.1, 0.22),
        )
        b.block(x, y, x + w, y + h, lit(b.wall, b.rng.choice((0.45, 0.7, 1.3))))
        b.block(
            x + 0.015,
            y + 0.02,
            x + w - 0.015,
            y + h - 0.02,
            jitter(mix(b.wall, (200, 170, 140), 0.4), b.rng, 0.3, 0.15),
        )


def leafy(b: Far) -> None:
    if b.rng.random() < 0.5:
        return
    x, c = (
        b.rng.choice((b.rng.uniform(-0.05, 0.2), b.rng.uniform(0.8, 1.05))),
        jitter((104, 136, 92), b.rng, 0.03, 0.06),
    )
    b.block(x - 0.045, b.edge - 0.11, x + 0.045, b.edge + 0.01, mix(b.wall, (190, 130, 96), 0.6))
    for _ in range(9):
        b.shape(
            oval(
                x + b.rng.uniform(-0.1, 0.1), b.edge - b.rng.uniform(0.12, 0.42), 0.045, 0.09, b.rng.uniform(-1, 1), 10
            ),
            mix(lit(c, b.rng.uniform(0.8, 1.2)), b.wall, 0.2),
        )


def bokeh(b: Far) -> None:
    for _ in range(b.rng.randrange(0, 7)):
        r = b.rng.uniform(0.02, 0.055)
        b.shape(
            oval(b.rng.random(), b.rng.random() * b.edge, r, r * 1.33, count=12),
            mix(b.wall, (255, 244, 214), b.rng.uniform(0.15, 0.5)),
        )


def books(b: Far) -> None:
    x = b.rng.choice((-0.02, 0.62, 0.72)) + b.rng.uniform(-0.05, 0.05)
    for _ in range(b.rng.randrange(0, 8)):
        w, h = b.rng.uniform(0.025, 0.05), b.rng.uniform(0.2, 0.38)
        b.block(x, b.edge - h, x + w, b.edge + 0.012, mix(jitter((150, 110, 96), b.rng, 0.5, 0.15), b.wall, 0.3))
        x += w + 0.004


def jars(b: Far) -> None:
    for _ in range(b.rng.randrange(0, 4)):
        x, w, h = b.rng.random(), b.rng.uniform(0.04, 0.08), b.rng.uniform(0.1, 0.26)
        c = mix(jitter((170, 150, 130), b.rng, 0.5, 0.12), b.wall, 0.4)
        b.block(x, b.edge - h, x + w, b.edge + 0.02, c)
        b.block(x + w * 0.25, b.edge - h - 0.05, x + w * 0.75, b.edge - h, lit(c, 0.8))


def tiles(b: Far) -> None:
    wide, high = b.rng.uniform(0.12, 0.2), b.rng.uniform(0.12, 0.18)
    rows = int(b.edge / high) + 1
    for row in range(rows):
        y = b.edge - (row + 1) * high
        b.block(0, y, 1, y + 0.012, lit(b.wall, 0.9))
        for k in range(int(1 / wide) + 2):
            x = (k - 0.5 * (row % 2)) * wide
            b.block(x, y, x + 0.01, y + high, lit(b.wall, 0.9))


def skirting(b: Far) -> None:
    b.block(0, b.edge - 0.07, 1, b.edge + 0.012, mix(b.wall, (246, 244, 240), 0.65))
    b.block(0, b.edge - 0.012, 1, b.edge + 0.012, lit(b.wall, 0.6))


def curtain(b: Far) -> None:
    if b.rng.random() < 0.6:
        return
    left, c = b.rng.random() < 0.5, jitter(mix(b.wall, (236, 228, 214), 0.5), b.rng, 0.08, 0.05)
    for k in range(6):
        x = k * 0.035 if left else 1 - (k + 1) * 0.035
        b.block(x, -0.1, x + 0.035, b.edge + 0.02, lit(c, 0.86 + 0.22 * (k % 2)))


def leaves(b: Far) -> None:
    for _ in range(b.rng.randrange(12, 20)):
        x, y, r = b.rng.random(), b.rng.uniform(0, b.edge), b.rng.uniform(0.04, 0.11)
        b.shape(
            oval(x, y, r, r * 1.3, count=12),
            mix(jitter((104, 146, 76), b.rng, 0.04, 0.12), b.wall, b.rng.uniform(0.1, 0.6)),
        )


def plaster(b: Far) -> None:
    for _ in range(5):
        x, y = b.rng.random(), b.rng.random()
        b.shape(oval(x, y, 0.3, 0.3, count=14), lit(b.wall, b.rng.uniform(0.97, 1.04)))


THINGS: dict[str, Callable[[Far], None]] = {
    f.__name__: f for f in (window, frames, leafy, bokeh, books, jars, tiles, skirting, curtain, leaves, plaster)
}


def paint(stage: Stage, name: str, rng: Random) -> None:
    """Paint a place behind a thing that the stage's camera looks at."""
    place = PLACES[name]
    wall = jitter(colour(rng.choice(place.walls)), rng, 0.01, 0.025)
    width, height = stage.full
    depth = rng.uniform(*place.depth)
    edge = float(stage.camera.room(np.array([0.0, 0.0, -depth]))[1]) / height if place.grounds else 1.6
    edge = max(edge, 0.0)
    y = np.linspace(0, 1, height // REDUCED)[:, None]
    x = np.linspace(-1, 1, width // REDUCED)[None, :, None]
    side = math.copysign(1.0, stage.camera.light[0])
    up = np.array(lit(wall, 1.05)) + (np.array(lit(wall, 0.9)) - lit(wall, 1.05)) * np.clip(y / max(edge, 0.3), 0, 1)
    tone = up[:, None] * (1 + 0.05 * side * x)
    ground: Colour = wall
    if place.grounds:
        ground = jitter(colour(rng.choice(place.grounds)), rng, 0.008, 0.025)
        near = np.clip((y - edge) / max(1 - edge, 0.1), 0, 1)
        down = np.array(lit(ground, 1.08)) + (np.array(lit(ground, 0.93)) - lit(ground, 1.08)) * near
        tone = np.where((y < edge)[:, None], tone, down[:, None] * (1 + 0.03 * side * x))
    elif name == "studio":
        foot = float(stage.camera.room(np.array([0.0, 0.0, -1.5]))[1]) / height
        tone = tone * (1 - 0.07 * np.exp(-(((y - foot) / 0.16) ** 2)))[:, None]
    image = Image.fromarray(
        np.clip(np.broadcast_to(tone, (height // REDUCED, width // REDUCED, 3)), 0, 255).astype(np.uint8)
    )
    far = Far(image, rng, edge if place.grounds else 1.2, wall)
    for thing in place.things:
        THINGS[thing](far)
    soft = far.image.filter(ImageFilter.GaussianBlur(rng.uniform(0.6, 1.1)))
    smooth = soft.resize((stage.width, stage.height), Image.Resampling.BICUBIC)
    stage.image.paste(smooth.resize(stage.full, Image.Resampling.NEAREST))
    if place.ground in GROUNDS:
        GROUNDS[place.ground](stage, rng, ground, depth)


def lines(stage: Stage, ends: NDArray[np.float64], c: Colour, thick: float) -> None:
    """Draw lines on the ground: ``(count, 2, 3)`` points of the room."""
    pen = ImageDraw.Draw(stage.image)
    ink, wide = whole(c), max(1, round(thick))
    for line in stage.camera.room(ends).reshape(len(ends), 4).tolist():
        pen.line(line, fill=ink, width=wide)


def along(values: NDArray[np.float64], z: tuple[float, float]) -> NDArray[np.float64]:
    return np.array([[(v, 0, z[0]), (v, 0, z[1])] for v in values])


def across(values: NDArray[np.float64], x: tuple[float, float]) -> NDArray[np.float64]:
    return np.array([[(x[0], 0, v), (x[1], 0, v)] for v in values])


def planks(stage: Stage, rng: Random, c: Colour, depth: float) -> None:
    """Boards with seams and some grain."""
    step, start = rng.uniform(0.5, 0.8), rng.uniform(-0.4, 0.4)
    seams = np.arange(-depth, 3.2, step) + start
    if rng.random() < 0.7:
        seams = seams[seams > -depth]
        lines(stage, across(seams, (-9, 9)), lit(c, 0.73), 2)
        fibre = [(x, 0.0, z) for _ in range(46) for x, z in [(rng.uniform(-4, 4), rng.uniform(-depth, 3))]]
        ends = np.array([[p, (p[0] + rng.uniform(0.3, 1.4), 0.0, p[2] + rng.uniform(-0.02, 0.02))] for p in fibre])
    else:
        lines(stage, along(np.arange(-6, 6, step) + start, (-depth, 3.2)), lit(c, 0.73), 2)
        fibre = [(x, 0.0, z) for _ in range(46) for x, z in [(rng.uniform(-3, 3), rng.uniform(-depth, 2.4))]]
        ends = np.array(
            [[p, (p[0] + rng.uniform(-0.02, 0.02), 0.0, min(p[2] + rng.uniform(0.3, 1.0), 3.0))] for p in fibre]
        )
    lines(stage, ends, lit(c, 0.92 if luma(c) > 90 else 1.12), 1.4)


def board(stage: Stage, rng: Random, c: Colour, depth: float) -> None:
    """A shelf: the board ends near in front of the thing."""
    front = rng.uniform(0.95, 1.25)
    edge = stage.camera.room(
        np.array([[-9, 0, front], [9, 0, front], [9, -0.16, front], [-9, -0.16, front]], dtype=np.float64)
    )
    pen = ImageDraw.Draw(stage.image)
    pen.polygon(edge.ravel().tolist(), fill=whole(lit(c, 0.86)))
    below = edge[[3, 2]].tolist()
    pen.polygon(
        [*below[0], *below[1], stage.full[0] * 2, stage.full[1] * 2, -stage.full[0], stage.full[1] * 2],
        fill=whole(lit(c, 0.42)),
    )
    fibre = np.array(
        [
            [(x, 0.0, z), (x + rng.uniform(0.3, 1.3), 0.0, z)]
            for _ in range(26)
            for x, z in [(rng.uniform(-3, 3), rng.uniform(-depth, front))]
        ]
    )
    lines(stage, fibre, lit(c, 0.95), 1.4)


def weave(stage: Stage, rng: Random, c: Colour, depth: float) -> None:
    """A cloth with folds, or with checks."""
    if rng.random() < 0.35:
        step = rng.uniform(0.3, 0.5)
        tone, thick = lit(c, 0.8), stage.camera.scale * step * 0.3
        lines(stage, along(np.arange(-6, 6, step), (-depth, 3)), mix(c, tone, 0.35), thick)
        lines(stage, across(np.arange(-depth, 3, step), (-9, 9)), mix(c, tone, 0.35), thick * 0.5)
    folds = np.array(
        [
            [(x, 0, z), (x + rng.uniform(-1, 1), 0, min(z + rng.uniform(0.6, 2.2), 3.2))]
            for _ in range(6)
            for x, z in [(rng.uniform(-3, 3), rng.uniform(-depth, 1.5))]
        ]
    )
    lines(stage, folds, lit(c, 0.95), 5)
    lines(stage, folds + (0.05, 0, 0), lit(c, 1.05), 4)


def stone(stage: Stage, rng: Random, c: Colour, depth: float) -> None:
    """Veins."""
    for _ in range(5):
        x, z = rng.uniform(-3, 2), rng.uniform(-depth, 2.5)
        path = [(x, 0.0, z)]
        for _ in range(6):
            x, z = x + rng.uniform(0.15, 0.5), min(z + rng.uniform(-0.3, 0.3), 3.0)
            path.append((x, 0.0, z))
        ends = np.array([path[:-1], path[1:]]).transpose(1, 0, 2)
        lines(stage, ends, lit(c, 0.93 if luma(c) > 90 else 1.12), rng.uniform(1, 3))


def slabs(stage: Stage, rng: Random, c: Colour, depth: float) -> None:
    step, start = rng.uniform(1.1, 1.7), rng.uniform(-0.5, 0.5)
    lines(stage, along(np.arange(-8, 8, step) + start, (-depth, 3.2)), lit(c, 0.70), 3)
    lines(stage, across(np.arange(-depth + step / 2, 3, step), (-9, 9)), lit(c, 0.70), 2.4)
    speck = np.array(
        [
            [(x, 0.0, z), (x + 0.03, 0.0, z)]
            for _ in range(60)
            for x, z in [(rng.uniform(-3, 3), rng.uniform(-depth, 2.6))]
        ]
    )
    lines(stage, speck, lit(c, 0.88), 1.5)


def grass(stage: Stage, rng: Random, c: Colour, depth: float) -> None:
    at = [(rng.uniform(-3, 3), rng.uniform(-depth, 2.6)) for _ in range(220)]
    blades = np.array([[(x, 0.0, z), (x + rng.uniform(-0.05, 0.05), rng.uniform(0.04, 0.1), z)] for x, z in at])
    lines(stage, blades[::2], lit(c, 0.81), 1.6)
    lines(stage, blades[1::2], lit(c, 1.17), 1.6)


def rug(stage: Stage, rng: Random, c: Colour, depth: float) -> None:
    """A round or square rug on boards."""
    planks(stage, rng, c, depth)
    tone = jitter(colour(rng.choice(("#b9a58f", "#8d9aa4", "#a3574a", "#d8d0c2", "#6f7f74"))), rng, 0.02, 0.04)
    for size, factor in ((1.0, 1.0), (0.9, 1.18), (0.85, 0.96)):
        x, z = (circle(48) * (1.75 * size, 1.35 * size)).T
        ring = np.stack([x, 0 * x, np.clip(z + 0.1, -depth + 0.05, 2.6)], axis=1)
        ImageDraw.Draw(stage.image).polygon(stage.camera.room(ring).ravel().tolist(), fill=whole(lit(tone, factor)))


GROUNDS: dict[str, Callable[[Stage, Random, Colour, float], None]] = {
    f.__name__: f for f in (planks, board, weave, stone, slabs, grass, rug)
}


def shadow(stage: Stage, surfaces: list[Surface], strength: float, wall: float | None) -> None:
    """The shadow of things on the ground, or on a wall at z = ``wall``: soft where the light is blocked, dark at the foot."""
    small = (stage.full[0] // 4, stage.full[1] // 4)
    cast, touch = Image.new("L", small, 0), Image.new("L", small, 0)
    pens = ImageDraw.Draw(cast), ImageDraw.Draw(touch)
    beam = np.asarray(stage.camera.light)
    cy, sy = math.cos(stage.camera.yaw), math.sin(stage.camera.yaw)
    for surface in surfaces:
        if not surface.casts:
            continue
        grid = surface.grid[:, :: max(1, surface.grid.shape[1] // 12)]
        x, z = grid[..., 0] * cy + grid[..., 2] * sy, grid[..., 2] * cy - grid[..., 0] * sy
        room = np.stack([x, grid[..., 1], z], axis=-1)
        if wall is not None:
            fall = room - beam * ((room[..., 2:] - wall) / beam[2]) * 0.5
            fall[..., 2] = wall
        else:
            fall = room - beam * np.minimum(room[..., 1:2], 1.6) / beam[1] * 0.62
            fall[..., 1] = 0
        at = stage.camera.room(fall) / 4
        for k in range(0, len(at) - 1, 7):
            pens[0].polygon(hull(at[k : k + 8].reshape(-1, 2)), fill=255)
        if wall is None and (low := room[room[..., 1] < 0.12]).size:
            pens[1].polygon(hull(stage.camera.room(low * (1, 0, 1)) / 4), fill=255)
    soft, dark = cast.filter(ImageFilter.BoxBlur(5.0)), touch.filter(ImageFilter.BoxBlur(1.5))
    both = ImageChops.add(
        soft.point([round(v * 0.45 * strength) for v in range(256)]),
        dark.point([round(v * 0.5 * strength) for v in range(256)]),
    )
    bounds = both.getbbox()
    if bounds:
        full = both.crop(bounds).resize(
            ((bounds[2] - bounds[0]) * 4, (bounds[3] - bounds[1]) * 4), Image.Resampling.BILINEAR
        )
        stage.image.paste((24, 22, 24), (bounds[0] * 4, bounds[1] * 4), full)


def hull(points: NDArray[np.float64]) -> list[float]:
    """The outermost of some points in sixteen directions, as an outline."""
    far: list[float] = points[np.argmax(points @ DIRECTIONS, axis=0)].ravel().tolist()
    return far


DIRECTIONS = circle(16).T


def in_front(stage: Stage, rng: Random) -> None:
    """Something out of focus that comes in at an edge, now and then."""
    if rng.random() > 0.22:
        return
    width, height = stage.full[0] // 8, stage.full[1] // 8
    layer, right = Image.new("L", (width, height), 0), rng.random() < 0.5
    pen = ImageDraw.Draw(layer)
    green = rng.random() < 0.6
    for _ in range(3 if green else 1):
        x, y = (rng.uniform(0.96, 1.06) if right else rng.uniform(-0.06, 0.04)), rng.uniform(0.55, 1.05)
        outline = oval(x, y, 0.05 if green else 0.09, 0.2 if green else 0.12, rng.uniform(-1.2, 1.2), 14)
        pen.polygon((outline * (width, height)).ravel().tolist(), fill=220)
    tone = jitter((92, 126, 70) if green else (150, 120, 104), rng, 0.05 if green else 0.4, 0.1)
    soft = layer.filter(ImageFilter.GaussianBlur(1.6))
    x0, y0, x1, y1 = soft.getbbox() or (0, 0, 1, 1)
    full = soft.crop((x0, y0, x1, y1)).resize(((x1 - x0) * 8, (y1 - y0) * 8), Image.Resampling.BILINEAR)
    stage.image.paste(whole(tone), (x0 * 8, y0 * 8), full)
    stage.shade.paste(FULL, (x0 * 8, y0 * 8), full)
    stage.shine.paste(0, (x0 * 8, y0 * 8), full)
