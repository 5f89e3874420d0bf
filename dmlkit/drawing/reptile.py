"""Snakes, lizards, crocodiles and salamanders. The unit is the trunk's length."""

from __future__ import annotations

import math

import numpy as np

from dmlkit.drawing.canvas import Mark
from dmlkit.drawing.colours import Colour, lit, mix
from dmlkit.drawing.figure import Figure, markings
from dmlkit.drawing.shapes import Points, blob, curve, moved, oval, poly, stroke

Pair = tuple[float, float]


def body_colour(f: Figure) -> Colour:
    return f.look.paint.get("back", f.look.base)


def along(line: Points, t: float) -> tuple[float, float, float, float]:
    """The point and the direction at share ``t`` of a line."""
    at = min(int(t * (len(line) - 1)), len(line) - 2)
    d = line[at + 1] - line[at]
    d = d / (np.hypot(*d) + 1e-9)
    return float(line[at][0]), float(line[at][1]), float(d[0]), float(d[1])


def snake(f: Figure) -> None:
    """A snake that winds over the ground, its head raised."""
    look, rng = f.look, f.rng
    thick = look.get("thick", 0.12)
    swing, ease = rng.uniform(0.13, 0.2), rng.uniform(0.85, 1.1)
    f.feet = 0.16
    xs = np.linspace(-1.15, 0.62, 9) * ease
    ys = [swing * math.sin(2.05 * k + rng.uniform(-0.2, 0.2)) * (0.5 if k in (0, 8) else 1.0) for k in range(9)]
    lift = rng.uniform(0.16, 0.34) * look.get("raise", 1.0)
    points = [(float(x), y) for x, y in zip(xs, ys, strict=True)]
    points[8] = (points[8][0], 0.1)
    points += [(0.78 * ease, -0.02), (0.76 * ease, -lift), (0.84 * ease, -lift - 0.12)]
    widths = [0.15, 0.5, 0.8, 0.95, 1.0, 1.05, 1.0, 0.95, 0.9, 0.85, 0.75, 0.7]
    line = curve(points, 10)
    if look.word("hood", "no") == "yes":
        x, y = points[10]
        f.part(
            blob(
                [
                    (x - 0.02, y - 0.14),
                    (x + 0.13, y - 0.04),
                    (x + 0.1, y + 0.14),
                    (x, y + 0.2),
                    (x - 0.1, y + 0.14),
                    (x - 0.13, y - 0.04),
                ]
            ),
            lit(look.base, 0.9),
        )
    tube = stroke(points, [w * thick for w in widths], 10)
    f.part(tube, body_colour(f), marks=rings(f, line, thick), under=None)
    if look.word("rattle", "no") == "yes":
        for k in range(4):
            f.part(
                oval(points[0][0] - 0.02 - 0.035 * k, points[0][1] - 0.012 * k, 0.028 - 0.003 * k, 0.032 - 0.004 * k),
                (188, 164, 112),
            )
    snake_head(f, points[-1], thick)


def rings(f: Figure, line: Points, thick: float) -> list[Mark]:
    """Markings that follow the body: bands, saddles, diamonds, lines, specks."""
    look = f.look
    kind = look.kind
    count = int(17 * look.density)
    out: list[Points] = []
    if kind in ("bands", "stripes", "coral"):
        for k in range(count):
            x, y, dx, dy = along(line, (k + 0.5) / count)
            turn = math.atan2(dy, dx)
            out.append(oval(x, y, 0.022 / look.density + 0.008, thick * 0.7, turn, 10))
    elif kind in ("saddle", "patches", "diamonds", "rosettes", "net"):
        for k in range(count):
            x, y, dx, dy = along(line, (k + 0.5) / count)
            shape = (
                poly([(-0.05, 0), (0, -0.5 * thick), (0.05, 0), (0, 0.5 * thick)])
                if kind == "diamonds"
                else oval(0, -thick * 0.12, 0.034 / look.density, thick * 0.36, 0, 10)
            )
            out.append(moved(shape, x, y, 1.0, math.atan2(dy, dx)))
    elif kind in ("lines", "stripe", "back"):
        ups = np.stack([np.gradient(line[:, 1]), -np.gradient(line[:, 0])], axis=1)
        ups /= np.hypot(ups[:, 0], ups[:, 1])[:, None] + 1e-9
        for share in (0.0,) if kind != "lines" else (-0.26, 0.22):
            centre = line + ups * thick * share
            w = thick * (0.13 if kind == "lines" else 0.22)
            out.append(np.concatenate([centre + ups * w / 2, (centre - ups * w / 2)[::-1]]))
    elif kind in ("spots", "specks", "checks"):
        rng = np.random.Generator(np.random.PCG64(int(look.density * 1000)))
        for k in range(count * 3):
            x, y, dx, dy = along(line, (k + 0.5) / (count * 3))
            shift = float(rng.uniform(-0.4, 0.4)) * thick
            out.append(oval(x - dy * shift, y + dx * shift, 0.017, 0.014, 0, 8))
    pale: list[Mark] = []
    if kind == "coral":
        for k in range(count):
            x, y, dx, dy = along(line, (k + 0.5) / count)
            pale.append(
                Mark([oval(x, y, 0.04 / look.density + 0.012, thick * 0.7, math.atan2(dy, dx), 10)], look.accent, 1.0)
            )
    return [*pale, Mark(out, look.mark, 0.93)]


def snake_head(f: Figure, at: Pair, thick: float) -> None:
    look = f.look
    size = look.get("head", 1.0) * thick * 1.25
    turn = f.rng.uniform(-0.2, 0.3)
    wide = look.get("jaw", 0.62)

    def put(p: Points) -> Points:
        return moved(p, at[0], at[1], size, turn)

    if f.rng.random() < 0.6:
        f.flat(put(stroke([(1.2, 0.12), (1.7, 0.2), (2.0, 0.1)], (0.08, 0.06, 0.03))), (190, 40, 50))
        f.flat(put(stroke([(1.65, 0.2), (2.0, 0.32)], (0.06, 0.03))), (190, 40, 50))
    head = put(
        blob(
            [
                (-0.6, 0.3),
                (-0.5, -0.3),
                (0.0, -wide * 0.75),
                (0.6, -0.36),
                (1.2, -0.12),
                (1.28, 0.14),
                (0.7, 0.36),
                (0.1, wide * 0.62),
            ]
        )
    )
    c = look.paint.get("head", look.mark if look.chance("dark head", look.get("dark_head", 0.2)) else body_colour(f))
    marks = [Mark([put(oval(0.6, 0.5, 0.9, 0.36))], lit(look.belly, 1.0), 0.9, 1.0)]
    if look.chance("eye stripe", 0.5):
        marks.append(
            Mark([put(stroke([(-0.7, 0.0), (0.6, -0.1), (1.2, 0.0)], (0.16, 0.18, 0.1)))], lit(look.mark, 0.8), 0.9)
        )
    if look.kind == "collar" or look.chance("collar", 0.15):
        marks.append(Mark([put(stroke([(-0.42, -1), (-0.42, 1)], (0.28, 0.28)))], look.accent, 1.0))
    f.part(head, c, marks=marks)
    f.line_on(Put(put), [(1.24, 0.14), (0.7, 0.2), (0.15, 0.18)], 0.06, lit(c, 0.4))
    eye = put(poly([(0.55, -0.14)]))[0]
    f.eye(
        float(eye[0]),
        float(eye[1]),
        size * 0.17,
        (206, 160, 60) if look.chance("bright eye", 0.6) else (70, 50, 30),
        slit=look.word("pupil", "round") == "slit",
    )


class Put:
    """Something with `put`, for lines in the unit of a head."""

    def __init__(self, put: object) -> None:
        self.put = put


def lizard(f: Figure) -> None:
    """A lizard, crocodile, newt or salamander: low, four bent legs, a long tail."""
    look, rng = f.look, f.rng
    deep, leg = look.get("deep", 0.2), look.get("leg", 0.14)
    f.feet = deep * 0.45 + leg
    wag = rng.uniform(-0.12, 0.12)
    long, tw = look.get("tails", 1.0), look.get("tailw", 0.8)
    up = look.get("tail_up", 0.0)
    end = f.feet - 0.03
    tail = [
        (-0.3, 0.0),
        (-0.5, 0.02 + deep * 0.1),
        (-0.5 - long * 0.45, end * 0.7 - up + wag * 0.5),
        (-0.5 - long, end - up * 1.5 + wag),
    ]
    if look.word("tail", "taper") == "coil":
        tail = [(-0.3, 0.0), (-0.62, 0.12), (-0.66, 0.4), (-0.48, 0.36)]
    lizard_legs(f, deep, far=True)
    neck, r = look.get("neck", 0.06), look.get("head", 0.13)
    rear = look.get("rear", 0.06) + rng.uniform(-0.03, 0.06)
    at = (0.46 + neck, -rear - neck * 0.5)
    if look.word("frill", "none") == "frill":
        f.part(
            blob(
                [
                    (at[0] + 0.04, at[1] - 0.34),
                    (at[0] + 0.12, at[1]),
                    (at[0], at[1] + 0.3),
                    (at[0] - 0.16, at[1] + 0.22),
                    (at[0] - 0.22, at[1]),
                    (at[0] - 0.14, at[1] - 0.26),
                ]
            ),
            look.accent,
        )
    crest(f, tail, deep)
    trunk = blob(
        [
            (0.46, -deep * 0.2),
            (0.25, -deep * 0.46),
            (-0.05, -deep * 0.52),
            (-0.4, -deep * 0.38),
            (-0.55, 0.0),
            (-0.4, deep * 0.36),
            (0.0, deep * 0.5),
            (0.3, deep * 0.46),
            (0.48, deep * 0.2),
        ]
    )
    outlines = [
        stroke(
            tail,
            [
                deep * 0.8,
                deep * 0.72 * tw,
                deep * 0.42 * tw,
                deep * 0.06 if look.word("tail", "") != "paddle" else deep * 0.5,
            ],
        ),
        trunk,
        stroke([(0.3, 0), (0.44, -rear * 0.5), at], (deep * 0.85, deep * 0.62, r * 1.25)),
    ]
    marks = markings(look, (-0.55, -deep * 0.55, 0.5, deep * 0.45))
    if look.kind in ("bands", "stripes", "spots", "specks", "patches", "checks", "rosettes", "net"):
        marks += markings(look, (-0.5 - long, -0.1, -0.5, end), size=0.8)
    if look.kind in ("lines", "stripe", "back"):
        marks.append(
            Mark(
                [stroke([(p[0], p[1] - deep * 0.1) for p in tail], (deep * 0.16, deep * 0.16, deep * 0.1, 0.01))],
                look.mark,
                0.9,
            )
        )
    if "tail" in look.paint:
        marks.append(Mark([oval(-0.5 - long * 0.6, end * 0.6, long * 0.6, 0.5)], look.paint["tail"], 0.95, 3.0))
    f.part(outlines, body_colour(f), marks=marks, under=(look.belly, look.under * 0.8))
    if look.word("scutes", "no") == "yes":
        for k in range(12):
            x = 0.4 - 0.085 * k
            f.part(
                poly([(x, -deep * 0.48), (x - 0.03, -deep * 0.48 - 0.045), (x - 0.065, -deep * 0.46)]),
                lit(look.base, 0.8),
                depth=0.5,
            )
    lizard_legs(f, deep, far=False)
    lizard_head(f, at, r)


def crest(f: Figure, tail: list[Pair], deep: float) -> None:
    look = f.look
    kind = look.word("crest", "none")
    c = look.paint.get("fin", lit(mix(look.mark, look.base, 0.3), 0.9))
    if kind == "spines":
        for k in range(16):
            x = 0.46 - 0.062 * k
            h = look.get("crest_high", 0.08) * (1.15 - abs(k - 4) / 14)
            f.flat(poly([(x, -deep * 0.4), (x - 0.035, -deep * 0.46 - h), (x - 0.06, -deep * 0.38)]), c)
    elif kind in ("sail", "fin"):
        high = look.get("crest_high", 0.12)
        f.part(
            poly(
                [
                    (0.42, -deep * 0.3),
                    *[(0.36 - 0.08 * k, -deep * 0.42 - high * (1.0 if k % 2 else 0.75)) for k in range(10)],
                    (-0.46, -deep * 0.25),
                ]
            ),
            c,
            depth=0.6,
        )
        f.part(
            stroke([(p[0], p[1] - deep * 0.06) for p in tail], (deep * 0.6, deep * 1.25, deep * 0.95, 0.02)),
            c,
            depth=0.6,
        )
    if look.word("gills", "no") == "yes":
        for k in range(3):
            x, y = 0.44 - 0.05 * k, -0.1
            f.part(
                stroke(
                    [(x, y + 0.04), (x - 0.1, y - 0.12 - 0.03 * k), (x - 0.2, y - 0.1 - 0.05 * k)], (0.05, 0.06, 0.015)
                ),
                look.paint.get("gills", (206, 84, 96)),
                depth=0.5,
            )


def lizard_legs(f: Figure, deep: float, far: bool) -> None:
    look = f.look
    w = look.get("legw", 0.07)
    ground = f.feet
    step = f.rng.uniform(-0.06, 0.06)
    c = lit(
        look.paint.get("legs", look.mark if look.chance("dark legs", 0.2) else body_colour(f)), 0.64 if far else 0.95
    )
    shift = 0.06 if far else 0.0
    for x, way in ((0.3 + shift, 1.0), (-0.36 + shift, -0.7)):
        knee = (x + (-0.09 if way > 0 else 0.1) + step, (deep * 0.2 + ground) * 0.5)
        foot = (x + 0.03 * way + step, ground - w * 0.2)
        for k in range(4):
            a = -0.5 + 0.33 * k
            f.flat(
                stroke(
                    [
                        (foot[0] - 0.01, foot[1]),
                        (foot[0] + math.cos(a) * w * 1.5, foot[1] + abs(math.sin(a)) * w * 0.3),
                    ],
                    (w * 0.42, w * 0.2),
                    3,
                ),
                lit(c, 0.9),
            )
        marks = (
            [Mark([oval(knee[0], knee[1] + 0.03 * k, w, 0.012) for k in (-1, 0, 1)], look.mark, 0.8)]
            if look.kind in ("bands", "stripes")
            else markings(look, (x - 0.1, 0, x + 0.12, ground), size=1.6)
            if look.kind in ("spots", "specks", "rosettes")
            else []
        )
        f.part(
            stroke([(x, deep * 0.05), knee, foot], (w * 1.9, w * 1.15, w * 0.75), root=True), c, marks=marks, depth=0.8
        )


def lizard_head(f: Figure, at: Pair, r: float) -> None:
    look = f.look
    s = look.get("snout", 0.8)
    turn = f.rng.uniform(-0.22, 0.1)
    flat = look.get("flat", 0.8)

    def put(p: Points) -> Points:
        return moved(p, at[0], at[1], r, turn)

    c = look.paint.get("head", look.accent if look.chance("head colour", look.get("headed", 0.2)) else body_colour(f))
    if look.word("casque", "no") == "yes":
        f.part(put(blob([(0.4, -0.6), (-0.5, -1.35), (-1.0, -1.3), (-0.8, -0.2), (-0.3, 0.4)], 4)), lit(c, 0.9))
    if look.word("dewlap", "no") == "yes":
        f.part(
            put(blob([(0.7, 0.5), (0.35, 1.25), (-0.2, 1.55), (-0.6, 1.1), (-0.7, 0.5)], 4)),
            look.paint.get("breast", look.accent),
        )
    if look.chance("tongue", look.get("tongue", 0.0)):
        f.flat(put(stroke([(0.9 + s, 0.25), (1.5 + s, 0.35)], (0.07, 0.03))), (196, 60, 84))
    head = put(
        blob(
            [
                (-0.85, 0.3),
                (-0.75, -0.45 * flat),
                (0.0, -0.85 * flat),
                (0.55, -0.66 * flat),
                (0.7 + 0.6 * s, -0.3 * flat),
                (0.95 + s, 0.0),
                (0.9 + s, 0.26),
                (0.5 + 0.5 * s, 0.46),
                (0.0, 0.62),
                (-0.6, 0.6),
            ]
        )
    )
    marks = [
        Mark([put(oval(0.4 + 0.4 * s, 0.62, 0.9 + 0.5 * s, 0.3))], look.paint.get("breast", look.belly), 0.95, 2.0)
    ]
    if look.chance("eye line", 0.5):
        marks.append(
            Mark([put(stroke([(-1.0, 0.1), (0.2, -0.2), (0.9 + s, 0.05)], (0.2, 0.24, 0.06)))], look.mark, 0.85)
        )
    if look.kind in ("spots", "specks", "rosettes"):
        marks += [
            Mark([put(o) for o in m.outlines], m.colour, 0.9)
            for m in markings(look, (-0.8, -0.8, 0.9, 0.4), "specks", 1.4)
        ]
    f.part(head, c, marks=marks)
    f.line_on(Put(put), [(0.93 + s, 0.16), (0.5 + 0.5 * s, 0.26), (0.0, 0.24)], 0.06, lit(c, 0.4))
    f.flat(put(oval(0.84 + s, -0.02, 0.05, 0.04, 0, 8)), lit(c, 0.35))
    for k in range(int(look.get("teeth", 0))):
        x = 0.86 + s - k * (0.28 + 0.1 * s) * 0.55
        f.flat(put(poly([(x, 0.17), (x - 0.07, 0.36), (x - 0.14, 0.2)])), (240, 234, 214))
    e = look.get("eyes", 0.22)
    if look.get("bulge", 0.0):
        f.part(put(oval(0.28, -0.5 * flat - 0.04, e * 1.6, e * 1.5)), lit(c, 1.05))
    eye = put(poly([(0.3, -0.36 * flat - look.get("bulge", 0.0) * 0.18)]))[0]
    f.eye(
        float(eye[0]),
        float(eye[1]),
        r * e,
        look.paint.get("eye", (206, 160, 60) if look.chance("bright eye", 0.6) else (74, 52, 32)),
        slit=look.word("pupil", "round") == "slit",
    )
