"""Clocks: wall clock, alarm clock, mantel clock, longcase clock, sunburst clock, pocket watch, cuckoo clock."""

from __future__ import annotations

import math

import numpy as np

from dmlkit.sample.colours import Colour, lit, luma, mix
from dmlkit.sample.product.item import Form, Item
from dmlkit.sample.product.patterns import EMBLEMS, grain, main
from dmlkit.sample.product.solid import GLOSSY, MATT, METAL, SATIN, Grid, Marks, Surface, box, prism, spun, tube, turned
from dmlkit.sample.shapes import Points, circle

BRASS: Colour = (208, 172, 92)


def upright(profile: list[tuple[float, float]], middle: tuple[float, float, float], columns: int = 48) -> Grid:
    """A turned body that looks to the front: the profile's heights run towards the viewer."""
    return spun(turned(profile, columns), "x", math.pi / 2) + middle


def face_colour(item: Item) -> Colour:
    f = item.finish
    if f.pattern == "dial":
        return f.accent
    pale: tuple[Colour, ...] = ((248, 246, 238), (244, 237, 218))
    if f.pattern in PAINTED:
        return f.rng("face").choice(pale) if luma(f.accent) < 150 else (44, 44, 48)
    return f.rng("face").choice((*pale, *pale, (44, 44, 48)))


PAINTED = {*EMBLEMS, "band", "rings", "stripes", "checks", "dots", "speckles"}
"""The patterns that are painted on a dial."""


def ring_of(shape: Points, angle: float) -> Points:
    """Points turned clockwise by an angle from twelve."""
    c, s = math.cos(angle), math.sin(angle)
    out: Points = shape @ np.array([(c, -s), (s, c)])
    return out


def dial(item: Item, radius: float, middle: tuple[float, float, float], painted: bool = True) -> Surface:
    """A round dial with its marks and hands; the time varies by image, everything else by product."""
    f, tone = item.finish, face_colour(item)
    x0, y0, z0 = middle
    grid = np.array(
        [[(x0 + x * radius, y0 + y * radius, z0) for x in np.linspace(-1, 1, 9)] for y in np.linspace(-1, 1, 9)]
    )
    ink: Colour = (40, 38, 40) if luma(tone) > 120 else (240, 236, 224)
    out = Surface(grid, lit(tone, 0.7), SATIN, flat=True, glow=0.3, casts=False, outline=0.5 + circle(48) * 0.5)
    out.marks = [Marks(tone, (0.5 + circle(48) * 0.475)[None])]
    out.marks += face_pattern(item, tone) if painted else []
    style = f.rng("marks").choice(("bars", "dots", "quarters", "numerals"))
    bars = []
    for k in range(12 if style != "quarters" else 4):
        a = k * math.pi / 6 if style != "quarters" else k * math.pi / 2
        wide, low = (0.022, 0.35) if k % 3 == 0 else (0.014, 0.385)
        if style == "quarters":
            wide, low = 0.03, 0.33
        shape = (
            circle(4) * 0.03 + (0, 0.4)
            if style == "dots"
            else np.array([(-wide, low), (wide, low), (wide, 0.43), (-wide, 0.43)])
        )
        bars.append(0.5 + ring_of(shape, a))
        if style == "numerals" and k % 3:
            bars.append(0.5 + ring_of(shape + (0.035, 0), a))
    out.marks.append(Marks(ink, np.array(bars)))
    hand_tone = f.accent if f.pattern in ("trim", "base") and abs(luma(f.accent) - luma(tone)) > 50 else ink
    hour, minute = item.rng.uniform(0, 2 * math.pi), item.rng.uniform(0, 2 * math.pi)
    for angle, long, wide in ((hour, 0.24, 0.024), (minute, 0.36, 0.016)):
        hand = np.array([(-wide, -0.06), (wide, -0.06), (wide * 0.5, long), (-wide * 0.5, long)])
        out.marks.append(Marks(hand_tone, (0.5 + ring_of(hand, angle))[None]))
    second = np.array([(-0.006, -0.1), (0.006, -0.1), (0.006, 0.38), (-0.006, 0.38)])
    out.marks.append(Marks((196, 50, 44), (0.5 + ring_of(second, item.rng.uniform(0, 6.28)))[None]))
    out.marks.append(Marks(hand_tone, (0.5 + circle(12) * 0.028)[None]))
    return out


def face_pattern(item: Item, tone: Colour) -> list[Marks]:
    """What a finish paints on a dial: a ring, rays, dots or a figure, pale enough that the hands are seen."""
    f = item.finish
    ink = mix(tone, f.accent, 0.85)
    if f.pattern in EMBLEMS:
        shape = np.asarray(EMBLEMS[f.pattern], dtype=np.float64)
        return [Marks(ink, (0.5 + shape * 0.2)[None])]
    if f.pattern in ("band", "rings"):
        rings = []
        for outer in (0.3,) if f.pattern == "band" else (0.3, 0.2, 0.1):
            a = np.linspace(0, 2 * math.pi, 33)
            for k in range(32):
                quad = [
                    (math.cos(t) * r, math.sin(t) * r)
                    for t, r in ((a[k], outer - 0.05), (a[k], outer), (a[k + 1], outer), (a[k + 1], outer - 0.05))
                ]
                rings.append(0.5 + np.array(quad))
        return [Marks(ink, np.array(rings))]
    if f.pattern in ("stripes", "checks"):
        rays = [
            0.5 + ring_of(np.array([(0, 0), (-0.085, 0.32), (0.085, 0.32)]), k * math.pi / 6)
            for k in range(0, 12, 1 if f.pattern == "checks" else 2)
        ]
        return [Marks(ink, np.array(rays[:: 2 if f.pattern == "checks" else 1]))]
    if f.pattern in ("dots", "speckles"):
        return [
            Marks(
                ink,
                np.array(
                    [
                        0.5 + circle(10) * 0.035 + np.array((math.sin(a), math.cos(a))) * r
                        for r, n in ((0.14, 6), (0.27, 12))
                        for a in np.arange(n) * 2 * math.pi / n
                    ]
                ),
            )
        ]
    return []


def wall_clock(item: Item) -> None:
    f = item.finish
    r, deep, y = f.between("r", 0.86, 0.95), 0.16, 1.0
    rim = f.between("rim", 0.1, 0.17)
    corners = f.rng("shape").choice((48, 48, 48, 8, 6))
    if corners == 48:
        case = [
            (0.0, 0.0),
            (r, 0.0),
            (r, deep * 0.6),
            (r - rim * 0.4, deep),
            (r - rim, deep * 0.8),
            (r - rim, deep * 0.4),
            (0.0, deep * 0.4),
        ]
        body = (
            main(upright(case, (0, y, 0)), f, v=(0.2, 0.7))
            if f.pattern in ("checks", "dots", "stripes")
            else item.plain(upright(case, (0, y, 0)))
        )
    else:
        outline = ring_of(circle(corners) * r, math.pi / corners)
        body = item.plain(prism(outline + (0, y), (0.0, deep), 0.05), 1.0, True)
    z = deep * 0.45 if corners == 48 else deep + 0.005
    if f.kind == "wood":
        body.marks = grain(body.grid, f)
    item.add(body, dial(item, (r - rim) * (1.0 if corners == 48 else 0.9), (0, y, z)))


def sunburst(item: Item) -> None:
    f = item.finish
    count, y = f.rng("rays").choice((12, 16, 24)), 1.0
    inner = f.between("inner", 0.4, 0.48)
    parts = []
    for k in range(count):
        a = k * 2 * math.pi / count
        long = 0.98 if k % 2 == 0 else f.between("short", 0.68, 0.86)
        wide = 3.0 / count * 0.3
        ray = np.array([(-wide, inner * 0.8), (wide, inner * 0.8), (wide * 0.24, long), (-wide * 0.24, long)])
        grid = prism(ring_of(ray, a) + (0, y), (0.0, 0.06), 0.015)
        surface = item.plain(grid, 1.0 if k % 2 == 0 else 0.9, True)
        if k % 2 and f.pattern not in ("plain", "dial"):
            surface.colour = f.accent
        parts.append(surface)
    case = [(0.0, 0.0), (inner, 0.0), (inner, 0.1), (inner - 0.05, 0.13), (inner - 0.08, 0.1), (0.0, 0.1)]
    item.add(*parts, item.plain(upright(case, (0, y, 0))), dial(item, inner - 0.07, (0, y, 0.105)))


def alarm_clock(item: Item) -> None:
    f = item.finish
    r, deep, y = 0.66, f.between("deep", 0.3, 0.42), 0.86
    for x in (-1, 1):
        item.add(
            item.second(tube([(x * 0.36, y - r * 0.75, 0), (x * 0.5, 0.0, 0)], (0.07, 0.045), 10, 3), "trim", 0.85)
        )
    case = [
        (0.0, -deep),
        (r * 0.94, -deep),
        (r, -deep + 0.05),
        (r, -0.04),
        (r - 0.03, 0.03),
        (r - 0.1, 0.02),
        (r - 0.1, -0.03),
        (0.0, -0.03),
    ]
    body = main(upright(case, (0, y, 0.2)), f, v=(0.26, 0.52))
    item.add(body, dial(item, r - 0.09, (0, y, 0.175)))
    metal = f.accent if f.pattern in ("trim", "lid") else BRASS if f.rng("bell").random() < 0.5 else (188, 192, 196)
    for x in (-1, 1):
        bell = turned([(0.24, 0.0), (0.24, 0.05), (0.19, 0.14), (0.08, 0.2), (0.0, 0.22)], 28)
        item.add(Surface(spun(bell, "z", -x * 0.5) + (x * 0.38, y + r * 0.84, 0), metal, METAL))
    item.add(
        Surface(
            tube(
                [
                    (-0.46, y + r + 0.04, 0),
                    (-0.34, y + r + 0.34, 0),
                    (0, y + r + 0.44, 0),
                    (0.34, y + r + 0.34, 0),
                    (0.46, y + r + 0.04, 0),
                ],
                0.03,
                8,
                3,
            ),
            metal,
            METAL,
        )
    )
    item.add(Surface(tube([(0, y + r - 0.02, 0), (0, y + r + 0.2, 0)], (0.02, 0.05), 8, 2), metal, METAL))


def arch(w: float, low: float, high: float, kind: str) -> list[tuple[float, float]]:
    """The outline of a case: round, pointed, or a flat top with round shoulders."""
    a = np.linspace(0, math.pi, 15)
    if kind == "round":
        top = [(w * math.cos(t), high - w + w * math.sin(t)) for t in a]
    elif kind == "gable":
        top = [
            (w, high - w * 0.55),
            (w * 0.5, high - w * 0.28),
            (0, high),
            (-w * 0.5, high - w * 0.28),
            (-w, high - w * 0.55),
        ]
    else:
        top = [(w * (0.62 * math.cos(t)), high - w * 0.5 + w * 0.5 * math.sin(t)) for t in a]
        top = [
            (w, high - w * 0.62),
            (w * 0.8, high - w * 0.56),
            *top,
            (-w * 0.8, high - w * 0.56),
            (-w, high - w * 0.62),
        ]
    return [(w, low), *top, (-w, low)]


def mantel_clock(item: Item) -> None:
    f = item.finish
    w, h, deep = f.between("w", 0.6, 0.7), f.between("h", 1.35, 1.6), 0.3
    item.add(item.second(box((-w - 0.12, w + 0.12), (0, 0.12), (-deep - 0.08, deep + 0.08), 0.03), "base", 0.9, True))
    grid = prism(arch(w, 0.12, h, f.rng("kind").choice(("round", "gable", "shoulder"))), (-deep, deep), 0.04)
    body = item.plain(grid, 1.0, True)
    if f.kind == "wood":
        body.marks = grain(grid, f, v=(0.0, 0.8))
    r = w * 0.74
    y = min(h - w - 0.02, 0.2 + r + f.between("lift", 0.2, 0.4))
    ring = upright([(r + 0.06, 0.0), (r + 0.06, 0.03), (r + 0.02, 0.05), (r, 0.03)], (0, y, deep))
    tone = f.accent if f.pattern == "trim" else BRASS
    item.add(body, Surface(ring, tone, METAL, casts=False), dial(item, r, (0, y, deep + 0.015)))
    low = 0.16
    if y - r - low > 0.12:
        item.groups[-1].append(
            main(
                np.array(
                    [
                        [(x, q, deep + 0.012) for x in np.linspace(-w * 0.78, w * 0.78, 9)]
                        for q in np.linspace(low, y - r - 0.08, 5)
                    ]
                ),
                f,
                u=(0.0, 0.999),
            )
        )
        item.groups[-1][-1].casts = False


def longcase(item: Item) -> None:
    f = item.finish
    d = 0.2
    item.add(item.second(box((-0.4, 0.4), (0, 0.44), (-d - 0.04, d + 0.04), 0.02), "base", 0.94, True))
    trunk = item.plain(box((-0.28, 0.28), (0.44, 1.42), (-d, d), 0.015), 1.0, True)
    if f.kind == "wood":
        trunk.marks = grain(trunk.grid, f, along=True)
    window = np.array([[(x, y, d + 0.01) for x in np.linspace(-0.17, 0.17, 5)] for y in np.linspace(0.56, 1.32, 7)])
    door = Surface(window, lit(f.base, 0.45), GLOSSY, casts=False)
    swing = item.rng.uniform(-0.1, 0.1)
    rod = np.array([[(0.48, 1.0), (0.52, 1.0), (0.52 + swing, 0.3), (0.48 + swing, 0.3)]])
    bob = np.stack(
        [0.5 + swing + np.cos(np.linspace(0, 6, 16)) * 0.24, 0.24 + np.sin(np.linspace(0, 6, 16)) * 0.11], axis=1
    )[None]
    door.marks = [Marks(BRASS, rod), Marks(lit(BRASS, 1.15), bob)]
    item.add(trunk, door)
    kind = f.rng("kind").choice(("round", "gable", "shoulder"))
    hood = prism(arch(0.38, 1.42, 2.3, kind), (-d - 0.03, d + 0.03), 0.03)
    head = item.plain(hood, 1.0, True)
    if f.kind == "wood":
        head.marks = grain(hood, f, v=(0.0, 0.8))
    frame = Surface(
        upright([(0.31, 0.0), (0.31, 0.02), (0.29, 0.03)], (0, 1.78, d + 0.03)),
        f.accent if f.pattern == "trim" else BRASS,
        METAL,
        casts=False,
    )
    item.add(head, frame, dial(item, 0.3, (0, 1.78, d + 0.04)))
    panel = np.array([[(x, y, d + 0.045) for x in np.linspace(-0.32, 0.32, 7)] for y in np.linspace(0.06, 0.38, 5)])
    item.groups[0].append(main(panel, f, u=(0.0, 0.999)))
    item.groups[0][-1].casts = False


def pocket_watch(item: Item) -> None:
    f = item.finish
    r, y = 0.72, 0.78
    case = [(0.0, -0.12), (r * 0.8, -0.12), (r, -0.02), (r, 0.03), (r - 0.05, 0.08), (r - 0.12, 0.07), (0.0, 0.06)]
    body = (
        main(upright(case, (0, y, 0)), f, v=(0.1, 0.75))
        if f.pattern in ("checks", "dots", "stripes")
        else item.plain(upright(case, (0, y, 0)))
    )
    item.add(
        Surface(
            turned(
                [
                    (0.07, y + r - 0.04),
                    (0.07, y + r + 0.08),
                    (0.1, y + r + 0.09),
                    (0.1, y + r + 0.18),
                    (0, y + r + 0.2),
                ],
                20,
            ),
            f.accent if f.pattern in ("trim", "lid") else f.near(0.95),
            METAL,
        )
    )
    ring = [
        (math.cos(a) * 0.17, y + r + 0.2 + math.sin(a) * 0.17, 0) for a in np.linspace(-math.pi / 2, 1.5 * math.pi, 17)
    ]
    item.add(body, dial(item, r - 0.11, (0, y, 0.07)))
    item.add(item.plain(tube(ring, 0.026, 8, 2), 0.9))
    wide = f.between("stand", 0.5, 0.6)
    tone: Colour = f.accent if f.pattern == "base" else (92, 62, 44)
    item.add(Surface(box((-wide, wide), (0, 0.08), (-0.3, 0.34), 0.02), tone, SATIN, flat=True))


def cuckoo(item: Item) -> None:
    f = item.finish
    w, y = f.between("w", 0.5, 0.58), 0.62
    case = prism([(w, y), (w, y + 0.8), (0, y + 1.28), (-w, y + 0.8), (-w, y)], (0.0, 0.4), 0.02)
    body = item.plain(case, 1.0, True)
    if f.kind == "wood":
        body.marks = grain(case, f, v=(0.0, 0.8))
    door = np.array([[(x, q, 0.41) for x in np.linspace(-0.13, 0.13, 3)] for q in np.linspace(y + 0.86, y + 1.08, 3)])
    panel = np.array(
        [[(x, q, 0.408) for x in np.linspace(-w * 0.9, w * 0.9, 9)] for q in np.linspace(y + 0.04, y + 0.8, 9)]
    )
    front = main(panel, f, u=(0.0, 0.999))
    front.casts = False
    item.add(
        body,
        front,
        Surface(door, f.accent if f.pattern != "plain" else f.near(0.6), MATT, casts=False),
        dial(item, 0.33, (0, y + 0.44, 0.415), painted=False),
    )
    roof = f.accent if f.pattern in ("lid", "trim", "base") else f.near(0.62)
    for s in (-1, 1):
        slab = box((-0.43, 0.43), (-0.035, 0.035), (-0.02, 0.5))
        item.add(Surface(spun(slab, "z", -s * 0.72) + (s * (w * 0.5 + 0.05), y + 1.1, 0), roof, SATIN, flat=True))
    for x, long in ((-0.2, item.rng.uniform(0.2, 0.5)), (0.2, item.rng.uniform(0.2, 0.5))):
        item.add(Surface(tube([(x, y, 0.2), (x, y - long, 0.2)], 0.012, 6, 2), BRASS, METAL, casts=False))
        cone = turned([(0.0, -0.26), (0.05, -0.2), (0.075, -0.1), (0.06, -0.02), (0, 0)], 14)
        item.add(Surface(cone + (x, y - long, 0.2), (110, 74, 48), SATIN))


WALL = ("wall",)
SHELF = ("studio", "studio", "table", "desk", "shelf")

FORMS = {
    "clock-wall-clock": Form(wall_clock, WALL, yaw=(-0.5, 0.5), rise=(-0.2, 0.2), hangs=True),
    "clock-sunburst-clock": Form(sunburst, WALL, yaw=(-0.5, 0.5), rise=(-0.2, 0.2), hangs=True),
    "clock-alarm-clock": Form(alarm_clock, SHELF, yaw=(-0.65, 0.65), rise=(0.05, 0.35)),
    "clock-mantel-clock": Form(mantel_clock, SHELF, yaw=(-0.65, 0.65), rise=(0.06, 0.35)),
    "clock-longcase-clock": Form(
        longcase, ("studio", "studio", "floor", "floor", "rug"), yaw=(-0.6, 0.6), rise=(0.03, 0.22)
    ),
    "clock-pocket-watch": Form(pocket_watch, SHELF, yaw=(-0.6, 0.6), rise=(0.05, 0.35)),
    "clock-cuckoo-clock": Form(cuckoo, WALL, yaw=(-0.5, 0.5), rise=(-0.22, 0.15), hangs=True),
}
