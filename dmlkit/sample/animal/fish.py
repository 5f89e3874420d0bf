"""Fishes: swimming in profile, rays from above, flatfish on the ground. The unit is the length of the trunk."""

from __future__ import annotations

import math

from dmlkit.sample.animal.figure import Figure, markings
from dmlkit.sample.animal.heads import iris
from dmlkit.sample.canvas import Mark
from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.shapes import Points, blob, oval, poly, stroke

Pair = tuple[float, float]


def fin_colour(f: Figure) -> Colour:
    look = f.look
    return look.paint.get(
        "fin",
        look.accent
        if look.chance("bright fins", look.get("bright_fins", 0.35))
        else lit(mix(look.base, look.mark, 0.3), 0.9),
    )


def rays_on(outline: Points, root: Pair, c: Colour, count: int = 7) -> list[Mark]:
    """The rays of a fin, from its root to points of its rim."""
    step = max(1, len(outline) // count)
    return [Mark([stroke([root, (float(p[0]), float(p[1]))], (0.01, 0.007), 2) for p in outline[::step]], c, 0.55)]


def fin(f: Figure, points: list[Pair], root: Pair, c: Colour, spiny: bool = False) -> None:
    outline = poly(points) if spiny else blob(points, 4)
    f.part(outline, c, marks=rays_on(outline, root, lit(c, 0.72)), depth=0.7)


def fish(f: Figure) -> None:
    """A fish in profile, bent a little by its stroke."""
    look, rng = f.look, f.rng
    f.stance = "afloat"
    deep, c = look.get("deep", 0.34), fin_colour(f)
    bend = rng.uniform(-0.05, 0.05)
    stem = (-0.46, 0.0 + bend)
    tail_fin(f, stem, c)
    back_fins(f, deep, c)
    belly_fins(f, deep, c)
    blunt = look.get("blunt", 0.5)
    stemw = look.get("stem", 0.1)
    long = look.get("nose", 0.0)
    body = blob([
        (0.5 + long, 0.02 + look.get("mouth_up", 0.0)), (0.46, -deep * (0.12 + 0.2 * blunt)), (0.3, -deep * (0.32 + 0.12 * blunt)), (0.06, -deep * 0.5), (-0.22, -deep * 0.34),
        (stem[0], stem[1] - stemw / 2), (stem[0], stem[1] + stemw / 2), (-0.22, deep * 0.34), (0.06, deep * 0.5), (0.3, deep * (0.34 + 0.1 * blunt)), (0.46, deep * (0.14 + 0.16 * blunt)),
    ])  # fmt: skip
    marks = markings(look, (-0.46, -deep * 0.5, 0.3, deep * 0.42))
    if "back" in look.paint or look.chance("dark back", look.get("dark_back", 0.5)):
        marks.insert(
            0, Mark([oval(0, -deep * 0.55, 0.62, deep * 0.38)], look.paint.get("back", lit(look.base, 0.6)), 0.9, 5.0)
        )
    if "stripe" in look.paint:
        marks.append(
            Mark(
                [stroke([(-0.44, 0.0), (0.0, -0.01), (0.4, 0.0)], (0.04, deep * 0.2, 0.05))],
                look.paint["stripe"],
                0.7,
                3.0,
            )
        )
    if "tail" in look.paint:
        marks.append(Mark([oval(-0.5, 0, 0.2, deep)], look.paint["tail"], 0.95, 3.0))
    if "head" in look.paint or look.chance("head colour", look.get("headed", 0.15)):
        marks.append(Mark([oval(0.46, 0, 0.24, deep)], look.paint.get("head", look.accent), 0.85, 4.0))
    if look.chance("eye bar", look.get("eye_bar", 0.15)):
        marks.append(
            Mark(
                [stroke([(0.34, -deep * 0.6), (0.35, 0), (0.3, deep * 0.6)], (0.05, 0.06, 0.05))],
                lit(look.mark, 0.9),
                0.95,
            )
        )
    if look.chance("tail spot", look.get("tail_spot", 0.15)):
        marks.append(Mark([oval(-0.36, -0.03, 0.05, 0.05)], look.mark, 0.95))
    f.part(body, look.base, marks=marks, under=(look.belly, look.under + 0.1))
    if look.word("skin", "") == "spines":
        spines(f, deep)
    fish_face(f, deep, c)


def spines(f: Figure, deep: float) -> None:
    for k in range(40):
        x, y = -0.35 + 0.7 * f.rng.random(), deep * 0.45 * f.rng.uniform(-1, 1)
        if (x / 0.45) ** 2 + (y / (deep * 0.5)) ** 2 < 1:
            f.flat(
                poly([(x, y - 0.012), (x - 0.07, y + 0.02 * (1 if y > 0 else -1)), (x, y + 0.012)]),
                lit(f.look.belly, 1.05 - 0.01 * (k % 5)),
            )


def fish_face(f: Figure, deep: float, c: Colour) -> None:
    """Gill cover, breast fin, eye, mouth and barbels."""
    look = f.look
    long = look.get("nose", 0.0)
    f.line([(0.3, -deep * 0.3), (0.22, 0.0), (0.28, deep * 0.28)], 0.016, lit(look.base, 0.6))
    up = look.get("mouth_up", 0.0)
    y = 0.03 + up
    mouth = lit(look.base, 0.4)
    grin = look.get("grin", 0.1)
    f.line([(0.49 + long, y), (0.49 + long - grin * 0.6, y + 0.02), (0.49 + long - grin, y + 0.035)], 0.016, mouth)
    r = look.get("eyes", 0.036)
    if look.word("horn", "no") == "yes":
        for shift in (0.0, 0.05):
            f.part(
                poly([(0.4 + shift, -deep * 0.3), (0.5 + shift, -deep * 0.5), (0.44 + shift, -deep * 0.22)]),
                lit(look.base, 0.9),
            )
    f.eye(0.385, -deep * 0.16 + up * 0.3, r, iris(f) if look.chance("dark eye", 0.4) else (214, 190, 110))
    for k in range(int(look.get("barbels", 0))):
        start = (0.46 + long, 0.03 + 0.02 * k)
        f.flat(
            stroke(
                [start, (0.56 - 0.05 * k + long, 0.1 + 0.05 * k), (0.5 - 0.12 * k + long, 0.22 + 0.03 * k)],
                (0.02, 0.013, 0.004),
            ),
            lit(look.base, 0.7),
        )
    flap = f.rng.uniform(-0.05, 0.08)
    size = look.get("pectoral", 0.17)
    points = [
        (0.22, 0.03),
        (0.14, 0.03 + size * 0.25),
        (0.22 - size * 0.95, 0.05 + size * 0.65 + flap),
        (0.22 - size * 0.7, 0.06 + size * 0.95 + flap),
        (0.2, 0.1),
    ]
    fin(f, points, (0.22, 0.05), lit(c, 0.94))


TAILS: dict[str, list[Pair]] = {
    "fork": [(0.04, -0.04), (-0.1, -0.12), (-0.28, -0.28), (-0.17, 0.0), (-0.28, 0.28), (-0.1, 0.12), (0.04, 0.04)],
    "round": [(0.04, -0.05), (-0.08, -0.14), (-0.2, -0.13), (-0.25, 0.0), (-0.2, 0.13), (-0.08, 0.14), (0.04, 0.05)],
    "square": [(0.04, -0.05), (-0.1, -0.12), (-0.23, -0.19), (-0.215, 0.0), (-0.23, 0.19), (-0.1, 0.12), (0.04, 0.05)],
    "veil": [
        (0.04, -0.04),
        (-0.15, -0.22),
        (-0.42, -0.34),
        (-0.34, -0.1),
        (-0.48, 0.05),
        (-0.34, 0.16),
        (-0.4, 0.4),
        (-0.14, 0.2),
        (0.04, 0.05),
    ],
}


def tail_fin(f: Figure, stem: Pair, c: Colour) -> None:
    look = f.look
    size = look.get("tails", 1.0)
    squeeze = f.rng.uniform(0.75, 1.0)
    points = [(stem[0] + px * size * squeeze, stem[1] + py * size) for px, py in TAILS[look.word("tail", "fork")]]
    tone = look.paint.get("tail", c)
    outline = blob(points, 4)
    f.part(outline, tone, marks=rays_on(outline, stem, lit(tone, 0.72), 9), depth=0.7)


def back_fins(f: Figure, deep: float, c: Colour) -> None:
    look = f.look
    kind, high = look.word("dorsal", "one"), look.get("dorsal_high", 0.14)
    top = -deep * 0.45
    if kind == "long":
        fin(
            f,
            [
                (0.22, top * 0.85),
                (0.12, top - high * 0.7),
                (-0.1, top - high * 0.85),
                (-0.34, top * 0.6 - high * 0.7),
                (-0.42, top * 0.3),
                (-0.1, top * 0.7),
            ],
            (-0.05, top * 0.6),
            c,
        )
    elif kind == "spiny":
        spikes: list[Pair] = []
        for k in range(7):
            x = 0.2 - 0.055 * k
            spikes += [
                (x, top * (0.95 - 0.03 * k) - high * (1.0 - 0.08 * abs(k - 2))),
                (x - 0.03, top * (0.95 - 0.03 * k) - high * 0.45),
            ]
        fin(f, [(0.24, top * 0.8), *spikes, (-0.2, top * 0.75)], (0.02, top * 0.6), c, spiny=True)
        fin(
            f,
            [
                (-0.14, top * 0.8),
                (-0.22, top * 0.8 - high * 0.75),
                (-0.38, top * 0.45 - high * 0.45),
                (-0.4, top * 0.35),
            ],
            (-0.26, top * 0.5),
            c,
        )
    elif kind == "far":
        fin(
            f,
            [(-0.14, top * 0.85), (-0.22, top * 0.8 - high), (-0.36, top * 0.5 - high * 0.7), (-0.36, top * 0.4)],
            (-0.24, top * 0.6),
            c,
        )
    else:
        fin(f, [(0.1, top), (0.02, top - high), (-0.16, top - high * 0.45), (-0.18, top * 0.8)], (-0.02, top * 0.8), c)
        if kind == "trout":
            fin(f, [(-0.3, top * 0.5), (-0.37, top * 0.5 - 0.045), (-0.38, top * 0.4)], (-0.34, top * 0.4), c)


def belly_fins(f: Figure, deep: float, c: Colour) -> None:
    look = f.look
    low = deep * 0.45
    size = look.get("belly_fin", 0.11)
    anal = look.get("anal", 1.0)
    fin(
        f,
        [
            (-0.14, low * 0.8),
            (-0.2, low * 0.75 + size * anal),
            (-0.3 - 0.08 * (anal - 1), low * 0.55 + size * 0.6 * anal),
            (-0.34, low * 0.45),
        ],
        (-0.2, low * 0.5),
        c,
    )
    fin(
        f,
        [(0.1, low * 0.95), (0.06, low + size), (-0.03, low + size * 0.9), (0.0, low * 0.95)],
        (0.06, low * 0.7),
        lit(c, 0.9),
    )


def shark(f: Figure) -> None:
    """A shark in profile: a torpedo with a tall back fin and a tail whose upper lobe is the longer."""
    look, rng = f.look, f.rng
    f.stance = "afloat"
    deep, bend = look.get("deep", 0.28), rng.uniform(-0.04, 0.04)
    c, tip = lit(look.base, 0.92), look.paint.get("tip", lit(look.base, 0.75))
    long, high = look.get("tails", 1.0), look.get("dorsal_high", 0.15)
    stem = (-0.5, bend)
    top, low = -deep * 0.46, deep * 0.4
    lobes = [
        (0.03, -0.03),
        (-0.13 * long, -0.14 * long),
        (-0.27 * long, -0.3 * long),
        (-0.24 * long, -0.2 * long),
        (-0.12, 0.0),
        (-0.17, 0.13),
        (-0.1, 0.1),
        (0.03, 0.03),
    ]
    shark_fin(f, [(stem[0] + x, stem[1] + y) for x, y in lobes], c, tip, 2)
    shark_fin(
        f,
        [
            (0.12, top * 0.9),
            (0.0, top - high * 0.85),
            (-0.08, top - high),
            (-0.06, top - high * 0.4),
            (-0.07, top * 0.85),
        ],
        c,
        tip,
        2,
    )
    shark_fin(f, [(-0.27, top * 0.5), (-0.34, top * 0.5 - 0.06), (-0.35, top * 0.35)], c, tip, 1)
    shark_fin(f, [(-0.14, low * 0.7), (-0.22, low * 0.7 + 0.09), (-0.24, low * 0.5)], c, tip, 1)
    far = [(0.26, low * 0.5), (0.16, low * 0.8), (0.12, low + 0.12), (0.16, low + 0.13)]
    shark_fin(f, far, lit(c, 0.75), lit(tip, 0.8), 2)
    nose, blunt = look.get("nose", 0.6), look.get("blunt", 0.3)
    body = blob([
        (nose, -deep * 0.02), (nose - 0.08, -deep * (0.16 + 0.16 * blunt)), (0.3, -deep * 0.44), (0.05, -deep * 0.5), (-0.25, -deep * 0.3), (stem[0], stem[1] - 0.035),
        (stem[0], stem[1] + 0.03), (-0.25, deep * 0.28), (0.05, deep * 0.46), (0.3, deep * 0.42), (nose - 0.1, deep * (0.2 + 0.14 * blunt)),
    ])  # fmt: skip
    marks = markings(look, (-0.46, -deep * 0.5, 0.34, deep * 0.1))
    back = [(-0.54, bend - 0.01), (-0.3, -deep * 0.1), (0.05, -deep * 0.26), (nose - 0.1, -deep * 0.16)]
    marks.insert(0, Mark([stroke(back, (0.06, deep * 0.42, deep * 0.56, deep * 0.3))], look.base, 1.0, 4.0))
    f.part(body, look.base, marks=marks, under=(look.belly, 0.42))
    shark_head(f, deep, nose)
    flap, size = rng.uniform(-0.03, 0.05), look.get("pectoral", 0.24)
    pectoral = [
        (0.25, low * 0.45),
        (0.13, low * 0.62),
        (0.06 - size * 0.6, low * 0.6 + size * 0.9 + flap),
        (0.1 - size * 0.35, low * 0.6 + size + flap),
        (0.22, low * 0.75),
    ]
    shark_fin(f, pectoral, c, tip, 3)


def shark_fin(f: Figure, points: list[Pair], c: Colour, tip: Colour, far: int) -> None:
    """A fin with its point, number ``far`` of the points, in the colour of the fin tips."""
    x, y = points[far]
    f.part(blob(points, 4), c, marks=[Mark([oval(x, y, 0.09, 0.09)], tip, 0.95, 2.0)], depth=0.7)


def shark_head(f: Figure, deep: float, nose: float) -> None:
    """Gill slits, eye, mouth below the snout; for a hammerhead the bar at whose end the eye sits."""
    look = f.look
    for k in range(5):
        x = nose - 0.34 - 0.028 * k
        f.line([(x, -deep * 0.14), (x - 0.015, deep * 0.14)], 0.011, lit(look.base, 0.5))
    eye = (nose - 0.17, -deep * 0.12)
    if look.word("hammer", "no") == "yes":
        bar = [
            (nose - 0.02, -deep * 0.62),
            (nose + 0.07, -deep * 0.5),
            (nose + 0.05, 0.0),
            (nose + 0.06, deep * 0.42),
            (nose - 0.03, deep * 0.5),
            (nose - 0.07, 0.0),
        ]
        f.part(blob(bar), lit(look.base, 1.04))
        eye = (nose + 0.03, -deep * 0.5)
    y = deep * 0.2
    jaw = [(nose - 0.09, y), (nose - 0.17, y + 0.03), (nose - 0.24, y + 0.015)]
    f.line(jaw, 0.014, lit(look.base, 0.35))
    if look.get("teeth", 1.0):
        for k in range(4):
            x = nose - 0.11 - 0.028 * k
            f.flat(poly([(x, y + 0.01), (x - 0.008, y + 0.032), (x - 0.018, y + 0.014)]), (240, 238, 226))
    f.flat(oval(nose - 0.05, deep * 0.02, 0.01, 0.008, 0, 8), lit(look.base, 0.4))
    f.eye(*eye, look.get("eyes", 0.02), (26, 24, 26))


def ray(f: Figure) -> None:
    """A ray from above: a flat diamond with a whip."""
    look, rng = f.look, f.rng
    f.stance = "afloat"
    flap = rng.uniform(-0.1, 0.12)
    wide, horn = look.get("span", 0.62), look.word("horn", "no") == "yes"
    long = look.get("whip", 0.9)
    sway = rng.uniform(-0.25, 0.25)
    f.part(
        stroke(
            [(-0.32, 0), (-0.32 - long * 0.5, sway * 0.4), (-0.32 - long, sway)],
            (look.get("whipw", 0.07), 0.035, 0.008),
        ),
        lit(look.base, 0.85),
    )
    nose = look.get("nose", 0.46)
    if look.word("saw", "no") == "yes":
        teeth = [pair for k in range(12) for pair in ((0.4 + 0.05 * k, 0.03), (0.42 + 0.05 * k, 0.085))]
        rim = [*teeth, (1.03, 0.0), *[(x, -y) for x, y in reversed(teeth)]]
        f.part(poly(rim), lit(look.base, 0.9), depth=0.6)
    disc = blob([
        (nose, 0.0), (0.3, -0.16), (0.06 + flap, -wide * 0.84), (-0.02 + flap, -wide), (-0.12 + flap, -wide * 0.78), (-0.3, -0.14), (-0.38, 0.0),
        (-0.3, 0.14), (-0.12 - flap, wide * 0.78), (-0.02 - flap, wide), (0.06 - flap, wide * 0.84), (0.3, 0.16),
    ] if look.word("disc", "diamond") == "diamond" else [(nose, 0), (0.32, -wide * 0.6), (0, -wide * 0.82), (-0.3, -wide * 0.5), (-0.4, 0), (-0.3, wide * 0.5), (0, wide * 0.82), (0.32, wide * 0.6)])  # fmt: skip
    if horn:
        for way in (-1, 1):
            f.part(
                stroke([(0.34, way * 0.1), (0.5, way * 0.13), (0.56, way * 0.08)], (0.09, 0.06, 0.02)),
                lit(look.base, 0.8),
            )
    marks = markings(look, (-0.35, -wide, 0.4, wide))
    f.part(disc, look.base, marks=[*marks, Mark([oval(0.02, 0, 0.34, 0.12)], lit(look.base, 1.12), 0.6, 5.0)])
    for way in (-1, 1):
        f.part(
            blob([(-0.3, way * 0.06), (-0.34, way * 0.16), (-0.46, way * 0.14), (-0.4, way * 0.03)], 4),
            lit(look.base, 0.88),
        )
        f.part(oval(0.22, way * 0.09, 0.045, 0.035), lit(look.base, 1.1))
        f.eye(0.235, way * 0.1, 0.024, (40, 34, 26))


def flat(f: Figure) -> None:
    """A flatfish on the ground from above: an oval with a fringe of fins and both eyes on one side."""
    look, rng = f.look, f.rng
    f.stance = "lying"
    wide, c = look.get("deep", 0.56), fin_colour(f)
    tail_fin(f, (-0.44, 0.0), c)
    for way in (-1, 1):
        rim = [
            (
                0.4 - 0.1 * k,
                way * (wide * 0.5 * math.sin(math.pi * (0.12 + 0.84 * k / 9)) + 0.085 * (1 if k % 2 else 0.86)),
            )
            for k in range(9)
        ]
        outline = poly([(0.42, 0), *rim, (-0.44, 0)])
        f.part(outline, c, marks=rays_on(outline, (0, 0), lit(c, 0.7), 10), depth=0.5)
    f.part(
        blob(
            [
                (0.5, 0.03),
                (0.4, -wide * 0.26),
                (0.15, -wide * 0.48),
                (-0.15, -wide * 0.44),
                (-0.48, -0.05),
                (-0.48, 0.05),
                (-0.15, wide * 0.44),
                (0.15, wide * 0.48),
                (0.4, wide * 0.28),
            ]
        ),
        look.base,
        marks=[
            *markings(look, (-0.4, -wide * 0.45, 0.4, wide * 0.45)),
            *markings(look, (-0.4, -wide * 0.4, 0.4, wide * 0.4), "specks"),
        ],
    )
    f.line([(0.24, -0.1), (0.15, -0.05), (-0.42, 0.0)], 0.012, lit(look.base, 0.65))
    for x, y in ((0.36, -0.1), (0.34, 0.03)):
        f.part(oval(x, y, 0.05, 0.045), lit(look.base, 1.15))
        f.eye(x + 0.01, y - 0.005, 0.026, (196, 160, 70))
    f.line([(0.5, 0.05), (0.44, 0.07), (0.41, 0.11)], 0.014, lit(look.base, 0.4))
    fin(f, [(0.2, 0.04), (0.1, 0.0), (0.02, 0.05 + rng.uniform(0, 0.06)), (0.12, 0.1)], (0.2, 0.04), lit(c, 1.1))
