"""The catalog: schema, opening, migrations, and the statements of each noun in a module of its own.

Nothing outside this folder speaks SQL, and no database error leaves it: callers see `CatalogUnavailable` (it did not
answer, is locked, or is damaged: try again) or `CatalogError` (it refused). Any thread may use a `Catalog`; a
`Transaction` belongs to the thread that opened it.
"""
