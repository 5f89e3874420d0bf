"""A run of the trainer and a dataset → metrics. Imports torch only when a run is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dmlkit import __version__
from dmlkit.errors import UsageError
from dmlkit.evaluation.api import (
    EvaluateOptions,
    describe_dataset,
    evaluate_embeddings,
    label_embeddings,
    options_for,
)
from dmlkit.evaluation.embeddings import LabelledEmbeddings
from dmlkit.evaluation.labels import UNKNOWN, Labels, QueryGallery, load_test_sets
from dmlkit.evaluation.metrics import merge_scales
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.text import first_few, printable

RUN_FILES = ("run.json", "checkpoint.pt")


@dataclass(frozen=True)
class EvaluateRunOptions:
    """How to evaluate a run.

    ``device`` computes the embeddings; a device of torch other than the CPU computes the metrics too.
    ``other_data``: the dataset may be another than the one that the run was trained on. ``revision`` is that of a
    dataset on the Hub.
    """

    metrics: EvaluateOptions = field(default_factory=EvaluateOptions)
    device: str = "auto"
    other_data: bool = False
    revision: str | None = None


def is_run(folder: Path) -> bool:
    """Tell whether a folder is a run of the trainer, begun or ended."""
    return any((folder / name).is_file() for name in RUN_FILES)


def evaluate_run(
    folder: Path, dataset: str, options: EvaluateRunOptions, progress: Progress = no_progress
) -> dict[str, Any]:
    """Compute the metrics of a run on the test sets of ``dataset``.

    Returns what `evaluation.api.evaluate_file` does. Raises `UsageError`, `DatasetError`, `EmbeddingsError`,
    `RunError`.
    """
    check_torch(options.device)
    metrics = replace(options.metrics, device=None if options.device in ("auto", "cpu") else options.device)
    tests = load_test_sets(dataset, metrics.scales, options.revision)
    results = []
    dimensions = 0
    for test in tests:
        sides = embed_test(folder, dataset, test, options, progress)
        results.append(evaluate_embeddings(*sides, options_for(test, metrics), progress))
        dimensions = sides[0].vectors.shape[1]
    return {
        **merge_scales(results),
        "dataset": describe_dataset(dataset, tests),
        "notes": describe_other_data(folder, dataset, tests[0]) if options.other_data else [],
        "embeddings": {"run": folder.name, "dimensions": dimensions},
        "dmlkit": __version__,
    }


def check_torch(device: str) -> None:
    """Raise `UsageError` if torch is missing, or has no such device."""
    try:
        from dmlkit.training.devices import device_of
    except ImportError as exc:
        raise UsageError(
            f"a run needs torch: {exc}", code="training.no-torch", hint="pip install 'dmlkit[train]'"
        ) from exc
    device_of(device)


def embed_test(
    folder: Path, dataset: str, test: QueryGallery, options: EvaluateRunOptions, progress: Progress
) -> tuple[LabelledEmbeddings, LabelledEmbeddings | None]:
    """Embed the query and the gallery of a test set; the second is None if they are the same images."""
    from dmlkit.training.embed import embed

    _, vectors = embed(
        folder,
        dataset,
        ("query",) if test.is_one_set else ("query", "gallery"),
        scale=test.scale,
        other_data=options.other_data,
        device=options.device,
        revision=options.revision,
        notify=progress,
    )
    num_queries = len(test.query.ids)
    return label_embeddings(test, vectors[:num_queries], vectors[num_queries:])


def describe_other_data(folder: Path, dataset: str, test: QueryGallery) -> list[str]:
    """State how the dataset of a run differs from the one that it is evaluated on."""
    from dmlkit.training import runs

    state = runs.load(folder)
    trained, content = state["dataset"], test.query.content
    if trained["content"] == content:
        return []
    notes = [
        f"the run was trained on {printable(trained['name'])} (content {trained['content'][:12] or 'unknown'}), and is "
        f"evaluated on {printable(dataset)} (content {content[:12] or 'unknown'})"
    ]
    for column, scale in enumerate(SCALES[:2]):
        names = class_names(test.query, column) | class_names(test.gallery, column)
        known = names & {row[column] for row in state["classes"]}
        if known:
            notes.append(
                f"{len(known):,} of its {len(names):,} {scale} test classes have the name of a class that the run was "
                f"trained on, so this is no test on new classes: {first_few(sorted(known))}"
            )
    return notes


def class_names(labels: Labels, column: int) -> set[str]:
    """Name the classes that have an image, at the scale of a column of the labels."""
    present = set(labels.labels[:, column].tolist()) - {UNKNOWN}
    return {labels.names[SCALES[column]][label] for label in present}
