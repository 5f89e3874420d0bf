"""What stands before a vehicle and hides a little of it: a post, a person, a hedge, the edge of another car."""

from __future__ import annotations

import math
from random import Random

import numpy as np

from dmlkit.sample.colours import Colour, jitter, lit, mix
from dmlkit.sample.shapes import Points, blob, oval, poly
from dmlkit.sample.vehicle.studio import Studio


def paint(studio: Studio, long: float, wide: float, place: str, dark: float, rng: Random) -> None:
    """Paint at most one of them, in about every third image. ``dark`` is how far the night swallows its colour."""
    outdoors = ("post", "person", "hedge", "car") if place not in ("garage",) else ("post", "person", "car")
    kind = rng.choice((*outdoors, *("",) * 7))
    if kind == "post":
        post(studio, *stand(studio, long, wide, rng, 0.75), dark, rng)
    elif kind == "person":
        person(studio, *stand(studio, long, wide, rng, 1.1), dark, rng)
    elif kind == "hedge":
        hedge(studio, dark, rng)
    elif kind == "car":
        car(studio, dark, rng)


def stand(studio: Studio, long: float, wide: float, rng: Random, away: float) -> tuple[Points, float]:
    """Where something between the camera and the vehicle stands, in canvas pixels, and how long a metre is there.

    It stands towards one end of what the camera sees, so that most of the vehicle stays in sight.
    """
    camera = studio.camera
    c, s = math.cos(camera.azimuth), math.sin(camera.azimuth)
    depth = abs(c) * long / 2 + abs(s) * wide / 2 + away + rng.random()
    across = (abs(s) * long / 2 + abs(c) * wide / 2) * rng.choice((-1, 1)) * rng.uniform(0.45, 1.05)
    foot = np.array([[c * depth - s * across, s * depth + c * across, 0.0]])
    at = camera.project(foot)[0]
    top = camera.project(foot + (0, 0, 1))[0]
    return at, float(at[1] - top[1])


def post(studio: Studio, at: Points, metre: float, dark: float, rng: Random) -> None:
    """A lamp post, a bollard or a sign."""
    kind = rng.choice(("lamp", "bollard", "sign"))
    tone = mix(jitter((120, 124, 128), rng, 0.05, 0.08), (18, 20, 28), dark)
    high, w = {"lamp": (9.0, 0.07), "bollard": (0.95, 0.09), "sign": (2.6, 0.035)}[kind]
    x, y = at
    studio.cover(
        poly(
            [
                (x - w * metre, y),
                (x + w * metre, y),
                (x + w * metre, y - high * metre),
                (x - w * metre, y - high * metre),
            ]
        ),
        tone,
    )
    studio.cover(
        poly(
            [
                (x - w * metre, y),
                (x - w * metre * 0.3, y),
                (x - w * metre * 0.3, y - high * metre),
                (x - w * metre, y - high * metre),
            ]
        ),
        lit(tone, 1.25),
    )
    if kind == "bollard":
        for z in (0.62, 0.82):
            band = poly(
                [
                    (x - w * metre, y - z * metre),
                    (x + w * metre, y - z * metre),
                    (x + w * metre, y - (z + 0.1) * metre),
                    (x - w * metre, y - (z + 0.1) * metre),
                ]
            )
            studio.cover(band, mix((214, 60, 50), (18, 20, 28), dark))
    if kind == "sign":
        r = 0.3 * metre
        studio.cover(oval(x, y - high * metre, r, r), mix((206, 50, 44), (18, 20, 28), dark))
        studio.cover(oval(x, y - high * metre, r * 0.76, r * 0.76), mix((238, 238, 234), (18, 20, 28), dark))


def person(studio: Studio, at: Points, metre: float, dark: float, rng: Random) -> None:
    """Somebody who walks past."""
    x, y = at
    tall = rng.uniform(1.6, 1.88) * metre
    night: Colour = (16, 18, 26)
    trousers = mix(jitter((52, 56, 70), rng, 0.3, 0.06), night, dark)
    coat = mix(jitter((110, 90, 90), rng, 0.5, 0.16), night, dark)
    skin = mix(rng.choice(((214, 172, 142), (150, 104, 76), (96, 66, 50))), night, dark)
    step = rng.uniform(0.03, 0.16) * tall
    for way in (-1, 1):
        studio.cover(
            poly(
                [
                    (x - 0.045 * tall, y - 0.5 * tall),
                    (x + 0.045 * tall, y - 0.5 * tall),
                    (x + way * step + 0.03 * tall, y),
                    (x + way * step - 0.04 * tall, y),
                ]
            ),
            lit(trousers, 1 + 0.12 * way),
        )
    w = 0.115 * tall
    studio.cover(blob([(x - w, y - 0.78 * tall), (x - w * 0.5, y - 0.84 * tall), (x + w * 0.5, y - 0.84 * tall), (x + w, y - 0.78 * tall),
                       (x + w * 0.8, y - 0.45 * tall), (x - w * 0.8, y - 0.45 * tall)], 4), coat)  # fmt: skip
    for way in (-1, 1):
        studio.cover(
            blob(
                [
                    (x + way * w * 0.9, y - 0.8 * tall),
                    (x + way * w * 1.4, y - 0.6 * tall),
                    (x + way * (w + step * 0.5), y - 0.44 * tall),
                    (x + way * w * 0.9, y - 0.6 * tall),
                ],
                3,
            ),
            lit(coat, 0.88),
        )
    studio.cover(oval(x, y - 0.915 * tall, 0.058 * tall, 0.075 * tall, count=14), skin)
    hair = poly(
        [
            (x - 0.06 * tall, y - 0.92 * tall),
            (x - 0.045 * tall, y - 0.985 * tall),
            (x, y - 1.0 * tall),
            (x + 0.045 * tall, y - 0.985 * tall),
            (x + 0.06 * tall, y - 0.92 * tall),
        ]
    )
    studio.cover(hair, mix(rng.choice(((40, 32, 28), (104, 76, 48), (158, 154, 148))), night, dark))


def hedge(studio: Studio, dark: float, rng: Random) -> None:
    """Leaves along the lower edge."""
    width, height = studio.canvas.full
    tone = mix(jitter((86, 120, 58), rng, 0.04, 0.06), (14, 18, 24), dark)
    top, left = height * rng.uniform(0.9, 0.95), rng.choice((0.0, 0.0, 0.45))
    span = width * rng.uniform(0.5, 1.0)
    for k in range(34):
        x = left * width + span * k / 34 + rng.uniform(-8, 8)
        r = rng.uniform(9, 19)
        studio.cover(
            oval(x, top + rng.uniform(-3, 12) + r * 0.4, r, r * 0.9, count=12), lit(tone, rng.uniform(0.75, 1.15))
        )
    studio.cover(
        poly(
            [
                (left * width, top + 14),
                (left * width + span, top + 14),
                (left * width + span, height + 4),
                (left * width, height + 4),
            ]
        ),
        lit(tone, 0.8),
    )


def car(studio: Studio, dark: float, rng: Random) -> None:
    """The blurred edge of a car that stands nearer to the camera."""
    width, height = studio.canvas.full
    tone = mix(jitter((130, 100, 104), rng, 0.5, 0.2), (16, 18, 26), dark)
    right = rng.random() < 0.5
    reach, top = width * rng.uniform(0.07, 0.13), height * rng.uniform(0.5, 0.66)
    shape = [(-0.6, 1.1), (-0.6, 0.0), (0.3, 0.0), (0.8, 0.24), (1.0, 0.5), (1.0, 1.1)]
    glass = [(-0.5, 0.1), (0.2, 0.06), (0.6, 0.28), (-0.5, 0.34)]

    def at(points: list[tuple[float, float]]) -> Points:
        out = np.array(points) * (reach, height - top) + (0, top)
        out[:, 0] = width - out[:, 0] if right else out[:, 0]
        return out

    low, high = at(shape).min(axis=0), at(shape).max(axis=0)
    studio.lamp.rectangle([max(low[0] / 2, 0), max(low[1] / 2, 0), high[0] / 2, high[1] / 2], fill=(128, 0, 0))
    studio.soft([at(shape)], tone, 1.0, 5.0)
    studio.soft([at(glass)], lit(tone, 0.4), 0.9, 4.0)
