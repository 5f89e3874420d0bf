"""What a source offers."""

from __future__ import annotations

from pathlib import Path

from dmlkit.sources.base import Candidate, PlanRequest
from dmlkit.sources.registry import load_source


def offered(name: str, path: Path | None, scratch: Path) -> list[Candidate]:
    """Every candidate that the source ``name`` offers of ``path``, read as a build does."""
    source = load_source(name)
    candidates = []
    for unit in source.plan(PlanRequest(manifest=None, path=path, scratch=scratch)):
        candidates += source.read(unit)
        if unit.temporary:
            unit.temporary.unlink()
    return candidates


def statuses(candidates: list[Candidate]) -> dict[str, str]:
    """Id → status of what a source cannot give."""
    return {c.upstream_id: c.status for c in candidates if c.status}


def labels(candidates: list[Candidate]) -> dict[str, str]:
    """Id → upstream label of what a source gives."""
    return {c.upstream_id: c.upstream_label for c in candidates if not c.status}
