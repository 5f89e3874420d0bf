"""Turtles and tortoises. The unit is the shell's length."""

from __future__ import annotations

from dmlkit.sample.animal.figure import Figure, Paint, markings
from dmlkit.sample.animal.heads import iris
from dmlkit.sample.animal.reptile import Put
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.scene import PONDS, WATER
from dmlkit.sample.shapes import Points, blob, moved, oval, poly, stroke

Pair = tuple[float, float]


def turtle(f: Figure) -> None:
    """A turtle or tortoise: a domed shell, a thick neck, stumps or flippers."""
    look, rng = f.look, f.rng
    high, flipper = look.get("dome", 0.34), look.word("foot", "stump") == "flipper"
    if f.place in WATER:
        f.stance = "afloat"
    c = look.paint.get("legs", look.accent if look.chance("bright skin", 0.5) else look.belly)
    c = mix(c, look.mark, 0.2)
    f.feet = 0.34 if flipper else 0.26
    if f.place in PONDS:
        log(f)
    r = look.get("head", 0.12)
    up = rng.uniform(-0.02, 0.14)
    f.part(
        stroke([(-0.46, 0.06), (-0.58, 0.12), (-0.6 - look.get("tails", 0.08), 0.16)], (0.1, 0.06, 0.01)), lit(c, 0.8)
    )
    turtle_legs(f, c, flipper, True)
    at = (0.6 + look.get("neck", 0.05), -0.04 - up)
    stripes = (
        [
            Mark(
                [stroke([(0.3, 0.04 + 0.04 * k), (at[0], at[1] - 0.06 + 0.045 * k)], (0.014, 0.014)) for k in range(4)],
                look.paint.get("neck", lit(look.accent, 1.1)),
                0.9,
            )
        ]
        if look.chance("neck lines", look.get("neck_lines", 0.5))
        else []
    )
    f.part(stroke([(0.34, 0.06), (0.5, 0.02), at], (0.22, 0.15, 0.14)), c, marks=stripes)
    turtle_head(f, at, r, c, stripes != [])
    f.part(blob([(0.5, 0.04), (0.4, 0.14), (0, 0.17), (-0.42, 0.14), (-0.52, 0.04)]), lit(look.belly, 0.9))
    shell = blob(
        [
            (0.56, 0.06),
            (0.5, -0.06),
            (0.3, -high * 0.8),
            (0.0, -high),
            (-0.3, -high * 0.84),
            (-0.52, -0.06),
            (-0.6, 0.07),
            (-0.3, 0.12),
            (0.3, 0.12),
        ]
    )
    f.part(shell, look.paint.get("back", look.base), marks=scutes(f, high))
    turtle_legs(f, c, flipper, False)


def log(f: Figure) -> None:
    """A log to bask on, where the ground is water."""
    bark = mix((98, 78, 58), (126, 112, 92), f.rng.random())
    y = f.feet + 0.06
    line = [(-2.0, y + f.rng.uniform(-0.04, 0.08)), (0, y), (2.0, y + f.rng.uniform(-0.04, 0.08))]
    mirror = oval(0.0, y + 0.09, 1.9, 0.05)
    f.paints += [
        Paint([mirror], lit(mix(bark, (90, 130, 150), 0.6), 0.8), flat=True, extent=False),
        Paint([stroke(line, (0.15, 0.2, 0.17))], bark, extent=False),
    ]


def scutes(f: Figure, high: float) -> list[Mark]:
    """The plates of a shell, each with the fine class's own pattern."""
    look = f.look
    if look.word("shell", "plates") == "leather":
        return [
            Mark(
                [
                    stroke([(-0.56, 0.02), (0, -high * s), (0.52, 0.02)], (0.012, 0.022, 0.012))
                    for s in (0.3, 0.65, 0.95)
                ],
                lit(look.base, 1.25),
                0.8,
            ),
            *markings(look, (-0.5, -high, 0.5, 0.1), "specks"),
        ]
    plates, cores, seams = [], [], lit(look.base, 0.5)
    for k in range(4):
        x, w = -0.375 + 0.25 * k, 0.112
        top = -high * (0.84 - 0.4 * abs(x) ** 1.5)
        plates.append(poly([(x - w, -0.02), (x - w * 0.7, top), (x + w * 0.7, top), (x + w, -0.02)]))
        cores.append(oval(x, (top - 0.02) / 2, w * 0.5, -top * 0.3))
    for k in range(8):
        x = -0.5 + 0.145 * k
        plates.append(poly([(x - 0.06, 0.0), (x + 0.06, 0.0), (x + 0.05, 0.1), (x - 0.07, 0.1)]))
        cores.append(oval(x, 0.055, 0.025, 0.03))
    out = [Mark([oval(0, 0, 2, 2)], seams, 1.0), Mark(plates, look.paint.get("back", look.base))]
    if look.kind in ("spots", "specks", "rosettes"):
        out += markings(look, (-0.5, -high, 0.5, 0.1))
    elif look.kind in ("stripes", "lines", "net"):
        out.append(
            Mark(
                [
                    stroke(
                        [(float(p[:, 0].mean()), float(p[:, 1].mean())), (float(q[0]), float(q[1]))], (0.012, 0.02), 2
                    )
                    for p in plates
                    for q in p
                ],
                look.mark,
                0.9,
            )
        )
    elif look.kind != "plain":
        out.append(Mark(cores, look.mark, 0.9))
    return out


def turtle_legs(f: Figure, c: Colour, flipper: bool, far: bool) -> None:
    tone = lit(c, 0.64 if far else 0.95)
    shift = 0.08 if far else 0.0
    step = f.rng.uniform(-0.05, 0.05)
    specks = markings(f.look, (-0.6, 0, 0.6, 0.3), "specks") if f.look.chance("leg specks", 0.5) else []
    if flipper:
        f.part(
            blob(
                [
                    (0.36 + shift, 0.02),
                    (0.46 + shift, 0.1),
                    (0.3 + step, 0.34),
                    (0.06 + step, 0.5 - shift),
                    (0.2, 0.22),
                    (0.26, 0.08),
                ]
            ),
            tone,
            marks=specks,
        )
        f.part(blob([(-0.42 + shift, 0.06), (-0.4 + shift, 0.16), (-0.6, 0.3), (-0.68, 0.22), (-0.54, 0.1)]), tone)
        return
    for x in (0.32, -0.36):
        foot = (x + shift + 0.05 + step * (1 if x > 0 else -1), 0.22)
        f.part(stroke([(x + shift, 0.05), (x + shift + 0.02, 0.14), foot], (0.17, 0.14, 0.13)), tone, marks=specks)
        for k in range(3):
            f.flat(oval(foot[0] + 0.02 + 0.03 * k, 0.262, 0.016, 0.014, 0, 8), lit(f.look.belly, 0.8))


def turtle_head(f: Figure, at: Pair, r: float, c: Colour, lined: bool) -> None:
    look = f.look

    def put(p: Points) -> Points:
        return moved(p, at[0], at[1], r, -0.05)

    head = put(
        blob([(-0.7, 0.3), (-0.6, -0.6), (0.1, -0.82), (0.8, -0.5), (1.1, 0.0), (0.95, 0.36), (0.4, 0.6), (-0.3, 0.62)])
    )
    tone = look.paint.get("head", c)
    marks = (
        [
            Mark(
                [
                    put(
                        stroke(
                            [(-0.8, 0.1 + 0.22 * k), (0.2, 0.05 + 0.22 * k), (1.0, 0.1 + 0.1 * k)], (0.09, 0.1, 0.05)
                        )
                    )
                    for k in range(-1, 2)
                ],
                lit(look.accent, 1.1),
                0.9,
            )
        ]
        if lined
        else []
    )
    if look.chance("ear patch", 0.3):
        marks.append(Mark([put(oval(-0.3, 0.0, 0.32, 0.2))], look.accent, 0.95))
    f.part(head, tone, marks=marks)
    f.line_on(Put(put), [(1.08, 0.1), (0.7, 0.2), (0.3, 0.14)], 0.06, lit(tone, 0.45))
    eye = put(poly([(0.45, -0.22)]))[0]
    f.eye(float(eye[0]), float(eye[1]), r * 0.17, iris(f))
