"""README.md of a dataset folder: the card that the hub shows, with the YAML that `load_dataset` reads."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import yaml

from dmlkit import __version__, terms
from dmlkit.dataset import answers
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import STATUS_BY_NAME
from dmlkit.taxonomy.manifest import Manifest

SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B")
"""The hub's size categories, from below a thousand rows on, each ten times the one before."""
LISTED = 24
"""At most this many middle classes stand in one cell of the table of classes."""


REASONS = 5
"""So many reasons of exclusion are named."""


@dataclass(frozen=True)
class Facts:
    """The figures that the card shows. ``coverage`` is (found, of the manifest) by scale."""

    images: Mapping[str, int]
    statuses: Mapping[str, int]
    coverage: Mapping[str, tuple[int, int]]
    limit: int | None
    resizing: str
    content: str
    """One hash over the Parquet files of the images and the hierarchy."""


def write(folder: Path, manifest: Manifest, source: str, facts: Facts) -> None:
    """Write ``README.md``. The dataset's Parquet files must be there: their numbers are read from them."""
    text = "\n".join([front_matter(folder, manifest, source, facts), body(folder, manifest, source, facts)])
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")


def front_matter(folder: Path, manifest: Manifest, source: str, facts: Facts) -> str:
    source_terms = terms.load(source)
    license_id = source_terms.license.lower()
    drawn = source == "sample"
    # `datasets` fails at a split without rows, so one that has none is not named.
    files = {split: sorted(folder.glob(f"data/{split}-*.parquet")) for split in SPLITS if facts.images[split]}
    fields = {
        "license": license_id,
        **({"license_name": f"{source}-terms"} if license_id == "other" else {}),
        **({"license_link": source_terms.url} if license_id == "other" and source_terms.url else {}),
        "pretty_name": f"{manifest.settings['title']} ({source})",
        "task_categories": ["image-feature-extraction", "image-classification"],
        "annotations_creators": ["machine-generated" if drawn else "found"],
        "source_datasets": ["original" if drawn else f"extended|{source}"],
        "tags": [
            "metric-learning",
            "image-retrieval",
            "hierarchical-labels",
            *(["synthetic"] if drawn else []),
            "dmlkit",
        ],
        "size_categories": [size_category(sum(facts.images.values()))],
        "configs": [
            {
                "config_name": "default",
                "default": True,
                # `datasets` 5.2 finds its cache of a folder by this YAML: without the hash, a folder that was built
                # again would go on giving the images of the first build.
                "description": f"content {facts.content}",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in files],
            },
            {
                "config_name": "hierarchy",
                "data_files": [{"split": "train", "path": "hierarchy/train-*.parquet"}],
            },
        ],
        # The features stay in the Parquet files: here they would override them.
        "dataset_info": [
            dataset_info("default", files),
            dataset_info("hierarchy", {"train": sorted(folder.glob("hierarchy/train-*.parquet"))}),
        ],
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n"


def dataset_info(config: str, files: Mapping[str, list[Path]]) -> dict[str, Any]:
    """The sizes of a config. `load_dataset` compares the rows of each split with them: none can be lost unseen."""
    metadata = {split: [pq.read_metadata(path) for path in paths] for split, paths in files.items()}
    splits = [
        {
            "name": split,
            "num_bytes": sum(m.row_group(i).total_byte_size for m in parts for i in range(m.num_row_groups)),
            "num_examples": sum(m.num_rows for m in parts),
        }
        for split, parts in metadata.items()
    ]
    return {
        "config_name": config,
        "splits": splits,
        "download_size": sum(path.stat().st_size for paths in files.values() for path in paths),
        "dataset_size": sum(split["num_bytes"] for split in splits),
    }


def size_category(images: int) -> str:
    return next((name for i, name in enumerate(SIZES) if images < 1000 * 10**i), "10B<n<100B")


def body(folder: Path, manifest: Manifest, source: str, facts: Facts) -> str:
    source_terms = terms.load(source)
    (path,) = folder.glob("hierarchy/train-*.parquet")
    classes = pq.read_table(path).to_pylist()
    drawn = "> **The images are drawn by a program.** They show how the dataset is made; they are no photographs."
    citations = "\n\n".join(text.strip() for text in (manifest.citations(), source_terms.citation) if text.strip())
    parts = [
        f"# {plain(str(manifest.settings['title']))}",
        paragraph(str(manifest.settings.get("description", ""))),
        drawn if source == "sample" else "",
        "![Images of the dataset at its three scales](figure.jpg)",
        opening(facts),
        "## Configs and splits",
        sizes_table(classes, facts),
        limits_text(facts),
        "Config `default` has the images, config `hierarchy` one row a fine class, with ids, path and counts.",
        "## Classes",
        classes_table(classes),
        "## Columns",
        COLUMNS,
        "## Evaluation",
        answers.EVALUATION,
        "## Data collection",
        source_terms.card.collection or answers.NOT_KNOWN,
        f"Read by dmlkit {__version__} from the source **{plain(source_terms.title)}**, by the manifest "
        f"`{manifest.name}`, version {plain(manifest.version)} (SHA-256 `{manifest.sha256}`).",
        "### What is not in it",
        statuses_table(facts.statuses),
        "## Preprocessing",
        f"""{resizing_text(facts)}
Every image was decoded as readers will decode it; those that fail are out. Exact duplicates were found by SHA-256
over the whole dataset. The side of a test image, query or gallery, is decided by a hash of its `image_id`, and so is
the order of rows.""",
        "## Annotation",
        source_terms.card.annotation or answers.NOT_KNOWN,
        labels_text(manifest, source, folder),
        *answers.responsible(source_terms.card, plain(manifest.version), source == "sample", limits(source)),
        "## Licence and terms",
        plain(source_terms.conditions),
        f"The images {'may' if source_terms.redistribute else 'may **not**'} be published again."
        + (f" Source: <{source_terms.url}>" if source_terms.url else ""),
        f"## How to cite this dataset\n\n{fenced(own_entry(manifest, source, facts), 'bibtex')}",
        f"## Citation\n\n{fenced(citations, 'bibtex')}" if citations else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def opening(facts: Facts) -> str:
    return f"""```python
from datasets import load_dataset

images = load_dataset("PATH")                       # splits: {", ".join(s for s in SPLITS if facts.images[s])}
classes = load_dataset("PATH", "hierarchy")["train"]  # one row a fine class
```

Every image has a label at three scales: `fine`, `middle` and `coarse`. Fine and middle classes of the test set
(`query` and `gallery`) are never in `train`. A query is to find the gallery images of its class, at each scale."""


COLUMNS = """| column | meaning |
|---|---|
| `image` | the image, RGB, upright |
| `image_id` | `<source>/<upstream id>`, unique and stable |
| `fine`, `middle`, `coarse` | class labels; the integers are the places of the class ids in sorted order |
| `upstream_label` | what the source says of the image |
| `width`, `height` | pixels, after the EXIF orientation is applied |
| `exif_orientation` | the EXIF orientation of the source's file, 1 where it has none |
| `sha256` | of the image's bytes as they stand here |
| `source`, `source_url`, `license`, `author` | where it comes from, as far as the source says |"""


def sizes_table(classes: list[dict[str, Any]], facts: Facts) -> str:
    images = [facts.images[split] for split in SPLITS]
    lines = [
        "| | train | query | gallery | all | in the manifest |",
        "|---|---:|---:|---:|---:|---:|",
        f"| images | {' | '.join(f'{n:,}' for n in (*images, sum(images)))} | |",
    ]
    for scale in SCALES:
        parts = [len({row[f"{scale}_id"] for row in classes if row[split]}) for split in SPLITS]
        counts = (*parts, *facts.coverage[scale])
        lines.append(f"| {scale} classes with images | {' | '.join(f'{n:,}' for n in counts)} |")
    return "\n".join(lines)


def classes_table(classes: list[dict[str, Any]]) -> str:
    """A row for each coarse class with its middle classes that have images, in train and in the test."""
    lines = ["| coarse | middle, in train | middle, in the test | fine, with images |", "|---|---|---|---:|"]
    rows = sorted(classes, key=lambda row: [row[f"{scale}_id"] for scale in reversed(SCALES)])
    for coarse in dict.fromkeys(row["coarse"] for row in rows):
        below = [row for row in rows if row["coarse"] == coarse]
        there = [row for row in below if any(row[split] for split in SPLITS)]
        cells = [shortened(row["middle"] for row in there if row["split"] == part) for part in ("train", "test")]
        lines.append(f"| {plain(coarse)} | {' | '.join(cells)} | {len(there):,} of {len(below):,} |")
    return "\n".join(lines)


def shortened(names: Iterable[str]) -> str:
    unique = [plain(name) for name in dict.fromkeys(names)]
    more = f" and {len(unique) - LISTED:,} more" if len(unique) > LISTED else ""
    return ", ".join(unique[:LISTED]) + more


def limits_text(facts: Facts) -> str:
    found, total = facts.coverage["fine"]
    said = []
    if found < total:
        said.append(f"{total - found:,} of the {total:,} fine classes have no images here: `hierarchy` shows which.")
    if facts.limit is not None:
        said.append(f"At most {facts.limit:,} images of each fine class were taken.")
    return " ".join(said)


def resizing_text(facts: Facts) -> str:
    if facts.resizing:
        return f"Larger images were brought to a shorter side of {facts.resizing}; smaller ones kept as they are."
    return "The images' bytes are those of the source, unchanged."


def statuses_table(statuses: Mapping[str, int]) -> str:
    refused = {status: count for status, count in statuses.items() if status != "ok"}
    if not refused:
        return f"Nothing: all {statuses.get('ok', 0):,} candidates of the source are in the dataset."
    lines = [f"| status | candidates | of {sum(statuses.values()):,} |", "|---|---:|---|"]
    lines += [f"| `{status}` | {count:,} | {STATUS_BY_NAME[status].meaning} |" for status, count in refused.items()]
    return "\n".join([*lines, "", "`rejected.parquet` names each of these candidates with its reason."])


def limits(source: str) -> list[str]:
    """What a reader must know before relying on the dataset."""
    if source == "sample":
        return ["Drawn images are easier than photographs, and differ from each other in other ways."]
    return [
        "The labels are those of the source, brought into the hierarchy; nobody looked at them again.",
        "Copies that differ in a single byte, in size or compression, are not found and may stand on both sides.",
        "The classes are not those of the published DyML benchmarks: figures do not compare with the paper's.",
    ]


def labels_text(manifest: Manifest, source: str, folder: Path) -> str:
    """How an upstream label became labels at three scales, and why some did not."""
    lexicon = str(manifest.settings.get("hierarchy", {}).get("lexicon", "")).replace("wordnet-", "WordNet ")
    tree = f"{plain(lexicon)}, cut at three heights by" if lexicon else "the classes and rules of"
    text = f"""`upstream_label` is what the source says of an image. It leads to one fine class, which has one middle
and one coarse class, by {tree} the manifest. `path` in `hierarchy` is the way."""
    if source == "sample":
        return text
    text += """ A label above the fine classes, or outside of all, gives none (`above`, `outside`); one that the
manifest excludes is out with its reason (`excluded`)."""
    reasons = excluded_reasons(folder)
    if not reasons:
        return text
    lines = [f"- {count:,} images: {plain(reason)}" for reason, count in reasons[:REASONS]]
    more = f"\n- and {len(reasons) - REASONS:,} more reasons, in `rejected.parquet`" if len(reasons) > REASONS else ""
    return "\n".join([text, "", "Excluded here:", "", *lines]) + more


def own_entry(manifest: Manifest, source: str, facts: Facts) -> str:
    """A BibTeX entry of the dataset itself. Its author is whoever publishes it."""
    title, version = (
        re.sub(r"[{}\\\s]+", " ", text).strip() for text in (str(manifest.settings["title"]), manifest.version)
    )
    return f"""@misc{{{manifest.name}-{source},
  title = {{{title}, version {version}, from {source}}},
  note  = {{Made with dmlkit {__version__}; SHA-256 of its content {facts.content}}}
}}"""


def excluded_reasons(folder: Path) -> list[tuple[str, int]]:
    """The reasons of excluded candidates with the number of these, the most frequent first."""
    found = pq.read_table(folder / "rejected.parquet", columns=["detail"], filters=[("status", "==", "excluded")])
    counts = {one["values"]: one["counts"] for one in found["detail"].value_counts().to_pylist()}
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


MARKDOWN = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {c: f"\\{c}" for c in "\\`*_[]|~$#"})


def plain(text: str) -> str:
    """Text from a manifest or source on one line, that Markdown shows as it is: no HTML, link, code or table cell."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\s]+", " ", text).strip().translate(MARKDOWN)


def paragraph(text: str) -> str:
    """The same as a paragraph of its own: no list, heading or rule."""
    return re.sub(r"^(\d*)(?=[-+=.)])", r"\1\\", plain(text))


def fenced(text: str, language: str) -> str:
    """A block of code that no run of backticks in ``text`` can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def write_attribution(folder: Path, rows: pd.DataFrame) -> None:
    """Write ``ATTRIBUTION.csv`` where the source names authors: who made each image, and under which licence."""
    named = rows[rows["author"].fillna("") != ""].sort_values("image_id")
    if named.empty:
        return
    with (folder / "ATTRIBUTION.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")  # else a lone \r breaks a row
        writer.writerow(["image_id", "author", "license", "source_url"])
        for row in named[["image_id", "author", "license", "source_url"]].itertuples(index=False):
            writer.writerow(["" if pd.isna(value) else value for value in row])
