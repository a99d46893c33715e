"""How a receiver is asked again that does not take anything: one row at a time, after waits that double.

In memory: whoever begins anew asks anew. Any thread. Not here: the way to a target, which has hours and a bandwidth too
(way), sending.
"""

import threading

from holdfast.core.clock import Clock
from holdfast.core.errors import TargetAway, TargetError, TargetRefused
from holdfast.core.timing import SECOND_US
from holdfast.storage.webhook import HoldOff
from holdfast.work.way import AWAY_CAP_US, FIRST_US, REFUSALS, REFUSED_CAP_US, TELL_US


class Hold:
    """What is known of a receiver.

    Args:
        parallel: Rows that it may be told of at once while it is well.
        clock: Time.
    """

    def __init__(self, parallel: int, clock: Clock) -> None:
        self._parallel = parallel
        self._clock = clock
        self._lock = threading.Lock()
        self._wait_us = 0
        self._ask_us = 0
        self._refused = 0
        self._told = False
        self._away_us: int | None = None
        self.complained = True
        """Whether there may be an open incident about it; whoever worked here before may have left one."""

    def room(self) -> int:
        """Say how many rows it may be told of at once now."""
        with self._lock:
            if not self._wait_us:
                return self._parallel
            return 1 if self._clock.boot_us() >= self._ask_us else 0

    def well(self) -> None:
        """Take note that it took something."""
        with self._lock:
            self._wait_us = self._refused = 0
            self._away_us, self._told = None, False

    def failed(self, error: TargetError) -> None:
        """Take note that it did not. One that refuses several in a row is asked more rarely, too (F43)."""
        with self._lock:
            if isinstance(error, TargetAway):
                self._hold(AWAY_CAP_US, round(error.wait_s * SECOND_US) if isinstance(error, HoldOff) else 0)
            elif isinstance(error, TargetRefused):
                self._refused += 1
                if self._refused >= REFUSALS:
                    self._hold(REFUSED_CAP_US, 0)

    def worth_telling(self) -> bool:
        """Say, once, that it has taken nothing for so long that somebody must hear of it."""
        with self._lock:
            if self._told or self._away_us is None or self._clock.wall_us() - self._away_us < TELL_US:
                return False
            self._told = True
            return True

    def _hold(self, cap_us: int, least_us: int) -> None:
        doubled_us = min(cap_us, 2 * self._wait_us) if self._wait_us else FIRST_US
        self._wait_us = max(least_us, doubled_us)
        self._ask_us = self._clock.boot_us() + self._wait_us
        if self._away_us is None:
            self._away_us = self._clock.wall_us()
