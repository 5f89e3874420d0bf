"""A canvas that knows light: outlines are painted twice as large as the image, each with its own soft relief.

The relief is kept in a small image beside the colours and applied once, when the image is finished: a part that
lies over another gets its own lit and its own dark side, which is what makes flat shapes look round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from dmlkit.sample.colours import Colour, whole
from dmlkit.sample.shapes import Points, moved

OVER = 2
"""How many times larger than the image the canvas is."""

COARSE = 4
"""How many canvas pixels a relief pixel covers."""


@dataclass
class Mark:
    """Outlines painted on a part and cut off at its edge. ``soft`` is a blur in canvas pixels."""

    outlines: Sequence[Points]
    colour: Colour
    alpha: float = 1.0
    soft: float = 0.0


@dataclass
class Canvas:
    """The image in work. ``light`` points to the light in screen coordinates."""

    width: int
    height: int
    light: tuple[float, float] = (-0.5, -0.85)
    image: Image.Image = field(init=False)
    relief: Image.Image = field(init=False)
    figure: Image.Image = field(init=False)
    scale: float = 1.0
    flip: float = 1.0
    turn: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        size = (self.width * OVER, self.height * OVER)
        self.image = Image.new("RGB", size)
        self.relief = Image.new("L", (size[0] // COARSE, size[1] // COARSE), 128)
        self.figure = Image.new("L", self.relief.size, 0)
        self.pen = ImageDraw.Draw(self.image)

    @property
    def full(self) -> tuple[int, int]:
        """Its size in its own pixels."""
        return self.image.size

    def place(self, x: float, y: float, scale: float, flip: bool = False, turn: float = 0.0) -> None:
        """Set where the figure's origin comes, in image pixels, and how large its unit is."""
        self.x, self.y, self.scale, self.turn = x * OVER, y * OVER, scale * OVER, turn
        self.flip = -1.0 if flip else 1.0

    def pixels(self, outline: Points) -> Points:
        """An outline of the figure in canvas pixels."""
        if not self.turn:
            return outline * (self.scale * self.flip, self.scale) + (self.x, self.y)
        at = moved(outline, 0, 0, self.scale, self.turn)
        at[:, 0] *= self.flip
        return at + (self.x, self.y)

    def flat(self, outline: Points, colour: Colour) -> None:
        """Paint an outline without relief: eyes, claws, lines."""
        self.pen.polygon(self.pixels(outline).ravel().tolist(), fill=whole(colour))

    def part(
        self,
        outlines: Sequence[Points],
        colour: Colour,
        marks: Sequence[Mark] = (),
        under: tuple[Colour, float] | None = None,
        depth: float = 1.0,
        fuzz: float = 0.0,
        limbs: Sequence[Points] = (),
    ) -> None:
        """Paint outlines as one rounded part with marks.

        ``under`` is a colour for its lower side and how far that reaches up, as a share of the first outline's height.
        ``depth`` is the strength of the relief. ``fuzz`` roughens nothing but softens the edge, for fur.
        ``limbs`` are outlines that grow out of the part: no seam shows, and their relief begins below their root.
        """
        polys = [self.pixels(outline) for outline in outlines]
        grown = [self.pixels(outline) for outline in limbs]
        every = np.concatenate(polys + grown)
        width, height = self.image.size
        left, top, right, bottom = box_of([every])
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if right - left < 2 or bottom - top < 2:
            return
        local = [(p - (left, top)).ravel().tolist() for p in polys + grown]
        if not marks and under is None and fuzz == 0:
            for p in polys + grown:
                self.pen.polygon(p.ravel().tolist(), fill=whole(colour))
        else:
            mask = stencil((right - left, bottom - top), local)
            if fuzz:
                mask = mask.filter(ImageFilter.BoxBlur(fuzz))
            self.image.paste(whole(colour), (left, top), mask)
            if under is not None:
                high = float(np.ptp(polys[0][:, 1])) * under[1]
                body = stencil(mask.size, local[: len(polys)]) if grown else mask
                self.image.paste(whole(under[0]), (left, top), underside(body, high))
                self.mark(Mark(limbs, colour, 1.0, 3.0), mask, left, top)
            for mark in marks:
                self.mark(mark, mask, left, top)
        self.round(polys, depth)
        for p in grown:
            self.round([p], depth, grown=True)

    def mark(self, mark: Mark, mask: Image.Image, left: int, top: int) -> None:
        """Paint a mark on what has been painted with a mask at ``left``, ``top``; only where the mark reaches."""
        if not mark.outlines:
            return
        polys = [self.pixels(outline) - (left, top) for outline in mark.outlines]
        rim = int(2 * mark.soft)
        x0, y0, x1, y1 = box_of(polys)
        x0, y0, x1, y1 = max(x0 - rim, 0), max(y0 - rim, 0), min(x1 + rim, mask.width), min(y1 + rim, mask.height)
        if x1 <= x0 or y1 <= y0:
            return
        shape = stencil((x1 - x0, y1 - y0), [(p - (x0, y0)).ravel().tolist() for p in polys], round(255 * mark.alpha))
        if mark.soft:
            shape = shape.filter(ImageFilter.BoxBlur(mark.soft))
        cut = ImageChops.multiply(shape, mask.crop((x0, y0, x1, y1)))
        self.image.paste(whole(mark.colour), (left + x0, top + y0), cut)

    def shade(self, outlines: Sequence[Points], dx: float, dy: float, strength: float) -> None:
        """Darken what lies below outlines that are shifted by a part of the figure's unit: the shadow they cast."""
        polys = [self.pixels(outline + (dx, dy)) for outline in outlines]
        soft = 2 + int(self.scale * 0.012)
        box = box_of(polys)
        left, top = box[0] - 2 * soft, box[1] - 2 * soft
        size = (box[2] + 2 * soft - left, box[3] + 2 * soft - top)
        local = [((p - (left, top)) / 2).ravel().tolist() for p in polys]
        mask = stencil((size[0] // 2 + 1, size[1] // 2 + 1), local, round(255 * strength))
        mask = mask.filter(ImageFilter.BoxBlur(soft / 2)).resize(size, Image.Resampling.BILINEAR)
        self.image.paste((34, 30, 27), (left, top), mask)

    def round(self, polys: Sequence[Points], depth: float, grown: bool = False) -> None:
        """Give a part its lit and its dark side; what has grown out of another part only below its root."""
        box = box_of(polys)
        thick = min(box[2] - box[0], box[3] - box[1]) / COARSE
        radius = min(max(thick * 0.16, 0.8), 7.0)
        pad = int(radius * 2) + 2
        left, top = box[0] // COARSE - pad, box[1] // COARSE - pad
        size = (box[2] // COARSE + 1 + pad - left, box[3] // COARSE + 1 + pad - top)
        local = [(p / COARSE - (left, top)).ravel().tolist() for p in polys]
        mask = stencil(size, local)
        soft = mask.filter(ImageFilter.GaussianBlur(radius))
        dx, dy = round(self.light[0] * radius), round(self.light[1] * radius)
        lit, dark = ImageChops.offset(soft, dx, dy), ImageChops.offset(soft, -dx, -dy)
        self.figure.paste(255, (left, top), mask)
        if grown:
            fade = Image.linear_gradient("L").resize(size).point([min(255, int(v * 2.2)) for v in range(256)])
            mask = ImageChops.multiply(mask, fade)
        self.relief.paste(ImageChops.subtract(lit, dark, 2.0 / depth, 128), (left, top), mask)

    def finish(self, rng: Random, tint: Colour, texture: str, amount: float, grain: float, gain: float) -> Image.Image:
        """The image: relief and texture applied, reduced, tinted by the light, with a little grain."""
        small = np.asarray(self.image.reduce(OVER), dtype=np.float32)
        size = (self.width, self.height)
        soft = ImageFilter.GaussianBlur(0.8)  # so that no steps of the coarse relief show
        relief, figure = (i.filter(soft).resize(size, Image.Resampling.BILINEAR) for i in (self.relief, self.figure))
        bump = np.asarray(relief, dtype=np.float32) - 128.0
        where = np.asarray(figure, dtype=np.float32) * (2 / 255) - 1
        np.clip(where, 0, 1, out=where)  # nothing outside the silhouette is lit by it
        tile = texture_tile(texture)
        top, left = rng.randrange(256), rng.randrange(256)
        skin = tile[top : top + self.height, left : left + self.width]
        shade = 1.0 + (bump * (0.9 / 128) + skin * amount) * where
        noise = texture_tile("grain")[left : left + self.height, top : top + self.width] * grain
        shade *= vignette(size)
        out = small * shade[..., None]
        out *= np.asarray(tint, dtype=np.float32) * (gain / 255)
        out += noise[..., None]
        np.clip(out, 0, 255, out=out)
        return Image.fromarray(out.astype(np.uint8))


def stencil(size: tuple[int, int], polys: Sequence[Sequence[float]], value: int = 255) -> Image.Image:
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    for p in polys:
        pen.polygon(p, fill=value)
    return mask


def box_of(polys: Sequence[Points]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of outlines in canvas pixels, with a rim."""
    every = np.concatenate(polys)
    low, high = every.min(axis=0), every.max(axis=0)
    return int(low[0] - 2), int(low[1] - 2), int(high[0] + 3), int(high[1] + 3)


def underside(mask: Image.Image, high: float) -> Image.Image:
    """What of a mask lies less than ``high`` pixels above its lower edge, fading upwards."""
    rise = max(2, int(high / 4))
    small = mask.reduce(4)
    padded = Image.new("L", (small.width, small.height + 2 * rise), 0)
    padded.paste(small, (0, 0))
    above = ImageChops.offset(padded, 0, -rise).filter(ImageFilter.BoxBlur(max(1.0, rise * 0.45)))
    low = ImageChops.invert(above).crop((0, 0, small.width, small.height))
    return ImageChops.multiply(low.resize(mask.size, Image.Resampling.BILINEAR), mask)


@lru_cache(maxsize=16)
def vignette(size: tuple[int, int]) -> NDArray[np.float32]:
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, size[0], dtype=np.float32)[None]
    return np.asarray(1 - 0.10 * (x * x + y * y) ** 1.5, dtype=np.float32)


@lru_cache(maxsize=8)
def texture_tile(kind: str) -> NDArray[np.float32]:
    """A field of 576 × 576 values about zero (deviation about one) that an image takes a window of."""
    rng = np.random.Generator(np.random.PCG64(len(kind) * 7919 + ord(kind[0])))
    side = 576
    field_ = rng.standard_normal((side, side)).astype(np.float32)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    if kind == "fur":
        field_ = blurred(field_, 5, 2) + 0.7 * blurred(field_[::-1], 3, 1)
    elif kind == "wool":
        field_ = np.abs(blurred(field_, 4, 4)) * -1
    elif kind == "feather":
        row = np.floor(y / 4)
        field_ = np.cos((x + (row % 2) * 3.5) * 2 * math.pi / 7) * ((y % 4) / 4 - 0.5) + 0.3 * blurred(field_, 3, 3)
    elif kind == "scale":
        row = np.floor(y / 3)
        field_ = np.abs(((x + (row % 2) * 2.5) % 5) - 2.5) - np.abs((y % 3) - 1.5) + 0.4 * blurred(field_, 3, 3)
    elif kind == "skin":
        field_ = blurred(field_, 4, 4) + 0.8 * blurred(field_[::-1], 9, 9)
    field_ -= field_.mean()
    return np.asarray(field_ / field_.std(), dtype=np.float32)


def blurred(values: NDArray[np.float32], wide: int, high: int) -> NDArray[np.float32]:
    """A box mean that wraps around, scaled back to a deviation of one."""
    out = sum(np.roll(values, k, axis=1) for k in range(wide))
    out = sum(np.roll(out, k, axis=0) for k in range(high))
    return np.asarray(out / np.std(out), dtype=np.float32)
