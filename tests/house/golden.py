"""The bytes that dmlkit writes, as one list of SHA-256 sums for each kind of folder.

``python -m tests.house.golden`` writes the lists anew, after a change that is meant to change bytes. Files that name
dmlkit's version or a time are left out.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from PIL import features

from tests.support.manifests import build_folder
from tests.support.samples import NAMES, build_sample

FOLDER = Path(__file__).parent / "golden"
VERSIONS = FOLDER / "versions.txt"
LAYOUTS = ("dyml", "webdataset", "imagefolder", "oml")
KINDS = (*NAMES, "import", *(f"export-{layout}" for layout in LAYOUTS))
TINY = "tiny"  # the name of the dataset that is exported
# These name the version of dmlkit, or when the folder was made.
NOT_HASHED = ("README.md", "CITATION.bib", "build.json", "SHA256SUMS", "dmlkit.json")


def library_versions() -> str:
    """The versions of the libraries that the bytes depend on, one a line."""
    names = ("datasets", "numpy", "pandas", "pillow", "pyarrow")
    codecs = [f"{name} {features.version(name)}" for name in ("libjpeg_turbo", "zlib")]
    return "\n".join([*(f"{name} {version(name)}" for name in names), *codecs]) + "\n"


def list_sums(folder: Path) -> str:
    """The SHA-256 of every file, one a line, sorted by name."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in NOT_HASHED)
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files
    )


def convert(kind: str, folder: Path, scratch: Path) -> Path:
    """Export the dataset in ``folder``, or import what was exported from it. Returns the new folder."""
    from dmlkit.cli.convert import export, import_dyml

    if kind == "import":
        release = convert("export-dyml", folder, scratch) / f"dyml_{TINY}"
        import_dyml([str(release), "--out", str(scratch / kind), "--quiet"], standalone_mode=False)
    else:
        args = [str(folder), "--format", kind.removeprefix("export-"), "--out", str(scratch / kind), "--quiet"]
        export(args, standalone_mode=False)
    return scratch / kind


def main() -> None:
    """Write all lists anew."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        for kind, folder in build_all(Path(scratch)):
            (FOLDER / f"{kind}.txt").write_text(list_sums(folder), encoding="utf-8")
    VERSIONS.write_text(library_versions(), encoding="utf-8")


def build_all(scratch: Path) -> Iterator[tuple[str, Path]]:
    for name in NAMES:
        yield name, build_sample(name, scratch)
    tiny = build_folder(scratch / TINY)
    for kind in KINDS[len(NAMES) :]:
        yield kind, convert(kind, tiny, scratch / f"of-{kind}")


if __name__ == "__main__":
    main()
