"""Where a tier is written: segment files of a stream in the runtime folder, few of them, read like any other footage.

It has a journal and a lock as a volume has, so that whoever reads footage reads this. The journal is written anew now
and then, so that neither it nor the files grow for as long as somebody watches.

Not here: what is written (tiering), who reads (tiers). One object a process, on one thread.
"""

import os
import secrets
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from holdfast import __version__
from holdfast.core.camera import StreamKey, Track
from holdfast.core.clock import Clock, wall_offset_us
from holdfast.core.errors import BadInput
from holdfast.core.footage import PART, lock_path, stream_folder
from holdfast.core.journal import CHAIN_START, Begun, Down, Event, Opened, Removed, Sealed, When, encode
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.media.segment import SegmentFile, SegmentHead
from holdfast.media.tier import Coded
from holdfast.recording.fragmenter import Fragment, Fragmenter
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import ensure_folder, replace_atomically
from holdfast.storage.journal import JournalWriter, journal_files
from holdfast.storage.lock import FileLock

SEGMENT_S = 20  # chosen: with two kept, a list of 20 s is whole at any time; 4 MB each at 1.5 Mb/s
KEPT = 2  # finished files, for readers that are behind
MOST_LINES = 200  # of the journal; then it is written anew
"""Chosen: some 20 minutes; readers take a millisecond for it."""


class Spool:
    """Writes one tier.

    Args:
        root: Its folder; must exist.
        key: The stream, as readers will name it.
        clock: Time.
    """

    def __init__(self, root: Path, key: StreamKey, clock: Clock) -> None:
        self._root = root
        self._key = key
        self._clock = clock
        self._stack = ExitStack()
        self._segment: SegmentFile | None = None
        self._start_us = self._end_us = 0
        self._run = ""
        self._tracks: tuple[Track, ...] = ()
        self._fragmenter: Fragmenter | None = None
        self._walls: dict[int, int] = {}
        self._sealed: deque[Sealed] = deque()
        self._lines = 0
        self._leftovers: list[Path] = []

    @property
    def end_us(self) -> int:
        """Wall time that is reached."""
        return self._end_us

    @property
    def bytes(self) -> int:
        """What lies here."""
        return sum(s.bytes for s in self._sealed) + (self._segment.bytes if self._segment is not None else 0)

    def __enter__(self) -> Self:
        """Take the folder.

        Raises:
            AlreadyRunning: Somebody else writes here.
            StorageError: It cannot be written.
        """
        folder = self._root / stream_folder(self._key)
        ensure_folder(self._root, folder)
        with ExitStack() as stack:
            stack.enter_context(FileLock(self._root / lock_path(self._key), what=f"the tier of {self._key}"))
            # What somebody left who was killed goes once there is something newer: its name must not be used again.
            self._leftovers = [*folder.glob("*/*.mp4"), *folder.glob(f"*/*.mp4{PART}")]
            self._journal = stack.enter_context(JournalWriter(self._root, self._key, self._clock))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._segment is not None:
            self._segment.abandon()
        self._stack.close()

    def begin(self, tracks: Sequence[Track]) -> None:
        """Begin a run: other parameters, or a gap before it."""
        self.end("restarted")
        self._run, self._tracks = secrets.token_hex(4), tuple(tracks)
        self._fragmenter = Fragmenter(self._tracks)

    def add(self, coded: Coded) -> None:
        """Take a sample of the run.

        Raises:
            StorageError: It could not be written.
        """
        fragmenter = self._fragmenter
        if fragmenter is None:
            return
        done = fragmenter.add(coded.sample)
        if done is not None:
            self._write(done)
        if coded.sample.track == fragmenter.lead:
            self._walls[coded.sample.pts_ticks] = coded.wall_us

    def gap(self, start_us: int, reason: str, detail: str) -> None:
        """Say why nothing follows from an instant on."""
        self.end(reason)
        self._say(Down(from_us=start_us, reason=reason, detail=detail))

    def end(self, why: str) -> None:
        """End the run, if there is one."""
        fragmenter, self._fragmenter = self._fragmenter, None
        if fragmenter is not None and (rest := fragmenter.flush()) is not None:
            self._write(rest)
        self._seal(why)
        self._walls.clear()

    def trim(self, before_us: int | None = None) -> None:
        """Remove finished files: those that end before an instant, else all but the newest."""
        while self._sealed and (len(self._sealed) > KEPT if before_us is None else self._sealed[0].end_us < before_us):
            gone = self._sealed.popleft()
            with suppress(FileNotFoundError), storage_errors("removing", self._root / gone.file):
                (self._root / gone.file).unlink()
            self._say(Removed(file=gone.file, bytes=gone.bytes, why="reserve"))
        if self._lines > MOST_LINES:
            self._write_anew()

    def _write(self, fragment: Fragment) -> None:
        lead = [s for s in fragment.samples if s.track == 0]
        wall_us = self._walls.get(lead[0].pts_ticks) if lead else None
        if wall_us is None:
            return
        if self._segment is not None and fragment.keyframe and wall_us - self._start_us >= SEGMENT_S * SECOND_US:
            self._seal("cut", wall_us)
        if self._segment is None:
            if not fragment.keyframe:
                return
            self._open(wall_us)
        segment = self._segment
        if segment is not None:
            segment.write(fragment.samples, wall_us)
        last = lead[-1]
        scale = self._tracks[0].timescale
        self._end_us = wall_us + ticks_to_us(last.pts_ticks + last.duration_ticks - lead[0].pts_ticks, scale)
        for sample in lead:
            self._walls.pop(sample.pts_ticks, None)

    def _open(self, start_us: int) -> None:
        clock = self._clock
        why = "cut" if self._sealed and self._sealed[-1].run == self._run else "restarted"
        head = SegmentHead(
            key=self._key, run=self._run, start_us=start_us,
            start_boot_us=max(0, start_us - wall_offset_us(clock)), boot=clock.boot_id,
            sync=clock.synchronised(), why=why, program=__version__, site="",
        )  # fmt: skip
        self._segment = SegmentFile.create(self._root, head, self._tracks, segment_s=2 * SEGMENT_S)
        self._start_us = start_us
        self._clear_leftovers()
        self._say(Begun(file=self._segment.file, run=self._run, start_us=start_us, why=why))

    def _seal(self, why: str, end_us: int | None = None) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        if not segment.fragments:
            segment.discard()
            return
        try:
            sealed = segment.seal(start_us=self._start_us, end_us=end_us or self._end_us, ended=why)
        except BadInput:
            segment.abandon()
            return
        # Placed by its wall time alone: what is converted now may have been recorded in another boot.
        sealed = replace(sealed, start_boot_us=None)
        self._sealed.append(sealed)
        self._say(sealed)

    def _opened(self) -> Opened:
        return Opened(
            camera=self._key.camera, stream=self._key.stream, pid=os.getpid(), program=__version__, session=""
        )

    def _say(self, event: Event) -> None:
        if not self._lines:
            for path in journal_files(self._root, self._key):
                path.unlink(missing_ok=True)
            self._lines = 1
            self._journal.write(self._opened(), sync=False)
        self._journal.write(event, sync=False)
        self._lines += 1

    def _clear_leftovers(self) -> None:
        for path in self._leftovers:
            with suppress(FileNotFoundError), storage_errors("removing", path):
                path.unlink()
        self._leftovers = []

    def _write_anew(self) -> None:
        """Write a journal that says only what is still here; its readers see the old one or the new one, whole."""
        clock, chain, text = self._clock, CHAIN_START, b""
        when = When(
            at_us=clock.wall_us(), boot=clock.boot_id, boot_us=clock.boot_us(), sync=clock.synchronised()
        )  # fmt: skip
        events: list[Event] = [self._opened(), *self._sealed]
        if self._segment is not None:
            events.append(Begun(file=self._segment.file, run=self._run, start_us=self._start_us, why="cut"))
        for event in events:
            raw, chain = encode(when, event, chain)
            text += raw
        files = journal_files(self._root, self._key)
        if files:
            replace_atomically(files[-1], text, durable=False, mode=0o640)
            for path in files[:-1]:
                path.unlink(missing_ok=True)
        self._lines = len(events)
