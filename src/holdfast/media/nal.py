"""NAL units: from what cameras send (Annex B, or another length prefix) to what is recorded (4-byte length prefixes).

Parameter sets are taken out and handed over apart, access unit delimiters are dropped, everything else stays byte for
byte. Runs once for each picture of every camera, so the searching is left to `bytes.find`. Pure; any thread.

Not here: what the parameter sets say (params).
"""

from typing import NamedTuple

_START = b"\x00\x00\x01"

_H264_IDR, _H264_SEI, _H264_AUD = 5, 6, 9
_H264_PARAMETERS = frozenset({7, 8, 13})  # SPS, PPS, SPS extension (ISO/IEC 14496-10, table 7-1)
_HEVC_IRAP = range(16, 24)  # IDR, CRA, BLA and reserved ones (ISO/IEC 23008-2, table 7-1)
_HEVC_AUD = 35
_HEVC_PARAMETERS = frozenset({32, 33, 34})  # VPS, SPS, PPS
_SEI_RECOVERY_POINT = 6
_SEI_BODY = 3  # header byte, payload type, payload size: where the first message's body begins


class AccessUnit(NamedTuple):
    """One coded picture. `payload` has 4-byte lengths; `parameters` are the sets that came with it, in order."""

    payload: bytes
    keyframe: bool
    parameters: list[bytes]


def is_annexb(data: bytes) -> bool:
    """Say whether data begins with a start code; length prefixes of real NAL units never look like one for long."""
    return data.startswith((_START, b"\x00" + _START))


def split_annexb(data: bytes) -> list[bytes]:
    """Return the NAL units between start codes, without trailing zero bytes."""
    view = memoryview(data)
    return [bytes(view[begin:end]) for begin, end in _annexb_spans(data)]


def split_lengths(data: bytes, prefix_bytes: int = 4) -> list[bytes]:
    """Return the NAL units of length-prefixed data; a length that points past the end cuts the last one short."""
    return [data[begin:end] for begin, end in _length_spans(data, prefix_bytes)]


def repack_annexb(data: bytes, *, hevc: bool) -> AccessUnit:
    """Turn one access unit from start codes to length prefixes."""
    return _repack(data, _annexb_spans(data), hevc=hevc)


def repack_lengths(data: bytes, *, hevc: bool, prefix_bytes: int = 4) -> AccessUnit:
    """Turn one length-prefixed access unit, as MP4 and Matroska files hold it, into ours."""
    return _repack(data, _length_spans(data, prefix_bytes), hevc=hevc)


def _annexb_spans(data: bytes) -> list[tuple[int, int]]:
    find = data.find
    spans = []
    at = find(_START)
    while at >= 0:
        begin = at + 3
        at = find(_START, begin)
        end = at if at >= 0 else len(data)
        # A NAL unit cannot end in a zero byte; what is there belongs to the next start code or is stuffing.
        while end > begin and not data[end - 1]:
            end -= 1
        if end > begin:
            spans.append((begin, end))
    return spans


def _length_spans(data: bytes, prefix_bytes: int) -> list[tuple[int, int]]:
    spans = []
    at, total = 0, len(data)
    while at + prefix_bytes < total:
        begin = at + prefix_bytes
        at = min(begin + int.from_bytes(data[at:begin], "big"), total)
        if at > begin:
            spans.append((begin, at))
    return spans


def _repack(data: bytes, spans: list[tuple[int, int]], *, hevc: bool) -> AccessUnit:
    view = memoryview(data)
    pieces: list[bytes | memoryview] = []
    parameters: list[bytes] = []
    keyframe = False
    for begin, end in spans:
        if hevc:
            kind = data[begin] >> 1 & 0x3F
            keyframe = keyframe or kind in _HEVC_IRAP
            dropped, kept_apart = kind == _HEVC_AUD, kind in _HEVC_PARAMETERS
        else:
            kind = data[begin] & 0x1F
            keyframe = keyframe or kind == _H264_IDR or (kind == _H264_SEI and recovers_at_once(data, begin, end))
            dropped, kept_apart = kind == _H264_AUD, kind in _H264_PARAMETERS
        if kept_apart:
            parameters.append(bytes(view[begin:end]))
        elif not dropped:
            pieces.append((end - begin).to_bytes(4, "big"))
            pieces.append(view[begin:end])
    return AccessUnit(b"".join(pieces), keyframe, parameters)


def recovers_at_once(data: bytes | bytearray, begin: int, end: int) -> bool:
    """Say whether an SEI unit opens with a recovery point of zero frames.

    Some cameras never send IDR pictures but intra pictures marked so. A count above zero is a picture that is refreshed
    piece by piece: nothing decodes cleanly there, so it does not count.
    """
    if end - begin <= _SEI_BODY or data[begin + 1] != _SEI_RECOVERY_POINT:
        return False
    return bool(data[begin + _SEI_BODY] & 0x80)  # ue(v) whose first bit is 1 is the number 0
