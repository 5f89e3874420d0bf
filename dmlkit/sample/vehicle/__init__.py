"""Drawings of vehicles."""
