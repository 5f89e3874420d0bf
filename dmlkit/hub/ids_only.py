"""A dataset folder → the same without its images: ids, labels and hashes, for sources that forbid to publish more.

From it and a person's own copy of the source `dmlkit.hub.rebuild` makes the dataset again. It has no image at
all: the figure of the card stays at home too.
"""

from __future__ import annotations

import copy
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from dmlkit import terms
from dmlkit.dataset import card, checksums, shards
from dmlkit.dataset.folder import (
    ATTRIBUTION,
    BUILD_JSON,
    CARD,
    CHECKSUMS,
    CITATION,
    HIERARCHY,
    REJECTED,
    DatasetFolder,
)
from dmlkit.errors import UsageError

# The checksums of the dataset with its images, to compare one that is rebuilt.
FULL_SUMS = f"{CHECKSUMS}.full"
COPIED = (HIERARCHY, REJECTED, ATTRIBUTION)


def write(folder: Path, out: Path, repo: str) -> None:
    """Write what may be published of the dataset in ``folder`` to ``out``, an empty folder; ``repo`` is USER/NAME.

    The same folder gives the same bytes. ``folder`` must be valid. Raises `UsageError` where its card is unknown.
    """
    dataset = DatasetFolder.open(folder)
    for spec in dataset.image_sets:
        shards.copy_without_images(dataset.shards(spec), out / shards.shard_name(spec.stem, 0, 1))
    for name in COPIED:
        if name in dataset.files():
            (out / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(dataset.file(name), out / name)
    shutil.copyfile(dataset.file(CHECKSUMS), out / FULL_SUMS)
    if citation := dataset.citation or citation_of(dataset.file(CARD).read_text(encoding="utf-8")):
        (out / CITATION).write_text(citation + "\n", encoding="utf-8", newline="\n")
    write_card(dataset, out, repo)
    checksums.write_checksums(out / CHECKSUMS, checksums.hash_files(out, {}))
    replace(dataset.facts, ids_only=True).write(out / BUILD_JSON)


def citation_of(text: str) -> str:
    """The BibTeX entries of a card."""
    found = re.search(r"^## Citation\n\n(`{3,})bibtex\n(.*?)\n\1$", text, re.MULTILINE | re.DOTALL)
    return found[2].strip() if found else ""


def write_card(dataset: DatasetFolder, out: Path, repo: str) -> None:
    """Write the card of the dataset without what it says of the images. The Parquet files must be there."""
    readme = dataset.file(CARD)
    body = readme.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    title = re.search(r"^# .*$", body, re.MULTILINE)
    if title is None or "\n## " not in body:
        raise UsageError(f"{readme} is not the card that dmlkit writes", hint="build the dataset again")
    sections = "## " + body.split("\n## ", 1)[1]
    sections = "".join(line for line in sections.splitlines(keepends=True) if not line.startswith("| `image` |"))
    fields = ids_only_fields(dataset, out)
    front = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)
    text = f"---\n{front}---\n\n{title[0]}\n\n{opening(repo, dataset)}\n\n{sections}"
    (out / CARD).write_text(text, encoding="utf-8", newline="\n")


def ids_only_fields(dataset: DatasetFolder, out: Path) -> dict[str, Any]:
    """Return the YAML of the card with the sizes of the files in ``out``."""
    fields = copy.deepcopy(dict(dataset.front_matter))
    content = checksums.hash_checksums(checksums.hash_files(out, {}))
    files: dict[str, dict[str, list[Path]]] = {}
    for config in fields["configs"]:
        if "description" in config:
            config["description"] = f"content {content}"
        files[config["config_name"]] = {e["split"]: sorted(out.glob(e["path"])) for e in config["data_files"]}
    fields["pretty_name"] = f"{fields['pretty_name']}: ids, labels and hashes"
    fields["tags"] = [*fields["tags"], "ids-only"]
    fields["dataset_info"] = [card.dataset_info(config, of) for config, of in files.items()]
    return fields


def opening(repo: str, dataset: DatasetFolder) -> str:
    configs = dict.fromkeys(spec.config for spec in dataset.splits)
    lines = [f'load_dataset("{repo}"{of})' for of in ("", *(f', "{c}"' for c in (*configs, "hierarchy")[1:]))]
    opened = "\n".join(["from datasets import load_dataset", "", *lines])
    return f"""> **The images are not here**, because their source does not allow to publish them again. Here are the
> id, the labels and the SHA-256 of each, with which the same dataset is made from your own copy of the source.

## Make the dataset

{making(repo, dataset)}

`{FULL_SUMS}` has the check sums of the dataset with its images.

## What is here

```python
{opened}
```

All columns of the dataset but `image`; its classes (`hierarchy`); and `rejected.parquet`, every candidate of the
source that is not in it, with the reason."""


def making(repo: str, dataset: DatasetFolder) -> str:
    source = dataset.source
    if dataset.facts.release is not None or not terms.is_source(source):
        return f"""Get the official DyML release, or the files that this was made from ({card.plain(source)}). Then

```bash
dmlkit import dyml DIR --out OUT
```

reads the lists and images below DIR. Compare `OUT/SHA256SUMS` with `{FULL_SUMS}`."""
    return f"""{card.plain(terms.load(source).how_to_get)} Then

```bash
dmlkit build --from-hub {repo} --from DIR
```

takes from DIR the images that are named here and no others, holds each against its SHA-256, gives it the label and
the split that it has here, and names those that are missing or have other bytes. Where all are there, the files of
`data/` and `hierarchy/` are the same, byte for byte, if the libraries have the versions that `build.json` names."""
