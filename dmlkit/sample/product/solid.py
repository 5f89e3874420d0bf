"""Solid things as grids of points: turned bodies, lofts, tubes, rounded boxes, plates.

x grows to the right, y upwards, z towards the viewer; the thing stands on y = 0 and its largest measure is about 2.
A grid is ``(rows, columns, 3)``: columns run around (u), rows along (v); seen from outside, u grows to the right and
v upwards. Nothing here draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dmlkit.sample.colours import Colour
from dmlkit.sample.shapes import Pairs, Points, curve, poly

Grid = NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """How a surface answers to light.

    ``shine`` is the strength of its highlight and ``spread`` the highlight's half breadth in radians; ``metal`` is the
    share of mirrored surroundings in its shade, ``clear`` the share of what shows through it; ``texture`` and
    ``rough`` are the grain of the surface and its strength.
    """

    shine: float = 0.0
    spread: float = 0.3
    metal: float = 0.0
    clear: float = 0.0
    texture: str = "skin"
    rough: float = 0.0


MATT = Material(rough=0.014)
SATIN = Material(0.22, 0.45)
GLOSSY = Material(0.8, 0.17)
METAL = Material(0.55, 0.22, 1.0)
GLASS = Material(0.85, 0.12, clear=0.66)


@dataclass
class Marks:
    """Shapes on a surface: ``(count, corners, 2)`` in u and v, each a polygon of one colour."""

    colour: Colour
    shapes: NDArray[np.float64]
    alpha: float = 1.0
    soft: float = 0.0


@dataclass
class Surface:
    """A grid with its colour, material and marks.

    ``flat`` shows the faces as they are, without smoothing. ``dim`` are factors of its shade at v = 0 and v = 1.
    ``glow`` is light of its own, from 0 to 1.
    ``casts`` says that it casts a shadow, which what lies inside another surface need not.
    ``outline`` cuts a flat surface out, in u and v.
    """

    grid: Grid
    colour: Colour
    material: Material = MATT
    marks: list[Marks] = field(default_factory=list)
    flat: bool = False
    dim: tuple[float, float] = (1.0, 1.0)
    glow: float = 0.0
    casts: bool = True
    outline: NDArray[np.float64] | None = None

    def measure(self) -> tuple[float, float]:
        """How long it is around and along."""
        around = np.sqrt((np.diff(self.grid, axis=1) ** 2).sum(axis=2)).sum(axis=1)
        along = np.sqrt((np.diff(self.grid, axis=0) ** 2).sum(axis=2)).sum(axis=0)
        return float(np.median(around)), float(np.median(along))


def spots(grid: Grid, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points of a grid at u and v (``(..., 2)``, each from 0 to 1), between its own."""
    rows, columns = grid.shape[:2]
    x = np.clip(at[..., 0], 0, 1) * (columns - 1)
    y = np.clip(at[..., 1], 0, 1) * (rows - 1)
    i, j = np.minimum(x.astype(int), columns - 2), np.minimum(y.astype(int), rows - 2)
    fx, fy = (x - i)[..., None], (y - j)[..., None]
    low = grid[j, i] * (1 - fx) + grid[j, i + 1] * fx
    high = grid[j + 1, i] * (1 - fx) + grid[j + 1, i + 1] * fx
    between: NDArray[np.float64] = low * (1 - fy) + high * fy
    return between


def turned(profile: Pairs, columns: int = 40) -> Grid:
    """A body of revolution about the y axis; ``profile`` has radius and height, upwards on the outside."""
    line = np.asarray(profile, dtype=np.float64)
    angle = (np.arange(columns + 1) / columns - 0.5) * (2 * math.pi)
    out = np.empty((len(line), columns + 1, 3))
    out[..., 0] = line[:, :1] * np.sin(angle)
    out[..., 1] = line[:, 1:]
    out[..., 2] = line[:, :1] * np.cos(angle)
    return out


def smooth(points: Pairs, steps: int = 4) -> Points:
    """A smooth profile through the points."""
    return curve(points, steps)


def inside(profile: Pairs, wall: float, bottom: float) -> Points:
    """The inner side of an open profile, from the rim down to the middle of the inner bottom at height ``bottom``."""
    line = np.asarray(profile, dtype=np.float64)
    down = line[line[:, 1] > bottom][::-1] - (wall, 0)
    down[:, 0] = np.maximum(down[:, 0], 0.01)
    return np.concatenate([down, [(down[-1, 0] * 0.9, bottom), (0.0, bottom)]])


def loft(sections: Sequence[Sequence[float]], power: float = 2.0, columns: int = 40) -> Grid:
    """A body of sections one above the other: each (y, rx, rz) or (y, rx, rz, x, z) with the middle at x and z.

    ``power`` is 2 for ellipses and larger for boxes with round corners.
    """
    angle = (np.arange(columns + 1) / columns - 0.5) * (2 * math.pi)
    s, c = np.sin(angle), np.cos(angle)
    ring_x = np.sign(s) * np.abs(s) ** (2 / power)
    ring_z = np.sign(c) * np.abs(c) ** (2 / power)
    table = np.zeros((len(sections), 5))
    for k, section in enumerate(sections):
        table[k, : len(section)] = section
    out = np.empty((len(table), columns + 1, 3))
    out[..., 0] = table[:, 1:2] * ring_x + table[:, 3:4]
    out[..., 1] = table[:, :1]
    out[..., 2] = table[:, 2:3] * ring_z + table[:, 4:5]
    return out


def cushion(
    size: tuple[float, float, float], middle: tuple[float, float, float], power: float = 5.0, puff: float = 0.3
) -> Grid:
    """A rounded box of the whole ``size`` about ``middle``; ``puff`` is how much of its height its edges are round."""
    half = np.asarray(size) / 2
    angle = np.linspace(-math.pi / 2, math.pi / 2, 9)
    edge = half[1] * puff
    rows: list[tuple[float, float, float]] = [(-half[1], 0.0, 0.0)]
    for a in angle:
        y = math.sin(a) * edge + math.copysign(half[1] - edge, a) if a else 0.0
        inset = (1 - math.cos(a)) * min(edge, half[0], half[2])
        rows.append((y, half[0] - inset, half[2] - inset))
    rows.append((half[1], 0.0, 0.0))
    out: Grid = loft(rows, power, 36) + np.asarray(middle)
    return out


def box(
    x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], bevel: float = 0.012, taper: float = 1.0
) -> Grid:
    """A box between bounds with a narrow bevel; ``taper`` is the size of its lower end against the upper one."""
    cx, cz, hx, hz = (x[0] + x[1]) / 2, (z[0] + z[1]) / 2, (x[1] - x[0]) / 2, (z[1] - z[0]) / 2
    b = min(bevel, hx * 0.4, hz * 0.4, (y[1] - y[0]) * 0.4)

    def ring(height: float, inset: float, scale: float) -> list[tuple[float, float, float]]:
        ax, az = (hx - inset) * scale, (hz - inset) * scale
        corners = [
            (-ax + b, -az),
            (-ax, -az + b),
            (-ax, az - b),
            (-ax + b, az),
            (ax - b, az),
            (ax, az - b),
            (ax, -az + b),
            (ax - b, -az),
        ]
        return [(cx + px, height, cz + pz) for px, pz in [*corners, corners[0]]]

    middle = [(cx, y[0], cz)] * 9
    rings = [middle, ring(y[0], b, taper), ring(y[0] + b, 0, taper), ring(y[1] - b, 0, 1), ring(y[1], b, 1)]
    return np.array([*rings, [(cx, y[1], cz)] * 9])


def tube(
    path: Pairs | Sequence[Sequence[float]],
    radii: float | Sequence[float],
    columns: int = 10,
    steps: int = 4,
    flat: float = 1.0,
) -> Grid:
    """A tube along a smooth path of points in space; ``flat`` below 1 makes it a strap, wide across the plane that it lies in."""
    nodes = np.asarray(path, dtype=np.float64)
    line = curve(nodes, steps)
    wide = np.full(len(nodes), radii) if isinstance(radii, (int, float)) else np.asarray(radii, dtype=np.float64)
    radius = curve(np.stack([wide, wide], axis=1), steps)[:, :1]
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1)[:, None] + 1e-9
    guide = np.eye(3)[2 - int(np.argmin(np.ptp(nodes, axis=0)[::-1]))]  # no path runs along it
    first = np.cross(along, guide)
    first /= np.linalg.norm(first, axis=1)[:, None] + 1e-9
    second = np.cross(along, first)
    # (first, second, along) is left-handed, so the ring runs against the angle to have its outside out.
    angle = np.arange(columns + 1) / columns * (-2 * math.pi)
    ring = np.cos(angle)[None, :, None] * first[:, None] * flat + np.sin(angle)[None, :, None] * second[:, None]
    body = line[:, None] + ring * radius[:, None, :]
    ends = np.repeat(line[[0, -1], None], columns + 1, axis=1)
    out: Grid = np.concatenate([ends[:1], body, ends[1:]])
    return out


def hoop(half: float, foot: float, top: float, z: float = 0.0, out: float = 0.88) -> list[tuple[float, float, float]]:
    """The path of a handle that stands up from -half to half, from the height ``foot`` to ``top``."""
    side, high = half * out, foot + (top - foot) * 0.62
    return [(-half, foot, z), (-side, high, z), (0.0, top, z), (side, high, z), (half, foot, z)]


def prism(outline: Pairs, z: tuple[float, float], bevel: float = 0.02) -> Grid:
    """The sides and the front of an outline (x, y; star-shaped about its middle) that reaches from z[0] to z[1].

    Rows run from the back to the front, the last one is the middle of the front.
    """
    ring = poly(outline)
    area = float(np.sum(ring[:, 0] * np.roll(ring[:, 1], -1) - ring[:, 1] * np.roll(ring[:, 0], -1)))
    if area < 0:
        ring = ring[::-1]
    ring = np.concatenate([ring, ring[:1]])
    low, high = ring.min(axis=0), ring.max(axis=0)
    middle = (low + high) / 2
    shrink = 1 - bevel / max(float((high - low).min()) / 2, bevel * 2)
    rows = [
        (middle, z[0], 0.0),
        (middle, z[0], shrink),
        (middle, z[0] + bevel, 1.0),
        (middle, z[1] - bevel, 1.0),
        (middle, z[1], shrink),
        (middle, z[1], 0.0),
    ]
    return np.stack([np.column_stack([m + (ring - m) * s, np.full(len(ring), depth)]) for m, depth, s in rows])


def panel(x: tuple[float, float], y: tuple[float, float], z: float) -> Grid:
    """A flat rectangle that looks to the front."""
    return np.array([[(px, py, z) for px in np.linspace(*x, 9)] for py in np.linspace(*y, 9)])


def disc(radius: float, y: float, x: float = 0.0, z: float = 0.0) -> Grid:
    """A round plate that looks upwards."""
    return turned([(radius, y), (radius * 0.5, y), (0.0, y)], 32) + (x, 0, z)


def spun(grid: Grid, axis: str, angle: float, about: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Grid:
    """The grid turned about an axis through a point; angles in radians, counter-clockwise seen against the axis."""
    c, s = math.cos(angle), math.sin(angle)
    matrix = {
        "x": [(1, 0, 0), (0, c, s), (0, -s, c)],
        "y": [(c, 0, -s), (0, 1, 0), (s, 0, c)],
        "z": [(c, s, 0), (-s, c, 0), (0, 0, 1)],
    }[axis]
    out: Grid = (grid - about) @ np.array(matrix, dtype=np.float64) + about
    return out
