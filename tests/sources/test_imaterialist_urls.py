"""iMaterialist Product 2019 by URL, and what its dry runs tell."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from datasets import load_dataset

from dmlkit.dataset.validate import validate
from dmlkit.pipeline.build import build
from dmlkit.pipeline.dry_run import dry_run
from dmlkit.pipeline.options import BuildOptions
from dmlkit.sources import imaterialist_2019
from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.storage import crawler
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.faulty_server import serving
from tests.support.images import make_image
from tests.support.imaterialist_lists import LEAVES, NAME, entries, hexa, rejected, tiny_manifest, whole_lists, write
from tests.support.manifests import sums


@pytest.fixture
def folder(tmp_path):
    return tiny_manifest(tmp_path)


@pytest.fixture
def tiny(folder):
    return load_manifest(str(folder))


@pytest.fixture
def options(tmp_path):
    return BuildOptions(NAME, tmp_path / "out", tmp_path / "from", jobs=1)


@pytest.fixture
def whole(tmp_path):
    return whole_lists(tmp_path)


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture
def by_url(options, monkeypatch):
    policy = CrawlPolicy(pause=0.02, connect=2, stall=0.6, total=1.5, tries=2, allow_private_hosts=True, per_host=32)
    monkeypatch.setattr(BuildOptions, "policy", policy)
    crawler.shared_crawler.cache_clear()
    yield options
    crawler.shared_crawler(policy).close()
    crawler.shared_crawler.cache_clear()


def linked(server, per_leaf=4, leaves=LEAVES, fault="ok"):
    return [row | {"url": f"{server.url}/{fault}/{int(row['id'][:32], 16)}"} for row in entries(per_leaf, leaves)]


def test_images_by_url_are_those_of_files_and_faults_are_statuses(tiny, by_url, server):
    rows = linked(server)
    faults = {"404": "http-404", "500": "http-5xx", "html": "html-page", "silent": "timeout", "half": "broken-off"}
    for row, fault in zip(rows, faults, strict=False):
        row["url"] = row["url"].replace("/ok/", f"/{fault}/")
    rows += [
        {"id": hexa(7001), "url": "ftp://example.com/7.jpg", "class": 0},
        {"id": hexa(7002), "class": 0},
        {"id": hexa(7003), "url": ["http://x"], "class": 0},
        {"id": hexa(7004), "url": "http://x/\ud800", "class": 6},
        {"id": hexa(7005), "url": f"{server.url}/ok/7005"},
        {"url": f"{server.url}/ok/7006", "class": 0},
    ]
    write(by_url.path, rows)
    (by_url.path / "product_tree.png").write_bytes(make_image(1))
    result = build(tiny, by_url)
    found = {i: status for i, (status, _) in rejected(by_url.out).items()}
    for row, status in zip(rows, faults.values(), strict=False):
        assert found.pop(row["id"][:-4]) == status
    assert found == {
        f"{7001:032x}": "bad-url",
        f"{7002:032x}": "bad-url",
        f"{7003:032x}": "bad-url",
        f"{7004:032x}": "excluded",
        f"{7005:032x}": "unlabelled",
        "train-row-30": "bad-row",
    }
    assert not {"/ok/7005", "/ok/7006"} & server.asked.keys()
    assert result.failures["hosts"][server.url.removeprefix("http://")]["http-404"] == 1
    assert [f for f in validate(by_url.out) if f.code.startswith("E")] == []
    row = next(iter(load_dataset(str(by_url.out))["train"].remove_columns("image")))
    number = int(row["image_id"].rsplit("/", 1)[-1], 16)
    assert row["source_url"] == f"{server.url}/ok/{number}"


def test_an_address_that_cannot_be_taken_apart_is_a_status(tiny, by_url, server):
    write(by_url.path, [*linked(server), {"id": hexa(7001), "url": "http://[broken", "class": 0}])
    assert dry_run(tiny, by_url)["of_hosts"] == 2
    assert build(tiny, by_url).statuses == {"ok": 24, "bad-url": 1}


def test_the_order_of_the_rows_changes_nothing(tiny, by_url, server, tmp_path):
    rows = linked(server)
    write(by_url.path, rows)
    write(tmp_path / "other", rows[::-1][:10], rows[::-1][10:])
    build(tiny, by_url)
    build(tiny, replace(by_url, path=tmp_path / "other", out=tmp_path / "same"))
    assert sums(by_url.out) == sums(tmp_path / "same")


def test_a_limit_asks_for_no_more_than_it_needs_and_keeps_the_same(tiny, by_url, server, tmp_path):
    rows = linked(server, per_leaf=30)
    rows[0]["url"] = rows[0]["url"].replace("/ok/", "/404/")
    write(by_url.path, rows)
    build(tiny, by_url)
    server.asked.clear()
    few = replace(by_url, limit=5, out=tmp_path / "few")
    assert build(tiny, few).statuses["ok"] == 30
    assert sum(server.asked.values()) <= 31
    build(tiny, replace(few, out=tmp_path / "same", pool=by_url.pool_folder))
    assert sums(tmp_path / "few") == sums(tmp_path / "same")
    build(tiny, replace(by_url, out=tmp_path / "all", pool=few.pool_folder))
    assert sums(tmp_path / "all") == sums(by_url.out)


def test_running_again_asks_only_for_what_may_pass(tiny, by_url, server):
    rows = linked(server)
    rows[0]["url"], rows[1]["url"] = f"{server.url}/404/0", f"{server.url}/500/100"
    write(by_url.path, rows)
    build(tiny, by_url)
    before = Counter(server.asked)
    first = sums(by_url.out)
    build(tiny, by_url)
    assert set(server.asked - before) == {"/500/100"}
    assert sums(by_url.out) == first


def test_a_dry_run_tells_of_hosts_and_sizes_and_asks_nobody(tiny, by_url, server):
    rows = linked(server, leaves=range(7))
    rows[0]["url"] = "http://example.com/image.jpg"
    write(by_url.path, rows)
    facts = dry_run(tiny, by_url)
    host = server.url.removeprefix("http://")
    assert facts["hosts"] == {host: len(rows) - 1, "example.com": 1}
    assert (facts["images"], facts["units"], facts["labels"]) == (24, 7, {"excluded": 1, "ok": 6})
    assert facts["bytes"] == 24 * 100_000
    assert not server.asked
    assert not by_url.out.exists()
    build(tiny, replace(by_url, limit=1))
    assert dry_run(tiny, replace(by_url, limit=1))["settled"] == 7


def test_a_dry_run_of_files_names_no_hosts(tiny, options, whole):
    facts = dry_run(tiny, options)
    assert "hosts" not in facts
    assert (facts["units"], facts["fine"]) == (6, 6)


def test_a_leaf_of_any_size_is_taken_in_pieces(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(imaterialist_2019, "IMAGES_PER_UNIT", 3)
    listing = load_source("imaterialist-2019").plan(PlanRequest(tiny, write(tmp_path / "from", entries(7)), tmp_path))
    units = list(listing.units)
    assert len(units) == listing.num_units == 6 * 3
    assert len({u.name for u in units}) == len(units)
    assert sum(len(u.links) for u in units) == 42
    assert all(len(u.labels) == 1 for u in units)


def test_the_command_line_builds_and_explains(folder, whole, tmp_path):
    def call(*more):
        command = [sys.executable, "-m", "dmlkit", "build", str(folder), "--source", NAME, "--jobs", "1", "--json"]
        return subprocess.run([*command, "--out", str(tmp_path / "cli"), *more], capture_output=True, text=True)

    done = call("--from", str(whole))
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["statuses"] == {"ok": 36}
    assert any("train.json: 24 found, 1,011,532 published" in note for note in facts["notes"])
    (whole / "train.json").write_text('{"images": [{"id": "a.jpg", ')
    done = call("--from", str(whole))
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (1, 1)
    assert "Traceback" not in done.stderr
    assert "train.json is not whole" in done.stderr
