"""How long a stream has been without footage, and since when: the camera may be away, the volume, or both at once.

The stream's thread says how the camera is, the writer's how the volume is; anybody asks. Not here: why (condition).
"""

import threading
from enum import Enum

from holdfast.core.clock import Clock
from holdfast.core.timing import SECOND_US


class _Kind(Enum):
    THERE = "there"
    LOST = "lost"
    PLANNED = "planned"


class Absence:
    """Begins with the camera away: nothing has been recorded yet. Any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._camera = _Kind.LOST
        self._volume_away = False
        self._kind = _Kind.LOST
        self._lost_us = 0
        self._since_us = clock.wall_us()
        self._since_boot_us = clock.boot_us()

    def camera(self, *, away: bool, planned: bool) -> None:
        """Note whether pictures come; `planned` where none are wanted."""
        with self._lock:
            self._camera = _Kind.THERE if not away else _Kind.PLANNED if planned else _Kind.LOST
            self._turn()

    def volume(self, *, away: bool) -> None:
        """Note whether what comes can be written."""
        with self._lock:
            self._volume_away = away
            self._turn()

    @property
    def since_us(self) -> int:
        """Wall time since when there has been footage, or none, or none was wanted."""
        with self._lock:
            return self._since_us

    @property
    def lost_s(self) -> float:
        """Seconds without footage so far, those left out in which none was wanted."""
        with self._lock:
            running_us = self._clock.boot_us() - self._since_boot_us if self._kind is _Kind.LOST else 0
            return (self._lost_us + running_us) / SECOND_US

    def _turn(self) -> None:
        kind = _Kind.LOST if self._camera is _Kind.THERE and self._volume_away else self._camera
        if kind is self._kind:
            return
        now_us = self._clock.boot_us()
        if self._kind is _Kind.LOST:
            self._lost_us += now_us - self._since_boot_us
        self._kind, self._since_us, self._since_boot_us = kind, self._clock.wall_us(), now_us
