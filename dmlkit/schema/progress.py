"""How library functions report what they do, without knowing who shows it."""

from __future__ import annotations

from collections.abc import Callable

# Called as (step, done, total, what): the name of a step; how much of it is done, of how much in all (None if that is
# not known), in the unit of the step; what is at work now, or an empty string.
Progress = Callable[[str, int, int | None, str], None]


def no_progress(step: str, done: int, total: int | None, what: str) -> None:
    """Ignore every report: the default where a caller wants none."""


# Called as (done, total), in bytes or files as the function says.
CountProgress = Callable[[int, int], None]


def no_count_progress(done: int, total: int) -> None:
    """Ignore every report."""
