"""The writer: one thread a stream that alone touches the disk, so that the camera never waits for it.

The stream's thread puts whole fragments and words about runs into a queue bounded in bytes. When the disk cannot keep
up, `offer` says no, and the caller turns that into a `disk-slow` gap; it never blocks. When the disk is full, fails or
is gone, fragments are dropped here, the gap says why, and writing begins again by itself with the next keyframe after
the volume answers (invariants D1 to D5, docs/design/0002).

What cannot be said because the journal itself cannot be written is remembered and said first once it can.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack

import structlog

from holdfast.core.clock import Clock
from holdfast.core.errors import AlreadyRunning, DiskError, DiskFull, FileDeleted, StorageError
from holdfast.core.gap import GapReason
from holdfast.core.journal import Beat, Closed, Down, Emptied, Event, Sealed
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.recording.absence import Absence
from holdfast.recording.fragmenter import SLOW_US
from holdfast.recording.handover import Item, RunEnd, RunStart, Trouble, Written
from holdfast.recording.store import StreamStore
from holdfast.recording.unsaid import Unsaid
from holdfast.storage.memory import data_of

BEAT_US = 2 * SECOND_US  # chosen: how far off a death while waiting may be placed, against 150 bytes each
BEAT_CAP_US = 60 * SECOND_US  # specified: a gap is on record within a minute (C011)
BEAT_SHARE = 10  # chosen: a beat each tenth of the time that it has lasted: a week of absence is ten thousand lines
RETRY_US = 2 * SECOND_US  # chosen: a full or absent disk is asked again this often
HANDOVER_US = (
    SECOND_US // 4
)  # chosen: a reload hands a stream over within a segment's sealing time; asking is one flock
SYNC_AHEAD_US = SLOW_US + 100_000  # measured: a fragment is collected for half a second, a sync takes up to a tenth
LEFT_US = 30 * SECOND_US  # chosen: where no camera answers, what an interruption left is not left for longer
IDLE_S = 0.25  # chosen: how late a beat or a look at the volume may come while nothing is recorded
QUIET_S = 2.0  # chosen: while footage flows, fragments wake the writer; it has nothing to look after in between
ROOM_BYTES = 1 << 20  # chosen: with less, a full disk is not tried again; each try costs a file name and journal lines
WORDS = 1000  # chosen: events kept while the journal cannot be written; hours of reconnects

log = structlog.get_logger()


class Writer:
    """Owns a stream's store. Lives as a context: entering starts the thread, leaving says goodbye and waits for it.

    Args:
        plan: The stream.
        clock: Time.
        open_store: Makes a new store; called again whenever the last one failed.
        recover: Takes files that an interruption left behind, and gives back what to journal about each, later and
            from another thread, through `say`.
        unsaid: Where words go that could not be said before the end, and come from at the beginning.
        absence: Told while nothing can be written.
    """

    def __init__(
        self,
        plan: StreamPlan,
        clock: Clock,
        open_store: Callable[[], StreamStore],
        recover: Callable[[StreamPlan, list[str], Callable[[Event], None]], None],
        unsaid: Unsaid,
        absence: Absence,
    ) -> None:
        self._unsaid = unsaid
        self._absence = absence
        self._plan = plan
        self._clock = clock
        self._open_store = open_store
        self._recover = recover
        self._items: deque[Item] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._held_bytes = 0
        self._words: deque[Event] = deque(maxlen=WORDS)
        self._stack = ExitStack()
        self._store: StreamStore | None = None
        self._run: RunStart | None = None
        self._down: Down | None = None
        self._beat_us = self._down_us = 0
        self._retry_us = 0
        self._synced_us = self._opened_us = 0
        # What a power cut costs is the interval *and* what was not written yet: it begins early enough for both.
        self._sync_us = max(plan.sync_s * SECOND_US / 2, plan.sync_s * SECOND_US - SYNC_AHEAD_US)
        self._start_us = 0
        self._start_boot_us = 0
        self._first_of_run = False
        self._after = ""
        self._end_us = 0
        self._leftovers: list[str] = []
        self.ready = threading.Event()
        self.trouble: Trouble | None = None
        self.segments = 0
        self.media_end_us: int | None = None
        self._thread = threading.Thread(target=self._work, name=f"write {plan.key}", daemon=True)

    # --- the stream's thread -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to open the store; `ready` is set once it is."""
        self._thread.start()

    def stop(self, goodbye: Closed, timeout_s: float) -> bool:
        """Write out what is queued, say goodbye, let go of the stream. Return whether that worked in time."""
        with self._wake:
            self._items.append(goodbye)
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the disk."""
        return self._held_bytes

    @property
    def segment(self) -> str:
        """Path of the segment being written, relative to the volume; empty while there is none."""
        store = self._store
        segment = store.segment if store is not None else None
        return segment.file if segment is not None else ""

    @property
    def ram(self) -> tuple[str, int]:
        """Why files that should lie in memory first go to the volume, empty where they do not, and how many did."""
        store = self._store
        return ("", 0) if store is None else (store.ram.why, store.ram.spilled)

    def offer(self, written: Written) -> bool:
        """Hand over a fragment. False when the queue is full: the fragment is not taken, and nothing waits."""
        with self._wake:
            # One fragment is always taken: a keyframe that is larger than the whole queue must be recordable, too.
            if self._held_bytes and self._held_bytes + written.fragment.bytes > self._plan.queue_bytes:
                return False
            self._held_bytes += written.fragment.bytes
            self._items.append(written)
            self._wake.notify()
            return True

    def say(self, item: RunStart | RunEnd | Event) -> None:
        """Hand over a word about a run, or an event for the journal. Always taken."""
        with self._wake:
            self._items.append(item)
            self._wake.notify()

    # --- the writer's thread -----------------------------------------------------------------------------------------

    def _work(self) -> None:
        with self._stack:
            while True:
                item = self._next()
                if item is None and self._stopping:
                    break
                try:
                    self._step(item)
                except StorageError as error:
                    self._fail(error)
                except Exception as error:  # the writer's supervisor: no mistake of ours may end recording
                    log.exception("writer.stumbled", camera=self._plan.camera, stream=self._plan.stream)
                    self._fail(DiskError(f"an error in the recorder: {type(error).__name__}: {error}"))
            self._let_go()
        self._unsaid.put(self._plan.key, self._words)

    def _next(self) -> Item | None:
        with self._wake:
            if not self._items and not self._stopping:
                self._wake.wait(QUIET_S if self.segment else IDLE_S)
            if not self._items:
                return None
            return self._items.popleft()

    def _step(self, item: Item | None) -> None:
        if isinstance(item, Written):
            with self._wake:
                self._held_bytes -= item.fragment.bytes
        if self._store is None:
            self._absorb(item)
            self._reopen()
            return
        if isinstance(item, Written):
            self._write(item)
        elif isinstance(item, RunStart):
            self._start_run(item)
        elif isinstance(item, RunEnd):
            self._end(item)
        elif item is not None:
            self._tell(item)
        else:
            self._idle()

    def _absorb(self, item: Item | None) -> None:
        """Keep what still matters while nothing can be written."""
        if isinstance(item, RunStart):
            self._start_run(item)
        elif isinstance(item, RunEnd):
            self._run = None
        elif item is not None and not isinstance(item, Written):
            self._remember(item)

    def _start_run(self, run: RunStart) -> None:
        # A run whose end nobody told of ends where its last fragment did, not where the next run begins.
        self._seal(self._end_us, GapReason.UNKNOWN.value, self._start_us)
        self._run = run
        self._end_us = run.start_us
        if self.trouble is not None:
            # The camera is back and the disk is not: from here on the disk is why there is no footage.
            self._remember(Down(from_us=run.start_us, reason=self.trouble.reason.value, detail=self.trouble.detail))

    def _remember(self, event: Event) -> None:
        if isinstance(event, Down):
            self._down, self._down_us = event, self._clock.boot_us()
        self._words.append(event)

    def _reopen(self) -> None:
        now_us = self._clock.boot_us()
        if now_us < self._retry_us:
            return
        self._retry_us = now_us + RETRY_US
        try:
            self._store = self._stack.enter_context(self._open_store())
        except AlreadyRunning as error:
            self._note(Trouble(GapReason.RECORDER_DOWN, str(error), error.hint))
            self._retry_us = now_us + HANDOVER_US
            return
        except StorageError as error:
            if self.trouble is None or self.trouble.reason is GapReason.RECORDER_DOWN:
                down = Down(from_us=self._clock.wall_us(), reason=error.reason.value, detail=str(error))
                self._words.append(down)
            self._note(Trouble(error.reason, str(error), error.hint))
            return
        self._leftovers += self._store.leftovers
        self._opened_us = now_us
        self._words.extendleft(reversed(self._unsaid.take(self._plan.key)))
        self._flush_words()
        self._settled()

    def _settled(self) -> None:
        if self.trouble is not None:
            log.info("volume.back", camera=self._plan.camera, stream=self._plan.stream)
            self.trouble = None
            self._absence.volume(away=False)
        self.ready.set()

    def _note(self, trouble: Trouble) -> None:
        """Remember what is wrong; one log line when it begins."""
        if self.trouble is None or self.trouble.reason is not trouble.reason:
            log.warning(
                "volume.trouble", camera=self._plan.camera, stream=self._plan.stream, reason=trouble.reason.value,
                detail=trouble.detail,
            )  # fmt: skip
        self.trouble = trouble
        self._absence.volume(away=True)

    def _flush_words(self) -> None:
        store = self._store
        while self._words and store is not None:
            event = self._words[0]
            try:
                store.say(event, sync=isinstance(event, Sealed | Emptied | Closed))
            except StorageError:
                raise
            except Exception:  # one word that cannot be written must not stand before all others for ever
                log.exception("journal.word_dropped", camera=self._plan.camera, stream=self._plan.stream)
            self._words.popleft()

    def _tell(self, event: Event) -> None:
        self._remember(event)
        self._beat_us = self._clock.boot_us() + BEAT_US
        self._flush_words()

    def _write(self, item: Written) -> None:
        store, run = self._store, self._run
        if store is None or run is None:
            return
        if self.trouble is not None and not self._may_try(store, item):
            return
        if store.segment is None or item.cut:
            if not item.fragment.keyframe:
                return  # after a failure, footage begins again with a picture that decodes alone
            if store.segment is not None:
                self._seal(item.wall_us, "cut", item.run_start_us)
            self._begin(run, item)
        store.write(item.fragment, item.wall_us)
        if self.trouble is not None or self._leftovers:
            self._flows_again()
        self._end_us = self.media_end_us = item.end_us
        now_us = self._clock.boot_us()
        if now_us - self._synced_us >= self._sync_us and store.segment is not None:
            store.segment.sync()
            store.look(now_us=now_us)
            self._synced_us = now_us

    def _begin(self, run: RunStart, item: Written) -> None:
        store = self._store
        if store is None:
            return
        first = run.start_us == item.wall_us
        self._flush_words()
        why = self._after or (run.why if first else "cut")
        boot_us = run.start_boot_us + item.wall_us - run.start_us
        store.begin(RunStart(run.run, run.tracks, why, item.wall_us, boot_us, site=run.site))
        self._start_us, self._start_boot_us, self._first_of_run = item.wall_us, boot_us, first
        self._down = None
        self._synced_us = self._clock.boot_us()

    def _may_try(self, store: StreamStore, item: Written) -> bool:
        """Say whether it is time to try the disk again, and whether it has room for more than a name."""
        now_us = self._clock.boot_us()
        if now_us < self._retry_us:
            return False
        full = self.trouble is not None and self.trouble.reason is GapReason.DISK_FULL
        if full and not store.has_room(max(ROOM_BYTES, 4 * item.fragment.bytes)):
            self._retry_us = now_us + RETRY_US
            return False
        return True

    def _flows_again(self) -> None:
        """Do what waited for the first fragment that is really on disk."""
        self._after = ""
        self._settled()
        if self._leftovers:
            # Only now, with footage flowing again: recovery reads and syncs, and must not delay the first picture.
            self._hand_over()

    def _hand_over(self) -> None:
        leftovers, self._leftovers = list(dict.fromkeys(self._leftovers)), []
        self._recover(self._plan, leftovers, self.say)

    def _seal(self, end_us: int, ended: str, run_start_us: int) -> None:
        store = self._store
        if store is None or store.segment is None:
            return
        start_us = self._start_us
        if self._first_of_run:
            # What was known at the first picture was a first guess; by now the run has settled on its place in time.
            self._start_boot_us += run_start_us - start_us
            start_us = run_start_us
        file = store.segment.file
        try:
            sealed = store.seal(
                start_us=start_us, start_boot_us=self._start_boot_us, end_us=max(start_us, end_us), ended=ended
            )
        except StorageError:
            self._leftovers.append(file)
            raise
        if sealed is not None:
            self.segments += 1
            # Through the words that wait for the journal: a full disk must not make us forget a finished file.
            self._words.append(sealed)
            try:
                self._flush_words()
            finally:
                if self._plan.settles and data_of(store.root / file) is not None:
                    self._recover(self._plan, [file], self.say)

    def _end(self, item: RunEnd) -> None:
        self._run = None
        self._seal(item.end_us, item.reason, item.start_us)

    def _idle(self) -> None:
        store, now_us = self._store, self._clock.boot_us()
        if store is None or store.segment is not None:
            return
        store.look(now_us=now_us)
        self._flush_words()
        if self.trouble is not None and self._run is None:
            self._settled()
        if self._leftovers and now_us - self._opened_us > LEFT_US:
            self._hand_over()
        if self._down is not None and now_us >= self._beat_us:
            self._beat_us = now_us + min(BEAT_CAP_US, max(BEAT_US, (now_us - self._down_us) // BEAT_SHARE))
            store.say(Beat(reason=self._down.reason))

    def _fail(self, error: StorageError) -> None:
        """Stop writing, and say since when and why as soon as that can be said."""
        begins = self.trouble is None
        self._note(Trouble(error.reason, str(error), error.hint))
        self._after = error.reason.value
        store = self._store
        if store is not None and store.segment is not None:
            self._leftovers.append(store.segment.file)
            store.abandon()
        if not isinstance(error, DiskFull):
            # A full disk keeps its lock and its journal; a failing or absent one may come back as another file system.
            self._let_go()
        if begins and self._run is not None:
            # What lay in a deleted file is lost, too: the gap begins where the file did.
            from_us = self._start_us if isinstance(error, FileDeleted) else self._end_us
            self._remember(Down(from_us=from_us, reason=error.reason.value, detail=str(error)))
        self._retry_us = self._clock.boot_us() + RETRY_US

    def _let_go(self) -> None:
        self._store = None
        self._stack.close()
