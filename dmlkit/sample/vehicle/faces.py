"""The faces of vehicles: grilles, head lamps and tail lamps, by name. ``q`` goes round the front or the rear in metres."""

from __future__ import annotations

import numpy as np

from dmlkit.sample.colours import Colour, lit, mix
from dmlkit.sample.shapes import Pairs, oval
from dmlkit.sample.vehicle.body import AMBER, BLACK, CHROME, LENS, PLASTIC, RED, Body, Part
from dmlkit.sample.vehicle.solid import box

BEZEL: Colour = (58, 63, 70)


def lens(part: Part, outline: Pairs, front: bool, kind: str, inner: float = 0.78, bezel: Colour = BEZEL) -> None:
    """A lamp on both halves: a dark rim, the lens, and a bright spot in it."""
    shape = np.asarray(outline, dtype=np.float64)
    middle = shape.mean(axis=0)
    colour = LENS if kind == "head" else RED
    part.end(shape, bezel, front, True, gloss=0.9)
    part.end(middle + (shape - middle) * (0.92, inner), colour, front, True, kind, 0.9)
    bright = mix(colour, (255, 255, 255), 0.7) if kind == "head" else mix(colour, (255, 120, 110), 0.6)
    part.end(middle + (shape - middle) * (0.5, 0.34) + (0, 0.004), bright, front, True)


def head_lamps(b: Body, part: Part, w: float, z: float, size: float = 1.0) -> None:
    """Head lamps of the model; ``w`` is half the width of the face, ``z`` their height, ``size`` a factor."""
    k, n = b.model.lamps, size
    shapes: dict[str, list[Pairs]] = {
        "drop": [[(w * 0.5, z - 0.06 * n), (w * 0.78, z - 0.09 * n), (w * 1.12, z + 0.0 * n), (w * 1.3, z + 0.1 * n),
                  (w * 0.95, z + 0.08 * n), (w * 0.6, z + 0.02 * n)]],
        "slit": [[(w * 0.48, z - 0.015 * n), (w * 1.05, z - 0.01 * n), (w * 1.28, z + 0.05 * n), (w * 0.9, z + 0.05 * n),
                  (w * 0.5, z + 0.03 * n)]],
        "rect": [box(w * 0.74, z, 0.4 * w * n, 0.2 * n)],
        "wide": [box(w * 0.86, z, 0.66 * w * n, 0.14 * n)],
        "tall": [[(w * 0.78, z - 0.16 * n), (w * 1.02, z - 0.14 * n), (w * 1.1, z + 0.16 * n), (w * 0.84, z + 0.14 * n)]],
        "round": [oval(w * 0.72, z, 0.115 * n, 0.115 * n)],
        "twin": [oval(w * 0.82, z, 0.09 * n, 0.09 * n), oval(w * 0.55, z, 0.078 * n, 0.078 * n)],
        "tri": [[(w * 0.5, z - 0.08 * n), (w * 1.0, z - 0.08 * n), (w * 1.25, z + 0.12 * n)]],
        "almond": [[(w * 0.46, z + 0.02 * n), (w * 0.66, z - 0.08 * n), (w * 0.94, z - 0.07 * n), (w * 1.16, z + 0.04 * n),
                    (w * 0.9, z + 0.1 * n), (w * 0.64, z + 0.09 * n)]],
        "stack": [box(w * 0.8, z + 0.075 * n, 0.32 * w, 0.11 * n), box(w * 0.8, z - 0.075 * n, 0.32 * w, 0.11 * n)],
        "bar": [box(w * 0.95, z + 0.01, 0.5 * w, 0.06 * n)],
        "ell": [box(w * 0.78, z + 0.05 * n, 0.46 * w, 0.06 * n), box(w * 0.96, z - 0.04 * n, 0.1 * w, 0.2 * n)],
        "cube": [box(w * 0.7, z, 0.22 * n, 0.2 * n), box(w * 0.99, z, 0.09 * w, 0.2 * n)],
    }  # fmt: skip
    if k == "bar":
        part.end(box(0, z + 0.01, w * 1.5, 0.03 * n), lit(LENS, 0.96), True, kind="head", gloss=0.8)
    bezel = CHROME if k in ("round", "twin") or b.has("chrome") else BEZEL
    for shape in shapes[k]:
        lens(part, shape, True, "head", 0.8, bezel)
    if k in ("rect", "round", "stack", "cube", "tall"):
        part.end(box(w * 1.1, z - 0.02 * n, 0.1 * w, 0.08 * n), AMBER, True, True)


def tail_lamps(b: Body, part: Part, w: float, z: float, size: float = 1.0) -> None:
    """Tail lamps of the model, as `head_lamps`."""
    k, n = b.model.lights, size
    shapes: dict[str, list[Pairs]] = {
        "wrap": [[(w * 0.56, z - 0.05 * n), (w * 0.9, z - 0.09 * n), (w * 1.3, z - 0.02 * n), (w * 1.34, z + 0.08 * n),
                  (w * 0.6, z + 0.07 * n)]],
        "bar": [box(w * 1.0, z, 0.5 * w, 0.1 * n)],
        "slit": [box(w * 0.88, z, 0.7 * w, 0.06 * n)],
        "block": [box(w * 0.84, z, 0.34 * w, 0.2 * n)],
        "tower": [[(w * 0.86, z - 0.2 * n), (w * 1.08, z - 0.2 * n), (w * 1.1, z + 0.34 * n), (w * 0.92, z + 0.34 * n)]],
        "round": [oval(w * 0.76, z, 0.1 * n, 0.1 * n)],
        "twin": [oval(w * 0.84, z, 0.085 * n, 0.085 * n), oval(w * 0.56, z, 0.085 * n, 0.085 * n)],
        "tri": [[(w * 0.55, z + 0.08 * n), (w * 1.2, z + 0.08 * n), (w * 1.0, z - 0.12 * n)]],
        "ell": [box(w * 0.98, z - 0.03 * n, 0.16 * w, 0.26 * n), box(w * 0.76, z + 0.07 * n, 0.4 * w, 0.07 * n)],
        "stack": [box(w * 0.86, z + 0.08 * n, 0.26 * w, 0.12 * n), box(w * 0.86, z - 0.08 * n, 0.26 * w, 0.12 * n)],
        "fin": [[(w * 0.84, z - 0.16 * n), (w * 1.04, z - 0.16 * n), (w * 0.97, z + 0.16 * n), (w * 0.9, z + 0.16 * n)]],
    }  # fmt: skip
    if k == "bar":
        part.end(box(0, z, w * 1.5, 0.07 * n), lit(RED, 0.8), False, kind="tail", gloss=0.8)
    for shape in shapes[k]:
        lens(part, shape, False, "tail", 0.88, (44, 16, 20))
    if k in ("block", "tower", "stack", "round"):
        part.end(box(w * 0.86, z - 0.15 * n, 0.2 * w, 0.05 * n), AMBER, False, True)


def grille(b: Body, part: Part, w: float, z: float, size: float = 1.0) -> None:
    """The grille of the model about height ``z``; ``w`` is half the width of the face."""
    k, n = b.model.grille, size
    frame = CHROME if b.has("chrome") else lit(PLASTIC, 0.9)
    dark: Colour = (20, 21, 24)
    if k == "none":
        part.end(oval(0, z + 0.05, 0.05, 0.05), CHROME, True)
        part.end(box(0, z - 0.22 * n, w * 0.9, 0.07), dark, True, gloss=0.2)
        return
    outlines: dict[str, Pairs] = {
        "slats": box(0, z, w * 0.84, 0.2 * n),
        "wide": box(0, z, w * 1.08, 0.15 * n),
        "hex": [(-w * 0.28, z - 0.2 * n), (w * 0.28, z - 0.2 * n), (w * 0.46, z), (w * 0.34, z + 0.12 * n),
                (-w * 0.34, z + 0.12 * n), (-w * 0.46, z)],
        "shield": [(0, z - 0.3 * n), (w * 0.2, z - 0.18 * n), (w * 0.28, z + 0.15 * n), (-w * 0.28, z + 0.15 * n),
                   (-w * 0.2, z - 0.18 * n)],
        "mouth": [(-w * 0.5, z - 0.26 * n), (w * 0.5, z - 0.26 * n), (w * 0.4, z - 0.1 * n), (-w * 0.4, z - 0.1 * n)],
        "oval": oval(0, z, w * 0.38, 0.14 * n),
        "bars": box(0, z - 0.04 * n, w * 0.62, 0.32 * n),
        "slots": box(0, z, w * 0.8, 0.2 * n),
        "twin": box(w * 0.2, z, w * 0.3, 0.15 * n),
        "mesh": [(-w * 0.5, z - 0.22 * n), (w * 0.5, z - 0.22 * n), (w * 0.42, z + 0.14 * n), (-w * 0.42, z + 0.14 * n)],
        "tee": box(0, z, w * 1.0, 0.24 * n),
    }  # fmt: skip
    shape = np.asarray(outlines[k], dtype=np.float64)
    middle = (shape.min(axis=0) + shape.max(axis=0)) / 2
    high = float(np.ptp(shape[:, 1]))
    twice = k == "twin"
    if k != "slots":
        part.end(middle + (shape - middle) * (1.07, 1.0) + (shape - middle) * (0, 0.14), frame, True, twice, gloss=0.8)
        part.end(shape, dark, True, twice, gloss=0.15)
    bright = CHROME if b.has("chrome") else (120, 125, 131)
    if k in ("slats", "wide", "oval", "tee"):
        for step in (-0.27, 0.0, 0.27):
            reach = 0.9 if k != "oval" else 0.78 - abs(step)
            part.end(box(0, middle[1] + step * high, float(np.ptp(shape[:, 0])) * reach, 0.022 * n), bright, True)
    if k in ("bars", "slots", "twin"):
        count = {"bars": 9, "slots": 6, "twin": 4}[k]
        long = float(np.ptp(shape[:, 0]))
        for step in range(count):
            q = middle[0] - long / 2 + long * (step + 0.5) / count
            wide = 0.42 if k == "slots" else 0.3
            tone = dark if k == "slots" else bright
            part.end(box(q, middle[1], long / count * wide, high * (0.95 if k == "slots" else 0.9)), tone, True, twice)
    if k in ("hex", "mesh", "shield"):
        for step in (-0.25, 0.1):
            part.end(box(0, middle[1] + step * high, float(np.ptp(shape[:, 0])) * 0.66, 0.018), (66, 69, 74), True)
    if k not in ("mouth", "slots"):
        part.end(oval(0, middle[1] + high * 0.2, 0.05, 0.05, count=12), (225, 229, 233), True)


def bumpers(b: Body, part: Part, w: float, low: float) -> None:
    """The lower edges of front and rear: black, in the colour of the body, or a bar of chrome."""
    for front in (True, False):
        if b.has("bars"):
            part.end(box(0, low + 0.2, w * 2.5, 0.13), lit(CHROME, 0.72), front, gloss=1.2)
            part.end(box(0, low + 0.225, w * 2.5, 0.06), CHROME, front, gloss=1.4)
        elif b.has("cladding") or b.has("plain"):
            part.end(box(0, low + 0.14, w * 2.7, 0.3), PLASTIC, front, gloss=0.25)
            part.end(box(0, low + 0.1, w * 0.9, 0.07), BLACK, front)
        else:
            part.end(box(0, low + 0.07, w * 1.5, 0.13), BLACK, front, gloss=0.1)
            part.end(box(w * 0.78, low + 0.17, w * 0.3, 0.08), lit(b.paint, 0.45), front, True)
