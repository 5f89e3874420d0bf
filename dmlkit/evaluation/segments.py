"""Arithmetic on arrays that hold a run of values for each query, one run after the other: in numpy, or in torch."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Segments:
    """Runs of ``counts`` values, none of them empty. Arrays of ``xp``, which is numpy or torch."""

    counts: Any
    xp: ModuleType

    @property
    def starts(self) -> Any:
        return self.xp.cumsum(self.counts, 0) - self.counts

    def spread(self, values: Any) -> Any:
        """The value of each run, once for each of its members."""
        return np.repeat(values, self.counts) if self.xp is np else self.xp.repeat_interleave(values, self.counts)

    def total(self, values: Any) -> Any:
        """The sum of each run."""
        if not len(values):
            return 0 * self.counts
        if self.xp is np:
            return np.add.reduceat(values, self.starts, dtype=np.int64 if values.dtype == np.bool_ else values.dtype)
        if values.is_floating_point():
            return self.xp.segment_reduce(values, "sum", lengths=self.counts)
        ends = self.xp.cumsum(values, 0)[self.starts + self.counts - 1]
        return self.xp.diff(ends, prepend=0 * ends[:1])

    def number(self) -> Any:
        """1, 2, 3 ... within each run."""
        starts = self.spread(self.starts)
        place = {} if self.xp is np else {"device": starts.device}
        return self.xp.arange(1, len(starts) + 1, **place) - starts

    def where(self, chosen: Any) -> Segments:
        """The runs of the chosen members; those without one fall away."""
        counts = self.total(chosen)
        return Segments(counts[counts > 0], self.xp)
