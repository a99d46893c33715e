"""Pictures that come uncompressed or as JPEG into samples of H.264: taken at a rate, made smaller, turned, encoded.

Each picture keeps the time at which it arrived. Where the pictures' size changes, or an encoder of the hardware gives
up, another track begins. In the source's own process, on its thread.

Not here: which encoder (encoders), where pictures come from (jpeg, screen, device).
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import av.error
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from holdfast.core.camera import Sample, Track
from holdfast.core.errors import Unsupported
from holdfast.core.plan import Encoding
from holdfast.core.timing import SECOND_US, us_to_ticks
from holdfast.media import nal
from holdfast.media.decode import fitted
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.encoders import KEYFRAME_S, SOFTWARE, TIMESCALE, Opened, Shape, open_encoder
from holdfast.media.source.sets import ParameterSets
from holdfast.media.source.timeline import Timeline

_SLACK = 0.2  # of the time between two pictures: sources do not keep time to the microsecond
_BURST_S = 0.7  # measured: our own MJPEG comes in bursts of half a second
_MOST_FAILURES = 50  # chosen: two seconds of pictures that the encoder of last resort refuses; then it is said
_MOST_WAITING = 1000  # pictures inside an encoder; its own limit is far below
_TURNS = {90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", "")), 270: (("transpose", "cclock"),)}


class Encoded:
    """The video of a source that encodes.

    Args:
        wanted: Size, rate, bits and turn.
        sent_codec: What comes in, in libav's words: `mjpeg`, `rawvideo`.
        zero_us: Boot time that counts as 0 ticks.
        rate: Pictures a second, where that is not the wanted one.

    Attributes:
        track: What comes out; None before the first picture.
        encoder: Name of the encoder in use.
        passed_over: Encoders that did not work, and why.
    """

    def __init__(self, wanted: Encoding, sent_codec: str, zero_us: int, rate: float = 0.0) -> None:
        self.track: Track | None = None
        self.encoder = ""
        self.passed_over: tuple[str, ...] = ()
        self._wanted = wanted
        self._rate = rate or wanted.frame_rate
        self._sent_codec = sent_codec
        self._zero_us = zero_us
        self._kind = wanted.encoder
        self._opened: Opened | None = None
        self._sets = ParameterSets("h264", TIMESCALE, self._rate)
        self._line = Timeline(0, TIMESCALE, round(TIMESCALE / self._rate), wrap=0)
        self._scaler = VideoReformatter()
        self._came: tuple[int, int] = (0, 0)
        self._shape = Shape(0, 0, 0.0, 0)
        self._turn: Any = None
        self._allowed = 1.0
        self._allowed_us = zero_us
        self._key_us: int | None = None
        self._arrivals: dict[int, int] = {}
        self._last_ticks = -1
        self._failures = 0

    def due(self, at_us: int) -> bool:
        """Say whether a picture that arrived at this boot time is wanted; to be asked before it is decoded."""
        return self._allowance(at_us) >= 1 - _SLACK

    def feed(self, frame: Any, at_us: int) -> list[Sample | TracksChanged]:
        """Take a picture of libav that arrived at a boot time; return what is complete now.

        Raises:
            Unsupported: It cannot be encoded.
        """
        if not self.due(at_us):
            return []
        self._allowed, self._allowed_us = self._allowance(at_us) - 1, at_us
        out: list[Sample | TracksChanged] = []
        if self._opened is None or (frame.width, frame.height) != self._came:
            out += self._begin(frame)
        ticks = max(us_to_ticks(at_us - self._zero_us, TIMESCALE), self._last_ticks + 1)
        self._last_ticks = ticks
        self._arrivals[ticks] = at_us
        if len(self._arrivals) > _MOST_WAITING:
            del self._arrivals[next(iter(self._arrivals))]
        small = self._prepared(frame, ticks)
        forced = self._key_us is None or at_us - self._key_us >= KEYFRAME_S * SECOND_US
        small.pict_type = av.video.frame.PictureType.I if forced else av.video.frame.PictureType.NONE
        if forced:
            self._key_us = at_us
        out += self._encode(small, frame)
        return out

    def _allowance(self, at_us: int) -> float:
        """Return how many pictures may be taken now: what the rate allows since the last one, and what was saved.

        Networks and servers hold pictures back and send some at once: those are no more than were wanted.
        """
        most = max(1.0, self._rate * _BURST_S)
        return min(most, self._allowed + (at_us - self._allowed_us) * self._rate / SECOND_US)

    def flush(self) -> list[Sample | TracksChanged]:
        """Return what is held back; more may follow."""
        out: list[Sample | TracksChanged] = []
        if self._opened is not None:
            out += self._collect(None)
            self._opened = None
        return [*out, *self._line.flush()]

    def _begin(self, frame: Any) -> list[Sample | TracksChanged]:
        """Open an encoder for pictures of this size."""
        out = self.flush() if self._opened is not None else []
        self._came = (frame.width, frame.height)
        wanted, sideways = self._wanted, self._wanted.rotation in {90, 270}
        most = (wanted.height, wanted.width) if sideways else (wanted.width, wanted.height)
        width, height = fitted(frame.width, frame.height, *most)
        self._turn = _turner(wanted.rotation, width, height)
        if sideways:
            width, height = height, width
        self._shape = Shape(width, height, self._rate, wanted.bitrate_bps)
        self._open()
        return out

    def _open(self) -> None:
        opened = self._opened = open_encoder(self._kind, self._shape)
        self.encoder = opened.name
        self.passed_over = (*self.passed_over, *(w for w in opened.passed_over if w not in self.passed_over))
        self._key_us = None
        self._sets.learn(nal.split_annexb(bytes(opened.context.extradata or b"")))

    def _prepared(self, frame: Any, ticks: int) -> Any:
        width, height = self._shape.width, self._shape.height
        if self._wanted.rotation in {90, 270}:
            width, height = height, width
        opened = self._opened
        pixels = "yuv420p" if self._turn is not None or opened is None else opened.pixels
        small = self._scaler.reformat(
            frame, width, height, pixels, dst_colorspace=int(Colorspace.ITU709), dst_color_range=int(ColorRange.MPEG),
            interpolation="FAST_BILINEAR", threads=1,
        )  # fmt: skip
        if self._turn is not None:
            small.pts, small.time_base = ticks, Fraction(1, TIMESCALE)
            self._turn.push(small)
            small = self._turn.pull()
            if opened is not None and opened.pixels != pixels:
                small = self._scaler.reformat(small, format=opened.pixels)
        small.pts, small.time_base = ticks, Fraction(1, TIMESCALE)
        return small

    def _encode(self, small: Any, frame: Any) -> list[Sample | TracksChanged]:
        try:
            out = self._collect(small)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            if self.encoder == SOFTWARE:
                self._failures += 1
                if self._failures >= _MOST_FAILURES:
                    raise Unsupported(f"pictures cannot be encoded: {type(error).__name__}") from None
                return []  # one picture is lost; the next one is tried again
            # A driver that worked and does so no more: from here on the processor does it.
            self.passed_over = (*self.passed_over, f"{self.encoder}: gave up ({type(error).__name__})")
            self._kind = "software"
            self._open()
            small = self._prepared(frame, small.pts)
            small.pict_type = av.video.frame.PictureType.I
            out = self._collect(small)
        self._failures = 0
        return out

    def _collect(self, frame: Any) -> list[Sample | TracksChanged]:
        opened = self._opened
        if opened is None:
            return []
        return [item for packet in opened.context.encode(frame) for item in self._packet(packet)]

    def _packet(self, packet: Any) -> Iterator[Sample | TracksChanged]:
        unit = nal.repack_annexb(bytes(packet), hevc=False)
        if unit.parameters:
            self._sets.learn(unit.parameters)
        if not unit.payload:
            return
        arrived_us = self._arrivals.pop(packet.pts, None)
        if arrived_us is None:
            return
        if self._sets.pending and unit.keyframe and self._sets.turn():
            yield from self._line.change(0)
            self.track = self._described()
            yield TracksChanged((self.track,))
        elif self.track is None and self._sets.track is not None:
            self.track = self._described()
        elif self.track is not None and unit.keyframe and self.track.encoder != self.encoder:
            yield from self._line.change(0)
            self.track = self._described()
            yield TracksChanged((self.track,))
        yield from self._line.push(unit.payload, packet.pts, packet.pts, arrived_us, None, keyframe=unit.keyframe)

    def _described(self) -> Track:
        track = self._sets.track
        if track is None:
            raise Unsupported(f"{self.encoder} says nothing about its pictures", hint='set encode.encoder = "software"')
        return replace(track, sent_codec=self._sent_codec, encoder=self.encoder)


def _turner(rotation: int, width: int, height: int) -> Any:
    """Return a graph that turns pictures of this size, or None."""
    if rotation not in _TURNS:
        return None
    graph = av.filter.Graph()
    base = Fraction(1, TIMESCALE)
    chain: list[Any] = [graph.add_buffer(width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=base)]
    chain += [graph.add(name, arguments) if arguments else graph.add(name) for name, arguments in _TURNS[rotation]]
    chain.append(graph.add("buffersink"))
    for one, following in pairwise(chain):
        one.link_to(following)
    graph.configure()
    return graph
