"""What a V4L2 device says of itself, in the bytes that the kernel answers with."""

import errno
import struct
from dataclasses import dataclass, field

import pytest

from holdfast.media.source.v4l2 import (
    ENUM_FMT,
    ENUM_FRAMEINTERVALS,
    ENUM_FRAMESIZES,
    QUERYCAP,
    Format,
    Size,
    describe,
)  # fmt: skip

CAPTURE, META, STREAMING, OWN = 0x1, 0x00800000, 0x04000000, 0x80000000


def fourcc(text: str) -> int:
    """The number that four letters are."""
    return int(struct.unpack("<I", text.encode("ascii"))[0])


@dataclass
class Driver:
    """A driver, as it answers: every number of it stands where <linux/videodev2.h> has it.

    `sizes` are pixels by FourCC and `rates` intervals by size; a size of six numbers is a range, and an interval of
    six a range, too.
    """

    name: bytes = b"USB Camera: USB Camera"
    whole: int = CAPTURE | STREAMING | OWN | META
    own: int = CAPTURE | STREAMING
    formats: tuple[tuple[str, bytes], ...] = (("MJPG", b"Motion-JPEG"), ("YUYV", b"YUYV 4:2:2"))
    sizes: dict[str, list[tuple[int, ...]]] = field(
        default_factory=lambda: {"MJPG": [(1280, 720), (640, 480)], "YUYV": [(640, 480)]}
    )
    rates: list[tuple[int, ...]] = field(default_factory=lambda: [(1, 30), (1001, 15000), (1, 5)])
    asked: list[int] = field(default_factory=list)
    broken: int = 0
    broken_at: int = QUERYCAP

    def __call__(self, _fd: int, request: int, answer: bytearray) -> int:
        self.asked.append(request)
        if self.broken and request == self.broken_at:
            raise OSError(self.broken, "told to")
        if request == QUERYCAP:
            struct.pack_into(
                "16s32s32sIII", answer, 0, b"uvcvideo", self.name, b"usb-0000:00:14.0-3", 0x060100, self.whole, self.own
            )
            return 0
        index = struct.unpack_from("I", answer)[0]
        found = self._list(request, answer)
        if index >= len(found):
            raise OSError(errno.EINVAL, "no more of them")
        found[index](answer)
        return 0

    def _list(self, request: int, answer: bytearray) -> list[object]:
        if request == ENUM_FMT:
            assert struct.unpack_from("I", answer, 4)[0] == 1, "asked for what is captured"
            return [
                lambda a, n=name, w=words: struct.pack_into("I32sI", a, 8, 0, w, fourcc(n))
                for name, words in self.formats
            ]
        if request == ENUM_FRAMESIZES:
            name = struct.pack("<I", struct.unpack_from("I", answer, 4)[0]).decode("ascii")
            return [
                lambda a, s=size: struct.pack_into(f"{len(s) + 1}I", a, 8, 1 if len(s) == 2 else 3, *s)
                for size in self.sizes[name]
            ]
        assert request == ENUM_FRAMEINTERVALS
        return [
            lambda a, r=rate: struct.pack_into(f"{len(r) + 1}I", a, 16, 1 if len(r) == 2 else 3, *r)
            for rate in self.rates
        ]


def test_formats_sizes_and_rates() -> None:
    """Each format is named as input_format has it, with its sizes and the rates of each (C150)."""
    card = describe(3, Driver())
    assert (card.name, card.driver, card.bus) == ("USB Camera: USB Camera", "uvcvideo", "usb-0000:00:14.0-3")
    rates = (30.0, 14.985, 5.0)
    assert card.captures
    assert card.formats == (
        Format("mjpeg", "MJPG", "Motion-JPEG", (Size(1280, 720, rates), Size(640, 480, rates))),
        Format("yuyv422", "YUYV", "YUYV 4:2:2", (Size(640, 480, rates),)),
    )


def test_any_size_within_limits() -> None:
    """A device that gives any size says the least and the largest, and its fastest rate."""
    ranged = Driver(sizes={"MJPG": [(32, 1920, 2, 24, 1080, 2)], "YUYV": []}, rates=[(1, 60, 1, 1, 0, 1)])
    mjpeg, raw = describe(3, ranged).formats
    assert mjpeg.sizes == (Size(32, 24, (60.0,), to=(1920, 1080)),)
    assert raw.sizes == ()


def test_a_format_that_nobody_knows() -> None:
    """What libav has no name for is listed by its FourCC."""
    (only,) = describe(3, Driver(formats=(("S561", b"SPCA561"),), sizes={"S561": []})).formats
    assert (only.name, only.fourcc) == ("", "S561")


def test_a_node_without_pictures() -> None:
    """The second node of a USB camera gives descriptions of pictures and none itself: its formats are not asked for."""
    driver = Driver(own=META | STREAMING)
    assert not describe(3, driver).captures
    assert driver.asked == [QUERYCAP]


def test_what_is_no_such_device() -> None:
    """Another device says that it does not understand; a failure in the middle of a list is none of its ends."""
    with pytest.raises(OSError, match="told to"):
        describe(3, Driver(broken=errno.ENOTTY))
    with pytest.raises(OSError, match="told to"):
        describe(3, Driver(broken=errno.EIO, broken_at=ENUM_FMT))
