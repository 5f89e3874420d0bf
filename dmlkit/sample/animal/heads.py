"""Heads of mammals, from the side and from the front, with ears and horns.

A head is drawn in its own unit, the radius of its skull, with the snout to the right; `Head.put` brings it in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from dmlkit.sample.animal.figure import Figure, markings
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import Colour, lit, luma, mix
from dmlkit.sample.shapes import Pairs, Points, blob, moved, oval, poly, stroke

NOSE = (44, 34, 34)


@dataclass
class Head:
    """Where a head sits: centre, radius and turn."""

    figure: Figure
    x: float
    y: float
    r: float
    turn: float = 0.0

    def put(self, points: Points) -> Points:
        return moved(points, self.x, self.y, self.r, self.turn)

    def blob(self, points: Pairs, steps: int = 5) -> Points:
        return self.put(blob(points, steps))

    def stroke(self, points: Pairs, widths: tuple[float, ...]) -> Points:
        return self.put(stroke(points, widths))

    def oval(self, x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Points:
        return self.put(oval(x, y, rx, ry, turn, 14))

    def eye(self, x: float, y: float, r: float, iris: Colour, slit: bool = False) -> None:
        at = self.put(poly([(x, y)]))[0]
        self.figure.eye(float(at[0]), float(at[1]), r * self.r, iris, 0.6, slit)


def head_colours(figure: Figure) -> tuple[Colour, Colour]:
    """The colour of the head and of the muzzle."""
    look = figure.look
    head = look.paint.get("head", look.base)
    muzzle = look.paint.get(
        "face", look.belly if look.chance("pale muzzle", look.get("muzzled", 0.5)) else lit(head, 0.8)
    )
    return head, muzzle


def iris(figure: Figure) -> Colour:
    look = figure.look
    browns: tuple[Colour, ...] = ((52, 32, 20), (74, 46, 24), (40, 28, 24))
    brights: tuple[Colour, ...] = ((206, 160, 50), (150, 170, 70), (196, 120, 40), (120, 160, 170))
    pool = brights if look.word("iris", "brown") == "bright" else browns
    return look.paint.get("eye", pool[int(look.number("iris", 0, len(pool) - 0.01))])


def side(head: Head) -> None:
    """A head in profile."""
    f = head.figure
    look = f.look
    base, muzzle = head_colours(f)
    s, m = look.get("snout", 0.9), look.get("muzzle", 0.45)
    stop = look.get("stop", 0.15)
    jowl = look.get("jowl", 0.8)
    ears(head, far=True)
    outline = head.blob([
        (-0.85, 0.2), (-0.7, -0.6), (0.0, -0.95), (0.55, -0.75 + stop * 0.3), (0.85 + 0.15 * s, -0.42 + stop * 0.5),
        (0.75 + 0.75 * s, -m * 0.62 + 0.1), (1.0 + s, 0.12 - m * 0.3), (1.0 + s, 0.22 + m * 0.4), (0.8 + 0.8 * s, 0.22 + m * 0.8),
        (0.5 + 0.3 * s, 0.3 + m * 0.85), (0.15, jowl), (-0.55, 0.75),
    ])  # fmt: skip
    marks = [Mark([head.oval(0.85 + s * 0.9, 0.3, 0.3 + 0.5 * s, m * 0.95)], muzzle, 0.9, 3.0)]
    marks += mask(head, 0.5, -0.25, s)
    if look.kind in ("stripes", "spots", "rosettes", "specks", "net"):
        marks += [
            Mark([head.put(o) for o in k.outlines], k.colour, k.alpha)
            for k in markings(look, (-0.9, -0.9, 0.7, 0.5), size=0.9)
        ]
    f.part(outline, base, marks=marks)
    if look.word("foot", "paw") == "hoof" and look.word("nose", "bare") == "furred":
        f.flat(head.oval(0.85 + s, 0.02, 0.07, 0.05, 0.4), NOSE)
    elif look.word("nose", "bare") == "snout":
        f.part(head.oval(1.0 + s, 0.16, 0.1, m * 0.62, 0.15), mix(base, (214, 130, 130), 0.5))
        f.flat(head.oval(1.02 + s, 0.1, 0.035, 0.08), lit(base, 0.4))
    else:
        n = look.get("nosy", 1.0) * 0.16
        f.flat(head.oval(0.97 + s, -0.02, n, n * 0.85, 0.5), look.paint.get("bill", NOSE))
    f.flat(
        head.stroke(
            [(0.95 + s, 0.3 + m * 0.35), (0.7 + 0.6 * s, 0.32 + m * 0.42), (0.45 + 0.35 * s, 0.22 + m * 0.3)],
            (0.02, 0.055, 0.02),
        ),
        lit(base, 0.4),
    )
    size = look.get("eyes", 0.17)
    head.eye(0.5, -0.26, size, iris(f))
    ears(head, far=False)


def mask(head: Head, x: float, y: float, s: float) -> list[Mark]:
    """Marks about the eye: a dark mask, a blaze, a brow, cheeks."""
    look = head.figure.look
    if "face" in look.paint:
        return [Mark([head.oval(x + 0.4, y + 0.3, 0.75, 0.6)], look.paint["face"], 0.9, 3.0)]
    kinds = {
        "mask": [
            Mark(
                [head.stroke([(-0.5, y + 0.15), (x, y), (x + 0.5, y + 0.18)], (0.34, 0.5, 0.26))],
                lit(look.mark, 0.8),
                0.95,
                2.0,
            )
        ],
        "blaze": [
            Mark(
                [head.stroke([(0.1, -1.05), (0.75, -0.65), (1.0 + s, -0.1)], (0.3, 0.3, 0.34))],
                (240, 236, 228),
                0.95,
                1.0,
            )
        ],
        "brow": [Mark([head.oval(x, y - 0.26, 0.3, 0.12)], lit(look.belly, 1.1), 0.95, 1.0)],
        "cheek": [Mark([head.oval(x - 0.3, y + 0.75, 0.5, 0.42)], look.belly, 0.95, 2.0)],
        "tear": [
            Mark(
                [head.stroke([(x + 0.1, y), (x + 0.35, y + 0.35), (x + 0.4, y + 0.7)], (0.13, 0.13, 0.08))],
                lit(look.mark, 0.7),
                1.0,
            )
        ],
        "cap": [Mark([head.oval(-0.1, -0.95, 0.85, 0.5)], look.mark, 0.95, 2.0)],
        "stripes": [
            Mark([head.stroke([(-0.9, -0.3), (x, y), (0.9 + s, 0.1)], (0.36, 0.4, 0.2))], (38, 35, 36), 1.0, 1.0)
        ],
    }
    return kinds.get(look.word("face_mark", "none"), [])


EARS: dict[str, list[tuple[float, float]]] = {
    "point": [(-0.32, 0.15), (-0.26, -0.5), (0.05, -1.05), (0.28, -0.45), (0.34, 0.15)],
    "round": [(-0.36, 0.15), (-0.46, -0.35), (0.0, -0.72), (0.46, -0.35), (0.36, 0.15)],
    "long": [(-0.2, 0.15), (-0.34, -0.9), (-0.05, -2.1), (0.26, -0.9), (0.22, 0.15)],
    "leaf": [(-0.14, 0.1), (-0.34, -0.5), (-0.12, -1.15), (0.22, -0.6), (0.16, 0.1)],
    "flop": [(-0.22, -0.1), (-0.4, 0.35), (-0.2, 1.1), (0.18, 1.05), (0.3, 0.3), (0.2, -0.15)],
    "fold": [(-0.36, 0.06), (-0.26, -0.3), (0.08, -0.36), (0.42, -0.06), (0.5, 0.42), (0.2, 0.3), (-0.1, 0.16)],
    "none": [],
}
"""Ears in units of the skull, standing on the origin."""


def ear(
    head: Head, x: float, y: float, turn: float, dark: float = 1.0, mirror: float = 1.0, inner: bool = True
) -> None:
    f = head.figure
    look = f.look
    shape = EARS[look.word("ear", "point")]
    if not shape:
        return
    size = look.get("ears", 1.0)
    c = look.paint.get("ear", look.mark if look.chance("dark ear", look.get("dark_ear", 0.25)) else lit(look.base, 0.9))
    outline = moved(blob([(px * mirror, py) for px, py in shape], 4), 0, 0, size, turn)
    f.part(head.put(outline + (x, y)), lit(c, dark))
    if inner and look.word("ear", "point") in ("point", "round", "long", "leaf"):
        core = moved(blob([(px * mirror * 0.52, py * 0.72) for px, py in shape], 4), 0, 0, size, turn)
        f.flat(head.put(core + (x, y)), mix(lit(c, dark), (196, 140, 128) if luma(c) > 60 else (120, 96, 96), 0.5))


def ears(head: Head, far: bool) -> None:
    look = head.figure.look
    kind = look.word("ear", "point")
    back = look.get("ear_back", 0.0)
    if far:
        if kind in ("point", "round", "long", "leaf"):
            ear(head, -0.02, -0.8, 0.12 - back, 0.72, inner=False)
        return
    at = {"flop": (-0.25, -0.55), "fold": (-0.3, -0.62)}.get(kind, (-0.38, -0.68))
    ear(head, *at, -0.25 - back)


def face(head: Head) -> None:
    """A head that looks out of the image, turned a little to the right."""
    f = head.figure
    look = f.look
    base, muzzle = head_colours(f)
    wide, high = look.get("face_wide", 1.08), look.get("face_high", 1.0)
    jowl = look.get("jowl", 0.8)
    for way in (-1.0, 1.0):
        ear(head, way * 0.62 * wide, -0.62 * high, way * (0.42 + look.get("ear_back", 0.0) * 0.5), 1.0, way)
    if look.word("ruff", "no") == "yes":
        f.part(head.oval(0, 0.28, 1.28 * wide, 1.0 * high), lit(look.belly, 0.97), fuzz=2)
    outline = head.blob([
        (-wide, -0.05), (-0.78 * wide, -0.72 * high), (0, -0.98 * high), (0.78 * wide, -0.72 * high), (wide, -0.05),
        (0.85 * wide, 0.48), (0.42 * wide, 0.62 + 0.35 * jowl), (-0.42 * wide, 0.62 + 0.35 * jowl), (-0.85 * wide, 0.48),
    ])  # fmt: skip
    f.part(outline, base, marks=face_marks(head, wide))
    t = 0.1
    (ape_face if look.word("face_kind", "muzzle") == "ape" else muzzle_face)(head, t, muzzle)
    size = look.get("eyes", 0.17)
    gap = look.get("eye_gap", 0.42)
    for way in (-1, 1):
        head.eye(t * 0.8 + way * gap, -0.12, size, iris(f), look.word("pupil", "round") == "slit")


def ape_face(head: Head, t: float, c: Colour) -> None:
    """The bare face of apes and monkeys; ``t`` is how far the head is turned."""
    f, m = head.figure, head.figure.look.get("muzzle", 0.45)
    skin = [
        (t - 0.7, -0.25), (t - 0.35, -0.5), (t, -0.38), (t + 0.35, -0.5), (t + 0.7, -0.25), (t + 0.58, 0.6), (t, 0.86), (t - 0.58, 0.6),
    ]  # fmt: skip
    f.part(head.blob(skin), c)
    f.part(head.oval(t, 0.46, 0.5, 0.36 + 0.2 * m), lit(c, 1.06), depth=0.8)
    for way in (-0.1, 0.1):
        f.flat(head.oval(t + way, 0.2, 0.055, 0.045), lit(c, 0.3))
    f.line_on(head, [(t - 0.28, 0.56), (t, 0.63), (t + 0.28, 0.56)], 0.05, lit(c, 0.4))


def muzzle_face(head: Head, t: float, c: Colour) -> None:
    """A muzzle, a nose and a mouth; ``t`` is how far the head is turned."""
    f, look = head.figure, head.figure.look
    m, n = look.get("muzzle", 0.45), look.get("nosy", 1.0)
    f.part(head.oval(t, 0.42 + 0.1 * m, 0.36 + 0.42 * m, 0.28 + 0.24 * m), c, depth=0.8)
    low = 0.3 + 0.05 * n
    nose = head.blob([(t - 0.17 * n, 0.16), (t + 0.17 * n, 0.16), (t + 0.09 * n, low), (t - 0.09 * n, low)], 4)
    pink = look.chance("pink nose", 0.1)
    f.flat(nose, look.paint.get("bill", mix(NOSE, (190, 110, 110), 0.6) if pink else NOSE))
    f.line_on(head, [(t, 0.32), (t, 0.5)], 0.045, lit(c, 0.4))
    for way in (-1, 1):
        f.line_on(head, [(t, 0.5), (t + way * 0.15, 0.57), (t + way * 0.3, 0.5)], 0.045, lit(c, 0.4))


def face_marks(head: Head, wide: float) -> list[Mark]:
    look = head.figure.look
    t = 0.08
    kind = look.word("face_mark", "none")
    out: list[Mark] = []
    if "face" in look.paint:
        out.append(Mark([head.oval(t, 0.2, 0.75, 0.7)], look.paint["face"], 0.95, 2.0))
    if kind in ("mask", "patch"):
        c = lit(look.mark, 0.8)
        for way in (-1, 1):
            out.append(
                Mark(
                    [head.oval(t + way * 0.45, -0.06, 0.36, 0.25 if kind == "mask" else 0.32, way * 0.5)], c, 0.95, 1.0
                )
            )
    if kind == "blaze":
        out.append(Mark([head.stroke([(0, -1.05), (t, -0.4), (t, 0.3)], (0.2, 0.2, 0.5))], (242, 238, 230), 0.95, 1.0))
    if kind == "lines":
        for way in (-1, 1):
            out.append(
                Mark(
                    [head.stroke([(way * 0.2, -1.0), (t + way * 0.42, -0.1), (t + way * 0.5, 0.6)], (0.2, 0.34, 0.16))],
                    look.mark,
                    0.95,
                    1.0,
                )
            )
    if kind in ("cheek", "brow", "mask"):
        for way in (-1, 1):
            spot = (
                head.oval(t + way * 0.4, -0.42, 0.24, 0.11, way * -0.3)
                if kind != "cheek"
                else head.oval(t + way * 0.7, 0.35, 0.4, 0.4)
            )
            out.append(Mark([spot], lit(look.belly, 1.08), 0.95, 1.5))
    if kind == "cap":
        out.append(Mark([head.oval(0, -0.95, 0.8 * wide, 0.5)], look.mark, 0.95, 2.0))
    if look.kind in ("stripes", "bands", "spots", "rosettes") and look.word("ear", "") != "none":
        for way in (-1, 0, 1):
            out.append(
                Mark([head.stroke([(way * 0.22, -1.05), (way * 0.3 + t * 0.4, -0.55)], (0.13, 0.05))], look.mark, 0.9)
            )
            if way:
                out.append(
                    Mark(
                        [
                            head.stroke([(way * wide, 0.1 + k * 0.24), (way * 0.66, 0.12 + k * 0.2)], (0.12, 0.04))
                            for k in (0, 1)
                        ],
                        look.mark,
                        0.9,
                    )
                )
    return out


def horns(head: Head, far: bool) -> None:
    """Horns, antlers or tusks; the far one is darker and stands a little before the near one."""
    f = head.figure
    look = f.look
    kind, size = look.word("horn", "none"), look.get("horns", 1.0)
    if kind == "none":
        return
    c = lit(
        look.paint.get("horn", (118, 98, 76) if kind == "antler" else mix((96, 84, 72), look.accent, 0.25)),
        0.7 if far else 1.0,
    )
    x, y = (0.12, -0.85) if far else (-0.02, -0.8)
    line, widths = HORNS[kind](size)
    f.part(head.stroke([(x + px, y + py) for px, py in line], widths), c)
    if kind == "antler":
        for at, dx, dy in ((1, 0.6, -0.35), (2, 0.55, -0.5), (3, 0.42, -0.5), (2, -0.45, -0.35)):
            px, py = x + line[at][0], y + line[at][1]
            f.part(
                head.stroke(
                    [(px, py), (px + dx * 0.6 * size, py + dy * 0.5 * size), (px + dx * size, py + dy * 1.1 * size)],
                    (0.15, 0.12, 0.04),
                ),
                c,
            )
    elif kind in ("ringed", "sickle", "spiral"):
        for k in range(1, 6):
            t = k / 6 * (len(line) - 1)
            i = min(int(t), len(line) - 2)
            px = x + line[i][0] + (line[i + 1][0] - line[i][0]) * (t - i)
            py = y + line[i][1] + (line[i + 1][1] - line[i][1]) * (t - i)
            f.flat(
                head.oval(
                    px, py, 0.035, widths[i] * 0.4, math.atan2(line[i + 1][1] - line[i][1], line[i + 1][0] - line[i][0])
                ),
                lit(c, 0.7),
            )


Horn = Callable[[float], tuple[list[tuple[float, float]], tuple[float, ...]]]

HORNS: dict[str, Horn] = {
    "cow": lambda s: ([(0, 0), (0.05, -0.4 * s), (0.35 * s, -0.75 * s), (0.5 * s, -1.0 * s)], (0.3, 0.26, 0.18, 0.04)),
    "buffalo": lambda s: (
        [(0.1, 0.0), (-0.4 * s, 0.12), (-0.75 * s, -0.3 * s), (-0.4 * s, -0.85 * s)],
        (0.4, 0.36, 0.24, 0.04),
    ),
    "ringed": lambda s: (
        [(0, 0), (-0.15 * s, -0.8 * s), (-0.55 * s, -1.5 * s), (-0.6 * s, -2.2 * s)],
        (0.24, 0.22, 0.16, 0.03),
    ),
    "sickle": lambda s: (
        [(0, 0), (-0.2 * s, -1.0 * s), (-0.8 * s, -1.8 * s), (-1.6 * s, -2.2 * s)],
        (0.24, 0.2, 0.15, 0.03),
    ),
    "spiral": lambda s: (
        [(0, 0), (-0.3 * s, -0.5 * s), (-0.1 * s, -1.0 * s), (-0.55 * s, -1.5 * s), (-0.4 * s, -2.1 * s)],
        (0.26, 0.24, 0.2, 0.15, 0.03),
    ),
    "spike": lambda s: ([(0, 0), (-0.05 * s, -0.5 * s), (0.02 * s, -1.0 * s)], (0.16, 0.12, 0.02)),
    "antler": lambda s: (
        [(0, 0), (-0.35 * s, -0.5 * s), (-0.55 * s, -1.2 * s), (-0.3 * s, -1.9 * s), (0.1 * s, -2.3 * s)],
        (0.2, 0.2, 0.18, 0.14, 0.04),
    ),
}
