"""The builds of the birds, by middle class."""

from __future__ import annotations

from typing import Any

from dmlkit.sample.animal.figure import Build

# fmt: off
SONGBIRD: dict[str, Any] = {"leg": (0.14, 0.2), "head": (0.19, 0.22), "tilt": (22, 40), "deep": (0.44, 0.54)}

BIRDS: dict[str, Build] = {
    "n01517565": Build(  # ostrich family
        "walk",
        ("savanna", "steppe", "desert"),
        ("#3a3431 #d8d0c4 #1f1c1b #cfa08a", "#6e5a47 #a89880 #3a2f27 #8aa0b0", "#8a8076 #cfc7ba #4a433d #c99a7a"),
        ("plain",),
        "feather",
        {
            "stand": "walk", "leg": (0.6, 0.8), "legw": 0.06, "thigh": 0.2, "neck": (0.5, 0.75), "neckw": 0.09, "head": 0.1, "rise": 74,
            "deep": 0.58, "tilt": 8, "bill": "hen", "bills": 1.2, "tail": "short", "tails": 0.24, "tailw": 0.3, "wing": 0.75,
            "breasted": 0.0, "crested": 0.0, "barred": 0.0, "leg_colour": "#a08a78",
        },
    ),
    "n01529672": Build(  # finch
        "perch",
        ("leafage", "woodland", "garden"),
        (
            "#a8703c #e4cda0 #3a2a20 #c84838",
            "#8a7a58 #e5d1a9 #3b342b #e2bb3a",
            "#7d6a55 #ddd0ba #33291f #c9706a",
            "#6d7250 #d8d3a2 #2c2c22 #d8b83c",
        ),
        ("plain", "lines", "specks", "plain"),
        "feather",
        SONGBIRD | {"bill": "cone", "tails": (0.3, 0.42), "capped": 0.4, "breasted": 0.45, "face_mark": ("plain", "brow", "mask", "cheek")},
    ),
    "n01557185": Build(  # thrush
        "perch",
        ("leafage", "garden", "woodland", "meadow"),
        ("#7d5f42 #efe4cc #3a2a20 #c9783c", "#4e4b4a #d9d2c4 #2a2828 #c8602e", "#5f6f86 #e8dcc6 #2c333e #c96f3c"),
        ("specks", "plain", "spots"),
        "feather",
        SONGBIRD | {"bill": "fine", "leg": (0.2, 0.28), "tails": (0.36, 0.46), "breasted": 0.6, "bill_colour": "#c99a3c"},
    ),
    "n01578575": Build(  # crow family
        "walk",
        ("meadow", "farm", "snow", "woodland"),
        ("#24242b #32323a #17171c #5a5f78", "#2b2b30 #44444c #1a1a1f #8a8f98"),
        ("plain",),
        "feather",
        {
            "stand": "walk", "bill": "stout", "bills": (0.95, 1.25), "bill_colour": "#26262a", "leg_colour": "#2a2a2e", "leg": 0.22, "head": 0.2, "deep": 0.46,
            "tilt": 20, "tails": (0.34, 0.5), "tailw": 0.2, "breasted": 0.0, "headed": 0.0, "capped": 0.05, "barred": 0.0, "crested": 0.0,
        },
    ),
    "n01605630": Build(  # hawk
        "soar",
        ("sky", "sky", "mountain"),
        ("#6e5138 #e4d3b4 #35271c #b5814c", "#66707c #e0dcd2 #2f3339 #b07a5a", "#4d3d31 #c9b08c #241c17 #d8a860"),
        ("bands", "bands", "specks", "lines"),
        "feather",
        {
            "bill": "hook", "bills": 0.72, "bill_colour": "#5a5450", "leg_colour": "#d8b040", "deep": 0.44, "tilt": (54, 62), "neck": 0.06, "head": (0.17, 0.19), "rise": 70,
            "neckw": 0.28, "leg": 0.16, "legw": 0.045, "thigh": 0.17, "tails": (0.34, 0.46), "tailw": 0.15, "tail_bands": 0.7, "tail": "long", "iris": "bright", "eyes": 0.19,
            "crested": 0.0, "barred": 0.0, "face_mark": ("brow", "plain", "mask"), "wing": 1.05, "span": (1.0, 1.15), "broad": (0.3, 0.38),
        },
    ),
    "n01616318": Build(  # vulture
        "perch",
        ("mountain", "desert", "savanna", "sky"),
        ("#3a302b #6a574b #211b19 #c97a6a", "#6d5a48 #b09a80 #33281f #d9b0a0", "#2a2727 #4a4341 #191717 #c85a3c"),
        ("plain", "collar"),
        "feather",
        {
            "bill": "hook", "bills": 1.25, "bill_colour": "#d8cbb0", "bare": "yes", "leg": 0.2, "legw": 0.05, "neck": 0.28, "neckw": 0.16, "bend": 0.08,
            "head": 0.15, "deep": 0.56, "tilt": 44, "tails": 0.34, "tailw": 0.26, "rise": 40, "headed": 0.9, "breasted": 0.1, "barred": 0.1,
        },
    ),
    "n01621127": Build(  # owl
        "owl",
        ("forest", "dusk", "woodland", "snow"),
        ("#7d5c3c #e6d3ae #3b2a1c #b98548", "#7c766e #e3ddd2 #37332f #a89a86", "#a5763f #f2e4c6 #4a331f #d6a860"),
        ("bands", "specks", "lines", "spots"),
        "feather",
        {"disc": ("round", "round", "heart"), "iris": "bright"},
    ),
    "n01789740": Build(  # poultry
        "walk",
        ("farm", "garden", "farm"),
        ("#a4502a #c9803f #2a2220 #d8a030", "#efe8da #f8f4ea #b9ae9c #e0c890", "#3a3634 #5f5852 #1d1b1b #8a7a60"),
        ("plain", "bands", "specks"),
        "feather",
        {
            "stand": "walk", "bill": "hen", "bill_colour": "#d8b060", "comb": "comb", "leg": 0.28, "legw": 0.05, "thigh": 0.14, "neck": 0.3, "neckw": 0.22,
            "head": 0.15, "deep": 0.58, "tilt": 18, "tail": "plume", "tails": (0.4, 0.6), "tailw": 0.18, "cock": 0.3, "rise": 66, "leg_colour": "#cfa050",
        },
    ),
    "n01802721": Build(  # pheasant family
        "walk",
        ("meadow", "forest", "garden"),
        ("#a4622f #8a4a28 #2f2320 #2a7a5a", "#8a7a64 #d3c4a6 #43382e #b55a32", "#2f5f8a #3a7a5a #1d2a33 #d8a83c"),
        ("specks", "spots", "bands"),
        "feather",
        {
            "stand": "walk", "bill": "hen", "leg": 0.24, "legw": 0.045, "thigh": 0.12, "neck": 0.24, "neckw": 0.18, "head": 0.14, "deep": 0.5, "tilt": 16,
            "tail": "point", "tails": (0.6, 1.2), "tailw": 0.14, "headed": 0.7, "breasted": 0.5, "rise": 62, "face_mark": ("mask", "cheek", "brow"),
        },
    ),
    "n01811909": Build(  # pigeon
        "walk",
        ("garden", "farm", "room", "woodland"),
        ("#8a939e #b9bec4 #3c424c #6a8f86", "#a88f80 #d9c7b8 #4f423b #b58a92", "#6f7580 #a5abb3 #2e323a #7d6a9a"),
        ("plain", "plain", "collar", "bands"),
        "feather",
        {
            "stand": "walk", "bill": "fine", "bills": 0.85, "leg": 0.16, "legw": 0.045, "neck": 0.18, "neckw": 0.24, "head": 0.16, "deep": 0.54, "tilt": 18,
            "tails": 0.4, "tailw": 0.2, "breasted": 0.6, "leg_colour": "#c9606a", "barred": 0.8, "rise": 64, "capped": 0.0, "crested": 0.0,
        },
    ),
    "n01816887": Build(  # parrot
        "perch",
        ("jungle", "leafage", "jungle"),
        (
            "#4a9a3c #a8cf4a #1f5a3a #e0452c",
            "#c8352c #e8a02c #24508f #f0c83c",
            "#3a78c0 #e8c23c #1f3f7a #4a9a4c",
            "#efeae0 #faf6ec #c9c3b8 #f0b03c",
            "#8d9094 #c9cbcc #4a4d52 #c83c34",
        ),
        ("plain",),
        "feather",
        {
            "bill": "parrot", "bills": (1.0, 1.3), "leg": 0.14, "legw": 0.05, "head": (0.24, 0.28), "neckw": 0.36, "deep": 0.46, "tilt": (48, 62),
            "tail": "point", "tails": (0.3, 0.8), "tailw": 0.16, "headed": 0.5, "face_mark": ("cheek", "plain", "mask"), "rise": 66, "barred": 0.2,
        },
    ),
    "n01838598": Build(  # woodpecker
        "climb",
        ("woodland", "forest"),
        ("#33302f #eae3d4 #1f1d1d #c8342c", "#6f8a44 #d8d6a2 #39492a #c8342c", "#8a6a4a #e3d0ac #3b2c20 #d8a03c"),
        ("bands", "spots", "specks"),
        "feather",
        {"tilt": 76, "bill": "chisel", "head": 0.19, "capped": 0.9, "face_mark": ("mask", "brow", "cheek"), "crested": 0.3, "tails": 0.34},
    ),
    "n01846331": Build(  # duck
        "swim",
        ("pond", "lake", "pond"),
        (
            "#8a7a66 #d9ccb4 #3c332b #2a6a4a",
            "#6f6a66 #e6e0d6 #2f2c2c #7a3a2c",
            "#5a4a3d #c9b595 #2a221c #3a5f8a",
            "#d8d0c4 #f4efe6 #2b2a2e #b8642c",
        ),
        ("plain", "specks", "bands"),
        "feather",
        {
            "stand": "swim", "bill": "duck", "neck": (0.14, 0.24), "neckw": 0.2, "head": 0.18, "deep": 0.4, "tilt": 6, "tails": 0.22, "tail": "short",
            "headed": 0.75, "breasted": 0.55, "barred": 0.7, "rise": 76, "capped": 0.2, "wing": 0.85,
        },
    ),
    "n01858441": Build(  # swan
        "swim",
        ("lake", "pond", "lake"),
        ("#f3f1ea #faf8f2 #c9c4b8 #e6873c", "#eceae4 #f7f5ef #bdb8ad #2b2a2a"),
        ("plain",),
        "feather",
        {
            "stand": "swim", "bill": "duck", "bills": (1.0, 1.3), "bill_colour": "#e0802c", "neck": (0.62, 0.85), "neckw": 0.12, "bend": -0.16, "head": 0.12,
            "deep": 0.48, "tilt": 8, "tails": 0.2, "tail": "short", "rise": (62, 76), "barred": 0.0, "dark_wing": 0.0, "headed": 0.0, "breasted": 0.0,
            "capped": 0.0, "crested": 0.0, "dark_head": 0.0, "wing": 0.85,
        },
    ),
    "n02002075": Build(  # stork
        "wade",
        ("marsh", "bank", "savanna"),
        ("#efece4 #faf8f2 #24242a #d0402c", "#3a3a42 #e6e2da #1d1d22 #c85a3c", "#8a8f96 #d9d6cf #33363c #d8a0a0"),
        ("plain",),
        "feather",
        {
            "stand": "wade", "bill": "dagger", "bills": (1.1, 1.5), "bill_colour": "#c8502c", "leg_colour": "#b8502e", "leg": (0.62, 0.78), "legw": 0.035,
            "neck": (0.38, 0.46), "neckw": 0.13, "head": 0.14, "deep": 0.46, "tilt": 20, "tails": 0.2, "tail": "short", "dark_wing": 0.9, "rise": 64,
            "breasted": 0.0, "barred": 0.0, "crested": 0.0, "headed": 0.2,
        },
    ),
    "n02008041": Build(  # heron
        "wade",
        ("marsh", "bank", "shore", "pond"),
        ("#8a95a0 #dcdcd6 #3a424c #b08a5a", "#f2f0ea #fbf9f3 #c4c0b6 #d8a83c", "#8f6e4c #dfc9a0 #42301f #b8843c"),
        ("plain", "plain", "lines"),
        "feather",
        {
            "stand": "wade", "bill": "dagger", "bills": (0.85, 1.1), "bill_colour": "#c9a23c", "leg_colour": "#4c4a42", "leg": (0.42, 0.68), "legw": 0.03,
            "neck": (0.42, 0.75), "neckw": 0.08, "bend": 0.1, "head": 0.115, "deep": 0.38, "tilt": (30, 42), "tails": 0.2, "tail": "short", "crest": ("pins", "none", "plume"),
            "rise": 70, "breasted": 0.1, "barred": 0.0,
        },
    ),
    "n02026059": Build(  # sandpiper
        "wade",
        ("shore", "marsh", "bank"),
        ("#9a856a #f0e9db #4a3d30 #b5763c", "#8f8a82 #f2eee6 #4a4642 #a89880", "#a8703c #eadcc4 #3b2c20 #c9863c"),
        ("specks", "spots", "specks", "lines"),
        "feather",
        {
            "stand": "wade", "bill": ("needle", "curve", "fine"), "bills": (0.6, 0.95), "leg": (0.24, 0.42), "legw": 0.028, "neck": (0.14, 0.24), "neckw": 0.16,
            "head": 0.155, "deep": 0.42, "tilt": 16, "tails": 0.26, "breasted": 0.2, "rise": 58, "face_mark": ("brow", "plain"), "crested": 0.0,
        },
    ),
    "n02041246": Build(  # gull
        "shore",
        ("shore", "shore", "ice"),
        ("#b9c2ca #faf8f4 #3a3e45 #e0b03c", "#6a7078 #f7f5f0 #26282c #e0b03c", "#cfd5da #fbfaf6 #5a6068 #c9a060"),
        ("plain",),
        "feather",
        {
            "stand": "walk", "bill": "gull", "bill_colour": "#e0b03c", "leg_colour": "#d8a08c", "toes": "web", "leg": 0.24, "legw": 0.04, "neck": 0.16,
            "neckw": 0.24, "head": 0.17, "deep": 0.42, "tilt": 12, "tails": 0.26, "breasted": 0.0, "headed": 0.0, "barred": 0.0, "rise": 62, "crested": 0.0, "wingtip": "point", "broad": 0.28, "span": 1.2, "pale_wing": 0.4,
        },
    ),
    "n02055803": Build(  # penguin
        "penguin",
        ("ice", "snow", "shore"),
        ("#2b2d33 #f6f3ea #1c1d22 #e0a030", "#3a3f4a #f4f0e6 #24262c #e8c83c", "#26282e #f8f5ee #191a1e #c86a3c"),
        ("plain",),
        "feather",
        {"bill": ("fine", "stout", "dagger"), "bills": (0.7, 1.0), "head": 0.17},
    ),
}
# fmt: on
