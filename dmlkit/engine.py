"""Runs independent pieces of work in this process or in several. Nothing else knows which."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_sentinels
from typing import TypeVar

from dmlkit.errors import DmlkitError

T = TypeVar("T")
R = TypeVar("R")

QUEUE_PER_JOB = 2
"""How many pieces a worker has ahead of it: enough to never idle, few enough to bound memory and scratch space."""


def cpu_count() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(work: Callable[[T], R], items: Iterable[T], jobs: int) -> Iterator[R]:
    """Apply ``work`` to each item and yield the results as they come, in no particular order.

    ``items`` is read only as far as workers need it. With ``jobs`` 1 all happens in this process. An exception of
    ``work`` ends the run. Raises `DmlkitError` when a worker is killed from outside.
    """
    if jobs == 1:
        yield from map(work, items)
        return
    executor = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=prepare_worker)
    try:
        yield from drain(executor, work, iter(items), jobs * QUEUE_PER_JOB)
    except BrokenProcessPool as exc:
        raise DmlkitError(
            "a worker process was killed from outside; what was finished is safe",
            hint="run the same command again: it goes on where it stopped. Out of memory? Try fewer --jobs",
        ) from exc
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def drain(executor: ProcessPoolExecutor, work: Callable[[T], R], items: Iterator[T], ahead: int) -> Iterator[R]:
    """Keep ``ahead`` pieces submitted and yield what is finished."""
    pending: set[Future[R]] = set()
    exhausted = False
    while True:
        while not exhausted and len(pending) < ahead:
            try:
                item = next(items)
            except StopIteration:
                exhausted = True
            else:
                pending.add(executor.submit(work, item))
        if not pending:
            return
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=end_with, args=(parent.sentinel,), daemon=True).start()


def end_with(sentinel: int) -> None:
    wait_for_sentinels([sentinel])
    os._exit(1)
