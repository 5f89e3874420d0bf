"""Killed, interrupted, out of disk: the same command goes on and ends in the same bytes, in bounded memory."""

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
def whole(tiny_manifest, tiny_source, tmp_path):
    """The check sums of a build that nothing disturbed."""
    subprocess.run(command(tiny_manifest, tiny_source, tmp_path / "whole"), check=True, stdout=subprocess.DEVNULL)
    return sums(tmp_path / "whole")


def test_killed_at_random_moments_it_ends_in_the_same_bytes(tiny_manifest, tiny_source, tmp_path, whole):
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
    assert sums(out) == whole
    assert not [p.name for p in tmp_path.iterdir() if "dmlkit" in p.name]
    assert not list((tmp_path / "killed.pool").rglob("*.tmp"))


def test_a_killed_worker_is_an_error_that_says_how_to_go_on(tmp_path):
    folder, source = write_manifest(tmp_path / "m"), write_source(tmp_path / "tars", 300)
    process = start(folder, source, tmp_path / "out", "--jobs", "2")
    children = wait_for(lambda: workers_of(process.pid))
    os.kill(children[-1], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a worker process was killed" in said
    assert "Traceback" not in said
    again = subprocess.run(command(folder, source, tmp_path / "out"), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr


def workers_of(pid):
    """The worker processes of a build; Python's resource tracker is a child of it too."""
    found = []
    for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split():
        with open(f"/proc/{child}/cmdline") as file:
            if "spawn_main" in file.read():
                found.append(int(child))
    return found


def wait_for(ask, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ask():
            return found
        time.sleep(0.02)
    pytest.fail("waited in vain")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(tmp_path, jobs):
    folder, source = write_manifest(tmp_path / "m"), write_source(tmp_path / "tars", 400)
    process = start(folder, source, tmp_path / "out", "--jobs", jobs)
    wait_for(lambda: list((tmp_path / "out.pool" / "imagenet-21k").glob("*.parquet")))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the command
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "the same command goes on" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()
    finished = {p: p.stat().st_mtime_ns for p in (tmp_path / "out.pool" / "imagenet-21k").glob("*.parquet")}
    subprocess.run(command(folder, source, tmp_path / "out"), check=True, capture_output=True)
    assert {p: p.stat().st_mtime_ns for p in finished} == finished  # what was whole was not made again


@pytest.mark.parametrize("room", [2_000, 8_000, 20_000])
def test_no_room_on_the_disk_is_an_error_and_what_was_finished_is_kept(
    tiny_manifest, tiny_source, tmp_path, whole, room
):
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
    assert sums(tmp_path / "out") == whole


def test_memory_depends_on_the_workers_and_not_on_the_data_set(tiny_manifest, tmp_path):
    rng = np.random.default_rng(0)

    def noise(path, count):
        members = {}
        for i in range(count):
            file = tmp_path / "noise.jpg"
            Image.fromarray(rng.integers(0, 256, (500, 500, 3), np.uint8)).save(file, quality=95)
            members[f"{path.stem}_{i}.JPEG"] = file.read_bytes()
        write_tar(path, members)

    def peak(source, out):
        """Kilobytes at the peak of a build in one process."""
        code = (
            "import resource, sys; from dmlkit import cli\n"
            "try: cli.run()\n"
            "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code, *command(tiny_manifest, source, out, "--jobs", "1")[3:]],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return int(ran.stdout.splitlines()[-1])

    for c in CLASSES:
        noise(tmp_path / "small" / f"{c.fine_id}.tar", 12)
        noise(tmp_path / "large" / f"{c.fine_id}.tar", 48)
    bytes_more = sum(p.stat().st_size for p in (tmp_path / "large").iterdir()) * 0.75
    more = (peak(tmp_path / "large", tmp_path / "l") - peak(tmp_path / "small", tmp_path / "s")) * 1024
    assert bytes_more > 70e6
    assert more < 0.25 * bytes_more
