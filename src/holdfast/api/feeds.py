"""Streams as they grow, each read once for however many viewers; a slow one loses footage, and nobody else notices.

Runs in the event loop; files are read in threads. Not here: what a viewer is sent (library.showing), sessions (stream).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import StorageError, TooMany
from holdfast.core.timing import SECOND_US
from holdfast.library.following import Tail
from holdfast.library.showing import Inits, Part, load

POLL_S = 0.02  # chosen: once the next fragment is due; it is handed on this late at most
IDLE_S = 0.1  # chosen: a stream that pauses; one that begins again is seen this late
EARLY = 0.5  # of a fragment's length: the next one does not come sooner, but where a keyframe cuts it short
PATIENCE_S = 2.0  # chosen: a stream that sent nothing for so long pauses
SEAT_BYTES = 6_000_000  # chosen: 10 s of 4 Mb/s and some; who is further behind begins at the newest keyframe again


class Seat:
    """One viewer's place: what it has not taken yet."""

    def __init__(self) -> None:
        self._parts: deque[Part] = deque()
        self._bytes = 0
        self._came = asyncio.Event()
        self.skipped_us = 0
        """What was left out because the viewer was too slow, in all; whoever sees it grow must begin anew."""

    def put(self, part: Part) -> None:
        """Offer a fragment."""
        self._parts.append(part)
        self._bytes += len(part.raw)
        self._came.set()

    def overfull(self) -> bool:
        """Say whether the viewer is too far behind."""
        return self._bytes > SEAT_BYTES

    def restart(self, recent: list[Part]) -> None:
        """Leave out what waits, and go on with the newest keyframe."""
        gone = self._parts
        if gone and recent:
            lost_us = recent[0].chunk.fragment.wall_us - gone[0].chunk.fragment.wall_us
            self.skipped_us += max(1, lost_us)
        self._parts, self._bytes = deque(recent), sum(len(part.raw) for part in recent)

    async def take(self, timeout_s: float) -> Part | None:
        """Return the next fragment; None where none came in time."""
        if not self._parts:
            self._came.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), timeout_s)
        if not self._parts:
            return None
        part = self._parts.popleft()
        self._bytes -= len(part.raw)
        return part


class Feed:
    """One stream, read while somebody sits before it."""

    def __init__(self, volumes: Mapping[str, Path], key: StreamKey, clock: Clock) -> None:
        self._volumes = volumes
        self._tail = Tail(volumes, key, clock)
        self._inits = Inits()
        self._recent: list[Part] = []  # from the newest keyframe on
        self._waited_s = 0.0
        self.seats: set[Seat] = set()

    def sit(self) -> Seat:
        """Take a seat; it begins at the newest keyframe."""
        seat = Seat()
        for part in self._recent:
            seat.put(part)
        self.seats.add(seat)
        return seat

    async def run(self) -> None:
        """Read on until cancelled."""
        while True:
            parts = await asyncio.to_thread(self._read)
            for part in parts:
                self._hand_out(part)
            pause_s = self._pause_s(parts)
            self._waited_s += pause_s
            await asyncio.sleep(pause_s)

    def _pause_s(self, parts: list[Part]) -> float:
        """Say when to look again: fragments come in a rhythm, which asks for a few looks at the right time."""
        if parts:
            self._waited_s = 0.0
            chunk = parts[-1].chunk
            return min(IDLE_S, max(POLL_S, EARLY * (chunk.end_us - chunk.fragment.wall_us) / SECOND_US))
        return POLL_S if self._waited_s < PATIENCE_S else IDLE_S

    def _read(self) -> list[Part]:
        try:
            chunks = self._tail.take()
        except StorageError:
            return []  # the recorder says so in its own way; the disk may come back
        parts = (load(self._volumes, chunk, self._inits) for chunk in chunks)
        return [part for part in parts if part is not None]

    def _hand_out(self, part: Part) -> None:
        if part.chunk.fragment.keyframe:
            self._recent = []
        self._recent.append(part)
        for seat in self.seats:
            seat.put(part)
            if seat.overfull() and part.chunk.fragment.keyframe:
                seat.restart(self._recent)


class Feeds:
    """All streams that somebody watches live, and how many watch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._feeds: dict[tuple[StreamKey, tuple[Path, ...]], tuple[Feed, asyncio.Task[None]]] = {}
        self.viewers = 0

    @asynccontextmanager
    async def watch(self, volumes: Mapping[str, Path], key: StreamKey) -> AsyncIterator[Seat]:
        """Watch a stream live."""
        name = (key, tuple(volumes.values()))
        if name not in self._feeds or self._feeds[name][1].done():
            feed = Feed(volumes, key, self._clock)
            self._feeds[name] = (feed, asyncio.create_task(feed.run(), name=f"feed {key}"))
        feed, task = self._feeds[name]
        seat = feed.sit()
        try:
            yield seat
        finally:
            feed.seats.discard(seat)
            if not feed.seats:
                self._feeds.pop(name, None)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    @asynccontextmanager
    async def counted(self, most: int) -> AsyncIterator[None]:
        """Count a viewer.

        Raises:
            TooMany: As many watch as may.
        """
        if self.viewers >= most:
            raise TooMany(f"{most} streams are being watched, the most that are allowed", hint="raise viewers in [web]")
        self.viewers += 1
        try:
            yield
        finally:
            self.viewers -= 1


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Let feeds live while the server does."""
    app.state.feeds = Feeds(app.state.context.clock)
    yield


def feeds_of(connection: HTTPConnection) -> Feeds:
    """Return the server's feeds."""
    feeds: Feeds = connection.app.state.feeds
    return feeds
