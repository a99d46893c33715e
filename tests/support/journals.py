"""Journals for tests of what is made of them: a stream that says what a recorder would, and its files, with a clock."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.core.camera import StreamKey
from holdfast.core.footage import PART, lock_path, segment_path, stream_folder
from holdfast.core.journal import Begun, Closed, Down, Emptied, Event, Opened, Removed, Sealed
from holdfast.storage.journal import JournalWriter
from holdfast.storage.lock import FileLock
from support.clock import PushedClock


@dataclass
class Told:
    """One stream's journal, written through the real writer; files hold a few bytes in place of media."""

    root: Path
    clock: PushedClock
    key: StreamKey = field(default_factory=lambda: StreamKey("gate", "main"))
    session: int = 0

    def __post_init__(self) -> None:
        (self.root / stream_folder(self.key)).mkdir(parents=True, exist_ok=True)
        self.writer = JournalWriter(self.root, self.key, self.clock)
        self.lock: FileLock | None = None

    def say(self, event: Event) -> None:
        self.writer.write(event, sync=False)

    def open(self) -> None:
        """A recorder takes the stream."""
        self.lock = FileLock(self.root / lock_path(self.key))
        self.lock.__enter__()
        self.session += 1
        session = f"s{self.session}"
        self.say(Opened(camera=self.key.camera, stream=self.key.stream, pid=1, program="test", session=session))

    def die(self) -> None:
        """It is killed: only the lock goes."""
        if self.lock is not None:
            self.lock.__exit__(None, None, None)
            self.lock = None
        self.writer.close()

    def close(self, reason: str = "recorder-down") -> None:
        """It leaves in order."""
        self.say(Closed(reason=reason))
        self.die()

    def begin(self, run: str = "r1", *, attempt: int = 0) -> str:
        """A segment begins now."""
        start_us = self.clock.wall_us()
        file = str(segment_path(self.key, start_us, attempt))
        part = self.root / f"{file}{PART}"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"media")
        self.say(Begun(file=file, run=run, start_us=start_us, why="cut"))
        return file

    def seal(
        self, file: str, start_us: int, run: str = "r1", *, ended: str = "cut", recovered: bool = False,
        body: bytes = b"",
    ) -> Sealed:  # fmt: skip
        """It ends now."""
        data = body or f"{file} {start_us}".encode()
        (self.root / f"{file}{PART}").unlink(missing_ok=True)
        (self.root / file).write_bytes(data)
        end_us = self.clock.wall_us()
        boot_us = None if recovered else self.clock.boot_us() - (end_us - start_us)
        sealed = Sealed(
            file=file, run=run, start_us=start_us, end_us=end_us, start_boot_us=boot_us, bytes=len(data),
            media_bytes=len(data) // 2, sha256=_sha256(data), video_samples=25, audio_samples=0, began="cut",
            ended=ended, recovered=recovered, tracks=[{"kind": "video", "codec": "h264", "width": 1920}],
        )  # fmt: skip
        self.say(sealed)
        return sealed

    def record(self, seconds: float, run: str = "r1", *, attempt: int = 0, body: bytes = b"") -> Sealed:
        """A whole segment."""
        start_us = self.clock.wall_us()
        file = self.begin(run, attempt=attempt)
        self.clock.advance(seconds)
        return self.seal(file, start_us, run, body=body)

    def down(self, reason: str, seconds: float) -> None:
        """Nothing comes for a while."""
        self.say(Down(from_us=self.clock.wall_us(), reason=reason, detail=f"it was {reason}"))
        self.clock.advance(seconds)

    def empty(self, file: str) -> None:
        """Recovery finds nothing in a file."""
        (self.root / f"{file}{PART}").unlink(missing_ok=True)
        self.say(Emptied(file=file))

    def remove(self, sealed: Sealed, why: str = "reserve") -> None:
        """A file is deleted, and that is written down."""
        (self.root / sealed.file).unlink(missing_ok=True)
        self.say(Removed(file=sealed.file, bytes=sealed.bytes, why=why))


def touched(path: Path, at_us: int) -> None:
    """Make a file look as if it was written to at an instant."""
    os.utime(path, ns=(at_us * 1000, at_us * 1000))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
