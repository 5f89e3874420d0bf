"""ImageNet-1K in every layout: train and val, and labels of val that go through the wnid and through nothing else."""

import gzip
import io
import os
import re
import sys
import tarfile

import numpy as np
import pytest
from scipy.io import savemat

from dmlkit.errors import SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.common import synsets
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.candidates import labels, offered, statuses
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, TOML, write_manifest

WNIDS = [c.fine_id for c in CLASSES]
TRAIN = {wnid: {f"{wnid}_{i}.JPEG": make_image(100 * n + i) for i in range(3)} for n, wnid in enumerate(WNIDS)}
TRAIN_LABELS = {name[:-5]: wnid for wnid, members in TRAIN.items() for name in members}

# ILSVRC2012_ID → wnid: in no order, with an inner synset and ids that are no position.
IDS = {5: WNIDS[3], 1: WNIDS[6], 9: "n00001740", 2: WNIDS[0], 7: WNIDS[1]}
INNER = "n00001740"
TRUTH = [2, 7, 7, 1, 5, 2]
VAL = {f"ILSVRC2012_val_{i:08d}": IDS[number] for i, number in enumerate(TRUTH, start=1)}
VAL_IMAGES = {f"{name}.JPEG": make_image(5000 + i) for i, name in enumerate(VAL)}

DEVKIT = "ILSVRC2012_devkit_t12"
CSV = "ImageId,PredictionString\n" + "".join(f"{name},{wnid} 85 1 499 272 \n" for name, wnid in reversed(VAL.items()))


def meta(ids=IDS) -> bytes:
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height")
    rows = [(number, wnid, "a, b", "what it is", int(wnid == INNER), np.zeros(3), 2) for number, wnid in ids.items()]
    out = io.BytesIO()
    table = np.array(rows, dtype=[(field, object) for field in fields]).reshape(-1, 1)
    savemat(out, {"synsets": table})
    return out.getvalue()


TRUTH_FILE = "".join(f"{number}\n" for number in TRUTH)


def devkit(ids=IDS, truth=TRUTH_FILE) -> dict[str, bytes]:
    return {
        f"{DEVKIT}/readme.txt": b"read me",
        f"{DEVKIT}/data/meta.mat": meta(ids),
        f"{DEVKIT}/data/ILSVRC2012_validation_ground_truth.txt": truth.encode(),
    }


def write(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def packed(path):
    path.write_bytes(gzip.compress(path.read_bytes(), 1))
    return path


def train_tar(root):
    inner = {f"{wnid}.tar": write_tar(root / "inner" / wnid, members).read_bytes() for wnid, members in TRAIN.items()}
    return write_tar(root / "ILSVRC2012_img_train.tar", inner)


def train_folders(root, top="train/"):
    return write(
        root, {f"{top}{wnid}/{name}": data for wnid, members in TRAIN.items() for name, data in members.items()}
    )


def val_tar(root, prefix=""):
    """In an order that is not that of the names."""
    names = sorted(VAL_IMAGES, key=lambda name: name[::-1], reverse=True)
    return write_tar(root / "ILSVRC2012_img_val.tar", {prefix + name: VAL_IMAGES[name] for name in names})


def val_folder(root, top="val/"):
    return write(root, {f"{top}{name}": data for name, data in VAL_IMAGES.items()})


def devkit_tar(root):
    return packed(write_tar(root / f"{DEVKIT}.tar.gz", devkit()))


# ---- layouts: each returns --from


def archives_only(root):
    train_tar(root), val_tar(root), devkit_tar(root)
    return root


def archives_and_devkit_folder(root):
    train_tar(root), val_tar(root), write(root, devkit())
    return root


def tars_of_synsets_beside_val(root):
    for wnid, members in TRAIN.items():
        write_tar(root / f"{wnid}.tar", members)
    val_tar(root), devkit_tar(root)
    return root


def extracted(root):
    train_folders(root), val_folder(root), devkit_tar(root)
    return root


def extracted_tars(root):
    for wnid, members in TRAIN.items():
        write_tar(root / "train" / f"{wnid}.tar", members)
    val_tar(root, "val/"), write(root, {"LOC_val_solution.csv": CSV.encode()})
    return root


def val_by_wnid(root):
    files = {f"val/{wnid}/{name}.JPEG": VAL_IMAGES[f"{name}.JPEG"] for name, wnid in VAL.items()}
    return write(train_folders(root), files)


def kaggle(root):
    top = "ILSVRC/Data/CLS-LOC/"
    train_folders(root, f"{top}train/"), val_folder(root, f"{top}val/")
    others = {
        f"{top}test/ILSVRC2012_test_00000001.JPEG": make_image(1),
        "ILSVRC/Annotations/CLS-LOC/val/x.xml": b"<x/>",
        "ILSVRC/ImageSets/CLS-LOC/val.txt": b"",
        "LOC_synset_mapping.txt": b"",
        "LOC_val_solution.csv": CSV.encode(),
    }
    return write(root, others)


def kaggle_one_below(root):
    return kaggle(root) / "ILSVRC"


def kaggle_at_the_images(root):
    return kaggle(root) / "ILSVRC/Data/CLS-LOC"


LAYOUTS = [
    archives_only,
    archives_and_devkit_folder,
    tars_of_synsets_beside_val,
    extracted,
    extracted_tars,
    val_by_wnid,
    kaggle,
    kaggle_one_below,
    kaggle_at_the_images,
]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "imagenet").mkdir()
    return tmp_path / "imagenet"


def plan(path):
    return load_source("imagenet-1k").plan(PlanRequest(None, path, path))


def read(path):
    return offered("imagenet-1k", path, path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_train_and_val_with_the_label_of_the_wnid(layout, root):
    candidates = read(layout(root))
    assert statuses(candidates) == {}
    assert labels(candidates) == TRAIN_LABELS | VAL
    assert len(candidates) == len(TRAIN_LABELS) + len(VAL)
    data = {c.upstream_id: c.read() for c in candidates}
    assert all(data[name[:-5]] == VAL_IMAGES[name] for name in VAL_IMAGES)
    assert all(data[name[:-5]] == TRAIN[wnid][name] for wnid in WNIDS for name in TRAIN[wnid])


def test_the_archive_of_train_alone_is_a_source(root):
    assert labels(read(train_tar(root))) == TRAIN_LABELS


def test_the_archive_of_val_alone_is_a_source_where_the_devkit_lies_beside_it(root):
    devkit_tar(root)
    assert labels(read(val_tar(root))) == VAL


def test_a_build_takes_train_and_val(root, tmp_path):
    tiny = load_manifest(
        str(write_manifest(tmp_path / "tiny", toml=TOML.replace('"imagenet-21k", ', '"imagenet-1k", ')))
    )
    result = build(tiny, BuildOptions("imagenet-1k", tmp_path / "out", archives_only(root), jobs=1))
    assert result.statuses == {"ok": len(TRAIN_LABELS) + len(VAL)}


# ---- labels of val


def test_images_that_are_not_there_shift_no_label_and_are_told(root):
    val_folder(root), devkit_tar(root)
    gone = ["ILSVRC2012_val_00000001", "ILSVRC2012_val_00000004"]
    for name in gone:
        (root / "val" / f"{name}.JPEG").unlink()
    candidates = read(root)
    assert labels(candidates) == {name: wnid for name, wnid in VAL.items() if name not in gone}
    missing = {c.upstream_id: c.upstream_label for c in candidates if c.status == "missing"}
    assert missing == {name: VAL[name] for name in gone}


def test_images_missing_in_the_archive_of_val_are_told(root):
    devkit_tar(root)
    kept = dict(list(VAL_IMAGES.items())[2:])
    candidates = read(write_tar(root / "ILSVRC2012_img_val.tar", kept))
    assert statuses(candidates) == dict.fromkeys(list(VAL)[:2], "missing")
    assert labels(candidates) == dict(list(VAL.items())[2:])


@pytest.mark.parametrize("val", [val_tar, val_folder])
def test_val_without_a_table_is_unlabelled(root, val):
    val(train_folders(root))
    candidates = read(root)
    assert statuses(candidates) == dict.fromkeys(VAL, "unlabelled")
    assert labels(candidates) == TRAIN_LABELS


@pytest.mark.parametrize("val", [val_tar, val_folder])
def test_nothing_but_val_without_a_table_is_a_clear_error(root, val):
    val(root)
    with pytest.raises(SourceError, match="nothing with a label") as raised:
        plan(root)
    assert "LOC_val_solution.csv" in raised.value.hint


def test_a_image_that_no_table_knows_is_unlabelled(root):
    val_folder(train_folders(root)), devkit_tar(root)
    write(root, {"val/ILSVRC2012_val_00000099.JPEG": make_image(1)})
    assert statuses(read(root)) == {"ILSVRC2012_val_00000099": "unlabelled"}


@pytest.mark.parametrize("val", [val_tar, val_folder])
def test_val_is_shared_out_among_units_and_nothing_is_lost(root, val, monkeypatch):
    monkeypatch.setattr(synsets, "IMAGES_PER_UNIT", 4)
    val(root), devkit_tar(root)
    units = plan(root)
    assert [unit.name for unit in units] == ["val-00000", "val-00001"]
    for unit in units:
        found = labels(list(load_source("imagenet-1k").read(unit)))
        assert set(found.values()) == set(unit.labels)
    assert labels(read(root)) == VAL


@pytest.mark.parametrize(
    "table", [CSV.replace("\n", "\r\n"), "\ufeff" + CSV, CSV.rstrip(), CSV + "\n\n", CSV.split("\n", 1)[1]]
)
def test_the_kaggle_table_is_read_however_it_was_saved(root, table):
    write(val_folder(root), {"LOC_val_solution.csv": table.encode()})
    assert labels(read(root)) == VAL


@pytest.mark.parametrize("line", [b"ILSVRC2012_val_00000001", b"x,12 3", b"\xff\xfe\x00", b'"a', b"x" * 200_000])
def test_a_bad_line_of_the_kaggle_table_is_named(root, line):
    write(val_folder(root), {"LOC_val_solution.csv": CSV.encode() + line + b"\n"})
    with pytest.raises(SourceError, match=rf"LOC_val_solution\.csv, line {len(VAL) + 2}: no wnid") as raised:
        plan(root)
    assert len(raised.value.message) < 600


@pytest.mark.parametrize("files", [devkit(truth=f"2\n{odd}\n") for odd in ("3", "9", "0", "²", "9" * 5000, "-1", "x")])
def test_a_ground_truth_that_the_devkit_does_not_explain_is_a_clear_error(root, files):
    with pytest.raises(SourceError, match=r"ids that its meta\.mat lacks"):
        plan(write(val_folder(root), files))


@pytest.mark.parametrize("broken", [b"", b"<html>", meta()[:300], meta().replace(b"synsets", b"sunsets")])
def test_a_damaged_meta_mat_is_a_clear_error(root, broken):
    with pytest.raises(SourceError, match=r"meta\.mat cannot be read"):
        plan(write(val_folder(root), devkit() | {f"{DEVKIT}/data/meta.mat": broken}))


def test_a_meta_mat_with_other_names_than_wnids_is_a_clear_error(root):
    with pytest.raises(SourceError, match="no wnids"):
        plan(write(val_folder(root), devkit(IDS | {5: "dog"})))


@pytest.mark.parametrize("break_it", [lambda data: data[:200], lambda data: b"<html>", lambda data: b"", gzip.compress])
def test_a_damaged_devkit_archive_is_a_clear_error(root, break_it):
    path = devkit_tar(val_folder(root))
    path.write_bytes(break_it(path.read_bytes()))
    with pytest.raises(SourceError, match=r"devkit in .* is not whole"):
        plan(root)


def test_a_devkit_folder_without_its_files_is_a_clear_error(root):
    write(val_folder(root), {f"{DEVKIT}/readme.txt": b""})
    with pytest.raises(SourceError, match="is not whole"):
        plan(root)


def test_without_scipy_the_devkit_is_a_clear_error_and_the_kaggle_table_works(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    devkit_tar(val_folder(root))
    with pytest.raises(SourceError, match="needs scipy") as raised:
        plan(root)
    assert "dmlkit[devkit]" in raised.value.hint
    write(root, {"LOC_val_solution.csv": CSV.encode()})
    assert labels(read(root)) == VAL


# ---- damage and what does not belong


def test_of_a_cut_archive_of_val_the_images_before_the_cut_are_kept(root):
    devkit_tar(root)
    path = val_tar(root)
    order = [c.upstream_id for c in read(path)]
    path.write_bytes(path.read_bytes()[: 3 * 512 + 4096])
    candidates = read(path)
    assert sorted(order) == sorted(VAL)
    assert 0 < len(labels(candidates)) < len(VAL)
    assert labels(candidates).items() <= VAL.items()
    assert set(statuses(candidates).values()) == {"missing", "damaged-archive"}
    assert {c.upstream_id for c in candidates} == set(VAL)


def test_of_a_cut_archive_of_train_the_synsets_before_the_cut_are_kept(root):
    path = train_tar(root)
    path.write_bytes(path.read_bytes()[:50_000])
    candidates = read(path)
    assert labels(candidates).items() < TRAIN_LABELS.items()
    assert len(labels(candidates)) > 6
    assert "damaged-archive" in statuses(candidates).values()


def test_hostile_members_of_val_are_told(root):
    devkit_tar(root)
    path = write_tar(root / "ILSVRC2012_img_val.tar", VAL_IMAGES | {"../../x.JPEG": b"x", "/y": b"y"})
    candidates = read(path)
    assert statuses(candidates) == {"x": "unsafe-member", "y": "unsafe-member"}
    assert labels(candidates) == VAL


def test_a_image_twice_in_the_archive_of_val_is_counted_twice(root):
    devkit_tar(root)
    path = val_tar(root)
    with tarfile.open(path, "a") as tar:
        member = tarfile.TarInfo("ILSVRC2012_val_00000002.JPEG")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    candidates = read(path)
    assert labels(candidates) == VAL
    assert [(c.upstream_id, c.status) for c in candidates if c.status] == [("ILSVRC2012_val_00000002", "unlabelled")]


def test_links_of_val_that_lead_out_of_its_folder_are_unsafe(root, tmp_path):
    devkit_tar(val_folder(root))
    (tmp_path / "secret").write_bytes(b"secret")
    link = root / "val" / "ILSVRC2012_val_00000001.JPEG"
    link.unlink()
    link.symlink_to(tmp_path / "secret")
    assert statuses(read(root)) == {"ILSVRC2012_val_00000001": "unsafe-member"}


@pytest.mark.parametrize("one", [train_folders, val_folder])
def test_train_or_val_twice_is_a_clear_error_with_both_places(root, one):
    archives_only(one(root))
    with pytest.raises(SourceError, match=r"is there twice: .*imagenet.* and .*imagenet"):
        plan(root)


def test_more_synsets_than_imagenet_1k_has_are_not_it(root):
    for number in range(1001):
        (root / f"n{number:08d}.tar").touch()
    with pytest.raises(SourceError, match="more than 1000 synsets") as raised:
        plan(root)
    assert "--source imagenet-21k" in raised.value.hint
    (root / "n00000000.tar").unlink()
    assert len(plan(root)) == 1000


def test_a_compressed_archive_of_train_is_a_clear_error(root):
    path = packed(train_tar(root)).rename(root / "ILSVRC2012_img_train.tar.gz")
    with pytest.raises(SourceError, match="is compressed"):
        plan(path)


@pytest.mark.parametrize("name", ["ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "x.tar"])
@pytest.mark.parametrize("data", [b"", b"<html>" * 200, make_image(1)])
def test_a_file_that_is_no_archive_is_a_clear_error(root, name, data):
    with pytest.raises(SourceError, match=re.escape(name)):
        plan(write(root, {name: data}) / name)


def test_an_empty_folder_and_a_folder_of_something_else_are_clear_errors(root):
    with pytest.raises(SourceError, match="is an empty folder"):
        plan(root)
    write(root, {"letters/a.txt": b"a"})
    with pytest.raises(SourceError, match="without anything of the source imagenet-1k") as raised:
        plan(root)
    assert "ILSVRC2012_img_train.tar" in raised.value.hint


def test_a_changed_image_of_val_is_another_unit(root):
    for path in (devkit_tar(val_folder(root)), root / "val" / "ILSVRC2012_val_00000003.JPEG"):
        first = [unit.fingerprint for unit in plan(root)]
        os.utime(path, ns=(1, 1))
        changed = [unit.fingerprint for unit in plan(root)] != first
        assert changed == (path.parent.name == "val")
