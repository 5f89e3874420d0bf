"""The command line: runs a command of `dmlkit.cli` and exits. Only these modules print and draw progress.

Results go to stdout, all else to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 built under the floor or
validation found errors, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import click

from dmlkit import __version__
from dmlkit.cli import benchmark, build, convert, evaluate, inspect, manifest, push, report, train
from dmlkit.cli.options import print_json
from dmlkit.errors import DmlkitError

INTERRUPTED = 130


def run() -> None:
    """The entry point: runs a command and turns errors into a sentence and an exit code."""
    as_json = "--json" in sys.argv
    # The allocator that pyarrow takes by itself keeps what it was once given: memory would grow with the dataset.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Threads of torch that wait must not keep a core busy: with others on the machine that costs more than it gains.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        code = main(standalone_mode=False)
    except DmlkitError as exc:
        sys.exit(fail(exc.message, exc.hint, exc.exit_code, as_json))
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        if as_json:
            sys.exit(fail(exc.format_message(), "", exc.exit_code, as_json))
        exc.show()
        sys.exit(exc.exit_code)
    except BrokenPipeError:  # the reader of stdout, `head` for example, has seen enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as exc:  # of a path that no library module looked after
        sys.exit(fail(f"{exc.filename or 'a file'}: {exc.strerror or exc}", "", 1, as_json))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(fail("interrupted; what was finished is safe", "the same command goes on", INTERRUPTED, as_json))
    sys.exit(code if isinstance(code, int) else 0)


def fail(message: str, hint: str, code: int, as_json: bool) -> int:
    if as_json:
        print_json({"error": message, "hint": hint, "exit_code": code})
    print(f"dmlkit: {message}", file=sys.stderr)
    if hint:
        print(f"  try: {hint}", file=sys.stderr)
    return code


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dmlkit")
def main() -> None:
    """Image datasets with labels at three semantic scales: fine, middle, coarse."""


for command in (
    build.build,
    inspect.validate,
    inspect.list_all,
    inspect.info,
    inspect.wordnet,
    inspect.sheets,
    report.report,
    manifest.manifest,
    convert.import_,
    convert.export,
    push.push,
    train.train,
    evaluate.evaluate,
    benchmark.benchmark,
):
    main.add_command(command)
