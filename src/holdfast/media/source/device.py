"""Capture cards, USB cameras and their sound: V4L2 for pictures, ALSA beside it (C017). `v4l2:///dev/video0`.

Pictures and sound are read by a thread each, because each blocks in its driver; they are timed by their arrival, on one
clock. Pictures go on without sound where that fails in mid-stream, and the source ends, so that both begin anew.

In the source's own process. Not here: reading pictures from libav (grab), sound to AAC (sounds).
"""

import errno
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import av
import av.error

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import AuthFailed, Refused, SourceEnded, SourceError, Stalled, Unreachable, Unsupported
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.source.access import no_permission
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.encoded import Encoded
from holdfast.media.source.failures import listen_to_libav
from holdfast.media.source.grab import Grab
from holdfast.media.source.sounds import EncodedSound

_RATE, _CHANNELS = 48_000, 2  # what nearly every card has; options say otherwise
_DRIFT_S = 0.1  # chosen: a card's crystal is this far off after a quarter of an hour at worst; then it is put right
_ROOM = 200  # chosen: seconds of both between the threads and the recorder; more waits in the drivers
_ALSA_PLACES = ("/usr/share/alsa/alsa.conf", "/etc/asound.conf")

Item = Sample | TracksChanged


class DeviceSource:
    """A video device of this machine, with the sound of an ALSA device where one is named.

    Args:
        plan: `url` names the device. Options: `input_format` (as `v4l2-ctl --list-formats` has them: mjpeg, yuyv422;
            unset takes the driver's first), `input_size` and `input_rate` (what to ask the device for; unset is what
            is recorded), `sound` (an ALSA device, such as hw:1), `sound_rate`, `sound_channels`.
        clock: Tells when pictures and sound arrive.

    Attributes:
        notes: What a person should know, such as sound that cannot be recorded.
    """

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._name = str(plan.key)
        self._path = unquote(urlsplit(plan.url).path)
        self._grab = Grab(self._name, clock)
        self._zero_us = clock.boot_us()
        self._encoded = Encoded(plan.encode, "rawvideo", self._zero_us)
        self._sound: _Microphone | None = None
        self._items: queue.Queue[list[Item] | SourceError] = queue.Queue(_ROOM)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._early: list[Item] = []
        self.notes: tuple[str, ...] = ()

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Encoders that did not work, and why."""
        return self._encoded.passed_over

    def open(self) -> tuple[Track, ...]:
        """Open both devices and take the first picture; see `contract.Source.open`."""
        plan = self._plan
        self._open_video()
        self._encoded = Encoded(plan.encode, self._grab.codec, self._zero_us)
        pictures = self._grab.pictures(self._encoded.due)
        while self._encoded.track is None:
            frame, at_us = next(pictures)
            self._early += self._encoded.feed(frame, at_us)
        tracks = [self._encoded.track]
        device = plan.options.get("sound", "")
        if device and plan.audio != "off":
            try:
                self._sound = _Microphone(self._name, plan, self._clock, self._zero_us)
                tracks.append(self._sound.open(device))
            except SourceError as error:
                self._sound = None
                self.notes = (f"video alone is recorded: {error}",)
        self._thread = threading.Thread(target=self._watch, args=(pictures,), name="pictures", daemon=True)
        return tuple(tracks)

    def samples(self) -> Iterator[Item]:
        """Yield what both devices give; see `contract.Source.samples`."""
        if self._thread is None:
            raise SourceEnded(f"{self._name}: not open")
        yield from self._early
        self._thread.start()
        if self._sound is not None:
            threading.Thread(target=self._listen, args=(self._sound,), name="sound", daemon=True).start()
        while not self._stop.is_set():
            try:
                items = self._items.get(timeout=self._plan.stall_s)
            except queue.Empty:
                raise Stalled(f"{self._name}: {self._path} gave nothing for {self._plan.stall_s:g} s") from None
            if isinstance(items, SourceError):
                raise items
            yield from self._changed(items)
        raise SourceEnded(f"{self._name}: told to stop", hint="")

    def close(self) -> None:
        """Let go of both devices; a thread that its driver holds ends with the process."""
        self.interrupt()
        for thread in (self._thread, self._sound.thread if self._sound is not None else None):
            if thread is not None and thread.is_alive():
                thread.join(0.3)
        if self._thread is None or not self._thread.is_alive():
            self._grab.close()

    def interrupt(self) -> None:
        """End at the next picture."""
        self._stop.set()
        self._grab.interrupt()
        with suppress(queue.Full):
            self._items.put_nowait([])

    # --- pictures ----------------------------------------------------------------------------------------------------

    def _open_video(self) -> None:
        plan, wanted = self._plan, self._plan.encode
        options = {
            "framerate": plan.options.get("input_rate", f"{wanted.frame_rate:g}"),
            "video_size": plan.options.get("input_size", f"{wanted.width}x{wanted.height}"),
        }
        if "input_format" in plan.options:
            options["input_format"] = plan.options["input_format"]
        failure: SourceError | None = None
        try:
            # Asked first: libav has one error for all that can be wrong with a device, the system one for each.
            os.close(os.open(self._path, os.O_RDWR | os.O_NONBLOCK))
            self._grab.open(self._path, "v4l2", options, plan.open_timeout_s)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            failure = refusal(self._name, self._path, error, "camera")
        if failure is not None:
            raise failure

    def _watch(self, pictures: Iterator[tuple[Any, int]]) -> None:
        """Read pictures until told to stop: the thread of the video device."""
        try:
            for frame, at_us in pictures:
                self._give(self._encoded.feed(frame, at_us))
                if self._stop.is_set():
                    return
        except SourceError as error:
            self._give(error)

    def _listen(self, sound: "_Microphone") -> None:
        """Read sound until told to stop: the thread of the sound device."""
        sound.thread = threading.current_thread()
        try:
            for samples in sound.read():
                self._give(list(samples))
                if self._stop.is_set():
                    return
        except SourceError as error:
            self._give(error)
        finally:
            sound.close()

    def _give(self, items: list[Item] | SourceError) -> None:
        while not self._stop.is_set() and (items or isinstance(items, SourceError)):
            try:
                self._items.put(items, timeout=0.1)
            except queue.Full:
                continue
            return

    def _changed(self, items: list[Item]) -> Iterator[Item]:
        """Name the sound's track, too, where the pictures change theirs."""
        for item in items:
            if isinstance(item, TracksChanged) and self._sound is not None:
                yield TracksChanged((*item.tracks, self._sound.track))
            else:
                yield item


class _Microphone:
    """The sound device beside the pictures."""

    def __init__(self, name: str, plan: StreamPlan, clock: Clock, zero_us: int) -> None:
        self._name = name
        self._clock = clock
        self._zero_us = zero_us
        self._rate = int(plan.options.get("sound_rate", _RATE))
        self._unit = 0
        self._channels = int(plan.options.get("sound_channels", _CHANNELS))
        self._within_s = plan.open_timeout_s
        self._container: Any = None
        self._made: EncodedSound | None = None
        self.thread: threading.Thread | None = None
        listen_to_libav()

    @property
    def track(self) -> Track:
        """What it sends."""
        if self._made is None:
            raise SourceEnded(f"{self._name}: the sound is not open")
        return self._made.sounds

    def open(self, device: str) -> Track:
        """Open an ALSA device.

        Raises:
            SourceError: It cannot be had; the text says why.
        """
        find_alsa()
        options = {"sample_rate": str(self._rate), "channels": str(self._channels)}
        failure: SourceError | None = None
        try:
            self._container = av.open(device, "r", format="alsa", options=options, timeout=(self._within_s, None))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            failure = refusal(self._name, device, error, "sound device")
        if failure is not None:
            raise failure
        context = self._container.streams.audio[0].codec_context
        self._rate = context.sample_rate
        self._unit = context.format.bytes * context.channels
        try:
            self._made = EncodedSound(1, context.name, context.sample_rate, context.channels)
        except Unsupported:
            self.close()
            raise
        return self._made.sounds

    def read(self) -> Iterator[list[Sample]]:
        """Yield what is complete, as it comes.

        Raises:
            SourceEnded: The device gives no more.
        """
        made, rate = self._made, self._rate
        failure: SourceError | None = None
        expected: int | None = None
        unit = max(1, self._unit)
        packets = self._container.demux()
        while made is not None and failure is None:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                failure = SourceEnded(f"{self._name}: the sound device gives no more: {(error.strerror or '').lower()}")
                break
            if packet is None or not packet.size:
                failure = SourceEnded(f"{self._name}: the sound device ended")
                break
            now_us = self._clock.boot_us()
            # What arrives now was heard before: a block's first sound is its length earlier.
            length = packet.size // unit
            pts = (now_us - self._zero_us) * rate // SECOND_US - length
            off = None if expected is None else pts - expected
            if off is None or abs(off) > rate * _DRIFT_S:
                expected = pts
            else:
                # Arrival jitters, the card's own count does not.
                pts = None
            yield made.feed(bytes(packet), pts, None, now_us)
            expected += length
        raise failure or SourceEnded(f"{self._name}: the sound is not open")

    def close(self) -> None:
        """Let go of the device."""
        container, self._container = self._container, None
        if container is not None:
            with suppress(av.error.FFmpegError):
                container.close()


def find_alsa() -> None:
    """Tell alsa-lib where its configuration is: the one in PyAV's wheel looks where it was built."""
    if "ALSA_CONFIG_PATH" not in os.environ:
        place = next((one for one in _ALSA_PLACES if Path(one).exists()), "")
        if place:
            os.environ["ALSA_CONFIG_PATH"] = place


def refusal(name: str, device: str, error: Exception, what: str) -> SourceError:
    """Say what an error means that a device gave when it was opened."""
    code = getattr(error, "errno", None)
    if code in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return Unreachable(f"{name}: there is no {what} {device}", hint="plug it in; v4l2-ctl --list-devices shows all")
    if code in {errno.EACCES, errno.EPERM}:
        words, hint = no_permission(device)
        return AuthFailed(f"{name}: {words}", hint=hint)
    if code == errno.EBUSY:
        return Refused(f"{name}: {device} is busy", hint="another program has it open; fuser shows which one")
    if code in {errno.EINVAL, errno.ENOTTY} or isinstance(error, ValueError):
        return Refused(
            f"{name}: {device} does not give what is asked of it, or is no {what}",
            hint="v4l2-ctl --list-formats-ext shows what it can; set input_format, input_size, input_rate in options",
        )
    words = (getattr(error, "strerror", None) or type(error).__name__).lower()
    return Refused(f"{name}: {device} cannot be opened: {words}")
