"""Commands of `dmlkit.cli` that stand in files of their own. They print, as it does."""
