"""Sources: where samples come from. One contract (`contract`), one module a kind, `make_source` to choose."""
