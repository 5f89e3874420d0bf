"""Training: settings, then one loop over batches, from a dataset to the folder of a run.

Read on in losses.py, model.py and data.py. Every epoch starts from the seed and its own number, and the checkpoint at
its end has all that the next one needs. So a run that was stopped or killed resumes after the last whole epoch and ends
in the same weights. Started by torchrun, each process takes its share of every batch; embeddings are gathered, so that
the loss is that of the whole batch.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dmlkit.errors import RunError, UsageError
from dmlkit.evaluation import labels as dataset_labels
from dmlkit.evaluation.labels import Labels
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.storage.executor import cpu_count
from dmlkit.text import nan_to_none
from dmlkit.training import data, evaluate_run, images, model, runs
from dmlkit.training.data import TrainingClasses
from dmlkit.training.evaluate_run import Inference, TestSet
from dmlkit.training.losses import LossOptions, check_choices, make_loss

CHECK_STEPS = 50  # steps between two looks at the loss, each of which waits for the GPU
MAX_READERS = 16  # threads that read images beside a GPU


@dataclass(frozen=True)
class TrainSettings:
    """What decides the result of a run. The defaults are those of recipes/small.toml."""

    loss: str = "csl"  # one of losses.LOSSES, or module:attribute
    loss_options: LossOptions = field(default_factory=LossOptions)
    model: str = "small"  # one of model.RESNETS, timm:NAME, or module:attribute
    weights: str = ""  # a file that the backbone starts from
    pooling: str = "average"
    embedding_dim: int = 128
    freeze_bn: bool = False  # keep the statistics of batch norms as they are
    crop_px: int = 64  # pixels of a side of what the network sees
    epochs: int = 15
    batch_size: int = 128  # images in a step
    per_class: int = 4  # images of each class in a batch
    optimizer: str = "adamw"
    lr: float = 5e-3  # the highest learning rate
    weight_decay: float = 0.05
    warmup: float = 0.1  # share of the steps over which the learning rate grows from 0
    amp: bool = False  # compute the network in bfloat16
    seed: int = 0
    holdout: float = 0.0  # share of the middle classes that are evaluated, instead of the test, and not trained on
    shuffle_labels: bool = False  # give images each other's labels: such a run can learn nothing


@dataclass(frozen=True)
class Runtime:
    """How a run is carried out here. It may change when a run is resumed."""

    device: str = "auto"  # of torch; auto is a GPU if there is one
    threads: int = 0  # of torch; 0 are all cores
    workers: int | None = None  # threads that read images; None is what suits the device
    evaluate_every: int = 1  # epochs; 0 evaluates at the end only
    stop_after: int | None = None  # epochs of this call
    shrink_batch: bool = True  # take a smaller batch if the dataset cannot fill it; False makes that an error
    tensorboard: bool = False
    revision: str | None = None  # of a dataset on the Hub


DEFAULT_RUNTIME = Runtime()


def train(
    dataset: str,
    settings: TrainSettings,
    out: Path,
    runtime: Runtime = DEFAULT_RUNTIME,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Train on the split train of ``dataset``, write the run to ``out``, and return what its run.json has.

    A run of the same settings in ``out`` is resumed. Raises `UsageError`, `DatasetError`, `RunError`, `HubError`.
    """
    device = evaluate_run.select_device(runtime.device)
    with process_group(device) as (rank, world), translate_oom():
        torch.set_num_threads(runtime.threads or max(1, cpu_count() // world))
        folder = images.open_images(dataset, runtime.revision)
        labels = dataset_labels.load_labels(str(folder.path), ("train",))
        shuffle_seed = settings.seed if settings.shuffle_labels else None
        classes = data.select_training_classes(labels, settings.holdout, shuffle_seed)
        thirds, shrink = settings.loss_options.batch == "paper", runtime.shrink_batch
        fitting = data.fit_batch_size(settings.batch_size, settings.per_class, thirds, len(classes.table), shrink)
        settings = replace(settings, batch_size=fitting)
        if settings.batch_size % world:
            raise UsageError(
                f"{world} processes cannot share a batch of {settings.batch_size}",
                code="training.batch-not-shared",
                hint=f"use a --batch-size that {world} divides",
                batch_size=settings.batch_size,
            )
        stored = images.ParquetImages(folder, "train")
        images.check_same_order(stored, labels)
        with runs.run_lock(out) if rank == 0 else nullcontext():
            state = runs.load_or_init_state(out, new_state(settings, classes, dataset, labels))
            trainer = Trainer(settings, runtime, classes, state, device)
            tests: Sequence[TestSet] = ()
            if rank == 0 and settings.holdout:
                tests = [evaluate_run.holdout_set(stored, labels, classes.holdout)]
            elif rank == 0:
                tests = evaluate_run.load_test_sets(folder)
            budget = images.memory_for_pixels(world)
            trainer.run(out, images.decode_images(stored, settings.crop_px, budget, progress), tests, progress)
    return trainer.facts()


def new_state(settings: TrainSettings, classes: TrainingClasses, dataset: str, labels: Labels) -> dict[str, Any]:
    """Make the state of a run that has not begun."""
    name = Path(dataset).resolve().name if Path(dataset).is_dir() else dataset
    counts = {scale: int(classes.table[:, c].max()) + 1 for c, scale in enumerate(SCALES)}
    facts: dict[str, Any] = {"name": name, "content": labels.content, "fingerprint": classes.fingerprint}
    facts |= {"images": len(classes.rows), "classes": counts, "holdout": len(classes.holdout)}
    wanted = settings_to_json(settings)
    return {"epoch": 0, "history": [], "settings": wanted, "dataset": facts, "classes": classes.names}


def settings_to_json(settings: TrainSettings) -> dict[str, Any]:
    """Return the settings as JSON has them, with the name and SHA-256 of a file of weights instead of its path."""
    facts: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    if settings.weights and settings.weights != model.PRETRAINED:
        path = Path(settings.weights)
        facts["weights"] = f"{path.name}, sha256 {model.hash_file(path)[:16]}"
    return facts


class Trainer:
    """The network, the loss and the optimizer of a run, on the device of this process."""

    def __init__(
        self,
        settings: TrainSettings,
        runtime: Runtime,
        classes: TrainingClasses,
        state: dict[str, Any],
        device: torch.device,
    ) -> None:
        self.settings, self.runtime, self.classes, self.state, self.device = settings, runtime, classes, state, device
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        readers = 0 if device.type == "cpu" else max(1, min(MAX_READERS, cpu_count() // self.world))
        self.num_readers = readers if runtime.workers is None else runtime.workers
        seed_all(settings.seed)
        weights = "" if state["epoch"] else settings.weights
        self.net: nn.Module = model.make_model(settings.model, settings.embedding_dim, settings.pooling, weights)
        self.net.to(device)
        self.labels = torch.from_numpy(classes.labels).to(device)  # (N, 3)
        table = torch.from_numpy(classes.table)  # (C, 3)
        self.loss = make_loss(settings.loss, table, settings.embedding_dim, settings.loss_options).to(device)
        self.parallel: nn.Module = self.net
        if self.world > 1:
            if device.type == "cuda":
                self.net = nn.SyncBatchNorm.convert_sync_batchnorm(self.net)  # type: ignore[no-untyped-call]
            self.parallel = DistributedDataParallel(self.net)
        self.optimizer = make_optimizer(settings, self.net, self.loss)
        if state["epoch"]:
            self.net.load_state_dict(state["net"])
            self.loss.load_state_dict(state["loss"])
            self.optimizer.load_state_dict(state["optimizer"])

    def facts(self) -> dict[str, Any]:
        """Return what run.json has."""
        return runs.run_facts(self.state, self.device, self.world)

    def run(
        self,
        out: Path,
        pixels: images.ParquetImages | images.DecodedImages,
        tests: Sequence[TestSet],
        progress: Progress,
    ) -> None:
        """Train the epochs that are left, each with its evaluation and its checkpoint."""
        settings, state, every = self.settings, self.state, self.runtime.evaluate_every
        writer = runs.tensorboard_writer(out) if self.runtime.tensorboard and self.rank == 0 else None
        last = min(settings.epochs, state["epoch"] + (self.runtime.stop_after or settings.epochs))
        for epoch in range(state["epoch"], last):
            started = time.perf_counter()
            line = self.train_epoch(epoch, pixels, progress)
            line["images_per_second"] = round(line.pop("images") / (time.perf_counter() - started), 1)
            if self.rank:
                continue
            if tests and (epoch + 1 == settings.epochs or (every and (epoch + 1) % every == 0)):
                inference = Inference(self.net, self.device, settings.crop_px, settings.amp, self.num_readers)
                line["metrics"] = nan_to_none(evaluate_run.evaluate_test_sets(tests, inference, progress))
            line["seconds"] = round(time.perf_counter() - started, 2)
            state |= {"epoch": epoch + 1, "history": [*state["history"], line], "net": self.net.state_dict()}
            state |= {"loss": self.loss.state_dict(), "optimizer": self.optimizer.state_dict()}
            runs.save_checkpoint(out, state)
            runs.write_run_json(out, self.facts())
            if writer is not None:
                runs.log_to_tensorboard(writer, line)

    def train_epoch(
        self, epoch: int, pixels: images.ParquetImages | images.DecodedImages, progress: Progress
    ) -> dict[str, Any]:
        """Train one epoch. Returns its number, its mean loss and its number of images."""
        settings = self.settings
        order = self.sample_batches(epoch)  # (steps, batch): rows of the training labels
        crops = data.draw_crops(pixels.sizes, self.classes.rows[order], (settings.seed, epoch), self.rank, self.world)
        seed_all(settings.seed, epoch, self.rank)
        self.net.train()
        if settings.freeze_bn:
            freeze_batch_norms(self.net)
        steps, total = len(order), torch.zeros((), device=self.device)
        for step, batch in enumerate(images.read_batches(pixels, settings.crop_px, crops, self.num_readers)):
            done = (epoch * steps + step) / (settings.epochs * steps)  # share of the training
            for group in self.optimizer.param_groups:
                group["lr"] = group["first_lr"] * lr_factor(done, settings.warmup)
            self.loss.progress = done  # type: ignore[assignment]
            with torch.autocast(self.device.type, torch.bfloat16, enabled=settings.amp):
                embeddings = self.parallel(model.normalize_pixels(batch, self.device))  # (B / world, D)
            labels = self.labels[torch.from_numpy(order[step]).to(self.device)]  # (B, 3)
            loss = self.loss(all_gather_rows(embeddings), labels)  # ()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
            if (step + 1) % CHECK_STEPS == 0 or step + 1 == steps:
                check_finite(float(total), epoch)
            seen = (epoch * steps + step + 1) * settings.batch_size
            progress("train", seen, settings.epochs * steps * settings.batch_size, f"images, epoch {epoch + 1}")
        return {"epoch": epoch + 1, "loss": float(total) / steps, "images": order.size}

    def sample_batches(self, epoch: int) -> NDArray[np.int64]:
        """Draw the batches of an epoch, as rows of the training labels: (steps, batch)."""
        settings, labels = self.settings, self.classes.labels
        rng = np.random.default_rng((settings.seed, epoch, 1))
        if settings.loss_options.batch == "paper":
            return data.sample_thirds(labels, settings.batch_size, settings.per_class, epoch, rng)
        return data.sample_balanced(labels[:, 0], settings.batch_size, settings.per_class, rng)


def make_optimizer(settings: TrainSettings, net: nn.Module, loss: nn.Module) -> torch.optim.Optimizer:
    """Make AdamW, or SGD with Nesterov's momentum. Biases, norms and proxies have no weight decay."""
    check_choices("optimizer", [settings.optimizer], ("adamw", "sgd"))
    weights = [p for p in net.parameters() if p.requires_grad]
    proxy_lr = settings.lr * settings.loss_options.proxy_lr
    groups: list[dict[str, Any]] = [
        {"params": [p for p in weights if p.dim() > 1], "lr": settings.lr, "weight_decay": settings.weight_decay},
        {"params": [p for p in weights if p.dim() <= 1], "lr": settings.lr, "weight_decay": 0.0},
        {"params": list(loss.parameters()), "lr": proxy_lr, "weight_decay": 0.0},
    ]
    groups = [{**group, "first_lr": group["lr"]} for group in groups if group["params"]]
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups)
    return torch.optim.SGD(groups, lr=settings.lr, momentum=0.9, nesterov=True)


def lr_factor(done: float, warmup: float) -> float:
    """Compute the factor on the learning rate after the share ``done`` of the steps: linear up, then a cosine down."""
    if done < warmup:
        return (done + 1e-3) / (warmup + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


def seed_all(*seed: int) -> None:
    """Seed every source of randomness that a network or a loss may use."""
    number = int(np.random.SeedSequence(seed).generate_state(1)[0])
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)


def freeze_batch_norms(net: nn.Module) -> None:
    """Keep the statistics of batch norms as they are."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def check_finite(total: float, epoch: int) -> None:
    """Raise `RunError` if the loss is not a finite number."""
    if not math.isfinite(total):
        raise RunError(
            f"the loss is not finite any more in epoch {epoch + 1}; epochs before it are safe",
            code="training.loss-not-finite",
            hint="use a smaller --lr, and another --out",
            epoch=epoch + 1,
        )


# Several processes, started by torchrun


@contextmanager
def process_group(device: torch.device) -> Iterator[tuple[int, int]]:
    """Yield the rank of this process and the number of processes, in a group if torchrun started several."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if world == 1:
        yield 0, 1
        return
    # The others wait while the first one evaluates.
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(hours=6))
    try:
        yield rank, world
    finally:
        dist.destroy_process_group()


class GatherRows(torch.autograd.Function):
    """Gather the rows of all processes, in the order of their ranks, as `DistributedDataParallel` needs them.

    Every process computes the same loss of all rows. Going back, each keeps the gradient of its own rows, times the
    number of processes: averaged over them, that is the gradient of the whole batch.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]  # (B / world, D) each
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)  # (B, D)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.chunk(dist.get_world_size())[dist.get_rank()] * dist.get_world_size()


def all_gather_rows(rows: Tensor) -> Tensor:
    """Return the rows of all processes (B, D); of a single one, its own."""
    gathered: Tensor = GatherRows.apply(rows) if dist.is_initialized() else rows  # type: ignore[no-untyped-call]
    return gathered


@contextmanager
def translate_oom() -> Iterator[None]:
    """Turn running out of memory into a `RunError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as exc:
        if isinstance(exc, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(exc):
            raise RunError(
                "there is too little memory for a step; epochs before it are safe",
                code="training.out-of-memory",
                hint="use a smaller --batch-size, --crop-px or --model, and another --out",
            ) from exc
        raise
