import io
from typing import Any

import av
import numpy as np
import pytest

from holdfast.core.camera import Sample
from holdfast.media.source.pictures import Pictures

START = b"\0\0\0\1"


def encode(size: tuple[int, int], codec: str = "libx264", count: int = 3) -> list[bytes]:
    """Return access units as a camera with in-band parameter sets sends them."""
    extra = {"x264-params": "annexb=1:repeat-headers=1:aud=1"} if codec == "libx264" else {}
    extra |= {"x265-params": "repeat-headers=1:log-level=none"} if codec == "libx265" else {}
    file = io.BytesIO()
    units = []
    with av.open(file, "w", format="h264" if codec == "libx264" else "hevc") as out:
        stream: Any = out.add_stream(codec, rate=25, options={"preset": "ultrafast", "tune": "zerolatency", **extra})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for _ in range(count):
            picture = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), "rgb24")
            units += [bytes(packet) for packet in stream.encode(picture)]
        units += [bytes(packet) for packet in stream.encode(None)]
    return units


def feed(pictures: Pictures, units: list[bytes], first: int) -> list[Sample]:
    """Push access units, 25 a second."""
    out = []
    for n, unit in enumerate(units):
        out += pictures.feed(unit, (first + n) * 3600, None, n)
    return out


@pytest.mark.parametrize(("codec", "encoder"), [("h264", "libx264"), ("hevc", "libx265")])
def test_another_size_in_mid_flow_is_another_track(codec: str, encoder: str) -> None:
    """New parameter sets in the stream become a new track, exactly at the keyframe that uses them."""
    pictures = Pictures(0, codec, b"", 90_000, 25.0)
    before = feed(pictures, encode((320, 240), encoder), 0)
    assert pictures.track is not None
    old = pictures.track
    assert (old.width, old.height, pictures.changed) == (320, 240, False)
    second = encode((640, 360), encoder)
    last = pictures.feed(second[0], 3 * 3600, None, 9)
    assert pictures.changed
    assert pictures.track is not None
    assert (pictures.track.width, pictures.track.height) == (640, 360)
    assert pictures.track.config != old.config
    assert len(before + last) == 3, "everything before the change belongs to the old track"
    after = feed(pictures, second[1:], 4) + pictures.flush()
    assert [s.keyframe for s in after] == [True, False, False]


def test_the_same_sets_again_are_no_change() -> None:
    """Cameras repeat their parameter sets with every keyframe; nothing comes of it."""
    units = encode((320, 240), count=2)
    pictures = Pictures(0, "h264", b"", 90_000, 25.0)
    feed(pictures, units * 3, 0)
    assert not pictures.changed


def test_a_damaged_set_does_not_end_the_track() -> None:
    """A parameter set broken on its way is passed over; the track stays until a whole one comes."""
    units = encode((320, 240), count=1)
    pictures = Pictures(0, "h264", b"", 90_000, 25.0)
    feed(pictures, units, 0)
    old = pictures.track
    broken = START + b"\x67\x42" + START + b"\x68\xce" + START + b"\x65\x88\x84\x80"
    pictures.feed(broken, 3600, None, 0)
    assert pictures.track == old
    assert not pictures.changed


def test_nothing_comes_before_the_parameters() -> None:
    """Pictures that no decoder could read yet are not handed out."""
    pictures = Pictures(0, "h264", b"", 90_000, 25.0)
    assert feed(pictures, [START + b"\x41slice\x80"] * 3, 0) == []
    assert pictures.flush() == []
