"""The timestamps of one RTP track into ticks: unwrapped, on a zero that all tracks share, decode times in order.

A sample is handed out at once with the duration of the one before it; the next one puts that right in place, before it
is handed out itself. So nothing waits, and what a fragment writes is exact: it is written after a later sample came.

Pure; one object a track, on the stream's thread. Not here: what jumps mean (the caller judges them).
"""

from bisect import insort

from holdfast.core.camera import Sample
from holdfast.core.timing import SECOND_US

_WORD = 0xFFFFFFFF
_HALF = 0x80000000
_JUMP_BACK_S = 0.5  # chosen: as in timeline: smaller steps back are B-frames or a clock being corrected
_JUMP_AHEAD_S = 10.0  # chosen: as in timeline
_MAX_REORDER = 16  # ISO/IEC 14496-10: the decoded picture buffer holds no more
_PLAUSIBLE_S = 5.0  # chosen: cameras hold back less than this; more, and their reports contradict arrival


class Zero:
    """The instant at which the ticks of all tracks are 0: the arrival of the connection's first packet."""

    def __init__(self) -> None:
        self.us: int | None = None
        self.flows: list[Flow] = []


class Flow:
    """Timestamps of one track.

    Args:
        zero: What all tracks of the connection share.
        track: Index of the track, for its samples.
        timescale: Ticks a second; RTP's clock.
        step: Likely duration of a sample, in ticks.

    Attributes:
        reorder: How many pictures are decoded before their turn.
        learns: Whether `reorder` may be raised by what is seen.
        anchor: RTP time of the instant that all tracks' anchors share (`RTP-Info`), or None.
        report: (camera's wall clock, ticks) of the last sender report, or None.
        aligned: Whether its place against the other tracks is known by more than arrival.
    """

    def __init__(self, zero: Zero, track: int, timescale: int, step: int) -> None:
        self.reorder = 0
        self.learns = False
        self.anchor: int | None = None
        self.report: tuple[int, int] | None = None
        self.aligned = False
        self.timescale = timescale
        self._zero = zero
        self._track = track
        self._step = max(step, 1)
        self._back = int(timescale * _JUMP_BACK_S)
        self._ahead = int(timescale * _JUMP_AHEAD_S)
        self._stamp = 0
        self._value: int | None = None
        self._raw: tuple[int, int] | None = None
        self._shown = 0
        self._last: Sample | None = None
        self._window: list[int] = []
        zero.flows.append(self)

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return self._value is not None

    def ticks(self, stamp: int, arrived_us: int) -> int:
        """Return the time of a packet that follows those before it."""
        value = self._value
        if value is None:
            value = self._begin(stamp, arrived_us)
        else:
            value += ((stamp - self._stamp + _HALF) & _WORD) - _HALF
        self._stamp, self._value = stamp, value
        return value

    def push(self, payload: bytes, stamp: int, arrived_us: int, *, keyframe: bool) -> Sample:
        """Make a sample of what was sent under a timestamp.

        Args:
            payload: As in `Sample`.
            stamp: RTP time.
            arrived_us: As in `Sample`.
            keyframe: As in `Sample`.
        """
        pts = self.ticks(stamp, arrived_us)
        last = self._last
        dts = self._derive(pts) if self.reorder else pts
        if last is not None:
            lasts = dts - last.dts_ticks
            if 0 < lasts <= self._ahead:
                last.duration_ticks = self._step = lasts
            else:
                pts, dts = self._odd(last, pts, lasts)
        self._shown = pts
        report = self.report
        camera_us = None
        if report is not None:
            camera_us = report[0] + (pts - report[1]) * SECOND_US // self.timescale
        self._last = sample = Sample(self._track, payload, dts, pts, self._step, keyframe, arrived_us, camera_us)
        return sample

    def change(self, reorder: int | None) -> None:
        """Go on with another depth of reordering; None: it is not told, and is learnt."""
        self.reorder, self.learns = min(reorder or 0, _MAX_REORDER), reorder is None
        self._window = []

    def tell(self, wall_us: int, stamp: int) -> None:
        """Take a sender report: the camera's wall clock at an RTP time."""
        if self._value is None:
            self._raw = (wall_us, stamp)
        else:
            self.report = (wall_us, self._at(stamp))

    def off(self, other: "Flow") -> int | None:
        """Return how many ticks this track is to be moved to fit another one, by both sender reports; None: unknown."""
        if self.report is None or other.report is None:
            return None
        apart_us = self.report[0] - other.report[0]
        there = other.report[1] * self.timescale // other.timescale
        off = there + apart_us * self.timescale // SECOND_US - self.report[1]
        return off if abs(off) <= _PLAUSIBLE_S * self.timescale else None

    def shift(self, ticks: int) -> None:
        """Move the track against the others; the caller moves the samples that it still holds."""
        self._shown += ticks
        self._value = None if self._value is None else self._value + ticks
        self._window = [at + ticks for at in self._window]
        self.report = None if self.report is None else (self.report[0], self.report[1] + ticks)

    def _begin(self, stamp: int, arrived_us: int) -> int:
        """Choose the ticks of the first packet: by arrival, or better by what ties it to a track that runs already."""
        zero = self._zero
        if zero.us is None:
            zero.us = arrived_us
        value = (arrived_us - zero.us) * self.timescale // SECOND_US
        other = next((flow for flow in zero.flows if flow is not self and flow.begun), None)
        if other is not None and self.anchor is not None and other.anchor is not None:
            told = other._at(other.anchor) * self.timescale // other.timescale  # noqa: SLF001 - one of us
            told += ((stamp - self.anchor + _HALF) & _WORD) - _HALF
            if abs(told - value) <= _PLAUSIBLE_S * self.timescale:
                value = told
                self.aligned = other.aligned = True
        if self._raw is not None:
            self.report = (self._raw[0], value + ((self._raw[1] - stamp + _HALF) & _WORD) - _HALF)
        return value

    def _at(self, stamp: int) -> int:
        """Return the ticks of an RTP time near the present one."""
        return (self._value or 0) + ((stamp - self._stamp + _HALF) & _WORD) - _HALF

    def _odd(self, last: Sample, pts: int, lasts: int) -> tuple[int, int]:
        """Return the times of a sample that does not simply come after the last one."""
        if not -self._back <= pts - self._shown <= self._ahead:
            self._window = []
            return pts, self._derive(pts) if self.reorder else pts  # a jump, passed on as it came
        if self.learns and not self.reorder and pts < self._shown:
            # Nobody said so, but pictures come out of order. What was handed out stays; from here on it is known.
            self.reorder, self._window = 1, []
        elif self.learns and pts < last.dts_ticks and self.reorder < _MAX_REORDER:
            self.reorder += 1
            insort(self._window, last.dts_ticks)
        dts = last.dts_ticks + 1 if lasts <= 0 else last.dts_ticks + lasts
        last.duration_ticks = dts - last.dts_ticks
        return max(pts, dts), dts

    def _derive(self, pts: int) -> int:
        """Return a decode time: the times of showing in order, begun so early that none comes before its decoding."""
        if not self._window:
            self._window = [pts - self._step * early for early in range(self.reorder, 0, -1)]
        insort(self._window, pts)
        return self._window.pop(0)
