"""What the builds of vehicles share: the facts of a model, parts with their patches, glass, wheels and mirrors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.shapes import Pairs, Points, circle, moved, oval
from dmlkit.sample.vehicle.solid import Hull, Patch, Piece, Space, along, box, cuboid, dense, disc, line, tube

BLACK: Colour = (24, 25, 28)
RUBBER: Colour = (40, 41, 44)
PLASTIC: Colour = (52, 54, 58)
CHROME: Colour = (206, 211, 217)
STEEL: Colour = (150, 155, 161)
GLASS: Colour = (44, 56, 66)
TINTED: Colour = (19, 22, 27)
LENS: Colour = (226, 234, 240)
RED: Colour = (204, 26, 30)
AMBER: Colour = (236, 150, 48)
PLATE: Colour = (226, 227, 222)
NOWHERE: Space = np.empty((0, 3))


@dataclass(frozen=True)
class Model:
    """What the vehicles of one model have in common. Lengths in metres.

    ``screen`` is how far behind the front bumper the windscreen begins and the roof begins, ``back`` where the roof
    ends and the rear window ends. ``nose``, ``cowl``, ``belt`` and ``tail`` are heights: of the bonnet before and
    behind, of the lower edge of the windows, and of the boot. ``has`` holds words for what else it has.
    """

    name: str
    long: float
    wide: float
    high: float
    base: float
    ahead: float
    wheel: float
    clear: float = 0.2
    nose: float = 0.72
    cowl: float = 0.93
    belt: float = 0.95
    tail: float = 0.98
    screen: tuple[float, float] = (1.35, 2.05)
    back: tuple[float, float] = (3.35, 4.05)
    face: str = "slant"
    flank: str = "modern"
    grille: str = "slats"
    lamps: str = "drop"
    lights: str = "wrap"
    window: str = "plain"
    panes: tuple[float, ...] = (0.0, 0.47, 1.0)
    rim: str = "five"
    has: tuple[str, ...] = ()
    load: str = ""

    def x(self, behind: float) -> float:
        """The place that lies so far behind the front bumper."""
        return self.long / 2 - behind

    @property
    def axles(self) -> tuple[float, float]:
        """Where the front and the rear wheels are."""
        return self.x(self.ahead), self.x(self.ahead + self.base)


@dataclass(frozen=True)
class Identity:
    """What one vehicle has to itself. ``second`` and ``area`` are the other colour and where it is."""

    paint: str
    body: Colour
    area: str = ""
    second: Colour = (0, 0, 0)
    marks: tuple[tuple[str, Colour, int], ...] = ()
    words: tuple[str, ...] = ()
    tint: bool = False
    wheels: str = "silver"


@dataclass
class Part:
    """A hull with the piece that shows it. Patches get their places in space when all are known."""

    hull: Hull
    piece: Piece
    asked: list[tuple[str, bool, Points, float, Patch]] = field(default_factory=list)

    def add(
        self, where: str, level: bool, outline: Pairs, s: float, colour: Colour, kind: str, gloss: float | None
    ) -> None:
        patch = Patch(NOWHERE, NOWHERE, colour, kind, gloss)
        self.asked.append((where, level, np.asarray(outline, dtype=np.float64), s, patch))
        self.piece.patches.append(patch)

    def side(
        self,
        outline: Pairs,
        colour: Colour,
        s: int = 0,
        kind: str = "",
        gloss: float | None = None,
        level: bool = False,
    ) -> None:
        """A patch on the left (1), the right (-1) or both sides (0)."""
        for one in (1, -1):
            if s in (0, one):
                self.add("side", level, outline, one, colour, kind, gloss)

    def end(
        self,
        outline: Pairs,
        colour: Colour,
        front: bool,
        twice: bool = False,
        kind: str = "",
        gloss: float | None = None,
        level: bool = False,
    ) -> None:
        """A patch on the front or the rear; ``twice`` mirrors it to the other half."""
        at = np.asarray(outline, dtype=np.float64)
        where = "front" if front else "rear"
        self.add(where, level, at, 0, colour, kind, gloss)
        if twice:
            self.add(where, level, at * (-1, 1), 0, colour, kind, gloss)

    def deck(self, outline: Pairs, colour: Colour, kind: str = "", gloss: float | None = None) -> None:
        """A patch on the upper side."""
        self.add("deck", False, outline, 0, colour, kind, gloss)

    def settle(self) -> None:
        """Give every patch its points and normals."""
        groups: dict[tuple[str, bool], list[tuple[Points, float, Patch]]] = {}
        for where, level, outline, s, patch in self.asked:
            groups.setdefault((where, level), []).append((outline, s, patch))
        for (where, level), members in groups.items():
            at, counts = dense([m[0] for m in members])
            if where == "side":
                points, normals = self.hull.on_side(at, np.repeat([m[1] for m in members], counts), level)
            elif where == "deck":
                points, normals = self.hull.on_deck(at)
            else:
                points, normals = self.hull.on_end(at, where == "front", level)
            stop = 0
            for (_, _, patch), count in zip(members, counts, strict=True):
                start, stop = stop, stop + count
                patch.points, patch.normals = points[start:stop], normals[start:stop]
        self.asked.clear()


@dataclass
class Body:
    """A vehicle in the making."""

    model: Model
    identity: Identity
    pieces: list[Piece] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)
    group: float | None = None
    dress: Callable[[Body, str], None] | None = None

    @property
    def paint(self) -> Colour:
        """The colour of the body."""
        return self.identity.body

    def has(self, word: str) -> bool:
        """Whether the model has something."""
        return word in self.model.has

    def hull(
        self,
        name: str,
        hull: Hull,
        colour: Colour,
        layer: float,
        gloss: float = 1.0,
        deck: Colour | None = None,
        levels: int = 9,
        steps: int = 7,
        barrel: bool = False,
    ) -> Part:
        """Add a hull and keep it under a name."""
        quads, normals, skirt = hull.mesh(levels, steps, barrel)
        part = Part(hull, Piece(quads, normals, colour, layer, gloss, deck, skirt, levels, self.group))
        self.pieces.append(part.piece)
        self.parts[name] = part
        if self.dress is not None and name != "load":
            self.dress(self, name)
        return part

    def block(
        self,
        at: tuple[float, float, float],
        size: tuple[float, float, float],
        colour: Colour,
        layer: float,
        gloss: float = 0.4,
    ) -> Piece:
        """Add a box that stands at a height; ``size`` is its length, width and height."""
        quads, normals = cuboid(*at, *size)
        piece = Piece(quads, normals, colour, layer, gloss, group=self.group)
        self.pieces.append(piece)
        return piece

    def finish(self) -> list[Piece]:
        """The pieces, ready to be painted."""
        for part in self.parts.values():
            part.settle()
        for piece in self.pieces:
            piece.join()
        return self.pieces


def arch(b: Body, part: Part, x: float, radius: float, flare: Colour | None = None) -> None:
    """The dark opening about a wheel, with an edge in the colour of a flare."""
    z = b.model.wheel
    shape = oval(0, 0, 1, 1, count=24)
    low = b.model.clear - 0.02
    for grow, colour in ((1.24, flare), (1.02, lit(b.paint, 0.5)), (1.0, BLACK)):
        if colour is not None:
            outline = shape * radius * grow + (x, z)
            outline[:, 1] = np.maximum(outline[:, 1], low)
            part.side(outline, colour, gloss=0.0 if colour is not b.paint else None)


def wheels(b: Body, xs: tuple[float, ...], half: float, radius: float, wide: float = 0.22, twin: bool = False) -> None:
    """Wheels at places along the vehicle, ``half`` from its middle to their outer faces."""
    for x in xs:
        for s in (1, -1):
            y, z = s * half, radius
            quads, normals = tube(x, y, z, radius, wide * (2.2 if twin else 1))
            tread = Piece(quads, normals, RUBBER, 0, 0.15)
            face = Piece(np.empty((0, 4, 3)), NOWHERE, RUBBER, 3)
            for outline, colour, gloss in rim_of(b, radius):
                at, normal = disc(x, y, z, outline * (1, 1), s)
                face.patches.append(Patch(at, normal, colour, "", gloss))
            inner = y - s * wide * (2.2 if twin else 1)
            at, normal = disc(x, inner, z, circle(20) * radius, -s)
            tread.patches += [Patch(at, normal, lit(RUBBER, 0.75), "", 0.0), *face.patches]
            b.pieces += [tread, face]


def rim_of(b: Body, r: float) -> list[tuple[Points, Colour, float | None]]:
    """The outlines of a wheel seen from the side, about its middle, from below to above."""
    tone = {
        "silver": (196, 200, 205), "black": (46, 47, 51), "gold": (190, 156, 86), "white": (232, 232, 228),
        "graphite": (98, 102, 108), "bronze": (134, 100, 70), "steel": (122, 126, 130), "body": b.paint,
    }[b.identity.wheels]  # fmt: skip
    kind = b.model.rim
    share = {"truck": 0.56, "steel": 0.62, "off": 0.58, "disc": 0.66, "hub": 0.6}.get(kind, 0.7)
    inner, rim = r * share, oval(0, 0, 1, 1, count=26)
    shapes: list[tuple[Points, Colour, float | None]] = [
        (rim * r, RUBBER, 0.1),
        (rim * r * 0.93, lit(RUBBER, 1.1), None),
        (rim * (inner + 0.012), lit(tone, 0.7), 0.7),
    ]
    dark = mix((30, 31, 34), tone, 0.12)
    if kind in ("disc", "hub", "truck", "steel"):
        shapes.append((rim * inner, tone, 0.9))
        if kind == "disc":
            shapes += [(rim * inner * 0.8, lit(tone, 0.86), None), (rim * inner * 0.72, lit(tone, 1.12), None)]
        if kind == "hub":
            shapes += [(rim * inner * 0.55, lit(tone, 0.72), None), (rim * inner * 0.45, lit(tone, 1.2), 1.2)]
        if kind in ("truck", "steel"):
            count = 8 if kind == "truck" else 10
            shapes.append((rim * inner * 0.86, lit(tone, 0.8), None))
            for k in range(count):
                a = 2 * math.pi * k / count
                spot = oval(math.cos(a) * inner * 0.6, math.sin(a) * inner * 0.6, inner * 0.13, inner * 0.13, count=8)
                shapes.append((spot, dark, None))
            shapes.append((rim * inner * 0.36, lit(tone, 1.15), None))
    else:
        shapes.append((rim * inner, dark, 0.3))
        shapes += [(s * inner, tone, 0.9) for s in spokes(kind)]
        shapes.append((rim * inner * 0.24, lit(tone, 0.9), 0.9))
    shapes.append((rim * r * 0.07, lit(tone, 0.45), None))
    return shapes


def spokes(kind: str) -> list[Points]:
    """The spokes of a rim of radius 1."""
    count, narrow, wide, lean = {
        "five": (5, 0.16, 0.26, 0.0), "six": (6, 0.14, 0.2, 0.0), "ten": (10, 0.07, 0.12, 0.0),
        "turbine": (9, 0.1, 0.17, 0.45), "star": (5, 0.1, 0.5, 0.0), "three": (3, 0.3, 0.55, 0.0),
        "wire": (18, 0.03, 0.045, 0.0), "twin": (5, 0.0, 0.0, 0.0), "off": (6, 0.22, 0.22, 0.0),
        "blade": (7, 0.12, 0.3, 0.25), "cross": (4, 0.2, 0.4, 0.0),
    }[kind]  # fmt: skip
    out = []
    for k in range(count):
        turn = 2 * math.pi * k / count - math.pi / 2
        if kind == "twin":
            pairs = [[(0.15, -0.02), (0.98, -0.2), (0.98, -0.08), (0.15, 0.06)],
                     [(0.15, 0.02), (0.98, 0.2), (0.98, 0.08), (0.15, -0.06)]]  # fmt: skip
        else:
            pairs = [[(0.1, -narrow), (0.98, lean - wide / 2), (0.98, lean + wide / 2), (0.1, narrow)]]
        out += [moved(np.array(p), 0, 0, 1, turn) for p in pairs]
    return out


def pane(
    part: Part, outline: Points, colour: Colour, s: int = 0, level: bool = True, end: str = "", kind: str = "glass"
) -> None:
    """Glass with the sky in its upper part and a slanting reflection. ``end`` is ``front`` or ``rear``, or none."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    tall, long = high[1] - low[1], high[0] - low[0]

    def put(shape: Points, tone: Colour) -> None:
        if len(shape) < 3:
            return
        if end:
            part.end(shape, tone, end == "front", kind=kind, level=level)
        else:
            part.side(shape, tone, s, kind=kind, level=level)

    put(outline, lit(colour, 0.82))
    put(cut(outline, 1, low[1] + tall * 0.3, True), colour)
    put(cut(outline, 1, low[1] + tall * 0.62, True), mix(colour, (150, 172, 190), 0.16))
    lean = long * 0.22 if end else 0.25 * min(1.0, long)
    for at, wide in ((0.3, 0.16), (0.55, 0.07)):
        left = low[0] + long * at
        tilted = np.column_stack([outline[:, 0] - lean * (outline[:, 1] - low[1]) / max(tall, 1e-6), outline[:, 1]])
        shape = cut(cut(tilted, 0, left, True), 0, left + long * wide, False)
        if len(shape) > 2:
            shape = np.column_stack([shape[:, 0] + lean * (shape[:, 1] - low[1]) / max(tall, 1e-6), shape[:, 1]])
            put(shape, mix(colour, (176, 196, 212), 0.3))


def cut(outline: Points, axis: int, at: float, above: bool) -> Points:
    """What of an outline lies above (or below) a value on one axis."""
    value = (outline[:, axis] - at) * (1 if above else -1)
    out = []
    for k in range(len(outline)):
        after = (k + 1) % len(outline)
        if value[k] >= 0:
            out.append(outline[k])
        if (value[k] >= 0) != (value[after] >= 0):
            out.append(outline[k] + (outline[after] - outline[k]) * (value[k] / (value[k] - value[after])))
    return np.array(out).reshape(-1, 2)


def window_band(part: Part, t: tuple[float, float], gaps: tuple[float, float], kick: float = 0.0) -> Points:
    """The outline ``(x, t)`` of all side windows of a cab: between the pillars, from the belt to the roof."""
    hull = part.hull
    ts = np.linspace(t[0], t[1], 4)
    ahead = along(hull.front, ts) - hull.nose[0] * 0.75 - gaps[0]
    behind = along(hull.rear, ts) + hull.tail[0] * 0.75 + gaps[1]
    front = np.column_stack([ahead, ts])
    rear = np.column_stack([behind, ts])[::-1]
    if kick:
        long = ahead[0] - behind[0]
        rear = rear[:-1]
        rear = np.concatenate([rear, [(behind[0] + long * 0.02, t[0] + kick), (behind[0] + long * 0.2, t[0])]])
    return np.concatenate([front, rear])


def panes_of(b: Body, part: Part, band: Points, gap: float = 0.035) -> list[float]:
    """Glaze a band of side windows between the pillars of the model; returns where the pillars are."""
    front, rear = float(band[:, 0].max()), float(band[:, 0].min())
    part.side(band, (16, 17, 19), gloss=1.0, level=True)
    glass = TINTED if b.identity.tint else GLASS
    stops = [front - (front - rear) * p for p in b.model.panes]
    for k, (ahead, behind) in enumerate(pairwise(stops)):
        tone = TINTED if k and b.has("privacy") else glass
        shape = cut(cut(shrunk(band, 0.02), 0, behind + gap, True), 0, ahead - gap, False)
        if len(shape) > 2:
            pane(part, shape, tone)
    return stops[1:-1]


def shrunk(outline: Points, by: float) -> Points:
    """An outline a little smaller, by a way along each axis at its far ends."""
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    half = np.maximum((outline.max(axis=0) - outline.min(axis=0)) / 2, 1e-6)
    return np.asarray(middle + (outline - middle) * np.maximum(1 - by / half, 0.5))


def mirrors(b: Body, x: float, y: float, z: float, colour: Colour, size: tuple[float, float, float]) -> None:
    """A mirror on each side; its glass looks back."""
    long, wide, high = size
    for s in (1, -1):
        piece = b.block((x, s * (y + wide / 2), z), size, colour, 2, 0.9)
        piece.beyond = (1, s * y)
        quad = np.array([(-1, -0.8), (-1, 0.8), (1, 0.8), (1, -0.8)]) * (high * 0.42, wide * 0.5)
        at = np.stack(
            [np.full(4, x - long / 2 - 0.01), s * (y + wide / 2) + quad[:, 1], z + high / 2 + quad[:, 0]], axis=1
        )
        piece.patches.append(Patch(at, np.tile((-1.0, 0, 0), (4, 1)), (128, 146, 160)))


def handle(b: Body, part: Part, x: float, z: float) -> None:
    """The handle of a door, in the manner of the model."""
    if b.has("flush"):
        part.side(box(x, z, 0.22, 0.026), lit(b.paint, 0.55))
    elif b.has("chrome"):
        part.side(box(x, z, 0.21, 0.045), lit(b.paint, 0.5))
        part.side(box(x, z + 0.008, 0.2, 0.028), CHROME)
    elif b.has("plain"):
        part.side(box(x, z, 0.18, 0.05), BLACK)
    else:
        part.side(box(x, z, 0.21, 0.05), lit(b.paint, 0.6))
        part.side(box(x, z + 0.01, 0.2, 0.026), lit(b.paint, 1.12))


def seam(part: Part, points: list[tuple[float, float]], colour: Colour, s: int = 0, width: float = 0.014) -> None:
    """The dark line between two panels of a side."""
    part.side(line(points, width), lit(colour, 0.5), s)


def plate(b: Body, part: Part, front: bool, z: float, q: float = 0.0) -> None:
    """The masked plate: blank."""
    part.end(box(q, z, 0.56, 0.15), (70, 72, 75), front, gloss=0.1)
    part.end(box(q, z, 0.52, 0.115), PLATE, front, gloss=0.1)
