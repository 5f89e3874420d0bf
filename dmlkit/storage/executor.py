"""Runs independent pieces of work in this process, in several, or on Ray. Nothing else knows which."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, redirect_stdout
from multiprocessing.connection import wait as wait_for_sentinels
from typing import Any, TypeVar

from dmlkit.errors import DmlkitError, UsageError
from dmlkit.storage.locations import shown

T = TypeVar("T")
R = TypeVar("R")

ENGINES = ("local", "ray")

QUEUE_PER_JOB = 2
"""How many pieces a worker has ahead of it: enough to never idle, few enough to bound memory and scratch space."""

NODE_RETRIES = 5
"""How often Ray gives a piece to another worker when one dies with its node. A piece that ends them all is at fault."""

CONNECT_SECONDS = 10.0

WATCH_SECONDS = 2.0

GO_ON = "run the same command again: it goes on where it stopped"


def cpu_count() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    work: Callable[[T], R], items: Iterable[T], jobs: int, engine: str = "local", address: str | None = None
) -> Iterator[R]:
    """Apply ``work`` to each item and yield the results as they come, in no particular order.

    ``items`` is read only as far as workers need it. An exception of ``work`` ends the run. With the engine ``local``,
    ``jobs`` 1 all happens in this process. With ``ray``, the cluster at ``address`` says how many workers there are;
    without an address, one of this machine is started for the run. Raises `DmlkitError` when a worker is killed from
    outside, and `UsageError` where Ray is not installed.
    """
    if engine == "ray":
        return on_ray(work, items, jobs, address)
    return map(work, items) if jobs == 1 else in_processes(work, items, jobs)


def in_processes(work: Callable[[T], R], items: Iterable[T], jobs: int) -> Iterator[R]:
    """`run` in processes of this machine."""
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=prepare_worker)
    try:
        yield from drain(
            lambda item: submit(executor, work, item),
            wait_for_one_of,
            lambda future: future.result(),
            iter(items),
            lambda: jobs * QUEUE_PER_JOB,
        )
    except BrokenProcessPool as exc:
        # One that was being started meanwhile is overlooked by the executor, which would wait for it for ever.
        for worker in set(multiprocessing.active_children()) - others:
            worker.kill()
        raise DmlkitError(
            "a worker process was killed from outside, or could not start; what was finished is safe",
            hint=f"{GO_ON}. Out of memory? Try fewer --jobs. "
            'In a script of your own? What it does must stand below `if __name__ == "__main__":`',
        ) from exc
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def submit(executor: ProcessPoolExecutor, work: Callable[[T], R], item: T) -> Future[R]:
    """Hand over a piece. Raises `BrokenProcessPool` also where the executor notices while it starts a worker."""
    try:
        return executor.submit(work, item)
    except (OSError, ValueError) as exc:  # of pipes that are closed meanwhile
        raise BrokenProcessPool(str(exc)) from exc


def wait_for_one_of(pending: Collection[Future[R]]) -> tuple[Iterable[Future[R]], Iterable[Future[R]]]:
    """Wait until a piece is finished.

    A worker that is killed while it starts can escape the executor's own watch and leave the others waiting for ever,
    so it is looked for. Raises `BrokenProcessPool`.
    """
    alive = multiprocessing.active_children()
    while True:
        done, left = wait(pending, WATCH_SECONDS, FIRST_COMPLETED)
        if done:
            return done, left
        if not all(worker.is_alive() for worker in alive):
            raise BrokenProcessPool("a worker is gone")
        alive = multiprocessing.active_children()


def drain(
    hand_over: Callable[[T], Any],
    wait_for_any: Callable[[Collection[Any]], tuple[Iterable[Any], Iterable[Any]]],
    result: Callable[[Any], R],
    items: Iterator[T],
    ahead: Callable[[], int],
) -> Iterator[R]:
    """Keep ``ahead()`` pieces submitted and yield what is finished."""
    pending: list[Any] = []
    exhausted = False
    while True:
        while not exhausted and len(pending) < ahead():
            try:
                item = next(items)
            except StopIteration:
                exhausted = True
            else:
                pending.append(hand_over(item))
        if not pending:
            return
        done, left = wait_for_any(pending)
        pending = list(left)
        for one in done:
            yield result(one)


def prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=end_with, args=(parent.sentinel,), daemon=True).start()


def end_with(sentinel: int) -> None:
    wait_for_sentinels([sentinel])
    os._exit(1)


def on_ray(work: Callable[[T], R], items: Iterable[T], jobs: int, address: str | None) -> Iterator[R]:
    """`run` on Ray, which queues, places and repeats the pieces. Its workers must have dmlkit installed."""
    ray = import_ray(address)
    with redirect_stdout(OwnOutput()), connected(ray, jobs, address):
        task = ray.remote(max_retries=NODE_RETRIES)(work)
        try:
            yield from drain(
                task.remote,
                lambda pending: ray.wait(pending),
                ray.get,
                iter(items),
                # Asked anew each time: nodes come and go.
                lambda: QUEUE_PER_JOB * max(1, int(ray.cluster_resources().get("CPU", 1))),
            )
        except ray.exceptions.RayTaskError as exc:
            raise exc.cause from exc
        except ray.exceptions.RayError as exc:
            raise DmlkitError(
                f"Ray could not finish a unit: {one_line(exc)}; what was finished is safe",
                hint=f"{GO_ON}. `ray status` shows the nodes that are left",
            ) from exc


class OwnOutput(io.TextIOBase):
    """stdout for this thread, stderr for others: Ray has one that prints when a node dies, and that is no result."""

    def __init__(self) -> None:
        self._stdout = sys.stdout
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        return (self._stdout if threading.get_ident() == self._thread else sys.stderr).write(text)

    def flush(self) -> None:
        self._stdout.flush()


def import_ray(address: str | None) -> Any:
    if address is None:
        # A Ray of this machine has no business on the network. Ray reads this when it is imported; "0" makes it
        # use 127.0.0.1, as it does by itself on Windows and macOS.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError as exc:
        raise UsageError(
            f"--engine ray needs the package ray: {exc}", hint="pip install 'dmlkit[ray]', here and on each node"
        ) from exc
    return ray


@contextmanager
def connected(ray: Any, jobs: int, address: str | None) -> Iterator[None]:
    """A connection to the cluster, or a Ray of this machine for the time being. One that is there already is used."""
    if ray.is_initialized():
        yield
        return
    where = {"address": address} if address else {"address": "local", "num_cpus": jobs, "include_dashboard": False}
    try:
        if address:
            knock(address)
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as exc:  # of Ray, of gRPC, of the socket
        raise DmlkitError(
            f"{f'the Ray cluster {shown(address)} cannot be reached' if address else 'Ray could not be started'}: "
            f"{one_line(exc)}",
            hint="does `ray status` show it? With a token, RAY_AUTH_MODE=token must be set, here and on each node; "
            "the versions of Ray and Python must be the same",
        ) from exc
    try:
        yield
    finally:
        with redirect_stdout(sys.stderr):  # it prints what it held back
            ray.shutdown()


def knock(address: str) -> None:
    """Raise `OSError` where no one listens at ``HOST:PORT``: Ray itself would ask for a quarter of an hour."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()


def one_line(exc: Exception) -> str:
    return f"{type(exc).__name__}: {shown(str(exc).strip().partition(chr(10))[0])}"
