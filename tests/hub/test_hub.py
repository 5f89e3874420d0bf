"""Pushing to a hub on 127.0.0.1 and loading from it, with the real clients. No request may go elsewhere."""

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
from dmlkit.hub.push import push_dataset
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import load_manifest
from tests.support import hub_client
from tests.support.hub_server import Blob, Repo
from tests.support.manifests import CLASSES, TOML, sums, write_manifest

REPO = "me/tiny"
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, against its own


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A dataset whose images may be published."""
    where = tmp_path_factory.mktemp("drawn")
    toml = TOML + '\n[sample]\ndrawing = "animal"\nper_class = 3\n'
    tiny = load_manifest(str(write_manifest(where / "tiny", CLASSES, toml)))
    return build(tiny, BuildOptions("sample", where / "out", jobs=1)).out


def run(*args):
    return push.main([*map(str, args), "--quiet"], standalone_mode=False)


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def changing(hub):
    """The requests that change something on the hub."""
    return [r for r in hub.requests if r.method in ("PUT", "POST", "DELETE") and "paths-info" not in r.path]


def with_version(folder, where, version):
    """A copy of a dataset folder that says another version of itself."""
    copy = shutil.copytree(folder, where)
    facts = json.loads((copy / "build.json").read_text())
    facts["manifest"]["version"] = version
    (copy / "build.json").write_text(json.dumps(facts))
    return copy


def test_what_is_pushed_is_the_folder_and_datasets_opens_it(hub, drawn, tmp_path, capsys):
    assert run(drawn, REPO, "--private") == 0
    assert hub.repos[REPO].files() == files(drawn)
    assert hub.repos[REPO].refs["refs/tags/v1.0.0"] == hub.repos[REPO].refs["refs/heads/main"]
    assert f'load_dataset("{REPO}", revision="v1.0.0")' in capsys.readouterr().out
    found = hub_client.load(hub.url, tmp_path / "home", REPO, "v1.0.0", "hf_me")
    assert found["rows"] == {
        "default": {"train": 12, "query": 4, "gallery": 8},
        "hierarchy": {"train": 8},
        "revision": {"train": 12, "query": 4, "gallery": 8},
    }
    assert found["names"] == [c.fine for c in CLASSES]
    assert found["streamed"] == found["ids"]
    query = pq.read_table(drawn / "data" / "query-00000-of-00001.parquet", columns=["image_id"])
    assert found["ids"]["query"] == query["image_id"].to_pylist()
    assert len(found["sizes"]) == 12


def test_a_private_data_set_does_not_exist_for_others(hub, drawn, monkeypatch):
    run(drawn, REPO, "--private")
    for token in (None, "hf_other"):
        hub_client.log_in(monkeypatch, token)
        with pytest.raises(DatasetNotFoundError, match="doesn't exist on the Hub or cannot be accessed"):
            hub_client.facts(REPO, "v1.0.0")


def test_pushing_again_sends_nothing(hub, drawn, capsys):
    run(drawn, REPO)
    before = changing(hub)
    assert run(drawn, REPO) == 0
    assert changing(hub) == before
    assert "nothing sent" in capsys.readouterr().out


def test_a_data_set_that_was_built_again_is_the_same_one(hub, drawn, tmp_path):
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


def test_a_push_that_was_killed_goes_on_with_what_is_missing(hub, drawn, tmp_path):
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


def test_an_upload_that_is_refused_says_what_is_safe(hub, drawn):
    hub.before_upload = lambda number: "400" if number == 4 else None
    with pytest.raises(HubError, match=r"answers 400.*nothing of it is visible"):
        run(drawn, REPO)
    assert hub.repos[REPO].files() == {}
    assert "refs/tags/v1.0.0" not in hub.repos[REPO].refs


def test_a_new_version_replaces_the_files_and_keeps_the_old_revision(hub, drawn, tmp_path):
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


def test_a_version_that_stands_for_other_files_is_never_moved(hub, drawn, tmp_path):
    run(drawn, REPO)
    before = changing(hub)
    other = shutil.copytree(drawn, tmp_path / "other")
    readme = other / "README.md"
    readme.write_text(readme.read_text() + "\nMore.\n")
    lines = [line for line in sums(other).splitlines() if not line.endswith("README.md")]
    lines.append(f"{hashlib.sha256(readme.read_bytes()).hexdigest()}  README.md")
    (other / "SHA256SUMS").write_text("".join(f"{line}\n" for line in sorted(lines, key=lambda x: x[66:])))
    with pytest.raises(HubError, match=r"v1\.0\.0 .* stands for other files") as caught:
        run(other, REPO)
    assert "raise `version`" in caught.value.hint
    assert changing(hub) == before


def test_a_pull_request_changes_nothing_else(hub, drawn, capsys):
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


def test_a_dry_run_asks_the_hub_nothing(hub, drawn, good_folder, capsys):
    push.main([str(drawn), REPO, "--dry-run", "--json"], standalone_mode=False)
    facts = json.loads(capsys.readouterr().out)
    assert facts["files"] == {name: len(data) for name, data in files(drawn).items()}
    assert (facts["images"], facts["license"], facts["tag"]) == (True, "CC0-1.0", "v1.0.0")
    run(good_folder, REPO, "--dry-run")
    out = capsys.readouterr().out
    assert "no: ids, labels and hashes only" in out
    assert "figure.jpg" not in out
    assert hub.requests == []


def test_an_invalid_data_set_is_not_pushed(hub, changeable, capsys):
    (changeable / "hierarchy" / "train-00000-of-00001.parquet").write_bytes(b"broken")
    assert run(changeable, REPO) == 3
    assert "E103" in capsys.readouterr().out
    assert hub.requests == []


@pytest.mark.parametrize("token", ["hf_wrong", None])
def test_without_a_good_token_nothing_is_sent_and_the_way_to_one_is_said(hub, drawn, monkeypatch, token):
    hub_client.log_in(monkeypatch, token)
    with pytest.raises(HubError) as caught:
        run(drawn, REPO)
    assert caught.value.code == ("hub.bad-token" if token else "hub.no-token")
    assert "hf auth login" in caught.value.hint
    assert changing(hub) == []


@pytest.mark.parametrize(("token", "repo"), [("hf_read", REPO), ("hf_me", "other/tiny")])
def test_a_token_without_the_right_to_write_is_told(hub, drawn, monkeypatch, token, repo):
    hub_client.log_in(monkeypatch, token)
    with pytest.raises(HubError) as caught:
        run(drawn, repo)
    assert (caught.value.code, caught.value.facts["repo"]) == ("hub.forbidden", repo)
    assert repo not in hub.repos


def test_a_hub_that_is_not_there_is_told(hub, drawn, monkeypatch, tmp_path):
    hub_client.lead_to(monkeypatch, "http://127.0.0.1:9", tmp_path / "home", "hf_me")
    with pytest.raises(HubError) as caught:
        run(drawn, REPO)
    assert (caught.value.code, caught.value.facts["endpoint"]) == ("hub.unreachable", "http://127.0.0.1:9")
    assert "network" in caught.value.hint


def test_offline_is_obeyed(hub, drawn, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError) as caught:
        run(drawn, REPO)
    assert caught.value.code == "hub.offline"
    assert hub.requests == []


@pytest.mark.parametrize("name", ["tiny", "me/", "a/b/c", "me/ti ny", "me/a--b", "../x", ""])
def test_a_name_that_is_none_is_told_before_anything_is_read(hub, tmp_path, name):
    with pytest.raises(UsageError) as caught:
        run(tmp_path / "nothing", name)
    assert (caught.value.code, caught.value.facts["repo"]) == ("usage.repository-name", name)
    assert hub.requests == []


def test_the_repository_of_another_data_set_is_left_alone(hub, drawn, good_folder, tmp_path):
    run(drawn, REPO)
    before = changing(hub)
    with pytest.raises(HubError, match="holds the dataset tiny made from sample, not tiny from imagenet-21k"):
        run(good_folder, REPO)
    assert changing(hub) == before


def test_a_repository_of_something_else_is_left_alone(hub, drawn):
    hub.repos[REPO] = Repo(REPO, private=False)
    hub.repos[REPO].commit("refs/heads/main", {"README.md": Blob(b"", False), "mine.csv": Blob(b"1", False)})
    with pytest.raises(HubError, match=r"holds mine\.csv and no build\.json"):
        run(drawn, REPO)
    assert changing(hub) == []


def test_forbidden_images_stay_here_and_ids_labels_and_hashes_go_up(hub, good_folder):
    run(good_folder, REPO)
    there = hub.repos[REPO].files()
    assert "figure.jpg" not in there
    everything = b"".join(there.values())
    for path in good_folder.glob("data/*.parquet"):
        for row in pq.read_table(path, columns=["image", "image_id", "sha256"]).to_pylist():
            assert row["image"]["bytes"][:200] not in everything
            assert row["image"]["bytes"][-200:] not in everything
    found = hub_client.facts(REPO, "v1.0.0")
    assert found["rows"]["default"] == {"train": 24, "query": 9, "gallery": 15}
    assert "image" not in found["columns"]
    assert {"image_id", "fine", "middle", "coarse", "sha256"} <= set(found["columns"])
    assert found["names"] == [c.fine for c in CLASSES]
    assert there["SHA256SUMS.full"] == (good_folder / "SHA256SUMS").read_bytes()
    card = there["README.md"].decode()
    assert f"dmlkit build --from-hub {REPO} --from DIR" in card
    assert "figure.jpg" not in card
    before = changing(hub)
    run(good_folder, REPO)
    assert changing(hub) == before


def test_the_check_sums_of_ids_are_those_of_what_was_pushed(hub, good_folder):
    run(good_folder, REPO)
    there = hub.repos[REPO].files()
    said = {name: digest for digest, name in (line.split("  ") for line in there["SHA256SUMS"].decode().splitlines())}
    assert said == {
        name: hashlib.sha256(data).hexdigest()
        for name, data in there.items()
        if name not in ("SHA256SUMS", "build.json")
    }


def test_forbidden_images_go_only_to_a_private_repository(hub, good_folder):
    with pytest.raises(UsageError, match="do not allow to publish its images"):
        run(good_folder, REPO, "--with-images")
    run(good_folder, "me/open")  # ids, in public
    before = changing(hub)
    with pytest.raises(HubError, match="me/open is public"):
        run(good_folder, "me/open", "--with-images", "--private")
    assert changing(hub) == before
    run(good_folder, REPO, "--with-images", "--private")
    assert hub.repos[REPO].private
    assert hub.repos[REPO].files() == files(good_folder)


def test_a_hub_that_makes_the_repository_public_gets_no_images(hub, good_folder):
    class Public(dict):
        def __setitem__(self, name, repo):
            repo.private = False
            super().__setitem__(name, repo)

    hub.repos = Public()
    with pytest.raises(HubError, match="is not there as asked"):
        run(good_folder, REPO, "--with-images", "--private")
    assert hub.repos[REPO].files() == {}
    assert hub.repos[REPO].stored == {}


def test_a_version_that_can_be_no_tag_is_told(hub, good_folder, tmp_path):
    with pytest.raises(UsageError, match=r"the version '1\.0 beta' cannot be a tag"):
        run(with_version(good_folder, tmp_path / "new", "1.0 beta"), REPO)
    assert changing(hub) == []


def reach_elsewhere():
    with hub_client.only_here():
        socket.getaddrinfo("dmlkit.invalid", 443)


def test_a_request_that_goes_elsewhere_is_stopped():
    with pytest.raises(OSError, match=r"may not reach dmlkit\.invalid"):
        reach_elsewhere()


def test_a_request_that_goes_elsewhere_is_seen_though_a_library_hides_it():
    with pytest.raises(AssertionError, match=r"dmlkit\.invalid"), hub_client.only_here(), suppress(OSError):
        socket.getaddrinfo("dmlkit.invalid", 443)
