"""What every source is: open, yield samples, close; fail with one of our errors; never wait without a deadline of ours.

A source converts what the camera sends into what we record, so nothing after it knows about libav, RTP or Annex B.
Used by one thread, the stream's own; only `interrupt` may be called from another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from holdfast.core.camera import Sample, Track


@dataclass(frozen=True, slots=True)
class TracksChanged:
    """The stream changed its parameters in mid-flow; the samples that follow belong to `tracks`, keyframe first."""

    tracks: tuple[Track, ...]


class Source(Protocol):
    """One connection to one stream. Used once: open, samples, close.

    Attributes:
        notes: What a person should know about the stream, such as sound that cannot be recorded; filled by `open`.
    """

    notes: tuple[str, ...]

    def open(self) -> tuple[Track, ...]:
        """Connect and learn what is sent, within the plan's open timeout.

        Returns:
            The tracks, video first where there is one; `Sample.track` indexes them.

        Raises:
            SourceError: One of its subclasses, which says why in a gap's words.
        """

    def samples(self) -> Iterator[Sample | TracksChanged]:
        """Yield samples in decode order a track, as they arrive, until the source ends.

        Every wait inside is bounded by the plan's stall time: where nothing at all arrives for that long, it raises.
        Stalls of a single track, jumping clocks and missing keyframes are judged by the caller.

        Raises:
            Stalled: Nothing arrived in time.
            SourceEnded: The other side closed.
            SourceError: Anything else that ends the stream.
        """

    def close(self) -> None:
        """Leave in order (RTSP `TEARDOWN`), within a second or two. Safe to call twice, and after a failed `open`."""

    def interrupt(self) -> None:
        """Make a wait in `open` or `samples` end soon with `SourceEnded`. From any thread."""
