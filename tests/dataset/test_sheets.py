"""The sheets and the figure show the right images, whole and upright, whatever the classes are called."""

import io
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw, ImageFont

from dmlkit.dataset import figure as sheets
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import OutputError, UnreadableDatasetError, UsageError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import write_tar
from tests.support.manifests import CLASSES, build_folder, write_manifest

COLOURS = ["red", "green", "blue", "yellow", "cyan", "magenta", "orange", "purple"]


def plain_image(colour, size=(66, 50), number=0, exif=None):
    """An image of one colour, with a spot that makes its bytes its own."""
    image = Image.new("RGB", size, colour)
    image.putpixel((number, 0), (number, 0, 0))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, **({"exif": exif} if exif else {}))
    return out.getvalue()


def coloured_folder(where, classes=CLASSES, pictured=None, each=4, **options):
    """A dataset folder in which every fine class has images of its own colour."""
    tiny = load_manifest(str(write_manifest(where / "tiny", list(classes))))
    for number, c in enumerate(classes):
        if pictured is None or c.fine_id in pictured:
            data = {f"{c.fine_id}_{i}.JPEG": plain_image(COLOURS[number % 8], number=i, **options) for i in range(each)}
            write_tar(where / f"tars/{c.fine_id}.tar", data)
    return build(tiny, BuildOptions("imagenet-21k", where / "out", where / "tars", jobs=1)).out


def cells_of(page):
    """How often each colour fills a cell of a sheet or figure, roughly, by its number of pixels."""
    area = sheets.CELL[0] * sheets.CELL[1]
    small = page.quantize(palette=palette(), dither=Image.Dither.NONE)
    counts = dict(zip([c[1] for c in small.getcolors()], [c[0] for c in small.getcolors()], strict=True))
    return {colour: round(counts.get(i, 0) / area) for i, colour in enumerate(COLOURS) if counts.get(i, 0) > area / 2}


def opened(path):
    with Image.open(path) as image:
        return image.convert("RGB")


def palette():
    image = Image.new("P", (1, 1))
    colours = [Image.new("RGB", (1, 1), c).getpixel((0, 0)) for c in (*COLOURS, "white", "black", "#6b7280")]
    image.putpalette([value for colour in colours for value in colour])
    return image


def test_each_coarse_class_has_a_sheet_of_its_fine_ones(tmp_path):
    paths = sheets.write_sheets(coloured_folder(tmp_path), tmp_path / "sheets")
    assert [path.name for path in paths] == ["mammal.jpg", "bird.jpg", "figure.jpg"]
    mammal, bird, figure = (opened(path) for path in paths)
    assert cells_of(mammal) == {"red": 1, "green": 1, "blue": 1, "yellow": 1}
    assert cells_of(bird) == {"cyan": 1, "magenta": 1, "orange": 1, "purple": 1}
    assert cells_of(figure) == dict.fromkeys(COLOURS, 1)
    for page in (mammal, bird, figure):
        assert 300 < page.width < 1400
        assert 200 < page.height < 1000


def test_classes_without_images_are_counted_only(tmp_path):
    pictured = {c.fine_id for c in CLASSES if c.coarse == "mammal" and c.fine != "dog 2"}
    folder = coloured_folder(tmp_path, pictured=pictured)
    paths = sheets.write_sheets(folder, tmp_path / "sheets")
    assert [path.name for path in paths] == ["mammal.jpg", "figure.jpg"]
    assert cells_of(opened(paths[0])) == {"red": 1, "blue": 1, "yellow": 1}
    tree, places = sheets.class_tree(DatasetFolder.open(folder)), sheets.choose_images(DatasetFolder.open(folder))
    lines = list(sheets.sheet_lines(tree["mammal"], dict.fromkeys(places)))
    assert lines == ["dog (1 of 2)", ["dog 1"], "bear (2)", ["bear 1", "bear 2"]]


def test_image_is_shown_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: left becomes the top
    lying = Image.new("RGB", (50, 66), "blue")
    lying.paste("red", (0, 0, 25, 66))
    out = io.BytesIO()
    lying.save(out, "JPEG", quality=95, exif=exif)
    small = sheets.crop_to_cell({"bytes": out.getvalue()})
    assert small.size == sheets.CELL
    top, bottom = small.getpixel((66, 10)), small.getpixel((66, 90))
    assert top[0] > 200 > 100 > top[2]
    assert bottom[2] > 200 > 100 > bottom[0]


def test_image_that_fits_the_cell_is_shown(tmp_path):
    folder = build_folder(tmp_path)
    path = next(folder.glob("data/train-*"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    mine = [i for i, row in enumerate(rows) if row["fine"] == 0]
    for i in mine:
        wide = i == mine[3]
        size = (66, 50) if wide else (50, 66)
        rows[i] |= {"width": size[0], "height": size[1]}
        rows[i]["image"]["bytes"] = plain_image("red" if wide else "blue", size)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    shown = sheets.read_thumbnails(DatasetFolder.open(folder), sheets.choose_images(DatasetFolder.open(folder)))[
        "dog 1"
    ]
    assert shown.getpixel((60, 60))[0] > 200


def test_long_names_are_cut(tmp_path):
    long = "a very long name " * 200
    classes = [
        replace(c, fine=f"{c.fine} {long}", middle=f"{c.middle} {long}", coarse=f"{c.coarse} {long}") for c in CLASSES
    ]
    usual = sheets.write_sheets(coloured_folder(tmp_path / "usual"), tmp_path / "sheets")
    folder = coloured_folder(tmp_path / "long", classes)
    tree = sheets.class_tree(DatasetFolder.open(folder))
    images = sheets.read_thumbnails(DatasetFolder.open(folder), sheets.choose_images(DatasetFolder.open(folder)))
    figure = sheets.draw_figure(sheets.choose_classes(tree, set(images)), images)
    assert cells_of(figure) == dict.fromkeys(COLOURS, 1)
    assert figure.width - opened(usual[-1]).width < sheets.FIGURE_NAME
    coarse, middles = next(iter(tree.items()))
    page = sheets.draw_sheet(coarse, list(sheets.sheet_lines(middles, images)), images)
    assert page.size == opened(usual[0]).size
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    short = sheets.cut_text(pen, f"dog 1 {long}", font, sheets.CELL[0])
    assert short.startswith("dog 1 a very")
    assert short.endswith("…")
    assert pen.textlength(short, font) <= sheets.CELL[0]
    assert sheets.cut_text(pen, "dog 1", font, sheets.CELL[0]) == "dog 1"


def test_coarse_classes_of_odd_names_have_own_files(tmp_path):
    names = {"mammal": "Figure", "bird": "../figure!"}
    folder = coloured_folder(tmp_path, [replace(c, coarse=names[c.coarse]) for c in CLASSES])
    paths = sheets.write_sheets(folder, tmp_path / "sheets")
    assert [path.name for path in paths] == ["figure-2.jpg", "figure-3.jpg", "figure.jpg"]
    assert all(path.parent == tmp_path / "sheets" for path in paths)
    assert sheets.free_stem("魚", set()) == "class"
    assert sheets.free_stem("鳥", {"class"}) == "class-2"


def test_long_coarse_class_has_two_sheets(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "LINES", 2)
    paths = sheets.write_sheets(coloured_folder(tmp_path), tmp_path / "sheets")
    assert [path.name for path in paths] == ["mammal.jpg", "mammal-2.jpg", "bird.jpg", "bird-2.jpg", "figure.jpg"]
    assert cells_of(opened(paths[1])) == {"blue": 1, "yellow": 1}


def test_figure_shows_the_largest_middle_classes(tmp_path):
    tree = {"bird": {"owl": ["a"], "duck": list("bcdefg"), "finch": list("hijk"), "crow": list("lmno")}, "fish": {}}
    there = set("abcdefghijkl")
    assert sheets.choose_classes(tree, there) == {"bird": {"duck": ["b", "d", "f"], "finch": ["h", "i", "j"]}}
    assert sheets.choose_classes(tree, {"a"}) == {"bird": {"owl": ["a"]}}


def test_figure_is_the_same_for_any_shards(tmp_path, monkeypatch):
    one = (build_folder(tmp_path / "one") / "figure.jpg").read_bytes()
    monkeypatch.setattr("dmlkit.dataset.shards.SHARD_BYTES", 5_000)
    monkeypatch.setattr("dmlkit.dataset.shards.GROUP_ROWS", 3)
    assert (build_folder(tmp_path / "other") / "figure.jpg").read_bytes() == one


@pytest.mark.parametrize("damage", ["hierarchy/train-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"])
def test_damaged_folder_is_an_error(changeable, tmp_path, damage):
    (changeable / damage).write_bytes(b"<html>")
    with pytest.raises(UnreadableDatasetError) as error:
        sheets.write_sheets(changeable, tmp_path / "sheets")
    assert error.value.facts["path"] == changeable
    assert not (tmp_path / "sheets").exists()


@pytest.mark.parametrize(
    "values",
    [{"image": {"bytes": b"<html>", "path": "a.jpg"}}, {"image": None}, {"fine": None}, {"fine": 99}, {"height": 0}],
)
def test_row_that_cannot_be_shown_is_an_error(changeable, tmp_path, values):
    path = next(changeable.glob("data/train-*"))
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist([row | values for row in table.to_pylist()], table.schema), path)
    with pytest.raises(UnreadableDatasetError) as error:
        sheets.write_sheets(changeable, tmp_path / "sheets")
    assert error.value.facts["path"] == changeable


@pytest.mark.parametrize("inside", [".", "sheets"])
def test_sheets_are_not_written_into_the_dataset(changeable, inside):
    with pytest.raises(UsageError) as error:
        sheets.write_sheets(changeable, changeable / inside)
    assert error.value.code == "output.inside-dataset"
    assert error.value.facts["path"] == changeable / inside


def test_sheets_do_not_replace_a_file(changeable, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError) as error:
        sheets.write_sheets(changeable, tmp_path / "file")
    assert error.value.code == "output.unwritable"
    assert (tmp_path / "file").read_text() == "x"
