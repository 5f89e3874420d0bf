"""Lizards and crocodiles from the side, salamanders from above. The unit is the trunk's length."""

from __future__ import annotations

import math

import numpy as np

from dmlkit.sample.animal.figure import Figure, markings
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.shapes import Points, blob, curve, moved, oval, poly, stroke

Pair = tuple[float, float]


class Put:
    """Something with `put`, for lines in the unit of a head."""

    def __init__(self, put: object) -> None:
        self.put = put


def body_colour(f: Figure) -> Colour:
    return f.look.paint.get("back", f.look.base)


def lizard(f: Figure) -> None:
    """A lizard or crocodile: low, four bent legs, a long tail that curves over the ground."""
    look, rng = f.look, f.rng
    deep, leg = look.get("deep", 0.24), look.get("leg", 0.14)
    f.feet = deep * 0.45 + leg
    tail = tail_line(f, deep)
    lizard_legs(f, deep, far=True)
    neck, r = look.get("neck", 0.06), look.get("head", 0.14)
    rear = look.get("rear", 0.12) + rng.uniform(-0.03, 0.06)
    at = (0.46 + neck, -rear - neck * 0.5)
    if look.word("frill", "none") == "frill":
        frill = [
            (at[0] + 0.04, at[1] - 0.34),
            (at[0] + 0.12, at[1]),
            (at[0], at[1] + 0.3),
            (at[0] - 0.16, at[1] + 0.22),
            (at[0] - 0.14, at[1] - 0.26),
        ]
        f.part(blob(frill), look.paint.get("frill", look.accent))
    crest(f, tail, deep)
    lizard_body(f, tail, deep, at, r, rear)
    lizard_legs(f, deep, far=False)
    lizard_head(f, at, r)


def tail_line(f: Figure, deep: float) -> list[Pair]:
    """A tail towards the viewer, away from him, or rolled up like a chameleon's."""
    look, rng = f.look, f.rng
    long, down, wag = look.get("tails", 1.1), f.feet, rng.uniform(-0.06, 0.06)
    if look.word("tail", "taper") == "coil":
        return [(-0.3, 0.0), (-0.62, 0.12), (-0.74, 0.34), (-0.56, 0.44), (-0.48, 0.3), (-0.58, 0.25)]
    reach = -0.5 - 0.42 * long
    if rng.random() < 0.6:
        return [
            (-0.3, 0.0),
            (-0.56, deep * 0.2),
            (reach, down * 0.85),
            (reach + 0.02, down + 0.13 + wag),
            (reach + 0.42 * long, down + 0.16 + wag),
        ]
    return [
        (-0.3, 0.0),
        (-0.58, deep * 0.12),
        (-0.5 - 0.36 * long, down * 0.75),
        (-0.5 - 0.62 * long, down * 0.55 + wag),
        (-0.5 - 0.8 * long, down * 0.1 + wag),
    ]


def lizard_body(f: Figure, tail: list[Pair], deep: float, at: Pair, r: float, rear: float) -> None:
    look = f.look
    trunk = blob([
        (0.46, -deep * 0.3 - rear * 0.3), (0.25, -deep * 0.5 - rear * 0.15), (-0.05, -deep * 0.54), (-0.4, -deep * 0.38), (-0.55, 0.0), (-0.4, deep * 0.36),
        (0.0, deep * 0.5), (0.3, deep * 0.44), (0.48, deep * 0.16),
    ])  # fmt: skip
    tw = look.get("tailw", 0.8)
    widths = [deep * w * tw for w in np.interp(np.linspace(0, 1, len(tail)), (0, 0.3, 0.6, 1), (1.0, 0.78, 0.48, 0.08))]
    if look.word("tail", "taper") == "paddle":
        widths[-2:] = [deep * 0.6, deep * 0.25]
    if look.word("tail", "taper") == "fat":
        widths = [deep * 0.55, deep * 0.5, deep * 0.95, deep * 0.8, deep * 0.1]
    neck = stroke([(0.28, -rear * 0.2), (0.44, -rear * 0.6), at], (deep * 0.85, deep * 0.66, r * 1.3))
    marks = markings(look, (-0.55, -deep * 0.6, 0.5, deep * 0.45))
    low, high = np.min(tail, axis=0), np.max(tail, axis=0)
    if look.kind in ("bands", "stripes"):
        marks.append(Mark(rings(curve(tail, 8)[10:], deep, round(7 * look.density)), look.mark, 0.92))
    elif look.kind in ("spots", "specks", "patches", "checks", "rosettes", "net"):
        marks += markings(look, (float(low[0]), float(low[1]) - deep * 0.3, -0.5, float(high[1]) + 0.05), size=0.8)
    elif look.kind in ("lines", "stripe"):
        line = [(x, y - deep * 0.1) for x, y in tail]
        marks.append(Mark([stroke(line, [deep * 0.16] * (len(tail) - 1) + [0.01])], look.mark, 0.9))
    if "tail" in look.paint:
        marks.append(
            Mark([oval((low[0] - 0.5) / 2, high[1] / 2, (-0.5 - low[0]) * 0.6, 0.5)], look.paint["tail"], 0.95, 3.0)
        )
    f.part([trunk, stroke(tail, widths, 6), neck], body_colour(f), marks=marks, under=(look.belly, 0.28))
    if look.word("scutes", "no") == "yes":
        for k in range(12):
            x = 0.38 - 0.078 * k
            top = -deep * (0.5 - 0.12 * (x < -0.25)) - rear * 0.15 * (x > 0.2)
            f.part(
                poly([(x, top + 0.02), (x - 0.03, top - 0.035), (x - 0.065, top + 0.02)]),
                lit(look.base, 0.8),
                depth=0.5,
            )


def rings(line: Points, thick: float, count: int) -> list[Points]:
    """Bars across a line, evenly spaced."""
    step = np.gradient(line, axis=0)
    out = []
    for k in range(count):
        i = int((k + 0.5) / count * (len(line) - 1))
        out.append(
            oval(float(line[i][0]), float(line[i][1]), 0.026, thick * 0.6, math.atan2(step[i][1], step[i][0]), 10)
        )
    return out


def crest(f: Figure, tail: list[Pair], deep: float) -> None:
    """Spines or a sail along the back."""
    look = f.look
    kind = look.word("crest", "none")
    c = look.paint.get("fin", lit(mix(look.mark, look.base, 0.3), 0.9))
    if kind == "spines":
        for k in range(16):
            x = 0.44 - 0.06 * k
            h = look.get("crest_high", 0.08) * (1.15 - abs(k - 4) / 14)
            top = -deep * (0.42 + 0.2 * (x > 0.2)) + 0.12 * max(0.0, -x - 0.3)
            f.flat(poly([(x, top), (x - 0.035, top - 0.06 * deep - h), (x - 0.06, top + 0.02 * deep)]), c)
    elif kind == "sail":
        high = look.get("crest_high", 0.12)
        rim = [(0.36 - 0.08 * k, -deep * 0.42 - high * (1.0 if k % 2 else 0.75)) for k in range(10)]
        f.part(poly([(0.42, -deep * 0.3), *rim, (-0.46, -deep * 0.25)]), c, depth=0.6)
        sail = [(x, y - deep * 0.06) for x, y in tail]
        f.part(stroke(sail, (deep * 0.6, deep * 1.25, deep * 0.95, deep * 0.4, 0.02)), c, depth=0.6)


def lizard_legs(f: Figure, deep: float, far: bool) -> None:
    """The legs of one side: the elbow points back, the knee forward, the toes are spread."""
    look = f.look
    w, ground = look.get("legw", 0.07), f.feet
    step = f.rng.uniform(-0.06, 0.06)
    c = look.paint.get("legs", look.mark if look.chance("dark legs", look.get("dark_legs", 0.15)) else body_colour(f))
    c = lit(c, 0.64 if far else 0.97)
    shift = 0.07 if far else 0.0
    for x, way in ((0.3 + shift, 1.0), (-0.36 + shift, -0.7)):
        knee = (x + (-0.09 if way > 0 else 0.1) + step, (deep * 0.2 + ground) * 0.5)
        foot = (x + 0.03 * way + step, ground - w * 0.2)
        for k in range(4):
            a = -0.5 + 0.33 * k
            toe = (foot[0] + math.cos(a) * w * 1.7, foot[1] + abs(math.sin(a)) * w * 0.3)
            f.flat(stroke([(foot[0] - 0.01, foot[1]), toe], (w * 0.44, w * 0.22), 3), lit(c, 0.9))
        marks: list[Mark] = []
        if look.kind in ("bands", "stripes"):
            marks = [Mark([oval(knee[0], knee[1] + 0.03 * k, w, 0.012) for k in (-1, 0, 1)], look.mark, 0.8)]
        elif look.kind in ("spots", "specks", "rosettes"):
            marks = markings(look, (x - 0.1, 0, x + 0.12, ground), size=1.6)
        f.part(
            stroke([(x, deep * 0.05), knee, foot], (w * 2.0, w * 1.2, w * 0.8), root=True), c, marks=marks, depth=0.8
        )


def lizard_head(f: Figure, at: Pair, r: float) -> None:
    look = f.look
    s, flat = look.get("snout", 0.8), look.get("flat", 0.8)
    turn = f.rng.uniform(-0.22, 0.1)

    def put(p: Points) -> Points:
        return moved(p, at[0], at[1], r, turn)

    c = look.paint.get("head", look.accent if look.chance("head colour", look.get("headed", 0.15)) else body_colour(f))
    if look.word("casque", "no") == "yes":
        f.part(put(blob([(0.4, -0.6), (-0.5, -1.35), (-1.0, -1.3), (-0.8, -0.2), (-0.3, 0.4)], 4)), lit(c, 0.9))
    if look.word("dewlap", "no") == "yes":
        fold = put(blob([(0.7, 0.5), (0.35, 1.25), (-0.2, 1.55), (-0.6, 1.1), (-0.7, 0.5)], 4))
        f.part(fold, look.paint.get("breast", look.accent))
    if look.word("horns", "no") == "yes":
        for k in range(3):
            f.part(
                put(
                    poly(
                        [
                            (-0.4 - 0.16 * k, -0.5 + 0.2 * k),
                            (-1.1 - 0.1 * k, -1.0 + 0.32 * k),
                            (-0.6 - 0.1 * k, -0.2 + 0.2 * k),
                        ]
                    )
                ),
                lit(c, 0.8),
            )
    if look.chance("tongue", look.get("tongue", 0.0)):
        f.flat(put(stroke([(0.9 + s, 0.25), (1.5 + s, 0.35)], (0.07, 0.03))), (196, 60, 84))
    head = put(blob([
        (-0.85, 0.3), (-0.75, -0.45 * flat), (0.0, -0.85 * flat), (0.55, -0.66 * flat), (0.7 + 0.6 * s, -0.3 * flat), (0.95 + s, 0.0), (0.9 + s, 0.26),
        (0.5 + 0.5 * s, 0.46), (0.0, 0.62), (-0.6, 0.6),
    ]))  # fmt: skip
    throat = Mark([put(oval(0.4 + 0.4 * s, 0.62, 0.9 + 0.5 * s, 0.3))], look.paint.get("breast", look.belly), 0.95, 2.0)
    marks = [throat]
    if look.chance("eye line", 0.5):
        marks.append(
            Mark([put(stroke([(-1.0, 0.1), (0.2, -0.2), (0.9 + s, 0.05)], (0.2, 0.24, 0.06)))], look.mark, 0.85)
        )
    if look.kind in ("spots", "specks", "rosettes"):
        specks = markings(look, (-0.8, -0.8, 0.9, 0.4), "specks", 1.4)
        marks += [Mark([put(o) for o in m.outlines], m.colour, 0.9) for m in specks]
    f.part(head, c, marks=marks)
    f.line_on(Put(put), [(0.93 + s, 0.16), (0.5 + 0.5 * s, 0.26), (0.0, 0.24)], 0.06, lit(c, 0.4))
    f.flat(put(oval(0.84 + s, -0.02, 0.05, 0.04, 0, 8)), lit(c, 0.35))
    for k in range(int(look.get("teeth", 0))):
        x = 0.86 + s - k * (0.28 + 0.1 * s) * 0.55
        f.flat(put(poly([(x, 0.17), (x - 0.07, 0.36), (x - 0.14, 0.2)])), (240, 234, 214))
    e, bulge = look.get("eyes", 0.2), look.get("bulge", 0.0)
    if bulge:
        f.part(put(oval(0.28, -0.5 * flat - 0.04, e * 1.6, e * 1.5)), lit(c, 1.05))
    x, y = put(poly([(0.3, -0.36 * flat - bulge * 0.18)]))[0]
    bright = look.paint.get("eye", (206, 160, 60) if look.chance("bright eye", 0.6) else (74, 52, 32))
    f.eye(float(x), float(y), r * e, bright, slit=look.word("pupil", "round") == "slit")


def salamander(f: Figure) -> None:
    """A salamander or newt from above: a round head, four short legs to the sides, a tail that winds."""
    look, rng = f.look, f.rng
    f.stance = "lying"
    deep, long = look.get("deep", 0.24), look.get("tails", 1.0)
    bend, curl = rng.choice((-1, 1)) * rng.uniform(0.06, 0.13), rng.choice((-1, 1)) * rng.uniform(0.15, 0.4)
    spine: list[Pair] = [
        (-0.42 - 0.62 * long, curl), (-0.42 - 0.55 * long, curl * 0.35), (-0.42 - 0.32 * long, -bend * 0.7), (-0.42, -bend * 0.4), (-0.1, bend), (0.24, bend * 0.6), (0.5, 0.0),
    ]  # fmt: skip
    tip = deep * (0.34 if look.word("tail", "taper") == "paddle" else 0.12)
    girth = (tip, deep * 0.42, deep * 0.66, deep * 0.86, deep * 1.06, deep * 0.98, deep * 0.74)
    line = curve(spine, 10)
    c = body_colour(f)
    for i, way in ((53, 1), (53, -1), (31, 1), (31, -1)):
        creeping_leg(f, line, i, way, deep)
    if look.word("gills", "no") == "yes":
        for way in (-1, 1):
            for k in range(3):
                root, out = (0.46 - 0.03 * k, way * 0.1), (0.34 - 0.09 * k, way * (0.26 + 0.03 * k))
                f.part(
                    stroke([root, (0.42 - 0.05 * k, way * 0.2), out], (0.05, 0.055, 0.012)),
                    look.paint.get("gills", (206, 84, 96)),
                    depth=0.5,
                )
    marks = markings(look, (-0.42 - 0.5 * long, -0.25, 0.5, 0.25), size=0.9)
    if look.kind in ("bands", "stripes"):
        marks = [Mark(rings(line[6:-4], deep, round(11 * look.density)), look.mark, 0.92)]
    elif look.kind in ("lines", "stripe", "saddle"):
        marks = [Mark([stroke(spine, [w * 0.4 for w in girth], 10)], look.paint.get("mark", look.accent), 0.92, 1.0)]
    f.part(stroke(spine, girth, 10), c, marks=marks)
    head_above(f, spine[-1], look.get("head", 0.15) * deep / 0.24)
    f.feet = f.bounds()[3]


def creeping_leg(f: Figure, line: Points, i: int, way: int, deep: float) -> None:
    """A leg seen from above: out, then forward or back, with spread toes."""
    look, (x, y) = f.look, line[i]
    w, reach = look.get("legw", 0.07), look.get("leg", 0.2)
    ahead = f.rng.uniform(-0.06, 0.12) if i > 40 else f.rng.uniform(-0.14, 0.04)
    elbow = (x + ahead * 0.3, y + way * (deep * 0.45 + reach * 0.45))
    foot = (x + ahead + 0.05, y + way * (deep * 0.45 + reach * 0.85))
    c = look.paint.get(
        "legs", look.accent if look.chance("bright legs", look.get("bright_legs", 0.1)) else body_colour(f)
    )
    for k in range(4):
        a = way * (0.9 - 0.5 * k)
        toe = (foot[0] + math.cos(a) * w * 1.3, foot[1] + math.sin(a) * w * 1.3)
        f.flat(stroke([foot, toe], (w * 0.42, w * 0.26), 3), lit(c, 0.9))
    specks = markings(look, (x - 0.15, y - 0.4, x + 0.2, y + 0.4)) if look.kind in ("spots", "specks") else []
    f.part(
        stroke([(x, y + way * deep * 0.2), elbow, foot], (w * 1.5, w * 1.15, w * 0.85)),
        lit(c, 0.95),
        marks=specks,
        depth=0.8,
    )


def head_above(f: Figure, at: Pair, r: float) -> None:
    """The head of a salamander from above: broad, with an eye at each side."""
    look = f.look
    turn, s = f.rng.uniform(-0.3, 0.3), look.get("snout", 0.5)

    def put(p: Points) -> Points:
        return moved(p, at[0], at[1], r, turn)

    c = look.paint.get("head", look.accent if look.chance("head colour", look.get("headed", 0.1)) else body_colour(f))
    head = [
        (-0.6, -0.5),
        (0.1, -0.92),
        (0.7, -0.66),
        (0.95 + s * 0.5, -0.26),
        (1.0 + s * 0.6, 0.0),
        (0.95 + s * 0.5, 0.26),
        (0.7, 0.66),
        (0.1, 0.92),
        (-0.6, 0.5),
    ]
    marks = (
        markings(look, (-0.7, -0.8, 0.6, 0.8), size=0.7)
        if look.kind in ("spots", "specks", "patches", "rosettes")
        else []
    )
    f.part(put(blob(head)), c, marks=[Mark([put(o) for o in m.outlines], m.colour, m.alpha) for m in marks])
    f.line_on(Put(put), [(0.72, -0.56), (0.92 + s * 0.55, 0.0), (0.72, 0.56)], 0.05, lit(c, 0.6))
    for way in (-1, 1):
        x, y = put(poly([(0.42, way * 0.62)]))[0]
        f.eye(
            float(x),
            float(y),
            r * look.get("eyes", 0.2),
            look.paint.get("eye", (196, 150, 60) if look.chance("bright eye", 0.6) else (60, 44, 30)),
        )
