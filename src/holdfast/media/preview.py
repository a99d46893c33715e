"""A stream's first picture, while it is asked what it sends: what a person looks at before they save a camera.

Decoding begins at the first keyframe that comes by and ends with the first picture that comes out. Used on the thread
that asks the stream. Not here: asking (probe), pictures of footage (still).
"""

from typing import Any

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, MissingDependency, Unsupported
from holdfast.core.plan import StreamPlan
from holdfast.media.decode import Coding, Decoder
from holdfast.media.probe import Examined, examine
from holdfast.media.still import Shot, packed

WIDTH = 640  # chosen: 20 to 150 KB of JPEG, and enough to see whether it is the right camera
MOST_S = 6.0  # chosen: cameras with longer groups of pictures are shown without one, and people wait no longer
MOST_PIXELS = 8192 * 8192  # chosen: twice 8K; a picture that claims more is not worth its memory


def look(plan: StreamPlan, clock: Clock, *, most_s: float = MOST_S) -> tuple[Examined, bytes]:
    """Ask a stream what it sends, and for a picture.

    Args:
        plan: The stream.
        clock: Time.
        most_s: Seconds to wait for a picture once it is open.

    Returns:
        What it is, and a JPEG of at most `WIDTH` pixels; empty where no picture came or could be decoded.

    Raises:
        SourceError: The stream cannot be had; which of its classes says why.
    """
    picture = _FirstPicture()
    found = examine(plan, clock, seen=picture.see, most_s=most_s)
    return found, picture.jpeg()


class _FirstPicture:
    def __init__(self) -> None:
        self._decoder: Decoder | None = None
        self._shot: Shot | None = None
        self._hopeless = False

    def see(self, track: Track, sample: Sample) -> bool:
        """Take a coded picture; say whether no more are needed."""
        if self._hopeless or self._shot is not None:
            return True
        if self._decoder is None:
            if not sample.keyframe:
                return False
            self._decoder = self._begin(track)
        if self._decoder is not None:
            self._take(self._decoder.feed(sample.payload, sample.pts_ticks, sample.dts_ticks))
        return self._hopeless or self._shot is not None

    def jpeg(self) -> bytes:
        """Return what was seen."""
        if self._shot is None and self._decoder is not None:
            self._take(self._decoder.flush())
        if self._shot is None:
            return b""
        try:
            return packed(self._shot, width=WIDTH).body
        except (BadInput, MissingDependency):
            return b""

    def _begin(self, track: Track) -> Decoder | None:
        coding = Coding(
            number=0, codec=track.codec, timescale=track.timescale, config=track.config, width=track.width,
            height=track.height,
        )  # fmt: skip
        try:
            if track.width * track.height <= MOST_PIXELS:
                return Decoder(coding)
        except (BadInput, Unsupported):
            pass  # it can be recorded all the same, and what it is has been said
        self._hopeless = True
        return None

    def _take(self, frames: list[object]) -> None:
        if frames and self._shot is None:
            frame: Any = frames[0]
            self._shot = Shot(frame, 0, frame.width, frame.height)
