"""Every trap of source images gets its status, and a good image reaches the reader as it looks."""

import io
import struct
import zlib

import numpy as np
import pytest
from datasets import Image as ImageFeature
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dmlkit.storage import images
from tests.support.images import make_image


def read_as_user(data: bytes) -> Image.Image:
    return ImageFeature(mode="RGB").decode_example({"bytes": data, "path": None})


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_good_bytes_are_kept_exactly(kind):
    data = make_image(1, kind=kind)
    found = images.examine(data, min_side=32)
    assert (found.status, found.data, found.format) == ("ok", data, kind)
    assert (found.width, found.height) == (48, 40) == read_as_user(data).size


@pytest.mark.parametrize(
    ("mode", "kind"), [("L", "JPEG"), ("CMYK", "JPEG"), ("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("1", "PNG")]
)
def test_every_mode_reaches_the_reader_as_rgb(mode, kind):
    data = make_image(2, kind=kind, mode=mode)
    assert images.examine(data, min_side=32).status == "ok"
    assert read_as_user(data).mode == "RGB"


@pytest.mark.parametrize(("orientation", "size"), [(1, (48, 40)), (3, (48, 40)), (6, (40, 48)), (8, (40, 48))])
def test_orientation_is_recorded_with_readers_size(orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.new("RGB", (48, 40), "red"), "JPEG", exif=exif)
    found = images.examine(data, min_side=32)
    assert (found.exif_orientation, (found.width, found.height)) == (orientation, size)
    assert read_as_user(data).size == size


def bomb(width: int, height: int) -> bytes:
    """A valid PNG of width × height black pixels in a few kilobytes a megapixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = zlib.compressobj(9)
    line = bytes(1 + width // 8)
    body = b"".join(row.compress(line) for _ in range(height)) + row.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_huge_image_is_refused_without_decoding():
    data = bomb(60_000, 60_000)
    assert len(data) < 600_000
    assert images.examine(data, min_side=32).status == "too-many-pixels"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><title>gone</title></html>", "html-page"),
        (b"\n <HTML><body>quota exceeded</body></HTML>", "html-page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "not-an-image"),
        (b"\x00" * 100, "not-an-image"),
        (make_image(3, kind="TIFF"), "not-an-image"),
        (make_image(3)[:-200], "truncated"),
        (make_image(3, kind="PNG")[:-300], "truncated"),
        (make_image(3, width=31, height=100), "too-small"),
        (saved(Image.new("I;16", (40, 40)), "PNG"), "unsupported-depth"),
    ],
)
def test_bad_bytes_get_their_status(data, status):
    found = images.examine(data, min_side=32)
    assert (found.status, found.data) == (status, b"")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_never_raise(data):
    original = bytearray(data.draw(st.sampled_from([make_image(4, kind=kind) for kind in ("JPEG", "PNG", "GIF")])))
    for _ in range(data.draw(st.integers(1, 6))):
        original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(original[: data.draw(st.integers(1, len(original)))])
    found = images.examine(damaged, min_side=1)
    if found.status == "ok":
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert read_as_user(damaged).size == (found.width, found.height)


def read_in_full(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except Exception:
        return False
    return True


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_jpeg_passes_only_if_it_decodes(data):
    options = {"progressive": data.draw(st.booleans()), "subsampling": data.draw(st.integers(0, 2))}
    image = Image.open(io.BytesIO(make_image(data.draw(st.integers(0, 9)), 90, 70)))
    original = bytearray(saved(image, "JPEG", restart_marker_blocks=data.draw(st.integers(0, 5)), **options))
    for _ in range(data.draw(st.integers(0, 4))):
        original[data.draw(st.integers(300, len(original) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(original[: data.draw(st.integers(300, len(original)))])
    found = images.examine(damaged, min_side=1)
    assert (found.status == "ok") == read_in_full(damaged)


def test_resizing_applies_the_orientation_once():
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.new("RGB", (400, 200), "blue")
    wide.paste("red", (0, 0, 200, 200))  # red left in the file: on top once turned
    found = images.examine(saved(wide, "JPEG", exif=exif, quality=95), min_side=32, shorter_side_px=100)
    assert (found.width, found.height, found.exif_orientation) == (100, 200, 6)
    pixels = np.asarray(read_as_user(found.data))
    assert pixels.shape == (200, 100, 3)
    assert pixels[20, 50, 0] > 200 > 60 > pixels[20, 50, 2]
    assert pixels[180, 50, 2] > 200 > 60 > pixels[180, 50, 0]


def test_size_never_enlarges():
    data = make_image(5)
    assert images.examine(data, min_side=32, shorter_side_px=40).data == data
