"""Publishing without images: a dataset is pushed as ids and rebuilt from a copy of the source."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from dmlkit.cli.build import build as command
from dmlkit.dataset.validate import validate
from dmlkit.errors import HubError, ManifestError, SourceError, UsageError
from dmlkit.hub.content import PushOptions
from dmlkit.hub.push import push_dataset
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import load_manifest
from tests.support import hub_client
from tests.support.errors import raises
from tests.support.hub_server import Blob
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, TOML, build_folder, sums, write_manifest, write_source
from tests.support.online_products import archive_files

REPO = "me/tiny"
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, against its own


@pytest.fixture
def pushed(hub, good_folder):
    push_dataset(good_folder, PushOptions(REPO))
    return hub.repos[REPO]


@pytest.fixture
def own(good_folder, tmp_path):
    """Copy the source, as a person has it."""
    return shutil.copytree(good_folder.parent / "tars", tmp_path / "own")


def again(*args):
    return command.main(["--from-hub", REPO, "--jobs", "1", *map(str, args)], standalone_mode=False)


def rejected(folder):
    return {row["image_id"]: row for row in pq.read_table(folder / "rejected.parquet").to_pylist()}


def rows(folder):
    columns = ["image_id", "fine", "middle", "coarse", "sha256"]
    return {
        split: pq.read_table(folder / f"data/{split}-00000-of-00001.parquet", columns=columns).to_pylist()
        for split in ("train", "query", "gallery")
    }


def test_same_source_gives_same_dataset(pushed, good_folder, own, tmp_path, capsys):
    out = tmp_path / "again"
    assert again("--from", own, "--out", out) == 0
    assert sums(out) == sums(good_folder)  # card, figure and rejected candidates too
    assert "byte for byte" in capsys.readouterr().out
    assert validate(out, jobs=1) == []
    facts = json.loads((out / "build.json").read_text())
    assert facts["manifest"] == json.loads((good_folder / "build.json").read_text())["manifest"]
    assert facts["notes"] == [f"made again from {REPO} at {pushed.refs['refs/heads/main']}"]


def test_public_dataset_needs_no_token(pushed, own, tmp_path, monkeypatch):
    hub_client.log_in(monkeypatch, None)
    assert again("--from", own, "--out", tmp_path / "again", "--quiet") == 0


def test_lost_and_unlisted_images_are_listed(pushed, good_folder, own, tmp_path, capsys):
    tar = own / f"{CLASSES[0].fine_id}.tar"
    members = {f"{CLASSES[0].fine_id}_{i}.JPEG": make_image(i) for i in range(6)}
    del members["n01110001_0.JPEG"]
    members["n01110001_1.JPEG"] = make_image(99_999)
    members["n01110001_2.JPEG"] = members["n01110001_2.JPEG"][:-300]
    members["n01110001_7.JPEG"] = make_image(99_998)
    write_tar(tar, members)
    (own / f"{CLASSES[3].fine_id}.tar").unlink()
    out = tmp_path / "again"
    assert again("--from", own, "--out", out, "--json") == 3
    printed = capsys.readouterr()
    facts = json.loads(printed.out)["published"]
    statuses = {lost["image_id"].removeprefix("imagenet-21k/"): lost["status"] for lost in facts["lost"]}
    assert statuses == {
        "n01110001_0": "missing",
        "n01110001_1": "changed",
        "n01110001_2": "truncated",
        **{f"{CLASSES[3].fine_id}_{i}": "missing" for i in range(6)},
    }
    assert (facts["same"], facts["unlisted"], facts["images"]) == (False, 1, 48)
    for name, status in statuses.items():
        assert f"{status} imagenet-21k/{name}: " in printed.err
    rejected_rows = rejected(out)
    assert {i.partition("/")[2]: row["status"] for i, row in rejected_rows.items()} == statuses | {
        "n01110001_7": "unlisted"
    }
    lost = {f"imagenet-21k/{name}" for name in statuses}
    kept = {split: [r for r in listed if r["image_id"] not in lost] for split, listed in rows(good_folder).items()}
    assert rows(out) == kept  # the others keep label, side and place


def test_partial_copy_is_accepted_if_allowed(pushed, own, tmp_path):
    (own / f"{CLASSES[0].fine_id}.tar").unlink()
    assert again("--from", own, "--out", tmp_path / "again", "--allow-partial", "--quiet") == 0


def test_changed_label_loses_its_images(pushed, own, tmp_path, capsys):
    first, other = (own / f"{c.fine_id}.tar" for c in CLASSES[:2])
    first.rename(own / "n09999999.tar")
    assert other.exists()
    assert again("--from", own, "--out", tmp_path / "again", "--json") == 3
    lost = json.loads(capsys.readouterr().out)["published"]["lost"]
    assert len(lost) == 6
    assert {one["status"] for one in lost} <= {"changed", "missing"}


def test_limit_holds_for_a_larger_copy(hub, tmp_path):
    """Images that only this copy has may come before the published ones in the order of ids."""
    few = write_source(tmp_path / "few", 6)
    more = write_source(tmp_path / "more", 40)
    tiny = load_manifest(str(write_manifest(tmp_path / "tiny")))
    first = build(tiny, BuildOptions("imagenet-21k", tmp_path / "first", few, limit=3, jobs=1)).out
    push_dataset(first, PushOptions(REPO))
    out = tmp_path / "again"
    assert again("--from", more, "--out", out, "--quiet") == 0
    assert rows(out) == rows(first)
    assert {row["status"] for row in rejected(out).values()} == {"over-limit", "unlisted"}


def test_smaller_size_is_rebuilt(hub, tmp_path):
    source = write_source(tmp_path / "tars", 3)
    tiny = load_manifest(str(write_manifest(tmp_path / "tiny")))
    first = build(tiny, BuildOptions("imagenet-21k", tmp_path / "first", source, shorter_side_px=32, jobs=1)).out
    push_dataset(first, PushOptions(REPO))
    assert again("--from", source, "--out", tmp_path / "again", "--quiet") == 0
    assert sums(tmp_path / "again") == sums(first)


def test_classes_of_the_source_are_rebuilt(hub, tmp_path):
    name = "stanford-online-products"
    for path, data in archive_files().items():
        target = tmp_path / "from" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    options = BuildOptions(name, tmp_path / "first", tmp_path / "from", jobs=1)
    first = build(load_manifest("product"), options).out
    push_dataset(first, PushOptions(REPO))
    assert again("--from", tmp_path / "from", "--out", tmp_path / "again", "--quiet") == 0
    assert sums(tmp_path / "again") == sums(first)


def test_older_revision_is_rebuilt(hub, good_folder, own, tmp_path):
    push_dataset(good_folder, PushOptions(REPO))
    newer = build_folder(tmp_path / "newer", TOML.replace("1.0.0", "2.0.0"), per_class=4)
    push_dataset(newer, PushOptions(REPO))
    assert again("--from", own, "--out", tmp_path / "old", "--revision", "v1.0.0", "--quiet") == 0
    assert sums(tmp_path / "old") == sums(good_folder)
    assert again("--from", own, "--out", tmp_path / "new", "--revision", "v2.0.0", "--quiet") == 0
    assert sums(tmp_path / "new") != sums(good_folder)
    with raises(HubError, "hub.no-revision", repo=REPO):
        again("--from", own, "--out", tmp_path / "none", "--revision", "v3")


def test_dry_run_needs_no_source(pushed, tmp_path, capsys):
    assert again("--dry-run", "--json", "--out", tmp_path / "again") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["dataset"], facts["source"], facts["images"]["train"]) == ("tiny", "imagenet-21k", 24)
    assert not (tmp_path / "again").exists()


def test_copy_of_another_source_is_refused(pushed, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError):
        again("--from", tmp_path / "empty", "--out", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("args", "name"),
    [(["animal"], "animal"), (["--source", "sample"], "--source"), (["--limit", "3"], "--limit")],
)
def test_options_decided_by_the_hub_are_refused(hub, args, name):
    with raises(UsageError, "usage.decided-by-hub", name=name):
        again(*args)
    assert hub.requests == []


def test_rebuild_needs_a_copy_of_the_source(hub):
    with raises(UsageError, "usage.no-copy-of-source"):
        again()
    assert hub.requests == []


def test_revision_without_from_hub_is_refused():
    with raises(UsageError, "usage.revision-without-from-hub"):
        command.main(["animal", "--revision", "v1"], standalone_mode=False)


def test_build_without_dataset_is_refused():
    with raises(UsageError, "usage.no-dataset"):
        command.main([], standalone_mode=False)


def test_repository_with_images_is_not_rebuilt(hub, good_folder, own):
    push_dataset(good_folder, PushOptions(REPO, private=True, with_images=True))
    with raises(UsageError, "usage.has-images", repo=REPO):
        again("--from", own)


def test_private_repository_is_hidden_from_others(hub, own, monkeypatch, good_folder):
    push_dataset(good_folder, PushOptions(REPO, private=True))
    hub_client.log_in(monkeypatch, None)
    with raises(HubError, "hub.no-repository", repo=REPO):
        again("--from", own)


@pytest.mark.parametrize("name", ["data/train-00000-of-00001.parquet", "hierarchy/train-00000-of-00001.parquet"])
def test_file_with_other_checksum_is_refused(pushed, own, tmp_path, name):
    blobs = pushed.commits[pushed.refs["refs/heads/main"]]
    data = pushed.files()[name.replace("train-", "query-") if name.startswith("data") else "rejected.parquet"]
    pushed.commit("refs/heads/main", blobs | {name: Blob(data, True)})
    with raises(HubError, "hub.changed-file", repo=REPO, name=name):
        again("--from", own, "--out", tmp_path / "again")


def change_facts(pushed, change):
    """Commit a build.json with other values at its top level."""
    blobs = pushed.commits[pushed.refs["refs/heads/main"]]
    facts = json.loads(pushed.files()["build.json"])
    pushed.commit("refs/heads/main", blobs | {"build.json": Blob(json.dumps(facts | change).encode(), False)})


def test_hostile_manifest_name_is_refused(pushed, own, tmp_path):
    manifest = json.loads(pushed.files()["build.json"])["manifest"]
    change_facts(pushed, {"manifest": manifest | {"name": "../../up"}})
    with raises(ManifestError, "manifest.contradictory") as error:
        again("--from", own, "--out", tmp_path / "again")
    assert [fault.subject for fault in error.value.facts["faults"]] == ["../../up"]


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"manifest": {"name": "tiny", "settings": "none"}}, "settings"),
        ({"options": 3}, "options"),
        ({"format": 99}, "99"),
    ],
)
def test_malformed_build_json_is_refused(pushed, own, tmp_path, change, subject):
    change_facts(pushed, change)
    with raises(HubError, "hub.bad-build-json", repo=REPO) as error:
        again("--from", own, "--out", tmp_path / "again")
    assert subject in error.value.facts["reason"]


@pytest.mark.parametrize(("limit", "size", "name"), [("many", None, "limit"), (None, -1, "size")])
def test_bad_published_option_is_refused(pushed, own, tmp_path, limit, size, name):
    change_facts(pushed, {"options": {"limit": limit, "size": size}})
    with raises(HubError, "hub.bad-option", repo=REPO, name=name, value=limit or size):
        again("--from", own, "--out", tmp_path / "again")


def test_unknown_published_source_is_refused(pushed, own, tmp_path):
    change_facts(pushed, {"source": {"name": "nowhere"}})
    with raises(UsageError, "usage.official-release", repo=REPO, source="nowhere"):
        again("--from", own, "--out", tmp_path / "again")


def test_published_sample_takes_no_copy(pushed, own, tmp_path):
    change_facts(pushed, {"source": {"name": "sample"}})
    with raises(UsageError, "usage.path-not-read"):
        again("--from", own, "--out", tmp_path / "again")


def test_missing_published_option_is_refused(pushed, own, tmp_path):
    change_facts(pushed, {"options": {}})
    with raises(HubError, "hub.foreign-content", repo=REPO):
        again("--from", own, "--out", tmp_path / "again")


def test_pool_of_own_build_is_reused(pushed, good_folder, own, tmp_path, capsys):
    pool = tmp_path / "pool"
    tiny = load_manifest(str(good_folder.parent / "tiny"))
    build(tiny, BuildOptions("imagenet-21k", tmp_path / "mine", own, pool=pool, jobs=1))
    assert again("--from", own, "--out", tmp_path / "again", "--pool", pool) == 0
    assert "units, in the pool already" in capsys.readouterr().err
    assert sums(tmp_path / "again") == sums(good_folder)
