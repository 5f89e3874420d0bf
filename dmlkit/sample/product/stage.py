"""The stage: a camera, a light and three layers (colour, shade, shine) that solid things are painted on.

Faces are painted from the far ones to the near ones as polygons, twice as large as the image. Shade and shine are
kept apart from the colours, so that marks need no shade of their own, and applied once when the image is finished.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from dmlkit.sample.canvas import texture_tile, vignette
from dmlkit.sample.colours import Colour, whole
from dmlkit.sample.product.solid import Grid, Marks, Material, Surface, spots

OVER = 2
"""How many times larger than the image the layers are."""

FAR = 6.5
"""How far the camera is from the middle of the thing."""

FULL = 205
"""The shade that leaves a colour as it is; above it lies what is brighter."""

Array = NDArray[np.float64]


@dataclass
class Camera:
    """Where things come in the image. ``yaw`` turns the thing, ``rise`` is the height of the camera, in radians."""

    yaw: float
    rise: float
    light: tuple[float, float, float] = (-0.5, 0.75, 0.55)
    middle: Array = field(default_factory=lambda: np.zeros(3))
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        cy, sy, ce, se = math.cos(self.yaw), math.sin(self.yaw), math.cos(self.rise), math.sin(self.rise)
        around = np.array([(cy, 0, sy), (0, 1, 0), (-sy, 0, cy)])
        tilt = np.array([(1, 0, 0), (0, ce, -se), (0, se, ce)])
        self.tilt: Array = tilt
        self.matrix: Array = (tilt @ around).T
        beam = np.asarray(self.light) / np.linalg.norm(self.light)
        self.beam: Array = tilt @ beam
        self.up: Array = tilt @ np.array([0.0, 1.0, 0.0])

    def seen(self, points: Grid) -> Grid:
        """Points of the thing as the camera has them: x to the right, y upwards, z towards it."""
        out: Grid = (points - self.middle) @ self.matrix
        return out

    def flat(self, seen: Grid) -> Array:
        """Where points that the camera sees come on the layers, in pixels."""
        nearness = FAR * self.scale / (FAR - seen[..., 2])
        return np.stack([self.x + seen[..., 0] * nearness, self.y - seen[..., 1] * nearness], axis=-1)

    def pixels(self, points: Grid) -> Array:
        return self.flat(self.seen(points))

    def room(self, points: Grid) -> Array:
        """Points of the room, which does not turn with the thing, in pixels; its origin is below the thing's middle."""
        return self.flat((np.asarray(points) - self.middle) @ self.tilt.T)


def normals_of(seen: Grid) -> tuple[Array, Array]:
    """The middle and the outward normal of each face, flat lists of vectors."""
    a, b, c, d = seen[:-1, :-1], seen[:-1, 1:], seen[1:, 1:], seen[1:, :-1]
    p, q = c - a, d - b
    normal = np.stack([
        p[..., 1] * q[..., 2] - p[..., 2] * q[..., 1],
        p[..., 2] * q[..., 0] - p[..., 0] * q[..., 2],
        p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0],
    ], axis=-1).reshape(-1, 3)  # fmt: skip
    normal /= np.sqrt((normal**2).sum(axis=1))[:, None] + 1e-12
    return ((a + b + c + d) / 4).reshape(-1, 3), normal


def ramp(values: Array, low: float, high: float) -> Array:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


@dataclass
class Stage:
    """The image in work."""

    width: int
    height: int
    camera: Camera
    image: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        size = (self.width * OVER, self.height * OVER)
        self.image = Image.new("RGB", size, (236, 236, 236))
        self.shade = Image.new("L", size, FULL)
        self.shine = Image.new("L", size, 0)
        self.figure = Image.new("L", size, 0)
        self.shone = False

    @property
    def full(self) -> tuple[int, int]:
        return self.image.size

    def light_on(self, normal: Array, material: Material, facing: Array) -> Array:
        """The shade of faces by their normals, 1 where the light falls full."""
        key = np.clip((normal @ self.camera.beam + 0.25) / 1.25, 0, 1)
        sky = 0.5 + 0.5 * (normal @ self.camera.up)
        shade = 0.34 + 0.24 * sky + 0.54 * key
        if material.metal:
            mirrored = 2 * normal[:, 2:3] * normal
            mirrored[:, 2] -= 1
            high, side = mirrored @ self.camera.up, mirrored @ self.camera.beam
            seen = 0.64 + 0.34 * ramp(high, -0.05, 0.22) - 0.3 * np.exp(-(((high + 0.12) / 0.13) ** 2))
            seen += 0.42 * ramp(side, 0.45, 0.95) - 0.22 * ramp(-side, 0.2, 0.9)
            shade += (seen - shade) * 0.8 * material.metal
        return np.asarray(shade * (0.86 + 0.14 * np.clip(facing * 1.6, 0, 1)))

    def shine_on(self, normal: Array, material: Material) -> Array:
        """The highlight on faces: a tall window of light on the side of the beam, and a faint one opposite."""
        mirrored = 2 * normal[:, 2:3] * normal
        mirrored[:, 2] -= 1
        beam, w = self.camera.beam, material.spread
        high = mirrored @ self.camera.up
        around = np.arctan2(
            mirrored[:, 0], mirrored[:, 2] * math.cos(self.camera.rise) - mirrored[:, 1] * math.sin(self.camera.rise)
        )
        at = math.copysign(1.0, beam[0])
        first = 1 - ramp(np.abs(around - at), w * 1.2, w * 2.6)
        tall = ramp(high, -0.62, -0.2) * (1 - ramp(high, 0.72, 0.95))
        second = 1 - ramp(np.abs(around + at * 1.9), 0.1, 0.3)
        return np.asarray(material.shine * tall * np.clip(first + 0.22 * second, 0, 1))

    def paint(self, surface: Surface) -> None:
        """Paint the faces of a surface that look to the camera, with its marks, shade and shine."""
        seen = self.camera.seen(surface.grid)
        corners = self.camera.flat(seen)
        middle, normal = normals_of(seen)
        view = np.array([0, 0, FAR]) - middle
        facing = (normal * view).sum(axis=1) / np.sqrt((view**2).sum(axis=1))
        chosen = np.flatnonzero(facing > 0.001)
        if not len(chosen):
            return
        left, top = (int(v) for v in np.floor(corners.reshape(-1, 2).min(axis=0)) - 2)
        right, bottom = (int(v) for v in np.ceil(corners.reshape(-1, 2).max(axis=0)) + 3)
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, self.full[0]), min(bottom, self.full[1])
        if right - left < 3 or bottom - top < 3:
            return
        quads = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], axis=2).reshape(
            -1, 8
        )
        quads = quads - (left, top) * 4
        chosen = chosen[np.argsort(middle[chosen, 2], kind="stable")]
        v = (np.arange(len(normal)) // (seen.shape[1] - 1) + 0.5) / (seen.shape[0] - 1)
        shade = self.light_on(normal, surface.material, facing) * (
            surface.dim[0] + (surface.dim[1] - surface.dim[0]) * v
        )
        shade += (1.2 - shade) * surface.glow
        level = np.clip(shade * FULL, 2, 255).astype(int)
        spec = self.shine_on(normal, surface.material) if surface.material.shine else None
        if spec is not None:
            spec *= held_back(spec[chosen], quads[chosen])
        if surface.outline is not None:
            cut = self.camera.flat(self.camera.seen(spots(surface.grid, surface.outline))) - (left, top)
            quads, chosen = cut.reshape(1, -1), np.array([0])
        self.lay(surface, (left, top, right, bottom), quads, chosen, level, facing, spec)

    def lay(
        self,
        surface: Surface,
        bounds: tuple[int, int, int, int],
        quads: Array,
        chosen: NDArray[np.int64],
        level: NDArray[np.int64],
        facing: Array,
        spec: Array | None,
    ) -> None:
        """Put the faces into the layers."""
        left, top, right, bottom = bounds
        size = (right - left, bottom - top)
        tone = Image.new("L", size, 0)
        pen = ImageDraw.Draw(tone)
        corners, levels = quads[chosen].tolist(), level[chosen].tolist()
        for face, value in zip(corners, levels, strict=True):
            pen.polygon(face, fill=value)
        mask = tone.point(SOLID)
        step = math.sqrt(size[0] * size[1] / max(len(chosen), 1)) if not surface.flat else 0.0
        if step > 5 and max(levels) - min(levels) > 5:
            tone = spread_out(tone, mask, min(step * 0.35, 9.0))
        self.image_through(surface, mask, (left, top), corners, facing[chosen], step)
        self.shade.paste(tone, (left, top), self.veil)
        if surface.material.rough:
            self.figure.paste(255, (left, top), mask)
        for marks in surface.marks:
            self.mark(surface.grid, marks, mask, left, top)
        if self.shone and surface.material.clear == 0:
            self.shine.paste(0, (left, top), mask)
        if spec is not None and (bright := [k for k in chosen.tolist() if spec[k] > 0.02]):
            glint = Image.new("L", size, 0)
            pen = ImageDraw.Draw(glint)
            for k in bright:
                pen.polygon(quads[k].tolist(), fill=int(255 * spec[k]))
            glint = glint.filter(ImageFilter.BoxBlur(max(1.0, min(step * 0.3, 6.0))))
            self.shine.paste(255, (left, top), ImageChops.multiply(glint, mask))
            self.shone = True

    def image_through(
        self,
        surface: Surface,
        mask: Image.Image,
        at: tuple[int, int],
        faces: list[list[float]],
        facing: Array,
        step: float,
    ) -> None:
        """Lay the colour of a surface over what is there: wholly, or as glass that is thicker at its edges."""
        self.veil = mask
        if surface.material.clear:
            thick = Image.new("L", mask.size, 0)
            pen = ImageDraw.Draw(thick)
            share = 1 - surface.material.clear * np.clip(facing * 1.5, 0, 1) ** 0.8
            for face, value in zip(faces, (share * 250 + 2).astype(int).tolist(), strict=True):
                pen.polygon(face, fill=value)
            self.veil = spread_out(thick, mask, min(step * 0.35, 9.0)) if step > 5 else thick
            self.veil = ImageChops.multiply(self.veil, mask)
        self.image.paste(whole(surface.colour), at, self.veil)

    def mark(self, grid: Grid, marks: Marks, mask: Image.Image, left: int, top: int) -> None:
        """Paint marks on a surface, where they look to the camera and lie on its mask."""
        if not len(marks.shapes):
            return
        centre = marks.shapes.mean(axis=1)
        around, along = np.array([0.006, 0.0]), np.array([0.0, 0.006])
        near = np.stack([centre + around, centre - around, centre + along, centre - along, centre])
        right, left_, up, down, middle = self.camera.seen(spots(grid, near))
        facing = (np.cross(right - left_, up - down) * ((0, 0, FAR) - middle)).sum(axis=1)
        at = self.camera.flat(self.camera.seen(spots(grid, marks.shapes))) - (left, top)
        shapes = at[facing > 0].reshape(-1, at.shape[1] * 2).tolist()
        if not shapes:
            return
        layer = Image.new("L", mask.size, 0)
        pen = ImageDraw.Draw(layer)
        value = round(255 * marks.alpha)
        for shape in shapes:
            pen.polygon(shape, fill=value)
        if marks.soft:
            layer = layer.filter(ImageFilter.BoxBlur(marks.soft))
        self.image.paste(whole(marks.colour), (left, top), ImageChops.multiply(layer, mask))

    def finish(self, rng: Random, tint: Colour, material: Material, grain: float, gain: float) -> Image.Image:
        """The image: shade and shine applied, reduced, tinted by the light, with the grain of surface and camera."""
        out = np.asarray(self.image.reduce(OVER), dtype=np.float32)
        shade = np.asarray(self.shade.reduce(OVER), dtype=np.float32) * (
            0.4 / FULL + 0.6 / FULL * vignette((self.width, self.height))
        )
        top, left = rng.randrange(256), rng.randrange(256)
        if material.rough:
            skin = texture_tile(material.texture)[top : top + self.height, left : left + self.width]
            shade *= 1.0 + skin * (np.asarray(self.figure.reduce(OVER), dtype=np.float32) * (material.rough / 255))
        out = np.multiply(out, shade[..., None], dtype=np.float32)
        if self.shone:
            shine = self.shine.reduce(OVER)
            x0, y0, x1, y1 = shine.getbbox() or (0, 0, 1, 1)
            part = out[y0:y1, x0:x1]
            part += (GLINT - part) * (
                np.asarray(shine.crop((x0, y0, x1, y1)), dtype=np.float32)[..., None] / np.float32(255)
            )
        out *= np.asarray(tint, dtype=np.float32) * (gain / 255)
        out += (texture_tile("grain")[left : left + self.height, top : top + self.width] * grain)[..., None]
        np.clip(out, 0, 255, out=out)
        return Image.fromarray(out.astype(np.uint8))


GLINT = np.array([255, 253, 248], dtype=np.float32)
"""The colour of highlights."""

MOST_SHINE = 0.2
"""The mean strength of the highlights on a surface is at most this: a flat front must not turn white."""


def held_back(spec: Array, quads: Array) -> float:
    """The factor that keeps the highlights of visible faces within `MOST_SHINE`, by their areas in the image."""
    x, y = quads[:, 0::2], quads[:, 1::2]
    area = np.abs((x[:, 2] - x[:, 0]) * (y[:, 3] - y[:, 1]) - (x[:, 3] - x[:, 1]) * (y[:, 2] - y[:, 0])) + 1e-9
    return float(min(1.0, MOST_SHINE / max(float((spec * area).sum() / area.sum()), 1e-9)))


SOLID = [0, *[255] * 255]
"""A table that makes a mask of a layer."""


def spread_out(tone: Image.Image, mask: Image.Image, radius: float) -> Image.Image:
    """A layer smoothed within a mask, so that no facets show and nothing comes in from outside."""
    blur = ImageFilter.BoxBlur(radius / 2)
    soft, part = (i.reduce(2).filter(blur) for i in (tone, mask))
    level = np.asarray(soft, dtype=np.float32) * 255 / np.maximum(np.asarray(part, dtype=np.float32), 1)
    np.clip(level, 0, 255, out=level)
    return Image.fromarray(level.astype(np.uint8)).resize(tone.size, Image.Resampling.BILINEAR)


def in_order(groups: Sequence[Sequence[Surface]], camera: Camera) -> list[int]:
    """The order in which groups of surfaces are painted: what hides another comes after it.

    Two groups are told apart by the plane between their bounds along the axis that divides them best.
    """
    eye = camera.matrix @ np.array([0.0, 0.0, FAR]) + camera.middle
    lows, highs = [], []
    for group in groups:
        every = np.concatenate([s.grid.reshape(-1, 3) for s in group])
        lows.append(every.min(axis=0))
        highs.append(every.max(axis=0))
    low, high = np.array(lows), np.array(highs)
    gap = np.maximum(low[None] - high[:, None], low[:, None] - high[None])
    best = np.argmax(gap, axis=2)
    n = len(groups)
    before: list[set[int]] = [set() for _ in range(n)]
    distance = np.linalg.norm((low + high) / 2 - eye, axis=1)
    for i in range(n):
        for j in range(i):
            k = best[i, j]
            mid = (low[:, k] + high[:, k]) / 2
            first, second = (i, j) if mid[i] <= mid[j] else (j, i)
            plane = (high[first, k] + low[second, k]) / 2
            near, far = (second, first) if eye[k] > plane else (first, second)
            before[near].add(far)
    order: list[int] = []
    left = set(range(n))
    while left:
        free = [i for i in sorted(left) if not before[i] & left] or [max(left, key=lambda i: (distance[i], i))]
        order += free
        left -= set(free)
    return order
