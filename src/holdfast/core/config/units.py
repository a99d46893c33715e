"""Sizes as people write them: `256MB`, `1.5GiB`, `4096`. Pure."""

import re

_UNITS = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def parse_bytes(value: object) -> int:
    """Read a size in bytes. `MB` is a million, `MiB` (and `M`, as `dd` and `truncate` have it) is 1,048,576.

    Raises:
        ValueError: It is no size; the second argument is a hint.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2].upper() not in _UNITS:
        raise ValueError(f"{value!r} is not a size", 'write "256MB", "1.5GiB" or a number of bytes')
    return round(float(match[1]) * _UNITS[match[2].upper()])


def format_bytes(count: int) -> str:
    """Write a size so that `parse_bytes` gives the same number again: `256MB`, `16MiB`, `1234`."""
    for unit in ("TB", "GB", "MB", "TiB", "GiB", "MiB", "KiB", "KB"):
        step = _UNITS[unit.upper()]
        if count and count % step == 0:
            return f"{count // step}{unit}"
    return str(count)
