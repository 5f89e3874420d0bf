"""ImageNet-21K, releases winter21 and fall11: per-synset archives, the archive of archives, or folders by wnid."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dmlkit import archives
from dmlkit.errors import SourceError
from dmlkit.schema import Unit
from dmlkit.sources import Request, Terms, synsets

NAME = "imagenet-21k"
IMAGENET_TERMS = (
    "Non-commercial research and education only, after accepting ImageNet's terms of access. "
    "The pictures belong to their makers and may not be passed on."
)
IMAGENET_BIB = """@inproceedings{deng2009imagenet,
  title     = {{ImageNet}: A Large-Scale Hierarchical Image Database},
  author    = {Deng, Jia and Dong, Wei and Socher, Richard and Li, Li-Jia and Li, Kai and Fei-Fei, Li},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year      = {2009}
}"""

TERMS = Terms(
    title="ImageNet-21K",
    license="other",
    terms=IMAGENET_TERMS,
    redistribute=False,
    url="https://image-net.org/download.php",
    citation=IMAGENET_BIB,
    get="With an account on image-net.org download winter21_whole.tar.gz; give it, or the folder of its nXXXXXXXX.tar "
    "files, as --from.",
)

read = synsets.read


def plan(request: Request) -> list[Unit] | Iterator[Unit]:
    """One unit a synset. A compressed archive of archives is a stream: its units come as it is read."""
    path = synsets.given_path(request, NAME, TERMS.get)
    if path.is_dir():
        units = synsets.in_folder(path)
        for folder in sorted(p for p in path.iterdir() if p.is_dir() and not synsets.SYNSET.fullmatch(p.name)):
            units += synsets.in_folder(folder)
    elif not archives.is_tar(path):
        raise synsets.no_units(path, NAME)
    elif found := synsets.SYNSET_TAR.fullmatch(path.name):
        units = [synsets.tar_unit(path, found[1])]
    elif archives.compression_of(path):
        return stream(path, request)
    else:
        units = synsets.in_tar_of_tars(path)
    if not any(unit.labels for unit in units):
        raise synsets.no_units(path, NAME)
    return synsets.unique(units)


def stream(path: Path, request: Request) -> Iterator[Unit]:
    """The units of a compressed archive of archives, read once from front to back and never unpacked as a whole.

    Each inner archive is copied to ``request.scratch``, unless the pool holds what is in it.
    """
    found = path.stat()
    extras: list[tuple[str, str]] = []
    count = 0
    try:
        with tarfile.open(path, "r|*", errors="surrogateescape") as tar:
            for info in tar:
                name = synsets.SYNSET_TAR.fullmatch(PurePosixPath(info.name).name)
                if not name or not info.isfile():
                    if not info.isdir():
                        extras.append((archives.upstream_id(info.name), "no archive of a synset"))
                    continue
                count += 1
                identity = f"{found.st_size} {found.st_mtime_ns} {info.size}"
                unit = Unit(name[1], (name[1],), identity, size=info.size)
                yield unit if request.settled(unit) else spooled(tar, info, unit, request.scratch)
    except (tarfile.TarError, EOFError, OSError, ValueError) as exc:
        yield synsets.fault_unit("damage", "damaged-archive", [(archives.upstream_id(path.name), str(exc))])
    if extras:
        yield synsets.fault_unit("extras", "not-an-image", extras)
    if not count:
        raise synsets.no_units(path, NAME)


def spooled(tar: tarfile.TarFile, info: tarfile.TarInfo, unit: Unit, scratch: Path) -> Unit:
    """The unit with its bytes copied out of the stream."""
    target = scratch / f"{unit.name}.tar"
    source = tar.extractfile(info)
    if source is None:
        raise SourceError(f"{info.name} is no file")
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, 1024 * 1024)
    return Unit(unit.name, unit.labels, unit.identity, str(target), "tar", 0, info.size, temporary=True)
