"""Bags: tote, handbag, backpack, suitcase, duffel, satchel, clutch."""

from __future__ import annotations

import math

import numpy as np

from dmlkit.sample.colours import Colour, lit
from dmlkit.sample.product.item import Form, Item, dark
from dmlkit.sample.product.patterns import field_of, sheet
from dmlkit.sample.product.solid import METAL, SATIN, Grid, Marks, Surface, box, cushion, hoop, loft, spun, tube, turned

BRASS: Colour = (206, 172, 96)
STEEL: Colour = (186, 190, 196)
GROUND = ("studio", "studio", "floor", "table", "cloth", "rug", "patio")


def strap(
    item: Item, path: list[tuple[float, float, float]], width: float = 0.06, when: str = "trim", factor: float = 0.85
) -> None:
    """A strap or handle along a path."""
    item.add(item.second(tube(path, width, 8, 5, flat=0.45), when, factor))


def stitched(surface: Surface, item: Item, v: float, u: tuple[float, float] = (0.27, 0.73)) -> None:
    """A row of stitches on the front of a bag."""
    x = np.linspace(*u, 40)
    shapes = np.array([[(a, v - 0.006), (a + 0.006, v - 0.006), (a + 0.006, v + 0.006), (a, v + 0.006)] for a in x])
    surface.marks.append(Marks(item.finish.near(1.35 if not item.finish.light else 0.6), shapes, 0.8))


def tote(item: Item) -> None:
    f = item.finish
    w, h, d = f.between("w", 0.68, 0.78), f.between("h", 1.05, 1.25), f.between("d", 0.2, 0.28)
    power = 5.0
    sections = [
        (0.0, 0, 0),
        (0.0, w * 0.86, d),
        (0.03, w * 0.9, d),
        (h * 0.5, w * 0.97, d * 0.96),
        (h - 0.02, w, d * 0.74),
        (h, w, d * 0.72),
    ]
    inner = loft([(h, w - 0.015, d * 0.7), (h * 0.6, w - 0.04, d * 0.7), (h * 0.6, 0, 0)], power)
    body = item.main(loft(sections, power), v=(0.3, 0.92))
    if f.pattern != "band":
        stitched(body, item, 0.93)
    far = [
        (-w * 0.42, h - 0.12, -d * 0.74),
        (-w * 0.4, h + 0.3, -d * 0.55),
        (0, h + 0.62, -d * 0.4),
        (w * 0.4, h + 0.3, -d * 0.55),
        (w * 0.42, h - 0.12, -d * 0.74),
    ]
    near = [(x, y, -z) for x, y, z in far]
    sway = item.rng.uniform(-0.1, 0.1)
    back = item.second(tube([(x, y, z + sway * max(y - h, 0)) for x, y, z in far], 0.055, 8, 5, flat=0.4), "trim", 0.85)
    front = item.second(
        tube([(x, y, z + 0.02 + sway * max(y - h, 0)) for x, y, z in near], 0.055, 8, 5, flat=0.4), "trim", 0.85
    )
    item.add(back, Surface(inner, dark(f.base), f.material, dim=(1.3, 0.8), casts=False), body, front)


def handbag(item: Item) -> None:
    f = item.finish
    w, h, d = f.between("w", 0.78, 0.9), f.between("h", 0.8, 0.95), f.between("d", 0.3, 0.36)
    narrow = f.between("narrow", 0.72, 0.9)
    sections = [
        (0.0, 0, 0),
        (0.0, w * 0.94, d * 0.94),
        (0.05, w, d),
        (h * 0.4, w * 0.97, d * 0.9),
        (h * 0.85, w * (narrow + 0.05), d * 0.5),
        (h, w * narrow, d * 0.22),
        (h + 0.01, 0, 0),
    ]
    body = item.main(loft(sections, 3.6), v=(0.28, 0.78))
    stitched(body, item, 0.26)
    stitched(body, item, 0.8)
    high = f.between("handle", 0.42, 0.62)
    paths = []
    for side in (-1, 1):
        z = side * d * 0.42
        paths.append(
            item.second(
                tube(
                    [
                        (-w * 0.4, h * 0.84, z),
                        (-w * 0.36, h + high * 0.6, z * 0.8),
                        (0, h + high, z * 0.7),
                        (w * 0.36, h + high * 0.6, z * 0.8),
                        (w * 0.4, h * 0.84, z),
                    ],
                    0.05,
                    10,
                    5,
                ),
                "trim",
                0.8,
            )
        )
    clasp = turned([(0.06, 0), (0.07, 0.02), (0.05, 0.05), (0, 0.055)], 20)
    item.add(
        paths[0],
        body,
        paths[1],
        Surface(spun(clasp, "x", math.pi / 2) + (0, h * 0.78, d * 0.62), BRASS, METAL, casts=False),
    )


def backpack(item: Item) -> None:
    f = item.finish
    w, h, d = f.between("w", 0.56, 0.64), f.between("h", 1.55, 1.75), f.between("d", 0.32, 0.4)
    for side in (-1, 1):
        x = side * w * 0.5
        path = [
            (x, h * 0.88, -d * 0.8),
            (x * 1.25, h * 0.8, -d * 1.35),
            (x * 1.3, h * 0.4, -d * 1.4),
            (x * 1.2, h * 0.12, -d * 0.85),
        ]
        item.add(item.plain(tube(path, 0.09, 8, 5, flat=0.4), 0.7))
    sections = [
        (0.0, 0, 0),
        (0.0, w * 0.9, d * 0.85),
        (0.08, w, d),
        (h * 0.5, w, d),
        (h * 0.8, w * 0.95, d * 0.92),
        (h * 0.93, w * 0.78, d * 0.72),
        (h, w * 0.45, d * 0.4),
        (h + 0.015, 0, 0),
    ]
    body = item.main(loft(sections, 3.4), v=(0.32, 0.84))
    body.marks.append(
        Marks(
            item.finish.near(0.4),
            np.array(
                [
                    [(u, v), (u + 0.02, v), (u + 0.02, v + 0.012), (u, v + 0.012)]
                    for u in np.linspace(0.22, 0.76, 28)
                    for v in [0.74 - 9 * (u - 0.5) ** 2 * 0.25]
                ]
            ),
        )
    )
    item.add(body)
    item.add(item.plain(tube(hoop(0.14, h * 0.97, h + 0.16, -d * 0.2, 0.95), 0.04), 0.6))
    pocket = cushion((w * 1.5, h * 0.42, d * 0.7), (0, h * 0.27, d * 0.95), 5.0, 0.25)
    flap = item.second(pocket, "pocket", 0.9)
    flap.marks.append(
        Marks(
            lit(flap.colour, 0.45),
            np.array(
                [[(u, 0.76), (u + 0.013, 0.76), (u + 0.013, 0.79), (u, 0.79)] for u in np.linspace(0.3, 0.69, 30)]
            ),
        )
    )
    pull = box((-0.025, 0.025), (h * 0.3, h * 0.38), (d * 1.3, d * 1.34), 0.005)
    item.add(flap, Surface(pull, STEEL, METAL, flat=True, casts=False))


def suitcase(item: Item) -> None:
    f = item.finish
    w, h, d = f.between("w", 0.56, 0.66), f.between("h", 1.3, 1.5), f.between("d", 0.24, 0.3)
    y = 0.12
    for x in (-w * 0.8, w * 0.8):
        for z in (-d * 0.6, d * 0.6):
            wheel = spun(turned([(0, -0.04), (0.075, -0.04), (0.075, 0.04), (0, 0.04)], 20), "z", math.pi / 2)
            item.add(Surface(wheel + (x, 0.075, z), (40, 40, 44), SATIN))
    shell = item.main(cushion((w * 2, h, d * 2), (0, y + h / 2, 0), 7.0, 0.1), v=(0.16, 0.84), u=(0.0, 1.0))
    if f.pattern == "plain" or f.pattern == "trim":
        area = field_of(shell.grid, (0.0, 1.0), (0.18, 0.82))
        ribs = [c * area.width + k * w * 0.3 for c in (0.5, 0.0, 1.0) for k in range(-2, 3)]
        tone = f.accent if f.pattern == "trim" else f.near(0.72)
        shell.marks.append(
            Marks(tone, area.put(np.concatenate([sheet((x - 0.02, x + 0.02), (0, area.height)) for x in ribs])))
        )
    shell.marks.append(
        Marks(
            f.near(0.45),
            np.array(
                [
                    [(u - 0.004, v), (u + 0.004, v), (u + 0.004, v + 0.07), (u - 0.004, v + 0.07)]
                    for u in (0.25, 0.75)
                    for v in np.linspace(0.05, 0.9, 16)
                ]
            ),
        )
    )
    item.add(shell)
    top = y + h
    if item.rng.random() < 0.6:
        up = top + item.rng.uniform(0.3, 0.5)
        for x in (-0.2, 0.2):
            item.add(Surface(tube([(x, top - 0.03, -d * 0.5), (x, up, -d * 0.5)], 0.024), STEEL, METAL))
        item.add(item.part(tube([(-0.24, up, -d * 0.5), (0.24, up, -d * 0.5)], 0.045), (44, 44, 48)))
    item.add(
        item.part(
            tube([(-0.16, top - 0.02, 0), (-0.13, top + 0.07, 0), (0.13, top + 0.07, 0), (0.16, top - 0.02, 0)], 0.035),
            (44, 44, 48),
        )
    )


def duffel(item: Item) -> None:
    f = item.finish
    r, w = f.between("r", 0.42, 0.5), f.between("w", 0.88, 1.0)
    profile = [
        (0, -w),
        (r * 0.9, -w),
        (r, -w + 0.05),
        (r, -w * 0.5),
        (r, 0),
        (r, w * 0.5),
        (r, w - 0.05),
        (r * 0.9, w),
        (0, w),
    ]
    grid = spun(turned(profile, 44), "z", -math.pi / 2)
    grid[..., 1] = np.maximum(grid[..., 1], -r * 0.86)
    body = item.main(grid + (0, r * 0.86, 0), v=(0.26, 0.74))
    body.marks.append(
        Marks(
            f.near(0.45),
            np.array(
                [[(0.745, v), (0.755, v), (0.755, v + 0.03), (0.745, v + 0.03)] for v in np.linspace(0.26, 0.72, 20)]
            ),
        )
    )
    around = [(math.cos(a) * r * 1.02, math.sin(a) * r * 1.02) for a in np.linspace(-0.5, 1.05, 6)]
    top = r * 0.86
    straps = []
    for side in (-1, 1):
        left = [(-w * 0.4, top + y, side * z) for z, y in around]
        right = [(w * 0.4, top + y, side * z) for z, y in around[::-1]]
        over = [
            (-w * 0.32, top + r + 0.2, side * 0.2),
            (0, top + r + 0.34, side * 0.16),
            (w * 0.32, top + r + 0.2, side * 0.2),
        ]
        straps.append(item.second(tube([*left, *over, *right], 0.05, 8, 3, flat=0.5), "trim", 0.6))
    item.add(straps[0], body, straps[1])


def satchel(item: Item) -> None:
    f = item.finish
    w, h, d = f.between("w", 0.8, 0.9), f.between("h", 0.9, 1.05), f.between("d", 0.2, 0.26)
    item.add(
        item.plain(
            tube(
                [
                    (-w * 0.97, h * 0.8, 0),
                    (-w * 0.8, h + 0.36, -0.06),
                    (0, h + item.rng.uniform(0.55, 0.72), -0.1),
                    (w * 0.8, h + 0.36, -0.06),
                    (w * 0.97, h * 0.8, 0),
                ],
                0.06,
                8,
                6,
                flat=0.4,
            ),
            0.75,
        )
    )
    item.add(item.plain(cushion((w * 2, h, d * 2), (0, h / 2, 0), 9.0, 0.12), 0.85))
    low = h * f.between("flap", 0.3, 0.45)
    rows = []
    for y, z in (
        (h + 0.012, -d * 0.9),
        (h + 0.02, 0.0),
        (h, d * 0.95),
        (h - 0.06, d + 0.05),
        (h * 0.7, d + 0.07),
        (low + 0.08, d + 0.07),
        (low, d + 0.055),
    ):
        half = w * (1.0 if y > low + 0.05 else 0.92)
        rows.append([(x * half, y, z) for x in np.linspace(-1, 1, 13)])
    grid: Grid = np.array(rows)[::-1]
    flap = item.main(grid, v=(0.06, 0.62), u=(0.03, 0.97))
    for x in (-0.45, 0.45):
        buckle = box((x * w - 0.05, x * w + 0.05), (low - 0.1, low + 0.16), (d + 0.06, d + 0.1), 0.01)
        flap_strap = Surface(
            buckle, f.accent if f.pattern == "trim" else f.near(0.65), f.material, flat=True, casts=False
        )
        metal = Surface(
            box((x * w - 0.065, x * w + 0.065), (low - 0.02, low + 0.05), (d + 0.1, d + 0.12), 0.005),
            BRASS,
            METAL,
            flat=True,
            casts=False,
        )
        item.groups.append([flap_strap, metal])
    item.groups[-3:] = [item.groups[-3], [flap, *item.groups[-2], *item.groups[-1]]]


def clutch(item: Item) -> None:
    f = item.finish
    w, h, d = f.between("w", 0.92, 1.0), f.between("h", 0.78, 0.92), f.between("d", 0.12, 0.17)
    item.add(item.main(cushion((w * 2, h, d * 2), (0, h / 2, 0), 6.0, 0.4), v=(0.2, 0.8)))
    frame = box((-w * 0.96, w * 0.96), (h - 0.03, h + 0.03), (-0.05, 0.05), 0.02)
    ball = turned([(0, 0), (0.045, 0.02), (0.055, 0.06), (0.03, 0.1), (0, 0.11)], 18)
    item.add(
        Surface(frame, BRASS, METAL, flat=True),
        Surface(ball + (-0.05, h + 0.02, 0), BRASS, METAL),
        Surface(ball + (0.06, h + 0.02, 0), BRASS, METAL),
    )
    if f.rng("chain").random() < 0.6:
        path = [
            (-w * 0.92, h, 0),
            (-w * 0.7, h + 0.3, 0.02),
            (0, h + 0.48, 0.05),
            (w * 0.7, h + 0.3, 0.02),
            (w * 0.92, h, 0),
        ]
        links = tube(path, 0.028, 6, 8)
        chain = Surface(links, BRASS, METAL)
        chain.marks = [
            Marks(
                lit(BRASS, 0.5),
                np.array(
                    [
                        [(0, v), (0.5, v), (1, v), (1, v + 0.016), (0.5, v + 0.016), (0, v + 0.016)]
                        for v in np.linspace(0.03, 0.95, 26)
                    ]
                ),
            )
        ]
        item.add(chain)


FORMS = {
    "bag-tote": Form(tote, GROUND, yaw=(-0.7, 0.7), rise=(0.1, 0.4), behind=0.2),
    "bag-handbag": Form(handbag, GROUND, yaw=(-0.7, 0.7), rise=(0.1, 0.4)),
    "bag-backpack": Form(backpack, GROUND, yaw=(-0.9, 0.9), rise=(0.06, 0.35)),
    "bag-suitcase": Form(
        suitcase, ("studio", "studio", "floor", "floor", "patio", "rug"), yaw=(-0.9, 0.9), rise=(0.1, 0.4)
    ),
    "bag-duffel": Form(duffel, GROUND, yaw=(-0.75, 0.75), rise=(0.15, 0.5)),
    "bag-satchel": Form(satchel, GROUND, yaw=(-0.7, 0.7), rise=(0.1, 0.4)),
    "bag-clutch": Form(clutch, ("studio", "studio", "table", "cloth", "shelf"), yaw=(-0.7, 0.7), rise=(0.12, 0.45)),
}
