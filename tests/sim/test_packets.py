import hashlib

import pytest

from holdfast.media.synthetic import VideoSpec, load_video
from holdfast.media.synthetic_sound import AudioSpec, load_audio
from holdfast.sim.mark import mark_text
from holdfast.sim.packets import MTU_BYTES, pack_audio, pack_video, payloads_of, sender_report, translate
from support.sim_client import Packet, nal_units


def _packets(data: bytes) -> list[Packet]:
    found = []
    while data:
        length = int.from_bytes(data[2:4], "big")
        found.append(Packet(data[1], data[4 : 4 + length], 0.0))
        data = data[4 + length :]
    return found


def _nal(codec: str, kind: int, size: int) -> bytes:
    head = bytes([0x60 | kind]) if codec == "h264" else bytes([kind << 1, 1])
    return head + bytes(number % 251 for number in range(size - len(head)))


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize(
    "sizes", [[10], [10, 20, 30], [5000], [20, 9000, 30], [1300, 1300], [1400], [1401], [2 * 1397]]
)
def test_nal_units_come_through(codec: str, sizes: list[int]) -> None:
    """NAL units of any size are put together again as they were, and no payload is longer than agreed."""
    nals = [_nal(codec, 1, size) for size in sizes]
    payloads = list(payloads_of(codec, nals))
    assert max(map(len, payloads)) <= MTU_BYTES
    packets = [Packet(0, bytes([0x80, 0x80 * (p is payloads[-1])]) + bytes(10) + p, 0.0) for p in payloads]
    assert nal_units(codec, packets) == [nals]


@pytest.mark.parametrize(("codec", "together", "fragment"), [("h264", 24, 28), ("h265", 48, 49)])
def test_all_kinds_of_packets_occur(codec: str, together: int, fragment: int) -> None:
    """A keyframe is sent as one aggregation packet with its parameter sets, and fragments."""
    reel = pack_video(load_video(VideoSpec(codec=codec, width=320, height=240, bitrate_bps=300_000, gop=25)))
    first = [packet.payload[0] for packet in _packets(reel.frames[0].data)]
    kinds = [byte & 0x1F if codec == "h264" else byte >> 1 & 0x3F for byte in first]
    assert kinds[0] == together
    assert kinds[1:]
    assert set(kinds[1:]) == {fragment}


def test_template_is_patched_in_every_packet() -> None:
    """Sequence numbers run on and wrap, timestamp and source stand in every packet, the marker in the last."""
    reel = pack_video(load_video(VideoSpec(width=320, height=240, bitrate_bps=300_000, gop=25)))
    out = bytearray(b"")
    mark = mark_text("gate/main", 9, 10)
    reel.frames[0].append_to(out, sequence=65535, timestamp=0xFFFFFFFF, source=0xABCDEF01, mark=mark)
    packets = _packets(bytes(out))
    assert [packet.sequence for packet in packets] == [(65535 + n) & 0xFFFF for n in range(len(packets))]
    assert {packet.timestamp for packet in packets} == {0xFFFFFFFF}
    assert {packet.data[8:12] for packet in packets} == {b"\xab\xcd\xef\x01"}
    assert [packet.marker for packet in packets] == [False] * (len(packets) - 1) + [True]
    assert out.count(mark) == 1


def test_hash_is_that_of_what_a_recorder_keeps() -> None:
    """The ledger's hash is the SHA-256 of the length-prefixed NAL units as they arrive, without parameter sets."""
    reel = pack_video(load_video(VideoSpec(width=320, height=240, bitrate_bps=300_000, gop=25)))
    mark = mark_text("gate/main", 9, 10)
    out = bytearray()
    reel.frames[0].append_to(out, sequence=0, timestamp=0, source=0, mark=mark)
    (nals,) = nal_units("h264", _packets(bytes(out)))
    kept = b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals if nal[0] & 0x1F not in {7, 8})
    assert len(kept) == reel.frames[0].size_bytes
    assert hashlib.sha256(kept).hexdigest() == reel.frames[0].sha256(mark)


def test_aac_carries_its_header() -> None:
    """An AAC block travels whole behind one access unit header of 16 bits with its size."""
    clip = load_audio(AudioSpec())
    (packet,) = _packets(pack_audio(clip).frames[3].data)
    assert packet.payload[:2] == b"\x00\x10"
    assert int.from_bytes(packet.payload[2:4], "big") >> 3 == len(clip.frames[3])
    assert packet.payload[4:] == clip.frames[3]


def test_translation_renumbers_and_leaves_out() -> None:
    """A session that asked for other channels, or for one track, gets those and nothing else."""
    one, two = b"$\x00\x00\x03abc", b"$\x02\x00\x01d"
    assert translate(one + two + one, {0: 6}) == b"$\x06\x00\x03abc" * 2
    assert translate(one + two, {0: 2, 2: 0}) == b"$\x02\x00\x03abc$\x00\x00\x01d"


def test_sender_report_ties_rtp_to_wall_time() -> None:
    """A sender report says NTP and RTP time of one instant, and its parts fill their declared lengths."""
    data = sender_report(0, 7, wall_us=1_500_000, timestamp=90, packets=3, octets=4)
    (packet,) = _packets(data)
    assert packet.channel == 1
    body = packet.data
    assert int.from_bytes(body[8:12], "big") == 2_208_988_801
    assert int.from_bytes(body[12:16], "big") == 1 << 31
    assert int.from_bytes(body[16:20], "big") == 90
    first = 4 * (int.from_bytes(body[2:4], "big") + 1)
    assert first + 4 * (int.from_bytes(body[first + 2 : first + 4], "big") + 1) == len(body)
