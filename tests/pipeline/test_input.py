"""The images that a network sees: what is cut out, in what order, from which bytes."""

import io
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from dmlkit.schema.progress import no_progress
from dmlkit.training import data
from dmlkit.training.data import Batch, DataError
from dmlkit.training.embed import Views
from tests.support.images import make_image

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DMLKIT_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def train(good_folder) -> data.Encoded:
    return data.Encoded(str(good_folder), "default", "train")


def plan_of(images, batches: int = 3, batch: int = 8, seed=(0, 0), share: int = 0, shares: int = 1) -> data.Plan:
    plan = data.Plan(images.sizes, share, shares)
    plan.order = np.random.default_rng(1).integers(0, len(images.ids), (batches, batch))
    plan.seed = seed
    return plan


def pixels(images, plan, workers: int = 0, size: int = 24) -> torch.Tensor:
    return torch.cat(list(data.whole_batches(data.loader(images, size, plan, workers))))


def test_cuts_have_the_area_and_ratio_asked_for_and_stay_inside():
    sizes = np.tile([[200, 150]], (4000, 1))
    cuts = data.random_cuts(np.random.default_rng(0), sizes)
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
def test_a_very_long_image_gets_the_largest_cut_in_its_middle(size):
    cuts = data.random_cuts(np.random.default_rng(0), np.tile([size], (50, 1)))
    w, h = (cuts[:, 2] - cuts[:, 0]) * size[0], (cuts[:, 3] - cuts[:, 1]) * size[1]
    assert min(w / h) >= 3 / 4 - 1e-9
    assert max(w / h) <= 4 / 3 + 1e-9
    long = 0 if size[0] > size[1] else 1
    assert cuts[:, long] + cuts[:, long + 2] == pytest.approx(1)


def test_a_test_image_shows_the_square_in_its_middle():
    # 256 pixels of the shorter side, of which 224 are seen.
    assert data.centre(512, 256) == pytest.approx((144 / 512, 16 / 256, 368 / 512, 240 / 256))


def test_the_same_seed_and_epoch_give_the_same_pixels_whatever_reads_them(train):
    once = pixels(train, plan_of(train))
    assert once.shape == (24, 24, 24, 3)
    assert torch.equal(once, pixels(train, plan_of(train)))
    assert torch.equal(once, pixels(train, plan_of(train), workers=2))
    assert not torch.equal(once, pixels(train, plan_of(train, seed=(0, 1))))
    assert not torch.equal(once, pixels(train, plan_of(train, seed=(1, 0))))


def test_processes_share_a_batch_without_changing_it(train):
    whole = list(data.loader(train, 24, plan_of(train), 0))
    parts = [list(data.loader(train, 24, plan_of(train, share=share, shares=2), 0)) for share in range(2)]
    assert all(torch.equal(w, torch.cat([a, b])) for w, a, b in zip(whole, *parts, strict=True))


def test_images_are_read_by_number_as_in_order(train):
    assert [train.bytes_of(i) for i in range(len(train.ids))] == list(train.in_order())


def test_a_hub_data_set_gives_the_same_images(good_folder, train, monkeypatch):
    import datasets

    rows = datasets.load_dataset(str(good_folder), split="train")
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config, split, revision: rows)
    hub = data.Encoded("someone/animals", "default", "train")
    assert hub.ids == train.ids
    assert (hub.sizes == train.sizes).all()
    assert list(hub.in_order()) == list(train.in_order())
    assert hub.bytes_of(5) == train.bytes_of(5)


def test_decoded_images_show_what_the_encoded_ones_show(train):
    store = data.cached(train, 24, "content", "always", no_progress)
    assert isinstance(store, data.Decoded)
    a, b = pixels(train, plan_of(train)).float(), pixels(store, plan_of(train)).float()
    assert (a - b).abs().mean() < 3  # of 255; the images were made smaller once more on the way


def test_images_are_decoded_once_and_kept_by_content_and_size(train, tmp_path):
    steps = []

    def notify(step, done, total, what):
        steps.append(step)

    first = data.cached(train, 24, "content", "auto", notify)
    assert steps
    steps.clear()
    again = data.cached(train, 24, "content", "auto", notify)
    assert not steps
    assert again.path == first.path
    paths = {data.cached(train, *of, "auto", notify).path for of in ((24, "other"), (12, "content"))}
    assert len(paths | {first.path}) == 3
    assert not list((tmp_path / "home" / "pixels").glob("*.partial"))


def test_a_cache_that_lost_its_end_is_made_again(train):
    store = data.cached(train, 24, "content", "auto", no_progress)
    good = store.path.read_bytes()
    store.path.write_bytes(good[:-10])
    assert data.cached(train, 24, "content", "auto", no_progress).path.read_bytes() == good


def test_large_sets_are_decoded_each_time_unless_asked_for(train, monkeypatch):
    monkeypatch.setattr(data, "CACHE_BYTES", 1000)
    assert data.cached(train, 24, "content", "auto", no_progress) is train
    assert data.cached(train, 24, "content", "never", no_progress) is train
    assert data.cached(train, 24, "content", "always", no_progress) is not train


def test_too_little_room_is_known_before_anything_is_decoded(train, tmp_path, monkeypatch):
    monkeypatch.setattr(data.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(DataError, match=r"need [\d,]+ bytes, and .* has 1; nothing was written") as error:
        data.cached(train, 24, "content", "always", no_progress)
    assert "--cache never" in error.value.hint
    assert not list((tmp_path / "home" / "pixels").glob("*.bin"))
    assert data.cached(train, 24, "content", "auto", no_progress) is train


def test_a_image_is_turned_upright_and_a_large_one_decoded_at_a_fraction():
    half = Image.new("RGB", (640, 320), "red")
    half.paste("blue", (0, 0, 320, 320))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° to the right
    out = io.BytesIO()
    half.save(out, "JPEG", exif=exif)
    for reduce in (1, 2, 4.5):
        image = data.opened(out.getvalue(), reduce)
        assert image.width * 2 == image.height
        assert image.height >= 640 / reduce
        assert image.getpixel((5, 5))[2] > 200  # blue above
        assert image.getpixel((5, image.height - 5))[0] > 200
    assert data.opened(out.getvalue(), 4.5).height == 160
    cut = np.asarray(data.resized(data.opened(out.getvalue()), (0, 0, 1, 0.5), (8, 8)))
    assert (cut[..., 2] > 200).all()


def test_grey_and_transparent_images_become_rgb():
    for mode in ("L", "RGBA", "P"):
        assert data.opened(make_image(1, kind="PNG", mode=mode)).mode == "RGB"


def test_a_flip_turns_left_to_right(train):
    cut = np.array([[0.1, 0.2, 0.9, 0.8]])
    crops = data.Crops(train, 16)
    plain, flipped = (crops[Batch(np.array([3]), cut, np.array([flip]))] for flip in (False, True))
    assert torch.equal(plain.flip(2), flipped)


def test_pixels_are_normalised_by_channel():
    value = data.prepared(torch.full((2, 4, 5, 3), 255, dtype=torch.uint8), torch.device("cpu"))
    assert value.shape == (2, 3, 4, 5)
    assert value[0, :, 0, 0].tolist() == pytest.approx([(1 - m) / s for m, s in zip(data.MEAN, data.STD, strict=True)])


def test_the_first_evaluation_reads_the_images_and_the_next_ones_do_not(train, monkeypatch):
    class Mean(torch.nn.Module):
        def forward(self, x):
            return x.mean(dim=(2, 3))

    views = Views(train, None, 24, 0)
    first = views.embed(Mean(), torch.device("cpu"), False)
    assert first.shape == (len(train.ids), 3)
    monkeypatch.setattr(data.Encoded, "bytes_of", lambda self, number: pytest.fail("read again"))
    assert (views.embed(Mean(), torch.device("cpu"), False) == first).all()


def damaged(folder: Path) -> str:
    """Break the data of one training image; returns its id."""
    path = next((folder / "data").glob("train-*.parquet"))
    table = pq.read_table(path)
    images = table["image"].to_pylist()
    images[2]["bytes"] = images[2]["bytes"][:200]
    column = pa.array(images, table.schema.field("image").type)
    pq.write_table(table.set_column(table.schema.get_field_index("image"), "image", column), path)
    return table["image_id"][2].as_py()


def test_a_damaged_image_is_named(changeable):
    name = damaged(changeable)
    broken = data.Encoded(str(changeable), "default", "train")
    with pytest.raises(DataError, match=name) as error:
        list(data.whole_batches(data.loader(broken, 16, data.whole(broken.sizes, np.arange(4), 4), 0)))
    assert "dmlkit validate" in error.value.hint
    with pytest.raises(DataError, match=name):
        data.cached(broken, 24, "content", "always", no_progress)
