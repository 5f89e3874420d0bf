"""Boxes: gift box, tin, hat box, chest, basket, toolbox, jewellery box, lunch box."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from dmlkit.sample.colours import Colour, lit
from dmlkit.sample.product.item import Form, Item
from dmlkit.sample.product.patterns import field_of, main, pattern_marks, sheet, weave
from dmlkit.sample.product.solid import (
    METAL,
    SATIN,
    Grid,
    Marks,
    Surface,
    box,
    cushion,
    hoop,
    loft,
    panel,
    smooth,
    spun,
    tube,
    turned,
)

BRASS: Colour = (206, 172, 92)
STEEL: Colour = (186, 190, 196)


def sides(w: float, d: float, y: tuple[float, float]) -> Grid:
    """The four sides of a box, around."""
    corners = [(0, -d), (-w, -d), (-w, d), (w, d), (w, -d), (0, -d)]
    ring = []
    for (x0, z0), (x1, z1) in pairwise(corners):
        ring += [(x0 + (x1 - x0) * t, z0 + (z1 - z0) * t) for t in (0.0, 0.25, 0.5, 0.75)]
    ring.append(corners[-1])
    return np.array([[(x, h, z) for x, z in ring] for h in np.linspace(*y, 7)])


def top(w: float, d: float, y: float) -> Grid:
    """A flat top; its lower edge is in front."""
    return np.array([[(x, y, z) for x in np.linspace(-w, w, 9)] for z in np.linspace(d, -d, 9)])


def walls(item: Item, w: float, d: float, y: tuple[float, float]) -> Surface:
    """The sides with the finish; a single figure stands on the front."""
    return item.main(sides(w, d, y), flat=True, v=(0.0, 1.0), u=(0.0, 1.0))


def gift_box(item: Item) -> None:
    f = item.finish
    w, d, h = f.between("w", 0.66, 0.9), f.between("d", 0.56, 0.7), f.between("h", 0.56, 0.95)
    item.add(walls(item, w, d, (0, h)))
    lid = item.second(sides(w + 0.04, d + 0.04, (h - 0.2, h)), "lid", 1.0, True)
    cover = (
        main(top(w + 0.04, d + 0.04, h), f, u=(0.0, 0.999))
        if f.pattern not in ("lid",)
        else item.second(top(w + 0.04, d + 0.04, h), "lid", 1.0, True)
    )
    group = [lid, cover]
    tone = (
        f.accent
        if f.pattern in ("ribbon", "plain")
        else f.rng("ribbon").choice((f.accent, (206, 170, 90), (236, 234, 228), (176, 40, 46)))
    )
    if f.pattern != "lid" or f.rng("bow").random() < 0.5:
        b = 0.085
        group += [
            Surface(box((-b, b), (h, h + 0.012), (-d - 0.045, d + 0.045), 0.003), tone, SATIN, flat=True, casts=False)
        ]
        group += [
            Surface(box((-w - 0.045, w + 0.045), (h, h + 0.012), (-b, b), 0.003), tone, SATIN, flat=True, casts=False)
        ]
        for low, high, grow in ((0.0, h - 0.2, 0.006), (h - 0.2, h + 0.012, 0.046)):
            strip = [
                spun(panel((-b, b), (low, high), (d if k % 2 == 0 else w) + grow), "y", k * math.pi / 2)
                for k in range(4)
            ]
            (group if low else item.groups[0]).extend(Surface(g, tone, SATIN, flat=True, casts=False) for g in strip)
        item.add(*group)
        bow(item, h + 0.012, tone)
    else:
        item.add(*group)


def bow(item: Item, y: float, tone: Colour) -> None:
    """A bow of ribbon: loops, ends and the knot."""
    a0, parts = item.finish.between("bow", -0.5, 0.5), []
    for k in range(4):
        a = a0 + k * math.pi / 2
        x, z = math.cos(a), math.sin(a)
        size = 0.4 if k % 2 == 0 else 0.3
        loop = [
            (0, y + 0.03, 0),
            (x * size * 0.6, y + 0.24, z * size * 0.6),
            (x * size, y + 0.22, z * size),
            (x * size * 0.9, y + 0.08, z * size * 0.9),
            (0, y + 0.04, 0),
        ]
        parts.append(
            (z, Surface(tube(loop, (0.04, 0.1, 0.12, 0.1, 0.04), 8, 4, flat=0.5), lit(tone, 0.9 + 0.07 * k), SATIN))
        )
    parts.sort(key=lambda pair: pair[0])
    knot = turned(smooth([(0.0, y), (0.1, y + 0.04), (0.09, y + 0.12), (0.0, y + 0.15)], 4), 16)
    item.add(*(surface for _, surface in parts), Surface(knot, tone, SATIN))


def tin(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.52, 0.62), f.between("h", 1.1, 1.4)
    square = f.rng("shape").random() < 0.4
    if square:
        body = loft([(0.0, 0, 0), (0.0, r - 0.02, r - 0.02), (0.03, r, r), (h * 0.5, r, r), (h - 0.22, r, r)], 6.0, 44)
        lid = loft(
            [(h - 0.22, r + 0.012, r + 0.012), (h - 0.03, r + 0.012, r + 0.012), (h, r - 0.03, r - 0.03), (h, 0, 0)],
            6.0,
            44,
        )
    else:
        body = turned([(0.0, 0.0), (r, 0.0), (r + 0.015, 0.02), (r, 0.05), (r, h * 0.4), (r, h - 0.22)])
        lid = turned(
            [
                (r + 0.014, h - 0.22),
                (r + 0.02, h - 0.2),
                (r + 0.014, h - 0.04),
                (r - 0.04, h),
                (r * 0.6, h + 0.01),
                (0.0, h + 0.01),
            ]
        )
    item.add(item.main(body, v=(0.44, 0.98)))
    item.add(item.second(lid, "lid", 0.96))
    if f.rng("knob").random() < 0.4:
        item.add(
            Surface(
                turned([(0.05, h), (0.06, h + 0.04), (0.12, h + 0.07), (0.1, h + 0.13), (0, h + 0.15)], 20),
                BRASS,
                METAL,
            )
        )


def hat_box(item: Item) -> None:
    f = item.finish
    r, h = f.between("r", 0.8, 0.9), f.between("h", 0.78, 0.98)
    item.add(item.main(turned([(0.0, 0.0), (r, 0.0), (r, h * 0.4), (r, h * 0.8)]), v=(0.34, 0.98)))
    lid = [
        item.second(
            turned([(r + 0.035, h - 0.24), (r + 0.035, h - 0.1), (r + 0.035, h - 0.01), (r + 0.02, h)]), "lid", 0.92
        )
    ]
    cover = item.second(turned([(r + 0.02, h), (r * 0.6, h), (0.0, h)]), "lid", 1.0)
    if f.pattern not in ("lid", "band", "dip", "rings", "star", "heart", "sun", "anchor", "monogram"):
        n = np.linspace(-1, 1, 17)
        x, z = np.meshgrid(n, -n)
        disc = np.stack(
            [x * np.sqrt(1 - z**2 / 2) * r, np.full(x.shape, h + 0.001), z * np.sqrt(1 - x**2 / 2) * r], axis=-1
        )
        cover = main(disc, f, u=(0.0, 0.999))
    item.add(*lid, cover)
    cord: Colour = (
        f.accent
        if f.pattern in ("trim", "ribbon")
        else f.rng("cord").choice(((60, 50, 48), (206, 172, 92), (236, 232, 224)))
    )
    high = item.rng.uniform(0.3, 0.5)
    item.add(
        Surface(
            tube(
                [
                    (-r * 0.9, h - 0.04, 0),
                    (-r * 0.6, h + high * 0.8, 0),
                    (0, h + high, 0),
                    (r * 0.6, h + high * 0.8, 0),
                    (r * 0.9, h - 0.04, 0),
                ],
                0.035,
                8,
                5,
            ),
            cord,
            SATIN,
        )
    )


def chest(item: Item) -> None:
    f = item.finish
    w, d, h = f.between("w", 0.9, 1.0), f.between("d", 0.5, 0.58), 0.62
    body = item.main(sides(w, d, (0, h)), flat=True)
    straps(body, item, (0.0, 1.0))
    a = np.linspace(0, math.pi, 13)
    arc = f.between("arc", 0.7, 1.0)
    rows = [[(x, h + math.sin(t) * d * arc, math.cos(t) * d) for x in np.linspace(-w, w, 9)] for t in a]
    lid = main(np.array(rows), f, u=(0.0, 0.999), v=(0.0, 1.0))
    lid.material = f.material
    straps(lid, item, (0.0, 1.0), around=False)
    ends = []
    for s in (-1, 1):
        ring = [(s * w, h, -d)] + [(s * w, h + math.sin(t) * d * arc, -math.cos(t) * d) for t in a] + [(s * w, h, d)]
        grid = np.array([ring, [(s * w, h, 0.0)] * len(ring)])
        ends.append(item.plain(grid if s > 0 else grid[:, ::-1], 0.92, True))
    lock = box((-0.09, 0.09), (h - 0.12, h + 0.09), (d, d + 0.035), 0.01)
    seam = Surface(
        box((-w - 0.01, w + 0.01), (h - 0.015, h + 0.015), (-d - 0.01, d + 0.01), 0.004),
        f.near(0.45),
        SATIN,
        flat=True,
        casts=False,
    )
    item.add(body)
    item.add(seam, *ends, lid, Surface(lock, BRASS, METAL, flat=True, casts=False))


def straps(surface: Surface, item: Item, v: tuple[float, float], around: bool = True) -> None:
    """Metal straps over a chest."""
    tone = item.finish.accent if item.finish.pattern in ("trim", "band") else (74, 66, 60)
    area = field_of(surface.grid, (0.0, 1.0), v)
    at = (0.3, 0.425, 0.575, 0.7) if around else (0.12, 0.88)
    shares = (0.5 - 0.125 * 1.5, 0.5 + 0.125 * 1.5) if around else at
    if around:
        front = 2 * item_width(surface) / area.width
        shares = (0.5 - front * 0.38, 0.5 + front * 0.38)
    shapes = [sheet((c * area.width - 0.05, c * area.width + 0.05), (0, area.height)) for c in shares]
    surface.marks.append(Marks(tone, area.put(np.concatenate(shapes))))


def item_width(surface: Surface) -> float:
    return float(np.ptp(surface.grid[..., 0])) / 2


def basket(item: Item) -> None:
    f = item.finish
    r, h, low = 0.78, f.between("h", 0.78, 1.0), f.between("low", 0.6, 0.74)
    power = f.rng("shape").choice((2.0, 2.0, 5.0))
    sections = [
        (0.0, 0, 0),
        (0.0, low, low * 0.9),
        (h * 0.4, (low + r) / 2 + 0.03, (low + r) / 2 * 0.9 + 0.03),
        (h, r, r * 0.9),
    ]
    grid = loft(sections, power, 48)
    inner = Surface(
        loft([(h, r - 0.04, r * 0.9 - 0.04), (h * 0.3, low - 0.02, low * 0.9 - 0.02), (h * 0.3, 0, 0)], power),
        f.near(0.8),
        f.material,
        weave(grid, f.near(0.7))[:1],
        dim=(0.9, 0.5),
        casts=False,
    )
    body = main(grid, f, v=(0.34, 1.0))
    if f.kind != "wicker":
        body.marks = [*weave(grid, f.base, (0.0, 1.0), (0.34, 1.0)), *pattern_marks(grid, f, v=(0.4, 0.95))]
    if body.marks and f.pattern not in ("plain", "trim"):
        body.marks[-1].alpha = 0.82
    a = np.linspace(0, 2 * math.pi, 25)
    e = 2 / power
    rim = [
        (np.sign(math.sin(t)) * abs(math.sin(t)) ** e * r, h, np.sign(math.cos(t)) * abs(math.cos(t)) ** e * r * 0.9)
        for t in a
    ]
    item.add(inner, body, item.second(tube(rim, 0.055, 8, 2), "trim", 0.85))
    kind = f.rng("handle").randrange(3)
    if kind == 0:
        item.groups[-1].append(item.second(tube(hoop(r * 0.98, h * 0.9, h + 0.78), 0.06, 8, 5, flat=0.6), "trim", 0.85))
    for s in (-1, 1) if kind == 1 else ():
        up, x = (s * (r + 0.12), h + 0.14), s * r * 0.97
        grip = tube([(x, h - 0.08, -0.2), (*up, -0.12), (*up, 0.12), (x, h - 0.08, 0.2)], 0.045, 8, 4)
        item.add(item.second(grip, "trim", 0.85))


def toolbox(item: Item) -> None:
    f = item.finish
    w, d, h = f.between("w", 0.92, 1.02), f.between("d", 0.42, 0.5), f.between("h", 0.6, 0.72)
    item.add(walls(item, w, d, (0, h)))
    k = f.between("gable", 0.45, 0.7)
    rows = [(h, 1.0, 1.0), (h + 0.02, 1.01, 1.02), (h + 0.06, 1.01, 1.02), (h + 0.24, 0.98, k), (h + 0.24, 0.0, 0.0)]
    corners = ((0, -1), (-1, -1), (-1, 1), (1, 1), (1, -1), (0, -1))
    grid = np.array([[(x * w * a, y, z * d * b) for x, z in corners] for y, a, b in rows])
    item.add(item.second(grid, "lid", 0.9, True))
    for x in (-0.5, 0.5):
        item.groups[-1].append(
            Surface(
                box((x * w - 0.06, x * w + 0.06), (h - 0.12, h + 0.08), (d + 0.005, d + 0.04), 0.01),
                STEEL,
                METAL,
                flat=True,
                casts=False,
            )
        )
    top_y = h + 0.24
    item.add(
        item.part(
            tube(
                [
                    (-w * 0.4, top_y - 0.02, 0),
                    (-w * 0.38, top_y + 0.14, 0),
                    (w * 0.38, top_y + 0.14, 0),
                    (w * 0.4, top_y - 0.02, 0),
                ],
                0.05,
                10,
                4,
            ),
            f.accent if f.pattern == "trim" else (52, 50, 52),
        )
    )


def jewellery_box(item: Item) -> None:
    f = item.finish
    w, d, h = f.between("w", 0.8, 0.9), f.between("d", 0.58, 0.66), f.between("h", 0.5, 0.62)
    for x in (-1, 1):
        for z in (-1, 1):
            foot = turned([(0.0, 0.0), (0.06, 0.02), (0.08, 0.08), (0.05, 0.12)], 14)
            item.add(Surface(foot + (x * (w - 0.1), 0, z * (d - 0.1)), BRASS, METAL))
    item.add(walls(item, w, d, (0.1, h)))
    open_by = item.rng.uniform(0.9, 1.5) if item.rng.random() < 0.5 else 0.0
    hinge = (0.0, h, -d)
    cover = spun(cushion((w * 2 + 0.04, 0.16, d * 2 + 0.04), (0, h + 0.08, 0), 9.0, 0.3), "x", -open_by, hinge)
    lid = item.second(cover, "lid", 1.0)
    plate = spun(top(w * 0.96, d * 0.96, h + 0.163), "x", -open_by, hinge)
    shown = main(plate, f, u=(0.0, 0.999)) if f.pattern != "lid" else None
    if open_by:
        velvet: Colour = f.rng("velvet").choice(((140, 30, 48), (40, 48, 92), (60, 60, 64), (206, 180, 176)))
        inside = Surface(top(w - 0.04, d - 0.04, h + 0.004), velvet, SATIN, flat=True, casts=False)
        mirror = spun(np.flip(top(w - 0.12, d - 0.12, h - 0.004), axis=0), "x", -open_by, hinge)
        item.groups[-1].append(inside)
        bars = [
            np.array([[(0.06 + 0.3 * k, 0.06), (0.32 + 0.3 * k, 0.06), (0.32 + 0.3 * k, 0.94), (0.06 + 0.3 * k, 0.94)]])
            for k in range(3)
        ]
        inside.marks = [Marks(lit(velvet, 0.7), np.concatenate(bars))]
        item.add(*([shown] if shown else []), lid, Surface(mirror, (206, 214, 220), METAL, flat=True, casts=False))
    else:
        item.add(lid, *([shown] if shown else []))
        item.groups[-1].append(
            Surface(
                box((-0.06, 0.06), (h - 0.1, h + 0.06), (d + 0.01, d + 0.04), 0.01),
                BRASS,
                METAL,
                flat=True,
                casts=False,
            )
        )


def lunch_box(item: Item) -> None:
    f = item.finish
    w, h, d = f.between("w", 0.8, 0.9), f.between("h", 0.98, 1.12), f.between("d", 0.26, 0.32)
    power = f.rng("shape").choice((5.0, 8.0))
    grid = spun(
        loft(
            [
                (-d, 0, 0),
                (-d, w - 0.05, h / 2 - 0.05),
                (-d + 0.05, w, h / 2),
                (0, w, h / 2),
                (d - 0.05, w, h / 2),
                (d, w - 0.05, h / 2 - 0.05),
                (d, 0, 0),
            ],
            power,
            44,
        ),
        "x",
        math.pi / 2,
    ) + (0, h / 2, 0)
    body = item.plain(grid)
    body.marks = [
        Marks(
            f.near(0.6),
            np.array([[(u, 0.49), (u + 0.03, 0.49), (u + 0.03, 0.52), (u, 0.52)] for u in np.linspace(0, 0.97, 34)]),
        )
    ]
    plate = np.array(
        [[(x, y, d + 0.003) for x in np.linspace(-w * 0.84, w * 0.84, 9)] for y in np.linspace(h * 0.1, h * 0.9, 9)]
    )
    front = main(plate, f, u=(0.0, 0.999))
    front.casts = False
    latch = Surface(box((-0.07, 0.07), (h - 0.02, h + 0.03), (-0.06, 0.08), 0.01), STEEL, METAL, flat=True, casts=False)
    item.add(body, front)
    item.add(
        latch,
        item.second(
            tube([(-0.3, h - 0.01, 0), (-0.27, h + 0.2, 0), (0.27, h + 0.2, 0), (0.3, h - 0.01, 0)], 0.05, 10, 4),
            "trim",
            0.75,
        ),
    )


PLACES = ("studio", "studio", "table", "shelf", "cloth", "desk")

FORMS = {
    "box-gift-box": Form(gift_box, PLACES, yaw=(-0.75, 0.75), rise=(0.25, 0.6)),
    "box-tin": Form(tin, ("studio", "studio", "table", "shelf", "counter"), yaw=(-0.75, 0.75), rise=(0.14, 0.5)),
    "box-hat-box": Form(hat_box, (*PLACES, "floor"), yaw=(-1.0, 1.0), rise=(0.18, 0.55)),
    "box-chest": Form(
        chest, ("studio", "studio", "floor", "floor", "rug", "table"), yaw=(-0.75, 0.75), rise=(0.18, 0.5)
    ),
    "box-basket": Form(
        basket, ("studio", "studio", "table", "floor", "patio", "lawn"), yaw=(-0.8, 0.8), rise=(0.2, 0.6)
    ),
    "box-toolbox": Form(toolbox, ("studio", "studio", "floor", "patio", "table"), yaw=(-0.75, 0.75), rise=(0.18, 0.5)),
    "box-jewellery-box": Form(jewellery_box, PLACES, yaw=(-0.75, 0.75), rise=(0.2, 0.55)),
    "box-lunch-box": Form(lunch_box, (*PLACES, "counter"), yaw=(-0.75, 0.75), rise=(0.12, 0.45)),
}
