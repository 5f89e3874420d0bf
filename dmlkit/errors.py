"""Every exception that dmlkit raises on purpose. Library code raises them; only the room `cli` prints and exits.

DmlkitError
├── UsageError            a wrong option, name or path (exit code 2)
│   ├── NoImagesError     a dataset published as ids only, where images are needed
│   └── UnreadableDatasetError   not a dataset folder, or a damaged one
├── ManifestError         a manifest contradicts itself or cannot be read
├── TaxonomyError         a label is unknown or falls under two classes
├── WordNetNotFound       WordNet 3.0 is not installed
├── SourceError           what `--from` names is missing or is not the source it should be
├── PoolError             a pool belongs to something else or cannot be used
├── OutputError           a folder or file cannot be written
├── HubError              the Hugging Face Hub cannot be reached, refuses, or holds something else
├── DatasetError          the labels or images of a dataset cannot be read, or do not fit what is asked of it
├── EmbeddingsError       embeddings cannot be read or ranked
└── RunError              a run of the trainer cannot be read, written or resumed
"""

from __future__ import annotations

from functools import partial
from typing import Any

from dmlkit.text import summarize


class DmlkitError(Exception):
    """An error that a person can understand and act on.

    ``code`` names the kind of error, as ``area.what``; it is stable, while the words of ``message`` may change.
    ``message`` states what happened, to which item, and what was done about it; ``hint`` states what to try.
    ``facts`` are the values that the message mentions: paths, names, numbers. ``exit_code`` is the exit code of the
    command line.
    """

    exit_code = 1

    def __init__(self, message: str, *, code: str, hint: str = "", **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle all of the error: it may come from a worker process."""
        rebuild = partial(type(self), self.message, code=self.code, hint=self.hint, **self.facts)
        return rebuild, (), self.__dict__


class UsageError(DmlkitError):
    """A command or call cannot be carried out as given: a wrong option, name or path."""

    exit_code = 2


class NoImagesError(UsageError):
    """Images are needed, but the dataset was published as ids, labels and hashes only."""


class UnreadableDatasetError(UsageError):
    """A dataset folder is missing, damaged, or not one that dmlkit wrote."""


class ManifestError(DmlkitError):
    """A manifest folder contradicts itself or cannot be read."""


class TaxonomyError(DmlkitError):
    """A label is unknown or falls under two classes."""


class WordNetNotFound(DmlkitError):
    """WordNet 3.0 is needed and not installed."""


class SourceError(DmlkitError):
    """What ``--from`` names is missing or is not the source it should be."""


class PoolError(DmlkitError):
    """A pool folder belongs to something else or cannot be used."""


class OutputError(DmlkitError):
    """A folder or file cannot be written."""


class HubError(DmlkitError):
    """The Hugging Face Hub cannot be reached, refuses a request, or holds something else."""


class DatasetError(DmlkitError):
    """The labels or images of a dataset cannot be read, or do not fit what is asked of it."""


class EmbeddingsError(DmlkitError):
    """Embeddings cannot be read, cannot be ranked, or are not there for all images of a dataset."""


class RunError(DmlkitError):
    """A run of the trainer cannot be read, written or resumed."""


def no_images(where: object, repo: str = "USER/NAME") -> NoImagesError:
    """Make the error for a dataset that was published without its images."""
    return NoImagesError(
        f"{where} has ids, labels and hashes only: the terms of its source forbid publishing the images",
        code="dataset.no-images",
        hint=f"rebuild it from your own copy of the source: dmlkit build --from-hub {repo} --from DIR",
        dataset=where,
    )


def unreadable_dataset(folder: object, reason: BaseException | str) -> UnreadableDatasetError:
    """Make the error for a folder that cannot be read as a dataset."""
    why = reason if isinstance(reason, str) else summarize(reason)
    return UnreadableDatasetError(
        f"cannot read {folder} as a dataset folder: {why}",
        code="dataset.unreadable",
        hint=f"run: dmlkit validate {folder}",
        path=folder,
    )
