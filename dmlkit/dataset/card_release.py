"""The parts of a card that an imported release of DyML has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dmlkit import terms
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.dataset.markdown import fenced, plain

LIMITS = (
    "Images and labels are those of the release, its repeats included.",
    "Most published figures were made with readers that lose the first image of every list.",
)

# What the test sets of a layout are.
TEST_SETS = {
    "split": "The splits `query` and `gallery` are the test set of all three scales.",
    "all-in-one": "One test set serves all three scales, and its images are both query and gallery. They are stored "
    "once: the splits `query` and `gallery` are the same files, and a query must not find itself (same `image_id`).",
    "per-scale": "Each scale has a test set of its own: the configs `test_fine`, `test_middle` and `test_coarse`, with "
    "the splits `query` and `gallery`. An image of one has a label of the other scales only where the same image "
    "stands in their test sets too; else the label is null.",
    "train-only": "There is no test set.",
}


def details(facts: DatasetFacts) -> Mapping[str, Any]:
    """Return what an import recorded of the release."""
    return facts.release.details if facts.release else {}


def introduction(dataset: DatasetFolder) -> tuple[str, ...]:
    """Write the paragraphs above the first heading."""
    configs = dict.fromkeys(split.config for split in dataset.splits)
    lines = [f'load_dataset("PATH", "{config}")' for config in (*configs, "hierarchy")]
    return (
        "![Images of the training classes at the three scales](figure.jpg)",
        fenced("\n".join(["from datasets import load_dataset", "", *lines]), "python"),
        TEST_SETS[dataset.layout],
    )


def sizes_table(dataset: DatasetFolder) -> str:
    """Count the images of each split, and the classes of each scale."""
    images, coverage = dataset.facts.images, dataset.facts.coverage
    lines = ["| config | split | images |", "|---|---|---:|"]
    lines += [f"| `{split.config}` | {split.split} | {images[split.name]:,} |" for split in dataset.splits]
    lines += ["", "| scale | classes with images | classes in the lists |", "|---|---:|---:|"]
    lines += [f"| {scale} | {counts.covered:,} | {counts.total:,} |" for scale, counts in coverage.items()]
    return "\n".join(lines)


def collection_texts(facts: DatasetFacts) -> tuple[str, ...]:
    """Write who read the release, and what was found about its channels and repeated images."""
    recorded = details(facts)
    title = plain(terms.load_or_unknown(facts.source.name).title)
    read = f"Read by dmlkit {facts.dmlkit} with `dmlkit import dyml` from {title}"
    export = ", by way of an export of dmlkit." if recorded["from_export"] else "."
    recurring = ", ".join(f"{n:,} {where}" for where, n in recorded["recurring"].items() if n)
    channels = channels_text(recorded["channels"], facts.resizing or "")
    return (
        f"{read}{export} {channels} The order of rows is decided by a hash of `image_id`.",
        f"Images that stand in several places: {recurring}." if recurring else "",
    )


def channels_text(channels: Mapping[str, Any], recoding: str) -> str:
    """Write whether red and blue were swapped, who says so, and what was done; ``recoding`` is how it was done."""
    by = f"by `{channels['by']}`"
    if "measure" in channels:
        height, strong = (channels["measure"][name] for name in ("height", "strong_colours"))
        by = (
            f"by a measure over {channels['measure']['images']:,} training images (right against swapped: "
            f"by height {height['right']:,} to {height['swapped']:,}, "
            f"by strong colours {strong['right']:,} to {strong['swapped']:,})"
        )
    if channels["decided"] == "undecided":
        return f"Whether red and blue are swapped in the stored files was not decided {by}; the bytes are kept."
    if channels["decided"] == "rgb":
        return f"Red and blue are in their places in the stored files, {by}; the bytes are kept."
    done = f"{channels['swapped']:,} images were encoded again" + (f" ({recoding})" if recoding else "")
    return f"Red and blue were swapped in the stored files, {by}: {done}."


def labels_text(facts: DatasetFacts) -> str:
    """Write what the classes are called, and which labels were filled in."""
    recorded = details(facts)
    if recorded["from_export"]:
        return "Class names and ids are those of the dataset that was exported."
    text = """The release has integers and no names, so names are made: `train fine 123` is the fine class 123 of the
training list. Nobody says that an integer means the same class in train and in a test set; so test classes are
classes of their own, `test fine 123`, at every scale, also where they may be the same. The config `hierarchy` has one
row a fine class; a parent is null where no image tells it, or where images disagree."""
    if facts.layout != "per-scale":
        return text
    filled = ", ".join(f"{n:,} {scale}" for scale, n in recorded["filled"].items())
    contradictions = recorded["contradictions"]["number"]
    return f"""{text}

Labels found by content, because the same bytes stand in another test set: {filled}.
Images whose labels contradict each other there, so that nothing was filled: {contradictions:,}."""
