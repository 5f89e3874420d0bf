"""The check of an image's bytes: the image as every reader sees it, or the status why it is rejected.

An image passes only if the path by which users will read it passes: `datasets.Image(mode="RGB")` opens the bytes
with Pillow, applies the EXIF orientation and converts to RGB; `examine` does the same.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

# Pillow's names of the accepted image types, with the suffix that files of the type get.
FORMATS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp"}

# Pillow's modes of 8 bits a channel or less. Deeper ones would be clipped to white when converted to RGB.
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")

# Pixels of an image: Pillow warns above this number, so readers of the dataset would.
MAX_PIXELS = 89_478_485

# Memory of images is kept for the next one: asking the system for it again costs a fifth of the work.
Image.core.set_blocks_max(16)  # type: ignore[attr-defined]

# The EXIF tag of the orientation, 1 to 8.
ORIENTATION = 0x0112

# JPEG quality of resized images, 0 to 100.
QUALITY = 95

# The filters for an image that was decoded in full, and for one that the decoder has reduced already.
SOFT, SHARP = Image.Resampling.HAMMING, Image.Resampling.BICUBIC

# What `--size` does to an image, as recorded in build.json and the card.
RESIZING = f"shorter side, Pillow HAMMING (BICUBIC where the decoder reduces first), JPEG quality {QUALITY}, 4:2:0"


@dataclass(frozen=True)
class ExaminedImage:
    """A candidate's bytes after the check.

    ``data`` are the bytes to keep, empty unless ``status`` is ``ok``. ``width`` and ``height`` are what a reader
    gets: after the orientation is applied. ``exif_orientation`` is the tag of the source's bytes, 1 where there is
    none. ``format`` is Pillow's name of the type of ``data``.
    """

    status: str
    detail: str = ""
    data: bytes = b""
    width: int = 0
    height: int = 0
    exif_orientation: int = 1
    format: str = ""


def examine(data: bytes, *, min_side: int, shorter_side_px: int | None = None) -> ExaminedImage:
    """Check an image's bytes and, if asked to, resize it to a shorter side of at most ``shorter_side_px`` pixels.

    The bytes are kept exactly as they are unless the image is larger than that. ``min_side`` is the smallest shorter
    side that is accepted, in pixels. Never raises for bad bytes: the status says what is wrong with them.
    """
    if not data:
        return ExaminedImage("empty")
    if looks_like_html(data):
        return ExaminedImage("html-page", describe_start(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd EXIF and palettes with transparency: the pixels are fine
        try:
            with Image.open(BytesIO(data)) as image:
                return examine_opened(image, data, min_side, shorter_side_px)
        except UnidentifiedImageError:
            return ExaminedImage("not-an-image", describe_start(data))
        except Image.DecompressionBombError:
            return ExaminedImage("too-many-pixels", f"more than {2 * MAX_PIXELS} pixels")
        except MemoryError:
            return ExaminedImage("too-many-pixels", "it does not fit into memory")
        except Exception as exc:  # Pillow's decoders raise many types for bad bytes: SyntaxError, struct.error, ...
            status = "truncated" if "truncated" in str(exc).lower() else "corrupt"
            return ExaminedImage(status, f"{type(exc).__name__}: {exc}"[:200])


def examine_opened(image: Image.Image, data: bytes, min_side: int, shorter_side_px: int | None) -> ExaminedImage:
    """Check an opened image as `examine` does. Raises whatever Pillow raises for damaged bytes."""
    kind = image.format or ""
    if kind == "MPO":  # a JPEG with further images behind it, as phones write them; readers see the first
        kind = "JPEG"
    width, height = image.size
    if kind not in FORMATS:
        return ExaminedImage("not-an-image", f"{kind} is not one of the accepted types {', '.join(FORMATS)}")
    if width * height > MAX_PIXELS:
        return ExaminedImage("too-many-pixels", f"{width} × {height} pixels")
    if min(width, height) < min_side:
        return ExaminedImage("too-small", f"{width} × {height} pixels; the shorter side must have {min_side}")
    if image.mode not in MODES:
        return ExaminedImage("unsupported-depth", f"Pillow's mode {image.mode}")
    if shorter_side_px is not None and min(width, height) > shorter_side_px:
        image.draft("RGB", resized_shape((width, height), shorter_side_px))
    else:
        # All of a JPEG's data are read at any scale, so that damage shows; an eighth and grey is the cheapest.
        image.draft("L", (max(1, width // 8), max(1, height // 8)))
    image.load()
    tag = image.getexif().get(ORIENTATION)
    orientation = tag if isinstance(tag, int) and 1 <= tag <= 8 else 1
    if shorter_side_px is not None and min(width, height) > shorter_side_px:
        return resize_to_jpeg(image, orientation, (width, height), shorter_side_px)
    # Readers transpose wherever the tag stands, and fail where the EXIF data around it cannot be written back.
    if tag is not None:
        ImageOps.exif_transpose(image)
    if image.mode not in ("L", "RGB"):
        image.convert("RGB")
    if orientation >= 5:
        width, height = height, width
    return ExaminedImage("ok", "", data, width, height, orientation, kind)


def resize_to_jpeg(image: Image.Image, orientation: int, full: tuple[int, int], shorter_side_px: int) -> ExaminedImage:
    """Return the image upright, in RGB, with a shorter side of ``shorter_side_px``, as JPEG bytes without EXIF.

    ``full`` is the (width, height) that the file states: ``image`` may have been decoded at a fraction of it.
    """
    profile = image.info.get("icc_profile") if image.mode == "RGB" else None
    full_colour = image if image.mode == "RGB" else image.convert("RGB")
    small = full_colour.resize(resized_shape(full, shorter_side_px), SHARP if image.size != full else SOFT)
    small.getexif()[ORIENTATION] = orientation
    ImageOps.exif_transpose(small, in_place=True)
    out = BytesIO()
    small.save(out, "JPEG", quality=QUALITY, subsampling=2, icc_profile=profile, exif=b"")
    return ExaminedImage("ok", "", out.getvalue(), small.width, small.height, orientation, "JPEG")


def resized_shape(full: tuple[int, int], shorter_side_px: int) -> tuple[int, int]:
    """Return the (width, height) in pixels of an image after its shorter side is ``shorter_side_px``.

    >>> resized_shape((640, 480), 240)
    (320, 240)
    """
    scale = shorter_side_px / min(full)
    return max(shorter_side_px, round(full[0] * scale)), max(shorter_side_px, round(full[1] * scale))


def open_upright(data: bytes, draft_px: tuple[int, int] | None = None) -> Image.Image:
    """Decode an image as readers of a dataset see it: upright and in RGB.

    A JPEG may be decoded at a fraction of its size, but not below the (width, height) ``draft_px``: that skips most of
    the work. Raises whatever Pillow raises for bytes that are not an image.
    """
    image = Image.open(BytesIO(data))
    if draft_px is not None:
        image.draft("RGB", draft_px)
    upright = to_upright_rgb(image)
    upright.load()
    return upright


def to_upright_rgb(image: Image.Image) -> Image.Image:
    """Return an image upright and in RGB: the image itself, which need not be decoded yet, if it is so already."""
    upright = ImageOps.exif_transpose(image) if ORIENTATION in image.getexif() else image
    return upright if upright.mode == "RGB" else upright.convert("RGB")


def looks_like_html(data: bytes) -> bool:
    """Return whether the bytes begin as a web page does."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        start.startswith((b"<!--", b"<?xml")) and b"<html" in start
    )


def describe_start(data: bytes) -> str:
    """Quote the first bytes, printable, for the detail of a status."""
    return f"begins with {data[:24]!r}"


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
