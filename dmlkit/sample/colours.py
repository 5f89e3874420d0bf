"""Colours: mixing, jitter, and the colour and pattern words that names of things use."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from random import Random

Colour = tuple[float, float, float]

WORDS: dict[str, str] = {
    "black": "#26242a",
    "ebony": "#211f24",
    "coal": "#26262a",
    "jet": "#1f1f24",
    "melanistic": "#2a282c",
    "white": "#f1efe8",
    "snowy": "#f7f6f2",
    "snow": "#f4f3ee",
    "ivory": "#f0ead6",
    "polar": "#f4f1e4",
    "ice": "#eef1f2",
    "albino": "#f6efe9",
    "arctic": "#f0f0ec",
    "pale": "#ded3bb",
    "pallid": "#d9ccb4",
    "gray": "#8b8d90",
    "grey": "#8b8d90",
    "silver": "#b9bfc4",
    "silvery": "#b9bfc4",
    "ash": "#a3a3a0",
    "slate": "#5d6a78",
    "blue": "#3f73b8",
    "bluish": "#5d7fa8",
    "azure": "#4c97d8",
    "indigo": "#32408f",
    "green": "#5d9440",
    "emerald": "#2f9a5c",
    "olive": "#77763c",
    "red": "#b8432c",
    "scarlet": "#cf2f25",
    "crimson": "#b02330",
    "ruby": "#b01e3c",
    "cardinal": "#c62a28",
    "vermilion": "#d94a2b",
    "rufous": "#a9592e",
    "rusty": "#a65a30",
    "russet": "#94502e",
    "roan": "#9c6a55",
    "sorrel": "#a8603a",
    "chestnut": "#85452a",
    "bay": "#7f482b",
    "mahogany": "#6c2f22",
    "copper": "#b06a3f",
    "cinnamon": "#b3713f",
    "tawny": "#c08a4e",
    "fallow": "#c39a63",
    "fawn": "#c8a272",
    "buff": "#d8b984",
    "sand": "#d5bb87",
    "sandy": "#d5bb87",
    "golden": "#d3a139",
    "gold": "#d9a636",
    "yellow": "#e2bb3a",
    "yellowish": "#d5b75a",
    "lemon": "#ecd84f",
    "orange": "#dd7c2b",
    "pink": "#e39aa0",
    "rose": "#d9828f",
    "rosy": "#dd8d95",
    "purple": "#6e4585",
    "violet": "#6b519c",
    "lilac": "#ad93c2",
    "brown": "#7a5233",
    "dusky": "#57504a",
    "sepia": "#5e4633",
    "bronze": "#8a6b36",
    "bronzed": "#8a6b36",
    "liver": "#6a3c2c",
    "cream": "#eadbb8",
    "creamy": "#eadbb8",
    "bicolor": "#3a3436",
    "brindled": "#7d6346",
    "brindle": "#7d6346",
    "palomino": "#dcb877",
    "dun": "#b0926a",
    "rainbow": "#6f9a9a",
    "mouse": "#8c857d",
    "hoary": "#a7a29a",
    "grizzly": "#7d5b3c",
    "ruddy": "#a85636",
    "sooty": "#403c3d",
    "smoky": "#6d6c6e",
    "coral": "#d9473a",
    "turquoise": "#3fa9a5",
    "jade": "#3f9467",
}
"""Colour words of names of animals and things, as sRGB."""

PATTERNS: dict[str, str] = {
    "striped": "stripes",
    "stripe": "stripes",
    "tiger": "stripes",
    "zebra": "stripes",
    "banded": "bands",
    "barred": "bands",
    "belted": "belt",
    "ringed": "bands",
    "spotted": "spots",
    "spot": "spots",
    "dotted": "spots",
    "speckled": "specks",
    "freckled": "specks",
    "stippled": "specks",
    "mottled": "patches",
    "marbled": "patches",
    "blotched": "patches",
    "pied": "patches",
    "pinto": "patches",
    "piebald": "patches",
    "harlequin": "patches",
    "checkered": "checks",
    "reticulated": "net",
    "reticulate": "net",
    "diamondback": "diamonds",
    "leopard": "rosettes",
    "panther": "plain",
    "jaguar": "rosettes",
    "dalmatian": "spots",
    "lined": "lines",
    "saddled": "saddle",
    "saddleback": "saddle",
    "masked": "mask",
    "collared": "collar",
    "ring-necked": "collar",
    "calico": "patches",
    "tortoiseshell": "patches",
    "tabby": "stripes",
    "brindled": "stripes",
}
"""Pattern words of names, as kinds of marking."""

PARTS: dict[str, str] = {
    "headed": "head",
    "head": "head",
    "crowned": "cap",
    "capped": "cap",
    "crested": "cap",
    "faced": "face",
    "cheeked": "face",
    "throated": "breast",
    "breasted": "breast",
    "breast": "breast",
    "chested": "breast",
    "bellied": "belly",
    "necked": "neck",
    "neck": "neck",
    "collared": "neck",
    "backed": "back",
    "back": "back",
    "winged": "wing",
    "wing": "wing",
    "shouldered": "wing",
    "tailed": "tail",
    "tail": "tail",
    "rumped": "tail",
    "footed": "legs",
    "legged": "legs",
    "foot": "legs",
    "billed": "bill",
    "bill": "bill",
    "nosed": "bill",
    "eyed": "eye",
    "browed": "brow",
    "eared": "ear",
    "lipped": "face",
    "finned": "fin",
    "fin": "fin",
    "gilled": "fin",
}
"""What a compound such as *red-breasted* or *yellowtail* paints."""


def colour(text: str) -> Colour:
    """``#rrggbb`` as a colour."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """``a`` with ``share`` of ``b``."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def lit(c: Colour, factor: float) -> Colour:
    """``c`` darker (factor below 1) or lighter (above 1), keeping its hue."""
    if factor <= 1:
        return c[0] * factor, c[1] * factor, c[2] * factor
    return mix(c, (255, 250, 240), min(factor - 1, 1.0))


def whole(c: Colour) -> tuple[int, int, int]:
    return (
        min(255, max(0, round(c[0]))), min(255, max(0, round(c[1]))), min(255, max(0, round(c[2]))),
    )  # fmt: skip


def luma(c: Colour) -> float:
    return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]


def jitter(c: Colour, rng: Random, hue: float = 0.02, light: float = 0.06, sat: float = 0.08) -> Colour:
    """A colour near ``c``."""
    h, lightness, s = colorsys.rgb_to_hls(c[0] / 255, c[1] / 255, c[2] / 255)
    h = (h + rng.uniform(-hue, hue)) % 1
    lightness = min(max(lightness + rng.uniform(-light, light), 0.06), 0.96)
    s = min(max(s * (1 + rng.uniform(-sat, sat) * 2), 0.0), 1.0)
    r, g, b = colorsys.hls_to_rgb(h, lightness, s)
    return r * 255, g * 255, b * 255


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, hyphens kept."""
    return re.findall(r"[a-z]+(?:-[a-z]+)*", name.lower())


def colours_of(name: str, nouns: Mapping[str, str] = PARTS) -> dict[str, Colour]:
    """What the colour words of a name paint: part → colour; ``base`` for a word that stands alone."""
    found: dict[str, Colour] = {}
    for word in words_of(name):
        if word in WORDS:
            found.setdefault("base", colour(WORDS[word]))
            continue
        first, _, rest = word.partition("-")
        if first in WORDS and rest in nouns:
            found.setdefault(nouns[rest], colour(WORDS[first]))
        elif not rest:
            for noun, part in nouns.items():
                stem = word.removesuffix(noun)
                if stem != word and stem in WORDS:
                    found.setdefault(part, colour(WORDS[stem]))
    return found


def pattern_of(name: str) -> str | None:
    """The kind of marking that a name speaks of."""
    for word in words_of(name):
        for part in (word, *word.split("-")):
            if part in PATTERNS:
                return PATTERNS[part]
    return None
