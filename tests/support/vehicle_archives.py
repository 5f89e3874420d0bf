"""VERI-Wild and VehicleID in the layouts of their upstreams, with tiny images."""

import zipfile
from pathlib import Path

from dmlkit.sources.base import PlanRequest
from dmlkit.sources.registry import load_source
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image

HEADER = "id/image;Camera ID;Time;Model;Type;Color"
TYPES = ("sedan", "SUV", "minivan", " small-sized truck", "pickup truck", "large-sized bus")
"""One of each coarse class, the last one's only in the test."""

VEHICLES = {
    3 * (3 * number + model) + vehicle + 1: (f"Make {number} {'ABC'[model]}", kind)
    for number, kind in enumerate(TYPES)
    for model in range(3)
    for vehicle in range(2)
}
"""Vehicle → model and type: three models of each type, two vehicles of each model. Numbers are sparse."""

MODELS = {"0": "大众 帕萨特 新领驭", "1": "奥迪 A4", "2": "Audi A6L", "7": "丰田 RAV4"}
OWNERS = {1: "0", 2: "0", 5: "1", 6: "1", 7: "2", 8: "2", 11: "7", 12: "7", 27957: None, 27958: None}
"""VehicleID: the names of models, and the model of each vehicle."""


def info_rows(vehicles=VEHICLES, per=3):
    """The rows of vehicle_info.txt, ``per`` images of each vehicle."""
    every = [(v, *its) for v, its in vehicles.items() for _ in range(per)]
    return [
        f"{v:05d}/{n:06d};{n % 174};2018-03-11 08:56:15;{model};{kind};dark gray"
        for n, (v, model, kind) in enumerate(every, start=1)
    ]


def ids_of(rows):
    return [row.split(";")[0].strip() for row in rows]


def veri_wild(folder, rows=None, release="first", header=None, ids=None):
    """The unpacked release: ``ids`` are the images that are there, by default all that have a row."""
    rows = info_rows() if rows is None else rows
    first = release == "first"
    ids = ids_of(rows) if ids is None else ids
    for number, name in enumerate(ids):
        write(folder / f"images/{'' if first else 'images/'}{name}.jpg", make_image(number))
    header = [HEADER] if (first if header is None else header) else []
    half = len(ids_of(rows)) // 2
    lists = {"train_list": ids_of(rows)[:half], "test_10000": ids_of(rows)[half:]}
    write(folder / "train_test_split/vehicle_info.txt", "\n".join([*header, *rows, ""]))
    for name, its in lists.items():
        name = name if first else {"train_list": "train_list_start0", "test_10000": "test_10000_id"}[name]
        lines = its if first else [f"{i}.jpg {number} {number % 174}" for number, i in enumerate(its)]
        write(folder / f"train_test_split/{name}.txt", "\n".join([*lines, ""]))
    return folder


def vehicleid(folder, owners=OWNERS, names=MODELS, encoding="utf-8", per=3, width=7, seed=5000):
    """The unpacked archive. Image names in the lists have ``width`` digits."""
    images = [(n, v) for n, v in enumerate((v for v in owners for _ in range(per)), start=1)]
    for number, _ in images:
        write(folder / f"image/{number:07d}.jpg", make_image(seed + number))
    lines = {
        "attribute/img2vid.txt": [f"{n:0{width}d} {v}" for n, v in images],
        "attribute/model_attr.txt": [f"{v} {model}" for v, model in owners.items() if model is not None],
        "attribute/color_attr.txt": [f"{v} 3" for v in owners],
        "train_test_split/train_list.txt": [f"{n:0{width}d} {v}" for n, v in images],
    }
    for name, its in lines.items():
        write(folder / name, "\n".join([*its, ""]))
    write(folder / "attribute/model_names.txt", "\n".join(f"{n} {i}" for i, n in names.items()).encode(encoding))
    return folder


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def edit(path, change):
    """Change the text of a file."""
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def zipped(path, folder, top=""):
    """The files of a folder as a zip file, below ``top``."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, top + file.relative_to(folder).as_posix())
    return path


def request(path, table=None):
    return PlanRequest(load_manifest("vehicle"), path, Path(), table=table)


def read(name, path):
    """Every candidate that the source ``name`` offers of ``path``: image id → (label, status)."""
    source = load_source(name)
    return {
        c.upstream_id: (c.upstream_label, c.status) for unit in source.plan(request(path)) for c in source.read(unit)
    }


def reasons(found):
    """Label → why it is left out."""
    return {e.label: e.reason for e in found.excluded}
