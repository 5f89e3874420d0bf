"""What a fine class looks like (`Look`) and a figure that is composed before it is painted (`Figure`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from dmlkit.sample.canvas import Canvas, Mark
from dmlkit.sample.colours import WORDS as COLOURS
from dmlkit.sample.colours import Colour, colours_of, jitter, lit, luma, mix, pattern_of, words_of
from dmlkit.sample.colours import colour as hex_colour
from dmlkit.sample.scene import seeded
from dmlkit.sample.shapes import Points, blob, oval, poly, stroke


@dataclass(frozen=True)
class Build:
    """How the animals of one middle class are built, marked and where they live.

    ``palettes``: each ``base belly mark accent`` as four colours. ``kinds``: the markings to choose from, repeated
    where common. ``shape``: parameters of the plan; a pair is a range that the fine class chooses from, a tuple of
    strings a choice.
    """

    plan: str
    places: tuple[str, ...]
    palettes: tuple[str, ...]
    kinds: tuple[str, ...] = ("plain",)
    texture: str = "fur"
    shape: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Look:
    """The looks of one fine class: everything that stays from image to image."""

    key: str
    build: Build
    shape: dict[str, Any]
    base: Colour
    belly: Colour
    mark: Colour
    accent: Colour
    kind: str
    paint: dict[str, Colour]
    density: float
    under: float
    named: bool = False

    def number(self, name: str, low: float, high: float) -> float:
        """A trait of the fine class between ``low`` and ``high``."""
        return seeded(self.key, "trait", name).uniform(low, high)

    def chance(self, name: str, share: float) -> bool:
        """Whether the fine class has a trait that a share of all classes have."""
        return self.number(name, 0, 1) < share

    def get(self, name: str, default: float) -> float:
        return float(self.shape.get(name, default))

    def word(self, name: str, default: str) -> str:
        return str(self.shape.get(name, default))

    @property
    def plan(self) -> str:
        return self.word("plan", self.build.plan)

    @property
    def places(self) -> tuple[str, ...]:
        """Where it lives: what its name tells, else what its middle class says."""
        return tuple(self.shape.get("places", self.build.places))


SIZE_WORDS = {
    "giant": 1.15,
    "great": 1.1,
    "king": 1.1,
    "pygmy": 0.82,
    "dwarf": 0.82,
    "miniature": 0.8,
    "toy": 0.78,
    "least": 0.82,
}
"""Words of size in names, as a factor of leg and neck."""


def look_of(key: str, name: str, build: Build, hints: Mapping[str, Mapping[str, Any]]) -> Look:
    """The look of fine class ``key`` called ``name``. ``hints``: words of a name → overrides of shape and paint.

    A hint of two words needs both of them, one that begins with ``=`` the whole name. The longer hint wins.
    """
    rng = seeded(key, "look")
    base, belly, mark, accent = (
        jitter(hex_colour(c), rng, 0.022, 0.075, 0.15) for c in rng.choice(build.palettes).split()
    )
    kind = rng.choice(build.kinds)
    shape = {k: chosen(v, rng) for k, v in build.shape.items()}
    paint = colours_of(name)
    spoken = frozenset(paint)
    words = set(words_of(name)) | {w for word in words_of(name) for w in word.split("-")}
    named = pattern_of(name)
    told = [phrase for phrase in hints if set(phrase.split()) <= words or phrase == f"={name.lower()}"]
    for phrase in sorted(told, key=lambda phrase: (phrase.startswith("="), len(phrase.split()), phrase)):
        over = dict(hints[phrase])
        named = over.pop("kind", None) or named
        for part in [p for p in over if p.startswith("@")]:
            painted = hex_colour(over.pop(part))
            if part[1:] not in spoken or phrase.startswith("=") or phrase.split()[0].split("-")[0] in COLOURS:
                paint[part[1:]] = painted
        shape.update(over)
    for word in sorted(words & set(SIZE_WORDS)):
        for part in ("leg", "neck"):
            if part in shape:
                shape[part] = shape[part] * SIZE_WORDS[word]
    if "base" in paint:
        base = jitter(paint["base"], rng, 0.01, 0.03, 0.05)
        belly = mix(lit(base, 1.25), belly, 0.35) if luma(base) > 60 else lit(base, 1.08)
        if abs(luma(mark) - luma(base)) < 40:
            mark = lit(base, 0.45) if luma(base) > 90 else lit(base, 1.35)
    belly, mark, accent = paint.get("belly", belly), paint.get("mark", mark), paint.get("accent", accent)
    return Look(
        key,
        build,
        shape,
        base,
        belly,
        mark,
        accent,
        named or kind,
        paint,
        rng.uniform(0.7, 1.35),
        rng.uniform(0.25, 0.6),
        bool(named),
    )


def chosen(value: Any, rng: Random) -> Any:
    """A value of a build: a range, a choice or the value itself."""
    if isinstance(value, tuple):
        return rng.choice(value) if isinstance(value[0], str) else rng.uniform(*value)
    return value


@dataclass
class Paint:
    outlines: list[Points]
    colour: Colour
    marks: Sequence[Mark] = ()
    under: tuple[Colour, float] | None = None
    depth: float = 1.0
    fuzz: float = 0.0
    limbs: Sequence[Points] = ()
    flat: bool = False
    extent: bool = True
    """Whether it counts for the size of the figure; a perch does not."""


@dataclass
class Figure:
    """A figure as a list of paints from back to front, in a place; its head is to the right.

    ``feet`` is the height at which it stands. ``stance`` is how the place carries it: ``ground`` (it stands), ``lying``
    (seen from slightly above), ``perch`` (a branch or a trunk), ``water`` (it swims on it) or ``afloat`` (in water or air).
    """

    look: Look
    rng: Random
    place: str = "meadow"
    feet: float = 0.0
    stance: str = "ground"
    paints: list[Paint] = field(default_factory=list)

    def part(self, outlines: Points | list[Points], colour: Colour, **more: Any) -> None:
        """Add a rounded part; `Canvas.part` says what ``more`` may be."""
        self.paints.append(Paint(outlines if isinstance(outlines, list) else [outlines], colour, **more))

    def flat(self, outline: Points, colour: Colour) -> None:
        self.paints.append(Paint([outline], colour, flat=True))

    def eye(
        self, x: float, y: float, r: float, iris: Colour = (30, 22, 18), pupil: float = 0.62, slit: bool = False
    ) -> None:
        """An eye with a rim, a pupil and a glint."""
        self.flat(oval(x, y, r * 1.22, r * 1.18, count=14), (28, 22, 20))
        self.flat(oval(x, y, r, r, count=14), iris)
        self.flat(oval(x, y, r * (0.28 if slit else pupil), r * (0.8 if slit else pupil), count=12), (14, 12, 12))
        self.flat(oval(x - r * 0.3, y - r * 0.36, r * 0.3, r * 0.3, count=8), (255, 255, 255))

    def line(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        self.flat(stroke(points, (width * 0.5, *([width] * (len(points) - 2)), width * 0.5), 4), colour)

    def line_on(self, head: Any, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        """A thin line in the unit of a head (or of anything with `put`)."""
        self.flat(head.put(stroke(points, (width * 0.6, *([width] * (len(points) - 2)), width * 0.6), 4)), colour)

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of everything in the figure."""
        every = np.concatenate([o for p in self.paints if p.extent for o in (*p.outlines, *p.limbs)])
        low, high = every.min(axis=0), every.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def draw(self, canvas: Canvas) -> None:
        """Paint the figure on a canvas that knows where it comes."""
        if self.stance == "lying":
            canvas.shade([o for p in self.paints if not p.flat for o in p.outlines], 0.0, 0.05, 0.5)
        for p in self.paints:
            if p.flat:
                canvas.flat(p.outlines[0], p.colour)
            else:
                canvas.part(p.outlines, p.colour, p.marks, p.under, p.depth, p.fuzz, p.limbs)


Box = tuple[float, float, float, float]


def markings(look: Look, box: Box, kind: str | None = None, size: float = 1.0) -> list[Mark]:
    """The marks of a kind over a box (left, top, right, bottom), laid out as this fine class wears them."""
    kind = kind or look.kind
    if kind not in MARKINGS:
        return []
    x0, y0, x1, y1 = box
    unit = math.sqrt(max((x1 - x0) * (y1 - y0), 1e-6)) * size
    return MARKINGS[kind](look, box, unit, seeded(look.key, "marks", kind, f"{unit:.2f}"))


def stripes(look: Look, box: Box, unit: float, rng: Random, wide: float = 0.055, count: float = 11) -> list[Mark]:
    x0, y0, x1, y1 = box
    many = max(3, int(count * look.density * (x1 - x0) / unit))
    out = []
    for k in range(many):
        x = x0 + (x1 - x0) * (k + 0.5 + rng.uniform(-0.2, 0.2)) / many
        deep, bend, w = rng.uniform(0.6, 0.95), rng.uniform(-0.06, 0.06) * unit, wide * unit * rng.uniform(0.7, 1.3)
        height = (y1 - y0) * deep
        line = [
            (x, y0 - 0.02 * unit),
            (x + bend, y0 + height * 0.35),
            (x - bend, y0 + height * 0.7),
            (x + bend, y0 + height),
        ]
        out.append(stroke(line, (w * 1.2, w, w * 0.8, 0.1 * w), 4))
    return [Mark(out, look.mark, 0.92)]


def bands(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    return stripes(look, (box[0], box[1] - unit, box[2], box[3] + unit), unit, rng, 0.12 / look.density, 3.4)


def grid(box: Box, step: float, rng: Random, loose: float = 0.3) -> list[tuple[float, float]]:
    """Points of a shifted grid, each moved a little."""
    x0, y0, x1, y1 = box
    rows, columns = max(2, round((y1 - y0) / step)), max(2, round((x1 - x0) / step))
    rows, columns = min(rows, 14), min(columns, 22)
    dx, dy = (x1 - x0) / columns, (y1 - y0) / rows
    return [
        (
            x0 + dx * (c + 0.25 + 0.5 * (r % 2) + rng.uniform(-loose, loose)),
            y0 + dy * (r + 0.5 + rng.uniform(-loose, loose)),
        )
        for r in range(rows)
        for c in range(columns)
    ]


def spots(look: Look, box: Box, unit: float, rng: Random, step: float = 0.15, r: float = 0.04) -> list[Mark]:
    step, r = step * unit / look.density, r * unit / look.density**0.5
    return [
        Mark(
            [
                oval(x, y, r * rng.uniform(0.6, 1.2), r * rng.uniform(0.6, 1.1), count=9)
                for x, y in grid(box, step, rng)
            ],
            look.mark,
            0.9,
        )
    ]


def specks(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    return spots(look, box, unit, rng, 0.1, 0.017)


def rosettes(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    step, r = 0.17 * unit / look.density, 0.062 * unit / look.density
    rings, inner = [], []
    for x, y in grid(box, step, rng, 0.18):
        a, b = r * rng.uniform(0.85, 1.15), r * rng.uniform(0.8, 1.1)
        rings.append(oval(x, y, a, b, rng.random(), 10))
        inner.append(oval(x + r * 0.12, y + r * 0.12, a * 0.55, b * 0.55, 0, 8))
    return [Mark(rings, look.mark, 0.92), Mark(inner, lit(look.base, 0.84))]


def patches(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    out = []
    for x, y in grid(box, 0.42 * unit / look.density, rng, 0.4):
        if rng.random() < 0.62:
            r = 0.17 * unit * rng.uniform(0.6, 1.4)
            points = [
                (x + math.cos(a) * r * rng.uniform(0.6, 1.3), y + math.sin(a) * r * rng.uniform(0.6, 1.2))
                for a in np.arange(7) * 0.9
            ]
            out.append(blob(points, 4))
    return [Mark(out, look.mark, 0.95)]


def net(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    step = 0.19 * unit / look.density
    out = []
    for x, y in grid(box, step, rng, 0.1):
        r = step * 0.5
        out.append(
            poly(
                [
                    (x + math.cos(a) * r * rng.uniform(0.8, 1.08), y + math.sin(a) * r * rng.uniform(0.8, 1.08))
                    for a in np.arange(6) * 1.047
                ]
            )
        )
    return [Mark(out, look.mark, 0.92)]


def checks(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    step = 0.12 * unit / look.density
    return [
        Mark(
            [
                poly([(x - step / 4, y), (x, y - step / 3), (x + step / 4, y), (x, y + step / 3)])
                for x, y in grid(box, step, rng, 0.05)
            ],
            look.mark,
            0.85,
        )
    ]


def diamonds(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    x0, y0, x1, y1 = box
    count = max(4, int(9 * look.density))
    w, h, y = (x1 - x0) / count, (y1 - y0) * 0.34, y0 + (y1 - y0) * 0.3
    return [
        Mark(
            [
                poly([(x0 + w * k, y), (x0 + w * (k + 0.5), y - h), (x0 + w * (k + 1), y), (x0 + w * (k + 0.5), y + h)])
                for k in range(count)
            ],
            look.mark,
            0.9,
        )
    ]


def lines(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    x0, y0, x1, y1 = box
    count = max(2, round(3 * look.density))
    w = (y1 - y0) * 0.3 / count
    ys = [y0 + (y1 - y0) * (0.12 + 0.62 * k / count) for k in range(count)]
    return [
        Mark(
            [
                stroke([(x0, y), ((x0 + x1) / 2, y + w * rng.uniform(-0.4, 0.4)), (x1, y)], (w * 0.6, w, w * 0.6))
                for y in ys
            ],
            look.mark,
            0.9,
        )
    ]


def stripe(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    """One broad line along the flank."""
    x0, y0, x1, y1 = box
    w, y = (y1 - y0) * 0.17 * look.density, y0 + (y1 - y0) * rng.uniform(0.36, 0.52)
    return [
        Mark([stroke([(x0, y), ((x0 + x1) / 2, y), (x1, y - w * 0.4)], (w * 0.7, w, w * 0.6))], look.mark, 0.92, 1.0)
    ]


def saddle(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    x0, y0, x1, y1 = box
    x = x0 + (x1 - x0) * rng.uniform(0.36, 0.6)
    return [
        Mark([oval(x, y0 + (y1 - y0) * 0.12, (x1 - x0) * 0.3 * look.density, (y1 - y0) * 0.5)], look.mark, 0.95, 2.0)
    ]


def belt(look: Look, box: Box, unit: float, rng: Random) -> list[Mark]:
    x0, y0, x1, y1 = box
    x, w = x0 + (x1 - x0) * rng.uniform(0.45, 0.62), (x1 - x0) * 0.17 * look.density
    return [
        Mark(
            [poly([(x - w, y0 - unit), (x + w, y0 - unit), (x + w * 0.8, y1 + unit), (x - w * 1.1, y1 + unit)])],
            look.mark,
            1.0,
        )
    ]


MARKINGS = {
    f.__name__: f
    for f in (
        stripes,
        bands,
        spots,
        specks,
        rosettes,
        patches,
        net,
        checks,
        diamonds,
        lines,
        stripe,
        saddle,
        belt,
    )
}
