"""The files of a dataset folder are named in one module, which everybody else asks.

What is known is counted for each room as it was when the house was built, and may only shrink.
"""

import ast
import re

from tests.support.source_code import core_modules, describe_new

OWNER = "dmlkit.dataset.folder"
# The stems of Parquet files, ``data/train`` and so on, belong to a layout.
LAYOUTS = "dmlkit.schema.layout"
# A text with a blank is a sentence for people, who may read these names.
OWN_FILES = re.compile(r"build\.json|SHA256SUMS|rejected\.parquet|ATTRIBUTION\.csv|figure\.jpg|(hierarchy|data)/\S*")

KNOWN_NAMES: dict[str, int] = {}


def test_files_of_a_dataset_are_named_once():
    named = [
        (module.room, f"{module.path}:{node.lineno} {node.value!r}")
        for module in core_modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and OWN_FILES.fullmatch(node.value)
        if module.name not in (OWNER, LAYOUTS)
    ]
    assert not (new := describe_new(named, KNOWN_NAMES)), new
