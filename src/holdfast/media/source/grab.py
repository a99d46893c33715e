"""Pictures of a local device that libav reads: a screen or a capture card, from packets to encoded samples.

In the source's own process, on its thread: a driver that hangs ends with it.

Not here: which device, and what its errors mean (screen, device).
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import av
import av.error

from holdfast.core.clock import Clock
from holdfast.core.errors import SourceEnded, SourceError
from holdfast.media.source.failures import listen_to_libav
from holdfast.media.source.patience import Patience

_MOST_DAMAGED = 100  # chosen: a few seconds of pictures that cannot be decoded; cards send some at start


class Grab:
    """One open device of libav.

    Args:
        name: The stream's, for errors.
        clock: Tells when pictures arrive.

    Attributes:
        codec: What the device sends, in libav's words.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._patience = Patience()
        self._container: Any = None
        self.codec = ""
        listen_to_libav()

    def open(self, device: str, form: str, options: dict[str, str], within_s: float) -> None:
        """Open a device.

        Raises:
            OSError: As libav says it; its `errno` tells why.
            ValueError: The options make no sense to it.
        """
        self._patience.allow(within_s)
        with self._patience:
            self._container = av.open(device, "r", format=form, options=options, timeout=(within_s, None))
        self._patience.deadline_s = None
        self.codec = self._container.streams.video[0].codec_context.name

    def pictures(self, due: Callable[[int], bool]) -> Iterator[tuple[Any, int]]:
        """Yield pictures, each with its boot time.

        Args:
            due: Asked before a picture is decoded, with its boot time.

        Raises:
            SourceEnded: The device gives no more, or it was said to stop.
        """
        failure: SourceError | None = None
        damaged = 0
        packets = self._container.demux(self._container.streams.video[0])
        while failure is None:
            try:
                with self._patience:
                    packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                words = (error.strerror or type(error).__name__).lower()
                failure = SourceEnded(f"{self._name}: the device gives no more pictures: {words}")
                break
            if self._patience.told:
                break
            if packet is None or not packet.size:
                failure = SourceEnded(f"{self._name}: the device ended")
                break
            at_us = self._clock.boot_us()
            if not due(at_us):
                continue
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                damaged += 1
                if damaged > _MOST_DAMAGED:
                    failure = SourceEnded(f"{self._name}: none of the last {damaged} pictures could be decoded")
                continue
            damaged = 0
            for frame in frames:
                yield frame, at_us
        raise failure or SourceEnded(f"{self._name}: told to stop", hint="")

    def interrupt(self) -> None:
        """End the present wait soon. From any thread."""
        self._patience.interrupt()

    def close(self) -> None:
        """Let go of the device."""
        container, self._container = self._container, None
        if container is not None:
            with suppress(av.error.FFmpegError):
                container.close()
