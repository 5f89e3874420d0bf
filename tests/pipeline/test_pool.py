"""What a unit in the pool covers: the same settings, at most its limit, at most its scan levels."""

from dataclasses import replace

import pytest

from dmlkit.pipeline.options import CollectSettings
from dmlkit.pipeline.pool import ScanLevel, UnitKey

SETTINGS = CollectSettings(32, 64, 10)
LEVELS = {"a": ScanLevel.KEEP, "b": ScanLevel.HASH}
KEY = UnitKey("1", SETTINGS, LEVELS, 100, {"ok": 2})


def test_key_survives_json():
    assert UnitKey.from_json(KEY.as_json().encode()) == KEY


@pytest.mark.parametrize("text", ["[]", "{}", '{"fingerprint": "1"}', "no json"])
def test_text_that_is_not_a_key_is_refused(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        UnitKey.from_json(text.encode())


@pytest.mark.parametrize(
    ("settings", "levels", "covered"),
    [
        ({}, LEVELS, True),
        ({"limit": 9}, LEVELS, True),
        ({"limit": 11}, LEVELS, False),
        ({"limit": None}, LEVELS, False),
        ({"shorter_side_px": None}, LEVELS, False),
        ({"min_shorter_side_px": 16}, LEVELS, False),
        ({}, {"a": ScanLevel.HASH}, True),
        ({}, {"b": ScanLevel.KEEP}, False),
        ({}, {"c": ScanLevel.NAME}, True),
        ({}, {"c": ScanLevel.HASH}, False),
    ],
)
def test_unit_covers_what_needs_less(settings, levels, covered):
    assert KEY.covers(replace(SETTINGS, **settings), levels) == covered


def test_unit_without_limit_covers_every_limit():
    whole = replace(KEY, settings=replace(SETTINGS, limit=None))
    assert whole.covers(SETTINGS, LEVELS)
    assert whole.covers(replace(SETTINGS, limit=None), LEVELS)
