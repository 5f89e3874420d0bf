"""What words of a name say of a look, by coarse class: overrides of a build's shape, of the marking (``kind``), of where the
animal lives (``places``), of its ``plan`` and of colours (``@part``).

A key is one word, several words that must all be in the name, or ``=`` and the whole name.
"""

from __future__ import annotations

from dmlkit.sample.animal.hints_birds import BIRDS
from dmlkit.sample.animal.hints_mammals import MAMMALS
from dmlkit.sample.animal.hints_others import AMPHIBIANS, FISH, REPTILES

HINTS = {"mammal": MAMMALS, "bird": BIRDS, "fish": FISH, "reptile": REPTILES, "amphibian": AMPHIBIANS}
