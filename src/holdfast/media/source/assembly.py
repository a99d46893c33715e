"""What a source builds between libav and its caller: tracks from streams, samples from packets, changes in order.

The same for every source that libav reads, so that a codec that passes the test passes the recording (F46). Used on the
stream's thread.

Not here: connecting and its errors (rtsp, file, failures).
"""

import struct
from typing import Any, Protocol

from holdfast.core.camera import Sample, Track
from holdfast.core.errors import Unsupported
from holdfast.core.timing import us_to_ticks
from holdfast.media.params import AAC_RATES, MAX_FPS
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.pictures import Pictures
from holdfast.media.source.sounds import EncodedSound, PassedAac
from holdfast.media.transcode import can_transcode

VIDEO_CODECS = frozenset({"h264", "hevc"})
_VIDEO_TIMESCALE = 90_000  # RFC 6184, RFC 7798; also what coarser clocks of containers divide evenly
_MIN_TIMESCALE = 8_000  # chosen: a container's clock that is finer than this is kept as it is
_CAMERA_CLOCK_US = 250_000  # measured: asking PyAV for side data costs 17 µs, as much as all else done to a packet
_BARRIER_US = 2_000_000  # chosen: sound waits no longer than this for the picture that begins a new track


class _Track(Protocol):
    """What video and sound have in common here."""

    track: Track | None
    changed: bool

    def feed(
        self, data: bytes, pts: int | None, dts: int | None, arrived_us: int, camera_us: int | None = None
    ) -> list[Sample]: ...

    def flush(self) -> list[Sample]: ...


class Assembly:
    """One connection's tracks.

    Args:
        container: An open input container of libav.
        audio: `optional`, `required` or `off`.
        live: Timestamps are RTP's and wrap; decode times are not told and are derived.

    Attributes:
        streams: The container's streams that are read; not to be touched any more once it is closed.
        indexes: Their places in the container.
        notes: What a person should know, such as sound that is not recorded.

    Raises:
        Unsupported: There is nothing in it that can be recorded, or video that cannot.
    """

    def __init__(self, container: Any, audio: str, *, live: bool) -> None:
        self.streams: list[Any] = []
        self.indexes: list[int] = []
        self.notes: list[str] = []
        self._live = live
        self._tracks: dict[int, _Track] = {}
        self._scales: dict[int, tuple[int, int, int]] = {}
        self._clocked = -1
        self._ask_camera_us = 0
        self._barrier: list[Sample] | None = None
        self._barrier_us = 0
        video = next((s for s in container.streams if s.type == "video"), None)
        if video is not None:
            self._add_video(video)
        if audio != "off":
            self._add_audio(next((s for s in container.streams if s.type == "audio"), None))
        if not self._tracks:
            raise Unsupported(
                "neither video nor sound that can be recorded", hint=self.notes[0] if self.notes else None
            )

    @property
    def ready(self) -> bool:
        """Whether every track is known."""
        return all(t.track is not None for t in self._tracks.values())

    @property
    def waits_for(self) -> str:
        """What is not known yet, in words."""
        return "parameter sets (SPS, PPS)" if self._video_unknown() else "the sound's configuration"

    def tracks(self) -> tuple[Track, ...]:
        """Return the tracks as they are now, video first."""
        return tuple(t.track for t in self._tracks.values() if t.track is not None)

    def feed(self, packet: Any, arrived_us: int, shift_us: int = 0) -> list[Sample | TracksChanged]:
        """Take one packet of libav.

        Args:
            packet: The packet; it is not changed and not kept.
            arrived_us: Boot time.
            shift_us: Microseconds to add to its timestamps (a file's later rounds).

        Returns:
            What is complete now, in order.
        """
        index = packet.stream_index
        pts, dts = packet.pts, packet.dts
        scale = self._scales[index]
        if scale[0] != scale[1] or shift_us:
            pts, dts = _scaled(pts, scale, shift_us), _scaled(dts, scale, shift_us)
        if self._live:
            dts = None
        camera_us = None
        if index == self._clocked and arrived_us >= self._ask_camera_us:
            self._ask_camera_us = arrived_us + _CAMERA_CLOCK_US
            told = bytes(packet.get_sidedata("prft"))
            camera_us = struct.unpack_from("<q", told)[0] if told else None
        track = self._tracks[index]
        before: list[Sample] = []
        if not self._live and isinstance(track, PassedAac) and packet.has_sidedata("new_extradata"):
            before = track.configure(bytes(packet.get_sidedata("new_extradata")))
        out = track.feed(bytes(packet), pts, dts, arrived_us, camera_us)
        if before:
            out = before + out
        if track.changed or self._barrier is not None:
            return self._ordered(track, out, arrived_us)
        return out  # type: ignore[return-value] # a list of samples is one of samples and changes; copying costs

    def flush(self) -> list[Sample]:
        """Let go of everything held back."""
        out: list[Sample] = []
        for track in self._tracks.values():
            out += track.flush()
        waiting, self._barrier = self._barrier or [], None
        return out + waiting

    def _video_unknown(self) -> bool:
        return any(isinstance(t, Pictures) and t.track is None for t in self._tracks.values())

    def _ordered(self, track: _Track, out: list[Sample], now_us: int) -> list[Sample | TracksChanged]:
        """Keep the contract's order around a change: the old samples, the change, the keyframe, then sound."""
        result: list[Sample | TracksChanged] = list(out)
        if track.changed:
            track.changed = False
            for other in self._tracks.values():
                if other is not track:
                    result += other.flush()
            result.append(TracksChanged(self.tracks()))
            if isinstance(track, Pictures):
                self._barrier, self._barrier_us = [], now_us
            return result
        waiting = self._barrier or []
        if isinstance(track, Pictures):
            if out:
                result += waiting
                self._barrier = None
        elif now_us - self._barrier_us > _BARRIER_US:
            result = [*waiting, *result]
            self._barrier = None
        else:
            self._barrier = waiting + out
            result = []
        return result

    def _add_video(self, stream: Any) -> None:
        context = stream.codec_context
        codec = context.name if context is not None else "unknown"
        if codec not in VIDEO_CODECS:
            raise Unsupported(f"the video is {codec}, which cannot be recorded")
        timescale = self._take(stream, _VIDEO_TIMESCALE)
        rate = float(stream.guessed_rate or stream.average_rate or 0)
        self._clocked = stream.index
        wrap = 1 << 32 if self._live else 0
        config = bytes(context.extradata or b"")
        rate = round(rate, 3) if rate <= MAX_FPS else 0.0
        self._read(stream, Pictures(len(self._tracks), codec, config, timescale, rate, wrap=wrap))

    def _add_audio(self, stream: Any) -> None:
        if stream is None:
            return
        context = stream.codec_context
        codec = context.name if context is not None else "unknown"
        rate, channels = (context.sample_rate or 0, context.channels or 0) if context is not None else (0, 0)
        index, wrap = len(self._tracks), 1 << 32 if self._live else 0
        made: _Track
        try:
            if codec == "aac" and self._live and not context.extradata:
                raise Unsupported("the description of the AAC sound holds no configuration")  # noqa: TRY301 - one way out for all
            if codec == "aac":
                timescale = self._take(stream, rate if rate in AAC_RATES else _VIDEO_TIMESCALE)
                made = PassedAac(index, bytes(context.extradata or b""), timescale, rate, channels, wrap=wrap)
            elif can_transcode(codec):
                made = EncodedSound(index, codec, rate, channels)
                self._take(stream, rate, exactly=True)
            else:
                raise Unsupported(f"sound as {codec} cannot be recorded")  # noqa: TRY301 - one way out for all
        except Unsupported as error:
            self.notes.append(f"video alone is recorded: {error}")
            return
        self._read(stream, made)

    def _read(self, stream: Any, track: _Track) -> None:
        self.streams.append(stream)
        self.indexes.append(stream.index)
        self._tracks[stream.index] = track

    def _take(self, stream: Any, preferred: int, *, exactly: bool = False) -> int:
        """Choose the ticks a second that a stream's samples will have."""
        base = stream.time_base
        timescale = preferred
        if not exactly and base.numerator == 1 and base.denominator >= _MIN_TIMESCALE:
            timescale = base.denominator
        self._scales[stream.index] = (base.numerator * timescale, base.denominator, timescale)
        return timescale


def _scaled(ticks: int | None, scale: tuple[int, int, int], shift_us: int) -> int | None:
    return None if ticks is None else ticks * scale[0] // scale[1] + us_to_ticks(shift_us, scale[2])
