"""What a stream is doing, kept by its thread and read by the status writer: state, reason, counters.

One writer (the stream's thread), many readers; every field is replaced whole, so a reader sees old or new, never half.
"""

from collections import deque

from holdfast.core.clock import Clock
from holdfast.core.gap import PLANNED, GapReason
from holdfast.core.status import StreamState
from holdfast.core.timing import SECOND_US
from holdfast.recording.absence import Absence

METER_US = 5 * SECOND_US  # specified: rates are over the last 5 s


class Condition:
    """State and reason of one stream, and how long it has not recorded."""

    def __init__(self, clock: Clock) -> None:
        self.absence = Absence(clock)
        self.state = StreamState.STARTING
        self.reason: GapReason | None = None
        self.detail = ""
        self.hint = ""
        self.retry_at_us: int | None = None

    def become(self, state: StreamState, reason: GapReason | None = None, detail: str = "", hint: str = "") -> bool:
        """Enter a state; return whether state or reason differ from before."""
        changed = (state, reason) != (self.state, self.reason)
        self.state, self.reason, self.detail, self.hint = state, reason, detail, hint
        # Trying again does not make an absence younger: it lasts until footage flows, or is no longer wanted.
        self.absence.camera(away=state is not StreamState.RECORDING, planned=reason in PLANNED)
        return changed


class Meter:
    """Rates over the last few seconds, from fragments: pictures a second and bits a second; and all since the start."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int, int]] = deque()
        self.pictures = 0
        self.payload_bytes = 0

    def add(self, now_us: int, pictures: int, payload_bytes: int) -> None:
        """Note a fragment at boot time `now_us`."""
        self.pictures += pictures
        self.payload_bytes += payload_bytes
        self._seen.append((now_us, pictures, payload_bytes))
        while self._seen and now_us - self._seen[0][0] > METER_US:
            self._seen.popleft()

    def clear(self) -> None:
        """Forget the rates: another connection begins."""
        self._seen.clear()

    def rates(self, now_us: int) -> tuple[float, int]:
        """Return pictures a second and bits a second; zero where nothing arrived lately."""
        recent = [item for item in list(self._seen) if now_us - item[0] <= METER_US]
        if len(recent) < 2:  # noqa: PLR2004 - a rate needs two instants
            return 0.0, 0
        # The first fragment's own length lies before its instant, so only those after it count towards the span.
        span_us = recent[-1][0] - recent[0][0]
        if span_us <= 0:
            return 0.0, 0
        pictures = sum(item[1] for item in recent[1:])
        payload_bytes = sum(item[2] for item in recent[1:])
        return pictures * SECOND_US / span_us, payload_bytes * 8 * SECOND_US // span_us
