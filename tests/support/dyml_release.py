"""A tiny DyML release, byte for byte in the official layout: glued headers and bare integers."""

import io

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from dmlkit.formats.dyml.importer import import_release
from dmlkit.formats.dyml.records import ImportOptions
from tests.support.images import make_image

IDS, LABELS = "fname, coarse_id, middle_id, fine_id", "fname, labels"

# Each list: the seed of every image, and its labels. The same seed is the same image.
TRAIN = [(n, (n % 2, 10 + n % 4, 100 + n % 8)) for n in range(16)]
ANIMAL = {
    "train": TRAIN,
    "bmk_fine/query": [(50, (7,)), (51, (8,))],
    "bmk_fine/gallery": [(52, (7,)), (53, (8,)), (54, (7,))],
    "bmk_middle/query": [(50, (3,)), (61, (4,))],
    "bmk_middle/gallery": [(51, (4,)), (63, (3,)), (64, (4,))],
    "bmk_coarse/query": [(50, (0,)), (71, (1,))],
    "bmk_coarse/gallery": [(52, (0,)), (73, (1,)), (0, (1,))],
}
PRODUCT = {"train": TRAIN, "mini-bmk_all_in_one": [(80 + n, (n % 2, n % 2, n % 3)) for n in range(6)]}


def list_file(folder, name):
    return folder / (f"{name}.csv" if name.startswith("bmk") else f"{name}/label.csv")


def images_folder(folder, name):
    return folder / (name if name.startswith("bmk") else f"{name}/imgs")


def lines_of(entries):
    return [", ".join(map(str, (f"{n}.jpg", *labels))) for n, (_, labels) in enumerate(entries)]


def write_release(folder, lists=ANIMAL, *, after_header="", newline="\n", mark=b"", end=1, draw=make_image):
    """Write the release. ``after_header`` is what stands between a header and the first record."""
    for name, entries in lists.items():
        images_folder(folder, name).mkdir(parents=True)
        for n, (seed, _) in enumerate(entries):
            (images_folder(folder, name) / f"{n}.jpg").write_bytes(draw(seed))
        header = LABELS if name.startswith("bmk") else IDS
        text = header + after_header + "\n".join(lines_of(entries)) + "\n" * end
        list_file(folder, name).write_bytes(mark + text.replace("\n", newline).encode())
    return folder


def landscape(seed, swapped=False):
    """An image as light makes them outdoors: blue above, brown and green below, something warm in the middle."""
    chance = np.random.default_rng(seed)
    height, width = 96, 128
    sky = np.array([0.55, 0.70, 0.90]) * chance.uniform(0.6, 1.1)
    land = np.array([[0.45, 0.35, 0.20], [0.35, 0.42, 0.18], [0.60, 0.52, 0.38]])[chance.integers(3)]
    rows = np.linspace(0, 1, height)[:, None, None]
    share = 1 / (1 + np.exp(-20 * (rows - chance.uniform(0.25, 0.6))))
    pixels = np.broadcast_to(sky * (1 - share) + land * share, (height, width, 3)).copy()
    top, left = chance.integers(40, 60), chance.integers(10, 90)
    pixels[top : top + 25, left : left + 30] = np.array([0.80, 0.42, 0.18]) * chance.uniform(0.5, 1.1)
    pixels *= 1 + np.array([1, 0, -1]) * chance.uniform(-0.15, 0.1)  # the white balance of the camera
    pixels += chance.normal(0, 0.04, pixels.shape)
    image = (pixels.clip(0, 1) * 255).astype("uint8")
    out = io.BytesIO()
    Image.fromarray(image[..., ::-1] if swapped else image).save(out, "JPEG", quality=90)
    return out.getvalue()


def imported(release, out, **options):
    return import_release(release, ImportOptions(out, jobs=1, **options))


def rows_of(folder, stem):
    """Image id → row of a split, without the images."""
    rows = pq.read_table(folder / f"{stem}-00000-of-00001.parquet").to_pylist()
    return {row.pop("image_id"): row for row in rows}
