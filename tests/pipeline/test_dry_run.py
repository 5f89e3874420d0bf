"""A dry run counts what a build would read, images and bytes apart, and does nothing else."""

import json
import shutil
from dataclasses import replace

import pytest

from dmlkit.cli.build import describe_dry_run
from dmlkit.pipeline.build import build
from dmlkit.pipeline.dry_run import dry_run
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, TOML, write_manifest


@pytest.fixture
def tiny(tiny_manifest):
    return load_manifest(str(tiny_manifest))


@pytest.fixture
def options(tmp_path, tiny_source):
    return BuildOptions("imagenet-21k", tmp_path / "out", tiny_source, jobs=1)


def file_bytes(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_units_labels_and_classes_are_counted(tiny, options):
    write_tar(options.path / f"{CLASSES[0].middle_id}.tar", {"n_1.JPEG": make_image(1)})
    facts = dry_run(tiny, options)
    assert (facts["units"], facts["fine"], facts["of_fine"], facts["settled"]) == (9, 8, 8, 0)
    assert facts["labels"] == {"ok": 8, "above": 1}


def test_units_in_the_pool_are_counted(tiny, options):
    build(tiny, options)
    assert dry_run(tiny, options)["settled"] == len(CLASSES)


def test_nothing_is_written(tiny, options, tmp_path):
    dry_run(tiny, options)
    assert {p.name for p in tmp_path.iterdir()} == {"tiny", "tars"}


def test_tars_have_bytes_but_unknown_images(tiny, options):
    facts = dry_run(tiny, options)
    assert (facts["images"], facts["bytes"]) == (None, file_bytes(options.path))
    text = describe_dry_run(facts)
    assert f"bytes     {facts['bytes']:,} " in text
    assert "\nimages " not in text


def test_folders_have_images_and_bytes(tiny, options, tmp_path):
    for tar in options.path.iterdir():
        shutil.unpack_archive(tar, tmp_path / "folders" / tar.stem)
    facts = dry_run(tiny, replace(options, path=tmp_path / "folders"))
    assert (facts["images"], facts["bytes"]) == (6 * len(CLASSES), file_bytes(tmp_path / "folders"))
    text = describe_dry_run(facts)
    assert "images    48 " in text
    assert f"bytes     {facts['bytes']:,} " in text


def test_sample_has_images_but_unknown_bytes(tmp_path):
    toml = TOML + '[sample]\ndrawing = "animal"\nper_class = 3\n'
    tiny = load_manifest(str(write_manifest(tmp_path / "drawn", toml=toml)))
    facts = dry_run(tiny, BuildOptions("sample", tmp_path / "out"))
    assert (facts["images"], facts["bytes"]) == (3 * len(CLASSES), None)
    text = describe_dry_run(facts)
    assert "images    24 " in text
    assert "\nbytes " not in text
    assert json.loads(json.dumps(facts)) == facts


def test_download_is_named_and_not_fetched(options, monkeypatch, tmp_path):
    monkeypatch.setenv("DMLKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("dmlkit.storage.download.download", lambda *_, **__: pytest.fail("a dry run downloaded"))
    facts = dry_run(load_manifest("animal"), replace(options, source="tiny-imagenet", path=None))
    assert facts["download"]["bytes"] == 248_100_043
    assert (facts["images"], facts["bytes"]) == (None, None)
    assert not (tmp_path / "home").exists()
