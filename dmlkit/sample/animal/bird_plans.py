"""Birds perched, wading, swimming, upright and on the wing, made of the parts of `dmlkit.sample.animal.bird`."""

from __future__ import annotations

import math
from random import Random

from dmlkit.sample.animal.bird import bird, bird_head, colours, spot
from dmlkit.sample.animal.figure import Figure, Paint, markings
from dmlkit.sample.animal.heads import iris
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.shapes import Points, blob, fan, moved, oval, poly, stroke


def perch(f: Figure) -> None:
    """A bird on a branch."""
    bird(f)
    branch(f)


def branch(f: Figure) -> None:
    """A branch under the feet, painted first."""
    f.stance = "perch"
    left, _, right, _ = f.bounds()
    y, w = f.feet + 0.05, f.look.get("branch", 0.09)
    bark = mix((104, 80, 58), (140, 128, 112), f.rng.random())
    droop = f.rng.uniform(-0.12, 0.12)
    line = [(left - 1.5, y + droop * 1.8), ((left + right) / 2 - 0.1, y), (right + 1.5, y - droop * 1.8)]
    twig = [(right + 0.25, y - droop * 0.3), (right + 0.5, y - 0.3), (right + 0.62, y - 0.62)]
    f.paints[:0] = [
        Paint([stroke(twig, (w * 0.5, w * 0.35, w * 0.15))], lit(bark, 0.85), extent=False),
        Paint([stroke(line, (w * 1.6, w, w * 0.7))], bark, extent=False),
    ]
    f.feet = f.bounds()[3]


def climb(f: Figure) -> None:
    """A bird that clings to a trunk."""
    look = f.look
    bird(f)
    f.stance = "perch"
    _, top, _, bottom = f.bounds()
    bark = mix((112, 88, 66), (150, 138, 122), f.rng.random())
    low = spot(-0.05, look.get("deep", 0.4) * 0.5, -math.radians(look.get("tilt", 76)))
    x = low[0] + look.get("leg", 0.1) * 0.4 + 0.06
    knots = [
        Mark(
            [
                stroke(
                    [
                        (x + 0.1 + 0.09 * k, top - 2 + 0.3 * k),
                        (x + 0.13 + 0.08 * k, (top + bottom) / 2),
                        (x + 0.1 + 0.09 * k, bottom + 2),
                    ],
                    (0.02, 0.035, 0.02),
                )
                for k in range(5)
            ],
            lit(bark, 0.6),
            0.8,
        )
    ]
    f.paints.insert(
        0,
        Paint(
            [stroke([(x + 0.3, top - 1.6), (x + 0.27, 0), (x + 0.32, bottom + 1.6)], (0.5, 0.54, 0.6))],
            bark,
            marks=knots,
            extent=False,
        ),
    )
    f.feet = bottom


def owl(f: Figure) -> None:
    """An owl on a branch: upright, a great head, a facial disc, eyes that look forward."""
    look, rng = f.look, f.rng
    c = colours(f)
    high, wide, r = look.get("high", 0.98), look.get("wide", 0.31), look.get("head", 0.29)
    f.feet = high * 0.5 + 0.03
    f.part(stroke([(-0.1, 0.3), (-0.14, 0.75)], (0.2, 0.16), tip=False), lit(c["tail"], 0.8))
    top = -high * 0.5
    body = blob(
        [
            (-wide * 0.72, top + 0.12),
            (wide * 0.72, top + 0.12),
            (wide, 0.0),
            (wide * 0.72, high * 0.36),
            (0, high * 0.5),
            (-wide * 0.78, high * 0.36),
            (-wide, 0.0),
        ]
    )
    f.part(body, c["back"], marks=owl_front(f, wide, high, c["breast"]))
    for way in (-1, 1):
        edge = wide * (1.06 if way < 0 else 0.98)
        side = blob(
            [
                (way * edge * 0.74, top + 0.2),
                (way * edge * 1.06, -0.02),
                (way * edge * 0.84, high * 0.36),
                (way * edge * 0.4, high * 0.52),
                (way * edge * 0.52, 0.12),
            ]
        )
        dots = (
            [
                Mark(
                    [oval(way * edge * (0.72 + 0.12 * (k % 2)), -0.12 + 0.09 * k, 0.035, 0.022) for k in range(6)],
                    lit(look.belly, 1.0),
                    0.9,
                )
            ]
            if look.chance("wing dots", 0.6)
            else []
        )
        f.part(side, c["wing"], marks=dots)
        for k in range(3):
            f.flat(oval(way * 0.09 + (k - 1) * 0.035, f.feet - 0.01, 0.018, 0.04, count=8), c["bill"])
    owl_head(f, 0.02, top + 0.02, r, c, rng)
    branch(f)


def owl_front(f: Figure, wide: float, high: float, c: Colour) -> list[Mark]:
    """The breast of an owl with its bars, lines or spots."""
    look = f.look
    front = [Mark([oval(0.06, 0.08, wide * 0.78, high * 0.44)], c, 1.0, 4.0)]
    if look.kind == "bands":
        rows = [[(-wide, y), (0.06, y + 0.05), (wide, y)] for y in (-0.14, -0.04, 0.06, 0.16, 0.26, 0.36)]
        front.append(Mark([stroke(row, (0.02, 0.026, 0.02)) for row in rows], look.mark, 0.85))
    elif look.kind == "lines":
        columns = [[(0.08 * i - 0.18, -0.2 + 0.1 * (i % 2)), (0.08 * i - 0.18, 0.3)] for i in range(6)]
        front.append(Mark([stroke(column, (0.03, 0.012)) for column in columns], look.mark, 0.85))
    else:
        front += markings(look, (-wide, -0.25, wide, 0.42), size=0.8)
    return front


def owl_head(f: Figure, x: float, y: float, r: float, c: dict[str, Colour], rng: Random) -> None:
    look = f.look
    turn = rng.uniform(-0.1, 0.1)

    def put(p: Points) -> Points:
        return moved(p, x, y, r, turn)

    tufts = (
        look.chance("tufts", look.get("tufted", 0.5)) if "tufts" not in look.shape else look.word("tufts", "") == "yes"
    )
    if tufts:
        for way in (-1, 1):
            f.part(
                put(blob([(way * 0.35, -0.7), (way * 0.75, -1.25), (way * 1.0, -1.42), (way * 0.95, -0.5)], 4)),
                lit(c["head"], 0.8),
            )
    wide = look.get("face_wide", 1.1)
    f.part(put(oval(0, 0, wide, 0.95)), c["head"], marks=[Mark([put(oval(0, -0.85, 0.8, 0.4))], c["cap"], 0.9, 3.0)])
    disc = look.paint.get(
        "face", lit(look.belly, 0.98) if look.chance("pale disc", 0.65) else mix(look.base, look.belly, 0.35)
    )
    rim = lit(look.mark, 0.9)
    if look.word("disc", "round") == "heart":
        heart = [
            (0, -0.42),
            (0.45, -0.66),
            (0.86, -0.3),
            (0.7, 0.32),
            (0, 0.84),
            (-0.7, 0.32),
            (-0.86, -0.3),
            (-0.45, -0.66),
        ]
        f.part(put(blob([(px * 1.1, py * 1.08) for px, py in heart])), rim)
        f.part(put(blob(heart)), disc, depth=0.7)
    else:
        for grow, tone in ((1.12, rim), (1.0, disc)):
            f.part([put(oval(way * 0.43, 0.02, 0.5 * grow, 0.6 * grow)) for way in (-1, 1)], tone, depth=0.6)
        f.part(
            put(blob([(-0.75, -0.62), (0, -0.2), (0.75, -0.62), (0, 0.0)], 4)),
            lit(look.belly, 1.05) if look.chance("white brow", 0.5) else c["head"],
            depth=0.5,
        )
    f.part(put(blob([(-0.13, -0.02), (0.13, -0.02), (0.1, 0.25), (0.0, 0.46), (-0.1, 0.25)], 4)), c["bill"])
    for way in (-1, 1):
        at = put(poly([(way * 0.43, -0.02)]))[0]
        f.eye(float(at[0]), float(at[1]), r * look.get("eyes", 0.25), iris(f))


def penguin(f: Figure) -> None:
    """A penguin: upright, a dark back, a white front, flippers."""
    look, rng = f.look, f.rng
    c = colours(f)
    dark, white = look.paint.get("back", look.base), look.belly
    f.feet = 0.56
    lean = rng.uniform(-0.06, 0.06)
    for x in (-0.12, 0.08):
        f.part(blob([(x - 0.06, 0.52), (x + 0.06, 0.5), (x + 0.17, 0.56), (x - 0.05, 0.575)], 4), c["legs"])
    f.part(poly([(-0.2, 0.42), (-0.36, 0.57), (-0.12, 0.5)]), lit(dark, 0.8))
    body = blob(
        [(0.0, -0.46), (0.2, -0.3), (0.3, 0.05), (0.24, 0.4), (0.05, 0.53), (-0.18, 0.48), (-0.28, 0.1), (-0.2, -0.28)]
    )
    band = (
        [Mark([stroke([(-0.1, -0.12), (0.14, -0.08), (0.34, -0.14)], (0.06, 0.07, 0.06))], dark, 1.0)]
        if look.chance("breast band", 0.35)
        else []
    )
    bib = [Mark([oval(0.14, -0.26, 0.2, 0.14)], look.accent, 0.9, 4.0)] if look.chance("bib", 0.45) else []
    f.part(body, dark, marks=[Mark([oval(0.16, 0.12, 0.24, 0.44, 0.05)], white, 1.0, 2.0), *bib, *band])
    f.part(blob([(-0.12, -0.26), (-0.02, -0.24), (0.0, 0.05), (-0.12 + lean, 0.28), (-0.2, 0.05)]), lit(dark, 0.85))
    bird_head(
        f,
        0.06 + lean,
        -0.5,
        look.get("head", 0.17),
        {**c, "head": look.paint.get("head", dark), "cap": look.paint.get("cap", dark)},
        rng,
    )


def flying(f: Figure) -> None:
    """A bird on the wing, seen from below: wings and tail spread, the head turned aside."""
    look, rng = f.look, f.rng
    c = colours(f)
    f.stance = "afloat"
    span, beat = look.get("span", 1.05), rng.uniform(-0.12, 0.22)
    pale = mix(c["wing"], c["belly"], look.get("pale_wing", 0.45))
    long = look.get("tails", 0.4)
    fans = {"fork": [(-0.05, 0.25), (-0.2, 0.3 + long), (0.0, 0.3 + long * 0.5), (0.2, 0.3 + long), (0.05, 0.25)]}
    spread = (
        poly(fans["fork"]) if look.word("tail", "fan") == "fork" else fan(0.0, 0.2, long + 0.08, 1.12, 2.02, 6, 0.05)
    )
    rows = [
        stroke([(-0.4, 0.2 + long * t), (0.0, 0.26 + long * t), (0.4, 0.2 + long * t)], (0.035, 0.04, 0.035))
        for t in (0.3, 0.6, 0.9)
    ]
    banded = look.chance("banded tail", look.get("tail_bands", 0.25))
    f.part(spread, mix(c["tail"], c["belly"], 0.3), marks=[Mark(rows, look.mark, 0.85)] if banded else [], depth=0.7)
    for way, lift in ((-1, beat), (1, beat + rng.uniform(-0.08, 0.08))):
        pinion(f, way, span, lift, pale)
    body = blob(
        [
            (0.0, -0.42),
            (0.13, -0.28),
            (0.16, -0.02),
            (0.08, 0.3),
            (0.0, 0.38),
            (-0.08, 0.3),
            (-0.16, -0.02),
            (-0.13, -0.28),
        ]
    )
    marks = [Mark([oval(0, -0.24, 0.2, 0.16)], c["breast"], 0.9, 4.0)]
    if look.kind in ("bands", "spots", "specks", "checks"):
        marks += markings(look, (-0.16, -0.3, 0.16, 0.32), "specks", 0.8)
    f.part(body, c["belly"], marks=marks)
    bird_head(f, 0.03, -0.46, look.get("head", 0.18) * 0.72, c, rng)
    lean(f, rng.uniform(-0.6, 0.6))


def lean(f: Figure, angle: float) -> None:
    """Turn everything in a figure about its origin."""
    for p in f.paints:
        p.outlines = [moved(o, 0, 0, 1, angle) for o in p.outlines]
        p.marks = [Mark([moved(o, 0, 0, 1, angle) for o in m.outlines], m.colour, m.alpha, m.soft) for m in p.marks]


def pinion(f: Figure, way: int, span: float, lift: float, c: Colour) -> None:
    """A spread wing from below: an arm, then the flight feathers, in fingers or in a point."""
    look = f.look
    broad = look.get("broad", 0.34)
    wrist, tip = (0.5 * span, -0.34 - lift * 0.7), (1.1 * span, -0.2 - lift * 1.5)
    trail = [(0.56 * span, broad - 0.24 - lift * 0.5), (0.3 * span, broad - 0.2 - lift * 0.2), (0.08, broad - 0.18)]
    arm = [(0.02, -0.27), (0.24 * span, -0.31 - lift * 0.3), wrist]
    if look.word("wingtip", "fingers") == "point":
        outlines = [blob([(way * x, y) for x, y in [*arm, tip, (0.84 * span, -0.1 - lift + broad * 0.1), *trail]], 5)]
    else:
        hand = [(0.8 * span, -0.27 - lift), (0.78 * span, broad - 0.32 - lift * 0.8)]
        outlines = [blob([(way * x, y) for x, y in [*arm, *hand, *trail]], 5)]
        for k in range(6):
            root = (0.66 * span, -0.24 - lift + 0.035 * k)
            end = (tip[0] - 0.012 * k * k * span, tip[1] + 0.075 * k)
            outlines.append(stroke([(way * root[0], root[1]), (way * end[0], end[1])], (0.1, 0.04)))
    edge = lit(look.paint.get("tip", mix(c, look.mark, 0.65)), 0.85)
    bars = [
        [(0.1, 0.08 - k), (0.5 * span, 0.02 - k - lift * 0.5), (0.95 * span, -0.04 - k - lift)] for k in (0.0, 0.11)
    ]
    marks = [
        Mark([oval(way * tip[0], tip[1] + 0.05, 0.24 * span, 0.3)], edge, 0.85, 3.0),
        Mark([stroke([(way * x, y) for x, y in bar], (0.03, 0.035, 0.02)) for bar in bars], edge, 0.6, 1.0),
        Mark(
            [
                stroke(
                    [
                        (way * 0.08, -0.27),
                        (way * 0.26 * span, -0.29 - lift * 0.3),
                        (way * wrist[0], wrist[1] + 0.03),
                        (way * tip[0], tip[1]),
                    ],
                    (0.1, 0.12, 0.1, 0.02),
                )
            ],
            lit(c, 0.8),
            0.7,
            2.0,
        ),
    ]
    f.part(outlines, c, marks=marks)


def soar(f: Figure) -> None:
    """Perched in most images, on the wing in the others."""
    (flying if f.rng.random() < 0.4 else perch)(f)


def shore(f: Figure) -> None:
    """On the ground in most images, on the wing in the others."""
    (flying if f.rng.random() < 0.35 else bird)(f)


def swim(f: Figure) -> None:
    """A bird on the water: what lies under the line is drawn as its mirror image, broken by ripples."""
    look, rng = f.look, f.rng
    bird(f)
    f.stance = "water"
    left, _, right, bottom = f.bounds()
    deep = look.get("deep", 0.46)
    line = f.feet = bottom - deep * 0.3
    water = mix((98, 142, 158), (70, 112, 142), rng.random())
    f.part(
        blob(
            [
                (left - 0.1, line + 0.02),
                ((left + right) / 2, line - 0.015),
                (right + 0.1, line + 0.03),
                (right - 0.1, bottom + 0.05),
                (left + 0.1, bottom + 0.05),
            ]
        ),
        water,
        depth=0.2,
    )
    f.part(
        oval((left + right) / 2 - 0.1, line + deep * 0.2, (right - left) * 0.3, deep * 0.13),
        mix(water, look.base, 0.4),
        depth=0.2,
    )
    for k in range(3):
        y = line + 0.015 + 0.06 * k
        f.flat(
            stroke(
                [(left - 0.12 + 0.1 * k, y), ((left + right) / 2, y + 0.015), (right + 0.12 - 0.1 * k, y)],
                (0.006, 0.018, 0.006),
            ),
            lit(water, 1.3 if k % 2 == 0 else 0.85),
        )
