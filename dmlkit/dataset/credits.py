"""Write what to cite, and who made which image: ``CITATION.bib`` and ``ATTRIBUTION.csv``."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd

from dmlkit import terms
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.folder import ATTRIBUTION, CITATION

ATTRIBUTION_COLUMNS = ["image_id", "author", "license", "source_url"]


def write_citation(folder: Path, facts: DatasetFacts, content_hash: str) -> None:
    """Write ``CITATION.bib``: the entry of the dataset itself, then those of its manifest and its source."""
    entries = [own_citation(facts, content_hash), other_citations(facts)]
    text = "\n\n".join(entry for entry in entries if entry)
    (folder / CITATION).write_text(f"{text}\n", encoding="utf-8", newline="\n")


def own_citation(facts: DatasetFacts, content_hash: str) -> str:
    """Make a BibTeX entry of the dataset itself, whose author is whoever publishes it. An official release has none."""
    if facts.release is not None and facts.release.official:
        return ""
    manifest, source = facts.manifest, facts.source.name
    title, version = (
        re.sub(r"[{}\\\s]+", " ", text).strip() for text in (str(manifest.settings["title"]), manifest.version)
    )
    return f"""@misc{{{manifest.name}-{source},
  title = {{{title}, version {version}, from {source}}},
  note  = {{Made with dmlkit {facts.dmlkit}; SHA-256 of its content {content_hash}}}
}}"""


def other_citations(facts: DatasetFacts) -> str:
    """Join the BibTeX entries of the manifest and of the source."""
    citations = (facts.manifest.citations.strip(), terms.load_or_unknown(facts.source.name).citation)
    return "\n\n".join(text for text in citations if text)


def write_attribution(folder: Path, rows: pd.DataFrame) -> None:
    """Write ``ATTRIBUTION.csv`` if the source names authors: who made each image, and under which licence."""
    named = rows[rows["author"].fillna("") != ""].sort_values("image_id")
    if named.empty:
        return
    with (folder / ATTRIBUTION).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")  # else a lone \r breaks a row
        writer.writerow(ATTRIBUTION_COLUMNS)
        for row in named[ATTRIBUTION_COLUMNS].itertuples(index=False):
            writer.writerow(["" if pd.isna(value) else value for value in row])
