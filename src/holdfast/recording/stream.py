"""One stream of one camera, recorded for ever: when to connect, what a failure means, when to try again.

`run` decides, `_attempt` connects once. Every state is written to the journal as it changes, so that each second
without footage has its reason. One camera never touches another: a stream shares nothing with its neighbours but the
process.
Runs on the stream's own thread; `stop` and `snapshot` may be called from any.
"""

import os
import random
import threading
from collections.abc import Callable
from dataclasses import replace

import structlog

from holdfast.core import schedule
from holdfast.core.camera import Kind, Track
from holdfast.core.clock import Clock, wall_offset_us
from holdfast.core.errors import BadInput, NotFound, SourceError, Unreachable, Unsupported, UsageError
from holdfast.core.gap import PLANNED, GapReason
from holdfast.core.journal import Closed, Down, Event, Stepped
from holdfast.core.plan import StreamPlan
from holdfast.core.status import StreamState, StreamStatus
from holdfast.core.timing import DAY_US, SECOND_US
from holdfast.media.probe import compare
from holdfast.media.source.contract import Source
from holdfast.media.source.make import tcp_answers
from holdfast.recording.backoff import Backoff
from holdfast.recording.burst import OPEN_S, BurstSource, Rounds
from holdfast.recording.condition import Condition, Meter
from holdfast.recording.session import STEP_US, Session
from holdfast.recording.store import StreamStore
from holdfast.recording.unsaid import Unsaid
from holdfast.recording.vigil import GROUPS
from holdfast.recording.writer import Writer

PROBE_TIMEOUT_S = 2.0  # chosen: a port that does not answer within this is tried again, not waited for
STUMBLE_S = (
    5.0  # chosen: an error of ours that repeats must not fill the log, nor cost more than seconds if it does not
)
LIVE = ("capture", "expected", "location", "probe_s", "site")
"""What of a plan may change while its stream is recorded: it is looked up when it is needed."""

POLL_S = 1.0  # chosen: how late a changed override or a disk that is back may be noticed while nothing is recorded

log = structlog.get_logger()


class StreamRecorder:
    """Records one stream until stopped.

    Args:
        plan: The stream.
        clock: Time.
        make_source: Makes a new connection's source.
        open_store: Makes a new store; see `Writer`.
        recover: Takes leftovers; see `Writer`.
        unsaid: Where words wait that a predecessor could not write; see `Writer`.
        once: End when the source ends, instead of connecting again (recording by hand).
    """

    def __init__(
        self,
        plan: StreamPlan,
        clock: Clock,
        *,
        make_source: Callable[[StreamPlan], Source],
        open_store: Callable[[], StreamStore],
        recover: Callable[[StreamPlan, list[str], Callable[[Event], None]], None],
        unsaid: Unsaid | None = None,
        once: bool = False,
    ) -> None:
        self.plan = plan
        self._clock = clock
        self._make_source = make_source
        self._once = once
        self._stop = threading.Event()
        self._source: Source | None = None
        self._session: Session | None = None
        self._condition = Condition(clock)
        self._meter = Meter()
        self._backoff = Backoff(plan.backoff_first_s, plan.backoff_cap_s, plan.healthy_s, random.SystemRandom().random)
        self._tracks: tuple[Track, ...] = ()
        self._mismatch: list[str] = []
        self._notes: list[str] = []
        self._group_us: int | None = None
        self._end_us = 0
        self._attempts = 0
        self._tried_us = 0
        self._dropped = 0
        self._last_sample_us: int | None = None
        self._why = "first"
        self._said_down = False
        self._change_us: int | None = None
        self._rounds = Rounds(clock)
        self._checked_us = 0
        self._goodbye = Closed(reason=GapReason.RECORDER_DOWN.value, detail="stopped")
        self.error: SourceError | None = None
        self.writer = Writer(plan, clock, open_store, recover, unsaid or Unsaid(), self._condition.absence)
        self._offset_us = wall_offset_us(clock)
        self._replanned = threading.Event()
        self._stumbled_on: set[str] = set()
        self._thread = threading.Thread(target=self.run, name=f"record {plan.key}", daemon=True)

    # --- from any thread ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, goodbye: Closed) -> None:
        """Ask it to end in order, saying `goodbye` in the journal. Returns at once; `join` waits."""
        self._goodbye = goodbye
        self._stop.set()
        source = self._source
        if source is not None:
            source.interrupt()

    def follow(self, plan: StreamPlan) -> bool:
        """Take over a changed plan without touching the recording, where it differs in nothing that needs a new start.

        Returns:
            Whether that was possible.
        """
        if replace(plan, **{name: getattr(self.plan, name) for name in LIVE}) != self.plan:
            return False
        self.plan = plan
        self._replanned.set()
        return True

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Its thread is running."""
        return self._thread.is_alive()

    @property
    def attempts(self) -> int:
        """How often it has connected, or tried to."""
        return self._attempts

    def snapshot(self) -> StreamStatus:
        """Return what it is doing now."""
        condition, writer, session = self._condition, self.writer, self._session
        fps, bitrate_bps = self._meter.rates(self._clock.boot_us())
        trouble = writer.trouble
        state, reason, detail, hint = condition.state, condition.reason, condition.detail, condition.hint
        if trouble is not None:
            state, reason, detail, hint = StreamState.WAITING, trouble.reason, trouble.detail, trouble.hint
        now_us = self._clock.wall_us()
        retry_at_us = condition.retry_at_us
        dropped = self._dropped + (session.dropped if session else 0)
        return StreamStatus(
            camera=self.plan.camera, stream=self.plan.stream, state=state, reason=reason.value if reason else "",
            detail=detail, hint=hint, at_us=now_us, since_us=condition.absence.since_us, pid=os.getpid(),
            tracks=[track.facts() for track in self._tracks], fps=round(fps, 2), bitrate_bps=bitrate_bps,
            last_sample_us=(session.last_sample_us if session else None) or self._last_sample_us,
            media_end_us=writer.media_end_us, restarts=max(0, self._attempts - 1), segment=writer.segment,
            segments=writer.segments, queue_bytes=writer.held_bytes, dropped_samples=dropped,
            lost_s=round(condition.absence.lost_s, 3), drift_ppm=round(session.drift_ppm, 1) if session else 0.0,
            retry_in_s=None if retry_at_us is None else max(0.0, (retry_at_us - self._clock.boot_us()) / SECOND_US),
            notes=self._notes, mismatch=self._mismatch, pictures=self._meter.pictures,
            media_bytes=self._meter.payload_bytes, memory=writer.ram[0], spilled=writer.ram[1],
        )  # fmt: skip

    # --- the stream's thread -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Record until stopped. Never raises for what a camera or a disk does."""
        self._pin()
        self.writer.start()
        try:
            while not self._stop.is_set():
                if not self.writer.ready.wait(POLL_S / 4):
                    continue
                try:
                    self._turn()
                except Exception as error:  # noqa: BLE001 - the stream's supervisor: no mistake of ours may end recording
                    self._stumbled(error)
                if self._once:
                    break
        finally:
            self._condition.become(StreamState.OFF)
            self.writer.stop(self._goodbye, timeout_s=20.0)

    def _turn(self) -> None:
        self._watch_clock()
        if self._wanted():
            self._attempt()
        else:
            self._rest()

    def _stumbled(self, error: Exception) -> None:
        """Something happened that nobody foresaw: say so once with all that is known of it, wait, and go on."""
        detail = f"an error in the recorder: {type(error).__name__}: {error}"
        trace = None if detail in self._stumbled_on else error
        self._stumbled_on.add(detail)
        log.error("stream.stumbled", camera=self.plan.camera, stream=self.plan.stream, detail=detail, exc_info=trace)
        self._became_down(
            StreamState.WAITING, GapReason.UNKNOWN, detail, hint="holdfast logs shows it; please report it"
        )
        self._why = GapReason.UNKNOWN.value
        self._stop.wait(STUMBLE_S)

    def _watch_clock(self) -> None:
        """Notice between connections that the host's clock was set; during one, the session does."""
        offset_us = wall_offset_us(self._clock)
        step_us = offset_us - self._offset_us
        if abs(step_us) >= STEP_US:
            self._offset_us = offset_us
            self.writer.say(Stepped(step_us=step_us))
            self._end_us = 0  # after a step back, times before the last ones are right

    def _pin(self) -> None:
        if self.plan.cpu is None:
            return
        try:
            os.sched_setaffinity(0, {self.plan.cpu % (os.cpu_count() or 1)})
        except (OSError, AttributeError) as error:
            log.warning("cpu.not_pinned", camera=self.plan.camera, cpu=self.plan.cpu, why=str(error))

    def _wanted(self) -> bool:
        capture = self.plan.capture
        if capture.mode in {"off", "burst"}:
            return capture.mode == "burst" and self._rounds.near(capture, self._group_us)
        now_us = self._clock.wall_us()
        self._change_us = schedule.next_change_us(capture, now_us)
        return schedule.wanted(capture, now_us)

    def _go_on(self) -> bool:
        if self._stop.is_set():
            return False
        if self._clock.boot_us() - self._checked_us >= DAY_US:
            self._check_daily()
        if self._replanned.is_set():
            self._replanned.clear()
            return self._wanted()
        now_us = self._clock.wall_us()
        # Asked by range, never by minute: an end that was slept through still ends (F09).
        return self._change_us is None or now_us < self._change_us or self._wanted()

    def _rest(self) -> None:
        """Not wanted now: say why, and look again soon, because a person may override or set the clock."""
        off = self.plan.capture.mode == "off"
        reason = GapReason.DISABLED if off else GapReason.OFF_SCHEDULE
        self._tried_us = 0
        self._became_down(StreamState.DISABLED if off else StreamState.OFF_SCHEDULE, reason, "")
        self._stop.wait(POLL_S if self.plan.capture.mode != "burst" else POLL_S / 5)

    def _attempt(self) -> None:
        """Connect once; on failure, wait as long as this failure deserves."""
        plan = self.plan
        burst = plan.capture.mode == "burst"
        due_us = self._rounds.begin(plan.capture) if burst else 0
        if self._condition.state in {StreamState.OFF_SCHEDULE, StreamState.DISABLED}:
            self._why = "schedule"
        self._condition.become(
            StreamState.STARTING, self._condition.reason, self._condition.detail, self._condition.hint
        )
        self._attempts += 1
        self._tried_us = self._clock.wall_us()
        session = self._session = Session(
            plan, self._clock, self.writer, why=self._why, group_us=self._group_us, not_before_us=self._end_us,
            offset_us=self._offset_us, go_on=self._go_on, recording=self._became_up, overdue=self._overdue,
            ended=self._ended, meter=self._meter,
            finite=burst,
        )  # fmt: skip
        try:
            source = self._source = self._make_source(self._patient())
            if burst:
                late_us = schedule.burst_late_us(plan.capture.burst_s)
                source = self._source = BurstSource(source, self._clock, due_us, late_us)
            if not self._stop.is_set():
                session.record(source, self._opened)
        except SourceError as error:
            # Its frames hold the connection, and what is remembered of it is only what it says.
            error.__traceback__ = error.__context__ = error.__cause__ = None
            self.error = error
        except (UsageError, BadInput, NotFound) as error:
            # The plan itself is wrong: asked again ever more rarely, as what it describes may appear.
            self.error = Unsupported(str(error), hint=error.hint)
        else:
            self.error = None
            self._rounds.taken()
        finally:
            self._learn(session)
            self._source = None
            self._session = None
        if self.error is not None and not self._stop.is_set():
            self._failed(self.error)

    def _patient(self) -> StreamPlan:
        """Return the plan with the stall time of C006: three groups of pictures, where that is longer."""
        groups_s = GROUPS * (self._group_us or 0) / SECOND_US
        open_s = self.plan.open_timeout_s
        if self.plan.capture.mode == "burst" and not self._rounds.again:
            open_s = min(open_s, OPEN_S)
        return replace(self.plan, stall_s=max(self.plan.stall_s, groups_s), open_timeout_s=open_s)

    def _learn(self, session: Session) -> None:
        self._group_us = session.group_us
        self._end_us = session.end_us
        self._offset_us = session.offset_us
        self._dropped += session.dropped
        self._last_sample_us = session.last_sample_us or self._last_sample_us
        self._backoff.recorded(session.recorded_s)
        self._meter.clear()

    def _opened(self, tracks: tuple[Track, ...]) -> None:
        self._tracks = tracks
        self._notes = list(self._source.notes) if self._source is not None else []
        self._check(tracks)

    def _check_daily(self) -> None:
        """Compare again with the rate that was measured: cameras change theirs in mid-flow without announcing it."""
        fps, _ = self._meter.rates(self._clock.boot_us())
        self._check(
            tuple(replace(t, frame_rate=round(fps)) if t.kind is Kind.VIDEO and fps else t for t in self._tracks)
        )

    def _check(self, tracks: tuple[Track, ...]) -> None:
        self._checked_us = self._clock.boot_us()
        mismatch = compare(self.plan.expected, tracks, self.plan.audio)
        if mismatch and mismatch != self._mismatch:
            log.warning("stream.mismatch", camera=self.plan.camera, stream=self.plan.stream, fields=mismatch)
        self._mismatch = mismatch

    def _became_up(self) -> None:
        self._said_down = False
        if self._condition.become(StreamState.RECORDING):
            log.info("stream.recording", camera=self.plan.camera, stream=self.plan.stream, after=self._why)

    def _overdue(self) -> None:
        reason = GapReason.NO_KEYFRAME
        self._became_down(StreamState.STALLED, reason, "connected, but no keyframe yet", self._clock.wall_us())

    def _ended(self, end_us: int, reason: str, detail: str) -> None:
        """Footage stopped at `end_us`, although the connection may go on."""
        self._end_us = end_us
        if reason in set(GapReason):
            self._became_down(StreamState.STARTING, GapReason(reason), detail, end_us)

    def _failed(self, error: SourceError) -> None:
        stalled = error.reason in {GapReason.STALLED, GapReason.NO_KEYFRAME}
        self._became_down(
            StreamState.STALLED if stalled else StreamState.WAITING, error.reason, str(error), hint=error.hint
        )
        self._why = error.reason.value
        if self._once:
            return
        wait_s = self._backoff.after(error)
        if isinstance(error, Unreachable):
            self._wait_for_port()
        elif wait_s > 0:
            self._condition.retry_at_us = self._clock.boot_us() + round(wait_s * SECOND_US)
            self._wait(wait_s)
            self._condition.retry_at_us = None

    def _wait(self, wait_s: float) -> None:
        """Wait for the next attempt, but not beyond the time in which one is wanted (C013)."""
        until_us = self._clock.boot_us() + round(wait_s * SECOND_US)
        while (left_us := until_us - self._clock.boot_us()) > 0 and self._go_on():
            self._stop.wait(min(left_us / SECOND_US, POLL_S))

    def _wait_for_port(self) -> None:
        """Knock until somebody opens: a connect costs the camera nothing, and recording begins within seconds of it."""
        while not self._stop.wait(self.plan.probe_s) and self._go_on():
            if tcp_answers(self.plan.url, PROBE_TIMEOUT_S):
                return

    def _became_down(
        self, state: StreamState, reason: GapReason, detail: str, from_us: int | None = None, hint: str = ""
    ) -> None:
        """Enter a state without footage; a new reason goes into the journal, only the first one into the log (F04)."""
        was = self._condition.reason
        changed = self._condition.become(state, reason, detail, hint)
        if was is reason or not changed:
            return
        if from_us is None:
            from_us = self._clock.wall_us()
            if 0 < self._end_us - from_us < SECOND_US:
                # The last picture still lasts a moment: what came of the next attempt must not seem to come before.
                from_us = self._end_us + 1
        if self._tried_us and was in PLANNED and reason not in PLANNED:
            # It was wanted from the moment it was tried: what has failed since then is no plan's doing.
            from_us = min(from_us, max(self._tried_us, self._end_us + 1))
        self.writer.say(Down(from_us=from_us, reason=reason.value, detail=detail))
        # A camera that is switched off hangs up first and cannot be reached then: that is one piece of news, not two.
        say = log.debug if self._said_down else log.info
        self._said_down = reason not in PLANNED
        say(
            "stream.down", camera=self.plan.camera, stream=self.plan.stream, reason=reason.value, detail=detail,
        )  # fmt: skip
