"""Seats: stool, bar stool, dining chair, armchair, sofa, bench, rocking chair, pouf, office chair."""

from __future__ import annotations

import math

import numpy as np

from dmlkit.sample.colours import Colour, lit
from dmlkit.sample.product.item import Form, Item
from dmlkit.sample.product.patterns import field_of, grain, main, sheet
from dmlkit.sample.product.solid import (
    MATT,
    METAL,
    SATIN,
    Grid,
    Marks,
    Surface,
    box,
    cushion,
    smooth,
    spun,
    tube,
    turned,
)

ROOM = ("studio", "studio", "studio", "floor", "floor", "rug")
OUTDOOR = (*ROOM, "patio", "lawn")
WOODS: tuple[Colour, ...] = ((196, 154, 100), (112, 76, 52), (208, 162, 114), (66, 50, 42), (222, 186, 132))
CHROME: Colour = (186, 190, 196)


def frame(item: Item) -> Colour:
    """The colour of the legs: the second one, the product's own wood, or a wood of its own choice."""
    f = item.finish
    if f.pattern in ("legs", "base"):
        return f.accent
    return f.near(0.92) if f.kind in ("wood", "glaze", "wicker") else f.rng("legs").choice(WOODS)


def leg(
    item: Item,
    top: tuple[float, float, float],
    foot: tuple[float, float, float],
    wide: float,
    tone: Colour,
    square: bool = False,
) -> Surface:
    """A leg from a point below the seat to the ground, round or square, thinner below."""
    if not square:
        return Surface(tube([top, foot], (wide, wide * 0.66), 10, 3), tone, SATIN)
    grid = box((-wide, wide), (foot[1], top[1]), (-wide, wide), 0.01, 0.75)
    t = ((grid[..., 1] - foot[1]) / (top[1] - foot[1]))[..., None]
    grid[..., [0, 2]] += np.array([foot[0], foot[2]]) * (1 - t) + np.array([top[0], top[2]]) * t
    return Surface(grid, tone, SATIN, flat=True)


def legs(item: Item, half: tuple[float, float], high: float, splay: float, wide: float, square: bool) -> None:
    tone = frame(item)
    for x in (-1.0, 1.0):
        for z in (-1.0, 1.0):
            item.add(
                leg(
                    item,
                    (x * half[0], high, z * half[1]),
                    (x * (half[0] + splay), 0, z * (half[1] + splay)),
                    wide,
                    tone,
                    square,
                )
            )


def rails(item: Item, half: tuple[float, float], y: float, wide: float) -> None:
    """Bars between the legs."""
    tone = lit(frame(item), 0.94)
    for s in (-1, 1):
        item.add(Surface(tube([(-half[0], y, s * half[1]), (half[0], y, s * half[1])], wide, 8, 2), tone, SATIN))
        item.add(
            Surface(tube([(s * half[0], y + 0.1, -half[1]), (s * half[0], y + 0.1, half[1])], wide, 8, 2), tone, SATIN)
        )


def wooden(grid: Grid, item: Item, along: bool = False) -> Surface:
    """A flat part in the finish of the product, without its pattern; wood shows its grain."""
    out = item.plain(grid, flat=True)
    if item.finish.kind == "wood":
        out.marks = grain(grid, item.finish, along=along)
    return out


def stool(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.5, 0.58), f.between("h", 0.95, 1.1)
    legs(item, (r * 0.52, r * 0.52), h - 0.1, f.between("splay", 0.08, 0.2), 0.055, f.rng("square").random() < 0.3)
    rails(item, (r * 0.6, r * 0.6), h * 0.34, 0.032)
    side = [(r * 0.9, h - 0.1), (r, h - 0.07), (r, h - 0.02), (r * 0.97, h)]
    if f.pattern == "seat":
        pad = [(r * 0.9, h), (r * 0.97, h + 0.04), (r * 0.94, h + 0.1), (r * 0.6, h + 0.13), (0, h + 0.13)]
        item.add(item.plain(turned(side)), Surface(turned(pad), f.accent, MATT))
    else:
        item.add(item.plain(turned(side)), seat_top(item, r * 0.97, h))


def seat_top(item: Item, r: float, y: float) -> Surface:
    """A round top whose pattern lies straight on it: a square sheet drawn in to a circle."""
    n = np.linspace(-1, 1, 17)
    x, z = np.meshgrid(n, -n)
    grid = np.stack([x * np.sqrt(1 - z**2 / 2) * r, np.full(x.shape, y), z * np.sqrt(1 - x**2 / 2) * r], axis=-1)
    return main(grid, item.finish, u=(0.0, 0.999), v=(0.0, 1.0))


def flat_top(item: Item, x: tuple[float, float], z: tuple[float, float], y: float) -> Surface:
    """A rectangular top with the finish."""
    grid = np.array([[(a, y, b) for a in np.linspace(*x, 9)] for b in np.linspace(z[1], z[0], 9)])
    return main(grid, item.finish, u=(0.0, 0.999), v=(0.0, 1.0))


def bar_stool(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.34, 0.4), 1.62
    if f.rng("kind").random() < 0.5:
        legs(item, (r * 0.55, r * 0.55), h - 0.08, 0.2, 0.042, False)
        rails(item, (r * 0.55 + 0.13, r * 0.55 + 0.13), h * 0.3, 0.026)
    else:
        tone = f.accent if f.pattern in ("legs", "base") else CHROME
        item.add(Surface(turned([(0.0, 0), (0.4, 0.0), (0.41, 0.03), (0.2, 0.07), (0.06, 0.12)], 36), tone, METAL))
        item.add(Surface(turned([(0.05, 0.1), (0.05, h - 0.1)], 16), tone, METAL))
        ring = [(math.cos(a) * 0.25, 0.5, math.sin(a) * 0.25) for a in np.linspace(0, 2 * math.pi, 17)]
        item.add(Surface(tube(ring, 0.025, 8, 2), tone, METAL))
    pad = [(r * 0.86, h - 0.1), (r, h - 0.06), (r * 1.02, h + 0.02), (r * 0.95, h + 0.07)]
    item.add(item.plain(turned(pad), 0.94), seat_top(item, r * 0.95, h + 0.07))
    if f.rng("back").random() < 0.5:
        arc = [(math.sin(a) * r, h + 0.36, -math.cos(a) * r) for a in np.linspace(-1.2, 1.2, 9)]
        for k in (1, 7):
            x, _, z = arc[k]
            item.add(Surface(tube([(x * 0.95, h, z * 0.95), (x, h + 0.32, z)], 0.024, 8, 2), frame(item), SATIN))
        item.add(item.plain(tube(arc, 0.09, 10, 3, flat=0.35)))


def dining_chair(item: Item) -> None:
    f = item.finish
    w, d, seat, h = 0.48, 0.46, 0.92, f.between("h", 1.85, 2.0)
    tone = frame(item)
    square = f.rng("square").random() < 0.6
    lean = f.between("lean", 0.08, 0.18)
    for x in (-1.0, 1.0):
        item.add(leg(item, (x * w * 0.9, seat - 0.08, d * 0.88), (x * w * 0.94, 0, d * 0.94), 0.055, tone, square))
        back = [
            (x * w * 0.92, 0, -d * 1.02),
            (x * w * 0.9, seat * 0.6, -d * 0.9),
            (x * w * 0.9, seat, -d * 0.9),
            (x * w * 0.88, h, -d * 0.9 - lean),
        ]
        item.add(Surface(tube(back[:3], 0.05, 10, 2), tone, SATIN))
        item.add(Surface(tube(back[2:], (0.05, 0.042), 10, 3), tone, SATIN))
    base = item.plain(cushion((w * 2.06, 0.12, d * 2.06), (0, seat - 0.05, 0), 8.0, 0.4), 0.9)
    item.add(
        base,
        item.second(cushion((w * 1.96, 0.12, d * 1.9), (0, seat + 0.05, 0.01), 5.0, 0.5), "seat")
        if f.pattern == "seat"
        else flat_top(item, (-w * 0.95, w * 0.95), (-d * 0.94, d * 0.96), seat + 0.012),
    )
    kind = f.rng("back").choice(("slats", "panel", "ladder")) if f.kind == "wood" else "panel"

    def at(y: float) -> float:
        return -d * 0.9 - lean * (y - seat) / (h - seat)

    if kind == "panel":
        low, top = seat + 0.34, h - 0.02
        rows = np.linspace(low, top, 9)
        front = np.array([[(x, y, at(y) + 0.06) for x in np.linspace(-w * 0.86, w * 0.86, 9)] for y in rows])
        solid = box((-w * 0.88, w * 0.88), (low - 0.01, top + 0.01), (-0.06, 0.055), 0.015)
        solid[..., 2] += -d * 0.9 - lean * (solid[..., 1] - seat) / (h - seat)
        item.add(item.plain(solid, 0.92, True), main(front, f, u=(0.0, 0.999)))
        return
    item.add(
        wooden(spun(box((-w * 0.95, w * 0.95), (h - 0.16, h), (-0.04, 0.04)), "x", 0) + (0, 0, at(h - 0.08)), item)
    )
    if kind == "slats":
        for x in np.linspace(-0.66, 0.66, 5):
            item.add(
                Surface(tube([(x * w, seat, at(seat)), (x * w, h - 0.14, at(h - 0.14))], 0.034, 8, 2), tone, SATIN)
            )
    else:
        for y in np.linspace(seat + 0.3, h - 0.42, 3):
            item.add(wooden(box((-w * 0.9, w * 0.9), (y, y + 0.11), (-0.03, 0.03)) + (0, 0, at(y)), item))


def upholstered(item: Item, w: float, seats: int) -> None:
    """An armchair or sofa: base, arms, back and cushions, on short legs."""
    f = item.finish
    d, low, seat = 0.52, f.between("legs", 0.14, 0.24), 0.58
    arm, high, back = f.between("arm", 0.17, 0.24), f.between("armhigh", 0.76, 0.9), f.between("back", 1.1, 1.3)
    round_arm = f.rng("arm").random() < 0.5
    tone = f.accent if f.pattern == "legs" else f.rng("legs").choice(WOODS)
    for x in (-1.0, 1.0):
        for z in (-1.0, 1.0):
            item.add(
                leg(item, (x * (w - 0.1), low + 0.02, z * (d - 0.1)), (x * (w - 0.06), 0, z * (d - 0.06)), 0.05, tone)
            )
    item.add(
        item.plain(
            cushion(((w - arm) * 2, seat - low - 0.12, d * 1.96), (0, (seat + low - 0.12) / 2, 0), 9.0, 0.2), 0.9
        )
    )
    item.add(
        item.main(
            cushion(
                ((w - arm * 0.5) * 2, back - low, 0.3),
                (0, (back + low) / 2, -d + 0.1),
                6.0,
                0.22 if round_arm else 0.12,
            ),
            v=(0.2, 0.85),
        )
    )
    for x in (-1.0, 1.0):
        body = cushion(
            (arm, high - low, d * 2 - 0.02), (x * (w - arm / 2), (high + low) / 2, 0), 7.0, 0.24 if round_arm else 0.1
        )
        item.add(item.main(body, v=(0.12, 0.8)))
    wide = (w - arm) * 2 / seats
    for k in range(seats):
        x = -(w - arm) + wide * (k + 0.5)
        soft = cushion((wide - 0.015, 0.2, d * 1.66), (x, seat, 0.14), 6.0, 0.5)
        item.add(item.second(soft, "seat", 1.04) if f.pattern == "seat" else item.main(soft, v=(0.3, 0.9)))
        pad = spun(
            cushion((wide - 0.03, 0.5, 0.17), (x, seat + 0.36, -d + 0.33), 5.0, 0.5),
            "x",
            0.14,
            (x, seat + 0.1, -d + 0.3),
        )
        item.add(item.second(pad, "seat", 1.02) if f.pattern == "seat" else item.main(pad, v=(0.2, 0.8)))
    if f.pattern == "trim":
        for x in (-1.0, 1.0):
            throw = cushion((0.34, 0.34, 0.14), (x * (w - arm - 0.2), seat + 0.3, -d + 0.52), 4.0, 0.5)
            item.add(Surface(spun(throw, "z", 0.4 * x, (x * (w - arm - 0.2), seat + 0.3, 0)), f.accent, MATT))


def armchair(item: Item) -> None:
    upholstered(item, item.finish.between("w", 0.64, 0.74), 1)


def sofa(item: Item) -> None:
    upholstered(item, item.finish.between("w", 1.15, 1.35), item.finish.rng("seats").choice((2, 2, 3)))


def bench(item: Item) -> None:
    f = item.finish
    w, d, seat = f.between("w", 1.05, 1.25), 0.34, 0.62
    tone = frame(item)
    for x in (-1.0, 1.0):
        for z in (-1.0, 1.0):
            item.add(
                leg(
                    item,
                    (x * (w - 0.16), seat - 0.05, z * (d - 0.08)),
                    (x * (w - 0.12), 0, z * (d - 0.05)),
                    0.055,
                    tone,
                    True,
                )
            )
        item.add(
            Surface(
                box((x * (w - 0.16) - 0.045, x * (w - 0.16) + 0.045), (seat - 0.12, seat - 0.05), (-d + 0.1, d - 0.1)),
                lit(tone, 0.9),
                SATIN,
                flat=True,
            )
        )
    count = f.rng("boards").choice((1, 3, 4))
    wide = d * 2 / count
    for k in range(count):
        z = -d + wide * k
        board = item.plain(box((-w, w), (seat - 0.05, seat + 0.02), (z + 0.012, z + wide - 0.012)), 0.96, True)
        item.add(board, flat_top(item, (-w + 0.01, w - 0.01), (z + 0.02, z + wide - 0.02), seat + 0.021))
    if f.pattern == "seat":
        item.groups[-1].append(
            Surface(
                cushion(
                    (w * 1.9, 0.1, d * 1.9), (0, seat + 0.07, -d + wide * (count - 0.5) if count == 1 else 0), 6.0, 0.5
                ),
                f.accent,
                MATT,
            )
        )
    if f.rng("back").random() < 0.5:
        for x in (-1.0, 0.0, 1.0):
            item.add(
                Surface(
                    box(
                        (x * (w - 0.14) - 0.045, x * (w - 0.14) + 0.045),
                        (seat - 0.05, seat + 0.66),
                        (-d - 0.08, -d - 0.01),
                    ),
                    lit(tone, 0.92),
                    SATIN,
                    flat=True,
                )
            )
        for y in (seat + 0.2, seat + 0.44):
            item.add(wooden(box((-w, w), (y, y + 0.17), (-d, -d + 0.05)), item))


def rocking_chair(item: Item) -> None:
    f = item.finish
    w, d, seat, h = 0.46, 0.46, 0.78, f.between("h", 1.75, 1.95)
    tone = frame(item)
    for x in (-1.0, 1.0):
        runner = [
            (x * w, 0.2, 0.86),
            (x * w, 0.05, 0.45),
            (x * w, 0.02, 0.0),
            (x * w, 0.06, -0.5),
            (x * w, 0.24, -0.95),
        ]
        item.add(Surface(tube(runner, 0.055, 10, 4), tone, SATIN))
        for z in (-0.9, 0.86):
            item.add(leg(item, (x * w * 0.9, seat - 0.04, z * d), (x * w, 0.05, z * d * 1.05), 0.05, tone))
        arm = [
            (x * w * 1.02, seat + 0.42, -d * 1.1),
            (x * w * 1.08, seat + 0.4, 0),
            (x * w * 1.1, seat + 0.39, d * 0.96),
        ]
        item.add(Surface(tube(arm, 0.06, 10, 3, flat=0.9), tone, SATIN))
        item.add(
            Surface(
                tube([(x * w * 1.06, seat + 0.36, d * 0.8), (x * w * 0.98, seat, d * 0.8)], 0.038, 8, 2), tone, SATIN
            )
        )
    item.add(
        item.plain(cushion((w * 2.05, 0.1, d * 2.05), (0, seat - 0.02, 0), 6.0, 0.4), 0.95),
        item.second(cushion((w * 1.8, 0.13, d * 1.8), (0, seat + 0.08, 0), 5.0, 0.5), "seat")
        if f.pattern == "seat"
        else flat_top(item, (-w * 0.96, w * 0.96), (-d * 0.96, d * 0.96), seat + 0.03),
    )
    lean = 0.36

    def at(y: float) -> float:
        return -d * 0.95 - lean * (y - seat) / (h - seat)

    for x in np.linspace(-0.86, 0.86, 7):
        wide = 0.05 if abs(x) > 0.8 else 0.028
        item.add(
            Surface(tube([(x * w, seat, at(seat)), (x * w * 1.04, h - 0.1, at(h - 0.1))], wide, 8, 2), tone, SATIN)
        )
    crest = box((-w * 1.06, w * 1.06), (h - 0.2, h), (-0.04, 0.04), 0.02) + (0, 0, at(h - 0.1))
    item.add(wooden(crest, item) if f.pattern != "band" else Surface(crest, f.accent, SATIN, flat=True))


def pouf(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.86, 0.98), f.between("h", 0.78, 0.98)
    if f.rng("shape").random() < 0.6:
        profile = [
            (0.0, 0.0),
            (r * 0.8, 0.0),
            (r * 0.93, h * 0.08),
            (r, h * 0.3),
            (r, h * 0.6),
            (r * 0.95, h * 0.84),
            (r * 0.78, h * 0.97),
            (r * 0.4, h),
            (0.0, h * 0.99),
        ]
        grid = turned(np.concatenate([profile[:2], smooth(profile[1:], 3)]))
    else:
        grid = cushion((r * 1.9, h, r * 1.9), (0, h / 2, 0), 4.5, 0.24)
    body = main(grid, f, v=(0.16, 0.78))
    seams = field_of(grid, (0.0, 1.0), (0.12, 0.96))
    if f.kind in ("leather", "fabric") and f.pattern in ("plain", "trim"):
        count = 8
        lines = np.concatenate(
            [
                sheet((k * seams.width / count - 0.012, k * seams.width / count + 0.012), (0, seams.height))
                for k in range(1, count + 1)
            ]
        )
        body.marks.append(Marks(f.accent if f.pattern == "trim" else f.near(0.66), seams.put(lines)))
    item.add(body)


def office_chair(item: Item) -> None:
    f = item.finish
    seat, w, d = 0.88, 0.48, 0.46
    dark_tone: Colour = (
        f.accent if f.pattern in ("legs", "base") else f.rng("base").choice(((46, 46, 50), (150, 154, 158)))
    )
    first = item.rng.uniform(0, 1.2)
    star: list[tuple[float, list[Surface]]] = []
    for k in range(5):
        a = first + k * 2 * math.pi / 5
        x, z = math.cos(a), math.sin(a)
        wheel = spun(turned([(0, -0.035), (0.07, -0.035), (0.07, 0.035), (0, 0.035)], 16), "z", math.pi / 2) + (
            x * 0.52,
            0.07,
            z * 0.52,
        )
        arm = tube([(x * 0.04, 0.2, z * 0.04), (x * 0.5, 0.13, z * 0.5)], (0.06, 0.04), 8, 2)
        star.append((z, [Surface(wheel, (36, 36, 40), SATIN), Surface(arm, dark_tone, SATIN)]))
    item.add(*(s for _, pair in sorted(star, key=lambda p: p[0]) for s in pair))
    item.add(Surface(turned([(0.07, 0.16), (0.07, 0.4), (0.045, 0.42), (0.045, seat - 0.08)], 20), dark_tone, METAL))
    pad = cushion((w * 2, 0.17, d * 2), (0, seat, 0), 4.5, 0.5)
    item.add(item.second(pad, "seat") if f.pattern == "seat" else item.plain(pad, 0.95))
    item.add(
        Surface(
            tube([(0, seat - 0.04, -d * 0.8), (0, seat + 0.1, -d * 1.12), (0, seat + 0.5, -d * 1.12)], 0.06, 8, 3),
            dark_tone,
            SATIN,
        )
    )
    high = f.between("back", 0.72, 0.95)
    back = cushion((w * 1.86, high, 0.14), (0, seat + 0.2 + high / 2, -d * 0.98), 4.0, 0.14)
    item.add(main(back, f, v=(0.16, 0.86)))
    if f.rng("arms").random() < 0.6:
        for x in (-1.0, 1.0):
            item.add(
                Surface(
                    tube(
                        [(x * w * 0.96, seat, 0), (x * w * 1.14, seat + 0.2, 0), (x * w * 1.12, seat + 0.36, 0.02)],
                        0.035,
                        8,
                        3,
                    ),
                    dark_tone,
                    SATIN,
                )
            )
            item.add(
                Surface(cushion((0.11, 0.06, 0.5), (x * w * 1.12, seat + 0.39, 0.02), 5.0, 0.5), (48, 48, 52), SATIN)
            )


FORMS = {
    "seat-stool": Form(stool, OUTDOOR, yaw=(-0.8, 0.8), rise=(0.22, 0.55)),
    "seat-bar-stool": Form(bar_stool, ROOM, yaw=(-0.8, 0.8), rise=(0.22, 0.5), behind=0.15),
    "seat-dining-chair": Form(dining_chair, OUTDOOR, yaw=(-0.85, 0.85), rise=(0.12, 0.42), behind=0.1),
    "seat-armchair": Form(armchair, ROOM, yaw=(-0.75, 0.75), rise=(0.14, 0.42)),
    "seat-sofa": Form(sofa, ROOM, yaw=(-0.6, 0.6), rise=(0.14, 0.4)),
    "seat-bench": Form(bench, OUTDOOR, yaw=(-0.75, 0.75), rise=(0.18, 0.48)),
    "seat-rocking-chair": Form(rocking_chair, OUTDOOR, yaw=(-0.95, 0.95), rise=(0.12, 0.4)),
    "seat-pouf": Form(pouf, (*ROOM, "patio"), yaw=(-0.8, 0.8), rise=(0.2, 0.55)),
    "seat-office-chair": Form(office_chair, ROOM, yaw=(-0.95, 0.95), rise=(0.12, 0.4), behind=0.12),
}
