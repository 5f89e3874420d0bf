"""Image datasets whose images carry labels at three semantic scales: fine, middle, coarse.

The command line is the way in: ``dmlkit build animal``, then ``datasets.load_dataset("out/animal")``.
From Python: `dmlkit.pipeline.build.build`, `dmlkit.dataset.validate.validate`,
`dmlkit.taxonomy.manifest.load_manifest`,
`dmlkit.taxonomy.resolve.Taxonomy`.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("dmlkit")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"
