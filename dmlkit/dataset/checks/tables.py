"""Check the tables of a dataset folder against each other: counts, classes, labels, splits, duplicates, authors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dmlkit.dataset.checks.codes import Finding
from dmlkit.dataset.facts import DatasetFacts
from dmlkit.dataset.folder import ATTRIBUTION, BUILD_JSON
from dmlkit.schema.features import OPTIONAL_TEXTS
from dmlkit.schema.layout import LAYOUTS, SplitSpec
from dmlkit.schema.scales import SCALES, SPLITS
from dmlkit.text import first_few

# Where a finding is that concerns several files.
DATA, CLASSES = "data", "hierarchy"


@dataclass(frozen=True)
class DatasetTables:
    """What the checks compare: all of a folder but the images' bytes and the rejected candidates.

    ``files``: the plain files by name. ``images``: the columns of ``data/`` without ``image``, with ``stem``, the
    beginning of the file's name. ``class_names``: scale -> class names, from the metadata of ``data/``.
    """

    folder: Path
    files: Mapping[str, Path]
    facts: DatasetFacts
    images: pd.DataFrame
    class_names: Mapping[str, list[str]]
    hierarchy: pd.DataFrame

    @property
    def splits(self) -> tuple[SplitSpec, ...]:
        """The splits of the layout."""
        return LAYOUTS[self.facts.layout]

    @property
    def tests(self) -> list[tuple[SplitSpec, SplitSpec]]:
        """Query and gallery of each test set."""
        test = [spec for spec in self.splits if spec.split != "train"]
        return list(zip(test[::2], test[1::2], strict=True))

    @property
    def is_train(self) -> pd.Series[bool]:
        """For each image whether it is a training image."""
        return self.images["stem"] == self.splits[0].stem

    @property
    def is_official(self) -> bool:
        """Whether it is an official release, whose own faults are not faults of the folder."""
        return self.facts.release is not None and self.facts.release.official

    def rows_of(self, spec: SplitSpec) -> pd.DataFrame:
        """Return the images of a split."""
        return self.images[self.images["stem"] == spec.stem]

    @property
    def classes_by_label(self) -> pd.DataFrame:
        """The hierarchy by the integer label of the fine class."""
        return self.hierarchy.drop_duplicates("fine_label").set_index("fine_label")

    def code(self, code: str) -> str:
        """Return the code of a fault that an official release may have itself."""
        return "W505" if self.is_official else code

    def unplaced(self, scale: str) -> dict[str, str]:
        """Map the id to the name of the classes that an official release lists, but no row of the hierarchy."""
        if not self.is_official or self.facts.release is None:
            return {}
        return {class_id: name for name, class_id in self.facts.release.unplaced[scale].items()}


def check_values(tables: DatasetTables) -> Iterator[Finding]:
    """Find values that are missing or impossible. The other checks take for granted that these are there."""
    yield from check_image_values(tables)
    yield from check_class_values(tables)


def check_image_values(tables: DatasetTables) -> Iterator[Finding]:
    """Find images without a value, with a label that is not that of a class, or with an impossible orientation."""
    rows = tables.images
    for name in ("image_id", *SCALES, "width", "height", "exif_orientation", "sha256", "source", *OPTIONAL_TEXTS):
        lacking = rows[rows[name].isna()]
        if name in SCALES:
            lacking = lacking[lacking["stem"].isin([spec.stem for spec in tables.splits if name in spec.scales])]
        if len(lacking):
            yield Finding("E205", DATA, f"{name} is missing in {len(lacking)} rows: {first_few(lacking['image_id'])}")
    most = {scale: len(tables.class_names[scale]) - 1 for scale in SCALES} | {"exif_orientation": 8}
    for name, highest in most.items():
        outside = rows[(rows[name] < (1 if name == "exif_orientation" else 0)) | (rows[name] > highest)]
        if len(outside):
            what = "is out of its range" if name == "exif_orientation" else "names no class"
            yield Finding("E205", DATA, f"{name} {what}: {first_few(outside['image_id'])}")


def check_class_values(tables: DatasetTables) -> Iterator[Finding]:
    """Find classes without a value, or on neither side of the split."""
    tree = tables.hierarchy
    unknown = {"path"}
    if tables.is_official:  # the release does not say under which class each test class is
        for scale in SCALES[1:]:
            parts = tree[[f"{scale}_id", scale, f"{scale}_label"]].isna()
            if parts.any(axis=1).equals(parts.all(axis=1)):
                unknown |= set(parts.columns)
    for name in tree.columns:
        lacking = tree[tree[name].isna()]
        if len(lacking) and name not in unknown:
            yield Finding("E205", CLASSES, f"{name} is missing in {len(lacking)} rows: {first_few(lacking['fine_id'])}")
    astray = tree[~tree["split"].isin(["train", "test"])]
    if len(astray):
        yield Finding("E205", CLASSES, f"split is neither train nor test: {first_few(astray['fine_id'])}")


def check_counts(tables: DatasetTables) -> Iterator[Finding]:
    """Compare the counts of build.json with the files."""
    for spec in tables.splits:
        stated, counted = tables.facts.images[spec.name], len(tables.rows_of(spec))
        if stated != counted:
            yield Finding("E204", BUILD_JSON, f"{stated} images in {spec.name}; the files have {counted}")
    for scale in SCALES:
        coverage = tables.facts.coverage[scale]
        counts = tables.images[scale].nunique(), len(tables.class_names[scale])
        text = f"{coverage.covered} of {coverage.total} {scale} classes"
        if (coverage.covered, coverage.total) != counts:
            yield Finding("E204", BUILD_JSON, f"{text}; the files have {counts[0]} of {counts[1]}")
        if coverage.covered < coverage.minimum * coverage.total:
            yield Finding("W503", DATA, f"{text} have images")


def check_ids(tables: DatasetTables) -> Iterator[Finding]:
    """Find ids that are there twice, or do not begin with their source."""
    rows = tables.images
    again = rows[rows["image_id"].duplicated()]
    if len(again):
        yield Finding("E206", DATA, f"the image_id is there twice: {first_few(again['image_id'].unique())}")
    pairs = zip(rows["image_id"], rows["source"], strict=True)
    foreign = [image_id for image_id, source in pairs if not image_id.startswith(f"{source}/")]
    if foreign:
        yield Finding("E208", DATA, f"the image_id does not begin with its source: {first_few(foreign)}")
    others = sorted(set(rows["source"].unique()) - set(tables.facts.source.name.split("+")))
    if others:
        yield Finding("E208", DATA, f"from another source than {tables.facts.source.name}: {first_few(others)}")


def check_hierarchy(tables: DatasetTables) -> Iterator[Finding]:
    """Find classes that are there twice, have another integer label than their index, or another place in the tree."""
    tree = tables.hierarchy
    for column in ("fine_id", "fine"):
        again = tree[tree[column].duplicated()]
        if len(again):
            yield Finding("E301", CLASSES, f"{column} is there twice: {first_few(again[column])}")
    for scale in SCALES:
        yield from check_integer_labels(tables, scale)
    for child, parent in (("fine_id", "middle_id"), ("middle_id", "coarse_id")):
        parents = tree.groupby(child)[parent].nunique()
        if (parents > 1).any():
            several = first_few(parents.index[parents > 1])
            yield Finding(tables.code("E302"), CLASSES, f"several {parent} above: {several}")
    astray = [row["fine_id"] for row in tree.to_dict("records") if row["path"] and not leads_to_class(row)]
    if astray:
        yield Finding("E302", CLASSES, f"the path does not lead from the coarse class to it: {first_few(astray)}")


def check_integer_labels(tables: DatasetTables, scale: str) -> Iterator[Finding]:
    """Compare the integer labels of one scale with the order of the class ids."""
    placed = tables.hierarchy.dropna(subset=[f"{scale}_id"])
    once = placed.drop_duplicates(f"{scale}_id")
    names = tables.unplaced(scale) | dict(zip(once[f"{scale}_id"], once[scale], strict=True))
    labels = {class_id: label for label, class_id in enumerate(sorted(names))}
    wrong = placed[placed[f"{scale}_id"].map(labels) != placed[f"{scale}_label"]]
    if len(wrong):
        message = f"{scale}_label is not the index of the class: {first_few(wrong['fine_id'])}"
        yield Finding("E301", CLASSES, message)
    if [names[class_id] for class_id in labels] != tables.class_names[scale]:
        yield Finding("E301", CLASSES, f"its {scale} classes are not those of the column {scale}")


def leads_to_class(row: Mapping[str, Any]) -> bool:
    """Tell whether the path of a class begins at its coarse class and leads over its middle class to it."""
    steps = [step.split(":", 1)[0] for step in row["path"].split(" > ")]
    return bool(steps[0] == row["coarse_id"] and row["middle_id"] in steps and steps[-1] == row["fine_id"])


def check_labels(tables: DatasetTables) -> Iterator[Finding]:
    """Compare the labels of images with the parents that the hierarchy gives their fine classes."""
    rows, classes = tables.images, tables.classes_by_label
    for scale in SCALES[1:]:
        both = rows.dropna(subset=["fine", scale])
        expected = both["fine"].map(classes[f"{scale}_label"])
        # A class of an official release may be under none; one that the hierarchy does not name is a fault.
        wrong = both[~both["fine"].isin(classes.index) | (expected.notna() & (expected != both[scale]))]
        if len(wrong):
            yield Finding("E303", DATA, f"not the {scale} class of its fine class: {first_few(wrong['image_id'])}")


def check_class_counts(tables: DatasetTables) -> Iterator[Finding]:
    """Compare the counts and upstream labels of the hierarchy with the images."""
    rows, classes = tables.images, tables.classes_by_label
    counted = [spec for spec in tables.splits if spec.config in ("default", "test_fine")]
    for split in SPLITS:
        images = rows[rows["stem"].isin([spec.stem for spec in counted if spec.split == split])]
        wrong = classes[classes[split] != images.groupby("fine").size().reindex(classes.index, fill_value=0)]
        if len(wrong):
            yield Finding("E304", CLASSES, f"the number of {split} images is wrong: {first_few(wrong['fine_id'])}")
    pairs = rows.loc[rows["stem"].isin([spec.stem for spec in counted]), ["fine", "upstream_label"]].drop_duplicates()
    num_classes = pairs.groupby("upstream_label").size()
    if (num_classes > 1).any():
        several = first_few(num_classes.index[num_classes > 1])
        yield Finding("E305", DATA, f"upstream labels of several fine classes: {several}")
    labels: dict[int, set[str]] = {}
    for fine, label in pairs.itertuples(index=False):
        labels.setdefault(fine, set()).add(label)
    other = [row.fine_id for row in classes.itertuples() if set(row.upstream_labels) != labels.get(row.Index, set())]
    if other:
        yield Finding("E305", CLASSES, f"upstream_labels are not those of the images: {first_few(other)}")


def check_splits(tables: DatasetTables) -> Iterator[Finding]:
    """Find images on the wrong side of the split, and queries and test classes without a counterpart."""
    rows, train = tables.images, tables.is_train
    declared = rows["fine"].map(tables.classes_by_label["split"])
    wrong = rows[declared.notna() & ((declared == "train") != train)]
    if len(wrong):
        yield Finding("E401", DATA, f"on the side where its class must not be: {first_few(wrong['image_id'])}")
    both = sorted(set(rows[train]["middle"].dropna()) & set(rows[~train]["middle"].dropna()))
    if both:
        names = first_few(tables.class_names["middle"][label] for label in both)
        yield Finding("E402", DATA, f"middle classes on both sides: {names}")
    for queries, galleries in tables.tests:
        query, gallery = tables.rows_of(queries), tables.rows_of(galleries)
        for scale in queries.scales:
            alone = query[~query[scale].isin(gallery[scale])]
            if queries.stem == galleries.stem:  # a query does not find itself
                alone = query[~query[scale].duplicated(keep=False)]
            if len(alone):
                text = f"no {scale} match in the gallery: {first_few(alone['image_id'])}"
                yield Finding(tables.code("E403"), galleries.stem.partition("/")[0], text)
        scale = queries.scales[0]
        unasked = sorted(set(gallery[scale]) - set(query[scale]))
        if unasked:
            text = f"test classes without a query: {first_few(tables.class_names[scale][i] for i in unasked)}"
            yield Finding(tables.code("E404"), queries.stem.partition("/")[0], text)


def check_duplicates(tables: DatasetTables) -> Iterator[Finding]:
    """Find images that are in train and test, or twice on one side."""
    rows = tables.images.assign(train=tables.is_train)
    same = rows[rows["sha256"].duplicated(keep=False)].sort_values(["sha256", "image_id"])
    is_across = same.groupby("sha256")["train"].transform("nunique") > 1
    # The test sets of the three scales may share images; within one, an image must not be twice.
    test_set = pd.Series([stem.partition("/")[0] for stem in same["stem"]], same.index, dtype=str)
    is_twice = ~is_across & same.assign(test_set=test_set).duplicated(["sha256", "test_set"], keep=False)
    for code, images, where in (
        ("E405", same[is_across], "in train and in the test"),
        ("E406", same[is_twice], "twice on one side"),
    ):
        if len(images):
            yield Finding(tables.code(code), DATA, f"the same image is {where}: {first_few(images['image_id'])}")


def check_attribution(tables: DatasetTables) -> Iterator[Finding]:
    """Compare the authors of the images with ATTRIBUTION.csv."""
    columns = ["image_id", "author", "license", "source_url"]
    texts = tables.images[columns].astype(object).fillna("")
    rows = texts[texts["author"] != ""]
    unlicensed = rows[rows["license"] == ""]
    if len(unlicensed):
        yield Finding("W502", DATA, f"an author and no licence: {first_few(unlicensed['image_id'])}")
    listed = pd.DataFrame(columns=columns, dtype=str)
    if ATTRIBUTION in tables.files:
        try:
            listed = pd.read_csv(tables.files[ATTRIBUTION], dtype=str, keep_default_na=False)[columns]
        except (ValueError, KeyError, OSError) as exc:
            yield Finding("W501", ATTRIBUTION, f"cannot be read: {exc}")
            return
    either = rows.merge(listed.astype(object), how="outer", indicator=True)
    different = either[either["_merge"] != "both"]
    if len(different):
        ids = first_few(sorted(different["image_id"].unique()))
        yield Finding("W501", ATTRIBUTION, f"it and the rows differ in: {ids}")


CHECKS = (
    check_counts,
    check_ids,
    check_hierarchy,
    check_labels,
    check_class_counts,
    check_splits,
    check_duplicates,
    check_attribution,
)
