"""A real Ray: of this machine, and a cluster of two nodes with an object store, one node of which is killed."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, sums, write_manifest
from tests.support.object_store import keys
from tests.support.requirements import installed

DMLKIT = [sys.executable, "-m", "dmlkit"]
MANY = [replace(c, fine_id=f"{c.fine_id[:5]}{n}001", fine=f"{c.fine} {n}") for c in CLASSES for n in range(3)]
PER_CLASS = 25


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """What Ray's processes need to stay on this machine, among themselves, and out of everyone's folders."""
    installed("ray")
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:  # names of sockets must be short
        yield os.environ | {
            "TMPDIR": str(tmp_path_factory.mktemp("tmpdir")),
            "RAY_TMPDIR": folder,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONWARNINGS": "error::ResourceWarning",
        }


@pytest.fixture(scope="module")
def cluster(environment, object_store):
    """The address of a cluster, and the process id of the raylet of its second node."""
    script = Path(__file__).parents[1] / "support" / "ray_cluster.py"
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=dict(os.environ) | environment,
    ) as process:  # fmt: skip
        facts = json.loads(process.stdout.readline())
        yield facts["address"], facts["raylet"]
        process.stdin.close()
        process.wait(30)


def command(manifest_folder, source, out, *more):
    return [*DMLKIT, "build", str(manifest_folder), "--from", str(source), "--out", str(out), "--quiet", *more]


def children(pid):
    """The processes that a process has started, with what they call themselves."""
    found = {}
    for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split():
        try:
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes().decode()
        except OSError:
            continue
    return found


def large(source):
    """Images that take a while, so that a node can be killed while it works: as many for each class of `MANY`."""
    for number, c in enumerate(MANY):
        members = {f"{c.fine_id}_{i}.JPEG": make_image(100 * number + i, 640, 480) for i in range(PER_CLASS)}
        write_tar(source / f"{c.fine_id}.tar", members)
    return source


def test_a_node_that_dies_costs_only_its_units(cluster, environment, bucket, tmp_path):
    address, raylet = cluster
    folder, source = write_manifest(tmp_path / "m", MANY), large(tmp_path / "tars")
    build(load_manifest(str(folder)), BuildOptions("imagenet-21k", tmp_path / "local", source, jobs=1))
    args = ["--pool", f"{bucket}/pool", "--engine", "ray", "--address", address, "--json"]
    process = subprocess.Popen(
        command(folder, source, f"{bucket}/out", *args),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ) | environment,
    )  # fmt: skip
    finished, node = wait_for_work(process, bucket, raylet)
    assert 0 < len(finished) < len(MANY)
    for pid in (raylet, *node):
        os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert json.loads(out)["statuses"] == {"ok": len(MANY) * PER_CLASS}
    built = keys(f"{bucket}/out")
    assert built["SHA256SUMS"].decode() == sums(tmp_path / "local")
    assert built.keys() == {p.relative_to(tmp_path / "local").as_posix() for p in files(tmp_path / "local")}
    after = keys(f"{bucket}/pool/imagenet-21k")
    assert {name: after[name] for name in finished} == finished


def wait_for_work(process, bucket, raylet):
    """The units finished at a moment when a worker of the node is at one, and the processes of that node."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        found = keys(f"{bucket}/pool/imagenet-21k")
        finished = {name: data for name, data in found.items() if name.endswith(".parquet")}
        node = children(raylet)
        if len(finished) > 2 and any("collect_unit" in title for title in node.values()):
            return finished, node
        time.sleep(0.02)
    pytest.fail(f"no unit was seen on the second node: {process.communicate()}")


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


FAILING = """
import os, sys
from dmlkit import errors
from dmlkit.storage import executor

def full(item):
    raise errors.OutputError(f"no room for {item}", hint="make some")

def crash(item):
    os.abort()

for work in (full, crash):
    try:
        list(executor.run(work, ["x"], 1, "ray", sys.argv[1]))
    except errors.DmlkitError as exc:
        print(type(exc).__name__, exc.message, exc.hint, sep="|")
"""


@pytest.mark.slow
def test_errors_and_deaths_on_ray_reach_the_caller(cluster, environment):
    ran = subprocess.run(
        [sys.executable, "-c", FAILING, cluster[0]], env=environment, capture_output=True, text=True, check=True
    )
    full, crash = ran.stdout.splitlines()
    assert full == "OutputError|no room for x|make some"
    assert crash.startswith("DmlkitError|Ray could not finish a unit: WorkerCrashedError")
    assert "the same command again" in crash


@pytest.mark.slow
def test_a_ray_of_this_machine_is_started_and_stopped(environment, tiny_manifest, tiny_source, tmp_path):
    build(load_manifest(str(tiny_manifest)), BuildOptions("imagenet-21k", tmp_path / "local", tiny_source, jobs=1))
    own = environment | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    ran = subprocess.run(
        command("tiny", "tars", "out", "--engine", "ray", "--jobs", "1"),
        cwd=tmp_path, env=own, capture_output=True, text=True,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "48 of 48 images" in ran.stdout
    assert sums(tmp_path / "out") == sums(tmp_path / "local")
    assert ray_processes(own["RAY_AUTH_TOKEN"]) == []


def ray_processes(token):
    """The processes that were started with our token."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and token.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes()[:100])
        except OSError:
            continue
    return found
