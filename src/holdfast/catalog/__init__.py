"""The catalog: rows about footage and everything else, on SQLite or PostgreSQL. Only this folder speaks SQL."""
