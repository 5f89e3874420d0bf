"""Exact retrieval metrics, with NumPy alone, or with torch if a device is asked for.

`api` leads from arrays, or from a file and a dataset, to the result; `embeddings` and `labels` read and check the
inputs; `ranking` finds the ranks of the matches; `metrics` computes the metrics from these.
"""
