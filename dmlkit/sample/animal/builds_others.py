"""The builds of fish, reptiles and amphibians, by middle class."""

from __future__ import annotations

from dmlkit.sample.animal.figure import Build

# fmt: off
FISH: dict[str, Build] = {
    "n01482330": Build(  # shark
        "shark",
        ("deep", "sea", "sea"),
        ("#66717c #dfe3e2 #333b44 #8a97a2", "#857766 #e6dfd0 #4a4034 #9c978a", "#4f6f8a #e0e8ea #27394a #7a9ab5", "#5d6358 #dcdcd0 #34382f #8a8c7c", "#8b949b #eceeee #4a525a #a0aab2"),
        ("plain",),
        "skin",
        {
            "deep": (0.25, 0.33), "blunt": (0.1, 0.6), "nose": (0.54, 0.62), "dorsal_high": (0.12, 0.17), "tails": (0.85, 1.1), "pectoral": (0.2, 0.27),
            "eyes": (0.016, 0.022),
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
        {"deep": (0.46, 0.66), "tail": "round"},
    ),
}

HERPTILES: dict[str, Build] = {
    "n01726692": Build(  # snake
        "snake",
        ("desert", "forest", "meadow", "steppe", "jungle"),
        (
            "#8a7448 #e3d3a4 #3a2c1c #c9963c",
            "#5d7a3c #cfd89a #2a3a1f #d8c03c",
            "#a5603c #ecd0a4 #42231a #e0b060",
            "#4a4a4c #b5b2a8 #1f1f21 #c8402c",
            "#b59a68 #efe2c0 #5a4426 #8a5a2e",
        ),
        ("diamonds", "bands", "saddle", "lines", "plain", "coral", "patches"),
        "scale",
        {"thick": (0.1, 0.14), "head": (0.85, 1.05), "pupil": ("round", "slit"), "rear": (0.06, 0.14)},
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
            "deep": (0.22, 0.3), "tails": (0.9, 1.35), "head": (0.14, 0.17), "leg": (0.12, 0.18), "legw": (0.065, 0.085), "crest": ("none", "none", "none", "spines"),
            "crest_high": (0.03, 0.07), "dewlap": ("no", "no", "no", "yes"), "tongue": 0.15,
        },
    ),
    "n01662784": Build(  # turtle
        "turtle",
        ("pond", "bank", "shore"),
        ("#6a6a3c #d6c98a #33331f #d8a03c", "#8a6a3f #e3cc96 #3d2c1a #c9602c", "#4f5a48 #c2c69c #24291f #e0c03c"),
        ("plain", "spots", "net", "rosettes", "lines"),
        "scale",
        {"dome": (0.26, 0.46), "head": (0.11, 0.14), "foot": "stump"},
    ),
    "n01696633": Build(  # crocodile family
        "lizard",
        ("bank", "marsh", "bank"),
        ("#5f6444 #c9c494 #2f3322 #8a8a54", "#6e6248 #cfc09a #352d20 #94804e", "#4c5048 #b5b5a0 #262924 #7d8068"),
        ("bands", "plain", "bands", "specks"),
        "scale",
        {
            "deep": (0.31, 0.36), "leg": (0.07, 0.1), "legw": 0.09, "head": 0.16, "snout": (1.5, 2.0), "flat": 0.7, "teeth": 8, "scutes": "yes", "tails": (0.85, 1.0), "rear": 0.03,
            "tailw": 1.0, "bulge": 0.08, "eyes": 0.16, "neck": 0.08, "dark_legs": 0.0, "headed": 0.0,
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
        "salamander",
        ("forest", "bank", "forest"),
        (
            "#2b2a2b #5a5450 #e8c02c #e8c02c",
            "#8a5a3c #dcae7a #3d241a #d8602c",
            "#5f6a62 #b9c0b0 #2b302c #c9a03c",
            "#4a4038 #a09078 #c98a4a #b5502c",
        ),
        ("spots", "spots", "bands", "specks", "plain", "patches", "stripe"),
        "skin",
        {"deep": (0.2, 0.26), "leg": (0.16, 0.22), "legw": 0.07, "head": (0.15, 0.17), "snout": (0.35, 0.6), "tails": (0.85, 1.1)},
    ),
}
# fmt: on
