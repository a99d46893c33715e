from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.clock import SystemClock
from holdfast.core.plan import StreamPlan
from holdfast.media.preview import WIDTH, _FirstPicture, look

TRACK = Track(Kind.VIDEO, "h264", "h264", 90_000, b"", "High", 1280, 720, 25.0)
SAMPLE = Sample(0, b"\0\0\0\1\x65", 0, 0, 3600, keyframe=False, arrived_us=0)


def _film(path: Path) -> StreamPlan:
    """Write three seconds of a wide grey film; a plan that plays it once."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for _ in range(30):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((720, 1280, 3), 90, np.uint8), "rgb24")))
        out.mux(stream.encode(None))
    options = {"loop": "no", "pace": "no"}
    return StreamPlan(camera="gate", stream="main", source="file", url=str(path), volume="/", options=options)


def test_a_picture_comes_with_the_facts(tmp_path: Path) -> None:
    """The first picture is given as a JPEG of a bounded width, beside what the stream is (C009)."""
    found, jpeg = look(_film(tmp_path / "a.mp4"), SystemClock())
    (track,) = found.tracks
    assert (track.width, track.height) == (1280, 720)
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg)
    with av.open(str(path)) as shown:
        frame = next(shown.decode(video=0))
        assert (frame.width, frame.height) == (WIDTH, 360)


def test_nothing_is_decoded_before_a_keyframe() -> None:
    """Pictures that cannot be decoded alone are waited past, and a stream without a keyframe has no picture."""
    picture = _FirstPicture()
    assert not any(picture.see(TRACK, SAMPLE) for _ in range(5))
    assert picture.jpeg() == b""


def test_a_picture_that_claims_too_much_is_not_decoded() -> None:
    """A stream that says that it is larger than anything real is asked for nothing more, and costs no memory."""
    picture = _FirstPicture()
    assert picture.see(replace(TRACK, width=30_000, height=30_000), replace(SAMPLE, keyframe=True))
    assert picture.jpeg() == b""
