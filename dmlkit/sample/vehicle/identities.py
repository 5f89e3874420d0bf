"""The vehicles of a model: colour, second colour, marks, glass and wheels, each drawn once by the hash of the model's id.

Vehicles of one model may share a colour; no two share colour and marks.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from dmlkit.sample.colours import Colour, colour, luma
from dmlkit.sample.scene import seeded
from dmlkit.sample.vehicle.body import Identity, Model
from dmlkit.sample.vehicle.marks import BADGES

COUNT = 9
"""How many vehicles a model has."""

PAINTS: dict[str, Colour] = {
    word: colour(value)
    for word, value in {
        "white": "#dcdedd", "silver": "#a9afb5", "grey": "#6a6f75", "black": "#26282d", "red": "#b3231f",
        "maroon": "#651c26", "blue": "#2a5ba8", "navy": "#1f2d55", "sky blue": "#7fb0d6", "green": "#2f7a45",
        "olive": "#66683a", "mint": "#9cc9b2", "beige": "#c9b892", "brown": "#6a4a35", "orange": "#d8681f",
        "yellow": "#e0b02a", "purple": "#5b3a78", "turquoise": "#2a9296", "cream": "#e2d8bb", "pink": "#d58a9c",
    }.items()
}  # fmt: skip
"""The colours of vehicles by name."""

SECONDS = (
    "white",
    "black",
    "red",
    "blue",
    "yellow",
    "orange",
    "green",
    "sky blue",
    "grey",
    "turquoise",
    "cream",
    "purple",
)

CARS = (
    "stripes",
    "band",
    "wave",
    "slashes",
    "checks",
    "lower",
    "bonnet",
    "door",
    "wing",
    "roundel",
    "badge",
    "two-tone",
)
VANS = ("band", "wave", "slashes", "checks", "lower", "half", "door", "roundel", "badge", "letters", "dots", "two-tone")
BIG = ("band", "wave", "slashes", "checks", "half", "roundel", "badge", "letters", "dots", "two-tone")
MAJOR: dict[str, tuple[str, ...]] = {
    "sedan": CARS, "suv": CARS, "pickup": CARS, "van": VANS, "truck": BIG, "bus": (*BIG, "lower", "wing"),
}  # fmt: skip
"""What is seen first of a vehicle beside its colour, by body type."""

MINOR: dict[str, tuple[str, ...]] = {
    "sedan": ("", "dirt", "dent", "rust", "stickers", "roof box", "rack", "sign", "aerial"),
    "suv": ("", "dirt", "dent", "stickers", "roof box", "rack", "bull bar", "aerial", "ladder"),
    "pickup": ("dirt", "dent", "rust", "stickers", "bull bar", "beacon", "cargo", "cargo", "cover", "cover"),
    "van": ("", "dirt", "dent", "rust", "stickers", "roof box", "rack", "ladder", "beacon"),
    "truck": ("", "dirt", "dent", "stickers", "beacon", "spot lamps", "aerial", "rust"),
    "bus": ("", "dirt", "dent", "stickers", "rust", "aerial"),
}  # fmt: skip
"""What is seen second."""

WORDS = {
    "stripes": "{c} stripes", "band": "{c} band", "wave": "{c} wedge", "slashes": "{c} slashes", "checks": "{c} checks",
    "lower": "{c} lower half", "half": "{c} {end}", "bonnet": "{c} bonnet", "door": "{c} door", "wing": "{c} wing",
    "roundel": "start number {k}", "badge": "{c} {badge}", "letters": "{c} lettering", "dots": "{c} dots",
    "dirt": "muddy", "dent": "dented", "rust": "rusty", "stickers": "stickers", "roof box": "{c} roof box",
    "rack": "roof rack", "ladder": "ladder", "beacon": "beacon", "sign": "roof sign", "bull bar": "bull bar",
    "cargo": "{c} cargo", "aerial": "pennant", "spot lamps": "spot lamps",
}  # fmt: skip

FIXED: dict[str, tuple[Colour, ...]] = {
    "dirt": ((112, 88, 62), (186, 164, 128)),
    "rust": ((128, 70, 40), (196, 112, 58), (64, 36, 26)),
    "beacon": ((238, 150, 40),),
    "spot lamps": ((240, 200, 60),),
}
"""Marks that choose among colours of their own: the one farthest from the paint."""

WHEELS = {
    "sedan": ("silver", "black", "graphite", "gold", "white", "silver"),
    "suv": ("silver", "black", "graphite", "bronze", "white", "steel"),
    "pickup": ("silver", "black", "steel", "bronze", "white", "graphite"),
    "van": ("silver", "steel", "black", "white", "graphite", "silver"),
    "truck": ("silver", "steel", "white", "body", "black", "gold"),
    "bus": ("silver", "steel", "white", "body", "graphite", "silver"),
}


@lru_cache(maxsize=128)
def identities(middle_id: str, kind: str, model: Model) -> tuple[Identity, ...]:
    """The vehicles of a model in the order of their numbers."""
    rng = seeded("vehicle", middle_id)
    paints = rng.sample(list(PAINTS), 6)
    paints += paints[:3]
    majors = rng.sample([m for m in MAJOR[kind] if fits(m, model)], min(COUNT, len(MAJOR[kind]) - 1) - 1)
    majors = (["", *majors] * 2)[:COUNT]
    rng.shuffle(majors)
    minors = [rng.choice(MINOR[kind]) for _ in range(COUNT)]
    found: list[Identity] = []
    for paint, major, minor in zip(paints, majors, minors, strict=True):
        taken = {(i.paint, i.words) for i in found}
        one = identity(rng, kind, model, paint, (major, minor))
        while (one.paint, one.words) in taken:
            one = identity(rng, kind, model, paint, (major, rng.choice(MINOR[kind])))
        found.append(one)
    return tuple(found)


def fits(mark: str, model: Model) -> bool:
    """Whether the vehicles of a model have the place for a mark."""
    if mark == "two-tone":
        return "black roof" not in model.has
    if mark == "bonnet":
        return model.screen[0] > 0.8
    return not (mark == "lower" and "cladding" in model.has)


def identity(rng: Random, kind: str, model: Model, paint: str, kinds: tuple[str, str]) -> Identity:
    """A vehicle of a colour with two marks, either of which may be none."""
    body, area, second, marks, words = PAINTS[paint], "", (0.0, 0.0, 0.0), [], []
    if kind == "truck" and model.load not in ("logs", "mixer"):
        other = contrast(rng, paint)
        area, second = "load", PAINTS[other]
        words.append(f"{other} load")
        paint_under = other
    else:
        paint_under = paint
    for mark in kinds:
        if mark == "two-tone":
            other = contrast(rng, paint)
            if area:
                mark = "wave"
            else:
                area, second = "roof", PAINTS[other]
                words.append(f"{other} roof")
                continue
        if mark:
            other = contrast(rng, paint_under)
            k = rng.randrange(11, 99)
            text = "{c} cover" if k % 2 else "{c} canopy"
            end = "rear" if k % 2 else "front"
            phrase = WORDS.get(mark, text).format(c=other, k=k, badge=BADGES[k % 6], end=end)
            words.append(phrase)
            colours = FIXED.get(mark, (PAINTS[other],))
            marks.append((mark, max(colours, key=lambda c: distance(c, body)), k))
    tint = rng.random() < 0.3
    if tint:
        words.append("dark glass")
    wheels = rng.choice(WHEELS[kind])
    return Identity(paint, body, area, second, tuple(marks), tuple(words), tint, wheels)


def distance(one: Colour, two: Colour) -> float:
    """How well one colour is seen on another."""
    return abs(luma(one) - luma(two)) + 0.4 * sum(abs(a - b) for a, b in zip(one, two, strict=True))


def contrast(rng: Random, paint: str) -> str:
    """A colour that is seen well on another."""
    return rng.choice([word for word in SECONDS if distance(PAINTS[word], PAINTS[paint]) > 130])


def name_of(model: Model, number: int, one: Identity) -> str:
    """The readable name of a vehicle, as in *Corvane S4, red, roof rack, no. 3*."""
    return ", ".join([model.name, one.paint, *one.words, f"no. {number}"])
