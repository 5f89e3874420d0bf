"""The finish of a product, read from its name: *mug, tall glossy cobalt blue with white dots*.

What the name leaves open is decided by the hash of the class id, so that any name can be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from dmlkit.sample.colours import Colour, colour, lit, luma
from dmlkit.sample.product.solid import GLASS, GLOSSY, MATT, METAL, SATIN, Material
from dmlkit.sample.scene import seeded

COLOURS: dict[str, str] = {
    "white": "#f2f0ea",
    "ivory": "#efe6d0",
    "cream": "#ecdcb9",
    "sand": "#d3bb93",
    "stone grey": "#a9a69f",
    "light grey": "#c9cbcc",
    "grey": "#85888c",
    "charcoal": "#45474c",
    "black": "#232326",
    "navy blue": "#27365f",
    "cobalt blue": "#2450a8",
    "sky blue": "#7db5dc",
    "denim blue": "#4d6b91",
    "ice blue": "#bcd6df",
    "petrol": "#1f5663",
    "turquoise": "#2fa6a4",
    "mint green": "#a5d6bd",
    "sage green": "#98ab8a",
    "olive green": "#717440",
    "bottle green": "#1f5136",
    "apple green": "#82b340",
    "lemon yellow": "#f0d94e",
    "mustard yellow": "#d09b2c",
    "apricot": "#f0b07c",
    "orange": "#e27a2b",
    "coral": "#e86a58",
    "red": "#c22f2d",
    "burgundy": "#71212f",
    "pink": "#eda6b4",
    "raspberry": "#b92c5d",
    "lilac": "#b7a0cf",
    "purple": "#65408a",
    "terracotta": "#bd6743",
    "rust": "#9c4a28",
    "tan": "#b98350",
    "cognac": "#97532a",
    "brown": "#6b4630",
    "dark brown": "#43302a",
    "oak": "#c39a62",
    "pine": "#dcb881",
    "beech": "#cf9f70",
    "walnut": "#6f4a32",
    "cherry wood": "#8e4a30",
    "bamboo": "#d8bd7c",
    "steel": "#b3b8bd",
    "brass": "#d2ab58",
    "gold": "#e3b750",
    "copper": "#bf7148",
    "bronze": "#7f6243",
    "gunmetal": "#5a5f66",
    "clear": "#dfe9e8",
    "amber": "#b5651d",
    "smoked": "#5f6062",
    "honey rattan": "#c99a58",
    "kraft": "#b98f5f",
}
"""Colour words, as sRGB. Woods and metals are colours and materials at once."""

WOODS = ("oak", "pine", "beech", "walnut", "cherry wood", "bamboo")
METALS = ("steel", "brass", "gold", "copper", "bronze", "gunmetal")

MATERIALS: dict[str, tuple[str, Material]] = {
    "matt": ("glaze", MATT),
    "satin": ("glaze", SATIN),
    "glossy": ("glaze", GLOSSY),
    "enamel": ("glaze", GLOSSY),
    "lacquered": ("glaze", replace(GLOSSY, shine=0.6)),
    "metallic": ("metal", replace(METAL, metal=0.75)),
    "brushed": ("metal", replace(METAL, shine=0.3, spread=0.4, metal=0.7, rough=0.012)),
    "glass": ("glass", GLASS),
    "plastic": ("plastic", replace(SATIN, shine=0.45, spread=0.25)),
    "rubber": ("plastic", replace(SATIN, shine=0.5, spread=0.22)),
    "leather": ("leather", replace(SATIN, shine=0.24, spread=0.38, texture="skin", rough=0.016)),
    "patent": ("leather", replace(GLOSSY, shine=0.75)),
    "suede": ("fabric", replace(MATT, texture="fur", rough=0.025)),
    "canvas": ("fabric", replace(MATT, texture="scale", rough=0.016)),
    "linen": ("fabric", replace(MATT, texture="scale", rough=0.02)),
    "felt": ("fabric", replace(MATT, texture="wool", rough=0.028)),
    "velvet": ("fabric", replace(SATIN, shine=0.12, spread=0.6, texture="fur", rough=0.018)),
    "woven": ("wicker", replace(MATT, rough=0.015)),
    "rattan": ("wicker", replace(SATIN, shine=0.15, rough=0.03)),
    "paper": ("paper", replace(MATT, rough=0.012)),
}
"""Material words: the kind of surface, which forms ask for, and how it answers to light."""

SIZES: dict[str, tuple[float, float]] = {
    "tall": (0.9, 1.16),
    "slim": (0.84, 1.06),
    "wide": (1.18, 0.94),
    "low": (1.08, 0.84),
    "small": (0.92, 0.92),
    "large": (1.06, 1.06),
}
"""Words of proportion: factors of breadth and height."""

PATTERNS: dict[str, str] = {
    "dots": "dots",
    "stripes": "stripes",
    "rings": "rings",
    "band": "band",
    "checks": "checks",
    "zigzag": "zigzag",
    "flowers": "flowers",
    "speckles": "speckles",
    "dip": "dip",
    "dipped base": "dip",
    "diamonds": "diamonds",
    "leaves": "leaves",
    "waves": "waves",
    "star": "star",
    "heart": "heart",
    "sun": "sun",
    "anchor": "anchor",
    "monogram": "monogram",
    "trim": "trim",
    "lid": "lid",
    "legs": "legs",
    "sole": "sole",
    "base": "base",
    "dial": "dial",
    "label": "label",
    "ribbon": "ribbon",
    "pocket": "pocket",
    "toe cap": "toe cap",
    "side stripes": "side stripes",
    "seat": "seat",
}
"""Pattern words, as kinds: shapes on the surface, or a part that has the second colour."""


@dataclass(frozen=True)
class Finish:
    """How one product is finished. ``kind`` is the kind of its material; ``seed`` decides what its name leaves open."""

    base: Colour
    accent: Colour
    pattern: str
    kind: str
    material: Material
    wide: float
    high: float
    seed: str

    def rng(self, what: str) -> Random:
        """Numbers for one feature, the same in every image."""
        return seeded("finish", self.seed, what)

    def between(self, what: str, low: float, high: float) -> float:
        """A measure of the product between bounds."""
        return self.rng(what).uniform(low, high)

    @property
    def light(self) -> bool:
        return luma(self.base) > 140

    def near(self, factor: float) -> Colour:
        """The base colour, darker or lighter."""
        return lit(self.base, factor)


def phrase_in(text: str, table: dict[str, str]) -> str:
    """The longest key of a table that stands in a text as whole words, or nothing."""
    padded = f" {text} "
    found = [key for key in table if f" {key} " in padded]
    return max(found, key=lambda key: (len(key), key), default="")


def material_of(text: str, tone: str) -> tuple[str, Material]:
    """The material that a text speaks of; a wood or metal is one by its colour."""
    word = next((w for w in text.split() if w in MATERIALS), "")
    if tone in METALS and word not in ("glass", "leather", "velvet", "canvas"):
        return MATERIALS[word if word == "brushed" else "metallic"]
    if tone in WOODS:
        return "wood", replace(SATIN, shine=0.16, spread=0.4)
    return MATERIALS.get(word, ("glaze", SATIN))


@lru_cache(maxsize=2048)
def finish_of(fine_id: str, fine: str) -> Finish:
    """The finish of a fine class. It depends on nothing but its id and name."""
    rng = seeded("finish", fine_id)
    said, _, extra = fine.lower().partition(",")[2].partition(" with ")
    names = sorted(COLOURS)
    tone = phrase_in(said, COLOURS) or phrase_in(fine.lower(), COLOURS) or rng.choice(names)
    kind, material = material_of(said, tone)
    base = colour(COLOURS[tone])
    pattern = PATTERNS.get(phrase_in(extra, PATTERNS), "plain")
    second = phrase_in(extra, COLOURS)
    accent = colour(COLOURS[second]) if second else lit(base, 0.55 if luma(base) > 120 else 1.5)
    wide, high = 1.0, 1.0
    for word in said.split():
        if word in SIZES:
            wide, high = SIZES[word]
    return Finish(base, accent, pattern, kind, material, wide, high, fine_id)
