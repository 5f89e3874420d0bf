"""Patterns on surfaces, as shapes in u and v that turn with the thing: dots, stripes, checks, flowers, emblems.

Every pattern is measured in the unit of the thing, whatever the surface's size, and is the same in each image.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from dmlkit.sample.colours import Colour, lit, luma, mix
from dmlkit.sample.product.finish import Finish
from dmlkit.sample.product.solid import Grid, Marks, Surface, spots
from dmlkit.sample.shapes import Pairs, circle

Shapes = NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """The part of a surface that has a pattern, measured along the surface.

    ``across`` and ``up`` are the lengths from its lower left to its columns and rows, in the thing's unit; ``u`` and
    ``v`` are where these are. ``closed`` surfaces go around: the pattern meets itself behind.
    """

    across: Shapes
    u: Shapes
    up: Shapes
    v: Shapes
    closed: bool

    @property
    def width(self) -> float:
        return float(self.across[-1])

    @property
    def height(self) -> float:
        return float(self.up[-1])

    def put(self, shapes: Shapes) -> Shapes:
        """Shapes in the thing's unit, from the lower left of the field, as u and v."""
        x, y = np.interp(shapes[..., 0], self.across, self.u), np.interp(shapes[..., 1], self.up, self.v)
        return np.stack([x, y], axis=-1)

    def pitch(self, about: float) -> float:
        """The step nearest to ``about`` that divides the field's width."""
        return self.width / max(1, round(self.width / about))


def field_of(grid: Grid, u: tuple[float, float], v: tuple[float, float]) -> Field:
    """The field between bounds in u and v; lengths around are taken where it is wide, lengths along by the median."""
    rows, columns = grid.shape[:2]
    us, vs = np.linspace(*u, columns), np.linspace(*v, max(rows, 9))
    first, last = int(v[0] * (rows - 1)), max(math.ceil(v[1] * (rows - 1)), 1)
    turns = lengths(grid[first : last + 1]).sum(axis=1)
    row = first + int(np.argsort(turns, kind="stable")[int(len(turns) * 0.75)])
    wide = lengths(spots(grid, np.stack([us, np.full(columns, row / (rows - 1))], axis=-1)))
    some = np.stack(np.meshgrid(vs, np.linspace(*u, 5), indexing="xy"), axis=-1)[..., ::-1]
    tall = np.median(lengths(spots(grid, some)), axis=0)
    closed = bool(u[1] - u[0] > 0.99 and np.allclose(grid[:, 0], grid[:, -1]))
    return Field(np.append(0.0, np.cumsum(wide + 1e-9)), us, np.append(0.0, np.cumsum(tall + 1e-9)), vs, closed)


def lengths(points: Grid) -> Shapes:
    """The ways from each point to the next, along the last axis but one."""
    steps = np.diff(points, axis=-2)
    return np.asarray(np.sqrt((steps * steps).sum(axis=-1)))


def quads(x0: Shapes, x1: Shapes, y0: Shapes, y1: Shapes) -> Shapes:
    """Rectangles with two points on each long side, so that they follow the surface."""
    mid = (x0 + x1) / 2
    corners = [(x0, y0), (mid, y0), (x1, y0), (x1, y1), (mid, y1), (x0, y1)]
    return np.stack([np.stack(np.broadcast_arrays(x, y), axis=-1) for x, y in corners], axis=-2)


def sheet(x: tuple[float, float], y: tuple[float, float]) -> Shapes:
    """A large rectangle as many small ones."""
    across, up = max(2, math.ceil((x[1] - x[0]) / 0.16)), max(1, math.ceil((y[1] - y[0]) / 0.12))
    xs, ys = np.linspace(*x, across + 1), np.linspace(*y, up + 1)
    gx, gy = np.meshgrid(np.arange(across), np.arange(up))
    i, j = gx.ravel(), gy.ravel()
    return quads(xs[i], xs[i + 1], ys[j], ys[j + 1])


def dots(f: Field, rng: Random) -> Shapes:
    step = f.pitch(rng.choice((0.2, 0.26, 0.32)))
    radius = step * rng.uniform(0.25, 0.31)
    rows = max(1, int(f.height / (step * 0.87)))
    first = (f.height - (rows - 1) * step * 0.87) / 2
    at = [
        ((k + 0.5 * (row % 2)) * step, first + row * step * 0.87)
        for row in range(rows)
        for k in range(round(f.width / step) + 1)
    ]
    out: Shapes = circle(12) * radius + np.array(at)[:, None]
    return out


def stripes(f: Field, rng: Random) -> Shapes:
    step = f.pitch(rng.choice((0.16, 0.22, 0.3)))
    wide = step * rng.choice((0.35, 0.5))
    one = sheet((0, wide), (0, f.height))
    return np.concatenate([one + (k * step, 0) for k in range(round(f.width / step))])


def rings(f: Field, rng: Random) -> Shapes:
    count = max(2, round(f.height / rng.choice((0.16, 0.22, 0.28))))
    step = f.height / count
    wide = step * rng.choice((0.36, 0.5))
    one = sheet((0, f.width), (-wide / 2, wide / 2))
    return np.concatenate([one + (0, step * (k + 0.5)) for k in range(count)])


def band(f: Field, rng: Random) -> Shapes:
    at, wide = f.height * rng.uniform(0.45, 0.68), min(rng.uniform(0.14, 0.22), f.height * 0.3)
    lines = [(at - wide / 2, at + wide / 2)]
    if rng.random() < 0.6:
        lines += [(at - wide * 0.95, at - wide * 0.75), (at + wide * 0.75, at + wide * 0.95)]
    return np.concatenate([sheet((0, f.width), line) for line in lines])


def dip(f: Field, rng: Random) -> Shapes:
    return sheet((0, f.width), (-0.5, f.height * rng.uniform(0.36, 0.5)))


def checks(f: Field, rng: Random) -> Shapes:
    step = f.pitch(rng.choice((0.15, 0.2, 0.26)) * 2) / 2
    cells = [(i, j) for j in range(math.ceil(f.height / step)) for i in range(round(f.width / step)) if (i + j) % 2]
    at = np.array(cells, dtype=np.float64) * step
    x, y = at[:, 0], at[:, 1]
    return quads(x, x + step, y, np.minimum(y + step, f.height))


def zigzag(f: Field, rng: Random) -> Shapes:
    step = f.pitch(rng.choice((0.2, 0.28)))
    rows = max(1, round(f.height / (step * 1.5)))
    high = f.height / rows
    wide = min(high * 0.32, step * 0.42)
    shapes = []
    for row in range(rows):
        y = high * (row + 0.5) - wide / 2
        for k in range(round(f.width / step)):
            for x0, x1, y0, y1 in ((k, k + 0.5, -1, 1), (k + 0.5, k + 1, 1, -1)):
                a, b = y + y0 * step * 0.3, y + y1 * step * 0.3
                shapes.append(
                    [
                        (x0 * step, a),
                        ((x0 + x1) / 2 * step, (a + b) / 2),
                        (x1 * step, b),
                        (x1 * step, b + wide),
                        ((x0 + x1) / 2 * step, (a + b) / 2 + wide),
                        (x0 * step, a + wide),
                    ]
                )
    return np.array(shapes)


def waves(f: Field, rng: Random) -> Shapes:
    step = f.pitch(rng.choice((0.36, 0.48)))
    rows = max(1, round(f.height / 0.24))
    high = f.height / rows
    shapes = []
    for row in range(rows):
        for k in range(round(f.width / step) * 6):
            x = np.array([k, k + 0.5, k + 1]) * step / 6
            y = high * (row + 0.5) + np.sin(x / step * 2 * math.pi) * high * 0.24
            low, top = np.stack([x, y - high * 0.13], axis=1), np.stack([x, y + high * 0.13], axis=1)
            shapes.append(np.concatenate([low, top[::-1]]))
    return np.array(shapes)


def diamonds(f: Field, rng: Random) -> Shapes:
    step = f.pitch(rng.choice((0.26, 0.34)))
    rows = max(1, round(f.height / (step * 1.25)))
    high = f.height / rows
    x, y = (
        a.ravel() for a in np.meshgrid((np.arange(round(f.width / step)) + 0.5) * step, (np.arange(rows) + 0.5) * high)
    )
    shape = np.array(
        [(-0.42, 0), (-0.21, -0.21), (0, -0.42), (0.21, -0.21), (0.42, 0), (0.21, 0.21), (0, 0.42), (-0.21, 0.21)]
    )
    out: Shapes = shape * (step, high) + np.stack([x, y], axis=1)[:, None]
    return out


def scattered(f: Field, rng: Random, about: float) -> Shapes:
    """Places in a field, about so far from each other."""
    step, rows = f.pitch(about), max(1, round(f.height / (about * 0.9)))
    high = f.height / rows
    at = [
        ((k + 0.5 * (row % 2) + rng.uniform(-0.16, 0.16)) * step, (row + 0.5 + rng.uniform(-0.14, 0.14)) * high)
        for row in range(rows)
        for k in range(round(f.width / step))
    ]
    return np.array(at)


def speckles(f: Field, rng: Random) -> Shapes:
    count = min(170, int(f.width * f.height * 60) + 10)
    at = np.array([(rng.random() * f.width, rng.random() * f.height) for _ in range(count)])
    radius = np.array([rng.uniform(0.012, 0.034) for _ in range(count)])[:, None, None]
    out: Shapes = circle(6) * radius + at[:, None]
    return out


def petals(at: Shapes, radius: float, count: int, rng: Random) -> Shapes:
    """Ovals about the places."""
    shapes = []
    for x, y in at:
        first = rng.uniform(0, math.pi)
        for k in range(count):
            a = first + k * 2 * math.pi / count
            c, s = math.cos(a), math.sin(a)
            oval = circle(9) * (radius * 0.56, radius * 0.36) + (radius * 0.62, 0)
            shapes.append(oval @ np.array([(c, s), (-s, c)]) + (x, y))
    return np.array(shapes)


def leaf_at(at: Shapes, length: float, rng: Random) -> Shapes:
    shape = np.array([(-0.5, 0), (-0.2, -0.17), (0.15, -0.17), (0.5, 0), (0.15, 0.17), (-0.2, 0.17)]) * length
    out = []
    for x, y in at:
        a = rng.uniform(0.2, 1.2) * rng.choice((-1, 1))
        c, s = math.cos(a), math.sin(a)
        out.append(shape @ np.array([(c, s), (-s, c)]) + (x, y))
    return np.array(out)


def leaves(f: Field, rng: Random) -> Shapes:
    at = scattered(f, rng, 0.24)
    return leaf_at(at, 0.24, rng)


EMBLEMS: dict[str, Pairs] = {
    "star": [(math.sin(k * math.pi / 5) * (1 if k % 2 == 0 else 0.42), math.cos(k * math.pi / 5) * (1 if k % 2 == 0 else 0.42)) for k in range(10)],
    "heart": [(0.0, -0.95), (0.55, -0.4), (0.92, 0.15), (0.85, 0.62), (0.5, 0.82), (0.16, 0.68), (0, 0.38), (-0.16, 0.68), (-0.5, 0.82), (-0.85, 0.62), (-0.92, 0.15), (-0.55, -0.4)],
    "sun": [(math.sin(k * math.pi / 12) * (1 if k % 2 == 0 else 0.66), math.cos(k * math.pi / 12) * (1 if k % 2 == 0 else 0.66)) for k in range(24)],
    "anchor": [(-0.1, 0.55), (-0.42, 0.55), (-0.42, 0.4), (-0.1, 0.4), (-0.1, -0.6), (-0.5, -0.42), (-0.66, -0.05), (-0.5, -0.1), (-0.9, -0.05), (-0.82, 0.2), (-0.95, -0.3), (-0.5, -0.85), (0, -1), (0.5, -0.85), (0.95, -0.3), (0.82, 0.2), (0.9, -0.05), (0.5, -0.1), (0.66, -0.05), (0.5, -0.42), (0.1, -0.6), (0.1, 0.4), (0.42, 0.4), (0.42, 0.55), (0.1, 0.55), (0.16, 0.8), (0, 1), (-0.16, 0.8)],
    "monogram": [(-0.8, -1), (-0.8, 1), (-0.45, 1), (0, 0.1), (0.45, 1), (0.8, 1), (0.8, -1), (0.48, -1), (0.48, 0.25), (0.12, -0.45), (-0.12, -0.45), (-0.48, 0.25), (-0.48, -1)],
}  # fmt: skip
"""Single figures, from -1 to 1."""

REPEATED: dict[str, Callable[[Field, Random], Shapes]] = {
    "dots": dots,
    "stripes": stripes,
    "rings": rings,
    "band": band,
    "dip": dip,
    "checks": checks,
    "zigzag": zigzag,
    "waves": waves,
    "diamonds": diamonds,
    "speckles": speckles,
    "leaves": leaves,
}


def emblem(f: Field, name: str, centres: tuple[float, ...], size: float) -> Shapes:
    """The figure of a name about places of the field, given as shares of its width."""
    shape = np.asarray(EMBLEMS[name], dtype=np.float64)[::-1]
    radius = min(size, f.height * 0.36)
    y = f.height * 0.52
    return np.array([shape * radius + (f.width * c, y) for c in centres])


def flowers(f: Field, finish: Finish, rng: Random) -> list[Marks]:
    at = scattered(f, rng, rng.choice((0.36, 0.44)))
    radius = 0.13
    green = mix((96, 132, 78), finish.accent, 0.15) if luma(finish.base) > 90 else (150, 178, 128)
    centre: Colour = (236, 190, 72) if abs(luma(finish.accent) - 190) > 25 else (122, 62, 38)
    return [
        Marks(green, f.put(leaf_at(at + (radius * 1.1, -radius * 0.8), radius * 1.5, rng))),
        Marks(finish.accent, f.put(petals(at, radius, 5, rng))),
        Marks(centre, f.put(circle(9) * (radius * 0.32) + at[:, None])),
    ]


def pattern_marks(
    grid: Grid,
    finish: Finish,
    u: tuple[float, float] = (0.0, 1.0),
    v: tuple[float, float] = (0.0, 1.0),
    centres: tuple[float, ...] = (0.5,),
    size: float = 0.34,
) -> list[Marks]:
    """The marks of a finish on a part of a grid; none for a finish whose pattern is a part of the thing.

    ``centres`` are where a single figure stands, as shares of the part's width.
    """
    f = field_of(grid, u, v)
    rng = finish.rng("pattern")
    if f.closed and centres == (0.5,):
        centres = (0.0, 0.5, 1.0)
    if finish.pattern in EMBLEMS:
        return [Marks(finish.accent, f.put(emblem(f, finish.pattern, centres, size)))]
    if finish.pattern == "flowers":
        return flowers(f, finish, rng)
    if finish.pattern in REPEATED:
        return [Marks(finish.accent, f.put(REPEATED[finish.pattern](f, rng)))]
    return []


def grain(
    grid: Grid,
    finish: Finish,
    u: tuple[float, float] = (0.0, 1.0),
    v: tuple[float, float] = (0.0, 1.0),
    along: bool = False,
) -> list[Marks]:
    """The lines of wood on a part of a grid, around it or along it."""
    f, rng = field_of(grid, u, v), finish.rng("grain")
    long, across = (f.height, f.width) if along else (f.width, f.height)
    shapes = []
    for k in range(max(3, min(40, round(across / 0.06)))):
        y = (k + rng.uniform(0.2, 0.8)) * across / max(3, round(across / 0.06))
        thick, sway = rng.uniform(0.01, 0.024), rng.uniform(-0.03, 0.03)
        start = rng.uniform(0, long)
        x = np.linspace(start, start + rng.uniform(0.3, 0.9), 7)
        line = y + np.sin(np.linspace(0, 3, 7)) * sway
        for i in range(6):
            part = [(x[i], line[i]), (x[i + 1], line[i + 1]), (x[i + 1], line[i + 1] + thick), (x[i], line[i] + thick)]
            shapes.append(part)
    lines = np.array(shapes)
    if along:
        lines = lines[..., ::-1]
    if f.closed and not along:
        lines[..., 0] %= f.width
        lines = lines[np.ptp(lines[..., 0], axis=1) < f.width / 2]
    return [Marks(finish.near(0.66), f.put(lines), 0.6)]


def weave(
    grid: Grid,
    colour: Colour,
    u: tuple[float, float] = (0.0, 1.0),
    v: tuple[float, float] = (0.0, 1.0),
    cell: float = 0.1,
) -> list[Marks]:
    """The strands of wicker on a part of a grid: over and under by turns."""
    f = field_of(grid, u, v)
    step, rows = f.pitch(cell * 2) / 2, max(2, round(f.height / (cell * 0.62)))
    high = f.height / rows
    cells = [(i, j) for j in range(rows) for i in range(round(f.width / step))]
    at = np.array(cells, dtype=np.float64) * (step, high)
    odd = np.array([(i + j) % 2 == 1 for i, j in cells])
    x, y = at[:, 0], at[:, 1]
    over = quads(x + step * 0.02, x + step * 0.98, y + high * 0.1, y + high * 0.9)
    seam = sheet((0, f.width), (-high * 0.09, high * 0.09))
    lines = np.concatenate([seam + (0, j * high) for j in range(rows + 1)])
    return [
        Marks(lit(colour, 0.72), f.put(over[odd]), 0.75),
        Marks(lit(colour, 1.2), f.put(over[~odd]), 0.8),
        Marks(lit(colour, 0.5), f.put(lines), 0.7),
    ]


def main(grid: Grid, finish: Finish, **where: tuple[float, ...]) -> Surface:
    """The surface that carries a product's finish: base colour, material, grain or weave, and pattern."""
    u, v = where.get("u", (0.0, 1.0)), where.get("v", (0.0, 1.0))
    u2, v2 = (u[0], u[1]), (v[0], v[1])
    marks: list[Marks] = []
    if finish.kind == "wood":
        marks += grain(grid, finish)
    if finish.kind == "wicker":
        marks += weave(grid, finish.base, u2, v2)
    marks += pattern_marks(grid, finish, u2, v2, where.get("centres", (0.5,)))
    return Surface(grid, finish.base, finish.material, marks)
