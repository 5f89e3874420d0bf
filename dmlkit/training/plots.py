"""The figure of a run: the loss, and mAP by scale, over the epochs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from dmlkit.errors import UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.training.runs import write_whole

FIGURE = "run.png"
COLOURS = {"fine": "#0b6e8a", "middle": "#c26a12", "coarse": "#4a8f3c", "overall": "#333333"}


def check_installed() -> None:
    """Raises `UsageError` where matplotlib is missing: before a training rather than after it."""
    if find_spec("matplotlib") is None:
        raise UsageError("the figure of a run needs matplotlib, which is missing", hint="pip install 'dmlkit[train]'")


def draw(out: Path, facts: Mapping[str, Any]) -> None:
    """Write ``run.png`` of what run.json says."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = facts["epochs"]
    marker = "o" if len(epochs) < 30 else ""
    left.plot([e["epoch"] for e in epochs], [e["loss"] for e in epochs], color=COLOURS["overall"], marker=marker)
    left.set(title="training loss", xlabel="epoch")
    measured = [e for e in epochs if e.get("metrics")]
    for scale in (*SCALES, "overall"):
        values = [(e["epoch"], e["metrics"].get(scale, {}).get("mAP")) for e in measured]
        points = [(epoch, 100 * value) for epoch, value in values if value is not None]
        style = "--" if scale == "overall" else "-"
        right.plot(
            *zip(*points, strict=True), style, color=COLOURS[scale], marker=marker, label=scale
        ) if points else None
    what = "classes held back" if facts["settings"]["held_back"] else "test classes"
    right.set(title=f"mAP in %, {what}", xlabel="epoch", ylim=(0, None))
    if measured:
        right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
    figure.suptitle(f"{facts['dataset']['name']}: {facts['settings']['loss']}, {facts['settings']['model']}")
    data = BytesIO()
    figure.savefig(data, format="png", dpi=120)
    write_whole(out / FIGURE, data.getvalue())
