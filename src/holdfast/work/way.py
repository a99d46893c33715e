"""The way to one target, for all threads that send there: how much may go at once, how fast, in which hours.

In memory: whoever begins anew asks anew. Any thread. Not here: how it is asked again that takes nothing (hold), sending
(deliver), rows.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from holdfast.core import schedule
from holdfast.core.clock import Clock
from holdfast.core.config.targets import AnyTarget
from holdfast.core.config.windows import windows_of
from holdfast.core.errors import (
    ContentDiffers,
    HoldfastError,
    NameTaken,
    TargetAway,
    TargetBarred,
    TargetFull,
    TargetRefused,
)
from holdfast.core.plan import Capture
from holdfast.core.timing import MINUTE_US, SECOND_US
from holdfast.storage.targets.contract import Target
from holdfast.work.hold import Hold

_SLICE_S = 0.25  # chosen: whoever waits for bandwidth hears soon that it shall stop
_BURST_US = 100_000  # chosen: an idle line may catch up on a tenth of a second, far within the 10 % that are allowed
_CAUSES = (TargetAway, TargetFull, TargetBarred, TargetRefused, ContentDiffers, NameTaken)


class Way(Hold):
    """What is known of the way to a target.

    Args:
        target: The target.
        config: Its table.
        zone: IANA name of the site's time zone, for its hours.
        clock: Time.
    """

    def __init__(self, target: Target, config: AnyTarget, zone: str, clock: Clock) -> None:
        super().__init__(config.parallel, clock)
        self.target = target
        self.config = config
        self._hours = Capture(mode="window", windows=windows_of(config.hours), zone=zone) if config.hours else None
        self._sent_us = 0
        self._sent_files = self._sent_bytes = 0
        self._failures = Counter({error.code: 0 for error in _CAUSES})
        self._known: tuple[int, int, bool] = (0, 0, True)

    @property
    def name(self) -> str:
        """Name of the target."""
        return self.target.name

    @property
    def counts(self) -> dict[str, Any]:
        """What arrived and failed since this was made: files, bytes, and attempts that failed by their error's code."""
        with self._lock:
            return {"files": self._sent_files, "bytes": self._sent_bytes, "failures": dict(self._failures)}

    def arrived(self, size: int) -> None:
        """Take note that it took a file of so many bytes."""
        self.well()
        with self._lock:
            self._sent_files += 1
            self._sent_bytes += size

    def failed(self, error: HoldfastError) -> None:
        """Take note that a file did not arrive, and hold what the error speaks of."""
        super().failed(error)
        with self._lock:
            self._failures[error.code] += 1

    def room(self) -> int:
        """Say how many files may be on their way at once now."""
        return super().room() if self.open() else 0

    @property
    def takes(self) -> bool:
        """Whether nothing speaks against it: these are its hours, and nothing was refused or failed last."""
        return self.fine and self.open()

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

    def stopped(self) -> TargetAway:
        """Return what is said of a transfer that its hours ended."""
        return TargetAway(f"{self.name}: its hours are over", hint="what is waiting goes on in its next hours")
