"""Birds, part by part: body, wing, legs, tail, bill and head. The unit is the length of the trunk."""

from __future__ import annotations

import math
from random import Random

import numpy as np

from dmlkit.sample.animal.figure import Figure, markings
from dmlkit.sample.animal.heads import iris
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import Colour, lit, luma, mix
from dmlkit.sample.shapes import Points, blob, fan, moved, oval, poly, ragged, stroke

Pair = tuple[float, float]


def turned(points: Points, tilt: float) -> Points:
    return moved(points, 0, 0, 1, tilt)


def spot(x: float, y: float, tilt: float) -> Pair:
    c, s = math.cos(tilt), math.sin(tilt)
    return x * c - y * s, x * s + y * c


def colours(f: Figure) -> dict[str, Colour]:
    """The colours of the parts of a bird: by name, else by the traits of the fine class."""
    look = f.look
    p = look.paint
    out = {"back": p.get("back", look.base), "belly": p.get("belly", look.belly)}
    out["breast"] = p.get("breast", look.accent if look.chance("breast", look.get("breasted", 0.35)) else look.belly)
    if "breast" in p and "belly" not in p:
        out["belly"] = mix(p["breast"], look.belly, 0.5)
    out["wing"] = p.get("wing", look.mark if look.chance("wing", look.get("dark_wing", 0.35)) else lit(look.base, 0.86))
    out["head"] = p.get(
        "head",
        look.accent
        if look.chance("head", look.get("headed", 0.2))
        else look.mark
        if look.chance("dark head", look.get("dark_head", 0.2))
        else look.base,
    )
    out["cap"] = p.get(
        "cap", p.get("head", look.accent if look.chance("cap", look.get("capped", 0.3)) else out["head"])
    )
    out["tail"] = p.get("tail", look.mark if look.chance("tail", 0.4) else lit(look.base, 0.8))
    bills: tuple[Colour, ...] = ((58, 54, 54), (226, 170, 60), (120, 106, 92), (212, 106, 60), (168, 150, 110))
    bill = look.shape.get("bill_colour")
    out["bill"] = p.get("bill", hexed(str(bill)) if bill else bills[int(look.number("bill", 0, 4.99))])
    legs = look.shape.get("leg_colour")
    out["legs"] = p.get("legs", hexed(str(legs)) if legs else mix(out["bill"], (110, 92, 80), 0.5))
    return out


def hexed(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def bird(f: Figure) -> None:
    """A bird with its wing folded, on a perch, on the ground, in the shallows or on the water."""
    look, rng = f.look, f.rng
    c = colours(f)
    tilt = -math.radians(look.get("tilt", 30) + rng.uniform(-7, 7))
    deep, leg = look.get("deep", 0.46), look.get("leg", 0.2)
    low = spot(-0.05, deep * 0.5, tilt)
    f.feet = low[1] + leg
    if look.word("stand", "perch") != "swim":
        bird_legs(f, (low[0] - 0.02, low[1] - 0.04), leg, c["legs"])
    bird_tail(f, tilt, c["tail"])
    front = spot(0.34, -deep * 0.12, tilt)
    rise = math.radians(look.get("rise", 60) + rng.choice((-12, 0, 0, 6, 10)))
    neck, r = look.get("neck", 0.12) * rng.uniform(0.92, 1.05), look.get("head", 0.2)
    at = (front[0] + math.cos(rise) * neck, front[1] - math.sin(rise) * neck)
    trunk(f, tilt, deep, front, at, r, c)
    folded(f, tilt, deep, c)
    bird_head(f, at[0] + r * 0.2, at[1] - r * 0.1, r, c, rng)


def trunk(f: Figure, tilt: float, deep: float, front: Pair, at: Pair, r: float, c: dict[str, Colour]) -> None:
    look = f.look
    body = turned(blob([
        (0.46, -deep * 0.1), (0.3, -deep * 0.42), (0.0, -deep * 0.5), (-0.32, -deep * 0.26), (-0.56, -0.02), (-0.4, deep * 0.24),
        (-0.1, deep * 0.5), (0.22, deep * 0.48), (0.43, deep * 0.2),
    ]), tilt)  # fmt: skip
    neck, width = look.get("neck", 0.12), look.get("neckw", 0.26)
    start = spot(0.24, 0.02, tilt)
    bend = look.get("bend", 0.0)
    middle = ((front[0] + at[0]) / 2 + bend, (front[1] + at[1]) / 2)
    line = [start, front, middle, at] if neck > 0.2 else [start, front, at]
    widths = (
        (deep * 0.8, max(width * 1.5, deep * 0.4), width, r * 1.5) if neck > 0.2 else (deep * 0.9, deep * 0.75, r * 1.8)
    )
    breast, belly = spot(0.36, deep * 0.16, tilt), spot(0.0, deep * 0.5, tilt)
    marks = [
        Mark([oval(belly[0] + 0.02, belly[1], 0.46, deep * 0.44, tilt)], c["belly"], 1.0, 5.0),
        Mark([oval(*breast, 0.24, deep * 0.4, tilt - 0.5)], c["breast"], 1.0, 4.0),
    ]
    if look.kind in ("bands", "stripes", "spots", "specks", "checks", "lines") and (
        look.named or look.chance("marked breast", 0.6)
    ):
        marks += markings(
            look, (-0.3, -0.1, 0.5, deep * 0.7), {"lines": "specks", "stripes": "bars"}.get(look.kind, look.kind), 0.6
        )
        if look.kind in ("stripes", "bands"):
            marks.append(bars(f, tilt, deep))
    neck_colour = look.paint.get("neck")
    if neck_colour or (look.kind == "collar"):
        marks.append(
            Mark(
                [
                    stroke(
                        [(at[0] - r, at[1] + r * 0.9), (at[0], at[1] + r * 1.2), (at[0] + r, at[1] + r * 0.9)],
                        (r * 0.4, r * 0.45, r * 0.4),
                    )
                ],
                neck_colour or look.mark,
                1.0,
                1.0,
            )
        )
    if neck > 0.3 and look.paint.get("head") and not look.paint.get("neck"):
        marks.append(Mark([oval(*at, r * 1.2, r * 1.6)], c["head"], 1.0, 3.0))
    f.part([body, stroke(line, widths, tip=False)], c["back"], marks=marks)


def bars(f: Figure, tilt: float, deep: float) -> Mark:
    rows = []
    for k in range(6):
        y = deep * (-0.05 + 0.1 * k)
        rows.append(
            turned(
                stroke(
                    [(0.5 - 0.06 * k, y - 0.1), (0.25 - 0.06 * k, y + 0.08), (0.02 - 0.06 * k, y + 0.06)],
                    (0.022, 0.026, 0.01),
                ),
                tilt,
            )
        )
    return Mark(rows, f.look.mark, 0.8)


def folded(f: Figure, tilt: float, deep: float, c: dict[str, Colour]) -> None:
    """The folded wing: coverts over secondaries over primaries."""
    look = f.look
    long = look.get("wing", 1.0)
    outline = blob(
        [
            (0.3, -deep * 0.12),
            (0.12, -deep * 0.4),
            (-0.2, -deep * 0.3),
            (-0.62 * long, -0.02),
            (-0.72 * long, 0.06),
            (-0.36, deep * 0.2),
            (0.08, deep * 0.28),
            (0.28, deep * 0.1),
        ]
    )
    f.part(turned(outline, tilt), c["wing"], marks=wing_marks(f, tilt, deep, c["wing"]), depth=0.9)


def wing_marks(f: Figure, tilt: float, deep: float, coat: Colour) -> list[Mark]:
    """The tip, the edges of the flight feathers, the bars and the markings of a folded wing."""
    look, long = f.look, f.look.get("wing", 1.0)
    tip = lit(look.paint.get("tip", mix(coat, look.mark, 0.6)), 0.8)
    marks = [Mark([turned(oval(-0.6 * long, 0.06, 0.3, deep * 0.24, 0.1), tilt)], tip, 0.9, 3.0)]
    for k in range(4):
        y = deep * (0.22 - 0.1 * k)
        edge = [(-0.05 - 0.05 * k, y), (-0.4, y * 0.7 + 0.02), (-0.7 * long, 0.04)]
        marks.append(Mark([turned(stroke(edge, (0.012, 0.014, 0.008)), tilt)], lit(coat, 0.62), 0.8))
    if look.chance("wing bar", look.get("barred", 0.4)):
        c = look.accent if look.chance("bright bar", 0.4) else lit(look.belly, 1.1)
        bars = [stroke([(0.12, -deep * 0.3), (0.0, 0.0), (-0.06, deep * 0.26)], (0.03, 0.06, 0.03))]
        if look.chance("two bars", 0.4):
            bars.append(stroke([(-0.06, -deep * 0.3), (-0.16, 0.0), (-0.22, deep * 0.22)], (0.02, 0.04, 0.02)))
        marks.append(Mark([turned(bar, tilt) for bar in bars], c, 0.95, 1.0))
    if look.kind in ("spots", "specks", "bands", "checks", "rosettes"):
        kind = "specks" if look.kind == "bands" else None
        found = markings(look, (-0.6, -deep * 0.4, 0.3, deep * 0.3), kind, 0.8)
        marks += [Mark([turned(o, tilt) for o in m.outlines], m.colour, m.alpha) for m in found]
    return marks


def bird_legs(f: Figure, at: Pair, leg: float, c: Colour) -> None:
    look = f.look
    w = look.get("legw", 0.035)
    step = f.rng.uniform(-0.5, 1.0) * min(leg, 0.4) * 0.35 if look.word("stand", "perch") in ("walk", "wade") else 0.0
    for way, dark in ((1, 0.7), (-1, 1.0)):
        x = at[0] + 0.05 * way
        foot = (x + step * way, at[1] + leg + 0.04)
        knee = (x - 0.02 - leg * 0.12, at[1] + leg * 0.5)
        if look.get("thigh", 0.0):
            f.part(
                stroke([(x, at[1] - 0.05), knee], (look.get("thigh", 0.0), w * 1.6), tip=False), lit(look.base, dark)
            )
        f.flat(stroke([(x, at[1] - 0.03), knee, foot], (w * 1.2, w, w * 0.9), 4), lit(c, dark))
        if look.word("toes", "claws") == "web":
            f.flat(
                poly(
                    [
                        (foot[0] - w, foot[1] - w),
                        (foot[0] + w * 3.6, foot[1] - w * 0.2),
                        (foot[0] + w * 3.4, foot[1] + w * 0.4),
                        (foot[0] - w, foot[1] + w * 0.4),
                    ]
                ),
                lit(c, dark),
            )
        else:
            for dx, dy in ((3.2, 0.5), (2.6, -0.3), (-2.0, 0.5)):
                f.flat(
                    stroke(
                        [(foot[0], foot[1] - w * 0.3), (foot[0] + dx * w, foot[1] + dy * w * 0.8)],
                        (w * 0.9, w * 0.4),
                        3,
                    ),
                    lit(c, dark * 0.92),
                )


def bird_tail(f: Figure, tilt: float, c: Colour) -> None:
    look = f.look
    kind, long = look.word("tail", "long"), look.get("tails", 0.4)
    if kind == "display":
        display(f, c, long)
        return
    swing = look.get("cock", 0.0) + f.rng.uniform(-0.08, 0.08)
    w = look.get("tailw", 0.16)
    base = (-0.42, 0.0)
    end = (base[0] - long, base[1] + 0.04)
    shapes = {
        "long": [stroke([base, ((base[0] + end[0]) / 2, 0.03), end], (w * 0.9, w, w * 0.8), tip=False)],
        "fork": [stroke([base, end], (w * 0.7, w * 0.1)), stroke([base, (end[0] * 0.98, end[1] + w * 0.9)], (w * 0.7, w * 0.1)), stroke([base, (end[0], end[1] - w * 0.5)], (w * 0.6, w * 0.1))],
        "short": [blob([(-0.4, -w * 0.5), (-0.42 - long * 0.8, -w * 0.3), (-0.44 - long, w * 0.3), (-0.42 - long * 0.7, w * 0.6), (-0.4, w * 0.6)], 4)],
        "plume": [stroke([base, (-0.6, -0.3 * long), (-0.6 - long * 0.6, -0.1), (-0.6 - long, 0.5 * long)], (w, w * 1.3, w, w * 0.1)), stroke([base, (-0.55, -0.15 * long), (-0.55 - long * 0.5, 0.05), (-0.5 - long * 0.7, 0.55 * long)], (w, w * 1.2, w * 0.8, w * 0.1))],
        "point": [stroke([base, ((base[0] + end[0]) / 2, 0.02), end], (w * 1.1, w * 0.8, w * 0.06))],
        "fan": [fan(-0.38, 0.0, long, 2.5, 4.1, 9)],
    }  # fmt: skip
    outlines = [moved(s - base, *spot(*base, tilt), 1.0, tilt + swing) for s in shapes.get(kind, shapes["long"])]
    marks = []
    if look.chance("banded tail", look.get("tail_bands", 0.25)) or look.kind == "bands":
        rows = [
            stroke([(base[0] - long * t, -0.4), (base[0] - long * t, 0.4)], (0.03, 0.03)) for t in (0.35, 0.6, 0.85)
        ]
        marks = [
            Mark(
                [moved(r - base, *spot(*base, tilt), 1.0, tilt + swing) for r in rows],
                look.mark if luma(c) > 90 else look.belly,
                0.9,
            )
        ]
    f.part(outlines, c, marks=marks, depth=0.7)


def display(f: Figure, c: Colour, long: float) -> None:
    """A tail spread upright into a great fan, with eyes for a peafowl."""
    start, stop = math.pi * 1.03, math.pi * 1.97
    rims = [
        stroke(
            [
                (-0.1 + math.cos(a) * long * 0.3, math.sin(a) * long * 0.3),
                (-0.1 + math.cos(a) * long, math.sin(a) * long),
            ],
            (0.012, 0.016),
        )
        for a in np.linspace(start, stop, 17)
    ]
    bands = [Mark(rims, lit(c, 0.7), 0.8)]
    if f.look.word("eyespots", "no") == "no":
        bands.append(Mark([fan(-0.1, 0.0, long * 0.94, start, stop, 24, 0.0)], f.look.belly, 0.9))
        bands.append(Mark([fan(-0.1, 0.0, long * 0.84, start, stop, 24, 0.0)], c, 1.0))
    f.part(fan(-0.1, 0.0, long, start, stop, 18, 0.07), c, marks=bands)
    if f.look.word("eyespots", "no") == "yes":
        for share, count in ((0.52, 8), (0.72, 11), (0.9, 14)):
            for a in np.linspace(start + 0.1, stop - 0.1, count):
                x, y = -0.1 + math.cos(a) * long * share, math.sin(a) * long * share
                f.flat(oval(x, y, 0.045, 0.045, 0, 10), (206, 160, 60))
                f.flat(oval(x, y, 0.026, 0.026, 0, 8), (24, 60, 140))


BILLS: dict[str, tuple[list[Pair], list[Pair]]] = {
    "cone": (
        [(0.7, -0.42), (1.25, -0.2), (1.55, 0.08), (0.75, 0.08)],
        [(0.7, 0.06), (1.45, 0.1), (1.1, 0.34), (0.65, 0.34)],
    ),
    "fine": (
        [(0.78, -0.18), (1.3, -0.06), (1.7, 0.07), (0.8, 0.08)],
        [(0.78, 0.07), (1.62, 0.09), (1.2, 0.18), (0.75, 0.22)],
    ),
    "stout": (
        [(0.7, -0.3), (1.4, -0.22), (1.95, 0.1), (0.75, 0.1)],
        [(0.72, 0.08), (1.82, 0.12), (1.3, 0.28), (0.68, 0.3)],
    ),
    "dagger": (
        [(0.75, -0.26), (1.8, -0.12), (2.9, 0.1), (0.75, 0.08)],
        [(0.75, 0.07), (2.7, 0.12), (1.6, 0.26), (0.7, 0.28)],
    ),
    "chisel": (
        [(0.75, -0.22), (1.6, -0.1), (2.3, 0.06), (0.78, 0.08)],
        [(0.78, 0.06), (2.15, 0.1), (1.4, 0.2), (0.72, 0.24)],
    ),
    "needle": (
        [(0.8, -0.08), (2.2, -0.08), (3.3, 0.04), (0.85, 0.06)],
        [(0.8, 0.04), (3.2, 0.06), (2.0, 0.1), (0.8, 0.12)],
    ),
    "curve": (
        [(0.78, -0.16), (1.8, -0.1), (2.7, 0.5), (1.7, 0.1), (0.8, 0.1)],
        [(0.78, 0.08), (1.7, 0.1), (2.5, 0.48), (1.6, 0.24), (0.75, 0.22)],
    ),
    "hook": (
        [(0.62, -0.38), (1.2, -0.4), (1.58, -0.05), (1.45, 0.36), (1.25, 0.12), (0.7, 0.14)],
        [(0.65, 0.1), (1.25, 0.14), (1.1, 0.3), (0.6, 0.32)],
    ),
    "parrot": (
        [(0.5, -0.55), (1.1, -0.55), (1.5, -0.1), (1.25, 0.6), (1.05, 0.2), (0.55, 0.15)],
        [(0.6, 0.15), (1.05, 0.2), (1.0, 0.55), (0.6, 0.5)],
    ),
    "duck": (
        [(0.7, -0.3), (1.3, -0.08), (1.9, -0.02), (2.0, 0.14), (0.75, 0.16)],
        [(0.75, 0.14), (1.9, 0.16), (1.4, 0.28), (0.7, 0.3)],
    ),
    "gull": (
        [(0.72, -0.26), (1.5, -0.24), (1.85, 0.0), (1.78, 0.22), (1.5, 0.1), (0.75, 0.1)],
        [(0.75, 0.08), (1.6, 0.12), (1.4, 0.32), (0.7, 0.28)],
    ),
    "hen": (
        [(0.72, -0.3), (1.2, -0.22), (1.5, 0.12), (0.75, 0.12)],
        [(0.75, 0.1), (1.38, 0.14), (1.05, 0.28), (0.7, 0.28)],
    ),
    "big": (
        [(0.55, -0.5), (1.7, -0.55), (2.8, 0.3), (0.65, 0.12)],
        [(0.65, 0.1), (2.6, 0.28), (1.6, 0.4), (0.6, 0.36)],
    ),
}
"""Upper and lower bill in units of the head."""


def bird_head(f: Figure, x: float, y: float, r: float, c: dict[str, Colour], rng: Random) -> None:
    look = f.look
    turn = rng.uniform(-0.14, 0.14)

    def put(p: Points) -> Points:
        return moved(p, x, y, r, turn)

    crest(f, put, c)
    upper, lower = BILLS[look.word("bill", "cone")]
    long = look.get("bills", 1.0)

    def grown(points: list[Pair]) -> Points:
        return put(blob([(0.7 + (px - 0.7) * long, py) for px, py in points], 4))

    f.part(grown(lower), lit(c["bill"], 0.8), depth=0.6)
    face = look.paint.get("face", look.mark)
    marks = [Mark([put(oval(-0.05, -0.82, 1.0, 0.6))], c["cap"], 1.0, 1.0)]
    pattern = look.word("face_mark", ("plain", "brow", "mask", "cheek", "throat")[int(look.number("face", 0, 4.99))])
    light = lit(look.belly, 1.1)
    if "face" in look.paint or pattern == "cheek":
        marks.append(Mark([put(oval(0.1, 0.25, 0.6, 0.42))], look.paint.get("face", light), 0.95, 1.0))
    if pattern == "brow" or "brow" in look.paint:
        marks.append(
            Mark(
                [put(stroke([(-0.7, -0.2), (0.1, -0.5), (0.8, -0.3)], (0.1, 0.2, 0.12)))],
                look.paint.get("brow", light),
                0.95,
            )
        )
    if pattern == "mask" or look.kind == "mask":
        marks.append(Mark([put(stroke([(-0.8, 0.05), (0.2, -0.08), (0.95, 0.0)], (0.2, 0.36, 0.2)))], face, 0.95, 1.0))
    if pattern == "throat":
        marks.append(Mark([put(oval(0.45, 0.75, 0.62, 0.42))], look.accent, 0.95, 1.0))
    skull = put(
        blob(
            [
                (-0.95, 0.1),
                (-0.72, -0.66),
                (0.0, -0.96),
                (0.66, -0.66),
                (0.92, 0.0),
                (0.62, 0.62),
                (0.0, 0.94),
                (-0.74, 0.7),
            ]
        )
    )
    f.part(skull, c["head"], marks=marks)
    if look.word("bare", "no") == "yes":
        f.part(put(oval(0.45, 0.02, 0.48, 0.42)), look.accent, depth=0.5)
    f.part(grown(upper), c["bill"], depth=0.8)
    if look.word("comb", "none") != "none":
        comb(f, put, look.word("comb", "none"))
    at = put(poly([(0.32, -0.16)]))[0]
    f.eye(float(at[0]), float(at[1]), r * look.get("eyes", 0.2), iris(f))


def crest(f: Figure, put: object, c: dict[str, Colour]) -> None:
    assert callable(put)
    look = f.look
    kind = look.word("crest", "none")
    tone = look.paint.get("cap", c["cap"])
    if kind == "none" and look.chance("crest", look.get("crested", 0.1)):
        kind = "peak"
    if kind == "peak":
        f.part(put(blob([(0.5, -0.7), (-0.3, -1.0), (-1.1, -1.7), (-1.0, -0.6), (-0.6, -0.2)], 4)), tone)
    elif kind == "plume":
        f.part(put(stroke([(0.0, -0.8), (-0.8, -0.8), (-1.8, -0.2)], (0.24, 0.2, 0.03))), tone)
    elif kind == "raised":
        for k in range(4):
            f.part(
                put(
                    stroke(
                        [(0.1, -0.6), (-0.1 - 0.3 * k, -1.5 + 0.14 * k), (-0.4 - 0.36 * k, -2.0 + 0.25 * k)],
                        (0.36, 0.28, 0.04),
                    )
                ),
                lit(tone, 1 - 0.05 * k),
            )
    elif kind == "pins":
        for k in range(5):
            a = -1.9 + 0.16 * k
            end = (-0.2 + math.cos(a) * 1.0, -0.8 + math.sin(a) * 1.0)
            f.flat(put(stroke([(-0.2, -0.8), end], (0.05, 0.04))), tone)
            f.flat(put(oval(*end, 0.12, 0.12, count=8)), tone)


def comb(f: Figure, put: object, kind: str) -> None:
    assert callable(put)
    red = f.look.paint.get("comb", (204, 44, 40))
    if kind == "comb":
        f.part(put(ragged(oval(0.15, -1.0, 0.55, 0.36, -0.1, 14), 0.35, f.rng)), red)
        f.part(put(oval(0.72, 0.62, 0.16, 0.36)), red)
    elif kind == "wattle":
        f.part(put(stroke([(0.75, -0.1), (1.05, 0.3), (0.85, 0.9)], (0.25, 0.2, 0.1))), red)
