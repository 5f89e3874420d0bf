"""What a source offers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from dmlkit.sources import Request
from dmlkit.sources.base import Candidate


def offered(module: ModuleType, path: Path | None, scratch: Path) -> list[Candidate]:
    """Every candidate that a source offers of ``path``, read as a build does."""
    candidates = []
    for unit in module.plan(Request(manifest=None, path=path, scratch=scratch)):
        candidates += module.read(unit)
        if unit.temporary:
            Path(unit.path).unlink()
    return candidates


def statuses(candidates: list[Candidate]) -> dict[str, str]:
    """Id → status of what a source cannot give."""
    return {c.upstream_id: c.status for c in candidates if c.status}


def labels(candidates: list[Candidate]) -> dict[str, str]:
    """Id → upstream label of what a source gives."""
    return {c.upstream_id: c.upstream_label for c in candidates if not c.status}
