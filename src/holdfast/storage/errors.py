"""Operating system errors into ours: the one place where an `OSError` of local storage ends.

Not here: which gap follows (the error's `reason` says it) and whether to try again (its `transient` does).
Pure; any thread.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.core.errors import DiskError, DiskFull, StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""How the system says that room or quota ran out."""

_HINTS = {
    errno.EACCES: "give the user that Holdfast runs as the right to write there",
    errno.EPERM: "give the user that Holdfast runs as the right to write there",
    errno.EMFILE: "raise the limit of open files (LimitNOFILE=) for Holdfast",
    errno.ENFILE: "the whole system is out of open files; find what holds them (lsof)",
    errno.ENOENT: "something removed the folder while it was in use; is the disk still mounted?",
}


def translate(error: OSError, doing: str, path: Path) -> StorageError:
    """Say in our words what went wrong.

    Args:
        error: What the system said.
        doing: What was being done, as "writing" or "renaming".
        path: To what.

    Returns:
        `DiskFull` where room or quota ran out, else `DiskError` with the system's text. Raise it `from` the error.
    """
    message = f"{doing} {path}: {error.strerror or error}"
    if error.errno in FULL:
        return DiskFull(message)
    return DiskError(message, hint=_HINTS.get(error.errno or 0))


@contextmanager
def storage_errors(doing: str, path: Path) -> Iterator[None]:
    """Let no `OSError` out of the block.

    Raises:
        StorageError: What `translate` makes of it.
    """
    try:
        yield
    except OSError as error:
        raise translate(error, doing, path) from error
