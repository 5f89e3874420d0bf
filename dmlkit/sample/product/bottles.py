"""Bottles: wine bottle, vacuum flask, water bottle, perfume flacon, soap dispenser, jam jar."""

from __future__ import annotations

import numpy as np

from dmlkit.sample.colours import Colour, lit, luma, mix
from dmlkit.sample.product.item import Form, Item
from dmlkit.sample.product.patterns import field_of, sheet
from dmlkit.sample.product.solid import (
    GLOSSY,
    MATT,
    METAL,
    SATIN,
    Grid,
    Marks,
    Surface,
    box,
    disc,
    loft,
    smooth,
    spun,
    tube,
    turned,
)
from dmlkit.sample.shapes import Points

STEEL: Colour = (186, 191, 196)
BLACK: Colour = (44, 44, 48)


def body(item: Item, profile: Points, v: tuple[float, float]) -> None:
    """The turned body of a bottle; glass shows its far side first."""
    grid = turned(profile)
    if item.finish.material.clear:
        back = Surface(grid[:, ::-1], item.finish.near(0.85), item.finish.material, casts=False)
        item.add(back, item.main(grid, v=v))
    else:
        item.add(item.main(grid, v=v))


def wine_bottle(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.31, 0.36), 2.0
    shoulder = h * f.between("shoulder", 0.5, 0.6)
    profile = np.concatenate(
        [
            [(0.0, 0.0), (r - 0.04, 0.0)],
            [(r, 0.04), (r, shoulder)],
            smooth([(r, shoulder + 0.02), (r * 0.86, shoulder + 0.18), (0.13, shoulder + 0.42), (0.115, h - 0.06)], 5)[
                1:
            ],
        ]
    )
    body(item, profile, (2.15 / (len(profile) - 1), 2.9 / (len(profile) - 1)))
    if f.pattern in ("plain", "label"):
        paper = f.accent if f.pattern == "label" else (238, 232, 216)
        low, high = shoulder * 0.22, shoulder * 0.86
        sticker = turned([(r * 1.004, low), (r * 1.004, (low + high) / 2), (r * 1.004, high)])[:, 10:31]
        item.groups[-1].append(Surface(sticker, paper, MATT, print_on(sticker, item, paper), casts=False))
    foil = f.accent if f.pattern != "plain" else mix(f.base, (120, 30, 34), 0.7)
    cap = [(0.125, h - 0.42), (0.125, h - 0.12), (0.14, h - 0.11), (0.14, h - 0.02), (0.12, h), (0.0, h)]
    item.add(item.part(turned(cap, 32), foil, SATIN))


def print_on(grid: Grid, item: Item, paper: Colour) -> list[Marks]:
    """Lines of print and a frame on a label."""
    f, rng = field_of(grid, (0.0, 1.0), (0.0, 1.0)), item.finish.rng("print")
    bars = [(0.22, 0.62, 0.78, 0.74)] + [
        (0.5 - w, y, 0.5 + w, y + 0.04) for y in (0.48, 0.38, 0.18) for w in [rng.uniform(0.12, 0.26)]
    ]
    bars += [(0.04, 0.05, 0.96, 0.075), (0.04, 0.925, 0.96, 0.95)]
    shapes = [sheet((x0 * f.width, x1 * f.width), (y0 * f.height, y1 * f.height)) for x0, y0, x1, y1 in bars]
    return [Marks(lit(paper, 0.35) if luma(paper) > 120 else lit(paper, 1.6), f.put(np.concatenate(shapes)), 0.85)]


def vacuum_flask(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.36, 0.42), 1.95
    top = h * f.between("top", 0.68, 0.74)
    base = [(0.0, 0.0), (r * 0.96, 0.0), (r, 0.03), (r, 0.12)]
    item.add(
        Surface(turned(base), STEEL, METAL),
        item.main(turned([(r, 0.12), (r, top * 0.5), (r, top), (r * 0.92, top + 0.06)]), v=(0.04, 0.7)),
    )
    item.add(Surface(turned([(r * 0.9, top + 0.05), (r * 0.9, top + 0.12)]), STEEL, METAL))
    cup = [(r * 0.88, top + 0.12), (r * 0.86, top + 0.14), (r * 0.8, h - 0.05), (r * 0.74, h), (0.0, h)]
    item.add(item.second(turned(cup), "lid") if f.pattern == "lid" else Surface(turned(cup), STEEL, METAL))
    if f.rng("handle").random() < 0.6:
        path = [
            (r * 0.97, top * 0.86, 0),
            (r + 0.26, top * 0.84, 0),
            (r + 0.28, top * 0.34, 0),
            (r * 0.97, top * 0.3, 0),
        ]
        item.add(item.part(tube(path, 0.055, flat=0.7), BLACK))


def water_bottle(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.34, 0.38), 1.9
    waist = f.between("waist", 0.84, 1.0)
    low = h * 0.72
    profile = np.concatenate(
        [
            [(0.0, 0.0), (r - 0.05, 0.0)],
            smooth(
                [
                    (r, 0.06),
                    (r, low * 0.34),
                    (r * waist, low * 0.56),
                    (r, low * 0.78),
                    (r * 0.98, low),
                    (r * 0.6, low + 0.16),
                ],
                4,
            ),
        ]
    )
    item.add(item.main(turned(profile), v=(0.14, 0.86)))
    lid = f.accent if f.pattern == "lid" else BLACK if f.light else (226, 226, 222)
    cap = [
        (r * 0.68, low + 0.13),
        (r * 0.7, low + 0.16),
        (r * 0.68, low + 0.32),
        (r * 0.5, low + 0.38),
        (0.0, low + 0.38),
    ]
    item.add(item.part(turned(cap, 36), lid))
    if f.rng("loop").random() < 0.5:
        path = [(-r * 0.5, low + 0.3, 0), (-r * 0.45, h - 0.05, 0), (r * 0.45, h - 0.05, 0), (r * 0.5, low + 0.3, 0)]
        item.add(item.part(tube(path, 0.05), lid))
    else:
        item.add(
            item.part(
                turned([(0.1, low + 0.38), (0.09, low + 0.46), (0.13, low + 0.48), (0.11, h - 0.02), (0.0, h)], 24),
                lit(lid, 1.2),
            )
        )


def perfume(item: Item) -> None:
    f = item.finish
    power = f.rng("shape").choice((2.0, 4.0, 9.0))
    w, d, h = f.between("w", 0.5, 0.62), f.between("d", 0.26, 0.36), f.between("h", 1.0, 1.2)
    d = w if power == 2 else d
    sections = [
        (0.0, 0.0, 0.0),
        (0.0, w - 0.05, d - 0.05),
        (0.05, w, d),
        (h * 0.5, w, d),
        (h - 0.08, w, d),
        (h, w - 0.08, d - 0.08),
        (h + 0.01, 0.13, 0.13),
    ]
    grid = loft(sections, power, 48)
    if f.material.clear:
        juice = loft([(0.1, w - 0.08, d - 0.07), (h * 0.7, w - 0.08, d - 0.07), (h * 0.7, 0, 0)], power, 40)
        item.add(
            Surface(grid[:, ::-1], f.near(0.85), f.material, casts=False),
            Surface(juice, mix(f.base, (240, 190, 120), 0.35), SATIN, casts=False),
            item.main(grid, u=(0.3, 0.7), v=(0.34, 0.66)),
        )
    else:
        item.add(item.main(grid, v=(0.34, 0.66)))
    item.add(Surface(turned([(0.14, h), (0.14, h + 0.1)], 28), (206, 176, 104), METAL))
    top = f.accent if f.pattern == "lid" else BLACK if f.rng("cap").random() < 0.5 else (214, 184, 112)
    cap = f.rng("top").choice(
        (
            [(0.2, 0.1), (0.21, 0.13), (0.21, 0.42), (0.19, 0.45), (0, 0.45)],
            [(0.12, 0.1), (0.22, 0.2), (0.26, 0.32), (0.2, 0.46), (0, 0.52)],
        )
    )
    item.add(
        Surface(
            turned(
                smooth([(x, y + h) for x, y in cap], 3)
                if len(cap[0]) and cap[1][0] > 0.215
                else [(x, y + h) for x, y in cap],
                32,
            ),
            top,
            GLOSSY,
        )
    )


def soap_dispenser(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.42, 0.5), f.between("h", 1.1, 1.3)
    soft = f.rng("shape").random() < 0.5
    profile = (
        [(0.0, 0.0), (r - 0.05, 0.0), (r, 0.05), (r, h * 0.5), (r, h - 0.12), (r * 0.8, h - 0.02), (0.16, h)]
        if not soft
        else np.concatenate(
            [
                [(0.0, 0.0), (r * 0.7, 0.0)],
                smooth([(r * 0.76, 0.03), (r * 1.08, h * 0.4), (r * 0.86, h * 0.78), (0.17, h)], 5),
            ]
        ).tolist()
    )
    body(item, np.asarray(profile), (0.24, 0.74))
    pump = f.accent if f.pattern == "lid" else (206, 208, 210) if f.rng("pump").random() < 0.5 else BLACK
    material = METAL if pump == (206, 208, 210) else SATIN
    item.add(
        Surface(turned([(0.18, h - 0.01), (0.18, h + 0.12), (0.14, h + 0.15), (0.05, h + 0.16)], 28), pump, material)
    )
    item.add(Surface(turned([(0.05, h + 0.15), (0.05, h + 0.36)], 16), pump, material))
    item.add(Surface(turned([(0.09, h + 0.34), (0.1, h + 0.36), (0.1, h + 0.44), (0, h + 0.46)], 20), pump, material))
    item.add(
        Surface(
            tube(
                [(-0.05, h + 0.41, 0), (-0.3, h + 0.41, 0), (-0.4, h + 0.39, 0), (-0.43, h + 0.32, 0)],
                (0.06, 0.05, 0.04, 0.035),
            ),
            pump,
            material,
        )
    )


def jam_jar(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.56, 0.64), f.between("h", 1.05, 1.3)
    profile = np.concatenate(
        [
            [(0.0, 0.0), (r - 0.08, 0.0)],
            smooth([(r - 0.02, 0.04), (r, 0.2), (r, h * 0.55), (r * 0.98, h * 0.8), (r * 0.8, h)], 4),
        ]
    )
    grid = turned(profile)
    if f.material.clear:
        fill = profile[profile[:, 1] < h * 0.84] - (0.03, 0)
        fill[:, 0] = np.maximum(fill[:, 0], 0)
        content: Colour = f.rng("fill").choice(
            ((134, 24, 38), (206, 120, 40), (92, 44, 28), (236, 214, 150), (96, 122, 62))
        )
        item.add(
            Surface(grid[:, ::-1], f.near(0.9), f.material, casts=False),
            Surface(turned(fill), content, SATIN, casts=False),
            Surface(disc(float(fill[-1, 0]), float(fill[-1, 1])), lit(content, 1.1), SATIN, casts=False),
            item.main(grid, v=(0.2, 0.72)),
        )
    else:
        item.add(item.main(grid, v=(0.2, 0.72)))
    lid = (
        f.accent
        if f.pattern in ("lid", "checks", "dots", "stripes")
        else STEEL
        if f.rng("lid").random() < 0.5
        else f.near(0.7)
    )
    cap = [(r * 0.84, h - 0.04), (r * 0.86, h), (r * 0.86, h + 0.14), (r * 0.82, h + 0.17), (0.0, h + 0.17)]
    item.add(Surface(turned(cap, 40), lid, METAL if lid == STEEL else SATIN))


def carton(item: Item) -> None:
    """A milk carton with a gable."""
    f = item.finish
    w, h = f.between("w", 0.38, 0.44), f.between("h", 1.25, 1.4)
    item.add(item.main(box((-w, w), (0, h), (-w, w), 0.01), flat=True, v=(0.42, 0.58), centres=(0.375, 0.875)))
    roof = np.array([[(-w, h, w), (w, h, w)], [(-w, h + 0.34, 0.02), (w, h + 0.34, 0.02)]])
    back = roof[:, ::-1] * (1, 1, -1)
    sides = [
        np.array([[(s * w, h, s * w), (s * w, h, -s * w)], [(s * w, h + 0.34, 0.0), (s * w, h + 0.34, 0.0)]])
        for s in (1, -1)
    ]
    item.add(*(item.plain(g, 0.85, True) for g in sides), item.plain(back, 0.95, True), item.plain(roof, 1.0, True))
    item.add(item.second(box((-w, w), (h + 0.3, h + 0.5), (-0.02, 0.02), 0.005), "lid", 1.0, True))
    if f.rng("cap").random() < 0.6:
        cap = turned([(0.12, 0), (0.12, 0.08), (0, 0.09)], 24)
        item.groups[-2].append(Surface(spun(cap, "x", 0.85) + (0, h + 0.15, w * 0.62), f.accent, SATIN, casts=False))


FORMS = {
    "bottle-wine-bottle": Form(wine_bottle, yaw=(-0.8, 0.8), rise=(0.04, 0.35)),
    "bottle-vacuum-flask": Form(vacuum_flask, yaw=(-1.1, 1.1), rise=(0.08, 0.4)),
    "bottle-water-bottle": Form(
        water_bottle,
        yaw=(-1.1, 1.1),
        rise=(0.06, 0.4),
        places=("studio", "studio", "table", "desk", "shelf", "lawn", "patio"),
    ),
    "bottle-perfume-flacon": Form(perfume, yaw=(-0.7, 0.7), rise=(0.08, 0.45)),
    "bottle-soap-dispenser": Form(
        soap_dispenser, yaw=(-1.0, 1.0), rise=(0.1, 0.45), places=("studio", "studio", "counter", "counter", "shelf")
    ),
    "bottle-jam-jar": Form(jam_jar, yaw=(-3.1, 3.1), rise=(0.1, 0.5)),
    "bottle-milk-carton": Form(carton, yaw=(-0.9, 0.9), rise=(0.1, 0.45)),
}
