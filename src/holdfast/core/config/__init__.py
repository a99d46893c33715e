"""The configuration: one TOML file, read, checked and merged with its defaults."""
