"""What all commands share: options of the same name, and how a result is printed."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress and no notes on stderr.")

FAILED_CHECK = 3
"""The exit code of what was built under the floor, and of a validation that found errors."""


def print_json(value: Any) -> None:
    """A result as one JSON object on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def note(text: str, quiet: bool = False) -> None:
    """A line on stderr."""
    if not quiet:
        print(text, file=sys.stderr)


def place(text: str) -> Any:
    """A path of this machine, or a URL such as s3://BUCKET/FOLDER."""
    from dmlkit.storage.locations import place_of

    return place_of(text)
