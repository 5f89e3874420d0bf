"""The text of a card as sections, from the facts of a dataset, the terms of its source, and its tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dmlkit import terms
from dmlkit.dataset import card_release, card_texts, credits
from dmlkit.dataset.card_texts import NOT_KNOWN
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.folder import DatasetFolder
from dmlkit.dataset.markdown import fenced, paragraph, plain
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import STATUS_BY_NAME

# Middle classes in one cell of the table of classes, and reasons of exclusion that are listed: at most.
MAX_CLASSES = 24
MAX_REASONS = 5


class Section(NamedTuple):
    """A part of a card: its heading, and its paragraphs, joined by empty lines."""

    title: str
    text: str


@dataclass(frozen=True)
class CardText:
    """The text of a card: title, the paragraphs above the first heading, and the sections."""

    title: str
    introduction: tuple[str, ...]
    sections: tuple[Section, ...]

    def render(self) -> str:
        """Write the text as Markdown."""
        sections = (f"## {section.title}\n\n{section.text}" for section in self.sections)
        return "\n\n".join([f"# {plain(self.title)}", *self.introduction, *sections]) + "\n"


def join(*paragraphs: str) -> str:
    """Join the paragraphs that are not empty."""
    return "\n\n".join(text for text in paragraphs if text)


def card_text(dataset: DatasetFolder, content_hash: str) -> CardText:
    """Write the whole card of a built or imported dataset, whose tables must be complete."""
    facts = dataset.facts
    parts = (_release_sections if facts.release else _build_sections)(dataset, facts)
    own, others = credits.own_citation(facts, content_hash), credits.other_citations(facts)
    sections = [
        *parts,
        *use_sections(facts),
        Section("Licence and terms", terms_text(facts.source.name)),
        Section("How to cite this dataset", fenced(own, "bibtex") if own else ""),
        Section("Citation", fenced(others, "bibtex") if others else ""),
    ]
    introduction = card_release.introduction(dataset) if facts.release else _build_introduction(dataset, facts)
    return CardText(
        dataset.title,
        tuple(text for text in introduction if text),
        tuple(section for section in sections if section.text),
    )


def _build_introduction(dataset: DatasetFolder, facts: DatasetFacts) -> tuple[str, ...]:
    synthetic = "> **The images are drawn by a program.** They show how the dataset is made; they are no photographs."
    return (
        paragraph(str(facts.manifest.settings.get("description", ""))),
        synthetic if facts.source.name == "sample" else "",
        "![Images of the dataset at its three scales](figure.jpg)",
        opening(facts),
    )


def _build_sections(dataset: DatasetFolder, facts: DatasetFacts) -> list[Section]:
    card = terms.load_or_unknown(facts.source.name).card
    hierarchy = "Config `default` has the images, config `hierarchy` one row a fine class, with ids, path and counts."
    return [
        Section("Configs and splits", join(sizes_table(dataset.classes, facts), limits_text(facts), hierarchy)),
        Section("Classes", classes_table(dataset.classes)),
        Section("Columns", card_texts.COLUMNS),
        Section("Evaluation", card_texts.EVALUATION),
        Section("Data collection", join(card.collection or NOT_KNOWN, *collection_texts(facts))),
        Section(
            "Preprocessing",
            f"""{resizing_text(facts)}
Every image was decoded as readers will decode it; those that fail are out. Exact duplicates were found by SHA-256
over the whole dataset. The side of a test image, query or gallery, is decided by a hash of its `image_id`, and so is
the order of rows.""",
        ),
        Section("Annotation", join(card.annotation or NOT_KNOWN, labels_text(dataset, facts))),
    ]


def _release_sections(dataset: DatasetFolder, facts: DatasetFacts) -> list[Section]:
    card = terms.load_or_unknown(facts.source.name).card
    collection = join(
        card.collection or NOT_KNOWN,
        *card_release.collection_texts(facts),
        "### What is not in it",
        statuses_table(facts.statuses),
    )
    return [
        Section("Configs and splits", card_release.sizes_table(dataset)),
        Section("Evaluation", "" if dataset.layout == "train-only" else card_texts.EVALUATION),
        Section("Data collection", collection),
        Section("Annotation", card_release.labels_text(facts)),
    ]


def use_sections(facts: DatasetFacts) -> list[Section]:
    """Write the sections on use, limits, biases, people, impact and maintenance."""
    card = terms.load_or_unknown(facts.source.name).card
    synthetic = facts.source.name == "sample" and facts.release is None
    counts = "" if synthetic else "How many images a class has follows the source: `hierarchy` has the numbers."
    people = "" if synthetic else "dmlkit looked for none and removed none."
    version = f"This is version {plain(facts.manifest.version)}. {card_texts.MAINTENANCE}"
    return [
        Section("Use cases", card_texts.SYNTHETIC if synthetic else card_texts.RESEARCH),
        Section("Limitations", "\n".join(f"- {line}" for line in limits(facts))),
        Section("Biases", join(card.biases or NOT_KNOWN, counts)),
        Section("Personal and sensitive information", join(card.people or NOT_KNOWN, people)),
        Section("Social impact", card.impact or card_texts.IMPACT),
        Section("Maintenance", version),
    ]


def terms_text(source: str) -> str:
    """Write who may use the images of a source, and whether they may be published."""
    source_terms = terms.load_or_unknown(source)
    may = f"The images {'may' if source_terms.redistribute else 'may **not**'} be published again."
    return join(plain(source_terms.conditions), may + (f" Source: <{source_terms.url}>" if source_terms.url else ""))


def opening(facts: DatasetFacts) -> str:
    """Write the code that opens the dataset, and what it is."""
    splits = ", ".join(split for split in SPLITS if facts.images[split])
    return f"""```python
from datasets import load_dataset

images = load_dataset("PATH")                       # splits: {splits}
classes = load_dataset("PATH", "hierarchy")["train"]  # one row a fine class
```

Every image has a label at three scales: `fine`, `middle` and `coarse`. Fine and middle classes of the test set
(`query` and `gallery`) are never in `train`. A query is to find the gallery images of its class, at each scale."""


def sizes_table(classes: Iterable[Mapping[str, Any]], facts: DatasetFacts) -> str:
    """Count images and classes of each split."""
    rows, images = list(classes), [facts.images[split] for split in SPLITS]
    lines = [
        "| | train | query | gallery | all | in the manifest |",
        "|---|---:|---:|---:|---:|---:|",
        f"| images | {' | '.join(f'{n:,}' for n in (*images, sum(images)))} | |",
    ]
    for scale in SCALES:
        in_splits = [len({row[f"{scale}_id"] for row in rows if row[split]}) for split in SPLITS]
        counts = (*in_splits, facts.coverage[scale].covered, facts.coverage[scale].total)
        lines.append(f"| {scale} classes with images | {' | '.join(f'{n:,}' for n in counts)} |")
    return "\n".join(lines)


def classes_table(classes: Iterable[Mapping[str, Any]]) -> str:
    """List for each coarse class its middle classes that have images, in train and in the test."""
    lines = ["| coarse | middle, in train | middle, in the test | fine, with images |", "|---|---|---|---:|"]
    rows = sorted(classes, key=lambda row: [row[f"{scale}_id"] for scale in reversed(SCALES)])
    for coarse in dict.fromkeys(row["coarse"] for row in rows):
        below = [row for row in rows if row["coarse"] == coarse]
        covered = [row for row in below if any(row[split] for split in SPLITS)]
        cells = [shorten(row["middle"] for row in covered if row["split"] == side) for side in ("train", "test")]
        lines.append(f"| {plain(coarse)} | {' | '.join(cells)} | {len(covered):,} of {len(below):,} |")
    return "\n".join(lines)


def shorten(names: Iterable[str]) -> str:
    """Join names without repeats, and count those beyond `MAX_CLASSES`."""
    unique = [plain(name) for name in dict.fromkeys(names)]
    more = f" and {len(unique) - MAX_CLASSES:,} more" if len(unique) > MAX_CLASSES else ""
    return ", ".join(unique[:MAX_CLASSES]) + more


def limits_text(facts: DatasetFacts) -> str:
    """Write which classes have no images, and how many of each class were taken."""
    covered, total = facts.coverage["fine"].covered, facts.coverage["fine"].total
    texts = []
    if covered < total:
        texts.append(f"{total - covered:,} of the {total:,} fine classes have no images here: `hierarchy` shows which.")
    if facts.options.get("limit") is not None:
        texts.append(f"At most {facts.options['limit']:,} images of each fine class were taken.")
    return " ".join(texts)


def resizing_text(facts: DatasetFacts) -> str:
    """Write what was done to the bytes of images."""
    if facts.resizing:
        how = f"{facts.options['size']} px, {facts.resizing}"
        return f"Larger images were brought to a shorter side of {how}; smaller ones kept as they are."
    return "The images' bytes are those of the source, unchanged."


def collection_texts(facts: DatasetFacts) -> tuple[str, ...]:
    """Write who read the source, by which manifest, and what is not in the dataset."""
    manifest = facts.manifest
    return (
        f"Read by dmlkit {facts.dmlkit} from the source **{plain(terms.load_or_unknown(facts.source.name).title)}**, "
        f"by the manifest `{manifest.name}`, version {plain(manifest.version)} (SHA-256 `{manifest.sha256}`).",
        "### What is not in it",
        statuses_table(facts.statuses),
    )


def statuses_table(statuses: Mapping[str, int]) -> str:
    """Count the rejected candidates by status."""
    rejected = {status: count for status, count in statuses.items() if status != "ok"}
    if not rejected:
        return f"Nothing: all {statuses.get('ok', 0):,} candidates of the source are in the dataset."
    lines = [f"| status | candidates | of {sum(statuses.values()):,} |", "|---|---:|---|"]
    lines += [f"| `{status}` | {count:,} | {STATUS_BY_NAME[status].meaning} |" for status, count in rejected.items()]
    return "\n".join([*lines, "", "`rejected.parquet` names each of these candidates with its reason."])


def limits(facts: DatasetFacts) -> tuple[str, ...]:
    """List what a reader must know before relying on the dataset."""
    if facts.release is not None:
        return card_release.LIMITS
    if facts.source.name == "sample":
        return ("Drawn images are easier than photographs, and differ from each other in other ways.",)
    return (
        "The labels are those of the source, brought into the hierarchy; nobody looked at them again.",
        "Copies that differ in a single byte, in size or compression, are not found and may stand on both sides.",
        "The classes are not those of the published DyML benchmarks: figures do not compare with the paper's.",
    )


def labels_text(dataset: DatasetFolder, facts: DatasetFacts) -> str:
    """Write how an upstream label became labels at three scales, and why some did not."""
    lexicon = str((facts.manifest.settings.get("hierarchy") or {}).get("lexicon", "")).replace("wordnet-", "WordNet ")
    tree = f"{plain(lexicon)}, cut at three heights by" if lexicon else "the classes and rules of"
    text = f"""`upstream_label` is what the source says of an image. It leads to one fine class, which has one middle
and one coarse class, by {tree} the manifest. `path` in `hierarchy` is the way."""
    if facts.source.name == "sample":
        return text
    text += """ A label above the fine classes, or outside of all, gives none (`above`, `outside`); one that the
manifest excludes is out with its reason (`excluded`)."""
    reasons = exclusion_reasons(dataset)
    if not reasons:
        return text
    lines = [f"- {count:,} images: {plain(reason)}" for reason, count in reasons[:MAX_REASONS]]
    more = len(reasons) - MAX_REASONS
    return "\n".join([text, "", "Excluded here:", "", *lines]) + (
        f"\n- and {more:,} more reasons, in `rejected.parquet`" if more > 0 else ""
    )


def exclusion_reasons(dataset: DatasetFolder) -> list[tuple[str, int]]:
    """Count the excluded candidates by reason, the most frequent first."""
    counts: Counter[str] = Counter()
    for batch in dataset.rejected(["status", "detail"]):
        rows = zip(batch["status"].to_pylist(), batch["detail"].to_pylist(), strict=True)
        counts.update(detail for status, detail in rows if status == "excluded")
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
