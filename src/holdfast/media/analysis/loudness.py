"""How loud sound is to people: momentary loudness as EBU R128 has it, by libav's own filter.

One object a track and a span, on one thread at a time. Not here: levels (ear), who wants it (core.config.watch).
"""

from fractions import Fraction
from typing import Any

import av.error
from av.filter import Graph

from holdfast.core.errors import Unsupported

SILENT_LUFS = -100.0  # what digital silence is written as; the filter says less
_KEY = "lavfi.r128.M"
_UNFILLED = 3  # a window is 400 ms and one ends each 100 ms: the first ones begin before the sound does


class Loudness:
    """Measures the loudest 400 ms of what is fed.

    Args:
        rate: Samples a second.
        layout: Name of the channels' layout.
        format: Name of the samples' format.

    Raises:
        Unsupported: This build of libav has no such filter, or it does not take such sound.
    """

    def __init__(self, rate: int, layout: str, format: str) -> None:  # noqa: A002 - libav's word
        self._graph = Graph()
        self._windows = 0
        self._most: float | None = None
        try:
            source = self._graph.add_abuffer(
                sample_rate=rate, format=format, layout=layout, time_base=Fraction(1, rate)
            )
            meter, sink = self._graph.add("ebur128", "metadata=1"), self._graph.add("abuffersink")
            source.link_to(meter)
            meter.link_to(sink)
            self._graph.configure()
        except (av.error.FFmpegError, ValueError) as error:
            raise Unsupported("loudness cannot be measured here") from error

    def feed(self, frame: Any) -> None:
        """Take the next block of decoded sound."""
        self._graph.push(frame)
        while True:
            try:
                metered = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            said = metered.metadata.get(_KEY)
            if said is not None:
                self._windows += 1
                if self._windows > _UNFILLED:
                    self._most = max(float(said), SILENT_LUFS if self._most is None else self._most)

    def take(self) -> float | None:
        """Return the loudest 400 ms in LUFS with one decimal; None where there were no 400 ms."""
        return None if self._most is None else round(self._most, 1)
