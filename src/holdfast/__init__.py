"""Holdfast: one recorder for every camera; it never loses footage silently."""

__version__ = "0.1.0"
