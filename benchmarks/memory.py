"""Peak memory of a sample build at several sizes: `python benchmarks/memory.py 8 80`.

Prints, for each number of images a class, the images, the peak of all processes together (PSS, so that shared pages
count once) and of the largest one. Linux only: reads /proc.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import measure


def main() -> None:
    print("a class  images  all processes  largest  seconds")
    for limit in map(int, sys.argv[1:] or ["8", "80"]):
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder) / "animal")
            command = [sys.executable, "-m", "dmlkit", "build", "animal", "--limit", str(limit), "--out", out, "-q"]
            used = measure.run([*command, "--jobs", "2"], Path(folder) / "log")
        memory = f"{used.together / 1024:10.0f} MB  {used.largest / 1024:4.0f} MB"
        print(f"{limit:7}  {611 * limit:8,}  {memory}  {used.wall:7.0f}")


if __name__ == "__main__":
    main()
