"""Exact retrieval metrics, on NumPy or torch."""
