"""The recorder's emergency room: when space falls to the reserve, footage that policy has already cleared goes first.

The worker keeps `expendable.jsonl` in the state folder, oldest first, one `{"volume": id, "file": path, "bytes": n}`
a line. The recorder only reads it, so a stopped worker never fills a disk. `volume` is the marker's id, or the root's
path for a volume without one.

Not here: deciding what may go (the worker's retention), journalling `Removed` (the caller owns the journals).
One thread a process; processes keep out of each other's way with a lock on the volume.
"""

import json
import stat
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import AlreadyRunning, DiskFull, UsageError
from holdfast.core.journal import Removed
from holdfast.core.timing import SECOND_US
from holdfast.storage.errors import storage_errors
from holdfast.storage.lock import FileLock
from holdfast.storage.volume import Volume

LOCK = ".holdfast-reserve.lock"
WHY = "reserve"
HELD_S = 30  # chosen: unlinked bytes that a reader still holds open count as free this long; then more must go
_DEPTH = 5  # footage/<camera>/<stream>/<day>/<file>


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
            StorageError: The volume does not answer, or refuses to remove a file.
        """
        if self._short() <= 0:
            return []
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
        short = self._short()
        for file, key in self._candidates():
            if short <= 0:
                break
            if streams is not None and key not in streams:
                continue
            size = self._unlink_one(file)
            if size is not None:
                short -= size
                removed.append((key, Removed(file=file, bytes=size, why=WHY)))
        return removed

    def _unlink_one(self, file: str) -> int | None:
        path = self._volume.root / file
        with storage_errors("removing", path):
            try:
                facts = path.lstat()
                # The list is only a list: whatever it says, nothing outside this volume's footage goes.
                inside = path.parent.resolve().is_relative_to((self._volume.root / "footage").resolve())
                if not inside or not stat.S_ISREG(facts.st_mode):
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

    def _candidates(self) -> Iterator[tuple[str, StreamKey]]:
        try:
            raw_lines = self._expendable.read_bytes().splitlines()
        except OSError:
            return  # not there, or not readable: then nothing is cleared, and a full disk will say so itself
        names = {self._volume.volume_id} - {""} or {"", str(self._volume.root)}
        for raw in raw_lines:
            try:
                body = json.loads(raw)
                volume, file = body["volume"], body["file"]
            except (ValueError, KeyError, TypeError):
                continue  # garbled: whatever it was to name, it is not cleared
            if volume in names and isinstance(file, str) and (key := _footage_key(file)) is not None:
                yield file, key


def _footage_key(file: str) -> StreamKey | None:
    """Return whose finished segment a path names, or None where it names anything else."""
    path = PurePosixPath(file)
    parts = path.parts
    if len(parts) != _DEPTH or parts[0] != "footage" or ".." in parts or path.suffix != ".mp4" or "\0" in file:
        return None
    try:
        return StreamKey(parts[1], parts[2])
    except UsageError:
        return None
