"""Lamps: table lamp, floor lamp, desk lamp, pendant lamp, lantern, mushroom lamp, candlestick."""

from __future__ import annotations

import math

import numpy as np

from dmlkit.sample.colours import Colour, mix
from dmlkit.sample.product.item import Form, Item
from dmlkit.sample.product.patterns import main
from dmlkit.sample.product.solid import GLOSSY, MATT, METAL, SATIN, Material, Surface, box, smooth, spun, tube, turned
from dmlkit.sample.shapes import Pairs

BRASS: Colour = (204, 168, 88)
BULB: Colour = (255, 240, 200)


def stand(item: Item) -> tuple[Colour, Material]:
    """Colour and material of the base: the second colour, or brass, black or wood by product."""
    f = item.finish
    if f.pattern == "base":
        return f.accent, SATIN
    return f.rng("stand").choice(
        (
            (BRASS, METAL),
            ((52, 50, 52), SATIN),
            ((188, 192, 196), METAL),
            ((176, 128, 82), SATIN),
            ((232, 228, 220), GLOSSY),
        )
    )


def shade(item: Item, profile: Pairs, on: bool, v: tuple[float, float] = (0.08, 0.92)) -> list[Surface]:
    """A lamp shade, open below and above: inner side, then outer side with the finish; it glows when it is on."""
    line = np.asarray(profile, dtype=np.float64)
    inner = Surface(
        turned(line[::-1] - (0.02, 0)),
        mix(item.finish.base, (250, 240, 220), 0.5),
        MATT,
        glow=0.75 if on else 0.0,
        dim=(0.8, 0.8),
        casts=False,
    )
    outer = main(turned(line), item.finish, v=v, centres=(0.0, 0.25, 0.5, 0.75, 1.0))
    outer.glow = (0.5 if item.finish.kind in ("fabric", "paper", "glass", "wicker") else 0.1) if on else 0.0
    return [inner, outer]


def lighted(item: Item) -> bool:
    return item.rng.random() < 0.45


def table_lamp(item: Item) -> None:
    f = item.finish
    tone, material = stand(item)
    low = f.between("low", 0.9, 1.05)
    shapes = (
        [
            (0.0, 0.0),
            (0.34, 0.0),
            (0.35, 0.04),
            *smooth([(0.2, 0.06), (0.34, 0.3), (0.3, 0.52), (0.08, 0.74)], 4),
            (0.05, low),
        ],
        [(0.0, 0.0), (0.38, 0.0), (0.38, 0.05), (0.1, 0.09), (0.05, 0.14), (0.05, low)],
        [
            (0.0, 0.0),
            (0.3, 0.0),
            (0.31, 0.05),
            *smooth([(0.16, 0.07), (0.24, 0.2), (0.12, 0.34), (0.22, 0.5), (0.06, 0.7)], 4),
            (0.05, low),
        ],
    )
    item.add(Surface(turned(f.rng("shape").choice(shapes), 36), tone, material))
    wide, narrow, h = f.between("wide", 0.6, 0.74), f.between("narrow", 0.36, 0.6), f.between("high", 0.68, 0.86)
    item.add(*shade(item, [(wide, low - 0.08), ((wide + narrow) / 2, low + h / 2), (narrow, low + h)], lighted(item)))


def floor_lamp(item: Item) -> None:
    f = item.finish
    tone, material = stand(item)
    top = 1.62
    if f.rng("legs").random() < 0.4:
        for k in range(3):
            a = k * 2 * math.pi / 3 + 0.5
            item.add(
                Surface(
                    tube([(0, top - 0.1, 0), (math.sin(a) * 0.42, 0, math.cos(a) * 0.42)], 0.028, 8, 3), tone, material
                )
            )
    else:
        item.add(Surface(turned([(0.0, 0.0), (0.3, 0.0), (0.3, 0.035), (0.06, 0.06)], 36), tone, material))
        item.add(Surface(turned([(0.024, 0.05), (0.024, top)], 14), tone, material))
    wide, narrow = f.between("wide", 0.36, 0.46), f.between("narrow", 0.22, 0.38)
    item.add(*shade(item, [(wide, top - 0.1), ((wide + narrow) / 2, top + 0.12), (narrow, top + 0.4)], lighted(item)))


def desk_lamp(item: Item) -> None:
    f = item.finish
    tone = f.accent if f.pattern == "base" else f.near(0.95)
    item.add(Surface(turned([(0.0, 0.0), (0.4, 0.0), (0.41, 0.05), (0.36, 0.08), (0.0, 0.1)], 40), tone, f.material))
    bend = f.between("bend", 0.24, 0.42)
    joint = (-bend, 0.95, 0.0)
    item.add(
        Surface(
            tube([(0, 0.08, 0), joint], 0.028, 8, 2), BRASS if f.rng("arm").random() < 0.4 else (186, 190, 194), METAL
        )
    )
    head = (0.34, 1.42, 0.0)
    item.add(Surface(tube([joint, head], 0.028, 8, 2), (186, 190, 194), METAL))
    knob = spun(turned([(0, -0.06), (0.055, -0.06), (0.055, 0.06), (0, 0.06)], 18), "x", math.pi / 2)
    item.add(Surface(knob + joint, tone, SATIN))
    on = lighted(item)
    line = np.concatenate(
        [smooth([(0.36, -0.34), (0.32, -0.16), (0.2, 0.02), (0.1, 0.1)], 4), [(0.09, 0.2), (0.0, 0.21)]]
    )
    tilt, at = f.between("tilt", 0.35, 0.6), (0.42, 1.4, 0.0)
    inner = Surface(
        spun(turned((line - (0.015, 0))[:13][::-1]), "z", tilt) + at,
        (246, 240, 226),
        SATIN,
        glow=0.9 if on else 0.0,
        casts=False,
    )
    bulb = Surface(
        spun(turned([(0.0, -0.36), (0.09, -0.31), (0.12, -0.22), (0.07, -0.1)], 20), "z", tilt) + at,
        BULB,
        SATIN,
        glow=1.0 if on else 0.4,
        casts=False,
    )
    outer = main(turned(line), f, v=(0.06, 0.66), centres=(0.0, 0.25, 0.5, 0.75, 1.0))
    outer.grid = spun(outer.grid, "z", tilt) + at
    item.add(inner, bulb, outer)


def pendant(item: Item) -> None:
    f = item.finish
    shapes = (
        smooth([(0.9, 0.0), (0.86, 0.2), (0.6, 0.5), (0.16, 0.72)], 5),
        np.array([(0.8, 0.0), (0.6, 0.3), (0.42, 0.58), (0.24, 0.82), (0.12, 0.86)]),
        smooth([(0.5, 0.0), (0.78, 0.22), (0.84, 0.5), (0.6, 0.82), (0.16, 0.98)], 5),
        np.array([(0.44, 0.0), (0.44, 0.3), (0.44, 0.6), (0.42, 0.8), (0.14, 0.92)]),
    )
    line = f.rng("shape").choice(shapes)
    top = float(line[-1, 1])
    on = lighted(item)
    bulb = Surface(
        turned([(0.0, 0.02), (0.1, 0.06), (0.14, 0.16), (0.06, 0.32)], 20),
        BULB,
        SATIN,
        glow=1.0 if on else 0.45,
        casts=False,
    )
    inner, outer = shade(item, line, on, (0.1, 0.8))
    item.add(inner, bulb, outer)
    cap = f.accent if f.pattern in ("base", "trim") else f.rng("cap").choice((BRASS, (50, 50, 52)))
    item.add(
        Surface(turned([(0.17, top - 0.02), (0.15, top + 0.1), (0.06, top + 0.16), (0.03, top + 0.2)], 24), cap, SATIN)
    )
    item.add(
        Surface(
            tube([(0, top + 0.18, 0), (0, top + 0.6, 0), (0, top + 0.95, 0)], 0.014, 6, 2),
            (54, 52, 52),
            MATT,
            casts=False,
        )
    )


def lantern(item: Item) -> None:
    f = item.finish
    w, h = f.between("w", 0.4, 0.5), f.between("h", 1.1, 1.3)
    item.add(item.plain(box((-w - 0.05, w + 0.05), (0, 0.1), (-w - 0.05, w + 0.05), 0.02), 1.0, True))
    on = item.rng.random() < 0.6
    candle = Surface(
        turned([(0.0, 0.1), (0.16, 0.1), (0.16, 0.52), (0.14, 0.54), (0, 0.53)], 24),
        (244, 236, 214),
        MATT,
        glow=0.3 if on else 0.0,
    )
    flame = Surface(
        turned(smooth([(0.0, 0.55), (0.045, 0.62), (0.03, 0.72), (0.0, 0.82)], 3), 14), (255, 214, 110), MATT, glow=1.0
    )
    item.add(*([candle, flame] if on else [candle]))
    pane = Material(0.5, 0.2, clear=0.86)
    for axis, s in (("x", 1), ("x", -1), ("z", 1), ("z", -1)):
        grid = np.array([[(a, y, w) for a in np.linspace(-w + 0.04, w - 0.04, 5)] for y in np.linspace(0.1, h, 5)])
        turn = {("z", 1): 0.0, ("z", -1): math.pi, ("x", 1): math.pi / 2, ("x", -1): -math.pi / 2}[axis, s]
        item.add(Surface(spun(grid, "y", turn), (214, 226, 228), pane, casts=False))
    for x in (-w, w):
        for z in (-w, w):
            item.add(item.plain(box((x - 0.045, x + 0.045), (0.09, h), (z - 0.045, z + 0.045)), 1.0, True))
    item.add(item.plain(box((-w - 0.06, w + 0.06), (h, h + 0.09), (-w - 0.06, w + 0.06), 0.02), 1.0, True))
    roof = np.array(
        [
            [(s * (w + 0.02) * k, y, t * (w + 0.02) * k) for s, t in ((-1, -1), (-1, 1), (1, 1), (1, -1), (-1, -1))]
            for y, k in ((h + 0.09, 1.0), (h + 0.22, 0.66), (h + 0.36, 0.28), (h + 0.36, 0.0))
        ]
    )
    item.add(item.main(roof, flat=True, v=(0.0, 0.66), centres=(0.125, 0.375, 0.625, 0.875)))
    ring = [(math.cos(a) * 0.16, h + 0.5 + math.sin(a) * 0.16, 0) for a in np.linspace(-math.pi / 2, 1.5 * math.pi, 15)]
    item.add(Surface(tube(ring, 0.028, 8, 2), f.accent if f.pattern in ("trim", "base") else f.near(0.85), METAL))


def mushroom(item: Item) -> None:
    f = item.finish
    tone = f.accent if f.pattern == "base" else f.near(0.96)
    foot = smooth([(0.42, 0.0), (0.4, 0.06), (0.2, 0.2), (0.16, 0.5), (0.2, 0.8)], 5)
    item.add(Surface(turned(np.concatenate([[(0.0, 0.0)], foot]), 36), tone, f.material))
    on = lighted(item)
    r, h = f.between("r", 0.74, 0.86), f.between("high", 0.56, 0.76)
    cap = smooth(
        [
            (r, 0.72),
            (r * 0.99, 0.72 + h * 0.22),
            (r * 0.8, 0.72 + h * 0.66),
            (r * 0.42, 0.72 + h * 0.94),
            (0.0, 0.72 + h),
        ],
        5,
    )
    inner = Surface(turned(cap[:14][::-1] - (0.02, 0.01)), (246, 238, 220), SATIN, glow=0.8 if on else 0.0, casts=False)
    outer = main(turned(cap), f, v=(0.04, 0.72), centres=(0.0, 0.25, 0.5, 0.75, 1.0))
    outer.glow = 0.3 if on else 0.0
    item.add(inner, outer)


def candlestick(item: Item) -> None:
    f = item.finish
    h = f.between("h", 0.95, 1.15)
    shapes = (
        [(0.42, 0.02), (0.36, 0.08), (0.12, 0.16), (0.09, 0.36), (0.2, 0.48), (0.08, 0.6), (0.1, h - 0.2), (0.22, h)],
        [(0.44, 0.02), (0.42, 0.06), (0.16, 0.14), (0.07, 0.3), (0.07, h - 0.3), (0.12, h - 0.14), (0.24, h)],
        [(0.36, 0.02), (0.34, 0.1), (0.24, 0.26), (0.3, 0.44), (0.22, 0.62), (0.28, h - 0.18), (0.2, h)],
    )
    line = smooth(f.rng("shape").choice(shapes), 4)
    grid = turned(np.concatenate([[(0.0, 0.0), (float(line[0, 0]), 0.0)], line, [(0.12, h), (0.0, h - 0.01)]]))
    item.add(main(grid, f, v=(0.1, 0.88), centres=(0.0, 0.25, 0.5, 0.75, 1.0)))
    wax: Colour = (
        f.accent
        if f.pattern in ("base", "lid")
        else f.rng("wax").choice(((246, 240, 224), (246, 240, 224), (178, 42, 44), (70, 88, 80)))
    )
    length = item.rng.uniform(0.45, 0.85)
    item.add(
        Surface(
            turned([(0.1, h - 0.02), (0.095, h + length), (0.06, h + length + 0.015), (0.0, h + length - 0.01)], 20),
            wax,
            SATIN,
        )
    )
    wick = tube([(0, h + length - 0.02, 0), (0.005, h + length + 0.07, 0)], 0.01, 6, 2)
    item.add(Surface(wick, (40, 36, 34), MATT, casts=False))
    if item.rng.random() < 0.6:
        y = h + length + 0.04
        flame = smooth([(0.0, y), (0.045, y + 0.08), (0.035, y + 0.16), (0.0, y + 0.3)], 4)
        item.add(Surface(turned(flame, 14), (255, 216, 120), MATT, glow=1.0, casts=False))


ROOM = ("studio", "studio", "studio", "floor", "floor", "rug")
DESK = ("studio", "studio", "table", "desk", "shelf", "counter")

FORMS = {
    "lamp-table-lamp": Form(
        table_lamp, ("studio", "studio", "table", "desk", "shelf"), yaw=(-1.5, 1.5), rise=(0.06, 0.4)
    ),
    "lamp-floor-lamp": Form(floor_lamp, ROOM, yaw=(-1.5, 1.5), rise=(0.05, 0.3)),
    "lamp-desk-lamp": Form(desk_lamp, DESK, yaw=(-0.7, 0.7), rise=(0.06, 0.4), behind=0.4),
    "lamp-pendant-lamp": Form(pendant, ("air",), yaw=(-1.5, 1.5), rise=(-0.32, 0.12), hangs=True),
    "lamp-lantern": Form(
        lantern, ("studio", "studio", "table", "patio", "shelf", "lawn"), yaw=(-0.78, 0.78), rise=(0.1, 0.45)
    ),
    "lamp-mushroom-lamp": Form(mushroom, DESK, yaw=(-1.5, 1.5), rise=(0.0, 0.3)),
    "lamp-candlestick": Form(
        candlestick, ("studio", "studio", "table", "shelf", "cloth"), yaw=(-1.5, 1.5), rise=(0.08, 0.42)
    ),
}
