"""What an import of the official release is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dmlkit.pipeline.options import Coverage
from dmlkit.storage import executor

CHANNELS = ("auto", "rgb", "bgr")
# The share of the listed images that must be good: below it, something was not unpacked.
MIN_GOOD_SHARE = 0.99


@dataclass(frozen=True)
class ImportOptions:
    """Choices for an import. ``channels``: the order of the stored channels, or ``auto`` to measure it."""

    out: Path
    channels: str = "auto"
    jobs: int = field(default_factory=executor.cpu_count)


@dataclass(frozen=True)
class ImportResult:
    """What an import wrote. ``coverage`` counts classes by scale, ``filled`` the labels taken from another test set."""

    out: Path
    name: str
    layout: str
    images: dict[str, int]
    statuses: dict[str, int]
    coverage: dict[str, Coverage]
    filled: dict[str, int]
    recurring: dict[str, int]
    channels: dict[str, Any]
    contradictions: list[str]
    notes: list[str]
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether nearly all listed images are good, and every class has one."""
        refused = sum(n for v, n in self.statuses.items() if v != "unlabelled") - self.statuses["ok"]
        good = self.statuses["ok"] >= MIN_GOOD_SHARE * (self.statuses["ok"] + refused)
        return good and all(c.reached for c in self.coverage.values())
