"""A daemon of rsync, asked whether it is there: it greets whoever connects.

Any thread. Not here: transfers, and who may sign in (rsync).
"""

import socket
from urllib.parse import urlsplit

from holdfast.core.errors import TargetAway

_PORT = 873  # rsync's own
_LONGEST_S = 5.0  # chosen: a greeting is the first thing that a daemon does
_GREETING = b"@RSYNCD:"


def greet(target: str, address: str, quiet_s: float) -> None:
    """Make sure that a daemon greets.

    Args:
        target: Name of the target, for the error.
        address: As `rsync://host/module/folder`.
        quiet_s: Seconds that it may take, where that is less than ours.

    Raises:
        TargetAway: It does not.
    """
    at, within_s = urlsplit(address), min(quiet_s, _LONGEST_S)
    said = b""
    try:
        with socket.create_connection((at.hostname or "", at.port or _PORT), within_s) as asking:
            while len(said) < len(_GREETING) and (data := asking.recv(len(_GREETING) - len(said))):
                said += data
    except OSError as error:
        raise TargetAway(f"{target}: the daemon says nothing more, and {error}") from error
    if said != _GREETING:
        raise TargetAway(f"{target}: the daemon says nothing more, and what answers there is none")
