"""README.md of an imported release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dmlkit import __version__, terms
from dmlkit.dataset import answers
from dmlkit.dataset.card import dataset_info, fenced, plain, size_category, statuses_table
from dmlkit.formats.dyml import channels
from dmlkit.formats.dyml.records import ImportResult
from dmlkit.schema.layout import LAYOUTS

if TYPE_CHECKING:
    from dmlkit.formats.dyml.writing import Content

LIMITS = (
    "Images and labels are those of the release, its repeats included.",
    "Most published figures were made with readers that lose the first image of every list.",
)

TESTS = {
    "split": "The splits `query` and `gallery` are the test set of all three scales.",
    "all-in-one": "One test set serves all three scales, and its images are both query and gallery. They are stored "
    "once: the splits `query` and `gallery` are the same files, and a query must not find itself (same `image_id`).",
    "per-scale": "Each scale has a test set of its own: the configs `test_fine`, `test_middle` and `test_coarse`, with "
    "the splits `query` and `gallery`. An image of one has a label of the other scales only where the same image "
    "stands in their test sets too; else the label is null.",
    "train-only": "There is no test set.",
}


def title_of(name: str) -> str:
    """For dyml-animal: DyML-Animal."""
    return f"DyML-{name.removeprefix('dyml-').title()}"


def write(folder: Path, content: Content, result: ImportResult, found: Mapping[str, Any], of_content: str) -> None:
    """Write ``README.md``. The Parquet files must be there: their numbers are read from them."""
    known = content.known
    source = known.source if known else result.name
    title = known.title if known else title_of(result.name)
    text = front_matter(folder, title, source, result, len(content.rows), of_content)
    (folder / "README.md").write_text(f"{text}\n{body(title, content, result, found)}", encoding="utf-8", newline="\n")


def front_matter(folder: Path, title: str, source: str, result: ImportResult, images: int, of_content: str) -> str:
    source_terms = terms.load_or_unknown(source)
    files: dict[str, dict[str, str]] = {}
    for part in LAYOUTS[result.layout]:
        if result.images[part.name]:  # `datasets` fails at a split without rows
            files.setdefault(part.config, {})[part.split] = f"{part.stem}-*.parquet"
    files["hierarchy"] = {"train": "hierarchy/train-*.parquet"}
    fields = {
        "license": source_terms.license.lower(),
        **({"license_name": f"{source}-terms"} if source_terms.license == "other" else {}),
        **({"license_link": source_terms.url} if source_terms.license == "other" and source_terms.url else {}),
        "pretty_name": f"{title} ({source_terms.title})",
        "task_categories": ["image-feature-extraction", "image-classification"],
        "annotations_creators": ["found"],
        "source_datasets": [f"extended|{source}"],
        "tags": ["metric-learning", "image-retrieval", "hierarchical-labels", "dmlkit"],
        "size_categories": [size_category(images)],
        "configs": [
            {
                "config_name": config,
                **({"default": True} if config == "default" else {}),
                # `datasets` finds its cache of a folder by this YAML: the hash makes it see other images.
                "description": f"content {of_content}",
                "data_files": [{"split": split, "path": path} for split, path in of.items()],
            }
            for config, of in files.items()
        ],
        "dataset_info": [
            dataset_info(config, {split: sorted(folder.glob(path)) for split, path in of.items()})
            for config, of in files.items()
        ],
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n"


def body(title: str, content: Content, result: ImportResult, found: Mapping[str, Any]) -> str:
    source_terms = terms.load_or_unknown(content.known.source if content.known else result.name)
    parts = [
        f"# {plain(title)}",
        "![Images of the training classes at the three scales](figure.jpg)",
        opening(result),
        TESTS[result.layout],
        "## Configs and splits",
        sizes_table(result),
        *([] if result.layout == "train-only" else ["## Evaluation", answers.EVALUATION]),
        "## Data collection",
        source_terms.card.collection or answers.NOT_KNOWN,
        f"Read by dmlkit {__version__} with `dmlkit import dyml` from {plain(source_terms.title)}"
        + (", by way of an export of dmlkit." if content.known else ".")
        + f" {channels_text(found)} The order of rows is decided by a hash of `image_id`.",
        *(
            [f"Images that stand in several places: {recurring_text(result)}."]
            if any(result.recurring.values())
            else []
        ),
        "### What is not in it",
        statuses_table(result.statuses),
        "## Annotation",
        labels_text(content, result),
        *answers.responsible(source_terms.card, plain(content.known.version if content.known else "1"), False, LIMITS),
        "## Licence and terms",
        plain(source_terms.conditions),
        f"The images {'may' if source_terms.redistribute else 'may **not**'} be published again."
        + (f" Source: <{source_terms.url}>" if source_terms.url else ""),
        f"## Citation\n\n{fenced(source_terms.citation.strip(), 'bibtex')}" if source_terms.citation else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def opening(result: ImportResult) -> str:
    configs = dict.fromkeys(part.config for part in LAYOUTS[result.layout])
    lines = [f'load_dataset("PATH", "{config}")' for config in (*configs, "hierarchy")]
    code = "\n".join(["from datasets import load_dataset", "", *lines])
    return fenced(code, "python")


def sizes_table(result: ImportResult) -> str:
    lines = ["| config | split | images |", "|---|---|---:|"]
    lines += [f"| `{p.config}` | {p.split} | {result.images[p.name]:,} |" for p in LAYOUTS[result.layout]]
    lines += ["", "| scale | classes with images | classes in the lists |", "|---|---:|---:|"]
    lines += [f"| {scale} | {c.num_covered:,} | {c.num_classes:,} |" for scale, c in result.coverage.items()]
    return "\n".join(lines)


def labels_text(content: Content, result: ImportResult) -> str:
    if content.known:
        return "Class names and ids are those of the dataset that was exported."
    text = """The release has integers and no names, so names are made: `train fine 123` is the fine class 123 of the
training list. Nobody says that an integer means the same class in train and in a test set; so test classes are
classes of their own, `test fine 123`, at every scale, also where they may be the same. The config `hierarchy` has one
row a fine class; a parent is null where no image tells it, or where images disagree."""
    if result.layout == "per-scale":
        filled = ", ".join(f"{n:,} {scale}" for scale, n in result.filled.items())
        text += f"""

Labels found by content, because the same bytes stand in another test set: {filled}.
Images whose labels contradict each other there, so that nothing was filled: {len(result.contradictions):,}."""
    return text


def channels_text(found: Mapping[str, Any]) -> str:
    """Whether red and blue were swapped, who says so, and what was done."""
    by = f"by `{found['by']}`"
    if "measure" in found:
        height, strong = (found["measure"][name] for name in ("height", "strong_colours"))
        by = (
            f"by a measure over {found['measure']['images']:,} training images (right against swapped: "
            f"by height {height['right']:,} to {height['swapped']:,}, "
            f"by strong colours {strong['right']:,} to {strong['swapped']:,})"
        )
    if found["decided"] == "undecided":
        return f"Whether red and blue are swapped in the stored files was not decided {by}; the bytes are kept."
    if found["decided"] == "rgb":
        return f"Red and blue are in their places in the stored files, {by}; the bytes are kept."
    done = f"{found['swapped']:,} images were encoded again ({channels.RECODING})"
    return f"Red and blue were swapped in the stored files, {by}: {done}."


def recurring_text(result: ImportResult) -> str:
    return ", ".join(f"{n:,} {where}" for where, n in result.recurring.items() if n)
