"""Publish a dataset folder and rebuild one from what was published."""
