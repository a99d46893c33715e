"""A media file played at real speed, over and over: for demonstrations, tests, and footage brought in from elsewhere.

Timestamps go on across rounds, so a looped file is one unbroken run. Used on the stream's thread.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import av
import av.error

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import Refused, SourceEnded, SourceError, Unreachable
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.source.assembly import Assembly
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.failures import listen_to_libav


class FileSource:
    """Any file that libav reads: MP4, Matroska, MPEG-TS.

    Args:
        plan: `url` is a path or a `file:` URL. Options: `loop` (`no` ends after one round), `pace` (`no` reads as fast
            as it is asked).
        clock: Paces the samples and tells when they arrive.

    Attributes:
        notes: What a person should know about the file, such as sound that is not recorded.
    """

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._name = str(plan.key)
        parts = urlsplit(plan.url)
        self._path = unquote(parts.path) if parts.scheme == "file" else plan.url
        self._audio = plan.audio
        self._loops = plan.options.get("loop", "yes") != "no"
        self._paced = plan.options.get("pace", "yes") != "no"
        self._clock = clock
        self._stop = threading.Event()
        self._container: Any = None
        self._assembly: Assembly | None = None
        self._packets: Iterator[Any] = iter(())
        self._early: list[Sample | TracksChanged] = []
        self._clocked: int | None = None
        self._first_us: int | None = None
        self._end_us = 0
        self._zero_us: int | None = None
        self._began_us: int | None = None
        self.notes: tuple[str, ...] = ()
        listen_to_libav()

    def open(self) -> tuple[Track, ...]:
        """Open the file and learn what is in it; see `contract.Source.open`."""
        failure: SourceError | None = None
        try:
            if not Path(self._path).is_file():
                failure = Unreachable(f"{self._name}: there is no file {self._path}", hint="check the path")
            else:
                self._container = av.open(self._path)
                self._assembly = Assembly(self._container, self._audio, live=False)
                # A round lasts as long as its pictures: sound often begins a little earlier and ends a little later.
                video = next((s for s in self._assembly.streams if s.type == "video"), None)
                self._clocked = None if video is None else video.index
                self._learn()
        except SourceError as error:
            failure = type(error)(f"{self._name}: {error}", hint=error.hint)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            detail = getattr(error, "strerror", None) or type(error).__name__
            failure = Refused(f"{self._name}: {self._path} cannot be read: {detail}", hint="play the file to see")
        if failure is not None or self._assembly is None:
            self.close()
            raise failure or Refused(f"{self._name}: {self._path} cannot be read")
        self.notes = tuple(self._assembly.notes)
        return self._assembly.tracks()

    def samples(self) -> Iterator[Sample | TracksChanged]:
        """Yield the file's samples at the pace at which they were made; see `contract.Source.samples`."""
        assembly = self._assembly
        if assembly is None:
            raise SourceEnded(f"{self._name}: not open")
        early, self._early = self._early, []
        yield from early
        shift_us = 0
        while True:
            failure: SourceError | None = None
            try:
                for packet in self._packets:
                    if not packet.size:
                        continue
                    self._wait(packet, shift_us)
                    if self._stop.is_set():
                        break
                    yield from assembly.feed(packet, self._clock.boot_us(), shift_us)
                if not self._stop.is_set() and self._loops and self._zero_us is not None:
                    shift_us += max(self._end_us - (self._first_us or 0), 1)
                    self._rewind(assembly)
                    continue
            except (av.error.FFmpegError, OSError) as error:
                failure = SourceEnded(f"{self._name}: {self._path} broke off: {error.strerror}")
            yield from assembly.flush()
            raise failure or SourceEnded(f"{self._name}: {'told to stop' if self._stop.is_set() else 'end of file'}")

    def close(self) -> None:
        """Close the file."""
        container, self._container = self._container, None
        self._assembly = None
        self._packets, self._early = iter(()), []
        if container is not None:
            container.close()

    def interrupt(self) -> None:
        """End the wait for the next sample's time."""
        self._stop.set()

    def _learn(self) -> None:
        """Read on until every track is known: MPEG-TS brings its parameters in the stream."""
        assembly = self._assembly
        if assembly is None:
            return
        self._packets = self._container.demux(assembly.streams)
        while not assembly.ready:
            packet = next(self._packets, None)
            if packet is None or not packet.size:
                raise Refused(f"no {assembly.waits_for} in {self._path}")
            self._mark(packet)
            self._early += assembly.feed(packet, self._clock.boot_us())

    def _rewind(self, assembly: Assembly) -> None:
        """Open the file again: seeking lands behind the first keyframe in MPEG-TS with B-frames."""
        self._packets = iter(())
        self._container.close()
        self._container = av.open(self._path)
        self._packets = self._container.demux(*(self._container.streams[index] for index in assembly.indexes))

    def _mark(self, packet: Any) -> int | None:
        """Remember where the file's time begins and how far it was read; returns the packet's time in microseconds."""
        time = packet.dts if packet.dts is not None else packet.pts
        if time is None:
            return None
        at_us = int(time * packet.time_base * SECOND_US)
        if self._zero_us is None:
            self._zero_us = at_us
        if self._clocked is None or packet.stream_index == self._clocked:
            shown = time if packet.pts is None else packet.pts
            shown_us = int(shown * packet.time_base * SECOND_US)
            lasts_us = int((packet.duration or 0) * packet.time_base * SECOND_US)
            self._first_us = shown_us if self._first_us is None else min(self._first_us, shown_us)
            self._end_us = max(self._end_us, shown_us + lasts_us)
        return at_us

    def _wait(self, packet: Any, shift_us: int) -> None:
        """Wait until this packet's time has come."""
        at_us = self._mark(packet)
        if self._began_us is None:
            self._began_us = self._clock.boot_us()
        if at_us is None or self._zero_us is None or not self._paced:
            return
        left_us = self._began_us + at_us + shift_us - self._zero_us - self._clock.boot_us()
        if left_us > 0:
            self._stop.wait(left_us / SECOND_US)
