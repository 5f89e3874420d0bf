"""What a drawing needs to know of a fine class."""

from __future__ import annotations

from typing import Protocol


class NamedClass(Protocol):
    """A fine class with its id and name, the id of its middle class, and its coarse class."""

    @property
    def fine_id(self) -> str: ...

    @property
    def fine(self) -> str: ...

    @property
    def middle_id(self) -> str: ...

    @property
    def coarse_id(self) -> str: ...

    @property
    def coarse(self) -> str: ...
