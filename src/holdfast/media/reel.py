"""A stream's pictures one after the other, for those who show them as JPEG.

One object a run, on one thread at a time. Not here: one picture (still), other sizes as video (tier).
"""

from holdfast.core.camera import Kind
from holdfast.core.errors import Unsupported
from holdfast.media.decode import Coding, Decoder
from holdfast.media.still import Shot

_MOST_INSIDE = 200  # pictures that a decoder may hold back; its own limit is 16


class Reel:
    """Decodes pictures as they come.

    Args:
        coding: How they are coded.
        keyframes_only: Leave out all others.

    Attributes:
        coding: The same.

    Raises:
        Unsupported: They cannot be decoded here.
        BadInput: Their configuration is damaged.
    """

    def __init__(self, coding: Coding | None, *, keyframes_only: bool = False) -> None:
        if coding is None:
            raise Unsupported(f"there is no {Kind.VIDEO.value} to show")
        self.coding = coding
        self._decoder = Decoder(coding)
        self._keyframes_only = keyframes_only
        self._begun = False
        self._walls: dict[int, int] = {}

    def feed(self, payload: bytes, times: tuple[int, int], wall_us: int, *, key: bool) -> list[Shot]:
        """Take one coded picture (presentation and decode ticks, and when it is shown); return what is complete."""
        if not key and (self._keyframes_only or not self._begun):
            return []
        self._begun = True
        self._walls[times[0]] = wall_us
        if len(self._walls) > _MOST_INSIDE:
            del self._walls[next(iter(self._walls))]
        return [
            Shot(frame, self._walls.pop(frame.pts, wall_us), frame.width, frame.height)
            for frame in self._decoder.feed(payload, *times)
        ]

    def flush(self) -> list[Shot]:
        """Return what the decoder holds back. Nothing more may be fed after it."""
        return [
            Shot(frame, self._walls.pop(frame.pts), frame.width, frame.height)
            for frame in self._decoder.flush()
            if frame.pts in self._walls
        ]
