"""What runs beside all tests of a worker, such as a camera that many pages look at: its files are no test's leak."""

from pathlib import Path

FOLDERS: list[Path] = []
"""Where it writes; it opens one file after another, whichever test runs meanwhile."""


def lasts(path: str) -> bool:
    """Say whether a path belongs to it."""
    return any(path.startswith(f"{folder}/") for folder in FOLDERS)
