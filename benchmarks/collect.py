"""dmlkit beside img2dataset and Daft: the same images from the same server, the same work, the same kind of output.

    python benchmarks/collect.py --work FOLDER --peer PYTHON_WITH_IMG2DATASET [--daft PYTHON_WITH_DAFT]

Prints for each kind of work the CPU seconds for 1,000 images, images a second, the peak memory of all processes,
and how many times dmlkit's CPU seconds the others need: medians of all runs, which alternate between the tools.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import corpus
import measure
import server
import tools
from tools import Job, Mode, Tool

WARM_UP = 50
COLUMNS = ("work", "tool", "images", "CPU s / 1k", "images / s", "memory", "CPU × dmlkit")


def main() -> None:
    options = arguments()
    given = {"dmlkit": sys.executable, "img2dataset": options.peer, "daft": options.daft}
    present = [Tool(name, python) for name, python in given.items() if python]
    known = {tool.name: tool.version() for tool in present}
    counts = {corpus.SMALL: options.count, corpus.LARGE: options.large}
    files = {mode.kind: corpus.make(options.work, mode.kind, counts[mode.kind]) for mode in options.modes}
    for kind, paths in files.items():
        mean = statistics.mean(path.stat().st_size for path in paths) / 1000
        print(f"{len(paths)} images of {kind.width} × {kind.height}, mean {mean:.0f} KB")
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.work) as temporary:
        bench = Bench(options.work, Path(temporary))
        runs = [
            run
            for mode in options.modes
            for run in bench.compare(
                [tool for tool in present if tool.does(mode)], mode, files[mode.kind], options.runs
            )
        ]
    print_table(runs)
    if options.json:
        options.json.write_text(json.dumps(machine() | {"versions": known, "runs": runs}, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the images, kept, and the outputs")
    parser.add_argument("--peer", metavar="PYTHON", help="of an environment with img2dataset")
    parser.add_argument("--daft", metavar="PYTHON", help="of an environment with daft")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=5000, help="small images")
    parser.add_argument("--large", type=int, default=1000, help="large images")
    parser.add_argument("--modes", type=modes, default=list(tools.MODES.values()), help=",".join(tools.MODES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    return options


def modes(text: str) -> list[Mode]:
    unknown = set(text.split(",")) - tools.MODES.keys()
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(tools.MODES)}")
    return [tools.MODES[name] for name in text.split(",")]


class Bench:
    """Runs tools on images below ``root``; outputs lie in ``folder`` and are taken away after each run."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.manifest = tools.write_manifest(folder / "manifest")

    def compare(
        self, present: Sequence[Tool], mode: Mode, files: Sequence[Path], runs: int
    ) -> Iterable[dict[str, Any]]:
        """Every tool in its turn, so often; before that a short run that fills caches and shows what is missing."""
        sums = tools.digests(files)
        for number in range(-1, runs):
            for tool in present:
                some = files[:WARM_UP] if number < 0 else files
                usage = self.run(tool, mode, some, sums)
                if number >= 0:
                    line = {"mode": mode.name, "tool": tool.name, "run": number, "images": len(some)}
                    print(line | asdict(usage), file=sys.stderr)
                    yield line | asdict(usage)

    def run(self, tool: Tool, mode: Mode, files: Sequence[Path], sums: Mapping[Path, str]) -> measure.Usage:
        """One run of a tool against a server of its own, and the check of what it wrote."""
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            folder = Path(temporary)
            (folder / "server").mkdir()
            with server.serve(self.root, folder / "server") as served:
                links = tools.write_links(
                    folder / "links.csv", files, self.root, served.https if mode.https else served.http
                )
                job = Job(mode, len(files), links, self.manifest, folder / "out")
                # img2dataset's resizer asks for news of itself otherwise.
                environment = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"} | served.environment
                with tempfile.TemporaryDirectory() as scratch:  # which img2dataset leaves dirty
                    usage = measure.run(tool.command(job), folder / "log", environment | {"TMPDIR": scratch})
            tools.check(tool, job, files, sums)
        return usage


def print_table(runs: Sequence[Mapping[str, Any]]) -> None:
    rows = [COLUMNS]
    for mode, tool in dict.fromkeys((run["mode"], run["tool"]) for run in runs):
        of = [run for run in runs if (run["mode"], run["tool"]) == (mode, tool)]
        images = of[0]["images"]
        cpu, wall, memory = (statistics.median(run[name] for run in of) for name in ("cpu", "wall", "together"))
        own = [run["cpu"] for run in runs if (run["mode"], run["tool"]) == (mode, "dmlkit")]
        rows.append(
            (mode, tool, f"{images:,}", f"{cpu / images * 1000:.2f}", f"{images / wall:.0f}",
             f"{memory / 1024:.0f} MB", f"{cpu / statistics.median(own):.2f}")
        )  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(
                cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
        )


def machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}


if __name__ == "__main__":
    main()
