"""Write classes.tsv of the vehicles that dmlkit draws; with ``--check``, say whether it is as it should be.

Run by hand from the root of a checkout: ``python manifests/vehicle/make_classes.py [--check]``.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import astuple, fields
from pathlib import Path

from dmlkit.sample.vehicle import draw, identities
from dmlkit.taxonomy.manifest import FineClass

TABLE = Path(__file__).with_name("classes.tsv")
COARSE = {"sedan": "sedan", "suv": "SUV", "van": "van", "pickup": "pickup", "truck": "truck", "bus": "bus"}
TEST_ONLY = "bus"
TEST_SHARE = 0.2


def test_models(kind: str) -> set[str]:
    """The middle classes of a body type that are in the test: all buses, of the others those with the lowest hashes."""
    ids = [draw.middle_id(kind, model) for model in draw.MODELS[kind]]
    if kind == TEST_ONLY:
        return set(ids)
    ids.sort(key=lambda i: hashlib.sha256(i.encode()).digest())
    return set(ids[: max(1, round(TEST_SHARE * len(ids)))])


def rows() -> list[FineClass]:
    """Every vehicle of every model."""
    found = []
    for kind, models in draw.MODELS.items():
        test = test_models(kind)
        for model in models:
            middle_id = draw.middle_id(kind, model)
            split = "test" if middle_id in test else "train"
            for number, one in enumerate(identities.identities(middle_id, kind, model), 1):
                fine_id, fine = f"{middle_id}-{number:02d}", identities.name_of(model, number, one)
                path = f"{kind}:{COARSE[kind]} > {middle_id}:{model.name} > {fine_id}:{fine}"
                found.append(FineClass(fine_id, fine, middle_id, model.name, kind, COARSE[kind], split, path))
    return sorted(found, key=lambda c: c.fine_id)


def table() -> str:
    """The text of classes.tsv."""
    lines = ["\t".join(f.name for f in fields(FineClass)), *("\t".join(astuple(c)) for c in rows())]
    return "\n".join(lines) + "\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        same = TABLE.is_file() and TABLE.read_text(encoding="utf-8") == table()
        sys.stdout.write(
            f"{TABLE.name} is {'as its generator writes it' if same else 'not what its generator writes'}\n"
        )
        return 0 if same else 1
    TABLE.write_text(table(), encoding="utf-8")
    sys.stdout.write(f"{TABLE.name}: {len(rows())} fine classes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
