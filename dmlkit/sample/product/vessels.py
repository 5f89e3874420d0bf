"""Vessels: mug, teacup, teapot, jug, bowl, vase, goblet, plant pot."""

from __future__ import annotations

import math

import numpy as np

from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.product.item import Form, Item
from dmlkit.sample.product.solid import GLOSSY, MATT, SATIN, Grid, Surface, disc, inside, smooth, tube, turned
from dmlkit.sample.shapes import Pairs

DRINKS: tuple[Colour, ...] = ((58, 34, 22), (122, 66, 28), (176, 138, 100))
"""Coffee, tea, milk coffee."""


def lining(item: Item) -> Colour:
    """The colour inside: its own or white, by product."""
    f = item.finish
    return (238, 235, 226) if f.kind == "glaze" and f.rng("inside").random() < 0.5 else f.near(0.95)


def open_body(
    item: Item,
    outer: Pairs,
    wall: float,
    bottom: float,
    v: tuple[float, float] = (0.06, 0.94),
    liquid: float | None = None,
) -> list[Surface]:
    """An open body of revolution: inner side, what is in it, rim, outer side with the finish."""
    line = np.asarray(outer, dtype=np.float64)
    radius, top = line[-1]
    inner = Surface(
        turned(inside(line, wall, bottom)), lining(item), item.finish.material, dim=(0.92, 0.5), casts=False
    )
    parts = [inner]
    if liquid is not None:
        at = float(np.interp(liquid, line[:, 1], line[:, 0])) - wall
        parts.append(Surface(disc(at, liquid), item.rng.choice(DRINKS), GLOSSY, casts=False))
    parts.append(item.main(turned(line), v=v))
    lip = turned(
        [
            (radius, top),
            (radius - wall * 0.2, top + wall * 0.35),
            (radius - wall * 0.8, top + wall * 0.35),
            (radius - wall, top),
        ]
    )
    rim = item.finish.accent if item.finish.pattern == "trim" else item.finish.near(1.08)
    parts.append(Surface(lip, rim, item.finish.material, casts=False))
    return parts


def ear(top: tuple[float, float], low: tuple[float, float], out: float, kind: str = "round") -> Grid:
    """The path of a handle in the plane z = 0, from (x, y) above to (x, y) below, so far out."""
    (x0, y0), (x1, y1) = top, low
    high = y0 - y1
    shapes = {
        "round": [
            (x0 - 0.03, y0),
            (x0 + out * 0.62, y0 + high * 0.06),
            (x0 + out, y0 - high * 0.4),
            (x0 + out * 0.68, y1 + high * 0.1),
            (x1 - 0.03, y1),
        ],
        "square": [
            (x0 - 0.03, y0),
            (x0 + out * 0.82, y0 + 0.01),
            (x0 + out, y0 - high * 0.14),
            (x0 + out, y1 + high * 0.14),
            (x0 + out * 0.8, y1),
            (x1 - 0.03, y1),
        ],
        "ear": [
            (x0 - 0.03, y0 - high * 0.06),
            (x0 + out * 0.7, y0 + high * 0.16),
            (x0 + out, y0 - high * 0.2),
            (x0 + out * 0.55, y1 + high * 0.22),
            (x1 - 0.03, y1),
        ],
    }
    return np.array([(x, y, 0.0) for x, y in shapes[kind]])


def mug(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.52, 0.62), f.between("h", 1.2, 1.42)
    shapes = (
        [(0.0, 0.0), (r - 0.05, 0.0), (r, 0.04), (r, h * 0.5), (r, h)],
        [(0.0, 0.0), (r * 0.72, 0.0), (r * 0.8, 0.05), (r * 0.92, h * 0.5), (r * 1.02, h)],
        [
            (0.0, 0.0),
            (r * 0.78, 0.0),
            *smooth([(r * 0.85, 0.04), (r * 1.06, h * 0.36), (r * 0.98, h * 0.75), (r * 0.96, h)]),
        ],
    )
    outer = f.rng("shape").choice(shapes)
    liquid = h * 0.86 if item.rng.random() < 0.4 else None
    item.add(*open_body(item, outer, 0.055, 0.08, liquid=liquid))
    line = np.asarray(outer)
    top, low = h * 0.82, h * 0.22
    x0, x1 = (float(np.interp(y, line[1:, 1], line[1:, 0])) for y in (top, low))
    path = ear((x0, top), (x1, low), f.between("out", 0.34, 0.46), f.rng("ear").choice(("round", "square", "ear")))
    item.add(item.second(tube(path, 0.085, flat=0.7), "trim"))


def teacup(item: Item) -> None:
    f = item.finish
    r, h = 0.66, f.between("h", 0.66, 0.82)
    y = 0.1
    outer = np.concatenate(
        [
            [(0.0, y), (r * 0.44, y), (r * 0.46, y + 0.06)],
            smooth(
                [
                    (r * 0.5, y + 0.07),
                    (r * 0.82, y + h * 0.34),
                    (r * 0.95, y + h * 0.7),
                    (r * f.between("flare", 0.98, 1.12), y + h),
                ]
            ),
        ]
    )
    plate = smooth([(0.4, 0.02), (0.5, 0.02), (0.86, 0.1), (1.0, 0.15)], 3)
    top = smooth([(1.0, 0.15), (0.98, 0.165), (0.84, 0.12), (0.5, 0.05), (0.0, 0.04)], 3)
    item.add(item.plain(turned(plate)), item.main(turned(top), v=(0.05, 0.62)))
    liquid = y + h * 0.8 if item.rng.random() < 0.6 else None
    item.add(*open_body(item, outer, 0.035, y + 0.08, (0.2, 0.96), liquid))
    x0, x1 = (float(np.interp(q, outer[2:, 1], outer[2:, 0])) for q in (y + h * 0.84, y + h * 0.3))
    item.add(
        item.second(
            tube(
                ear(
                    (x0, y + h * 0.84),
                    (x1, y + h * 0.3),
                    f.between("out", 0.28, 0.36),
                    f.rng("ear").choice(("round", "ear")),
                ),
                0.05,
                flat=0.7,
            ),
            "trim",
        )
    )


def teapot(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.68, 0.78), f.between("h", 0.96, 1.12)
    belly = f.between("belly", 0.36, 0.5)
    outer = np.concatenate(
        [
            [(0.0, 0.0), (r * 0.6, 0.0)],
            smooth([(r * 0.62, 0.03), (r, h * belly), (r * 0.82, h * 0.82), (r * 0.45, h)], 6),
        ]
    )
    item.add(item.main(turned(outer), v=(0.14, 0.92)))
    lid = smooth([(r * 0.47, h - 0.01), (r * 0.46, h + 0.03), (r * 0.3, h + 0.13), (0.07, h + 0.17)], 4)
    knob = smooth([(0.05, h + 0.16), (0.06, h + 0.2), (0.1, h + 0.27), (0.06, h + 0.34), (0.0, h + 0.35)], 3)
    item.add(
        item.second(turned(lid, 32), "lid", 1.05),
        item.second(turned(knob, 20), "lid", 1.1) if f.pattern == "lid" else item.second(turned(knob, 20), "trim", 1.1),
    )
    spout = [(-r * 0.82, h * 0.34, 0), (-r * 1.18, h * 0.46, 0), (-r * 1.36, h * 0.78, 0), (-r * 1.62, h * 1.0, 0)]
    item.add(item.plain(tube(spout, (0.2, 0.14, 0.1, 0.075), 14)))
    out = f.between("out", 0.4, 0.5)
    item.add(
        item.second(
            tube(ear((r * 0.84, h * 0.8), (r * 0.9, h * 0.26), out, f.rng("ear").choice(("round", "ear"))), 0.07),
            "trim",
        )
    )


def jug(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.52, 0.6), f.between("h", 1.5, 1.75)
    neck = f.between("neck", 0.58, 0.76)
    outer = np.concatenate(
        [
            [(0.0, 0.0), (r * 0.68, 0.0)],
            smooth(
                [(r * 0.72, 0.03), (r, h * 0.32), (r * 0.84, h * 0.62), (r * neck, h * 0.84), (r * (neck + 0.14), h)], 6
            ),
        ]
    )
    parts = open_body(item, outer, 0.04, 0.1, (0.1, 0.9))
    for surface in parts:
        pull_lip(surface.grid, h)
    item.add(*parts)
    top, low = h * 0.9, h * 0.34
    x0, x1 = (float(np.interp(y, outer[1:, 1], outer[1:, 0])) for y in (top, low))
    item.add(
        item.second(
            tube(
                ear((x0, top), (x1, low), f.between("out", 0.4, 0.5), f.rng("ear").choice(("round", "ear"))),
                0.075,
                flat=0.8,
            ),
            "trim",
        )
    )


def pull_lip(grid: Grid, height: float) -> None:
    """Pull the upper rim out to a spout on the left, in place."""
    up = np.clip((grid[..., 1] / height - 0.78) / 0.22, 0, 1.2) ** 2
    r = np.hypot(grid[..., 0], grid[..., 2]) + 1e-9
    lean = np.clip(-grid[..., 0] / r - 0.62, 0, 1) / 0.38
    grid[..., 0] -= 0.26 * up * lean**1.2
    grid[..., 1] += 0.05 * up * lean
    grid[..., 2] *= 1 - 0.35 * up * np.clip(lean, 0, 1)


def bowl(item: Item) -> None:
    f = item.finish
    h, foot = f.between("h", 0.62, 0.86), f.between("foot", 0.4, 0.52)
    outer = np.concatenate(
        [
            [(0.0, 0.0), (foot - 0.04, 0.0), (foot, 0.02), (foot - 0.02, 0.09)],
            smooth([(foot, 0.1), (0.72, h * 0.34), (0.92, h * 0.68), (1.0, h)], 5),
        ]
    )
    item.add(*open_body(item, outer, 0.045, 0.12, (0.22, 0.97)))


def vase(item: Item) -> None:
    f = item.finish
    h = f.between("h", 1.7, 2.0)
    shapes = (
        [(0.3, 0.02), (0.42, h * 0.2), (0.6, h * 0.52), (0.54, h * 0.74), (0.24, h * 0.9), (0.32, h)],
        [(0.36, 0.02), (0.6, h * 0.2), (0.58, h * 0.38), (0.26, h * 0.62), (0.2, h * 0.8), (0.28, h)],
        [(0.3, 0.02), (0.34, h * 0.3), (0.44, h * 0.7), (0.48, h * 0.9), (0.5, h)],
        [(0.34, 0.02), (0.52, h * 0.24), (0.56, h * 0.5), (0.42, h * 0.76), (0.34, h * 0.88), (0.42, h)],
    )
    points = f.rng("shape").choice(shapes)
    outer = np.concatenate([[(0.0, 0.0), (points[0][0] - 0.03, 0.0)], smooth(points, 5)])
    item.add(*open_body(item, outer, 0.04, h * (0.08 if f.kind == "glass" else 0.4), (0.1, 0.9)))


def goblet(item: Item) -> None:
    f = item.finish
    h, r = f.between("h", 1.75, 1.95), f.between("r", 0.4, 0.48)
    low = h * f.between("stem", 0.42, 0.5)
    base = smooth([(0.46, 0.0), (0.46, 0.03), (0.3, 0.07), (0.1, 0.12)], 4)
    stem = smooth([(0.08, 0.11), (0.055, low * 0.4), (0.09, low * 0.62), (0.055, low * 0.8), (0.08, low)], 4)
    item.add(item.second(turned(base, 32), "base"))
    item.add(item.second(turned(stem, 20), "base"))
    outer = smooth(
        [
            (0.06, low - 0.02),
            (r * 0.75, low + (h - low) * 0.18),
            (r * 1.05, low + (h - low) * 0.5),
            (r * f.between("lip", 0.84, 1.02), h),
        ],
        6,
    )
    parts = open_body(item, outer, 0.02, low + 0.08, (0.12, 0.95))
    if f.kind == "glass" and item.rng.random() < 0.7:
        level = low + (h - low) * item.rng.uniform(0.4, 0.7)
        shown = outer[outer[:, 1] <= level]
        wine = Surface(
            turned(np.concatenate([shown - (0.025, 0), [(shown[-1, 0] - 0.02, level)]])),
            item.rng.choice(((104, 16, 34), (226, 200, 118), (196, 92, 92))),
            SATIN,
        )
        parts[1:1] = [wine, Surface(disc(float(shown[-1, 0]) - 0.02, level), lit(wine.colour, 1.12), GLOSSY)]
    item.add(*parts)


def plant_pot(item: Item) -> None:
    f = item.finish
    h = f.between("h", 0.86, 1.0)
    collar = h * 0.78
    outer = [(0.0, 0.0), (0.46, 0.0), (0.48, 0.02), (0.6, collar)]
    upper = [(0.6, collar), (0.68, collar), (0.7, collar + 0.02), (0.73, h)]
    item.add(item.main(turned(outer), v=(0.4, 1.0)))
    soil = Surface(disc(0.67, h - 0.07), (70, 50, 38), MATT)
    inner = Surface(turned([(0.68, h), (0.67, h - 0.08)]), f.near(0.8), f.material)
    lip = item.second(turned([(0.73, h), (0.72, h + 0.015), (0.69, h + 0.015), (0.68, h)]), "trim", 1.08)
    item.add(inner, soil, item.second(turned(upper), "trim"), lip)
    plant(item, h)


def plant(item: Item, y: float) -> None:
    """A plant of one of three kinds; it varies by image."""
    kind, green = item.rng.randrange(3), mix((70, 120, 62), (116, 150, 96), item.rng.random())
    leaves = []
    for k in range(9 if kind else 12):
        a = k * 2.4 + item.rng.uniform(-0.3, 0.3)
        reach, high = item.rng.uniform(0.3, 0.62), item.rng.uniform(0.45, 0.85)
        if kind == 1:
            reach, high = item.rng.uniform(0.08, 0.3), item.rng.uniform(0.6, 1.0)
        x, z = math.cos(a), math.sin(a)
        path = [
            (x * 0.08, y - 0.06, z * 0.08),
            (x * reach * 0.5, y + high * 0.7, z * reach * 0.5),
            (x * reach, y + high * (0.95 if kind else 0.72), z * reach),
        ]
        leaf = tube(path, (0.02, 0.09 if kind else 0.12, 0.004), 6, 4, flat=0.3)
        leaves.append((float(z * math.cos(0.3)), Surface(leaf, lit(green, item.rng.uniform(0.8, 1.15)), SATIN)))
    leaves.sort(key=lambda pair: pair[0])
    item.add(*(surface for _, surface in leaves))


FORMS = {
    "vessel-mug": Form(mug, yaw=(-1.1, 1.1), behind=0.3),
    "vessel-teacup": Form(teacup, yaw=(-1.0, 1.0), rise=(0.2, 0.6), behind=0.3),
    "vessel-teapot": Form(teapot, yaw=(-0.6, 0.6), rise=(0.12, 0.5), behind=0.4),
    "vessel-jug": Form(jug, yaw=(-0.7, 0.7), rise=(0.12, 0.5), behind=0.4),
    "vessel-bowl": Form(bowl, yaw=(-3.1, 3.1), rise=(0.2, 0.65)),
    "vessel-vase": Form(vase, yaw=(-3.1, 3.1), rise=(0.06, 0.4)),
    "vessel-goblet": Form(goblet, yaw=(-3.1, 3.1), rise=(0.08, 0.4)),
    "vessel-plant-pot": Form(
        plant_pot, yaw=(-0.9, 0.9), rise=(0.12, 0.5), places=("studio", "table", "shelf", "patio", "floor")
    ),
}
