"""Where a run is carried out: the device, its threads, and the processes that torchrun starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from dmlkit.errors import RunError, UsageError
from dmlkit.storage.executor import cpu_count
from dmlkit.text import printable

MOST_WORKERS = 16


def device_of(name: str) -> torch.device:
    """The torch device of a name; ``auto`` is this process's GPU where there is one. Raises `UsageError`."""
    if name == "auto":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as exc:
        raise UsageError(f"--device {printable(name)} cannot be used here", hint="--device cpu, or auto") from exc
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.deterministic = True  # so that a run that goes on ends in the same weights
    return device


def threads_of(chosen: int, world: int) -> int:
    """The threads of one of ``world`` processes: those ``chosen``, or its part of the cores."""
    return chosen or max(1, cpu_count() // world)


def workers_of(chosen: int | None, device: torch.device, world: int) -> int:
    """The processes that read images: none beside a network on the CPU, which needs the cores itself."""
    if chosen is not None:
        return chosen
    return 0 if device.type == "cpu" else max(1, min(MOST_WORKERS, cpu_count() // world))


class Gather(torch.autograd.Function):
    """The rows of all processes, in the order of their numbers, as `DistributedDataParallel` needs them.

    Every process computes the same loss of all rows. Going back, each keeps the gradient of its own rows, times their
    number: averaged over the processes, that is the gradient of the whole batch.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.chunk(dist.get_world_size())[dist.get_rank()] * dist.get_world_size()


def gathered(rows: Tensor, world: int) -> Tensor:
    """The rows of ``world`` processes; of one, its own."""
    found: Tensor = Gather.apply(rows) if world > 1 else rows  # type: ignore[no-untyped-call]
    return found


@contextmanager
def processes(device: torch.device) -> Iterator[tuple[int, int]]:
    """This process's number and how many there are, with a group between them where torchrun started several."""
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


@contextmanager
def enough_memory() -> Iterator[None]:
    """Says in a sentence that memory ran out. Raises `RunError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as exc:
        if isinstance(exc, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(exc):
            raise RunError(
                "the memory is too small for a step; epochs before it are safe",
                hint="a smaller --batch-size, --size or --model, in another --out",
            ) from exc
        raise
