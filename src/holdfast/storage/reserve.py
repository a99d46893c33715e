"""The recorder's emergency room: when space falls to the reserve, footage that policy has already cleared goes first.

The worker keeps a list of that (storage.expendable). The recorder only reads it, so a stopped worker never fills a
disk: afresh before each removal, and what lies there must still have the size of the file that was meant.

Not here: deciding what may go (the worker's retention), journalling `Removed` (the caller owns the journals).
One thread a process; processes keep out of each other's way with a lock on the volume.
"""

import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import AlreadyRunning, DiskFull, StorageError
from holdfast.core.journal import Removed
from holdfast.core.timing import SECOND_US
from holdfast.storage.errors import storage_errors
from holdfast.storage.expendable import Entry, decode, reading
from holdfast.storage.lock import FileLock
from holdfast.storage.volume import Volume

LOCK = ".holdfast-reserve.lock"
WHY = "reserve"
HELD_S = 30  # chosen: unlinked bytes that a reader still holds open count as free this long; then more must go


class Reserve:
    """Frees a volume's reserve from what may go."""

    def __init__(self, volume: Volume, expendable: Path, clock: Clock) -> None:
        self._volume = volume
        self._expendable = expendable
        self._clock = clock
        self._held: list[tuple[int, int]] = []  # (boot time, bytes unlinked that free space does not show yet)

    def make_room(self, streams: Collection[StreamKey] | None = None) -> list[tuple[StreamKey, Removed]]:
        """Unlink from the list until the reserve is free again.

        Bytes unlinked are counted, not free space: a file that somebody reads gives its room back only when they
        close it, and unlinking more would not help.

        Args:
            streams: Only these streams' files (a recorder can journal only its own); None for all.

        Returns:
            What was removed, oldest first, for the caller to journal. Empty where there is enough room, where nothing
            may go, or while another process is at it.

        Raises:
            StorageError: The volume does not answer, is another disk, or refuses to remove a file.
        """
        if self._short() <= 0:
            return []
        self._volume.check()
        try:
            with FileLock(self._volume.root / LOCK, what=f"the reserve of {self._volume.root}"):
                return self._unlink(streams)
        except AlreadyRunning:
            return []
        except DiskFull:
            # Not even the lock's file finds room. Without it two processes may remove more than one of them would have;
            # it was all cleared, and the other way nobody ever made room.
            return self._unlink(streams)

    def _short(self) -> int:
        now = self._clock.boot_us()
        self._held = [(at, size) for at, size in self._held if now - at < HELD_S * SECOND_US]
        return self._volume.short_bytes() - sum(size for _, size in self._held)

    def _unlink(self, streams: Collection[StreamKey] | None) -> list[tuple[StreamKey, Removed]]:
        removed: list[tuple[StreamKey, Removed]] = []
        last = b""
        left: Iterator[Entry] = iter(())
        short = self._short()
        while short > 0:
            try:
                # Held from reading to unlinking: whoever takes a file off the list may rely on it from then on.
                with reading(self._expendable) as said:
                    if said != last:
                        last, left = said, self._candidates(said, streams)
                    gone = next(self._unlinked(left), None)
            except AlreadyRunning:
                break  # the list is being changed; the next look is two seconds away
            except StorageError:
                if not removed:
                    raise
                break  # what went already has to be journalled; whatever is wrong shows again
            if gone is None:
                break
            short -= gone[1]
            removed.append((gone[0].key, Removed(file=gone[0].file, bytes=gone[1], why=WHY)))
        return removed

    def _unlinked(self, entries: Iterator[Entry]) -> Iterator[tuple[Entry, int]]:
        """Unlink one after another, as asked for; yields each that went with its size, and passes over the others."""
        for entry in entries:
            size = self._unlink_one(entry)
            if size is not None:
                yield entry, size

    def _unlink_one(self, entry: Entry) -> int | None:
        path = self._volume.root / entry.file
        with storage_errors("removing", path):
            try:
                facts = path.lstat()
                # The list is only a list: whatever it says, nothing outside this volume's footage goes.
                inside = path.parent.resolve().is_relative_to((self._volume.root / "footage").resolve())
                # Another size is another file, which somebody put in the place of what was cleared.
                if not inside or not stat.S_ISREG(facts.st_mode) or facts.st_size != entry.bytes:
                    return None
                before = self._volume.free_bytes()
                path.unlink()
            except FileNotFoundError:
                return None
        size = facts.st_blocks * 512
        hidden = size - max(0, self._volume.free_bytes() - before)
        if hidden > 0:
            self._held.append((self._clock.boot_us(), hidden))
        return facts.st_size

    def _candidates(self, said: bytes, streams: Collection[StreamKey] | None) -> Iterator[Entry]:
        """Yield what a list names of this volume and these streams, and is due; garbled lines clear nothing."""
        names = {self._volume.volume_id} - {""} or {"", str(self._volume.root)}
        for raw in said.splitlines():
            entry = decode(raw)
            if entry is None or entry.volume not in names or not entry.is_due(self._clock):
                continue
            if streams is None or entry.key in streams:
                yield entry
