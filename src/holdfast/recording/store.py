"""One stream's place on its volume: the lock, the journal, the segment being written.

Everything here may fail with a `StorageError` at any time, because disks fill, fail and are pulled out; whoever holds
a store then drops it and opens another one (`writer` does). Used by the writer's thread alone, recovery excepted, which
is given files that no writer touches any more.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from holdfast import __version__
from holdfast.core.clock import Clock
from holdfast.core.errors import DiskFull, StorageError
from holdfast.core.footage import lock_path, stream_folder
from holdfast.core.journal import Begun, Event, Opened, Removed, Sealed
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.recover import leftovers
from holdfast.media.segment import SegmentFile, SegmentHead
from holdfast.recording.fragmenter import Fragment
from holdfast.recording.handover import RunStart
from holdfast.recording.ram import Ram
from holdfast.storage import memory
from holdfast.storage.files import ensure_folder
from holdfast.storage.journal import JournalWriter
from holdfast.storage.lock import FileLock
from holdfast.storage.reserve import Reserve
from holdfast.storage.volume import Volume

LOOK_US = (
    2 * SECOND_US
)  # chosen: how often the volume is looked at; two stat calls, against at most 2 s into a wrong disk


class StreamStore:
    """The stream's folder, held under its lock from construction of the context to its end.

    Raises (on entering):
        AlreadyRunning: Another recorder holds this stream.
        StorageError: The volume is not there or cannot be written.
    """

    def __init__(self, plan: StreamPlan, clock: Clock, expendable: Path, session: str) -> None:
        self._plan = plan
        self._clock = clock
        self._session = session
        self.root = Path(plan.volume)
        self._volume = Volume(self.root, plan.volume_id, plan.reserve_bytes)
        self._reserve = Reserve(self._volume, expendable, clock)
        self._stack = ExitStack()
        self._looked_us = 0
        self._removed: list[Removed] = []  # unlinked, and not in the journal yet
        self._reached: tuple[str, list[int | None]] = ("", [])  # a run, and how far its newest file has come
        self.ram = Ram(plan)
        self.segment: SegmentFile | None = None
        self.leftovers: list[str] = []

    def __enter__(self) -> Self:
        self._volume.check()
        try:
            self._open()
        except DiskFull:
            # A disk that is full to the last byte takes neither folder nor lock: first what policy has cleared goes.
            if not self._free():
                raise
            self._open()
        return self

    def _open(self) -> None:
        plan = self._plan
        ensure_folder(self.root, self.root / stream_folder(plan.key))
        with ExitStack() as stack:
            stack.enter_context(FileLock(self.root / lock_path(plan.key), what=f"recording of {plan.key}"))
            self._journal = stack.enter_context(JournalWriter(self.root, plan.key, self._clock))
            # Listed before anything is written: what is recovered later can never be the file that grows by then.
            self.leftovers = [*leftovers(self.root, plan.key), *self._in_memory()]
            opened = Opened(
                camera=plan.camera,
                stream=plan.stream,
                pid=os.getpid(),
                program=__version__,
                session=self._session,
            )
            self.say(opened)
            self._stack = stack.pop_all()

    def _in_memory(self) -> list[str]:
        """Return finished files that are to leave memory, or were lost with it; policy looks after the others."""
        found = memory.links(self.root, self._plan.key)
        return [file for file in found if self._plan.settles or memory.is_lost(self.root / file)]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()
        self._stack.close()

    def say(self, event: Event, *, sync: bool = False) -> None:
        """Append to the journal; where the disk is full, make room and try once more.

        Args:
            event: What is said.
            sync: A power cut must not forget it.
        """
        if isinstance(event, Sealed) and not self._plan.settles and memory.data_of(self.root / event.file) is not None:
            sync = False  # its line need not outlive what it is about; whoever moves the file syncs the journal first
        try:
            self._journal.write(event, sync=sync)
        except DiskFull:
            if not self._free():
                raise
            self._journal.write(event, sync=sync)
        # After it: a recorder's first word must come first. What does not fit now is said with the next event.
        with suppress(DiskFull):
            self._say_removed()

    def look(self, *, now_us: int) -> None:
        """See now and then that the volume is still the right one, and that its reserve and memory have room.

        Raises:
            VolumeMissing: The marker is gone: the disk was unmounted.
            DiskFull: Half of the reserve is used up, and nothing may be removed.
        """
        if now_us - self._looked_us < LOOK_US:
            return
        self._looked_us = now_us
        self._volume.check()
        if self._volume.short_bytes() > 0:
            self.make_room()
        if self.segment is not None and self.segment.in_memory and (why := self.ram.over()):
            self._spill(self.segment, why)

    def _spill(self, segment: SegmentFile, why: str) -> None:
        """Go on with a file on the volume that was begun in memory; nothing of it is lost."""
        self.ram.refused(why)
        try:
            segment.settle()
        except DiskFull:
            if not self._free():
                raise
            segment.settle()

    def make_room(self) -> None:
        """Unlink what policy has cleared of this stream, oldest first, and write down what went.

        Every stream does this for its own footage, as only its journal may say so; together they free the reserve. The
        first half of the reserve is for the time that this takes, the second half belongs to catalog, logs and
        acknowledgements: footage does not enter it.

        Raises:
            DiskFull: It was not enough.
        """
        self._free()
        self._say_removed()
        free_bytes = self._volume.free_bytes()
        if free_bytes < self._plan.reserve_bytes // 2:
            kept = self._plan.reserve_bytes >> 20
            raise DiskFull(f"{self.root}: {free_bytes >> 20} MiB free, {kept} MiB are to be kept in reserve")

    def has_room(self, need_bytes: int) -> bool:
        """Say whether a full disk has room again; what policy has cleared goes first."""
        try:
            self.make_room()
        except DiskFull:
            return False
        return self._volume.free_bytes() >= need_bytes

    def _free(self) -> bool:
        """Unlink what policy has cleared, and remember to say so; return whether anything went."""
        removed = [line for _, line in self._reserve.make_room({self._plan.key})]
        self._removed += removed
        return bool(removed)

    def _say_removed(self) -> None:
        while self._removed:
            self._journal.write(self._removed[0], sync=True)
            del self._removed[0]

    def begin(self, run: RunStart) -> None:
        """Create the next segment's file and say so."""
        plan, clock = self._plan, self._clock
        self.look(now_us=clock.boot_us())
        head = SegmentHead(
            key=plan.key, run=run.run, start_us=run.start_us, start_boot_us=run.start_boot_us, boot=clock.boot_id,
            sync=clock.synchronised(), why=run.why, program=__version__, site=run.site,
        )  # fmt: skip
        reached = self._reached[1] if self._reached[0] == run.run else ()
        self.segment = self._created(head, run, reached)
        try:
            self.say(Begun(file=self.segment.file, run=run.run, start_us=run.start_us, why=run.why))
        except BaseException:
            segment, self.segment = self.segment, None
            segment.discard()
            raise
        self._reached = (run.run, self.segment.reached_ticks)  # grows with the file; the next one goes on from there

    def _created(self, head: SegmentHead, run: RunStart, reached: Sequence[int | None]) -> SegmentFile:
        place, length_s = self.ram.place(), self._plan.segment_s
        try:
            return SegmentFile.create(
                self.root, head, run.tracks, segment_s=length_s, after_ticks=reached, memory=place
            )  # fmt: skip
        except StorageError as error:
            if place is None:
                raise
            # Memory is an advantage, never a condition: whatever is wrong with it, the volume takes the file.
            self.ram.refused(str(error))
        return SegmentFile.create(self.root, head, run.tracks, segment_s=length_s, after_ticks=reached)

    def write(self, fragment: Fragment, wall_us: int) -> int:
        """Append one fragment to the segment; where the disk is full, make room and try once more."""
        assert self.segment is not None  # noqa: S101 - the writer begins a segment before it writes into it
        try:
            return self.segment.write(fragment.samples, wall_us)
        except DiskFull as error:
            if self.segment.in_memory:
                self._spill(self.segment, str(error))
            else:
                self.make_room()
            return self.segment.write(fragment.samples, wall_us)

    def seal(self, *, start_us: int, start_boot_us: int | None, end_us: int, ended: str) -> Sealed | None:
        """Finish the segment: index, sync, final name. The caller journals what is returned (invariants D1 to D3).

        Returns:
            The line to write, or None where nothing had been written into the segment.
        """
        segment, self.segment = self.segment, None
        if segment is None:
            return None
        if segment.media_bytes == 0:
            segment.discard()
            return None
        try:
            sealed = self._finish(segment, start_us=start_us, end_us=end_us, ended=ended)
        except BaseException:
            segment.abandon()
            raise
        self.ram.wrote(sealed.bytes)
        # The file was begun with a first guess of its start; the boot clock's anchor moves along with the better one.
        return replace(sealed, start_boot_us=start_boot_us)

    def _finish(self, segment: SegmentFile, *, start_us: int, end_us: int, ended: str) -> Sealed:
        try:
            return segment.seal(start_us=start_us, end_us=end_us, ended=ended)
        except DiskFull as error:
            if segment.in_memory:
                self._spill(segment, str(error))
            elif not self._free():
                raise
            return segment.seal(start_us=start_us, end_us=end_us, ended=ended)

    def abandon(self) -> None:
        """Leave the segment as it is: recovery finishes it."""
        segment, self.segment = self.segment, None
        if segment is not None:
            segment.abandon()
