"""A Raspberry Pi's cameras (C019): `csi://0`, or by an id that stays: `csi:///base/soc/i2c0mux/i2c@1/imx219@10`.

The system's camera program reads the sensor and encodes; what it writes is taken as it comes. Turned by 90 or 270
degrees, which it cannot do, it is asked for JPEGs, and those are encoded here.

In the source's own process, on its thread; the program dies with it. Not here: encoding (encoded).
"""

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av
import av.error

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import Refused, SourceEnded, SourceError, Stalled, Unreachable, Unsupported
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US, us_to_ticks
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.devices import LISTED, PROGRAMS
from holdfast.media.source.encoded import Encoded
from holdfast.media.source.encoders import KEYFRAME_S, TIMESCALE
from holdfast.media.source.failures import listen_to_libav
from holdfast.media.source.jpegs import Jpegs
from holdfast.media.source.pictures import Pictures

_READ_BYTES = 256 * 1024
_TICK_S = 0.1  # how late an interruption is noticed
_LEAVE_S = 0.4  # chosen: the program closes the sensor in this; then it is killed
_SIDEWAYS = frozenset({90, 270})

Item = Sample | TracksChanged


class CsiSource:
    """One camera of the board.

    Args:
        plan: `url` names the camera. Option `program`: what reads it, where it is not the system's own.
        clock: Tells when pictures arrive.

    Attributes:
        notes: Nothing to say.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._name = str(plan.key)
        self._zero_us = clock.boot_us()
        self._program: subprocess.Popen[bytes] | None = None
        self._encoded = Encoded(plan.encode, "mjpeg", self._zero_us)
        self._jpegs = Jpegs()
        self._pictures = Pictures(0, "h264", b"", TIMESCALE, plan.encode.frame_rate)
        self._cutter: Any = av.CodecContext.create("h264", "r")
        self._decoder: Any = av.CodecContext.create("mjpeg", "r")
        self._early: list[Item] = []
        self._told = False
        listen_to_libav()

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Encoders that did not work, and why."""
        return self._encoded.passed_over

    def open(self) -> tuple[Track, ...]:
        """Find the camera and take its first picture; see `contract.Source.open`."""
        until_us = self._clock.boot_us() + int(self._plan.open_timeout_s * SECOND_US)
        program = self._find_program()
        number = self._find_camera(program)
        self._start(program, number)
        while (track := self._track()) is None:
            left_us = until_us - self._clock.boot_us()
            if left_us <= 0:
                raise Stalled(f"{self._name}: the camera's program gave no picture within the time to open")
            self._early += self._take(self._read(left_us / SECOND_US))
        return (track,)

    def samples(self) -> Iterator[Item]:
        """Yield what the program writes; see `contract.Source.samples`."""
        early, self._early = self._early, []
        yield from early
        while True:
            yield from self._take(self._read(self._plan.stall_s))

    def close(self) -> None:
        """End the program, so that the sensor is free for the next one."""
        program, self._program = self._program, None
        if program is None:
            return
        with suppress(ProcessLookupError):
            program.send_signal(signal.SIGINT)  # which it takes as the wish to leave in order
        try:
            program.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
        if program.stdout is not None:
            program.stdout.close()

    def interrupt(self) -> None:
        """End the present wait soon, and every later one."""
        self._told = True

    # --- the program -------------------------------------------------------------------------------------------------

    def _find_program(self) -> str:
        wanted = self._plan.options.get("program", "")
        for name in (wanted,) if wanted else PROGRAMS:
            found = shutil.which(name)
            if found:
                return found
        hint = "sudo apt install rpicam-apps; or name another one in recorder.camera_program"
        raise Unsupported(f"{self._name}: there is no {wanted or PROGRAMS[0]} on this machine", hint=hint)

    def _find_camera(self, program: str) -> str:
        """Return the number that a camera has now."""
        wanted = self._plan.url.partition("://")[2].rstrip("/")
        try:
            done = subprocess.run(
                [program, "--list-cameras"], capture_output=True, text=True, timeout=self._plan.open_timeout_s,
                check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Refused(f"{self._name}: {program} --list-cameras: {type(error).__name__}") from None
        listed = LISTED.findall(done.stdout + done.stderr)
        for number, _model, _sensor, place in listed:
            if wanted in {number, place}:
                return str(number)
        there = ", ".join(f"{number} ({model}, {place})" for number, model, _sensor, place in listed) or "none"
        raise Unreachable(f"{self._name}: there is no camera {wanted}; there are: {there}", hint="check its cable")

    def _start(self, program: str, number: str) -> None:
        wanted, sideways = self._plan.encode, self._plan.encode.rotation in _SIDEWAYS
        width, height = (wanted.height, wanted.width) if sideways else (wanted.width, wanted.height)
        argv = [
            program, "--camera", number, "--timeout", "0", "--nopreview", "--flush", "--output", "-",
            "--width", str(width), "--height", str(height), "--framerate", f"{wanted.frame_rate:g}",
        ]  # fmt: skip
        if sideways:
            argv += ["--codec", "mjpeg"]
        else:
            argv += [
                "--codec", "h264", "--inline", "--profile", "main", "--bitrate", str(wanted.bitrate_bps),
                "--intra", str(max(1, round(wanted.frame_rate * KEYFRAME_S))), "--rotation", str(wanted.rotation),
            ]  # fmt: skip
        # The kernel ends it with us, however we end: a sensor can be opened once (F52).
        if keeper := shutil.which("setpriv"):
            argv = [keeper, "--pdeathsig", "KILL", *argv]
        self._program = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )

    def _read(self, within_s: float) -> bytes:
        """Return what the program writes next."""
        program = self._program
        if program is None or program.stdout is None:
            raise SourceEnded(f"{self._name}: not open")
        until_us = self._clock.boot_us() + int(within_s * SECOND_US)
        while not self._told:
            left_s = (until_us - self._clock.boot_us()) / SECOND_US
            if left_s <= 0:
                raise Stalled(f"{self._name}: the camera's program wrote nothing for {round(within_s, 1):g} s")
            if not select.select([program.stdout], [], [], min(left_s, _TICK_S))[0]:
                continue
            data = os.read(program.stdout.fileno(), _READ_BYTES)
            if not data:
                raise self._gone(program)
            return data
        raise SourceEnded(f"{self._name}: told to stop", hint="")

    def _gone(self, program: subprocess.Popen[bytes]) -> SourceError:
        code = program.wait(_LEAVE_S)
        hint = "another program may have the camera open; run rpicam-hello to see"
        if self._track() is None:
            return Refused(f"{self._name}: the camera's program ended with {code} before any picture", hint=hint)
        return SourceEnded(f"{self._name}: the camera's program ended with {code}", hint=hint)

    # --- what it writes ----------------------------------------------------------------------------------------------

    def _track(self) -> Track | None:
        return self._encoded.track if self._plan.encode.rotation in _SIDEWAYS else self._pictures.track

    def _take(self, data: bytes) -> list[Item]:
        at_us = self._clock.boot_us()
        out: list[Item] = []
        if self._plan.encode.rotation in _SIDEWAYS:
            for picture in self._jpegs.feed(data):
                with suppress(av.error.FFmpegError, ValueError):
                    for frame in self._decoder.decode(av.Packet(picture)):
                        out += self._encoded.feed(frame, at_us)
            return out
        # Where a picture ends shows when the next one begins: `Pictures` knows that of all that come from libav.
        for packet in self._cutter.parse(data):
            ticks = us_to_ticks(at_us - self._zero_us, TIMESCALE)
            samples = self._pictures.feed(bytes(packet), ticks, None, at_us)
            if self._pictures.changed and self._pictures.track is not None:
                self._pictures.changed = False
                out += [*samples[:-1], TracksChanged((self._pictures.track,)), *samples[-1:]]
            else:
                out += samples
        return out
