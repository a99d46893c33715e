"""How a receiver or a target is asked again that does not take anything.

It holds its lane, not its rows: one of them asks again after a wait that doubles, and all others stay as they are. One
that lets us not in, or refuses several in a row, is asked more rarely, too: a key that has expired must not let a
hundred thousand rows fail, one after the other (F43).

In memory: whoever begins anew asks anew. Any thread. Not here: hours and bandwidth of a target (way), sending, rows.
"""

import random
import threading
from dataclasses import dataclass

from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError, TargetAway, TargetBarred, TargetFull, TargetRefused
from holdfast.core.timing import MINUTE_US, SECOND_US
from holdfast.storage.webhook import HoldOff

FIRST_US = 5 * SECOND_US  # C069
AWAY_CAP_US = MINUTE_US  # chosen: one question a minute disturbs nobody, and F24 wants a backlog gone in ten
REFUSED_CAP_US = 10 * MINUTE_US  # C069
JITTER = 0.25  # chosen: waits are shorter by up to this share, so that what is away is not asked by all in one instant
REFUSALS = 3  # chosen: more files than one that are refused in a row speak against the key, not against the files
TELL_US = 10 * MINUTE_US  # F20: what is away for longer is told as an incident


@dataclass(frozen=True, slots=True)
class Held:
    """That nothing is taken: since when, microseconds since the epoch, UTC, why, and what to do; empty for nothing."""

    since_us: int
    why: str
    hint: str = ""


class Hold:
    """What is known of whoever takes rows of a lane.

    Args:
        parallel: Rows that may be on their way at once while it is well.
        clock: Time.
    """

    def __init__(self, parallel: int, clock: Clock) -> None:
        self._parallel = parallel
        self._clock = clock
        self._lock = threading.Lock()
        self._wait_us = 0
        self._ask_us = 0
        self._refused = 0
        self._told = self._barred = False
        self._away_us: int | None = None
        self._why = self._hint = ""
        self.complained = True
        """Whether there may be an open incident about it; whoever worked here before may have left one."""

    def room(self) -> int:
        """Say how many rows may be on their way at once now."""
        with self._lock:
            if not self._wait_us:
                return self._parallel
            return 1 if self._clock.boot_us() >= self._ask_us else 0

    @property
    def holds(self) -> bool:
        """Whether it did not take anything last: one row asks again after a wait."""
        with self._lock:
            return bool(self._wait_us)

    @property
    def fine(self) -> bool:
        """Whether nothing was refused or failed last."""
        with self._lock:
            return not self._wait_us and not self._refused

    @property
    def held(self) -> Held | None:
        """Since when and why it has taken nothing; None where it does."""
        with self._lock:
            return None if self._away_us is None else Held(self._away_us, self._why, self._hint)

    def well(self) -> None:
        """Take note that it took something."""
        with self._lock:
            self._wait_us = self._refused = 0
            self._away_us, self._told, self._barred = None, False, False

    def failed(self, error: HoldfastError) -> None:
        """Take note that it did not; what is wrong with one file alone changes nothing here."""
        with self._lock:
            self._why, self._hint = str(error), error.hint
            self._barred = isinstance(error, TargetBarred)
            if self._barred:
                self._hold(REFUSED_CAP_US, 0)
            elif isinstance(error, TargetAway | TargetFull):
                self._hold(AWAY_CAP_US, round(error.wait_s * SECOND_US) if isinstance(error, HoldOff) else 0)
            elif isinstance(error, TargetRefused):
                self._refused += 1
                if self._refused >= REFUSALS:
                    self._hold(REFUSED_CAP_US, 0)

    def worth_telling(self) -> bool:
        """Say, once, that somebody must hear of it: nothing was taken for so long, or no waiting alone helps."""
        with self._lock:
            if self._told or self._away_us is None:
                return False
            if not self._barred and self._clock.wall_us() - self._away_us < TELL_US:
                return False
            self._told = True
            return True

    def _hold(self, cap_us: int, least_us: int) -> None:
        doubled_us = min(cap_us, 2 * self._wait_us) if self._wait_us else FIRST_US
        self._wait_us = max(least_us, doubled_us)
        waited_us = round(doubled_us * (1 - JITTER * random.random()))  # noqa: S311 - jitter, no secret
        self._ask_us = self._clock.boot_us() + max(least_us, waited_us)
        if self._away_us is None:
            self._away_us = self._clock.wall_us()
