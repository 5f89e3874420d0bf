"""Pushing to a hub on 127.0.0.1 and loading from it with the real clients. No request may go elsewhere."""

import hashlib
import json
import shutil
import socket
import subprocess
import sys
from contextlib import suppress

import pyarrow.parquet as pq
import pytest
from datasets.exceptions import DatasetNotFoundError

from dmlkit.cli.push import push
from dmlkit.errors import HubError, UsageError
from dmlkit.hub.content import PushOptions
from dmlkit.hub.ids_only import write_ids_only_folder
from dmlkit.hub.push import SAFE_UPLOAD, push_dataset
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import load_manifest
from tests.support import hub_client
from tests.support.errors import raises
from tests.support.hub_server import Blob, Repo
from tests.support.manifests import CLASSES, TOML, sums, write_manifest

REPO = "me/tiny"
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, against its own


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A dataset whose images may be published."""
    folder = tmp_path_factory.mktemp("drawn")
    toml = TOML + '\n[sample]\ndrawing = "animal"\nper_class = 3\n'
    tiny = load_manifest(str(write_manifest(folder / "tiny", CLASSES, toml)))
    return build(tiny, BuildOptions("sample", folder / "out", jobs=1)).out


def run(*args):
    return push.main([*map(str, args), "--quiet"], standalone_mode=False)


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def changing(hub):
    """List the requests that change something on the hub."""
    return [r for r in hub.requests if r.method in ("PUT", "POST", "DELETE") and "paths-info" not in r.path]


def with_version(folder, target, version):
    """Copy a dataset folder, with another version in its build.json."""
    copy = shutil.copytree(folder, target)
    facts = json.loads((copy / "build.json").read_text())
    facts["manifest"]["version"] = version
    (copy / "build.json").write_text(json.dumps(facts))
    return copy


def test_pushed_dataset_is_loaded_from_hub(hub, drawn, tmp_path, capsys):
    assert run(drawn, REPO, "--private") == 0
    assert hub.repos[REPO].files() == files(drawn)
    assert hub.repos[REPO].refs["refs/tags/v1.0.0"] == hub.repos[REPO].refs["refs/heads/main"]
    assert f'load_dataset("{REPO}", revision="v1.0.0")' in capsys.readouterr().out
    loaded = hub_client.load(hub.url, tmp_path / "home", REPO, "v1.0.0", "hf_me")
    assert loaded["rows"] == {
        "default": {"train": 12, "query": 4, "gallery": 8},
        "hierarchy": {"train": 8},
        "revision": {"train": 12, "query": 4, "gallery": 8},
    }
    assert loaded["names"] == [c.fine for c in CLASSES]
    assert loaded["streamed"] == loaded["ids"]
    query = pq.read_table(drawn / "data" / "query-00000-of-00001.parquet", columns=["image_id"])
    assert loaded["ids"]["query"] == query["image_id"].to_pylist()
    assert len(loaded["sizes"]) == 12


def test_private_dataset_is_hidden_from_others(hub, drawn, monkeypatch):
    run(drawn, REPO, "--private")
    for token in (None, "hf_other"):
        hub_client.log_in(monkeypatch, token)
        with pytest.raises(DatasetNotFoundError, match="doesn't exist on the Hub or cannot be accessed"):
            hub_client.facts(REPO, "v1.0.0")


def test_second_push_sends_nothing(hub, drawn, capsys):
    run(drawn, REPO)
    before = changing(hub)
    assert run(drawn, REPO) == 0
    assert changing(hub) == before
    assert "nothing sent" in capsys.readouterr().out


def test_other_build_times_are_not_pushed(hub, drawn, tmp_path):
    run(drawn, REPO)
    before = changing(hub)
    again = with_version(drawn, tmp_path / "again", "1.0.0")  # other bytes of build.json, as times make them
    result = push_dataset(again, PushOptions(REPO))
    assert result.sent == ()
    assert changing(hub) == before


KILLED = """
import sys
from pathlib import Path
from dmlkit.hub.content import PushOptions
from dmlkit.hub.push import push_dataset
print("ready", flush=True)
push_dataset(Path(sys.argv[1]), PushOptions(sys.argv[2]))
"""


def test_killed_push_resumes_with_missing_files(hub, drawn, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", hub_client.GUARD + KILLED, str(drawn), REPO],
        env=hub_client.environment(hub.url, tmp_path / "home", "hf_me"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def kill_at_the_third(number):
        if number < 3:
            return None
        process.kill()
        return "drop"

    hub.before_upload = kill_at_the_third
    process.wait(timeout=60)
    arrived = set(hub.repos[REPO].stored)
    assert len(arrived) == 2
    assert hub.repos[REPO].files() == {}  # nobody sees half a dataset
    hub.before_upload = lambda number: None
    before = len(hub.requests)
    run(drawn, REPO)
    sent = {r.path.rpartition("/")[2] for r in hub.requests[before:] if r.method == "PUT"}
    assert sent == set(hub.repos[REPO].stored) - arrived
    assert len(sent) == 4
    assert hub.repos[REPO].files() == files(drawn)


def test_refused_upload_leaves_nothing_visible(hub, drawn):
    hub.before_upload = lambda number: "400" if number == 4 else None
    with raises(HubError, "hub.http-error", http_status=400, repo=REPO, safe=SAFE_UPLOAD):
        run(drawn, REPO)
    assert hub.repos[REPO].files() == {}
    assert "refs/tags/v1.0.0" not in hub.repos[REPO].refs


def test_new_version_keeps_old_revision(hub, drawn, tmp_path):
    run(drawn, REPO)
    old = hub.repos[REPO].refs["refs/tags/v1.0.0"]
    shards = {"data/train-00001-of-00002.parquet": b"PAR1", "ATTRIBUTION.csv": b"a", "notes.txt": b"mine"}
    repo = hub.repos[REPO]
    repo.commit("refs/heads/main", repo.commits[old] | {name: Blob(data, False) for name, data in shards.items()})
    result = push_dataset(with_version(drawn, tmp_path / "new", "1.1.0"), PushOptions(REPO))
    assert set(result.sent) == {"build.json"}
    assert result.deleted == ("ATTRIBUTION.csv", "data/train-00001-of-00002.parquet")
    assert repo.files().keys() == files(drawn).keys() | {"notes.txt"}  # what dmlkit never wrote stays
    assert repo.refs["refs/tags/v1.0.0"] == old
    assert repo.refs["refs/tags/v1.1.0"] == repo.refs["refs/heads/main"]


def test_tag_of_other_files_is_never_moved(hub, drawn, tmp_path):
    run(drawn, REPO)
    before = changing(hub)
    other = shutil.copytree(drawn, tmp_path / "other")
    readme = other / "README.md"
    readme.write_text(readme.read_text() + "\nMore.\n")
    lines = [line for line in sums(other).splitlines() if not line.endswith("README.md")]
    lines.append(f"{hashlib.sha256(readme.read_bytes()).hexdigest()}  README.md")
    (other / "SHA256SUMS").write_text("".join(f"{line}\n" for line in sorted(lines, key=lambda x: x[66:])))
    with raises(HubError, "hub.tag-of-other-files", repo=REPO, tag="v1.0.0"):
        run(other, REPO)
    assert changing(hub) == before


def test_pull_request_leaves_main_and_tags_alone(hub, drawn, capsys):
    push.main([str(drawn), REPO, "--create-pr", "--json"], standalone_mode=False)
    facts = json.loads(capsys.readouterr().out)
    repo = hub.repos[REPO]
    assert repo.files() == {}
    assert repo.files("refs/pr/1") == files(drawn)
    assert facts["load"] == f'load_dataset("{REPO}", revision="refs/pr/1")'
    assert not [ref for ref in repo.refs if ref.startswith("refs/tags/")]
    repo.refs["refs/heads/main"] = repo.refs["refs/pr/1"]  # merged
    run(drawn, REPO)
    assert repo.refs["refs/tags/v1.0.0"] == repo.refs["refs/pr/1"]


def test_dry_run_sends_no_request(hub, drawn, good_folder, capsys):
    push.main([str(drawn), REPO, "--dry-run", "--json"], standalone_mode=False)
    facts = json.loads(capsys.readouterr().out)
    assert facts["files"] == {name: len(data) for name, data in files(drawn).items()}
    assert (facts["images"], facts["license"], facts["tag"]) == (True, "CC0-1.0", "v1.0.0")
    run(good_folder, REPO, "--dry-run")
    out = capsys.readouterr().out
    assert "no: ids, labels and hashes only" in out
    assert "figure.jpg" not in out
    assert hub.requests == []


def test_invalid_dataset_is_not_pushed(hub, changeable, capsys):
    (changeable / "hierarchy" / "train-00000-of-00001.parquet").write_bytes(b"broken")
    assert run(changeable, REPO) == 3
    assert "E103" in capsys.readouterr().out
    assert hub.requests == []


@pytest.mark.parametrize(("token", "code"), [("hf_wrong", "hub.bad-token"), (None, "hub.no-token")])
def test_push_without_good_token_sends_nothing(hub, drawn, monkeypatch, token, code):
    hub_client.log_in(monkeypatch, token)
    with raises(HubError, code, endpoint=hub.url) as error:
        run(drawn, REPO)
    assert "hf auth login" in error.value.hint
    assert changing(hub) == []


@pytest.mark.parametrize(("token", "repo"), [("hf_read", REPO), ("hf_me", "other/tiny")])
def test_token_that_may_not_write_is_reported(hub, drawn, monkeypatch, token, repo):
    hub_client.log_in(monkeypatch, token)
    with raises(HubError, "hub.forbidden", repo=repo):
        run(drawn, repo)
    assert repo not in hub.repos


def test_unreachable_hub_is_reported(hub, drawn, monkeypatch, tmp_path):
    hub_client.lead_to(monkeypatch, "http://127.0.0.1:9", tmp_path / "home", "hf_me")
    with raises(HubError, "hub.unreachable", endpoint="http://127.0.0.1:9"):
        run(drawn, REPO)


def test_offline_push_sends_no_request(hub, drawn, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with raises(HubError, "hub.offline"):
        run(drawn, REPO)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["tiny", "me/", "a/b/c", "me/ti ny", "me/a--b", "../x", ""])
def test_bad_repository_name_is_refused_first(hub, tmp_path, name):
    with raises(UsageError, "usage.repository-name", repo=name):
        run(tmp_path / "nothing", name)
    assert hub.requests == []


def test_other_dataset_is_left_alone(hub, drawn, good_folder):
    run(drawn, REPO)
    before = changing(hub)
    with raises(HubError, "hub.other-dataset", repo=REPO, name="tiny", source="sample"):
        run(good_folder, REPO)
    assert changing(hub) == before


def test_foreign_repository_is_left_alone(hub, drawn):
    hub.repos[REPO] = Repo(REPO, private=False)
    hub.repos[REPO].commit("refs/heads/main", {"README.md": Blob(b"", False), "mine.csv": Blob(b"1", False)})
    with raises(HubError, "hub.not-ours", repo=REPO, name="mine.csv"):
        run(drawn, REPO)
    assert changing(hub) == []


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"manifest": 1}'])
def test_foreign_build_json_is_left_alone(hub, drawn, data):
    hub.repos[REPO] = Repo(REPO, private=False)
    hub.repos[REPO].commit("refs/heads/main", {"build.json": Blob(data, False)})
    with raises(HubError, "hub.bad-build-json", repo=REPO):
        run(drawn, REPO)
    assert changing(hub) == []


def test_forbidden_images_are_not_uploaded(hub, good_folder):
    run(good_folder, REPO)
    uploaded = hub.repos[REPO].files()
    assert "figure.jpg" not in uploaded
    everything = b"".join(uploaded.values())
    for path in good_folder.glob("data/*.parquet"):
        for row in pq.read_table(path, columns=["image", "image_id", "sha256"]).to_pylist():
            assert row["image"]["bytes"][:200] not in everything
            assert row["image"]["bytes"][-200:] not in everything
    loaded = hub_client.facts(REPO, "v1.0.0")
    assert loaded["rows"]["default"] == {"train": 24, "query": 9, "gallery": 15}
    assert "image" not in loaded["columns"]
    assert {"image_id", "fine", "middle", "coarse", "sha256"} <= set(loaded["columns"])
    assert loaded["names"] == [c.fine for c in CLASSES]
    assert uploaded["SHA256SUMS.full"] == (good_folder / "SHA256SUMS").read_bytes()
    card = uploaded["README.md"].decode()
    assert f"dmlkit build --from-hub {REPO} --from DIR" in card
    assert "figure.jpg" not in card
    before = changing(hub)
    run(good_folder, REPO)
    assert changing(hub) == before


def test_checksums_of_ids_are_those_of_files(hub, good_folder):
    run(good_folder, REPO)
    uploaded = hub.repos[REPO].files()
    stated = {
        name: digest for digest, name in (line.split("  ") for line in uploaded["SHA256SUMS"].decode().splitlines())
    }
    assert stated == {
        name: hashlib.sha256(data).hexdigest()
        for name, data in uploaded.items()
        if name not in ("SHA256SUMS", "build.json")
    }


def test_forbidden_images_need_private_repository(hub, good_folder):
    with raises(UsageError, "usage.images-forbidden", source="imagenet-21k"):
        run(good_folder, REPO, "--with-images")
    run(good_folder, "me/open")  # ids, in public
    before = changing(hub)
    with raises(HubError, "hub.public-repository", repo="me/open", source="imagenet-21k"):
        run(good_folder, "me/open", "--with-images", "--private")
    assert changing(hub) == before
    run(good_folder, REPO, "--with-images", "--private")
    assert hub.repos[REPO].private
    assert hub.repos[REPO].files() == files(good_folder)


def test_repository_made_public_gets_no_images(hub, good_folder):
    class Public(dict):
        def __setitem__(self, name, repo):
            repo.private = False
            super().__setitem__(name, repo)

    hub.repos = Public()
    with raises(HubError, "hub.not-created-as-asked", repo=REPO, private=False):
        run(good_folder, REPO, "--with-images", "--private")
    assert hub.repos[REPO].files() == {}
    assert hub.repos[REPO].stored == {}


def test_version_that_is_not_a_tag_is_refused(hub, good_folder, tmp_path):
    with raises(UsageError, "usage.version-not-a-tag", version="1.0 beta"):
        run(with_version(good_folder, tmp_path / "new", "1.0 beta"), REPO)
    assert changing(hub) == []


def test_copy_of_ids_is_not_pushed(hub, good_folder, tmp_path):
    ids = tmp_path / "ids"
    ids.mkdir()
    write_ids_only_folder(good_folder, ids, REPO)
    with raises(UsageError, "usage.push-of-ids-only", path=ids):
        push_dataset(ids, PushOptions(REPO))
    assert changing(hub) == []


def reach_elsewhere():
    with hub_client.only_here():
        socket.getaddrinfo("dmlkit.invalid", 443)


def test_request_elsewhere_is_stopped():
    with pytest.raises(OSError, match=r"may not reach dmlkit\.invalid"):
        reach_elsewhere()


def test_hidden_request_elsewhere_is_noticed():
    with pytest.raises(AssertionError, match=r"dmlkit\.invalid"), hub_client.only_here(), suppress(OSError):
        socket.getaddrinfo("dmlkit.invalid", 443)
