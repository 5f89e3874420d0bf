"""Options that commands share, so that they have the same name and meaning everywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from dmlkit.cli.output import Output

Decorator = Callable[[Callable[..., int]], Callable[..., int]]

POSITIVE = click.IntRange(min=1)
LOCAL_PATH = click.Path(path_type=Path)


def parse_location(text: str) -> Path | str:
    """Parse a local path, or a URL such as s3://BUCKET/FOLDER. Raise `UsageError` for a URL that cannot be used."""
    from dmlkit.storage.locations import parse_location

    return parse_location(text)


jobs_option: Decorator = click.option(
    "--jobs", type=POSITIVE, metavar="N", help="Worker processes.  [default: the cores]"
)


def output_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add ``--json`` and ``--quiet``, and pass them to the command as ``output``, an `Output`."""

    @click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
    @click.option("--quiet", "-q", is_flag=True, help="No progress and no notes on stderr.")
    @wraps(command)
    def with_output(as_json: bool, quiet: bool, **arguments: Any) -> int:
        return command(output=Output(as_json, quiet), **arguments)

    return with_output


def arguments_as(kind: Callable[..., object]) -> Decorator:
    """Pass the arguments of a command as one typed record, ``call``, beside ``output``.

    ``kind`` is a dataclass with a field for each argument and option of the command.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def with_record(output: Output, **arguments: Any) -> int:
            return command(kind(**arguments), output)

        return with_record

    return decorate
