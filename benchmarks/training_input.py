"""Images a second: the input path alone, the training step alone, and both.

    python benchmarks/training_input.py out/animal --model small
    python benchmarks/training_input.py out/animal --model resnet34 --batch-size 32 --steps 4 --decode-each-time

Run it on a machine that does nothing else, and quote the lines as they are: they name the settings.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Iterable, Iterator

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

from dmlkit.evaluation import labels
from dmlkit.storage.executor import cpu_count
from dmlkit.training import data, images, losses, model
from dmlkit.training.evaluate_run import select_device
from dmlkit.training.recipes import make_settings
from dmlkit.training.train import make_optimizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--model", default="small")
    parser.add_argument("--loss", default="csl")
    parser.add_argument("--crop-px", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--decode-each-time", action="store_true")
    parser.add_argument("--amp", action="store_true")
    args = parser.parse_args()
    chosen = {name: getattr(args, name) for name in ("crop_px", "batch_size") if getattr(args, name)}
    settings = make_settings(model=args.model, loss=args.loss, amp=args.amp, **chosen)
    device = select_device("auto")
    torch.set_num_threads(args.threads or cpu_count())
    classes = data.select_training_classes(labels.load_labels(args.dataset, ("train",)))
    stored = images.ParquetImages(images.open_images(args.dataset), "train")
    begun = time.perf_counter()
    budget = 0 if args.decode_each_time else images.memory_for_pixels()
    source = images.decode_images(stored, settings.crop_px, budget)
    print(f"{settings.model}, {settings.crop_px} px, batch {settings.batch_size}, {args.loss}, "
          f"{torch.get_num_threads()} threads, {args.workers} workers, {device.type}"
          f"{', bfloat16' if settings.amp else ''}, torch {torch.__version__}")  # fmt: skip
    print(f"{'decoded in advance' if source is not stored else 'decoded each time'}: "
          f"{len(stored.ids)} images in {time.perf_counter() - begun:.1f} s")  # fmt: skip

    orders = [data.sample_balanced(classes.labels[:, 0], settings.batch_size, settings.per_class,
                                   np.random.default_rng(e)) for e in range(100)]  # fmt: skip
    order = np.concatenate(orders)[: args.steps + 1]
    net = model.make_model(settings.model, settings.embedding_dim, settings.pooling).to(device)
    table = torch.from_numpy(classes.table)
    loss = losses.make_loss(settings.loss, table, settings.embedding_dim, settings.loss_options).to(device)
    optimizer, known = make_optimizer(settings, net, loss), torch.from_numpy(classes.labels).to(device)

    def batches() -> Iterator[images.Pixels]:
        crops = data.draw_crops(source.sizes, order, (0, 0))
        return images.read_batches(source, settings.crop_px, crops, args.workers)

    def step(pixels: images.Pixels, rows: np.ndarray) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.amp):
            embeddings = net(model.normalize_pixels(pixels, device))
        optimizer.zero_grad()
        loss(embeddings, known[torch.from_numpy(rows).to(device)]).backward()
        optimizer.step()

    first, size = next(batches()), settings.batch_size
    measure("input alone", args.steps, size, device, (None for _ in batches()))
    measure("step alone", args.steps, size, device, (step(first, rows) for rows in order))
    both = (step(pixels, rows) for pixels, rows in zip(batches(), order, strict=True))
    measure("both", args.steps, size, device, both)


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
