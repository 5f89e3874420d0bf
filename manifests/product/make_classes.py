"""Make classes.tsv of the dataset `product`: families, forms, and nine finishes of each form.

Run by hand in a checkout, after a change of the lists below: ``python manifests/product/make_classes.py``.
``--check`` writes nothing and exits with 1 where the table differs. Everything is chosen by hash of ids and words, so
the table is the same on every machine, and a form that is added changes no other.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from dmlkit.sample.colours import Colour, colour, luma
from dmlkit.sample.product.finish import COLOURS

TABLE = Path(__file__).with_name("classes.tsv")
COLUMNS = ("fine_id", "fine", "middle_id", "middle", "coarse_id", "coarse", "split", "path")

TEST_SHARE = 0.18
"""Share of the forms that are test classes."""
TEST_MOST = 2
"""At most so many test forms of one family."""

CERAMIC = (
    "white",
    "cream",
    "cobalt blue",
    "turquoise",
    "mint green",
    "mustard yellow",
    "terracotta",
    "pink",
    "charcoal",
    "sky blue",
    "red",
    "sage green",
    "black",
    "navy blue",
    "coral",
    "stone grey",
)
BRIGHT = (
    "white",
    "black",
    "red",
    "navy blue",
    "mint green",
    "lemon yellow",
    "orange",
    "sky blue",
    "pink",
    "cobalt blue",
    "bottle green",
    "turquoise",
    "burgundy",
    "cream",
    "lilac",
    "apple green",
)
HIDES = ("black", "cognac", "tan", "dark brown", "burgundy", "navy blue", "cream", "red", "bottle green", "stone grey")
CLOTH = (
    "cream",
    "navy blue",
    "olive green",
    "light grey",
    "charcoal",
    "mustard yellow",
    "petrol",
    "rust",
    "pink",
    "bottle green",
    "sky blue",
    "red",
    "sand",
    "lilac",
)
TIMBER = ("oak", "pine", "beech", "walnut", "cherry wood", "bamboo")
PANES = ("clear", "amber", "bottle green", "smoked", "cobalt blue", "pink")
ORE = ("steel", "brass", "copper", "gold", "bronze", "gunmetal")
CANE = ("honey rattan", "sand", "dark brown", "stone grey", "white")

ACCENTS = (
    "white",
    "white",
    "cream",
    "black",
    "navy blue",
    "red",
    "gold",
    "mustard yellow",
    "sky blue",
    "pink",
    "mint green",
    "orange",
    "cobalt blue",
    "bottle green",
    "brown",
    "coral",
    "lilac",
)
"""The second colours; white is the most common."""

# Kinds of finish: how a colour is said with its material, and the colours.
KINDS = {
    "matt": ("matt {}", CERAMIC),
    "glossy": ("glossy {}", CERAMIC),
    "enamel": ("enamel {}", BRIGHT),
    "lacquered": ("lacquered {}", BRIGHT),
    "plastic": ("{} plastic", BRIGHT),
    "rubber": ("{} rubber", BRIGHT),
    "paper": ("{} paper", BRIGHT),
    "leather": ("{} leather", HIDES),
    "patent": ("{} patent", BRIGHT),
    "suede": ("{} suede", (*HIDES, "sky blue", "pink", "mustard yellow")),
    "canvas": ("{} canvas", CLOTH),
    "linen": ("{} linen", CLOTH),
    "velvet": ("{} velvet", CLOTH),
    "felt": ("{} felt", CLOTH),
    "wood": ("{}", TIMBER),
    "metal": ("{}", ORE),
    "brushed": ("brushed {}", ("steel", "copper", "brass", "gunmetal")),
    "glass": ("{} glass", PANES),
    "woven": ("woven {}", CANE),
}

# Pattern words and how they are said after the second colour.
SAID = {
    "dots": "{} dots", "stripes": "{} stripes", "rings": "{} rings", "band": "a {} band", "checks": "{} checks",
    "zigzag": "a {} zigzag", "flowers": "{} flowers", "speckles": "{} speckles", "dip": "a {} dipped base",
    "diamonds": "{} diamonds", "leaves": "{} leaves", "waves": "{} waves", "star": "a {} star", "heart": "a {} heart",
    "sun": "a {} sun", "anchor": "a {} anchor", "monogram": "a {} monogram", "trim": "a {} trim", "lid": "a {} lid",
    "legs": "{} legs", "sole": "a {} sole", "base": "a {} base", "dial": "a {} dial", "label": "a {} label",
    "ribbon": "a {} ribbon", "pocket": "a {} pocket", "toe cap": "a {} toe cap", "side stripes": "{} side stripes",
    "seat": "a {} seat",
}  # fmt: skip

ALL_OVER = ("dots", "stripes", "rings", "band", "checks", "zigzag", "flowers", "diamonds", "leaves", "waves")
POTS = (*ALL_OVER, "speckles", "dip", "star", "heart", "sun", "anchor")
PRINTS = ("dots", "stripes", "checks", "zigzag", "flowers", "diamonds", "leaves", "waves")
FACES = ("dial", "trim", "rings", "band", "dots", "stripes", "star", "sun")
SHOES = ("sole", "toe cap", "dots", "checks", "flowers", "stripes")

# family: form: kinds of finish, patterns, words of proportion
FORMS: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "vessel": {
        "mug": (("glossy", "matt", "enamel"), (*POTS, "trim"), ("tall", "wide")),
        "teacup": (("glossy", "matt"), (*ALL_OVER, "trim", "speckles"), ("wide", "tall")),
        "teapot": (("glossy", "matt", "enamel", "metal"), (*ALL_OVER, "lid", "trim", "speckles"), ("tall", "low")),
        "jug": (("glossy", "matt", "enamel", "brushed"), (*POTS, "trim"), ("tall", "slim")),
        "bowl": (("glossy", "matt", "wood"), (*ALL_OVER, "speckles", "trim"), ("wide", "low")),
        "vase": (("glossy", "matt", "glass"), (*ALL_OVER, "speckles", "dip"), ("slim", "wide")),
        "goblet": (
            ("glass", "metal", "glossy"),
            ("rings", "band", "dots", "diamonds", "base", "leaves", "zigzag"),
            ("tall", "wide"),
        ),
        "plant pot": (("matt", "glossy", "metal"), (*ALL_OVER, "trim", "speckles"), ("tall", "wide")),
    },
    "bottle": {
        "wine bottle": (
            ("glass", "glossy"),
            ("label", "band", "rings", "label", "leaves", "diamonds"),
            ("slim", "wide"),
        ),
        "vacuum flask": (
            ("lacquered", "brushed", "matt"),
            ("band", "rings", "lid", "stripes", "dots", "checks", "waves", "anchor"),
            ("tall", "slim"),
        ),
        "water bottle": (
            ("plastic", "matt", "lacquered"),
            ("lid", "stripes", "band", "waves", "zigzag", "dots", "star", "diamonds"),
            ("slim", "wide"),
        ),
        "perfume flacon": (
            ("glass", "glossy"),
            ("lid", "monogram", "heart", "star", "diamonds", "band", "sun"),
            ("tall", "wide"),
        ),
        "soap dispenser": (
            ("glass", "matt", "glossy"),
            ("lid", "speckles", "rings", "stripes", "leaves", "dots", "waves", "flowers"),
            ("slim", "low"),
        ),
        "jam jar": (
            ("glass", "glossy", "matt"),
            ("lid", "flowers", "dots", "checks", "stripes", "heart", "leaves"),
            ("tall", "low"),
        ),
        "milk carton": (
            ("paper",),
            ("lid", "waves", "dots", "stripes", "sun", "star", "checks", "flowers"),
            ("tall", "wide"),
        ),
    },
    "bag": {
        "tote": (
            ("canvas", "leather", "felt"),
            (*PRINTS, "trim", "sun", "star", "anchor", "monogram"),
            ("tall", "wide"),
        ),
        "handbag": (
            ("leather", "patent", "suede"),
            ("trim", "checks", "diamonds", "monogram", "dots", "flowers", "zigzag"),
            ("wide", "tall"),
        ),
        "backpack": (("canvas", "leather", "plastic"), (*PRINTS, "pocket", "pocket"), ("slim", "wide")),
        "suitcase": (("plastic", "leather", "lacquered"), (*PRINTS, "trim", "band"), ("tall", "wide")),
        "duffel": (
            ("canvas", "leather"),
            ("trim", "band", "rings", "stripes", "checks", "dots", "zigzag"),
            ("slim", "wide"),
        ),
        "satchel": (
            ("leather", "felt", "suede"),
            ("trim", "dots", "checks", "stripes", "flowers", "diamonds"),
            ("wide", "tall"),
        ),
        "clutch": (
            ("velvet", "patent", "suede"),
            ("diamonds", "dots", "stripes", "zigzag", "flowers", "leaves", "waves"),
            ("wide", "low"),
        ),
    },
    "footwear": {
        "sneaker": (("leather", "suede", "canvas"), (*SHOES, "side stripes", "side stripes", "trim"), ("slim", "wide")),
        "high-top": (("canvas", "leather"), (*SHOES, "star"), ("tall", "wide")),
        "ankle boot": (("leather", "suede"), ("sole", "toe cap", "trim", "checks", "dots"), ("tall", "slim")),
        "rubber boot": (
            ("rubber",),
            ("sole", "trim", "dots", "flowers", "stripes", "rings", "leaves"),
            ("tall", "wide"),
        ),
        "pump": (
            ("patent", "suede", "leather"),
            ("sole", "trim", "dots", "toe cap", "checks", "flowers"),
            ("slim", "tall"),
        ),
        "ballet flat": (("leather", "suede", "velvet"), (*SHOES, "trim"), ("slim", "wide")),
        "clog": (("leather", "suede"), ("sole", "trim", "flowers", "dots", "stripes", "checks"), ("wide", "slim")),
    },
    "seat": {
        "stool": (
            ("wood", "lacquered"),
            ("seat", "legs", "checks", "dots", "stripes", "flowers", "zigzag"),
            ("tall", "low"),
        ),
        "bar stool": (
            ("leather", "wood", "lacquered"),
            ("legs", "checks", "dots", "stripes", "zigzag"),
            ("slim", "wide"),
        ),
        "dining chair": (
            ("wood", "velvet", "lacquered", "linen"),
            ("seat", "legs", "checks", "stripes", "dots", "leaves"),
            ("tall", "wide"),
        ),
        "armchair": (("leather", "linen", "velvet"), ("legs", "trim", "seat", *PRINTS), ("wide", "low")),
        "sofa": (("leather", "linen", "velvet"), ("legs", "trim", "seat", *PRINTS), ("wide", "low")),
        "bench": (("wood", "lacquered"), ("seat", "legs", "stripes", "checks", "zigzag"), ("wide", "low")),
        "rocking chair": (("wood", "lacquered"), ("seat", "band", "legs", "checks", "stripes"), ("tall", "wide")),
        "pouf": (("leather", "felt", "linen", "woven"), ("trim", *ALL_OVER), ("wide", "tall")),
        "office chair": (
            ("leather", "linen", "plastic"),
            ("seat", "base", "dots", "stripes", "checks", "band", "zigzag"),
            ("tall", "wide"),
        ),
    },
    "lamp": {
        "table lamp": (("linen", "paper", "velvet"), ("base", *ALL_OVER), ("wide", "slim")),
        "floor lamp": (
            ("linen", "woven", "paper"),
            ("base", "band", "dots", "stripes", "zigzag", "rings", "leaves"),
            ("slim", "wide"),
        ),
        "desk lamp": (
            ("lacquered", "matt", "brushed"),
            ("base", "dots", "rings", "band", "stripes", "star", "checks"),
            ("tall", "wide"),
        ),
        "pendant lamp": (
            ("enamel", "glass", "woven", "metal"),
            ("trim", "base", "rings", "band", "dots", "stripes", "zigzag"),
            ("wide", "tall"),
        ),
        "lantern": (
            ("matt", "lacquered", "metal"),
            ("trim", "dots", "stripes", "rings", "checks", "star", "diamonds"),
            ("tall", "wide"),
        ),
        "mushroom lamp": (
            ("glossy", "matt", "metal"),
            ("base", "dots", "rings", "band", "flowers", "stripes", "speckles"),
            ("tall", "wide"),
        ),
        "candlestick": (
            ("metal", "matt", "glossy", "wood"),
            ("lid", "rings", "stripes", "band", "dots", "checks", "speckles"),
            ("tall", "wide"),
        ),
    },
    "clock": {
        "wall clock": (("wood", "lacquered", "metal"), (*FACES, "checks"), ("large", "small")),
        "sunburst clock": (
            ("metal", "wood", "lacquered"),
            ("dial", "trim", "rings", "band", "dots"),
            ("large", "small"),
        ),
        "alarm clock": (("lacquered", "metal", "matt"), (*FACES, "heart"), ("wide", "slim")),
        "mantel clock": (("wood", "lacquered", "matt"), (*FACES, "base"), ("tall", "wide")),
        "longcase clock": (
            ("wood", "lacquered"),
            ("dial", "trim", "base", "rings", "band", "flowers", "diamonds", "star"),
            ("slim", "wide"),
        ),
        "pocket watch": (("metal", "lacquered"), (*FACES, "base", "anchor"), ("wide", "slim")),
        "cuckoo clock": (
            ("wood", "lacquered"),
            ("dial", "lid", "flowers", "stripes", "dots", "checks", "leaves"),
            ("wide", "tall"),
        ),
    },
    "box": {
        "gift box": (("paper",), (*PRINTS, "ribbon", "ribbon", "lid"), ("tall", "low")),
        "tin": (("lacquered", "metal", "matt"), (*ALL_OVER, "lid", "star", "sun"), ("tall", "wide")),
        "hat box": (("paper",), (*ALL_OVER, "lid", "trim", "monogram"), ("tall", "low")),
        "chest": (
            ("wood", "lacquered", "leather"),
            ("trim", "diamonds", "flowers", "zigzag", "checks", "dots"),
            ("wide", "tall"),
        ),
        "basket": (("woven",), ("band", "trim", "zigzag", "rings", "diamonds", "checks", "dip"), ("tall", "wide")),
        "toolbox": (
            ("lacquered", "plastic", "brushed"),
            ("lid", "trim", "stripes", "band", "star", "checks"),
            ("wide", "tall"),
        ),
        "jewellery box": (
            ("wood", "lacquered", "leather"),
            ("lid", "flowers", "diamonds", "dots", "leaves", "zigzag"),
            ("wide", "tall"),
        ),
        "lunch box": (
            ("plastic", "lacquered"),
            ("trim", "star", "heart", "sun", "dots", "checks", "waves", "anchor"),
            ("wide", "tall"),
        ),
    },
}

# The finishes of a form: which of its colours, which of its patterns (or none), which of its proportions (or none).
# Some share the colour and differ in the pattern, some share the pattern and differ in the colour.
FINISHES = (
    (0, None, None), (0, 0, None), (1, 0, None), (1, 1, None), (2, None, None), (2, 2, None), (3, 3, 0), (3, 1, None),
    (4, 4, 1),
)  # fmt: skip


def number(*parts: object) -> int:
    """A number that only the parts decide."""
    return int.from_bytes(hashlib.sha256("/".join(str(p) for p in parts).encode()).digest()[:8], "big")


def ranked(items: Iterable[str], *key: object) -> list[str]:
    """The items, each once, in an order that only they and the key decide."""
    return sorted(dict.fromkeys(items), key=lambda item: number(*key, item))


def identifier(name: str) -> str:
    return name.replace(" ", "-")


def bases(middle_id: str, kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    """Five looks of a form: how each is said and its colour; kinds take turns, no colour comes twice."""
    order, used, out = ranked(kinds, middle_id, "kinds"), set(), []
    for k in range(5):
        said, colours = KINDS[order[k % len(order)]]
        free = [c for c in ranked(colours, middle_id, k) if c not in used] or list(colours)
        used.add(free[0])
        out.append((said.format(free[0]), free[0]))
    return out


def apart(one: Colour, two: Colour) -> bool:
    """Whether a pattern of one colour shows on the other, in light and in hue or lightness."""
    return abs(luma(one) - luma(two)) > 55 and sum(abs(a - b) for a, b in zip(one, two, strict=True)) > 200


def accent(base: str, *key: object) -> str:
    """A second colour that shows on a base colour."""
    under = colour(COLOURS[base])
    return next(name for name in ranked(ACCENTS, *key) if apart(under, colour(COLOURS[name])))


def fine_names(family: str, form: str) -> list[str]:
    middle_id = f"{family}-{identifier(form)}"
    kinds, patterns, sizes = FORMS[family][form]
    looks, order, names = bases(middle_id, kinds), ranked(patterns, middle_id, "patterns"), []
    for look, pattern, size in FINISHES:
        said, base = looks[look]
        name = f"{form}, {sizes[size]} {said}" if size is not None else f"{form}, {said}"
        if pattern is not None:
            word = order[pattern % len(order)]
            name += " with " + SAID[word].format(accent(base, middle_id, look, pattern))
        names.append(name)
    return names


def test_forms(middles: dict[str, str]) -> set[str]:
    """The middle ids that are test classes: the lowest hashes, at most ``TEST_MOST`` of a family."""
    chosen: list[str] = []
    for middle_id in sorted(middles, key=lambda m: number("test", m)):
        if [middles[m] for m in chosen].count(middles[middle_id]) < TEST_MOST and len(chosen) < TEST_SHARE * len(
            middles
        ):
            chosen.append(middle_id)
    return set(chosen)


def table() -> str:
    """The text of classes.tsv."""
    middles = {f"{family}-{identifier(form)}": family for family in FORMS for form in FORMS[family]}
    test = test_forms(middles)
    rows = ["\t".join(COLUMNS)]
    for family, forms in FORMS.items():
        for form in forms:
            middle_id = f"{family}-{identifier(form)}"
            for k, fine in enumerate(fine_names(family, form), 1):
                fine_id = f"{middle_id}-{k:02d}"
                path = f"{family}:{family} > {middle_id}:{form} > {fine_id}:{fine}"
                split = "test" if middle_id in test else "train"
                rows.append("\t".join((fine_id, fine, middle_id, form, family, family, split, path)))
    return "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    text = table()
    if arguments == ["--check"]:
        return int(not TABLE.is_file() or TABLE.read_text(encoding="utf-8") != text)
    TABLE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
