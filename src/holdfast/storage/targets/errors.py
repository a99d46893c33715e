"""The system's errors about a target's files into ours.

Pure; any thread. Not here: errors of services, which the module of each kind translates.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.core.errors import TargetAway, TargetError, TargetFull, TargetRefused
from holdfast.storage.errors import FULL

_RIGHTS = frozenset({errno.EACCES, errno.EPERM})
_NAMES = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENOTDIR, errno.EISDIR, errno.EFBIG})


def translate(error: OSError, target: str, doing: str) -> TargetError:
    """Say in our words what went wrong. Raise it `from` the error."""
    message = f"{target}: {doing}: {error.strerror or error}"
    if error.errno in FULL:
        return TargetFull(message)
    if error.errno in _RIGHTS:
        return TargetRefused(message, hint="give the user that Holdfast runs as the right to write there")
    if error.errno == errno.EROFS:
        return TargetRefused(message, hint="it is mounted read-only: mount it writable, or look at its disk (dmesg)")
    if error.errno in _NAMES:
        return TargetRefused(message, hint="the file system there does not take this name or size")
    return TargetAway(message)


@contextmanager
def target_errors(target: str, doing: str) -> Iterator[None]:
    """Let no `OSError` out of the block.

    Raises:
        TargetError: What `translate` makes of it.
    """
    try:
        yield
    except OSError as error:
        raise translate(error, target, doing) from error
