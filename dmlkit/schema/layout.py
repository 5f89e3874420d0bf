"""The layouts of a dataset folder: its configs, splits and file stems."""

from __future__ import annotations

from dataclasses import dataclass

from dmlkit.schema.scales import SCALES, SPLITS

# Version of the pool and of the dataset folder. A folder of another version is never read as this one.
FORMAT = 1


@dataclass(frozen=True)
class SplitSpec:
    """A split of a config, and its files: ``<stem>-00000-of-00001.parquet`` and so on.

    Splits with the same stem are the same images, stored once. ``scales`` are the labels that no image lacks.
    """

    config: str
    split: str
    stem: str
    scales: tuple[str, ...] = SCALES

    @property
    def name(self) -> str:
        """The key of the split in build.json."""
        return self.split if self.config == "default" else f"{self.config}/{self.split}"

    @property
    def image_set(self) -> str:
        """The name of its images where every set of images has a folder: ``train``, ``test``, ``test_fine/query``."""
        return self.stem.removeprefix(default_stem(""))


def default_stem(name: str) -> str:
    """Return the file stem of a set of images of the config ``default``.

    >>> default_stem("train")
    'data/train'
    """
    return f"data/{name}"


TRAIN = SplitSpec("default", "train", default_stem("train"))

# Query and gallery apart; one set that is both; both for each scale; no test.
LAYOUTS = {
    "split": (TRAIN, *(SplitSpec("default", side, default_stem(side)) for side in SPLITS[1:])),
    "all-in-one": (TRAIN, *(SplitSpec("default", side, default_stem("test")) for side in SPLITS[1:])),
    "per-scale": (
        TRAIN,
        *(SplitSpec(f"test_{s}", side, f"test_{s}/{side}", (s,)) for s in SCALES for side in SPLITS[1:]),
    ),
    "train-only": (TRAIN,),
}
