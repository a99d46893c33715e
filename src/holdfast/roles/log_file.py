"""One log file: capped, rotated, compressed, and never in anybody's way.

Callers hand lines to a bounded queue and go on; one thread a process writes them, another compresses what was rotated.
A full, slow or vanished disk costs log lines, which are counted and said, never time or an exception (F30).

Not here: what a line says (logging).
"""

import errno
import gzip
import os
import queue
import re
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from pathlib import Path

from holdfast.core.clock import Clock
from holdfast.core.errors import UsageError
from holdfast.core.timing import DAY_US, SECOND_US, parse_instant

ROTATED = re.compile(r"(?P<name>.+\.log)\.(?P<number>\d+)(?P<packed>\.gz)?")

_AT = re.compile(rb'\{"at":"([^"]+)"')  # how each of our lines begins
_QUEUE_LINES = 20_000  # chosen: some 5 MB, or a disk that hangs for 20 s at a thousand lines a second
_RETRY_S = 5.0  # chosen: how often a log file that cannot be written is tried again
_CLOSE_S = 2.0  # chosen: the longest that leaving waits for the last lines


class RotatingFile:
    """The file of one role. Used by one thread, the log writer's.

    Args:
        path: Where it is.
        max_bytes: Size at which it is rotated.
        keep: Rotated files that are kept.
        keep_days: Days that lines are kept; None for as long as there are not too many. Deleting is retention's.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int, keep_days: float | None = None) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.keep = keep
        self.keep_days = keep_days
        self._begun_us: int | None = None
        self._fd = -1
        self._size = 0
        self._torn = False

    def write(self, line: bytes) -> bool:
        """Append a line; rotate first where it would not fit.

        Returns:
            Whether a file was rotated.

        Raises:
            OSError: It could not be written, or not whole.
        """
        # Somebody may have removed the file, or the folder; writing on into the nameless file would lose every line.
        if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:
            self.close()
        if self._fd < 0:
            self._open()
        if rotate := bool(self._size) and self._size + len(line) > self.max_bytes:
            self.rotate()
        data = b"\n" + line if self._torn else line
        written = os.write(self._fd, data)
        self._size += written
        self._torn = written < len(data)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        return rotate

    def rotate(self) -> None:
        """Give the full file a number and begin a new one. Renames and unlinks only: compressing is the packer's.

        Raises:
            OSError: The names could not be changed.
        """
        self.close()
        rotated = self.rotated()
        number = max(rotated, default=0) + 1
        self.path.replace(self.path.with_name(f"{self.path.name}.{number}"))
        for old in [n for n in (*rotated, number) if n <= number - self.keep]:
            self._forget(old)
        self._open()

    def rotate_old(self, now_us: int) -> bool:
        """Rotate the file where its first line is old, so that whole files can be deleted by their age.

        Those that are kept reach back as far as lines are kept, together: neither more files nor older lines follow.

        Args:
            now_us: Wall time.

        Returns:
            Whether it was rotated.

        Raises:
            OSError: The names could not be changed.
        """
        if self.keep_days is None or self._fd < 0 or not self._size:
            return False
        if self._begun_us is None:
            self._begun_us = now_us
        if now_us - self._begun_us < self.keep_days * DAY_US / max(1, self.keep):
            return False
        self.rotate()
        return True

    def pack(self) -> None:
        """Compress what was rotated. Called by the packer's thread; what is pruned meanwhile is let go."""
        for number, path in sorted(self.rotated().items()):
            if path.suffix == ".gz":
                continue
            part = path.with_name(f"{path.name}.gz.part")
            try:
                with path.open("rb") as plain, gzip.open(part, "wb", compresslevel=6) as packed:
                    shutil.copyfileobj(plain, packed)
                part.replace(path.with_name(f"{path.name}.gz"))
                path.unlink(missing_ok=True)
            except OSError:
                part.unlink(missing_ok=True)
                continue
            if number <= max(self.rotated(), default=0) - self.keep:
                self._forget(number)

    def rotated(self) -> dict[int, Path]:
        """Return the rotated files by number, newest highest."""
        found: dict[int, Path] = {}
        for path in self.path.parent.glob(f"{self.path.name}.*"):
            match = ROTATED.fullmatch(path.name)
            if match and match["name"] == self.path.name:
                found[int(match["number"])] = path
        return found

    def close(self) -> None:
        """Give up the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _open(self) -> None:
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._fd).st_size
        self._begun_us = None
        if self._size:
            with self.path.open("rb") as file:
                first = _AT.match(file.read(64))
            with suppress(UsageError, UnicodeDecodeError):
                self._begun_us = None if first is None else parse_instant(first[1].decode(), UTC)

    def _forget(self, number: int) -> None:
        for end in ("", ".gz"):
            self.path.with_name(f"{self.path.name}.{number}{end}").unlink(missing_ok=True)


class LogWriter:
    """Two threads that take lines off everybody's hands: one writes, one compresses."""

    def __init__(
        self,
        file: RotatingFile | None,
        clock: Clock,
        lost: Callable[[int], bytes],
        tick: Callable[[], list[tuple[bytes, str]]],
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            file: Where lines go, or None.
            clock: For retries.
            lost: Makes the line that says how many lines were lost.
            tick: Asked about once a second for lines that became due (summaries of repetitions).
        """
        self._file = file
        self._clock = clock
        self._lost = lost
        self._tick = tick
        self._queue: queue.Queue[tuple[bytes, str] | None] = queue.Queue(_QUEUE_LINES)
        self._dropped = 0
        self._counting = threading.Lock()
        self._retry_us = 0
        self._rotated = threading.Event()
        self._closing = False
        self._threads = [
            threading.Thread(target=self._write_all, name="log-writer", daemon=True),
            threading.Thread(target=self._pack_all, name="log-packer", daemon=True),
        ]

    def start(self) -> None:
        """Start both threads."""
        self._rotated.set()  # what a crash left uncompressed is picked up at once
        for thread in self._threads:
            thread.start()

    def put(self, line: bytes, console: str) -> None:
        """Hand over a line for the file and one for the console (either may be empty). Never waits, never raises."""
        try:
            self._queue.put_nowait((line, console))
        except queue.Full:
            self._drop(1)

    def close(self) -> None:
        """Write what is left and end the threads; gives up after two seconds."""
        self._closing = True
        with suppress(queue.Full):
            self._queue.put(None, timeout=_CLOSE_S)
        self._threads[0].join(_CLOSE_S)
        self._rotated.set()
        self._threads[1].join(_CLOSE_S)

    def _write_all(self) -> None:
        ticked_us = 0
        while True:
            try:
                item = self._queue.get(timeout=1.0)
            except queue.Empty:
                item = (b"", "")
            if item is None:
                break
            self._write(*item)
            if (now_us := self._clock.boot_us()) - ticked_us >= SECOND_US:
                ticked_us = now_us
                self._rotate_old()
                for due in self._tick():
                    self._write(*due)
        if self._file:
            self._file.close()

    def _write(self, line: bytes, console: str) -> None:
        if console:
            # A terminal that was closed must not end the role; the file still has everything.
            with suppress(OSError, ValueError):
                sys.stderr.write(console + "\n")
                sys.stderr.flush()
        if not self._file or not line:
            return
        if self._retry_us > self._clock.boot_us():
            self._drop(1)
            return
        before = self._dropped
        try:
            if before:
                self._file.write(self._lost(before))
                self._drop(-before)
            if self._file.write(line):
                self._rotated.set()
        except OSError:
            self._drop(1)
            self._retry_us = self._clock.boot_us() + round(_RETRY_S * SECOND_US)
            with suppress(OSError):
                self._file.close()

    def _rotate_old(self) -> None:
        with suppress(OSError):  # then it is tried again in a second
            if self._file and self._file.rotate_old(self._clock.wall_us()):
                self._rotated.set()

    def _drop(self, count: int) -> None:
        with self._counting:
            self._dropped += count

    def _pack_all(self) -> None:
        while not self._closing:
            self._rotated.wait()
            self._rotated.clear()
            if self._file:
                self._file.pack()
