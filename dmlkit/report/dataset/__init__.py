"""Pages of a dataset."""
