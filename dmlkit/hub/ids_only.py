"""A dataset folder → the same without its images: ids, labels and hashes, for sources that forbid to publish more.

From it and a person's own copy of the source `dmlkit.hub.rebuild` makes the dataset again. It has no image at
all: the figure of the card stays at home too.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dmlkit import terms
from dmlkit.dataset import card, checksums, shards
from dmlkit.dataset.checks import front_matter
from dmlkit.dataset.validate import HIERARCHY, STEMS, form_of, plain_files, read_build, shards_of
from dmlkit.errors import UsageError
from dmlkit.schema.layout import LAYOUTS

FULL_SUMS = "SHA256SUMS.full"
"""The check sums of the dataset with its images, to compare one that is made again."""
CITATION = "CITATION.bib"
COPIED = (HIERARCHY, "rejected.parquet", "ATTRIBUTION.csv")


def write(folder: Path, out: Path, repo: str) -> None:
    """Write what may be published of the dataset in ``folder`` to ``out``, an empty folder; ``repo`` is USER/NAME.

    The same folder gives the same bytes. ``folder`` must be valid. Raises `UsageError` where its card is unknown.
    """
    files, _ = plain_files(folder)
    build = read_build(files["build.json"])
    form = form_of(files)
    for stem in STEMS[form]:
        shards.copy_without_images(
            [files[name] for name in shards_of(files, stem)], out / shards.shard_name(stem, 0, 1)
        )
    for name in COPIED:
        if name in files:
            (out / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(files[name], out / name)
    shutil.copyfile(files["SHA256SUMS"], out / FULL_SUMS)
    text = files["README.md"].read_text(encoding="utf-8")
    if citation := citation_of(text):
        (out / CITATION).write_text(citation + "\n", encoding="utf-8", newline="\n")
    write_card(files["README.md"], out, repo, build, form)
    checksums.write_checksums(out / "SHA256SUMS", checksums.hash_files(out, {}))
    facts = build | {"ids_only": True}
    (out / "build.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def citation_of(text: str) -> str:
    """The BibTeX entries of a card."""
    found = re.search(r"^## Citation\n\n(`{3,})bibtex\n(.*?)\n\1$", text, re.MULTILINE | re.DOTALL)
    return found[2].strip() if found else ""


def write_card(readme: Path, out: Path, repo: str, build: Mapping[str, Any], form: str) -> None:
    """The card of the dataset, with what it says of the images put right. The Parquet files must be there."""
    body = readme.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    title = re.search(r"^# .*$", body, re.MULTILINE)
    if title is None or "\n## " not in body:
        raise UsageError(f"{readme} is not the card that dmlkit writes", hint="build the dataset again")
    sections = "## " + body.split("\n## ", 1)[1]
    sections = "".join(line for line in sections.splitlines(keepends=True) if not line.startswith("| `image` |"))
    fields = front_of(readme, out, form)
    front = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)
    text = f"---\n{front}---\n\n{title[0]}\n\n{opening(repo, build, form)}\n\n{sections}"
    (out / "README.md").write_text(text, encoding="utf-8", newline="\n")


def front_of(readme: Path, out: Path, form: str) -> dict[str, Any]:
    """The YAML of the card, with the sizes of the files that are here."""
    fields = front_matter(readme)
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


def opening(repo: str, build: Mapping[str, Any], form: str) -> str:
    configs = dict.fromkeys(part.config for part in LAYOUTS[form])
    lines = [f'load_dataset("{repo}"{of})' for of in ("", *(f', "{c}"' for c in (*configs, "hierarchy")[1:]))]
    opened = "\n".join(["from datasets import load_dataset", "", *lines])
    return f"""> **The images are not here**, because their source does not allow to publish them again. Here are the
> id, the labels and the SHA-256 of each, with which the same dataset is made from your own copy of the source.

## Make the dataset

{making(repo, build)}

`{FULL_SUMS}` has the check sums of the dataset with its images.

## What is here

```python
{opened}
```

All columns of the dataset but `image`; its classes (`hierarchy`); and `rejected.parquet`, every candidate of the
source that is not in it, with the reason."""


def making(repo: str, build: Mapping[str, Any]) -> str:
    source = str(build["source"]["name"])
    if "release" in build or not terms.is_source(source):
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
