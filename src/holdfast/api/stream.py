"""The one connection of the browser's player: live and the past over a WebSocket (docs/design/0006).

The viewer says what it wants to see and how much it has buffered; the server sends fragments and what they mean. Nobody
waits for a viewer: who is slow live loses footage and is told, who reads nothing for half a minute is cut off (F59).

Runs in the event loop; files are read in threads. Not here: what is sent for a fragment (library.showing).
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from holdfast.api.feeds import feeds_of
from holdfast.api.files import catalog_or_none, files_of
from holdfast.core.camera import CAMERA_ID, StreamKey
from holdfast.core.errors import BadInput, HoldfastError, NotFound, TooMany
from holdfast.core.gap import Gap, GapReason
from holdfast.core.status import StreamStatus, status_name
from holdfast.core.timing import SECOND_US
from holdfast.http.app import context_of
from holdfast.http.errors import body_of
from holdfast.http.rights import Right, needs
from holdfast.http.watching import tiers_of
from holdfast.library import footage
from holdfast.library.following import from_instant
from holdfast.library.footage import Chunk
from holdfast.library.showing import Inits, Message, NeedsTier, Show, load
from holdfast.library.tier_child import Spool

SILENT_S = 30.0  # F59: a viewer that takes nothing for this long is gone
WANT_S = 10.0  # chosen: of the past; a seek costs what was sent in vain, a hiccup of the network costs nothing
MOST_WANT_S = 180.0  # ten seconds at sixteen times the speed
PAUSED_S = 2.0  # chosen: who paused still sees the picture that was asked for, and steps on from it without waiting
WAITING_S = 2.0  # chosen: a camera that pauses for less is not worth a word
IDLE_S = 0.1  # the past has come to the present: how soon to look again
PLAYS = frozenset({"h264", "hevc"})
CONVERTED = "hd"  # what a viewer gets that cannot play what the camera sends

router = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["footage"], dependencies=[needs(Right.VIEWER)])


@dataclass(slots=True)
class Wish:
    """What the viewer wants now. `number` counts its plays: who works for an older one stops; `id` is its own name."""

    number: int = 0
    id: int | None = None
    from_us: int | None = None  # None is live
    paused: bool = False
    ahead_s: float = 0.0
    want_s: float = WANT_S
    sent_s: float = 0.0  # media time that was sent when the viewer last said what it has
    heard_us: int = 0
    over: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, message: dict[str, Any], sent_s: float, now_us: int) -> None:
        """Take what the viewer says.

        Raises:
            BadInput: It makes no sense.
        """
        self.heard_us = now_us
        if "play" in message:
            play = message["play"]
            if play != "live" and (isinstance(play, bool) or not isinstance(play, int) or not 0 <= play < 1 << 60):
                raise BadInput("play is live, or an instant in microseconds")
            self.from_us = None if play == "live" else play
            self.id = None if message.get("id") is None else round(_number(message["id"]))
            self.number += 1
            self.paused, self.ahead_s, self.sent_s = False, 0.0, sent_s
        if "pause" in message:
            self.paused = bool(message["pause"])
        if "ahead_s" in message:
            self.ahead_s, self.sent_s = _number(message["ahead_s"]), sent_s
        if "want_s" in message:
            self.want_s = max(1.0, min(MOST_WANT_S, _number(message["want_s"])))
        self.changed.set()

    def room(self, sent_s: float) -> bool:
        """Say whether the viewer wants more of the past; who paused before it came wants its picture all the same."""
        want_s = min(self.want_s, PAUSED_S) if self.paused else self.want_s
        return sent_s - self.sent_s < want_s - self.ahead_s


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:  # noqa: PLR2004 - no such second
        raise BadInput("seconds are a number")
    return float(value)


@router.websocket("/stream")
async def stream(
    websocket: WebSocket,
    camera: str,
    name: Annotated[Literal["main", "sub"], Query(alias="stream")] = "main",
    tier: Annotated[Literal["source", "hd", "sd", "low"], Query()] = "source",
    can: Annotated[str, Query(max_length=100)] = "",
) -> None:
    """Watch a camera: live and any instant of the past, with wall time, gaps and changes of the format."""
    await websocket.accept()
    feeds, context = feeds_of(websocket), context_of(websocket)
    try:
        if not CAMERA_ID.fullmatch(camera):
            raise NotFound("there is no such camera")
        codecs = frozenset(can.split(",")) & PLAYS if can else frozenset()
        async with feeds.counted(context.config.web.viewers):
            await _Session(websocket, StreamKey(camera, name), tier, codecs).run()
    except HoldfastError as error:
        await _refuse(websocket, error)


async def _refuse(websocket: WebSocket, error: HoldfastError) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # it may have gone meanwhile
        body = body_of(error.code, str(error), error.hint)
        await websocket.send_text(json.dumps({"error": body["error"]}))
        await websocket.close(1013 if isinstance(error, TooMany) else 1008, str(error)[:100])


class _Session:
    """One viewer, from its first word to its end."""

    def __init__(self, websocket: WebSocket, key: StreamKey, tier: str, can: frozenset[str]) -> None:
        self._socket = websocket
        self._context = context_of(websocket)
        self._feeds = feeds_of(websocket)
        self._tiers = tiers_of(websocket)
        self._key = key
        self._clock = self._context.clock
        self._show = Show(can, tier)
        self._wish = Wish(heard_us=self._clock.boot_us())
        self._reason: tuple[GapReason, str] | None = None

    async def run(self) -> None:
        """Serve until the viewer leaves."""
        listening = asyncio.create_task(self._listen(), name=f"viewer of {self._key}")
        try:
            while not self._wish.over:
                await self._serve(listening)
        except WebSocketDisconnect:
            pass
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect):
                await listening

    async def _listen(self) -> None:
        """Take the viewer's words.

        Raises:
            BadInput: They make no sense.
        """
        try:
            while True:
                text = await self._socket.receive_text()
                try:
                    message = json.loads(text)
                except (ValueError, RecursionError) as error:
                    raise BadInput("messages are JSON objects") from error
                if not isinstance(message, dict):
                    raise BadInput("messages are JSON objects")
                self._wish.take(message, self._show.end_s, self._clock.boot_us())
        except (WebSocketDisconnect, KeyError, RuntimeError):
            pass  # gone, or a binary frame, which nobody sends here
        finally:
            self._wish.over = True
            self._wish.changed.set()

    async def _serve(self, listening: "asyncio.Task[None]") -> None:
        """Serve one play, until the viewer wants another one."""
        wish, show = self._wish, self._show
        if wish.number == 0:
            await self._wait(SILENT_S)
            if wish.number == 0:
                wish.over = True
        if listening.done():
            listening.result()  # what the viewer said that makes no sense is told
        number, from_us = wish.number, wish.from_us
        if wish.over:
            return
        show.jump()
        if wish.id is not None:
            await self._send({"begins": wish.id})
        try:
            if show.tier != "source":
                await self._converted(number, from_us)
            elif from_us is None:
                await self._live(number, None)
            else:
                await self._past(number, from_us, None)
        except NeedsTier as need:
            codec = {"hevc": "H.265", "h264": "H.264"}.get(need.codec, need.codec)
            show.convert(CONVERTED, f"{codec} is converted for this browser")
            if wish.number == number and from_us is not None:
                wish.from_us = need.wall_us

    async def _converted(self, number: int, from_us: int | None) -> None:
        if from_us is None:
            async with self._tiers.live(self._key, self._show.tier) as spool:
                await self._live(number, spool)
        else:
            async with self._tiers.past(self._key, self._show.tier, from_us) as spool:
                await self._past(number, from_us, spool)

    async def _live(self, number: int, spool: Spool | None) -> None:
        volumes, key = (self._context.volumes, self._key) if spool is None else (spool.volumes, spool.key)
        wish, show = self._wish, self._show
        async with self._feeds.watch(volumes, key) as seat:
            skipped_us, told = 0, False
            while wish.number == number and not wish.over:
                part = await seat.take(WAITING_S)
                if wish.paused or part is None:
                    if part is None and not wish.paused:
                        await self._say_waiting()
                    elif wish.paused:
                        show.jump()  # goes on with whatever is the newest then
                    continue
                if seat.skipped_us > skipped_us:
                    await self._send({"skipped": round((seat.skipped_us - skipped_us) / SECOND_US, 3)})
                    skipped_us = seat.skipped_us
                    show.jump()
                hole = show.hole(part)
                if hole is not None:
                    await self._send_all(show.gap(await asyncio.to_thread(self._gap, hole)))
                await self._send_all(show.take(part))
                if not told and show.wall_us is not None:
                    told = True
                    await self._send({"live": True})

    async def _past(self, number: int, from_us: int, spool: Spool | None) -> None:
        wish, show = self._wish, self._show
        volumes, key, catalog = self._context.volumes, self._key, catalog_or_none(self._context)
        if spool is not None:
            volumes, key, catalog = spool.volumes, spool.key, None
        items = from_instant(volumes, key, from_us, self._clock, catalog, files_of(self._socket).indexes)
        inits, told, reached_us = Inits(), False, 0
        while wish.number == number and not wish.over:
            if not wish.room(show.end_s):
                await self._wait_for_room()
                continue
            item = await asyncio.to_thread(_next, items)
            if item is None:
                if not told and show.wall_us is not None:
                    told = True
                    await self._send({"live": True})
                await asyncio.sleep(IDLE_S)
            elif isinstance(item, Gap):
                await self._send_all(show.gap(item, asked_us=from_us))
            else:
                part = await asyncio.to_thread(load, volumes, item, inits)
                if part is not None:
                    await self._send_all(show.take(part))
            now_us = self._clock.boot_us()
            if spool is not None and show.wall_us is not None and now_us - reached_us > SECOND_US:
                reached_us = now_us
                await asyncio.to_thread(spool.reached, show.wall_us - round(wish.ahead_s * SECOND_US))

    async def _wait_for_room(self) -> None:
        """Wait until the viewer says that it has less, or is gone."""
        await self._wait(1.0)
        silent_us = self._clock.boot_us() - self._wish.heard_us
        if not self._wish.paused and silent_us > SILENT_S * SECOND_US:
            self._wish.over = True

    async def _wait(self, timeout_s: float) -> None:
        self._wish.changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wish.changed.wait(), timeout_s)

    def _gap(self, hole: tuple[int, int]) -> Gap:
        """Find out why nothing was recorded for a while: from the catalog, else by what its recorder said last."""
        now_us = self._clock.wall_us()
        catalog = catalog_or_none(self._context)
        if catalog is not None:
            found = footage.find(self._context.volumes, self._key, *hole, now_us=now_us, catalog=catalog).gaps
            if found:
                longest = max(found, key=lambda gap: gap.end_us - gap.start_us)
                return Gap(*hole, longest.reason, longest.detail)
        reason, detail = self._reason or (GapReason.UNKNOWN, "")
        return Gap(*hole, reason, detail)

    async def _say_waiting(self) -> None:
        """Say that nothing comes, and why, as its recorder says."""
        status = await asyncio.to_thread(self._status)
        told: dict[str, Any] = {"since_us": self._show.wall_us, "reason": "", "detail": "", "hint": ""}
        if status is not None:
            with suppress(ValueError):
                self._reason = (GapReason(status.reason), status.detail)
            told |= {"reason": status.reason, "detail": status.detail, "hint": status.hint}
        await self._send({"waiting": told})

    def _status(self) -> StreamStatus | None:
        name = status_name(self._key.camera, self._key.stream)
        try:
            return StreamStatus.from_json((self._context.runtime_dir / name).read_bytes())
        except (OSError, BadInput):
            return None

    async def _send_all(self, messages: list[Message]) -> None:
        for message in messages:
            await self._send(message)

    async def _send(self, message: Message) -> None:
        """Send one message; a viewer that does not take it is gone."""
        try:
            async with asyncio.timeout(SILENT_S):
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_text(json.dumps(message, ensure_ascii=False))
        except (TimeoutError, RuntimeError):
            self._wish.over = True


def _next(items: Iterator[Chunk | Gap | None]) -> Chunk | Gap | None:
    return next(items)
