"""A run of the trainer and a dataset → metrics. Imports torch only where a run is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dmlkit.errors import UsageError
from dmlkit.evaluation import api, labels
from dmlkit.evaluation.api import SIDES, Options, one_set
from dmlkit.evaluation.labels import Labels
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES
from dmlkit.text import first_few, printable

RUN_FILES = ("run.json", "checkpoint.pt")


def is_run(folder: Path) -> bool:
    """Tell whether a folder is a run of the trainer, begun or ended."""
    return any((folder / name).is_file() for name in RUN_FILES)


def evaluate_run(folder: Path, dataset: str, options: Options, notify: Progress = no_progress) -> dict[str, Any]:
    """Compute the metrics of a run on the test of ``dataset``.

    Returns what `api.evaluate` does. Raises `UsageError`, `LabelsError`, `EmbeddingsError`, `RunError`.
    """
    if options.ids is not None:
        raise UsageError(
            "--ids is for a file of embeddings; a run reads the images itself", code="usage.ids-of-run", path=folder
        )
    check_torch(options.device)
    tests = api.of_scales(dataset, options)
    results: dict[Any, dict[str, Any]] = {}
    dimensions = 0
    for scale, test in tests.items():
        vectors = from_run(folder, dataset, scale, test, options, notify)
        results[scale] = api.measured(test, vectors, [scale] if scale else options.scales, options, notify)
        dimensions = vectors["query"].shape[1]
    notes = notes_on_run(folder, dataset, next(iter(tests.values()))) if options.other_data else []
    facts = {"notes": notes, "embeddings": {"run": folder.name, "dimensions": dimensions}}
    return api.described(results, tests, dataset, options, facts)


def check_torch(device: str) -> None:
    """Raises `UsageError` where torch is missing, or has no such device."""
    try:
        from dmlkit.training.devices import device_of
    except ImportError as exc:
        raise UsageError(
            f"a run needs torch: {exc}", code="training.no-torch", hint="pip install 'dmlkit[train]'"
        ) from exc
    device_of(device)


def from_run(
    folder: Path, dataset: str, scale: str | None, test: Labels, options: Options, notify: Progress
) -> dict[str, NDArray[Any]]:
    from dmlkit.training.embed import embed

    sides = SIDES[:1] if one_set(test) else SIDES
    _, vectors = embed(
        folder,
        dataset,
        sides,
        scale=scale,
        other_data=options.other_data,
        device=options.device,
        revision=options.revision,
        notify=notify,
    )
    queries = len(test.of("query").ids)
    return {"query": vectors[:queries], "gallery": vectors[-len(test.of("gallery").ids) :]}


def notes_on_run(folder: Path, dataset: str, test: Labels) -> list[str]:
    """How a run's dataset differs from the one that it is evaluated on."""
    from dmlkit.training import runs

    state = runs.load(folder)
    trained = state["dataset"]
    if trained["content"] == test.content:
        return []
    notes = [
        f"the run was trained on {printable(trained['name'])} (content {trained['content'][:12] or 'unknown'}), and is "
        f"evaluated on {printable(dataset)} (content {test.content[:12] or 'unknown'})"
    ]
    for number, scale in enumerate(SCALES[:2]):
        present = set(test.labels[:, number].tolist()) - {labels.UNKNOWN}
        names = {test.names[scale][label] for label in present}
        known = names & {row[number] for row in state["classes"]}
        if known:
            notes.append(
                f"{len(known):,} of its {len(names):,} {scale} test classes have the name of a class that the run was "
                f"trained on, so this is no test on new classes: {first_few(sorted(known))}"
            )
    return notes
