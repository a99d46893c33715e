"""Deadlines and interruption for calls into libav: one under `Patience` ends when its time is up or when told to.

libav asks about ten times a second, and before each wait, whether to go on; PyAV answers by comparing Python's
monotonic clock with the call's time-out. That clock is the one place where another thread can end a call in flight, so
here it is put behind a clock that leaps ahead, for one thread, when patience has run out. Should a later PyAV ask
another clock, its own time-outs still hold, and a test says so.

Any thread.
"""

import time
from threading import get_ident
from types import TracebackType
from typing import Any, Self

import av.container.core

_LEAP_S = 1e9  # beyond any time-out; added again at each question, so that a call that starts after it ends at once too

_inside: dict[int, "Patience"] = {}


class Patience:
    """What one connection waits for. Enter it around each call into libav, on the thread that makes the call.

    Attributes:
        deadline_s: Monotonic time at which calls end, or None while PyAV's own time-out is enough.
        told: Set by `interrupt`.
        spent: Whether a call was ended by the deadline.
    """

    def __init__(self) -> None:
        self.deadline_s: float | None = None
        self.told = False
        self.spent = False
        self._leapt_s = 0.0

    def allow(self, seconds: float) -> None:
        """Set the deadline so many seconds from now."""
        self.deadline_s = time.monotonic() + seconds

    def interrupt(self) -> None:
        """End the present call, and all later ones, within a tenth of a second. From any thread."""
        self.told = True

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline_s is not None and time.monotonic() > self.deadline_s

    def __enter__(self) -> Self:
        _inside[get_ident()] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _inside.pop(get_ident(), None)

    def now(self) -> float:
        """Answer libav's question."""
        now = time.monotonic()
        late = self.deadline_s is not None and now > self.deadline_s
        if late or self.told:
            self.spent = self.spent or late
            self._leapt_s += _LEAP_S
        return now + self._leapt_s


class _Clock:
    """Stands where PyAV looks for the module `time`."""

    @staticmethod
    def monotonic() -> float:
        patience = _inside.get(get_ident())
        return time.monotonic() if patience is None else patience.now()


_core: Any = av.container.core
_core.time = _Clock
