"""Peak memory of a sample build at several sizes: `python benchmarks/memory.py 8 80`.

Prints, for each number of pictures a class, the pictures, the peak of all processes together (PSS, so that shared pages
count once) and of the largest one. Linux only: reads /proc.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVERY = 0.05


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += descendants(int(child))
    return found


def pss(pid: int) -> int:
    """Kilobytes of a process, shared pages in equal parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def peaks(command: list[str]) -> tuple[int, int, float]:
    """(peak of all, peak of the largest) in kilobytes and the seconds of a command."""
    together, largest = 0, 0
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                sizes = [pss(pid) for pid in descendants(process.pid)]
            except (OSError, StopIteration):  # one of them ended meanwhile
                continue
            together, largest = max(together, sum(sizes)), max(largest, *sizes)
            time.sleep(EVERY)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return together, largest, time.monotonic() - started


def main() -> None:
    print("a class  pictures  all processes  largest  seconds")
    for limit in map(int, sys.argv[1:] or ["8", "80"]):
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder) / "animal")
            command = [sys.executable, "-m", "dmlkit", "build", "animal", "--limit", str(limit), "--out", out, "-q"]
            together, largest, seconds = peaks([*command, "--jobs", "2"])
        print(f"{limit:7}  {611 * limit:8,}  {together / 1024:10.0f} MB  {largest / 1024:4.0f} MB  {seconds:7.0f}")


if __name__ == "__main__":
    main()
