"""Image datasets whose images carry labels at three semantic scales: fine, middle, coarse.

The command line is ``dmlkit build animal``, then ``datasets.load_dataset("out/animal")``. The same from Python:

- `build(manifest, options, progress)` builds a dataset folder; `BuildOptions` are its options
- `load_manifest(name)` reads a manifest, and `Taxonomy` maps labels of a source to its fine classes
- `open_dataset(folder)` reads one: its facts, classes, rows, stored images and rejected candidates
- `validate(folder)` checks a dataset folder
- `evaluate(embeddings, labels)` measures how well embeddings find images of the same class

All of them raise `DmlkitError`, whose ``code`` names the kind of error. They are imported when they are asked for:
``import dmlkit`` itself is quick.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

try:
    __version__ = version("dmlkit")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

if TYPE_CHECKING:
    from dmlkit.dataset.folder import open_dataset
    from dmlkit.dataset.validate import validate
    from dmlkit.errors import DmlkitError
    from dmlkit.evaluation.api import evaluate
    from dmlkit.pipeline.build import build
    from dmlkit.pipeline.options import BuildOptions
    from dmlkit.taxonomy.manifest import load_manifest
    from dmlkit.taxonomy.resolve import Taxonomy

# Public name -> where it is: the module, and the name there.
_PUBLIC = {
    "BuildOptions": ("dmlkit.pipeline.options", "BuildOptions"),
    "DmlkitError": ("dmlkit.errors", "DmlkitError"),
    "Taxonomy": ("dmlkit.taxonomy.resolve", "Taxonomy"),
    "build": ("dmlkit.pipeline.build", "build"),
    "evaluate": ("dmlkit.evaluation.api", "evaluate"),
    "load_manifest": ("dmlkit.taxonomy.manifest", "load_manifest"),
    "open_dataset": ("dmlkit.dataset.folder", "open_dataset"),
    "validate": ("dmlkit.dataset.validate", "validate"),
}

__all__ = [
    "BuildOptions",
    "DmlkitError",
    "Taxonomy",
    "__version__",
    "build",
    "evaluate",
    "load_manifest",
    "open_dataset",
    "validate",
]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'dmlkit' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    value: object = getattr(import_module(module), attribute)
    globals()[name] = value  # the next time it is found without this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
