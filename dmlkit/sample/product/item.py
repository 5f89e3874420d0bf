"""A product in work: its parts in groups, and how it wants to be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import numpy as np

from dmlkit.sample.colours import Colour, lit
from dmlkit.sample.product.finish import Finish
from dmlkit.sample.product.patterns import main
from dmlkit.sample.product.solid import SATIN, Grid, Material, Surface


@dataclass
class Item:
    """The parts of one product in one image.

    A group is a list of surfaces that are painted one after the other; what hides what among the groups is found from
    their bounds. ``rng`` decides what varies by image.
    """

    finish: Finish
    rng: Random
    groups: list[list[Surface]] = field(default_factory=list)

    def add(self, *surfaces: Surface) -> None:
        self.groups.append(list(surfaces))

    def part(
        self,
        grid: Grid,
        colour: Colour,
        material: Material = SATIN,
        flat: bool = False,
        dim: tuple[float, float] = (1.0, 1.0),
    ) -> Surface:
        """A part in a colour of its own."""
        return Surface(grid, colour, material, flat=flat, dim=dim)

    def plain(
        self, grid: Grid, factor: float = 1.0, flat: bool = False, dim: tuple[float, float] = (1.0, 1.0)
    ) -> Surface:
        """A part in the colour and material of the finish, without its pattern."""
        return Surface(grid, self.finish.near(factor), self.finish.material, flat=flat, dim=dim)

    def main(self, grid: Grid, flat: bool = False, **where: tuple[float, ...]) -> Surface:
        """A part that carries the whole finish."""
        out = main(grid, self.finish, **where)
        out.flat = flat
        return out

    def second(self, grid: Grid, when: str, factor: float = 1.0, flat: bool = False) -> Surface:
        """A part that has the second colour where the finish says so, else the first."""
        if self.finish.pattern == when:
            return Surface(grid, self.finish.accent, self.finish.material, flat=flat)
        return self.plain(grid, factor, flat)

    def shaped(self) -> None:
        """Give all parts the proportions that the finish asks for."""
        factor = np.array([self.finish.wide, self.finish.high, self.finish.wide])
        for group in self.groups:
            for surface in group:
                surface.grid = surface.grid * factor

    def points(self) -> Grid:
        """All points of the product, as one list."""
        return np.concatenate([s.grid.reshape(-1, 3) for group in self.groups for s in group])


@dataclass(frozen=True)
class Form:
    """A form: how it is built, and from where it is seen; angles in radians."""

    build: Callable[[Item], None]
    places: tuple[str, ...] = ("studio", "studio", "table", "shelf", "cloth", "counter")
    yaw: tuple[float, float] = (-0.7, 0.7)
    rise: tuple[float, float] = (0.1, 0.55)
    hangs: bool = False
    behind: float = 0.0
    """The share of images that show it from behind, turned as in a mirror."""


def dark(colour: Colour) -> Colour:
    """The colour of a dark opening in something of this colour."""
    return lit(colour, 0.35)
