"""How CPU and memory of check-and-keep grow with the number of images.

    python benchmarks/curve.py --work FOLDER [--peer PYTHON_WITH_IMG2DATASET] [1000 5000 20000]

Memory should stay, CPU seconds for each further 1,000 images too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import collect
import corpus
import tools


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the images, kept, and the outputs")
    parser.add_argument("--peer", metavar="PYTHON", help="of an environment with img2dataset")
    parser.add_argument("counts", type=int, nargs="*", default=[1000, 5000, 20000])
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    given = {"dmlkit": sys.executable, "img2dataset": options.peer}
    print("tool         images    CPU s  further s / 1k  images / s   memory")
    with tempfile.TemporaryDirectory(prefix="run-", dir=work) as temporary:
        bench = collect.Bench(work, Path(temporary))
        for tool in [tools.Tool(name, python) for name, python in given.items() if python]:
            last_count, last_cpu = 0, 0.0
            for count in sorted(options.counts):
                files = corpus.copies(work, count)
                used = bench.run(tool, tools.MODES["keep"], files, tools.digests(files))
                further = (used.cpu - last_cpu) / (count - last_count) * 1000
                speed, memory = count / used.wall, used.together / 1024
                print(f"{tool.name:11}  {count:8,}  {used.cpu:7.1f}  {further:14.2f}  {speed:12.0f}  {memory:4.0f} MB")
                last_count, last_cpu = count, used.cpu


if __name__ == "__main__":
    main()
