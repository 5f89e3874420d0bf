"""How long exact evaluation takes: dmlkit beside the bare matrix product, HAPPIER and pytorch-metric-learning.

Every tool gets the same embeddings and labels, each image against all others, in a process of its own, one after the
other, several times. CPU seconds of the evaluation alone, and its memory above that of the inputs; medians. Also how
far the tools' figures are from dmlkit's. Where all queries would take hours, `--queries` takes some.

    python benchmarks/evaluator.py --happier FOLDER        # a checkout of github.com/elias-ramzi/HAPPIER
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCALES = ("fine", "middle", "coarse")
TOOLS = ("product", "dmlkit", "happier", "pml")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
PAGE = os.sysconf("SC_PAGE_SIZE")


def inputs(args: argparse.Namespace) -> tuple[Any, Any]:
    """Embeddings in clusters within clusters, as a trained network gives them, of norm 1; and their labels."""
    import numpy as np

    rng = np.random.default_rng(0)
    fine, middle, coarse = args.classes
    labels = np.empty((args.images, 3), np.int32)
    labels[:, 0] = rng.permutation(args.images) % fine  # no class of one image, which the tools count differently
    labels[:, 1] = labels[:, 0] % middle
    labels[:, 2] = labels[:, 1] % coarse
    embeddings = rng.standard_normal((args.images, args.dimensions), np.float32)
    for column, weight in enumerate((0.6, 0.35, 0.3)):
        centres = rng.standard_normal((args.classes[column], args.dimensions), np.float32)
        embeddings += weight * centres[labels[:, column]]
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), labels


def product(embeddings: Any, labels: Any, args: argparse.Namespace) -> dict[str, float]:
    """The matrix of all similarities, in blocks: what no exact evaluation can do without."""
    import numpy as np

    queries, block = embeddings[: args.queries], np.empty((512, len(embeddings)), np.float32)
    for start in range(0, len(queries), 512):
        rows = queries[start : start + 512]
        np.matmul(rows, embeddings.T, out=block[: len(rows)])
    return {}


def dmlkit(embeddings: Any, labels: Any, args: argparse.Namespace) -> dict[str, float]:
    from dmlkit import evaluate

    names = [str(number) for number in range(len(labels))]
    result = evaluate(
        embeddings[: args.queries],
        labels[: args.queries],
        gallery=embeddings,
        gallery_labels=labels,
        ids=names[: args.queries],
        gallery_ids=names,
        scales=args.scales,
        multilevel=args.levels,
        threads=args.threads,
    )
    values = {f"{scale} {name}": value for scale in args.scales for name, value in result[scale].items()}
    return values | {f"levels {name}": value for name, value in (result["multilevel"] or {}).items()}


def happier(embeddings: Any, labels: Any, args: argparse.Namespace) -> dict[str, float]:
    import numpy as np
    import torch

    # It is imported, not used: neighbours come from torch.topk here.
    sys.modules.setdefault("faiss", types.ModuleType("faiss"))
    sys.path.insert(0, str(args.happier))
    os.environ["TQDM_DISABLE"] = "1"
    from happier.engine.accuracy_calculator import AccuracyCalculator

    levels = [SCALES.index(scale) for scale in args.scales]
    calculator = AccuracyCalculator(compute_for_hierarchy_levels=levels, recall_rate=[10, 20], with_binary_asi=True)
    relevances = None
    if args.levels:
        sizes = np.stack([np.bincount(column)[column] - 1 for column in labels.T])
        exactly = np.stack([sizes[2] - sizes[1], sizes[1] - sizes[0], sizes[0]])
        parts = [n / 3 / np.maximum(exactly[n - 1], 1) for n in (1, 2, 3)]
        relevances = torch.tensor(np.stack([np.zeros(len(labels)), *parts], axis=1), dtype=torch.float32)
        relevances = relevances[: args.queries]
    else:
        calculator.METRICS_DICT["multi_level"] = {}
    every, known = torch.from_numpy(embeddings), torch.from_numpy(labels).long()
    found = calculator.batch_metrics(every[: args.queries], known[: args.queries], True, relevances, every, known)
    names = {"AP": "mAP", "P@1": "R@1"}
    values = {}
    for name, value in found.items():
        metric, _, where = name.rpartition("_")
        place = "levels" if where == "multi" else SCALES[int(where[-1])]
        values[f"{place} {names.get(metric, metric)}"] = float(value)
    return values


def pml(embeddings: Any, labels: Any, args: argparse.Namespace) -> dict[str, float]:
    import torch
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    names = {
        "mean_average_precision": "mAP",
        "mean_average_precision_at_r": "mAP@R",
        "precision_at_1": "R@1",
    }
    calculator = AccuracyCalculator(
        include=tuple(names), k=None, device=torch.device("cpu"), knn_func=CustomKNN(CosineSimilarity())
    )
    values = {}
    for scale in args.scales:
        wanted, every = torch.from_numpy(labels[:, SCALES.index(scale)].copy()).long(), torch.from_numpy(embeddings)
        queries = every[: args.queries], wanted[: args.queries]
        for name, value in calculator.get_accuracy(*queries, every, wanted, ref_includes_query=True).items():
            values[f"{scale} {names[name]}"] = float(value)
    return values


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def measured(tool: Callable[..., dict[str, float]], args: argparse.Namespace) -> dict[str, Any]:
    """CPU and clock seconds of one evaluation, the peak of its memory above the inputs in MB, and its figures."""
    embeddings, labels = inputs(args)
    if args.one != "product":
        # Libraries are imported, and have started their threads, before anything is counted.
        few = argparse.Namespace(**{**vars(args), "images": 300, "queries": 300, "classes": [30, 10, 5]})
        tool(*inputs(few), few)
    before, peak, ended = resident(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    cpu, clock = time.process_time(), time.monotonic()
    values = tool(embeddings, labels, args)
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    ended.set()
    watcher.join()
    return {"cpu": cpu, "clock": clock, "memory": max(0, peak[0] - before) / 2**20, "values": values}


def run(tool: str, args: argparse.Namespace) -> dict[str, Any]:
    """`measured` in a process of its own."""
    command = [sys.executable, __file__, "--one", tool, "--images", str(args.images)]
    command += [
        "--queries",
        str(args.queries),
        "--dimensions",
        str(args.dimensions),
        "--classes",
        *map(str, args.classes),
        "--scales",
        *args.scales,
    ]
    command += ["--threads", str(args.threads), *(["--levels"] if args.levels else [])]
    command += ["--happier", str(args.happier)] if args.happier else []
    environment = os.environ | dict.fromkeys(THREADS, str(args.threads))
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{tool} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def show(runs: dict[str, list[dict[str, Any]]]) -> None:
    """Medians, ratios, and how far the figures of others are from ours."""
    middle = {
        tool: {what: statistics.median(run[what] for run in of) for what in ("cpu", "clock", "memory")}
        for tool, of in runs.items()
    }
    print(f"{'tool':<9} {'CPU s':>8} {'clock s':>8} {'MB':>7} {'of product':>11} {'of dmlkit':>10}   CPU s of each run")
    for tool, of in middle.items():
        each = " ".join(f"{run['cpu']:.2f}" for run in runs[tool])
        ratios = [f"{of['cpu'] / middle[other]['cpu']:.2f}" if other in middle else "" for other in TOOLS[:2]]
        used = f"{of['cpu']:8.2f} {of['clock']:8.2f} {of['memory']:7.0f}"
        print(f"{tool:<9} {used} {ratios[0]:>11} {ratios[1]:>10}   {each}")
    ours = runs.get("dmlkit", [{"values": {}}])[0]["values"]
    for tool in runs.keys() - {"product", "dmlkit"}:
        theirs = runs[tool][0]["values"]
        apart = {name: abs(ours[name] - theirs[name]) for name in ours.keys() & theirs.keys()}
        worst = max(apart, key=apart.__getitem__, default="")
        print(f"{tool}: {len(apart)} figures in common with dmlkit; furthest apart: {worst} {apart.get(worst, 0):.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--queries", type=int, help="the first so many images; by default all")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--classes", type=int, nargs=3, default=[160, 17, 5], help="fine, middle, coarse")
    parser.add_argument("--scales", nargs="+", choices=SCALES, default=list(SCALES))
    parser.add_argument("--levels", action="store_true", help="the multi-level metrics too (dmlkit, happier)")
    parser.add_argument("--happier", type=Path, help="a checkout of HAPPIER; without, it is left out")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="all runs, to a file")
    parser.add_argument("--one", choices=TOOLS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.queries = args.queries or args.images
    if args.one:
        print(json.dumps(measured(globals()[args.one], args)))
        return
    tools = [tool for tool in args.tools if tool != "happier" or args.happier]
    runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
    for _ in range(args.repeat):  # the tools take turns, so that other work on the machine meets all of them
        for tool in tools:
            runs[tool].append(run(tool, args))
            print(f"{tool}: {runs[tool][-1]['cpu']:.2f} CPU s", file=sys.stderr, flush=True)
    show(runs)
    if args.json:
        args.json.write_text(json.dumps({"settings": vars(args), "runs": runs}, indent=2, default=str))


if __name__ == "__main__":
    main()
