"""For commands that still show progress by themselves."""

from dmlkit.cli.progress import ProgressReporter as Steps
from dmlkit.text import text_table as table

__all__ = ["Steps", "table"]
