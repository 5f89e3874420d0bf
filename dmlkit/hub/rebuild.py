"""Rebuild a dataset that was pushed as ids, labels and hashes from a person's own copy of its source.

The published rows decide which images are in, with which labels, on which side of the split. The source is read as for
any build, but only under the labels that the published rows have, and an image is taken if its bytes have the published
hash.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dmlkit.dataset.checksums import read_checksums
from dmlkit.dataset.folder import CHECKSUMS, is_part_of_tables
from dmlkit.hub.ids_only import FULL_CHECKSUMS
from dmlkit.hub.match import LostImage, has_images_over_limit, match_published
from dmlkit.hub.published import PublishedDataset
from dmlkit.pipeline.assemble import AssembledDataset, RejectedFile, count_candidates
from dmlkit.pipeline.build import build_facts, record_build, summarize_build, write_dataset
from dmlkit.pipeline.collect import collect_units
from dmlkit.pipeline.options import BuildOptions, BuildResult, check_build
from dmlkit.pipeline.output import open_output
from dmlkit.pipeline.plan import plan_build
from dmlkit.pipeline.pool import Pool
from dmlkit.schema.progress import Progress, no_progress

# Fields of `RebuildComparison` that have another name in JSON.
JSON_NAMES = {"num_images": "images", "num_unlisted": "unlisted"}


@dataclass(frozen=True)
class RebuildComparison:
    """How a rebuilt dataset compares to the published one.

    ``num_images`` are those of the published dataset; ``num_unlisted`` counts the candidates that only this copy of
    the source has. ``different`` names the files of ``data/`` and ``hierarchy/`` with another SHA-256, ``versions``
    the libraries that have another version here: ``pyarrow 24.0.0, here 25.0.0``.
    """

    repo: str
    commit: str
    num_images: int
    lost: tuple[LostImage, ...]
    num_unlisted: int
    different: tuple[str, ...]
    versions: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether the files of ``data/`` and ``hierarchy/`` are the published ones, byte for byte."""
        return not self.different

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        values = {JSON_NAMES.get(name, name): value for name, value in vars(self).items()}
        return values | {"same": self.is_same}


def rebuild_dataset(
    published: PublishedDataset, options: BuildOptions, progress: Progress = no_progress
) -> tuple[BuildResult, RebuildComparison]:
    """Build a published dataset again from a person's own copy of its source, and compare the two.

    ``options`` must have the source, the limit and the size of the published dataset. Raises the errors of
    `dmlkit.pipeline.build.build`.
    """
    started = time.time()
    check_build(published.manifest, options)
    options = options.for_all_nodes()
    with Pool(options.pool_folder, options.source) as pool:
        plan = plan_build(published.taxonomy, options, pool, progress)
        units = collect_units(plan, pool, progress)
        if has_images_over_limit(published.rows, pool, units):
            plan = plan_build(published.taxonomy, replace(options, limit=None), pool, progress)
            units = collect_units(plan, pool, progress)
        plan = replace(plan, options=options)
        with open_output(options.out, published.manifest, options.source) as output:
            dataset, lost = match_dataset(output.path, published, pool, units, progress)
            result = summarize_build(dataset, plan, published.notes, started)
            facts = build_facts(plan, units, result, started)
            write_dataset(output.path, dataset, plan, facts, pool, progress)
            record_build(output.path, facts, started)
            output.commit(lambda done, total: progress("upload", done, total, "files"))
    return result, compare_with_published(published, lost, Path(result.out), result.statuses)


def match_dataset(
    folder: Path, published: PublishedDataset, pool: Pool, unit_names: Iterable[str], progress: Progress
) -> tuple[AssembledDataset, tuple[LostImage, ...]]:
    """Match the published images with those of the pool, and write ``rejected.parquet`` to ``folder``."""
    progress("assemble", 0, None, "")
    with RejectedFile(folder) as rejected:
        rows, lost = match_published(
            published.rows, published.repo, published.dataset, pool, unit_names, rejected.write
        )
    progress("assemble", len(rows), len(rows), "images")
    return count_candidates(rows, rejected), lost


def compare_with_published(
    published: PublishedDataset, lost: tuple[LostImage, ...], out: Path, statuses: Mapping[str, int]
) -> RebuildComparison:
    """Compare the folder ``out`` with the published checksums. ``statuses`` counts its candidates."""
    ours = read_checksums(out / CHECKSUMS)
    theirs = read_checksums(published.dataset.file(FULL_CHECKSUMS))
    compared = sorted(name for name in ours.keys() | theirs.keys() if is_part_of_tables(name))
    return RebuildComparison(
        repo=published.repo,
        commit=published.commit,
        num_images=len(published.rows),
        lost=lost,
        num_unlisted=statuses.get("unlisted", 0),
        different=tuple(name for name in compared if ours.get(name) != theirs.get(name)),
        versions=tuple(
            f"{name} {published_version}, here {version(name)}"
            for name, published_version in published.dataset.facts.versions.items()
            if name != "python" and published_version != version(name)
        ),
    )
