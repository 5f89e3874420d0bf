"""Lists, trees and images in the layout of iMaterialist Product 2019, made for the tests."""

import json
import shutil

import pandas as pd

from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy import manifest
from tests.support.images import make_image

NAME = "imaterialist-2019"
PRODUCT = manifest.shipped_folder() / "product"
TREE = {
    "level1_node2": {"level2_node1": {"level3_node1": ["6"]}},
    "level1_node1": {
        "level2_node2": {"level3_node1": ["3", "4"], "level3_node2": ["5"]},
        "level2_node1": {"level3_node2": ["2"], "level3_node1": ["0", "1"]},
    },
}
NODES = ["1.1.1", "1.1.1", "1.1.2", "1.2.1", "1.2.1", "1.2.2", "2.1.1"]
SINGLE = "one node below"
LEAVES = range(6)
CLASSES_TSV = (
    "fine_id\tfine\tmiddle_id\tmiddle\tcoarse_id\tcoarse\tsplit\tpath\nf\tfine\tm\tmiddle\tc\tcoarse\ttrain\t\n"
)


def table(nodes=NODES):
    rows = (
        f"{leaf}\t{node}\t" + ("\t" + SINGLE if node == "2.1.1" else ("test" if node < "1.2" else "train") + "\t")
        for leaf, node in enumerate(nodes)
    )
    return "\n".join(["leaf\tnode\tsplit\treason", *rows]) + "\n"


def copy_manifest(folder):
    """The real manifest, with a class for the other sources in case it has none."""
    shutil.copytree(PRODUCT, folder)
    (folder / "classes.tsv").write_text(CLASSES_TSV)
    (folder / "excluded.tsv").write_text("label\tname\treason\n")
    return folder


def hexa(number):
    return f"{number:032x}.jpg"


def entries(per_leaf=4, leaves=LEAVES, first=0):
    """Rows of a list, mixed as in the original."""
    return [
        {"class": leaf, "url": f"http://127.0.0.1:9/{hexa(first + 100 * leaf + i)}", "id": hexa(first + 100 * leaf + i)}
        for i in range(per_leaf)
        for leaf in leaves
    ]


def images(rows):
    return {row["id"]: make_image(int(row["id"][:32], 16)) for row in rows}


def write(top, train=(), val=(), files=None, form="images/{}", tree=TREE):
    """A folder as a person has it."""
    top.mkdir(parents=True, exist_ok=True)
    if train:
        (top / "train.json").write_text(json.dumps({"images": list(train)}))
    if val:
        (top / "val.json").write_text(json.dumps({"images": list(val)}))
    if tree:
        (top / "product_tree.json").write_text(json.dumps(tree))
    for name, data in (files or {}).items():
        path = top / form.format(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return top


def tiny_manifest(tmp_path):
    """The folder of a manifest with the tree above."""
    copy_manifest(tmp_path / "tiny")
    (tmp_path / "tiny" / "imaterialist-2019.tsv").write_text(table())
    return tmp_path / "tiny"


def whole_lists(tmp_path):
    """All that a person can have, with every image."""
    rows, val = entries(), entries(2, first=50)
    return write(tmp_path / "from", rows, val, images(rows + val))


def rejected(out):
    rows = pd.read_parquet(out / "rejected.parquet")
    return {
        i.removeprefix(f"{NAME}/"): (v, d) for i, v, d in rows[["image_id", "status", "detail"]].itertuples(index=False)
    }


def ask(tiny, path, **more):
    """The classes of a folder, as a build finds them."""
    return load_source(NAME).classes(PlanRequest(tiny, path, path, **more))
