"""What every stream is doing: once, or told at each change over one long answer a viewer (server-sent events).

One look a second serves all who listen; who listens too slowly misses words in between and gets the newest. Where
nothing changes, the state is told anew now and then, so that durations and ages in it do not stand still.
Runs in the event loop; files are read in threads. Not here: what it means (library.status), footage (stream).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from holdfast.api.files import Node
from holdfast.core.errors import TooMany
from holdfast.core.timing import SECOND_US
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library.status import NodeNow, read_now

LOOK_S = 1.0  # status files are written in this rhythm
UNWELL_S = 10.0  # chosen: while something is unwell, people watch how long it has been
WELL_S = 60.0  # chosen: rates and ages of what is well
HEARTBEAT_S = 10.0  # chosen: proxies and phones cut what is silent for a minute
MOST = 200  # chosen: each costs a socket and a task; more open pages than a site has screens

router = APIRouter(prefix="/api/v1", tags=["node"], dependencies=[needs(Right.VIEWER)])


class NodeOut(BaseModel):
    """The node as `holdfast status --json` has it."""

    sentence: str = Field(examples=["all 8 recording"], description="The one thing to read.")
    hint: str = Field(description="What to do about it; empty where there is nothing to do.")
    well: bool = Field(description="Nothing needs a person.")
    troubles: list[str]
    streams: list[dict[str, Any]]
    supervisor: dict[str, Any] | None
    worker: dict[str, Any] | None
    server: dict[str, Any] | None = None


class Changes:
    """The newest state of the node, looked at while somebody listens."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._news = asyncio.Condition()
        self._text = ""
        self._told: object = None
        self._told_at_us = 0
        self._number = 0
        self._looking: asyncio.Task[None] | None = None
        self.listeners = 0

    async def events(self) -> AsyncIterator[str]:
        """Yield the node at once, at each change, and a comment where nothing changes for a while.

        Raises:
            TooMany: As many listen as may.
        """
        if self.listeners >= MOST:
            raise TooMany(f"{MOST} pages listen already")
        self.listeners += 1
        try:
            seen = 0
            if self._looking is None or self._looking.done():
                seen, self._told = self._number, None  # what was seen last is old: nobody has looked since
                self._looking = asyncio.create_task(self._look(), name="changes")
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_S), self._news:
                        while self._number <= seen:
                            await self._news.wait()
                if self._number > seen:
                    seen = self._number
                    yield f"event: node\nid: {seen}\ndata: {self._text}\n\n"
                else:
                    yield ": nothing new\n\n"
        finally:
            self.listeners -= 1

    async def stop(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> None:
        """Look once a second until nobody listens."""
        while self.listeners:
            now = await asyncio.to_thread(look, self._context)
            told, now_us = _matters(now), self._context.clock.boot_us()
            age_s = (now_us - self._told_at_us) / SECOND_US
            if told != self._told or age_s >= (WELL_S if now.well else UNWELL_S):
                self._told, self._told_at_us = told, now_us
                async with self._news:
                    self._text = json.dumps(now.to_dict(), ensure_ascii=False)
                    self._number += 1
                    self._news.notify_all()
            await asyncio.sleep(LOOK_S)


def look(context: Context) -> NodeNow:
    """Look at the node; asks no camera and no database."""
    return read_now(context.plan(), context.runtime_dir, context.clock.wall_us())


def _matters(now: NodeNow) -> object:
    """Return what makes a change worth telling at once: durations in words count each second, and can wait."""
    streams = [
        (s.name, s.status.state, s.status.reason, s.health, s.fresh, s.status.segment, tuple(s.status.mismatch),
         s.status.restarts, round(s.status.fps), s.gap_since_us)
        for s in now.streams
    ]  # fmt: skip
    return streams, now.well, now.troubles, now.hint


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Let it live while the server does."""
    app.state.changes = Changes(app.state.context)
    try:
        yield
    finally:
        await app.state.changes.stop()


@router.get("/streams", summary="What every stream is doing", responses=problems(401, 403))
def streams(context: Node) -> NodeOut:
    """Return the state sentence and every stream, as their recorders last said."""
    return NodeOut(**look(context).to_dict())


@router.get(
    "/changes", summary="Be told of changes",
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events `node`, as of /streams."},
               **problems(401, 403, 429)},
    response_class=StreamingResponse,
)  # fmt: skip
async def changes(request: Request) -> StreamingResponse:
    """Tell the node as it is now and at each change, as server-sent events; a comment every 10 s keeps it open.

    Where nothing changes, it is told anew every 10 s while something is unwell, and each minute otherwise.
    """
    events = request.app.state.changes.events()
    first = await anext(events)  # refuses here, while there still is a status to say it with

    async def told() -> AsyncIterator[str]:
        yield first
        async for event in events:
            yield event

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told(), media_type="text/event-stream", headers=headers)
