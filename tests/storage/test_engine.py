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
from tests.support.errors import raises
from tests.support.requirements import installed


def square(number):
    return number * number


def meet_the_other(folder):
    """Return the process, once another one is at a piece too."""
    (folder / str(os.getpid())).touch()
    wait_until(lambda: len(list(folder.iterdir())) == 2)
    return os.getpid()


def wait_for_the_others(item):
    """Return the number; the first one waits for its file."""
    number, file = item
    if number == 0:
        wait_until(file.exists)
    return number


def wait_until(holds):
    """Wait until a condition holds, for at most a minute."""
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def fail_at_three(number):
    if number == 3:
        raise OutputError("no room for three", code="output.full", hint="make some", number=3)
    return number


def die(number):
    os.kill(os.getpid(), 9)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_piece_is_done_once(jobs):
    assert sorted(executor.run(square, range(20), jobs)) == [n * n for n in range(20)]
    assert list(executor.run(square, [], jobs)) == []


def own_process(number):
    return os.getpid()


def test_jobs_run_here_or_in_two_other_processes(tmp_path):
    assert set(executor.run(own_process, range(3), 1)) == {os.getpid()}
    others = set(executor.run(meet_the_other, [tmp_path] * 4, 2))
    assert len(others) == 2
    assert os.getpid() not in others


def test_slow_piece_delays_no_other(tmp_path):
    results = executor.run(wait_for_the_others, [(number, tmp_path / "go") for number in range(4)], 2)
    assert {next(results) for _ in range(3)} == {1, 2, 3}
    (tmp_path / "go").touch()
    assert list(results) == [0]


@pytest.mark.parametrize(("jobs", "most"), [(1, 1), (2, 2 * executor.QUEUE_PER_JOB)])
def test_pieces_are_read_only_as_needed(jobs, most):
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
def test_error_of_a_piece_ends_the_run(jobs):
    with raises(OutputError, "output.full", number=3) as error:
        list(executor.run(fail_at_three, range(1000), jobs))
    assert error.value.hint == "make some"


def test_error_of_reading_pieces_is_raised():
    def pieces():
        yield 1
        raise OutputError("the list ends in the middle", code="output.cut")

    with raises(OutputError, "output.cut"):
        list(executor.run(square, pieces(), 2))


def test_killed_worker_is_an_error_with_a_hint():
    with raises(DmlkitError, "storage.worker-killed") as error:
        list(executor.run(die, range(3), 2))
    assert "same command again" in error.value.hint
    assert "fewer --jobs" in error.value.hint


def test_script_without_main_guard_gets_a_hint(tmp_path):
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


def test_missing_ray_is_an_error_with_a_hint(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with raises(UsageError, "usage.ray-not-installed") as error:
        list(executor.run(square, [1], 1, "ray"))
    assert "dmlkit[ray]" in error.value.hint


@pytest.mark.parametrize("form", ["{}", "ray://{}"])
def test_unreachable_cluster_is_an_error_at_once(form):
    installed("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = form.format(f"127.0.0.1:{server.getsockname()[1]}")
    started = time.monotonic()
    with raises(DmlkitError, "storage.ray-unreachable", address=address) as error:
        list(executor.run(square, [1], 1, "ray", address))
    assert time.monotonic() - started < 5
    assert isinstance(error.value.__cause__, ConnectionRefusedError)


def test_worker_with_other_versions_writes_nothing(tmp_path):
    task = CollectTask(
        Unit("u", ("n01443537",), "1", Payload()), "sample", folder_at(tmp_path), CollectSettings(32, None, None), {},
        versions=byte_versions() | {"pillow": "1.0"},
    )  # fmt: skip
    with raises(DmlkitError, "pool.other-versions"):
        collect_unit(task)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"engine": "spark"}, "usage.unknown-engine"), ({"address": "auto"}, "usage.address-without-ray")],
)
def test_unknown_engine_is_refused(tiny_manifest, tiny_source, tmp_path, change, code):
    from dmlkit.taxonomy.manifest import load_manifest

    options = BuildOptions("imagenet-21k", tmp_path / "out", tiny_source, **change)
    with raises(UsageError, code):
        build(load_manifest(str(tiny_manifest)), options)


def wait_to_be_killed(item):
    """Never end by itself."""
    threading.Event().wait(60)


def test_worker_killed_at_its_start_ends_the_run():
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
            with raises(DmlkitError, "storage.worker-killed"):
                list(executor.run(wait_to_be_killed, range(40), 2))
        finally:
            stop.set()
            killer.join()
