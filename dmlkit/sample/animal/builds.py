"""The build of each middle class, and of each coarse class for the middle classes that have none of their own."""

from __future__ import annotations

from dmlkit.sample.animal.builds_birds import BIRDS
from dmlkit.sample.animal.builds_mammals import MAMMALS
from dmlkit.sample.animal.builds_others import FISH, HERPTILES
from dmlkit.sample.animal.figure import Build

BUILDS = {**MAMMALS, **BIRDS, **FISH, **HERPTILES}

GENERIC = {
    "mammal": MAMMALS["n02118333"],
    "bird": BIRDS["n01557185"],
    "fish": FISH["n01439121"],
    "reptile": HERPTILES["n01674464"],
    "amphibian": HERPTILES["n01639765"],
}
"""The build of a middle class that has none of its own."""


def find(middle_id: str, coarse: str) -> Build:
    """The build of a middle class; for one that is not known, a plain one of its coarse class."""
    return BUILDS.get(middle_id) or GENERIC.get(coarse, GENERIC["mammal"])
