"""Whether the stored images have red and blue swapped: a measure over many of them, and the swap.

Two witnesses speak for each image, and each turns into its opposite when red and blue are swapped.

- *height*: red minus blue, lower half against upper half. Light comes from a blue sky: what is above is bluer, in
  the open also without sky in the frame, and whatever the white balance, because that shifts both halves alike.
- *strong colours*: among strongly coloured pixels of the lower two thirds, where no sky is, warm ones against cold
  ones. Skin, fur, soil, wood, signs and lamps make orange and red; blue things are rare. A colour cast is too weak
  to count.

The mean colour is no witness: on the authors' own sample sheet all twelve vehicles are colder than grey.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, JpegImagePlugin

from dmlkit.storage.images import open_upright, to_upright_rgb

# Images that the measure looks at, taken from the whole training list in the order of a hash.
MAX_MEASURED = 1000
# Pixels of the side to which images are reduced before they are measured.
SIDE = 64
# Red minus blue, of a full scale of 1, from which on a pixel is strongly coloured.
STRONG = 0.3
# Less than half a level of 8 bits between the halves is not counted.
FAINT = 0.002
# A witness is clear if this share of its images agrees, by more than this many standard deviations of a coin.
MIN_SHARE, MIN_DEVIATIONS = 0.6, 4.0
QUALITY = 95

# What the swap does to an image, as recorded in the facts and the card.
RECODING = f"red and blue swapped back, Pillow JPEG quality {QUALITY}, chroma sampling as before"


@dataclass(frozen=True)
class Witness:
    """The images that speak for red and blue in their places, and those that speak for a swap."""

    right: int
    swapped: int

    @property
    def direction(self) -> int:
        """1: in their places; -1: swapped; 0: not clear."""
        total, lead = self.right + self.swapped, max(self.right, self.swapped)
        if lead < MIN_SHARE * total or 2 * lead - total <= MIN_DEVIATIONS * total**0.5:
            return 0
        return 1 if self.right > self.swapped else -1


@dataclass(frozen=True)
class Measure:
    """What the witnesses say of a sample of ``images``."""

    images: int
    height: Witness
    strong_colours: Witness

    @property
    def decision(self) -> str:
        """``rgb``, ``bgr``, or ``undecided`` if no witness is clear or the two contradict each other."""
        directions = {self.height.direction, self.strong_colours.direction} - {0}
        return {1: "rgb", -1: "bgr"}[directions.pop()] if len(directions) == 1 else "undecided"

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        return asdict(self)


def measure_votes(votes: list[tuple[int, int]]) -> Measure:
    """Count the `channel_votes` of a sample of images."""
    height, strong = ([vote[i] for vote in votes] for i in (0, 1))
    return Measure(len(votes), count_votes(height), count_votes(strong))


def count_votes(votes: list[int]) -> Witness:
    """Count the votes of one witness: 1, -1 or 0 an image."""
    return Witness(sum(vote > 0 for vote in votes), sum(vote < 0 for vote in votes))


def channel_votes(data: bytes) -> tuple[int, int]:
    """Ask the two witnesses about one image, which must decode: 1 in its place, -1 swapped, 0 undecided."""
    small = open_upright(data, (2 * SIDE, 2 * SIDE)).resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels: npt.NDArray[np.float64] = np.asarray(small, float) / 255
    warm = pixels[..., 0] - pixels[..., 2]
    height = warm[SIDE // 2 :].mean() - warm[: SIDE // 2].mean()
    below = warm[SIDE // 3 :]
    strong = int((below > STRONG).sum()) - int((below < -STRONG).sum())
    return int(np.sign(height)) if abs(height) > FAINT else 0, int(np.sign(strong))


def swap_red_blue(data: bytes) -> bytes:
    """Exchange red and blue, and return the image upright as a JPEG. An image without colour comes back as it is.

    There is no lossless way: red and blue weigh differently in a JPEG's luminance, so that it changes with them.
    The chroma of the result depends on the chroma of the source alone, so its sampling loses nothing more.
    """
    with Image.open(BytesIO(data)) as image:
        if image.mode in ("1", "L", "LA"):
            return data
        sampling = JpegImagePlugin.get_sampling(image) if image.format in ("JPEG", "MPO") else 0
        red, green, blue = to_upright_rgb(image).split()
    out = BytesIO()
    Image.merge("RGB", (blue, green, red)).save(out, "JPEG", quality=QUALITY, subsampling=max(sampling, 0), exif=b"")
    return out.getvalue()
