"""The forms in which a dataset leaves dmlkit: one module each."""

FORMATS = {
    "dyml": "dmlkit.formats.dyml.export",
    "webdataset": "dmlkit.formats.webdataset",
    "imagefolder": "dmlkit.formats.imagefolder",
    "oml": "dmlkit.formats.oml",
}
"""What `dmlkit export --format` offers. Each module has ``export(folder, out, ...)``."""
OPTIONS = {"dyml": ("all_in_one", "faithful"), "webdataset": ("shard_size",)}
"""The options that only one of them has."""
