"""JPEG pictures out of a stream of bytes, by their own markers.

Cameras announce boundaries that they do not send and lengths that are wrong, so neither is believed: a picture is what
lies between its first and its last marker, whatever stands around it. Pure; one object a connection.

Source: ITU-T T.81, annex B. Inside coded data 0xFF is followed by 0 or a restart marker; a segment says its length, so
a thumbnail inside one (EXIF) is passed over.
"""

import re

from holdfast.core.errors import Unsupported

MOST_BYTES = 32 * 1024 * 1024  # chosen: a picture of 100 megapixels; what is longer is no picture
_START = b"\xff\xd8\xff"
_FILL, _SOI, _SOS = 0xFF, 0xD8, 0xDA  # any number of the first may stand before a marker
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class Jpegs:
    """Cuts a stream into pictures.

    Attributes:
        cut_short: Pictures that broke off because another one began.
        junk_bytes: Bytes since the last whole picture that belong to none.
    """

    def __init__(self) -> None:
        self.cut_short = 0
        self.junk_bytes = 0
        self._buffer = bytearray()
        self._at = 0
        self._coded = False

    @property
    def waiting_bytes(self) -> int:
        """Bytes of a picture that is not whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived; return the pictures that are whole now.

        Raises:
            Unsupported: Something goes on without ever becoming a picture.
        """
        self._buffer += data
        found = []
        while (picture := self._next()) is not None:
            found.append(picture)
            self.junk_bytes = 0
        if len(self._buffer) > MOST_BYTES:
            raise Unsupported(f"a picture of more than {MOST_BYTES >> 20} MiB")
        return found

    def _next(self) -> bytes | None:
        while self._at or self._begin():
            end = self._coded_data() if self._coded else self._marker()
            if end is None:
                return None
            if end:
                return self._take(end)
        return None

    def _coded_data(self) -> int | None:
        """Go to the marker that ends coded data; None where it has not come."""
        match = _MARKER.search(self._buffer, self._at)
        if match is None:
            self._at = max(self._at, len(self._buffer) - 1)
            return None
        self._at, self._coded = match.start(), False
        return 0

    def _marker(self) -> int | None:
        """Take one marker with its segment: None where it is not whole, 0 to go on, else where the picture ends."""
        buffer, at = self._buffer, self._at
        if buffer[at : at + 2] == b"\xff\xd9":
            return at + 2
        if len(buffer) < at + 4:
            return None
        kind = buffer[at + 1]
        if buffer[at] != _FILL or kind == _SOI:
            # Another picture begins, or this was none.
            self.cut_short += kind == _SOI
            self._drop(at)
        elif kind == _FILL:
            self._at += 1
        elif kind in _ALONE:
            self._at += 2
        else:
            end = at + 2 + int.from_bytes(buffer[at + 2 : at + 4], "big")
            if end > len(buffer):
                return None
            self._at, self._coded = end, kind == _SOS
        return 0

    def _begin(self) -> bool:
        """Find where a picture begins, and forget what stands before it."""
        at = self._buffer.find(_START)
        if at < 0:
            # The beginning may have come in part.
            self._forget(max(0, len(self._buffer) - len(_START) + 1))
            return False
        self._forget(at)
        self._at = 2
        return True

    def _take(self, end: int) -> bytes:
        picture = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._at, self._coded = 0, False
        return picture

    def _drop(self, end: int) -> None:
        self._forget(end)
        self._at, self._coded = 0, False

    def _forget(self, count: int) -> None:
        del self._buffer[:count]
        self.junk_bytes += count
