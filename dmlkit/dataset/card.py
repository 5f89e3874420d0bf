"""Write README.md of a dataset folder: the card that the Hub shows, with the YAML that `load_dataset` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from dmlkit import terms
from dmlkit.dataset.card_sections import CardText, card_text
from dmlkit.dataset.checksums import describe_content
from dmlkit.dataset.folder import CARD, HIERARCHY_STEM, DatasetFolder, shard_pattern

# The size categories of the Hub, from below a thousand rows on, each ten times the one before.
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B")
# Letters of the features in the YAML: about 5,000 class names. `datasets` parses them anew each time a dataset is
# opened, at 0.1 s for 1,000 names: 0.4 s here, but 4 to 5 s, and a card of 1.4 MB, for 40,000 names. Without them
# it reads the features from the first Parquet file, which takes 0.3 s then.
MAX_FEATURES_LETTERS = 200_000


def write_card(dataset: DatasetFolder, content_hash: str) -> None:
    """Write the card of a built or imported dataset, whose other files must be there."""
    text = card_text(dataset, content_hash)
    render_card(dataset.path, front_matter(dataset, dataset.path, content_hash), text)


def render_card(folder: Path, fields: Mapping[str, Any], text: CardText) -> None:
    """Write a card from the fields of its YAML and its text."""
    front = yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True)
    (folder / CARD).write_text(f"---\n{front}---\n\n{text.render()}", encoding="utf-8", newline="\n")


def front_matter(dataset: DatasetFolder, folder: Path, content_hash: str) -> dict[str, Any]:
    """Make the fields of the YAML of ``dataset``; sizes and features are those of the Parquet files in ``folder``."""
    facts, source = dataset.facts, dataset.source
    source_terms = terms.load_or_unknown(source)
    license_id = source_terms.license.lower()
    synthetic = source == "sample"
    files: dict[str, dict[str, str]] = {}
    for split in dataset.splits:
        if facts.images[split.name]:  # `datasets` fails at a split without rows, so it is left out
            files.setdefault(split.config, {})[split.split] = shard_pattern(split.stem)
    files["hierarchy"] = {"train": shard_pattern(HIERARCHY_STEM)}
    paths = {
        config: {split: sorted(folder.glob(pattern)) for split, pattern in splits.items()}
        for config, splits in files.items()
    }
    num_images = sum(facts.images[split.name] for split in dataset.image_sets)
    return {
        "license": license_id,
        **({"license_name": f"{source}-terms"} if license_id == "other" else {}),
        **({"license_link": source_terms.url} if license_id == "other" and source_terms.url else {}),
        "pretty_name": f"{dataset.title} ({source_terms.title if facts.release else source})",
        "task_categories": ["image-feature-extraction", "image-classification"],
        "annotations_creators": ["machine-generated" if synthetic else "found"],
        "source_datasets": ["original" if synthetic else f"extended|{source}"],
        "tags": [
            "metric-learning",
            "image-retrieval",
            "hierarchical-labels",
            *(["synthetic"] if synthetic else []),
            "dmlkit",
        ],
        "size_categories": [size_category(num_images)],
        "configs": [
            {
                "config_name": config,
                **({"default": True} if config == "default" else {}),
                # `datasets` 5.2 finds its cache of a folder by this YAML: without the hash, a folder that was built
                # again would give the images of the first build.
                "description": describe_content(content_hash),
                "data_files": [{"split": split, "path": pattern} for split, pattern in splits.items()],
            }
            for config, splits in files.items()
        ],
        "dataset_info": dataset_info(paths),
    }


def dataset_info(files: Mapping[str, Mapping[str, Sequence[Path]]]) -> list[dict[str, Any]]:
    """Describe configs for `load_dataset`: their features, and the rows and bytes of each split.

    `load_dataset` compares the rows of each split with these, so none can be lost unseen. Features let it, and the
    viewer of the Hub, know the types before a data file is opened. Configs of images have none if there are so many
    class names that reading the card would take longer than reading the features from a data file.
    """
    features = {config: {"features": config_features(splits)} for config, splits in files.items()}
    if len(yaml.safe_dump(features, allow_unicode=True)) > MAX_FEATURES_LETTERS:
        features = {"hierarchy": features["hierarchy"]}
    return [
        {"config_name": config, **features.get(config, {}), **config_sizes(splits)} for config, splits in files.items()
    ]


def config_features(files: Mapping[str, Sequence[Path]]) -> list[dict[str, Any]]:
    """Read the features of a config from its first file, as `datasets` writes them in YAML."""
    from datasets import Features

    first = next(path for paths in files.values() for path in paths)
    kinds: list[dict[str, Any]] = Features.from_arrow_schema(pq.read_schema(first))._to_yaml_list()
    return kinds


def config_sizes(files: Mapping[str, Sequence[Path]]) -> dict[str, Any]:
    """Count the rows and bytes of each split of a config."""
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
        "splits": splits,
        "download_size": sum(path.stat().st_size for paths in files.values() for path in paths),
        "dataset_size": sum(split["num_bytes"] for split in splits),
    }


def size_category(num_images: int) -> str:
    """Name the size category of the Hub for a number of rows."""
    return next((name for i, name in enumerate(SIZES) if num_images < 1000 * 10**i), "10B<n<100B")
