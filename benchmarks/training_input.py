"""Images a second: the input path alone, the training step alone, and both.

    python benchmarks/training_input.py out/animal --model small
    python benchmarks/training_input.py out/animal --model resnet34 --batch-size 32 --steps 4 --cache never

Run it on a machine that does nothing else, and quote the lines as they are: they name the settings.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Iterable

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

from dmlkit.evaluation import labels
from dmlkit.training import classes, data, devices, embed, losses, model, runs, sampling
from dmlkit.training.train import optimizer_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--model", default="small")
    parser.add_argument("--loss", default="csl")
    parser.add_argument("--size", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--cache", default="auto")
    parser.add_argument("--amp", action="store_true")
    args = parser.parse_args()
    given = {name: getattr(args, name) for name in ("size", "batch_size") if getattr(args, name)}
    made = runs.settings({"model": args.model, "loss": args.loss, "amp": args.amp, **given})
    device = devices.device_of("auto")
    torch.set_num_threads(devices.threads_of(args.threads, 1))
    workers = devices.workers_of(args.workers, device, 1)
    chosen = classes.training(labels.load_labels(args.dataset, ("train",)))
    images = data.Encoded(args.dataset, "default", "train")
    begun = time.perf_counter()
    source = data.cached(images, made.size, "benchmark", args.cache, embed.silent)
    print(f"{made.model}, {made.size} px, batch {made.batch_size}, {args.loss}, {torch.get_num_threads()} threads, "
          f"{workers} workers, {device.type}{', bfloat16' if made.amp else ''}, torch {torch.__version__}")  # fmt: skip
    print(f"{'decoded in advance' if source is not images else 'decoded each time'}: "
          f"{len(images.ids)} images in {time.perf_counter() - begun:.1f} s")  # fmt: skip

    plan = data.Plan(images.sizes)
    orders = [sampling.balanced(chosen.labels[:, 0], made.batch_size, made.per_class, np.random.default_rng(e))
              for e in range(100)]  # fmt: skip
    plan.order = np.concatenate(orders)[: args.steps + 1]
    loader = data.loader(source, made.size, plan, workers, device.type == "cuda")
    net = model.make(made.model, made.embedding, made.pool).to(device)
    loss = losses.make(made.loss, torch.from_numpy(chosen.table), made.embedding, made.options).to(device)
    optimizer, fine = optimizer_of(made, net, loss), torch.from_numpy(chosen.labels).to(device)

    def step(pixels: torch.Tensor, rows: np.ndarray) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=made.amp):
            embeddings = net(data.prepared(pixels, device))
        optimizer.zero_grad()
        loss(embeddings, fine[torch.from_numpy(rows).to(device)]).backward()
        optimizer.step()

    first = next(iter(loader))
    measure("input alone", args.steps, made.batch_size, device, (None for _ in loader))
    measure("step alone", args.steps, made.batch_size, device, (step(first, rows) for rows in plan.order))
    measure(
        "both", args.steps, made.batch_size, device, (step(x, rows) for x, rows in zip(loader, plan.order, strict=True))
    )


def measure(what: str, steps: int, batch: int, device: torch.device, work: Iterable[None]) -> None:
    """Time ``steps`` steps after the first, which starts what has to be started."""
    work = iter(work)
    next(work)
    wait(device)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in itertools.islice(work, steps):
        pass
    wait(device)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:<12} {steps * batch / wall:9,.0f} images a second; {1000 * cpu / steps / batch:7.2f} CPU s / 1k")


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
