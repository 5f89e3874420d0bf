"""How large vehicles are built: trucks with what they carry, and buses.

In their models ``back[0]`` is how long the cab is, ``tail`` how high it is, ``cowl`` the height of the load floor,
``belt`` that of the lower edge of the windows, and ``screen[0]`` how far a bonnet stands out before the windscreen.
"""

from __future__ import annotations

import numpy as np

from dmlkit.sample.colours import lit, mix
from dmlkit.sample.shapes import oval
from dmlkit.sample.vehicle.body import (
    AMBER,
    BLACK,
    CHROME,
    GLASS,
    PLASTIC,
    RED,
    STEEL,
    TINTED,
    Body,
    Part,
    arch,
    handle,
    mirrors,
    pane,
    plate,
    seam,
    wheels,
)
from dmlkit.sample.vehicle.faces import grille, head_lamps, lens, tail_lamps
from dmlkit.sample.vehicle.loads import LOADS
from dmlkit.sample.vehicle.solid import Hull, box, rounded


def truck(b: Body) -> None:
    """A truck: chassis, cab, and what it carries."""
    m = b.model
    half = m.long / 2
    floor = m.cowl
    rear_axles = (m.axles[1],) if not b.has("three axles") else (m.axles[1] + 0.6, m.axles[1] - 0.65)
    wheels(b, (m.axles[0],), m.wide / 2 - 0.06, m.wheel, 0.3)
    wheels(b, rear_axles, m.wide / 2 - 0.06, m.wheel, 0.3, twin=True)
    b.block((-0.2, 0, floor - 0.32), (m.long - 1.2, 0.9, 0.26), BLACK, 0.6, 0.1)
    gap = m.x(m.back[0]) - 0.1
    b.block(((gap + rear_axles[0]) / 2, 0, 0.5), ((gap - rear_axles[0]) * 0.42, m.wide - 0.3, 0.48), STEEL, 0.5, 0.7)
    for axle in rear_axles:
        for s in (1, -1):
            b.block((axle - m.wheel - 0.16, s * (m.wide / 2 - 0.32), 0.38), (0.03, 0.5, floor - 0.55), BLACK, 0.4, 0)
    underride(b, -half, floor)
    front = half - m.screen[0]
    b.group = (front + gap) / 2
    cabin(b)
    b.group = gap - (front - gap) / 2
    LOADS[m.load](b, (-half + 0.02, gap - 0.06), floor)
    if b.dress is not None and "load" in b.parts:
        b.dress(b, "load")  # after its ribs and straps, which would cut a badge into strips
    b.group = None


def underride(b: Body, x: float, floor: float) -> None:
    """The bar with the tail lamps below the load."""
    m = b.model
    bar = b.hull(
        "bar",
        Hull(bottom=((x, floor - 0.5), (x + 0.2, floor - 0.5)), top=((x, floor - 0.24), (x + 0.2, floor - 0.24)),
             nose=(0.02, 0.02), tail=(0.02, 0.02), crown=0.0, **rounded(x + 0.14, x, m.wide / 2 - 0.08, 0.01)),
        PLASTIC, 0.9, 0.2, levels=2, steps=2,
    )  # fmt: skip
    bar.end(box(m.wide * 0.34, floor - 0.37, 0.36, 0.15), RED, False, True, "tail", 0.6)
    bar.end(box(m.wide * 0.25, floor - 0.37, 0.1, 0.13), AMBER, False, True)
    plate(b, bar, False, floor - 0.37)


def bonnet(b: Body, x0: float, x1: float, low: float) -> Part:
    """The bonnet of a large vehicle, from ``x0`` forward to ``x1``."""
    m = b.model
    top = ((x0, m.nose + 0.16), (x1 - 0.3, m.nose), (x1, m.nose - 0.08))
    soft = 0.3 if b.has("round tail") else 0.12
    hull = Hull(
        bottom=((x0, low), (x1, low)),
        top=top,
        front=((0, x1 - 0.03), (0.1, x1), (0.7, x1 - 0.02), (0.9, x1 - 0.1), (1, x1 - 0.25)),
        rear=((0, x0), (1, x0)),
        half=tuple((t, m.wide * 0.42 - e) for t, e in ((0, 0.02), (0.6, 0), (0.85, 0.04), (0.95, 0.1), (1, 0.2))),
        nose=(soft, soft * 1.4),
        tail=(0.02, 0.02),
    )
    b.group = x0 + 0.04 + (0.9 if b.model.back[0] == 0 else (b.model.back[0] - b.model.screen[0] + 0.1) / 2)
    part = b.hull("bonnet", hull, b.paint, 1.2, levels=8, steps=5)
    w = m.wide * 0.42
    grille(b, part, w, (m.nose + low) / 2 + 0.16, 1.9)
    head_lamps(b, part, w * 1.04, (m.nose + low) / 2 - 0.02, 1.4)
    part.end(box(0, low + 0.12, w * 2.6, 0.26), CHROME if b.has("chrome") else PLASTIC, True, gloss=0.8)
    plate(b, part, True, low + 0.13)
    arch(b, part, m.axles[0], m.wheel * 1.14, lit(b.paint, 0.86))
    seam(part, [(x0 + 0.06, low), (x0 + 0.06, m.nose)], b.paint)
    part.side(box((x0 + x1) / 2 + 0.1, m.nose - 0.22, 0.5, 0.12), lit(b.paint, 0.5))
    return part


def cabin(b: Body) -> None:
    """The cab of a truck."""
    m = b.model
    half, snout = m.long / 2, m.screen[0]
    x1, x0 = half - snout, m.x(m.back[0])
    low = 0.42 if not snout else 0.5
    rake = 0.34 if b.has("raked") else 0.12
    soft = 0.32 if b.has("round tail") else 0.16
    hull = Hull(
        bottom=((x0, low), (x1, low)),
        top=((x0, m.tail), (x1 - 0.5, m.tail), (x1, m.tail - (0.16 if b.has("raked") else 0.05))),
        front=((0, x1 - 0.08), (0.08, x1), (0.42, x1 - 0.02), (0.9, x1 - rake), (1, x1 - rake - 0.22)),
        rear=((0, x0), (0.9, x0), (1, x0 + 0.12)),
        half=tuple(
            (t, m.wide / 2 - e) for t, e in ((0, 0.04), (0.1, 0), (0.5, 0.0), (0.88, 0.07), (0.95, 0.11), (1, 0.22))
        ),
        nose=(soft, soft * 1.6),
        tail=(0.08, 0.12),
        crown=0.05,
    )
    part = b.hull("cab", hull, b.paint, 1, levels=8, steps=5)
    if b.identity.area == "roof":
        part.piece.upper = b.identity.second
    w = m.wide / 2
    top = m.tail - 0.42 if not b.has("tall cab") else m.belt + 0.82
    glaze_cab(b, part, x0, x1, top)
    mirrors(b, x1 - 0.25, w + 0.02, m.belt + 0.1, BLACK, (0.1, 0.16, 0.5))
    seam(part, [(x0 + 0.16, low), (x0 + 0.16, m.tail - 0.3)], b.paint, width=0.02)
    seam(part, [(x1 - 0.22, low + 0.3), (x1 - 0.22, m.belt)], b.paint, width=0.02)
    handle(b, part, x0 + 0.4, m.belt - 0.14)
    part.side(box((x0 + x1) / 2 + 0.1, low + 0.06, x1 - x0 - 0.4, 0.12), PLASTIC)
    if snout:
        b.block((x1 - 0.1, 0, low), (0.2, m.wide - 0.4, 0.2), BLACK, 0.6, 0)
        bonnet(b, x1 - 0.04, half, low)
    else:
        z = low + 0.42
        grille(b, part, w, m.belt - 0.42, 2.0)
        part.end(box(0, low + 0.2, w * 2.6, 0.42), PLASTIC if b.has("plain") else lit(b.paint, 0.88), True, gloss=0.4)
        head_lamps(b, part, w * 0.98, z - 0.18, 1.3)
        plate(b, part, True, low + 0.16)
        arch(b, part, m.axles[0], m.wheel * 1.12, PLASTIC)
    b.group = (x1 + x0 - 0.1) / 2
    cab_top(b, part, x0, x1)


def glaze_cab(b: Body, part: Part, x0: float, x1: float, top: float) -> None:
    """Windscreen, side windows and a step in the colour of the glass."""
    m = b.model
    w = m.wide / 2
    glass = TINTED if b.identity.tint else GLASS
    screen = np.array([(-w * 1.03, m.belt - 0.1), (w * 1.03, m.belt - 0.1), (w * 1.0, top), (-w * 1.0, top)])
    if b.has("split"):
        part.end(screen, BLACK, True, gloss=0.8)
        for s in (1, -1):
            half = np.array(
                [(0.04, m.belt - 0.08), (w * 0.98, m.belt - 0.06), (w * 0.94, top - 0.04), (0.04, top - 0.03)]
            )
            pane(part, half * (s, 1), glass, level=False, end="front")
    else:
        part.end(screen, BLACK, True, gloss=0.8)
        pane(part, screen * (0.96, 1) - (0, 0.0), glass, level=False, end="front")
    long = min(x1 - x0 - 0.42, 1.05)
    at = x1 - 0.3
    window = np.array([(at, m.belt), (at - long, m.belt + 0.02), (at - long, top - 0.05), (at - 0.12, top - 0.05)])
    part.side(window + (0, 0), BLACK, gloss=0.8)
    middle = window.mean(axis=0)
    pane(part, middle + (window - middle) * 0.93, glass, level=False)
    if x1 - x0 > 1.9:
        behind = at - long - 0.12
        part.side(
            box((behind + x0) / 2 + 0.06, (m.belt + top) / 2, max(behind - x0 - 0.35, 0.1), 0.4), TINTED, kind="glass"
        )


def cab_top(b: Body, part: Part, x0: float, x1: float) -> None:
    """A visor, a wind deflector, air horns or an exhaust stack."""
    m = b.model
    w = m.wide / 2
    if b.has("visor"):
        lean = 0.22 if b.has("raked") else 0.05
        b.block((x1 - lean, 0, m.tail - 0.36), (0.22, m.wide * 0.86, 0.05), lit(b.paint, 0.7), 2, 0.5)
    if b.has("deflector"):
        hull = Hull(
            bottom=((x0, m.tail - 0.03), (x1, m.tail - 0.03)), top=((x0, m.high - 0.1), (x1 - 0.9, m.tail + 0.2)),
            front=((0, x1 - 0.35), (0.4, x1 - 0.6), (1, x0 + 0.35)), rear=((0, x0 + 0.02), (1, x0 + 0.02)),
            half=((0, w - 0.1), (0.8, w - 0.2), (1, w - 0.35)), nose=(0.3, 0.5), tail=(0.05, 0.1),
        )  # fmt: skip
        b.hull("deflector", hull, b.paint, 1.1, levels=5, steps=4)
    if b.has("stack"):
        for s in (1, -1):
            b.block((x0 - 0.08, s * (w - 0.2), 1.0), (0.14, 0.14, m.tail + 0.35 - 1.0), CHROME, 1, 1.4)
    if b.has("light bar"):
        for y in (-0.6, -0.2, 0.2, 0.6):
            b.block((x1 - 0.4, y, m.tail), (0.1, 0.14, 0.12), AMBER, 2, 0.8)


def bus(b: Body) -> None:
    """A bus or a coach."""
    m = b.model
    half, snout = m.long / 2, m.screen[0]
    x1, x0 = half - snout, -half
    rake = {"wedge": 0.55, "slant": 0.3, "round": 0.34, "box": 0.06, "upright": 0.16}[m.face]
    round_ = 0.75 if b.has("round tail") else 0.25
    hull = Hull(
        bottom=((x0, m.clear + 0.1), (x0 + 1.2, m.clear), (x1, m.clear)),
        top=((x0, m.high - (0.16 if b.has("round tail") else 0.04)), (x0 + 0.8, m.high), (x1 - 0.8, m.high), (x1, m.high - rake * 0.3)),
        front=((0, x1 - 0.1), (0.1, x1), (0.35, x1 - 0.02), (0.6, x1 - rake * 0.4), (0.9, x1 - rake), (1, x1 - rake - 0.25)),
        rear=((0, x0 + 0.1), (0.15, x0), (0.6, x0 + 0.02), (0.9, x0 + (0.3 if b.has("round tail") else 0.08)), (1, x0 + 0.4)),
        half=tuple((t, m.wide / 2 - e) for t, e in ((0, 0.05), (0.08, 0), (0.5, 0), (0.86, 0.05), (0.95, 0.12), (1, 0.3))),
        nose=(round_, round_ * 1.3),
        tail=(round_ * 0.8, round_),
        crown=0.06,
    )  # fmt: skip
    b.group = x1 - 0.9
    part = b.hull("body", hull, b.paint, 1, levels=9, steps=9)
    b.group = None
    if b.identity.area == "roof":
        part.piece.upper = b.identity.second
    b.block((0, 0, 0.2), (m.long - 1.2, m.wide - 0.5, 0.3), BLACK, 0.5, 0)
    for x in m.axles:
        arch(b, part, x, m.wheel * 1.14, None)
    wheels(b, m.axles, m.wide / 2 - 0.05, m.wheel, 0.3)
    bus_sides(b, part, x0, x1)
    bus_ends(b, part, snout)
    if snout:
        bonnet(b, x1 - 0.05, half, m.clear + 0.15)
        b.group = None
    bus_top(b, x0, x1)


def bus_sides(b: Body, part: Part, x0: float, x1: float) -> None:
    """Windows, doors on the right and flaps on both sides."""
    m = b.model
    glass = TINTED if b.identity.tint else GLASS
    decks = [(m.belt, m.belt + m.nose if not m.screen[0] else m.high - 0.45)]
    if b.has("two decks"):
        decks = [(m.belt, m.belt + 0.82), (m.belt + 1.75, m.belt + 2.5)]
    ahead, behind = x1 - (0.5 if not b.has("round tail") else 0.85), x0 + (0.4 if not b.has("round tail") else 0.7)
    count = max(4, round((ahead - behind) / (1.15 if b.has("small panes") else 1.7)))
    for low, high in decks:
        one = not b.has("single panes")
        if one:
            part.side(box((ahead + behind) / 2, (low + high) / 2, ahead - behind, high - low + 0.06), BLACK, gloss=0.9)
        for k in range(count):
            left = behind + (ahead - behind) * k / count
            long = (ahead - behind) / count
            gap = 0.03 if one else 0.11
            slant = 0.24 if b.has("slant panes") else 0.0
            at = left + (long - slant) / 2
            shape = np.array(box(at, (low + high) / 2, long - gap * 2, high - low - gap, slant))
            pane(part, shape, glass, level=False, kind="cabin")
            if b.has("vents"):
                part.side(box(left + long / 2, high - 0.24, long - gap * 2, 0.025), STEEL)
    doors = [x1 - (0.75 if m.screen[0] else 0.92)]
    if b.has("two doors"):
        doors.append((m.axles[0] + m.axles[1]) / 2 - 0.2)
    for x in doors:
        top = decks[0][1]
        part.side(box(x, (m.clear + 0.08 + top) / 2, 1.05, top - m.clear - 0.02), lit(b.paint, 0.4), -1)
        for way in (-0.25, 0.25):
            shape = np.array(box(x + way, (m.clear + 0.2 + top) / 2, 0.42, top - m.clear - 0.3))
            pane(part, shape, mix(glass, (90, 104, 116), 0.25), -1, level=False, kind="cabin")
    part.side(box(0, m.clear + 0.1, m.long - 0.8, 0.1), lit(b.paint, 0.55))
    for k in range(4):
        x = m.axles[1] + 0.9 + (m.axles[0] - m.axles[1] - 1.6) * k / 3
        seam(part, [(x, m.clear + 0.12), (x, m.belt - 0.12)], b.paint, 1, 0.02)
    seam(part, [(x0 + 0.5, m.clear + 0.4), (m.axles[1] - 0.7, m.clear + 0.4)], b.paint, 0, 0.02)


def bus_ends(b: Body, part: Part, snout: float) -> None:
    """Windscreen, number display, lamps and the rear of a bus."""
    m = b.model
    w = m.wide / 2
    glass = TINTED if b.identity.tint else GLASS
    low = m.belt - (0.05 if snout or b.has("round tail") else 0.3)
    top = (m.belt + 1.0 if b.has("two decks") else m.high - 0.5) if not snout else m.high - 0.5
    reach = 1.1 if not b.has("round tail") else 1.02
    wide = np.array([(-w * reach, low), (w * reach, low), (w * reach, top), (-w * reach, top)])
    if b.has("split"):
        for s in (1, -1):
            half = np.array([(0.05, low), (w * 0.95, low + 0.06), (w * 0.9, top), (0.05, top)]) * (s, 1)
            part.end(half, BLACK, True, gloss=0.8)
            pane(part, half.mean(axis=0) + (half - half.mean(axis=0)) * 0.93, glass, level=False, end="front")
    else:
        part.end(wide, BLACK, True, gloss=0.8)
        pane(part, wide * (0.97, 1), glass, level=False, end="front")
    if b.has("two decks"):
        upper = np.array(
            [(-w * 1.1, m.belt + 1.72), (w * 1.1, m.belt + 1.72), (w * 1.06, m.high - 0.35), (-w * 1.06, m.high - 0.35)]
        )
        part.end(upper, BLACK, True, gloss=0.8)
        pane(part, upper * (0.97, 1), glass, level=False, end="front")
        pane(part, upper * (0.8, 1), glass, level=False, end="rear")
    z = top + 0.2
    part.end(box(0, z, w * 1.3, 0.3), BLACK, True, gloss=0.6)
    for k in range(6):
        part.end(box((k - 2.6) * w * 0.19, z, w * 0.13, 0.16), AMBER, True, kind="lit", gloss=0.5)
    if not snout:
        head_lamps(b, part, w * 0.96, m.clear + 0.42, 1.5)
        if m.grille != "none":
            grille(b, part, w, m.clear + 0.62, 1.3)
        part.end(box(0, m.clear + 0.1, w * 2.6, 0.2), PLASTIC, True, gloss=0.3)
        plate(b, part, True, m.clear + 0.18)
        x, z = part.hull.at(np.array([1.6]), np.array([0.6]), 1.0)[0, 0], min(top, m.belt + 0.9) - 0.5
        mirrors(b, float(x), w + 0.04, z, BLACK, (0.1, 0.16, 0.42))
        for s in (1, -1):
            b.block((float(x), s * (w - 0.2), z + 0.38), (0.05, 0.6, 0.05), BLACK, 2, 0.3).beyond = (1, s * w)
    rear = np.array(
        [(-w * 0.78, m.belt + 0.05), (w * 0.78, m.belt + 0.05), (w * 0.72, top - 0.05), (-w * 0.72, top - 0.05)]
    )
    part.end(rear * (1.06, 1), BLACK, False, gloss=0.8)
    pane(part, rear, glass, level=False, end="rear")
    tail_lamps(b, part, w * 0.98, m.clear + 0.72, 1.5)
    part.end(box(0, m.clear + 0.12, w * 2.5, 0.2), PLASTIC, False, gloss=0.3)
    for k in range(4):
        part.end(box(0, m.clear + 0.5 + k * 0.08, w * 0.9, 0.035), lit(b.paint, 0.45), False)
    plate(b, part, False, m.clear + 0.3)
    lens(part, oval(w * 0.85, m.high - 0.25, 0.06, 0.06, count=10), False, "tail")


def bus_top(b: Body, x0: float, x1: float) -> None:
    """Air conditioning, poles, batteries or hatches on the roof."""
    m = b.model
    middle = (x0 + x1) / 2
    if b.has("pod"):
        pod = Hull(
            bottom=((-1, m.high - 0.05), (1, m.high - 0.05)), top=((-1, m.high + 0.24), (1, m.high + 0.24)),
            nose=(0.4, 0.3), tail=(0.3, 0.3), crown=0.03, **rounded(middle + 1.9, middle - 0.6, m.wide * 0.36, 0.2, 0.3),
        )  # fmt: skip
        b.hull("pod", pod, lit(b.paint, 0.9), 2, levels=4, steps=3)
    if b.has("fairing"):
        long = Hull(
            bottom=((-1, m.high - 0.08), (1, m.high - 0.08)), top=((-1, m.high + 0.3), (1, m.high + 0.3)),
            nose=(0.6, 0.4), tail=(0.3, 0.3), crown=0.03, **rounded(x1 - 0.9, x0 + 1.2, m.wide * 0.43, 0.12, 0.5),
        )  # fmt: skip
        b.hull("fairing", long, lit(b.paint, 0.94), 2, levels=4, steps=5)
    if b.has("poles"):
        for s in (1, -1):
            for k in range(7):
                x = middle - 0.4 - k * 0.62
                b.block((x, s * 0.22, m.high + 0.08 + k * 0.07), (0.66, 0.05, 0.05), (66, 70, 76), 2 + k * 0.01, 0.3)
        b.block((middle - 0.2, 0, m.high - 0.02), (1.2, 0.8, 0.14), PLASTIC, 2, 0.3)
    if b.has("warning lamps"):
        for x in (x1 - 0.5, x0 + 0.4):
            for s in (1, -1):
                b.block((x, s * m.wide * 0.3, m.high - 0.08), (0.1, 0.2, 0.13), AMBER if s > 0 else RED, 2, 0.7)
