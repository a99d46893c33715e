"""The way to one target, for all threads that send there: how much may go at once, how fast, in which hours.

A target that does not answer holds its lane, not its rows: one of them asks again after a wait that doubles, and all
others stay as they are. One that refuses several files in a row is asked more rarely, too: a key that has expired must
not let a hundred thousand rows fail, one after the other (F43).

In memory: whoever begins anew asks anew. Any thread. Not here: sending (deliver), rows.
"""

import threading
from collections.abc import Callable

from holdfast.core import schedule
from holdfast.core.clock import Clock
from holdfast.core.config.targets import AnyTarget
from holdfast.core.config.windows import windows_of
from holdfast.core.errors import HoldfastError, TargetAway, TargetError
from holdfast.core.plan import Capture
from holdfast.core.timing import MINUTE_US, SECOND_US
from holdfast.storage.targets.contract import Target

FIRST_US = 5 * SECOND_US  # C069
AWAY_CAP_US = MINUTE_US  # chosen: one question a minute disturbs nobody, and F24 wants a backlog gone in ten
REFUSED_CAP_US = 10 * MINUTE_US  # C069
REFUSALS = 3  # chosen: more files than one that are refused in a row speak against the key, not against the files
TELL_US = 10 * MINUTE_US  # F20: a target that is away for longer is told as an incident

_SLICE_S = 0.25  # chosen: whoever waits for bandwidth hears soon that it shall stop
_BURST_US = 100_000  # chosen: an idle line may catch up on a tenth of a second, far within the 10 % that are allowed


class Way:
    """What is known of the way to a target.

    Args:
        target: The target.
        config: Its table.
        zone: IANA name of the site's time zone, for its hours.
        clock: Time.
    """

    def __init__(self, target: Target, config: AnyTarget, zone: str, clock: Clock) -> None:
        self.target = target
        self.config = config
        self._clock = clock
        self._hours = Capture(mode="window", windows=windows_of(config.hours), zone=zone) if config.hours else None
        self._lock = threading.Lock()
        self._sent_us = 0
        self._wait_us = 0
        self._ask_us = 0
        self._refused = 0
        self._told = False
        self._known: tuple[int, int, bool] = (0, 0, True)
        self.away_us: int | None = None
        """Since when it does not take anything, wall time; None while it does."""
        self.complained = True
        """Whether there may be an open incident about it; whoever worked here before may have left one."""

    @property
    def name(self) -> str:
        """Name of the target."""
        return self.target.name

    def room(self) -> int:
        """Say how many files may be on their way at once now."""
        if not self.open():
            return 0
        with self._lock:
            if not self._wait_us:
                return self.config.parallel
            return 1 if self._clock.boot_us() >= self._ask_us else 0

    @property
    def holds(self) -> bool:
        """Whether it did not take anything last: one file asks again after a wait."""
        with self._lock:
            return bool(self._wait_us)

    @property
    def takes(self) -> bool:
        """Whether nothing speaks against it: these are its hours, and nothing was refused or failed last."""
        with self._lock:
            well = not self._wait_us and not self._refused
        return well and self.open()

    def open(self) -> bool:
        """Say whether these are the hours in which to send."""
        if self._hours is None:
            return True
        now_us = self._clock.wall_us()
        from_us, until_us, answer = self._known
        if not from_us <= now_us < until_us:
            answer = schedule.wanted(self._hours, now_us)
            change_us = schedule.next_change_us(self._hours, now_us) or now_us + MINUTE_US
            self._known = (now_us, min(change_us, now_us + MINUTE_US), answer)
        return answer

    def opens_us(self) -> int:
        """Return when it is open again, wall time; now where it is open."""
        now_us = self._clock.wall_us()
        if self._hours is None or self.open():
            return now_us
        return schedule.next_change_us(self._hours, now_us) or now_us + MINUTE_US

    def pace(self, count: int, stop: Callable[[], bool]) -> None:
        """Wait until so many bytes may go; less long where `stop` says so."""
        if not self.config.bandwidth:
            return
        with self._lock:
            now_us = self._clock.boot_us()
            self._sent_us = max(self._sent_us, now_us - _BURST_US) + count * SECOND_US // self.config.bandwidth
            until_us = self._sent_us
        while (left_us := until_us - self._clock.boot_us()) > 0 and not stop():
            self._clock.sleep(min(_SLICE_S, left_us / SECOND_US))

    def well(self) -> None:
        """Take note that it took something."""
        with self._lock:
            self._wait_us = self._refused = 0
            self.away_us, self._told = None, False

    def failed(self, error: HoldfastError) -> None:
        """Take note that it did not; what is wrong with one file alone changes nothing here."""
        if not isinstance(error, TargetError):
            return
        with self._lock:
            if error.transient and error.code in {"target-away", "target-full"}:
                self._hold(AWAY_CAP_US)
            elif error.code == "target-refused":
                self._refused += 1
                if self._refused >= REFUSALS:
                    self._hold(REFUSED_CAP_US)

    def worth_telling(self) -> bool:
        """Say, once, that it has been away for so long that somebody must hear of it."""
        with self._lock:
            if self._told or self.away_us is None or self._clock.wall_us() - self.away_us < TELL_US:
                return False
            self._told = True
            return True

    def stopped(self) -> TargetAway:
        """Return what is said of a transfer that its hours ended."""
        return TargetAway(f"{self.name}: its hours are over", hint="what is waiting goes on in its next hours")

    def _hold(self, cap_us: int) -> None:
        self._wait_us = min(cap_us, 2 * self._wait_us) if self._wait_us else FIRST_US
        self._ask_us = self._clock.boot_us() + self._wait_us
        if self.away_us is None:
            self.away_us = self._clock.wall_us()
