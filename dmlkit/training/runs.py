"""The folder of a run: checkpoint and run.json, each written whole or not at all.

The checkpoint is the only state. `run.json` is written from it, for people and scripts. Importing this module does not
import torch.
"""

from __future__ import annotations

import json
import os
import platform
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from dmlkit import __version__
from dmlkit.errors import RunError, UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.text import printable

if TYPE_CHECKING:
    import torch

FORMAT = 1  # of the checkpoint and run.json
CHECKPOINT, RUN_JSON = "checkpoint.pt", "run.json"
PACKAGES = ("torch", "numpy", "pillow", "pyarrow", "datasets", "pytorch-metric-learning")  # versions in run.json


@contextmanager
def require_extra(what: str) -> Iterator[None]:
    """Turn an ImportError within the block into a `UsageError` that names the extra to install."""
    try:
        yield
    except ImportError as exc:
        raise UsageError(
            f"{what} needs {exc.name or 'torch'}, which is not installed",
            code="training.missing-extra",
            hint="pip install 'dmlkit[train]'",
            package=exc.name,
        ) from exc


def is_run(folder: Path) -> bool:
    """Tell whether a folder holds a run of the trainer, finished or not."""
    return any((folder / name).is_file() for name in (RUN_JSON, CHECKPOINT))


def write_file(path: Path, content: bytes) -> None:
    """Write a file under another name, and rename it when it is on the disk. Raises `RunError`."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as exc:
        partial.unlink(missing_ok=True)
        raise RunError(
            f"cannot write {path}: {exc.strerror or exc}; the version before it was kept",
            code="training.not-written",
            hint="make room, and run the same command again: it resumes after the last whole epoch",
            path=path,
            reason=exc.strerror,
        ) from exc


def save_checkpoint(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the checkpoint of ``state``: tensors, numbers, texts, lists, dicts."""
    import torch

    out = BytesIO()
    torch.save({"format": FORMAT, **state}, out)
    write_file(folder / CHECKPOINT, out.getvalue())


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """Read the checkpoint in ``folder``. Executes nothing in the file. Raises `UsageError`, `RunError`."""
    path = folder / CHECKPOINT
    if not path.is_file():
        raise UsageError(
            f"{folder} is not a run that has finished an epoch: it has no {CHECKPOINT}",
            code="training.no-checkpoint",
            hint="dmlkit train writes one",
            path=folder,
        )
    with require_extra("reading a run"):
        import torch
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not compare the checksums when it reads
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"{damaged} is damaged")
        state = dict(torch.load(path, map_location="cpu", weights_only=True))
        found_format = state["format"]
    except Exception as exc:  # zipfile and torch raise many types for bytes that are not theirs
        raise RunError(
            f"{path} is damaged or not a checkpoint of dmlkit ({type(exc).__name__}); it was left as it is",
            code="training.damaged-checkpoint",
            hint="copy it again, or train anew with another --out",
            path=path,
        ) from exc
    if found_format != FORMAT:
        raise RunError(
            f"{path} has format {found_format}, this dmlkit reads {FORMAT}",
            code="training.checkpoint-format",
            hint="train anew with another --out",
            path=path,
            format=found_format,
        )
    return state


def read_checkpoint_facts(folder: Path) -> dict[str, Any]:
    """Read what a checkpoint has beside its weights: ``epoch``, ``history``, ``settings``, ``dataset``.

    Raises `UsageError` without torch and if there is no checkpoint, `RunError` for one that cannot be read.
    """
    state = load_checkpoint(folder)
    return {name: state[name] for name in ("epoch", "history", "settings", "dataset")}


def check_replaceable(folder: Path) -> None:
    """Raise `RunError` unless a new run may go there: a new or empty folder, or one without a finished epoch."""
    own = (RUN_JSON, "tensorboard")
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    foreign = [name for name in names if name not in own and ".partial" not in name]
    if foreign or (folder.exists() and not folder.is_dir()):
        raise RunError(
            f"{folder} is not the folder of a run ({printable(', '.join(foreign[:1])) or 'it is a file'}); it was left "
            "as it is",
            code="training.out-not-a-run",
            hint="choose another folder with --out",
            path=folder,
            names=foreign,
        )


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Keep other commands from writing the same run. Raises `RunError`."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as exc:
        raise RunError(
            f"another command is training in {folder}",
            code="training.run-locked",
            hint="wait for it, or choose another --out",
            path=folder,
        ) from exc
    except OSError as exc:
        raise RunError(
            f"cannot create {folder}: {exc.strerror or exc}",
            code="training.not-created",
            hint="choose another --out",
            path=folder,
        ) from exc
    try:
        yield
    finally:
        lock.release()


def run_facts(state: Mapping[str, Any], device: torch.device, processes: int) -> dict[str, Any]:
    """Compose run.json: no paths, no names of machines or people."""
    import torch

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
        | {package: package_version(package) for package in PACKAGES},
        "machine": {
            "system": platform.system(),
            "device": name,
            "processes": processes,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
        },
    }


def package_version(package: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def write_run_json(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write run.json. Raises `RunError`."""
    write_file(folder / RUN_JSON, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())


def load_or_init_state(folder: Path, new: dict[str, Any]) -> dict[str, Any]:
    """Load the state of the run in ``folder`` that is resumed, or return ``new``, that of a new run.

    Raises `RunError` if the settings or the dataset are not those of ``new``.
    """
    if not (folder / CHECKPOINT).exists():
        check_replaceable(folder)
        return new
    state = load_checkpoint(folder)
    if state["settings"] != new["settings"]:
        changes = setting_differences(state["settings"], new["settings"])
        texts = [f"{name}: {before} there, {now} now" for name, (before, now) in changes.items()]
        raise RunError(
            f"{folder} is a run with other settings ({'; '.join(texts[:3])}); it was left as it is",
            code="training.settings-differ",
            hint="choose another --out, or delete that one",
            path=folder,
            changes=changes,
        )
    if state["dataset"]["fingerprint"] != new["dataset"]["fingerprint"]:
        raise RunError(
            f"{folder} was trained on another dataset, or its labels have changed since; it was left as it is",
            code="training.dataset-differs",
            hint="use the dataset that it began with, or another --out",
            path=folder,
        )
    return state


def setting_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, with their values in both."""
    first, second = ({**settings, **settings.get("loss_options", {})} for settings in (one, other))
    names = [name for name in {**first, **second} if name != "loss_options"]
    return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}


def tensorboard_writer(folder: Path) -> Any:
    """Make a writer for TensorBoard. Raises `UsageError` if it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as exc:
        raise UsageError(
            "--tensorboard needs tensorboard, which is not installed",
            code="training.missing-package",
            hint="pip install tensorboard",
            package="tensorboard",
        ) from exc
    return SummaryWriter(folder / "tensorboard")


def log_to_tensorboard(writer: Any, line: Mapping[str, Any]) -> None:
    """Write the loss and the metrics of one epoch."""
    writer.add_scalar("loss", line["loss"], line["epoch"])
    for scale in (*SCALES, "overall"):
        for name, value in line.get("metrics", {}).get(scale, {}).items():
            if value is not None:
                writer.add_scalar(f"{scale}/{name}", value, line["epoch"])
    writer.flush()
