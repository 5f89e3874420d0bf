"""A run's folder: settings, checkpoint, run.json. Each file is written whole or not at all.

The checkpoint is the only state. `run.json` is written from it, for people and scripts.
"""

from __future__ import annotations

import json
import os
import platform
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from dmlkit import __version__
from dmlkit.errors import RunError, UsageError
from dmlkit.text import printable
from dmlkit.training import losses, model

FORMAT = 1
CHECKPOINT, RUN = "checkpoint.pt", "run.json"
PACKAGES = ("torch", "numpy", "pillow", "pyarrow", "datasets", "pytorch-metric-learning")


@dataclass(frozen=True)
class Settings:
    """What decides the result of a run. Lengths in pixels, rates per step, shares between 0 and 1.

    ``batch_size`` images make a step; of each class in it there are ``per_class``. ``warmup`` is the share of the
    steps over which the rate grows from 0. ``held_back`` is the share of the middle classes that are not trained on but
    evaluated instead of the test classes. ``shuffle_labels`` gives the training images each other's labels: such a
    run can learn nothing.
    """

    loss: str = "csl"
    options: losses.Options = field(default_factory=losses.Options)
    model: str = "small"
    weights: str = ""
    pool: str = "average"
    embedding: int = 128
    freeze_bn: bool = False
    size: int = 64
    epochs: int = 15
    batch_size: int = 128
    per_class: int = 4
    optimizer: str = "adamw"
    lr: float = 5e-3
    weight_decay: float = 0.05
    warmup: float = 0.1
    amp: bool = False
    seed: int = 0
    held_back: float = 0.0
    shuffle_labels: bool = False


@dataclass(frozen=True)
class Machine:
    """How a run is carried out here: it may change between the parts of a run that was stopped.

    ``device`` is a torch device, or ``auto``; ``workers`` are processes that read images, None for what suits.
    ``cache``: keep decoded images ``always``, ``never``, or where they are not too many. ``evaluate_every`` so many
    epochs the test classes are evaluated, and at the end; 0: at the end only. ``stop_after`` so many epochs of this
    call the run stops, to go on later.
    """

    device: str = "auto"
    threads: int = 0
    workers: int | None = None
    cache: str = "auto"
    evaluate_every: int = 1
    stop_after: int | None = None
    tensorboard: bool = False
    revision: str | None = None


LARGE: dict[str, Any] = {
    "pool": "max", "embedding": 512, "size": 224, "epochs": 100, "batch_size": 256, "optimizer": "sgd", "lr": 0.1,
    "weight_decay": 1e-4, "warmup": 0.0,
}  # fmt: skip
"""HAPPIER's recipe for networks trained from scratch, with the paper's pooling."""


def settings(given: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Settings:
    """The settings of a run: what is ``given``, and for the rest what suits the model. Raises `UsageError`."""
    model, loss = given.get("model", Settings.model), given.get("loss", Settings.loss)
    made = Settings(**{**({} if model == "small" else LARGE), **given}, options=losses.options(loss, **(options or {})))
    shares = ("held_back", "warmup")
    wrong = [
        name for name in ("embedding", "size", "epochs", "batch_size", "per_class", "lr") if getattr(made, name) <= 0
    ]
    wrong += [name for name in shares if not 0 <= getattr(made, name) < 1]
    if wrong:
        raise UsageError(f"--{wrong[0].replace('_', '-')} {getattr(made, wrong[0])} is out of range")
    return made


def as_json(made: Settings) -> dict[str, Any]:
    """The settings as JSON holds them: of a file of weights its name and the start of its SHA-256, not its path."""
    facts: dict[str, Any] = json.loads(json.dumps(asdict(made)))
    if made.weights and made.weights != "pretrained":
        facts["weights"] = f"{Path(made.weights).name}, sha256 {model.digest(Path(made.weights))[:16]}"
    return facts


def from_json(facts: Mapping[str, Any]) -> Settings:
    """The settings that `as_json` gave."""
    options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts["options"].items()}
    return Settings(**{**facts, "options": losses.Options(**options)})


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The settings that differ, as people read them."""
    flat = [{**facts, **facts["options"]} for facts in (one, other)]
    names = [f.name for f in (*fields(Settings), *fields(losses.Options)) if f.name != "options"]
    return [f"{n}: {flat[0].get(n)} there, {flat[1].get(n)} now" for n in names if flat[0].get(n) != flat[1].get(n)]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, and rename it when it is on the disk. Raises `RunError`."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as exc:
        partial.unlink(missing_ok=True)
        raise RunError(
            f"{path} could not be written: {exc.strerror or exc}; the last whole one is as it was",
            hint="make room, and run the same command again: it goes on from the last whole epoch",
        ) from exc


def save(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the checkpoint of ``state`` (tensors, numbers, texts, lists, dicts)."""
    out = BytesIO()
    torch.save({"format": FORMAT, **state}, out)
    write_whole(folder / CHECKPOINT, out.getvalue())


def load(folder: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """The state of the checkpoint in ``folder``. Nothing in the file is executed. Raises `UsageError`, `RunError`."""
    path = folder / CHECKPOINT
    if not path.is_file():
        raise UsageError(
            f"{folder} is no run that has ended an epoch: it has no {CHECKPOINT}", hint="dmlkit train makes one"
        )
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums when it reads
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"{damaged} is damaged")
        state = torch.load(path, map_location=device, weights_only=True)
        known = state["format"]
    except Exception as exc:  # zipfile and torch raise many types for bytes that are not theirs
        raise RunError(
            f"{path} is damaged or no checkpoint of dmlkit ({type(exc).__name__}); left as it is",
            hint="copy it again, or train anew with another --out",
        ) from exc
    if known != FORMAT:
        raise RunError(f"{path} is of format {known}, this dmlkit reads {FORMAT}", hint="train anew with another --out")
    return dict(state)


def replaceable(folder: Path) -> None:
    """A new run goes into a new or empty folder, or one where a run did not end its first epoch. Raises `RunError`."""
    strange = (
        [p.name for p in folder.iterdir() if p.name != RUN and ".partial" not in p.name] if folder.is_dir() else []
    )
    if strange or (folder.exists() and not folder.is_dir()):
        raise RunError(
            f"{folder} holds something that is no run ({printable(', '.join(strange[:1])) or 'a file'}); left as it is",
            hint="choose another folder with --out",
        )


def facts_of(state: Mapping[str, Any], device: torch.device, processes: int) -> dict[str, Any]:
    """What run.json says of a run: no paths, no names of machines or people."""
    history = state["history"]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "format": FORMAT,
        "finished": state["epoch"] == state["settings"]["epochs"],
        "dataset": state["dataset"],
        "settings": state["settings"],
        "metrics": history[-1].get("metrics") if history else None,
        "seconds": round(sum(epoch["seconds"] for epoch in history), 1),
        "epochs": history,
        "versions": {"dmlkit": __version__, "python": platform.python_version()}
        | {package: version_of(package) for package in PACKAGES},
        "machine": {
            "system": platform.system(),
            "device": name,
            "processes": processes,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
        },
    }


def version_of(package: str) -> str | None:
    try:
        return version(package)
    except ImportError:
        return None


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    write_whole(folder / RUN, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())


def with_batch(made: Settings, classes: int, chosen: bool) -> Settings:
    """The settings with a batch that ``classes`` training classes can fill.

    Raises `UsageError` where the batch was ``chosen`` and cannot be filled, or is no whole number of groups.
    """
    group = made.per_class * (3 if made.options.batch == "paper" else 1)
    most = classes * made.per_class // group * group
    fitting = min(made.batch_size // group * group, most)
    if fitting < 2 or (chosen and made.batch_size > most):
        raise UsageError(
            f"a batch of {made.batch_size} images in groups of {group} needs more than the {classes} training "
            f"classes with {made.per_class} images each that the dataset has",
            hint=f"--batch-size {most}" if most >= 2 else "a smaller --per-class, or a dataset with more classes",
        )
    if chosen and made.batch_size != fitting:
        raise UsageError(
            f"--batch-size {made.batch_size} is no whole number of groups of {group} images",
            hint=f"--batch-size {fitting}, or another --per-class",
        )
    return replace(made, batch_size=fitting)
