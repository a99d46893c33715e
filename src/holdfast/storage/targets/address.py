"""Addresses that people and other systems see. Pure."""

from urllib.parse import quote


def public_address(template: str, target: str, key: str) -> str:
    """Fill a template such as `https://cdn.example.org/{key}`; empty gives nothing."""
    return template.replace("{target}", quote(target)).replace("{key}", quote(key, safe="/")) if template else ""
