"""Drawings of products."""
