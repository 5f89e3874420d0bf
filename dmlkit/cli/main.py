"""The command line: finds a command, runs it, and turns errors into a sentence and an exit code.

Results go to stdout, all else to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 built under the minimum or
validation found errors, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module

import click

from dmlkit import __version__
from dmlkit.cli.output import FAILED, INTERRUPTED, fail
from dmlkit.errors import DmlkitError

# Command -> (its module, its name there, one line for `dmlkit --help`): a module is imported when one of
# its commands runs, because what it needs takes long to import.
COMMANDS = {
    "build": ("dmlkit.cli.build", "build", "Build a dataset from a source, or a published one again."),
    "validate": ("dmlkit.cli.inspect", "validate", "Check a dataset folder."),
    "list": ("dmlkit.cli.inspect", "list_all", "List the datasets and their sources."),
    "info": ("dmlkit.cli.inspect", "info", "Show the classes of a dataset."),
    "wordnet": ("dmlkit.cli.inspect", "wordnet", "Show a synset and where it falls in a manifest."),
    "sheets": ("dmlkit.cli.inspect", "sheets", "Draw contact sheets of a dataset."),
    "report": ("dmlkit.cli.report", "report", "Write web pages that show a dataset or a run."),
    "manifest": ("dmlkit.cli.manifest", "manifest", "Make, check, derive and compare manifests."),
    "import": ("dmlkit.cli.convert", "import_", "Read a dataset that others released."),
    "export": ("dmlkit.cli.convert", "export", "Write a dataset in another layout."),
    "push": ("dmlkit.cli.push", "push", "Upload a dataset to the Hugging Face Hub."),
    "train": ("dmlkit.cli.train", "train", "Train on a dataset and evaluate."),
    "evaluate": ("dmlkit.cli.evaluate", "evaluate", "Measure how well embeddings find images."),
    "benchmark": ("dmlkit.cli.benchmark", "benchmark", "Compare training methods on a dataset."),
}


class LazyGroup(click.Group):
    """The commands of `COMMANDS`, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments. Raise `click.UsageError` with a suggestion for an unknown one."""
        if args and args[0] not in COMMANDS and (close := get_close_matches(args[0], COMMANDS, 1)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dmlkit")
def main() -> None:
    """Image datasets with labels at three semantic scales: fine, middle, coarse."""


def run() -> None:
    """Run the command of `sys.argv` and exit."""
    # The allocator that pyarrow takes by itself keeps what it was once given: memory would grow with the dataset.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Threads of torch that wait must not keep a core busy: with others on the machine that costs more than it gains.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(exit_code("--json" in sys.argv))


def exit_code(as_json: bool) -> int:
    """Run the command of `sys.argv`, print what went wrong, and return the exit code."""
    try:
        code = main(standalone_mode=False)
    except DmlkitError as exc:
        return fail(exc.message, exc.exit_code, as_json, hint=exc.hint, code=exc.code)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.ClickException as exc:
        if as_json:
            return fail(exc.format_message(), exc.exit_code, as_json, code="usage.command-line")
        exc.show()
        return exc.exit_code
    except BrokenPipeError:  # the reader of stdout, `head` for example, has seen enough
        sys.stderr.close()
        return 0
    except OSError as exc:  # of a path that no library module looked after
        return fail(f"{exc.filename or 'a file'}: {exc.strerror or exc}", FAILED, as_json, code="output.os-error")
    except (click.Abort, KeyboardInterrupt):
        hint = "the same command goes on"
        return fail("interrupted; what was finished is safe", INTERRUPTED, as_json, hint=hint, code="usage.interrupted")
    return code if isinstance(code, int) else 0
