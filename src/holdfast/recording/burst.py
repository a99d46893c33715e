"""Capture `burst`: one picture every n minutes, exactly on the grid, without staying connected in between.

The connection is made a little early; of what arrives only the newest group of pictures is kept, and at the grid's
instant it is let through, up to the picture of that instant. So each round is a short segment that decodes alone and
ends on the grid to within a frame.
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
PATIENCE_S = 10.0  # chosen: a round that is later than this is missed, and the next one is not held up
OPENING_S = 3.0  # measured: a slow camera describes itself in about 2 s


def lead_s(group_us: int | None) -> float:
    """Return how long before the grid's instant to connect."""
    return FIRST_LEAD_S if group_us is None else OPENING_S + group_us / SECOND_US


class BurstSource:
    """A source that lets one group of pictures through, at the grid's next instant, and then ends."""

    def __init__(self, inner: Source, capture: Capture, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        # On the boot clock: a wall clock that is set meanwhile must not hold the connection.
        self._due_us = schedule.next_burst_us(capture, clock.wall_us()) - wall_offset_us(clock)
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
            if late_us >= PATIENCE_S * SECOND_US:
                raise NoKeyframe(f"no picture that decodes alone until {PATIENCE_S:g} s after the round was due")

    def close(self) -> None:
        """Leave in order."""
        self._inner.close()

    def interrupt(self) -> None:
        """End waits soon."""
        self._inner.interrupt()
