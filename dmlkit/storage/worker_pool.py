"""Local worker processes, and the one thread that serves them.

Not `concurrent.futures.ProcessPoolExecutor`: when a worker dies, its managing thread walks over tables that the caller
may change at the same moment (CPython 3.11 to 3.13), dies of that itself, and a run waits for ever. Here one thread
alone starts workers, hands out items and notices deaths; the caller only puts items into one queue and takes outcomes
from another.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class WorkerDied(Exception):
    """A worker process was killed, or could not start."""


class WorkerPool(Generic[T, R]):
    """Up to ``jobs`` processes that apply ``work`` to items; each has one item at a time.

    `submit` never waits, and `take` returns outcomes in the order in which they arrive. A death ends the pool.
    """

    def __init__(self, work: Callable[[T], R], jobs: int) -> None:
        self._work = work
        self._jobs = jobs
        self._items: deque[T] = deque()
        self._outcomes: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._workers: dict[Any, BaseProcess] = {}
        self._idle: list[Any] = []
        self._bell, self._listening = multiprocessing.Pipe()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="dmlkit-workers", daemon=True)

    def __enter__(self) -> WorkerPool[T, R]:
        """Start serving. Workers start when there are items for them."""
        self._thread.start()
        atexit.register(self.close)  # before multiprocessing waits for workers that nobody would stop
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the pool."""
        self.close()

    def submit(self, item: T) -> None:
        """Queue an item."""
        self._items.append(item)
        self._bell.send_bytes(b"item")

    def take(self) -> R:
        """Wait for the next result. Raises what ``work`` raised, or `WorkerDied`."""
        kind, value = self._outcomes.get()
        if kind != "result":
            raise value
        result: R = value
        return result

    def close(self) -> None:
        """Forget the items that are queued, let workers end the one that they have, and wait for them."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._bell.send_bytes(b"stop")
        self._thread.join()
        atexit.unregister(self.close)

    def _serve(self) -> None:
        """Hand out items and collect outcomes until the pool is closed or a worker dies."""
        try:
            while not self._stopping.is_set():
                while self._items and (self._idle or len(self._workers) < self._jobs):
                    connection = self._idle.pop() if self._idle else self._start_worker()
                    connection.send(self._items.popleft())
                self._collect([self._listening, *self._workers])
        except (EOFError, OSError) as exc:
            self._kill_all()
            self._outcomes.put(("error", WorkerDied(f"{type(exc).__name__}: {exc}")))
        except BaseException as exc:  # an item or result that cannot be pickled
            self._kill_all()
            self._outcomes.put(("error", exc))
        else:
            self._dismiss_all()

    def _collect(self, connections: Any) -> None:
        """Wait until there is something to read, and read it. Raises `EOFError` or `OSError` for a dead worker."""
        ready: Any
        for ready in wait(connections):
            if ready is self._listening:
                ready.recv_bytes()
            else:
                self._outcomes.put(ready.recv())
                self._idle.append(ready)

    def _start_worker(self) -> Any:
        """Start a process and return the connection to it."""
        context = multiprocessing.get_context("spawn")
        connection, far_end = context.Pipe()
        worker = context.Process(target=serve_items, args=(self._work, far_end))
        self._workers[connection] = worker
        try:
            worker.start()
        finally:
            far_end.close()  # so that the end of the worker is the end of the connection
        return connection

    def _dismiss_all(self) -> None:
        """Let workers end what they do, and wait for them."""
        for connection, worker in self._workers.items():
            try:
                while connection not in self._idle:
                    connection.recv()
                    self._idle.append(connection)
            except Exception:  # it died meanwhile, or its last result cannot be read: nobody wants it
                worker.kill()
            connection.close()  # an idle worker ends at that
            worker.join()

    def _kill_all(self) -> None:
        """End all workers at once."""
        for connection, worker in self._workers.items():
            if worker.pid is not None:
                worker.kill()
                worker.join()
            connection.close()


def serve_items(work: Callable[[Any], Any], connection: Any) -> None:
    """Apply ``work`` to the items of a connection until it is closed: the life of a worker.

    Ctrl-C is left to the parent. If the parent is gone, the worker ends at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=exit_with_parent, args=(parent.sentinel,), daemon=True).start()
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        try:
            outcome = ("result", work(item))
        except Exception as exc:
            exc.add_note("raised in a worker process:\n" + traceback.format_exc())
            outcome = ("error", exc)
        connection.send_bytes(pickle_outcome(outcome))


def pickle_outcome(outcome: tuple[str, Any]) -> bytes:
    """Pickle an outcome; if that fails, an error that says so."""
    try:
        data = pickle.dumps(outcome)
        if outcome[0] == "error":
            pickle.loads(data)  # exceptions that cannot be made again would take the parent with them
        return data
    except Exception as exc:
        return pickle.dumps(("error", RuntimeError(f"{type(exc).__name__}: {exc}; it was about {outcome[1]!r:.200}")))


def exit_with_parent(sentinel: int) -> None:
    """Wait until the parent is gone, then end this process at once."""
    wait([sentinel])
    os._exit(1)
