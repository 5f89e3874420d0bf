"""The dataset folder: read, write, check."""
