"""Download and read a dataset that was pushed as ids, labels and hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa

from dmlkit import terms
from dmlkit.dataset.checksums import compare_files
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
from dmlkit.hub.ids_only import FULL_CHECKSUMS
from dmlkit.schema.scales import SCALES, order_key
from dmlkit.storage.hub_client import check_repo_name, hub_errors
from dmlkit.taxonomy.manifest import FineClass, Manifest, raise_for_faults
from dmlkit.taxonomy.resolve import Resolution, Taxonomy
from dmlkit.text import printable, summarize

# The files of a repository that a rebuild needs, as patterns.
NEEDED_FILES = (
    BUILD_JSON,
    CARD,
    CHECKSUMS,
    REJECTED,
    FULL_CHECKSUMS,
    CITATION,
    *(f"{folder}/*" for folder in FOLDERS),
)


@dataclass(frozen=True)
class PublishedManifest(Manifest):
    """The manifest of a published dataset: its classes and settings, without the folder they came from."""

    published_sha256: str = ""
    published_citations: str = ""

    @cached_property
    def sha256(self) -> str:
        """The hash of the files of the manifest, as published."""
        return self.published_sha256

    def citations(self) -> str:
        """Return the published BibTeX entries."""
        return self.published_citations


class PublishedTaxonomy(Taxonomy):
    """The upstream labels of the published rows: images under other labels are not read.

    ``labels``: upstream label -> fine id.
    """

    def __init__(self, manifest: Manifest, labels: Mapping[str, str]) -> None:
        super().__init__(manifest)
        self.labels = labels

    def _resolve(self, label: str) -> Resolution:
        if label in self.labels:
            return Resolution("ok", self.labels[label], frozenset([self.labels[label]]), "")
        return Resolution("outside", None, frozenset(), "no image of the published dataset has this label")


@dataclass(frozen=True)
class PublishedDataset:
    """A dataset as a repository states it, without its images.

    ``rows`` has the columns of ``data/`` without the labels, and ``fine_id``, ``split`` and ``order``.
    """

    repo: str
    commit: str
    dataset: DatasetFolder
    manifest: PublishedManifest
    rows: pd.DataFrame

    @property
    def source(self) -> str:
        """The name of the source."""
        return self.dataset.source

    @property
    def limit(self) -> int | None:
        """The most images of a fine class; None for no limit."""
        limit: int | None = self.dataset.facts.options["limit"]
        return limit

    @property
    def shorter_side_px(self) -> int | None:
        """The shorter side that larger images were resized to; None for images as they were."""
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
        """The notes of the published dataset, and where it is."""
        return (*self.dataset.facts.notes, f"made again from {self.repo} at {self.commit}")


def fetch_published(repo: str, revision: str | None = None) -> PublishedDataset:
    """Download a published dataset without its images; files in the cache are not downloaded again.

    Raises `UsageError` if the name is not that of a repository, or if the repository has the images or was not built
    from a source; `HubError` if it cannot be reached or contains something else; `ManifestError` if its classes
    contradict each other.
    """
    from huggingface_hub import hf_hub_download, snapshot_download

    check_repo_name(repo)
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
        folder = Path(snapshot_download(repo, repo_type="dataset", revision=commit, allow_patterns=list(NEEDED_FILES)))
    try:
        return read_published(folder, repo, commit)
    except (UnreadableDatasetError, KeyError, TypeError, ValueError, OSError) as exc:
        raise HubError(
            f"{repo} is not what `dmlkit push` wrote: {summarize(exc)}",
            code="hub.foreign-content",
            hint="check the name and the revision",
            repo=repo,
            reason=summarize(exc),
        ) from exc


def read_published_facts(path: Path, repo: str) -> DatasetFacts:
    """Read a downloaded build.json. Raises `HubError` if it is not one that this version of dmlkit reads."""
    try:
        return read_facts(path.parent, path.name)
    except UnreadableDatasetError as exc:
        raise HubError(
            f"{path.name} of {repo}: {exc.facts['reason']}",
            code="hub.bad-build-json",
            hint="check which version of dmlkit wrote it",
            repo=repo,
            reason=exc.facts["reason"],
        ) from exc


def read_published(folder: Path, repo: str, commit: str) -> PublishedDataset:
    """Read a downloaded folder.

    Raises `UsageError` for an official release, and `HubError`, `ManifestError`, `UnreadableDatasetError`, `KeyError`,
    `TypeError` or `ValueError` for a folder that `dmlkit push` did not write.
    """
    dataset = DatasetFolder.open(folder, follow_links=True)
    check_checksums(dataset, repo)
    facts, source = dataset.facts, dataset.source
    if facts.release is not None or not terms.is_source(source):
        raise UsageError(
            f"{repo} was made from {source}, an official release",
            code="usage.official-release",
            hint="dmlkit import dyml DIR --out OUT",
            repo=repo,
            source=source,
        )
    check_options(facts, repo)
    columns = [*(f"{scale}_id" for scale in SCALES), *SCALES, "split", "path"]
    classes = tuple(FineClass(**{name: str(row[name] or "") for name in columns}) for row in dataset.classes)
    settings = dict(facts.manifest.settings) | {"name": facts.manifest.name, "version": facts.manifest.version}
    published = facts.manifest
    manifest = PublishedManifest(folder, settings, classes, (), True, published.sha256, published.citations)
    raise_for_faults(manifest, hint=f"the classes are those of {repo}")
    return PublishedDataset(repo, commit, dataset, manifest, read_published_rows(dataset, manifest, repo))


def check_options(facts: DatasetFacts, repo: str) -> None:
    """Raise `HubError` if the limit or the size of the published build is not a number of at least 1, or None."""
    for name in ("limit", "size"):
        value = facts.options[name]
        if value is not None and (type(value) is not int or value < 1):
            raise HubError(
                f"{BUILD_JSON} of {repo} has the {name} {printable(repr(value))}",
                code="hub.bad-option",
                hint="check which version of dmlkit wrote it",
                repo=repo,
                name=name,
                value=value,
            )


def check_checksums(dataset: DatasetFolder, repo: str) -> None:
    """Raise `HubError` if a downloaded file has another SHA-256 than the published one."""
    sums = dataset.checksums()
    names = [name for name in sums if is_part_of_tables(name) or name == REJECTED]
    if changed := compare_files(sums, dataset.files(), names):
        raise HubError(
            f"{changed[0]} of {repo} is not the file of its {CHECKSUMS}",
            code="hub.changed-file",
            hint="ask its owner to push the dataset again",
            repo=repo,
            name=changed[0],
        )


def read_published_rows(dataset: DatasetFolder, manifest: Manifest, repo: str) -> pd.DataFrame:
    """Read the published rows of all splits. Raises `HubError` if there are none, or an image is there twice."""
    fine_ids = manifest.ids("fine")
    parts = []
    for spec in dataset.splits:
        for batch in dataset.batches(spec):
            rows = pa.Table.from_batches([batch]).to_pandas(types_mapper=pd.ArrowDtype)
            row_ids = [fine_ids[label] for label in rows["fine"].tolist()]
            parts.append(rows.drop(columns=list(SCALES)).assign(split=spec.split, fine_id=row_ids))
    if not parts:
        raise HubError(f"{repo} has no images", code="hub.no-rows", hint="check the revision", repo=repo)
    rows = pd.concat(parts, ignore_index=True)
    is_repeated = rows["image_id"].duplicated()
    if is_repeated.any():
        image_id = str(rows["image_id"][is_repeated].iloc[0])
        raise HubError(
            f"{repo} has the image {printable(image_id)} twice",
            code="hub.repeated-image",
            hint="ask its owner to push the dataset again",
            repo=repo,
            image_id=image_id,
        )
    return rows.assign(order=[order_key(image_id) for image_id in rows["image_id"]])
