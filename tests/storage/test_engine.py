"""Running pieces of work: all of them, in any order, none too early, and with an error that says how to go on."""

import multiprocessing
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from dmlkit.errors import DmlkitError, OutputError, UsageError
from dmlkit.pipeline.build import build
from dmlkit.pipeline.collect import CollectTask, byte_versions, collect_unit
from dmlkit.pipeline.options import BuildOptions, CollectSettings
from dmlkit.sources.base import Payload, Unit
from dmlkit.storage import executor
from dmlkit.storage.locations import folder_at
from tests.support.requirements import installed


def square(number):
    return number * number


def process_of(number):
    time.sleep(0.02)
    return os.getpid()


def slow_first(number):
    time.sleep(0.5 if number == 0 else 0)
    return number


def fail_at_three(number):
    if number == 3:
        raise OutputError("no room for three", hint="make some")
    return number


def die(number):
    os.kill(os.getpid(), 9)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_piece_is_done_once(jobs):
    assert sorted(executor.run(square, range(20), jobs)) == [n * n for n in range(20)]
    assert list(executor.run(square, [], jobs)) == []


def test_one_job_is_this_process_and_two_are_two_others():
    assert set(executor.run(process_of, range(3), 1)) == {os.getpid()}
    others = set(executor.run(process_of, range(40), 2))
    assert len(others) == 2
    assert os.getpid() not in others


def test_a_slow_piece_holds_up_no_other():
    assert next(iter(executor.run(slow_first, range(4), 2))) != 0


@pytest.mark.parametrize(("jobs", "most"), [(1, 1), (2, 2 * executor.QUEUE_PER_JOB)])
def test_pieces_are_read_only_as_far_as_they_are_needed(jobs, most):
    read = []

    def pieces():
        for number in range(100):
            read.append(number)
            yield number

    results = executor.run(square, pieces(), jobs)
    for done in range(1, 11):
        next(results)
        assert len(read) <= done + most
    assert len(read) < 30


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_piece_raises_ends_the_run_and_is_raised(jobs):
    with pytest.raises(OutputError, match="no room for three") as error:
        list(executor.run(fail_at_three, range(1000), jobs))
    assert error.value.hint == "make some"


def test_what_reading_the_pieces_raises_is_raised():
    def pieces():
        yield 1
        raise OutputError("the list ends in the middle")

    with pytest.raises(OutputError, match="in the middle"):
        list(executor.run(square, pieces(), 2))


def test_a_worker_that_is_killed_is_an_error_that_says_what_to_do():
    with pytest.raises(DmlkitError, match="killed from outside") as error:
        list(executor.run(die, range(3), 2))
    assert "same command again" in error.value.hint
    assert "fewer --jobs" in error.value.hint


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        textwrap.dedent("""
        import math
        from dmlkit.storage import executor
        try:
            list(executor.run(math.sqrt, range(4), 2))
        except executor.DmlkitError as exc:
            print(exc)
    """)
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert 'if __name__ == "__main__":' in ran.stdout


def test_ray_that_is_not_installed_is_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="needs the package ray") as error:
        list(executor.run(square, [1], 1, "ray"))
    assert "dmlkit[ray]" in error.value.hint


@pytest.mark.parametrize("form", ["{}", "ray://{}"])
def test_a_cluster_that_is_not_there_is_an_error_at_once(form):
    installed("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = form.format(f"127.0.0.1:{server.getsockname()[1]}")
    started = time.monotonic()
    with pytest.raises(DmlkitError, match="cannot be reached: ConnectionRefusedError"):
        list(executor.run(square, [1], 1, "ray", address))
    assert time.monotonic() - started < 5


def test_a_worker_with_other_versions_is_an_error_and_writes_nothing(tmp_path):
    task = CollectTask(
        Unit("u", ("n01443537",), "1", Payload()), "sample", folder_at(tmp_path), CollectSettings(32, None, None), {},
        versions=byte_versions() | {"pillow": "1.0"},
    )  # fmt: skip
    with pytest.raises(DmlkitError, match=r"was started with dmlkit .*pillow 1\.0"):
        collect_unit(task)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"engine": "spark"}, "unknown engine 'spark'"),
        ({"address": "auto"}, "--address auto is that of a Ray cluster"),
    ],
)
def test_an_engine_that_is_none_is_refused(tiny_manifest, tiny_source, tmp_path, change, complaint):
    from dmlkit.taxonomy.manifest import load_manifest

    options = BuildOptions("imagenet-21k", tmp_path / "out", tiny_source, **change)
    with pytest.raises(UsageError, match=complaint):
        build(load_manifest(str(tiny_manifest)), options)


def slow_echo(item):
    time.sleep(0.05)
    return item


def test_a_worker_that_is_killed_while_it_starts_ends_the_run_and_not_the_patience():
    def kill_the_first():
        while not stop.is_set():
            for worker in multiprocessing.active_children():
                worker.kill()
                return

    for _ in range(4):
        stop = threading.Event()
        killer = threading.Thread(target=kill_the_first)
        killer.start()
        try:
            with pytest.raises(DmlkitError, match="a worker process was killed"):
                list(executor.run(slow_echo, range(40), 2))
        finally:
            stop.set()
            killer.join()
