"""Decide what may be uploaded of a dataset folder: all of it, or ids, labels and hashes only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dmlkit import terms
from dmlkit.dataset.checksums import Checksums
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.errors import UsageError
from dmlkit.hub.ids_only import write_ids_only_folder
from dmlkit.storage.hub_client import check_repo_name

# Versions that git accepts as a tag.
TAG_VERSION = re.compile(r"[A-Za-z0-9](?:[\w+-]|\.(?!\.|$|lock$))*", re.ASCII)


@dataclass(frozen=True)
class PushOptions:
    """What a person may choose of a push. ``repo`` is USER/NAME."""

    repo: str
    private: bool = False
    create_pr: bool = False
    with_images: bool = False


@dataclass(frozen=True)
class PushContent:
    """The folder that is uploaded and what the dataset states: its name, its version and its source.

    ``files``: file name below ``folder`` -> path. ``checksums`` are those of ``SHA256SUMS``.
    """

    folder: Path
    files: Mapping[str, Path]
    checksums: Checksums
    name: str
    version: str
    source: str
    has_images: bool

    @property
    def tag(self) -> str:
        """The tag of the version on the Hub."""
        return f"v{self.version}"

    @property
    def file_sizes(self) -> dict[str, int]:
        """File name -> number of bytes."""
        return {name: path.stat().st_size for name, path in self.files.items()}

    def digest(self, name: str, *, is_large: bool) -> str:
        """Compute the digest that the Hub states for a file: the SHA-256 of a large one, git's id of another."""
        if is_large and name in self.checksums:
            return self.checksums[name]
        data = self.files[name].read_bytes()
        if is_large:
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@contextmanager
def prepare_content(folder: Path, options: PushOptions) -> Iterator[PushContent]:
    """Prepare the upload of the dataset in ``folder``, which must be valid.

    If its images may not be published, the content is a temporary folder without them, which is deleted at the end of
    the block. Raises `UnreadableDatasetError`, and `UsageError` if the name is not that of a repository, if the
    folder has no images, if its version cannot be a tag, or if its images may not be uploaded as ``options`` ask.
    """
    check_repo_name(options.repo)
    dataset = DatasetFolder.open(folder)
    check_can_push(dataset)
    with_images = may_upload_images(dataset, options)
    with TemporaryDirectory(prefix="dmlkit-push-") as scratch:
        if not with_images:
            write_ids_only_folder(folder, Path(scratch), options.repo)
        uploaded = dataset if with_images else DatasetFolder.open(scratch)
        yield PushContent(
            folder=uploaded.path,
            files=uploaded.files(),
            checksums=uploaded.checksums(),
            name=dataset.name,
            version=dataset.version,
            source=dataset.source,
            has_images=with_images,
        )


def check_can_push(dataset: DatasetFolder) -> None:
    """Raise `UsageError` if the dataset has no images to push, or a version that cannot be a tag."""
    if dataset.ids_only:
        raise UsageError(
            f"{dataset.path} has no images: it is a copy of what was pushed",
            code="usage.push-of-ids-only",
            hint="push the dataset itself",
            path=dataset.path,
        )
    if not TAG_VERSION.fullmatch(dataset.version):
        raise UsageError(
            f"the version {dataset.version!r} cannot be a tag",
            code="usage.version-not-a-tag",
            hint="give the manifest one such as 1.0.0, and build again",
            version=dataset.version,
        )


def may_upload_images(dataset: DatasetFolder, options: PushOptions) -> bool:
    """Whether the images are uploaded.

    Raises `UsageError` if they are asked for in a public repository and the terms of their source forbid that.
    """
    source_terms = terms.load_or_unknown(dataset.source)
    if source_terms.redistribute or not options.with_images:
        return source_terms.redistribute
    if not options.private:
        raise UsageError(
            f"the terms of {dataset.source} do not allow to publish its images: {source_terms.conditions}",
            code="usage.images-forbidden",
            hint="--with-images --private keeps them to you; without --with-images ids, labels and hashes go up",
            source=dataset.source,
        )
    return True
