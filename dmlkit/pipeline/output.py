"""The output folder of a build: what it may replace, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dmlkit.dataset.folder import ATTRIBUTION, BUILD_JSON, CHECKSUMS, FOLDERS
from dmlkit.storage.locations import LocalFolder, Location, folder_at
from dmlkit.storage.replace import OwnFiles, ReplacedFolder, UploadedFolder, check_replaceable
from dmlkit.taxonomy.manifest import Manifest

# The end of an error's message: what a person need not worry about.
SAFE = "; what was collected is safe in the pool"

# What a build uploads last, and what it may delete of an earlier dataset.
OWN_FILES = OwnFiles(last=(CHECKSUMS, BUILD_JSON), folders=FOLDERS, optional=(ATTRIBUTION,))


def check_output(out: Location, manifest: Manifest, source: str) -> None:
    """Raise `OutputError` unless ``out`` is new, or an earlier build of the same manifest and source or of samples."""

    def describe_other(build: Mapping[str, Any]) -> str:
        name, earlier_source = build["manifest"]["name"], build["source"]["name"]
        if name == manifest.name and earlier_source in (source, "sample"):
            return ""
        return f"the dataset {name} made from {earlier_source}"

    check_replaceable(folder_at(out), BUILD_JSON, describe_other, "a build")


def open_output(out: Location, manifest: Manifest, source: str) -> ReplacedFolder | UploadedFolder:
    """Return the folder to write a dataset to, which takes the place of ``out``."""
    folder = folder_at(out)
    if isinstance(folder, LocalFolder):
        return ReplacedFolder(folder.path, SAFE)
    return UploadedFolder(folder, {"manifest": {"name": manifest.name}, "source": {"name": source}}, OWN_FILES, SAFE)
