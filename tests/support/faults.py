"""Faults for a dataset folder: a good one is changed in one place, and all that counts or sums it up is set right."""

import hashlib
import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from dmlkit.dataset.validate import validate
from dmlkit.schema.scales import SCALES, SPLITS

HIERARCHY = "hierarchy/train-00000-of-00001.parquet"
TRAIN, QUERY, GALLERY = (f"data/{split}-00000-of-00001.parquet" for split in SPLITS)
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write_sums(folder):
    """SHA256SUMS as a build would write it, so that a fault is found by its own check and not by the sums."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    lines = [f"{sha256((folder / n).read_bytes())}  {n}\n" for n in names if n not in ("SHA256SUMS", "build.json")]
    (folder / "SHA256SUMS").write_text("".join(lines))


def edit_yaml(folder, change):
    card = folder / "README.md"
    _, front, body = card.read_text().split("---\n", 2)
    fields = yaml.safe_load(front)
    change(fields)
    card.write_text(f"---\n{yaml.safe_dump(fields)}---\n{body}")


def edit_build(folder, change):
    path = folder / "build.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


def edit_hierarchy(folder, change):
    """Change the rows of the hierarchy; the card says how many there are then."""
    edit_rows(folder / HIERARCHY, change)
    count = pq.read_metadata(folder / HIERARCHY).num_rows
    edit_yaml(folder, lambda fields: fields["dataset_info"][1]["splits"][0].update(num_examples=count))


def edit_rows(path, change):
    """Rewrite a Parquet file with changed rows, keeping schema and metadata."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)


class Tables:
    """The rows of a folder, to be changed and saved with every count brought up to date."""

    def __init__(self, folder):
        self.folder = folder
        self.schema = pq.read_schema(folder / TRAIN)
        for split in SPLITS:
            setattr(self, split, pq.read_table(folder / f"data/{split}-00000-of-00001.parquet").to_pylist())
        self.classes = pq.read_table(folder / HIERARCHY).to_pylist()
        self.rejected = []

    def of(self, split, fine):
        """The rows of one class, given its place among the fine classes."""
        return [row for row in getattr(self, split) if row["fine"] == fine]

    def save(self):
        rows = {split: getattr(self, split) for split in SPLITS}
        every = [row for split in SPLITS for row in rows[split]]
        for c in self.classes:
            mine = {split: [row for row in rows[split] if row["fine"] == c["fine_label"]] for split in SPLITS}
            c |= {split: len(mine[split]) for split in SPLITS}
            c["upstream_labels"] = sorted({row["upstream_label"] for split in SPLITS for row in mine[split]})
        for split in SPLITS:
            path = self.folder / f"data/{split}-00000-of-00001.parquet"
            pq.write_table(pa.Table.from_pylist(rows[split], self.schema), path)
        for name, table in ((HIERARCHY, self.classes), ("rejected.parquet", self.rejected)):
            pq.write_table(pa.Table.from_pylist(table, pq.read_schema(self.folder / name)), self.folder / name)

        def count(facts):
            facts["images"] = {split: len(rows[split]) for split in SPLITS}
            facts["statuses"] = {**Counter(row["status"] for row in self.rejected), "ok": len(every)}
            for scale in SCALES:
                facts["coverage"][scale]["found"] = len({row[scale] for row in every})

        def number(fields):
            for split in fields["dataset_info"][0]["splits"]:
                split["num_examples"] = len(rows[split["name"]])

        edit_build(self.folder, count)
        edit_yaml(self.folder, number)


def put(row, data, **values):
    """Another image in a row, with the right sum."""
    row["image"] = {"bytes": data, "path": row["image"]["path"]}
    row |= {"sha256": sha256(data), **values}


def reject(image_id, label, status, duplicate_of=""):
    row = {"image_id": image_id, "upstream_label": label, "status": status}
    return row | {"detail": "", "duplicate_of": duplicate_of, "source_url": ""}


def codes(folder):
    return {finding.code for finding in validate(folder, jobs=1)}


class Planted:
    """The faults of one test module, each with the codes that must come. Its two methods are decorators."""

    def __init__(self):
        self.params = []

    def in_files(self, *expected, new_sums=True):
        """A fault that is planted in the files of a folder, ``plant(folder)``."""

        def add(plant):
            def plant_and_sum(folder):
                plant(folder)
                if new_sums:
                    write_sums(folder)

            self.params.append(pytest.param(plant_and_sum, set(expected), id=plant.__name__))
            return plant

        return add

    def in_rows(self, *expected):
        """A fault that is planted in the `Tables` of a folder, ``plant(tables)``; they are saved, so counts agree."""

        def add(plant):
            def plant_and_save(folder):
                tables = Tables(folder)
                plant(tables)
                tables.save()

            plant_and_save.__name__ = plant.__name__
            self.in_files(*expected)(plant_and_save)
            return plant

        return add
