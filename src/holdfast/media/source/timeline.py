"""Timestamps of one track, made whole: unwrapped, missing ones filled in, decode times in order, durations exact.

A sample is held back until the next one shows how long it lasts; `flush` lets go of the last. Pure; one object a track.

Not here: wall time (walltime), deciding what a jump means (the caller does: a jump is passed on as it came).
"""

from bisect import insort

from holdfast.core.camera import Sample

_WRAP_TICKS = 1 << 32  # RTP timestamps; 33 bits of MPEG-TS are unwrapped by libav
_JUMP_BACK_S = 0.5  # chosen: smaller steps back are a sender's clock being corrected, and are smoothed over
_JUMP_AHEAD_S = 10.0  # chosen: after this the neighbours say nothing about each other any more
_MAX_WITHOUT_PTS = 50  # chosen: two seconds; a sender that names no times at all is timed by its frame rate
_MAX_REORDER = 16  # ISO/IEC 14496-10: the decoded picture buffer holds no more


class Timeline:
    """Orders the timestamps of one track.

    Args:
        track: Index of the track, for its samples.
        timescale: Ticks a second.
        step: Likely duration of a sample, in ticks.
        reorder: How many pictures are decoded before their turn; 0 where decoding order is showing order.
        wrap: Ticks after which the sender's timestamps begin again, or 0.
    """

    def __init__(self, track: int, timescale: int, step: int, *, reorder: int = 0, wrap: int = _WRAP_TICKS) -> None:
        self._track = track
        self._step = max(step, 1)
        self._reorder = min(reorder, _MAX_REORDER)
        self._wrap = wrap
        self._offset = 0
        self._back = int(timescale * _JUMP_BACK_S)
        self._ahead = int(timescale * _JUMP_AHEAD_S)
        self._seen: int | None = None
        self._last_dts: int | None = None
        self._window: list[int] = []
        self._held: Sample | None = None
        self._starting = True
        self._start: list[tuple[Sample, int | None, int | None]] = []
        self._told = False

    def push(
        self,
        payload: bytes,
        pts: int | None,
        dts: int | None,
        arrived_us: int,
        camera_us: int | None,
        *,
        keyframe: bool,
    ) -> list[Sample]:
        """Take the next sample in decoding order and return those whose duration is known now.

        Args:
            payload: As in `Sample`.
            pts: Presentation time in ticks as the sender wrote it, or None.
            dts: Decode time, or None to derive it from the presentation times.
            arrived_us: As in `Sample`.
            camera_us: As in `Sample`.
            keyframe: As in `Sample`.
        """
        sample = Sample(self._track, payload, 0, 0, self._step, keyframe, arrived_us, camera_us)
        if pts is not None and self._wrap:
            pts = self._unwrap(pts)
            if dts is not None:
                dts += self._offset
        if self._starting:
            return self._begin(sample, pts, dts)
        return self._settle(sample, pts, dts)

    def flush(self) -> list[Sample]:
        """Let go of everything held back; the last duration is an estimate."""
        out = self._resolve() if self._start else []
        if self._held is not None:
            self._held.duration_ticks = self._step
            out.append(self._held)
            self._held = None
        return out

    def change(self, reorder: int) -> list[Sample]:
        """Let go of everything and go on with another depth of reordering."""
        out = self.flush()
        self._reorder = min(reorder, _MAX_REORDER)
        self._window = []
        return out

    def _unwrap(self, pts: int) -> int:
        value = pts + self._offset
        if self._seen is not None:
            if value - self._seen < -self._wrap // 2:
                self._offset += self._wrap
                value += self._wrap
            elif value - self._seen > self._wrap // 2:
                self._offset -= self._wrap
                value -= self._wrap
        self._seen = value
        return value

    def _begin(self, sample: Sample, pts: int | None, dts: int | None) -> list[Sample]:
        """Collect until enough times are known to tell the missing ones: libav often has none for the first."""
        self._start.append((sample, pts, dts))
        known = sum(1 for _, time, _ in self._start if time is not None)
        if (dts is None or pts is None) and known <= self._reorder and len(self._start) < _MAX_WITHOUT_PTS:
            return []
        return self._resolve()

    def _resolve(self) -> list[Sample]:
        self._starting = False
        start, self._start = self._start, []
        first = min((time for _, time, _ in start if time is not None), default=0)
        unknown = sum(1 for _, time, _ in start if time is None)
        out: list[Sample] = []
        for sample, pts, dts in start:
            at = pts
            if at is None:
                at = first - unknown * self._step
                unknown -= 1
            out += self._settle(sample, at, dts)
        return out

    def _settle(self, sample: Sample, pts: int | None, dts: int | None) -> list[Sample]:
        last = self._last_dts
        if pts is None:
            pts = self._step + (last or 0) if dts is None else dts
        if last is not None and not -self._back <= pts - last <= self._ahead:
            self._window = []
            out = self.flush()
        else:
            out = []
            last = self._last_dts
        if dts is not None:
            self._told = True
        elif self._told:
            dts = min(pts, self._step + (last or 0))
        else:
            dts = self._derive(pts)
        if last is not None and -self._back <= dts - last <= 0:
            # A step back that is too small for a jump; the picture keeps its time, only its decode time gives way.
            dts = last + 1
            pts = max(pts, dts) if not self._reorder else pts
        sample.dts_ticks, sample.pts_ticks = dts, pts
        held = self._held
        if held is not None:
            lasts = dts - held.dts_ticks
            held.duration_ticks = lasts
            self._step = lasts if lasts > 1 else self._step
            out.append(held)
        self._held, self._last_dts = sample, dts
        return out

    def _derive(self, pts: int) -> int:
        """Return a decode time: the times of showing in order, begun so early that none comes before its decoding."""
        if not self._reorder:
            return pts
        if not self._window:
            self._window = [pts - self._step * early for early in range(self._reorder, 0, -1)]
        insort(self._window, pts)
        return self._window.pop(0)
