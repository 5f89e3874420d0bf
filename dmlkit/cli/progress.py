"""What the command line shows while it works: bars on a terminal, one calm line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from dmlkit.text import duration

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LOG_SECONDS = 60.0  # between two lines of a log


class ProgressReporter:
    """Shows the steps of library functions: an instance is their ``progress``, see `dmlkit.schema.progress`."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._log = LogLines()

    def __enter__(self) -> ProgressReporter:
        if not self._quiet and sys.stderr.isatty():
            self._bars = make_bars()
            self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, step: str, done: int, total: int | None, what: str) -> None:
        """Show that ``done`` of ``total`` of a step are done; ``what`` is what they are."""
        if self._bars is not None:
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(step, total=total, what=what)
            self._bars.update(self._tasks[step], completed=done, total=total, what=what)
        elif not self._quiet and (line := self._log.next_line(step, done, total, what)):
            print(line, file=sys.stderr, flush=True)


class LogLines:
    """Chooses what a log says: the first report of each step, and then one line a minute."""

    def __init__(self) -> None:
        self._starts: dict[str, tuple[float, int]] = {}  # step -> (seconds on the clock, what was done by then)
        self._last_line = 0.0

    def next_line(self, step: str, done: int, total: int | None, what: str) -> str:
        """Return the line for a report, empty if nothing is to be said now."""
        now = time.monotonic()
        if step in self._starts and now - self._last_line < LOG_SECONDS:
            return ""
        self._last_line = now
        start, done_before = self._starts.setdefault(step, (now, done))
        if not what:
            return step
        if not total:
            return f"{step}: {done} {what}"
        gained = done - done_before
        left = f", {duration((now - start) / gained * (total - done))} left" if gained and done < total else ""
        return f"{step}: {done} of {total} {what} ({done / total:.0%}{left})"


def make_bars() -> Progress:
    """Make the bars that a terminal shows, one for each step."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[what]}"),
        console=Console(stderr=True, highlight=False),
    )


def show_hub_bars(wanted: bool) -> None:
    """Show or hide the bars that the client of the Hub draws by itself."""
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

    enable_progress_bars() if wanted else disable_progress_bars()
