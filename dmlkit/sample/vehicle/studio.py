"""Camera and light of the vehicle drawings: pieces are projected, lit by their normals, and painted on a canvas.

Colour and light are kept apart until the end: colour on the canvas, light in a small image beside it whose channels
are shade (128 leaves a colour as it is), gloss (added) and whether anything stands there at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from dmlkit.sample.canvas import OVER, Canvas, texture_tile, vignette
from dmlkit.sample.colours import Colour, mix, whole
from dmlkit.sample.shapes import Points
from dmlkit.sample.vehicle.solid import Bundle, Patch, Piece, Space

NEAR = 0.4
"""Nearer to the camera than this, in metres, nothing of the ground is drawn."""


@dataclass
class Camera:
    """Looks at the middle of the vehicle. ``azimuth`` 0 faces its front, a quarter turn its left side.

    ``scale`` is in canvas pixels for the tangent of one; ``x`` and ``y`` are where the optical axis meets the canvas.
    """

    azimuth: float
    pitch: float
    distance: float
    target: tuple[float, float, float]
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        c, s, ce, se = math.cos(self.azimuth), math.sin(self.azimuth), math.cos(self.pitch), math.sin(self.pitch)
        self.axes = np.array([(-s, c, 0), (-se * c, -se * s, ce), (ce * c, ce * s, se)])
        self.eye = np.array(self.target) + self.axes[2] * self.distance

    def project(self, points: Space) -> Points:
        """Canvas pixels of points."""
        at = (points - self.target) @ self.axes.T
        depth = self.distance - at[..., 2]
        out = np.empty((*points.shape[:-1], 2))
        out[..., 0] = self.x + self.scale * at[..., 0] / depth
        out[..., 1] = self.y - self.scale * at[..., 1] / depth
        return out

    def horizon(self) -> float:
        """Its height in canvas pixels, from above."""
        return self.y - self.scale * math.tan(self.pitch)

    def ground(self, outline: Points) -> Points | None:
        """Canvas pixels of an outline ``(x, y)`` on the ground, cut off before the camera; None where all is behind."""
        points = np.column_stack([outline, np.zeros(len(outline))])
        depth = self.distance - (points - self.target) @ self.axes[2]
        cut = clipped(points, depth - NEAR)
        return self.project(cut) if len(cut) > 2 else None


@dataclass
class Lighting:
    """Where the light comes from, how much comes from everywhere, and what the world looks like in the paint."""

    direction: Points
    ambient: float = 0.62
    sun: float = 0.42
    sky: Colour = (214, 228, 240)
    shine: float = 1.0
    tint: Colour = (255, 252, 246)
    gain: float = 1.0
    lamps: bool = False


@dataclass
class View:
    """A vehicle as one camera sees it: its arrays in canvas pixels, what faces the camera, and how it is lit."""

    quads: Points
    columns: Points
    points: Points
    far: NDArray[np.float64]
    faces: NDArray[np.bool_]
    lights: NDArray[np.int64]
    facing: NDArray[np.float64]


@dataclass
class Studio:
    """A canvas with a camera and a light."""

    canvas: Canvas
    camera: Camera
    lighting: Lighting
    glows: list[tuple[float, float, float, Colour]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.light = Image.new("RGB", (self.canvas.width, self.canvas.height), (128, 0, 0))
        self.lamp = ImageDraw.Draw(self.light)

    def paint(self, bundle: Bundle) -> None:
        """Paint what of a vehicle looks towards the camera."""
        eye, project = self.camera.eye, self.camera.project
        to_eye = eye - bundle.middles
        far = np.sqrt((to_eye * to_eye).sum(axis=1))
        shade, gloss = self.lit(bundle.normals, to_eye / far[:, None], bundle.gloss)
        seen = View(
            quads=project(bundle.cloud).reshape(-1, 8),
            columns=project(bundle.columns),
            points=project(bundle.points),
            far=far,
            faces=(to_eye * bundle.normals).sum(axis=1) > 0,
            lights=np.stack([shade, gloss, np.full(len(far), 255)], axis=1).astype(int),
            facing=((eye - bundle.points) * bundle.across).sum(axis=1),
        )
        least = np.minimum.reduceat(seen.facing, bundle.starts).tolist()
        most = np.maximum.reduceat(seen.facing, bundle.starts).tolist()
        ranks = [piece.rank(eye) for piece in bundle.pieces]
        for k in sorted(range(len(ranks)), key=ranks.__getitem__):
            piece, (quad, column, first) = bundle.pieces[k], bundle.begins[k]
            if len(piece.quads):
                self.quads(piece, seen, quad, column)
            for n, patch in enumerate(piece.patches, first):
                if most[n] <= 0:
                    continue
                start = bundle.starts[n]
                stop = start + len(patch.points)
                if least[n] > 0:
                    self.patch(patch, seen.points[start:stop])
                else:
                    cut = clipped(patch.points, seen.facing[start:stop])
                    if len(cut) > 2:
                        self.patch(patch, project(cut))

    def quads(self, piece: Piece, seen: View, quad: int, column: int) -> None:
        """Columns of quads and the upper side in their colours, and the light of each quad, far ones first."""
        pen, lamp = self.canvas.pen, self.lamp
        fill = whole(piece.colour)
        span = slice(quad, quad + len(piece.quads))
        faces, far = seen.faces[span], seen.far[span]
        if piece.skirt:
            shown = np.flatnonzero(faces[: piece.skirt].reshape(-1, piece.tall).any(axis=1))
            near = far[: piece.skirt].reshape(-1, piece.tall)[shown].min(axis=1)
            shown = shown[np.argsort(-near, kind="stable")]
            outlines = seen.columns[column : column + piece.columns.size // 3].reshape(len(piece.columns), -1)
            for outline in outlines[shown].tolist():
                pen.polygon(outline, fill=fill)
        order = np.flatnonzero(faces)
        order = order[np.argsort(-far[order], kind="stable")]
        at = seen.quads[span][order]
        upper = fill if piece.upper is None else whole(piece.upper)
        for outline in at[order >= piece.skirt].tolist():
            pen.polygon(outline, fill=upper)
        for reduced, light in zip((at / OVER).tolist(), seen.lights[span][order].tolist(), strict=True):
            lamp.polygon(reduced, fill=tuple(light))

    def lit(
        self, normals: Space, to_eye: Space, gloss: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shade and gloss, 0 to 255, of surfaces with these normals."""
        its = self.lighting
        toward = np.clip(normals @ its.direction, 0, 1)
        shade = its.ambient + its.sun * toward + 0.16 * normals[:, 2]
        facing = np.clip((normals * to_eye).sum(axis=1), 0, 1)
        mirrored = 2 * facing[:, None] * normals - to_eye
        up = np.clip((mirrored[:, 2] + 0.08) / 0.55, 0, 1)
        world = up * up * (3 - 2 * up)
        world -= 0.12 * np.exp(-((mirrored[:, 2] / 0.10) ** 2))  # the dark line of the horizon
        spark = np.clip(mirrored @ its.direction, 0, 1) ** 18
        fresnel = 0.2 + 0.5 * (1 - facing) ** 3
        shine = gloss * its.shine * (np.clip(world, 0, 1) * fresnel + 0.55 * its.sun * spark)
        return np.clip(shade * 128, 10, 255), np.clip(shine * 255, 0, 255)

    def patch(self, patch: Patch, at: Points) -> None:
        """Paint a patch at canvas pixels."""
        outline = at.ravel().tolist()
        colour = self.colour_of(patch)
        self.canvas.pen.polygon(outline, fill=whole(colour))
        if patch.gloss is not None:
            reduced = (at / OVER).ravel().tolist()
            shade = 128 if patch.kind in ("head", "tail", "lit") else int(128 * (self.lighting.ambient + 0.16))
            self.lamp.polygon(reduced, fill=(shade, int(255 * 0.16 * patch.gloss * self.lighting.shine), 255))
        if self.lighting.lamps and patch.kind in ("head", "tail", "beacon"):
            low, high = at.min(axis=0), at.max(axis=0)
            reach = {"head": 5.0, "tail": 2.6, "beacon": 5.0}[patch.kind]
            size = max(6.0, min(high[0] - low[0], high[1] - low[1]) * reach)
            x, y = (low + high) / 2
            self.glows.append((float(x), float(y), float(min(size, 90.0)), colour))

    def colour_of(self, patch: Patch) -> Colour:
        """The colour of a patch in this light."""
        on = self.lighting.lamps
        if patch.kind == "cabin" and on:
            return mix(patch.colour, (255, 220, 160), 0.72)
        if patch.kind in ("glass", "cabin"):
            return mix(patch.colour, self.lighting.sky, 0.06)
        if patch.kind == "head" and on:
            return mix(patch.colour, (255, 248, 222), 0.85)
        if patch.kind == "tail" and on:
            return mix(patch.colour, (255, 60, 40), 0.75)
        if patch.kind in ("beacon", "lit") and on:
            return mix(patch.colour, (255, 214, 120), 0.6)
        return patch.colour

    def cover(self, outline: Points, colour: Colour) -> None:
        """Paint something, in canvas pixels, that stands before the vehicle and has no light of its own."""
        self.canvas.pen.polygon(outline.ravel().tolist(), fill=whole(colour))
        self.lamp.polygon((outline / OVER).ravel().tolist(), fill=(128, 0, 0))

    def soft(self, outlines: list[Points], colour: Colour, strength: float, radius: float) -> None:
        """Paint outlines, in canvas pixels, with a soft edge of ``radius`` canvas pixels."""
        shrink = 4
        every = np.concatenate(outlines)
        rim = int(radius * 2) + shrink
        low = np.maximum(every.min(axis=0) - rim, -rim).astype(int)
        high = np.minimum(every.max(axis=0) + rim, np.array(self.canvas.full) + rim).astype(int)
        size = (high - low) // shrink + 1
        if (size < 2).any():
            return
        mask = Image.new("L", (int(size[0]), int(size[1])), 0)
        pen = ImageDraw.Draw(mask)
        for outline in outlines:
            pen.polygon(((outline - low) / shrink).ravel().tolist(), fill=round(255 * strength))
        mask = mask.filter(ImageFilter.GaussianBlur(radius / shrink))
        mask = mask.resize((mask.width * shrink, mask.height * shrink), Image.Resampling.BILINEAR)
        self.canvas.image.paste(whole(colour), (int(low[0]), int(low[1])), mask)

    def finish(self, rng: Random, grain: float) -> Image.Image:
        """The image: light laid on, reduced, tinted, with the glow of lamps and a little grain."""
        canvas, its = self.canvas, self.lighting
        shade, gloss, _ = (np.asarray(c, dtype=np.float32) for c in self.light.filter(ImageFilter.BoxBlur(1)).split())
        edge = vignette((canvas.width, canvas.height))
        shade, gloss = shade * edge * np.float32(1 / 128), gloss * edge
        top, left = rng.randrange(256), rng.randrange(256)
        noise = texture_tile("grain")[top : top + canvas.height, left : left + canvas.width] * np.float32(grain)
        glow = self.glow()
        channels = []
        for channel, tint, sky, k in zip(canvas.image.reduce(OVER).split(), its.tint, its.sky, range(3), strict=True):
            out = np.asarray(channel, dtype=np.float32) * shade
            out += gloss * np.float32(sky / 255)
            out *= np.float32(tint * its.gain / 255)
            out += noise
            for rows, columns, level, colour in glow:
                out[rows, columns] += level * np.float32(colour[k])
            np.clip(out, 0, 255, out=out)
            channels.append(Image.fromarray(out.astype(np.uint8)))
        return Image.merge("RGB", channels)

    def glow(self) -> list[tuple[slice, slice, NDArray[np.float32], Colour]]:
        """The glows of lamps: rows and columns of the image, how much is added there, and of which colour."""
        out = []
        for x, y, size, colour in ((x / OVER, y / OVER, size / OVER, c) for x, y, size, c in self.glows):
            top, left = max(0, int(y - size)), max(0, int(x - size))
            bottom, right = min(self.canvas.height, int(y + size) + 1), min(self.canvas.width, int(x + size) + 1)
            if bottom > top and right > left:
                dy = (np.arange(top, bottom, dtype=np.float32) - np.float32(y))[:, None] / np.float32(size)
                dx = (np.arange(left, right, dtype=np.float32) - np.float32(x))[None] / np.float32(size)
                level = np.clip(1 - np.sqrt(dx * dx + dy * dy), 0, 1) ** 3 * np.float32(0.75)
                out.append((slice(top, bottom), slice(left, right), level, colour))
        return out


def clipped(points: Space, value: NDArray[np.float64]) -> Space:
    """What of a closed outline has a value above 0, with new points where the value crosses it."""
    at, values = points.tolist(), value.tolist()
    out = []
    before, was = at[-1], values[-1]
    for point, now in zip(at, values, strict=True):
        if (now > 0) != (was > 0):
            share = was / (was - now)
            out.append([a + (b - a) * share for a, b in zip(before, point, strict=True)])
        if now > 0:
            out.append(point)
        before, was = point, now
    return np.array(out)
