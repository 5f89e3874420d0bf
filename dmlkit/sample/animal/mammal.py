"""Mammals that sit upright or crouch, and bats on the wing. The unit is the height of a sitting animal."""

from __future__ import annotations

from itertools import pairwise

from dmlkit.sample.animal import heads
from dmlkit.sample.animal.figure import Figure, markings
from dmlkit.sample.animal.heads import Head
from dmlkit.sample.animal.quadruped import tail
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.shapes import Points, blob, oval, poly, ragged, stroke

Pair = tuple[float, float]


def sitter(f: Figure) -> None:
    """An animal that sits or stands on its hind legs: ape, monkey, squirrel, kangaroo."""
    look, rng = f.look, f.rng
    wide, high, lean = look.get("wide", 0.34), look.get("high", 0.85), look.get("lean", 0.12) + rng.uniform(-0.05, 0.05)
    ground = f.feet = high * 0.5
    r, w = look.get("head", 0.24), look.get("legw", 0.11)
    top = (lean, -high * 0.5)
    sway = rng.uniform(-0.12, 0.12)
    tail(f, look.get("tail_turn", 0.0) + sway, -wide * 0.6, ground - look.get("tail_up", 0.12))
    far = [(top[0] + 0.03, top[1] + 0.16), (top[0] + wide * 0.9, 0.0), reach(f, lean, wide, ground, True)]
    hand(f, far[-1], w * 0.9, 0.68)
    f.part(arm(far, w * 0.9), lit(look.paint.get("arms", look.base), 0.66), depth=0.8)
    foot(f, wide, ground, w, 0.68, 0.08)
    foot(f, wide, ground, w, 0.96, 0.0)
    sitting(f, wide, high, lean, w)
    head = Head(f, top[0] + r * 0.25, top[1] - r * 0.55, r, rng.uniform(-0.12, 0.12))
    if look.word("mane", "none") == "cape":
        cape = ragged(oval(top[0] - 0.05, top[1] + 0.1, wide * 0.9, high * 0.34, 0.2, 30), 0.12, rng)
        f.part(cape, look.paint.get("mane", lit(look.mark, 0.95)), fuzz=1)
    if look.word("view", "front") == "front":
        if look.word("mane", "none") == "ruff":
            ruff = ragged(oval(head.x, head.y + r * 0.1, r * 1.5, r * 1.45, 0, 34), 0.14, rng)
            f.part(ruff, look.paint.get("mane", look.mark), fuzz=1)
        heads.face(head)
    else:
        heads.side(head)


def sitting(f: Figure, wide: float, high: float, lean: float, w: float) -> None:
    """The trunk with the near arm and the near thigh."""
    look = f.look
    ground, top = high * 0.5, (lean, -high * 0.5)
    torso = blob([
        (top[0] + wide * 0.34, top[1] + 0.04), (top[0] + wide * 0.62, -high * 0.18), (wide * 0.72, high * 0.2), (wide * 0.5, ground - 0.02),
        (-wide * 0.6, ground - 0.01), (-wide * 0.92, high * 0.2), (-wide * 0.7 + lean * 0.3, -high * 0.1), (top[0] - wide * 0.42, top[1] + 0.04),
    ])  # fmt: skip
    marks = markings(look, (-wide, -high * 0.5, wide, high * 0.5))
    if look.kind in ("lines", "stripe"):
        backs = [
            [
                (top[0] - wide * (0.2 - 0.26 * k), top[1] + 0.08),
                (-wide * (0.62 - 0.34 * k), 0.0),
                (-wide * (0.6 - 0.26 * k), ground * 0.8),
            ]
            for k in range(3)
        ]
        marks = [Mark([stroke(line, (0.02, 0.045, 0.02)) for line in backs], look.mark, 0.9)]
    front = look.paint.get("breast", look.paint.get("belly", look.belly))
    marks.append(Mark([oval(wide * 0.55 + lean * 0.5, 0.02, wide * 0.45, high * 0.42, 0.1)], front, 0.95, 4.0))
    if "back" in look.paint:
        marks.append(Mark([oval(-wide * 0.9, -0.1, wide * 0.7, high * 0.5)], look.paint["back"], 0.95, 4.0))
    thigh = look.get("thigh", 1.0)
    leg = oval(wide * 0.07, ground - 0.17 * thigh, wide * 0.5 * thigh, 0.17 * thigh + 0.02, -0.35)
    near = [(top[0] - 0.02, top[1] + 0.16), (top[0] + wide * 0.5, 0.04), reach(f, lean, wide, ground, False)]
    limb = arm(near, w)
    marks.append(Mark([leg, limb], look.paint.get("arms", look.base), 1.0, 2.0))
    hand(f, near[-1], w, 1.0)
    f.part(torso, look.base, marks=marks, limbs=[leg, limb])


def reach(f: Figure, lean: float, wide: float, ground: float, far: bool) -> Pair:
    """Where a hand goes: to the ground, or before the breast."""
    if f.look.word("arms", "down") == "down":
        return lean + wide * (1.25 if far else 1.0), ground - 0.02
    return lean + wide * (1.0 if far else 0.95), -0.08 + (0.05 if far else 0.0)


def arm(line: list[Pair], w: float) -> Points:
    return stroke(line, (w * 1.5, w * 1.15, w * 0.8), tip=False, root=True)


def hand(f: Figure, at: Pair, w: float, dark: float) -> None:
    look = f.look
    c = lit(look.paint.get("hand", look.paint.get("legs", mix(look.base, look.mark, 0.55))), dark)
    f.part(oval(at[0] + w * 0.1, at[1], w * 0.6, w * 0.42), c)


def foot(f: Figure, wide: float, ground: float, w: float, dark: float, shift: float) -> None:
    """The foot of a folded hind leg."""
    look = f.look
    long = look.get("feet", 1.0)
    x = wide * 0.35 + shift
    sole = [
        (x - wide * 0.4, ground - w * 0.55), (x + wide * 0.5 * long, ground - w * 0.6), (x + wide * 0.85 * long, ground - w * 0.15),
        (x + wide * 0.7 * long, ground), (x - wide * 0.4, ground),
    ]  # fmt: skip
    f.part(blob(sole, 4), lit(look.paint.get("legs", mix(look.base, look.mark, 0.3)), dark))
    if dark < 0.9:
        f.part(oval(x - wide * 0.28, ground - 0.17, wide * 0.5, 0.19, -0.35), lit(look.base, dark), depth=0.9)


def crouch(f: Figure) -> None:
    """An animal that crouches with a round back and folded hind legs: rabbits and hares."""
    look, rng = f.look, f.rng
    ground = f.feet = 0.36
    high, r = look.get("high", 0.4), look.get("head", 0.19)
    rise, step = rng.uniform(-0.03, 0.09), rng.uniform(-0.03, 0.03)
    w = look.get("legw", 0.09)
    c = look.base
    f.part(oval(-0.56, 0.06, 0.1, 0.09), lit(look.paint.get("tail", look.belly), 1.05), fuzz=2)
    for shift, dark in ((0.08, 0.66), (0.0, 0.92)):
        paws = [(0.3 + shift, 0.1), (0.33 + shift + step, 0.26), (0.4 + shift + step, ground - 0.02)]
        f.part(stroke(paws, (w * 1.7, w * 1.1, w * 0.9), root=True), lit(c, dark))
        sole = [
            (-0.36 + shift, ground - 0.09),
            (0.0 + shift, ground - 0.08),
            (0.1 + shift, ground - 0.03),
            (0.06 + shift, ground),
            (-0.36 + shift, ground),
        ]
        f.part(blob(sole, 4), lit(mix(c, look.belly, 0.35), dark))
    body = blob([
        (0.4, -0.06 - rise), (0.26, -high * 0.62 - rise), (-0.02, -high * 0.86), (-0.34, -high * 0.66), (-0.54, 0.0), (-0.46, 0.26), (-0.2, 0.33),
        (0.14, 0.3), (0.4, 0.18),
    ])  # fmt: skip
    if look.word("coat", "short") == "wool":
        body = ragged(body, 0.06, rng, 2)
    thigh = oval(-0.26, 0.12, 0.22, 0.24, 0.4)
    bib = look.paint.get("breast", look.belly)
    marks = [*markings(look, (-0.5, -high * 0.8, 0.4, 0.3)), Mark([oval(0.42, 0.14, 0.16, 0.2)], bib, 0.8, 4.0)]
    f.part(body, c, marks=[*marks, Mark([thigh], c, 1.0, 3.0)], under=(look.belly, 0.2), limbs=[thigh], fuzz=1)
    head = Head(f, 0.44, -high * 0.62 - rise, r, rng.uniform(-0.15, 0.1))
    heads.side(head)


def bat(f: Figure) -> None:
    """A bat on the wing, seen from below."""
    look, rng = f.look, f.rng
    f.stance = "afloat"
    skin = lit(look.paint.get("wing", mix(look.base, look.mark, 0.55)), 0.85)
    span, lift = look.get("span", 1.0), rng.uniform(-0.22, 0.25)
    for way in (-1.0, 1.0):
        wing(f, way, span, lift, skin)
    if look.chance("tail skin", 0.6):
        f.part(poly([(-0.1, 0.2), (0.1, 0.2), (0.16, 0.44), (0, 0.38), (-0.16, 0.44)]), lit(skin, 0.95))
    collar = (
        [Mark([oval(0, -0.16, 0.2, 0.1)], look.mark, 0.95, 2.0)]
        if look.kind == "collar" or look.chance("mantle", 0.4)
        else markings(look, (-0.2, -0.3, 0.2, 0.3))
    )
    marks = [Mark([oval(0, 0.12, 0.11, 0.2)], look.belly, 0.9, 3.0), *collar]
    f.part(oval(0, 0.04, 0.17, 0.27), look.base, marks=marks, fuzz=2)
    for way in (-1, 1):
        f.part(stroke([(way * 0.07, 0.26), (way * 0.1, 0.36)], (0.05, 0.03)), lit(skin, 0.8))
    heads.face(Head(f, 0.0, -0.27, look.get("head", 0.16), rng.uniform(-0.15, 0.15)))


def wing(f: Figure, way: float, span: float, lift: float, skin: Colour) -> None:
    """One wing of a bat: skin between the bones of a hand."""
    wrist = (way * 0.5 * span, -0.32 - lift)
    tips = [
        (way * 1.15 * span, -0.22 - lift * 1.6), (way * 1.02 * span, 0.2 - lift * 0.8), (way * 0.7 * span, 0.36 - lift * 0.3), (way * 0.34 * span, 0.34),
    ]  # fmt: skip
    rim: list[Pair] = [(way * 0.1, -0.12), wrist, tips[0]]
    for a, b in pairwise(tips):
        rim += [((a[0] + b[0]) / 2 * 0.88, (a[1] + b[1]) / 2 - 0.05), b]
    rim += [(way * 0.2 * span, 0.22), (way * 0.1, 0.2)]
    f.part(poly(rim), skin, depth=0.8)
    bone = lit(skin, 0.66)
    f.flat(stroke([(way * 0.1, -0.1), wrist], (0.05, 0.035)), lit(skin, 0.8))
    for tip in tips:
        middle = ((wrist[0] + tip[0]) / 2, (wrist[1] + tip[1]) / 2 - 0.02)
        f.flat(stroke([wrist, middle, tip], (0.022, 0.016, 0.008)), bone)
    f.flat(stroke([wrist, (wrist[0] + way * 0.02, wrist[1] - 0.09)], (0.025, 0.008)), bone)
