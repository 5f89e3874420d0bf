"""The checks on the content of a dataset folder. `dmlkit.dataset.validate` lists the codes and runs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from dmlkit import terms
from dmlkit.dataset.card import size_category
from dmlkit.schema.features import OPTIONAL_TEXTS
from dmlkit.schema.layout import LAYOUTS, SplitSpec
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.schema.statuses import STATUS_NAMES
from dmlkit.storage import images
from dmlkit.text import first_few, printable

MOST_CHARACTERS = 500
"""Of one finding's message: what stands in a broken file can be long."""
MOST_CARD, MOST_YAML = 2_000_000, 500_000
"""Bytes of a card and of its YAML: ten thousand class names stay below."""

DECIDED = ("above", "outside", "excluded", "duplicate", "conflicting-duplicate", "class-too-small")
"""Statuses that no image of the dataset can share its id and label with. The others can befall a second candidate
with the same name: an archive may hold a name twice."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its code (E: error, W: warning), the file or part, and what is wrong there."""

    code: str
    where: str
    message: str

    def printable(self) -> Finding:
        """The same on one line of bounded length, without what could steer a terminal."""
        message = printable(self.message)
        if len(message) > MOST_CHARACTERS:
            message = message[:MOST_CHARACTERS] + " ..."
        return replace(self, where=printable(self.where), message=message)


@dataclass(frozen=True)
class Content:
    """What the checks look at: all of a folder but the images' bytes and the rejected candidates."""

    files: Mapping[str, Path]
    """The plain files by their names below the folder."""
    form: str
    build: Mapping[str, Any]
    images: pd.DataFrame
    """The columns of ``data/`` without ``image``, with ``stem``, the beginning of the file's name."""
    names: Mapping[str, list[str]]
    """The class names of each scale, from the metadata of ``data/``."""
    hierarchy: pd.DataFrame

    @property
    def parts(self) -> tuple[SplitSpec, ...]:
        return LAYOUTS[self.form]

    def of(self, part: SplitSpec) -> pd.DataFrame:
        return self.images[self.images["stem"] == part.stem]

    @property
    def tests(self) -> list[tuple[SplitSpec, SplitSpec]]:
        """Query and gallery of each test set."""
        test = [part for part in self.parts if part.split != "train"]
        return list(zip(test[::2], test[1::2], strict=True))

    @property
    def official(self) -> bool:
        """Whether it is the official release, whose own faults are no faults of the folder."""
        release = self.build.get("release")
        return isinstance(release, dict) and release.get("official") is True

    def code(self, code: str) -> str:
        return "W505" if self.official else code


def check_values(content: Content) -> Iterator[Finding]:
    """E205. The other checks take for granted that these values are there."""
    rows, tree = content.images, content.hierarchy
    numbers = ("width", "height", "exif_orientation")
    for name in ("image_id", *SCALES, *numbers, "sha256", "source", *OPTIONAL_TEXTS):
        lacking = rows[rows[name].isna()]
        if name in SCALES:
            lacking = lacking[lacking["stem"].isin([part.stem for part in content.parts if name in part.scales])]
        if len(lacking):
            yield Finding("E205", "data", f"{name} is missing in {len(lacking)} rows: {first_few(lacking['image_id'])}")
    most = {scale: len(content.names[scale]) - 1 for scale in SCALES} | {"exif_orientation": 8}
    for name, highest in most.items():
        outside = rows[(rows[name] < (1 if name == "exif_orientation" else 0)) | (rows[name] > highest)]
        if len(outside):
            what = "is out of its range" if name == "exif_orientation" else "names no class"
            yield Finding("E205", "data", f"{name} {what}: {first_few(outside['image_id'])}")
    unknown = {"path"}
    if content.official:  # the release does not say under which class each test class is
        for scale in SCALES[1:]:
            parts = tree[[f"{scale}_id", scale, f"{scale}_label"]].isna()
            if parts.any(axis=1).equals(parts.all(axis=1)):
                unknown |= set(parts.columns)
    for name in tree.columns:
        lacking = tree[tree[name].isna()]
        if len(lacking) and name not in unknown:
            yield Finding(
                "E205", "hierarchy", f"{name} is missing in {len(lacking)} rows: {first_few(lacking['fine_id'])}"
            )
    astray = tree[~tree["split"].isin(["train", "test"])]
    if len(astray):
        yield Finding("E205", "hierarchy", f"split is neither train nor test: {first_few(astray['fine_id'])}")


class PlainLoader(yaml.SafeLoader):
    """YAML without aliases, which can make a small text endless, and without repeated keys, as `datasets` wants it."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("it has aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            raise ValueError(f"a key stands twice among: {first_few(keys)}")
        return super().construct_mapping(node, deep)


def front_matter(path: Path) -> dict[str, Any]:
    """The YAML at the head of a card. Raises `ValueError`, `yaml.YAMLError` or `RecursionError` where it is none."""
    if path.stat().st_size > MOST_CARD:
        raise ValueError(f"a card of {path.stat().st_size:,} bytes")
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        raise ValueError("no YAML between two lines of ---")
    text = "\n".join(lines[1 : lines.index("---", 1)])
    if len(text) > MOST_YAML:
        raise ValueError(f"YAML of {len(text):,} characters")
    fields = yaml.load(text, PlainLoader)
    if not isinstance(fields, dict):
        raise ValueError("no mapping")
    return fields


def check_card(content: Content) -> Iterator[Finding]:
    if "README.md" not in content.files:
        return  # E101 says so
    try:
        fields = front_matter(content.files["README.md"])
        patterns = {
            (config["config_name"], entry["split"]): listed(entry["path"])
            for config in fields["configs"]
            for entry in config["data_files"]
        }
        numbers = dict(card_numbers(fields))
        size, license_id = listed(fields.get("size_categories", [])), str(fields.get("license") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, yaml.YAMLError) as exc:
        yield Finding("E203", "README.md", f"its YAML cannot be used: {type(exc).__name__}: {exc}")
        return
    found = {(part.config, part.split): len(content.of(part)) for part in content.parts}
    stems = {(part.config, part.split): part.stem for part in content.parts} | {
        ("hierarchy", "train"): "hierarchy/train"
    }
    found["hierarchy", "train"] = len(content.hierarchy)
    for config, split in found:
        top = f"{stems[config, split]}-"
        given = patterns.get((config, split), [])
        matched = {name for name in content.files if any(fnmatchcase(name, pattern) for pattern in given)}
        named = {name for name in content.files if name.startswith(top)} if found[config, split] else set()
        if matched != named:
            yield Finding("E203", "README.md", f"its YAML does not name the files of {split} in the config {config}")
    if not license_id:
        yield Finding("E203", "README.md", "its YAML names no licence")
    for key, said in numbers.items():
        if said != found.get(key):
            yield Finding("E207", "README.md", f"{said} rows in {key[1]} of {key[0]}; the files have {found.get(key)}")
    if size not in ([], [size_category(len(content.images))]):
        yield Finding("E207", "README.md", f"the size category is {first_few(size)} for {len(content.images)} images")
    source = content.build["source"]["name"]
    if license_id and terms.is_source(source) and license_id != terms.load(source).license.lower():
        theirs = terms.load(source).license.lower()
        yield Finding("W504", "README.md", f"its licence is {license_id}; that of {source} is {theirs}")


def card_numbers(fields: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    """((config, split), rows) of what a card's ``dataset_info`` says. `load_dataset` fails where it is wrong."""
    infos = fields.get("dataset_info", [])
    for info in infos if isinstance(infos, list) else [infos]:
        for split in info.get("splits", []):
            yield (info.get("config_name", "default"), split["name"]), split["num_examples"]


def listed(value: Any) -> list[str]:
    """A string or a list of strings as a list. Raises `TypeError` for anything else."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str) for v in values):
        raise TypeError(f"{value!r} is no text")
    return values


def check_counts(content: Content) -> Iterator[Finding]:
    for part in content.parts:
        said, found = content.build["images"][part.name], len(content.of(part))
        if said != found:
            yield Finding("E204", "build.json", f"{said} images in {part.name}; the files have {found}")
    for scale in SCALES:
        coverage = content.build["coverage"][scale]
        counts = content.images[scale].nunique(), len(content.names[scale])
        if (coverage["found"], coverage["of"]) != counts:
            said = f"{coverage['found']} of {coverage['of']}"
            yield Finding("E204", "build.json", f"{said} {scale} classes; the files have {counts[0]} of {counts[1]}")
        if coverage["found"] < coverage["floor"] * coverage["of"]:
            yield Finding("W503", "data", f"{coverage['found']} of {coverage['of']} {scale} classes have images")


def check_ids(content: Content) -> Iterator[Finding]:
    rows = content.images
    again = rows[rows["image_id"].duplicated()]
    if len(again):
        yield Finding("E206", "data", f"the image_id stands twice: {first_few(again['image_id'].unique())}")
    pairs = zip(rows["image_id"], rows["source"], strict=True)
    foreign = [image_id for image_id, source in pairs if not image_id.startswith(f"{source}/")]
    if foreign:
        yield Finding("E208", "data", f"the image_id does not begin with its source: {first_few(foreign)}")
    others = sorted(set(rows["source"].unique()) - set(content.build["source"]["name"].split("+")))
    if others:
        yield Finding(
            "E208", "data", f"from another source than {content.build['source']['name']}: {first_few(others)}"
        )


def check_hierarchy(content: Content) -> Iterator[Finding]:
    tree = content.hierarchy
    for column in ("fine_id", "fine"):
        again = tree[tree[column].duplicated()]
        if len(again):
            yield Finding("E301", "hierarchy", f"{column} stands twice: {first_few(again[column])}")
    for scale in SCALES:
        placed = tree.dropna(subset=[f"{scale}_id"])
        name_of = unplaced(content, scale) | dict(
            zip(*(placed.drop_duplicates(f"{scale}_id")[c] for c in (f"{scale}_id", scale)), strict=True)
        )
        place = {class_id: i for i, class_id in enumerate(sorted(name_of))}
        wrong = placed[placed[f"{scale}_id"].map(place) != placed[f"{scale}_label"]]
        named = [name_of[class_id] for class_id in place]
        if len(wrong):
            yield Finding(
                "E301", "hierarchy", f"{scale}_label is not the place of the class: {first_few(wrong['fine_id'])}"
            )
        if named != content.names[scale]:
            yield Finding("E301", "hierarchy", f"its {scale} classes are not those of the column {scale}")
    for child, parent in (("fine_id", "middle_id"), ("middle_id", "coarse_id")):
        parents = tree.groupby(child)[parent].nunique()
        if (parents > 1).any():
            several = first_few(parents.index[parents > 1])
            yield Finding(content.code("E302"), "hierarchy", f"several {parent} above: {several}")
    astray = []
    for row in tree.to_dict("records"):
        steps = [step.split(":", 1)[0] for step in (row["path"] or "").split(" > ")]
        if row["path"] and not (
            steps[0] == row["coarse_id"] and row["middle_id"] in steps and steps[-1] == row["fine_id"]
        ):
            astray.append(row["fine_id"])
    if astray:
        yield Finding("E302", "hierarchy", f"the path does not lead from the coarse class to it: {first_few(astray)}")


def unplaced(content: Content, scale: str) -> dict[str, str]:
    """Id → name of the classes that build.json of an import names because no row of the hierarchy does."""
    release = content.build.get("release")
    named = release.get("unplaced") if content.official and isinstance(release, dict) else None
    of = named.get(scale) if isinstance(named, dict) else None
    return {str(class_id): str(name) for name, class_id in of.items()} if isinstance(of, dict) else {}


def check_labels(content: Content) -> Iterator[Finding]:
    rows = content.images
    over = content.hierarchy.drop_duplicates("fine_label").set_index("fine_label")
    for scale in SCALES[1:]:
        both = rows.dropna(subset=["fine", scale])
        wanted = both["fine"].map(over[f"{scale}_label"])
        # A class of the official release may be under none; one that the hierarchy does not name is a fault.
        wrong = both[~both["fine"].isin(over.index) | (wanted.notna() & (wanted != both[scale]))]
        if len(wrong):
            yield Finding("E303", "data", f"not the {scale} class of its fine class: {first_few(wrong['image_id'])}")
    counted = [part for part in content.parts if part.config in ("default", "test_fine")]
    for split in SPLITS:
        of = rows[rows["stem"].isin([part.stem for part in counted if part.split == split])]
        found = of.groupby("fine").size().reindex(over.index, fill_value=0)
        wrong = over[over[split] != found]
        if len(wrong):
            yield Finding("E304", "hierarchy", f"the number of {split} images is wrong: {first_few(wrong['fine_id'])}")
    pairs = rows.loc[rows["stem"].isin([part.stem for part in counted]), ["fine", "upstream_label"]].drop_duplicates()
    under = pairs.groupby("upstream_label").size()
    if (under > 1).any():
        yield Finding("E305", "data", f"upstream labels of several fine classes: {first_few(under.index[under > 1])}")
    labels: dict[int, set[str]] = {}
    for fine, label in pairs.itertuples(index=False):
        labels.setdefault(fine, set()).add(label)
    other = [row.fine_id for row in over.itertuples() if set(row.upstream_labels) != labels.get(row.Index, set())]
    if other:
        yield Finding("E305", "hierarchy", f"upstream_labels are not those of the images: {first_few(other)}")


def check_splits(content: Content) -> Iterator[Finding]:
    rows = content.images
    train = rows["stem"] == "data/train"
    declared = rows["fine"].map(content.hierarchy.drop_duplicates("fine_label").set_index("fine_label")["split"])
    wrong = rows[declared.notna() & ((declared == "train") != train)]
    if len(wrong):
        yield Finding("E401", "data", f"on the side where its class must not be: {first_few(wrong['image_id'])}")
    both = sorted(set(rows[train]["middle"].dropna()) & set(rows[~train]["middle"].dropna()))
    if both:
        yield Finding(
            "E402", "data", f"middle classes on both sides: {first_few(content.names['middle'][i] for i in both)}"
        )
    for queries, galleries in content.tests:
        query, gallery = content.of(queries), content.of(galleries)
        for scale in queries.scales:
            alone = query[~query[scale].isin(gallery[scale])]
            if queries.stem == galleries.stem:  # a query does not find itself
                alone = query[~query[scale].duplicated(keep=False)]
            if len(alone):
                text = f"no {scale} match in the gallery: {first_few(alone['image_id'])}"
                yield Finding(content.code("E403"), galleries.stem.partition("/")[0], text)
        scale = queries.scales[0]
        unasked = sorted(set(gallery[scale]) - set(query[scale]))
        if unasked:
            text = f"test classes without a query: {first_few(content.names[scale][i] for i in unasked)}"
            yield Finding(content.code("E404"), queries.stem.partition("/")[0], text)


def check_duplicates(content: Content) -> Iterator[Finding]:
    rows = content.images.assign(train=content.images["stem"] == "data/train")
    same = rows[rows["sha256"].duplicated(keep=False)].sort_values(["sha256", "image_id"])
    across = same.groupby("sha256")["train"].transform("nunique") > 1
    # The test sets of the three scales may share images; within one, an image must not stand twice.
    place = pd.Series([stem.partition("/")[0] for stem in same["stem"]], same.index, dtype=str)
    twice = same[~across & same.assign(place=place).duplicated(["sha256", "place"], keep=False)]
    for code, found, where in (("E405", same[across], "in train and in the test"), ("E406", twice, "twice")):
        if len(found):
            yield Finding(content.code(code), "data", f"the same image stands {where}: {first_few(found['image_id'])}")


def check_rejected(content: Content) -> Iterator[Finding]:
    """What rejected.parquet says against the rest. It may be far longer than the dataset: read in pieces."""
    said = Counter(content.build["statuses"])
    found = Counter(ok=len(content.images))
    known = pa.array(
        [f"{i}\n{label}" for i, label in content.images[["image_id", "upstream_label"]].itertuples(index=False)]
    )
    both: list[str] = []
    try:
        with pq.ParquetFile(content.files["rejected.parquet"]) as file:
            for batch in file.iter_batches(200_000):
                found.update(batch["status"].to_pylist())
                batch = batch.filter(pc.is_in(batch["status"], pa.array(DECIDED)))
                keys = pc.binary_join_element_wise(batch["image_id"], batch["upstream_label"], "\n")
                both += batch.filter(pc.is_in(keys, known))["image_id"].to_pylist()
    except (pa.ArrowException, ValueError, OSError) as exc:
        yield Finding("E201", "rejected.parquet", str(exc))
        return
    if both:
        yield Finding("E407", "rejected.parquet", f"also in the dataset: {first_few(both)}")
    unknown = {str(status) for status in found if status not in STATUS_NAMES}
    if found["ok"] > len(content.images):
        unknown.add("ok")
    if unknown:
        yield Finding("E408", "rejected.parquet", f"unknown statuses: {first_few(sorted(unknown))}")
    for status in sorted(found.keys() | said.keys(), key=str):
        if said[status] != found[status]:
            text = f"{said[status]} candidates are {status}; the files have {found[status]}"
            yield Finding("E204", "build.json", text)


def check_attribution(content: Content) -> Iterator[Finding]:
    columns = ["image_id", "author", "license", "source_url"]
    rows = content.images[content.images["author"] != ""]
    unlicensed = rows[rows["license"] == ""]
    if len(unlicensed):
        yield Finding("W502", "data", f"an author and no licence: {first_few(unlicensed['image_id'])}")
    said = pd.DataFrame(columns=columns, dtype=str)
    if "ATTRIBUTION.csv" in content.files:
        try:
            said = pd.read_csv(content.files["ATTRIBUTION.csv"], dtype=str, keep_default_na=False)[columns]
        except (ValueError, KeyError, OSError) as exc:
            yield Finding("W501", "ATTRIBUTION.csv", f"cannot be read: {exc}")
            return
    either = rows[columns].astype(object).fillna("").merge(said.astype(object), how="outer", indicator=True)
    apart = either[either["_merge"] != "both"]
    if len(apart):
        ids = first_few(sorted(apart["image_id"].unique()))
        yield Finding("W501", "ATTRIBUTION.csv", f"it and the rows differ in: {ids}")


CHECKS = (
    check_card,
    check_counts,
    check_ids,
    check_hierarchy,
    check_labels,
    check_splits,
    check_duplicates,
    check_rejected,
    check_attribution,
)


def batches(file: pq.ParquetFile, rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a file, at most so many at a time. Asked for all groups at once, pyarrow would keep what was read."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(rows, row_groups=[group], columns=columns)


def check_images(path: Path) -> list[Finding]:
    """The findings on the bytes of one file's images, read in bounded memory."""
    where = f"{path.parent.name}/{path.name}"
    faults: dict[str, list[str]] = {}
    try:
        with pq.ParquetFile(path) as file:
            for batch in batches(file, 20):
                for row in batch.to_pylist():
                    if fault := image_fault(row):
                        faults.setdefault(fault[0], []).append(f"{row['image_id']}: {fault[1]}")
    except (pa.ArrowException, ValueError, OSError, MemoryError) as exc:
        return [Finding("E201", where, str(exc))]
    return [Finding(code, where, first_few(texts, between="; ")) for code, texts in faults.items()]


def image_fault(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """(code, what is wrong) of an image's bytes."""
    data = (row["image"] or {}).get("bytes") or b""
    if images.sha256_hex(data) != row["sha256"]:
        return "E105", "its bytes are not those of its sha256"
    image = images.examine(data, min_side=1)
    if image.status != "ok":
        return "E106", f"{image.status}: {image.detail}"
    if (image.width, image.height) != (row["width"], row["height"]):
        return "E106", f"{image.width} × {image.height} pixels; its row differs"
    # The row has the orientation of the source's file. An image that was made smaller has lost its own.
    if image.exif_orientation not in (1, row["exif_orientation"]):
        return "E106", f"its EXIF orientation is {image.exif_orientation}; its row differs"
    return None
