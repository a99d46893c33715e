"""A folder that another program writes into as a camera (C148): `folder:///srv/captures`.

Pictures (JPEG, PNG, WebP) are encoded, each at the instant of its capture; segments (MPEG-TS, MP4, Matroska) are
recorded as they are. A file is taken once it was closed or renamed into place, and never half written (F13). What lies
there at the start is passed over: it is the past. Nothing there is ever changed. In the source's own process, on its
thread.

Not here: noticing files (folder_watch), what they are and when they were captured (folder_names), reading them
(folder_files), making samples of them (folder_pictures, folder_segments).
"""

import os
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from zoneinfo import ZoneInfo

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import Refused, SourceEnded, SourceError, Stalled
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.failures import listen_to_libav
from holdfast.media.source.folder_files import Found, NotTaken, Taken, opened
from holdfast.media.source.folder_names import PICTURES, Lateness, arriving, folder_of, passed_over, shown
from holdfast.media.source.folder_pictures import FolderPictures
from holdfast.media.source.folder_segments import FolderSegments
from holdfast.media.source.folder_watch import FolderWatch

_TICK_S = 0.2  # how late an interruption is noticed
_MOST_WAITING = 50  # chosen: pictures; who is further behind takes the newest, for the past cannot be caught up with
_FRESH_US = 30 * SECOND_US  # chosen: segments of this age mean that somebody writes them
_MEASURED = 6  # chosen: files; fewer say little about how often they come
_USUAL_RATE = 5.0  # what grabbers write a second, where nothing lies there that says it
_FIRST_SHARE = 0.9  # of the time to open: the rest went into starting this process, and what is wrong must be told
_QUIET_FILES = 3  # chosen: as many lengths of a file may pass until the next one comes

Item = Sample | TracksChanged


class FolderSource:
    """A folder.

    Args:
        plan: `url` names it. Options: `pattern` (as in `*.jpg`: only files of such names), `polls` (`yes` looks through
            the folder again and again, `no` never does; unset does so on network mounts).
        clock: Tells when files come.

    Attributes:
        notes: What a person should know about the stream.
        quiet_s: For how long it may be silent: segments come whole.
    """

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._name = str(plan.key)
        self._path = folder_of(plan.url)
        self._pattern = plan.options.get("pattern", "")
        self._zone = ZoneInfo(plan.capture.zone)
        self._told = threading.Event()
        self._watch: FolderWatch | None = None
        self._pictures: FolderPictures | None = None
        self._segments: FolderSegments | None = None
        self._taken = Taken()
        self._late = Lateness()
        self._waiting: list[str] = []
        self._came_us = clock.boot_us()
        self._why = ""
        self._rate = _USUAL_RATE
        self._early: list[Item] = []
        self._items: Generator[Item | None] | None = None
        self.notes: tuple[str, ...] = ()
        self.quiet_s = 0.0
        listen_to_libav()

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Encoders that did not work, and why."""
        return () if self._pictures is None else self._pictures.passed_over

    def open(self) -> tuple[Track, ...]:
        """Wait for the first file; see `contract.Source.open`."""
        polls = {"yes": True, "no": False}.get(self._plan.options.get("polls", ""))
        self._watch = FolderWatch(self._path, self._name, polls=polls)
        self._came_us = self._clock.boot_us()
        fresh = self._fresh()
        self._rate = _rate([modified_us for _, modified_us in fresh])
        if self._segments_come([name for name, _ in fresh]):
            self._segments = self._of_segments()
        self._items = self._flow(_FIRST_SHARE * self._plan.open_timeout_s)
        try:
            while not (tracks := self._tracks()):
                item = next(self._items)
                if item is not None:
                    self._early.append(item)
                elif not self._tracks():
                    self._early.clear()  # a file that does not tell what it holds is none to begin with
        except SourceError:
            self.close()
            raise
        if self._segments is not None:
            self.notes += self._segments.notes
            self.quiet_s = self._quiet_s()
        return tracks

    def samples(self) -> Iterator[Item]:
        """Yield what is written there; see `contract.Source.samples`."""
        early, self._early = self._early, []
        yield from early
        try:
            for item in self._items or ():
                if item is not None:
                    yield item
        except SourceError:
            yield from self._flushed()
            raise

    def close(self) -> None:
        """Let go of the folder."""
        self._told.set()
        items, self._items = self._items, None
        if items is not None:
            items.close()
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()
        if self._segments is not None:
            self._segments.close()

    def interrupt(self) -> None:
        """End the present wait soon. From any thread."""
        self._told.set()

    def _tracks(self) -> tuple[Track, ...]:
        maker = self._segments or self._pictures
        return () if maker is None else maker.tracks

    def _of_segments(self) -> FolderSegments:
        return FolderSegments(self._name, self._plan.audio, self._plan.stall_s, self._clock, self._told)

    def _quiet_s(self) -> float:
        length_us = 0 if self._segments is None else self._segments.length_us
        return max(self._plan.stall_s, _QUIET_FILES * length_us / SECOND_US)

    def _flow(self, first_s: float) -> Generator[Item | None]:
        """Yield the folder's samples for ever, and None after each file; the first one may take another time."""
        within_s = first_s
        while True:
            name = self._next(within_s)
            try:
                with opened(self._path / name) as found:
                    if found.mark in self._taken:
                        continue
                    for item in self._read(name, found):
                        yield item
                        self._came_us = self._clock.boot_us()
                    # What cannot be recorded does not count as having come.
                    self._came_us = self._clock.boot_us()
                    self._taken.add(found.mark)
                    self._why = ""
            except NotTaken as error:
                self._why = f"{shown(name)}: {error}"
            yield None
            if self._tracks():
                within_s = self._quiet_s()

    def _read(self, name: str, found: Found) -> Iterator[Item]:
        """Yield what is in a file."""
        segment = found.form not in PICTURES
        if self._segments is None and self._pictures is None:
            if segment:
                self._segments = self._of_segments()
            else:
                self._pictures = FolderPictures(self._plan.encode, self._rate)
        if self._segments is not None:
            if not segment:
                raise NotTaken("segments lie here, too, and those are recorded: set options.pattern for the pictures")
            length_us = self._segments.length_of(found)
            yield from self._segments.read(found, self._captured_us(name, found, length_us))
        elif self._pictures is not None:
            if segment:
                raise NotTaken("pictures came first and are recorded: set options.pattern for the segments")
            yield from self._pictures.feed(found.body, found.form, self._captured_us(name, found, 0))

    def _captured_us(self, name: str, found: Found, length_us: int) -> int:
        """Return the boot time at which a file's first picture was captured."""
        now_us = self._clock.wall_us()
        at = arriving(name, found.modified_us, self._zone, now_us, length_us=length_us, late=self._late)
        return self._clock.boot_us() - (now_us - at.at_us)

    def _next(self, within_s: float) -> str:
        """Return the next file's name.

        Raises:
            Stalled: None came in time.
            SourceError: The folder is gone, or somebody said to stop.
        """
        while True:
            watch = self._watch
            if watch is None or self._told.is_set():
                raise SourceEnded(f"{self._name}: told to stop", hint="")
            self._waiting += self._fitting(watch.wait(0 if self._waiting else _TICK_S))
            if self._pictures is not None:
                del self._waiting[:-_MOST_WAITING]
            if self._waiting:
                return self._waiting.pop(0)
            if self._clock.boot_us() - self._came_us > within_s * SECOND_US:
                raise self._stalled(within_s)

    def _fitting(self, names: list[str]) -> list[str]:
        fitting = []
        for name in names:
            why = passed_over(name, self._pattern)
            if not why:
                fitting.append(name)
            elif not self._why:
                self._why = f"{shown(name)}: {why}"
        return fitting

    def _stalled(self, within_s: float) -> SourceError:
        words = f"nothing to record came into {self._path} for {round(within_s, 1):g} s"
        if not self._why:
            hint = "does the program that writes there run, and is the right disk mounted?"
            return Stalled(f"{self._name}: {words}", hint=hint)
        hint = f"holdfast cameras test {self._plan.camera} --dry-run lists what lies there, and why it is not taken"
        if self._tracks():
            return Stalled(f"{self._name}: {words}; the last file that was not taken is {self._why}", hint=hint)
        return Refused(f"{self._name}: {words}; {self._why}", hint=hint)

    def _flushed(self) -> list[Item]:
        maker = self._segments or self._pictures
        return [] if maker is None else maker.flush()

    def _fresh(self) -> list[tuple[str, int]]:
        """Return names and times of what was written within the last seconds, oldest first."""
        oldest_ns = (self._clock.wall_us() - _FRESH_US) * 1000
        fresh = []
        with suppress(OSError), os.scandir(self._path) as entries:
            for entry in entries:
                with suppress(OSError):
                    modified_ns = entry.stat(follow_symlinks=False).st_mtime_ns
                    if modified_ns >= oldest_ns and not passed_over(entry.name, self._pattern):
                        fresh.append((entry.name, modified_ns // 1000))
        return sorted(fresh, key=lambda one: one[1])

    def _segments_come(self, fresh: list[str]) -> bool:
        """Say whether somebody writes segments here; then pictures beside them are not what is to be recorded."""
        for name in fresh:
            with suppress(NotTaken), opened(self._path / name) as found:
                if found.form not in PICTURES:
                    return True
        return False


def _rate(modified_us: list[int]) -> float:
    """Return how many files a second were written of late."""
    last = modified_us[-_MEASURED:]
    if len(last) < _MEASURED or last[-1] <= last[0]:
        return _USUAL_RATE
    return (len(last) - 1) * SECOND_US / (last[-1] - last[0])
