"""Outlines: splines, tapered strokes and ovals as arrays of points, in whatever unit the caller thinks in.

x grows to the right, y grows downwards. An outline is an ``(N, 2)`` array; nothing here draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Pairs = Sequence[tuple[float, float]] | Points


@lru_cache(maxsize=256)
def basis(count: int, steps: int, closed: bool) -> Points:
    """The matrix that turns ``count`` control points into the points of a Catmull-Rom spline through them."""
    t = np.arange(steps) / steps
    weights = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3], axis=1
    )
    segments = count if closed else count - 1
    matrix = np.zeros((segments * steps + (not closed), count))
    for segment in range(segments):
        for k in range(4):
            at = segment + k - 1
            column = at % count if closed else min(max(at, 0), count - 1)
            matrix[segment * steps : (segment + 1) * steps, column] += weights[:, k]
    if not closed:
        matrix[-1, -1] = 1
    return matrix


def blob(points: Pairs, steps: int = 6) -> Points:
    """A smooth closed outline through the points."""
    control = np.asarray(points, dtype=np.float64)
    return basis(len(control), steps, True) @ control


def curve(points: Pairs, steps: int = 6) -> Points:
    """A smooth open line through the points."""
    control = np.asarray(points, dtype=np.float64)
    return basis(len(control), steps, False) @ control


def poly(points: Pairs) -> Points:
    """A straight-edged outline."""
    return np.asarray(points, dtype=np.float64)


@lru_cache(maxsize=8)
def circle(count: int) -> Points:
    angle = np.arange(count) * (2 * math.pi / count)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def oval(x: float, y: float, rx: float, ry: float, turn: float = 0.0, count: int = 22) -> Points:
    """An ellipse; ``turn`` in radians, clockwise on the screen."""
    return moved(circle(count) * (rx, ry), x, y, 1.0, turn)


def moved(points: Points, x: float, y: float, scale: float = 1.0, turn: float = 0.0) -> Points:
    """The points scaled, turned about the origin, then shifted."""
    if not turn:
        return np.asarray(points * scale + (x, y))
    c, s = math.cos(turn) * scale, math.sin(turn) * scale
    turned: Points = points @ np.array([[c, s], [-s, c]]) + (x, y)
    return turned


def steps_of(line: Points) -> Points:
    """The direction of a line at each of its points, as long as the way from the point before to the one after."""
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    return along


def stroke(points: Pairs, widths: Sequence[float], steps: int = 5, tip: bool = True, root: bool = False) -> Points:
    """The outline of a brush stroke along a smooth line; ``widths`` (whole widths) at each of the points.

    ``tip`` rounds the far end, ``root`` the near one.
    """
    line = curve(points, steps)
    half = basis(len(widths), steps, False) @ np.asarray(widths, dtype=np.float64) / 2
    along = steps_of(line)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * half[:, None]
    ends = [line + across]
    if tip and half[-1] > 0.004:
        ends.append((line[-1] + along[-1] * half[-1] * 0.55 + across[-1] * 0.7)[None])
        ends.append((line[-1] + along[-1] * half[-1] * 0.8)[None])
        ends.append((line[-1] + along[-1] * half[-1] * 0.55 - across[-1] * 0.7)[None])
    ends.append((line - across)[::-1])
    if root:
        for side, out in ((-0.7, 0.6), (0.0, 0.85), (0.7, 0.6)):
            ends.append((line[0] - along[0] * half[0] * out + across[0] * side)[None])
    return np.concatenate(ends)


def fan(x: float, y: float, radius: float, start: float, stop: float, count: int, notch: float = 0.12) -> Points:
    """A fan of ``count`` rays about a point, like a tail or a fin; angles in radians, 0 to the right, clockwise."""
    angle = np.linspace(start, stop, count * 2 - 1)
    reach = np.where(np.arange(len(angle)) % 2 == 0, radius, radius * (1 - notch))
    rim = np.stack([x + np.cos(angle) * reach, y + np.sin(angle) * reach], axis=1)
    return np.concatenate([[(x, y)], rim])


def ragged(outline: Points, depth: float, rng: Random, every: int = 2) -> Points:
    """The outline with points pushed outwards now and then: fur, quills, a mane."""
    middle = outline.mean(axis=0)
    out = outline.copy()
    push = np.ones(len(out))
    push[::every] += [depth * (0.5 + rng.random()) for _ in push[::every]]
    return np.asarray((out - middle) * push[:, None] + middle)
