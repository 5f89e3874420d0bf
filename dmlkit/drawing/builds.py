"""The builds of the animals: one for each middle class, one for each coarse class as a fallback, and hints of names.

Only `find` is called from outside. The parameters are those that the plan of a build asks for.
"""

from __future__ import annotations

from typing import Any

from dmlkit.drawing.figure import Build

HOOFED: dict[str, Any] = {"foot": "hoof", "nose": "furred", "ear": "leaf", "eyes": 0.16, "thigh": 2.0}
UPRIGHT: dict[str, Any] = {"face_kind": "ape", "ear": "round", "eyes": 0.16, "eye_gap": 0.3}
SONGBIRD: dict[str, Any] = {"leg": (0.14, 0.2), "head": (0.19, 0.22), "tilt": (22, 40), "deep": (0.44, 0.54)}

MAMMALS: dict[str, Build] = {
    "n02084071": Build(  # dog
        "quadruped",
        ("garden", "meadow", "room", "farm"),
        (
            "#a8703c #e4cda0 #3a2a20 #c89858",
            "#3a3433 #b5a189 #1f1c1c #8a5a32",
            "#e6dac4 #f6f1e6 #8a5a32 #c89858",
            "#7d5233 #c7a27c #3a2a20 #b07a45",
            "#8d8a87 #d3cdc3 #3b3938 #a8a29a",
        ),
        ("plain", "plain", "saddle", "patches", "collar"),
        "fur",
        {
            "snout": (0.55, 1.25), "ear": ("point", "flop", "fold", "flop"), "tail": ("curl", "cat", "up", "brush"),
            "chest": (0.36, 0.5), "waist": (0.28, 0.42), "leg": (0.26, 0.55), "legw": (0.08, 0.12),
            "coat": ("short", "short", "shaggy"), "face_mark": ("none", "blaze", "mask", "brow"), "view": "both",
            "head": (0.15, 0.2), "extra": ("none", "tongue"),
        },
    ),
    "n02118333": Build(  # fox
        "quadruped",
        ("forest", "meadow", "snow", "steppe"),
        ("#c0622a #f3e6d2 #2e2523 #e9d9c2", "#b78a58 #efe2c8 #4a3a2e #e9d9c2", "#8e867c #e6ddcf #3a3534 #b5693a"),
        ("plain",),
        "fur",
        {
            "snout": (1.0, 1.2), "muzzle": 0.32, "ear": "point", "ears": (1.1, 1.5), "tail": "bushy", "tails": 1.05, "tailw": 1.25,
            "chest": 0.34, "waist": 0.29, "leg": (0.32, 0.4), "legw": 0.085, "head": 0.17, "dark_legs": 0.7, "dark_ear": 0.8,
            "muzzled": 0.95, "tipped": 0.5, "face_mark": "cheek", "rise": 30, "view": "side",
        },
    ),
    "n02120997": Build(  # cat family
        "quadruped",
        ("savanna", "forest", "room", "garden", "jungle", "mountain"),
        (
            "#c79a5e #f0e2c4 #4a3524 #e0bd86",
            "#a89880 #e6dcca #453a32 #c9b79c",
            "#5d5450 #b9aea2 #2a2524 #8c7d72",
            "#d8c7a4 #f4ecda #6a4d33 #c99a62",
        ),
        ("spots", "plain", "rosettes", "stripes", "plain"),
        "fur",
        {
            "snout": (0.42, 0.6), "muzzle": 0.5, "ear": "point", "ears": 0.8, "tail": "cat", "tails": (0.9, 1.15),
            "chest": 0.36, "waist": 0.32, "leg": (0.32, 0.4), "legw": 0.1, "head": (0.16, 0.19), "pupil": "slit", "iris": "bright",
            "muzzled": 0.9, "view": "both", "paw": 1.15, "rise": 26, "eyes": 0.2,
        },
    ),
    "n02131653": Build(  # bear
        "quadruped",
        ("forest", "mountain", "meadow", "snow"),
        ("#6b452b #8a6444 #3a261b #a67c52", "#2c2828 #4b4341 #1d1a1b #b0895c"),
        ("plain",),
        "fur",
        {
            "snout": (0.7, 0.95), "muzzle": 0.5, "ear": "round", "ears": 0.62, "tail": "scut", "chest": 0.58, "waist": 0.56,
            "leg": 0.3, "legw": 0.18, "thigh": 1.5, "head": 0.2, "neckw": 0.42, "neck": 0.22, "hump": (0.0, 0.05), "rise": 8,
            "paw": 1.1, "muzzled": 0.9, "view": "both", "eyes": 0.11, "stride": 0.7, "coat": "shaggy",
        },
    ),
    "n02139199": Build(  # bat
        "bat",
        ("dusk", "dusk", "forest"),
        ("#6a4a36 #b1947a #2f2522 #8f6b4d", "#8a6b4c #d6c3a4 #3a2c26 #a5825c", "#4b4340 #968a80 #241f1f #6d6059"),
        ("plain", "collar"),
        "fur",
        {"span": (0.9, 1.15), "ear": ("point", "long", "leaf"), "ears": (0.7, 1.2), "head": (0.15, 0.19), "eyes": 0.14},
    ),
    "n02323902": Build(  # rabbit family
        "sitter",
        ("meadow", "garden", "snow", "steppe"),
        ("#96785a #e5d8c2 #54402f #b89674", "#8b8378 #e8e1d6 #4b443d #aaa093", "#b59a76 #efe4cf #6b5138 #cdb491"),
        ("plain",),
        "fur",
        {
            "wide": 0.38, "high": 0.7, "lean": 0.2, "head": 0.21, "ear": "long", "ears": (0.85, 1.15), "tail": "scut", "feet": 1.25,
            "thigh": 1.15, "view": "side", "snout": 0.45, "muzzle": 0.5, "eyes": 0.2, "tailw": 1.3, "legw": 0.09,
        },
    ),
    "n02355227": Build(  # squirrel
        "sitter",
        ("forest", "garden", "woodland", "meadow"),
        ("#8c8780 #efe9de #4a4541 #a8623a", "#a8592c #f0dfc6 #5a2e1c #c87f48", "#9a7a52 #ecdcc0 #43342a #c79d63"),
        ("plain", "plain", "lines", "specks"),
        "fur",
        {
            "wide": 0.3, "high": 0.72, "lean": 0.12, "head": 0.21, "ear": ("point", "round"), "ears": 0.62, "tail": "curl",
            "tail_turn": -0.15, "tails": (0.85, 1.2), "tailw": (1.3, 1.9), "arms": "up", "view": "side", "snout": 0.5, "muzzle": 0.42,
            "eyes": 0.2, "legw": 0.08, "thigh": 1.15,
        },
    ),
    "n02374149": Build(  # horse family
        "quadruped",
        ("meadow", "farm", "steppe", "savanna"),
        (
            "#7f482b #a8734c #2a211e #c9b08c",
            "#3b302c #54463f #1d1919 #8d7a68",
            "#a9a49d #dcd8d0 #55504b #c9c3b8",
            "#b98a55 #dcc095 #6a4a2f #f0e2c4",
            "#c9a06a #ead2a4 #f1ead6 #efe3c6",
        ),
        ("plain", "plain", "plain", "patches"),
        "fur",
        HOOFED | {
            "snout": (1.45, 1.7), "muzzle": 0.42, "tail": "horse", "mane": "crest", "neck": (0.42, 0.5), "neckw": 0.24, "rise": (42, 52),
            "head": 0.125, "leg": (0.46, 0.6), "legw": (0.07, 0.1), "chest": (0.4, 0.46), "waist": 0.37, "tilt": 34,
            "ear": "point", "ears": 0.55, "face_mark": ("none", "blaze", "none"), "view": "side", "dark_legs": 0.35,
        },
    ),
    "n02402010": Build(  # cattle family
        "quadruped",
        ("farm", "meadow", "steppe"),
        (
            "#8a4a2a #c99a70 #f0e8dc #d9c7a4",
            "#2d2928 #5a504b #f2ede4 #c9b79c",
            "#e7dfd0 #f6f1e6 #4a3a30 #d6c4a2",
            "#a8764a #dcbf98 #5a3b27 #e6d6b8",
        ),
        ("plain", "patches", "plain", "collar"),
        "fur",
        HOOFED | {
            "snout": 1.15, "muzzle": 0.6, "chest": (0.5, 0.56), "waist": (0.48, 0.52), "leg": (0.32, 0.4), "legw": 0.11, "neck": 0.2,
            "neckw": 0.36, "rise": 16, "head": 0.15, "tilt": 26, "horn": ("cow", "cow", "none"), "horns": (0.6, 1.1), "tail": "tuft",
            "face_mark": ("none", "blaze"), "ears": 0.9, "view": "side",
        },
    ),
    "n02419796": Build(  # antelope
        "quadruped",
        ("savanna", "savanna", "steppe", "desert"),
        (
            "#b5793f #f0e2c8 #3a2a22 #e4cfa6",
            "#8f6a49 #e4d3b6 #3b2d25 #c9ab82",
            "#cfb18a #f5eddc #5a4434 #e9d8b9",
            "#6d625a #cfc5b6 #2b2626 #a5988a",
        ),
        ("plain", "plain", "bands", "saddle"),
        "fur",
        HOOFED | {
            "snout": (1.1, 1.35), "muzzle": 0.34, "chest": 0.38, "waist": (0.3, 0.36), "leg": (0.5, 0.64), "legw": (0.05, 0.07),
            "neck": (0.3, 0.46), "neckw": 0.17, "rise": (46, 60), "head": 0.125, "tilt": 22,
            "horn": ("ringed", "sickle", "spiral", "spike", "ringed"), "horns": (0.8, 1.5), "tail": ("short", "tuft"), "ears": 0.95,
            "face_mark": ("none", "tear", "cheek", "blaze"), "under": 0.5,
        },
    ),
    "n02430045": Build(  # deer
        "quadruped",
        ("forest", "meadow", "woodland", "snow"),
        ("#9a6438 #e8d6b6 #54371f #d8b98a", "#7a5a40 #d5c2a4 #3d2c20 #b79a74", "#b58048 #f0e3c9 #5f4226 #e1c493"),
        ("plain", "plain", "spots"),
        "fur",
        HOOFED | {
            "snout": 1.2, "muzzle": 0.36, "chest": 0.4, "waist": 0.34, "leg": (0.5, 0.6), "legw": (0.055, 0.075), "neck": (0.36, 0.44),
            "neckw": 0.2, "rise": (50, 60), "head": 0.13, "tilt": 20, "horn": "antler", "horns": (0.75, 1.25), "tail": "short",
            "ears": 1.0, "face_mark": ("none", "cheek"),
        },
    ),
    "n02441326": Build(  # weasel family
        "quadruped",
        ("forest", "bank", "meadow", "snow"),
        ("#7a4b2c #e8d9bd #33231b #cfa874", "#4a3a30 #b39c80 #221b19 #8c6d4f", "#8f7d6a #d9ccb6 #3b332d #b8a489"),
        ("plain",),
        "fur",
        {
            "snout": 0.55, "muzzle": 0.46, "ear": "round", "ears": 0.55, "tail": "brush", "tails": (0.7, 1.0), "tailw": (0.7, 1.0),
            "chest": (0.25, 0.3), "waist": (0.23, 0.28), "leg": 0.13, "legw": 0.085, "neck": 0.3, "neckw": 0.19, "rise": 22,
            "head": 0.125, "arch": (0.02, 0.07), "face_mark": ("none", "cheek", "none"), "view": "side", "muzzled": 0.8, "thigh": 1.7,
        },
    ),
    "n02470325": Build(  # ape
        "sitter",
        ("jungle", "forest", "jungle"),
        ("#2b2727 #544a46 #1a1718 #6b5a50", "#3b302b #6a574b #1f1a19 #80695a"),
        ("plain",),
        "fur",
        UPRIGHT | {
            "wide": 0.4, "high": 0.84, "lean": 0.14, "head": 0.24, "tail": "none", "legw": 0.14, "arms": "down", "ears": 0.62,
            "muzzle": 0.7, "face_high": 1.08, "muzzled": 0.25,
        },
    ),
    "n02484322": Build(  # monkey
        "sitter",
        ("jungle", "forest", "savanna"),
        (
            "#8b6f4a #d9c6a2 #3e2f24 #c9a36b",
            "#6a6258 #cdc3b3 #2c2725 #a89580",
            "#3a3230 #7a6b60 #1f1b1a #9c8064",
            "#b07a3e #ead6ac #4a3222 #d9a860",
        ),
        ("plain", "plain", "saddle"),
        "fur",
        UPRIGHT | {
            "wide": 0.28, "high": 0.76, "lean": 0.12, "head": (0.2, 0.24), "tail": ("cat", "rat", "thin"), "tails": (0.8, 1.15),
            "legw": 0.085, "arms": ("down", "up"), "ears": (0.5, 0.8), "muzzle": (0.4, 0.6), "mane": ("none", "none", "ruff", "cape"),
            "face_mark": ("none", "cap"), "muzzled": 0.6,
        },
    ),
    "n01874434": Build(  # marsupial
        "sitter",
        ("desert", "forest", "steppe"),
        ("#a5734a #e6d3b3 #5a3f2c #c99a6c", "#8e877d #ded7ca #484340 #b3a899", "#6d5440 #cdb79a #33281f #a08262"),
        ("plain",),
        "fur",
        {
            "wide": 0.3, "high": 0.95, "lean": 0.22, "head": 0.17, "ear": "leaf", "ears": (0.9, 1.2), "tail": "thick", "tails": 0.85,
            "tail_up": 0.1, "feet": 1.5, "thigh": 1.4, "view": "side", "snout": 0.95, "muzzle": 0.4, "arms": "up", "legw": 0.08,
        },
    ),
}  # fmt: skip

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
        {"bill": "hook", "bill_colour": "#4a4542", "deep": 0.4, "tails": (0.36, 0.5), "tail_bands": 0.8, "tail": "fan", "iris": "bright", "crested": 0.0},
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
    "n01789740": Build(  # domestic fowl
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
        {"bill": "chisel", "head": 0.19, "capped": 0.9, "face_mark": ("mask", "brow", "cheek"), "crested": 0.3, "tails": 0.34},
    ),
    "n01846331": Build(  # duck
        "swim",
        ("pond", "lake", "marsh"),
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
            "neckw": 0.24, "head": 0.17, "deep": 0.42, "tilt": 12, "tails": 0.26, "breasted": 0.0, "headed": 0.0, "barred": 0.0, "rise": 62, "crested": 0.0,
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
}  # fmt: skip

FISH: dict[str, Build] = {
    "n01482330": Build(  # shark
        "fish",
        ("deep", "sea", "sea"),
        ("#66717c #dfe3e2 #333b44 #8a97a2", "#7d7a70 #e2ddcf #403d36 #9c978a", "#4f6f8a #e0e8ea #27394a #7a9ab5"),
        ("plain", "plain", "plain", "spots", "bands"),
        "skin",
        {
            "form": "shark", "dorsal": "shark", "tail": "shark", "deep": (0.24, 0.32), "blunt": (0.1, 0.5), "nose": (0.04, 0.16), "dorsal_high": (0.2, 0.28),
            "tails": (0.95, 1.2), "stem": 0.07, "pectoral": 0.28, "eyes": 0.022, "dark_back": 0.9, "headed": 0.0, "tail_spot": 0.0, "teeth": 1.0, "eye_bar": 0.0,
        },
    ),
    "n01495701": Build(  # ray
        "ray",
        ("seabed", "sea", "reef"),
        ("#8a7a5c #e6dcc4 #43392a #b59a62", "#5c6470 #d8dcdc #2b3038 #8a94a0", "#a58a62 #ece0c6 #54422c #d0b07a"),
        ("plain", "spots", "specks", "rosettes"),
        "skin",
        {"span": (0.52, 0.74), "whip": (0.7, 1.1), "disc": ("diamond", "round")},
    ),
    "n01439121": Build(  # carp family
        "fish",
        ("river", "pond", "river"),
        ("#8a7d3f #e3d6a0 #4a4322 #c98a3c", "#a5803c #ecd9a2 #5a4420 #d8602c", "#7d8a74 #e0e2d0 #3b4238 #b5a04a"),
        ("plain", "plain", "net", "specks"),
        "scale",
        {"deep": (0.34, 0.46), "blunt": 0.5, "dorsal": ("one", "long"), "tail": "fork", "barbels": 2, "bright_fins": 0.6, "eyes": 0.03},
    ),
    "n02534559": Build(  # salmon family
        "fish",
        ("river", "river", "sea"),
        ("#7a8a92 #e6e8e4 #33404a #c9707a", "#7d8a5c #e8e0c2 #3a4028 #d8705c", "#5f7a8a #e3ebec #2a3a44 #b08a9a"),
        ("specks", "spots", "specks"),
        "scale",
        {"deep": (0.26, 0.33), "blunt": 0.25, "dorsal": "trout", "tail": "fork", "tails": 0.85, "eyes": 0.028, "dark_back": 0.8, "grin": 0.12},
    ),
    "n02642107": Build(  # scorpionfish family
        "fish",
        ("reef", "reef", "seabed"),
        ("#a8482e #ecd0b0 #5a2019 #e0a060", "#8a6a4c #dcc7a4 #3f2c20 #b85a3c", "#c97a4a #f2dcc2 #7a2f20 #f0c080"),
        ("bands", "patches", "stripes", "specks"),
        "scale",
        {
            "deep": (0.34, 0.46), "blunt": 0.35, "dorsal": "spiny", "dorsal_high": (0.2, 0.36), "tail": "round", "pectoral": (0.26, 0.4), "belly_fin": 0.2, "mouth_up": -0.04,
            "eyes": 0.04, "grin": 0.18, "bright_fins": 0.7,
        },
    ),
    "n02652668": Build(  # pufferfish family
        "fish",
        ("reef", "reef", "sea"),
        ("#c9a23c #f4ead0 #5a4a1f #3a6a9a", "#7d8a74 #f0ead8 #3a4034 #d8a83c", "#4a7a9a #f0e6c2 #1f3a54 #e8c03c"),
        ("spots", "specks", "patches", "net", "stripes"),
        "skin",
        {
            "deep": (0.52, 0.68), "blunt": 0.6, "dorsal": "far", "dorsal_high": 0.16, "tail": "round", "tails": 0.72, "pectoral": 0.14, "belly_fin": 0.02, "eyes": 0.052,
            "grin": 0.05, "stem": 0.1, "anal": 1.2,
        },
    ),
    "n02657368": Build(  # flatfish
        "flat",
        ("seabed", "seabed"),
        ("#8a7452 #ddcfae #43351f #b5874a", "#7d7a6c #d6d2c2 #3b392f #a09a80", "#9a8258 #e6d8b6 #54411f #c9602c"),
        ("specks", "spots", "patches", "rosettes"),
        "skin",
        {"deep": (0.46, 0.66)},
    ),
}  # fmt: skip

HERPTILES: dict[str, Build] = {
    "n01726692": Build(  # snake
        "snake",
        ("desert", "forest", "jungle", "meadow", "steppe"),
        (
            "#8a7448 #e3d3a4 #3a2c1c #c9963c",
            "#5d7a3c #cfd89a #2a3a1f #d8c03c",
            "#a5603c #ecd0a4 #42231a #e0b060",
            "#4a4a4c #b5b2a8 #1f1f21 #c8402c",
            "#b59a68 #efe2c0 #5a4426 #8a5a2e",
        ),
        ("diamonds", "bands", "saddle", "lines", "plain", "coral", "patches"),
        "scale",
        {"thick": (0.085, 0.15), "head": (0.1, 0.14), "pupil": ("round", "slit"), "rear": (0.04, 0.16)},
    ),
    "n01674464": Build(  # lizard
        "lizard",
        ("desert", "jungle", "mountain", "steppe"),
        (
            "#8a8458 #dcd5a8 #423d24 #d8803c",
            "#5a8a44 #cfdc96 #27421f #3a78b0",
            "#a5875c #e9d9b4 #4c3a24 #d8a03c",
            "#6a6a68 #c9c6bc #2e2e2e #4a9aa8",
        ),
        ("plain", "bands", "spots", "lines", "net", "specks"),
        "scale",
        {
            "deep": (0.17, 0.24), "tails": (1.0, 1.5), "head": (0.12, 0.15), "leg": (0.15, 0.22), "crest": ("none", "none", "low", "spines"), "crest_high": (0.05, 0.12),
            "dewlap": ("no", "no", "yes"), "tongue": 0.2,
        },
    ),
    "n01662784": Build(  # turtle
        "turtle",
        ("shore", "pond", "bank", "sea", "desert"),
        ("#6a6a3c #d6c98a #33331f #d8a03c", "#8a6a3f #e3cc96 #3d2c1a #c9602c", "#4f5a48 #c2c69c #24291f #e0c03c"),
        ("plain", "spots", "net", "rosettes", "lines"),
        "scale",
        {"dome": (0.26, 0.46), "head": (0.11, 0.14), "foot": "stump"},
    ),
    "n01696633": Build(  # crocodile family
        "lizard",
        ("bank", "marsh", "bank"),
        ("#5f6444 #c9c494 #2f3322 #8a8a54", "#6e6248 #cfc09a #352d20 #94804e", "#4c5048 #b5b5a0 #262924 #7d8068"),
        ("bands", "plain", "patches"),
        "scale",
        {
            "deep": 0.24, "leg": 0.11, "legw": 0.09, "head": 0.15, "snout": (1.6, 2.2), "jaw": 0.44, "teeth": 9, "scutes": "yes", "tails": 1.15, "raise": 0.4, "tailw": 1.1,
            "bulge": 0.08,
        },
    ),
    "n01639765": Build(  # frog
        "frog",
        ("pond", "jungle", "marsh", "bank"),
        (
            "#5f8a3c #dde0a4 #2c4520 #d8b83c",
            "#8a6f48 #e0d0a6 #3d2f1f #b5843c",
            "#7d8244 #e3dfb0 #39391c #c9602c",
            "#4a9a5c #e8ecc0 #1f4a2c #e8c83c",
        ),
        ("plain", "spots", "patches", "specks", "lines"),
        "skin",
        {"plump": (0.85, 1.1), "leg": (0.95, 1.25), "toes": "plain"},
    ),
    "n01629276": Build(  # salamander
        "lizard",
        ("forest", "bank", "pond"),
        ("#2b2a2b #5a5450 #1a1919 #e8c02c", "#8a5a3c #dcae7a #3d241a #d8602c", "#5f6a62 #b9c0b0 #2b302c #c9a03c"),
        ("spots", "spots", "bands", "specks", "plain", "patches"),
        "skin",
        {
            "deep": 0.16, "leg": 0.1, "legw": 0.06, "head": 0.13, "snout": 0.55, "flat": 0.75, "tails": (0.9, 1.2), "tailw": 1.0, "raise": 0.5, "toes": "round", "bulge": 0.0,
            "neck": 0.05, "jaw": 0.7,
        },
    ),
}  # fmt: skip

BUILDS = {**MAMMALS, **BIRDS, **FISH, **HERPTILES}

GENERIC = {
    "mammal": MAMMALS["n02118333"],
    "bird": BIRDS["n01557185"],
    "fish": FISH["n01439121"],
    "reptile": HERPTILES["n01674464"],
    "amphibian": HERPTILES["n01639765"],
}
"""The build of a middle class that has none of its own."""


def find(middle_id: str, coarse: str) -> Build:
    """The build of a middle class; for one that is not known, a plain one of its coarse class."""
    return BUILDS.get(middle_id) or GENERIC.get(coarse, GENERIC["mammal"])
