"""How cars are built: saloons, SUVs, pickups and vans with a bonnet. Everything below is a function of model and identity."""

from __future__ import annotations

import numpy as np

from dmlkit.sample.colours import Colour, lit
from dmlkit.sample.shapes import Points, curve, poly
from dmlkit.sample.vehicle.body import (
    BLACK,
    GLASS,
    PLASTIC,
    TINTED,
    Body,
    Part,
    arch,
    cut,
    handle,
    mirrors,
    pane,
    panes_of,
    plate,
    seam,
    wheels,
    window_band,
)
from dmlkit.sample.vehicle.faces import bumpers, grille, head_lamps, tail_lamps
from dmlkit.sample.vehicle.solid import Hull, Patch, Piece, along, box

Line = tuple[tuple[float, float], ...]

FACES: dict[str, Line] = {
    "slant": ((0, 0.10), (0.15, 0.01), (0.35, 0), (0.62, 0.05), (0.85, 0.16), (1, 0.34)),
    "upright": ((0, 0.12), (0.2, 0.01), (0.45, 0), (0.78, 0.03), (0.92, 0.08), (1, 0.2)),
    "wedge": ((0, 0.12), (0.25, 0.01), (0.4, 0), (0.65, 0.14), (1, 0.5)),
    "round": ((0, 0.16), (0.25, 0.03), (0.5, 0), (0.75, 0.07), (0.9, 0.17), (1, 0.32)),
    "box": ((0, 0.05), (0.1, 0), (0.9, 0.01), (0.96, 0.03), (1, 0.07)),
    "shark": ((0, 0.16), (0.3, 0.06), (0.7, 0), (0.85, 0.03), (1, 0.16)),
}
"""How far a nose lies behind its foremost point, from below to above."""

FLANKS: dict[str, Line] = {
    "modern": ((0, 0.09), (0.1, 0.03), (0.36, 0), (0.58, 0.015), (0.72, 0.01), (0.86, 0.05), (0.95, 0.095), (1, 0.15)),
    "slab": ((0, 0.05), (0.08, 0.01), (0.4, 0), (0.8, 0.01), (0.93, 0.03), (1, 0.08)),
    "curvy": ((0, 0.12), (0.15, 0.04), (0.4, 0), (0.6, 0.02), (0.8, 0.09), (0.92, 0.15), (1, 0.2)),
    "waist": ((0, 0.08), (0.12, 0.01), (0.3, 0.02), (0.5, 0.05), (0.68, 0.0), (0.8, 0.015), (0.93, 0.07), (1, 0.14)),
}
"""How far a flank lies inside the widest point, from below to above."""


def lower(b: Body) -> Part:
    """The body below the windows, with its lamps, doors and bumpers."""
    m = b.model
    half, face, flank = m.long / 2, FACES[m.face], FLANKS[m.flank]
    tail = FACES["box" if b.has("square tail") else "round" if b.has("round tail") else "upright"]
    bonnet = curve(
        [(m.x(m.screen[0]), m.cowl), (m.x(m.screen[0] * 0.5), (m.cowl + m.nose) / 2 + 0.045), (half, m.nose)], 4
    )
    deck = [(-half, m.tail - 0.03), (m.x(m.back[1]), m.tail), (m.x((m.back[0] + m.screen[0]) / 2), m.belt)]
    hull = Hull(
        bottom=((-half, m.clear + 0.1), (-half + 0.6, m.clear), (half - 0.6, m.clear), (half, m.clear + 0.05)),
        top=tuple(deck) + tuple((float(x), float(z)) for x, z in bonnet),
        front=tuple((t, half - e) for t, e in face),
        rear=tuple((t, e - half) for t, e in tail),
        half=tuple((t, m.wide / 2 - e) for t, e in flank),
        nose=(0.16, 0.3) if m.face == "box" else (0.42, m.wide * 0.34),
        tail=(0.14, 0.25) if b.has("square tail") else (0.3, m.wide * 0.26),
        crown=0.035,
    )
    part = b.hull("body", hull, b.paint, 1, levels=9, steps=8)
    return part


def undercarriage(b: Body) -> None:
    """What is dark below the body."""
    m = b.model
    b.block((0, 0, m.clear - 0.04), (m.long - 1.0, m.wide - 0.5, 0.2), BLACK, 0.5, 0)


def details(b: Body, part: Part, doors: tuple[float, ...]) -> None:
    """Lamps, grille, bumpers, seams, arches and wheels. ``doors`` are the places of the edges of doors, from the front."""
    m = b.model
    w = m.wide / 2
    z = m.nose - 0.13
    bumpers(b, part, w, m.clear + 0.04)
    grille(b, part, w, z - 0.045, min(1.5, m.nose / 0.78))
    head_lamps(b, part, w, z + 0.02, min(1.35, 0.35 + m.nose * 0.85))
    high = m.tail if not b.has("tower") else m.belt
    tail_lamps(b, part, w, high - 0.2, min(1.35, 0.35 + m.nose * 0.85))
    plate(b, part, True, m.clear + 0.25)
    plate(b, part, False, min(m.tail - 0.32, m.clear + 0.55))
    seam_deck(b, part)
    front, rear = m.axles
    flare = PLASTIC if b.has("cladding") else lit(b.paint, 0.9) if b.has("flares") else None
    low = m.clear + 0.05
    part.side(box(0, m.clear + 0.03, m.base - 0.5, 0.07), lit(b.paint, 0.4) if flare is None else PLASTIC)
    if b.has("cladding"):
        part.side(box(0, m.clear + 0.1, m.base, 0.2), PLASTIC, gloss=0.25)
    if b.has("strip"):
        part.side(box(0.0, (m.clear + m.belt) / 2, m.long - 0.9, 0.07), BLACK, gloss=0.2)
    for x in doors:
        seam(part, [(x, m.belt - 0.01), (x + 0.02, (m.belt + low) / 2), (x, low)], b.paint)
    for behind in doors[1:]:
        handle(b, part, behind + 0.2, m.belt - 0.13)
    if not b.has("no crease"):
        crease = m.belt - (0.2 if b.has("low crease") else 0.11)
        part.side(box((front + rear) / 2, crease, m.long - 0.9, 0.018), lit(b.paint, 1.16))
        part.side(box((front + rear) / 2, crease - 0.022, m.long - 0.9, 0.016), lit(b.paint, 0.8))
    part.side(box(rear - 0.1, m.belt - 0.2, 0.15, 0.14), lit(b.paint, 0.8), s=-1)
    part.side(box(rear - 0.1, m.belt - 0.2, 0.13, 0.12), lit(b.paint, 0.98), s=-1)
    for x in (front, rear):
        arch(b, part, x, m.wheel * 1.15, flare)
    wheels(b, (front, rear), w - 0.035, m.wheel, 0.24)


def seam_deck(b: Body, part: Part) -> None:
    """The edges of bonnet and boot."""
    m = b.model
    dark = lit(b.paint, 0.55)
    cowl = m.x(m.screen[0])
    for v in (0.84, -0.84):
        part.deck(
            poly(
                [
                    (cowl, v - 0.01),
                    (m.long / 2 - 0.35, v * 0.9 - 0.01),
                    (m.long / 2 - 0.35, v * 0.9 + 0.01),
                    (cowl, v + 0.01),
                ]
            ),
            dark,
        )
    part.deck(poly([(cowl + 0.16, -0.86), (cowl + 0.16, 0.86), (cowl - 0.12, 0.86), (cowl - 0.12, -0.86)]), BLACK)
    if b.has("scoop"):
        x = cowl + 0.65
        part.deck(poly([(x, -0.25), (x, 0.25), (x - 0.3, 0.25), (x - 0.3, -0.25)]), lit(b.paint, 0.45))
    part.end(box(0, m.tail - 0.12, m.wide * 0.8, 0.012), dark, False)


def cab(b: Body, part: Part, name: str = "cab") -> Part:
    """The windows and the roof above the body."""
    m = b.model
    top_of = part.hull.top
    f0, f1 = m.x(m.screen[0]), m.x(m.screen[1])
    r1, r0 = m.x(m.back[0]), m.x(m.back[1])
    bulge = 0.04 if b.has("no bulge") else 0.1
    base = m.wide / 2 - FLANKS[m.flank][-1][1] + 0.005
    lean = 0.05 if b.has("upright cab") else 0.13
    roof = [
        (r1 - 0.05, m.high - 0.09),
        ((r1 + f1) / 2, m.high - 0.03),
        (f1 - 0.35, m.high - 0.035),
        (f1 + 0.05, m.high - 0.08),
    ]
    if b.has("level roof"):
        roof = [(r1, m.high - 0.04), (f1, m.high - 0.05)]
    hull = Hull(
        bottom=tuple((float(x), float(along(top_of, np.array([x]))[0]) - 0.015) for x in np.linspace(r0, f0, 9)),
        top=tuple((float(x), float(z)) for x, z in (curve(roof, 4) if len(roof) > 2 else roof)),
        front=(
            (0, f0),
            (0.5, (f0 + f1) / 2 + bulge * 0.6),
            (0.84, f0 + (f1 - f0) * 0.84 + bulge * 0.5),
            (0.95, f1 - 0.01),
            (1, f1 - 0.2),
        ),
        rear=(
            (0, r0),
            (0.5, (r0 + r1) / 2 - bulge * 0.5),
            (0.84, r0 + (r1 - r0) * 0.84 - bulge * 0.4),
            (0.95, r1 + 0.01),
            (1, r1 + 0.14),
        ),
        half=(
            (0, base),
            (0.5, base - lean * 0.42),
            (0.82, base - lean * 0.9),
            (0.93, base - lean * 1.2),
            (1, base - lean * 1.2 - 0.13),
        ),
        nose=(0.24, 0.5) if not b.has("upright cab") else (0.12, 0.25),
        tail=(0.2, 0.36) if not b.has("square tail") else (0.1, 0.2),
        crown=0.04,
    )
    colour = b.identity.second if b.identity.area == "roof" else b.paint
    made = b.hull(name, hull, colour, 2, levels=7, steps=6)
    if b.has("black roof") and b.identity.area != "roof":
        made.piece.colour = BLACK
    return made


def glaze(b: Body, made: Part, solid: float = 0.0) -> list[float]:
    """Windscreen, side windows and rear window of a cab; returns the pillars. ``solid`` keeps the rear share closed."""
    m = b.model
    hull = made.hull
    kind = m.window
    t0, t1 = 0.07, 0.82
    kick = {"kick": 0.38, "sweep": 0.2}.get(kind, 0.0)
    back = {"thick": 0.34, "quarter": 0.3, "long": -0.12}.get(kind, 0.1)
    band = window_band(made, (t0, t1), (0.03, back), kick)
    if solid:
        band = cut(band, 0, band[:, 0].max() - (np.ptp(band[:, 0])) * (1 - solid), True)
    if b.has("chrome") or b.has("chrome line"):
        middle = (band.min(axis=0) + band.max(axis=0)) / 2
        made.side(middle + (band - middle) * (1.012, 1.07), (196, 200, 205), level=True, gloss=1.0)
    pillars = panes_of(b, made, band)
    w = float(along(hull.half, np.array([0.5]))[0])
    glass = TINTED if b.identity.tint and b.has("privacy") else GLASS
    screen = trapeze(w * 1.14, w * 1.04, 0.05, 0.9)
    made.end(trapeze(w * 1.19, w * 1.1, 0.02, 0.93), (16, 17, 19), True, gloss=1.0, level=True)
    pane(made, screen, glass, end="front")
    tone = TINTED if b.identity.tint or b.has("privacy") else GLASS
    if solid and m.high > 1.95:
        for s in (1, -1):
            small = (box(0, 0.58, w * 0.62, 0.34) + np.array([w * 0.48, 0])) * (s, 1)
            made.end(small * (1.02, 1.0), BLACK, False, gloss=1.0, level=True)
            pane(made, small.mean(axis=0) + (small - small.mean(axis=0)) * 0.9, tone, end="rear")
    else:
        made.end(trapeze(w * 1.05, w * 0.95, 0.06, 0.86), (16, 17, 19), False, gloss=1.0, level=True)
        pane(made, trapeze(w * 1.0, w * 0.9, 0.1, 0.82), tone, end="rear")
    if kind == "quarter":
        x = band[:, 0].min() - 0.16
        made.side(np.array([(x + 0.1, 0.12), (x + 0.1, 0.5), (x - 0.12, 0.16)]), TINTED, kind="glass", level=True)
    made.end(box(0, 0.965, 0.34, 0.03), (140, 24, 26), False, level=True)
    return pillars


def trapeze(low: float, high: float, t0: float, t1: float) -> Points:
    """An upright trapeze about the middle of an end: half its width below and above."""
    return np.array([(-low, t0), (low, t0), (high, t1), (-high, t1)])


def car(b: Body) -> None:
    """A saloon or an SUV."""
    m = b.model
    part = lower(b)
    undercarriage(b)
    made = cab(b, part)
    pillars = glaze(b, made)
    front = min(m.x(m.screen[0]) - 0.02, m.axles[0] - m.wheel * 1.2)
    rear = m.axles[1] + m.wheel * 0.95
    inner = tuple(p for p in pillars if p > rear + 0.4)
    doors = (front, *inner, rear) if inner else (front, max(rear, front - 1.35))
    details(b, part, doors)
    tone = b.identity.second if b.identity.area == "roof" else BLACK if b.has("plain") else b.paint
    mirrors(b, m.x(m.screen[0]) - 0.42, m.wide / 2 - 0.15, m.belt + 0.02, tone, (0.11, 0.18, 0.13))
    roof_parts(b, made)
    if b.has("spare"):
        spare(b)


def van(b: Body) -> None:
    """A van: a car with a long, tall cab, of which a part may have no windows."""
    m = b.model
    part = lower(b)
    undercarriage(b)
    made = cab(b, part)
    shut = 0.0 if b.has("windows") else 1 - (m.screen[1] + 0.75 - m.screen[0]) / (m.long - m.screen[0])
    pillars = glaze(b, made, shut)
    front = min(m.x(m.screen[0]) + 0.12, m.x(0.35)) if m.ahead < 0.5 else m.axles[0] - m.wheel * 1.25
    second = m.x(m.screen[1] + 0.85)
    third = max(second - 1.2, m.axles[1] + m.wheel * 1.2)
    if b.has("windows") and pillars:
        second = pillars[0]
        third = pillars[1] if len(pillars) > 1 else third
    dark = lit(b.paint, 0.6)
    part.end(box(0, (m.tail + m.clear) / 2, 0.018, m.tail - m.clear - 0.2), dark, False)
    part.end(box(0.14, m.tail - 0.1, 0.1, 0.05), BLACK, False)
    details(b, part, (front, second, third))
    w = m.wide / 2
    if not b.has("windows"):
        for x in (second, third):
            made.side(box(x, 0.42, 0.014, 0.8), dark, level=True)
    part.side(box((third + m.axles[1]) / 2 - 0.2, m.belt - 0.04, abs(third - m.axles[1]) + 1.3, 0.03), dark)
    made.end(box(0, 0.45, 0.018, 0.9), dark, False, level=True)
    size = (0.12, 0.2, 0.3 if m.high > 1.95 else 0.18)
    mirrors(b, m.x(m.screen[0]) - 0.42, w - 0.08, m.belt + 0.03, BLACK if not b.has("chrome") else b.paint, size)
    roof_parts(b, made)


def pickup(b: Body) -> None:
    """A pickup: a short cab before an open bed."""
    m = b.model
    part = lower(b)
    undercarriage(b)
    end = m.x(m.back[1]) - 0.1
    half = m.long / 2
    edge = poly([(end, -0.97), (end, 0.97), (-half + 0.16, 0.97), (-half + 0.16, -0.97)])
    part.deck(edge, PLASTIC, gloss=0.1)
    part.deck(edge * (0.985, 0.9) - (0.01, 0), (22, 22, 24), gloss=0.0)
    part.deck(edge * (0.97, 0.8) - (0.03, 0), (44, 45, 48), gloss=0.0)
    made = cab(b, part)
    pillars = glaze(b, made)
    front = min(m.x(m.screen[0]) + 0.02, m.axles[0] - m.wheel * 1.2)
    doors = (front, *pillars, m.x(m.back[1]) + 0.12)
    details(b, part, doors)
    seam(part, [(m.x(m.back[1]) - 0.03, m.belt), (m.x(m.back[1]) - 0.03, m.clear + 0.05)], b.paint, 0, 0.03)
    part.end(box(0, m.tail - 0.07, 0.26, 0.06), BLACK, False)
    if b.has("stepside"):
        part.side(box(m.axles[1], m.belt - 0.1, 1.2, 0.16), lit(b.paint, 0.8))
    tone = BLACK if b.has("plain") else b.paint
    mirrors(b, m.x(m.screen[0]) - 0.42, m.wide / 2 - 0.12, m.belt + 0.02, tone, (0.12, 0.22, 0.18))
    if b.has("roll bar"):
        for s in (1, -1):
            b.block((end - 0.2, s * (m.wide / 2 - 0.25), m.belt), (0.1, 0.1, 0.5), BLACK, 2, 0.4)
        b.block((end - 0.2, 0, m.belt + 0.48), (0.1, m.wide - 0.42, 0.08), BLACK, 2, 0.4)
    if b.has("lamp bar"):
        b.block((m.x(m.screen[1]) - 0.2, 0, m.high - 0.02), (0.12, m.wide * 0.56, 0.09), BLACK, 4, 0.4)
        for y in (-0.36, -0.12, 0.12, 0.36):
            b.block((m.x(m.screen[1]) - 0.13, y, m.high), (0.02, 0.16, 0.07), (236, 232, 214), 4.1, 0.4)
    roof_parts(b, made)


def roof_parts(b: Body, made: Part) -> None:
    """Rails, an aerial fin and the spoiler of a roof."""
    m = b.model
    one = np.ones(1)
    w = float(along(made.hull.half, one)[0])
    f, r = float(along(made.hull.front, one)[0]), float(along(made.hull.rear, one)[0])
    top = float(along(made.hull.top, np.array([(f + r) / 2]))[0])
    if b.has("rails"):
        tone: Colour = (176, 181, 187) if b.has("chrome line") or b.has("chrome") else PLASTIC
        for s in (1, -1):
            b.block(((f + r) / 2, s * (w + 0.02), top + 0.03), (f - r - 0.5, 0.045, 0.04), tone, 4)
            for x in (f - 0.35, r + 0.35):
                b.block((x, s * (w + 0.02), top - 0.04), (0.1, 0.045, 0.09), tone, 4)
    if b.has("fin"):
        b.block((r + 0.3, 0, top + 0.02), (0.16, 0.03, 0.05), b.paint, 4, 1)
    if b.has("spoiler"):
        b.block((m.x(m.back[0]) - 0.12, 0, m.high - 0.1), (0.3, m.wide * 0.66, 0.04), b.paint, 4, 1)
    if b.has("boot spoiler"):
        b.block((-m.long / 2 + 0.2, 0, m.tail + 0.05), (0.22, m.wide * 0.8, 0.035), b.paint, 2, 1)


def spare(b: Body) -> None:
    """A spare wheel on the tailgate, in a cover."""
    m = b.model
    x, z, r = -m.long / 2 - 0.1, m.belt - 0.1, m.wheel * 0.92
    angle = np.linspace(0, 2 * np.pi, 25)
    ring = np.stack([np.cos(angle) * r, np.sin(angle) * r + z], axis=1)
    quads = np.array(
        [[(x, *ring[k]), (x + 0.16, *ring[k]), (x + 0.16, *ring[k + 1]), (x, *ring[k + 1])] for k in range(24)]
    )
    normals = np.array([(0, *((ring[k] + ring[k + 1]) / 2 - (0, z)) / r) for k in range(24)])
    piece = Piece(quads, normals, BLACK, 3, 0.2, beyond=(0, -m.long / 2))
    for share, tone in ((1.0, PLASTIC), (0.84, lit(b.paint, 0.92)), (0.78, b.paint), (0.2, PLASTIC)):
        points = np.column_stack([np.full(24, x), ring[:24, 0] * share, (ring[:24, 1] - z) * share + z])
        piece.patches.append(Patch(points, np.tile((-1.0, 0, 0), (24, 1)), tone, "", 0.6))
    b.pieces.append(piece)
