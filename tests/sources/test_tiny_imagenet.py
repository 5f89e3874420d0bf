"""Tiny ImageNet: the zip file or its folder, labels by wnid, and nothing that is not asked for."""

import os
import zipfile

import pytest

from dmlkit import terms
from dmlkit.errors import SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources import tiny_imagenet
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.common import synsets
from dmlkit.sources.registry import load_source
from dmlkit.storage import archives, download
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.candidates import labels, offered, statuses
from tests.support.images import make_image
from tests.support.manifests import CLASSES, TOML, write_manifest

WNIDS = [c.fine_id for c in reversed(CLASSES)]  # unsorted, as upstream
TOP = "tiny-imagenet-200/"
TRAIN = {f"{wnid}_{i}": (wnid, make_image(100 * n + i, 64, 64)) for n, wnid in enumerate(WNIDS) for i in range(3)}
VAL = {f"val_{i}": (WNIDS[i * 3 % 8], make_image(5000 + i, 64, 64, mode="L" if i == 2 else "RGB")) for i in range(12)}
LABELS = {name: wnid for name, (wnid, _) in (TRAIN | VAL).items()}
ANNOTATIONS = "".join(f"{name}.JPEG\t{wnid}\t0\t32\t44\t62\n" for name, (wnid, _) in VAL.items())
FILES = {
    "wnids.txt": "\n".join(WNIDS).encode(),
    "words.txt": "".join(f"{wnid}\tdog, hound\n" for wnid in WNIDS).encode(),
    **{f"train/{wnid}/images/{name}.JPEG": data for name, (wnid, data) in TRAIN.items()},
    **{f"train/{wnid}/{wnid}_boxes.txt": f"{wnid}_0.JPEG\t0\t10\t63\t58\n".encode() for wnid in WNIDS},
    "val/val_annotations.txt": ANNOTATIONS.encode(),
    **{f"val/images/{name}.JPEG": data for name, (_, data) in VAL.items()},
    **{f"test/images/test_{i}.JPEG": make_image(9000 + i, 64, 64) for i in range(4)},
}


def zipped(path, files, top=TOP):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in ("", "train/", "val/", "test/"):
            if top:
                archive.mkdir(top + folder)
        for name, data in files.items():
            archive.writestr(top + name, data)
    return path


def unpacked(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def the_zip(root, files):
    return zipped(root / "tiny-imagenet-200.zip", files)


def the_zip_under_another_name(root, files):
    return zipped(root / "download", files)


def a_zip_without_its_top_folder(root, files):
    return zipped(root / "mine.zip", files, "")


def a_folder_that_holds_the_zip(root, files):
    return zipped(root / "tiny-imagenet-200.zip", files).parent


def the_folder(root, files):
    return unpacked(root / TOP, files)


def a_folder_that_holds_the_folder(root, files):
    unpacked(root / TOP, files)
    return the_zip(root, {}).parent


LAYOUTS = [
    the_zip,
    the_zip_under_another_name,
    a_zip_without_its_top_folder,
    a_folder_that_holds_the_zip,
    the_folder,
    a_folder_that_holds_the_folder,
]
both = pytest.mark.parametrize("layout", [the_zip, the_folder])


@pytest.fixture
def root(tmp_path):
    (tmp_path / "tiny").mkdir()
    return tmp_path / "tiny"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DMLKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def plan(path):
    return load_source("tiny-imagenet").plan(PlanRequest(None, path, path))


def read(path):
    return offered("tiny-imagenet", path, path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_train_and_val_by_wnid_and_leaves_test_alone(layout, root):
    candidates = read(layout(root, FILES))
    assert statuses(candidates) == {}
    assert labels(candidates) == LABELS
    assert {c.upstream_id: c.read() for c in candidates} == {name: data for name, (_, data) in (TRAIN | VAL).items()}
    assert len(candidates) == len(LABELS)


@both
def test_a_build_takes_every_image_greyscale_too(layout, root, tmp_path):
    toml = TOML.replace('"imagenet-21k", ', '"tiny-imagenet", ')
    tiny = load_manifest(str(write_manifest(tmp_path / "manifest", toml=toml)))
    result = build(tiny, BuildOptions("tiny-imagenet", tmp_path / "out", layout(root, FILES), jobs=1))
    assert result.statuses == {"ok": len(LABELS)}


@both
def test_train_without_the_folder_images_is_read_too(layout, root):
    flat = {name.replace("/images/", "/") if "train" in name else name: data for name, data in FILES.items()}
    if layout is the_folder:
        candidates = read(layout(root, flat))
        assert labels(candidates) | LABELS == labels(candidates)
    else:
        assert set(statuses(read(layout(root, flat))).values()) == {"not-an-image"}


# ---- the annotations of val


@both
@pytest.mark.parametrize("text", [ANNOTATIONS.replace("\n", "\r\n"), ANNOTATIONS.rstrip(), ANNOTATIONS + "\n\n"])
def test_annotations_are_read_whatever_their_line_ends(layout, root, text):
    assert labels(read(layout(root, FILES | {"val/val_annotations.txt": text.encode()}))) == LABELS


@both
@pytest.mark.parametrize("line", [b"val_1.JPEG", b"val_1.JPEG\tdog\t1", b"\xff\xfe\t\x00", b"val_1.JPEG,n01110001"])
def test_a_bad_line_of_the_annotations_is_named(layout, root, line):
    path = layout(root, FILES | {"val/val_annotations.txt": ANNOTATIONS.encode() + line})
    with pytest.raises(SourceError, match=f"line {len(VAL) + 1} of val_annotations"):
        plan(path)


@both
def test_without_annotations_val_is_unlabelled(layout, root):
    candidates = read(layout(root, {name: data for name, data in FILES.items() if "annotations" not in name}))
    assert statuses(candidates) == dict.fromkeys(VAL, "unlabelled")
    assert len(labels(candidates)) == len(TRAIN)


@both
def test_what_is_listed_and_not_there_and_what_is_there_and_not_listed_is_told(layout, root):
    files = FILES | {"val/images/val_77.JPEG": make_image(77)}
    del files["val/images/val_3.JPEG"]
    candidates = read(layout(root, files))
    assert statuses(candidates) == {"val_3": "missing", "val_77": "unlabelled"}
    assert next(c.upstream_label for c in candidates if c.status == "missing") == VAL["val_3"][0]
    assert len(candidates) == len(LABELS) + 1


@both
def test_val_is_shared_out_among_units_and_nothing_is_lost(layout, root, monkeypatch):
    monkeypatch.setattr(synsets, "IMAGES_PER_UNIT", 5)
    path = layout(root, FILES)
    units = [unit for unit in plan(path) if unit.name.startswith("val-")]
    assert [len(unit.payload.files) for unit in units] == [5, 5, 2]
    assert labels(read(path)) == LABELS


# ---- bad zip files


def test_extras_hostile_names_and_names_that_stand_twice_are_told(root):
    extras = {
        "train/n01110001/images/../../../x.JPEG": b"x",
        "train/n01110001/mask.png": b"m",
        "train/dogs/images/d.JPEG": b"d",
        "../y.JPEG": b"y",
        "mine.rar": b"r",
    }
    path = the_zip(root, FILES | extras)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"{TOP}val/images/val_1.JPEG", b"other")
    candidates = read(path)
    assert statuses(candidates) == {
        "x": "unsafe-member",
        "y": "unsafe-member",
        "mask": "not-an-image",
        "d": "not-an-image",
        "mine": "not-an-image",
        "val_1": "repeated-id",
    }
    assert labels(candidates) == LABELS


def test_a_zip_made_again_on_a_mac_gives_the_same_images(root):
    path = the_zip(root, FILES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"__MACOSX/{TOP}val/images/._val_0.JPEG", b"fork")
        archive.writestr(f"__MACOSX/{TOP}._wnids.txt", b"fork")
    candidates = read(path)
    assert labels(candidates) == LABELS
    assert statuses(candidates) == {}


def test_a_zip_with_backslashes_gives_the_same_images(root):
    path = root / "windows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in FILES.items():
            archive.writestr((TOP + name).replace("/", "\\"), data)
    assert labels(read(path)) == LABELS


def test_damage_of_one_image_is_its_own_only(root):
    path = the_zip(root, FILES)
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo(f"{TOP}val/images/val_5.JPEG").header_offset + 100
    data = bytearray(path.read_bytes())
    data[place : place + 20] = bytes(20)
    path.write_bytes(bytes(data))
    candidates = read(path)
    for candidate in candidates:
        if candidate.upstream_id == "val_5":
            with pytest.raises(OSError, match=r"."):
                candidate.read()
        else:
            assert candidate.read() == (TRAIN | VAL)[candidate.upstream_id][1]


def test_damaged_annotations_are_a_clear_error(root):
    path = the_zip(root, FILES)
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo(f"{TOP}val/val_annotations.txt").header_offset + 90
    data = bytearray(path.read_bytes())
    data[place : place + 8] = b"\xff" * 8
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match="val_annotations"):
        plan(path)


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_zip_that_was_cut_is_a_clear_error(root, share):
    path = the_zip(root, FILES)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(SourceError, match="cannot be opened as a zip file") as raised:
        plan(path)
    assert "md5" in raised.value.hint


def test_links_and_folders_among_the_images_of_a_folder_are_told(root, tmp_path):
    path = the_folder(root, FILES)
    (tmp_path / "secret").write_bytes(b"secret")
    for name in ("val_1", "val_2"):
        (path / "val/images" / f"{name}.JPEG").unlink()
    (path / "val/images/val_1.JPEG").symlink_to(tmp_path / "secret")
    (path / "val/images/val_2.JPEG").mkdir()
    assert statuses(read(path)) == {"val_1": "unsafe-member", "val_2": "not-an-image"}


# ---- what is not Tiny ImageNet


def test_what_is_not_tiny_imagenet_is_a_clear_error(root, tmp_path):
    with pytest.raises(SourceError, match="is an empty folder"):
        plan(root)
    with pytest.raises(SourceError, match="without anything of the source tiny-imagenet"):
        plan(unpacked(root, {"letters/a.txt": b"a"}))
    with pytest.raises(SourceError, match="without anything of the source tiny-imagenet"):
        plan(zipped(tmp_path / "letters.zip", {"a.txt": b"a"}))
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        plan(tmp_path / "gone")


# ---- the download


def test_planning_downloads_nothing(home, monkeypatch):
    monkeypatch.setattr(download, "download", lambda *_, **__: pytest.fail("planning downloaded"))
    with pytest.raises(SourceError, match="neither downloaded nor given"):
        plan(None)
    assert not home.exists()


def test_without_from_the_downloaded_file_is_read(root, home, monkeypatch):
    path = zipped(home / "tiny-imagenet-200.zip", FILES)
    archive = download.Archive(path.name, "http://example.org/x", "", path.stat().st_size)
    monkeypatch.setattr(tiny_imagenet, "ARCHIVE", archive)
    assert labels(read(None)) == LABELS


def test_half_a_download_is_not_taken_for_the_file(home):
    zipped(home / "tiny-imagenet-200.zip", FILES)
    with pytest.raises(SourceError, match="neither downloaded nor given"):
        plan(None)


def test_the_archive_is_the_one_that_stanford_publishes():
    archive = tiny_imagenet.ARCHIVE
    assert (archive.num_bytes, archive.md5) == (248_100_043, "90528d7ca1a48142e341f4ef8d21d0de")
    assert archive.url == terms.load(tiny_imagenet.NAME).url == "http://cs231n.stanford.edu/tiny-imagenet-200.zip"


@both
def test_a_changed_source_has_other_units(layout, root):
    path = layout(root, FILES)
    first = {unit.name: unit.fingerprint for unit in plan(path)}
    assert first == {unit.name: unit.fingerprint for unit in plan(path)}
    changed = path if path.is_file() else path / "val/images/val_3.JPEG"
    os.utime(changed, ns=(1, 1))
    assert {unit.name: unit.fingerprint for unit in plan(path)}["val-00000"] != first["val-00000"]


def test_no_image_is_read_to_plan(root, monkeypatch):
    path = the_zip(root, FILES)
    seen = []
    read_zip_member = archives.read_zip_member
    monkeypatch.setattr(
        archives, "read_zip_member", lambda path, name: seen.append(name) or read_zip_member(path, name)
    )
    plan(path)
    assert seen == [f"{TOP}val/val_annotations.txt"]
