"""Writes docs/cli.md from the help texts of the commands. `make docs` runs it; a test tells when it is out of date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

TARGET = Path(__file__).with_name("cli.md")


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, in the order of their names."""
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def reference() -> str:
    """The text of the page."""
    from dmlkit.cli.main import main

    parts = [
        "# Command line",
        "Made by `make docs` from the commands' own help texts. Results go to stdout, all else to stderr; `--json`\n"
        "prints one object. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 built under the floor or errors found,\n"
        "130 interrupted.",
    ]
    for name, command in commands(main, "dmlkit"):
        context = click.Context(command, info_name=name, terminal_width=100, **main.context_settings)
        help_text = command.get_help(context)
        parts += [f"## {name}", f"```\n{help_text}\n```"]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
