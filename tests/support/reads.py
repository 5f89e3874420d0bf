"""A source that notes which of its units are read."""

from __future__ import annotations

import pytest

from dmlkit import sources


def note_reads(monkeypatch: pytest.MonkeyPatch, name: str = "imagenet-21k") -> list[str]:
    """Replace the source ``name``, in this process, by one that notes the names of the units that are read."""
    source = sources.load(name)
    read = source.read
    units: list[str] = []

    def read_and_note(unit):
        units.append(unit.name)
        return read(unit)

    monkeypatch.setattr(source, "read", read_and_note)
    return units
