"""Media time onto wall time: the camera sets the rhythm, arrival sets the time of day.

Nothing arrives before it was made, so the *smallest* difference between arrival and media time is the one closest to
the truth: a burst at connect, jitter, or a backlog after the network stood still only ever make it larger. That lower
edge is followed, its slope is the camera's drift, and what is handed out bends towards it slowly enough that the
picture's rhythm stays the camera's.

Pure: boot time goes in with each sample, no clock is asked. One `WallTime` a run, on the stream's thread. The reasons
are in docs/design.

Not here: noticing that the host's own clock was set (the recorder does, with `WallOffset`), RTP (source.timeline).
"""

from array import array
from bisect import bisect_right
from itertools import pairwise

from holdfast.core.clock import Clock, wall_offset_us
from holdfast.core.errors import TimestampJump
from holdfast.core.timing import SECOND_US, ticks_to_us

MAX_DRIFT_PPM = 1_000
"""How fast what is handed out may bend; twice the worst crystal of a camera (±500 ppm), and far from being audible."""

MAX_SLOPE_PPM = 50_000
"""Chosen: cameras that stamp by a frame rate which is not quite theirs are up to 3 % off; steady, they are followed."""

MAX_STEP_US = SECOND_US
"""Chosen: a larger step is no jitter and no loss but a clock that was set; one second is also what gaps may err."""

MAX_BACK_US = 500_000
"""Chosen: B-frames step back by less than this; sources smooth smaller steps back and pass larger ones on."""

SETTLE_US = 10 * SECOND_US
"""Chosen: cameras push at most a group of pictures or two at connect; until then the estimate follows at once."""

_FIRST_STEP_US = 10 * SECOND_US  # until two pictures were seen, the camera may be one that sends few
_SETTLE_BEND = 0.9  # of the media's advance: even while settling, time goes on at a tenth of its speed
_BUCKET_US = 10 * SECOND_US
_FIRST_BUCKET_US = 3 * SECOND_US  # chosen: at 25,000 ppm the error is 0.3 s when the first four buckets tell it
_WINDOW_US = 60 * SECOND_US  # a minute; a backlog that lasts longer than this is a new normal
_MEMORY = 180  # buckets: half an hour of lower edge, from which drift is told to about 1 ppm
_NODE_US = 10 * SECOND_US
_NODES = 8_640  # what was handed out is remembered for a day, every ten seconds: 16 bytes each, 138 kB for a track
_MIN_SPAN_US = 50 * SECOND_US  # a shorter edge says more about jitter than about a crystal's drift
_FIRST_BUCKETS = 4  # chosen: the least whose halves have a slope each


class WallTime:
    """Places one run's samples on the wall clock.

    Args:
        timescale: Ticks a second of the ticks that will be given.
        wall_offset_us: What to add to boot time to get wall time, as it was when the run began (`WallOffset`).

    Attributes:
        drift_ppm: How much faster than ours the camera's clock runs; 0.0 until a minute was seen, or much drift was.
    """

    def __init__(self, timescale: int, wall_offset_us: int) -> None:
        self._timescale = timescale
        self._wall_offset_us = wall_offset_us
        self.drift_ppm = 0.0
        self._slope = 0.0
        self._zero_us = 0
        self._first_us = 0
        self._media_us: int | None = None
        self._arrived_us = 0
        self._step_us = 0
        self._offset = 0.0
        self._bent_us = 0
        self._edge: list[tuple[int, float]] = []
        self._base, self._base_at_us = float("inf"), 0
        self._lowest, self._lowest_at_us, self._bucket_ends_us = float("inf"), 0, 0
        self._settled = False
        self._nodes_us, self._node_offsets = array("q"), array("d")

    @property
    def settled(self) -> bool:
        """Whether the first seconds are over: what `place` says changes only by slow bending from now on."""
        return self._settled

    def to_wall_us(self, pts_ticks: int, arrived_us: int) -> int:
        """Take one sample and place it.

        Call it for each sample of one track, the video if there is one, in order. Never goes backwards within a run as
        long as the ticks do not.

        Args:
            pts_ticks: Its time in the run's time base, unwrapped.
            arrived_us: Boot time at which it arrived.

        Returns:
            Microseconds since the epoch, UTC. An estimate: the network's shortest delay is in it.

        Raises:
            TimestampJump: Media time ran ahead of arrival by more than `MAX_STEP_US` in one step (beyond what two
                pictures last), went back by `MAX_BACK_US`, or after settling no longer fits arrival by `MAX_STEP_US`
                for a minute. A new run must begin.
        """
        # Runs for each sample of each camera: what is usual is done here without a further call.
        media_us = pts_ticks * SECOND_US // self._timescale
        if self._media_us is None:
            self._begin(media_us, arrived_us)
        else:
            step_us = media_us - self._media_us
            if 0 < step_us <= MAX_STEP_US:
                self._step_us = step_us  # never a jump, whenever it arrived
            else:
                self._judge(step_us, arrived_us)
        self._media_us, self._arrived_us = media_us, arrived_us
        media_us -= self._zero_us
        if arrived_us >= self._bucket_ends_us:
            self._close_bucket(arrived_us)
        difference = arrived_us - media_us
        if difference < self._lowest:
            self._lowest, self._lowest_at_us = float(difference), arrived_us
        self._bend(media_us, arrived_us)
        return self._wall_offset_us + media_us + round(self._offset)

    def place(self, pts_ticks: int) -> int:
        """Say where a tick of this run stands, by the best estimate there is now.

        For ticks of the first seconds this is better than what `to_wall_us` said then; for later ones it is the same.

        Args:
            pts_ticks: Any tick of any track, converted to this run's time base; before the first sample too.

        Returns:
            Microseconds since the epoch, UTC.
        """
        media_us = ticks_to_us(pts_ticks, self._timescale) - self._zero_us
        return self._wall_offset_us + media_us + round(self._offset_at(media_us))

    def _begin(self, media_us: int, arrived_us: int) -> None:
        self._zero_us = media_us
        self._first_us = self._base_at_us = arrived_us
        self._bucket_ends_us = arrived_us + _FIRST_BUCKET_US
        self._offset = float(arrived_us)

    def _judge(self, step_us: int, arrived_us: int) -> None:
        ahead_us = step_us - max(arrived_us - self._arrived_us, 0)
        if ahead_us > MAX_STEP_US + (2 * self._step_us or _FIRST_STEP_US):
            raise TimestampJump(f"media time jumped {ahead_us / SECOND_US:.1f} s ahead of its arrival")
        if step_us <= -MAX_BACK_US:
            raise TimestampJump(f"media time went back by {-step_us / SECOND_US:.1f} s")
        if step_us > 0:
            self._step_us = min(step_us, 10 * SECOND_US)

    def _close_bucket(self, arrived_us: int) -> None:
        """Take the lower edge of arrival against media time over the last seconds into account."""
        if self._lowest < float("inf"):
            self._edge.append((self._lowest_at_us, self._lowest))
            del self._edge[:-_MEMORY]
        self._slope = _slope(self._edge)
        self.drift_ppm = round(-self._slope * 1e6, 1)
        recent = [e for e in self._edge if e[0] > arrived_us - _WINDOW_US] or self._edge[-1:]
        self._base = min(low + self._slope * (arrived_us - at) for at, low in recent)
        self._base_at_us = arrived_us
        self._lowest, self._lowest_at_us = float("inf"), 0
        # Delays of chunks may hide much drift from the first buckets: it is asked for often until a minute tells it.
        early = not self._slope and arrived_us - self._first_us < _MIN_SPAN_US
        self._bucket_ends_us = arrived_us + (_FIRST_BUCKET_US if early else _BUCKET_US)

    def _bend(self, media_us: int, arrived_us: int) -> None:
        """Move the offset towards the edge by as much as is allowed since the last sample."""
        target = self._base + self._slope * (arrived_us - self._base_at_us)
        target = min(target, self._lowest + self._slope * (arrived_us - self._lowest_at_us))
        if not self._settled:
            self._settle(media_us, arrived_us, target)
            return
        off = target - self._offset
        if not -MAX_STEP_US <= off <= MAX_STEP_US:
            raise TimestampJump(f"media time is {off / SECOND_US:+.1f} s off its arrival")
        if media_us <= self._bent_us:
            return
        if off:
            # A steady slope is the camera's own speed, not a bend; what comes on top of it is.
            most = (media_us - self._bent_us) * (MAX_DRIFT_PPM / 1e6 + abs(self._slope))
            self._offset += max(-most, min(most, off))
        self._bent_us = media_us
        if media_us - self._nodes_us[-1] >= _NODE_US:
            self._node(media_us)

    def _settle(self, media_us: int, arrived_us: int, target: float) -> None:
        if media_us > self._bent_us:
            self._offset = max(target, self._offset - (media_us - self._bent_us) * _SETTLE_BEND)
            self._bent_us = media_us
        if arrived_us - self._first_us >= SETTLE_US and self._offset <= target + 1:
            self._settled = True
            self._node(media_us)

    def _node(self, media_us: int) -> None:
        self._nodes_us.append(media_us)
        self._node_offsets.append(self._offset)
        del self._nodes_us[:-_NODES], self._node_offsets[:-_NODES]

    def _offset_at(self, media_us: int) -> float:
        if not self._settled:
            return min(self._lowest, self._base, self._offset)
        if media_us >= self._bent_us:
            return self._offset
        nodes_us, offsets = self._nodes_us, self._node_offsets
        after = bisect_right(nodes_us, media_us)
        if after == 0:
            return offsets[0]
        left_us, left = nodes_us[after - 1], offsets[after - 1]
        inside = after < len(nodes_us)
        right_us, right = (nodes_us[after], offsets[after]) if inside else (self._bent_us, self._offset)
        return left + (right - left) * (media_us - left_us) / (right_us - left_us)


def _slope(points: list[tuple[int, float]]) -> float:
    """Return the slope of the lower edge, as far as it is to be believed.

    Up to `MAX_DRIFT_PPM` it is a crystal's, once the edge is long enough. What is steeper is believed at once where
    both halves say so, and up to `MAX_SLOPE_PPM`: a step, or a backlog, is steep in one place alone.
    """
    if len(points) < _FIRST_BUCKETS:
        return 0.0
    slope, crystal = _edge_slope(points), MAX_DRIFT_PPM / 1e6
    if abs(slope) > crystal:
        half = len(points) // 2
        if all(0.5 <= _edge_slope(part) / slope <= 2 for part in (points[:half], points[half:])):  # noqa: PLR2004 - chosen: half to double is the same
            return max(-MAX_SLOPE_PPM / 1e6, min(MAX_SLOPE_PPM / 1e6, slope))
    if points[-1][0] - points[0][0] < _MIN_SPAN_US:
        return 0.0
    return max(-crystal, min(crystal, slope))


def _edge_slope(points: list[tuple[int, float]]) -> float:
    """Return the slope of the line that lies under all points and closest to them.

    It is the edge of the lower convex hull over the middle of the time: delays only ever lift points, so those on the
    hull were delayed least.
    """
    hull: list[tuple[int, float]] = []
    for x, y in points:
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (x - hull[-2][0]) >= (y - hull[-2][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            hull.pop()
        hull.append((x, y))
    middle = (points[0][0] + points[-1][0]) / 2
    for left, right in pairwise(hull):
        if right[0] >= middle:
            return (right[1] - left[1]) / (right[0] - left[0])
    return 0.0


class WallOffset:
    """Remembers how wall time stood against boot time, and says when somebody sets the wall clock.

    Args:
        clock: Asked at once, and each time after.

    Attributes:
        offset_us: Wall time minus boot time, as remembered.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset_us = wall_offset_us(clock)

    def stepped_us(self) -> int:
        """Return by how much the wall clock was set since the offset was taken; some microseconds are reading time."""
        return wall_offset_us(self._clock) - self.offset_us

    def accept(self) -> int:
        """Take the present offset as the right one from now on; returns it."""
        self.offset_us += self.stepped_us()
        return self.offset_us
