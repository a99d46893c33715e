"""RTP packets into pictures, from bytes that are written down here."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.media.nal import split_lengths
from holdfast.media.source.direct.flow import Flow, Zero
from holdfast.media.source.direct.frames import Frames
from holdfast.media.source.direct.video import H264Track, H265Track, VideoTrack
from holdfast.media.source.direct.wire import ROOM_BYTES, Wire
from holdfast.media.source.sets import ParameterSets
from holdfast.sim.packets import payloads_of

SPS = bytes.fromhex("6742c00dda0507ec05a8303035280000030008000003019478a155")
PPS = bytes.fromhex("68ce3c80")
IDR, SLICE, LATER = b"\x65\x88", b"\x41\x9a", b"\x41\x1a"


class Line:
    """A track behind a buffer, fed with packets."""

    def __init__(self, codec: str = "h264", sets: Sequence[bytes] = (SPS, PPS)) -> None:
        self.wire = Wire(SystemClock())
        self.frames = Frames(self.wire)
        self.out: list[Any] = []  # samples and changes
        self.sets = ParameterSets(codec, 90_000, 25.0)
        self.sets.learn(list(sets))
        kind = H265Track if codec == "hevc" else H264Track
        flow = Flow(Zero(), 0, 90_000, 3600)
        self.track: VideoTrack = kind(self.wire, 96, self.sets, flow, lambda: (self.sets.track,), self.out)  # type: ignore[arg-type,return-value]
        self.frames.takers[0] = self.track.packet
        self.frames.holders.append((lambda: self.track.holds, self.track.detach))
        self.number = 65_530

    def packet(
        self, payload: bytes, stamp: int, *, marker: bool = False, flags: int = 0x80, extra: bytes = b""
    ) -> bytes:
        self.number = self.number + 1 & 0xFFFF
        kind = 96 | (0x80 if marker else 0)
        body = struct.pack(">BBHII", flags, kind, self.number, stamp & 0xFFFFFFFF, 7) + extra + payload
        return struct.pack(">BBH", 0x24, 0, len(body)) + body

    def feed(self, data: bytes, step: int = ROOM_BYTES) -> None:
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            while piece:
                room = ROOM_BYTES - self.wire.end
                self.wire.buf[self.wire.end : self.wire.end + len(piece[:room])] = piece[:room]
                self.wire.end += len(piece[:room])
                piece = piece[room:]
                self.frames.walk()

    def picture(self, units: Sequence[bytes], stamp: int, codec: str = "h264") -> bytes:
        payloads = list(payloads_of(codec, units))
        return b"".join(self.packet(p, stamp, marker=n == len(payloads) - 1) for n, p in enumerate(payloads))

    def samples(self) -> list[Sample]:
        return [item for item in self.out if isinstance(item, Sample)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("step", [1, 7, 1000, ROOM_BYTES])
def test_pictures_come_out_as_they_went_in(codec: str, step: int) -> None:
    """Single packets, aggregates and fragments give the same units back, however reads cut them, past 65535 too."""
    heads = (b"\x65\x88", b"\x41\x9a") if codec == "h264" else (b"\x26\x01\x88", b"\x02\x01\x9a")
    line = Line(codec, ())
    line.sets.track = Line().sets.track
    wanted = []
    for n in range(6):
        sei = b"\x06\x05\x01\x00\x80" if codec == "h264" else b"\x4e\x01\x05\x01\x00\x80"
        units = [sei, heads[n > 0] + bytes([n + 1]) * (9_000 if n % 2 else 300)]
        wanted.append(units)
        line.feed(line.picture(units, n * 3600, codec), step)
    assert [split_lengths(s.payload) for s in line.samples()] == wanted
    assert [s.keyframe for s in line.samples()] == [True] + [False] * 5
    assert [s.dts_ticks for s in line.samples()] == [n * 3600 for n in range(6)]
    assert (line.track.lost, line.track.holed, line.frames.garbage_bytes) == (0, 0, 0)
    assert line.track.cycles == 1


def test_a_picture_with_a_hole_is_left_out_and_the_next_one_kept() -> None:
    """One missing packet costs its own picture, whole ones around it stay, and both are counted."""
    line = Line()
    pictures = [line.picture([head + b"\x01" * 5000], n * 3600) for n, head in enumerate((IDR, SLICE, SLICE))]
    size = 4 + struct.unpack_from(">H", pictures[1], 2)[0]
    line.feed(pictures[0] + pictures[1][:size] + pictures[1][2 * size :] + pictures[2])
    assert [s.dts_ticks for s in line.samples()] == [0, 7200]
    assert (line.track.lost, line.track.holed) == (1, 1)


def test_a_hole_over_two_pictures_costs_both() -> None:
    """Where the end of one and the beginning of the next are missing, neither is taken for whole."""
    line = Line()
    pictures = [line.picture([head + b"\x01" * 5000], n * 3600) for n, head in enumerate((IDR, SLICE, SLICE, SLICE))]
    size = 4 + struct.unpack_from(">H", pictures[1], 2)[0]
    line.feed(pictures[0] + pictures[1][:size] + pictures[2][size:] + pictures[3])
    assert [s.dts_ticks for s in line.samples()] == [0, 3 * 3600]


def test_another_timestamp_ends_a_picture_without_a_marker() -> None:
    """Cameras that never set the marker lose nothing but one picture's time."""
    line = Line()
    for n, head in enumerate((IDR, SLICE, SLICE)):
        line.feed(line.packet(head + b"\x01" * 50, n * 3600))
    assert [s.dts_ticks for s in line.samples()] == [0, 3600]


def test_a_camera_that_marks_every_slice_is_understood() -> None:
    """Slices that continue a picture belong to it, although each packet says that it is the last."""
    line = Line()
    for n in range(5):
        for head in (SLICE if n else IDR, LATER, LATER):
            line.feed(line.packet(head + b"\x01" * 50, n * 3600, marker=True))
    assert [len(split_lengths(s.payload)) for s in line.samples()[-2:]] == [3, 3]


def test_parameter_sets_with_markers_of_their_own_are_no_pictures() -> None:
    """Some cameras send each parameter set as if it were a picture."""
    line = Line(sets=())
    line.feed(line.packet(SPS, 0, marker=True) + line.packet(PPS, 0, marker=True) + line.packet(b"\x06\x01\x01\x80", 0))
    line.feed(line.packet(IDR + b"\x01" * 50, 0, marker=True))
    assert [len(split_lengths(s.payload)) for s in line.samples()] == [2]
    assert line.track.track is not None


def test_padding_extensions_and_sources_are_passed_over() -> None:
    """ONVIF's replay extension, contributing sources and padding are not part of the picture."""
    line = Line()
    extension = struct.pack(">II", 1, 2) + struct.pack(">HH", 0xABAC, 1) + b"four"
    line.feed(line.packet(IDR + b"\x01" * 9 + b"\0\0\x03", 0, marker=True, flags=0xB2, extra=extension))
    assert [split_lengths(s.payload) for s in line.samples()] == [[IDR + b"\x01" * 9]]


def test_a_picture_larger_than_the_buffer_is_put_together() -> None:
    """The buffer bounds a read, not a picture."""
    line = Line()
    unit = IDR + bytes(range(1, 256)) * 4000
    line.feed(line.picture([unit], 0))
    assert [split_lengths(s.payload) for s in line.samples()] == [[unit]]


def test_garbage_between_packets_costs_only_itself() -> None:
    """After bytes that make no sense, reading goes on with the next packet."""
    line = Line()
    line.feed(line.picture([IDR + b"\x01" * 50], 0) + b"\xff\x00\x24\x09noise" * 9 + line.picture([SLICE * 20], 3600))
    assert [s.dts_ticks for s in line.samples()] == [0, 3600]
    assert line.frames.garbage_bytes == 81


@given(st.lists(st.binary(max_size=300), max_size=20), st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_sent_breaks_it(payloads: list[bytes], noise: bytes) -> None:
    """Hostile payloads and lengths raise nothing, and hold no more than a picture's worth."""
    for codec in ("h264", "hevc"):
        line = Line(codec)
        for n, payload in enumerate(payloads):
            line.feed(
                line.packet(payload, n // 3 * 3600, marker=n % 3 == 0, flags=payload[0] | 0x80 if payload else 0x80)
            )
            line.feed(noise)
        assert line.wire.end <= ROOM_BYTES
        for sample in line.samples():
            assert sum(4 + len(unit) for unit in split_lengths(sample.payload)) == len(sample.payload)
