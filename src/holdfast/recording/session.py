"""One connection to a camera: its samples placed in time, cut into fragments, handed to the writer as runs.

A session begins a run at the first keyframe and ends it when the stream's parameters change, a clock jumps, the disk
cannot keep up or the connection ends; it stays connected through all but the last. It never waits for the disk.
Runs on the stream's thread.

Not here: when to connect and what failures mean (stream), files (writer), how ticks meet wall time (media.walltime).
"""

import secrets
from collections.abc import Callable
from contextlib import closing

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.clock import Clock, wall_offset_us
from holdfast.core.errors import SourceEnded, SourceError, TimestampJump
from holdfast.core.gap import GapReason
from holdfast.core.journal import Stepped
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US, next_multiple, ticks_to_us
from holdfast.media.source.contract import Source, TracksChanged
from holdfast.media.walltime import WallTime
from holdfast.recording.condition import Meter
from holdfast.recording.fragmenter import Fragment, Fragmenter
from holdfast.recording.handover import RunEnd, RunStart, Written
from holdfast.recording.vigil import Vigil
from holdfast.recording.writer import Writer

STOPPED = "stopped"  # how a run ends that nobody broke
LOOK_US = SECOND_US // 4  # chosen: how often stalls, schedule and clock are looked at while samples flow
STEP_US = 200_000  # chosen: slewing moves both clocks alike, so any difference is a step; smaller ones are no news


class Run:
    """An unbroken stretch of samples, on its way to the writer."""

    def __init__(self, tracks: tuple[Track, ...], why: str, segment_us: int, offset_us: int) -> None:
        self.id = secrets.token_hex(6)
        self.tracks = tracks
        self.why = why
        self.fragmenter = Fragmenter(tracks)
        self.lead = self.fragmenter.lead
        self.scale = tracks[self.lead].timescale
        self.times = [WallTime(track.timescale, offset_us) for track in tracks]
        self._segment_us = segment_us
        self._boundary_us = 0
        self.first: Sample | None = None
        self.floor_us = 0
        self.end_us = 0
        self.said = False

    @property
    def start_us(self) -> int:
        """Where the run began, by the best estimate there is now; never before what is already recorded."""
        return max(self.floor_us, self.times[self.lead].place(self.first.dts_ticks)) if self.first else 0

    def placed(self, fragment: Fragment) -> Written:
        """Give a fragment its place in time, and decide whether a segment begins with it.

        Placed by decode times, which are those that arrival was held against: with B-frames, pictures are shown later
        than they are decoded, but no later than they arrive.
        """
        leads = [sample for sample in fragment.samples if sample.track == self.lead]
        time = self.times[self.lead]
        wall_us = max(self.end_us, time.place(leads[0].dts_ticks)) if leads else self.end_us
        if leads:
            self.end_us = max(wall_us, time.place(leads[-1].dts_ticks + leads[-1].duration_ticks))
        cut = fragment.keyframe and wall_us >= self._boundary_us
        if cut:
            self._boundary_us = next_multiple(wall_us, self._segment_us)
        if leads and not cut:
            # A file begins where the one before it ended; inside it each fragment says when its first picture is shown.
            wall_us += self._shown_later_us(leads[0])
        return Written(fragment, wall_us, self.end_us, cut, self.start_us)

    def _shown_later_us(self, sample: Sample) -> int:
        """Return by how much longer than the run's first picture one waits between decoding and being shown."""
        first = self.first or sample
        ticks = (sample.pts_ticks - sample.dts_ticks) - (first.pts_ticks - first.dts_ticks)
        return ticks_to_us(ticks, self.scale)


class Session:
    """Records one connection. Used once.

    Args:
        plan: The stream.
        clock: Time.
        writer: Where fragments go.
        why: Reason of the gap that this connection ends; the first run's segments say so.
        group_us: Length of this camera's groups of pictures, if known from before.
        not_before_us: Where footage that is already written ends: nothing is placed earlier, unless the clock is set.
        offset_us: How far wall time was ahead of boot time when that was written.
        go_on: Asked a few times a second; False ends the session in order.
        recording: Called whenever footage begins to flow.
        overdue: Called once when the first keyframe takes too long.
        ended: Called with (wall time, reason, detail) whenever footage stops to flow.
        meter: Where rates are counted.
        finite: The source ends by itself when all is well (a burst), so its end is no failure.
    """

    def __init__(  # noqa: PLR0913 - one composition root builds it, by keyword
        self,
        plan: StreamPlan,
        clock: Clock,
        writer: Writer,
        *,
        why: str,
        group_us: int | None,
        not_before_us: int,
        offset_us: int,
        go_on: Callable[[], bool],
        recording: Callable[[], None],
        overdue: Callable[[], None],
        ended: Callable[[int, str, str], None],
        meter: Meter,
        finite: bool = False,
    ) -> None:
        self._finite = finite
        self._plan = plan
        self._clock = clock
        self._writer = writer
        self._why = why
        self._go_on = go_on
        self._recording = recording
        self._overdue = overdue
        self._ended = ended
        self._meter = meter
        self.group_us = group_us
        self.end_us = not_before_us
        self.tracks: tuple[Track, ...] = ()
        self.recorded_s = 0.0
        self.dropped = 0
        self.last_sample_us: int | None = None
        self._run: Run | None = None
        self.offset_us = offset_us
        self._flowing_us: int | None = None
        self._slow = False
        self._said_overdue = False

    @property
    def drift_ppm(self) -> float:
        """How fast the camera's clock runs against ours, in the run that is going on."""
        run = self._run
        return run.times[run.lead].drift_ppm if run is not None else 0.0

    def record(self, source: Source, opened: Callable[[tuple[Track, ...]], None]) -> None:
        """Connect and record until `go_on` says no.

        Raises:
            SourceError: The connection failed; what had arrived is with the writer.
        """
        with closing(source):
            self.tracks = source.open()
            opened(self.tracks)
            try:
                self._flow(source, opened)
            except SourceError as error:
                if self._go_on():
                    self._end_run(error.reason.value, str(error))
                else:
                    self._end_run(STOPPED)  # we made it end
                raise
            except BaseException as error:
                # A mistake of ours: what was recorded until now is still footage that ends here.
                self._end_run(GapReason.UNKNOWN.value, str(error))
                raise
            else:
                self._end_run(STOPPED)
            finally:
                if self._flowing_us is not None:
                    self.recorded_s = (self._clock.boot_us() - self._flowing_us) / SECOND_US

    def _flow(self, source: Source, opened: Callable[[tuple[Track, ...]], None]) -> None:
        vigil = self._watch(self.tracks)
        looked_us = 0
        for item in source.samples():
            if isinstance(item, TracksChanged):
                self._end_run("parameters")
                self._why = "parameters"
                self.tracks = item.tracks
                opened(self.tracks)
                vigil = self._watch(self.tracks)
                continue
            vigil.saw(item)
            try:
                self._take(item)
            except TimestampJump as error:
                # The connection is fine, only its clock is not: a new run begins, with this very sample if it can.
                self._end_run(GapReason.CLOCK.value, str(error))
                self._why = GapReason.CLOCK.value
                self._take(item)
            now_us = item.arrived_us
            if now_us - looked_us >= LOOK_US:
                looked_us = now_us
                self.group_us = vigil.group_us
                vigil.check(now_us)
                self._look(vigil)
                if not self._go_on():
                    return
        if not self._finite:
            raise SourceEnded("the source ended")

    def _watch(self, tracks: tuple[Track, ...]) -> Vigil:
        return Vigil(
            tracks, stall_s=self._plan.stall_s, keyframe_s=self._plan.keyframe_s, group_us=self.group_us,
            now_us=self._clock.boot_us(),
        )  # fmt: skip

    def _look(self, vigil: Vigil) -> None:
        if vigil.keyframe_overdue and not self._said_overdue:
            self._said_overdue = True
            self._overdue()
        offset_us = wall_offset_us(self._clock)
        step_us = offset_us - self.offset_us
        if abs(step_us) >= STEP_US:
            self.offset_us = offset_us
            self._writer.say(Stepped(step_us=step_us))
            self._end_run(GapReason.CLOCK.value, f"the host's clock was set by {step_us / SECOND_US:+.3f} s")
            self._why = GapReason.CLOCK.value
            self.end_us = 0  # after a step back, times before the last ones are right

    def _take(self, sample: Sample) -> None:
        run = self._run
        self.last_sample_us = sample.arrived_us + self.offset_us
        if run is None:
            if not self._begins(sample):
                return
            run = self._run = Run(self.tracks, self._why, self._plan.segment_s * SECOND_US, self.offset_us)
        # Judged by decode times: with B-frames at a low rate, those of showing step back by more than a jump.
        run.times[sample.track].to_wall_us(sample.dts_ticks, sample.arrived_us)
        if run.first is None:
            run.first = sample
            run.floor_us = run.end_us = self.end_us
        done = run.fragmenter.add(sample)
        if done is not None:
            self._hand_over(run, done)

    def _begins(self, sample: Sample) -> bool:
        """A run begins with a keyframe of the leading track, once the disk has caught up."""
        kinds = [track.kind for track in self.tracks]
        lead = kinds.index(Kind.VIDEO) if Kind.VIDEO in kinds else 0
        if sample.track != lead or not sample.keyframe:
            return False
        if self._slow and self._writer.held_bytes > self._plan.queue_bytes // 2:
            self.dropped += 1
            return False
        self._slow = False
        return True

    def _hand_over(self, run: Run, fragment: Fragment) -> None:
        written = run.placed(fragment)
        if not run.said:
            run.said = True
            start_us = written.wall_us
            self._writer.say(
                RunStart(run.id, run.tracks, run.why, start_us, start_us - self.offset_us, site=self._plan.site)
            )
            self._recording()
        if not self._writer.offer(written):
            self._overflow(run, fragment, written)
            return
        self.end_us = run.end_us
        if self._flowing_us is None:
            self._flowing_us = self._clock.boot_us()
        pictures = sum(1 for sample in fragment.samples if sample.track == run.lead)
        self._meter.add(self._clock.boot_us(), pictures, fragment.bytes)

    def _overflow(self, run: Run, fragment: Fragment, written: Written) -> None:
        """The disk does not keep up: drop, and begin again with a keyframe when half of the queue is free."""
        run.end_us = max(self.end_us, run.start_us) if self.end_us else written.wall_us
        self.dropped += len(fragment.samples)
        self._slow = True
        self._run = None
        self._close_run(run, GapReason.DISK_SLOW.value, "the disk could not keep up")
        self._why = GapReason.DISK_SLOW.value

    def _end_run(self, reason: str, detail: str = "") -> None:
        run, self._run = self._run, None
        if run is None:
            return
        rest = run.fragmenter.flush()
        if rest is not None:
            self._hand_over(run, rest)
        if run.said and not self._slow:
            self._close_run(run, reason, detail)

    def _close_run(self, run: Run, reason: str, detail: str) -> None:
        self.end_us = max(run.start_us, run.end_us)
        self._writer.say(RunEnd(run.start_us, self.end_us, reason))
        self._ended(self.end_us, reason, detail)
