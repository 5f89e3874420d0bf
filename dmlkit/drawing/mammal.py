"""Mammals: on four legs, sitting upright, and bats on the wing. The unit is the length of the trunk."""

from __future__ import annotations

import math
from itertools import pairwise

from dmlkit.drawing import heads
from dmlkit.drawing.canvas import Mark
from dmlkit.drawing.colours import Colour, lit, mix
from dmlkit.drawing.figure import Figure, markings
from dmlkit.drawing.heads import Head
from dmlkit.drawing.shapes import blob, oval, poly, ragged, stroke


def quadruped(f: Figure) -> None:
    """An animal on four legs, seen from the side, standing or walking."""
    look, rng = f.look, f.rng
    chest, waist, leg = look.get("chest", 0.42), look.get("waist", 0.36), look.get("leg", 0.42)
    ground = f.feet = chest * 0.5 + leg
    stride = rng.uniform(-1, 1) * look.get("stride", 1.0)
    rise = math.radians(look.get("rise", 38) + rng.choice((-14, 0, 0, 8, 14)) * look.get("nod", 1.0))
    legs(f, ground, stride, far=True)
    tail(f, rng.uniform(-0.15, 0.2))
    neck, thick, r = look.get("neck", 0.25), look.get("neckw", 0.24), look.get("head", 0.15)
    nape = (0.36 + math.cos(rise) * neck, -chest * 0.22 - math.sin(rise) * neck)
    head = Head(
        f, nape[0] + r * 0.35, nape[1] - r * 0.1, r, math.radians(look.get("tilt", 14)) + rng.uniform(-0.12, 0.12)
    )
    heads.horns(head, far=True)
    if look.word("mane", "none") == "crest":
        mane(f, nape, chest)
    trunk(f, chest, waist, nape, thick, ground)
    legs(f, ground, stride, far=False)
    if look.word("mane", "none") == "lion":
        c = look.paint.get("mane", lit(look.mark, 0.9))
        f.part(ragged(oval(head.x - r * 0.35, head.y + r * 0.35, r * 1.9, r * 2.1, 0, 34), 0.14, rng), c, fuzz=1)
    if look.word("view", "side") == "front" or (look.word("view", "side") == "both" and rng.random() < 0.5):
        head.turn = rng.uniform(-0.12, 0.12)
        head.y -= r * 0.1
        heads.face(head)
    else:
        heads.side(head)
        heads.horns(head, far=False)
        extras(head)


def trunk(f: Figure, chest: float, waist: float, nape: tuple[float, float], thick: float, ground: float) -> None:
    """The trunk and the neck as one part, with the markings of the fine class."""
    look = f.look
    arch, hump, drop = look.get("arch", 0.02), look.get("hump", 0.0), look.get("drop", 0.0)
    body = blob([
        (0.5, 0.0), (0.43, -chest * 0.42), (0.26, -chest * 0.54 - hump), (0.0, -waist * 0.5 - arch), (-0.28, -waist * 0.54 - arch * 0.6 + drop),
        (-0.46, -waist * 0.38 + drop), (-0.52, 0.02 + drop), (-0.42, waist * 0.42), (-0.2, waist * 0.44), (0.1, chest * 0.49),
        (0.36, chest * 0.48),
    ])  # fmt: skip
    neck = stroke(
        [(0.24, -chest * 0.02), (0.36, -chest * 0.14), nape, (nape[0] + 0.05, nape[1])],
        (chest * 0.8, chest * 0.78, thick, thick * 0.85),
    )
    box = (-0.52, -chest * 0.55 - hump, max(0.5, nape[0]), chest * 0.5)
    marks = markings(look, box)
    if "neck" in look.paint or "breast" in look.paint or look.kind == "collar":
        c = look.paint.get("neck", look.paint.get("breast", look.mark))
        marks.append(
            Mark(
                [stroke([(0.2, -chest * 0.7), (0.5, -chest * 0.1), (0.46, chest * 0.5)], (0.16, 0.2, 0.14))],
                c,
                0.95,
                3.0,
            )
        )
    if "back" in look.paint:
        marks.append(Mark([oval(-0.05, -chest * 0.6, 0.55, chest * 0.45)], look.paint["back"], 0.92, 4.0))
    wool = look.word("coat", "short")
    outlines = [body, neck]
    if wool in ("wool", "shaggy"):
        outlines = [ragged(body, 0.1 if wool == "wool" else 0.06, f.rng, 3), neck]
    if wool == "quills":
        quills(f, chest, waist, arch)
    f.part(
        outlines, look.base, marks=marks, under=(look.belly, look.under), fuzz=2 if wool in ("wool", "shaggy") else 0
    )
    if wool == "shaggy":
        for k in range(9):
            x = -0.42 + k * 0.1
            f.part(
                poly(
                    [(x - 0.06, chest * 0.3), (x + 0.07, chest * 0.3), (x + 0.01, chest * 0.5 + 0.12 + 0.03 * (k % 2))]
                ),
                lit(look.base, 0.93),
                depth=0.4,
            )
    if wool == "armour":
        armour(f, chest, waist, arch)
    if wool == "quills":
        quills(f, chest, waist, arch, front=True)


def armour(f: Figure, chest: float, waist: float, arch: float) -> None:
    for k in range(9):
        x = -0.44 + k * 0.1
        y = -waist * 0.5 - arch * (1 - abs(k - 4) / 5)
        f.part(
            blob(
                [
                    (x - 0.06, y + 0.02),
                    (x + 0.06, y - 0.01),
                    (x + 0.1, chest * 0.2),
                    (x, chest * 0.28),
                    (x - 0.06, chest * 0.22),
                ],
                4,
            ),
            lit(f.look.base, 0.92 if k % 2 else 1.04),
            depth=0.7,
        )


def quills(f: Figure, chest: float, waist: float, arch: float, front: bool = False) -> None:
    look, rng = f.look, f.rng
    long = look.get("quill", 0.14)
    for _ in range(46 if front else 34):
        t = rng.random()
        x = 0.34 - 0.84 * t
        edge = -waist * 0.5 - arch * math.sin(math.pi * t)
        y = edge * 0.9 if not front else edge + (chest * 0.75) * rng.random()
        a = -math.pi * (0.55 + 0.4 * t) + rng.uniform(-0.15, 0.15)
        size = long * rng.uniform(0.8, 1.2)
        c = lit(mix(look.mark, look.belly, rng.random() * 0.7), rng.uniform(0.8, 1.1))
        f.flat(
            poly([(x - 0.008, y + 0.008), (x + 0.008, y - 0.008), (x + math.cos(a) * size, y + math.sin(a) * size)]), c
        )


def legs(f: Figure, ground: float, stride: float, far: bool) -> None:
    """The two legs of one side. Far legs are darker and in the other phase of the gait."""
    look = f.look
    base = look.paint.get("legs", look.mark if look.chance("dark legs", look.get("dark_legs", 0.2)) else look.base)
    upper = lit(look.base, 0.66 if far else 0.97)
    phase = -stride if far else stride
    shift = 0.07 if far else 0.0
    long, w = ground - look.get("chest", 0.42) * 0.18, look.get("legw", 0.1)
    swing = 0.2 * look.get("leg", 0.42) * phase
    hx, hw = -0.36 + shift, w * look.get("thigh", 2.4)
    foot = (hx - 0.02 + swing, ground)
    hoof = look.word("foot", "paw") == "hoof"
    hock = 0.1 if hoof or look.get("leg", 0.42) > 0.3 else 0.04
    hind = [
        (hx + 0.02, 0.0),
        (hx + 0.05 + swing * 0.4, ground - long * 0.5),
        (hx - hock * 0.9 + swing * 0.7, ground - long * 0.3),
        (foot[0], ground - w * 0.2),
    ]
    fx = 0.31 + shift
    fore = [
        (fx, 0.0),
        (fx - 0.01 - swing * 0.2, ground - long * 0.52),
        (fx + 0.015 - swing * 0.6, ground - long * 0.28),
        (fx - swing, ground - w * 0.2),
    ]
    for line, widths in ((hind, (hw, w * 1.35, w * 0.9, w * 0.8)), (fore, (w * 1.9, w * 1.2, w * 0.95, w * 0.8))):
        paw(f, line[-1][0], ground, w, lit(base, 0.62 if far else 0.95))
        marks = [
            Mark(
                [oval(line[-1][0], ground, w * 2, long * look.number("sock", 0.2, 0.42))],
                lit(base, 0.66 if far else 1),
                1.0,
                3.0,
            )
        ]
        if look.kind in ("stripes", "spots", "rosettes", "net", "bands"):
            marks = limb_marks(f, line, w) + marks * ("legs" in look.paint)
        f.part(stroke(line, widths, tip=False, root=True), upper, marks=marks, depth=0.8)


def limb_marks(f: Figure, line: list[tuple[float, float]], w: float) -> list[Mark]:
    look = f.look
    out = []
    for k in range(5):
        t = 0.25 + 0.13 * k
        i = min(int(t * 3), 2)
        u = t * 3 - i
        x = line[i][0] + (line[i + 1][0] - line[i][0]) * u
        y = line[i][1] + (line[i + 1][1] - line[i][1]) * u
        out.append(oval(x, y, w * (1.2 if look.kind in ("stripes", "bands") else 0.3), w * 0.2))
    return [Mark(out, look.mark, 0.9)]


def paw(f: Figure, x: float, ground: float, w: float, c: Colour) -> None:
    kind = f.look.word("foot", "paw")
    if kind == "hoof":
        f.flat(
            poly(
                [
                    (x - w * 0.42, ground - w * 0.55),
                    (x + w * 0.42, ground - w * 0.55),
                    (x + w * 0.62, ground),
                    (x - w * 0.5, ground),
                ]
            ),
            mix(c, (48, 42, 40), 0.75),
        )
    elif kind == "pillar":
        f.part(
            blob(
                [
                    (x - w * 0.55, ground - w * 0.5),
                    (x + w * 0.55, ground - w * 0.5),
                    (x + w * 0.62, ground),
                    (x - w * 0.58, ground),
                ],
                4,
            ),
            c,
        )
    else:
        size = w * f.look.get("paw", 1.0)
        f.part(
            blob(
                [
                    (x - size * 0.45, ground - size * 0.5),
                    (x + size * 0.4, ground - size * 0.6),
                    (x + size * 0.95, ground - size * 0.2),
                    (x + size * 0.85, ground),
                    (x - size * 0.4, ground),
                ],
                4,
            ),
            c,
        )


TAILS: dict[str, tuple[list[tuple[float, float]], tuple[float, ...]]] = {
    "thin": ([(0, 0), (-0.3, 0.1), (-0.55, 0.45), (-0.8, 0.5)], (0.09, 0.06, 0.05, 0.03)),
    "rat": ([(0, 0), (-0.35, 0.12), (-0.7, 0.05), (-1.05, 0.12)], (0.07, 0.05, 0.035, 0.012)),
    "cat": ([(0, 0), (-0.3, 0.12), (-0.6, 0.3), (-0.9, 0.1), (-1.0, -0.1)], (0.1, 0.09, 0.09, 0.09, 0.07)),
    "up": ([(0, 0), (-0.2, -0.35), (-0.32, -0.75), (-0.2, -1.0)], (0.11, 0.09, 0.07, 0.03)),
    "curl": ([(0, 0), (-0.22, -0.38), (0.05, -0.68), (0.34, -0.5), (0.2, -0.3)], (0.14, 0.17, 0.18, 0.15, 0.06)),
    "bushy": ([(0, 0), (-0.3, 0.15), (-0.65, 0.38), (-1.0, 0.45)], (0.1, 0.2, 0.26, 0.04)),
    "brush": ([(0, 0), (-0.25, -0.05), (-0.5, 0.1), (-0.85, 0.15)], (0.1, 0.16, 0.18, 0.04)),
    "horse": ([(0, 0), (-0.16, 0.1), (-0.24, 0.5), (-0.22, 0.95)], (0.08, 0.16, 0.2, 0.04)),
    "tuft": ([(0, 0), (-0.12, 0.15), (-0.17, 0.5), (-0.16, 0.75)], (0.06, 0.045, 0.04, 0.03)),
    "short": ([(0, 0), (-0.08, 0.05), (-0.15, 0.16)], (0.1, 0.1, 0.03)),
    "scut": ([(0, 0), (-0.06, -0.05), (-0.1, -0.1)], (0.12, 0.16, 0.08)),
    "paddle": ([(0, 0), (-0.3, 0.14), (-0.65, 0.22), (-0.85, 0.24)], (0.12, 0.18, 0.2, 0.12)),
    "thick": ([(0, 0), (-0.35, 0.18), (-0.8, 0.35), (-1.15, 0.4)], (0.24, 0.17, 0.1, 0.02)),
    "pig": ([(0, 0), (-0.1, -0.1), (-0.2, 0.02), (-0.1, 0.1), (-0.06, -0.02)], (0.045, 0.04, 0.035, 0.03, 0.02)),
    "none": ([], ()),
}
"""Tails in units of the trunk, starting at the rump: a line and its widths."""


def tail(f: Figure, sway: float, x: float = -0.47, y: float | None = None, size: float = 1.0) -> None:
    look = f.look
    line, widths = TAILS[look.word("tail", "thin")]
    if not line:
        return
    long, fat = look.get("tails", 1.0) * size, look.get("tailw", 1.0) * size
    top = -look.get("waist", 0.36) * 0.32 + look.get("drop", 0.0) if y is None else y
    c, s = math.cos(sway), math.sin(sway)
    points = [(x + long * (px * c - py * s), top + long * (px * s + py * c)) for px, py in line]
    colour = look.paint.get("tail", lit(look.base, 0.92))
    tip = look.mark if look.chance("tail tip", look.get("tipped", 0.4)) else colour
    if "tip" in look.paint:
        tip = look.paint["tip"]
    marks = [Mark([oval(*points[-1], 0.3 * long, 0.22 * long)], tip, 1.0, 2.0)]
    if look.word("tail_mark", "none") == "rings" or (
        look.kind in ("bands", "stripes", "rosettes") and look.word("foot", "paw") == "paw"
    ):
        marks = [Mark([stroke([points[i], points[i + 1]], (0, 0))], tip) for i in range(0)]
        rings = []
        fine = stroke(points, widths, 8)
        half = len(fine) // 2
        for k in range(6, half - 4, 8):
            rings.append(poly([tuple(fine[k]), tuple(fine[k + 4]), tuple(fine[-k - 5]), tuple(fine[-k - 1])]))
        marks = [Mark(rings, look.mark, 0.95)]
    f.part(
        stroke(points, [w * fat for w in widths]),
        colour,
        marks=marks,
        fuzz=2 if look.word("tail", "") in ("bushy", "brush") else 0,
    )
    if look.word("tail", "") == "tuft":
        f.part(oval(points[-1][0], points[-1][1], 0.045 * fat, 0.1 * long), lit(look.mark, 0.9))


def mane(f: Figure, nape: tuple[float, float], chest: float) -> None:
    """A mane along the neck: standing or falling."""
    look = f.look
    c = look.paint.get("mane", lit(look.mark, 0.8))
    end = (nape[0] + 0.1, nape[1] - look.get("head", 0.15) * 0.95)
    w = look.get("manew", 0.14)
    f.part(
        stroke(
            [
                (0.2, -chest * 0.5),
                ((nape[0] + 0.2) / 2 - 0.06, (nape[1] - chest * 0.5) / 2 - 0.08),
                (nape[0] - 0.1, nape[1] - 0.08),
                end,
            ],
            (0.02, w, w, w * 0.8),
        ),
        c,
    )


def extras(head: Head) -> None:
    """What hangs on a head in profile: a trunk, tusks, a beard."""
    f = head.figure
    look, s = f.look, f.look.get("snout", 0.9)
    extra = look.word("extra", "none")
    if extra == "trunk":
        curl = f.rng.uniform(-0.3, 0.5)
        line = [(0.75, 0.05), (1.35, 0.75), (1.4, 1.9), (1.25 + curl * 0.4, 2.8), (1.5 + curl, 3.3)]
        f.part(head.put(stroke([(0.75, 0.65), (1.2, 1.15), (1.9, 1.2)], (0.22, 0.2, 0.05))), (236, 228, 206))
        f.part(head.put(stroke(line, (0.85, 0.66, 0.46, 0.34, 0.24))), look.base)
    elif extra == "tusks":
        f.part(
            head.put(stroke([(0.7 + s * 0.8, 0.4), (0.9 + s * 0.85, 0.2), (0.85 + s * 0.8, -0.15)], (0.12, 0.1, 0.02))),
            (238, 230, 210),
        )
    elif extra == "beard":
        f.part(
            head.put(poly([(0.4 + 0.4 * s, 0.5), (0.75 + 0.7 * s, 0.45), (0.5 + 0.5 * s, 1.35)])), lit(look.mark, 0.95)
        )
    elif extra == "nosehorn":
        f.part(
            head.put(stroke([(0.75 + s, -0.15), (0.95 + s, -0.6), (0.95 + s, -1.15)], (0.4, 0.25, 0.03))),
            (150, 140, 126),
        )
        f.part(
            head.put(stroke([(0.35 + s, -0.3), (0.45 + s, -0.5), (0.45 + s, -0.7)], (0.3, 0.2, 0.03))), (150, 140, 126)
        )
    elif extra == "tongue":
        f.flat(head.put(stroke([(0.85 + s, 0.4), (1.1 + s, 0.6), (1.05 + s, 0.85)], (0.2, 0.2, 0.16))), (214, 110, 120))


def sitter(f: Figure) -> None:
    """An animal that sits or stands on its hind legs: ape, monkey, squirrel, rabbit, kangaroo."""
    look, rng = f.look, f.rng
    wide, high, lean = look.get("wide", 0.34), look.get("high", 0.85), look.get("lean", 0.12) + rng.uniform(-0.05, 0.05)
    ground = f.feet = high * 0.5
    r, w = look.get("head", 0.24), look.get("legw", 0.11)
    top = (lean, -high * 0.5)
    sway = rng.uniform(-0.12, 0.12)
    tail(f, look.get("tail_turn", 0.0) + sway, -wide * 0.6, ground - look.get("tail_up", 0.12))
    limb(
        f,
        [(top[0] + 0.03, top[1] + 0.16), (top[0] + wide * 0.9, 0.0), reach(f, lean, wide, ground, True)],
        w * 0.9,
        0.68,
    )
    hind(f, wide, ground, w, 0.68, 0.08)
    torso = blob([
        (top[0] + wide * 0.34, top[1] + 0.04), (top[0] + wide * 0.62, -high * 0.18), (wide * 0.72, high * 0.2), (wide * 0.5, ground - 0.02),
        (-wide * 0.6, ground - 0.01), (-wide * 0.92, high * 0.2), (-wide * 0.7 + lean * 0.3, -high * 0.1), (top[0] - wide * 0.42, top[1] + 0.04),
    ])  # fmt: skip
    marks = markings(look, (-wide, -high * 0.5, wide, high * 0.5))
    front = look.paint.get("breast", look.paint.get("belly", look.belly))
    marks.append(Mark([oval(wide * 0.55 + lean * 0.5, 0.02, wide * 0.45, high * 0.42, 0.1)], front, 0.95, 4.0))
    if "back" in look.paint:
        marks.append(Mark([oval(-wide * 0.9, -0.1, wide * 0.7, high * 0.5)], look.paint["back"], 0.95, 4.0))
    f.part(torso, look.base, marks=marks)
    hind(f, wide, ground, w, 0.96, 0.0)
    head = Head(f, top[0] + r * 0.25, top[1] - r * 0.55, r, rng.uniform(-0.12, 0.12))
    if look.word("mane", "none") == "cape":
        f.part(
            ragged(oval(top[0] - 0.05, top[1] + 0.1, wide * 0.9, high * 0.34, 0.2, 30), 0.12, rng),
            look.paint.get("mane", lit(look.mark, 0.95)),
            fuzz=1,
        )
    if look.word("view", "front") == "front":
        if look.word("mane", "none") == "ruff":
            f.part(
                ragged(oval(head.x, head.y + r * 0.1, r * 1.5, r * 1.45, 0, 34), 0.14, rng),
                look.paint.get("mane", look.mark),
                fuzz=1,
            )
        heads.face(head)
    else:
        heads.side(head)
    limb(f, [(top[0] - 0.02, top[1] + 0.16), (top[0] + wide * 0.5, 0.04), reach(f, lean, wide, ground, False)], w, 1.0)


def reach(f: Figure, lean: float, wide: float, ground: float, far: bool) -> tuple[float, float]:
    """Where a hand goes: to the ground, or before the breast."""
    if f.look.word("arms", "down") == "down":
        return lean + wide * (1.25 if far else 1.0), ground - 0.02
    return lean + wide * (1.0 if far else 0.95), -0.08 + (0.05 if far else 0.0)


def limb(f: Figure, line: list[tuple[float, float]], w: float, dark: float) -> None:
    look = f.look
    c = lit(look.paint.get("arms", look.base), dark * 0.95)
    hand = lit(look.paint.get("hand", look.paint.get("legs", mix(look.base, look.mark, 0.55))), dark)
    f.part(oval(line[-1][0] + w * 0.1, line[-1][1], w * 0.6, w * 0.42), hand)
    f.part(stroke(line, (w * 1.5, w * 1.15, w * 0.8), tip=False, root=True), c, depth=0.8)


def hind(f: Figure, wide: float, ground: float, w: float, dark: float, shift: float) -> None:
    """A folded hind leg: the foot and the thigh over it."""
    look = f.look
    c = lit(look.base, dark)
    foot = look.get("feet", 1.0)
    x = wide * 0.35 + shift
    f.part(
        blob(
            [
                (x - wide * 0.4, ground - w * 0.55),
                (x + wide * 0.5 * foot, ground - w * 0.6),
                (x + wide * 0.85 * foot, ground - w * 0.15),
                (x + wide * 0.7 * foot, ground),
                (x - wide * 0.4, ground),
            ],
            4,
        ),
        lit(look.paint.get("legs", mix(look.base, look.mark, 0.3)), dark),
    )
    thigh = look.get("thigh", 1.0)
    f.part(oval(x - wide * 0.28, ground - 0.17 * thigh, wide * 0.5 * thigh, 0.17 * thigh + 0.02, -0.35), c, depth=0.9)


def bat(f: Figure) -> None:
    """A bat on the wing, seen from below, or hanging with folded wings."""
    look, rng = f.look, f.rng
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
    f.part(
        oval(0, 0.04, 0.17, 0.27),
        look.base,
        marks=[Mark([oval(0, 0.12, 0.11, 0.2)], look.belly, 0.9, 3.0), *collar],
        fuzz=2,
    )
    for way in (-1, 1):
        f.part(stroke([(way * 0.07, 0.26), (way * 0.1, 0.36)], (0.05, 0.03)), lit(skin, 0.8))
    heads.face(Head(f, 0.0, -0.27, look.get("head", 0.16), rng.uniform(-0.15, 0.15)))


def wing(f: Figure, way: float, span: float, lift: float, skin: Colour) -> None:
    wrist = (way * 0.5 * span, -0.32 - lift)
    tips = [
        (way * 1.15 * span, -0.22 - lift * 1.6),
        (way * 1.02 * span, 0.2 - lift * 0.8),
        (way * 0.7 * span, 0.36 - lift * 0.3),
        (way * 0.34 * span, 0.34),
    ]
    rim: list[tuple[float, float]] = [(way * 0.1, -0.12), wrist, tips[0]]
    for a, b in pairwise(tips):
        rim += [((a[0] + b[0]) / 2 * 0.88, (a[1] + b[1]) / 2 - 0.05), b]
    rim += [(way * 0.2 * span, 0.22), (way * 0.1, 0.2)]
    f.part(poly(rim), skin, depth=0.8)
    bone = lit(skin, 0.66)
    f.flat(stroke([(way * 0.1, -0.1), wrist], (0.05, 0.035)), lit(skin, 0.8))
    for tip in tips:
        f.flat(
            stroke([wrist, ((wrist[0] + tip[0]) / 2, (wrist[1] + tip[1]) / 2 - 0.02), tip], (0.022, 0.016, 0.008)), bone
        )
    f.flat(stroke([wrist, (wrist[0] + way * 0.02, wrist[1] - 0.09)], (0.025, 0.008)), bone)


def seal(f: Figure) -> None:
    """A seal or walrus that lies on the shore with its head raised."""
    look, rng = f.look, f.rng
    f.feet = 0.24
    r = look.get("head", 0.13)
    up = rng.uniform(0.2, 0.36)
    f.part(
        blob([(-0.62, 0.18), (-0.86, 0.08), (-0.95, 0.0), (-0.9, 0.14), (-0.98, 0.2), (-0.84, 0.24)], 4),
        lit(look.base, 0.75),
    )
    neck = (0.5, -up)
    f.part([
        blob([(0.45, -0.08), (0.2, -0.24), (-0.2, -0.18), (-0.6, 0.06), (-0.72, 0.18), (-0.5, 0.24), (0.0, 0.25), (0.42, 0.22), (0.56, 0.08)]),
        stroke([(0.3, 0.0), (0.44, -0.12), neck], (0.38, 0.32, r * 1.9)),
    ], look.base, marks=markings(look, (-0.7, -0.3, 0.6, 0.25)), under=(look.belly, look.under))  # fmt: skip
    f.part(blob([(0.3, 0.08), (0.44, 0.12), (0.5, 0.22), (0.38, 0.26), (0.2, 0.25)], 4), lit(look.base, 0.72))
    head = Head(f, neck[0] + r * 0.3, neck[1], r, rng.uniform(-0.2, 0.1))
    heads.side(head)
    for k in range(3):
        f.flat(head.stroke([(0.9, 0.25 + 0.06 * k), (1.35, 0.4 + 0.16 * k)], (0.03, 0.015)), (230, 226, 214))
    if look.word("extra", "none") == "longtusks":
        f.part(head.stroke([(0.9, 0.4), (1.0, 1.0), (0.85, 1.7)], (0.2, 0.16, 0.04)), (238, 230, 210))
