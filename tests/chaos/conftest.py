"""A real PostgreSQL for the drills of this folder."""

from support.catalog import postgres

__all__ = ["postgres"]
