"""Samples into fragments: when a fragment is full, and when a segment is to be cut.

A fragment is what is written at once and what a crash can cost: at most half a second, a quarter from 1 Mb/s upward. It
never spans a keyframe, so each one either begins with a picture that decodes alone or continues the one before.

Pure bookkeeping on the stream's thread; knows neither files nor clocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.timing import SECOND_US, ticks_to_us, us_to_ticks

SLOW_US = 500_000  # specified: the longest fragment, and so the most that a kill can cost
FAST_US = 250_000  # specified: from FAST_BPS upward; more bytes are at stake and a second holds enough of them
FAST_BPS = 1_000_000


@dataclass(slots=True)
class Fragment:
    """Samples that are written together.

    Attributes:
        samples: In the order of their arrival, all tracks mixed.
        keyframe: The first sample of the leading track is a keyframe: a segment may begin here.
        bytes: Sum of the payloads.
    """

    samples: list[Sample] = field(default_factory=list)
    keyframe: bool = False
    bytes: int = 0


class Fragmenter:
    """Collects the samples of one run. The leading track is video, or audio where there is no video."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        kinds = [track.kind for track in tracks]
        self.lead = kinds.index(Kind.VIDEO) if Kind.VIDEO in kinds else 0
        self._scale = tracks[self.lead].timescale
        self._has_video = Kind.VIDEO in kinds
        self._current = Fragment()
        self._begin_ticks: int | None = None
        self._slow_ticks, self._fast_ticks = us_to_ticks(SLOW_US, self._scale), us_to_ticks(FAST_US, self._scale)
        self._limit_ticks = self._slow_ticks

    def add(self, sample: Sample) -> Fragment | None:
        """Take a sample; return the fragment that it completes, if any. The sample itself goes into the next one."""
        done = None
        if sample.track == self.lead:
            begin = self._begin_ticks
            if begin is None:
                self._begin_ticks = sample.dts_ticks
                self._current.keyframe = sample.keyframe
            elif sample.dts_ticks - begin >= self._limit_ticks or (sample.keyframe and self._has_video):
                done = self.flush()
                self._begin_ticks = sample.dts_ticks
                self._current.keyframe = sample.keyframe
        current = self._current
        current.samples.append(sample)
        current.bytes += len(sample.payload)
        return done

    def flush(self) -> Fragment | None:
        """Hand out what has been collected, however little."""
        done, self._current = self._current, Fragment()
        begin, self._begin_ticks = self._begin_ticks, None
        if not done.samples:
            return None
        if begin is not None:
            last = done.samples[-1]
            for sample in reversed(done.samples):
                if sample.track == self.lead:
                    last = sample
                    break
            length_us = ticks_to_us(last.dts_ticks + last.duration_ticks - begin, self._scale)
            fast = length_us > 0 and done.bytes * 8 * SECOND_US >= FAST_BPS * length_us
            self._limit_ticks = self._fast_ticks if fast else self._slow_ticks
        return done
