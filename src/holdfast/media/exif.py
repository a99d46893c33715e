"""What a picture's file says of itself: when it was taken, by which camera, and its size in pixels (EXIF).

One segment of some 300 bytes is written, in JPEG (APP1) and in WebP (a chunk of the extended format). Reading is for
others: every viewer knows it. Source: CIPA DC-008 (Exif 2.32), TIFF 6.0, the WebP container specification.

Pure. Not here: packing pixels (still).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from holdfast.core.errors import BadInput
from holdfast.core.timing import SECOND_US, to_datetime

SOFTWARE = "Holdfast"
_ASCII, _SHORT, _LONG, _UNDEFINED = 2, 3, 4, 7  # types of values in TIFF
_ENTRY = struct.Struct("<HHI4s")
_HEAD = b"II*\0\x08\0\0\0"  # little-endian, the first directory begins at byte 8
_SOI = b"\xff\xd8"
_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_HAS_EXIF = 0x08
_SRGB = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """When and by whom. `zone` is the IANA name of the site's time zone: EXIF has local time and its offset."""

    camera: str
    at_us: int
    width: int
    height: int
    zone: str = "UTC"


def exif(taken: Taken) -> bytes:
    """Return the TIFF structure that says it."""
    moment = to_datetime(taken.at_us, ZoneInfo(taken.zone))
    day = _text(f"{moment:%Y:%m:%d %H:%M:%S}")
    minutes = round((moment.utcoffset() or moment - moment).total_seconds() / 60)
    offset = _text(f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}")
    part = _text(f"{taken.at_us % SECOND_US // 1000:03}")
    about = [
        (0x010E, _ASCII, _text(taken.camera)),
        (0x0131, _ASCII, _text(SOFTWARE)),
        (0x0132, _ASCII, day),
        (0x8769, _LONG, b""),  # where the second directory begins; filled in below
    ]
    exact = [
        (0x9000, _UNDEFINED, b"0232"),
        (0x9003, _ASCII, day),
        (0x9010, _ASCII, offset),
        (0x9011, _ASCII, offset),
        (0x9290, _ASCII, part),
        (0x9291, _ASCII, part),
        (0xA001, _SHORT, struct.pack("<H", _SRGB)),
        (0xA002, _LONG, struct.pack("<I", taken.width)),
        (0xA003, _LONG, struct.pack("<I", taken.height)),
    ]
    second_at = len(_HEAD) + len(_directory([*about[:-1], (0x8769, _LONG, bytes(4))], len(_HEAD)))
    about[-1] = (0x8769, _LONG, struct.pack("<I", second_at))
    return _HEAD + _directory(about, len(_HEAD)) + _directory(exact, second_at)


def in_jpeg(body: bytes, about: bytes) -> bytes:
    """Put it into a JPEG.

    Raises:
        BadInput: It is none.
    """
    if not body.startswith(_SOI):
        raise BadInput("this is no JPEG")
    segment = b"Exif\0\0" + about
    return _SOI + struct.pack(">2sH", b"\xff\xe1", len(segment) + 2) + segment + body[len(_SOI) :]


def in_webp(body: bytes, about: bytes, size: tuple[int, int]) -> bytes:
    """Put it into a WebP of the simple format.

    Raises:
        BadInput: It is none.
    """
    if len(body) < _RIFF.size or body[:4] != b"RIFF" or body[8:12] != b"WEBP" or body[12:15] != b"VP8":
        raise BadInput("this is no WebP of the simple format")
    canvas = b"".join((pixels - 1).to_bytes(3, "little") for pixels in size)
    chunks = _chunk(b"VP8X", bytes([_HAS_EXIF, 0, 0, 0]) + canvas) + body[_RIFF.size :] + _chunk(b"EXIF", about)
    return _RIFF.pack(b"RIFF", len(chunks) + 4, b"WEBP") + chunks


def _chunk(kind: bytes, body: bytes) -> bytes:
    return _CHUNK.pack(kind, len(body)) + body + bytes(len(body) % 2)


def _text(words: str) -> bytes:
    return words.encode("ascii", "replace") + b"\0"


def _directory(entries: Sequence[tuple[int, int, bytes]], at: int) -> bytes:
    """Return a directory that begins at a byte: entries, no next one, then the values that do not fit into them."""
    rows, values = b"", b""
    values_at = at + 2 + _ENTRY.size * len(entries) + 4
    for tag, kind, value in entries:
        count = len(value) // {_SHORT: 2, _LONG: 4}.get(kind, 1)
        inline = value.ljust(4, b"\0")
        if len(inline) > 4:  # noqa: PLR2004 - bytes of a value that stands in its entry
            inline = struct.pack("<I", values_at + len(values))
            values += value + bytes(len(value) % 2)
        rows += _ENTRY.pack(tag, kind, count, inline)
    return struct.pack("<H", len(entries)) + rows + bytes(4) + values
