"""A build from source to dataset folder: what is in it, what is not and why, and that input decides every byte."""

import json
import shutil
from dataclasses import replace

import pytest
from datasets import load_dataset

from dmlkit.dataset.validate import validate
from dmlkit.errors import OutputError, PoolError, SourceError, TaxonomyError, UsageError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.pipeline.pool import Pool
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, WHALE, sums, write_manifest, write_source
from tests.support.reads import note_reads

FINE = [c.fine_id for c in CLASSES]
TEST_FINE = [c.fine_id for c in CLASSES if c.split == "test"]


@pytest.fixture
def tiny(tiny_manifest):
    return load_manifest(str(tiny_manifest))


@pytest.fixture
def options(tmp_path, tiny_source):
    return BuildOptions("imagenet-21k", tmp_path / "out", tiny_source, jobs=1)


def rejected(folder):
    import pandas as pd

    return pd.read_parquet(folder / "rejected.parquet").set_index("image_id")


def ids(folder):
    return {split: rows["image_id"][:] for split, rows in load_dataset(str(folder)).items()}


def test_every_good_image_has_its_three_labels(tiny, options):
    result = build(tiny, options)
    loaded = load_dataset(str(options.out))
    assert {split: len(rows) for split, rows in loaded.items()} == result.images
    assert sum(result.images.values()) == 6 * len(CLASSES) == result.statuses["ok"]
    class_by_id = {c.fine_id: c for c in CLASSES}
    for split, rows in loaded.items():
        names = {scale: rows.features[scale].names for scale in ("fine", "middle", "coarse")}
        for row in rows:
            c = class_by_id[row["upstream_label"]]
            assert [names[scale][row[scale]] for scale in names] == [c.fine, c.middle, c.coarse]
            assert (split == "train") == (c.split == "train")
            assert row["image_id"].startswith(f"imagenet-21k/{c.fine_id}_")
            assert row["image"].mode == "RGB"
            assert row["image"].size == (row["width"], row["height"])
    assert validate(options.out) == []


def test_every_test_class_is_on_both_sides(tiny, options):
    build(tiny, options)
    loaded = load_dataset(str(options.out))
    for scale in ("fine", "middle", "coarse"):
        assert set(loaded["query"][scale][:]) <= set(loaded["gallery"][scale][:])
        assert set(loaded["query"][scale][:]) == set(loaded["gallery"][scale][:])
    assert len(set(loaded["query"]["fine"][:])) == len(TEST_FINE)


def test_bytes_do_not_depend_on_workers_or_order(tiny, options, tmp_path):
    build(tiny, options)
    build(tiny, replace(options, out=tmp_path / "two", jobs=2))
    build(tiny, replace(options, out=tmp_path / "again", pool=options.pool_folder))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in sorted(options.path.iterdir(), reverse=True):
        shutil.copyfile(path, moved / path.name)
    build(tiny, replace(options, out=tmp_path / "moved", path=moved))
    assert sums(options.out) == sums(tmp_path / "two") == sums(tmp_path / "again") == sums(tmp_path / "moved")


def test_second_build_is_not_read_from_a_cache(tiny, options):
    build(tiny, options)
    before = load_dataset(str(options.out))["train"]["sha256"][:]
    tar = options.path / f"{FINE[0]}.tar"
    members = {f"{FINE[0]}_{i}.JPEG": make_image(98_000 + i) for i in range(6)}
    write_tar(tar, members)
    build(tiny, options)
    after = load_dataset(str(options.out))["train"]["sha256"][:]
    assert len(before) == len(after)
    assert len(set(after) - set(before)) == 6


def test_one_duplicate_stays_contradicting_ones_go(tiny, options):
    same, shared = make_image(97001), make_image(97002)
    first, second = FINE[0], FINE[1]
    extra = {f"{first}_{i}.JPEG": make_image(97100 + i) for i in range(4)}
    write_tar(options.path / f"{first}.tar", {**extra, f"{first}_90.JPEG": same, f"{first}_91.JPEG": same,
                                              f"{first}_92.JPEG": shared})  # fmt: skip
    write_tar(options.path / f"{second}.tar", {f"{second}_1.JPEG": make_image(97200), f"{second}_92.JPEG": shared})
    result = build(tiny, options)
    assert (result.statuses["duplicate"], result.statuses["conflicting-duplicate"]) == (1, 2)
    out = rejected(options.out)
    (kept,) = {f"imagenet-21k/{first}_90", f"imagenet-21k/{first}_91"} - set(out.index)
    assert out[out["status"] == "duplicate"]["duplicate_of"].tolist() == [kept]
    both = out[out["status"] == "conflicting-duplicate"]
    assert set(both.index) == {f"imagenet-21k/{first}_92", f"imagenet-21k/{second}_92"}
    assert both["duplicate_of"].to_dict() == dict(zip(both.index, both.index[::-1], strict=True))
    assert all(first in detail and second in detail for detail in both["detail"])
    assert not out.isna().any(axis=None)


def test_image_also_under_an_excluded_label_is_out(tiny, options):
    shared = make_image(97301)
    write_tar(options.path / f"{FINE[0]}.tar", {f"{FINE[0]}_1.JPEG": shared, f"{FINE[0]}_2.JPEG": make_image(97302)})
    write_tar(options.path / f"{WHALE.label}.tar", {f"{WHALE.label}_1.JPEG": shared})
    result = build(tiny, options)
    assert result.statuses["excluded"] == 1
    assert rejected(options.out).loc[f"imagenet-21k/{FINE[0]}_1", "status"] == "conflicting-duplicate"


def test_image_also_under_its_middle_class_is_kept(tiny, options):
    shared = make_image(97401)
    write_tar(options.path / f"{FINE[0]}.tar", {f"{FINE[0]}_1.JPEG": shared})
    write_tar(options.path / f"{CLASSES[0].middle_id}.tar", {"n_1.JPEG": shared, "n_2.JPEG": make_image(97402)})
    result = build(tiny, options)
    assert result.statuses["above"] == 2
    assert f"imagenet-21k/{FINE[0]}_1" in ids(options.out)["train"]


def test_candidates_add_up_for_every_fault(tiny, options):
    members = {
        "a.JPEG": b"",
        "b.JPEG": b"<html>quota</html>",
        "c.JPEG": make_image(97501)[:-300],
        "d.JPEG": make_image(97502, 8, 8),
        "e.JPEG": make_image(97503, kind="PNG"),
        "f.txt": make_image(97504, mode="CMYK"),
        "g": b"\0" * 50,
    }
    write_tar(options.path / f"{FINE[0]}.tar", members)
    result = build(tiny, options)
    expected = {"empty": 1, "html-page": 1, "truncated": 1, "too-small": 1, "not-an-image": 1, "ok": 7 * 6 + 2}
    assert result.statuses == expected
    assert len(rejected(options.out)) == sum(expected.values()) - expected["ok"]


def test_test_class_with_one_image_is_missing(tiny, options):
    write_tar(options.path / f"{TEST_FINE[0]}.tar", {f"{TEST_FINE[0]}_1.JPEG": make_image(97601)})
    result = build(tiny, options)
    assert result.statuses["class-too-small"] == 1
    assert (result.coverage["fine"].num_covered, result.coverage["fine"].reached) == (7, False)
    assert result.missing == [f"{TEST_FINE[0]} ({CLASSES[FINE.index(TEST_FINE[0])].fine})"]


def test_limit_keeps_the_same_images_from_any_pool(tiny, options, tmp_path):
    build(tiny, options)
    limited = replace(options, limit=3)
    result = build(tiny, replace(limited, out=tmp_path / "fresh"))
    build(tiny, replace(limited, out=tmp_path / "full", pool=options.pool_folder))
    assert result.statuses == {"ok": 3 * len(CLASSES), "over-limit": 3 * len(CLASSES)}
    assert sums(tmp_path / "fresh") == sums(tmp_path / "full")
    chosen = {i for of in ids(tmp_path / "fresh").values() for i in of}
    assert chosen < {i for of in ids(options.out).values() for i in of}


def test_size_resizes_and_is_recorded(tiny, options):
    write_tar(options.path / f"{FINE[0]}.tar", {f"{FINE[0]}_1.JPEG": make_image(97701, 400, 200)})
    build(tiny, replace(options, shorter_side_px=64))
    sizes = {row["image_id"]: row["image"].size for row in load_dataset(str(options.out))["train"]}
    assert sizes.pop(f"imagenet-21k/{FINE[0]}_1") == (128, 64)
    assert set(sizes.values()) == {(48, 40)}
    facts = json.loads((options.out / "build.json").read_text())
    assert facts["options"]["size"] == 64
    assert "HAMMING" in facts["resizing"]
    assert "HAMMING" in (options.out / "README.md").read_text()


def test_only_changed_units_are_collected_again(tiny, options, monkeypatch):
    build(tiny, options)
    before = sums(options.out)
    write_tar(options.path / f"{FINE[3]}.tar", {f"{FINE[3]}_{i}.JPEG": make_image(97800 + i) for i in range(6)})
    reads = note_reads(monkeypatch)
    build(tiny, options)
    assert reads == [FINE[3]]
    assert sums(options.out) != before


def test_new_exclusion_or_split_reads_no_image(tiny_manifest, options, monkeypatch):
    build(load_manifest(str(tiny_manifest)), options)
    reads = note_reads(monkeypatch)
    changed = [replace(c, split="test" if c.middle == "dog" else "train") for c in CLASSES]
    write_manifest(tiny_manifest, changed)
    build(load_manifest(str(tiny_manifest)), options)
    assert len(set(load_dataset(str(options.out))["query"]["fine"][:])) == 2
    write_manifest(tiny_manifest, changed[1:])
    with (tiny_manifest / "excluded.tsv").open("a") as file:
        file.write(f"{FINE[0]}\tdog 1\twe have enough\n")
    result = build(load_manifest(str(tiny_manifest)), options)
    assert result.statuses["excluded"] == 6
    assert reads == []


def test_unknown_labels_stop_before_reading(tiny, options, monkeypatch):
    write_tar(options.path / "n77777777.tar", {"n77777777_1.JPEG": make_image(1)})
    reads = note_reads(monkeypatch)
    with pytest.raises(TaxonomyError) as error:
        build(tiny, options)
    assert (error.value.code, error.value.facts["labels"]) == ("taxonomy.unplaced-labels", ("n77777777",))
    assert reads == []


def test_build_that_cannot_begin_leaves_nothing(tiny, options, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError):
        build(tiny, replace(options, path=tmp_path / "empty"))
    assert {p.name for p in tmp_path.iterdir()} == {"tiny", "tars", "empty"}


def test_source_without_good_images_is_an_error(tiny, options):
    for path in options.path.iterdir():
        write_tar(path, {"x.JPEG": b"no image"})
    with pytest.raises(SourceError) as error:
        build(tiny, options)
    assert error.value.code == "source.no-good-images"
    assert error.value.facts["statuses"] == {"not-an-image": 8}
    assert not options.out.exists()


@pytest.mark.parametrize(
    ("change", "code", "facts"),
    [
        ({"jobs": 0}, "usage.below-one", {"option": "--jobs", "value": 0}),
        ({"limit": 0}, "usage.below-one", {"option": "--limit", "value": 0}),
        ({"shorter_side_px": 0}, "usage.below-one", {"option": "--size", "value": 0}),
        ({"shorter_side_px": 16}, "usage.size-too-small", {"value": 16}),
        ({"source": "tiny-imagenet"}, "usage.source-not-accepted", {"name": "tiny-imagenet"}),
        ({"source": "imagenet"}, "usage.source-not-accepted", {"name": "imagenet"}),
    ],
)
def test_meaningless_options_are_refused(tiny, options, change, code, facts):
    with pytest.raises(UsageError) as error:
        build(tiny, replace(options, **change))
    assert error.value.code == code
    assert facts.items() <= error.value.facts.items()


@pytest.mark.parametrize(
    "text", ["{}", "[]", "no json", '{"manifest": {"name": "other"}, "source": {"name": "sample"}}']
)
def test_foreign_output_folder_is_left_alone(tiny, options, text):
    options.out.mkdir()
    (options.out / "build.json").write_text(text)
    (options.out / "thesis.doc").write_text("years of work")
    with pytest.raises(OutputError) as error:
        build(tiny, options)
    assert error.value.code == ("output.other-owner" if "other" in text else "output.not-ours")
    assert (options.out / "thesis.doc").read_text() == "years of work"
    assert not options.pool_folder.exists()


def test_output_that_is_a_file_is_left_alone(tiny, options):
    options.out.write_text("a file")
    with pytest.raises(OutputError) as error:
        build(tiny, options)
    assert error.value.code == "output.not-ours"
    assert options.out.read_text() == "a file"


def test_only_a_sample_is_replaced_by_a_source(tiny, options):
    build(tiny, options)
    with pytest.raises(OutputError):
        build(tiny, replace(options, source="sample", path=None))
    facts = json.loads((options.out / "build.json").read_text())
    facts["source"]["name"] = "sample"
    (options.out / "build.json").write_text(json.dumps(facts))
    build(tiny, options)
    assert json.loads((options.out / "build.json").read_text())["source"]["name"] == "imagenet-21k"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"notes.txt": "mine"}, "pool.foreign"),
        ({"pool.json": "{", "x": ""}, "pool.foreign"),
        ({"pool.json": '{"dmlkit": "pool", "format": 1, "source": "sample"}'}, "pool.other-source"),
        ({"pool.json": '{"dmlkit": "pool", "format": 0, "source": "imagenet-21k"}'}, "pool.other-format"),
    ],
)
def test_foreign_pool_is_left_alone(tiny, options, tmp_path, content, code):
    folder = tmp_path / "pool" / "imagenet-21k"
    folder.mkdir(parents=True)
    for name, text in content.items():
        (folder / name).write_text(text)
    with pytest.raises(PoolError) as error:
        build(tiny, replace(options, pool=tmp_path / "pool"))
    assert error.value.code == code
    assert {p.name: p.read_text() for p in folder.iterdir()} == content


def test_pool_in_use_is_an_error(tiny, options):
    with Pool(options.pool_folder, "imagenet-21k"), pytest.raises(PoolError) as error:
        build(tiny, options)
    assert error.value.code == "pool.in-use"


def test_pool_that_is_a_file_is_an_error(tiny, options, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PoolError) as error:
        build(tiny, replace(options, pool=tmp_path / "file"))
    assert error.value.code == "pool.not-a-folder"


def test_pool_inside_the_output_is_refused(tiny, options):
    with pytest.raises(UsageError) as error:
        build(tiny, replace(options, pool=options.out / "pool"))
    assert error.value.code == "usage.pool-inside-out"


def test_damaged_pool_files_are_collected_again(tiny, options):
    build(tiny, options)
    before = sums(options.out)
    pool = options.pool_folder / "imagenet-21k"
    (pool / f"{FINE[0]}.bin").write_bytes(b"short")
    (pool / f"{FINE[1]}.parquet").write_bytes(b"PAR1 not")
    (pool / f"{FINE[2]}.parquet").unlink()
    build(tiny, options)
    assert sums(options.out) == before


def test_folder_contains_no_path_of_the_machine(tiny, options, tmp_path):
    build(tiny, options)
    for path in options.out.rglob("*"):
        if path.is_file():
            assert str(tmp_path).encode() not in path.read_bytes(), path
    write_source(tmp_path / "unused", 1)
