"""The migrations of the catalog's schema, oldest first; package data that Alembic reads by path."""
