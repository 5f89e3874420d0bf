"""A dataset that was pushed as ids, labels and hashes → the same dataset, from a person's own copy of the source.

What was published decides: its rows say which images are in, with which labels, on which side. The source is read as
for any build, but only under the labels that the published rows have, and an image is taken where its bytes are those
of the published hash.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa

from dmlkit import terms
from dmlkit.dataset.checksums import compare_files, read_checksums
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.folder import (
    BUILD_JSON,
    CARD,
    CHECKSUMS,
    CITATION,
    FOLDERS,
    REJECTED,
    DatasetFolder,
    is_part_of_tables,
)
from dmlkit.dataset.tables import read_facts
from dmlkit.errors import HubError, UnreadableDatasetError, UsageError
from dmlkit.hub import ids_only as ids
from dmlkit.hub.match import LostImage, is_cut_off, match_published
from dmlkit.pipeline.assemble import AssembledDataset, RejectedFile, count_candidates
from dmlkit.pipeline.build import build_facts, record_build, summarize_build, write_dataset
from dmlkit.pipeline.collect import collect_units
from dmlkit.pipeline.options import BuildOptions, BuildResult, check_build
from dmlkit.pipeline.output import open_output
from dmlkit.pipeline.plan import plan_build
from dmlkit.pipeline.pool import Pool
from dmlkit.schema.progress import Progress, no_progress
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.storage.hub_client import check_repo_name, hub_errors
from dmlkit.taxonomy.manifest import FineClass, Manifest, raise_for_faults
from dmlkit.taxonomy.resolve import Resolution, Taxonomy
from dmlkit.text import summarize


@dataclass(frozen=True)
class PublishedManifest(Manifest):
    """The manifest of a published dataset: its classes and settings, without the folder they came from."""

    published_sha256: str = ""
    published_citations: str = ""

    @cached_property
    def sha256(self) -> str:
        return self.published_sha256

    def citations(self) -> str:
        return self.published_citations


class PublishedTaxonomy(Taxonomy):
    """The upstream labels of the published rows. Images under others are not looked at."""

    def __init__(self, manifest: Manifest, labels: Mapping[str, str]) -> None:
        super().__init__(manifest)
        self.labels = labels

    def _resolve(self, label: str) -> Resolution:
        if label in self.labels:
            return Resolution("ok", self.labels[label], frozenset([self.labels[label]]), "")
        return Resolution("outside", None, frozenset(), "no image of the published dataset has this label")


@dataclass(frozen=True)
class Published:
    """What a repository says of a dataset. ``rows`` has ``data/`` but the labels, with fine_id, split and order."""

    repo: str
    commit: str
    dataset: DatasetFolder
    manifest: PublishedManifest
    rows: pd.DataFrame

    @property
    def source(self) -> str:
        return self.dataset.source

    @property
    def limit(self) -> int | None:
        limit: int | None = self.dataset.facts.options["limit"]
        return limit

    @property
    def shorter_side_px(self) -> int | None:
        shorter_side_px: int | None = self.dataset.facts.options["size"]
        return shorter_side_px

    @property
    def taxonomy(self) -> PublishedTaxonomy:
        """The published labels, each of one fine class."""
        return PublishedTaxonomy(
            self.manifest, dict(zip(self.rows["upstream_label"], self.rows["fine_id"], strict=True))
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the published dataset, and where it is."""
        return (*self.dataset.facts.notes, f"made again from {self.repo} at {self.commit}")


def fetch(repo: str, revision: str | None = None) -> Published:
    """Download what a repository says of a dataset; nothing is downloaded again that is in the cache.

    Raises `UsageError` for a name that is none and a repository that has the images or was not built from a source,
    and `HubError` for one that cannot be reached or holds something else.
    """
    from huggingface_hub import hf_hub_download, snapshot_download

    check_repo_name(repo)
    names = [
        BUILD_JSON,
        CARD,
        CHECKSUMS,
        REJECTED,
        ids.FULL_CHECKSUMS,
        CITATION,
        *(f"{folder}/*" for folder in FOLDERS),
    ]
    with hub_errors(repo):
        build_json = Path(hf_hub_download(repo, BUILD_JSON, repo_type="dataset", revision=revision))
        if not read_published_facts(build_json, repo).ids_only:
            raise UsageError(
                f"{repo} contains the images: there is nothing to rebuild",
                code="usage.has-images",
                repo=repo,
                hint=f'load_dataset("{repo}"), or hf download {repo} --repo-type dataset --local-dir DIR',
            )
        commit = build_json.parent.name
        folder = Path(snapshot_download(repo, repo_type="dataset", revision=commit, allow_patterns=names))
    try:
        return read(folder, repo, commit)
    except (UnreadableDatasetError, KeyError, TypeError, ValueError, OSError) as exc:
        raise HubError(
            f"{repo} is not what `dmlkit push` wrote: {summarize(exc)}", code="hub.foreign-content", repo=repo
        ) from exc


def read_published_facts(path: Path, repo: str) -> DatasetFacts:
    """Read a downloaded build.json. Raises `HubError`."""
    try:
        return read_facts(path.parent, path.name)
    except UnreadableDatasetError as exc:
        raise HubError(
            f"{path.name} of {repo}: {exc.facts['reason']}",
            code="hub.bad-build-json",
            hint="check which version of dmlkit wrote it",
            repo=repo,
        ) from exc


def read(folder: Path, repo: str, commit: str) -> Published:
    """Read a downloaded folder.

    Raises `UsageError` for an official release, and `UnreadableDatasetError`, `KeyError`, `TypeError` or `ValueError`
    for a folder that `dmlkit push` did not write.
    """
    dataset = DatasetFolder.open(folder, follow_links=True)
    check_whole(dataset)
    facts, source = dataset.facts, dataset.source
    if facts.release is not None or not terms.is_source(source):
        raise UsageError(
            f"{repo} was made from {source}, an official release",
            code="usage.official-release",
            hint="dmlkit import dyml DIR --out OUT",
            repo=repo,
        )
    for name in ("limit", "size"):
        value = facts.options[name]
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{BUILD_JSON} has the {name} {value!r}")
    columns = [*(f"{s}_id" for s in SCALES), *SCALES, "split", "path"]
    classes = tuple(FineClass(**{name: str(row[name] or "") for name in columns}) for row in dataset.classes)
    settings = dict(facts.manifest.settings) | {"name": facts.manifest.name, "version": facts.manifest.version}
    published = facts.manifest
    manifest = PublishedManifest(folder, settings, classes, (), True, published.sha256, published.citations)
    raise_for_faults(manifest, hint=f"the classes are those of {repo}")
    return Published(repo, commit, dataset, manifest, read_rows(dataset, manifest))


def check_whole(dataset: DatasetFolder) -> None:
    """Raise `ValueError` for a downloaded file that has another SHA-256 than the published one."""
    sums = dataset.checksums()
    names = [name for name in sums if is_part_of_tables(name) or name == REJECTED]
    if changed := compare_files(sums, dataset.files(), names):
        raise ValueError(f"{changed[0]} is not the file of its {CHECKSUMS}")


def read_rows(dataset: DatasetFolder, manifest: Manifest) -> pd.DataFrame:
    """Read the published rows of all splits."""
    fine_ids = manifest.ids("fine")
    parts = []
    for spec in dataset.splits:
        for batch in dataset.batches(spec):
            rows = pa.Table.from_batches([batch]).to_pandas(types_mapper=pd.ArrowDtype)
            row_ids = [fine_ids[label] for label in rows["fine"].tolist()]
            parts.append(rows.drop(columns=list(SCALES)).assign(split=spec.split, fine_id=row_ids))
    if not parts:
        raise ValueError("it has no rows")
    rows = pd.concat(parts, ignore_index=True)
    if rows["image_id"].duplicated().any():
        raise ValueError("an image_id is there twice")
    return rows.assign(order=[order_key(image_id) for image_id in rows["image_id"]])


@dataclass(frozen=True)
class Comparison:
    """A dataset that was made again beside the published one."""

    repo: str
    commit: str
    images: int
    """Of the published dataset."""
    lost: tuple[LostImage, ...]
    unlisted: int
    """Candidates that only this copy of the source has."""
    different: tuple[str, ...]
    """Files of ``data/`` and ``hierarchy/`` whose SHA-256 is not the published one."""
    versions: tuple[str, ...]
    """Libraries that are of another version here: ``pyarrow 24.0.0, here 25.0.0``."""

    @property
    def same(self) -> bool:
        return not self.different


def rebuild_dataset(
    published: Published, options: BuildOptions, progress: Progress = no_progress
) -> tuple[BuildResult, Comparison]:
    """Build a published dataset again from a person's own copy of its source, and compare the two.

    ``options`` must have the source, the limit and the size of the published dataset. Raises as
    `dmlkit.pipeline.build.build` does.
    """
    started = time.time()
    check_build(published.manifest, options)
    options = options.for_all_nodes()
    with Pool(options.pool_folder, options.source) as pool:
        plan = plan_build(published.taxonomy, options, pool, progress)
        units = collect_units(plan, pool, progress)
        if is_cut_off(published.rows, pool, units):
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
    return result, compare(published, lost, Path(result.out), result.statuses)


def match_dataset(
    folder: Path, published: Published, pool: Pool, unit_names: Iterable[str], progress: Progress
) -> tuple[AssembledDataset, tuple[LostImage, ...]]:
    """Match the published images with those of the pool, and write ``rejected.parquet``."""
    progress("assemble", 0, None, "")
    with RejectedFile(folder) as rejected:
        rows, lost = match_published(
            published.rows, published.repo, published.dataset, pool, unit_names, rejected.write
        )
    progress("assemble", len(rows), len(rows), "images")
    return count_candidates(rows, rejected), lost


def compare(published: Published, lost: tuple[LostImage, ...], out: Path, statuses: Mapping[str, int]) -> Comparison:
    """Compare the folder ``out`` with the published checksums."""
    ours = read_checksums(out / CHECKSUMS)
    theirs = read_checksums(published.dataset.file(ids.FULL_CHECKSUMS))
    compared = sorted(name for name in ours.keys() | theirs.keys() if is_part_of_tables(name))
    return Comparison(
        repo=published.repo,
        commit=published.commit,
        images=len(published.rows),
        lost=lost,
        unlisted=statuses.get("unlisted", 0),
        different=tuple(name for name in compared if ours.get(name) != theirs.get(name)),
        versions=tuple(
            f"{name} {published_version}, here {version(name)}"
            for name, published_version in published.dataset.facts.versions.items()
            if name != "python" and published_version != version(name)
        ),
    )
