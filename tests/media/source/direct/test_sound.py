import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Unsupported
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.direct.flow import Zero
from holdfast.media.source.direct.sdp import Media
from holdfast.media.source.direct.sound import make_sound
from holdfast.media.source.direct.wire import Wire

HBR = {"mode": "AAC-hbr", "sizelength": "13", "indexlength": "3", "config": "1408"}


def media(**format_: str) -> Media:
    """Describe AAC, differing in what is given."""
    return Media("audio", 97, "aac", 16_000, 1, {**HBR, **format_})


def run(*packets: tuple[bytes, int]) -> list[Sample]:
    """Feed (payload, timestamp) pairs to an AAC track."""
    wire, out = Wire(SystemClock()), list[Sample | TracksChanged]()
    track = make_sound(wire, media(), Zero(), 1, out)
    for number, (payload, stamp) in enumerate(packets):
        body = struct.pack(">BBHII", 0x80, 97 | 0x80, number, stamp, 7) + payload
        wire.buf[: len(body)] = body
        assert track.packet(0, len(body), len(body)) == len(body)
    return [item for item in out if isinstance(item, Sample)]


def table(*sizes: int) -> bytes:
    """Write the table of sizes before the frames."""
    return struct.pack(f">H{len(sizes)}H", 16 * len(sizes), *(size << 3 for size in sizes))


def test_one_packet_may_hold_several_frames() -> None:
    """Each frame gets its own time, 1024 samples after the one before."""
    out = run((table(3, 4) + b"aaabbbb", 5000), (table(2) + b"cc", 7048))
    assert [(s.payload, s.dts_ticks, s.duration_ticks) for s in out] == [
        (b"aaa", 0, 1024), (b"bbbb", 1024, 1024), (b"cc", 2048, 1024),
    ]  # fmt: skip


def test_a_frame_may_be_spread_over_packets() -> None:
    """Fragments name the size of the whole, and come out as one frame."""
    out = run((table(6) + b"abc", 0), (table(6) + b"def", 0), (table(1) + b"g", 1024))
    assert [s.payload for s in out] == [b"abcdef", b"g"]


def test_what_cannot_be_recorded_says_why() -> None:
    """Sound without configuration, and sound of another kind, is refused in words."""
    wire = Wire(SystemClock())
    for other, word in ((media(config=""), "configuration"), (Media("audio", 96, "aac_latm", 16_000), "aac_latm")):
        with pytest.raises(Unsupported, match=word):
            make_sound(wire, other, Zero(), 1, [])


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=20))
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_sent_breaks_it(payloads: list[bytes]) -> None:
    """Tables that lie about sizes raise nothing and give no more than was sent."""
    out = run(*((payload, n * 1024) for n, payload in enumerate(payloads)))
    assert sum(len(s.payload) for s in out) <= sum(map(len, payloads))


def test_what_waits_for_a_full_frame_is_encoded_at_the_end() -> None:
    """G.711 that came is in what goes out, to the last sample."""
    wire, out = Wire(SystemClock()), list[Sample | TracksChanged]()
    track = make_sound(wire, Media("audio", 8, "pcm_alaw", 8000, 1), Zero(), 1, out)
    for number in range(13):
        body = struct.pack(">BBHII", 0x80, 8, number, number * 160, 7) + b"\xd5" * 160
        wire.buf[: len(body)] = body
        track.packet(0, len(body), len(body))
    track.flush()
    assert sum(item.duration_ticks for item in out if isinstance(item, Sample)) == 13 * 160
