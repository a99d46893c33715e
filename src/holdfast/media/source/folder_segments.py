"""Segments of somebody else's folder into samples, recorded as they are: one stream out of many files.

Each file is opened for itself, and its times are put behind those of the one before: as they are where the writer lets
them go on, else by when the file was captured. What a file holds was made while it was written, so samples are said to
have arrived then; they are handed out at the pace at which they were made, a file's length late. On the source's
thread.

Not here: which file is next (folder), tracks and samples (assembly).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av
import av.error

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import SourceEnded, SourceError, Stalled
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.media.source.assembly import Assembly
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.folder_files import Found, NotTaken
from holdfast.media.source.folder_names import Form

_DEMUXERS = {Form.TS: "mpegts", Form.MP4: "mp4", Form.MATROSKA: "matroska"}
_GOES_ON_US = SECOND_US // 2  # chosen: more than a muxer errs about a file's end, less than a file lasts
_CONFIGURED = (
    b"\x01"  # ISO/IEC 14496-15: avcC and hvcC begin so; Annex B, whose parameters come in the stream, does not
)

Item = Sample | TracksChanged


class FolderSegments:
    """The segments of one connection.

    Args:
        name: The stream's, for errors.
        audio: As in the plan.
        stall_s: A hole of more than this ends the connection.
        clock: Paces the samples.
        told: Set to end the present wait.

    Attributes:
        length_us: How long the longest file lasted.
        notes: What a person should know about the stream.
    """

    def __init__(self, name: str, audio: str, stall_s: float, clock: Clock, told: threading.Event) -> None:
        self._name = name
        self._audio = audio
        self._stall_us = round(stall_s * SECOND_US)
        self._clock = clock
        self._told = told
        self._assembly: Assembly | None = None
        self._container: Any = None
        self._file: Any = None
        self._kinds: tuple[tuple[Any, ...], ...] = ()
        self._shift_us = 0
        self._line_us: int | None = None
        self._captured_us = 0
        self._lag_us = 0
        self._arrived_us = 0
        self.length_us = 0
        self.notes: tuple[str, ...] = ()

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What comes out; none before the first file has told everything."""
        assembly = self._assembly
        return () if assembly is None or not assembly.ready else assembly.tracks()

    def length_of(self, found: Found) -> int:
        """Open a file and return how long it lasts, in microseconds; `read` reads it then.

        Raises:
            NotTaken: It cannot be read.
        """
        self.close()
        try:
            # Opened by its descriptor: whatever happens to its name, this is the file that was looked at.
            self._file = os.fdopen(os.dup(found.fd), "rb", buffering=0)
            self._file.seek(0)
            self._container = av.open(self._file, "r", format=_DEMUXERS[found.form])
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise NotTaken(f"a segment that cannot be read: {_words(error)}") from None
        if not any(stream.type == "video" for stream in self._container.streams):
            raise NotTaken("a segment without pictures")
        lasts_us = int(self._container.duration or 0)
        self.length_us = max(self.length_us, lasts_us)
        return lasts_us

    def read(self, found: Found, began_us: int) -> Iterator[Item]:
        """Yield what is in the file that was opened last, at its pace.

        Args:
            found: The file.
            began_us: Boot time at which its first picture was captured.

        Raises:
            NotTaken: It breaks off; what came before that was yielded.
            Stalled: Too much is missing before it.
            SourceError: It holds something else than those before.
        """
        container, assembly = self._container, self._opened()
        start_us = int(container.start_time or 0)
        self._line_up(start_us, began_us)
        self._lag_us = max(self._lag_us, self._clock.boot_us() - began_us)
        packets = container.demux(*(container.streams[index] for index in assembly.indexes))
        ready = assembly.ready
        try:
            for packet in packets:
                if not packet.size:
                    continue
                if self._told.is_set():
                    return
                if not found.same:
                    raise NotTaken("it was written over while it was read")
                along_us = max(0, self._mark(packet) - start_us)
                if ready:
                    self._pace(began_us + along_us)
                for item in assembly.feed(packet, began_us + along_us, self._shift_us):
                    yield self._placed(item, began_us - start_us - self._shift_us)
                ready = ready or assembly.ready
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise NotTaken(f"a segment that breaks off: {_words(error)}") from None
        finally:
            self._captured_us = began_us + max(0, (self._line_us or 0) - self._shift_us - start_us)
        self.notes = tuple(assembly.notes)

    def flush(self) -> list[Item]:
        """Return what is held back."""
        return [] if self._assembly is None else list(self._assembly.flush())

    def close(self) -> None:
        """Let go of the open file."""
        container, self._container = self._container, None
        if container is not None:
            with suppress(av.error.FFmpegError):
                container.close()
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _opened(self) -> Assembly:
        """Return what puts packets together; begun by the first file, and the same for all that follow."""
        container = self._container
        if self._assembly is None or not self._assembly.ready:
            try:
                self._assembly = Assembly(container, self._audio, live=False)
            except SourceError as error:
                raise type(error)(f"{self._name}: {error}", hint=error.hint) from None
            self._kinds = self._held()
        elif self._held() != self._kinds:
            raise SourceEnded(f"{self._name}: the segments hold something else now", hint="the next one begins anew")
        return self._assembly

    def _held(self) -> tuple[tuple[Any, ...], ...]:
        """Say what the streams that are read are, as far as that must not change between files."""
        streams, assembly = self._container.streams, self._assembly
        held = []
        for index in () if assembly is None else assembly.indexes:
            if index >= len(streams):
                return ()
            stream = streams[index]
            config = bytes(stream.codec_context.extradata or b"") if stream.codec_context is not None else b""
            kept = config if stream.type == "audio" or config.startswith(_CONFIGURED) else b""
            codec = stream.codec_context.name if stream.codec_context is not None else ""
            held.append((stream.type, codec, stream.time_base, kept))
        return tuple(held)

    def _line_up(self, start_us: int, began_us: int) -> None:
        """Put a file's times behind those of the one before."""
        if self._line_us is None:
            return
        missing_us = began_us - self._captured_us
        ahead_us = start_us + self._shift_us - self._line_us
        if missing_us > self._stall_us + _GOES_ON_US:
            raise Stalled(f"{self._name}: nothing was written for {missing_us / SECOND_US:.1f} s")
        if abs(ahead_us) <= _GOES_ON_US or (ahead_us > 0 and abs(ahead_us - missing_us) <= SECOND_US):
            return
        hole_us = missing_us if missing_us > _GOES_ON_US else 0
        self._shift_us = self._line_us + hole_us - start_us

    def _mark(self, packet: Any) -> int:
        """Remember how far the line was read; return the packet's own time in microseconds."""
        time = packet.dts if packet.dts is not None else packet.pts
        shown = packet.pts if packet.pts is not None else time
        if time is None:
            return 0
        if packet.stream.type == "video":
            ends_us = int((shown + (packet.duration or 0)) * packet.time_base * SECOND_US) + self._shift_us
            self._line_us = ends_us if self._line_us is None else max(self._line_us, ends_us)
        return int(time * packet.time_base * SECOND_US)

    def _placed(self, item: Item, ahead_us: int) -> Item:
        """Say of a sample that it arrived when it was made, which its own time tells better than the packet it is from.

        A file's time of writing is some milliseconds off its end; still nothing arrives before what preceded it.
        """
        tracks = self.tracks
        if isinstance(item, TracksChanged) or not tracks:
            return item
        made_us = ticks_to_us(item.dts_ticks, tracks[item.track].timescale) + ahead_us
        self._arrived_us = item.arrived_us = max(self._arrived_us, made_us)
        return item

    def _pace(self, at_us: int) -> None:
        left_us = at_us + self._lag_us - self._clock.boot_us()
        if left_us > 0:
            self._told.wait(left_us / SECOND_US)


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
