"""Solids of the vehicle drawings: hulls, wheels and the patches that lie on them, in metres.

x points forward, y to the left of the vehicle, z up; the origin is on the ground below the middle. A hull is a stack of
rounded rectangles. A place on its skirt is ``(a, t)`` on one side: ``a`` goes round from the middle of the front (0) by
the front corner (1 to 2), the side (2 to 3) and the rear corner (3 to 4) to the middle of the rear (5); ``t`` goes from
the lower edge (0) to the upper (1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dmlkit.sample.colours import Colour
from dmlkit.sample.shapes import Pairs, Points, circle

Space = NDArray[np.float64]
"""Points in space: an array whose last axis is x, y, z."""

ROUND = (0.0, 0.6, 1.0, 1.17, 1.33, 1.5, 1.67, 1.83, 2.0)
"""Where the front half of a ring is cut into quads."""


@dataclass
class Patch:
    """A coloured outline on a surface, with the normal of the surface at each of its points.

    ``kind`` says what its colour is for: ``glass``, ``head``, ``tail``, ``lit`` and so on change with the light.
    ``gloss`` replaces the gloss of what it covers: 0 is matt, 1 is as shiny as paint.
    """

    points: Space
    normals: Space
    colour: Colour
    kind: str = ""
    gloss: float | None = None


@dataclass
class Piece:
    """What is painted at once: quads, far ones first, then patches. Pieces of a lower ``layer`` come earlier.

    The first quads stand in columns of ``tall``, ``skirt`` in all; a column has one colour and is painted as one
    outline. ``upper`` is the colour of the other quads. Pieces of one ``group``, a place along the vehicle, stay together:
    the group that is farther from the camera comes first. A piece that stands out beyond a side (``beyond`` is the ``y``
    of that side) comes before all others when the camera does not look at that side.
    """

    quads: Space
    normals: Space
    colour: Colour
    layer: float
    gloss: float = 1.0
    upper: Colour | None = None
    skirt: int = 0
    tall: int = 1
    group: float | None = None
    beyond: tuple[int, float] | None = None
    patches: list[Patch] = field(default_factory=list)

    def join(self) -> None:
        """Find the middle, and the outlines of the columns."""
        everywhere = [self.quads.reshape(-1, 3), *(p.points for p in self.patches)]
        self.middle = np.concatenate(everywhere).mean(axis=0)
        columns = self.quads[: self.skirt].reshape(-1, self.tall, 4, 3)
        sides = [columns[:, :, 0], columns[:, -1:, 1], columns[:, -1:, 2], columns[:, ::-1, 3]]
        self.columns = np.concatenate(sides, axis=1) if self.skirt else np.empty((0, 4, 3))

    def rank(self, eye: Space) -> tuple[float, float, float, float]:
        """When it is painted for a camera at ``eye``: pieces of a lower rank come first."""
        own = -float(np.linalg.norm(self.middle - eye))
        if self.beyond is not None:
            axis, edge = self.beyond
            if (eye[axis] - edge) * math.copysign(1, edge) < 0:
                return 0.01, 0.0, 0.0, own
        if self.group is not None:
            return 1.0, -abs(self.group - float(eye[0])), self.layer, own
        return self.layer, 0.0, 0.0, own


class Bundle:
    """The pieces of a vehicle with all their points in a few arrays, so that a camera projects them at once."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.quads = np.concatenate([p.quads for p in pieces])
        self.normals = np.concatenate([p.normals for p in pieces])
        self.middles = self.quads.mean(axis=1)
        self.gloss = np.repeat([p.gloss for p in pieces], [len(p.quads) for p in pieces])
        self.columns = np.concatenate([p.columns.reshape(-1, 3) for p in pieces])
        patches = [patch for p in pieces for patch in p.patches]
        lengths = np.array([len(patch.points) for patch in patches], dtype=np.int64)
        self.points = np.concatenate([patch.points for patch in patches])
        self.across = np.concatenate([patch.normals for patch in patches])
        self.starts: NDArray[np.int64] = np.cumsum(lengths) - lengths
        self.begins = [
            (
                sum(len(q.quads) for q in pieces[:k]),
                sum(q.columns.size // 3 for q in pieces[:k]),
                sum(len(q.patches) for q in pieces[:k]),
            )
            for k in range(len(pieces))
        ]
        self.cloud = self.quads.reshape(-1, 3)
        """What bounds the vehicle."""


@dataclass(frozen=True)
class Hull:
    """A body that is rounded in plan and follows a line below and a line above.

    ``bottom`` and ``top`` are ``(x, z)`` with x rising; ``front`` and ``rear`` are ``(t, x)``, ``half`` is ``(t, y)``
    with t rising. ``nose`` and ``tail`` are the radii of the corners along x and along y.
    """

    bottom: Pairs
    top: Pairs
    front: Pairs
    rear: Pairs
    half: Pairs
    nose: tuple[float, float] = (0.3, 0.5)
    tail: tuple[float, float] = (0.2, 0.35)
    crown: float = 0.04

    @property
    def width(self) -> float:
        """Half the width at half the height."""
        return float(along(self.half, np.array([0.5]))[0])

    def at(self, a: Points, t: Points, s: Points | float) -> Space:
        """Points of the skirt."""
        xf, xr, w = along(self.front, t), along(self.rear, t), along(self.half, t)
        (rxf, ryf), (rxr, ryr) = self.nose, self.tail
        slim = w / self.width
        ryf_, ryr_ = ryf * slim, ryr * slim
        turn, back = np.clip(a - 1, 0, 1) * (math.pi / 2), np.clip(a - 3, 0, 1) * (math.pi / 2)
        x = xf - rxf * (1 - np.cos(turn)) - np.clip(a - 2, 0, 1) * (xf - rxf - xr - rxr) - rxr * np.sin(back)
        y = np.clip(a, 0, 1) * (w - ryf_) + ryf_ * np.sin(turn) - ryr_ * (1 - np.cos(back))
        y = y - np.clip(a - 4, 0, 1) * (w - ryr_)
        low = along(self.bottom, x)
        return np.stack([x, y * s, low + t * (along(self.top, x) - low)], axis=-1)

    def on_side(self, at: Points, s: Points, level: bool) -> tuple[Space, Space]:
        """Points and normals of places ``(x, z)`` on the sides ``s``; of ``(x, t)`` where ``level``."""
        x, t = at[:, 0], at[:, 1]
        if not level:
            t = self.level(x, t)
        t = np.clip(t, 0, 1)
        xf, xr = along(self.front, t), along(self.rear, t)
        (rxf, _), (rxr, _) = self.nose, self.tail
        front = np.arccos(np.clip(1 - (xf - x) / rxf, 0, 1)) * (2 / math.pi)
        rear = np.arcsin(np.clip((xr + rxr - x) / rxr, 0, 1)) * (2 / math.pi)
        middle = np.clip((xf - rxf - x) / (xf - rxf - xr - rxr), 0, 1)
        return self.surface(1 + front + middle + rear, t, s)

    def on_end(self, at: Points, front: bool, level: bool) -> tuple[Space, Space]:
        """Points and normals of places ``(q, z)`` on the front or the rear; of ``(q, t)`` where ``level``.

        ``q`` is the way in metres along the ring from the middle, positive to the left; it may go round the corner.
        """
        s = np.where(at[:, 0] < 0, -1.0, 1.0)
        t = at[:, 1]
        a = self.round(np.abs(at[:, 0]), front)
        if not level:
            t = np.full(len(a), 0.5)
            for _ in range(
                3
            ):  # a nose that leans back meets the line of the bonnet further behind, and is slimmer there
                t = np.clip(self.level(self.at(a, t, 1.0)[:, 0], at[:, 1]), 0, 1)
                a = self.round(np.abs(at[:, 0]) * self.width / np.maximum(along(self.half, t), 0.2), front)
        return self.surface(a, np.clip(t, 0, 1), s)

    def round(self, q: Points, front: bool) -> Points:
        """The ``a`` of places so many metres from the middle of an end, at half the height."""
        rx, ry = self.nose if front else self.tail
        flat, corner = max(self.width - ry, 0.01), math.pi / 2 * math.sqrt((rx * rx + ry * ry) / 2)
        middle = np.array([0.5])
        long = float(along(self.front, middle)[0] - along(self.rear, middle)[0])
        a = np.clip(q / flat, 0, 1) + np.clip((q - flat) / corner, 0, 1) + np.clip((q - flat - corner) / long, 0, 1)
        return np.asarray(a if front else 5 - a)

    def level(self, x: Points, z: Points) -> Points:
        """The share of the height between the lower and the upper line at which ``z`` lies."""
        low = along(self.bottom, x)
        return np.asarray((z - low) / np.maximum(along(self.top, x) - low, 0.05))

    def surface(self, a: Points, t: Points, s: Points) -> tuple[Space, Space]:
        """Points of the skirt and the outward normals there."""
        points = self.at(a, t, s)
        b, low = np.clip(a, 0.02, 4.98), np.clip(t, 0.02, 0.98)
        along_ring = self.at(b + 0.02, low, s) - self.at(b - 0.02, low, s)
        up = self.at(b, low + 0.02, s) - self.at(b, low - 0.02, s)
        normals = np.cross(up, along_ring) * s[:, None]
        length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        return points, -normals / length

    def on_deck(self, at: Points) -> tuple[Space, Space]:
        """Points and normals of places ``(x, v)`` on the upper side; ``v`` is a share of the half width."""
        one = np.ones(1)
        xf, xr = float(along(self.front, one)[0]), float(along(self.rear, one)[0])
        x, v = np.clip(at[:, 0], xr, xf), at[:, 1]
        w = float(along(self.half, one)[0])
        slim = w / self.width
        (rxf, ryf), (rxr, ryr) = self.nose, self.tail
        ahead, behind = np.clip((x - xf + rxf) / rxf, 0, 1), np.clip((xr + rxr - x) / rxr, 0, 1)
        wide = w - slim * (ryf * (1 - np.sqrt(1 - ahead**2)) + ryr * (1 - np.sqrt(1 - behind**2)))
        z = along(self.top, x) + self.crown * (1 - v * v) * fade(x, xr, xf)
        slope = (along(self.top, x + 0.05) - along(self.top, x - 0.05)) / 0.1
        normals = np.stack([-slope, v * self.crown / w, np.ones(len(x))], axis=1)
        return np.stack([x, v * wide, z], axis=1), normals / np.linalg.norm(normals, axis=1, keepdims=True)

    def mesh(self, levels: int, steps: int, barrel: bool = False) -> tuple[Space, Space, int]:
        """Quads and outward normals of the skirt, in columns, and of the upper side; and how many are the skirt's."""
        side = np.linspace(2, 3, steps + 1)[1:-1]
        a = np.concatenate([ROUND, side, 5 - np.array(ROUND[::-1])])
        t = np.linspace(0, 1, levels + 1)
        # Closer where the surface turns: at the shoulder, of a barrel above and below.
        t = (1 - np.cos(t * math.pi)) / 2 if barrel else np.where(t > 0.5, 1 - 2 * (1 - t) ** 2, t)
        grid_t, grid_a = np.meshgrid(t, a)
        quads = []
        for s in (1.0, -1.0):
            points = self.at(grid_a.ravel(), grid_t.ravel(), s).reshape(*grid_a.shape, 3)
            quads.append(cells(points)[:, [0, 3, 2, 1]])
        skirt = len(quads[0]) * 2
        quads.append(cells(self.roof(a)))
        every = np.concatenate(quads)
        normals = np.cross(every[:, 2] - every[:, 0], every[:, 3] - every[:, 1])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
        out = every.mean(axis=1) - every.reshape(-1, 3).mean(axis=0)
        out[skirt:] = (0, 0, 1)
        out[:skirt, 2] = 0
        normals[(normals * out).sum(axis=1) < 0] *= -1
        return every, normals, skirt

    def roof(self, a: Points) -> Space:
        """The points of the upper side, one row across for each ``a``."""
        ring = self.at(a, np.ones(len(a)), 1.0)
        xf, xr = ring[:, 0].max(), ring[:, 0].min()
        v = np.array([1.0, 0.6, 0.0, -0.6, -1.0])
        points = np.repeat(ring[:, None], len(v), axis=1)
        points[..., 1] *= v
        points[..., 2] += self.crown * (1 - v * v) * fade(ring[:, 0], xr, xf)[:, None]
        return np.asarray(points)


def along(line: Pairs, at: Points) -> Points:
    """The height of a line of ``(place, height)`` at places."""
    places, heights = columns(line)
    return np.asarray(np.interp(at, places, heights))


def columns(line: Pairs) -> tuple[Points, Points]:
    """Places and heights of a line."""
    if isinstance(line, tuple):
        return cached_columns(line)
    pairs = np.asarray(line, dtype=np.float64)
    return pairs[:, 0], pairs[:, 1]


@lru_cache(maxsize=512)
def cached_columns(line: tuple[tuple[float, float], ...]) -> tuple[Points, Points]:
    pairs = np.array(line, dtype=np.float64)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def fade(x: Points, low: float, high: float) -> Points:
    """1 in the middle of a span, falling to 0 at both ends."""
    return np.asarray(np.clip(np.minimum(x - low, high - x) / 0.3, 0, 1))


def cells(points: Space) -> Space:
    """The quads of a grid of points."""
    corners = [points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]]
    return np.stack(corners, axis=2).reshape(-1, 4, 3)


def dense(outlines: Sequence[Points], step: float = 0.24) -> tuple[Points, list[int]]:
    """Outlines with points added, so that no edge is much longer than ``step``: all points, and how many each has."""
    lengths = np.array([len(o) for o in outlines])
    starts = np.cumsum(lengths) - lengths
    at = np.concatenate(outlines)
    after = np.arange(1, len(at) + 1)
    after[starts + lengths - 1] = starts
    way = at[after] - at
    counts = np.clip(np.ceil(np.abs(way).max(axis=1) / step), 1, 12).astype(int)
    first = np.cumsum(counts) - counts
    share = (np.arange(counts.sum()) - np.repeat(first, counts)) / np.repeat(counts, counts)
    points = np.repeat(at, counts, axis=0) + np.repeat(way, counts, axis=0) * share[:, None]
    return points, np.add.reduceat(counts, starts).tolist()


def line(points: Sequence[tuple[float, float]], width: float) -> Points:
    """The outline of a thin line."""
    at = np.asarray(points, dtype=np.float64)
    ahead = np.empty_like(at)
    ahead[1:-1] = at[2:] - at[:-2]
    ahead[0], ahead[-1] = at[1] - at[0], at[-1] - at[-2]
    ahead /= np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]
    across = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) * (width / 2)
    return np.concatenate([at + across, (at - across)[::-1]])


def box(x: float, z: float, long: float, high: float, slant: float = 0.0) -> list[tuple[float, float]]:
    """A rectangle about a middle; ``slant`` shifts its upper edge."""
    dx, dz = long / 2, high / 2
    return [(x - dx, z - dz), (x + dx, z - dz), (x + dx + slant, z + dz), (x - dx + slant, z + dz)]


def rounded(front: float, rear: float, half: float, edge: float = 0.08, at: float = 0.85) -> dict[str, Pairs]:
    """``front``, ``rear`` and ``half`` of an upright box whose upper edge is rounded by ``edge`` above ``at``."""
    steps = [(0.0, 0.0), (at, 0.0), (at + (1 - at) * 0.6, edge * 0.3), (1.0, edge)]
    return {
        "front": tuple((t, front - e) for t, e in steps),
        "rear": tuple((t, rear + e) for t, e in steps),
        "half": tuple((t, half - e) for t, e in steps),
    }


def cuboid(x: float, y: float, z: float, long: float, wide: float, high: float) -> tuple[Space, Space]:
    """Quads and normals of a box about ``(x, y)`` that stands at height ``z``."""
    dx, dy = long / 2, wide / 2
    quads, normals = [], []
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1), (2, 1)):
        normal = np.zeros(3)
        normal[axis] = sign
        square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=np.float64)
        points = np.insert(square, axis, sign, axis=1) * (dx, dy, high / 2) + (x, y, z + high / 2)
        quads.append(points)
        normals.append(normal)
    return np.array(quads), np.array(normals)


def tube(x: float, y: float, z: float, radius: float, wide: float, count: int = 16) -> tuple[Space, Space]:
    """Quads and normals of the round of a cylinder across the vehicle, from ``y`` inwards."""
    ring = circle(count)
    inner = y - math.copysign(wide, y)
    points = np.array([[(x + c * radius, side, z + d * radius) for c, d in ring] for side in (y, inner)])
    points = np.concatenate([points, points[:, :1]], axis=1)
    quads = cells(points)
    middle = quads.mean(axis=1) - (x, 0, z)
    middle[:, 1] = 0
    return quads, middle / np.linalg.norm(middle, axis=1, keepdims=True)


def disc(x: float, y: float, z: float, outline: Points, s: float) -> tuple[Space, Space]:
    """An outline in the plane of a wheel that looks to one side."""
    points = np.stack([x + outline[:, 0], np.full(len(outline), y), z + outline[:, 1]], axis=1)
    return points, np.tile((0.0, s, 0.0), (len(outline), 1))
