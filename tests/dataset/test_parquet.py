"""What `load_dataset` and the hub's viewer find in a dataset folder."""

import io
import tarfile
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Image, Value, load_dataset
from PIL import Image as Pillow
from torch.utils.data import DataLoader

from dmlkit.dataset.shards import cut_shards
from dmlkit.dataset.validate import validate
from dmlkit.schema.scales import SCALES, SPLITS
from tests.support.manifests import CLASSES, build_folder


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """A folder with 240 images in train, and its source."""
    where = tmp_path_factory.mktemp("larger")
    return build_folder(where, per_class=60), where / "tars"


def rows_of(folder, split, columns=None):
    """The rows of a split as they stand in its files, one after the other."""
    return [row for path in shards(folder, split) for row in pq.read_table(path, columns=columns).to_pylist()]


def shards(folder, split):
    return sorted((folder / "data").glob(f"{split}-*.parquet"))


def test_load_dataset_gives_images_and_named_labels(good_folder):
    loaded = load_dataset(str(good_folder))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 24, "query": 9, "gallery": 15}
    for rows in loaded.values():
        assert rows.features["image"] == Image(mode="RGB")
        assert rows.features["fine"] == ClassLabel(names=[c.fine for c in CLASSES])
        assert rows.features["middle"] == ClassLabel(names=["dog", "bear", "owl", "parrot"])
        assert rows.features["coarse"] == ClassLabel(names=["mammal", "bird"])
        assert rows.features["width"] == Value("int32")
    assert isinstance(loaded["query"][0]["image"], Pillow.Image)


def test_hierarchy_has_a_row_for_each_fine_class(good_folder):
    images = load_dataset(str(good_folder))
    classes = load_dataset(str(good_folder), "hierarchy")["train"]
    assert classes["fine_id"][:] == sorted(c.fine_id for c in CLASSES)
    for row in classes:
        for scale in SCALES:
            assert images["train"].features[scale].int2str(row[f"{scale}_label"]) == row[scale]
        for split in SPLITS:
            assert row[split] == images[split]["fine"][:].count(row["fine_label"])


def test_streaming_gives_the_same_rows(good_folder):
    loaded, streamed = load_dataset(str(good_folder)), load_dataset(str(good_folder), streaming=True)
    for split in SPLITS:
        rows = list(streamed[split])
        assert [row["image_id"] for row in rows] == loaded[split]["image_id"][:]
        assert rows[0]["image"].size == (rows[0]["width"], rows[0]["height"])
        assert streamed[split].features == loaded[split].features


def test_the_bytes_are_exactly_those_of_the_source(larger):
    folder, tars = larger
    upstream = {}
    for path in tars.iterdir():
        with tarfile.open(path) as tar:
            upstream |= {f"imagenet-21k/{m.name.removesuffix('.JPEG')}": tar.extractfile(m).read() for m in tar}
    rows = [row for split in SPLITS for row in rows_of(folder, split)]
    assert {row["image_id"]: row["image"]["bytes"] for row in rows} == upstream
    for row in rows:
        assert row["image"]["path"] == row["image_id"].removeprefix("imagenet-21k/") + ".jpg"


def test_row_groups_are_small_and_uncompressed(larger):
    for split in SPLITS:
        (path,) = shards(larger[0], split)
        metadata = pq.read_metadata(path)
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        assert sum(group.num_rows for group in groups) == metadata.num_rows > 0
        for group in groups:
            assert group.num_rows <= 100
            columns = {c.path_in_schema: c for c in (group.column(i) for i in range(group.num_columns))}
            assert columns["image.bytes"].compression == "UNCOMPRESSED"
            assert columns["image_id"].compression == "ZSTD"
            assert not any("DICTIONARY" in kind for kind in columns["image.bytes"].encodings)
            assert all(c.has_offset_index and c.has_column_index for c in columns.values())
    assert pq.read_metadata(shards(larger[0], "train")[0]).num_row_groups == 3


def test_row_group_of_large_images_has_fewer_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("dmlkit.dataset.shards.GROUP_BYTES", 4_000)
    paths = shards(build_folder(tmp_path), "train")
    groups = [m.row_group(i).num_rows for m in map(pq.read_metadata, paths) for i in range(m.num_row_groups)]
    lengths = [len(row["image"]["bytes"]) for row in rows_of(tmp_path / "out", "train")]
    assert len(groups) > 3
    for num_rows in groups:
        group, lengths = lengths[:num_rows], lengths[num_rows:]
        assert sum(group) <= 4_000 or len(group) == 1


def test_rows_in_a_row_mix_the_classes(larger):
    labels = [row["fine"] for row in rows_of(larger[0], "train", ["fine"])]
    assert len(set(labels)) == 4
    for start in range(0, len(labels) - 30):
        assert set(labels[start : start + 30]) == set(labels)


def test_small_shards_have_the_same_rows(good_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("dmlkit.dataset.shards.SHARD_BYTES", 5_000)
    folder = build_folder(tmp_path)
    for split in SPLITS:
        count = len(shards(folder, split))
        assert count > 1
        names = [f"{split}-{i:05d}-of-{count:05d}.parquet" for i in range(count)]
        assert [path.name for path in shards(folder, split)] == names
        assert rows_of(folder, split) == rows_of(good_folder, split)
        for path in shards(folder, split):
            assert sum(len(image["bytes"]) for image in pq.read_table(path)["image"].to_pylist()) <= 5_000
    loaded, usual = load_dataset(str(folder)), load_dataset(str(good_folder))
    for split in SPLITS:
        assert loaded[split]["image_id"][:] == usual[split]["image_id"][:]


@pytest.mark.parametrize(
    ("num_images", "image_bytes", "num_files"),
    [
        (0, 0, 1),
        (700, 1, 1),
        (701, 1, 8),
        (7, 16_000_000, 1),
        (8, 16_000_000, 8),
        (100, 8_000_000, 8),
        (100, 80_000_000, 17),
    ],
)
def test_large_splits_have_at_least_eight_files(num_images, image_bytes, num_files):
    cuts = cut_shards([image_bytes] * num_images)
    assert len(cuts) == num_files
    assert [row for start, stop in cuts for row in range(start, stop)] == list(range(num_images))


def test_streaming_feeds_eight_workers(good_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("dmlkit.dataset.shards.GROUP_ROWS", 3)
    folder = build_folder(tmp_path)
    streamed = load_dataset(str(folder), streaming=True)
    assert {split: rows.num_shards for split, rows in streamed.items()} == {"train": 8, "query": 1, "gallery": 1}
    assert rows_of(folder, "train") == rows_of(good_folder, "train")
    assert validate(folder) == []
    workers = [list(streamed["train"].shard(8, index)) for index in range(8)]
    assert [len(rows) for rows in workers] == [3] * 8


def test_texts_of_images_are_never_null(good_folder):
    for row in (row for split in SPLITS for row in rows_of(good_folder, split)):
        assert all(isinstance(row[name], str) for name in ("upstream_label", "source_url", "license", "author"))


def test_plain_loader_collates_all_columns(good_folder):
    rows = load_dataset(str(good_folder))["train"].remove_columns("image").with_format("torch")
    batch = next(iter(DataLoader(rows, batch_size=4)))
    assert batch["author"] == [""] * 4
    assert len(batch["fine"]) == 4


@pytest.mark.parametrize(("kept", "splits"), [("train", ["train"]), ("test", ["query", "gallery"])])
def test_folder_with_an_empty_split_can_be_loaded(tmp_path, kept, splits):
    folder = build_folder(tmp_path, sources=[c for c in CLASSES if c.split == kept])
    assert list(load_dataset(str(folder))) == list(load_dataset(str(folder), streaming=True)) == splits
    counts = {split: len(rows_of(folder, split)) for split in SPLITS}
    assert [split for split in SPLITS if counts[split]] == splits
    assert all(shards(folder, split) for split in SPLITS)


ODD = [
    'the "quoted" one',
    "Kohlmeise (♂), Grüße: 鳥 🐦",
    "a: b # no comment",
    "<script>alert('x')</script>",
    "{{ jinja }} %s \\n | pipe",
    "- [x](javascript:alert(1)) `code` ```",
    "'",
    "null",
]


def test_odd_names_of_classes_survive(tmp_path):
    classes = [replace(c, fine=name) for c, name in zip(CLASSES, ODD, strict=True)]
    middle = dict(zip(("dog", "bear", "owl", "parrot"), ("<b>dog</b>", "---", "yes: no", "!!python/x"), strict=True))
    classes = [replace(c, middle=middle[c.middle], coarse=f"*{c.coarse}* &amp;") for c in classes]
    folder = build_folder(tmp_path, classes=classes)
    loaded = load_dataset(str(folder))
    assert loaded["train"].features["fine"].names == ODD
    assert loaded["train"].features["middle"].names == list(middle.values())
    assert loaded["train"].features["coarse"].names == ["*mammal* &amp;", "*bird* &amp;"]
    assert load_dataset(str(folder), "hierarchy")["train"]["fine"][:] == ODD
    assert validate(folder) == []


def test_datasets_decodes_what_pillow_decodes(good_folder):
    raw = {row["image_id"]: row["image"]["bytes"] for row in rows_of(good_folder, "gallery")}
    for row in load_dataset(str(good_folder))["gallery"]:
        assert row["image"].tobytes() == Pillow.open(io.BytesIO(raw[row["image_id"]])).convert("RGB").tobytes()
