"""Pool and output in folders of this machine, on S3 and elsewhere: they behave alike, whatever stops a writer."""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dmlkit.cli import main
from dmlkit.errors import OutputError, PoolError, UsageError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.dry_run import dry_run
from dmlkit.pipeline.options import BuildOptions
from dmlkit.pipeline.pool import Pool
from dmlkit.storage.locations import RemoteFolder, folder_at, parse_location
from dmlkit.taxonomy.manifest import load_manifest
from dmlkit.text import redact_url
from tests.support.errors import raises
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, sums, write_manifest, write_source
from tests.support.object_store import keys
from tests.support.reads import note_reads


@pytest.fixture(autouse=True)
def own_tmpdir(tmp_path, monkeypatch):
    """What is on its way to a URL stays in the folder of the test."""
    (tmp_path / "tmpdir").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmpdir"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmpdir"))
    return tmp_path / "tmpdir"


def left_in(tmpdir):
    """The files of unfinished uploads."""
    return [path for path in tmpdir.rglob("*") if path.suffix != ".lock" and path.parent != tmpdir]


@pytest.fixture
def memory():
    """The URL of a folder in the memory of this process: it stands for stores that must rename."""
    url = f"memory://{os.urandom(6).hex()}/folder"
    yield url
    forget()


def forget():
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]


@pytest.fixture(params=["local", "s3", "memory"])
def folder(request, tmp_path):
    """A folder of each kind."""
    if request.param == "local":
        (tmp_path / "folder").mkdir()
        return folder_at(tmp_path / "folder")
    url = f"{request.getfixturevalue('bucket')}/folder" if request.param == "s3" else request.getfixturevalue("memory")
    return folder_at(url)


@pytest.fixture
def tiny(tiny_manifest):
    return load_manifest(str(tiny_manifest))


@pytest.fixture
def options(bucket, tiny_source):
    return BuildOptions("imagenet-21k", f"{bucket}/out", tiny_source, jobs=1)


@pytest.fixture
def local_sums(tiny, tiny_source, tmp_path):
    build(tiny, BuildOptions("imagenet-21k", tmp_path / "local", tiny_source, jobs=1))
    return sums(tmp_path / "local")


def test_written_files_have_name_and_size(folder):
    folder.write("a", b"one")
    folder.write("b", b"")
    folder.write("a", b"three")
    assert folder.entries() == {"a": 5, "b": 0}
    assert folder.read("a") == b"three"


def test_missing_folder_is_empty_missing_file_raises(folder):
    assert folder.subfolder("nothing").entries() == {}
    folder.write("a", b"one")
    for ask in (lambda: folder.read("b"), lambda: folder.read_spans([("b", 0, 1)])):
        with pytest.raises(FileNotFoundError):
            ask()
    folder.delete("b")
    folder.delete("a")
    assert folder.entries() == {}


def test_pieces_of_files_come_in_the_order_of_asking(folder):
    folder.write("a", bytes(range(100)))
    folder.write("b", bytes(range(100, 200)))
    wanted = [("b", 0, 3), ("a", 97, 3), ("a", 10, 1), ("b", 50, 2)]
    assert folder.read_spans(wanted) == [b"def", b"abc", b"\n", bytes([150, 151])]


@pytest.mark.parametrize("span", [("a", 2, 3), ("a", 40, 1)])
def test_a_piece_that_is_not_whole_is_an_error(folder, span):
    folder.write("a", b"four")
    with pytest.raises(OSError, match="a"):
        folder.read_spans([("a", 0, 4), span])


def test_failing_writer_keeps_the_earlier_file(folder):
    folder.write("a", b"old")

    def fail():
        with folder.temporary_file() as path:
            path.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert folder.entries() == {"a": 3}
    assert folder.leftovers() == []


def test_broken_upload_leaves_nothing(memory, monkeypatch):
    folder = folder_at(memory)

    def half(self, lpath, rpath, **_):
        self.pipe_file(rpath, Path(lpath).read_bytes()[:2])
        raise ConnectionError("gone")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.put_file", half)
    with pytest.raises(OSError, match="gone"):
        folder.write("a", b"long")
    assert folder.entries() == {}


def test_pyarrow_reads_files_of_a_pickled_folder(folder):
    table = pa.table({"x": [1, 2]})
    with folder.temporary_file() as path:
        pq.write_table(table, path)
        folder.put(path, "t.parquet")
    assert pq.read_table(pickle.loads(pickle.dumps(folder)).arrow_input("t.parquet")) == table


def test_unusable_locations_are_refused_with_a_hint(monkeypatch):
    from fsspec.registry import known_implementations

    monkeypatch.setitem(known_implementations, "nowhere", {"class": "nowherefs.FS", "err": "Please install nowherefs"})
    for url, code in (
        ("nowhere://me:secret@host/pool", "usage.missing-package"),
        ("nosuch://me:secret@host/pool", "usage.bad-url"),
        ("simplecache::memory://x", "usage.bad-url"),
        ("s3://bucket", "usage.whole-bucket"),
        ("s3://bucket/", "usage.whole-bucket"),
    ):
        with raises(UsageError, code) as error:
            parse_location(url)
        assert "secret" not in repr(error.value.facts)
        assert "secret" not in str(error.value)
        assert error.value.hint
    assert parse_location("file:///data/pool") == Path("/data/pool")
    assert parse_location("data/pool") == Path("data/pool")


def test_s3_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with raises(UsageError, "usage.missing-package", protocol="s3") as error:
        parse_location("s3://bucket/pool")
    assert error.value.hint == "pip install 'dmlkit[s3]'"


def test_builds_give_the_same_bytes_anywhere(tiny, options, local_sums, tmp_path, memory, own_tmpdir):
    result = build(tiny, options)
    out = keys(options.out)
    assert out["SHA256SUMS"].decode() == local_sums
    assert (result.out, result.pool) == (options.out, f"{options.out}.pool")
    local = {p.relative_to(tmp_path / "local").as_posix(): p for p in (tmp_path / "local").rglob("*") if p.is_file()}
    assert out.keys() == local.keys()
    assert all(out[name] == path.read_bytes() for name, path in local.items() if name != "build.json")
    build(tiny, replace(options, out=tmp_path / "here", pool=f"{options.out}.pool", jobs=2))
    build(tiny, replace(options, out=memory))
    assert sums(tmp_path / "here") == folder_at(memory).read("SHA256SUMS").decode() == local_sums
    assert left_in(own_tmpdir) == []


def test_what_is_in_a_remote_pool_is_not_read_again(tiny, options, monkeypatch):
    build(tiny, options)
    assert dry_run(tiny, options)["settled"] == len(CLASSES)
    reads = note_reads(monkeypatch)
    build(tiny, options)
    assert reads == []


def test_foreign_or_busy_remote_pool_is_left_alone(tiny, options):
    pool = folder_at(options.pool_folder)
    pool.subfolder("imagenet-21k").write("thesis.doc", b"years of work")
    with raises(PoolError, "pool.foreign"):
        build(tiny, options)
    pool.subfolder("imagenet-21k").delete("thesis.doc")
    with Pool(options.pool_folder, "imagenet-21k"), raises(PoolError, "pool.in-use"):
        build(tiny, options)
    assert keys(options.pool_folder) == {}  # nothing was collected


def test_images_changed_by_another_build_are_an_error(tiny, options):
    build(tiny, options)
    pool = folder_at(options.pool_folder).subfolder("imagenet-21k")
    name = f"{CLASSES[0].fine_id}.bin"
    pool.write(name, bytes(reversed(pool.read(name))))
    with raises(PoolError, "pool.unreadable-images"):
        build(tiny, options)


def test_a_bucket_that_is_not_there_is_an_error(tiny, options):
    with raises(PoolError, "pool.unwritable"):
        build(tiny, replace(options, pool="s3://no-such-bucket/pool"))


def test_stopped_upload_is_replaced_by_the_same_build(tiny, options, local_sums, monkeypatch):
    real = RemoteFolder.put

    def fail(self, file, name):
        if name.startswith("hierarchy"):
            raise OSError("the line is dead")
        real(self, file, name)

    monkeypatch.setattr(RemoteFolder, "put", fail)
    with raises(OutputError, "output.not-written", path=options.out):
        build(tiny, options)
    left = keys(options.out)
    assert any(name.startswith("data/train") for name in left)
    assert not {"build.json", "SHA256SUMS"} & left.keys()
    monkeypatch.setattr(RemoteFolder, "put", real)
    build(tiny, options)
    assert keys(options.out)["SHA256SUMS"].decode() == local_sums
    assert not [name for name in keys(options.out) if name.startswith(".")]


def test_replaced_dataset_leaves_only_foreign_files(tiny, options, tiny_source):
    out = folder_at(options.out)
    build(tiny, options)
    out.write("data/train-00001-of-00002.parquet", b"of a larger dataset")
    out.write("ATTRIBUTION.csv", b"")
    out.write("notes.txt", b"mine")
    before = keys(options.out)["SHA256SUMS"]
    write_tar(tiny_source / f"{CLASSES[0].fine_id}.tar", {f"{CLASSES[0].fine_id}_1.JPEG": make_image(5)})
    build(tiny, options)
    after = keys(options.out)
    assert after["SHA256SUMS"] != before
    assert after["notes.txt"] == b"mine"
    assert not {"data/train-00001-of-00002.parquet", "ATTRIBUTION.csv"} & after.keys()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("thesis.doc", "years of work"),
        ("build.json", "{}"),
        ("build.json", '{"manifest": {"name": "tiny"}, "source": {"name": "tiny-imagenet"}}'),
        (".dmlkit-unfinished.json", '{"manifest": {"name": "other"}, "source": {"name": "imagenet-21k"}}'),
    ],
)
def test_what_is_something_else_is_left_alone(tiny, options, name, text):
    folder_at(options.out).write(name, text.encode())
    with raises(OutputError, "output.other-owner" if "manifest" in text else "output.not-ours", path=options.out):
        build(tiny, options)
    assert keys(options.out) == {name: text.encode()}


def test_a_pool_inside_the_data_set_folder_is_refused(tiny, options, tmp_path):
    for out, pool in (
        (options.out, f"{options.out}/pool"),
        (options.out, options.out),
        (tmp_path / "out", tmp_path / "out" / "pool"),
    ):
        with raises(UsageError, "usage.pool-inside-out"):
            build(tiny, replace(options, out=out, pool=pool))


def test_no_password_is_shown_or_written(tiny, tiny_source, monkeypatch, capsys):
    url = "memory://me:secret@host/out"
    assert redact_url(f"at {url} and {url}") == "at memory://***@host/out and memory://***@host/out"
    result = build(tiny, BuildOptions("imagenet-21k", url, tiny_source, jobs=1))
    assert (result.out, result.pool) == ("memory://***@host/out", "memory://***@host/out.pool")
    store = fsspec.filesystem("memory").store
    assert not [name for name, file in store.items() if b"secret" in file.getvalue()]
    folder_at(url).write("build.json", b"{}")
    with pytest.raises(OutputError) as error:
        build(tiny, BuildOptions("imagenet-21k", url, tiny_source, jobs=1))
    assert "secret" not in str(error.value)
    forget()
    monkeypatch.setattr(sys, "argv", ["dmlkit", "build", "animal", "--out", url, "--dry-run"])
    with pytest.raises(SystemExit):
        main.run()
    said = capsys.readouterr()
    assert "memory://***@host/out" in said.out
    assert "secret" not in said.out + said.err


@pytest.mark.slow
def test_killed_remote_build_ends_in_the_same_bytes(tmp_path, bucket, own_tmpdir):
    folder, source = write_manifest(tmp_path / "m"), write_source(tmp_path / "tars", 60)
    build(load_manifest(str(folder)), BuildOptions("imagenet-21k", tmp_path / "local", source, jobs=1))
    args = [sys.executable, "-m", "dmlkit", "build", str(folder), "--from", str(source), "--out", f"{bucket}/out"]
    rng = random.Random(20210619)
    for _ in range(2):
        process = subprocess.Popen([*args, "--jobs", "2"], stdout=-3, stderr=-3, start_new_session=True)
        until = time.monotonic() + 30
        while not keys(bucket) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 3))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run([*args, "--json"], check=True, capture_output=True)
    built = keys(f"{bucket}/out")
    assert built["SHA256SUMS"].decode() == sums(tmp_path / "local")
    assert json.loads(built["build.json"])["images"]["train"] == 240
    assert left_in(own_tmpdir) == []
