"""Write a dataset folder without its images: ids, labels and hashes, for sources that forbid to publish more.

From it and a person's own copy of the source `dmlkit.hub.rebuild` builds the dataset again. It has no image at all:
the figure of the card is left out too.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from dmlkit import terms
from dmlkit.dataset import card, checksums, shards
from dmlkit.dataset.card_sections import CardText, Section, card_text
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.folder import (
    ATTRIBUTION,
    BUILD_JSON,
    CHECKSUMS,
    CITATION,
    HIERARCHY,
    REJECTED,
    DatasetFolder,
)
from dmlkit.dataset.markdown import plain

# The checksums of the dataset with its images, to compare one that is rebuilt.
FULL_CHECKSUMS = f"{CHECKSUMS}.full"
# Files that have no image and are copied as they are.
COPIED = (HIERARCHY, REJECTED, ATTRIBUTION, CITATION)

# Texts of the card, as Markdown.
WITHOUT_IMAGES = """\
> **The images are not here**, because their source does not allow to publish them again. Here are the
> id, the labels and the SHA-256 of each, with which the same dataset is made from your own copy of the source."""
WHAT_IS_HERE = """\
All columns of the dataset but `image`; its classes (`hierarchy`); and `rejected.parquet`, every candidate of
the source that is not in it, with the reason."""


def write_ids_only_folder(folder: Path, out: Path, repo: str) -> None:
    """Write the dataset in ``folder``, which must be valid, without its images to ``out``, an empty folder.

    ``repo`` is USER/NAME, for the card. The same folder gives the same bytes. Raises `UnreadableDatasetError`.
    """
    dataset = DatasetFolder.open(folder)
    files = dataset.files()
    for split in dataset.image_sets:
        shards.copy_without_images(dataset.shards(split), out / shards.shard_name(split.stem, 0, 1))
    for name in COPIED:
        if name in files:
            (out / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(files[name], out / name)
    shutil.copyfile(dataset.file(CHECKSUMS), out / FULL_CHECKSUMS)
    card.render_card(out, make_front_matter(dataset, out), make_card_text(dataset, repo))
    checksums.write_checksums(out / CHECKSUMS, checksums.hash_files(out, {}))
    replace(dataset.facts, ids_only=True).write(out / BUILD_JSON)


def make_front_matter(dataset: DatasetFolder, out: Path) -> dict[str, Any]:
    """Make the YAML of the card, with the sizes and features of the files in ``out``."""
    fields = card.front_matter(dataset, out, checksums.hash_checksums(checksums.hash_files(out, {})))
    return fields | {
        "pretty_name": f"{fields['pretty_name']}: ids, labels and hashes",
        "tags": [*fields["tags"], "ids-only"],
    }


def make_card_text(dataset: DatasetFolder, repo: str) -> CardText:
    """Make the card of the dataset with other sections at its head, without the figure and the column of images."""
    text = card_text(dataset, dataset.content_hash)
    head = (
        Section(
            "Make the dataset",
            f"{write_instructions(repo, dataset.facts)}\n\n`{FULL_CHECKSUMS}` has the check sums of the dataset with "
            "its images.",
        ),
        Section("What is here", f"{write_loading_code(repo, dataset)}\n\n{WHAT_IS_HERE}"),
    )
    return CardText(text.title, (WITHOUT_IMAGES,), (*head, *map(remove_image_column, text.sections)))


def remove_image_column(section: Section) -> Section:
    """Remove the row of the column ``image`` from the table of columns."""
    lines = section.text.splitlines()
    return Section(section.title, "\n".join(line for line in lines if not line.startswith("| `image` |")))


def write_loading_code(repo: str, dataset: DatasetFolder) -> str:
    """Write the Python code that loads each config, as Markdown."""
    configs = [*dict.fromkeys(split.config for split in dataset.splits), "hierarchy"]
    lines = [f'load_dataset("{repo}"{config})' for config in ("", *(f', "{name}"' for name in configs[1:]))]
    code = "\n".join(["from datasets import load_dataset", "", *lines])
    return f"```python\n{code}\n```"


def write_instructions(repo: str, facts: DatasetFacts) -> str:
    """Write how a person builds the dataset from their own copy of the source, as Markdown."""
    source = facts.source.name
    if facts.release or not terms.is_source(source):
        return f"""Get the official DyML release, or the files that this was made from ({plain(source)}). Then

```bash
dmlkit import dyml DIR --out OUT
```

reads the lists and images below DIR. Compare `OUT/SHA256SUMS` with `{FULL_CHECKSUMS}`."""
    return f"""{plain(terms.load(source).how_to_get)} Then

```bash
dmlkit build --from-hub {repo} --from DIR
```

takes from DIR the images that are named here and no others, holds each against its SHA-256, gives it the label and
the split that it has here, and names those that are missing or have other bytes. Where all are there, the files of
`data/` and `hierarchy/` are the same, byte for byte, if the libraries have the versions that `build.json` names."""
