"""Real samples for tests: a few seconds encoded by libav, handed out as our own `Sample`s and `Track`s."""

import io
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from holdfast.core.camera import Kind, Sample, StreamKey, Track
from holdfast.media.segment import SegmentFile, SegmentHead
from holdfast.storage.memory import Memory

WALL_US = 1_790_000_000_000_000
GATE = StreamKey("gate", "main")


@dataclass(frozen=True, repr=False)
class Footage:
    """Tracks and their samples, in the order in which a camera would have sent them."""

    tracks: tuple[Track, ...]
    samples: tuple[Sample, ...]

    def __repr__(self) -> str:
        return f"Footage({len(self.samples)} samples)"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - hypothesis' protocol
        """What hypothesis prints of a failing case: every sample would be 300 kB, and hide the failure."""
        printer.text(repr(self))

    def of(self, track: int) -> list[Sample]:
        return [s for s in self.samples if s.track == track]

    def us(self, sample: Sample) -> int:
        """Presentation time since the origin of the ticks."""
        return sample.pts_ticks * 1_000_000 // self.tracks[sample.track].timescale


def encode(
    codec: str = "h264", *, seconds: float = 4.0, audio: bool = True, gop: int = 25, b_frames: int = 2, fps: int = 25,
    size: tuple[int, int] = (160, 96),
) -> Footage:  # fmt: skip
    """Encode moving noise; with B-frames, so decode order is not presentation order. `codec` "" means sound alone."""
    file = io.BytesIO()
    video: av.VideoStream | None = None
    sound: av.AudioStream | None = None
    with av.open(file, "w", format="mp4") as out:
        if codec:
            name = {"h264": "x264", "hevc": "x265"}[codec]
            made = out.add_stream(f"lib{name}", rate=fps)
            assert isinstance(made, av.VideoStream)
            video = made
            video.width, video.height, video.pix_fmt = *size, "yuv420p"
            quiet = ":log-level=none:pools=1" if codec == "hevc" else ""
            shape = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:b-adapt=0{quiet}"
            video.options = {"preset": "ultrafast", f"{name}-params": shape}
        if audio:
            sound = out.add_stream("aac", rate=16000)
            sound.layout = "mono"
        if video is not None:
            for number in range(round(seconds * fps)):
                out.mux(video.encode(_picture(number, size)))
            out.mux(video.encode(None))
        if sound is not None:
            for number in range(int(seconds * 16000 / 1024)):
                out.mux(sound.encode(_tone(number)))
            out.mux(sound.encode(None))
    file.seek(0)
    return demux(file)


def _picture(number: int, size: tuple[int, int]) -> av.VideoFrame:
    rows = np.add.outer(np.arange(size[1]) * 2 + number * 3, np.arange(size[0])) % 256
    pixels = np.stack([rows, rows[::-1], (rows + number * 7) % 256], axis=2).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.pts = number
    return frame


def _tone(number: int) -> av.AudioFrame:
    at = np.arange(number * 1024, number * 1024 + 1024)
    wave = (np.sin(at * 2 * np.pi * 440 / 16000) * 8000).astype(np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
    frame.sample_rate = 16000
    frame.time_base = Fraction(1, 16000)
    frame.pts = number * 1024
    return frame


def demux(file: io.BytesIO | Path) -> Footage:
    """Read an MP4 as samples: its payloads are length-prefixed already, its parameters stand in the header."""
    samples: list[Sample] = []
    with av.open(file if isinstance(file, io.BytesIO) else str(file), "r") as media:
        tracks = tuple(_track(stream) for stream in media.streams)
        for packet in media.demux():
            if packet.size:
                assert packet.dts is not None
                assert packet.pts is not None
                ticks = (packet.dts, packet.pts, packet.duration or 0)
                samples.append(Sample(packet.stream_index, bytes(packet), *ticks, packet.is_keyframe, 0))
    samples.sort(key=lambda s: (Fraction(s.dts_ticks, tracks[s.track].timescale), s.track))
    return Footage(tracks, tuple(samples))


def _track(stream: object) -> Track:
    assert isinstance(stream, av.VideoStream | av.AudioStream)
    assert stream.time_base is not None
    context = stream.codec_context
    kind = Kind.VIDEO if isinstance(stream, av.VideoStream) else Kind.AUDIO
    common = Track(
        kind, context.name, context.name, timescale=stream.time_base.denominator, config=context.extradata or b""
    )
    if isinstance(stream, av.VideoStream):
        return replace(common, width=stream.width, height=stream.height)
    return replace(common, sample_rate=stream.rate or 0, channels=stream.channels)


def fragments(footage: Footage, *, length_s: float = 0.5) -> list[list[Sample]]:
    """Cut samples as a recorder would: each list is one fragment, the first one begins with a picture."""
    cut: list[list[Sample]] = [[]]
    until = None
    for sample in footage.samples:
        at = Fraction(sample.dts_ticks, footage.tracks[sample.track].timescale)
        until = at + Fraction(length_s) if until is None else until
        if at >= until and cut[-1]:
            cut.append([])
            until += Fraction(length_s)
        cut[-1].append(sample)
    return cut


def head(key: StreamKey = GATE, *, start_us: int = WALL_US, run: str = "run-1") -> SegmentHead:
    """Say of a file what a recorder would."""
    return SegmentHead(
        key=key, run=run, start_us=start_us, start_boot_us=7_000_000, boot="boot-1", sync=True, why="opened",
        program="holdfast 0.1.0", site="yard",
    )  # fmt: skip


def wall_of(footage: Footage, group: list[Sample], start_us: int = WALL_US) -> int:
    """Wall time that a recorder would state for a fragment, if the first picture was shown at `start_us`."""
    origin = footage.us(_first(footage, list(footage.samples)))
    return start_us + footage.us(_first(footage, group)) - origin


def _first(footage: Footage, group: list[Sample]) -> Sample:
    return next((s for s in group if footage.tracks[s.track].kind is Kind.VIDEO), group[0])


def write_part(
    root: Path, footage: Footage, *, start_us: int = WALL_US, run: str = "run-1", memory: Memory | None = None
) -> SegmentFile:
    """Write all fragments of some footage; neither sealed nor closed."""
    segment = SegmentFile.create(
        root, head(start_us=start_us, run=run), footage.tracks, segment_s=600, memory=memory
    )  # fmt: skip
    for group in fragments(footage):
        segment.write(group, wall_of(footage, group, start_us))
    return segment


def end_of(footage: Footage, start_us: int = WALL_US) -> int:
    """Wall time at which the last picture (the last sound without pictures) ends."""
    kind = Kind.VIDEO if any(t.kind is Kind.VIDEO for t in footage.tracks) else Kind.AUDIO
    mine = [s for s in footage.samples if footage.tracks[s.track].kind is kind]
    scale = footage.tracks[mine[0].track].timescale
    last = max(s.pts_ticks + s.duration_ticks for s in mine) * 1_000_000 // scale
    return start_us + last - footage.us(_first(footage, list(footage.samples)))
