"""The errors that dmlkit raises on purpose. Library code raises them; only `cli.py` prints and exits."""

from __future__ import annotations


class DmlkitError(Exception):
    """Something failed in a way that a person can understand and act on.

    ``message`` says what happened, to which item, and what was done about it; ``hint`` says what to try.
    ``exit_code`` is what the command line exits with.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(DmlkitError):
    """The command cannot mean what it says: a wrong option, name or path."""

    exit_code = 2


class NoPictures(UsageError):
    """What needs pictures is given a data set that was published as ids, labels and hashes only."""

    def __init__(self, where: object, repo: str = "USER/NAME") -> None:
        super().__init__(
            f"{where} has ids, labels and hashes only: the terms of its source keep the pictures from being published",
            hint=f"make the data set from your own copy of the source: dmlkit build --from-hub {repo} --from DIR",
        )


def unusable(folder: object, exc: Exception) -> UsageError:
    """The error where a data set folder cannot be read, because of ``exc``."""
    return UsageError(
        f"{folder} is no data set folder that can be read: {type(exc).__name__}: {printable(str(exc))[:300]}",
        hint=f"dmlkit validate {folder}",
    )


class ManifestError(DmlkitError):
    """A manifest folder contradicts itself or cannot be read."""


class HierarchyError(DmlkitError):
    """A label is unknown or falls under two classes."""


class WordNetNotFound(DmlkitError):
    """WordNet 3.0 is needed and is not on this machine."""


class SourceError(DmlkitError):
    """What stands at ``--from`` is missing or is not the source it should be."""


class PoolError(DmlkitError):
    """A pool folder belongs to something else or cannot be used."""


class OutputError(DmlkitError):
    """The output folder cannot be written."""


def printable(text: str) -> str:
    """A text from outside on one line, with what could steer a terminal written as an escape sequence."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
