"""A dataset folder whose report has something to show on every page."""

from dataclasses import replace

from dmlkit.pipeline.build import build
from dmlkit.pipeline.options import BuildOptions
from dmlkit.taxonomy.manifest import load_manifest
from tests.support.images import make_image, write_tar
from tests.support.manifests import CLASSES, TOML, write_manifest

EVIL = """<script>alert(1)</script>"'&"""


def build_to_look_at(where):
    """A dataset folder with a class of an evil name, and a few candidates of each kind that are not in it."""
    classes = [
        replace(c, fine=EVIL) if c.fine == "dog 1" else replace(c, middle="<b>owl</b>") if c.middle == "owl" else c
        for c in CLASSES
    ]
    tiny = load_manifest(
        str(write_manifest(where / "tiny", classes, TOML.replace("Tiny animals", "Tiny <i>animals</i>")))
    )
    for n, c in enumerate(classes):
        members = {f"{c.fine_id}_{i}.JPEG": make_image(1000 * n + i, 48 + 8 * i, 40) for i in range(6)}
        if n == 0:
            members |= {f"{c.fine_id}_twin.JPEG": members[f"{c.fine_id}_0.JPEG"], f"{c.fine_id}_bad.JPEG": b"<html>"}
        if n in (1, 2):
            members[f"{c.fine_id}_clash.JPEG"] = make_image(5)
        write_tar(where / "tars" / f"{c.fine_id}.tar", members)
    write_tar(where / "tars" / "n09999999.tar", {"n09999999_0.JPEG": make_image(77)})
    return build(tiny, BuildOptions("imagenet-21k", where / "out", where / "tars", jobs=1)).out
