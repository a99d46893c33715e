from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from holdfast.core.camera import Kind, Track
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Unreachable
from holdfast.core.plan import StreamPlan
from holdfast.media import probe as probing
from holdfast.media.probe import compare, media_tools, probe

VIDEO = Track(Kind.VIDEO, "h264", "h264", 90_000, b"", "High", 1280, 720, 24.98)
AUDIO = Track(Kind.AUDIO, "aac", "pcm_alaw", 8000, b"", "LC", sample_rate=8000, channels=1)


def film(path: Path, rate: int, seconds: float) -> StreamPlan:
    """Write a file and return a plan that plays it once, as fast as it can be read."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(int(rate * seconds)):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), "rgb24")))
        out.mux(stream.encode(None))
    options = {"loop": "no", "pace": "no"}
    return StreamPlan(camera="gate", stream="main", source="file", url=str(path), volume="/", options=options)


@pytest.mark.parametrize(("rate", "seconds"), [(10, 3), (25, 3), (30, 1)])
def test_the_frame_rate_is_measured(tmp_path: Path, rate: int, seconds: float) -> None:
    """What a probe reports is what came, and a stream that ends early was still seen (C009)."""
    (track,) = probe(film(tmp_path / "a.mp4", rate, seconds), SystemClock())
    assert track.frame_rate == pytest.approx(rate, rel=0.001)
    assert (track.width, track.height, track.codec) == (320, 240, "h264")


def test_probing_what_is_not_there_fails_like_recording_it(tmp_path: Path) -> None:
    """A probe ends in the same error that a recording would end in (F46)."""
    plan = StreamPlan(camera="gate", stream="main", source="file", url=str(tmp_path / "none.mp4"), volume="/")
    with pytest.raises(Unreachable, match=r"none\.mp4"):
        probe(plan, SystemClock())


@pytest.mark.parametrize(
    ("kind", "field", "wanted"),
    [
        ("video", "codec", "H.264"),
        ("video", "codec", "h264"),
        ("video", "profile", "high"),
        ("video", "width", 1280),
        ("video", "frame_rate", 25),
        ("video", "frame_rate", "25/1"),
        ("video", "frame_rate", "25000/1001"),
        ("audio", "codec", "aac"),
        ("audio", "codec", "pcm_alaw"),
        ("audio", "sample_rate", "8000"),
        ("audio", "channels", "mono"),
        ("audio", "channels", 1),
    ],
)
def test_what_is_as_expected_passes(kind: str, field: str, wanted: str | int) -> None:
    """Each field may be written as people write it (C009)."""
    assert compare({kind: {field: wanted}}, (VIDEO, AUDIO), "optional") == []


@pytest.mark.parametrize(
    ("kind", "field", "wanted", "text"),
    [
        ("video", "codec", "h265", "video.codec: h264, expected h265"),
        ("video", "profile", "Main", "video.profile: High, expected Main"),
        ("video", "width", 1920, "video.width: 1280, expected 1920"),
        ("video", "height", 1080, "video.height: 720, expected 1080"),
        ("video", "frame_rate", "30/1", "video.frame_rate: 24.98, expected 30/1"),
        ("audio", "codec", "aac-ld", "audio.codec: pcm_alaw, expected aac-ld"),
        ("audio", "sample_rate", 48000, "audio.sample_rate: 8000, expected 48000"),
        ("audio", "channels", "stereo", "audio.channels: 1, expected stereo"),
        ("video", "frame_rate", "fast", "video.frame_rate: 24.98, expected fast"),
    ],
)
def test_each_field_that_differs_is_named(kind: str, field: str, wanted: str | int, text: str) -> None:
    """A mismatch says the field, what is there and what was wanted (C009)."""
    assert compare({kind: {field: wanted}}, (VIDEO, AUDIO), "optional") == [text]


def test_missing_tracks_are_named() -> None:
    """Sound that is required and absent is flagged; sound that is off is not asked for (C001)."""
    assert compare({}, (VIDEO,), "required") == ["audio: missing, but required"]
    assert compare({"audio": {"codec": "aac"}}, (VIDEO,), "optional") == ["audio: missing, expected aac"]
    assert compare({"audio": {"codec": "aac"}}, (VIDEO,), "off") == []
    assert compare({"video": {"width": 1}}, (AUDIO,), "optional") == ["video: missing"]
    assert compare({}, (VIDEO,), "optional") == []


def test_media_tools_are_all_there() -> None:
    """The libraries that Holdfast installs can do all that recording needs (C136, F47)."""
    assert [tool for tool in media_tools() if not tool.ok] == []


def test_a_missing_tool_says_what_it_was_needed_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What libav cannot do shows by name, with what will not work (C136)."""
    monkeypatch.setattr(probing, "_NEEDS", (("no-such-codec", "r", "stills of nothing"),))
    monkeypatch.setattr(probing, "_PROTOCOLS", (("nosuch", "cameras of the future"),))
    monkeypatch.setattr(probing, "_MIN_LIBAVFORMAT", 999)
    missing = {tool.name: tool.needed_for for tool in media_tools() if not tool.ok}
    assert set(missing) == {"libavformat", "decoder no-such-codec", "protocol nosuch"}
    assert missing["protocol nosuch"] == "cameras of the future"
