"""Watching one connection for stalls: a track whose media time stands still, and keyframes that do not come.

Judged by media time on each track, never by sockets, processes or files: a camera that keeps its connection open and
sends nothing, or sends sound without pictures, is caught alike (F01). Complete silence is the source's business, which
alone can wait with a deadline; this watches what the other tracks' samples reveal.

Pure; boot time is handed in.
"""

from collections.abc import Sequence

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import NoKeyframe, Stalled
from holdfast.core.timing import SECOND_US

GROUPS = 3  # specified: three groups of pictures, where that is longer than the configured time
NOTICED_S = 5.0  # specified: how long without a first keyframe before the gap's reason says so


class Vigil:
    """Watches one connection.

    Args:
        tracks: Its tracks.
        stall_s: A track silent for this long is stalled, or for three groups of pictures if that is longer.
        keyframe_s: How long to wait for a keyframe while the length of a group is not known.
        group_us: Length of this camera's groups of pictures, where an earlier connection has learnt it.
        now_us: Boot time.
    """

    def __init__(
        self, tracks: Sequence[Track], *, stall_s: float, keyframe_s: float, group_us: int | None, now_us: int
    ) -> None:
        self._kinds = [track.kind for track in tracks]
        self._stall_us = round(stall_s * SECOND_US)
        self._keyframe_us = round(keyframe_s * SECOND_US)
        self.group_us = group_us
        self._begun_us = now_us
        self._dts: list[int | None] = [None] * len(tracks)
        self._moved_us: list[int | None] = [None] * len(tracks)
        self._keyframe_at_us: int | None = None

    def saw(self, sample: Sample) -> None:
        """Note a sample."""
        index = sample.track
        before = self._dts[index]
        # Any change counts: after the camera's clock jumped back, its time moves on below what it was.
        if sample.dts_ticks != before:
            self._dts[index] = sample.dts_ticks
            self._moved_us[index] = sample.arrived_us
        if sample.keyframe and self._kinds[index] is Kind.VIDEO:
            if self._keyframe_at_us is not None:
                # The longest of recent groups: cameras stretch them when nothing moves.
                group_us = sample.arrived_us - self._keyframe_at_us
                self.group_us = max(group_us, (self.group_us or 0) * 9 // 10)
            self._keyframe_at_us = sample.arrived_us

    @property
    def limit_us(self) -> int:
        """How long a track may be silent."""
        return max(self._stall_us, GROUPS * (self.group_us or 0))

    @property
    def keyframe_overdue(self) -> bool:
        """No keyframe has come on this connection yet, although it is time to say so."""
        newest_us = self._video_us()
        if newest_us is None or self._keyframe_at_us is not None:
            return False
        return newest_us - self._begun_us >= NOTICED_S * SECOND_US

    def check(self, now_us: int) -> None:
        """Raise when a track stands still.

        A track that has never spoken on this connection is not waited for, unless it is the video: a camera whose
        announced sound does not come must not lose its pictures over it (C001).

        Raises:
            Stalled: A track's media time stood still for too long.
            NoKeyframe: The last one is too long ago, or the first did not come.
        """
        for kind, moved_us in zip(self._kinds, self._moved_us, strict=True):
            since_us = moved_us
            if since_us is None:
                if kind is not Kind.VIDEO:
                    continue
                since_us = self._begun_us
            silent_us = now_us - since_us
            if silent_us > self.limit_us:
                raise Stalled(f"{kind.value} stopped {silent_us / SECOND_US:.1f} s ago, the connection is still open")
        self._check_keyframes()

    def _check_keyframes(self) -> None:
        """Judge by pictures that arrived, not by the time that passed: where none arrive, that is the trouble."""
        newest_us = self._video_us()
        if newest_us is None:
            return
        if self._keyframe_at_us is None:
            waited_us, limit_us = newest_us - self._begun_us, self._keyframe_us
        else:
            waited_us = newest_us - self._keyframe_at_us
            limit_us = self._keyframe_us if self.group_us is None else self.limit_us
        if waited_us > limit_us:
            raise NoKeyframe(f"no keyframe for {waited_us / SECOND_US:.1f} s")

    def _video_us(self) -> int | None:
        return self._moved_us[self._kinds.index(Kind.VIDEO)] if Kind.VIDEO in self._kinds else None
