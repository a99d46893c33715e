"""Cameras over RTSP and RTSPS, through PyAV. One object is one connection; used on the stream's thread.

libav keeps the session alive, answers digest authentication and puts packets together; what it does not do is done
here: deadlines (patience), telling one failure from another (failures), and recorded form (assembly).

Not here: when to try again (recording), what a jump or a silent track means (recording).
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av
import av.error
import av.logging

from holdfast import __version__
from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import NoKeyframe, Refused, SourceEnded, SourceError, Stalled
from holdfast.core.plan import StreamPlan
from holdfast.media.source.address import Address, timed_out
from holdfast.media.source.assembly import Assembly
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.failures import listen_to_libav, opening_failed, reading_failed
from holdfast.media.source.patience import Patience

_ANALYSE_US = 200_000  # measured: opens in a quarter of the time of libav's 5 s, and the description says enough
_REORDER_PACKETS = 500  # chosen: UDP packets that wait for one that is late; libav's default, said so that it stays


class RtspSource:
    """A camera's stream over RTSP.

    Args:
        plan: What to connect to. `options` may hold further options of libav's RTSP reader.
        clock: Tells when samples arrive.

    Attributes:
        notes: What a person should know about the stream, such as sound that is not recorded.
    """

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._address = Address(plan)
        self._patience = Patience()
        self._container: Any = None
        self._assembly: Assembly | None = None
        self._packets: Iterator[Any] = iter(())
        self._tracks: tuple[Track, ...] = ()
        self._early: list[Sample | TracksChanged] = []
        self.notes: tuple[str, ...] = ()
        listen_to_libav()

    def open(self) -> tuple[Track, ...]:
        """Connect and learn what is sent; see `contract.Source.open`."""
        failure: SourceError | None = None
        self._patience.allow(self._plan.open_timeout_s)
        with av.logging.Capture() as logs:
            try:
                with self._patience:
                    self._container = self._connect()
            except (av.error.FFmpegError, OSError, ValueError) as error:
                failure = self._opening_failed(error, logs)
        if failure is None:
            failure = self._prepare()
        if failure is not None:
            self.close()
            # Raised out here so that libav's error, whose text holds the password, is not its context either.
            raise failure
        self._patience.deadline_s = None
        return self._tracks

    def samples(self) -> Iterator[Sample | TracksChanged]:
        """Yield what arrives; see `contract.Source.samples`."""
        if self._assembly is None:
            raise SourceEnded(f"{self._address.name}: not open")
        early, self._early = self._early, []
        yield from early
        failure: SourceError | None = None
        feed, boot_us = self._assembly.feed, self._clock.boot_us
        stall_us = int(self._plan.stall_s * 1_000_000)
        yielded_us = boot_us()
        while failure is None:
            asked_us = boot_us()
            packet, failure = self._next()
            if packet is None:
                break
            now_us = boot_us()
            if now_us - asked_us >= stall_us:
                # The wait ended by its deadline, and what libav hands out then is what it had kept back all the while.
                failure = Stalled(f"{self._address.name}: nothing arrived for {round(self._plan.stall_s, 1):g} s")
                now_us = asked_us
            out = feed(packet, now_us)
            if out:
                yielded_us = now_us
                yield from out
            elif now_us - yielded_us > stall_us:
                failure = Stalled(f"{self._address.name}: data arrives, but no whole picture or sound in it")
        if self._assembly is not None:
            yield from self._assembly.flush()
        raise failure or SourceEnded(f"{self._address.name}: the camera ended the stream")

    def close(self) -> None:
        """Send `TEARDOWN` and close; never waits for the answer."""
        container, self._container = self._container, None
        self._assembly = None
        packets, self._packets = self._packets, iter(())
        if hasattr(packets, "close"):
            packets.close()
        if container is not None:
            self._patience.allow(1.0)
            with self._patience, suppress(av.error.FFmpegError):
                container.close()

    def interrupt(self) -> None:
        """End the present wait within a tenth of a second, and every later one."""
        self._patience.interrupt()

    def _connect(self) -> Any:
        plan = self._plan
        longest_s = max(plan.open_timeout_s, plan.stall_s)
        options = {
            "rtsp_transport": plan.transport,
            "allowed_media_types": "video" if plan.audio == "off" else "video+audio",
            "analyzeduration": str(_ANALYSE_US),
            "reorder_queue_size": str(_REORDER_PACKETS),
            "export_side_data": "prft",
            "user_agent": f"holdfast/{__version__}",
            # libav's own time-out of a single wait; ours come first, this one bounds what they cannot see.
            "timeout": str(int((longest_s + 1) * 1_000_000)),
            **plan.options,
        }
        return av.open(
            self._address.secret_url, "r", format="rtsp", options=options,
            timeout=(plan.open_timeout_s, plan.stall_s),
        )  # fmt: skip

    def _prepare(self) -> SourceError | None:
        """Build the tracks; where the description lacks parameter sets, wait for those in the stream."""
        try:
            assembly = Assembly(self._container, self._plan.audio, live=True)
        except SourceError as error:
            return type(error)(f"{self._address.name}: {error}", hint=error.hint)
        self._assembly = assembly
        self.notes = tuple(assembly.notes)
        self._packets = self._container.demux(assembly.streams)
        came = False
        while not assembly.ready:
            packet, failure = self._next()
            if failure is not None and self._patience.over:
                what = f"{self._address.name}: connected, but no {assembly.waits_for} within the time to open"
                return NoKeyframe(what) if came else Stalled(f"{self._address.name}: connected, but no media came")
            if failure is not None:
                return failure
            if packet is None:
                return Refused(f"{self._address.name}: the stream ended before it began")
            came = True
            self._early += assembly.feed(packet, self._clock.boot_us())
        self._tracks = assembly.tracks()
        return None

    def _next(self) -> tuple[Any, SourceError | None]:
        """Read one packet: (packet, None), (None, None) at the end, (None, why) when it failed."""
        if self._patience.told:
            return None, self._interrupted()
        try:
            with self._patience:
                packet = next(self._packets, None)
        except (av.error.FFmpegError, OSError) as error:
            return None, self._interrupted() if self._patience.told else self._reading_failed(error)
        # libav ends a stream with empty packets for its decoders; they carry nothing to record.
        return (None, None) if packet is None or not packet.size else (packet, None)

    def _interrupted(self) -> SourceError:
        return SourceEnded(f"{self._address.name}: told to stop", hint="")

    def _reading_failed(self, error: Exception) -> SourceError:
        return reading_failed(error, self._address, self._plan.stall_s)

    def _opening_failed(self, error: Exception, logs: list[Any]) -> SourceError:
        if self._patience.told:
            return self._interrupted()
        if self._patience.over or isinstance(error, av.error.ExitError):
            return timed_out(self._address, self._plan.open_timeout_s, during="it said nothing")
        return opening_failed(error, logs, self._address)
