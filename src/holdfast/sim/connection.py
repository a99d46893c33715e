"""One RTSP connection to the simulator, from accept to the end, and the session on it.

An asyncio protocol: all of it runs on the event loop, nothing in it waits. A client that does not read is dropped once
`MAX_BACKLOG_BYTES` wait for it, so it never holds up anybody else.
"""

import asyncio
import secrets
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping

from holdfast.core.clock import Clock
from holdfast.sim import rtsp
from holdfast.sim.camera import Camera
from holdfast.sim.ledger import Ledger
from holdfast.sim.packets import AUDIO_CHANNEL, VIDEO_CHANNEL, translate
from holdfast.sim.rtsp import Place, Request, answer
from holdfast.sim.stream import Burst, LiveStream

MAX_BACKLOG_BYTES = 4_000_000  # chosen: eight seconds at 4 Mb/s; a camera would have given up earlier
_KERNEL_BUFFER_BYTES = 262_144  # chosen: holds a keyframe at 4 Mb/s, so that most writes need no second one
_MAX_HEAD_BYTES = 16_384  # no request is longer; more without an end is garbage
_SESSION_S = 60


class Connection(asyncio.Protocol):
    """A client. Knows its camera from the first URL it names."""

    def __init__(
        self, cameras: Mapping[str, Camera], clock: Clock, ledger: Ledger, gone: Callable[["Connection"], None]
    ) -> None:
        self._cameras, self._clock, self._ledger, self._gone = cameras, clock, ledger, gone
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._nonce = secrets.token_hex(16)
        self._camera: Camera | None = None
        self._live: LiveStream | None = None
        self.stream = ""
        self.session = ""
        self.numbed = False
        self._how = ""
        self._channels: dict[int, int] = {}
        self._plain = False  # wants every track, on our own channel numbers
        self._playing = False
        self._waiting = False
        self._written = 0
        self._pending: deque[tuple[int, int, int, bool]] = deque()

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type: streams are what we serve
        self._transport = transport
        # Without it the kernel hides megabytes of what a slow client has not taken.
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The end, whoever wanted it."""
        self._end(self._how or "left_behind")
        if self._camera is not None:
            self._camera.guests.pop(self, None)
        self._transport = None
        self._gone(self)

    def data_received(self, data: bytes) -> None:
        """Take requests apart; interleaved packets (receiver reports) are read and passed over."""
        if self.numbed:
            return
        self._buffer += data
        while self._buffer and self._transport is not None and not (self.numbed or self._transport.is_closing()):
            taken = self._packet() if self._buffer[0] == ord("$") else self._request()
            if not taken:
                break
            del self._buffer[:taken]

    def _packet(self) -> int:
        whole = 4 + int.from_bytes(self._buffer[2:4], "big")
        return whole if len(self._buffer) >= max(4, whole) else 0

    def _request(self) -> int:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                self.close()
            return 0
        request = rtsp.parse_request(bytes(self._buffer[:end]).lstrip(b"\r\n"))
        if request is None:
            self.close()
            return 0
        length = request.headers.get("content-length", "0")
        whole = end + 4 + (int(length) if length.isdecimal() else 0)
        if len(self._buffer) < whole:
            return 0
        self._answer(request)
        return whole

    # Guest: what faults do to us.

    def reset(self) -> None:
        """Break the connection with RST."""
        if self._transport is not None:
            self._how = self._how or "killed"
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def close(self) -> None:
        """Close the connection once what was written has been sent."""
        if self._transport is not None:
            self._how = self._how or "killed"
            self._end(self._how)
            self._transport.close()

    def numb(self) -> None:
        """Neither read nor write again; the socket stays open."""
        if self._transport is not None and not self.numbed:
            self.numbed = True
            self._how = self._how or "killed"
            self._transport.pause_reading()

    # Viewer: what we are sent.

    def deliver(self, burst: Burst) -> None:
        """Send a burst, from its entry on if this is the first."""
        if self._transport is None or self.numbed:
            return
        start = 0
        if self._waiting:
            if burst.entry < 0:
                return
            start, self._waiting = burst.entry, False
        data: bytes | bytearray = burst.data[start:] if start else burst.data
        if not self._plain:
            data = translate(data, self._channels)
            ends = [len(data)] * len(burst.frames)  # a translated burst counts as sent when all of it is
        else:
            ends = [end - start for end, _, _ in burst.frames]
        if VIDEO_CHANNEL in self._channels:
            for end, (original, counter, key) in zip(ends, burst.frames, strict=True):
                if original > start:
                    self._pending.append((self._written + end, counter, burst.sent_us, key))
        self._write(data)

    def _write(self, data: bytes | bytearray) -> None:
        if self._transport is None or not data:
            return
        self._written += len(data)
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            self._how = "dropped"
            self._transport.abort()

    def report(self) -> None:
        """Write which pictures have been sent in full since the last report."""
        if not self._pending:
            return
        backlog = self._transport.get_write_buffer_size() if self._transport is not None else 0
        done = []
        while self._pending and self._pending[0][0] <= self._written - backlog:
            done.append(self._pending.popleft())
        first = 0
        for index in range(1, len(done) + 1):
            if index == len(done) or done[index][1] != done[index - 1][1] + 1:
                self._report_range(done[first:index])
                first = index

    def _report_range(self, frames: list[tuple[int, int, int, bool]]) -> None:
        self._say(
            "video",
            first=frames[0][1],
            last=frames[-1][1],
            first_us=frames[0][2],
            last_us=frames[-1][2],
            keyframes=[[counter, sent_us] for _, counter, sent_us, key in frames if key],
        )

    # RTSP.

    def _answer(self, request: Request) -> None:
        place = rtsp.parse_url(request.url)
        camera = self._cameras.get(place.camera) if place else self._camera
        if camera is not None and self._camera is None:
            self._camera = camera
            camera.guests[self] = None
        stream = place.stream if place else "main"
        if camera is not None and camera.has("refuse", stream):
            self.reset()
            return
        if camera is not None and camera.has("half_open", stream):
            self.numb()
            return
        handler = _HANDLERS.get(request.method)
        if handler is None:
            self._write(answer(request, 501))
        elif request.method == "OPTIONS":
            self._write(answer(request, 200, {"Public": rtsp.METHODS}))
        elif camera is None or camera is not self._camera:
            self._write(answer(request, 404))
        elif not self._admitted(request, camera, stream):
            kind = "digest" if camera.has("unauthorized", stream) else camera.spec.auth
            self._write(answer(request, 401, {"WWW-Authenticate": rtsp.challenge(kind, self._nonce)}))
        else:
            handler(self, request, camera, place or Place(camera.spec.name, self.stream, None))

    def _admitted(self, request: Request, camera: Camera, stream: str) -> bool:
        spec = camera.spec
        if camera.has("unauthorized", stream):
            return False
        return not spec.user or rtsp.admitted(request, spec.auth, self._nonce, spec.user, spec.password)

    def _describe(self, request: Request, camera: Camera, place: Place) -> None:
        mood = camera.streams[place.stream].mood
        body = rtsp.describe(f"{place.camera}/{place.stream}", mood.video, mood.audio)
        base = request.url.partition("?")[0].rstrip("/") + "/"
        self._write(answer(request, 200, {"Content-Base": base, "Content-Type": "application/sdp"}, body))

    def _setup(self, request: Request, camera: Camera, place: Place) -> None:
        channel = rtsp.interleaved_channel(request.headers.get("transport", ""))
        live = camera.streams[place.stream]
        own = AUDIO_CHANNEL if place.track == 1 else VIDEO_CHANNEL
        if channel is None:
            self._write(answer(request, 461))
        elif place.track not in ((0, 1) if live.mood.audio else (0,)):
            self._write(answer(request, 404))
        elif self._playing or self.stream not in {"", place.stream}:
            self._write(answer(request, 455))
        elif not self.session and camera.full:
            self._write(answer(request, 453))
        else:
            if not self.session:
                self.session, self.stream, self._live = secrets.token_hex(8), place.stream, live
                camera.counts.opened += 1
                camera.counts.open += 1
                self._say("open")
            self._channels[own] = channel = own if channel < 0 else channel
            # RTCP goes on the next channel, both on our side and on theirs.
            self._channels[own + 1] = channel + 1
            transport = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1};ssrc={self._source(live, own):08X}"
            session = f"{self.session};timeout={_SESSION_S}"
            self._write(answer(request, 200, {"Transport": transport, "Session": session}))

    @staticmethod
    def _source(live: LiveStream, channel: int) -> int:
        return (live.audio if channel == AUDIO_CHANNEL else live.video).source

    def _play(self, request: Request, camera: Camera, place: Place) -> None:  # noqa: ARG002 - one shape for handlers
        if self._live is None or self._camera is None:
            self._write(answer(request, 455))
            return
        if not self._playing:
            self._live.add(self)
            self._playing = self._waiting = True
            sent = range(4) if self._live.mood.audio else range(2)
            self._plain = self._channels == {channel: channel for channel in sent}
            self._say("play")
        base = request.url.partition("?")[0].rstrip("/")
        infos = []
        for number, track in enumerate((self._live.video, self._live.audio)):
            if track.channel in self._channels:
                sequence, stamp = self._live.next_packet(track)
                infos.append(f"url={base}/trackID={number};seq={sequence};rtptime={stamp}")
        headers = {"Session": self.session, "Range": "npt=now-", "RTP-Info": ",".join(infos)}
        self._write(answer(request, 200, headers))

    def _parameter(self, request: Request, camera: Camera, place: Place) -> None:  # noqa: ARG002 - one shape for handlers
        self._write(answer(request, 200, {"Session": self.session} if self.session else None))

    def _teardown(self, request: Request, camera: Camera, place: Place) -> None:  # noqa: ARG002 - one shape for handlers
        if not self.session:
            self._write(answer(request, 454))
            return
        reply = answer(request, 200, {"Session": self.session})
        self._end("torn_down")  # first, so that whoever has the answer finds it counted
        self._write(reply)

    def _end(self, how: str) -> None:
        """End the session, if there is one, and say how it ended."""
        if not self.session or self._camera is None:
            return
        self.report()
        if self._live is not None:
            self._live.remove(self)
        counts = self._camera.counts
        counts.open -= 1
        setattr(counts, how, getattr(counts, how) + 1)
        self._say(how, unsent=len(self._pending))
        if how == "left_behind" and self._camera.spec.linger_s:
            self._linger(self._camera)
        self.session, self.stream, self._live, self._playing = "", "", None, False
        self._channels = {}
        self._pending.clear()

    @staticmethod
    def _linger(camera: Camera) -> None:
        def over() -> None:
            camera.lingering -= 1

        camera.lingering += 1
        asyncio.get_running_loop().call_later(camera.spec.linger_s, over)

    def _say(self, what: str, **facts: object) -> None:
        if self._camera is not None:
            name = self._camera.spec.name
            self._ledger.write(what, camera=name, stream=self.stream, session=self.session, **facts)


_HANDLERS: dict[str, Callable[[Connection, Request, Camera, Place], None]] = {
    "OPTIONS": Connection._parameter,  # noqa: SLF001 - a table of the class's own methods
    "DESCRIBE": Connection._describe,  # noqa: SLF001 - as above
    "SETUP": Connection._setup,  # noqa: SLF001 - as above
    "PLAY": Connection._play,  # noqa: SLF001 - as above
    "GET_PARAMETER": Connection._parameter,  # noqa: SLF001 - as above
    "SET_PARAMETER": Connection._parameter,  # noqa: SLF001 - as above
    "TEARDOWN": Connection._teardown,  # noqa: SLF001 - as above
}
