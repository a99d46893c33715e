"""MJPEG live view: one decoder a stream for all its viewers, and what keeps it going.

Somebody who says `start` must say `heartbeat` every 10 s; without one for 30 s, and after 30 minutes in any case, their
view ends. Somebody who only opens the picture, as an image in a page does, keeps it going by reading it, for 30
minutes. The footage is tailed like by any reader; the recorder knows of none of them.

A decoder has a thread of its own, of low priority; viewers are called from the event loop or a pool.
Not here: addresses (api.mjpeg), decoding (media.reel).
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from holdfast.core.camera import Kind, StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import Conflict, HoldfastError, NotFound, TooMany, Unreachable
from holdfast.core.timing import SECOND_US, iso
from holdfast.library import footage
from holdfast.library.following import Tail, coding_of, payloads
from holdfast.library.footage import Chunk
from holdfast.media.boxread import read_head
from holdfast.media.reel import Reel
from holdfast.media.still import Shot, packed

BEAT_US = 30 * SECOND_US  # C023
LONGEST_US = 30 * 60 * SECOND_US  # C023
AWAY_US = 10 * SECOND_US  # chosen: two stalls of the usual patience; then the camera counts as unreachable
MOST_DECODERS = 16  # chosen: a wall; each is a tenth of a core at 1080p
MOST_KEPT = 30  # pictures a viewer; fragments come in lumps of half a second, and what is older is of no use
POLL_S = 0.1
SLOW_FPS = 0.5  # chosen: up to this keyframes are enough
_NICE = 10

_log = structlog.get_logger("holdfast.mjpeg")


@dataclass(frozen=True, slots=True)
class Frame:
    """A JPEG. `number` counts up, `at_us` is when it was recorded."""

    number: int
    at_us: int
    body: bytes


@dataclass(eq=False)
class Watch:
    """Somebody who watches, or means to. `ended` says why it is over, empty while it is not."""

    key: StreamKey
    who: str
    width: int
    fps: float
    began_us: int
    beat_us: int | None
    ended: str = ""
    under: "Watch | None" = None
    frames: deque[Frame] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))

    def over(self, now_us: int) -> str:
        """Say why it is over, or nothing."""
        if not self.ended and now_us - self.began_us > LONGEST_US:
            self.ended = "30 minutes are over"
        if not self.ended and self.beat_us is not None and now_us - self.beat_us > BEAT_US:
            self.ended = "no heartbeat for 30 s"
        if not self.ended and self.under is not None:
            self.ended = self.under.over(now_us)
        return self.ended


class _Decoder:
    """One stream's thread."""

    def __init__(
        self, volumes: Mapping[str, Path], key: StreamKey, clock: Clock, done: "Callable[[_Decoder], None]"
    ) -> None:
        self.key = key
        self.watches: list[Watch] = []
        self.decoded = 0
        self.lock = threading.Lock()
        self._volumes = volumes
        self._clock = clock
        self._done = done
        self._stop = threading.Event()
        self._file = self._run = ""
        self._reel: Reel | None = None
        self._slow = False
        self._number = 0
        self._last: dict[int, int] = {}
        self._thread = threading.Thread(target=self._work, name=f"mjpeg {key}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join(5)

    def add(self, watch: Watch) -> bool:
        """Show it to somebody else, too; False where it has ended already."""
        with self.lock:
            if self._stop.is_set():
                return False
            self.watches.append(watch)
            return True

    def _work(self) -> None:
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        tail = Tail(self._volumes, self.key, self._clock)
        why, seen_us = "", self._clock.boot_us()
        while not self._stop.is_set() and self._wanted():
            try:
                chunks = tail.take()
                for chunk in chunks:
                    self._show(chunk)
            except NotFound:
                continue  # a file was removed: the tail finds the next one
            except HoldfastError as error:
                why = str(error)
                break
            if chunks:
                seen_us = self._clock.boot_us()
            elif self._clock.boot_us() - seen_us > AWAY_US:
                why = "the camera sends nothing any more"
                break
            else:
                self._stop.wait(POLL_S)
        self._end(why or "the server stops")

    def _end(self, why: str) -> None:
        with self.lock:
            self._stop.set()
            for watch in self.watches:
                watch.ended = watch.ended or why
            self.watches.clear()
        self._done(self)

    def _wanted(self) -> bool:
        """Let go of who is over; whoever is left decides how much is decoded."""
        now_us = self._clock.boot_us()
        with self.lock:
            self.watches = [watch for watch in self.watches if not watch.over(now_us)]
            slow = all(watch.fps <= SLOW_FPS for watch in self.watches)
            if slow != self._slow:
                self._slow, self._run = slow, ""
            if not self.watches:
                self._stop.set()  # under the lock: nobody joins what has ended
            return bool(self.watches)

    def _show(self, chunk: Chunk) -> None:
        if chunk.piece.file != self._file or not self._run:
            self._file = chunk.piece.file
            coding = coding_of(self._volumes, chunk).get(Kind.VIDEO)
            if self._reel is None or chunk.head.run != self._run or coding != self._reel.coding:
                self._reel = Reel(coding, keyframes_only=self._slow)
            self._run = chunk.head.run
        reel = self._reel
        if reel is None:
            return
        offset = chunk.head.tracks[reel.coding.number].offset_ticks
        for sample, payload, wall_us in payloads(self._volumes, chunk, reel.coding):
            times = (sample.pts_ticks + offset, sample.dts_ticks + offset)
            for shot in reel.feed(payload, times, wall_us, key=sample.keyframe):
                self.decoded += 1
                self._give(shot)

    def _give(self, shot: Shot) -> None:
        """Pack a picture once for each width that is due, and hand it to those who want it."""
        with self.lock:
            rates: dict[int, float] = {}
            for watch in self.watches:
                rates[watch.width] = max(rates.get(watch.width, 0), watch.fps)
        for width, fps in rates.items():
            last_us = self._last.get(width)
            if last_us is not None and 0 <= shot.at_us - last_us < 0.95 * SECOND_US / fps:
                continue
            self._last[width] = shot.at_us
            self._number += 1
            frame = Frame(self._number, shot.at_us, packed(shot, width=width).body)
            with self.lock:
                for watch in self.watches:
                    if watch.width == width and watch.beat_us is None:
                        watch.frames.append(frame)


class Previews:
    """All MJPEG views of a server. Enter it to live. Its methods look at files: call them in a thread.

    Args:
        clock: Time.
        volumes: Says the roots of footage.
    """

    def __init__(self, clock: Clock, *, volumes: Callable[[], Mapping[str, Path]]) -> None:
        self._clock = clock
        self._volumes = volumes
        self._lock = threading.Lock()
        self._decoders: dict[StreamKey, _Decoder] = {}
        self._sessions: dict[tuple[str, str], Watch] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for decoder in list(self._decoders.values()):
            decoder.stop()

    def running(self) -> dict[StreamKey, tuple[int, int]]:
        """Return how many watch each stream that is being decoded, and how many pictures were decoded."""
        with self._lock:
            return {key: (len(one.watches), one.decoded) for key, one in self._decoders.items()}

    def start(self, camera: str, who: str, *, width: int, fps: float) -> Watch:
        """Begin a view that heartbeats keep going; begun already, this is a heartbeat.

        Raises:
            NotFound: The camera has no footage.
            Unreachable: It sends nothing now.
            TooMany: As many streams are decoded as may be.
        """
        with self._lock:
            known = self._sessions.get((camera, who))
        now_us = self._clock.boot_us()
        if known is not None and not known.over(now_us):
            known.beat_us = now_us
            return known
        watch = self._join(Watch(self.stream_of(camera, width), who, width, fps, now_us, now_us))
        with self._lock:
            self._sessions = {k: w for k, w in self._sessions.items() if not w.over(now_us)}
            self._sessions[camera, who] = watch
        return watch

    def heartbeat(self, camera: str, who: str) -> Watch:
        """Keep a view going.

        Raises:
            Conflict: It was never begun, or it is over; the text says why.
        """
        now_us = self._clock.boot_us()
        with self._lock:
            watch = self._sessions.get((camera, who))
        if watch is None:
            raise Conflict(f"live view of {camera} was not started", hint="POST …/live/start first")
        if why := watch.over(now_us):
            raise Conflict(f"live view of {camera} has ended: {why}", hint="POST …/live/start begins another one")
        watch.beat_us = now_us
        return watch

    def stop(self, camera: str, who: str) -> bool:
        """End a view, and every picture that is shown under it; says whether there was one."""
        with self._lock:
            watch = self._sessions.pop((camera, who), None)
        if watch is None or watch.over(self._clock.boot_us()):
            return False
        watch.ended = "stopped"
        return True

    def watch(self, key: StreamKey, who: str, *, width: int, fps: float) -> Watch:
        """Begin to watch; leave with `ended`. Where the same viewer has started a view, it ends with that.

        Raises:
            As `start`.
        """
        now_us = self._clock.boot_us()
        with self._lock:
            under = self._sessions.get((key.camera, who))
        if under is not None and under.over(now_us):
            under = None
        return self._join(Watch(key, who, width, fps, now_us, None, under=under))

    def stream_of(self, camera: str, width: int) -> StreamKey:
        """Choose the stream: the sub stream where it is recorded now and wide enough, for it is cheaper to decode."""
        main, sub = StreamKey(camera, "main"), StreamKey(camera, "sub")
        volumes = self._volumes()
        piece = footage.newest(volumes, sub)
        if piece is None or self._age_us(piece.end_us) > AWAY_US:
            return main
        with suppress(HoldfastError), footage.opened(volumes, piece) as fd:
            head = read_head(fd)
            tracks = () if head is None else head.tracks
            if any(int(track.facts.get("width", 0)) >= width for track in tracks):
                return sub
        return main

    def _join(self, watch: Watch) -> Watch:
        volumes, key = self._volumes(), watch.key
        piece = footage.newest(volumes, key)
        if piece is None:
            raise NotFound(f"{key} has no footage yet")
        if self._age_us(piece.end_us) > AWAY_US:
            raise Unreachable(f"{key} sends nothing since {iso(piece.end_us)}", hint="the camera's state says why")
        with self._lock:
            decoder = self._decoders.get(key)
            if decoder is not None and decoder.add(watch):
                return watch
            if decoder is None and len(self._decoders) >= MOST_DECODERS:
                raise TooMany(f"{MOST_DECODERS} streams are shown as MJPEG, the most that are allowed")
            decoder = self._decoders[key] = _Decoder(volumes, key, self._clock, self._ended)
            decoder.add(watch)
            decoder.start()
        return watch

    def _ended(self, decoder: _Decoder) -> None:
        with self._lock:
            if self._decoders.get(decoder.key) is decoder:
                del self._decoders[decoder.key]

    def _age_us(self, end_us: int) -> int:
        return self._clock.wall_us() - end_us
