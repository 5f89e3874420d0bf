"""The forms in which a data set leaves dmlkit: one module each."""

FORMATS = {"dyml": "dmlkit.export.dyml"}
"""What `dmlkit export --format` offers. Each module has ``export(folder, out, ...)``."""
