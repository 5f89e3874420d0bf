"""Writes the tables of the documentation that are data of dmlkit. `make docs` runs it; a test tells when one is old.

A table is between two lines of its page: `<!-- table NAME: made by docs/make_tables.py -->`, `<!-- end of table -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from dmlkit.dataset.checks.codes import codes_table
from dmlkit.schema.statuses import statuses_table

DOCS = Path(__file__).parent

# (page, name of the table) -> what renders it as Markdown.
TABLES: dict[tuple[str, str], Callable[[], str]] = {
    ("dataset-format.md", "statuses"): statuses_table,
    ("dataset-format.md", "codes"): codes_table,
}


def fill_tables(page: str, text: str) -> str:
    """Return the text of a page with its tables made anew. Raises `ValueError` if the page has no place for one."""
    for (name, table), render in TABLES.items():
        if name == page:
            start, end = f"<!-- table {table}: made by docs/make_tables.py -->\n\n", "\n\n<!-- end of table -->"
            blocks = re.findall(re.escape(start) + ".*?" + re.escape(end), text, re.DOTALL)
            if len(blocks) != 1:
                raise ValueError(f"{page} has {len(blocks)} places for the table {table}")
            text = text.replace(blocks[0], start + render() + end)
    return text


if __name__ == "__main__":
    for page in sorted({page for page, _ in TABLES}):
        path = DOCS / page
        path.write_text(fill_tables(page, path.read_text(encoding="utf-8")), encoding="utf-8")
