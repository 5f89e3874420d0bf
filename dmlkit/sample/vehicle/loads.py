"""What trucks carry: boxes, tanks, tippers, logs, drums. ``ends`` is where the load ends behind and ahead, ``floor`` its height."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.shapes import circle, oval
from dmlkit.sample.vehicle.body import BLACK, CHROME, PLASTIC, STEEL, Body, Part, seam
from dmlkit.sample.vehicle.solid import Hull, Patch, Piece, box, line, rounded

Ends = tuple[float, float]
ALUMINIUM: Colour = (188, 192, 196)
WOOD: Colour = (150, 112, 74)


def load_colour(b: Body, plain: Colour) -> Colour:
    """The colour of a load: the second one of the vehicle where it says so."""
    return b.identity.second if b.identity.area == "load" else plain


def crate(b: Body, ends: Ends, floor: float, colour: Colour, edge: float = 0.03, gloss: float = 0.35) -> Part:
    """A closed box from the floor to the height of the vehicle."""
    m = b.model
    shape: dict[str, Any] = dict(rounded(ends[1], ends[0], m.wide / 2, edge, 0.96))
    hull = Hull(
        bottom=((ends[0], floor), (ends[1], floor)), top=((ends[0], m.high), (ends[1], m.high)),
        nose=(0.03, 0.03), tail=(0.03, 0.03), crown=0.01, **shape,
    )  # fmt: skip
    return b.hull("load", hull, colour, 1, gloss, levels=5, steps=5)


def doors(b: Body, part: Part, floor: float, colour: Colour) -> None:
    """Two doors at the rear with bars and hinges."""
    m = b.model
    high = m.high - floor
    part.end(box(0, floor + high / 2, 0.025, high * 0.94), lit(colour, 0.45), False)
    for q in (m.wide * 0.14, m.wide * 0.3):
        part.end(box(q, floor + high / 2, 0.035, high * 0.92), lit(STEEL, 0.8), False, True)
    for k in range(3):
        part.end(box(m.wide * 0.465, floor + high * (0.2 + 0.3 * k), 0.1, 0.08), lit(colour, 0.6), False, True)
    part.end(box(0, floor + 0.06, m.wide * 0.96, 0.08), PLASTIC, False)


def plain_box(b: Body, ends: Ends, floor: float) -> None:
    """A smooth box with a frame."""
    m = b.model
    colour = load_colour(b, (226, 228, 228))
    part = crate(b, ends, floor, colour)
    doors(b, part, floor, colour)
    middle, long = (ends[0] + ends[1]) / 2, ends[1] - ends[0]
    part.side(box(middle, floor + 0.06, long - 0.06, 0.12), ALUMINIUM)
    part.side(box(middle, m.high - 0.06, long - 0.06, 0.1), ALUMINIUM)
    for x in (ends[0] + 0.06, ends[1] - 0.06):
        part.side(box(x, (floor + m.high) / 2, 0.1, m.high - floor - 0.1), lit(ALUMINIUM, 0.92))
    b.block((middle - 0.1, 0, floor - 0.55), (long * 0.3, m.wide - 0.1, 0.4), PLASTIC, 0.8, 0.2)


def reefer(b: Body, ends: Ends, floor: float) -> None:
    """A cold box with its machine above the cab."""
    m = b.model
    colour = load_colour(b, (238, 240, 240))
    part = crate(b, ends, floor, colour, 0.08, 0.7)
    doors(b, part, floor, colour)
    part.side(box((ends[0] + ends[1]) / 2, floor + 0.08, ends[1] - ends[0] - 0.06, 0.16), CHROME)
    for k in range(1, 5):
        x = ends[0] + (ends[1] - ends[0]) * k / 5
        seam(part, [(x, floor + 0.16), (x, m.high - 0.1)], colour, 0, 0.02)
    unit = b.block((ends[1] + 0.2, 0, m.high - 1.05), (0.44, m.wide * 0.72, 0.9), (226, 228, 230), 1.05, 0.5)
    unit.beyond = (0, ends[1])
    for k in range(4):
        z = m.high - 0.9 + k * 0.13
        quad = np.array([(ends[1] + 0.43, y, zz) for y, zz in ((-0.5, z), (0.5, z), (0.5, z + 0.07), (-0.5, z + 0.07))])
        unit.patches.append(Patch(quad, np.tile((1.0, 0, 0), (4, 1)), PLASTIC))


def curtain(b: Body, ends: Ends, floor: float) -> None:
    """Sides of cloth with straps, in a frame."""
    m = b.model
    colour = load_colour(b, (70, 96, 128))
    part = crate(b, ends, floor, colour, 0.02, 0.2)
    doors(b, part, floor, ALUMINIUM)
    middle, long = (ends[0] + ends[1]) / 2, ends[1] - ends[0]
    count = max(6, int(long / 0.62))
    for k in range(1, count):
        x = ends[0] + long * k / count
        part.side(box(x, (floor + m.high) / 2, 0.16, m.high - floor - 0.3), lit(colour, 0.88))
        part.side(box(x, floor + 0.2, 0.05, 0.34), (34, 35, 38))
    part.side(box(middle, m.high - 0.08, long, 0.15), ALUMINIUM)
    part.side(box(middle, floor + 0.07, long, 0.14), ALUMINIUM)
    for x in (ends[0] + 0.08, ends[1] - 0.08):
        part.side(box(x, (floor + m.high) / 2, 0.15, m.high - floor), ALUMINIUM)
    part.end(box(0, (floor + m.high) / 2, m.wide * 1.0, m.high - floor - 0.2), lit(ALUMINIUM, 0.95), True)


def container(b: Body, ends: Ends, floor: float) -> None:
    """A container with ribs and corner castings."""
    m = b.model
    colour = load_colour(b, (150, 74, 52))
    part = crate(b, ends, floor + 0.1, colour, 0.01, 0.15)
    long = ends[1] - ends[0]
    count = int(long / 0.3)
    for k in range(count):
        x = ends[0] + 0.15 + (long - 0.3) * (k + 0.5) / count
        part.side(box(x, (floor + m.high) / 2 + 0.05, 0.1, m.high - floor - 0.36), lit(colour, 0.72))
        part.side(box(x + 0.07, (floor + m.high) / 2 + 0.05, 0.03, m.high - floor - 0.36), lit(colour, 1.12))
    for k in range(7):
        part.end(
            box((k - 3) * m.wide * 0.13, (floor + m.high) / 2 + 0.05, 0.1, m.high - floor - 0.4),
            lit(colour, 0.78),
            True,
        )
    for x in (ends[0] + 0.08, ends[1] - 0.08):
        for z in (floor + 0.18, m.high - 0.08):
            part.side(box(x, z, 0.16, 0.14), lit(colour, 0.5))
    doors(b, part, floor + 0.1, colour)
    b.block(((ends[0] + ends[1]) / 2, 0, floor - 0.05), (long, m.wide - 0.2, 0.14), BLACK, 0.8, 0)


def tank(b: Body, ends: Ends, floor: float) -> None:
    """A lying barrel with hoops and lids."""
    m = b.model
    colour = load_colour(b, (204, 208, 212))
    turn = np.linspace(0.03, 1, 12)
    round_ = tuple((float(t), float(m.wide / 2 * np.sqrt(max(1 - (2 * t - 1) ** 2, 0.003)))) for t in turn)
    low = floor - 0.02
    hull = Hull(
        bottom=((ends[0], low), (ends[1], low)), top=((ends[0], m.high), (ends[1], m.high)),
        front=((0, ends[1] - 0.25), (0.5, ends[1]), (1, ends[1] - 0.25)), rear=((0, ends[0] + 0.25), (0.5, ends[0]), (1, ends[0] + 0.25)),
        half=round_, nose=(0.3, 1.2), tail=(0.3, 1.2), crown=0.0,
    )  # fmt: skip
    part = b.hull("load", hull, colour, 1, 1.5, levels=12, steps=6, barrel=True)
    long = ends[1] - ends[0]
    for share in (0.06, 0.34, 0.62, 0.9):
        x = ends[0] + long * share
        part.side(box(x, (low + m.high) / 2, 0.08, m.high - low), lit(colour, 0.7))
    part.side(box((ends[0] + ends[1]) / 2, low + 0.22, long * 0.92, 0.1), PLASTIC)
    b.block(((ends[0] + ends[1]) / 2, 0, m.high - 0.02), (long * 0.6, 0.5, 0.06), STEEL, 2, 0.5)
    for share in (0.3, 0.5, 0.7):
        b.block((ends[0] + long * share, 0, m.high), (0.4, 0.4, 0.14), lit(STEEL, 0.8), 2.1, 0.6)
    part.end(box(0, (low + m.high) / 2, 0.5, 0.3), (236, 128, 40), False)
    b.block(((ends[0] + ends[1]) / 2, 0, floor - 0.14), (long * 0.96, m.wide * 0.6, 0.24), BLACK, 0.8, 0)


def tipper(b: Body, ends: Ends, floor: float) -> None:
    """An open trough with ribs, heaped with sand."""
    m = b.model
    colour = load_colour(b, mix(b.paint, (120, 120, 118), 0.25))
    part = crate(b, ends, floor, colour, 0.0, 0.3)
    long = ends[1] - ends[0]
    for k in range(1, 6):
        x = ends[0] + long * k / 6
        part.side(box(x, (floor + m.high) / 2, 0.13, m.high - floor - 0.1), lit(colour, 0.78))
        part.side(box(x + 0.05, (floor + m.high) / 2, 0.03, m.high - floor - 0.1), lit(colour, 1.1))
    part.side(box((ends[0] + ends[1]) / 2, m.high - 0.09, long - 0.04, 0.15), lit(colour, 0.9))
    for q in (-0.6, 0, 0.6):
        part.end(box(q, (floor + m.high) / 2, 0.12, m.high - floor - 0.1), lit(colour, 0.8), False)
    part.piece.upper = (52, 48, 44)
    heap = Hull(
        bottom=((ends[0], m.high - 0.05), (ends[1], m.high - 0.05)), top=((ends[0], m.high + 0.5), (ends[1], m.high + 0.5)),
        front=((0, ends[1] - 0.15), (1, (ends[0] + ends[1]) / 2 + 0.5)), rear=((0, ends[0] + 0.15), (1, (ends[0] + ends[1]) / 2 - 0.6)),
        half=((0, m.wide / 2 - 0.12), (0.5, m.wide * 0.33), (1, m.wide * 0.12)), nose=(0.4, 0.5), tail=(0.4, 0.5),
    )  # fmt: skip
    b.hull("heap", heap, (156, 132, 98), 2, 0.0, levels=5, steps=4)
    b.block((ends[1] + 0.3, 0, m.high - 0.06), (0.7, m.wide - 0.1, 0.1), colour, 2, 0.2)


def cylinder(x0: float, x1: float, y: float, z: float, r: float, colour: Colour, end: Colour) -> Piece:
    """A log or a pipe that lies along the vehicle."""
    ring = circle(14)
    ring = np.concatenate([ring, ring[:1]]) * r
    quads = np.array(
        [[(x0, y + p[0], z + p[1]), (x1, y + p[0], z + p[1]), (x1, y + q[0], z + q[1]), (x0, y + q[0], z + q[1])]
         for p, q in pairwise(ring)]
    )  # fmt: skip
    normals = np.array([(0.0, *((p + q) / 2 / r)) for p, q in pairwise(ring)])
    piece = Piece(quads, normals, colour, 1.3, 0.1)
    for x, way in ((x0, -1.0), (x1, 1.0)):
        for share, tone in ((1.0, end), (0.55, lit(end, 0.86)), (0.2, lit(end, 0.7))):
            points = np.column_stack([np.full(14, x), y + ring[:14, 0] * share, z + ring[:14, 1] * share])
            piece.patches.append(Patch(points, np.tile((way, 0, 0), (14, 1)), tone, "", 0.0))
    return piece


def platform(b: Body, ends: Ends, floor: float, colour: Colour) -> Part:
    """A flat floor with a wall behind the cab."""
    m = b.model
    hull = Hull(
        bottom=((ends[0], floor - 0.02), (ends[1], floor - 0.02)), top=((ends[0], floor + 0.2), (ends[1], floor + 0.2)),
        nose=(0.02, 0.02), tail=(0.02, 0.02), crown=0.0, **rounded(ends[1], ends[0], m.wide / 2, 0.01),
    )  # fmt: skip
    part = b.hull("load", hull, colour, 1, 0.3, deck=WOOD, levels=2, steps=4)
    b.block((ends[1] - 0.06, 0, floor + 0.2), (0.1, m.wide - 0.1, m.high - floor - 0.2), lit(colour, 0.9), 1, 0.3)
    return part


def logs(b: Body, ends: Ends, floor: float) -> None:
    """Tree trunks between stakes."""
    m = b.model
    platform(b, ends, floor, load_colour(b, (70, 72, 76)))
    r = 0.3
    rows = [(-0.9, 0), (-0.3, 0), (0.3, 0), (0.9, 0), (-0.6, 1), (0.0, 1), (0.6, 1), (-0.3, 2), (0.3, 2)]
    for k, (y, row) in enumerate(rows):
        z = floor + 0.2 + r + row * r * 1.72
        bark = lit((116, 86, 60), 0.85 + 0.06 * (k % 4))
        log = cylinder(ends[0] + 0.15 * (k % 3), ends[1] - 0.3, y, z, r, bark, (206, 170, 118))
        log.layer, log.group = 1.3 + row * 0.1, b.group
        b.pieces.append(log)
    for x in (ends[0] + 1.0, (ends[0] + ends[1]) / 2, ends[1] - 0.9):
        for s in (1, -1):
            b.block((x, s * (m.wide / 2 - 0.05), floor + 0.2), (0.12, 0.08, 1.4), (60, 62, 66), 1.6, 0.2)


def pallets(b: Body, ends: Ends, floor: float) -> None:
    """Goods on pallets."""
    m = b.model
    part = platform(b, ends, floor, load_colour(b, (120, 124, 128)))
    part.side(box((ends[0] + ends[1]) / 2, floor + 0.09, ends[1] - ends[0] - 0.1, 0.05), (206, 60, 50))
    count = int((ends[1] - ends[0] - 0.6) / 1.25)
    for k in range(count):
        x = ends[0] + 0.75 + k * 1.25
        high = (0.9, 1.15, 0.7, 1.05)[k % 4]
        tone = ((188, 150, 104), (122, 148, 170), (196, 186, 160), (150, 118, 86))[k % 4]
        for s in (1, -1):
            b.block((x, s * m.wide * 0.23, floor + 0.2), (1.05, m.wide * 0.42, 0.12), WOOD, 1.2, 0)
            b.block((x, s * m.wide * 0.23, floor + 0.32), (0.98, m.wide * 0.4, high), tone, 1.3, 0.1)


def mixer(b: Body, ends: Ends, floor: float) -> None:
    """A drum of concrete with stripes in the colour of the cab."""
    m = b.model
    colour = load_colour(b, (222, 222, 216))
    middle = (ends[0] + ends[1]) / 2
    t = np.linspace(0, 1, 13)
    swell = np.sqrt(np.maximum(1 - (2 * t - 1) ** 2, 0.0))
    hull = Hull(
        bottom=((ends[0], floor + 0.45), (middle + 0.2, floor + 0.1), (ends[1], floor + 0.2)),
        top=((ends[0], m.high - 0.25), (middle, m.high), (ends[1], m.high - 0.55)),
        front=tuple((float(a), float(ends[1] - 0.75 + 0.6 * s)) for a, s in zip(t, swell, strict=True)),
        rear=tuple((float(a), float(ends[0] + 1.05 - 0.7 * s)) for a, s in zip(t, swell, strict=True)),
        half=tuple((float(a), float(max(m.wide * 0.46 * s, 0.05))) for a, s in zip(t, swell, strict=True)),
        nose=(1.3, 1.0), tail=(1.7, 1.1), crown=0.0,
    )  # fmt: skip
    part = b.hull("load", hull, colour, 1, 0.7, levels=12, steps=9, barrel=True)
    for k in range(3):
        x = middle + 1.0 - k * 0.95
        part.side(line([(x, floor + 0.2), (x - 0.3, (floor + m.high) / 2), (x - 0.75, m.high - 0.1)], 0.26), b.paint)
    b.block((ends[0] + 0.2, 0, floor - 0.2), (0.5, 0.7, 0.9), STEEL, 0.95, 0.5)
    b.block((ends[0] + 0.35, 0, m.high - 0.35), (0.5, 0.9, 0.35), PLASTIC, 1.2, 0.4)
    b.block((ends[1] - 0.2, 0, floor - 0.1), (0.3, m.wide * 0.7, 0.8), STEEL, 0.95, 0.5)
    b.block((middle, 0, floor - 0.16), (ends[1] - ends[0], m.wide * 0.5, 0.24), BLACK, 0.8, 0)


def refuse(b: Body, ends: Ends, floor: float) -> None:
    """A body for refuse with its hopper."""
    m = b.model
    colour = load_colour(b, lit(b.paint, 0.96))
    part = crate(b, (ends[0] + 1.15, ends[1]), floor - 0.1, colour, 0.4, 0.5)
    long = ends[1] - ends[0] - 1.15
    for k in range(1, 4):
        x = ends[0] + 1.15 + long * k / 4
        part.side(box(x, (floor + m.high) / 2 - 0.1, 0.1, m.high - floor - 0.4), lit(colour, 0.78))
    hopper = Hull(
        bottom=((ends[0], floor - 0.2), (ends[0] + 1.2, floor - 0.1)), top=((ends[0], m.high - 0.3), (ends[0] + 1.2, m.high + 0.06)),
        front=((0, ends[0] + 1.2), (1, ends[0] + 1.2)), rear=((0, ends[0] + 0.1), (0.3, ends[0]), (0.55, ends[0] + 0.3), (1, ends[0] + 0.8)),
        half=((0, m.wide / 2), (1, m.wide / 2 - 0.05)), nose=(0.02, 0.02), tail=(0.05, 0.05),
    )  # fmt: skip
    tail = b.hull("hopper", hopper, lit(colour, 0.92), 1, 0.4, levels=7, steps=3)
    tail.end(box(0, floor + 0.42, m.wide * 0.84, 0.7), BLACK, False, gloss=0)
    tail.side(oval(ends[0] + 0.7, floor + 0.6, 0.14, 0.14), STEEL)
    for q in (-0.35, 0.35):
        tail.end(box(m.wide * q, m.high - 0.75, 0.2, 0.5), (240, 200, 60), False)


LOADS: dict[str, Callable[[Body, Ends, float], None]] = {
    "box": plain_box,
    "reefer": reefer,
    "curtain": curtain,
    "container": container,
    "tank": tank,
    "tipper": tipper,
    "logs": logs,
    "pallets": pallets,
    "mixer": mixer,
    "refuse": refuse,
}
"""What a truck carries, by name."""
