"""A stream in another size: decoded, scaled down, and encoded as H.264 with the sound beside it.

One `Transcoder` serves one run; pictures keep the run's rhythm and their place in wall time. What cannot be encoded in
time is left out, so memory does not grow.

Not here: reading footage and writing the spool (library.tiering), when to leave something out (there, too).
Used on one thread.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
from av.video.reformatter import VideoReformatter

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import BadInput, MissingDependency, Unsupported
from holdfast.media import nal, params
from holdfast.media.decode import Coding, Decoder, fitted
from holdfast.media.tier_sound import Sound

TIMESCALE = 90_000  # RTP's; every usual frame rate is a whole number of its ticks
KEYFRAME_TICKS = 2 * TIMESCALE  # C022: a viewer who changes the tier sees a picture within this
_SPS, _PPS = 7, 8  # ISO/IEC 14496-10, table 7-1
_NOMINAL_RATE = 25  # pictures keep their own times; rate control wants one number
_SLACK = 0.9  # of the shortest time between two pictures: cameras do not keep time to the tick
_THREADS = 2  # chosen: half of a small machine; the other half records
_MOST_WALLS = 1000  # pictures inside the decoder; its own limit is 16 and its threads


@dataclass(frozen=True, slots=True)
class Preset:
    """What a tier looks like: size and rate at most, and the sound's bits (None passes the sound on unchanged)."""

    name: str
    width: int
    height: int
    video_bps: int
    rate: int
    profile: str = "main"
    audio_bps: int | None = None


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("hd", 1280, 720, 1_500_000, 30),
        Preset("sd", 640, 360, 350_000, 30),
        Preset("low", 320, 180, 150_000, 15),
        Preset("hls", 640, 360, 1_200_000, 30, "baseline", 64_000),
    )
}
"""C022 and, for `hls`, C021."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A sample of the tier, and the wall time at which it is shown."""

    sample: Sample
    wall_us: int


class Transcoder:
    """Turns the samples of one run into those of a tier.

    Args:
        preset: What comes out.
        codings: What goes in; sound may be missing.

    Attributes:
        tracks: What comes out, video first.
        left_out: Pictures that were not encoded because there was no time.

    Raises:
        Unsupported: There are no pictures, or they cannot be decoded here.
        BadInput: The configuration is damaged.
        MissingDependency: This build of libav cannot encode H.264.
    """

    def __init__(self, preset: Preset, codings: Mapping[Kind, Coding]) -> None:
        video, sound = codings.get(Kind.VIDEO), codings.get(Kind.AUDIO)
        if video is None:
            raise Unsupported("there are no pictures to convert")
        self.left_out = 0
        self._preset = preset
        self._coding = video
        self._decoder = Decoder(video, threads=_THREADS)
        self._size = fitted(video.width, video.height, preset.width, preset.height)
        self._scaler = VideoReformatter()
        self._encoder, config = _encoder(preset, self._size)
        self._sound = Sound(sound, preset.audio_bps) if sound is not None and sound.codec == "aac" else None
        self._walls: dict[int, int] = {}
        self._coded_walls: dict[int, int] = {}
        self._held: Coded | None = None
        self._taken: int | None = None
        self._key: int | None = None
        self._keyframes_only = self._wait_for_key = False
        picture = Track(
            kind=Kind.VIDEO, codec="h264", sent_codec=video.codec, timescale=TIMESCALE, config=config,
            profile=params.picture_h264(params.from_config(config, hevc=False)[0][0]).profile,
            width=self._size[0], height=self._size[1], frame_rate=0.0,
        )  # fmt: skip
        self.tracks: tuple[Track, ...] = (picture,) if self._sound is None else (picture, self._sound.track)

    def hurry(self, on: bool) -> None:  # noqa: FBT001 - a switch
        """Decode keyframes alone from now on, or, from the next keyframe on, everything again."""
        if self._keyframes_only and not on:
            self._wait_for_key = True
        self._keyframes_only = on

    def picture(self, payload: bytes, times: tuple[int, int], wall_us: int, *, key: bool, skip: bool) -> list[Coded]:
        """Take one coded picture.

        Args:
            payload: As it is stored.
            times: Presentation and decode ticks, in the run's own.
            wall_us: When it is shown.
            key: It is a keyframe.
            skip: Decode, but do not encode what comes out.

        Returns:
            What is complete now.
        """
        if (self._keyframes_only or self._wait_for_key) and not key:
            self.left_out += 1
            return []
        self._wait_for_key = False
        self._walls[times[0]] = wall_us
        if len(self._walls) > _MOST_WALLS:
            del self._walls[next(iter(self._walls))]
        return [
            out for frame in self._decoder.feed(payload, *times) for out in self._frame(frame, skip=skip)
        ]  # fmt: skip

    def sound(self, payload: bytes, dts_ticks: int, duration_ticks: int, wall_us: int) -> list[Coded]:
        """Take one block of sound; see `picture`."""
        if self._sound is None:
            return []
        return [Coded(sample, at_us) for sample, at_us in self._sound.feed(payload, dts_ticks, duration_ticks, wall_us)]

    def flush(self) -> list[Coded]:
        """Return what is held back; nothing may follow."""
        out = [done for frame in self._decoder.flush() for done in self._frame(frame, skip=False)]
        out += [done for packet in _packets(self._encoder, None) for done in self._packet(packet)]
        held, self._held = self._held, None
        return [*out, held] if held is not None else out

    def _frame(self, frame: Any, *, skip: bool) -> Iterator[Coded]:
        wall_us = self._walls.pop(frame.pts, None)
        if wall_us is None:
            return
        ticks = frame.pts * TIMESCALE // self._coding.timescale
        due = self._taken is None or ticks - self._taken >= _SLACK * TIMESCALE / self._preset.rate
        if self._taken is not None and ticks <= self._taken:
            return
        if not due:
            return
        if skip:
            self.left_out += 1
            return
        small = self._scaler.reformat(frame, *self._size, "yuv420p", interpolation="FAST_BILINEAR", threads=1)
        small.pts, small.time_base = ticks, Fraction(1, TIMESCALE)
        forced = self._key is None or ticks - self._key >= KEYFRAME_TICKS
        small.pict_type = av.video.frame.PictureType.I if forced else av.video.frame.PictureType.NONE
        if forced:
            self._key = ticks
        self._taken = ticks
        self._coded_walls[ticks] = wall_us
        for packet in _packets(self._encoder, small):
            yield from self._packet(packet)

    def _packet(self, packet: Any) -> Iterator[Coded]:
        """Hold each sample back until the next one says how long it lasts."""
        unit = nal.repack_annexb(bytes(packet), hevc=False)
        wall_us = self._coded_walls.pop(packet.pts, None)
        if not unit.payload or wall_us is None:
            return
        held = self._held
        length = TIMESCALE // _NOMINAL_RATE
        if held is not None:
            length = max(1, packet.pts - held.sample.pts_ticks)
            held.sample.duration_ticks = length
        sample = Sample(0, unit.payload, packet.pts, packet.pts, length, unit.keyframe, 0)
        self._held = Coded(sample, wall_us)
        if held is not None:
            yield held


def _encoder(preset: Preset, size: tuple[int, int]) -> tuple[Any, bytes]:
    """Open the encoder; returns it and the body of the `avcC` box."""
    try:
        encoder: Any = av.CodecContext.create("libx264", "w")
    except (av.error.FFmpegError, ValueError) as error:
        raise MissingDependency("this PyAV cannot encode H.264", hint="install PyAV from its own wheel") from error
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, TIMESCALE), Fraction(_NOMINAL_RATE)
    encoder.bit_rate = preset.video_bps
    encoder.gop_size = 10_000  # keyframes are asked for by time
    encoder.thread_count = _THREADS
    # The parameter sets go into `avcC`, so the encoder must hand them over instead of repeating them in the stream.
    encoder.flags |= int(av.codec.context.Flags.global_header)
    encoder.options = {
        "preset": "veryfast", "tune": "zerolatency", "profile": preset.profile, "forced-idr": "1",
        "maxrate": str(preset.video_bps), "bufsize": str(preset.video_bps * 2), "sc_threshold": "0",
    }  # fmt: skip
    try:
        encoder.open()
    except (av.error.FFmpegError, ValueError) as error:
        raise BadInput(f"pictures of {size[0]}x{size[1]} cannot be encoded: {error}") from error
    sets = nal.split_annexb(bytes(encoder.extradata or b""))
    return encoder, params.avcc([u for u in sets if u[0] & 0x1F == _SPS], [u for u in sets if u[0] & 0x1F == _PPS])


def _packets(encoder: Any, frame: Any) -> list[Any]:
    try:
        return list(encoder.encode(frame))
    except (av.error.FFmpegError, ValueError):
        return []  # one picture is lost; the next one is tried again
