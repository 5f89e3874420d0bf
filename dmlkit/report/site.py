"""The shell of a report: writes its pages from templates, with the style and the scripts that they share.

All texts are escaped by the templates. A page loads files of its own folder only, which its Content-Security-Policy
enforces. The chart library, 4.8 MB, is loaded by pages with charts and copied only if there is one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dmlkit import __version__
from dmlkit.errors import OutputError, UsageError
from dmlkit.schema.scales import SCALES
from dmlkit.storage.locations import folder_at
from dmlkit.storage.replace import ReplacedFolder, check_replaceable
from dmlkit.text import byte_size, plural

# Marks a folder as a report of dmlkit, which the next one may replace.
MARK = "report.json"

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class ReportSummary:
    """A finished report: its folder, the number of pages and of small images, and the bytes of all files."""

    out: Path
    pages: int
    images: int
    bytes: int


def replace_report(out: Path, dataset: Path, *runs: Path) -> ReplacedFolder:
    """Open the folder of a report for writing: it appears whole, in the place of an earlier report.

    ``dataset`` and ``runs`` are what is read. Raises `OutputError` if ``out`` holds something else or one of these,
    `UsageError` if it is inside the dataset folder.
    """
    check_replaceable(folder_at(out), MARK, check_mark, "a report")
    place = out.resolve()
    if place.is_relative_to(dataset.resolve()):
        raise UsageError(
            f"{out} is inside the dataset folder, which must stay as it is",
            code="report.inside-dataset",
            hint="choose another --out",
            path=out,
        )
    if held := [folder for folder in (dataset, *runs) if folder.resolve().is_relative_to(place)]:
        raise OutputError(
            f"{out} contains {held[0]}; left as it is",
            code="report.contains-input",
            hint="choose another folder with --out",
            path=out,
            input=held[0],
        )
    return ReplacedFolder(out)


def check_mark(mark: Any) -> str:
    """Accept the mark of a report. Raises `ValueError` for another: other programs write a file of that name too."""
    if not isinstance(mark, dict) or not {"dmlkit", "report"} <= mark.keys():
        raise ValueError("not the mark of a report")
    return ""


class Pages:
    """The pages of a report, written into ``folder``.

    ``title`` names the whole report and stands on each page; ``nav`` are the titles and files of the pages that all
    others lead to, the first of them the start. ``search`` is the file with the classes that can be searched for, as
    `page.js` reads it.
    """

    def __init__(self, folder: Path, title: str, nav: Sequence[tuple[str, str]], search: str = "") -> None:
        self.folder = folder
        self._title, self._nav, self._search = title, nav, search
        self._charts = False
        self._templates = Environment(
            loader=PackageLoader("dmlkit.report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "number": format_number,
            "size": byte_size,
            "sentence": capitalize_first,
            "many": plural,
        }
        self._templates.globals |= {"SCALES": SCALES, "version": __version__}
        self._templates.policies["json.dumps_kwargs"] = {
            "ensure_ascii": False,
            "allow_nan": False,  # NaN is no JSON: the browser would refuse the chart
            "separators": (",", ":"),
        }

    def write(
        self, name: str, template: str, title: str, *, charts: bool = False, within: str = "", **values: Any
    ) -> None:
        """Write the page ``name``, a path below the folder, from a template that extends ``base.html``.

        ``within`` is the page of ``nav`` that it belongs to.
        """
        self._charts |= charts
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self._templates.get_template(template).render(
            values,
            report=self._title,
            title=title,
            nav=self._nav,
            here=name,
            within=within,
            up="../" * name.count("/"),
            search=self._search,
            charts=charts,
        )
        path.write_text(text, encoding="utf-8", errors="replace", newline="\n")  # JSON can hold half a character

    def finish(self, kind: str) -> None:
        """Add the files that the pages share, and the mark: ``kind`` is ``dataset`` or ``run``."""
        others = shutil.ignore_patterns("run*") if kind == "dataset" else None
        shutil.copytree(STATIC, self.folder / "static", ignore=others)
        if self._charts:
            from plotly.offline import get_plotlyjs

            (self.folder / "static" / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8", newline="\n")
        (self.folder / MARK).write_text(json.dumps({"dmlkit": __version__, "report": kind}) + "\n", encoding="utf-8")

    def script(self, name: str, function: str, values: Any) -> None:
        """Write a script that calls a function with ``values``: from disk, a page can load no other data."""
        text = f"{function}({json.dumps(values, ensure_ascii=False, separators=(',', ':'))});\n"
        (self.folder / name).write_text(text, encoding="utf-8", errors="replace", newline="\n")

    def summarize(self, out: Path, images: int) -> ReportSummary:
        """Count what is in the finished folder, whose final path is ``out``."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        pages = sum(path.suffix == ".html" for path in files)
        return ReportSummary(out, pages, images, sum(path.stat().st_size for path in files))


def format_number(value: float) -> str:
    """Write a number with thousands separators: 1234567 → 1,234,567."""
    return f"{value:,}"


def capitalize_first(text: str) -> str:
    """Put the first letter of a text in upper case and leave the rest."""
    return text[:1].upper() + text[1:]
