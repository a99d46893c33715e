"""Signals as something a loop waits for: they interrupt a wait, are kept in order, and run no code of ours in handlers.

For the main thread of a role, which is the only one in which Python delivers signals.
"""

import select
import signal
import socket
from collections import deque
from types import FrameType, TracebackType
from typing import Any, Self


class Signals:
    """Catches signals while it is entered, and gives the old handlers back.

    Example:
        with Signals(signal.SIGTERM, signal.SIGHUP) as signals:
            for number in signals.wait(0.5):
                ...
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        """Name the signals; nothing is caught before it is entered."""
        self._numbers = numbers
        self._caught: deque[signal.Signals] = deque()
        self._before: dict[signal.Signals, Any] = {}
        self._fd_before = -1

    def __enter__(self) -> Self:
        self._near, self._far = socket.socketpair()
        self._near.settimeout(0)
        self._far.settimeout(0)
        self._fd_before = signal.set_wakeup_fd(self._far.fileno(), warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd_before)
        self._near.close()
        self._far.close()

    def wait(self, timeout_s: float) -> list[signal.Signals]:
        """Wait until a signal comes or the time is up.

        Returns:
            What came since the last call, in order. Empty where nothing did.
        """
        if not self._caught:
            select.select([self._near], [], [], timeout_s)
        try:
            while self._near.recv(4096):
                pass
        except BlockingIOError:
            pass
        caught = list(self._caught)
        self._caught.clear()
        return caught

    @property
    def waiting(self) -> bool:
        """Say whether a signal came that `wait` has not told yet."""
        return bool(self._caught)

    def wake(self) -> None:
        """End a `wait` of the loop early. From any thread."""
        try:
            self._far.send(b"\0")
        except BlockingIOError:
            return  # the buffer is full of wake-ups already

    def _catch(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        self._caught.append(signal.Signals(number))
