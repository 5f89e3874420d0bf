"""What is painted on one vehicle and put on it: stripes, numbers, badges, wear, racks and boxes.

Each mark is a function of the body, the part it is painted on, its colour and a number for its variant. Marks of the
skin are painted before seams and lamps; those in `EXTRAS` come last and have a shape of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from dmlkit.sample.colours import Colour, lit, luma, mix
from dmlkit.sample.shapes import Points, blob, oval, poly
from dmlkit.sample.vehicle.body import BLACK, CHROME, PLASTIC, STEEL, Body, Part
from dmlkit.sample.vehicle.solid import Hull, along, box, line, rounded

Mark = Callable[[Body, Part, Colour, int], None]


def span(part: Part) -> tuple[float, float, float, float]:
    """Rear, front, lower and upper end of the flat of a side."""
    hull = part.hull
    middle = np.array([0.5])
    rear, front = float(along(hull.rear, middle)[0]), float(along(hull.front, middle)[0])
    x = np.array([(rear + front) / 2])
    return rear, front, float(along(hull.bottom, x)[0]), float(along(hull.top, x)[0])


def field_of(b: Body, part: Part, whole: bool = False) -> tuple[float, float, float, float]:
    """The middle of the free part of a side, and how long and high it is: between the wheels, below the windows.

    ``whole`` takes the whole height of a bus: what is painted there also shows above the windows.
    """
    rear, front, low, high = span(part)
    if whole and part is b.parts.get("body") and b.model.belt + 1 < high:
        return 0.0, (low + high) / 2, (front - rear) * 0.7, high - low
    if part is b.parts.get("load"):
        return (rear + front) / 2, (low + high) / 2, front - rear, high - low
    if b.model.load:
        return (rear + front) / 2, (low + b.model.belt) / 2, front - rear, b.model.belt - low
    if "two decks" in b.model.has:
        return 0.0, b.model.belt + 1.28, b.model.long * 0.9, 0.8
    if "cladding" in b.model.has:
        low += 0.2
    ahead, behind = b.model.axles
    top = high if high < b.model.belt + 0.3 else b.model.belt
    return (ahead + behind) / 2, (low + top) / 2, ahead - behind, top - low


def stripes(b: Body, part: Part, c: Colour, k: int) -> None:
    """Two stripes from the nose over bonnet, roof and boot to the tail."""
    wide, gap = ((0.24, 0.1), (0.2, 0.2), (0.32, 0.06))[k % 3]
    for s in (1, -1) if k % 4 < 3 else (1,):
        v0, v1 = s * gap, s * (gap + wide)
        for name in ("body", "cab"):
            if name in b.parts:
                rear, front, *_ = span(b.parts[name])
                b.parts[name].deck(poly([(rear, v0), (rear, v1), (front, v1), (front, v0)]), c)
        w = b.model.wide / 2
        for ahead in (True, False):
            b.parts["body"].end(poly([(v0 * w, 0), (v1 * w, 0), (v1 * w, 1), (v0 * w, 1)]), c, ahead, level=True)


def band(b: Body, part: Part, c: Colour, k: int) -> None:
    """A stripe along the whole side."""
    _, z, _, high = field_of(b, part)
    at, wide = ((0.05, 0.16), (0.22, 0.09), (-0.2, 0.2), (0.12, 0.3))[k % 4]
    part.side(box(0, z + high * at, b.model.long * 1.02, high * wide), c)
    if k % 2:
        part.side(box(0, z + high * (at - wide * 0.9), b.model.long * 1.02, high * 0.05), c)
    for ahead in (True, False):
        if part is b.parts.get("body") and k % 3 == 0 and b.model.high > 2.2:
            part.end(box(0, z + high * at, b.model.wide * 1.3, high * wide), c, ahead)


def wave(b: Body, part: Part, c: Colour, k: int) -> None:
    """A wedge that rises towards the rear (or the front)."""
    x, z, long, high = field_of(b, part, whole=True)
    way = 1 if k % 2 else -1
    low, top = z - high * 0.5, z + high * 0.48
    reach = long * (0.62 if part is not b.parts.get("load") else 0.5)
    shape = [(x + way * reach, low + high * 0.1), (x - way * reach * 0.2, low + high * 0.36), (x - way * reach, top),
             (x - way * reach, low + high * 0.16), (x + way * reach * 0.1, low)]  # fmt: skip
    part.side(blob(shape, 4) if k % 3 else poly(shape), c)


def slashes(b: Body, part: Part, c: Colour, k: int) -> None:
    """Slanting bars on the sides."""
    x, z, long, high = field_of(b, part, whole=True)
    count = 2 + k % 3
    for step in range(count):
        at = x + (step - (count - 1) / 2) * min(0.5, long * 0.16) - long * 0.18 * (1 if k % 2 else -1)
        part.side(box(at, z, min(0.26, long * 0.09), high * 0.94, high * 0.4 * (1 if k % 2 else -1)), c)


def checks(b: Body, part: Part, c: Colour, k: int) -> None:
    """A band of squares along the sides."""
    x, z, long, high = field_of(b, part)
    size = max(0.11, min(high * 0.13, 0.22))
    at = z + high * (0.16 if k % 2 else -0.08)
    count = int(long * 0.94 / size)
    for row in (0, 1):
        for step in range(row, count, 2):
            part.side(box(x - long * 0.47 + (step + 0.5) * size, at + row * size, size, size), c)


def lower(b: Body, part: Part, c: Colour, k: int) -> None:
    """The lower part in another colour."""
    _, z, _, high = field_of(b, part)
    at = z - high * (0.05 if k % 2 else 0.16)
    low = z - high * 0.6
    part.side(box(0, (at + low) / 2, b.model.long * 1.05, at - low), c)
    for ahead in (True, False):
        part.end(box(0, (at + low) / 2, b.model.wide * 1.9, at - low), c, ahead)


def half(b: Body, part: Part, c: Colour, k: int) -> None:
    """The rear (or the front) part in another colour, cut off at a slant."""
    rear, front, low, high = span(part)
    x = rear + (front - rear) * (0.4 + 0.08 * (k % 3))
    slant = (high - low) * 0.5
    edge = rear if k % 2 else front
    part.side(poly([(edge, low), (x, low), (x + slant, high), (edge, high)]), c)
    if part is not b.parts.get("load"):
        whole = poly([(-b.model.wide, 0), (b.model.wide, 0), (b.model.wide, 1), (-b.model.wide, 1)])
        part.end(whole, c, not k % 2, level=True)


def bonnet(b: Body, part: Part, c: Colour, k: int) -> None:
    """The bonnet in another colour, down to the upper edge of the nose."""
    m = b.model
    part.deck(poly([(m.x(m.screen[0]), -0.84), (m.x(m.screen[0]), 0.84), (m.long / 2, 0.9), (m.long / 2, -0.9)]), c)
    w = m.wide * 0.4
    part.end(poly([(-w, 0.8), (w, 0.8), (w, 1), (-w, 1)]), c, True, level=True)


def door(b: Body, part: Part, c: Colour, k: int) -> None:
    """One door or wing in the colour of primer or of another car."""
    x, z, long, high = field_of(b, part)
    side = 1 if k % 2 else -1
    where = (long * 0.14, -long * 0.14, long * 0.5)[k % 3]
    part.side(box(x + where, z, min(long * 0.3, 1.1), high * 1.1), c, side)


def wing(b: Body, part: Part, c: Colour, k: int) -> None:
    """One front corner in another colour, seen from the front and from one side."""
    _, front, low, high = span(part)
    side = 1 if k % 2 else -1
    part.side(box(front - 0.3, (low + high) / 2, 1.1, high - low + 0.2), c, side)
    part.end(poly([(0.35 * side, 0), (2.0 * side, 0), (2.0 * side, 1), (0.35 * side, 1)]), c, True, level=True)


def roundel(b: Body, part: Part, c: Colour, k: int) -> None:
    """A disc with a number on the doors, and on the bonnet of a car."""
    x, z, long, high = field_of(b, part)
    r = min(high * 0.46, 0.66)
    x += long * 0.12 if part is not b.parts.get("load") else 0
    part.side(oval(x, z + high * 0.04, r, r), c)
    part.side(oval(x, z + high * 0.04, r * 0.9, r * 0.9), (240, 240, 236))
    for s in (1, -1):
        number(part, k, x, z + high * 0.04, r * 1.05, c if luma(c) < 150 else (30, 32, 38), s)
    if "cab" in b.parts and b.model.nose < b.model.high * 0.7 and part is b.parts.get("body"):
        m = b.model
        at = m.x(m.screen[0] * 0.52)
        part.deck(oval(at, 0.0, 0.34, 0.38), (240, 240, 236))


SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def number(part: Part, value: int, x: float, z: float, size: float, c: Colour, s: int) -> None:
    """A number on a side, to be read from outside; ``size`` is its height."""
    text = str(value)
    wide, thick = size * 0.5, size * 0.16
    places = {
        "a": (0, 0.5, 1), "d": (0, -0.5, 1), "g": (0, 0, 1), "f": (-0.5, 0.25, 0), "b": (0.5, 0.25, 0),
        "e": (-0.5, -0.25, 0), "c": (0.5, -0.25, 0),
    }  # fmt: skip
    for k, digit in enumerate(text):
        middle = (k - (len(text) - 1) / 2) * size * 0.78
        for segment in SEGMENTS[int(digit)]:
            u, v, flat = places[segment]
            long, high = (wide + thick, thick) if flat else (thick, size * 0.5)
            part.side(box(x - s * (middle + u * wide), z + v * size * 0.84, long, high), c, s)


def shape_of(k: int, r: float) -> Points:
    """The outline of a badge, by number."""
    if k % 6 == 0:
        return poly([(0, -r), (r, 0), (0, r), (-r, 0)])
    if k % 6 == 1:
        return poly([(-r, -r * 0.8), (r, -r * 0.8), (0, r)])
    if k % 6 == 2:
        return oval(0, 0, r, r)
    if k % 6 == 3:
        turn = np.arange(10) * np.pi / 5 + np.pi / 2
        reach = np.where(np.arange(10) % 2 == 0, r, r * 0.45)
        return np.stack([np.cos(turn) * reach, np.sin(turn) * reach], axis=1)
    if k % 6 == 4:
        return poly([(-r, r * 0.8), (-r, -r * 0.2), (0, -r), (r, -r * 0.2), (r, r * 0.8)])
    turn = np.arange(6) * np.pi / 3
    return np.stack([np.cos(turn) * r, np.sin(turn) * r], axis=1)


BADGES = ("diamond", "triangle", "disc", "star", "shield", "hexagon")


def badge(b: Body, part: Part, c: Colour, k: int) -> None:
    """A badge on the doors, or large on the load, with a line as of writing beside it; and small on the tail."""
    x, z, long, high = field_of(b, part)
    r = min(high * 0.44, 0.78)
    x += long * 0.13 if part is not b.parts.get("load") else long * 0.26
    part.side(shape_of(k, r) + (x, z + high * 0.03), c)
    part.side(shape_of(k, r * 0.45) + (x, z + high * 0.03), b.paint if part is b.parts.get("body") else (240, 240, 238))
    if long > 3.4:
        for step, share in ((0.14, 0.34), (-0.14, 0.24)):
            part.side(box(x - r * 1.5 - long * share / 2, z + high * step, long * share, high * 0.13), c)
    part.end(shape_of(k, min(r, 0.3) * 0.8) + (b.model.wide * 0.22, z + high * 0.16), c, False)


def letters(b: Body, part: Part, c: Colour, k: int) -> None:
    """Blocks as of large writing along the side."""
    x, z, long, high = field_of(b, part)
    rng = Random(k)
    size = min(high * 0.36, 0.62)
    at = x + long * 0.36
    while at > x - long * 0.36:
        wide = size * rng.choice((0.45, 0.62, 0.8))
        cut = rng.randrange(4)
        part.side(box(at - wide / 2, z + high * 0.06, wide, size), c)
        if cut:
            hole = b.paint if part is b.parts.get("body") else lit(c, 1.6)
            part.side(
                box(at - wide / 2, z + high * 0.06 + size * (0.2 if cut == 1 else -0.16), wide * 0.4, size * 0.3), hole
            )
        at -= wide + size * 0.2


def dots(b: Body, part: Part, c: Colour, k: int) -> None:
    """Discs of several sizes over the sides."""
    x, z, long, high = field_of(b, part, whole=True)
    rng = Random(k)
    for _ in range(9):
        r = high * rng.uniform(0.1, 0.26)
        part.side(oval(x + rng.uniform(-0.48, 0.48) * long, z + rng.uniform(-0.25, 0.25) * high, r, r, count=14), c)


def dirt(b: Body, part: Part, c: Colour, k: int) -> None:
    """Mud along the sills, splashed up behind the wheels."""
    _, z, _, high = field_of(b, part)
    rng = Random(k)
    low = z - high * 0.55
    for layer, up in ((0, 0.5), (1, 0.32)):
        xs = np.linspace(-b.model.long / 2, b.model.long / 2, 15)
        top = [low + high * (up + rng.uniform(-0.08, 0.1)) for _ in xs]
        tone = mix(b.paint, c, 0.5 + 0.35 * layer)
        part.side(np.concatenate([np.column_stack([xs, top]), [(xs[-1], low - 0.1), (xs[0], low - 0.1)]]), tone)
        part.end(box(0, low + high * up * 0.4, b.model.wide * 1.8, high * up * 0.9), tone, False)


def dent(b: Body, part: Part, c: Colour, k: int) -> None:
    """A dent with scratches on one side."""
    x, z, long, high = field_of(b, part)
    side = 1 if k % 2 else -1
    at = x + (0.24, -0.24, 0.08, -0.08)[k % 4] * long
    r = min(high * 0.46, 0.6)
    hollow = [(at - r, z), (at, z + r * 0.66), (at + r * 1.1, z + r * 0.1), (at + r * 0.2, z - r * 0.7)]
    rim = [(at - r * 0.7, z - r * 0.3), (at, z - r * 0.1), (at + r * 0.7, z - r * 0.25), (at, z - r * 0.62)]
    part.side(blob(hollow, 4), lit(b.paint, 0.5), side)
    part.side(blob(rim, 4), lit(b.paint, 1.35), side)
    for step in (-0.1, 0.05, 0.2):
        scratch = line([(at - r * 1.5, z + r * step), (at + r * 1.6, z + r * (step + 0.3))], 0.026)
        part.side(scratch, mix(b.paint, (206, 206, 204), 0.75), side)


def rust(b: Body, part: Part, c: Colour, k: int) -> None:
    """Rust about the wheels and along the sill, and a spot on bonnet and tail."""
    x, z, long, high = field_of(b, part)
    rng, reach = Random(k), 0.45 if b.model.load else 0.72
    for _ in range(9):
        at, r = x + rng.uniform(-reach, reach) * long, rng.uniform(0.1, 0.24)
        y = z - high * rng.uniform(0.05, 0.4)
        shape = [
            (at + np.cos(a) * r * rng.uniform(0.6, 1.4), y + np.sin(a) * r * rng.uniform(0.6, 1.2))
            for a in np.arange(7) * 0.9
        ]
        part.side(poly(shape), lit(c, rng.uniform(0.8, 1.1)))
    part.end(oval(b.model.wide * 0.2, z - high * 0.1, 0.22, 0.13, count=9), c, False)


def stickers(b: Body, part: Part, c: Colour, k: int) -> None:
    """Small stickers at the rear and on the rear wings."""
    rng = Random(k)
    tones = [c, (236, 200, 60), (60, 130, 200), (230, 230, 226), (210, 60, 60)]
    rear, front, low, high = span(part)
    size = 0.2 if b.model.high < 2.2 else 0.34
    z = low + (high - low) * 0.72 if b.model.high < 2.2 else max(low + 0.5, 0.9)
    for step in range(4):
        q = b.model.wide * -0.38 + size * 1.15 * step
        part.end(box(q, z - 0.05 * (step % 2), size, size * 0.8), tones[(step + k) % 5], False)
    for step in range(4):
        x = rear + min(0.4, (front - rear) * 0.2) + size * 1.3 * step
        part.side(box(x, z + 0.1 * rng.random(), size, size * 0.9), tones[(step + k + 1) % 5])


def roof_of(b: Body) -> tuple[float, float, float, float]:
    """The middle, the length, the half width and the height of the roof of the cab."""
    part = b.parts.get("cab") or b.parts["body"]
    one = np.ones(1)
    front, rear = float(along(part.hull.front, one)[0]), float(along(part.hull.rear, one)[0])
    top = float(along(part.hull.top, np.array([(front + rear) / 2]))[0])
    return (front + rear) / 2, front - rear, float(along(part.hull.half, one)[0]), top


def roof_box(b: Body, part: Part, c: Colour, k: int) -> None:
    """A closed box on bars."""
    x, long, w, top = roof_of(b)
    side = (0.0, 0.16, -0.16)[k % 3] * w
    bars(b)
    reach = min(long * 0.42, 0.95)
    shape = rounded(x + reach, x - reach, w * 0.62, 0.07, 0.55)
    hull = Hull(
        bottom=((-9, top + 0.1), (9, top + 0.1)), top=((x - reach, top + 0.38), (x, top + 0.4), (x + reach, top + 0.31)),
        nose=(0.2, 0.2), tail=(0.08, 0.12), crown=0.03, **shape,
    )  # fmt: skip
    made = b.hull("roof box", hull, c, 5, 0.9, levels=5, steps=4)
    made.side(box(x, top + 0.2, reach * 1.9, 0.025), lit(c, 0.5))
    made.piece.quads[..., 1] += side


def bars(b: Body) -> None:
    """Two bars across the roof."""
    x, long, w, top = roof_of(b)
    for at in (x + long * 0.28, x - long * 0.3):
        b.block((at, 0, top + 0.07), (0.07, w * 2.1, 0.04), (40, 41, 44), 4.5, 0.4)


def rack(b: Body, part: Part, c: Colour, k: int) -> None:
    """A basket on the roof, with a load in the colour of the mark."""
    x, long, w, top = roof_of(b)
    reach = long * 0.42
    for s in (1, -1):
        b.block((x, s * w * 0.98, top + 0.08), (reach * 2, 0.04, 0.05), (40, 41, 44), 5, 0.3)
        b.block((x, s * w * 0.98, top + 0.19), (reach * 2, 0.04, 0.03), (40, 41, 44), 5, 0.3)
    for at in (-1, -0.33, 0.33, 1):
        b.block((x + at * reach, 0, top + 0.08), (0.05, w * 1.96, 0.04), (40, 41, 44), 4.6, 0.3)
    for at, high, tone in ((0.45, 0.26, c), (-0.4, 0.2, lit(c, 0.7))):
        b.block((x + at * reach, w * 0.1, top + 0.1), (reach * 0.7, w * 1.1, high), tone, 4.8, 0.2)


def ladder(b: Body, part: Part, c: Colour, k: int) -> None:
    """A ladder on one side of the roof."""
    x, long, w, top = roof_of(b)
    bars(b)
    y = w * (0.4 if k % 2 else -0.4)
    for s in (-0.2, 0.2):
        b.block((x, y + s, top + 0.12), (long * 0.95, 0.06, 0.07), (206, 208, 206), 5, 0.8)
    for step in range(7):
        b.block((x + (step - 3) * long * 0.13, y, top + 0.14), (0.05, 0.36, 0.04), (190, 192, 190), 5, 0.8)


def beacon(b: Body, part: Part, c: Colour, k: int) -> None:
    """One or two beacons, or a bar of them."""
    x, long, w, top = roof_of(b)
    x += long * 0.22
    if k % 3 == 2:
        b.block((x, 0, top + 0.03), (0.22, w * 1.5, 0.13), c, 5, 1)
        b.block((x, 0, top + 0.03), (0.23, w * 0.5, 0.1), (226, 228, 228), 5.1, 0.6)
        return
    size = 0.16 if b.model.high < 2.2 else 0.24
    for y in (0.0,) if k % 3 == 0 else (w * 0.6, -w * 0.6):
        b.block((x, y, top - 0.01), (size * 1.3, size * 1.3, 0.06), BLACK, 5, 0.3)
        b.block((x, y, top + 0.05), (size, size, size), c, 5.1, 1.2)


def sign(b: Body, part: Part, c: Colour, k: int) -> None:
    """A lit sign across the roof."""
    x, long, w, top = roof_of(b)
    b.block((x + long * 0.1, 0, top + 0.03), (0.2, w * 0.85, 0.17), c, 5, 0.6)


def bull_bar(b: Body, part: Part, c: Colour, k: int) -> None:
    """Bars before the nose."""
    m = b.model
    x = m.long / 2 + 0.06
    tone = CHROME if k % 2 else PLASTIC
    for y in (m.wide * 0.26, -m.wide * 0.26):
        b.block((x, y, m.clear + 0.06), (0.07, 0.07, m.nose - m.clear), tone, 3, 1.2).beyond = (0, m.long / 2)
    for z in (m.clear + 0.22, m.nose - 0.06):
        b.block((x, 0, z), (0.07, m.wide * (0.8 if z < 0.6 else 0.58), 0.07), tone, 3, 1.2).beyond = (0, m.long / 2)


def cargo(b: Body, part: Part, c: Colour, k: int) -> None:
    """Things in the bed of a pickup."""
    m = b.model
    end, half = m.x(m.back[1]) - 0.25, m.long / 2
    long = end + half - 0.35
    layouts = (
        ((0.3, 0.0, 0.45, 1.3, 0.42),),
        ((0.25, 0.35, 0.4, 0.6, 0.5), (0.7, -0.3, 0.4, 0.7, 0.3)),
        ((0.5, 0.0, 0.85, 1.2, 0.2),),
    )
    for at, y, share, wide, high in layouts[k % 3]:
        b.block((end - long * at, y, m.belt - 0.08), (long * share, wide, high + 0.08), c, 1.5, 0.2)


def cover(b: Body, part: Part, c: Colour, k: int) -> None:
    """A hard or soft cover over the bed of a pickup; tall ones are as high as the cab."""
    m = b.model
    front, rear = m.x(m.back[1]) - 0.06, -m.long / 2 + 0.1
    high = m.belt + 0.1 if k % 2 else m.high - 0.1
    hull = Hull(
        bottom=((rear, m.belt - 0.02), (front, m.belt - 0.02)), top=((rear, high), (front, high)),
        nose=(0.05, 0.1), tail=(0.12, 0.2), crown=0.03, **rounded(front, rear, m.wide / 2 - 0.14, 0.14, 0.7),
    )  # fmt: skip
    made = b.hull("cover", hull, c, 2, 0.6, levels=5, steps=4)
    if not k % 2:
        z = (m.belt + high) / 2 + 0.04
        made.side(box((front + rear) / 2, z, (front - rear) * 0.72, (high - m.belt) * 0.52), (34, 40, 46), kind="glass")
        made.end(box(0, z, m.wide * 0.62, (high - m.belt) * 0.5), (34, 40, 46), False, kind="glass")


def aerial(b: Body, part: Part, c: Colour, k: int) -> None:
    """A long aerial, and a pennant in the colour of the mark."""
    x, long, w, top = roof_of(b)
    y = w * (0.7 if k % 2 else -0.7)
    b.block((x - long * 0.3, y, top - 0.05), (0.03, 0.03, 0.68), STEEL, 5, 0.3)
    b.block((x - long * 0.3 - 0.18, y, top + 0.4), (0.36, 0.02, 0.22), c, 5.1, 0.2)


def spot_lamps(b: Body, part: Part, c: Colour, k: int) -> None:
    """Round yellow lamps across the front of a truck."""
    target = b.parts.get("bonnet", part)
    z = 1.02 if target is part else b.model.nose - 0.34
    for q in (0.16, 0.42):
        for ring, tone in ((0.17, BLACK), (0.145, c), (0.07, (252, 246, 214))):
            target.end(oval(b.model.wide * q * 0.8, z, ring, ring, count=14), tone, True, True, gloss=0.6)


SKIN: dict[str, Mark] = {
    "stripes": stripes, "band": band, "wave": wave, "slashes": slashes, "checks": checks, "lower": lower, "half": half,
    "bonnet": bonnet, "door": door, "wing": wing, "roundel": roundel, "badge": badge, "letters": letters, "dots": dots,
    "dirt": dirt, "dent": dent, "rust": rust, "stickers": stickers,
}  # fmt: skip
EXTRAS: dict[str, Mark] = {
    "roof box": roof_box, "rack": rack, "ladder": ladder, "beacon": beacon, "sign": sign, "bull bar": bull_bar,
    "cargo": cargo, "cover": cover, "aerial": aerial, "spot lamps": spot_lamps,
}  # fmt: skip


WEAR = ("dirt", "rust")
"""What is painted below other marks, so that it hides none."""


def dress(b: Body, name: str) -> None:
    """Paint those marks of an identity on a part that this part shows best."""
    part = b.parts[name]
    for kind, colour, k in sorted(b.identity.marks, key=lambda mark: mark[0] not in WEAR):
        if kind in SKIN and name == where(b, kind):
            SKIN[kind](b, part, colour, k)


def where(b: Body, kind: str) -> str:
    """The part on which a mark is painted: the load of a truck where that has sides, else the body."""
    if b.model.load:
        flat = b.model.load in ("box", "reefer", "curtain", "container", "tank", "refuse", "tipper")
        return "load" if flat and kind not in ("dirt", "dent", "rust") else "cab"
    return "body"


def furnish(b: Body) -> None:
    """Put the extras of an identity on the finished vehicle."""
    part = b.parts["body"] if "body" in b.parts else b.parts["cab"]
    for kind, colour, k in b.identity.marks:
        if kind in EXTRAS:
            EXTRAS[kind](b, part, colour, k)
