"""The synthetic sample: images drawn for every class of a manifest. No download, no licence, any size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from dmlkit import sample
from dmlkit.errors import UsageError
from dmlkit.sources.base import Candidate, Payload, PlanRequest, Source, Unit
from dmlkit.taxonomy.manifest import FineClass, Manifest

# Quality of the JPEG files, from 1 to 95.
JPEG_QUALITY = 88

# Images of a class, unless the manifest or --limit says otherwise.
IMAGES_PER_CLASS = 8


@dataclass(frozen=True)
class DrawnImages(Payload):
    """Images 0 to ``count`` - 1 of one class, drawn in one of `dmlkit.sample.DOMAINS`."""

    domain: str
    fine_class: FineClass
    count: int


class SampleSource(Source):
    """Images that dmlkit draws."""

    name = "sample"

    def plan(self, request: PlanRequest) -> list[Unit]:
        """Plan one unit a fine class, ``--limit`` images each. Raises `UsageError` if the manifest has no drawing."""
        if request.path is not None:
            raise UsageError(
                f"the source sample draws its images and reads no --from {request.path}",
                code="usage.path-not-read",
                path=request.path,
            )
        domain = domain_of(request.manifest)
        count = request.limit or int(request.manifest.settings["sample"].get("per_class", IMAGES_PER_CLASS))
        version = sample.version(domain)
        units = []
        for fine_class in request.manifest.classes:
            payload = DrawnImages(domain, fine_class, count)
            fingerprint = hashlib.sha256(repr((version, JPEG_QUALITY, payload)).encode()).hexdigest()
            units.append(Unit(fine_class.fine_id, (fine_class.fine_id,), fingerprint, payload, num_images=count))
        return units

    def read(self, unit: Unit) -> Iterator[Candidate]:
        """Read the images of one class. They are drawn when their bytes are asked for."""
        assert isinstance(unit.payload, DrawnImages)
        fine_class = unit.payload.fine_class
        for index in range(unit.payload.count):
            yield Candidate(
                f"{fine_class.fine_id}_{index:05d}",
                fine_class.fine_id,
                partial(draw_jpeg, unit.payload.domain, fine_class, index),
                license="CC0-1.0",
            )


def domain_of(manifest: Manifest) -> str:
    """Return the domain in which the images of a manifest are drawn. Raises `UsageError`."""
    domain = manifest.settings.get("sample", {}).get("drawing")
    if domain in sample.DOMAINS:
        return str(domain)
    if domain is None:
        raise UsageError(
            f"the manifest {manifest.name} does not say what its sample looks like",
            code="usage.no-sample",
            hint=f"choose another --source, or put `drawing` under [sample]: {', '.join(sample.DOMAINS)}",
            manifest=manifest.name,
        )
    raise UsageError(
        f"unknown drawing {domain!r} in the manifest {manifest.name}",
        code="usage.unknown-drawing",
        hint=f"choose one of: {', '.join(sample.DOMAINS)}",
        name=domain,
        choices=sample.DOMAINS,
    )


def draw_jpeg(domain: str, fine_class: FineClass, index: int) -> bytes:
    """Draw one image and return it as the bytes of a JPEG file."""
    out = BytesIO()
    sample.draw(domain, fine_class, index).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
