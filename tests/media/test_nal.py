from hypothesis import given
from hypothesis import strategies as st

from holdfast.media.nal import repack_annexb, repack_lengths, split_annexb, split_lengths

IDR, SLICE, SPS, PPS, AUD, SEI = b"\x65idr", b"\x41slice", b"\x67sps", b"\x68pps", b"\x09\x10", b"\x06\x05\x01x\x80"
RECOVERY_NOW, RECOVERY_LATER = b"\x06\x06\x01\xc4\x80", b"\x06\x06\x01\x24\x80"
START, SHORT = b"\0\0\0\1", b"\0\0\1"
HEVC_IDR, HEVC_TRAIL, HEVC_VPS, HEVC_AUD = b"\x26\x01idr", b"\x02\x01trail", b"\x40\x01vps", b"\x46\x01\x50"

units = st.binary(min_size=1, max_size=40).map(lambda b: b"\x41" + b.replace(b"\0", b"\1") + b"\x80")


def prefixed(*nals: bytes) -> bytes:
    """Put lengths before units, as they are recorded."""
    return b"".join(len(n).to_bytes(4, "big") + n for n in nals)


@given(st.lists(units, min_size=1, max_size=8), st.sampled_from([START, SHORT]))
def test_every_unit_survives(nals: list[bytes], start: bytes) -> None:
    """What was between start codes stands behind length prefixes, byte for byte and in order (R10)."""
    data = b"".join(start + n for n in nals)
    assert split_annexb(data) == nals
    unit = repack_annexb(data, hevc=False)
    assert split_lengths(unit.payload) == nals
    assert unit.payload == prefixed(*nals)


def test_parameter_sets_come_apart_and_delimiters_go() -> None:
    """Parameter sets are handed over apart, delimiters are dropped, supplemental information stays."""
    data = START + AUD + START + SPS + START + PPS + SHORT + SEI + SHORT + IDR
    unit = repack_annexb(data, hevc=False)
    assert unit.parameters == [SPS, PPS]
    assert unit.payload == prefixed(SEI, IDR)
    assert unit.keyframe


def test_hevc_units_are_told_by_their_own_types() -> None:
    """H.265's types stand elsewhere in the header; intra random access pictures are keyframes (C010)."""
    unit = repack_annexb(START + HEVC_AUD + START + HEVC_VPS + START + HEVC_IDR, hevc=True)
    assert (unit.keyframe, unit.parameters, unit.payload) == (True, [HEVC_VPS], prefixed(HEVC_IDR))
    assert not repack_annexb(START + HEVC_TRAIL, hevc=True).keyframe


def test_a_recovery_point_counts_only_when_it_recovers_at_once() -> None:
    """An intra picture marked as recovery point is a keyframe; a gradual refresh is not."""
    assert repack_annexb(START + RECOVERY_NOW + START + SLICE, hevc=False).keyframe
    assert not repack_annexb(START + RECOVERY_LATER + START + SLICE, hevc=False).keyframe


def test_length_prefixed_input_is_repacked() -> None:
    """Two-byte prefixes of a file become our four bytes, and its parameter sets come apart."""
    data = b"".join(len(n).to_bytes(2, "big") + n for n in (SPS, IDR))
    unit = repack_lengths(data, hevc=False, prefix_bytes=2)
    assert (unit.parameters, unit.payload) == ([SPS], prefixed(IDR))


@given(st.binary(max_size=200), st.booleans())
def test_garbage_is_never_an_error(data: bytes, hevc: bool) -> None:  # noqa: FBT001 - hypothesis hands it in
    """Whatever arrives, the result is well formed: prefixes add up to the payload's length."""
    for unit in (repack_annexb(data, hevc=hevc), repack_lengths(data, hevc=hevc)):
        assert prefixed(*split_lengths(unit.payload)) == unit.payload
