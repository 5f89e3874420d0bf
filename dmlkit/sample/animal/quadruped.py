"""Mammals on four legs. The unit is the length of the trunk."""

from __future__ import annotations

import math

from dmlkit.sample.animal import heads
from dmlkit.sample.animal.figure import Figure, markings
from dmlkit.sample.animal.heads import Head
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import lit, mix
from dmlkit.sample.shapes import Points, blob, oval, poly, ragged, stroke

Pair = tuple[float, float]


def quadruped(f: Figure) -> None:
    """An animal on four legs, seen from the side, standing or walking."""
    look, rng = f.look, f.rng
    chest, leg = look.get("chest", 0.42), look.get("leg", 0.42)
    ground = f.feet = chest * 0.5 + leg
    stride = rng.uniform(-1, 1) * look.get("stride", 1.0)
    rise = math.radians(look.get("rise", 38) + rng.choice((-14, 0, 0, 8, 14)) * look.get("nod", 1.0))
    far_legs(f, ground, stride)
    tail(f, rng.uniform(-0.15, 0.2))
    neck, r = look.get("neck", 0.25), look.get("head", 0.15)
    nape = (0.36 + math.cos(rise) * neck, -chest * 0.22 - math.sin(rise) * neck)
    tilt = math.radians(look.get("tilt", 14)) + rng.uniform(-0.12, 0.12)
    head = Head(f, nape[0] + r * 0.35, nape[1] - r * 0.1, r, tilt)
    heads.horns(head, far=True)
    if look.word("mane", "none") == "crest":
        mane(f, nape, chest)
    trunk(f, nape, ground, stride)
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


def legs(f: Figure, ground: float, phase: float, shift: float) -> list[list[Pair]]:
    """The lines of the hind and the fore leg of one side, from root to foot."""
    look = f.look
    long, w = ground - look.get("chest", 0.42) * 0.18, look.get("legw", 0.1)
    swing = 0.2 * look.get("leg", 0.42) * phase
    hx, fx = -0.37 + shift, 0.32 + shift
    hock = 0.1 if look.word("foot", "paw") == "hoof" or look.get("leg", 0.42) > 0.3 else 0.04
    hind = [
        (hx + 0.03, -0.04),
        (hx + 0.06 + swing * 0.4, ground - long * 0.52),
        (hx - hock * 0.8 + swing * 0.7, ground - long * 0.3),
        (hx - 0.02 + swing, ground - w * 0.2),
    ]
    fore = [
        (fx, -0.02),
        (fx - 0.01 - swing * 0.2, ground - long * 0.52),
        (fx + 0.015 - swing * 0.6, ground - long * 0.28),
        (fx - swing, ground - w * 0.2),
    ]
    return [hind, fore]


def leg_widths(f: Figure) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The widths of the hind and the fore leg at the points of their lines."""
    w, shank = f.look.get("legw", 0.1), f.look.get("shank", 0.8)
    thigh = w * f.look.get("thigh", 2.4)
    return (thigh, w * 1.5, w * shank, w * shank * 0.9), (w * 2.2, w * 1.3, w * shank * 1.05, w * shank * 0.9)


def far_legs(f: Figure, ground: float, stride: float) -> None:
    """The legs of the far side: darker, and in the other phase of the gait."""
    look = f.look
    sock = look.paint.get("legs")
    for line, widths in zip(legs(f, ground, -stride, 0.08), leg_widths(f), strict=True):
        marks = [socks([line], ground, lit(sock, 0.64))] if sock else []
        paw(f, line[-1][0], ground, 0.6)
        f.part(stroke(line, widths, tip=False, root=True), lit(look.base, 0.64), marks=marks, depth=0.8)


def socks(lines: list[list[Pair]], ground: float, c: tuple[float, float, float]) -> Mark:
    """The lower halves of legs in a colour of their own."""
    return Mark(
        [oval(line[-1][0], ground + 0.02, 0.14, (ground - line[1][1]) * 1.05, 0, 14) for line in lines], c, 1.0, 3.0
    )


def trunk(f: Figure, nape: Pair, ground: float, stride: float) -> None:
    """Trunk, neck and the near legs in one, with the markings of the fine class."""
    look = f.look
    chest, waist, thick = look.get("chest", 0.42), look.get("waist", 0.36), look.get("neckw", 0.24)
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
    coat, lines = look.word("coat", "short"), legs(f, ground, stride, 0.0)
    outlines = [body, neck]
    if coat == "wool":
        outlines = [ragged(body, 0.1, f.rng, 3), neck]
    if coat == "shaggy":
        outlines = [body, neck, fringe(f, chest, waist)]
    for line in lines:
        paw(f, line[-1][0], ground, 0.95)
    f.part(
        outlines,
        look.base,
        marks=coat_marks(f, nape, lines, ground),
        under=(look.belly, look.under),
        fuzz=2 if coat in ("wool", "shaggy") else 0,
        limbs=[stroke(line, w, tip=False, root=True) for line, w in zip(lines, leg_widths(f), strict=True)],
    )


def coat_marks(f: Figure, nape: Pair, lines: list[list[Pair]], ground: float) -> list[Mark]:
    """The markings of trunk, neck and near legs."""
    look = f.look
    chest, hump = look.get("chest", 0.42), look.get("hump", 0.0)
    marks = markings(look, (-0.52, -chest * 0.55 - hump, max(0.5, nape[0]), chest * 0.5))
    if "saddle" in look.paint:
        marks.append(Mark([oval(-0.08, -chest * 0.5, 0.46, chest * 0.5)], look.paint["saddle"], 0.95, 4.0))
    if look.kind in ("stripes", "spots", "rosettes", "net", "bands", "specks"):
        marks += limb_marks(f, lines)
    if "legs" in look.paint:
        marks.append(socks(lines, ground, look.paint["legs"]))
    if "neck" in look.paint or "breast" in look.paint:
        c = look.paint.get("neck", look.paint.get("breast", look.mark))
        line = [(0.2, -chest * 0.7), (0.5, -chest * 0.1), (0.46, chest * 0.5)]
        marks.append(Mark([stroke(line, (0.16, 0.2, 0.14))], c, 0.95, 3.0))
    if look.kind == "collar":
        line = [(nape[0] - 0.16, nape[1] - 0.1), (nape[0] - 0.02, nape[1] + 0.12), (nape[0] + 0.06, nape[1] + 0.3)]
        marks.append(Mark([stroke(line, (0.05, 0.055, 0.05))], look.accent, 1.0, 1.0))
    if "back" in look.paint:
        marks.append(Mark([oval(-0.05, -chest * 0.6, 0.62, chest * 0.45)], look.paint["back"], 0.95, 4.0))
    return marks


def limb_marks(f: Figure, lines: list[list[Pair]]) -> list[Mark]:
    """Bars or spots down the near legs."""
    look, w = f.look, f.look.get("legw", 0.1)
    bars = look.kind in ("stripes", "bands")
    out = []
    for line in lines:
        for k in range(6):
            t = 0.9 + 0.34 * k
            i = min(int(t), 2)
            x = line[i][0] + (line[i + 1][0] - line[i][0]) * (t - i)
            y = line[i][1] + (line[i + 1][1] - line[i][1]) * (t - i)
            out.append(oval(x, y, w * (1.2 if bars else 0.22), w * (0.16 if bars else 0.2), 0, 10))
    return [Mark(out, look.mark, 0.9)]


def fringe(f: Figure, chest: float, waist: float) -> Points:
    """Long hair below the trunk."""
    long = f.look.get("hair", 0.07)
    teeth: list[Pair] = []
    for k in range(13):
        x = 0.44 - 0.07 * k
        deep = chest * 0.46 if x > 0.1 else waist * 0.42
        teeth += [(x, deep + 0.02), (x - 0.04, deep + long * (1.2 if k % 3 else 0.7))]
    return poly([(0.46, 0.0), *teeth, (-0.47, 0.0)])


def paw(f: Figure, x: float, ground: float, dark: float) -> None:
    """A hoof or a paw."""
    look, w = f.look, f.look.get("legw", 0.1)
    c = lit(look.paint.get("legs", look.base), dark)
    if look.word("foot", "paw") == "hoof":
        w *= max(0.8, look.get("shank", 0.8) + 0.1)
        hoof = [
            (x - w * 0.42, ground - w * 0.55),
            (x + w * 0.42, ground - w * 0.55),
            (x + w * 0.62, ground),
            (x - w * 0.5, ground),
        ]
        f.flat(poly(hoof), mix(c, (48, 42, 40), 0.75))
        return
    w *= look.get("paw", 1.0)
    toes = [
        (x - w * 0.45, ground - w * 0.5),
        (x + w * 0.4, ground - w * 0.6),
        (x + w * 0.95, ground - w * 0.2),
        (x + w * 0.85, ground),
        (x - w * 0.4, ground),
    ]
    f.part(blob(toes, 4), c)


TAILS: dict[str, tuple[list[Pair], tuple[float, ...]]] = {
    "thin": ([(0, 0), (-0.3, 0.1), (-0.55, 0.45), (-0.8, 0.5)], (0.09, 0.06, 0.05, 0.03)),
    "rat": ([(0, 0), (-0.35, 0.12), (-0.7, 0.05), (-1.05, 0.12)], (0.09, 0.06, 0.04, 0.014)),
    "cat": ([(0, 0), (-0.28, 0.16), (-0.55, 0.3), (-0.82, 0.12), (-0.86, -0.12)], (0.1, 0.09, 0.09, 0.09, 0.07)),
    "sabre": ([(0, 0), (-0.3, -0.02), (-0.62, -0.16), (-0.86, -0.5)], (0.15, 0.13, 0.1, 0.03)),
    "up": ([(0, 0), (-0.2, -0.35), (-0.32, -0.75), (-0.2, -1.0)], (0.14, 0.12, 0.1, 0.04)),
    "curl": ([(0, 0), (-0.22, -0.38), (0.05, -0.68), (0.34, -0.5), (0.2, -0.3)], (0.16, 0.2, 0.22, 0.2, 0.08)),
    "bushy": ([(0, 0), (-0.3, 0.12), (-0.62, 0.3), (-0.98, 0.34)], (0.1, 0.2, 0.26, 0.04)),
    "brush": ([(0, 0), (-0.25, -0.02), (-0.5, 0.12), (-0.85, 0.2)], (0.1, 0.16, 0.18, 0.04)),
    "horse": ([(0, 0), (-0.13, 0.02), (-0.19, 0.32), (-0.15, 0.66), (-0.22, 0.92)], (0.06, 0.12, 0.15, 0.13, 0.02)),
    "tuft": ([(0, 0), (-0.09, 0.06), (-0.13, 0.4), (-0.12, 0.72)], (0.06, 0.045, 0.035, 0.03)),
    "short": ([(0, 0), (-0.08, 0.05), (-0.15, 0.16)], (0.1, 0.1, 0.03)),
    "scut": ([(0, 0), (-0.06, -0.03), (-0.1, -0.06)], (0.12, 0.15, 0.08)),
    "thick": ([(0, 0), (-0.35, 0.18), (-0.8, 0.35), (-1.15, 0.4)], (0.24, 0.17, 0.1, 0.02)),
    "none": ([], ()),
}
"""Tails in units of the trunk, starting at the rump: a line and its widths."""


def tail(f: Figure, sway: float, x: float = -0.46, y: float | None = None) -> None:
    look = f.look
    kind = look.word("tail", "thin")
    line, widths = TAILS[kind]
    if not line:
        return
    long, fat = look.get("tails", 1.0), look.get("tailw", 1.0)
    top = -look.get("waist", 0.36) * 0.32 + look.get("drop", 0.0) if y is None else y
    c, s = math.cos(sway), math.sin(sway)
    points = [(x + long * (px * c - py * s), top + long * (px * s + py * c)) for px, py in line]
    hair = look.paint.get("mane", lit(look.mark, 0.8)) if kind == "horse" else lit(look.base, 0.94)
    colour = look.paint.get("tail", hair)
    tip = look.paint.get("tip", look.mark if look.chance("tail tip", look.get("tipped", 0.4)) else colour)
    marks = [Mark([oval(*points[-1], 0.3 * long, 0.22 * long)], tip, 1.0, 2.0)]
    if look.kind in ("bands", "stripes", "rosettes") and look.word("foot", "paw") == "paw":
        marks = [Mark(tail_rings(points, widths), look.mark, 0.95)]
    outline = stroke(points, [w * fat for w in widths])
    f.part(outline, colour, marks=marks, fuzz=2 if kind in ("bushy", "brush") else 0)
    if kind == "tuft":
        f.part(oval(points[-1][0], points[-1][1], 0.045 * fat, 0.1 * long), look.paint.get("tuft", lit(look.mark, 0.9)))


def tail_rings(points: list[Pair], widths: tuple[float, ...]) -> list[Points]:
    """Rings about the outer part of a tail."""
    fine = stroke(points, [w * 1.6 for w in widths], 8)
    half = len(fine) // 2
    return [
        poly([tuple(fine[k]), tuple(fine[k + 4]), tuple(fine[-k - 5]), tuple(fine[-k - 1])])
        for k in range(6, half - 4, 8)
    ]


def mane(f: Figure, nape: Pair, chest: float) -> None:
    """A mane along the neck: standing or falling."""
    look = f.look
    w = look.get("manew", 0.14)
    top = (nape[0] + 0.1, nape[1] - look.get("head", 0.15) * 0.95)
    middle = ((nape[0] + 0.2) / 2 - 0.06, (nape[1] - chest * 0.5) / 2 - 0.08)
    line = [(0.2, -chest * 0.5), middle, (nape[0] - 0.1, nape[1] - 0.08), top]
    f.part(stroke(line, (0.02, w, w, w * 0.8)), look.paint.get("mane", lit(look.mark, 0.8)))


def extras(head: Head) -> None:
    """What hangs on a head in profile: a beard or a tongue."""
    f = head.figure
    look, s = f.look, f.look.get("snout", 0.9)
    extra = look.word("extra", "none")
    if extra == "beard":
        hair = [(0.4 + 0.4 * s, 0.45), (0.75 + 0.7 * s, 0.4), (0.62 + 0.6 * s, 0.8), (0.45 + 0.5 * s, 1.1)]
        f.part(head.blob(hair), look.paint.get("beard", lit(look.mark, 0.95)))
    elif extra == "tongue" and f.rng.random() < 0.5:
        f.flat(head.stroke([(0.85 + s, 0.4), (1.02 + s, 0.55), (1.0 + s, 0.75)], (0.2, 0.2, 0.14)), (214, 110, 120))
