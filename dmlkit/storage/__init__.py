"""Bytes: locations, output folders, archives, downloads, crawls, the Hub's client, processes, image files."""
