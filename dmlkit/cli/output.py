"""What commands answer: a result on stdout, as text or as one JSON object, and notes on stderr. The only prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from dmlkit.cli.progress import ProgressReporter
from dmlkit.text import nan_to_none

# Exit codes.
FAILED = 1
FAILED_CHECK = 3  # built under the minimum, or a validation found errors
INTERRUPTED = 130


@dataclass(frozen=True)
class Output:
    """How a command answers. ``as_json`` is ``--json``, ``quiet`` is ``--quiet``."""

    as_json: bool = False
    quiet: bool = False

    def emit(self, result: Mapping[str, object], text: str) -> None:
        """Print the result of a command: the object with ``--json``, else the text."""
        print(to_json(result) if self.as_json else text)

    def note(self, text: str) -> None:
        """Print lines for a person to stderr, unless ``--quiet``."""
        if not self.quiet:
            print(text, file=sys.stderr)

    def progress(self) -> ProgressReporter:
        """Show the steps of library functions while they work, if a person may be watching."""
        return ProgressReporter(self.quiet or self.as_json)


def to_json(result: Mapping[str, object]) -> str:
    """Write an object as JSON. What is not a finite number becomes null; paths and the like become text."""
    return json.dumps(nan_to_none(result), indent=2, ensure_ascii=False, default=str)


def fail(message: str, exit_code: int, as_json: bool, *, hint: str = "", code: str = "") -> int:
    """Print an error to stderr, and with ``--json`` also as one object to stdout. Return the exit code."""
    if as_json:
        print(to_json({"error": message, "code": code, "hint": hint, "exit_code": exit_code}))
    print(f"dmlkit: {message}", file=sys.stderr)
    if hint:
        print(f"  try: {hint}", file=sys.stderr)
    return exit_code
