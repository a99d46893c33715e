"""Capture `burst`: one picture every n minutes, exactly on the grid, without staying connected in between.

The connection is made a little early; of what arrives only the newest group of pictures is kept, and at the grid's
instant it is let through, up to the picture of that instant. So each round is a short segment that decodes alone and
ends on the grid to within a frame. A round whose connection failed is tried again while its picture may be late: that
picture is the round's then, with its own instant.
"""

from collections.abc import Iterator

from holdfast.core import schedule
from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.clock import Clock, wall_offset_us
from holdfast.core.errors import NoKeyframe
from holdfast.core.plan import Capture
from holdfast.core.timing import SECOND_US
from holdfast.media.source.contract import Source, TracksChanged

FIRST_LEAD_S = 6.0  # chosen: connecting takes up to a few seconds, and a keyframe must have come by then
OPEN_S = 5.0  # specified (C014): a camera that does not answer for so long is asked once more, then with more patience
OPENING_S = 3.0  # measured: a slow camera describes itself in about 2 s


def lead_s(group_us: int | None) -> float:
    """Return how long before the grid's instant to connect."""
    return FIRST_LEAD_S if group_us is None else OPENING_S + group_us / SECOND_US


class Rounds:
    """Which round of a stream is to be taken: the last one, while it failed and may still be late, or the next.

    Attributes:
        again: The round that was begun last was tried before.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._owed_us: int | None = None
        self.again = False

    def due_us(self, capture: Capture) -> int:
        """Return the instant of the round to be taken."""
        now_us, owed_us = self._clock.wall_us(), self._owed_us
        late = owed_us is not None and 0 <= now_us - owed_us < schedule.burst_late_us(capture.burst_s)
        if owed_us is not None and late and schedule.wanted(capture, owed_us):
            return owed_us
        return schedule.next_burst_us(capture, now_us)

    def near(self, capture: Capture, group_us: int | None) -> bool:
        """Say whether it is time to connect."""
        return self.due_us(capture) - self._clock.wall_us() <= lead_s(group_us) * SECOND_US

    def begin(self, capture: Capture) -> int:
        """Note that a round is tried, and return its instant."""
        due_us = self.due_us(capture)
        self.again, self._owed_us = due_us == self._owed_us, due_us
        return due_us

    def taken(self) -> None:
        """Note that the round has its picture."""
        self._owed_us = None


class BurstSource:
    """A source that lets one group of pictures through, at its round's instant, and then ends.

    Args:
        inner: The camera.
        clock: Time.
        due_us: The round's instant.
        late_us: How long after it a picture is waited for.
    """

    def __init__(self, inner: Source, clock: Clock, due_us: int, late_us: int) -> None:
        self._inner = inner
        self._clock = clock
        # On the boot clock: a wall clock that is set meanwhile must not hold the connection.
        self._due_us = due_us - wall_offset_us(clock)
        self._late_us = late_us
        self._kinds: list[Kind] = []
        self.notes: tuple[str, ...] = ()

    def open(self) -> tuple[Track, ...]:
        """Connect."""
        tracks = self._inner.open()
        self._kinds = [track.kind for track in tracks]
        self.notes = self._inner.notes
        return tracks

    def samples(self) -> Iterator[Sample | TracksChanged]:
        """Yield the samples of one group, then end."""
        held: list[Sample] = []
        for item in self._inner.samples():
            if isinstance(item, TracksChanged):
                self._kinds = [track.kind for track in item.tracks]
                held.clear()
                yield item
                continue
            video = self._kinds[item.track] is Kind.VIDEO
            if item.keyframe and video:
                held.clear()
            if held or (item.keyframe and video):
                held.append(item)
            late_us = self._clock.boot_us() - self._due_us
            if late_us >= 0 and held:
                yield from held
                return
            if late_us >= self._late_us:
                late_s = self._late_us / SECOND_US
                raise NoKeyframe(f"no picture that decodes alone until {late_s:g} s after the round was due")

    def close(self) -> None:
        """Leave in order."""
        self._inner.close()

    def interrupt(self) -> None:
        """End waits soon."""
        self._inner.interrupt()
