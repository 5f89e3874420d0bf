"""Progress: bars on a terminal, a line for each step and one a minute elsewhere, nothing with --quiet."""

import json
import os
import pty
import subprocess
import sys

import pytest

from dmlkit.cli import progress
from dmlkit.cli.output import Output
from dmlkit.cli.progress import ProgressReporter


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets: a list of one number of seconds."""
    seconds = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    return seconds


def report_on(stderr, *options):
    """What a build's progress writes to ``stderr``, in a process of its own."""
    code = (
        "from dmlkit.cli.output import Output\n"
        f"with Output({', '.join(options)}).progress() as progress:\n"
        "    for done in range(5): progress('collect', done, 4, 'units')\n"
    )
    subprocess.run([sys.executable, "-c", code], stderr=stderr, check=True, env=os.environ | {"TERM": "xterm"})


def read_terminal(*options):
    """What a person sees on a terminal, control characters included."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        report_on(theirs, *options)
        os.close(theirs)
        shown = b""
        try:
            while piece := screen.read(4096):
                shown += piece
        except OSError:  # the end of a terminal whose other side is closed
            pass
    return shown.decode()


def test_terminal_shows_bars():
    shown = read_terminal()
    assert "\x1b[" in shown
    assert "collect" in shown
    assert "4/4" in shown


def test_pipe_shows_lines_without_control_characters(tmp_path):
    with (tmp_path / "log").open("wb") as log:
        report_on(log)
    assert (tmp_path / "log").read_text() == "collect: 0 of 4 units (0%)\n"


@pytest.mark.parametrize("options", ["quiet=True", "as_json=True"])
def test_quiet_and_json_show_no_bars(options):
    assert read_terminal(options) == ""


def test_log_has_one_line_a_minute(clock, capsys):
    with ProgressReporter(quiet=False) as reporter:
        for minute, done in ((0, 0), (0.5, 10), (1.5, 30), (1.6, 31)):
            clock[0] = 1000 + 60 * minute
            reporter("collect", done, 60, "units")
    assert capsys.readouterr().err.splitlines() == [
        "collect: 0 of 60 units (0%)",
        "collect: 30 of 60 units (50%, 1 min 30 s left)",
    ]


def test_log_has_a_line_for_each_step(clock, capsys):
    with ProgressReporter(quiet=False) as reporter:
        reporter("collect", 3, None, "units")
        reporter("write", 0, None, "")
        reporter("write", 1, None, "")
    assert capsys.readouterr().err.splitlines() == ["collect: 3 units", "write"]


def test_json_has_null_for_what_is_no_number(capsys):
    Output(as_json=True).emit({"mAP": float("nan"), "list": [float("inf"), 1.5]}, "text")
    assert json.loads(capsys.readouterr().out) == {"mAP": None, "list": [None, 1.5]}


def test_text_is_printed_without_json(capsys):
    Output().emit({"a": 1}, "text")
    assert capsys.readouterr().out == "text\n"
