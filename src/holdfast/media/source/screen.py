"""An X display as a camera (C018): `x11://:99`, `x11://:0.0+100,50`, `x11://host:0`. Pictures alone, no sound.

In the source's own process, on its thread. Who may see the display is X's affair: XAUTHORITY and DISPLAY's own rules.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import av.error

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import Refused, SourceEnded, SourceError, Unreachable
from holdfast.core.plan import StreamPlan
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.encoded import Encoded
from holdfast.media.source.grab import Grab
from holdfast.media.source.make import display_of

_DISPLAY = re.compile(r"[A-Za-z0-9.-]*:\d{1,3}(\.\d{1,2})?(\+\d{1,5},\d{1,5})?")


class ScreenSource:
    """A screen.

    Args:
        plan: `url` names the display. Options: `cursor` (`no` leaves the mouse pointer out), `area` (as in 800x600:
            only so much of the screen, from where the address says).
        clock: Tells when pictures were taken.

    Attributes:
        notes: Nothing to say.
        passed_over: Encoders that did not work, and why.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._plan = plan
        self._name = str(plan.key)
        self._display = plan.url.partition("://")[2].rstrip("/")
        self._grab = Grab(self._name, clock)
        self._encoded = Encoded(plan.encode, "rawvideo", clock.boot_us())
        self._early: list[Sample | TracksChanged] = []
        self._pictures: Iterator[tuple[object, int]] = iter(())

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Encoders that did not work, and why."""
        return self._encoded.passed_over

    def open(self) -> tuple[Track, ...]:
        """Take the first picture; see `contract.Source.open`."""
        plan = self._plan
        if not _DISPLAY.fullmatch(self._display):
            raise Refused(f"{self._name}: {self._display!r} is no X display", hint="write it as x11://:0")
        options = {
            "framerate": f"{plan.encode.frame_rate:g}",
            "draw_mouse": "0" if plan.options.get("cursor") == "no" else "1",
        }
        if "area" in plan.options:
            options["video_size"] = plan.options["area"]
        failure: SourceError | None = None
        try:
            self._grab.open(self._display, "x11grab", options, plan.open_timeout_s)
        except (av.error.FFmpegError, OSError, ValueError):
            # libav knows one error for all that can happen here.
            failure = self._refusal()
        if failure is not None:
            raise failure
        self._pictures = self._grab.pictures(self._encoded.due)
        while self._encoded.track is None:
            frame, at_us = next(self._pictures)
            self._early += self._encoded.feed(frame, at_us)
        return (self._encoded.track,)

    def samples(self) -> Iterator[Sample | TracksChanged]:
        """Yield the screen's pictures; see `contract.Source.samples`."""
        early, self._early = self._early, []
        yield from early
        try:
            for frame, at_us in self._pictures:
                yield from self._encoded.feed(frame, at_us)
        except SourceEnded:
            yield from self._encoded.flush()
            raise

    def close(self) -> None:
        """Let go of the display."""
        self._pictures = iter(())
        self._grab.close()

    def interrupt(self) -> None:
        """End at the next picture."""
        self._grab.interrupt()

    def _refusal(self) -> SourceError:
        _host, _port, local = display_of(self._plan.url)
        if local and not Path(local).exists():
            return Unreachable(f"{self._name}: there is no X display {self._display}", hint="start it, or correct url")
        return Refused(
            f"{self._name}: the X display {self._display} cannot be recorded",
            hint="let this user see it (xhost, XAUTHORITY), and check that the area lies on the screen",
        )
