"""A dataset that was pushed as ids, labels and hashes → the same dataset, from a person's own copy of the source.

What was published decides: its rows say which images are in, with which labels, on which side. The source is read as
for any build, but only under the labels that the published rows have, and an image is taken where its bytes are those
of the published hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dmlkit import sources, terms
from dmlkit.dataset.validate import HIERARCHY, Unusable, check_columns, read_build, read_hierarchy, read_parquet
from dmlkit.errors import HubError, UsageError
from dmlkit.hub import ids_only as ids
from dmlkit.pipeline.pool import Pool
from dmlkit.schema.features import REJECTED, as_rejected, image_features
from dmlkit.schema.scales import SCALES, SPLITS, order_key
from dmlkit.storage.hub_client import asking, check_name
from dmlkit.taxonomy.manifest import FineClass, Manifest, raise_for_faults
from dmlkit.taxonomy.resolve import Resolution, Taxonomy

OWN = ("unit", "offset", "length", "format")
"""The columns of the pool that say where a person's own copy of an image is."""
MANIFEST = ("name", "version", "sha256", "settings")


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
    folder: Path
    build: Mapping[str, Any]
    manifest: PublishedManifest
    rows: pd.DataFrame
    lost: list[dict[str, Any]]
    """Filled by `assemble`: the images that the person's copy lacks or has otherwise, as rows of `REJECTED`."""

    @property
    def source(self) -> str:
        return str(self.build["source"]["name"])

    @property
    def limit(self) -> int | None:
        limit: int | None = self.build["options"]["limit"]
        return limit

    @property
    def size(self) -> int | None:
        size: int | None = self.build["options"]["size"]
        return size

    @property
    def hierarchy(self) -> PublishedTaxonomy:
        return PublishedTaxonomy(
            self.manifest, dict(zip(self.rows["upstream_label"], self.rows["fine_id"], strict=True))
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the published dataset, and where it is."""
        return (*map(str, self.build.get("notes", ())), f"made again from {self.repo} at {self.commit}")

    @property
    def ids(self) -> Ids:
        return Ids([self.rows["image_id"].tolist()])

    def cut_off(self, pool: Pool, unit_names: Iterable[str]) -> bool:
        """Whether published images were passed over because the person's copy has more than the limit took."""
        ids = self.ids
        late = (table.filter(pc.equal(table["status"], "over-limit")) for table in map(pool.rows, unit_names))
        return any(ids.have(table["image_id"]).any() for table in late)

    def assemble(
        self,
        pool: Pool,
        unit_names: Iterable[str],
        hierarchy: Taxonomy,
        limit: int | None,
        reject: Callable[[pa.Table], None],
    ) -> pd.DataFrame:
        """The published rows whose images the pool has, with their places there. See `pipeline.assemble`.

        The others go to ``reject``, after the published ``rejected.parquet``, and so does what only the person's copy
        has. Memory: about 1 kB for each published image, and 8 bytes for each published candidate that is none.
        """
        rejected = self.folder / "rejected.parquet"
        for batch in batches(rejected, REJECTED.names):
            reject(as_rejected(pa.Table.from_batches([batch])))
        wanted, refused = self.ids, Ids(batch["image_id"].to_pylist() for batch in batches(rejected, ["image_id"]))
        own = []
        for name in sorted(unit_names):
            table = with_unit(pool, name)
            here = wanted.have(table["image_id"])
            own.append(table.filter(pa.array(here)))
            more = table.filter(pa.array(~here & ~refused.have(table["image_id"])))
            reject(unlisted(more, self.repo))
        best = chosen(pa.concat_tables(own).to_pandas(types_mapper=pd.ArrowDtype), self.rows)
        rows = self.rows.merge(best, on="image_id", how="left", suffixes=("", "_own"))
        good = rows["same"].fillna(False) & rows["good"].fillna(False)
        self.lost.extend(loss(row, self.repo) for row in rows[~good].sort_values("image_id").to_dict("records"))
        reject(as_rejected(pa.Table.from_pylist(self.lost, REJECTED)))
        return rows[good].sort_values("order", ignore_index=True)[[*self.rows.columns, *OWN]]


class Ids:
    """Many ids as sorted 64-bit hashes: 13 million are 104 MB. That two are one is left to chance: 1 in 100,000."""

    def __init__(self, of: Iterable[list[str]]) -> None:
        hashes = [hashed(ids) for ids in of]
        self._sorted = np.unique(np.concatenate(hashes)) if hashes else np.empty(0, np.uint64)

    def have(self, ids: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """For each id whether it is one of these."""
        if not len(self._sorted):
            return np.zeros(len(ids), bool)
        wanted = hashed(ids.to_pylist())
        places = np.searchsorted(self._sorted, wanted).clip(max=len(self._sorted) - 1)
        found: npt.NDArray[np.bool_] = self._sorted[places] == wanted
        return found


def hashed(ids: list[str]) -> npt.NDArray[np.uint64]:
    hashes: npt.NDArray[np.uint64] = pd.util.hash_array(np.array(ids, dtype=object), categorize=False)
    return hashes


def batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(200_000, columns=columns)


def with_unit(pool: Pool, name: str) -> pa.Table:
    """The candidates of a unit of the person's copy."""
    table = pool.rows(name)
    table = table.append_column("unit", pa.array([name] * len(table), pa.string()))
    return table.select(["image_id", "upstream_label", "status", "detail", "sha256", "source_url", *OWN])


def chosen(own: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Of each published image one candidate: with the published bytes where there is one, else a good one."""
    own = own.merge(rows[["image_id", "sha256"]].rename(columns={"sha256": "wanted"}), on="image_id")
    own = own.assign(
        good=(own["status"] == "ok").fillna(False), same=(own["sha256"] == own["wanted"]).fillna(False)
    ).sort_values(["same", "good", "unit", "offset"], ascending=[False, False, True, True], kind="stable")
    return own.drop_duplicates("image_id")[
        ["image_id", "status", "detail", "sha256", "upstream_label", "same", "good", *OWN]
    ]


def loss(row: Mapping[str, Any], repo: str) -> dict[str, Any]:
    """The row of `REJECTED` of a published image that the person's copy does not give."""
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    status, detail = values["status"] or "missing", values["detail"] or ""
    if values["status"] is None:
        detail = f"in {repo}, but not in this copy of the source"
    elif status == "ok":
        status = "changed"
        has = f"this copy has {values['sha256_own']}"
        if values["sha256_own"] is None:
            has = f"this copy has it under the label {values['upstream_label_own']}"
        detail = f"{repo} has SHA-256 {values['sha256']}; {has}"
    return {name: values.get(name) for name in REJECTED.names} | {"status": status, "detail": detail}


def unlisted(more: pa.Table, repo: str) -> pa.Table:
    """What only the person's copy has, as rows of `REJECTED`."""
    frame = more.to_pandas(types_mapper=pd.ArrowDtype).sort_values(["image_id", "upstream_label"])
    frame = frame.assign(status="unlisted", detail=f"not in {repo}")
    return as_rejected(pa.Table.from_pandas(frame, preserve_index=False))


def fetch(repo: str, revision: str | None = None) -> Published:
    """Download what a repository says of a dataset; nothing is downloaded again that is in the cache.

    Raises `UsageError` for a name that is none and a repository that has the images or was not built from a source,
    and `HubError` for one that cannot be reached or holds something else.
    """
    from huggingface_hub import hf_hub_download, snapshot_download

    check_name(repo)
    names = [
        "build.json",
        "README.md",
        "SHA256SUMS",
        "rejected.parquet",
        "data/*",
        "hierarchy/*",
        ids.FULL_SUMS,
        ids.CITATION,
    ]
    with asking(repo):
        build_json = Path(hf_hub_download(repo, "build.json", repo_type="dataset", revision=revision))
        if read_facts(build_json, repo).get("ids_only") is not True:
            raise UsageError(
                f"{repo} has the images themselves: there is nothing to make again",
                hint=f'load_dataset("{repo}"), or hf download {repo} --repo-type dataset --local-dir DIR',
            )
        commit = build_json.parent.name
        folder = Path(snapshot_download(repo, repo_type="dataset", revision=commit, allow_patterns=names))
    try:
        return read(folder, repo, commit)
    except (Unusable, KeyError, TypeError, ValueError, OSError) as exc:
        raise HubError(f"{repo} is not what `dmlkit push` made: {type(exc).__name__}: {exc}") from exc


def read_facts(path: Path, repo: str) -> dict[str, Any]:
    try:
        return read_build(path)
    except Unusable as exc:
        raise HubError(f"build.json of {repo}: {exc.message}", hint="was it made by another dmlkit?") from exc


def read(folder: Path, repo: str, commit: str) -> Published:
    """What a downloaded folder says. Raises `Unusable`, `KeyError`, `TypeError` or `ValueError` where it is none."""
    check_whole(folder)
    build = read_facts(folder / "build.json", repo)
    source = build["source"]["name"]
    if "release" in build or source not in sources.MODULES:
        raise UsageError(f"{repo} was made from {source}, an official release", hint="dmlkit import dyml DIR --out OUT")
    if not isinstance(build["manifest"]["settings"], dict):
        raise ValueError("build.json has no settings of a manifest")
    for name in ("limit", "size"):
        value = build["options"][name]
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"build.json has the {name} {value!r}")
    tree = read_hierarchy(folder / HIERARCHY)
    columns = [*(f"{s}_id" for s in SCALES), *SCALES, "split", "path"]
    classes = tuple(
        FineClass(**{name: str(row[name] or "") for name in columns}) for row in tree[columns].to_dict("records")
    )
    facts = {name: build["manifest"][name] for name in MANIFEST}
    settings = facts["settings"] | {"name": facts["name"], "version": facts["version"]}
    manifest = PublishedManifest(folder, settings, classes, (), True, facts["sha256"], citations_of(folder, source))
    raise_for_faults(manifest, hint=f"the classes are those of {repo}")
    return Published(repo, commit, folder, build, manifest, read_rows(folder, manifest), [])


def check_whole(folder: Path) -> None:
    """Raises `ValueError` where a downloaded file is not that of ``SHA256SUMS``."""
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ", 1)
        needed = name.startswith(("data/", "hierarchy/")) or name == "rejected.parquet"
        if needed and hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{name} is not the file of its SHA256SUMS")


def citations_of(folder: Path, source: str) -> str:
    """The citations of the manifest: those of the card without that of the source."""
    path = folder / ids.CITATION
    text = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    return text.removesuffix(terms.load(source).citation).strip()


def read_rows(folder: Path, manifest: Manifest) -> pd.DataFrame:
    """The published rows of all splits."""
    wanted = ids.without_image(image_features({scale: manifest.names(scale) for scale in SCALES}).arrow_schema)
    fine_ids = manifest.ids("fine")
    parts = []
    for split in SPLITS:
        for path in sorted(folder.glob(f"data/{split}-*.parquet")):
            table = read_parquet(path, pq.read_table)
            check_columns(table.schema, wanted)
            rows = table.to_pandas(types_mapper=pd.ArrowDtype)
            places = [fine_ids[place] for place in rows["fine"].tolist()]
            parts.append(rows.drop(columns=list(SCALES)).assign(split=split, fine_id=places))
    rows = pd.concat(parts, ignore_index=True)
    if rows.empty or rows["image_id"].duplicated().any():
        raise ValueError("its rows are none, or an image_id stands twice")
    return rows.assign(order=[order_key(image_id) for image_id in rows["image_id"]])


@dataclass(frozen=True)
class Comparison:
    """A dataset that was made again beside the published one."""

    repo: str
    commit: str
    images: int
    """Of the published dataset."""
    lost: tuple[dict[str, str], ...]
    """Each image that is not here: its image_id, status and detail."""
    unlisted: int
    """Candidates that only this copy of the source has."""
    different: tuple[str, ...]
    """Files of ``data/`` and ``hierarchy/`` whose SHA-256 is not the published one."""
    versions: tuple[str, ...]
    """Libraries that are of another version here: ``pyarrow 24.0.0, here 25.0.0``."""

    @property
    def same(self) -> bool:
        return not self.different


def compare(published: Published, out: Path, statuses: Mapping[str, int]) -> Comparison:
    """Hold the folder ``out`` against the published check sums."""
    ours, theirs = (sums_of(path) for path in (out / "SHA256SUMS", published.folder / ids.FULL_SUMS))
    compared = sorted(name for name in ours.keys() | theirs.keys() if name.startswith(("data/", "hierarchy/")))
    there = published.build.get("versions", {})
    return Comparison(
        repo=published.repo,
        commit=published.commit,
        images=len(published.rows),
        lost=tuple({key: row[key] for key in ("image_id", "status", "detail")} for row in published.lost),
        unlisted=statuses.get("unlisted", 0),
        different=tuple(name for name in compared if ours.get(name) != theirs.get(name)),
        versions=tuple(
            f"{name} {said}, here {version(name)}"
            for name, said in there.items()
            if name != "python" and said != version(name)
        ),
    )


def sums_of(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
