"""Runs a command and measures it with all its processes: CPU, time and memory. Linux only: reads /proc."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.1
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a command took: seconds of CPU and of the clock; kilobytes at the peak, of all processes and of the largest.

    Memory is PSS, in which shared pages count once.
    """

    cpu: float
    wall: float
    together: int
    largest: int


def run(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Usage:
    """Run a command to its end; what it prints goes to ``log``. Ends this program, with that, if the command fails.

    CPU is what the kernel counts for the command, the children that were waited for, and the orphans. What was seen in
    /proc meanwhile checks that: a worker that nobody waited for would be missing.
    """
    adopt_orphans()
    seen: dict[int, float] = {}
    together, largest = 0, 0
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=folder, start_new_session=True
        )
    try:
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            sizes = []
            for pid, cpu in members(process.pid).items():
                seen[pid] = cpu
                sizes.append(pss(pid))
            together, largest = max(together, sum(sizes)), max(largest, *sizes, 0)
            time.sleep(EVERY)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    wall = time.monotonic() - started
    _, status, rusage = ended
    cpu = rusage.ru_utime + rusage.ru_stime + cpu_of_orphans(process.pid)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}\nended with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    if cpu < 0.97 * sum(seen.values()) - 0.2:
        sys.exit(f"{cpu:.1f} CPU s were counted, but {sum(seen.values()):.1f} were seen: not all were waited for")
    return Usage(cpu, wall, together, largest)


def adopt_orphans() -> None:
    """Make this process the parent of those whose own has ended, so that they can be waited for."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1)


def cpu_of_orphans(group: int) -> float:
    """CPU seconds of what is left of a process group; whatever does not end by itself is killed."""
    cpu, deadline = 0.0, time.monotonic() + 5
    while True:
        try:
            pid, _, rusage = os.wait4(-group, os.WNOHANG)
        except ChildProcessError:
            return cpu
        cpu += rusage.ru_utime + rusage.ru_stime
        if not pid and time.monotonic() > deadline:
            os.killpg(group, signal.SIGKILL)
        if not pid:
            time.sleep(0.02)


def members(session: int) -> dict[int, float]:
    """Process → CPU seconds so far, of all processes that a command started, wherever they hang now."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                text = Path(f"/proc/{entry}/stat").read_text()
            except OSError:  # it ended meanwhile
                continue
            fields = text.rpartition(")")[2].split()
            if int(fields[3]) == session:
                found[int(entry)] = (int(fields[11]) + int(fields[12])) / TICK
    return found


def pss(pid: int) -> int:
    """Kilobytes of a process, shared pages in equal parts; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
