"""Birds perched, wading, swimming, upright and on the wing, made of the parts of `dmlkit.drawing.bird`."""

from __future__ import annotations

import math
from random import Random

from dmlkit.drawing.bird import Pair, bird, bird_head, bird_tail, colours, spot
from dmlkit.drawing.canvas import Mark
from dmlkit.drawing.colours import Colour, lit, mix
from dmlkit.drawing.figure import Figure, Paint, markings
from dmlkit.drawing.heads import iris
from dmlkit.drawing.shapes import Points, blob, moved, oval, poly, stroke


def perch(f: Figure) -> None:
    """A bird on a branch."""
    bird(f)
    branch(f)


def branch(f: Figure) -> None:
    """A branch under the feet, painted first."""
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
    look_tilt = look.shape.get("tilt", 76)
    look.shape.setdefault("tilt", look_tilt)
    bird(f)
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
    front = [Mark([oval(0.06, 0.08, wide * 0.78, high * 0.44)], c["breast"], 1.0, 4.0)]
    kind = {"plain": "", "mask": ""}.get(look.kind, look.kind)
    if kind == "bands":
        front.append(
            Mark(
                [
                    stroke([(-wide, y), (0.06, y + 0.05), (wide, y)], (0.02, 0.026, 0.02))
                    for y in (-0.14, -0.04, 0.06, 0.16, 0.26, 0.36)
                ],
                look.mark,
                0.85,
            )
        )
    elif kind == "lines":
        front.append(
            Mark(
                [
                    stroke([(x, -0.2 + 0.1 * (i % 2)), (x, 0.3)], (0.03, 0.012))
                    for i, x in enumerate((-0.18, -0.1, -0.02, 0.06, 0.14, 0.22))
                ],
                look.mark,
                0.85,
            )
        )
    elif kind:
        front += markings(look, (-wide, -0.25, wide, 0.42), kind, 0.8)
    f.part(body, c["back"], marks=front)
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
    """A bird on the wing, seen from the side and a little below."""
    look, rng = f.look, f.rng
    c = colours(f)
    deep = look.get("deep", 0.3)
    long, beat = look.get("span", 1.1), rng.uniform(-0.35, 0.9)
    pinion(f, (0.1, -0.05), long * 0.92, beat + 0.5, lit(c["wing"], 0.72))
    bird_tail(f, -0.05, c["tail"])
    body = blob(
        [
            (0.46, -deep * 0.1),
            (0.25, -deep * 0.42),
            (-0.1, -deep * 0.4),
            (-0.5, -0.03),
            (-0.35, deep * 0.3),
            (0.05, deep * 0.5),
            (0.4, deep * 0.3),
        ]
    )
    neck, r = look.get("neck", 0.1), look.get("head", 0.15)
    at = (0.44 + neck, -0.04 - neck * 0.25)
    line = [(0.25, 0.0), ((0.25 + at[0]) / 2, -0.02), at]
    marks = [
        Mark([oval(0.0, deep * 0.5, 0.5, deep * 0.5)], c["belly"], 1.0, 4.0),
        Mark([oval(0.4, deep * 0.3, 0.22, deep * 0.5)], c["breast"], 1.0, 4.0),
    ]
    if look.kind in ("bands", "spots", "specks", "checks"):
        marks += markings(look, (-0.3, -0.05, 0.4, deep * 0.5), size=0.6)
    f.part(
        [body, stroke(line, (deep * 0.8, max(deep * 0.45, look.get("neckw", 0.2)), r * 1.6), tip=False)],
        c["back"],
        marks=marks,
    )
    bird_head(f, at[0] + r * 0.3, at[1], r, c, rng)
    pinion(f, (0.08, -0.04), long, beat, c["wing"])


def pinion(f: Figure, root: Pair, long: float, beat: float, c: Colour) -> None:
    """A spread wing: an arm, then fingers of flight feathers."""
    look = f.look
    a = -0.9 - beat
    broad = look.get("broad", 0.34)
    wrist = (root[0] + math.cos(a) * long * 0.42 + 0.1, root[1] + math.sin(a) * long * 0.42)
    b = a - 0.75
    tip = (wrist[0] + math.cos(b) * long * 0.65, wrist[1] + math.sin(b) * long * 0.65)
    fingers: list[Pair] = []
    count = 6
    for k in range(count):
        t = k / (count - 1)
        end = (tip[0] + (root[0] - 0.42 - tip[0]) * t, tip[1] + (root[1] + 0.03 - tip[1]) * t)
        sag = broad * 0.45 * math.sin(math.pi * t)
        fingers += [(end[0] - sag, end[1] + sag * 0.4), (end[0] - sag + 0.05, end[1] + sag * 0.4 + 0.04)]
    outline = poly(
        [(root[0] + 0.14, root[1]), ((root[0] + wrist[0]) / 2 + 0.08, (root[1] + wrist[1]) / 2), wrist, *fingers]
    )
    edge = lit(look.paint.get("tip", mix(c, look.mark, 0.6)), 0.85)
    marks = [Mark([oval(*tip, long * 0.3, long * 0.3)], edge, 0.9, 4.0)]
    marks.append(
        Mark(
            [
                stroke(
                    [(root[0] - 0.3, root[1]), ((root[0] + tip[0]) / 2 - 0.12, (root[1] + tip[1]) / 2 + 0.08), tip],
                    (broad * 0.5, broad * 0.4, 0.02),
                )
            ],
            edge if look.chance("dark edge", 0.5) else lit(c, 1.15),
            0.7,
            3.0,
        )
    )
    f.part(outline, c, marks=marks)


def soar(f: Figure) -> None:
    """Perched in most pictures, on the wing in the others."""
    (flying if f.rng.random() < 0.4 else perch)(f)


def shore(f: Figure) -> None:
    """On the ground in most pictures, on the wing in the others."""
    (flying if f.rng.random() < 0.35 else bird)(f)


def swim(f: Figure) -> None:
    """A bird on the water: what lies under the line is drawn as its mirror image, broken by ripples."""
    look, rng = f.look, f.rng
    bird(f)
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
