"""Short texts for people."""

import doctest
import math

import pytest

from dmlkit import text


def test_examples_in_docstrings_hold():
    result = doctest.testmod(text)
    assert result.attempted >= 7
    assert result.failed == 0


@pytest.mark.parametrize("steering", ["\x1b[2J", "\r", "\n", "\x00", "\x9b", "\u202e", "\ud800"])
def test_printable_text_cannot_steer_a_terminal(steering):
    assert text.printable(f"a{steering}b").isprintable()


def test_summary_is_one_short_line():
    summary = text.summarize(ValueError("first\nsecond" + "x" * 1000), max_letters=20)
    assert summary.startswith("ValueError: first\\nsecond")
    assert len(summary) == len("ValueError: ") + 20


SECRETS = [
    "https://user:secret@host/a",
    "https://secret@host/a",
    "https://host/a?token=secret&more=1",
    "https://host/a#secret",
    "cannot open s3://user:secret@host/a: denied",
    "tried https://a:secret@one/x?sig=secret, then https://b:secret@two/y",
    "for url: http://host/x?X-Amz-Signature=secret (caused by 'https://u:secret@proxy:8080')",
    "first line\nhttps://host/a?key=secret",
    "https://user:p@secret@host/a",
    "HTTPS://user:secret@host",
    "https://[::1?token=secret",
    "s3://KEY:sec/secret@bucket/a",
    "wss+x.y-z://secret@host",
]


@pytest.mark.parametrize("message", SECRETS)
def test_redacted_text_has_no_secret(message):
    assert "secret" not in text.redact_url(message)


@pytest.mark.parametrize(
    "harmless",
    [
        "/a/path",
        "C:\\path",
        "a@b.example",
        "what? no",
        "https://host:80/a@b.tar",
        "hf://datasets/a@main/b",
        "Really, https://host/a?",
        "see https://host/a, or s3://b/c.",
    ],
)
def test_redaction_keeps_what_is_no_secret(harmless):
    assert text.redact_url(harmless) == harmless


def test_bullet_list_counts_what_it_leaves_out():
    assert text.bullet_list(["a", "b", "c"], most=2) == "\n  - a\n  - b\n  - ... and 1 more"
    assert text.bullet_list([]) == ""


def test_first_few_are_printable():
    assert text.first_few(["\x1b", 1, None]) == "\\x1b, 1, None"


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (59.6, "1 min 0 s"), (3600, "1 h"), (90_060, "25 h 1 min")])
def test_duration_has_two_units_at_most(seconds, words):
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("num_bytes", "words"), [(0, "0 bytes"), (1000, "1.0 kB"), (123_456, "123 kB"), (5e15, "5,000 TB")]
)
def test_byte_size_uses_powers_of_1000(num_bytes, words):
    assert text.byte_size(num_bytes) == words


def test_json_has_no_nan():
    value = {"a": [math.nan, 1.0, {"b": math.inf}], "c": (2, "nan")}
    assert text.nan_to_none(value) == {"a": [None, 1.0, {"b": None}], "c": [2, "nan"]}


def test_one_line_replaces_control_characters():
    assert text.one_line(" a\n\tb\x00c\x85d ") == "a b c d"


def test_text_table_aligns_numbers_right():
    rows = [["train", "1,200"], ["query", "3"]]
    table = text.text_table(rows, ["split", "images"], right=(1,))
    assert table.splitlines() == ["split  images", "-----  ------", "train   1,200", "query       3"]
