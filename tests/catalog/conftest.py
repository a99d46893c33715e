"""Catalogs for the tests of this folder, once on SQLite and once on a real PostgreSQL."""

from support.catalog import catalog, catalog_url, empty_url, postgres

__all__ = ["catalog", "catalog_url", "empty_url", "postgres"]
