"""Cameras over HTTP and HTTPS: MJPEG, single JPEGs that are asked for, HLS. What the server answers tells which.

Pictures are encoded; HLS is recorded as it comes. In the source's own process, on its thread.

Not here: the requests (web), where a picture begins and ends (jpegs), HLS itself (hls), encoding (encoded).
"""

from collections.abc import Iterator
from typing import Any

import av
import av.error

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import Refused, SourceEnded, SourceError, Stalled, Unsupported
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.encoded import Encoded
from holdfast.media.source.failures import listen_to_libav
from holdfast.media.source.hls import LISTS, HlsSource
from holdfast.media.source.jpegs import Jpegs
from holdfast.media.source.web import Web

_MOST_PICTURE_BYTES = 32 * 1024 * 1024
_MOST_LIST_BYTES = 4 * 1024 * 1024
_MOST_DAMAGED = 100  # chosen: some seconds of a stream; single pictures break now and then on bad lines
_PEEK_BYTES = 1024
_PICTURES = frozenset({"image/jpeg", "image/jpg", "image/pjpeg"})
_TICK_S = 0.1  # how late an interruption is noticed between two questions
_QUIET_ROUNDS = 3  # chosen: an address of single pictures may miss two questions before it is stalled

Item = Sample | TracksChanged


class HttpSource:
    """A camera behind a web address.

    Args:
        plan: What to connect to. Options: `tls_verify` (`1` refuses certificates that are not trusted).
        clock: Tells when pictures arrive.

    Attributes:
        notes: What a person should know about the stream.
        quiet_s: For how long it may be silent: single pictures may be asked for rarely.
    """

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._web = Web(plan, clock)
        self._name = str(plan.key)
        self._hls: HlsSource | None = None
        self._jpegs = Jpegs()
        self._polls = False
        self._told = False
        self._encoded = Encoded(plan.encode, "mjpeg", clock.boot_us())
        self._decoder: Any = None
        self._damaged = 0
        self._early: list[Item] = []
        self._asked_us = 0
        self._came_us = clock.boot_us()
        self.notes: tuple[str, ...] = ()
        self.quiet_s = 0.0
        listen_to_libav()

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Encoders that did not work, and why."""
        return self._encoded.passed_over

    def open(self) -> tuple[Track, ...]:
        """Ask, and see what is answered; see `contract.Source.open`."""
        try:
            return self._open()
        except Stalled as error:
            self.close()
            if self._hls is None and self._jpegs.junk_bytes + self._jpegs.waiting_bytes:
                raise Stalled(f"{self._name}: data arrives, but no whole picture in it") from None
            raise error from None
        except SourceError:
            self.close()
            raise

    def _open(self) -> tuple[Track, ...]:
        plan, web = self._plan, self._web
        until_us = self._clock.boot_us() + int(plan.open_timeout_s * SECOND_US)
        self._asked_us = self._came_us = self._clock.boot_us()
        web.get(plan.open_timeout_s)
        kind, peeked = web.kind, b""
        if kind not in _PICTURES and not kind.startswith("multipart/") and kind not in LISTS:
            peeked = web.read(self._left_s(until_us))
            kind = _told_by(peeked) or kind
        if kind in LISTS:
            text = peeked + web.body(self._left_s(until_us), _MOST_LIST_BYTES)
            web.close()
            self._hls = HlsSource(plan, self._clock, web.url, text.decode("utf-8", "replace"))
            if self._told:
                self._hls.interrupt()
            tracks = self._hls.open(self._left_s(until_us))
            self.notes, self.quiet_s = self._hls.notes, self._hls.quiet_s
            return tracks
        if kind in _PICTURES:
            self._polls = True
            rate = plan.encode.poll_rate
            self.quiet_s = _QUIET_ROUNDS / rate + plan.open_timeout_s
            self._encoded = Encoded(plan.encode, "mjpeg", self._clock.boot_us(), min(rate, 60.0))
            self._take(peeked + web.body(self._left_s(until_us), _MOST_PICTURE_BYTES))
        elif kind.startswith("multipart/"):
            self._take(peeked)
        else:
            raise Unsupported(
                f"{self._name}: {web.address.host}:{web.address.port} sends {kind or 'something unknown'}, no pictures",
                hint="the URL must lead to MJPEG, a JPEG or an .m3u8 list; a page that shows them is not enough",
            )
        while self._encoded.track is None:
            if self._polls:
                raise Refused(f"{self._name}: what {web.address.host} sends as a picture cannot be decoded")
            self._take(self._more(self._left_s(until_us)))
        return (self._encoded.track,)

    def samples(self) -> Iterator[Item]:
        """Yield what arrives; see `contract.Source.samples`."""
        if self._hls is not None:
            yield from self._hls.samples()
            return
        try:
            while True:
                early, self._early = self._early, []
                yield from early
                if self._polls:
                    self._poll()
                else:
                    self._take(self._more(self._plan.stall_s))
        except SourceError:
            yield from self._encoded.flush()
            raise

    def close(self) -> None:
        """Hang up."""
        self._web.close()
        if self._hls is not None:
            self._hls.close()

    def interrupt(self) -> None:
        """End the present wait soon, and every later one."""
        self._told = True
        self._web.interrupt()
        if self._hls is not None:
            self._hls.interrupt()

    def _more(self, within_s: float) -> bytes:
        """Return some more of a stream of pictures."""
        data = self._web.read(within_s)
        if not data:
            raise SourceEnded(f"{self._name}: the camera ended the stream")
        if self._clock.boot_us() - self._came_us > self._plan.stall_s * SECOND_US:
            raise Stalled(f"{self._name}: data arrives, but no whole picture in it")
        return data

    def _poll(self) -> None:
        """Wait for the next time to ask, and ask; a time that has passed is not made up for."""
        step_us = SECOND_US / self._plan.encode.poll_rate
        now_us = self._clock.boot_us()
        self._asked_us = round(max(self._asked_us + step_us, now_us - step_us / 2))
        while (left_us := self._asked_us - self._clock.boot_us()) > 0:
            if self._told:
                raise SourceEnded(f"{self._name}: told to stop", hint="")
            self._clock.sleep(min(left_us / SECOND_US, _TICK_S))
        within_s = max(self._plan.stall_s, 1.0)
        self._web.get(within_s)
        body = self._web.body(within_s, _MOST_PICTURE_BYTES)
        if _told_by(body) not in _PICTURES:
            what = self._web.kind if self._web.kind not in _PICTURES else "something damaged"
            raise Refused(f"{self._name}: {self._web.address.host} answers with {what or 'nothing'} now, not a picture")
        self._take(body)

    def _take(self, data: bytes) -> None:
        for picture in self._jpegs.feed(data):
            at_us = self._clock.boot_us()
            self._came_us = at_us
            if not self._encoded.due(at_us):
                continue
            for frame in self._decode(picture):
                self._early += self._encoded.feed(frame, at_us)

    def _decode(self, picture: bytes) -> list[Any]:
        if self._decoder is None:
            self._decoder = av.CodecContext.create("mjpeg", "r")
            self._decoder.thread_count = 1
        try:
            frames = list(self._decoder.decode(av.Packet(picture)))
        except (av.error.FFmpegError, ValueError):
            # The next one gets a decoder that has seen nothing bad.
            self._decoder = None
            self._damaged += 1
            if self._damaged >= _MOST_DAMAGED:
                raise Unsupported(f"{self._name}: none of the last {self._damaged} pictures could be decoded") from None
            return []
        self._damaged = 0
        return frames

    def _left_s(self, until_us: int) -> float:
        left_s = (until_us - self._clock.boot_us()) / SECOND_US
        if left_s <= 0:
            raise Stalled(f"{self._name}: connected, but no picture within the time to open")
        return left_s


def _told_by(data: bytes) -> str:
    """Return the content type that a body has, whatever its head says; cameras are careless with it."""
    head = data[:_PEEK_BYTES].lstrip(b"\xef\xbb\xbf\r\n ")
    if head.startswith(b"#EXTM3U"):
        return "application/vnd.apple.mpegurl"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"--") and b"image/jpeg" in head.lower():
        return "multipart/x-mixed-replace"
    return ""
