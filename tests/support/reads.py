"""A source that notes which of its units are read."""

from __future__ import annotations

import pytest

from dmlkit.sources.registry import load_source


def note_reads(monkeypatch: pytest.MonkeyPatch, name: str = "imagenet-21k") -> list[str]:
    """Replace the source ``name``, in this process, by one that notes the names of the units that are read."""
    source_class = type(load_source(name))
    read = source_class.read
    units: list[str] = []

    def read_and_note(source, unit):
        units.append(unit.name)
        return read(source, unit)

    monkeypatch.setattr(source_class, "read", read_and_note)
    return units
