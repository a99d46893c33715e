"""Spans of time, `(begin, end)` in microseconds, for asking quickly whether any of them touches another one. Pure."""

from bisect import bisect_left
from collections.abc import Iterable

Span = tuple[int, int]


class Spans:
    """Spans of one camera, for asking quickly whether any of them touches another span."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(spans):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def touch(self, start_us: int, end_us: int) -> bool:
        """Say whether one of them shares an instant with a span; one that only ends where it begins does not."""
        # A file without length and a hold of an instant still meet where they are the same instant.
        end_us = max(end_us, start_us + 1)
        at = bisect_left(self._starts, end_us)
        return at > 0 and max(self._ends[at - 1], self._starts[at - 1] + 1) > start_us
