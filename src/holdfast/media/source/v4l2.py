"""What a V4L2 device says of itself: its name, and the formats, sizes and rates that it gives. Reads no picture.

Numbers and layouts are those of <linux/videodev2.h>, which are the same on every 64-bit Linux. Any thread.

Not here: reading pictures (device), which devices there are (devices).
"""

import errno
import fcntl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

QUERYCAP, ENUM_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0x80685600, 0xC0405602, 0xC02C564A, 0xC034564B

_CAPTURE, _CAPTURE_MPLANE, _META, _OWN_CAPS = 0x1, 0x1000, 0x00800000, 0x80000000
_BUF_CAPTURE, _BUF_CAPTURE_MPLANE = 1, 9
_DISCRETE = 1
_MOST = 128  # chosen: more formats, sizes or rates than any device has; a driver that never ends its list is left there

_NAMES = {
    "MJPG": "mjpeg", "JPEG": "mjpeg", "YUYV": "yuyv422", "UYVY": "uyvy422", "YU12": "yuv420p", "NV12": "nv12",
    "NV21": "nv21", "H264": "h264", "HEVC": "hevc", "RGB3": "rgb24", "BGR3": "bgr24", "GREY": "gray", "422P": "yuv422p",
}  # fmt: skip
"""FourCC to what `options.input_format` calls it."""

Ask = Callable[[int, int, bytearray], object]
"""As `fcntl.ioctl`: changes the bytes in place, or raises OSError."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size in pixels, and how many pictures a second the device gives of it, fastest first.

    `to` is the largest one where the device gives any size from this one on.
    """

    width: int
    height: int
    rates: tuple[float, ...]
    to: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """How pictures come: `name` as `options.input_format` has it, empty where there is none; FourCC, words, sizes."""

    name: str
    fourcc: str
    words: str
    sizes: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What a device is: name, driver, where it is plugged in; and whether pictures can be read from it."""

    name: str
    driver: str
    bus: str
    captures: bool
    formats: tuple[Format, ...]


def describe(fd: int, ask: Ask = fcntl.ioctl) -> Card:
    """Ask an open device what it is.

    Raises:
        OSError: It is no V4L2 device.
    """
    answer = bytearray(104)
    ask(fd, QUERYCAP, answer)
    driver, name, bus, _version, whole, own = struct.unpack_from("16s32s32sIII", answer)
    # A device of several nodes says of each what that one does.
    caps = own if whole & _OWN_CAPS else whole
    captures = bool(caps & (_CAPTURE | _CAPTURE_MPLANE)) and not caps & _META
    kind = _BUF_CAPTURE if caps & _CAPTURE else _BUF_CAPTURE_MPLANE
    formats = tuple(_formats(fd, ask, kind)) if captures else ()
    return Card(_text(name), _text(driver), _text(bus), captures, formats)


def _formats(fd: int, ask: Ask, kind: int) -> Iterator[Format]:
    for answer in _each(fd, ask, ENUM_FMT, 64, struct.pack("I", kind)):
        words, pixels = struct.unpack_from("32sI", answer, 12)
        fourcc = struct.pack("<I", pixels & 0x7FFFFFFF).decode("ascii", "replace").strip()
        yield Format(_NAMES.get(fourcc, ""), fourcc, _text(words), tuple(_sizes(fd, ask, pixels)))


def _sizes(fd: int, ask: Ask, pixels: int) -> Iterator[Size]:
    for answer in _each(fd, ask, ENUM_FRAMESIZES, 44, struct.pack("I", pixels)):
        kind, left, high, *more = struct.unpack_from("I6I", answer, 8)
        if kind == _DISCRETE:
            yield Size(left, high, tuple(_rates(fd, ask, pixels, (left, high))))
            continue
        most = (high, more[2])
        yield Size(left, more[1], tuple(_rates(fd, ask, pixels, most)), to=most)
        return  # a range is the only entry of its list


def _rates(fd: int, ask: Ask, pixels: int, size: tuple[int, int]) -> Iterator[float]:
    for answer in _each(fd, ask, ENUM_FRAMEINTERVALS, 52, struct.pack("III", pixels, *size)):
        kind, over, under = struct.unpack_from("III", answer, 16)
        if over:
            yield round(under / over, 3)
        if kind != _DISCRETE:
            return  # the shortest interval is the fastest rate


def _each(fd: int, ask: Ask, request: int, size: int, asked: bytes) -> Iterator[bytearray]:
    """Ask for one entry after the other, until the device has no more."""
    for index in range(_MOST):
        answer = bytearray(size)
        struct.pack_into("I", answer, 0, index)
        answer[4 : 4 + len(asked)] = asked
        try:
            ask(fd, request, answer)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOTTY, errno.ENODATA}:
                return
            raise
        yield answer


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace").strip()
