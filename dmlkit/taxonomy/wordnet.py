"""WordNet 3.0, whose noun offsets are ImageNet's wnids. The only module that knows NLTK; nothing is downloaded."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from dmlkit.errors import TaxonomyError, WordNetNotFound
from dmlkit.storage.locations import cache_dir

# The names of WordNet's lexicographer files in their order: a fixed list that some packages leave out.
LEXNAMES = """
adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition
noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person
noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape noun.state
noun.substance noun.time verb.body verb.change verb.cognition verb.communication verb.competition verb.consumption
verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative
verb.weather adj.ppl
"""

# Part of speech → its number in WordNet's files.
POS_NUMBERS = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}

# The noun offset of *dog* in WordNet 3.0; other versions have something else there.
DOG = 2084071


def folders() -> Iterator[Path]:
    """Yield the folders where WordNet may be installed, in the order of preference."""
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
    """Return NLTK's reader over WordNet 3.0. Raises `WordNetNotFound` if it is not installed."""
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    wrong = []
    for folder in folders():
        if not (folder / "data.noun").is_file():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NLTK warns of the multilingual files, which are not used
            corpus = WordNetCorpusReader(str(prepare_folder(folder)), None)
        if is_version_3_0(corpus):
            return corpus
        wrong.append(str(folder))
    corpus = zipped_corpus()
    if corpus is not None:
        return corpus
    raise WordNetNotFound(
        "WordNet 3.0 is needed and not installed" + (f"; another version is at {', '.join(wrong)}" if wrong else ""),
        code="wordnet.missing",
        hint="get it by `python -m nltk.downloader wordnet`, on Debian and Ubuntu also by "
        "`apt-get install wordnet-base`, or set DMLKIT_WORDNET to the folder that has data.noun",
        other_versions=tuple(wrong),
    )


def zipped_corpus() -> Any:
    """Return NLTK's own corpus if the downloader left it as a zip file, else None."""
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
    except LookupError:
        return None
    return wordnet if is_version_3_0(wordnet) else None


def is_version_3_0(corpus: Any) -> bool:
    """Tell WordNet 3.0 from other versions by one synset."""
    try:
        return bool(corpus.synset_from_pos_and_offset("n", DOG).name() == "dog.n.01")
    except Exception:  # NLTK raises many types when an offset points into the middle of a line
        return False


def prepare_folder(folder: Path) -> Path:
    """Return a folder that NLTK can open: ``folder``, or a copy below one of NLTK's data paths.

    The copy has the two small files that packages leave out.
    """
    import nltk

    allowed = any(folder == Path(entry) / "corpora" / "wordnet" for entry in nltk.data.path)
    if allowed and all((folder / name).is_file() for name in ("lexnames", "index.sense")):
        return folder
    root = cache_dir() / "wordnet"
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
    """Describe ``folder`` as it is now, so that an outdated copy is noticed."""
    return f"{folder} {(folder / 'data.noun').stat().st_size}"


def lexname_pos(name: str) -> int:
    """Return the number of the part of speech of a lexicographer file; participles are 3 as adjectives are."""
    return POS_NUMBERS[name.split(".")[0]]


def wnid(synset: Any) -> str:
    """Return ImageNet's id of a noun synset."""
    return f"n{synset.offset():08d}"


@cache
def synset(label: str) -> Any:
    """Return the noun synset of a wnid. Raises `TaxonomyError` for a label that WordNet 3.0 does not have."""
    if re.fullmatch(r"n\d{8}", label):
        try:
            noun = reader().synset_from_pos_and_offset("n", int(label[1:]))
        except WordNetNotFound:
            raise
        except Exception:  # NLTK raises many types when an offset points into the middle of a line
            noun = None
        if noun is not None and wnid(noun) == label:
            return noun
    raise TaxonomyError(
        f"{label!r} is not a noun of WordNet 3.0, and the manifest does not list it",
        code="wordnet.unknown-wnid",
        hint="add it to the manifest's classes.tsv or excluded.tsv",
        label=label,
    )


def parents(noun: Any) -> list[Any]:
    """List the synsets directly above: kinds and, for names of single things, what they are instances of."""
    return sorted(noun.hypernyms() + noun.instance_hypernyms(), key=wnid)


def children(noun: Any) -> list[Any]:
    """List the synsets directly below, sorted by wnid."""
    return sorted(noun.hyponyms() + noun.instance_hyponyms(), key=wnid)


@cache
def ancestors(label: str) -> frozenset[str]:
    """Return the wnids above a wnid on all its paths, and itself. Raises `TaxonomyError` as `synset` does."""
    over = {label}
    for parent in parents(synset(label)):
        over |= ancestors(wnid(parent))
    return frozenset(over)


def descendants(label: str) -> set[str]:
    """Return all wnids below a wnid, without itself."""
    under: set[str] = set()
    for child in children(synset(label)):
        under |= {wnid(child)} | descendants(wnid(child))
    return under


def lemmas(noun: Any) -> list[str]:
    """List the names of a synset, most used first, with blanks."""
    return [name.replace("_", " ") for name in noun.lemma_names()]


def senses(name: str) -> list[Any]:
    """List all noun synsets with this name, most used first; none for an unknown one."""
    nouns: list[Any] = reader().synsets(name.strip().replace(" ", "_"), "n")
    return nouns


def paths(noun: Any) -> list[str]:
    """List the ways from the root to a synset, as ``wnid:name > wnid:name``, sorted."""
    return sorted(" > ".join(f"{wnid(s)}:{lemmas(s)[0]}" for s in path) for path in noun.hypernym_paths())
