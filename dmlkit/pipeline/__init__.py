"""From a source to a dataset folder."""
