"""Finish a dataset folder whose tables are written: figure, credits, card and checksums."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from dmlkit.dataset import checksums, credits
from dmlkit.dataset.card import write_card
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.figure import write_figure
from dmlkit.dataset.folder import CHECKSUMS, DatasetFolder


def finish_folder(folder: Path, facts: DatasetFacts, rows: pd.DataFrame) -> None:
    """Write all that is made from the tables of a folder. ``rows`` are its images, for ``ATTRIBUTION.csv``.

    The hash over the tables names the content, in the card and in what to cite.
    """
    sums = checksums.hash_files(folder, {})
    content_hash = checksums.hash_checksums(sums)
    credits.write_attribution(folder, rows)
    credits.write_citation(folder, facts, content_hash)
    write_figure(DatasetFolder.open_unfinished(folder, facts.layout))
    write_card(replace(DatasetFolder.open_unfinished(folder, facts.layout), stored_facts=facts), content_hash)
    checksums.write_checksums(folder / CHECKSUMS, checksums.hash_files(folder, sums))
