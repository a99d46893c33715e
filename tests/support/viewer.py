"""A viewer of the player's connection: speaks its protocol, keeps what it got, and lets ffprobe judge it."""

import json
import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class Viewer:
    """One connection. What arrives is collected on a thread: `told` has words, `films` the bytes after each init."""

    def __init__(self, base: str, camera: str = "cam1", *, query: str = "", read: bool = True) -> None:
        self._stack = ExitStack()
        address = f"{base.replace('http', 'ws', 1)}/api/v1/cameras/{camera}/stream{query}"
        self.socket = self._stack.enter_context(
            connect(address, max_size=None, compression=None, proxy=None, max_queue=None if read else 1)
        )
        self.told: list[tuple[float, dict[str, Any]]] = []
        self.films: list[bytearray] = []
        self.first_byte_at: float | None = None
        self.closed: tuple[int, str] | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._collect) if read else None
        if self._thread is not None:
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if self._thread is not None:
            self._thread.join(60)

    def say(self, **message: Any) -> None:
        """Send a message; one that was refused meanwhile shows in `closed`."""
        with suppress(ConnectionClosed):
            self.socket.send(json.dumps(message))

    def words(self, kind: str) -> list[Any]:
        """What was told of one kind so far."""
        return [message[kind] for _, message in list(self.told) if kind in message]

    def until(self, kind: str, count: int = 1, timeout_s: float = 60) -> list[Any]:
        """Wait until this was told so often."""
        self.wait_for(lambda: len(self.words(kind)) >= count, timeout_s)
        return self.words(kind)

    def wait_for(self, condition: Any, timeout_s: float = 60) -> None:
        """Wait for a condition on what was received."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), (self.told[-5:], self.closed)

    @property
    def received(self) -> int:
        """Bytes of media."""
        return sum(len(film) for film in self.films)

    def _collect(self) -> None:
        init_next = False
        try:
            for message in self.socket:
                with self._changed:
                    if isinstance(message, str):
                        told = json.loads(message)
                        init_next = "init" in told
                        self.told.append((time.monotonic(), told))
                    else:
                        if init_next or not self.films:
                            self.films.append(bytearray())
                            init_next = False
                        elif self.first_byte_at is None:
                            self.first_byte_at = time.monotonic()
                        self.films[-1] += message
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            with self._changed:
                self.closed = (self.socket.close_code or 0, self.socket.close_reason or "")
                self._changed.notify_all()


def packets(film: bytes | bytearray, folder: Path, kind: str = "v") -> list[dict[str, Any]]:
    """What ffprobe makes of what a viewer got: packets with times in seconds; it may complain about nothing."""
    path = folder / f"film-{len(list(folder.glob('film-*')))}.mp4"
    path.write_bytes(film)
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time,duration_time,data_hash",
         "-show_data_hash", "crc32", "-of", "json", str(path)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    return list(json.loads(done.stdout)["packets"])


def decoded(film: bytes | bytearray, folder: Path) -> int:
    """Decode everything; returns how many pictures there were. Nothing may be complained about."""
    path = folder / f"film-{len(list(folder.glob('film-*')))}.mp4"
    path.write_bytes(film)
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames",
         "-of", "csv=p=0", str(path)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    return int(done.stdout.strip().strip(","))
