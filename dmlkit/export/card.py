"""README.md of a data set folder: the card that the hub shows, with the YAML that `load_dataset` reads."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from dmlkit import __version__, sources
from dmlkit.manifest import Manifest
from dmlkit.schema import SCALES, SPLITS, VERDICTS

SIZES = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000))


@dataclass(frozen=True)
class Facts:
    """The figures that the card shows. ``coverage`` is (found, of the manifest) by scale."""

    pictures: Mapping[str, int]
    verdicts: Mapping[str, int]
    coverage: Mapping[str, tuple[int, int]]
    limit: int | None
    resizing: str


def write(folder: Path, manifest: Manifest, source: str, facts: Facts) -> None:
    """Write ``README.md``."""
    text = "\n".join([front_matter(manifest, source, facts), body(manifest, source, facts)])
    (folder / "README.md").write_text(text, encoding="utf-8")


def front_matter(manifest: Manifest, source: str, facts: Facts) -> str:
    terms = sources.load(source).TERMS
    license_id = terms.license.lower()
    fields = {
        "license": license_id,
        **({"license_name": f"{source}-terms", "license_link": terms.url} if license_id == "other" else {}),
        "pretty_name": f"{manifest.settings['title']} ({source})",
        "task_categories": ["image-feature-extraction", "image-classification"],
        "tags": ["metric-learning", "image-retrieval", "hierarchical-labels", "dmlkit"],
        "size_categories": [size_category(sum(facts.pictures.values()))],
        "configs": [
            {
                "config_name": "default",
                "default": True,
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in SPLITS],
            },
            {
                "config_name": "hierarchy",
                "data_files": [{"split": "train", "path": "hierarchy/train-*.parquet"}],
            },
        ],
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n"


def size_category(pictures: int) -> str:
    return next((name for name, below in SIZES if pictures < below), "n>1M")


def body(manifest: Manifest, source: str, facts: Facts) -> str:
    terms = sources.load(source).TERMS
    title = plain(str(manifest.settings["title"]))
    citations = "\n\n".join(text.strip() for text in (manifest.citations(), terms.citation) if text.strip())
    link = f" Source: <{terms.url}>" if terms.url else ""
    drawn = (
        "\n> **The pictures are drawn by a program.** They show how the data set is made; they are no photographs.\n"
    )
    return f"""# {title}

{plain(str(manifest.settings.get("description", "")))}
{drawn if source == "sample" else ""}
![Pictures of the data set at its three scales](figure.jpg)

```python
from datasets import load_dataset

pictures = load_dataset("PATH")                      # splits: train, query, gallery
classes = load_dataset("PATH", "hierarchy")["train"] # one row a fine class
```

Every picture has a label at three scales: `fine`, `middle` and `coarse`. Fine and middle classes of the test set
(`query` and `gallery`) are never in `train`. A query is to find the gallery pictures of its class, at each scale.

## Sizes

{sizes_table(manifest, facts)}

{limits_text(manifest, facts)}

## Columns

{COLUMNS}

## How it was made

By dmlkit {__version__} from the source **{plain(terms.title)}** and the manifest `{manifest.name}` {manifest.version}
(SHA-256 `{manifest.sha256}`). {resizing_text(facts)}
Exact duplicates were found by SHA-256 over the whole data set. The side of a test picture, query or gallery, is
decided by a hash of its `image_id`, and so is the order of rows.

## What is not in it

{verdicts_table(facts)}

`rejected.parquet` names each of these candidates with its reason.

## Licence and terms

{plain(terms.terms)}

The pictures {"may" if terms.redistribute else "may **not**"} be published again.{link}

## Citation

```bibtex
{citations}
```
"""


COLUMNS = """| column | meaning |
|---|---|
| `image` | the picture, RGB, upright |
| `image_id` | `<source>/<upstream id>`, unique and stable |
| `fine`, `middle`, `coarse` | class labels; the integers are the places of the class ids in sorted order |
| `upstream_label` | what the source says of the picture |
| `width`, `height` | pixels, after the EXIF orientation is applied |
| `exif_orientation` | the EXIF orientation of the source's file, 1 where it has none |
| `sha256` | of the picture's bytes as they stand here |
| `source`, `source_url`, `license`, `author` | where it comes from, as far as the source says |"""


def sizes_table(manifest: Manifest, facts: Facts) -> str:
    lines = [
        "| | train | test (query + gallery) | with pictures | in the manifest |",
        "|---|---:|---:|---:|---:|",
        f"| pictures | {facts.pictures['train']:,} | {facts.pictures['query']:,} + {facts.pictures['gallery']:,} | | |",
    ]
    for scale in SCALES:
        parts = [len({c.id(scale) for c in manifest.classes if c.split == part}) for part in ("train", "test")]
        found, total = facts.coverage[scale]
        lines.append(f"| {scale} classes | {parts[0]} | {parts[1]} | {found} | {total} |")
    return "\n".join(lines)


def limits_text(manifest: Manifest, facts: Facts) -> str:
    found, total = facts.coverage["fine"]
    said = []
    if found < total:
        said.append(f"{total - found} of the {total} fine classes have no pictures here: `hierarchy` shows which.")
    if facts.limit is not None:
        said.append(f"At most {facts.limit} pictures of each fine class were taken.")
    return " ".join(said)


def resizing_text(facts: Facts) -> str:
    if facts.resizing:
        return f"Larger pictures were brought to a shorter side of {facts.resizing}; smaller ones kept as they are."
    return "The pictures' bytes are those of the source, unchanged."


def verdicts_table(facts: Facts) -> str:
    lines = ["| verdict | candidates | meaning |", "|---|---:|---|"]
    lines += [f"| `{verdict}` | {count:,} | {VERDICTS[verdict]} |" for verdict, count in facts.verdicts.items()]
    return "\n".join(lines)


def plain(text: str) -> str:
    """Text from a manifest or source that cannot become HTML or break out of its Markdown block."""
    text = re.sub(r"\s+", " ", text).strip()
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_attribution(folder: Path, rows: pd.DataFrame) -> None:
    """Write ``ATTRIBUTION.csv`` where the source names authors: who made each picture, and under which licence."""
    named = rows[rows["author"].notna()].sort_values("image_id")
    if named.empty:
        return
    with (folder / "ATTRIBUTION.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_id", "author", "license", "source_url"])
        for row in named[["image_id", "author", "license", "source_url"]].itertuples(index=False):
            writer.writerow(["" if pd.isna(value) else value for value in row])
