from itertools import pairwise

import av
import av.error
import pytest

from holdfast.core.camera import Sample
from holdfast.core.plan import Encoding
from holdfast.core.timing import SECOND_US
from holdfast.media.nal import split_lengths
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.encoded import Encoded
from support.encoding import QUARTERS, colours, decoded, quarters

ZERO_US = 5_000_000
WANTED = Encoding(width=320, height=240, frame_rate=10, bitrate_bps=300_000, encoder="software")


def feed(
    encoded: Encoded, seconds: float, rate: float, *, size: tuple[int, int] = (320, 240), begin_s: float = 0.0
) -> list[Sample | TracksChanged]:
    """Feed raw pictures at a rate; the boot time is made up."""
    picture, out = quarters(*size), []
    for number in range(round(seconds * rate)):
        out += encoded.feed(picture, ZERO_US + round((begin_s + number / rate) * SECOND_US))
    return out


def samples(items: list[Sample | TracksChanged]) -> list[Sample]:
    """Return the samples alone."""
    return [item for item in items if isinstance(item, Sample)]


@pytest.mark.parametrize("pixels", ["yuv420p", "yuyv422", "bgr0", "yuvj422p", "nv12"])
def test_raw_pictures_become_samples(pixels: str) -> None:
    """What devices send uncompressed comes out as H.264 of the contract, with the same colours in the same places."""
    encoded = Encoded(WANTED, "rawvideo", ZERO_US)
    out: list[Sample | TracksChanged] = []
    for number in range(20):
        out += encoded.feed(quarters(pixels=pixels), ZERO_US + number * 100_000)
    out += encoded.flush()
    track = encoded.track
    assert track is not None
    assert (track.codec, track.sent_codec, track.encoder) == ("h264", "rawvideo", "libx264")
    assert (track.width, track.height) == (320, 240)
    made = samples(out)
    assert len(made) == 20
    assert made[0].keyframe
    for one in made:
        assert not {7, 8, 9} & {unit[0] & 31 for unit in split_lengths(one.payload)}
    frames = decoded(track, out)
    assert len(frames) == 20
    assert colours(frames[-1]) == QUARTERS


def test_pictures_keep_the_time_at_which_they_came() -> None:
    """A sample's ticks are its arrival, and each lasts until the next one."""
    encoded = Encoded(WANTED, "mjpeg", ZERO_US)
    made = samples(feed(encoded, 3, 10))
    assert [one.arrived_us for one in made] == [ZERO_US + n * 100_000 for n in range(len(made))]
    assert all(one.pts_ticks == one.dts_ticks == (one.arrived_us - ZERO_US) * 9 // 100 for one in made)
    assert all(a.dts_ticks + a.duration_ticks == b.dts_ticks for a, b in pairwise(made))


def test_a_keyframe_every_two_seconds() -> None:
    """Keyframes come by time, whatever the rate, so that viewers and files need not wait longer."""
    encoded = Encoded(WANTED, "mjpeg", ZERO_US)
    keys = [one.arrived_us - ZERO_US for one in samples(feed(encoded, 7, 10)) if one.keyframe]
    assert keys == [0, 2_000_000, 4_000_000, 6_000_000]


def test_a_faster_camera_is_thinned_evenly() -> None:
    """Of 25 pictures a second, 10 are encoded, and those left out need not even be decoded."""
    encoded = Encoded(WANTED, "mjpeg", ZERO_US)
    made = samples(feed(encoded, 4, 25) + encoded.flush())
    assert 39 <= len(made) <= 41
    assert not encoded.due(made[-1].arrived_us + 30_000)
    assert encoded.due(made[-1].arrived_us + 100_000)


def test_pictures_that_come_in_bursts_are_all_taken() -> None:
    """Ten pictures a second, sent five at once each half second, are ten pictures a second."""
    encoded = Encoded(WANTED, "mjpeg", ZERO_US)
    picture, out = quarters(), []
    for number in range(40):
        out += encoded.feed(picture, ZERO_US + number // 5 * 500_000 + number % 5 * 3_000)
    assert len(samples(out + encoded.flush())) >= 36


def test_pictures_are_made_smaller_never_larger() -> None:
    """The largest size bounds what comes out, the aspect is kept; small pictures stay as they are."""
    encoded = Encoded(WANTED, "mjpeg", ZERO_US)
    feed(encoded, 1, 10, size=(1280, 720))
    assert encoded.track is not None
    assert (encoded.track.width, encoded.track.height) == (320, 180)
    small = Encoded(WANTED, "mjpeg", ZERO_US)
    feed(small, 1, 10, size=(160, 120))
    assert small.track is not None
    assert (small.track.width, small.track.height) == (160, 120)


@pytest.mark.parametrize(
    ("degrees", "order", "size"),
    [(90, (2, 0, 3, 1), (180, 240)), (180, (3, 2, 1, 0), (320, 240)), (270, (1, 3, 0, 2), (180, 240))],
)
def test_pictures_are_turned_clockwise(degrees: int, order: tuple[int, ...], size: tuple[int, int]) -> None:
    """A camera that hangs on its side is recorded upright, within the size that was asked for (C020)."""
    wanted = Encoding(width=320, height=240, frame_rate=10, encoder="software", rotation=degrees)
    encoded = Encoded(wanted, "mjpeg", ZERO_US)
    out = feed(encoded, 1, 10) + encoded.flush()
    track = encoded.track
    assert track is not None
    assert (track.width, track.height) == size
    assert colours(decoded(track, out)[-1]) == tuple(QUARTERS[place] for place in order)


def test_another_size_is_another_track() -> None:
    """A camera that is set to another size goes on in one stream: the change is told, a keyframe follows."""
    encoded = Encoded(WANTED, "mjpeg", ZERO_US)
    out = feed(encoded, 1, 10) + feed(encoded, 1, 10, size=(160, 120), begin_s=1) + encoded.flush()
    changes = [number for number, item in enumerate(out) if isinstance(item, TracksChanged)]
    assert len(changes) == 1
    changed, after = out[changes[0]], out[changes[0] + 1]
    assert isinstance(changed, TracksChanged)
    assert changed.tracks[0].width == 160
    assert isinstance(after, Sample)
    assert after.keyframe
    assert len(samples(out)) == 20


def test_hardware_that_gives_up_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a driver fails in mid-stream, the processor goes on within the same connection, and says so (C025)."""
    encoded = Encoded(WANTED, "mjpeg", ZERO_US)
    out = feed(encoded, 1, 10)
    assert encoded.track is not None
    # The part of a driver is played: what it stands for, an encoder that begins to refuse, cannot be had here.
    encoded.encoder = "h264_v4l2m2m"
    collect = encoded._collect
    failing = [True]

    def refuse(frame: object) -> list[Sample | TracksChanged]:
        if failing and frame is not None:
            failing.clear()
            raise av.error.ExternalError(542398533, "the driver is gone")
        return collect(frame)

    monkeypatch.setattr(encoded, "_collect", refuse)
    out += feed(encoded, 1, 10, begin_s=1) + encoded.flush()
    assert encoded.encoder == "libx264"
    assert encoded.passed_over == ("h264_v4l2m2m: gave up (ExternalError)",)
    assert len(samples(out)) == 20
    assert samples(out)[10].keyframe
