"""Killed, interrupted, out of disk: the same command goes on and ends in the same bytes, in bounded memory."""

import io
import os
import random
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tests.support.images import write_tar
from tests.support.manifests import CLASSES, sums, write_manifest, write_source

DMLKIT = [sys.executable, "-m", "dmlkit"]


def command(manifest_folder, source, out, *more):
    return [*DMLKIT, "build", str(manifest_folder), "--from", str(source), "--out", str(out), "--quiet", *more]


def start(*args):
    return subprocess.Popen(
        command(*args),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background of a shell would hand on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture
def undisturbed(tiny_manifest, tiny_source, tmp_path):
    """The checksums of a build that nothing disturbed."""
    subprocess.run(command(tiny_manifest, tiny_source, tmp_path / "whole"), check=True, stdout=subprocess.DEVNULL)
    return sums(tmp_path / "whole")


def test_killed_build_ends_in_the_same_bytes(tiny_manifest, tiny_source, tmp_path, undisturbed):
    rng = random.Random(20210619)
    out = tmp_path / "killed"
    started = time.monotonic()
    subprocess.run(
        command(tiny_manifest, tiny_source, tmp_path / "timed", "--jobs", "2"), check=True, capture_output=True
    )
    usual = time.monotonic() - started
    for _ in range(5):
        process = start(tiny_manifest, tiny_source, out, "--jobs", "2")
        time.sleep(rng.uniform(0.2, 1) * usual)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    subprocess.run(command(tiny_manifest, tiny_source, out, "--jobs", "2"), check=True, capture_output=True)
    assert sums(out) == undisturbed
    assert not [p.name for p in tmp_path.iterdir() if "dmlkit" in p.name]
    assert not list((tmp_path / "killed.pool").rglob("*.tmp"))


def test_killed_worker_is_an_error_and_resumable(tmp_path):
    folder, source = write_manifest(tmp_path / "m"), write_source(tmp_path / "tars", 300)
    process = start(folder, source, tmp_path / "out", "--jobs", "2")
    children = wait_for(lambda: workers_of(process.pid))
    os.kill(children[-1], signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a worker process was killed" in stderr
    assert "Traceback" not in stderr
    again = subprocess.run(command(folder, source, tmp_path / "out"), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr


def workers_of(pid):
    """The worker processes of a build; Python's resource tracker is a child of it too."""
    workers = []
    for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split():
        with open(f"/proc/{child}/cmdline") as file:
            if "spawn_main" in file.read():
                workers.append(int(child))
    return workers


def wait_for(ask, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := ask():
            return answer
        time.sleep(0.02)
    pytest.fail("waited in vain")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_with_130_and_is_resumable(tmp_path, jobs):
    folder, source = write_manifest(tmp_path / "m"), write_source(tmp_path / "tars", 400)
    process = start(folder, source, tmp_path / "out", "--jobs", jobs)
    wait_for(lambda: list((tmp_path / "out.pool" / "imagenet-21k").glob("*.parquet")))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the command
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "the same command goes on" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "out").exists()
    finished = {p: p.stat().st_mtime_ns for p in (tmp_path / "out.pool" / "imagenet-21k").glob("*.parquet")}
    subprocess.run(command(folder, source, tmp_path / "out"), check=True, capture_output=True)
    assert {p: p.stat().st_mtime_ns for p in finished} == finished  # what was whole was not made again


@pytest.mark.parametrize("room", [2_000, 8_000, 20_000])
def test_full_disk_is_an_error_and_resumable(tiny_manifest, tiny_source, tmp_path, undisturbed, room):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing then fails as it does on a full disk

    ran = subprocess.run(
        command(tiny_manifest, tiny_source, tmp_path / "out", "--jobs", "1"),
        capture_output=True, text=True, preexec_fn=limit,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "could not be written" in ran.stderr
    assert "same command" in ran.stderr
    assert not (tmp_path / "out").exists()
    subprocess.run(command(tiny_manifest, tiny_source, tmp_path / "out"), check=True, capture_output=True)
    assert sums(tmp_path / "out") == undisturbed


# Freed memory goes back to the system at once, so that the peak of a process is what it needs and not what its
# allocators keep: by default they keep up to 20 MB more in one run than in the next.
NO_KEPT_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}


def write_noise(folder, per_class):
    """Write a source of images that do not compress, 300 kB each. Returns its bytes."""
    rng = np.random.default_rng(0)
    for c in CLASSES:
        members = {}
        for i in range(per_class):
            data = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (500, 500, 3), np.uint8)).save(data, "JPEG", quality=95)
            members[f"{c.fine_id}_{i}.JPEG"] = data.getvalue()
        write_tar(folder / f"{c.fine_id}.tar", members)
    return sum(p.stat().st_size for p in folder.iterdir())


def peak_memory(*args):
    """Build in one process. Returns its largest resident memory in bytes."""
    code = (
        "import resource, sys\n"
        "from dmlkit.cli.main import run\n"
        "try: run()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *command(*args, "--jobs", "1")[3:]],
        capture_output=True, text=True, check=True, env=os.environ | NO_KEPT_MEMORY,
    )  # fmt: skip
    return 1024 * int(ran.stdout.splitlines()[-1])


def test_memory_does_not_grow_with_the_dataset(tiny_manifest, tmp_path):
    # Each split of the smaller one fills a row group of 16 MB, so that both builds reach what writing needs.
    small = write_noise(tmp_path / "small", 24)
    large = write_noise(tmp_path / "large", 60)
    assert large - small > 80e6
    needs_small = peak_memory(tiny_manifest, tmp_path / "small", tmp_path / "s")
    needs_large = peak_memory(tiny_manifest, tmp_path / "large", tmp_path / "l")
    assert needs_large - needs_small < 0.1 * (large - small)
