"""Words for a journal that could not be written before their writer had to go: its successor says them first.

A stream that is reloaded while its disk is away gets a new writer, and what the old one knew (since when, and why,
there is no footage) must not go with it. Kept for the life of the process. Any thread.
"""

import threading
from collections.abc import Iterable

from holdfast.core.camera import StreamKey
from holdfast.core.journal import Event


class Unsaid:
    """Remembers events by stream."""

    def __init__(self) -> None:
        self._events: dict[StreamKey, list[Event]] = {}
        self._lock = threading.Lock()

    def put(self, key: StreamKey, events: Iterable[Event]) -> None:
        """Leave events behind, in the order in which they are to be said."""
        with self._lock:
            self._events.setdefault(key, []).extend(events)

    def take(self, key: StreamKey) -> list[Event]:
        """Take over what predecessors left behind."""
        with self._lock:
            return self._events.pop(key, [])
