"""The images that a network sees: what is cut out, in what order, from which bytes."""

import io
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import DatasetError
from dmlkit.training import data, images, model
from dmlkit.training.data import CropBatch
from dmlkit.training.evaluate_run import EvalImages, Inference
from dmlkit.training.images import DecodedImages, ParquetImages, Pixels, decode_images
from tests.support.images import make_image

torch.set_num_threads(1)


def open_split(folder: Path, split: str = "train") -> ParquetImages:
    return ParquetImages(DatasetFolder.open(folder), split)


@pytest.fixture(scope="module")
def train(good_folder) -> ParquetImages:
    return open_split(good_folder)


def draw_crops(stored, seed=(0, 0), rank: int = 0, world: int = 1):
    """Three batches of eight images."""
    order = np.random.default_rng(1).integers(0, len(stored.ids), (3, 8))
    return data.draw_crops(stored.sizes, order, seed, rank, world)


def read_pixels(stored, crops, num_threads: int = 0) -> Pixels:
    return np.concatenate(list(images.read_batches(stored, 24, crops, num_threads)))


def test_boxes_have_area_and_ratio_inside():
    sizes = np.tile([[200, 150]], (4000, 1))
    cuts = data.draw_boxes(np.random.default_rng(0), sizes)
    assert cuts.min() >= 0
    assert cuts.max() <= 1
    w, h = (cuts[:, 2] - cuts[:, 0]) * 200, (cuts[:, 3] - cuts[:, 1]) * 150
    area, ratio = w * h / (200 * 150), w / h
    assert 0.16 <= area.min() < 0.2
    assert 0.9 < area.max() <= 1
    assert 0.45 < area.mean() < 0.6
    assert ratio.min() >= 3 / 4 - 1e-9
    assert ratio.max() <= 4 / 3 + 1e-9


@pytest.mark.parametrize("size", [(1000, 10), (10, 1000)])
def test_very_long_image_gets_the_largest_box(size):
    cuts = data.draw_boxes(np.random.default_rng(0), np.tile([size], (50, 1)))
    w, h = (cuts[:, 2] - cuts[:, 0]) * size[0], (cuts[:, 3] - cuts[:, 1]) * size[1]
    assert min(w / h) >= 3 / 4 - 1e-9
    assert max(w / h) <= 4 / 3 + 1e-9
    long = 0 if size[0] > size[1] else 1
    assert cuts[:, long] + cuts[:, long + 2] == pytest.approx(1)


def test_center_box_is_the_middle_square():
    # 256 pixels of the shorter side, of which 224 are seen.
    assert data.center_box(512, 256) == pytest.approx((144 / 512, 16 / 256, 368 / 512, 240 / 256))


def test_same_seed_and_epoch_give_same_pixels(train):
    once = read_pixels(train, draw_crops(train))
    assert once.shape == (24, 24, 24, 3)
    for num_threads in (0, 1, 3):
        assert (once == read_pixels(train, draw_crops(train), num_threads)).all()
    for seed in ((0, 1), (1, 0)):
        assert (once != read_pixels(train, draw_crops(train, seed))).any()


def test_processes_share_a_batch_without_changing_it(train):
    whole = read_pixels(train, draw_crops(train)).reshape(3, 8, 24, 24, 3)
    parts = [read_pixels(train, draw_crops(train, rank=rank, world=2)).reshape(3, 4, 24, 24, 3) for rank in range(2)]
    assert (whole == np.concatenate(parts, axis=1)).all()


def test_readers_stop_when_nobody_takes_batches(train):
    before = threading.active_count()
    batches = images.read_batches(train, 24, draw_crops(train), 2)
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_images_are_read_by_row_as_in_order(train):
    assert [train.read_bytes(i) for i in range(len(train.ids))] == list(train.iter_bytes())


def test_decoded_images_show_the_same(train):
    decoded = decode_images(train, 24, 10**9)
    assert isinstance(decoded, DecodedImages)
    a, b = (read_pixels(stored, draw_crops(train)).astype(float) for stored in (train, decoded))
    assert abs(a - b).mean() < 3  # of 255; the images were made smaller once more on the way


def test_images_are_decoded_once_and_in_order(train, monkeypatch):
    steps = []
    monkeypatch.setattr(images, "CHUNK", 5)
    decoded = decode_images(train, 24, 10**9, lambda *step: steps.append(step[1]))
    assert steps[-1] == len(train.ids)
    monkeypatch.setattr(ParquetImages, "read_bytes", lambda self, row: pytest.fail("read again"))
    read_pixels(decoded, draw_crops(train))
    again = decode_images(train, 24, 10**9)
    assert all((decoded.pixels(row) == again.pixels(row)).all() for row in range(len(train.ids)))


def test_large_sets_are_decoded_each_time(train):
    assert decode_images(train, 24, 1000) is train


def test_memory_for_pixels_is_shared_by_processes():
    assert 0 < images.memory_for_pixels(4) <= images.DECODED_BYTES // 4


def test_image_is_upright_at_any_fraction():
    half = Image.new("RGB", (640, 320), "red")
    half.paste("blue", (0, 0, 320, 320))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° to the right
    out = io.BytesIO()
    half.save(out, "JPEG", exif=exif)
    for reduce in (1, 2, 4.5):
        image = images.open_upright(out.getvalue(), reduce)
        assert image.width * 2 == image.height
        assert image.height >= 640 / reduce
        assert image.getpixel((5, 5))[2] > 200  # blue above
        assert image.getpixel((5, image.height - 5))[0] > 200
    assert images.open_upright(out.getvalue(), 4.5).height == 160
    cut = np.asarray(images.resize_box(images.open_upright(out.getvalue()), (0, 0, 1, 0.5), (8, 8)))
    assert (cut[..., 2] > 200).all()


def test_grey_and_transparent_images_become_rgb():
    for mode in ("L", "RGBA", "P"):
        assert images.open_upright(make_image(1, kind="PNG", mode=mode)).mode == "RGB"


def test_flip_mirrors_left_and_right(train):
    box = np.array([[0.1, 0.2, 0.9, 0.8]])
    plain, flipped = (
        images.read_batch(train, 16, CropBatch(np.array([3]), box, np.array([flip]))) for flip in (False, True)
    )
    assert (plain[:, :, ::-1] == flipped).all()


def test_pixels_are_normalized_by_channel():
    value = model.normalize_pixels(np.full((2, 4, 5, 3), 255, np.uint8), torch.device("cpu"))
    assert value.shape == (2, 3, 4, 5)
    expected = [(1 - m) / s for m, s in zip(model.MEAN, model.STD, strict=True)]
    assert value[0, :, 0, 0].tolist() == pytest.approx(expected)


def test_later_evaluations_read_no_images(train, monkeypatch):
    class Mean(torch.nn.Module):
        def forward(self, x):
            return x.mean(dim=(2, 3))

    views, inference = EvalImages(train), Inference(Mean(), torch.device("cpu"), 24)
    first = views.embed(inference)
    assert first.shape == (len(train.ids), 3)
    monkeypatch.setattr(ParquetImages, "read_bytes", lambda self, row: pytest.fail("read again"))
    assert (views.embed(inference) == first).all()


def damaged(folder: Path) -> str:
    """Break the data of one training image; returns its id."""
    path = next((folder / "data").glob("train-*.parquet"))
    table = pq.read_table(path)
    images = table["image"].to_pylist()
    images[2]["bytes"] = images[2]["bytes"][:200]
    column = pa.array(images, table.schema.field("image").type)
    pq.write_table(table.set_column(table.schema.get_field_index("image"), "image", column), path)
    return table["image_id"][2].as_py()


@pytest.mark.parametrize("num_threads", [0, 2])
def test_damaged_image_is_named(changeable, num_threads):
    name = damaged(changeable)
    broken = open_split(changeable)
    crops = data.center_crops(broken.sizes, np.arange(4), 2)
    for use in (
        lambda: list(images.read_batches(broken, 16, crops, num_threads)),
        lambda: decode_images(broken, 24, 10**9),
    ):
        with pytest.raises(DatasetError) as error:
            use()
        assert (error.value.code, error.value.facts["image_id"]) == ("dataset.unreadable-image", name)
