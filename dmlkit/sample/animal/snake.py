"""Snakes, seen from slightly above: winding over the ground, coiled, or reared up. The unit is about half their length."""

from __future__ import annotations

import math

import numpy as np

from dmlkit.sample.animal.figure import Figure
from dmlkit.sample.animal.reptile import Put, body_colour
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import lit
from dmlkit.sample.scene import WATER
from dmlkit.sample.shapes import Points, blob, curve, moved, oval, poly, stroke

Pair = tuple[float, float]


def snake(f: Figure) -> None:
    """A snake that winds over the ground, or lies coiled."""
    f.stance = "afloat" if f.place in WATER else "lying"
    thick = f.look.get("thick", 0.12)
    if f.stance == "lying" and f.rng.random() < 0.4:
        coil(f, thick)
    else:
        wind(f, thick)
    f.feet = f.bounds()[3]


def wind(f: Figure, thick: float) -> None:
    """A body in bends that fold back on themselves, its head a little raised."""
    look, rng = f.look, f.rng
    bends, swing = rng.choice((1.5, 2.0, 2.5)), rng.uniform(0.24, 0.3)
    fold = 0.16 / bends * rng.uniform(0.7, 1.15)
    phase = rng.choice((0.0, 0.5)) * 2 * math.pi
    t = np.linspace(0, 1, 33)
    angle = phase + t * bends * 2 * math.pi
    y = swing * np.sin(angle) * np.minimum(1, 0.35 + 2.2 * t) * np.minimum(1, 0.45 + 3 * (1 - t))
    x = (t - 0.55) * 1.6 - fold * np.sin(2 * angle)
    end, low = float(x[-1]), float(y[-1])
    rise = look.get("rear", 0.1) * rng.uniform(0.7, 1.2)
    neck = [(end + 0.08, low - rise * 0.2), (end + 0.13, low - rise * 0.7), (end + 0.2, low - rise)]
    points = [*((float(a), float(b)) for a, b in zip(x, y, strict=True)), *neck]
    girth = [
        thick * w
        for w in np.interp(
            np.linspace(0, 1, len(points)), (0, 0.12, 0.35, 0.6, 0.85, 1), (0.12, 0.5, 0.9, 1.0, 0.85, 0.66)
        )
    ]
    line = curve(points, 4)
    if look.word("rattle", "no") == "yes":
        rattle(f, points[0], math.pi)
    if look.word("hood", "no") == "yes":
        hood(f, neck[1], thick)
    f.part(
        stroke(points, girth, 4),
        body_colour(f),
        marks=bands_along(f, line, thick),
        under=(lit(body_colour(f), 0.7), 0.14),
    )
    snake_head(f, neck[-1], thick, rng.uniform(-0.15, 0.25))


def coil(f: Figure, thick: float) -> None:
    """Rings of a body one upon the other, the head on top."""
    look, rng = f.look, f.rng
    turns = 3 if thick < 0.12 else 2
    wide = rng.uniform(0.42, 0.5)
    way = rng.choice((-1, 1))
    low = 0.46 * (wide - thick / 2)
    tail = [(0.0, low), (way * wide * 0.7, low + 0.02), (way * wide * 1.2, low - 0.04), (way * wide * 1.6, low + 0.02)]
    f.part(
        stroke(tail, [thick * w for w in (1.0, 0.8, 0.5, 0.1)], 6),
        lit(body_colour(f), 0.94),
        marks=bands_along(f, curve(tail[::-1], 10), thick),
    )
    if look.word("rattle", "no") == "yes":
        rattle(f, tail[-1], 0.0 if way > 0 else math.pi)
    for k in range(turns):
        r, y = wide * (1 - 0.24 * k), -0.085 * k * (thick / 0.12)
        angle = np.linspace(0, 2 * math.pi, 41) + 0.5 * k
        unit = np.stack([np.cos(angle), np.sin(angle) * 0.46], axis=1)
        ring = np.concatenate([unit * r + (0.03 * k, y), (unit * (r - thick) + (0.03 * k, y - thick * 0.05))[::-1]])
        middle = unit * (r - thick / 2) + (0.03 * k, y)
        f.part(ring, lit(body_colour(f), 0.9 + 0.05 * k), marks=bands_along(f, middle, thick))
    r, y = wide * (1 - 0.24 * turns) + thick * 0.6, -0.085 * (turns - 1) * (thick / 0.12)
    rise = look.get("rear", 0.1) * 1.6 + thick
    neck = [
        (-r * 0.7, y + 0.02),
        (-r * 0.1, y + 0.1),
        (r * 0.4, y - rise * 0.4),
        (r * 0.6, y - rise * 0.8),
        (r * 0.6 + 0.1, y - rise),
    ]
    if look.word("hood", "no") == "yes":
        hood(f, neck[3], thick)
    f.part(
        stroke(neck, [thick * w for w in (0.95, 1.0, 0.85, 0.7, 0.66)], 6, root=True),
        body_colour(f),
        marks=bands_along(f, curve(neck, 10), thick),
    )
    snake_head(f, neck[-1], thick, rng.uniform(-0.1, 0.2))


def hood(f: Figure, at: Pair, thick: float) -> None:
    """The spread neck of a cobra."""
    x, y = at
    w = thick * 1.1
    shape = [
        (x, y - w * 1.3),
        (x + w, y - w * 0.5),
        (x + w * 0.9, y + w * 0.7),
        (x, y + w * 1.6),
        (x - w * 0.9, y + w * 0.7),
        (x - w, y - w * 0.5),
    ]
    f.part(blob(shape), lit(body_colour(f), 0.92), marks=[Mark([oval(x, y, w * 0.3, w * 0.8)], f.look.belly, 0.8, 2.0)])


def rattle(f: Figure, at: Pair, turn: float) -> None:
    for k in range(5):
        x = at[0] + math.cos(turn) * 0.026 * k
        f.part(oval(x, at[1] - 0.008 * k, 0.022, 0.028 - 0.003 * k), (198, 176, 126))


def bands_along(f: Figure, line: Points, thick: float) -> list[Mark]:
    """The markings of the fine class along a body: bands, saddles, diamonds, lines, specks."""
    look, kind = f.look, f.look.kind
    step = np.gradient(line, axis=0)
    count = max(2, round(float(np.hypot(step[:, 0], step[:, 1]).sum()) * 6.5 * look.density))
    turns = np.arctan2(step[:, 1], step[:, 0])
    places = [int((k + 0.5) / count * (len(line) - 1)) for k in range(count)]
    out: list[Points] = []
    pale: list[Mark] = []
    if kind in ("bands", "stripes", "coral"):
        wide = (0.016 if kind == "coral" else 0.024) / look.density + 0.006
        out = [oval(line[i][0], line[i][1], wide, thick * 0.7, float(turns[i]), 10) for i in places]
        if kind == "coral":
            rims = [oval(line[i][0], line[i][1], wide * 1.9, thick * 0.7, float(turns[i]), 10) for i in places]
            pale = [Mark(rims, look.accent, 1.0)]
    elif kind in ("saddle", "patches", "diamonds", "rosettes", "net"):
        rhomb = poly([(-0.05, 0), (0, -0.46 * thick), (0.05, 0), (0, 0.46 * thick)])
        blotch = oval(0, -thick * 0.08, 0.036 / look.density, thick * 0.36, 0, 10)
        shape = rhomb if kind in ("diamonds", "net") else blotch
        out = [moved(shape, line[i][0], line[i][1], 1.0, float(turns[i])) for i in places]
        if kind != "saddle":
            pale = [
                Mark(
                    [moved(shape, line[i][0], line[i][1], 1.35, float(turns[i])) for i in places],
                    lit(look.belly, 1.0),
                    0.7,
                )
            ]
    elif kind in ("lines", "stripe"):
        across = np.stack([-step[:, 1], step[:, 0]], axis=1)
        across /= np.hypot(across[:, 0], across[:, 1])[:, None] + 1e-9
        w = thick * (0.07 if kind == "lines" else 0.12)
        for aside in (-0.26, 0.22) if kind == "lines" else (0.0,):
            middle = line + across * thick * aside
            out.append(np.concatenate([middle + across * w, (middle - across * w)[::-1]]))
    elif kind in ("spots", "specks", "checks"):
        rng = np.random.Generator(np.random.PCG64(int(look.density * 1000)))
        for k in range(count * 3):
            x, y = line[int((k + 0.5) / (count * 3) * (len(line) - 1))] + rng.uniform(-0.36, 0.36, 2) * thick
            out.append(oval(float(x), float(y), 0.017, 0.014, 0, 8))
    return [*pale, Mark(out, look.mark, 0.93)]


def snake_head(f: Figure, at: Pair, thick: float, turn: float) -> None:
    """The head of a snake in profile, in the unit of its length without the neck."""
    look = f.look
    size = max(thick, 0.1) * look.get("head", 0.9)
    wide = look.get("jaw", 0.62)

    def put(p: Points) -> Points:
        return moved(p, at[0], at[1], size, turn)

    if f.rng.random() < 0.6:
        f.flat(put(stroke([(1.2, 0.16), (1.6, 0.24), (1.85, 0.16)], (0.09, 0.07, 0.04))), (190, 40, 50))
        f.flat(put(stroke([(1.6, 0.24), (1.86, 0.36)], (0.07, 0.04))), (190, 40, 50))
    head = [
        (-0.6, 0.34),
        (-0.5, -0.34),
        (0.0, -wide * 0.85),
        (0.6, -0.42),
        (1.2, -0.14),
        (1.28, 0.16),
        (0.7, 0.42),
        (0.1, wide * 0.72),
    ]
    c = look.paint.get("head", look.mark if look.chance("dark head", look.get("dark_head", 0.2)) else body_colour(f))
    marks = [Mark([put(oval(0.6, 0.54, 0.9, 0.32))], lit(look.belly, 1.0), 0.9, 1.0)]
    if look.chance("eye stripe", 0.5):
        marks.append(
            Mark([put(stroke([(-0.7, 0.05), (0.6, -0.08), (1.2, 0.02)], (0.16, 0.2, 0.1)))], lit(look.mark, 0.8), 0.9)
        )
    if look.kind == "collar" or look.chance("collar", 0.15):
        marks.append(Mark([put(stroke([(-0.42, -1), (-0.42, 1)], (0.28, 0.28)))], look.accent, 1.0))
    f.part(put(blob(head)), c, marks=marks)
    if look.word("horns", "no") == "yes":
        f.part(put(poly([(0.38, -0.4), (0.44, -0.9), (0.62, -0.4)])), lit(c, 0.9))
    f.line_on(Put(put), [(1.24, 0.18), (0.7, 0.24), (0.1, 0.22)], 0.06, lit(c, 0.4))
    f.flat(put(oval(1.12, -0.02, 0.05, 0.04, 0, 8)), lit(c, 0.35))
    x, y = put(poly([(0.55, -0.14)]))[0]
    bright = look.paint.get("eye", (206, 160, 60) if look.chance("bright eye", 0.6) else (70, 50, 30))
    f.eye(float(x), float(y), size * 0.19, bright, slit=look.word("pupil", "round") == "slit")
