import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.errors import Unsupported
from holdfast.media.source.direct.message import body_bytes, read_head
from holdfast.media.source.direct.reports import receiver_report, sender_report
from holdfast.media.source.direct.sdp import aac_config, parameter_sets, read_sdp
from holdfast.media.source.direct.setup import choose, control_url, rtp_infos, transport_channels

# As written by common kinds of cameras: several tracks, odd case, static payload types, no or damaged parameters.
CAMERA = b"""v=0\r
o=- 1 1 IN IP4 192.0.2.1\r
s=Media Presentation\r
b=AS:5100\r
a=control:rtsp://192.0.2.1/live/\r
m=video 0 RTP/AVP 96\r
a=Media_header:MEDIAINFO=494D4B48;\r
a=rtpmap:96 h264/90000\r
a=fmtp:96 profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=Z0IAKeKQFoe3AQ==,aM48gA,\r
a=framerate:12.500000\r
a=control:trackID=1\r
m=audio 0 RTP/AVP 8\r
a=control:trackID=2\r
m=application 0 RTP/AVP 107\r
a=rtpmap:107 vnd.onvif.metadata/90000\r
a=control:trackID=3\r
"""


def test_a_camera_is_read_as_it_writes() -> None:
    """Trailing commas, missing padding, lower case, static types and metadata tracks are all normal."""
    control, medias = read_sdp(CAMERA)
    assert control == "rtsp://192.0.2.1/live/"
    video, sound = choose(medias, "optional")
    assert video is not None
    assert sound is not None
    assert (video.codec, video.clock, video.frame_rate, video.control) == ("h264", 90_000, 12.5, "trackID=1")
    assert [unit[0] for unit in parameter_sets(video)] == [0x67, 0x68]
    assert (sound.codec, sound.clock, sound.channels) == ("pcm_alaw", 8000, 1)
    assert choose(medias, "off") == (video, None)


def test_aac_and_h265_are_understood() -> None:
    """Names in any case, rates and channels, sets in three parameters."""
    text = (
        b"m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/44100/2\na=fmtp:97 streamtype=5;mode=AAC-hbr;config=1210;"
        b"SizeLength=13\nm=video 0 RTP/AVP 98\na=rtpmap:98 H265/90000\n"
        b"a=fmtp:98 sprop-vps=QAEMAf//;sprop-sps=QgEBAWAA;sprop-pps=RAHBcrRi"
    )
    sound, video = read_sdp(text)[1]
    assert (sound.codec, sound.clock, sound.channels, aac_config(sound)) == ("aac", 44_100, 2, b"\x12\x10")
    assert [unit[0] >> 1 for unit in parameter_sets(video)] == [32, 33, 34]


def test_video_that_cannot_be_recorded_is_named() -> None:
    """A camera set to MJPEG is told so."""
    with pytest.raises(Unsupported, match="mjpeg"):
        choose(read_sdp(b"m=video 0 RTP/AVP 26\r\n")[1], "optional")


@pytest.mark.parametrize(
    ("base", "control", "url"),
    [
        ("rtsp://h/a/", "trackID=1", "rtsp://h/a/trackID=1"),
        ("rtsp://h/a", "trackID=1", "rtsp://h/a/trackID=1"),
        ("rtsp://h/a?x=1", "t", "rtsp://h/a?x=1/t"),
        ("rtsp://h/a", "*", "rtsp://h/a"),
        ("rtsp://h/a", "rtsp://g/b", "rtsp://g/b"),
    ],
)
def test_addresses_are_put_together_as_cameras_expect(base: str, control: str, url: str) -> None:
    """Absolute ones stay, relative ones are appended, even behind a query."""
    assert control_url(base, control) == url


def test_channels_and_times_are_the_cameras_choice() -> None:
    """What the camera answers goes before what was asked for."""
    assert transport_channels("RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=1", 0) == (4, 5)
    assert transport_channels("RTP/AVP/TCP;interleaved=6", 0) == (6, 7)
    assert transport_channels("RTP/AVP/TCP", 2) == (2, 3)
    assert rtp_infos("url=rtsp://h/a;seq=1;rtptime=5,url=rtsp://h/b;seq=2") == [("rtsp://h/a", 5), ("rtsp://h/b", None)]


@given(st.one_of(st.binary(max_size=500), st.integers(0, len(CAMERA)).map(lambda n: CAMERA[:n])), st.text(max_size=80))
def test_hostile_text_raises_nothing_but_ours(data: bytes, text: str) -> None:
    """Descriptions, heads, reports and headers of any content are read or left, never a crash."""
    for media in read_sdp(data)[1]:
        parameter_sets(media)
        aac_config(media)
    try:
        choose(read_sdp(data)[1], "optional")
    except Unsupported as error:
        assert str(error)  # noqa: PT017 - raising is allowed, not demanded
    message = read_head(data)
    if message is not None:
        assert body_bytes(message) >= 0
    sender_report(data)
    rtp_infos(text)
    transport_channels(text, 0)


def test_reports_are_read_as_written() -> None:
    """A receiver report is whole 32-bit words, and a sender report is found behind it."""
    own = receiver_report(7, [])
    assert len(own) % 4 == 0
    sent = struct.pack(">BBHIQIII", 0x80, 200, 6, 9, (2_208_988_800 + 100) << 32 | 1 << 31, 1234, 1, 2)
    report = sender_report(own + sent)
    assert report is not None
    assert (report.source, report.wall_us, report.stamp) == (9, 100_500_000, 1234)
