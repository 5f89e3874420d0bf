"""WordNet 3.0, whose noun offsets are ImageNet's wnids. Read through NLTK, found on this machine, never downloaded."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmlkit.errors import TaxonomyError, UsageError, WordNetNotFound
from dmlkit.storage.download import home

if TYPE_CHECKING:
    from dmlkit.taxonomy.resolve import Taxonomy

LEXNAMES = """
adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition
noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person
noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape noun.state
noun.substance noun.time verb.body verb.change verb.cognition verb.communication verb.competition verb.consumption
verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative
verb.weather adj.ppl
"""
"""The names of WordNet's lexicographer files in their order: a fixed list that some packages leave out."""

POS_NUMBERS = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}
DOG = 2084071
"""The noun offset of *dog* in WordNet 3.0; other versions have something else there."""


def folders() -> Iterator[Path]:
    """Where WordNet may stand, in the order of preference."""
    if "DMLKIT_WORDNET" in os.environ:
        yield Path(os.environ["DMLKIT_WORDNET"])
    import nltk

    for entry in nltk.data.path:
        yield Path(entry) / "corpora" / "wordnet"
    if "WNHOME" in os.environ:
        yield Path(os.environ["WNHOME"]) / "dict"
    yield Path("/usr/share/wordnet")
    yield Path("/usr/local/WordNet-3.0/dict")


@cache
def reader() -> Any:
    """NLTK's reader over WordNet 3.0. Raises `WordNetNotFound` where there is none."""
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    wrong = []
    for folder in folders():
        if not (folder / "data.noun").is_file():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NLTK warns of the multilingual files, which are not used
            found = WordNetCorpusReader(str(readable(folder)), None)
        if is_version_3_0(found):
            return found
        wrong.append(str(folder))
    for entry in zipped():
        return entry
    raise WordNetNotFound(
        "WordNet 3.0 is needed here and was not found"
        + (f"; another version is at {', '.join(wrong)}" if wrong else ""),
        hint="get it by `python -m nltk.downloader wordnet`, on Debian and Ubuntu also by "
        "`apt-get install wordnet-base`, or set DMLKIT_WORDNET to the folder that holds data.noun",
    )


def zipped() -> Iterator[Any]:
    """NLTK's own corpus where the downloader left it as a zip file."""
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
    except LookupError:
        return
    if is_version_3_0(wordnet):
        yield wordnet


def is_version_3_0(found: Any) -> bool:
    try:
        return bool(found.synset_from_pos_and_offset("n", DOG).name() == "dog.n.01")
    except Exception:  # NLTK raises many types when an offset points into the middle of a line
        return False


def readable(folder: Path) -> Path:
    """A folder that NLTK can open: below one of its data paths, with the two small files that packages leave out."""
    import nltk

    allowed = any(folder == Path(entry) / "corpora" / "wordnet" for entry in nltk.data.path)
    if allowed and all((folder / name).is_file() for name in ("lexnames", "index.sense")):
        return folder
    root = home() / "wordnet"
    target = root / "corpora" / "wordnet"
    if str(root) not in nltk.data.path:
        nltk.data.path.append(str(root))
    source = folder.resolve()
    if (target / "origin").is_file() and (target / "origin").read_text() == origin_of(source):
        return target
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as scratch:
        copy = Path(scratch) / "wordnet"
        copy.mkdir()
        for path in source.iterdir():
            if re.fullmatch(r"(data|index)\.(noun|verb|adj|adv|sense)|.*\.exc|lexnames", path.name):
                shutil.copyfile(path, copy / path.name)
        if not (copy / "lexnames").is_file():
            lines = [f"{i:02d}\t{name}\t{lexname_pos(name)}\n" for i, name in enumerate(LEXNAMES.split())]
            (copy / "lexnames").write_text("".join(lines))
        (copy / "index.sense").touch()  # only looks up senses by key, which nothing here does
        (copy / "origin").write_text(origin_of(source))
        target.parent.mkdir(exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        try:
            copy.rename(target)
        except OSError:  # another process was faster
            if not (target / "origin").is_file():
                raise
    return target


def origin_of(folder: Path) -> str:
    """What tells that a copy is that of ``folder`` as it is now."""
    return f"{folder} {(folder / 'data.noun').stat().st_size}"


def lexname_pos(name: str) -> int:
    """The number of the part of speech of a lexicographer file; participles are 3 as adjectives are."""
    return POS_NUMBERS[name.split(".")[0]]


def wnid(synset: Any) -> str:
    """ImageNet's id of a noun synset."""
    return f"n{synset.offset():08d}"


@cache
def synset(label: str) -> Any:
    """The noun synset of a wnid. Raises `TaxonomyError` for a label that WordNet 3.0 does not have."""
    if re.fullmatch(r"n\d{8}", label):
        try:
            found = reader().synset_from_pos_and_offset("n", int(label[1:]))
        except WordNetNotFound:
            raise
        except Exception:  # NLTK raises many types when an offset points into the middle of a line
            found = None
        if found is not None and wnid(found) == label:
            return found
    raise TaxonomyError(f"{label!r} is no noun of WordNet 3.0, and the manifest does not name it")


def parents(found: Any) -> list[Any]:
    """The synsets right above: kinds and, for names of single things, what they are instances of."""
    return sorted(found.hypernyms() + found.instance_hypernyms(), key=wnid)


def children(found: Any) -> list[Any]:
    """The synsets right below, sorted by wnid."""
    return sorted(found.hyponyms() + found.instance_hyponyms(), key=wnid)


@cache
def ancestors(label: str) -> frozenset[str]:
    """The wnids above a wnid on all its paths, and itself. Raises `TaxonomyError` as `synset` does."""
    over = {label}
    for parent in parents(synset(label)):
        over |= ancestors(wnid(parent))
    return frozenset(over)


def lemmas(found: Any) -> list[str]:
    """The names of a synset, most used first, with blanks."""
    return [name.replace("_", " ") for name in found.lemma_names()]


def senses(name: str) -> list[Any]:
    """All noun synsets with this name, most used first; none for an unknown one."""
    found: list[Any] = reader().synsets(name.strip().replace(" ", "_"), "n")
    return found


def paths(found: Any) -> list[str]:
    """Each way from the root to a synset, as ``wnid:name > wnid:name``, sorted."""
    return sorted(" > ".join(f"{wnid(s)}:{lemmas(s)[0]}" for s in path) for path in found.hypernym_paths())


def describe(query: str, hierarchy: Taxonomy) -> list[dict[str, Any]]:
    """The synset of a wnid, or all senses of a name, and where each falls in a hierarchy.

    Raises `UsageError` for a name that WordNet does not have, `TaxonomyError` for such a wnid, `WordNetNotFound`.
    """
    found = [synset(query)] if re.fullmatch(r"n\d{8}", query) else senses(query)
    if not found:
        raise UsageError(f"WordNet 3.0 has no noun {query!r}", hint="try the singular, another name, or a wnid")
    return [placed(s, hierarchy) for s in found]


def placed(found: Any, hierarchy: Taxonomy) -> dict[str, Any]:
    """A synset as plain data, with its place in a hierarchy."""
    try:
        resolution = hierarchy.resolve(wnid(found))
        status, fine_id, detail = resolution.status, resolution.fine_id, resolution.detail
    except TaxonomyError as exc:
        status, fine_id, detail = "ambiguous", None, exc.message
    if fine_id is not None:
        c = hierarchy.fine[fine_id]
        detail = f"fine class {c.fine} ({c.fine_id}), {c.middle}, {c.coarse}, {c.split}"
    return {
        "wnid": wnid(found),
        "name": found.name(),
        "lemmas": lemmas(found),
        "gloss": found.definition(),
        "paths": paths(found),
        "status": status,
        "fine_id": fine_id,
        "detail": detail,
    }
