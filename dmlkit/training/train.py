"""Training: one loop over batches, from settings and a dataset to a run's folder.

Every epoch starts from the seed and its own number, and the checkpoint at its end holds all that the next one needs. So
a run that was stopped or killed goes on from the last whole epoch and ends in the same weights. Started by torchrun,
each process takes its share of every batch; embeddings are gathered, so that the loss is that of the whole batch.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from dmlkit.errors import RunError, UsageError
from dmlkit.evaluation import labels as data_labels
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.text import nan_to_none, printable
from dmlkit.training import classes, data, devices, embed, losses, model, plots, runs, sampling
from dmlkit.training.classes import Classes
from dmlkit.training.runs import Machine, Settings

CHECK_STEPS = 50
ANY_MACHINE = Machine()
Tests = Sequence[embed.TestSet | embed.HeldBack]


def train(
    dataset: str,
    made: Settings,
    out: Path,
    machine: Machine = ANY_MACHINE,
    notify: Progress = no_progress,
    batch_chosen: bool = False,
) -> dict[str, Any]:
    """Train on the split train of ``dataset`` and write the run to ``out``. Returns what its run.json says.

    A run of the same settings in ``out`` goes on where it stopped. ``batch_chosen``: a batch that the dataset cannot
    fill is an error, not a reason for a smaller one. Raises `UsageError`, `LabelsError`, `DataError`, `RunError`.
    """
    plots.check_installed()
    device = devices.device_of(machine.device)
    with devices.processes(device) as (rank, world), devices.enough_memory():
        torch.set_num_threads(devices.threads_of(machine.threads, world))
        found = data_labels.load_labels(dataset, ("train",), revision=machine.revision)
        chosen = classes.training(found, made.held_back, made.seed if made.shuffle_labels else None)
        made = runs.with_batch(made, len(chosen.table), batch_chosen)
        if made.batch_size % world:
            raise UsageError(f"{world} processes cannot share a batch of {made.batch_size}", hint="--batch-size")
        images = data.Encoded(dataset, "default", "train", machine.revision)
        data.ordered(images, found)
        with alone(out, rank):
            state = started(out, made, found, chosen, dataset)
            job = Job(made, chosen, state, device, rank, world)
            workers = devices.workers_of(machine.workers, device, world)
            tests: Tests = []
            if rank == 0 and made.held_back:
                tests = [embed.HeldBack(images, found, chosen.held_back, made.size, workers)]
            elif rank == 0:
                tests = embed.tests_of(dataset, made.size, workers, machine.revision)
            source = data.cached(images, made.size, found.content, machine.cache, notify)
            return epochs(job, state, out, machine, source, workers, tests, notify)


def epochs(
    job: Job,
    state: dict[str, Any],
    out: Path,
    machine: Machine,
    source: data.Encoded | data.Decoded,
    workers: int,
    tests: Tests,
    notify: Progress,
) -> dict[str, Any]:
    """The epochs that are left, each with its evaluation and its checkpoint. Returns what run.json says."""
    made, device, world = job.made, job.device, job.world
    plan = data.Plan(source.sizes, job.rank, world)
    pixels = data.loader(source, made.size, plan, workers, device.type == "cuda")
    board = tensorboard(out) if machine.tensorboard and job.rank == 0 else None
    last = min(made.epochs, state["epoch"] + (machine.stop_after or made.epochs))
    for epoch in range(state["epoch"], last):
        begun, order = time.perf_counter(), order_of(made, job.chosen, epoch)
        plan.order, plan.seed = job.chosen.rows[order], (made.seed, epoch)
        line = job.epoch(epoch, pixels, order, notify)
        line["images_per_second"] = round(order.size / (time.perf_counter() - begun), 1)
        if job.rank == 0:
            every = machine.evaluate_every
            if tests and (epoch + 1 == made.epochs or (every and (epoch + 1) % every == 0)):
                line["metrics"] = nan_to_none(embed.measure(tests, job.net, device, made.amp, notify))
            line["seconds"] = round(time.perf_counter() - begun, 2)
            state |= {"epoch": epoch + 1, "history": [*state["history"], line], **job.state()}
            runs.save(out, state)
            runs.write_facts(out, runs.facts_of(state, device, world))
            if board is not None:
                show(board, line)
    facts = runs.facts_of(state, device, world)
    if job.rank == 0:
        plots.draw(out, facts)
    return facts


class Job:
    """The network, the loss and the optimiser of a run, on this process's device."""

    def __init__(
        self, made: Settings, chosen: Classes, state: dict[str, Any], device: torch.device, rank: int, world: int
    ) -> None:
        self.made, self.chosen, self.device, self.rank, self.world = made, chosen, device, rank, world
        seed_all(made.seed)
        self.net = model.make(made.model, made.embedding, made.pool, "" if state["epoch"] else made.weights).to(device)
        self.labels = torch.from_numpy(chosen.labels).to(device)
        table = torch.from_numpy(chosen.table)
        self.loss = losses.make(made.loss, table, made.embedding, made.options).to(device)
        self.parallel: nn.Module = self.net
        if world > 1:
            if device.type == "cuda":
                self.net = nn.SyncBatchNorm.convert_sync_batchnorm(self.net)  # type: ignore[no-untyped-call]
            self.parallel = DistributedDataParallel(self.net)
        self.optimizer = optimizer_of(made, self.net, self.loss)
        if state["epoch"]:
            self.net.load_state_dict(state["net"])
            self.loss.load_state_dict(state["loss"])
            self.optimizer.load_state_dict(state["optimizer"])

    def state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "loss": self.loss.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def epoch(self, epoch: int, pixels: Any, order: NDArray[np.int64], notify: Progress) -> dict[str, Any]:
        """One epoch. ``order`` (steps, batch) are rows of the training labels. Returns its mean loss."""
        made, steps = self.made, len(order)
        seed_all(made.seed, epoch, self.rank)
        self.net.train()
        if made.freeze_bn:
            freeze_bn(self.net)
        total = torch.zeros((), device=self.device)
        for step, batch in enumerate(data.whole_batches(pixels)):
            done = (epoch * steps + step) / (made.epochs * steps)
            factor = rate(done, made.warmup)
            for group in self.optimizer.param_groups:
                group["lr"] = group["first_lr"] * factor
            self.loss.progress = done
            with torch.autocast(self.device.type, torch.bfloat16, enabled=made.amp):
                embeddings = self.parallel(data.prepared(batch, self.device))
            loss = self.loss(
                devices.gathered(embeddings, self.world), self.labels[torch.from_numpy(order[step]).to(self.device)]
            )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
            if (step + 1) % CHECK_STEPS == 0 or step + 1 == steps:
                check_finite(float(total), epoch)
            seen = (epoch * steps + step + 1) * made.batch_size
            notify("train", seen, made.epochs * steps * made.batch_size, f"images, epoch {epoch + 1}")
        return {"epoch": epoch + 1, "loss": float(total) / steps}


def order_of(made: Settings, chosen: Classes, epoch: int) -> NDArray[np.int64]:
    """The batches of an epoch, as rows of the training labels: (steps, batch)."""
    rng = np.random.default_rng((made.seed, epoch, 1))
    if made.options.batch == "paper":
        return sampling.thirds(chosen.labels, made.batch_size, made.per_class, epoch, rng)
    return sampling.balanced(chosen.labels[:, 0], made.batch_size, made.per_class, rng)


def optimizer_of(made: Settings, net: nn.Module, loss: nn.Module) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov's momentum. Biases, norms and proxies do not decay."""
    trained = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "lr": made.lr, "weight_decay": made.weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "lr": made.lr, "weight_decay": 0.0},
        {"params": list(loss.parameters()), "lr": made.lr * made.options.proxy_lr, "weight_decay": 0.0},
    ]
    groups = [{**group, "first_lr": group["lr"]} for group in groups if group["params"]]
    if made.optimizer == "adamw":
        return torch.optim.AdamW(groups)
    if made.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=made.lr, momentum=0.9, nesterov=True)
    raise UsageError(f"--optimizer {printable(made.optimizer)} is not known", hint="adamw, sgd")


def rate(done: float, warmup: float) -> float:
    """The factor on the learning rate when the share ``done`` of the steps is done: up in a line, down in a cosine."""
    if done < warmup:
        return (done + 1e-3) / (warmup + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


def seed_all(*seed: int) -> None:
    """Every source of randomness that a network or a loss may use."""
    number = int(np.random.SeedSequence(seed).generate_state(1)[0])
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)


def freeze_bn(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def check_finite(total: float, epoch: int) -> None:
    if not math.isfinite(total):
        raise RunError(
            f"the loss is no number any more, in epoch {epoch + 1}; epochs before it are safe",
            hint="a smaller --lr, in another --out",
        )


@contextmanager
def alone(out: Path, rank: int) -> Iterator[None]:
    """No two commands write one run. Raises `RunError`."""
    if rank:
        yield
        return
    lock = FileLock(out.with_name(f".{out.name}.lock"))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as exc:
        raise RunError(f"another command is training in {out}", hint="wait for it, or choose another --out") from exc
    except OSError as exc:
        raise RunError(f"{out} cannot be made: {exc.strerror or exc}", hint="choose another --out") from exc
    try:
        yield
    finally:
        lock.release()


def started(out: Path, made: Settings, found: Any, chosen: Classes, dataset: str) -> dict[str, Any]:
    """The state of the run in ``out`` that these settings go on with, or that of a new one. Raises `RunError`."""
    settings = runs.as_json(made)
    if not (out / runs.CHECKPOINT).exists():
        runs.replaceable(out)
        name = Path(dataset).resolve().name if Path(dataset).is_dir() else dataset
        counts = {scale: int(chosen.table[:, c].max()) + 1 for c, scale in enumerate(SCALES)}
        facts = {"name": name, "content": found.content, "fingerprint": chosen.fingerprint}
        facts |= {"images": len(chosen.rows), "classes": counts, "held_back": len(chosen.held_back)}
        return {"epoch": 0, "history": [], "settings": settings, "dataset": facts, "classes": chosen.names}
    state = runs.load(out)
    if state["settings"] != settings:
        raise RunError(
            f"{out} holds a run of other settings ({'; '.join(runs.differences(state['settings'], settings)[:3])}); "
            "left as it is",
            hint="choose another --out, or delete that one",
        )
    if state["dataset"]["fingerprint"] != chosen.fingerprint:
        raise RunError(
            f"{out} was trained on another dataset, or its labels have changed since; left as it is",
            hint="the dataset that it began with, or another --out",
        )
    return state


def tensorboard(out: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as exc:
        raise UsageError(
            "--tensorboard needs tensorboard, which is not installed", hint="pip install tensorboard"
        ) from exc
    return SummaryWriter(out / "tensorboard")


def show(board: Any, line: dict[str, Any]) -> None:
    """One epoch's loss and metrics, for TensorBoard."""
    board.add_scalar("loss", line["loss"], line["epoch"])
    for scale in (*SCALES, "overall"):
        for name, value in line.get("metrics", {}).get(scale, {}).items():
            if value is not None:
                board.add_scalar(f"{scale}/{name}", value, line["epoch"])
    board.flush()
