"""Bytes: paths, archives, HTTP, processes, image files."""
