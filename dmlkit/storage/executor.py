"""Independent pieces of work, run in this process, in several local ones, or on Ray. Nothing else knows which."""

from __future__ import annotations

import io
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TypeVar

from dmlkit.errors import DmlkitError, UsageError
from dmlkit.storage.worker_pool import WorkerDied, WorkerPool
from dmlkit.text import printable, redact_url

T = TypeVar("T")
R = TypeVar("R")

ENGINES = ("local", "ray")

# Pieces that a worker has ahead of it: enough to never idle, few enough to bound memory and scratch space.
QUEUE_PER_JOB = 2

# How often Ray gives a piece to another worker when one dies with its node. A piece that ends them all is at fault.
NODE_RETRIES = 5

# Seconds to connect to a Ray cluster.
CONNECT_SECONDS = 10.0

RESUME_HINT = "run the same command again: it resumes where it stopped"


def cpu_count() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    work: Callable[[T], R], items: Iterable[T], jobs: int, engine: str = "local", address: str | None = None
) -> Iterator[R]:
    """Apply ``work`` to each item and yield the results as they arrive, in no particular order.

    ``items`` is read only as far as workers need it. An exception of ``work`` ends the run. With the engine ``local``
    and one job, everything happens in this process. With ``ray``, the cluster at ``address`` determines the number of
    workers; without an address, a local Ray is started for the run. Raises `DmlkitError` if a worker is killed from
    outside, and `UsageError` if Ray is not installed.
    """
    if engine == "ray":
        return run_on_ray(work, items, jobs, address)
    return map(work, items) if jobs == 1 else run_in_processes(work, items, jobs)


def run_in_processes(work: Callable[[T], R], items: Iterable[T], jobs: int) -> Iterator[R]:
    """Do what `run` does, in local processes."""
    try:
        with WorkerPool(work, jobs) as pool:
            pending = 0
            for item in items:
                pool.submit(item)
                pending += 1
                if pending == jobs * QUEUE_PER_JOB:
                    yield pool.take()
                    pending -= 1
            for _ in range(pending):
                yield pool.take()
    except WorkerDied as exc:
        raise DmlkitError(
            "a worker process was killed from outside, or could not start; what was finished is safe",
            code="storage.worker-killed",
            hint=f"{RESUME_HINT}. Out of memory? Try fewer --jobs. "
            'In a script of your own? What it does must stand below `if __name__ == "__main__":`',
        ) from exc


def run_on_ray(work: Callable[[T], R], items: Iterable[T], jobs: int, address: str | None) -> Iterator[R]:
    """Do what `run` does, on Ray, which queues, places and repeats the pieces. Its workers must have dmlkit."""
    ray = import_ray(address)
    with redirect_stdout(ThreadOutput()), ray_connection(ray, jobs, address):
        task = ray.remote(max_retries=NODE_RETRIES)(work)
        try:
            yield from run_with_backpressure(ray, task, iter(items))
        except ray.exceptions.RayTaskError as exc:
            raise exc.cause from exc
        except ray.exceptions.RayError as exc:
            raise DmlkitError(
                f"Ray could not finish a unit: {summarize_first_line(exc)}; what was finished is safe",
                code="storage.ray-failed",
                hint=f"{RESUME_HINT}. `ray status` shows the nodes that are left",
            ) from exc


def run_with_backpressure(ray: Any, task: Any, items: Iterator[T]) -> Iterator[Any]:
    """Keep `QUEUE_PER_JOB` pieces for each processor of the cluster submitted and yield what is finished."""
    pending: list[Any] = []
    exhausted = False
    while True:
        # Asked anew each time: nodes come and go.
        ahead = QUEUE_PER_JOB * max(1, int(ray.cluster_resources().get("CPU", 1)))
        while not exhausted and len(pending) < ahead:
            try:
                item = next(items)
            except StopIteration:
                exhausted = True
            else:
                pending.append(task.remote(item))
        if not pending:
            return
        done, pending = ray.wait(pending)
        for one in done:
            yield ray.get(one)


class ThreadOutput(io.TextIOBase):
    """stdout for this thread, stderr for others: a thread of Ray prints when a node dies, which is not a result."""

    def __init__(self) -> None:
        self._stdout = sys.stdout
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        """Write a text to the stream of the calling thread."""
        return (self._stdout if threading.get_ident() == self._thread else sys.stderr).write(text)

    def flush(self) -> None:
        """Flush stdout."""
        self._stdout.flush()


def import_ray(address: str | None) -> Any:
    """Import Ray, set up for a local cluster if ``address`` is None. Raises `UsageError` if it is not installed."""
    if address is None:
        # A Ray of this machine has no business on the network. Ray reads this when it is imported; "0" makes it
        # use 127.0.0.1, as it does by itself on Windows and macOS.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError as exc:
        raise UsageError(
            f"--engine ray needs the package ray: {exc}",
            code="usage.ray-not-installed",
            hint="pip install 'dmlkit[ray]', here and on each node",
        ) from exc
    return ray


@contextmanager
def ray_connection(ray: Any, jobs: int, address: str | None) -> Iterator[None]:
    """Connect to the Ray cluster at ``address``, or start a local one for the block; reuse an existing connection.

    Raises `DmlkitError` if the cluster cannot be reached.
    """
    if ray.is_initialized():
        yield
        return
    arguments = {"address": address} if address else {"address": "local", "num_cpus": jobs, "include_dashboard": False}
    try:
        if address:
            check_reachable(address)
        ray.init(**arguments, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as exc:  # of Ray, of gRPC, of the socket
        what = f"the Ray cluster {redact_url(address)} cannot be reached" if address else "Ray could not be started"
        raise DmlkitError(
            f"{what}: {summarize_first_line(exc)}",
            code="storage.ray-unreachable",
            hint="check `ray status`. With a token, RAY_AUTH_MODE=token must be set, here and on each node; "
            "the versions of Ray and Python must be the same",
            address=redact_url(address or ""),
        ) from exc
    try:
        yield
    finally:
        with redirect_stdout(sys.stderr):  # Ray prints what it held back
            ray.shutdown()


def check_reachable(address: str) -> None:
    """Raise `OSError` if nothing listens at ``HOST:PORT``: Ray itself would try for a quarter of an hour."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()


def summarize_first_line(exc: Exception) -> str:
    """Describe an exception by its type and the first line of its text, without credentials."""
    first = str(exc).strip().partition("\n")[0]
    return f"{type(exc).__name__}: {printable(redact_url(first))}"
