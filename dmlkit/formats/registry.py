"""The layouts that a dataset can be exported to, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from dmlkit.errors import UsageError
from dmlkit.formats.base import ExportResult


@dataclass(frozen=True)
class ExportFormat:
    """A layout: the module and function that write it, and the options that only this layout has."""

    module: str
    function: str
    options: tuple[str, ...] = ()


EXPORT_FORMATS = {
    "dyml": ExportFormat("dmlkit.formats.dyml.export", "export_dyml", ("all_in_one", "faithful")),
    "webdataset": ExportFormat("dmlkit.formats.webdataset", "export_webdataset", ("shard_size",)),
    "imagefolder": ExportFormat("dmlkit.formats.imagefolder", "export_imagefolder"),
    "oml": ExportFormat("dmlkit.formats.oml", "export_oml"),
}


def load_export(name: str) -> Callable[..., ExportResult]:
    """Import the function that writes a layout: ``export(folder, out, *, progress, **options)``.

    Raises `UsageError` for an unknown name.
    """
    if name not in EXPORT_FORMATS:
        raise UsageError(
            f"unknown layout {name!r}",
            code="formats.unknown-format",
            hint=f"choose one of: {', '.join(EXPORT_FORMATS)}",
            name=name,
        )
    export: Callable[..., ExportResult] = getattr(
        import_module(EXPORT_FORMATS[name].module), EXPORT_FORMATS[name].function
    )
    return export


def owner_of_option(option: str) -> str:
    """Return the layout that has an option of its own."""
    return next(name for name, layout in EXPORT_FORMATS.items() if option in layout.options)
