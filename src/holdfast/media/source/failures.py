"""libav's errors into ours: the one place where it is decided what a failed connection means.

The status code of an RTSP answer is only in libav's log, never in its error, so the log is captured while a connection
opens. libav's own texts hold the address with the password in it: what leaves here is written anew, and the original
error is let go instead of being chained (F61). Any thread.
"""

import logging
import re
from typing import Any

import av
import av.error
import av.logging

from holdfast.core.errors import Refused, SourceEnded, SourceError, Stalled, Unreachable
from holdfast.media.source.address import ENDED, UNREACHABLE, Address, answered, words_of

_STATUS = re.compile(r"(?:method \w+ failed|reply): (\d{3})\s*\(?([^)\n]*)\)?")


def listen_to_libav() -> None:
    """Have libav's errors captured while connections open, and nothing of them printed or logged otherwise."""
    if av.logging.get_level() is None:
        av.logging.set_level(av.logging.ERROR)
        # Two cameras that fail alike must both be heard.
        av.logging.set_skip_repeated(False)
        logger = logging.getLogger("libav")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


def opening_failed(error: Exception, logs: list[Any], address: Address) -> SourceError:
    """Say what an error of libav means while a connection opens, most specific first."""
    place = f"{address.name}: {address.host}:{address.port}"
    answer = _answer(logs, str(error))
    if answer is not None:
        return answered(place, *answer)
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return answered(place, 401, "Unauthorized")
    code = getattr(error, "errno", None)
    if "resolve hostname" in _last(logs):
        return Unreachable(f"{address.name}: the name {address.host} cannot be resolved", hint="check the host name")
    if code in UNREACHABLE or (code in ENDED and not _connected(logs)):
        return Unreachable(f"{place} cannot be reached: {words_of(code)}")
    if code in ENDED or isinstance(error, EOFError):
        return Refused(f"{place} closed the connection while it was being opened")
    detail = address.scrub(_last(logs) or getattr(error, "strerror", None) or type(error).__name__)
    return Refused(f"{place} gave a bad answer: {detail}", hint="this may not be an RTSP camera, or its path is wrong")


def reading_failed(error: Exception, address: Address, stall_s: float) -> SourceError:
    """Say what an error of libav means in mid-flow."""
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return Stalled(f"{address.name}: nothing arrived for {round(stall_s, 1):g} s")
    code = getattr(error, "errno", None)
    if code in ENDED or isinstance(error, EOFError):
        return SourceEnded(f"{address.name}: {address.host}:{address.port} closed the connection ({words_of(code)})")
    detail = address.scrub(getattr(error, "strerror", None) or type(error).__name__)
    return SourceEnded(f"{address.name}: the stream broke off: {detail}")


def _answer(logs: list[Any], text: str) -> tuple[int, str] | None:
    for line in [*(entry[2] for entry in reversed(logs)), text]:
        found = _STATUS.search(line)
        if found:
            return int(found[1]), found[2].strip()
    return None


def _connected(logs: list[Any]) -> bool:
    return not any("Connection to" in entry[2] for entry in logs)


def _last(logs: list[Any]) -> str:
    return str(logs[-1][2]).strip() if logs else ""
