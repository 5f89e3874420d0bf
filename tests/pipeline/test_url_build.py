"""Builds from lists of URLs against a server that has every fault: statuses, retries, kills, nothing asked twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from datasets import load_dataset

from dmlkit.dataset.validate import validate
from dmlkit.errors import TaxonomyError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.storage import crawler
from dmlkit.storage.crawl_policy import CrawlPolicy
from dmlkit.storage.images import sha256_hex
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.faulty_server import FAULTS, serving
from tests.support.images import make_image
from tests.support.manifests import CLASSES, TOML, sums, write_manifest

FINE = [c.fine_id for c in CLASSES]
QUICK = {
    "pause": 0.02,
    "connect": 2.0,
    "stall": 1.2,
    "total": 3.0,
    "tries": 2,
    "allow_private_hosts": True,
    "per_host": 32,
}


@pytest.fixture
def folder(tmp_path):
    toml = TOML.replace('["imagenet-21k", "sample"]', '["url-list"]').replace('"imagenet-21k"', '"url-list"')
    return write_manifest(tmp_path / "tiny", toml=toml)


@pytest.fixture
def tiny(folder):
    return load_manifest(str(folder))


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setattr(BuildOptions, "policy", CrawlPolicy(**QUICK))
    crawler.shared_crawler.cache_clear()
    yield BuildOptions("url-list", tmp_path / "out", tmp_path / "list.csv", jobs=1)
    crawler.shared_crawler(CrawlPolicy(**QUICK)).close()
    crawler.shared_crawler.cache_clear()


def write_list(path, rows, header="url,label,id"):
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return path


def good_rows(server, per_class=8, fault="ok"):
    """Distinct images of every class."""
    return [
        (f"{server.url}/{fault}/{n}", FINE[n % len(FINE)], f"p{n:04d}") for n in range(100, 100 + per_class * len(FINE))
    ]


def statuses_of(out):
    rejected = pd.read_parquet(out / "rejected.parquet")
    return dict(zip(rejected["image_id"], rejected["status"], strict=True))


def test_images_keep_bytes_and_attribution(tiny, options, server):
    rows = [(*row, "CC-BY-4.0", "Ada") for row in good_rows(server)]
    write_list(options.path, rows, "url,label,id,license,author")
    build(tiny, options)
    assert [f for f in validate(options.out) if f.code != "W504"] == []
    urls = {row[2]: row[0] for row in rows}
    for split in load_dataset(str(options.out)).values():
        for row in split.cast_column("image", split.features["image"].__class__(decode=False)):
            name = row["image_id"].removeprefix("url-list/")
            assert row["source_url"] == urls[name]
            assert row["image"]["bytes"] == make_image(int(name[1:]), 64, 48)
            assert (row["license"], row["author"]) == ("CC-BY-4.0", "Ada")
    assert "Ada" in (options.out / "ATTRIBUTION.csv").read_text()


def test_every_fault_ends_with_its_status(tiny, options, server, tmp_path):
    rows = good_rows(server)
    write_list(options.path, rows)
    build(tiny, options)
    faulty = [
        (f"{server.url}/{fault}/{2000 + 10 * n + i}", FINE[i], f"{fault}-{i}")
        for n, fault in enumerate(FAULTS)
        for i in range(2)
    ]
    started = time.monotonic()
    result = build(tiny, replace(options, path=write_list(tmp_path / "faulty.csv", rows + faulty), out=tmp_path / "f"))
    assert time.monotonic() - started < 30
    statuses = statuses_of(tmp_path / "f")
    for fault, status in FAULTS.items():
        for i in range(2):
            assert statuses.get(f"url-list/{fault}-{i}", "ok") == status, fault
    assert sum(result.statuses.values()) == len(rows) + len(faulty)
    hosts = result.failures["hosts"]
    assert list(hosts) == [server.url.removeprefix("http://")]
    assert hosts[server.url.removeprefix("http://")]["http-404"] == 2
    assert result.failures["labels"][FINE[0]]["http-404"] == 1
    clean = {
        row["image_id"]: row["sha256"]
        for s in load_dataset(str(options.out)).values()
        for row in s.remove_columns("image")
    }
    after = {
        row["image_id"]: row["sha256"]
        for s in load_dataset(str(tmp_path / "f")).values()
        for row in s.remove_columns("image")
    }
    assert clean.items() <= after.items()


def test_transient_faults_leave_the_same_dataset(tiny, options, server, tmp_path):
    write_list(options.path, good_rows(server))
    build(tiny, options)
    for fault in ("500-once", "429-once", "reset-once", "half-once", "redirect", "gzip", "no-length"):
        rows = [(url.replace("/ok/", f"/{fault}/"), *rest) for url, *rest in good_rows(server)]
        out = tmp_path / fault
        build(tiny, replace(options, path=write_list(tmp_path / f"{fault}.csv", rows), out=out))
        columns = ["image_id", "sha256", "fine"]
        for split in ("train", "query", "gallery"):
            one, two = (
                pd.read_parquet(f / "data", columns=columns).sort_values("image_id") for f in (options.out, out)
            )
            assert one.reset_index(drop=True).equals(two.reset_index(drop=True)), (fault, split)


def test_second_build_retries_only_what_may_pass(tiny, options, server, tmp_path):
    faults = ("404", "500", "timeout", "noai")
    extra = [(f"{server.url}/{'silent' if f == 'timeout' else f}/{3000 + n}", FINE[n], f) for n, f in enumerate(faults)]
    write_list(options.path, good_rows(server) + extra)
    build(tiny, options)
    before = Counter(server.asked)
    assert {v for k, v in statuses_of(options.out).items()} == {"http-404", "http-5xx", "timeout", "opt-out"}
    build(tiny, replace(options, retry=frozenset()))
    assert server.asked == before
    build(tiny, replace(options, retry=frozenset(["timeout"])))
    again = server.asked - before
    assert set(again) == {"/silent/3002"}
    before = Counter(server.asked)
    build(tiny, options)
    assert set(server.asked - before) == {"/silent/3002", "/500/3001"}


def test_retrying_with_a_limit_keeps_the_pool(tiny, options, server):
    write_list(options.path, [*good_rows(server), (f"{server.url}/500/3001", FINE[0], "fails")])
    build(tiny, options)
    build(tiny, replace(options, limit=2))
    before = Counter(server.asked)
    build(tiny, options)
    assert set(server.asked - before) == {"/500/3001"}


def test_retried_images_complete_the_dataset(tiny, options, server, tmp_path, monkeypatch):
    rows = good_rows(server)
    write_list(tmp_path / "all.csv", rows)
    build(tiny, replace(options, path=tmp_path / "all.csv", out=tmp_path / "whole"))
    hidden = {f"/ok/{n}" for n in range(110, 130)}
    from tests.support.faulty_server import Handler

    answer_ok = Handler.answer_ok
    monkeypatch.setattr(
        Handler, "answer_ok", lambda self, data: self.send(500, b"") if self.path in hidden else answer_ok(self, data)
    )
    write_list(options.path, rows)
    assert build(tiny, options).statuses["http-5xx"] == 20
    monkeypatch.setattr(Handler, "answer_ok", answer_ok)
    build(tiny, options)
    assert sums(options.out) == sums(tmp_path / "whole")


def test_image_changed_since_listing_is_rejected(tiny, options, server):
    rows = [(*row, sha256_hex(make_image(int(row[2][1:]), 64, 48))) for row in good_rows(server)]
    rows[5] = (*rows[5][:3], "0" * 64)
    write_list(options.path, rows, "url,label,id,sha256")
    result = build(tiny, options)
    assert result.statuses == {"ok": len(rows) - 1, "changed": 1}


def test_same_bytes_at_three_urls_are_a_placeholder(tiny, options, server):
    gone = [(f"{server.url}/ok/{'0' * i}7777", FINE[0], f"gone{i}") for i in (1, 2, 3)]
    twice = [(f"{server.url}/ok/{'0' * i}8888", FINE[1], f"twice{i}") for i in (1, 2)]
    write_list(options.path, good_rows(server) + gone + twice)
    result = build(tiny, options)
    assert (result.statuses["placeholder"], result.statuses["duplicate"]) == (3, 1)


def test_limit_fetches_no_more_than_it_needs(tiny, options, server, tmp_path):
    rows = good_rows(server, per_class=20)
    rows[0] = (rows[0][0].replace("/ok/", "/404/"), *rows[0][1:])
    write_list(options.path, rows)
    build(tiny, replace(options, out=tmp_path / "all"))
    server.asked.clear()
    crawl_pool = tmp_path / "fresh.pool"
    result = build(tiny, replace(options, limit=5, out=tmp_path / "few", pool=crawl_pool))
    assert result.statuses["ok"] == 5 * len(FINE)
    assert sum(server.asked.values()) <= 5 * len(FINE) + 1
    build(tiny, replace(options, limit=5, out=tmp_path / "same", pool=tmp_path / "all.pool"))
    assert sums(tmp_path / "few") == sums(tmp_path / "same")


def test_unknown_labels_stop_before_fetching(tiny, options, server):
    write_list(options.path, [*good_rows(server), (f"{server.url}/ok/1", "n77777777", "x")])
    with pytest.raises(TaxonomyError) as error:
        build(tiny, options)
    assert error.value.facts["labels"] == ("n77777777",)
    assert not server.asked


def test_images_above_the_fine_classes_not_fetched(tiny, options, server):
    write_list(options.path, [*good_rows(server), (f"{server.url}/ok/1", CLASSES[0].middle_id, "above")])
    result = build(tiny, options)
    assert result.statuses["above"] == 1
    assert "/ok/1" not in server.asked


def start(folder, path, out, *more):
    command = [sys.executable, "-m", "dmlkit", "build", str(folder), "--from", str(path), "--out", str(out), "--quiet"]
    return subprocess.Popen(
        [*command, "--jobs", "2", "--allow-private-hosts", *more],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_build_fetches_nothing_twice(folder, tmp_path, server, kills):
    rows = good_rows(server, per_class=200)
    path = write_list(tmp_path / "list.csv", rows)
    process = start(folder, path, tmp_path / "whole")
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    server.asked.clear()
    server.delay = 0.002
    rng = random.Random(kills)
    out = tmp_path / "out"
    safe: set[str] = set()
    twice: set[str] = set()
    for _ in range(kills):
        before = Counter(server.asked)
        process = start(folder, path, out)
        time.sleep(rng.uniform(0.8, 2.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        twice |= safe & set(server.asked - before)
        safe = {
            "/ok/" + i.rsplit("/p", 1)[1].lstrip("0")
            for unit in (tmp_path / "out.pool" / "url-list").glob("*.parquet")
            for i in pd.read_parquet(unit)["image_id"]
        }
    process = start(folder, path, out)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert not twice
    assert sums(out) == sums(tmp_path / "whole")
