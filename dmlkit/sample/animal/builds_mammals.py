"""The builds of the mammals, by middle class."""

from __future__ import annotations

from typing import Any

from dmlkit.sample.animal.figure import Build

# fmt: off
HOOFED: dict[str, Any] = {"foot": "hoof", "nose": "furred", "ear": "leaf", "eyes": 0.16, "thigh": 2.0}
UPRIGHT: dict[str, Any] = {"face_kind": "ape", "ear": "round", "eyes": 0.16, "eye_gap": 0.3}

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
        ("plain", "plain", "plain", "patches", "collar"),
        "fur",
        {
            "snout": (0.8, 1.1), "ear": ("point", "flop", "fold", "flop"), "tail": ("curl", "sabre", "sabre", "brush"), "tails": (0.5, 0.68),
            "chest": (0.4, 0.48), "waist": (0.3, 0.38), "leg": (0.32, 0.44), "legw": (0.09, 0.12), "neck": (0.16, 0.22), "neckw": (0.26, 0.3), "rise": 48,
            "coat": ("short", "short", "shaggy"), "hair": (0.03, 0.07), "face_mark": ("none", "blaze", "none"), "head": (0.18, 0.21), "stop": 0.35,
            "extra": ("none", "tongue"), "tipped": 0.15, "dark_legs": 0.0,
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
            "muzzled": 0.95, "tipped": 0.5, "face_mark": "cheek", "rise": 30, "stop": 0.3,
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
            "snout": (0.26, 0.4), "muzzle": 0.5, "stop": 0.1, "ear": "point", "ears": 0.8, "tail": "cat", "tails": (0.9, 1.15),
            "chest": 0.38, "waist": 0.33, "leg": (0.3, 0.38), "legw": 0.1, "head": (0.17, 0.2), "pupil": "slit", "iris": "bright",
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
            "paw": 1.1, "muzzled": 0.9, "view": "both", "eyes": 0.11, "stride": 0.7, "coat": "shaggy", "hair": 0.03, "stop": 0.3,
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
        "crouch",
        ("meadow", "garden", "steppe"),
        ("#96785a #e5d8c2 #54402f #b89674", "#8b8378 #e8e1d6 #4b443d #aaa093", "#b59a76 #efe4cf #6b5138 #cdb491"),
        ("plain",),
        "fur",
        {
            "high": (0.38, 0.46), "head": (0.18, 0.2), "ear": "long", "ears": (0.8, 1.1), "ear_back": (0.1, 0.5), "snout": 0.42, "muzzle": 0.5, "eyes": 0.22,
            "legw": 0.09, "jowl": 0.7, "dark_ear": 0.0,
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
            "snout": (1.3, 1.5), "muzzle": 0.52, "tail": "horse", "mane": "crest", "neck": (0.42, 0.5), "neckw": 0.24, "rise": (42, 52),
            "head": 0.135, "leg": (0.46, 0.56), "legw": (0.08, 0.1), "shank": 0.58, "chest": (0.42, 0.47), "waist": 0.38, "tilt": 34,
            "ear": "point", "ears": 0.55, "face_mark": ("none", "blaze", "none"), "tipped": 0.0,
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
            "snout": 1.15, "muzzle": 0.6, "chest": (0.5, 0.56), "waist": (0.48, 0.52), "leg": (0.32, 0.4), "legw": 0.12, "shank": 0.68, "neck": 0.2,
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
            "snout": (1.1, 1.35), "muzzle": 0.34, "chest": 0.38, "waist": (0.3, 0.36), "leg": (0.46, 0.58), "legw": (0.07, 0.085), "shank": 0.52, "thigh": 2.6,
            "neck": (0.3, 0.46), "neckw": 0.17, "rise": (46, 60), "head": 0.125, "tilt": 22,
            "horn": ("ringed", "sickle", "spiral", "spike", "ringed"), "horns": (0.8, 1.5), "tail": ("short", "tuft"), "ears": 0.95,
            "face_mark": ("none", "tear", "cheek", "blaze"),
        },
    ),
    "n02430045": Build(  # deer
        "quadruped",
        ("forest", "meadow", "woodland", "snow"),
        ("#9a6438 #e8d6b6 #54371f #d8b98a", "#7a5a40 #d5c2a4 #3d2c20 #b79a74", "#b58048 #f0e3c9 #5f4226 #e1c493"),
        ("plain", "plain", "spots"),
        "fur",
        HOOFED | {
            "snout": 1.2, "muzzle": 0.36, "chest": 0.4, "waist": 0.34, "leg": (0.48, 0.58), "legw": (0.07, 0.085), "shank": 0.52, "thigh": 2.7, "neck": (0.32, 0.4),
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
}
# fmt: on
