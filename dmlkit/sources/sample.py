"""The embedded sample: drawn images of every class of a manifest. No download, no licence, any size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from io import BytesIO

from dmlkit import sample
from dmlkit.errors import UsageError
from dmlkit.sources import Request
from dmlkit.sources.base import Candidate, Unit
from dmlkit.taxonomy.manifest import FineClass

QUALITY = 88
PER_CLASS = 8


def plan(request: Request) -> list[Unit]:
    """One unit a fine class, ``--limit`` images each. Raises `UsageError` where the manifest has no drawing."""
    if request.path is not None:
        raise UsageError(f"the source sample draws its images and reads no --from {request.path}")
    settings = request.manifest.settings.get("sample", {})
    if "drawing" not in settings:
        raise UsageError(
            f"the manifest {request.manifest.name} says not what its sample looks like",
            hint=f"choose another --source, or put `drawing` under [sample]: {', '.join(sample.DRAWINGS)}",
        )
    version = sample.load(settings["drawing"]).VERSION
    count = request.limit or int(settings.get("per_class", PER_CLASS))
    units = []
    for fine in request.manifest.classes:
        facts = tuple((name, str(value)) for name, value in asdict(fine).items())
        identity = hashlib.sha256(repr((settings["drawing"], version, QUALITY, count, facts)).encode()).hexdigest()
        units.append(Unit(fine.fine_id, (fine.fine_id,), identity, kind=settings["drawing"], size=count, members=facts))
    return units


def read(unit: Unit) -> Iterator[Candidate]:
    """The images of one class, drawn when they are read."""
    fine = FineClass(**dict(unit.members))
    for index in range(unit.size):
        yield Candidate(
            f"{fine.fine_id}_{index:05d}",
            fine.fine_id,
            partial(draw, unit.kind, fine, index),
            license="CC0-1.0",
        )


def draw(name: str, fine: FineClass, index: int) -> bytes:
    """One image as JPEG bytes."""
    out = BytesIO()
    sample.load(name).draw(fine, index).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
