"""Frogs and toads. The unit is the trunk's length."""

from __future__ import annotations

import math

from dmlkit.sample.animal.figure import Figure, Paint, markings
from dmlkit.sample.animal.reptile import body_colour
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import Colour, jitter, lit
from dmlkit.sample.scene import PONDS
from dmlkit.sample.shapes import blob, oval, stroke

Pair = tuple[float, float]


def frog(f: Figure) -> None:
    """A frog or toad, squatting, in three quarters from the side."""
    look, rng = f.look, f.rng
    c = body_colour(f)
    plump, rise = look.get("plump", 1.0), rng.uniform(-0.02, 0.05)
    f.feet = 0.33
    leg = look.get("leg", 1.0)
    w = look.get("legw", 0.1)
    if f.place in PONDS:
        lily_pad(f)
    hind(f, 0.1, 0.62, leg, w)
    fore(f, 0.09, 0.62, w)
    body = blob(
        [
            (-0.52, 0.24),
            (-0.44, 0.04),
            (-0.14, -0.2 - rise),
            (0.2, -0.34 - rise),
            (0.44, -0.36 - rise),
            (0.62, -0.2 - rise),
            (0.62, -0.06),
            (0.46, 0.12 * plump),
            (0.26, 0.3 * plump),
            (-0.2, 0.32),
        ]
    )
    marks = markings(look, (-0.5, -0.34, 0.55, 0.2))
    if look.chance("eye mask", look.get("masked", 0.35)) or look.kind == "mask":
        marks.append(
            Mark([stroke([(0.5, -0.22), (0.34, -0.2), (0.1, -0.04)], (0.04, 0.13, 0.06))], lit(look.mark, 0.85), 0.95)
        )
    if look.chance("side line", 0.35):
        marks.append(
            Mark([stroke([(0.38, -0.3 - rise), (0.0, -0.14), (-0.42, 0.1)], (0.03, 0.035, 0.02))], look.accent, 0.95)
        )
    throat = look.paint.get("breast", look.belly)
    f.part(
        body,
        c,
        marks=[*marks, Mark([oval(0.52, 0.04, 0.2, 0.13, -0.5)], throat, 0.95, 3.0)],
        under=(look.belly, look.under * 0.7),
    )
    if look.word("skin", "smooth") == "warts":
        for k in range(26):
            x, y = -0.4 + 0.85 * look.number(f"wx{k}", 0, 1), -0.24 + 0.36 * look.number(f"wy{k}", 0, 1)
            if y > -0.3 - 0.3 * (x - 0.4) and (x + 0.05) ** 2 / 0.24 + (y - 0.02) ** 2 / 0.06 < 0.9:
                f.part(oval(x, y, 0.026, 0.021, 0, 10), lit(c, 0.9 if k % 2 else 1.12))
    hind(f, 0.0, 1.0, leg, w)
    fore(f, 0.0, 1.0, w)
    frog_face(f, c, rise)


def lily_pad(f: Figure) -> None:
    """A leaf to sit on, where the ground is water."""
    leaf = jitter((86, 138, 70), f.rng, 0.03, 0.06)
    wide = f.rng.uniform(0.85, 1.05)
    for grow, drop, c in ((1.03, 0.03, lit(leaf, 0.5)), (1.0, 0.0, leaf)):
        f.paints.append(Paint([oval(0.05, 0.33 + drop, wide * grow, 0.17 * grow)], c, depth=0.5, extent=False))


def frog_face(f: Figure, c: Colour, rise: float) -> None:
    look = f.look
    f.line([(0.63, -0.1), (0.5, -0.04), (0.3, -0.08)], 0.018, lit(c, 0.45))
    if look.chance("ear drum", look.get("drum", 0.6)):
        f.part(oval(0.25, -0.12, 0.045, 0.05), lit(c, 0.85), depth=0.6)
    r = look.get("eyes", 0.082)
    eyes = look.paint.get(
        "eye", ((206, 160, 50), (190, 60, 44), (160, 130, 60), (60, 50, 40))[int(look.number("eye", 0, 3.99))]
    )
    f.part(oval(0.5, -0.37 - rise, r * 1.0, r * 0.9), lit(c, 0.8))
    f.part(oval(0.36, -0.36 - rise, r * 1.3, r * 1.2), lit(c, 1.04))
    f.eye(0.375, -0.37 - rise, r, eyes)
    f.flat(oval(0.6, -0.2 - rise, 0.012, 0.01, 0, 8), lit(c, 0.4))


def hind(f: Figure, shift: float, dark: float, leg: float, w: float) -> None:
    """The folded hind leg of a frog: thigh, shank and long foot."""
    look = f.look
    c = lit(
        look.paint.get(
            "legs", look.accent if look.chance("bright legs", look.get("bright_legs", 0.15)) else body_colour(f)
        ),
        dark * 0.96,
    )
    x = -0.32 + shift
    bars = (
        [
            Mark(
                [stroke([(x - 0.18 + 0.13 * k, -0.1), (x - 0.1 + 0.13 * k, 0.4)], (0.04, 0.04)) for k in range(4)],
                look.mark,
                0.8,
            )
        ]
        if look.chance("leg bars", 0.45)
        else markings(look, (x - 0.3, -0.1, x + 0.3, 0.3))
        if look.kind in ("spots", "specks", "patches", "net", "rosettes")
        else []
    )
    for k in range(3):
        f.flat(stroke([(x + 0.08, 0.3), (x + 0.36 * leg, 0.28 + 0.03 * k)], (w * 0.5, w * 0.3), 3), lit(c, 0.85))
        if look.word("toes", "plain") == "discs":
            f.flat(oval(x + 0.36 * leg, 0.28 + 0.03 * k, w * 0.26, w * 0.22, 0, 10), lit(c, 1.05))
    f.part(
        stroke(
            [(x + 0.3 * leg, 0.0), (x, 0.18), (x - 0.12, 0.28), (x + 0.1, 0.3)], (w * 1.2, w * 1.3, w * 1.0, w * 0.8)
        ),
        lit(c, 0.85),
        marks=bars,
    )
    f.part(
        blob(
            [
                (x - 0.16, 0.22),
                (x - 0.1, 0.04),
                (x + 0.14, -0.08),
                (x + 0.34 * leg, 0.02),
                (x + 0.3 * leg, 0.14),
                (x + 0.02, 0.28),
            ]
        ),
        c,
        marks=bars,
    )


def fore(f: Figure, shift: float, dark: float, w: float) -> None:
    look = f.look
    c = lit(look.paint.get("legs", body_colour(f)), dark * 0.95)
    x = 0.28 + shift
    end = (x + 0.12, 0.31)
    for k in range(4):
        a = -0.4 + 0.36 * k
        tip = (end[0] + math.cos(a) * w * 1.1, end[1] + math.sin(a) * w * 0.3)
        f.flat(stroke([end, tip], (w * 0.36, w * 0.26), 3), lit(c, 0.9))
        if look.word("toes", "plain") == "discs":
            f.flat(oval(*tip, w * 0.24, w * 0.2, 0, 10), lit(c, 1.05))
    f.part(stroke([(x - 0.02, 0.0), (x - 0.04, 0.16), end], (w * 1.5, w * 1.05, w * 0.7), root=True), c, depth=0.8)
