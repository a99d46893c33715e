"""Catalogs for the tests of this folder, once on SQLite and once on a real PostgreSQL; and every engine on them."""

from support.catalog import catalog, catalog_url, postgres
from support.work_places import place

__all__ = ["catalog", "catalog_url", "place", "postgres"]
