"""How long to wait before the next attempt at a camera. Pure; the caller waits.

Rights, session limits and bad answers are asked again ever more rarely, because asking costs (cameras lock accounts,
and each try may occupy one of their few sessions). A lost or silent camera is tried at once; one that cannot be reached
is probed by its port instead (`probe_s`), which costs it nothing.
"""

from collections.abc import Callable

from holdfast.core.errors import AuthFailed, Refused, SourceError, Unsupported

AT_ONCE_FLOOR_S = 1.0  # chosen: a camera that accepts and hangs up at once is asked once a second, not in a loop
FLOWED_S = 2.0  # chosen: footage this long says that the camera works, not only that it opens its door
JITTER = 0.2  # chosen: ±20 %, so that ten cameras behind one switch do not come back in one instant

_COSTLY = (AuthFailed, Refused, Unsupported)


class Backoff:
    """Counts failures in a row of one stream."""

    def __init__(self, first_s: float, cap_s: float, healthy_s: float, random: Callable[[], float]) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._healthy_s = healthy_s
        self._random = random
        self._costly = 0
        self._quick = 0

    def recorded(self, seconds: float) -> None:
        """Note how long the attempt that has just ended had recorded; a healthy while forgives all failures."""
        if seconds >= self._healthy_s:
            self._costly = 0
        if seconds >= FLOWED_S:
            self._quick = 0

    def after(self, error: SourceError) -> float:
        """Return the seconds to wait after this failure."""
        if isinstance(error, _COSTLY):
            self._costly += 1
            if self._costly == 1:
                return 0.0
            # 2**30 s is decades: the exponent is bounded so that years of failures do not overflow a float.
            wait_s = min(self._cap_s, self._first_s * 2.0 ** min(self._costly - 2, 30))
            return wait_s * (1 + JITTER * (2 * self._random() - 1))
        self._quick += 1
        return 0.0 if self._quick == 1 else AT_ONCE_FLOOR_S
