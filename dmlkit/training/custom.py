"""Losses and models of users, which settings name as ``module:attribute``."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any, TypeVar

from dmlkit.errors import RunError, UsageError
from dmlkit.text import printable, summarize

T = TypeVar("T")


def name_custom(thing: Any) -> str:
    """Return the ``module:attribute`` of a class or function, by which `load_custom` finds it again.

    Raises `UsageError` for a thing that another process could not import by that name.
    """
    name = f"{thing.__module__}:{thing.__qualname__}"
    if name.startswith("__main__:") or load_custom(name) is not thing:
        raise UsageError(
            f"{printable(name)} cannot be imported by evaluate and by a resumed run",
            code="training.custom-not-importable",
            hint="define it at the top level of a module file, and import it from there",
            name=name,
        )
    return name


def load_custom(name: str) -> Any:
    """Import what ``module:attribute`` names, from installed packages or the working directory. Raises `UsageError`."""
    module_name, _, attribute = name.partition(":")
    # A checkpoint names what is called here, so a foreign one must not reach os, shutil or subprocess.
    if not attribute or module_name.partition(".")[0] in {*sys.stdlib_module_names, ""}:
        raise UsageError(
            f"{printable(name)} does not name a loss or model of a module",
            code="training.custom-name",
            hint="write my_module:MyLoss",
            name=name,
        )
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # last: files there do not hide installed packages
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name not in (module_name, module_name.partition(".")[0]):
            raise custom_failed(name, exc) from exc
        raise UsageError(
            f"there is no module {printable(module_name)}",
            code="training.custom-no-module",
            hint="run from the folder of the file, or add it to PYTHONPATH",
            name=name,
        ) from exc
    except Exception as exc:  # whatever the user's code raises
        raise custom_failed(name, exc) from exc
    if attribute not in vars(module) or not callable(vars(module)[attribute]):
        near = difflib.get_close_matches(attribute, [n for n, value in vars(module).items() if callable(value)])
        raise UsageError(
            f"{printable(module_name)} has no class or function {printable(attribute)}",
            code="training.custom-no-attribute",
            hint=f"did you mean {near[0]}?" if near else f"it must be defined in {printable(module_name)}",
            name=name,
        )
    return vars(module)[attribute]


def call_custom(name: str, kind: type[T], *args: object) -> T:
    """Call what ``module:attribute`` names. Raises `UsageError` if the result is no ``kind``, `RunError`."""
    make = load_custom(name)
    try:
        result = make(*args)
    except Exception as exc:  # whatever the user's code raises
        raise custom_failed(name, exc) from exc
    if not isinstance(result, kind):
        raise UsageError(
            f"{printable(name)} must return a {kind.__name__}; it returned a {type(result).__name__}",
            code="training.custom-type",
            hint="name a class derived from torch.nn.Module, or a function that returns one",
            name=name,
            type=type(result).__name__,
        )
    return result


def custom_failed(name: str, exc: BaseException) -> RunError:
    """Make the error for code of the user that raised ``exc``."""
    frame = traceback.extract_tb(exc.__traceback__)[-1]
    return RunError(
        f"{printable(name)} raised {summarize(exc)}",
        code="training.custom-failed",
        hint=f"see {Path(frame.filename).name}, line {frame.lineno}",
        name=name,
        type=type(exc).__name__,
    )
