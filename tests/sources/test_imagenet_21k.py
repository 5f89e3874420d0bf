"""ImageNet-21K in every layout that people have it in, whole and broken."""

import gzip
import os
import re
from pathlib import Path

import pytest

from dmlkit.errors import OutputError, SourceError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.storage import archives
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.candidates import labels, offered, statuses
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, sums

WNIDS = [c.fine_id for c in CLASSES]
SYNSETS = {wnid: {f"{wnid}_{i}.JPEG": make_image(100 * n + i) for i in range(4)} for n, wnid in enumerate(WNIDS)}
IMAGES = {Path(name).stem: data for members in SYNSETS.values() for name, data in members.items()}


def packed(path: Path) -> Path:
    """Compress a file; the name gets ``.gz``."""
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes(), 1))
    path.unlink()
    return target


def flat(root):
    for wnid, members in SYNSETS.items():
        write_tar(root / f"{wnid}.tar", members)
    return root


def prefixed(root):
    flat(root / "winter21_whole")
    return root


def compressed(root):
    for path in list(flat(root).iterdir()):
        packed(path)
    return root


def folders(root):
    for wnid, members in SYNSETS.items():
        (root / wnid).mkdir(parents=True)
        for name, data in members.items():
            (root / wnid / name).write_bytes(data)
    return root


def mixed(root):
    """Two as folders, two compressed, the others in the prefix folder."""
    folders(root)
    prefixed(root)
    for number, wnid in enumerate(WNIDS):
        tar = root / "winter21_whole" / f"{wnid}.tar"
        if number < 2:
            tar.unlink()
            continue
        for file in (root / wnid).iterdir():
            file.unlink()
        (root / wnid).rmdir()
        if number < 4:
            packed(tar)
    return root


def outer(root, prefix="winter21_whole/"):
    members = {f"{prefix}{path.name}": path.read_bytes() for path in sorted(flat(root / "tars").iterdir())}
    return write_tar(root / "winter21_whole.tar", members)


def fall11(root):
    return outer(root, "").rename(root / "fall11_whole.tar")


def outer_gz(root):
    return packed(outer(root))


def outer_of_compressed(root):
    members = {path.name: path.read_bytes() for path in sorted(compressed(root / "tars").iterdir())}
    return packed(write_tar(root / "mine.tar", members))


LAYOUTS = [flat, prefixed, compressed, folders, mixed, outer, fall11, outer_gz, outer_of_compressed]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def read(tmp_path):
    (tmp_path / "scratch").mkdir()
    return lambda path: offered("imagenet-21k", path, tmp_path / "scratch")


def plan(path, scratch, is_covered=lambda unit: False):
    return list(load_source("imagenet-21k").plan(PlanRequest(None, path, scratch, is_covered=is_covered)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images_under_the_same_ids_and_labels(layout, root, tmp_path):
    (tmp_path / "scratch").mkdir()
    found = {}
    for unit in plan(layout(root), tmp_path / "scratch"):
        for candidate in load_source("imagenet-21k").read(unit):
            assert candidate.status is None
            assert candidate.upstream_id not in found
            assert candidate.upstream_label == candidate.upstream_id[:9]
            assert unit.labels == (candidate.upstream_label,)
            found[candidate.upstream_id] = candidate.read()
    assert found == IMAGES


def test_every_layout_ends_in_the_same_data_set(tiny_manifest, tmp_path):
    """Its folder may lie beside the archives."""
    tiny = load_manifest(str(tiny_manifest))
    seen = set()
    for layout in (prefixed, folders, outer, outer_gz):
        place = tmp_path / layout.__name__
        place.mkdir()
        options = BuildOptions("imagenet-21k", place / "out", layout(place), jobs=1)
        for _ in range(2):
            build(tiny, options)
            seen.add(sums(place / "out"))
    assert len(seen) == 1


def test_one_archive_of_one_synset_is_a_source(root, read):
    wnid = WNIDS[0]
    path = write_tar(root / f"{wnid}.tar", SYNSETS[wnid])
    assert set(labels(read(path))) == {Path(name).stem for name in SYNSETS[wnid]}
    assert set(labels(read(packed(path)))) == {Path(name).stem for name in SYNSETS[wnid]}


def test_images_with_the_same_name_in_two_folders_are_two_images(root, read):
    for wnid in WNIDS[:2]:
        (root / wnid).mkdir()
        (root / wnid / "1.jpg").write_bytes(make_image(1))
    assert labels(read(root)) == {f"{wnid}_1": wnid for wnid in WNIDS[:2]}


# ---- the stream


def test_a_stream_is_unpacked_piece_by_piece_and_leaves_nothing(tiny_manifest, root, tmp_path):
    options = BuildOptions("imagenet-21k", tmp_path / "out", outer_gz(root), jobs=2)
    result = build(load_manifest(str(tiny_manifest)), options)
    assert sum(result.images.values()) == len(IMAGES)
    assert list((options.pool_folder / "imagenet-21k" / "scratch").iterdir()) == []


def test_of_a_stream_only_one_archive_lies_unpacked_at_a_time(root, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for unit in load_source("imagenet-21k").plan(PlanRequest(None, outer_gz(root), scratch)):
        assert [path.stem for path in scratch.iterdir()] == [unit.name]
        unit.temporary.unlink()


def test_what_the_pool_holds_is_not_copied_out_of_a_stream_again(root, tmp_path):
    path = outer_gz(root)
    first = plan(path, tmp_path)
    held = {unit.name for unit in first[:-1]}
    for unit in first:
        unit.temporary.unlink()
    again = plan(path, tmp_path, is_covered=lambda unit: unit.name in held)
    assert [(u.name, u.fingerprint) for u in again] == [(u.name, u.fingerprint) for u in first]
    assert [u.temporary is not None for u in again] == [False] * len(held) + [True]
    assert [p.stem for p in tmp_path.glob("*.tar")] == [first[-1].name]


def test_no_room_for_the_copy_is_an_error_and_no_damage(root, tmp_path, monkeypatch):
    (tmp_path / "scratch").touch()  # a folder that cannot be written, for root too
    with pytest.raises(OutputError, match=rf"{WNIDS[0]} could not be copied"):
        plan(outer_gz(root), tmp_path / "scratch")


def test_a_synset_twice_in_a_stream_is_told_and_the_first_is_taken(root, read):
    data = write_tar(root / "a.tar", SYNSETS[WNIDS[0]]).read_bytes()
    other = write_tar(root / "b.tar", SYNSETS[WNIDS[1]]).read_bytes()
    path = packed(write_tar(root / "mine.tar", {f"{WNIDS[0]}.tar": data, f"again/{WNIDS[0]}.tar": other}))
    candidates = read(path)
    assert set(labels(candidates).values()) == {WNIDS[0]}
    assert len(labels(candidates)) == 4
    assert statuses(candidates) == {WNIDS[0]: "repeated-id"}


# ---- what stands beside


@pytest.mark.parametrize("layout", [flat, prefixed, outer, outer_gz])
def test_what_else_lies_there_is_counted_and_what_people_keep_there_is_not(layout, root, tmp_path, read):
    path = layout(root)
    extras = {"mine.rar": b"1", "fish/x.JPEG": b"2"}
    kept = {"README.txt": b"", "winter21.md5": b"", ".DS_Store": b""}
    if path.is_dir():
        for name, data in (extras | kept).items():
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(data)
        told = {"mine": "not-an-image"}
    else:
        inner = {p.name: p.read_bytes() for p in (root / "tars").iterdir()}
        path = write_tar(root / "other.tar", inner | extras)
        path = packed(path) if layout is outer_gz else path
        told = {"mine": "not-an-image", "x": "not-an-image"}
    candidates = read(path)
    assert statuses(candidates) == told
    assert len(labels(candidates)) == len(IMAGES)


def test_extras_in_two_folders_are_all_counted(root, read):
    prefixed(root)
    (root / "one.rar").touch()
    (root / "winter21_whole" / "two.rar").touch()
    assert statuses(read(root)) == {"one": "not-an-image", "two": "not-an-image"}


@pytest.mark.parametrize("pack", [lambda path: path, packed])
def test_members_of_an_outer_archive_that_lead_out_of_it_are_unsafe(root, read, pack):
    data = write_tar(root / "a.tar", SYNSETS[WNIDS[0]]).read_bytes()
    names = [f"../{WNIDS[1]}.tar", f"/tmp/{WNIDS[2]}.tar", f"{WNIDS[0]}.tar"]
    candidates = read(pack(write_tar(root / "mine.tar", dict.fromkeys(names, data))))
    assert statuses(candidates) == {WNIDS[1]: "unsafe-member", WNIDS[2]: "unsafe-member"}
    assert len(labels(candidates)) == 4


def test_a_compressed_archive_inside_an_uncompressed_one_is_told(root, read):
    inner = packed(write_tar(root / f"{WNIDS[0]}.tar", SYNSETS[WNIDS[0]]))
    members = {inner.name: inner.read_bytes(), f"{WNIDS[1]}.tar": write_tar(root / "b", SYNSETS[WNIDS[1]]).read_bytes()}
    candidates = read(write_tar(root / "mine.tar", members))
    assert set(labels(candidates).values()) == {WNIDS[1]}
    (told,) = (c for c in candidates if c.status)
    assert "unpack the outer one" in told.detail


def test_a_bomb_inside_a_stream_costs_its_own_images_only(root, read):
    bomb = gzip.compress(bytes(200 * 2**20), 1)
    sound = write_tar(root / "b.tar", SYNSETS[WNIDS[1]]).read_bytes()
    path = write_tar(root / "mine.tar", {f"{WNIDS[0]}.tar.gz": bomb, f"{WNIDS[1]}.tar": sound})
    candidates = read(packed(path))
    assert statuses(candidates) == {f"{WNIDS[0]}@0": "damaged-archive"}
    assert len(labels(candidates)) == 4


# ---- damage


def test_a_cut_archive_of_a_synset_gives_what_stands_before_the_cut(root, read):
    flat(root)
    path = root / f"{WNIDS[0]}.tar"
    path.write_bytes(path.read_bytes()[:3000])
    damaged = packed(root / f"{WNIDS[1]}.tar")
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size * 5 // 8])
    candidates = read(root)
    of = {wnid: sum(label == wnid for label in labels(candidates).values()) for wnid in WNIDS}
    assert of == {WNIDS[0]: 1, WNIDS[1]: 2} | dict.fromkeys(WNIDS[2:], 4)
    assert sorted(statuses(candidates).values()) == ["damaged-archive"] * 2
    assert all(IMAGES[c.upstream_id] == c.read() for c in candidates if not c.status)


@pytest.mark.parametrize("pack", [lambda path: path, packed])
def test_a_cut_archive_of_archives_gives_what_stands_before_the_cut(root, tmp_path, pack):
    path = pack(outer(root))
    whole = path.read_bytes()
    seen = set()
    for share in (0.9, 0.7, 0.5, 0.3):
        path.write_bytes(whole[: int(len(whole) * share)])
        kept, damage = {}, 0
        for unit in plan(path, tmp_path):
            for candidate in load_source("imagenet-21k").read(unit):
                if candidate.status is None:
                    kept[candidate.upstream_id] = candidate.read()
                damage += candidate.status == "damaged-archive"
        assert kept.items() <= IMAGES.items()
        assert damage > 0
        seen.add(len(kept))
    assert len(seen) == 4


def test_a_damaged_stream_gives_the_same_units_when_its_synsets_are_in_the_pool(root, tmp_path):
    path = outer_gz(root)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    for broken in (bytes(data), bytes(data[: len(data) // 3])):
        path.write_bytes(broken)
        first, again = plan(path, tmp_path), plan(path, tmp_path, is_covered=lambda unit: True)
        assert [(u.name, u.fingerprint, u.payload) for u in first] == [
            (u.name, u.fingerprint, u.payload) for u in again
        ]
        assert first[-1].payload.status == "damaged-archive"


def test_a_build_of_a_cut_stream_keeps_every_image_before_the_cut(tiny_manifest, root, tmp_path):
    path = outer_gz(root)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    options = BuildOptions("imagenet-21k", tmp_path / "out", path, jobs=1)
    result = build(load_manifest(str(tiny_manifest)), options)
    assert result.statuses["ok"] > len(IMAGES) / 2
    assert result.statuses["ok"] % 4, "the archive in which it breaks gives the images before the break too"
    assert result.statuses["damaged-archive"] == 2  # the inner archive, and the outer
    assert list((options.pool_folder / "imagenet-21k" / "scratch").iterdir()) == []


# ---- what is no source


def test_a_missing_an_empty_and_an_odd_path_are_clear_errors(root, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path, why in (
        (None, "needs --from"),
        (tmp_path / "gone", "cannot be read: No such file"),
        (root, "is an empty folder"),
        (tmp_path / "fifo", "is neither a file nor a folder"),
    ):
        with pytest.raises(SourceError, match=why) as raised:
            plan(path, tmp_path)
        assert "winter21_whole.tar.gz" in raised.value.hint


@pytest.mark.parametrize("data", [b"", b"<html>", make_image(1), gzip.compress(b"no tar", mtime=0), b"\0" * 2048])
def test_a_file_that_is_no_archive_of_archives_is_a_clear_error(root, tmp_path, data):
    path = root / "winter21.tar.gz"
    path.write_bytes(data)
    with pytest.raises(SourceError, match="without anything of the source imagenet-21k"):
        plan(path, tmp_path)


@pytest.mark.parametrize("pack", [lambda path: path, packed])
def test_an_archive_of_images_that_names_no_synset_is_a_clear_error(root, tmp_path, pack):
    with pytest.raises(SourceError, match="without anything of the source"):
        plan(pack(write_tar(root / "fish.tar", SYNSETS[WNIDS[0]])), tmp_path)


@pytest.mark.parametrize("name", [WNIDS[0], f"{WNIDS[1]}.tar", f"{WNIDS[1]}.tar.gz"])
def test_a_file_in_place_of_a_folder_or_the_other_way_round_is_a_clear_error(root, tmp_path, name):
    folders(root)
    if name == WNIDS[0]:
        for file in (root / name).iterdir():
            file.unlink()
        (root / name).rmdir()
        (root / name).touch()
    else:
        (root / name).mkdir()
    with pytest.raises(SourceError, match=re.escape(name)) as raised:
        plan(root, tmp_path)
    assert "should be" in raised.value.message


def test_an_archive_that_leads_nowhere_is_a_clear_error(root, tmp_path):
    flat(root)
    (root / "n09999999.tar").symlink_to(root / "gone")
    with pytest.raises(SourceError, match="n09999999"):
        plan(root, tmp_path)


def test_a_synset_twice_is_a_clear_error_with_both_places(root, tmp_path):
    prefixed(root)
    twice = write_tar(root / f"{WNIDS[0]}.tar", SYNSETS[WNIDS[0]])
    with pytest.raises(SourceError, match="is there twice") as raised:
        plan(root, tmp_path)
    assert str(twice) in raised.value.message
    assert "winter21_whole" in raised.value.message


OTHERS = {
    "imagenet-1k": [
        ("ILSVRC2012_img_train.tar", "ILSVRC2012_devkit_t12.tar.gz"),
        ("ILSVRC/Data/CLS-LOC/train/x", "LOC_synset_mapping.txt"),
        (f"train/{WNIDS[0]}/x.JPEG", f"val/{WNIDS[0]}/x.JPEG"),
        (f"train/{WNIDS[0]}/x.JPEG", "val/ILSVRC2012_val_00000001.JPEG"),
    ],
    "tiny-imagenet": [
        ("tiny-imagenet-200.zip",),
        ("tiny-imagenet-200/wnids.txt",),
        (f"train/{WNIDS[0]}/images/x.JPEG", "wnids.txt"),
        (f"train/{WNIDS[0]}/images/x.JPEG", "val/val_annotations.txt"),
    ],
    "imagenet-21k": [
        (f"winter21_whole/{WNIDS[0]}.tar",),
        ("winter21_whole.tar.gz",),
        ("fall11_whole.tar",),
        (f"{WNIDS[0]}.tar", f"{WNIDS[1]}.tar"),
    ],
}


@pytest.mark.parametrize(
    ("wanted", "other", "names"),
    [
        (wanted, other, names)
        for other, layouts in OTHERS.items()
        for names in layouts
        for wanted in OTHERS
        # The extracted train of ImageNet-1K is a folder of archives of synsets too.
        if wanted != other and not (wanted == "imagenet-1k" and f"{WNIDS[0]}.tar" in names)
    ],
)
def test_the_folder_of_another_source_gives_the_hint_that_names_it(root, tmp_path, wanted, other, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    with pytest.raises(SourceError) as raised:
        list(load_source(wanted).plan(PlanRequest(None, root, tmp_path)))
    assert raised.value.hint == f"this looks like the source {other}: --source {other}"


@pytest.mark.parametrize("name", ["ILSVRC2012_img_train.tar", "tiny-imagenet-200.zip"])
def test_the_file_of_another_source_gives_the_hint_that_names_it(root, tmp_path, name):
    path = outer(root).rename(root / name)
    with pytest.raises(SourceError) as raised:
        plan(path, tmp_path)
    assert "--source " + ("imagenet-1k" if "ILSVRC" in name else "tiny-imagenet") in raised.value.hint


@pytest.mark.parametrize("given", ["winter21_whole", "winter21_whole/.", "."])
def test_the_folder_of_winter21_is_not_imagenet_1k_however_it_is_given(root, tmp_path, monkeypatch, given):
    monkeypatch.chdir(prefixed(root) / "winter21_whole" if given == "." else prefixed(root))
    with pytest.raises(SourceError, match="is not of the source imagenet-1k") as raised:
        load_source("imagenet-1k").plan(PlanRequest(None, Path(given), tmp_path))
    assert raised.value.hint.endswith("--source imagenet-21k")


def test_a_changed_archive_is_another_unit_and_an_untouched_one_is_not(root, tmp_path):
    for layout in (flat, folders, outer):
        path = layout(root / layout.__name__)
        first = {u.name: u.fingerprint for u in plan(path, tmp_path)}
        assert first == {u.name: u.fingerprint for u in plan(path, tmp_path)}
        changed = {"flat": f"{WNIDS[0]}.tar", "folders": f"{WNIDS[0]}/{WNIDS[0]}_1.JPEG"}.get(layout.__name__, "")
        os.utime(path / changed if changed else path, ns=(1, 1))
        assert {u.name: u.fingerprint for u in plan(path, tmp_path)}[WNIDS[0]] != first[WNIDS[0]]


def test_nothing_of_a_image_is_read_to_plan(root, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "read_span", lambda *_: pytest.fail("an image was read"))
    assert len(plan(outer(root), tmp_path)) == len(WNIDS)
