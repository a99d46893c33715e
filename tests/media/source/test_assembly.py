import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from holdfast.core.camera import Sample
from holdfast.media.source.assembly import Assembly
from holdfast.media.source.contract import TracksChanged


def pictures(size: tuple[int, int], first: int) -> list[bytes]:
    """Return a second of H.264 with its parameter sets in the stream."""
    units = []
    with av.open(io.BytesIO(), "w", format="h264") as out:
        options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "annexb=1:repeat-headers=1"}
        stream: Any = out.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for n in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), first + n, np.uint8), "rgb24")
            units += [bytes(packet) for packet in stream.encode(frame)]
    return units


@pytest.fixture
def both(tmp_path: Path) -> Any:
    """An open container with H.264 video and PCM sound."""
    path = tmp_path / "both.mkv"
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        sound: Any = out.add_stream("pcm_s16le", rate=16000)
        sound.layout = "mono"
        for _ in range(5):
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), "rgb24")))
        out.mux(video.encode(None))
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), "s16", "mono")
        noise.sample_rate, noise.pts, noise.time_base = 16000, 0, Fraction(1, 16000)
        out.mux(sound.encode(noise))
    with av.open(str(path)) as container:
        yield container


def packet(stream: Any, data: bytes, at_s: float) -> Any:
    """Make a packet as libav hands it out."""
    made = av.Packet(data)
    made.stream = stream
    made.pts = round(at_s / stream.time_base)
    made.time_base = stream.time_base
    return made


def test_a_change_comes_between_old_and_new_with_the_keyframe_first(both: Any) -> None:
    """Around new parameters: the old samples of every track, the change, the new keyframe, and only then sound."""
    assembly = Assembly(both, "optional", live=True)
    video, sound = assembly.streams
    # Annex B, as a camera sends: what the file's own description says of prefixes does not hold here.
    assembly._tracks[video.index]._prefix = 0  # type: ignore[attr-defined]
    out: list[Sample | TracksChanged] = []
    units = pictures((320, 240), 0) + pictures((640, 360), 50)
    for n, unit in enumerate(units):
        at = n / 25
        out += assembly.feed(packet(video, unit, at), round(at * 1e6))
        out += assembly.feed(packet(sound, b"\0\0" * 640, at), round(at * 1e6))
    out += assembly.flush()
    changes = [n for n, item in enumerate(out) if isinstance(item, TracksChanged) and item.tracks[0].width == 640]
    assert len(changes) == 1
    change = changes[0]
    changed = out[change]
    assert isinstance(changed, TracksChanged)
    assert [t.width for t in changed.tracks] == [640, 0]
    following = out[change + 1]
    assert isinstance(following, Sample)
    assert (following.track, following.keyframe, following.pts_ticks) == (0, True, 90_000)
    samples = [item for item in out if isinstance(item, Sample)]
    assert sum(s.track == 0 for s in samples) == 50
    assert sum(s.duration_ticks for s in samples if s.track == 1) == 2 * 16000
    for track in (0, 1):
        times = [s.dts_ticks for s in samples if s.track == track]
        assert all(a < b for a, b in pairwise(times))


def test_sound_does_not_wait_for_ever_for_a_picture(both: Any) -> None:
    """Where the picture after a change stays away, sound goes on after two seconds."""
    assembly = Assembly(both, "optional", live=True)
    video, sound = assembly.streams
    assembly._tracks[video.index]._prefix = 0  # type: ignore[attr-defined]
    old, new = pictures((320, 240), 0), pictures((640, 360), 50)
    assembly.feed(packet(video, old[0], 0.0), 0)
    assembly.feed(packet(video, new[0], 0.04), 40_000)
    out: list[Sample | TracksChanged] = []
    for n in range(100):
        out += assembly.feed(packet(sound, b"\0\0" * 640, n * 0.04), 40_000 + n * 40_000)
    assert sum(s.duration_ticks for s in out if isinstance(s, Sample)) > 3 * 16000
