"""A tiny dataset whose classes are learned in seconds, and runs on it."""

import colorsys
import io
import json
import random
from pathlib import Path

from PIL import Image, ImageDraw

from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import FineClass, load_manifest
from dmlkit.training.recipes import make_settings
from dmlkit.training.train import Runtime, TrainSettings
from tests.support.images import write_tar
from tests.support.manifests import write_manifest

# The hue of the dots is the class: neighbours on the colour circle share a middle class, half of it a coarse one.
HUES = [
    FineClass(f"n1{c}{m}{f}0001", f"hue {8 * c + 2 * m + f}", f"n2{c}{m}00001", f"hues {4 * c + m}", f"n3{c}000001",
              f"half {c}", ("train", "test")[m % 2], "")
    for c in range(2) for m in range(4) for f in range(2)
]  # fmt: skip
PER_CLASS = 8
ONE_THREAD = Runtime(threads=1)


def dots(hue: int, seed: int) -> bytes:
    """Dots of a hue, on a ground of any colour, which an untrained network sees more of."""
    rng = random.Random(seed)
    image = Image.new("RGB", (48, 48), tuple(rng.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(22):
        x, y = rng.randrange(48), rng.randrange(48)
        colour = colorsys.hsv_to_rgb((hue + rng.uniform(0.2, 0.8)) / len(HUES), 1, rng.uniform(0.8, 1))
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=tuple(int(255 * part) for part in colour))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def build_dots(where: Path, classes: list[FineClass] = HUES, first: int = 0) -> str:
    for hue, c in enumerate(classes):
        members = {f"{c.fine_id}_{i}.JPEG": dots(hue, 100 * hue + i + first) for i in range(PER_CLASS)}
        write_tar(where / "tars" / f"{c.fine_id}.tar", members)
    made = load_manifest(str(write_manifest(where / "dots", classes)))
    return str(build(made, BuildOptions("imagenet-21k", where / "out", where / "tars", jobs=1)).out)


def settings(loss_options=None, **chosen) -> TrainSettings:
    """Settings of a run of seconds."""
    small = {"crop_px": 24, "epochs": 4, "batch_size": 16, "embedding_dim": 16, "lr": 0.005}
    return make_settings(**small | chosen, loss_options=loss_options or {})


def of_run(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())
