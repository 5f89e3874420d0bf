"""What the command line shows while it works: bars on a terminal, one calm line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from dmlkit.text import duration

console = Console(stderr=True, highlight=False)
LOG_SECONDS = 60.0


class Steps:
    """Shows the steps of a build. Its instance is the ``notify`` of `dmlkit.pipeline.build.build`."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._said = time.monotonic()
        self._started: dict[str, tuple[float, int]] = {}

    def __enter__(self) -> Steps:
        if not self._quiet and sys.stderr.isatty():
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<9}"),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[what]}"),
                console=console,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, step: str, done: int, total: int | None, what: str) -> None:
        if self._bars is not None:
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(step, total=total, what=what)
            self._bars.update(self._tasks[step], completed=done, total=total, what=what)
        elif not self._quiet and (step not in self._tasks or time.monotonic() - self._said >= LOG_SECONDS):
            self._tasks[step] = TaskID(0)
            self._said = time.monotonic()
            print(self._line(step, done, total, what), file=sys.stderr, flush=True)

    def _line(self, step: str, done: int, total: int | None, what: str) -> str:
        """One line of a log: how far the step is, what is left of it, and what was counted."""
        started = self._started.setdefault(step, (time.monotonic(), done))
        if not what:
            return step
        if not total:
            return f"{step}: {done} {what}"
        seconds, gained = time.monotonic() - started[0], done - started[1]
        left = f", {duration(seconds / gained * (total - done))} left" if gained and done < total else ""
        return f"{step}: {done} of {total} {what} ({done / total:.0%}{left})"
