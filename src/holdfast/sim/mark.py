"""The mark in every simulated picture's payload: which camera, which picture since the start, when it was sent.

It travels as an SEI message (user_data_unregistered), which recorders keep and decoders pass over, so every single
picture on disk can be accounted for without decoding: search the bytes of a file for `MARK_UUID`. The text after it is
plain ASCII of fixed length without zero bytes, so it needs no emulation prevention and can be patched in place.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MARK_UUID = bytes.fromhex("484f4c44464153542d53494d2d4d4b31")  # "HOLDFAST-SIM-MK1"; no zero byte, see above
_KEY_CHARS = 56  # the longest "camera/stream" has 55
MARK_BYTES = _KEY_CHARS + 1 + 16 + 1 + 16
_USER_DATA_UNREGISTERED = 5
_H264_SEI = bytes([6])
_H265_PREFIX_SEI = bytes([39 << 1, 1])


@dataclass(frozen=True, slots=True)
class Mark:
    """What a picture says of itself. `counter` counts pictures in sending order since the camera's start."""

    camera: str
    stream: str
    counter: int
    sent_us: int


def mark_text(key: str, counter: int, sent_us: int) -> bytes:
    """Write the mark of picture `counter` of `camera/stream`, sent at wall time `sent_us`: `MARK_BYTES` bytes."""
    return b"%-*b %016x %016x" % (_KEY_CHARS, key.encode(), counter, sent_us)


def sei_nal(codec: str) -> bytes:
    """Return an SEI NAL unit with room for a mark; `mark_text` belongs right behind `MARK_UUID`."""
    header = _H264_SEI if codec == "h264" else _H265_PREFIX_SEI
    body = MARK_UUID + mark_text("-", 0, 0)
    return header + bytes([_USER_DATA_UNREGISTERED, len(body)]) + body + b"\x80"


def find_marks(data: bytes) -> Iterator[Mark]:
    """Yield every mark in the bytes of a file, packet or sample, in order; damaged ones are passed over."""
    at = data.find(MARK_UUID)
    while at >= 0:
        start = at + len(MARK_UUID)
        parts = data[start : start + MARK_BYTES].split()
        try:
            key, counter, sent_us = parts
            camera, _, stream = key.decode("ascii").partition("/")
            yield Mark(camera, stream, int(counter, 16), int(sent_us, 16))
        except ValueError:
            pass
        at = data.find(MARK_UUID, start)
