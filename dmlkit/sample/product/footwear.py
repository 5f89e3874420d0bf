"""Footwear: sneaker, high-top, ankle boot, rubber boot, pump, ballet flat, clog."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dmlkit.sample.colours import Colour, lit
from dmlkit.sample.product.item import Form, Item, dark
from dmlkit.sample.product.patterns import field_of, main, sheet
from dmlkit.sample.product.solid import SATIN, Grid, Marks, Surface, loft, tube
from dmlkit.sample.shapes import Points, curve

GROUND = ("studio", "studio", "studio", "floor", "floor", "rug", "patio", "shelf")

OUTLINE: Points = curve(
    [(-1.0, 0.0), (-0.95, 0.2), (-0.7, 0.29), (-0.2, 0.25), (0.25, 0.32), (0.6, 0.36), (0.88, 0.26), (1.0, 0.04)], 4
)
"""Half the outline of a foot seen from above: x from heel to toe, half breadth."""


def half_breadth(x: float) -> float:
    return float(np.interp(x, OUTLINE[:, 0], OUTLINE[:, 1]))


def slab(y: Sequence[tuple[float, float]], grow: float = 0.0, lift: float = 0.0, columns: int = 44) -> Grid:
    """A sole: levels (height, growth) of the outline of a foot; ``lift`` raises the toe."""
    angle = (np.arange(columns + 1) / columns - 0.5) * (2 * math.pi)
    x = np.sin(angle)
    half = np.array([half_breadth(v) for v in x])
    z = np.where(np.cos(angle) >= 0, half, -half)
    rows = []
    for height, more in y:
        scale = 1 + more + grow
        up = height + lift * np.clip(x - 0.3, 0, 1) ** 2
        rows.append(np.stack([x * scale, up, z * scale * (1 + more)], axis=1))
    first, last = rows[0].copy(), rows[-1].copy()
    first[:, [0, 2]] *= 0.01
    last[:, [0, 2]] *= 0.01
    return np.array([first, *rows, last])


def upper(
    heights: Sequence[tuple[float, float]],
    base: float,
    power: float = 2.6,
    lift: float = 0.0,
    narrow: float = 0.96,
    rows: int = 26,
) -> Grid:
    """The upper of a shoe from heel to toe: ``heights`` are (x, height above the sole) of its upper line.

    Rows run from the heel to the toe, columns from the far side of the sole over the top to the near one.
    """
    line = curve(heights, 6)
    ends = np.linspace(-1, 1, rows)
    xs = np.sign(ends) * np.abs(ends) ** 0.72 * 0.985
    a = np.linspace(math.pi, 0, 25)
    ring_z, ring_y = np.sign(np.cos(a)) * np.abs(np.cos(a)) ** (2 / power), np.abs(np.sin(a)) ** (2 / power)
    out = []
    for x in xs:
        high = float(np.interp(x, line[:, 0], line[:, 1]))
        half = half_breadth(float(x)) * narrow
        foot = base + lift * max(x - 0.3, 0) ** 2
        out.append(np.stack([np.full(25, x), foot + ring_y * high, ring_z * half], axis=1))
    closed = [out[0] * (1, 1, 0), *out, out[-1] * (1, 1, 0)]
    return np.array(closed)


def opening(item: Item, shoe: Surface, rows: tuple[float, float], wide: float, tone: Colour | None = None) -> None:
    """The dark opening for the foot on the upper side of an upper, with a padded rim."""
    angle = np.linspace(0, 2 * math.pi, 30)[:-1]
    middle, half = (rows[0] + rows[1]) / 2, (rows[1] - rows[0]) / 2
    for size, colour in ((1.0, tone or item.finish.near(0.72)), (0.84, (46, 40, 38))):
        ring = np.stack([0.5 + np.sin(angle) * wide * size, middle + np.cos(angle) * half * size], axis=1)
        shoe.marks.append(Marks(colour, ring[None], 1.0, 0.6))


def side_marks(shoe: Surface, colour: Colour, bars: Sequence[tuple[float, float, float]]) -> None:
    """Slanting bars on both sides of an upper: v at the sole, v above and breadth."""
    shapes = []
    for low, high, wide in bars:
        for u0, u1 in ((0.06, 0.3), (0.94, 0.7)):
            us, vs = np.linspace(u0, u1, 5), np.linspace(low, high, 5)
            for k in range(4):
                shapes.append(
                    [(us[k], vs[k]), (us[k + 1], vs[k + 1]), (us[k + 1], vs[k + 1] + wide), (us[k], vs[k] + wide)]
                )
    shoe.marks.append(Marks(colour, np.array(shapes)))


def laces(item: Item, shoe: Surface, rows: tuple[float, float], colour: Colour, count: int = 5) -> None:
    """The tongue with laces across it."""
    v = np.linspace(*rows, count)
    tongue = np.array(
        [[(0.41, rows[0] - 0.03), (0.59, rows[0] - 0.03), (0.56, rows[1] + 0.04), (0.44, rows[1] + 0.04)]]
    )
    shoe.marks.append(Marks(item.finish.near(0.82), tongue))
    bars = np.array(
        [
            [
                (0.36, a + s),
                (0.5, a + 0.012),
                (0.64, a - s + 0.012),
                (0.64, a + 0.028 - s),
                (0.5, a + 0.03),
                (0.36, a + 0.02 + s),
            ]
            for a in v
            for s in (0.008, -0.008)
        ]
    )
    shoe.marks.append(Marks(colour, bars))


def sole_colour(item: Item) -> Colour:
    f = item.finish
    if f.pattern == "sole":
        return f.accent
    return f.rng("sole").choice(((238, 236, 228), (238, 236, 228), (58, 52, 50), (196, 160, 112)))


def put_pattern(item: Item, shoe: Surface) -> None:
    """The parts of the pattern that are special to shoes."""
    f = item.finish
    if f.pattern == "toe cap":
        area = field_of(shoe.grid, (0.0, 1.0), (0.8, 1.0))
        shoe.marks.append(Marks(f.accent, area.put(sheet((0, area.width), (0, area.height)))))
    if f.pattern == "side stripes":
        side_marks(shoe, f.accent, [(0.5, 0.46, 0.03), (0.57, 0.53, 0.03), (0.64, 0.6, 0.03)])


def shoe_of(item: Item, grid: Grid, v: tuple[float, float] = (0.08, 0.86)) -> Surface:
    """An upper with the finish; single figures stand on both sides."""
    out = main(grid, item.finish, u=(0.02, 0.98), v=v, centres=(0.2, 0.8))
    put_pattern(item, out)
    return out


def sneaker(item: Item) -> None:
    f = item.finish
    tone = sole_colour(item)
    high = f.between("high", 0.5, 0.58)
    shoe = shoe_of(
        item,
        upper(
            [
                (-1, 0.34),
                (-0.9, high),
                (-0.6, high - 0.05),
                (-0.25, high - 0.02),
                (0.0, high - 0.06),
                (0.45, 0.3),
                (0.8, 0.22),
                (1.0, 0.02),
            ],
            0.16,
            lift=0.06,
        ),
    )
    if f.pattern == "trim":
        side_marks(shoe, f.accent, [(0.06, 0.06, 0.1)])
    laces(item, shoe, (0.5, 0.7), f.accent if f.pattern in ("toe cap", "trim") else (240, 238, 232))
    opening(item, shoe, (0.07, 0.46), 0.23)
    shoe.marks.append(
        Marks(
            f.near(0.7),
            np.array(
                [
                    [(u0, 0.0), (u1, 0.0), (u1, 0.06), (u0, 0.06)]
                    for u0, u1 in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0))
                ]
            ),
        )
    )
    sole = Surface(slab([(0.0, 0.0), (0.03, 0.04), (0.13, 0.05), (0.2, 0.02)], lift=0.06), tone, SATIN)
    line = field_of(sole.grid, (0.0, 1.0), (0.44, 0.5))
    sole.marks.append(Marks(lit(tone, 0.7), line.put(sheet((0, line.width), (0, line.height)))))
    item.add(sole, shoe)


def shaft(item: Item, sections: Sequence[Sequence[float]], power: float = 2.2) -> list[Surface]:
    """A shaft, open above: inner side, outer side with the finish, rim."""
    outer = loft(sections, power)
    top = sections[-1]
    low = [top[0] - 0.4, top[1] * 0.8, top[2] * 0.8, top[3], 0.0]
    inner = loft([[top[0], top[1] - 0.03, top[2] - 0.03, top[3], 0.0], low, [low[0], 0, 0, low[3], 0]], power)
    return [
        Surface(inner, dark(item.finish.base), SATIN, dim=(1.5, 0.7), casts=False),
        item.main(outer, v=(0.04, 0.92), centres=(0.25, 0.75)),
    ]


def high_top(item: Item) -> None:
    f = item.finish
    tone = sole_colour(item)
    shoe = shoe_of(
        item,
        upper(
            [(-1, 0.4), (-0.9, 0.5), (-0.5, 0.54), (-0.1, 0.5), (0.1, 0.4), (0.5, 0.3), (0.8, 0.24), (1.0, 0.04)],
            0.18,
            lift=0.05,
        ),
    )
    laces(item, shoe, (0.56, 0.72), (240, 238, 232), 4)
    if f.pattern != "toe cap":
        area = field_of(shoe.grid, (0.0, 1.0), (0.86, 1.0))
        shoe.marks.append(Marks((238, 236, 228), area.put(sheet((0, area.width), (0, area.height)))))
    h = f.between("shaft", 1.02, 1.16)
    parts = shaft(
        item,
        [
            (0.2, 0.42, 0.27, -0.56, 0),
            (0.36, 0.43, 0.275, -0.54, 0),
            (0.52, 0.43, 0.27, -0.53, 0),
            (0.7, 0.42, 0.27, -0.53, 0),
            (h - 0.12, 0.38, 0.27, -0.56, 0),
            (h, 0.39, 0.28, -0.56, 0),
        ],
    )
    outer = parts[1]
    bars = [
        [(0.7, v), (0.75, v - 0.02), (0.8, v), (0.8, v + 0.05), (0.75, v + 0.03), (0.7, v + 0.05)]
        for v in np.linspace(0.55, 0.9, 5)
    ]
    outer.marks.append(Marks((240, 238, 232), np.array(bars)))
    badge = np.stack(
        [np.cos(np.linspace(0, 6.2, 18)) * 0.05 + 0.5, np.sin(np.linspace(0, 6.2, 18)) * 0.1 + 0.78], axis=1
    )
    outer.marks.append(
        Marks(
            f.accent if f.pattern in ("sole", "star", "toe cap") else (238, 236, 228),
            np.array([badge, badge + (0.5, 0), badge - (0.5, 0)]),
        )
    )
    item.add(
        Surface(slab([(0.0, 0.0), (0.03, 0.03), (0.16, 0.04), (0.23, 0.015)], lift=0.05), tone, SATIN), shoe, *parts
    )


def heeled_sole(item: Item, thick: float, heel: float, tone: Colour) -> None:
    """A sole with a block under the heel."""
    block = loft([(0.0, 0.3, 0.25, -0.66, 0), (heel, 0.33, 0.27, -0.66, 0), (heel + 0.01, 0, 0, -0.66, 0)], 3.0, 30)
    item.add(Surface(block, lit(tone, 0.85), SATIN))
    sole = slab([(heel, -0.01), (heel + 0.02, 0.02), (heel + thick, 0.02)])
    sole[..., 1] -= heel * np.clip((sole[..., 0] + 0.3) / 0.5, 0, 1) ** 1.2
    item.add(Surface(sole, tone, SATIN))


def ankle_boot(item: Item) -> None:
    f = item.finish
    heel = f.between("heel", 0.18, 0.34)
    tone = f.accent if f.pattern == "sole" else f.rng("sole").choice(((54, 44, 40), (120, 82, 52)))
    heeled_sole(item, 0.07, heel, tone)
    grid = upper(
        [(-1, 0.4), (-0.9, 0.5), (-0.5, 0.56), (-0.1, 0.5), (0.15, 0.36), (0.5, 0.26), (0.8, 0.2), (1.0, 0.03)],
        heel + 0.06,
    )
    grid[..., 1] -= heel * np.clip((grid[..., 0] + 0.3) / 0.5, 0, 1) ** 1.2
    h = heel + f.between("shaft", 1.0, 1.2)
    parts = shaft(
        item,
        [
            (heel + 0.1, 0.38, 0.255, -0.585, 0),
            (heel + 0.3, 0.42, 0.265, -0.55, 0),
            (heel + 0.45, 0.41, 0.26, -0.53, 0),
            (heel + 0.62, 0.385, 0.26, -0.54, 0),
            (h - 0.2, 0.37, 0.27, -0.58, 0),
            (h, 0.4, 0.28, -0.58, 0),
        ],
    )
    gore = np.array([[(u - 0.04, 0.42), (u + 0.04, 0.42), (u + 0.07, 0.98), (u - 0.07, 0.98)] for u in (0.5, 0.0, 1.0)])
    if f.pattern in ("plain", "sole", "toe cap", "trim") and f.rng("gore").random() < 0.7:
        parts[1].marks.append(Marks(f.accent if f.pattern == "trim" else f.near(0.62), gore))
    loop = item.plain(tube([(-0.94, h - 0.1, 0), (-1.02, h + 0.06, 0), (-0.93, h + 0.02, 0)], 0.035), 0.8)
    item.add(shoe_of(item, grid), loop, *parts)


def rubber_boot(item: Item) -> None:
    f = item.finish
    tone = f.accent if f.pattern == "sole" else f.near(0.6) if f.rng("sole").random() < 0.5 else (212, 176, 120)
    item.add(Surface(slab([(0.0, 0.0), (0.02, 0.03), (0.13, 0.03)], lift=0.03), tone, SATIN))
    grid = upper(
        [(-1, 0.4), (-0.9, 0.5), (-0.5, 0.56), (-0.1, 0.54), (0.15, 0.42), (0.5, 0.34), (0.8, 0.28), (1.0, 0.05)],
        0.11,
        lift=0.03,
    )
    h = f.between("shaft", 1.5, 1.75)
    parts = shaft(
        item,
        [
            (0.14, 0.4, 0.27, -0.57, 0),
            (0.34, 0.44, 0.285, -0.53, 0),
            (0.5, 0.45, 0.28, -0.5, 0),
            (0.72, 0.41, 0.28, -0.51, 0),
            (h * 0.6, 0.37, 0.29, -0.55, 0),
            (h - 0.06, 0.4, 0.32, -0.54, 0),
            (h, 0.4, 0.32, -0.54, 0),
        ],
    )
    if f.pattern in ("trim", "plain", "sole"):
        rim = field_of(parts[1].grid, (0.0, 1.0), (0.9, 1.0))
        parts[1].marks.append(
            Marks(f.accent if f.pattern == "trim" else f.near(0.7), rim.put(sheet((0, rim.width), (0, rim.height))))
        )
    item.add(shoe_of(item, grid), *parts)


def pump(item: Item) -> None:
    f = item.finish
    rise = f.between("heel", 0.6, 0.85)
    power = f.between("toe", 1.1, 1.5)

    def foot(x: Points) -> Points:
        t = np.clip((0.4 - x) / 1.2, 0, 1)
        return np.asarray(rise * t * t * (3 - 2 * t))

    heel = tube(
        [(-0.9, 0.0, 0), (-0.88, rise * 0.4, 0), (-0.84, rise * 0.75, 0), (-0.72, rise * 1.02, 0)],
        (0.06, 0.065, 0.1, 0.2),
        14,
    )
    item.add(item.second(heel, "sole", 0.9))
    sole = slab([(0.0, -0.06), (0.05, -0.04)])
    grid = upper(
        [(-1, 0.3), (-0.9, 0.36), (-0.6, 0.24), (-0.1, 0.12), (0.2, 0.13), (0.42, 0.22), (0.7, 0.2), (1.0, 0.02)],
        0.05,
        power=2.0,
        narrow=0.88,
    )
    for g in (sole, grid):
        g[..., 2] *= np.where(g[..., 0] > 0.4, np.clip(1 - ((g[..., 0] - 0.4) / 0.62) ** 2 * (power - 1), 0.1, 1), 1.0)
        g[..., 1] += foot(g[..., 0])
    shoe = shoe_of(item, grid, (0.02, 0.95))
    ring = [
        (0.2, 0.06),
        (0.19, 0.2),
        (0.14, 0.4),
        (0.16, 0.56),
        (0.3, 0.68),
        (0.5, 0.72),
        (0.7, 0.68),
        (0.84, 0.56),
        (0.86, 0.4),
        (0.81, 0.2),
        (0.8, 0.06),
        (0.5, 0.02),
    ]
    shoe.marks.append(Marks(f.near(0.6), curve(ring, 3)[None]))
    inner = np.array([(0.5 + (u - 0.5) * 0.9, 0.05 + v * 0.92) for u, v in ring])
    shoe.marks.append(Marks((206, 176, 140), curve(inner, 3)[None]))
    item.add(Surface(sole, f.accent if f.pattern == "sole" else (96, 64, 48), SATIN), shoe)
    if f.pattern == "trim" or f.rng("bow").random() < 0.3:
        tone = f.accent
        bow = [
            tube(
                [(0.36, 0.3, 0), (0.4, 0.36, s * 0.14), (0.36, 0.31, s * 0.2), (0.34, 0.28, s * 0.02)],
                (0.03, 0.06, 0.05, 0.02),
            )
            for s in (-1, 1)
        ]
        item.groups[-1] += [Surface(g, tone, SATIN, casts=False) for g in bow]


def ballet_flat(item: Item) -> None:
    f = item.finish
    item.add(Surface(slab([(0.0, 0.0), (0.05, 0.01)]), f.accent if f.pattern == "sole" else (110, 78, 56), SATIN))
    deep = f.between("deep", 0.24, 0.3)
    grid = upper(
        [(-1, 0.28), (-0.9, 0.34), (-0.5, 0.27), (0.0, 0.2), (0.36, deep), (0.7, 0.2), (1.0, 0.02)], 0.05, power=2.3
    )
    shoe = shoe_of(item, grid, (0.02, 0.95))
    ring = [
        (0.24, 0.07),
        (0.2, 0.24),
        (0.17, 0.42),
        (0.2, 0.56),
        (0.33, 0.68),
        (0.5, 0.71),
        (0.67, 0.68),
        (0.8, 0.56),
        (0.83, 0.42),
        (0.8, 0.24),
        (0.76, 0.07),
        (0.5, 0.04),
    ]
    shoe.marks.append(Marks(f.accent if f.pattern == "trim" else f.near(0.62), curve(ring, 3)[None]))
    inner = np.array([(0.5 + (u - 0.5) * 0.88, 0.035 + v * 0.925) for u, v in ring])
    shoe.marks.append(Marks((214, 188, 154), curve(inner, 3)[None]))
    item.add(shoe)
    if f.rng("bow").random() < 0.6 or f.pattern == "trim":
        y = 0.05 + deep
        bow = [
            tube(
                [(0.52, y - 0.03, 0), (0.56, y + 0.04, s * 0.12), (0.52, y, s * 0.19), (0.5, y - 0.04, s * 0.02)],
                (0.03, 0.055, 0.045, 0.02),
            )
            for s in (-1, 1)
        ]
        item.groups[-1] += [
            Surface(g, f.accent if f.pattern != "plain" else f.near(0.8), SATIN, casts=False) for g in bow
        ]


def clog(item: Item) -> None:
    f = item.finish
    wood: Colour = f.accent if f.pattern == "sole" else (206, 166, 112)
    heeled_sole(item, 0.16, 0.2, wood)
    line = [(-0.3, 0.3), (-0.2, 0.36), (0.05, 0.44), (0.4, 0.38), (0.75, 0.28), (1.0, 0.04)]
    whole = upper(line, 0.3, power=2.4, rows=34)
    whole[..., 1] -= 0.2 * np.clip((whole[..., 0] + 0.3) / 0.5, 0, 1) ** 1.2
    front = whole[whole[:, 0, 0] > -0.2]
    inner = Surface(front[:, ::-1], dark(f.base), SATIN, dim=(0.9, 1.4), casts=False)
    shoe = main(front, f, u=(0.04, 0.96), v=(0.1, 0.9), centres=(0.5,))
    if f.pattern in ("toe cap", "side stripes"):
        put_pattern(item, shoe)
    edge = field_of(front, (0.0, 1.0), (0.0, 0.05))
    shoe.marks.append(
        Marks(f.accent if f.pattern == "trim" else f.near(0.7), edge.put(sheet((0, edge.width), (0, edge.height))))
    )
    studs = [
        [(u + 0.008 * math.cos(a), v + 0.012 * math.sin(a)) for a in np.linspace(0, 5.4, 7)]
        for u in (0.03, 0.97)
        for v in np.linspace(0.06, 0.9, 9)
    ]
    shoe.marks.append(Marks((206, 178, 110), np.array(studs)))
    item.add(inner, shoe)


FORMS = {
    name: Form(build, GROUND, yaw=(-0.75, 0.1 if name == "footwear-clog" else 0.5), rise=(0.14, 0.5), behind=0.5)
    for name, build in {
        "footwear-sneaker": sneaker,
        "footwear-high-top": high_top,
        "footwear-ankle-boot": ankle_boot,
        "footwear-rubber-boot": rubber_boot,
        "footwear-pump": pump,
        "footwear-ballet-flat": ballet_flat,
        "footwear-clog": clog,
    }.items()
}
