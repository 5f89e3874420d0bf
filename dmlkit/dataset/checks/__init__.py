"""The checks of a dataset folder. Each is a function that yields findings; `dmlkit.dataset.validate` runs them."""
