"""What this program stands on, looked at once at start: versions for the log, and what will be missing (C136).

Reads installed metadata and the system; imports none of the heavy libraries. Not here: finding out what is wrong with
a camera, a disk or a setting (library.doctor).
"""

import platform
import sqlite3
import sys
import zoneinfo
from importlib import metadata
from pathlib import Path

from holdfast.core.errors import MissingDependency
from holdfast.storage.memory import is_memory

REQUIRED = ("av", "numpy", "pydantic", "sqlalchemy", "alembic", "structlog", "typer", "rich")
SQLITE_LEAST = (3, 24, 0)  # the first with upserts, which the catalog's statements use


def versions() -> dict[str, str]:
    """Return the versions of what is needed, by name.

    Raises:
        MissingDependency: A library is not installed.
    """
    found = {"python": platform.python_version(), "kernel": platform.release(), "sqlite": sqlite3.sqlite_version}
    for name in REQUIRED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError as error:
            raise MissingDependency(
                f"the Python library {name} is not installed", hint=f"pip install {name}, or install holdfast anew"
            ) from error
    return found


def degraded(runtime_dir: Path) -> list[str]:
    """Return what will not work as well as it could here, each as a sentence with its consequence."""
    found = []
    if sys.platform != "linux":
        found.append("not Linux: recorders go on when the supervisor is killed, until they are stopped by hand")
    if sqlite3.sqlite_version_info < SQLITE_LEAST:
        found.append(f"SQLite {sqlite3.sqlite_version} is too old for the catalog: footage is recorded, not indexed")
    if not zoneinfo.available_timezones():
        found.append("no time zone data: install tzdata, or windows can only be given in UTC")
    if not is_memory(runtime_dir):
        found.append(f"{runtime_dir} is on a disk: status files are written to it each second; use a tmpfs")
    return found
